//! What one host needs, in the order of activation (docs/how.md, "Order on one host").

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{
    Generation, Observed, ObservedHost, ObservedProcess, ObservedService, UnitFile,
};
use super::options::{KEPT_GENERATIONS, Moves, Options};
use super::rule::{DirectoryNeed, ServiceNeed, need};
use super::step::Step;
use super::target::{kept_back, target};
use super::{Action, Change, Phase, Refusal, RefusalReason};
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::ports::HostPorts;
use crate::render::desired::{Desired, DesiredHost, DesiredService};
use crate::render::identity::UnitName;
use crate::render::manifest::ManifestService;
use crate::render::probe::probes;

/// A service of this cluster on a host that the description no longer has there.
pub(super) struct DepartingService<'a> {
    pub(super) unit: UnitName,
    pub(super) seen: &'a ObservedService,
    /// Newcomers that need its port: it goes before they start.
    pub(super) displaced_by: Option<ServiceName>,
}

impl DepartingService<'_> {
    /// Whether a unit of that name that is not ours took the place of ours: it is left alone, with
    /// its links and whatever it runs.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self.seen.unit.file, UnitFile::Foreign { .. })
    }

    pub(super) fn has_unit(&self) -> bool {
        let ours = matches!(self.seen.unit.file, UnitFile::Ours { .. });
        ours || !self.is_foreign() && !self.seen.unit.enabled_by.is_empty()
    }

    pub(super) fn runs(&self) -> bool {
        let something =
            self.seen.container.is_some() || self.seen.process != ObservedProcess::Stopped;
        something && !self.is_foreign()
    }
}

/// A port that a service needs and another one keeps.
#[derive(Debug, Clone)]
pub(super) struct PortConflict {
    service: ServiceName,
    ports: HostPorts,
    holder: ServiceName,
}

/// One of the visits that a host gets.
pub(super) struct Visit<'a> {
    pub(super) phase: Phase,
    pub(super) services: &'a BTreeSet<&'a ServiceName>,
    /// It is the host's last one: `current` moves.
    pub(super) ends: bool,
}

/// What one host needs, before it is put into waves.
pub(super) struct HostDraft<'a> {
    pub(super) wanted: &'a DesiredHost,
    pub(super) seen: &'a ObservedHost,
    pub(super) needs: BTreeMap<ServiceName, ServiceNeed>,
    pub(super) departing: BTreeMap<ServiceName, DepartingService<'a>>,
    /// Services that are to leave, and stay until these hosts take part.
    pub(super) kept_back: BTreeMap<ServiceName, Vec<HostName>>,
    /// Services that stay and have to give their port to another one first: by whom.
    pub(super) displaced: BTreeMap<ServiceName, ServiceName>,
    /// Added services that start only with the changes, since they take a port of one that stays.
    pub(super) late: BTreeSet<ServiceName>,
    pub(super) port_conflicts: Vec<PortConflict>,
    pub(super) moves_current: bool,
    /// Units whose inputs are others than `current` records: their health is awaited.
    pub(super) unconfirmed: BTreeSet<ServiceName>,
    /// Desired services, what they need before them.
    pub(super) order: Vec<ServiceName>,
}

