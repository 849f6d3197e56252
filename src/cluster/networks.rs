//! Networks of a cluster: `[networks]` of `cluster.toml`.

use std::net::IpAddr;

use super::container_tables::{one_or_more, settings};
use super::description::{ClusterFile, DescribedNetwork};
use super::diagnostic::{Diagnostic, quoted};
use super::foreign;
use super::loaded::LoadedCluster;
use super::model::{Engine, Ipv6, MadeNetwork, NetworkOrigin};
use super::name::HostName;
use super::nearest;
use super::placement::Placements;
use super::read::{At, Item, Misfit, Problems, Spot, Table, TableKind};
use super::shape::text::Shape;
use super::subnet::{Family, POOL, Subnet};

const NETWORK: TableKind = TableKind {
    what: "a network",
    keys: &[
        "subnet", "ipv6", "gateway", "internal", "options", "existing",
    ],
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
    let existing = table.boolean("existing", problems);
    let existing = existing.filter(|existing| existing.value);
    let shape = match existing {
        Some(_) => existing_name,
        None => name,
    };
    let name = item.name().parse(problems, shape);
    if let Some(existing) = existing {
        refuse_options(&mut table, &existing.spot, problems);
        table.finish(problems);
        return Some(DescribedNetwork {
            name: name?,
            origin: NetworkOrigin::Existing,
            subnets: Vec::new(),
            options: Vec::new(),
        });
    }
    let subnets: Vec<At<Subnet>> = one_or_more(table.get("subnet"), problems)
        .into_iter()
        .filter_map(|text| text.parse(problems, subnet_shape))
        .collect();
    one_of_a_family(&subnets, |subnet| subnet.family(), "subnet", problems);
    let of_v4 = |subnet: &Subnet| subnet.family() == Family::V4;
    let subnet = subnets.iter().map(|subnet| subnet.value).find(of_v4);
    let ipv6 = read_ipv6(&mut table, &subnets, problems);
    let gateways = read_gateways(&mut table, &subnets, problems);
    let internal = table.boolean("internal", problems);
    let options = settings(&mut table, (option_name, option_value), problems);
    table.finish(problems);
    Some(DescribedNetwork {
        name: name?,
        origin: NetworkOrigin::Made(MadeNetwork {
            subnet,
            ipv6,
            gateways: gateways.iter().map(|gateway| gateway.value).collect(),
            internal: internal.is_some_and(|internal| internal.value),
            options: options
                .iter()
                .map(|(name, value)| (name.value.clone(), value.clone()))
                .collect(),
        }),
        subnets,
        options: options.into_iter().map(|(name, _)| name).collect(),
    })
}

/// Reads `ipv6`, beside the subnets that the network has.
fn read_ipv6(table: &mut Table<'_>, subnets: &[At<Subnet>], problems: &mut Problems) -> Ipv6 {
    let mut subnets = subnets.iter();
    let there = subnets.find(|subnet| subnet.value.family() == Family::V6);
    match (table.boolean("ipv6", problems), there) {
        (Some(off), Some(there)) if !off.value => {
            problems.push(
                Diagnostic::error(
                    "`ipv6 = false` and an IPv6 subnet say the opposite",
                    off.spot.label("without IPv6"),
                )
                .with_related(there.spot.label("with it"))
                .with_help("remove one of them"),
            );
            Ipv6::Off
        }
        (_, Some(subnet)) => Ipv6::In(subnet.value),
        (Some(on), None) if on.value => Ipv6::Local,
        (Some(_) | None, None) => Ipv6::Off,
    }
}

