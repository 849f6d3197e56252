//! A description as this driver thinks of it, and how it is written. Written again with another
//! [`Spelling`] it means the same and looks different.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::jobs::{Job, Runs};
use super::random::Random;

#[derive(Clone)]
pub struct Description {
    pub hosts: Vec<Host>,
    /// `type` of `cluster.toml`.
    pub kind: Option<String>,
    /// `[vars]` of `service-config.toml`.
    pub config: BTreeMap<String, Value>,
    /// `[vars]` of `cluster.toml`.
    pub cluster: BTreeMap<String, Value>,
    pub secrets: BTreeMap<String, String>,
    pub services: BTreeMap<String, Service>,
    /// What runs to its end. No name is also a service's.
    pub jobs: BTreeMap<String, Job>,
    /// `[networks]` that units make, with their options.
    pub networks: BTreeMap<&'static str, Network>,
    /// `listen` of the cluster.
    pub listen: Listen,
    /// `templates/container.service`, if the repository has one.
    pub template: Option<Template>,
    /// `templates/own.service`
    pub own_template: Template,
    pub spelling: u64,
}

#[derive(Clone)]
pub struct Host {
    pub name: String,
    pub address: String,
    pub key: String,
    pub engine: &'static str,
    /// Its own `listen`.
    pub listen: Option<Listen>,
    /// `[hosts.NAME.vars]`: the same names on all of them.
    pub vars: BTreeMap<String, Value>,
}

/// Where a host publishes what names no address.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Listen {
    #[default]
    All,
    /// The host's own.
    Address,
}

impl Listen {
    fn text(self) -> &'static str {
        match self {
            Listen::All => "all",
            Listen::Address => "address",
        }
    }
}

/// The options of a network.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Network {
    pub internal: bool,
    /// The third number of its subnet.
    pub subnet: Option<u8>,
}

impl Network {
    /// As it is written.
    pub fn subnet(self) -> Option<String> {
        self.subnet.map(|number| format!("172.29.{number}.0/24"))
    }
}

/// A value as it is written: a text with other variables in it, or a number or boolean.
#[derive(Clone, Debug)]
pub enum Value {
    Text(Vec<Piece>),
    Integer(i64),
    Boolean(bool),
}

#[derive(Clone, Debug)]
pub enum Piece {
    Words(String),
    /// `{{ NAME }}`
    Of(String),
}

#[derive(Clone, Default)]
pub struct Service {
    /// Where its ports begin: no two services have ports in common.
    pub ports: u16,
    pub image: Image,
    pub port: Option<u16>,
    pub needs: BTreeSet<String>,
    /// Services.
    pub after: BTreeSet<String>,
    /// Jobs that run once, in the same list.
    pub after_jobs: BTreeSet<String>,
    /// Whether it is the body of a job.
    pub is_job: bool,
    pub vars: BTreeSet<String>,
    pub env: BTreeMap<String, Value>,
    pub secrets: BTreeSet<String>,
    /// Secrets that are files, by path.
    pub files: BTreeMap<String, String>,
    /// Files of the repository: `/etc/driver` or `/run/driver`, each a directory or a file of that name.
    pub config: BTreeMap<String, ConfigFiles>,
    pub volumes: BTreeSet<String>,
    /// A directory of its own that is made where it is absent: owner and permissions.
    pub own_volume: Option<(&'static str, &'static str)>,
    /// How it reads directories of `[files]` again.
    pub reload: Reload,
    pub command: Vec<String>,
    pub entrypoint: Option<String>,
    pub user: Option<String>,
    /// In bytes.
    pub memory: Option<u64>,
    /// In thousandths.
    pub cpus: Option<u64>,
    pub ulimits: BTreeMap<String, (i64, i64)>,
    pub capabilities: BTreeSet<String>,
    pub read_only: bool,
    pub devices: BTreeSet<String>,
    pub labels: BTreeMap<String, String>,
    pub network: Option<String>,
    /// In this order.
    pub networks: Vec<&'static str>,
    /// Whether it was ever in one. Who is in a network must not wait for a restart by hand, since that holds up others.
    pub was_in_networks: bool,
    pub aliases: BTreeSet<&'static str>,
    pub publish: Published,
    /// In seconds.
    pub stop_timeout: Option<u64>,
    pub stateful: bool,
    pub manual: bool,
    pub health: Health,
    pub own_template: bool,
    /// Keys of [`PLAIN`].
    pub plain: BTreeSet<&'static str>,
    /// In the order in which `[place]` names them; the first one is `X_HOST`.
    pub hosts: Vec<String>,
}

