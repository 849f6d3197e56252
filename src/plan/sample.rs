//! Small descriptions for the tests: a few services on a few hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use proptest::prelude::*;

use crate::cluster::job::{Once, OnceKey, Run, Schedule};
use crate::cluster::model::{
    Cluster, ConfigFile, ConfigFiles, Container, Content, Contents, Delivery, Engine, EngineClient,
    FileMode, FileOwner, Guard, Health, HealthWatch, Host, HostCount, Image, Layer, LiveFiles,
    MadeNetwork, Network, NetworkOrigin, OtherVariables, Probe, ReloadBy, Replacement,
    RestartPolicy, SecretFile, Service, Ssh, Template, Transport, Variable, VariableValue,
    WhenUnhealthy,
};
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::cluster::ports::{HostPorts, Protocol, Publish};
use crate::cluster::secret::{Secret, TextPart};
use crate::cluster::subnet::Subnet;
use crate::render::desired::Desired;
use crate::render::render;
use crate::render::tests::secret;

pub const HOSTS: [&str; 3] = ["h1", "h2", "h3"];
pub const SERVICES: [&str; 4] = ["a", "b", "c", "d"];
/// How many networks there are.
pub const NETWORKS: usize = 2;

/// A template that is small, so that thousands of cases take seconds.
const TEMPLATE: &str = "\
[Unit]
Description={{ service }}
{% if after %}
After={{ after }}
{% endif %}
[Service]
{% if timeout %}
Type=oneshot
TimeoutStartSec={{ timeout }}
{% endif %}
EnvironmentFile={{ inputs }}/*.env
{% for line in prepare %}
ExecStartPre={{ line }}
{% endfor %}
ExecStart=/usr/bin/{{ engine }} run --rm --name %N --label bayplan.cluster={{ cluster }} \
--label bayplan.service={{ service }} --label bayplan.inputs={{ fingerprint }} \
--label bayplan.directory={{ directory }} {{ arguments | join(' ') }} ${IMAGE}
ExecStartPost={{ wait }}
{% if not timeout %}
[Install]
WantedBy=multi-user.target
{% endif %}
[X-Bayplan]
Format=1
Cluster={{ cluster }}
Service={{ service }}
Fingerprint={{ fingerprint }}
Directory={{ directory }}
";

/// The same of a job.
const JOB_TEMPLATE: &str = "\
[Unit]
Description={{ service }}
{% if after %}
After={{ after }}
{% endif %}
[Service]
Type=oneshot
EnvironmentFile={{ inputs }}/*.env
{% for line in prepare %}
ExecStartPre={{ line }}
{% endfor %}
ExecStartPre={{ record.begins }}
ExecStart=/usr/bin/{{ engine }} run --rm --name %N --label bayplan.cluster={{ cluster }} \
--label bayplan.service={{ service }} --label bayplan.inputs={{ fingerprint }} \
--label bayplan.directory={{ directory }} {{ arguments | join(' ') }} ${IMAGE}
ExecStartPost={{ record.succeeded }}
ExecStopPost=-{{ record.ended }}
TimeoutStartSec={{ timeout }}
[X-Bayplan]
Format=1
Cluster={{ cluster }}
Service={{ service }}
Fingerprint={{ fingerprint }}
Directory={{ directory }}
";

pub fn service_name(index: usize) -> ServiceName {
    ServiceName::new(SERVICES[index]).unwrap()
}

pub fn host_name(index: usize) -> HostName {
    HostName::new(HOSTS[index]).unwrap()
}

/// One service as the test describes it; small numbers, so that changes collide and come back.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    pub hosts: BTreeSet<usize>,
    pub tag: u8,
    pub port: Option<u16>,
    /// How it is published: see [`publish`].
    pub way: u8,
    pub needs: BTreeSet<usize>,
    pub after: BTreeSet<usize>,
    pub memory: Option<u8>,
    pub shared: BTreeMap<u8, (u8, bool)>,
    pub secrets: BTreeMap<u8, u8>,
    pub secret_file: Option<u8>,
    pub file: Option<FileSpec>,
    /// A file that it reads again without a restart.
    pub live: Option<FileSpec>,
    pub comment: u8,
    pub moving: bool,
    pub manual: bool,
    pub stateful: bool,
    pub health: bool,
    /// What each host has for it, with the host's name.
    pub of_host: Option<u8>,
    /// On so many hosts it may be down at once.
    pub max_down: Option<usize>,
    /// With so many hosts at a time a release of it goes.
    pub batch: Option<usize>,
    /// It is a job, on its first host alone, and its timer says this.
    pub timer: Option<u8>,
    /// The network that it is in, and the options of that, where no service before it has others: see [`network`].
    pub network: Option<(usize, u8)>,
    /// It is a job that runs once.
    pub once: Option<OnceKey>,
    /// It is asked as long as it runs, if it has a probe: so many seconds between.
    pub watch: Option<u8>,
}

/// A config file: what it holds, and its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSpec {
    /// As its bytes have it.
    pub value: u8,
    pub kind: FileKind,
    pub private: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Plain,
    ByHost,
    Secret,
}

fn file_spec() -> impl Strategy<Value = FileSpec> {
    let kinds = vec![FileKind::Plain, FileKind::ByHost, FileKind::Secret];
    let kind = prop::sample::select(kinds);
    (0..2u8, kind, prop::bool::weighted(0.2)).prop_map(|(value, kind, private)| FileSpec {
        value,
        kind,
        private,
    })
}

/// The files that they are, each below a directory that is mounted.
fn config_files(
    fixed: Option<FileSpec>,
    live: Option<FileSpec>,
    hosts: &[HostName],
) -> ConfigFiles {
    let live = live.map(|spec| LiveFiles {
        reload: ReloadBy::Signal("HUP".to_owned()),
        checks: vec![vec!["app".to_owned(), "check".to_owned()]],
        directories: [(
            "/etc/live".to_owned(),
            [("live.conf".to_owned(), config_file(spec, hosts))].into(),
        )]
        .into(),
    });
    let fixed = fixed.map(|spec| config_file(spec, hosts));
    ConfigFiles {
        mounts: fixed.iter().map(|_| "/etc/app".to_owned()).collect(),
        files: fixed
            .into_iter()
            .map(|file| ("/etc/app/app.conf".to_owned(), file))
            .collect(),
        live,
    }
}

fn config_file(spec: FileSpec, hosts: &[HostName]) -> ConfigFile {
    let FileSpec {
        value,
        kind,
        private,
    } = spec;
    let plain = |host: &str| Content::Plain(format!("{value} {host}").into_bytes().into());
    let contents = match kind {
        FileKind::Plain => Contents::Same(plain("")),
        FileKind::ByHost => {
            let hosts = hosts.iter();
            Contents::ByHost(
                hosts
                    .map(|host| (host.clone(), plain(host.as_str())))
                    .collect(),
            )
        }
        FileKind::Secret => {
            let part = TextPart::Secret(secret("F", value));
            let parts = vec![TextPart::Text("key=".to_owned()), part];
            Contents::Same(Content::Secret(Secret::of_text(parts)))
        }
    };
    ConfigFile {
        source: "clusters/test/services/x/app.conf".to_owned(),
        contents,
        owner: FileOwner::default(),
        mode: match private {
            true => FileMode(0o400),
            false => FileMode::default(),
        },
    }
}

pub fn spec() -> impl Strategy<Value = Spec> {
    let what = (
        prop::collection::btree_set(0..HOSTS.len(), 0..=HOSTS.len()),
        0..3u8,
        (prop::option::of(9000..9003u16), 0..6u8),
        prop::collection::btree_set(0..SERVICES.len(), 0..3),
        prop::option::of(0..2u8),
        prop::collection::btree_map(0..3u8, (0..2u8, any::<bool>()), 0..3),
        prop::collection::btree_map(0..2u8, 0..2u8, 0..2),
        (
            prop::option::weighted(0.3, 0..2u8),
            prop::option::weighted(0.3, file_spec()),
            prop::option::weighted(0.4, file_spec()),
        ),
        0..2u8,
    );
    let rarely = || prop::bool::weighted(0.2);
    let timer = prop::option::weighted(0.3, 0..2u8);
    let max_down = prop::option::weighted(0.5, 1..4usize);
    let batch = prop::option::weighted(0.2, 1..4usize);
    let max_down = (max_down, batch);
    let of_host = prop::option::weighted(0.3, 0..2u8);
    let timer = (timer, of_host);
    let after = prop::collection::btree_set(0..SERVICES.len(), 0..2);
    let network = prop::option::weighted(0.4, (0..NETWORKS, 0..5u8));
    let once = prop::option::weighted(0.25, prop::sample::select(OnceKey::ALL.to_vec()));
    let health = prop::bool::weighted(0.4);
    let watch = prop::option::weighted(0.6, 1..3u8);
    let rare = (rarely(), rarely(), rarely(), (health, watch));
    (what, rare, timer, after, max_down, (network, once)).prop_map(
        |(
            what,
            (moving, manual, stateful, (health, watch)),
            (timer, of_host),
            after,
            (max_down, batch),
            (network, once),
        )| {
            let (
                hosts,
                tag,
                (port, way),
                needs,
                memory,
                shared,
                secrets,
                (secret_file, file, live),
                comment,
            ) = what;
            Spec {
                hosts,
                tag,
                port,
                way,
                needs,
                after,
                memory,
                shared,
                secrets,
                secret_file,
                file,
                live,
                comment,
                moving,
                manual,
                stateful,
                health,
                of_host,
                max_down,
                batch,
                timer,
                network,
                once,
                watch,
            }
            .sound()
        },
    )
}

impl Spec {
    /// Without what `check` refuses of a job.
    fn sound(mut self) -> Self {
        if self.once.is_some() {
            self.hosts = self.hosts.into_iter().take(1).collect();
            self.port = None;
            self.manual = false;
            self.health = false;
            self.live = None;
            self.timer = None;
        }
        self
    }
}

/// What comes before each service: without circles in which there is a job.
fn before(specs: &[Spec]) -> Vec<(BTreeSet<usize>, BTreeSet<usize>)> {
    // Nothing comes after a job with a schedule.
    let placed = |index: &usize| {
        let spec = specs.get(*index);
        spec.is_some_and(|spec| !spec.hosts.is_empty() && spec.timer.is_none())
    };
    let mut before: Vec<(BTreeSet<usize>, BTreeSet<usize>)> = specs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            let others = |of: &BTreeSet<usize>| -> BTreeSet<usize> {
                let others = of.iter().copied();
                others.filter(|i| *i != index && placed(i)).collect()
            };
            let needs = others(&spec.needs);
            let after = others(&spec.after).difference(&needs).copied().collect();
            (needs, after)
        })
        .collect();
    for job in (0..specs.len()).filter(|index| specs[*index].once.is_some()) {
        let reaches = |from: usize| {
            let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
            while let Some(at) = left.pop() {
                if seen.insert(at) {
                    let (needs, after) = &before[at];
                    left.extend(needs.union(after).copied());
                }
            }
            seen.contains(&job)
        };
        let cut: BTreeSet<usize> = (0..specs.len()).filter(|other| reaches(*other)).collect();
        let (needs, after) = &mut before[job];
        needs.retain(|other| !cut.contains(other));
        after.retain(|other| !cut.contains(other));
    }
    before
}

/// What is published of a port: as without `publish`, on one address, of another protocol, in a range, at two places,
/// or nothing.
fn publish(port: u16, way: u8) -> Vec<Publish> {
    let plain = Publish::tcp(port);
    let on = |address: [u8; 4]| plain.on(Some(IpAddr::from(address)));
    let udp = HostPorts {
        protocol: Protocol::Udp,
        ..plain.at
    };
    let two = HostPorts {
        last: port + 1,
        ..plain.at
    };
    match way {
        0 => vec![plain],
        1 => vec![on([127, 0, 0, 1])],
        2 => vec![Publish { at: udp, ..plain }],
        3 => vec![Publish { at: two, ..plain }],
        4 => vec![on([127, 0, 0, 1]), on([10, 0, 0, 1])],
        _ => Vec::new(),
    }
}

/// A network without options, one that nothing leads out of, or one with a subnet of its own.
fn network(number: usize, options: u8, addresses: BTreeSet<IpAddr>) -> Network {
    Network {
        name: format!("test-n{number}"),
        origin: NetworkOrigin::Made(MadeNetwork {
            subnet: (options >= 2).then(|| {
                let third = u8::try_from(number).unwrap();
                Subnet::of(Ipv4Addr::new(10, 9, third, 0).into(), 24)
            }),
            internal: options == 1,
            ..MadeNetwork::default()
        }),
        addresses,
    }
}

/// The address of its own that a service has in its network: with options 3 and 4.
fn own_address(spec: &Spec, (number, options): (usize, u8)) -> Option<IpAddr> {
    let (_, own) = spec.network?;
    let third = u8::try_from(number).unwrap();
    let runs = spec.timer.is_none() && spec.once.is_none();
    (runs && options >= 2 && own > 2).then(|| IpAddr::from([10, 9, third, 10 + own]))
}

pub fn describe(specs: &[Spec]) -> Desired {
    let name = ClusterName::new("test").unwrap();
    let hosts = (0..HOSTS.len()).map(|i| {
        let host = Host {
            name: host_name(i),
            address: Some(format!("10.0.0.{i}")),
            transport: Transport::Ssh(Ssh::default()),
            // One of them has another engine.
            client: EngineClient::usual(match i {
                1 => Engine::Podman,
                _ => Engine::Docker,
            }),
            secrets: Delivery::Sealed,
            // Another one publishes ports on one address.
            listen: (i == 2).then(|| IpAddr::from([10, 0, 0, 2])),
        };
        (host_name(i), host)
    });
    let mut taken: Vec<(usize, HostPorts)> = Vec::new();
    let mut addresses: BTreeSet<(usize, IpAddr)> = BTreeSet::new();
    let specs: Vec<Spec> = specs
        .iter()
        .map(|spec| match (spec.timer, spec.once) {
            (None, _) | (_, Some(_)) => Spec {
                timer: None,
                ..spec.clone()
            },
            // What `check` refuses of a job.
            (Some(_), None) => Spec {
                hosts: spec.hosts.iter().take(1).copied().collect(),
                port: None,
                manual: false,
                health: false,
                ..spec.clone()
            },
        })
        .collect();
    let order = before(&specs);
    let services = specs.iter().enumerate().map(|(index, spec)| {
        // Two services on one port of one host is an error of `check`; the later one has none.
        let publish = spec.port.map(|port| publish(port, spec.way));
        let clashes = |(host, ports): &(usize, HostPorts)| {
            let mut own = publish.iter().flatten();
            spec.hosts.contains(host) && own.any(|own| own.at.clash(ports).is_some())
        };
        let publish = match taken.iter().any(clashes) {
            true => None,
            false => publish,
        };
        for host in &spec.hosts {
            let ports = publish.iter().flatten();
            taken.extend(ports.map(|publish| (*host, publish.at)));
        }
        let port = spec.port.filter(|_| publish.is_some());
        let named = spec.network.map(|(number, _)| number);
        let mut all = specs.iter().filter_map(|spec| spec.network);
        let made_network = all.find(|(number, _)| Some(*number) == named);
        // So is an address that two have.
        let own_address = made_network.and_then(|made| own_address(spec, made));
        let own_address = own_address.filter(|address| {
            let mut hosts = spec.hosts.iter();
            hosts.all(|host| !addresses.contains(&(*host, *address)))
        });
        if let Some(address) = own_address {
            addresses.extend(spec.hosts.iter().map(|host| (*host, address)));
        }
        // The tag of a job says whether it moves: nothing else on a host does.
        let edge = match spec.once.is_some() && spec.moving {
            true => "edge",
            false => "",
        };
        let reference = format!("registry/{}:{edge}{}", SERVICES[index], spec.tag);
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
        let hosts: Vec<HostName> = spec.hosts.iter().map(|i| host_name(*i)).collect();
        let secret_files = spec.secret_file.into_iter().map(|value| {
            let file = SecretFile {
                name: VariableName::new("KEY").unwrap(),
                secret: secret("KEY", value),
            };
            ("/run/secrets/KEY".to_owned(), file)
        });
        let secret_files: BTreeMap<String, SecretFile> = secret_files.collect();
        let files = config_files(spec.file, spec.live, &hosts);
        let on_host = |host: &HostName| {
            let mut variables = variables.clone();
            if let Some(value) = spec.of_host {
                let name = VariableName::new("OF_HOST").unwrap();
                variables.insert(name, variable(Layer::Host, format!("{value} {host}")));
            }
            variables
        };
        let elsewhere = hosts.iter().skip(1).filter(|_| spec.of_host.is_some());
        let elsewhere = elsewhere.map(|host| OtherVariables {
            hosts: [host.clone()].into(),
            variables: on_host(host),
            secret_files: secret_files.clone(),
            files: files.clone(),
        });
        let elsewhere = elsewhere.collect();
        let here = hosts.first().map_or_else(|| variables.clone(), on_host);
        let service = Service {
            name: service_name(index),
            files,
            hosts,
            image: Image {
                reference,
                version: spec.tag.to_string(),
                moving: spec.moving,
            },
            port,
            publish: publish.filter(|_| spec.way > 0),
            needs: order[index].0.iter().map(|i| service_name(*i)).collect(),
            after: order[index].1.iter().map(|i| service_name(*i)).collect(),
            variables: here,
            elsewhere,
            networks: made_network
                .map(|(number, options)| {
                    network(number, options, own_address.into_iter().collect())
                })
                .into_iter()
                .collect(),
            aliases: Vec::new(),
            secret_files,
            container: Container {
                memory: spec.memory.map(|m| format!("{m}g")),
                ..Container::default()
            },
            health: spec.health.then(|| {
                let probe = Probe::Command(vec!["true".to_owned()]);
                Health {
                    watch: spec.watch.map(|seconds| HealthWatch {
                        every: Duration::from_secs(seconds.into()),
                        failures: 3,
                        then: WhenUnhealthy::Restart,
                    }),
                    ..Health::of(probe, Duration::from_secs(1))
                }
            }),
            swap: None,
            replace: Replacement::default(),
            swaps: Vec::new(),
            stateful: spec.stateful,
            max_down: spec.max_down.map(HostCount::Count),
            batch: spec.batch.map(HostCount::Count),
            soak: None,
            deadline: None,
            restart: match spec.manual {
                true => RestartPolicy::Manual,
                false => RestartPolicy::Auto,
            },
            template: Template {
                origin: "test".to_owned(),
                source: match spec.once {
                    None => format!("# {}\n{TEMPLATE}", spec.comment).into(),
                    Some(_) => format!("# {}\n{JOB_TEMPLATE}", spec.comment).into(),
                },
            },
            run: match (spec.once, spec.timer) {
                (None, None) => Run::Always,
                (None, Some(number)) => Run::Scheduled(Schedule {
                    calendar: format!("*:0/{}", number + 1),
                    catch_up: number > 0,
                    timeout: Duration::from_secs(60),
                }),
                (Some(key), _) => Run::Once(Once {
                    key,
                    timeout: Duration::from_secs(60),
                }),
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
        rollout: Default::default(),
        notify: Default::default(),
        hooks: Default::default(),
    };
    render(&cluster).expect("the test's template is sound")
}
