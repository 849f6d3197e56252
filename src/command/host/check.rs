//! `bayplan host check CLUSTER`.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::shown::failures;
use super::super::{Exit, Failure};
use super::ChosenHosts;
use crate::cli::{HostCheck, HostsOf};
use crate::cluster::name::HostName;
use crate::release::examine::examine;
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::FitnessView;
use crate::report::{errors, fitness, json, stream};

pub(super) fn run(directory: Option<&Path>, arguments: &HostCheck) -> Result<Exit, Failure> {
    let chosen = match ChosenHosts::of(directory, &arguments.hosts)? {
        Ok(chosen) => chosen,
        Err(exit) => return Ok(exit),
    };
    if !arguments.json {
        return tell_fitness(&chosen, &chosen.these, &arguments.hosts);
    }
    with_fitness(&chosen, &chosen.these, &arguments.hosts, |view| {
        json::text(view)
    })
}

/// Looks at hosts, and tells whether they are fit.
pub(super) fn tell_fitness(
    chosen: &ChosenHosts,
    these: &BTreeSet<HostName>,
    arguments: &HostsOf,
) -> Result<Exit, Failure> {
    with_fitness(chosen, these, arguments, |view| {
        fitness::text(view, &Palette::stdout())
    })
}

fn with_fitness(
    chosen: &ChosenHosts,
    these: &BTreeSet<HostName>,
    arguments: &HostsOf,
    draw: impl FnOnce(&FitnessView<'_>) -> String,
) -> Result<Exit, Failure> {
    let cluster = &chosen.description.cluster;
    let progress = Progress::stderr(these.iter(), &Palette::stderr());
    let (examined, problems) = examine(
        cluster,
        these,
        &chosen.description.connect,
        arguments.parallel.hosts,
        &|event| progress.event(&event),
    );
    progress.finish();
    let failures = failures(&problems);
    let view = FitnessView::of(cluster, &examined, &failures);
    stream::stdout(&draw(&view))?;
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    Ok(if view.fit { Exit::Done } else { Exit::Failed })
}