/// An entry of `[files]`.
#[derive(Clone, Default, Debug)]
pub struct ConfigFiles {
    /// Below the directory; a file that is one by itself has no name.
    pub files: BTreeMap<String, Vec<Piece>>,
    pub template: bool,
    /// A directory that is read again without a restart.
    pub live: bool,
    /// A template that speaks of its host.
    pub by_host: bool,
    /// A service whose hosts a template lists.
    pub lists: Option<String>,
    pub mode: Option<&'static str>,
    pub owner: Option<&'static str>,
}

impl ConfigFiles {
    /// A file as it is written.
    fn text(&self, pieces: &[Piece]) -> String {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                // What could be code is a text within code.
                Piece::Words(words) if self.template && words.contains('{') => {
                    text += &format!("{{{{ \"{}\" }}}}", escaped(words));
                }
                Piece::Words(words) => text += words,
                Piece::Of(name) => text += &format!("{{{{ {name} }}}}"),
            }
        }
        if self.by_host && self.template {
            text += "\n{{ host.name }} {{ host.address }}\n";
        }
        if let (Some(service), true) = (&self.lists, self.template) {
            text += &format!(
                "\n{{% for h in services[\"{service}\"].hosts %}}\n{{{{ h.name }}}}={{{{ h.address }}}}\n{{% endfor %}}\n"
            );
        }
        text
    }
}

/// How a service reads its live directories again.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Reload {
    /// With a check, which a signal needs.
    #[default]
    Signal,
    Command,
    CommandWithCheck,
}

/// What the first file of a live directory says, so that the check or the reload fails.
pub const REFUSED_BY_CHECK: &str = "REFUSED-BY-CHECK";
pub const REFUSED_BY_RELOAD: &str = "REFUSED-BY-RELOAD";

/// The command of who has live directories: what it has read it holds open, by descriptors 3 and up, and its umask counts how often it has
/// read. So both are seen from outside, and it needs no place to write to.
pub const READER: &str = "n=0
read_it() {
    n=$((n + 1)); umask $(printf %o $n)
    exec 3</dev/null 4</dev/null 5</dev/null 6</dev/null
    [ ! -f /etc/driver/a ] || exec 3</etc/driver/a
    [ ! -f /etc/driver/sub/b.conf ] || exec 4</etc/driver/sub/b.conf
    [ ! -f /run/driver/a ] || exec 5</run/driver/a
    [ ! -f /run/driver/sub/b.conf ] || exec 6</run/driver/sub/b.conf
}
trap read_it HUP
trap 'exit 0' TERM
read_it
/entry &
while :; do wait; done";

/// The files behind those descriptors.
pub const HELD: [(u8, &str); 4] = [
    (3, "/etc/driver/a"),
    (4, "/etc/driver/sub/b.conf"),
    (5, "/run/driver/a"),
    (6, "/run/driver/sub/b.conf"),
];

impl Reload {
    fn text(self) -> String {
        let words = |refused: &str, otherwise: &str| {
            format!(
                "[\"sh\", \"-c\", \"! cat /etc/driver/a /run/driver/a 2>/dev/null | grep -q {refused} {otherwise}\"]"
            )
        };
        let command = words(REFUSED_BY_RELOAD, "&& kill -HUP 1");
        let check = words(REFUSED_BY_CHECK, "");
        match self {
            Reload::Signal => format!("reload = {{ signal = \"HUP\" }}, check = {check}"),
            Reload::Command => format!("reload = {{ command = {command} }}"),
            Reload::CommandWithCheck => {
                format!("reload = {{ command = {command} }}, check = {check}")
            }
        }
    }
}

