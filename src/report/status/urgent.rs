//! What needs a person, the worst first; the rest in one line.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::palette::{Palette, paint};
use super::super::reason::version_change;
use super::super::text::{count, hanging, pad, width, wrap};
use super::super::time::shown_since;
use super::super::view::{HostStatusView, ReasonView, ServiceStatusView, StateView, StatusView};
use super::super::{hosts, left, network};
use super::end::{counted, services, sizes, totals, unfinished, unseen};
use super::state::{Word, sign, style};
use super::{drop_in_lines, host_trouble, reason_lines, releases, sentence, shown_version};

/// How far the rows below a heading are indented.
const INDENT: usize = 4;

pub(super) fn lines(view: &StatusView<'_>, now: Timestamp, palette: &Palette) -> Vec<String> {
    let rows = rows(view, now);
    let halves = half_released(view, now, palette);
    if rows.is_empty() && halves.is_empty() && view.left.is_empty() {
        return wrap(&totals(view), palette.width());
    }
    // Where nothing but what somebody holds is to be told, all is as it should be.
    let well = view.in_sync && halves.is_empty();
    let mut lines = match well {
        true => wrap(&totals(view), palette.width()),
        false => wrap(&header(view), palette.width()),
    };
    lines[0] = lines[0].replacen(view.cluster, &paint(palette.strong, view.cluster), 1);
    let (worse, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.word.is_down());
    lines.extend(groups(&worse, palette));
    lines.extend(halves);
    lines.extend(groups(&others, palette));
    for left in &view.left {
        lines.extend(left::warning(view.cluster, left, palette));
    }
    if let Some(rest) = rest(view, palette).filter(|_| !well) {
        lines.push(rest);
    }
    lines
}

/// `production: 1 not running, 2 pending restart`
fn header(view: &StatusView<'_>) -> String {
    let mut parts = counted(view, |word| !word.is_well());
    parts.extend(unfinished(view));
    let hosts = |these: &dyn Fn(&HostStatusView<'_>) -> bool, what: &str| {
        let number = view.hosts.iter().filter(|host| these(host)).count();
        let told = || format!("{} {what}", count(number, "host", "hosts"));
        (number > 0).then(told)
    };
    parts.extend(hosts(&|host| host.activity.is_some(), "at work"));
    if parts.is_empty() {
        parts.extend(hosts(&|host| !host.is_in_sync(), "not recorded"));
    }
    parts.extend(unseen(view));
    let left = left::counted(&view.left);
    match parts.is_empty() {
        true => format!("{}: {}", view.cluster, left.trim_start_matches("; ")),
        false => format!("{}: {}{left}", view.cluster, parts.join(", ")),
    }
}

/// `✓ 21 in sync, 1 done (3 hosts, 24 units)`
fn rest(view: &StatusView<'_>, palette: &Palette) -> Option<String> {
    let parts = counted(view, Word::is_well);
    let told = || format!("{} ({})", parts.join(", "), sizes(view));
    (!parts.is_empty()).then(|| format!("{} {}", paint(palette.added, "✓"), told()))
}

/// Hosts on which half a release is, or where one is at work.
fn half_released(view: &StatusView<'_>, now: Timestamp, palette: &Palette) -> Vec<String> {
    let mut lines = releases(view, now, palette);
    let mark = paint(palette.changed, "!");
    for host in &view.hosts {
        for trouble in host_trouble(host, view.under_way.as_ref(), now) {
            let told = format!("{}: {trouble}", host.host);
            lines.extend(hanging(&format!("{mark} "), &told, palette.width()));
        }
        let well = host
            .services
            .iter()
            .filter(|it| Word::of(&it.state).is_well());
        for service in well.filter(|it| !it.drop_ins.is_empty()) {
            lines.push(format!("{mark} {}: {}", host.host, service.service));
            lines.extend(drop_in_lines(service, INDENT, palette));
        }
        if !host.networks.is_empty() {
            lines.push(format!("{mark} {}", host.host));
        }
        let networks = host.networks.iter();
        lines.extend(networks.flat_map(|it| network::lines(it, palette)));
    }
    lines
}

/// A service that is not as it should be, on all hosts where the same is to be said of it.
struct UrgentRow<'a> {
    word: Word,
    view: &'a ServiceStatusView<'a>,
    hosts: Vec<&'a str>,
    version: String,
    since: String,
    /// What there is to say beside the word.
    more: String,
}

