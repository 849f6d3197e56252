//! `ports` of a service.

use super::converter::Converter;
use super::draft::{Draft, Toml};
use super::told::{Keys, ToldLines};
use super::yaml::{YamlNode, YamlValue};

/// A port, in the parts that compose has.
struct PublishedPort {
    address: String,
    outside: String,
    inside: String,
    protocol: String,
}

pub(super) fn read(
    converter: &mut Converter<'_, '_>,
    keys: &mut Keys<'_>,
    draft: &mut Draft,
    is_job: bool,
) {
    let Some(node) = keys.take("ports") else {
        return;
    };
    let told = converter.told();
    let path = keys.key("ports");
    let YamlValue::List(items) = &node.value else {
        told.not(
            &node.spot,
            &path,
            format!("expected a list, found {}", node.kind()),
        );
        return;
    };
    for item in items {
        let Some(port) = parts(told, &path, item) else {
            continue;
        };
        if is_job {
            told.not(&item.spot, &path, "nothing asks a job for its port");
            continue;
        }
        if let Some(entry) = entry(told, &path, item, &port) {
            draft.add("publish", Toml::Text(entry), &item.spot);
        }
    }
}

fn parts(told: &mut ToldLines, path: &str, item: &YamlNode) -> Option<PublishedPort> {
    if let Some(text) = item.text() {
        let (rest, protocol) = text.rsplit_once('/').unwrap_or((&text, "tcp"));
        let (before, inside) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (address, outside) = before.rsplit_once(':').unwrap_or(("", before));
        return Some(PublishedPort {
            address: address.to_owned(),
            outside: outside.to_owned(),
            inside: inside.to_owned(),
            protocol: protocol.to_owned(),
        });
    }
    let mut keys = Keys::new(path, item, told);
    let mut text = |name: &str| {
        keys.text(name, told)
            .map(|(text, _)| text)
            .unwrap_or_default()
    };
    let port = PublishedPort {
        address: text("host_ip"),
        outside: text("published"),
        inside: text("target"),
        protocol: text("protocol"),
    };
    let mode = text("mode");
    if !matches!(mode.as_str(), "" | "ingress" | "host") {
        told.not(&item.spot, path, format!("mode {mode}: there is no swarm"));
    }
    for quiet in ["name", "app_protocol"] {
        if let Some(node) = keys.take(quiet) {
            told.otherwise(&node.spot, &keys.key(quiet), "nothing on a host reads it");
        }
    }
    keys.finish(told);
    Some(port)
}

/// The entry of `publish`; none where the engine would choose the port, which is told.
fn entry(
    told: &mut ToldLines,
    path: &str,
    item: &YamlNode,
    port: &PublishedPort,
) -> Option<String> {
    let PublishedPort {
        address,
        outside,
        inside,
        protocol,
    } = port;
    if outside.is_empty() || outside == "0" {
        let why = format!(
            "{inside}: the engine would choose a port of the host, which nobody can name; `publish = [\"{inside}\"]` is that port of the host, too"
        );
        told.not(&item.spot, path, why);
        return None;
    }
    let length = |text: &str| -> Option<u32> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        (last >= first).then(|| last - first)
    };
    let (Some(outer), Some(inner)) = (length(outside), length(inside)) else {
        told.not(
            &item.spot,
            path,
            format!("expected ports, found `{outside}:{inside}`"),
        );
        return None;
    };
    if outer != inner {
        let why = format!(
            "{outside}:{inside}: the engine would choose one of these, which nobody can name"
        );
        told.not(&item.spot, path, why);
        return None;
    }
    let address = address.trim_matches(['[', ']']);
    let mut entry = match address {
        // Every address, as where none is named.
        "" | "0.0.0.0" if address.is_empty() => String::new(),
        address if address.contains(':') => format!("[{address}]:"),
        address => format!("{address}:"),
    };
    match outside == inside && address.is_empty() {
        true => entry.push_str(outside),
        false => entry.push_str(&format!("{outside}:{inside}")),
    }
    if !matches!(protocol.as_str(), "" | "tcp") {
        entry.push_str(&format!("/{protocol}"));
    }
    Some(entry)
}
