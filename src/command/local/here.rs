//! The description of a cluster here: which one it is, and the values of its secrets.

use std::collections::{BTreeMap, BTreeSet};

use super::LocalPlace;
use crate::cli::{Identities, LocalUpArguments};
use crate::cluster::here::{FoundElsewhere, Here};
use crate::cluster::model::{Cluster, Service};
use crate::cluster::name::{ClusterName, ServiceName, VariableName};
use crate::cluster::secret::Plaintext;
use crate::cluster::{Sources, check_here};
use crate::command::description::{not_loaded, show};
use crate::command::secrets::explained;
use crate::command::selection::unknown;
use crate::command::{Exit, Failure};
use crate::report::palette::Palette;
use crate::report::stream;
use crate::repository::Repository;
use crate::secret::vault::Vault;
use crate::secret::{OpenVault, identity_files};

/// The cluster that developers have for themselves.
const OWN: &str = "local";
/// The one that is taken where there is none.
const INTEGRATION: &str = "integration";

/// Which description is meant.
pub(super) fn which(
    repository: &Repository,
    arguments: &LocalUpArguments,
) -> Result<ClusterName, Failure> {
    if let Some(cluster) = &arguments.from {
        return Ok(cluster.clone());
    }
    let sources = repository.load_all().map_err(not_loaded)?;
    let clusters: Vec<&str> = sources.clusters().collect();
    let taken = match clusters.as_slice() {
        [only] => Some(*only),
        _ => [OWN, INTEGRATION]
            .into_iter()
            .find(|name| clusters.contains(name)),
    };
    let taken = taken.and_then(|name| ClusterName::new(name).ok());
    taken.ok_or_else(|| {
        Failure::with_help(
            anyhow::anyhow!(
                "expected clusters/local, found {}",
                match clusters.is_empty() {
                    true => "no cluster".to_owned(),
                    false => clusters.join(", "),
                }
            ),
            "name the description: `--from CLUSTER`",
        )
    })
}

/// A description as it runs here. Problems are shown; errors end the command.
pub(super) fn load(sources: &Sources, name: &ClusterName, here: &Here) -> Result<Cluster, Exit> {
    let found = check_here(name.as_str(), sources, here);
    if !found.diagnostics.is_empty() && (found.cluster.is_none() || here.elsewhere.is_empty()) {
        stream::stderr(&show(&found.diagnostics, sources, &Palette::stderr()));
    }
    found.cluster.ok_or(Exit::Failed)
}

/// Where a description runs, without these services.
pub(super) fn here(place: &LocalPlace, elsewhere: BTreeMap<ServiceName, FoundElsewhere>) -> Here {
    let name = place.store.name();
    Here {
        client: place.engine.client().clone(),
        network: name.network(),
        volumes: name.volumes(),
        elsewhere,
    }
}

/// Where the services are that are not to run here: on this machine, outside of containers, or in another cluster.
pub(super) fn elsewhere(
    repository: &Repository,
    cluster: &Cluster,
    place: &LocalPlace,
    arguments: &LocalUpArguments,
) -> Result<Result<BTreeMap<ServiceName, FoundElsewhere>, Exit>, Failure> {
    let mut elsewhere = BTreeMap::new();
    for service in &arguments.processes {
        let described = described(cluster, service)?;
        let found = FoundElsewhere {
            hosts: vec![place.engine.machine().to_owned()],
            port: described.port,
        };
        elsewhere.insert(service.clone(), found);
    }
    let Some(rest) = &arguments.rest else {
        return Ok(Ok(elsewhere));
    };
    let there = match super::super::description::load(repository, rest) {
        Ok(description) => description.cluster,
        Err(exit) => return Ok(Err(exit)),
    };
    for name in cluster.services.keys() {
        if arguments.services.contains(name) || elsewhere.contains_key(name) {
            continue;
        }
        if let Some(found) = found_in(&there, name) {
            elsewhere.insert(name.clone(), found);
        }
    }
    for name in &arguments.services {
        let needs = &described(cluster, name)?.needs;
        let is_somewhere = |need: &&ServiceName| {
            arguments.services.contains(need) || elsewhere.contains_key(*need)
        };
        if let Some(need) = needs.iter().find(|need| !is_somewhere(need)) {
            return Err(Failure::with_help(
                anyhow::anyhow!(
                    "expected a service `{need}` of {rest} that others reach, which `{name}` needs, found none"
                ),
                format!("run it here, too: `bayplan local up {name} {need} --rest {rest}`"),
            ));
        }
    }
    Ok(Ok(elsewhere))
}

