//! The restarts of a visit to a host, in turns: those of one turn are side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::Action;
use super::host_draft::{HostDraft, Visit};
use super::observed::TimerState;
use super::rule::{Held, ServiceNeed, SlotNeed, SlotStart, stops_when_held};
use super::step::{Begins, RestartedUnit, Step};
use crate::cluster::name::ServiceName;
use crate::render::identity::{Slot, UnitName};

/// What is done for one service, or for a circle of them.
struct TurnItem<'a> {
    /// How many turns come before it: those of what it comes after.
    turn: usize,
    service: &'a ServiceName,
    steps: Vec<Step>,
}

impl TurnItem<'_> {
    /// Whether it is one restart, which may be beside others.
    fn is_restart(&self) -> bool {
        matches!(self.steps.as_slice(), [Step::Restart { .. }])
    }
}

impl HostDraft<'_> {
    /// The restarts of a visit and the runs of its jobs, what a service comes after before it; the restarts of a circle are
    /// one step. What only reads files again does that in its turn. Restarts that no path of needs orders are side by side.
    pub(super) fn restarts(&self, visit: &Visit<'_>) -> Vec<Step> {
        let mut items = self.turn_items(visit);
        // Among those of one turn who has an address of its own comes first: the engine could give it to one before it.
        items.sort_by_key(|item| {
            let chosen = self.wanted.services[item.service]
                .handling
                .addresses
                .is_empty();
            // Who needs others stops before them.
            let turn = match self.needs[item.service].held {
                Held::Yes => (0, usize::MAX - item.turn),
                Held::No => (1, item.turn),
            };
            (turn, item.is_restart(), item.is_restart() && chosen)
        });
        let mut steps = Vec::new();
        // The restarts that the next one may be beside.
        let mut turn: Vec<TurnItem<'_>> = Vec::new();
        for mut item in items {
            let fits = |other: &TurnItem<'_>| {
                other.turn == item.turn && !self.clash(other.service, item.service)
            };
            if !item.is_restart() || !turn.iter().all(fits) {
                turn.clear();
            }
            if let [Step::Restart { begins, .. }] = item.steps.as_mut_slice()
                && !turn.is_empty()
            {
                *begins = Begins::Beside;
            }
            steps.extend(item.steps.iter().cloned());
            if item.is_restart() {
                turn.push(item);
            }
        }
        steps
    }

    /// What each service of a visit does, in an order that puts none before what it needs.
    fn turn_items<'v>(&'v self, visit: &'v Visit<'_>) -> Vec<TurnItem<'v>> {
        let turns = self.turns(visit);
        // Not who changes its slot, is to stop, or runs once.
        let restarts =
            |need: &ServiceNeed| need.starts() && need.slots.is_none() && need.held == Held::No;
        let restarting = || visit.items().filter(|(_, need)| restarts(need));
        let mut done: BTreeSet<usize> = BTreeSet::new();
        let items = visit.items().map(|(name, need)| {
            let mut steps = Vec::new();
            if need.rereads() {
                steps.extend(self.rereads(name, need));
            }
            let (service, unit) = (name.clone(), self.wanted.services[name].unit.clone());
            let circle = self.circles.get(name);
            let others = || restarting().filter(|(other, _)| self.circles.get(*other) == circle);
            if !need.acts() {
                // It has been done.
            } else if let Some(slots) = &need.slots {
                steps.extend(self.slot_steps(name, slots));
            } else if need.held == Held::Yes {
                steps.extend(self.hold_steps(name));
            } else if need.action == Action::Stop {
                steps.push(Step::Stop { service, unit });
            } else if need.runs() {
                let keys = self.run_keys(name);
                steps.push(Step::RunOnce {
                    service,
                    unit,
                    keys,
                });
            } else if let Some(circle) = circle.filter(|_| others().count() > 1) {
                if done.insert(*circle) {
                    let units = others().map(|(name, _)| {
                        let (unit, unless) = (self.wanted.services[name].unit.clone(), None);
                        (name.clone(), RestartedUnit { unit, unless })
                    });
                    let units = units.collect();
                    steps.push(Step::RestartTogether { units });
                }
            } else {
                let begins = Begins::After;
                steps.push(Step::Restart {
                    service,
                    unit,
                    begins,
                });
            }
            TurnItem {
                turn: turns[&self.places[name].circle],
                service: name,
                steps,
            }
        });
        items.filter(|item| !item.steps.is_empty()).collect()
    }

    /// Nothing of what is held runs any more.
    fn hold_steps(&self, name: &ServiceName) -> Vec<Step> {
        let Some(at) = self.seen.services.get(name) else {
            return Vec::new();
        };
        let wanted = &self.wanted.services[name];
        let service = || name.clone();
        let stop = |unit: &UnitName| Step::Stop {
            service: service(),
            unit: unit.clone(),
        };
        let mut steps = Vec::new();
        if at.timer == TimerState::Active {
            let (service, unit) = (service(), wanted.unit.clone());
            steps.push(Step::StopTimer { service, unit });
        }
        steps.extend(stops_when_held(wanted, at).then(|| stop(&wanted.unit)));
        let others = at.slots.others.iter().filter(|(_, other)| other.is_up());
        steps.extend(others.map(|(unit, _)| stop(unit)));
        steps
    }

    /// One slot takes over from the other, or what a release left undone of that.
    fn slot_steps(&self, name: &ServiceName, need: &SlotNeed) -> Vec<Step> {
        let SlotNeed {
            first,
            settled,
            drained,
            to,
            start,
            kept,
            last,
        } = need;
        let wanted = &self.wanted.services[name];
        let service = || name.clone();
        let drain = |unit: &UnitName| {
            let slots = wanted.handling.slots.as_ref()?;
            let mut both = Slot::BOTH.into_iter();
            let slot = both.find(|slot| wanted.unit.of_slot(*slot) == *unit)?;
            Some((slots.port_of(slot), slots.drain))
        };
        let end = |unit: &UnitName| Step::EndSlot {
            service: service(),
            unit: unit.clone(),
            drain: drain(unit),
        };
        let flip = |slot: Slot| {
            let Some(slots) = wanted.handling.slots.clone() else {
                return Some(Step::TakeOver {
                    service: service(),
                    slot,
                    unit: wanted.unit.of_slot(slot),
                    ports: wanted.handling.shared.clone()?,
                });
            };
            let proxy = wanted.unit.of_service(&slots.proxy, name);
            Some(Step::FlipSlot {
                service: service(),
                slot,
                slots,
                proxy,
            })
        };
        let mut steps: Vec<Step> = first.iter().map(end).collect();
        steps.extend(settled.and_then(flip));
        steps.extend(drained.iter().map(|unit| Step::DrainSlot {
            service: service(),
            unit: unit.clone(),
            drain: drain(unit),
        }));
        let to_start = match to {
            Some((_, unit)) => (*start == SlotStart::Anew).then_some(unit),
            None => self.needs[name].starts().then_some(&wanted.unit),
        };
        if let Some(unit) = to_start {
            let (service, unit, begins) = (service(), unit.clone(), Begins::After);
            steps.push(Step::Restart {
                service,
                unit: unit.clone(),
                begins,
            });
            if to.is_some() {
                steps.push(Step::AwaitHealthy { units: vec![unit] });
            }
        }
        if let Some((_, unit)) = to
            && *start == SlotStart::StillRuns
        {
            steps.push(Step::WakeSlot {
                service: service(),
                unit: unit.clone(),
                fingerprint: wanted.fingerprint.clone(),
            });
            let (service, unit) = (service(), unit.clone());
            steps.push(Step::AskProbe { service, unit });
        }
        steps.extend(to.as_ref().and_then(|(slot, _)| flip(*slot)));
        if let Some(seconds) = wanted.handling.slots.as_ref().and_then(|it| it.keep) {
            steps.extend(kept.iter().map(|unit| Step::KeepSlot {
                service: service(),
                unit: unit.clone(),
                seconds,
            }));
        }
        steps.extend(last.iter().map(end));
        steps
    }

    /// How many turns of a visit come before each circle that it is about: a path that orders two of its services may lead
    /// over other hosts, and through services that do not change.
    fn turns(&self, visit: &Visit<'_>) -> BTreeMap<usize, usize> {
        let needs = &self.all_circles.needs;
        let circle = |name: &ServiceName| self.places[name].circle;
        let in_visit = visit.items().map(|(name, _)| circle(name));
        let acts = visit.items();
        let acts = acts.filter(|(_, need)| need.acts() || need.rereads());
        let acts: BTreeSet<usize> = acts.map(|(name, _)| circle(name)).collect();
        let mut turns: BTreeMap<usize, usize> = BTreeMap::new();
        for circle in self.all_circles.reached(in_visit) {
            let after = |circle: &usize| turns[circle] + usize::from(acts.contains(circle));
            let turn = needs[circle].iter().map(after).max();
            turns.insert(circle, turn.unwrap_or_default());
        }
        turns
    }

    /// Whether two restarts of one turn must not be side by side: what one of them is rid of for a moment the other one
    /// might get.
    fn clash(&self, one: &ServiceName, other: &ServiceName) -> bool {
        let gives = |holder: &ServiceName, by: &ServiceName| self.displaced.get(holder) == Some(by);
        let circle = |name: &ServiceName| self.places[name].circle;
        // In a circle that leads over other hosts each needs the other one.
        circle(one) == circle(other)
            || gives(one, other)
            || gives(other, one)
            || self.may_take_an_address(one, other)
    }

    /// Whether one of them has an address of its own in a network where the engine chooses that of the other one.
    fn may_take_an_address(&self, one: &ServiceName, other: &ServiceName) -> bool {
        let handling = |name: &ServiceName| &self.wanted.services[name].handling;
        let chosen = |name: &ServiceName, network: &String| -> BTreeSet<bool> {
            let own = handling(name).addresses.get(network);
            let own = own.into_iter().flatten();
            own.map(|address| address.is_ipv4()).collect()
        };
        let mut networks = handling(one).networks.keys();
        networks.any(|network| {
            handling(other).networks.contains_key(network)
                && chosen(one, network) != chosen(other, network)
        })
    }
}
