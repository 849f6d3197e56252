use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::plan::model_host::ModelHost;
use crate::plan::observed::Observed;
use crate::plan::sample::{Spec, describe, host_name, service_name};
use crate::plan::step::{Begins, Step};
use crate::plan::{Options, Plan, RolloutPolicy, plan, target};
use crate::render::desired::Desired;

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

fn spec<const N: usize, const M: usize>(hosts: [usize; N], needs: [usize; M]) -> Spec {
    Spec {
        hosts: hosts.into(),
        needs: needs.into(),
        ..Spec::default()
    }
}

fn observe(desired: &Desired, hosts: &BTreeMap<HostName, ModelHost>) -> Observed {
    let look =
        |(name, host): (&HostName, &ModelHost)| (name.clone(), host.observe(&desired.hosts[name]));
    Observed {
        hosts: hosts.iter().map(look).collect(),
    }
}

/// The plan where these were released before; nothing was, if there are none.
fn after(before: &[Spec], specs: &[Spec]) -> Plan {
    rolled_out(each_by_itself(), before, specs)
}

/// The same, where the description says how a release goes over the hosts.
fn rolled_out(rollout: RolloutPolicy, before: &[Spec], specs: &[Spec]) -> Plan {
    let options = Options {
        rollout,
        ..Options::default()
    };
    let old = describe(before);
    let mut hosts: BTreeMap<HostName, ModelHost> = old
        .hosts
        .keys()
        .map(|name| (name.clone(), ModelHost::default()))
        .collect();
    let seen = observe(&old, &hosts);
    for wave in plan(&old, &seen, &options).waves {
        for (name, steps) in wave.activations {
            let wanted = &old.hosts[&name];
            let target = target(&old, &name, &seen, &options);
            let host = hosts.get_mut(&name).unwrap();
            for step in &steps {
                host.step(step, wanted, &target).unwrap();
            }
        }
    }
    let new = describe(specs);
    plan(&new, &observe(&new, &hosts), &options)
}

/// `phase host: what starts there, in order`, wave by wave; `a|b` are side by side.
fn told(plan: &Plan) -> Vec<String> {
    let wave = |wave: &Wave| {
        let hosts = wave.activations.iter().map(|(host, steps)| {
            let starts = steps.iter().filter_map(|step| match step {
                Step::Restart {
                    service, begins, ..
                } => Some(match begins {
                    Begins::After => service.to_string(),
                    Begins::Beside => format!("|{service}"),
                }),
                Step::RestartTogether { units } => {
                    let names: Vec<&str> = units.keys().map(|name| name.as_str()).collect();
                    Some(names.join("+"))
                }
                _ => None,
            });
            let starts: Vec<String> = starts.collect();
            format!("{host}: {}", starts.join(" ").replace(" |", "|"))
        });
        let hosts: Vec<String> = hosts.collect();
        format!("{:?} {}", wave.phase, hosts.join(", "))
    };
    plan.waves.iter().map(wave).collect()
}

#[test]
fn what_is_needed_on_another_host_starts_first() {
    let plan = after(&[], &[spec([0], [B]), spec([1], [])]);
    assert_eq!(told(&plan), ["Expand h2: b", "Expand h1: a"]);
}

#[test]
fn a_host_is_visited_as_often_as_needs_ask_and_writes_only_what_a_visit_is_about() {
    // c on h1, then b on h2, then a on h1.
    let plan = after(&[], &[spec([0], [B]), spec([1], [C]), spec([0], [])]);
    assert_eq!(
        told(&plan),
        ["Expand h1: c", "Expand h2: b", "Expand h1: a"]
    );
    let written = |wave: usize, host: usize| -> Vec<ServiceName> {
        let steps = plan.waves[wave].activations[&host_name(host)].iter();
        let written = steps.filter_map(|step| match step {
            Step::WriteUnit { service, .. } => Some(service.clone()),
            _ => None,
        });
        written.collect()
    };
    assert_eq!(written(0, 0), [service_name(C)]);
    assert_eq!(written(2, 0), [service_name(A)]);
    let records = |wave: &Wave| {
        let mut steps = wave.activations.values().flatten();
        steps.any(|step| matches!(step, Step::SetCurrent { .. }))
    };
    let records: Vec<bool> = plan.waves.iter().map(records).collect();
    assert_eq!(records, [false, true, true], "`current` moves last");
}

