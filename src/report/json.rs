//! `--json`: stable, versioned shapes of their own, described in `docs/json.md`. Every struct of
//! the plan is destructured here, so that a new field is a decision and not an accident.

use std::collections::BTreeMap;

use serde::Serialize;

use super::errors::HostFailure;
use super::plan::Totals;
use super::{Detail, diff};
use crate::cluster::name::HostName;
use crate::plan::observed::Owner;
use crate::plan::{
    Action, Change, FileChange, HostPlan, Note, Phase, Plan, Refusal, RefusalReason, ServicePlan,
    Wave, reason, status,
};

/// The version of the shapes: it rises when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// A plan as JSON, with a final line break. With [`Detail::Diff`] each file has its unified diff.
#[must_use]
pub fn plan(plan: &Plan, failures: &BTreeMap<HostName, HostFailure>, detail: Detail) -> String {
    let Plan {
        cluster,
        hosts,
        waves,
        refusals,
    } = plan;
    let totals = Totals::of(plan);
    let changes = !plan.is_empty() || hosts.values().any(|host| !host.services.is_empty());
    text(&PlanJson {
        version: VERSION,
        cluster: cluster.as_str(),
        in_sync: !changes && refusals.is_empty() && failures.is_empty(),
        hosts: hosts
            .iter()
            .map(|(name, host)| HostJson::of(name, host, detail))
            .collect(),
        waves: waves.iter().map(WaveJson::of).collect(),
        refusals: refusals.iter().map(RefusalJson::of).collect(),
        failures: failures.iter().map(FailureJson::of).collect(),
        totals,
    })
}

/// The state of a cluster as JSON, with a final line break.
#[must_use]
pub fn status(
    cluster: &crate::cluster::name::ClusterName,
    status: &status::Status,
    failures: &BTreeMap<HostName, HostFailure>,
) -> String {
    let status::Status { hosts } = status;
    text(&StatusJson {
        version: VERSION,
        cluster: cluster.as_str(),
        in_sync: super::status::in_sync(status) && failures.is_empty(),
        hosts: hosts.iter().map(HostStatusJson::of).collect(),
        failures: failures.iter().map(FailureJson::of).collect(),
    })
}

/// JSON with every character escaped that could steer a terminal: serde escapes the C0 controls,
/// not DEL, the C1 controls and what reorders text.
fn text(value: &impl Serialize) -> String {
    let plain = serde_json::to_string_pretty(value).expect("these shapes are plain data");
    let mut safe = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        if c != '\n' && super::text::steers(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe += &format!("\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    safe
}

#[derive(Serialize)]
struct PlanJson<'a> {
    version: u32,
    cluster: &'a str,
    in_sync: bool,
    hosts: Vec<HostJson<'a>>,
    waves: Vec<WaveJson<'a>>,
    refusals: Vec<RefusalJson<'a>>,
    failures: Vec<FailureJson<'a>>,
    totals: Totals,
}

#[derive(Serialize)]
struct FailureJson<'a> {
    host: &'a str,
    error: &'a str,
    detail: Option<&'a str>,
    help: Option<&'a str>,
}

