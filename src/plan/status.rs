//! What each service on each host is doing, compared with what it should.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{
    ContainerHealth, Crashes, JobRuns, Observed, ObservedHold, ObservedProcess, ObservedService,
    Owner, RunState, Steady, TimerState, Watched,
};
use super::once::{last_run, last_success};
use super::reason::Reason;
use super::{
    Action, Change, LeftMachine, NetworkPlan, Note, Options, Plan, RefusalReason, ServicePlan, plan,
};
use crate::cluster::job::OnceKey;
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::{Desired, DesiredService};
use crate::render::identity::{Slot, UnitName};

/// The state of a cluster: one row a service on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterStatus {
    /// Every host that was seen.
    pub hosts: BTreeMap<HostName, HostStatus>,
    /// A release would be refused.
    pub refused: bool,
    /// Machines that the description no longer has, and where services may still run.
    pub left: Vec<LeftMachine>,
}

/// The state of one host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostStatus {
    /// The number of the current generation.
    pub generation: Option<u64>,
    /// An activation did not finish here.
    pub unfinished: bool,
    /// Why nobody knows any more what was released here.
    pub lost: Option<String>,
    /// A release does something here, were it only to record the generation.
    pub acts: bool,
    /// Every service that is or should be there.
    pub services: BTreeMap<ServiceName, ServiceStatus>,
    /// Networks that are not as described.
    pub networks: Vec<NetworkPlan>,
}

/// The state of one service on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Its unit.
    pub unit: UnitName,
    /// The version that runs (tag or short digest), where a container runs.
    pub version: Option<String>,
    /// When the running process started, in seconds since 1970.
    pub since: Option<i64>,
    /// systemd's automatic restarts since the last start that somebody asked for.
    pub restarts: Option<u64>,
    /// Drop-ins that change its unit and are not ours.
    pub drop_ins: BTreeSet<String>,
    /// How it ended, where systemd started it again by itself or is about to.
    pub crashes: Option<Crashes>,
    /// When it ran and will run, if it is a job.
    pub runs: Option<JobRuns>,
    /// Who holds it, or held it until now.
    pub held: Option<ObservedHold>,
    /// What the engine says of its container's health.
    pub health: ContainerHealth,
    /// What its watch found, if there is anything to tell.
    pub watched: Option<Watched>,
    /// A slot that has handed over and runs on for a while.
    pub kept: Option<KeptVersion>,
    /// How it compares with what is desired.
    pub state: ServiceState,
}

/// What runs on for a while after it has handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    /// In which slot.
    pub slot: Slot,
    /// The version that runs there, where a container does.
    pub version: Option<String>,
    /// When it is stopped, in seconds since 1970, if anybody knows.
    pub until: Option<i64>,
}

/// How a service on a host compares with what is desired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceState {
    /// It runs with the inputs that it should have.
    InSync,
    /// It runs, with other inputs than desired; the reasons, as in a plan.
    PendingRestart {
        /// Why it would restart.
        reasons: Vec<Reason>,
    },
    /// It runs, and is to read its files again; the reasons, as in a plan.
    PendingReload {
        /// Why it would.
        reasons: Vec<Reason>,
    },
    /// Files on the host differ from the desired ones, but the container needs no restart.
    FilesDiffer,
    /// The unit file at its place is not ours: a release is refused.
    ForeignUnit {
        /// The path of the file.
        path: String,
        /// Whose it is.
        owner: Owner,
    },
    /// Files were changed by hand; with what else asks for a restart.
    Edited {
        /// Their paths.
        paths: Vec<String>,
        /// Why it would restart.
        reasons: Vec<Reason>,
    },
    /// It ends by itself again and again, whether it runs just now or not. The files and the
    /// inputs are as they should be.
    CrashLoop,
    /// It runs as it should, and the check of its health fails.
    Unhealthy,
    /// It should run and does not; systemd's word.
    NotRunning {
        /// As `failed`.
        state: String,
    },
    /// Desired, but nothing of it is on the host yet.
    NotReleased,
    /// On the host, but in the description no more (the next release removes it), or a container
    /// with our label that no unit runs.
    Unmanaged,
    /// Somebody holds it: it is stopped, and stays so.
    Held,
    /// Somebody holds it, and it runs, or would at a boot: the next release stops it.
    PendingStop,
    /// On a directory host: the files are as desired, nothing runs there.
    FilesInSync,
    /// A job that has run to its end, or need not yet.
    JobDone {
        /// When it ended, in seconds since 1970.
        ended: Option<i64>,
    },
    /// A job that is running.
    JobRuns {
        /// Since when, in seconds since 1970.
        began: Option<i64>,
    },
    /// A job that the next release runs.
    JobDue {
        /// Why.
        reasons: Vec<Reason>,
    },
    /// A job whose last run did not succeed.
    JobFailed {
        /// The exit status, or a signal, in systemd's words.
        exit: String,
        /// When it ended, in seconds since 1970.
        ended: Option<i64>,
    },
}

