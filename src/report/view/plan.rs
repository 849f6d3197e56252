//! What a release would change, and why.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::super::moves::{self, Move};
use super::super::totals::Totals;
use super::super::{Detail, diff};
use super::activity::ActivityView;
use super::{FailureView, ReasonView, VERSION};
use crate::cluster::model::{Cluster, Host, Supervisor};
use crate::cluster::name::{ClusterName, HostName, VariableName};
use crate::cluster::ports::HostPorts;
use crate::host::activate::activity::Activity;
use crate::plan::observed::Owner;
use crate::plan::reason::Reason;
use crate::plan::{
    Action, Away, Change, Elsewhere, FileChange, HostPlan, LeftMachine, LeftOut, Note, Phase, Plan,
    Refusal, RefusalReason, ServicePlan, Wave,
};
use crate::render::identity::Instance;
use crate::render::placement::Reach;

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
    /// Why nothing may be released.
    pub refusals: Vec<RefusalView<'a>>,
    /// Hosts that could not be seen.
    pub failures: Vec<FailureView<'a>>,
    /// What the last line of the text counts.
    pub totals: Totals,
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
}

/// A machine that is no longer described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftView<'a> {
    /// The name that it had.
    pub host: &'a str,
    /// The address that it had, or null.
    pub address: Option<&'a str>,
    /// The key that it had, or null.
    pub host_key: Option<&'a str>,
    /// What may still run there.
    pub services: Vec<LeftServiceView<'a>>,
    /// How it was reached, in full.
    #[serde(skip)]
    pub reach: &'a Reach,
}

/// A service on a machine that is no longer described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftServiceView<'a> {
    /// The service.
    pub service: &'a str,
    /// Its data stays there.
    pub stateful: bool,
    /// Where the description has it now.
    pub placed: &'a [HostName],
}

impl<'a> LeftView<'a> {
    /// A machine that is no longer described.
    #[must_use]
    pub fn of(left: &'a LeftMachine) -> Self {
        let LeftMachine {
            host,
            reach,
            services,
        } = left;
        let services = services.iter().map(|(name, service)| LeftServiceView {
            service: name.as_str(),
            stateful: service.stateful,
            placed: &service.placed,
        });
        Self {
            host: host.as_str(),
            address: reach.address.as_deref(),
            host_key: reach.host_key.as_deref(),
            services: services.collect(),
            reach,
        }
    }
}

/// A host on which nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOutView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// What it is to run, and what may run there.
    pub services: Vec<&'a str>,
    /// Those of them that are on no other host.
    pub nowhere_else: Vec<&'a str>,
    /// What stays pending there; null if the host was not seen.
    pub pending: Option<HostView<'a>>,
}

impl<'a> LeftOutView<'a> {
    fn of(
        host: &'a HostName,
        left_out: &'a LeftOut,
        view_of: impl Fn(&'a HostName, &'a HostPlan) -> HostView<'a>,
    ) -> Self {
        let LeftOut { pending, services } = left_out;
        let only = services.iter().filter(|(_, it)| **it == Elsewhere::No);
        Self {
            host: host.as_str(),
            services: services.keys().map(AsRef::as_ref).collect(),
            nowhere_else: only.map(|(name, _)| name.as_str()).collect(),
            pending: pending.as_ref().map(|plan| view_of(host, plan)),
        }
    }
}

/// A service that moves: both of its halves, which stand at their hosts as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MoveView<'a> {
    /// The service.
    pub service: &'a str,
    /// The hosts that lose it.
    pub from: Vec<&'a str>,
    /// The hosts that gain it.
    pub to: Vec<&'a str>,
    /// Why it changes besides.
    pub reasons: Vec<ReasonView<'a>>,
    /// What happens on the first of the hosts that gain it.
    #[serde(skip)]
    pub gain: ServiceView<'a>,
    /// Notes on the first of the hosts that lose it.
    #[serde(skip)]
    pub loss_notes: Vec<NoteView<'a>>,
    /// What runs containers on the first of the hosts that gain it.
    #[serde(skip)]
    pub supervisor: Supervisor,
}

