//! Where the values of a service come from: file, line and layer, which definition wins, and what it
//! is made of.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{DescribedHost, ServiceFile, WrittenIn, WrittenVariable};
use super::load::load;
use super::loaded::LoadedCluster;
use super::model::Layer;
use super::name::{HostName, ServiceName};
use super::placement::EVERY_HOST;
use super::read::{At, Problems, Spot};
use super::scope::own_host;
use super::sources::Sources;
use super::template;
use super::values::Evaluated;

/// A line of a file of the config repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Relative to the root of the config repository.
    pub path: String,
    /// From 1; `None` speaks of the file as a whole.
    pub line: Option<usize>,
}

/// One definition of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The layer that it is in.
    pub layer: Layer,
    /// The line that defines it.
    pub at: Line,
    /// As it is written, with `{{ … }}`.
    pub raw: String,
    /// The names that it uses.
    pub uses: BTreeSet<String>,
    /// The host for which it counts; `None` is all of them.
    pub host: Option<HostName>,
}

/// A field of a service that is written in another text than the service's file, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldOrigin {
    /// Its key, `labels.team` for one name of a table.
    pub key: String,
    /// Where it is written, the text that decides first.
    pub written: Vec<FieldDefinition>,
}

/// A field in one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDefinition {
    /// The line that has it.
    pub at: Line,
    /// A text as it is, another value as TOML writes it in one line.
    pub raw: String,
    /// It counts: it decides, or it is united with others.
    pub counts: bool,
}

/// The winning definitions of a cluster, and who reads what is secret among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definitions {
    /// `[vars]`, and what hosts and cluster give.
    shared: BTreeMap<String, Definition>,
    /// `[vars]` of hosts.
    of_hosts: BTreeMap<HostName, BTreeMap<String, Definition>>,
    /// `[env]` of each service.
    own: BTreeMap<ServiceName, BTreeMap<String, Definition>>,
    /// What other texts than its file say of each service: the value, and whether it counts.
    shared_fields: BTreeMap<ServiceName, SharedFields>,
    /// Who should be able to read the secrets; `None` if their file cannot be read.
    recipients: Option<BTreeMap<String, String>>,
}

/// By the text and the field's key: its value in TOML, and whether it counts.
pub(crate) type SharedFields = BTreeMap<(WrittenIn, String), (String, bool)>;

impl Definitions {
    /// What other texts than its file say of a service.
    pub(crate) fn shared_fields(&self, service: &ServiceName) -> Option<&SharedFields> {
        self.shared_fields.get(service)
    }

    /// Who should be able to read the secrets, by name; `None` if their file cannot be read.
    #[must_use]
    pub fn recipients(&self) -> Option<&BTreeMap<String, String>> {
        self.recipients.as_ref()
    }

    /// What a name means to a service on a host.
    #[must_use]
    pub fn of(&self, service: &ServiceName, host: &HostName, name: &str) -> Option<&Definition> {
        let own = self.own.get(service).and_then(|own| own.get(name));
        let of_host = || self.of_hosts.get(host)?.get(name);
        own.or_else(of_host).or_else(|| self.shared.get(name))
    }
}

/// Where everything of one service comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The service's file.
    pub file: Line,
    /// Its line in `[place]`.
    pub place: Option<Line>,
    /// The line of `image`.
    pub image: Line,
    /// The line of `publish`, else of `port`.
    pub ports: Option<Line>,
    /// The line of `after`.
    pub after: Option<Line>,
    /// The services that `from` leads to, the nearest first, and its line.
    pub from: Option<(Vec<ServiceName>, Line)>,
    /// The fields that another text than the service's file has, too.
    pub fields: Vec<FieldOrigin>,
    /// Its definitions of each name, the winning one last.
    pub variables: BTreeMap<String, Vec<Definition>>,
    /// What the winning definitions use, directly or not, and the service does not get itself.
    pub used: BTreeMap<String, Definition>,
    /// The secrets of the cluster, by name.
    pub secrets: BTreeMap<String, Line>,
}

