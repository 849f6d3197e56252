//! Where others reach a service: by its name in a network that both are in, or at addresses of its hosts.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::description::{ClusterFile, DescribedHost, ServiceFile};
use super::diagnostic::Diagnostic;
use super::loaded::LoadedCluster;
use super::name::{HostName, ServiceName};
use super::placement::{Placements, service_path};
use super::ports::{HostPorts, Publish};
use super::read::Problems;

/// Who looks for a service, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct NeedingService<'a> {
    /// The service that needs another one.
    pub service: &'a ServiceFile,
    /// The host on which it runs.
    pub host: &'a HostName,
}

impl NeedingService<'_> {
    fn is_in_host_network(self) -> bool {
        self.service.container.network.as_deref() == Some("host")
    }

    /// Whether all instances of another one are on this host, in a network that the reader is in, too.
    fn finds_by_name(self, needed: &ServiceFile, hosts: &[HostName]) -> bool {
        hosts.iter().all(|host| host == self.host) && share_a_network(self.service, needed)
    }
}

/// Whether both are in one network.
fn share_a_network(one: &ServiceFile, other: &ServiceFile) -> bool {
    let mut networks = one.networks.iter();
    networks.any(|own| {
        let mut theirs = other.networks.iter();
        theirs.any(|network| network.name.value == own.name.value)
    })
}

/// The variables of a location.
pub(super) type LocationVariables = BTreeMap<String, LocationValue>;

/// The value of such a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LocationValue {
    /// One host or several.
    Hosts(String),
    /// The port.
    Port(u16),
    /// It could not be read.
    Unknown,
}

/// `X_HOST`, `X_HOSTS` and `X_PORT` of a placed service: for a reader, or for anybody on any host. `needed` is `None`
/// if its file could not be read.
pub(super) fn location_variables(
    cluster: &ClusterFile,
    reader: Option<NeedingService<'_>>,
    (name, needed): (&ServiceName, Option<&ServiceFile>),
    hosts: &[HostName],
) -> LocationVariables {
    let found = needed.and_then(|needed| location(cluster, reader, (name, needed), hosts));
    let port = match needed {
        None => Some(LocationValue::Unknown),
        Some(needed) if needed.unread_port => Some(LocationValue::Unknown),
        Some(_) => found
            .as_ref()
            .and_then(|found| found.port)
            .map(LocationValue::Port),
    };
    let names = match found {
        Some(found) => found.names,
        None => hosts.iter().map(|host| cluster.dns_name(host)).collect(),
    };
    let stem = name.variable_stem();
    let first = names.first().cloned();
    let first = first.map(|first| (format!("{stem}_HOST"), LocationValue::Hosts(first)));
    let all = (
        format!("{stem}_HOSTS"),
        LocationValue::Hosts(names.join(",")),
    );
    let port = port.map(|port| (format!("{stem}_PORT"), port));
    first.into_iter().chain([all]).chain(port).collect()
}

/// Where a service is.
struct Location {
    /// What stands for each of its hosts.
    names: Vec<String>,
    /// Its port at all of them; `None` if it has none.
    port: Option<u16>,
}

/// `None`: it has a port, and not everywhere one that is reached.
fn location(
    cluster: &ClusterFile,
    reader: Option<NeedingService<'_>>,
    (name, needed): (&ServiceName, &ServiceFile),
    hosts: &[HostName],
) -> Option<Location> {
    let port = needed.port.as_ref().map(|port| port.value);
    if let Some(here) = &cluster.here {
        let (names, port) = here.location(name, port);
        return Some(Location { names, port });
    }
    if reader.is_some_and(|reader| reader.finds_by_name(needed, hosts)) {
        let names = vec![name.to_string()];
        return Some(Location { names, port });
    }
    let Some(port) = port else {
        let names = hosts.iter().map(|host| cluster.dns_name(host)).collect();
        return Some(Location { names, port: None });
    };
    let mut ways = published(needed).into_iter();
    ways.find_map(|publish| {
        let outside = publish.to(port)?;
        let names = hosts.iter().map(|host| match cluster.host(host) {
            Some(described) => reachable(cluster, publish, described, reader),
            None => Some(host.to_string()),
        });
        Some(Location {
            names: names.collect::<Option<_>>()?,
            port: Some(outside),
        })
    })
}