/// Where a service of a cluster on hosts is found from this machine.
fn found_in(cluster: &Cluster, name: &ServiceName) -> Option<FoundElsewhere> {
    let service = cluster.services.get(name)?;
    let mut port = None;
    let hosts = service.hosts.iter().filter_map(|host| {
        let host = cluster.hosts.get(host)?;
        let own = host.address.clone()?;
        let Some(inside) = service.port else {
            return Some(own);
        };
        if let Some(swap) = &service.swap {
            port = Some(swap.port);
            return Some(own);
        }
        let mut published = service.published(host.listen).into_iter();
        let (at, address) = published.find_map(|one| Some((one.to(inside)?, one.at.address)))?;
        port = Some(at);
        match address {
            Some(address) if address.is_loopback() => None,
            Some(address) if !address.is_unspecified() => Some(address.to_string()),
            Some(_) | None => Some(own),
        }
    });
    let hosts: Vec<String> = hosts.collect();
    (!hosts.is_empty()).then_some(FoundElsewhere { hosts, port })
}

/// A service that is placed.
pub(super) fn described<'c>(
    cluster: &'c Cluster,
    service: &ServiceName,
) -> Result<&'c Service, Failure> {
    let found = cluster.services.get(service);
    if let Some(found) = found.filter(|found| !found.hosts.is_empty()) {
        return Ok(found);
    }
    let which = format!("of {}", cluster.name);
    let place = format!(
        "place it on a host: `{service} = \"…\"` below `[place]` in clusters/{}/cluster.toml",
        cluster.name
    );
    Err(match found {
        Some(_) => unknown(&which, service, std::iter::empty(), Some(place)),
        None => unknown(&which, service, cluster.services.keys(), None),
    })
}

/// Which values secrets have.
pub(super) struct SecretValues<'a> {
    /// Those of the description.
    pub(super) decrypt: bool,
    /// What opens them.
    pub(super) identities: &'a Identities,
}

/// The values of the secrets that services read: those of the description, or such as are made up once.
pub(super) fn values(
    sources: &Sources,
    cluster: &Cluster,
    place: &LocalPlace,
    values: &SecretValues<'_>,
) -> Result<BTreeMap<VariableName, Plaintext>, Failure> {
    let secrets = cluster.services.values();
    let secrets = secrets.flat_map(Service::secrets);
    let names: BTreeSet<&VariableName> = secrets.flat_map(|secret| secret.names()).collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    if !values.decrypt {
        let values = names.into_iter().map(|name| {
            let value = place.store.secret(name)?;
            Ok((name.clone(), value))
        });
        return values.collect();
    }
    let path = format!("clusters/{}/secrets.toml", cluster.name);
    let text = sources.get(&path).unwrap_or_default();
    let vault = Vault::parse(&String::from_utf8_lossy(text))?;
    let recipients = vault.recipients().unwrap_or_default();
    let files = identity_files(&values.identities.files);
    let open = OpenVault::open(vault, &cluster.name, &files);
    let values = open.and_then(|open| {
        let values = names
            .into_iter()
            .map(|name| Ok((name.clone(), open.value(name)?)));
        values.collect()
    });
    values.map_err(|error| explained(error, &cluster.name, &recipients))
}

/// Whether secrets have the values of the description.
pub(super) fn is_decrypted(cluster: &Cluster, arguments: &LocalUpArguments) -> bool {
    arguments.decrypt || cluster.name.as_str() == OWN
}