#[test]
fn a_chain_on_the_same_hosts_goes_from_its_end_and_one_host_at_a_time() {
    let chain = |tag| {
        let with = |spec| Spec { tag, ..spec };
        [with(spec([0, 1], [B])), with(spec([0, 1], []))]
    };
    let plan = after(&chain(0), &chain(1));
    assert_eq!(
        told(&plan),
        ["Change h1: b", "Change h2: b a", "Change h1: a"]
    );
}

/// A path of needs orders restarts, wherever it leads and through whatever stays as it is. All others are side by side.
#[test]
fn restarts_that_no_path_orders_are_side_by_side() {
    let on_one = |needs: [&[usize]; 4], tags: [u8; 4]| {
        let needs = needs.into_iter().zip(tags);
        let specs = needs.map(|(needs, tag)| Spec {
            hosts: [0].into(),
            needs: needs.iter().copied().collect(),
            tag,
            ..Spec::default()
        });
        specs.collect::<Vec<_>>()
    };
    let told =
        |needs: [&[usize]; 4], tags| told(&after(&on_one(needs, [0; 4]), &on_one(needs, tags)));
    assert_eq!(told([&[]; 4], [1; 4]), ["Change h1: a|b|c|d"]);
    // Each waits for its turn, and for nothing else.
    let needs: [&[usize]; 4] = [&[B], &[], &[B], &[C]];
    assert_eq!(told(needs, [1; 4]), ["Change h1: b a|c d"]);
    assert_eq!(told(needs, [1, 0, 1, 1]), ["Change h1: a|c d"]);
    // d comes after b, through c that stays.
    assert_eq!(told(needs, [1, 1, 0, 1]), ["Change h1: b a|d"]);
    // Of a chain over another host which stays there.
    let chain = |tag| {
        let with = |spec| Spec { tag, ..spec };
        [with(spec([0], [B])), spec([1], [C]), with(spec([0], []))]
    };
    let plan = after(&chain(0), &chain(1));
    assert_eq!(self::told(&plan), ["Change h1: c a"]);
}

#[test]
fn a_circle_goes_together() {
    let circle = |tag| {
        let with = |spec| Spec { tag, ..spec };
        [with(spec([0], [B])), with(spec([1], [A]))]
    };
    let plan = after(&circle(0), &circle(1));
    assert_eq!(told(&plan), ["Change h1: a", "Change h2: b"]);
}

/// On one host none of a circle is waited for before all of it is started; others keep their order.
#[test]
fn a_circle_on_one_host_restarts_in_one_step() {
    let specs = |tag| {
        let with = |spec| Spec { tag, ..spec };
        // a and b need each other, and c.
        [
            with(spec([0], [B, C])),
            with(spec([0], [A])),
            with(spec([0], [])),
        ]
    };
    assert_eq!(told(&after(&[], &specs(0))), ["Expand h1: c a+b"]);
    let plan = after(&specs(0), &specs(1));
    assert_eq!(told(&plan), ["Change h1: c a+b"]);
    // So it goes back.
    let desired = describe(&specs(1));
    let seen = crate::plan::review::as_released(&describe(&specs(0)), &desired, |_| {
        crate::cluster::model::Supervisor::Systemd
    });
    let seen = &seen.hosts[&host_name(0)];
    let way = crate::plan::way_back(&desired, &host_name(0), seen, &plan.waves);
    let together = way.steps.iter().filter_map(|back| match &back.step {
        Step::RestartTogether { units } => Some(units.len()),
        _ => None,
    });
    assert_eq!(together.collect::<Vec<_>>(), [2]);
}

#[test]
fn hosts_that_nothing_orders_go_together_after_the_first() {
    let plan = after(&[], &[spec([0, 1, 2], [])]);
    assert_eq!(told(&plan), ["Expand h1: a", "Expand h2: a, h3: a"]);
}

