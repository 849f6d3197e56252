//! What becomes of the networks of a host.

use std::collections::{BTreeMap, BTreeSet};

use super::RefusalReason;
use crate::cluster::name::ServiceName;

/// What becomes of the networks that are there.
#[derive(Default)]
pub(super) struct NetworksDraft {
    /// By name.
    pub(super) remade: BTreeMap<String, RemadeNetwork>,
    /// Those that nobody is to be in.
    pub(super) unneeded: BTreeSet<String>,
    pub(super) refusals: Vec<RefusalReason>,
}

/// A network that is made anew.
pub(super) struct RemadeNetwork {
    pub(super) before: String,
    pub(super) after: String,
    /// Services that start once it is gone, in one visit.
    pub(super) users: BTreeSet<ServiceName>,
    /// Those that stop before it goes, services that leave the host among them.
    pub(super) down: BTreeSet<ServiceName>,
}

impl NetworksDraft {
    /// Whether anything is to be done.
    pub(super) fn acts(&self) -> bool {
        !self.remade.is_empty() || !self.unneeded.is_empty()
    }
}
