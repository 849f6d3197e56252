//! A cluster of model hosts, and what happens to it: descriptions, releases that die or fail, accidents and
//! hands. Whatever it was, one undisturbed release ends in what is desired, and restarts nothing needlessly.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::model_host::{CutAtRun, Disturbance, ModelHost, StepFailed, live_texts, same};
use super::observed::Observed;
use super::reason::Reason;
use super::sample::{HOSTS, NETWORKS, SERVICES, Spec, describe, host_name, service_name, spec};
use super::step::{Step, StepKind, turns};
use super::{
    Action, Approved, Change, HostProgress, Moves, Options, Phase, Plan, RolloutPolicy, Wave,
    WayBack, lacking, placement, plan, target, way_back, whole_way_back,
};
use crate::cluster::model::{OnFailure, Pause};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;

pub(super) fn disturbance() -> impl Strategy<Value = Disturbance> {
    let service = || (0..SERVICES.len()).prop_map(service_name);
    prop_oneof![
        6 => service().prop_map(Disturbance::Crash),
        3 => service().prop_map(Disturbance::Tick),
        2 => service().prop_map(Disturbance::RunEnds),
        2 => Just(Disturbance::Reload),
        2 => Just(Disturbance::Reboot),
        1 => service().prop_map(Disturbance::EditEnv),
        1 => service().prop_map(Disturbance::AddEnv),
        1 => service().prop_map(Disturbance::TouchEnv),
        1 => service().prop_map(Disturbance::DeleteEnv),
        1 => service().prop_map(Disturbance::DeleteDirectory),
        1 => service().prop_map(Disturbance::EditUnitArguments),
        1 => service().prop_map(Disturbance::EditUnitComment),
        1 => service().prop_map(Disturbance::DeleteUnit),
        1 => service().prop_map(Disturbance::StopUnit),
        1 => service().prop_map(Disturbance::StopWatch),
        1 => service().prop_map(Disturbance::Disable),
        2 => service().prop_map(Disturbance::Hold),
        1 => service().prop_map(Disturbance::HoldEnds),
        1 => service().prop_map(Disturbance::EndHold),
        1 => service().prop_map(Disturbance::EditLive),
        1 => service().prop_map(Disturbance::UnlinkLive),
        1 => service().prop_map(Disturbance::DeleteLive),
        1 => Just(Disturbance::LoseCurrent),
        1 => service().prop_map(Disturbance::Retag),
        1 => (0..NETWORKS).prop_map(Disturbance::DropNetwork),
        1 => (0..NETWORKS).prop_map(Disturbance::OtherNetwork),
    ]
}

/// Disturbances that no hand makes.
pub(super) fn accident() -> impl Strategy<Value = Disturbance> {
    let service = || (0..SERVICES.len()).prop_map(service_name);
    prop_oneof![
        6 => service().prop_map(Disturbance::Crash),
        3 => service().prop_map(Disturbance::Tick),
        2 => service().prop_map(Disturbance::RunEnds),
        2 => service().prop_map(Disturbance::Hold),
        1 => service().prop_map(Disturbance::HoldEnds),
        1 => service().prop_map(Disturbance::EndHold),
        2 => Just(Disturbance::Reload),
        2 => Just(Disturbance::Reboot),
    ]
}

/// What may happen between the showing of a plan and its activation without a file being touched: crashes,
/// and the pull of a tag that moved.
pub(super) fn what_a_release_may_find() -> impl Strategy<Value = Disturbance> + Clone {
    let service = || (0..SERVICES.len()).prop_map(service_name);
    prop_oneof![
        3 => service().prop_map(Disturbance::Crash),
        2 => service().prop_map(Disturbance::Tick),
        1 => service().prop_map(Disturbance::RunEnds),
        1 => Just(Disturbance::Reboot),
        2 => service().prop_map(Disturbance::Retag),
    ]
    .boxed()
}

/// One thing that happens to the cluster.
#[derive(Debug, Clone)]
pub(super) enum WorldEvent {
    /// Other services, and perhaps without one of the hosts.
    Describe(Vec<Spec>, Option<usize>),
    /// A release of all or of one service, killed before its n-th step; things happen to a host
    /// before given steps.
    Release {
        only: Option<usize>,
        /// How it goes over the hosts.
        rollout: RolloutPolicy,
        moves: bool,
        left_out: Option<(usize, bool)>,
        killed_before: Option<usize>,
        /// How it dies there if a job is to run.
        cut: CutAtRun,
        fails: Option<Failing>,
        /// In which order restarts that are side by side happen.
        shuffle: u64,
        /// What happens after the plan was shown, before it is approved.
        between: Vec<(usize, Disturbance)>,
        meanwhile: Vec<(usize, usize, Disturbance)>,
    },
    Happens(usize, Disturbance),
}

