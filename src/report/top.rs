//! What hosts and containers use, as two tables: what is nearest to its limits comes first.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::palette::{Palette, paint};
use super::text::{count, ended, escape, indent, size};
use super::view::{ContainerUsageView, DiskUsageView, HostUsageView, UsageView};

/// From so many percent on, something is worth a look, and from so many it is near its end.
const HIGH: u64 = 75;
const FULL: u64 = 90;

/// A cell: its text, and how near to a limit it is.
struct Cell(String, Option<u64>);

/// Both tables, and what could not be told.
#[must_use]
pub fn text(view: &UsageView<'_>, palette: &Palette) -> String {
    if view.hosts.is_empty() && view.failures.is_empty() {
        return "no host runs containers: nothing uses anything\n".to_owned();
    }
    let mut lines = Vec::new();
    if !view.hosts.is_empty() {
        let rows = view.hosts.iter().map(host).collect();
        lines.extend(table(&["HOST", "LOAD", "MEMORY", "DISK"], rows, palette));
    }
    if !view.containers.is_empty() {
        let rows = view.containers.iter().map(container).collect();
        let head = ["CONTAINER", "HOST", "CPU", "MEMORY", "RESTARTS"];
        lines.push(String::new());
        lines.extend(table(&head, rows, palette));
    }
    for host in &view.hosts {
        if let Some(why) = host.silent {
            let words = format!(
                "note: {}: the engine does not tell what containers use: {}",
                host.host,
                escape(why)
            );
            lines.extend(indent(&words, 0, palette.width()));
        }
    }
    ended(&lines)
}

fn host(view: &HostUsageView<'_>) -> Vec<Cell> {
    let load = match (view.load, view.processors) {
        (Some(load), Some(all)) => format!("{load:.2} of {}", count_cpus(all)),
        (Some(load), None) => format!("{load:.2}"),
        (None, _) => "?".to_owned(),
    };
    let disk = match view.disks.first() {
        Some(DiskUsageView {
            mount,
            free,
            percent,
            ..
        }) => format!("{percent} % of {}, {} free", escape(mount), size(*free)),
        None => "?".to_owned(),
    };
    vec![
        Cell(view.host.to_owned(), None),
        Cell(load, view.load_percent),
        Cell(
            memory(view.memory, view.memory_size, view.memory_percent),
            view.memory_percent,
        ),
        Cell(disk, view.disks.first().map(|disk| disk.percent)),
    ]
}

fn count_cpus(all: u64) -> String {
    count(usize::try_from(all).unwrap_or(usize::MAX), "cpu", "cpus")
}

fn container(view: &ContainerUsageView<'_>) -> Vec<Cell> {
    let cpu = view
        .processor
        .map_or("?".to_owned(), |it| format!("{it:.1} %"));
    let restarts = view.restarts.map_or("?".to_owned(), |it| it.to_string());
    // A single one is in no hurry.
    let urgent = view.restarts.filter(|it| *it > 1).map(|_| HIGH);
    vec![
        Cell(escape(view.container), None),
        Cell(view.host.to_owned(), None),
        Cell(cpu, view.processor_percent),
        Cell(
            memory(view.memory, view.memory_limit, view.memory_percent),
            view.memory_percent,
        ),
        Cell(restarts, urgent),
    ]
}

/// `480 of 512.0 MiB, 93 %`
fn memory(used: Option<u64>, limit: Option<u64>, percent: Option<u64>) -> String {
    match (used, limit, percent) {
        (Some(used), Some(limit), Some(percent)) => {
            format!("{percent} % of {}, {} used", size(limit), size(used))
        }
        (Some(used), ..) => format!("{} used, no limit", size(used)),
        (None, ..) => "?".to_owned(),
    }
}

fn table(head: &[&str], rows: Vec<Vec<Cell>>, palette: &Palette) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].0.width());
        cells.chain([head[column].width()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<(String, Style)>| -> String {
        let last = cells.len() - 1;
        let cells = cells.into_iter().enumerate();
        let cells = cells.map(|(column, (text, style))| {
            let blanks = match column == last {
                true => 0,
                false => widths[column].saturating_sub(text.width()) + 2,
            };
            paint(style, &text) + &" ".repeat(blanks)
        });
        cells.collect()
    };
    let head = head.iter().map(|word| ((*word).to_owned(), palette.dim));
    let mut lines = vec![line(head.collect())];
    for row in rows {
        let cells = row.into_iter().map(|Cell(text, near)| {
            let style = match near {
                Some(FULL..) => palette.removed,
                Some(HIGH..) => palette.changed,
                Some(_) | None => Style::new(),
            };
            (text, style)
        });
        lines.push(line(cells.collect()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::samples;
    use super::*;

    #[test]
    fn what_is_nearest_to_its_limit_comes_first() {
        let (found, failures) = (samples::usages(""), BTreeMap::new());
        let cluster = samples::cluster();
        let view = UsageView::of(&cluster.name, &found, &failures);
        let names: Vec<_> = view.containers.iter().map(|it| it.container).collect();
        assert_eq!(names, ["search", "listing", "crashes", "db"]);
        insta::assert_snapshot!(text(&view, &Palette::PLAIN));
        let none = BTreeMap::new();
        let view = UsageView::of(&cluster.name, &none, &failures);
        assert_eq!(
            text(&view, &Palette::PLAIN),
            "no host runs containers: nothing uses anything\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_of_a_host_steers_a_terminal(odd in proptest::prelude::any::<String>()) {
            let (found, failures) = (samples::usages(&odd), samples::failures(&odd));
            let cluster = samples::cluster();
            let view = UsageView::of(&cluster.name, &found, &failures);
            samples::assert_tame(&text(&view, &Palette::PLAIN));
        }
    }
}
