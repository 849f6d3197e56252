//! Ports that two services of one host would both take: in one cluster, and over all clusters that share the host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::description::{ClusterFile, ServiceFile};
use super::diagnostic::Diagnostic;
use super::load::load;
use super::loaded::LoadedCluster;
use super::name::{HostName, ServiceName};
use super::nearest;
use super::placement::{Placements, place};
use super::ports::HostPorts;
use super::read::{At, Problems};
use super::sources::Sources;

/// Reports services of one host that take the same port: each pair once, with its hosts.
pub(super) fn check_ports(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    placements: &Placements,
    sources: &Sources,
    problems: &mut Problems,
) {
    let own = Takers::of(description, cluster, placements);
    let mut clashes = Clashes::new();
    let mut taken: BTreeMap<&str, Vec<&Taker>> = BTreeMap::new();
    for taker in &own.0 {
        let before = taken.entry(taker.host.as_str()).or_default();
        note(&mut clashes, before, taker);
        before.push(taker);
    }
    // Other clusters are there where all are checked together.
    let ways: BTreeSet<&str> = own.0.iter().map(|taker| taker.way.as_str()).collect();
    let name = description.name.as_str();
    let others = sources
        .clusters()
        .filter(|other| *other != name && !ways.is_empty());
    let others: Vec<Takers> = others
        .filter_map(|other| Takers::elsewhere(other, sources))
        .collect();
    for taker in &own.0 {
        let there = others.iter().flat_map(|others| &others.0);
        let there: Vec<&Taker> = there.filter(|other| other.way == taker.way).collect();
        note(&mut clashes, &there, taker);
    }
    for clash in clashes.into_values() {
        problems.push(clash.told(name));
    }
}

/// A service that takes ports of a host.
#[derive(Debug)]
struct Taker {
    cluster: String,
    service: ServiceName,
    host: HostName,
    /// How the host is reached: hosts of two clusters with one way are one.
    way: String,
    ports: Vec<At<HostPorts>>,
}

/// Two ports that cannot be on one host.
struct Clash<'a> {
    first: (&'a Taker, &'a At<HostPorts>),
    second: (&'a Taker, &'a At<HostPorts>),
    port: u16,
    hosts: BTreeSet<&'a HostName>,
}

type Clashes<'a> = BTreeMap<[(&'a str, &'a ServiceName); 2], Clash<'a>>;

fn note<'a>(clashes: &mut Clashes<'a>, before: &[&'a Taker], taker: &'a Taker) {
    let within = taker.ports.iter().enumerate().find_map(|(at, port)| {
        let mut earlier = taker.ports[..at].iter();
        let clash = |other: &'a At<HostPorts>| Some((other, other.value.clash(&port.value)?));
        let (other, clash) = earlier.find_map(clash)?;
        Some((taker, other, port, clash))
    });
    let others = before.iter().filter_map(|other| {
        taker.ports.iter().find_map(|port| {
            let mut theirs = other.ports.iter();
            let clash =
                |theirs: &'a At<HostPorts>| Some((theirs, theirs.value.clash(&port.value)?));
            let (theirs, clash) = theirs.find_map(clash)?;
            Some((*other, theirs, port, clash))
        })
    });
    for (first, first_port, second_port, port) in within.into_iter().chain(others) {
        let key = [first, taker].map(|one| (one.cluster.as_str(), &one.service));
        let clash = clashes.entry(key).or_insert_with(|| Clash {
            first: (first, first_port),
            second: (taker, second_port),
            port,
            hosts: BTreeSet::new(),
        });
        clash.hosts.insert(&taker.host);
    }
}

