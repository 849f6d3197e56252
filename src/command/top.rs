//! `bayplan top CLUSTER`.

use std::path::Path;

use super::host::ChosenHosts;
use super::shown::{exit_after, failures};
use super::{Exit, Failure};
use crate::cli::Top;
use crate::release::top::usages;
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::UsageView;
use crate::report::{errors, json, stream, top as text};

pub(super) fn run(directory: Option<&Path>, arguments: &Top) -> Result<Exit, Failure> {
    let chosen = match ChosenHosts::of(directory, &arguments.hosts)? {
        Ok(chosen) => chosen,
        Err(exit) => return Ok(exit),
    };
    let mut hosts = chosen.hosts();
    // Below a directory nothing uses anything.
    hosts.retain(|_, host| host.supervisor().runs_containers());
    let visit = chosen.description.visit(&hosts, &arguments.hosts.parallel);
    let progress = Progress::stderr(hosts.keys(), &Palette::stderr());
    let (found, problems) = usages(visit, &|event| progress.event(&event));
    progress.finish();
    let failures = failures(&problems);
    let view = UsageView::of(&arguments.hosts.cluster, &found, &failures);
    if arguments.json {
        stream::stdout(&json::text(&view))?;
    } else {
        stream::stdout(&text::text(&view, &Palette::stdout()))?;
    }
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    Ok(exit_after(&problems, Exit::Done))
}
