//! The plan: what a release would do, in the order in which it does it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::placement::Left;
use super::reason::Reason;
use super::step::Step;
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::render::identity::UnitName;
use crate::render::placement::Reach;

/// What takes every host from what was observed to what is desired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub cluster: ClusterName,
    /// Every host of the cluster, changed or not: what changes there, to be shown.
    pub hosts: BTreeMap<HostName, HostPlan>,
    /// What is done, wave after wave; the hosts of one wave at the same time.
    pub waves: Vec<Wave>,
    /// Why nothing may be done at all. A plan with refusals is never carried out.
    pub refusals: Vec<Refusal>,
    /// Machines that the description no longer has, and where services may still run.
    pub left: Vec<Left>,
    /// Those of them that nobody will be told of any more.
    pub dismissed: Vec<Left>,
    /// Hosts on which nothing is done, as the operator chose.
    pub left_out: BTreeMap<HostName, LeftOut>,
}

/// A host that a release leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What changes there once it takes part; `None` if it was not seen.
    pub pending: Option<HostPlan>,
    /// What it is to run, and what may run there.
    pub services: BTreeMap<ServiceName, Elsewhere>,
}

/// Whether a service is on another host, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    Yes,
    No,
}

/// What changes on one host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostPlan {
    /// Services in the order in which they are acted on, then those that stay as they are are only
    /// counted.
    pub services: Vec<ServicePlan>,
    /// Containers that stay as they are.
    pub stay: usize,
    /// Whether anything is done on this host, were it only that `current` moves.
    pub acts: bool,
    /// The previous activation on this host did not finish: what this plan does completes it.
    pub unfinished: bool,
    /// Why nobody knows any more what was released here, as a clause: `current`, or what it leads to,
    /// was deleted or damaged. The next release records it anew.
    pub lost: Option<String>,
    /// Drop-ins that change units of services which otherwise stay as they are.
    pub drop_ins: BTreeMap<ServiceName, BTreeSet<String>>,
}

/// What changes for one service on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePlan {
    pub service: ServiceName,
    pub unit: UnitName,
    pub change: Change,
    pub files: Vec<FileChange>,
    pub action: Action,
    pub reasons: Vec<Reason>,
    pub notes: Vec<Note>,
}

/// What becomes of the service on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Added,
    Changed,
    Removed,
}

/// What becomes of its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It runs on undisturbed (or stays unstarted).
    None,
    Start,
    Restart,
    Stop,
    /// It should restart, but `restart = "manual"` leaves that to the operator.
    Pending,
    /// It restarts if the pull finds that its moving tag means another image.
    MayRestart,
}

/// One file that changes. Paths are short, as shown: the unit's file name, or `<service>/` and the path
/// below the inputs directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    /// The text before; `None` if the file is new or its text was not fetched.
    pub before: Option<Arc<str>>,
    /// The text after; `None` if the file goes.
    pub after: Option<Arc<str>>,
    pub kind: Change,
}

/// Something the reader should know that is no reason to restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It is down while a newcomer that needs its port or name starts.
    DownMeanwhile,
    /// A drop-in that is not ours changes the unit; it is left alone.
    DropIn {
        path: String,
    },
    /// It moves here from, or away to, these hosts.
    MovesFrom {
        hosts: Vec<HostName>,
    },
    MovesTo {
        hosts: Vec<HostName>,
    },
    /// These files were changed by hand, and become what they should be. What its container was started
    /// from is a reason instead.
    Mended {
        paths: Vec<String>,
    },
    /// These were public until now and are secret: their values are known.
    WasPublic {
        names: Vec<VariableName>,
    },
    /// It runs on these hosts as well, which this release does not reach.
    RunsOn {
        hosts: Vec<HostName>,
    },
    /// It stays here until these hosts take part, which are to have it.
    StaysFor {
        hosts: Vec<HostName>,
    },
}

/// The part of a release that a wave belongs to (expand, change, contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Hosts that gain a service start it.
    Expand,
    /// All other changes.
    Change,
    /// Services that left are stopped and removed.
    Contract,
}

/// Activations that run at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    pub phase: Phase,
    pub activations: BTreeMap<HostName, Vec<Step>>,
}

/// Why a release does not reach a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Away {
    /// The description no longer has it.
    Left { reach: Reach },
    /// It is left out.
    LeftOut,
}

/// Why a plan may not be carried out, and on which host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub host: HostName,
    pub why: RefusalReason,
}

/// Why a plan may not be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalReason {
    /// A unit file that is not ours stands at the place of one of ours.
    ForeignUnit {
        service: ServiceName,
        path: String,
        owner: super::observed::Owner,
    },
    /// A `stateful` service would move or vanish.
    Stateful { service: ServiceName, moves: bool },
    /// A `stateful` service would start on these hosts, without the data that it has here, where this
    /// release does not reach.
    StatefulAway {
        service: ServiceName,
        starts: Vec<HostName>,
        away: Away,
    },
    /// A `stateful` service is new here, and no host keeps where it ran before.
    StatefulUnknown { service: ServiceName },
    /// The port is held by a service that this release does not touch.
    PortHeld {
        service: ServiceName,
        port: u16,
        holder: ServiceName,
    },
    /// A newer bayplan released here.
    Newer { why: String },
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waves.is_empty() && self.dismissed.is_empty()
    }
}
