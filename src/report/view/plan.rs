//! What a release would change, and why.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::super::moves::{self, Move};
use super::super::totals::Totals;
use super::super::{Detail, diff};
use super::activity::ActivityView;
use super::shared::tell_once;
use super::{
    BegunView, FailureView, HeldView, LeftOutView, LeftView, MoveView, NO_FAILURES, NOBODY_AT_WORK,
    NoteView, ReasonView, RefusalView, VERSION,
};
use crate::cluster::model::{Cluster, Host, OnFailure, Pause, Supervisor};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::activity::Activity;
use crate::plan::step::turns;
use crate::plan::{
    Action, Change, FileChange, HostPlan, NetworkPlan, Phase, Plan, RolloutPolicy, ServicePlan,
    Wave,
};

/// What a release of a cluster would change, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The cluster.
    pub cluster: &'a str,
    /// There is nothing to do, and every host was seen.
    pub in_sync: bool,
    /// The hosts that were seen, by name.
    pub hosts: Vec<HostView<'a>>,
    /// In which order hosts are activated; the hosts of one wave at the same time.
    pub waves: Vec<WaveView<'a>>,
    /// What `[rollout]` says of that order.
    pub rollout: RolloutView<'a>,
    /// Why nothing may be released.
    pub refusals: Vec<RefusalView<'a>>,
    /// Hosts that could not be seen.
    pub failures: Vec<FailureView<'a>>,
    /// What the last line of the text counts.
    pub totals: Totals,
    /// A release of several hosts that has not ended, or null.
    pub begun: Option<BegunView<'a>>,
    /// Machines that the description no longer has, and on which services may still run.
    pub left: Vec<LeftView<'a>>,
    /// Those of them that `--dismiss` forgets.
    pub dismissed: Vec<LeftView<'a>>,
    /// Hosts on which nothing is done, as the operator chose.
    pub left_out: Vec<LeftOutView<'a>>,
    /// Services that move. Both halves stand at their hosts as well.
    pub moves: Vec<MoveView<'a>>,
    /// A release does nothing.
    #[serde(skip)]
    pub is_empty: bool,
    /// Hosts of the description that were not seen.
    #[serde(skip)]
    pub unseen: Vec<&'a HostName>,
    /// How many services the description places on any host.
    #[serde(skip)]
    pub placed: usize,
    /// What is the same for several services, and told before them.
    #[serde(skip)]
    pub shared: Vec<ReasonView<'a>>,
    /// Services that restart and run on one host alone.
    pub briefly_down: Vec<&'a str>,
}

impl<'a> PlanView<'a> {
    /// A plan of hosts that were all seen, with nothing at work on them.
    #[must_use]
    pub fn alone(model: &'a Cluster, plan: &'a Plan, detail: Detail) -> Self {
        Self::of(model, plan, &NOBODY_AT_WORK, &NO_FAILURES, detail)
    }

    /// A plan, and what is at work on its hosts. With [`Detail::Diff`] each file has its unified diff.
    #[must_use]
    pub fn of(
        model: &'a Cluster,
        plan: &'a Plan,
        at_work: &'a BTreeMap<HostName, Activity>,
        failures: &'a BTreeMap<HostName, HostFailure>,
        detail: Detail,
    ) -> Self {
        let Plan {
            cluster,
            hosts,
            waves,
            rollout,
            pause_after,
            refusals,
            left,
            dismissed,
            left_out,
        } = plan;
        let totals = Totals::of(plan);
        let moves = moves::moves(plan);
        let unseen = model.hosts.keys();
        let unseen =
            unseen.filter(|host| !hosts.contains_key(*host) && !left_out.contains_key(*host));
        let services = model.services.values();
        let view_of = |name: &'a HostName, host: &'a HostPlan| {
            HostView::of(model, &moves, name, host, detail)
        };
        let changes = !plan.is_empty()
            || hosts.values().any(|host| !host.services.is_empty())
            || !left.is_empty()
            || !left_out.is_empty();
        let mut seen: Vec<HostView<'_>> = hosts
            .iter()
            .map(|(name, host)| HostView {
                activity: at_work.get(name).map(ActivityView::of),
                side_by_side: side_by_side(model, plan, name),
                ..view_of(name, host)
            })
            .collect();
        Self {
            version: VERSION,
            shared: tell_once(&mut seen),
            briefly_down: briefly_down(model, plan),
            cluster: cluster.as_str(),
            in_sync: !changes && refusals.is_empty() && failures.is_empty(),
            hosts: seen,
            rollout: RolloutView {
                pause: pause_after.and_then(|_| rollout.pause).map(PauseView::of),
                ..RolloutView::of(model, rollout, waves)
            },
            waves: waves.iter().map(WaveView::of).collect(),
            refusals: refusals
                .iter()
                .map(|refusal| RefusalView::of(cluster, refusal))
                .collect(),
            failures: failures.iter().map(FailureView::of).collect(),
            totals,
            begun: None,
            left: left.iter().map(LeftView::of).collect(),
            dismissed: dismissed.iter().map(LeftView::of).collect(),
            left_out: left_out
                .iter()
                .map(|(host, left_out)| LeftOutView::of(host, left_out, view_of))
                .collect(),
            moves: moves
                .iter()
                .map(|it| MoveView::of(model, it, detail))
                .collect(),
            is_empty: plan.is_empty(),
            unseen: unseen.collect(),
            placed: services.filter(|it| !it.hosts.is_empty()).count(),
        }
    }
}

