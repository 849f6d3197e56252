//! Which hosts come first, and which go together.
//!
//! What a release starts or changes comes after what it needs is healthy, wherever that is. So a host
//! may be visited several times; each visit is about services of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::host_draft::{HostDraft, Visit};
use super::needs::Circles;
use super::options::RolloutPolicy;
use super::{Phase, Wave};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;

/// What is left to do for one service on one host.
struct RemainingWork<'a> {
    service: &'a ServiceName,
    circle: usize,
    expands: Expands,
    waits: Waits,
}

/// Whether a host gains a service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expands {
    Yes,
    No,
}

/// Whether something is started, or must be found healthy: that alone has an order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Yes,
    No,
}

/// A host that can be visited now.
struct Candidate<'a> {
    host: &'a HostName,
    services: BTreeSet<&'a ServiceName>,
    /// What runs and is taken down, with on how many hosts it may be down at once.
    takes_down: BTreeMap<ServiceName, Option<usize>>,
    /// How much is left there afterwards.
    rest: usize,
}

impl RolloutPolicy {
    /// The hosts of the next wave, of those that could be visited now; `before` waves come before it.
    fn next_wave<'a>(self, found: Vec<Candidate<'a>>, before: usize) -> Vec<Candidate<'a>> {
        match self {
            RolloutPolicy::OneAtATime => {
                let takes_down = |candidate: &Candidate<'_>| !candidate.takes_down.is_empty();
                let (alone, mut wave): (Vec<_>, Vec<_>) = found.into_iter().partition(takes_down);
                if wave.is_empty() {
                    wave = together(alone);
                }
                if before == 0 {
                    // The first host of all goes alone, whatever it does: it is the one that shows a
                    // mistake.
                    wave.truncate(1);
                }
                wave
            }
        }
    }
}

/// The first host, and those after it which the services that they take down allow beside it.
fn together(found: Vec<Candidate<'_>>) -> Vec<Candidate<'_>> {
    let mut down: BTreeMap<ServiceName, usize> = BTreeMap::new();
    let mut wave: Vec<Candidate<'_>> = Vec::new();
    for candidate in found {
        let mut all = candidate.takes_down.iter();
        let fits = all.all(|(service, most)| {
            let so_far = down.get(service).copied().unwrap_or_default();
            most.is_some_and(|most| so_far < most)
        });
        let first_is_free = wave
            .iter()
            .flat_map(|host| host.takes_down.values())
            .all(Option::is_some);
        if wave.is_empty() || fits && first_is_free {
            for service in candidate.takes_down.keys() {
                *down.entry(service.clone()).or_default() += 1;
            }
            wave.push(candidate);
        }
    }
    wave
}

struct VisitOrder<'a> {
    drafts: &'a BTreeMap<HostName, HostDraft<'a>>,
    circles: Circles<'a>,
    /// Hosts that are still to be visited, with what is to be done there; nothing, where only
    /// `current` moves.
    left: BTreeMap<&'a HostName, Vec<RemainingWork<'a>>>,
    /// How much of each circle is not healthy yet.
    unwell: Vec<usize>,
    /// The circles with a job that runs: what comes after it comes in a later wave.
    jobs: BTreeSet<usize>,
    visits: Vec<(Phase, BTreeMap<&'a HostName, BTreeSet<&'a ServiceName>>)>,
    policy: RolloutPolicy,
}

/// Puts what hosts need into waves; the policy says how many hosts go together. What hosts gain comes first
/// where nothing forbids it, and what leaves comes last.
pub(super) fn waves(
    desired: &Desired,
    drafts: &BTreeMap<HostName, HostDraft<'_>>,
    policy: RolloutPolicy,
) -> Vec<Wave> {
    let moved = moved_jobs(drafts);
    let mut schedule = VisitOrder::new(desired, drafts, &moved, policy);
    while schedule.next() {}
    let leaving = drafts.iter().filter(|(_, draft)| draft.contracts());
    let leaving: BTreeMap<_, _> = leaving.map(|(host, _)| (host, BTreeSet::new())).collect();
    if !leaving.is_empty() {
        schedule.visits.push((Phase::Contract, leaving));
    }
    // No two hosts run one job: its timer starts where it is to run after it stopped where it ran.
    if !moved.is_empty() {
        schedule.visits.push((Phase::Expand, moved));
    }
    let mut last: BTreeMap<&HostName, usize> = BTreeMap::new();
    for (number, (_, hosts)) in schedule.visits.iter().enumerate() {
        last.extend(hosts.keys().map(|host| (*host, number)));
    }
    let visits = schedule.visits.iter().enumerate();
    let waves = visits.map(|(number, (phase, hosts))| {
        let activations = hosts.iter().map(|(host, services)| {
            let visit = Visit {
                phase: *phase,
                services,
                ends: last[host] == number,
            };
            ((*host).clone(), drafts[*host].steps(&visit))
        });
        Wave {
            phase: *phase,
            activations: activations.collect(),
        }
    });
    waves.collect()
}

/// The jobs with a timer that hosts get from others which take part.
fn moved_jobs<'a>(
    drafts: &'a BTreeMap<HostName, HostDraft<'a>>,
) -> BTreeMap<&'a HostName, BTreeSet<&'a ServiceName>> {
    let mut moved: BTreeMap<&HostName, BTreeSet<&ServiceName>> = BTreeMap::new();
    for (host, draft) in drafts {
        let jobs = draft.needs.keys().filter(|name| draft.becomes_due(name));
        let jobs = jobs.filter(|name| {
            let leaves = |other: &HostDraft<'_>| {
                let departing = other.departing.get(*name);
                departing.is_some_and(|departing| departing.has_timer())
            };
            drafts.values().any(leaves)
        });
        for name in jobs {
            moved.entry(host).or_default().insert(name);
        }
    }
    moved
}

