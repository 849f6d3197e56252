//! Plans in files: `diff -o FILE` writes one, `release --plan FILE` does what it says.

#![expect(
    clippy::disallowed_methods,
    reason = "reads and writes the files of saved plans"
)]

use std::io::Read as _;
use std::path::Path;

use fs_err as fs;

use super::description::{Description, commit, not_loaded, recorded};
use super::selection::Scope;
use super::{Exit, Failure, write_whole};
use crate::cluster::model::Cluster;
use crate::cluster::name::ClusterName;
use crate::plan::observed::Observed;
use crate::plan::saved::{Basis, Moved, SavedPlan, SavedPlanError};
use crate::plan::{Moves, Options, Plan, RolloutPolicy};
use crate::report::history::{UNKNOWN_COMMIT, short_commit};
use crate::report::palette::Palette;
use crate::report::{errors, stream};
use crate::repository::Repository;

/// Of a thousand hosts with a hundred services each a plan has half of it.
const PLAN_MAX: u64 = 64 << 20;

/// How many files a message names.
const NAMED: usize = 3;

/// Saves a plan that can be released; else says why not, and that is told by the exit code as well.
pub(super) fn write(
    path: &Path,
    repository: &Repository,
    description: &Description,
    options: &Options,
    (observed, plan): (&Observed, &Plan),
) -> Result<(), Failure> {
    let not_written = |why: &str| {
        let text = format!("{} was not written: {why}", path.display());
        stream::stderr(&errors::one(&text, None, &Palette::stderr()));
        Ok(())
    };
    if !plan.refusals.is_empty() {
        return not_written("no release may do what it says");
    }
    let commit = recorded(commit(repository));
    let basis = Basis {
        commit: commit.as_deref(),
        sources: &description.sources,
        options,
        desired: &description.desired,
        observed,
    };
    let Some(saved) = SavedPlan::of(plan, &basis) else {
        return not_written("not every host answered");
    };
    write_whole(
        path,
        "the plan",
        saved.to_text().as_bytes(),
        "`-o plan.json`",
    )?;
    if commit.is_some_and(|commit| commit.ends_with("-dirty")) {
        let text = "the plan holds for these files only, and they are not committed";
        stream::aside(&errors::note(text, &Palette::stderr()));
    }
    Ok(())
}

/// Reads a saved plan, of this cluster if one was named.
pub(super) fn read(path: &Path, cluster: Option<&ClusterName>) -> Result<SavedPlan, Failure> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(PLAN_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > PLAN_MAX {
        return Err(anyhow::anyhow!(
            "expected a saved plan of at most {} MiB, found a larger file in {}",
            PLAN_MAX >> 20,
            path.display()
        )
        .into());
    }
    let saved = SavedPlan::parse(&bytes).map_err(|error| {
        let help = match &error {
            SavedPlanError::Newer { .. } => "use the bayplan that made it, or make a new plan",
            SavedPlanError::Shown | SavedPlanError::Foreign { .. } => {
                "`bayplan diff CLUSTER -o FILE` saves a plan"
            }
        };
        Failure::with_help(
            anyhow::anyhow!("{} cannot be released: {error}", path.display()),
            help,
        )
    })?;
    if let Some(cluster) = cluster
        && *cluster != saved.cluster
    {
        let found = &saved.cluster;
        return Err(Failure::with_help(
            anyhow::anyhow!(
                "expected a plan of {cluster}, found one of {found} in {}",
                path.display()
            ),
            format!(
                "`bayplan release {found} --plan {}` releases it",
                path.display()
            ),
        ));
    }
    Ok(saved)
}

/// What the plan was made for.
pub(super) fn scope(saved: &SavedPlan) -> Scope {
    Scope {
        cluster: saved.cluster.clone(),
        services: saved.services.iter().flatten().cloned().collect(),
    }
}

pub(super) fn options(saved: &SavedPlan, moves: Moves, cluster: &Cluster) -> Options {
    Options {
        services: saved.services.clone(),
        leave_out: saved.leave_out.clone(),
        moves,
        rollout: RolloutPolicy::of(cluster),
        ..Options::default()
    }
}

/// Refuses a description that is not the one that was reviewed.
pub(super) fn same_description(saved: &SavedPlan, repository: &Repository) -> Result<(), Failure> {
    let cluster = saved.cluster.as_str();
    let sources = repository.load(cluster).map_err(not_loaded)?;
    let commit = recorded(commit(repository));
    let Some(moved) = saved.moved(commit.as_deref(), &sources) else {
        return Ok(());
    };
    let anew = anew(saved);
    let (error, help) = match moved {
        Moved::Commit { expected, found } => {
            let shown = |commit: &Option<String>| {
                let words = |commit: &str| match commit.starts_with(UNKNOWN_COMMIT) {
                    true => "a commit that git could not tell".to_owned(),
                    false => format!("commit {}", short_commit(commit)),
                };
                commit
                    .as_deref()
                    .map_or_else(|| "no commit".to_owned(), words)
            };
            let help = match &expected {
                Some(commit) if is_committed(commit) => {
                    format!(
                        "nothing was changed; `git checkout {}`, or {anew}",
                        short_commit(commit)
                    )
                }
                Some(_) | None => format!("nothing was changed; {anew}"),
            };
            let text = format!(
                "the plan is stale: expected {}, at which it was made, found {}",
                shown(&expected),
                shown(&found)
            );
            (text, help)
        }
        Moved::Files(paths) => {
            let mut text = format!(
                "the plan is stale: these files are not those that it was made from: {}",
                paths[..paths.len().min(NAMED)].join(", ")
            );
            if paths.len() > NAMED {
                text += &format!(" and {} more", paths.len() - NAMED);
            }
            (text, format!("nothing was changed; {anew}"))
        }
    };
    Err(Failure {
        exit: Exit::Stale,
        ..Failure::with_help(anyhow::anyhow!(error), help)
    })
}

/// Whether a recorded commit can be checked out to get the same files.
fn is_committed(commit: &str) -> bool {
    !commit.ends_with("-dirty") && !commit.starts_with(UNKNOWN_COMMIT)
}

/// How to go on where a plan is stale.
pub(super) fn anew(saved: &SavedPlan) -> String {
    let services = saved.services.iter().flatten();
    let services: String = services.map(|name| format!(" {name}")).collect();
    format!(
        "make a new plan: `bayplan diff {}{services} -o FILE`",
        saved.cluster
    )
}
