//! `bayplan bump CLUSTER SERVICE=TAG…`.

use std::path::Path;

use super::description::{git_refused, is_fine, not_loaded, repository};
use super::tag_lookup::{RegistryAnswers, newer_tags};
use super::{Exit, Failure, review};
use crate::cli::{Bump, Committing, TagLookup};
use crate::cluster::Sources;
use crate::cluster::bump::{BumpError, FileBump, bumps, present, wanted_tags};
use crate::cluster::name::{ClusterName, ServiceName};
use crate::cluster::version::{Bumped, ImageVersion, bump};
use crate::report::palette::Palette;
use crate::report::plan_end::next;
use crate::report::{bump as text, errors, stream};
use crate::repository::{Edit, EditError, EditMode, Repository};

pub(super) fn run(directory: Option<&Path>, arguments: &Bump) -> Result<Exit, Failure> {
    let Bump {
        cluster,
        wanted,
        list: is_list,
        lookup,
        committing,
        dry_run,
    } = arguments;
    let repository = repository(directory)?;
    if *is_list {
        return list(&repository, cluster, wanted);
    }
    let wanted = &versions(wanted)?;
    let change = match PreparedBump::of(&repository, cluster, wanted, lookup)? {
        Ok(change) => change,
        Err(exit) => return Ok(exit),
    };
    if change.bumps.is_empty() {
        let services: Vec<&ServiceName> = wanted.iter().map(|(service, _)| service).collect();
        stream::stdout(&text::nothing(cluster, &services))?;
        return Ok(Exit::Done);
    }
    if committing.commit {
        // Before a word is shown of what then does not happen.
        repository
            .can_commit(&change.paths())
            .map_err(git_refused)?;
    }
    change.tell()?;
    if *dry_run {
        stream::stdout("\nnothing was written: --dry-run\n")?;
        return Ok(Exit::Done);
    }
    change.write(&repository, committing)?;
    stream::stdout(&next(
        &format!("bayplan release {cluster}"),
        &Palette::stdout(),
    ))?;
    Ok(Exit::Done)
}

fn versions(
    wanted: &[(ServiceName, Option<ImageVersion>)],
) -> Result<Vec<(ServiceName, ImageVersion)>, Failure> {
    let versions = wanted.iter().map(|(service, version)| match version {
        Some(version) => Ok((service.clone(), version.clone())),
        None => Err(Failure::usage(
            format!("expected a service and its tag, found `{service}` alone"),
            format!("write `{service}=TAG`; `--list {service}` shows newer ones"),
        )),
    });
    versions.collect()
}

