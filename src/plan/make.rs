//! The plan of a whole cluster.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::held::held;
use super::hidden::Hidden;
use super::observed::Observed;
use super::order::{needed_first, waves};
use super::{Options, Plan};
use crate::render::desired::Desired;

/// Decides everything: what is done on which host, in which order, and why. Hosts that were not
/// observed are left out.
#[must_use]
pub fn plan(desired: &Desired, observed: &Observed, options: &Options) -> Plan {
    let seen_hosts = || {
        let hosts = desired.hosts.iter();
        hosts.filter_map(|(name, wanted)| Some((name, wanted, observed.hosts.get(name)?)))
    };
    let kept: BTreeMap<_, _> = seen_hosts()
        .map(|(name, wanted, seen)| (name, held(wanted, seen)))
        .collect();
    let mut hosts = BTreeMap::new();
    let mut drafts = BTreeMap::new();
    let mut refusals = Vec::new();
    let order = needed_first(desired);
    for (name, _, seen) in seen_hosts() {
        let draft = Draft::new(&desired.cluster, name, &kept[name], seen, options, &order);
        refusals.extend(draft.refusals(name, desired, options));
        hosts.insert(name.clone(), draft.show(name, desired, observed));
        drafts.insert(name.clone(), draft);
    }
    Hidden::of(desired, observed).apply(&mut hosts);
    let waves = if refusals.is_empty() {
        waves(desired, &drafts)
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
