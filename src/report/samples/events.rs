//! Every event of a release.

use std::collections::BTreeSet;
use std::time::Duration;

use super::states::at;
use super::{host, service, unit};
use crate::host::stage::{LostVolume, TightMemory};
use crate::plan::Phase;
use crate::plan::step::{Begins, Step};
use crate::release::event::Ending;
use crate::release::event::{Event, EventKind};
use crate::render::identity::{DirectoryName, Fingerprint};

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
            file: unit("search").service_file(),
        },
        Step::Enable {
            files: vec![
                unit("search").service_file(),
                unit("listing").service_file(),
            ],
        },
        Step::Reload,
        Step::Stop {
            service: search(),
            unit: unit("search"),
        },
        Step::Restart {
            service: search(),
            unit: unit("search"),
            begins: Begins::After,
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
            file: unit("search").service_file(),
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
        EventKind::LosesVolume(LostVolume {
            service: service("db"),
            paths: vec!["/var/lib/data".to_owned()],
        }),
        EventKind::TightMemory(TightMemory {
            service: service("web"),
            uses: 700 << 20,
            available: 300 << 20,
        }),
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
