//! What a description gives by itself: where services are, what the cluster and its hosts are
//! called.

use std::collections::BTreeMap;

use super::description::{ClusterFile, DescribedHost};
use super::loaded::LoadedCluster;
use super::name::{HostName, ServiceName};
use super::placement::{Placements, service_path};
use super::reach::{LocationValue, LocationVariables, NeedingService, location_variables};
use super::read::Spot;
use super::shape::host::AddressKind;
use super::sources::Sources;
use super::values::{Evaluated, Values};

/// The location variables of every placed service, as they are for anybody on any host.
pub(super) fn locations(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    placements: &Placements,
) -> BTreeMap<ServiceName, Values> {
    placements
        .iter()
        .map(|(name, hosts)| {
            let service = description.services.get(name).and_then(Option::as_ref);
            let variables = location_variables(cluster, None, (name, service), hosts);
            (name.clone(), values(variables))
        })
        .collect()
}

/// Locations as values.
pub(super) fn values(variables: LocationVariables) -> Values {
    let value = |value| match value {
        LocationValue::Hosts(hosts) => Evaluated::text(hosts),
        LocationValue::Port(port) => Evaluated::number(port),
        LocationValue::Unknown => Evaluated::Failed,
    };
    let variables = variables.into_iter();
    variables
        .map(|(name, found)| (name, value(found)))
        .collect()
}

/// What the services that a service needs are to it on one host.
pub(super) fn locations_of(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    placements: &Placements,
    needs: &[ServiceName],
    reader: Option<NeedingService<'_>>,
) -> LocationVariables {
    let needs = needs
        .iter()
        .filter_map(|need| placements.get_key_value(need));
    needs
        .flat_map(|(name, hosts)| {
            let service = description.services.get(name).and_then(Option::as_ref);
            location_variables(cluster, reader, (name, service), hosts)
        })
        .collect()
}

/// What the cluster itself gives: its name, its type, its hosts' addresses with their places.
pub(super) fn derived(
    description: &LoadedCluster,
    cluster: &ClusterFile,
) -> BTreeMap<String, (Evaluated, Option<Spot>)> {
    let mut derived = BTreeMap::new();
    // A host that could not be read may well have an address.
    for name in &cluster.host_names {
        if let Ok(name) = HostName::new(name.value.as_str()) {
            let variable = format!("{}_IP", name.variable_stem());
            derived.insert(variable, (Evaluated::Failed, None));
        }
    }
    for host in &cluster.hosts {
        let variable = format!("{}_IP", host.name.value.variable_stem());
        match (&host.host.address, &host.address) {
            (Some(address), Some(kind)) if kind.value == AddressKind::Ip => {
                let derived_from = Some(kind.spot.clone());
                derived.insert(variable, (Evaluated::text(address), derived_from));
            }
            (Some(_), None) => {}
            (Some(_), Some(_)) | (None, _) => {
                derived.remove(&variable);
            }
        }
    }
    let id = Evaluated::text(description.name.as_str());
    derived.insert("CLUSTER_ID".to_owned(), (id, None));
    if let Some(kind) = &cluster.kind {
        let kind = Evaluated::text(&*kind.value);
        derived.insert("CLUSTER_TYPE".to_owned(), (kind, None));
    }
    derived
}

/// The name of the reader's own host.
pub(super) const OWN_HOST: &str = "CLUSTER_HOST";

/// The address of the reader's own host, where it is an IP address.
pub(super) const OWN_HOST_IP: &str = "CLUSTER_HOST_IP";

/// What the reader's own host gives. Another thing of such a name, the place of a service `cluster` or a variable, comes first.
pub(super) fn own_host(host: &DescribedHost) -> BTreeMap<String, (Evaluated, Spot)> {
    let name = host.name.value.as_str();
    let mut own = BTreeMap::from([(
        OWN_HOST.to_owned(),
        (Evaluated::text(name), host.name.spot.clone()),
    )]);
    if let (Some(address), Some(kind)) = (&host.host.address, &host.address)
        && kind.value == AddressKind::Ip
    {
        let address = (Evaluated::text(address), kind.spot.clone());
        own.insert(OWN_HOST_IP.to_owned(), address);
    }
    own
}

/// Whether what variables are may depend on the host that reads them.
pub(super) fn depends_on_host(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    sources: &Sources,
) -> bool {
    let directory = format!("clusters/{}/", description.name);
    // It may stand in any value, list or template.
    let named = |bytes: &[u8]| {
        let mut windows = bytes.windows(OWN_HOST.len());
        windows.any(|window| window == OWN_HOST.as_bytes())
    };
    cluster.hosts.iter().any(|host| !host.vars.is_empty())
        || sources.below(&directory).any(|(_, bytes)| named(bytes))
}

/// What to write for names that services would give if they were placed, or had a port.
pub(super) fn absent(
    description: &LoadedCluster,
    locations: &BTreeMap<ServiceName, Values>,
) -> BTreeMap<String, String> {
    let mut absent = BTreeMap::new();
    for name in description.services.keys() {
        let given = locations.get(name);
        for suffix in ["HOST", "HOSTS", "PORT"] {
            let variable = format!("{}_{suffix}", name.variable_stem());
            let help = match given {
                Some(given) if given.contains_key(&variable) => continue,
                Some(_) => {
                    let service = description.services.get(name).and_then(Option::as_ref);
                    let has_port = service.is_some_and(|service| service.port.is_some());
                    let write = if has_port { "publish" } else { "port" };
                    format!(
                        "write `{write} = …` in `{}`",
                        service_path(description, name)
                    )
                }
                None => format!("place `{name}` on a host: that gives `{variable}`"),
            };
            absent.insert(variable, help);
        }
    }
    absent
}
