//! Random edits of a description, of every kind that it has.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{
    ConfigFiles, Description, Host, Images, Listen, Network, Piece, Reload, Service, Template,
    Value,
};
use super::edits_of_service::{change, of_service, usable};
use super::expected::{Scope, stem};
use super::random::Random;
use super::valid::make_valid;

/// The first port of the first service.
const PORTS: u16 = 12_000;

/// Networks that units make. There is also one that is there.
const NETWORKS: [&str; 2] = ["one", "two"];
pub const EXISTING: &str = "driver-net";

const FEWEST: usize = 5;
const MOST: usize = 9;

/// Tags whose image never changes. One is as new as the driver's run makes it: `latest`.
pub const TAGS: [&str; 3] = ["1.0", "1.1", "2.0"];
pub const MOVING: &str = "latest";

/// Values that some program on the way would change.
const NASTY: [&str; 26] = [
    "",
    " ",
    " both ends ",
    "it's",
    "\"quoted\"",
    "a\\b\\\\c\\",
    "$HOME ${PATH} $$",
    "%n %% %i",
    "two\nlines",
    "\nfirst and last\n",
    "one\ttab",
    "a\u{1}b\u{7f}c",
    "car\rriage\r\n",
    "# no comment",
    "; nor this",
    "A=B=C",
    "{\"json\": [1, \"two\"]}",
    "{{ NOT_A_NAME }} }} {{",
    "{# no comment #} {#",
    "${#X} ${Y#}z",
    "--option=-x",
    "'; rm -rf / #",
    "`id` $(id)",
    "Zürich 東京 🚢",
    "*?[a-z]",
    "\u{a0}\u{202e}odd",
];

pub fn nasty(random: &mut Random) -> String {
    match random.below(4) {
        0 => format!("value {}", random.below(1000)),
        1 => "x".repeat(1 + random.below(5000)),
        _ => {
            let parts: Vec<&str> = (0..=random.below(2))
                .map(|_| *random.pick(&NASTY))
                .collect();
            parts.join("-")
        }
    }
}

/// The first description.
pub fn first(hosts: Vec<Host>, random: &mut Random) -> Description {
    let template = Template {
        pause: 300,
        remark: 0,
        label: None,
        score: None,
    };
    let mut description = Description {
        hosts,
        kind: Some("test".to_owned()),
        config: BTreeMap::new(),
        cluster: BTreeMap::new(),
        secrets: BTreeMap::new(),
        services: BTreeMap::new(),
        jobs: BTreeMap::new(),
        networks: NETWORKS.map(|name| (name, Network::default())).into(),
        listen: Listen::All,
        template: Some(template.clone()),
        own_template: Template {
            remark: 1,
            ..template
        },
        spelling: 0,
    };
    for number in 0..3 {
        let words = |layer: &str| Value::words(&format!("{layer} {number}"));
        description
            .config
            .insert(format!("CFG_{number}"), words("config"));
        description
            .cluster
            .insert(format!("CLU_{number}"), words("cluster"));
        description
            .secrets
            .insert(format!("SEC_{number}"), format!("secret {number}"));
    }
    for host in &mut description.hosts {
        for number in 0..2 {
            let value = Value::words(&format!("{} {number}", host.name));
            host.vars.insert(format!("HST_{number}"), value);
        }
    }
    description
        .config
        .insert("BOTH_0".to_owned(), Value::words("lower"));
    description
        .cluster
        .insert("BOTH_0".to_owned(), Value::words("higher"));
    for _ in 0..FEWEST + 2 {
        add_service(&mut description, random);
    }
    description
}

/// One edit, in words. Some kinds need something that is not there: then another one is made.
pub fn edit(
    name: &str,
    description: &mut Description,
    images: &Images<'_>,
    random: &mut Random,
) -> String {
    loop {
        let done = match random.below(10) {
            0 | 1 => shared(name, description, images, random),
            2 => placed(description, random),
            3 => whole(description, random),
            _ => of_service(name, description, images, random),
        };
        if let Some(words) = done {
            make_valid(name, description, images);
            return words;
        }
    }
}

/// An edit of files that a service reads again, and of nothing else; `None` where no service has any.
pub fn edit_live(
    name: &str,
    description: &mut Description,
    images: &Images<'_>,
    random: &mut Random,
) -> Option<String> {
    let services = description.services.iter();
    let live = services.filter(|(_, service)| service.has_live() && !service.hosts.is_empty());
    let live: Vec<String> = live.map(|(name, _)| name.clone()).collect();
    if live.is_empty() {
        return None;
    }
    let which = random.pick(&live).clone();
    let mut service = description.services[&which].clone();
    let usable = usable(name, description, images, &service);
    let names: Vec<String> = description.services.keys().cloned().collect();
    let mut configs = service.config.iter_mut();
    let (target, config) = configs.find(|(_, config)| config.live)?;
    change(config, &usable, &names, random);
    let words = format!("{which}: read again at {target}: {config:?}");
    description.services.insert(which, service);
    make_valid(name, description, images);
    Some(words)
}

