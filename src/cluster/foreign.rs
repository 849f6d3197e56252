//! The words that other tools have for keys, and what to write instead. Each piece of advice is typed once in a test.

use super::read::Foreign;

/// No key of the same table says it.
const NOWHERE: Option<&str> = None;

/// Keys of a service, as compose, Kubernetes, Nomad and docker have them.
pub(super) const SERVICE: &[Foreign] = &[
    Foreign {
        words: &[
            "depends_on",
            "links",
            "requires",
            "dependencies",
            "external_links",
        ],
        meant: Some("needs"),
        help: "write `needs = [\"db\"]`",
    },
    Foreign {
        words: &["ports", "published", "port_mappings"],
        meant: Some("publish"),
        help: "write `port = 3000` for the port that it listens on, which the host then has, too; other ports of the host are `publish = [\"80:3000\", \"8443\"]`",
    },
    Foreign {
        words: &["expose", "exposed_ports", "container_port"],
        meant: Some("port"),
        help: "write `port = 3000`, and `publish = []` if the host is not to have it",
    },
    Foreign {
        words: &["listen", "bind_address", "host_ip"],
        meant: NOWHERE,
        help: "write the address into `publish = [\"127.0.0.1:80:3000\"]`; for all services `listen` stands in `cluster.toml`",
    },
    Foreign {
        words: &[
            "environment",
            "envs",
            "env_vars",
            "environments",
            "variables",
        ],
        meant: Some("env"),
        help: "write the variables below `[env]`",
    },
    Foreign {
        words: &["env_file", "envfile", "env_files"],
        meant: Some("env"),
        help: "write its lines below `[env]`, or below `[vars]` of the cluster and name them in `vars`",
    },
    Foreign {
        words: &["replicas", "deploy", "scale", "instances", "count"],
        meant: NOWHERE,
        help: "in `cluster.toml`, `[place]` names the hosts that it runs on: `web = [\"docker01\", \"docker02\"]`",
    },
    Foreign {
        words: &[
            "host",
            "hosts",
            "node",
            "nodes",
            "placement",
            "place",
            "node_selector",
        ],
        meant: NOWHERE,
        help: "in `cluster.toml`, `[place]` names the host that it runs on: `web = \"docker01\"`",
    },
    Foreign {
        words: &["container_name", "name"],
        meant: NOWHERE,
        help: "remove it: the name of the file is the service's, and the container is called CLUSTER-SERVICE",
    },
    Foreign {
        words: &[
            "healthcheck",
            "health_check",
            "liveness_probe",
            "readiness_probe",
            "probe",
            "check",
        ],
        meant: Some("health"),
        help: "write `[health]` and below it `http = \"/health\"`, `tcp = true` or `command = [\"…\"]`",
    },
    Foreign {
        words: &["build", "dockerfile", "context"],
        meant: NOWHERE,
        help: "build and push the image elsewhere, and name it by `image` and `tag`",
    },
    Foreign {
        words: &["version", "image_tag"],
        meant: Some("tag"),
        help: "write `tag = \"1.0.0\"`",
    },
    Foreign {
        words: &["mem_limit", "mem", "memory_limit", "memory_mb", "ram"],
        meant: Some("memory"),
        help: "write `memory = \"512m\"`",
    },
    Foreign {
        words: &["cpu", "cpu_limit", "cpu_count", "cores"],
        meant: Some("cpus"),
        help: "write `cpus = 1.5`",
    },
    Foreign {
        words: &["resources", "limits"],
        meant: Some("memory"),
        help: "write `memory = \"512m\"` and `cpus = 1.5`",
    },
    Foreign {
        words: &["cap_add", "cap_drop"],
        meant: Some("capabilities"),
        help: "write `capabilities = [\"NET_ADMIN\", \"-NET_RAW\"]`",
    },
    Foreign {
        words: &["network_mode", "net"],
        meant: Some("network"),
        help: "write `network = \"host\"`; networks of the cluster are `networks = [\"backend\"]`",
    },
    Foreign {
        words: &["network_aliases", "network_alias", "net_alias"],
        meant: Some("aliases"),
        help: "write `aliases = [\"mysql\"]`",
    },
    Foreign {
        words: &["restart_policy", "restartpolicy"],
        meant: NOWHERE,
        help: "remove it: systemd always starts it again",
    },
    Foreign {
        words: &["cmd", "args", "arguments"],
        meant: Some("command"),
        help: "write `command = [\"serve\", \"--verbose\"]`",
    },
    Foreign {
        words: &[
            "stop_grace_period",
            "stop_signal_timeout",
            "kill_timeout",
            "grace_period",
        ],
        meant: Some("stop_timeout"),
        help: "write `stop_timeout = \"30s\"`",
    },
    Foreign {
        words: &["mounts", "binds", "volume_mounts", "bind"],
        meant: Some("volumes"),
        help: "write `volumes = [\"/srv/data:/data\"]`",
    },
    Foreign {
        words: &[
            "configs",
            "config_files",
            "config_maps",
            "configmap",
            "config",
            "file",
        ],
        meant: Some("files"),
        help: "write `[files]` and below it `\"/etc/app/app.conf\" = \"app.conf\"`",
    },
    Foreign {
        words: &["secret", "secret_env"],
        meant: Some("secrets"),
        help: "write `secrets = [\"STRIPE_KEY\"]`",
    },
    Foreign {
        words: &["working_dir", "workdir", "working_directory"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--workdir\", \"/app\"]`",
    },
    Foreign {
        words: &["hostname"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--hostname\", \"web\"]`",
    },
    Foreign {
        words: &["privileged", "init"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--privileged\"]` or `extra_args = [\"--init\"]`",
    },
    Foreign {
        words: &["shm_size"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--shm-size\", \"1g\"]`",
    },
    Foreign {
        words: &[
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
        meant: NOWHERE,
        help: "write the flags of `run` that there is no field for: `extra_args = [\"--dns\", \"10.0.0.2\"]`",
    },
    Foreign {
        words: &["tty", "stdin_open", "interactive"],
        meant: NOWHERE,
        help: "remove it: a unit has no terminal",
    },
    Foreign {
        words: &["uid", "gid", "run_as_user", "group"],
        meant: Some("user"),
        help: "write `user = \"1000:1000\"`",
    },
];

/// Keys of `cluster.toml`.
pub(super) const CLUSTER: &[Foreign] = &[
    Foreign {
        words: &["service"],
        meant: NOWHERE,
        help: "a service is a file of its own: `services/web.toml`; `[services.web]` has what this cluster changes of it",
    },
    Foreign {
        words: &["files", "configs", "config_files"],
        meant: NOWHERE,
        help: "a file belongs to a service: write `[files]` in `services/web.toml`",
    },
    Foreign {
        words: &["environment", "env", "variables", "var"],
        meant: Some("vars"),
        help: "write the variables below `[vars]`",
    },
    Foreign {
        words: &["placement", "placements", "deploy"],
        meant: Some("place"),
        help: "write `[place]` and below it `web = \"docker01\"`",
    },
    Foreign {
        words: &["nodes", "servers", "machines", "targets"],
        meant: Some("hosts"),
        help: "write `[hosts.docker01]` and below it `address = \"10.0.0.1\"`",
    },
    Foreign {
        words: &["name", "cluster", "id"],
        meant: NOWHERE,
        help: "remove it: the name of the directory is the cluster's",
    },
];

/// Keys of a host, and of `[ssh]`.
pub(super) const HOST: &[Foreign] = &[
    Foreign {
        words: &["ip", "host", "hostname", "dns", "addr", "ansible_host"],
        meant: Some("address"),
        help: "write `address = \"10.0.0.1\"`",
    },
    Foreign {
        words: &["key", "hostkey", "ssh_host_key", "fingerprint"],
        meant: Some("host_key"),
        help: "write `host_key = \"ssh-ed25519 AAAA…\"`, as `cat /etc/ssh/ssh_host_ed25519_key.pub` on the host shows it",
    },
    Foreign {
        words: &["username", "login", "ssh_user", "ansible_user"],
        meant: Some("user"),
        help: "write `user = \"deploy\"`",
    },
    Foreign {
        words: &["identity", "identity_file", "private_key", "ssh_key"],
        meant: NOWHERE,
        help: "put it into your ~/.ssh/config: `IdentityFile` below `Host ADDRESS`",
    },
    Foreign {
        words: &["become", "root"],
        meant: Some("sudo"),
        help: "write `sudo = true`",
    },
];

/// Keys of a network.
pub(super) const NETWORK: &[Foreign] = &[
    Foreign {
        words: &["external"],
        meant: Some("existing"),
        help: "write `existing = true`",
    },
    Foreign {
        words: &["ipam", "cidr", "config"],
        meant: Some("subnet"),
        help: "write `subnet = \"172.22.1.0/24\"`",
    },
    Foreign {
        words: &[
            "name",
            "driver",
            "driver_opts",
            "attachable",
            "enable_ipv6",
            "labels",
        ],
        meant: NOWHERE,
        help: "remove it: bayplan makes bridges, `<cluster>-<name>`; any other network is made by hand, and is `existing = true` here",
    },
];

/// Keys of `[health]`.
pub(super) const HEALTH: &[Foreign] = &[
    Foreign {
        words: &["interval", "retries", "start_period", "retry"],
        meant: Some("timeout"),
        help: "write `timeout = \"60s\"`: it is asked until the first good answer",
    },
    Foreign {
        words: &["test", "cmd", "exec"],
        meant: Some("command"),
        help: "write `command = [\"pg_isready\"]`",
    },
    Foreign {
        words: &["path", "url", "endpoint", "http_get"],
        meant: Some("http"),
        help: "write `http = \"/health\"`",
    },
    Foreign {
        words: &["port", "tcp_socket"],
        meant: Some("tcp"),
        help: "write `tcp = true`: it asks `port` of the service",
    },
];

/// Keys of a file of a service.
pub(super) const FILE: &[Foreign] = &[
    Foreign {
        words: &["source", "src", "file", "path", "config"],
        meant: Some("from"),
        help: "write `from = \"app.conf\"`",
    },
    Foreign {
        words: &["content", "contents", "inline", "data", "text"],
        meant: NOWHERE,
        help: "write the text into a file beside the service's own, and `from = \"app.conf\"`",
    },
    Foreign {
        words: &["target", "dest", "destination", "mount", "mount_path"],
        meant: NOWHERE,
        help: "the path in the container is the key: `\"/etc/app/app.conf\" = { from = \"app.conf\" }`",
    },
    Foreign {
        words: &["uid", "gid", "user", "group", "chown"],
        meant: Some("owner"),
        help: "write `owner = \"1000:1000\"`",
    },
    Foreign {
        words: &["permissions", "perms", "chmod", "default_mode", "file_mode"],
        meant: Some("mode"),
        help: "write `mode = \"0400\"`",
    },
];

/// Keys of a secret of a service.
pub(super) const SECRET: &[Foreign] = &[
    Foreign {
        words: &["source", "secret", "key", "from"],
        meant: Some("name"),
        help: "write `{ name = \"TLS_KEY\", as = \"file\" }`",
    },
    Foreign {
        words: &["target", "mount", "file", "dest", "destination"],
        meant: Some("path"),
        help: "write `{ name = \"TLS_KEY\", as = \"file\", path = \"/run/tls.key\" }`",
    },
];
