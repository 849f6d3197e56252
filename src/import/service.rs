//! A service of compose as a draft: most of its keys.

use super::converter::Converter;
use super::deploy::deploy;
use super::draft::{Draft, Toml};
use super::tables::{security, tables};
use super::told::{Keys, ToldLines};
use super::units::{duration, milliseconds, size, words};
use super::yaml::{YamlKey, YamlNode, YamlValue};
use super::{health, links, mounts, ports, variables};
use crate::cluster::diagnostic::Diagnostic;

/// Texts that have a field: compose's key, and the field.
const TEXTS: [(&str, &str); 6] = [
    ("user", "user"),
    ("working_dir", "workdir"),
    ("hostname", "hostname"),
    ("platform", "platform"),
    ("cpuset", "cpuset"),
    ("stop_signal", "stop_signal"),
];

const BOOLEANS: [(&str, &str); 4] = [
    ("init", "init"),
    ("privileged", "privileged"),
    ("read_only", "read_only"),
    ("tty", "tty"),
];

const SIZES: [(&str, &str); 3] = [
    ("mem_limit", "memory"),
    ("mem_reservation", "memory_reservation"),
    ("shm_size", "shm_size"),
];

/// Keys that are a flag of `run` without a field.
const FLAGS: [(&str, &str); 17] = [
    ("domainname", "domainname"),
    ("cgroup", "cgroupns"),
    ("cgroup_parent", "cgroup-parent"),
    ("ipc", "ipc"),
    ("pid", "pid"),
    ("uts", "uts"),
    ("userns_mode", "userns"),
    ("runtime", "runtime"),
    ("mac_address", "mac-address"),
    ("cpu_shares", "cpu-shares"),
    ("cpu_quota", "cpu-quota"),
    ("cpu_period", "cpu-period"),
    ("cpu_rt_period", "cpu-rt-period"),
    ("cpu_rt_runtime", "cpu-rt-runtime"),
    ("memswap_limit", "memory-swap"),
    ("mem_swappiness", "memory-swappiness"),
    ("oom_score_adj", "oom-score-adj"),
];

/// Reads a service.
pub(super) fn read(
    converter: &mut Converter<'_, '_>,
    key: &YamlKey,
    node: &YamlNode,
) -> Result<Draft, Diagnostic> {
    let mut draft = Draft {
        name: converter.names[&key.name].clone(),
        called: key.name.clone(),
        spot: key.spot.clone(),
        fields: Vec::new(),
        variables: Vec::new(),
        env: Vec::new(),
        files: Vec::new(),
        health: Vec::new(),
    };
    let is_job = converter.jobs.contains(&key.name);
    let path = format!("services.{}", key.name);
    let mut keys = Keys::new(path, node, converter.told());
    image(converter, &mut keys, &mut draft);
    if is_job {
        draft.set("once", Toml::text("inputs"), &key.spot);
        if let Some(line) = draft.fields.last_mut() {
            line.comment = Some("compose runs it at each `up`: that is \"always\"".to_owned());
        }
    }
    variables::read(converter, &mut keys, &mut draft)?;
    commands(converter, &mut keys, &mut draft);
    mounts::read(converter, &mut keys, &mut draft);
    links::read(converter, &mut keys, &mut draft);
    ports::read(converter, &mut keys, &mut draft, is_job);
    health::read(converter, &mut keys, &mut draft, is_job);
    let told = converter.told();
    simple(told, &mut keys, &mut draft);
    tables(told, &mut keys, &mut draft);
    security(told, &mut keys, &mut draft);
    deploy(told, &mut keys, &mut draft);
    restart(told, &mut keys, is_job);
    // They say nothing of the container, or it is said elsewhere.
    for quiet in ["profiles", "attach", "extends", "pull_policy"] {
        let _ = keys.take(quiet);
    }
    keys.finish(told);
    Ok(draft)
}

/// `image`, as a name and what tells its version.
fn image(converter: &mut Converter<'_, '_>, keys: &mut Keys<'_>, draft: &mut Draft) {
    let built = keys.take("build").cloned();
    let image = keys.text("image", converter.told());
    let (reference, spot) = match image {
        Some((text, node)) => (text, node.spot.clone()),
        // So compose calls what it builds.
        None => (
            format!("{}-{}", converter.project.name, draft.called),
            draft.spot.clone(),
        ),
    };
    if let Some(build) = built {
        let why = format!("build and push the image elsewhere; here it is `{reference}`");
        let key = keys.key("build");
        converter.told().not(&build.spot, &key, why);
    }
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name.to_owned(), Some(digest.to_owned())),
        None => (reference, None),
    };
    let colon = name.rfind(':').filter(|at| !name[*at..].contains('/'));
    let (name, tag) = match colon {
        Some(at) => (name[..at].to_owned(), Some(name[at + 1..].to_owned())),
        None => (name, None),
    };
    draft.set("image", Toml::Text(name), &spot);
    let (key, value) = match (tag, digest) {
        (Some(tag), Some(digest)) => ("tag", format!("{tag}@{digest}")),
        (Some(tag), None) => ("tag", tag),
        (None, Some(digest)) => ("digest", digest),
        (None, None) => ("tag", "latest".to_owned()),
    };
    draft.set(key, Toml::Text(value), &spot);
}

