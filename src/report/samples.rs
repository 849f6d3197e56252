//! Clusters, plans, states and events for the tests of this room: one of everything, with a text
//! of the test's choice wherever text is free.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::errors::HostFailure;
use super::review::{Broken, Missing, Reviewed, Sides};
use crate::cluster::digest::Digest;
use crate::cluster::model::{
    Cluster, Container, Engine, EngineClient, Guard, GuardName, Host, Image, Layer, RestartPolicy,
    Service, Ssh, Template, Transport,
};
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::host::activate::activity::{ActivationProgress, Activity, Holding, RunningActivation};
use crate::host::past::history::{Deeds, HistoryEntry, HostHistory};
use crate::plan::guard::Breach;
use crate::plan::observed::Owner;
use crate::plan::reason::Reason;
use crate::plan::recorded::{Because, RecordedReason};
use crate::plan::review::{Cause, CauseKind, Extent, LeftServices, Presence, Review};
use crate::plan::saved::{SavedChange, SavedHost, SavedPlan};
use crate::plan::status::{ClusterStatus, HostStatus, ServiceState, ServiceStatus};
use crate::plan::step::Step;
use crate::plan::trust::{TrustChange, Trusted};
use crate::plan::{
    Action, Away, Change, Elsewhere, FileChange, HostPlan, LeftOut, LeftService, Note, Phase, Plan,
    Refusal, RefusalReason, ServicePlan, Wave,
};
use crate::release::event::Ending;
use crate::release::event::{Event, EventKind};
use crate::render::identity::{DirectoryName, Fingerprint, Instance, UnitName};
use crate::render::placement::Reach;

/// Fails if a text holds a control character other than a line break.
#[track_caller]
pub fn assert_tame(text: &str) {
    let odd = text.chars().find(|c| *c != '\n' && super::text::steers(*c));
    assert_eq!(odd, None, "in {text:?}");
}

pub fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

pub fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

fn production() -> ClusterName {
    ClusterName::new("production").unwrap()
}

pub fn unit(name: &str) -> UnitName {
    Instance::of(&service(name)).unit(&production())
}

/// `production`: docker01 to docker03; search, listing, calendar on some, `reports` restarts only
/// when named.
pub fn cluster() -> Cluster {
    let hosts = [
        ("docker01", "10.0.0.226"),
        ("docker02", "10.0.0.144"),
        ("docker03", "10.0.0.13"),
    ];
    let model = |name: &str, address: &str| Host {
        listen: None,
        secrets: Default::default(),
        name: host(name),
        address: Some(address.to_owned()),
        transport: Transport::Ssh(Ssh::default()),
        client: EngineClient::usual(Engine::Docker),
    };
    let services = ["search", "listing", "calendar", "reports"];
    Cluster {
        name: production(),
        hosts: hosts
            .map(|(name, address)| (host(name), model(name, address)))
            .into(),
        services: services.map(|name| (service(name), described(name))).into(),
        guard: Guard::default(),
        rollout: Default::default(),
    }
}

/// The same cluster in directories.
pub fn directories() -> Cluster {
    let mut cluster = cluster();
    for (name, host) in &mut cluster.hosts {
        host.transport = Transport::Directory {
            root: PathBuf::from(format!("target/demo/{name}")),
        };
    }
    cluster
}

fn described(name: &str) -> Service {
    Service {
        name: service(name),
        hosts: vec![host("docker01")],
        image: Image {
            reference: format!("registry.example.com/{name}:1.4.2"),
            version: "1.4.2".to_owned(),
            moving: false,
        },
        port: None,
        publish: None,
        needs: Vec::new(),
        variables: BTreeMap::new(),
        secret_files: BTreeMap::new(),
        container: Container::default(),
        health: None,
        stateful: false,
        restart: match name {
            "reports" => RestartPolicy::Manual,
            _ => RestartPolicy::Auto,
        },
        template: Template {
            origin: "built-in".to_owned(),
            source: String::new(),
        },
    }
}

pub fn variable(name: &str, before: Option<&str>, after: Option<&str>) -> Reason {
    Reason::Variable {
        layer: Layer::Cluster,
        name: VariableName::new(name).unwrap(),
        before: before.map(Into::into),
        after: after.map(Into::into),
    }
}

pub fn secret(name: &str, change: Change) -> Reason {
    Reason::Secret {
        name: VariableName::new(name).unwrap(),
        change,
    }
}