/// Services that restart and run on one host alone: nobody answers for them meanwhile.
fn briefly_down<'a>(model: &Cluster, plan: &'a Plan) -> Vec<&'a str> {
    let alone = |name: &ServiceName| {
        let service = model.services.get(name);
        service.is_some_and(|service| service.hosts.len() == 1)
    };
    let services = plan.hosts.values().flat_map(|host| &host.services);
    let down: BTreeSet<&str> = services
        .filter(|it| it.action == Action::Restart && alone(&it.service))
        .map(|it| it.service.as_str())
        .collect();
    down.into_iter().collect()
}

/// How many containers of a host restart at the same time at most, if it is more than one.
fn side_by_side(model: &Cluster, plan: &Plan, host: &HostName) -> Option<usize> {
    let activations = plan
        .waves
        .iter()
        .filter_map(|wave| wave.activations.get(host));
    let turns = activations.flat_map(|steps| turns(steps).map(<[_]>::len));
    let most = model.rollout.parallel.map(NonZeroUsize::get);
    turns
        .max()
        .map(|turn| most.map_or(turn, |most| most.min(turn)))
        .filter(|number| *number > 1)
}

/// What changes on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// A release does something there, were it only to record the generation.
    pub acts: bool,
    /// The previous activation did not finish; a release completes it.
    pub unfinished: bool,
    /// Why nobody knows any more what was released there, or null.
    pub lost: Option<&'a str>,
    /// The activation that is at work there; absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<ActivityView<'a>>,
    /// How many containers stay as they are.
    pub stay: usize,
    /// The services that change, in the order in which they are acted on.
    pub services: Vec<ServiceView<'a>>,
    /// How many containers restart at the same time at most, as far as the host's cores (two each) go where `[rollout] parallel` does not
    /// say it; absent where each restarts alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side_by_side: Option<usize>,
    /// Drop-ins that are not bayplan's and change the unit of a service that otherwise stays as it is.
    pub drop_ins: Vec<DropInView<'a>>,
    /// Networks that are made, made anew or removed; absent where none is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkView<'a>>,
    /// Services that somebody holds, so that they stay stopped; absent where none is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldView<'a>>,
    /// Where it is, if the description has it.
    #[serde(skip)]
    pub location: Option<Cow<'a, str>>,
    /// What runs containers there.
    #[serde(skip)]
    pub supervisor: Supervisor,
}

/// What becomes of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NetworkView<'a> {
    /// The network, as the engine knows it.
    pub network: &'a str,
    /// It is made, made anew with other options, or removed.
    pub change: Change,
    /// The options that it has; null if it is new.
    pub before: Option<&'a str>,
    /// The options that it is to have; null if it goes.
    pub after: Option<&'a str>,
    /// Services that run and are down while it is made anew.
    pub down: &'a [ServiceName],
}

impl<'a> NetworkView<'a> {
    /// What becomes of a network.
    #[must_use]
    pub fn of(plan: &'a NetworkPlan) -> Self {
        let NetworkPlan {
            network,
            before,
            after,
            down,
        } = plan;
        Self {
            network,
            change: match (before, after) {
                (None, _) => Change::Added,
                (Some(_), Some(_)) => Change::Changed,
                (Some(_), None) => Change::Removed,
            },
            before: before.as_deref(),
            after: after.as_deref(),
            down,
        }
    }
}

/// A drop-in that is not bayplan's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DropInView<'a> {
    /// The service.
    pub service: &'a str,
    /// The path of the file.
    pub path: &'a str,
}

impl<'a> HostView<'a> {
    fn of(
        cluster: &'a Cluster,
        moves: &[Move<'_>],
        host: &'a HostName,
        plan: &'a HostPlan,
        detail: Detail,
    ) -> Self {
        let HostPlan {
            services,
            stay,
            acts,
            unfinished,
            lost,
            drop_ins,
            networks,
            held,
        } = plan;
        let drop_ins = drop_ins.iter().flat_map(|(service, paths)| {
            let service = service.as_str();
            paths.iter().map(move |path| DropInView { service, path })
        });
        Self {
            drop_ins: drop_ins.collect(),
            networks: networks.iter().map(NetworkView::of).collect(),
            held: held.iter().map(HeldView::of).collect(),
            host: host.as_str(),
            side_by_side: None,
            acts: *acts,
            unfinished: *unfinished,
            lost: lost.as_deref(),
            activity: None,
            stay: *stay,
            services: services
                .iter()
                .map(|service| ServiceView::of(cluster, moves, service, detail))
                .collect(),
            location: cluster.hosts.get(host).map(Host::location),
            supervisor: cluster.supervisor(host),
        }
    }
}

/// What changes for one service on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServiceView<'a> {
    /// The service.
    pub service: &'a str,
    /// The file name of its unit.
    pub unit: String,
    /// What happens to its files.
    pub change: Change,
    /// What becomes of its container.
    pub action: Action,
    /// Why its container restarts.
    pub reasons: Vec<ReasonView<'a>>,
    /// What else the reader should know.
    pub notes: Vec<NoteView<'a>>,
    /// The files that change.
    pub files: Vec<FileView<'a>>,
    /// Whether it is one half of a move, and told with that.
    #[serde(skip)]
    pub half: Half,
    /// Where the description still has it.
    #[serde(skip)]
    pub described: WhereDescribed,
}

