//! Which hosts come first, and which go together.
//!
//! What a release starts or changes comes after what it needs is healthy, wherever that is. So a host
//! may be visited several times; each visit is about services of its own.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::host_draft::HostDraft;
use super::needs::Circles;
use super::options::RolloutPolicy;
use super::{Phase, Wave};
use crate::cluster::model::OnFailure;
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;

/// What is left to do for one service on one host.
struct RemainingWork<'a> {
    service: &'a ServiceName,
    circle: usize,
    expands: Expands,
    waits: Waits,
}

impl RemainingWork<'_> {
    fn is_in(&self, phase: Phase) -> bool {
        phase == Phase::Change || self.expands == Expands::Yes
    }
}

/// Which of the circles from a first one on can be acted on.
#[derive(Default)]
struct ReadyCircles {
    first: usize,
    ready: Vec<bool>,
}

impl ReadyCircles {
    fn contains(&self, circle: usize) -> bool {
        let place = circle.checked_sub(self.first);
        place.is_some_and(|place| self.ready.get(place) == Some(&true))
    }
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

/// Whose turn it is.
#[derive(Clone, Copy)]
enum Turn {
    /// Canaries, with all that they can do by now.
    Canary,
    Everybody,
}

/// A host that can be visited now.
struct Candidate<'a> {
    host: &'a HostName,
    services: BTreeSet<&'a ServiceName>,
    disturbs: Disturbs,
    /// At most so many hosts go with it, itself among them.
    batch: Option<usize>,
    /// How much is left there afterwards.
    rest: usize,
}

/// Whether something that runs is taken down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disturbs {
    Yes,
    No,
}

/// What runs and is taken down, with on how many hosts it may be down at once; `None` is on this one alone, with no other
/// host beside it.
type TakenDown<'a> = BTreeMap<&'a ServiceName, Option<usize>>;

impl RolloutPolicy {
    /// The hosts of the next wave, of those that could be visited now; `before` waves come before it.
    fn next_wave<'a>(
        &self,
        found: Vec<Candidate<'a>>,
        before: usize,
        taken_down: impl Fn(&Candidate<'a>) -> TakenDown<'a>,
    ) -> Vec<Candidate<'a>> {
        let disturbs = |candidate: &Candidate<'_>| candidate.disturbs == Disturbs::Yes;
        let (alone, mut wave): (Vec<_>, Vec<_>) = found.into_iter().partition(disturbs);
        if wave.is_empty() {
            wave = together(alone, taken_down);
        }
        // The first host of all goes alone, whatever it does: it is the one that shows a mistake.
        if before == 0 || wave.iter().any(|host| self.canary.contains(host.host)) {
            wave.truncate(1);
        }
        batch(wave)
    }

    /// Hosts that only lose something: the same, but nobody is in the way of anybody.
    fn leaving<'a>(&self, hosts: Vec<&'a HostName>) -> Vec<Vec<&'a HostName>> {
        let (canary, others): (Vec<_>, Vec<_>) = hosts
            .into_iter()
            .partition(|host| self.canary.contains(*host));
        let alone = canary.into_iter().map(|host| vec![host]);
        let size = self.batch.unwrap_or(others.len()).max(1);
        alone
            .chain(others.chunks(size).map(<[_]>::to_vec))
            .collect()
    }
}

/// As many hosts, from the first one on, as each of them goes with.
fn batch(found: Vec<Candidate<'_>>) -> Vec<Candidate<'_>> {
    let mut size = usize::MAX;
    let mut wave: Vec<Candidate<'_>> = Vec::new();
    for candidate in found {
        let size_with = size.min(candidate.batch.unwrap_or(usize::MAX));
        if wave.len() < size_with {
            size = size_with;
            wave.push(candidate);
        }
    }
    wave
}

/// The first host, and those after it which the services that they take down allow beside it.
fn together<'a>(
    found: Vec<Candidate<'a>>,
    taken_down: impl Fn(&Candidate<'a>) -> TakenDown<'a>,
) -> Vec<Candidate<'a>> {
    let mut down: BTreeMap<&ServiceName, usize> = BTreeMap::new();
    let mut wave: Vec<Candidate<'_>> = Vec::new();
    for candidate in found {
        let takes_down = taken_down(&candidate);
        if wave.is_empty() && takes_down.values().any(Option::is_none) {
            return vec![candidate];
        }
        let fits = takes_down.iter().all(|(service, most)| {
            let so_far = down.get(service).copied().unwrap_or_default();
            most.is_some_and(|most| so_far < most)
        });
        if wave.is_empty() || fits {
            for service in takes_down.into_keys() {
                *down.entry(service).or_default() += 1;
            }
            wave.push(candidate);
        }
    }
    wave
}

