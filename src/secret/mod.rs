//! Secrets in the config repository, and on the way to a host. The only room that decrypts; nothing
//! of what it decrypts is ever shown.
//!
//! ```text
//! vault      secrets.toml, edited so that what stays the same stays as it is
//! age        identities and recipients: the only file that names age
//! prompt     passphrases and values, asked on the terminal
//! edit       all values as one text for an editor
//! scratch    a file on a tmpfs for an editor, gone in every case
//! ```
//!
//! The digest of a value is HMAC-SHA256 over its name and itself with a digest key that stands
//! encrypted beside the values. So everybody sees which value changed, and nobody without an
//! identity can try values out against it. Encrypting anew changes no digest, so it restarts
//! nothing. `rekey` starts a new digest key: who lost access can try out the old values, which they
//! know anyway, but none that is set from then on.

#![expect(
    clippy::disallowed_methods,
    reason = "reads identities and random bytes, asks on the terminal"
)]

mod age;
pub mod edit;
mod prompt;
mod scratch;
pub mod vault;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

pub use self::age::{
    Identities, IdentityError, IdentityFile, OpenError, Recipients, SealError, Wanted,
};
pub use self::prompt::{hidden, visible};
pub use self::scratch::Scratch;
use self::vault::{Form, Stored, Vault, VaultError};
use crate::cluster::digest::Digest;
use crate::cluster::name::VariableName;
use crate::cluster::secret::{KeyedDigest, Plaintext, key_number};

/// A file of secrets with its digest keys, decrypted.
pub struct OpenVault {
    pub vault: Vault,
    identities: Identities,
    keys: BTreeMap<String, Plaintext>,
}

/// Why secrets could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the digest key {name} cannot be opened: {error}")]
    Key { name: String, error: OpenError },
    #[error("the secret {name} cannot be opened: {error}")]
    Value {
        name: VariableName,
        error: OpenError,
    },
    #[error("expected a digest key {key} for the secret {name}, found none")]
    NoKey { name: VariableName, key: String },
    #[error("the value of the secret {name} is not the one that its digest was made of")]
    Mismatch { name: VariableName },
    #[error("expected a secret {name}, found none")]
    Unknown { name: VariableName },
    #[error("no random bytes: {0}")]
    Random(String),
}

/// What became of a value that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    Added,
    Changed,
    /// It is the value that was there: nothing was written.
    Same,
}

impl OpenVault {
    /// Unlocks an identity and with it the digest keys.
    ///
    /// # Errors
    /// No identity opens them, or the file is damaged.
    pub fn open(vault: Vault, files: &[IdentityFile]) -> Result<Self, SecretError> {
        let newest = vault.newest_key()?;
        let encrypted = vault.keys()?;
        let recipients = vault.recipients()?;
        let recipients: Vec<&str> = recipients.values().map(String::as_str).collect();
        let identities = Identities::unlock(files, &recipients, &encrypted[&newest])?;
        let mut keys = BTreeMap::new();
        for (name, ciphertext) in encrypted {
            let key = identities.decrypt(&ciphertext);
            let error = |error| SecretError::Key {
                name: name.clone(),
                error,
            };
            let key = key.map_err(error)?;
            keys.insert(name, key);
        }
        Ok(Self {
            vault,
            identities,
            keys,
        })
    }

    /// The value of a secret, which is the one that its digest was made of.
    ///
    /// # Errors
    /// There is no such secret, it cannot be decrypted, or its digest is another value's: a merge went
    /// wrong, or somebody changed the file by hand.
    pub fn value(&self, name: &VariableName) -> Result<Plaintext, SecretError> {
        let mut values = self.vault.values()?;
        let unknown = || SecretError::Unknown { name: name.clone() };
        let stored = values.remove(name).ok_or_else(unknown)?;
        self.reveal(name, &stored)
    }

    fn reveal(&self, name: &VariableName, stored: &Stored) -> Result<Plaintext, SecretError> {
        let value = self.identities.decrypt(&stored.ciphertext);
        let value = value.map_err(|error| SecretError::Value {
            name: name.clone(),
            error,
        })?;
        if self.digest(stored.digest.key(), name, &value)? == stored.digest {
            Ok(value)
        } else {
            Err(SecretError::Mismatch { name: name.clone() })
        }
    }

    /// Every value.
    ///
    /// # Errors
    /// As [`OpenVault::value`].
    pub fn values(&self) -> Result<BTreeMap<VariableName, Plaintext>, SecretError> {
        let values = self.vault.values()?;
        let reveal = |(name, stored): (&VariableName, &Stored)| {
            Ok((name.clone(), self.reveal(name, stored)?))
        };
        values.iter().map(reveal).collect()
    }

    fn digest(
        &self,
        key: &str,
        name: &VariableName,
        value: &Plaintext,
    ) -> Result<KeyedDigest, SecretError> {
        let secret = self.keys.get(key).ok_or_else(|| SecretError::NoKey {
            name: name.clone(),
            key: key.to_owned(),
        })?;
        Ok(KeyedDigest::new(key, keyed(secret, name, value)))
    }

