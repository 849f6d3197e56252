//! `bayplan history CLUSTER`.

#![expect(
    clippy::disallowed_methods,
    reason = "takes the moment from which ages are counted"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::description::{load_hosts, repository};
use super::selection::described;
use super::shown::failures;
use super::{Exit, Failure, page};
use crate::cli::History;
use crate::cluster::name::HostName;
use crate::host::look::LookFor;
use crate::host::past::history::HostHistory;
use crate::release::generations::bare;
use crate::release::{Hosts, Setting};
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::{HistoryView, commit_id};
use crate::report::{errors, history as text, html, json, stream};
use crate::repository::Repository;

pub(super) fn run(directory: Option<&Path>, arguments: &History) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let description = match load_hosts(&repository, &arguments.cluster) {
        Ok((description, _)) => description,
        Err(exit) => return Ok(exit),
    };
    let mut desired = bare(&description.cluster);
    for host in &arguments.host {
        described(&description.cluster, host)?;
    }
    if !arguments.host.is_empty() {
        desired
            .hosts
            .retain(|host, _| arguments.host.contains(host));
    }
    let progress = Progress::stderr(desired.hosts.keys(), &Palette::stderr());
    let setting = Setting {
        desired: &desired,
        ..description.setting(&arguments.parallel)
    };
    let (hosts, histories) =
        Hosts::seen_with_histories(setting, LookFor::Plan, &|event| progress.event(&event));
    progress.finish();
    let failures = failures(hosts.problems());
    let subjects = subjects(&repository, &histories);
    let view = HistoryView::of(&arguments.cluster, &histories, &failures).with_subjects(&subjects);
    if let Some(path) = &arguments.html {
        page::write(path, &html::history(&view, &page::context(&repository)))?;
    } else if arguments.json {
        stream::stdout(&json::text(&view))?;
    } else {
        let palette = Palette::stdout();
        let text = match arguments.host.is_empty() {
            true => text::releases(&view, jiff::Timestamp::now(), &palette),
            false => text::text(&view, &palette),
        };
        stream::stdout(&text)?;
    }
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    Ok(if failures.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// The subjects of the commits that were released, of those that this repository has.
pub(super) fn subjects(
    repository: &Repository,
    histories: &BTreeMap<HostName, HostHistory>,
) -> BTreeMap<String, String> {
    let entries = histories.values().flat_map(|history| &history.entries);
    let commits = entries.filter_map(|entry| entry.commit.as_deref());
    let ids: BTreeSet<&str> = commits.map(commit_id).collect();
    repository.subjects(ids)
}