/// Reads `gateway`: addresses in these subnets.
fn read_gateways(
    table: &mut Table<'_>,
    subnets: &[At<Subnet>],
    problems: &mut Problems,
) -> Vec<At<IpAddr>> {
    let gateways = one_or_more(table.get("gateway"), problems);
    let gateways: Vec<At<IpAddr>> = gateways
        .into_iter()
        .filter_map(|text| text.parse(problems, address))
        .collect();
    one_of_a_family(
        &gateways,
        |address| Family::of(*address),
        "gateway",
        problems,
    );
    // One that cannot be read was reported already.
    let is_read = !subnets.is_empty() || table.get("subnet").is_none();
    for gateway in &gateways {
        let family = Family::of(gateway.value);
        let subnet = subnets.iter().find(|one| one.value.family() == family);
        let Some(subnet) = subnet else {
            if is_read {
                problems.push(
                    Diagnostic::error(
                        format!("expected an {family} `subnet` that has the gateway, found none"),
                        gateway.spot.label("in which subnet?"),
                    )
                    .with_help("add `subnet`, or remove `gateway`"),
                );
            }
            continue;
        };
        if !subnet.value.has_for_one(gateway.value) {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected a gateway in {}, found {}",
                        subnet.value, gateway.value
                    ),
                    gateway.spot.label("not an address in it"),
                )
                .with_related(subnet.spot.label("the subnet"))
                .with_help(format!(
                    "write `gateway = \"{}\"`, or remove it: the engine takes this one",
                    subnet.value.first()
                )),
            );
        }
    }
    gateways
}

/// Whoever made a network decided how it is.
fn refuse_options(table: &mut Table<'_>, existing: &Spot, problems: &mut Problems) {
    for key in ["subnet", "ipv6", "gateway", "internal", "options"] {
        let Some(item) = table.get(key).filter(|item| !item.borrowed) else {
            continue;
        };
        problems.push(
            Diagnostic::error(
                format!("`{key}` means nothing for a network that is there already"),
                item.spot.label("whoever made it decided"),
            )
            .with_related(existing.label("it is there"))
            .with_help("remove one of them"),
        );
    }
}

/// Reports two values of one family, where each has one.
pub(super) fn one_of_a_family<T: ToString>(
    all: &[At<T>],
    family: impl Fn(&T) -> Family,
    what: &str,
    problems: &mut Problems,
) {
    for (at, second) in all.iter().enumerate() {
        let of = family(&second.value);
        if let Some(first) = all[..at].iter().find(|first| family(&first.value) == of) {
            problems.push(
                Diagnostic::error(
                    format!("expected one {of} {what}, found two"),
                    second.spot.label("second one"),
                )
                .with_related(first.spot.label("first one"))
                .with_help("remove one of them"),
            );
        }
    }
}

/// What docker's bridges know.
const OPTIONS: [&str; 12] = [
    "com.docker.network.bridge.name",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.host_binding_ipv4",
    "com.docker.network.bridge.gateway_mode_ipv4",
    "com.docker.network.bridge.gateway_mode_ipv6",
    "com.docker.network.bridge.inhibit_ipv4",
    "com.docker.network.bridge.trusted_host_interfaces",
    "com.docker.network.container_iface_prefix",
    "com.docker.network.host_ipv4",
    "com.docker.network.host_ipv6",
    MTU,
];

/// The one that podman has, too, under another name.
pub(crate) const MTU: &str = "com.docker.network.driver.mtu";

/// An option of the driver. docker takes any name, and does nothing about one that it does not know.
fn option_name(text: &str) -> Shape<String> {
    const EXPECTED: &str = "an option of docker's bridges such as `com.docker.network.bridge.name`";
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    if OPTIONS.contains(&text) {
        return Ok(text.to_owned());
    }
    let near = match text.contains('.') {
        true => nearest::nearest(text, OPTIONS),
        false => {
            let mut all = OPTIONS.into_iter();
            all.find(|name| last(name) == text.to_ascii_lowercase().replace('-', "_"))
        }
    };
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
    let known = text.starts_with("com.docker.network.") && text.bytes().all(inner);
    match (near, known) {
        (None, true) => Ok(text.to_owned()),
        (near, _) => Err(Misfit {
            expected: EXPECTED.to_owned(),
            help: near.map(|near| format!("write `\"{near}\"`")),
        }),
    }
}