/// Plain keys: what the description says, and what docker tells of the container then.
pub const PLAIN: [(&str, &str, &str, &str); 10] = [
    ("shm_size", "\"32m\"", "shm", "33554432"),
    ("workdir", "\"/tmp\"", "directory", "/tmp"),
    ("init", "true", "init", "true"),
    ("hostname", "\"box\"", "hostname", "box"),
    ("groups", "[\"998\", \"12\"]", "groups", "998,12"),
    ("tmpfs", "[\"/run:size=1m\"]", "tmpfs", "/run:size=1m"),
    ("pids", "200", "pids", "200"),
    (
        "security",
        "{ no_new_privileges = true }",
        "security",
        "no-new-privileges",
    ),
    (
        "dns",
        "[\"10.77.0.1\", \"10.77.0.2\"]",
        "dns",
        "10.77.0.1,10.77.0.2",
    ),
    (
        "log",
        "{ driver = \"json-file\", options = { max-size = \"1m\" } }",
        "log",
        "json-file max-size=1m",
    ),
];

#[derive(Clone, PartialEq, Eq)]
pub enum Image {
    Tag(String),
    /// The digest of this tag.
    Digest(String),
}

impl Default for Image {
    fn default() -> Self {
        Self::Tag("1.0".to_owned())
    }
}

/// What of a service's port is published.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Published {
    /// As without `publish`.
    #[default]
    Port,
    Nothing,
    /// Another port of the host.
    Other,
    /// At the loopback address alone.
    Loopback,
    /// Also at the loopback address, and a port of another protocol.
    More,
}

impl Service {
    /// What is published: address, port of the host, port of the container.
    pub fn published(&self) -> Vec<(Option<&'static str>, u16, String)> {
        let Some(port) = self.port else {
            return Vec::new();
        };
        let inside = format!("{port}/tcp");
        let (other, third) = (self.ports + 7, self.ports + 8);
        match self.publish {
            Published::Port => vec![(None, port, inside)],
            Published::Nothing => Vec::new(),
            Published::Other => vec![(None, other, inside)],
            Published::Loopback => vec![(Some("127.0.0.1"), other, inside)],
            Published::More => vec![
                (Some("127.0.0.1"), other, inside.clone()),
                (None, port, inside),
                (None, third, format!("{third}/udp")),
            ],
        }
    }

    pub fn has_live(&self) -> bool {
        self.config.values().any(|config| config.live)
    }

    /// The directory of its own volume.
    pub fn own_path(&self, cluster: &str) -> String {
        format!("/srv/{cluster}/own/{}", self.ports)
    }

    /// Those that come before it.
    pub fn comes_after(&self) -> impl Iterator<Item = &String> {
        self.needs.iter().chain(&self.after)
    }
}

#[derive(Clone, Default, PartialEq, Eq)]
pub enum Health {
    #[default]
    None,
    Http,
    Tcp,
    Command(Vec<String>),
}

/// A unit template: the built-in one with changes.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    /// `RestartSec=` in milliseconds, which a reload makes effective.
    pub pause: u64,
    /// A comment.
    pub remark: u64,
    /// A label of the container.
    pub label: Option<u64>,
    /// `OOMScoreAdjust=`
    pub score: Option<i64>,
}

/// Where the images are: `10.77.0.1:5000`, and the digests of their tags.
pub struct Images<'a> {
    pub registry: &'a str,
    pub digests: &'a BTreeMap<String, String>,
}

impl Images<'_> {
    /// The name of the image, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, super::IMAGE)
    }
}

impl Description {
    /// Writes all of it but `secrets.toml`, which bayplan writes.
    pub fn write(&self, root: &Path, name: &str, images: &Images<'_>) {
        let cluster_name = name;
        let cluster = root.join("clusters").join(name);
        let directory = cluster.join("services");
        let templates = root.join("templates");
        let _ = fs::remove_dir_all(&directory);
        let _ = fs::remove_dir_all(&templates);
        fs::create_dir_all(&directory).expect("there is room");
        fs::create_dir_all(&templates).expect("there is room");
        let put = |path: &Path, text: String| fs::write(path, text).expect("there is room");
        put(&cluster.join("cluster.toml"), self.cluster_file(name));
        put(&cluster.join("service-config.toml"), self.config_file());
        let jobs = self.jobs.iter();
        let jobs = jobs.map(|(name, job)| (name, &job.body, Some(job.runs)));
        let services = self.services.iter().map(|(name, one)| (name, one, None));
        for (name, service, runs) in services.chain(jobs) {
            let text = self.service_file(cluster_name, name, service, runs, images);
            put(&directory.join(format!("{name}.toml")), text);
            for (target, config) in &service.config {
                for (file, pieces) in &config.files {
                    let path = directory.join(name).join(source(target)).join(file);
                    let path = match file.is_empty() {
                        true => directory.join(name).join(source(target)),
                        false => path,
                    };
                    fs::create_dir_all(path.parent().expect("it is below")).expect("there is room");
                    put(&path, config.text(pieces));
                }
            }
        }
        if let Some(template) = &self.template {
            put(&templates.join("container.service"), template.text());
        }
        put(&templates.join("own.service"), self.own_template.text());
    }