struct VisitOrder<'a> {
    drafts: &'a BTreeMap<HostName, HostDraft<'a>>,
    circles: Cow<'a, Circles<'a>>,
    /// Hosts that are still to be visited, with what is to be done there; nothing, where only
    /// `current` moves.
    left: BTreeMap<&'a HostName, Vec<RemainingWork<'a>>>,
    /// How much of each circle is not healthy yet.
    unwell: Vec<usize>,
    /// The circles with a job that runs: what comes after it comes in a later wave.
    jobs: BTreeSet<usize>,
    visits: Vec<(Phase, BTreeMap<&'a HostName, BTreeSet<&'a ServiceName>>)>,
    policy: &'a RolloutPolicy,
}

/// Puts what hosts need into waves; the policy says how many hosts go together. What hosts gain comes first
/// where nothing forbids it, and what leaves comes last. Gives also after how many waves the policy's pause is.
pub(super) fn waves(
    desired: &Desired,
    drafts: &BTreeMap<HostName, HostDraft<'_>>,
    policy: &RolloutPolicy,
) -> (Vec<Wave>, Option<usize>) {
    let moved = moved_jobs(drafts);
    let mut schedule = VisitOrder::new(desired, drafts, &moved, policy);
    while schedule.next() {}
    let pause_after = policy.pause.and_then(|_| schedule.canaries_alone());
    // Where all may have to go back, what that needs stays until all is done everywhere.
    let records_late = records_last(drafts, policy);
    let leaving = drafts.iter();
    let leaving = leaving.filter(|(_, draft)| draft.contracts() || records_late && draft.acts());
    for hosts in policy.leaving(leaving.map(|(host, _)| host).collect()) {
        let hosts = hosts.into_iter().map(|host| (host, BTreeSet::new()));
        schedule.visits.push((Phase::Contract, hosts.collect()));
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
            let mut visit = drafts[*host].visit(*phase, services);
            visit.ends = last[host] == number;
            ((*host).clone(), drafts[*host].steps(&visit))
        });
        Wave {
            phase: *phase,
            activations: activations.collect(),
        }
    });
    (waves.collect(), pause_after)
}

