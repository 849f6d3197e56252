//! What decides how a container runs: the inputs of its fingerprint. If one of them changes, the container
//! restarts; for what is no input, systemd only has to read the unit again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config_files;
use super::env_file;
use super::literal;
use super::marks::{DIRECTORY, blanked_by};
use super::secret_files;
use super::unit::{Unit, parse_unit, split_words};
use crate::cluster::digest::Digest;
use crate::cluster::model::Layer;
use crate::cluster::name::VariableName;
use crate::cluster::secret::SecretIdentity;

/// What decides how a container runs, in a form that is compared and explained.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs {
    /// The lines of the unit's `[Service]` section that decide how the container runs, sorted by
    /// key, each value split into words as systemd does (`%%` and `$$` stay); the fingerprint and
    /// the inputs directory's name are blanked.
    pub directives: Arc<[(String, Vec<String>)]>,
    /// The environment, by name.
    pub variables: BTreeMap<VariableName, InputVariable>,
    /// Config files by path below the inputs directory, with the digest of their bytes.
    pub files: BTreeMap<String, Digest>,
    /// Permissions and owners of files of the config repository, `0644 0:0` by path below the inputs directory.
    pub modes: BTreeMap<String, String>,
    /// Secrets that are files, by path below the inputs directory.
    pub secret_files: BTreeMap<String, SecretIdentity>,
}

/// A variable as the container gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputVariable {
    /// Where the value comes from; it is told in reasons and is no input itself.
    pub layer: Layer,
    /// What the container gets.
    pub value: InputValue,
}

/// A variable's value, as far as anybody without a key knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputValue {
    /// The value itself.
    Plain(String),
    /// What stands for a secret.
    Secret(SecretIdentity),
}

impl Inputs {
    /// The inputs of a container that gets these files; those of the config repository are among its inputs, with their
    /// permissions.
    pub(super) fn of(
        directives: Arc<[(String, Vec<String>)]>,
        variables: BTreeMap<VariableName, InputVariable>,
        files: &BTreeMap<String, Vec<u8>>,
        secret_files: BTreeMap<String, SecretIdentity>,
    ) -> Self {
        let config = files
            .iter()
            .filter(|(path, _)| config_files::target(path).is_some());
        let modes = files.get(config_files::MODES);
        let modes = modes.map(|text| config_files::modes(&String::from_utf8_lossy(text)));
        Self {
            directives,
            variables,
            files: config
                .map(|(path, bytes)| (path.clone(), Digest::of(bytes)))
                .collect(),
            modes: modes.unwrap_or_default(),
            secret_files,
        }
    }

    /// What the variables that are no secrets take, in bytes of `NAME=value` and a NUL each.
    #[must_use]
    pub fn plain_size(&self) -> usize {
        let variables = self.variables.iter();
        variables
            .filter_map(|(name, variable)| Some((name, variable.value.plain()?)))
            .map(|(name, value)| secret_files::size(name, value.as_bytes()))
            .sum()
    }

    /// Adds what the file of keyed digests says. Any text is fine.
    fn add_secrets(&mut self, text: &str) {
        for (name, identity) in secret_files::identities(text) {
            if secret_files::is_secret(name) {
                self.secret_files.insert(name.to_owned(), identity);
            } else if let Ok(name) = VariableName::new(name) {
                let variable = InputVariable {
                    layer: Layer::Secrets,
                    value: InputValue::Secret(identity),
                };
                self.variables.insert(name, variable);
            }
        }
    }
}

impl InputValue {
    /// The value, if it is no secret.
    #[must_use]
    pub fn plain(&self) -> Option<&str> {
        match self {
            InputValue::Plain(value) => Some(value),
            InputValue::Secret(_) => None,
        }
    }
}

/// Whether a key of `[Service]` decides how the container runs. What systemd uses only around or after a run does
/// not: a daemon-reload is enough for it.
fn decides(key: &str) -> bool {
    let by_reload = ["Kill", "Restart", "SendSIG", "StartLimit", "Timeout", "X-"];
    !by_reload.iter().any(|prefix| key.starts_with(prefix))
        && !matches!(
            key,
            "Description"
                | "ExecCondition"
                | "ExecReload"
                | "ExecStartPost"
                | "ExecStartPre"
                | "ExecStop"
                | "ExecStopPost"
                | "FinalKillSignal"
                | "ReloadSignal"
                | "SuccessExitStatus"
        )
}