pub fn image(before: &str, after: &str) -> Reason {
    let reference = |tag| format!("registry.example.com/search:{tag}");
    Reason::Image {
        before: reference(before),
        after: reference(after),
    }
}

pub fn file(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    FileChange {
        path: path.to_owned(),
        before: before.map(Into::into),
        after: after.map(Into::into),
        kind: match (before, after) {
            (None, Some(_)) => Change::Added,
            (Some(_), None) => Change::Removed,
            _ => Change::Changed,
        },
    }
}

/// A changed service that restarts for these reasons.
pub fn restarts(name: &str, reasons: Vec<Reason>) -> ServicePlan {
    ServicePlan {
        service: service(name),
        unit: unit(name),
        change: Change::Changed,
        files: vec![file(
            &format!("{name}/50-{name}.env"),
            Some("IMAGE=\"r/search:1.4.2\"\nA=\"1\"\n"),
            Some("IMAGE=\"r/search:1.5.0\"\nA=\"1\"\n"),
        )],
        action: Action::Restart,
        reasons,
        notes: Vec::new(),
    }
}

pub fn acting(services: Vec<ServicePlan>) -> HostPlan {
    HostPlan {
        services,
        stay: 12,
        acts: true,
        unfinished: false,
        lost: None,
        drop_ins: BTreeMap::new(),
    }
}

pub fn still() -> HostPlan {
    HostPlan {
        stay: 14,
        ..HostPlan::default()
    }
}

pub fn wave(phase: Phase, hosts: &[&str]) -> Wave {
    let steps = |name: &&str| (host(name), vec![Step::Reload]);
    Wave {
        phase,
        activations: hosts.iter().map(steps).collect(),
    }
}

pub fn plan(hosts: Vec<(&str, HostPlan)>, waves: Vec<Wave>) -> Plan {
    Plan {
        cluster: production(),
        hosts: hosts
            .into_iter()
            .map(|(name, plan)| (host(name), plan))
            .collect(),
        waves,
        refusals: Vec::new(),
        left: Vec::new(),
        dismissed: Vec::new(),
        left_out: BTreeMap::new(),
    }
}

/// The plan of an ordinary day: a version, a variable, a service that moves.
pub fn ordinary() -> Plan {
    let calendar = ServicePlan {
        change: Change::Added,
        files: vec![
            file("production-calendar.service", None, Some("[Unit]\n")),
            file(
                "calendar/50-calendar.env",
                None,
                Some("IMAGE=\"r/calendar:2\"\n"),
            ),
        ],
        action: Action::Start,
        notes: vec![Note::MovesFrom {
            hosts: vec![host("docker01")],
        }],
        ..restarts("calendar", vec![Reason::New])
    };
    let leaving = ServicePlan {
        change: Change::Removed,
        files: vec![file("production-calendar.service", Some("[Unit]\n"), None)],
        action: Action::Stop,
        notes: vec![Note::MovesTo {
            hosts: vec![host("docker02")],
        }],
        ..restarts("calendar", Vec::new())
    };
    let mongo = variable("MONGODB_HOST_01", Some("10.0.0.177"), Some("10.0.0.178"));
    plan(
        vec![
            (
                "docker01",
                acting(vec![
                    restarts("search", vec![image("1.4.2", "1.5.0"), mongo.clone()]),
                    restarts("listing", vec![mongo]),
                    leaving,
                ]),
            ),
            ("docker02", acting(vec![calendar])),
            ("docker03", still()),
        ],
        vec![
            wave(Phase::Expand, &["docker02"]),
            wave(Phase::Change, &["docker01"]),
            wave(Phase::Contract, &["docker01"]),
        ],
    )
}

/// The plan in `docs/json.md`.
pub fn documented() -> Plan {
    let mongo = variable("MONGODB_HOST_01", Some("10.0.0.177"), Some("10.0.0.178"));
    let search = restarts("search", vec![image("1.4.2", "1.5.0"), mongo]);
    plan(
        vec![("docker01", acting(vec![search])), ("docker02", still())],
        vec![wave(Phase::Change, &["docker01"])],
    )
}

