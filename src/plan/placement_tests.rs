use super::*;
use crate::plan::model_host::{Disturbance, ModelHost};
use crate::plan::sample::{Spec, describe, host_name, service_name};
use crate::plan::{Away, Moves, Note, Plan, RefusalReason, plan};

const A: usize = 0;
const H1: usize = 0;
const H2: usize = 1;
const H3: usize = 2;

/// A cluster whose hosts are what releases made of them.
struct ModelCluster {
    hosts: BTreeMap<HostName, ModelHost>,
}

impl ModelCluster {
    fn new() -> Self {
        let names = [H1, H2, H3].map(host_name);
        Self {
            hosts: names.map(|name| (name, ModelHost::default())).into(),
        }
    }

    /// What is seen of the hosts that are described and that answer.
    fn observe(&self, desired: &Desired, silent: &[usize]) -> Observed {
        let answers = |name: &HostName| !silent.iter().any(|host| host_name(*host) == *name);
        let hosts = self.hosts.iter().filter(|(name, _)| answers(name));
        let look = |(name, host): (&HostName, &ModelHost)| {
            Some((name.clone(), host.observe(desired.hosts.get(name)?)))
        };
        Observed {
            hosts: hosts.filter_map(look).collect(),
        }
    }

    fn release(&mut self, desired: &Desired, options: &Options, silent: &[usize]) -> Plan {
        let observed = self.observe(desired, silent);
        let plan = plan(desired, &observed, options);
        if !plan.refusals.is_empty() {
            return plan;
        }
        for (name, steps) in plan.waves.iter().flat_map(|wave| &wave.activations) {
            let target = target(desired, name, &observed, options);
            let host = self.hosts.get_mut(name).unwrap();
            for step in steps {
                host.step(step, &desired.hosts[name], &target).unwrap();
            }
        }
        let placement = placement(desired, &observed, options, |_| HostProgress::Done);
        for name in observed.hosts.keys() {
            self.hosts.get_mut(name).unwrap().placement = Some(placement.clone());
        }
        plan
    }
}

fn db(hosts: &[usize]) -> Spec {
    Spec {
        hosts: hosts.iter().copied().collect(),
        stateful: true,
        ..Spec::default()
    }
}

fn without(mut desired: Desired, host: usize) -> Desired {
    let name = host_name(host);
    desired.hosts.remove(&name);
    desired.machines.remove(&name);
    desired
}

fn with_address(mut desired: Desired, host: usize, address: &str) -> Desired {
    let reach = Reach {
        address: Some(address.to_owned()),
        ..Reach::default()
    };
    desired.machines.insert(host_name(host), reach);
    desired
}

fn options() -> Options {
    Options::default()
}

fn allowed() -> Options {
    Options {
        moves: Moves::Allow,
        ..Options::default()
    }
}

fn skipping(host: usize) -> Options {
    Options {
        leave_out: BTreeSet::from([host_name(host)]),
        ..Options::default()
    }
}

fn refused(plan: &Plan) -> Vec<(&HostName, &RefusalReason)> {
    plan.refusals.iter().map(|it| (&it.host, &it.why)).collect()
}

fn left(plan: &Plan) -> Vec<(String, Vec<ServiceName>)> {
    let left = plan.left.iter();
    left.map(|left| {
        (
            left.host.to_string(),
            left.services.keys().cloned().collect(),
        )
    })
    .collect()
}

#[test]
fn a_stateful_service_does_not_start_beside_its_old_self_on_a_host_that_left() {
    let mut cluster = ModelCluster::new();
    let db = |host| describe(&[db(&[host])]);
    cluster.release(&db(H3), &options(), &[]);
    let moved = without(db(H2), H3);
    let refused_ = cluster.release(&moved, &options(), &[]);
    let reach = db(H3).machines[&host_name(H3)].clone();
    assert_eq!(
        refused(&refused_),
        [(
            &host_name(H3),
            &RefusalReason::StatefulAway {
                service: service_name(A),
                starts: vec![host_name(H2)],
                away: Away::Left { reach },
            }
        )]
    );
    assert_eq!(left(&refused_), [("h3".to_owned(), vec![service_name(A)])]);
    // Told, it moves; what left is still told, until it is dismissed.
    assert_eq!(refused(&cluster.release(&moved, &allowed(), &[])), []);
    let after = cluster.release(&moved, &options(), &[]);
    assert!(after.is_empty() && after.refusals.is_empty());
    assert_eq!(left(&after), [("h3".to_owned(), vec![service_name(A)])]);
    let dismiss = Options {
        dismiss: BTreeSet::from([host_name(H3)]),
        ..options()
    };
    let dismissed = cluster.release(&moved, &dismiss, &[]);
    assert!(!dismissed.is_empty(), "there is something to do");
    assert_eq!(dismissed.dismissed.len(), 1);
    let after = cluster.release(&moved, &options(), &[]);
    assert_eq!((left(&after), after.is_empty()), (Vec::new(), true));
}