/// The value of such an option. It stands on a label and in a command line of a shell.
fn option_value(text: &str) -> Shape<String> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"_.:/+@-".contains(&b);
    match !text.is_empty() && text.bytes().all(inner) {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new("a value of letters, digits and `_.:/+@-`")),
    }
}

/// An address of either family.
pub(super) fn address(text: &str) -> Shape<IpAddr> {
    let misfit = || Misfit {
        expected: "an IP address such as `172.22.1.254`".to_owned(),
        help: text.split_once('/').and_then(|(address, _)| {
            let address: IpAddr = address.parse().ok()?;
            Some(format!("write `\"{address}\"`, without the prefix"))
        }),
    };
    text.parse().map_err(|_| misfit())
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

fn subnet_shape(text: &str) -> Shape<Subnet> {
    const EXPECTED: &str = "a subnet such as `172.22.1.0/24` or `fd4d:1:2:3::/64`";
    let misfit = || Misfit::new(EXPECTED);
    let (address, prefix) = text.split_once('/').ok_or_else(misfit)?;
    let address: IpAddr = address.parse().map_err(|_| misfit())?;
    let prefix: u8 = prefix.parse().map_err(|_| misfit())?;
    let (fits, prefixes) = match Family::of(address) {
        Family::V4 => ((8..=30).contains(&prefix), "from `/8` to `/30`"),
        Family::V6 => ((8..=125).contains(&prefix), "from `/8` to `/125`"),
    };
    if !fits {
        return Err(Misfit::new(format!("a subnet with a prefix {prefixes}")));
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

/// Reports subnets that overlap, and options that an engine has not.
pub(super) fn check_networks(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    placements: &Placements,
    problems: &mut Problems,
) {
    let networks = &cluster.networks;
    for (at, second) in networks.iter().enumerate() {
        let clash = networks[..at].iter().find_map(|first| {
            second.subnets.iter().find_map(|own| {
                let mut theirs = first.subnets.iter();
                let other = theirs.find(|other| other.value.overlaps(own.value))?;
                Some((first, other, own))
            })
        });
        if let Some((first, first_subnet, subnet)) = clash {
            problems.push(
                Diagnostic::error(
                    format!(
                        "the subnets of {} and {} overlap",
                        quoted(&first.name.value),
                        quoted(&second.name.value)
                    ),
                    subnet.spot.label("second subnet"),
                )
                .with_related(first_subnet.spot.label("first subnet"))
                .with_help("choose another one, or leave one of them out"),
            );
        }
        let docker_only = second.options.iter().find(|option| option.value != MTU);
        if let Some(option) = docker_only
            && let Some(host) = podman_host(description, cluster, placements, &second.name.value)
        {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected an option that podman has, too, found {}: {} is made on `{}`",
                        quoted(&option.value),
                        quoted(&second.name.value),
                        host.value
                    ),
                    option.spot.label("docker's alone"),
                )
                .with_related(host.spot.label("a host with podman"))
                .with_help(format!(
                    "podman has `{MTU}`; remove the others, or place the services of this network on hosts with docker"
                )),
            );
        }
    }
}

/// A host with podman on which somebody is in this network.
fn podman_host<'a>(
    description: &LoadedCluster,
    cluster: &'a ClusterFile,
    placements: &Placements,
    network: &str,
) -> Option<&'a At<HostName>> {
    let users = description.services.values().flatten();
    let users = users.filter(|user| user.networks.iter().any(|own| own.name.value == network));
    let mut hosts = users
        .filter_map(|user| placements.get(&user.name))
        .flatten();
    hosts.find_map(|host| {
        let host = cluster.host(host)?;
        (host.host.client.engine == Engine::Podman).then_some(&host.name)
    })
}
