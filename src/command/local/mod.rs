//! `bayplan local`: a cluster on this machine.

mod down;
mod env;
mod exec;
mod here;
mod logs;
mod status;
mod up;

use std::path::Path;

use super::description::repository;
use super::{Exit, Failure};
use crate::cli::{LocalCommands, LocalScope};
use crate::cluster::model::Engine;
use crate::cluster::name::ServiceName;
use crate::cluster::nearest::nearest;
use crate::local::decide::SeenContainer;
use crate::local::engine::{LocalEngine, LocalEngineError};
use crate::local::event::LocalEvent;
use crate::local::name::LocalName;
use crate::local::store::LocalStore;
use crate::local::up::LocalError;
use crate::report::errors;
use crate::report::local as local_text;
use crate::report::palette::Palette;
use crate::report::stream;
use crate::repository::{Repository, branch};

pub(super) fn run(directory: Option<&Path>, arguments: &LocalCommands) -> Result<Exit, Failure> {
    match arguments {
        LocalCommands::Up(arguments) => up::run(directory, arguments),
        LocalCommands::Status(arguments) => status::run(directory, arguments),
        LocalCommands::Logs(arguments) => logs::run(directory, arguments),
        LocalCommands::Exec(arguments) => exec::run(directory, arguments),
        LocalCommands::Env(arguments) => env::run(directory, arguments),
        LocalCommands::Down(arguments) => down::run(directory, arguments),
    }
}

/// A cluster of this machine.
struct LocalPlace {
    engine: LocalEngine,
    store: LocalStore,
}

impl LocalPlace {
    /// The one that is named, or that of the branch; then the config repository is there.
    fn of(directory: Option<&Path>, scope: &LocalScope) -> Result<Self, Failure> {
        let name = match &scope.name {
            Some(name) => name.clone(),
            None => own_name(&repository(directory)?)?,
        };
        let store = LocalStore::of(&name)?;
        let runs = store
            .record()
            .and_then(|record| Engine::named(&record.engine));
        let asked = scope.engine.map(Engine::from);
        if let (Some(asked), Some(runs)) = (asked, runs)
            && asked != runs
        {
            return Err(Failure::with_help(
                anyhow::anyhow!(
                    "expected {}, which runs `{name}`, found `--engine {}`",
                    runs.program(),
                    asked.program()
                ),
                "`bayplan local down` removes it there; then another engine may have it, with volumes of its own",
            ));
        }
        let engine = engine(asked.or(runs))?;
        Ok(Self { engine, store })
    }

    /// The container of a service that runs.
    fn running(&self, service: &ServiceName) -> Result<SeenContainer, Failure> {
        let name = self.store.name();
        if self.store.record().is_none() {
            return Err(self.unknown());
        }
        let seen = self.engine.containers(name)?;
        let found = seen
            .iter()
            .find(|seen| seen.service == *service && seen.running);
        found.cloned().ok_or_else(|| {
            let known = seen.iter().map(|seen| seen.service.as_str());
            let near = nearest(service.as_str(), known).filter(|near| *near != service.as_str());
            Failure::with_help(
                anyhow::anyhow!(
                    "expected a container of `{service}` that runs in `{name}`, found none"
                ),
                match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("`bayplan local up {service}` starts it"),
                },
            )
        })
    }

    /// Nothing is known here of a cluster of this name.
    fn unknown(&self) -> Failure {
        let name = self.store.name();
        Failure::with_help(
            anyhow::anyhow!("expected a cluster `{name}` on this machine, found none"),
            "`bayplan local up` makes it; `--name` takes that of another branch",
        )
    }
}

fn engine(asked: Option<Engine>) -> Result<LocalEngine, Failure> {
    LocalEngine::find(asked).map_err(|error| {
        let help = match error {
            LocalEngineError::None | LocalEngineError::Absent(_) => Some(
                "install one: https://docs.docker.com/engine/install or https://podman.io/docs/installation".to_owned(),
            ),
            LocalEngineError::Refused { .. } | LocalEngineError::Strange { .. } => None,
        };
        Failure::of(error, help)
    })
}

/// The name of a branch's cluster, or of a directory's. Another one, if a repository elsewhere has that.
fn own_name(repository: &Repository) -> Result<LocalName, Failure> {
    let root = repository.root();
    let branch = branch(root).and_then(|branch| LocalName::of(&branch));
    let directory = || LocalName::of(&root.file_name()?.to_string_lossy());
    let Some(name) = branch.or_else(directory) else {
        return Err(Failure::with_help(
            anyhow::anyhow!(
                "expected a branch or a directory with letters in its name, found none"
            ),
            "name the cluster: `--name NAME`",
        ));
    };
    let record = LocalStore::of(&name)?.record();
    Ok(match record {
        Some(record) if record.root != root.to_string_lossy() => {
            name.apart(&root.to_string_lossy())
        }
        Some(_) | None => name,
    })
}

/// What could not be begun, with what to type.
fn not_begun(error: LocalError, engine: &LocalEngine) -> Failure {
    let help = match &error {
        LocalError::Engine(LocalEngineError::Refused { said, .. }) => {
            match said.contains("daemon") || said.contains("connect") {
                true => Some(format!(
                    "`{} info` says whether it answers you",
                    engine.engine().program()
                )),
                false => None,
            }
        }
        LocalError::Swap(service) => Some(format!(
            "describe `{service}` without `[swap]` in clusters/local, or leave it out: `bayplan local up SERVICE`"
        )),
        LocalError::Engine(_) | LocalError::Store(_) | LocalError::Secret { .. } => None,
    };
    Failure::of(error, help)
}

fn note(text: &str) {
    stream::aside(&errors::note(text, &Palette::stderr()));
}

/// Tells an event: on standard error all the same if somebody has to act on it.
fn tell(event: &LocalEvent, palette: &Palette) {
    let text = local_text::event(event, palette);
    match event {
        LocalEvent::Failed { .. } | LocalEvent::NotStarted { .. } => stream::stderr(&text),
        LocalEvent::Waits
        | LocalEvent::Pulls { .. }
        | LocalEvent::Starts { .. }
        | LocalEvent::Moved { .. }
        | LocalEvent::Runs { .. }
        | LocalEvent::Done { .. }
        | LocalEvent::Reloaded { .. }
        | LocalEvent::Removed { .. } => stream::aside(&text),
    }
}
