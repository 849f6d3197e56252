//! `bayplan local up`.

#![expect(
    clippy::disallowed_methods,
    reason = "waits for edits of the description, by the clock"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::{LocalPlace, here, not_begun, note, status, tell};
use crate::cli::LocalUpArguments;
use crate::cluster::Sources;
use crate::cluster::name::{ClusterName, ServiceName};
use crate::command::description::{read, repository};
use crate::command::{Exit, Failure};
use crate::local::event::LocalEvent;
use crate::local::store::LocalRecord;
use crate::local::up::{LocalUp, up};
use crate::report::palette::Palette;
use crate::report::{errors, local as text, stream};
use crate::repository::Repository;

/// How often the files of a description are read to find edits. They are few, and nothing that tells of changes is told of all
/// of them on every kind of file system.
const LOOK: Duration = Duration::from_millis(300);

pub(super) fn run(directory: Option<&Path>, arguments: &LocalUpArguments) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let place = LocalPlace::of(directory, &arguments.scope)?;
    let name = here::which(&repository, arguments)?;
    let sources = match read(&repository, &name) {
        Ok(sources) => sources,
        Err(exit) => return Ok(exit),
    };
    let start = LocalStart {
        repository: &repository,
        place: &place,
        arguments,
        name: &name,
    };
    match arguments.watch {
        false => start.run(&sources, Shown::All),
        true => start.watch(sources),
    }
}

/// What is started where.
struct LocalStart<'a> {
    repository: &'a Repository,
    place: &'a LocalPlace,
    arguments: &'a LocalUpArguments,
    name: &'a ClusterName,
}

/// What is shown at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// All that runs.
    All,
    /// What changed.
    Changes,
}

impl LocalStart<'_> {
    /// Starts, and again after each edit. What is edited during a start differs from what that start read, so it is
    /// the next one.
    fn watch(&self, mut sources: Sources) -> Result<Exit, Failure> {
        let palette = Palette::stderr();
        let mut shown = Shown::All;
        loop {
            if let Err(failure) = self.run(&sources, shown) {
                let error = format!("{:#}", failure.error);
                stream::stderr(&errors::one(&error, failure.help.as_deref(), &palette));
            }
            if shown == Shown::All {
                stream::aside(&text::watches(self.name.as_str()));
            }
            shown = Shown::Changes;
            sources = self.edited(&sources);
        }
    }

    /// The description once it is another one, and stays so for a moment: an editor writes file after file.
    fn edited(&self, before: &Sources) -> Sources {
        let read = || self.repository.load(self.name.as_str()).ok();
        let mut last = None;
        loop {
            sleep(LOOK);
            let now = read();
            match now {
                Some(now) if now != *before && last.as_ref() == Some(&now) => return now,
                now => last = now,
            }
        }
    }

    fn run(&self, sources: &Sources, shown: Shown) -> Result<Exit, Failure> {
        let Self {
            repository,
            place,
            arguments,
            name,
        } = self;
        let all_here = here::here(place, std::collections::BTreeMap::new());
        let mut cluster = match here::load(sources, name, &all_here) {
            Ok(cluster) => cluster,
            Err(exit) => return Ok(exit),
        };
        for service in &arguments.services {
            here::described(&cluster, service)?;
        }
        let elsewhere = match here::elsewhere(repository, &cluster, place, arguments)? {
            Ok(elsewhere) => elsewhere,
            Err(exit) => return Ok(exit),
        };
        let mut outside: BTreeSet<ServiceName> = elsewhere.keys().cloned().collect();
        if arguments.rest.is_some() {
            let named = |name: &&ServiceName| !arguments.services.contains(name);
            outside.extend(cluster.services.keys().filter(named).cloned());
        }
        if !elsewhere.is_empty() {
            cluster = match here::load(sources, name, &here::here(place, elsewhere.clone())) {
                Ok(cluster) => cluster,
                Err(exit) => return Ok(exit),
            };
        }
        let root = repository.root().to_string_lossy();
        let palette = Palette::stderr();
        let tell = |event: LocalEvent| tell(&event, &palette);
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
        let engine = place.engine.engine();
        let mut record = before.unwrap_or_else(|| LocalRecord::new(&root, name.as_str(), engine));
        record.cluster = name.to_string();
        record.engine = engine.program().to_owned();
        record.decrypted = here::is_decrypted(&cluster, arguments);
        record.elsewhere = elsewhere
            .into_iter()
            .map(|(service, found)| (service, (found.hosts, found.port)))
            .collect();
        // Ports and files have their places even if this one dies.
        place.store.set_record(&record)?;
        let secrets = here::SecretValues {
            decrypt: record.decrypted,
            identities: &arguments.identities,
        };
        let stored = here::values(sources, &cluster, place, &secrets)?;
        if !stored.is_empty() && !record.decrypted && shown == Shown::All {
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
            outside: &outside,
            stored: &stored,
        };
        let end = up(&work, &tell).map_err(|error| not_begun(error, &place.engine))?;
        if shown == Shown::All {
            status::show(place)?;
        }
        stream::stderr(&text::end(end, place.store.name(), &palette));
        Ok(match end.failed {
            0 => Exit::Done,
            _ => Exit::Failed,
        })
    }
}