impl<'a> VisitOrder<'a> {
    fn new(
        desired: &'a Desired,
        drafts: &'a BTreeMap<HostName, HostDraft<'a>>,
        moved: &BTreeMap<&HostName, BTreeSet<&ServiceName>>,
        policy: RolloutPolicy,
    ) -> Self {
        let displaced = drafts.values().flat_map(|draft| &draft.displaced);
        let networks = drafts.values().flat_map(HostDraft::go_together);
        let circles = Circles::of(desired, displaced.chain(networks));
        let mut unwell = vec![0; circles.needs.len()];
        let mut left = BTreeMap::new();
        let mut jobs = BTreeSet::new();
        let moves = |host: &HostName, name: &ServiceName| {
            moved.get(host).is_some_and(|jobs| jobs.contains(name))
        };
        for (host, draft) in drafts.iter().filter(|(_, draft)| draft.acts()) {
            let items: Vec<RemainingWork<'_>> = draft
                .to_do()
                .filter(|service| !moves(host, service))
                .map(|service| RemainingWork {
                    service,
                    circle: circles.of[service],
                    expands: match draft.expands(service) {
                        true => Expands::Yes,
                        false => Expands::No,
                    },
                    waits: match draft.waits(service) {
                        true => Waits::Yes,
                        false => Waits::No,
                    },
                })
                .collect();
            for item in items.iter().filter(|item| item.waits == Waits::Yes) {
                unwell[item.circle] += 1;
                if draft.runs_a_job(item.service) {
                    jobs.insert(item.circle);
                }
            }
            // A host that only loses something is visited for that.
            if !items.is_empty() || !draft.contracts() && !moved.contains_key(host) {
                left.insert(host, items);
            }
        }
        Self {
            drafts,
            circles,
            left,
            unwell,
            jobs,
            visits: Vec::new(),
            policy,
        }
    }

    /// What a visit takes down, with on how many hosts it may be down at once.
    fn taken_down(
        &self,
        host: &HostName,
        services: &BTreeSet<&ServiceName>,
    ) -> BTreeMap<ServiceName, Option<usize>> {
        let draft = &self.drafts[host];
        let wanted = &draft.wanted.services;
        let taken_down = draft.taken_down(services).into_iter();
        taken_down
            .map(|name| {
                let most = wanted.get(&name).and_then(|service| service.max_down);
                (name, most)
            })
            .collect()
    }

    /// What can be done on a host now, in one visit.
    fn candidate(
        &self,
        host: &'a HostName,
        items: &[RemainingWork<'a>],
        phase: Phase,
    ) -> Candidate<'a> {
        let in_phase =
            |item: &&RemainingWork<'a>| phase == Phase::Change || item.expands == Expands::Yes;
        let mut by_circle: BTreeMap<usize, Vec<&'a ServiceName>> = BTreeMap::new();
        let mut services = BTreeSet::new();
        for item in items.iter().filter(in_phase) {
            match item.waits {
                Waits::Yes => by_circle.entry(item.circle).or_default().push(item.service),
                Waits::No => {
                    services.insert(item.service);
                }
            }
        }
        // Whether all that a circle needs is healthy before it, be it in this visit.
        let mut ready = vec![false; self.unwell.len()];
        for number in 0..ready.len() {
            let mut needed = self.circles.needs[number].iter();
            let here = |circle: &usize| match self.jobs.contains(circle) {
                true => 0,
                false => by_circle.get(circle).map_or(0, Vec::len),
            };
            ready[number] = needed.all(|other| ready[*other] && self.unwell[*other] == here(other));
        }
        for (circle, of_it) in by_circle {
            if ready[circle] {
                services.extend(of_it);
            }
        }
        let rest = items.iter().filter(in_phase).count() - services.len();
        Candidate {
            host,
            takes_down: self.taken_down(host, &services),
            services,
            rest,
        }
    }

    fn candidates(&self, phase: Phase) -> Vec<Candidate<'a>> {
        let hosts = self.left.iter();
        let found = hosts.map(|(host, items)| self.candidate(host, items, phase));
        found
            .filter(|found| {
                let nothing_but_current =
                    phase == Phase::Change && self.left[found.host].is_empty();
                nothing_but_current || !found.services.is_empty()
            })
            .collect()
    }

    /// Adds the next wave, if there is one.
    fn next(&mut self) -> bool {
        let phases = [Phase::Expand, Phase::Change].into_iter();
        let mut found = phases.map(|phase| (phase, self.candidates(phase)));
        let Some((phase, mut found)) = found.find(|(_, found)| !found.is_empty()) else {
            return false;
        };
        // A host that can do all of its part waits for nobody, and is not visited twice.
        if found.iter().any(|candidate| candidate.rest == 0) {
            found.retain(|candidate| candidate.rest == 0);
        }
        let wave = self.policy.next_wave(found, self.visits.len());
        let mut visit = BTreeMap::new();
        for Candidate { host, services, .. } in wave {
            let items = self.left.get_mut(host).expect("it is visited now");
            for item in items.iter().filter(|item| services.contains(item.service)) {
                if item.waits == Waits::Yes {
                    self.unwell[item.circle] -= 1;
                }
            }
            items.retain(|item| !services.contains(item.service));
            if items.is_empty() {
                self.left.remove(host);
            }
            visit.insert(host, services);
        }
        self.visits.push((phase, visit));
        true
    }
}

#[cfg(test)]
#[path = "waves_tests.rs"]
mod tests;
