//! What puts the previous generation of a host back if an activation fails. Pure, and known before
//! the activation begins: the host does it by itself, whatever became of the connection.
//!
//! Only what this activation touched is put back. What an earlier wave of the same release started
//! here and found healthy stays: other hosts may already use it.

use std::collections::BTreeMap;

use super::Phase;
use super::observed::{
    Generation, ObservedHost, ObservedProcess, ObservedService, RunningImage, UnitFile,
};
use super::step::Step;
use crate::cluster::name::{ServiceName, UnitName};
use crate::render::desired::{DesiredHost, DesiredService, DirectoryName};
use crate::render::manifest::ManifestService;

/// How a failed activation is undone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutBack {
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
}

/// One step back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackStep {
    /// It is done only if the activation had begun its step of this number.
    pub from: usize,
    pub step: Step,
}

/// What one activation does to one service: the numbers of its steps.
#[derive(Debug, Default)]
struct Touch<'a> {
    placed: Option<(usize, &'a DirectoryName)>,
    repaired: Option<usize>,
    wrote: Option<usize>,
    enabled: Option<usize>,
    restarted: Option<usize>,
    awaited: Option<usize>,
}

/// The way back from an activation of `steps`, of a host that was `seen` before it.
#[must_use]
pub fn put_back(
    wanted: &DesiredHost,
    seen: &ObservedHost,
    phase: Phase,
    steps: &[Step],
) -> PutBack {
    let (generation, recorded) = match &seen.generation {
        Generation::Current {
            number, manifest, ..
        } => (Some(*number), Some(&manifest.services)),
        Generation::None | Generation::Unreadable { .. } => (None, None),
    };
    let until = match phase {
        Phase::Expand | Phase::Change => steps.iter().position(is_end).unwrap_or(steps.len()),
        Phase::Contract => 0,
    };
    let steps = &steps[..until];
    let reload = steps.iter().position(|step| *step == Step::Reload);
    let mut draft = Draft {
        wanted,
        reload: reload.unwrap_or(until),
        ports_move: steps.iter().any(|step| matches!(step, Step::Stop { .. })),
        lists: Lists::default(),
        stuck: Vec::new(),
    };
    let nothing = ObservedService::default();
    for (name, touch) in touched(wanted, steps) {
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
        // A leaver that gave its port away.
        if let Step::Stop { service, unit } = step
            && !wanted.services.contains_key(service)
        {
            let (service, unit) = (service.clone(), unit.clone());
            draft.lists.awaited(number, unit.clone());
            draft
                .lists
                .restarts
                .push(back(number, Step::Restart { service, unit }));
        }
    }
    PutBack {
        until,
        generation,
        steps: draft.lists.in_order(),
        stuck: draft.stuck,
    }
}

/// Whether all that runs is as it should be when this step begins.
fn is_end(step: &Step) -> bool {
    match step {
        Step::RemoveInputs { .. } | Step::SetCurrent { .. } | Step::RemoveGenerations { .. } => {
            true
        }
        Step::PlaceInputs { .. }
        | Step::RepairInputs { .. }
        | Step::MarkEdited { .. }
        | Step::WriteUnit { .. }
        | Step::Enable { .. }
        | Step::Reload
        | Step::Stop { .. }
        | Step::Restart { .. }
        | Step::RestartUnless { .. }
        | Step::RestartUnjudged { .. }
        | Step::NameImage { .. }
        | Step::AwaitHealthy { .. }
        | Step::RemoveUnit { .. } => false,
    }
}

fn touched<'a>(wanted: &'a DesiredHost, steps: &'a [Step]) -> BTreeMap<&'a ServiceName, Touch<'a>> {
    let mut touched: BTreeMap<&ServiceName, Touch<'_>> = BTreeMap::new();
    let named = |unit: &UnitName| {
        let mut services = wanted.services.iter();
        services.find(|(_, service)| service.unit == *unit)
    };
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::PlaceInputs { service, directory } => {
                touched.entry(service).or_default().placed = Some((number, directory));
            }
            Step::RepairInputs { service, .. } => {
                touched.entry(service).or_default().repaired = Some(number);
            }
            Step::WriteUnit { service, .. } => {
                touched.entry(service).or_default().wrote = Some(number);
            }
            Step::Restart { service, .. } => {
                touched.entry(service).or_default().restarted = Some(number);
            }
            Step::Enable { units } => {
                for (service, _) in units.iter().filter_map(named) {
                    touched.entry(service).or_default().enabled = Some(number);
                }
            }
            Step::AwaitHealthy { units } => {
                for (service, _) in units.iter().filter_map(named) {
                    touched.entry(service).or_default().awaited = Some(number);
                }
            }
            Step::MarkEdited { .. }
            | Step::Reload
            | Step::Stop { .. }
            | Step::RestartUnless { .. }
            | Step::RestartUnjudged { .. }
            | Step::NameImage { .. }
            | Step::RemoveUnit { .. }
            | Step::SetCurrent { .. }
            | Step::RemoveInputs { .. }
            | Step::RemoveGenerations { .. } => {}
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
            awaited: _,
        } = self;
        placed.is_some()
            || repaired.is_some()
            || wrote.is_some()
            || enabled.is_some()
            || restarted.is_some()
    }
}

struct Draft<'a> {
    wanted: &'a DesiredHost,
    /// The number of the step after which systemd may start what was written.
    reload: usize,
    /// A service gives its port to another one: all are stopped before any starts again.
    ports_move: bool,
    lists: Lists,
    stuck: Vec<ServiceName>,
}

impl Draft<'_> {
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
        if before.unit != entry.unit {
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
        if let Some(container) = &at.container
            && let RunningImage::Another { id } = &container.image
            && let Some(number) = touch.restarted
            && container.reference == before.image
            && !id.is_empty()
        {
            let step = Step::NameImage {
                service: service(),
                id: id.clone(),
                reference: container.reference.clone(),
            };
            lists.files.push(back(number, step));
        }
        let from = match touch.restarted {
            Some(number) if same => number,
            None if same => return,
            // A crash may have started it anew as soon as systemd knew of it.
            Some(_) | None if touch.wrote.is_some() => self.reload,
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
                let step = Step::RestartUnjudged { service, unit };
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
