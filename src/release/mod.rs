//! Many hosts, in order: look, lock, look again, stage, check, activate. It emits events and never
//! prints, and it decides nothing: what is done, where and in which order is the plan's.

mod activate;
pub mod event;
pub mod follow;
pub mod generations;
mod hosts;
pub mod mask;
mod prepare;
pub mod problem;
mod record;

use std::collections::BTreeMap;
use std::time::Duration;

use self::event::Event;
use self::hosts::{Connection, Recording};
pub use self::hosts::{Hosts, Setting};
use self::mask::Mask;
use self::prepare::Preparation;
pub use self::prepare::takes_part;
use self::problem::Problem;
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::script::Record;
use crate::plan::saved::SavedPlan;
use crate::plan::{Options, Plan, Progress, placement, plan};
use crate::render::secrets::MadeFile;

/// Who releases, and how patiently.
#[derive(Debug, Clone)]
pub struct Order {
    pub options: Options,
    /// What others read who find the lock taken: one line.
    pub holder: String,
    pub lock_wait: Option<Duration>,
    pub on_failure: OnFailure,
    pub record: Record,
    /// The hosts that go back to one of their generations, in a rollback.
    pub back: BTreeMap<HostName, Back>,
    /// What hosts make of secrets, of every service that has some: by path below the inputs directory.
    pub secrets: BTreeMap<ServiceName, BTreeMap<String, MadeFile>>,
    /// The values of these secrets, so that none is shown.
    pub mask: Mask,
    /// The plan that was reviewed: nothing else is done.
    pub reviewed: Option<SavedPlan>,
    /// A name for the staging area that no other release uses.
    pub stage: crate::host::layout::StageId,
}

/// The generation that a host goes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    pub number: u64,
    /// The ids of the images that it ran.
    pub images: BTreeMap<crate::cluster::name::ServiceName, String>,
}

/// What becomes of a host on which a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Its previous generation is put back.
    #[default]
    PutBack,
    /// It stays as it is.
    Keep,
}

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
    pub problems: BTreeMap<HostName, Problem>,
}

/// Why a release ended before anything was made effective anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    pub stage: Stage,
    pub problems: BTreeMap<HostName, Problem>,
}

/// How far a release came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Lock,
    /// The hosts are not what the plan was made from.
    Stale,
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

/// Carries out what `shown` says on the hosts that it was made from.
///
/// # Errors
/// Before anything is effective: a lock that is held, a host that moved, files or images that are
/// not as they must be.
pub fn release(
    setting: Setting<'_>,
    hosts: &mut Hosts,
    shown: &Plan,
    order: &Order,
    tell: &(impl Fn(Event) + Sync),
) -> Result<Released, Stopped> {
    let stopped = |stage| move |problems| Stopped { stage, problems };
    let files = hosts
        .lock(setting, order, tell)
        .map_err(stopped(Stage::Lock))?;
    let acts = |name: &HostName| takes_part(shown, name);
    hosts
        .look_again(setting, &files, acts)
        .map_err(stopped(Stage::Stale))?;
    if let Some(reviewed) = &order.reviewed {
        stale(reviewed, setting, hosts, &order.options).map_err(stopped(Stage::Stale))?;
    }
    let preparation = Preparation::of(setting, hosts, shown, order);
    let observed = match preparation.carry_out(hosts, setting.limit, tell) {
        Ok(observed) => observed,
        Err(problems) => {
            note_stopped(setting, hosts, shown, order, &problems);
            return Err(stopped(Stage::Prepare)(problems));
        }
    };
    // The files are what the shown plan was made from, so it differs from it in restarts only:
    // what a pull found, and what crashed meanwhile.
    let plan = plan(setting.desired, &observed, &order.options);
    let record = |progress: &dyn Fn(&HostName) -> Progress| {
        placement(setting.desired, &observed, &order.options, progress)
    };
    if !plan.is_empty() {
        // Before anything is effective: whatever becomes of this release, nobody forgets where
        // something may run.
        let problems = hosts.record(
            &record(&|_| Progress::Open),
            Recording::First,
            setting.limit,
        );
        if !problems.is_empty() {
            let stage = Stage::Prepare;
            return Err(Stopped { stage, problems });
        }
    }
    let released = activate::activate(setting, hosts, &plan, &preparation, order, tell);
    if !plan.is_empty() {
        let done = |host: &HostName| {
            let acts = plan.hosts.get(host).is_some_and(|host| host.acts);
            match !acts || released.done.contains(host) {
                true => Progress::Done,
                false => Progress::Open,
            }
        };
        // Where it cannot be written, what is there says more than is so, and is put right by the
        // next release.
        drop(hosts.record(&record(&done), Recording::Last, setting.limit));
    }
    preparation.clean_up(hosts, &plan, setting.limit);
    Ok(released)
}

/// Records on every host that it meant to act on that a release ended before it did anything.
fn note_stopped(
    setting: Setting<'_>,
    hosts: &mut Hosts,
    plan: &Plan,
    order: &Order,
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
        record::note(plan, name, order, connection, how);
        Ok(())
    });
    let why = format!("{first}: {}", problem.line());
    let others = |name: &HostName| !problems.contains_key(name);
    record::note_others(plan, order, hosts, setting.limit, others, &why);
}