/// Shows which versions there are.
fn list(
    repository: &Repository,
    cluster: &ClusterName,
    services: &[(ServiceName, Option<ImageVersion>)],
) -> Result<Exit, Failure> {
    let mut only = Vec::new();
    for (service, version) in services {
        if let Some(version) = version {
            return Err(Failure::usage(
                format!("expected services alone beside `--list`, found `{service}={version}`"),
                format!("write `--list {service}`, or leave `--list` out"),
            ));
        }
        only.push(service.clone());
    }
    let sources = repository.load(cluster.as_str()).map_err(not_loaded)?;
    let present = present(cluster, &sources, &only).map_err(|error| refused(*error))?;
    let (rows, problems) = newer_tags(&present);
    let palette = Palette::stdout();
    stream::stdout(&text::newer(cluster, &rows, &palette))?;
    for problem in &problems {
        let help = problem.help();
        let told = errors::one(&problem.to_string(), help.as_deref(), &Palette::stderr());
        stream::stderr(&told);
    }
    if let Some(command) = text::next_bump(cluster, &rows) {
        stream::stdout(&next(&command, &palette))?;
    }
    Ok(match problems.is_empty() {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

fn refused(error: BumpError) -> Failure {
    let help = error.help();
    Failure::of(error, help)
}

/// Bumps before a release: shows the lines, writes them, and commits them if that was asked for.
pub(super) fn before_release(
    repository: &Repository,
    cluster: &ClusterName,
    wanted: &[(ServiceName, ImageVersion)],
    (lookup, committing): (&TagLookup, &Committing),
) -> Result<Result<(), Exit>, Failure> {
    let change = match PreparedBump::of(repository, cluster, wanted, lookup)? {
        Ok(change) => change,
        Err(exit) => return Ok(Err(exit)),
    };
    if change.bumps.is_empty() {
        return Ok(Ok(()));
    }
    if committing.commit {
        repository
            .can_commit(&change.paths())
            .map_err(git_refused)?;
    }
    change.tell_lines()?;
    change.write(repository, committing)?;
    stream::stdout("\n")?;
    Ok(Ok(()))
}

/// That a bump is not written; why was told.
fn unwritten() -> Exit {
    stream::stderr("nothing was written\n");
    Exit::Failed
}

/// A bump that can be written.
struct PreparedBump {
    cluster: ClusterName,
    bumps: Vec<FileBump>,
    /// The new texts, one a bump.
    texts: Vec<Bumped>,
    edits: Vec<Edit>,
    before: Sources,
    after: Sources,
}

impl PreparedBump {
    /// Makes the new texts, checks the description with them, and asks registries: one with errors is shown, and not
    /// written, nor is a version that no registry has.
    fn of(
        repository: &Repository,
        cluster: &ClusterName,
        wanted: &[(ServiceName, ImageVersion)],
        lookup: &TagLookup,
    ) -> Result<Result<Self, Exit>, Failure> {
        let before = repository.load(cluster.as_str()).map_err(not_loaded)?;
        let mut answers = RegistryAnswers::default();
        let pinned = match lookup.digest {
            true => {
                let tags =
                    wanted_tags(cluster, &before, wanted).map_err(|error| refused(*error))?;
                match answers.pinned(cluster, &tags) {
                    Some(pinned) => pinned,
                    None => return Ok(Err(unwritten())),
                }
            }
            false => wanted.to_vec(),
        };
        let bumps = bumps(cluster, &before, &pinned).map_err(|error| refused(*error))?;
        let mut after = before.clone();
        let (mut texts, mut edits) = (Vec::new(), Vec::new());
        for one in &bumps {
            let (old, new) = changed(repository, one)?;
            after.insert(one.path.clone(), new.text.as_bytes());
            edits.push(Edit {
                path: one.path.clone(),
                before: Some(old.into_bytes()),
                after: Some(new.text.as_bytes().to_vec()),
                mode: EditMode::Plain,
            });
            texts.push(new);
        }
        if !is_fine(cluster, &after) || !lookup.offline && !answers.have_all(cluster, &bumps) {
            return Ok(Err(unwritten()));
        }
        Ok(Ok(Self {
            cluster: cluster.clone(),
            bumps,
            texts,
            edits,
            before,
            after,
        }))
    }

    fn paths(&self) -> Vec<String> {
        self.edits.iter().map(|edit| edit.path.clone()).collect()
    }

    /// Which lines change.
    fn tell_lines(&self) -> Result<(), Failure> {
        for (bump, bumped) in self.bumps.iter().zip(&self.texts) {
            stream::stdout(&text::change(bump, bumped, &Palette::stdout()))?;
        }
        Ok(())
    }

    /// Which lines change, and what a release of that does where the description of now runs.
    fn tell(&self) -> Result<(), Failure> {
        self.tell_lines()?;
        stream::stdout("\n")?;
        review::tell_change(&self.cluster, (&self.before, &self.after), "now", "bumped")
    }

    fn write(&self, repository: &Repository, committing: &Committing) -> Result<(), Failure> {
        repository.write_all(&self.edits).map_err(not_written)?;
        if !committing.commit {
            return Ok(());
        }
        let message = text::message(&self.cluster, &self.bumps, committing.message.as_deref());
        match repository.commit(&self.paths(), &message) {
            Ok(id) => {
                let subject = message.lines().next().unwrap_or_default();
                let short = &id[..id.len().min(12)];
                Ok(stream::stdout(&format!("committed {short}: {subject}\n"))?)
            }
            Err(error) => {
                self.take_back(repository);
                Err(git_refused(error))
            }
        }
    }

    /// What was not committed is not left behind, unless somebody else (a hook) wrote on it.
    fn take_back(&self, repository: &Repository) {
        let back: Vec<Edit> = self
            .edits
            .iter()
            .map(|edit| Edit {
                before: edit.after.clone(),
                after: edit.before.clone(),
                ..edit.clone()
            })
            .collect();
        match repository.write_all(&back) {
            Ok(()) => stream::stderr("nothing was written\n"),
            Err(error) => stream::stderr(&format!(
                "{} is bumped all the same: {error}\n",
                self.paths().join(", ")
            )),
        }
    }
}

/// A file's text, and the same with the other version.
fn changed(repository: &Repository, bumped: &FileBump) -> Result<(String, Bumped), Failure> {
    let FileBump { path, version, .. } = bumped;
    let bytes = repository.read_to_edit(path).map_err(not_written)?;
    let old = String::from_utf8(bytes.unwrap_or_default())
        .map_err(|_| anyhow::anyhow!("{path}: expected UTF-8, found other bytes"))?;
    let new = bump(&old, version).map_err(|not| {
        let line = not.line.map_or_else(String::new, |line| format!(":{line}"));
        let help = format!(
            "write `{} = \"{version}\"` there by hand",
            version.key().as_str()
        );
        Failure::with_help(anyhow::anyhow!("{path}{line}: {}", not.what), help)
    })?;
    Ok((old, new))
}

pub(super) fn not_written(error: EditError) -> Failure {
    let help = error.help().map(str::to_owned);
    Failure::of(error, help)
}
