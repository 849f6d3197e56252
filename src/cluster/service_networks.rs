//! The networks that a service is in: `networks` and `aliases` of its file.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use toml::de::DeValue;

use super::container_tables::one_or_more;
use super::description::{ClusterFile, DescribedNetwork, ServiceFile, WrittenNetwork};
use super::diagnostic::{Diagnostic, quoted};
use super::extra_args::FirstNetwork;
use super::foreign;
use super::loaded::LoadedCluster;
use super::model::{Ipv6, MadeNetwork, Network, NetworkOrigin};
use super::name::{ClusterName, HostName};
use super::nearest;
use super::networks::{address, one_of_a_family};
use super::placement::Placements;
use super::read::{At, Item, Misfit, Problems, Spot, Table, TableKind, parse_all};
use super::shape::text::Shape;
use super::subnet::{Family, Subnet};

const IN_NETWORK: TableKind = TableKind {
    what: "a network of a service",
    keys: &["name", "address"],
    foreign: foreign::IN_NETWORK,
};

/// Reads `networks`: names that are looked up later, and addresses there.
pub(super) fn read_networks(root: &mut Table<'_>, problems: &mut Problems) -> Vec<WrittenNetwork> {
    let Some(item) = root.get("networks") else {
        return Vec::new();
    };
    let items = item.items("a list of networks", problems);
    let networks: Vec<WrittenNetwork> = items
        .iter()
        .filter_map(|item| read_network(item, problems))
        .collect();
    if let (Some(first), Some(network)) = (networks.first(), root.get("network")) {
        problems.push(
            Diagnostic::error(
                "expected one of `network` and `networks`, found both",
                network.key_spot.label("not a network of the cluster"),
            )
            .with_related(first.name.spot.label("one of the cluster"))
            .with_help(
                "remove `network`; a network that is there already is `NAME = { existing = true }` below `[networks]` in `cluster.toml`",
            ),
        );
    }
    networks
}

fn read_network(item: &Item<'_>, problems: &mut Problems) -> Option<WrittenNetwork> {
    if let DeValue::String(name) = item.value {
        return Some(WrittenNetwork {
            name: item.at(name.to_string()),
            addresses: Vec::new(),
        });
    }
    if !matches!(item.value, DeValue::Table(_)) {
        item.mistyped("names, or tables with an `address`", problems);
        return None;
    }
    let mut table = item.table(&IN_NETWORK, problems)?;
    let name = table.string("name", problems);
    if name.is_none() && table.get("name").is_none() {
        problems.push(
            Diagnostic::error(
                "expected `name` of a network, found none",
                item.spot.label(""),
            )
            .with_help("write `{ name = \"backend\", address = \"172.22.1.254\" }`"),
        );
    }
    let addresses: Vec<At<IpAddr>> = one_or_more(table.get("address"), problems)
        .into_iter()
        .filter_map(|text| text.parse(problems, address))
        .collect();
    one_of_a_family(
        &addresses,
        |address| Family::of(*address),
        "address",
        problems,
    );
    table.finish(problems);
    Some(WrittenNetwork {
        name: name?,
        addresses,
    })
}

/// The first of a list of networks, whatever is wrong with the others.
pub(super) fn first_network<'a>(networks: &Item<'a>) -> Option<FirstNetwork<'a>> {
    let items = networks.value.as_array()?;
    let first = items.first()?.get_ref();
    let name = match first.as_table() {
        Some(table) => table.get("name")?.get_ref(),
        None => first,
    };
    Some(FirstNetwork {
        name: name.as_str()?,
        alone: items.len() == 1,
        has_address: first
            .as_table()
            .is_some_and(|table| table.contains_key("address")),
    })
}

/// Reads `aliases`.
pub(super) fn read_aliases(
    root: &mut Table<'_>,
    networks: &[WrittenNetwork],
    problems: &mut Problems,
) -> Vec<String> {
    let Some(item) = root.get("aliases") else {
        return Vec::new();
    };
    let aliases = item.strings(problems);
    let unread = root.get("networks").is_some();
    if let Some(first) = aliases.first().filter(|_| networks.is_empty() && !unread) {
        problems.push(
            Diagnostic::error(
                "expected `networks` beside `aliases`, found none: names are known in networks",
                first.spot.label("known where?"),
            )
            .with_help("write `networks = [\"backend\"]`"),
        );
    }
    parse_all(aliases, alias, problems)
}