/// The state of every service on every host that was observed: what the plan of a release says,
/// told from the container's side.
#[must_use]
pub fn status(desired: &Desired, observed: &Observed) -> ClusterStatus {
    let plan = plan(desired, observed, &Options::default());
    let hosts = plan.hosts.keys().map(|name| {
        let host = host_status(name, desired, observed, &plan);
        (name.clone(), host)
    });
    let hosts = hosts.collect();
    ClusterStatus {
        hosts,
        refused: !plan.refusals.is_empty(),
        left: plan.left,
    }
}

fn host_status(name: &HostName, desired: &Desired, observed: &Observed, plan: &Plan) -> HostStatus {
    let seen = &observed.hosts[name];
    let planned: BTreeMap<&ServiceName, &ServicePlan> = plan.hosts[name]
        .services
        .iter()
        .map(|service| (&service.service, service))
        .collect();
    let nothing = ObservedService::default();
    let row = |service: &ServiceName, unit: UnitName, state: ServiceState| {
        let at = seen.services.get(service).unwrap_or(&nothing);
        let since = match &at.process {
            ObservedProcess::Active { since } => i64::try_from(since.0 / 1_000_000_000).ok(),
            ObservedProcess::Stopped | ObservedProcess::Unwell { .. } => None,
        };
        ServiceStatus {
            unit,
            version: at.container.as_ref().map_or_else(
                || {
                    // A job has one between its runs, too.
                    let scheduled = at.timer == TimerState::Active;
                    let recorded = seen.generation.recorded(service).filter(|_| scheduled);
                    recorded.map(|recorded| version(&recorded.image))
                },
                |container| Some(version(&container.reference)),
            ),
            since,
            restarts: at.restarts,
            drop_ins: at.drop_ins.clone(),
            crashes: at.crashes.clone(),
            runs: at.runs.clone(),
            held: seen.holds.get(service).cloned(),
            health: at.health,
            watched: at.watched.clone(),
            kept: kept_version(at),
            state: unsteady(at, state),
        }
    };
    let mut services = BTreeMap::new();
    for (service, wanted) in &desired.hosts[name].services {
        let state = match planned.get(service) {
            Some(planned) => planned_state(planned),
            None if seen.supervisor.runs_containers() => ServiceState::InSync,
            None => ServiceState::FilesInSync,
        };
        let its = planned.get(service).copied();
        let state = match (wanted.handling.runs.once(), seen.held(service)) {
            // What is done once is not held.
            (Some(_), _) => job_state((service, wanted), its, observed, name, state),
            (None, Some(_)) => held_state(wanted, its, seen.services.get(service), state),
            (None, None) => state,
        };
        let state = foreign_unit(name, service, plan).unwrap_or(state);
        services.insert(service.clone(), row(service, wanted.unit.clone(), state));
    }
    for service in plan.hosts[name].services.iter() {
        if service.change == Change::Removed {
            let status = row(
                &service.service,
                service.unit.clone(),
                ServiceState::Unmanaged,
            );
            services.insert(service.service.clone(), status);
        }
    }
    HostStatus {
        generation: seen.generation.number(),
        unfinished: plan.hosts[name].unfinished,
        lost: plan.hosts[name].lost.clone(),
        acts: plan.hosts[name].acts,
        services,
        networks: {
            let networks = plan.hosts[name].networks.iter();
            let there = networks.filter(|network| network.before.is_some());
            there.cloned().collect()
        },
    }
}

