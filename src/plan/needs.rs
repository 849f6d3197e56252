//! Which services need which, and so come after them. Services that need each other are a circle: they need
//! only each other's address, and go together.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::circles::{Needs, circles, numbered};
use crate::cluster::name::ServiceName;
use crate::render::desired::{Desired, DesiredHost};

/// Every service that is desired on a host, with what it needs of the others.
fn needs(desired: &Desired) -> Needs<'_> {
    let mut needs = Needs::new();
    for (name, service) in desired.hosts.values().flat_map(|host| &host.services) {
        let needed = service.handling.before();
        needs.entry(name).or_default().extend(needed);
    }
    let placed: BTreeSet<&ServiceName> = needs.keys().copied().collect();
    for of in needs.values_mut() {
        of.retain(|needed| placed.contains(needed));
    }
    needs
}

fn needs_on(host: &DesiredHost) -> Needs<'_> {
    let needs = host.services.iter().map(|(name, service)| {
        let here = service.handling.before();
        let here = here.filter(|needed| host.services.contains_key(*needed));
        (name, here.collect())
    });
    needs.collect()
}

/// The services of a host, each after those that it needs there.
pub(super) fn needed_first_on(host: &DesiredHost) -> Vec<&ServiceName> {
    circles(&needs_on(host)).into_iter().flatten().collect()
}

/// The number of its circle of each service that needs others of a host which need it.
pub(super) fn circles_on(host: &DesiredHost) -> BTreeMap<&ServiceName, usize> {
    let mut circles = circles(&needs_on(host));
    circles.retain(|circle| circle.len() > 1);
    numbered(&circles)
}

/// Which circles wait for which.
#[derive(Clone)]
pub(super) struct Circles<'a> {
    /// The number of the circle that each service is in.
    pub(super) of: BTreeMap<&'a ServiceName, usize>,
    /// The other circles that each one needs; those come before it.
    pub(super) needs: Vec<Vec<usize>>,
    /// The place of each service in an order in which it comes after those that it needs. A circle is cut where it is
    /// entered.
    pub(super) place: BTreeMap<&'a ServiceName, usize>,
}

impl<'a> Circles<'a> {
    /// Services of which one gives its port to the other, or whose network is made anew, go together as well: these pairs.
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
        let of = numbered(&circles);
        let needs = circles.iter().enumerate().map(|(number, circle)| {
            let needed = circle.iter().flat_map(|name| &needs[*name]);
            let others = needed.map(|needed| of[*needed]);
            let mut others: Vec<usize> = others.filter(|other| *other != number).collect();
            others.sort_unstable();
            others.dedup();
            others
        });
        let needs = needs.collect();
        let places = circles.into_iter().flatten().zip(0..);
        Self {
            of,
            needs,
            place: places.collect(),
        }
    }

    /// These circles and all that they need, the needed ones first: a large cluster has many others.
    pub(super) fn reached(&self, from: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut seen = vec![false; self.needs.len()];
        let mut reached = Vec::new();
        let mut left: Vec<usize> = from.collect();
        while let Some(circle) = left.pop() {
            if !std::mem::replace(&mut seen[circle], true) {
                reached.push(circle);
                left.extend(&self.needs[circle]);
            }
        }
        // What a circle needs has a smaller number.
        reached.sort_unstable();
        reached
    }
}
