//! Which registries have no TLS: those on this machine, and those that docker's own settings name.

use std::env;
use std::path::PathBuf;

use serde::Deserialize;

use crate::cluster::registry_address;
use crate::cluster::subnet::Subnet;

#[derive(Deserialize)]
struct DaemonSettings {
    #[serde(rename = "insecure-registries", default)]
    insecure: Vec<String>,
}

/// Whether a registry is asked without TLS.
pub(super) fn speaks_plainly(registry: &str) -> bool {
    is_here(registry) || insecure().iter().any(|entry| is_named(registry, entry))
}

/// On this machine, as docker takes it, too.
fn is_here(registry: &str) -> bool {
    registry.split(':').next() == Some("localhost")
        || registry_address(registry).is_some_and(|address| address.is_loopback())
}

/// `registry.example.com:5000`, or `10.0.0.0/8`
fn is_named(registry: &str, entry: &str) -> bool {
    match (Subnet::parse(entry), registry_address(registry)) {
        (Some(range), Some(address)) => range.holds(address),
        (Some(_) | None, _) => registry == entry,
    }
}

/// Of the daemon of this machine, of one without root, and of Docker Desktop. Files that are not there name none.
fn insecure() -> Vec<String> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let below = |path: &str| home.as_ref().map(|home| home.join(path));
    let files = [
        Some(PathBuf::from("/etc/docker/daemon.json")),
        below(".config/docker/daemon.json"),
        below(".docker/daemon.json"),
    ];
    let texts = files.into_iter().flatten();
    let texts = texts.filter_map(|path| fs_err::read(path).ok());
    let settings = texts.filter_map(|text| serde_json::from_slice::<DaemonSettings>(&text).ok());
    settings.flat_map(|settings| settings.insecure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_machine_has_no_tls() {
        for here in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in [
            "docker.io",
            "10.0.0.1:5000",
            "localhost.example.com",
            "127.example.com",
        ] {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn settings_name_registries_and_networks() {
        assert!(is_named("registry:5000", "registry:5000"));
        assert!(!is_named("registry:5000", "registry"));
        assert!(is_named("10.1.2.3:5000", "10.0.0.0/8"));
        assert!(!is_named("11.1.2.3:5000", "10.0.0.0/8"));
        assert!(!is_named("10.example.com", "10.0.0.0/8"));
        assert!(!is_named("10.1.2.3", "10.0.0.0/99"));
    }
}