/// The state in `docs/json.md`.
pub fn documented_status() -> ClusterStatus {
    let mut status = in_sync();
    status.hosts.retain(|name, _| name.as_str() != "docker03");
    let reasons = vec![image("1.4.2", "1.5.0")];
    let search = row("search", "1.4.2", ServiceState::PendingRestart { reasons });
    let first = status.hosts.first_entry().expect("there are two hosts");
    let first = first.into_mut();
    first.acts = true;
    first.services = BTreeMap::from([search]);
    status
}

/// One of everything.
pub fn everything(odd: &str) -> Plan {
    let odd = || odd.to_owned();
    let reasons = vec![
        Reason::New,
        Reason::NotRunning { state: odd() },
        variable("A", Some(&odd()), Some(&(odd() + "x"))),
        variable("B", None, Some(&odd())),
        variable("C", Some(&odd()), None),
        variable("D", None, None),
        secret("STRIPE_KEY", Change::Changed),
        secret("NEW_KEY", Change::Added),
        secret("OLD_KEY", Change::Removed),
        Reason::Image {
            before: odd(),
            after: odd() + ":2",
        },
        Reason::Directive {
            key: odd(),
            removed: vec![odd(), "--memory=512m".to_owned()],
            added: vec![odd(), "--memory=1g".to_owned()],
        },
        Reason::Directive {
            key: "ExecStart".to_owned(),
            removed: Vec::new(),
            added: vec!["--read-only".to_owned()],
        },
        Reason::Directive {
            key: "ExecStop".to_owned(),
            removed: vec![odd()],
            added: Vec::new(),
        },
        Reason::File { path: odd() },
        Reason::Unknown { fingerprint: odd() },
        Reason::ImageMoved {
            reference: odd(),
            running: odd(),
        },
        Reason::Edited {
            paths: vec![odd(), "50-search.env".to_owned()],
        },
        Reason::Touched { paths: vec![odd()] },
        Reason::Displaced {
            by: service("newcomer"),
        },
    ];
    let notes = vec![
        Note::DownMeanwhile,
        Note::DropIn { path: odd() },
        Note::MovesFrom {
            hosts: vec![host("docker02"), host("docker03")],
        },
        Note::MovesTo {
            hosts: vec![host("docker02")],
        },
        Note::RunsOn {
            hosts: vec![host("docker05")],
        },
        Note::StaysFor {
            hosts: vec![host("docker04")],
        },
        Note::Mended { paths: vec![odd()] },
        Note::WasPublic {
            names: vec![VariableName::new("PASSWORD").expect("it is a name")],
        },
    ];
    let of = |name: &str, change, action| ServicePlan {
        change,
        action,
        ..restarts(name, Vec::new())
    };
    let files = vec![
        file(&odd(), Some(&odd()), Some(&(odd() + "\nx"))),
        file("new.env", None, Some(&odd())),
        file("gone.env", Some(&odd()), None),
        file("unread.env", None, None),
    ];
    let many = ServicePlan {
        notes,
        files,
        ..restarts("search", reasons)
    };
    let unfinished = HostPlan {
        unfinished: true,
        drop_ins: [(service("calendar"), [odd()].into())].into(),
        ..acting(Vec::new())
    };
    let mut plan = plan(
        vec![
            (
                "docker01",
                acting(vec![
                    many,
                    of("fresh", Change::Added, Action::Start),
                    of("quiet", Change::Changed, Action::None),
                    of("reports", Change::Changed, Action::Pending),
                    of("edge", Change::Changed, Action::MayRestart),
                    of("placed-nowhere", Change::Removed, Action::Stop),
                    of("down", Change::Removed, Action::None),
                ]),
            ),
            ("docker02", unfinished),
            ("docker03", acting(Vec::new())),
        ],
        vec![
            wave(Phase::Change, &["docker01"]),
            wave(Phase::Change, &["docker02", "docker03"]),
        ],
    );
    let refuse = |name, why| Refusal {
        host: host(name),
        why,
    };
    let foreign = |path: &str, owner| RefusalReason::ForeignUnit {
        service: service("search"),
        path: path.to_owned(),
        owner,
    };
    let etc = "/etc/systemd/system/production-search.service";
    plan.refusals = vec![
        refuse("docker01", foreign(etc, Owner::Masked)),
        refuse("docker01", foreign(etc, Owner::Cluster(odd()))),
        refuse("docker02", foreign(etc, Owner::Unmarked)),
        refuse("docker02", foreign(&odd(), Owner::Unmarked)),
        refuse(
            "docker02",
            RefusalReason::Stateful {
                service: service("mongo"),
                moves: true,
            },
        ),
        refuse(
            "docker02",
            RefusalReason::Stateful {
                service: service("mongo"),
                moves: false,
            },
        ),
        refuse("docker03", RefusalReason::Newer { why: odd() }),
    ];
    let starts = || vec![host("docker02")];
    for away in [
        Away::Left {
            reach: Reach {
                address: Some(odd()),
                ..Reach::default()
            },
        },
        Away::LeftOut,
    ] {
        let why = RefusalReason::StatefulAway {
            service: service("mongo"),
            starts: starts(),
            away,
        };
        plan.refusals.push(refuse("docker05", why));
    }
    let why = RefusalReason::StatefulUnknown {
        service: service("mongo"),
    };
    plan.refusals.push(refuse("docker02", why));
    let mut forgotten = left();
    forgotten.reach.address = Some(odd());
    forgotten.host = host("docker06");
    plan.left = vec![left()];
    plan.dismissed = vec![forgotten];
    let stays = of("waits", Change::Removed, Action::None);
    let stays = ServicePlan {
        notes: vec![Note::StaysFor { hosts: starts() }],
        ..stays
    };
    let left_out = |pending, elsewhere| LeftOut {
        pending,
        services: BTreeMap::from([(service("mongo"), elsewhere)]),
    };
    plan.left_out = BTreeMap::from([
        (
            host("docker07"),
            left_out(Some(acting(vec![stays])), Elsewhere::Yes),
        ),
        (host("docker08"), left_out(None, Elsewhere::No)),
    ]);
    plan
}