/// The slot that runs on for a while, if one does.
fn kept_version(at: &ObservedService) -> Option<KeptVersion> {
    let slot = at.slots.serving?.other();
    let mut others = at.slots.others.iter();
    let (_, other) = others.find(|(unit, other)| unit.of_slot(slot) == **unit && other.runs)?;
    Some(KeptVersion {
        slot,
        version: other.container.as_ref().map(|it| version(&it.reference)),
        until: other.kept?.until,
    })
}

/// The state of a service that is to stay stopped.
fn held_state(
    wanted: &DesiredService,
    planned: Option<&ServicePlan>,
    at: Option<&ObservedService>,
    state: ServiceState,
) -> ServiceState {
    let stops = planned.is_some_and(|planned| planned.action == Action::Stop);
    let units = at.map(|at| at.units(wanted.unit.service_file()));
    let mut enabled = units
        .into_iter()
        .flatten()
        .filter(|(_, unit)| unit.is_enabled());
    if matches!(state, ServiceState::Edited { .. }) {
        return state;
    }
    match stops || enabled.next().is_some() {
        true => ServiceState::PendingStop,
        false => ServiceState::Held,
    }
}

/// The state of a job that runs once: it need not run, and is not down when it does not.
fn job_state(
    (service, wanted): (&ServiceName, &DesiredService),
    planned: Option<&ServicePlan>,
    observed: &Observed,
    host: &HostName,
    state: ServiceState,
) -> ServiceState {
    let seen = &observed.hosts[host];
    let action = planned.map_or(Action::None, |planned| planned.action);
    let files_differ = planned.is_some_and(|planned| !planned.files.is_empty());
    let changes = matches!(action, Action::None | Action::MayRun) && files_differ;
    if changes || !seen.supervisor.runs_containers() || action == Action::Stop {
        return state;
    }
    if let ServiceState::Edited { .. } = state {
        return state;
    }
    let at = seen.services.get(service);
    let active = at.map(|at| &at.process);
    let is_active = matches!(active, Some(ObservedProcess::Unwell { state }) if state.starts_with("activating"));
    let last = last_run(observed, service);
    if is_active {
        let began = last.and_then(|last| last.began);
        return ServiceState::JobRuns { began };
    }
    let failed = last.and_then(|last| match last.state {
        RunState::Failed { exit } => Some((exit, last.ended)),
        RunState::Running | RunState::Succeeded => None,
    });
    let each_release = wanted.handling.runs.once() == Some(OnceKey::Always);
    match (failed, action) {
        (Some((exit, ended)), _) if action == Action::Run || each_release => {
            ServiceState::JobFailed { exit, ended }
        }
        (_, Action::Run) if planned.is_some_and(|planned| planned.change == Change::Added) => {
            ServiceState::NotReleased
        }
        (_, Action::Run) => ServiceState::JobDue {
            reasons: planned
                .map(|planned| planned.reasons.clone())
                .unwrap_or_default(),
        },
        (_, _) => ServiceState::JobDone {
            ended: last_success(observed, service, &wanted.image.reference)
                .and_then(|last| last.ended),
        },
    }
}

/// The state of a container that does not stay up. What else is to be told of it goes before.
fn unsteady(at: &ObservedService, state: ServiceState) -> ServiceState {
    let steady = at.crashes.as_ref().is_none_or(|c| c.steady == Steady::Yes);
    match state {
        ServiceState::InSync | ServiceState::NotRunning { .. } if !steady => {
            ServiceState::CrashLoop
        }
        ServiceState::InSync if at.is_unhealthy() => ServiceState::Unhealthy,
        ServiceState::InSync
        | ServiceState::NotRunning { .. }
        | ServiceState::CrashLoop
        | ServiceState::Unhealthy
        | ServiceState::PendingRestart { .. }
        | ServiceState::PendingReload { .. }
        | ServiceState::FilesDiffer
        | ServiceState::ForeignUnit { .. }
        | ServiceState::Edited { .. }
        | ServiceState::NotReleased
        | ServiceState::Unmanaged
        | ServiceState::FilesInSync
        | ServiceState::Held
        | ServiceState::PendingStop
        | ServiceState::JobDone { .. }
        | ServiceState::JobRuns { .. }
        | ServiceState::JobDue { .. }
        | ServiceState::JobFailed { .. } => state,
    }
}

