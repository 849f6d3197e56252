use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::model_host::{CutAtRun, Disturbance, Fate};
use super::super::model_world::{World, cases, cut};
use super::super::reason::Reason;
use super::super::sample::{Spec, describe, host_name, service_name};
use super::super::step::{Step, StepKind};
use super::super::{Action, Moves, Options, Origin, Plan, RefusalReason, plan};
use crate::cluster::job::OnceKey;
use crate::cluster::name::ServiceName;

/// A database, a job that comes after it, and who comes after the job on two hosts.
fn specs(key: OnceKey, tag: u8) -> Vec<Spec> {
    let on = |hosts: &[usize]| Spec {
        hosts: hosts.iter().copied().collect(),
        ..Spec::default()
    };
    vec![
        on(&[1]),
        Spec {
            once: Some(key),
            tag,
            needs: BTreeSet::from([0]),
            ..on(&[0])
        },
        Spec {
            tag,
            after: BTreeSet::from([1]),
            ..on(&[0, 1])
        },
    ]
}

fn world(specs: &[Spec]) -> World {
    let mut world = World::new();
    world.desired = describe(specs);
    world
}

fn planned(world: &World, options: &Options) -> Plan {
    plan(&world.desired, &world.observe(), options)
}

fn released(specs: &[Spec]) -> World {
    let mut world = world(specs);
    world.undisturbed(&Options::default());
    world
}

/// What becomes of the job, and why.
fn job(plan: &Plan) -> Option<(Action, Vec<Reason>)> {
    let services = plan.hosts.values().flat_map(|host| &host.services);
    let mut of_job = services.filter(|service| service.service == service_name(1));
    of_job.next().map(|job| (job.action, job.reasons.clone()))
}

fn runs(world: &World) -> usize {
    let begun = world.hosts.values().flat_map(|host| &host.begun);
    begun.count()
}

/// The numbers of the waves in which a service is started or run.
fn waves(plan: &Plan, service: &ServiceName, kind: StepKind) -> BTreeSet<usize> {
    let waves = plan.waves.iter().enumerate();
    let with = waves.filter(|(_, wave)| {
        let mut steps = wave.activations.values().flatten();
        steps.any(|step| step.kind() == kind && step.services().contains(&service))
    });
    with.map(|(number, _)| number).collect()
}

#[test]
fn a_job_comes_after_what_it_needs_and_in_a_wave_before_who_comes_after_it() {
    let world = world(&specs(OnceKey::Image, 1));
    let plan = planned(&world, &Options::default());
    assert_eq!(job(&plan), Some((Action::Run, vec![Reason::NotRunYet])));
    let database = waves(&plan, &service_name(0), StepKind::Start);
    let ran = waves(&plan, &service_name(1), StepKind::Run);
    let after = waves(&plan, &service_name(2), StepKind::Start);
    assert!(database.last() <= ran.first(), "{database:?} {ran:?}");
    assert!(ran.last() < after.first(), "{ran:?} {after:?}");
    assert_eq!(ran.len(), 1);
}

#[test]
fn a_job_runs_again_with_a_new_image_and_never_with_the_same() {
    let mut world = released(&specs(OnceKey::Image, 1));
    assert!(planned(&world, &Options::default()).is_empty());
    for (tag, total) in [(2, 2), (1, 2), (2, 2), (3, 3)] {
        world.desired = describe(&specs(OnceKey::Image, tag));
        world.undisturbed(&Options::default());
        assert_eq!(runs(&world), total, "tag {tag}");
    }
    // Other inputs are no other image.
    let mut specs = specs(OnceKey::Image, 3);
    specs[1].memory = Some(1);
    world.desired = describe(&specs);
    let plan = planned(&world, &Options::default());
    assert_eq!(job(&plan), Some((Action::None, Vec::new())));
    world.undisturbed(&Options::default());
    assert_eq!(runs(&world), 3);
}

#[test]
fn a_job_of_its_inputs_runs_again_when_they_change() {
    let mut specs = specs(OnceKey::Inputs, 1);
    let mut world = released(&specs);
    specs[1].shared = BTreeMap::from([(0, (1, true))]);
    world.desired = describe(&specs);
    let (action, reasons) = job(&planned(&world, &Options::default())).unwrap();
    assert_eq!(action, Action::Run);
    let variable =
        |reason: &Reason| matches!(reason, Reason::Variable { name, .. } if name.as_str() == "V0");
    assert!(reasons.iter().any(variable), "{reasons:?}");
    world.undisturbed(&Options::default());
    assert_eq!(runs(&world), 2);
}

#[test]
fn a_job_of_each_release_runs_only_where_something_else_changes() {
    let mut world = released(&specs(OnceKey::Always, 1));
    let plan = planned(&world, &Options::default());
    assert!(plan.is_empty() && job(&plan).is_none());
    let mut specs = specs(OnceKey::Always, 1);
    specs[0].memory = Some(1);
    world.desired = describe(&specs);
    let plan = planned(&world, &Options::default());
    assert_eq!(job(&plan), Some((Action::Run, vec![Reason::EachRelease])));
    world.undisturbed(&Options::default());
    assert_eq!(runs(&world), 2);
    assert!(planned(&world, &Options::default()).is_empty());
}

