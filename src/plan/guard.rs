//! Guards: what a cluster's description forbids a release to do unasked. Each can be lifted, by its
//! name, for one release.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Action, Note, Plan, ServicePlan};
use crate::cluster::model::{CleanOnly, Guard, GuardName, SignedOnly};
use crate::cluster::name::{HostName, ServiceName};

/// What git says of the files that are released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Whether the branch that the guard names has the commit.
    pub branch: OnBranch,
    /// Whether the files are those of a commit.
    pub state: CheckoutState,
    /// What git says of the signature of that commit; [`Signature::Good`] where nobody asks.
    pub signature: Signature,
}

/// What git says of the signature of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// It accepts it.
    Good,
    /// It does not.
    Refused {
        /// The first digits of the commit.
        commit: String,
        /// git's words, if it has any.
        why: String,
    },
    /// There is no commit, or git cannot be asked.
    Unknown {
        /// Why.
        why: String,
    },
}

/// Whether a commit is on the branch that it has to be on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnBranch {
    /// It is.
    Yes,
    /// What is checked out instead: a branch, or a commit.
    No {
        /// Its name, or the first digits of a commit.
        instead: Option<String>,
    },
    /// Git cannot be asked.
    Unknown {
        /// git's words.
        why: String,
    },
}

/// Whether the files are those of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckoutState {
    /// They are.
    Committed,
    /// They are not.
    Dirty,
    /// There is no git repository, or no commit in it.
    NoCommit,
    /// Git cannot be asked.
    Unknown {
        /// git's words.
        why: String,
    },
}

/// A guard that forbids a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breach {
    /// More restarts, or possible ones, than allowed.
    MaxRestarts {
        /// How many are allowed.
        limit: usize,
        /// How many there would be.
        found: usize,
    },
    /// A protected service would be disturbed, and how, on these hosts.
    Protected {
        /// Which one.
        service: ServiceName,
        /// How it would be disturbed.
        action: Action,
        /// Where.
        hosts: Vec<HostName>,
    },
    /// The commit is not on the branch that it has to be on.
    Branch {
        /// The branch that the guard names.
        expected: String,
        /// What is instead.
        found: OnBranch,
    },
    /// The files are not those of a commit.
    Unclean {
        /// What they are instead.
        state: CheckoutState,
    },
    /// The files are not those of a commit whose signature git accepts.
    Unsigned {
        /// Whether they are those of a commit.
        state: CheckoutState,
        /// What git says of its signature.
        signature: Signature,
    },
    /// It is another time.
    Hours {
        /// The hours that the guard allows.
        allowed: String,
        /// What clocks there show.
        now: String,
    },
}

impl Breach {
    /// The guard, as it is written and lifted.
    #[must_use]
    pub fn guard(&self) -> GuardName {
        match self {
            Breach::MaxRestarts { .. } => GuardName::MaxRestarts,
            Breach::Protected { .. } => GuardName::Protect,
            Breach::Branch { .. } => GuardName::Branch,
            Breach::Unclean { .. } => GuardName::Clean,
            Breach::Unsigned { .. } => GuardName::Signed,
            Breach::Hours { .. } => GuardName::Hours,
        }
    }
}

