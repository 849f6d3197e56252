//! The secrets of a service: what stands for their files wherever files are compared, and how those files are made once the
//! values are known. [`secret_files`](super::secret_files) says which files they are.

use std::collections::{BTreeMap, BTreeSet};

use super::config_files;
use super::env_file;
use super::fingerprint::Recipe;
use super::literal::{self, Carrying};
use super::live::{self, DesiredLive, LiveName};
use super::secret_files::{ENV, FILES, LITERAL, secret_file, size};
use crate::cluster::digest::Digest;
use crate::cluster::model::{FileMode, SecretFile, Service, Variable, VariableValue};
use crate::cluster::name::{HostName, ServiceName, VariableName};
use crate::cluster::reserved::unfit_for_line;
use crate::cluster::secret::{Plaintext, RevealError, Secret, SecretIdentity};

/// What all variables of a service may take together (as `check` has it for those that it knows), in
/// bytes of `NAME=value` and a NUL each.
const SERVICE_MAX: usize = 1 << 20;

/// The secrets of a service by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredSecrets {
    /// Says what stands for them.
    recipe: Recipe,
    variables: BTreeMap<VariableName, Secret>,
    /// Those of the variables that stand in a file for `--env-file`.
    literal: BTreeSet<VariableName>,
    files: BTreeMap<VariableName, Secret>,
    /// Files of the config repository with secrets in them, by path below the inputs directory.
    texts: BTreeMap<String, (FileMode, Secret)>,
    /// Files of live directories, by the names that they have among all files.
    live: BTreeMap<String, (FileMode, Secret)>,
}

impl Default for DesiredSecrets {
    fn default() -> Self {
        Self {
            recipe: Recipe::CURRENT,
            variables: BTreeMap::new(),
            literal: BTreeSet::new(),
            files: BTreeMap::new(),
            texts: BTreeMap::new(),
            live: BTreeMap::new(),
        }
    }
}

/// A file that a host is to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFile {
    /// The permissions, in octal.
    pub mode: u32,
    /// What it holds.
    pub bytes: Plaintext,
}

/// Why a service's secrets could not be made. It shows no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// The values that it is made of are not there, or do not fit together.
    #[error("the value of {name} cannot be made: {error}")]
    Reveal {
        /// The secret.
        name: VariableName,
        /// Why.
        error: RevealError,
    },
    /// A file cannot be made.
    #[error("the file {} cannot be made: {error}", config_files::target(path).unwrap_or(path))]
    Text {
        /// Below the inputs directory.
        path: String,
        /// Why.
        error: RevealError,
    },
    /// The value of this secret can be no variable.
    #[error(
        "expected UTF-8 without NUL and noncharacters of less than 131072 bytes for the variable {0}, found another value: it can be a file only"
    )]
    Variable(VariableName),
    /// The value of this secret cannot be one line of a file.
    #[error(
        "expected a value on one line for the variable {name}, found {what}: the engine's client reads a variable of this name from a file"
    )]
    Line {
        /// The secret.
        name: VariableName,
        /// What is in it.
        what: &'static str,
    },
    /// All variables together take this many bytes.
    #[error("expected at most {SERVICE_MAX} bytes of variables, found {0}")]
    Size(usize),
}

impl DesiredSecrets {
    /// The secrets of a service.
    #[must_use]
    pub(super) fn of(
        recipe: Recipe,
        service: &Service,
        host: Option<&HostName>,
        carrying: Carrying,
    ) -> Self {
        let secret = |(name, variable): (&VariableName, &Variable)| match &variable.value {
            VariableValue::Secret(secret) => Some((name.clone(), secret.clone())),
            VariableValue::Plain(_) => None,
        };
        let file = |file: &SecretFile| (file.name.clone(), file.secret.clone());
        let variables: BTreeMap<_, _> = service.variables.iter().filter_map(secret).collect();
        let literal = variables.keys().filter(|name| carrying.is_literal(name));
        Self {
            recipe,
            literal: literal.cloned().collect(),
            variables,
            files: service.secret_files.values().map(file).collect(),
            texts: config_files::secrets(service, host),
            live: BTreeMap::new(),
        }
    }

    /// The same with what live directories have of secrets.
    pub(super) fn with_live(mut self, live: &BTreeMap<LiveName, DesiredLive>) -> Self {
        self.live = live::made_paths(live);
        self
    }

    /// The same, by another recipe.
    pub(super) fn under(self, recipe: Recipe) -> Self {
        Self { recipe, ..self }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.has_inputs() && self.live.is_empty()
    }

    /// Whether some are inputs: those of live directories are none.
    pub(super) fn has_inputs(&self) -> bool {
        !(self.variables.is_empty() && self.files.is_empty() && self.texts.is_empty())
    }