impl Clash<'_> {
    fn told(&self, cluster: &str) -> Diagnostic {
        let Self {
            first: (first, first_port),
            second: (second, second_port),
            port,
            hosts,
        } = self;
        let named = |one: &Taker| match one.cluster == cluster {
            true => format!("`{}`", one.service),
            false => format!("`{}` of cluster `{}`", one.service, one.cluster),
        };
        let port = match first_port.value.protocol.as_str() {
            "tcp" => port.to_string(),
            protocol => format!("{port}/{protocol}"),
        };
        let twice = (&first.cluster, &first.service) == (&second.cluster, &second.service);
        let (both, help) = match twice {
            true => (
                format!("`{}` takes port {port} twice", second.service),
                "remove one of them",
            ),
            false => (
                format!(
                    "{} and {} both take port {port} of {}",
                    named(first),
                    named(second),
                    nearest::list(hosts.iter().map(|host| host.as_str()))
                ),
                "choose another port or address for one of them, or place it on another host",
            ),
        };
        Diagnostic::error(both, second_port.spot.label(named(second)))
            .with_related(first_port.spot.label(named(first)))
            .with_help(help)
    }
}

/// Every service that takes ports, once a host.
struct Takers(Vec<Taker>);

impl Takers {
    fn of(description: &LoadedCluster, cluster: &ClusterFile, placements: &Placements) -> Self {
        let mut takers = Vec::new();
        let proxied = proxied(description);
        for (name, hosts) in placements {
            let Some(service) = description.services.get(name).and_then(Option::as_ref) else {
                continue;
            };
            // The same host twice in one line was reported already.
            let hosts: BTreeSet<&HostName> = hosts.iter().collect();
            for host in hosts {
                let Some(described) = cluster.host(host) else {
                    continue;
                };
                takers.push(Taker {
                    cluster: description.name.to_string(),
                    service: name.clone(),
                    host: host.clone(),
                    way: described.way(),
                    ports: {
                        let own = ports_of(service, described.host.listen);
                        let taken = |swap: &At<u16>| {
                            own.iter()
                                .all(|own| own.value != HostPorts::tcp(swap.value))
                        };
                        let proxied = proxied.get(name.as_str()).into_iter().flatten();
                        let proxied = proxied.filter(|port| taken(port)).cloned().map(tcp);
                        let proxied: Vec<At<HostPorts>> = proxied.collect();
                        own.into_iter().chain(proxied).collect()
                    },
                });
            }
        }
        Self(takers)
    }

    /// Those of another cluster, as far as it can be read.
    fn elsewhere(name: &str, sources: &Sources) -> Option<Self> {
        let mut ignored = Problems::default();
        sources.get(&format!("clusters/{name}/cluster.toml"))?;
        let description = load(name, sources, &mut ignored)?;
        let cluster = description.cluster.as_ref()?;
        let placements = place(&description, cluster, &mut ignored);
        Some(Self::of(&description, cluster, &placements))
    }
}

/// What each proxy answers on for services with slots; several of them may have one port.
fn proxied(description: &LoadedCluster) -> BTreeMap<&str, Vec<At<u16>>> {
    let services = description.services.values().flatten();
    let mut proxied: BTreeMap<&str, Vec<At<u16>>> = BTreeMap::new();
    for swap in services.filter_map(|service| service.swap.as_ref()) {
        let ports = proxied.entry(swap.proxy.value.as_str()).or_default();
        if ports.iter().all(|port| port.value != swap.port.value) {
            ports.push(swap.port.clone());
        }
    }
    proxied
}

fn tcp(port: At<u16>) -> At<HostPorts> {
    At {
        value: HostPorts::tcp(port.value),
        spot: port.spot,
    }
}

/// The ports that a service takes of a host that publishes on this address what names none.
fn ports_of(service: &ServiceFile, listen: Option<IpAddr>) -> Vec<At<HostPorts>> {
    if let Some(swap) = &service.swap {
        let [a, b] = swap.slots.clone();
        // Twice the same one was reported already.
        let b = (a.value != b.value).then_some(b);
        return std::iter::once(a).chain(b).map(tcp).collect();
    }
    if service.container.network.as_deref() == Some("host") {
        return service.port.iter().cloned().map(tcp).collect();
    }
    let published = service.published().into_iter();
    published
        .map(|one| At {
            value: one.value.on(listen).at,
            spot: one.spot,
        })
        .collect()
}
