//! Finds and reads the files of one cluster.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use super::cluster_file::{read_cluster, read_service_config};
use super::diagnostic::{Diagnostic, Place, quoted};
use super::layers::{Layered, Layers, Texts, Whole};
use super::loaded::LoadedCluster;
use super::name::{ClusterName, ServiceName};
use super::nearest;
use super::placement::MINIMAL_HOST;
use super::read::{Problems, parse, text};
use super::reserved;
use super::secrets_file::{SecretsFile, read_secrets};
use super::service_file::read_service;
use super::sources::{Sources, Unfit};

/// Reads every file of a cluster by itself. `None` if there is no such cluster.
pub(super) fn load(
    name: &str,
    sources: &Sources,
    problems: &mut Problems,
) -> Option<LoadedCluster> {
    let root = format!("clusters/{name}");
    if !sources.clusters().any(|cluster| cluster == name) {
        problems.push(unknown_cluster(name, sources));
        return None;
    }
    let cluster_path = format!("{root}/cluster.toml");
    let name = match ClusterName::new(name) {
        Ok(name) => match reserved::cluster(name.as_str()) {
            None => Some(name),
            Some(why) => {
                problems.push(
                    Diagnostic::error(
                        format!("expected another name for a cluster, found `{name}`: {why}"),
                        Place::file(&root, ""),
                    )
                    .with_help("rename the directory"),
                );
                None
            }
        },
        Err(invalid) => {
            problems.push(
                Diagnostic::error(
                    format!("expected {}, found {}", invalid.expected, quoted(name)),
                    Place::file(&root, ""),
                )
                .with_help("rename the directory"),
            );
            None
        }
    };
    let cluster_entries = file(&cluster_path, sources, problems);
    let cluster = match &cluster_entries {
        Some(entries) => {
            let entries = entries.as_ref();
            entries.map(|entries| read_cluster(&cluster_path, entries, problems))
        }
        None => {
            problems.push(
                Diagnostic::error(
                    "expected `cluster.toml` in the cluster's directory, found none",
                    Place::file(&cluster_path, ""),
                )
                .with_help(MINIMAL_HOST),
            );
            None
        }
    };
    let config_path = format!("{root}/service-config.toml");
    let service_config = match file(&config_path, sources, problems) {
        Some(entries) => {
            entries.map(|entries| read_service_config(&config_path, &entries, problems))
        }
        None => Some(Vec::new()),
    };
    let secrets_path = format!("{root}/secrets.toml");
    let secrets = match file(&secrets_path, sources, problems) {
        Some(entries) => entries.map(|entries| read_secrets(&secrets_path, &entries, problems)),
        None => Some(SecretsFile::default()),
    };
    let (texts, misnamed) = service_texts(&root, sources, problems);
    let entries = cluster_entries.as_ref().and_then(Option::as_ref);
    let entries = entries.map(|entries| (cluster_path.as_str(), entries));
    let layers = Layers::of(entries, &texts, &misnamed, problems);
    let read = |name: ServiceName, path: &str, layered: Layered<'_>, problems: &mut Problems| {
        let _ = read_service(name, path, layered, problems);
    };
    layers.read_unused(&cluster_path, &read, problems);
    let mut services = BTreeMap::new();
    for (name, (path, _)) in &texts {
        let service = layers.of_service(name).and_then(|layered| {
            let whole = layered.whole;
            let service = read_service(name.clone(), path, layered, problems);
            (whole == Whole::Yes).then_some(service)
        });
        services.insert(name.clone(), service);
    }
    Some(LoadedCluster {
        name: name?,
        cluster_path,
        cluster,
        service_config,
        secrets,
        services,
        misnamed,
    })
}

/// The files of the services, and the names in `services/` that are no names of services.
fn service_texts<'a>(
    root: &str,
    sources: &'a Sources,
    problems: &mut Problems,
) -> (Texts<'a>, BTreeSet<String>) {
    let mut texts = BTreeMap::new();
    let mut misnamed = BTreeSet::new();
    let below = format!("{root}/services/");
    let files = sources.below(&below).map(|(name, _)| name);
    let unfit = sources.unfit_below(&below).map(|(name, _)| name);
    for name in files.chain(unfit) {
        // What is in the directory of a service is for its containers.
        let Some(stem) = name
            .strip_suffix(".toml")
            .filter(|stem| !stem.contains('/'))
        else {
            continue;
        };
        let path = format!("{root}/services/{name}");
        match ServiceName::new(stem) {
            Ok(name) => {
                let entries = file(&path, sources, problems).flatten();
                texts.insert(name, (path, entries));
            }
            Err(invalid) => {
                problems.push(
                    Diagnostic::error(
                        format!("expected {}, found {}", invalid.expected, quoted(stem)),
                        Place::file(path, ""),
                    )
                    .with_help("rename the file: its name is the service's name"),
                );
                misnamed.insert(stem.to_owned());
            }
        }
    }
    (texts, misnamed)
}

/// The entries of a TOML file: `None` if there is no such file, `Some(None)` if it cannot be read;
/// then there is a problem that says so.
fn file<'a>(
    path: &str,
    sources: &'a Sources,
    problems: &mut Problems,
) -> Option<Option<DeTable<'a>>> {
    if let Some(why) = sources.unfit(path) {
        problems.push(unfit(path, why));
        return Some(None);
    }
    let text = text(path, sources.get(path)?, problems);
    Some(text.and_then(|text| parse(path, text, problems)))
}

/// The message for a file that is there and may not be read.
pub(super) fn unfit(path: &str, why: &Unfit) -> Diagnostic {
    let Unfit { what, help } = why;
    Diagnostic::error(what, Place::file(path, "")).with_help_if(help.clone())
}

/// The message for a cluster that does not exist.
pub(crate) fn unknown_cluster(name: &str, sources: &Sources) -> Diagnostic {
    let known: Vec<&str> = sources.clusters().collect();
    let help = match (nearest::nearest(name, known.iter().copied()), &known[..]) {
        (Some(near), all) => format!(
            "did you mean `{near}`? known clusters: {}",
            nearest::list(all.iter().copied())
        ),
        (None, []) => format!("write `clusters/{name}/cluster.toml`"),
        (None, all) => format!("known clusters: {}", nearest::list(all.iter().copied())),
    };
    Diagnostic::error(
        format!("there is no cluster {}", quoted(name)),
        Place::file(format!("clusters/{name}"), ""),
    )
    .with_help(help)
}
