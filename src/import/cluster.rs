//! The text of `cluster.toml`: the host, networks, places and shared variables.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, Toml};
use super::project::{Project, table};
use super::told::{Keys, ToldLines};
use super::variables::{SharedVariables, escaped, value_of};
use super::written::{inline, width};
use super::yaml::{YamlNode, YamlValue};
use crate::cluster::toml_key;

/// The network of all services that name none.
pub(super) const DEFAULT: &str = "default";

/// Fields that stand in `[defaults]` where all services have the same.
const COMMON: [&str; 6] = ["networks", "log", "init", "dns", "security", "stop_timeout"];

/// What a network is called here: its own name, if somebody else makes it.
pub(super) fn network_name(project: &Project, name: &str) -> String {
    let node = project.root.get("networks").and_then(|all| all.get(name));
    match node {
        Some(node) if is_external(node) => external_name(node).unwrap_or_else(|| name.to_owned()),
        _ => label(name),
    }
}

pub(super) fn is_external(node: &YamlNode) -> bool {
    node.get("external").is_some_and(|external| {
        matches!(external.value, YamlValue::Map(_)) || external.text().as_deref() == Some("true")
    })
}

pub(super) fn external_name(node: &YamlNode) -> Option<String> {
    let name = node.get("name").and_then(YamlNode::text);
    name.or_else(|| node.get("external")?.get("name")?.text())
}

/// A name of lower-case letters, digits and inner hyphens.
pub(super) fn label(name: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
        _ => '-',
    };
    let label: String = name.chars().map(plain).take(63).collect();
    label.trim_matches('-').to_owned()
}

/// `[networks]`: those that a service is in.
pub(super) fn networks(
    project: &Project,
    used: &BTreeSet<String>,
    told: &mut ToldLines,
) -> Vec<(String, Toml)> {
    let mut all = Vec::new();
    let described = table(&project.root, "networks");
    if used.contains(DEFAULT) && !described.contains_key(DEFAULT) {
        all.push((DEFAULT.to_owned(), Toml::Table(Vec::new())));
    }
    for (name, node) in described {
        let own = network_name(project, name);
        if !used.contains(&own) {
            continue;
        }
        let mut keys = Keys::new(format!("networks.{name}"), node, told);
        if is_external(node) {
            for taken in ["external", "name"] {
                let _ = keys.take(taken);
            }
            keys.finish(told);
            all.push((
                own,
                Toml::Table(vec![("existing", Toml::Bare("true".to_owned()))]),
            ));
            continue;
        }
        let options = network(project, name, &mut keys, told);
        keys.finish(told);
        all.push((own, Toml::Table(options)));
    }
    all
}

