//! What runs, as the engines tell it, in the words of [`super::expected`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::description::HELD;
use super::expected::Place;
use crate::containers::on_every_host;
use crate::ground::Ground;
use crate::hosts::{Host, until};

/// A container that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: String,
    /// `StartedAt`: another one if the engine started the same container again.
    pub started: String,
    pub receives: BTreeMap<String, String>,
    /// What its live directories show.
    pub live: BTreeMap<String, String>,
    /// Files of them that its process holds open since it read them, as they were then.
    pub held: BTreeMap<String, String>,
    /// Whether what it holds is of the very versions that are shown.
    pub has_read: bool,
    /// How often it has read them.
    pub reads: u64,
    /// Where its own volume is on the host, with permissions and owner.
    pub own_volume: Option<(String, String)>,
}

impl Seen {
    /// Whether it is the same start of the same container.
    pub fn is_start(&self, other: &Self) -> bool {
        (&self.id, &self.started) == (&other.id, &other.started)
    }

    /// Whether what it has read is not what it would read now.
    pub fn reload_is_pending(&self) -> bool {
        !self.live.is_empty() && !self.has_read
    }
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
    let ask = format!(
        "{engine} ps --quiet --no-trunc --filter label=bayplan.cluster={cluster} | xargs -r {engine} inspect"
    );
    // Those of jobs end by themselves, also between the two commands.
    let list = until(Duration::from_secs(60), "what is listed is there", || {
        let output = host.run(&ask);
        output.status.success().then_some(output.stdout)
    });
    let list: &[u8] = if list.trim_ascii().is_empty() {
        b"[]"
    } else {
        &list
    };
    let mut containers: Vec<Value> = serde_json::from_slice(list).expect("an inspect is JSON");
    containers.retain(|one| one["Config"]["Labels"].get("of-job").is_none());
    let mut script = String::new();
    for container in &containers {
        let root = format!("/proc/{}/root", container["State"]["Pid"]);
        write!(
            script,
            "for file in {root}/version {root}/build {root}/run/secrets/* {root}/srv/keys/*; do
                [ ! -f \"$file\" ] || printf '%s %s\\n' \"$file\" \"$(base64 -w 0 \"$file\")\"
            done
            for place in etc run; do
                kind=mode
                [ ! -h {root}/$place/driver/..data ] || kind=live
                for file in {root}/$place/driver {root}/$place/driver/* {root}/$place/driver/*/*; do
                    [ ! -f \"$file\" ] || printf '%s %s %s %s\\n' \"$file\" \"$(base64 -w 0 \"$file\")\" $kind \"$(stat -L -c '%a %u:%g' \"$file\")\"
                done
            done
            [ ! -d {root}/own ] || printf '%s own %s\\n' {root}/own \"$(stat -c '%a %u:%g' {root}/own)\"
            "
        )
        .expect("it is a string");
        let process = container["State"]["Pid"].to_string();
        writeln!(
            script,
            // With an init it is the init's child.
            "reader={process}
            [ \"$(cat /proc/$reader/comm)\" = sh ] || reader=$(cut -d' ' -f1 /proc/$reader/task/$reader/children)
            printf '%s reads %s\\n' {root} \"$(sed -n 's/^Umask:[[:space:]]*//p' /proc/$reader/status)\""
        )
        .expect("it is a string");
        for (descriptor, path) in HELD {
            let directory = path.split_inclusive('/').take(3).collect::<String>();
            let directory = directory.trim_end_matches('/');
            writeln!(
                script,
                "held=/proc/$reader/fd/{descriptor}
                if [ -f \"$held\" ] && [ -h {root}{directory}/..data ]; then
                    same=$(stat -L -c '%d:%i' {root}{path} 2>/dev/null)
                    is=other; [ \"$same\" != \"$(stat -L -c '%d:%i' \"$held\")\" ] || is=shown
                    printf '%s held %s %s\\n' {root}{path} \"$(base64 -w 0 \"$held\")\" $is
                fi"
            )
            .expect("it is a string");
        }
    }
    let files = host.sh(&format!("{script}true"));
    let networks = networks(host, cluster, engine);
    let mut all = BTreeMap::new();
    for container in &containers {
        let root = format!("/proc/{}/root", container["State"]["Pid"]);
        let mut receives = told(container, engine);
        let (mut live, mut held) = (BTreeMap::new(), BTreeMap::new());
        let (mut has_read, mut reads, mut own_volume) = (true, 0, None);
        for (name, options) in &networks {
            let of = &container["NetworkSettings"]["Networks"];
            if of.get(name).is_some() {
                receives.insert(format!("options {name}"), options.clone());
            }
        }
        for line in files.lines() {
            let (path, content) = line.split_once(' ').expect("a path and its content");
            let Some(path) = path.strip_prefix(&root) else {
                continue;
            };
            let words: Vec<&str> = content.split(' ').collect();
            match (path, words.as_slice()) {
                ("", ["reads", number]) => {
                    reads = u64::from_str_radix(number, 8).unwrap_or_default();
                }
                ("/own", ["own", mode, owner]) => {
                    receives.insert("own volume".to_owned(), "yes".to_owned());
                    let mut mounts = items(&container["Mounts"]);
                    let mount = mounts.find(|mount| text(&mount["Destination"]) == path);
                    let source = mount.map(|mount| text(&mount["Source"]));
                    own_volume = source.map(|source| (source, format!("{mode} {owner}")));
                }
                (path, ["held", content, is]) => {
                    held.insert(format!("file {path}"), decoded(content));
                    has_read &= *is == "shown";
                }
                (path, [content, kind, mode, owner]) => {
                    let to = match *kind {
                        "live" => &mut live,
                        _ => &mut receives,
                    };
                    to.insert(format!("mode {path}"), format!("{mode} {owner}"));
                    to.insert(format!("file {path}"), decoded(content));
                }
                ("/version", [content]) => {
                    let version = decoded(content).trim().to_owned();
                    receives.insert("version".to_owned(), version);
                }
                ("/build", [content]) => {
                    drop(receives.insert("build".to_owned(), decoded(content)))
                }
                (path, words) => {
                    let content = decoded(words.first().unwrap_or(&""));
                    receives.insert(format!("file {path}"), content);
                }
            }
        }
        let name = text(&container["Name"]).trim_start_matches('/').to_owned();
        let service = name.strip_prefix(&format!("{cluster}-")).unwrap_or(&name);
        let seen = Seen {
            id: text(&container["Id"]),
            started: moment(&text(&container["State"]["StartedAt"])),
            receives,
            live,
            held,
            has_read,
            reads,
            own_volume,
        };
        all.insert((host.name.clone(), service.to_owned()), seen);
    }
    all
}

/// A time as a text that sorts: engines leave out zeros at its end.
fn moment(text: &str) -> String {
    let text = text.trim_end_matches('Z').replace(' ', "T");
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits: String = fraction.chars().take_while(char::is_ascii_digit).collect();
    format!("{seconds}.{digits:0<9}")
}

/// The networks of the cluster on a host, and their options.
pub fn networks(host: &Host, cluster: &str, engine: &str) -> BTreeMap<String, String> {
    let list = host.sh(&format!(
        "{engine} network ls --quiet --filter label=bayplan.cluster={cluster} | xargs -r {engine} network inspect"
    ));
    let list = if list.trim().is_empty() { "[]" } else { &list };
    let networks: Vec<Value> = serde_json::from_str(list).expect("an inspect is JSON");
    let networks = networks.iter().map(|network| {
        let (name, subnet, internal) = match engine {
            "docker" => (
                &network["Name"],
                &network["IPAM"]["Config"][0]["Subnet"],
                &network["Internal"],
            ),
            _ => (
                &network["name"],
                &network["subnets"][0]["subnet"],
                &network["internal"],
            ),
        };
        // One of bayplan's own choice.
        let subnet = Some(text(subnet)).filter(|subnet| !subnet.starts_with("198."));
        let options = format!("internal={internal} {}", subnet.unwrap_or_default());
        (text(name), options)
    });
    networks.collect()
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
    told.insert("ports".to_owned(), ports(host));
    let networks = container["NetworkSettings"]["Networks"].as_object();
    for (name, of) in networks.into_iter().flatten() {
        // Where nobody named one it has no aliases but the beginning of its id.
        let aliases = items(&of["Aliases"]).map(text);
        let aliases: BTreeSet<String> = aliases.filter(|alias| !is_id(alias)).collect();
        let aliases: Vec<String> = aliases.into_iter().collect();
        if !aliases.is_empty() {
            told.insert(format!("in {name}"), aliases.join(" "));
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

/// What leads to each port: several may, at one address each.
fn ports(host: &Value) -> String {
    let ports = host["PortBindings"].as_object();
    let ports = ports.into_iter().flatten().map(|(port, bindings)| {
        let bindings = items(bindings).map(|binding| {
            let port = text(&binding["HostPort"]);
            match text(&binding["HostIp"]).as_str() {
                "" | "0.0.0.0" => port,
                address => format!("{address}:{port}"),
            }
        });
        let bindings: BTreeSet<String> = bindings.collect();
        let bindings: Vec<String> = bindings.into_iter().collect();
        format!("{port}={}", bindings.join(","))
    });
    let ports: BTreeSet<String> = ports.collect();
    ports.into_iter().collect::<Vec<_>>().join(" ")
}

/// Whether it is what an engine calls a container by itself.
fn is_id(alias: &str) -> bool {
    alias.len() == 12 && alias.bytes().all(|byte| byte.is_ascii_hexdigit())
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
pub fn decoded(text: &str) -> String {
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