/// A step of a release that fails: its host puts the previous generation back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failing {
    pub(super) step: usize,
    /// Whether it had done its work when it failed.
    pub(super) done: bool,
    /// The step back before which the host dies.
    pub(super) killed_before: Option<usize>,
    /// The step of the other hosts' way back before which one of them dies.
    pub(super) others_killed_before: Option<usize>,
}

pub(super) fn cut() -> impl Strategy<Value = CutAtRun> {
    prop::sample::select(vec![
        CutAtRun::Before,
        CutAtRun::WhileItRuns,
        CutAtRun::Power,
        CutAtRun::AfterTheRecord,
    ])
}

pub(super) fn failing() -> impl Strategy<Value = Failing> {
    let killed = prop::option::weighted(0.2, 0..12usize);
    let others = prop::option::weighted(0.2, 0..20usize);
    (0..40usize, any::<bool>(), killed, others).prop_map(
        |(step, done, killed_before, others_killed_before)| Failing {
            step,
            done,
            killed_before,
            others_killed_before,
        },
    )
}

/// How a release goes over the hosts.
pub(super) fn rollout() -> impl Strategy<Value = RolloutPolicy> {
    let batch = prop::option::of(1..=HOSTS.len());
    let canary = prop::collection::btree_set((0..HOSTS.len()).prop_map(host_name), 0..2);
    let on_failure = prop::sample::select(vec![OnFailure::Host, OnFailure::Back]);
    let pause = prop::option::of(Just(Pause::Ask));
    (batch, canary, pause, on_failure).prop_map(|(batch, canary, pause, on_failure)| {
        RolloutPolicy {
            batch,
            canary,
            pause,
            on_failure,
        }
    })
}

pub(super) fn events(
    disturbance: impl Strategy<Value = Disturbance> + Clone + 'static,
) -> impl Strategy<Value = Vec<WorldEvent>> {
    let specs = prop::collection::vec(spec(), 1..=SERVICES.len()).boxed();
    let meanwhile = (0..24usize, 0..HOSTS.len(), disturbance.clone());
    let release = (
        (prop::option::weighted(0.2, 0..SERVICES.len()), rollout()),
        any::<bool>(),
        prop::option::weighted(0.2, (0..HOSTS.len(), any::<bool>())),
        (prop::option::of(0..40usize), cut()),
        (prop::option::of(failing()), any::<u64>()),
        prop::collection::vec((0..HOSTS.len(), what_a_release_may_find()), 0..3),
        prop::collection::vec(meanwhile, 0..3),
    );
    let event = prop_oneof![
        3 => (specs.clone(), prop::option::weighted(0.2, 0..HOSTS.len()))
            .prop_map(|(specs, gone)| WorldEvent::Describe(specs, gone)),
        5 => release.prop_map(|((only, rollout), moves, left_out, (killed_before, cut), (fails, shuffle), between, meanwhile)| {
            WorldEvent::Release { only, rollout, moves, left_out, killed_before, cut, fails, shuffle, between, meanwhile }
        }),
        3 => (0..HOSTS.len(), disturbance).prop_map(|(host, d)| WorldEvent::Happens(host, d)),
    ];
    (specs, prop::collection::vec(event, 1..10)).prop_map(|(first, mut events)| {
        events.insert(0, WorldEvent::Describe(first, None));
        events
    })
}

pub(super) fn assert_an_empty_plan_is_true_of(
    desired: &Desired,
    host: &HostName,
    model: &ModelHost,
) {
    let Some(wanted) = desired.hosts.get(host) else {
        return;
    };
    let all_run_what_is_desired = wanted.services.iter().all(|(name, service)| {
        if model.holds(name, service) {
            return model.is_at_rest(name);
        }
        if service.timer().is_some() {
            return model.would_run(name, service);
        }
        !service.handling.runs.is_all_the_time()
            || model.processes.get(name).is_some_and(|process| {
                same(&process.inputs, &service.inputs)
                    && model.runs_referenced_image(process)
                    && model.is_in_its_networks(process, service)
                    && process.live == live_texts(service)
            })
    });
    if all_run_what_is_desired {
        return;
    }
    let observed = Observed {
        hosts: BTreeMap::from([(host.clone(), model.observe(wanted))]),
    };
    let plan = plan(desired, &observed, &Options::default());
    let services = plan.hosts.values().flat_map(|host| &host.services);
    let waits = services
        .filter(|service| service.action == Action::Pending)
        .count();
    assert!(
        !plan.is_empty() || !plan.refusals.is_empty() || waits > 0,
        "the plan is empty, but {host} does not run what is desired"
    );
}

/// What is known of a release that goes back as a whole.
#[derive(Clone, Copy)]
struct ReleaseBegun<'a> {
    /// As they were seen before.
    observed: &'a Observed,
    /// As they were before.
    hosts: &'a BTreeMap<HostName, ModelHost>,
    /// The waves that were begun.
    waves: &'a [Wave],
    failed: &'a HostName,
    /// What the host that failed gained, and others used.
    used: &'a BTreeSet<ServiceName>,
}

