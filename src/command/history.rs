//! `bayplan history CLUSTER`.

use std::path::Path;

use super::description::{load_hosts, repository};
use super::shown::failures;
use super::{Exit, Failure, page};
use crate::cli::History;
use crate::host::look::LookFor;
use crate::release::generations::bare;
use crate::release::{Hosts, Setting};
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::HistoryView;
use crate::report::{errors, history as text, html, json, stream};

pub(super) fn run(directory: Option<&Path>, arguments: &History) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let description = match load_hosts(&repository, &arguments.cluster) {
        Ok((description, _)) => description,
        Err(exit) => return Ok(exit),
    };
    let progress = Progress::stderr(description.cluster.hosts.keys(), &Palette::stderr());
    let setting = Setting {
        desired: &bare(&description.cluster),
        ..description.setting(&arguments.parallel)
    };
    let (hosts, histories) =
        Hosts::seen_with_histories(setting, LookFor::Plan, &|event| progress.event(&event));
    progress.finish();
    let failures = failures(hosts.problems());
    let view = HistoryView::of(&arguments.cluster, &histories, &failures);
    if let Some(path) = &arguments.html {
        page::write(path, &html::history(&view, &page::context(&repository)))?;
    } else if arguments.json {
        stream::stdout(&json::text(&view))?;
    } else {
        stream::stdout(&text::text(&view, &Palette::stdout()))?;
    }
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    Ok(if failures.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}
