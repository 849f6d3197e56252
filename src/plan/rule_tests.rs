//! Rule (d): which changes of files restart what was started from them.

use std::collections::BTreeMap;

use super::*;
use crate::cluster::model::Supervisor;
use crate::cluster::{Sources, check};
use crate::plan::observed::Observed;
use crate::plan::review::as_released;
use crate::plan::step::{Step, StepKind};
use crate::plan::{AskedRestart, Options, Origin, Refusal, RefusalReason, plan};
use crate::render::desired::Desired;
use crate::render::render;

fn desired() -> Desired {
    let mut sources = Sources::new();
    let cluster = "[hosts.h]\nlocal = true\n[place]\na = \"h\"\n";
    sources.insert("clusters/x/cluster.toml", cluster);
    sources.insert("clusters/x/services/a.toml", "image = \"a\"\ntag = \"1\"\n");
    render(&check("x", &sources).cluster.unwrap()).unwrap()
}

/// The reasons to restart the one service, of which this was seen.
fn reasons(see: impl FnOnce(&mut ObservedDirectory, &mut ObservedContainer)) -> Vec<Reason> {
    let desired = desired();
    let mut observed: Observed = as_released(&desired, &desired, |_| Supervisor::Systemd);
    let host = observed.hosts.values_mut().next().unwrap();
    let service = host.services.values_mut().next().unwrap();
    let directory = service.directories.values_mut().next().unwrap();
    see(directory, service.container.as_mut().unwrap());
    let plan = plan(&desired, &observed, &Options::default());
    let host = plan.hosts.into_values().next().unwrap();
    let services = host.services.into_iter();
    services.flat_map(|service| service.reasons).collect()
}

/// After the start of every process.
const LATER: Moment = Moment(9);

#[test]
fn a_file_that_was_only_touched_restarts_nothing() {
    let touched = reasons(|directory, container| {
        directory.changed = LATER;
        container.environment = Environment::AsFiles;
    });
    assert_eq!(touched, []);
}

#[test]
fn where_nobody_knows_it_may_have_read_an_edit() {
    let unasked = reasons(|directory, _| directory.changed = LATER);
    assert!(
        matches!(unasked[..], [Reason::Touched { .. }]),
        "{unasked:?}"
    );
    let mounted = reasons(|directory, container| {
        directory.changed = LATER;
        directory.mounted = LATER;
        container.environment = Environment::AsFiles;
    });
    assert!(
        matches!(mounted[..], [Reason::Touched { .. }]),
        "{mounted:?}"
    );
}

#[test]
fn what_was_started_with_an_edit_restarts_though_the_edit_is_gone() {
    let another = reasons(|directory, container| {
        directory.changed = LATER;
        container.environment = Environment::Another;
    });
    assert!(
        matches!(another[..], [Reason::Edited { .. }]),
        "{another:?}"
    );
    // The unit was, and is written already.
    let marked = reasons(|directory, container| {
        directory.changed = LATER;
        directory.marked = EditMark {
            edited: Moment(0),
            until: LATER,
        };
        container.environment = Environment::AsFiles;
    });
    let paths = vec!["x-a.service".to_owned()];
    assert_eq!(marked, [Reason::Edited { paths }]);
    // It was edited after the start, and is written already.
    let marked = reasons(|directory, container| {
        directory.changed = LATER;
        directory.marked = EditMark {
            edited: LATER,
            until: LATER,
        };
        container.environment = Environment::AsFiles;
    });
    assert_eq!(marked, []);
    let edited = reasons(|directory, container| {
        directory.files = BTreeMap::new();
        container.environment = Environment::AsFiles;
    });
    assert!(matches!(edited[..], [Reason::Edited { .. }]), "{edited:?}");
}

#[test]
fn a_change_before_the_start_is_none() {
    let before = reasons(|directory, container| {
        let moment = Moment(1);
        (directory.changed, directory.mounted) = (moment, moment);
        directory.marked = EditMark {
            edited: Moment(0),
            until: moment,
        };
        container.environment = Environment::Another;
    });
    assert_eq!(before, []);
}

#[test]
fn a_restart_that_is_asked_for_restarts_what_is_as_released() {
    let desired = desired();
    let released: Observed = as_released(&desired, &desired, |_| Supervisor::Systemd);
    let options = Options {
        asked: Some(AskedRestart {
            why: Some("it leaks".to_owned()),
        }),
        origin: Origin::Current,
        ..Options::default()
    };
    let planned = |observed: &Observed| plan(&desired, observed, &options);
    let asked = planned(&released);
    assert_eq!(asked.refusals, []);
    let services = asked.hosts.values().flat_map(|host| &host.services);
    let services: Vec<_> = services.map(|s| (s.action, s.reasons.clone())).collect();
    let why = Some("it leaks".to_owned());
    let expected = vec![Reason::Asked { why }];
    assert_eq!(services, [(Action::Restart, expected)]);
    let kinds = asked
        .waves
        .iter()
        .flat_map(|wave| wave.activations.values());
    let kinds = kinds.flatten().map(Step::kind);
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [StepKind::Reload, StepKind::Start, StepKind::Wait]
    );

    // What leaves the host with the next release stays until then.
    let mut leaves = desired.clone();
    leaves
        .hosts
        .values_mut()
        .for_each(|host| host.services.clear());
    let nothing = plan(&leaves, &released, &options);
    assert_eq!(nothing.waves, []);

    // Its unit is another one.
    let mut edited = released;
    let host = edited.hosts.values_mut().next().unwrap();
    let service = host.services.values_mut().next().unwrap();
    service.unit.file = UnitFile::Ours {
        digest: Digest::of("x"),
        text: None,
    };
    let refused = planned(&edited).refusals;
    assert!(
        matches!(
            refused[..],
            [Refusal {
                why: RefusalReason::NotAsReleased { .. },
                ..
            }]
        ),
        "{refused:?}"
    );
}
