//! `bayplan prune CLUSTER`.

#![expect(clippy::disallowed_methods, reason = "asks the operator")]

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stdin};
use std::path::Path;

use super::host::ChosenHosts;
use super::request::visitor;
use super::shown::failures;
use super::{Exit, Failure};
use crate::cli::Prune;
use crate::cluster::model::Host;
use crate::cluster::name::HostName;
use crate::release::prune::{leftovers, prune};
use crate::release::visit::HostVisit;
use crate::report::confirm::{Confirmation, ask};
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::LeftoversView;
use crate::report::{errors, json, prune as text, stream};

pub(super) fn run(directory: Option<&Path>, arguments: &Prune) -> Result<Exit, Failure> {
    let chosen = match ChosenHosts::of(directory, &arguments.hosts)? {
        Ok(chosen) => chosen,
        Err(exit) => return Ok(exit),
    };
    let hosts: BTreeMap<HostName, Host> = chosen.hosts();
    let visit = HostVisit {
        cluster: &chosen.description.cluster,
        hosts: &hosts,
        connect: &chosen.description.connect,
        limit: arguments.hosts.parallel.hosts,
    };
    let progress = Progress::stderr(hosts.keys(), &Palette::stderr());
    let (found, problems) = leftovers(visit, &|event| progress.event(&event));
    progress.finish();
    let failures_ = failures(&problems);
    let view = LeftoversView::of(&arguments.hosts.cluster, &found, &failures_);
    if arguments.json {
        stream::stdout(&json::text(&view))?;
    } else {
        stream::stdout(&text::text(&view, &Palette::stdout()))?;
    }
    stream::stderr(&errors::text(&failures_, &Palette::stderr()));
    let seen = match failures_.is_empty() {
        true => Exit::Done,
        false => Exit::Failed,
    };
    if arguments.json || view.is_empty() {
        return Ok(seen);
    }
    if !arguments.yes && !is_confirmed(&view)? {
        stream::stderr("nothing was removed\n");
        return Ok(Exit::Failed);
    }
    let by = visitor(&arguments.hosts.cluster, "pruning", arguments.lock_wait);
    let progress = Progress::stderr(hosts.keys(), &Palette::stderr());
    let (pruned, problems) = prune(visit, &by, &found, &|event| progress.event(&event));
    progress.finish();
    stream::stdout(&text::outcome(&pruned, &Palette::stdout()))?;
    let failed = failures(&problems);
    stream::stderr(&errors::text(&failed, &Palette::stderr()));
    let stays = pruned.values().flatten().any(|(_, why)| why.is_some());
    Ok(match problems.values().next() {
        Some(crate::release::problem::Problem::Locked { .. }) => Exit::Locked,
        Some(_) => Exit::Failed,
        None if stays => Exit::Failed,
        None => seen,
    })
}

fn is_confirmed(view: &LeftoversView<'_>) -> Result<bool, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::with_help(
            anyhow::anyhow!("expected a terminal to ask on, found none"),
            "`--yes` removes it without asking, and `--json` only shows it",
        ));
    }
    let question = text::question(view);
    let answer = ask(&question, &mut stdin().lock(), &mut std::io::stderr())?;
    Ok(answer == Confirmation::Yes)
}
