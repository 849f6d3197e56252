//! Variables that change for several services in the same way: told once.

use std::collections::{BTreeMap, BTreeSet};

use super::{HostView, ReasonView};

/// The layer, the name, and the values before and after.
type SameChange<'a> = (String, &'a str, Option<&'a str>, Option<&'a str>);

/// What is the same for several services of these hosts; their own reasons say by which name it was told.
pub(super) fn tell_once<'a>(hosts: &mut [HostView<'a>]) -> Vec<ReasonView<'a>> {
    let mut found: BTreeMap<SameChange<'a>, BTreeSet<&'a str>> = BTreeMap::new();
    for service in hosts.iter().flat_map(|host| &host.services) {
        for change in service.reasons.iter().filter_map(same_change) {
            found.entry(change).or_default().insert(service.service);
        }
    }
    found.retain(|_, services| services.len() > 1);
    let reasons = hosts
        .iter_mut()
        .flat_map(|host| &mut host.services)
        .flat_map(|service| &mut service.reasons);
    for reason in reasons {
        let told = same_change(reason).filter(|change| found.contains_key(change));
        if let (Some((_, told, _, _)), ReasonView::Variable { told_by, .. }) = (told, reason) {
            told_by.push(told);
        }
    }
    let mut shared: Vec<_> = found.into_iter().collect();
    shared.sort_by_key(|(_, services)| std::cmp::Reverse(services.len()));
    let shared = shared
        .into_iter()
        .map(|((layer, name, before, after), _)| ReasonView::Variable {
            layer,
            name,
            before,
            after,
            told_by: Vec::new(),
        });
    shared.collect()
}

fn same_change<'a>(reason: &ReasonView<'a>) -> Option<SameChange<'a>> {
    if let ReasonView::Variable {
        layer,
        name,
        before,
        after,
        told_by: _,
    } = reason
    {
        Some((layer.clone(), name, *before, *after))
    } else {
        None
    }
}
