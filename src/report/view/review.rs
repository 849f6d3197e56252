//! What a change of the description does.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::Detail;
use super::super::review::{Broken, Reviewed, Sides, shared_label};
use super::{LineView, PlanView, ReasonView, RefusalView, VERSION};
use crate::cluster::model::Cluster;
use crate::plan::guard::Breach;
use crate::plan::review::{Cause, CauseKind, Extent, LeftServices, Presence, Review};
use crate::plan::trust::{TrustChange, Trusted};

/// What a change of the description does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReviewsView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The side that is compared with.
    pub before: SideView<'a>,
    /// The side that is compared.
    pub after: SideView<'a>,
    /// How many commits of the first side the second one lacks.
    pub missing_commits: usize,
    /// The clusters; with `--all` those that the change touches.
    pub clusters: Vec<ReviewView<'a>>,
    /// The clusters whose description has errors on one side.
    pub broken: Vec<BrokenView<'a>>,
    /// The order of both, by name of the cluster.
    #[serde(skip)]
    pub order: Vec<ReviewOutcome>,
}

/// What came of one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// It was reviewed.
    Done,
    /// Its description has errors.
    Broken,
}

/// One cluster.
#[derive(Debug, Clone, Copy)]
pub enum ReviewedView<'a> {
    /// It was reviewed.
    Done(&'a ReviewView<'a>),
    /// Its description has errors.
    Broken(&'a BrokenView<'a>),
}

impl ReviewedView<'_> {
    /// The name of the cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        match self {
            Self::Done(review) => review.plan.cluster,
            Self::Broken(broken) => broken.cluster,
        }
    }
}

impl<'a> ReviewsView<'a> {
    /// The reviews of clusters.
    #[must_use]
    pub fn of(reviews: &'a [Reviewed], sides: &'a Sides, detail: Detail) -> Self {
        let Sides {
            before,
            after,
            before_commit,
            after_commit,
            missing,
        } = sides;
        let clusters = reviews.iter().filter_map(|reviewed| match reviewed {
            Reviewed::Done { cluster, review } => Some(ReviewView::of(cluster, review, detail)),
            Reviewed::Broken(_) => None,
        });
        let broken = reviews.iter().filter_map(|reviewed| match reviewed {
            Reviewed::Done { .. } => None,
            Reviewed::Broken(Broken {
                cluster,
                revision,
                problems,
                shown: _,
                trust,
            }) => Some(BrokenView {
                cluster: cluster.as_str(),
                revision,
                problems,
                trust: trust.iter().map(TrustView::of).collect(),
            }),
        });
        Self {
            version: VERSION,
            before: SideView {
                revision: before,
                commit: before_commit.as_deref(),
            },
            after: SideView {
                revision: after,
                commit: after_commit.as_deref(),
            },
            missing_commits: missing.as_ref().map_or(0, |missing| missing.commits),
            clusters: clusters.collect(),
            broken: broken.collect(),
            order: reviews
                .iter()
                .map(|reviewed| match reviewed {
                    Reviewed::Done { .. } => ReviewOutcome::Done,
                    Reviewed::Broken(_) => ReviewOutcome::Broken,
                })
                .collect(),
        }
    }

    /// Every cluster in its order.
    #[must_use]
    pub fn reviewed(&self) -> Vec<ReviewedView<'_>> {
        let (mut done, mut broken) = (self.clusters.iter(), self.broken.iter());
        let one = |outcome: &ReviewOutcome| match outcome {
            ReviewOutcome::Done => done.next().map(ReviewedView::Done),
            ReviewOutcome::Broken => broken.next().map(ReviewedView::Broken),
        };
        self.order.iter().filter_map(one).collect()
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SideView<'a> {
    /// The revision in words.
    pub revision: &'a str,
    /// Its commit, or null.
    pub commit: Option<&'a str>,
}

/// A cluster whose description has errors on one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BrokenView<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// That side.
    pub revision: &'a str,
    /// The problems, as text.
    pub problems: &'a str,
    /// Who may read and whom we trust, where that changes.
    pub trust: Vec<TrustView<'a>>,
}

/// A change of who may read or whom we trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrustView<'a> {
    /// What it is about.
    pub kind: TrustKind,
    /// The name of the recipient, the host or the guard.
    pub name: &'a str,
    /// The setting of a host, or null.
    pub setting: Option<&'static str>,
    /// What was written; null if it was not there.
    pub before: Option<&'a str>,
    /// What is written; null if it is not there.
    pub after: Option<&'a str>,
}

