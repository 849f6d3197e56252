//! Whom the ciphertexts of `secrets.toml` are encrypted to, as far as that shows without a key. The header of age's
//! format has a stanza for each recipient; that of an SSH key has the beginning of the key's digest.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::digest::Digest;
use super::shape::host::decode_base64;

/// A recipient without a comment: what is encrypted to.
#[must_use]
pub fn key_of(recipient: &str) -> String {
    let words: Vec<&str> = recipient.split_whitespace().take(2).collect();
    words.join(" ")
}

/// How those who should be able to read differ from those who are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Recipients who cannot read yet: nothing is encrypted to them.
    pub added: Vec<String>,
    /// Readers who are no longer recipients.
    pub removed: Vec<String>,
}

impl Difference {
    /// Compares two tables of names and keys; `None` if both have the same keys.
    #[must_use]
    pub fn between(
        recipients: &BTreeMap<String, String>,
        readers: &BTreeMap<String, String>,
    ) -> Option<Self> {
        let without = |all: &BTreeMap<String, String>, others: &BTreeMap<String, String>| {
            let others: BTreeSet<String> = others.values().map(|key| key_of(key)).collect();
            let new = all.iter().filter(|(_, key)| !others.contains(&key_of(key)));
            new.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let difference = Self {
            added: without(recipients, readers),
            removed: without(readers, recipients),
        };
        let same = difference.added.is_empty() && difference.removed.is_empty();
        (!same).then_some(difference)
    }

    /// `` `eve` cannot read yet, and `bob` still can ``.
    #[must_use]
    pub fn words(&self) -> String {
        let list = |names: &[String]| {
            let names: Vec<_> = names
                .iter()
                .map(|name| super::diagnostic::quoted(name))
                .collect();
            names.join(", ")
        };
        let Self { added, removed } = self;
        match (added.as_slice(), removed.as_slice()) {
            (added, []) => format!("{} cannot read yet", list(added)),
            ([], removed) => format!("{} still can read", list(removed)),
            (added, removed) => format!(
                "{} cannot read yet, and {} still can",
                list(added),
                list(removed)
            ),
        }
    }
}

/// Whether a ciphertext is for these recipients, as far as its header tells: how many native keys it has, and
/// which SSH keys. What a plugin writes is not judged, nor a header that is not whole.
#[must_use]
pub fn is_for<'a>(ciphertext: &[u8], recipients: impl IntoIterator<Item = &'a str>) -> bool {
    let Some(found) = stanzas(ciphertext) else {
        return true;
    };
    let mut expected: Vec<String> = recipients.into_iter().filter_map(stanza).collect();
    expected.sort();
    found == expected
}

/// The stanzas of a ciphertext that say whom they are for, sorted.
fn stanzas(ciphertext: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for line in ciphertext.split(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(line).ok()?;
        if line.starts_with("---") {
            found.sort();
            return Some(found);
        }
        let mut words = line.split(' ');
        if words.next() != Some("->") {
            continue;
        }
        match (words.next(), words.next()) {
            (Some("X25519"), _) => found.push("X25519".to_owned()),
            (Some(kind @ ("ssh-ed25519" | "ssh-rsa")), Some(tag)) => {
                found.push(format!("{kind} {tag}"));
            }
            _ => {}
        }
    }
    None
}

/// The stanza of a recipient; `None` for a plugin's.
fn stanza(recipient: &str) -> Option<String> {
    // `age1yubikey1…` is a plugin's: the last `1` ends the kind of key.
    if recipient.starts_with("age1") {
        return (recipient.rfind('1') == Some(3)).then(|| "X25519".to_owned());
    }
    let (kind, key) = recipient.split_once(' ')?;
    let digest = Digest::of(decode_base64(key.split_whitespace().next()?)?);
    let byte = |at: usize| u8::from_str_radix(&digest.as_str()[at..at + 2], 16).ok();
    let tag = [byte(0)?, byte(2)?, byte(4)?, byte(6)?];
    Some(format!("{kind} {}", STANDARD_NO_PAD.encode(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ada";
    const NATIVE: &str = "age1qqqqqqqqqqqqqqqqqqqqqqqq";

    fn sealed(stanzas: &[&str]) -> Vec<u8> {
        let stanzas: String = stanzas.iter().map(|s| format!("-> {s}\nAAAA\n")).collect();
        format!("age-encryption.org/v1\n{stanzas}--- mac\n\u{0}\u{1}").into_bytes()
    }

    #[test]
    fn a_header_tells_natives_by_number_and_ssh_keys_by_tag() {
        let ada = stanza(ADA).unwrap();
        let both = sealed(&["X25519 aaaa", &format!("{ada} bbbb"), "x-grease c"]);
        assert!(is_for(&both, [ADA, NATIVE]));
        assert!(is_for(&both, [NATIVE, ADA, "age1yubikey1qqqq"]));
        assert!(!is_for(&both, [ADA]) && !is_for(&both, [NATIVE, NATIVE]));
        assert!(!is_for(&both, [ADA, NATIVE, NATIVE]));
        let other = sealed(&["ssh-ed25519 AAAAAA bbbb", "X25519 aaaa"]);
        assert!(!is_for(&other, [ADA, NATIVE]));
        // A header that is cut off says nothing.
        assert!(is_for(&both[..30], [ADA]));
    }

    #[test]
    fn a_difference_is_told_by_name() {
        let table = |names: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = names
                .iter()
                .map(|(n, k)| ((*n).to_owned(), (*k).to_owned()));
            pairs.collect()
        };
        let before = table(&[("ada", ADA), ("bob", NATIVE)]);
        let named = table(&[("Ada", ADA.strip_suffix(" ada").unwrap()), ("bob", NATIVE)]);
        assert_eq!(Difference::between(&named, &before), None);
        let words =
            |after: &[(&str, &str)]| Difference::between(&table(after), &before).unwrap().words();
        assert_eq!(words(&[("ada", ADA)]), "`bob` still can read");
        assert_eq!(
            words(&[("ada", ADA), ("eve", "age1x")]),
            "`eve` cannot read yet, and `bob` still can"
        );
    }
}
