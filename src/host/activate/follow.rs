//! Following an activation on a host, also one that somebody else started. Pure.

use crate::host::layout::{ActivationId, activation_log, activation_unit};
use crate::render::shell::quote;

const FOLLOW: &str = include_str!("follow.sh");
/// The script that tells what an activation of a cluster says after its first `from` bytes, as it comes,
/// for two seconds at most. [`Running::of`] reads its status. One without an id is of an older bayplan.
#[must_use]
pub fn follow_script(cluster: &str, id: Option<&ActivationId>, from: usize) -> String {
    format!(
        "unit={}\nsaid={}\nid={}\nfrom={from}\n{FOLLOW}",
        quote(&activation_unit(cluster, id)),
        quote(&activation_log(cluster)),
        id.map_or("", ActivationId::as_str),
    )
}

/// Whether an activation still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// It runs, or ended just now: there may be more that it said.
    Yes,
    /// It has said everything.
    No,
    /// There is no log of it, so nothing is known of it.
    NoLog,
}

impl Running {
    /// Reads the status of [`follow_script`]; `None` if it is none.
    #[must_use]
    pub fn of(status: i32) -> Option<Self> {
        match status {
            0 => Some(Running::Yes),
            3 => Some(Running::No),
            4 => Some(Running::NoLog),
            _ => None,
        }
    }
}

/// Joins pieces of output into lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// How many bytes came.
    taken: usize,
    pending: Vec<u8>,
}

impl Lines {
    /// How many bytes came so far.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Takes the next piece and hands over every line that is whole.
    pub fn feed(&mut self, bytes: &[u8], mut on_line: impl FnMut(&str)) {
        self.taken += bytes.len();
        for byte in bytes {
            if *byte == b'\n' {
                on_line(&String::from_utf8_lossy(&self.pending));
                self.pending.clear();
            } else {
                self.pending.push(*byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_come_whole_however_they_are_cut(
            text in "([a-z]{0,5}\n){0,8}",
            cuts in prop::collection::vec(0..40usize, 0..5),
        ) {
            let mut lines = Lines::default();
            let mut seen = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (piece, more) = rest.split_at(cut.min(rest.len()));
                lines.feed(piece, |line| seen.push(line.to_owned()));
                rest = more;
            }
            lines.feed(rest, |line| seen.push(line.to_owned()));
            prop_assert_eq!(seen, text.lines().map(str::to_owned).collect::<Vec<_>>());
            prop_assert_eq!(lines.taken(), text.len());
        }
    }
}
