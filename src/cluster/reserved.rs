//! Names that a description cannot use, for variables and for clusters, and how a variable gets into its container.
//!
//! The container gets its variables through the environment of the engine's client (`docker run
//! -e NAME`), so a variable that this client, the dynamic linker or systemd reads would steer
//! them instead. Such names stand in a file that only the client reads (`--env-file`).

use super::name::VariableName;

/// Which table a variable is defined in: what may be defined there differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// `[vars]` of either file.
    Vars,
    /// `[env]` of a service.
    Env,
}

/// How a variable gets into its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// By the environment of the engine's client: any value.
    Environment,
    /// By a file for the engine's client: one line.
    Literal,
    /// By the file, since a client reads the name; versions before gave it to the client's environment, and what
    /// they started may stay so.
    LiteralByNow,
}

/// Names, and beginnings of names with a final `*`, that bayplan sets itself.
const OWN: [&str; 2] = ["BAYPLAN_*", "IMAGE"];

/// Names, and beginnings of names with a final `*`, that the engine's client, the dynamic linker or systemd
/// (`systemd.exec(5)`) reads or sets.
const READ: [&str; 22] = [
    "PATH",
    "HOME",
    "DOCKER_*",
    "CONTAINER_*",
    "CONTAINERS_*",
    "GODEBUG",
    "GOTRACEBACK",
    "LD_*",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "NOTIFY_SOCKET",
    "MAINPID",
    "MANAGERPID",
    "LISTEN_*",
    "WATCHDOG_*",
    "SYSTEMD_*",
    "CREDENTIALS_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "CACHE_DIRECTORY",
    "LOGS_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
];

/// Further ones, which were found later. What is added here needs a form of its own in `render/service.rs`.
const READ_BY_NOW: [&str; 7] = [
    "GOMEMLIMIT",
    "NETAVARK_FW",
    "PODMAN_USERNS",
    "REGISTRY_AUTH_FILE",
    "STORAGE_*",
    "TMPDIR",
    "_CONTAINERS_*",
];

/// How a variable of this name gets into its container.
#[must_use]
pub(crate) fn carrier(name: &VariableName) -> Carrier {
    if !name.is_plain() || among(&READ, name.as_str()) {
        return Carrier::Literal;
    }
    match among(&READ_BY_NOW, name.as_str()) {
        true => Carrier::LiteralByNow,
        false => Carrier::Environment,
    }
}

/// What is wrong with a value that has to be one line of a file, if anything is.
#[must_use]
pub(crate) fn unfit_for_line(name: &VariableName, value: &str) -> Option<&'static str> {
    // Both clients read at most 64 KiB with the line's end.
    const LINE_MAX: usize = 65_535;
    if value.contains('\n') {
        Some("a line break")
    } else if value.ends_with('\r') {
        Some("a carriage return at its end")
    } else if name.as_str().len() + 1 + value.len() > LINE_MAX {
        Some("more than 65,535 bytes with its name")
    } else {
        None
    }
}

fn among(patterns: &[&str], name: &str) -> bool {
    // All variables of all services are looked up: most differ in the first letter.
    let first = name.as_bytes().first();
    let mut similar = patterns
        .iter()
        .filter(|pattern| pattern.as_bytes().first() == first);
    similar.any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == *pattern,
    })
}

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
    among(&OWN, name).then_some("bayplan sets it itself")
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
