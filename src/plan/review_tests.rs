//! What is shown against git is what a release then does: random descriptions, random edits of
//! them, and hosts in memory on which the first one was released.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::cluster::{Sources, check, definitions};
use crate::plan::model_host::ModelHost;
use crate::plan::observed::Observed;
use crate::plan::target;
use crate::render::desired::DesiredHost;
use crate::render::render;

const HOSTS: [&str; 3] = ["h1", "h2", "h3"];
const SERVICES: [&str; 4] = ["a", "b", "c", "d"];

/// A description as a person writes it; each number chooses one of a few texts for its field, so
/// that edits collide and come back.
#[derive(Debug, Clone)]
struct Written {
    hosts: [HostSpec; 3],
    /// Hosts that are described: the first so many.
    count: usize,
    shared: [u8; 4],
    services: [Option<ServiceSpec>; 4],
    template: u8,
    /// The options of each network.
    networks: [u8; 2],
}

#[derive(Debug, Clone)]
struct HostSpec {
    address: u8,
    podman: bool,
}

#[derive(Debug, Clone)]
struct ServiceSpec {
    hosts: BTreeSet<usize>,
    tag: u8,
    moving: bool,
    port: bool,
    needs: BTreeSet<usize>,
    vars: BTreeSet<u8>,
    env: BTreeMap<u8, u8>,
    fields: [u8; 6],
    manual: bool,
    stateful: bool,
    own_template: bool,
    comment: u8,
    network: Option<usize>,
}

fn host() -> impl Strategy<Value = HostSpec> {
    (0..2u8, any::<bool>()).prop_map(|(address, podman)| HostSpec { address, podman })
}

fn service() -> impl Strategy<Value = ServiceSpec> {
    (
        (
            prop::collection::btree_set(0..HOSTS.len(), 0..=HOSTS.len()),
            0..3u8,
            prop::bool::weighted(0.1),
            any::<bool>(),
            prop::collection::btree_set(0..SERVICES.len(), 0..3),
            prop::collection::btree_set(0..4u8, 0..4),
        ),
        (
            prop::collection::btree_map(0..3u8, 0..3u8, 0..3),
            prop::array::uniform6(0..3u8),
            prop::bool::weighted(0.1),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.2),
            0..3u8,
            prop::option::weighted(0.4, 0..2usize),
        ),
    )
        .prop_map(|(first, second)| {
            let (hosts, tag, moving, port, needs, vars) = first;
            let (env, fields, manual, stateful, own_template, comment, network) = second;
            ServiceSpec {
                hosts,
                tag,
                moving,
                port,
                needs,
                vars,
                env,
                fields,
                manual,
                stateful,
                own_template,
                comment,
                network,
            }
        })
}

fn written() -> impl Strategy<Value = Written> {
    (
        prop::array::uniform3(host()),
        1..=HOSTS.len(),
        prop::array::uniform4(0..3u8),
        prop::array::uniform4(prop::option::weighted(0.8, service())),
        0..3u8,
        prop::array::uniform2(0..3u8),
    )
        .prop_map(
            |(hosts, count, shared, services, template, networks)| Written {
                hosts,
                count,
                shared,
                services,
                template,
                networks,
            },
        )
}

/// Edits: each takes one field from another random description.
fn edits() -> impl Strategy<Value = (Written, Vec<usize>)> {
    (written(), prop::collection::vec(0..40usize, 0..7))
}

fn edit(before: &Written, other: &Written, fields: &[usize]) -> Written {
    let mut after = before.clone();
    for field in fields {
        match field {
            0 => after.template = other.template,
            12 => after.networks = other.networks,
            1 => after.count = other.count,
            2..=4 => after.hosts[field - 2] = other.hosts[field - 2].clone(),
            5..=8 => after.shared[field - 5] = other.shared[field - 5],
            9..=11 => after.services[field - 9] = other.services[field - 9].clone(),
            field => {
                let index = field % SERVICES.len();
                let (Some(service), Some(new)) =
                    (&mut after.services[index], &other.services[index])
                else {
                    continue;
                };
                match field % 12 {
                    0 => service.hosts = new.hosts.clone(),
                    1 => service.tag = new.tag,
                    2 => service.port = new.port,
                    3 => service.needs = new.needs.clone(),
                    4 => service.vars = new.vars.clone(),
                    5 => service.env = new.env.clone(),
                    6 => service.fields = new.fields,
                    7 => service.manual = new.manual,
                    8 => service.own_template = new.own_template,
                    9 => service.comment = new.comment,
                    10 => service.network = new.network,
                    _ => service.moving = new.moving,
                }
            }
        }
    }
    after
}