impl<'a> HostDraft<'a> {
    pub(super) fn new(
        desired: &'a Desired,
        host: &HostName,
        wanted: &'a DesiredHost,
        observed: &'a Observed,
        options: &Options,
        order: &[ServiceName],
    ) -> Self {
        let seen = &observed.hosts[host];
        let kept_back = kept_back(desired, host, observed, options);
        let empty = BTreeMap::new();
        let recorded: &BTreeMap<ServiceName, ManifestService> = match &seen.generation {
            Generation::Current { manifest, .. } => &manifest.services,
            Generation::None | Generation::Unreadable { .. } => &empty,
        };
        let nothing = ObservedService::default();
        let needs: BTreeMap<_, _> = wanted
            .services
            .iter()
            .filter(|(name, _)| options.selects(name))
            .map(|(name, service)| {
                let at = seen.services.get(name).unwrap_or(&nothing);
                let recorded = recorded.get(name);
                let named = options.named(name);
                let need = need(service, at, recorded, seen.supervisor, named);
                (name.clone(), need)
            })
            .collect();
        let departing: BTreeMap<_, _> = seen
            .services
            .iter()
            .filter(|(name, at)| {
                let left_by_us = match at.unit.file {
                    UnitFile::Ours { .. } => true,
                    // A hand may have left nothing of it but a link that enables nothing.
                    UnitFile::Absent => {
                        let linked = !at.unit.enabled_by.is_empty();
                        at.container.is_some() || linked && recorded.contains_key(*name)
                    }
                    UnitFile::Foreign { .. } => false,
                };
                let ours = left_by_us || !at.directories.is_empty();
                let leaves = options.selects(name) && !kept_back.contains_key(*name);
                !wanted.services.contains_key(*name) && leaves && ours
            })
            .map(|(name, at)| {
                let departing = DepartingService {
                    unit: desired.unit(name),
                    seen: at,
                    displaced_by: None,
                };
                (name.clone(), departing)
            })
            .collect();
        let target = target(desired, host, observed, options);
        let moves_current = match &seen.generation {
            Generation::Current { manifest, .. } => !manifest.holds_same(&target),
            Generation::None => !target.services.is_empty(),
            Generation::Unreadable { .. } => true,
        };
        let unconfirmed = needs
            .keys()
            .filter(|name| {
                let wanted = &wanted.services[*name].fingerprint;
                recorded.get(*name).map(|r| &r.fingerprint) != Some(wanted)
            })
            .cloned()
            .collect();
        let mut draft = Self {
            wanted,
            seen,
            needs,
            departing,
            kept_back,
            displaced: BTreeMap::new(),
            late: BTreeSet::new(),
            port_conflicts: Vec::new(),
            moves_current,
            unconfirmed,
            order: {
                let here = order
                    .iter()
                    .filter(|name| wanted.services.contains_key(*name));
                here.cloned().collect()
            },
        };
        draft.settle_ports(recorded);
        draft
    }

    /// Who must give a port away before somebody else starts.
    fn settle_ports(&mut self, recorded: &BTreeMap<ServiceName, ManifestService>) {
        let holders: Vec<(&ServiceName, HostPorts)> = self
            .seen
            .services
            .iter()
            .flat_map(|(name, at)| {
                let held = at.holds(recorded.get(name)).into_iter();
                held.map(move |ports| (name, ports))
            })
            .collect();
        let starts = |need: &ServiceNeed| matches!(need.action, Action::Start | Action::Restart);
        for (name, need) in self.needs.iter().filter(|(_, need)| starts(need)) {
            for ports in &self.wanted.services[name].handling.ports {
                let clash = |(holder, held): &(&ServiceName, HostPorts)| {
                    let port = held.clash(ports).filter(|_| *holder != name)?;
                    Some(((*holder).clone(), port))
                };
                for (holder, port) in holders.iter().filter_map(clash) {
                    if let Some(departing) = self.departing.get_mut(&holder) {
                        departing.displaced_by = Some(name.clone());
                    } else if self.needs.get(&holder).is_some_and(starts) {
                        // It restarts anyway, with another port.
                        self.displaced.insert(holder, name.clone());
                        if need.change == Change::Added {
                            self.late.insert(name.clone());
                        }
                    } else {
                        let conflict = PortConflict {
                            service: name.clone(),
                            ports: HostPorts {
                                first: port,
                                last: port,
                                ..*ports
                            },
                            holder,
                        };
                        // Of a range that is held one port is enough.
                        let same = |other: &PortConflict| {
                            (&other.service, &other.holder) == (&conflict.service, &conflict.holder)
                        };
                        if !self.port_conflicts.iter().any(same) {
                            self.port_conflicts.push(conflict);
                        }
                    }
                }
            }
        }
    }

