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
//! A digest key is bound to its cluster and to whom all is encrypted to: both stand with it in its
//! ciphertext, so secrets that are copied to another cluster are refused there. (Without the key nobody can make
//! another ciphertext for it: the digests of the values would not fit.)
//!
//! The digest of a value is HMAC-SHA256 over its name and itself with a digest key that stands
//! encrypted beside the values. So everybody sees which value changed, and nobody without an
//! identity can try values out against it. Encrypting anew changes no digest, so it restarts
//! nothing. `rekey` starts a new digest key: those who lost access can try out the old values, which they know
//! anyway, but not the values that are set from then on.

#![expect(
    clippy::disallowed_methods,
    reason = "reads identities and random bytes, asks on the terminal"
)]

mod age;
pub mod edit;
mod prompt;
mod scratch;
pub mod vault;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::PathBuf;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

pub use self::age::{
    IdentityError, IdentityFile, OpenError, Recipients, SealError, UnlockedIdentities, Wanted,
};
pub use self::prompt::{hidden, visible};
pub use self::scratch::Scratch;
use self::vault::{Form, Stored, Vault, VaultError};
use crate::cluster::digest::Digest;
use crate::cluster::name::{ClusterName, VariableName};
use crate::cluster::readers::{Difference, is_for, key_of};
use crate::cluster::secret::{KeyedDigest, Plaintext, key_number};

/// A file of secrets with its digest keys, decrypted.
pub struct OpenVault {
    /// The file.
    pub vault: Vault,
    identities: UnlockedIdentities,
    keys: BTreeMap<String, DigestKey>,
}

/// A digest key as it stands in its ciphertext.
struct DigestKey {
    key: Plaintext,
    /// `None` for a key of an older bayplan.
    bound: Option<Bound>,
}

/// What a digest key is bound to.
#[derive(PartialEq, Eq)]
struct Bound {
    cluster: String,
    /// The digest of whom all is encrypted to.
    readers: String,
}

/// What the text of a bound key begins with. Three lines, then the key itself.
const BOUND: &[u8] = b"bayplan digest key 2\n";

impl DigestKey {
    fn new(key: Plaintext, cluster: &ClusterName, readers: &BTreeMap<String, String>) -> Self {
        let bound = Some(Bound {
            cluster: cluster.to_string(),
            readers: readers_digest(readers),
        });
        Self { key, bound }
    }

    fn parse(text: Plaintext) -> Self {
        let bound = || {
            let rest = text.bytes().strip_prefix(BOUND)?;
            let mut parts = rest.splitn(3, |byte| *byte == b'\n');
            let mut line = || String::from_utf8(parts.next()?.to_vec()).ok();
            let bound = Bound {
                cluster: line()?,
                readers: line()?,
            };
            Some((bound, Plaintext::new(parts.next()?.to_vec())))
        };
        match bound() {
            Some((bound, key)) => Self {
                key,
                bound: Some(bound),
            },
            None => Self {
                key: text,
                bound: None,
            },
        }
    }

    fn text(&self) -> Plaintext {
        let Self { key, bound } = self;
        let Some(Bound { cluster, readers }) = bound else {
            return key.clone();
        };
        let head = [BOUND, cluster.as_bytes(), b"\n", readers.as_bytes(), b"\n"];
        Plaintext::new([head.concat().as_slice(), key.bytes()].concat())
    }
}

fn readers_digest(readers: &BTreeMap<String, String>) -> String {
    let keys: BTreeSet<String> = readers.values().map(|key| key_of(key)).collect();
    Digest::of_parts(keys.iter().map(String::as_bytes)).to_string()
}

