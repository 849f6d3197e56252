//! The shapes of how a container finds others by name.

use std::net::IpAddr;

use super::text::{Shape, word};
use crate::cluster::read::Misfit;

/// The address of a server that is asked for names.
pub(in crate::cluster) fn dns_server(text: &str) -> Shape<String> {
    match text.parse::<IpAddr>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Misfit {
            expected: "the IP address of a DNS server".to_owned(),
            help: without_port(text).map(|address| format!("write `{address:?}`: the port is 53")),
        }),
    }
}

/// An address that has a port of its own, without it.
fn without_port(text: &str) -> Option<&str> {
    let (address, _) = text.rsplit_once(':')?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok().then_some(address)
}

/// A domain that short names are looked for in; `.` for none.
pub(in crate::cluster) fn dns_search(text: &str) -> Shape<String> {
    match text == "." || is_domain(text) {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new("a domain such as `example.com`")),
    }
}

/// An option of `resolv.conf(5)`.
pub(in crate::cluster) fn dns_option(text: &str) -> Shape<String> {
    word(text, "an option of resolv.conf such as `ndots:2`")
}

/// A name in a container's `/etc/hosts`.
pub(in crate::cluster) fn host_name(text: &str) -> Shape<String> {
    match is_domain(text) {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new("a host's name such as `db.example.com`")),
    }
}

/// What a name in a container's `/etc/hosts` means.
pub(in crate::cluster) fn host_address(text: &str) -> Shape<String> {
    match text == "host-gateway" || text.parse::<IpAddr>().is_ok() {
        true => Ok(text.to_owned()),
        false => Err(Misfit {
            expected: "an IP address, or `host-gateway` for the host itself".to_owned(),
            help: without_port(text).map(|address| format!("write `{address:?}`")),
        }),
    }
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-')
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::super::takes;
    use super::*;

    #[test]
    fn names_and_addresses_are_what_the_engines_take() {
        takes(
            dns_server,
            &["10.0.0.2", "fd00::1"],
            &["", "dns", "10.0.0.2:53", "[::1]:53"],
        );
        takes(
            dns_search,
            &[".", "example.com", "a.b."],
            &["", "a b", "-a", "a..b"],
        );
        takes(dns_option, &["ndots:2"], &["", "a b", "-x"]);
        takes(
            host_name,
            &["db", "a_b.example.com"],
            &["", "a:b", "a b", "a=b"],
        );
        takes(
            host_address,
            &["10.0.0.1", "::1", "host-gateway"],
            &["", "db", "10.0.0.1:80", "host_gateway"],
        );
    }
}
