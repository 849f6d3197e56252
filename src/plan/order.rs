//! What comes first: among the services of a host, and among the hosts of a cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::step::Step;
use super::{Phase, Wave};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::DesiredHost;

/// The services of a host, each after those on the same host that it needs. Circles are allowed
/// (they need only each other's address) and are cut where they are entered.
pub(super) fn dependencies_first(host: &DesiredHost) -> Vec<ServiceName> {
    let mut order = Vec::with_capacity(host.services.len());
    let mut placed: BTreeSet<&ServiceName> = BTreeSet::new();
    let mut entered: BTreeSet<&ServiceName> = BTreeSet::new();
    for root in host.services.keys() {
        // An explicit stack: a chain of thousands must not overflow the real one.
        let mut stack = vec![(root, 0)];
        entered.insert(root);
        while let Some((name, next)) = stack.pop() {
            if placed.contains(name) {
                continue;
            }
            let needs = &host.services[name].needs;
            let Some(needed) = needs.get(next) else {
                placed.insert(name);
                order.push(name.clone());
                continue;
            };
            stack.push((name, next + 1));
            if let Some((needed, _)) = host.services.get_key_value(needed)
                && entered.insert(needed)
            {
                stack.push((needed, 0));
            }
        }
    }
    order
}

/// Puts the hosts' phases into waves. Restarts go one host at a time, so that no service is down on
/// two of its hosts at once; what takes nothing down goes to the first host alone and then to all
/// others together.
pub(super) fn waves(drafts: &BTreeMap<HostName, Draft<'_>>) -> Vec<Wave> {
    let mut waves = Vec::new();
    for phase in [Phase::Expand, Phase::Change, Phase::Contract] {
        let mut alone = Vec::new();
        let mut together = BTreeMap::new();
        for (host, draft) in drafts {
            if !draft.phases().contains(&phase) {
                continue;
            }
            let steps = draft.steps(phase);
            let takes_down = steps.iter().any(|step| match step {
                Step::Stop { .. } => phase != Phase::Contract,
                Step::Restart { service, .. } => draft
                    .seen
                    .services
                    .get(service)
                    .is_some_and(|s| s.container.is_some()),
                Step::PlaceInputs { .. }
                | Step::RepairInputs { .. }
                | Step::MarkEdited { .. }
                | Step::WriteUnit { .. }
                | Step::Enable { .. }
                | Step::Reload
                | Step::AwaitHealthy { .. }
                | Step::RemoveUnit { .. }
                | Step::SetCurrent { .. }
                | Step::RemoveInputs { .. }
                | Step::RemoveGenerations { .. } => false,
            });
            if takes_down {
                alone.push((host.clone(), steps));
            } else {
                together.insert(host.clone(), steps);
            }
        }
        let one = |(host, steps)| Wave {
            phase,
            activations: BTreeMap::from([(host, steps)]),
        };
        // The first host of all goes alone, whatever it does: it is the one that shows a mistake.
        if waves.is_empty()
            && phase != Phase::Contract
            && let Some(first) = together.pop_first()
        {
            waves.push(one(first));
        }
        if !together.is_empty() {
            waves.push(Wave {
                phase,
                activations: together,
            });
        }
        waves.extend(alone.into_iter().map(one));
    }
    waves
}
