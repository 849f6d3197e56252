//! The steps of a way back, service by service, put in the order of an activation.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{ObservedHost, ObservedProcess, ObservedService, RunningImage, SlotLink};
use super::step::{Begins, RestartedUnit, Step};
use super::touched::Touch;
use crate::cluster::name::ServiceName;
use crate::render::desired::{DesiredHost, DesiredService};
use crate::render::identity::{DirectoryName, Slot, UnitFileName, UnitKind, UnitName};
use crate::render::live::LiveName;
use crate::render::manifest::{Handling, ManifestService};

pub(super) struct WayDraft<'a> {
    pub(super) wanted: &'a DesiredHost,
    /// As it was before.
    pub(super) seen: &'a ObservedHost,
    /// The numbers of the steps after which systemd may start what was written.
    pub(super) reloads: Vec<usize>,
    /// A service gives its port to another one, or a network is made anew: all are stopped before any starts again.
    pub(super) ports_move: bool,
    pub(super) lists: Lists,
    pub(super) stuck: Vec<ServiceName>,
}

impl WayDraft<'_> {
    /// To what the previous generation says of it.
    pub(super) fn back_to(
        &mut self,
        name: &ServiceName,
        touch: &Touch<'_>,
        before: &ManifestService,
        at: &ObservedService,
    ) {
        let DesiredService {
            unit,
            entry,
            handling,
            ..
        } = &*self.wanted.services[name];
        let keeps = touch.kept.is_some() || touch.woken.is_some();
        if touch.flipped.is_some() || keeps || !touch.ended.is_empty() {
            self.slots_back(name, touch, before, at);
            return;
        }
        let lists = &mut self.lists;
        let service = || name.clone();
        let written = touch.first_write().unwrap_or(0);
        lists
            .files
            .extend(inputs_back(name, before, entry, at).map(|step| back(written, step)));
        let timer = unit.file(UnitKind::Timer);
        let held = self.seen.held(name).is_some();
        if let Some(number) = touch.timer.filter(|_| !held) {
            lists.timer(number, name, unit, before.units.contains_key(&timer));
        }
        for (file, digest) in &before.units {
            let dropped = *file == timer && touch.timer.is_some();
            if entry.units.get(file) != Some(digest) || dropped {
                let from = touch.timer.filter(|_| dropped).unwrap_or(written);
                let (service, file) = (service(), file.clone());
                let step = Step::WriteUnit { service, file };
                lists.files.push(back(from, step));
                lists.reload(from);
            }
        }
        for (file, number) in touch.files() {
            // It had none of this name.
            if !before.units.contains_key(file) {
                let (service, file) = (service(), file.clone());
                let step = Step::RemoveUnit { service, file };
                lists.files.push(back(number, step));
                lists.reload(number);
            }
        }
        for (file, number) in &touch.enabled {
            let dropped = **file == timer && touch.timer.is_some();
            if before.units.contains_key(*file) && !dropped {
                lists.enable(*number, (*file).clone());
                lists.reload(*number);
            }
        }
        if let Some((number, directory)) = touch.placed
            && *directory != before.directory
        {
            lists.removals.push(removal(number, name, directory));
        }

        // What a job did is not undone, and nobody runs it again for that; a run goes on with what it began with.
        let was = before.handling.as_ref().map(|handling| handling.runs);
        if was.is_some_and(|runs| !runs.is_all_the_time()) {
            if handling.runs.is_all_the_time()
                && let Some(number) = touch.restarted.or(touch.first_write())
            {
                let (service, unit) = (service(), unit.clone());
                lists.stops.push(back(number, Step::Stop { service, unit }));
            }
            return;
        }
        self.live_back(name, touch, before, at);
        // It stays stopped: that was no work of this release.
        if held {
            return;
        }
        let lists = &mut self.lists;
        let same = before.fingerprint == entry.fingerprint;
        let from = match touch.disturbed() {
            Some(number) if same => number,
            None if same => return,
            // A crash may have started it anew as soon as systemd knew of it.
            Some(_) | None if touch.first_write().is_some() => {
                let mut reloads = self.reloads.iter();
                reloads
                    .find(|reload| **reload > written)
                    .map_or(written, |reload| *reload)
            }
            // An activation before this one had come further.
            Some(_) | None => 0,
        };
        let from = touch.stopped.map_or(from, |stopped| stopped.min(from));
        // A moving tag: the image behind it is named back, too.
        let image = image_back(name, at, Some(&before.image));
        lists.files.extend(image.map(|step| back(from, step)));
        let started = touch.disturbed().unwrap_or(from);
        let (service, unit) = (service(), unit.clone());
        if self.wanted.services[name].timer().is_some() {
            let (service, unit) = (service.clone(), unit.clone());
            let step = Step::AwaitRun { service, unit };
            lists.stops.push(back(from.min(started), step));
        }
        match &at.process {
            ObservedProcess::Active { .. } if at.container.is_some() => {
                if self.ports_move {
                    let (service, unit) = (service.clone(), unit.clone());
                    lists
                        .stops
                        .push(back(started, Step::Stop { service, unit }));
                }
                lists.awaited(from, unit.clone());
                let step = if same {
                    let begins = Begins::After;
                    Step::Restart {
                        service,
                        unit,
                        begins,
                    }
                } else {
                    let fingerprint = before.fingerprint.clone();
                    Step::RestartUnless {
                        service,
                        unit,
                        fingerprint,
                    }
                };
                lists.restarts.push(back(from, step));
            }
            ObservedProcess::Stopped => {
                lists
                    .stops
                    .push(back(started, Step::Stop { service, unit }));
            }
            ObservedProcess::Active { .. } | ObservedProcess::Unwell { .. } => {
                if self.ports_move {
                    let (service, unit) = (service.clone(), unit.clone());
                    lists
                        .stops
                        .push(back(started, Step::Stop { service, unit }));
                }
                let step = Step::RestartWithoutWaiting { service, unit };
                lists.restarts.push(back(started, step));
            }
        }
    }

    /// Another slot took over, or was about to: the one that served before does so again, as it was.
    fn slots_back(
        &mut self,
        name: &ServiceName,
        touch: &Touch<'_>,
        before: &ManifestService,
        at: &ObservedService,
    ) {
        let DesiredService {
            unit: serving,
            entry,
            ..
        } = &*self.wanted.services[name];
        self.lists.watch_back(name, touch, before, entry);
        let woken = touch.woken.map(|(number, _)| number);
        let Some(began) = touch.restarted.or(woken) else {
            // It served already.
            return;
        };
        self.live_back(name, touch, before, at);
        let lists = &mut self.lists;
        let service = || name.clone();
        let to = touch.flipped.and_then(|(_, step)| {
            if let Step::FlipSlot { slot, .. } | Step::TakeOver { slot, .. } = step {
                Some(serving.of_slot(*slot))
            } else {
                None
            }
        });
        let to = to.unwrap_or_else(|| serving.clone());
        let written = touch.first_write().unwrap_or(began);
        lists
            .files
            .extend(inputs_back(name, before, entry, at).map(|step| back(written, step)));
        lists
            .files
            .extend(image_back(name, at, Some(&before.image)).map(|step| back(written, step)));
        let ran = |unit: &UnitName| {
            let active = matches!(at.process, ObservedProcess::Active { .. });
            let other = at.slots.others.get(unit).is_some_and(|other| other.runs);
            other || active && unit == serving
        };
        let recorded = |unit: &UnitName| before.units.contains_key(&unit.service_file());
        // What the generation has of an instance of a proxy may have been ended by an activation that died.
        let only = serving.of_service(name, name);
        let shares = entry
            .handling
            .as_ref()
            .is_some_and(|it| it.shared.is_some());
        let mut restored: BTreeMap<UnitName, usize> = BTreeMap::new();
        let ended = touch.ended.iter();
        for (number, unit) in ended.filter(|(_, unit)| **unit != to && ran(unit)) {
            let unit = match recorded(unit) {
                true => *unit,
                false if shares && *unit == serving && recorded(&only) => &only,
                false => continue,
            };
            restored.entry(unit.clone()).or_insert(*number);
        }
        for (unit, number) in restored {
            let file = unit.service_file();
            let step = Step::WriteUnit {
                service: service(),
                file: file.clone(),
            };
            lists.files.push(back(number, step));
            lists.enable(number, file);
            lists.reload(number);
            lists.awaited(number, unit.clone());
            let step = Step::RestartUnless {
                service: service(),
                unit,
                fingerprint: before.fingerprint.clone(),
            };
            lists.restarts.push(back(number, step));
        }
        if let Some((number, unit)) = touch.kept.filter(|(_, unit)| *unit == serving) {
            lists.enable(number, unit.service_file());
            lists.reload(number);
            let (service, unit) = (service(), unit.clone());
            let fingerprint = before.fingerprint.clone();
            let step = Step::WakeSlot {
                service,
                unit,
                fingerprint,
            };
            lists.restarts.push(back(number, step));
        }
        if let (Some((number, step)), Some(slot)) = (touch.flipped, at.slots.serving)
            && *serving != to
        {
            let handling = before.handling.as_ref();
            let step = flip_back(step, slot, serving, handling);
            lists.restarts.extend(step.map(|step| back(number, step)));
        }
        if to == *serving && recorded(serving) {
            // It was not up before, in the same slot.
            let file = serving.service_file();
            let step = Step::WriteUnit {
                service: service(),
                file: file.clone(),
            };
            lists.files.push(back(written, step));
            lists.reload(written);
            let (service, unit) = (service(), to);
            match &at.process {
                ObservedProcess::Stopped => {
                    lists
                        .stops
                        .push(back(written.min(began), Step::Stop { service, unit }));
                }
                ObservedProcess::Active { .. } | ObservedProcess::Unwell { .. } => {
                    let step = Step::RestartWithoutWaiting { service, unit };
                    lists.restarts.push(back(began, step));
                }
            }
        } else {
            // What ran on for a while does so again, and is not enabled any more.
            let seconds = woken.and_then(|_| before.slots()?.keep.or(entry.slots()?.keep));
            let enabled = touch.enabled.get(&to.service_file()).copied();
            let (service, unit) = (service(), to);
            let (from, step) = match seconds {
                Some(seconds) => {
                    let step = Step::KeepSlot {
                        service,
                        unit,
                        seconds,
                    };
                    (enabled.unwrap_or(began), step)
                }
                None => {
                    let step = Step::EndSlot {
                        service,
                        unit,
                        drain: None,
                    };
                    // As long as the proxy has not read who serves, it may be this one.
                    let known = at.slots.link != SlotLink::Unread;
                    let from = if known { written.min(began) } else { began };
                    (from, step)
                }
            };
            lists.restarts.push(back(from, step));
        }
        if let Some((number, directory)) = touch.placed
            && *directory != before.directory
        {
            lists.removals.push(removal(number, name, directory));
        }
    }

    /// Live directories show what they showed, and what goes on running reads that again.
    fn live_back(
        &mut self,
        name: &ServiceName,
        touch: &Touch<'_>,
        before: &ManifestService,
        at: &ObservedService,
    ) {
        let DesiredService { unit, entry, .. } = &*self.wanted.services[name];
        let lists = &mut self.lists;
        let nothing = BTreeMap::new();
        let recorded = before
            .live
            .as_ref()
            .map_or(&nothing, |live| &live.directories);
        let (mut first, mut reread) = (None, touch.reread);
        let all: BTreeSet<&LiveName> = recorded
            .keys()
            .chain(touch.swapped.keys().copied())
            .collect();
        for directory in all {
            let there = at.live.get(directory);
            let there = there.and_then(|there| there.version.as_ref());
            // It was lost, or an activation that died had come further.
            let digest = recorded.get(directory).map(|digests| &digests.digest);
            let lost = digest.filter(|digest| there.is_none_or(|version| !version.is_of(digest)));
            let from = match touch.swapped.get(directory) {
                Some(number) => *number,
                None if lost.is_some() => touch.first_write().unwrap_or(0),
                None => continue,
            };
            first = Some(first.map_or(from, |first: usize| first.min(from)));
            let (service, directory) = (name.clone(), directory.clone());
            let step = match (lost, there.cloned()) {
                (Some(digest), there) => {
                    reread = reread.or(there.map(|_| from));
                    let digest = digest.clone();
                    Step::SwapFiles {
                        service,
                        directory,
                        digest,
                    }
                }
                (None, Some(version)) => Step::SwapBack {
                    service,
                    directory,
                    version,
                },
                (None, None) => continue,
            };
            lists.files.push(back(from, step));
        }
        if let Some(first) = first {
            let step = Step::CleanLive {
                service: name.clone(),
                keep: at.live.keys().chain(recorded.keys()).cloned().collect(),
            };
            lists.removals.push(back(first, step));
        }
        let live = before.live.as_ref().or(entry.live.as_ref());
        let runs = matches!(at.process, ObservedProcess::Active { .. }) && at.container.is_some();
        let same = before.fingerprint == entry.fingerprint && touch.disturbed().is_none();
        let reread = reread.filter(|_| touch.reread.is_some() || runs && same);
        if let (Some(number), Some(live), None) = (reread, live, touch.restarted) {
            let step = Step::ReloadService {
                service: name.clone(),
                unit: unit.clone(),
                by: live.reload.clone(),
            };
            lists.restarts.push(back(number, step));
            lists.awaited(number, unit.clone());
        }
    }

    /// A newcomer goes again.
    pub(super) fn remove(&mut self, name: &ServiceName, touch: &Touch<'_>) {
        let unit = &self.wanted.services[name].unit;
        if let Some(number) = touch.first_write().or(touch.restarted).or(touch.timer) {
            if self.wanted.services[name].timer().is_some() {
                self.lists.timer(number, name, unit, false);
                let (service, unit) = (name.clone(), unit.clone());
                let step = Step::AwaitRun { service, unit };
                self.lists.stops.push(back(number, step));
            } else {
                let (service, unit) = (name.clone(), unit.clone());
                self.lists
                    .stops
                    .push(back(number, Step::Stop { service, unit }));
            }
        }
        for (file, number) in touch.files() {
            self.lists.reload(number);
            let (service, file) = (name.clone(), file.clone());
            let step = Step::RemoveUnit { service, file };
            self.lists.files.push(back(number, step));
        }
        if let Some((number, directory)) = touch.placed {
            self.lists.removals.push(removal(number, name, directory));
        }
        if let Some(number) = touch.swapped.values().min() {
            let (service, keep) = (name.clone(), BTreeSet::new());
            let step = Step::CleanLive { service, keep };
            self.lists.removals.push(back(*number, step));
        }
    }
}

