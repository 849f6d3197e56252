//! A cluster out of compose files. Pure: what is on the disk comes in by a closure.
//!
//! ```text
//! text ─> yaml ─> project ───────────────────> service ─> variables ─> fold ─> written ─> check
//!      (places)  (interpolate, combine,       (drafts: a line      ([vars],   (from)   (TOML)    |
//!                 include, extends, .env)      and its place)       secrets)      ^── what is refused is told
//! ```
//!
//! Every key of compose is taken or told: `told` has the tables whose keys nobody took. What `check` refuses of the
//! result is taken out again and told, so that no import ends in a description with errors.

#![expect(clippy::result_large_err, reason = "an import fails once at most")]

mod cluster;
mod combine;
mod converter;
mod deploy;
mod dotenv;
mod draft;
mod fold;
mod health;
mod interpolate;
mod links;
mod mounts;
mod objects;
mod paths;
mod ports;
mod project;
mod service;
mod settle;
mod tables;
#[cfg(test)]
mod tests;
mod told;
mod units;
mod unkept;
mod variables;
mod written;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Sources;
use crate::cluster::diagnostic::{Diagnostic, Place};
use crate::cluster::name::{ClusterName, VariableName};
use crate::cluster::secret::Plaintext;

use converter::Converter;
use draft::{Draft, Toml};
use project::{Loader, Project, table};
use settle::Draftable;
pub use told::{HowCarried, ToldLine};
use yaml::YamlNode;

/// What a path of this machine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundPath {
    /// A file.
    File {
        /// What it holds.
        bytes: Vec<u8>,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A directory: its files, or why they cannot be files of a repository.
    Directory(Result<Vec<FoundFile>, String>),
    /// It cannot be read.
    Unreadable(String),
    /// It is not there.
    Absent,
}

/// A file below a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Relative to the directory, with `/`.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// A file that goes to the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFile {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether everybody may execute it.
    pub executable: bool,
}

/// Makes `secrets.toml` of these values.
pub type Seal<'a> =
    &'a dyn Fn(&ClusterName, &BTreeMap<VariableName, Plaintext>) -> Result<Vec<u8>, String>;

/// What is imported, and from where.
pub struct ComposeInput<'a> {
    /// The files, as they were named; `-` is standard input.
    pub files: Vec<String>,
    /// What standard input had.
    pub stdin: &'a str,
    /// The absolute path in which relative ones begin.
    pub directory: &'a str,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// Files of variables instead of `.env`.
    pub env_files: Vec<String>,
    /// The project's name, if it was said.
    pub project: Option<String>,
    /// Profiles that are taken.
    pub profiles: Vec<String>,
    /// Whether secrets stay plain values.
    pub plain_secrets: bool,
    /// Looks at an absolute path.
    pub read: &'a dyn Fn(&str) -> FoundPath,
    /// Encrypts.
    pub seal: Seal<'a>,
}

/// What an import gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The files of the cluster, by their path in the repository.
    pub files: BTreeMap<String, RepositoryFile>,
    /// How many services it has.
    pub services: usize,
    /// The names of the secrets.
    pub secrets: Vec<String>,
    /// What has to be known.
    pub told: Vec<ToldLine>,
}

/// Why nothing was imported.
#[derive(Debug)]
pub struct NotImported {
    /// What is wrong, and where.
    pub diagnostic: Box<Diagnostic>,
    /// The files that were read, for the excerpt.
    pub sources: Sources,
}

/// Reads a project and makes a cluster of it.
///
/// # Errors
/// A file cannot be read, is no YAML, or compose itself would refuse it.
pub fn import(input: &ComposeInput<'_>) -> Result<Imported, NotImported> {
    let mut loader = Loader::new(input);
    let outcome = imported(&mut loader);
    let Loader { sources, told, .. } = loader;
    match outcome {
        Ok(imported) => Ok(Imported {
            told: told.lines(),
            ..imported
        }),
        Err(diagnostic) => Err(NotImported {
            diagnostic: Box::new(diagnostic),
            sources,
        }),
    }
}

