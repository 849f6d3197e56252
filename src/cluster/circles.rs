//! Circles of services that need each other. Pure: a graph in, its circles out.

use std::collections::{BTreeMap, BTreeSet};

use super::name::ServiceName;

/// Services, and what each of them needs.
pub(crate) type Needs<'a> = BTreeMap<&'a ServiceName, BTreeSet<&'a ServiceName>>;

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

/// The number of the circle that each service is in, from 0 in the order of the circles.
pub(crate) fn numbered<'a>(circles: &[Vec<&'a ServiceName>]) -> BTreeMap<&'a ServiceName, usize> {
    let numbered = circles.iter().enumerate();
    numbered
        .flat_map(|(number, circle)| circle.iter().map(move |name| (*name, number)))
        .collect()
}

/// The circles of what needs each other, most of them of one service, each after those that it needs.
pub(crate) fn circles<'a>(needs: &Needs<'a>) -> Vec<Vec<&'a ServiceName>> {
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
