//! Which files of an inputs directory are secrets, and what stands for them.
//!
//! | file | what | where |
//! | --- | --- | --- |
//! | `40-secrets.env` | secret variables, 0600 | made on the host |
//! | `40-secrets.literal` | secret variables for `--env-file`, 0600 | made on the host |
//! | `secret-files/NAME` | a secret that is a file in the container, 0444 in a directory that only root enters | made on the host |
//! | `secret-files/by-path/PATH` | a file of the config repository with secrets in it ([`config_files`](super::config_files)) | made on the host |
//! | `40-secrets.digests` | the keyed digests of all of them | like any other file |
//! | `.secrets` | what the digests of the made files were when they were made | on the host only |
//! | `.sealed`, `….age` | the ciphertexts, in generations and staging areas only | |
//!
//! Nobody can tell the digest of a made file without its values. So a digest of keyed digests stands for it, in
//! a manifest and in the directory's name. The host that makes the file notes two digests in `.secrets`: of
//! what it made, and the one that stands for it. A look takes the one for the other while the file is what
//! it was, so a hand edit shows like any other.

use crate::cluster::digest::Digest;
use crate::cluster::name::VariableName;
use crate::cluster::secret::SecretIdentity;

/// The file of secret variables.
pub const ENV: &str = "40-secrets.env";
/// The file of secret variables that no environment can carry, as [`literal`](super::literal) is one.
pub const LITERAL: &str = "40-secrets.literal";
/// The file of keyed digests.
pub const DIGESTS: &str = "40-secrets.digests";
/// The directory of secrets that are files in the container.
pub const FILES: &str = "secret-files";
/// The directory of files of the config repository that have secrets in them. No secret has such a name.
pub const BY_PATH: &str = "secret-files/by-path";
/// Where a host notes the digests of what it made.
pub const RECORD: &str = ".secrets";
/// Where a generation lists the ciphertexts of a service.
pub const SEALED: &str = ".sealed";

/// Whether a file of an inputs directory holds secrets in plaintext, by its path below it.
#[must_use]
pub fn is_secret(path: &str) -> bool {
    let file = path.strip_prefix(FILES);
    path == ENV || path == LITERAL || file.is_some_and(|rest| rest.starts_with('/'))
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

/// What stands for a file that is one secret, or is made of some.
pub(super) fn secret_file(identity: &SecretIdentity) -> Digest {
    Digest::of_parts([b"secret file v1".as_slice(), identity.as_str().as_bytes()])
}