/// What several services may have: variables, secrets, templates.
fn shared(
    name: &str,
    description: &mut Description,
    images: &Images<'_>,
    random: &mut Random,
) -> Option<String> {
    let number = random.below(4);
    match random.below(14) {
        10..=12 => {
            let name = *random.pick(&NETWORKS);
            let network = Network {
                internal: random.chance(40),
                // No two have one subnet.
                subnet: match (random.below(3), name) {
                    (0, _) => None,
                    (1, "one") => Some(11),
                    (_, "one") => Some(12),
                    (1, _) => Some(21),
                    (_, _) => Some(22),
                },
            };
            description.networks.insert(name, network);
            Some(format!("network {name} {network:?}"))
        }
        13 => {
            let one = *random.pick(&[Listen::All, Listen::Address]);
            if random.chance(40) {
                description.listen = one;
                return Some(format!("listen {one:?}"));
            }
            let at = random.below(description.hosts.len());
            let host = &mut description.hosts[at];
            host.listen = random.chance(60).then_some(one);
            Some(format!("listen of {} {:?}", host.name, host.listen))
        }
        9 => {
            let at = random.below(description.hosts.len());
            let variable = format!("HST_{}", random.below(2));
            let value = Value::words(&nasty(random));
            let host = &mut description.hosts[at];
            host.vars.insert(variable.clone(), value.clone());
            Some(format!("{} {variable} = {value:?}", host.name))
        }
        0 | 1 => {
            let variable = *random.pick(&["CFG", "BOTH"]);
            let variable = format!("{variable}_{number}");
            let value = value(name, description, images, None, &variable, random);
            description.config.insert(variable.clone(), value.clone());
            Some(format!("service-config {variable} = {value:?}"))
        }
        2 | 3 => {
            let variable = *random.pick(&["CLU", "BOTH"]);
            let variable = format!("{variable}_{number}");
            let value = value(name, description, images, None, &variable, random);
            description.cluster.insert(variable.clone(), value.clone());
            Some(format!("cluster {variable} = {value:?}"))
        }
        4 => {
            let layer = if random.chance(50) {
                &mut description.config
            } else {
                &mut description.cluster
            };
            let names: Vec<String> = layer.keys().cloned().collect();
            let variable = random.pick(&names).clone();
            (layer.len() > 1).then(|| layer.remove(&variable))?;
            Some(format!("{variable} is taken away"))
        }
        5 | 6 => {
            let secret = format!("SEC_{number}");
            // `secrets set` leaves out a line break at the end of a single line.
            let value = nasty(random).trim_end_matches('\n').to_owned();
            description.secrets.insert(secret.clone(), value.clone());
            Some(format!("secret {secret} = {value:?}"))
        }
        7 => {
            let secrets: Vec<String> = description.secrets.keys().cloned().collect();
            let secret = random.pick(&secrets).clone();
            (secrets.len() > 1).then(|| description.secrets.remove(&secret))?;
            Some(format!("secret {secret} is taken away"))
        }
        _ => {
            let kind = format!("type-{}", random.below(3));
            description.kind = random.chance(80).then_some(kind);
            Some(format!("type {:?}", description.kind))
        }
    }
}

/// A value of a variable that may use others; never one that may use it.
pub fn value(
    name: &str,
    description: &Description,
    images: &Images<'_>,
    service: Option<&Service>,
    variable: &str,
    random: &mut Random,
) -> Value {
    match random.below(10) {
        0 => return Value::Integer(i64::try_from(random.below(100_000)).expect("it is small")),
        1 => return Value::Boolean(random.chance(50)),
        2..=5 => {}
        _ => return Value::words(&nasty(random)),
    }
    /// A variable uses only those of a lower rank.
    fn rank(name: &str) -> (usize, String) {
        let ranks = ["SEC_", "CFG_", "BOTH_", "CLU_", "OWN_"];
        let rank = ranks.iter().position(|start| name.starts_with(start));
        (rank.map_or(0, |rank| rank + 1), name.to_owned())
    }
    let scope = Scope {
        name,
        description,
        images,
        host: None,
    };
    let usable = scope.usable(service);
    let usable: Vec<&String> = usable
        .iter()
        .filter(|used| rank(used) < rank(variable))
        .collect();
    let mut pieces = Vec::new();
    for _ in 0..=random.below(2) {
        pieces.push(Piece::Words(format!("<{}>", nasty(random))));
        if !usable.is_empty() {
            pieces.push(Piece::Of((*random.pick(&usable)).clone()));
        }
    }
    Value::Text(pieces)
}

