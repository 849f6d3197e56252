//! `bayplan host check CLUSTER`.

use std::path::Path;

use super::super::shown::failures;
use super::super::{Exit, Failure};
use super::ChosenHosts;
use crate::cli::HostCheck;
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
    let cluster = &chosen.description.cluster;
    let progress = Progress::stderr(chosen.these.iter(), &Palette::stderr());
    let (examined, problems) = examine(
        cluster,
        &chosen.these,
        &chosen.description.connect,
        arguments.hosts.parallel.hosts,
        &|event| progress.event(&event),
    );
    progress.finish();
    let failures = failures(&problems);
    let view = FitnessView::of(cluster, &examined, &failures);
    if arguments.json {
        stream::stdout(&json::text(&view))?;
    } else {
        stream::stdout(&fitness::text(&view, &Palette::stdout()))?;
    }
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    Ok(if view.fit { Exit::Done } else { Exit::Failed })
}