impl Written {
    fn sources(&self) -> Sources {
        let mut sources = Sources::new();
        let mut cluster = String::new();
        for (name, host) in HOSTS.iter().zip(&self.hosts).take(self.count) {
            let engine = if host.podman { "podman" } else { "docker" };
            let _ = writeln!(cluster, "[hosts.{name}]\nengine = \"{engine}\"");
            let _ = writeln!(
                cluster,
                "address = \"10.0.{}.{}\"",
                host.address,
                &name[1..]
            );
        }
        cluster += "[place]\n";
        for (name, service) in SERVICES.iter().zip(&self.services) {
            if let Some(service) = service {
                let hosts = service.hosts.iter().filter(|host| **host < self.count);
                let hosts: Vec<String> = hosts.map(|i| format!("{:?}", HOSTS[*i])).collect();
                let _ = writeln!(cluster, "{name} = [{}]", hosts.join(", "));
            }
        }
        cluster += "[networks]\n";
        for (number, options) in self.networks.iter().enumerate() {
            let options = match options {
                0 => String::new(),
                1 => "internal = true".to_owned(),
                _ => format!("subnet = \"10.9.{number}.0/24\""),
            };
            let _ = writeln!(cluster, "n{number} = {{ {options} }}");
        }
        let _ = writeln!(cluster, "[vars]\nV0 = \"{}\"", self.shared[0]);
        let _ = writeln!(cluster, "V1 = \"x{{{{ V0 }}}}-{}\"", self.shared[1]);
        sources.insert("clusters/test/cluster.toml", cluster);
        let shared = format!(
            "[vars]\nV2 = {}\nV3 = \"{}\"\n",
            self.shared[2], self.shared[3]
        );
        sources.insert("clusters/test/service-config.toml", shared);
        for (index, service) in self.services.iter().enumerate() {
            if let Some(service) = service {
                let path = format!("clusters/test/services/{}.toml", SERVICES[index]);
                sources.insert(path, self.service(index, service));
            }
        }
        let built_in = crate::cluster::BUILT_IN_TEMPLATE;
        let template = match self.template {
            0 => built_in.to_owned(),
            1 => built_in.replacen("--pull=never", "--pull=never --init", 1),
            _ => built_in.replacen("[Service]", "[Service]\nRestartSteps=3", 1),
        };
        sources.insert("templates/container.service", template);
        let own = built_in.replacen("[Service]", "# of its own\n[Service]\nNice=1", 1);
        sources.insert("templates/own.service", own);
        sources
    }

    fn service(&self, index: usize, service: &ServiceSpec) -> String {
        let name = SERVICES[index];
        let mut text = format!("# {}\nimage = \"r.example/{name}\"\n", service.comment);
        let tag = if service.moving {
            "latest".to_owned()
        } else {
            service.tag.to_string()
        };
        let _ = writeln!(text, "tag = \"{tag}\"");
        if service.port {
            let _ = writeln!(text, "port = {}", 9000 + index);
        }
        // Whoever is needed has to be placed and to have a port.
        let needs = service.needs.iter().filter(|other| {
            **other != index
                && self.services[**other].as_ref().is_some_and(|other| {
                    other.port && other.hosts.iter().any(|host| *host < self.count)
                })
        });
        let needs: Vec<String> = needs.map(|i| format!("{:?}", SERVICES[*i])).collect();
        let _ = writeln!(text, "needs = [{}]", needs.join(", "));
        let vars: Vec<String> = service.vars.iter().map(|v| format!("\"V{v}\"")).collect();
        let _ = writeln!(text, "vars = [{}]", vars.join(", "));
        let [memory, volume, label, user, stop, health] = service.fields;
        if memory > 0 {
            let _ = writeln!(text, "memory = \"{memory}g\"");
        }
        if volume > 0 {
            let _ = writeln!(text, "volumes = [\"/data{volume}:/data\"]");
        }
        if user > 0 {
            let _ = writeln!(text, "user = \"{user}\"");
        }
        if stop > 0 {
            let _ = writeln!(text, "stop_timeout = \"{stop}s\"");
        }
        if service.manual {
            text += "restart = \"manual\"\n";
        }
        // One that is restarted by hand only would keep the others from another network.
        if let Some(number) = service.network.filter(|_| !service.manual) {
            let _ = writeln!(text, "networks = [\"n{number}\"]");
            if service.port && self.networks[number] == 1 {
                text += "publish = []\n";
            }
        }
        if service.stateful {
            text += "stateful = true\n";
        }
        if service.own_template {
            text += "template = \"own.service\"\n";
        }
        if label > 0 {
            let _ = writeln!(text, "[labels]\nlevel = \"{label}\"");
        }
        text += "[env]\n";
        for (key, value) in &service.env {
            let _ = writeln!(text, "E{key} = \"{value}\"");
        }
        if health > 0 {
            let _ = writeln!(
                text,
                "[health]\ncommand = [\"true\"]\ntimeout = \"{health}s\""
            );
        }
        text
    }

