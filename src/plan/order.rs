//! Which hosts come first, and which go together.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::step::Step;
use super::{Phase, Wave};
use crate::cluster::name::HostName;

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
