//! What a host is to have after a release, where that is not all of what is desired.

use std::collections::BTreeMap;

use super::held::held;
use super::known::{Known, holds};
use super::observed::{Generation, Observed, ObservedHost};
use super::options::Options;
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::{Desired, DesiredHost};
use crate::render::manifest::{Manifest, ManifestService};

/// The generation that a host has after a release: what is desired of the services that are
/// released, and what `current` has of the others.
#[must_use]
pub fn target(
    desired: &Desired,
    host: &HostName,
    observed: &Observed,
    options: &Options,
) -> Manifest {
    let seen = &observed.hosts[host];
    let held = held(&desired.hosts[host], seen);
    let delayed = Delayed {
        waiting: &waiting_for_runs(desired, host, observed),
        kept_back: &kept_back(desired, host, observed, options),
    };
    let services = target_services(&held, seen, &delayed, options).into_iter();
    Manifest {
        cluster: desired.cluster.clone(),
        host: host.clone(),
        services: services
            .map(|(name, service)| (name.clone(), service.clone()))
            .collect(),
    }
}

/// What becomes of a host in a later release only.
pub(super) struct Delayed<'a> {
    /// See [`waiting_for_runs`].
    pub(super) waiting: &'a BTreeMap<ServiceName, Vec<HostName>>,
    /// See [`kept_back`].
    pub(super) kept_back: &'a BTreeMap<ServiceName, Vec<HostName>>,
}

/// The services of that generation; `held` are the forms in which the host keeps what is desired.
pub(super) fn target_services<'a>(
    held: &'a DesiredHost,
    seen: &'a ObservedHost,
    delayed: &Delayed<'_>,
    options: &Options,
) -> BTreeMap<&'a ServiceName, &'a ManifestService> {
    let selects = |name: &ServiceName| options.selects(name) && !delayed.waiting.contains_key(name);
    let services = held.services.iter().filter(|(name, _)| selects(name));
    let mut services: BTreeMap<&ServiceName, &ManifestService> = services
        .map(|(name, service)| (name, &service.entry))
        .collect();
    if let Generation::Current { manifest, .. } = &seen.generation {
        let stays = |name: &ServiceName| !selects(name) || delayed.kept_back.contains_key(name);
        services.extend(manifest.services.iter().filter(|(name, _)| stays(name)));
    }
    services
}

/// The services that are to leave a host and stay there for now: a host that is to have one of them takes
/// no part, so nobody knows that it runs there.
pub(super) fn kept_back(
    desired: &Desired,
    host: &HostName,
    observed: &Observed,
    options: &Options,
) -> BTreeMap<ServiceName, Vec<HostName>> {
    let (Some(wanted), Some(seen)) = (desired.hosts.get(host), observed.hosts.get(host)) else {
        return BTreeMap::new();
    };
    let absent: Vec<&HostName> = desired
        .hosts
        .keys()
        .filter(|name| options.leaves_out(name) || !observed.hosts.contains_key(*name))
        .collect();
    if absent.is_empty() {
        return BTreeMap::new();
    }
    let known = Known::of(desired, observed);
    let departing = seen
        .services
        .keys()
        .filter(|name| !wanted.services.contains_key(*name) && options.selects(name));
    let waiting = departing.filter_map(|name| {
        let runs_there = |other: &HostName| match observed.hosts.get(other) {
            Some(seen) => holds(seen, name),
            None => known.may_run(other, name),
        };
        let awaited = absent.iter().filter(|other| {
            desired.hosts[**other].services.contains_key(name) && !runs_there(other)
        });
        let awaited: Vec<HostName> = awaited.map(|other| (*other).clone()).collect();
        (!awaited.is_empty()).then(|| (name.clone(), awaited))
    });
    waiting.collect()
}

/// The jobs that are to move to a host, and wait until their run on these other hosts has ended: else two would be under
/// way at once.
pub(super) fn waiting_for_runs(
    desired: &Desired,
    host: &HostName,
    observed: &Observed,
) -> BTreeMap<ServiceName, Vec<HostName>> {
    let (Some(wanted), Some(seen)) = (desired.hosts.get(host), observed.hosts.get(host)) else {
        return BTreeMap::new();
    };
    let scheduled = wanted.services.iter();
    let scheduled = scheduled.filter(|(_, service)| service.timer().is_some());
    let moving = scheduled.filter(|(name, _)| !holds(seen, name));
    let waiting = moving.filter_map(|(name, _)| {
        let others = observed.hosts.iter().filter(|(other, seen)| {
            let leaves = desired.hosts.get(*other);
            let leaves = leaves.is_some_and(|at| !at.services.contains_key(name));
            let at = seen.services.get(name);
            leaves && at.is_some_and(|at| at.is_job() && at.is_under_way())
        });
        let others: Vec<HostName> = others.map(|(other, _)| other.clone()).collect();
        (!others.is_empty()).then(|| (name.clone(), others))
    });
    waiting.collect()
}
