//! Plans of an ordinary day, and one with one of everything.

use std::collections::{BTreeMap, BTreeSet};

use super::{acting, file, host, image, plan, restarts, secret, service, still, variable, wave};
use crate::cluster::digest::Digest;
use crate::cluster::name::{HostName, VariableName};
use crate::plan::observed::{HoldTime, ObservedHold, Owner};
use crate::plan::reason::Reason;
use crate::plan::recorded::RecordedReason;
use crate::plan::saved::{SavedChange, SavedHost, SavedPlan};
use crate::plan::{
    Action, Away, Change, Elsewhere, HostPlan, LeftOut, LeftService, Note, Phase, Plan, Refusal,
    RefusalReason, ServicePlan,
};
use crate::render::identity::Slot;
use crate::render::placement::Reach;

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
        Reason::Network { network: odd() },
        Reason::Asked { why: Some(odd()) },
        Reason::Held {
            hold: super::states::hold_by(&odd()),
        },
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
        Note::BackToSlot { slot: Slot::A },
        Note::Watch {
            before: Some(odd()),
            after: Some("every 30s, unhealthy after 3, then restart".to_owned()),
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
        held: [(
            service("halted"),
            ObservedHold {
                hold: super::states::hold_by(&odd()),
                time: HoldTime::GoesOn,
            },
        )]
        .into(),
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
    let why = RefusalReason::RunUnderWay {
        job: service("migrate"),
    };
    plan.refusals.push(refuse("docker01", why));
    let why = RefusalReason::NotAsReleased {
        service: service("search"),
    };
    plan.refusals.push(refuse("docker01", why));
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
            (super::service("db"), service(true, &["docker02"])),
            (super::service("web"), service(false, &[])),
        ]),
    }
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
        let digests = BTreeMap::from([(super::service("web"), digest.clone())]);
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
