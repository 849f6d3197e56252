//! Names that a description cannot use, for variables and for clusters.
//!
//! The container gets its variables through the environment of the engine's client (`docker run
//! -e NAME`), so a variable that this client, the dynamic linker or systemd reads would steer
//! them instead.

/// Which table a variable is defined in: what may be defined there differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// `[vars]` of either file.
    Vars,
    /// `[env]` of a service.
    Env,
}

const CLIENT: &str = "it steers the container engine's client";
const SYSTEMD: &str = "systemd sets it (`systemd.exec(5)`)";
const OWN: &str = "bayplan sets it itself";

/// Names, and beginnings of names with a final `*`, with the reason.
const RESERVED: [(&str, &str); 24] = [
    ("PATH", CLIENT),
    ("HOME", CLIENT),
    ("DOCKER_*", CLIENT),
    ("CONTAINER_*", CLIENT),
    ("CONTAINERS_*", CLIENT),
    ("GODEBUG", CLIENT),
    ("GOTRACEBACK", CLIENT),
    ("LD_*", "it steers the dynamic linker"),
    ("BAYPLAN_*", OWN),
    ("IMAGE", OWN),
    ("INVOCATION_ID", SYSTEMD),
    ("JOURNAL_STREAM", SYSTEMD),
    ("NOTIFY_SOCKET", SYSTEMD),
    ("MAINPID", SYSTEMD),
    ("MANAGERPID", SYSTEMD),
    ("LISTEN_*", SYSTEMD),
    ("WATCHDOG_*", SYSTEMD),
    ("SYSTEMD_*", SYSTEMD),
    ("CREDENTIALS_DIRECTORY", SYSTEMD),
    ("RUNTIME_DIRECTORY", SYSTEMD),
    ("STATE_DIRECTORY", SYSTEMD),
    ("CACHE_DIRECTORY", SYSTEMD),
    ("LOGS_DIRECTORY", SYSTEMD),
    ("CONFIGURATION_DIRECTORY", SYSTEMD),
];

/// Why a cluster cannot have this name: on a host its units, directories or files would take the place of
/// bayplan's own. A service's name follows its cluster's there, so any will do.
pub(super) fn cluster(name: &str) -> Option<&'static str> {
    match name {
        "lock" => Some("`/var/lib/bayplan/lock` is the lock of every host"),
        name if name == "bayplan" || name.starts_with("bayplan-") => {
            Some("units called `bayplan-…` are bayplan's own")
        }
        _ => None,
    }
}

/// Why a name is reserved, if it is.
pub(super) fn why(name: &str) -> Option<&'static str> {
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    };
    RESERVED
        .iter()
        .find(|(pattern, _)| matches(pattern))
        .map(|(_, why)| *why)
}

/// What to write instead of defining a name that bayplan derives for every cluster.
pub(super) fn derived(name: &str, within: Within) -> Option<&'static str> {
    match (name, within) {
        ("CLUSTER_ID", Within::Vars) => Some(
            "remove it: it is the name of the cluster's directory; a service's own `[env]` may set it",
        ),
        // An image may mean something else by it.
        ("CLUSTER_ID", Within::Env) => None,
        ("CLUSTER_TYPE", _) => Some("write `type = \"…\"` at the top of `cluster.toml`"),
        ("APP_PORT", Within::Vars) => Some("write `port = …` in the service's file"),
        // Whether `[env]` may define it depends on whether the service has a port.
        ("APP_PORT", Within::Env) => None,
        _ => None,
    }
}

/// What to write for a variable that is not there.
pub(super) fn define(name: &str) -> String {
    match derived(name, Within::Vars) {
        Some(write) => write.to_owned(),
        None if why(name).is_some() => "remove it: no layer can define this name".to_owned(),
        None => format!("define `{name}` below `[vars]`"),
    }
}
