//! Who starts before whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::model::Service;
use crate::cluster::name::ServiceName;

/// The services that each of these waits for, among them. Where they need each other in a circle, one of them waits for
/// nobody: the first by name.
pub(super) fn waits<'a>(
    services: &BTreeMap<&'a ServiceName, &'a Service>,
) -> BTreeMap<&'a ServiceName, BTreeSet<&'a ServiceName>> {
    let mut order: BTreeMap<&ServiceName, usize> = BTreeMap::new();
    let mut open = BTreeSet::new();
    for name in services.keys() {
        visit(name, services, &mut open, &mut order);
    }
    let waits = services.iter().map(|(name, service)| {
        let before = before(service);
        let before = before.filter(|other| {
            let earlier = order.get(other).is_some_and(|at| *at < order[name]);
            services.contains_key(other) && earlier
        });
        (*name, before.collect())
    });
    waits.collect()
}

fn before(service: &Service) -> impl Iterator<Item = &ServiceName> {
    service.needs.iter().chain(&service.after)
}

fn visit<'a>(
    name: &'a ServiceName,
    services: &BTreeMap<&'a ServiceName, &'a Service>,
    open: &mut BTreeSet<&'a ServiceName>,
    order: &mut BTreeMap<&'a ServiceName, usize>,
) {
    if order.contains_key(name) || !open.insert(name) {
        return;
    }
    if let Some(service) = services.get(name) {
        for other in before(service) {
            visit(other, services, open, order);
        }
        let at = order.len();
        order.insert(name, at);
    }
}

/// The named services with all that they need, and the jobs that they come after.
#[must_use]
pub(super) fn with_needs<'a>(
    all: &'a BTreeMap<ServiceName, Service>,
    named: impl IntoIterator<Item = &'a ServiceName>,
) -> BTreeSet<ServiceName> {
    let mut found: BTreeSet<ServiceName> = BTreeSet::new();
    let mut left: Vec<&ServiceName> = named.into_iter().collect();
    while let Some(name) = left.pop() {
        let Some(service) = all.get(name) else {
            continue;
        };
        if !found.insert(name.clone()) {
            continue;
        }
        left.extend(&service.needs);
        let jobs = service.after.iter();
        left.extend(jobs.filter(|job| all.get(*job).is_some_and(|job| job.run.is_job())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::service;

    fn all(needs: &[(&str, &str)]) -> BTreeMap<ServiceName, Service> {
        let name = |name: &str| ServiceName::new(name).unwrap();
        let service = |(own, needs): &(&str, &str)| {
            let mut service = service(own);
            service.needs = needs.split_whitespace().map(name).collect();
            (name(own), service)
        };
        needs.iter().map(service).collect()
    }

    fn told(needs: &[(&str, &str)]) -> Vec<String> {
        let all = all(needs);
        let all: BTreeMap<_, _> = all.iter().collect();
        let line = |(name, before): (&ServiceName, BTreeSet<&ServiceName>)| {
            let before: Vec<&str> = before.iter().map(|name| name.as_str()).collect();
            format!("{name}<{}", before.join(","))
        };
        waits(&all).into_iter().map(line).collect()
    }

    #[test]
    fn each_waits_for_what_it_needs() {
        assert_eq!(
            told(&[
                ("api", "db cache"),
                ("cache", ""),
                ("db", ""),
                ("web", "api gone")
            ]),
            ["api<cache,db", "cache<", "db<", "web<api"]
        );
    }

    #[test]
    fn a_circle_is_no_reason_to_wait_for_ever() {
        assert_eq!(
            told(&[("a", "b"), ("b", "c"), ("c", "a")]),
            ["a<b", "b<c", "c<"]
        );
    }

    #[test]
    fn a_part_brings_what_it_needs() {
        let all = all(&[("api", "db"), ("cache", ""), ("db", ""), ("web", "api")]);
        let web = ServiceName::new("web").unwrap();
        let found = with_needs(&all, [&web]);
        let found: Vec<&str> = found.iter().map(|name| name.as_str()).collect();
        assert_eq!(found, ["api", "db", "web"]);
    }
}
