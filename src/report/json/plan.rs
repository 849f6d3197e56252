//! `diff --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::errors::HostFailure;
use super::super::moves::{self, Move};
use super::super::totals::Totals;
use super::super::{Detail, diff};
use super::status::ActivityJson;
use super::{FailureJson, ReasonJson, VERSION, text};
use crate::cluster::name::{HostName, VariableName};
use crate::host::activate::follow::Activity;
use crate::plan::observed::Owner;
use crate::plan::reason::Reason;
use crate::plan::{
    Action, Away, Change, Elsewhere, FileChange, HostPlan, Left, LeftOut, Note, Phase, Plan,
    Refusal, RefusalReason, ServicePlan, Wave,
};

/// A plan as JSON, with a final line break. With [`Detail::Diff`] each file has its unified diff.
#[must_use]
pub fn plan(
    plan: &Plan,
    at_work: &BTreeMap<HostName, Activity>,
    failures: &BTreeMap<HostName, HostFailure>,
    detail: Detail,
) -> String {
    let failures = failures.iter().map(FailureJson::of).collect();
    let mut json = PlanJson::of(plan, failures, detail);
    for (host, name) in json.hosts.iter_mut().zip(plan.hosts.keys()) {
        host.activity = at_work.get(name).map(ActivityJson::of);
    }
    text(&json)
}

#[derive(Serialize)]
pub(super) struct PlanJson<'a> {
    version: u32,
    cluster: &'a str,
    in_sync: bool,
    hosts: Vec<HostJson<'a>>,
    waves: Vec<WaveJson<'a>>,
    refusals: Vec<RefusalJson<'a>>,
    failures: Vec<FailureJson<'a>>,
    totals: Totals,
    left: Vec<LeftJson<'a>>,
    dismissed: Vec<LeftJson<'a>>,
    left_out: Vec<LeftOutJson<'a>>,
    moves: Vec<MoveJson<'a>>,
}

/// A machine that is no longer described.
#[derive(Serialize)]
pub(super) struct LeftJson<'a> {
    host: &'a str,
    address: Option<&'a str>,
    host_key: Option<&'a str>,
    services: Vec<LeftServiceJson<'a>>,
}

#[derive(Serialize)]
struct LeftServiceJson<'a> {
    service: &'a str,
    stateful: bool,
    placed: &'a [HostName],
}

impl<'a> LeftJson<'a> {
    pub fn of(left: &'a Left) -> Self {
        let Left {
            host,
            reach,
            services,
        } = left;
        let services = services.iter().map(|(name, service)| LeftServiceJson {
            service: name.as_str(),
            stateful: service.stateful,
            placed: &service.placed,
        });
        Self {
            host: host.as_str(),
            address: reach.address.as_deref(),
            host_key: reach.host_key.as_deref(),
            services: services.collect(),
        }
    }
}

/// A host on which nothing is done.
#[derive(Serialize)]
struct LeftOutJson<'a> {
    host: &'a str,
    services: Vec<&'a str>,
    nowhere_else: Vec<&'a str>,
    pending: Option<HostJson<'a>>,
}

impl<'a> LeftOutJson<'a> {
    fn of(host: &'a HostName, left_out: &'a LeftOut, detail: Detail) -> Self {
        let LeftOut { pending, services } = left_out;
        let only = services.iter().filter(|(_, it)| **it == Elsewhere::No);
        Self {
            host: host.as_str(),
            services: services.keys().map(AsRef::as_ref).collect(),
            nowhere_else: only.map(|(name, _)| name.as_str()).collect(),
            pending: pending
                .as_ref()
                .map(|plan| HostJson::of(host, plan, detail)),
        }
    }
}

/// A service that moves: both of its halves, which stand at their hosts as well.
#[derive(Serialize)]
struct MoveJson<'a> {
    service: &'a str,
    from: Vec<&'a str>,
    to: Vec<&'a str>,
    reasons: Vec<ReasonJson<'a>>,
}

impl<'a> MoveJson<'a> {
    fn of(it: &Move<'a>) -> Self {
        let reasons = it.gain.reasons.iter().filter(|why| **why != Reason::New);
        Self {
            service: it.service.as_str(),
            from: it.from.iter().map(|host| host.as_str()).collect(),
            to: it.to.iter().map(|host| host.as_str()).collect(),
            reasons: reasons.map(|why| ReasonJson::of(why, it.service)).collect(),
        }
    }
}

