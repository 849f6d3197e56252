//! Tests of the whole room, and the models that they use.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use super::desired::{Desired, DesiredService};
use super::fingerprint::{Recipe, fingerprint};
use super::identity::{Fingerprint, UnitKind};
use super::inputs::inputs_of;
use super::manifest::Manifest;
use super::marks::blanked;
use super::unit::parse_unit;
use super::unit_template::BUILT_IN;
use super::{RenderError, render, rules};
use crate::cluster::digest::Digest;
use crate::cluster::job::{Once, OnceKey, Run};
use crate::cluster::model::{
    Cluster, ConfigFiles, Container, Delivery, Dns, Engine, EngineClient, FileMode, FileOwner,
    Health, Host, HttpProbe, Image, Ipv6, Layer, LiveFiles, Logging, MadeDirectory, MadeNetwork,
    Network, NetworkOrigin, Probe, ReloadBy, Replacement, RestartPolicy, SecretFile, Security,
    Service, Ssh, Template, Transport, Variable, VariableValue,
};
use crate::cluster::name::{ClusterName, HostName, ServiceName, VariableName};
use crate::cluster::ports::{HostPorts, Publish};
use crate::cluster::secret::{KeyedDigest, Secret};
use crate::cluster::subnet::Subnet;

/// The built-in template of jobs.
pub(super) const BUILT_IN_JOB: &str = include_str!("../../templates/job.service");

fn service_name(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

pub(crate) fn variable(service: &mut Service, layer: Layer, name: &str, value: &str) {
    let value = Variable {
        layer,
        value: value.into(),
    };
    service
        .variables
        .insert(VariableName::new(name).unwrap(), value);
}

/// A cluster `production` with the hosts docker01 (10.0.0.1) and docker02 (a DNS name), and no
/// services.
pub(crate) fn cluster() -> Cluster {
    let host = |name: &str, address: &str| {
        let name = HostName::new(name).unwrap();
        let host = Host {
            listen: None,
            name: name.clone(),
            address: Some(address.to_owned()),
            transport: Transport::Ssh(Ssh::default()),
            client: EngineClient::usual(Engine::Docker),
            secrets: Delivery::Sealed,
        };
        (name, host)
    };
    Cluster {
        name: ClusterName::new("production").unwrap(),
        hosts: BTreeMap::from([
            host("docker01", "10.0.0.1"),
            host("docker02", "docker02.example.com"),
        ]),
        services: BTreeMap::new(),
        guard: crate::cluster::model::Guard::default(),
        rollout: Default::default(),
        notify: Default::default(),
        hooks: Default::default(),
    }
}

/// A service `name` of the image `registry.example.com/name:1.4.2` on docker01, with the built-in
/// template.
pub(crate) fn service(name: &str) -> Service {
    let reference = format!("registry.example.com/{name}:1.4.2");
    let mut service = Service {
        publish: None,
        name: service_name(name),
        hosts: vec![HostName::new("docker01").unwrap()],
        image: Image {
            reference: reference.clone(),
            version: "1.4.2".to_owned(),
            moving: false,
        },
        port: None,
        needs: Vec::new(),
        after: Vec::new(),
        variables: BTreeMap::new(),
        elsewhere: Vec::new(),
        networks: Vec::new(),
        aliases: Vec::new(),
        secret_files: BTreeMap::new(),
        files: ConfigFiles::default(),
        container: Container {
            stop_timeout: Duration::from_secs(10),
            ..Container::default()
        },
        health: None,
        swap: None,
        replace: Replacement::default(),
        swaps: Vec::new(),
        stateful: false,
        max_down: None,
        batch: None,
        soak: None,
        deadline: None,
        restart: RestartPolicy::Auto,
        template: Template {
            origin: "templates/container.service".to_owned(),
            source: BUILT_IN.into(),
        },
        run: Default::default(),
    };
    variable(&mut service, Layer::Service, "IMAGE", &reference);
    service
}

/// A cluster of just these services.
pub(crate) fn cluster_of(services: impl IntoIterator<Item = Service>) -> Cluster {
    let services = services.into_iter().map(|s| (s.name.clone(), s));
    Cluster {
        services: services.collect(),
        ..cluster()
    }
}

/// A stored secret; another value has another digest.
pub(crate) fn secret(name: &str, value: u8) -> Secret {
    let digest = KeyedDigest::new("k1", Digest::of([value]));
    Secret::stored(VariableName::new(name).unwrap(), &digest)
}

pub(crate) fn search() -> Service {
    let mut search = service("search");
    search.port = Some(9000);
    search.needs = vec![service_name("listing")];
    variable(&mut search, Layer::Service, "APP_PORT", "9000");
    variable(
        &mut search,
        Layer::ServiceLocations,
        "LISTING_HOST",
        "10.0.0.1",
    );
    variable(&mut search, Layer::ServiceConfig, "LOG_LEVEL", "info");
    variable(
        &mut search,
        Layer::Cluster,
        "MONGODB_URL",
        "mongodb://10.0.0.177/prod",
    );
    search
}

fn example() -> Cluster {
    let mut listing = service("listing");
    listing.hosts.push(HostName::new("docker02").unwrap());
    cluster_of([search(), listing])
}

fn desired_of<'d>(desired: &'d Desired, service: &str) -> &'d DesiredService {
    let mut hosts = desired.hosts.values();
    hosts
        .find_map(|host| host.services.get(&service_name(service)))
        .unwrap()
}

/// How the service of this name is rendered in a cluster of the example's services and this one.
pub(crate) fn rendered(service: Service) -> DesiredService {
    let mut cluster = example();
    let name = service.name.as_str().to_owned();
    cluster.services.insert(service.name.clone(), service);
    desired_of(&render(&cluster).unwrap(), &name).clone()
}

/// The same of a job whose template lacks a line, or is that of a service.
fn errors_of_job(lacks: &str) -> Vec<RenderError> {
    let mut job = service("job");
    job.run = Run::Once(Once {
        key: OnceKey::Image,
        timeout: Duration::from_secs(60),
    });
    job.template.source = match BUILT_IN_JOB.contains(lacks) {
        true => BUILT_IN_JOB.replace(lacks, "").into(),
        false => BUILT_IN.into(),
    };
    render(&cluster_of([job])).unwrap_err()
}

