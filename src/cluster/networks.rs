//! Networks of a cluster: `[networks]` of `cluster.toml`, and `networks` and `aliases` of a service.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::description::{DescribedNetwork, ServiceFile};
use super::diagnostic::{Diagnostic, quoted};
use super::foreign;
use super::loaded::LoadedCluster;
use super::model::{Network, NetworkOrigin};
use super::name::ClusterName;
use super::nearest;
use super::read::{At, Item, Misfit, Problems, Spot, Table, TableKind};
use super::shape::text::Shape;
use super::subnet::{POOL, Subnet};

const NETWORK: TableKind = TableKind {
    what: "a network",
    keys: &["subnet", "internal", "existing"],
    foreign: foreign::NETWORK,
};

/// Reads `[networks]`.
pub(super) fn read_networks(
    root: &mut Table<'_>,
    problems: &mut Problems,
) -> Vec<DescribedNetwork> {
    let items = root.names("networks", problems);
    items
        .iter()
        .filter_map(|item| read_network(item, problems))
        .collect()
}

fn read_network(item: &Item<'_>, problems: &mut Problems) -> Option<DescribedNetwork> {
    let mut table = item.table(&NETWORK, problems)?;
    let subnet = table.string("subnet", problems);
    let subnet = subnet.and_then(|text| text.parse(problems, subnet_shape));
    let internal = table.boolean("internal", problems);
    let existing = table.boolean("existing", problems);
    table.finish(problems);
    let shape = match existing.as_ref().is_some_and(|existing| existing.value) {
        true => existing_name,
        false => name,
    };
    let name = item.name().parse(problems, shape);
    if let Some(existing) = existing.as_ref().filter(|existing| existing.value) {
        let others = [
            ("subnet", subnet.as_ref().map(|subnet| &subnet.spot)),
            ("internal", internal.as_ref().map(|internal| &internal.spot)),
        ];
        for (key, spot) in others {
            let Some(spot) = spot else { continue };
            problems.push(
                Diagnostic::error(
                    format!("`{key}` means nothing for a network that is there already"),
                    spot.label("whoever made it decided"),
                )
                .with_related(existing.spot.label("it is there"))
                .with_help("remove one of them"),
            );
        }
    }
    Some(DescribedNetwork {
        name: name?,
        origin: match existing.is_some_and(|existing| existing.value) {
            true => NetworkOrigin::Existing,
            false => NetworkOrigin::Made {
                subnet: subnet.as_ref().map(|subnet| subnet.value),
                internal: internal.is_some_and(|internal| internal.value),
            },
        },
        subnet: subnet.map(|subnet| subnet.spot),
    })
}

/// The name of a network that bayplan makes, as `CLUSTER-NAME`.
pub(super) fn name(text: &str) -> Shape<String> {
    const EXPECTED: &str =
        "a network's name of lower-case letters, digits, `_`, `.` and `-`, at most 63 characters";
    // These are words of `network`, and `CLUSTER-host` would be no network of the host.
    if matches!(text, "host" | "none" | "bridge") {
        return Err(Misfit::help(
            "a network that is not the engine's own",
            format!("for `{text}` a service has `network = {text:?}`; choose another name here"),
        ));
    }
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
    let valid = (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with(['_', '.', '-']);
    match valid {
        true => Ok(text.to_owned()),
        false => {
            let lower = text.to_ascii_lowercase();
            let help = (lower != text && name(&lower).is_ok()).then(|| format!("write `{lower}`"));
            Err(Misfit {
                expected: EXPECTED.to_owned(),
                help,
            })
        }
    }
}

/// The name of a network that somebody else made. Engines refuse one of a single letter, and have some of their own.
fn existing_name(text: &str) -> Shape<String> {
    match text {
        "default" | "podman" => Err(Misfit::help(
            "a network that is not the engine's own",
            format!("for `{text}` a service has `network = {text:?}`; choose another name here"),
        )),
        text if text.len() == 1 => Err(Misfit::new(
            "the name of a network that is there, of two characters at least",
        )),
        text => name(text),
    }
}

/// Another name under which a container is found in its networks.
pub(super) fn alias(text: &str) -> Shape<String> {
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

fn subnet_shape(text: &str) -> Shape<Subnet> {
    const EXPECTED: &str = "an IPv4 subnet such as `172.22.1.0/24`";
    let misfit = || Misfit::new(EXPECTED);
    let (address, prefix) = text.split_once('/').ok_or_else(misfit)?;
    let address: Ipv4Addr = address.parse().map_err(|_| misfit())?;
    let prefix: u8 = prefix.parse().map_err(|_| misfit())?;
    if !(8..=30).contains(&prefix) {
        return Err(Misfit::new("a subnet with a prefix from `/8` to `/30`"));
    }
    let subnet = Subnet::of(address, prefix);
    if subnet.to_string() != text {
        return Err(Misfit::help(
            EXPECTED,
            format!("write `subnet = \"{subnet}\"`"),
        ));
    }
    if subnet.overlaps(POOL) {
        return Err(Misfit::help(
            "a subnet outside of 198.18.0.0/15, from which networks without one get theirs",
            "remove the line, or choose one such as `172.22.1.0/24`",
        ));
    }
    Ok(subnet)
}

/// Reports subnets that overlap.
pub(super) fn check_networks(networks: &[DescribedNetwork], problems: &mut Problems) {
    let subnet = |network: &'_ DescribedNetwork| match network.origin {
        NetworkOrigin::Made { subnet, .. } => subnet,
        NetworkOrigin::Existing => None,
    };
    for (at, second) in networks.iter().enumerate() {
        let clash = networks[..at].iter().find(|first| {
            let both = subnet(first).zip(subnet(second));
            both.is_some_and(|(first, second)| first.overlaps(second))
        });
        if let (Some(first), Some(spot)) = (clash, &second.subnet) {
            problems.push(
                Diagnostic::error(
                    format!(
                        "the subnets of {} and {} overlap",
                        quoted(&first.name.value),
                        quoted(&second.name.value)
                    ),
                    spot.label("second subnet"),
                )
                .with_related(
                    first
                        .subnet
                        .as_ref()
                        .unwrap_or(&first.name.spot)
                        .label("first subnet"),
                )
                .with_help("choose another one, or leave one of them out"),
            );
        }
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
    for written in &service.networks {
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
            Some(network) => networks.push(on_host(&description.name, network)),
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
    networks
}

/// A network as engines know it.
fn on_host(cluster: &ClusterName, network: &DescribedNetwork) -> Network {
    let name = network.name.value.as_str();
    Network {
        name: match network.origin {
            NetworkOrigin::Existing => name.to_owned(),
            NetworkOrigin::Made { .. } => format!("{cluster}-{name}"),
        },
        origin: network.origin,
    }
}

/// Reports ports that would be published where nobody outside can reach them: the engines say nothing.
fn check_publish(service: &ServiceFile, described: &[DescribedNetwork], problems: &mut Problems) {
    let of = |name: &At<String>| described.iter().find(|one| one.name.value == name.value);
    let internal = |name: &At<String>| {
        let origin = of(name).map(|network| network.origin);
        matches!(origin, Some(NetworkOrigin::Made { internal: true, .. }))
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
            .with_related(first.spot.label("internal"))
            .with_help("write `publish = []`, or add a network that is not internal"),
        );
    }
}