/// A host runs what it ran, from the same inputs; but for services that are `used` elsewhere.
fn assert_is_as_before(host: &ModelHost, before: &ModelHost, used: &BTreeSet<ServiceName>) {
    let but_used = |host: &ModelHost| -> Vec<ServiceName> {
        let names = host.processes.keys();
        names
            .filter(|name| !used.contains(*name))
            // Who holds it wanted that, and not the release.
            .filter(|name| !before.holds.contains_key(*name))
            // A boot started the job that it was to become: that was no container of the service.
            .filter(|name| !before.under_way.contains_key(*name))
            .cloned()
            .collect()
    };
    assert_eq!(
        but_used(host),
        but_used(before),
        "what ran before runs, and nothing else"
    );
    for (name, process) in &host.processes {
        for (network, options) in &process.networks {
            let then = before.processes.get(name);
            let was_in = then.is_some_and(|then| then.networks.get(network) == Some(options));
            // What a hand made nobody puts back.
            if was_in && before.networks.get(network) == Some(options) {
                let now = host.networks.get(network);
                assert_eq!(now, Some(options), "{name}: {network}");
            }
        }
    }
    let jobs = |host: &ModelHost| -> Vec<ServiceName> {
        let names = host.timers.iter();
        names
            .filter(|name| !used.contains(*name) && !before.holds.contains_key(*name))
            .cloned()
            .collect()
    };
    assert_eq!(jobs(host), jobs(before), "timers");
    let generation = before.current_services();
    for (service, now) in &host.processes {
        if used.contains(service) {
            continue;
        }
        let Some(then) = before.processes.get(service) else {
            continue;
        };
        // What `current` does not record was left by an activation that died.
        if generation.get(service) == Some(&then.fingerprint) {
            assert!(same(&now.inputs, &then.inputs), "{service}: inputs");
            assert_eq!(now.image, then.image, "{service}: image");
            // An activation that died may have shown it other files.
            let may_read = [then.live.clone(), before.shown(service)];
            let reads = may_read.contains(&now.live);
            let recorded = || now.live == before.recorded_live(service);
            assert!(reads || recorded(), "{service}: what it read");
        }
    }
    assert_eq!(host.current_services(), generation, "current");
}

/// Whether a job may be due on two hosts: only where the operator allowed it, or a hand was at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubles {
    Never,
    Allowed,
}

pub(super) struct World {
    doubles: Doubles,
    /// In which order restarts that are side by side happen in the next release.
    shuffle: u64,
    pub(super) desired: Desired,
    pub(super) hosts: BTreeMap<HostName, ModelHost>,
    /// The hosts that know of everything: what a host missed that did not answer, or was not described, it
    /// knows only once another one that knows was there with it.
    know: BTreeSet<HostName>,
}

impl World {
    pub(super) fn new() -> Self {
        let host = |i| (host_name(i), ModelHost::default());
        Self {
            doubles: Doubles::Never,
            shuffle: 0,
            desired: describe(&[]),
            hosts: (0..HOSTS.len()).map(host).collect(),
            know: (0..HOSTS.len()).map(host_name).collect(),
        }
    }

    pub(super) fn observe(&self) -> Observed {
        let look = |(name, host): (&HostName, &ModelHost)| {
            let wanted = self.desired.hosts.get(name)?;
            Some((name.clone(), host.observe(wanted)))
        };
        Observed {
            hosts: self.hosts.iter().filter_map(look).collect(),
        }
    }

    /// Writes where everything runs, as a release does under its locks.
    fn record(&mut self, observed: &Observed, options: &Options, progress: HostProgress) {
        self.know = match self.somebody_knows(observed) {
            true => observed.hosts.keys().cloned().collect(),
            false => BTreeSet::new(),
        };
        let placement = placement(&self.desired, observed, options, |_| progress);
        for name in observed.hosts.keys() {
            let host = self.hosts.get_mut(name).unwrap();
            host.placement = Some(placement.clone());
        }
    }

    fn somebody_knows(&self, observed: &Observed) -> bool {
        observed.hosts.keys().any(|name| self.know.contains(name))
    }

    /// No job is due on two hosts, or has two runs under way.
    fn assert_no_job_runs_twice(&self) {
        if self.doubles == Doubles::Allowed {
            return;
        }
        let touched = |service: &ServiceName| {
            let mut hosts = self.hosts.values();
            hosts.any(|host| host.touched.contains(service))
        };
        for service in (0..SERVICES.len()).map(service_name) {
            let due = self.hosts.values();
            let due = due.filter(|host| host.timers.contains(&service)).count();
            let runs = self.hosts.values();
            let runs = runs
                .filter(|host| host.under_way.contains_key(&service))
                .count();
            assert!(
                due < 2 && runs < 2 || touched(&service),
                "{service} is due on {due} hosts, and {runs} runs are under way"
            );
        }
    }

