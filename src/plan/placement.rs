//! What is known of where services run, beyond what was seen: on machines that the description no longer
//! has, and on hosts that a release leaves out.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{
    Generation, Observed, ObservedHost, ObservedService, RecordedPlacement, UnitFile,
};
use super::options::{Options, target};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;
use crate::render::placement::{FORMAT, Machine, Placed, Placement, Reach};

/// A machine on which services may still run although the description no longer has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The name that it had.
    pub host: HostName,
    /// How it was reached.
    pub reach: Reach,
    /// What may run there.
    pub services: BTreeMap<ServiceName, LeftService>,
}

/// A service on such a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftService {
    /// Whether its data stays there.
    pub stateful: bool,
    /// Where the description has it now.
    pub placed: Vec<HostName>,
}

/// What all hosts that answered know together.
pub(super) struct Known {
    /// The highest number of a release.
    pub(super) release: u64,
    machines: Vec<KnownMachine>,
}

struct KnownMachine {
    machine: Machine,
    /// The release that wrote it last.
    release: u64,
    /// The described host that is this machine.
    now: Option<HostName>,
}

/// Whether a recorded machine is a described host, which has this name and is reached like this.
type IsSame<'a> = dyn Fn(&Machine, &HostName, &Reach) -> bool + 'a;

/// Whether there is a record of where services ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    Known,
    /// Hosts were released, by a bayplan that kept none.
    Unknown,
}

impl Known {
    pub(super) fn of(desired: &Desired, observed: &Observed) -> Self {
        let mut known = Self {
            release: 0,
            machines: Vec::new(),
        };
        for seen in observed.hosts.values() {
            if let RecordedPlacement::Read(placement) = &seen.placement {
                known.release = known.release.max(placement.release);
                for machine in &placement.machines {
                    known.learn(machine, placement.release);
                }
            }
        }
        known.recognise(desired, observed);
        known
    }

    fn learn(&mut self, said: &Machine, release: u64) {
        let mut machines = self.machines.iter_mut();
        let same = machines.find(|known| {
            known.machine.host == said.host && known.machine.reach.leads_to(&said.reach)
        });
        let Some(known) = same else {
            self.machines.push(KnownMachine {
                machine: said.clone(),
                release,
                now: None,
            });
            return;
        };
        if release > known.release {
            known.release = release;
            known.machine.reach = said.reach.clone();
        }
        for (name, said) in &said.services {
            let services = &mut known.machine.services;
            let placed = services.entry(name.clone()).or_insert_with(|| said.clone());
            if said.release > placed.release {
                *placed = said.clone();
            } else if said.release == placed.release {
                // A release that died, or two that each saw a part.
                placed.here |= said.here;
                placed.stateful |= said.stateful;
            }
        }
    }

    /// Finds out which described host is which of these machines. One that has another address is the
    /// same if what is on it says so, or its key.
    fn recognise(&mut self, desired: &Desired, observed: &Observed) {
        let mut taken: BTreeSet<HostName> = BTreeSet::new();
        let carries = |name: &HostName, host: &HostName| {
            let seen = observed.hosts.get(name).map(|seen| &seen.generation);
            matches!(seen, Some(Generation::Current { manifest, .. }) if manifest.host == *host)
        };
        let key = |one: &Reach, other: &Reach| match (&one.host_key, &other.host_key) {
            (Some(one), Some(other)) => Some(one == other),
            (None, _) | (_, None) => None,
        };
        let same: [&IsSame<'_>; 4] = [
            &|machine, name, reach| machine.host == *name && machine.reach.leads_to(reach),
            &|machine, name, _| carries(name, &machine.host),
            &|machine, _, reach| key(&machine.reach, reach) == Some(true),
            &|machine, _, reach| {
                machine.reach.leads_to(reach) && key(&machine.reach, reach) != Some(false)
            },
        ];
        // What was written last first: an older entry of the same name is another machine.
        self.machines
            .sort_by_key(|known| std::cmp::Reverse(known.release));
        for same in same {
            for known in self.machines.iter_mut().filter(|known| known.now.is_none()) {
                let mut described = desired.machines.iter();
                let found = described.find(|(name, reach)| {
                    !taken.contains(*name) && same(&known.machine, name, reach)
                });
                if let Some((name, _)) = found {
                    taken.insert(name.clone());
                    known.now = Some(name.clone());
                }
            }
        }
    }

    /// Whether a described host may run a service, by the record.
    pub(super) fn may_run(&self, host: &HostName, service: &ServiceName) -> bool {
        self.services(host)
            .any(|(name, placed)| name == service && placed.here)
    }

    /// What is recorded of a described host.
    pub(super) fn services(
        &self,
        host: &HostName,
    ) -> impl Iterator<Item = (&ServiceName, &Placed)> {
        let machines = self.machines.iter();
        let mine = machines.filter(move |known| known.now.as_ref() == Some(host));
        mine.flat_map(|known| &known.machine.services)
    }

    /// The machines that left, with what may run there.
    pub(super) fn left(&self, desired: &Desired) -> Vec<Left> {
        let gone = self.machines.iter().filter(|known| known.now.is_none());
        let left = gone.filter_map(|known| {
            let Machine {
                host,
                reach,
                services,
            } = &known.machine;
            let services = services.iter().filter(|(_, placed)| placed.here);
            let services: BTreeMap<_, _> = services
                .map(|(name, placed)| {
                    let hosts = desired.hosts.iter();
                    let now = hosts.filter(|(_, at)| at.services.contains_key(name));
                    let service = LeftService {
                        stateful: placed.stateful,
                        placed: now.map(|(host, _)| host.clone()).collect(),
                    };
                    (name.clone(), service)
                })
                .collect();
            (!services.is_empty()).then(|| Left {
                host: host.clone(),
                reach: reach.clone(),
                services,
            })
        });
        let mut left: Vec<Left> = left.collect();
        left.sort_by(|a, b| (&a.host, &a.reach).cmp(&(&b.host, &b.reach)));
        left
    }
}

/// Whether anybody kept a record.
pub(super) fn past(observed: &Observed) -> Past {
    let recorded = |seen: &ObservedHost| matches!(seen.placement, RecordedPlacement::Read(_));
    let released = |seen: &ObservedHost| seen.generation != Generation::None;
    let mut hosts = observed.hosts.values();
    if observed.hosts.values().any(recorded) || !hosts.any(released) {
        Past::Known
    } else {
        Past::Unknown
    }
}

/// Whether a service is on a host already: its container, or its unit where nothing runs.
pub(super) fn holds(seen: &ObservedHost, name: &ServiceName) -> bool {
    let at = seen.services.get(name);
    at.is_some_and(|at| match seen.supervisor.runs_containers() {
        true => at.container.is_some(),
        false => matches!(at.unit.file, UnitFile::Ours { .. }),
    })
}

/// Whether there is anything of a service that could run.
fn may_hold(at: &ObservedService) -> bool {
    at.container.is_some() || matches!(at.unit.file, UnitFile::Ours { .. })
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

/// How far a release is with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
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
    progress: impl Fn(&HostName) -> Progress,
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
    progress: Option<Progress>,
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
        Some(Progress::Open) => held.chain(to_run).collect(),
        // What this release is not about may be there though no generation records it: one that failed
        // may have left it.
        Some(Progress::Done) => held
            .filter(|name| !options.selects(name))
            .chain(to_run)
            .collect(),
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
