//! `bayplan status CLUSTER`.

#![expect(
    clippy::disallowed_methods,
    reason = "takes the moment from which ages are counted; waits before it looks again"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::description::{Description, Services, load_hosts, repository};
use super::history::subjects;
use super::shown::{failures, note_copies};
use super::{Exit, Failure, page};
use crate::cli::{Parallel, Status, StatusBlocks};
use crate::cluster::name::HostName;
use crate::host::activate::activity::Activity;
use crate::host::look::LookFor;
use crate::host::reach::descriptors::make_room;
use crate::plan::status::status;
use crate::release::event::Event;
use crate::release::{Hosts, Setting};
use crate::render::desired::Desired;
use crate::report::errors::HostFailure;
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::screen::Screen;
use crate::report::status::StatusOrder;
use crate::report::view::{BegunView, HistoryView, HoldView, PushedView, StatusView, UnderWayView};
use crate::report::{errors, html, json, status as text, stream};

/// From the end of one look to the begin of the next one.
const PAUSE: Duration = Duration::from_secs(2);
/// How soon Ctrl-C is noticed between two looks.
const NOTICE: Duration = Duration::from_millis(50);
/// A page tells of a host that was not seen in another place.
static NO_FAILURES: BTreeMap<HostName, HostFailure> = BTreeMap::new();

pub(super) fn run(directory: Option<&Path>, arguments: &Status) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let (description, services) = match load_hosts(&repository, &arguments.cluster) {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    if arguments.watch {
        return watch(&description, services, arguments);
    }
    let progress = Progress::stderr(description.cluster.hosts.keys(), &Palette::stderr());
    let tell = |event| progress.event(&event);
    let desired = desired(&description, services, &arguments.parallel, &tell);
    let setting = Setting {
        desired: &desired,
        ..description.setting(&arguments.parallel)
    };
    let (hosts, at_work, histories) = match &arguments.html {
        Some(_) => Hosts::seen_for_page(setting, &tell),
        None => {
            let (hosts, at_work) = Hosts::seen_at_work(setting, LookFor::Status, &tell);
            (hosts, at_work, BTreeMap::new())
        }
    };
    progress.finish();
    let failures = failures(hosts.problems());
    let in_sync = with_view(setting, &hosts, &at_work, &failures, |view| {
        let now = jiff::Timestamp::now();
        match &arguments.html {
            Some(path) => {
                let subjects = subjects(&repository, &histories);
                let past = HistoryView::of(&setting.cluster.name, &histories, &NO_FAILURES)
                    .with_subjects(&subjects);
                let page = html::status(view, &past, &page::context(&repository));
                page::write(path, &page)?;
            }
            None if arguments.json => stream::stdout(&json::text(view))?,
            None => {
                let text = text::text(view, order(arguments), now, &Palette::stdout());
                stream::stdout(&text)?;
            }
        }
        Ok::<_, Failure>(view.in_sync)
    })?;
    note_copies(&hosts);
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    Ok(exit(&failures, in_sync, arguments))
}

fn exit(failures: &BTreeMap<HostName, HostFailure>, in_sync: bool, arguments: &Status) -> Exit {
    match (failures.is_empty(), arguments.exit_code) {
        (false, _) => Exit::Failed,
        (true, true) if !in_sync => Exit::Changes,
        (true, _) => Exit::Done,
    }
}

fn order(arguments: &Status) -> StatusOrder {
    match arguments.by {
        None => StatusOrder::Urgency,
        Some(StatusBlocks::Host) => StatusOrder::Host,
        Some(StatusBlocks::Service) => StatusOrder::Service,
    }
}

/// What hosts are compared with: the description, or where that is broken, what was released last.
pub(super) fn desired(
    description: &Description,
    services: Services,
    parallel: &Parallel,
    tell: &(impl Fn(Event) + Sync),
) -> Desired {
    let setting = description.setting(parallel);
    match services {
        Services::Described => description.desired.clone(),
        Services::Broken => Hosts::look(setting, LookFor::Plan, tell).released(setting),
    }
}

/// Makes the view of what was seen, and does something with it.
pub(super) fn with_view<T>(
    setting: Setting<'_>,
    hosts: &Hosts,
    at_work: &BTreeMap<HostName, Activity>,
    failures: &BTreeMap<HostName, HostFailure>,
    then: impl FnOnce(&StatusView<'_>) -> T,
) -> T {
    let status = status(setting.desired, &hosts.observed());
    let mut view = StatusView::of(setting.cluster, &status, at_work, failures);
    // Whoever is at work tells it itself; and what is in sync has ended, whether or not its releaser lived to say so.
    if !view.in_sync && !at_work.values().any(Activity::is_busy) {
        view.begun = hosts.begun().map(BegunView::of);
    }
    let under_way = |begun| UnderWayView::of(begun, &status, at_work);
    view.under_way = hosts.begun().and_then(under_way);
    view.pushed = hosts.pushed().map(PushedView::of);
    view.frozen = hosts.frozen().map(HoldView::of);
    then(&view)
}

/// Looks again and again, and draws it in place, until Ctrl-C.
fn watch(
    description: &Description,
    services: Services,
    arguments: &Status,
) -> Result<Exit, Failure> {
    let all = description.cluster.hosts.len();
    make_room(all, all.min(arguments.parallel.hosts.get()))?;
    let interrupt = &description.connect.interrupt;
    // A second Ctrl-C would leave the terminal on its second screen.
    interrupt.note()?;
    let Some(screen) = Screen::open()? else {
        return Err(Failure::usage(
            "expected a terminal for `--watch`, found none",
            "leave `--watch` out, or take `--json` for a program",
        ));
    };
    screen.draw("looking at the hosts")?;
    let desired = desired(description, services, &arguments.parallel, &|_| {});
    let setting = Setting {
        desired: &desired,
        ..description.setting(&arguments.parallel)
    };
    let mut hosts = Hosts::default();
    let mut last = String::new();
    while !interrupt.asked() {
        let at_work = hosts.refresh(setting, LookFor::Status);
        if interrupt.asked() {
            break;
        }
        let (now, palette) = (jiff::Timestamp::now(), Palette::stdout());
        let failures = failures(hosts.problems());
        last = with_view(setting, &hosts, &at_work, &failures, |view| {
            text::text(view, order(arguments), now, &palette)
        });
        last += &errors::text(&failures, &palette);
        screen.draw(&text::watched(&last, now, &palette))?;
        let looked = Instant::now();
        while looked.elapsed() < PAUSE && !interrupt.asked() {
            std::thread::sleep(NOTICE);
        }
    }
    drop(screen);
    // What was seen last stays to be read.
    stream::stdout(&last)?;
    Ok(Exit::Interrupted)
}