/// The definitions of a cluster that services can read: the winning ones.
#[must_use]
pub fn definitions(name: &str, sources: &Sources) -> Definitions {
    let mut ignored = Problems::default();
    let Some(description) = load(name, sources, &mut ignored) else {
        return Definitions::default();
    };
    let all = Finder {
        description: &description,
        sources,
    };
    let hosts = description
        .cluster
        .iter()
        .flat_map(|cluster| &cluster.hosts);
    let of_hosts = hosts.map(|host| {
        (
            host.name.value.clone(),
            all.of_host(host).into_iter().collect(),
        )
    });
    let of_hosts = of_hosts.collect();
    let winning = |mut definitions: Vec<Definition>| definitions.pop();
    let shared = all.shared().into_iter();
    let shared = shared.filter_map(|(name, found)| Some((name, winning(found)?)));
    let services = description.services.values().flatten();
    let own =
        services.map(|service| (service.name.clone(), all.own(service).into_iter().collect()));
    Definitions {
        shared: shared.collect(),
        of_hosts,
        own: own.collect(),
        shared_fields: description
            .services
            .values()
            .flatten()
            .map(|service| (service.name.clone(), shared_fields(service)))
            .collect(),
        recipients: description
            .secrets
            .as_ref()
            .map(|secrets| secrets.recipients.clone()),
    }
}

fn shared_fields(service: &ServiceFile) -> SharedFields {
    let fields = service.written.iter();
    fields
        .filter(|field| field.source != WrittenIn::Own)
        .map(|field| {
            let key = (field.source.clone(), field.key.clone());
            (key, (field.raw.clone(), field.counts))
        })
        .collect()
}

/// Where the inputs of a service come from; `None` if there is no such service.
#[must_use]
pub fn provenance(name: &str, service: &ServiceName, sources: &Sources) -> Option<Provenance> {
    let mut ignored = Problems::default();
    let description = load(name, sources, &mut ignored)?;
    let file = description.services.get(service)?.as_ref()?;
    let finder = Finder {
        description: &description,
        sources,
    };
    let mut shared = finder.shared();
    for (name, definition) in finder.of_hosts(service) {
        shared.entry(name).or_default().push(definition);
    }
    let mut variables: BTreeMap<String, Vec<Definition>> = BTreeMap::new();
    for (name, definition) in finder.locations(file) {
        variables.entry(name).or_default().push(definition);
    }
    for (name, definitions) in &shared {
        let all = variables.entry(name.clone()).or_default();
        all.extend(definitions.iter().cloned());
    }
    for (name, definition) in finder.own(file) {
        variables.entry(name).or_default().push(definition);
    }
    let used = used(&variables, &shared);
    Some(Provenance {
        file: Line {
            path: file.path.clone(),
            line: None,
        },
        place: finder.place(service),
        image: finder.key(file, &["digest", "tag", "image"]),
        ports: Some(finder.key(file, &["publish", "port"])).filter(|at| at.line.is_some()),
        after: Some(finder.key(file, &["after"])).filter(|at| at.line.is_some()),
        from: finder.from(file),
        fields: finder.fields(file),
        variables,
        used,
        secrets: finder.secrets(),
    })
}

impl Provenance {
    /// Leaves only what the service really gets, by its names.
    #[must_use]
    pub fn of(mut self, names: &BTreeSet<&str>) -> Self {
        let all = std::mem::take(&mut self.variables);
        let (got, others) = all
            .into_iter()
            .partition(|(name, _)| names.contains(name.as_str()));
        self.variables = got;
        let others = others.into_iter();
        let shared = others.filter_map(|(name, mut all)| Some((name, all.pop()?)));
        let shared = shared.map(|(name, one): (String, Definition)| (name, vec![one]));
        self.used = used(&self.variables, &shared.collect());
        self
    }
}

/// What definitions use, directly or not, without themselves.
fn used(
    of: &BTreeMap<String, Vec<Definition>>,
    shared: &BTreeMap<String, Vec<Definition>>,
) -> BTreeMap<String, Definition> {
    let winning = of.values().filter_map(|all| all.last());
    let mut left: Vec<String> = winning.flat_map(|one| one.uses.iter().cloned()).collect();
    let mut used = BTreeMap::new();
    while let Some(name) = left.pop() {
        if of.contains_key(&name) || used.contains_key(&name) {
            continue;
        }
        if let Some(definition) = shared.get(&name).and_then(|all| all.last()) {
            left.extend(definition.uses.iter().cloned());
            used.insert(name, definition.clone());
        }
    }
    used
}

struct Finder<'a> {
    description: &'a LoadedCluster,
    sources: &'a Sources,
}