#[test]
fn a_job_that_moves_or_whose_host_is_replaced_does_not_run_again() {
    for key in [OnceKey::Image, OnceKey::Inputs] {
        let mut world = released(&specs(key, 1));
        // Its host lost all that it had.
        let host = world.hosts.get_mut(&host_name(0)).unwrap();
        *host = Default::default();
        let mut moved = specs(key, 1);
        moved[1].hosts = BTreeSet::from([2]);
        world.desired = describe(&moved);
        world.undisturbed(&Options::default());
        assert_eq!(
            runs(&world),
            0,
            "what it had begun is forgotten, and nothing ran since"
        );
    }
}

#[test]
fn a_job_whose_tag_moves_may_run_and_runs_after_the_pull() {
    let mut specs = specs(OnceKey::Image, 1);
    specs[1].moving = true;
    let mut world = released(&specs);
    let plan = planned(&world, &Options::default());
    assert!(plan.is_empty());
    assert_eq!(job(&plan), Some((Action::MayRun, Vec::new())));
    let host = world.hosts.get_mut(&host_name(0)).unwrap();
    host.disturb(&Disturbance::Retag(service_name(1)));
    let (action, reasons) = job(&planned(&world, &Options::default())).unwrap();
    assert_eq!(action, Action::Run);
    assert!(
        matches!(reasons[..], [Reason::ImageMoved { .. }]),
        "{reasons:?}"
    );
}

#[test]
fn nobody_starts_before_a_job_on_a_host_that_takes_no_part() {
    let refused = |world: &World, seen: bool| {
        let options = Options {
            leave_out: BTreeSet::from([host_name(0)]),
            ..Options::default()
        };
        let mut observed = world.observe();
        if !seen {
            observed.hosts.remove(&host_name(0));
        }
        plan(&world.desired, &observed, &options).refusals
    };
    for seen in [true, false] {
        let mut world = world(&specs(OnceKey::Image, 1));
        let found = refused(&world, seen);
        let expected = RefusalReason::JobAway {
            service: service_name(2),
            job: service_name(1),
            at: host_name(0),
        };
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0].host, &found[0].why), (&host_name(1), &expected));
        // What every host knows of needs no host.
        world.undisturbed(&Options::default());
        let mut specs = specs(OnceKey::Image, 1);
        specs[2].memory = Some(1);
        world.desired = describe(&specs);
        assert_eq!(refused(&world, seen), []);
    }
}

#[test]
fn a_job_neither_leaves_nor_moves_while_it_runs() {
    let mut world = world(&specs(OnceKey::Image, 1));
    let options = Options::default();
    let plan = planned(&world, &options);
    let steps = plan.waves.iter().flat_map(|wave| wave.activations.values());
    let mut steps = steps.flatten();
    let run = steps.position(|step| step.kind() == StepKind::Run);
    let struck = world.release(&options, &[], (run, CutAtRun::WhileItRuns), None, &[], &[]);
    assert!(struck.is_err());
    let expected = RefusalReason::RunUnderWay {
        job: service_name(1),
    };
    let refused = |world: &World| {
        let found = planned(world, &options).refusals;
        let found = found.iter().map(|found| (found.host.clone(), &found.why));
        found.eq([(host_name(0), &expected)])
    };
    assert!(!refused(&world), "where it is, its run is waited for");
    let mut moved = specs(OnceKey::Image, 1);
    moved[1].hosts = BTreeSet::from([2]);
    let mut gone = specs(OnceKey::Image, 1);
    (gone[1].hosts, gone[2].after) = (BTreeSet::new(), BTreeSet::new());
    for other in [moved, gone] {
        world.desired = describe(&other);
        assert!(refused(&world));
    }
    world.hosts.get_mut(&host_name(0)).unwrap().ends_runs();
    world.undisturbed(&options);
    assert_eq!(runs(&world), 1);
}

#[test]
fn a_rollback_runs_no_job() {
    let mut world = released(&specs(OnceKey::Image, 1));
    world.desired = describe(&specs(OnceKey::Image, 2));
    let options = Options {
        origin: Origin::Generations,
        ..Options::default()
    };
    let plan = planned(&world, &options);
    assert_eq!(job(&plan), Some((Action::None, Vec::new())));
    let steps = plan.waves.iter().flat_map(|wave| wave.activations.values());
    let mut steps = steps.flatten();
    assert!(!steps.any(|step| step.kind() == StepKind::Run));
}

#[test]
fn a_release_of_a_service_takes_its_jobs_along() {
    let world = world(&specs(OnceKey::Image, 1));
    let options = Options {
        services: Some(BTreeSet::from([service_name(2)])),
        ..Options::default()
    };
    let options = options.with_jobs(&world.desired);
    let expected = BTreeSet::from([service_name(1), service_name(2)]);
    assert_eq!(options.services, Some(expected));
    let plan = planned(&world, &options);
    assert!(matches!(job(&plan), Some((Action::Run, _))));
}