fn errors_of(template: &str) -> Vec<RenderError> {
    let mut cluster = example();
    let mut worker = service("worker");
    worker.after = vec![service_name("listing")];
    cluster.services.insert(worker.name.clone(), worker);
    for service in cluster.services.values_mut() {
        service.template.source = template.into();
        service.health = Some(Health {
            interval: None,
            probe_timeout: None,
            watch: None,
            probe: Probe::Command(vec!["true".to_owned()]),
            timeout: Duration::from_secs(1),
        });
    }
    render(&cluster).unwrap_err()
}

fn told(errors: &[RenderError]) -> String {
    let mut text = String::new();
    for error in errors {
        text += &format!("{error}\n");
        if let Some(help) = &error.help {
            text += &format!("  help: {help}\n");
        }
    }
    text
}

/// Any UTF-8 without NUL, with what could confuse a parser more often than by chance.
pub(super) fn nasty() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "\\", "\"", "'", "\n", "\r", "\r\n", "$", "$$", "${A}", "%", "%%", "%N", "#", ";", "=",
        " ", "\t", "`", "\u{feff}", "\\\n", "\u{1}", "\u{7f}", "\u{85}", "é", "日本", "🚢",
        "A=1\n", "-",
    ];
    let part = prop_oneof![
        prop::sample::select(PARTS).prop_map(str::to_owned),
        "[^\0]{0,8}",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

mod golden {
    use super::*;

    #[test]
    fn a_minimal_service() {
        insta::assert_snapshot!(rendered(service("minimal")).service_unit().text);
    }

    #[test]
    fn a_service_with_every_field_and_nasty_values() {
        let mut full = search();
        full.name = service_name("full");
        full.container = Container {
            volumes: vec![
                "data:/var/lib/data".into(),
                "/srv/my files:/files:ro".into(),
            ],
            entrypoint: Some("/entry point".into()),
            command: vec![
                "serve".into(),
                "--price=5 $".into(),
                "100%".into(),
                "C:\\new".into(),
                "it's".into(),
                "say \"hi\"".into(),
                "both ' and \"".into(),
                "".into(),
                ";".into(),
                "line\nbreak\u{1}".into(),
                "日本 🚢".into(),
            ],
            user: Some("1000:1000".into()),
            memory: Some("512m".into()),
            cpus: Some("1.5".into()),
            ulimits: BTreeMap::from([("nofile".into(), "1024:65536".into())]),
            capabilities: vec!["NET_ADMIN".into(), "-NET_RAW".into()],
            read_only: true,
            devices: vec!["/dev/fuse".into()],
            labels: BTreeMap::from([("traefik.rule".into(), "Host(`a.example.com`)".into())]),
            network: Some("backend".into()),
            stop_timeout: Duration::from_millis(29_500),
            stop_signal: Some("SIGINT".into()),
            hostname: Some("full.example.com".into()),
            workdir: Some("/work dir".into()),
            groups: vec!["998".into(), "audio".into()],
            init: true,
            tty: true,
            tmpfs: vec!["/tmp:size=64m".into(), "/run".into()],
            shm_size: Some("1g".into()),
            memory_reservation: Some("256m".into()),
            pids: Some("200".into()),
            cpuset: Some("0-3".into()),
            platform: Some("linux/amd64".into()),
            gpus: Some("device=0,1".into()),
            privileged: true,
            security: Security {
                no_new_privileges: Some(true),
                seccomp: Some("/etc/my seccomp.json".into()),
                apparmor: Some("unconfined".into()),
                label: vec!["type:spc_t".into(), "level:s0".into()],
            },
            sysctls: BTreeMap::from([("net.ipv4.ip_local_port_range".into(), "1 9".into())]),
            dns: Dns {
                servers: vec!["10.0.0.2".into(), "fd00::2".into()],
                search: vec!["example.com".into()],
                options: vec!["ndots:2".into()],
            },
            hosts: BTreeMap::from([("db".into(), vec!["10.0.0.5".into(), "host-gateway".into()])]),
            log: Logging {
                driver: Some("local".into()),
                options: BTreeMap::from([("tag".into(), "{{.Name}} %n $x".into())]),
            },
            no_healthcheck: false,
            made: Vec::new(),
            extra_args: vec!["--ipc".into(), "host".into(), "--shm-size=/t mp".into()],
        };
        insta::assert_snapshot!(rendered(full).service_unit().text);
    }

    /// What a unit has of networks.
    fn networks(engine: Engine, names: &[&str], aliases: &[&str]) -> String {
        let mut search = search();
        search.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        let made = |(at, name): (usize, &&str)| Network {
            name: (*name).to_owned(),
            origin: match at {
                0 => NetworkOrigin::Made(MadeNetwork::default()),
                1 => NetworkOrigin::Made(MadeNetwork {
                    subnet: Some(Subnet::of([172, 22, 1, 0].into(), 24)),
                    internal: true,
                    ..MadeNetwork::default()
                }),
                _ => NetworkOrigin::Existing,
            },
            addresses: BTreeSet::new(),
        };
        search.networks = names.iter().enumerate().map(made).collect();
        shown(engine, search)
    }

    /// The networks of a service in its unit and in its inputs.
    fn shown(engine: Engine, search: Service) -> String {
        let names: Vec<String> = search.networks.iter().map(|one| one.name.clone()).collect();
        let mut cluster = cluster_of([search]);
        for host in cluster.hosts.values_mut() {
            host.client = EngineClient::usual(engine);
        }
        let desired = render(&cluster).unwrap();
        let search = desired
            .hosts
            .values()
            .find_map(|host| host.services.values().next());
        let search = search.unwrap();
        let unit = &search.service_unit().text;
        let start = unit.find("ExecStartPre=").unwrap();
        let end = unit.find("# Started means").unwrap();
        let mut text = format!("== {engine:?} {names:?}\n{}-- inputs\n", &unit[start..end]);
        for (key, words) in Recipe::V2.directives(&search.inputs) {
            let _ = writeln!(text, "{key} {}", words.join(" "));
        }
        text
    }

    #[test]
    fn what_a_unit_has_of_networks() {
        let all = ["production-backend", "production-mail", "lan"];
        let text: String = [Engine::Docker, Engine::Podman]
            .into_iter()
            .flat_map(|engine| {
                [
                    networks(engine, &all[..1], &["finder"]),
                    networks(engine, &all, &["finder", "f2"]),
                ]
            })
            .collect();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_a_unit_has_of_addresses_and_options() {
        let mail = Network {
            name: "production-mail".to_owned(),
            origin: NetworkOrigin::Made(MadeNetwork {
                subnet: Some(Subnet::of([172, 22, 1, 0].into(), 24)),
                ipv6: Ipv6::In(Subnet::of("fd00:1::".parse().unwrap(), 64)),
                gateways: ["fd00:1::9".parse().unwrap()].into(),
                internal: true,
                options: [
                    ("com.docker.network.bridge.name", "br-mail"),
                    ("com.docker.network.driver.mtu", "1400"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            }),
            addresses: ["172.22.1.254", "fd00:1::254"]
                .map(|address| address.parse().unwrap())
                .into(),
        };
        let back = Network {
            name: "production-back".to_owned(),
            origin: NetworkOrigin::Made(MadeNetwork {
                ipv6: Ipv6::Local,
                ..MadeNetwork::default()
            }),
            addresses: BTreeSet::new(),
        };
        let text: String = [Engine::Docker, Engine::Podman]
            .into_iter()
            .flat_map(|engine| {
                [vec![mail.clone()], vec![back.clone(), mail.clone()]].map(|networks| {
                    let mut search = search();
                    search.networks = networks;
                    shown(engine, search)
                })
            })
            .collect();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn each_kind_of_health() {
        let probes = [
            Probe::Http(HttpProbe::of("/health?deep=100%&q=$x\"`\\")),
            Probe::Tcp,
            Probe::Command(vec!["pg isready".into(), "it's $HOME".into(), "-q".into()]),
        ];
        let mut units = String::new();
        for probe in probes {
            let mut search = search();
            let timeout = Duration::from_secs(45);
            search.health = Some(Health::of(probe, timeout));
            let text = rendered(search).service_unit().text.clone();
            let start = text.find("ExecStartPost=").unwrap();
            let end = text.find("Restart=").unwrap();
            units += &text[start..end];
            units += "\n";
        }
        let http = HttpProbe {
            path: "/".to_owned(),
            host: Some("web.example.com:8080".to_owned()),
            headers: [("X-Price", "100% \\ $5"), ("X-A", "b")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        let slow = Health {
            interval: Some(Duration::from_millis(1500)),
            probe_timeout: Some(Duration::from_secs(40)),
            ..Health::of(Probe::Http(http), Duration::from_secs(45))
        };
        let image = Health::of(Probe::Image, Duration::from_secs(120));
        for health in [slow, image] {
            let mut search = search();
            search.health = Some(health);
            let text = rendered(search).service_unit().text.clone();
            let start = text.find("ExecStartPost=").unwrap();
            let end = text.find("ExecStop=").unwrap();
            units += &text[start..end];
            let limit = text.lines().find(|line| line.starts_with("TimeoutStart"));
            units += &format!("{}\n\n", limit.unwrap());
        }
        insta::assert_snapshot!(units);
    }

    #[test]
    fn a_directory_is_made_before_the_container() {
        let mut search = search();
        search.container.volumes = vec!["/srv/my data/a:/a".to_owned(), "/srv:/b".to_owned()];
        let made = |path: &str, mode| MadeDirectory {
            path: path.to_owned(),
            owner: FileOwner {
                user: 1000,
                group: 0,
            },
            mode: FileMode(mode),
        };
        search.container.made = vec![made("/srv/my data/a", 0o750), made("/srv", 0o755)];
        let search = rendered(search);
        assert!(search.sources.is_empty(), "{:?}", search.sources);
        let text = &search.service_unit().text;
        let lines = text
            .lines()
            .skip_while(|line| !line.starts_with("# Directories"));
        let lines: Vec<&str> = lines
            .take_while(|line| !line.starts_with("# Names"))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn podman() {
        let mut cluster = example();
        for host in cluster.hosts.values_mut() {
            host.client = EngineClient::usual(Engine::Podman);
        }
        let desired = render(&cluster).unwrap();
        let search = desired_of(&desired, "search");
        insta::assert_snapshot!(search.service_unit().text);
        assert_eq!(
            Vec::from_iter(&search.service_unit().enabled_by),
            ["multi-user.target.wants"]
        );
    }

    #[test]
    fn a_client_elsewhere_is_run_by_its_path_and_nothing_else_changes() {
        let mut cluster = example();
        let before = render(&cluster).unwrap();
        for host in cluster.hosts.values_mut() {
            host.client.program = "/snap/bin/docker".to_owned();
        }
        let after = render(&cluster).unwrap();
        let text = |desired| blanked(&desired_of(desired, "search").service_unit().text);
        // By its name in the wait for health.
        let before = text(&before)
            .replace("/usr/bin/docker", "/snap/bin/docker")
            .replace("$$(docker ", "$$(/snap/bin/docker ");
        assert_eq!(text(&after), before);
    }

    #[test]
    fn the_layers_of_a_service() {
        let mut files = String::new();
        for (path, bytes) in &rendered(search()).files {
            let text = std::str::from_utf8(bytes).unwrap();
            files += &format!("== {path}\n{text}");
        }
        insta::assert_snapshot!(files);
    }

    #[test]
    fn what_a_template_can_get_wrong() {
        let two = "ExecStart=/bin/true\nrubbish\n[Install]";
        let templates = [
            "[Service]\nUser={{ usr }}\n",
            "{% if engine %}",
            "{{ service.nothing }}",
            "{{ service | shout }}",
            "[Unit]\n",
            &BUILT_IN.replace("[Install]", two),
            &BUILT_IN.replace("Cluster={{ cluster }}", "Cluster=other"),
            &BUILT_IN.replace("stop -t", "stop \"-t"),
        ];
        let told: Vec<_> = templates.iter().map(|t| told(&errors_of(t))).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}

/// Edges of circles are in no unit: systemd would drop a start job. A service without `after` keeps the unit that it had.
#[test]
fn a_unit_starts_after_what_its_service_comes_after() {
    let names = |names: &[&str]| names.iter().map(|name| service_name(name)).collect();
    let [mut web, mut db, mut cache, job] = ["web", "db", "cache", "job"].map(service);
    web.after = names(&["db", "job"]);
    web.needs = names(&["cache"]);
    db.needs = names(&["job"]);
    // A circle.
    cache.after = names(&["web", "job"]);
    let desired = render(&cluster_of([web, db, cache, job])).unwrap();
    let after = |name: &str| {
        let unit = parse_unit(&desired_of(&desired, name).service_unit().text);
        let values = unit.values("Unit", "After").into_iter().map(str::to_owned);
        values.collect::<Vec<_>>()
    };
    let base = "docker.service network-online.target";
    assert_eq!(
        after("web"),
        [base, "production-db.service production-job.service"]
    );
    assert_eq!(after("cache"), [base, "production-job.service"]);
    for name in ["db", "job"] {
        assert_eq!(after(name), [base]);
        let text = &desired_of(&desired, name).service_unit().text;
        assert!(!text.contains("What starts first"), "{text}");
    }
    let web = &desired_of(&desired, "web").handling;
    assert_eq!(web.after, names(&["db", "job"]));
}

/// A template of somebody's own that lacks a line is told the line.
#[test]
fn each_line_that_a_template_lacks_is_named() {
    let docs = include_str!("../../docs/description.md");
    for required in rules::required(UnitKind::Service) {
        let line = required.write;
        // Only where there are networks: see `a_template_that_makes_no_network_is_told`.
        if line.contains("{{ line }}") {
            continue;
        }
        // Only of jobs.
        if !BUILT_IN.contains(line) && !line.starts_with("ExecStart={{") {
            let told = told(&errors_of_job(line));
            let written = line.contains("job.service") || told.contains(line);
            assert!(written && !told.is_empty(), "{line}: {told}");
            assert!(docs.contains(line), "docs: {line}");
            continue;
        }
        // The whole line, or the option of the one command line.
        let taken = match line.split_once('=') {
            Some(("ExecStart", _)) => BUILT_IN.replace("ExecStart={{", "X-Exec={{"),
            // Either of two does.
            Some(("ExecStartPre", _)) => BUILT_IN.replace(line, "").replace("--rm", ""),
            Some(_) | None => BUILT_IN.replace(line, ""),
        };
        assert_ne!(taken, BUILT_IN, "{line}");
        let told = told(&errors_of(&taken));
        assert!(told.contains(line), "{line}: {told}");
        let option = line.trim_start_matches("--label ");
        assert!(
            line.starts_with("ExecStart=") || docs.contains(option),
            "docs: {line}"
        );
    }
}

/// The same line may be written in several ways.
#[test]
fn what_a_template_must_have_is_known_in_every_spelling() {
    let written = |from: &str, to: &str| {
        assert!(BUILT_IN.contains(from), "{from}");
        let mut cluster = example();
        for service in cluster.services.values_mut() {
            service.template.source = BUILT_IN.replace(from, to).into();
        }
        render(&cluster).map_err(|errors| told(&errors))
    };
    let remove = "ExecStartPre=-{{ program }} rm -f %N";
    let label = "--label bayplan.service={{ service }}";
    let same = [
        ("--name %N", "--name=%N"),
        ("--name %N", "--name {{ unit }}"),
        ("--name %N", "--name \"{{ cluster }}-{{ service }}\""),
        ("${IMAGE}", "$IMAGE"),
        ("${IMAGE}", "{{ image }}"),
        ("--rm", "--replace"),
        ("--rm", ""),
        (remove, ""),
        (label, "-l=bayplan.service={{ service }}"),
        (label, "--label \"bayplan.service={{ service }}\""),
        // Without [health] there is nothing to ask.
        ("ExecStartPost={{ wait }}", ""),
    ];
    for (from, to) in same {
        assert!(written(from, to).is_ok(), "{to}: {:?}", written(from, to));
    }
    let others = [
        ("--name %N", "--name %n"),
        ("--name %N", "--name {{ service }}"),
        ("--name %N", "--namespace %N"),
        ("${IMAGE}", "${IMAGE}-slim"),
        ("${IMAGE}", "registry.example.com/other:1"),
        (label, "--label bayplan.service={{ service }}-2"),
        (label, "--label my.bayplan.service={{ service }}"),
    ];
    for (from, to) in others {
        assert!(written(from, to).is_err(), "{to}");
    }
}

#[test]
fn rendering_twice_gives_the_same() {
    assert_eq!(render(&example()), render(&example()));
}

#[test]
fn a_service_is_rendered_for_its_hosts_only() {
    let desired = render(&example()).unwrap();
    let placed: Vec<_> = desired
        .hosts
        .iter()
        .map(|(host, d)| {
            format!(
                "{host}: {:?}",
                d.services.keys().map(|s| s.as_str()).collect::<Vec<_>>()
            )
        })
        .collect();
    assert_eq!(
        placed,
        [
            r#"docker01: ["listing", "search"]"#,
            r#"docker02: ["listing"]"#
        ]
    );
    let (host, docker01) = desired.hosts.first_key_value().unwrap();
    let manifest = docker01.manifest(&desired.cluster, host);
    assert_eq!(Manifest::parse(&manifest.to_text()).unwrap(), manifest);
}

#[test]
fn an_error_of_a_template_is_told_once() {
    let errors = errors_of("[Service]\nUser={{ usr }}\n");
    assert_eq!(errors.len(), 1);
    let span = errors[0].span.clone().unwrap();
    assert_eq!(&"[Service]\nUser={{ usr }}\n"[span], "usr");
    assert_eq!(
        (errors[0].line, errors[0].service.as_str()),
        (Some(2), "listing")
    );
}

#[test]
fn the_unit_is_enabled_where_its_template_says_so() {
    let mut search = search();
    search.template.source = BUILT_IN
        .replace(
            "WantedBy={{ wanted_by }}",
            "WantedBy=a.target b.target\nWantedBy=\nWantedBy=c.target\nRequiredBy=d.service",
        )
        .into();
    let links = rendered(search).service_unit().enabled_by.clone();
    assert_eq!(
        Vec::from_iter(&links),
        ["c.target.wants", "d.service.requires"]
    );
}

/// The arguments that publish, and where the probe asks.
fn published(publish: Option<&[&str]>, listen: Option<&str>) -> String {
    let mut search = search();
    search.health = Some(Health::of(Probe::Tcp, Duration::from_secs(30)));
    search.publish = publish.map(|all| {
        let all = all.iter().map(|text| {
            let (outside, inside) = text.rsplit_once("->").unwrap();
            Publish {
                at: HostPorts::parse(outside).unwrap(),
                inside: inside.parse().unwrap(),
            }
        });
        all.collect()
    });
    let mut cluster = cluster_of([search]);
    for host in cluster.hosts.values_mut() {
        host.listen = listen.map(|listen| listen.parse().unwrap());
    }
    let desired = render(&cluster).unwrap();
    let host = desired
        .hosts
        .values()
        .find(|host| !host.services.is_empty());
    let search = host.unwrap().services.values().next().unwrap().clone();
    let ports: Vec<String> = search
        .handling
        .ports
        .iter()
        .map(ToString::to_string)
        .collect();
    let text = &search.service_unit().text;
    let line = |line: &&str| {
        ["--publish", "/dev/tcp", "own()", "NetworkSettings"]
            .iter()
            .any(|word| line.contains(word))
    };
    let lines: Vec<&str> = text.lines().filter(line).map(str::trim).collect();
    format!(
        "{publish:?} {listen:?} takes {}\n{}\n",
        ports.join(" "),
        lines.join("\n")
    )
}

#[test]
fn what_is_published_is_where_a_probe_asks() {
    let text: String = [
        published(None, None),
        published(None, Some("10.0.0.5")),
        published(None, Some("::")),
        published(
            Some(&["127.0.0.2:80->9000", "8443->8443", "53/udp->9000"]),
            Some("10.0.0.5"),
        ),
        published(Some(&["[::1]:8000-8010->8995"]), None),
        published(Some(&["8443->8443"]), None),
        published(Some(&[]), None),
    ]
    .concat();
    insta::assert_snapshot!(text);
}

#[test]
fn a_host_with_another_listen_gets_another_unit_and_others_stay() {
    let mut plain = service("plain");
    plain.hosts = vec![
        HostName::new("docker01").unwrap(),
        HostName::new("docker02").unwrap(),
    ];
    let mut search = search();
    search.hosts.clone_from(&plain.hosts);
    let mut cluster = cluster_of([search, plain]);
    let before = render(&cluster).unwrap();
    let docker02 = HostName::new("docker02").unwrap();
    let host = cluster.hosts.get_mut(&docker02).unwrap();
    host.listen = Some("10.0.0.2".parse().unwrap());
    let after = render(&cluster).unwrap();
    for (name, host) in &after.hosts {
        for (service, desired) in &host.services {
            let same = desired.fingerprint == before.hosts[name].services[service].fingerprint;
            assert_eq!(
                same,
                !(*name == docker02 && service.as_str() == "search"),
                "{name} {service}"
            );
        }
    }
}

#[test]
fn a_network_of_its_own_decides_which_port_is_taken() {
    let taken = |network: Option<&str>| {
        let mut search = search();
        search.container.network = network.map(str::to_owned);
        let search = rendered(search);
        (
            search.handling.ports.first().copied(),
            search.service_unit().text.contains("--publish"),
        )
    };
    assert_eq!(taken(None), (Some(HostPorts::tcp(9000)), true));
    assert_eq!(taken(Some("backend")), (Some(HostPorts::tcp(9000)), true));
    assert_eq!(taken(Some("host")), (Some(HostPorts::tcp(9000)), false));
    assert_eq!(taken(Some("none")), (None, false));
    assert_eq!(taken(Some("container:other")), (None, false));
}

#[test]
fn a_template_that_makes_no_network_is_told() {
    let broken = |networks: usize, edit: &dyn Fn(&str) -> String| {
        let mut search = search();
        search.networks = (0..networks)
            .map(|at| Network {
                name: format!("production-n{at}"),
                origin: NetworkOrigin::Made(MadeNetwork::default()),
                addresses: BTreeSet::new(),
            })
            .collect();
        search.template.source = edit(BUILT_IN).into();
        match render(&cluster_of([search])) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.message).collect(),
        }
    };
    let none = |text: &str| text.replace("{% for line in prepare %}", "{% for line in [] %}");
    let never = |text: &str| {
        text.replace("{% if connect %}", "{% if false %}")
            .replace("{% for line in connect %}", "{% for line in [] %}")
    };
    assert_eq!(broken(2, &str::to_owned), Vec::<String>::new());
    assert_eq!(broken(0, &none), Vec::<String>::new());
    insta::assert_snapshot!([broken(1, &none), broken(2, &never)].concat().join("\n"), @"
    expected an ExecStartPre= for each line of `prepare`, found none that makes sure of the network production-n0
    expected, for a container in several networks, `create`, an ExecStartPre= for each line of `connect`, and `start`, as the built-in template has them, found none
    ");
}

#[test]
fn every_mount_of_a_unit_is_known_whoever_wrote_it() {
    let targets = |search: Service| rendered(search).mounted.targets;
    let mut whole = search();
    whole.container.volumes = vec!["/srv/a:/a/:ro".to_owned(), "/b".to_owned()];
    whole.container.tmpfs = vec!["/run/c:size=1m".to_owned()];
    let directories = BTreeMap::from([("/etc/nginx/conf.d".to_owned(), BTreeMap::new())]);
    whole.files.live = Some(LiveFiles {
        reload: ReloadBy::Signal("HUP".to_owned()),
        checks: Vec::new(),
        directories,
    });
    let run = "run --rm";
    assert!(BUILT_IN.contains(run));
    let own = BUILT_IN.replace(
        run,
        "run --rm -v d:/d --mount=type=bind,source=/e,destination=/e%%",
    );
    whole.template.source = own.into();
    let all = ["/a", "/b", "/d", "/e%", "/etc/nginx/conf.d", "/run/c"];
    let mounted = targets(whole.clone()).unwrap();
    let without_secrets = mounted.iter().filter(|target| !target.contains("secret"));
    assert_eq!(without_secrets.collect::<Vec<_>>(), all);

    for open in ["--volumes-from other", "$MORE", "-v /x:/%i"] {
        let mut search = whole.clone();
        let own = BUILT_IN.replace(run, &format!("{run} {open}"));
        search.template.source = own.into();
        assert_eq!(targets(search), None, "{open}");
    }
}

mod fingerprints {
    use super::*;

    /// The fingerprint of the example's search when its template, or anything, is changed.
    fn of(change: impl FnOnce(&mut Service)) -> DesiredService {
        let mut search = search();
        change(&mut search);
        rendered(search)
    }

    fn template(from: &str, to: &str) -> Fingerprint {
        assert!(BUILT_IN.contains(from), "{from}");
        of(|s| s.template.source = BUILT_IN.replace(from, to).into()).fingerprint
    }

    #[test]
    fn the_recipe_never_changes() {
        // A change here restarts every container of every user: make a new recipe instead.
        let inputs = {
            let files = BTreeMap::from([
                ("50-a.env".to_owned(), "IMAGE=\"x:1\"\nA=\"b\"\n".to_owned()),
                ("files/a.conf".to_owned(), "text".to_owned()),
            ]);
            inputs_of(
                "[Service]\nUser=u\nExecStart=/bin/x 'a b' ${IMAGE}\nRestart=no\n",
                &files,
            )
        };
        assert_eq!(
            fingerprint(Recipe::V1, &inputs).as_str(),
            "v1:00a15ce7f20bd13feae3c8b4451da0698be77f0894132502b6f5ca4030deda0a"
        );
        assert_eq!(
            fingerprint(Recipe::V2, &inputs).as_str(),
            "v2:63a1b76f4bf7ec78e3fe9ae266413e10e2fdff3075df69dac418d93af46e5c76"
        );
        // The same with a command line that has another form.
        let inputs = inputs_of(
            "[Service]\nExecStart=/usr/bin/docker run -v b:/b:rw -v a:/a -m 1024m ${IMAGE}\n",
            &BTreeMap::from([("50-a.env".to_owned(), "IMAGE=\"x:1\"\n".to_owned())]),
        );
        assert_eq!(
            fingerprint(Recipe::V2, &inputs).as_str(),
            "v2:ab9dd2378d4fdfde7c2efcce294eebcc077cca44612ee5074ad4e7566fcd0e49"
        );
    }

    #[test]
    fn what_a_reload_makes_effective_is_not_in_it() {
        let same = of(|_| {}).fingerprint;
        let changes = [
            ("Restart=always", "Restart=on-failure"),
            ("RestartSec=5", "RestartSec=1"),
            (
                "TimeoutStartSec={{ start_limit }}",
                "TimeoutStartSec=infinity",
            ),
            (
                "SuccessExitStatus=137 143",
                "SuccessExitStatus=1\nKillMode=mixed\nSendSIGHUP=yes",
            ),
            ("WantedBy={{ wanted_by }}", "WantedBy=other.target"),
            (
                "Description={{ service }} of {{ cluster }}",
                "Description=another",
            ),
            (
                "StartLimitIntervalSec=0",
                "StartLimitIntervalSec=10\nConflicts=x.service",
            ),
            (
                "ExecStop={{ program }} stop -t {{ stop_timeout }} %N",
                "ExecStop=/bin/true",
            ),
            ("ExecStartPre=-{{ program }} rm -f %N\n", ""),
            ("ExecStartPost={{ wait }}\n", "ExecStartPost=/bin/true\n"),
            (
                "[X-Bayplan]\n",
                "[X-Bayplan]\nMore=1\n[X-Other]\nA=1\n[X-Bayplan]\n",
            ),
            ("# Started means", "# Anything"),
            (
                "Type=exec\n",
                "\n\n; a comment\n   Type   =   exec\nX-Mine=1\n",
            ),
            (
                " --name %N --pull=never \\\n",
                " \\\n  # inside\n\t--name   %N '--pull=never' \\\n",
            ),
        ];
        for (from, to) in changes {
            assert_eq!(template(from, to), same, "{to}");
        }
        // The order of keys does not count, and an empty one takes back what was before.
        let moved = template("Type=exec\n", "ExecStart=/bin/false\nExecStart=\n");
        assert_ne!(moved, same);
        let source = BUILT_IN.replace("Type=exec\n", "ExecStart=/bin/false\nExecStart=\n");
        let source = source.replace("RestartSec=5\n", "Type=exec\n");
        assert_eq!(of(|s| s.template.source = source.into()).fingerprint, same);

        let health = Health::of(Probe::Tcp, Duration::from_secs(1));
        assert_eq!(of(|s| s.health = Some(health)).fingerprint, same);
        assert_eq!(of(|s| s.container.stop_timeout *= 2).fingerprint, same);
        assert_eq!(of(|s| s.stateful = true).fingerprint, same);
        let made = |s: &mut Service| {
            s.container.made = vec![MadeDirectory {
                path: "/srv/data".to_owned(),
                owner: FileOwner::default(),
                mode: FileMode(0o750),
            }];
        };
        assert_eq!(of(made).fingerprint, same);
        assert_ne!(of(|s| s.container.no_healthcheck = true).fingerprint, same);
        assert_eq!(of(|s| s.restart = RestartPolicy::Manual).fingerprint, same);
        assert_eq!(of(|s| s.hosts.reverse()).fingerprint, same);
    }

    #[test]
    fn what_decides_how_a_container_runs_is_in_it() {
        type Change = fn(&mut Service);
        let changes: [(&str, Change); 22] = [
            ("nothing", |_| {}),
            ("tag", |s| {
                variable(
                    s,
                    Layer::Service,
                    "IMAGE",
                    "registry.example.com/search:1.5.0",
                )
            }),
            ("value", |s| {
                variable(
                    s,
                    Layer::Cluster,
                    "MONGODB_URL",
                    "mongodb://10.0.0.178/prod",
                )
            }),
            ("variable added", |s| {
                variable(s, Layer::Cluster, "EMPTY", "")
            }),
            ("variable removed", |s| {
                s.variables.remove(&VariableName::new("LOG_LEVEL").unwrap());
            }),
            ("port", |s| s.port = Some(9001)),
            ("needs", |s| s.needs.clear()),
            ("volume", |s| s.container.volumes.push("data:/data".into())),
            ("entrypoint", |s| s.container.entrypoint = Some("/x".into())),
            ("command", |s| s.container.command.push("x y".into())),
            ("command in two words", |s| {
                s.container.command = vec!["x".into(), "y".into()]
            }),
            ("user", |s| s.container.user = Some("1".into())),
            ("memory", |s| s.container.memory = Some("1g".into())),
            ("cpus", |s| s.container.cpus = Some("1".into())),
            ("ulimit", |s| {
                s.container.ulimits.insert("nofile".into(), "1".into());
            }),
            ("capability", |s| {
                s.container.capabilities.push("SYS_TIME".into())
            }),
            ("no capability", |s| {
                s.container.capabilities.push("-SYS_TIME".into())
            }),
            ("read-only", |s| s.container.read_only = true),
            ("device", |s| s.container.devices.push("/dev/fuse".into())),
            ("label", |s| {
                s.container.labels.insert("a".into(), "b".into());
            }),
            ("network", |s| s.container.network = Some("host".into())),
            ("extra", |s| s.container.extra_args.push("--init".into())),
        ];
        let mut seen = BTreeMap::new();
        for (what, change) in changes {
            let before = seen.insert(of(change).fingerprint, what);
            assert_eq!(before, None, "{what} changes nothing");
        }
        let user = template("Type=exec\n", "Type=exec\nUser=nobody\n");
        assert_eq!(seen.insert(user, "a directive"), None);
    }

    #[test]
    fn a_variable_in_another_layer_is_another_directory_with_the_same_fingerprint() {
        let here = of(|_| {});
        let there = of(|s| variable(s, Layer::Cluster, "LOG_LEVEL", "info"));
        assert_eq!(here.fingerprint, there.fingerprint);
        assert_ne!(here.directory, there.directory);
    }

    #[test]
    fn an_unknown_recipe_gives_none() {
        let service = of(|_| {});
        let under = |text: &str| service.fingerprint_under(&Fingerprint::reported(text));
        assert_eq!(
            under("v2:of something else"),
            Some(service.fingerprint.clone())
        );
        let older = service.older().unwrap();
        assert_eq!(under("v1:any"), Some(older.fingerprint.clone()));
        assert_eq!(older.fingerprint.recipe(), "v1");
        assert_eq!(under("v99:0"), None);
        assert_eq!(under(""), None);
    }

    #[test]
    fn a_hand_edit_changes_what_is_read_back() {
        let service = of(|_| {});
        let files = texts(&service);
        let edited = |from: &str, to: &str| {
            assert!(service.service_unit().text.contains(from), "{from}");
            inputs_of(&service.service_unit().text.replace(from, to), &files)
        };
        assert_eq!(edited("RestartSec=5", "RestartSec=6"), service.inputs);
        assert_ne!(edited("--rm", "--rm --init"), service.inputs);
        assert_ne!(edited("Directory=", "Directory=a"), service.inputs);
        assert_ne!(edited("Fingerprint=v2:", "Fingerprint=a"), service.inputs);

        let mut more = files.clone();
        more.insert(
            "99-mine.env".to_owned(),
            "LOG_LEVEL=debug\n1A=dropped".to_owned(),
        );
        let inputs = inputs_of(&service.service_unit().text, &more);
        let level = &inputs.variables[&VariableName::new("LOG_LEVEL").unwrap()];
        assert_eq!(
            (level.layer, level.value.plain().unwrap()),
            (Layer::Service, "debug")
        );
        assert_eq!(inputs.variables.len(), service.inputs.variables.len());
    }

    fn texts(service: &DesiredService) -> BTreeMap<String, String> {
        let files = service.files.iter();
        files
            .map(|(path, bytes)| (path.clone(), String::from_utf8(bytes.clone()).unwrap()))
            .collect()
    }

    fn container() -> impl Strategy<Value = Container> {
        let words = || prop::collection::vec(nasty(), 0..3);
        let maybe = || prop::option::of(nasty());
        let map = || prop::collection::btree_map(nasty(), nasty(), 0..3);
        (
            (words(), maybe(), words(), maybe(), maybe(), maybe()),
            (
                map(),
                words(),
                any::<bool>(),
                words(),
                map(),
                maybe(),
                words(),
            ),
        )
            .prop_map(
                |((volumes, entrypoint, command, user, memory, cpus), rest)| {
                    let (ulimits, capabilities, read_only, devices, labels, network, extra_args) =
                        rest;
                    Container {
                        volumes,
                        entrypoint,
                        command,
                        user,
                        memory,
                        cpus,
                        ulimits,
                        capabilities,
                        read_only,
                        devices,
                        labels,
                        network,
                        stop_timeout: Duration::from_secs(10),
                        extra_args,
                        ..Container::default()
                    }
                },
            )
    }

    fn variables() -> impl Strategy<Value = BTreeMap<VariableName, Variable>> {
        let name = "[A-Z_][A-Z0-9_]{0,3}".prop_map(|n| VariableName::new(n).unwrap());
        let plain = Layer::ALL
            .into_iter()
            .filter(|layer| *layer != Layer::Secrets);
        let plain: Vec<Layer> = plain.collect();
        let plain = (prop::sample::select(plain), nasty()).prop_map(|(layer, value)| Variable {
            layer,
            value: value.into(),
        });
        let secret = any::<u8>().prop_map(|value| Variable {
            layer: Layer::Secrets,
            value: VariableValue::Secret(secret("S", value)),
        });
        prop::collection::btree_map(name, prop_oneof![3 => plain, 1 => secret], 0..6)
    }

    fn secret_files() -> impl Strategy<Value = BTreeMap<String, SecretFile>> {
        let file = ("[A-Z]{1,2}", any::<u8>()).prop_map(|(name, value)| SecretFile {
            secret: secret(&name, value),
            name: VariableName::new(name).unwrap(),
        });
        prop::collection::btree_map("/[a-z]{1,3}", file, 0..3)
    }

    fn health() -> impl Strategy<Value = Option<Health>> {
        let probe = prop_oneof![
            nasty().prop_map(|path| Probe::Http(HttpProbe::of(&path))),
            Just(Probe::Tcp),
            prop::collection::vec(nasty(), 1..3).prop_map(Probe::Command),
        ];
        let timeout = Duration::from_secs(30);
        prop::option::of(probe.prop_map(move |probe| Health::of(probe, timeout)))
    }

    proptest! {
        #[test]
        fn what_a_host_holds_gives_the_inputs_back(
            container in container(),
            variables in variables(),
            secret_files in secret_files(),
            health in health(),
            port in prop::option::of(1u16..),
        ) {
            let service = of(|s| {
                s.container = container;
                s.variables.extend(variables);
                s.secret_files = secret_files;
                s.health = health;
                s.port = port;
            });
            let inputs = inputs_of(&service.service_unit().text, &texts(&service));
            prop_assert_eq!(&inputs, &service.inputs);
            prop_assert_eq!(&fingerprint(Recipe::CURRENT, &inputs), &service.fingerprint);
            let older = service.older().unwrap();
            let text = &older.service_unit().text;
            let inputs = inputs_of(text, &texts(older));
            prop_assert_eq!(&fingerprint(Recipe::V1, &inputs), &older.fingerprint);
            prop_assert_eq!(older.unit_digest(), &Digest::of(&**text));
            let directory = crate::render::identity::DirectoryName::of(&older.fingerprint, &older.entry.files);
            prop_assert_eq!(&older.directory, &directory);
            prop_assert!(older.entry.directory == directory && older.entry.fingerprint == older.fingerprint);
            // Made on demand or not, they differ in their marks alone.
            let marked = crate::render::marks::with_marks_of(text, &service.service_unit().text);
            prop_assert_eq!(marked.as_str(), &*service.service_unit().text);
        }

        #[test]
        fn any_text_gives_inputs(unit in nasty(), env in nasty(), name in nasty()) {
            let unit = format!("[X-Bayplan]\nDirectory={name}\n[Service]\nExecStart={unit}\n");
            let _ = inputs_of(&unit, &BTreeMap::from([(name, env)]));
        }
    }
}

/// The table of fields, held against units.
mod fields {
    use super::super::unit::{parse_unit, split_words};
    use super::*;
    use crate::cluster::fields::{Field, OnChange, SERVICE};
    use crate::cluster::run_flags::{self, Takes};
    use crate::cluster::{Sources, check};

    const AGE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB4Cg==";

    /// A service with just what is required, and with the example of this field.
    fn web(field: Option<&Field>) -> DesiredService {
        let mut lines = BTreeMap::from([
            ("image", "\"registry.example.com/web\""),
            ("tag", "\"1.0\""),
            ("port", "9001"),
        ]);
        if let Some(field) = field {
            lines.insert(field.key, field.example);
            if field.key == "digest" {
                lines.remove("tag");
            }
            if field.key == "aliases" {
                lines.insert("networks", "[\"backend\"]");
            }
            if field.key == "replace" {
                lines.insert("network", "\"host\"");
            }
            if field.key == "swap" {
                lines.insert("health", "{ http = \"/health\" }");
            }
        }
        let lines = lines.iter();
        let file: String = lines.map(|(k, v)| format!("{k} = {v}\n")).collect();
        let mut sources = Sources::new();
        sources.insert("clusters/test/services/web.toml", file.clone());
        sources.insert(
            "clusters/test/services/listing.toml",
            "image = \"listing\"\ntag = \"1\"\n",
        );
        sources.insert(
            "clusters/test/cluster.toml",
            "[hosts.docker01]\naddress = \"10.0.0.1\"\nsecrets = \"plain\"\n[place]\nweb = \"docker01\"\nlisting = \"docker01\"\nproxy = \"docker01\"\n[vars]\nMONGODB_URL = \"a\"\n[networks]\nbackend = {}\n",
        );
        sources.insert(
            "clusters/test/services/proxy.toml",
            "image = \"proxy\"\ntag = \"1\"\nnetwork = \"host\"\n[files]\n\"/etc/proxy\" = { from = \"conf/\", reload = { command = [\"reload\"] } }\n",
        );
        for slot in ["a", "b"] {
            let path = format!("clusters/test/services/proxy/conf/web.{slot}.cfg");
            sources.insert(path, slot);
        }
        let digest = "0".repeat(64);
        sources.insert(
            "clusters/test/secrets.toml",
            format!(
                "cluster = \"test\"\n[recipients]\nada = \"age1qqqqqqqqqqqqqqqqqqqqqqqq\"\n[readers]\nada = \"age1qqqqqqqqqqqqqqqqqqqqqqqq\"\n[keys]\nk1 = \"{AGE}\"\n[values]\nSTRIPE_KEY = {{ age = \"{AGE}\", digest = \"k1:{digest}\" }}\n"
            ),
        );
        sources.insert("templates/gpu.service", BUILT_IN);
        sources.insert("clusters/test/services/web/app.conf", "a = 1\n");
        let checked = check("test", &sources);
        let cluster = checked.cluster;
        let cluster =
            cluster.unwrap_or_else(|| panic!("{file} has errors: {:#?}", checked.diagnostics));
        desired_of(&render(&cluster).unwrap(), "web").clone()
    }

    /// The flags of the unit's command line with their values.
    fn flags(service: &DesiredService) -> BTreeSet<(&'static str, String)> {
        let unit = parse_unit(&service.service_unit().text);
        let words = split_words(unit.values("Service", "ExecStart")[0]).unwrap();
        let mut words = words.into_iter().skip(2);
        let mut flags = BTreeSet::new();
        while let Some(word) = words.next() {
            let name = match word.strip_prefix("--") {
                Some(long) => run_flags::named(long.split('=').next().unwrap()),
                None => word
                    .strip_prefix('-')
                    .and_then(|letters| run_flags::of_letter(letters.chars().next().unwrap())),
            };
            let Some(flag) = name else {
                // The image.
                break;
            };
            let value = match flag.takes {
                Takes::Value if !word.contains('=') => words.next().unwrap(),
                Takes::Value | Takes::Nothing => word,
            };
            flags.insert((flag.name, value));
        }
        flags
    }

    #[test]
    fn each_example_is_valid_and_does_what_its_row_says() {
        let without = web(None);
        let before = flags(&without);
        for field in SERVICE {
            if matches!(field.key, "once" | "schedule" | "catch_up" | "timeout") {
                // A job has another unit altogether.
                continue;
            }
            let with = web(Some(field));
            if field.key == "from" {
                // It is what the fields of the other file are.
                continue;
            }
            let restarts = with.fingerprint != without.fingerprint;
            assert_eq!(
                restarts,
                field.change == OnChange::Restarts,
                "{}",
                field.key
            );
            // A slot also has another name.
            if matches!(field.key, "extra_args" | "swap" | "replace") {
                continue;
            }
            let after = flags(&with);
            let added: BTreeSet<&str> = after
                .difference(&before)
                // Labels of bayplan's, with digests of everything.
                .filter(|(name, value)| !(*name == "label" && value.starts_with("bayplan.")))
                .map(|(name, _)| *name)
                .collect();
            let told: Vec<&str> = [field.flags, field.shared_flags, field.once_extra].concat();
            let others: Vec<_> = added.iter().filter(|name| !told.contains(name)).collect();
            assert!(others.is_empty(), "{} also gives {others:?}", field.key);
            // `stop_timeout` is an option of `docker stop` in the unit; of `health` one value alone is a flag.
            match told.first() {
                Some(first) if !["stop-timeout", "no-healthcheck"].contains(first) => {
                    assert!(added.contains(first), "{} gives {added:?}", field.key);
                }
                Some(_) | None => assert_eq!(added, BTreeSet::new(), "{}", field.key),
            }
        }
    }
}