pub fn failures(odd: &str) -> BTreeMap<HostName, HostFailure> {
    let failure = HostFailure {
        short: odd.to_owned(),
        long: Some(odd.to_owned()),
        help: Some(odd.to_owned()),
    };
    BTreeMap::from([(host("docker03"), failure)])
}

fn row(name: &str, version: &str, state: ServiceState) -> (ServiceName, ServiceStatus) {
    let status = ServiceStatus {
        unit: unit(name),
        version: Some(version.to_owned()),
        // Three days before the moment that the tests call now.
        since: Some(1_795_003_200),
        restarts: Some(0),
        drop_ins: BTreeSet::new(),
        crashes: None,
        state,
    };
    (service(name), status)
}

/// A cluster in which something is up with everything.
pub fn every_state(odd: &str) -> ClusterStatus {
    let mongo = variable("MONGODB_HOST_01", Some("10.0.0.177"), Some("10.0.0.178"));
    let reasons = || vec![mongo.clone(), variable("ODD", Some(odd), None)];
    let mut crashed = row(
        "crashed",
        odd,
        ServiceState::NotRunning {
            state: odd.to_owned(),
        },
    );
    crashed.1.since = None;
    crashed.1.restarts = Some(4);
    crashed.1.drop_ins.insert(odd.to_owned());
    let mut fresh = row("fresh", "", ServiceState::NotReleased);
    fresh.1 = ServiceStatus {
        version: None,
        since: None,
        restarts: None,
        ..fresh.1
    };
    let one = HostStatus {
        generation: Some(12),
        unfinished: false,
        lost: None,
        acts: true,
        services: BTreeMap::from([
            row("calendar", "sha256:0123456789abcdef", ServiceState::InSync),
            row(
                "listing",
                "1.4.2",
                ServiceState::PendingRestart { reasons: reasons() },
            ),
            row(
                "reports",
                "1.4.2",
                ServiceState::PendingRestart { reasons: reasons() },
            ),
            row("search", "1.4.2", ServiceState::FilesDiffer),
            crashed,
        ]),
    };
    let paths = vec![odd.to_owned(), "50-edited.env".to_owned()];
    let two = HostStatus {
        generation: None,
        unfinished: true,
        lost: Some("`current` leads to a generation that is gone".to_owned()),
        acts: true,
        services: BTreeMap::from([
            row(
                "edited",
                "1.4.2",
                ServiceState::Edited {
                    paths,
                    reasons: reasons(),
                },
            ),
            row("left", "1.0", ServiceState::Unmanaged),
            row(
                "masked",
                "1.0",
                ServiceState::ForeignUnit {
                    path: odd.to_owned(),
                    owner: Owner::Masked,
                },
            ),
            row("written", "1.0", ServiceState::FilesInSync),
            fresh,
        ]),
    };
    let hosts = [
        ("docker01", one),
        ("docker02", two),
        ("docker03", HostStatus::default()),
    ];
    ClusterStatus {
        hosts: hosts.map(|(name, status)| (host(name), status)).into(),
        refused: false,
        left: vec![left()],
    }
}

