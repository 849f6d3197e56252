//! What a plan aims at: all of what is desired, or what the operator chose of it.

use std::collections::BTreeSet;

use super::rule::Named;
use crate::cluster::name::{HostName, ServiceName};

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
    /// How many hosts are disturbed at the same time.
    pub rollout: RolloutPolicy,
}

/// How a release goes over the hosts: which of those that could be visited now are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RolloutPolicy {
    /// Hosts on which containers are taken down go one at a time, so that no service is down on two of its
    /// hosts at once; together only as far as all services that they take down allow (`max_down`). What takes nothing down
    /// goes to the first host alone, and then to all others together.
    #[default]
    OneAtATime,
}

/// Where what is desired comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// The description says it.
    #[default]
    Description,
    /// Hosts had it before.
    Generations,
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

impl Options {
    pub(crate) fn selects(&self, service: &ServiceName) -> bool {
        self.services.as_ref().is_none_or(|s| s.contains(service))
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