    pub(super) fn acts(&self) -> bool {
        self.moves_current
            || !self.departing.is_empty()
            // A moving tag alone is no reason to act: only its pull can tell.
            || self.needs.values().any(|need| need.writes() || need.starts())
    }

    /// Whether this host gains the service, and nobody has to make room for it first.
    pub(super) fn expands(&self, name: &ServiceName) -> bool {
        let need = self.needs.get(name);
        need.is_some_and(|need| need.change == Change::Added) && !self.late.contains(name)
    }

    /// The services that the host gains, or all others.
    pub(super) fn in_phase(
        &self,
        phase: Phase,
    ) -> impl Iterator<Item = (&ServiceName, &ServiceNeed)> {
        self.order.iter().filter_map(move |name| {
            let need = self.needs.get(name)?;
            let in_phase = match phase {
                Phase::Expand => self.expands(name),
                Phase::Change => !self.expands(name),
                Phase::Contract => false,
            };
            in_phase.then_some((name, need))
        })
    }

    /// The services for which something is done here, be it that their health is awaited.
    pub(super) fn to_do(&self) -> impl Iterator<Item = &ServiceName> {
        let does = |name: &ServiceName| {
            let need = self.needs.get(name);
            need.is_some_and(|need| need.writes() || self.awaited(name, need))
        };
        self.order.iter().filter(move |name| does(name))
    }

    /// Whether others have to wait for the service, and it for others.
    pub(super) fn waits(&self, name: &ServiceName) -> bool {
        self.seen.supervisor.runs_containers()
            && self
                .needs
                .get(name)
                .is_some_and(|need| self.awaited(name, need))
    }

    /// Whether its health is awaited.
    fn awaited(&self, name: &ServiceName, need: &ServiceNeed) -> bool {
        need.action != Action::Pending && (need.starts() || self.unconfirmed.contains(name))
    }

    /// Whether services leave this host.
    pub(super) fn contracts(&self) -> bool {
        self.acts() && !self.departing.is_empty()
    }

    /// Whether a container that runs is taken down when these services are acted on.
    pub(super) fn takes_down(&self, services: &BTreeSet<&ServiceName>) -> bool {
        let visit = Visit {
            phase: Phase::Change,
            services,
            ends: false,
        };
        let runs = |name: &ServiceName| {
            let at = self.seen.services.get(name);
            at.is_some_and(|at| at.container.is_some())
        };
        self.seen.supervisor.runs_containers()
            && (self.goes_first(&visit).next().is_some()
                || self
                    .in_visit(&visit)
                    .any(|(name, need)| need.starts() && runs(name)))
    }

