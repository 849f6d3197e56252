//! The promise that an empty plan means what it says, held against a model of hosts: whatever is released, however
//! often it dies, and whatever happens in between.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::cluster::model::OnFailure;
use crate::cluster::name::ServiceName;
use crate::plan::model_host::{CutAtRun, Disturbance};
use crate::plan::model_world::{Failing, World, WorldEvent, accident, cases, disturbance, events};
use crate::plan::observed::{ObservedHost, ObservedProcess, ObservedService, UnitFile};
use crate::plan::sample::{Spec, describe, host_name, service_name};
use crate::plan::step::Step;
use crate::plan::{Note, Phase, RolloutPolicy};

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
        rollout: RolloutPolicy::default(),
        moves: false,
        left_out: None,
        killed_before,
        cut: CutAtRun::Before,
        fails: None,
        shuffle: 0,
        between: Vec::new(),
        meanwhile,
    }
}

/// A job with a schedule, on the first host.
fn job(timer: Option<u8>, host: usize) -> Spec {
    Spec {
        hosts: BTreeSet::from([host]),
        timer,
        ..Spec::default()
    }
}

/// The steps of the plan on a host.
/// Without the wave that records what all hosts have, for those that could all go back.
fn each_by_itself() -> Options {
    let rollout = RolloutPolicy {
        on_failure: OnFailure::Host,
        ..RolloutPolicy::default()
    };
    Options {
        rollout,
        ..Options::default()
    }
}

fn words(world: &World, host: usize) -> String {
    let plan = plan(&world.desired, &world.observe(), &each_by_itself());
    let steps: Vec<String> = plan.steps(&host_name(host)).map(Step::words).collect();
    steps.join(", ")
}

fn released(specs: Vec<Spec>) -> World {
    let mut world = World::new();
    world.live(&[WorldEvent::Describe(specs, None), release(None, Vec::new())]);
    world
}

/// A timer that changes is forgotten by systemd first: else it would make up for a time that has passed.
#[test]
fn a_timer_is_made_anew_and_no_run_is_touched() {
    let told = |before: Spec, after: Spec| {
        let mut world = released(vec![before]);
        world.desired = describe(&[after]);
        words(&world, 0)
    };
    let (timer, reload) = ("test-a.timer", "systemctl daemon-reload");
    let drops = "stopping the timer of a";
    assert_eq!(
        told(job(Some(0), 0), job(Some(1), 0)),
        format!(
            "{drops}, writing {timer}, enabling {timer}, {reload}, starting the timer of a, recording generation 2"
        )
    );
    assert_eq!(told(job(Some(0), 0), job(Some(0), 0)), "");
    let other = Spec {
        tag: 1,
        ..job(Some(0), 0)
    };
    assert_eq!(
        told(job(Some(0), 0), other),
        format!(
            "placing the inputs of a, writing test-a.service, {reload}, removing old inputs of a, recording generation 2"
        ),
        "the next run has other inputs"
    );
    assert_eq!(
        told(job(Some(0), 0), job(None, 0)),
        format!(
            "placing the inputs of a, {drops}, waiting until no run of a is under way, writing test-a.service, \
             enabling test-a, {reload}, restarting a, waiting until test-a is healthy, removing old inputs of a, \
             recording generation 2"
        )
    );
    assert_eq!(
        told(job(None, 0), job(Some(0), 0)),
        format!(
            "placing the inputs of a, stopping a, writing test-a.service, writing {timer}, enabling 2 units, {reload}, \
             starting the timer of a, removing old inputs of a, recording generation 2"
        )
    );
    assert_eq!(
        told(Spec::default(), job(Some(0), 0)),
        format!(
            "placing the inputs of a, writing test-a.service, writing {timer}, enabling {timer}, {reload}, \
             starting the timer of a, recording generation 1"
        )
    );
}