/// Why secrets could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// No identity could be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Nothing can be encrypted.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A digest key cannot be decrypted.
    #[error("the digest key {name} cannot be opened: {error}")]
    Key {
        /// Its name in `[keys]`.
        name: String,
        /// Why.
        error: OpenError,
    },
    /// A value cannot be decrypted.
    #[error("the secret {name} cannot be opened: {error}")]
    Value {
        /// The secret's name.
        name: VariableName,
        /// Why.
        error: OpenError,
    },
    /// The digest key of a secret is not in the file.
    #[error("expected a digest key {key} for the secret {name}, found none")]
    NoKey {
        /// The secret's name.
        name: VariableName,
        /// The key's name.
        key: String,
    },
    /// Ciphertext and digest are of two values: a merge, or an edit by hand.
    #[error("the value of the secret {name} is not the one that its digest was made of")]
    Mismatch {
        /// The secret's name.
        name: VariableName,
    },
    /// There is no such secret.
    #[error("expected a secret {name}, found none")]
    Unknown {
        /// The secret's name.
        name: VariableName,
    },
    /// The system gives no random bytes: its words.
    #[error("no random bytes: {0}")]
    Random(String),
    /// The file, or a key in it, is another cluster's.
    #[error("expected the secrets of {expected}, found those of {found}")]
    OtherCluster {
        /// The cluster whose secrets are wanted.
        expected: String,
        /// The cluster whose secrets they are.
        found: String,
    },
    /// A key of an older bayplan among newer ones: it may be any cluster's.
    #[error("expected the digest key {name} to be bound to its cluster, found one that is not")]
    Unbound {
        /// The key's name.
        name: String,
    },
    /// `[recipients]` changed, and `rekey` was not run.
    #[error("expected `[recipients]` to be whom the secrets are encrypted to: {}", .0.words())]
    Recipients(Difference),
    /// A key is encrypted to others than `[readers]` says.
    #[error("expected other recipients of the digest key {name} than it is encrypted to")]
    SealedToOthers {
        /// The key's name.
        name: String,
    },
    /// `[readers]` was changed by hand.
    #[error("`[readers]` is not what bayplan wrote")]
    Readers,
}

/// What became of a value that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// There was none of this name.
    Added,
    /// There was another value.
    Changed,
    /// It is the value that was there: nothing was written.
    Same,
}

