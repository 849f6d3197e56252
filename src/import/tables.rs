//! Tables of a service: labels, limits, hosts, DNS, devices, what confines it.

use super::draft::{Draft, Toml};
use super::told::{Keys, ToldLines};
use super::variables;
use super::yaml::{YamlNode, YamlValue};

/// Tables of names.
pub(super) fn tables(told: &mut ToldLines, keys: &mut Keys<'_>, draft: &mut Draft) {
    for (key, field) in [("labels", "labels"), ("sysctls", "sysctls")] {
        let Some(node) = keys.take(key) else { continue };
        let path = keys.key(key);
        let mut named = Vec::new();
        for (name, value) in node.map().into_iter().flatten() {
            let text = match &value.value {
                YamlValue::Null => Some(String::new()),
                YamlValue::Text(_) | YamlValue::List(_) | YamlValue::Map(_) => value.text(),
            };
            let Some(text) = text else {
                let why = format!("expected a text, found {}", value.kind());
                told.not(&value.spot, &format!("{path}.{}", name.name), why);
                continue;
            };
            variables::tell_secrets(told, &format!("{path}.{}", name.name), value);
            let value = match field {
                "sysctls" => Toml::number(&text),
                _ => Toml::Text(text),
            };
            named.push((name.name.clone(), value));
        }
        if node.map().is_none() {
            told.not(
                &node.spot,
                &path,
                format!("expected a table, found {}", node.kind()),
            );
        }
        if !named.is_empty() {
            draft.set(field, Toml::Named(named), &node.spot);
        }
    }
    if let Some(node) = keys.take("annotations") {
        for (name, value) in node.map().into_iter().flatten() {
            let value = value.text().unwrap_or_default();
            draft.flag("annotation", &format!("{}={value}", name.name), &name.spot);
        }
    }
    if let Some(node) = keys.take("ulimits") {
        let mut named = Vec::new();
        for (name, value) in node.map().into_iter().flatten() {
            let limit = |key: &str| value.get(key).and_then(YamlNode::text);
            let text = match (value.text(), limit("soft"), limit("hard")) {
                (Some(text), _, _) => text,
                (None, Some(soft), Some(hard)) if soft == hard => soft,
                (None, Some(soft), Some(hard)) => format!("{soft}:{hard}"),
                (None, _, _) => {
                    let path = format!("{}.{}", keys.key("ulimits"), name.name);
                    told.not(&name.spot, &path, "expected a number, or `soft` and `hard`");
                    continue;
                }
            };
            named.push((name.name.clone(), Toml::number(&text)));
        }
        if !named.is_empty() {
            draft.set("ulimits", Toml::Named(named), &node.spot);
        }
    }
    hosts(told, keys, draft);
    dns(told, keys, draft);
    if let Some(node) = keys.take("logging") {
        let mut logging = Keys::new(keys.key("logging"), node, told);
        let mut entries = Vec::new();
        if let Some((driver, _)) = logging.text("driver", told) {
            entries.push(("driver", Toml::Text(driver)));
        }
        if let Some(options) = logging.take("options") {
            let options = options.map().into_iter().flatten();
            let options: Vec<(String, Toml)> = options
                .map(|(name, value)| {
                    (
                        name.name.clone(),
                        Toml::Text(value.text().unwrap_or_default()),
                    )
                })
                .collect();
            if !options.is_empty() {
                entries.push(("options", Toml::Named(options)));
            }
        }
        logging.finish(told);
        if !entries.is_empty() {
            draft.set("log", Toml::Table(entries), &node.spot);
        }
    }
    devices(told, keys, draft);
    if let Some(node) = keys.take("blkio_config") {
        blkio(told, keys, node, draft);
    }
    if let Some(node) = keys.take("storage_opt") {
        for (name, value) in node.map().into_iter().flatten() {
            let value = value.text().unwrap_or_default();
            draft.flag("storage-opt", &format!("{}={value}", name.name), &name.spot);
        }
    }
}

fn hosts(told: &mut ToldLines, keys: &mut Keys<'_>, draft: &mut Draft) {
    let Some(node) = keys.take("extra_hosts") else {
        return;
    };
    let mut named = Vec::new();
    for (name, value) in node.map().into_iter().flatten() {
        let path = format!("{}.{}", keys.key("extra_hosts"), name.name);
        let addresses: Vec<String> = super::told::texts(&path, value, told)
            .into_iter()
            .map(|(text, _)| text.trim_matches(['[', ']']).to_owned())
            .collect();
        named.push((name.name.clone(), Toml::one_or_more(addresses)));
    }
    if !named.is_empty() {
        draft.set("hosts", Toml::Named(named), &node.spot);
    }
}

fn dns(told: &mut ToldLines, keys: &mut Keys<'_>, draft: &mut Draft) {
    let mut list = |key: &str| -> Vec<String> {
        let texts = keys.texts(key, told).into_iter();
        texts.map(|(text, _)| text).collect()
    };
    let (servers, search, options) = (list("dns"), list("dns_search"), list("dns_opt"));
    let spot = draft.spot.clone();
    if search.is_empty() && options.is_empty() {
        if !servers.is_empty() {
            draft.set("dns", Toml::texts(servers), &spot);
        }
        return;
    }
    let parts = [
        ("servers", servers),
        ("search", search),
        ("options", options),
    ];
    let parts = parts.into_iter().filter(|(_, texts)| !texts.is_empty());
    let table = parts
        .map(|(key, texts)| (key, Toml::texts(texts)))
        .collect();
    draft.set("dns", Toml::Table(table), &spot);
}