/// The step by which the slot that served before does so again; none where it had no slots, or others told of them.
fn flip_back(
    step: &Step,
    slot: Slot,
    serving: &UnitName,
    before: Option<&Handling>,
) -> Option<Step> {
    let before = before?;
    if let Step::FlipSlot { service, proxy, .. } = step {
        return Some(Step::FlipSlot {
            service: service.clone(),
            slot,
            slots: before.slots.clone()?,
            proxy: proxy.clone(),
        });
    }
    let Step::TakeOver { service, .. } = step else {
        return None;
    };
    Some(Step::TakeOver {
        service: service.clone(),
        slot,
        unit: serving.clone(),
        ports: before.shared.clone()?,
    })
}

/// That the inputs which it had before are there again, if they are not.
fn inputs_back(
    name: &ServiceName,
    before: &ManifestService,
    now: &ManifestService,
    at: &ObservedService,
) -> Option<Step> {
    let gone = !at.directories.contains_key(&before.directory) && before.directory != now.directory;
    gone.then(|| Step::PlaceInputs {
        service: name.clone(),
        directory: before.directory.clone(),
    })
}

/// Where its reference means another image by now, as after a pull: that it means again what the container ran.
/// `recorded` is the reference that the previous generation has, where that has the service.
pub(super) fn image_back(
    name: &ServiceName,
    at: &ObservedService,
    recorded: Option<&String>,
) -> Option<Step> {
    let container = at.container.as_ref()?;
    let RunningImage::Another { id } = &container.image else {
        return None;
    };
    let is_its = recorded.is_none_or(|reference| container.reference == *reference);
    (is_its && !id.is_empty()).then(|| Step::NameImage {
        service: name.clone(),
        id: id.clone(),
        reference: container.reference.clone(),
    })
}