impl OpenVault {
    /// Unlocks an identity and with it the digest keys.
    ///
    /// # Errors
    /// No identity opens them, the file is damaged, or it is another cluster's.
    pub fn open(
        vault: Vault,
        cluster: &ClusterName,
        files: &[IdentityFile],
    ) -> Result<Self, SecretError> {
        let newest = vault.newest_key()?;
        let encrypted = vault.keys()?;
        let recipients = vault.recipients()?;
        let recipients: Vec<&str> = recipients.values().map(String::as_str).collect();
        let identities = UnlockedIdentities::unlock(files, &recipients, &encrypted[&newest])?;
        let mut keys = BTreeMap::new();
        for (name, ciphertext) in encrypted {
            let key = identities.decrypt(&ciphertext);
            let error = |error| SecretError::Key {
                name: name.clone(),
                error,
            };
            let key = DigestKey::parse(key.map_err(error)?);
            if let Some(bound) = &key.bound
                && bound.cluster != cluster.as_str()
            {
                return Err(SecretError::OtherCluster {
                    expected: cluster.to_string(),
                    found: bound.cluster.clone(),
                });
            }
            keys.insert(name, key);
        }
        let is_bound = |key: &DigestKey| key.bound.is_some();
        if keys.values().any(is_bound)
            && let Some((name, _)) = keys.iter().find(|(_, key)| !is_bound(key))
        {
            return Err(SecretError::Unbound { name: name.clone() });
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
        Ok(KeyedDigest::new(key, keyed(&secret.key, name, value)))
    }

    /// Sets a value, if it is another one than before.
    ///
    /// # Errors
    /// It cannot be encrypted, or the recipients are not those that all else is encrypted to. A value that
    /// was there and cannot be read is replaced.
    pub fn set(&mut self, name: &VariableName, value: &Plaintext) -> Result<Set, SecretError> {
        self.is_settled()?;
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

    /// Whether `[recipients]` are those that everything is encrypted to. If not, a new value would be for others than the
    /// rest.
    fn is_settled(&self) -> Result<(), SecretError> {
        let recipients = self.vault.recipients()?;
        let newest = self.vault.newest_key()?;
        let bound = self.keys.get(&newest).and_then(|key| key.bound.as_ref());
        match (self.vault.readers()?, bound) {
            (Some(readers), Some(bound)) if bound.readers != readers_digest(&readers) => {
                Err(SecretError::Readers)
            }
            (Some(readers), Some(_)) => match Difference::between(&recipients, &readers) {
                Some(difference) => Err(SecretError::Recipients(difference)),
                None => Ok(()),
            },
            (None, None) => {
                let key = &self.vault.keys()?[&newest];
                match is_for(key, recipients.values().map(String::as_str)) {
                    true => Ok(()),
                    false => Err(SecretError::SealedToOthers { name: newest }),
                }
            }
            (Some(_), None) | (None, Some(_)) => Err(SecretError::Readers),
        }
    }

    fn recipients(&self) -> Result<Recipients, SecretError> {
        let recipients = self.vault.recipients()?;
        let pairs = recipients.iter().map(|(n, k)| (n.as_str(), k.as_str()));
        Ok(Recipients::new(pairs)?)
    }

    /// Encrypts everything to the recipients as they are now, and starts a new digest key; binds all keys to
    /// the cluster. How many values there are. Digests stay, unless the secrets are another cluster's: then no
    /// key of theirs is used here.
    ///
    /// # Errors
    /// A value cannot be read, or not be encrypted.
    pub fn rekey(&mut self, cluster: &ClusterName, whose: Whose) -> Result<usize, SecretError> {
        let recipients = self.recipients()?;
        let readers = self.vault.recipients()?;
        let values = self.values()?;
        let stored = self.vault.values()?;
        let next = key_number(&self.vault.newest_key()?).unwrap_or_default();
        let newest = format!("k{}", next.saturating_add(1));
        for (name, key) in std::mem::take(&mut self.keys) {
            let used = |stored: &Stored| stored.digest.key() == name;
            if whose == Whose::Own && stored.values().any(used) {
                self.keys
                    .insert(name, DigestKey::new(key.key, cluster, &readers));
            } else {
                self.vault.remove_key(&name);
            }
        }
        let key = DigestKey::new(new_key()?, cluster, &readers);
        self.keys.insert(newest.clone(), key);
        for (name, key) in &self.keys {
            let ciphertext = recipients.encrypt(key.text().bytes())?;
            self.vault.set_key(name, &ciphertext);
        }
        for (name, value) in &values {
            let old = &stored[name];
            let digest = match whose {
                Whose::Own => old.digest.clone(),
                Whose::Others => self.digest(&newest, name, value)?,
            };
            let stored = Stored {
                ciphertext: recipients.encrypt(value.bytes())?,
                digest,
                form: old.form,
            };
            self.vault.set_value(name, &stored);
        }
        self.vault.set_sealed(cluster, &readers);
        Ok(values.len())
    }
}

/// Whose secrets are encrypted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The cluster's own.
    Own,
    /// Another cluster's, which this one takes over.
    Others,
}

/// Gives a new file its first digest key.
///
/// # Errors
/// It cannot be encrypted to the file's recipients.
pub fn first_key(vault: &mut Vault, cluster: &ClusterName) -> Result<(), SecretError> {
    let readers = vault.recipients()?;
    let pairs = readers.iter().map(|(n, k)| (n.as_str(), k.as_str()));
    let recipients = Recipients::new(pairs)?;
    let key = DigestKey::new(new_key()?, cluster, &readers);
    vault.set_key("k1", &recipients.encrypt(key.text().bytes())?);
    Ok(())
}

/// A new file with these values, which needs no identity.
///
/// # Errors
/// They cannot be encrypted to the recipients.
pub fn sealed(
    cluster: &ClusterName,
    recipients: &BTreeMap<String, String>,
    values: &BTreeMap<VariableName, Plaintext>,
) -> Result<Vault, SecretError> {
    let mut vault = Vault::new(cluster, recipients);
    let to = Recipients::new(recipients.iter().map(|(n, k)| (n.as_str(), k.as_str())))?;
    let key = DigestKey::new(new_key()?, cluster, recipients);
    vault.set_key("k1", &to.encrypt(key.text().bytes())?);
    for (name, value) in values {
        let stored = Stored {
            ciphertext: to.encrypt(value.bytes())?,
            digest: KeyedDigest::new("k1", keyed(&key.key, name, value)),
            form: match value.fits_variable(name) {
                true => Form::Any,
                false => Form::FileOnly,
            },
        };
        vault.set_value(name, &stored);
    }
    Ok(vault)
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
