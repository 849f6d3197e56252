//! A command that may take long, such as the pull of an image. It runs beside the session, which asks for its
//! words in short calls. So a host that hears nothing any more ends the session as it does between calls, and
//! progress counts, not the clock. Pure.

use crate::render::shell::quote;

const WATCHED: &str = include_str!("watched.sh");

/// Where the words of commands are: in /run, so that a full disk does not silence them, where only root enters.
pub(in crate::host) const DIRECTORY: &str = "/run/bayplan";

/// An idle engine moves less than this in the time that a command may be without progress.
const MOVED: u64 = 256 << 10;

/// Removes what a command left; part of what the session does at its end.
pub(in crate::host) const FORGET: &str = "rm -f /run/bayplan/call-$$ /run/bayplan/call-$$.*";

/// By the process of the session's shell: it has one at a time.
fn said(directory: &str) -> String {
    format!("said={}/call-$$\n", quote(directory))
}

/// The script that begins it and gives its first words. It is for the session's own shell.
#[must_use]
pub(super) fn begin(directory: &str, script: &str) -> String {
    format!(
        "{}(umask 077 && mkdir -p \"${{said%/*}}\" && rm -f \"$said\".* && : >\"$said\")\n\
         {{ (\n{script}\n) >\"$said\" 2>\"$said.errors\"; echo \"$?\" >\"$said.status\"; }} </dev/null 7<&- 9<&- &\n\
         bp_job=$!\n(\n{}\n)\n",
        said(directory),
        more(directory, 0)
    )
}

/// The script that gives what it said after its first `from` bytes.
#[must_use]
pub(super) fn more(directory: &str, from: usize) -> String {
    format!("{}from={from}\n{WATCHED}", said(directory))
}

/// How a command goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommandState {
    Ended {
        status: i32,
    },
    /// So many bytes were moved for it, more or less.
    GoesOn {
        moved: u64,
    },
}

/// Reads an answer: the words, and the state; `None` if it is none.
#[must_use]
pub(super) fn parse(answer: &[u8]) -> Option<(&[u8], CommandState)> {
    let end = answer.iter().rposition(|byte| *byte == 0)?;
    let state = std::str::from_utf8(&answer[end + 1..]).ok()?.trim_end();
    let state = if let Some(status) = state.strip_prefix("ended ") {
        CommandState::Ended {
            status: status.parse().ok()?,
        }
    } else {
        CommandState::GoesOn {
            moved: state.strip_prefix("goes on ")?.parse().ok()?,
        }
    };
    Some((&answer[..end], state))
}

/// Whether enough was moved between two states to call it progress. Processes that end take their share with
/// them.
#[must_use]
pub(super) fn is_progress(before: u64, now: u64) -> bool {
    before.abs_diff(now) >= MOVED
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_has_words_and_a_state() {
        let ended = |status| CommandState::Ended { status };
        assert_eq!(parse(b"a\nb\0ended 3\n"), Some((&b"a\nb"[..], ended(3))));
        let goes = CommandState::GoesOn { moved: 4096 };
        assert_eq!(parse(b"\0goes on 4096\n"), Some((&b""[..], goes)));
        for odd in ["", "a", "a\0", "\0ended", "\0ended x", "\0goes on -1"] {
            assert_eq!(parse(odd.as_bytes()), None, "{odd:?}");
        }
    }

    #[test]
    fn little_is_no_progress() {
        assert!(!is_progress(10_000_000, 10_001_000));
        assert!(is_progress(10_000_000, 11_000_000));
        assert!(is_progress(10_000_000, 0));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&answer);
        }
    }
}