/// Whether a command line of `ExecStartPre=` decides how the container runs: it makes the container, or connects it to a
/// network. Others only clear the way.
pub(super) fn makes_container(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default().trim_start_matches('-');
    let engine = program.rsplit('/').next().unwrap_or_default();
    matches!(engine, "docker" | "podman")
        && match words.next() {
            Some("create") => true,
            Some("network") => words.next() == Some("connect"),
            Some(_) | None => false,
        }
}

/// The directives of a unit that decide how its container runs, in which fingerprint and directory
/// are blanked already.
pub(super) fn directives(unit: &Unit) -> Vec<(String, Vec<String>)> {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in unit.assignments.iter().filter(|e| e.section == "Service") {
        let (key, value) = (entry.key.as_str(), entry.value.as_str());
        // What the inputs directory holds counts as variables.
        let inputs = key == "EnvironmentFile" && value.contains(DIRECTORY);
        let before_start = key == "ExecStartPre" && (value.is_empty() || makes_container(value));
        if inputs || !(decides(key) || before_start) {
            continue;
        }
        let values = by_key.entry(key).or_default();
        if value.is_empty() {
            values.clear();
        } else {
            values.push(value);
        }
    }
    by_key
        .into_iter()
        .flat_map(|(key, values)| values.into_iter().map(move |value| (key, value)))
        .map(|(key, value)| {
            // Not every key takes quoted words; one that cannot be split is compared as a whole.
            let words = split_words(value).unwrap_or_else(|_| vec![value.to_owned()]);
            (key.to_owned(), words)
        })
        .collect()
}

/// Reads back the inputs from the files of a host: the unit's text, and the files of its inputs
/// directory by path below it (`*.env` and `literal` are layers, others config files). Any text is fine, also one
/// that was edited by hand. For what [`render`](super::render) makes, the result is
/// [`DesiredService::inputs`](super::desired::DesiredService::inputs).
#[must_use]
pub fn inputs_of(unit_text: &str, files: &BTreeMap<String, impl AsRef<str>>) -> Inputs {
    inputs_of_parsed(unit_text, &parse_unit(unit_text), files, &BTreeMap::new())
}

/// The same, of a unit whose text is parsed already, and of files whose digests are known: some are no text, or too large
/// to be fetched.
#[must_use]
pub fn inputs_of_parsed(
    unit_text: &str,
    unit: &Unit,
    files: &BTreeMap<String, impl AsRef<str>>,
    digests: &BTreeMap<String, Digest>,
) -> Inputs {
    let text = blanked_by(unit_text, unit);
    let mut inputs = Inputs {
        directives: directives(&parse_unit(&text)).into(),
        ..Inputs::default()
    };
    // Sorted, as systemd reads them: a later file wins.
    for (path, text) in files {
        let text = text.as_ref();
        if secret_files::is_secret(path) {
            // Its keyed digest speaks for it.
        } else if path == secret_files::DIGESTS {
            inputs.add_secrets(text);
        } else if path == config_files::MODES {
            inputs.modes = config_files::modes(text);
        } else if path == literal::FILE {
            for (name, value, layer) in literal::parse(text) {
                let value = InputValue::Plain(value);
                inputs
                    .variables
                    .insert(name, InputVariable { layer, value });
            }
        } else if is_layer(path) {
            for (name, value) in env_file::parse(text) {
                // systemd drops other names, too.
                if let Ok(name) = VariableName::new(name)
                    && name.is_plain()
                {
                    let layer = env_file::layer_of(path);
                    let value = InputValue::Plain(value);
                    inputs
                        .variables
                        .insert(name, InputVariable { layer, value });
                }
            }
        } else {
            inputs.files.insert(path.clone(), Digest::of(text));
        }
    }
    let config = digests
        .iter()
        .filter(|(path, _)| config_files::target(path).is_some() && !secret_files::is_secret(path));
    let config = config.map(|(path, digest)| (path.clone(), digest.clone()));
    inputs.files.extend(config);
    inputs
}

/// Whether `EnvironmentFile=…/*.env` matches a file: directly below, and not hidden (`glob(7)`).
fn is_layer(path: &str) -> bool {
    path.ends_with(".env") && !path.starts_with('.') && !path.contains('/')
}
