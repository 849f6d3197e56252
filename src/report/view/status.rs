//! What runs on every host, and whether it is what it should be.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::activity::ActivityView;
use super::{
    BegunView, FailureView, HeldView, HoldView, LeftView, NetworkView, OwnerView, PushedView,
    ReasonView, UnderWayView, VERSION, moment,
};
use crate::cluster::model::{Cluster, Host, RestartPolicy, Supervisor};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::activity::Activity;
use crate::plan::observed::{ContainerHealth, Crashes, Death, JobRuns, Moment, Steady, Watched};
use crate::plan::reason::Reason;
use crate::plan::status::{ClusterStatus, HostStatus, KeptVersion, ServiceState, ServiceStatus};

/// What runs on every host, and whether it is what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatusView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The cluster.
    pub cluster: &'a str,
    /// There is nothing to do, and every host was seen.
    pub in_sync: bool,
    /// The hosts that were seen, by name.
    pub hosts: Vec<HostStatusView<'a>>,
    /// Hosts that could not be seen.
    pub failures: Vec<FailureView<'a>>,
    /// A release of several hosts that has not ended, or null.
    pub begun: Option<BegunView<'a>>,
    /// A release of several hosts that somebody carries out just now.
    #[serde(skip)]
    pub under_way: Option<UnderWayView<'a>>,
    /// A release that was pushed and is not effective; absent where nothing was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed: Option<PushedView<'a>>,
    /// Who froze the cluster; absent where nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<HoldView<'a>>,
    /// Machines that the description no longer has, and on which services may still run.
    pub left: Vec<LeftView<'a>>,
    /// Hosts of the description that were not seen.
    #[serde(skip)]
    pub unseen: Vec<&'a HostName>,
    /// A release would be refused.
    #[serde(skip)]
    pub refused: bool,
}

impl<'a> StatusView<'a> {
    /// The state of the hosts that were seen.
    #[must_use]
    pub fn of(
        cluster: &'a Cluster,
        status: &'a ClusterStatus,
        activities: &'a BTreeMap<HostName, Activity>,
        failures: &'a BTreeMap<HostName, HostFailure>,
    ) -> Self {
        let ClusterStatus {
            hosts,
            refused,
            left,
        } = status;
        let unseen = cluster.hosts.keys();
        let unseen = unseen.filter(|host| !hosts.contains_key(*host));
        let hosts: Vec<_> = hosts
            .iter()
            .map(|(host, status)| HostStatusView::of(cluster, host, status, activities.get(host)))
            .collect();
        Self {
            version: VERSION,
            cluster: cluster.name.as_str(),
            in_sync: left.is_empty()
                && failures.is_empty()
                && hosts.iter().all(HostStatusView::is_in_sync),
            hosts,
            failures: failures.iter().map(FailureView::of).collect(),
            begun: None,
            under_way: None,
            pushed: None,
            frozen: None,
            left: left.iter().map(LeftView::of).collect(),
            unseen: unseen.collect(),
            refused: *refused,
        }
    }
}

/// The state of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostStatusView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// The number of the current generation; null where nothing was released yet.
    pub generation: Option<u64>,
    /// The last activation did not finish; a release completes it.
    pub unfinished: bool,
    /// Why nobody knows any more what was released there, or null.
    pub lost: Option<&'a str>,
    /// What goes on under the host's lock, or null.
    pub activity: Option<ActivityView<'a>>,
    /// A release does something there, were it only to record the generation.
    pub acts: bool,
    /// Every service that is or should be there.
    pub services: Vec<ServiceStatusView<'a>>,
    /// Networks that a release makes anew or removes; absent where all are as described.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkView<'a>>,
    /// Where it is, if the description has it.
    #[serde(skip)]
    pub location: Option<Cow<'a, str>>,
    /// What runs containers there.
    #[serde(skip)]
    pub supervisor: Supervisor,
}

