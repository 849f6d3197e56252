//! `bayplan release CLUSTER [SERVICE…]`, and `bayplan activate CLUSTER`, which is a release of what was pushed.

use std::path::Path;

use super::carry_out::{ReleaseContext, carry_out, make_room};
use super::description::{load, repository};
use super::push::{found, take};
use super::request::request;
use super::resume::{Way, go_back, resumed, way};
use super::selection::{Scope, leave_out, options};
use super::shown::begun_text;
use super::{Exit, Failure, bump, saved};
use crate::cli::Release;
use crate::cluster::name::ClusterName;
use crate::host::look::LookFor;
use crate::plan::{Moves, Options, Origin};
use crate::release::Hosts;
use crate::release::request::ReleaseRequest;
use crate::render::begun::Direction;
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::BegunView;
use crate::report::{Detail, stream};
use crate::repository::Repository;

/// Where the files come from that become effective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Staging {
    /// They are sent now.
    Sent,
    /// They were pushed before.
    Pushed,
}

impl Staging {
    /// The command, as it is typed.
    fn command(self) -> &'static str {
        match self {
            Self::Sent => "release",
            Self::Pushed => "activate",
        }
    }
}

pub(super) fn run(directory: Option<&Path>, arguments: &Release) -> Result<Exit, Failure> {
    release(directory, arguments, Staging::Sent)
}

/// Does what `--bump` says, and refuses what belongs to it where there is none.
fn bumped(
    repository: &Repository,
    cluster: &ClusterName,
    arguments: &Release,
) -> Result<Result<(), Exit>, Failure> {
    let (lookup, committing) = (&arguments.lookup, &arguments.committing);
    let options = [
        (committing.commit, "--commit", "is what is committed"),
        (lookup.digest, "--digest", "is what is pinned"),
        (lookup.offline, "--offline", "is what is looked up"),
    ];
    let alone = options.iter().find(|(given, ..)| *given);
    match (arguments.bump.as_slice(), alone) {
        ([], None) => Ok(Ok(())),
        ([], Some((_, option, why))) => Err(Failure::usage(
            format!("expected `--bump` beside `{option}`, found none"),
            format!("`--bump SERVICE=TAG` {why}"),
        )),
        (wanted, _) => bump::before_release(repository, cluster, wanted, (lookup, committing)),
    }
}

pub(super) fn release(
    directory: Option<&Path>,
    arguments: &Release,
    staging: Staging,
) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let reviewed = match &arguments.plan {
        Some(path) => Some(saved::read(path, arguments.cluster.as_ref())?),
        None => None,
    };
    let mut scope = match &reviewed {
        Some(reviewed) => saved::scope(reviewed),
        None => Scope {
            cluster: arguments.cluster.clone().expect("clap requires it"),
            services: arguments.services.clone(),
        },
    };
    // A plan of another commit is refused as such, whatever is wrong with this one.
    if let Some(reviewed) = &reviewed {
        saved::same_description(reviewed, &repository)?;
    }
    if let Err(exit) = bumped(&repository, &scope.cluster, arguments)? {
        return Ok(exit);
    }
    let description = match load(&repository, &scope.cluster) {
        Ok(description) => description,
        Err(exit) => return Ok(exit),
    };
    let moves = Moves::allowed(arguments.allow_move);
    let options = match &reviewed {
        Some(reviewed) => saved::options(reviewed, moves, &description.cluster),
        None => Options {
            leave_out: leave_out(&description.cluster, &arguments.part)?,
            dismiss: arguments.dismiss.iter().cloned().collect(),
            ..options(&description, &scope, moves)?
        },
    };
    let progress = Progress::stderr(description.cluster.hosts.keys(), &Palette::stderr());
    let setting = description.setting(&arguments.parallel);
    // What was saved to be released was reviewed; there is nobody to ask again.
    let yes = arguments.yes || reviewed.is_some();
    let mut request = ReleaseRequest {
        reviewed,
        ..request(
            &repository,
            (staging.command(), &description.cluster.name),
            options,
            &arguments.patience,
        )
    };
    let tell = |event| progress.event(&event);
    make_room(&setting)?;
    let mut hosts = if yes {
        Hosts::look_locked(&request, setting, &tell)
    } else {
        Hosts::look(setting, LookFor::Plan, &tell)
    };
    hosts.follow_orphans(setting, &tell);
    let begun = hosts.begun().cloned();
    if arguments.resume
        && let Some(begun) = &begun
    {
        request.options = resumed(begun, request.options);
        scope.services = begun.services.iter().flatten().cloned().collect();
    }
    if staging == Staging::Pushed {
        let pushed = found(hosts.pushed(), &description)?;
        scope.services = pushed.services.iter().flatten().cloned().collect();
        take(pushed, &mut request);
    }
    hosts.leave_out(&request.options.leave_out);
    progress.finish();
    let shown = begun.as_ref().map(BegunView::of);
    stream::stdout(&begun_text(scope.cluster.as_str(), shown.as_ref()))?;
    let way = way(
        begun.as_ref(),
        &description,
        &request.options,
        arguments.resume,
    )?;
    if let (Way::Back, Some(begun)) = (way, &begun) {
        drop(hosts);
        return go_back(directory, begun, arguments);
    }
    let detail = Detail::of(arguments.diff);
    let context = ReleaseContext {
        description: &description,
        setting,
        scope: &scope,
        repository: &repository,
        identities: &arguments.identities,
        origin: Origin::Description,
        lift: &arguments.lift,
        saved: arguments.plan.as_deref(),
        yes,
        detail,
    };
    let carried = carry_out(&context, request, &mut hosts)?;
    match carried.begun {
        // What was done before a release that was resumed goes back, too.
        Some(begun) if begun.direction == Direction::Back && carried.exit == Exit::RolledBack => {
            drop(hosts);
            let arguments = Release {
                yes: true,
                ..arguments.clone()
            };
            go_back(directory, &begun, &arguments)
        }
        Some(_) | None => Ok(carried.exit),
    }
}
