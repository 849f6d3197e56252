//! What stands for the value of a secret: digests by a key that only readers of the secrets have.

use std::fmt;

use crate::cluster::digest::Digest;

/// The keyed digest of a stored secret, `k1:` and 64 hexadecimal digits: HMAC-SHA256 with the
/// digest key of that name over the secret's name and value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyedDigest {
    key: String,
    digest: Digest,
}

impl KeyedDigest {
    /// Takes a digest made with the key of this name.
    #[must_use]
    pub fn new(key: &str, digest: Digest) -> Self {
        Self {
            key: key.to_owned(),
            digest,
        }
    }

    /// Reads `k1:<64 hexadecimal digits>`; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (key, digest) = text.split_once(':')?;
        key_number(key)?;
        Some(Self::new(key, Digest::reported(digest)?))
    }

    /// The name of the digest key, `k1`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for KeyedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.key, self.digest)
    }
}

/// The number of a digest key's name: 2 of `k2`.
#[must_use]
pub fn key_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix('k')?;
    let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// What stands for a secret's value where values are compared: equal if and only if nothing that
/// makes the value differs. Without the digest key nobody can tell the value from it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretIdentity(pub(super) String);

impl SecretIdentity {
    /// Takes the text that a host's file has. Any text is fine: one that is not ours equals no desired one.
    #[must_use]
    pub fn reported(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
