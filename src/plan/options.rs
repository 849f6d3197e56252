//! What a plan aims at: all of what is desired, or what the operator chose of it.

use std::collections::BTreeSet;

use super::observed::{Generation, ObservedHost};
use super::service::Named;
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::render::desired::DesiredHost;
use crate::render::manifest::Manifest;

/// How many generations a host keeps, the current one among them.
pub const KEPT_GENERATIONS: usize = 5;

/// What the operator chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Only these services, or all of them.
    pub services: Option<BTreeSet<ServiceName>>,
    pub moves: Moves,
}

/// Whether `stateful` services may move or vanish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moves {
    #[default]
    Refuse,
    Allow,
}

impl Options {
    pub(crate) fn selects(&self, service: &ServiceName) -> bool {
        self.services.as_ref().is_none_or(|s| s.contains(service))
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
    cluster: &ClusterName,
    host: &HostName,
    desired: &DesiredHost,
    observed: &ObservedHost,
    options: &Options,
) -> Manifest {
    let mut manifest = Manifest::of(cluster, host, desired);
    if options.services.is_some() {
        manifest.services.retain(|name, _| options.selects(name));
        if let Generation::Current { manifest: old, .. } = &observed.generation {
            for (name, service) in &old.services {
                if !options.selects(name) {
                    manifest.services.insert(name.clone(), service.clone());
                }
            }
        }
    }
    manifest
}