/// Which services there are, and where.
fn placed(description: &mut Description, random: &mut Random) -> Option<String> {
    let names: Vec<String> = description.services.keys().cloned().collect();
    let name = random.pick(&names).clone();
    let all: Vec<String> = description
        .hosts
        .iter()
        .map(|host| host.name.clone())
        .collect();
    match random.below(8) {
        0 if names.len() < MOST => Some(add_service(description, random)),
        1 if names.len() > FEWEST => {
            description.services.remove(&name);
            Some(format!("{name} is taken away"))
        }
        2 => {
            let service = description.services.remove(&name)?;
            let other = new_name(description, random);
            description.services.insert(other.clone(), service);
            Some(format!("{name} is now {other}"))
        }
        3 => {
            let service = description.services.get_mut(&name)?;
            service.hosts.clear();
            Some(format!("{name} is placed nowhere"))
        }
        _ => {
            let service = description.services.get_mut(&name)?;
            let before = service.hosts.clone();
            service.hosts = random.some(&all);
            (service.hosts != before).then(|| format!("{name} on {:?}", service.hosts))
        }
    }
}

pub fn new_name(description: &Description, random: &mut Random) -> String {
    loop {
        let first = *random.pick(&["web", "shop", "mail", "data-stream", "x", "api2"]);
        let name = match random.below(3) {
            0 => first.to_owned(),
            _ => format!("{first}-{}", random.below(10)),
        };
        // `x-1` and `x1` would not, but these two have one stem.
        let names = description.services.keys().chain(description.jobs.keys());
        let stems: BTreeSet<String> = names.map(|name| stem(name)).collect();
        if !stems.contains(&stem(&name)) {
            return name;
        }
    }
}

fn add_service(description: &mut Description, random: &mut Random) -> String {
    let name = new_name(description, random);
    new_service(&name, description, random);
    format!("{name} is new")
}

/// A new service of this name.
pub fn new_service(name: &str, description: &mut Description, random: &mut Random) {
    let taken: BTreeSet<u16> = description.services.values().map(|s| s.ports).collect();
    let mut free = (0..).map(|number| PORTS + 10 * number);
    let ports = free
        .find(|port| !taken.contains(port))
        .expect("there are enough");
    let hosts: Vec<String> = description
        .hosts
        .iter()
        .map(|host| host.name.clone())
        .collect();
    let mut hosts = random.some(&hosts);
    if hosts.is_empty() {
        hosts.push(
            description.hosts[random.below(description.hosts.len())]
                .name
                .clone(),
        );
    }
    let mut config = BTreeMap::new();
    if random.chance(40) {
        let files = ["a", "sub/b.conf"].map(|file| {
            let pieces = vec![Piece::Words(nasty(random))];
            (file.to_owned(), pieces)
        });
        let live = ConfigFiles {
            files: files.into(),
            template: random.chance(60),
            live: true,
            ..ConfigFiles::default()
        };
        config.insert("/etc/driver".to_owned(), live);
    }
    let networks: &[&str] = match random.below(6) {
        0 => &["one"],
        1 => &["two", "one"],
        _ => &[],
    };
    let reloads = [Reload::Signal, Reload::Command, Reload::CommandWithCheck];
    let service = Service {
        ports,
        config,
        networks: networks.to_vec(),
        reload: *random.pick(&reloads),
        own_volume: random.chance(30).then_some(("1000:1001", "0750")),
        port: random.chance(70).then_some(ports),
        hosts,
        vars: [random
            .pick(&[
                "CFG_*",
                "CLU_*",
                "CLUSTER_ID",
                "CFG_1",
                "HST_*",
                "CLUSTER_HOST",
            ])
            .to_string()]
        .into(),
        env: [("OWN_0".to_owned(), Value::words(&nasty(random)))].into(),
        ..Service::default()
    };
    description.services.insert(name.to_owned(), service);
}

/// Nothing that a container gets.
fn whole(description: &mut Description, random: &mut Random) -> Option<String> {
    match random.below(4) {
        0 | 1 => {
            description.spelling = random.next() | 1;
            Some("spelt otherwise".to_owned())
        }
        2 => {
            let change = template_edit(&mut description.own_template, random);
            Some(format!("own.service: {change}"))
        }
        _ => match &mut description.template {
            Some(template) if random.chance(85) => {
                let change = template_edit(template, random);
                Some(format!("container.service: {change}"))
            }
            Some(_) => {
                description.template = None;
                Some("the built-in template".to_owned())
            }
            None => {
                description.template = Some(description.own_template.clone());
                Some("a container.service".to_owned())
            }
        },
    }
}

fn template_edit(template: &mut Template, random: &mut Random) -> String {
    match random.below(4) {
        0 => {
            template.pause = 200 + 100 * (random.next() % 4);
            format!("RestartSec={}ms", template.pause)
        }
        1 => {
            template.remark += 1;
            "a remark".to_owned()
        }
        2 => {
            template.label = random.chance(70).then(|| random.next() % 3);
            format!("label {:?}", template.label)
        }
        _ => {
            let score = i64::try_from(random.below(3)).expect("it is small");
            template.score = random.chance(70).then_some(100 + score);
            format!("OOMScoreAdjust {:?}", template.score)
        }
    }
}

pub fn toggle<T: Ord + Clone>(set: &mut BTreeSet<T>, item: &T) {
    if !set.remove(item) {
        set.insert(item.clone());
    }
}
