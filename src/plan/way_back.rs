//! What puts the previous generation of a host back if an activation fails. Pure, and known before
//! the activation begins: the host does it by itself, whatever became of the connection.
//!
//! All that the release did on the host is put back, in this activation and in those before it. Only what
//! the host gained and what another host already uses stays.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{
    Generation, ObservedHost, ObservedProcess, ObservedService, RunningImage, UnitFile,
};
use super::step::{Step, StepKind, StepOf};
use super::{Phase, Wave, held};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::{Desired, DesiredHost, DesiredService};
use crate::render::identity::{DirectoryName, UnitName};
use crate::render::manifest::ManifestService;

/// How a failed activation is undone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WayBack {
    /// A failure at this step of the activation, or at a later one, leaves everything as it is: what
    /// changed is healthy then, and only bookkeeping or the removal of what leaves is left to do.
    pub until: usize,
    /// The generation that files are taken from; `None` if the host has none.
    pub generation: Option<u64>,
    /// In this order.
    pub steps: Vec<BackStep>,
    /// Services that are touched and that nothing is known of to go back to: they ran before, and no
    /// generation says how.
    pub stuck: Vec<ServiceName>,
    /// Services that this host gained in an earlier wave and that others use already.
    pub used: BTreeSet<ServiceName>,
}

/// One step back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackStep {
    /// It is done only if the activation had begun its step of this number.
    pub from: usize,
    /// What it does.
    pub step: Step,
}

/// What one activation does to one service: the numbers of its steps. That its health was awaited is a
/// touch, too.
#[derive(Debug, Default)]
struct Touch<'a> {
    placed: Option<(usize, &'a DirectoryName)>,
    repaired: Option<usize>,
    wrote: Option<usize>,
    enabled: Option<usize>,
    restarted: Option<usize>,
}

/// The way back from what the last of these waves does on a host, and those before it, of a host that
/// was `seen` before the first one.
#[must_use]
pub fn way_back(
    desired: &Desired,
    host: &HostName,
    seen: &ObservedHost,
    waves: &[Wave],
) -> WayBack {
    let none = WayBack::default();
    let Some((last, earlier)) = waves.split_last() else {
        return none;
    };
    let (Some(wanted), Some(steps)) = (desired.hosts.get(host), last.activations.get(host)) else {
        return none;
    };
    let wanted = &held(wanted, seen);
    let (generation, recorded) = match &seen.generation {
        Generation::Current {
            number, manifest, ..
        } => (Some(*number), Some(&manifest.services)),
        Generation::None | Generation::Unreadable { .. } => (None, None),
    };
    let until = match last.phase {
        Phase::Expand | Phase::Change => steps
            .iter()
            .position(|step| step.kind() == StepKind::End)
            .unwrap_or(steps.len()),
        Phase::Contract => 0,
    };
    let used = used_elsewhere(desired, host, seen, earlier);
    let before = earlier
        .iter()
        .filter_map(|wave| wave.activations.get(host))
        .flatten();
    let mut steps: Vec<Step> = without(wanted, &used, before)
        .into_iter()
        .chain(steps[..until].iter().cloned())
        .collect();
    let begun = steps.len() - until;
    if until == 0 {
        steps.clear();
    }
    let reloads = steps.iter().enumerate();
    let reloads = reloads.filter(|(_, step)| **step == Step::Reload);
    let mut draft = WayDraft {
        wanted,
        reloads: reloads.map(|(number, _)| number).collect(),
        ports_move: steps.iter().any(|step| matches!(step, Step::Stop { .. })),
        lists: Lists::default(),
        stuck: Vec::new(),
    };
    let nothing = ObservedService::default();
    for (name, touch) in touched(wanted, &steps) {
        let at = seen.services.get(name).unwrap_or(&nothing);
        match recorded.and_then(|services| services.get(name)) {
            Some(before) => draft.back_to(name, &touch, before, at),
            // Where `current` is lost, what is there was not necessarily new.
            None if at.container.is_none()
                && (recorded.is_some() || at.unit.file == UnitFile::Absent) =>
            {
                draft.remove(name, &touch);
            }
            None if touch.changes() => draft.stuck.push(name.clone()),
            None => {}
        }
    }
    for (number, step) in steps.iter().enumerate() {
        // A departing service that gave its port away.
        if let Step::Stop { service, unit } = step
            && !wanted.services.contains_key(service)
        {
            let at = seen.services.get(service).unwrap_or(&nothing);
            let image = image_back(service, at, None);
            let (service, unit) = (service.clone(), unit.clone());
            draft.lists.awaited(number, unit.clone());
            draft
                .lists
                .files
                .extend(image.map(|step| back(number, step)));
            draft
                .lists
                .restarts
                .push(back(number, Step::Restart { service, unit }));
        }
    }
    // What an earlier activation did is done when this one begins.
    let steps = draft.lists.in_order().into_iter().map(|back| BackStep {
        from: back.from.saturating_sub(begun),
        ..back
    });
    WayBack {
        until,
        generation,
        steps: steps.collect(),
        stuck: draft.stuck,
        used,
    }
}

