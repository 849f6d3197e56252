//! What a container is run with beside its image: groups of fields that belong together.

use std::collections::BTreeMap;

/// `security`: the options of `--security-opt`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// Whether a process may get more rights than its parent has. `None`: what the engine's configuration says.
    pub no_new_privileges: Option<bool>,
    /// `unconfined`, `builtin`, or the path of a profile on the host.
    pub seccomp: Option<String>,
    /// `unconfined`, or the name of a profile.
    pub apparmor: Option<String>,
    /// Of SELinux: `disable`, or `type:spc_t` and its like.
    pub label: Vec<String>,
}

/// `dns`: whom a container asks for names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dns {
    /// IP addresses, the first one is asked first.
    pub servers: Vec<String>,
    /// Domains that a short name is looked for in.
    pub search: Vec<String>,
    /// Options of `resolv.conf(5)`.
    pub options: Vec<String>,
}

/// `log`: what the engine does with what a container prints. The unit's journal has it, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logging {
    /// The engine's default if there is none.
    pub driver: Option<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}