    /// Sets a value, if it is another one than before.
    ///
    /// # Errors
    /// It cannot be encrypted. A value that was there and cannot be read is replaced.
    pub fn set(&mut self, name: &VariableName, value: &Plaintext) -> Result<Set, SecretError> {
        let before = self.vault.values()?.remove(name);
        if let Some(stored) = &before
            && self.reveal(name, stored).is_ok_and(|old| old == *value)
        {
            return Ok(Set::Same);
        }
        let key = self.vault.newest_key()?;
        let digest = self.digest(&key, name, value)?;
        let ciphertext = self.recipients()?.encrypt(value.bytes())?;
        let form = if value.fits_variable(name) {
            Form::Any
        } else {
            Form::FileOnly
        };
        let stored = Stored {
            ciphertext,
            digest,
            form,
        };
        self.vault.set_value(name, &stored);
        Ok(match before {
            None => Set::Added,
            Some(_) => Set::Changed,
        })
    }

    fn recipients(&self) -> Result<Recipients, SecretError> {
        let recipients = self.vault.recipients()?;
        let pairs = recipients.iter().map(|(n, k)| (n.as_str(), k.as_str()));
        Ok(Recipients::new(pairs)?)
    }

    /// Encrypts everything to the recipients as they are now, and starts a new digest key. Digests
    /// stay. How many values there are.
    ///
    /// # Errors
    /// A value cannot be read, or not be encrypted.
    pub fn rekey(&mut self) -> Result<usize, SecretError> {
        let recipients = self.recipients()?;
        let values = self.vault.values()?;
        for (name, stored) in &values {
            let value = self.reveal(name, stored)?;
            let ciphertext = recipients.encrypt(value.bytes())?;
            let stored = Stored {
                ciphertext,
                ..stored.clone()
            };
            self.vault.set_value(name, &stored);
        }
        let newest = self.vault.newest_key()?;
        let used = |key: &str| values.values().any(|stored| stored.digest.key() == key);
        for (name, key) in &self.keys {
            if used(name) {
                self.vault.set_key(name, &recipients.encrypt(key.bytes())?);
            } else {
                self.vault.remove_key(name);
            }
        }
        let next = key_number(&newest).unwrap_or_default().saturating_add(1);
        let key = new_key()?;
        let name = format!("k{next}");
        self.vault.set_key(&name, &recipients.encrypt(key.bytes())?);
        self.keys.insert(name, key);
        Ok(values.len())
    }
}

/// Gives a new file its first digest key.
///
/// # Errors
/// It cannot be encrypted to the file's recipients.
pub fn first_key(vault: &mut Vault) -> Result<(), SecretError> {
    let recipients = vault.recipients()?;
    let pairs = recipients.iter().map(|(n, k)| (n.as_str(), k.as_str()));
    let recipients = Recipients::new(pairs)?;
    let ciphertext = recipients.encrypt(new_key()?.bytes())?;
    vault.set_key("k1", &ciphertext);
    Ok(())
}

/// HMAC-SHA256 over the name, framed by its length, and the value.
fn keyed(key: &Plaintext, name: &VariableName, value: &Plaintext) -> Digest {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    let name = name.as_str().as_bytes();
    mac.update(&(name.len() as u64).to_be_bytes());
    mac.update(name);
    mac.update(value.bytes());
    Digest::from_hash(&mac.finalize().into_bytes())
}

/// 32 random bytes.
fn new_key() -> Result<Plaintext, SecretError> {
    let mut bytes = vec![0; 32];
    let mut read = || fs_err::File::open("/dev/urandom")?.read_exact(&mut bytes);
    read().map_err(|error| SecretError::Random(error.to_string()))?;
    Ok(Plaintext::new(bytes))
}

/// Encrypts to a host's own SSH key, `<type> <base64>`.
///
/// # Errors
/// age cannot encrypt to such a key.
pub fn seal_to_host(host_key: &str, bytes: &Plaintext) -> Result<Vec<u8>, SealError> {
    Recipients::new([("the host's key", host_key)])?.encrypt(bytes.bytes())
}

/// The identities to try: those that were named, then the usual ones.
#[must_use]
pub fn identity_files(named: &[PathBuf]) -> Vec<IdentityFile> {
    let named = named.iter().map(|path| IdentityFile {
        path: path.clone(),
        wanted: Wanted::Named,
    });
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let home = variable("HOME");
    let config = variable("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let usual = [
        home.map(|home| home.join(".ssh/id_ed25519")),
        config.map(|config| config.join("bayplan/identity")),
    ];
    let usual = usual.into_iter().flatten().map(|path| IdentityFile {
        path,
        wanted: Wanted::Default,
    });
    named.chain(usual).collect()
}

#[cfg(test)]
mod tests;
