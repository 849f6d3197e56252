//! The page of what was released: a row a release, the newest first.

use std::collections::{BTreeMap, BTreeSet};

use super::super::history::{NOTHING, done, short_commit};
use super::super::hosts;
use super::super::reason::kept as words;
use super::super::text::{commas, escape};
use super::super::time::ago_of;
use super::super::view::{HistoryView, PastView};
use super::sheet::{PageMark, SheetCell, SheetHead, SheetPart, SheetRow, SheetTable};
use super::{PageContext, failed};
use crate::plan::recorded::Because;

/// What tells one release from another: when, who, which commit, and where to.
type ReleaseKey<'a> = (&'a str, &'a str, Option<&'a str>);

/// What was activated on every host.
#[must_use]
pub fn history(view: &HistoryView<'_>, context: &PageContext) -> String {
    let mut sheet = context.sheet(view.cluster, "history");
    let mut releases: BTreeMap<ReleaseKey<'_>, Vec<(&str, &PastView<'_>)>> = BTreeMap::new();
    for host in &view.hosts {
        for entry in &host.activations {
            let key = (entry.when, entry.who, entry.commit);
            releases.entry(key).or_default().push((host.host, entry));
        }
    }
    let rows = releases.iter().rev();
    let rows = rows.map(|(key, entries)| row(*key, entries, context));
    let table = SheetTable {
        name: "releases".to_owned(),
        class: "stack",
        heads: ["when", "how it ended", "what", "by", "commit", "hosts"]
            .map(SheetHead::new)
            .into(),
        rows: rows.collect(),
        ..SheetTable::default()
    };
    let none = table.rows.is_empty();
    sheet.parts.push(SheetPart {
        lead: none
            .then(|| "Nothing was released yet.".to_owned())
            .into_iter()
            .collect(),
        notes: failed(&view.failures).collect(),
        tables: if none { Vec::new() } else { vec![table] },
        ..SheetPart::default()
    });
    sheet.legend =
        "a row a release, the newest first; it opens with what it did on each host, and why"
            .to_owned();
    sheet.html()
}

fn row(
    (when, who, commit): ReleaseKey<'_>,
    entries: &[(&str, &PastView<'_>)],
    context: &PageContext,
) -> SheetRow {
    let failed: Vec<_> = entries
        .iter()
        .filter(|(_, it)| it.result != "done")
        .collect();
    let back = entries.iter().any(|(_, it)| it.back_to.is_some());
    let (class, text) = match (failed.first(), back) {
        (Some((_, it)), _) => (PageMark::Bad, format!("✗ {}", escape(it.result))),
        (None, true) => (PageMark::News, "← back".to_owned()),
        (None, false) => (PageMark::Good, "✓ done".to_owned()),
    };
    let names: BTreeSet<&str> = entries.iter().map(|(host, _)| *host).collect();
    let deeds: BTreeSet<String> = entries.iter().map(|(_, entry)| done(entry)).collect();
    let mut deeds = deeds.iter().filter(|deed| *deed != NOTHING);
    let first = deeds.next().map_or(NOTHING, |deed| deed);
    let deed = match deeds.count() {
        0 => first.to_owned(),
        more => format!("{first}, and {more} more"),
    };
    SheetRow {
        class: None,
        name: ago_of(when, context.now),
        cells: vec![
            SheetCell {
                class: Some(class),
                text,
                open: true,
                lines: lines(when, entries),
                ..SheetCell::default()
            },
            SheetCell::plain(deed),
            SheetCell::plain(escape(who)),
            SheetCell::plain(commit.map_or_else(|| "no commit".to_owned(), short_commit)),
        ],
        why: hosts::hosts(names),
    }
}

/// When exactly; what was done on each host, the same once; and why.
fn lines(when: &str, entries: &[(&str, &PastView<'_>)]) -> Vec<String> {
    let mut lines = vec![escape(when)];
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for (host, entry) in entries {
        let mut text = match entry.result {
            "not begun" => "not begun".to_owned(),
            "done" => done(entry),
            result => format!("{}; {}", done(entry), escape(result)),
        };
        if let Some(number) = entry.back_to {
            text += &format!("; back to generation {number}");
        }
        if let Some(why) = entry.why {
            text += &format!(": {}", escape(why));
        }
        match told.iter_mut().find(|(other, _)| *other == text) {
            Some((_, on)) => on.push(host),
            None => told.push((text, vec![host])),
        }
    }
    lines.extend(
        told.iter()
            .map(|(text, on)| format!("{}: {text}", hosts::hosts(on))),
    );
    let mut because: Vec<&Because> = Vec::new();
    for one in entries.iter().flat_map(|(_, entry)| entry.reasons) {
        if !because.contains(&one) {
            because.push(one);
        }
    }
    lines.extend(because.iter().map(|Because { reason, services }| {
        format!("why: {}: {}", words(reason), commas(services))
    }));
    lines
}
