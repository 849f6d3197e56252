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
        help: "write `needs = [\"db\"]`; `after = [\"db\"]` is the order alone, without `DB_HOST`",
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
        words: &[
            "max_unavailable",
            "parallelism",
            "update_config",
            "max_parallel",
        ],
        meant: Some("max_down"),
        help: "write `max_down = 2`, or `max_down = \"25%\"`: on so many hosts a release takes it down at once",
    },
    Foreign {
        words: &["container_name", "name"],
        meant: NOWHERE,
        help: "remove it: the name of the file is the service's, and the container is called CLUSTER-SERVICE; others in its `networks` find it by further names with `aliases = [\"web\"]`",
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
        words: &["build", "dockerfile", "context", "develop"],
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
        words: &[
            "cron",
            "cronjob",
            "crontab",
            "on_calendar",
            "oncalendar",
            "calendar",
            "timer",
            "periodic",
            "every",
        ],
        meant: Some("schedule"),
        help: "write `schedule = \"Mon..Fri 02:30\"`, as `OnCalendar=` of a timer has it; cron's `30 2 * * 1-5` is `Mon..Fri 02:30`",
    },
    Foreign {
        words: &["persistent", "starting_deadline_seconds"],
        meant: Some("catch_up"),
        help: "write `catch_up = true`",
    },
    Foreign {
        words: &[
            "oneshot",
            "one_shot",
            "run_once",
            "job",
            "init_containers",
            "initcontainers",
        ],
        meant: Some("once"),
        help: "write `once = \"image\"`: a release runs it to its end, again with each new image",
    },
    Foreign {
        words: &[
            "active_deadline_seconds",
            "max_run_duration",
            "timeout_start_sec",
            "run_timeout",
            "time_limit",
        ],
        meant: Some("timeout"),
        help: "write `timeout = \"2h\"`",
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
        words: &["working_dir", "working_directory", "work_dir", "cwd"],
        meant: Some("workdir"),
        help: "write `workdir = \"/app\"`",
    },
    Foreign {
        words: &["host_name"],
        meant: Some("hostname"),
        help: "write `hostname = \"web.example.com\"`",
    },
    Foreign {
        words: &["domainname"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--domainname\", \"example.com\"]`",
    },
    Foreign {
        words: &["group_add", "supplemental_groups", "supplementary_groups"],
        meant: Some("groups"),
        help: "write `groups = [\"998\"]`",
    },
    Foreign {
        words: &["pids_limit", "pid_limit", "pids_max", "tasks_max"],
        meant: Some("pids"),
        help: "write `pids = 200`",
    },
    Foreign {
        words: &["cpuset_cpus", "cpu_set", "allowed_cpus"],
        meant: Some("cpuset"),
        help: "write `cpuset = \"0-3\"`",
    },
    Foreign {
        words: &["mem_reservation", "memory_soft_limit", "memory_low"],
        meant: Some("memory_reservation"),
        help: "write `memory_reservation = \"256m\"`",
    },
    Foreign {
        words: &["shm", "shmsize"],
        meant: Some("shm_size"),
        help: "write `shm_size = \"1g\"`",
    },
    Foreign {
        words: &[
            "extra_hosts",
            "add_host",
            "add_hosts",
            "host_aliases",
            "hostaliases",
        ],
        meant: Some("hosts"),
        help: "write `hosts = { \"db.example.com\" = \"10.0.0.5\" }`",
    },
    Foreign {
        words: &[
            "security_opt",
            "security_opts",
            "security_context",
            "securitycontext",
        ],
        meant: Some("security"),
        help: "write `security = { no_new_privileges = true }`; `seccomp`, `apparmor` and `label` stand there, too",
    },
    Foreign {
        words: &["no_new_privileges", "seccomp", "apparmor", "selinux"],
        meant: NOWHERE,
        help: "write `security = { no_new_privileges = true, seccomp = \"unconfined\" }`",
    },
    Foreign {
        words: &["sysctl"],
        meant: Some("sysctls"),
        help: "write `sysctls = { \"net.core.somaxconn\" = 1024 }`",
    },
    Foreign {
        words: &[
            "dns_search",
            "dns_opt",
            "dns_option",
            "dns_options",
            "nameservers",
        ],
        meant: Some("dns"),
        help: "write `dns = { servers = [\"10.0.0.2\"], search = [\"example.com\"], options = [\"ndots:2\"] }`",
    },
    Foreign {
        words: &[
            "logging",
            "log_driver",
            "log_opt",
            "log_opts",
            "log_options",
        ],
        meant: Some("log"),
        help: "write `log = { driver = \"local\", options = { max-size = \"10m\" } }`",
    },
    Foreign {
        words: &["gpu", "runtime"],
        meant: Some("gpus"),
        help: "write `gpus = \"all\"`; another runtime is `extra_args = [\"--runtime\", \"runsc\"]`",
    },
    Foreign {
        words: &["pid", "pid_mode"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--pid\", \"host\"]`; the limit of processes is `pids`",
    },
    Foreign {
        words: &["ipc", "ipc_mode"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--ipc\", \"host\"]`",
    },
    Foreign {
        words: &["userns", "userns_mode"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--userns\", \"host\"]`",
    },
    Foreign {
        words: &["uts", "uts_mode"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--uts\", \"host\"]`",
    },
    Foreign {
        words: &["cgroup", "cgroupns"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--cgroupns\", \"host\"]`",
    },
    Foreign {
        words: &["cgroup_parent"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--cgroup-parent\", \"batch.slice\"]`",
    },
    Foreign {
        words: &["memswap_limit", "memory_swap"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--memory-swap\", \"1g\"]`",
    },
    Foreign {
        words: &["mem_swappiness", "memory_swappiness"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--memory-swappiness\", \"10\"]`",
    },
    Foreign {
        words: &["oom_score_adj"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--oom-score-adj\", \"500\"]`",
    },
    Foreign {
        words: &["oom_kill_disable"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--oom-kill-disable\"]`",
    },
    Foreign {
        words: &["cpu_rt_period", "cpu_rt_runtime"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--cpu-rt-runtime\", \"95000\"]`",
    },
    Foreign {
        words: &["blkio_config"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--blkio-weight\", \"300\"]`",
    },
    Foreign {
        words: &["cpu_shares", "cpu_quota", "cpu_period"],
        meant: NOWHERE,
        help: "write `cpus = 1.5` for a limit; a weight is `extra_args = [\"--cpu-shares\", \"512\"]`",
    },
    Foreign {
        words: &["device_cgroup_rules", "device_cgroup_rule"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--device-cgroup-rule\", \"c 1:3 mr\"]`",
    },
    Foreign {
        words: &["storage_opt"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--storage-opt\", \"size=10G\"]`",
    },
    Foreign {
        words: &["mac_address"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--mac-address\", \"02:42:ac:11:00:02\"]`",
    },
    Foreign {
        words: &["annotations"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--annotation\", \"team=search\"]`",
    },
    Foreign {
        words: &["label_file"],
        meant: Some("labels"),
        help: "write `labels = { team = \"search\" }`",
    },
    Foreign {
        words: &["volumes_from"],
        meant: NOWHERE,
        help: "name the same volume in both services: `volumes = [\"shared:/data\"]`",
    },
    Foreign {
        words: &["pull_policy", "pull_refresh_after"],
        meant: NOWHERE,
        help: "remove it: a release pulls moving tags such as `latest`, and images that are not there",
    },
    Foreign {
        words: &["extends"],
        meant: Some("from"),
        help: "write `from = \"db\"`: it takes over the image of that service, and what its processes need",
    },
    Foreign {
        words: &["profiles"],
        meant: NOWHERE,
        help: "remove it: a service that `[place]` of `cluster.toml` does not name runs nowhere",
    },
    Foreign {
        words: &["attach"],
        meant: NOWHERE,
        help: "remove it: what the container prints is in the journal of its unit",
    },
    Foreign {
        words: &["post_start", "pre_stop"],
        meant: Some("template"),
        help: "write `ExecStartPost=` or `ExecStop=` in a template of your own, and `template = \"NAME.service\"`",
    },
    Foreign {
        words: &["provider", "models"],
        meant: NOWHERE,
        help: "remove it: a plug-in of compose makes it; write its address below `[env]`",
    },
    Foreign {
        words: &["use_api_socket"],
        meant: Some("volumes"),
        help: "write `volumes = [\"/run/docker.sock:/run/docker.sock\"]`; who can write to it is root on the host",
    },
    Foreign {
        words: &["cpu_percent", "isolation", "credential_spec"],
        meant: NOWHERE,
        help: "remove it: only Windows has it",
    },
    Foreign {
        words: &["stdin_open", "interactive", "stdin"],
        meant: NOWHERE,
        help: "remove it: nobody types into the container of a unit; a program that ends at once without it stays with `tty = true`",
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

/// Keys of `[rollout]`.
pub(super) const ROLLOUT: &[Foreign] = &[
    Foreign {
        words: &[
            "max_parallel",
            "parallelism",
            "serial",
            "batch_size",
            "max_in_flight",
        ],
        meant: Some("batch"),
        help: "write `batch = 2`, or `batch = \"25%\"`: so many hosts at a time",
    },
    Foreign {
        words: &["canaries", "canary_hosts", "first"],
        meant: Some("canary"),
        help: "write `canary = [\"docker01\"]`: these hosts go first, each alone",
    },
    Foreign {
        words: &[
            "wait",
            "pause_between",
            "promotion",
            "auto_promote",
            "manual_promotion",
        ],
        meant: Some("pause"),
        help: "write `pause = \"5m\"`, or `pause = \"ask\"`: a release waits so long after its canary",
    },
    Foreign {
        words: &[
            "monitor",
            "min_healthy_time",
            "min_ready_seconds",
            "bake_time",
        ],
        meant: Some("soak"),
        help: "write `soak = \"10s\"`: so long what was started is watched after it is healthy",
    },
    Foreign {
        words: &[
            "timeout",
            "healthy_deadline",
            "progress_deadline",
            "progressDeadlineSeconds",
        ],
        meant: Some("deadline"),
        help: "write `deadline = \"10m\"`: so long a release waits for all that it starts on a host",
    },
    Foreign {
        words: &[
            "failure_action",
            "auto_revert",
            "rollback",
            "max_fail_percentage",
        ],
        meant: Some("on_failure"),
        help: "write `on_failure = \"back\"`: if a host fails, those that were done go back, too",
    },
    Foreign {
        words: &["max_down", "max_unavailable"],
        meant: NOWHERE,
        help: "it belongs to a service: write `max_down = 2` in `services/web.toml`",
    },
];

/// Keys of `[notify]`.
pub(super) const NOTIFY: &[Foreign] = &[
    Foreign {
        words: &[
            "url",
            "slack",
            "slack_url",
            "webhook_url",
            "discord",
            "teams",
            "http",
        ],
        meant: NOWHERE,
        help: "the URL is a secret: `bayplan secrets set CLUSTER WEBHOOK`, then `webhook = \"WEBHOOK\"`",
    },
    Foreign {
        words: &["exec", "run", "cmd", "script", "program"],
        meant: Some("command"),
        help: "write `command = [\"scripts/notify.sh\"]`: it gets each event as JSON",
    },
];

/// Keys of `[hooks]`.
pub(super) const HOOKS: &[Foreign] = &[
    Foreign {
        words: &[
            "pre",
            "pre_release",
            "pre_deploy",
            "pre-deploy",
            "before_release",
            "pre-connect",
        ],
        meant: Some("before"),
        help: "write `before = [\"scripts/before.sh\"]`: it gets the plan as JSON, and may refuse it",
    },
    Foreign {
        words: &[
            "post",
            "after",
            "post_release",
            "post_deploy",
            "post-deploy",
            "after_release",
        ],
        meant: NOWHERE,
        help: "`[notify] command` is told when a release is done",
    },
];

/// Keys of `[lint]`.
pub(super) const LINT: &[Foreign] = &[
    Foreign {
        words: &["error", "errors", "forbid", "fail"],
        meant: Some("deny"),
        help: "write `deny = [\"privileged\"]`",
    },
    Foreign {
        words: &["ignore", "ignored", "disable", "warn", "skip"],
        meant: Some("allow"),
        help: "write `allow = [\"privileged\"]`; what is neither allowed nor denied is a warning",
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
        words: &["env", "environment", "variables", "host_vars", "labels"],
        meant: Some("vars"),
        help: "write `[hosts.docker01.vars]`, and name the variables in `vars` of the services that get them",
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
        words: &[
            "ipam",
            "cidr",
            "config",
            "subnets",
            "subnet6",
            "ipv6_subnet",
        ],
        meant: Some("subnet"),
        help: "write `subnet = \"172.22.1.0/24\"`, or of both families `subnet = [\"172.22.1.0/24\", \"fd4d:6169:6c63:6f77::/64\"]`",
    },
    Foreign {
        words: &["enable_ipv6", "ip6"],
        meant: Some("ipv6"),
        help: "write `ipv6 = true`",
    },
    Foreign {
        words: &["driver_opts", "opts", "opt", "driver_options"],
        meant: Some("options"),
        help: "write `options = { \"com.docker.network.bridge.name\" = \"br-mail\" }`",
    },
    Foreign {
        words: &["ip_range", "aux_addresses", "range"],
        meant: NOWHERE,
        help: "remove it: a service that needs an address of its own has it in its `networks`, near the end of the subnet; such a network made by hand is `existing = true` here",
    },
    Foreign {
        words: &["name", "driver", "attachable", "labels"],
        meant: NOWHERE,
        help: "remove it: bayplan makes bridges, `<cluster>-<name>`; any other network is made by hand, and is `existing = true` here",
    },
];

/// Keys of an entry of a service's `networks`.
pub(super) const IN_NETWORK: &[Foreign] = &[
    Foreign {
        words: &["network"],
        meant: Some("name"),
        help: "write `name = \"backend\"`",
    },
    Foreign {
        words: &[
            "ip",
            "ipv4",
            "ipv4_address",
            "ip_address",
            "addresses",
            "address4",
        ],
        meant: Some("address"),
        help: "write `address = \"172.22.1.254\"`",
    },
    Foreign {
        words: &["ip6", "ipv6", "ipv6_address", "address6"],
        meant: Some("address"),
        help: "write `address = [\"172.22.1.254\", \"fd4d:6169:6c63:6f77::254\"]`: one of each family",
    },
    Foreign {
        words: &["alias", "aliases"],
        meant: NOWHERE,
        help: "it is a field of its own, the same in all of its networks: `aliases = [\"mysql\"]`",
    },
    Foreign {
        words: &["mac_address", "mac"],
        meant: NOWHERE,
        help: "write `extra_args = [\"--mac-address\", \"02:42:ac:11:00:02\"]` in a service with one network",
    },
    Foreign {
        words: &[
            "driver_opts",
            "priority",
            "gw_priority",
            "interface_name",
            "link_local_ips",
        ],
        meant: NOWHERE,
        help: "remove it: not every engine that is supported has it",
    },
];

/// Keys of `security`, as `--security-opt` and Kubernetes have them.
pub(super) const SECURITY: &[Foreign] = &[
    Foreign {
        words: &[
            "nnp",
            "no_new_privs",
            "nonewprivileges",
            "allow_privilege_escalation",
        ],
        meant: Some("no_new_privileges"),
        help: "write `no_new_privileges = true`",
    },
    Foreign {
        words: &["seccomp_profile", "seccompprofile"],
        meant: Some("seccomp"),
        help: "write `seccomp = \"/etc/seccomp/web.json\"`",
    },
    Foreign {
        words: &["selinux", "labels", "se_linux_options"],
        meant: Some("label"),
        help: "write `label = \"disable\"`",
    },
    Foreign {
        words: &[
            "capabilities",
            "cap_add",
            "cap_drop",
            "privileged",
            "read_only",
        ],
        meant: NOWHERE,
        help: "it is a field of its own: `capabilities`, `privileged` and `read_only` stand at the top of the file",
    },
];

/// Keys of `dns`.
pub(super) const DNS: &[Foreign] = &[Foreign {
    words: &["nameservers", "nameserver", "addresses"],
    meant: Some("servers"),
    help: "write `servers = [\"10.0.0.2\"]`",
}];

/// Keys of `log`.
pub(super) const LOG: &[Foreign] = &[
    Foreign {
        words: &["type"],
        meant: Some("driver"),
        help: "write `driver = \"local\"`",
    },
    Foreign {
        words: &["opts", "config"],
        meant: Some("options"),
        help: "write `options = { max-size = \"10m\" }`",
    },
];

/// Keys of `[swap]`.
pub(super) const SWAP: &[Foreign] = &[
    Foreign {
        words: &["drain_timeout", "draining", "deregistration_delay", "grace"],
        meant: Some("drain"),
        help: "write `drain = \"30s\"`: so long the connections of the slot that goes are waited for",
    },
    Foreign {
        words: &[
            "keep_for",
            "retain",
            "retention",
            "termination_wait_time",
            "scale_down_delay",
        ],
        meant: Some("keep"),
        help: "write `keep = \"10m\"`: so long the slot that has handed over runs on, as the way back",
    },
    Foreign {
        words: &["ports", "slot_ports"],
        meant: Some("slots"),
        help: "write `slots = [19000, 19001]`: a port of the host for each slot",
    },
];

/// Keys of `[health]`.
pub(super) const HEALTH: &[Foreign] = &[
    Foreign {
        words: &["retries", "start_period", "retry"],
        meant: Some("timeout"),
        help: "write `timeout = \"60s\"`: it is asked until the first good answer; `failures = 3` is for `watch`",
    },
    Foreign {
        words: &["start_interval", "period", "period_seconds", "every"],
        meant: Some("interval"),
        help: "write `interval = \"5s\"`: the pause between two questions, until the first good answer; `watch = \"30s\"` asks on after it",
    },
    Foreign {
        words: &["liveness", "liveness_probe", "monitor", "check_interval"],
        meant: Some("watch"),
        help: "write `watch = \"30s\"`: the same question, as long as it runs",
    },
    Foreign {
        words: &["failure_threshold", "unhealthy_threshold", "max_failures"],
        meant: Some("failures"),
        help: "write `failures = 3` beside `watch = \"30s\"`",
    },
    Foreign {
        words: &["on_failure", "on_unhealthy", "action", "autoheal"],
        meant: Some("then"),
        help: "write `then = \"restart\"` beside `watch = \"30s\"`",
    },
    Foreign {
        words: &["timeout_seconds", "request_timeout", "answer_timeout"],
        meant: Some("probe_timeout"),
        help: "write `probe_timeout = \"30s\"` for one question; `timeout` is for the whole start",
    },
    Foreign {
        words: &["header", "http_headers"],
        meant: Some("headers"),
        help: "write `headers = { X-Forwarded-Proto = \"https\" }`",
    },
    Foreign {
        words: &["hostname", "host_header", "vhost"],
        meant: Some("host"),
        help: "write `host = \"web.example.com\"`",
    },
    Foreign {
        words: &["disable", "disabled", "none"],
        meant: Some("image"),
        help: "write `image = false`: the image's own `HEALTHCHECK` does not run then",
    },
    Foreign {
        words: &["healthcheck", "docker", "native"],
        meant: Some("image"),
        help: "write `image = true`: the image's own `HEALTHCHECK` decides",
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

/// Keys of a volume.
pub(super) const VOLUME: &[Foreign] = &[
    Foreign {
        words: &["src", "from", "name", "host_path", "device"],
        meant: Some("source"),
        help: "write `source = \"/srv/data\"`",
    },
    Foreign {
        words: &[
            "dst",
            "destination",
            "to",
            "path",
            "mount_path",
            "container_path",
        ],
        meant: Some("target"),
        help: "write `target = \"/data\"`",
    },
    Foreign {
        words: &["readonly", "ro"],
        meant: Some("read_only"),
        help: "write `read_only = true`",
    },
    Foreign {
        words: &["user", "uid", "gid", "group"],
        meant: Some("owner"),
        help: "write `owner = \"1000:1000\"`",
    },
    Foreign {
        words: &["permissions", "chmod"],
        meant: Some("mode"),
        help: "write `mode = \"0750\"`",
    },
    Foreign {
        words: &["type", "bind", "volume", "create_host_path"],
        meant: NOWHERE,
        help: "remove it: a path as `source` is a directory of the host, a name is a volume of the engine; a table's directory is made where it is absent",
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
    Foreign {
        words: &[
            "signal",
            "on_change",
            "notify",
            "reload_signal",
            "change_mode",
            "change_signal",
        ],
        meant: Some("reload"),
        help: "write `reload = { signal = \"HUP\" }`",
    },
    Foreign {
        words: &["validate", "test", "verify", "check_cmd"],
        meant: Some("check"),
        help: "write `check = [\"nginx\", \"-t\"]`",
    },
];

/// Keys of `reload` of a file.
pub(super) const RELOAD: &[Foreign] = &[
    Foreign {
        words: &["exec", "cmd", "run", "script", "reload_cmd"],
        meant: Some("command"),
        help: "write `command = [\"nginx\", \"-s\", \"reload\"]`",
    },
    Foreign {
        words: &["kill", "sig", "send"],
        meant: Some("signal"),
        help: "write `signal = \"HUP\"`",
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
