//! age (<https://age-encryption.org/v1>): the only file that names the crate.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use ::age::secrecy::SecretString;
use ::age::{Decryptor, Encryptor, Identity, Recipient};

use super::prompt;
use crate::cluster::secret::Plaintext;

/// How long the passphrase of an identity file may take to check, as age's own default would have it
/// on a fast machine: 2^22 rounds of scrypt.
const WORK_MAX: u8 = 22;

/// Whom something is encrypted to.
pub struct Recipients(Vec<Box<dyn Recipient + Send>>);

/// Why nothing can be encrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is nobody to encrypt to.
    #[error("expected recipients, found none")]
    NoRecipients,
    /// A recipient is none that age knows, or its plugin is not installed.
    #[error("age cannot encrypt to {who}: {why}")]
    Recipient {
        /// Its name in `[recipients]`.
        who: String,
        /// age's words.
        why: String,
    },
    /// Encryption failed: age's words.
    #[error("age failed to encrypt: {0}")]
    Failed(String),
}

impl Recipients {
    /// Takes recipients by name.
    ///
    /// # Errors
    /// There are none, or one of them is none that age knows; a plugin is not installed.
    pub fn new<'a>(
        recipients: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SealError> {
        let mut all: Vec<Box<dyn Recipient + Send>> = Vec::new();
        for (name, key) in recipients {
            let fails = |why: String| SealError::Recipient {
                who: name.to_owned(),
                why,
            };
            all.push(recipient(key).map_err(fails)?);
        }
        if all.is_empty() {
            return Err(SealError::NoRecipients);
        }
        Ok(Self(all))
    }

    /// Encrypts to all of them.
    ///
    /// # Errors
    /// A plugin failed.
    pub fn encrypt(&self, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
        let failed = |error: String| SealError::Failed(error);
        let recipients = self.0.iter().map(|r| r.as_ref() as &dyn Recipient);
        let encryptor =
            Encryptor::with_recipients(recipients).map_err(|e| failed(e.to_string()))?;
        let mut ciphertext = Vec::with_capacity(bytes.len() + 1024);
        let mut writer = encryptor
            .wrap_output(&mut ciphertext)
            .map_err(|e| failed(e.to_string()))?;
        writer.write_all(bytes).map_err(|e| failed(e.to_string()))?;
        writer.finish().map_err(|e| failed(e.to_string()))?;
        Ok(ciphertext)
    }
}

fn recipient(key: &str) -> Result<Box<dyn Recipient + Send>, String> {
    if let Ok(native) = key.parse::<::age::x25519::Recipient>() {
        return Ok(Box::new(native));
    }
    if key.starts_with("ssh-") {
        return match key.parse::<::age::ssh::Recipient>() {
            Ok(ssh) => Ok(Box::new(ssh)),
            Err(error) => Err(format!("{error:?}")),
        };
    }
    if let Ok(plugin) = key.parse::<::age::plugin::Recipient>() {
        let name = plugin.plugin().to_owned();
        let recipient = ::age::plugin::RecipientPluginV1::new(&name, &[plugin], &[], Asking);
        return match recipient {
            Ok(recipient) => Ok(Box::new(recipient)),
            Err(error) => Err(error.to_string()),
        };
    }
    Err("expected `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`, found another text".to_owned())
}

/// Identities that are unlocked.
pub struct UnlockedIdentities(Vec<Box<dyn Identity>>);

/// A file that may hold an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it has to be there.
    pub wanted: Wanted,
}

/// Whether somebody named an identity file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It has to be there.
    Named,
    /// It is one of those that are tried if they are there.
    Default,
}

/// Why no identity could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The file is not there, may not be read, or is no identity.
    #[error("the identity {path} cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words, or age's.
        why: String,
    },
    /// The passphrase that was typed does not open it.
    #[error("the passphrase of {path} is wrong")]
    Passphrase {
        /// The file.
        path: String,
    },
    /// It needs a passphrase, and nobody can be asked.
    #[error("the identity {path} has a passphrase, and there is no terminal to ask for it on")]
    NoTerminal {
        /// The file.
        path: String,
    },
    /// None of them opens it: each file with what became of it.
    #[error("no identity opens the secrets{}", tried_text(.tried))]
    NoMatch {
        /// Each file, and what became of it.
        tried: Vec<(String, String)>,
    },
    /// A ciphertext is damaged: age's words.
    #[error("the secrets cannot be opened: {0}")]
    Damaged(String),
}

