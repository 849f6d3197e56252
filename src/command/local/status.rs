//! `bayplan local status`.

use std::path::Path;

use super::LocalPlace;
use crate::cli::LocalScope;
use crate::command::{Exit, Failure};
use crate::report::palette::Palette;
use crate::report::{local as text, stream};

pub(super) fn run(directory: Option<&Path>, scope: &LocalScope) -> Result<Exit, Failure> {
    let place = LocalPlace::of(directory, scope)?;
    if place.store.record().is_none() {
        return Err(place.unknown());
    }
    show(&place)?;
    Ok(Exit::Done)
}

/// What runs.
pub(super) fn show(place: &LocalPlace) -> Result<(), Failure> {
    let mut seen = place.engine.containers(place.store.name())?;
    seen.sort_by(|one, other| one.service.cmp(&other.service));
    let cluster = place.store.record().map(|record| record.cluster);
    let head = text::Head {
        name: place.store.name(),
        cluster: cluster.as_deref().unwrap_or_default(),
        engine: place.engine.engine(),
    };
    stream::stdout(&text::status(&head, &seen, &Palette::stdout()))?;
    Ok(())
}