/// What a change of trust is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustKind {
    /// Who can read secrets.
    Recipient,
    /// How a host is reached and known.
    Host,
    /// A guard of `[guard]`.
    Guard,
}

impl<'a> TrustView<'a> {
    fn of(change: &'a TrustChange) -> Self {
        let TrustChange {
            what,
            before,
            after,
        } = change;
        let (kind, name, setting) = match what {
            Trusted::Recipient(name) => (TrustKind::Recipient, name.as_str(), None),
            Trusted::Host { host, setting } => (TrustKind::Host, host.as_str(), Some(*setting)),
            Trusted::Guard(guard) => (TrustKind::Guard, guard.key(), None),
        };
        Self {
            kind,
            name,
            setting,
            before: before.as_deref(),
            after: after.as_deref(),
        }
    }
}

/// What a change does to one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReviewView<'a> {
    /// Which sides have the cluster.
    pub presence: PresenceView,
    /// What several services restart for, and templates that changed.
    pub causes: Vec<CauseView<'a>>,
    /// Hosts that the description no longer has.
    pub left_hosts: Vec<LeftHostView<'a>>,
    /// Hosts whose name means another address.
    pub readdressed: Vec<ReaddressedView<'a>>,
    /// The guards that forbid its release.
    pub needs_lift: BTreeSet<&'static str>,
    /// The guards of the first side that would forbid it, and that the second side loosens or lacks.
    pub loosened: BTreeSet<&'static str>,
    /// Who may read and whom we trust, where that changes.
    pub trust: Vec<TrustView<'a>>,
    /// What a release without `--allow-move` refuses.
    pub needs_allow_move: Vec<RefusalView<'a>>,
    /// What a release does where the first side runs.
    pub plan: PlanView<'a>,
    /// The change does nothing.
    #[serde(skip)]
    pub is_empty: bool,
    /// What the guards that forbid its release found.
    #[serde(skip)]
    pub forbidden: Vec<&'a Breach>,
    /// What the guards that are loosened found.
    #[serde(skip)]
    pub unguarded: Vec<&'a Breach>,
}

/// Which sides have the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceView {
    /// Both have it.
    Both,
    /// Only the second one has it.
    New,
    /// Only the first one has it.
    Removed,
}

impl<'a> ReviewView<'a> {
    fn of(model: &'a Cluster, review: &'a Review, detail: Detail) -> Self {
        let Review {
            cluster,
            presence,
            plan,
            causes,
            left,
            readdressed,
            stateful,
            guards,
            loosened,
            trust,
        } = review;
        let left = left.iter().map(|(host, left)| {
            let LeftServices { services, stateful } = left;
            LeftHostView {
                host: host.as_str(),
                services: services.iter().map(|name| name.as_str()).collect(),
                stateful: stateful.iter().map(|name| name.as_str()).collect(),
            }
        });
        let readdressed = readdressed
            .iter()
            .map(|(host, (before, after))| ReaddressedView {
                host: host.as_str(),
                before,
                after,
            });
        Self {
            presence: match presence {
                Presence::Both => PresenceView::Both,
                Presence::New => PresenceView::New,
                Presence::Removed => PresenceView::Removed,
            },
            causes: causes.iter().map(CauseView::of).collect(),
            left_hosts: left.collect(),
            readdressed: readdressed.collect(),
            needs_lift: guards.iter().map(|breach| breach.guard().key()).collect(),
            loosened: loosened.iter().map(|breach| breach.guard().key()).collect(),
            trust: trust.iter().map(TrustView::of).collect(),
            needs_allow_move: stateful
                .iter()
                .map(|refusal| RefusalView::of(cluster, refusal))
                .collect(),
            is_empty: review.is_empty(),
            forbidden: guards.iter().collect(),
            unguarded: loosened.iter().collect(),
            plan: told_by_causes(PlanView::alone(model, plan, detail), causes),
        }
    }
}