/// Whether hosts record and clean up only when all of them are done: else none could go back with one that fails later.
fn records_last(drafts: &BTreeMap<HostName, HostDraft<'_>>, policy: &RolloutPolicy) -> bool {
    let acting = drafts.values().filter(|draft| draft.acts());
    policy.on_failure == OnFailure::Back && acting.count() > 1
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
        policy: &'a RolloutPolicy,
    ) -> Self {
        let displaced = drafts.values().flat_map(|draft| &draft.displaced);
        let networks = drafts.values().flat_map(HostDraft::go_together);
        let mut further = displaced.chain(networks).peekable();
        // All drafts have the circles of the description.
        let circles = match (further.peek(), drafts.values().next()) {
            (None, Some(draft)) => Cow::Borrowed(draft.all_circles),
            (Some(_), _) | (None, None) => Cow::Owned(Circles::of(desired, further)),
        };
        let mut unwell = vec![0; circles.needs.len()];
        let mut left = BTreeMap::new();
        let mut jobs = BTreeSet::new();
        let records_late = records_last(drafts, policy);
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
            let comes_later = records_late || draft.contracts() || moved.contains_key(host);
            if !items.is_empty() || !comes_later {
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

    /// How many visits come before anybody goes who is no canary, if somebody does, and if they do more than to record
    /// what an earlier release did.
    fn canaries_alone(&self) -> Option<usize> {
        let other = |host: &&&HostName| !self.policy.canary.contains(**host);
        let mut visits = self.visits.iter();
        let before = visits.position(|(_, hosts)| hosts.keys().any(|host| other(&host)));
        before.filter(|before| {
            let canaries = self.visits[..*before].iter().flat_map(|(_, hosts)| hosts);
            canaries
                .into_iter()
                .any(|(_, services)| !services.is_empty())
        })
    }

    /// What a visit takes down, with on how many hosts it may be down at once.
    fn taken_down(&self, candidate: &Candidate<'a>) -> TakenDown<'a> {
        let host = candidate.host;
        let draft = &self.drafts[host];
        let taken_down = draft.taken_down(&candidate.services).into_iter();
        taken_down
            .map(|name| {
                let wanted = draft.wanted.services.get(name);
                let most = wanted.and_then(|service| service.max_down);
                // Where somebody says how many hosts go together, others may be down beside it.
                let most = most.or_else(|| self.batch_of(host, name).map(|_| 1));
                (name, most)
            })
            .collect()
    }

    /// With how many hosts a release goes that acts on a service.
    fn batch_of(&self, host: &HostName, service: &ServiceName) -> Option<usize> {
        let wanted = self.drafts[host].wanted.services.get(service);
        let own = wanted.and_then(|service| service.batch);
        own.or(self.policy.batch)
    }

    /// Of each circle whether it and all that it needs is healthy.
    fn well(&self) -> Vec<bool> {
        let mut well: Vec<bool> = Vec::with_capacity(self.unwell.len());
        // What a circle needs has a smaller number.
        for (needs, unwell) in self.circles.needs.iter().zip(&self.unwell) {
            let is_well = *unwell == 0 && needs.iter().all(|other| well[*other]);
            well.push(is_well);
        }
        well
    }

    /// Which circles of a host have all that they need healthy before them, be it in this visit.
    fn ready(&self, items: &[RemainingWork<'_>], phase: Phase, well: &[bool]) -> ReadyCircles {
        let waits = |item: &&RemainingWork<'_>| item.waits == Waits::Yes && item.is_in(phase);
        let circles = || items.iter().filter(waits).map(|item| item.circle);
        let (Some(first), Some(last)) = (circles().min(), circles().max()) else {
            return ReadyCircles::default();
        };
        // How much of each is done in this visit. Of what comes before them nothing is.
        let mut here = vec![0; last - first + 1];
        for circle in circles().filter(|circle| !self.jobs.contains(circle)) {
            here[circle - first] += 1;
        }
        let mut ready: Vec<bool> = Vec::with_capacity(here.len());
        for needs in &self.circles.needs[first..=last] {
            let is_ready = needs.iter().all(|other| match other.checked_sub(first) {
                Some(other_here) => ready[other_here] && self.unwell[*other] == here[other_here],
                None => well[*other],
            });
            ready.push(is_ready);
        }
        ReadyCircles { first, ready }
    }

    /// What can be done on a host now, in one visit.
    fn candidate(
        &self,
        host: &'a HostName,
        items: &[RemainingWork<'a>],
        phase: Phase,
        well: &[bool],
    ) -> Candidate<'a> {
        let in_phase = |item: &&RemainingWork<'a>| item.is_in(phase);
        let ready = self.ready(items, phase, well);
        let services = items
            .iter()
            .filter(in_phase)
            .filter(|item| match item.waits {
                Waits::Yes => ready.contains(item.circle),
                Waits::No => true,
            });
        let services: BTreeSet<&ServiceName> = services.map(|item| item.service).collect();
        let rest = items.iter().filter(in_phase).count() - services.len();
        let batches = services.iter().filter_map(|name| self.batch_of(host, name));
        let batch = match services.is_empty() {
            true => self.policy.batch,
            false => batches.min(),
        };
        Candidate {
            host,
            disturbs: match self.drafts[host].takes_something_down(&services) {
                true => Disturbs::Yes,
                false => Disturbs::No,
            },
            batch,
            services,
            rest,
        }
    }

    fn candidates(&self, phase: Phase, turn: Turn) -> Vec<Candidate<'a>> {
        let hosts = self.left.iter().filter(|(host, _)| match turn {
            Turn::Canary => self.policy.canary.contains(**host),
            Turn::Everybody => true,
        });
        let well = self.well();
        let found = hosts.map(|(host, items)| self.candidate(host, items, phase, &well));
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
        let turns = [Turn::Canary, Turn::Everybody].into_iter();
        let phases = [Phase::Expand, Phase::Change];
        // One after the other: most are not asked for.
        let found = turns.flat_map(|turn| {
            let phases = phases.into_iter();
            phases.map(move |phase| (phase, turn))
        });
        let mut found = found.map(|(phase, turn)| (phase, self.candidates(phase, turn)));
        let Some((phase, mut found)) = found.find(|(_, found)| !found.is_empty()) else {
            return false;
        };
        // A host that can do all of its part waits for nobody, and is not visited twice.
        if found.iter().any(|candidate| candidate.rest == 0) {
            found.retain(|candidate| candidate.rest == 0);
        }
        let taken_down = |candidate: &Candidate<'a>| self.taken_down(candidate);
        let wave = self.policy.next_wave(found, self.visits.len(), taken_down);
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
