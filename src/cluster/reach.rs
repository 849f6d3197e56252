//! Where others reach a service: on which addresses of its hosts, and on which port.

use std::net::IpAddr;

use super::description::{ClusterFile, DescribedHost, ServiceFile};
use super::diagnostic::Diagnostic;
use super::load::LoadedCluster;
use super::name::{HostName, ServiceName};
use super::nearest;
use super::placement::{Placements, service_path};
use super::ports::{HostPorts, Publish};
use super::read::Problems;

/// Where a service is on each of its hosts, in their order, and its port there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    /// `None` is the host's own address, under whatever name it is reached.
    pub addresses: Vec<Option<IpAddr>>,
    /// The port of all of them.
    pub port: u16,
}

/// Where containers on any host reach the port of a service. `None`: not everywhere, or it has no port.
pub(super) fn location(
    cluster: &ClusterFile,
    service: &ServiceFile,
    hosts: &[HostName],
) -> Option<Location> {
    let port = service.port.as_ref()?.value;
    let hosts: Vec<&DescribedHost> = hosts
        .iter()
        .filter_map(|host| cluster.hosts.iter().find(|one| one.name.value == *host))
        .collect();
    let mut ways = published(service).into_iter();
    ways.find_map(|publish| {
        let outside = publish.to(port)?;
        let addresses = hosts.iter().map(|host| reachable(publish, host));
        Some(Location {
            addresses: addresses.collect::<Option<_>>()?,
            port: outside,
        })
    })
}

/// What is published, or taken in the host's network, before the host says where.
fn published(service: &ServiceFile) -> Vec<Publish> {
    let port = service.port.as_ref().map(|port| Publish::tcp(port.value));
    match (service.container.network.as_deref(), &service.publish) {
        (Some("none"), _) => Vec::new(),
        // It listens itself, on every address as far as anybody knows.
        (Some("host"), _) => port
            .map(|port| Publish {
                at: HostPorts {
                    address: Some(IpAddr::from([0; 4])),
                    ..port.at
                },
                ..port
            })
            .into_iter()
            .collect(),
        (_, None) => port.into_iter().collect(),
        (_, Some(publish)) => publish.iter().map(|one| one.value).collect(),
    }
}

/// The address at which others reach it: `None` if there is none, and within that `None` for the host's own.
#[expect(
    clippy::option_option,
    reason = "the outer one is whether there is any"
)]
fn reachable(publish: Publish, host: &DescribedHost) -> Option<Option<IpAddr>> {
    let own = host.host.address.as_deref();
    let own: Option<IpAddr> = own.and_then(|own| own.parse().ok());
    match publish.on(host.host.listen).at.address {
        Some(address) if address.to_canonical().is_loopback() => None,
        Some(address) if !address.is_unspecified() && own != Some(address) => Some(Some(address)),
        Some(_) | None => Some(None),
    }
}

/// Reports what a service needs and cannot reach.
pub(super) fn check_reach(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    placements: &Placements,
    service: &ServiceFile,
    problems: &mut Problems,
) {
    if !placements.contains_key(&service.name) {
        return;
    }
    for need in &service.needs {
        let name = ServiceName::new(need.value.as_str()).ok();
        let Some((name, hosts)) = name.and_then(|name| placements.get_key_value(&name)) else {
            continue;
        };
        let needed = description.services.get(name).and_then(Option::as_ref);
        let Some(needed) = needed.filter(|needed| *name != service.name && !needed.unread_port)
        else {
            continue;
        };
        // Without a port there is nothing to reach: it is needed for the order.
        let Some(port) = &needed.port else { continue };
        if location(cluster, needed, hosts).is_some() {
            continue;
        }
        let (why, spot) = match &needed.publish {
            _ if needed.container.network.as_deref() == Some("none") => {
                ("has no network".to_owned(), &port.spot)
            }
            Some(publish) => {
                let leads = publish
                    .iter()
                    .find(|one| one.value.to(port.value).is_some());
                match leads {
                    Some(leads) => (
                        "is published only where it runs, on the loopback address".to_owned(),
                        &leads.spot,
                    ),
                    None => (
                        format!("does not publish its port {}", port.value),
                        &port.spot,
                    ),
                }
            }
            None => {
                let listens = hosts.iter().map(HostName::as_str);
                let on = nearest::list(listens);
                (
                    format!("is published on the loopback address of {on} alone (`listen`)"),
                    &port.spot,
                )
            }
        };
        problems.push(
            Diagnostic::error(
                format!("`{}` needs `{name}` and cannot reach it: `{name}` {why}", service.name),
                need.spot.label("cannot be reached"),
            )
            .with_related(spot.label(format!("the port of `{name}`")))
            .with_help(format!(
                "write an address that others reach into `{}`, such as `publish = [\"10.0.0.1:{port}\"]`",
                service_path(description, name),
                port = port.value,
            )),
        );
    }
}
