//! The secrets of a service: which files of its inputs directory they are, what stands for those
//! files wherever files are compared, and how they are made once the values are known.
//!
//! | file | what | where |
//! | --- | --- | --- |
//! | `40-secrets.env` | secret variables, 0600 | made on the host |
//! | `secret-files/NAME` | a secret that is a file in the container, 0444 in a directory that only root enters | made on the host |
//! | `40-secrets.digests` | the keyed digests of all of them | like any other file |
//! | `.secrets` | what the digests of the made files were when they were made | on the host only |
//! | `.sealed`, `….age` | the ciphertexts, in generations and staging areas only | |
//!
//! Nobody can tell the digest of a made file without its values, so in a manifest, and in the
//! directory's name, a digest of keyed digests stands for it. A host that makes the file notes
//! in `.secrets` the digest of what it made beside the one that stands for it; a look takes the
//! one for the other as long as the file is what it was, so a hand edit shows like any other.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::env_file;
use super::fingerprint::Recipe;
use crate::cluster::model::{Service, VariableValue};
use crate::cluster::name::{ServiceName, VariableName};
use crate::cluster::secret::{Plaintext, RevealError, Secret, SecretIdentity};

/// The file of secret variables.
pub const ENV: &str = "40-secrets.env";
/// The file of keyed digests.
pub const DIGESTS: &str = "40-secrets.digests";
/// The directory of secrets that are files in the container.
pub const FILES: &str = "secret-files";
/// Where a host notes the digests of what it made.
pub const RECORD: &str = ".secrets";
/// Where a generation lists the ciphertexts of a service.
pub const SEALED: &str = ".sealed";

/// What all variables of a service may take together (as `check` has it for those that it knows), in
/// bytes of `NAME=value` and a NUL each.
const SERVICE_MAX: usize = 1 << 20;

/// Whether a file of an inputs directory holds secrets in plaintext, by its path below it.
#[must_use]
pub fn is_secret(path: &str) -> bool {
    let file = path.strip_prefix(FILES);
    path == ENV || file.is_some_and(|rest| rest.starts_with('/'))
}

/// The secrets of a service by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredSecrets {
    /// Says what stands for them.
    recipe: Recipe,
    variables: BTreeMap<VariableName, Secret>,
    files: BTreeMap<VariableName, Secret>,
}

impl Default for DesiredSecrets {
    fn default() -> Self {
        Self {
            recipe: Recipe::CURRENT,
            variables: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }
}

/// A file that a host is to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFile {
    /// The permissions, in octal.
    pub mode: u32,
    /// What is in it.
    pub bytes: Plaintext,
}

/// Why a service's secrets could not be made. It shows no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// A value cannot be put together.
    #[error("the value of {name} cannot be made: {error}")]
    Reveal {
        /// The variable, or the secret of a file.
        name: VariableName,
        /// Why.
        error: RevealError,
    },
    #[error(
        "expected UTF-8 without NUL and noncharacters of less than 131072 bytes for the variable {0}, found another value: it can be a file only"
    )]
    /// systemd would not carry the value of this variable.
    Variable(VariableName),
    /// All variables together are too large: their bytes.
    #[error("expected at most {SERVICE_MAX} bytes of variables, found {0}")]
    Size(usize),
}

impl DesiredSecrets {
    /// The secrets of a service.
    #[must_use]
    pub fn of(recipe: Recipe, service: &Service) -> Self {
        let secret =
            |(name, variable): (&VariableName, &crate::cluster::model::Variable)| match &variable
                .value
            {
                VariableValue::Secret(secret) => Some((name.clone(), secret.clone())),
                VariableValue::Plain(_) => None,
            };
        let file =
            |file: &crate::cluster::model::SecretFile| (file.name.clone(), file.secret.clone());
        Self {
            recipe,
            variables: service.variables.iter().filter_map(secret).collect(),
            files: service.secret_files.values().map(file).collect(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.files.is_empty()
    }

    /// Every secret, variable or file.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.variables.values().chain(self.files.values())
    }

    /// What the manifest has for the files that the host makes.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<String, Digest> {
        let mut entries = BTreeMap::new();
        if !self.variables.is_empty() {
            let parts = self.variables.iter().flat_map(|(name, secret)| {
                let identity = self.recipe.identity(secret);
                [name.as_str().as_bytes(), identity.as_str().as_bytes()]
            });
            let head = std::iter::once(b"secret variables v1".as_slice());
            entries.insert(ENV.to_owned(), Digest::of_parts(head.chain(parts)));
        }
        for (name, secret) in &self.files {
            let identity = self.recipe.identity(secret).as_str().as_bytes();
            let digest = Digest::of_parts([b"secret file v1".as_slice(), identity]);
            entries.insert(format!("{FILES}/{name}"), digest);
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
        for (name, secret) in &self.files {
            line(&format!("{FILES}/{name}"), secret);
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
            total += size(name, value.bytes());
            values.insert(name, value);
        }
        if total > SERVICE_MAX {
            return Err(MakeError::Size(total));
        }
        if !self.variables.is_empty() {
            let comment = format!(
                "40-secrets: secrets that {service} reads; written by bayplan, do not edit here"
            );
            let values = values
                .iter()
                .filter_map(|(name, value)| Some((*name, value.text()?)));
            let bytes = Plaintext::new(env_file::write(&comment, values).into_bytes());
            let mode = 0o600;
            made.insert(ENV.to_owned(), MadeFile { mode, bytes });
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
        Ok(made)
    }
}

/// What a file of keyed digests says: names of variables and paths of files, each with what stands for
/// its value. Any text is fine.
pub(super) fn identities(text: &str) -> impl Iterator<Item = (&str, SecretIdentity)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (name, identity) = line.split_once('=')?;
        Some((name, SecretIdentity::reported(identity)))
    })
}

/// What a variable takes, in bytes: `NAME=value` and a NUL.
pub(super) fn size(name: &VariableName, value: &[u8]) -> usize {
    name.as_str().len() + value.len() + 2
}

/// The name of a secret that is a file, from its path.
#[must_use]
pub fn file_name(path: &str) -> Option<VariableName> {
    let name = path.strip_prefix(FILES)?.strip_prefix('/')?;
    VariableName::new(name).ok()
}
