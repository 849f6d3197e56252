//! What every command begins with: the config repository, the cluster, its checked model.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Exit, Failure};
use crate::cli::Parallel;
use crate::cluster::diagnostic::{Diagnostic, Level, first_of_each_file};
use crate::cluster::model::{Cluster, Host};
use crate::cluster::name::{ClusterName, HostName};
use crate::cluster::{EXCERPT_WIDTH, Paint, Sources, check, excerpt, hosts_alone, sort};
use crate::host::reach::connect::{CONNECT_TIMEOUT, ConnectContext, UnknownOptions};
use crate::host::reach::interrupt::Interrupt;
use crate::release::Setting;
use crate::release::generations::bare;
use crate::release::visit::HostVisit;
use crate::render::desired::Desired;
use crate::render::render;
use crate::report::check::{CheckedCluster, Size, diagnostics, more_problems, summary};
use crate::report::errors::{note, one};
use crate::report::history::UNKNOWN_COMMIT;
use crate::report::palette::Palette;
use crate::report::stream;
use crate::repository::{GitError, Repository, RepositoryError, head};

/// A description without errors, and what it comes to.
pub(super) struct Description {
    pub cluster: Cluster,
    pub desired: Desired,
    /// The files that it was read from.
    pub sources: Sources,
    pub connect: ConnectContext,
}

impl Description {
    /// The hosts of all of it, so many at the same time.
    pub(super) fn setting(&self, parallel: &Parallel) -> Setting<'_> {
        Setting {
            cluster: &self.cluster,
            desired: &self.desired,
            connect: &self.connect,
            limit: parallel.hosts,
        }
    }

    /// Some hosts without a plan, so many at the same time.
    pub(super) fn visit<'a>(
        &'a self,
        hosts: &'a BTreeMap<HostName, Host>,
        parallel: &Parallel,
    ) -> HostVisit<'a> {
        HostVisit {
            cluster: &self.cluster,
            hosts,
            connect: &self.connect,
            limit: parallel.hosts,
        }
    }
}

/// The config repository at or above a directory, by default the current one.
pub(super) fn repository(directory: Option<&Path>) -> Result<Repository, Failure> {
    Repository::find(directory.unwrap_or(Path::new("."))).map_err(not_loaded)
}

/// The commit that is released, with `-dirty` where files differ from it. Where git cannot be asked,
/// the error says why.
pub(super) fn commit(repository: &Repository) -> Result<Option<String>, GitError> {
    let commit = head(repository.root())?;
    Ok(commit.map(|commit| {
        let mark = if commit.dirty { "-dirty" } else { "" };
        format!("{}{mark}", commit.id)
    }))
}

/// The same as it is recorded: `unknown: ` and why, where git cannot be asked.
pub(super) fn recorded(commit: Result<Option<String>, GitError>) -> Option<String> {
    commit.unwrap_or_else(|error| Some(format!("{UNKNOWN_COMMIT}{}", error.message)))
}

/// A description that cannot be read.
pub(super) fn not_loaded(error: RepositoryError) -> Failure {
    let help = error.help().map(str::to_owned);
    Failure::of(error, help)
}

/// What git did not do.
pub(super) fn git_refused(mut error: GitError) -> Failure {
    let help = error.help.take();
    Failure::of(error, help)
}

/// Loads, checks and renders a cluster. Problems are shown; errors end the command.
pub(super) fn load(repository: &Repository, name: &ClusterName) -> Result<Description, Exit> {
    let sources = read(repository, name)?;
    let outcome = examine(name, &sources);
    described(repository, sources, outcome)
}

/// The same for what needs the hosts of a cluster and nothing else: an error in the rest is no reason not to
/// look at them, or not to go back to what ran before. Nothing is desired then.
pub(super) fn load_hosts(
    repository: &Repository,
    name: &ClusterName,
) -> Result<(Description, Services), Exit> {
    let sources = read(repository, name)?;
    let mut outcome = examine(name, &sources);
    if outcome.model.is_none()
        && let Some(cluster) = hosts_alone(name.as_str(), &sources)
    {
        let text = format!(
            "the description of {name} has errors, which do not matter here; `bayplan check {name}` shows them"
        );
        stream::aside(&note(&text, &Palette::stderr()));
        let desired = bare(&cluster);
        outcome.problems.clear();
        outcome.model = Some((cluster, desired));
        let description = described(repository, sources, outcome)?;
        return Ok((description, Services::Broken));
    }
    Ok((
        described(repository, sources, outcome)?,
        Services::Described,
    ))
}

