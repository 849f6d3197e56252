//! The plan: what a release would do, in the order in which it does it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::known::LeftMachine;
use super::observed::ObservedHold;
use super::options::RolloutPolicy;
use super::reason::Reason;
use super::step::Step;
use crate::cluster::model::Engine;
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::cluster::ports::HostPorts;
use crate::render::identity::{Slot, UnitName};
use crate::render::placement::Reach;

/// What takes every host from what was observed to what is desired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whose plan it is.
    pub cluster: ClusterName,
    /// Every host of the cluster, changed or not: what changes there, to be shown.
    pub hosts: BTreeMap<HostName, HostPlan>,
    /// What is done, wave after wave; the hosts of one wave at the same time.
    pub waves: Vec<Wave>,
    /// What was said of the order of the waves, and of a host that fails.
    pub rollout: RolloutPolicy,
    /// How many of the waves are done when the release pauses after its canary; `None` if it does not, or goes nowhere else.
    pub pause_after: Option<usize>,
    /// Why nothing may be done at all. A plan with refusals is never carried out.
    pub refusals: Vec<Refusal>,
    /// Machines that the description no longer has, and where services may still run.
    pub left: Vec<LeftMachine>,
    /// Those of them that nobody will be told of any more.
    pub dismissed: Vec<LeftMachine>,
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
    /// It is.
    Yes,
    /// It is on this host alone.
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
    /// Networks that are made, made anew or removed.
    pub networks: Vec<NetworkPlan>,
    /// Services that somebody holds, so that they stay stopped, or held until now.
    pub held: BTreeMap<ServiceName, ObservedHold>,
}

/// What becomes of a network on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetworkPlan {
    /// As engines know it.
    pub network: String,
    /// The options that it has; `None` if it is new.
    pub before: Option<String>,
    /// The options that it is to have; `None` if it goes.
    pub after: Option<String>,
    /// Services that run and are down while it is made anew.
    pub down: Vec<ServiceName>,
}

/// What changes for one service on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePlan {
    /// The service.
    pub service: ServiceName,
    /// Its unit.
    pub unit: UnitName,
    /// What becomes of it here.
    pub change: Change,
    /// The files that change.
    pub files: Vec<FileChange>,
    /// What becomes of its container.
    pub action: Action,
    /// Why its container starts or restarts.
    pub reasons: Vec<Reason>,
    /// What else the reader should know.
    pub notes: Vec<Note>,
}

/// What becomes of the service on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new here.
    Added,
    /// It was here, and is to be.
    Changed,
    /// It leaves.
    Removed,
}

/// What becomes of its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It runs on undisturbed (or stays unstarted).
    None,
    /// It does not run, and starts.
    Start,
    /// It runs on, and reads its files again.
    Reload,
    /// It runs, and restarts.
    Restart,
    /// It runs on in one slot while it starts in the other one, which then takes over.
    Swap,
    /// It stops, since it leaves.
    Stop,
    /// It should restart, but `restart = "manual"` leaves that to the operator.
    Pending,
    /// It restarts if the pull finds that its moving tag means another image.
    MayRestart,
    /// It is a job, and runs to its end.
    Run,
    /// It is a job, and runs if a pull finds another image, or, for a job of each release, if anything else changes.
    MayRun,
}

impl Action {
    /// Whether only a pull can tell if it happens.
    #[must_use]
    pub const fn is_possible(self) -> bool {
        match self {
            Action::MayRestart | Action::MayRun => true,
            Action::None
            | Action::Start
            | Action::Reload
            | Action::Restart
            | Action::Swap
            | Action::Stop
            | Action::Pending
            | Action::Run => false,
        }
    }
}

impl Action {
    /// Whether the release does it: not what waits for the operator, or for what only a pull can tell.
    #[must_use]
    pub const fn is_done(self) -> bool {
        match self {
            Action::Start
            | Action::Reload
            | Action::Restart
            | Action::Swap
            | Action::Stop
            | Action::Run => true,
            Action::None | Action::Pending | Action::MayRestart | Action::MayRun => false,
        }
    }
}

/// One file that changes. Paths are short, as shown: the unit's file name, or `<service>/` and the path
/// below the inputs directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// As shown.
    pub path: String,
    /// The text before; `None` if the file is new or its text was not fetched.
    pub before: Option<Arc<str>>,
    /// The text after; `None` if the file goes.
    pub after: Option<Arc<str>>,
    /// Whether it is new, changes or goes.
    pub kind: Change,
}

