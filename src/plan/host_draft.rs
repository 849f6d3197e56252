//! What one host needs, before it is put into visits.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::needs::{Circles, circles_on};
use super::networks_draft::NetworksDraft;
use super::observed::{
    Generation, HeldAddresses, HoldTime, Observed, ObservedHold, ObservedHost, ObservedProcess,
    ObservedService, ObservedUnit, TimerState, UnitFile,
};
use super::once::{KnownRuns, due, keys};
use super::options::{AskedRestart, Options, Origin};
use super::reason::Reason;
use super::rule::{Chosen, Held, ServiceNeed, TimerNeed, need};
use super::target::{Delayed, kept_back, target_services, waiting_for_runs};
use super::{Action, Change, Phase, Refusal, RefusalReason};
use crate::cluster::job::OnceKey;
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::ports::HostPorts;
use crate::render::desired::{Desired, DesiredHost};
use crate::render::identity::{UnitFileName, UnitName};
use crate::render::manifest::{Addresses, ManifestService};

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

    /// What is left of its unit files.
    pub(super) fn unit_files(&self) -> BTreeSet<UnitFileName> {
        let unit = &self.seen.unit;
        let has_unit = unit.is_ours() || !self.is_foreign() && !unit.enabled_by.is_empty();
        let further = self.seen.further.iter().filter(|(_, unit)| unit.is_left());
        let further = further.map(|(file, _)| file.clone());
        let others = self.seen.slots.others.iter();
        let others = others.filter(|(_, other)| other.unit.is_left());
        let others = others.map(|(unit, _)| unit.service_file());
        let runs = has_unit.then(|| self.unit.service_file());
        let runs = runs.filter(|_| !self.lingers());
        runs.into_iter().chain(further).chain(others).collect()
    }

    /// Whether it is a job: its runs end by themselves.
    pub(super) fn is_job(&self) -> bool {
        self.seen.is_job() && !self.is_foreign()
    }

    /// Whether a run of it is under way: what that needs stays until it ends.
    pub(super) fn lingers(&self) -> bool {
        self.is_job() && self.seen.is_under_way()
    }

    /// Whether it is a job that runs once, and does so now.
    pub(super) fn runs_once_now(&self) -> bool {
        let starts = match &self.seen.process {
            ObservedProcess::Unwell { state } => state.starts_with("activating"),
            ObservedProcess::Stopped | ObservedProcess::Active { .. } => false,
        };
        starts && self.seen.keeps_a_record() && !self.is_foreign()
    }

    /// Whether a timer of it is there, or what is left of one.
    pub(super) fn has_timer(&self) -> bool {
        has_timer(self.seen)
    }

    pub(super) fn runs(&self) -> bool {
        let something =
            self.seen.container.is_some() || self.seen.process != ObservedProcess::Stopped;
        something && !self.is_foreign() && !self.is_job()
    }
}

/// Whether a timer of a service is there, or what is left of one.
pub(super) fn has_timer(seen: &ObservedService) -> bool {
    let mut timers = seen.timers();
    let foreign = |timer: &ObservedUnit| matches!(timer.file, UnitFile::Foreign { .. });
    let is_ours = !timers.clone().any(foreign);
    is_ours && (seen.timer == TimerState::Active || timers.any(ObservedUnit::is_left))
}

/// A port that a service needs and another one keeps.
#[derive(Debug, Clone)]
pub(super) struct PortConflict {
    pub(super) service: ServiceName,
    pub(super) ports: HostPorts,
    pub(super) holder: ServiceName,
}

/// Whether a release changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Changes {
    #[default]
    No,
    /// Only a pull can tell.
    Perhaps,
    Yes,
}

/// Whether it is known that a container has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knows {
    Surely,
    /// It was started with inputs that nobody knows.
    Perhaps,
}

/// One of the visits that a host gets.
pub(super) struct Visit<'a> {
    pub(super) phase: Phase,
    pub(super) services: &'a BTreeSet<&'a ServiceName>,
    /// It is the host's last one: `current` moves.
    pub(super) ends: bool,
    /// What it is about, in the order in which it is acted on.
    items: Vec<(&'a ServiceName, &'a ServiceNeed)>,
}

impl<'a> Visit<'a> {
    /// What it is about, in the order in which it is acted on.
    pub(super) fn items(&self) -> impl Iterator<Item = (&'a ServiceName, &'a ServiceNeed)> {
        self.items.iter().copied()
    }
}

