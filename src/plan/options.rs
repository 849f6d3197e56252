//! What a plan aims at: all of what is desired, or what the operator chose of it.

use std::collections::BTreeSet;

use super::rule::Named;
use crate::cluster::model::{Cluster, OnFailure, Pause, Rollout};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;

/// How many generations a host keeps, the current one among them.
pub const KEPT_GENERATIONS: usize = 5;

/// What the operator chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Only these services, or all of them.
    pub services: Option<BTreeSet<ServiceName>>,
    /// What becomes of `stateful` services.
    pub moves: Moves,
    /// Hosts on which nothing is done, whether they answer or not.
    pub leave_out: BTreeSet<HostName>,
    /// Machines that left and that nobody is to be told of any more.
    pub dismiss: BTreeSet<HostName>,
    /// Where what is desired comes from.
    pub origin: Origin,
    /// Which hosts go first, and how many at the same time.
    pub rollout: RolloutPolicy,
    /// What runs is started again although nothing changed.
    pub asked: Option<AskedRestart>,
}

/// A restart that somebody asks for. What is not as desired otherwise is refused then, and nothing else is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedRestart {
    /// Why, in the operator's words.
    pub why: Option<String>,
}

/// How a release goes over the hosts: which of those that could be visited now are.
///
/// Whatever it says, no service is down on more of its hosts at once than its `max_down` says, which is one if it
/// says nothing; and the first host of all goes alone. Without a batch, hosts on which containers are taken down go one at a
/// time, together only as far as all services that they take down have a `max_down`; what takes nothing down goes to all
/// hosts together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolloutPolicy {
    /// At most so many hosts go at a time.
    pub batch: Option<usize>,
    /// Hosts that go before all others, as far as needs allow, and each of them alone.
    pub canary: BTreeSet<HostName>,
    /// What a release waits for after these hosts, before it goes to others.
    pub pause: Option<Pause>,
    /// What becomes of the hosts if one of them fails.
    pub on_failure: OnFailure,
}

impl RolloutPolicy {
    /// What the description says.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let Rollout {
            journal: _,
            parallel: _,
            batch,
            canary,
            pause,
            soak: _,
            deadline: _,
            on_failure,
        } = &cluster.rollout;
        Self {
            batch: batch.map(|batch| batch.of(cluster.hosts.len())),
            canary: canary.iter().cloned().collect(),
            pause: *pause,
            on_failure: *on_failure,
        }
    }

    /// The same for a way back: nobody waits to see how a host does that gets what it had.
    #[must_use]
    pub fn on_the_way_back(self) -> Self {
        Self {
            canary: BTreeSet::new(),
            pause: None,
            ..self
        }
    }
}

/// Where what is desired comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// The description says it.
    #[default]
    Description,
    /// Hosts had it before.
    Generations,
    /// Hosts have it now, and it is only started again.
    Current,
}

/// Whether `stateful` services may move or vanish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moves {
    /// They may not: such a plan is refused.
    #[default]
    Refuse,
    /// They may: `--allow-move`.
    Allow,
}

impl Moves {
    /// Whether somebody said that they may.
    #[must_use]
    pub fn allowed(allowed: bool) -> Self {
        match allowed {
            true => Self::Allow,
            false => Self::Refuse,
        }
    }
}

impl Options {
    pub(crate) fn selects(&self, service: &ServiceName) -> bool {
        self.services.as_ref().is_none_or(|s| s.contains(service))
    }

    /// Whether jobs run: what they do is not undone by going back, so a rollback runs none.
    #[must_use]
    pub fn runs_jobs(&self) -> bool {
        match self.origin {
            Origin::Description => true,
            Origin::Generations | Origin::Current => false,
        }
    }

    /// The same with the jobs that the chosen services come after: what is released without its migration would
    /// run without it.
    #[must_use]
    pub fn with_jobs(mut self, desired: &Desired) -> Self {
        let Some(chosen) = &mut self.services else {
            return self;
        };
        let mut left: Vec<ServiceName> = chosen.iter().cloned().collect();
        while let Some(name) = left.pop() {
            let services = desired.hosts.values().flat_map(|host| &host.services);
            let forms = services.filter(|(other, _)| **other == name);
            let before = forms.flat_map(|(_, service)| service.handling.before());
            for other in before {
                let mut forms = desired
                    .hosts
                    .values()
                    .filter_map(|host| host.services.get(other));
                let is_job = forms.any(|service| service.handling.runs.once().is_some());
                if is_job && chosen.insert(other.clone()) {
                    left.push(other.clone());
                }
            }
        }
        self
    }

    /// Whether nothing is done on a host.
    #[must_use]
    pub fn leaves_out(&self, host: &HostName) -> bool {
        self.leave_out.contains(host)
    }

    pub(super) fn named(&self, service: &ServiceName) -> Named {
        match &self.services {
            Some(services) if services.contains(service) => Named::Yes,
            Some(_) | None => Named::No,
        }
    }
}
