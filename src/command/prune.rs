//! `bayplan prune CLUSTER`.

use std::collections::BTreeMap;
use std::path::Path;

use super::confirm::is_confirmed;
use super::host::ChosenHosts;
use super::request::visitor;
use super::shown::{exit_after, failures};
use super::{Exit, Failure};
use crate::cli::Prune;
use crate::cluster::model::Host;
use crate::cluster::name::HostName;
use crate::release::prune::{leftovers, prune};
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::LeftoversView;
use crate::report::{errors, json, prune as text, stream};

/// What goes on without a terminal.
const ASKS: &str = "`--yes` removes it without asking, and `--json` only shows it";

pub(super) fn run(directory: Option<&Path>, arguments: &Prune) -> Result<Exit, Failure> {
    let chosen = match ChosenHosts::of(directory, &arguments.hosts)? {
        Ok(chosen) => chosen,
        Err(exit) => return Ok(exit),
    };
    let hosts: BTreeMap<HostName, Host> = chosen.hosts();
    let visit = chosen.description.visit(&hosts, &arguments.hosts.parallel);
    let progress = Progress::stderr(hosts.keys(), &Palette::stderr());
    let (found, problems) = leftovers(visit, &|event| progress.event(&event));
    progress.finish();
    let failures_ = failures(&problems);
    let view = LeftoversView::of(&arguments.hosts.cluster, &found, &failures_);
    if arguments.json {
        stream::stdout(&json::text(&view))?;
    } else {
        let is_asked = !arguments.yes || view.is_empty();
        stream::proposal(&text::text(&view, &Palette::stdout()), is_asked)?;
    }
    stream::stderr(&errors::text(&failures_, &Palette::stderr()));
    let seen = exit_after(&problems, Exit::Done);
    if arguments.json || view.is_empty() {
        return Ok(seen);
    }
    if !arguments.yes && !is_confirmed(&text::question(&view), ASKS)? {
        stream::stderr("nothing was removed\n");
        return Ok(Exit::Failed);
    }
    let doing = ("prune", "pruning");
    let by = visitor(&arguments.hosts.cluster, doing, arguments.lock_wait);
    let progress = Progress::stderr(hosts.keys(), &Palette::stderr());
    let (pruned, problems) = prune(visit, &by, &found, &|event| progress.event(&event));
    progress.finish();
    stream::stdout(&text::outcome(&pruned, &Palette::stdout()))?;
    let failed = failures(&problems);
    stream::stderr(&errors::text(&failed, &Palette::stderr()));
    let stays = pruned.values().flatten().any(|(_, why)| why.is_some());
    Ok(exit_after(
        &problems,
        if stays { Exit::Failed } else { seen },
    ))
}
