//! The state of a cluster: what needs a person first, or all of it by host or by service; and what to type next.

mod activity;
mod by_service;
mod crashes;
mod end;
mod runs;
mod state;
mod urgent;
mod watch;

pub(super) use activity::activity;
pub(super) use crashes::how_it_ended;
pub(super) use end::{counted, unfinished};
use jiff::Timestamp;
pub(super) use state::{Word, shown_state, sign};
pub(super) use urgent::{more, version};

use super::palette::{Palette, paint};
use super::reason::{Space, note, reason};
use super::text::{ended, escape, hanging, pad, short_value, width, wrap};
use super::time::{exact, shown_since};
use super::view::{
    HostStatusView, KeptSlotView, NoteView, ServiceStatusView, StateView, StatusView, UnderWayView,
};
use super::{Detail, begun, hold, left, network};
use crashes::{deaths, restarted};
use end::{next_lines, services, totals};
use runs::shown_runs;
use state::style;

/// The longest version that is shown in full.
const VERSION: usize = 16;

/// How the rows of a status are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusOrder {
    /// What needs a person, the worst first; the rest is counted.
    Urgency,
    /// All of it, a block a host.
    Host,
    /// All of it, a block a service.
    Service,
}

/// The state of every host that was seen, and what to type next. `now` is the reader's clock.
#[must_use]
pub fn text(
    view: &StatusView<'_>,
    order: StatusOrder,
    now: Timestamp,
    palette: &Palette,
) -> String {
    let mut lines = match order {
        StatusOrder::Urgency => urgent::lines(view, now, palette),
        StatusOrder::Host | StatusOrder::Service => {
            let mut lines = whole_cluster(view, now, palette);
            match order {
                StatusOrder::Service => lines.extend(by_service::lines(view, now, palette)),
                StatusOrder::Host | StatusOrder::Urgency => {
                    let columns = StatusColumns::of(view, now);
                    let hosts = view.hosts.iter();
                    lines.extend(hosts.flat_map(|host| host_lines(host, columns, now, palette)));
                }
            }
            lines.extend(wrap(&totals(view), palette.width()));
            lines
        }
    };
    lines.extend(next_lines(view, palette));
    ended(&lines)
}

/// A status that is drawn again and again: when it was seen, and how to end it.
#[must_use]
pub fn watched(text: &str, now: Timestamp, palette: &Palette) -> String {
    let seen = now.strftime("%H:%M:%S UTC");
    let head = format!("seen at {seen}, again every 2 s; Ctrl-C ends");
    format!("{}\n{text}", paint(palette.dim, &head))
}

/// What is about no host of its own: machines that are gone, and releases that have not ended.
fn whole_cluster(view: &StatusView<'_>, now: Timestamp, palette: &Palette) -> Vec<String> {
    let mut lines = Vec::new();
    for left in &view.left {
        lines.extend(left::warning(view.cluster, left, palette));
    }
    lines.extend(releases(view, now, palette));
    lines
}

/// Releases that have not ended, or were only pushed.
pub(super) fn releases(view: &StatusView<'_>, now: Timestamp, palette: &Palette) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(under_way) = &view.under_way {
        lines.extend(begun::under_way_lines(under_way, now, palette));
    }
    if let Some(begun) = &view.begun {
        lines.extend(begun::lines(view.cluster, begun, now, palette));
    }
    if let Some(pushed) = &view.pushed {
        lines.extend(begun::pushed_lines(view.cluster, pushed, now, palette));
    }
    if let Some(frozen) = &view.frozen {
        lines.extend(hold::frozen_lines(view.cluster, frozen, palette));
    }
    lines
}

fn host_lines(
    view: &HostStatusView<'_>,
    columns: StatusColumns,
    now: Timestamp,
    palette: &Palette,
) -> Vec<String> {
    let mut header = paint(palette.strong, view.host);
    if let Some(location) = &view.location {
        let mut place = escape(location);
        if !view.supervisor.runs_containers() {
            place += " (a directory: nothing runs here)";
        }
        header += &format!("  {}", paint(palette.dim, &place));
    }
    header += &match view.generation {
        Some(number) => format!("  generation {number}"),
        None if view.lost.is_some() => String::new(),
        None => "  no generation yet".to_owned(),
    };
    let mut lines = vec![header];
    for trouble in host_trouble(view, None, now) {
        lines.push(format!("  {} {trouble}", paint(palette.changed, "!")));
    }
    let networks = view.networks.iter();
    lines.extend(networks.flat_map(|it| network::lines(it, palette)));
    if view.services.is_empty() {
        lines.push("  no services".to_owned());
    }
    for status in &view.services {
        let label = pad(status.service, columns.label);
        lines.extend(row(&label, status, columns, now, palette));
    }
    lines
}