    /// Whatever runs on a host that left is told, and nothing with data starts beside it unasked.
    fn assert_nobody_is_forgotten(&self, plan: &Plan, observed: &Observed, options: &Options) {
        if !self.somebody_knows(observed) {
            return;
        }
        let gone = self.hosts.iter();
        for (name, host) in gone.filter(|(name, _)| !self.desired.hosts.contains_key(*name)) {
            for service in host.processes.keys() {
                let mut left = plan.left.iter().filter(|left| left.host == *name);
                let told = left.any(|left| left.services.contains_key(service));
                assert!(told, "{service} runs on {name}, and nobody is told");
                let starts = plan.waves.iter().flat_map(|wave| wave.activations.values());
                let starts = starts.flatten().any(|step| {
                    step.kind() == StepKind::Start && step.services().contains(&service)
                });
                let holds = |(_, host): (&HostName, &ModelHost)| {
                    host.processes.contains_key(service) || host.touched.contains(service)
                };
                let described = self.hosts.iter();
                let mut described =
                    described.filter(|(name, _)| self.desired.hosts.contains_key(*name));
                let elsewhere = described.any(holds);
                let services = self.desired.hosts.values();
                let mut services = services.filter_map(|host| host.services.get(service));
                let stateful = services.any(|service| service.stateful);
                let asked = options.moves == Moves::Allow;
                assert!(
                    asked || elsewhere || !(starts && stateful),
                    "{service} starts beside its old self on {name}"
                );
            }
        }
    }

    /// A plan without steps for a host means that every container there runs just what is desired.
    fn assert_an_empty_plan_is_true(&self, host: &HostName) {
        assert_an_empty_plan_is_true_of(&self.desired, host, &self.hosts[host]);
    }

    fn assert_every_empty_plan_is_true(&self) {
        for host in self.desired.hosts.keys() {
            self.assert_an_empty_plan_is_true(host);
        }
    }

    /// No container restarts whose inputs did not change.
    fn assert_restarts_are_needed(&self, plan: &Plan) {
        for (name, host) in &plan.hosts {
            let model = &self.hosts[name];
            for service in &host.services {
                let needless = service.action == Action::Restart
                    && !model.touched.contains(&service.service)
                    && model
                        .processes
                        .get(&service.service)
                        .is_some_and(|process| {
                            let wanted = &self.desired.hosts[name].services[&service.service];
                            same(&process.inputs, &wanted.inputs)
                                && model.runs_referenced_image(process)
                                && model.is_in_its_networks(process, wanted)
                        });
                assert!(
                    !needless,
                    "{name} {} restarts: {:?}",
                    service.service, service.reasons
                );
                let reason_told = matches!(service.action, Action::None | Action::Stop)
                    || service.action.is_possible()
                    || service.change == Change::Removed
                    || !service.reasons.is_empty();
                assert!(reason_told, "{name} {}: no reason", service.service);
            }
        }
        for wave in &plan.waves {
            let mut down: BTreeMap<&ServiceName, usize> = BTreeMap::new();
            for (host, steps) in &wave.activations {
                for step in steps {
                    if step.kind() != StepKind::Start {
                        continue;
                    }
                    for service in step.services() {
                        if self.hosts[host].processes.contains_key(service) {
                            *down.entry(service).or_default() += 1;
                        }
                    }
                }
            }
            let most = |service: &ServiceName| {
                let mut hosts = self.desired.hosts.values();
                let wanted = hosts.find_map(|host| host.services.get(service));
                wanted.and_then(|wanted| wanted.max_down).unwrap_or(1)
            };
            assert!(
                down.iter().all(|(service, n)| *n <= most(service)),
                "too many hosts of one service at once: {down:?}"
            );
        }
    }

