//! One service on one host: what must be written, and whether its container restarts. This is
//! the rule of the whole program; everything else orders and explains what is decided here.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{
    EditMark, Environment, LiveLinks, LiveRead, Loaded, Moment, ObservedContainer,
    ObservedDirectory, ObservedLive, ObservedProcess, ObservedService, ObservedSlots, ObservedUnit,
    OtherInstance, RunningImage, SlotLink, TimerState, UnitFile,
};
use super::once::Due;
use super::reason::Reason;
use super::reasons;
use super::{Action, Change};
use crate::cluster::digest::Digest;
use crate::cluster::job::OnceKey;
use crate::cluster::model::{RestartPolicy, Supervisor};
use crate::render::desired::DesiredService;
use crate::render::fingerprint::{Recipe, fingerprint};
use crate::render::hold::Hold;
use crate::render::identity::{DirectoryName, Slot, UnitFileName, UnitKind, UnitName};
use crate::render::live::{LiveName, is_own};
use crate::render::manifest::ManifestService;

/// What one desired service needs on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServiceNeed {
    pub change: Change,
    /// The inputs directory has to be written, or some files of it mended.
    pub directory: DirectoryNeed,
    /// The live directories that get another version.
    pub swap: BTreeSet<LiveName>,
    /// The unit files that are written.
    pub write: BTreeSet<UnitFileName>,
    /// The unit file was edited by hand, and what runs, or a crash starts meanwhile, may run what it says:
    /// the directories that carry the mark until the restart, each with the moment of the edit.
    pub marks: BTreeMap<DirectoryName, Moment>,
    /// The unit files whose links are made anew.
    pub enable: BTreeSet<UnitFileName>,
    /// The unit files whose links go, since it is held.
    pub disable: BTreeSet<UnitFileName>,
    /// Whether somebody holds it: nothing of it runs, and systemd starts nothing of it.
    pub held: Held,
    /// What is left of unit files that it has no more.
    pub remove: BTreeSet<UnitFileName>,
    pub reload: bool,
    pub action: Action,
    /// What becomes of its timer.
    pub timer: TimerNeed,
    /// What becomes of the timer that asks it whether it is well.
    pub watch: WatchNeed,
    /// What becomes of its slots.
    pub slots: Option<SlotNeed>,
    pub reasons: Vec<Reason>,
    /// Files that were edited by hand and are mended, or replaced by others; without those that a
    /// reason names.
    pub mended: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DirectoryNeed {
    Nothing,
    Place,
    Repair {
        write: BTreeSet<String>,
        remove: BTreeSet<String>,
    },
}

/// What becomes of the timer of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimerNeed {
    /// It has none, and is to have none.
    None,
    /// It goes on as it is.
    Stays,
    /// It is made and started anew: it is another one, or does not wait.
    Renew,
}

/// What becomes of the timer that asks a service whether it is well. It starts and stops with the service by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WatchNeed {
    /// It is as it should be, or will be when the service starts.
    Nothing,
    /// The service runs, and it does not.
    Start,
}

/// What becomes of the slots of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotNeed {
    /// Units of it that end before it starts.
    pub first: Vec<UnitName>,
    /// The slot that is to serve runs, by an earlier release that did not end: it stops before it starts anew.
    pub drained: Option<UnitName>,
    /// The proxy does not know yet that this slot serves, and another one takes over from it.
    pub settled: Option<Slot>,
    /// The slot that serves then, with its unit.
    pub to: Option<(Slot, UnitName)>,
    /// What becomes of that before it serves.
    pub start: SlotStart,
    /// Units of it that run on for a while when it serves.
    pub kept: Vec<UnitName>,
    /// Units of it that end when it serves.
    pub last: Vec<UnitName>,
}

/// What becomes of a slot before it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotStart {
    /// It serves already, and only has to be known.
    Serves,
    /// It starts.
    Anew,
    /// It still runs, as it is to be.
    StillRuns,
}

impl SlotNeed {
    /// The slot that still runs as it is to be, and takes over.
    pub(super) fn back_to(&self) -> Option<Slot> {
        let (slot, _) = self.to.as_ref()?;
        (self.start == SlotStart::StillRuns).then_some(*slot)
    }

    /// Whether another unit of it runs on when all is done, from what it was started from.
    pub(super) fn leaves(&self, unit: &UnitName) -> bool {
        let starts = self.start == SlotStart::Anew;
        let starts = starts && self.to.as_ref().is_some_and(|(_, to)| to == unit);
        !starts && !self.first.contains(unit) && !self.last.contains(unit)
    }
}

