//! The shapes of texts that tell how a host is reached.

use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

use std::net::IpAddr;

use super::text::{Shape, is_account, line};
use crate::cluster::model::{Engine, EngineClient};
use crate::cluster::nearest;
use crate::cluster::read::Misfit;

/// A login name on a host: an ssh_config can put it into a command (`%r`).
pub(in crate::cluster) fn login(text: &str) -> Shape<String> {
    if is_account(text) {
        return Ok(text.to_owned());
    }
    let misfit = "a user's name of letters, digits, `.`, `_` and `-`";
    match text.split_once('@') {
        Some((user, host)) if is_account(user) => {
            let help = format!("write `user = {user:?}`, and `address = {host:?}` for its host");
            Err(Misfit::help(misfit, help))
        }
        Some(_) | None => Err(Misfit::new(misfit)),
    }
}

/// The path of an engine's client: what follows the last `/` tells which engine it is.
pub(in crate::cluster) fn program(text: &str) -> Shape<EngineClient> {
    const EXPECTED: &str = "the absolute path of `docker` or `podman`";
    let engine = match text.rsplit_once('/').map(|(_, name)| name) {
        Some("docker") => Engine::Docker,
        Some("podman") => Engine::Podman,
        _ => return Err(Misfit::help(EXPECTED, "such as `/snap/bin/docker`")),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._+-".contains(&b);
    if !text.starts_with('/') || !text.bytes().all(plain) {
        return Err(Misfit::help(
            EXPECTED,
            "letters, digits and `/ . _ + -`, such as `/snap/bin/docker`",
        ));
    }
    let program = text.to_owned();
    Ok(EngineClient { engine, program })
}

/// A directory that stands for a host.
pub(in crate::cluster) fn directory(text: &str) -> Shape<String> {
    line(text)
}

/// A host's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) enum AddressKind {
    /// `10.0.0.1`, `::1`.
    Ip,
    /// `db.example.com`.
    Dns,
}

/// An IP address or a DNS name.
pub(in crate::cluster) fn address(text: &str) -> Shape<AddressKind> {
    const EXPECTED: &str = "an IP address or a DNS name";
    if text.parse::<IpAddr>().is_ok() {
        return Ok(AddressKind::Ip);
    }
    if let Some((user, host)) = text.split_once('@') {
        let help = format!("write `address = {host:?}` and `user = {user:?}`");
        return Err(Misfit::help(EXPECTED, help));
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && port.parse::<u16>().is_ok()
        && !host.contains(':')
    {
        let help = format!("write `address = {host:?}` and `port = {port}`");
        return Err(Misfit::help(EXPECTED, help));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    // A name whose last part is a number is an address that is written wrongly (RFC 1123, 2.1).
    let last = text.rsplit('.').next().unwrap_or_default();
    if text.len() <= 253 && text.split('.').all(label) && !number(last) {
        Ok(AddressKind::Dns)
    } else {
        Err(Misfit::new(EXPECTED))
    }
}

/// The host key types that bayplan pins (`ssh-keyscan` shows them).
const KEY_TYPES: [&str; 5] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
];

/// A public host key, `<type> <base64>`; a comment after it is dropped.
pub(in crate::cluster) fn host_key(text: &str) -> Shape<String> {
    const HELP: &str = "take it from `/etc/ssh/ssh_host_ed25519_key.pub` on the host";
    let misfit = || Misfit::help("a host key `ssh-ed25519 AAAA…`", HELP);
    line(text)?;
    let mut words = text.split_whitespace();
    let (Some(kind), Some(base64)) = (words.next(), words.next()) else {
        return Err(misfit());
    };
    if !KEY_TYPES.contains(&kind) {
        return Err(Misfit {
            expected: "a host key of a known type".to_owned(),
            help: Some(format!("known here: {}", nearest::list(KEY_TYPES))),
        });
    }
    let blob =
        decode_base64(base64).ok_or_else(|| Misfit::help("a host key with valid base64", HELP))?;
    // The blob repeats its type: four bytes of length, then the text (RFC 4253, 6.6).
    let named = u32::try_from(kind.len())
        .expect("a key type is short")
        .to_be_bytes();
    let body = blob
        .strip_prefix(&named[..])
        .and_then(|rest| rest.strip_prefix(kind.as_bytes()));
    let whole = match (body, kind) {
        (Some(key), "ssh-ed25519") => key.len() == 4 + 32,
        (Some(key), _) => key.len() >= 4 + 32,
        (None, _) => false,
    };
    if !whole {
        return Err(Misfit::help(format!("a whole key of type {kind}"), HELP));
    }
    Ok(format!("{kind} {base64}"))
}

/// Decodes standard base64 with its padding. Bits behind the last byte may be anything, as OpenSSH
/// has it.
pub(in crate::cluster) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    engine.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::takes;
    use super::*;

    #[test]
    fn addresses_are_ip_or_dns() {
        takes(
            address,
            &["10.0.0.1", "::1", "db-1.example.com", "localhost"],
            &[
                "",
                "10.0.0.300",
                "a b",
                "-a",
                "a..b",
                "deploy@a",
                "a:22",
                "$(id)",
            ],
        );
    }

    #[test]
    fn host_keys_lose_their_comment_and_nothing_else() {
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        assert_eq!(
            host_key(&format!("{key} root@docker01")),
            Ok(key.to_owned())
        );
        takes(
            host_key,
            &[key],
            &[
                "",
                "ssh-ed25519",
                "ssh-dss AAAA",
                "ssh-ed25519 AAAA",
                &key[..60],
                &key.replace("ssh-ed", "ssh-rsa"),
                &key.replace('C', "!"),
            ],
        );
    }
}
