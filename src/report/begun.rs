//! A release that has not ended, in words.

use jiff::Timestamp;

use super::palette::{Palette, paint};
use super::text::escape;
use super::time::ago;
use super::view::BegunView;
use crate::render::begun::Direction;

/// Whose release it is, how it stands, and how to go on or back: two lines.
#[must_use]
pub fn lines(
    cluster: &str,
    begun: &BegunView<'_>,
    now: Timestamp,
    palette: &Palette,
) -> Vec<String> {
    let who = escape(begun.who);
    let when = begun.when.parse::<Timestamp>();
    let since = when.map_or_else(|_| escape(begun.when), |when| ago(when, now));
    let on = super::hosts::hosts(begun.hosts.iter().copied());
    let (how, next) = match begun.direction {
        Direction::Forward => (
            format!("the release of {who}, begun {since} on {on}, has not ended"),
            format!(
                "`bayplan release {cluster}` goes on with it, `bayplan rollback {cluster}` goes back"
            ),
        ),
        Direction::Paused => (
            format!("the release of {who}, begun {since} on {on}, waits after its canary"),
            format!(
                "`bayplan release {cluster} --resume` goes on, `bayplan rollback {cluster}` goes back"
            ),
        ),
        Direction::Back => (
            format!("the release of {who}, begun {since} on {on}, was going back when it ended"),
            format!("`bayplan rollback {cluster}` goes on with that"),
        ),
    };
    vec![
        format!("{} {how}", paint(palette.changed, "!")),
        format!("  {next}"),
    ]
}
