//! Which services need which, and so come after them. Services that need each other are a circle: they need
//! only each other's address, and go together.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::name::ServiceName;
use crate::render::desired::Desired;

/// Services, and what each of them needs.
type Needs<'a> = BTreeMap<&'a ServiceName, BTreeSet<&'a ServiceName>>;

/// Every service that is desired on a host, with what it needs of the others.
fn needs(desired: &Desired) -> Needs<'_> {
    let mut needs = Needs::new();
    for (name, service) in desired.hosts.values().flat_map(|host| &host.services) {
        let needed = &service.handling.needs;
        needs.entry(name).or_default().extend(needed);
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
pub(super) struct Circles<'a> {
    /// The number of the circle that each service is in.
    pub(super) of: BTreeMap<&'a ServiceName, usize>,
    /// The other circles that each one needs; those come before it.
    pub(super) needs: Vec<BTreeSet<usize>>,
}

impl<'a> Circles<'a> {
    /// Services of which one gives its port to the other go together as well: these pairs.
    pub(super) fn of(
        desired: &'a Desired,
        displaced: impl Iterator<Item = (&'a ServiceName, &'a ServiceName)>,
    ) -> Self {
        let mut needs = needs(desired);
        for (gives, takes) in displaced {
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