fn imported(loader: &mut Loader<'_>) -> Result<Imported, Diagnostic> {
    let input = loader.input;
    let project = loader.project()?;
    let label = cluster::label(&project.name);
    let cluster = ClusterName::new(label.as_str()).map_err(|error| {
        let place = Place::file(input.files.first().map_or("-", String::as_str), "");
        Diagnostic::error(error.to_string(), place)
            .with_help("write another name of the project: `--project shop`")
    })?;
    let taken = taken(loader, &project)?;
    let names = names(&taken)?;
    let (jobs, awaited) = awaited(&taken);
    let written = mounts::written_directories(&taken, &project, input.read);
    let mut converter = Converter {
        written,
        loader,
        project: &project,
        names,
        jobs,
        awaited,
        env_files: env_files(&taken),
        files: BTreeMap::new(),
        read_only: Vec::new(),
        stays: Vec::new(),
        secrets: BTreeMap::new(),
    };
    let mut drafts = Vec::new();
    for (key, node) in &taken {
        drafts.push(service::read(&mut converter, key, node)?);
    }
    let Converter {
        mut files, secrets, ..
    } = converter;
    beside(loader, &project);
    let used: BTreeSet<String> = drafts.iter().flat_map(networks_of).collect();
    let networks = cluster::networks(&project, &used, &mut loader.told);
    let mut shared = variables::decide(&mut drafts, &mut loader.told, input.plain_secrets);
    let defaults = cluster::defaults(&mut drafts);
    fold::fold(&mut drafts, &mut files);
    let mut values: BTreeMap<VariableName, Plaintext> = BTreeMap::new();
    let all = shared
        .secrets
        .iter()
        .map(|(name, value)| (name, value.as_bytes()));
    let all = all.chain(secrets.iter().map(|(name, value)| (name, &value[..])));
    for (name, value) in all {
        if let Ok(name) = VariableName::new(name.as_str()) {
            values.insert(name, Plaintext::new(value.to_vec()));
        }
    }
    let sealed = match values.is_empty() {
        true => None,
        false => Some((input.seal)(&cluster, &values).map_err(|why| {
            Diagnostic::error(
                why,
                Place::file(input.files.first().map_or("-", String::as_str), ""),
            )
        })?),
    };
    shared.vars.retain(|name, _| is_used(&drafts, name));
    let texts = values.values().filter_map(Plaintext::text);
    let mut hidden: Vec<String> = texts.map(str::to_owned).collect();
    // One may be the beginning of another.
    hidden.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let mut result = Draftable {
        hidden,
        cluster: &cluster,
        drafts,
        files,
        sealed,
        networks,
        defaults,
        shared,
        input,
    };
    let files = result.settle(&mut loader.told)?;
    Ok(Imported {
        cluster: cluster.clone(),
        services: result.drafts.len(),
        files,
        secrets: values.keys().map(ToString::to_string).collect(),
        told: Vec::new(),
    })
}

/// Whether a variable is used by a service.
fn is_used(drafts: &[Draft], name: &str) -> bool {
    let in_text = format!("{{{{ {name} }}}}");
    drafts.iter().any(|draft| {
        let listed = matches!(draft.get("vars"), Some(Toml::List(items)) if items.contains(&Toml::text(name)));
        let used = |line: &draft::DraftLine| matches!(&line.value, Toml::Text(text) if text.contains(&in_text));
        listed || draft.env.iter().any(used)
    })
}

/// The services that are taken, in their order.
fn taken(
    loader: &mut Loader<'_>,
    project: &Project,
) -> Result<Vec<(yaml::YamlKey, YamlNode)>, Diagnostic> {
    let services = project.root.get("services");
    let mut taken = Vec::new();
    for (key, node) in services.and_then(YamlNode::map).into_iter().flatten() {
        let path = format!("services.{}", key.name);
        if node.map().is_none() {
            let title = format!(
                "expected a table for the service `{}`, found {}",
                key.name,
                node.kind()
            );
            return Err(Diagnostic::error(title, node.spot.label("")));
        }
        let wanted = node
            .get("profiles")
            .map(|profiles| told::texts(&format!("{path}.profiles"), profiles, &mut loader.told));
        let wanted: Vec<String> = wanted.into_iter().flatten().map(|(text, _)| text).collect();
        let is_wanted =
            |one: &String| project.profiles.contains(one) || project.profiles.contains("*");
        if !wanted.is_empty() && !wanted.iter().any(is_wanted) {
            let why = format!(
                "left out, as compose does: `--profile {}` takes it",
                wanted[0]
            );
            loader.told.otherwise(&key.spot, &path, why);
            continue;
        }
        let scale = node
            .get("scale")
            .or_else(|| node.get("deploy")?.get("replicas"));
        if scale.and_then(YamlNode::text).as_deref() == Some("0") {
            let why = "left out: none of it is to run";
            loader.told.otherwise(&key.spot, &path, why);
            continue;
        }
        taken.push((key.clone(), node.clone()));
    }
    if taken.is_empty() {
        let title = "expected at least one service that is to run, found none";
        let help = "`services:` has a table for each; those of a profile need `--profile NAME`";
        return Err(Diagnostic::error(title, project.root.spot.label("")).with_help(help));
    }
    Ok(taken)
}

