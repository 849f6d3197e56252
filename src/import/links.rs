//! What a service has to do with others: the order of starts, networks and names.

use super::cluster::DEFAULT;
use super::converter::Converter;
use super::draft::{Draft, Toml};
use super::told::{Keys, texts};
use super::yaml::{YamlNode, YamlValue};

pub(super) fn read(converter: &mut Converter<'_, '_>, keys: &mut Keys<'_>, draft: &mut Draft) {
    order(converter, keys, draft);
    let mode = keys.text("network_mode", converter.told());
    let networks = keys.take("networks");
    let name = keys.text("container_name", converter.told());
    if let Some((mode, node)) = mode {
        let told = converter.told();
        match mode.as_str() {
            "host" | "none" | "bridge" => draft.set("network", Toml::Text(mode), &node.spot),
            "default" => {}
            other if other.contains(':') => {
                let why = format!(
                    "{other}: what restarts on its own would lose it; both are in one network here"
                );
                told.not(&node.spot, &keys.key("network_mode"), why);
                draft.add("networks", Toml::text(DEFAULT), &node.spot);
            }
            other => {
                let why = format!("{other}: name it below [networks] with `existing = true`");
                told.not(&node.spot, &keys.key("network_mode"), why);
            }
        }
        if draft.get("networks").is_none() {
            return;
        }
    }
    let mut aliases: Vec<(String, super::yaml::YamlSpot)> = Vec::new();
    if draft.called != draft.name {
        aliases.push((draft.called.clone(), draft.spot.clone()));
    }
    if let Some((name, node)) = name {
        aliases.push((name, node.spot.clone()));
    }
    match networks {
        Some(node) => named(converter, keys, node, draft, &mut aliases),
        None if draft.get("networks").is_none() => {
            let spot = draft.spot.clone();
            draft.add("networks", Toml::text(DEFAULT), &spot);
        }
        None => {}
    }
    for (alias, spot) in aliases {
        if alias != draft.name {
            draft.add("aliases", Toml::Text(alias), &spot);
        }
    }
}

/// The networks that a service names, in compose's order: the one with the highest priority first, the others by name.
fn named(
    converter: &mut Converter<'_, '_>,
    keys: &Keys<'_>,
    node: &YamlNode,
    draft: &mut Draft,
    aliases: &mut Vec<(String, super::yaml::YamlSpot)>,
) {
    let path = keys.key("networks");
    let YamlValue::Map(entries) = &node.value else {
        let why = format!("expected a list or a table, found {}", node.kind());
        converter.told().not(&node.spot, &path, why);
        return;
    };
    let priority = |node: &YamlNode| {
        let written = node.get("priority").and_then(YamlNode::text);
        written
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by(|(a, one), (b, other)| {
        priority(other)
            .total_cmp(&priority(one))
            .then_with(|| a.name.cmp(&b.name))
    });
    for (name, node) in entries {
        let own = super::cluster::network_name(converter.project, &name.name);
        let told = converter.told();
        let mut one = Keys::new(format!("{path}.{}", name.name), node, told);
        let _ = one.take("priority");
        for (alias, node) in one.texts("aliases", told) {
            aliases.push((alias, node.spot.clone()));
        }
        let mut addresses = Vec::new();
        for key in ["ipv4_address", "ipv6_address"] {
            addresses.extend(one.text(key, told).map(|(text, _)| text));
        }
        let address = (!addresses.is_empty()).then(|| Toml::one_or_more(addresses));
        one.finish(told);
        let value = match address {
            None => Toml::text(own),
            Some(address) => Toml::Table(vec![("name", Toml::text(own)), ("address", address)]),
        };
        draft.add("networks", value, &name.spot);
    }
}

/// `depends_on`, and `links` for the order.
fn order(converter: &mut Converter<'_, '_>, keys: &mut Keys<'_>, draft: &mut Draft) {
    let path = keys.key("depends_on");
    if let Some(node) = keys.take("depends_on") {
        if node.map().is_none() {
            let why = format!("expected a list or a table, found {}", node.kind());
            converter.told().not(&node.spot, &path, why);
        }
        for (name, node) in node.map().into_iter().flatten() {
            let mut one = Keys::new(format!("{path}.{}", name.name), node, converter.told());
            let condition = one.text("condition", converter.told());
            let required = one.boolean("required", converter.told()) != Some(false);
            // What is needed is no input of the container, as in compose by default.
            if one.boolean("restart", converter.told()) == Some(true) {
                let why = "what is needed is no input: this container does not restart with it";
                converter.told().not(&name.spot, &one.key("restart"), why);
            }
            one.finish(converter.told());
            if let Some((text, node)) = condition.filter(|(text, _)| {
                ![
                    "service_started",
                    "service_healthy",
                    "service_completed_successfully",
                ]
                .contains(&text.as_str())
            }) {
                let key = format!("{path}.{}.condition", name.name);
                converter
                    .told()
                    .not(&node.spot, &key, format!("unknown condition `{text}`"));
            }
            match converter.names.get(&name.name).cloned() {
                Some(other) if other != draft.name => {
                    draft.add("after", Toml::Text(other), &name.spot);
                }
                Some(_) => {}
                None if required => {
                    let key = format!("{path}.{}", name.name);
                    let why = "this service is not taken";
                    converter.told().not(&name.spot, &key, why);
                }
                None => {}
            }
        }
    }
    let Some(node) = keys.take("links") else {
        return;
    };
    let path = keys.key("links");
    for (text, node) in texts(&path, node, converter.told()) {
        let (name, alias) = text.split_once(':').unwrap_or((&text, &text));
        if let Some(other) = converter.names.get(name).cloned() {
            draft.add("after", Toml::Text(other), &node.spot);
        }
        if alias != name {
            let why = format!("write `aliases = [\"{alias}\"]` into the service {name}");
            converter.told().not(&node.spot, &path, why);
        }
    }
}