/// What is not as it should be with a host itself: half a release, what goes on there, what is not recorded. What is
/// told of a release that is at work (`told`) is not said again.
pub(super) fn host_trouble(
    view: &HostStatusView<'_>,
    told: Option<&UnderWayView<'_>>,
    now: Timestamp,
) -> Vec<String> {
    let HostStatusView {
        host,
        generation: _,
        unfinished,
        lost,
        activity: at_work,
        acts,
        services,
        networks,
        location: _,
        supervisor: _,
    } = view;
    let mut lines = Vec::new();
    if let Some(activity) = at_work.as_ref().and_then(|it| activity(it, now)) {
        if !told.is_some_and(|it| it.is_at_work_on(host)) {
            lines.push(activity);
        }
    } else if *unfinished {
        lines.push("the last activation did not finish here".to_owned());
    }
    if let Some(why) = lost {
        let why = escape(why);
        lines.push(format!("{why}; a release records the generation anew"));
    } else if *acts
        && !*unfinished
        && networks.is_empty()
        && services.iter().all(ServiceStatusView::is_in_sync)
        && services.iter().all(|service| service.held.is_none())
    {
        lines.push("the files are as described; their generation is not recorded".to_owned());
    }
    lines
}

/// What there is to say of a service on a host, in one sentence: its state, how it ended, when it ran.
pub(super) fn sentence(view: &ServiceStatusView<'_>, now: Timestamp) -> String {
    let mut line = shown_state(&view.state);
    if let Some(held) = &view.held {
        line += &match (held.over, &view.state) {
            (true, _) => format!(", {}", hold::was(&held.hold)),
            (false, StateView::PendingStop) => format!(": held{}", hold::by(&held.hold)),
            (false, _) => hold::by(&held.hold),
        };
    }
    if view.unhealthy {
        line += match view.state == StateView::Unhealthy {
            true => ": its HEALTHCHECK fails",
            false => ", its HEALTHCHECK fails",
        };
    }
    if let Some(watch) = &view.watch {
        line += &watch::told(watch, &view.state, now);
    }
    if let Some(KeptSlotView {
        slot,
        version,
        until,
    }) = &view.kept
    {
        let version = version.map(|version| format!(" ({})", shown_version(Some(version))));
        let until = until.map(|until| format!(" until {}", exact(until)));
        line += &format!(
            ", slot {slot}{} is kept{}",
            version.unwrap_or_default(),
            until.unwrap_or_default()
        );
    }
    let told = match &view.crashes {
        Some(crashes) => Some(deaths(crashes, now)),
        None => view.restarts.filter(|number| *number > 0).map(restarted),
    };
    if let Some(told) = told {
        line += &format!(", {told}");
    }
    if let Some(runs) = &view.runs {
        line += &format!(", {}", shown_runs(runs, now));
    }
    line
}

/// One service on one host, with its reasons below it.
fn row(
    label: &str,
    view: &ServiceStatusView<'_>,
    columns: StatusColumns,
    now: Timestamp,
    palette: &Palette,
) -> Vec<String> {
    let start = format!(
        "  {label}  {}  {}  ",
        pad(&shown_version(view.version), columns.version),
        pad(&shown_since(view.since, now), columns.since),
    );
    let (word, style) = (Word::of(&view.state).text(), style(&view.state, palette));
    let mut lines = hanging(&start, &sentence(view, now), palette.width());
    // Coloured after wrapping, and not in what stands before it.
    let said = lines[0].split_off(start.len());
    lines[0] += &said.replacen(word, &paint(style, word), 1);
    const INDENT: usize = 6;
    let mut more = reason_lines(&view.state, INDENT, palette);
    more.extend(drop_in_lines(view, INDENT, palette));
    lines.extend(more);
    lines
}

/// Why it would restart, be reloaded or run.
fn reason_lines(state: &StateView<'_>, indent: usize, palette: &Palette) -> Vec<String> {
    let space = Space {
        detail: Detail::Short,
        room: palette.width().saturating_sub(indent),
    };
    let lines = state.reasons().iter().flat_map(|why| reason(why, space));
    lines.map(|line| " ".repeat(indent) + &line).collect()
}

/// What else changes its unit.
fn drop_in_lines(view: &ServiceStatusView<'_>, indent: usize, palette: &Palette) -> Vec<String> {
    let space = Space {
        detail: Detail::Short,
        room: palette.width().saturating_sub(indent),
    };
    let paths = view.drop_ins.iter();
    let lines = paths.flat_map(|path| note(&NoteView::DropIn { path }, space));
    lines.map(|line| " ".repeat(indent) + &line).collect()
}

pub(super) fn shown_version(version: Option<&str>) -> String {
    version.map_or_else(|| "-".to_owned(), |version| short_value(version, VERSION))
}

/// The widths of the columns, the same for every block.
#[derive(Debug, Clone, Copy)]
struct StatusColumns {
    /// What tells the rows of a block apart: services or hosts.
    label: usize,
    version: usize,
    since: usize,
}

impl StatusColumns {
    fn of(view: &StatusView<'_>, now: Timestamp) -> Self {
        let mut columns = Self {
            label: 0,
            version: 0,
            since: 0,
        };
        for (_, service) in services(view) {
            let version = shown_version(service.version);
            columns.label = columns.label.max(width(service.service));
            columns.version = columns.version.max(width(&version));
            columns.since = columns.since.max(width(&shown_since(service.since, now)));
        }
        columns
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