#[test]
fn what_is_down_where_it_ran_before_does_not_start_beside_its_old_self_either() {
    let mut cluster = ModelCluster::new();
    cluster.release(&describe(&[db(&[H2, H3])]), &options(), &[]);
    // As a release leaves it that died while it moved the service to the other host.
    let stopped = Disturbance::StopUnit(service_name(A));
    cluster
        .hosts
        .get_mut(&host_name(H2))
        .unwrap()
        .disturb(&stopped);
    let back = without(describe(&[db(&[H2])]), H3);
    let plan = cluster.release(&back, &options(), &[]);
    assert!(
        matches!(
            refused(&plan)[..],
            [(
                _,
                RefusalReason::StatefulAway {
                    away: Away::Left { .. },
                    ..
                }
            )]
        ),
        "{:?}",
        plan.refusals
    );
    let plan = cluster.release(&back, &allowed(), &[]);
    assert_eq!((refused(&plan), plan.is_empty()), (Vec::new(), false));
}

#[test]
fn a_host_whose_name_means_another_machine_left_as_well() {
    let mut cluster = ModelCluster::new();
    let described = || describe(&[db(&[H3])]);
    cluster.release(&described(), &options(), &[]);
    // The same machine with another address.
    let moved = with_address(described(), H3, "10.0.0.77");
    let same = plan(&moved, &cluster.observe(&moved, &[]), &options());
    assert!(same.is_empty() && same.left.is_empty(), "{:?}", same.left);
    // Another machine, with nothing on it.
    let old = cluster.hosts.insert(host_name(H3), ModelHost::default());
    let plan = cluster.release(&moved, &options(), &[]);
    assert!(matches!(
        refused(&plan)[..],
        [(
            _,
            RefusalReason::StatefulAway {
                away: Away::Left { .. },
                ..
            }
        )]
    ));
    cluster.release(&moved, &allowed(), &[]);
    assert_eq!(
        left(&cluster.release(&moved, &options(), &[])),
        [("h3".to_owned(), vec![service_name(A)])]
    );
    // Who comes back is known again.
    cluster.hosts.insert(host_name(H3), old.unwrap());
    assert!(
        cluster
            .release(&described(), &options(), &[])
            .refusals
            .is_empty()
    );
}

#[test]
fn a_host_that_is_only_renamed_did_not_leave() {
    let mut cluster = ModelCluster::new();
    cluster.release(&describe(&[db(&[H3])]), &options(), &[]);
    let mut renamed = without(describe(&[db(&[H2])]), H3);
    let old = describe(&[]).machines[&host_name(H3)].clone();
    renamed.machines.insert(host_name(H2), old);
    let host = cluster.hosts.remove(&host_name(H3)).unwrap();
    cluster.hosts.insert(host_name(H2), host);
    let plan = cluster.release(&renamed, &options(), &[]);
    assert_eq!((refused(&plan), left(&plan)), (Vec::new(), Vec::new()));
}

#[test]
fn nothing_moves_away_from_a_host_that_is_left_out() {
    for silent in [&[H3][..], &[]] {
        let mut cluster = ModelCluster::new();
        cluster.release(&describe(&[db(&[H3])]), &options(), &[]);
        let moved = describe(&[db(&[H2])]);
        let plan = cluster.release(&moved, &skipping(H3), silent);
        assert!(matches!(
            refused(&plan)[..],
            [(
                _,
                RefusalReason::StatefulAway {
                    away: Away::LeftOut,
                    ..
                }
            )]
        ));
        let both = Options {
            moves: Moves::Allow,
            ..skipping(H3)
        };
        let plan = cluster.release(&moved, &both, silent);
        let starts = &plan.hosts[&host_name(H2)].services[0];
        let hosts = vec![host_name(H3)];
        assert!(
            starts.notes.contains(&Note::RunsOn { hosts }),
            "{:?}",
            starts.notes
        );
        // It is contracted there once it takes part.
        let plan = cluster.release(&moved, &allowed(), &[]);
        assert_eq!(plan.waves.len(), 1, "{:?}", plan.waves);
        assert!(plan.waves[0].activations.contains_key(&host_name(H3)));
    }
}