impl ServiceNeed {
    /// Whether files or links are written, or systemd has to read them again.
    pub(crate) fn writes(&self) -> bool {
        let Self {
            change: _,
            directory,
            swap,
            write,
            marks: _,
            enable,
            disable,
            held: _,
            remove,
            reload,
            action: _,
            timer: _,
            watch: _,
            slots: _,
            reasons: _,
            mended: _,
        } = self;
        let units = [write, enable, disable, remove];
        *directory != DirectoryNeed::Nothing
            || !swap.is_empty()
            || *reload
            || units.iter().any(|some| !some.is_empty())
    }

    /// Whether its container is started or restarted: that of a scheduled job never is.
    pub(crate) fn starts(&self) -> bool {
        self.timer == TimerNeed::None && matches!(self.action, Action::Start | Action::Restart)
    }

    /// Whether a timer starts its container.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.timer != TimerNeed::None
    }

    /// Whether its container goes on running, and reads its live directories again.
    pub(crate) fn rereads(&self) -> bool {
        self.action == Action::Reload
    }

    /// A job that runs once: what becomes of it.
    pub(super) fn decide_run(
        &mut self,
        due: Due,
        desired: &DesiredService,
        seen: &ObservedService,
    ) {
        (self.action, self.reasons) = match due {
            // It was a service until now, whose container runs on.
            Due::No | Due::May | Due::WithOthers
                if matches!(seen.process, ObservedProcess::Active { .. }) =>
            {
                (Action::Stop, Vec::new())
            }
            Due::No | Due::WithOthers => (Action::None, Vec::new()),
            Due::May => (Action::MayRun, Vec::new()),
            Due::Yes(mut reasons) => {
                if desired.handling.runs.once() == Some(OnceKey::Inputs)
                    && !reasons.contains(&Reason::NotRunYet)
                    && let Some(on_disk) = reasons::OnDisk::of(seen)
                {
                    let differ = reasons::between(&on_disk.inputs, &desired.inputs);
                    reasons.retain(|reason| !differ.contains(reason));
                    reasons.extend(differ);
                }
                if reasons.is_empty() {
                    reasons.push(Reason::Unknown {
                        fingerprint: desired.fingerprint.to_string(),
                    });
                }
                (Action::Run, reasons)
            }
        };
    }

    /// Whether its container is started, stopped or run to its end.
    pub(crate) fn acts(&self) -> bool {
        self.starts() || self.runs() || matches!(self.action, Action::Stop | Action::Swap)
    }

    /// Its files stay what they are, whatever they are.
    pub(super) fn leave_files(&mut self) {
        if self.write.iter().any(UnitFileName::is_watch) {
            self.watch = WatchNeed::Nothing;
            self.enable.retain(|file| !file.is_watch());
        }
        self.directory = DirectoryNeed::Nothing;
        self.swap.clear();
        self.write.clear();
        self.remove.clear();
        self.mended.clear();
        self.marks.clear();
    }

    /// Whether it is a job that runs.
    pub(crate) fn runs(&self) -> bool {
        self.action == Action::Run
    }
}

/// Whether somebody holds a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Yes,
    No,
}

/// Whether the operator named this service, which releases a manual restart too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Yes,
    No,
}

impl ServiceNeed {
    /// Whether more is to be done for it than to start it, by what was decided without being asked for. A timer that
    /// starts is written anew.
    pub(super) fn is_more_than_a_start(&self) -> bool {
        let timer = |file: &UnitFileName| file.kind() == Some(UnitKind::Timer);
        self.directory != DirectoryNeed::Nothing
            || !self.swap.is_empty()
            || self.write.iter().any(|file| !timer(file))
            || !self.remove.is_empty()
            || self.change == Change::Added
            || self.action == Action::Reload
            || self.action == Action::Swap && !self.is_a_start_elsewhere()
    }

    /// Whether it does not run, and all that it needs is the other slot, which runs as it is to be.
    fn is_a_start_elsewhere(&self) -> bool {
        let mut reasons = self.reasons.iter();
        let back = self.slots.as_ref().and_then(SlotNeed::back_to);
        back.is_some() && reasons.all(|why| matches!(why, Reason::NotRunning { .. }))
    }
}

/// What the operator says of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen<'a> {
    pub(super) named: Named,
    /// Why it restarts in any case.
    pub(super) asked: Option<&'a Reason>,
    /// Who wants it to stay stopped.
    pub(super) hold: Option<&'a Hold>,
}

