//! Many hosts, in order: look, lock, look again, stage, check, activate. It emits events and never
//! prints, and it decides nothing: what is done, where and in which order is the plan's.

mod activate;
mod activity;
pub mod attach;
mod back;
pub mod depart;
pub mod event;
pub mod examine;
pub mod follow;
mod freeze;
pub mod generations;
mod holds;
mod host_run;
mod hosts;
mod log;
pub mod logs;
pub mod mask;
mod prepare;
pub mod problem;
pub mod prune;
mod pushing;
mod record;
pub mod request;
mod runs;
pub mod top;
pub mod visit;

use std::collections::BTreeMap;

use self::event::Event;
use self::hosts::{Connection, Recording};
pub use self::hosts::{Hosts, Setting};
use self::prepare::{Preparation, ReadyHosts};
use self::problem::Problem;
pub use self::pushing::push;
use self::request::ReleaseRequest;
use crate::cluster::name::HostName;
use crate::plan::begun::{BegunBy, begins, ends, goes_back, goes_on_with, rolls_back};
use crate::plan::observed::Observed;
use crate::plan::saved::SavedPlan;
use crate::plan::{Approved, HostProgress, Options, Origin, Plan, placement, plan};
use crate::render::begun::BegunRelease;

/// How a release ended that was not stopped before its activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// What was done: the plan that was shown, and restarts that only the pull could tell.
    pub plan: Plan,
    /// Hosts on which everything was done.
    pub done: Vec<HostName>,
    /// Hosts of which a part was done, since others failed.
    pub begun: Vec<HostName>,
    /// Hosts on which nothing was done, since others failed.
    pub left: Vec<HostName>,
    /// Hosts that are as they were before, since others failed.
    pub back: Vec<HostName>,
    /// What went wrong, by host; nothing where all is done.
    pub problems: BTreeMap<HostName, Problem>,
    /// What the hosts keep of it, since it is neither done nor undone on all of them.
    pub unfinished: Option<BegunRelease>,
}

/// Why a release ended before anything was made effective anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// How far it came.
    pub stage: Stage,
    /// What went wrong, by host.
    pub problems: BTreeMap<HostName, Problem>,
}

/// How far a release came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A lock could not be had.
    Lock,
    /// The hosts are not what the plan was made from.
    Stale,
    /// A host is not ready: staging or checks failed.
    Prepare,
}

/// Whether the hosts, as they were last seen, are those that a plan was reviewed for.
///
/// # Errors
/// What moved, on which hosts.
pub fn stale(
    reviewed: &SavedPlan,
    setting: Setting<'_>,
    hosts: &Hosts,
    options: &Options,
) -> Result<(), BTreeMap<HostName, Problem>> {
    let observed = hosts.observed();
    let now = plan(setting.desired, &observed, options);
    let moved = reviewed.moved_hosts(setting.desired, &observed, &now);
    if moved.is_empty() {
        return Ok(());
    }
    let moved = moved.into_iter();
    Err(moved
        .map(|(name, what)| (name, Problem::Stale { what }))
        .collect())
}

/// Carries out a plan that was shown on the hosts that it was made from.
///
/// # Errors
/// Before anything is effective: a lock that is held, a host that moved, files or images that are
/// not as they must be.
pub fn release(
    setting: Setting<'_>,
    hosts: &mut Hosts,
    approved: &Approved,
    request: &ReleaseRequest,
    tell: &(impl Fn(Event) + Sync),
) -> Result<Released, Stopped> {
    let shown = approved.plan();
    lock(setting, hosts, shown, request, tell)?;
    let preparation = Preparation::of(setting, hosts, shown, request);
    let ready = ready(setting, hosts, &preparation, approved, request, tell);
    let (approved, ReadyHosts { observed, .. }) = match ready {
        Ok(ready) => ready,
        Err(stopped) => {
            note_stopped(setting, hosts, shown, request, &stopped.problems);
            return Err(stopped);
        }
    };
    let plan = approved.plan();
    let record = |progress: &dyn Fn(&HostName) -> HostProgress| {
        placement(setting.desired, &observed, &request.options, progress)
    };
    let begun = begun(setting, hosts, plan, &observed, request);
    // A restart changes nothing of what hosts keep.
    let restarts_only = request.options.origin == Origin::Current;
    let records = (!plan.is_empty() || request.undoes.is_some()) && !restarts_only;
    if records {
        // Before anything takes effect: however this release ends, the hosts know where something may run.
        let mut problems = hosts.record(
            &record(&|_| HostProgress::Open),
            begun.as_ref(),
            Recording::First,
            setting.limit,
        );
        if problems.is_empty() {
            problems = hosts.share_runs(setting.limit);
        }
        if problems.is_empty() {
            problems = pushing::used(hosts, &preparation, setting.limit);
        }
        if !problems.is_empty() {
            hosts.keep(hosts.begun().cloned().as_ref(), setting.limit);
            let stage = Stage::Prepare;
            return Err(Stopped { stage, problems });
        }
    }
    let problems = hosts.keep_holds(setting.limit);
    if !problems.is_empty() {
        let stage = Stage::Prepare;
        return Err(Stopped { stage, problems });
    }
    let activation = activate::Activating {
        setting,
        approved: &approved,
        preparation: &preparation,
        request,
        begun: begun.as_ref(),
        goes_on: hosts
            .begun()
            .zip(begun.as_ref())
            .is_some_and(|(found, begun)| goes_on_with(&begun.desired, found)),
    };
    let released = activation.carry_out(hosts, tell);
    if records {
        let done = |host: &HostName| {
            let acts = plan.hosts.get(host).is_some_and(|host| host.acts);
            match !acts || released.done.contains(host) {
                true => HostProgress::Done,
                false => HostProgress::Open,
            }
        };
        // If it cannot be written, the old record names more than there is, and the next release mends it.
        let earlier = hosts
            .begun()
            .filter(|it| !ends(&request.options, it))
            .cloned();
        let begun = released.unfinished.as_ref().or(earlier.as_ref());
        drop(hosts.record(&record(&done), begun, Recording::Last, setting.limit));
        if released.problems.is_empty() {
            hosts.forget_runs(setting, &request.options);
        }
    }
    let done: &[HostName] = match restarts_only {
        // Of what was restarted no generation is made.
        true => &released.done,
        false => &[],
    };
    preparation.clean_up(hosts, plan, done, setting.limit);
    Ok(released)
}