    /// `None` where the edits made no sense together.
    fn model(&self) -> Option<(Cluster, Desired)> {
        let cluster = check("test", &self.sources()).cluster?;
        let desired = render(&cluster).expect("the templates are sound");
        Some((cluster, desired))
    }
}

/// Who was disturbed on a host, by what became of the processes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Disturbed {
    started: BTreeSet<ServiceName>,
    restarted: BTreeSet<ServiceName>,
    stopped: BTreeSet<ServiceName>,
}

struct ReviewedWorld {
    hosts: BTreeMap<HostName, ModelHost>,
}

impl ReviewedWorld {
    fn observe(&self, desired: &Desired) -> Observed {
        let look = |(name, wanted): (&HostName, &DesiredHost)| {
            let host = self.hosts.get(name).cloned().unwrap_or_default();
            (name.clone(), host.observe(wanted))
        };
        Observed {
            hosts: desired.hosts.iter().map(look).collect(),
        }
    }

    /// Releases, undisturbed, and tells what became of the processes.
    fn release(&mut self, desired: &Desired) -> (Plan, BTreeMap<HostName, Disturbed>) {
        let options = Options {
            moves: Moves::Allow,
            ..Options::default()
        };
        let observed = self.observe(desired);
        let plan = plan(desired, &observed, &options);
        assert_eq!(plan.refusals, Vec::new());
        let before = self.hosts.clone();
        for wave in &plan.waves {
            for (name, steps) in &wave.activations {
                let wanted = &desired.hosts[name];
                let target = target(desired, name, &observed, &options);
                let host = self.hosts.entry(name.clone()).or_default();
                for step in steps {
                    host.step(step, wanted, &target)
                        .expect("nothing disturbs it");
                }
            }
        }
        let nothing = ModelHost::default();
        let disturbed = desired.hosts.keys().map(|name| {
            let before = before.get(name).unwrap_or(&nothing);
            let after = self.hosts.get(name).unwrap_or(&nothing);
            let mut disturbed = Disturbed::default();
            for (service, process) in &after.processes {
                match before.processes.get(service) {
                    None => disturbed.started.insert(service.clone()),
                    Some(old) if old.since != process.since => {
                        disturbed.restarted.insert(service.clone())
                    }
                    Some(_) => false,
                };
            }
            let gone = before.processes.keys();
            let gone = gone.filter(|service| !after.processes.contains_key(*service));
            disturbed.stopped.extend(gone.cloned());
            (name.clone(), disturbed)
        });
        let disturbed = disturbed.collect();
        (plan, disturbed)
    }
}

fn side<'a>((cluster, desired): &'a (Cluster, Desired), definitions: &'a Definitions) -> Side<'a> {
    Side {
        cluster,
        desired,
        definitions,
    }
}

/// Who is disturbed, by what the plan shows.
fn shown(plan: &Plan) -> BTreeMap<HostName, Disturbed> {
    let of = |action, host: &crate::plan::HostPlan| {
        let services = host.services.iter().filter(|s| s.action == action);
        services.map(|s| s.service.clone()).collect()
    };
    let hosts = plan.hosts.iter().map(|(name, host)| {
        let disturbed = Disturbed {
            started: of(Action::Start, host),
            restarted: of(Action::Restart, host),
            stopped: of(Action::Stop, host),
        };
        (name.clone(), disturbed)
    });
    hosts.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_shown_against_git_is_what_a_release_does(
        before in written(),
        (other, fields) in edits(),
    ) {
        let after = edit(&before, &other, &fields);
        let (Some(old), Some(new)) = (before.model(), after.model()) else {
            return Ok(());
        };
        let mut world = ReviewedWorld { hosts: BTreeMap::new() };
        world.release(&old.1);
        let defined = [&before, &after].map(|one| definitions("test", &one.sources()));
        let sides = [side(&old, &defined[0]), side(&new, &defined[1])];
        let review = review(Some(sides[0]), Some(sides[1]), &Options::default());
        let (plan, done) = world.release(&new.1);

        prop_assert_eq!(shown(&review.plan), done, "no more and no fewer");
        // Not only the restarts: reasons, files and order, too.
        let mut plan = plan;
        forget_unmoved_tags(&mut plan);
        prop_assert_eq!(&review.plan, &plan);
        for cause in &review.causes {
            for (service, hosts) in &cause.restarts {
                for host in hosts {
                    prop_assert!(shown(&review.plan)[host].restarted.contains(service));
                }
            }
        }
        if before.sources() == after.sources() {
            prop_assert!(review.is_empty());
        }
    }
}