/// Where a desired service is among others.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaceInOrder {
    /// In [`HostDraft::order`].
    number: usize,
    /// The number of its circle in the cluster.
    pub(super) circle: usize,
}

/// What one host needs, before it is put into waves.
pub(super) struct HostDraft<'a> {
    pub(super) wanted: &'a DesiredHost,
    pub(super) seen: &'a ObservedHost,
    pub(super) needs: BTreeMap<ServiceName, ServiceNeed>,
    pub(super) departing: BTreeMap<ServiceName, DepartingService<'a>>,
    /// Services that are to leave, and stay until these hosts take part.
    pub(super) kept_back: BTreeMap<ServiceName, Vec<HostName>>,
    /// Jobs that are to come, and wait until their run on these hosts has ended.
    pub(super) waiting: BTreeMap<ServiceName, Vec<HostName>>,
    /// Jobs that left, and of which nothing is there but what the run needs that is under way.
    pub(super) lingering: BTreeMap<ServiceName, UnitName>,
    /// Services that stay and have to give their port or address to another one first: by whom.
    pub(super) displaced: BTreeMap<ServiceName, ServiceName>,
    /// Added services that start only with the changes, since they take a port of one that stays, or are in a network
    /// that is made anew.
    pub(super) late: BTreeSet<ServiceName>,
    pub(super) port_conflicts: Vec<PortConflict>,
    /// Holds that nobody needs any more.
    pub(super) ended_holds: BTreeSet<ServiceName>,
    /// Services whose restart is asked for, and that are not as they were released.
    pub(super) not_as_released: BTreeSet<ServiceName>,
    pub(super) networks: NetworksDraft,
    pub(super) moves_current: bool,
    /// Units whose inputs are others than `current` records: their health is awaited.
    pub(super) unconfirmed: BTreeSet<ServiceName>,
    /// Desired services, what they need before them.
    order: Vec<&'a ServiceName>,
    /// Where each of them is in it.
    pub(super) places: BTreeMap<&'a ServiceName, PlaceInOrder>,
    /// Which services of the cluster come after which.
    pub(super) all_circles: &'a Circles<'a>,
    /// Those that need each other here, by the number of their circle.
    pub(super) circles: BTreeMap<&'a ServiceName, usize>,
}

