//! What each container should receive, from the description alone: what docs/description.md says, in
//! the driver's own words.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{
    ConfigFiles, Description, Host, Image, Images, Listen, PLAIN, Piece, Service, Template, Value,
};

/// `docker01` and `web`.
pub type Place = (String, String);

/// What a container gets, as names and values. Two containers that receive the same need no restart.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Receives {
    /// What can be seen in the container that runs.
    pub seen: BTreeMap<String, String>,
    /// What cannot, and counts all the same.
    pub unseen: BTreeMap<String, String>,
    /// What its live directories show, which is no reason to restart.
    pub live: BTreeMap<String, String>,
}

impl Receives {
    /// Whether a container that received this one needs no restart to receive the other.
    pub fn starts_like(&self, other: &Self) -> bool {
        (&self.seen, &self.unseen) == (&other.seen, &other.unseen)
    }

    /// What is otherwise in this one.
    pub fn differences(&self, seen: &BTreeMap<String, String>) -> Vec<String> {
        differences(&self.seen, seen)
    }

    /// What is otherwise in its live directories.
    pub fn live_differences(&self, live: &BTreeMap<String, String>) -> Vec<String> {
        differences(&self.live, live)
    }
}

fn differences(
    expected: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Vec<String> {
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let differ = |name: &&&String| expected.get(**name) != found.get(**name);
    let told = |name: &String| {
        let of = |from: &BTreeMap<String, String>| match from.get(name) {
            Some(value) => format!("{value:?}"),
            None => "nothing".to_owned(),
        };
        format!("{name}: expected {}, got {}", of(expected), of(found))
    };
    let names = names.iter().filter(differ);
    names.map(|name| told(name)).collect()
}

/// The content of each tag: what its image has in /build.
pub type Builds = BTreeMap<String, String>;

/// Everything that should run.
pub fn expected(
    name: &str,
    description: &Description,
    images: &Images<'_>,
    builds: &Builds,
) -> BTreeMap<Place, Receives> {
    let mut all = BTreeMap::new();
    for (service, described) in &description.services {
        for host in &described.hosts {
            let scope = Scope {
                name,
                description,
                images,
                host: Some(host),
            };
            let receives = scope.receives(host, service, described, builds);
            all.insert((host.clone(), service.clone()), receives);
        }
    }
    all
}

/// The same of jobs, on the host of each.
pub fn expected_of_jobs(
    name: &str,
    description: &Description,
    images: &Images<'_>,
    builds: &Builds,
) -> BTreeMap<Place, Receives> {
    let mut all = BTreeMap::new();
    for (job, described) in &description.jobs {
        let host = described.host();
        let scope = Scope {
            name,
            description,
            images,
            host: Some(host),
        };
        let receives = scope.receives(host, job, &described.body, builds);
        all.insert((host.to_owned(), job.clone()), receives);
    }
    all
}

pub struct Scope<'a> {
    pub name: &'a str,
    pub description: &'a Description,
    pub images: &'a Images<'a>,
    /// Who reads; without one, any host.
    pub host: Option<&'a str>,
}