/// One step back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackStep {
    /// It is done only if the activation had begun its step of this number.
    pub from: usize,
    /// What it does.
    pub step: Step,
}

pub(super) fn back(from: usize, step: Step) -> BackStep {
    BackStep { from, step }
}

fn removal(from: usize, service: &ServiceName, directory: &DirectoryName) -> BackStep {
    let step = Step::RemoveInputs {
        service: service.clone(),
        names: [directory.to_string()].into(),
    };
    back(from, step)
}

/// The same restarts, those of one circle in one step: the health of each may need the others.
fn together(restarts: Vec<BackStep>, circles: &BTreeMap<&ServiceName, usize>) -> Vec<BackStep> {
    let mut all: Vec<BackStep> = Vec::new();
    // Where in them the restart of a circle is.
    let mut places: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for restart in restarts {
        let awaited = if let Step::Restart { service, unit, .. } = &restart.step {
            Some((service, unit, None))
        } else if let Step::RestartUnless {
            service,
            unit,
            fingerprint,
        } = &restart.step
        {
            Some((service, unit, Some(fingerprint)))
        } else {
            None
        };
        let of_circle = awaited.and_then(|(service, unit, unless)| {
            let circle = circles.get(service)?;
            let restarted = RestartedUnit {
                unit: unit.clone(),
                unless: unless.cloned(),
            };
            Some(((*circle, restart.from), service.clone(), restarted))
        });
        let Some((circle, service, restarted)) = of_circle else {
            all.push(restart);
            continue;
        };
        let place = *places.entry(circle).or_insert(all.len());
        if place == all.len() {
            let units = BTreeMap::new();
            all.push(back(restart.from, Step::RestartTogether { units }));
        }
        if let Step::RestartTogether { units } = &mut all[place].step {
            units.insert(service, restarted);
        }
    }
    all
}

