//! What to write instead: the words of other tools, values of another type, lines that are no TOML. Each piece of advice is
//! typed once in a test.

use toml::de::{DeTable, DeValue};

/// A text as TOML writes it in double quotes.
pub(super) fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The keys of each table, by what the table is.
const KEYS: [(&str, &[&str]); 10] = [
    (
        "a service",
        &[
            "image",
            "tag",
            "digest",
            "port",
            "needs",
            "vars",
            "env",
            "secrets",
            "network",
            "health",
            "volumes",
            "stop_timeout",
            "command",
            "extra_args",
            "entrypoint",
            "user",
            "memory",
            "cpus",
            "ulimits",
            "capabilities",
            "read_only",
            "devices",
            "labels",
            "stateful",
            "restart",
            "template",
        ],
    ),
    ("`[health]`", &["http", "tcp", "command", "timeout"]),
    ("`service-config.toml`", &["vars"]),
    (
        "`cluster.toml`",
        &[
            "type", "engine", "program", "ssh", "hosts", "place", "vars", "guard", "rollout",
        ],
    ),
    ("`[ssh]`", &["user", "port", "sudo"]),
    ("`[rollout]`", &["journal"]),
    ("`[guard]`", &["max_restarts", "protect", "branch", "clean"]),
    (
        "a host",
        &[
            "engine",
            "program",
            "address",
            "directory",
            "local",
            "user",
            "port",
            "sudo",
            "host_key",
            "secrets",
        ],
    ),
    ("`secrets.toml`", &["recipients", "keys", "values"]),
    ("a secret of a service", &["name", "as", "path"]),
];

/// The keys of a table; none for tables that only bayplan writes.
pub(super) fn keys(what: &str) -> &'static [&'static str] {
    let found = KEYS.iter().find(|(table, _)| *table == what);
    found.map_or(&[], |(_, keys)| keys)
}

/// A key that other tools have: what it means here, and what to write.
pub(super) struct Foreign {
    /// The key of the same table that says it, if there is one.
    pub meant: &'static str,
    pub help: &'static str,
}

const NOWHERE: &str = "";