    /// The first host goes alone, a canary always, and no more hosts at a time than a batch has.
    fn assert_it_goes_as_it_is_to(&self, plan: &Plan, rollout: &RolloutPolicy) {
        let RolloutPolicy {
            batch,
            canary,
            pause,
            on_failure: _,
        } = rollout;
        let canaries = |wave: &Wave| wave.activations.keys().all(|host| canary.contains(host));
        let canaries_act = |wave: &Wave| {
            let mut steps = wave.activations.values().flatten();
            canaries(wave) && steps.any(|step| step.kind() == StepKind::Start)
        };
        if let Some(after) = plan.pause_after {
            assert!(pause.is_some(), "nobody asked for a pause");
            assert!(plan.waves[..after].iter().all(canaries), "{:?}", plan.waves);
            assert!(
                !canaries(&plan.waves[after]),
                "nobody comes after the pause"
            );
        } else if pause.is_some() && plan.waves.first().is_some_and(canaries_act) {
            let mut changing = plan
                .waves
                .iter()
                .take_while(|wave| wave.phase != Phase::Contract);
            assert!(changing.all(canaries), "no pause: {:?}", plan.waves);
        }
        // Jobs that move start all at once, when what left is gone.
        let contract = plan.waves.iter().position(|w| w.phase == Phase::Contract);
        for (number, wave) in plan.waves.iter().enumerate() {
            let hosts = wave.activations.len();
            let moved = wave.phase == Phase::Expand && contract.is_some_and(|it| it < number);
            if moved || hosts == 1 {
                continue;
            }
            let first = number == 0 && wave.phase != Phase::Contract;
            assert!(!first, "the first host does not go alone");
            let mut alone = wave.activations.keys();
            assert!(!alone.any(|host| canary.contains(host)), "{wave:?}");
            for (host, steps) in &wave.activations {
                let services = &self.desired.hosts[host].services;
                // What a service says counts in the place of what the cluster says.
                let of = |own: Option<usize>| own.or(*batch).is_none_or(|most| hosts <= most);
                let starts = steps.iter().filter(|step| step.kind() == StepKind::Start);
                let mut started = starts.flat_map(Step::services).peekable();
                if started.peek().is_none() {
                    let mut own = services.values().map(|service| service.batch);
                    assert!(
                        of(None) || own.any(|own| own.is_some() && of(own)),
                        "{wave:?}"
                    );
                }
                for service in started {
                    let own = services.get(service).and_then(|service| service.batch);
                    assert!(of(own), "{service}: {wave:?}");
                }
            }
        }
    }

    /// What starts comes after what it needs, wherever that is, and that was found healthy: by an
    /// earlier activation, or by an earlier step of the same one. Circles have no order.
    fn assert_what_is_needed_comes_first(&self, plan: &Plan) {
        let services = self.desired.hosts.values().flat_map(|host| &host.services);
        let needs: BTreeMap<&ServiceName, Vec<&ServiceName>> = services
            .map(|(name, service)| (name, service.handling.before().collect()))
            .collect();
        let reached = |from: &ServiceName| {
            let mut reached = BTreeSet::new();
            let mut left = vec![from];
            while let Some(name) = left.pop() {
                for needed in needs.get(name).into_iter().flatten().copied() {
                    if reached.insert(needed.clone()) {
                        left.push(needed);
                    }
                }
            }
            reached
        };
        let displaces = plan
            .hosts
            .values()
            .flat_map(|host| &host.services)
            .any(|service| {
                let displaced = |why: &Reason| matches!(why, Reason::Displaced { .. });
                service.reasons.iter().any(displaced)
            });
        let mut networks = plan.hosts.values().flat_map(|host| &host.networks);
        let remade = networks.any(|it| it.before.is_some() && it.after.is_some());
        if displaces || remade {
            // They go together with whoever takes their port, or is in their network.
            return;
        }
        let starts = |host: &HostName, steps: &[Step]| -> BTreeSet<(HostName, ServiceName)> {
            let starts = steps
                .iter()
                .filter(|step| matches!(step.kind(), StepKind::Start | StepKind::Run));
            let services = starts.flat_map(Step::services);
            services
                .map(|service| (host.clone(), service.clone()))
                .collect()
        };
        let mut left: BTreeSet<(HostName, ServiceName)> = BTreeSet::new();
        for (host, steps) in plan.waves.iter().flat_map(|wave| &wave.activations) {
            left.extend(starts(host, steps));
        }
        for wave in &plan.waves {
            let mut begun = BTreeSet::new();
            for (host, steps) in &wave.activations {
                let mut here = BTreeSet::new();
                for turn in turns(steps) {
                    let together = starts(host, turn);
                    for (_, service) in &together {
                        let needed = reached(service);
                        let waits_for = left.iter().find(|start| {
                            let (_, name) = start;
                            let in_order = !reached(name).contains(service);
                            !here.contains(*start) && needed.contains(name) && in_order
                        });
                        assert_eq!(waits_for, None, "{host} {service} starts before it");
                    }
                    here.extend(together);
                }
                begun.extend(here);
            }
            left.retain(|start| !begun.contains(start));
        }
    }

    /// A release of which nothing dies and nothing fails.
    pub(super) fn undisturbed(&mut self, options: &Options) {
        let whole = (None, CutAtRun::Before);
        self.release(options, &[], whole, None, &[], &[])
            .expect("an undisturbed release succeeds");
    }

