//! The texts that a service is described in: its own file, the files that `from` names, and `[defaults]` and
//! `[services.NAME]` of `cluster.toml`. From them comes one table, which is read as if it stood in one file.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use super::cluster_file::CLUSTER;
use super::description::{WrittenField, WrittenIn};
use super::diagnostic::{Diagnostic, quoted};
use super::fields::{self, SERVICE_FILE};
use super::foreign;
use super::name::ServiceName;
use super::nearest;
use super::read::{
    At, Item, Merge, Problems, Spot, Table, TableKind, TableLayer, parse, toml_value,
};

const DEFAULTS: TableKind = TableKind {
    what: "`[defaults]`",
    keys: &fields::SHARED_KEYS,
    foreign: foreign::SERVICE,
};

const OVERRIDES: TableKind = TableKind {
    what: "a service in `cluster.toml`",
    keys: &fields::SHARED_KEYS,
    foreign: foreign::SERVICE,
};

/// A service's file, before it is read: its path, and its entries if it is TOML.
pub(super) type Texts<'a> = BTreeMap<ServiceName, (String, Option<DeTable<'a>>)>;

/// Whether all that is said of a service is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// It is.
    Yes,
    /// What `from` names cannot be read, so nothing is to be said of what is missing.
    No,
}

/// All that is said of a service, as one table.
pub(super) struct Layered<'t> {
    /// The table, as if all of it stood in the service's file.
    pub table: Table<'t>,
    /// The texts that it is made of, the nearest first.
    pub sources: Vec<WrittenIn>,
    /// Whether all of them are known.
    pub whole: Whole,
}

impl Layered<'_> {
    /// The services whose files it is made from, the nearest first.
    pub(super) fn from(&self) -> Vec<ServiceName> {
        let sources = self.sources.iter();
        sources
            .filter_map(|source| match source {
                WrittenIn::From(name) => Some(name.clone()),
                WrittenIn::Own | WrittenIn::Defaults | WrittenIn::Override => None,
            })
            .collect()
    }

    /// Every field in every text, the nearest text first.
    pub(super) fn written(&self) -> Vec<WrittenField> {
        let mut written: Vec<WrittenField> = Vec::new();
        for key in fields::KEYS {
            let merge = fields::merge(key);
            for (at, item) in self.table.every(key) {
                let source = &self.sources[at];
                let field = |key: String, item: &Item<'_>, counts| WrittenField {
                    key,
                    source: source.clone(),
                    spot: item.key_spot.clone(),
                    raw: match item.value.as_str() {
                        Some(text) => text.to_owned(),
                        None => toml_value(item.value),
                    },
                    counts,
                };
                if merge == Merge::Names {
                    for named in item.names(&mut Problems::default()) {
                        let key = format!("{key}.{}", named.key);
                        let first = !written.iter().any(|other| other.key == key);
                        written.push(field(key, &named, first));
                    }
                } else {
                    let first = !written.iter().any(|other| other.key == key);
                    let counts = first || merge == Merge::Unite;
                    written.push(field(key.to_owned(), &item, counts));
                }
            }
        }
        written
    }
}

/// What `cluster.toml` says of services, and which service is made from which.
pub(super) struct Layers<'t, 'a> {
    texts: &'t Texts<'a>,
    defaults: Option<TableLayer<'t>>,
    overrides: BTreeMap<ServiceName, TableLayer<'t>>,
    /// What each service inherits from, the nearest first; `None` where that cannot be known.
    chains: BTreeMap<&'t ServiceName, Option<Vec<&'t ServiceName>>>,
}

