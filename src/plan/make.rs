//! The plan of a whole cluster.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::observed::Observed;
use super::order::waves;
use super::{Options, Plan};
use crate::render::desired::Desired;

/// Decides everything: what is done on which host, in which order, and why. Hosts that were not
/// observed are left out.
#[must_use]
pub fn plan(desired: &Desired, observed: &Observed, options: &Options) -> Plan {
    let mut hosts = BTreeMap::new();
    let mut drafts = BTreeMap::new();
    let mut refusals = Vec::new();
    for (name, wanted) in &desired.hosts {
        let Some(seen) = observed.hosts.get(name) else {
            continue;
        };
        let draft = Draft::new(&desired.cluster, name, wanted, seen, options);
        refusals.extend(draft.refusals(name, desired, options));
        hosts.insert(name.clone(), draft.show(name, desired, observed));
        drafts.insert(name.clone(), draft);
    }
    let waves = if refusals.is_empty() {
        waves(&drafts)
    } else {
        Vec::new()
    };
    Plan {
        cluster: desired.cluster.clone(),
        hosts,
        waves,
        refusals,
    }
}

#[cfg(test)]
#[path = "make_tests.rs"]
mod tests;
