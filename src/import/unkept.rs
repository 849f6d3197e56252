//! Why keys of compose are not carried, as docs/compose.md has it.

/// Endings of the path of a key, and why it is not carried and what to do.
const WHY: &[(&str, &str)] = &[
    (
        "build",
        "build the image and push it elsewhere, then write its name",
    ),
    ("develop", "it is for `docker compose watch`"),
    ("provider", "plug-ins of compose make them"),
    ("models", "plug-ins of compose make them"),
    (
        "post_start",
        "write `ExecStartPost=` in a unit template of your own",
    ),
    (
        "pre_stop",
        "write `ExecStop=` in a unit template of your own",
    ),
    ("use_api_socket", "mount the engine's socket in `volumes`"),
    ("stdin_open", "nobody types into the container of a unit"),
    (
        "links",
        "write `aliases` into the service that is called so",
    ),
    (
        "external_links",
        "put both into one network, and write `aliases`",
    ),
    ("volumes_from", "write the same lines into `volumes`"),
    ("credential_spec", "Windows only"),
    ("isolation", "Windows only"),
    ("cpu_count", "Windows only"),
    ("cpu_percent", "Windows only"),
    ("generic_resources", "swarm only"),
    ("endpoint_mode", "swarm only"),
    (
        "deploy.labels",
        "of a swarm service; `labels` are the container's",
    ),
    (
        "deploy.mode",
        "the hosts are named in `[place]`; `\"*\"` is all of them",
    ),
    ("placement", "the hosts are named in `[place]`"),
    (
        "update_config",
        "a release goes host after host; `max_down` says how many are down at once",
    ),
    (
        "rollback_config",
        "a release puts a host back where a start fails",
    ),
    (
        "reservations.cpus",
        "a reservation is for a scheduler; there is none",
    ),
    ("delay", "systemd starts a container again on its own terms"),
    (
        "max_attempts",
        "systemd starts a container again on its own terms",
    ),
    (
        "window",
        "systemd starts a container again on its own terms",
    ),
    (
        "retries",
        "a probe is asked until it answers or `timeout` is over",
    ),
    (
        "depends_on.restart",
        "what is needed is no input of the container",
    ),
    ("interface_name", "not every engine has it"),
    ("link_local_ips", "not every engine has it"),
    ("gw_priority", "not every engine has it"),
    (
        "priority",
        "the order in `networks` counts: the first one is the container's from the beginning",
    ),
    (
        "mac_address",
        "write `extra_args = [\"--mac-address\", …]`, for a service with one network",
    ),
    ("subpath", "not every engine has it"),
    ("recursive", "not every engine has it"),
    ("consistency", "it has an effect on Mac only"),
    ("driver_opts", "make it with the engine, and name it"),
    ("driver", "make it with the engine, and name it"),
    (
        "ip_range",
        "make the network with the engine, and name it with `existing = true`",
    ),
    (
        "aux_addresses",
        "make the network with the engine, and name it with `existing = true`",
    ),
    ("attachable", "swarm only"),
    (
        "enable_ipv4",
        "make the network with the engine, and name it with `existing = true`",
    ),
    ("labels", "make it with the engine, and name it"),
    ("template_driver", "swarm only"),
    ("external", "swarm only"),
    (
        "pull_refresh_after",
        "a release pulls what is not there, and moving tags",
    ),
];

/// Why this key is not carried.
pub(super) fn why(path: &str) -> String {
    let ends = |ending: &str| {
        path == ending
            || path
                .strip_suffix(ending)
                .is_some_and(|before| before.ends_with('.'))
    };
    let found = WHY.iter().find(|(ending, _)| ends(ending));
    match found {
        Some((_, why)) => (*why).to_owned(),
        None => "it is no key that bayplan knows: see docs/compose.md".to_owned(),
    }
}
