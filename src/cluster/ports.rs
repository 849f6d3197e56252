//! Ports of a host, and what of a container is published on them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::read::Misfit;
use super::shape::text::Shape;

/// What a port is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, which is meant where nothing is said.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// As the engines write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// The protocol of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// Ports of a host that one container takes: no other one can have them.
///
/// As text `[address:]port[-last][/protocol]`: `80`, `127.0.0.1:80`, `[::1]:8000-8010/udp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPorts {
    /// `None` is every address, of IPv4 and of IPv6.
    pub address: Option<IpAddr>,
    /// The first port.
    pub first: u16,
    /// The last one; mostly the same.
    pub last: u16,
    /// Of what.
    pub protocol: Protocol,
}

impl HostPorts {
    /// One TCP port of every address.
    #[must_use]
    pub fn tcp(port: u16) -> Self {
        Self {
            address: None,
            first: port,
            last: port,
            protocol: Protocol::Tcp,
        }
    }

    /// The first port that both would take.
    #[must_use]
    pub fn clash(&self, other: &Self) -> Option<u16> {
        let first = self.first.max(other.first);
        let meet = first <= self.last.min(other.last);
        (meet && self.protocol == other.protocol && same_address(self.address, other.address))
            .then_some(first)
    }

    /// The text as its parts; no port is 0.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, protocol) = protocol_of(text)?;
        let (address, ports) = address_of(rest)?;
        let (first, last) = range(ports)?;
        Some(Self {
            address,
            first,
            last,
            protocol,
        })
    }
}

/// Whether one of two sockets on these addresses keeps the other one out.
fn same_address(one: Option<IpAddr>, other: Option<IpAddr>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return true;
    };
    let (one, other) = (one.to_canonical(), other.to_canonical());
    let whole = one.is_unspecified() || other.is_unspecified();
    one == other || whole && one.is_ipv4() == other.is_ipv4()
}

impl fmt::Display for HostPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            first,
            last,
            protocol,
        } = self;
        match address {
            None => {}
            Some(IpAddr::V4(address)) => write!(f, "{address}:")?,
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
        }
        write!(f, "{first}")?;
        if last > first {
            write!(f, "-{last}")?;
        }
        match protocol {
            Protocol::Tcp => Ok(()),
            Protocol::Udp | Protocol::Sctp => write!(f, "/{}", protocol.as_str()),
        }
    }
}

impl Serialize for HostPorts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As manifests always had it.
        match *self == Self::tcp(self.first) {
            true => serializer.serialize_u16(self.first),
            false => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for HostPorts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ports;
        impl Visitor<'_> for Ports {
            type Value = HostPorts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port, or ports such as `127.0.0.1:80/udp`")
            }

            fn visit_u64<E: de::Error>(self, port: u64) -> Result<HostPorts, E> {
                let port = u16::try_from(port).ok().filter(|port| *port > 0);
                let port = port.ok_or_else(|| E::custom("expected a port from 1 to 65535"))?;
                Ok(HostPorts::tcp(port))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HostPorts, E> {
                HostPorts::parse(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Ports)
    }
}

/// Ports of a container that are published on ports of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Publish {
    /// Where. Without an address it is where the host publishes ports (`listen`).
    pub at: HostPorts,
    /// The first port in the container; the others follow it as they do on the host.
    pub inside: u16,
}

impl Publish {
    /// One TCP port, the same on both sides.
    #[must_use]
    pub fn tcp(port: u16) -> Self {
        Self {
            at: HostPorts::tcp(port),
            inside: port,
        }
    }

    /// As on a host that publishes on this address what names none.
    #[must_use]
    pub fn on(mut self, listen: Option<IpAddr>) -> Self {
        self.at.address = self.at.address.or(listen);
        self
    }

    /// The port of the host that leads to this TCP port of the container.
    #[must_use]
    pub fn to(&self, port: u16) -> Option<u16> {
        let offset = port.checked_sub(self.inside)?;
        let outside = self.at.first.checked_add(offset)?;
        (outside <= self.at.last && self.at.protocol == Protocol::Tcp).then_some(outside)
    }

