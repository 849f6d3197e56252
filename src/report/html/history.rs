//! The page of what was released: a row a release, the newest first.

use std::collections::BTreeSet;

use super::super::history::{NOTHING, done, named_commit};
use super::super::hosts;
use super::super::reason::kept as words;
use super::super::text::{commas, escape};
use super::super::time::ago_of;
use super::super::view::{HistoryView, PastOnHost, PastRelease};
use super::sheet::{PageMark, SheetCell, SheetHead, SheetPart, SheetRow, SheetTable};
use super::{PageContext, failed};
use crate::plan::recorded::Because;

/// What was activated on every host.
#[must_use]
pub fn history(view: &HistoryView<'_>, context: &PageContext) -> String {
    let mut sheet = context.sheet(view.cluster, "history");
    let releases = PastRelease::all(view);
    let rows = releases.iter().map(|release| row(release, context));
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

fn row(release: &PastRelease<'_>, context: &PageContext) -> SheetRow {
    let entries = &release.entries;
    let failed = entries.iter().find(|it| it.entry.result != "done");
    let back = entries.iter().any(|it| it.entry.back_to.is_some());
    let (class, text) = match (failed, back) {
        (Some(it), _) => (PageMark::Bad, format!("✗ {}", escape(it.entry.result))),
        (None, true) => (PageMark::News, "← back".to_owned()),
        (None, false) => (PageMark::Good, "✓ done".to_owned()),
    };
    let names: BTreeSet<&str> = entries.iter().map(|it| it.host).collect();
    let deeds: BTreeSet<String> = entries.iter().map(|it| done(&[it.entry])).collect();
    let mut deeds = deeds.iter().filter(|deed| *deed != NOTHING);
    let first = deeds.next().map_or(NOTHING, |deed| deed);
    let deed = match deeds.count() {
        0 => first.to_owned(),
        more => format!("{first}, and {more} more"),
    };
    let commit = release.commit;
    SheetRow {
        class: None,
        name: ago_of(release.when, context.now),
        cells: vec![
            SheetCell {
                class: Some(class),
                text,
                open: true,
                lines: lines(release),
                ..SheetCell::default()
            },
            SheetCell::plain(deed),
            SheetCell::plain(escape(release.who)),
            SheetCell::plain(match commit {
                Some(commit) => named_commit(commit, release.subject),
                None => "no commit".to_owned(),
            }),
        ],
        why: hosts::hosts(names),
    }
}

/// When exactly; what was done on each host, the same once; and why.
fn lines(release: &PastRelease<'_>) -> Vec<String> {
    let mut lines = vec![escape(release.when)];
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for PastOnHost { host, entry, .. } in &release.entries {
        let mut text = match entry.result {
            "not begun" => "not begun".to_owned(),
            "done" => done(&[entry]),
            result => format!("{}; {}", done(&[entry]), escape(result)),
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
    let because = release.reasons();
    lines.extend(because.iter().map(|Because { reason, services }| {
        format!("why: {}: {}", words(reason), commas(services))
    }));
    lines
}