/// The guards that a plan breaks, without those that are lifted. Where nothing is released from a
/// checkout, as in a review, there is neither that nor a moment (`now`), and only the plan is looked at.
#[must_use]
pub fn breaches(
    guard: &Guard,
    plan: &Plan,
    now: Option<(&Checkout, Timestamp)>,
    lifted: &[GuardName],
) -> Vec<Breach> {
    let Guard {
        max_restarts,
        protect,
        branch,
        clean,
        signed,
        hours,
    } = guard;
    let mut breaches = Vec::new();
    let services = || {
        let hosts = plan.hosts.iter();
        hosts.flat_map(|(host, at)| at.services.iter().map(move |service| (host, service)))
    };
    let action = |service: &ServicePlan| match service.notes.contains(&Note::MayRestart) {
        true => Action::MayRestart,
        false => service.action,
    };
    let found = services()
        .filter(|(_, s)| matches!(action(s), Action::Restart | Action::MayRestart))
        .count();
    if let Some(limit) = *max_restarts
        && found > limit
    {
        breaches.push(Breach::MaxRestarts { limit, found });
    }
    let mut disturbed: BTreeMap<&ServiceName, (Action, Vec<HostName>)> = BTreeMap::new();
    for (host, service) in services() {
        let action = action(service);
        let disturbs = match action {
            Action::Restart | Action::Swap | Action::Stop | Action::MayRestart => true,
            // A start takes nothing down, and what waits for the operator does not happen.
            // Nor does a job that runs to its end, or a service that reads files again.
            Action::None
            | Action::Start
            | Action::Pending
            | Action::Reload
            | Action::Run
            | Action::MayRun => false,
        };
        if disturbs && protect.contains(&service.service) {
            let entry = disturbed.entry(&service.service);
            let (_, hosts) = entry.or_insert((action, Vec::new()));
            hosts.push(host.clone());
        }
    }
    breaches.extend(
        disturbed
            .into_iter()
            .map(|(service, (action, hosts))| Breach::Protected {
                service: service.clone(),
                action,
                hosts,
            }),
    );
    if let Some((checkout, moment)) = now {
        let Checkout {
            branch: on,
            state,
            signature,
        } = checkout;
        if let Some(expected) = branch
            && *on != OnBranch::Yes
        {
            breaches.push(Breach::Branch {
                expected: expected.clone(),
                found: on.clone(),
            });
        }
        if *clean == CleanOnly::Yes && *state != CheckoutState::Committed {
            breaches.push(Breach::Unclean {
                state: state.clone(),
            });
        }
        let good = *state == CheckoutState::Committed && *signature == Signature::Good;
        if *signed == SignedOnly::Yes && !good {
            breaches.push(Breach::Unsigned {
                state: state.clone(),
                signature: signature.clone(),
            });
        }
        if let Some(hours) = hours
            && !hours.contain(moment)
        {
            breaches.push(Breach::Hours {
                allowed: hours.as_str().to_owned(),
                now: hours.clock(moment),
            });
        }
    }
    breaches.retain(|breach| !lifted.contains(&breach.guard()));
    breaches
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cluster::model::ReleaseHours;
    use crate::cluster::name::ClusterName;
    use crate::plan::{Change, HostPlan, ServicePlan};
    use crate::render::identity::Instance;

    fn name(text: &str) -> ServiceName {
        ServiceName::new(text).unwrap()
    }

    fn plan(actions: &[(&str, Action)]) -> Plan {
        let cluster = ClusterName::new("test").unwrap();
        let services = actions.iter().map(|(service, action)| ServicePlan {
            service: name(service),
            unit: Instance::of(&name(service)).unit(&cluster),
            change: Change::Changed,
            files: Vec::new(),
            action: *action,
            reasons: Vec::new(),
            notes: Vec::new(),
        });
        let host = HostPlan {
            services: services.collect(),
            ..HostPlan::default()
        };
        Plan {
            cluster,
            hosts: BTreeMap::from([(HostName::new("h").unwrap(), host)]),
            waves: Vec::new(),
            rollout: Default::default(),
            pause_after: None,
            refusals: Vec::new(),
            left: Vec::new(),
            dismissed: Vec::new(),
            left_out: BTreeMap::new(),
        }
    }

    fn guard() -> Guard {
        Guard {
            max_restarts: Some(1),
            protect: BTreeSet::from([name("mongo")]),
            branch: Some("main".to_owned()),
            clean: CleanOnly::Yes,
            signed: SignedOnly::Yes,
            hours: Some(ReleaseHours::of("Mon..Fri 09:00-16:00 Europe/Berlin")),
        }
    }

    /// A Saturday.
    fn saturday() -> Timestamp {
        "2026-11-28T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn restarts_count_also_where_only_the_pull_can_tell() {
        let restarts = plan(&[("a", Action::Restart), ("b", Action::MayRestart)]);
        let found = breaches(&guard(), &restarts, None, &[]);
        assert_eq!(found, [Breach::MaxRestarts { limit: 1, found: 2 }]);
        let others = plan(&[
            ("a", Action::Restart),
            ("b", Action::Start),
            ("c", Action::Stop),
            ("d", Action::Pending),
            ("e", Action::None),
        ]);
        assert_eq!(breaches(&guard(), &others, None, &[]), []);
    }

    #[test]
    fn a_protected_service_is_not_taken_down() {
        for (action, disturbs) in [
            (Action::Restart, true),
            (Action::Stop, true),
            (Action::MayRestart, true),
            (Action::Start, false),
            (Action::Pending, false),
            (Action::Run, false),
            (Action::MayRun, false),
            (Action::None, false),
        ] {
            let found = breaches(&guard(), &plan(&[("mongo", action)]), None, &[]);
            assert_eq!(!found.is_empty(), disturbs, "{action:?}");
        }
        // It may turn out to be another image.
        let mut reloads = plan(&[("mongo", Action::Reload)]);
        assert_eq!(breaches(&guard(), &reloads, None, &[]), []);
        let mut services = reloads
            .hosts
            .values_mut()
            .flat_map(|host| &mut host.services);
        services.next().unwrap().notes = vec![Note::MayRestart];
        let found = breaches(&guard(), &reloads, None, &[]);
        assert!(matches!(
            found[..],
            [Breach::Protected {
                action: Action::MayRestart,
                ..
            }]
        ));
    }

    #[test]
    fn a_commit_is_signed_and_it_is_the_hour_or_nothing_is_released() {
        let monday = "2026-11-30T10:00:00Z".parse().unwrap();
        let mut checkout = Checkout {
            branch: OnBranch::Yes,
            state: CheckoutState::Committed,
            signature: Signature::Good,
        };
        let at = |checkout: &Checkout, now| {
            let found = breaches(&guard(), &plan(&[]), Some((checkout, now)), &[]);
            found.iter().map(Breach::guard).collect::<Vec<_>>()
        };
        assert_eq!(at(&checkout, monday), []);
        assert_eq!(at(&checkout, saturday()), [GuardName::Hours]);
        checkout.signature = Signature::Refused {
            commit: "0123456789".to_owned(),
            why: String::new(),
        };
        assert_eq!(at(&checkout, monday), [GuardName::Signed]);
    }

    #[test]
    fn what_is_lifted_does_not_refuse_and_the_rest_does() {
        let checkout = Checkout {
            branch: OnBranch::No { instead: None },
            state: CheckoutState::Dirty,
            signature: Signature::Good,
        };
        let now = Some((&checkout, saturday()));
        let plan = plan(&[("mongo", Action::Restart), ("a", Action::Restart)]);
        let all = [
            GuardName::MaxRestarts,
            GuardName::Protect,
            GuardName::Branch,
            GuardName::Clean,
            GuardName::Signed,
            GuardName::Hours,
        ];
        for lifted in all {
            let found = breaches(&guard(), &plan, now, &[lifted]);
            let left: Vec<GuardName> = found.iter().map(Breach::guard).collect();
            let expected: Vec<GuardName> = all.into_iter().filter(|g| *g != lifted).collect();
            assert_eq!(left, expected);
        }
        assert_eq!(breaches(&guard(), &plan, now, &all), []);
        let nothing = Guard::default();
        assert_eq!(breaches(&nothing, &plan, now, &[]), []);
    }
}
