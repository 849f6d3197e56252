//! What an activation does to each service.

use std::collections::BTreeMap;

use super::step::{Step, StepKind, StepOf};
use crate::cluster::name::ServiceName;
use crate::render::desired::DesiredHost;
use crate::render::identity::{DirectoryName, UnitFileName, UnitName, without_slot};
use crate::render::live::LiveName;

/// What one activation does to one service: the numbers of its steps. That its health was awaited is a
/// touch, too.
#[derive(Debug, Default)]
pub(super) struct Touch<'a> {
    pub(super) placed: Option<(usize, &'a DirectoryName)>,
    pub(super) repaired: Option<usize>,
    pub(super) wrote: BTreeMap<&'a UnitFileName, usize>,
    pub(super) enabled: BTreeMap<&'a UnitFileName, usize>,
    /// It stays, and its container was stopped, for good or until it starts again.
    pub(super) stopped: Option<usize>,
    pub(super) restarted: Option<usize>,
    /// Live directories that got another version.
    pub(super) swapped: BTreeMap<&'a LiveName, usize>,
    /// It was told to read them again.
    pub(super) reread: Option<usize>,
    /// A slot took over: the step.
    pub(super) flipped: Option<(usize, &'a Step)>,
    /// Units of it that were ended.
    pub(super) ended: Vec<(usize, &'a UnitName)>,
    /// A unit of it that runs on for a while.
    pub(super) kept: Option<(usize, &'a UnitName)>,
    /// One that ran on for a while, and is to serve again.
    pub(super) woken: Option<(usize, &'a UnitName)>,
    /// Its timer was stopped or started.
    pub(super) timer: Option<usize>,
}

/// What steps do to the services of a host.
pub(super) fn touched<'a>(
    wanted: &'a DesiredHost,
    steps: &'a [Step],
) -> BTreeMap<&'a ServiceName, Touch<'a>> {
    let mut touched: BTreeMap<&ServiceName, Touch<'_>> = BTreeMap::new();
    let services = wanted.services.iter();
    let by_unit: BTreeMap<&str, &ServiceName> = services
        .map(|(name, service)| (without_slot(service.unit.as_str()), name))
        .collect();
    let named = |unit: &str| by_unit.get(without_slot(unit)).copied();
    for (number, step) in steps.iter().enumerate() {
        let services: Vec<&ServiceName> = match step.about() {
            StepOf::Service(service) => vec![service],
            StepOf::Services(services) => services,
            StepOf::Units(units) => units.into_iter().filter_map(named).collect(),
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
                (StepKind::Unit, _) => {
                    let files = step.unit_files().iter().map(|file| (file, number));
                    touched.entry(service).or_default().wrote.extend(files);
                }
                (StepKind::Links, _) => {
                    let unit = wanted.services[service].unit.as_str();
                    let files = step.unit_files().iter();
                    let of_it =
                        files.filter(|file| without_slot(file.unit()) == without_slot(unit));
                    let enabled = &mut touched.entry(service).or_default().enabled;
                    enabled.extend(of_it.map(|file| (file, number)));
                }
                (StepKind::Swap, _) => {
                    if let Step::SwapFiles { directory, .. } = step {
                        let swapped = &mut touched.entry(service).or_default().swapped;
                        swapped.insert(directory, number);
                    }
                }
                (StepKind::Reread, _) => touched.entry(service).or_default().reread = Some(number),
                (StepKind::Slot, _) => {
                    let touch = touched.entry(service).or_default();
                    if let Step::EndSlot { unit, .. } = step {
                        touch.ended.push((number, unit));
                    } else if let Step::KeepSlot { unit, .. } = step {
                        touch.kept = Some((number, unit));
                    } else if let Step::WakeSlot { unit, .. } = step {
                        touch.woken = Some((number, unit));
                    } else if let Step::FlipSlot { .. } | Step::TakeOver { .. } = step {
                        touch.flipped = Some((number, step));
                    }
                }
                (StepKind::Start, _) => {
                    touched.entry(service).or_default().restarted = Some(number)
                }
                (StepKind::Wait, _) => {
                    touched.entry(service).or_default();
                }
                (StepKind::Stop, _) if wanted.services.contains_key(service) => {
                    let stopped = &mut touched.entry(service).or_default().stopped;
                    stopped.get_or_insert(number);
                }
                // Also of one that leaves.
                (StepKind::Timer, _) if wanted.services.contains_key(service) => {
                    let timer = &mut touched.entry(service).or_default().timer;
                    timer.get_or_insert(number);
                }
                (
                    StepKind::Mark
                    | StepKind::Unlink
                    | StepKind::Reload
                    | StepKind::Image
                    | StepKind::Stop
                    | StepKind::Network
                    | StepKind::Run
                    | StepKind::Ask
                    | StepKind::Timer
                    | StepKind::Watch
                    | StepKind::AwaitRun
                    | StepKind::End,
                    _,
                ) => {}
            }
        }
    }
    touched
}

impl<'a> Touch<'a> {
    /// When the first of its unit files was written.
    pub(super) fn first_write(&self) -> Option<usize> {
        self.wrote.values().min().copied()
    }

    /// Its unit files that were written or enabled, and when first.
    pub(super) fn files(&self) -> BTreeMap<&'a UnitFileName, usize> {
        let mut files = self.enabled.clone();
        files.extend(&self.wrote);
        files
    }

    /// Whether it changes anything.
    pub(super) fn changes(&self) -> bool {
        let Self {
            placed,
            repaired,
            wrote,
            enabled,
            stopped,
            restarted,
            swapped,
            reread,
            flipped,
            ended,
            kept,
            woken,
            timer,
        } = self;
        placed.is_some()
            || repaired.is_some()
            || !wrote.is_empty()
            || !enabled.is_empty()
            || stopped.is_some()
            || restarted.is_some()
            || !swapped.is_empty()
            || reread.is_some()
            || flipped.is_some()
            || !ended.is_empty()
            || kept.is_some()
            || woken.is_some()
            || timer.is_some()
    }

    /// From where on it does not run as before.
    pub(super) fn disturbed(&self) -> Option<usize> {
        self.stopped.into_iter().chain(self.restarted).min()
    }
}
