//! One text of compose over another: `-f` files, `extends`, `!reset` and `!override`.

use super::yaml::{MergeTag, TextSegment, YamlKey, YamlNode, YamlValue};

/// Lists of `NAME=value`, which are tables as well.
const TABLES: [&str; 5] = ["environment", "labels", "annotations", "sysctls", "args"];

/// Commands: the later one takes the place of the other.
const WHOLE: [&str; 5] = ["command", "entrypoint", "test", "post_start", "pre_stop"];

/// Texts that may be lists.
const LISTS: [&str; 8] = [
    "dns",
    "dns_search",
    "dns_opt",
    "tmpfs",
    "env_file",
    "label_file",
    "security_opt",
    "group_add",
];

/// Gives every service its long form, as far as merging needs it.
pub(super) fn lengthen(service: &mut YamlNode) {
    let YamlValue::Map(entries) = &mut service.value else {
        return;
    };
    for (key, node) in entries {
        match key.name.as_str() {
            name if TABLES.contains(&name) => table(node, &['=']),
            "extra_hosts" => table(node, &['=', ':']),
            "depends_on" | "networks" => names(node),
            name if LISTS.contains(&name) && matches!(node.value, YamlValue::Text(_)) => {
                let item = node.clone();
                node.value = YamlValue::List(vec![item]);
                if let YamlValue::List(items) = &mut node.value {
                    items[0].tag = None;
                }
            }
            _ => {}
        }
    }
}

/// `[NAME=value]` as a table. A name alone has no value.
fn table(node: &mut YamlNode, separators: &[char]) {
    let YamlValue::List(items) = &node.value else {
        return;
    };
    let mut entries: Vec<(YamlKey, YamlNode)> = Vec::new();
    for item in items {
        let YamlValue::Text(segments) = &item.value else {
            // It is told where the table is read.
            return;
        };
        let (name, value) = split(segments, separators);
        let key = YamlKey {
            name,
            spot: item.spot.clone(),
        };
        let value = YamlNode {
            value: value.map_or(YamlValue::Null, YamlValue::Text),
            spot: item.spot.clone(),
            tag: None,
        };
        match entries.iter_mut().find(|(other, _)| other.name == key.name) {
            // Of several addresses of one host each counts.
            Some((_, there)) if separators.len() > 1 => {
                let mut all = match std::mem::replace(&mut there.value, YamlValue::Null) {
                    YamlValue::List(items) => items,
                    text @ (YamlValue::Null | YamlValue::Text(_) | YamlValue::Map(_)) => {
                        vec![YamlNode {
                            value: text,
                            spot: there.spot.clone(),
                            tag: None,
                        }]
                    }
                };
                all.push(value);
                there.value = YamlValue::List(all);
            }
            Some((_, there)) => *there = value,
            None => entries.push((key, value)),
        }
    }
    node.value = YamlValue::Map(entries);
}

/// The text before the first separator, and what comes after it.
fn split(segments: &[TextSegment], separators: &[char]) -> (String, Option<Vec<TextSegment>>) {
    let mut name = String::new();
    for (index, segment) in segments.iter().enumerate() {
        let text = match segment {
            TextSegment::Literal(text) | TextSegment::Variable { value: text, .. } => text,
        };
        let Some(at) = text.find(separators) else {
            name.push_str(text);
            continue;
        };
        name.push_str(&text[..at]);
        let mut value = vec![TextSegment::Literal(text[at + 1..].to_owned())];
        value.extend(segments[index + 1..].iter().cloned());
        if value.len() > 1 && value[0] == TextSegment::Literal(String::new()) {
            value.remove(0);
        }
        return (name, Some(value));
    }
    (name, None)
}

/// A list of names as a table.
fn names(node: &mut YamlNode) {
    let YamlValue::List(items) = &node.value else {
        return;
    };
    let mut entries: Vec<(YamlKey, YamlNode)> = Vec::new();
    for item in items {
        let Some(name) = item.text() else {
            return;
        };
        if entries.iter().any(|(other, _)| other.name == name) {
            continue;
        }
        let key = YamlKey {
            name,
            spot: item.spot.clone(),
        };
        let value = YamlNode {
            value: YamlValue::Null,
            spot: item.spot.clone(),
            tag: None,
        };
        entries.push((key, value));
    }
    node.value = YamlValue::Map(entries);
}

