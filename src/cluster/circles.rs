//! Circles of services that need each other. Pure: a graph in, its circles out.

use std::collections::{BTreeMap, BTreeSet};

use super::name::ServiceName;

/// Services, and what each of them needs.
pub(crate) type Needs<'a> = BTreeMap<&'a ServiceName, BTreeSet<&'a ServiceName>>;

/// A search through a graph of numbers: its nodes in the order in which they are left, each after all that it leads to.
fn finished(leads_to: &[Vec<usize>]) -> Vec<usize> {
    let mut order = Vec::with_capacity(leads_to.len());
    let mut entered = vec![false; leads_to.len()];
    for root in 0..leads_to.len() {
        if std::mem::replace(&mut entered[root], true) {
            continue;
        }
        // An explicit stack: a chain of thousands must not overflow the real one.
        let mut stack = vec![(root, leads_to[root].iter())];
        while let Some((node, next)) = stack.last_mut() {
            match next.next() {
                Some(to) if !std::mem::replace(&mut entered[*to], true) => {
                    stack.push((*to, leads_to[*to].iter()));
                }
                Some(_) => {}
                None => {
                    order.push(*node);
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

/// The circles of what needs each other, most of them of one service, each after those that it needs. Whoever is needed
/// is one of those who need.
pub(crate) fn circles<'a>(needs: &Needs<'a>) -> Vec<Vec<&'a ServiceName>> {
    // Numbers in the order of the names: a large cluster has many edges, and names are slow to compare.
    let names: Vec<&ServiceName> = needs.keys().copied().collect();
    let number = |name: &ServiceName| {
        let found = names.binary_search_by(|other| (*other).cmp(name));
        found.expect("whoever is needed is there")
    };
    let leads_to: Vec<Vec<usize>> = needs
        .values()
        .map(|of| of.iter().map(|needed| number(needed)).collect())
        .collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    for (node, of) in leads_to.iter().enumerate() {
        for needed in of {
            needed_by[*needed].push(node);
        }
    }
    let order = finished(&leads_to);
    let mut place = vec![0; names.len()];
    for (at, node) in order.iter().enumerate() {
        place[*node] = at;
    }
    // Whoever is left last, and all that leads there, is a circle that no other one needs.
    let mut taken = vec![false; names.len()];
    let mut circles = Vec::new();
    for last in order.iter().rev() {
        let mut stack = vec![*last];
        let mut circle = Vec::new();
        while let Some(node) = stack.pop() {
            if !std::mem::replace(&mut taken[node], true) {
                circle.push(node);
                stack.extend(&needed_by[node]);
            }
        }
        if !circle.is_empty() {
            circle.sort_unstable_by_key(|node| place[*node]);
            circles.push(circle);
        }
    }
    let circles = circles.into_iter().rev();
    circles
        .map(|circle| circle.into_iter().map(|node| names[node]).collect())
        .collect()
}
