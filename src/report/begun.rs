//! A release that has not ended, or was only pushed, in words.

use jiff::Timestamp;

use super::hosts;
use super::palette::{Palette, paint};
use super::text::{count, escape, hanging, wrap};
use super::time::ago_of;
use super::view::{BegunView, HostStage, PushedView, UnderWayView};
use crate::cluster::name::HostName;
use crate::render::begun::Direction;

/// Whose release it is, how it stands, and how to go on or back.
#[must_use]
pub fn lines(
    cluster: &str,
    begun: &BegunView<'_>,
    now: Timestamp,
    palette: &Palette,
) -> Vec<String> {
    let since = ago_of(begun.when, now);
    let whose = format!("the release of {}, begun {since},", escape(begun.who));
    let how = match begun.direction {
        Direction::Forward => "has not ended",
        Direction::Paused => "waits after its canary",
        Direction::Back => "was going back when it ended",
    };
    let told = [format!("{whose} {how}"), next(cluster, begun.direction)];
    marked(&told, palette)
}

/// Who releases, and how far that is on each host.
#[must_use]
pub fn under_way_lines(view: &UnderWayView<'_>, now: Timestamp, palette: &Palette) -> Vec<String> {
    let UnderWayView {
        who,
        when,
        direction,
        hosts,
    } = view;
    let these = |stage: &HostStage<'_>| -> Vec<&HostName> {
        let hosts = hosts.iter().filter(|(_, it)| *it == stage);
        hosts.map(|(host, _)| *host).collect()
    };
    let (done, waiting) = (these(&HostStage::Done), these(&HostStage::Waits));
    let what = match direction {
        Direction::Forward | Direction::Paused => "a release",
        Direction::Back => "a way back",
    };
    let told = format!(
        "{what} of {}, begun {}, is at work: {} of {} done",
        escape(who),
        ago_of(when, now),
        done.len(),
        count(hosts.len(), "host", "hosts")
    );
    let mut lines = marked(&[told], palette);
    let mut line = |sign: &str, text: &str| {
        let start = format!("  {sign} ");
        lines.extend(hanging(&start, text, palette.width()));
    };
    if !done.is_empty() {
        let sign = paint(palette.added, "✓");
        line(&sign, &format!("{}  done", hosts::hosts(&done)));
    }
    for (host, stage) in hosts {
        if let HostStage::AtWork(at) = stage {
            let sign = paint(palette.changed, "◐");
            line(&sign, &format!("{host}  {}", escape(&at.words())));
        }
    }
    if !waiting.is_empty() {
        let sign = paint(palette.dim, "○");
        line(&sign, &format!("{}  waits", hosts::hosts(&waiting)));
    }
    lines
}

/// Who pushed what is not effective, when, and how to make it so.
#[must_use]
pub fn pushed_lines(
    cluster: &str,
    pushed: &PushedView<'_>,
    now: Timestamp,
    palette: &Palette,
) -> Vec<String> {
    let told = [
        format!(
            "{} pushed a release {} that is not effective",
            escape(pushed.who),
            ago_of(pushed.when, now)
        ),
        format!("`bayplan activate {cluster}` makes it so"),
    ];
    marked(&told, palette)
}

/// Lines that begin with the sign of what is not as it should be.
pub(super) fn marked(told: &[String], palette: &Palette) -> Vec<String> {
    let width = palette.width().saturating_sub(INDENT.len());
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
