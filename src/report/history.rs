//! What releases did, the newest first: a row a release, or a block a host.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::hosts;
use super::palette::{Palette, paint};
use super::reason::kept as words;
use super::text::{commas, count, escape, hanging, pad, width, wrap};
use super::time::ago_of;
use super::view::{HistoryView, HostHistoryView, PastPlace, PastRelease, PastView};
use crate::plan::recorded::Because;

/// How many reasons of an activation are shown, and how many services of a reason.
const REASONS: usize = 4;
const SERVICES: usize = 6;

/// A row a release, with its hosts. `now` is the reader's clock.
#[must_use]
pub fn releases(view: &HistoryView<'_>, now: Timestamp, palette: &Palette) -> String {
    let releases = PastRelease::all(view);
    if releases.is_empty() {
        return match view.hosts.is_empty() {
            true => String::new(),
            false => "Nothing was released yet.\n".to_owned(),
        };
    }
    let mut rows = Vec::new();
    for release in &releases {
        let failed = release.entries.iter().any(|it| it.entry.result != "done");
        let sign = match (failed, release.place()) {
            (true, _) => paint(palette.error, "✗"),
            (false, PastPlace::Current) => paint(palette.added, "*"),
            (false, PastPlace::Kept) => "+".to_owned(),
            (false, PastPlace::Gone) => " ".to_owned(),
        };
        let numbers = release.numbers();
        let numbers = match (numbers.first(), numbers.last()) {
            (Some(first), Some(last)) if first != last => format!("{first}-{last}"),
            (Some(one), _) => one.to_string(),
            (None, _) => String::new(),
        };
        let commit = release.commit;
        let commit = commit.map_or_else(|| "no commit".to_owned(), short_commit);
        let columns = [
            numbers,
            ago_of(release.when, now),
            escape(release.who),
            commit,
        ];
        rows.push((sign, columns, release));
    }
    let widest = |column: usize| {
        let widths = rows.iter().map(|(_, columns, _)| width(&columns[column]));
        widths.max().unwrap_or_default()
    };
    let widths = [0, 1, 2, 3].map(widest);
    let mut text = String::new();
    for (sign, columns, release) in &rows {
        let mut start = format!("{sign} ");
        for (column, to) in columns.iter().zip(widths) {
            start += &format!("{}  ", pad(column, to));
        }
        for line in row(&start, &told(release), palette) {
            text += &format!("{}\n", line.trim_end());
        }
        for line in reasons(&release.reasons(), palette.width()) {
            text += &format!("      {}\n", paint(palette.dim, &line));
        }
    }
    let legend = "* current, + kept for `rollback --to`, ✗ failed; `--host HOST` tells what each release did there";
    for line in wrap(legend, palette.width()) {
        text += &format!("{}\n", paint(palette.dim, &line));
    }
    text
}

/// What is told of a release beside its start, where there is room, or below it. Only a terminal has a width.
fn row(start: &str, told: &str, palette: &Palette) -> Vec<String> {
    const ROOM: usize = 36;
    match palette.terminal {
        None => vec![format!("{start}{told}")],
        Some(to) if to >= width(start) + ROOM => hanging(start, told, to),
        Some(to) => {
            let below = hanging("    ", told, to);
            std::iter::once(start.to_owned()).chain(below).collect()
        }
    }
}