    /// The value of `--publish`.
    #[must_use]
    pub fn argument(&self) -> String {
        let outside = HostPorts {
            protocol: Protocol::Tcp,
            ..self.at
        };
        let inside = HostPorts {
            address: None,
            first: self.inside,
            last: self.inside + (self.at.last - self.at.first),
            protocol: self.at.protocol,
        };
        format!("{outside}:{inside}")
    }
}

/// An entry of `publish`: `[address:]host[:container][/protocol]`.
pub(super) fn publish(text: &str) -> Shape<Publish> {
    const EXPECTED: &str =
        "ports to publish such as `8443`, `80:3000`, `127.0.0.1:80:3000` or `53:53/udp`";
    let written =
        |entry: String| Misfit::help(EXPECTED, format!("write `publish = [\"{entry}\"]`"));
    let misfit = || Misfit::new(EXPECTED);
    if let Some(better) = better(text) {
        return Err(written(better));
    }
    let (rest, protocol) = protocol_of(text).ok_or_else(misfit)?;
    let (address, ports) = address_of(rest).ok_or_else(misfit)?;
    let (outside, inside) = ports.split_once(':').unwrap_or((ports, ports));
    let (first, last) = range(outside).ok_or_else(misfit)?;
    let (inside, end) = range(inside).ok_or_else(misfit)?;
    if end - inside != last - first {
        // To docker it is one of the ports of the host, and nobody knows which.
        let end = u32::from(inside) + u32::from(last - first);
        let inside = match first == last {
            true => inside.to_string(),
            false => format!("{inside}-{end}"),
        };
        return Err(Misfit::help(
            "as many ports of the host as of the container",
            format!("write `publish = [\"{outside}:{inside}\"]`"),
        ));
    }
    Ok(Publish {
        at: HostPorts {
            address,
            first,
            last,
            protocol,
        },
        inside,
    })
}

/// What is meant by an entry that other tools take.
fn better(text: &str) -> Option<String> {
    let fits = |entry: String| publish(&entry).is_ok().then_some(entry);
    let lower = text.to_ascii_lowercase();
    if lower != text {
        return fits(lower);
    }
    if let Some(rest) = text.strip_prefix("localhost:") {
        return fits(format!("127.0.0.1:{rest}"));
    }
    // `80/tcp:3000/tcp`
    if let Some((outside, inside)) = text.rsplit_once(':')
        && let Some((outside, protocol)) = outside.split_once('/')
    {
        let inside = inside.split('/').next().unwrap_or_default();
        return fits(format!("{outside}:{inside}/{protocol}"));
    }
    // `:443:443`
    if let Some(rest) = text.strip_prefix(':')
        && !rest.starts_with(':')
    {
        return fits(rest.to_owned());
    }
    // A docker without a port of the host takes any.
    if let Some((address, inside)) = text.split_once("::")
        && address.parse::<Ipv4Addr>().is_ok()
    {
        return fits(format!("{address}:{inside}"));
    }
    // `::1:80:80`
    let mut parts = text.rsplitn(3, ':');
    let (inside, outside, address) = (parts.next()?, parts.next()?, parts.next()?);
    match address.parse::<Ipv6Addr>() {
        Ok(address) => fits(format!("[{address}]:{outside}:{inside}")),
        Err(_) => None,
    }
}

/// A text without its protocol, and that.
fn protocol_of(text: &str) -> Option<(&str, Protocol)> {
    match text.split_once('/') {
        None => Some((text, Protocol::Tcp)),
        Some((rest, name)) => Some((rest, Protocol::named(name)?)),
    }
}