#[test]
fn a_service_that_becomes_a_job_is_stopped_and_the_other_way_round() {
    let service = Spec {
        hosts: BTreeSet::from([0]),
        ..Spec::default()
    };
    let as_job = Spec {
        once: Some(OnceKey::Image),
        ..service.clone()
    };
    let mut world = released(std::slice::from_ref(&service));
    for specs in [[as_job.clone()], [service.clone()], [as_job], [service]] {
        world.desired = describe(&specs);
        world.undisturbed(&Options::default());
        let runs = world.hosts[&host_name(0)].processes.len();
        assert_eq!(runs, usize::from(specs[0].once.is_none()));
        assert!(planned(&world, &Options::default()).is_empty());
    }
    assert_eq!(runs(&world), 1, "the image is the same");
}

#[test]
fn a_service_that_becomes_a_job_gives_its_port_to_a_newcomer() {
    let service = Spec {
        hosts: BTreeSet::from([0]),
        port: Some(9001),
        ..Spec::default()
    };
    let nowhere = Spec::default();
    let mut world = released(&[nowhere.clone(), service.clone()]);
    let job = Spec {
        once: Some(OnceKey::Image),
        port: None,
        ..service.clone()
    };
    world.desired = describe(&[nowhere, job, service]);
    world.undisturbed(&Options::default());
    let runs = &world.hosts[&host_name(0)].processes;
    assert_eq!(runs.keys().collect::<Vec<_>>(), [&service_name(2)]);
    assert!(planned(&world, &Options::default()).is_empty());
}

#[test]
fn what_failed_or_was_cut_off_is_told_and_runs_again() {
    let step = |world: &World| {
        let plan = planned(world, &Options::default());
        let steps = plan.waves.iter().flat_map(|wave| wave.activations.values());
        let steps: Vec<Step> = steps.flatten().cloned().collect();
        steps.iter().position(|step| step.kind() == StepKind::Run)
    };
    let mut world = world(&specs(OnceKey::Image, 1));
    let at = step(&world);
    let struck = world.release(
        &Options::default(),
        &[],
        (at, CutAtRun::Power),
        None,
        &[],
        &[],
    );
    assert!(struck.is_err());
    let (action, reasons) = job(&planned(&world, &Options::default())).unwrap();
    assert_eq!(action, Action::Run);
    assert!(
        matches!(reasons[..], [Reason::RunCut { .. }]),
        "{reasons:?}"
    );
    let at = step(&world);
    let struck = world.release(
        &Options::default(),
        &[],
        (at, CutAtRun::WhileItRuns),
        None,
        &[],
        &[],
    );
    assert!(struck.is_err());
    let host = world.hosts.get_mut(&host_name(0)).unwrap();
    host.disturb(&Disturbance::Crash(service_name(1)));
    let (_, reasons) = job(&planned(&world, &Options::default())).unwrap();
    assert!(
        matches!(reasons[..], [Reason::RunFailed { .. }]),
        "{reasons:?}"
    );
    world.undisturbed(&Options::default());
    let fates: Vec<Fate> = world.hosts[&host_name(0)]
        .begun
        .iter()
        .map(|run| run.fate)
        .collect();
    assert_eq!(fates, [Fate::Lost, Fate::Failed, Fate::Recorded]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// Releases that die before any of their steps, and before, during and after a run. A job runs again under one key
    /// only where a crash or a lost power ended the run before its success was on the disk.
    #[test]
    fn a_job_runs_once_whatever_a_release_dies_of(
        key in prop::sample::select(vec![OnceKey::Image, OnceKey::Inputs]),
        releases in prop::collection::vec((1..3u8, prop::option::of(0..30usize), cut(), any::<bool>()), 1..8),
    ) {
        let mut world = world(&specs(key, 1));
        for (tag, killed_before, cut, crash) in releases {
            world.desired = describe(&specs(key, tag));
            let _ = world.release(&Options::default(), &[], (killed_before, cut), None, &[], &[]);
            if crash {
                let host = world.hosts.get_mut(&host_name(0)).unwrap();
                host.disturb(&Disturbance::Crash(service_name(1)));
            }
        }
        let all = Options { moves: Moves::Allow, ..Options::default() };
        world.undisturbed(&all);
        assert!(planned(&world, &all).is_empty());
        // What nobody waits for any more, as where an older image is back, runs to its end.
        let host = world.hosts.get_mut(&host_name(0)).unwrap();
        host.disturb(&Disturbance::Reload);
        let mut fates: BTreeMap<&str, Vec<Fate>> = BTreeMap::new();
        for run in world.hosts.values().flat_map(|host| &host.begun) {
            fates.entry(&run.key).or_default().push(run.fate);
        }
        for (key, fates) in fates {
            let recorded = fates.iter().filter(|fate| **fate == Fate::Recorded).count();
            assert!(recorded <= 1, "{key}: {fates:?}");
            let rest = &fates[..fates.len() - recorded];
            let ended = rest.iter().all(|fate| matches!(fate, Fate::Lost | Fate::Failed));
            assert!(ended, "{key}: {fates:?}");
            assert!(recorded == 0 || fates.last() == Some(&Fate::Recorded), "{key}: {fates:?}");
        }
    }
}