/// Keys of a service that compose, Kubernetes, Nomad and docker have.
const OF_SERVICE: [(&[&str], &str, &str); 27] = [
    (
        &[
            "depends_on",
            "links",
            "requires",
            "dependencies",
            "external_links",
        ],
        "needs",
        "write `needs = [\"db\"]`",
    ),
    (
        &[
            "ports",
            "publish",
            "expose",
            "published",
            "container_port",
            "listen",
        ],
        "port",
        "write `port = 8080`; a second port is `extra_args = [\"--publish\", \"8443:8443\"]`",
    ),
    (
        &[
            "environment",
            "envs",
            "env_vars",
            "environments",
            "variables",
        ],
        "env",
        "write the variables below `[env]`",
    ),
    (
        &["env_file", "envfile", "env_files"],
        "env",
        "write its lines below `[env]`, or below `[vars]` of the cluster and name them in `vars`",
    ),
    (
        &["replicas", "deploy", "scale", "instances", "count"],
        NOWHERE,
        "in `cluster.toml`, `[place]` names the hosts that it runs on: `web = [\"docker01\", \"docker02\"]`",
    ),
    (
        &[
            "host",
            "hosts",
            "node",
            "nodes",
            "placement",
            "place",
            "node_selector",
        ],
        NOWHERE,
        "in `cluster.toml`, `[place]` names the host that it runs on: `web = \"docker01\"`",
    ),
    (
        &["container_name", "name"],
        NOWHERE,
        "remove it: the name of the file is the service's, and the container is called CLUSTER-SERVICE",
    ),
    (
        &[
            "healthcheck",
            "health_check",
            "liveness_probe",
            "readiness_probe",
            "probe",
            "check",
        ],
        "health",
        "write `[health]` and below it `http = \"/health\"`, `tcp = true` or `command = [\"…\"]`",
    ),
    (
        &["build", "dockerfile", "context"],
        NOWHERE,
        "build and push the image elsewhere, and name it by `image` and `tag`",
    ),
    (&["version", "image_tag"], "tag", "write `tag = \"1.0.0\"`"),
    (
        &["mem_limit", "mem", "memory_limit", "memory_mb", "ram"],
        "memory",
        "write `memory = \"512m\"`",
    ),
    (
        &["cpu", "cpu_limit", "cpu_count", "cores"],
        "cpus",
        "write `cpus = 1.5`",
    ),
    (
        &["resources", "limits"],
        "memory",
        "write `memory = \"512m\"` and `cpus = 1.5`",
    ),
    (
        &["cap_add", "cap_drop"],
        "capabilities",
        "write `capabilities = [\"NET_ADMIN\", \"-NET_RAW\"]`",
    ),
    (
        &["networks", "network_mode", "net"],
        "network",
        "write `network = \"host\"`, or the name of a network that is there",
    ),
    (
        &["restart_policy", "restartpolicy"],
        NOWHERE,
        "remove it: systemd always starts it again",
    ),
    (
        &["cmd", "args", "arguments"],
        "command",
        "write `command = [\"serve\", \"--verbose\"]`",
    ),
    (
        &[
            "stop_grace_period",
            "stop_signal_timeout",
            "kill_timeout",
            "grace_period",
        ],
        "stop_timeout",
        "write `stop_timeout = \"30s\"`",
    ),
    (
        &["mounts", "binds", "volume_mounts", "bind"],
        "volumes",
        "write `volumes = [\"/srv/data:/data\"]`",
    ),
    (
        &["secret", "secret_env"],
        "secrets",
        "write `secrets = [\"STRIPE_KEY\"]`",
    ),
    (
        &["working_dir", "workdir", "working_directory"],
        NOWHERE,
        "write `extra_args = [\"--workdir\", \"/app\"]`",
    ),
    (
        &["hostname"],
        NOWHERE,
        "write `extra_args = [\"--hostname\", \"web\"]`",
    ),
    (
        &["privileged", "init"],
        NOWHERE,
        "write `extra_args = [\"--privileged\"]` or `extra_args = [\"--init\"]`",
    ),
    (
        &["shm_size"],
        NOWHERE,
        "write `extra_args = [\"--shm-size\", \"1g\"]`",
    ),
    (
        &[
            "dns",
            "extra_hosts",
            "sysctls",
            "security_opt",
            "tmpfs",
            "pid",
            "ipc",
            "log_driver",
            "logging",
            "runtime",
            "gpus",
            "platform",
        ],
        NOWHERE,
        "write the flags of `run` that there is no field for: `extra_args = [\"--dns\", \"10.0.0.2\"]`",
    ),
    (
        &["tty", "stdin_open", "interactive"],
        NOWHERE,
        "remove it: a unit has no terminal",
    ),
    (
        &["uid", "gid", "run_as_user", "group"],
        "user",
        "write `user = \"1000:1000\"`",
    ),
];

const OF_CLUSTER: [(&[&str], &str, &str); 5] = [
    (
        &["services", "service"],
        NOWHERE,
        "a service is a file of its own: `services/web.toml`",
    ),
    (
        &["environment", "env", "variables", "var"],
        "vars",
        "write the variables below `[vars]`",
    ),
    (
        &["placement", "placements", "deploy"],
        "place",
        "write `[place]` and below it `web = \"docker01\"`",
    ),
    (
        &["nodes", "servers", "machines", "targets"],
        "hosts",
        "write `[hosts.docker01]` and below it `address = \"10.0.0.1\"`",
    ),
    (
        &["name", "cluster", "id"],
        NOWHERE,
        "remove it: the name of the directory is the cluster's",
    ),
];

const OF_HOST: [(&[&str], &str, &str); 5] = [
    (
        &["ip", "host", "hostname", "dns", "addr", "ansible_host"],
        "address",
        "write `address = \"10.0.0.1\"`",
    ),
    (
        &["key", "hostkey", "ssh_host_key", "fingerprint"],
        "host_key",
        "write `host_key = \"ssh-ed25519 AAAA…\"`, as `cat /etc/ssh/ssh_host_ed25519_key.pub` on the host shows it",
    ),
    (
        &["username", "login", "ssh_user", "ansible_user"],
        "user",
        "write `user = \"deploy\"`",
    ),
    (
        &["identity", "identity_file", "private_key", "ssh_key"],
        NOWHERE,
        "put it into your ~/.ssh/config: `IdentityFile` below `Host ADDRESS`",
    ),
    (&["become", "root"], "sudo", "write `sudo = true`"),
];

