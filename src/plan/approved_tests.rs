use proptest::prelude::*;

use super::*;
use crate::plan::model_world::{World, accident, cases, events, what_a_release_may_find};
use crate::plan::observed::Observed;
use crate::plan::sample::{HOSTS, host_name};
use crate::plan::step::Begins;
use crate::plan::{Options, Refusal, RefusalReason, plan};
use crate::render::identity::Instance;

/// A way in which a plan differs by more than restarts.
#[derive(Debug, Clone, Copy)]
enum Tampering {
    Refusal,
    AnotherHost,
    Stop,
    AnotherFile,
    UnitGone,
    Removal,
    NewService,
    Write,
    Enable,
    Current,
    Generations,
    RemoveUnit,
    LostStep,
    RestartUnplanned,
}

const ALL: [Tampering; 14] = [
    Tampering::Refusal,
    Tampering::AnotherHost,
    Tampering::Stop,
    Tampering::AnotherFile,
    Tampering::UnitGone,
    Tampering::Removal,
    Tampering::NewService,
    Tampering::Write,
    Tampering::Enable,
    Tampering::Current,
    Tampering::Generations,
    Tampering::RemoveUnit,
    Tampering::LostStep,
    Tampering::RestartUnplanned,
];

/// Changes a plan in this way; `None` where it has nothing that could be changed so.
fn tamper(mut plan: Plan, how: Tampering) -> Option<Plan> {
    let name = ServiceName::new("nosuch").unwrap();
    let unit = Instance::of(&name).unit(&plan.cluster);
    let add = |plan: &mut Plan, step: Step| {
        let wave = plan.waves.first_mut()?;
        wave.activations.values_mut().next()?.push(step);
        Some(())
    };
    let mut services = plan.hosts.values_mut().flat_map(|host| &mut host.services);
    match how {
        Tampering::Refusal => plan.refusals.push(Refusal {
            host: host_name(0),
            why: RefusalReason::StatefulUnknown { service: name },
        }),
        Tampering::AnotherHost => {
            let host = HostName::new("other").unwrap();
            plan.hosts.insert(host, HostPlan::default());
        }
        Tampering::Stop => {
            let goes_on =
                |s: &&mut ServicePlan| s.change != Change::Removed && s.action != Action::Stop;
            services.find(goes_on)?.action = Action::Stop;
        }
        Tampering::AnotherFile => {
            let mut files = services.flat_map(|service| &mut service.files);
            files.find(|file| file.after.is_some())?.after = Some("other".into());
        }
        Tampering::UnitGone => {
            let unit = |change: &FileChange| !change.path.contains('/');
            let service = services.find(|s| s.files.iter().any(unit))?;
            service.files.retain(|change| !unit(change));
        }
        Tampering::Removal => {
            services.find(|s| s.change != Change::Removed)?.change = Change::Removed;
        }
        Tampering::NewService => {
            let mut new = services.next()?.clone();
            new.service = name;
            new.change = Change::Added;
            plan.hosts.values_mut().next()?.services.push(new);
        }
        Tampering::Write => add(
            &mut plan,
            Step::WriteUnit {
                service: name,
                file: unit.service_file(),
            },
        )?,
        Tampering::Enable => add(
            &mut plan,
            Step::Enable {
                files: vec![unit.service_file()],
            },
        )?,
        Tampering::Current => add(&mut plan, Step::SetCurrent { number: 99 })?,
        Tampering::Generations => {
            let numbers = BTreeSet::from([99]);
            add(&mut plan, Step::RemoveGenerations { numbers })?;
        }
        Tampering::RemoveUnit => add(
            &mut plan,
            Step::RemoveUnit {
                service: name,
                file: unit.service_file(),
            },
        )?,
        Tampering::LostStep => {
            let all = plan.hosts.values().flat_map(|host| &host.services);
            let leaves = all.filter(|service| service.change == Change::Removed);
            let leaves: BTreeSet<ServiceName> =
                leaves.map(|service| service.service.clone()).collect();
            let steps = plan
                .waves
                .iter_mut()
                .flat_map(|wave| wave.activations.values_mut());
            let lasts =
                |step: &Step| !lasting(step, |name| !leaves.contains(name), &|_| true).is_empty();
            let (steps, at) = steps
                .filter_map(|steps| Some((steps.iter().position(lasts)?, steps)))
                .map(|(at, steps)| (steps, at))
                .next()?;
            steps.remove(at);
        }
        Tampering::RestartUnplanned => add(
            &mut plan,
            Step::Restart {
                service: name,
                unit,
                begins: Begins::After,
            },
        )?,
    }
    Some(plan)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases() / 5))]

    #[test]
    fn restarts_may_come_to_a_plan_and_nothing_else_may(
        events in events(accident().boxed()),
        specs in prop::collection::vec(crate::plan::sample::spec(), 1..=4),
        found in prop::collection::vec((0..HOSTS.len(), what_a_release_may_find()), 0..4),
    ) {
        let mut world = World::new();
        world.live(&events);
        world.desired = crate::plan::sample::describe(&specs);
        let options = Options::default();
        let look = |world: &World, at: &mut Observed, these: &dyn Fn(&HostName) -> bool| {
            let seen = world.observe().hosts.into_iter();
            at.hosts.extend(seen.filter(|(name, _)| these(name)));
        };
        let mut observed = Observed::default();
        look(&world, &mut observed, &|_| true);
        let before = plan(&world.desired, &observed, &options);
        let Some(shown) = Approved::shown(before) else {
            return Ok(());
        };
        for (host, disturbance) in &found {
            world.hosts.get_mut(&host_name(*host)).unwrap().disturb(disturbance);
        }
        look(&world, &mut observed, &|name| shown.plan().takes_part(name));
        let now = plan(&world.desired, &observed, &options);
        prop_assume!(now.refusals.is_empty());
        prop_assert_eq!(shown.with_restarts(now.clone()).map(|approved| approved.0), Ok(now.clone()));
        for how in ALL {
            if let Some(other) = tamper(now.clone(), how) {
                prop_assert!(shown.with_restarts(other).is_err(), "{:?}", how);
            }
        }
    }
}

#[test]
fn a_plan_with_refusals_is_never_approved() {
    let desired = crate::plan::sample::describe(&[]);
    let empty = plan(&desired, &Observed::default(), &Options::default());
    let refused = tamper(empty.clone(), Tampering::Refusal).unwrap();
    assert!(Approved::shown(empty).is_some());
    assert_eq!(Approved::shown(refused), None);
}

#[test]
fn what_only_its_operator_restarts_is_not_restarted() {
    use Action::{MayRestart, None, Pending, Restart, Start, Stop};
    let all = [None, Start, Restart, Stop, Pending, MayRestart];
    let refused = |shown: Action| {
        let actions = all.into_iter();
        actions
            .filter(|now| beyond_a_restart(Change::Changed, shown, *now).is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(refused(None), [Stop]);
    assert_eq!(refused(Start), [Stop]);
    assert_eq!(refused(Restart), [Stop]);
    assert_eq!(refused(MayRestart), [Stop]);
    assert_eq!(refused(Pending), [Restart, Stop]);
    assert_eq!(beyond_a_restart(Change::Removed, None, Stop), Option::None);
}