/// A machine that the description no longer has.
pub fn left() -> crate::plan::LeftMachine {
    let service = |stateful: bool, placed: &[&str]| LeftService {
        stateful,
        placed: placed.iter().map(|name| host(name)).collect(),
    };
    crate::plan::LeftMachine {
        host: host("docker05"),
        reach: Reach {
            address: Some("10.0.0.5".to_owned()),
            ..Reach::default()
        },
        services: BTreeMap::from([
            (super::samples::service("db"), service(true, &["docker02"])),
            (super::samples::service("web"), service(false, &[])),
        ]),
    }
}

/// A cluster with nothing to do.
pub fn in_sync() -> ClusterStatus {
    let status = |name| HostStatus {
        generation: Some(3),
        unfinished: false,
        lost: None,
        acts: false,
        services: BTreeMap::from([row(name, "1.4.2", ServiceState::InSync)]),
    };
    let hosts = [
        ("docker01", status("search")),
        ("docker02", status("listing")),
        ("docker03", status("calendar")),
    ];
    ClusterStatus {
        hosts: hosts.map(|(name, status)| (host(name), status)).into(),
        refused: false,
        left: Vec::new(),
    }
}

/// One of every kind in the second generation.
fn every_kept_reason(generation: u64, odd: &str) -> Vec<Because> {
    let everything = everything(odd);
    let services = everything
        .hosts
        .values()
        .flat_map(|host| host.services.iter());
    let reasons: BTreeSet<RecordedReason> = services
        .flat_map(|change| {
            let reasons = change.reasons.iter();
            reasons.map(|reason| RecordedReason::of(reason, &change.service))
        })
        .chain([RecordedReason {
            kind: format!("newer {odd}"),
            name: Some(odd.to_owned()),
            change: None,
            before: None,
            after: None,
        }])
        .collect();
    let because = |reason| Because {
        reason,
        services: BTreeSet::from([service("listing"), service("search")]),
    };
    let reasons = reasons.into_iter().filter(|_| generation == 2);
    reasons.map(because).collect()
}

/// What was activated, one of every kind.
pub fn histories(odd: &str) -> BTreeMap<HostName, HostHistory> {
    let entry = |generation, result: &str, back_to| HistoryEntry {
        generation,
        who: odd.to_owned(),
        when: format!("2026-11-2{generation}T09:30:00Z"),
        commit: (generation != 2).then(|| "0123456789abcdef0123456789abcdef01234567".to_owned()),
        back_to,
        made: result == "done",
        result: result.to_owned(),
        why: None,
        finished: odd.to_owned(),
        deeds: Deeds {
            restarted: if generation == 1 {
                Vec::new()
            } else {
                vec!["search".to_owned(), odd.to_owned()]
            },
            ..Deeds::default()
        },
        reasons: every_kept_reason(generation, odd),
    };
    let entries = vec![
        entry(1, "done", None),
        entry(2, "done", None),
        entry(3, "put back", None),
        entry(3, "failed", None),
        entry(3, "done", Some(2)),
        HistoryEntry {
            why: Some(format!("docker02: no room {odd}")),
            deeds: Deeds::default(),
            ..entry(4, "not begun", None)
        },
        HistoryEntry {
            made: false,
            deeds: Deeds {
                started: vec!["a".to_owned()],
                restarted: vec!["b".to_owned()],
                stopped: vec!["c".to_owned(), "d".to_owned()],
                mended: vec!["e".to_owned()],
                written: vec!["a".to_owned(), "f".to_owned()],
                removed: vec!["d".to_owned()],
            },
            ..entry(3, "done", None)
        },
    ];
    let history = HostHistory {
        entries,
        current: Some(3),
        kept: BTreeSet::from([2, 3]),
    };
    BTreeMap::from([
        (host("docker01"), history),
        (host("docker02"), HostHistory::default()),
    ])
}

