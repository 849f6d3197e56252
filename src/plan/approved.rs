//! A plan that may be carried out: what was shown, with no more than the restarts that may come to it.
//!
//! Between the showing and the activation containers crash, and pulls find other images. So a release plans
//! once more, under its locks, and what it found must be what was shown, but for starts and restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::step::{Effect, Step, StepKind, StepOf};
use super::{Action, Change, FileChange, HostPlan, LeftMachine, Note, Plan, ServicePlan};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::identity::{UnitFileName, UnitKind, UnitName};

/// A plan that may be carried out. There is no other way to one than these two functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved(Plan);

impl Approved {
    /// A plan that was shown to whoever releases; `None` if it is refused.
    #[must_use]
    pub fn shown(plan: Plan) -> Option<Self> {
        plan.refusals.is_empty().then_some(Self(plan))
    }

    /// What is carried out.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// The plan that was made since, if it is this one but for which containers are started and restarted.
    ///
    /// # Errors
    /// What else differs, by host, as a sentence.
    pub fn with_restarts(&self, now: Plan) -> Result<Self, BTreeMap<HostName, String>> {
        let shown = &self.0;
        let mut differs: BTreeMap<HostName, String> = BTreeMap::new();
        for refusal in &now.refusals {
            let why = "what runs there changed, and now forbids the release";
            differs.insert(refusal.host.clone(), why.to_owned());
        }
        let left = |plan: &Plan| -> BTreeSet<HostName> {
            let told = plan.left.iter().chain(&plan.dismissed);
            told.map(|LeftMachine { host, .. }| host.clone()).collect()
        };
        let machines = |plan: &Plan| -> BTreeSet<HostName> {
            let hosts = plan.hosts.keys().chain(plan.left_out.keys());
            hosts.cloned().chain(left(plan)).collect()
        };
        for host in machines(shown).symmetric_difference(&machines(&now)) {
            differs.insert(host.clone(), "it was not part of the plan".to_owned());
        }
        for (host, now_there) in &now.hosts {
            let Some(shown_there) = shown.hosts.get(host) else {
                continue;
            };
            let difference = differing_service(shown_there, now_there)
                .or_else(|| differing_steps(shown, &now, host));
            if let Some(what) = difference {
                differs.entry(host.clone()).or_insert(what);
            }
        }
        if differs.is_empty() {
            Ok(Self(now))
        } else {
            Err(differs)
        }
    }
}

/// The first service of a host of which more than its restart differs.
fn differing_service(shown: &HostPlan, now: &HostPlan) -> Option<String> {
    let (shown, now) = (by_name(shown), by_name(now));
    let names: BTreeSet<&ServiceName> = shown.keys().chain(now.keys()).copied().collect();
    names.into_iter().find_map(|name| {
        let what = match (shown.get(name), now.get(name)) {
            (Some(shown), Some(now)) if waits_for_run(shown) || waits_for_run(now) => {
                differing_wait(shown, now)
            }
            (Some(one), None) if waits_for_run(one) => None,
            (None, Some(one)) if waits_for_run(one) && one.change != Change::Added => None,
            (Some(shown), Some(now)) => {
                if shown.unit != now.unit || shown.change != now.change {
                    Some("is planned otherwise")
                } else if !same_files(&shown.files, &now.files) {
                    Some("has other files")
                } else {
                    beyond_a_restart(now.change, shown.action, now.action)
                }
            }
            (Some(one), None) => (!is_only_a_restart(one)).then_some("changes no more"),
            (None, Some(one)) if is_only_a_restart(one) => {
                beyond_a_restart(one.change, Action::None, one.action)
            }
            (None, Some(_)) => Some("changes, too"),
            (None, None) => None,
        };
        what.map(|what| format!("{name} {what}"))
    })
}

/// Whether it is a job that leaves or moves when its run has ended, which may begin or end at any moment. What becomes of
/// it then was shown.
fn waits_for_run(service: &ServicePlan) -> bool {
    let waits = |note: &Note| matches!(note, Note::StaysForRun | Note::WaitsForRun { .. });
    service.notes.iter().any(waits)
}

/// How one of these differs from what was shown.
fn differing_wait(shown: &ServicePlan, now: &ServicePlan) -> Option<&'static str> {
    // Nothing is done to one that comes later.
    if waits_for_run(now) && now.change != Change::Removed && now.action != Action::None {
        return Some("is planned otherwise");
    }
    // What comes when a run ends elsewhere is told where it comes.
    let leaves = shown.change == Change::Removed && now.change == Change::Removed;
    let told = !shown.files.is_empty() && !now.files.is_empty();
    ((told || leaves) && !same_files(&shown.files, &now.files)).then_some("has other files")
}

