//! What is known of where services run, beyond what was seen: on machines that the description no longer
//! has, and on hosts that a release leaves out.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{
    Generation, Observed, ObservedHost, RecordedPlacement, TimerState, UnitFile,
};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;
use crate::render::placement::{Machine, Placed, Reach};

/// A machine on which services may still run although the description no longer has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftMachine {
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
    pub(super) machines: Vec<KnownMachine>,
}

/// One machine of them.
pub(super) struct KnownMachine {
    /// What is recorded of it.
    pub(super) machine: Machine,
    /// The release that wrote it last.
    release: u64,
    /// The described host that is this machine.
    pub(super) now: Option<HostName>,
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
    pub(super) fn left(&self, desired: &Desired) -> Vec<LeftMachine> {
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
            (!services.is_empty()).then(|| LeftMachine {
                host: host.clone(),
                reach: reach.clone(),
                services,
            })
        });
        let mut left: Vec<LeftMachine> = left.collect();
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
        true => at.container.is_some() || at.timer == TimerState::Active,
        false => matches!(at.unit.file, UnitFile::Ours { .. }),
    })
}
