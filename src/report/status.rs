//! The state of a cluster as an aligned table, and what to type next.

mod activity;
mod crashes;
mod end;
mod runs;
mod state;

pub(super) use activity::activity;
pub(super) use crashes::how_it_ended;
use jiff::Timestamp;
pub(super) use state::shown_state;

use super::palette::{Palette, paint};
use super::reason::{Space, note, reason};
use super::text::{escape, pad, short_value, width, wrap};
use super::time::shown_since;
use super::view::{HostStatusView, NoteView, ServiceStatusView, StateView, StatusView};
use super::{Detail, begun, left, network};
use crashes::{deaths, restarted};
use end::{last_lines, services};
use runs::shown_runs;
use state::{Word, style};

/// The longest version that is shown in full.
const VERSION: usize = 16;

/// The state of every host that was seen, a row a service, and a last part that sums it up and
/// says what to type. `now` is the reader's clock.
#[must_use]
pub fn text(view: &StatusView<'_>, now: Timestamp, palette: &Palette) -> String {
    let mut lines = Vec::new();
    for left in &view.left {
        lines.extend(left::warning(view.cluster, left, palette));
    }
    if let Some(begun) = &view.begun {
        lines.extend(begun::lines(view.cluster, begun, now, palette));
    }
    if let Some(pushed) = &view.pushed {
        lines.extend(begun::pushed_lines(view.cluster, pushed, now, palette));
    }
    let columns = StatusColumns::of(view, now);
    for host in &view.hosts {
        lines.extend(host_lines(host, columns, now, palette));
    }
    lines.extend(last_lines(view, palette));
    lines.join("\n") + "\n"
}

fn host_lines(
    view: &HostStatusView<'_>,
    columns: StatusColumns,
    now: Timestamp,
    palette: &Palette,
) -> Vec<String> {
    let HostStatusView {
        host,
        generation,
        unfinished,
        lost,
        activity: at_work,
        acts,
        services,
        networks,
        location,
        supervisor,
    } = view;
    let mut header = paint(palette.strong, host);
    if let Some(location) = location {
        let mut place = escape(location);
        if !supervisor.runs_containers() {
            place += " (a directory: nothing runs here)";
        }
        header += &format!("  {}", paint(palette.dim, &place));
    }
    header += &match generation {
        Some(number) => format!("  generation {number}"),
        None if lost.is_some() => String::new(),
        None => "  no generation yet".to_owned(),
    };
    let mut lines = vec![header];
    if let Some(activity) = at_work.as_ref().and_then(|it| activity(it, now)) {
        lines.push(format!("  {} {activity}", paint(palette.changed, "!")));
    } else if *unfinished {
        lines.push(format!(
            "  {} the last activation did not finish here",
            paint(palette.changed, "!")
        ));
    }
    if let Some(why) = lost {
        lines.push(format!(
            "  {} {}; a release records the generation anew",
            paint(palette.changed, "!"),
            escape(why)
        ));
    } else if *acts
        && !*unfinished
        && networks.is_empty()
        && services.iter().all(ServiceStatusView::is_in_sync)
    {
        lines.push(format!(
            "  {} the files are as described; their generation is not recorded",
            paint(palette.changed, "!")
        ));
    }
    lines.extend(networks.iter().flat_map(|it| network::lines(it, palette)));
    if services.is_empty() {
        lines.push("  no services".to_owned());
    }
    for status in services {
        let ServiceStatusView {
            service,
            unit: _,
            version,
            since,
            restarts,
            drop_ins,
            crashes,
            runs,
            state,
            waits: _,
        } = status;
        let start = format!(
            "  {}  {}  {}  ",
            pad(service, columns.service),
            pad(&shown_version(*version), columns.version),
            pad(&shown_since(*since, now), columns.since),
        );
        let mut line = shown_state(state);
        let told = match crashes {
            Some(crashes) => Some(deaths(crashes, now)),
            None => restarts.filter(|number| *number > 0).map(restarted),
        };
        if let Some(told) = told {
            line += &format!(", {told}");
        }
        if let Some(runs) = runs {
            line += &format!(", {}", shown_runs(runs, now));
        }
        let column = width(&start);
        let (word, style) = (Word::of(state).text(), style(state, palette));
        for (number, line) in wrap(&line, palette.width().saturating_sub(column))
            .iter()
            .enumerate()
        {
            lines.push(match number {
                // Coloured after wrapping: escape sequences have no width.
                0 => start.clone() + &line.replacen(word, &paint(style, word), 1),
                _ => " ".repeat(column) + line,
            });
        }
        const INDENT: usize = 6;
        let space = Space {
            detail: Detail::Short,
            room: palette.width().saturating_sub(INDENT),
        };
        let mut more = Vec::new();
        if let StateView::PendingRestart { reasons }
        | StateView::PendingReload { reasons }
        | StateView::JobDue { reasons }
        | StateView::Edited { reasons, .. } = state
        {
            more.extend(reasons.iter().flat_map(|why| reason(why, space)));
        }
        for path in *drop_ins {
            more.extend(note(&NoteView::DropIn { path }, space));
        }
        lines.extend(
            more.iter()
                .map(|line| format!("{}{line}", " ".repeat(INDENT))),
        );
    }
    lines
}

fn shown_version(version: Option<&str>) -> String {
    version.map_or_else(|| "-".to_owned(), |version| short_value(version, VERSION))
}

/// The widths of the columns, the same for every host.
#[derive(Debug, Clone, Copy)]
struct StatusColumns {
    service: usize,
    version: usize,
    since: usize,
}

impl StatusColumns {
    fn of(view: &StatusView<'_>, now: Timestamp) -> Self {
        let mut columns = Self {
            service: 0,
            version: 0,
            since: 0,
        };
        for (_, service) in services(view) {
            let version = shown_version(service.version);
            columns.service = columns.service.max(width(service.service));
            columns.version = columns.version.max(width(&version));
            columns.since = columns.since.max(width(&shown_since(service.since, now)));
        }
        columns
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