fn by_name(host: &HostPlan) -> BTreeMap<&ServiceName, &ServicePlan> {
    let services = host.services.iter();
    services.map(|plan| (&plan.service, plan)).collect()
}

/// Whether it is in a plan for its container only.
fn is_only_a_restart(service: &ServicePlan) -> bool {
    service.change == Change::Changed && service.files.is_empty()
}

/// The unit changes in both or in neither, and what is named in both becomes the same. The other files are told
/// against those that the container runs from, which a crash may change, and whose text is hidden where a secret was in
/// it; that the same are placed is a matter of the steps.
fn same_files(shown: &[FileChange], now: &[FileChange]) -> bool {
    let becomes = |changes: &[FileChange]| -> BTreeMap<String, Option<Arc<str>>> {
        let changes = changes.iter();
        let becomes = changes.map(|change| (change.path.clone(), change.after.clone()));
        becomes.collect()
    };
    let (shown, now) = (becomes(shown), becomes(now));
    let mut paths = shown.keys().chain(now.keys());
    paths.all(|path| match (shown.get(path), now.get(path)) {
        (Some(None), Some(_)) | (Some(_), Some(None)) if path.contains('/') => true,
        (Some(shown), Some(now)) => shown == now,
        (Some(_), None) | (None, Some(_)) | (None, None) => path.contains('/'),
    })
}

/// What becomes of a container that nobody was shown and that is no restart either.
fn beyond_a_restart(change: Change, shown: Action, now: Action) -> Option<&'static str> {
    match (shown, now) {
        // It leaves, and came up once more meanwhile: its end was shown.
        (_, Action::Stop) if change == Change::Removed => None,
        // Less happens.
        (_, Action::None | Action::MayRestart | Action::MayRun | Action::Pending) => None,
        // It runs on.
        (_, Action::Reload) => None,
        // A crash, or a pull.
        (_, Action::Start) => None,
        (
            Action::None
            | Action::Start
            | Action::Reload
            | Action::Restart
            | Action::Swap
            | Action::MayRestart,
            Action::Restart | Action::Swap,
        ) => None,
        (Action::Stop, Action::Stop) => None,
        (Action::Pending, Action::Restart | Action::Swap) => {
            Some("is restarted by its operator only")
        }
        (Action::Stop | Action::Run | Action::MayRun, Action::Restart | Action::Swap) => {
            Some("is planned otherwise")
        }
        (Action::Run | Action::MayRun, Action::Run) => None,
        // What a job does is not undone: it runs only if that was shown.
        (
            Action::None
            | Action::Start
            | Action::Reload
            | Action::Restart
            | Action::Swap
            | Action::Stop
            | Action::Pending
            | Action::MayRestart,
            Action::Run,
        ) => Some("would run"),
        (
            Action::None
            | Action::Start
            | Action::Reload
            | Action::Restart
            | Action::Swap
            | Action::Pending
            | Action::MayRestart
            | Action::Run
            | Action::MayRun,
            Action::Stop,
        ) => Some("would be stopped"),
    }
}

