//! What a unit does about the networks of its container: it makes sure that they are there, and connects it to them.
//!
//! Nobody else makes them, so a host that boots needs nobody. Units start side by side, and engines make several
//! networks of one name without a word: a lock keeps them apart.

use super::identity::UnitName;
use super::unit::{quote_lines, quote_word};
use crate::cluster::digest::Digest;
use crate::cluster::model::{Engine, Network, NetworkOrigin, Service};
use crate::cluster::name::ClusterName;
use crate::cluster::subnet::POOL;

/// How many networks of 254 addresses the pool has room for.
const POOL_SIZE: u32 = 512;

/// The options that tell a network from another one, as they stand on its label; empty if there are none.
#[must_use]
pub(crate) fn options(network: &Network) -> String {
    let NetworkOrigin::Made { subnet, internal } = network.origin else {
        return String::new();
    };
    let subnet = subnet.map(|subnet| format!("subnet={subnet}"));
    let internal = internal.then(|| "internal".to_owned());
    let options: Vec<String> = subnet.into_iter().chain(internal).collect();
    options.join(",")
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
            format!(
                "{program} network connect {} {} {}",
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
            let aliases = aliases.join(",");
            let networks = service.networks.iter();
            arguments.extend(
                networks.map(|network| ("--network", format!("{}:{aliases}", network.name))),
            );
        }
        ([first, ..], _) => {
            arguments.push(("--network", first.name.clone()));
            arguments.extend(aliases().map(|alias| ("--network-alias", alias.to_owned())));
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

/// Lines of a shell that make a network, unless it is there.
fn make(cluster: &ClusterName, network: &Network, engine: Engine, client: &str) -> Vec<String> {
    let name = &network.name;
    let NetworkOrigin::Made { subnet, internal } = network.origin else {
        return Vec::new();
    };
    let options = options(network);
    let internal = if internal { " --internal" } else { "" };
    let create = |subnet: &str| {
        format!(
            "{client} network create --label bayplan.cluster={cluster} --label bayplan.network={options}{internal} --subnet {subnet} {name}"
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
    match subnet {
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
    use super::*;

    #[test]
    fn a_dot_of_a_name_is_no_pattern() {
        let cluster = ClusterName::new("demo").unwrap();
        let lines = |name: &str| {
            let network = Network {
                name: name.to_owned(),
                origin: NetworkOrigin::Made {
                    subnet: None,
                    internal: false,
                },
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
