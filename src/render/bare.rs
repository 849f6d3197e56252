//! A service as a container that no unit runs: the engine's client is given the same words, variables and files as on a host,
//! and what restarts it is the same fingerprint. Secrets are known here, so digests with a key of this machine stand for
//! their values.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::config_files;
use super::fingerprint::{Recipe, fingerprint};
use super::identity::{DirectoryName, Fingerprint, inputs_parent};
use super::inputs::{InputValue, InputVariable, Inputs};
use super::literal::Carrying;
use super::live::{self, LiveName};
use super::marks::DIRECTORY;
use super::secret_files;
use super::secrets::{DesiredSecrets, MakeError};
use super::service;
use super::unit::{expand_nothing, quote_word, split_words};
use super::unit_template::{OnHost, Spelling, Words, arguments, names};
use super::volumes;
use crate::cluster::digest::Digest;
use crate::cluster::model::{
    Cluster, FileMode, FileOwner, ReloadBy, Replacement, Service, VariableValue,
};
use crate::cluster::name::VariableName;
use crate::cluster::ports::Protocol;
use crate::cluster::secret::{Plaintext, SecretIdentity};

/// A service as a container that no unit runs.
#[derive(Debug, Clone)]
pub struct BareContainer {
    /// The options of `run`, without what is published, and with places of hosts in paths: see [`Self::options_at`].
    options: Vec<String>,
    /// Where the inputs directory is in the options.
    inputs_path: String,
    /// Where the live directories are in the options.
    live_path: String,
    /// What is published.
    pub published: Vec<LocalPort>,
    /// What follows the image.
    pub command: Vec<String>,
    /// What the client's environment has for `-e NAME`.
    pub environment: BTreeMap<VariableName, Plaintext>,
    /// The files of its inputs directory.
    pub files: BTreeMap<String, BareFile>,
    /// Directories that it reads again without a restart.
    pub live: BTreeMap<LiveName, BTreeMap<String, BareFile>>,
    /// How it is told to, and the commands that must accept new files.
    pub reload: Option<(ReloadBy, Vec<Vec<String>>)>,
    /// What decides how it runs.
    pub inputs: Inputs,
    /// The digest of that.
    pub fingerprint: Fingerprint,
    /// The name of its inputs directory.
    pub directory: DirectoryName,
}

/// A port of a container that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalPort {
    /// In the container.
    pub inside: u16,
    /// Of what.
    pub protocol: Protocol,
    /// Where the description publishes it on hosts.
    pub wanted: u16,
}

/// A file that a container gets.
#[derive(Debug, Clone)]
pub struct BareFile {
    /// Who may do what with it.
    pub mode: FileMode,
    /// Whose it is, where there is anybody who may say so.
    pub owner: FileOwner,
    /// What it holds.
    pub bytes: Plaintext,
}

impl BareContainer {
    /// A service of a cluster that runs here. `stored` are the values of its secrets, and `key` is what digests of them
    /// are made with.
    ///
    /// # Errors
    /// The value of a secret is not there, or cannot be what it is to be.
    pub fn of(
        cluster: &Cluster,
        service: &Service,
        stored: &BTreeMap<VariableName, Plaintext>,
        key: &[u8],
    ) -> Result<Self, MakeError> {
        let host = service
            .hosts
            .first()
            .and_then(|host| cluster.hosts.get(host));
        let host = host.expect("a service that runs is placed on a host of its cluster");
        // Nobody sees to two instances of it.
        let service = &Service {
            replace: Replacement::Restart,
            ..service.clone()
        };
        let place = OnHost::of(cluster, service, host);
        let carrying = Carrying::Now;
        let spelling = Spelling {
            words: Words::of(place.client.engine),
            carrying,
        };
        let options = arguments(cluster, service, &place, spelling);
        let options: Vec<String> = options.iter().flat_map(|option| words(option)).collect();
        let command = &service.container.command;
        let secrets = DesiredSecrets::of(Recipe::CURRENT, service, place.files, carrying);
        let (live, _) = live::desired(service, place.files);
        let secrets = secrets.with_live(&live);

        let values = values(service, stored)?;
        let plain = service::plain_files(service, place.files, carrying);
        let mut files: BTreeMap<String, BareFile> = plain
            .iter()
            .filter(|(path, _)| path.as_str() != config_files::MODES)
            .map(|(path, bytes)| (path.clone(), open(bytes.clone())))
            .collect();
        let mut live_files: BTreeMap<LiveName, BTreeMap<String, BareFile>> = BTreeMap::new();
        for (name, directory) in &live {
            let plain = directory.files.iter();
            let plain = plain.filter(|(path, _)| path.as_str() != live::MODES);
            let plain = plain.map(|(path, bytes)| (path.clone(), open(bytes.clone())));
            live_files.insert(name.clone(), plain.collect());
        }
        let mut identities = BTreeMap::new();
        for (path, made) in secrets.make(&service.name, 0, stored)? {
            let file = BareFile {
                mode: FileMode(made.mode),
                owner: FileOwner::default(),
                bytes: made.bytes,
            };
            if let Some((name, below)) = live_files
                .keys()
                .find_map(|name| Some((name.clone(), name.below(&path)?.to_owned())))
            {
                live_files.entry(name).or_default().insert(below, file);
            } else if path != secret_files::ENV {
                if path != secret_files::LITERAL {
                    identities.insert(path.clone(), identity(key, &path, &file.bytes));
                }
                files.insert(path, file);
            }
        }
        own(service, &mut files, &mut live_files);

        let variables = service.variables.iter().map(|(name, variable)| {
            let value = match &variable.value {
                VariableValue::Plain(value) => InputValue::Plain(value.clone()),
                VariableValue::Secret(_) => {
                    InputValue::Secret(identity(key, name.as_str(), &values[name]))
                }
            };
            let layer = variable.layer;
            (name.clone(), InputVariable { layer, value })
        });
        let mut line = vec![place.client.engine.program().to_owned(), "run".to_owned()];
        line.extend(options.iter().cloned());
        line.push("${IMAGE}".to_owned());
        line.extend(command.iter().flat_map(|word| words(&quote_word(word))));
        let directives = vec![("ExecStart".to_owned(), line)].into();
        let inputs = Inputs::of(directives, variables.collect(), &plain, identities);
        let fingerprint = fingerprint(Recipe::CURRENT, &inputs);
        let digests = inputs.files.clone();
        let carried: Vec<&str> = names(service, carrying).collect();
        let environment = values
            .into_iter()
            .filter(|(name, _)| carried.contains(&name.as_str()))
            .collect();
        Ok(Self {
            options: without_ports(options),
            inputs_path: format!(
                "{}/{DIRECTORY}",
                inputs_parent(&cluster.name, &service.name)
            ),
            live_path: live::parent(&cluster.name, &service.name),
            published: published(service),
            command: command.clone(),
            environment,
            directory: DirectoryName::of(&fingerprint, &digests),
            files,
            live: live_files,
            reload: service
                .files
                .live
                .as_ref()
                .map(|live| (live.reload.clone(), live.checks.clone())),
            inputs,
            fingerprint,
        })
    }

