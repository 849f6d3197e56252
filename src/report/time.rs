//! How long ago a moment was.

use jiff::Timestamp;

use super::text::escape;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub(super) fn exact(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

pub(super) fn shown_since(since: Option<Timestamp>, now: Timestamp) -> String {
    since.map_or_else(|| "-".to_owned(), |since| ago(since, now))
}

/// How long ago a moment was, in its largest unit. A host's clock may be ahead of ours: a few
/// seconds are `just now`, more is shown as the moment itself.
pub(super) fn ago(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - since.as_second();
    if seconds <= -MINUTE {
        return since.to_string();
    }
    match seconds {
        ..=0 => "just now".to_owned(),
        seconds => format!("{} ago", lasting(seconds)),
    }
}

/// The same of a moment as a host keeps it; what is none is shown as it is written.
pub(super) fn ago_of(when: &str, now: Timestamp) -> String {
    let moment = when.parse::<Timestamp>();
    moment.map_or_else(|_| escape(when), |moment| ago(moment, now))
}

/// How long it is until a moment, in its largest unit.
pub(super) fn ahead(moment: Timestamp, now: Timestamp) -> String {
    match moment.as_second() - now.as_second() {
        ..=0 => "now".to_owned(),
        seconds => format!("in {}", lasting(seconds)),
    }
}

fn lasting(seconds: i64) -> String {
    let (number, unit) = if seconds < MINUTE {
        (seconds, "second")
    } else if seconds < HOUR {
        (seconds / MINUTE, "minute")
    } else if seconds < DAY {
        (seconds / HOUR, "hour")
    } else {
        (seconds / DAY, "day")
    };
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{s}")
}
