//! Which hosts come first, and which go together.
//!
//! What a release starts or changes comes after what it needs is healthy, wherever that is. So a host
//! may be visited several times; each visit is about services of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::host_draft::{HostDraft, Visit};
use super::{Phase, Wave};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;

/// Services, and what each of them needs.
type Needs<'a> = BTreeMap<&'a ServiceName, BTreeSet<&'a ServiceName>>;

/// Every service that is desired on a host, with what it needs of the others.
fn needs(desired: &Desired) -> Needs<'_> {
    let mut needs = Needs::new();
    for (name, service) in desired.hosts.values().flat_map(|host| &host.services) {
        needs
            .entry(name)
            .or_default()
            .extend(&service.handling.needs);
    }
    let placed: BTreeSet<&ServiceName> = needs.keys().copied().collect();
    for of in needs.values_mut() {
        of.retain(|needed| placed.contains(needed));
    }
    needs
}

/// The services of a cluster, each after those that it needs. Circles are allowed (they need only each
/// other's address) and are cut where they are entered.
pub(super) fn needed_first(desired: &Desired) -> Vec<ServiceName> {
    let circles = circles(&needs(desired));
    circles.into_iter().flatten().cloned().collect()
}

/// A search through a graph: its nodes in the order in which they are left, each after all that it
/// leads to.
fn finished<'a, E: Iterator<Item = &'a ServiceName>>(
    roots: impl Iterator<Item = &'a ServiceName>,
    leads_to: impl Fn(&'a ServiceName) -> E,
) -> Vec<&'a ServiceName> {
    let mut order = Vec::new();
    let mut entered = BTreeSet::new();
    for root in roots {
        if !entered.insert(root) {
            continue;
        }
        // An explicit stack: a chain of thousands must not overflow the real one.
        let mut stack = vec![(root, leads_to(root))];
        while let Some((name, next)) = stack.last_mut() {
            match next.next() {
                Some(to) if entered.insert(to) => stack.push((to, leads_to(to))),
                Some(_) => {}
                None => {
                    order.push(*name);
                    stack.pop();
                }
            }
        }
    }
    order
}

/// The circles of what needs each other, most of them of one service, each after those that it needs.
fn circles<'a>(needs: &Needs<'a>) -> Vec<Vec<&'a ServiceName>> {
    let mut needed_by = Needs::new();
    for (name, of) in needs {
        for needed in of {
            needed_by.entry(needed).or_default().insert(name);
        }
    }
    let order = finished(needs.keys().copied(), |name| needs[name].iter().copied());
    // Whoever is left last, and all that leads there, is a circle that no other one needs.
    let mut taken = BTreeSet::new();
    let mut circles = Vec::new();
    for last in order.iter().rev() {
        let mut stack = vec![*last];
        let mut circle = BTreeSet::new();
        while let Some(name) = stack.pop() {
            if taken.insert(name) {
                circle.insert(name);
                stack.extend(needed_by.get(name).into_iter().flatten());
            }
        }
        if !circle.is_empty() {
            circles.push(circle);
        }
    }
    let place: BTreeMap<_, _> = order
        .iter()
        .enumerate()
        .map(|(at, name)| (*name, at))
        .collect();
    let sorted = circles.into_iter().rev().map(|circle| {
        let mut circle: Vec<_> = circle.into_iter().collect();
        circle.sort_by_key(|name| place[name]);
        circle
    });
    sorted.collect()
}

/// Which circles wait for which.
struct Circles<'a> {
    of: BTreeMap<&'a ServiceName, usize>,
    /// The other circles that each one needs; those come before it.
    needs: Vec<BTreeSet<usize>>,
}

impl<'a> Circles<'a> {
    /// Services of which one gives its port to the other go together as well.
    fn of(desired: &'a Desired, drafts: &'a BTreeMap<HostName, HostDraft<'_>>) -> Self {
        let mut needs = needs(desired);
        for (gives, takes) in drafts.values().flat_map(|draft| &draft.displaced) {
            needs.entry(gives).or_default().insert(takes);
            needs.entry(takes).or_default().insert(gives);
        }
        let circles = circles(&needs);
        let numbered = circles.iter().enumerate();
        let of: BTreeMap<_, _> = numbered
            .flat_map(|(number, circle)| circle.iter().map(move |name| (*name, number)))
            .collect();
        let needs = circles.iter().enumerate().map(|(number, circle)| {
            let needed = circle.iter().flat_map(|name| &needs[*name]);
            let others = needed.map(|needed| of[*needed]);
            others.filter(|other| *other != number).collect()
        });
        let needs = needs.collect();
        Self { of, needs }
    }
}

/// What is left to do for one service on one host.
struct Item<'a> {
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
    /// How much is left there afterwards.
    rest: usize,
}

struct Schedule<'a> {
    drafts: &'a BTreeMap<HostName, HostDraft<'a>>,
    circles: Circles<'a>,
    /// Hosts that are still to be visited, with what is to be done there; nothing, where only
    /// `current` moves.
    left: BTreeMap<&'a HostName, Vec<Item<'a>>>,
    /// How much of each circle is not healthy yet.
    unwell: Vec<usize>,
    visits: Vec<(Phase, BTreeMap<&'a HostName, BTreeSet<&'a ServiceName>>)>,
}

/// Puts what hosts need into waves. Restarts go one host at a time, so that no service is down on two
/// of its hosts at once; what takes nothing down goes to the first host alone and then to all others
/// together. What hosts gain comes first where nothing forbids it, and what leaves comes last.
pub(super) fn waves(desired: &Desired, drafts: &BTreeMap<HostName, HostDraft<'_>>) -> Vec<Wave> {
    let mut schedule = Schedule::new(desired, drafts);
    while schedule.next() {}
    let leaving = drafts.iter().filter(|(_, draft)| draft.contracts());
    let leaving: BTreeMap<_, _> = leaving.map(|(host, _)| (host, BTreeSet::new())).collect();
    if !leaving.is_empty() {
        schedule.visits.push((Phase::Contract, leaving));
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

impl<'a> Schedule<'a> {
    fn new(desired: &'a Desired, drafts: &'a BTreeMap<HostName, HostDraft<'a>>) -> Self {
        let circles = Circles::of(desired, drafts);
        let mut unwell = vec![0; circles.needs.len()];
        let mut left = BTreeMap::new();
        for (host, draft) in drafts.iter().filter(|(_, draft)| draft.acts()) {
            let items: Vec<Item<'_>> = draft
                .to_do()
                .map(|service| Item {
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
            }
            // A host that only loses something is visited for that.
            if !items.is_empty() || !draft.contracts() {
                left.insert(host, items);
            }
        }
        Self {
            drafts,
            circles,
            left,
            unwell,
            visits: Vec::new(),
        }
    }

    /// What can be done on a host now, in one visit.
    fn candidate(&self, host: &'a HostName, items: &[Item<'a>], phase: Phase) -> Candidate<'a> {
        let in_phase = |item: &&Item<'a>| phase == Phase::Change || item.expands == Expands::Yes;
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
            let here = |circle: &usize| by_circle.get(circle).map_or(0, Vec::len);
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
        let takes_down =
            |candidate: &Candidate<'_>| self.drafts[candidate.host].takes_down(&candidate.services);
        let (mut alone, mut wave): (Vec<_>, Vec<_>) = found.into_iter().partition(takes_down);
        if wave.is_empty() {
            alone.truncate(1);
            wave = alone;
        } else if self.visits.is_empty() {
            // The first host of all goes alone, whatever it does: it is the one that shows a mistake.
            wave.truncate(1);
        }
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
