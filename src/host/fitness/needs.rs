//! What a description needs of a host. Pure.

use std::collections::BTreeMap;

use crate::cluster::model::{Cluster, Delivery, EngineClient, Host, Transport};
use crate::cluster::name::HostName;
use crate::cluster::{DOCKER_HUB, registry_and_path};

/// What the services that are placed on a host need there, besides what every host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedsOfHost {
    /// The engine's client that units run.
    pub client: EngineClient,
    /// An image of each registry, by the registry's name.
    pub registries: BTreeMap<String, String>,
    /// Whether secrets are opened there.
    pub sealed: bool,
    /// The key that the description pins.
    pub host_key: Option<String>,
    /// A service that mounts a path of the host, and whose label nobody changed.
    pub mounts: Option<String>,
}

impl NeedsOfHost {
    /// Those of one host of a cluster.
    #[must_use]
    pub fn of(cluster: &Cluster, host: &Host) -> Self {
        let placed = |name: &HostName| {
            let services = cluster.services.values();
            let name = name.clone();
            services.filter(move |service| service.hosts.contains(&name))
        };
        let registries = placed(&host.name).map(|service| {
            let reference = service.image.reference.clone();
            (registry(&reference).to_owned(), reference)
        });
        let secrets = placed(&host.name).any(|service| service.secrets().next().is_some());
        let mounts = placed(&host.name).find(|service| {
            let container = &service.container;
            let labelled = |volume: &String| {
                let options = volume.rsplit(':').next().unwrap_or_default();
                options.split(',').any(|one| matches!(one, "z" | "Z"))
            };
            let paths = container.volumes.iter().filter(|it| it.starts_with('/'));
            let off =
                container.privileged || container.security.label.iter().any(|it| it == "disable");
            !off && (paths.clone().any(|it| !labelled(it))
                || !service.files.mounts.is_empty()
                || !service.secret_files.is_empty())
        });
        Self {
            client: host.client.clone(),
            registries: registries.collect(),
            sealed: secrets && host.secrets == Delivery::Sealed,
            host_key: match &host.transport {
                Transport::Ssh(ssh) => ssh.host_key.clone(),
                Transport::Local { .. } | Transport::Directory { .. } => None,
            },
            mounts: mounts.map(|service| service.name.to_string()),
        }
    }
}

/// The registry of an image's reference.
pub(super) fn registry(reference: &str) -> &str {
    registry_and_path(reference).0.unwrap_or(DOCKER_HUB)
}

/// The reference without its tag and digest.
pub(super) fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        Some(_) | None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_registry() {
        for (reference, registry_of, repository_of) in [
            ("alpine:3.20", "docker.io", "alpine"),
            ("grafana/grafana", "docker.io", "grafana/grafana"),
            (
                "10.0.0.1:5000/app:1.0",
                "10.0.0.1:5000",
                "10.0.0.1:5000/app",
            ),
            ("localhost/app@sha256:00", "localhost", "localhost/app"),
            ("ghcr.io/a/b:1@sha256:00", "ghcr.io", "ghcr.io/a/b"),
            ("registry:5000/app", "registry:5000", "registry:5000/app"),
        ] {
            assert_eq!(registry(reference), registry_of);
            assert_eq!(repository(reference), repository_of);
        }
    }
}
