//! A release that has not ended, and the one that comes after it.

use std::path::Path;

use super::description::Description;
use super::{Exit, Failure, rollback};
use crate::cli::{Release, Rollback};
use crate::cluster::name::ClusterName;
use crate::plan::begun::reached;
use crate::plan::{Options, RolloutPolicy};
use crate::render::begun::{BegunRelease, Direction};
use crate::report::begun::next;

/// Where a release goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To what is described.
    Forward,
    /// To what was there before the release that has not ended.
    Back,
}

/// What `release --resume` is about is what the release was about that has not ended.
pub(super) fn resumed(found: &BegunRelease, options: Options) -> Options {
    Options {
        services: found.services.clone(),
        leave_out: found.leave_out.clone(),
        rollout: RolloutPolicy {
            // Whoever goes on has seen the canary.
            pause: None,
            ..options.rollout
        },
        ..options
    }
}

/// Where a release goes: with `--resume` where the one was going that has not ended. Without it, too, if that one was
/// going back and nothing else is described since then: it would fail once more. Another description is another release.
///
/// # Errors
/// There is nothing to resume; what is described is not what was begun; or a release waits after its canary, and
/// nobody says that it may go on.
pub(super) fn way(
    found: Option<&BegunRelease>,
    description: &Description,
    options: &Options,
    resume: bool,
) -> Result<Way, Failure> {
    let cluster = &description.cluster.name;
    let Some(found) = found else {
        return match resume {
            true => Err(nothing_to_resume(cluster)),
            false => Ok(Way::Forward),
        };
    };
    let same = found.desired == reached(&description.desired, options);
    match (found.direction, resume, same) {
        (Direction::Back, true, _) | (Direction::Back, false, true) => Ok(Way::Back),
        (Direction::Paused, false, true) => Err(Failure {
            exit: Exit::Waits,
            ..Failure::with_help(
                anyhow::anyhow!("the release of {} waits after its canary", found.who),
                next(cluster.as_str(), found.direction),
            )
        }),
        (Direction::Forward | Direction::Paused, true, false) => Err(Failure {
            exit: Exit::Stale,
            ..Failure::with_help(
                anyhow::anyhow!(
                    "expected the description that the release of {} began with{}, found another one",
                    found.who,
                    match &found.commit {
                        Some(commit) => format!(" (commit {commit})"),
                        None => String::new(),
                    }
                ),
                format!(
                    "`bayplan release {cluster}` releases this one, `bayplan rollback {cluster}` goes back"
                ),
            )
        }),
        (Direction::Forward | Direction::Paused, true, true) | (_, false, _) => Ok(Way::Forward),
    }
}

fn nothing_to_resume(cluster: &ClusterName) -> Failure {
    Failure::with_help(
        anyhow::anyhow!("expected a release of {cluster} that has not ended, found none"),
        format!("`bayplan release {cluster}` releases what is described"),
    )
}

/// Goes back to what was there before the release that has not ended, as `rollback` does. Exit code 5: what is
/// described is not what runs.
pub(super) fn go_back(
    directory: Option<&Path>,
    begun: &BegunRelease,
    arguments: &Release,
) -> Result<Exit, Failure> {
    let arguments = Rollback {
        cluster: begun.cluster.clone(),
        to: None,
        host: None,
        skip: begun.leave_out.iter().cloned().collect(),
        yes: arguments.yes,
        diff: arguments.diff,
        patience: arguments.patience,
        allow_move: false,
        lift: arguments.lift.clone(),
        identities: arguments.identities.clone(),
        parallel: arguments.parallel,
    };
    let exit = rollback::run(directory, &arguments)?;
    Ok(if exit == Exit::Done {
        Exit::RolledBack
    } else {
        exit
    })
}