impl Scope<'_> {
    fn receives(&self, host: &str, name: &str, service: &Service, builds: &Builds) -> Receives {
        let mut seen = BTreeMap::new();
        let mut unseen = BTreeMap::new();
        let mut live = BTreeMap::new();
        for (variable, value) in self.variables(service) {
            seen.insert(format!("env {variable}"), value);
        }
        seen.insert("env PATH".to_owned(), "/bin".to_owned());
        let (Image::Tag(tag) | Image::Digest(tag)) = &service.image;
        seen.insert("version".to_owned(), tag.clone());
        seen.insert("build".to_owned(), builds[tag].clone());
        unseen.insert("image".to_owned(), self.reference(service));
        for (path, secret) in &service.files {
            let value = self.description.secrets[secret].clone();
            seen.insert(format!("file {path}"), value);
        }
        for (target, config) in &service.config {
            // That a live directory is mounted counts, and not what it shows.
            unseen.insert(format!("live {target}"), config.live.to_string());
            let seen = match config.live {
                true => &mut live,
                false => &mut seen,
            };
            for (file, pieces) in &config.files {
                let path = match file.is_empty() {
                    true => target.clone(),
                    false => format!("{target}/{file}"),
                };
                let text = self.config_file(host, service, config, pieces);
                seen.insert(format!("file {path}"), text);
                let mode = config.mode.unwrap_or("0644").trim_start_matches('0');
                let owner = match config.owner {
                    None => "0:0".to_owned(),
                    Some(owner) if owner.contains(':') => owner.to_owned(),
                    Some(user) => format!("{user}:0"),
                };
                seen.insert(format!("mode {path}"), format!("{mode} {owner}"));
            }
        }
        let command = match service.command.as_slice() {
            // An entrypoint of ours takes the image's command away.
            [] if service.entrypoint.is_some() => String::new(),
            [] => "/entry".to_owned(),
            words => words.join("\n"),
        };
        seen.insert("command".to_owned(), command);
        for (name, value) in [("entrypoint", &service.entrypoint), ("user", &service.user)] {
            let value = value.clone().unwrap_or_default();
            seen.insert(name.to_owned(), value);
        }
        for (name, value) in &service.labels {
            seen.insert(format!("label {name}"), value.clone());
        }
        let template = self.template(service);
        if let Some(label) = template.and_then(|template| template.label) {
            seen.insert("label of.template".to_owned(), label.to_string());
        }
        let score = template.and_then(|template| template.score);
        unseen.insert("score".to_owned(), format!("{score:?}"));
        // `bridge` is what no network means, and yet another argument.
        unseen.insert(
            "network".to_owned(),
            format!("{:?} {:?}", service.network, service.networks),
        );
        seen.extend(self.networks(name, service));
        seen.insert("ports".to_owned(), self.ports(host, service));
        if service.own_volume.is_some() {
            seen.insert("own volume".to_owned(), "yes".to_owned());
        }
        let arguments = self.arguments(service);
        let docker = self.description.hosts.iter().find(|h| h.name == host);
        let docker = docker.is_some_and(|host| host.engine == "docker");
        // Podman's `inspect` has other words for most of them.
        let to = if docker { &mut seen } else { &mut unseen };
        to.extend(arguments);
        Receives { seen, unseen, live }
    }

    /// The networks that it is in with names of its own, and their options, which a network keeps for life.
    fn networks(&self, name: &str, service: &Service) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let aliases = service.aliases.iter().copied().chain([name]);
        let aliases: BTreeSet<&str> = aliases.collect();
        let aliases = aliases.into_iter().collect::<Vec<_>>().join(" ");
        for network in &service.networks {
            let (called, options) = match self.description.networks.get(network) {
                Some(options) => (format!("{}-{network}", self.name), options),
                None => {
                    all.insert(format!("in {network}"), aliases.clone());
                    continue;
                }
            };
            let subnet = options.subnet().unwrap_or_default();
            let options = format!("internal={} {subnet}", options.internal);
            all.insert(format!("in {called}"), aliases.clone());
            all.insert(format!("options {called}"), options);
        }
        all
    }

    fn listens_on(&self, host: &str) -> Option<&str> {
        let mut hosts = self.description.hosts.iter();
        let own = hosts.find(|other| other.name == host);
        let own = own.and_then(|host| host.listen);
        match own.unwrap_or(self.description.listen) {
            Listen::All => None,
            Listen::Address => Some(self.address(host)),
        }
    }

    /// The ports of the container, and what leads there.
    fn ports(&self, host: &str, service: &Service) -> String {
        if service.network.as_deref() == Some("host") {
            return String::new();
        }
        let mut ports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (address, outside, inside) in service.published() {
            let place = match address.or(self.listens_on(host)) {
                Some(address) => format!("{address}:{outside}"),
                None => outside.to_string(),
            };
            ports.entry(inside).or_default().insert(place);
        }
        let ports = ports.into_iter().map(|(inside, places)| {
            let places: Vec<String> = places.into_iter().collect();
            format!("{inside}={}", places.join(","))
        });
        ports.collect::<Vec<_>>().join(" ")
    }

    fn config_file(
        &self,
        host: &str,
        service: &Service,
        config: &ConfigFiles,
        pieces: &[Piece],
    ) -> String {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Words(words) => text += words,
                Piece::Of(name) if config.template => text += &self.value(name, Some(service)),
                Piece::Of(name) => text += &format!("{{{{ {name} }}}}"),
            }
        }
        if config.by_host && config.template {
            text += &format!("\n{host} {}\n", self.address(host));
        }
        if let (Some(listed), true) = (&config.lists, config.template) {
            text += "\n";
            for host in &self.description.services[listed].hosts {
                text += &format!("{host}={}\n", self.address(host));
            }
        }
        text
    }

    fn template(&self, service: &Service) -> Option<&Template> {
        match service.own_template {
            _ if service.is_job => None,
            true => Some(&self.description.own_template),
            false => self.description.template.as_ref(),
        }
    }

    fn reference(&self, service: &Service) -> String {
        match &service.image {
            Image::Tag(tag) => format!("{}:{tag}", self.images.name()),
            Image::Digest(of) => format!("{}@{}", self.images.name(), self.images.digests[of]),
        }
    }

    /// The options of `run`, as docker tells them of a container.
    fn arguments(&self, service: &Service) -> BTreeMap<String, String> {
        let mut arguments = BTreeMap::new();
        let mut put = |name: &str, value: String| arguments.insert(name.to_owned(), value);
        let joined = |items: &mut dyn Iterator<Item = String>| {
            let items: BTreeSet<String> = items.collect();
            items.into_iter().collect::<Vec<_>>().join(" ")
        };
        let network = service.network.as_deref().unwrap_or("bridge");
        let first = service.networks.first().map(|first| self.called(first));
        put("network", first.unwrap_or_else(|| network.to_owned()));
        let needed = service.needs.iter();
        let names = needed.flat_map(|need| self.found(Some(service), need).0);
        let mut hosts = self.description.hosts.iter();
        let names: BTreeSet<String> = names.collect();
        let mut entries = hosts
            .by_ref()
            .filter(|host| names.contains(&host.name))
            .map(|host| format!("{}:{}", host.name, host.address));
        put("hosts", joined(&mut entries));
        let own = service
            .own_volume
            .map(|_| format!("{}:/own", service.own_path(self.name)));
        put(
            "volumes",
            joined(&mut service.volumes.iter().cloned().chain(own)),
        );
        put("memory", service.memory.unwrap_or(0).to_string());
        put("cpus", (service.cpus.unwrap_or(0) * 1_000_000).to_string());
        let ulimits = service.ulimits.iter();
        let mut ulimits = ulimits.map(|(name, (soft, hard))| format!("{name}={soft}:{hard}"));
        put("ulimits", joined(&mut ulimits));
        let added = service.capabilities.iter().filter(|c| !c.starts_with('-'));
        put("added", joined(&mut added.cloned()));
        let dropped = service.capabilities.iter();
        let mut dropped = dropped.filter_map(|c| c.strip_prefix('-').map(str::to_owned));
        put("dropped", joined(&mut dropped));
        put("read only", service.read_only.to_string());
        let devices = service.devices.iter().map(|device| {
            let parts: Vec<&str> = device.split(':').collect();
            match parts.as_slice() {
                [one] => format!("{one}:{one}:rwm"),
                [one, other] => format!("{one}:{other}:rwm"),
                _ => device.clone(),
            }
        });
        put("devices", joined(&mut { devices }));
        for (key, default) in [
            ("shm", "67108864"),
            ("directory", "/"),
            ("init", "false"),
            ("hostname", ""),
            ("groups", ""),
            ("tmpfs", ""),
            ("pids", ""),
            ("security", ""),
            ("dns", ""),
            ("log", "json-file"),
        ] {
            put(key, default.to_owned());
        }
        for (_, _, key, told) in PLAIN.iter().filter(|row| service.plain.contains(row.0)) {
            put(key, (*told).to_owned());
        }
        arguments
    }

    /// The name of a network on a host.
    fn called(&self, network: &str) -> String {
        match self.description.networks.contains_key(network) {
            true => format!("{}-{network}", self.name),
            false => network.to_owned(),
        }
    }

    fn address(&self, host: &str) -> &str {
        let host = self.description.hosts.iter().find(|h| h.name == host);
        &host.expect("hosts that services are on are there").address
    }

    fn host(&self) -> &Host {
        let mut hosts = self.description.hosts.iter();
        let found = hosts.find(|host| self.host.is_none_or(|name| host.name == name));
        found.expect("there are hosts")
    }

    /// A later layer wins: locations, service-config, cluster, the host, secrets, its own.
    pub fn variables(&self, service: &Service) -> BTreeMap<String, String> {
        let mut variables: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let mut put = |name: &str, layer: usize, value: String| {
            let lower = variables.get(name).is_none_or(|(there, _)| *there <= layer);
            if lower {
                variables.insert(name.to_owned(), (layer, value));
            }
        };
        for need in &service.needs {
            for (name, value) in self.locations(Some(service), need) {
                put(&name, 10, value);
            }
        }
        for (name, layer) in self.cluster_names() {
            if service.vars.iter().any(|pattern| matches(pattern, &name)) {
                let layer = if self.is_secret(&name, None) {
                    40
                } else {
                    layer
                };
                put(&name, layer, self.value(&name, None));
            }
        }
        for name in &service.secrets {
            put(name, 40, self.description.secrets[name].clone());
        }
        // A service's own value wins, also where it is made of a secret.
        for name in service.env.keys() {
            put(name, 50, self.value(name, Some(service)));
        }
        if let Some(port) = service.port {
            put("APP_PORT", 50, port.to_string());
        }
        variables
            .into_iter()
            .map(|(name, (_, value))| (name, value))
            .collect()
    }

    /// What `vars` can name, with its layer.
    pub fn cluster_names(&self) -> BTreeMap<String, usize> {
        let mut names = BTreeMap::new();
        names.extend(
            self.description
                .config
                .keys()
                .map(|name| (name.clone(), 20)),
        );
        names.extend(
            self.description
                .cluster
                .keys()
                .map(|name| (name.clone(), 30)),
        );
        let of_host = self.host().vars.keys();
        names.extend(of_host.map(|name| (name.clone(), 35)));
        names.extend(self.derived().into_keys().map(|name| (name, 30)));
        names
    }

    fn derived(&self) -> BTreeMap<String, String> {
        let mut derived = BTreeMap::new();
        derived.insert("CLUSTER_ID".to_owned(), self.name.to_owned());
        if let Some(kind) = &self.description.kind {
            derived.insert("CLUSTER_TYPE".to_owned(), kind.clone());
        }
        derived.insert("CLUSTER_HOST".to_owned(), self.host().name.clone());
        derived.insert("CLUSTER_HOST_IP".to_owned(), self.host().address.clone());
        for host in &self.description.hosts {
            derived.insert(format!("{}_IP", stem(&host.name)), host.address.clone());
        }
        derived
    }

    /// `X_HOST`, `X_HOSTS` and `X_PORT` of a service, if it is placed: for who needs it, or for anybody.
    fn locations(&self, reader: Option<&Service>, service: &str) -> BTreeMap<String, String> {
        let mut locations = BTreeMap::new();
        let (names, port) = self.found(reader, service);
        let Some(first) = names.first() else {
            return locations;
        };
        let stem = stem(service);
        locations.insert(format!("{stem}_HOST"), first.clone());
        locations.insert(format!("{stem}_HOSTS"), names.join(","));
        locations.extend(port.map(|port| (format!("{stem}_PORT"), port.to_string())));
        locations
    }

    /// What stands for the hosts of a service, and its port there.
    fn found(&self, reader: Option<&Service>, service: &str) -> (Vec<String>, Option<u16>) {
        let Some(described) = self.description.services.get(service) else {
            return (Vec::new(), None);
        };
        let hosts = described.hosts.clone();
        let near = |host: &String| self.host.is_some_and(|own| own == host);
        let near = hosts.iter().all(near);
        if let Some(reader) = reader.filter(|_| near && !hosts.is_empty()) {
            let mut shared = reader.networks.iter();
            if shared.any(|network| described.networks.contains(network)) {
                return (vec![service.to_owned()], described.port);
            }
        }
        let Some(port) = described.port else {
            return (hosts, None);
        };
        if described.network.as_deref() == Some("host") {
            return (hosts, Some(port));
        }
        let in_host = |reader: &Service| reader.network.as_deref() == Some("host");
        let loopback = near && reader.is_some_and(in_host);
        for (address, outside, inside) in described.published() {
            if inside != format!("{port}/tcp") {
                continue;
            }
            match address {
                None => return (hosts, Some(outside)),
                Some(address) if loopback => {
                    return (vec![address.to_owned(); hosts.len()], Some(outside));
                }
                Some(_) => {}
            }
        }
        (hosts, None)
    }

    /// Whether a service can reach what it needs.
    pub fn reaches(&self, reader: &Service, service: &str) -> bool {
        let needed = &self.description.services[service];
        needed.port.is_none() || self.found(Some(reader), service).1.is_some()
    }

    /// The names that a value may use; `service` for a value of `[env]`.
    pub fn usable(&self, service: Option<&Service>) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.cluster_names().into_keys().collect();
        names.extend(self.description.secrets.keys().cloned());
        for name in self.description.services.keys() {
            names.extend(self.locations(None, name).into_keys());
        }
        if let Some(service) = service {
            names.extend(service.env.keys().cloned());
            names.insert("IMAGE".to_owned());
            names.extend(service.port.map(|_| "APP_PORT".to_owned()));
        }
        names
    }

    fn definition<'b>(&'b self, name: &str, service: Option<&'b Service>) -> Option<&'b Value> {
        let own = service.and_then(|service| service.env.get(name));
        own.or_else(|| self.host().vars.get(name))
            .or_else(|| self.description.cluster.get(name))
            .or_else(|| self.description.config.get(name))
    }

    fn value(&self, name: &str, service: Option<&Service>) -> String {
        if let Some(value) = self.definition(name, service) {
            // What the value of a cluster uses is not the service's.
            let own = service.filter(|service| service.env.contains_key(name));
            return match value {
                Value::Integer(number) => number.to_string(),
                Value::Boolean(boolean) => boolean.to_string(),
                Value::Text(pieces) => pieces
                    .iter()
                    .map(|piece| match piece {
                        Piece::Words(words) => words.clone(),
                        Piece::Of(name) => self.value(name, own),
                    })
                    .collect(),
            };
        }
        if let Some(secret) = self.description.secrets.get(name) {
            return secret.clone();
        }
        if let (Some(service), "IMAGE") = (service, name) {
            return self.reference(service);
        }
        if let (Some(port), "APP_PORT") = (service.and_then(|s| s.port), name) {
            return port.to_string();
        }
        if let Some(value) = self.derived().remove(name) {
            return value;
        }
        // Who needs a service finds it where it is for itself, others where it is for anybody.
        let services = self.description.services.keys();
        let found = services
            .filter_map(|other| {
                let reader = service.filter(|service| service.needs.contains(other));
                self.locations(reader, other).remove(name)
            })
            .next();
        found.unwrap_or_else(|| panic!("no edit leaves a use of {name} behind"))
    }

    fn is_secret(&self, name: &str, service: Option<&Service>) -> bool {
        match self.definition(name, service) {
            Some(value) => value.uses().any(|used| self.is_secret(used, service)),
            None => self.description.secrets.contains_key(name),
        }
    }
}

/// `data-stream` gives `DATA_STREAM`.
pub fn stem(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

/// At most one `*`, at the end: the only patterns that edits make.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        // Who wants to know its own host says so.
        Some(beginning) => {
            name.starts_with(beginning) && !["CLUSTER_HOST", "CLUSTER_HOST_IP"].contains(&name)
        }
        None => pattern == name,
    }
}