    fn spelling(&self, file: &str) -> Spelling {
        let seed = file.bytes().fold(self.spelling, |seed, byte| {
            seed.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        Spelling {
            plain: self.spelling == 0,
            random: Random::new(seed),
            lines: Vec::new(),
        }
    }

    fn cluster_file(&self, name: &str) -> String {
        let mut file = self.spelling("cluster");
        if let Some(kind) = &self.kind {
            let kind = file.text(kind);
            file.line("type", &kind);
        }
        if self.listen != Listen::All || !file.often() {
            let listen = file.text(self.listen.text());
            file.line("listen", &listen);
        }
        file.shuffle();
        file.table("[ssh]", vec!["user = \"root\"".to_owned()]);
        for host in &self.hosts {
            let lines = [
                ("address", &host.address),
                ("host_key", &host.key),
                ("engine", &host.engine.to_owned()),
            ];
            let lines = lines.map(|(key, value)| format!("{key} = \"{value}\""));
            let mut lines = lines.to_vec();
            let listen = host.listen.map(Listen::text);
            lines.extend(listen.map(|listen| format!("listen = \"{listen}\"")));
            file.table(&format!("[hosts.{}]", host.name), lines);
            let vars = file.values(&host.vars);
            file.table(&format!("[hosts.{}.vars]", host.name), vars);
        }
        let mut places = Vec::new();
        let mut all: Vec<&String> = self.hosts.iter().map(|host| &host.name).collect();
        all.sort();
        let jobs = self.jobs.iter().map(|(name, job)| (name, &job.body));
        for (name, service) in self.services.iter().chain(jobs) {
            let hosts: Vec<String> = service.hosts.iter().map(|h| format!("\"{h}\"")).collect();
            places.push(match hosts.as_slice() {
                [] => continue,
                _ if !service.is_job
                    && service.hosts.iter().eq(all.iter().copied())
                    && !file.often() =>
                {
                    format!("{name} = \"*\"")
                }
                [one] if file.random.chance(50) => format!("{name} = {one}"),
                hosts => format!("{name} = [{}]", hosts.join(", ")),
            });
        }
        file.table("[place]", places);
        let vars = file.values(&self.cluster);
        file.table("[vars]", vars);
        let mut networks = vec![format!("{name}-net = {{ existing = true }}")];
        for (network, options) in &self.networks {
            let subnet = options.subnet();
            let subnet = subnet.map(|subnet| format!("subnet = \"{subnet}\""));
            let internal = match options.internal {
                true => Some("internal = true"),
                false if !file.often() => Some("internal = false"),
                false => None,
            };
            let keys = subnet.into_iter().chain(internal.map(str::to_owned));
            let keys = file.random.shuffled(keys.collect());
            networks.push(format!("{network} = {{ {} }}", keys.join(", ")));
        }
        file.table("[networks]", networks);
        file.end()
    }

    fn config_file(&self) -> String {
        let mut file = self.spelling("config");
        let vars = file.values(&self.config);
        file.table("[vars]", vars);
        file.end()
    }

    fn service_file(
        &self,
        cluster: &str,
        name: &str,
        service: &Service,
        runs: Option<Runs>,
        images: &Images<'_>,
    ) -> String {
        let mut file = self.spelling(name);
        let image = file.text(&images.name());
        file.line("image", &image);
        match &service.image {
            Image::Tag(tag) => file.line("tag", &format!("\"{tag}\"")),
            Image::Digest(of) => file.line("digest", &format!("\"{}\"", images.digests[of])),
        }
        if let Some(port) = service.port {
            let port = match file.often() {
                true => port.to_string(),
                false => format!("{port:#x}"),
            };
            file.line("port", &port);
        }
        file.list("needs", service.needs.iter());
        file.list("after", service.after.iter().chain(&service.after_jobs));
        file.list("vars", service.vars.iter());
        let mut secrets: Vec<String> = service.secrets.iter().map(|s| format!("\"{s}\"")).collect();
        for (path, secret) in &service.files {
            secrets.push(format!(
                "{{ name = \"{secret}\", as = \"file\", path = \"{path}\" }}"
            ));
        }
        if !secrets.is_empty() {
            let secrets = file.random.shuffled(secrets).join(", ");
            file.line("secrets", &format!("[{secrets}]"));
        }
        if service.publish != Published::Port {
            let publish = service.published().into_iter();
            let publish = publish.map(|(address, outside, inside)| {
                let inside = match inside.strip_suffix("/tcp") {
                    Some(port) if file.often() => port.to_owned(),
                    _ => inside,
                };
                let text = match address {
                    Some(address) => format!("{address}:{outside}:{inside}"),
                    None => format!("{outside}:{inside}"),
                };
                file.text(&text)
            });
            let publish: Vec<String> = publish.collect();
            file.line("publish", &format!("[{}]", publish.join(", ")));
        }
        let owned = |names: &mut dyn Iterator<Item = &&str>| -> Vec<String> {
            names.map(|name| (*name).to_owned()).collect()
        };
        let networks = owned(&mut service.networks.iter());
        file.ordered_list("networks", networks.iter());
        if !networks.is_empty() {
            file.list("aliases", owned(&mut service.aliases.iter()).iter());
        }
        if !service.volumes.is_empty() || service.own_volume.is_some() {
            let mut volumes: Vec<String> =
                service.volumes.iter().map(|one| file.volume(one)).collect();
            volumes.extend(service.own_volume.map(|(owner, mode)| {
                let source = service.own_path(cluster);
                format!(
                    "{{ source = \"{source}\", target = \"/own\", owner = \"{owner}\", mode = \"{mode}\" }}"
                )
            }));
            let volumes = file.random.shuffled(volumes).join(", ");
            file.line("volumes", &format!("[{volumes}]"));
        }
        if !file.often() {
            let most = file.one_of(&["1".to_owned(), "2".to_owned(), "\"70%\"".to_owned()]);
            file.line("max_down", &most);
        }
        file.ordered_list("command", service.command.iter());
        file.ordered_list("capabilities", service.capabilities.iter());
        file.ordered_list("devices", service.devices.iter());
        for (key, value) in [
            ("entrypoint", &service.entrypoint),
            ("user", &service.user),
            ("network", &service.network),
        ] {
            if let Some(value) = value {
                let value = file.text(value);
                file.line(key, &value);
            }
        }
        for (key, value, _, _) in PLAIN.iter().filter(|row| service.plain.contains(row.0)) {
            file.line(key, value);
        }
        if let Some(memory) = service.memory {
            let memory = file.one_of(&[
                format!("{}m", memory >> 20),
                format!("{}k", memory >> 10),
                memory.to_string(),
                format!("{memory}b"),
            ]);
            file.line("memory", &format!("\"{memory}\""));
        }
        if let Some(cpus) = service.cpus {
            let number = format!("{}.{:03}", cpus / 1000, cpus % 1000);
            let short = number.trim_end_matches('0').trim_end_matches('.');
            let cpus = file.one_of(&[
                short.to_owned(),
                format!("\"{short}\""),
                format!("\"{number}\""),
            ]);
            file.line("cpus", &cpus);
        }
        if service.read_only {
            file.line("read_only", "true");
        }
        if let Some(seconds) = service.stop_timeout {
            let text = match file.often() {
                true => format!("\"{seconds}s\""),
                false => format!("\"{}ms\"", seconds * 1000),
            };
            file.line("stop_timeout", &text);
        }
        if service.stateful {
            file.line("stateful", "true");
        } else if !file.often() {
            file.line("stateful", "false");
        }
        if service.manual {
            file.line("restart", "\"manual\"");
        } else if runs.is_none() && !file.often() {
            file.line("restart", "'auto'");
        }
        let key = match runs {
            None => None,
            Some(Runs::Image) => Some("image"),
            Some(Runs::Inputs) => Some("inputs"),
            Some(Runs::Always) => Some("always"),
            Some(Runs::Timer(calendar)) => {
                let text = file.text(&calendar.text());
                file.line("schedule", &text);
                if calendar.catch_up || !file.often() {
                    file.line("catch_up", &calendar.catch_up.to_string());
                }
                None
            }
        };
        if let Some(key) = key {
            let key = file.text(key);
            file.line("once", &key);
        }
        if runs.is_some() {
            file.line("timeout", "\"60s\"");
        }
        if service.own_template {
            file.line("template", "\"own.service\"");
        }
        file.shuffle();
        let env = file.values(&service.env);
        file.table("[env]", env);
        let mut ulimits = Vec::new();
        for (name, (soft, hard)) in &service.ulimits {
            let both = format!("{name} = \"{soft}:{hard}\"");
            let one = [
                format!("{name} = {soft}"),
                format!("{name} = \"{soft}\""),
                both.clone(),
            ];
            ulimits.push(match soft == hard {
                true => file.one_of(&one),
                false => both,
            });
        }
        file.table("[ulimits]", ulimits);
        let labels = service.labels.iter();
        let labels = labels
            .map(|(name, value)| format!("{name} = {}", file.text(value)))
            .collect();
        file.table("[labels]", labels);
        let health = match &service.health {
            Health::None => Vec::new(),
            Health::Http => vec!["http = \"/health\"".to_owned()],
            Health::Tcp => vec!["tcp = true".to_owned()],
            Health::Command(words) => {
                let words: Vec<String> = words.iter().map(|word| file.text(word)).collect();
                vec![format!("command = [{}]", words.join(", "))]
            }
        };
        file.table("[health]", health);
        let config = service.config.iter().map(|(target, config)| {
            let mut keys = vec![format!("from = \"{}\"", source(target))];
            if config.template {
                keys.push("template = true".to_owned());
            }
            keys.extend(config.mode.map(|mode| format!("mode = \"{mode}\"")));
            keys.extend(config.owner.map(|owner| format!("owner = \"{owner}\"")));
            keys.extend(config.live.then(|| service.reload.text()));
            let keys = file.random.shuffled(keys);
            format!("\"{target}\" = {{ {} }}", keys.join(", "))
        });
        let config = config.collect();
        file.table("[files]", config);
        file.end()
    }
}

/// Where a path of a container has its files.
fn source(target: &str) -> String {
    target.trim_start_matches('/').replace('/', "-")
}

impl Value {
    pub fn words(text: &str) -> Self {
        Self::Text(vec![Piece::Words(text.to_owned())])
    }

    /// The variables that it uses.
    pub fn uses(&self) -> impl Iterator<Item = &str> {
        let pieces = match self {
            Self::Text(pieces) => pieces.as_slice(),
            Self::Integer(_) | Self::Boolean(_) => &[],
        };
        pieces.iter().filter_map(|piece| match piece {
            Piece::Of(name) => Some(name.as_str()),
            Piece::Words(_) => None,
        })
    }
}

impl Template {
    fn text(&self) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/container.service");
        let text = fs::read_to_string(path).expect("it is part of the checkout");
        let replaced = |text: &str, from: &str, to: &str| {
            assert!(text.contains(from), "the built-in template has no `{from}`");
            text.replace(from, to)
        };
        let pause = format!("RestartSec={}ms", self.pause);
        let mut text = replaced(&text, "RestartSec=5", &pause);
        if let Some(label) = self.label {
            let to = format!("--pull=never --label of.template={label} ");
            text = replaced(&text, "--pull=never ", &to);
        }
        if let Some(score) = self.score {
            text = replaced(
                &text,
                "Type=exec",
                &format!("Type=exec\nOOMScoreAdjust={score}"),
            );
        }
        format!("# remark {}\n{text}", self.remark)
    }
}

/// How a file is written.
struct Spelling {
    /// In the plainest way.
    plain: bool,
    random: Random,
    lines: Vec<String>,
}

impl Spelling {
    /// Mostly.
    fn often(&mut self) -> bool {
        let often = self.random.chance(70);
        self.plain || often
    }