impl<'a> FailureJson<'a> {
    fn of((host, failure): (&'a HostName, &'a HostFailure)) -> Self {
        let HostFailure { short, long, help } = failure;
        Self {
            host: host.as_str(),
            error: short,
            detail: long.as_deref(),
            help: help.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct HostJson<'a> {
    host: &'a str,
    acts: bool,
    unfinished: bool,
    stay: usize,
    services: Vec<ServiceJson<'a>>,
}

impl<'a> HostJson<'a> {
    fn of(host: &'a HostName, plan: &'a HostPlan, detail: Detail) -> Self {
        let HostPlan {
            services,
            stay,
            acts,
            unfinished,
        } = plan;
        Self {
            host: host.as_str(),
            acts: *acts,
            unfinished: *unfinished,
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
            unit: unit.file_name(),
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

fn change_word(change: Change) -> &'static str {
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
enum ReasonJson<'a> {
    New,
    NotRunning {
        state: &'a str,
    },
    Variable {
        layer: String,
        name: &'a str,
        before: Option<&'a str>,
        after: Option<&'a str>,
    },
    Image {
        before: &'a str,
        after: &'a str,
    },
    Directive {
        key: &'a str,
        removed: &'a [String],
        added: &'a [String],
    },
    File {
        path: &'a str,
    },
    Unknown {
        fingerprint: &'a str,
    },
    ImageMoved {
        reference: &'a str,
        running: &'a str,
    },
    Edited {
        paths: &'a [String],
    },
    Displaced {
        by: &'a str,
    },
}

impl<'a> ReasonJson<'a> {
    fn of(reason: &'a reason::Reason, service: &crate::cluster::name::ServiceName) -> Self {
        use reason::Reason;
        match reason {
            Reason::New => Self::New,
            Reason::NotRunning { state } => Self::NotRunning { state },
            Reason::Variable {
                layer,
                name,
                before,
                after,
            } => Self::Variable {
                layer: layer.label(service),
                name: name.as_str(),
                before: before.as_deref(),
                after: after.as_deref(),
            },
            Reason::Image { before, after } => Self::Image { before, after },
            Reason::Directive {
                key,
                removed,
                added,
            } => Self::Directive {
                key,
                removed,
                added,
            },
            Reason::File { path } => Self::File { path },
            Reason::Unknown { fingerprint } => Self::Unknown { fingerprint },
            Reason::ImageMoved { reference, running } => Self::ImageMoved { reference, running },
            Reason::Edited { paths } => Self::Edited { paths },
            Reason::Displaced { by } => Self::Displaced { by: by.as_str() },
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
    Mended,
}

impl<'a> NoteJson<'a> {
    fn of(note: &'a Note) -> Self {
        match note {
            Note::DownMeanwhile => Self::DownMeanwhile,
            Note::DropIn { path } => Self::DropIn { path },
            Note::MovesFrom { hosts } => Self::MovesFrom { hosts },
            Note::MovesTo { hosts } => Self::MovesTo { hosts },
            Note::Mended => Self::Mended,
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
enum RefusalJson<'a> {
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
enum OwnerJson<'a> {
    Masked,
    Cluster { cluster: &'a str },
    Unmarked,
}

impl<'a> RefusalJson<'a> {
    fn of(refusal: &'a Refusal) -> Self {
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
                owner: match owner {
                    Owner::Masked => OwnerJson::Masked,
                    Owner::Cluster(cluster) => OwnerJson::Cluster { cluster },
                    Owner::Unmarked => OwnerJson::Unmarked,
                },
            },
            RefusalReason::Stateful { service, moves } => Self::Stateful {
                host,
                service: service.as_str(),
                moves: *moves,
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

#[derive(Serialize)]
struct StatusJson<'a> {
    version: u32,
    cluster: &'a str,
    in_sync: bool,
    hosts: Vec<HostStatusJson<'a>>,
    failures: Vec<FailureJson<'a>>,
}

#[derive(Serialize)]
struct HostStatusJson<'a> {
    host: &'a str,
    generation: Option<u64>,
    unfinished: bool,
    services: Vec<ServiceStatusJson<'a>>,
}

impl<'a> HostStatusJson<'a> {
    fn of((host, status): (&'a HostName, &'a status::HostStatus)) -> Self {
        let status::HostStatus {
            generation,
            unfinished,
            services,
        } = status;
        let services = services.iter().map(|(service, status)| {
            let status::ServiceStatus {
                unit,
                version,
                since,
                restarts,
                state,
            } = status;
            ServiceStatusJson {
                service: service.as_str(),
                unit: unit.file_name(),
                version: version.as_deref(),
                since: since
                    .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
                    .map(|moment| moment.to_string()),
                restarts: *restarts,
                state: StateJson::of(state, service),
            }
        });
        Self {
            host: host.as_str(),
            generation: *generation,
            unfinished: *unfinished,
            services: services.collect(),
        }
    }
}

#[derive(Serialize)]
struct ServiceStatusJson<'a> {
    service: &'a str,
    unit: String,
    version: Option<&'a str>,
    since: Option<String>,
    restarts: Option<u64>,
    state: StateJson<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StateJson<'a> {
    InSync,
    PendingRestart { reasons: Vec<ReasonJson<'a>> },
    FilesDiffer,
    Edited { paths: &'a [String] },
    NotRunning { state: &'a str },
    NotReleased,
    Unmanaged,
    FilesInSync,
}

impl<'a> StateJson<'a> {
    fn of(state: &'a status::State, service: &crate::cluster::name::ServiceName) -> Self {
        use status::State;
        match state {
            State::InSync => Self::InSync,
            State::PendingRestart { reasons } => Self::PendingRestart {
                reasons: reasons
                    .iter()
                    .map(|reason| ReasonJson::of(reason, service))
                    .collect(),
            },
            State::FilesDiffer => Self::FilesDiffer,
            State::Edited { paths } => Self::Edited { paths },
            State::NotRunning { state } => Self::NotRunning { state },
            State::NotReleased => Self::NotReleased,
            State::Unmanaged => Self::Unmanaged,
            State::FilesInSync => Self::FilesInSync,
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::super::samples;
    use super::*;

    #[test]
    fn a_plan_has_a_stable_shape() {
        let plan = samples::everything("odd value");
        let failures = samples::failures("no route to host");
        assert_snapshot!(super::plan(&plan, &failures, Detail::Diff));
    }

    #[test]
    fn the_documented_examples_are_real() {
        let documented = include_str!("../../docs/json.md");
        let cluster = samples::cluster();
        let failure = HostFailure {
            short: "cannot connect: Connection timed out".to_owned(),
            long: None,
            help: Some("try `ssh docker03 true`".to_owned()),
        };
        let failures = BTreeMap::from([(samples::host("docker03"), failure)]);
        for example in [
            super::plan(&samples::documented(), &BTreeMap::new(), Detail::Short),
            status(&cluster.name, &samples::documented_status(), &failures),
        ] {
            let example = format!("```json\n{example}```\n");
            assert!(
                documented.contains(&example),
                "docs/json.md lacks\n{example}"
            );
        }
    }

    #[test]
    fn without_diff_no_file_has_its_text() {
        let shown = super::plan(&samples::ordinary(), &BTreeMap::new(), Detail::Short);
        assert!(!shown.contains("\"diff\""), "{shown}");
        assert!(!shown.contains("IMAGE"), "{shown}");
    }

    #[test]
    fn a_state_has_a_stable_shape() {
        let cluster = samples::cluster();
        let failures = samples::failures("no route to host");
        assert_snapshot!(status(
            &cluster.name,
            &samples::every_state("failed"),
            &failures
        ));
    }

    #[test]
    fn in_sync_is_said_only_of_what_was_seen() {
        let cluster = samples::cluster();
        let says = |text: &str| text.contains("\"in_sync\": true");
        assert!(says(&status(
            &cluster.name,
            &samples::in_sync(),
            &BTreeMap::new()
        )));
        assert!(!says(&status(
            &cluster.name,
            &samples::in_sync(),
            &samples::failures("x")
        )));
        let empty = samples::plan(vec![("docker01", samples::still())], Vec::new());
        assert!(says(&super::plan(&empty, &BTreeMap::new(), Detail::Short)));
        assert!(!says(&super::plan(
            &empty,
            &samples::failures("x"),
            Detail::Short
        )));
    }

    proptest! {
        #[test]
        fn values_arrive_unchanged_and_cannot_steer_a_terminal(odd in any::<String>()) {
            let shown = super::plan(&samples::everything(&odd), &samples::failures(&odd), Detail::Diff);
            samples::assert_tame(&shown);
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            let reasons = &read["hosts"][0]["services"][0]["reasons"];
            prop_assert_eq!(reasons[3]["after"].as_str(), Some(odd.as_str()));
            let shown = status(&samples::cluster().name, &samples::every_state(&odd), &samples::failures(&odd));
            samples::assert_tame(&shown);
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            prop_assert_eq!(read["failures"][0]["error"].as_str(), Some(odd.as_str()));
        }
    }
}
