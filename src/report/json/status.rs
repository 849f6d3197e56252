//! `status --json`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::errors::HostFailure;
use super::plan::{LeftJson, OwnerJson};
use super::{FailureJson, ReasonJson, VERSION, text};
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::host::activate::follow::{Activity, Holding};
use crate::plan::observed::{Crashes, Death, Moment, Steady};
use crate::plan::reason::Reason;
use crate::plan::status::{HostStatus, ServiceStatus, State, Status};

/// The state of a cluster as JSON, with a final line break.
#[must_use]
pub fn status(
    cluster: &ClusterName,
    status: &Status,
    activities: &BTreeMap<HostName, Activity>,
    failures: &BTreeMap<HostName, HostFailure>,
) -> String {
    let Status {
        hosts,
        refused: _,
        left,
    } = status;
    text(&StatusJson {
        version: VERSION,
        cluster: cluster.as_str(),
        in_sync: super::super::status::in_sync(status) && failures.is_empty(),
        hosts: hosts
            .iter()
            .map(|(host, status)| HostStatusJson::of(host, status, activities.get(host)))
            .collect(),
        failures: failures.iter().map(FailureJson::of).collect(),
        left: left.iter().map(LeftJson::of).collect(),
    })
}

#[derive(Serialize)]
struct StatusJson<'a> {
    version: u32,
    cluster: &'a str,
    in_sync: bool,
    hosts: Vec<HostStatusJson<'a>>,
    failures: Vec<FailureJson<'a>>,
    left: Vec<LeftJson<'a>>,
}

#[derive(Serialize)]
struct HostStatusJson<'a> {
    host: &'a str,
    generation: Option<u64>,
    unfinished: bool,
    lost: Option<&'a str>,
    activity: Option<ActivityJson<'a>>,
    acts: bool,
    services: Vec<ServiceStatusJson<'a>>,
}

impl<'a> HostStatusJson<'a> {
    fn of(host: &'a HostName, status: &'a HostStatus, activity: Option<&'a Activity>) -> Self {
        let HostStatus {
            generation,
            unfinished,
            lost,
            acts,
            services,
        } = status;
        let services = services.iter().map(|(service, status)| {
            let ServiceStatus {
                unit,
                version,
                since,
                restarts,
                drop_ins,
                crashes,
                state,
            } = status;
            ServiceStatusJson {
                service: service.as_str(),
                unit: unit.service_file().into(),
                version: version.as_deref(),
                since: since
                    .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
                    .map(|moment| moment.to_string()),
                restarts: *restarts,
                drop_ins,
                crashes: crashes.as_ref().map(CrashesJson::of),
                state: StateJson::of(state, service),
            }
        });
        Self {
            host: host.as_str(),
            generation: *generation,
            unfinished: *unfinished,
            lost: lost.as_deref(),
            activity: activity.filter(|a| a.is_busy()).map(ActivityJson::of),
            acts: *acts,
            services: services.collect(),
        }
    }
}

/// What goes on under the host's lock.
#[derive(Serialize)]
pub(super) struct ActivityJson<'a> {
    holder: &'a str,
    /// Whether the session that took the lock is still there.
    attended: bool,
    activation: Option<ActivationJson<'a>>,
}

#[derive(Serialize)]
struct ActivationJson<'a> {
    cluster: &'a str,
    since: Option<String>,
    step: usize,
    steps: usize,
    doing: &'a str,
}

impl<'a> ActivityJson<'a> {
    pub fn of(activity: &'a Activity) -> Self {
        let Activity {
            holder,
            session,
            activation,
        } = activity;
        Self {
            holder,
            attended: *session == Holding::Yes,
            activation: activation.as_ref().map(|activation| ActivationJson {
                cluster: &activation.cluster,
                since: activation
                    .since
                    .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
                    .map(|moment| moment.to_string()),
                step: activation.at.step,
                steps: activation.at.of,
                doing: &activation.at.doing,
            }),
        }
    }
}

#[derive(Serialize)]
struct ServiceStatusJson<'a> {
    service: &'a str,
    unit: String,
    version: Option<&'a str>,
    since: Option<String>,
    restarts: Option<u64>,
    drop_ins: &'a BTreeSet<String>,
    crashes: Option<CrashesJson>,
    state: StateJson<'a>,
}

/// How it ended by itself.
#[derive(Serialize)]
struct CrashesJson {
    first: Option<String>,
    last: Option<String>,
    exit_code: Option<u8>,
    signal: Option<u8>,
    out_of_memory: bool,
    steady: bool,
}

impl CrashesJson {
    fn of(crashes: &Crashes) -> Self {
        let Crashes {
            restarts: _,
            first,
            last,
            death,
            out_of_memory,
            steady,
        } = crashes;
        let moment = |moment: &Moment| {
            let moment = jiff::Timestamp::from_nanosecond(moment.0).ok();
            moment.map(|moment| moment.to_string())
        };
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
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StateJson<'a> {
    InSync,
    PendingRestart {
        reasons: Vec<ReasonJson<'a>>,
    },
    FilesDiffer,
    ForeignUnit {
        path: &'a str,
        owner: OwnerJson<'a>,
    },
    Edited {
        paths: &'a [String],
        reasons: Vec<ReasonJson<'a>>,
    },
    CrashLoop,
    NotRunning {
        state: &'a str,
    },
    NotReleased,
    Unmanaged,
    FilesInSync,
}

impl<'a> StateJson<'a> {
    fn of(state: &'a State, service: &ServiceName) -> Self {
        let of = |reasons: &'a [Reason]| {
            let reasons = reasons.iter();
            reasons
                .map(|reason| ReasonJson::of(reason, service))
                .collect()
        };
        match state {
            State::InSync => Self::InSync,
            State::PendingRestart { reasons } => Self::PendingRestart {
                reasons: of(reasons),
            },
            State::FilesDiffer => Self::FilesDiffer,
            State::ForeignUnit { path, owner } => Self::ForeignUnit {
                path,
                owner: OwnerJson::of(owner),
            },
            State::Edited { paths, reasons } => Self::Edited {
                paths,
                reasons: of(reasons),
            },
            State::CrashLoop => Self::CrashLoop,
            State::NotRunning { state } => Self::NotRunning { state },
            State::NotReleased => Self::NotReleased,
            State::Unmanaged => Self::Unmanaged,
            State::FilesInSync => Self::FilesInSync,
        }
    }
}