fn devices(told: &mut ToldLines, keys: &mut Keys<'_>, draft: &mut Draft) {
    if let Some(node) = keys.take("devices") {
        let YamlValue::List(items) = &node.value else {
            told.not(
                &node.spot,
                &keys.key("devices"),
                format!("expected a list, found {}", node.kind()),
            );
            return;
        };
        for item in items {
            let field = |name: &str| item.get(name).and_then(YamlNode::text);
            let text = match (item.text(), field("source")) {
                (Some(text), _) => text,
                (None, Some(source)) => {
                    let target = field("target").unwrap_or_else(|| source.clone());
                    match field("permissions") {
                        Some(permissions) => format!("{source}:{target}:{permissions}"),
                        None => format!("{source}:{target}"),
                    }
                }
                (None, None) => {
                    told.not(
                        &item.spot,
                        &keys.key("devices"),
                        "expected the path of a device",
                    );
                    continue;
                }
            };
            draft.add("devices", Toml::Text(text), &item.spot);
        }
    }
    let Some(node) = keys.take("gpus") else {
        return;
    };
    match node.text() {
        Some(text) => draft.set("gpus", Toml::number(&text), &node.spot),
        None => gpus(told, &keys.key("gpus"), node, draft),
    }
}

/// Requests of devices: those of NVIDIA have a field.
pub(super) fn gpus(told: &mut ToldLines, path: &str, node: &YamlNode, draft: &mut Draft) {
    let YamlValue::List(items) = &node.value else {
        told.not(
            &node.spot,
            path,
            format!("expected a list, found {}", node.kind()),
        );
        return;
    };
    for item in items {
        let mut request = Keys::new(path, item, told);
        let capabilities = request.texts("capabilities", told);
        let driver = request.text("driver", told);
        let is_gpu = capabilities.is_empty()
            || capabilities
                .iter()
                .any(|(text, _)| text == "gpu" || text == "nvidia");
        let of_nvidia = driver
            .as_ref()
            .is_none_or(|(text, _)| text.is_empty() || text == "nvidia");
        let count = request.text("count", told);
        let ids = request.texts("device_ids", told);
        if !is_gpu || !of_nvidia {
            let why = "`gpus` means those of NVIDIA; other devices are `devices`";
            told.not(&item.spot, path, why);
            continue;
        }
        let value = match (count, ids) {
            (_, ids) if !ids.is_empty() => {
                let ids: Vec<String> = ids.into_iter().map(|(text, _)| text).collect();
                Toml::Text(format!("device={}", ids.join(",")))
            }
            (Some((count, _)), _) if count != "-1" => Toml::number(&count),
            _ => Toml::text("all"),
        };
        request.finish(told);
        draft.set("gpus", value, &item.spot);
    }
}

/// `blkio_config` as flags.
fn blkio(told: &mut ToldLines, keys: &Keys<'_>, node: &YamlNode, draft: &mut Draft) {
    let mut blkio = Keys::new(keys.key("blkio_config"), node, told);
    if let Some((weight, node)) = blkio.text("weight", told) {
        draft.flag("blkio-weight", &weight, &node.spot);
    }
    let lists = [
        ("weight_device", "blkio-weight-device", "weight"),
        ("device_read_bps", "device-read-bps", "rate"),
        ("device_read_iops", "device-read-iops", "rate"),
        ("device_write_bps", "device-write-bps", "rate"),
        ("device_write_iops", "device-write-iops", "rate"),
    ];
    for (key, flag, what) in lists {
        let Some(YamlValue::List(items)) = blkio.take(key).map(|node| &node.value) else {
            continue;
        };
        for item in items {
            let field = |name: &str| item.get(name).and_then(YamlNode::text).unwrap_or_default();
            draft.flag(
                flag,
                &format!("{}:{}", field("path"), field(what)),
                &item.spot,
            );
        }
    }
    blkio.finish(told);
}

/// `cap_add`, `cap_drop` and `security_opt`.
pub(super) fn security(told: &mut ToldLines, keys: &mut Keys<'_>, draft: &mut Draft) {
    for (key, sign) in [("cap_add", ""), ("cap_drop", "-")] {
        for (text, node) in keys.texts(key, told) {
            let name = text.to_ascii_uppercase();
            let name = name.strip_prefix("CAP_").unwrap_or(&name);
            draft.add(
                "capabilities",
                Toml::Text(format!("{sign}{name}")),
                &node.spot,
            );
        }
    }
    let mut table = Vec::new();
    let mut labels = Vec::new();
    let mut spot = None;
    for (text, node) in keys.texts("security_opt", told) {
        let (name, value) = text.split_once([':', '=']).unwrap_or((&text, ""));
        match (name, value) {
            ("no-new-privileges", "" | "true") => {
                table.push(("no_new_privileges", Toml::Bare("true".to_owned())));
            }
            ("no-new-privileges", "false") => {}
            ("seccomp", value) => table.push(("seccomp", Toml::text(value))),
            ("apparmor", value) => table.push(("apparmor", Toml::text(value))),
            ("label", value) => labels.push(value.to_owned()),
            _ => {
                draft.flag("security-opt", &text, &node.spot);
                continue;
            }
        }
        spot = Some(node.spot.clone());
    }
    if !labels.is_empty() {
        table.push(("label", Toml::one_or_more(labels)));
    }
    if let Some(spot) = spot.filter(|_| !table.is_empty()) {
        draft.set("security", Toml::Table(table), &spot);
    }
}