/// What earlier waves started on a host that was not there before, and what others use: services of
/// other hosts that started after it and need it, or what they need.
fn used_elsewhere(
    desired: &Desired,
    host: &HostName,
    seen: &ObservedHost,
    earlier: &[Wave],
) -> BTreeSet<ServiceName> {
    let mut gained: BTreeSet<&ServiceName> = BTreeSet::new();
    let mut left: Vec<&ServiceName> = Vec::new();
    for (name, steps) in earlier.iter().flat_map(|wave| &wave.activations) {
        let starts = steps.iter().filter(|step| step.kind() == StepKind::Start);
        let starts = starts.filter_map(Step::service);
        for service in starts {
            if name == host {
                let at = seen.services.get(service);
                if at.is_none_or(|at| at.container.is_none()) {
                    gained.insert(service);
                }
            } else if let Some(service) = desired.hosts[name].services.get(service) {
                left.extend(&service.handling.needs);
            }
        }
    }
    let mut used = BTreeSet::new();
    while let Some(name) = left.pop() {
        if !gained.contains(name) || !used.insert(name.clone()) {
            continue;
        }
        let Some(service) = desired.hosts[host].services.get(name) else {
            continue;
        };
        left.extend(&service.handling.needs);
        // Who gave it its port cannot have that back.
        for (other, at) in &seen.services {
            let ports = at.holds(seen.generation.recorded(other));
            if other != name
                && ports.into_iter().any(|held| {
                    service
                        .handling
                        .ports
                        .iter()
                        .any(|own| own.clash(&held).is_some())
                })
            {
                gained.insert(other);
                left.push(other);
            }
        }
    }
    used
}

/// Steps without those of some services.
fn without<'a>(
    wanted: &DesiredHost,
    services: &BTreeSet<ServiceName>,
    steps: impl Iterator<Item = &'a Step>,
) -> Vec<Step> {
    let other = |unit: &UnitName| {
        let mut named = services.iter().filter_map(|name| wanted.services.get(name));
        !named.any(|service| service.unit == *unit)
    };
    let others = |units: &[UnitName]| units.iter().filter(|unit| other(unit)).cloned().collect();
    steps
        .filter_map(|step| match step.about() {
            StepOf::Service(service) => (!services.contains(service)).then(|| step.clone()),
            StepOf::Units(units) => Some(step.for_units(others(units))),
            StepOf::Host => Some(step.clone()),
        })
        .collect()
}

fn touched<'a>(wanted: &'a DesiredHost, steps: &'a [Step]) -> BTreeMap<&'a ServiceName, Touch<'a>> {
    let mut touched: BTreeMap<&ServiceName, Touch<'_>> = BTreeMap::new();
    let named = |unit: &UnitName| {
        let mut services = wanted.services.iter();
        services.find(|(_, service)| service.unit == *unit)
    };
    for (number, step) in steps.iter().enumerate() {
        let services: Vec<&ServiceName> = match step.about() {
            StepOf::Service(service) => vec![service],
            StepOf::Units(units) => {
                let services = units.iter().filter_map(named);
                services.map(|(service, _)| service).collect()
            }
            StepOf::Host => Vec::new(),
        };
        for service in services {
            match (step.kind(), step.placed()) {
                (StepKind::Inputs, Some(placed)) if placed.only.is_none() => {
                    touched.entry(service).or_default().placed = Some((number, placed.directory));
                }
                (StepKind::Inputs, _) => {
                    touched.entry(service).or_default().repaired = Some(number)
                }
                (StepKind::Unit, _) => touched.entry(service).or_default().wrote = Some(number),
                (StepKind::Links, _) => touched.entry(service).or_default().enabled = Some(number),
                (StepKind::Start, _) => {
                    touched.entry(service).or_default().restarted = Some(number)
                }
                (StepKind::Wait, _) => {
                    touched.entry(service).or_default();
                }
                (
                    StepKind::Mark
                    | StepKind::Reload
                    | StepKind::Image
                    | StepKind::Stop
                    | StepKind::Ask
                    | StepKind::End,
                    _,
                ) => {}
            }
        }
    }
    touched
}

impl Touch<'_> {
    fn changes(&self) -> bool {
        let Self {
            placed,
            repaired,
            wrote,
            enabled,
            restarted,
        } = self;
        placed.is_some()
            || repaired.is_some()
            || wrote.is_some()
            || enabled.is_some()
            || restarted.is_some()
    }
}

struct WayDraft<'a> {
    wanted: &'a DesiredHost,
    /// The numbers of the steps after which systemd may start what was written.
    reloads: Vec<usize>,
    /// A service gives its port to another one: all are stopped before any starts again.
    ports_move: bool,
    lists: Lists,
    stuck: Vec<ServiceName>,
}

