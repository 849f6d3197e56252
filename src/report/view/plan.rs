//! What a release would change, and why.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::super::moves::{self, Move};
use super::super::totals::Totals;
use super::super::{Detail, diff};
use super::status::ActivityView;
use super::{FailureView, NO_FAILURES, NOBODY_AT_WORK, ReasonView, VERSION};
use crate::cluster::model::{Cluster, Host, Supervisor};
use crate::cluster::name::{ClusterName, HostName, VariableName};
use crate::host::activate::activity::Activity;
use crate::plan::observed::Owner;
use crate::plan::reason::Reason;
use crate::plan::{
    Action, Away, Change, Elsewhere, FileChange, HostPlan, Left, LeftOut, Note, Phase, Plan,
    Refusal, RefusalReason, ServicePlan, Wave,
};
use crate::render::identity::Instance;
use crate::render::placement::Reach;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanView<'a> {
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    pub cluster: &'a str,
    pub in_sync: bool,
    pub hosts: Vec<HostView<'a>>,
    pub waves: Vec<WaveView<'a>>,
    pub refusals: Vec<RefusalView<'a>>,
    pub failures: Vec<FailureView<'a>>,
    pub totals: Totals,
    pub left: Vec<LeftView<'a>>,
    pub dismissed: Vec<LeftView<'a>>,
    pub left_out: Vec<LeftOutView<'a>>,
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
    pub host: &'a str,
    pub address: Option<&'a str>,
    pub host_key: Option<&'a str>,
    pub services: Vec<LeftServiceView<'a>>,
    /// How it was reached, in full.
    #[serde(skip)]
    pub reach: &'a Reach,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftServiceView<'a> {
    pub service: &'a str,
    pub stateful: bool,
    pub placed: &'a [HostName],
}

impl<'a> LeftView<'a> {
    /// A machine that is no longer described.
    #[must_use]
    pub fn of(left: &'a Left) -> Self {
        let Left {
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
    pub host: &'a str,
    pub services: Vec<&'a str>,
    pub nowhere_else: Vec<&'a str>,
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
    pub service: &'a str,
    pub from: Vec<&'a str>,
    pub to: Vec<&'a str>,
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
    /// A plan between two revisions, which is about no host that anybody looked at.
    #[must_use]
    pub fn of_review(model: &'a Cluster, plan: &'a Plan) -> Self {
        Self::of(model, plan, &NOBODY_AT_WORK, &NO_FAILURES, Detail::Short)
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostView<'a> {
    pub host: &'a str,
    pub acts: bool,
    pub unfinished: bool,
    pub lost: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<ActivityView<'a>>,
    pub stay: usize,
    pub services: Vec<ServiceView<'a>>,
    pub drop_ins: Vec<DropInView<'a>>,
    /// Where it is, if the description has it.
    #[serde(skip)]
    pub location: Option<Cow<'a, str>>,
    #[serde(skip)]
    pub supervisor: Supervisor,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DropInView<'a> {
    pub service: &'a str,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServiceView<'a> {
    pub service: &'a str,
    pub unit: String,
    pub change: Change,
    pub action: Action,
    pub reasons: Vec<ReasonView<'a>>,
    pub notes: Vec<NoteView<'a>>,
    pub files: Vec<FileView<'a>>,
    /// Whether it is one half of a move, and told with that.
    #[serde(skip)]
    pub half: Half,
    /// Where the description still has it.
    #[serde(skip)]
    pub described: Described,
}

/// Whether what happens to a service on a host is one half of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    OfMove,
    Alone,
}

/// Where the description has a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Described {
    OnHosts,
    OnNone,
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
                Some(model) if !model.hosts.is_empty() => Described::OnHosts,
                Some(_) => Described::OnNone,
                None => Described::Nowhere,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileView<'a> {
    pub path: &'a str,
    pub change: Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoteView<'a> {
    DownMeanwhile,
    DropIn { path: &'a str },
    MovesFrom { hosts: &'a [HostName] },
    MovesTo { hosts: &'a [HostName] },
    RunsOn { hosts: &'a [HostName] },
    StaysFor { hosts: &'a [HostName] },
    Mended { paths: &'a [String] },
    WasPublic { names: &'a [VariableName] },
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WaveView<'a> {
    pub phase: Phase,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RefusalView<'a> {
    ForeignUnit {
        host: &'a str,
        service: &'a str,
        path: &'a str,
        owner: OwnerView<'a>,
        /// The file of its unit.
        #[serde(skip)]
        unit: String,
    },
    Stateful {
        host: &'a str,
        service: &'a str,
        moves: bool,
    },
    StatefulAway {
        host: &'a str,
        service: &'a str,
        starts: &'a [HostName],
        away: AwayView,
        /// How the host was reached, if the description no longer has it.
        #[serde(skip)]
        reach: Option<&'a Reach>,
    },
    StatefulUnknown {
        host: &'a str,
        service: &'a str,
    },
    PortHeld {
        host: &'a str,
        service: &'a str,
        port: u16,
        holder: &'a str,
    },
    Newer {
        host: &'a str,
        why: &'a str,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OwnerView<'a> {
    Masked,
    Cluster { cluster: &'a str },
    Unmarked,
}

/// Why a release does not reach a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AwayView {
    Left,
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
                port,
                holder,
            } => Self::PortHeld {
                host,
                service: service.as_str(),
                port: *port,
                holder: holder.as_str(),
            },
            RefusalReason::Newer { why } => Self::Newer { host, why },
        }
    }
}