    /// What a visit is about, in the order in which it is acted on.
    fn in_visit<'v>(
        &'v self,
        visit: &'v Visit<'_>,
    ) -> impl Iterator<Item = (&'v ServiceName, &'v ServiceNeed)> {
        self.order
            .iter()
            .filter(|name| visit.services.contains(name))
            .filter_map(|name| Some((name, self.needs.get(name)?)))
    }

    /// The steps of one visit, in the order of activation.
    pub(super) fn steps(&self, visit: &Visit<'_>) -> Vec<Step> {
        let processes = self.seen.supervisor.runs_containers();
        let mut steps = Vec::new();

        // 1. inputs directories
        for (name, need) in self.in_visit(visit) {
            let service = name.clone();
            let directory = self.wanted.services[name].directory.clone();
            match &need.directory {
                DirectoryNeed::Nothing => {}
                DirectoryNeed::Place => steps.push(Step::PlaceInputs { service, directory }),
                DirectoryNeed::Repair { write, remove } => steps.push(Step::RepairInputs {
                    service,
                    directory,
                    write: write.clone(),
                    remove: remove.clone(),
                }),
            }
        }
        // 2. unit files; an edited one leaves its trace first, since writing it ends the proof
        for (name, need) in self.in_visit(visit) {
            let here = |d| {
                self.seen
                    .services
                    .get(name)
                    .is_some_and(|s| s.directories.contains_key(d))
            };
            for (directory, edited) in need.marks.iter().filter(|(d, _)| here(d)) {
                steps.push(Step::MarkEdited {
                    service: name.clone(),
                    directory: directory.clone(),
                    edited: *edited,
                });
            }
        }
        for (name, need) in self.in_visit(visit) {
            if need.write_unit {
                steps.push(Step::WriteUnit {
                    service: name.clone(),
                    unit: self.wanted.services[name].unit.clone(),
                });
            }
        }
        let enable: Vec<UnitName> = self
            .in_visit(visit)
            .filter(|(_, need)| need.enable)
            .map(|(name, _)| self.wanted.services[name].unit.clone())
            .collect();
        if !enable.is_empty() {
            steps.push(Step::Enable { units: enable });
        }
        // 3. Always, when anything is done: an activation before this one may have died between a
        // unit file and its reload, and no later look at the file can tell.
        if processes && visit.phase != Phase::Contract {
            steps.push(Step::Reload);
        }
        // 4. who is asked by a new probe, before anything stops; who gives a port away first, then the
        // restarts, what a service needs before it
        if processes {
            for (name, _) in self.in_visit(visit).filter(|(name, need)| {
                matches!(need.action, Action::None | Action::MayRestart) && self.has_new_probe(name)
            }) {
                steps.push(Step::AskProbe {
                    service: name.clone(),
                    unit: self.wanted.services[name].unit.clone(),
                });
            }
            steps.extend(self.goes_first(visit));
            for (name, need) in self.in_visit(visit) {
                if need.starts() {
                    steps.push(Step::Restart {
                        service: name.clone(),
                        unit: self.wanted.services[name].unit.clone(),
                    });
                }
            }
            let await_units: Vec<UnitName> = self
                .in_visit(visit)
                .filter(|(name, need)| self.awaited(name, need))
                .map(|(name, _)| self.wanted.services[name].unit.clone())
                .collect();
            if !await_units.is_empty() {
                steps.push(Step::AwaitHealthy { units: await_units });
            }
        }
        if visit.phase == Phase::Contract {
            self.push_contract(processes, &mut steps);
        }
        // 5.
        if visit.ends {
            self.push_end(&mut steps);
        }
        steps
    }

    /// Whether a container that goes on running was not asked by the probe of its unit yet: `current`
    /// records another unit, which may have had another one.
    fn has_new_probe(&self, name: &ServiceName) -> bool {
        let wanted = &self.wanted.services[name];
        let probes = |text: &str| probes(text, &wanted.unit.container());
        let recorded = match &self.seen.generation {
            Generation::Current { manifest, .. } => manifest.services.get(name),
            Generation::None | Generation::Unreadable { .. } => None,
        };
        let Some(at) = self.seen.services.get(name) else {
            return false;
        };
        let before = match &at.unit.file {
            // It is in place already, so an activation died; what was there before is not known.
            UnitFile::Ours { digest, .. } if digest == wanted.unit_digest() => None,
            UnitFile::Ours { text, .. } => text.as_deref().map(probes),
            UnitFile::Absent | UnitFile::Foreign { .. } => None,
        };
        recorded.map(|recorded| &recorded.units) != Some(&wanted.entry.units)
            && before.is_none_or(|before| before != probes(&wanted.service_unit().text))
            && !probes(&wanted.service_unit().text).is_empty()
    }

    /// Who gives a port to a service of this visit, and stops for it.
    fn goes_first<'v>(&'v self, visit: &'v Visit<'_>) -> impl Iterator<Item = Step> + 'v {
        let takes = |by: &ServiceName| visit.services.contains(by);
        let departing = self.departing.iter().filter(move |(_, departing)| {
            departing.displaced_by.as_ref().is_some_and(takes) && departing.runs()
        });
        let departing = departing.map(|(name, departing)| (name, &departing.unit));
        let stay = self.displaced.iter().filter(move |(_, by)| takes(by));
        let stay = stay.map(|(name, _)| (name, &self.wanted.services[name].unit));
        departing.chain(stay).map(|(service, unit)| Step::Stop {
            service: service.clone(),
            unit: unit.clone(),
        })
    }

    fn push_contract(&self, processes: bool, steps: &mut Vec<Step>) {
        for (name, departing) in &self.departing {
            // Also one that was stopped for its port: systemd may have started it again.
            if processes && departing.runs() {
                steps.push(Step::Stop {
                    service: name.clone(),
                    unit: departing.unit.clone(),
                });
            }
        }
        for (name, departing) in &self.departing {
            if departing.has_unit() {
                steps.push(Step::RemoveUnit {
                    service: name.clone(),
                    unit: departing.unit.clone(),
                });
            }
        }
        if processes {
            // Always, as above: the unit file may have gone in an activation that died before this.
            steps.push(Step::Reload);
        }
    }

    fn push_end(&self, steps: &mut Vec<Step>) {
        for (name, at) in &self.seen.services {
            let names: BTreeSet<String> = if let Some(need) = self.needs.get(name) {
                let stays = at
                    .container
                    .as_ref()
                    .filter(|_| !need.starts())
                    .and_then(|c| c.directory.as_ref());
                let wanted = &self.wanted.services[name].directory;
                let stale = at.directories.keys();
                stale
                    .filter(|d| *d != wanted && Some(*d) != stays)
                    .map(ToString::to_string)
                    .collect()
            } else if self.departing.contains_key(name) {
                at.directories.keys().map(ToString::to_string).collect()
            } else {
                continue;
            };
            let names: BTreeSet<String> = names.union(&at.leftovers).cloned().collect();
            if !names.is_empty() {
                steps.push(Step::RemoveInputs {
                    service: name.clone(),
                    names,
                });
            }
        }
        if !self.moves_current {
            return;
        }
        let number = self.seen.next_generation;
        steps.push(Step::SetCurrent { number });
        let mut kept: BTreeSet<u64> = self.seen.kept_generations.clone();
        kept.insert(number);
        let surplus = kept.len().saturating_sub(KEPT_GENERATIONS);
        let numbers: BTreeSet<u64> = kept.into_iter().take(surplus).collect();
        if !numbers.is_empty() {
            steps.push(Step::RemoveGenerations { numbers });
        }
    }

    pub(super) fn refusals(
        &self,
        host: &HostName,
        desired: &Desired,
        options: &Options,
    ) -> Vec<Refusal> {
        let mut reasons = Vec::new();
        if let Generation::Unreadable { why, newer: true } = &self.seen.generation {
            reasons.push(RefusalReason::Newer { why: why.clone() });
        }
        for name in self.needs.keys() {
            let file = self.seen.services.get(name).map(|s| &s.unit.file);
            if let Some(UnitFile::Foreign { path, owner }) = file {
                reasons.push(RefusalReason::ForeignUnit {
                    service: name.clone(),
                    path: path.clone(),
                    owner: owner.clone(),
                });
            }
        }
        for conflict in &self.port_conflicts {
            let PortConflict {
                service,
                ports,
                holder,
            } = conflict.clone();
            reasons.push(RefusalReason::PortHeld {
                service,
                ports,
                holder,
            });
        }
        if options.moves == Moves::Refuse {
            for name in self.departing.keys() {
                let placed: Vec<&DesiredService> = desired
                    .hosts
                    .values()
                    .filter_map(|h| h.services.get(name).map(AsRef::as_ref))
                    .collect();
                let recorded = match &self.seen.generation {
                    Generation::Current { manifest, .. } => manifest.services.get(name),
                    Generation::None | Generation::Unreadable { .. } => None,
                };
                let stateful = placed.first().map_or_else(
                    || recorded.is_some_and(|r| r.stateful),
                    |service| service.stateful,
                );
                if stateful {
                    reasons.push(RefusalReason::Stateful {
                        service: name.clone(),
                        moves: !placed.is_empty(),
                    });
                }
            }
        }
        reasons
            .into_iter()
            .map(|why| Refusal {
                host: host.clone(),
                why,
            })
            .collect()
    }
}