    pub(super) fn release(
        &mut self,
        options: &Options,
        silent: &[usize],
        (killed_before, cut): (Option<usize>, CutAtRun),
        fails: Option<Failing>,
        between: &[(usize, Disturbance)],
        meanwhile: &[(usize, usize, Disturbance)],
    ) -> Result<(), StepFailed> {
        let mut observed = self.observe();
        let answers = |name: &HostName| silent.iter().all(|host| host_name(*host) != *name);
        observed.hosts.retain(|name, _| answers(name));
        let shown = plan(&self.desired, &observed, options);
        self.assert_nobody_is_forgotten(&shown, &observed, options);
        let refused = format!("{:?}", shown.refusals);
        let Some(shown) = Approved::shown(shown) else {
            return Err(StepFailed(refused));
        };
        for (host, disturbance) in between {
            let host = host_name(*host);
            self.hosts.get_mut(&host).unwrap().disturb(disturbance);
            self.assert_an_empty_plan_is_true(&host);
        }
        // Only hosts on which it acts, or may, are looked at again.
        for (name, seen) in &mut observed.hosts {
            if shown.plan().takes_part(name) {
                *seen = self.hosts[name].observe(&self.desired.hosts[name]);
            }
        }
        let now = plan(&self.desired, &observed, options);
        let refusals = now.refusals.len();
        let approved = match shown.with_restarts(now) {
            Ok(approved) => approved,
            Err(differs) => {
                // A crash does not bring back what lost its unit: by a hand, or by a release that died while it
                // departed. Then the plan is another one, and the release ends.
                let may_be_gone = |name: &HostName| {
                    let there = shown.plan().hosts.get(name);
                    let mut services = there.iter().flat_map(|host| &host.services);
                    // A run of a job that moves may begin or end.
                    let departs = services.any(|service| match service.change {
                        Change::Removed => true,
                        Change::Added => self.desired.hosts.get(name).is_some_and(|wanted| {
                            let wanted = wanted.services.get(&service.service);
                            wanted.is_some_and(|wanted| wanted.timer().is_some())
                        }),
                        Change::Changed => false,
                    });
                    departs || !self.hosts[name].touched.is_empty()
                };
                assert!(
                    refusals > 0 || differs.keys().all(may_be_gone),
                    "no file was touched, but {differs:?}"
                );
                return Err(StepFailed(format!("{differs:?}")));
            }
        };
        let plan = approved.plan();
        if plan.is_empty() {
            return Ok(());
        }
        self.record(&observed, options, HostProgress::Open);
        self.share_runs(&observed);
        self.assert_restarts_are_needed(plan);
        self.assert_it_goes_as_it_is_to(plan, &options.rollout);
        self.assert_what_is_needed_comes_first(plan);
        let mut done = 0;
        let begun: BTreeMap<HostName, ModelHost> = self.hosts.clone();
        let hosts_before = &begun;
        let rollout = &options.rollout;
        for (wave_number, wave) in plan.waves.iter().enumerate() {
            for (name, steps) in &wave.activations {
                let wanted = &self.desired.hosts[name];
                let target = target(&self.desired, name, &observed, options);
                let fails = fails.filter(|f| (done..done + steps.len()).contains(&f.step));
                // For a failure in this wave alone: it is not cheap.
                let way = fails.map(|_| {
                    let seen = &observed.hosts[name];
                    let way = way_back(&self.desired, name, seen, &plan.waves[..=wave_number]);
                    (&begun[name], way)
                });
                let order = shuffled(steps, self.shuffle);
                for (at, (number, end)) in order.iter().copied().enumerate() {
                    let step = &steps[number];
                    if let Some(failing) = fails.filter(|failing| failing.step == done)
                        && let Some((before, way)) = &way
                    {
                        let host = self.hosts.get_mut(name).unwrap();
                        if failing.done {
                            let _ = host.step(step, wanted, &target);
                        }
                        // Those beside it that have begun come to their end.
                        let begun = order[..=at].iter().map(|(number, _)| *number).max();
                        let begun = begun.unwrap_or(number);
                        let more = usize::try_from(self.shuffle % 3).unwrap();
                        let last = end.saturating_sub(1).min(begun + more).max(begun);
                        let rest = order[at + 1..].iter().map(|(number, _)| *number);
                        for other in rest.filter(|other| *other <= last) {
                            let _ = host.step(&steps[other], wanted, &target);
                        }
                        let undisturbed = meanwhile.is_empty() && before.touched.is_empty();
                        self.goes_back(name, way, last, failing, before, undisturbed);
                        if rollout.on_failure == OnFailure::Back
                            && failing.killed_before.is_none()
                            && last < way.until
                            && way.stuck.is_empty()
                        {
                            let begun = ReleaseBegun {
                                observed: &observed,
                                hosts: hosts_before,
                                waves: &plan.waves[..=wave_number],
                                failed: name,
                                used: &way.used,
                            };
                            let kill = failing.others_killed_before;
                            self.all_go_back(&begun, kill, meanwhile.is_empty());
                        }
                        return Err(StepFailed("a step failed".to_owned()));
                    }
                    if killed_before == Some(done) {
                        if let Step::RunOnce { service, keys, .. } = step {
                            self.assert_no_other_has_run(name, service, keys, &observed);
                            let host = self.hosts.get_mut(name).unwrap();
                            let _ = host.cut_at_run(service, keys, cut);
                        }
                        return Err(StepFailed("killed".to_owned()));
                    }
                    for (when, host, disturbance) in meanwhile {
                        if *when == done {
                            let host = host_name(*host);
                            self.hosts.get_mut(&host).unwrap().disturb(disturbance);
                            self.assert_an_empty_plan_is_true(&host);
                            // An activation does not outlive its host.
                            if host == *name && matches!(disturbance, Disturbance::Reboot) {
                                return Err(StepFailed("the host went down".to_owned()));
                            }
                        }
                    }
                    if let Step::RunOnce { service, keys, .. } = step {
                        self.assert_no_other_has_run(name, service, keys, &observed);
                    }
                    let host = self.hosts.get_mut(name).unwrap();
                    host.step(step, wanted, &target)?;
                    self.assert_no_job_runs_twice();
                    self.assert_an_empty_plan_is_true(name);
                    done += 1;
                }
            }
            self.share_runs(&observed);
        }
        self.forget_runs(&observed, options);
        self.record(&observed, options, HostProgress::Done);
        Ok(())
    }

