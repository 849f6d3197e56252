//! `bayplan local up`.

use std::collections::BTreeSet;
use std::path::Path;

use super::{LocalPlace, here, not_begun, note, status};
use crate::cli::LocalUpArguments;
use crate::cluster::name::ServiceName;
use crate::command::description::repository;
use crate::command::{Exit, Failure};
use crate::local::event::LocalEvent;
use crate::local::store::LocalRecord;
use crate::local::up::{LocalUp, up};
use crate::report::palette::Palette;
use crate::report::{local as text, stream};
use crate::repository::Repository;

pub(super) fn run(directory: Option<&Path>, arguments: &LocalUpArguments) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let place = LocalPlace::of(directory, &arguments.scope)?;
    once(&repository, &place, arguments)
}

fn once(
    repository: &Repository,
    place: &LocalPlace,
    arguments: &LocalUpArguments,
) -> Result<Exit, Failure> {
    let name = here::which(repository, arguments)?;
    let cluster = match here::load(repository, &name, &here::here(place)) {
        Ok(cluster) => cluster,
        Err(exit) => return Ok(exit),
    };
    here::known(&cluster, arguments)?;
    let root = repository.root().to_string_lossy();
    let palette = Palette::stderr();
    let tell = |event: LocalEvent| stream::stderr(&text::event(&event, &palette));
    let _lock = place.store.lock(|| tell(LocalEvent::Waits))?;
    let before = place.store.record();
    if let Some(before) = before.as_ref().filter(|before| before.root != root) {
        return Err(Failure::with_help(
            anyhow::anyhow!(
                "expected a cluster of {root}, found that `{}` is one of {}",
                place.store.name(),
                before.root
            ),
            "take another name, or remove that one: `bayplan local down --name NAME`",
        ));
    }
    let mut record =
        before.unwrap_or_else(|| LocalRecord::new(&root, name.as_str(), place.engine.engine()));
    record.cluster = name.to_string();
    record.engine = place.engine.engine().program().to_owned();
    record.decrypted = here::is_decrypted(&cluster, arguments);
    // Ports and files have their places even if this one dies.
    place.store.set_record(&record)?;
    let stored = here::values(repository, &cluster, place, arguments)?;
    if !stored.is_empty() && !record.decrypted {
        note(&format!(
            "values of secrets are made up, and stay in {}",
            place.store.secrets().display()
        ));
    }
    let part: BTreeSet<ServiceName> = arguments.services.iter().cloned().collect();
    let work = LocalUp {
        engine: &place.engine,
        store: &place.store,
        record,
        cluster: &cluster,
        part: (!part.is_empty()).then_some(&part),
        outside: &BTreeSet::new(),
        stored: &stored,
    };
    let end = up(&work, &tell).map_err(|error| not_begun(error, &place.engine))?;
    status::show(place)?;
    stream::stderr(&text::end(end, place.store.name(), &palette));
    Ok(match end.failed {
        0 => Exit::Done,
        _ => Exit::Failed,
    })
}