/// `over` over `base`, where both are the value of `key`.
pub(super) fn combine(key: &str, base: YamlNode, over: YamlNode) -> YamlNode {
    if over.tag.is_some() || WHOLE.contains(&key) {
        return over;
    }
    let YamlNode { value, spot, tag } = over;
    let value = match (base.value, value) {
        (below, YamlValue::Null) => below,
        (YamlValue::Map(mut below), YamlValue::Map(above)) => {
            // Options belong to their driver.
            let drivers = |entries: &[(YamlKey, YamlNode)]| {
                let driver = entries.iter().find(|(key, _)| key.name == "driver");
                driver.and_then(|(_, node)| node.text())
            };
            if key == "logging" && drivers(&above).is_some() && drivers(&above) != drivers(&below) {
                below.retain(|(key, _)| key.name != "options");
            }
            for (name, node) in above {
                match below.iter().position(|(key, _)| key.name == name.name) {
                    Some(at) => {
                        let (_, there) = below.remove(at);
                        let merged = combine(&name.name, there, node);
                        below.insert(at, (name, merged));
                    }
                    None => below.push((name, node)),
                }
            }
            YamlValue::Map(below)
        }
        (YamlValue::List(below), YamlValue::List(above)) => {
            let mut all = below;
            for item in above {
                let identity = identity(key, &item);
                match all
                    .iter()
                    .position(|other| self::identity(key, other) == identity)
                {
                    Some(at) => all[at] = item,
                    None => all.push(item),
                }
            }
            YamlValue::List(all)
        }
        (_, value) => value,
    };
    YamlNode { value, spot, tag }
}

/// What makes two entries of a list the same one.
fn identity(key: &str, item: &YamlNode) -> String {
    let field = |name: &str| item.get(name).and_then(YamlNode::text).unwrap_or_default();
    match (key, &item.value) {
        ("volumes" | "devices", YamlValue::Map(_)) => {
            field("target").trim_end_matches('/').to_owned()
        }
        ("volumes" | "devices", YamlValue::Text(_)) => {
            let text = item.text().unwrap_or_default();
            let parts: Vec<&str> = text.split(':').collect();
            let target = parts.get(1).or(parts.first()).copied().unwrap_or_default();
            target.trim_end_matches('/').to_owned()
        }
        ("configs" | "secrets", YamlValue::Map(_)) => match field("target") {
            empty if empty.is_empty() => field("source"),
            target => target,
        },
        ("ports", YamlValue::Map(_)) => {
            let protocol = match field("protocol") {
                empty if empty.is_empty() => "tcp".to_owned(),
                other => other,
            };
            format!(
                "{}:{}:{}/{protocol}",
                field("host_ip"),
                field("published"),
                field("target"),
            )
        }
        (_, YamlValue::Text(_)) => item.text().unwrap_or_default(),
        (_, value) => written(value),
    }
}

/// A value by what it says, wherever it stands.
fn written(value: &YamlValue) -> String {
    match value {
        YamlValue::Null => "null".to_owned(),
        YamlValue::Text(segments) => format!("{:?}", super::yaml::plain(segments)),
        YamlValue::List(items) => {
            let items: Vec<String> = items.iter().map(|item| written(&item.value)).collect();
            format!("[{}]", items.join(","))
        }
        YamlValue::Map(entries) => {
            let mut entries: Vec<String> = entries
                .iter()
                .map(|(key, node)| format!("{}:{}", key.name, written(&node.value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
    }
}

/// Takes what is tagged `!reset` away.
pub(super) fn without_reset(node: &mut YamlNode) {
    match &mut node.value {
        YamlValue::Map(entries) => {
            entries.retain(|(_, node)| node.tag != Some(MergeTag::Reset));
            for (_, node) in entries {
                without_reset(node);
            }
        }
        YamlValue::List(items) => {
            items.retain(|node| node.tag != Some(MergeTag::Reset));
            for node in items {
                without_reset(node);
            }
        }
        YamlValue::Null | YamlValue::Text(_) => {}
    }
}