    /// Tells every host of every success.
    fn share_runs(&mut self, observed: &Observed) {
        let now = Observed {
            hosts: observed
                .hosts
                .keys()
                .map(|name| {
                    (
                        name.clone(),
                        self.hosts[name].observe(&self.desired.hosts[name]),
                    )
                })
                .collect(),
        };
        for (name, seen) in &now.hosts {
            for (service, records) in lacking(&now, seen) {
                let host = self.hosts.get_mut(name).unwrap();
                let runs = host.runs.entry(service.clone()).or_default();
                let copies = records.into_iter();
                runs.extend(copies.map(|(key, record)| (key.to_owned(), record.clone())));
            }
        }
    }

    /// Nothing is kept of jobs that are described no more.
    fn forget_runs(&mut self, observed: &Observed, options: &Options) {
        let described: BTreeSet<&ServiceName> = self
            .desired
            .hosts
            .values()
            .flat_map(|host| host.services.keys())
            .collect();
        for name in observed
            .hosts
            .keys()
            .filter(|name| !options.leaves_out(name))
        {
            let host = self.hosts.get_mut(name).unwrap();
            let stays =
                |service: &ServiceName| described.contains(service) || !options.selects(service);
            host.runs.retain(|service, _| stays(service));
        }
    }

    /// A job runs only if no other host that is seen runs it, or says that it succeeded; its own host looks by
    /// itself, and does not run what it knows to be done.
    fn assert_no_other_has_run(
        &self,
        at: &HostName,
        service: &ServiceName,
        keys: &BTreeSet<String>,
        observed: &Observed,
    ) {
        for name in observed.hosts.keys().filter(|name| *name != at) {
            assert!(
                !self.hosts[name].runs_once_now(service),
                "{service} runs on {at} and on {name}"
            );
            assert!(
                !self.hosts[name].has_succeeded(service, keys)
                    || self.hosts[at].has_succeeded(service, keys),
                "{service} runs on {at}, but {name} says that it succeeded"
            );
        }
    }

    /// The host puts back what it had.
    fn goes_back(
        &mut self,
        name: &HostName,
        way: &WayBack,
        failed_at: usize,
        failing: Failing,
        before: &ModelHost,
        undisturbed: bool,
    ) {
        let wanted = &self.desired.hosts[name];
        let mut way = way.clone();
        let whole = way.steps.len();
        way.steps.truncate(failing.killed_before.unwrap_or(whole));
        let killed = way.steps.len() < whole;
        let desired = &self.desired;
        let look = |host: &ModelHost| assert_an_empty_plan_is_true_of(desired, name, host);
        let host = self.hosts.get_mut(name).unwrap();
        let result = host.go_back(&way, failed_at, wanted, look);
        if !undisturbed || killed || failed_at >= way.until || !way.stuck.is_empty() {
            return;
        }
        result.expect("an undisturbed way back succeeds");
        assert_is_as_before(host, before, &way.used);
    }

