//! Random edits of a description, of every kind that it has.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{
    ConfigFiles, Description, Health, Host, Image, Images, Listen, Network, PLAIN, Piece,
    Published, READER, Reload, Service, Template, Value,
};
use super::expected::{Scope, stem};
use super::random::Random;

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

fn nasty(random: &mut Random) -> String {
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
fn value(
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

fn new_name(description: &Description, random: &mut Random) -> String {
    loop {
        let first = *random.pick(&["web", "shop", "mail", "data-stream", "x", "api2"]);
        let name = match random.below(3) {
            0 => first.to_owned(),
            _ => format!("{first}-{}", random.below(10)),
        };
        // `x-1` and `x1` would not, but these two have one stem.
        let stems: BTreeSet<String> = description.services.keys().map(|name| stem(name)).collect();
        if !stems.contains(&stem(&name)) {
            return name;
        }
    }
}

fn add_service(description: &mut Description, random: &mut Random) -> String {
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
    let name = new_name(description, random);
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
    description.services.insert(name.clone(), service);
    format!("{name} is new")
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

fn toggle<T: Ord + Clone>(set: &mut BTreeSet<T>, item: &T) {
    if !set.remove(item) {
        set.insert(item.clone());
    }
}

fn of_service(
    name: &str,
    description: &mut Description,
    images: &Images<'_>,
    random: &mut Random,
) -> Option<String> {
    let names: Vec<String> = description.services.keys().cloned().collect();
    let which = random.pick(&names).clone();
    let mut service = description.services[&which].clone();
    let secrets: Vec<String> = description.secrets.keys().cloned().collect();
    let number = random.below(4);
    let words = match random.below(46) {
        0..=3 => {
            let variable = *random.pick(&["OWN", "OWN", "OWN", "BOTH"]);
            let variable = format!("{variable}_{number}");
            let value = match variable.starts_with("OWN") {
                true => value(name, description, images, Some(&service), &variable, random),
                false => Value::words(&nasty(random)),
            };
            service.env.insert(variable.clone(), value.clone());
            format!("env {variable} = {value:?}")
        }
        4 => {
            let variable = service.env.keys().next()?.clone();
            service.env.remove(&variable);
            format!("env {variable} is taken away")
        }
        5 | 6 => {
            let patterns = [
                "CFG_*",
                "CLU_*",
                "BOTH_*",
                "CFG_0",
                "CLU_1",
                "CLUSTER_*",
                "DOCKER01_IP",
            ];
            let pattern = random.pick(&patterns).to_string();
            toggle(&mut service.vars, &pattern);
            format!("vars {:?}", service.vars)
        }
        7 | 8 => {
            let other = random.pick(&names).clone();
            (other != which).then(|| toggle(&mut service.needs, &other))?;
            format!("needs {:?}", service.needs)
        }
        9 => {
            toggle(&mut service.secrets, random.pick(&secrets));
            format!("secrets {:?}", service.secrets)
        }
        10 => {
            let path = random
                .pick(&["/run/secrets/one", "/srv/keys/two"])
                .to_string();
            if service.files.remove(&path).is_none() {
                service.files.insert(path, random.pick(&secrets).clone());
            }
            format!("secret files {:?}", service.files)
        }
        11 | 12 => {
            let tag = random
                .pick(&[TAGS[0], TAGS[1], TAGS[2], MOVING])
                .to_string();
            service.image = Image::Tag(tag.clone());
            format!("tag {tag}")
        }
        13 => {
            let tag = random.pick(&TAGS).to_string();
            service.image = Image::Digest(tag.clone());
            format!("the digest of {tag}")
        }
        14 => {
            let ports: Vec<Option<u16>> = (0..4).map(|n| Some(service.ports + n)).collect();
            service.port = if random.chance(80) {
                *random.pick(&ports)
            } else {
                None
            };
            format!("port {:?}", service.port)
        }
        15 => {
            let volumes = [
                format!("{name}-data:/data"),
                format!("{name}-more:/more:ro"),
                format!("/srv/{name}/a:/srv/a"),
                format!("/srv/{name}/b:/srv/b:ro"),
            ];
            toggle(&mut service.volumes, random.pick(&volumes));
            format!("volumes {:?}", service.volumes)
        }
        16 => {
            service.command = match random.below(3) {
                0 => Vec::new(),
                // No control characters: docker's own log of a start would not tell them apart.
                _ => vec!["/entry".to_owned(), nasty(random)],
            };
            service.entrypoint = None;
            format!("command {:?}", service.command)
        }
        17 => {
            service.entrypoint = Some("/bin/busybox".to_owned());
            service.command = vec!["sh".to_owned(), "/entry".to_owned()];
            "an entrypoint".to_owned()
        }
        18 => {
            let users = [None, Some("nobody"), Some("65534:65534"), Some("0")];
            service.user = random.pick(&users).map(str::to_owned);
            format!("user {:?}", service.user)
        }
        19 => {
            service.memory = *random.pick(&[None, Some(64 << 20), Some(96 << 20)]);
            format!("memory {:?}", service.memory)
        }
        20 => {
            service.cpus = *random.pick(&[None, Some(500), Some(1000), Some(1250)]);
            format!("cpus {:?}", service.cpus)
        }
        21 => {
            // Both or none: of one alone podman raises the other, which a host of the fleet may not.
            let values = *random.pick(&[(512, 512), (512, 1024), (600, 600)]);
            if service.ulimits.is_empty() {
                for limit in ["nofile", "nproc"] {
                    service.ulimits.insert(limit.to_owned(), values);
                }
            } else {
                service.ulimits.clear();
            }
            format!("ulimits {:?}", service.ulimits)
        }
        22 => {
            let all = ["NET_ADMIN", "SYS_TIME", "-NET_RAW", "-MKNOD"].map(str::to_owned);
            toggle(&mut service.capabilities, random.pick(&all));
            format!("capabilities {:?}", service.capabilities)
        }
        23 => {
            service.read_only ^= true;
            format!("read_only {}", service.read_only)
        }
        24 => {
            let all = [
                "/dev/null:/dev/nothing",
                "/dev/zero:/dev/zeros:r",
                "/dev/full",
            ];
            toggle(&mut service.devices, &random.pick(&all).to_string());
            format!("devices {:?}", service.devices)
        }
        25 => {
            let label = *random.pick(&["team", "tier-2"]);
            if service.labels.remove(label).is_none() {
                service.labels.insert(label.to_owned(), nasty(random));
            }
            format!("labels {:?}", service.labels)
        }
        26 => {
            let own = format!("{name}-net");
            let all = [
                None,
                Some("host"),
                Some("none"),
                Some("bridge"),
                Some(own.as_str()),
            ];
            service.network = random.pick(&all).map(str::to_owned);
            format!("network {:?}", service.network)
        }
        27 => {
            service.stop_timeout = *random.pick(&[None, Some(3), Some(5), Some(20)]);
            service.stateful ^= random.chance(30);
            let (stop, stateful) = (service.stop_timeout, service.stateful);
            format!("stop_timeout {stop:?}, stateful {stateful}")
        }
        28 => {
            service.manual ^= true;
            format!("manual {}", service.manual)
        }
        35 | 36 => {
            let all: [&[&str]; 7] = [
                &[],
                &["one"],
                &["two"],
                &["one", "two"],
                &["two", "one"],
                &[EXISTING],
                &[EXISTING, "one"],
            ];
            service.networks = random.pick(&all).to_vec();
            service.network = service.network.filter(|_| service.networks.is_empty());
            format!("networks {:?}", service.networks)
        }
        37 => {
            toggle(&mut service.aliases, random.pick(&["mysql", "cache.local"]));
            format!("aliases {:?}", service.aliases)
        }
        38 | 39 => {
            service.publish = *random.pick(&[
                Published::Port,
                Published::Nothing,
                Published::Other,
                Published::Loopback,
                Published::More,
            ]);
            format!("publish {:?}", service.publish)
        }
        40 => {
            let owners = ["0:0", "1000:1001", "7"];
            let one = (
                *random.pick(&owners),
                *random.pick(&["0755", "0700", "1777"]),
            );
            service.own_volume = random.chance(75).then_some(one);
            format!("a volume of its own {:?}", service.own_volume)
        }
        41 => {
            let other = random.pick(&names).clone();
            (other != which).then(|| toggle(&mut service.after, &other))?;
            format!("after {:?}", service.after)
        }
        42 => {
            let all = [Reload::Signal, Reload::Command, Reload::CommandWithCheck];
            service.reload = *random.pick(&all);
            format!("reload {:?}", service.reload)
        }
        30..=33 | 43..=45 => config_edit(name, description, images, &mut service, random),
        29 => {
            let command = ["test", "-e", "/entry"].map(str::to_owned).to_vec();
            let all = [
                Health::None,
                Health::Http,
                Health::Tcp,
                Health::Command(command),
            ];
            service.health = random.pick(&all).clone();
            "another health".to_owned()
        }
        _ => {
            for _ in 0..3 {
                let (key, ..) = *random.pick(&PLAIN);
                if !service.plain.remove(key) {
                    service.plain.insert(key);
                }
            }
            service.own_template ^= random.chance(40);
            let (plain, own) = (&service.plain, service.own_template);
            format!("plain keys {plain:?}, own template {own}")
        }
    };
    description.services.insert(which.clone(), service);
    Some(format!("{which}: {words}"))
}

/// Another file of the repository, or one that was there otherwise.
fn config_edit(
    name: &str,
    description: &Description,
    images: &Images<'_>,
    service: &mut Service,
    random: &mut Random,
) -> String {
    let target = random.pick(&["/etc/driver", "/run/driver"]).to_string();
    if service.config.contains_key(&target) && random.chance(25) {
        service.config.remove(&target);
        return format!("no files at {target}");
    }
    let usable = usable(name, description, images, service);
    let names: Vec<String> = description.services.keys().cloned().collect();
    let config = service.config.entry(target.clone()).or_insert_with(|| {
        let directory = random.chance(60);
        let files: &[&str] = if directory {
            &["a", "sub/b.conf"]
        } else {
            &[""]
        };
        ConfigFiles {
            files: files
                .iter()
                .map(|file| ((*file).to_owned(), Vec::new()))
                .collect(),
            template: random.chance(60),
            live: directory && random.chance(70),
            ..ConfigFiles::default()
        }
    });
    match random.chance(10) {
        true => config.live ^= true,
        false => change(config, &usable, &names, random),
    }
    format!("files at {target}: {config:?}")
}

/// Another text, other permissions, or another file.
fn change(config: &mut ConfigFiles, usable: &[String], names: &[String], random: &mut Random) {
    match random.below(8) {
        7 => {
            let directory = !config.files.contains_key("");
            if config.files.remove("more").is_none() && directory {
                config.files.insert("more".to_owned(), Vec::new());
            }
        }
        0 => config.mode = *random.pick(&[None, Some("0400"), Some("0444"), Some("0755")]),
        1 => config.owner = *random.pick(&[None, Some("7"), Some("1000:1001")]),
        2 => config.by_host ^= true,
        3 => config.lists = random.chance(70).then(|| random.pick(names).clone()),
        4 => config.template ^= true,
        _ => {
            let files: Vec<String> = config.files.keys().cloned().collect();
            let mut pieces = vec![Piece::Words(nasty(random))];
            for _ in 0..random.below(3) {
                pieces.push(Piece::Of(random.pick(usable).clone()));
                pieces.push(Piece::Words(nasty(random)));
            }
            config.files.insert(random.pick(&files).clone(), pieces);
        }
    }
}

/// What a file of a service may use.
fn usable(
    name: &str,
    description: &Description,
    images: &Images<'_>,
    service: &Service,
) -> Vec<String> {
    let scope = Scope {
        name,
        description,
        images,
        host: None,
    };
    scope.usable(Some(service)).into_iter().collect()
}

/// Networks have the options that they had before, since a release of some services refuses others.
pub fn keep_networks(
    name: &str,
    description: &mut Description,
    before: &Description,
    images: &Images<'_>,
) {
    description.networks.clone_from(&before.networks);
    make_valid(name, description, images);
}

/// What an edit leaves behind that `check` would refuse is taken out, too.
pub fn make_valid(name: &str, description: &mut Description, images: &Images<'_>) {
    for service in description.services.values_mut() {
        if !service.networks.is_empty() {
            service.network = None;
            service.was_in_networks = true;
            let internal = |name: &&str| {
                let options = description.networks.get(name);
                options.is_some_and(|options| options.internal)
            };
            if service.networks.iter().all(internal) {
                service.publish = Published::Nothing;
            }
        }
        service.manual &= !service.was_in_networks;
        if service.network.as_deref() == Some("none") {
            service.port = None;
        }
        if service.port.is_none() || matches!(service.network.as_deref(), Some("host" | "none")) {
            service.publish = Published::Port;
        }
        for config in service.config.values_mut() {
            config.live &= !config.files.contains_key("");
            // Whoever reads it must be able to.
            if config.live && config.mode == Some("0400") {
                config.mode = None;
            }
        }
        if service.has_live() {
            service.entrypoint = None;
            service.command = ["sh", "-c", READER].map(str::to_owned).to_vec();
        }
        if service.port.is_none() && matches!(service.health, Health::Http | Health::Tcp) {
            service.health = Health::None;
        }
        let for_docker = service.memory.is_some()
            || service.cpus.is_some()
            || service.network.is_some()
            || service.plain.contains("pids")
            || !service.devices.is_empty();
        if for_docker {
            // Podman has no cgroups there, see tests/fleet/fleet.
            let podman = description
                .hosts
                .iter()
                .filter(|host| host.engine == "podman");
            let podman: Vec<&str> = podman.map(|host| host.name.as_str()).collect();
            service
                .hosts
                .retain(|host| !podman.contains(&host.as_str()));
        }
    }
    let placed: BTreeSet<String> = description
        .services
        .iter()
        .filter(|(_, service)| !service.hosts.is_empty())
        .map(|(name, _)| name.clone())
        .collect();
    let secrets: BTreeSet<String> = description.secrets.keys().cloned().collect();
    let names: BTreeSet<String> = description.services.keys().cloned().collect();
    for service in description.services.values_mut() {
        service.needs.retain(|need| placed.contains(need));
        let needs = &service.needs;
        let after = &mut service.after;
        after.retain(|other| placed.contains(other) && !needs.contains(other));
        service.secrets.retain(|secret| secrets.contains(secret));
        service.files.retain(|_, secret| secrets.contains(secret));
        for config in service.config.values_mut() {
            config.lists = config.lists.take().filter(|listed| names.contains(listed));
        }
    }
    let before = description.clone();
    for service in description.services.values_mut() {
        let reached = |need: &String| {
            service.hosts.iter().all(|host| {
                let scope = Scope {
                    name,
                    description: &before,
                    images,
                    host: Some(host),
                };
                scope.reaches(service, need)
            })
        };
        let needs: Vec<String> = service
            .needs
            .iter()
            .filter(|n| reached(n))
            .cloned()
            .collect();
        service.needs = needs.into_iter().collect();
    }
    // What is not there any more is no longer used; that may take away what others use.
    loop {
        let before = description.clone();
        let scope = Scope {
            name,
            description: &before,
            images,
            host: None,
        };
        let mended = std::cell::Cell::new(false);
        let mend_pieces = |pieces: &mut Vec<Piece>, usable: &BTreeSet<String>| {
            for piece in pieces {
                if matches!(piece, Piece::Of(name) if !usable.contains(name)) {
                    *piece = Piece::Words("gone".to_owned());
                    mended.set(true);
                }
            }
        };
        let mend = |value: &mut Value, usable: &BTreeSet<String>| {
            if let Value::Text(pieces) = value {
                mend_pieces(pieces, usable);
            }
        };
        let usable = scope.usable(None);
        let layers = description
            .config
            .values_mut()
            .chain(description.cluster.values_mut());
        layers.for_each(|value| mend(value, &usable));
        let names = scope.cluster_names();
        for (name, service) in &mut description.services {
            let usable = scope.usable(before.services.get(name));
            service
                .env
                .values_mut()
                .for_each(|value| mend(value, &usable));
            let config = service.config.values_mut();
            config
                .flat_map(|config| config.files.values_mut())
                .for_each(|pieces| mend_pieces(pieces, &usable));
            service
                .vars
                .retain(|pattern| match pattern.strip_suffix('*') {
                    Some(start) => names.keys().any(|name| name.starts_with(start)),
                    None => names.contains_key(pattern),
                });
        }
        if !mended.get() {
            return;
        }
    }
}
