//! What releases did on each host, the newest first.

use super::palette::{Palette, paint};
use super::reason::kept as words;
use super::text::{commas, count, escape, wrap};
use super::view::{HistoryView, HostHistoryView, PastView};
use crate::plan::recorded::Because;

/// How many reasons of an activation are shown, and how many services of a reason.
const REASONS: usize = 4;
const SERVICES: usize = 6;

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
        line += &format!("  {}", done(entry));
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

/// What was done, in words. Files of a service that is named already go without saying.
pub(super) fn done(entry: &PastView<'_>) -> String {
    let PastView {
        started,
        restarted,
        stopped,
        mended,
        written,
        removed,
        ran,
        ..
    } = entry;
    let named = |name: &&String| {
        let others = [started, restarted, stopped, mended, removed, ran];
        others.iter().any(|names| names.contains(name))
    };
    let written: Vec<&String> = written.iter().filter(|name| !named(name)).collect();
    let stopped: Vec<&String> = {
        let gone = |name: &&String| removed.contains(name);
        stopped.iter().filter(|name| !gone(name)).collect()
    };
    let parts = [
        ("ran", ran.iter().collect()),
        ("started", started.iter().collect()),
        ("restarted", restarted.iter().collect()),
        ("stopped", stopped),
        ("mended", mended.iter().collect()),
        ("removed", removed.iter().collect()),
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

    #[test]
    fn every_result_has_its_words() {
        assert_snapshot!(shown("ada@laptop"));
    }

    proptest! {
        #[test]
        fn no_history_can_steer_a_terminal(odd in any::<String>()) {
            samples::assert_tame(&shown(&odd));
        }
    }
}