/// Another name under which a container is found in its networks.
fn alias(text: &str) -> Shape<String> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let valid = (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    match valid {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new(
            "a name that others look up, such as `mysql`, of letters, digits, `_`, `.` and `-`",
        )),
    }
}

/// The networks of a service, in its order.
pub(super) fn resolve_networks(
    description: &LoadedCluster,
    described: &[DescribedNetwork],
    service: &ServiceFile,
    problems: &mut Problems,
) -> Vec<Network> {
    let mut networks: Vec<Network> = Vec::new();
    let mut seen: BTreeMap<&str, &Spot> = BTreeMap::new();
    for WrittenNetwork {
        name: written,
        addresses,
    } in &service.networks
    {
        let text = written.value.as_str();
        if let Some(first) = seen.insert(text, &written.spot) {
            problems.push(
                Diagnostic::error(
                    format!("{} is named twice in `networks`", quoted(text)),
                    written.spot.label("second time"),
                )
                .with_related(first.label("first time"))
                .with_help("remove one of them"),
            );
            continue;
        }
        match described.iter().find(|network| network.name.value == text) {
            Some(network) => {
                check_addresses(network, addresses, problems);
                networks.push(on_host(&description.name, network, addresses));
            }
            None => {
                let known = described.iter().map(|network| network.name.value.as_str());
                let near = nearest::nearest(text, known);
                let help = near.map_or_else(
                    || {
                        format!(
                            "write `{text} = {{}}` below `[networks]` in `{}`; one that is there already is `{text} = {{ existing = true }}`",
                            description.cluster_path
                        )
                    },
                    |near| format!("did you mean `{near}`?"),
                );
                problems.push(
                    Diagnostic::error(
                        format!("expected a network of this cluster, found {}", quoted(text)),
                        written.spot.label("there is no such network"),
                    )
                    .with_help(help),
                );
            }
        }
    }
    check_publish(service, described, problems);
    warn_foreign(&description.name, described, service, problems);
    networks
}

/// Warns of a `network` that has the name of one of the cluster, which the engine knows by another name.
fn warn_foreign(
    cluster: &ClusterName,
    described: &[DescribedNetwork],
    service: &ServiceFile,
    problems: &mut Problems,
) {
    let (Some(text), Some(spot)) = (&service.container.network, service.keys.get("network")) else {
        return;
    };
    let mut made = described.iter();
    let made = made
        .find(|network| network.name.value == *text && network.origin != NetworkOrigin::Existing);
    if let Some(made) = made {
        problems.push(
            Diagnostic::warning(
                format!("`network = \"{text}\"` is a network of somebody else: that of the cluster is called `{cluster}-{text}` on the host"),
                spot.label("not a network of the cluster"),
            )
            .with_related(made.name.spot.label("the cluster's own"))
            .with_help(format!("write `networks = [\"{text}\"]`")),
        );
    }
}

/// A network as engines know it.
fn on_host(cluster: &ClusterName, network: &DescribedNetwork, addresses: &[At<IpAddr>]) -> Network {
    let name = network.name.value.as_str();
    Network {
        name: match network.origin {
            NetworkOrigin::Existing => name.to_owned(),
            NetworkOrigin::Made(_) => format!("{cluster}-{name}"),
        },
        origin: network.origin.clone(),
        addresses: addresses.iter().map(|address| address.value).collect(),
    }
}

