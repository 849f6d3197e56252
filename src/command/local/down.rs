//! `bayplan local down`.

use std::path::Path;

use super::{LocalPlace, note, tell};
use crate::cli::LocalDown;
use crate::command::{Exit, Failure};
use crate::local::engine::{LocalEngineError, VolumeFate};
use crate::local::event::LocalEvent;
use crate::report::local as text;
use crate::report::palette::Palette;

pub(super) fn run(directory: Option<&Path>, arguments: &LocalDown) -> Result<Exit, Failure> {
    let place = LocalPlace::of(directory, &arguments.scope)?;
    let (engine, store) = (&place.engine, &place.store);
    // Nothing is made where nothing is known.
    if store.record().is_none() && engine.containers(store.name())?.is_empty() {
        return Err(place.unknown());
    }
    let palette = Palette::stderr();
    let tell = |event: LocalEvent| tell(&event, &palette);
    let lock = store.lock(|| tell(LocalEvent::Waits))?;
    // Only now: an `up` that had the lock may have started more.
    let mut seen = engine.containers(store.name())?;
    seen.sort_by(|one, other| one.service.cmp(&other.service));
    std::thread::scope(|scope| {
        let removed: Vec<_> = seen
            .iter()
            .map(|seen| {
                scope.spawn(|| {
                    engine.remove(&seen.id)?;
                    let service = seen.service.clone();
                    tell(LocalEvent::Removed { service });
                    Ok(())
                })
            })
            .collect();
        let mut ends = removed.into_iter();
        ends.try_for_each(|end| end.join().expect("it does not panic"))
    })
    .map_err(|error: LocalEngineError| error)?;
    let volumes = match arguments.volumes {
        true => VolumeFate::Go,
        false => VolumeFate::Stay,
    };
    let removed = engine.clear(store.name(), volumes)?;
    if arguments.volumes {
        store.clear()?;
        note(&text::cleared(removed));
    } else {
        store.set_down()?;
        note("volumes and made-up secrets stay; `bayplan local down --volumes` removes them, too");
    }
    drop(lock);
    Ok(Exit::Done)
}
