//! Which service stands where: hosts and `[place]`.

use std::collections::{BTreeMap, BTreeSet};

use super::description::{ClusterFile, DescribedHost};
use super::diagnostic::{Diagnostic, Place, quoted};
use super::loaded::LoadedCluster;
use super::name::{HostName, ServiceName};
use super::nearest;
use super::read::{Problems, Spot};
use super::reserved;
use super::shape::host::AddressKind;

/// What to write for a first host.
pub(super) const MINIMAL_HOST: &str =
    "write `[hosts.docker01]` and below it `address = \"10.0.0.1\"`";

/// What stands for every host in `[place]`.
pub(super) const EVERY_HOST: &str = "*";

/// What others write for it.
const EVERY_HOST_ELSEWHERE: [&str; 5] = ["all", "any", "global", "every", "everywhere"];

/// The hosts of every service that is placed, in the order of `[place]`.
pub(super) type Placements = BTreeMap<ServiceName, Vec<HostName>>;

/// Checks that hosts and services are there, and that no two hosts are one.
pub(super) fn check_hosts(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    problems: &mut Problems,
) {
    // A cluster without services is fine: its last one may have been removed.
    if cluster.host_names.is_empty() {
        problems.push(
            Diagnostic::error(
                format!("cluster `{}` is empty: it has no hosts", description.name),
                Place::file(&description.cluster_path, ""),
            )
            .with_help(MINIMAL_HOST),
        );
    }
    let mut reached: BTreeMap<String, &DescribedHost> = BTreeMap::new();
    for host in &cluster.hosts {
        check_address_variable(host, problems);
        let way = host.way();
        if let Some(first) = reached.get(&way) {
            problems.push(
                Diagnostic::error(
                    format!(
                        "`{}` and `{}` are the same host",
                        first.name.value, host.name.value
                    ),
                    host.reach.label("reached the same way"),
                )
                .with_related(first.reach.label("first one"))
                .with_help("remove one of them, or correct its address"),
            );
        }
        reached.entry(way).or_insert(host);
    }
}

/// The variable that a host's address gives, if the address is one that has a number.
fn address_variable(host: &DescribedHost) -> Option<String> {
    let kind = host.address.as_ref()?.value;
    (kind == AddressKind::Ip).then(|| format!("{}_IP", host.name.value.variable_stem()))
}

fn check_address_variable(host: &DescribedHost, problems: &mut Problems) {
    let Some(variable) = address_variable(host) else {
        return;
    };
    if let Some(why) = reserved::why(&variable) {
        problems.push(
            Diagnostic::error(
                format!(
                    "host `{}` gives the variable `{variable}`, which is reserved: {why}",
                    host.name.value
                ),
                host.name.spot.label("gives a reserved variable"),
            )
            .with_help("choose another name for the host"),
        );
    }
}

