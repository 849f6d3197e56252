//! What a unit does about the networks of its container: it makes sure that they are there, and connects it to them.
//!
//! Nobody else makes them, so a host that boots needs nobody. Units start side by side, and engines make several
//! networks of one name without a word: a lock keeps them apart.

use std::net::IpAddr;

use super::identity::UnitName;
use super::unit::{quote_lines, quote_word};
use crate::cluster::digest::Digest;
use crate::cluster::model::{Engine, Ipv6, MadeNetwork, Network, NetworkOrigin, Service};
use crate::cluster::name::ClusterName;
use crate::cluster::networks::MTU;
use crate::cluster::subnet::{Family, POOL, Subnet};

/// How many networks of 254 addresses the pool has room for.
const POOL_SIZE: u32 = 512;

/// The options that tell a network from another one, as they stand on its label; empty if there are none.
#[must_use]
pub(crate) fn options(network: &Network) -> String {
    let NetworkOrigin::Made(made) = &network.origin else {
        return String::new();
    };
    let MadeNetwork {
        subnet,
        ipv6,
        gateways,
        internal,
        options,
    } = made;
    let ipv6 = match ipv6 {
        Ipv6::Off => None,
        Ipv6::Local => Some("ipv6".to_owned()),
        Ipv6::In(subnet) => Some(format!("subnet={subnet}")),
    };
    let subnets = subnet.map(|subnet| format!("subnet={subnet}"));
    let subnets = subnets.into_iter().chain(ipv6);
    let gateways = gateways.iter().map(|gateway| format!("gateway={gateway}"));
    let internal = internal.then(|| "internal".to_owned());
    let options = options
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let all: Vec<String> = subnets
        .chain(gateways)
        .chain(internal)
        .chain(options)
        .collect();
    all.join(",")
}

/// What `network create` is told of a network whose IPv4 subnet is this one.
fn flags(network: &Network, made: &MadeNetwork, engine: Engine, subnet: &str) -> String {
    let mut flags = String::new();
    if made.internal {
        flags += " --internal";
    }
    for (name, value) in &made.options {
        let name = match (engine, name.as_str()) {
            (Engine::Podman, MTU) => "mtu",
            (Engine::Podman | Engine::Docker, name) => name,
        };
        flags += &format!(" --opt {name}={value}");
    }
    let gateway = |family| {
        let mut gateways = made.gateways.iter();
        gateways.find(|gateway| Family::of(**gateway) == family)
    };
    let ipv6 = match made.ipv6 {
        Ipv6::Off => None,
        Ipv6::Local => Some(Subnet::local(&network.name)),
        Ipv6::In(subnet) => Some(subnet),
    };
    let mut subnets = vec![(subnet.to_owned(), gateway(Family::V4))];
    if let Some(subnet) = ipv6 {
        flags += " --ipv6";
        subnets.push((subnet.to_string(), gateway(Family::V6)));
    }
    // podman takes the first gateway for that of the first subnet.
    subnets.sort_by_key(|(_, gateway)| gateway.is_none());
    for (subnet, gateway) in subnets {
        flags += &format!(" --subnet {subnet}");
        if let Some(gateway) = gateway {
            flags += &format!(" --gateway {gateway}");
        }
    }
    flags
}

/// The command lines for `ExecStartPre=` that make sure of the networks which bayplan makes.
pub(super) fn prepare(
    cluster: &ClusterName,
    service: &Service,
    engine: Engine,
    client: &str,
) -> Vec<String> {
    let made = service.networks.iter().filter(|network| network.is_made());
    made.map(|network| {
        format!(
            "/bin/sh -c {}",
            quote_lines(&make(cluster, network, engine, client))
        )
    })
    .collect()
}

/// Whether the container is made, connected to further networks, and only then started: docker before 25 takes no
/// second `--network`.
pub(super) fn connects(service: &Service, engine: Engine) -> bool {
    engine == Engine::Docker && service.networks.len() > 1
}

/// The command lines that connect a container that was made to all but its first network.
pub(super) fn connect(
    service: &Service,
    unit: &UnitName,
    engine: Engine,
    program: &str,
) -> Vec<String> {
    if !connects(service, engine) {
        return Vec::new();
    }
    let others = service.networks.iter().skip(1);
    others
        .map(|network| {
            let aliases: Vec<String> = service
                .names_in_networks()
                .map(|alias| format!("--alias {}", quote_word(alias)))
                .collect();
            let addresses: String = network
                .addresses
                .iter()
                .map(|address| format!("{} {address} ", address_flag(*address)))
                .collect();
            format!(
                "{program} network connect {addresses}{} {} {}",
                aliases.join(" "),
                quote_word(&network.name),
                quote_word(&unit.container())
            )
        })
        .collect()
}