/// Decides for one service. `recorded` is what `current` says of it.
pub(super) fn need(
    desired: &DesiredService,
    seen: &ObservedService,
    recorded: Option<&ManifestService>,
    supervisor: Supervisor,
    Chosen { named, asked, hold }: Chosen<'_>,
) -> ServiceNeed {
    let held = hold.map_or(Held::No, |_| Held::Yes);
    let entry = &desired.entry;
    let directory = directory_need(&entry.files, seen.directories.get(&desired.directory));
    let mut units = units_need(desired, seen);
    // A foreign unit says nothing of a service of ours, which is new there.
    let known = seen.unit.is_ours() || seen.container.is_some() || !seen.slots.others.is_empty();
    let change = if known {
        Change::Changed
    } else {
        Change::Added
    };

    let mut marks = BTreeMap::new();
    let mut mended = edited_by_hand(desired, seen, recorded);
    let live = LiveNeed::of(desired, seen, recorded);
    mended.extend(live.edited.iter().cloned());
    if let DirectoryNeed::Repair { write, remove } = &directory {
        mended.extend(write.union(remove).cloned());
    }
    let timer = match desired.timer() {
        Some(file) if supervisor.runs_containers() && held == Held::No => {
            timer_need(&file, seen, &mut units)
        }
        // Below a directory nothing runs, and what is held is not started: a timer is a file like others.
        Some(_) => TimerNeed::Stays,
        None => TimerNeed::None,
    };
    let watch = match held {
        Held::No if supervisor.runs_containers() => watch_need(desired, seen, &mut units),
        Held::No | Held::Yes => WatchNeed::Nothing,
    };
    // What starts a job is not that it does not run.
    let stays_up = supervisor.runs_containers() && desired.handling.runs.is_all_the_time();
    let (action, reasons) = match (stays_up, timer) {
        (false, TimerNeed::None) | (_, TimerNeed::Stays) => (Action::None, Vec::new()),
        (_, TimerNeed::Renew) => match (seen.timer, change) {
            _ if runs_always(seen) => {
                let state = "active, and not by its timer".to_owned();
                (Action::Start, vec![Reason::NotRunning { state }])
            }
            (TimerState::Active, _) => (Action::None, Vec::new()),
            (TimerState::Inactive, Change::Added) => (Action::Start, vec![Reason::New]),
            (TimerState::Inactive, _) => {
                let state = "its timer is inactive".to_owned();
                (Action::Start, vec![Reason::NotRunning { state }])
            }
        },
        (true, TimerNeed::None) => {
            let on_disk = reasons::OnDisk::of(seen);
            let edit = unit_edit(desired, seen, on_disk.as_ref());
            let mut verdict =
                restart_reasons(desired, seen, change, on_disk.as_ref(), edit.as_ref());
            verdict.reasons.extend(asked.cloned());
            marks = edit.map_or_else(BTreeMap::new, |edit| edit_marks(seen, edit));
            mended.retain(|path| !verdict.edited.contains(path));
            let action = match verdict.reasons.first() {
                None if !live.reasons.is_empty() => Action::Reload,
                None if desired.image.moving && seen.container.is_some() => Action::MayRestart,
                None => Action::None,
                Some(Reason::New | Reason::NotRunning { .. }) => Action::Start,
                // Also a manual service must run; only a restart of a running one is the
                // operator's.
                Some(_)
                    if desired.handling.restart == RestartPolicy::Manual && named == Named::No =>
                {
                    Action::Pending
                }
                Some(_) => Action::Restart,
            };
            match action {
                Action::Reload => {
                    mended.retain(|path| !live.edited.contains(path));
                    (action, live.reasons)
                }
                Action::None
                | Action::Start
                | Action::Restart
                | Action::Swap
                | Action::Stop
                | Action::Pending
                | Action::MayRestart
                | Action::Run
                | Action::MayRun => (action, verdict.reasons),
            }
        }
    };
    let (mut action, mut reasons) = (action, reasons);
    let mut disable = BTreeSet::new();
    if held == Held::Yes {
        units.enable.clear();
        disable = enabled(desired, seen);
        (action, reasons) = match supervisor.runs_containers() && runs_though_held(desired, seen) {
            true => (Action::Stop, Vec::new()),
            false => (Action::None, Vec::new()),
        };
        reasons.extend(hold.map(|hold| Reason::Held { hold: hold.clone() }));
    }
    let slots = match stays_up && held == Held::No {
        true => {
            let ready = ready_slot(desired, seen).filter(|_| asked.is_none());
            slot_need(desired, seen, ready, &mut action, &mut reasons)
        }
        false => None,
    };
    if let Some((slot, unit)) = slots.as_ref().and_then(|slots| slots.to.as_ref())
        && Some(*slot) != seen.slots.serving
    {
        units = taking_over(desired, seen, &unit.service_file(), units);
    }
    // A moving tag alone is no reason to act: only the pull can tell.
    ServiceNeed {
        change,
        directory,
        swap: live.swap,
        write: units.write,
        marks,
        enable: units.enable,
        disable,
        held,
        remove: units.remove,
        reload: units.reload,
        action,
        timer,
        watch,
        slots,
        reasons,
        mended,
    }
}

