//! What a release would change, and why.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::super::moves::{self, Move};
use super::super::totals::Totals;
use super::super::{Detail, diff};
use super::status::ActivityView;
use super::{FailureView, ReasonView, VERSION};
use crate::cluster::name::{HostName, VariableName};
use crate::host::activate::activity::Activity;
use crate::plan::observed::Owner;
use crate::plan::reason::Reason;
use crate::plan::{
    Action, Away, Change, Elsewhere, FileChange, HostPlan, Left, LeftOut, Note, Phase, Plan,
    Refusal, RefusalReason, ServicePlan, Wave,
};
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
    fn of(host: &'a HostName, left_out: &'a LeftOut, detail: Detail) -> Self {
        let LeftOut { pending, services } = left_out;
        let only = services.iter().filter(|(_, it)| **it == Elsewhere::No);
        Self {
            host: host.as_str(),
            services: services.keys().map(AsRef::as_ref).collect(),
            nowhere_else: only.map(|(name, _)| name.as_str()).collect(),
            pending: pending
                .as_ref()
                .map(|plan| HostView::of(host, plan, detail)),
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
}

impl<'a> MoveView<'a> {
    fn of(it: &Move<'a>) -> Self {
        let reasons = it.gain.reasons.iter().filter(|why| **why != Reason::New);
        Self {
            service: it.service.as_str(),
            from: it.from.iter().map(|host| host.as_str()).collect(),
            to: it.to.iter().map(|host| host.as_str()).collect(),
            reasons: reasons.map(|why| ReasonView::of(why, it.service)).collect(),
        }
    }
}

impl<'a> PlanView<'a> {
    /// A plan, and what is at work on its hosts. With [`Detail::Diff`] each file has its unified diff.
    #[must_use]
    pub fn of(
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
                    ..HostView::of(name, host, detail)
                })
                .collect(),
            waves: waves.iter().map(WaveView::of).collect(),
            refusals: refusals.iter().map(RefusalView::of).collect(),
            failures: failures.iter().map(FailureView::of).collect(),
            totals,
            left: left.iter().map(LeftView::of).collect(),
            dismissed: dismissed.iter().map(LeftView::of).collect(),
            left_out: left_out
                .iter()
                .map(|(host, left_out)| LeftOutView::of(host, left_out, detail))
                .collect(),
            moves: moves::moves(plan).iter().map(MoveView::of).collect(),
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
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DropInView<'a> {
    pub service: &'a str,
    pub path: &'a str,
}

impl<'a> HostView<'a> {
    fn of(host: &'a HostName, plan: &'a HostPlan, detail: Detail) -> Self {
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
                .map(|service| ServiceView::of(service, detail))
                .collect(),
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
}

impl<'a> ServiceView<'a> {
    fn of(plan: &'a ServicePlan, detail: Detail) -> Self {
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
    fn of(note: &'a Note) -> Self {
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
    pub fn of(refusal: &'a Refusal) -> Self {
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