/// The names of services here by those in compose.
fn names(taken: &[(yaml::YamlKey, YamlNode)]) -> Result<BTreeMap<String, String>, Diagnostic> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (key, _) in taken {
        let name = cluster::label(&key.name);
        let is_taken = names.values().any(|other| *other == name);
        if name.is_empty() || is_taken {
            let title = match is_taken {
                true => format!("two services would be called `{name}` here"),
                false => format!(
                    "expected a name with letters or digits, found `{}`",
                    key.name
                ),
            };
            return Err(Diagnostic::error(title, key.spot.label("")).with_help("rename it"));
        }
        names.insert(key.name.clone(), name);
    }
    Ok(names)
}

/// Whom others wait for: until it has ended well, and until it is healthy.
fn awaited(taken: &[(yaml::YamlKey, YamlNode)]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut jobs, mut healthy) = (BTreeSet::new(), BTreeSet::new());
    for (_, node) in taken {
        let needed = node.get("depends_on").and_then(YamlNode::map);
        for (key, node) in needed.into_iter().flatten() {
            match node.get("condition").and_then(YamlNode::text).as_deref() {
                Some("service_completed_successfully") => jobs.insert(key.name.clone()),
                Some("service_healthy") => healthy.insert(key.name.clone()),
                _ => false,
            };
        }
    }
    (jobs, healthy)
}

fn env_files(taken: &[(yaml::YamlKey, YamlNode)]) -> BTreeMap<String, usize> {
    let mut uses = BTreeMap::new();
    for (_, node) in taken {
        let items = node
            .get("env_file")
            .map(YamlNode::items)
            .unwrap_or_default();
        let paths: BTreeSet<String> = items
            .into_iter()
            .filter_map(variables::env_file_path)
            .collect();
        for path in paths {
            *uses.entry(path).or_insert(0) += 1;
        }
    }
    uses
}

/// Tells what stands beside the services and is not carried.
fn beside(loader: &mut Loader<'_>, project: &Project) {
    let told = &mut loader.told;
    let mut keys = told::Keys::new("", &project.root, told);
    for quiet in [
        "version", "name", "services", "networks", "volumes", "configs", "secrets", "include",
    ] {
        let _ = keys.take(quiet);
    }
    keys.finish(told);
    for (name, node) in table(&project.root, "volumes") {
        let mut volume = told::Keys::new(format!("volumes.{name}"), node, told);
        let driver = volume
            .text("driver", told)
            .filter(|(text, _)| text != "local");
        if let Some((text, node)) = driver {
            let why = format!("{text}: make the volume with the engine, and name it");
            told.not(&node.spot, &volume.key("driver"), why);
        }
        for quiet in ["name", "external"] {
            let _ = volume.take(quiet);
        }
        volume.finish(told);
    }
    for (kind, quiet) in [
        ("configs", ["file", "content", "environment"]),
        ("secrets", ["file", "environment", "file"]),
    ] {
        for (name, node) in table(&project.root, kind) {
            let mut one = told::Keys::new(format!("{kind}.{name}"), node, told);
            for quiet in quiet {
                let _ = one.take(quiet);
            }
            let _ = one.take("name");
            one.finish(told);
        }
    }
}

fn networks_of(draft: &Draft) -> Vec<String> {
    let Some(Toml::List(items)) = draft.get("networks") else {
        return Vec::new();
    };
    let names = items.iter().filter_map(|item| match item {
        Toml::Text(name) => Some(name.clone()),
        Toml::Table(entries) => entries.iter().find_map(|(_, value)| match value {
            Toml::Text(name) => Some(name.clone()),
            Toml::Bare(_) | Toml::List(_) | Toml::Table(_) | Toml::Named(_) => None,
        }),
        Toml::Bare(_) | Toml::List(_) | Toml::Named(_) => None,
    });
    names.collect()
}
