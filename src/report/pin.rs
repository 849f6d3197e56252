//! The keys that hosts show, beside those that are pinned.

use super::palette::{Palette, paint};
use super::text::{escape, pad, width};
use crate::cluster::name::HostName;

/// The key of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKey {
    /// The host.
    pub host: HostName,
    /// Where it is.
    pub at: String,
    /// `<type> <base64>`
    pub key: String,
    /// `SHA256:…`
    pub fingerprint: String,
    /// What the description says of it.
    pub state: KeyState,
}

/// What the description says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// It has none of this host.
    New,
    /// It is this one.
    Pinned,
    /// It is another one, with this fingerprint.
    InsteadOf(String),
}

/// A line for each host, and how to compare the keys that are to be written.
#[must_use]
pub fn text(keys: &[ShownKey], palette: &Palette) -> String {
    let mut text = String::new();
    if keys.is_empty() {
        return "no host is reached by ssh: there is no key to pin\n".to_owned();
    }
    let column = |of: fn(&ShownKey) -> String| keys.iter().map(|key| width(&of(key))).max();
    let host = column(|key| key.host.to_string()).unwrap_or_default();
    let at = column(|key| escape(&key.at)).unwrap_or_default();
    for key in keys {
        let kind = key.key.split(' ').next().unwrap_or_default();
        let (word, style) = match &key.state {
            KeyState::New => ("not pinned yet".to_owned(), palette.added),
            KeyState::Pinned => ("pinned".to_owned(), palette.dim),
            KeyState::InsteadOf(old) => (
                format!("ANOTHER KEY than the pinned {}", escape(old)),
                palette.removed,
            ),
        };
        text += &format!(
            "{}  {}  {}  {}  {}\n",
            pad(key.host.as_str(), host),
            pad(&escape(&key.at), at),
            escape(kind),
            escape(&key.fingerprint),
            paint(style, &word)
        );
    }
    let mut files: Vec<String> = keys
        .iter()
        .filter(|key| key.state != KeyState::Pinned)
        .map(|key| {
            format!(
                "ssh-keygen -lf /etc/ssh/ssh_host_{}_key.pub",
                file_of(&key.key)
            )
        })
        .collect();
    files.sort();
    files.dedup();
    if !files.is_empty() {
        text += "\nCompare with what the host itself says, on its console or over a connection that you trust:\n";
        files.iter().for_each(|file| text += &format!("  {file}\n"));
    }
    text
}

/// The word of a kind of key in the names of sshd's files.
fn file_of(key: &str) -> &'static str {
    match key.split(' ').next() {
        Some("ssh-rsa") => "rsa",
        Some(kind) if kind.starts_with("ecdsa") => "ecdsa",
        Some(_) | None => "ed25519",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_with_how_to_compare_them() {
        let key = |host: &str, kind: &str, state| ShownKey {
            host: HostName::new(host).unwrap(),
            at: "10.0.0.1".to_owned(),
            key: format!("{kind} AAAA"),
            fingerprint: format!("SHA256:of-{host}\u{1b}"),
            state,
        };
        let keys = [
            key("docker01", "ssh-ed25519", KeyState::New),
            key("docker2", "ssh-rsa", KeyState::Pinned),
            key(
                "db",
                "ssh-rsa",
                KeyState::InsteadOf("SHA256:old".to_owned()),
            ),
        ];
        insta::assert_snapshot!(text(&keys, &Palette::PLAIN));
        assert_eq!(text(&keys[1..2], &Palette::PLAIN).lines().count(), 1);
    }
}