impl<'a> HostStatusView<'a> {
    fn of(
        cluster: &'a Cluster,
        host: &'a HostName,
        status: &'a HostStatus,
        activity: Option<&'a Activity>,
    ) -> Self {
        let HostStatus {
            generation,
            unfinished,
            lost,
            acts,
            services,
            networks,
        } = status;
        let services = services.iter().map(|(service, status)| {
            let ServiceStatus {
                unit,
                version,
                since,
                restarts,
                drop_ins,
                crashes,
                runs,
                held,
                health,
                watched,
                kept,
                state,
            } = status;
            let model = cluster.services.get(service);
            let manual = model.is_some_and(|model| model.restart == RestartPolicy::Manual);
            ServiceStatusView {
                service: service.as_str(),
                waits: manual && matches!(state, ServiceState::PendingRestart { .. }),
                unit: unit.service_file().into(),
                version: version.as_deref(),
                since: moment(*since),
                restarts: *restarts,
                drop_ins,
                crashes: crashes.as_ref().map(CrashesView::of),
                runs: runs.as_ref().map(RunsView::of),
                held: held.as_ref().map(|held| HeldView::of((service, held))),
                unhealthy: *health == ContainerHealth::Unhealthy,
                watch: watched.as_ref().map(WatchView::of),
                kept: kept.as_ref().map(KeptSlotView::of),
                state: StateView::of(state, service),
            }
        });
        Self {
            host: host.as_str(),
            generation: *generation,
            unfinished: *unfinished,
            lost: lost.as_deref(),
            activity: activity.filter(|a| a.is_busy()).map(ActivityView::of),
            acts: *acts,
            services: services.collect(),
            networks: networks.iter().map(NetworkView::of).collect(),
            location: cluster.hosts.get(host).map(Host::location),
            supervisor: cluster.supervisor(host),
        }
    }

    /// Whether there is nothing to do here.
    #[must_use]
    pub fn is_in_sync(&self) -> bool {
        !self.unfinished && !self.acts && self.services.iter().all(ServiceStatusView::is_in_sync)
    }
}

/// The state of one service on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServiceStatusView<'a> {
    /// The service.
    pub service: &'a str,
    /// The file name of its unit.
    pub unit: String,
    /// The tag, or the first digits of the digest, of what runs; null if nothing does.
    pub version: Option<&'a str>,
    /// When the running process started.
    pub since: Option<Timestamp>,
    /// Restarts by systemd itself since the last start that somebody asked for.
    pub restarts: Option<u64>,
    /// Drop-ins that change its unit and are not bayplan's.
    pub drop_ins: &'a BTreeSet<String>,
    /// How it ended before systemd started it again, or null.
    pub crashes: Option<CrashesView>,
    /// When it ran and will run, if it is a job with a schedule; else null.
    pub runs: Option<RunsView<'a>>,
    /// Who holds it, so that it stays stopped; absent where nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldView<'a>>,
    /// The engine says that the check of its health fails; absent where it does not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unhealthy: bool,
    /// What its `watch` found; absent where there is nothing to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchView<'a>>,
    /// What ran before it in its other slot, and runs on for a while; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptSlotView<'a>>,
    /// How it compares with the description.
    pub state: StateView<'a>,
    /// Its restart is pending, and it restarts only when it is named.
    #[serde(skip)]
    pub waits: bool,
}

impl ServiceStatusView<'_> {
    /// Whether it is as it should be.
    #[must_use]
    pub fn is_in_sync(&self) -> bool {
        matches!(
            self.state,
            StateView::InSync
                | StateView::FilesInSync
                | StateView::Held
                | StateView::JobDone { .. }
        )
    }
}

/// What the `watch` of a service found of the start that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WatchView<'a> {
    /// The last bad answer in words, where so many came in a row that it is unhealthy; else null.
    pub found: Option<&'a str>,
    /// How many of them came in a row.
    pub failures: u64,
    /// When the first of them came; null if nobody knows, or if it is healthy.
    pub since: Option<Timestamp>,
    /// How often the watch restarted it: the start that runs is the last of these.
    pub restarts: u64,
    /// When it last did, or null.
    pub restarted: Option<Timestamp>,
}

