//! Which port of this machine leads to which port of a container. It sticks: a cluster gets the same one again as long as it
//! is free, and it is no input of a container.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::cluster::digest::Digest;
use crate::cluster::name::ServiceName;
use crate::cluster::ports::Protocol;
use crate::render::bare::LocalPort;

/// Where ports are moved to: below those that systems give to whoever asks for any.
const FIRST: u16 = 20000;
const COUNT: u16 = 10000;

/// The ports of one cluster.
pub(super) struct PortBook {
    name: String,
    inner: Mutex<KnownPorts>,
}

struct KnownPorts {
    /// By service, port and protocol.
    known: BTreeMap<String, u16>,
    /// Those that this cluster has already, or that turned out to be taken.
    taken: BTreeSet<(u16, Protocol)>,
}

/// What a port is kept under. Where the description says another one, it is another one.
fn key(service: &ServiceName, port: LocalPort) -> String {
    let LocalPort {
        inside,
        protocol,
        wanted,
    } = port;
    format!("{service} {wanted}:{inside}/{}", protocol.as_str())
}

impl PortBook {
    /// Of a cluster that had these.
    pub(super) fn new(
        name: &str,
        known: BTreeMap<String, u16>,
        taken: BTreeSet<(u16, Protocol)>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            inner: Mutex::new(KnownPorts { known, taken }),
        }
    }

    /// A port for that of a container: the one that it had, the one that the description says, or another one. `is_free`
    /// asks the system.
    pub(super) fn choose(
        &self,
        service: &ServiceName,
        port: LocalPort,
        is_free: impl Fn(u16, Protocol) -> bool,
    ) -> Option<u16> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let LocalPort {
            protocol, wanted, ..
        } = port;
        let key = key(service, port);
        let start = Digest::of(format!("{} {key}", self.name));
        let start = u32::from_str_radix(&start.as_str()[..6], 16).unwrap_or_default();
        let start = u16::try_from(start % u32::from(COUNT)).unwrap_or_default();
        let others = (0..COUNT).map(|offset| FIRST + (start + offset) % COUNT);
        let known = inner.known.get(&key).copied();
        let mut candidates = known.into_iter().chain([wanted]).chain(others);
        let found = candidates
            .find(|at| !inner.taken.contains(&(*at, protocol)) && is_free(*at, protocol))?;
        inner.taken.insert((found, protocol));
        inner.known.insert(key, found);
        Some(found)
    }

    /// All that is known.
    pub(super) fn known(&self) -> BTreeMap<String, u16> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.known.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(wanted: u16) -> LocalPort {
        LocalPort {
            inside: 80,
            protocol: Protocol::Tcp,
            wanted,
        }
    }

    #[test]
    fn a_port_is_the_described_one_or_moves_and_sticks() {
        let (web, shop) = (
            ServiceName::new("web").unwrap(),
            ServiceName::new("shop").unwrap(),
        );
        let book = PortBook::new("main", BTreeMap::new(), BTreeSet::new());
        assert_eq!(book.choose(&web, port(8080), |_, _| true), Some(8080));
        let moved = book.choose(&shop, port(8080), |_, _| true).unwrap();
        assert!((FIRST..FIRST + COUNT).contains(&moved));
        // The next time the described one may be free: it stays where it was.
        let again = PortBook::new("main", book.known(), BTreeSet::new());
        assert_eq!(again.choose(&shop, port(8080), |_, _| true), Some(moved));
        assert_eq!(
            again
                .choose(&web, port(8080), |at, _| at != 8080)
                .map(|at| at >= FIRST),
            Some(true)
        );
        // Another cluster moves to another one.
        let other = PortBook::new("other", BTreeMap::new(), BTreeSet::new());
        let there = other.choose(&shop, port(8080), |at, _| at != 8080);
        assert_ne!(there, Some(moved));
        assert_eq!(other.choose(&web, port(8080), |_, _| false), None);
    }
}