#[test]
fn a_service_stays_where_it_is_until_all_its_new_hosts_take_part() {
    let mut cluster = ModelCluster::new();
    let web = |hosts: &[usize]| {
        let web = Spec {
            hosts: hosts.iter().copied().collect(),
            ..Spec::default()
        };
        describe(&[web])
    };
    cluster.release(&web(&[H1]), &options(), &[]);
    let plan = cluster.release(&web(&[H2, H3]), &skipping(H3), &[H3]);
    let stays = &plan.hosts[&host_name(H1)].services[0];
    let hosts = vec![host_name(H3)];
    assert_eq!(stays.notes, [Note::StaysFor { hosts }]);
    let runs = |cluster: &ModelCluster, host: usize| {
        let host = &cluster.hosts[&host_name(host)];
        host.processes.contains_key(&service_name(A))
    };
    assert_eq!(
        [H1, H2, H3].map(|host| runs(&cluster, host)),
        [true, true, false]
    );
    assert!(
        cluster
            .release(&web(&[H2, H3]), &skipping(H3), &[H3])
            .is_empty()
    );
    cluster.release(&web(&[H2, H3]), &options(), &[]);
    assert_eq!(
        [H1, H2, H3].map(|host| runs(&cluster, host)),
        [false, true, true]
    );
}

#[test]
fn hosts_of_an_older_bayplan_know_nothing_and_that_is_said_before_it_costs_data() {
    let mut cluster = ModelCluster::new();
    cluster.release(&describe(&[db(&[H3])]), &options(), &[]);
    for host in cluster.hosts.values_mut() {
        host.placement = None;
    }
    // Nothing changes by the upgrade.
    assert!(
        cluster
            .release(&describe(&[db(&[H3])]), &options(), &[])
            .is_empty()
    );
    for host in cluster.hosts.values_mut() {
        host.placement = None;
    }
    // A move between hosts that are described is one as before.
    let plan = cluster.release(&describe(&[db(&[H2])]), &options(), &[]);
    assert!(matches!(
        refused(&plan)[..],
        [(_, RefusalReason::Stateful { .. })]
    ));
    // Where its host left nobody can know. (One host of the cluster has a generation.)
    cluster.release(
        &describe(&[
            db(&[H3]),
            Spec {
                hosts: [H1].into(),
                ..Spec::default()
            },
        ]),
        &options(),
        &[],
    );
    for host in cluster.hosts.values_mut() {
        host.placement = None;
    }
    let web = Spec {
        hosts: [H1].into(),
        ..Spec::default()
    };
    let moved = without(describe(&[db(&[H2]), web]), H3);
    let plan = cluster.release(&moved, &options(), &[]);
    assert!(matches!(
        refused(&plan)[..],
        [(_, RefusalReason::StatefulUnknown { .. })]
    ));
    assert!(cluster.release(&moved, &allowed(), &[]).refusals.is_empty());
    assert!(cluster.release(&moved, &options(), &[]).is_empty());
}

#[test]
fn of_two_that_know_the_later_release_is_right_and_of_one_that_died_both() {
    let desired = describe(&[]);
    let machine = |release, here| Machine {
        host: HostName::new("h9").unwrap(),
        reach: Reach::default(),
        services: [(
            service_name(A),
            Placed {
                release,
                stateful: true,
                here,
            },
        )]
        .into(),
    };
    let says = |release, here| Placement {
        format: FORMAT,
        cluster: desired.cluster.clone(),
        release,
        machines: vec![machine(release, here)],
    };
    for (one, other, expected) in [
        ((5, true), (7, false), false),
        ((7, true), (5, false), true),
        ((5, true), (5, false), true),
    ] {
        for (first, second) in [(one, other), (other, one)] {
            let mut cluster = ModelCluster::new();
            for (host, (release, here)) in [(H1, first), (H2, second)] {
                let host = cluster.hosts.get_mut(&host_name(host)).unwrap();
                host.placement = Some(says(release, here));
            }
            let plan = cluster.release(&desired, &options(), &[]);
            assert_eq!(!plan.left.is_empty(), expected, "{first:?} {second:?}");
        }
    }
}

#[test]
fn a_release_of_one_service_says_nothing_of_others() {
    let mut cluster = ModelCluster::new();
    let web = |hosts: &[usize]| Spec {
        hosts: hosts.iter().copied().collect(),
        ..Spec::default()
    };
    cluster.release(&describe(&[db(&[H3]), web(&[H1])]), &options(), &[]);
    let released = |cluster: &ModelCluster| {
        let placement = cluster.hosts[&host_name(H1)].placement.clone().unwrap();
        let machines = placement.machines.into_iter();
        let services = machines.flat_map(|machine| machine.services);
        let here = services.filter(|(_, placed)| placed.here);
        here.map(|(name, placed)| (name, placed.release))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(
        released(&cluster),
        [(service_name(0), 1), (service_name(1), 1)].into()
    );
    let only = Options {
        services: Some([service_name(1)].into()),
        ..options()
    };
    cluster.release(&describe(&[db(&[H3]), web(&[H2])]), &only, &[]);
    assert_eq!(
        released(&cluster),
        [(service_name(0), 1), (service_name(1), 2)].into()
    );
}
