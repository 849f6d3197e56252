//! What runs on every host, and whether it is what it should be.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::plan::{LeftView, OwnerView};
use super::{FailureView, ReasonView, VERSION};
use crate::cluster::model::{Cluster, Host, RestartPolicy, Supervisor};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::activity::{Activity, At, Holding};
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
        status: &'a Status,
        activities: &'a BTreeMap<HostName, Activity>,
        failures: &'a BTreeMap<HostName, HostFailure>,
    ) -> Self {
        let Status {
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
            left: left.iter().map(LeftView::of).collect(),
            unseen: unseen.collect(),
            refused: *refused,
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
    /// Where it is, if the description has it.
    #[serde(skip)]
    pub location: Option<Cow<'a, str>>,
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
            let model = cluster.services.get(service);
            let manual = model.is_some_and(|model| model.restart == RestartPolicy::Manual);
            ServiceStatusView {
                service: service.as_str(),
                waits: manual && matches!(state, State::PendingRestart { .. }),
                unit: unit.service_file().into(),
                version: version.as_deref(),
                since: since.and_then(|seconds| Timestamp::from_second(seconds).ok()),
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
    pub since: Option<Timestamp>,
    pub step: usize,
    pub steps: usize,
    pub doing: &'a str,
    #[serde(skip)]
    pub at: &'a At,
}

impl<'a> ActivityView<'a> {
    /// What an activity is about.
    #[must_use]
    pub fn of(activity: &'a Activity) -> Self {
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
                    .and_then(|seconds| Timestamp::from_second(seconds).ok()),
                step: activation.at.step,
                steps: activation.at.of,
                doing: &activation.at.doing,
                at: &activation.at,
            }),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServiceStatusView<'a> {
    pub service: &'a str,
    pub unit: String,
    pub version: Option<&'a str>,
    pub since: Option<Timestamp>,
    pub restarts: Option<u64>,
    pub drop_ins: &'a BTreeSet<String>,
    pub crashes: Option<CrashesView>,
    pub state: StateView<'a>,
    /// Its restart is pending, and it restarts only when it is named.
    #[serde(skip)]
    pub waits: bool,
}

impl ServiceStatusView<'_> {
    /// Whether it is as it should be.
    #[must_use]
    pub fn is_in_sync(&self) -> bool {
        matches!(self.state, StateView::InSync | StateView::FilesInSync)
    }
}

/// How it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CrashesView {
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub exit_code: Option<u8>,
    pub signal: Option<u8>,
    pub out_of_memory: bool,
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