/// A job moves by stopping first: where it runs on, nothing begins elsewhere.
#[test]
fn a_job_moves_when_its_run_has_ended() {
    let mut world = released(vec![job(Some(0), 0)]);
    let h1 = host_name(0);
    let options = each_by_itself();
    world.desired = describe(&[job(Some(0), 1)]);
    let waves = |world: &World| {
        let plan = plan(&world.desired, &world.observe(), &options);
        let waves = plan.waves.iter().map(|wave| {
            let hosts = wave.activations.keys().map(|host| host.to_string());
            (wave.phase, hosts.collect::<Vec<_>>().join(" "))
        });
        waves.collect::<Vec<_>>()
    };
    assert_eq!(
        waves(&world),
        [
            (Phase::Contract, "h1".to_owned()),
            (Phase::Expand, "h2".to_owned())
        ]
    );
    let host = world.hosts.get_mut(&h1).unwrap();
    host.disturb(&Disturbance::Tick(service_name(0)));
    assert_eq!(host.under_way.len(), 1);
    assert_eq!(words(&world, 1), "");
    assert_eq!(
        words(&world, 0),
        "stopping the timer of a, systemctl daemon-reload, recording generation 2"
    );
    let notes = |world: &World, host: usize| {
        let plan = plan(&world.desired, &world.observe(), &Options::default());
        plan.hosts[&host_name(host)].services[0].notes.clone()
    };
    let waits = Note::WaitsForRun {
        hosts: vec![h1.clone()],
    };
    assert_eq!(notes(&world, 1), [waits]);
    // It goes as far as it can.
    world.undisturbed(&options);
    assert_eq!((words(&world, 0), words(&world, 1)), Default::default());
    assert_eq!(notes(&world, 0), [Note::StaysForRun]);
    let host = world.hosts.get_mut(&h1).unwrap();
    assert!(host.under_way.contains_key(&service_name(0)), "none is cut");
    host.disturb(&Disturbance::RunEnds(service_name(0)));
    assert!(words(&world, 0).contains("removing test-a.service"));
    assert!(words(&world, 1).contains("starting the timer of a"));
}

/// Where its timer may still fire, nobody reaches it to stop it.
#[test]
fn a_job_does_not_start_beside_a_timer_that_is_not_reached() {
    let mut world = released(vec![job(Some(0), 0)]);
    world.desired = describe(&[job(Some(0), 1)]);
    let without = |moves| Options {
        leave_out: BTreeSet::from([host_name(0)]),
        moves,
        ..Options::default()
    };
    let refused = |observed: &Observed, moves| {
        let plan = plan(&world.desired, observed, &without(moves));
        plan.refusals.into_iter().map(|refusal| refusal.why)
    };
    let mut silent = world.observe();
    silent.hosts.remove(&host_name(0));
    for observed in [world.observe(), silent] {
        let why: Vec<RefusalReason> = refused(&observed, Moves::Refuse).collect();
        let expected = RefusalReason::ScheduledAway {
            service: service_name(0),
            starts: vec![host_name(1)],
            away: Away::LeftOut,
        };
        assert_eq!(why, [expected]);
        assert_eq!(refused(&observed, Moves::Allow).count(), 0);
    }
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

/// The host that it ran on never hears that its job is a service elsewhere, and is a job again there.
#[test]
fn what_becomes_a_job_again_is_not_due_on_two_hosts() {
    let spec = |host, timer| Spec {
        hosts: BTreeSet::from([host]),
        timer,
        ..Spec::default()
    };
    let mut world = World::new();
    let mut without_the_first = release(None, Vec::new());
    if let WorldEvent::Release { left_out, .. } = &mut without_the_first {
        *left_out = Some((0, true));
    }
    world.live(&[
        WorldEvent::Describe(vec![spec(0, Some(0))], None),
        release(None, Vec::new()),
        WorldEvent::Describe(vec![spec(1, None)], None),
        without_the_first.clone(),
        WorldEvent::Describe(vec![spec(1, Some(0))], None),
        without_the_first,
    ]);
}

/// A boot starts a unit that a release had made a job and had not unlinked yet: a run that nobody asked for. The next
/// release fails, and puts the service back: not before that run has ended.
#[test]
fn a_way_back_cuts_no_run_of_what_became_a_job() {
    let spec = |timer| Spec {
        hosts: BTreeSet::from([0]),
        timer,
        ..Spec::default()
    };
    for at in 0..8 {
        let fails = |step| {
            let mut fails = release(None, Vec::new());
            if let WorldEvent::Release { fails, .. } = &mut fails {
                *fails = Some(Failing {
                    step,
                    done: false,
                    killed_before: None,
                    others_killed_before: None,
                });
            }
            fails
        };
        for step in 0..8 {
            let boots = release(None, vec![(at, 0, Disturbance::Reboot)]);
            World::new().live(&[
                WorldEvent::Describe(vec![spec(None)], None),
                release(None, Vec::new()),
                WorldEvent::Describe(vec![spec(Some(0))], None),
                boots,
                fails(step),
            ]);
        }
    }
}

/// A job becomes a service, and the release dies after its timer is gone: a run of it goes on, and is waited for.
#[test]
fn what_becomes_a_service_waits_for_a_run_that_outlives_its_timer() {
    for killed_before in 0..8 {
        let mut dies = release(Some(killed_before), Vec::new());
        if let WorldEvent::Release { between, .. } = &mut dies {
            between.push((0, Disturbance::Tick(service_name(0))));
        }
        World::new().live(&[
            WorldEvent::Describe(vec![job(Some(0), 0)], None),
            release(None, Vec::new()),
            WorldEvent::Describe(vec![job(None, 0)], None),
            dies,
            release(None, Vec::new()),
        ]);
    }
}