impl<'a> MoveView<'a> {
    fn of(cluster: &Cluster, it: &Move<'a>, detail: Detail) -> Self {
        let reasons = it.gain.reasons.iter().filter(|why| **why != Reason::New);
        Self {
            service: it.service.as_str(),
            from: it.from.iter().map(|host| host.as_str()).collect(),
            to: it.to.iter().map(|host| host.as_str()).collect(),
            reasons: reasons.map(|why| ReasonView::of(why, it.service)).collect(),
            gain: ServiceView::of(cluster, &[], it.gain, detail),
            loss_notes: it.loss.notes.iter().map(NoteView::of).collect(),
            supervisor: cluster.supervisor(it.to[0]),
        }
    }
}

impl<'a> PlanView<'a> {
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
        Self {
            version: VERSION,
            cluster: cluster.as_str(),
            in_sync: !changes && refusals.is_empty() && failures.is_empty(),
            hosts: hosts
                .iter()
                .map(|(name, host)| HostView {
                    activity: at_work.get(name).map(ActivityView::of),
                    ..view_of(name, host)
                })
                .collect(),
            waves: waves.iter().map(WaveView::of).collect(),
            refusals: refusals
                .iter()
                .map(|refusal| RefusalView::of(cluster, refusal))
                .collect(),
            failures: failures.iter().map(FailureView::of).collect(),
            totals,
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
    /// Drop-ins that are not bayplan's and change the unit of a service that otherwise stays as it is.
    pub drop_ins: Vec<DropInView<'a>>,
    /// Where it is, if the description has it.
    #[serde(skip)]
    pub location: Option<Cow<'a, str>>,
    /// What runs containers there.
    #[serde(skip)]
    pub supervisor: Supervisor,
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
        } = plan;
        let drop_ins = drop_ins.iter().flat_map(|(service, paths)| {
            let service = service.as_str();
            paths.iter().map(move |path| DropInView { service, path })
        });
        Self {
            drop_ins: drop_ins.collect(),
            host: host.as_str(),
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
    fn of(cluster: &Cluster, moves: &[Move<'_>], plan: &'a ServicePlan, detail: Detail) -> Self {
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

/// What a reader should know of a service that is no reason to restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoteView<'a> {
    /// It is down while a newcomer takes its port or name.
    DownMeanwhile,
    /// A drop-in that is not bayplan's changes its unit; it is left alone.
    DropIn {
        /// The path of the file.
        path: &'a str,
    },
    /// It moves here from these hosts.
    MovesFrom {
        /// The hosts.
        hosts: &'a [HostName],
    },
    /// It moves away to these hosts.
    MovesTo {
        /// The hosts.
        hosts: &'a [HostName],
    },
    /// It may run on these hosts as well, which this release does not reach.
    RunsOn {
        /// The hosts.
        hosts: &'a [HostName],
    },
    /// It leaves once these hosts took part, which are to have it.
    StaysFor {
        /// The hosts.
        hosts: &'a [HostName],
    },
    /// These files were edited on the host, and become what they should be.
    Mended {
        /// The paths of the files.
        paths: &'a [String],
    },
    /// These variables were public until now and are secrets: their old values are known elsewhere.
    WasPublic {
        /// Their names.
        names: &'a [VariableName],
    },
}

impl<'a> NoteView<'a> {
    /// What the reader should know of a service.
    #[must_use]
    pub fn of(note: &'a Note) -> Self {
        match note {
            Note::DownMeanwhile => Self::DownMeanwhile,
            Note::DropIn { path } => Self::DropIn { path },
            Note::MovesFrom { hosts } => Self::MovesFrom { hosts },
            Note::MovesTo { hosts } => Self::MovesTo { hosts },
            Note::RunsOn { hosts } => Self::RunsOn { hosts },
            Note::StaysFor { hosts } => Self::StaysFor { hosts },
            Note::Mended { paths } => Self::Mended { paths },
            Note::WasPublic { names } => Self::WasPublic { names },
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

/// Why nothing may be released, and on which host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RefusalView<'a> {
    /// A unit file that is not ours is in the place of one of ours.
    ForeignUnit {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// The path of the file.
        path: &'a str,
        /// Whose it is.
        owner: OwnerView<'a>,
        /// The file of its unit.
        #[serde(skip)]
        unit: String,
    },
    /// A stateful service would move or vanish.
    Stateful {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// It would move; if not, it would vanish.
        moves: bool,
    },
    /// A stateful service may still run on this host, and would start elsewhere without its data.
    StatefulAway {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// Where it would start.
        starts: &'a [HostName],
        /// Why the release does not reach this host.
        away: AwayView,
        /// How the host was reached, if the description no longer has it.
        #[serde(skip)]
        reach: Option<&'a Reach>,
    },
    /// A stateful service is new here, and no host knows where it ran before.
    StatefulUnknown {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
    },
    /// A service that the release does not touch has the port.
    PortHeld {
        /// The host's name in the description.
        host: &'a str,
        /// The service.
        service: &'a str,
        /// The port.
        port: u16,
        /// The address of the host that it is needed on; `null` is every address.
        address: Option<String>,
        /// `tcp`, `udp` or `sctp`.
        protocol: &'static str,
        /// The same in one word, for readers.
        #[serde(skip)]
        ports: HostPorts,
        /// The service that has it.
        holder: &'a str,
    },
    /// A newer bayplan released here.
    Newer {
        /// The host's name in the description.
        host: &'a str,
        /// How that shows.
        why: &'a str,
    },
}

/// Whose a unit file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OwnerView<'a> {
    /// Nobody's: the unit is masked.
    Masked,
    /// Another cluster's.
    Cluster {
        /// The cluster.
        cluster: &'a str,
    },
    /// Nobody knows whose.
    Unmarked,
}

/// Why a release does not reach a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AwayView {
    /// The description no longer has it.
    Left,
    /// The operator left it out.
    LeftOut,
}

impl<'a> OwnerView<'a> {
    /// Whose a unit file is.
    #[must_use]
    pub fn of(owner: &'a Owner) -> Self {
        match owner {
            Owner::Masked => Self::Masked,
            Owner::Cluster(cluster) => Self::Cluster { cluster },
            Owner::Unmarked => Self::Unmarked,
        }
    }
}

impl<'a> RefusalView<'a> {
    /// The host that it is about.
    #[must_use]
    pub fn host(&self) -> &'a str {
        match self {
            Self::ForeignUnit { host, .. }
            | Self::Stateful { host, .. }
            | Self::StatefulAway { host, .. }
            | Self::StatefulUnknown { host, .. }
            | Self::PortHeld { host, .. }
            | Self::Newer { host, .. } => host,
        }
    }

    /// Why a plan may not be carried out.
    #[must_use]
    pub fn of(cluster: &ClusterName, refusal: &'a Refusal) -> Self {
        let Refusal { host, why } = refusal;
        let host = host.as_str();
        match why {
            RefusalReason::ForeignUnit {
                service,
                path,
                owner,
            } => Self::ForeignUnit {
                host,
                service: service.as_str(),
                path,
                owner: OwnerView::of(owner),
                unit: Instance::of(service).unit(cluster).service_file().into(),
            },
            RefusalReason::Stateful { service, moves } => Self::Stateful {
                host,
                service: service.as_str(),
                moves: *moves,
            },
            RefusalReason::StatefulAway {
                service,
                starts,
                away,
            } => Self::StatefulAway {
                host,
                service: service.as_str(),
                starts,
                away: match away {
                    Away::Left { .. } => AwayView::Left,
                    Away::LeftOut => AwayView::LeftOut,
                },
                reach: match away {
                    Away::Left { reach } => Some(reach),
                    Away::LeftOut => None,
                },
            },
            RefusalReason::StatefulUnknown { service } => Self::StatefulUnknown {
                host,
                service: service.as_str(),
            },
            RefusalReason::PortHeld {
                service,
                ports,
                holder,
            } => Self::PortHeld {
                host,
                service: service.as_str(),
                port: ports.first,
                address: ports.address.map(|address| address.to_string()),
                protocol: ports.protocol.as_str(),
                ports: *ports,
                holder: holder.as_str(),
            },
            RefusalReason::Newer { why } => Self::Newer { host, why },
        }
    }
}