impl<'t, 'a: 't> Layers<'t, 'a> {
    /// Reads who inherits from whom, and reports what is wrong with that.
    pub(super) fn of(
        cluster: Option<(&str, &'t DeTable<'a>)>,
        texts: &'t Texts<'a>,
        misnamed: &BTreeSet<String>,
        problems: &mut Problems,
    ) -> Self {
        let (mut defaults, mut overrides) = (None, BTreeMap::new());
        if let Some((path, entries)) = cluster {
            let mut root = Table::root(path, entries, &CLUSTER);
            if let Some(item) = root.get("defaults") {
                defaults = shared(&item, &DEFAULTS, problems);
            }
            for item in root.names("services", problems) {
                let Some(name) = known(&item.name(), texts, misnamed, problems) else {
                    continue;
                };
                if let Some(layer) = shared(&item, &OVERRIDES, problems) {
                    overrides.insert(name.clone(), layer);
                }
            }
        }
        Self {
            texts,
            defaults,
            overrides,
            chains: chains(texts, misnamed, problems),
        }
    }

    /// Reads the values of `[defaults]` that no service has from there, as if one had each of them alone. `path` is `cluster.toml`.
    pub(super) fn read_unused(
        &self,
        path: &str,
        read: &dyn Fn(ServiceName, &str, Layered<'_>, &mut Problems),
        problems: &mut Problems,
    ) {
        /// What a service has in any case.
        const BASE: &str = "image = \"example/a\"\ntag = \"1\"\n";
        let Some(layer) = &self.defaults else {
            return;
        };
        for key in fields::SHARED_KEYS {
            let services = || self.texts.keys();
            let united = fields::merge(key) != Merge::Replace;
            if !layer.has(key) || united || services().any(|name| self.takes_default(name, key)) {
                continue;
            }
            let base = match key {
                "health" => format!("{BASE}port = 80\n"),
                "aliases" => format!("{BASE}networks = [\"a\"]\n"),
                _ => BASE.to_owned(),
            };
            let Some(base) = parse(path, &base, problems) else {
                continue;
            };
            let mut alone = layer.clone();
            let others = fields::KEYS.into_iter().filter(|other| *other != key);
            alone.without.extend(others);
            let base = TableLayer::new(&base, &SERVICE_FILE, Spot::file(path));
            let layered = Layered {
                table: Table::layered(&SERVICE_FILE, vec![base, alone], 0, fields::merge),
                sources: vec![WrittenIn::Own, WrittenIn::Defaults],
                whole: Whole::Yes,
            };
            let name = ServiceName::new("a").expect("a name");
            read(name, path, layered, problems);
        }
    }

    /// Whether no nearer text of a service has a key.
    fn takes_default(&self, name: &ServiceName, key: &str) -> bool {
        let has = |name: &ServiceName| {
            let entries = self
                .texts
                .get(name)
                .and_then(|(_, entries)| entries.as_ref());
            entries.is_some_and(|entries| entries.contains_key(key))
        };
        let inherited = fields::not_inherited().all(|own| own != key);
        let chain = self.chains.get(name).and_then(Option::as_ref);
        let mut parents = chain.into_iter().flatten().filter(|_| inherited);
        !has(name)
            && !self.overrides.get(name).is_some_and(|layer| layer.has(key))
            && !parents.any(|parent| has(parent))
    }

    /// All that is said of a service. `None` if its file is no TOML.
    pub(super) fn of_service(&self, name: &ServiceName) -> Option<Layered<'t>> {
        let own = self.layer(name)?;
        let mut layers: Vec<(WrittenIn, TableLayer<'t>)> = Vec::new();
        let overriding = self.overrides.get(name).cloned();
        layers.extend(overriding.map(|layer| (WrittenIn::Override, layer)));
        let own_at = layers.len();
        layers.push((WrittenIn::Own, own));
        let chain = self.chains.get(name).and_then(Option::as_ref);
        let whole = match chain {
            Some(_) => Whole::Yes,
            None => Whole::No,
        };
        for parent in chain.into_iter().flatten() {
            if let Some(mut layer) = self.layer(parent) {
                layer.without.extend(fields::not_inherited());
                layers.push((WrittenIn::From((*parent).clone()), layer));
            }
        }
        let defaults = self.defaults.clone();
        layers.extend(defaults.map(|layer| (WrittenIn::Defaults, layer)));
        hide_replaced(&mut layers);
        let (sources, layers) = layers.into_iter().unzip();
        Some(Layered {
            table: Table::layered(&SERVICE_FILE, layers, own_at, fields::merge),
            sources,
            whole,
        })
    }

    fn layer(&self, name: &ServiceName) -> Option<TableLayer<'t>> {
        let (path, entries) = self.texts.get(name)?;
        let entries = entries.as_ref()?;
        Some(TableLayer::new(entries, &SERVICE_FILE, Spot::file(path)))
    }
}

