//! What runs on every host, and whether it is what it should be.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::plan::{LeftView, OwnerView};
use super::{FailureView, ReasonView, VERSION};
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::host::activate::follow::{Activity, Holding};
use crate::plan::observed::{Crashes, Death, Moment, Steady};
use crate::plan::reason::Reason;
use crate::plan::status::{HostStatus, ServiceStatus, State, Status};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatusView<'a> {
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    pub cluster: &'a str,
    pub in_sync: bool,
    pub hosts: Vec<HostStatusView<'a>>,
    pub failures: Vec<FailureView<'a>>,
    pub left: Vec<LeftView<'a>>,
}

impl<'a> StatusView<'a> {
    /// The state of the hosts that were seen.
    #[must_use]
    pub fn of(
        cluster: &'a ClusterName,
        status: &'a Status,
        activities: &'a BTreeMap<HostName, Activity>,
        failures: &'a BTreeMap<HostName, HostFailure>,
    ) -> Self {
        let Status {
            hosts,
            refused: _,
            left,
        } = status;
        Self {
            version: VERSION,
            cluster: cluster.as_str(),
            in_sync: super::super::status::in_sync(status) && failures.is_empty(),
            hosts: hosts
                .iter()
                .map(|(host, status)| HostStatusView::of(host, status, activities.get(host)))
                .collect(),
            failures: failures.iter().map(FailureView::of).collect(),
            left: left.iter().map(LeftView::of).collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostStatusView<'a> {
    pub host: &'a str,
    pub generation: Option<u64>,
    pub unfinished: bool,
    pub lost: Option<&'a str>,
    pub activity: Option<ActivityView<'a>>,
    pub acts: bool,
    pub services: Vec<ServiceStatusView<'a>>,
}

impl<'a> HostStatusView<'a> {
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
            ServiceStatusView {
                service: service.as_str(),
                unit: unit.service_file().into(),
                version: version.as_deref(),
                since: since
                    .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
                    .map(|moment| moment.to_string()),
                restarts: *restarts,
                drop_ins,
                crashes: crashes.as_ref().map(CrashesView::of),
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
        }
    }
}

/// What goes on under the host's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ActivityView<'a> {
    pub holder: &'a str,
    /// Whether the session that took the lock is still there.
    pub attended: bool,
    pub activation: Option<ActivationView<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ActivationView<'a> {
    pub cluster: &'a str,
    pub since: Option<String>,
    pub step: usize,
    pub steps: usize,
    pub doing: &'a str,
}

impl<'a> ActivityView<'a> {
    pub(super) fn of(activity: &'a Activity) -> Self {
        let Activity {
            holder,
            session,
            activation,
        } = activity;
        Self {
            holder,
            attended: *session == Holding::Yes,
            activation: activation.as_ref().map(|activation| ActivationView {
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServiceStatusView<'a> {
    pub service: &'a str,
    pub unit: String,
    pub version: Option<&'a str>,
    pub since: Option<String>,
    pub restarts: Option<u64>,
    pub drop_ins: &'a BTreeSet<String>,
    pub crashes: Option<CrashesView>,
    pub state: StateView<'a>,
}

/// How it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CrashesView {
    pub first: Option<String>,
    pub last: Option<String>,
    pub exit_code: Option<u8>,
    pub signal: Option<u8>,
    pub out_of_memory: bool,
    pub steady: bool,
}

impl CrashesView {
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StateView<'a> {
    InSync,
    PendingRestart {
        reasons: Vec<ReasonView<'a>>,
    },
    FilesDiffer,
    ForeignUnit {
        path: &'a str,
        owner: OwnerView<'a>,
    },
    Edited {
        paths: &'a [String],
        reasons: Vec<ReasonView<'a>>,
    },
    CrashLoop,
    NotRunning {
        state: &'a str,
    },
    NotReleased,
    Unmanaged,
    FilesInSync,
}

impl<'a> StateView<'a> {
    fn of(state: &'a State, service: &ServiceName) -> Self {
        let of = |reasons: &'a [Reason]| {
            let reasons = reasons.iter();
            reasons
                .map(|reason| ReasonView::of(reason, service))
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
                owner: OwnerView::of(owner),
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
