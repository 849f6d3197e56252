//! The keys of each table, and what to write instead of the words of other tools. Each piece of advice is typed once in a
//! test.

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