    /// Every secret, variable or file.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        let texts = self.texts.values().chain(self.live.values());
        let texts = texts.map(|(_, secret)| secret);
        self.variables
            .values()
            .chain(self.files.values())
            .chain(texts)
    }

    /// Every secret that is a file, by path below the inputs directory.
    fn by_path(&self) -> impl Iterator<Item = (String, &Secret)> {
        let files = self.files.iter();
        let files = files.map(|(name, secret)| (format!("{FILES}/{name}"), secret));
        let texts = self.texts.iter();
        files.chain(texts.map(|(path, (_, secret))| (path.clone(), secret)))
    }

    /// What stands for each of them.
    pub(super) fn identities(&self) -> BTreeMap<String, SecretIdentity> {
        let identity = |secret| self.recipe.identity(secret).clone();
        self.by_path()
            .map(|(path, secret)| (path, identity(secret)))
            .collect()
    }

    /// The variables of one of the two files.
    fn variables_in(&self, file: &str) -> impl Iterator<Item = (&VariableName, &Secret)> {
        let literal = file == LITERAL;
        let variables = self.variables.iter();
        variables.filter(move |(name, _)| self.literal.contains(*name) == literal)
    }

    /// What the manifest has for the files that the host makes.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<String, Digest> {
        let mut entries = BTreeMap::new();
        for (file, head) in [
            (ENV, b"secret variables v1".as_slice()),
            (LITERAL, b"literal secret variables v1"),
        ] {
            let mut variables = self.variables_in(file).peekable();
            if variables.peek().is_none() {
                continue;
            }
            let parts = variables.flat_map(|(name, secret)| {
                let identity = self.recipe.identity(secret);
                [name.as_str().as_bytes(), identity.as_str().as_bytes()]
            });
            let head = std::iter::once(head);
            entries.insert(file.to_owned(), Digest::of_parts(head.chain(parts)));
        }
        for (path, secret) in self.by_path() {
            entries.insert(path, secret_file(self.recipe.identity(secret)));
        }
        entries
    }

    /// The text of the file of keyed digests.
    #[must_use]
    pub fn digests(&self, service: &ServiceName) -> String {
        let mut text = format!(
            "# what the secrets of {service} are: keyed digests, no values; written by bayplan\n"
        );
        let mut line = |name: &str, secret: &Secret| {
            text.push_str(name);
            text.push('=');
            text.push_str(self.recipe.identity(secret).as_str());
            text.push('\n');
        };
        for (name, secret) in &self.variables {
            line(name.as_str(), secret);
        }
        for (path, secret) in self.by_path() {
            line(&path, secret);
        }
        text
    }

    /// The files, from the values of the stored secrets. `plain_size` is what the variables that are no secrets
    /// take, in bytes.
    ///
    /// # Errors
    /// A value cannot be made, or not be carried.
    pub fn make(
        &self,
        service: &ServiceName,
        plain_size: usize,
        stored: &BTreeMap<VariableName, Plaintext>,
    ) -> Result<BTreeMap<String, MadeFile>, MakeError> {
        let reveal = |name: &VariableName, secret: &Secret| {
            secret.reveal(stored).map_err(|error| MakeError::Reveal {
                name: name.clone(),
                error,
            })
        };
        let mut made = BTreeMap::new();
        let mut values = BTreeMap::new();
        let mut total = plain_size;
        for (name, secret) in &self.variables {
            let value = reveal(name, secret)?;
            if !value.fits_variable(name) {
                return Err(MakeError::Variable(name.clone()));
            }
            if self.literal.contains(name)
                && let Some(what) = value.text().and_then(|text| unfit_for_line(name, text))
            {
                let name = name.clone();
                return Err(MakeError::Line { name, what });
            }
            total += size(name, value.bytes());
            values.insert(name, value);
        }
        if total > SERVICE_MAX {
            return Err(MakeError::Size(total));
        }
        let comment = format!(
            "40-secrets: secrets that {service} reads; written by bayplan, do not edit here"
        );
        let values = values
            .iter()
            .filter_map(|(name, value)| Some((*name, value.text()?)));
        let (literal, plain): (Vec<_>, Vec<_>) =
            values.partition(|(name, _)| self.literal.contains(*name));
        let mut text_file = |path: &str, text: String| {
            let bytes = Plaintext::new(text.into_bytes());
            let mode = 0o600;
            made.insert(path.to_owned(), MadeFile { mode, bytes });
        };
        if !plain.is_empty() {
            text_file(ENV, env_file::write(&comment, plain));
        }
        if !literal.is_empty() {
            let lines = literal.into_iter();
            let lines = lines.map(|(name, value)| literal::line(name, value));
            text_file(
                LITERAL,
                format!("# {comment}\n{}", lines.collect::<String>()),
            );
        }
        for (name, secret) in &self.files {
            let path = format!("{FILES}/{name}");
            let file = MadeFile {
                // The container's user may be any; on the host only root enters the directory.
                mode: 0o444,
                bytes: reveal(name, secret)?,
            };
            made.insert(path, file);
        }
        for (path, (mode, secret)) in self.texts.iter().chain(&self.live) {
            let bytes = secret.reveal(stored);
            let bytes = bytes.map_err(|error| MakeError::Text {
                path: path.clone(),
                error,
            })?;
            let mode = mode.0;
            made.insert(path.clone(), MadeFile { mode, bytes });
        }
        Ok(made)
    }
}
