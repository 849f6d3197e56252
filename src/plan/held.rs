//! The form in which a host keeps each service: what was released under an older recipe stays under it
//! until it changes for another reason.

use std::sync::Arc;

use super::observed::{ObservedHost, ObservedService, UnitFile};
use crate::cluster::name::ServiceName;
use crate::render::desired::{DesiredHost, DesiredService, FoundOnHost};
use crate::render::identity::Slot;

/// What a host is to hold, in the forms in which it keeps it.
#[must_use]
pub fn held(wanted: &DesiredHost, seen: &ObservedHost) -> DesiredHost {
    let services = wanted.services.iter();
    let services = services.map(|(name, service)| {
        let service = Arc::clone(held_service(name, service, seen));
        (name.clone(), in_its_slot(service, seen.services.get(name)))
    });
    DesiredHost {
        engine: wanted.engine,
        services: services.collect(),
    }
}

/// A service with slots as it is where one of them serves: its unit is that of this slot. Its manifest has both.
fn in_its_slot(service: Arc<DesiredService>, at: Option<&ObservedService>) -> Arc<DesiredService> {
    if !service.handling.has_slots() {
        return service;
    }
    let serving = at.and_then(|at| at.slots.serving).unwrap_or(Slot::A);
    let unit = service.unit.of_slot(serving);
    let file = unit.service_file();
    let mut service = Arc::unwrap_or_clone(service);
    service
        .units
        .retain(|other, _| *other == file || other.is_watch());
    service.unit = unit;
    Arc::new(service)
}

/// One service in the form in which a host keeps it.
#[must_use]
pub fn held_service<'a>(
    name: &ServiceName,
    service: &'a Arc<DesiredService>,
    seen: &ObservedHost,
) -> &'a Arc<DesiredService> {
    let at = seen.services.get(name);
    let recorded = seen.generation.recorded(name);
    service.held(FoundOnHost {
        running: at
            .and_then(|at| at.container.as_ref())
            .map(|container| container.fingerprint.as_str()),
        recorded,
        unit: match at.map(|at| &at.unit.file) {
            Some(UnitFile::Ours { digest, .. }) => Some(digest),
            Some(UnitFile::Absent | UnitFile::Foreign { .. }) | None => None,
        },
    })
}