/// `command` and `entrypoint`. The further words of an entrypoint come first in the command.
fn commands(converter: &mut Converter<'_, '_>, keys: &mut Keys<'_>, draft: &mut Draft) {
    let mut read = |name: &str| -> Option<(Vec<String>, YamlNode)> {
        let node = keys.take(name)?;
        let key = keys.key(name);
        variables::tell_secrets(converter.told(), &key, node);
        let words = match &node.value {
            YamlValue::Text(_) => words(&node.text().unwrap_or_default()),
            YamlValue::Null | YamlValue::List(_) | YamlValue::Map(_) => Some(
                super::told::texts(&key, node, converter.told())
                    .into_iter()
                    .map(|(text, _)| text)
                    .collect(),
            ),
        };
        match words {
            Some(words) => Some((words, node.clone())),
            None => {
                let why = "expected a command line whose quotes are closed";
                converter.told().not(&node.spot, &key, why);
                None
            }
        }
    };
    let entrypoint = read("entrypoint");
    let command = read("command");
    let mut all = Vec::new();
    let mut spot = None;
    if let Some((words, node)) = entrypoint {
        match words.split_first() {
            Some((program, rest)) if !program.is_empty() => {
                draft.set("entrypoint", Toml::text(program), &node.spot);
                all.extend(rest.to_vec());
                spot = Some(node.spot);
            }
            _ => {
                let key = format!("services.{}.entrypoint", draft.called);
                let why = "an empty entrypoint takes the image's away: write the program that runs";
                converter.told().not(&node.spot, &key, why);
            }
        }
    }
    if let Some((words, node)) = command {
        all.extend(words);
        spot = spot.or(Some(node.spot));
    }
    if let Some(spot) = spot.filter(|_| !all.is_empty()) {
        draft.set("command", Toml::texts(all), &spot);
    }
}

fn simple(told: &mut ToldLines, keys: &mut Keys<'_>, draft: &mut Draft) {
    for (key, field) in TEXTS {
        // An empty one, mostly of a variable, says nothing.
        if let Some((text, node)) = keys.text(key, told).filter(|(text, _)| !text.is_empty()) {
            draft.set(field, Toml::Text(text), &node.spot);
        }
    }
    for (key, field) in BOOLEANS {
        if let Some((true, node)) = keys.flag(key, told) {
            draft.set(field, Toml::Bare("true".to_owned()), &node.spot);
        }
    }
    for (key, field) in SIZES {
        if let Some((text, node)) = keys.text(key, told).filter(|(text, _)| !text.is_empty()) {
            match size(&text) {
                // No limit.
                Some(size) if size.starts_with("0") && size.len() == 2 => {}
                Some(size) => draft.set(field, Toml::Text(size), &node.spot),
                None => {
                    let why = format!("expected a size such as `512m`, found `{text}`");
                    told.not(&node.spot, &keys.key(key), why);
                }
            }
        }
    }
    for (key, flag) in FLAGS {
        if let Some((text, node)) = keys.text(key, told).filter(|(text, _)| !text.is_empty()) {
            if text.starts_with("service:") || text.starts_with("container:") {
                let why = "what restarts on its own would lose it";
                told.not(&node.spot, &keys.key(key), why);
            } else {
                draft.flag(flag, &text, &node.spot);
            }
        }
    }
    if let Some((true, node)) = keys.flag("oom_kill_disable", told) {
        draft.flag("oom-kill-disable", "true", &node.spot);
    }
    if let Some((true, node)) = keys.flag("stdin_open", told) {
        let why = "nobody types into the container of a unit; what ends at once without it stays with `tty`";
        told.otherwise(&node.spot, &keys.key("stdin_open"), why);
    }
    if let Some((text, node)) = keys.text("cpus", told) {
        draft.set("cpus", Toml::number(&text), &node.spot);
    }
    if let Some((text, node)) = keys
        .text("pids_limit", told)
        .filter(|(text, _)| text != "0")
    {
        draft.set("pids", Toml::number(&text), &node.spot);
    }
    if let Some((text, node)) = keys.text("stop_grace_period", told) {
        match milliseconds(&text) {
            Some(time) => draft.set("stop_timeout", Toml::Text(duration(time)), &node.spot),
            None => told.not(
                &node.spot,
                &keys.key("stop_grace_period"),
                format!("expected a duration such as `30s`, found `{text}`"),
            ),
        }
    }
    for (text, node) in keys.texts("group_add", told) {
        draft.add("groups", Toml::Text(text), &node.spot);
    }
    for (text, node) in keys.texts("device_cgroup_rules", told) {
        draft.flag("device-cgroup-rule", &text, &node.spot);
    }
    for (text, node) in keys.texts("expose", told) {
        let why = "containers in one network reach every port; for a proxy that asks the engine which one it is, `extra_args = [\"--expose\", …]`";
        let key = keys.key("expose");
        told.otherwise(&node.spot, &key, format!("{text}: {why}"));
    }
}

/// `restart`: systemd starts what runs all the time again.
fn restart(told: &mut ToldLines, keys: &mut Keys<'_>, is_job: bool) {
    let Some((text, node)) = keys.text("restart", told) else {
        return;
    };
    let why = match (text.as_str(), is_job) {
        ("always" | "unless-stopped", false) | ("no", true) => return,
        (_, true) => "a job that fails stops the release, and the next one runs it again",
        ("no", false) => {
            "systemd starts it again when it ends; if it runs to its end, write `once = \"inputs\"` or a `schedule`"
        }
        _ => {
            "systemd starts it again however it ends; if it runs to its end, write `once = \"inputs\"` or a `schedule`"
        }
    };
    told.not(&node.spot, &keys.key("restart"), format!("{text}: {why}"));
}