impl WayDraft<'_> {
    /// To what the previous generation says of it.
    fn back_to(
        &mut self,
        name: &ServiceName,
        touch: &Touch<'_>,
        before: &ManifestService,
        at: &ObservedService,
    ) {
        let DesiredService { unit, entry, .. } = &*self.wanted.services[name];
        let lists = &mut self.lists;
        let service = || name.clone();
        let written = touch.wrote.unwrap_or(0);
        if !at.directories.contains_key(&before.directory) && before.directory != entry.directory {
            let directory = before.directory.clone();
            let step = Step::PlaceInputs {
                service: service(),
                directory,
            };
            lists.files.push(back(written, step));
        }
        if before.units != entry.units {
            let step = Step::WriteUnit {
                service: service(),
                unit: unit.clone(),
            };
            lists.files.push(back(written, step));
            lists.reload(written);
        }
        if let Some(number) = touch.enabled {
            lists.enable(number, unit.clone());
            lists.reload(number);
        }
        if let Some((number, directory)) = touch.placed
            && *directory != before.directory
        {
            lists.removals.push(removal(number, name, directory));
        }

        let same = before.fingerprint == entry.fingerprint;
        // A moving tag: the image behind it is named back, too.
        if let Some(number) = touch.restarted
            && let Some(step) = image_back(name, at, Some(&before.image))
        {
            lists.files.push(back(number, step));
        }
        let from = match touch.restarted {
            Some(number) if same => number,
            None if same => return,
            // A crash may have started it anew as soon as systemd knew of it.
            Some(_) | None if touch.wrote.is_some() => {
                let mut reloads = self.reloads.iter();
                reloads
                    .find(|reload| **reload > written)
                    .map_or(written, |reload| *reload)
            }
            // An activation before this one had come further.
            Some(_) | None => 0,
        };
        let started = touch.restarted.unwrap_or(from);
        let (service, unit) = (service(), unit.clone());
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
                    Step::Restart { service, unit }
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
                let step = Step::RestartWithoutWaiting { service, unit };
                lists.restarts.push(back(started, step));
            }
        }
    }

    /// A newcomer goes again.
    fn remove(&mut self, name: &ServiceName, touch: &Touch<'_>) {
        let unit = &self.wanted.services[name].unit;
        let (service, unit) = (name.clone(), unit.clone());
        if let Some(number) = touch.wrote.or(touch.restarted) {
            let (service, unit) = (service.clone(), unit.clone());
            self.lists
                .stops
                .push(back(number, Step::Stop { service, unit }));
        }
        if let Some(number) = touch.wrote.or(touch.enabled) {
            self.lists.reload(number);
            let step = Step::RemoveUnit { service, unit };
            self.lists.files.push(back(number, step));
        }
        if let Some((number, directory)) = touch.placed {
            self.lists.removals.push(removal(number, name, directory));
        }
    }
}

/// Where its reference means another image by now, as after a pull: that it means again what the container ran.
/// `recorded` is the reference that the previous generation has, where that has the service.
fn image_back(name: &ServiceName, at: &ObservedService, recorded: Option<&String>) -> Option<Step> {
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

fn back(from: usize, step: Step) -> BackStep {
    BackStep { from, step }
}

fn removal(from: usize, service: &ServiceName, directory: &DirectoryName) -> BackStep {
    let step = Step::RemoveInputs {
        service: service.clone(),
        names: [directory.to_string()].into(),
    };
    back(from, step)
}

/// The steps by what they do; the order is that of an activation.
#[derive(Debug, Default)]
struct Lists {
    stops: Vec<BackStep>,
    files: Vec<BackStep>,
    enable: Option<(usize, Vec<UnitName>)>,
    reload: Option<usize>,
    restarts: Vec<BackStep>,
    awaited: Option<(usize, Vec<UnitName>)>,
    removals: Vec<BackStep>,
}

impl Lists {
    fn reload(&mut self, from: usize) {
        self.reload = Some(self.reload.map_or(from, |other| other.min(from)));
    }

    fn enable(&mut self, from: usize, unit: UnitName) {
        self.enable.get_or_insert((from, Vec::new())).1.push(unit);
    }

    fn awaited(&mut self, from: usize, unit: UnitName) {
        let (first, units) = self.awaited.get_or_insert((from, Vec::new()));
        *first = (*first).min(from);
        units.push(unit);
    }

    fn in_order(self) -> Vec<BackStep> {
        let Self {
            mut stops,
            files,
            enable,
            reload,
            restarts,
            awaited,
            removals,
        } = self;
        // A unit stops while its file still says how.
        stops.extend(files);
        stops.extend(enable.map(|(from, units)| back(from, Step::Enable { units })));
        stops.extend(reload.map(|from| back(from, Step::Reload)));
        stops.extend(restarts);
        stops.extend(awaited.map(|(from, units)| back(from, Step::AwaitHealthy { units })));
        stops.extend(removals);
        stops
    }
}
