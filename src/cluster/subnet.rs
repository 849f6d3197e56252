//! Subnets of networks, and addresses in them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::digest::Digest;

/// A subnet: `172.22.1.0/24`, `fd4d::/64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subnet {
    base: IpAddr,
    prefix: u8,
}

/// What networks without a subnet of their own get one of: the engines' own pools are used up after some 30 of them.
/// It is kept for benchmarks (RFC 2544), so that hardly anybody routes it.
pub const POOL: Subnet = Subnet {
    base: IpAddr::V4(Ipv4Addr::new(198, 18, 0, 0)),
    prefix: 15,
};

/// Local IPv6 addresses of which nobody hands any out: what networks without a subnet of their own get is among them
/// (RFC 4193).
pub const LOCAL: Subnet = Subnet {
    base: IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0)),
    prefix: 8,
};

impl Subnet {
    /// The subnet of an address. `prefix` is at most the bits of the address.
    #[must_use]
    pub fn of(address: IpAddr, prefix: u8) -> Self {
        let base = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & mask).into()
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        };
        Self { base, prefix }
    }

    /// Reads a range of addresses as others write it: `10.0.0.0/8`. `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (base, prefix) = text.split_once('/')?;
        let (base, prefix): (IpAddr, u8) = (base.parse().ok()?, prefix.parse().ok()?);
        let bits = if base.is_ipv4() { 32 } else { 128 };
        (prefix <= bits).then(|| Self::of(base, prefix))
    }

    /// The local IPv6 subnet of a network of this name, the same on all hosts and after every boot: no two names have the
    /// same one, but for one pair in 10^16.
    #[must_use]
    pub fn local(name: &str) -> Self {
        let digest = Digest::of(name);
        let random = u128::from_str_radix(&digest.as_str()[..14], 16).unwrap_or_default();
        let bits = 0xfd << 120 | random << 64;
        Self::of(Ipv6Addr::from_bits(bits).into(), 64)
    }

    /// The family of its addresses.
    #[must_use]
    pub fn family(self) -> Family {
        Family::of(self.base)
    }

    /// Whether some address is in both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let prefix = self.prefix.min(other.prefix);
        self.family() == other.family()
            && Self::of(self.base, prefix) == Self::of(other.base, prefix)
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn holds(self, address: IpAddr) -> bool {
        Family::of(address) == self.family() && Self::of(address, self.prefix) == self
    }

    /// What an engine takes for the gateway where nobody says another one.
    #[must_use]
    pub fn first(self) -> IpAddr {
        match self.base {
            IpAddr::V4(base) => Ipv4Addr::from_bits(base.to_bits() | 1).into(),
            IpAddr::V6(base) => Ipv6Addr::from_bits(base.to_bits() | 1).into(),
        }
    }

    /// Whether an address in it can be a container's: not that of the subnet itself, nor that of all in it.
    #[must_use]
    pub fn has_for_one(self, address: IpAddr) -> bool {
        let all = match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(_)) => {
                let rest = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                Some(IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() | rest)))
            }
            _ => None,
        };
        self.holds(address) && address != self.base && Some(address) != all
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// The family of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        let (address, prefix) = text.split_once('/').unwrap();
        Subnet::of(address.parse().unwrap(), prefix.parse().unwrap())
    }

    #[test]
    fn two_overlap_where_one_holds_the_other() {
        for (one, other, expected) in [
            ("10.0.0.0/24", "10.0.0.0/24", true),
            ("10.0.0.0/8", "10.9.8.0/24", true),
            ("10.0.0.0/24", "10.0.1.0/24", false),
            ("198.18.0.0/15", "198.19.255.0/24", true),
            ("198.18.0.0/15", "198.20.0.0/24", false),
            ("0.0.0.0/0", "1.2.3.4/32", true),
            ("0.0.0.0/0", "::/0", false),
            ("fd00::/8", "fd4d:1::/64", true),
            ("fd4d:1::/64", "fd4d:2::/64", false),
        ] {
            assert_eq!(
                subnet(one).overlaps(subnet(other)),
                expected,
                "{one} {other}"
            );
            assert_eq!(
                subnet(other).overlaps(subnet(one)),
                expected,
                "{one} {other}"
            );
        }
        assert_eq!(subnet("10.1.2.3/16").to_string(), "10.1.0.0/16");
        assert_eq!(subnet("fd00:1:2:3::5/48").to_string(), "fd00:1:2::/48");
        assert_eq!(subnet("198.19.0.1/15"), POOL);
    }

    #[test]
    fn a_container_has_neither_the_first_nor_the_last_address() {
        for (of, address, expected) in [
            ("10.0.0.0/24", "10.0.0.0", false),
            ("10.0.0.0/24", "10.0.0.1", true),
            ("10.0.0.0/24", "10.0.0.254", true),
            ("10.0.0.0/24", "10.0.0.255", false),
            ("10.0.0.0/24", "10.0.1.1", false),
            ("10.0.0.0/24", "fd00::1", false),
            ("fd00::/64", "fd00::", false),
            ("fd00::/64", "fd00::ffff:ffff:ffff:ffff", true),
            ("fd00::/64", "fd00:0:0:1::1", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(subnet(of).has_for_one(address), expected, "{of} {address}");
        }
        assert_eq!(subnet("10.0.0.0/24").first().to_string(), "10.0.0.1");
        assert_eq!(subnet("fd00::/64").first().to_string(), "fd00::1");
    }

    #[test]
    fn a_local_subnet_is_of_the_name_alone() {
        let one = Subnet::local("mail-back");
        assert!(one.overlaps(LOCAL));
        assert_eq!(one, Subnet::local("mail-back"));
        assert!(!one.overlaps(Subnet::local("mail-front")));
        insta::assert_snapshot!(one.to_string(), @"fd30:1118:cdf9:cf61::/64");
    }
}