impl<'a> WatchView<'a> {
    pub(super) fn of(watched: &'a Watched) -> Self {
        let Watched {
            unhealthy,
            restarts,
            restarted,
        } = watched;
        let unhealthy = unhealthy.as_ref();
        Self {
            found: unhealthy.map(|bad| bad.found.as_str()),
            failures: unhealthy.map_or(0, |bad| bad.number),
            since: moment(unhealthy.and_then(|bad| bad.since)),
            restarts: *restarts,
            restarted: moment(*restarted),
        }
    }
}

/// A slot that has handed over and runs on for a while, as the way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeptSlotView<'a> {
    /// The slot.
    pub slot: String,
    /// The tag, or the first digits of the digest, of what runs there; null if nothing does.
    pub version: Option<&'a str>,
    /// When it is stopped; null if nobody knows.
    pub until: Option<Timestamp>,
}

impl<'a> KeptSlotView<'a> {
    fn of(kept: &'a KeptVersion) -> Self {
        let KeptVersion {
            slot,
            version,
            until,
        } = kept;
        Self {
            slot: slot.to_string(),
            version: version.as_deref(),
            until: moment(*until),
        }
    }
}

/// When a job with a schedule ran and will run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunsView<'a> {
    /// When its last run began; null if systemd knows of none: it forgets at a boot, and when the timer is another one.
    pub began: Option<Timestamp>,
    /// When that run ended; null while it is under way.
    pub ended: Option<Timestamp>,
    /// How that run failed, in systemd's word (`exit-code`, `timeout`, `signal`), or null.
    pub failure: Option<&'a str>,
    /// The exit status of a run that failed, if it had one.
    pub exit_code: Option<u8>,
    /// When its timer starts the next one; null if it does not wait.
    pub next: Option<Timestamp>,
}

impl<'a> RunsView<'a> {
    fn of(runs: &'a JobRuns) -> Self {
        let JobRuns {
            began,
            ended,
            failure,
            status,
            next,
        } = runs;
        let moment = |moment: &Moment| Timestamp::from_nanosecond(moment.0).ok();
        Self {
            began: began.as_ref().and_then(moment),
            ended: ended.as_ref().and_then(moment),
            failure: failure.as_deref(),
            exit_code: *status,
            next: next.as_ref().and_then(moment),
        }
    }
}

/// How it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CrashesView {
    /// When it did for the first time.
    pub first: Option<Timestamp>,
    /// When it did for the last time.
    pub last: Option<Timestamp>,
    /// The exit code of the last time, if it had one.
    pub exit_code: Option<u8>,
    /// The signal that ended the engine's client the last time, if one did.
    pub signal: Option<u8>,
    /// The engine says that memory ran out.
    pub out_of_memory: bool,
    /// It stays up now.
    pub steady: bool,
    /// How often systemd started it again.
    #[serde(skip)]
    pub restarts: u64,
}

impl CrashesView {
    /// What is known of the end of a container.
    #[must_use]
    pub fn of(crashes: &Crashes) -> Self {
        let Crashes {
            restarts,
            first,
            last,
            death,
            out_of_memory,
            steady,
        } = crashes;
        let moment = |moment: &Moment| Timestamp::from_nanosecond(moment.0).ok();
        let (exit_code, signal) = match death {
            Some(Death::Exit(code)) => (Some(*code), None),
            Some(Death::Signal(number)) => (None, Some(*number)),
            None => (None, None),
        };
        Self {
            first: first.as_ref().and_then(moment),
            last: last.as_ref().and_then(moment),
            exit_code,
            signal,
            out_of_memory: *out_of_memory,
            steady: *steady == Steady::Yes,
            restarts: *restarts,
        }
    }
}