/// The unit files of a service that a boot starts.
fn enabled(desired: &DesiredService, seen: &ObservedService) -> BTreeSet<UnitFileName> {
    let units = seen.units(desired.unit.service_file());
    let enabled = units.filter(|(_, unit)| unit.is_enabled());
    enabled.map(|(file, _)| file).collect()
}

/// Whether a service runs itself and is to stop when it is held. A run of a job with a schedule ends by itself.
pub(super) fn stops_when_held(desired: &DesiredService, seen: &ObservedService) -> bool {
    match desired.timer() {
        Some(_) => runs_always(seen),
        None => seen.process != ObservedProcess::Stopped || seen.container.is_some(),
    }
}

/// Whether anything of it is to stop when it is held: it, its timer, its other slot.
fn runs_though_held(desired: &DesiredService, seen: &ObservedService) -> bool {
    seen.timer == TimerState::Active
        || seen.slots.others.values().any(OtherInstance::is_up)
        || stops_when_held(desired, seen)
}

/// The other slot, if it has handed over, still runs, and does so with all that is desired: the rule says the same of it as of
/// one that serves.
fn ready_slot(desired: &DesiredService, seen: &ObservedService) -> Option<Slot> {
    let slot = seen.slots.serving?.other();
    let unit = desired.unit.of_slot(slot);
    let other = seen.slots.others.get(&unit)?;
    let container = other.container.as_ref().filter(|_| other.kept.is_some())?;
    let as_desired = desired.runs_as(&unit)
        && container.fingerprint == desired.fingerprint
        && container.directory.as_ref() == Some(&desired.directory);
    if !as_desired {
        return None;
    }
    let there = ObservedService {
        unit: other.unit.clone(),
        process: other.process.clone(),
        container: other.container.clone(),
        ..seen.clone()
    };
    let on_disk = reasons::OnDisk::of(&there);
    // What a crash would start is what an edited unit says.
    if unit_edit(desired, &there, on_disk.as_ref()).is_some() {
        return None;
    }
    let verdict = restart_reasons(desired, &there, Change::Changed, on_disk.as_ref(), None);
    verdict.reasons.is_empty().then_some(slot)
}

