//! A release that has not ended, in words.

use jiff::Timestamp;

use super::palette::{Palette, paint};
use super::text::{escape, wrap};
use super::time::ago;
use super::view::BegunView;
use crate::render::begun::Direction;

/// Whose release it is, how it stands, and how to go on or back.
#[must_use]
pub fn lines(
    cluster: &str,
    begun: &BegunView<'_>,
    now: Timestamp,
    palette: &Palette,
) -> Vec<String> {
    let when = begun.when.parse::<Timestamp>();
    let since = when.map_or_else(|_| escape(begun.when), |when| ago(when, now));
    let whose = format!("the release of {}, begun {since},", escape(begun.who));
    let how = match begun.direction {
        Direction::Forward => "has not ended",
        Direction::Paused => "waits after its canary",
        Direction::Back => "was going back when it ended",
    };
    let width = palette.width().saturating_sub(INDENT.len());
    let told = [format!("{whose} {how}"), next(cluster, begun.direction)];
    let wrapped = told.iter().flat_map(|text| wrap(text, width));
    let lines = wrapped.enumerate().map(|(number, line)| match number {
        0 => format!("{} {line}", paint(palette.changed, "!")),
        _ => format!("{INDENT}{line}"),
    });
    lines.collect()
}

/// What to type to go on with such a release, or back.
#[must_use]
pub fn next(cluster: &str, direction: Direction) -> String {
    match direction {
        Direction::Forward => format!(
            "`bayplan release {cluster}` goes on with it, `bayplan rollback {cluster}` goes back"
        ),
        Direction::Paused => format!(
            "`bayplan release {cluster} --resume` goes on, `bayplan rollback {cluster}` goes back"
        ),
        Direction::Back => format!("`bayplan rollback {cluster}` goes on with that"),
    }
}

/// As wide as the sign before the first line.
const INDENT: &str = "  ";