fn network(
    project: &Project,
    name: &str,
    keys: &mut Keys<'_>,
    told: &mut ToldLines,
) -> Vec<(&'static str, Toml)> {
    let mut options = Vec::new();
    let usual = format!("{}_{name}", project.name);
    if let Some((text, node)) = keys.text("name", told).filter(|(text, _)| *text != usual) {
        let why = format!(
            "{text}: networks are called CLUSTER-NETWORK; one that others use has `existing = true`"
        );
        told.not(&node.spot, &keys.key("name"), why);
    }
    if let Some((text, node)) = keys
        .text("driver", told)
        .filter(|(text, _)| text != "bridge")
    {
        let why =
            format!("{text}: make the network with the engine, and name it with `existing = true`");
        told.not(&node.spot, &keys.key("driver"), why);
    }
    if keys.boolean("internal", told) == Some(true) {
        options.push(("internal", Toml::Bare("true".to_owned())));
    }
    if keys.boolean("external", told) == Some(true) {
        options.push(("existing", Toml::Bare("true".to_owned())));
    }
    // Compose says it of every network that swarm could use.
    let _ = keys.boolean("attachable", told);
    let _ = keys.boolean("enable_ipv4", told);
    let (mut subnets, mut gateways) = (Vec::new(), Vec::new());
    if let Some(node) = keys.take("ipam") {
        let mut ipam = Keys::new(keys.key("ipam"), node, told);
        let driver = ipam.text("driver", told);
        if let Some((text, node)) = driver.filter(|(text, _)| text != "default") {
            told.not(
                &node.spot,
                &ipam.key("driver"),
                format!("{text}: the engine's own is used"),
            );
        }
        if let Some(YamlValue::List(items)) = ipam.take("config").map(|node| &node.value) {
            for item in items {
                let mut one = Keys::new(ipam.key("config"), item, told);
                subnets.extend(one.text("subnet", told).map(|(text, _)| text));
                gateways.extend(one.text("gateway", told).map(|(text, _)| text));
                one.finish(told);
            }
        }
        ipam.finish(told);
    }
    let has_v6 = subnets.iter().any(|subnet| subnet.contains(':'));
    if !subnets.is_empty() {
        options.push(("subnet", Toml::one_or_more(subnets)));
    }
    if !gateways.is_empty() {
        options.push(("gateway", Toml::one_or_more(gateways)));
    }
    if keys.boolean("enable_ipv6", told) == Some(true) && !has_v6 {
        options.push(("ipv6", Toml::Bare("true".to_owned())));
    }
    if let Some(node) = keys.take("driver_opts") {
        let entries = node.map().into_iter().flatten();
        let named: Vec<(String, Toml)> = entries
            .map(|(name, value)| {
                (
                    name.name.clone(),
                    Toml::Text(value.text().unwrap_or_default()),
                )
            })
            .collect();
        if !named.is_empty() {
            options.push(("options", Toml::Named(named)));
        }
    }
    options
}

/// Takes what all services have in common out of their files.
pub(super) fn defaults(drafts: &mut [Draft]) -> Vec<(String, Toml)> {
    let mut defaults = Vec::new();
    if drafts.len() < 2 {
        return defaults;
    }
    for field in COMMON {
        let Some(value) = drafts[0].get(field).cloned() else {
            continue;
        };
        if drafts.iter().all(|draft| draft.get(field) == Some(&value)) {
            for draft in &mut *drafts {
                draft.fields.retain(|line| line.key != field);
            }
            defaults.push((field.to_owned(), value));
        }
    }
    defaults
}

/// What `cluster.toml` says beside the services.
pub(super) struct ClusterText<'a> {
    /// Which files it was made of.
    pub files: &'a [String],
    pub networks: &'a [(String, Toml)],
    pub defaults: &'a [(String, Toml)],
    pub services: &'a [&'a str],
    pub shared: &'a SharedVariables,
}

impl ClusterText<'_> {
    pub(super) fn text(&self) -> String {
        let files = self.files.iter().map(|file| match file.as_str() {
            "-" => "standard input",
            file => super::paths::file_name(file),
        });
        let files: Vec<&str> = files.collect();
        let mut text = format!(
            "#:schema ../../schemas/cluster.schema.json\n# Made of {} by `bayplan init --from-compose`.\n\n\
             [hosts.here]\nlocal = true      # this machine. Another one has an address instead: address = \"192.0.2.11\"\n",
            files.join(", ").escape_debug()
        );
        let vars: BTreeMap<&String, Toml> = self
            .shared
            .vars
            .iter()
            .map(|(name, value)| (name, value_of(&escaped(value))))
            .collect();
        let place = self
            .services
            .iter()
            .map(|name| ((*name).to_owned(), Toml::text("here")));
        let vars = vars.into_iter().map(|(name, value)| (name.clone(), value));
        block(&mut text, "networks", self.networks);
        block(&mut text, "defaults", self.defaults);
        block(&mut text, "place", &place.collect::<Vec<_>>());
        block(&mut text, "vars", &vars.collect::<Vec<_>>());
        text
    }
}

fn block(text: &mut String, heading: &str, lines: &[(String, Toml)]) {
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("\n[{heading}]\n"));
    let width = width(lines.iter().map(|(name, _)| toml_key(name)));
    for (name, value) in lines {
        text.push_str(&format!("{:width$} = {}\n", toml_key(name), inline(value)));
    }
}
