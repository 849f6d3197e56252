//! `bayplan status CLUSTER`.

#![expect(
    clippy::disallowed_methods,
    reason = "takes the moment from which ages are counted"
)]

use std::path::Path;

use super::description::{Services, load_hosts, repository};
use super::shown::{failures, note_copies};
use super::{Exit, Failure};
use crate::cli::Status;
use crate::host::activate::activity::Activity;
use crate::host::look::LookFor;
use crate::plan::status::status;
use crate::release::{Hosts, Setting};
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::{BegunView, PushedView, StatusView};
use crate::report::{errors, json, status as text, stream};

pub(super) fn run(directory: Option<&Path>, arguments: &Status) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let (description, services) = match load_hosts(&repository, &arguments.cluster) {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let progress = Progress::stderr(description.cluster.hosts.keys(), &Palette::stderr());
    let setting = description.setting(&arguments.parallel);
    let tell = |event| progress.event(&event);
    let desired = match services {
        Services::Described => description.desired.clone(),
        // What runs is compared with what was released last.
        Services::Broken => Hosts::look(setting, LookFor::Plan, &tell).released(setting),
    };
    let setting = Setting {
        desired: &desired,
        ..setting
    };
    let (hosts, hosts_now) = Hosts::seen_at_work(setting, LookFor::Status, &tell);
    progress.finish();
    let status = status(&desired, &hosts.observed());
    let failures = failures(hosts.problems());
    let mut view = StatusView::of(&description.cluster, &status, &hosts_now, &failures);
    // Whoever is at work tells it itself; and what is in sync has ended, whether or not its releaser lived to say so.
    if !view.in_sync && !hosts_now.values().any(Activity::is_busy) {
        view.begun = hosts.begun().map(BegunView::of);
    }
    view.pushed = hosts.pushed().map(PushedView::of);
    if arguments.json {
        stream::stdout(&json::text(&view))?;
    } else {
        let now = jiff::Timestamp::now();
        stream::stdout(&text::text(&view, now, &Palette::stdout()))?;
    }
    note_copies(&hosts);
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    Ok(match (failures.is_empty(), arguments.exit_code) {
        (false, _) => Exit::Failed,
        (true, true) if !view.in_sync => Exit::Changes,
        (true, _) => Exit::Done,
    })
}
