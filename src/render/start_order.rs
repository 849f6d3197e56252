//! In which order systemd starts the units of one host, where it starts several at once: at a boot.

use std::collections::BTreeMap;

use super::identity::Instance;
use crate::cluster::circles::{Needs, circles, numbered};
use crate::cluster::model::{Cluster, Service};
use crate::cluster::name::ServiceName;

/// Which services need each other. Only edges outside circles may be in units: systemd drops a start job of a
/// circle, and a service stays down.
pub(super) struct StartOrder<'s> {
    circle_of: BTreeMap<&'s ServiceName, usize>,
}

impl<'s> StartOrder<'s> {
    pub(super) fn of(services: &'s BTreeMap<ServiceName, Service>) -> Self {
        let none = Self {
            circle_of: BTreeMap::new(),
        };
        if services.values().all(|service| service.after.is_empty()) {
            return none;
        }
        let mut before: Needs<'_> = services.keys().map(|name| (name, [].into())).collect();
        for (name, service) in services {
            let named = service.needs.iter().chain(&service.after);
            let known = named.filter(|other| services.contains_key(*other));
            before.entry(name).or_default().extend(known);
        }
        Self {
            circle_of: numbered(&circles(&before)),
        }
    }

    /// What stands in `After=` of a service: nothing for one without the field `after`, whose unit stays what it was.
    pub(super) fn after(&self, cluster: &Cluster, service: &Service) -> String {
        if service.after.is_empty() {
            return String::new();
        }
        let own = self.circle_of.get(&service.name);
        let named = service.needs.iter().chain(&service.after);
        let outside = named.filter(|other| self.circle_of.get(other) != own);
        let units = outside.flat_map(|other| {
            let unit = Instance::of(other).unit(&cluster.name);
            let described = cluster.services.get(other);
            match described.is_some_and(Service::has_slots) {
                true => unit.slots().map(|slot| slot.service_file()).to_vec(),
                false => vec![unit.service_file()],
            }
        });
        let mut units: Vec<String> = units.map(String::from).collect();
        units.sort();
        units.join(" ")
    }
}
