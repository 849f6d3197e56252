//! The form in which a host keeps each service: what was released under an older recipe stays under it
//! until it changes for another reason.

use std::sync::Arc;

use super::observed::{ObservedHost, UnitFile};
use crate::cluster::name::ServiceName;
use crate::render::desired::{DesiredHost, DesiredService, FoundOnHost};

/// What a host is to hold, in the forms in which it keeps it.
#[must_use]
pub fn held(wanted: &DesiredHost, seen: &ObservedHost) -> DesiredHost {
    let services = wanted.services.iter();
    let services = services.map(|(name, service)| {
        let service = held_service(name, service, seen);
        (name.clone(), Arc::clone(service))
    });
    DesiredHost {
        engine: wanted.engine,
        services: services.collect(),
    }
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
        recorded: recorded.map(|entry| entry.fingerprint.as_str()),
        unit: match at.map(|at| &at.unit.file) {
            Some(UnitFile::Ours { digest, .. }) => Some(digest),
            Some(UnitFile::Absent | UnitFile::Foreign { .. }) | None => None,
        },
    })
}