/// Reports addresses that a container cannot have in a network: the engine would say so, once the container has stopped.
fn check_addresses(network: &DescribedNetwork, addresses: &[At<IpAddr>], problems: &mut Problems) {
    // Whoever made it knows its subnets.
    let NetworkOrigin::Made(made) = &network.origin else {
        return;
    };
    let name = network.name.value.as_str();
    for address in addresses {
        let family = Family::of(address.value);
        let Some(subnet) = subnet_of(made, family) else {
            let example = match family {
                Family::V4 => "172.22.1.0/24".to_owned(),
                Family::V6 => Subnet::local(name).to_string(),
            };
            problems.push(
                Diagnostic::error(
                    format!("expected an {family} `subnet` of {}, in which a container has an address of its own, found none", quoted(name)),
                    address.spot.label("in which subnet?"),
                )
                .with_related(network.name.spot.label("the network"))
                .with_help(format!("write `subnet = \"{example}\"` there, or remove the address")),
            );
            continue;
        };
        let gateway = gateway_of(made, subnet);
        let wrong = if !subnet.has_for_one(address.value) {
            "not an address in it"
        } else if address.value == gateway {
            "its gateway has this one"
        } else {
            continue;
        };
        let place = network.subnets.iter().find(|one| one.value == subnet);
        let place = place.map_or(&network.name.spot, |place| &place.spot);
        problems.push(
            Diagnostic::error(
                format!(
                    "expected an address in {subnet}, found {}",
                    quoted(&address.value.to_string())
                ),
                address.spot.label(wrong),
            )
            .with_related(place.label("the subnet"))
            .with_help("choose one near its end: the engine hands out the first ones itself"),
        );
    }
}

fn subnet_of(made: &MadeNetwork, family: Family) -> Option<Subnet> {
    match (family, made.ipv6) {
        (Family::V4, _) => made.subnet,
        (Family::V6, Ipv6::In(subnet)) => Some(subnet),
        (Family::V6, Ipv6::Local | Ipv6::Off) => None,
    }
}

fn gateway_of(made: &MadeNetwork, subnet: Subnet) -> IpAddr {
    let mut gateways = made.gateways.iter();
    let written = gateways.find(|gateway| subnet.holds(**gateway));
    written.copied().unwrap_or_else(|| subnet.first())
}

/// Reports two services that would have one address of a network on one host.
pub(super) fn check_address_clashes(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    placements: &Placements,
    problems: &mut Problems,
) {
    let mut taken: BTreeMap<(&HostName, &str, IpAddr), (&ServiceFile, &At<IpAddr>)> =
        BTreeMap::new();
    let mut told = BTreeSet::new();
    for service in description.services.values().flatten() {
        let hosts = placements.get(&service.name).into_iter().flatten();
        let hosts: BTreeSet<&HostName> =
            hosts.filter(|host| cluster.host(host).is_some()).collect();
        for host in hosts {
            for network in &service.networks {
                let name = network.name.value.as_str();
                for address in &network.addresses {
                    let key = (host, name, address.value);
                    let Some((other, first)) = taken.get(&key) else {
                        taken.insert(key, (service, address));
                        continue;
                    };
                    // Twice in one list was reported already.
                    if other.name == service.name
                        || !told.insert((&other.name, &service.name, name, address.value))
                    {
                        continue;
                    }
                    let inherited = first.spot == address.spot;
                    let help = match inherited {
                        true => "both have it from one text: write `networks` in the file of each",
                        false => {
                            "choose another address for one of them, or place it on another host"
                        }
                    };
                    problems.push(
                        Diagnostic::error(
                            format!(
                                "`{}` and `{}` both have the address {} in {} on `{host}`",
                                other.name,
                                service.name,
                                address.value,
                                quoted(name)
                            ),
                            address.spot.label(format!("`{}`", service.name)),
                        )
                        .with_related(first.spot.label(format!("`{}`", other.name)))
                        .with_help(help),
                    );
                }
            }
        }
    }
}

/// Reports ports that would be published where nobody outside can reach them: the engines say nothing.
fn check_publish(service: &ServiceFile, described: &[DescribedNetwork], problems: &mut Problems) {
    let of = |name: &At<String>| described.iter().find(|one| one.name.value == name.value);
    let internal = |network: &WrittenNetwork| {
        let origin = of(&network.name).map(|network| &network.origin);
        matches!(origin, Some(NetworkOrigin::Made(made)) if made.internal)
    };
    let Some(first) = service.networks.first() else {
        return;
    };
    if !service.networks.iter().all(internal) {
        return;
    }
    let published = match &service.publish {
        Some(publish) => publish.first().map(|one| &one.spot),
        None => service.port.as_ref().map(|port| &port.spot),
    };
    if let Some(spot) = published {
        problems.push(
            Diagnostic::error(
                "expected `publish = []` of a service whose networks are all `internal`: nobody outside would reach what is published",
                spot.label("has no effect"),
            )
            .with_related(first.name.spot.label("internal"))
            .with_help("write `publish = []`, or add a network that is not internal"),
        );
    }
}