    /// The options of `run`, as the client takes them, where the inputs directory and the live directories are at these paths.
    #[must_use]
    pub fn options_at(&self, inputs: &str, live: &str) -> Vec<String> {
        let options = self.options.iter();
        options
            .map(|word| {
                let word = expand_nothing(word);
                let word = word.replace(&self.inputs_path, inputs);
                word.replace(&self.live_path, live)
            })
            .collect()
    }

    /// The paths of this machine that it mounts, and that are to be there already.
    #[must_use]
    pub fn mounted_paths(service: &Service) -> BTreeSet<String> {
        volumes::sources(service)
    }
}

fn words(quoted: &str) -> Vec<String> {
    split_words(quoted).expect("what is quoted for a unit is words")
}

/// A digest with a key: nobody without it can try values out.
fn identity(key: &[u8], name: &str, value: &Plaintext) -> SecretIdentity {
    let parts = [b"local v1".as_slice(), key, name.as_bytes(), value.bytes()];
    SecretIdentity::reported(&format!("local:{}", Digest::of_parts(parts)))
}

/// The values of all variables.
fn values(
    service: &Service,
    stored: &BTreeMap<VariableName, Plaintext>,
) -> Result<BTreeMap<VariableName, Plaintext>, MakeError> {
    let value = |(name, variable): (&VariableName, &crate::cluster::model::Variable)| {
        let value = match &variable.value {
            VariableValue::Plain(value) => Plaintext::new(value.clone().into_bytes()),
            VariableValue::Secret(secret) => {
                secret.reveal(stored).map_err(|error| MakeError::Reveal {
                    name: name.clone(),
                    error,
                })?
            }
        };
        Ok((name.clone(), value))
    };
    service.variables.iter().map(value).collect()
}

fn open(bytes: Vec<u8>) -> BareFile {
    BareFile {
        mode: FileMode::default(),
        owner: FileOwner::default(),
        bytes: Plaintext::new(bytes),
    }
}

/// Puts in who may do what with which file, and whose it is.
fn own(
    service: &Service,
    files: &mut BTreeMap<String, BareFile>,
    live: &mut BTreeMap<LiveName, BTreeMap<String, BareFile>>,
) {
    for (path, file) in files {
        let described = config_files::target(path).and_then(|path| service.files.files.get(path));
        if let Some(described) = described {
            (file.mode, file.owner) = (described.mode, described.owner);
        }
    }
    for (target, described) in service.files.live.iter().flat_map(|live| &live.directories) {
        let Some(files) = live.get_mut(&LiveName::of(target)) else {
            continue;
        };
        for (path, file) in files {
            if let Some(described) = described.get(path) {
                (file.mode, file.owner) = (described.mode, described.owner);
            }
        }
    }
}

/// Options without what they publish.
fn without_ports(options: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut options = options.into_iter();
    while let Some(word) = options.next() {
        if word == "--publish" {
            options.next();
        } else {
            kept.push(word);
        }
    }
    kept
}

/// What is published, port by port. The service's own port is always among them: who sits at this machine looks at it, and
/// so does the probe.
fn published(service: &Service) -> Vec<LocalPort> {
    let mut ports = Vec::new();
    for publish in service.published(None::<IpAddr>) {
        for offset in 0..=(publish.at.last - publish.at.first) {
            ports.push(LocalPort {
                inside: publish.inside.saturating_add(offset),
                protocol: publish.at.protocol,
                wanted: publish.at.first.saturating_add(offset),
            });
        }
    }
    let own = service.port.filter(|port| {
        let mut ports = ports.iter();
        service.container.network.as_deref() != Some("none")
            && !service.run.is_job()
            && !ports.any(|one| one.inside == *port && one.protocol == Protocol::Tcp)
    });
    ports.extend(own.map(|port| LocalPort {
        inside: port,
        protocol: Protocol::Tcp,
        wanted: port,
    }));
    // The same port of a container on several of a host: one is enough to find it.
    ports.sort();
    ports.dedup_by_key(|one| (one.inside, one.protocol));
    ports
}