/// The address before the ports, and those.
fn address_of(text: &str) -> Option<(Option<IpAddr>, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, ports) = rest.split_once("]:")?;
        let address: Ipv6Addr = address.parse().ok()?;
        return Some((Some(address.into()), ports));
    }
    match text.split_once(':') {
        Some((address, ports)) if address.contains('.') => {
            let address: Ipv4Addr = address.parse().ok()?;
            Some((Some(address.into()), ports))
        }
        Some(_) | None => Some((None, text)),
    }
}

/// `80`, `80-90`.
pub(super) fn range(text: &str) -> Option<(u16, u16)> {
    let port = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|port| digits && *port > 0)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ports(text: &str) -> HostPorts {
        HostPorts::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn two_clash_on_one_address_of_one_protocol() {
        for (a, b, expected) in [
            ("80", "80", Some(80)),
            ("80", "81", None),
            ("80", "80/udp", None),
            ("8000-8010", "8005-8020", Some(8005)),
            ("8000-8010", "8011", None),
            ("127.0.0.1:80", "80", Some(80)),
            ("127.0.0.1:80", "0.0.0.0:80", Some(80)),
            ("127.0.0.1:80", "10.0.0.1:80", None),
            ("127.0.0.1:80", "[::1]:80", None),
            ("0.0.0.0:80", "[::]:80", None),
            ("[::]:80", "[::1]:80", Some(80)),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", Some(80)),
            ("[::1]:53/udp", "53/udp", Some(53)),
        ] {
            assert_eq!(ports(a).clash(&ports(b)), expected, "{a} {b}");
            assert_eq!(ports(b).clash(&ports(a)), expected, "{b} {a}");
        }
    }

    #[test]
    fn an_entry_becomes_an_argument() {
        for (entry, argument) in [
            ("8443", "8443:8443"),
            ("80:3000", "80:3000"),
            ("127.0.0.1:80:3000", "127.0.0.1:80:3000"),
            ("127.0.0.1:80", "127.0.0.1:80:80"),
            ("10000-10010/udp", "10000-10010:10000-10010/udp"),
            ("[::1]:9000:3000", "[::1]:9000:3000"),
            ("53:5353/udp", "53:5353/udp"),
        ] {
            let found = publish(entry).unwrap();
            assert_eq!(found.argument(), argument);
        }
        let two = publish("8000-8001:9000-9001").unwrap();
        assert_eq!((two.to(9001), two.to(9002)), (Some(8001), None));
    }

    #[test]
    fn another_entry_is_told_what_to_write() {
        let table: Vec<String> = [
            "",
            "0",
            "65536",
            "80:",
            ":80",
            "http",
            "80:80:80",
            "80/icmp",
            "${PORT}:80",
            "8000-8010:80",
            "80:8000-8010",
            "localhost:80:80",
            "::1:9000:3000",
            "80:80/TCP",
            "80/udp:81/udp",
            "127.0.0.1::80",
            "8010-8000",
            "1.2.3:80:80",
            "[::1]9000:3000",
            "+80",
        ]
        .into_iter()
        .map(|entry| {
            let misfit = publish(entry).unwrap_err();
            format!("{entry:18} {}", misfit.help.unwrap_or_default())
        })
        .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    proptest! {
        #[test]
        fn text_and_json_are_read_back(
            address in prop::option::of(any::<IpAddr>()),
            first in 1..=u16::MAX,
            more in 0..20u16,
            protocol in prop::sample::select(Protocol::ALL.to_vec()),
        ) {
            let last = first.saturating_add(more);
            let ports = HostPorts { address, first, last, protocol };
            prop_assert_eq!(HostPorts::parse(&ports.to_string()), Some(ports));
            let json = serde_json::to_string(&ports).unwrap();
            prop_assert_eq!(serde_json::from_str::<HostPorts>(&json).unwrap(), ports);
            if address.is_none() && more == 0 && protocol == Protocol::Tcp {
                prop_assert_eq!(json, first.to_string());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9:./a-z\\[\\]-]{0,24}") {
            let _ = (HostPorts::parse(&text), publish(&text));
        }
    }
}