/// What may go on on hosts.
pub fn activities(odd: &str) -> BTreeMap<HostName, Activity> {
    let activity = |session, activation| Activity {
        holder: format!("ada@laptop {odd}"),
        session,
        activation,
    };
    let activation = || {
        Some(RunningActivation {
            id: None,
            cluster: odd.to_owned(),
            since: Some(1_763_712_000),
            at: at(odd),
        })
    };
    BTreeMap::from([
        (host("docker01"), activity(Holding::No, activation())),
        (host("docker02"), activity(Holding::Yes, activation())),
        (host("docker03"), activity(Holding::Yes, None)),
    ])
}

/// Somewhere in an activation.
fn at(odd: &str) -> ActivationProgress {
    ActivationProgress {
        step: 3,
        of: 7,
        doing: odd.to_owned(),
    }
}

/// Every event, with every step.
pub fn events(odd: &str) -> Vec<Event> {
    let search = || service("search");
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let directory = || DirectoryName::reported("3f9ac1b20c77").unwrap();
    let steps = vec![
        Step::PlaceInputs {
            service: search(),
            directory: directory(),
        },
        Step::RepairInputs {
            service: search(),
            directory: directory(),
            write: names(&[odd]),
            remove: names(&[]),
        },
        Step::WriteUnit {
            service: search(),
            unit: unit("search"),
        },
        Step::Enable {
            units: vec![unit("search"), unit("listing")],
        },
        Step::Reload,
        Step::Stop {
            service: search(),
            unit: unit("search"),
        },
        Step::Restart {
            service: search(),
            unit: unit("search"),
        },
        Step::RestartUnless {
            service: search(),
            unit: unit("search"),
            fingerprint: Fingerprint::reported("v1:0"),
        },
        Step::RestartWithoutWaiting {
            service: search(),
            unit: unit("search"),
        },
        Step::NameImage {
            service: search(),
            id: odd.to_owned(),
            reference: odd.to_owned(),
        },
        Step::AskProbe {
            service: search(),
            unit: unit("search"),
        },
        Step::AwaitHealthy {
            units: vec![unit("search")],
        },
        Step::AwaitHealthy {
            units: vec![unit("search"), unit("listing")],
        },
        Step::RemoveUnit {
            service: search(),
            unit: unit("search"),
        },
        Step::SetCurrent { number: 13 },
        Step::RemoveInputs {
            service: search(),
            names: names(&[odd]),
        },
        Step::RemoveGenerations {
            numbers: BTreeSet::from([7, 8]),
        },
    ];
    let of = steps.len();
    let mut kinds = vec![
        EventKind::Connecting,
        EventKind::Observed,
        EventKind::WaitingForLock {
            holder: odd.to_owned(),
            at: None,
        },
        EventKind::WaitingForLock {
            holder: odd.to_owned(),
            at: Some(at(odd)),
        },
        EventKind::Following {
            holder: odd.to_owned(),
            since: Some(1_763_712_000),
            at: at(odd),
        },
        EventKind::Followed { at: at(odd) },
        EventKind::FollowedToEnd {
            ending: Ending::Done,
        },
        EventKind::FollowedToEnd {
            ending: Ending::PutBack,
        },
        EventKind::FollowedToEnd {
            ending: Ending::Failed,
        },
        EventKind::Locked,
        EventKind::Staged { bytes: 24_000 },
        EventKind::Checked { pulled: 0 },
        EventKind::Checked { pulled: 2 },
        EventKind::Activating {
            phase: Phase::Expand,
            steps: 1,
        },
        EventKind::Activating {
            phase: Phase::Change,
            steps: of,
        },
        EventKind::Activating {
            phase: Phase::Contract,
            steps: 3,
        },
    ];
    let back = steps.first().cloned();
    for (number, step) in (1..).zip(steps) {
        kinds.push(EventKind::Step { number, of, step });
    }
    kinds.push(EventKind::Activated {
        took: Duration::from_millis(3_240),
    });
    kinds.push(EventKind::PuttingBack { step: None });
    kinds.push(EventKind::PuttingBack { step: back });
    kinds.push(EventKind::PutBack);
    kinds.push(EventKind::Failed {
        error: odd.to_owned(),
    });
    let event = |kind| Event {
        host: host("docker01"),
        kind,
    };
    kinds.into_iter().map(event).collect()
}

