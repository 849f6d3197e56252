//! Where services run, as a release leaves it on every host: also on machines that the description no longer has.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use super::observed::{
    Generation, Observed, ObservedHost, ObservedService, RecordedPlacement, UnitFile,
};
use super::options::Options;
use super::target::{kept_back, target};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;
use crate::render::placement::{FORMAT, Machine, Placed, Placement, Reach};

/// Whether there is anything of a service that could run.
fn may_hold(at: &ObservedService) -> bool {
    at.container.is_some() || matches!(at.unit.file, UnitFile::Ours { .. })
}

/// How far a release is with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostProgress {
    /// It may run what it ran, and what it is to run.
    Open,
    /// It runs what it is to run.
    Done,
}

/// What every host is to keep, as a release of this number says it.
#[must_use]
pub fn placement(
    desired: &Desired,
    observed: &Observed,
    options: &Options,
    progress: impl Fn(&HostName) -> HostProgress,
) -> Placement {
    let known = Known::of(desired, observed);
    let release = known.release.saturating_add(1);
    let mut machines: Vec<Machine> = Vec::new();
    for (host, reach) in &desired.machines {
        let mut services: BTreeMap<ServiceName, Placed> = known
            .services(host)
            .map(|(name, placed)| (name.clone(), placed.clone()))
            .collect();
        if let Some(seen) = observed.hosts.get(host)
            && desired.hosts.contains_key(host)
        {
            let progress = match options.leaves_out(host) {
                true => None,
                false => Some(progress(host)),
            };
            let here = runs(desired, host, seen, observed, options, progress);
            let names = services.keys().chain(here.keys()).cloned();
            for name in names.collect::<BTreeSet<ServiceName>>() {
                let now = here.get(&name);
                let placed = services.entry(name.clone()).or_insert(Placed {
                    release: 0,
                    stateful: false,
                    here: false,
                });
                let said = Placed {
                    release: placed.release,
                    stateful: now.copied().unwrap_or(placed.stateful),
                    here: now.is_some(),
                };
                if *placed != said || placed.release == 0 || options.selects(&name) {
                    *placed = Placed { release, ..said };
                }
            }
        }
        machines.push(Machine {
            host: host.clone(),
            reach: reach.clone(),
            services,
        });
    }
    for known in &known.machines {
        let Machine { host, reach, .. } = &known.machine;
        let mut services = known.machine.services.clone();
        match &known.now {
            Some(now) if now == host && reach.leads_to(&desired.machines[now]) => continue,
            None if !options.dismiss.contains(host) => {}
            // It has another name or address now, or nobody asks for it any more.
            Some(_) | None => {
                for placed in services.values_mut().filter(|placed| placed.here) {
                    placed.here = false;
                    placed.release = release;
                }
            }
        }
        machines.push(Machine {
            host: host.clone(),
            reach: reach.clone(),
            services,
        });
    }
    Placement {
        format: FORMAT,
        cluster: desired.cluster.clone(),
        release,
        machines,
    }
}

/// What may run on a host, and whether it keeps data there. A host that is left out keeps what it has.
fn runs(
    desired: &Desired,
    host: &HostName,
    seen: &ObservedHost,
    observed: &Observed,
    options: &Options,
    progress: Option<HostProgress>,
) -> BTreeMap<ServiceName, bool> {
    let wanted = &desired.hosts[host].services;
    let recorded = match &seen.generation {
        Generation::Current { manifest, .. } => Some(&manifest.services),
        Generation::None | Generation::Unreadable { .. } => None,
    };
    let stateful = |name: &ServiceName| {
        let wanted = wanted.get(name).map(|service| service.stateful);
        let recorded = recorded.and_then(|services| services.get(name));
        wanted
            .or(recorded.map(|service| service.stateful))
            .unwrap_or(false)
    };
    let held = seen.services.iter().filter(|(_, at)| may_hold(at));
    let held = held.map(|(name, _)| name.clone());
    let to_run = target(desired, host, observed, options)
        .services
        .into_keys();
    let names: BTreeSet<ServiceName> = match progress {
        None => held.collect(),
        Some(HostProgress::Open) => held.chain(to_run).collect(),
        // What this release is not about, or keeps there for now, may be there though no generation records it: one that
        // failed may have left it.
        Some(HostProgress::Done) => {
            let kept_back = kept_back(desired, host, observed, options);
            held.filter(|name| !options.selects(name) || kept_back.contains_key(name))
                .chain(to_run)
                .collect()
        }
    };
    names
        .into_iter()
        .map(|name| {
            let stateful = stateful(&name);
            (name, stateful)
        })
        .collect()
}

/// Whether a host's record says all of this already: that these services may run there.
#[must_use]
pub fn says(recorded: &RecordedPlacement, placement: &Placement) -> bool {
    let RecordedPlacement::Read(recorded) = recorded else {
        return false;
    };
    let here = |placement: &Placement| -> BTreeSet<(HostName, Reach, ServiceName)> {
        let machines = placement.machines.iter();
        let services = machines.flat_map(|machine| {
            let here = machine.services.iter().filter(|(_, placed)| placed.here);
            here.map(|(name, _)| (machine.host.clone(), machine.reach.clone(), name.clone()))
        });
        services.collect()
    };
    here(placement).is_subset(&here(recorded))
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
