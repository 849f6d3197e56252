//! Who holds something, until when and why, in words.

use super::palette::{Palette, paint};
use super::text::{escape, wrap};
use super::view::{HeldView, HoldView};

/// ` by ada@laptop until 2026-11-27 18:00:00 UTC: reindex`
#[must_use]
pub fn by(hold: &HoldView<'_>) -> String {
    let why = hold
        .why
        .map_or_else(String::new, |why| format!(": {}", escape(why)));
    format!(" by {}{}{why}", escape(hold.who), until(hold))
}

/// ` until 2026-11-27 18:00:00 UTC`, or nothing.
#[must_use]
pub fn until(hold: &HoldView<'_>) -> String {
    let moment = hold
        .until
        .map(|until| until.strftime("%Y-%m-%d %H:%M:%S UTC"));
    moment.map_or_else(String::new, |moment| format!(" until {moment}"))
}

/// That a cluster is frozen, for its status.
#[must_use]
pub fn frozen_lines(cluster: &str, hold: &HoldView<'_>, palette: &Palette) -> Vec<String> {
    let told = [
        format!("frozen{}", by(hold)),
        format!("releases are refused; `bayplan unfreeze {cluster}` ends it"),
    ];
    let lines = told
        .iter()
        .flat_map(|text| wrap(text, palette.width().saturating_sub(2)));
    let lines = lines.enumerate().map(|(number, line)| match number {
        0 => format!("{} {line}", paint(palette.changed, "!")),
        _ => format!("  {line}"),
    });
    lines.collect()
}

/// Why a release is refused, and what to type.
#[must_use]
pub fn frozen(cluster: &str, hold: &HoldView<'_>) -> (String, String) {
    (
        format!("{cluster} is frozen{}", by(hold)),
        format!(
            "`--lift freeze` releases all the same, once; `bayplan unfreeze {cluster}` ends it for all; \
             `rollback` is always possible"
        ),
    )
}

/// That a service is held on a host, for a plan.
#[must_use]
pub fn held_lines(held: &HeldView<'_>, palette: &Palette) -> Vec<String> {
    let HeldView {
        service,
        hold,
        over: _,
    } = held;
    let start = format!("  {} {service}: ", paint(palette.changed, "!"));
    let column = 4 + service.len() + 2;
    let text = held_text(held);
    let text = if text.is_empty() {
        format!("held{}", by(hold))
    } else {
        text
    };
    let lines = wrap(&text, palette.width().saturating_sub(column));
    vec![start + &lines.join(&format!("\n{}", " ".repeat(column)))]
}

/// That the time of a hold is over; nothing if it is not.
#[must_use]
pub fn held_text(held: &HeldView<'_>) -> String {
    match held.over {
        true => format!(
            "was held{}; that is over, and the next release starts it",
            by(&held.hold)
        ),
        false => String::new(),
    }
}