/// A plan as it is saved.
pub fn saved(plan: &Plan) -> SavedPlan {
    let service = |change: &ServicePlan| SavedChange {
        service: change.service.clone(),
        change: change.change.into(),
        action: change.action.into(),
        reasons: change
            .reasons
            .iter()
            .map(|reason| RecordedReason::of(reason, &change.service))
            .collect(),
    };
    let digest = Digest::of("something");
    let host = |(name, plan): (&HostName, &HostPlan)| {
        let digests = BTreeMap::from([(super::samples::service("web"), digest.clone())]);
        let saved = SavedHost {
            generation: Some(3),
            current: digest.clone(),
            found: digests.clone(),
            desired: digests,
            changes: plan.services.iter().map(service).collect(),
        };
        (name.clone(), saved)
    };
    SavedPlan {
        format: 1,
        bayplan: "0.1.0".to_owned(),
        cluster: plan.cluster.clone(),
        commit: None,
        services: None,
        leave_out: BTreeSet::from([self::host("docker09")]),
        description: BTreeMap::from([(
            "clusters/production/cluster.toml".to_owned(),
            digest.clone(),
        )]),
        hosts: plan.hosts.iter().map(host).collect(),
    }
}

pub fn sides(odd: &str) -> Sides {
    Sides {
        before: format!("{odd} (3f9ac1b20c77)"),
        after: "the checkout (0123456789ab and uncommitted changes)".to_owned(),
        before_commit: Some("3f9ac1b20c77".repeat(3) + "0123"),
        after_commit: None,
        missing: Some(Missing {
            commits: 2,
            instead: format!("{odd}..."),
        }),
    }
}

/// One cluster with one of everything, and one that is broken.
pub fn reviews(odd: &str) -> Vec<Reviewed> {
    let odd = || odd.to_owned();
    let cause = |what, extent| Cause {
        what,
        restarts: [("search", "docker01"), ("listing", "docker02")]
            .map(|(name, at)| (service(name), BTreeSet::from([host(at)])))
            .into(),
        extent,
    };
    let review = Review {
        cluster: production(),
        presence: Presence::New,
        plan: everything(&odd()),
        causes: vec![
            cause(CauseKind::Template { path: odd() }, Extent::All),
            cause(
                CauseKind::OtherTemplate {
                    before: odd(),
                    after: "built-in".to_owned(),
                },
                Extent::Some,
            ),
            cause(
                CauseKind::Variable {
                    layer: Layer::Cluster,
                    name: odd(),
                    before: Some(odd()),
                    after: Some(odd() + "x"),
                },
                Extent::Some,
            ),
        ],
        left: BTreeMap::from([(
            host("docker09"),
            LeftServices {
                services: vec![service("search"), service("cache")],
                stateful: vec![service("cache")],
            },
        )]),
        readdressed: BTreeMap::from([(host("docker01"), (odd(), odd() + "x"))]),
        stateful: vec![Refusal {
            host: host("docker02"),
            why: RefusalReason::Stateful {
                service: service("search"),
                moves: true,
            },
        }],
        guards: vec![
            Breach::MaxRestarts {
                limit: 1,
                found: 12,
            },
            Breach::Protected {
                service: service("search"),
                action: Action::Restart,
                hosts: vec![host("docker01")],
            },
        ],
        loosened: vec![Breach::MaxRestarts {
            limit: 2,
            found: 12,
        }],
        trust: trust(&odd()),
    };
    vec![
        Reviewed::Done {
            cluster: Box::new(cluster()),
            review: Box::new(review),
        },
        Reviewed::Broken(Broken {
            cluster: production(),
            revision: odd(),
            problems: format!("error: {}\n", odd()),
            shown: String::new(),
            trust: trust(&odd()),
        }),
    ]
}

/// One change of everything that decides who may read and whom we trust.
fn trust(odd: &str) -> Vec<TrustChange> {
    let setting = |name, setting| Trusted::Host {
        host: host(name),
        setting,
    };
    let change = |what, before: Option<&str>, after: Option<&str>| TrustChange {
        what,
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    vec![
        change(Trusted::Recipient(odd.to_owned()), None, Some(odd)),
        change(Trusted::Recipient("bob".to_owned()), Some(odd), None),
        change(setting("docker01", "address"), Some(odd), Some("10.0.0.9")),
        change(setting("docker02", "secrets"), None, Some("plain")),
        change(Trusted::Guard(GuardName::Clean), Some("true"), None),
    ]
}
