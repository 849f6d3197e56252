//! Addresses of their own that services take from each other.

use std::collections::BTreeSet;

use super::super::model_host::CutAtRun;
use super::super::model_world::World;
use super::super::sample::{Spec, describe, host_name, service_name};
use super::super::step::{Begins, Step};
use super::super::{Options, RefusalReason, plan};

/// A service with this address of its own in one network of the first host.
fn addressed(own: u8, manual: bool) -> Spec {
    Spec {
        hosts: BTreeSet::from([0]),
        network: Some((0, own)),
        manual,
        ..Spec::default()
    }
}

fn release(world: &mut World, specs: &[Spec]) {
    world.desired = describe(specs);
    world.undisturbed(&Options::default());
}

#[test]
fn who_takes_an_address_starts_when_the_other_one_is_out_of_it() {
    let mut world = World::new();
    release(&mut world, &[addressed(3, false), addressed(4, false)]);
    // Each takes that of the other one.
    release(&mut world, &[addressed(4, false), addressed(3, false)]);
    assert_eq!(world.hosts[&host_name(0)].processes.len(), 2);
    // One leaves, and another one comes with its address.
    let nowhere = Spec::default();
    release(
        &mut world,
        &[addressed(4, false), nowhere, addressed(3, false)],
    );
    assert_eq!(world.hosts[&host_name(0)].processes.len(), 2);
    let observed = world.observe();
    assert!(plan(&world.desired, &observed, &Options::default()).is_empty());
}

/// The engine might give an address away while its owner restarts.
#[test]
fn nobody_restarts_beside_an_owner_of_an_address_whom_the_engine_could_give_it() {
    let begins = |owns: [u8; 3]| -> Vec<Begins> {
        let mut world = World::new();
        release(&mut world, &owns.map(|own| addressed(own, false)));
        let changed = owns.map(|own| Spec {
            tag: 1,
            ..addressed(own, false)
        });
        world.desired = describe(&changed);
        let plan = plan(&world.desired, &world.observe(), &Options::default());
        let host = host_name(0);
        let steps = plan.steps(&host);
        let begins = steps.filter_map(|step| match step {
            Step::Restart { begins, .. } => Some(*begins),
            _ => None,
        });
        begins.collect()
    };
    use Begins::{After, Beside};
    assert_eq!(begins([2, 2, 2]), [After, Beside, Beside]);
    assert_eq!(begins([3, 4, 5]), [After, Beside, Beside]);
    assert_eq!(begins([3, 2, 2]), [After, After, Beside]);
    // It comes first.
    assert_eq!(begins([2, 3, 2]), [After, After, Beside]);
}

#[test]
fn an_address_of_who_stays_as_it_is_is_refused() {
    let mut world = World::new();
    release(&mut world, &[addressed(3, false), addressed(4, true)]);
    world.desired = describe(&[addressed(4, false), addressed(3, true)]);
    let observed = world.observe();
    let refused = plan(&world.desired, &observed, &Options::default()).refusals;
    let [refusal] = &refused[..] else {
        panic!("{refused:?}");
    };
    assert!(
        matches!(refusal.why, RefusalReason::AddressHeld { .. }),
        "{refused:?}"
    );
}

#[test]
fn an_address_of_who_leaves_later_is_refused() {
    let mut world = World::new();
    release(&mut world, &[addressed(3, false)]);
    world.desired = describe(&[Spec::default(), addressed(3, false)]);
    let only = Options {
        services: Some(BTreeSet::from([service_name(1)])),
        ..Options::default()
    };
    let refused = plan(&world.desired, &world.observe(), &only).refusals;
    assert!(
        matches!(&refused[..], [refusal] if matches!(refusal.why, RefusalReason::AddressHeld { .. })),
        "{refused:?}"
    );
}

/// A release died before it recorded what it started: nobody knows which address that has, and it leaves the network.
#[test]
fn an_address_that_nobody_recorded_is_given_away_first() {
    let addressed = addressed(3, false);
    let alone = Spec {
        network: None,
        ..addressed.clone()
    };
    for step in 0..20 {
        let mut world = World::new();
        world.desired = describe(&[Spec::default(), addressed.clone()]);
        let dies = (Some(step), CutAtRun::Before);
        let _ = world.release(&Options::default(), &[], dies, None, &[], &[]);
        release(&mut world, &[addressed.clone(), alone.clone()]);
        assert_eq!(world.hosts[&host_name(0)].processes.len(), 2);
    }
}
