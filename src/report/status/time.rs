//! How long ago a moment was.

use jiff::Timestamp;

pub(super) fn shown_since(since: Option<Timestamp>, now: Timestamp) -> String {
    since.map_or_else(|| "-".to_owned(), |since| ago(since, now))
}

/// How long ago a moment was, in its largest unit. A host's clock may be ahead of ours: a few
/// seconds are `just now`, more is shown as the moment itself.
pub(super) fn ago(since: Timestamp, now: Timestamp) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let seconds = now.as_second() - since.as_second();
    if seconds <= -MINUTE {
        return since.to_string();
    }
    let (number, unit) = if seconds <= 0 {
        return "just now".to_owned();
    } else if seconds < MINUTE {
        (seconds, "second")
    } else if seconds < HOUR {
        (seconds / MINUTE, "minute")
    } else if seconds < DAY {
        (seconds / HOUR, "hour")
    } else {
        (seconds / DAY, "day")
    };
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{s} ago")
}
