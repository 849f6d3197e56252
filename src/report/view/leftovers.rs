//! What nothing uses any more.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::{FailureView, VERSION};
use crate::cluster::name::{ClusterName, HostName};
use crate::host::belongings::leftover::{Leftover, LeftoverKind};

/// What nothing on the hosts of a cluster uses any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftoversView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The cluster.
    pub cluster: &'a str,
    /// The hosts that were seen, by name.
    pub hosts: Vec<HostLeftoversView<'a>>,
    /// Hosts that could not be seen.
    pub failures: Vec<FailureView<'a>>,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostLeftoversView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// What could go, in the order in which it goes.
    pub leftovers: Vec<LeftoverView<'a>>,
    /// The sizes of all of it together, in bytes. Less may become free: images share layers.
    pub size: u64,
}

/// One thing that nothing uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftoverView<'a> {
    /// `container`, `network` or `image`.
    pub kind: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its name, or its tags: none, if others have taken them.
    pub names: &'a [String],
    /// Its size in bytes, or null.
    pub size: Option<u64>,
}

impl<'a> LeftoversView<'a> {
    /// What was found on hosts of a cluster.
    #[must_use]
    pub fn of(
        cluster: &'a ClusterName,
        found: &'a BTreeMap<HostName, Vec<Leftover>>,
        failures: &'a BTreeMap<HostName, HostFailure>,
    ) -> Self {
        let hosts = found.iter().map(|(name, all)| HostLeftoversView {
            host: name.as_str(),
            leftovers: all.iter().map(LeftoverView::of).collect(),
            size: all.iter().filter_map(|it| it.size).sum(),
        });
        Self {
            version: VERSION,
            cluster: cluster.as_str(),
            hosts: hosts.collect(),
            failures: failures.iter().map(FailureView::of).collect(),
        }
    }

    /// Whether nothing could go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.iter().all(|host| host.leftovers.is_empty())
    }
}

impl<'a> LeftoverView<'a> {
    /// One thing.
    #[must_use]
    pub fn of(leftover: &'a Leftover) -> Self {
        let Leftover {
            kind,
            id,
            names,
            size,
        } = leftover;
        Self {
            kind: LeftoverKind::word(*kind),
            id,
            names,
            size: *size,
        }
    }
}
