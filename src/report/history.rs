//! What releases did, the newest first: a row a release, or a block a host.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::hosts;
use super::palette::{Palette, paint};
use super::reason::kept as words;
use super::text::{commas, count, cut, escape, hanging, pad, some, width, wrap};
use super::time::ago_of;
use super::view::{HistoryView, HostHistoryView, PastPlace, PastRelease, PastView};
use crate::plan::recorded::Because;

/// How many reasons of an activation are shown, and how many services of a reason.
const REASONS: usize = 4;
const SERVICES: usize = 6;

/// How much of the subject of a commit is shown: git's own advice for one. And the least for which there is a column.
const SUBJECT: usize = 50;
const LEAST_SUBJECT: usize = 20;
/// The columns that what was done has at least, where it stands beside the rest.
const ROOM: usize = 36;

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
    let rows: Vec<_> = releases
        .iter()
        .map(|release| (sign(release, palette), columns(release, now), release))
        .collect();
    let widest = |column: usize| {
        let widths = rows.iter().map(|(_, columns, _)| width(&columns[column]));
        widths.max().unwrap_or_default()
    };
    let widths = [0, 1, 2, 3].map(widest);
    let room = SubjectRoom::of(widths.iter().map(|to| to + 2).sum::<usize>() + 2, palette);
    let subjects = releases.iter().filter_map(|release| release.subject);
    let subject_to = subjects.map(|it| width(&room.shown(it))).max();
    let mut text = String::new();
    for (sign, columns, release) in &rows {
        let mut start = format!("{sign} ");
        for (column, to) in columns.iter().zip(widths) {
            start += &format!("{}  ", pad(column, to));
        }
        let subject = release.subject.map(|it| room.shown(it));
        let lines = match (subject, subject_to, room) {
            (Some(subject), _, SubjectRoom::Line(_)) => {
                let below = hanging("    ", &told(release), palette.width());
                std::iter::once(start + &subject).chain(below).collect()
            }
            (subject, Some(to), SubjectRoom::Column(_)) => {
                start += &format!("{}  ", pad(&subject.unwrap_or_default(), to));
                row(&start, &told(release), palette)
            }
            (None, _, _) | (Some(_), None, _) => row(&start, &told(release), palette),
        };
        for line in lines {
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

/// Where it is now, or that it failed.
fn sign(release: &PastRelease<'_>, palette: &Palette) -> String {
    let failed = release.entries.iter().any(|it| it.entry.result != "done");
    match (failed, release.place()) {
        (true, _) => paint(palette.error, "✗"),
        (false, PastPlace::Current) => paint(palette.added, "*"),
        (false, PastPlace::Kept) => "+".to_owned(),
        (false, PastPlace::Gone) => " ".to_owned(),
    }
}

/// Its generations, when, by whom, and of which commit.
fn columns(release: &PastRelease<'_>, now: Timestamp) -> [String; 4] {
    let numbers = release.numbers();
    let numbers = match (numbers.first(), numbers.last()) {
        (Some(first), Some(last)) if first != last => format!("{first}-{last}"),
        (Some(one), _) => one.to_string(),
        (None, _) => String::new(),
    };
    let commit = release.commit;
    [
        numbers,
        ago_of(release.when, now),
        escape(release.who),
        commit.map_or_else(|| "no commit".to_owned(), short_commit),
    ]
}

/// Where the subject of a commit stands: so many columns of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SubjectRoom {
    /// Between the commit and what was done.
    Column(usize),
    /// Alone behind the commit; what was done stands below.
    Line(usize),
}

impl SubjectRoom {
    /// Behind so many columns. Only a terminal has a width.
    fn of(start: usize, palette: &Palette) -> Self {
        let Some(to) = palette.terminal else {
            return Self::Column(SUBJECT);
        };
        let left = to.saturating_sub(start);
        match left.checked_sub(ROOM + 2) {
            Some(room) if room >= LEAST_SUBJECT => Self::Column(room.min(SUBJECT)),
            Some(_) | None => Self::Line(left),
        }
    }

    fn shown(self, subject: &str) -> String {
        match self {
            Self::Column(room) | Self::Line(room) => cut(&escape(subject), room),
        }
    }
}

/// What is told of a release beside its start, where there is room, or below it. Only a terminal has a width.
fn row(start: &str, told: &str, palette: &Palette) -> Vec<String> {
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
        let names = some(services, SERVICES);
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

/// A commit, and its subject where that is known.
pub(super) fn named_commit(commit: &str, subject: Option<&str>) -> String {
    let subject = subject.map(|it| format!(" {}", cut(&escape(it), SUBJECT)));
    short_commit(commit) + &subject.unwrap_or_default()
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
        subject,
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
    if let Some(subject) = subject {
        line += &format!("  {}", cut(&escape(subject), SUBJECT));
    }
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

    /// The only commit of the samples, with this subject.
    fn subjects(subject: &str) -> BTreeMap<String, String> {
        let id = "0123456789abcdef0123456789abcdef01234567";
        [(id.to_owned(), subject.to_owned())].into()
    }

    fn shown(odd: &str, subjects: &BTreeMap<String, String>) -> String {
        let (cluster, failures) = (samples::cluster(), BTreeMap::new());
        let histories = samples::histories(odd);
        let view = HistoryView::of(&cluster.name, &histories, &failures);
        text(&view.with_subjects(subjects), &Palette::PLAIN)
    }

    fn rows(odd: &str, subjects: &BTreeMap<String, String>, palette: &Palette) -> String {
        let (cluster, failures) = (samples::cluster(), BTreeMap::new());
        let histories = samples::histories(odd);
        let view = HistoryView::of(&cluster.name, &histories, &failures);
        let now = "2026-11-26T09:30:00Z".parse().unwrap();
        releases(&view.with_subjects(subjects), now, palette)
    }

    fn at(columns: usize) -> Palette {
        Palette {
            terminal: Some(columns),
            ..Palette::PLAIN
        }
    }

    #[test]
    fn every_result_has_its_words() {
        assert_snapshot!(shown("ada@laptop", &BTreeMap::new()));
    }

    #[test]
    fn a_release_is_one_row() {
        assert_snapshot!(rows("ada@laptop", &BTreeMap::new(), &Palette::PLAIN));
    }

    #[test]
    fn a_release_has_the_subject_of_its_commit() {
        let long =
            "Raise the limit of connections, since the pool was empty at noon on each Monday";
        let subjects = subjects(long);
        for columns in [60, 80, 120, 200] {
            let rows = rows("ada@laptop", &subjects, &at(columns));
            assert!(rows.lines().all(|line| width(line) <= columns), "{rows}");
            assert!(rows.contains("0123456789  Raise the lim"), "{rows}");
            assert!(rows.contains('…'), "{rows}");
        }
        assert_snapshot!(rows("ada@laptop", &subjects, &at(80)));
        assert_snapshot!(rows("ada@laptop", &subjects, &Palette::PLAIN));
        assert!(
            shown("ada@laptop", &subjects)
                .contains("0123456789  Raise the limit of connections, since the pool wa…")
        );
    }

    #[test]
    fn a_release_fits_a_terminal() {
        assert_snapshot!(rows("ada@laptop", &BTreeMap::new(), &at(80)));
        let wide = rows("ada@laptop", &BTreeMap::new(), &at(120));
        assert!(wide.lines().all(|line| width(line) <= 120), "{wide}");
    }

    proptest! {
        #[test]
        fn no_history_can_steer_a_terminal(odd in any::<String>()) {
            samples::assert_tame(&shown(&odd, &subjects(&odd)));
            samples::assert_tame(&rows(&odd, &subjects(&odd), &Palette::PLAIN));
            samples::assert_tame(&rows(&odd, &subjects(&odd), &at(80)));
        }
    }
}
