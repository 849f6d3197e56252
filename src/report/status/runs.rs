//! When a job with a schedule ran and will run, in words.

use jiff::Timestamp;

use super::super::text::value;
use super::super::time::{ago, ahead};
use super::super::view::RunsView;

/// `last run ok 3 hours ago, next in 5 hours`.
pub(super) fn shown_runs(runs: &RunsView<'_>, now: Timestamp) -> String {
    let RunsView {
        began,
        ended,
        failure,
        exit_code,
        next,
    } = runs;
    let last = match (began, ended, failure) {
        (Some(began), None, _) => format!("runs since {}", ago(*began, now)),
        (_, Some(ended), Some(failure)) => {
            let how = match exit_code {
                Some(code) => format!("exit status {code}"),
                None => value(failure),
            };
            format!("last run failed ({how}) {}", ago(*ended, now))
        }
        (_, None, Some(failure)) => format!("last run failed ({})", value(failure)),
        (_, Some(ended), None) => format!("last run ok {}", ago(*ended, now)),
        (None, None, None) => "no run known".to_owned(),
    };
    match next {
        Some(next) => format!("{last}, next {}", ahead(*next, now)),
        None => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_told() {
        let at = |seconds| Some(Timestamp::from_second(seconds).unwrap());
        let now = at(100_000).unwrap();
        let text = |began, ended, failure, exit_code| {
            let runs = RunsView {
                began,
                ended,
                failure,
                exit_code,
                next: at(118_000),
            };
            shown_runs(&runs, now)
        };
        assert_eq!(
            text(at(89_000), at(89_200), None, None),
            "last run ok 3 hours ago, next in 5 hours"
        );
        assert_eq!(
            text(at(89_000), at(99_990), Some("exit-code"), Some(3)),
            "last run failed (exit status 3) 10 seconds ago, next in 5 hours"
        );
        assert_eq!(
            text(at(89_000), at(99_990), Some("timeout"), None),
            "last run failed (timeout) 10 seconds ago, next in 5 hours"
        );
        assert_eq!(
            text(at(99_000), None, None, None),
            "runs since 16 minutes ago, next in 5 hours"
        );
        assert_eq!(
            text(None, None, None, None),
            "no run known, next in 5 hours"
        );
    }
}