/// Resolves `[place]`.
pub(super) fn place(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    problems: &mut Problems,
) -> Placements {
    let mut placements = Placements::new();
    let hosts: BTreeSet<&str> = cluster
        .host_names
        .iter()
        .map(|n| n.value.as_str())
        .collect();
    let valid = hosts
        .iter()
        .copied()
        .filter(|name| HostName::new(*name).is_ok());
    for line in &cluster.place {
        let name = &line.service.value;
        let service = ServiceName::new(name.as_str()).ok();
        let service = service.filter(|service| description.services.contains_key(service));
        if service.is_none() && !description.misnamed.contains(name) {
            let known = description.services.keys().map(ServiceName::as_str);
            let near = nearest::nearest(name, known);
            let help = near.map_or_else(
                || {
                    format!(
                        "write `clusters/{}/services/{name}.toml`, or remove the line",
                        description.name
                    )
                },
                |near| format!("did you mean `{near}`?"),
            );
            problems.push(
                Diagnostic::error(
                    format!("expected a service, found {}", quoted(name)),
                    line.service.spot.label("there is no such service"),
                )
                .with_help(help),
            );
        }
        let mut seen: BTreeMap<&str, &Spot> = BTreeMap::new();
        for host in &line.hosts {
            if host.value == EVERY_HOST {
                if let Some(other) = line.hosts.iter().find(|other| other.value != EVERY_HOST) {
                    problems.push(
                        Diagnostic::error(
                            format!(
                                "`{name}` is placed on every host, and on {}",
                                quoted(&other.value)
                            ),
                            other.spot.label("one of them already"),
                        )
                        .with_related(host.spot.label("every host"))
                        .with_help(format!("write `{name} = \"*\"`, or name the hosts")),
                    );
                }
                continue;
            }
            // If there is no host at all, one message says so.
            if !hosts.is_empty() && !hosts.contains(host.value.as_str()) {
                problems.push(
                    Diagnostic::error(
                        format!(
                            "expected a host of this cluster, found {}",
                            quoted(&host.value)
                        ),
                        host.spot.label("there is no such host"),
                    )
                    .with_help_if(
                        match EVERY_HOST_ELSEWHERE.contains(&&*host.value) {
                            true => Some(format!("write `{name} = \"*\"` for every host")),
                            false => nearest::help(&host.value, valid.clone()),
                        },
                    ),
                );
            }
            if let Some(first) = seen.insert(&host.value, &host.spot) {
                problems.push(
                    Diagnostic::error(
                        format!("`{name}` is placed twice on {}", quoted(&host.value)),
                        host.spot.label("second time"),
                    )
                    .with_related(first.label("first time"))
                    .with_help("remove one of them"),
                );
            }
        }
        if let Some(service) = service
            && !line.hosts.is_empty()
        {
            let everywhere = line.hosts.iter().any(|host| host.value == EVERY_HOST);
            let named = match everywhere {
                true => cluster.host_names.iter(),
                false => line.hosts.iter(),
            };
            let named = named.filter_map(|host| HostName::new(host.value.as_str()).ok());
            placements.insert(service, named.collect());
        }
    }
    for (name, hosts) in placements.iter().filter(|(_, hosts)| hosts.len() > 1) {
        let service = description.services.get(name).and_then(Option::as_ref);
        let Some(schedule) = service.and_then(|service| service.keys.get("schedule")) else {
            continue;
        };
        // Its line is looked for among all of them: of a job only.
        let line = cluster
            .place
            .iter()
            .find(|line| line.service.value == name.as_str());
        if let Some([_, second, ..]) = line.map(|line| &line.hosts[..]) {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected one host for the job `{name}`, found {}",
                        hosts.len()
                    ),
                    second.spot.label("it would run on each of them"),
                )
                .with_related(schedule.label("a timer starts it"))
                .with_help(
                    "name one host; a job for each host is a service of its own, with `from`",
                ),
            );
        }
    }
    warn_unplaced(description, cluster, &placements, problems);
    placements
}

fn warn_unplaced(
    description: &LoadedCluster,
    cluster: &ClusterFile,
    placements: &Placements,
    problems: &mut Problems,
) {
    let first_host = cluster
        .host_names
        .first()
        .map_or("docker01", |n| n.value.as_str());
    for name in description.services.keys() {
        if placements.contains_key(name) {
            continue;
        }
        let line = cluster
            .place
            .iter()
            .find(|line| line.service.value == name.as_str());
        let place = match line {
            Some(line) => line.service.spot.label("placed on no host"),
            None => Place::file(service_path(description, name), ""),
        };
        problems.push(
            Diagnostic::warning(format!("service `{name}` is placed nowhere"), place).with_help(
                format!(
                    "write `{name} = \"{first_host}\"` below `[place]` in `{}`",
                    description.cluster_path
                ),
            ),
        );
    }
}

/// The path of a service's file.
pub(super) fn service_path(description: &LoadedCluster, name: &ServiceName) -> String {
    format!("clusters/{}/services/{name}.toml", description.name)
}
