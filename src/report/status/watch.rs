//! What the watch of a service found, in words.

use jiff::Timestamp;

use super::super::text::{count, escape};
use super::super::time::ago;
use super::super::view::{StateView, WatchView};

/// `: 3 times in a row no answer to GET /health, since 2 minutes ago, restarted by its watch 1 minute ago`
pub(super) fn told(watch: &WatchView<'_>, state: &StateView<'_>, now: Timestamp) -> String {
    let WatchView {
        found,
        failures,
        since,
        restarts,
        restarted,
    } = watch;
    let mut told = String::new();
    if let Some(found) = found {
        let unhealthy = match state == &StateView::Unhealthy {
            true => ":",
            false => ", unhealthy:",
        };
        let times = count(
            usize::try_from(*failures).unwrap_or(usize::MAX),
            "time",
            "times",
        );
        told += &format!("{unhealthy} {times} in a row {}", escape(found));
        if let Some(since) = since {
            told += &format!(", first {}", ago(*since, now));
        }
    }
    if *restarts > 0 {
        told += &match restarts {
            1 => ", restarted by its watch".to_owned(),
            _ => format!(", restarted by its watch {restarts} times"),
        };
        if let Some(last) = restarted {
            let last = ago(*last, now);
            told += &match restarts {
                1 => format!(" {last}"),
                _ => format!(", last {last}"),
            };
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_watch_found_is_one_sentence() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let at = |minutes: i64| now - jiff::SignedDuration::from_mins(minutes);
        let mut watch = WatchView {
            found: Some("no answer to GET /health"),
            failures: 3,
            since: Some(at(2)),
            restarts: 0,
            restarted: None,
        };
        assert_eq!(
            told(&watch, &StateView::Unhealthy, now),
            ": 3 times in a row no answer to GET /health, first 2 minutes ago"
        );
        watch.restarts = 2;
        watch.restarted = Some(at(5));
        assert_eq!(
            told(&watch, &StateView::FilesDiffer, now),
            ", unhealthy: 3 times in a row no answer to GET /health, first 2 minutes ago, restarted by its watch 2 times, last 5 minutes ago"
        );
        watch.found = None;
        watch.restarts = 1;
        assert_eq!(
            told(&watch, &StateView::InSync, now),
            ", restarted by its watch 5 minutes ago"
        );
    }
}
