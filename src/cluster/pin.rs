//! Pinning host keys: the fingerprint of a key, and a key in the text of `cluster.toml`. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};
use toml_edit::{DocumentMut, InlineTable, Item, Value};

use super::name::HostName;
use super::shape::host;

/// The fingerprint of a public key `<type> <base64>`, as `ssh-keygen -lf` shows it; `None` if it is no host key.
#[must_use]
pub fn fingerprint(key: &str) -> Option<String> {
    let key = host::host_key(key).ok()?;
    let blob = host::decode_base64(key.split(' ').nth(1)?)?;
    let digest = STANDARD_NO_PAD.encode(Sha256::digest(blob));
    Some(format!("SHA256:{digest}"))
}

/// The text of a `cluster.toml` with another `host_key` of a host. One line differs, or one is new.
///
/// # Errors
/// The text is written such that no single line says it: what to write by hand.
pub fn with_host_key(text: &str, host: &HostName, key: &str) -> Result<String, String> {
    let by_hand = || format!("write `host_key = \"{key}\"` below [hosts.{host}] by hand");
    let mut document: DocumentMut = text.parse().map_err(|_| by_hand())?;
    let described = document
        .get_mut("hosts")
        .and_then(Item::as_table_like_mut)
        .and_then(|hosts| hosts.get_mut(host.as_str()))
        .ok_or_else(by_hand)?;
    let table = described.as_table_like_mut().ok_or_else(by_hand)?;
    if let Some(old) = table.get_mut("host_key").and_then(Item::as_value_mut) {
        let mut new = Value::from(key);
        *new.decor_mut() = old.decor().clone();
        *old = new;
    } else if let Some(inline) = described.as_inline_table_mut() {
        insert_last(inline, key);
    } else if let Some(table) = described.as_table_like_mut() {
        table.insert("host_key", toml_edit::value(key));
    }
    let mut new = document.to_string();
    if text.contains("\r\n") {
        new = new.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    if is_one_line_apart(text, &new) {
        Ok(new)
    } else {
        Err(by_hand())
    }
}

/// Adds it behind the last value; the blank before the brace stays there.
fn insert_last(inline: &mut InlineTable, key: &str) {
    let mut new = Value::from(key);
    if let Some((_, last)) = inline.iter_mut().last() {
        let blank = last.decor().suffix().cloned().unwrap_or_default();
        last.decor_mut().set_suffix("");
        new.decor_mut().set_suffix(blank);
    }
    inline.insert("host_key", new);
}

/// Whether one line changed, or one was added, and every other one is as it was.
fn is_one_line_apart(old: &str, new: &str) -> bool {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[same..], &new[same..]);
    new.len() == old.len() && new.get(1..) == old.get(1..)
        || new.len() == old.len() + 1 && &new[1..] == old
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn h(name: &str) -> HostName {
        HostName::new(name).unwrap()
    }

    #[test]
    fn a_fingerprint_is_what_ssh_keygen_shows() {
        // As `ssh-keygen -lf` says of this key.
        assert_eq!(
            fingerprint(KEY).unwrap(),
            "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"
        );
        assert_eq!(fingerprint("ssh-ed25519 AAAA"), None);
    }

    #[test]
    fn a_key_is_written_where_its_host_is() {
        for (before, after) in [
            (
                "[hosts.a]\naddress = \"1\" # one\n\n[hosts.a.vars]\nX = 1\n[hosts.b]\naddress = \"2\"\n",
                "[hosts.a]\naddress = \"1\" # one\nhost_key = \"K\"\n\n[hosts.a.vars]\nX = 1\n[hosts.b]\naddress = \"2\"\n",
            ),
            (
                "[hosts.a]\nhost_key=\"old\"   # of 2024\naddress = \"1\"\n",
                "[hosts.a]\nhost_key=\"K\"   # of 2024\naddress = \"1\"\n",
            ),
            (
                "[hosts]\na = { address = \"1\" }\nb = { address = \"2\" }\n",
                "[hosts]\na = { address = \"1\", host_key = \"K\" }\nb = { address = \"2\" }\n",
            ),
            (
                "[hosts]\na.address = \"1\"\nb.address = \"2\"\n",
                "[hosts]\na.address = \"1\"\na.host_key = \"K\"\nb.address = \"2\"\n",
            ),
            (
                "hosts = { a = { address = \"1\" } }",
                "hosts = { a = { address = \"1\", host_key = \"K\" } }\n",
            ),
            (
                "[hosts.a]\r\naddress = \"1\"\r\n# end\r\n",
                "[hosts.a]\r\naddress = \"1\"\r\nhost_key = \"K\"\r\n# end\r\n",
            ),
        ] {
            let after = after.replace('K', KEY);
            let new = with_host_key(before, &h("a"), KEY);
            assert_eq!(new, Ok(after), "{before}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        for text in ["", "hosts = 1", "[hosts.b]\n", "[hosts", "[hosts]\na = 1\n"] {
            let told = with_host_key(text, &h("a"), "K").unwrap_err();
            assert_eq!(
                told, "write `host_key = \"K\"` below [hosts.a] by hand",
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_other_line_stays(
            before in "(#[ -~]{0,20}\n|x[0-9] ?= ?[0-9]+ *(#.)?\n|\n){0,5}",
            comment in "( *# [a-z ]{0,9})?",
            after in "(#[ -~]{0,20}\n|\n|\\[hosts\\.b\\]\naddress = \"2\"\n){0,2}",
        ) {
            let text = format!("{before}[hosts.a]{comment}\naddress = \"1\"{comment}\n{after}");
            prop_assume!(text.parse::<DocumentMut>().is_ok());
            let new = with_host_key(&text, &h("a"), KEY).unwrap();
            let line = format!("host_key = \"{KEY}\"");
            let without: Vec<&str> = new.lines().filter(|it| *it != line).collect();
            prop_assert_eq!(without, text.lines().collect::<Vec<_>>());
        }
    }
}
