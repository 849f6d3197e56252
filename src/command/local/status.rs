//! `bayplan local status`.

use std::path::Path;

use super::LocalPlace;
use crate::cli::LocalStatus;
use crate::command::{Exit, Failure};
use crate::local::decide::SeenContainer;
use crate::report::palette::Palette;
use crate::report::view::LocalStatusView;
use crate::report::{json, local as text, stream};

pub(super) fn run(directory: Option<&Path>, arguments: &LocalStatus) -> Result<Exit, Failure> {
    let place = LocalPlace::of(directory, &arguments.scope)?;
    let Some(record) = place.store.record() else {
        return Err(place.unknown());
    };
    if !arguments.json {
        show(&place)?;
        return Ok(Exit::Done);
    }
    let (name, engine) = (place.store.name(), place.engine.engine());
    let seen = containers(&place)?;
    let view = LocalStatusView::of(name, &record.cluster, engine, &seen);
    stream::stdout(&json::text(&view))?;
    Ok(Exit::Done)
}

/// What runs.
pub(super) fn show(place: &LocalPlace) -> Result<(), Failure> {
    let seen = containers(place)?;
    let cluster = place.store.record().map(|record| record.cluster);
    let head = text::Head {
        name: place.store.name(),
        cluster: cluster.as_deref().unwrap_or_default(),
        engine: place.engine.engine(),
    };
    stream::stdout(&text::status(&head, &seen, &Palette::stdout()))?;
    Ok(())
}

/// All containers of the cluster here, by the names of their services.
fn containers(place: &LocalPlace) -> Result<Vec<SeenContainer>, Failure> {
    let mut seen = place.engine.containers(place.store.name())?;
    seen.sort_by(|one, other| one.service.cmp(&other.service));
    Ok(seen)
}