/// Together go only as many as each service that is taken down allows.
#[test]
fn a_service_may_be_down_on_as_many_hosts_as_it_says() {
    let told = |down_a: Option<usize>, down_b: Option<usize>| {
        let with = |tag| {
            let a = Spec {
                max_down: down_a,
                tag,
                ..spec([0, 1, 2], [])
            };
            let b = Spec {
                max_down: down_b,
                tag,
                ..spec([2], [])
            };
            [a, b]
        };
        told(&after(&with(0), &with(1)))
    };
    let one_by_one = ["Change h1: a", "Change h2: a", "Change h3: a|b"];
    assert_eq!(told(None, None), one_by_one);
    assert_eq!(told(Some(1), Some(1)), one_by_one);
    // The first host of all goes alone.
    assert_eq!(
        told(Some(2), Some(1)),
        ["Change h1: a", "Change h2: a, h3: a|b"]
    );
    assert_eq!(told(Some(3), None), one_by_one);
}

/// Without the wave that records what all hosts have, for those that could all go back.
fn each_by_itself() -> RolloutPolicy {
    RolloutPolicy {
        on_failure: OnFailure::Host,
        ..RolloutPolicy::default()
    }
}

fn batches(batch: usize) -> RolloutPolicy {
    RolloutPolicy {
        batch: Some(batch),
        ..each_by_itself()
    }
}

fn canary(hosts: impl IntoIterator<Item = usize>) -> RolloutPolicy {
    RolloutPolicy {
        canary: hosts.into_iter().map(host_name).collect(),
        ..each_by_itself()
    }
}

/// With a batch, hosts go together whose services are others; one service is down on as many as it says all the same.
#[test]
fn so_many_hosts_go_at_a_time() {
    let told = |batch, down_a: Option<usize>, batch_c: Option<usize>| {
        let with = |tag| {
            let spec = |hosts: &[usize], max_down, batch| Spec {
                hosts: hosts.iter().copied().collect(),
                tag,
                max_down,
                batch,
                ..Spec::default()
            };
            [
                spec(&[0, 1], down_a, None),
                spec(&[2], None, None),
                spec(&[1], None, batch_c),
            ]
        };
        told(&rolled_out(batches(batch), &with(0), &with(1)))
    };
    // The first host of all goes alone; `a` and `b` are not in each other's way.
    let two = ["Change h1: a", "Change h2: a|c, h3: b"];
    assert_eq!(told(2, None, None), two);
    assert_eq!(told(3, Some(2), None), two);
    let one = ["Change h1: a", "Change h2: a|c", "Change h3: b"];
    assert_eq!(told(1, Some(2), None), one);
    // The service with the smallest number decides.
    assert_eq!(told(3, Some(2), Some(1)), one);
    assert_eq!(told(1, Some(2), Some(3)), one);
}

#[test]
fn a_batch_is_no_leave_to_take_a_service_down_on_more_hosts() {
    let with = |tag| {
        [Spec {
            tag,
            batch: Some(3),
            ..spec([0, 1, 2], [])
        }]
    };
    let one_by_one = ["Change h1: a", "Change h2: a", "Change h3: a"];
    assert_eq!(
        told(&rolled_out(batches(3), &with(0), &with(1))),
        one_by_one
    );
    // What takes nothing down is limited by the batch alone.
    let new = told(&rolled_out(batches(1), &[], &[spec([0, 1, 2], [])]));
    assert_eq!(new, ["Expand h1: a", "Expand h2: a", "Expand h3: a"]);
    // And so is what leaves.
    let gone = rolled_out(batches(2), &with(0), &[]);
    let sizes: Vec<usize> = gone.waves.iter().map(|w| w.activations.len()).collect();
    assert_eq!(sizes, [2, 1]);
}

#[test]
fn canaries_go_first_each_alone_and_with_all_that_they_can_do() {
    let specs = |tag| {
        let with = |spec| Spec { tag, ..spec };
        [with(spec([0, 1, 2], [])), spec([1, 2], [])]
    };
    // `b` is new on h2 and h3.
    let old = [specs(0)[0].clone()];
    let plan = rolled_out(canary([2]), &old, &specs(1));
    assert_eq!(
        told(&plan),
        [
            "Expand h3: b",
            "Change h3: a",
            "Expand h2: b",
            "Change h1: a",
            "Change h2: a"
        ]
    );
    // Two of them, and nobody else who could go with either.
    let plan = rolled_out(canary([1, 2]), &[], &[spec([0, 1, 2], [])]);
    let three = ["Expand h2: a", "Expand h3: a", "Expand h1: a"];
    assert_eq!(told(&plan), three);
}

