//! What each service on each host is doing, compared with what it should.

use std::collections::BTreeMap;

use crate::cluster::name::{HostName, ServiceName, UnitName};

/// The state of a cluster: one row a service on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    pub hosts: BTreeMap<HostName, HostStatus>,
}

/// The state of one host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostStatus {
    /// The number of the current generation.
    pub generation: Option<u64>,
    /// An activation did not finish here.
    pub unfinished: bool,
    pub services: BTreeMap<ServiceName, ServiceStatus>,
}

/// The state of one service on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStatus {
    pub unit: UnitName,
    /// The version that runs (tag or short digest), where a container runs.
    pub version: Option<String>,
    /// When the running process started, in seconds since 1970.
    pub since: Option<i64>,
    /// systemd's automatic restarts since then.
    pub restarts: Option<u64>,
    pub state: State,
}

/// How a service on a host compares with what is desired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    InSync,
    /// It runs, with other inputs than desired; the reasons, as in a plan.
    PendingRestart {
        reasons: Vec<super::reason::Reason>,
    },
    /// Files on the host differ from the desired ones, but the container needs no restart.
    FilesDiffer,
    /// Files were changed by hand.
    Edited {
        paths: Vec<String>,
    },
    /// It should run and does not; systemd's word.
    NotRunning {
        state: String,
    },
    /// Desired, but nothing of it is on the host yet.
    NotReleased,
    /// On the host, but in the description no more (the next release removes it), or a container
    /// with our label that no unit runs.
    Unmanaged,
    /// On a directory host: the files are as desired, nothing runs there.
    FilesInSync,
}