fn tried_text(tried: &[(String, String)]) -> String {
    let lines = tried
        .iter()
        .map(|(path, why)| format!("\n  tried {path}: {why}"));
    lines.collect()
}

/// Why a ciphertext could not be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// None of the identities is a recipient.
    #[error("it is encrypted to none of your identities")]
    NoMatch,
    /// It is cut off or was changed.
    #[error("it is not whole, or was changed")]
    Damaged,
    /// An identity failed by itself, such as a hardware key that is not plugged in.
    #[error("your identity could not be used")]
    Identity,
}

/// An identity that needs a passphrase.
enum Locked {
    Ssh(PathBuf, ::age::ssh::EncryptedKey),
    File(PathBuf, Vec<u8>),
}

impl UnlockedIdentities {
    /// Unlocks what opens `probe`, of files in this order; those that need a passphrase come last, and
    /// are asked for only if nothing else does. `recipients` are those of the secrets: a locked SSH
    /// key that is none of them is passed over.
    ///
    /// # Errors
    /// A named file cannot be read, or nothing opens the probe.
    pub fn unlock(
        files: &[IdentityFile],
        recipients: &[&str],
        probe: &[u8],
    ) -> Result<Self, IdentityError> {
        let mut identities = Self(Vec::new());
        let mut locked = Vec::new();
        let mut tried = Vec::new();
        for file in files {
            let path = file.path.display().to_string();
            let bytes = match fs_err::read(&file.path) {
                Ok(bytes) => Plaintext::new(bytes),
                Err(_) if file.wanted == Wanted::Default => {
                    tried.push((path, "there is no such file".to_owned()));
                    continue;
                }
                Err(error) => {
                    return Err(IdentityError::Unreadable {
                        path,
                        why: error.to_string(),
                    });
                }
            };
            match identities.read(&file.path, &bytes, recipients) {
                Ok(Read::Ready) => tried.push((path, "it is none of the recipients".to_owned())),
                Ok(Read::Locked(key)) => locked.push(key),
                Ok(Read::Useless(why)) => tried.push((path, why)),
                Err(why) if file.wanted == Wanted::Default => tried.push((path, why)),
                Err(why) => return Err(IdentityError::Unreadable { path, why }),
            }
        }
        let mut locked = locked.into_iter();
        loop {
            match identities.decrypt(probe) {
                Ok(_) => return Ok(identities),
                Err(OpenError::NoMatch) => {}
                Err(error) => return Err(IdentityError::Damaged(error.to_string())),
            }
            let Some(next) = locked.next() else {
                return Err(IdentityError::NoMatch { tried });
            };
            let path = identities.unlock_one(next)?;
            tried.push((path, "it is none of the recipients".to_owned()));
        }
    }

    fn read(
        &mut self,
        path: &Path,
        bytes: &Plaintext,
        recipients: &[&str],
    ) -> Result<Read, String> {
        let begins = |text: &str| bytes.bytes().starts_with(text.as_bytes());
        if begins("age-encryption.org/") || begins("-----BEGIN AGE ENCRYPTED FILE-----") {
            return Ok(Read::Locked(Locked::File(
                path.to_owned(),
                bytes.bytes().to_vec(),
            )));
        }
        if begins("-----BEGIN ") {
            let name = Some(path.display().to_string());
            let key = ::age::ssh::Identity::from_buffer(bytes.bytes(), name)
                .map_err(|error| error.to_string())?;
            let public = ::age::ssh::Recipient::try_from(key.clone());
            return Ok(match key {
                ::age::ssh::Identity::Unencrypted(_) => {
                    self.0.push(Box::new(key));
                    Read::Ready
                }
                ::age::ssh::Identity::Encrypted(key) => {
                    let public = public.map(|public| public.to_string()).unwrap_or_default();
                    let ours = |recipient: &&&str| {
                        let mut words = recipient.split_whitespace();
                        let key = words.next().zip(words.next());
                        key.is_some_and(|(kind, base64)| public == format!("{kind} {base64}"))
                    };
                    if recipients.iter().any(|recipient| ours(&recipient)) {
                        Read::Locked(Locked::Ssh(path.to_owned(), key))
                    } else {
                        Read::Useless("it is none of the recipients".to_owned())
                    }
                }
                ::age::ssh::Identity::Unsupported(_) => {
                    Read::Useless("age cannot use such an SSH key".to_owned())
                }
            });
        }
        let file = ::age::IdentityFile::from_buffer(bytes.bytes()).map_err(|e| e.to_string())?;
        self.take(file)?;
        Ok(Read::Ready)
    }