/// The options of `run`, or of `create`.
pub(super) fn arguments(service: &Service, engine: Engine) -> Vec<(&'static str, String)> {
    let mut arguments = Vec::new();
    let aliases = || service.names_in_networks();
    match (service.networks.as_slice(), engine) {
        ([], _) => {}
        // podman takes each with its own aliases.
        ([_, _, ..], Engine::Podman) => {
            let aliases: Vec<String> = aliases().map(|alias| format!("alias={alias}")).collect();
            arguments.extend(service.networks.iter().map(|network| {
                let addresses = network.addresses.iter();
                let addresses = addresses.map(|address| {
                    let flag = address_flag(*address).trim_start_matches('-');
                    format!("{flag}={address}")
                });
                let options: Vec<String> = aliases.iter().cloned().chain(addresses).collect();
                let network = &network.name;
                ("--network", format!("{network}:{}", options.join(",")))
            }));
        }
        ([first, ..], _) => {
            arguments.push(("--network", first.name.clone()));
            arguments.extend(aliases().map(|alias| ("--network-alias", alias.to_owned())));
            let addresses = first.addresses.iter();
            arguments
                .extend(addresses.map(|address| (address_flag(*address), address.to_string())));
        }
    }
    // A network with other options is another network.
    for network in &service.networks {
        let options = options(network);
        if !options.is_empty() {
            arguments.push((
                "--label",
                format!("bayplan.network.{}={options}", network.name),
            ));
        }
    }
    arguments
}

/// The flag of `run`, `create` and `network connect` for an address.
fn address_flag(address: IpAddr) -> &'static str {
    match Family::of(address) {
        Family::V4 => "--ip",
        Family::V6 => "--ip6",
    }
}

/// Lines of a shell that make a network, unless it is there.
fn make(cluster: &ClusterName, network: &Network, engine: Engine, client: &str) -> Vec<String> {
    let name = &network.name;
    let NetworkOrigin::Made(made) = &network.origin else {
        return Vec::new();
    };
    let options = options(network);
    let create = |subnet: &str| {
        let flags = flags(network, made, engine, subnet);
        format!(
            "{client} network create --label bayplan.cluster={cluster} --label bayplan.network={options}{flags} {name}"
        )
    };
    let mut lines = vec![
        "mkdir -p /run/bayplan && exec 9>/run/bayplan/networks && flock 9 || exit;".to_owned(),
    ];
    match engine {
        Engine::Podman => lines.push(format!("{client} network inspect {name} >/dev/null 2>&1 && exit;")),
        // Of docker's several can have one name.
        Engine::Docker => lines.extend([
            // It reads a pattern, in which a dot is any letter.
            format!(
                "ids=$({client} network ls --quiet --filter \"name=^{}$\") || exit;",
                name.replace('.', "[.]")
            ),
            "set -- $ids;".to_owned(),
            format!(
                "[ $# -lt 2 ] || {{ echo \"bayplan: expected one network {name}, found several: $*\" >&2; exit 1; }};"
            ),
            "[ $# -eq 0 ] || exit 0;".to_owned(),
        ]),
    }
    match made.subnet {
        Some(subnet) => lines.push(format!("exec {}", create(&subnet.to_string()))),
        None => {
            let first = u32::from_str_radix(&Digest::of(name).as_str()[..4], 16)
                .unwrap_or_default()
                % POOL_SIZE;
            lines.extend([
                format!("at={first} tried=0;"),
                format!("while [ $tried -lt {POOL_SIZE} ]; do"),
                "subnet=198.$((18 + at / 256)).$((at % 256)).0/24;".to_owned(),
                // Also a network of the other engine, or of nobody's.
                "if [ -z \"$(ip -o -4 route show to root $subnet 2>/dev/null)\" ]; then".to_owned(),
                format!("said=$({} 2>&1) && exit;", create("$subnet")),
                "case $said in *overlap*|*already*|*conflict*) ;; *) echo \"$said\" >&2; exit 1;; esac; fi;".to_owned(),
                format!("at=$(((at + 1) % {POOL_SIZE})) tried=$((tried + 1)); done;"),
                format!("echo \"bayplan: no free subnet for {name} in {POOL}\" >&2; exit 1"),
            ]);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_dot_of_a_name_is_no_pattern() {
        let cluster = ClusterName::new("demo").unwrap();
        let lines = |name: &str| {
            let network = Network {
                name: name.to_owned(),
                origin: NetworkOrigin::Made(MadeNetwork::default()),
                addresses: BTreeSet::new(),
            };
            make(&cluster, &network, Engine::Docker, "docker").join("\n")
        };
        let dotted = lines("demo-a.b");
        assert!(dotted.contains("\"name=^demo-a[.]b$\""), "{dotted}");
        assert!(dotted.contains("--subnet $subnet demo-a.b"), "{dotted}");
        let plain = lines("demo-ab");
        assert!(plain.contains("\"name=^demo-ab$\""), "{plain}");
    }
}