/// Whether the steps on a host are those that were shown, but for the restarts of the services that the plan
/// restarts.
fn differing_steps(shown: &Plan, now: &Plan, host: &HostName) -> Option<String> {
    if now.steps(host).next().is_some() && !shown.takes_part(host) {
        return Some("it was to stay as it is".to_owned());
    }
    let both = || {
        let plans = [shown, now].into_iter();
        plans.filter_map(|plan| plan.hosts.get(host))
    };
    let mut leaves: BTreeSet<&ServiceName> = BTreeSet::new();
    let mut comes: BTreeMap<&ServiceName, &UnitName> = BTreeMap::new();
    let services = both().flat_map(|at| &at.services);
    for waits in services.filter(|service| waits_for_run(service)) {
        match waits.change {
            Change::Added => {
                comes.insert(&waits.service, &waits.unit);
            }
            Change::Removed => {
                leaves.insert(&waits.service);
            }
            Change::Changed => {}
        }
    }
    // A timer whose file is another one, and that waits for no run elsewhere.
    let new_timer = |file: &UnitFileName| {
        let mut files = both().flat_map(|at| &at.services).flat_map(|s| &s.files);
        files.any(|change| change.path == file.as_str())
            && !comes.values().any(|unit| unit.as_str() == file.unit())
    };
    let services = now.hosts.get(host).into_iter().flat_map(|at| &at.services);
    let now_actions: BTreeMap<&ServiceName, Action> =
        services.map(|plan| (&plan.service, plan.action)).collect();
    for step in now.steps(host) {
        let planned = |service: &ServiceName| {
            let action = now_actions.get(service).copied().unwrap_or(Action::None);
            match (step.kind().effect(), action) {
                (None, _) if step.kind() == StepKind::Run => action == Action::Run,
                (None, _)
                | (Some(Effect::Starts), Action::Start | Action::Restart | Action::Swap)
                | (
                    Some(Effect::Stops),
                    Action::Start | Action::Restart | Action::Run | Action::Stop,
                ) => true,
                (Some(Effect::Starts | Effect::Stops), _) => false,
            }
        };
        if !step.services().into_iter().all(planned) {
            return Some(format!("{} is not in its plan", step.words()));
        }
    }
    let is_removed: BTreeSet<&ServiceName> = both()
        .flat_map(|at| &at.services)
        .filter(|service| service.change == Change::Removed)
        .map(|service| &service.service)
        .collect();
    let stays = |service: &ServiceName| !is_removed.contains(service);
    let records = |plan: &Plan| {
        let mut steps = plan.steps(host);
        steps.any(|step| matches!(step, Step::SetCurrent { .. }))
    };
    let one_records = records(shown) != records(now);
    let work = |plan: &Plan| {
        let steps = plan.steps(host);
        let waits_for = |step: &Step| {
            let mut services = step.services().into_iter();
            let ends = step.kind() == StepKind::End;
            ends && services.any(|name| leaves.contains(name))
                || services.any(|name| comes.contains_key(name))
                // Where nothing else is done, nothing is recorded.
                || ends && !comes.is_empty() && one_records && step.about() == StepOf::Host
        };
        let steps = steps.filter(|step| !waits_for(step));
        let steps = steps.flat_map(|step| lasting(step, stays, &new_timer));
        let mut work: Vec<Step> = steps.collect();
        work.sort();
        work
    };
    let (shown, now) = (work(shown), work(now));
    let differing = |of: &[Step], other: &[Step]| {
        let missing = of.iter().find(|step| !other.contains(step));
        missing.map(|step| format!("{} is not in both plans", step.words()))
    };
    match shown == now {
        true => None,
        false => differing(&now, &shown)
            .or_else(|| differing(&shown, &now))
            .or_else(|| Some("a step is planned twice".to_owned())),
    }
}

/// What a step does that a restart does not: nothing of it may differ. What a container runs from may be another set of
/// files after a crash or a boot, or nothing, so the old inputs that are removed may differ where the service stays.
fn lasting(
    step: &Step,
    stays: impl Fn(&ServiceName) -> bool,
    new_timer: &impl Fn(&UnitFileName) -> bool,
) -> Vec<Step> {
    // A timer that waits again, or does not any more, is made anew or is not; what it says is a change of its file.
    let is_timer =
        |file: &UnitFileName| matches!(file.kind(), Some(UnitKind::Timer | UnitKind::WatchTimer));
    let of_timer = |file: &UnitFileName| is_timer(file) && !new_timer(file);
    match step.kind() {
        StepKind::Unit if step.unit_files().iter().any(of_timer) => Vec::new(),
        StepKind::Links => {
            // Grouped by visits, of which restarts may ask for others.
            let alone = |file: &UnitFileName| Step::Enable {
                files: vec![file.clone()],
            };
            let files = step.unit_files().iter();
            files.filter(|file| !of_timer(file)).map(alone).collect()
        }
        // What runs of it may have changed.
        StepKind::Unlink if !matches!(step, Step::Disable { .. }) => Vec::new(),
        StepKind::Inputs | StepKind::Unlink | StepKind::Swap | StepKind::Unit | StepKind::Image => {
            vec![step.clone()]
        }
        StepKind::End => {
            let old_inputs = matches!(
                step,
                Step::RemoveInputs { service, .. } | Step::CleanLive { service, .. }
                    if stays(service)
            );
            // Who is in it changes with restarts, and it goes only if nobody is.
            let network = matches!(step, Step::RemoveNetwork { .. });
            if old_inputs || network {
                Vec::new()
            } else {
                vec![step.clone()]
            }
        }
        StepKind::Mark
        | StepKind::Reread
        | StepKind::Slot
        | StepKind::Reload
        | StepKind::Stop
        | StepKind::Start
        | StepKind::Network
        | StepKind::Run
        | StepKind::Ask
        | StepKind::Timer
        | StepKind::Watch
        | StepKind::AwaitRun
        | StepKind::Wait => Vec::new(),
    }
}

#[cfg(test)]
#[path = "approved_tests.rs"]
mod tests;