    fn take<C: ::age::Callbacks>(&mut self, file: ::age::IdentityFile<C>) -> Result<(), String> {
        let identities = file.with_callbacks(Asking).into_identities();
        for identity in identities.map_err(|error| error.to_string())? {
            self.0.push(identity);
        }
        Ok(())
    }

    /// Asks for the passphrase. Returns the file's path.
    fn unlock_one(&mut self, locked: Locked) -> Result<String, IdentityError> {
        let (Locked::Ssh(path, _) | Locked::File(path, _)) = &locked;
        let path = path.display().to_string();
        let wrong = || IdentityError::Passphrase { path: path.clone() };
        let passphrase = prompt::hidden(&format!("passphrase of {path}: "))
            .ok_or_else(|| IdentityError::NoTerminal { path: path.clone() })?;
        let passphrase = SecretString::from(passphrase.text().unwrap_or_default().to_owned());
        match locked {
            Locked::Ssh(_, key) => {
                let key = key.decrypt(passphrase).map_err(|_| wrong())?;
                self.0.push(Box::new(::age::ssh::Identity::from(key)));
            }
            Locked::File(_, bytes) => {
                let mut identity = ::age::scrypt::Identity::new(passphrase);
                identity.set_max_work_factor(WORK_MAX);
                let armored = ::age::armor::ArmoredReader::new(&bytes[..]);
                let text = Decryptor::new_buffered(armored)
                    .and_then(|file| read_to_end(file, &mut std::iter::once(&identity as _)))
                    .map_err(|_| wrong())?;
                let unreadable = |why| IdentityError::Unreadable {
                    path: path.clone(),
                    why,
                };
                let file = ::age::IdentityFile::from_buffer(text.bytes())
                    .map_err(|error| unreadable(error.to_string()))?;
                self.take(file).map_err(unreadable)?;
            }
        }
        Ok(path)
    }

    /// Decrypts.
    ///
    /// # Errors
    /// It is encrypted to others, or damaged.
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<Plaintext, OpenError> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the crate may know more kinds one day"
        )]
        let why = |error: ::age::DecryptError| match error {
            ::age::DecryptError::NoMatchingKeys => OpenError::NoMatch,
            ::age::DecryptError::Plugin(_)
            | ::age::DecryptError::PluginResolve(_)
            | ::age::DecryptError::KeyDecryptionFailed => OpenError::Identity,
            _ => OpenError::Damaged,
        };
        let file = Decryptor::new_buffered(ciphertext).map_err(why)?;
        let mut identities = self.0.iter().map(AsRef::as_ref);
        read_to_end(file, &mut identities).map_err(why)
    }
}

/// What became of an identity file.
enum Read {
    Ready,
    Locked(Locked),
    Useless(String),
}

fn read_to_end<R: std::io::BufRead>(
    file: Decryptor<R>,
    identities: &mut dyn Iterator<Item = &dyn Identity>,
) -> Result<Plaintext, ::age::DecryptError> {
    let mut reader = file.decrypt(identities)?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    Ok(Plaintext::new(bytes))
}

/// What plugins ask for.
#[derive(Clone)]
struct Asking;

impl ::age::Callbacks for Asking {
    fn display_message(&self, message: &str) {
        prompt::tell(message);
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let no = no.unwrap_or("no");
        let answer = prompt::visible(&format!("{message} ({yes}/{no}) "))?;
        Some(answer == yes)
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        prompt::visible(&format!("{description} "))
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        let answer = prompt::hidden(&format!("{description}: "))?;
        Some(SecretString::from(answer.text()?.to_owned()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    /// A new identity: its file's text, and its recipient.
    pub fn identity() -> (String, String) {
        use ::age::secrecy::ExposeSecret as _;
        let identity = ::age::x25519::Identity::generate();
        let secret = identity.to_string().expose_secret().to_owned();
        (secret, identity.to_public().to_string())
    }
}
