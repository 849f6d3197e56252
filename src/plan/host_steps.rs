//! The steps of a visit to a host, in the order of activation (docs/how.md, "Order on one host").

use std::collections::BTreeSet;

use super::host_draft::{HostDraft, Visit, has_timer};
use super::observed::{ObservedLive, ObservedService, UnitFile};
use super::options::KEPT_GENERATIONS;
use super::rule::{DirectoryNeed, Held, ServiceNeed, SlotNeed, TimerNeed, WatchNeed, runs_always};
use super::step::Step;
use super::{Action, Phase};
use crate::cluster::name::ServiceName;
use crate::render::identity::{DirectoryName, UnitFileName, UnitKind, UnitName};
use crate::render::live::LiveName;
use crate::render::probe::probes;

impl HostDraft<'_> {
    /// The steps of one visit, in the order of activation.
    pub(super) fn steps(&self, visit: &Visit<'_>) -> Vec<Step> {
        let processes = self.seen.supervisor.runs_containers();
        let mut steps = Vec::new();

        // 1. inputs directories
        for (name, need) in visit.items() {
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
        // What is held is not started any more, and then stopped.
        let disable = visit.items().flat_map(|(_, need)| &need.disable);
        let files: Vec<UnitFileName> = disable.cloned().collect();
        if !files.is_empty() {
            steps.push(Step::Disable { files });
        }
        // 2. what a timer or a container of another kind needs the old unit files for
        if processes {
            self.push_stops(visit, &mut steps);
        }
        // What is to start finds its live directories: a unit that is read before them may start before them, too.
        for (name, need) in visit.items().filter(|(_, need)| !need.rereads()) {
            steps.extend(self.swaps(name, need));
        }
        // unit files; an edited one leaves its trace first, since writing it ends the proof
        for (name, need) in visit.items() {
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
        for (name, need) in visit.items() {
            for file in &need.write {
                steps.push(Step::WriteUnit {
                    service: name.clone(),
                    file: file.clone(),
                });
            }
        }
        let enable = visit.items().flat_map(|(_, need)| &need.enable);
        let files: Vec<UnitFileName> = enable.cloned().collect();
        if !files.is_empty() {
            steps.push(Step::Enable { files });
        }
        // 3. Always, when anything is done: an activation before this one may have died between a
        // unit file and its reload, and no later look at the file can tell.
        if processes && visit.phase != Phase::Contract {
            steps.push(Step::Reload);
            // One that only changes loses no time.
            steps.extend(self.start_timers(visit, Action::None));
            steps.extend(self.start_watches(visit));
        }
        // 4. who is asked by a new probe, before anything stops; who gives a port away first, then the
        // restarts, what a service needs before it
        if processes {
            for (name, _) in visit.items().filter(|(name, need)| {
                matches!(need.action, Action::None | Action::MayRestart)
                    && need.held == Held::No
                    && self.is_up_all_the_time(name)
                    && self.has_new_probe(name)
            }) {
                steps.push(Step::AskProbe {
                    service: name.clone(),
                    unit: self.wanted.services[name].unit.clone(),
                });
            }
            let stops = self.goes_first(visit.services).into_iter();
            steps.extend(stops.map(|(service, unit)| Step::Stop {
                service: service.clone(),
                unit: unit.clone(),
            }));
            steps.extend(self.remade_in(visit.services).map(|(network, remade)| {
                let (network, options) = (network.clone(), remade.after.clone());
                Step::RemakeNetwork { network, options }
            }));
            steps.extend(self.restarts(visit));
            let await_units: Vec<UnitName> = visit
                .items()
                .filter(|(name, need)| self.awaited(name, need))
                // One that still runs was healthy for long.
                .filter(|(_, need)| need.slots.as_ref().and_then(SlotNeed::back_to).is_none())
                .map(|(name, need)| self.unit_after(name, need).clone())
                .collect();
            if !await_units.is_empty() {
                steps.push(Step::AwaitHealthy { units: await_units });
            }
            // A new one comes after what its job needs.
            steps.extend(self.start_timers(visit, Action::Start));
        }
        self.push_removals(visit, &mut steps);
        // 5.
        if visit.ends {
            self.push_end(&mut steps);
        }
        steps
    }

    /// The unit that runs it when all is done.
    fn unit_after<'v>(&'v self, name: &ServiceName, need: &'v ServiceNeed) -> &'v UnitName {
        let to = need.slots.as_ref().and_then(|slots| slots.to.as_ref());
        to.map_or(&self.wanted.services[name].unit, |(_, unit)| unit)
    }

    /// Timers that are made anew, and what runs as another kind of service than it is to be.
    fn push_stops(&self, visit: &Visit<'_>, steps: &mut Vec<Step>) {
        let nothing = ObservedService::default();
        for (name, need) in visit.items() {
            let at = self.seen.services.get(name).unwrap_or(&nothing);
            let wanted = &self.wanted.services[name];
            let (service, unit) = (|| name.clone(), || wanted.unit.clone());
            if need.is_scheduled() && runs_always(at) {
                steps.push(Step::Stop {
                    service: service(),
                    unit: unit(),
                });
            }
            let was_scheduled = has_timer(at);
            let goes = !need.is_scheduled();
            if was_scheduled && (goes || need.timer == TimerNeed::Renew) {
                steps.push(Step::DropTimer {
                    service: service(),
                    unit: unit(),
                });
            }
            // A release that died may have come as far as its timer.
            let runs = was_scheduled || at.is_under_way();
            if runs && goes && wanted.timer().is_none() && at.is_job() {
                steps.push(Step::AwaitRun {
                    service: service(),
                    unit: unit(),
                });
            }
        }
    }

    /// The timers that this visit starts, of services for which this is done.
    fn start_timers<'v>(
        &'v self,
        visit: &'v Visit<'_>,
        action: Action,
    ) -> impl Iterator<Item = Step> + 'v {
        let renewed = visit.items();
        let renewed = renewed
            .filter(move |(_, need)| need.timer == TimerNeed::Renew && need.action == action);
        renewed.map(|(name, _)| Step::StartTimer {
            service: name.clone(),
            unit: self.wanted.services[name].unit.clone(),
        })
    }

    /// The watches that this visit starts.
    fn start_watches<'v>(&'v self, visit: &'v Visit<'_>) -> impl Iterator<Item = Step> + 'v {
        let started = visit.items();
        let started = started.filter(|(_, need)| need.watch == WatchNeed::Start);
        started.map(|(name, _)| Step::StartWatch {
            service: name.clone(),
            unit: self.wanted.services[name].unit.clone(),
        })
    }

    /// Whether a container that goes on running was not asked by the probe of its unit yet: `current`
    /// records another unit, which may have had another one.
    fn has_new_probe(&self, name: &ServiceName) -> bool {
        let wanted = &self.wanted.services[name];
        let probes = |text: &str| probes(text, &wanted.unit.container());
        let recorded = self.seen.generation.recorded(name);
        let Some(at) = self.seen.services.get(name) else {
            return false;
        };
        let before = match &at.unit.file {
            // It is in place already, so an activation died; what was there before is not known.
            UnitFile::Ours { digest, .. } if digest == wanted.unit_digest() => None,
            UnitFile::Ours { text, .. } => text.as_deref().map(probes),
            UnitFile::Absent | UnitFile::Foreign { .. } => None,
        };
        let file = wanted.unit.service_file();
        recorded.and_then(|recorded| recorded.units.get(&file)) != Some(wanted.unit_digest())
            && before.is_none_or(|before| before != probes(&wanted.service_unit().text))
            && !probes(&wanted.service_unit().text).is_empty()
    }

    /// Another version for each live directory of a service that needs one.
    fn swaps(&self, name: &ServiceName, need: &ServiceNeed) -> Vec<Step> {
        let wanted = self.wanted.services[name].entry.live_directories();
        let wanted = wanted.filter(|(directory, _)| need.swap.contains(*directory));
        let swaps = wanted.map(|(directory, digests)| Step::SwapFiles {
            service: name.clone(),
            directory: directory.clone(),
            digest: digests.digest.clone(),
        });
        swaps.collect()
    }

    /// A container that goes on running gets its files and reads them, at once and in its turn.
    pub(super) fn rereads(&self, name: &ServiceName, need: &ServiceNeed) -> Vec<Step> {
        let wanted = &self.wanted.services[name];
        let Some(live) = &wanted.entry.live else {
            return Vec::new();
        };
        let (service, unit) = (name.clone(), wanted.unit.clone());
        let mut steps = self.swaps(name, need);
        steps.push(Step::ReloadService {
            service: service.clone(),
            unit: unit.clone(),
            by: live.reload.clone(),
        });
        if !probes(&wanted.service_unit().text, &unit.container()).is_empty() {
            steps.push(Step::AskProbe { service, unit });
        }
        steps
    }

    /// Who gives a port to one of these services, or is in a network that is made anew for them, and stops for it.
    pub(super) fn goes_first<'v>(
        &'v self,
        services: &BTreeSet<&ServiceName>,
    ) -> Vec<(&'v ServiceName, &'v UnitName)> {
        let takes = |by: &ServiceName| services.contains(by);
        let departing = self.departing.iter().filter(move |(_, departing)| {
            departing.displaced_by.as_ref().is_some_and(takes) && departing.runs()
        });
        let departing = departing.map(|(name, departing)| (name, &departing.unit));
        // What becomes a job in this visit stops before its unit is written.
        let stays =
            |name: &ServiceName| !self.needs[name].is_scheduled() || !services.contains(name);
        let stay = self.displaced.iter();
        let stay = stay.filter(move |(name, by)| takes(by) && stays(name));
        let stay = stay.map(|(name, _)| (name, &self.wanted.services[name].unit));
        let mut stops: Vec<(&ServiceName, &UnitName)> = departing.chain(stay).collect();
        for name in self
            .remade_in(services)
            .flat_map(|(_, remade)| &remade.down)
        {
            let unit = match self.departing.get(name) {
                Some(departing) => &departing.unit,
                None => &self.wanted.services[name].unit,
            };
            if !stops.iter().any(|(stopped, _)| *stopped == name) {
                stops.push((name, unit));
            }
        }
        stops
    }

    /// Unit files that are not needed any more: of services that leave, and of those that stay.
    fn push_removals(&self, visit: &Visit<'_>, steps: &mut Vec<Step>) {
        let processes = self.seen.supervisor.runs_containers();
        let contracts = visit.phase == Phase::Contract;
        let leaving = self.departing.iter().filter(|_| contracts);
        for (name, departing) in leaving.clone() {
            let (service, unit) = (|| name.clone(), || departing.unit.clone());
            if processes && departing.has_timer() && !departing.is_foreign() {
                steps.push(Step::DropTimer {
                    service: service(),
                    unit: unit(),
                });
            }
            if processes && departing.is_job() && !departing.lingers() {
                steps.push(Step::AwaitRun {
                    service: service(),
                    unit: unit(),
                });
            }
            // Also one that was stopped for its port: systemd may have started it again.
            if processes && departing.runs() {
                steps.push(Step::Stop {
                    service: name.clone(),
                    unit: departing.unit.clone(),
                });
            }
            let others = departing.seen.slots.others.iter();
            let others = others.filter(|(_, other)| processes && other.is_up());
            steps.extend(others.map(|(unit, _)| Step::Stop {
                service: name.clone(),
                unit: unit.clone(),
            }));
        }
        let leaving = leaving.map(|(name, departing)| (name, departing.unit_files()));
        let staying = self.needs.iter().filter(|_| visit.ends);
        let staying = staying.map(|(name, need)| (name, need.remove.clone()));
        let mut removes = false;
        for (name, files) in leaving.chain(staying) {
            // A timer was dropped before.
            let dropped = |file: &UnitFileName| processes && file.kind() == Some(UnitKind::Timer);
            for file in files.into_iter().filter(|file| !dropped(file)) {
                removes = true;
                let service = name.clone();
                steps.push(Step::RemoveUnit { service, file });
            }
        }
        // Always where services leave, as above: a unit file may have gone in an activation that died before this.
        let leaves = contracts && !self.departing.is_empty();
        if processes && (leaves || removes) {
            steps.push(Step::Reload);
        }
    }

    /// Versions that nothing shows any more, and live directories that nothing mounts.
    fn clean_live(&self, name: &ServiceName, at: &ObservedService) -> Option<Step> {
        let need = self.needs.get(name);
        let wanted = self.wanted.services.get(name).filter(|_| need.is_some());
        let wanted = wanted
            .iter()
            .flat_map(|wanted| wanted.entry.live_directories());
        let mut keep: BTreeSet<LiveName> = wanted.map(|(name, _)| name.clone()).collect();
        // What runs on may have others mounted.
        if need.is_some_and(|need| need.action == Action::Pending) {
            keep.extend(at.live.keys().cloned());
        }
        let swapped = |name: &LiveName| need.is_some_and(|need| need.swap.contains(name));
        let old = |(name, there): (&LiveName, &ObservedLive)| {
            !keep.contains(name) || there.others || there.version.is_some() && swapped(name)
        };
        let service = name.clone();
        at.live
            .iter()
            .any(old)
            .then_some(Step::CleanLive { service, keep })
    }

    fn push_end(&self, steps: &mut Vec<Step>) {
        let ended = self.ended_holds.iter().cloned();
        steps.extend(ended.map(|service| Step::EndHold { service }));
        let unneeded = self.networks.unneeded.iter().cloned();
        steps.extend(unneeded.map(|network| Step::RemoveNetwork { network }));
        for (name, at) in &self.seen.services {
            let names: BTreeSet<String> = if let Some(need) = self.needs.get(name) {
                let stays = at
                    .container
                    .as_ref()
                    // Which directory a run of a job has shows when it goes; what becomes a job stops for its run.
                    .filter(|_| {
                        let goes = need.starts()
                            || need.runs()
                            || need.is_scheduled()
                            || need.held == Held::Yes;
                        !goes && runs_always(at)
                    })
                    .and_then(|c| c.directory.as_ref());
                let wanted = &self.wanted.services[name].directory;
                let runs_on = runs_on(need, at);
                let stale = at.directories.keys();
                stale
                    .filter(|d| *d != wanted && Some(*d) != stays && !runs_on.contains(d))
                    .map(ToString::to_string)
                    .collect()
            } else if self
                .departing
                .get(name)
                .is_some_and(|departing| !departing.lingers())
            {
                at.directories.keys().map(ToString::to_string).collect()
            } else {
                continue;
            };
            steps.extend(self.clean_live(name, at));
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
}

/// What other units of a service were started from that run on when all is done.
fn runs_on<'a>(need: &ServiceNeed, at: &'a ObservedService) -> BTreeSet<&'a DirectoryName> {
    let leaves = |unit: &UnitName| match &need.slots {
        Some(slots) => slots.leaves(unit),
        None => need.held == Held::No,
    };
    let others = at.slots.others.iter().filter(|(unit, _)| leaves(unit));
    let containers = others.filter_map(|(_, other)| other.container.as_ref());
    containers.filter_map(|it| it.directory.as_ref()).collect()
}
