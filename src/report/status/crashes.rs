//! How often a container ended by itself, and how.

use jiff::Timestamp;

use super::super::time::ago;
use super::super::view::CrashesView;

pub(super) fn restarted(times: u64) -> String {
    let times = match times {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    format!("restarted by systemd {times}")
}

/// How often it ended by itself, since when, and how: `restarted by systemd 4 times since 5 minutes
/// ago, last 3 seconds ago after exit code 7`.
pub(super) fn deaths(crashes: &CrashesView, now: Timestamp) -> String {
    let CrashesView {
        restarts,
        first,
        last,
        exit_code: _,
        signal: _,
        out_of_memory: _,
        steady: _,
    } = crashes;
    let how = how_it_ended(crashes);
    if *restarts == 0 {
        return format!(
            "ended with {}",
            how.unwrap_or_else(|| "no error".to_owned())
        );
    }
    let told = |word: &str, moment: Timestamp| format!(", {word} {}", ago(moment, now));
    let first = first.filter(|_| *restarts > 1);
    let first = first.map_or_else(String::new, |first| told("first", first));
    let last = last.map_or_else(String::new, |last| told("last", last));
    let how = how.map_or_else(String::new, |how| format!(" after {how}"));
    format!("{}{first}{last}{how}", restarted(*restarts))
}

/// `exit code 7`, `exit code 137 (SIGKILL), out of memory`.
pub(in crate::report) fn how_it_ended(crashes: &CrashesView) -> Option<String> {
    let mut how = match (crashes.exit_code, crashes.signal) {
        (Some(code), _) => match code.checked_sub(128).and_then(signal) {
            Some(signal) => format!("exit code {code} ({signal})"),
            None => format!("exit code {code}"),
        },
        (None, Some(number)) => match signal(number) {
            Some(signal) => signal.to_owned(),
            None => format!("signal {number}"),
        },
        (None, None) if crashes.out_of_memory => return Some("running out of memory".to_owned()),
        (None, None) => return None,
    };
    if crashes.out_of_memory {
        how += ", out of memory";
    }
    Some(how)
}

/// The signals that end processes (signal(7)).
fn signal(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}