impl<'a> HostDraft<'a> {
    pub(super) fn new(
        desired: &'a Desired,
        host: &HostName,
        wanted: &'a DesiredHost,
        observed: &'a Observed,
        options: &Options,
        all_circles: &'a Circles<'a>,
    ) -> Self {
        let seen = &observed.hosts[host];
        let kept_back = kept_back(desired, host, observed, options);
        let waiting = waiting_for_runs(desired, host, observed);
        let empty = BTreeMap::new();
        let recorded: &BTreeMap<ServiceName, ManifestService> = match &seen.generation {
            Generation::Current { manifest, .. } => &manifest.services,
            Generation::None | Generation::Unreadable { .. } => &empty,
        };
        let nothing = ObservedService::default();
        let asked = options
            .asked
            .as_ref()
            .map(|AskedRestart { why }| Reason::Asked { why: why.clone() });
        let starts_only = options.origin == Origin::Current;
        let mut not_as_released = BTreeSet::new();
        let needs: BTreeMap<_, _> = wanted
            .services
            .iter()
            .filter(|(name, _)| options.selects(name) && !waiting.contains_key(*name))
            // A job runs when it is due, and not because somebody wants to see its service start.
            .filter(|(_, service)| asked.is_none() || service.handling.runs.is_all_the_time())
            .map(|(name, service)| {
                let at = seen.services.get(name).unwrap_or(&nothing);
                let recorded = recorded.get(name);
                let decide = |asked| {
                    let named = options.named(name);
                    // What is done once is not held: others come after it.
                    let hold = seen
                        .held(name)
                        .filter(|_| service.handling.runs.once().is_none());
                    let chosen = Chosen { named, asked, hold };
                    need(service, at, recorded, seen.supervisor, chosen)
                };
                let mut need = decide(None);
                // What is held becomes no other by being stopped.
                if starts_only && need.held == Held::Yes {
                    need.leave_files();
                } else if starts_only && need.is_more_than_a_start() {
                    not_as_released.insert(name.clone());
                }
                if need.held == Held::No && asked.is_some() {
                    need = decide(asked.as_ref());
                }
                let runs = seen.supervisor.runs_containers() && options.runs_jobs();
                if let Some(key) = service.handling.runs.once().filter(|_| runs) {
                    let known = KnownRuns::of(observed, name);
                    need.decide_run(due(service, key, seen, &known), service, at);
                }
                (name.clone(), need)
            })
            .collect();
        let mut departing: BTreeMap<_, _> = seen
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
                let further =
                    at.further.values().any(ObservedUnit::is_left) || !at.slots.others.is_empty();
                let ours =
                    left_by_us || further || !at.directories.is_empty() || !at.live.is_empty();
                let leaves =
                    options.selects(name) && !kept_back.contains_key(*name) && !starts_only;
                !wanted.services.contains_key(*name) && leaves && ours
            })
            .map(|(name, at)| {
                let departing = DepartingService {
                    unit: match at.slots.serving {
                        Some(slot) => desired.unit(name).of_slot(slot),
                        None => desired.unit(name),
                    },
                    seen: at,
                    displaced_by: None,
                };
                (name.clone(), departing)
            })
            .collect();
        let lingers =
            |departing: &DepartingService<'_>| departing.lingers() && !departing.has_timer();
        let lingering = departing.iter().filter(|(_, departing)| lingers(departing));
        let lingering: BTreeMap<ServiceName, UnitName> = lingering
            .map(|(name, departing)| (name.clone(), departing.unit.clone()))
            .collect();
        departing.retain(|name, _| !lingering.contains_key(name));
        let delayed = Delayed {
            waiting: &waiting,
            kept_back: &kept_back,
        };
        let target = target_services(wanted, seen, &delayed, options);
        let moves_current = match &seen.generation {
            _ if starts_only => false,
            Generation::Current { manifest, .. } => !manifest.holds_same(&target),
            Generation::None => !target.is_empty(),
            Generation::Unreadable { .. } => true,
        };
        let unconfirmed = needs
            .iter()
            // Nobody waits for a run.
            .filter(|(_, need)| !need.is_scheduled())
            .map(|(name, _)| name)
            .filter(|name| {
                let wanted = &wanted.services[*name].fingerprint;
                recorded.get(*name).map(|r| &r.fingerprint) != Some(wanted)
            })
            .cloned()
            .collect();
        let mut order: Vec<(usize, &ServiceName)> = wanted
            .services
            .keys()
            .map(|name| (all_circles.place[name], name))
            .collect();
        order.sort_unstable();
        let order: Vec<&ServiceName> = order.into_iter().map(|(_, name)| name).collect();
        let places = order.iter().zip(0..).map(|(name, number)| {
            let circle = all_circles.of[*name];
            (*name, PlaceInOrder { number, circle })
        });
        let ended = |(name, held): &(&ServiceName, &ObservedHold)| {
            let leaves = !starts_only && !kept_back.contains_key(*name) && options.selects(name);
            match wanted.services.contains_key(*name) {
                true => held.time == HoldTime::Over && needs.contains_key(*name),
                false => leaves,
            }
        };
        let ended_holds = seen.holds.iter().filter(ended);
        let ended_holds = ended_holds.map(|(name, _)| name.clone()).collect();
        let mut draft = Self {
            ended_holds,
            wanted,
            seen,
            needs,
            departing,
            kept_back,
            waiting,
            lingering,
            displaced: BTreeMap::new(),
            late: BTreeSet::new(),
            port_conflicts: Vec::new(),
            not_as_released,
            networks: NetworksDraft::default(),
            moves_current,
            unconfirmed,
            circles: circles_on(wanted),
            all_circles,
            places: places.collect(),
            order,
        };
        draft.settle_ports(recorded);
        draft.settle_addresses(recorded);
        if !starts_only {
            draft.settle_networks(&target, options);
        }
        draft
    }

    /// The keys under which a success of a job counts.
    pub(super) fn run_keys(&self, name: &ServiceName) -> BTreeSet<String> {
        let service = &self.wanted.services[name];
        let key = service.handling.runs.once();
        key.map(|key| keys(service, key, self.seen))
            .unwrap_or_default()
    }

    /// Services that are started or changed here before a job that they come after: it has to run on a host that takes
    /// no part.
    pub(super) fn before_its_job(
        &self,
        host: &HostName,
        away: &BTreeMap<ServiceName, HostName>,
    ) -> Vec<Refusal> {
        let starts = self
            .needs
            .iter()
            .filter(|(_, need)| need.starts() || need.runs());
        let too_early = starts.filter_map(|(name, _)| {
            let mut before = self.wanted.services[name].handling.before();
            let job = before.find(|job| away.contains_key(*job))?;
            let why = RefusalReason::JobAway {
                service: name.clone(),
                job: job.clone(),
                at: away[job].clone(),
            };
            let host = host.clone();
            Some(Refusal { host, why })
        });
        too_early.collect()
    }

    /// Jobs that run with each release, if this is one: `changes` says whether anything else does.
    pub(super) fn run_with_others(&mut self, changes: Changes, options: &Options) {
        let action = match changes {
            Changes::Yes => Action::Run,
            Changes::Perhaps => Action::MayRun,
            Changes::No => return,
        };
        if !self.seen.supervisor.runs_containers() || !options.runs_jobs() {
            return;
        }
        for (name, need) in &mut self.needs {
            if self.wanted.services[name].handling.runs.once() == Some(OnceKey::Always) {
                need.action = action;
                need.reasons = vec![Reason::EachRelease];
            }
        }
    }

    /// Whether anything is done here, or may be.
    pub(super) fn changes(&self) -> Changes {
        let mut needs = self.needs.values();
        match self.acts() {
            true => Changes::Yes,
            false if needs.any(|need| need.action.is_possible()) => Changes::Perhaps,
            false => Changes::No,
        }
    }

    /// Whether a service that stays restarts in this release, or stops to become a job: it can do so before another one starts.
    fn stops_anyway(&self, service: &ServiceName) -> bool {
        let need = self.needs.get(service);
        need.is_some_and(|need| need.starts() || !self.is_up_all_the_time(service))
    }

    /// Who must give an address in a network away before somebody else starts.
    fn settle_addresses(&mut self, recorded: &BTreeMap<ServiceName, ManifestService>) {
        let mut given = Vec::new();
        for (name, need) in self.needs.iter().filter(|(_, need)| need.starts()) {
            for own in each_address(&self.wanted.services[name].handling.addresses) {
                let others = self.seen.services.keys().filter(|other| *other != name);
                for holder in others {
                    if let Some(known) = self.may_have(holder, own, recorded) {
                        let (network, address) = own;
                        let held = (network.clone(), address, known);
                        given.push((holder.clone(), name.clone(), need.change, held));
                    }
                }
            }
        }
        for (holder, by, change, (network, address, known)) in given {
            if let Some(departing) = self.departing.get_mut(&holder) {
                departing.displaced_by.get_or_insert(by);
            } else if self.stops_anyway(&holder) {
                self.displaced.entry(holder).or_insert_with(|| by.clone());
                if change == Change::Added {
                    self.late.insert(by);
                }
            } else if known == Knows::Surely {
                self.networks.refusals.push(RefusalReason::AddressHeld {
                    service: by,
                    network,
                    address,
                    holder,
                });
            }
        }
    }

    /// Whether what runs of a service may have this address in a network.
    fn may_have(
        &self,
        service: &ServiceName,
        (network, address): (&String, IpAddr),
        recorded: &BTreeMap<ServiceName, ManifestService>,
    ) -> Option<Knows> {
        let wanted = self.wanted.services.get(service).map(AsRef::as_ref);
        let at = &self.seen.services[service];
        match at.addresses(recorded.get(service), wanted) {
            HeldAddresses::These(held) => {
                let held = held.get(network);
                held.filter(|held| held.contains(&address))
                    .map(|_| Knows::Surely)
            }
            // It may have any, also in a network that it leaves: it costs nothing to stop it first where it restarts
            // anyway.
            HeldAddresses::Unknown => Some(Knows::Perhaps),
            HeldAddresses::None => None,
        }
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
        for (name, need) in self.needs.iter().filter(|(_, need)| need.starts()) {
            for ports in &self.wanted.services[name].handling.ports {
                let clash = |(holder, held): &(&ServiceName, HostPorts)| {
                    let port = held.clash(ports).filter(|_| *holder != name)?;
                    Some(((*holder).clone(), port))
                };
                for (holder, port) in holders.iter().filter_map(clash) {
                    if let Some(departing) = self.departing.get_mut(&holder) {
                        departing.displaced_by = Some(name.clone());
                    } else if self.stops_anyway(&holder) {
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
            || !self.ended_holds.is_empty()
            || self.networks.acts()
            // A moving tag alone is no reason to act: only its pull can tell.
            || self.needs.values().any(|need| {
                need.writes() || need.acts() || need.rereads() || need.timer == TimerNeed::Renew
            })
    }

    /// Whether a timer starts it from now on, and none did that here before.
    pub(super) fn becomes_due(&self, name: &ServiceName) -> bool {
        let had = || {
            let at = self.seen.services.get(name);
            // One that is held is there and does nothing.
            at.is_some_and(|at| {
                let mut timers = at.timers();
                has_timer(at)
                    && (at.timer == TimerState::Active || timers.any(ObservedUnit::is_enabled))
            })
        };
        let need = self.needs.get(name);
        need.is_some_and(|need| {
            need.is_scheduled() && need.held == Held::No && (need.change == Change::Added || !had())
        })
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
        self.order.iter().copied().filter_map(move |name| {
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
            need.is_some_and(|need| {
                need.writes()
                    || need.acts()
                    || need.timer == TimerNeed::Renew
                    || self.awaited(name, need)
            })
        };
        self.order.iter().copied().filter(move |name| does(name))
    }

    /// Whether others have to wait for the service, and it for others.
    pub(super) fn waits(&self, name: &ServiceName) -> bool {
        self.seen.supervisor.runs_containers()
            && self
                .needs
                .get(name)
                .is_some_and(|need| need.runs() || self.awaited(name, need))
    }

    /// Whether it is a job that runs: whoever comes after it comes in a later wave, when every host knows of its
    /// success.
    pub(super) fn runs_a_job(&self, name: &ServiceName) -> bool {
        self.needs.get(name).is_some_and(ServiceNeed::runs)
    }

    pub(super) fn is_up_all_the_time(&self, name: &ServiceName) -> bool {
        self.wanted.services[name].handling.runs.is_all_the_time()
    }

    /// Whether its health is awaited.
    pub(super) fn awaited(&self, name: &ServiceName, need: &ServiceNeed) -> bool {
        need.action != Action::Pending
            && need.held == Held::No
            && self.is_up_all_the_time(name)
            && (need.starts()
                || need.action == Action::Swap
                || need.rereads()
                || self.unconfirmed.contains(name))
    }

    /// Whether services leave this host.
    pub(super) fn contracts(&self) -> bool {
        self.acts() && !self.departing.is_empty()
    }

    /// The containers that run and are taken down when these services are acted on.
    pub(super) fn taken_down(
        &'a self,
        services: &BTreeSet<&'a ServiceName>,
    ) -> BTreeSet<&'a ServiceName> {
        if !self.seen.supervisor.runs_containers() {
            return BTreeSet::new();
        }
        let stopped = self.goes_first(services).into_iter().map(|(name, _)| name);
        let disturbed = services.iter().copied();
        let disturbed = disturbed.filter(|name| self.is_disturbed(name));
        stopped.chain(disturbed).collect()
    }

    /// Whether there are any.
    pub(super) fn takes_something_down(&self, services: &BTreeSet<&ServiceName>) -> bool {
        self.seen.supervisor.runs_containers()
            && (services.iter().any(|name| self.is_disturbed(name))
                || !self.goes_first(services).is_empty())
    }

    /// Whether a container runs that its own service acts on. A slot that takes over takes nothing down; but a version that
    /// is no good gets no further than one host.
    fn is_disturbed(&self, name: &ServiceName) -> bool {
        let need = self.needs.get(name);
        let at = self.seen.services.get(name);
        need.is_some_and(|need| need.starts() || need.action == Action::Swap)
            && at.is_some_and(|at| at.container.is_some())
    }

    /// A visit that is about these services, and not the last one.
    pub(super) fn visit<'v>(
        &'v self,
        phase: Phase,
        services: &'v BTreeSet<&'v ServiceName>,
    ) -> Visit<'v> {
        let items = services.iter().filter_map(|name| {
            let (place, need) = (self.places.get(*name)?, self.needs.get(*name)?);
            Some((place.number, (*name, need)))
        });
        let mut items: Vec<(usize, (&ServiceName, &ServiceNeed))> = items.collect();
        items.sort_unstable_by_key(|(number, _)| *number);
        Visit {
            phase,
            services,
            ends: false,
            items: items.into_iter().map(|(_, item)| item).collect(),
        }
    }
}

/// Each address with its network.
fn each_address(addresses: &Addresses) -> impl Iterator<Item = (&String, IpAddr)> {
    let each = addresses.iter();
    each.flat_map(|(network, addresses)| addresses.iter().map(move |address| (network, *address)))
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