/// What a release did and where, then where it did not end well, and how.
fn told(release: &PastRelease<'_>) -> String {
    let entries = &release.entries;
    let mut parts = Vec::new();
    let acted = entries.iter().filter(|it| it.entry.result != "not begun");
    let (hosts, acted): (BTreeSet<&str>, Vec<&PastView<'_>>) =
        acted.map(|it| (it.host, it.entry)).unzip();
    if !acted.is_empty() {
        let back = acted.iter().find_map(|entry| entry.back_to);
        let back = back.map_or_else(String::new, |number| format!("back to {number}: "));
        let on = hosts::hosts(&hosts);
        parts.push(format!("{back}{} on {on}", done(&acted)));
    }
    let mut ends: Vec<(&str, Option<&str>, Vec<&str>)> = Vec::new();
    for it in entries.iter().filter(|it| it.entry.result != "done") {
        // What failed elsewhere stands at its host.
        let elsewhere = it.entry.result == "not begun" && !acted.is_empty();
        let why = it.entry.why.filter(|_| !elsewhere);
        let same = |(result, other, _): &&mut (&str, Option<&str>, Vec<&str>)| {
            (*result, *other) == (it.entry.result, why)
        };
        match ends.iter_mut().find(same) {
            Some((_, _, hosts)) => hosts.push(it.host),
            None => ends.push((it.entry.result, why, vec![it.host])),
        }
    }
    for (result, why, on) in ends {
        let result = match result {
            "put back" => "failed and put back".to_owned(),
            other => escape(other),
        };
        let why = why.map_or_else(String::new, |why| format!(": {}", escape(why)));
        parts.push(format!("{result} on {}{why}", hosts::hosts(on)));
    }
    parts.join("; ")
}

/// A block a host, a line an activation.
#[must_use]
pub fn text(view: &HistoryView<'_>, palette: &Palette) -> String {
    let mut text = String::new();
    for host in &view.hosts {
        let HostHistoryView {
            host,
            current,
            kept,
            activations,
        } = host;
        text += &paint(palette.strong, host);
        text += &match current {
            Some(number) => format!("  generation {number}\n"),
            None => "  no generation yet\n".to_owned(),
        };
        for entry in activations.iter().rev() {
            let sign = match entry.result {
                "done" if entry.made && Some(entry.generation) == *current => {
                    paint(palette.added, "*")
                }
                "done" if entry.made && kept.contains(&entry.generation) => "+".to_owned(),
                "done" => " ".to_owned(),
                _ => paint(palette.error, "✗"),
            };
            text += &format!("  {sign} {}\n", line(entry, palette));
            for line in reasons(entry.reasons, palette.width()) {
                text += &format!("          {}\n", paint(palette.dim, &line));
            }
        }
    }
    text
}

/// Why an activation restarted what it did, in a few lines.
fn reasons(reasons: &[Because], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for Because { reason, services } in reasons.iter().take(REASONS) {
        let names: Vec<_> = services.iter().take(SERVICES).collect();
        let names = match services.len() - names.len() {
            0 => commas(&names),
            more => format!("{} and {more} more", commas(&names)),
        };
        lines.extend(wrap(
            &format!("{}: {names}", words(reason)),
            width.saturating_sub(10),
        ));
    }
    if reasons.len() > REASONS {
        let more = count(reasons.len() - REASONS, "more reason", "more reasons");
        lines.push(format!("and {more}: `--json` has all"));
    }
    lines
}

/// What a recorded commit begins with where git could not be asked; the reason follows.
pub const UNKNOWN_COMMIT: &str = "unknown: ";

/// The first digits of a commit, and whether files differed from it.
#[must_use]
pub fn short_commit(commit: &str) -> String {
    if commit.starts_with(UNKNOWN_COMMIT) {
        return "commit unknown".to_owned();
    }
    let short: String = commit.chars().take(10).collect();
    let dirty = if commit.ends_with("-dirty") {
        "-dirty"
    } else {
        ""
    };
    escape(&format!("{short}{dirty}"))
}

fn line(entry: &PastView<'_>, palette: &Palette) -> String {
    let PastView {
        generation,
        who,
        when,
        commit,
        back_to,
        made: _,
        result,
        why,
        finished: _,
        started: _,
        restarted: _,
        stopped: _,
        mended: _,
        written: _,
        removed: _,
        ran: _,
        reasons: _,
        deed: _,
    } = entry;
    let commit = commit.map_or_else(|| "no commit".to_owned(), short_commit);
    let mut line = format!(
        "{generation:>4}  {}  {}  {commit}",
        escape(when),
        escape(who)
    );
    if let Some(number) = back_to {
        line += &format!("  back to {number}");
    }
    if *result != "not begun" {
        line += &format!("  {}", done(&[entry]));
    }
    match *result {
        "done" => {}
        "put back" => line += &format!("  {}", paint(palette.error, "failed and put back")),
        other => line += &format!("  {}", paint(palette.error, &escape(other))),
    }
    if let Some(why) = why {
        line += &format!(": {}", escape(why));
    }
    line
}

/// What is said of an activation that only recorded a generation.
pub(super) const NOTHING: &str = "nothing changed";

/// What was done, in words; what several hosts did, once. Files of a service that is named already go without saying.
pub(super) fn done(entries: &[&PastView<'_>]) -> String {
    let deeds: Vec<String> = once(entries.iter().filter_map(|entry| entry.deed).map(escape));
    if !deeds.is_empty() {
        return deeds.join("; ");
    }
    let all = |names: fn(&'_ PastView<'_>) -> Vec<String>| -> Vec<String> {
        once(entries.iter().flat_map(|entry| names(entry)))
    };
    let started = all(|entry| entry.started.to_vec());
    let restarted = all(|entry| entry.restarted.to_vec());
    let mended = all(|entry| entry.mended.to_vec());
    let removed = all(|entry| entry.removed.to_vec());
    let ran = all(|entry| entry.ran.to_vec());
    let mut stopped = all(|entry| entry.stopped.to_vec());
    let mut written = all(|entry| entry.written.to_vec());
    let named = [&started, &restarted, &stopped, &mended, &removed, &ran];
    written.retain(|name| !named.iter().any(|names| names.contains(name)));
    stopped.retain(|name| !removed.contains(name));
    let parts = [
        ("ran", ran),
        ("started", started),
        ("restarted", restarted),
        ("stopped", stopped),
        ("mended", mended),
        ("removed", removed),
        ("wrote files of", written),
    ];
    let parts = parts.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> = parts
        .map(|(word, names)| {
            let names: Vec<String> = names.iter().map(|name| escape(name)).collect();
            format!("{word} {}", commas(&names))
        })
        .collect();
    if parts.is_empty() {
        NOTHING.to_owned()
    } else {
        parts.join("; ")
    }
}

/// Each of them once, in their order.
fn once(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;

    fn shown(odd: &str) -> String {
        let (cluster, failures) = (samples::cluster(), BTreeMap::new());
        let histories = samples::histories(odd);
        let view = HistoryView::of(&cluster.name, &histories, &failures);
        text(&view, &Palette::PLAIN)
    }

    fn rows(odd: &str, palette: &Palette) -> String {
        let (cluster, failures) = (samples::cluster(), BTreeMap::new());
        let histories = samples::histories(odd);
        let view = HistoryView::of(&cluster.name, &histories, &failures);
        let now = "2026-11-26T09:30:00Z".parse().unwrap();
        releases(&view, now, palette)
    }

    #[test]
    fn every_result_has_its_words() {
        assert_snapshot!(shown("ada@laptop"));
    }

    #[test]
    fn a_release_is_one_row() {
        assert_snapshot!(rows("ada@laptop", &Palette::PLAIN));
    }

    #[test]
    fn a_release_fits_a_terminal() {
        let at = |columns| Palette {
            terminal: Some(columns),
            ..Palette::PLAIN
        };
        assert_snapshot!(rows("ada@laptop", &at(80)));
        let wide = rows("ada@laptop", &at(120));
        assert!(wide.lines().all(|line| width(line) <= 120), "{wide}");
    }

    proptest! {
        #[test]
        fn no_history_can_steer_a_terminal(odd in any::<String>()) {
            samples::assert_tame(&shown(&odd));
            samples::assert_tame(&rows(&odd, &Palette::PLAIN));
        }
    }
}