fn rows<'a>(view: &'a StatusView<'_>, now: Timestamp) -> Vec<UrgentRow<'a>> {
    let mut rows: Vec<UrgentRow<'a>> = Vec::new();
    for (host, service) in services(view) {
        let word = Word::of(&service.state);
        if word.is_well() {
            continue;
        }
        let row = UrgentRow {
            word,
            view: service,
            hosts: vec![host],
            version: version(service),
            since: shown_since(service.since, now),
            more: more(service, word, now),
        };
        let same = |it: &&mut UrgentRow<'_>| {
            (it.word, it.view.service, &it.version) == (row.word, service.service, &row.version)
                && (&it.since, &it.more) == (&row.since, &row.more)
                && it.view.state == service.state
                && it.view.drop_ins == service.drop_ins
        };
        match rows.iter_mut().find(same) {
            Some(row) => row.hosts.push(host),
            None => rows.push(row),
        }
    }
    rows
}

/// The tag that runs, and the one that waits.
pub(in crate::report) fn version(service: &ServiceStatusView<'_>) -> String {
    match image_alone(&service.state) {
        Some((before, after)) => version_change(before, after),
        None => shown_version(service.version),
    }
}

/// Where nothing but the image differs: the reference before and after.
fn image_alone<'a>(state: &'a StateView<'_>) -> Option<(&'a str, &'a str)> {
    match state.reasons() {
        [ReasonView::Image { before, after }] => Some((before, after)),
        _ => None,
    }
}

/// What the heading does not say.
pub(in crate::report) fn more(
    service: &ServiceStatusView<'_>,
    word: Word,
    now: Timestamp,
) -> String {
    let told = sentence(service, now);
    let told = told.strip_prefix(word.text()).unwrap_or(&told);
    let mut parts = vec![told.trim_start_matches([':', ',', ' ']).to_owned()];
    if service.waits {
        parts.push("restarts only when named".to_owned());
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// A heading a state; below it what is said of several services once, and the services.
fn groups(rows: &[UrgentRow<'_>], palette: &Palette) -> Vec<String> {
    let words: BTreeSet<Word> = rows.iter().map(|row| row.word).collect();
    let mut lines = Vec::new();
    for word in words {
        let rows: Vec<_> = rows.iter().filter(|row| row.word == word).collect();
        let style = style(&rows[0].view.state, palette);
        lines.push(paint(style, &format!("{} {}", sign(word), word.text())));
        let columns = UrgentColumns::of(&rows);
        let mut told: Vec<&[ReasonView<'_>]> = Vec::new();
        for row in &rows {
            let reasons = reasons(row);
            if told.contains(&reasons) {
                continue;
            }
            told.push(reasons);
            if !reasons.is_empty() {
                lines.extend(reason_lines(&row.view.state, 2, palette));
            }
            for row in rows.iter().filter(|row| self::reasons(row) == reasons) {
                lines.extend(row_lines(row, &columns, palette));
            }
        }
    }
    lines
}

/// What is told above the services; a version that waits stands beside its service.
fn reasons<'a>(row: &'a UrgentRow<'_>) -> &'a [ReasonView<'a>] {
    match image_alone(&row.view.state) {
        Some(_) => &[],
        None => row.view.state.reasons(),
    }
}

struct UrgentColumns {
    service: usize,
    hosts: usize,
    version: usize,
    since: usize,
}

impl UrgentColumns {
    fn of(rows: &[&UrgentRow<'_>]) -> Self {
        let widest = |text: &dyn Fn(&UrgentRow<'_>) -> usize| {
            let widths = rows.iter().map(|row| text(row));
            widths.max().unwrap_or_default()
        };
        Self {
            service: widest(&|row| width(row.view.service)),
            hosts: widest(&|row| width(&hosts::hosts(&row.hosts))),
            version: widest(&|row| width(&row.version)),
            since: widest(&|row| width(&row.since)),
        }
    }
}

fn row_lines(row: &UrgentRow<'_>, columns: &UrgentColumns, palette: &Palette) -> Vec<String> {
    let (service, hosts) = (row.view.service, hosts::hosts(&row.hosts));
    let mut start = " ".repeat(INDENT) + &pad(service, columns.service);
    for (text, column) in [
        (hosts.as_str(), columns.hosts),
        (&row.version, columns.version),
        (&row.since, columns.since),
    ] {
        // Where no row has anything to say.
        if column > 1 {
            start += &format!("  {}", pad(text, column));
        }
    }
    let column = width(&start) + 2;
    let room = palette.width().saturating_sub(column);
    let mut lines = match row.more.as_str() {
        "" => vec![start.trim_end().to_owned()],
        // Too little room beside it.
        more if room < 24 => {
            let mut lines = vec![start.trim_end().to_owned()];
            let indent = INDENT + 2;
            let below = wrap(more, palette.width().saturating_sub(indent));
            lines.extend(below.iter().map(|line| " ".repeat(indent) + line));
            lines
        }
        more => hanging(&format!("{start}  "), more, palette.width()),
    };
    lines.extend(drop_in_lines(row.view, INDENT + 2, palette));
    lines
}
