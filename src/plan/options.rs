//! What a plan aims at: all of what is desired, or what the operator chose of it.

use std::collections::BTreeSet;

use super::held::held;
use super::observed::{Generation, Observed};
use super::placement::kept_back;
use super::rule::Named;
use super::waves::RolloutPolicy;
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;
use crate::render::manifest::Manifest;

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

/// The generation that a host has after a release: what is desired of the services that are
/// released, and what `current` has of the others.
#[must_use]
pub fn target(
    desired: &Desired,
    host: &HostName,
    observed: &Observed,
    options: &Options,
) -> Manifest {
    let (wanted, seen) = (&desired.hosts[host], &observed.hosts[host]);
    let mut manifest = held(wanted, seen).manifest(&desired.cluster, host);
    manifest.services.retain(|name, _| options.selects(name));
    if let Generation::Current { manifest: old, .. } = &seen.generation {
        let kept_back = kept_back(desired, host, observed, options);
        for (name, service) in &old.services {
            if !options.selects(name) || kept_back.contains_key(name) {
                manifest.services.insert(name.clone(), service.clone());
            }
        }
    }
    manifest
}