/// What a key of another tool is here; `what` is what the table is.
pub(super) fn foreign(what: &str, key: &str) -> Option<Foreign> {
    let words: &[(&[&str], &'static str, &'static str)] = match what {
        "a service" => &OF_SERVICE,
        "`cluster.toml`" => &OF_CLUSTER,
        "a host" | "`[ssh]`" => &OF_HOST,
        "`[health]`" => &[
            (
                &["interval", "retries", "start_period", "retry"],
                "timeout",
                "write `timeout = \"60s\"`: it is asked until the first good answer",
            ),
            (
                &["test", "cmd", "exec"],
                "command",
                "write `command = [\"pg_isready\"]`",
            ),
            (
                &["path", "url", "endpoint", "http_get"],
                "http",
                "write `http = \"/health\"`",
            ),
            (
                &["port", "tcp_socket"],
                "tcp",
                "write `tcp = true`: it asks `port` of the service",
            ),
        ],
        "a secret of a service" => &[
            (
                &["source", "secret", "key", "from"],
                "name",
                "write `{ name = \"TLS_KEY\", as = \"file\" }`",
            ),
            (
                &["target", "mount", "file", "dest", "destination"],
                "path",
                "write `{ name = \"TLS_KEY\", as = \"file\", path = \"/run/tls.key\" }`",
            ),
        ],
        _ => &[],
    };
    let key = key.to_ascii_lowercase().replace('-', "_");
    let found = words
        .iter()
        .find(|(words, ..)| words.contains(&key.as_str()));
    found.map(|(_, meant, help)| Foreign { meant, help })
}

/// What to write for a value of another type than expected.
pub(super) fn retyped(key: &str, expected: &str, value: &DeValue<'_>) -> Option<String> {
    let written = match (expected, value) {
        ("a string", DeValue::Integer(number)) => {
            let number = number.to_string();
            match key {
                "timeout" | "stop_timeout" => toml_text(&format!("{number}s")),
                // Who writes small numbers means megabytes.
                "memory" if number.len() < 7 => toml_text(&format!("{number}m")),
                _ => toml_text(&number),
            }
        }
        ("a string", DeValue::Float(number)) => toml_text(number.as_str()),
        ("a string", DeValue::Datetime(date)) => toml_text(&date.to_string()),
        ("a string", DeValue::Boolean(value)) => toml_text(&value.to_string()),
        ("a string", DeValue::Array(items)) => match &items[..] {
            [one] => match one.get_ref() {
                DeValue::String(text) => toml_text(text),
                _ => return None,
            },
            _ => return None,
        },
        ("`true` or `false`", DeValue::String(text)) => truth(text)?.to_string(),
        ("`true` or `false`", DeValue::Integer(number)) => truth(number.as_str())?.to_string(),
        (_, DeValue::String(text)) if expected.starts_with("a number from") => {
            let number = text.trim();
            if let Some((outside, inside)) = number.split_once(':') {
                let outside: u16 = outside.parse().ok()?;
                let inside: u16 = inside.parse().ok()?;
                return Some(match outside == inside {
                    true => format!("write `{key} = {inside}`"),
                    false => format!(
                        "`port` is one number, inside and outside; for two write `extra_args = [\"--publish\", \"{outside}:{inside}\"]`"
                    ),
                });
            }
            let number: u32 = number.parse().ok()?;
            number.to_string()
        }
        ("a list of strings", DeValue::String(text)) if text.len() < 60 => match key {
            "command" | "extra_args" => list(&words(text)),
            "vars" | "needs" | "protect" | "secrets" | "capabilities" => {
                let split = |c: char| c.is_whitespace() || c == ',';
                let items = text.split(split).filter(|item| !item.is_empty());
                list(&items.map(str::to_owned).collect::<Vec<_>>())
            }
            _ => list(&[text.to_string()]),
        },
        ("a list of names", DeValue::String(text)) => list(&[text.to_string()]),
        _ => return None,
    };
    Some(match expected {
        "a string" => format!("write it as a string: `{key} = {written}`"),
        _ => format!("write `{key} = {written}`"),
    })
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" => Some(true),
        "false" | "no" | "off" | "0" | "n" => Some(false),
        _ => None,
    }
}