/// The steps by what they do; the order is that of an activation.
#[derive(Debug, Default)]
pub(super) struct Lists {
    stops: Vec<BackStep>,
    /// Nobody is in them then.
    pub(super) networks: Vec<BackStep>,
    pub(super) files: Vec<BackStep>,
    enable: Option<(usize, Vec<UnitFileName>)>,
    reload: Option<usize>,
    pub(super) restarts: Vec<BackStep>,
    awaited: Option<(usize, Vec<UnitName>)>,
    timers: Vec<BackStep>,
    removals: Vec<BackStep>,
}

impl Lists {
    fn reload(&mut self, from: usize) {
        self.reload = Some(self.reload.map_or(from, |other| other.min(from)));
    }

    fn enable(&mut self, from: usize, file: UnitFileName) {
        let (first, files) = self.enable.get_or_insert((from, Vec::new()));
        *first = (*first).min(from);
        files.push(file);
    }

    /// A timer that was made anew goes, and comes back as it was, if it was there.
    fn timer(&mut self, from: usize, service: &ServiceName, unit: &UnitName, was_there: bool) {
        let (service, unit) = (|| service.clone(), || unit.clone());
        let step = Step::DropTimer {
            service: service(),
            unit: unit(),
        };
        self.stops.push(back(from, step));
        self.reload(from);
        if was_there {
            self.enable(from, unit().file(UnitKind::Timer));
            let step = Step::StartTimer {
                service: service(),
                unit: unit(),
            };
            self.timers.push(back(from, step));
        }
    }

