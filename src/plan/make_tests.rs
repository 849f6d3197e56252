//! The promise that an empty plan means what it says, held against a model of hosts: whatever is released, however
//! often it dies, and whatever happens in between.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::cluster::name::ServiceName;
use crate::plan::model_host::{CutAtRun, Disturbance};
use crate::plan::model_world::{World, WorldEvent, accident, cases, disturbance, events};
use crate::plan::observed::{ObservedHost, ObservedProcess, ObservedService, UnitFile};
use crate::plan::sample::{Spec, describe, host_name, service_name};
use crate::plan::step::Step;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn whatever_happens_one_undisturbed_release_ends_in_the_desired_state(
        events in events(disturbance().boxed())
    ) {
        World::new().live(&events);
    }

    #[test]
    fn accidents_and_killed_releases_never_mix_inputs_or_restart_needlessly(
        events in events(accident().boxed())
    ) {
        World::new().live(&events);
    }
}

/// A release of everything, killed before its n-th step, and what happens to hosts before which of its steps.
fn release(
    killed_before: Option<usize>,
    meanwhile: Vec<(usize, usize, Disturbance)>,
) -> WorldEvent {
    WorldEvent::Release {
        only: None,
        moves: false,
        left_out: None,
        killed_before,
        cut: CutAtRun::Before,
        fails: None,
        between: Vec::new(),
        meanwhile,
    }
}

/// What decides nothing of how a container runs is written and read, and goes, without a restart.
#[test]
fn a_unit_file_beside_that_of_the_container_restarts_nothing() {
    let spec = |timer| Spec {
        hosts: BTreeSet::from([0]),
        timer,
        ..Spec::default()
    };
    let file = "test-a.timer";
    let told = |before, after| {
        let mut world = World::new();
        world.live(&[
            WorldEvent::Describe(vec![spec(before)], None),
            release(None, Vec::new()),
        ]);
        world.desired = describe(&[spec(after)]);
        let plan = plan(&world.desired, &world.observe(), &Options::default());
        let steps: Vec<String> = plan.steps(&host_name(0)).map(Step::words).collect();
        steps.join(", ")
    };
    assert_eq!(
        told(None, Some(1)),
        format!("writing {file}, enabling {file}, systemctl daemon-reload, recording generation 2")
    );
    assert_eq!(
        told(Some(0), Some(1)),
        format!("writing {file}, systemctl daemon-reload, recording generation 2")
    );
    assert_eq!(
        told(Some(0), None),
        format!(
            "systemctl daemon-reload, removing {file}, systemctl daemon-reload, recording generation 2"
        )
    );
    assert_eq!(told(Some(0), Some(0)), "");
}

/// Everything that a hand can do to a service, then a crash that picks it up, then a release that is
/// killed before each of its steps in turn: the next one always mends it.
#[test]
fn an_edit_that_a_crash_picked_up_is_mended_wherever_the_release_dies() {
    let spec = |tag| Spec {
        hosts: BTreeSet::from([0]),
        tag,
        port: Some(9000),
        shared: BTreeMap::from([(0, (0, true))]),
        ..Spec::default()
    };
    let name = service_name(0);
    let edits: [fn(ServiceName) -> Disturbance; 4] = [
        Disturbance::EditEnv,
        Disturbance::AddEnv,
        Disturbance::DeleteEnv,
        Disturbance::EditUnitArguments,
    ];
    for edit in edits {
        for tag in [0, 1] {
            for killed_before in 0..12 {
                let mut world = World::new();
                world.live(&[
                    WorldEvent::Describe(vec![spec(0)], None),
                    release(None, Vec::new()),
                    WorldEvent::Happens(0, edit(name.clone())),
                    WorldEvent::Happens(0, Disturbance::Reload),
                    WorldEvent::Happens(0, Disturbance::Crash(name.clone())),
                    WorldEvent::Describe(vec![spec(tag)], None),
                    release(Some(killed_before), Vec::new()),
                ]);
            }
        }
    }
}

/// The same, where nothing had picked the edit up when the plan was made: a reboot does, or a crash after a reload, before
/// each of the release's steps in turn. It may be killed right after it.
#[test]
fn an_edit_that_is_picked_up_during_a_release_is_mended() {
    let name = service_name(0);
    let spec = |tag, hosts: &[usize]| Spec {
        hosts: hosts.iter().copied().collect(),
        tag,
        ..Spec::default()
    };
    let accidents = [
        vec![Disturbance::Reboot],
        vec![Disturbance::Reload, Disturbance::Crash(name.clone())],
        vec![Disturbance::Crash(name.clone())],
    ];
    let edits: [fn(ServiceName) -> Disturbance; 3] = [
        Disturbance::EditEnv,
        Disturbance::AddEnv,
        Disturbance::EditUnitArguments,
    ];
    for (edit, accident) in edits
        .iter()
        .flat_map(|e| accidents.iter().map(move |a| (e, a)))
    {
        for (tag, stops) in [(0, false), (1, false), (0, true)] {
            for (when, dies) in (0..16).flat_map(|when| [(when, false), (when, true)]) {
                let meanwhile = accident.iter().map(|what| (when, 0, what.clone()));
                let mut events = vec![
                    WorldEvent::Describe(vec![spec(0, &[0])], None),
                    release(None, Vec::new()),
                    WorldEvent::Happens(0, edit(name.clone())),
                    // The other one starts there in a wave of its own, and in between.
                    WorldEvent::Describe(vec![spec(tag, &[0]), spec(0, &[0, 1])], None),
                    release(dies.then_some(when + 2), meanwhile.collect()),
                ];
                if stops {
                    events.insert(
                        3,
                        WorldEvent::Happens(0, Disturbance::StopUnit(name.clone())),
                    );
                }
                World::new().live(&events);
            }
        }
    }
}

#[test]
fn a_unit_that_took_the_place_of_a_departing_service_is_left_alone() {
    use crate::plan::observed::{ObservedUnit, Owner};
    let desired = describe(&[]);
    let mut departing = ObservedService {
        unit: ObservedUnit {
            file: UnitFile::Foreign {
                path: "/etc/systemd/system/test-a.service".to_owned(),
                owner: Owner::Unmarked,
            },
            enabled_by: BTreeSet::from(["multi-user.target.wants".to_owned()]),
            ..ObservedUnit::default()
        },
        process: ObservedProcess::Active {
            since: crate::plan::observed::Moment(1),
        },
        ..ObservedService::default()
    };
    let directory = crate::render::identity::DirectoryName::reported("0123456789ab").unwrap();
    departing.directories.insert(directory, Default::default());
    let host = ObservedHost {
        services: BTreeMap::from([(service_name(0), departing)]),
        next_generation: 1,
        ..ObservedHost::default()
    };
    let observed = Observed {
        hosts: BTreeMap::from([(host_name(0), host)]),
    };
    let plan = plan(&desired, &observed, &Options::default());
    let steps: Vec<&Step> = plan
        .waves
        .iter()
        .flat_map(|w| &w.activations[&host_name(0)])
        .collect();
    assert!(
        matches!(steps[..], [Step::Reload, Step::RemoveInputs { .. }]),
        "{steps:?}"
    );
}