/// Something the reader should know that is no reason to restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It is down while a newcomer that needs its port or name starts.
    DownMeanwhile,
    /// A drop-in that is not ours changes the unit; it is left alone.
    DropIn {
        /// The drop-in's path.
        path: String,
    },
    /// It moves here from, or away to, these hosts.
    MovesFrom {
        /// The hosts.
        hosts: Vec<HostName>,
    },
    /// It moves away to these hosts.
    MovesTo {
        /// The hosts.
        hosts: Vec<HostName>,
    },
    /// These files were changed by hand, and become what they should be. What its container was started
    /// from is a reason instead.
    Mended {
        /// Their paths, as shown.
        paths: Vec<String>,
    },
    /// These were public until now and are secret: their values are known.
    WasPublic {
        /// Their names.
        names: Vec<VariableName>,
    },
    /// It runs on these hosts as well, which this release does not reach.
    RunsOn {
        /// The hosts.
        hosts: Vec<HostName>,
    },
    /// It stays here until these hosts take part, which are to have it.
    StaysFor {
        /// The hosts.
        hosts: Vec<HostName>,
    },
    /// It is a job, and moves here when the run on these hosts has ended.
    WaitsForRun {
        /// The hosts.
        hosts: Vec<HostName>,
    },
    /// It is a job that leaves: what is left of it goes when its run has ended.
    StaysForRun,
    /// It goes back to a slot that still runs: nothing starts.
    BackToSlot {
        /// The slot.
        slot: Slot,
    },
    /// It reads its files again, and restarts instead if the pull finds another image behind its tag.
    MayRestart,
    /// It is asked otherwise whether it is well, as long as it runs: in words, `None` if not at all.
    Watch {
        /// Until now, as far as it is known.
        before: Option<String>,
        /// From now on.
        after: Option<String>,
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
    /// What all its activations are about.
    pub phase: Phase,
    /// The steps of each host.
    pub activations: BTreeMap<HostName, Vec<Step>>,
}

/// Why a release does not reach a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Away {
    /// The description no longer has it.
    Left {
        /// How it was reached.
        reach: Reach,
    },
    /// It is left out.
    LeftOut,
}

/// Why a plan may not be carried out, and on which host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The host.
    pub host: HostName,
    /// Why not.
    pub why: RefusalReason,
}

/// Why a plan may not be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalReason {
    /// A unit file that is not ours stands at the place of one of ours.
    ForeignUnit {
        /// The service.
        service: ServiceName,
        /// The path of the unit file.
        path: String,
        /// Whose it is.
        owner: super::observed::Owner,
    },
    /// A `stateful` service would move or vanish.
    Stateful {
        /// The service.
        service: ServiceName,
        /// Whether it would move; if not, it would vanish.
        moves: bool,
    },
    /// A `stateful` service would start on these hosts, without the data that it has here, where this
    /// release does not reach.
    StatefulAway {
        /// The service.
        service: ServiceName,
        /// Where it would start.
        starts: Vec<HostName>,
        /// Why this release does not reach the host.
        away: Away,
    },
    /// A job with a schedule would start on these hosts, and its timer runs here, too, where this release does not reach:
    /// each time it would run twice.
    ScheduledAway {
        /// The service.
        service: ServiceName,
        /// Where it would start.
        starts: Vec<HostName>,
        /// Why this release does not reach the host.
        away: Away,
    },
    /// A run of a job that runs once goes on here, where the job is not described any more: it would be cut, and
    /// run twice at once where the job moves.
    RunUnderWay {
        /// The job.
        job: ServiceName,
    },
    /// A `stateful` service is new here, and no host keeps where it ran before.
    StatefulUnknown {
        /// The service.
        service: ServiceName,
    },
    /// The port is held by a service that this release does not touch.
    PortHeld {
        /// The service.
        service: ServiceName,
        /// The port.
        ports: HostPorts,
        /// The service that has it.
        holder: ServiceName,
    },
    /// The address in a network is that of a service that this release does not touch.
    AddressHeld {
        /// The service.
        service: ServiceName,
        /// The network, as the engine knows it.
        network: String,
        /// The address.
        address: IpAddr,
        /// The service that has it.
        holder: ServiceName,
    },
    /// A network is to be made anew, and somebody is in it whom this release does not stop.
    NetworkHeld {
        /// The engine that has it.
        engine: Engine,
        /// As the engine knows it.
        network: String,
        /// The options that it has.
        before: String,
        /// The options that it is to have.
        after: String,
        /// The services that go with it.
        users: Vec<ServiceName>,
        /// Services of this cluster that are in it and stay as they are.
        services: Vec<ServiceName>,
        /// Containers of others that are in it.
        containers: Vec<String>,
    },
    /// Several networks have one name: nobody knows which one a container gets.
    NetworksAlike {
        /// The engine that has them.
        engine: Engine,
        /// Their name.
        network: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// It comes after a job that has to run first, on a host that this release does not reach.
    JobAway {
        /// The service.
        service: ServiceName,
        /// The job.
        job: ServiceName,
        /// Where that is placed.
        at: HostName,
    },
    /// Its restart is asked for, and it is not as it was released: what it would start with is something else.
    NotAsReleased {
        /// The service.
        service: ServiceName,
    },
    /// A newer bayplan released here.
    Newer {
        /// As the host says it, in words.
        why: String,
    },
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waves.is_empty() && self.dismissed.is_empty()
    }

    /// Whether something is done on a host, or may be done once an image was pulled.
    #[must_use]
    pub fn takes_part(&self, host: &HostName) -> bool {
        self.hosts.get(host).is_some_and(|host| {
            let may = |service: &ServicePlan| service.action.is_possible();
            host.acts || host.services.iter().any(may)
        })
    }

    /// All steps on a host, wave after wave.
    pub fn steps(&self, host: &HostName) -> impl Iterator<Item = &Step> {
        let activations = self.waves.iter().map(|wave| &wave.activations);
        activations.filter_map(|at| at.get(host)).flatten()
    }
}