    /// What both slots share of unit files is what it was. A timer that systemd reads again goes on.
    fn watch_back(
        &mut self,
        service: &ServiceName,
        touch: &Touch<'_>,
        before: &ManifestService,
        now: &ManifestService,
    ) {
        for (file, from) in touch
            .files()
            .into_iter()
            .filter(|(file, _)| file.is_watch())
        {
            let (service, file) = (service.clone(), file.clone());
            self.reload(from);
            let recorded = before.units.get(&file);
            // What the timer starts is enabled by nobody.
            if recorded.is_some() && file.kind() == Some(UnitKind::WatchTimer) {
                self.enable(from, file.clone());
            }
            let step = match recorded {
                None => Step::RemoveUnit { service, file },
                same if same == now.units.get(&file) => continue,
                Some(_) => Step::WriteUnit { service, file },
            };
            self.files.push(back(from, step));
        }
    }

    pub(super) fn awaited(&mut self, from: usize, unit: UnitName) {
        let (first, units) = self.awaited.get_or_insert((from, Vec::new()));
        *first = (*first).min(from);
        units.push(unit);
    }

    /// `circles` tells which services need each other.
    pub(super) fn in_order(self, circles: &BTreeMap<&ServiceName, usize>) -> Vec<BackStep> {
        let Self {
            mut stops,
            networks,
            files,
            enable,
            reload,
            restarts,
            awaited,
            timers,
            removals,
        } = self;
        // A unit stops while its file still says how.
        stops.extend(networks);
        stops.extend(files);
        stops.extend(enable.map(|(from, files)| back(from, Step::Enable { files })));
        stops.extend(reload.map(|from| back(from, Step::Reload)));
        stops.extend(together(restarts, circles));
        stops.extend(awaited.map(|(from, units)| back(from, Step::AwaitHealthy { units })));
        stops.extend(timers);
        stops.extend(removals);
        stops
    }
}