    /// The hosts that were done go back, the last one first, and then what the host gained that failed.
    fn all_go_back(&mut self, begun: &ReleaseBegun<'_>, kill: Option<usize>, undisturbed: bool) {
        let ReleaseBegun {
            observed,
            hosts,
            waves,
            failed,
            used,
        } = *begun;
        let mut order: Vec<(usize, &HostName)> = Vec::new();
        for (number, wave) in waves.iter().enumerate() {
            // Of the wave in which a host failed, those before it are done.
            let last = number + 1 == waves.len();
            let done = wave.activations.keys();
            for name in done.take_while(|name| !last || *name != failed) {
                order.retain(|(_, other)| *other != name);
                order.push((number, name));
            }
        }
        order.sort();
        let mut left = kill;
        for (last, name) in order.into_iter().rev() {
            let only = (name == failed).then_some(used);
            if only.is_some_and(BTreeSet::is_empty) {
                continue;
            }
            let seen = &observed.hosts[name];
            let mut way = whole_way_back(&self.desired, name, seen, &waves[..=last], only);
            if let Some(left) = &mut left {
                let whole = way.steps.len();
                way.steps.truncate(*left);
                if way.steps.len() < whole {
                    let wanted = &self.desired.hosts[name];
                    let host = self.hosts.get_mut(name).unwrap();
                    let _ = host.go_back(&way, 0, wanted, |_| ());
                    return;
                }
                *left -= whole;
            }
            let desired = &self.desired;
            let wanted = &desired.hosts[name];
            let look = |host: &ModelHost| assert_an_empty_plan_is_true_of(desired, name, host);
            let host = self.hosts.get_mut(name).unwrap();
            let result = host.go_back(&way, 0, wanted, look);
            if !way.stuck.is_empty() {
                // Nobody knows how it was: all others stay as they are.
                return;
            }
            if !undisturbed || !hosts[name].touched.is_empty() {
                if result.is_err() {
                    return;
                }
                continue;
            }
            result.expect("an undisturbed way back succeeds");
            assert_is_as_before(host, &hosts[name], &BTreeSet::new());
        }
    }

    pub(super) fn live(&mut self, events: &[WorldEvent]) {
        for event in events {
            match event {
                WorldEvent::Describe(specs, gone) => {
                    let mut specs = specs.clone();
                    for spec in &mut specs {
                        spec.hosts.retain(|host| Some(*host) != *gone);
                    }
                    self.desired = describe(&specs);
                    for name in gone.iter().map(|host| host_name(*host)) {
                        self.desired.hosts.remove(&name);
                        self.desired.machines.remove(&name);
                    }
                }
                WorldEvent::Happens(host, disturbance) => {
                    let host = self.hosts.get_mut(&host_name(*host)).unwrap();
                    host.disturb(disturbance);
                }
                WorldEvent::Release {
                    only,
                    rollout,
                    moves,
                    left_out,
                    killed_before,
                    cut,
                    fails,
                    shuffle,
                    between,
                    meanwhile,
                } => {
                    self.shuffle = *shuffle;
                    let options = Options {
                        services: only.map(|i| BTreeSet::from([service_name(i)])),
                        moves: match moves {
                            true => Moves::Allow,
                            false => Moves::Refuse,
                        },
                        leave_out: left_out.iter().map(|(host, _)| host_name(*host)).collect(),
                        rollout: rollout.clone(),
                        ..Options::default()
                    };
                    // What was left behind may stop at last, and comes with the hosts that are described again.
                    if *moves && (left_out.is_some() || self.desired.hosts.len() < HOSTS.len()) {
                        self.doubles = Doubles::Allowed;
                    }
                    let silent = left_out.iter().filter(|(_, silent)| *silent);
                    let silent: Vec<usize> = silent.map(|(host, _)| *host).collect();
                    // A release may end early; what counts is what the next one makes of it.
                    let _ = self.release(
                        &options,
                        &silent,
                        (*killed_before, *cut),
                        *fails,
                        between,
                        meanwhile,
                    );
                }
            }
            self.assert_no_job_runs_twice();
            self.assert_every_empty_plan_is_true();
        }
        for host in self.hosts.values_mut() {
            host.ends_runs();
        }
        if self.desired.hosts.len() < HOSTS.len() {
            self.doubles = Doubles::Allowed;
        }
        // Named, also what is restarted by hand only is.
        let options = Options {
            services: Some((0..SERVICES.len()).map(service_name).collect()),
            moves: Moves::Allow,
            ..Options::default()
        };
        self.undisturbed(&options);
        let observed = self.observe();
        for (name, wanted) in &self.desired.hosts {
            let target = target(&self.desired, name, &observed, &options);
            self.hosts[name].assert_is(wanted, &target);
        }
        let second = plan(&self.desired, &observed, &options);
        assert_eq!(second.waves, Vec::new(), "the second plan is empty");
        assert!(
            second.hosts.values().all(|host| {
                let mut services = host.services.iter();
                services.all(|service| service.action.is_possible())
            }),
            "{:?}",
            second.hosts
        );
    }
}

/// The numbers of steps in an order in which they may happen, each with the number after its turn: restarts that are side by
/// side happen in any order.
fn shuffled(steps: &[Step], seed: u64) -> Vec<(usize, usize)> {
    let mut order = Vec::new();
    for turn in turns(steps) {
        let end = order.len() + turn.len();
        let mut numbers: Vec<usize> = (order.len()..end).collect();
        numbers.sort_by_key(|number| {
            let number = u64::try_from(*number).unwrap() + 1;
            (number.wrapping_mul(seed | 1)).rotate_left(17) % 1009
        });
        order.extend(numbers.into_iter().map(|number| (number, end)));
    }
    order
}

/// A thousand, or as many as are asked for: `PROPTEST_CASES=10000 cargo test --release --lib plan::`.
pub(super) fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(1000)
}