/// What is published, or taken in the host's network, before the host says where.
fn published(service: &ServiceFile) -> Vec<Publish> {
    // Its proxy answers for it, in the host's network.
    if let (Some(swap), Some(port)) = (&service.swap, &service.port) {
        return vec![Publish {
            at: HostPorts {
                address: Some(IpAddr::from([0; 4])),
                ..HostPorts::tcp(swap.port.value)
            },
            inside: port.value,
        }];
    }
    if service.container.network.as_deref() != Some("host") {
        let published = service.published().into_iter();
        return published.map(|one| one.value).collect();
    }
    // It listens itself, on every address as far as anybody knows.
    let port = service.port.iter();
    port.map(|port| Publish {
        at: HostPorts {
            address: Some(IpAddr::from([0; 4])),
            ..HostPorts::tcp(port.value)
        },
        inside: port.value,
    })
    .collect()
}

/// The name or address at which a reader reaches what is published on a host; `None` if it does not.
fn reachable(
    cluster: &ClusterFile,
    publish: Publish,
    host: &DescribedHost,
    reader: Option<NeedingService<'_>>,
) -> Option<String> {
    let name = &host.name.value;
    let own = host.host.address.as_deref();
    let own: Option<IpAddr> = own.and_then(|own| own.parse().ok());
    match publish.on(host.host.listen).at.address {
        Some(address) if address.to_canonical().is_loopback() => {
            let beside =
                |reader: NeedingService<'_>| reader.is_in_host_network() && reader.host == name;
            reader.is_some_and(beside).then(|| address.to_string())
        }
        Some(address) if !address.is_unspecified() && own != Some(address) => {
            Some(address.to_string())
        }
        Some(_) | None => Some(cluster.dns_name(name)),
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
    let Some(readers) = placements.get(&service.name) else {
        return;
    };
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
        let far = readers.iter().find(|host| {
            let reader = NeedingService { service, host };
            location(cluster, Some(reader), (name, needed), hosts).is_none()
        });
        let (Some(host), Some(port)) = (far, &needed.port) else {
            continue;
        };
        let leads = needed.publish.iter().flatten();
        let leads = leads.clone().find(|one| one.value.to(port.value).is_some());
        let why = match (&needed.publish, leads) {
            _ if needed.container.network.as_deref() == Some("none") => "has no network".to_owned(),
            (Some(_), None) => format!("does not publish its port {}", port.value),
            (Some(_), Some(_)) => "is published on the loopback address alone".to_owned(),
            (None, _) => "is published on the loopback address alone (`listen`)".to_owned(),
        };
        let spot = leads.map_or(&port.spot, |leads| &leads.spot);
        let help = match share_a_network(service, needed) {
            true => format!(
                "its name is known in a network only on a host that has all of it; publish it, too: {}",
                published_help(description, name, port.value)
            ),
            false => format!(
                "name one network in `networks` of both where they share a host, or publish it: {}",
                published_help(description, name, port.value)
            ),
        };
        problems.push(
            Diagnostic::error(
                format!(
                    "`{}` needs `{name}` and cannot reach it from `{host}`: `{name}` {why}",
                    service.name
                ),
                need.spot.label("cannot be reached"),
            )
            .with_related(spot.label(format!("the port of `{name}`")))
            .with_help(help),
        );
    }
}

fn published_help(description: &LoadedCluster, name: &ServiceName, port: u16) -> String {
    format!(
        "`publish = [\"10.0.0.1:{port}\"]` in `{}`, with an address that others reach",
        service_path(description, name)
    )
}
