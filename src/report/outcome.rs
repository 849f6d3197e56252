//! How a release ended, in a few lines.

use super::begun;
use super::hosts::{hosts, list};
use super::palette::{Palette, paint};
use super::text::count;
use super::totals::Totals;
use super::view::{BegunView, OutcomeView};
use crate::render::begun::Direction;

/// What was done where, what was not, and what to type next.
#[must_use]
pub fn text(view: &OutcomeView<'_>, palette: &Palette) -> String {
    let paused = |begun: &BegunView<'_>| begun.direction == Direction::Paused;
    if view.unfinished.as_ref().is_some_and(paused) {
        waits(view, palette)
    } else if view.is_success() {
        success(view, palette)
    } else {
        failure(view, palette)
    }
}

fn success(view: &OutcomeView<'_>, palette: &Palette) -> String {
    let name = view.cluster;
    if view.done.is_empty() && !view.forgotten.is_empty() {
        return format!(
            "{name} does not tell of {} any more.\n",
            list(&view.forgotten)
        );
    }
    if view.done.is_empty() {
        return format!("No changes. {name} is in sync.\n");
    }
    let totals = &view.totals;
    let word = match view.starts_only {
        false => "Released",
        true if totals.stop > 0 => "Stopped",
        true if totals.restart + totals.swap > 0 => "Restarted",
        true => "Started",
    };
    let word = paint(palette.strong, word);
    let on = count(view.done.len(), "host", "hosts");
    let mut text = format!("{word} {name} on {on}: {}.\n", acts(&view.totals));
    if view.files_only {
        text += "Nothing was started: directory hosts have files only.\n";
    }
    text
}

/// Where the canary has it, and the others do not yet.
fn waits(view: &OutcomeView<'_>, palette: &Palette) -> String {
    let name = view.cluster;
    let word = paint(palette.strong, "Released");
    let there = hosts(view.done.iter().chain(&view.begun));
    let left = hosts(&view.left);
    let next = begun::next(name, Direction::Paused);
    format!("{word} {name} on {there}; not begun on {left}.\n{next}.\n")
}

fn failure(view: &OutcomeView<'_>, palette: &Palette) -> String {
    let name = view.cluster;
    let mut parts = Vec::new();
    for (which, style, word) in [
        (&view.failed, palette.error, "Failed"),
        (&view.put_back, palette.error, "Failed and put back"),
        (&view.goes_on, palette.changed, "Not followed to the end"),
    ] {
        if !which.is_empty() {
            parts.push(format!("{} on {}", paint(style, word), hosts(which)));
        }
    }
    for (which, words) in [
        (&view.back, "gone back"),
        (&view.done, "done"),
        (&view.begun, "not finished"),
        (&view.left, "not begun"),
    ] {
        if !which.is_empty() {
            parts.push(format!("{words} on {}", hosts(which)));
        }
    }
    let mut text = format!("{}.\n", parts.join("; "));
    if !view.goes_on.is_empty() {
        let goes_on = match view.goes_on.len() {
            1 => "That host goes",
            _ => "Those hosts go",
        };
        text += &format!(
            "{goes_on} on by itself, or puts back what was before: `bayplan status {name}` shows it, \
             `bayplan release {name}` follows it and finishes the rest.\n"
        );
    }
    if view.starts_only && !view.failed.is_empty() {
        text += &format!(
            "Nothing else was touched. `bayplan status {name}` shows what runs, and `bayplan logs {name}` what it said.\n"
        );
    } else if !view.failed.is_empty() || !view.put_back.is_empty() {
        let stays = match view.done.as_slice() {
            [] => "",
            _ => "What was done stays. ",
        };
        let back = match view.unfinished.as_ref().map(|begun| begun.direction) {
            None => String::new(),
            Some(Direction::Forward | Direction::Paused) => {
                format!(", `bayplan rollback {name}` goes back")
            }
            Some(Direction::Back) => format!(", `bayplan rollback {name}` goes on going back"),
        };
        text += &format!(
            "{stays}`bayplan status {name}` shows it; once the cause is mended, \
             `bayplan release {name}` finishes it{back}.\n"
        );
    }
    text
}

fn acts(totals: &Totals) -> String {
    let parts = [
        (totals.start, "started"),
        (totals.reload, "reloaded"),
        (totals.restart, "restarted"),
        (totals.swap, "swapped"),
        (totals.stop, "stopped"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number, "unit", "units")))
        .collect();
    let mut parts = parts;
    match totals.run {
        0 => {}
        ran => parts.insert(0, format!("{} run", count(ran, "job", "jobs"))),
    }
    if parts.is_empty() {
        "files written".to_owned()
    } else {
        parts.join(", ")
    }
}
