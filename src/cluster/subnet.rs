//! IPv4 subnets of networks.

use std::fmt;
use std::net::Ipv4Addr;

/// An IPv4 subnet: `172.22.1.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subnet {
    base: u32,
    prefix: u8,
}

/// What networks without a subnet of their own get one of: the engines' own pools are used up after some 30 of them.
/// It is kept for benchmarks (RFC 2544), so that hardly anybody routes it.
pub const POOL: Subnet = Subnet {
    base: 198 << 24 | 18 << 16,
    prefix: 15,
};

impl Subnet {
    /// The subnet of an address. `prefix` is at most 32.
    #[must_use]
    pub fn of(address: Ipv4Addr, prefix: u8) -> Self {
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        Self {
            base: u32::from(address) & mask,
            prefix,
        }
    }

    /// Whether some address is in both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let prefix = self.prefix.min(other.prefix);
        Self::of(self.base.into(), prefix) == Self::of(other.base.into(), prefix)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_overlap_where_one_holds_the_other() {
        let subnet = |text: &str| {
            let (address, prefix) = text.split_once('/').unwrap();
            Subnet::of(address.parse().unwrap(), prefix.parse().unwrap())
        };
        for (one, other, expected) in [
            ("10.0.0.0/24", "10.0.0.0/24", true),
            ("10.0.0.0/8", "10.9.8.0/24", true),
            ("10.0.0.0/24", "10.0.1.0/24", false),
            ("198.18.0.0/15", "198.19.255.0/24", true),
            ("198.18.0.0/15", "198.20.0.0/24", false),
            ("0.0.0.0/0", "1.2.3.4/32", true),
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
        assert_eq!(subnet("198.19.0.1/15"), POOL);
    }
}