/// Whose unit stands at the place of this service's, if it is not ours. The plan shows nothing else
/// of such a service.
fn foreign_unit(host: &HostName, wanted: &ServiceName, plan: &Plan) -> Option<ServiceState> {
    let refusals = plan.refusals.iter().filter(|refusal| refusal.host == *host);
    refusals.into_iter().find_map(|refusal| match &refusal.why {
        RefusalReason::ForeignUnit {
            service,
            path,
            owner,
        } if service == wanted => Some(ServiceState::ForeignUnit {
            path: path.clone(),
            owner: owner.clone(),
        }),
        RefusalReason::ForeignUnit { .. }
        | RefusalReason::Stateful { .. }
        | RefusalReason::StatefulAway { .. }
        | RefusalReason::ScheduledAway { .. }
        | RefusalReason::StatefulUnknown { .. }
        | RefusalReason::PortHeld { .. }
        | RefusalReason::AddressHeld { .. }
        | RefusalReason::NetworkHeld { .. }
        | RefusalReason::NetworksAlike { .. }
        | RefusalReason::JobAway { .. }
        | RefusalReason::RunUnderWay { .. }
        | RefusalReason::NotAsReleased { .. }
        | RefusalReason::Newer { .. } => None,
    })
}

fn planned_state(planned: &ServicePlan) -> ServiceState {
    let mut stopped = None;
    let mut edited = Vec::new();
    let mut others = Vec::new();
    for reason in &planned.reasons {
        match reason {
            Reason::Edited { paths } => {
                edited.extend(paths.iter().cloned());
                continue;
            }
            Reason::NotRunning { state } => stopped = Some(state.clone()),
            Reason::New
            | Reason::Variable { .. }
            | Reason::Secret { .. }
            | Reason::Image { .. }
            | Reason::Directive { .. }
            | Reason::File { .. }
            | Reason::Unknown { .. }
            | Reason::ImageMoved { .. }
            | Reason::Touched { .. }
            | Reason::Network { .. }
            | Reason::NotReloaded { .. }
            | Reason::HalfSwapped
            | Reason::NotRunYet
            | Reason::RunFailed { .. }
            | Reason::RunCut { .. }
            | Reason::EachRelease
            | Reason::Asked { .. }
            | Reason::Held { .. }
            | Reason::Displaced { .. } => {}
        }
        others.push(reason.clone());
    }
    for note in &planned.notes {
        match note {
            Note::Mended { paths } => edited.extend(paths.iter().cloned()),
            Note::DownMeanwhile
            | Note::DropIn { .. }
            | Note::MovesFrom { .. }
            | Note::MovesTo { .. }
            | Note::RunsOn { .. }
            | Note::StaysFor { .. }
            | Note::WaitsForRun { .. }
            | Note::StaysForRun
            | Note::BackToSlot { .. }
            | Note::MayRestart
            | Note::Watch { .. }
            | Note::WasPublic { .. } => {}
        }
    }
    // That it does not run at all says more.
    if !edited.is_empty() && stopped.is_none() {
        return ServiceState::Edited {
            paths: edited,
            reasons: others,
        };
    }
    match planned.action {
        Action::Start => stopped.map_or(ServiceState::NotReleased, |state| {
            ServiceState::NotRunning { state }
        }),
        Action::Restart | Action::Swap | Action::Pending => ServiceState::PendingRestart {
            reasons: planned.reasons.clone(),
        },
        Action::Reload => ServiceState::PendingReload {
            reasons: planned.reasons.clone(),
        },
        Action::MayRestart | Action::MayRun if planned.files.is_empty() => ServiceState::InSync,
        Action::Run => ServiceState::JobDue {
            reasons: planned.reasons.clone(),
        },
        Action::None if planned.change == Change::Added => ServiceState::NotReleased,
        Action::None | Action::MayRestart | Action::MayRun | Action::Stop => {
            ServiceState::FilesDiffer
        }
    }
}

/// The part of a reference that tells versions apart: its tag, or the first twelve digits of its
/// digest (or of the image's id, which is what an engine shows of an image without a name).
#[must_use]
pub fn version(reference: &str) -> String {
    if let Some((_, digest)) = reference.rsplit_once("sha256:") {
        return digest.chars().take(12).collect();
    }
    let name = reference.rsplit('/').next().unwrap_or(reference);
    let tag = name.split_once(':').map(|(_, tag)| tag);
    tag.unwrap_or("latest").to_owned()
}
