//! The promise of design section 4, held against a model of hosts: whatever is released, however
//! often it dies, and whatever happens in between.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::cluster::model::{
    Cluster, Container, Delivery, Engine, Guard, Host, Image, Layer, RestartPolicy, SecretFile,
    Service, Template, Transport, Variable, VariableValue,
};
use crate::cluster::name::VariableName;
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::plan::model_host::{Disturbance, ModelHost, StepFailed};
use crate::plan::observed::ObservedHost;
use crate::plan::observed::{ObservedProcess, ObservedService, UnitFile};
use crate::plan::step::Step;
use crate::plan::{Action, Change, Moves, target};
use crate::render::desired::Inputs;
use crate::render::render;
use crate::render::tests::secret;

const HOSTS: [&str; 3] = ["h1", "h2", "h3"];
const SERVICES: [&str; 4] = ["a", "b", "c", "d"];

/// A template that is small, so that thousands of cases take seconds.
const TEMPLATE: &str = "\
[Unit]
Description={{ service }}
[Service]
EnvironmentFile={{ inputs }}/*.env
ExecStart=/usr/bin/docker run --label bayplan.cluster={{ cluster }} \
--label bayplan.service={{ service }} --label bayplan.inputs={{ fingerprint }} \
--label bayplan.directory={{ directory }} {{ arguments | join(' ') }} ${IMAGE}
[Install]
WantedBy=multi-user.target
[X-Bayplan]
Format=1
Cluster={{ cluster }}
Service={{ service }}
Fingerprint={{ fingerprint }}
Directory={{ directory }}
";

fn service_name(index: usize) -> ServiceName {
    ServiceName::new(SERVICES[index]).unwrap()
}

fn host_name(index: usize) -> HostName {
    HostName::new(HOSTS[index]).unwrap()
}

/// One service as the test describes it; small numbers, so that changes collide and come back.
#[derive(Debug, Clone)]
struct Spec {
    hosts: BTreeSet<usize>,
    tag: u8,
    port: Option<u16>,
    needs: BTreeSet<usize>,
    memory: Option<u8>,
    shared: BTreeMap<u8, (u8, bool)>,
    secrets: BTreeMap<u8, u8>,
    secret_file: Option<u8>,
    comment: u8,
}

fn spec() -> impl Strategy<Value = Spec> {
    (
        prop::collection::btree_set(0..HOSTS.len(), 0..=HOSTS.len()),
        0..3u8,
        prop::option::of(9000..9003u16),
        prop::collection::btree_set(0..SERVICES.len(), 0..2),
        prop::option::of(0..2u8),
        prop::collection::btree_map(0..3u8, (0..2u8, any::<bool>()), 0..3),
        prop::collection::btree_map(0..2u8, 0..2u8, 0..2),
        prop::option::weighted(0.3, 0..2u8),
        0..2u8,
    )
        .prop_map(
            |(hosts, tag, port, needs, memory, shared, secrets, secret_file, comment)| Spec {
                hosts,
                tag,
                port,
                needs,
                memory,
                shared,
                secrets,
                secret_file,
                comment,
            },
        )
}

fn describe(specs: &[Spec]) -> Desired {
    let name = ClusterName::new("test").unwrap();
    let hosts = (0..HOSTS.len()).map(|i| {
        let host = Host {
            name: host_name(i),
            address: Some(format!("10.0.0.{i}")),
            transport: Transport::Local { sudo: false },
            engine: Engine::Docker,
            secrets: Delivery::Sealed,
        };
        (host_name(i), host)
    });
    let mut taken = BTreeSet::new();
    let services = specs.iter().enumerate().map(|(index, spec)| {
        // Two services on one port of one host is an error of `check`; the later one has none.
        let port = spec
            .port
            .filter(|port| spec.hosts.iter().all(|host| taken.insert((*host, *port))));
        let reference = format!("registry/{}:{}", SERVICES[index], spec.tag);
        let variable = |layer, value: String| Variable {
            layer,
            value: value.into(),
        };
        let mut variables = BTreeMap::from([(
            VariableName::new("IMAGE").unwrap(),
            variable(Layer::Service, reference.clone()),
        )]);
        for (key, (value, low)) in &spec.shared {
            let layer = if *low {
                Layer::ServiceConfig
            } else {
                Layer::Cluster
            };
            let key = VariableName::new(format!("V{key}")).unwrap();
            variables.insert(key, variable(layer, value.to_string()));
        }
        for (key, value) in &spec.secrets {
            let name = format!("V{key}");
            let value = Variable {
                layer: Layer::Secrets,
                value: VariableValue::Secret(secret(&name, *value)),
            };
            variables.insert(VariableName::new(name).unwrap(), value);
        }
        let secret_files = spec.secret_file.into_iter().map(|value| {
            let file = SecretFile {
                name: VariableName::new("KEY").unwrap(),
                secret: secret("KEY", value),
            };
            ("/run/secrets/KEY".to_owned(), file)
        });
        let service = Service {
            name: service_name(index),
            hosts: spec.hosts.iter().map(|i| host_name(*i)).collect(),
            image: Image {
                reference,
                version: spec.tag.to_string(),
                moving: false,
            },
            port,
            needs: spec
                .needs
                .iter()
                .filter(|i| **i != index && **i < specs.len() && !specs[**i].hosts.is_empty())
                .map(|i| service_name(*i))
                .collect(),
            variables,
            secret_files: secret_files.collect(),
            container: Container {
                memory: spec.memory.map(|m| format!("{m}g")),
                ..Container::default()
            },
            health: None,
            stateful: false,
            restart: RestartPolicy::Auto,
            template: Template {
                origin: "test".to_owned(),
                source: format!("# {}\n{TEMPLATE}", spec.comment),
            },
        };
        (service_name(index), service)
    });
    let services = services.collect();
    let cluster = Cluster {
        name,
        hosts: hosts.collect(),
        services,
        guard: Guard::default(),
    };
    render(&cluster).expect("the test's template is sound")
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    let service = || (0..SERVICES.len()).prop_map(service_name);
    prop_oneof![
        6 => service().prop_map(Disturbance::Crash),
        2 => Just(Disturbance::Reload),
        2 => Just(Disturbance::Reboot),
        1 => service().prop_map(Disturbance::EditEnv),
        1 => service().prop_map(Disturbance::AddEnv),
        1 => service().prop_map(Disturbance::DeleteEnv),
        1 => service().prop_map(Disturbance::DeleteDirectory),
        1 => service().prop_map(Disturbance::EditUnitArguments),
        1 => service().prop_map(Disturbance::EditUnitComment),
        1 => service().prop_map(Disturbance::DeleteUnit),
        1 => service().prop_map(Disturbance::StopUnit),
        1 => service().prop_map(Disturbance::Disable),
        1 => Just(Disturbance::LoseCurrent),
        1 => service().prop_map(Disturbance::Retag),
    ]
}

/// Disturbances that no hand makes.
fn accident() -> impl Strategy<Value = Disturbance> {
    let service = || (0..SERVICES.len()).prop_map(service_name);
    prop_oneof![
        6 => service().prop_map(Disturbance::Crash),
        2 => Just(Disturbance::Reload),
        2 => Just(Disturbance::Reboot),
    ]
}

/// One thing that happens to the cluster.
#[derive(Debug, Clone)]
enum Event {
    Describe(Vec<Spec>),
    /// A release of all or of one service, killed before its n-th step; things happen to a host
    /// before given steps.
    Release {
        only: Option<usize>,
        killed_before: Option<usize>,
        meanwhile: Vec<(usize, usize, Disturbance)>,
    },
    Happens(usize, Disturbance),
}

fn events(
    disturbance: impl Strategy<Value = Disturbance> + Clone + 'static,
) -> impl Strategy<Value = Vec<Event>> {
    let specs = prop::collection::vec(spec(), 1..=SERVICES.len()).boxed();
    let meanwhile = (0..24usize, 0..HOSTS.len(), disturbance.clone());
    let release = (
        prop::option::weighted(0.2, 0..SERVICES.len()),
        prop::option::of(0..40usize),
        prop::collection::vec(meanwhile, 0..3),
    );
    let event = prop_oneof![
        3 => specs.clone().prop_map(Event::Describe),
        5 => release.prop_map(|(only, killed_before, meanwhile)| Event::Release {
            only, killed_before, meanwhile
        }),
        3 => (0..HOSTS.len(), disturbance).prop_map(|(host, d)| Event::Happens(host, d)),
    ];
    (specs, prop::collection::vec(event, 1..10)).prop_map(|(first, mut events)| {
        events.insert(0, Event::Describe(first));
        events
    })
}

/// Whether a container would run the same: the layer of a value is no input.
fn same(a: &Inputs, b: &Inputs) -> bool {
    let variables = a.variables.len() == b.variables.len()
        && a.variables.iter().all(|(name, variable)| {
            b.variables
                .get(name)
                .is_some_and(|other| other.value == variable.value)
        });
    variables
        && a.directives == b.directives
        && a.files == b.files
        && a.secret_files == b.secret_files
}

struct World {
    desired: Desired,
    hosts: BTreeMap<HostName, ModelHost>,
}

impl World {
    fn new() -> Self {
        let host = |i| (host_name(i), ModelHost::default());
        Self {
            desired: describe(&[]),
            hosts: (0..HOSTS.len()).map(host).collect(),
        }
    }

    fn observe(&self) -> Observed {
        let look = |(name, host): (&HostName, &ModelHost)| {
            (name.clone(), host.observe(&self.desired.hosts[name]))
        };
        Observed {
            hosts: self.hosts.iter().map(look).collect(),
        }
    }

    /// A plan without steps for a host means that every container there runs just what is desired.
    fn assert_an_empty_plan_is_true(&self, host: &HostName) {
        let (model, wanted) = (&self.hosts[host], &self.desired.hosts[host]);
        let all_run_what_is_desired = wanted.services.iter().all(|(name, service)| {
            model.processes.get(name).is_some_and(|process| {
                same(&process.inputs, &service.inputs) && model.runs_referenced_image(process)
            })
        });
        if all_run_what_is_desired {
            return;
        }
        let observed = Observed {
            hosts: BTreeMap::from([(host.clone(), model.observe(wanted))]),
        };
        let plan = plan(&self.desired, &observed, &Options::default());
        assert!(
            !plan.is_empty() || !plan.refusals.is_empty(),
            "the plan is empty, but {host} does not run what is desired"
        );
    }

    fn assert_every_empty_plan_is_true(&self) {
        for host in self.hosts.keys() {
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
                        });
                assert!(
                    !needless,
                    "{name} {} restarts: {:?}",
                    service.service, service.reasons
                );
                let reason_told = service.action == Action::None
                    || service.change == Change::Removed
                    || !service.reasons.is_empty();
                assert!(reason_told, "{name} {}: no reason", service.service);
            }
        }
        for wave in &plan.waves {
            let mut down: BTreeMap<&ServiceName, usize> = BTreeMap::new();
            for (host, steps) in &wave.activations {
                for step in steps {
                    if let Step::Restart { service, .. } = step
                        && self.hosts[host].processes.contains_key(service)
                    {
                        *down.entry(service).or_default() += 1;
                    }
                }
            }
            assert!(
                down.values().all(|n| *n < 2),
                "two hosts of one service at once: {down:?}"
            );
        }
    }

    fn release(
        &mut self,
        options: &Options,
        killed_before: Option<usize>,
        meanwhile: &[(usize, usize, Disturbance)],
    ) -> Result<(), StepFailed> {
        let observed = self.observe();
        let plan = plan(&self.desired, &observed, options);
        if !plan.refusals.is_empty() {
            return Err(StepFailed(format!("{:?}", plan.refusals)));
        }
        self.assert_restarts_are_needed(&plan);
        let mut done = 0;
        for wave in &plan.waves {
            for (name, steps) in &wave.activations {
                let wanted = &self.desired.hosts[name];
                let target = target(
                    &self.desired.cluster,
                    name,
                    wanted,
                    &observed.hosts[name],
                    options,
                );
                for step in steps {
                    if killed_before == Some(done) {
                        return Err(StepFailed("killed".to_owned()));
                    }
                    for (when, host, disturbance) in meanwhile {
                        if *when == done {
                            let host = host_name(*host);
                            self.hosts.get_mut(&host).unwrap().disturb(disturbance);
                            self.assert_an_empty_plan_is_true(&host);
                        }
                    }
                    let host = self.hosts.get_mut(name).unwrap();
                    host.step(step, wanted, &target)?;
                    self.assert_an_empty_plan_is_true(name);
                    done += 1;
                }
            }
        }
        Ok(())
    }

    fn live(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Describe(specs) => self.desired = describe(specs),
                Event::Happens(host, disturbance) => {
                    let host = self.hosts.get_mut(&host_name(*host)).unwrap();
                    host.disturb(disturbance);
                }
                Event::Release {
                    only,
                    killed_before,
                    meanwhile,
                } => {
                    let options = Options {
                        services: only.map(|i| BTreeSet::from([service_name(i)])),
                        moves: Moves::Refuse,
                    };
                    // A release may end early; what counts is what the next one makes of it.
                    let _ = self.release(&options, *killed_before, meanwhile);
                }
            }
            self.assert_every_empty_plan_is_true();
        }
        let options = Options::default();
        self.release(&options, None, &[])
            .expect("an undisturbed release succeeds");
        let observed = self.observe();
        for (name, wanted) in &self.desired.hosts {
            let seen = &observed.hosts[name];
            let target = target(&self.desired.cluster, name, wanted, seen, &options);
            self.hosts[name].assert_is(wanted, &target);
        }
        let second = plan(&self.desired, &observed, &options);
        assert_eq!(second.waves, Vec::new(), "the second plan is empty");
        assert!(
            second.hosts.values().all(|h| h.services.is_empty()),
            "{:?}",
            second.hosts
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

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

/// Everything that a hand can do to a service, then a crash that picks it up, then a release that is
/// killed before each of its steps in turn: the next one always mends it.
#[test]
fn an_edit_that_a_crash_picked_up_is_mended_wherever_the_release_dies() {
    let spec = |tag| Spec {
        secrets: BTreeMap::new(),
        secret_file: None,
        hosts: BTreeSet::from([0]),
        tag,
        port: Some(9000),
        needs: BTreeSet::new(),
        memory: None,
        shared: BTreeMap::from([(0, (0, true))]),
        comment: 0,
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
                    Event::Describe(vec![spec(0)]),
                    Event::Release {
                        only: None,
                        killed_before: None,
                        meanwhile: Vec::new(),
                    },
                    Event::Happens(0, edit(name.clone())),
                    Event::Happens(0, Disturbance::Reload),
                    Event::Happens(0, Disturbance::Crash(name.clone())),
                    Event::Describe(vec![spec(tag)]),
                    Event::Release {
                        only: None,
                        killed_before: Some(killed_before),
                        meanwhile: Vec::new(),
                    },
                ]);
            }
        }
    }
}

#[test]
fn a_unit_that_took_the_place_of_a_leaver_is_left_alone() {
    use crate::plan::observed::{ObservedUnit, Owner};
    let desired = describe(&[]);
    let mut leaver = ObservedService {
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
    let directory = crate::render::desired::DirectoryName::reported("0123456789ab").unwrap();
    leaver.directories.insert(directory, Default::default());
    let host = ObservedHost {
        services: BTreeMap::from([(service_name(0), leaver)]),
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
