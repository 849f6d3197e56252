//! `bayplan push CLUSTER [SERVICE…]`, and what `activate` finds of it.

use std::path::Path;

use super::carry_out::{make_room, tell_stopped};
use super::description::{Description, load, repository};
use super::request::request;
use super::secrets::made;
use super::selection::{Scope, leave_out, options};
use super::shown::{AtWork, changes, failures, notes, show, suggest_skip};
use super::{Exit, Failure};
use crate::cli::{Patience, Push};
use crate::host::layout::StageId;
use crate::plan::begun::reached;
use crate::plan::{Approved, Moves, Options, plan};
use crate::release::request::ReleaseRequest;
use crate::release::{Hosts, push};
use crate::render::pushed::PushedRelease;
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::{Detail, errors, hosts as names, stream};

pub(super) fn run(directory: Option<&Path>, arguments: &Push) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let description = match load(&repository, &arguments.cluster) {
        Ok(description) => description,
        Err(exit) => return Ok(exit),
    };
    let scope = Scope {
        cluster: arguments.cluster.clone(),
        services: arguments.services.clone(),
    };
    let moves = Moves::allowed(arguments.allow_move);
    let options = Options {
        leave_out: leave_out(&description.cluster, &arguments.part)?,
        ..options(&description, &scope, moves)?
    };
    let patience = Patience {
        lock_wait: arguments.lock_wait,
        on_failure: None,
    };
    let mut request = request(
        &repository,
        ("push", &arguments.cluster),
        options,
        &patience,
    );
    let setting = description.setting(&arguments.parallel);
    let progress = Progress::stderr(setting.desired.hosts.keys(), &Palette::stderr());
    let tell = |event| progress.event(&event);
    make_room(&setting)?;
    let mut hosts = Hosts::look_locked(&request, setting, &tell);
    hosts.follow_orphans(setting, &tell);
    hosts.leave_out(&request.options.leave_out);
    let at_work = AtWork::beside_plan(&mut hosts, setting);
    progress.finish();
    let shown = at_work.correct(plan(setting.desired, &hosts.observed(), &request.options));
    let detail = Detail::of(arguments.diff);
    stream::stdout(&at_work.text())?;
    show(&description, &shown, &scope, detail, false)?;
    notes(&hosts, &shown);
    if !hosts.problems().is_empty() {
        let failures = failures(hosts.problems());
        stream::stderr(&errors::text(&failures, &Palette::stderr()));
        suggest_skip(&format!("push {}", scope.cluster), hosts.problems());
        return Ok(Exit::Failed);
    }
    let Some(approved) = Approved::shown(shown) else {
        return Ok(Exit::Failed);
    };
    if !changes(approved.plan()) {
        return Ok(Exit::Done);
    }
    // From here on a Ctrl-C is heeded where it does no harm.
    description.connect.interrupt.listen()?;
    let made = made(
        &repository,
        &description,
        approved.plan(),
        &request.options,
        &arguments.identities,
    )?;
    (request.secrets, request.mask) = (made.files, made.mask);
    let progress = Progress::stderr(setting.desired.hosts.keys(), &Palette::stderr());
    let pushed = push(setting, &mut hosts, &approved, &request, &|event| {
        progress.event(&event);
    });
    progress.finish();
    let pushed = match pushed {
        Ok(pushed) => pushed,
        Err(stopped) => return Ok(tell_stopped(&stopped, &request)),
    };
    let there = pushed.hosts.keys().filter(|host| pushed.takes_part(host));
    stream::stdout(&format!(
        "pushed to {}; nothing is effective yet: `bayplan activate {}` makes it so\n",
        names::list(there),
        scope.cluster
    ))?;
    Ok(Exit::Done)
}

/// What was pushed, if this description is what was pushed.
///
/// # Errors
/// Nothing was pushed, or another description.
pub(super) fn found<'a>(
    pushed: Option<&'a PushedRelease>,
    description: &Description,
) -> Result<&'a PushedRelease, Failure> {
    let cluster = &description.cluster.name;
    let Some(pushed) = pushed else {
        return Err(Failure::with_help(
            anyhow::anyhow!(
                "expected something that was pushed to the hosts of {cluster}, found nothing"
            ),
            format!(
                "`bayplan push {cluster}` pushes what is described; what another release came after is gone"
            ),
        ));
    };
    let options = Options {
        services: pushed.services.clone(),
        leave_out: pushed.leave_out.clone(),
        ..Options::default()
    };
    if reached(&description.desired, &options) == pushed.desired {
        return Ok(pushed);
    }
    Err(Failure {
        exit: Exit::Stale,
        ..Failure::with_help(
            anyhow::anyhow!(
                "expected the description that {} pushed{}, found another one",
                pushed.who,
                match &pushed.commit {
                    Some(commit) => format!(" (commit {commit})"),
                    None => String::new(),
                }
            ),
            format!("nothing was changed; `bayplan push {cluster}` pushes this one"),
        )
    })
}

/// A release of just what was pushed.
pub(super) fn take(pushed: &PushedRelease, request: &mut ReleaseRequest) {
    request.options.services.clone_from(&pushed.services);
    request.options.leave_out.clone_from(&pushed.leave_out);
    // A name that no stage can have was written by a hand: all is sent anew.
    request.pushed = StageId::new(&pushed.stage);
}