/// The words of a command line; what needs a shell gets one.
pub(super) fn words(text: &str) -> Vec<String> {
    match text.contains(|c: char| "\"'\\$&|;<>`*?()".contains(c)) {
        true => ["sh", "-c", text].map(str::to_owned).to_vec(),
        false => text.split_whitespace().map(str::to_owned).collect(),
    }
}

pub(super) fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| toml_text(item)).collect();
    format!("[{}]", items.join(", "))
}

/// Nobody types a longer line from a message.
const LINE_MAX: usize = 300;

/// What is wrong with a line that is no TOML, where that is easy to see: a title, and what to write.
pub(super) fn of_syntax(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.len() > LINE_MAX {
        return None;
    }
    if let Some((key, value)) = assignment(line, '=') {
        let (value, fixed) = fixed_value(value)?;
        let fixed = format!("{key} = {fixed}");
        let title = match value.starts_with(['"', '\'']) {
            true => format!("expected a text between two quotes, found `{value}`"),
            false => format!("expected a value such as a text in quotes, found `{value}`"),
        };
        return is_toml(&fixed).then(|| (title, format!("write `{fixed}`")));
    }
    if let Some((key, value)) = assignment(line, ':') {
        let value = match is_toml(&format!("a = {value}")) {
            true => value.to_owned(),
            false => fixed_value(value)?.1,
        };
        let fixed = format!("{key} = {value}");
        let title = format!("expected `=` after `{key}`, found `:`");
        return is_toml(&fixed).then(|| (title, format!("write `{fixed}`")));
    }
    let item = line.trim_end_matches(',').trim();
    let word = !item.is_empty() && !item.contains(|c: char| " =[]{}\"'#,".contains(c));
    word.then(|| {
        (
            format!("expected a value such as a text in quotes, found `{item}`"),
            format!("write `{}`", toml_text(item)),
        )
    })
}

fn is_toml(line: &str) -> bool {
    DeTable::parse(line).is_ok()
}

/// A bare key and what follows it.
fn assignment(line: &str, sign: char) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(sign)?;
    let (key, value) = (key.trim(), value.trim());
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    (!key.is_empty() && key.bytes().all(bare)).then_some((key, value))
}

/// A value as it is shown, and as TOML has it.
fn fixed_value(value: &str) -> Option<(String, String)> {
    const QUOTES: [char; 6] = ['“', '”', '„', '‘', '’', '«'];
    let value = match value.starts_with(['"', '\'']) {
        true => value,
        false => value.split(" #").next().unwrap_or_default().trim(),
    };
    let shown = value.to_owned();
    let inner = value.trim_matches(QUOTES);
    let fixed = if value.is_empty() {
        return None;
    } else if inner != value {
        toml_text(inner)
    } else if let Some(items) = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
        let items: Vec<String> = items
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| match is_toml(&format!("a = {item}")) {
                true => item.to_owned(),
                false => toml_text(item.trim_matches(QUOTES).trim_matches(['"', '\''])),
            })
            .collect();
        format!("[{}]", items.join(", "))
    } else if value.starts_with(['{', '[']) {
        return None;
    } else if let Some(open) = value.strip_prefix('"') {
        let text = open.strip_suffix('"').unwrap_or(open);
        match text.contains('\'') {
            true => toml_text(text),
            false => format!("'{text}'"),
        }
    } else if let Some(open) = value.strip_prefix('\'') {
        toml_text(open.strip_suffix('\'').unwrap_or(open))
    } else if let Some(truth) = truth(value).filter(|_| value.len() > 1) {
        truth.to_string()
    } else {
        toml_text(value.trim_end_matches([',', ';']))
    };
    Some((shown, fixed))
}
