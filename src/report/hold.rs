//! Who holds something, until when and why, in words.

use super::begun::marked;
use super::palette::{Palette, paint};
use super::text::{escape, wrap};
use super::time::exact;
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
    let until = hold.until.map(|until| format!(" until {}", exact(until)));
    until.unwrap_or_default()
}

/// That a cluster is frozen, for its status.
#[must_use]
pub fn frozen_lines(cluster: &str, hold: &HoldView<'_>, palette: &Palette) -> Vec<String> {
    let told = [
        format!("frozen{}", by(hold)),
        format!("releases are refused; `bayplan unfreeze {cluster}` ends it"),
    ];
    marked(&told, palette)
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
pub(super) fn held_line(held: &HeldView<'_>, palette: &Palette) -> String {
    beside(held.service, palette, |room| wrap(&words(held), room))
}

/// That somebody holds a service, or did until now.
pub(super) fn words(held: &HeldView<'_>) -> String {
    let HeldView {
        service: _,
        hold,
        over,
    } = held;
    match over {
        true => was(hold),
        false => format!("held{}", by(hold)),
    }
}

/// What there is to know of a service beside what becomes of it: what is told in so many columns.
pub(super) fn beside(
    service: &str,
    palette: &Palette,
    told: impl FnOnce(usize) -> Vec<String>,
) -> String {
    let start = format!("  {} {service}: ", paint(palette.changed, "!"));
    let column = 4 + service.len() + 2;
    let lines = told(palette.width().saturating_sub(column));
    start + &lines.join(&format!("\n{}", " ".repeat(column)))
}

/// That the time of a hold is over.
#[must_use]
pub fn was(hold: &HoldView<'_>) -> String {
    format!(
        "was held{}; that is over, and the next release starts it",
        by(hold)
    )
}