/// What becomes of the slots of a service for which this is done. A slot takes over where a container would restart; where
/// nothing runs, the slot that is to serve starts in its place.
fn slot_need(
    desired: &DesiredService,
    seen: &ObservedService,
    ready: Option<Slot>,
    action: &mut Action,
    reasons: &mut Vec<Reason>,
) -> Option<SlotNeed> {
    let ObservedSlots {
        serving,
        link,
        others,
    } = &seen.slots;
    // Of a slot that rests nobody needs to hear.
    let rests = |unit: &UnitName, other: &OtherInstance| {
        desired.handling.has_slots() && desired.runs_as(unit) && other.rests()
    };
    let there: Vec<&UnitName> = others
        .iter()
        .filter(|(unit, other)| !rests(unit, other))
        .map(|(unit, _)| unit)
        .collect();
    let is_whole = there.is_empty() && *link == SlotLink::Read;
    let (to, start) = match (desired.handling.has_slots(), *action) {
        (_, Action::Pending) => return None,
        (false, _) if there.is_empty() => return None,
        (false, Action::None | Action::MayRestart) => {
            *action = Action::Swap;
            *reasons = vec![Reason::HalfSwapped];
            (None, SlotStart::Serves)
        }
        (false, _) => (None, SlotStart::Serves),
        (true, Action::None | Action::MayRestart | Action::Reload) if is_whole => return None,
        (true, Action::None | Action::MayRestart) => {
            *action = Action::Swap;
            *reasons = vec![Reason::HalfSwapped];
            (Some(serving.unwrap_or(Slot::A)), SlotStart::Serves)
        }
        (true, Action::Restart | Action::Start) if ready.is_some() => {
            *action = Action::Swap;
            (ready, SlotStart::StillRuns)
        }
        // Where a release left both instances of a proxy, a new one has read its files.
        (true, Action::Restart | Action::Reload) => {
            *action = Action::Swap;
            (Some(serving.unwrap_or(Slot::A).other()), SlotStart::Anew)
        }
        (true, _) => (Some(serving.unwrap_or(Slot::A)), SlotStart::Anew),
    };
    let to = to.map(|slot| (slot, desired.unit.of_slot(slot)));
    let starts = start == SlotStart::Anew;
    let is_to = |unit: &UnitName| to.as_ref().is_some_and(|(_, to)| to == unit);
    let drained = to.as_ref().map(|(_, unit)| unit);
    let drained = drained.filter(|unit| starts && others.get(*unit).is_some_and(|it| it.runs));
    let there = there.into_iter().filter(|unit| !is_to(unit)).cloned();
    // What has no slot goes before one starts, and the other way round. An instance that opens the ports of a proxy beside it
    // takes over from any.
    let beside = desired.handling.shared.is_some();
    let (last, first): (Vec<UnitName>, Vec<UnitName>) =
        there.partition(|unit| beside || desired.runs_as(unit));
    let keeps = desired
        .handling
        .slots
        .as_ref()
        .is_some_and(|it| it.keep.is_some());
    // A release ended before it was disabled.
    let is_kept = |unit: &UnitName| keeps && others[unit].kept.is_some();
    let (mut kept, mut last): (Vec<UnitName>, Vec<UnitName>) = last.into_iter().partition(is_kept);
    if start != SlotStart::Serves && to.is_some() && !is_to(&desired.unit) {
        let well = runs_always(seen) && seen.container.is_some();
        match keeps && well {
            true => kept.push(desired.unit.clone()),
            false => last.push(desired.unit.clone()),
        }
    }
    // The other slot may be the one that the proxy knows of: it has to know better before that is touched.
    let takes_over =
        start != SlotStart::Serves && to.as_ref().is_some_and(|(slot, _)| Some(*slot) != *serving);
    let by_proxy = desired.handling.slots.is_some();
    let settled = serving.filter(|_| by_proxy && takes_over && *link == SlotLink::Unread);
    Some(SlotNeed {
        first,
        settled,
        drained: drained.cloned(),
        to,
        start,
        kept,
        last,
    })
}

/// The unit files where another slot takes over: that of the slot is written and enabled, and the one that serves until then
/// stays what it is.
fn taking_over(
    desired: &DesiredService,
    seen: &ObservedService,
    file: &UnitFileName,
    units: UnitsNeed,
) -> UnitsNeed {
    let mut others = seen.slots.others.iter();
    let there = others.find(|(unit, _)| unit.service_file() == *file);
    let written = there.is_some_and(|(_, other)| other.unit.holds(&desired.entry.units[file]));
    let UnitsNeed { write, enable, .. } = &units;
    let write = write.iter().filter(|file| file.is_watch()).cloned();
    let enable = enable.iter().filter(|file| file.is_watch()).cloned();
    UnitsNeed {
        write: write.chain((!written).then(|| file.clone())).collect(),
        enable: enable.chain([file.clone()]).collect(),
        remove: units.remove,
        reload: true,
    }
}

/// What its live directories need.
#[derive(Default)]
struct LiveNeed {
    /// Those that get another version.
    swap: BTreeSet<LiveName>,
    /// Why what runs must read them again.
    reasons: Vec<Reason>,
    /// The files that were changed by hand, by their paths in the container.
    edited: BTreeSet<String>,
}