/// Of two fields of which a service has one, the nearer text decides: a `digest` takes the place of an inherited `tag`.
fn hide_replaced(layers: &mut [(WrittenIn, TableLayer<'_>)]) {
    let mut replaced: Vec<&'static str> = Vec::new();
    for (_, layer) in layers {
        layer.without.extend(&replaced);
        for group in fields::ONE_OF {
            if group.iter().any(|key| layer.has(key)) {
                let others = group.iter().filter(|key| !layer.has(key));
                replaced.extend(others);
            }
        }
    }
}

/// Reads the keys of `[defaults]` or of `[services.NAME]`. Their values are read with each service.
fn shared<'t>(
    item: &Item<'t>,
    kind: &'static TableKind,
    problems: &mut Problems,
) -> Option<TableLayer<'t>> {
    let mut table = item.table(kind, problems)?;
    for key in fields::SHARED_KEYS {
        let _ = table.get(key);
    }
    for key in fields::OWN_KEYS {
        if let Some(found) = table.exactly(key) {
            problems.push(
                Diagnostic::error(
                    format!("`{key}` stands in a service's own file, not in `cluster.toml`"),
                    found.key_spot.label("not here"),
                )
                .with_help("write it in `services/NAME.toml`"),
            );
        }
    }
    let mut layer = table.own().clone();
    layer.without.extend(fields::OWN_KEYS);
    table.finish(problems);
    Some(layer)
}

/// The service of this name, or what is wrong with it.
fn known<'t>(
    name: &At<String>,
    texts: &'t Texts<'_>,
    misnamed: &BTreeSet<String>,
    problems: &mut Problems,
) -> Option<&'t ServiceName> {
    let text = name.value.as_str();
    let found = ServiceName::new(text).ok();
    let found = found.and_then(|name| texts.get_key_value(&name));
    if found.is_none() && !misnamed.contains(text) {
        let known = texts.keys().map(ServiceName::as_str);
        problems.push(
            Diagnostic::error(
                format!("expected a service, found {}", quoted(text)),
                name.spot.label("there is no such service"),
            )
            .with_help_if(nearest::help(text, known)),
        );
    }
    found.map(|(name, _)| name)
}

/// What each service inherits from, the nearest first.
fn chains<'t>(
    texts: &'t Texts<'_>,
    misnamed: &BTreeSet<String>,
    problems: &mut Problems,
) -> BTreeMap<&'t ServiceName, Option<Vec<&'t ServiceName>>> {
    let mut parents = BTreeMap::new();
    for (name, (path, entries)) in texts {
        let Some(entries) = entries else {
            parents.insert(name, Parent::Unknown);
            continue;
        };
        let mut own = Table::root(path, entries, &SERVICE_FILE);
        let parent = match own.get("from") {
            None => Parent::None,
            Some(item) => {
                let named = item.string(problems);
                let found = named.and_then(|named| {
                    let parent = known(&named, texts, misnamed, problems)?;
                    Some((parent, named.spot))
                });
                found.map_or(Parent::Unknown, |(name, spot)| Parent::Service(name, spot))
            }
        };
        parents.insert(name, parent);
    }
    let names = texts.keys();
    names
        .map(|name| (name, chain(name, &parents, problems)))
        .collect()
}

enum Parent<'t> {
    None,
    Service(&'t ServiceName, Spot),
    /// It is not there, or cannot be read.
    Unknown,
}

/// What one service inherits from. A circle is reported once, at its first service by name.
fn chain<'t>(
    name: &'t ServiceName,
    parents: &BTreeMap<&'t ServiceName, Parent<'t>>,
    problems: &mut Problems,
) -> Option<Vec<&'t ServiceName>> {
    let (mut chain, mut spots) = (Vec::new(), Vec::new());
    let mut at = name;
    loop {
        match &parents[at] {
            Parent::None => return Some(chain),
            Parent::Unknown => return None,
            Parent::Service(parent, spot) => {
                spots.push(spot);
                if *parent == name {
                    if chain.iter().all(|other| name <= *other) {
                        problems.push(circle(name, &chain, &spots));
                    }
                    return None;
                }
                if chain.contains(parent) {
                    return None;
                }
                chain.push(parent);
                at = parent;
            }
        }
    }
}

fn circle(name: &ServiceName, chain: &[&ServiceName], spots: &[&Spot]) -> Diagnostic {
    let mut names: Vec<&str> = vec![name.as_str()];
    names.extend(chain.iter().map(|name| name.as_str()));
    names.push(name.as_str());
    let title = format!("`from` leads in a circle: {}", names.join(" → "));
    let (first, others) = spots.split_first().expect("a circle has a line");
    let start = Diagnostic::error(title, first.label("leads back here"));
    let all = others.iter().fold(start, |diagnostic, spot| {
        diagnostic.with_related(spot.label("and this"))
    });
    all.with_help("remove one of these lines, and write what the service needs")
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
