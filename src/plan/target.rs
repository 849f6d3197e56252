//! What a host is to have after a release, where that is not all of what is desired.

use std::collections::BTreeMap;

use super::held::held;
use super::known::{Known, holds};
use super::observed::{Generation, Observed};
use super::options::Options;
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;
use crate::render::manifest::Manifest;

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