impl Finder<'_> {
    /// `[vars]` of both files, and what the cluster itself gives, each name with its definitions in
    /// the order of the layers.
    fn shared(&self) -> BTreeMap<String, Vec<Definition>> {
        let mut found: BTreeMap<String, Vec<Definition>> = BTreeMap::new();
        let mut add = |name: String, definition| found.entry(name).or_default().push(definition);
        for assignment in self.description.service_config.iter().flatten() {
            let name = assignment.name.value.to_string();
            add(name, self.assignment(Layer::ServiceConfig, assignment));
        }
        let Some(cluster) = &self.description.cluster else {
            return found;
        };
        for assignment in &cluster.vars {
            let name = assignment.name.value.to_string();
            add(name, self.assignment(Layer::Cluster, assignment));
        }
        for host in &cluster.hosts {
            if let Some(address) = &host.host.address {
                let name = format!("{}_IP", host.name.value.variable_stem());
                add(name, self.plain(Layer::Cluster, &host.reach, address));
            }
        }
        if let Some(kind) = &cluster.kind {
            let kind = self.plain(Layer::Cluster, &kind.spot, &kind.value);
            add("CLUSTER_TYPE".to_owned(), kind);
        }
        let path = &self.description.cluster_path;
        let id = self.plain(
            Layer::Cluster,
            &Spot::file(path),
            self.description.name.as_str(),
        );
        add("CLUSTER_ID".to_owned(), id);
        found
    }

    /// `[vars]` of a host, and the host itself.
    fn of_host(&self, host: &DescribedHost) -> Vec<(String, Definition)> {
        let of = |definition| Definition {
            host: Some(host.name.value.clone()),
            ..definition
        };
        let own = own_host(host).into_iter().map(|(name, (value, spot))| {
            let raw = match &value {
                Evaluated::Known { text, .. } => text.as_str(),
                Evaluated::Secret(_) | Evaluated::Failed => "",
            };
            (name, of(self.plain(Layer::Host, &spot, raw)))
        });
        let vars = host.vars.iter().map(|assignment| {
            let name = assignment.name.value.to_string();
            (name, of(self.assignment(Layer::Host, assignment)))
        });
        own.chain(vars).collect()
    }

    /// The same of the hosts of a service.
    fn of_hosts(&self, service: &ServiceName) -> Vec<(String, Definition)> {
        let Some(cluster) = &self.description.cluster else {
            return Vec::new();
        };
        let mut lines = cluster.place.iter();
        let line = lines.find(|line| line.service.value == service.as_str());
        let placed = |host: &&DescribedHost| {
            let mut hosts = line.into_iter().flat_map(|line| &line.hosts);
            hosts.any(|at| [EVERY_HOST, host.name.value.as_str()].contains(&&*at.value))
        };
        let hosts = cluster.hosts.iter().filter(placed);
        hosts.flat_map(|host| self.of_host(host)).collect()
    }

    /// `LISTING_HOST` and its like: they come from the line in `[place]`, or from the port of the other service.
    fn locations(&self, service: &ServiceFile) -> Vec<(String, Definition)> {
        let mut found = Vec::new();
        for need in &service.needs {
            let Ok(name) = ServiceName::new(need.value.as_str()) else {
                continue;
            };
            let place = self.placement(&name);
            let spot = place.map_or(&need.spot, |place| &place.spot);
            let stem = name.variable_stem();
            for suffix in ["HOST", "HOSTS"] {
                let definition = self.plain(Layer::ServiceLocations, spot, "");
                found.push((format!("{stem}_{suffix}"), definition));
            }
            let other = self
                .description
                .services
                .get(&name)
                .and_then(Option::as_ref);
            if let Some(port) = other.and_then(|other| other.port.as_ref()) {
                let value = port.value.to_string();
                let definition = self.plain(Layer::ServiceLocations, &port.spot, &value);
                found.push((format!("{stem}_PORT"), definition));
            }
        }
        found
    }

    fn own(&self, service: &ServiceFile) -> Vec<(String, Definition)> {
        let mut found: Vec<(String, Definition)> = Vec::new();
        if let Some(image) = &service.image {
            let definition = Definition {
                layer: Layer::Service,
                at: self.key(service, &["digest", "tag", "image"]),
                raw: image.reference.clone(),
                uses: BTreeSet::new(),
                host: None,
            };
            found.push(("IMAGE".to_owned(), definition));
        }
        if let Some(port) = &service.port {
            let value = port.value.to_string();
            let definition = self.plain(Layer::Service, &port.spot, &value);
            found.push(("APP_PORT".to_owned(), definition));
        }
        // What a nearer text has as well comes first.
        let nearer = service.written.iter().rev().filter(|field| !field.counts);
        found.extend(nearer.filter_map(|field| {
            let name = field.key.strip_prefix("env.")?;
            Some((
                name.to_owned(),
                self.plain(Layer::Service, &field.spot, &field.raw),
            ))
        }));
        let env = service.env.iter().map(|assignment| {
            let name = assignment.name.value.to_string();
            (name, self.assignment(Layer::Service, assignment))
        });
        found.extend(env);
        found
    }

    fn secrets(&self) -> BTreeMap<String, Line> {
        let secrets = self.description.secrets.iter();
        let values = secrets.flat_map(|secrets| &secrets.values);
        values
            .map(|(name, stored)| (name.to_string(), self.line(&stored.spot)))
            .collect()
    }

    fn place(&self, service: &ServiceName) -> Option<Line> {
        Some(self.line(&self.placement(service)?.spot))
    }

    fn placement(&self, service: &ServiceName) -> Option<&At<String>> {
        let cluster = self.description.cluster.as_ref()?;
        let mut place = cluster.place.iter();
        let line = place.find(|line| line.service.value == service.as_str())?;
        Some(&line.service)
    }

    /// The line of the first of these keys that the service has.
    fn key(&self, service: &ServiceFile, keys: &[&str]) -> Line {
        let written = |key: &&str| {
            let mut fields = service.written.iter();
            fields.find(|field| field.key == *key)
        };
        match keys.iter().find_map(written) {
            Some(field) => self.line(&field.spot),
            None => self.line(&Spot::file(&service.path)),
        }
    }

    /// The services that `from` leads to.
    fn from(&self, service: &ServiceFile) -> Option<(Vec<ServiceName>, Line)> {
        let mut fields = service.written.iter();
        let from = fields.find(|field| field.key == "from" && field.source == WrittenIn::Own)?;
        Some((service.from.clone(), self.line(&from.spot)))
    }

    /// The fields that another text than the service's file has, too. Variables are told by themselves.
    fn fields(&self, service: &ServiceFile) -> Vec<FieldOrigin> {
        let mut origins: Vec<FieldOrigin> = Vec::new();
        let elsewhere = |key: &str| {
            let mut same = service.written.iter().filter(|field| field.key == key);
            same.any(|field| field.source != WrittenIn::Own)
        };
        let only = |key: &str| service.written.iter().filter(|f| f.key == key).count() == 1;
        // What has a line of its own.
        let told = |key: &str| match key {
            "image" | "tag" | "digest" => only(key),
            key => key == "from" || key.starts_with("env."),
        };
        for field in &service.written {
            if told(&field.key) || !elsewhere(&field.key) {
                continue;
            }
            let definition = FieldDefinition {
                at: self.line(&field.spot),
                raw: field.raw.clone(),
                counts: field.counts,
            };
            match origins.iter_mut().find(|origin| origin.key == field.key) {
                Some(origin) => origin.written.push(definition),
                None => origins.push(FieldOrigin {
                    key: field.key.clone(),
                    written: vec![definition],
                }),
            }
        }
        origins
    }

    fn assignment(&self, layer: Layer, assignment: &WrittenVariable) -> Definition {
        let written = assignment.value.as_ref();
        let raw = written.map_or_else(String::new, |at| at.value.to_string());
        Definition {
            layer,
            at: self.line(&assignment.name.spot),
            uses: template::value::uses(&raw),
            raw,
            host: None,
        }
    }

    fn plain(&self, layer: Layer, spot: &Spot, raw: &str) -> Definition {
        Definition {
            layer,
            at: self.line(spot),
            raw: raw.to_owned(),
            uses: BTreeSet::new(),
            host: None,
        }
    }

    fn line(&self, spot: &Spot) -> Line {
        let bytes = self.sources.get(&spot.path).unwrap_or_default();
        let line = spot.span.as_ref().map(|span| {
            let before = &bytes[..span.start.min(bytes.len())];
            1 + before.iter().filter(|byte| **byte == b'\n').count()
        });
        Line {
            path: spot.path.to_string(),
            line,
        }
    }
}
