//! Services that a release holds on its hosts, or does not hold any more.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::hosts::{Connection, Hosts};
use super::problem::Problem;
use crate::cluster::name::HostName;
use crate::host::past::kept;
use crate::plan::observed::NewHolds;

impl Hosts {
    /// Plans as if these services were held, or not any more: the release lets the hosts know before it does anything.
    pub fn hold(&mut self, mut holds: BTreeMap<HostName, NewHolds>) {
        for (name, connection) in &mut self.connections {
            connection.holds = holds.remove(name).unwrap_or_default();
            connection.look.observed.hold(&connection.holds);
        }
    }

    /// Whether a release is to let hosts know who holds what, whatever else it does.
    #[must_use]
    pub fn holds_anew(&self) -> bool {
        self.connections.values().any(|it| !it.holds.is_empty())
    }

    /// Lets the hosts know who holds what from now on.
    pub(super) fn keep_holds(&mut self, limit: NonZeroUsize) -> BTreeMap<HostName, Problem> {
        let anew = |_: &HostName, connection: &Connection| !connection.holds.is_empty();
        let (_, problems) = self.on_each(limit, anew, |_, connection| {
            let script = kept::holds_script(&connection.layout, &connection.holds);
            connection.keep("writing who holds what", &script)
        });
        problems
    }
}
