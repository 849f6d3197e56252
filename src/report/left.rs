//! Machines that the description no longer has, and hosts that a release leaves out.

use super::palette::{Palette, paint};
use super::text::{count, escape, list, wrap};
use super::view::{LeftOutView, LeftView};

/// What may still run on a machine, and what to do about it.
pub(super) fn warning(cluster: &str, left: &LeftView<'_>, palette: &Palette) -> Vec<String> {
    let host = left.host;
    let what = format!(
        "{} is no longer described, and {}",
        place(left),
        units(left)
    );
    let help = format!(
        "`bayplan decommission {cluster} {host}` ends them, and keeps their data; \
         if that machine is gone, `bayplan release {cluster} --dismiss {host}` forgets it"
    );
    let mut lines = part(palette.changed, "warning:", &what, palette.width());
    lines.extend(part(palette.help, "help:", &help, palette.width()));
    lines
}

/// What is forgotten.
pub(super) fn dismissed(left: &LeftView<'_>, palette: &Palette) -> Vec<String> {
    let what = format!(
        "{}: nobody will be told any more that {}; nothing is done there",
        place(left),
        units(left)
    );
    part(palette.changed, "forgotten:", &what, palette.width())
}

fn place(left: &LeftView<'_>) -> String {
    format!("{} ({})", left.host, escape(&left.reach.to_string()))
}

/// `2 units may run there: db (stateful) and web`
fn units(left: &LeftView<'_>) -> String {
    let names = left.services.iter().map(|it| match it.stateful {
        true => format!("{} (stateful)", it.service),
        false => it.service.to_owned(),
    });
    let units = count(left.services.len(), "unit", "units");
    format!("{units} may run there: {}", list(names))
}

fn part(style: anstyle::Style, word: &str, text: &str, width: usize) -> Vec<String> {
    let mut lines = wrap(&format!("{word} {text}"), width);
    // Coloured after wrapping: escape sequences have no width.
    lines[0] = lines[0].replacen(word, &paint(style, word), 1);
    lines
}

/// `; 2 units on docker05, which is no longer described`, for a last line.
pub(super) fn counted(left: &[LeftView<'_>]) -> String {
    let parts = left.iter().map(|left| {
        let units = count(left.services.len(), "unit", "units");
        format!("; {units} on {}, which is no longer described", left.host)
    });
    parts.collect()
}

/// `left out, not seen; its services: db (nowhere else), web`
pub(super) fn left_out(view: &LeftOutView<'_>) -> String {
    let seen = match &view.pending {
        Some(pending) if pending.services.is_empty() => "left out, nothing is pending there",
        Some(_) => "left out: this stays pending",
        None => "left out, not seen: what is pending there stays pending",
    };
    match view.nowhere_else.is_empty() {
        true => seen.to_owned(),
        false => format!("{seen}; nowhere else: {}", list(&view.nowhere_else)),
    }
}
