//! All hosts of a description as one, and its services as containers of the one engine there.

use std::collections::BTreeSet;

use super::description::{ClusterFile, WrittenVariable};
use super::here::Here;
use super::model::{Delivery, Logging, MadeNetwork, Network, NetworkOrigin, Service, Transport};
use super::shape::host::AddressKind;

/// Makes one host of all: the first one, with what the others have beside it. The others only keep their names, and
/// their addresses are those of this machine.
pub(super) fn gather(cluster: &mut ClusterFile, here: &Here) {
    for host in &mut cluster.hosts {
        host.host.client = here.client.clone();
        host.host.listen = None;
        host.host.secrets = Delivery::Plain;
        host.host.transport = Transport::Local { sudo: false };
        if let Some(kind) = &host.address {
            let own = match kind.value {
                AddressKind::Ip => "127.0.0.1",
                AddressKind::Dns => "localhost",
            };
            host.host.address = Some(own.to_owned());
        }
    }
    let others = cluster.hosts.iter_mut().skip(1);
    let others: Vec<WrittenVariable> = others
        .flat_map(|host| std::mem::take(&mut host.vars))
        .collect();
    if let Some(first) = cluster.hosts.first_mut() {
        for variable in others {
            let mut known = first.vars.iter();
            if !known.any(|known| known.name.value == variable.name.value) {
                first.vars.push(variable);
            }
        }
    }
    cluster.here = Some(here.clone());
}

/// A checked service as its container is here.
pub(super) fn settle(service: &mut Service, here: &Here) {
    let container = &mut service.container;
    // `host` would be that of a virtual machine on some systems; another container's is not there.
    if container.network.as_deref() != Some("none") {
        container.network = None;
        service.networks = vec![Network {
            name: here.network.clone(),
            origin: NetworkOrigin::Made(MadeNetwork::default()),
            addresses: BTreeSet::new(),
        }];
    }
    // What it says is read by `local logs`, wherever it goes on hosts.
    container.log = Logging::default();
    // A directory that a host would make is a volume: there is nobody here who may make it.
    let made = std::mem::take(&mut container.made);
    for volume in &mut container.volumes {
        let (source, rest) = match volume.split_once(':') {
            Some((source, rest)) => (source, format!(":{rest}")),
            // A path of the container alone: a volume without a name.
            None => continue,
        };
        let is_made = made
            .iter()
            .any(|made| made.path == source.trim_end_matches('/'));
        let name = match source.strip_prefix('/') {
            None => source.to_owned(),
            Some(path) if is_made => {
                let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
                path.trim_end_matches('/').chars().map(plain).collect()
            }
            Some(_) => continue,
        };
        *volume = format!("{}{name}{rest}", here.volumes);
    }
}
