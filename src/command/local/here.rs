//! The description of a cluster here: which one it is, and the values of its secrets.

use std::collections::{BTreeMap, BTreeSet};

use super::LocalPlace;
use crate::cli::LocalUpArguments;
use crate::cluster::check_here;
use crate::cluster::here::Here;
use crate::cluster::model::Cluster;
use crate::cluster::name::{ClusterName, VariableName};
use crate::cluster::nearest::nearest;
use crate::cluster::secret::Plaintext;
use crate::command::description::{not_loaded, read, show};
use crate::command::secrets::explained;
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
pub(super) fn load(
    repository: &Repository,
    name: &ClusterName,
    here: &Here,
) -> Result<Cluster, Exit> {
    let sources = read(repository, name)?;
    let found = check_here(name.as_str(), &sources, here);
    if !found.diagnostics.is_empty() {
        stream::stderr(&show(&found.diagnostics, &sources, &Palette::stderr()));
    }
    found.cluster.ok_or(Exit::Failed)
}

/// Where a description runs.
pub(super) fn here(place: &LocalPlace) -> Here {
    let name = place.store.name();
    Here {
        client: place.engine.client().clone(),
        network: name.network(),
        volumes: name.volumes(),
        elsewhere: BTreeMap::new(),
    }
}

/// Whether every named service is described.
pub(super) fn known(cluster: &Cluster, arguments: &LocalUpArguments) -> Result<(), Failure> {
    for service in &arguments.services {
        let found = cluster.services.get(service);
        if found.is_some_and(|found| !found.hosts.is_empty()) {
            continue;
        }
        let known = cluster.services.keys().map(AsRef::as_ref);
        return Err(Failure::of(
            anyhow::anyhow!("expected a service of {}, found `{service}`", cluster.name),
            match (found, nearest(service.as_str(), known)) {
                (Some(_), _) => Some(format!(
                    "place it on a host: `{service} = \"…\"` below `[place]` in clusters/{}/cluster.toml",
                    cluster.name
                )),
                (None, nearest) => nearest.map(|nearest| format!("did you mean `{nearest}`?")),
            },
        ));
    }
    Ok(())
}

/// The values of the secrets that services read: those of the description, or such as are made up once.
pub(super) fn values(
    repository: &Repository,
    cluster: &Cluster,
    place: &LocalPlace,
    arguments: &LocalUpArguments,
) -> Result<BTreeMap<VariableName, Plaintext>, Failure> {
    let secrets = cluster.services.values();
    let secrets = secrets.flat_map(crate::cluster::model::Service::secrets);
    let names: BTreeSet<&VariableName> = secrets.flat_map(|secret| secret.names()).collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    if !is_decrypted(cluster, arguments) {
        let values = names.into_iter().map(|name| {
            let value = place.store.secret(name)?;
            Ok((name.clone(), value))
        });
        return values.collect();
    }
    let sources = repository.load(cluster.name.as_str()).map_err(not_loaded)?;
    let path = format!("clusters/{}/secrets.toml", cluster.name);
    let text = sources.get(&path).unwrap_or_default();
    let vault = Vault::parse(&String::from_utf8_lossy(text))?;
    let recipients = vault.recipients().unwrap_or_default();
    let files = identity_files(&arguments.identities.files);
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
