//! What runs, as the engines tell it, in the words of [`super::expected`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::expected::Place;
use crate::containers::on_every_host;
use crate::ground::Ground;
use crate::hosts::Host;

/// A container that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: String,
    /// `StartedAt`: another one if the engine started the same container again.
    pub started: String,
    pub receives: BTreeMap<String, String>,
}

pub type AllSeen = BTreeMap<Place, Seen>;

/// Looks at every host at once.
pub fn seen(ground: &Ground, engines: &BTreeMap<String, &'static str>) -> AllSeen {
    let cluster = &ground.repo.name;
    let looks = on_every_host(ground.fleet, |host| {
        look(host, cluster, engines[&host.name])
    });
    looks.into_iter().flatten().collect()
}

fn look(host: &Host, cluster: &str, engine: &str) -> AllSeen {
    let list = host.sh(&format!(
        "{engine} ps --quiet --no-trunc --filter label=bayplan.cluster={cluster} | xargs -r {engine} inspect"
    ));
    let list = if list.trim().is_empty() { "[]" } else { &list };
    let containers: Vec<Value> = serde_json::from_str(list).expect("an inspect is JSON");
    let mut script = String::new();
    for container in &containers {
        let root = format!("/proc/{}/root", container["State"]["Pid"]);
        write!(
            script,
            "for file in {root}/version {root}/build {root}/run/secrets/* {root}/srv/keys/*; do
                [ ! -f \"$file\" ] || printf '%s %s\\n' \"$file\" \"$(base64 -w 0 \"$file\")\"
            done
            for file in {root}/etc/driver {root}/etc/driver/* {root}/etc/driver/*/* {root}/run/driver {root}/run/driver/* {root}/run/driver/*/*; do
                [ ! -f \"$file\" ] || printf '%s %s %s\\n' \"$file\" \"$(base64 -w 0 \"$file\")\" \"$(stat -c '%a %u:%g' \"$file\")\"
            done\n"
        )
        .expect("it is a string");
    }
    let files = host.sh(&format!("{script}true"));
    let mut all = BTreeMap::new();
    for container in &containers {
        let root = format!("/proc/{}/root", container["State"]["Pid"]);
        let mut receives = told(container, engine);
        for line in files.lines() {
            let (path, content) = line.split_once(' ').expect("a path and its content");
            let Some(path) = path.strip_prefix(&root) else {
                continue;
            };
            let (content, mode) = match content.split_once(' ') {
                Some((content, mode)) => (content, Some(mode)),
                None => (content, None),
            };
            if let Some(mode) = mode {
                receives.insert(format!("mode {path}"), mode.to_owned());
            }
            let content = decoded(content);
            match path {
                "/version" => receives.insert("version".to_owned(), content.trim().to_owned()),
                "/build" => receives.insert("build".to_owned(), content),
                path => receives.insert(format!("file {path}"), content),
            };
        }
        let name = text(&container["Name"]).trim_start_matches('/').to_owned();
        let service = name.strip_prefix(&format!("{cluster}-")).unwrap_or(&name);
        let seen = Seen {
            id: text(&container["Id"]),
            started: text(&container["State"]["StartedAt"]),
            receives,
        };
        all.insert((host.name.clone(), service.to_owned()), seen);
    }
    all
}

fn told(container: &Value, engine: &str) -> BTreeMap<String, String> {
    let (config, host) = (&container["Config"], &container["HostConfig"]);
    let mut told = BTreeMap::new();
    for entry in items(&config["Env"]) {
        let entry = text(entry);
        let (name, value) = entry.split_once('=').expect("NAME=value");
        // What podman sets by itself.
        let own = engine == "podman" && matches!(name, "HOME" | "TERM" | "container" | "HOSTNAME");
        if !own {
            told.insert(format!("env {name}"), value.to_owned());
        }
    }
    let words = |value: &Value| items(value).map(text).collect::<Vec<_>>().join("\n");
    told.insert("command".to_owned(), words(&config["Cmd"]));
    let entrypoint = match &config["Entrypoint"] {
        Value::String(text) => text.clone(),
        other => words(other),
    };
    told.insert("entrypoint".to_owned(), entrypoint);
    told.insert("user".to_owned(), text(&config["User"]));
    let labels = config["Labels"].as_object().expect("it has ours at least");
    for (name, value) in labels {
        if !name.starts_with("bayplan.") {
            told.insert(format!("label {name}"), text(value));
        }
    }
    if engine == "docker" {
        told.extend(arguments(config, host));
        // Without a name of its own it has the beginning of its id, or the host's.
        let name = text(&config["Hostname"]);
        let own = Some(name).filter(|name| name == "box");
        told.insert("hostname".to_owned(), own.unwrap_or_default());
    }
    told
}

fn arguments(config: &Value, host: &Value) -> BTreeMap<String, String> {
    let joined = |items: &mut dyn Iterator<Item = String>| {
        let items: BTreeSet<String> = items.collect();
        items.into_iter().collect::<Vec<_>>().join(" ")
    };
    let network = match text(&host["NetworkMode"]).as_str() {
        "default" => "bridge".to_owned(),
        other => other.to_owned(),
    };
    let ports = host["PortBindings"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let mut ports = ports.iter().map(|(port, bindings)| {
        let bindings = items(bindings).map(|binding| text(&binding["HostPort"]));
        format!("{port}={}", bindings.collect::<Vec<_>>().join(","))
    });
    let limits = items(&host["Ulimits"]).map(|limit| {
        let name = text(&limit["Name"]);
        format!("{name}={}:{}", limit["Soft"], limit["Hard"])
    });
    let devices = items(&host["Devices"]).map(|device| {
        let part = |name: &str| text(&device[name]);
        let (from, to) = (part("PathOnHost"), part("PathInContainer"));
        format!("{from}:{to}:{}", part("CgroupPermissions"))
    });
    let capabilities = |value: &Value| {
        let mut names = items(value).map(|name| text(name).trim_start_matches("CAP_").to_owned());
        joined(&mut names)
    };
    let listed = |value: &Value| items(value).map(text).collect::<Vec<_>>().join(",");
    let mounts = host["Tmpfs"].as_object().cloned().unwrap_or_default();
    let mut mounts = mounts
        .iter()
        .map(|(path, options)| format!("{path}:{}", text(options)));
    let log = &host["LogConfig"];
    let options = log["Config"].as_object().cloned().unwrap_or_default();
    let options = options
        .iter()
        .map(|(name, value)| format!(" {name}={}", text(value)));
    let told = [
        ("groups", listed(&host["GroupAdd"])),
        ("tmpfs", joined(&mut mounts)),
        (
            "pids",
            host["PidsLimit"]
                .as_i64()
                .filter(|limit| *limit > 0)
                .map_or_else(String::new, |limit| limit.to_string()),
        ),
        ("security", listed(&host["SecurityOpt"])),
        ("dns", listed(&host["Dns"])),
        ("log", text(&log["Type"]) + &options.collect::<String>()),
        ("network", network),
        ("ports", joined(&mut ports)),
        ("hosts", joined(&mut items(&host["ExtraHosts"]).map(text))),
        ("volumes", joined(&mut items(&host["Binds"]).map(text))),
        ("memory", host["Memory"].to_string()),
        ("cpus", host["NanoCpus"].to_string()),
        ("ulimits", joined(&mut { limits })),
        ("added", capabilities(&host["CapAdd"])),
        ("dropped", capabilities(&host["CapDrop"])),
        ("read only", host["ReadonlyRootfs"].to_string()),
        ("devices", joined(&mut { devices })),
        ("shm", host["ShmSize"].to_string()),
        ("directory", text(&config["WorkingDir"])),
        ("init", (host["Init"] == Value::Bool(true)).to_string()),
    ];
    told.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Base64 with padding.
fn decoded(text: &str) -> String {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in text.as_bytes().chunks(4) {
        let number = four.iter().fold(0_u32, |number, byte| {
            number << 6 | u32::from(if *byte == b'=' { 0 } else { digit(*byte) })
        });
        let padding = four.iter().filter(|byte| **byte == b'=').count();
        bytes.extend(&number.to_be_bytes()[1..4 - padding]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