/// How a service on a host compares with the description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StateView<'a> {
    /// It runs with the inputs that it should have.
    InSync,
    /// It runs with other inputs than it should.
    PendingRestart {
        /// Why its container restarts.
        reasons: Vec<ReasonView<'a>>,
    },
    /// It runs, and is to read its files again.
    PendingReload {
        /// Why it is reloaded.
        reasons: Vec<ReasonView<'a>>,
    },
    /// Files differ, and no restart is needed.
    FilesDiffer,
    /// A unit file that is not ours is in the place of its own.
    ForeignUnit {
        /// The path of the file.
        path: &'a str,
        /// Whose it is.
        owner: OwnerView<'a>,
    },
    /// Files were edited on the host.
    Edited {
        /// The paths of the files.
        paths: &'a [String],
        /// Why its container restarts.
        reasons: Vec<ReasonView<'a>>,
    },
    /// It ends again and again.
    CrashLoop,
    /// It runs as it should, and the check of its health fails.
    Unhealthy,
    /// It should run and does not.
    NotRunning {
        /// systemd's word for its state.
        state: &'a str,
    },
    /// Nothing of it is on the host yet.
    NotReleased,
    /// It is on the host and not in the description.
    Unmanaged,
    /// Somebody holds it: it is stopped, and stays so.
    Held,
    /// Somebody holds it, and it runs, or would at a boot.
    PendingStop,
    /// The files are as they should be; nothing runs in a directory.
    FilesInSync,
    /// A job that has run to its end, or need not yet.
    JobDone {
        /// When it ended, or null.
        ended: Option<Timestamp>,
    },
    /// A job that is running.
    JobRuns {
        /// Since when.
        began: Option<Timestamp>,
    },
    /// A job that the next release runs.
    JobDue {
        /// Why.
        reasons: Vec<ReasonView<'a>>,
    },
    /// A job whose last run did not succeed.
    JobFailed {
        /// The exit status, or a signal, in systemd's words.
        exit: &'a str,
        /// When it ended.
        ended: Option<Timestamp>,
    },
}

impl<'a> StateView<'a> {
    /// Why it would restart, be reloaded or run; none where nothing is pending.
    #[must_use]
    pub fn reasons(&self) -> &[ReasonView<'a>] {
        match self {
            Self::PendingRestart { reasons }
            | Self::PendingReload { reasons }
            | Self::JobDue { reasons }
            | Self::Edited { reasons, .. } => reasons,
            Self::InSync
            | Self::FilesDiffer
            | Self::ForeignUnit { .. }
            | Self::CrashLoop
            | Self::Unhealthy
            | Self::NotRunning { .. }
            | Self::NotReleased
            | Self::Unmanaged
            | Self::FilesInSync
            | Self::Held
            | Self::PendingStop
            | Self::JobDone { .. }
            | Self::JobRuns { .. }
            | Self::JobFailed { .. } => &[],
        }
    }

    fn of(state: &'a ServiceState, service: &ServiceName) -> Self {
        let of = |reasons: &'a [Reason]| {
            let reasons = reasons.iter();
            reasons
                .map(|reason| ReasonView::of(reason, service))
                .collect()
        };
        match state {
            ServiceState::InSync => Self::InSync,
            ServiceState::PendingRestart { reasons } => Self::PendingRestart {
                reasons: of(reasons),
            },
            ServiceState::PendingReload { reasons } => Self::PendingReload {
                reasons: of(reasons),
            },
            ServiceState::FilesDiffer => Self::FilesDiffer,
            ServiceState::ForeignUnit { path, owner } => Self::ForeignUnit {
                path,
                owner: OwnerView::of(owner),
            },
            ServiceState::Edited { paths, reasons } => Self::Edited {
                paths,
                reasons: of(reasons),
            },
            ServiceState::CrashLoop => Self::CrashLoop,
            ServiceState::Unhealthy => Self::Unhealthy,
            ServiceState::NotRunning { state } => Self::NotRunning { state },
            ServiceState::NotReleased => Self::NotReleased,
            ServiceState::Unmanaged => Self::Unmanaged,
            ServiceState::Held => Self::Held,
            ServiceState::PendingStop => Self::PendingStop,
            ServiceState::FilesInSync => Self::FilesInSync,
            ServiceState::JobDone { ended } => Self::JobDone {
                ended: moment(*ended),
            },
            ServiceState::JobRuns { began } => Self::JobRuns {
                began: moment(*began),
            },
            ServiceState::JobDue { reasons } => Self::JobDue {
                reasons: of(reasons),
            },
            ServiceState::JobFailed { exit, ended } => Self::JobFailed {
                exit,
                ended: moment(*ended),
            },
        }
    }
}
