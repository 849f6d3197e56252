//! `diff --against --format json`.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::Detail;
use super::super::review::{Broken, Reviewed, Sides, shared_label};
use super::plan::{PlanJson, RefusalJson};
use super::{VERSION, text};
use crate::plan::review::{Cause, CauseKind, Left, Presence, Review};
use crate::plan::trust::{TrustChange, Trusted};

/// Reviews as JSON, with a final line break.
#[must_use]
pub fn reviews(reviews: &[Reviewed], sides: &Sides, detail: Detail) -> String {
    let Sides {
        before,
        after,
        before_commit,
        after_commit,
        missing,
    } = sides;
    let clusters = reviews.iter().filter_map(|reviewed| match reviewed {
        Reviewed::Done { review, .. } => Some(ReviewJson::of(review, detail)),
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
        }) => Some(BrokenJson {
            cluster: cluster.as_str(),
            revision,
            problems,
            trust: trust.iter().map(TrustJson::of).collect(),
        }),
    });
    text(&ReviewsJson {
        version: VERSION,
        before: SideJson {
            revision: before,
            commit: before_commit.as_deref(),
        },
        after: SideJson {
            revision: after,
            commit: after_commit.as_deref(),
        },
        missing_commits: missing.as_ref().map_or(0, |missing| missing.commits),
        clusters: clusters.collect(),
        broken: broken.collect(),
    })
}

#[derive(Serialize)]
struct ReviewsJson<'a> {
    version: u32,
    before: SideJson<'a>,
    after: SideJson<'a>,
    missing_commits: usize,
    clusters: Vec<ReviewJson<'a>>,
    broken: Vec<BrokenJson<'a>>,
}

#[derive(Serialize)]
struct SideJson<'a> {
    revision: &'a str,
    commit: Option<&'a str>,
}

#[derive(Serialize)]
struct BrokenJson<'a> {
    cluster: &'a str,
    revision: &'a str,
    problems: &'a str,
    trust: Vec<TrustJson<'a>>,
}

#[derive(Serialize)]
struct TrustJson<'a> {
    kind: &'static str,
    name: &'a str,
    setting: Option<&'static str>,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

impl<'a> TrustJson<'a> {
    fn of(change: &'a TrustChange) -> Self {
        let TrustChange {
            what,
            before,
            after,
        } = change;
        let (kind, name, setting) = match what {
            Trusted::Recipient(name) => ("recipient", name.as_str(), None),
            Trusted::Host { host, setting } => ("host", host.as_str(), Some(*setting)),
            Trusted::Guard(guard) => ("guard", guard.key(), None),
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

#[derive(Serialize)]
struct ReviewJson<'a> {
    presence: &'static str,
    causes: Vec<CauseJson<'a>>,
    left_hosts: Vec<LeftJson<'a>>,
    readdressed: Vec<ReaddressedJson<'a>>,
    needs_lift: BTreeSet<&'static str>,
    loosened: BTreeSet<&'static str>,
    trust: Vec<TrustJson<'a>>,
    needs_allow_move: Vec<RefusalJson<'a>>,
    plan: PlanJson<'a>,
}

impl<'a> ReviewJson<'a> {
    fn of(review: &'a Review, detail: Detail) -> Self {
        let Review {
            cluster: _,
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
            LeftJson {
                host: host.as_str(),
                services: services.iter().map(|name| name.as_str()).collect(),
                stateful: stateful.iter().map(|name| name.as_str()).collect(),
            }
        });
        let readdressed = readdressed
            .iter()
            .map(|(host, (before, after))| ReaddressedJson {
                host: host.as_str(),
                before,
                after,
            });
        Self {
            presence: match presence {
                Presence::Both => "both",
                Presence::New => "new",
                Presence::Removed => "removed",
            },
            causes: causes.iter().map(CauseJson::of).collect(),
            left_hosts: left.collect(),
            readdressed: readdressed.collect(),
            needs_lift: guards.iter().map(|breach| breach.guard().key()).collect(),
            loosened: loosened.iter().map(|breach| breach.guard().key()).collect(),
            trust: trust.iter().map(TrustJson::of).collect(),
            needs_allow_move: stateful.iter().map(RefusalJson::of).collect(),
            plan: PlanJson::of(plan, Vec::new(), detail),
        }
    }
}

#[derive(Serialize)]
struct LeftJson<'a> {
    host: &'a str,
    services: Vec<&'a str>,
    stateful: Vec<&'a str>,
}

#[derive(Serialize)]
struct ReaddressedJson<'a> {
    host: &'a str,
    before: &'a str,
    after: &'a str,
}

#[derive(Serialize)]
struct CauseJson<'a> {
    cause: CauseKindJson<'a>,
    restarts: Vec<RestartJson<'a>>,
}

#[derive(Serialize)]
struct RestartJson<'a> {
    service: &'a str,
    hosts: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum CauseKindJson<'a> {
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

impl<'a> CauseJson<'a> {
    fn of(cause: &'a Cause) -> Self {
        let Cause {
            what,
            restarts,
            extent: _,
        } = cause;
        let restarts = restarts.iter().map(|(service, hosts)| RestartJson {
            service: service.as_str(),
            hosts: hosts.iter().map(|host| host.as_str()).collect(),
        });
        Self {
            cause: match what {
                CauseKind::Template { path } => CauseKindJson::Template { path },
                CauseKind::OtherTemplate { before, after } => {
                    CauseKindJson::OtherTemplate { before, after }
                }
                CauseKind::Variable {
                    layer,
                    name,
                    before,
                    after,
                } => CauseKindJson::Variable {
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