    fn one_of(&mut self, ways: &[String]) -> String {
        let way = self.random.pick(ways).clone();
        if self.plain { ways[0].clone() } else { way }
    }

    fn line(&mut self, key: &str, value: &str) {
        let line = match self.often() {
            true => format!("{key} = {value}"),
            false => format!("{key}={value} # said with care"),
        };
        self.lines.push(line);
    }

    /// A list in any order.
    fn list<'a>(&mut self, key: &str, items: impl Iterator<Item = &'a String>) {
        let items: Vec<&String> = items.collect();
        let items = self.random.shuffled(items);
        self.ordered(key, &items);
    }

    /// A volume as a text or as a table, which makes its directory: nobody else does.
    fn volume(&mut self, text: &str) -> String {
        let parts: Vec<&str> = text.split(':').collect();
        let as_text = self.often() && !text.starts_with('/');
        match (as_text, parts.as_slice()) {
            (false, [source, target]) => {
                format!("{{ source = \"{source}\", target = \"{target}\" }}")
            }
            (false, [source, target, "ro"]) => {
                format!("{{ source = \"{source}\", target = \"{target}\", read_only = true }}")
            }
            _ => self.text(text),
        }
    }

    /// A list whose order may count.
    fn ordered_list<'a>(&mut self, key: &str, items: impl Iterator<Item = &'a String>) {
        let mut items: Vec<&String> = items.collect();
        if matches!(key, "capabilities" | "devices") {
            items = self.random.shuffled(items);
        }
        self.ordered(key, &items);
    }

    fn ordered(&mut self, key: &str, items: &[&String]) {
        if items.is_empty() {
            return;
        }
        let items: Vec<String> = items.iter().map(|item| self.text(item)).collect();
        let list = match self.often() {
            true => format!("[{}]", items.join(", ")),
            false => format!("[\n  {},\n]", items.join(",\n  # one more\n  ")),
        };
        self.line(key, &list);
    }

    /// The lines until now in any order.
    fn shuffle(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        self.lines = match self.plain {
            true => lines,
            false => self.random.shuffled(lines),
        };
    }

    fn table(&mut self, title: &str, lines: Vec<String>) {
        if lines.is_empty() {
            return;
        }
        let lines = match self.plain {
            true => lines,
            false => self.random.shuffled(lines),
        };
        self.lines.push(String::new());
        self.lines.push(title.to_owned());
        self.lines.extend(lines);
    }

    fn end(mut self) -> String {
        if !self.often() {
            self.lines.insert(0, "# a file".to_owned());
        }
        self.lines.join("\n") + "\n"
    }

    /// `NAME = value` for each.
    fn values(&mut self, values: &BTreeMap<String, Value>) -> Vec<String> {
        let line = |(name, value): (&String, &Value)| match value {
            Value::Integer(number) => format!("{name} = {number}"),
            Value::Boolean(boolean) => format!("{name} = {boolean}"),
            Value::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Words(words) => text += &words.replace("{{", "{{ '{{' }}"),
                        Piece::Of(name) if self.often() => {
                            text += &format!("{{{{ {name} }}}}");
                        }
                        Piece::Of(name) => text += &format!("{{{{{name}}}}}"),
                    }
                }
                format!("{name} = {}", self.text(&text))
            }
        };
        values.iter().map(line).collect()
    }

    /// A text in one of TOML's four notations.
    fn text(&mut self, text: &str) -> String {
        let way = match self.often() {
            true => 0,
            false => 1 + self.random.below(3),
        };
        let odd = |c: char| c.is_control() && c != '\n';
        match way {
            1 if !text.contains(['\'', '\n']) && !text.contains(odd) => format!("'{text}'"),
            2 if !text.contains("''") && !text.ends_with('\'') && !text.contains(odd) => {
                format!("'''\n{text}'''")
            }
            3 => format!("\"\"\"\n{}\"\"\"", escaped(text).replace("\\n", "\n")),
            _ => format!("\"{}\"", escaped(text)),
        }
    }
}

/// As within double quotes. A backslash of the text is `\u005c`, so that `\n` is always a line break.
fn escaped(text: &str) -> String {
    let mut to = String::new();
    for c in text.chars() {
        match c {
            '\n' => to += "\\n",
            '"' => to += "\\u0022",
            '\\' => to += "\\u005c",
            c if c.is_control() => write!(to, "\\u{:04x}", u32::from(c)).expect("it is a string"),
            c => to.push(c),
        }
    }
    to
}