impl LiveNeed {
    /// An edit is mended by another version, never in place: so what was read is told by a name alone.
    fn of(
        desired: &DesiredService,
        seen: &ObservedService,
        recorded: Option<&ManifestService>,
    ) -> Self {
        let mut need = Self::default();
        let mut unread = Vec::new();
        let nothing = ObservedLive::default();
        for (name, digests) in desired.entry.live_directories() {
            let there = seen.live.get(name).unwrap_or(&nothing);
            let wanted = digests.all();
            let version = there.version.as_ref();
            let as_made = version.is_some_and(|version| version.is_of(&digests.digest));
            if as_made && there.files == wanted && there.links == LiveLinks::Right {
                if there.read == LiveRead::No {
                    unread.push(name.target());
                }
                continue;
            }
            need.swap.insert(name.clone());
            let target = |path: &str| match is_own(path) {
                true => name.target(),
                false => format!("{}/{path}", name.target()),
            };
            let paths = there.files.keys().chain(wanted.keys());
            let differs = |other: &BTreeMap<String, Digest>| -> BTreeSet<String> {
                let paths = paths.clone().chain(other.keys());
                let paths = paths.filter(|path| there.files.get(*path) != other.get(*path));
                paths.map(|path| target(path)).collect()
            };
            let mut changed = differs(&wanted);
            let by_hand = version.is_some_and(|version| !version.is_whole(&there.files));
            if by_hand || version.is_some() && there.links == LiveLinks::Wrong {
                // What it was made of tells what a hand did, where anybody knows it.
                let recorded = recorded.and_then(|recorded| {
                    let mut directories = recorded.live_directories();
                    directories.find(|(other, _)| *other == name)
                });
                let known = [Some(digests), recorded.map(|(_, digests)| digests)];
                let mut known = known.into_iter().flatten();
                let made = known.find(|known| version.is_some_and(|v| v.is_of(&known.digest)));
                let mut edited = made.map(|made| differs(&made.all())).unwrap_or_default();
                if edited.is_empty() {
                    edited.insert(name.target());
                }
                need.edited.extend(edited);
            }
            // Of a list of permissions nobody needs to hear where a file is named.
            if changed.len() > 1 {
                changed.remove(&name.target());
            }
            if need.edited.len() > 1 {
                need.edited.remove(&name.target());
            }
            let changed = changed
                .into_iter()
                .filter(|path| !need.edited.contains(path));
            need.reasons
                .extend(changed.map(|path| Reason::File { path }));
        }
        if !need.edited.is_empty() {
            need.reasons.push(Reason::Edited {
                paths: need.edited.iter().cloned().collect(),
            });
        }
        if !unread.is_empty() && need.reasons.is_empty() {
            need.reasons.push(Reason::NotReloaded { paths: unread });
        }
        need
    }
}

/// Whether its container runs as that of a service that is no job.
pub(super) fn runs_always(seen: &ObservedService) -> bool {
    matches!(seen.process, ObservedProcess::Active { .. })
}

/// A timer that is another one, or does not wait, is made anew: systemd remembers when it last fired as long as it
/// knows the unit, and would make up at once for a time that has passed since. So it has to forget the unit first.
fn timer_need(file: &UnitFileName, seen: &ObservedService, units: &mut UnitsNeed) -> TimerNeed {
    let changes = units.write.contains(file) || units.enable.contains(file);
    let older = seen
        .further
        .get(file)
        .is_some_and(|timer| timer.loaded == Loaded::Older);
    if seen.timer == TimerState::Active && !changes && !older && !runs_always(seen) {
        return TimerNeed::Stays;
    }
    units.write.insert(file.clone());
    units.enable.insert(file.clone());
    TimerNeed::Renew
}

/// One that a hand stopped, or that is new beside a service which goes on running: its links are made anew with it.
fn watch_need(
    desired: &DesiredService,
    seen: &ObservedService,
    units: &mut UnitsNeed,
) -> WatchNeed {
    // A slot that is kept may take over as it runs.
    let runs = runs_always(seen) || seen.slots.others.values().any(|other| other.runs);
    match desired.watch() {
        Some(file) if runs && seen.watch == TimerState::Inactive => {
            units.enable.insert(file);
            WatchNeed::Start
        }
        Some(_) | None => WatchNeed::Nothing,
    }
}

/// What its unit files need.
#[derive(Default)]
struct UnitsNeed {
    write: BTreeSet<UnitFileName>,
    enable: BTreeSet<UnitFileName>,
    remove: BTreeSet<UnitFileName>,
    reload: bool,
}

fn units_need(desired: &DesiredService, seen: &ObservedService) -> UnitsNeed {
    let mut need = UnitsNeed::default();
    let nothing = ObservedUnit::default();
    let runs = desired.unit.service_file();
    for (file, wanted) in &desired.units {
        let there = seen.unit_file(file, &runs).unwrap_or(&nothing);
        let write = match &there.file {
            UnitFile::Ours { digest, .. } => *digest != desired.entry.units[file],
            UnitFile::Absent => true,
            // A foreign unit refuses the whole plan; nothing of this need is ever done.
            UnitFile::Foreign { .. } => false,
        };
        if write {
            need.write.insert(file.clone());
        }
        if there.enabled_by != wanted.enabled_by {
            need.enable.insert(file.clone());
        }
        need.reload |= there.loaded == Loaded::Older;
    }
    let left = seen.further.iter();
    let left =
        left.filter(|(file, there)| !desired.entry.units.contains_key(*file) && there.is_left());
    need.remove = left.map(|(file, _)| file.clone()).collect();
    need
}