/// Whether what happens to a service on a host is one half of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// It is.
    OfMove,
    /// It is not.
    Alone,
}

/// Where the description has a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhereDescribed {
    /// It is placed on hosts.
    OnHosts,
    /// It is described and placed nowhere.
    OnNone,
    /// It is not described.
    Nowhere,
}

impl<'a> ServiceView<'a> {
    pub(super) fn of(
        cluster: &Cluster,
        moves: &[Move<'_>],
        plan: &'a ServicePlan,
        detail: Detail,
    ) -> Self {
        let ServicePlan {
            service,
            unit,
            change,
            files,
            action,
            reasons,
            notes,
        } = plan;
        Self {
            half: if moves::is_half(moves, plan) {
                Half::OfMove
            } else {
                Half::Alone
            },
            described: match cluster.services.get(service) {
                Some(model) if !model.hosts.is_empty() => WhereDescribed::OnHosts,
                Some(_) => WhereDescribed::OnNone,
                None => WhereDescribed::Nowhere,
            },
            service: service.as_str(),
            unit: unit.service_file().into(),
            change: *change,
            action: *action,
            reasons: reasons
                .iter()
                .map(|reason| ReasonView::of(reason, service))
                .collect(),
            notes: notes.iter().map(NoteView::of).collect(),
            files: files
                .iter()
                .map(|file| FileView::of(file, detail))
                .collect(),
        }
    }
}

/// A file that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileView<'a> {
    /// The unit's file name, or the path below the inputs directory.
    pub path: &'a str,
    /// What happens to it.
    pub change: Change,
    /// The unified diff, with `--diff` and where the text before is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// The file before and after.
    #[serde(skip)]
    pub file: &'a FileChange,
}

impl<'a> FileView<'a> {
    fn of(file: &'a FileChange, detail: Detail) -> Self {
        let FileChange {
            path,
            before: _,
            after: _,
            kind,
        } = file;
        Self {
            path,
            change: *kind,
            diff: match detail {
                Detail::Short => None,
                Detail::Diff => diff::text(file),
            },
            file,
        }
    }
}

/// How a release goes over the hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RolloutView<'a> {
    /// At most so many hosts go at a time; null if only the services say how many.
    pub batch: Option<usize>,
    /// Hosts of this plan that go first, as far as needs allow, each of them alone.
    pub canary: Vec<&'a HostName>,
    /// What this release waits for after them; null if there is nothing to wait for.
    pub pause: Option<PauseView>,
    /// For how many milliseconds what is started is watched after it is healthy. A service may say otherwise.
    pub soak_ms: u64,
    /// What becomes of the hosts if one of them fails.
    pub on_failure: OnFailure,
}

impl<'a> RolloutView<'a> {
    fn of(cluster: &Cluster, rollout: &RolloutPolicy, waves: &'a [Wave]) -> Self {
        let RolloutPolicy {
            batch,
            canary,
            pause: _,
            on_failure,
        } = rollout;
        let hosts = waves.iter().flat_map(|wave| wave.activations.keys());
        let canary: BTreeSet<&HostName> = hosts.filter(|host| canary.contains(*host)).collect();
        Self {
            batch: *batch,
            canary: canary.into_iter().collect(),
            pause: None,
            on_failure: *on_failure,
            soak_ms: u64::try_from(cluster.rollout.soak.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What a release waits for after its canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PauseView {
    /// So many milliseconds, in which its containers must stay well.
    ForMs(u64),
    /// `release --resume`.
    Ask,
}

impl PauseView {
    fn of(pause: Pause) -> Self {
        match pause {
            Pause::For(time) => Self::ForMs(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            Pause::Ask => Self::Ask,
        }
    }
}

/// Hosts that are activated at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WaveView<'a> {
    /// What is done in it.
    pub phase: Phase,
    /// The hosts.
    pub hosts: Vec<&'a HostName>,
}

impl<'a> WaveView<'a> {
    fn of(wave: &'a Wave) -> Self {
        let Wave { phase, activations } = wave;
        Self {
            phase: *phase,
            hosts: activations.keys().collect(),
        }
    }
}
