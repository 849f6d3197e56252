//! Whether a host has the memory for both slots of a service: while one takes over from the other, both run.

use std::collections::BTreeMap;

use super::Finding;
use crate::cluster::name::ServiceName;

/// What a host says of its memory, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownMemory {
    /// What is there for who starts; `None` if it was not asked, or does not say.
    available: Option<u64>,
    /// What containers use, without what the kernel can take back.
    uses: BTreeMap<String, u64>,
}

/// A slot that starts while the other one serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondSlot {
    /// The service.
    pub service: ServiceName,
    /// The most that it may use, in bytes, if it has a limit.
    pub limit: Option<u64>,
    /// The container that serves.
    pub serves: String,
    /// The container in whose place it starts, which may still run.
    pub replaced: String,
}

/// A second slot may not find the memory that the first one uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TightMemory {
    /// The service.
    pub service: ServiceName,
    /// What its slot that serves uses, in bytes.
    pub uses: u64,
    /// What is there, in bytes.
    pub available: u64,
}

impl TightMemory {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let Self {
            service,
            uses,
            available,
        } = self;
        format!(
            "both slots of {service} may not fit into memory: the one that serves uses {} MiB, and {} MiB are available",
            mebibytes(*uses),
            mebibytes(*available)
        )
    }
}

/// Rounded up.
pub(super) fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

impl KnownMemory {
    /// Takes a line of a check: `available KIB`, or `CONTAINER BYTES`. `None` if it is none.
    pub(super) fn take(&mut self, rest: &str) -> Option<()> {
        let (name, number) = rest.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match name {
            "available" => self.available = Some(number.saturating_mul(1024)),
            container => {
                self.uses.insert(container.to_owned(), number);
            }
        }
        Some(())
    }

    /// What forbids these slots to start, and what may not go well. Each is looked at alone: one takes over after the other.
    #[must_use]
    pub fn against(&self, slots: &[SecondSlot]) -> (Vec<Finding>, Vec<TightMemory>) {
        let (mut findings, mut tight) = (Vec::new(), Vec::new());
        let Some(available) = self.available else {
            return (findings, tight);
        };
        for slot in slots {
            // What runs in its place ends first.
            let freed = self.uses.get(&slot.replaced).copied().unwrap_or_default();
            let available = available.saturating_add(freed);
            let service = slot.service.clone();
            match (slot.limit, self.uses.get(&slot.serves)) {
                (Some(limit), _) if limit > available => findings.push(Finding::Memory {
                    service,
                    limit,
                    available,
                }),
                (None, Some(uses)) if *uses > available => tight.push(TightMemory {
                    service,
                    uses: *uses,
                    available,
                }),
                (Some(_) | None, _) => {}
            }
        }
        (findings, tight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_slot_needs_its_limit_or_what_the_first_one_uses() {
        let mut known = KnownMemory::default();
        let slot = |limit: Option<u64>| SecondSlot {
            service: ServiceName::new("web").unwrap(),
            limit: limit.map(|limit| limit << 20),
            serves: "demo-web.a".to_owned(),
            replaced: "demo-web.b".to_owned(),
        };
        // A host that does not say how much it has is no reason not to go on.
        assert_eq!(known.against(&[slot(Some(9000))]), (vec![], vec![]));
        assert_eq!(known.take("available 512000"), Some(()));
        assert_eq!(known.take("demo-web.a 629145600"), Some(()));
        for odd in ["available", "available x", "demo-web.a -1", ""] {
            assert_eq!(known.take(odd), None, "{odd}");
        }
        assert_eq!(known.against(&[slot(Some(500))]), (vec![], vec![]));
        let (findings, tight) = known.against(&[slot(Some(501))]);
        assert_eq!(tight, []);
        assert_eq!(
            findings[0].to_string(),
            "expected 501 MiB of memory for the second slot of web (`memory`), found 500 MiB"
        );
        let (findings, tight) = known.against(&[slot(None)]);
        assert_eq!(findings, []);
        assert_eq!(
            tight[0].words(),
            "both slots of web may not fit into memory: the one that serves uses 600 MiB, and 500 MiB are available"
        );
        // What is kept in its place ends before it starts.
        assert_eq!(known.take("demo-web.b 104857600"), Some(()));
        assert_eq!(
            known.against(&[slot(Some(600)), slot(None)]),
            (vec![], vec![])
        );
    }
}