/// What is there of a service and neither what `current` records nor what is desired (an activation that
/// died may have written that): a hand did it.
fn edited_by_hand(
    desired: &DesiredService,
    seen: &ObservedService,
    recorded: Option<&ManifestService>,
) -> BTreeSet<String> {
    let mut edited = BTreeSet::new();
    let Some(recorded) = recorded.filter(|_| seen.unit.is_ours()) else {
        return edited;
    };
    let runs = desired.unit.service_file();
    // Of a slot that does not serve nobody keeps the file.
    let files = desired.entry.units.iter();
    let files = files.filter(|(file, _)| desired.units.contains_key(*file));
    for (file, wanted) in files {
        let there = seen.unit_file(file, &runs);
        let written = recorded.units.get(file);
        let as_known =
            |unit: &ObservedUnit| unit.holds(wanted) || written.is_some_and(|w| unit.holds(w));
        if there.is_some_and(|unit| unit.is_ours() && !as_known(unit)) {
            edited.insert(file.to_string());
        }
    }
    // The desired directory is mended where it is; of the one that it takes the place of nobody else tells.
    if recorded.directory != desired.directory
        && let Some(there) = seen.directories.get(&recorded.directory)
    {
        let paths = there.files.keys().chain(recorded.files.keys());
        let differs = paths.filter(|path| there.files.get(*path) != recorded.files.get(*path));
        edited.extend(differs.cloned());
    }
    edited
}

fn directory_need(
    wanted: &BTreeMap<String, Digest>,
    seen: Option<&ObservedDirectory>,
) -> DirectoryNeed {
    let Some(seen) = seen else {
        return DirectoryNeed::Place;
    };
    let write: BTreeSet<String> = wanted
        .iter()
        .filter(|(path, digest)| seen.files.get(*path) != Some(digest))
        .map(|(path, _)| path.clone())
        .collect();
    let remove: BTreeSet<String> = seen
        .files
        .keys()
        .filter(|path| !wanted.contains_key(*path))
        .cloned()
        .collect();
    if write.is_empty() && remove.is_empty() {
        DirectoryNeed::Nothing
    } else {
        DirectoryNeed::Repair { write, remove }
    }
}

struct Verdict {
    reasons: Vec<Reason>,
    /// The paths that a reason names.
    edited: BTreeSet<String>,
}

/// The rule (docs/how.md, "Which containers restart"): a container restarts if and only if it should run and (a) does
/// not, or (b) carries another fingerprint than desired, or (c) runs another image than its
/// reference now means, or (d) what it was started from was changed by hand.
fn restart_reasons(
    desired: &DesiredService,
    seen: &ObservedService,
    change: Change,
    on_disk: Option<&reasons::OnDisk>,
    edit: Option<&UnitEdit>,
) -> Verdict {
    let stopped = |state: &str| {
        let reason = match change {
            Change::Added => Reason::New,
            Change::Changed | Change::Removed => Reason::NotRunning {
                state: state.to_owned(),
            },
        };
        Verdict {
            reasons: vec![reason],
            edited: BTreeSet::new(),
        }
    };
    let since = match &seen.process {
        ObservedProcess::Active { since } => *since,
        ObservedProcess::Stopped => return stopped("inactive"),
        ObservedProcess::Unwell { state } => return stopped(state),
    };
    let Some(container) = &seen.container else {
        return stopped("active, but without its container");
    };

    let mut reasons = Vec::new();
    // (b), under the recipe that made the running container's fingerprint, so that an upgrade of
    // bayplan restarts nothing.
    let wanted = desired.fingerprint_under(&container.fingerprint);
    if wanted.as_ref() != Some(&container.fingerprint) {
        reasons.extend(reasons::difference(desired, seen, on_disk, container));
    }
    // (c)
    if let RunningImage::Another { id } = &container.image
        && reasons.is_empty()
    {
        reasons.push(Reason::ImageMoved {
            reference: desired.image.reference.clone(),
            running: id.clone(),
        });
    }
    // (d)
    let EditedFiles {
        mut edited,
        touched,
    } = edited_files(desired, seen, container, since);
    if edit.is_some_and(|edit| edit.at <= since) {
        edited.insert(desired.unit.service_file().into());
    }
    if !edited.is_empty() {
        reasons.push(Reason::Edited {
            paths: edited.iter().cloned().collect(),
        });
    }
    if !touched.is_empty() {
        reasons.push(Reason::Touched {
            paths: touched.into_iter().collect(),
        });
    }
    Verdict { reasons, edited }
}