/// The causes stand above the plan: what follows from one of them is told by its name.
fn told_by_causes<'a>(mut plan: PlanView<'a>, causes: &'a [Cause]) -> PlanView<'a> {
    plan.shared.clear();
    for service in plan.hosts.iter_mut().flat_map(|host| &mut host.services) {
        let variables = causes.iter().filter_map(|cause| {
            let CauseKind::Variable { name, .. } = &cause.what else {
                return None;
            };
            let mut explained = cause.explains.iter();
            let (_, explained) = explained.find(|(name, _)| name.as_str() == service.service)?;
            Some((name.as_str(), explained))
        });
        let variables: Vec<(&str, &BTreeSet<String>)> = variables.collect();
        for reason in &mut service.reasons {
            if let ReasonView::Variable { name, told_by, .. } = reason {
                let told = variables.iter();
                let told = told.filter(|(_, explained)| explained.contains(*name));
                *told_by = told.map(|(cause, _)| *cause).collect();
            }
        }
    }
    plan
}

/// A host that the description no longer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftHostView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// The services that run on there.
    pub services: Vec<&'a str>,
    /// Those of them that are stateful.
    pub stateful: Vec<&'a str>,
}

/// A host whose name means another address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReaddressedView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// The address before.
    pub before: &'a str,
    /// The address after.
    pub after: &'a str,
}

/// What services restart for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CauseView<'a> {
    /// What changed.
    pub cause: CauseKindView<'a>,
    /// The services that restart for it.
    pub restarts: Vec<RestartView<'a>>,
    /// Whether all services restart for it.
    #[serde(skip)]
    pub extent: Extent,
    /// The line of the file that defines it; null if it is no variable of a file.
    pub at: Option<LineView<'a>>,
    /// Other variables that follow from it.
    pub through: Vec<&'a str>,
}

/// A service that restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RestartView<'a> {
    /// The service.
    pub service: &'a str,
    /// Where it does.
    pub hosts: Vec<&'a str>,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CauseKindView<'a> {
    /// A template.
    Template {
        /// The path of the file.
        path: &'a str,
    },
    /// Another template is used.
    OtherTemplate {
        /// The template before.
        before: &'a str,
        /// The template after.
        after: &'a str,
    },
    /// A field that services have from another text than their own file.
    Field {
        /// The text: `[defaults]`, `[services.NAME]` or `services/NAME.toml`.
        text: &'a str,
        /// Its key, or the key of a table and a name in it: `labels.team`.
        key: &'a str,
        /// A text as it was, another value as TOML writes it; null if it was not there.
        before: Option<&'a str>,
        /// A text as it is, another value as TOML writes it; null if it is not there.
        after: Option<&'a str>,
    },
    /// A variable that several services have.
    Variable {
        /// The layer that defines it.
        layer: String,
        /// Its name.
        name: &'a str,
        /// The value as written before; null if it was not defined.
        before: Option<&'a str>,
        /// The value as written now; null if it is not defined.
        after: Option<&'a str>,
    },
}

impl<'a> CauseView<'a> {
    fn of(cause: &'a Cause) -> Self {
        let Cause {
            what,
            restarts,
            extent,
            at,
            explains,
        } = cause;
        let own = match what {
            CauseKind::Variable { name, .. } => Some(name),
            CauseKind::Template { .. }
            | CauseKind::OtherTemplate { .. }
            | CauseKind::Field { .. } => None,
        };
        let through: BTreeSet<&str> = explains
            .values()
            .flatten()
            .filter(|name| Some(*name) != own)
            .map(String::as_str)
            .collect();
        let restarts = restarts.iter().map(|(service, hosts)| RestartView {
            service: service.as_str(),
            hosts: hosts.iter().map(|host| host.as_str()).collect(),
        });
        Self {
            cause: match what {
                CauseKind::Template { path } => CauseKindView::Template { path },
                CauseKind::OtherTemplate { before, after } => {
                    CauseKindView::OtherTemplate { before, after }
                }
                CauseKind::Field {
                    text,
                    key,
                    before,
                    after,
                } => CauseKindView::Field {
                    text,
                    key,
                    before: before.as_deref(),
                    after: after.as_deref(),
                },
                CauseKind::Variable {
                    layer,
                    name,
                    before,
                    after,
                } => CauseKindView::Variable {
                    layer: shared_label(*layer),
                    name,
                    before: before.as_deref(),
                    after: after.as_deref(),
                },
            },
            restarts: restarts.collect(),
            extent: *extent,
            at: at.as_ref().map(LineView::of),
            through: through.into_iter().collect(),
        }
    }
}