impl<'a> PlanJson<'a> {
    pub fn of(plan: &'a Plan, failures: Vec<FailureJson<'a>>, detail: Detail) -> Self {
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
                .map(|(name, host)| HostJson::of(name, host, detail))
                .collect(),
            waves: waves.iter().map(WaveJson::of).collect(),
            refusals: refusals.iter().map(RefusalJson::of).collect(),
            failures,
            totals,
            left: left.iter().map(LeftJson::of).collect(),
            dismissed: dismissed.iter().map(LeftJson::of).collect(),
            left_out: left_out
                .iter()
                .map(|(host, left_out)| LeftOutJson::of(host, left_out, detail))
                .collect(),
            moves: moves::moves(plan).iter().map(MoveJson::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct HostJson<'a> {
    host: &'a str,
    acts: bool,
    unfinished: bool,
    lost: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<ActivityJson<'a>>,
    stay: usize,
    services: Vec<ServiceJson<'a>>,
    drop_ins: Vec<DropInJson<'a>>,
}

#[derive(Serialize)]
struct DropInJson<'a> {
    service: &'a str,
    path: &'a str,
}

impl<'a> HostJson<'a> {
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
            paths.iter().map(move |path| DropInJson { service, path })
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
                .map(|service| ServiceJson::of(service, detail))
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct ServiceJson<'a> {
    service: &'a str,
    unit: String,
    change: &'static str,
    action: &'static str,
    reasons: Vec<ReasonJson<'a>>,
    notes: Vec<NoteJson<'a>>,
    files: Vec<FileJson<'a>>,
}

impl<'a> ServiceJson<'a> {
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
            change: change_word(*change),
            action: match action {
                Action::None => "none",
                Action::Start => "start",
                Action::Restart => "restart",
                Action::Stop => "stop",
                Action::Pending => "pending",
                Action::MayRestart => "may_restart",
            },
            reasons: reasons
                .iter()
                .map(|reason| ReasonJson::of(reason, service))
                .collect(),
            notes: notes.iter().map(NoteJson::of).collect(),
            files: files
                .iter()
                .map(|file| FileJson::of(file, detail))
                .collect(),
        }
    }
}

pub(super) fn change_word(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Changed => "changed",
        Change::Removed => "removed",
    }
}

#[derive(Serialize)]
struct FileJson<'a> {
    path: &'a str,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

impl<'a> FileJson<'a> {
    fn of(file: &'a FileChange, detail: Detail) -> Self {
        let FileChange {
            path,
            before: _,
            after: _,
            kind,
        } = file;
        Self {
            path,
            change: change_word(*kind),
            diff: match detail {
                Detail::Short => None,
                Detail::Diff => diff::text(file),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum NoteJson<'a> {
    DownMeanwhile,
    DropIn { path: &'a str },
    MovesFrom { hosts: &'a [HostName] },
    MovesTo { hosts: &'a [HostName] },
    RunsOn { hosts: &'a [HostName] },
    StaysFor { hosts: &'a [HostName] },
    Mended { paths: &'a [String] },
    WasPublic { names: &'a [VariableName] },
}

impl<'a> NoteJson<'a> {
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

#[derive(Serialize)]
struct WaveJson<'a> {
    phase: &'static str,
    hosts: Vec<&'a HostName>,
}

impl<'a> WaveJson<'a> {
    fn of(wave: &'a Wave) -> Self {
        let Wave { phase, activations } = wave;
        Self {
            phase: match phase {
                Phase::Expand => "expand",
                Phase::Change => "change",
                Phase::Contract => "contract",
            },
            hosts: activations.keys().collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum RefusalJson<'a> {
    ForeignUnit {
        host: &'a str,
        service: &'a str,
        path: &'a str,
        owner: OwnerJson<'a>,
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
        away: &'static str,
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

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum OwnerJson<'a> {
    Masked,
    Cluster { cluster: &'a str },
    Unmarked,
}

impl<'a> OwnerJson<'a> {
    pub(super) fn of(owner: &'a Owner) -> Self {
        match owner {
            Owner::Masked => Self::Masked,
            Owner::Cluster(cluster) => Self::Cluster { cluster },
            Owner::Unmarked => Self::Unmarked,
        }
    }
}

impl<'a> RefusalJson<'a> {
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
                owner: OwnerJson::of(owner),
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
                    Away::Left { .. } => "left",
                    Away::LeftOut => "left_out",
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
