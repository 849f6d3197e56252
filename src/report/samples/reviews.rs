//! A review of one of everything.

use std::collections::{BTreeMap, BTreeSet};

use super::super::review::{Broken, Missing, Reviewed, Sides};
use super::{cluster, everything, host, production, service};
use crate::cluster::model::{GuardName, Layer};
use crate::plan::guard::Breach;
use crate::plan::review::{Cause, CauseKind, Extent, LeftServices, Presence, Review};
use crate::plan::trust::{TrustChange, Trusted};
use crate::plan::{Action, Refusal, RefusalReason};

pub fn sides(odd: &str) -> Sides {
    Sides {
        before: format!("{odd} (3f9ac1b20c77)"),
        after: "the checkout (0123456789ab and uncommitted changes)".to_owned(),
        before_commit: Some("3f9ac1b20c77".repeat(3) + "0123"),
        after_commit: None,
        missing: Some(Missing {
            commits: 2,
            instead: format!("{odd}..."),
        }),
    }
}

/// One cluster with one of everything, and one that is broken.
pub fn reviews(odd: &str) -> Vec<Reviewed> {
    let odd = || odd.to_owned();
    let cause = |what, extent| Cause {
        what,
        restarts: [("search", "docker01"), ("listing", "docker02")]
            .map(|(name, at)| (service(name), BTreeSet::from([host(at)])))
            .into(),
        extent,
        at: None,
        explains: BTreeMap::new(),
    };
    let review = Review {
        cluster: production(),
        presence: Presence::New,
        plan: everything(&odd()),
        causes: vec![
            cause(CauseKind::Template { path: odd() }, Extent::All),
            cause(
                CauseKind::OtherTemplate {
                    before: odd(),
                    after: "built-in".to_owned(),
                },
                Extent::Some,
            ),
            cause(
                CauseKind::Field {
                    text: "[defaults]".to_owned(),
                    key: odd(),
                    before: None,
                    after: Some(odd()),
                },
                Extent::Some,
            ),
            cause(
                CauseKind::Variable {
                    layer: Layer::Cluster,
                    name: odd(),
                    before: Some(odd()),
                    after: Some(odd() + "x"),
                },
                Extent::Some,
            ),
        ],
        left: BTreeMap::from([(
            host("docker09"),
            LeftServices {
                services: vec![service("search"), service("cache")],
                stateful: vec![service("cache")],
            },
        )]),
        readdressed: BTreeMap::from([(host("docker01"), (odd(), odd() + "x"))]),
        stateful: vec![Refusal {
            host: host("docker02"),
            why: RefusalReason::Stateful {
                service: service("search"),
                moves: true,
            },
        }],
        guards: vec![
            Breach::MaxRestarts {
                limit: 1,
                found: 12,
            },
            Breach::Protected {
                service: service("search"),
                action: Action::Restart,
                hosts: vec![host("docker01")],
            },
        ],
        loosened: vec![Breach::MaxRestarts {
            limit: 2,
            found: 12,
        }],
        trust: trust(&odd()),
    };
    vec![
        Reviewed::Done {
            cluster: Box::new(cluster()),
            review: Box::new(review),
        },
        Reviewed::Broken(Broken {
            cluster: production(),
            revision: odd(),
            problems: format!("error: {}\n", odd()),
            shown: String::new(),
            trust: trust(&odd()),
        }),
    ]
}

/// One change of everything that decides who may read and whom we trust.
fn trust(odd: &str) -> Vec<TrustChange> {
    let setting = |name, setting| Trusted::Host {
        host: host(name),
        setting,
    };
    let change = |what, before: Option<&str>, after: Option<&str>| TrustChange {
        what,
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    vec![
        change(Trusted::Recipient(odd.to_owned()), None, Some(odd)),
        change(Trusted::Recipient("bob".to_owned()), Some(odd), None),
        change(setting("docker01", "address"), Some(odd), Some("10.0.0.9")),
        change(setting("docker02", "secrets"), None, Some("plain")),
        change(Trusted::Guard(GuardName::Clean), Some("true"), None),
    ]
}
