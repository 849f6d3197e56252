//! States, histories, and what goes on on hosts.

use std::collections::{BTreeMap, BTreeSet};

use super::super::errors::HostFailure;
use super::{everything, host, image, left, service, unit, variable};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::activity::{ActivationProgress, Activity, Holding, RunningActivation};
use crate::host::past::history::{Deeds, HistoryEntry, HostHistory};
use crate::plan::observed::{BadAnswers, ContainerHealth, HoldTime, ObservedHold, Owner, Watched};
use crate::plan::recorded::{Because, RecordedReason};
use crate::plan::status::{ClusterStatus, HostStatus, KeptVersion, ServiceState, ServiceStatus};
use crate::render::hold::Hold;
use crate::render::identity::Slot;

pub fn failures(odd: &str) -> BTreeMap<HostName, HostFailure> {
    let failure = HostFailure {
        short: odd.to_owned(),
        long: Some(odd.to_owned()),
        help: Some(odd.to_owned()),
    };
    BTreeMap::from([(host("docker03"), failure)])
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

fn row(name: &str, version: &str, state: ServiceState) -> (ServiceName, ServiceStatus) {
    let status = ServiceStatus {
        unit: unit(name),
        version: Some(version.to_owned()),
        // Three days before the moment that the tests call now.
        since: Some(1_795_003_200),
        restarts: Some(0),
        drop_ins: BTreeSet::new(),
        crashes: None,
        runs: None,
        held: None,
        health: ContainerHealth::NotBad,
        watched: None,
        kept: None,
        state,
    };
    (service(name), status)
}

fn held(
    name: &str,
    state: ServiceState,
    time: HoldTime,
    odd: &str,
) -> (ServiceName, ServiceStatus) {
    let mut held = row(name, "1.0", state);
    let hold = hold_by(odd);
    held.1.held = Some(ObservedHold { hold, time });
    held
}

/// A hold of somebody.
pub(super) fn hold_by(who: &str) -> Hold {
    Hold {
        format: 1,
        who: who.to_owned(),
        since: 1_795_003_200,
        until: Some(1_795_010_400),
        why: Some("reindex".to_owned()),
        drains: false,
    }
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
    let mut kept = row("calendar", "sha256:0123456789abcdef", ServiceState::InSync);
    kept.1.kept = Some(KeptVersion {
        slot: Slot::A,
        version: Some("1.4.1".to_owned()),
        until: Some(1_795_010_400),
    });
    let mut fresh = row("fresh", "", ServiceState::NotReleased);
    fresh.1 = ServiceStatus {
        version: None,
        since: None,
        restarts: None,
        ..fresh.1
    };
    let mut sick = row("sick", "1.4.2", ServiceState::Unhealthy);
    sick.1.health = ContainerHealth::Unhealthy;
    let mut deaf = row("deaf", "1.4.2", ServiceState::Unhealthy);
    deaf.1.watched = Some(Watched {
        unhealthy: Some(BadAnswers {
            number: 3,
            since: Some(1_795_003_500),
            found: odd.to_owned(),
        }),
        restarts: 1,
        restarted: Some(1_795_003_200),
    });
    let one = HostStatus {
        generation: Some(12),
        unfinished: false,
        lost: None,
        acts: true,
        networks: Vec::new(),
        services: BTreeMap::from([
            kept,
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
            sick,
            deaf,
        ]),
    };
    let paths = vec![odd.to_owned(), "50-edited.env".to_owned()];
    let two = HostStatus {
        generation: None,
        unfinished: true,
        lost: Some("`current` leads to a generation that is gone".to_owned()),
        acts: true,
        networks: Vec::new(),
        services: BTreeMap::from([
            row(
                "edited",
                "1.4.2",
                ServiceState::Edited {
                    paths,
                    reasons: reasons(),
                },
            ),
            held("halted", ServiceState::Held, HoldTime::GoesOn, odd),
            held("halting", ServiceState::PendingStop, HoldTime::GoesOn, odd),
            held("resumed", ServiceState::InSync, HoldTime::Over, odd),
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

/// A cluster with nothing to do.
pub fn in_sync() -> ClusterStatus {
    let status = |name| HostStatus {
        generation: Some(3),
        unfinished: false,
        lost: None,
        acts: false,
        networks: Vec::new(),
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
        deed: None,
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
                ran: vec!["g".to_owned()],
            },
            ..entry(3, "done", None)
        },
        HistoryEntry {
            made: false,
            commit: None,
            when: "2026-11-25T09:30:00Z".to_owned(),
            deeds: Deeds::default(),
            deed: Some(format!("froze the cluster: friday {odd}")),
            ..entry(3, "done", None)
        },
    ];
    let history = HostHistory {
        entries,
        current: Some(3),
        kept: BTreeSet::from([2, 3]),
    };
    // It took part in two of the releases.
    let other = HostHistory {
        entries: vec![history.entries[0].clone(), history.entries[5].clone()],
        current: Some(1),
        kept: BTreeSet::from([1]),
    };
    BTreeMap::from([
        (host("docker01"), history),
        (host("docker02"), HostHistory::default()),
        (host("docker03"), other),
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
pub(super) fn at(odd: &str) -> ActivationProgress {
    ActivationProgress {
        step: 3,
        of: 7,
        doing: odd.to_owned(),
    }
}
