//! What a change of the description does.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::Detail;
use super::super::review::{Broken, Reviewed, Sides, shared_label};
use super::plan::{PlanView, RefusalView};
use super::{NO_FAILURES, NOBODY_AT_WORK, VERSION};
use crate::cluster::model::Cluster;
use crate::plan::review::{Cause, CauseKind, Left, Presence, Review};
use crate::plan::trust::{TrustChange, Trusted};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReviewsView<'a> {
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    pub before: SideView<'a>,
    pub after: SideView<'a>,
    pub missing_commits: usize,
    pub clusters: Vec<ReviewView<'a>>,
    pub broken: Vec<BrokenView<'a>>,
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
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SideView<'a> {
    pub revision: &'a str,
    pub commit: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BrokenView<'a> {
    pub cluster: &'a str,
    pub revision: &'a str,
    pub problems: &'a str,
    pub trust: Vec<TrustView<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrustView<'a> {
    pub kind: TrustKind,
    pub name: &'a str,
    pub setting: Option<&'static str>,
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
}

/// What a change of trust is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustKind {
    Recipient,
    Host,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReviewView<'a> {
    pub presence: PresenceView,
    pub causes: Vec<CauseView<'a>>,
    pub left_hosts: Vec<LeftHostView<'a>>,
    pub readdressed: Vec<ReaddressedView<'a>>,
    pub needs_lift: BTreeSet<&'static str>,
    pub loosened: BTreeSet<&'static str>,
    pub trust: Vec<TrustView<'a>>,
    pub needs_allow_move: Vec<RefusalView<'a>>,
    pub plan: PlanView<'a>,
}

/// Which sides have the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceView {
    Both,
    New,
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
            let Left { services, stateful } = left;
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
            plan: PlanView::of(model, plan, &NOBODY_AT_WORK, &NO_FAILURES, detail),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftHostView<'a> {
    pub host: &'a str,
    pub services: Vec<&'a str>,
    pub stateful: Vec<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReaddressedView<'a> {
    pub host: &'a str,
    pub before: &'a str,
    pub after: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CauseView<'a> {
    pub cause: CauseKindView<'a>,
    pub restarts: Vec<RestartView<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RestartView<'a> {
    pub service: &'a str,
    pub hosts: Vec<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CauseKindView<'a> {
    Template {
        path: &'a str,
    },
    OtherTemplate {
        before: &'a str,
        after: &'a str,
    },
    Variable {
        layer: String,
        name: &'a str,
        before: Option<&'a str>,
        after: Option<&'a str>,
    },
}

impl<'a> CauseView<'a> {
    fn of(cause: &'a Cause) -> Self {
        let Cause {
            what,
            restarts,
            extent: _,
        } = cause;
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
        }
    }
}