/// What a canary needs from another host comes before it all the same.
#[test]
fn a_canary_waits_for_what_it_needs() {
    let specs = |tag| {
        let with = |spec| Spec { tag, ..spec };
        // a on h2 needs b on h1; c is on h2, too.
        [
            with(spec([1], [B])),
            with(spec([0], [])),
            with(spec([1], [])),
        ]
    };
    let plan = rolled_out(canary([1]), &specs(0), &specs(1));
    assert_eq!(
        told(&plan),
        ["Change h2: c", "Change h1: b", "Change h2: a"]
    );
}

#[test]
fn what_does_not_change_is_waited_for_by_nobody_and_what_it_needs_is() {
    let specs = |tag| {
        let with = |spec| Spec { tag, ..spec };
        // a needs b needs c; b stays.
        [with(spec([0], [B])), spec([1], [C]), with(spec([2], []))]
    };
    let plan = after(&specs(0), &specs(1));
    assert_eq!(told(&plan), ["Change h3: c", "Change h1: a"]);
}

#[test]
fn a_way_back_covers_all_visits_but_what_others_use() {
    use crate::plan::way_back;
    let specs = [spec([0], [B]), spec([1], [C]), spec([0], [])];
    let desired = describe(&specs);
    let plan = after(&[], &specs);
    let seen = crate::plan::observed::ObservedHost {
        next_generation: 1,
        ..Default::default()
    };
    let way = way_back(&desired, &host_name(0), &seen, &plan.waves);
    assert_eq!(way.used, BTreeSet::from([service_name(C)]));
    let about = |name: usize| {
        let steps = way.steps.iter();
        let of = |step: &Step| match step {
            Step::Stop { service, .. } | Step::RemoveUnit { service, .. } => {
                *service == service_name(name)
            }
            _ => false,
        };
        steps.filter(|back| of(&back.step)).count()
    };
    assert_eq!((about(A), about(C)), (2, 0));

    // Where they were there before, both go back.
    let with = |tag| specs.clone().map(|spec| Spec { tag, ..spec });
    let desired = describe(&with(1));
    let plan = after(&with(0), &with(1));
    assert_eq!(
        told(&plan),
        ["Change h1: c", "Change h2: b", "Change h1: a"]
    );
    let old = describe(&with(0));
    let seen = crate::plan::review::as_released(&old, &desired, |_| {
        crate::cluster::model::Supervisor::Systemd
    });
    let seen = &seen.hosts[&host_name(0)];
    let way = way_back(&desired, &host_name(0), seen, &plan.waves);
    let restarts = way.steps.iter().filter_map(|back| match &back.step {
        Step::RestartUnless { service, .. } => Some((service.clone(), back.from)),
        _ => None,
    });
    let restarts: BTreeMap<ServiceName, usize> = restarts.collect();
    assert_eq!(restarts[&service_name(C)], 0, "it is done already");
    assert!(restarts[&service_name(A)] > 0, "it is not begun yet");
}

#[test]
fn a_way_back_restarts_what_is_needed_first() {
    use crate::plan::way_back;
    // a needs c, and its name comes first.
    let specs =
        |tag| [spec([0], [C]), spec([0], []), spec([0], [])].map(|spec| Spec { tag, ..spec });
    let (old, desired) = (describe(&specs(0)), describe(&specs(1)));
    let plan = after(&specs(0), &specs(1));
    let seen = crate::plan::review::as_released(&old, &desired, |_| {
        crate::cluster::model::Supervisor::Systemd
    });
    let seen = &seen.hosts[&host_name(0)];
    let way = way_back(&desired, &host_name(0), seen, &plan.waves);
    let restarts = way.steps.iter().filter_map(|back| match &back.step {
        Step::RestartUnless { service, .. } => Some(service.clone()),
        _ => None,
    });
    let restarts: Vec<ServiceName> = restarts.collect();
    let place = |name| {
        restarts
            .iter()
            .position(|other| *other == service_name(name))
    };
    assert!(place(C) < place(A), "{restarts:?}");
    assert_eq!(restarts.len(), 3);
}