/// Whether a description says what is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Services {
    Described,
    Broken,
}

pub(super) fn read(repository: &Repository, name: &ClusterName) -> Result<Sources, Exit> {
    repository.load(name.as_str()).map_err(|error| {
        let palette = Palette::stderr();
        stream::stderr(&one(&error.to_string(), error.help(), &palette));
        Exit::Failed
    })
}

fn described(
    repository: &Repository,
    sources: Sources,
    outcome: Examined,
) -> Result<Description, Exit> {
    if !outcome.problems.is_empty() {
        stream::stderr(&show(&outcome.problems, &sources, &Palette::stderr()));
    }
    match outcome.model {
        Some((cluster, desired)) => Ok(Description {
            connect: ConnectContext {
                interrupt: Interrupt::default(),
                unknown_options: UnknownOptions::default(),
                cluster: cluster.name.clone(),
                repository_root: repository.root().to_owned(),
                connect_timeout: CONNECT_TIMEOUT,
            },
            cluster,
            desired,
            sources,
        }),
        None => {
            stream::stderr(&summary(&[outcome.checked]));
            Err(Exit::Failed)
        }
    }
}

/// Everything that can be said of a description without a host.
pub(super) struct Examined {
    pub model: Option<(Cluster, Desired)>,
    pub problems: Vec<Diagnostic>,
    /// What only `check` shows.
    pub lints: Vec<Diagnostic>,
    pub checked: CheckedCluster,
}

/// Checks a description and renders it: a template can be wrong in ways that only rendering shows.
pub(super) fn examine(name: &ClusterName, sources: &Sources) -> Examined {
    let found = check(name.as_str(), sources);
    let mut problems = found.diagnostics;
    let model = found.cluster.and_then(|cluster| match render(&cluster) {
        Ok(desired) => Some((cluster, desired)),
        Err(errors) => {
            problems.extend(errors.into_iter().map(Diagnostic::from));
            sort(&mut problems);
            None
        }
    });
    let count = |level| problems.iter().filter(|p| p.level == level).count();
    let checked = CheckedCluster {
        cluster: name.clone(),
        errors: count(Level::Error),
        warnings: count(Level::Warning),
        size: model.as_ref().map(|(cluster, _)| Size {
            hosts: cluster.hosts.len(),
            services: cluster
                .services
                .values()
                .filter(|s| !s.hosts.is_empty())
                .count(),
        }),
    };
    Examined {
        model,
        problems,
        lints: found.lints,
        checked,
    }
}

/// Whether a description has no errors; else they are shown.
pub(super) fn is_fine(name: &ClusterName, sources: &Sources) -> bool {
    let outcome = examine(name, sources);
    if outcome.model.is_none() {
        stream::stderr(&show(&outcome.problems, sources, &Palette::stderr()));
        stream::stderr(&summary(&[outcome.checked]));
    }
    outcome.model.is_some()
}

/// Problems of one file that are shown: a mistake that is made in each line is understood by then.
const SHOWN_OF_A_FILE: usize = 20;

/// Problems with their excerpts, in colour wherever the rest is. Of a file that has very many, the first ones and
/// their number.
pub(super) fn show(problems: &[Diagnostic], sources: &Sources, palette: &Palette) -> String {
    let paint = if palette.is_plain() {
        Paint::Plain
    } else {
        Paint::Colour
    };
    let width = palette.terminal.unwrap_or(EXCERPT_WIDTH);
    let (first, more) = first_of_each_file(problems, SHOWN_OF_A_FILE);
    let rendered: Vec<String> = first
        .iter()
        .map(|problem| excerpt(problem, sources, paint, width))
        .collect();
    let mut text = diagnostics(&rendered, palette.terminal);
    for (path, number) in more {
        text += &more_problems(number, path, palette);
    }
    text
}