/// What of the directory that a container was started from may have been something else then.
#[derive(Default)]
struct EditedFiles {
    /// It was, or is.
    edited: BTreeSet<String>,
    /// It changed after the start, and is what it should be: an edit that was taken back, or no edit at
    /// all (`chown`, a restore from a backup).
    touched: BTreeSet<String>,
}

fn edited_files(
    desired: &DesiredService,
    seen: &ObservedService,
    container: &ObservedContainer,
    since: Moment,
) -> EditedFiles {
    let mut files = EditedFiles::default();
    let edited = &mut files.edited;
    let Some(name) = &container.directory else {
        return files;
    };
    let Some(directory) = seen.directories.get(name) else {
        // Directories are removed by a release once nothing runs from them. If it is the desired
        // one that is missing, a hand removed it, and nobody knows what it held before.
        if *name == desired.directory {
            edited.insert(format!("{name}/"));
        }
        return files;
    };
    if DirectoryName::of(&container.fingerprint, &directory.files) != *name {
        let wanted = &desired.entry.files;
        let differs = directory
            .files
            .iter()
            .filter(|(path, digest)| wanted.get(*path) != Some(digest))
            .map(|(path, _)| path.clone());
        if *name == desired.directory {
            edited.extend(differs);
            let gone = wanted.keys().filter(|p| !directory.files.contains_key(*p));
            edited.extend(gone.cloned());
        }
        if edited.is_empty() {
            edited.insert(format!("{name}/"));
        }
        return files;
    }
    // A mark is left before an edited unit is overwritten.
    if directory.marked.is_of(since) {
        edited.insert(desired.unit.service_file().into());
    }
    // Env files are read once, and the engine knows what they gave. Mounted files are read at any time.
    match container.environment {
        Environment::AsFiles => {}
        Environment::Another if directory.changed > since => {
            edited.insert(format!("{name}/*.env"));
        }
        Environment::Unasked if directory.changed > since => {
            files.touched.insert(format!("{name}/"));
        }
        Environment::Another | Environment::Unasked => {}
    }
    if directory.mounted > since && files.touched.is_empty() {
        files.touched.insert(format!("{name}/"));
    }
    files
}

/// The unit file says other inputs than the fingerprint that it carries. A file that bayplan wrote, in whichever release,
/// agrees with its fingerprint.
struct UnitEdit {
    /// When it was made.
    at: Moment,
    /// The directory that it starts from; `None` if its mark is damaged.
    starts_from: Option<DirectoryName>,
}

fn unit_edit(
    desired: &DesiredService,
    seen: &ObservedService,
    on_disk: Option<&reasons::OnDisk>,
) -> Option<UnitEdit> {
    reasons::text_of(seen)?;
    let agrees = |unit: &reasons::OnDisk| {
        let carried = &unit.carried.fingerprint;
        // Mostly it is the desired one, and nobody has to digest it again.
        if *carried == desired.fingerprint && unit.inputs == desired.inputs {
            return true;
        }
        let recipe = Recipe::named(carried.recipe());
        recipe.is_some_and(|recipe| fingerprint(recipe, &unit.inputs) == *carried)
    };
    (!on_disk.is_some_and(agrees)).then(|| UnitEdit {
        at: seen.unit.changed,
        starts_from: on_disk.map(|unit| unit.carried.directory.clone()),
    })
}

/// Where an edit of the unit has to be noted before it is overwritten: it is the only trace of what was started from it,
/// also of what a crash or a reboot starts after the plan was made.
fn edit_marks(seen: &ObservedService, edit: UnitEdit) -> BTreeMap<DirectoryName, Moment> {
    let runs_from = seen.container.as_ref().and_then(|at| at.directory.clone());
    let since = match &seen.process {
        ObservedProcess::Active { since } => Some(*since),
        ObservedProcess::Stopped | ObservedProcess::Unwell { .. } => None,
    };
    let directories = runs_from.into_iter().chain(edit.starts_from);
    let marks = directories.map(|directory| {
        let there = seen.directories.get(&directory).map(|there| there.marked);
        // An earlier edit counts until what was started from it is started again.
        let earlier = there.filter(|mark| since.is_none_or(|since| mark.is_of(since)));
        let earlier = earlier.filter(|mark| *mark != EditMark::default());
        let at = earlier.map_or(edit.at, |mark| mark.edited.min(edit.at));
        (directory, at)
    });
    marks.collect()
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