/// Locks all hosts, and sees to it that they are those that the plan was made from.
fn lock(
    setting: Setting<'_>,
    hosts: &mut Hosts,
    shown: &Plan,
    request: &ReleaseRequest,
    tell: &(impl Fn(Event) + Sync),
) -> Result<(), Stopped> {
    let stopped = |stage| move |problems| Stopped { stage, problems };
    let files = hosts
        .lock(setting, request, tell)
        .map_err(stopped(Stage::Lock))?;
    let acts = |name: &HostName| shown.takes_part(name);
    hosts
        .look_again(setting, &files, acts)
        .map_err(stopped(Stage::Stale))?;
    if let Some(reviewed) = &request.reviewed {
        stale(reviewed, setting, hosts, &request.options).map_err(stopped(Stage::Stale))?;
    }
    Ok(())
}

/// Stages and checks on all hosts. What crashed meanwhile and what a pull found may restart containers; nothing else may
/// differ from what was shown.
fn ready(
    setting: Setting<'_>,
    hosts: &mut Hosts,
    preparation: &Preparation<'_>,
    approved: &Approved,
    request: &ReleaseRequest,
    tell: &(impl Fn(Event) + Sync),
) -> Result<(Approved, ReadyHosts), Stopped> {
    let stopped = |stage| move |problems| Stopped { stage, problems };
    let prepared = preparation
        .carry_out(hosts, setting.limit, tell)
        .map_err(stopped(Stage::Prepare))?;
    let now = plan(setting.desired, &prepared.observed, &request.options);
    let approved = approved.with_restarts(now).map_err(|differs| {
        let problem = |(name, what)| (name, Problem::Stale { what });
        stopped(Stage::Stale)(differs.into_iter().map(problem).collect())
    })?;
    Ok((approved, prepared))
}

/// What its hosts keep of a release until it has ended. A rollback goes back; it goes on with the one that it undoes, if
/// that has not ended.
fn begun(
    setting: Setting<'_>,
    hosts: &Hosts,
    plan: &Plan,
    observed: &Observed,
    request: &ReleaseRequest,
) -> Option<BegunRelease> {
    let by = BegunBy {
        release: &request.record.release,
        who: &request.record.who,
        when: &request.record.when,
        commit: request.record.commit.as_deref(),
    };
    let options = &request.options;
    match (&request.undoes, request.options.origin) {
        (Some(undone), _) => Some(goes_back(by, undone)),
        (None, Origin::Generations) => {
            let to = request.back.iter();
            let to = to.map(|(name, back)| (name.clone(), back.number));
            rolls_back(setting.desired, options, by, to.collect())
        }
        (None, Origin::Current) => None,
        (None, Origin::Description) => {
            begins(plan, setting.desired, observed, options, by, hosts.begun())
        }
    }
}

/// Records, on every host where a release meant to act, that it ended before it did anything.
fn note_stopped(
    setting: Setting<'_>,
    hosts: &mut Hosts,
    plan: &Plan,
    request: &ReleaseRequest,
    problems: &BTreeMap<HostName, Problem>,
) {
    let Some((first, problem)) = problems.first_key_value() else {
        return;
    };
    let failed = |name: &HostName, _: &Connection| {
        problems.contains_key(name) && plan.hosts.get(name).is_some_and(|host| host.acts)
    };
    hosts.on_each(setting.limit, failed, |name, connection| {
        let how = ("failed", &*problems[name].line());
        record::note(plan, name, request, connection, how);
        Ok(())
    });
    let why = format!("{first}: {}", problem.line());
    let others = |name: &HostName| !problems.contains_key(name);
    record::note_others(plan, request, hosts, setting.limit, others, &why);
}
