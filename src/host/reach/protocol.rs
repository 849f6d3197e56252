//! The protocol of a session, on both sides: what runs on the host, and how its answers are read.
//! Pure.
//!
//! A call sends one header and a script; the loop on the host prints a start marker, the script's
//! output, and an end marker with its status. The markers hold 128 random bits of that call, so
//! output can neither contain nor imitate them, and whatever is printed before the first one (a
//! banner, a `.bashrc` that prints) or between two calls is skipped.
//!
//! Scripts are framed by length since dash reads ahead on its standard input and bash writes large
//! here-documents to /tmp. A script ends in a comment with the call's marker: one that was cut off
//! by a lost connection is never run.

/// The surroundings of every script, as commands of `sh`: a fixed locale, no colours, no links, no word of
/// systemd's own logging, and no variable that lets a program count, quote or name otherwise. A host may have
/// any of these for all logins.
macro_rules! plain_surroundings {
    () => {
        concat!(
            "LC_ALL=C NO_COLOR=1 TERM=dumb SYSTEMD_COLORS=0 SYSTEMD_LOG_COLOR=0 SYSTEMD_URLIFY=0 SYSTEMD_EMOJI=0; ",
            "export LC_ALL NO_COLOR TERM SYSTEMD_COLORS SYSTEMD_LOG_COLOR SYSTEMD_URLIFY SYSTEMD_EMOJI; ",
            "unset LANGUAGE CLICOLOR_FORCE FORCE_COLOR GREP_COLORS GREP_OPTIONS LS_COLORS TAR_OPTIONS ",
            "POSIXLY_CORRECT QUOTING_STYLE BLOCKSIZE BLOCK_SIZE DF_BLOCK_SIZE ",
            "SYSTEMD_LOG_LEVEL SYSTEMD_LOG_TARGET SYSTEMD_LOG_LOCATION SYSTEMD_LOG_TIME SYSTEMD_LOG_TID"
        )
    };
}
pub(in crate::host) use plain_surroundings;

/// What a session's `sh` runs, as the argument of `sh -c`.
///
/// It travels in single quotes through the user's login shell (bash, dash, zsh, fish, csh), so it
/// has no single quote, no `!` and no line break. Descriptor 7 is the connection, 0 is /dev/null
/// for everything that runs here; 9 is left to locks.
pub(super) const LOOP: &str = concat!(
    "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin; export PATH; ",
    plain_surroundings!(),
    "; umask 022; exec 7<&0 </dev/null; ",
    // With `bp_w` set, a host that hears nothing for so many seconds ends the session, and so lets
    // its lock go: sshd alone would keep a session that was cut off for two hours and more.
    "bp_w=; while if [ \"$bp_w\" ]; ",
    "then bp_h=$(timeout \"$bp_w\" head -c 128 <&7 9>&-); else read -r bp_h <&7; fi; ",
    "[ \"$bp_h\" ]; do ",
    "set -- $bp_h; [ \"$1\" = beat ] && continue; bp_m=$1 bp_t=$2 bp_k=$4; ",
    "bp_s=$(head -c \"$3\" <&7); ",
    "case $bp_s in *\"#$bp_t\") ;; *) exit 1;; esac; ",
    "printf \"%s\\n\" \"$bp_t\"; ",
    "case $bp_m in ",
    "here) eval \"$bp_s\";; ",
    // A payload is read in pieces: each must come within the time that a header may take, or the session
    // ends, as it does between calls; and each is told, so that both sides see progress. `dd` reads no byte
    // too many, whoever wrote it. What the script leaves must not be taken for the next header.
    "payload) { while bp_n=$bp_k; [ \"$bp_n\" -le 32768 ] || bp_n=32768; [ \"$bp_n\" -gt 0 ]; do ",
    "${bp_w:+timeout \"$bp_w\"} dd bs=\"$bp_n\" count=1 iflag=fullblock 2>/dev/null <&7 9>&- ",
    "|| { kill \"$$\"; exit; }; ",
    "printf \"%s +\\n\" \"$bp_t\" >&6; bp_k=$((bp_k - bp_n)); done | ",
    "( (eval \"$bp_s\") 6>&- 7<&-; bp_r=$?; cat >/dev/null; exit \"$bp_r\" ); } 6>&1;; ",
    "*) (eval \"$bp_s\") 7<&-;; ",
    "esac; ",
    "bp_r=$?; printf \"%s %s\\n\" \"$bp_t\" \"$bp_r\"; ",
    "done",
);

/// What every marker begins with (ASCII's record separator): hardly any output has it, so hardly
/// any is held back until more of it decides whether it is a marker.
pub(super) const MARK: char = '\x1e';
/// How many bytes before the first marker are kept, to show them if nothing else comes.
const NOISE_KEPT: usize = 200;

/// How a script is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Subshell,
    Here,
    Payload,
}

/// 128 random bits in hex: of a marker, or of a temporary file's name. The standard library seeds each `RandomState` from the system.
pub(in crate::host) fn nonce() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let word = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}

/// The header and the script.
pub(super) fn frame(mode: Mode, nonce: &str, script: &str, payload: usize) -> Vec<u8> {
    let mode = match mode {
        Mode::Subshell => "run",
        Mode::Here => "here",
        Mode::Payload => "payload",
    };
    let script = format!("{script}\n#{nonce}");
    let mut frame = header(&format!("{mode} {nonce} {} {payload}", script.len()));
    frame.extend(script.into_bytes());
    frame
}

/// A sign of life: a header that asks for nothing.
pub(super) fn beat() -> Vec<u8> {
    header("beat")
}

/// A header always has 128 bytes with its line break, since `read` cannot wait with a limit in
/// every `sh`, and `head` takes a number of bytes.
fn header(words: &str) -> Vec<u8> {
    format!("{words:<127}\n").into_bytes()
}

/// The digits of the longest status that is one.
const LONGEST_STATUS: usize = 10;

/// Finds a call's markers in what comes, however it is cut into pieces.
pub(super) struct Markers {
    start: Vec<u8>,
    end: Vec<u8>,
    /// What came and may be the beginning of a marker.
    held: Vec<u8>,
    started: bool,
    pub(super) noise: Vec<u8>,
}

impl Markers {
    /// `nonce` is not empty, and ASCII.
    pub(super) fn new(nonce: &str) -> Self {
        Self {
            start: format!("{nonce}\n").into_bytes(),
            end: format!("{nonce} ").into_bytes(),
            held: Vec::new(),
            started: false,
            noise: Vec::new(),
        }
    }

    pub(super) fn started(&self) -> bool {
        self.started
    }

    /// Takes the next piece; adds the output in it, without the words of a payload's
    /// pieces, to `output`. Returns the status at the end.
    pub(super) fn feed(&mut self, piece: &[u8], output: &mut Vec<u8>) -> Option<i32> {
        self.held.extend_from_slice(piece);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        while let Some(at) = rest.iter().position(|byte| *byte == self.start[0]) {
            self.pass(&rest[..at], output);
            rest = &rest[at..];
            match self.marker(rest) {
                Marker::None => {
                    self.pass(&rest[..1], output);
                    rest = &rest[1..];
                }
                Marker::Perhaps => {
                    self.held = rest.to_vec();
                    return None;
                }
                Marker::Start { length } => {
                    self.started = true;
                    rest = &rest[length..];
                }
                Marker::Piece { length } => rest = &rest[length..],
                Marker::End { status } => return Some(status),
            }
        }
        self.pass(rest, output);
        None
    }

    /// Output after the start, noise before.
    fn pass(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        if self.started {
            output.extend_from_slice(bytes);
        } else {
            let room = NOISE_KEPT - self.noise.len();
            self.noise.extend(bytes.iter().take(room));
        }
    }

    /// What begins here; `bytes` begins with what a marker begins with.
    fn marker(&self, bytes: &[u8]) -> Marker {
        if !self.started {
            return if bytes.starts_with(&self.start) {
                Marker::Start {
                    length: self.start.len(),
                }
            } else if self.start.starts_with(bytes) {
                Marker::Perhaps
            } else {
                Marker::None
            };
        }
        let Some(after) = bytes.strip_prefix(self.end.as_slice()) else {
            return if self.end.starts_with(bytes) {
                Marker::Perhaps
            } else {
                Marker::None
            };
        };
        if PIECE.starts_with(after) {
            return Marker::Perhaps;
        }
        if after.starts_with(PIECE) {
            let length = self.end.len() + PIECE.len();
            return Marker::Piece { length };
        }
        let digits = after
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        match after.get(digits) {
            None if digits <= LONGEST_STATUS => Marker::Perhaps,
            None => Marker::None,
            Some(b'\n') => std::str::from_utf8(&after[..digits])
                .ok()
                .and_then(|digits| digits.parse().ok())
                .map_or(Marker::None, |status| Marker::End { status }),
            Some(_) => Marker::None,
        }
    }
}

/// What stands in place of a status where a piece of the payload came.
const PIECE: &[u8] = b"+\n";

enum Marker {
    None,
    /// More bytes decide.
    Perhaps,
    Start {
        length: usize,
    },
    /// A piece of the payload came.
    Piece {
        length: usize,
    },
    End {
        status: i32,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_loop_can_stand_in_single_quotes_of_every_shell() {
        for odd in ['\'', '!', '\n'] {
            assert!(!LOOP.contains(odd), "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn markers_are_found_however_the_stream_is_cut(
            // Pieces that look like markers, so that every false start is met.
            noise in "(~|~n|~~|~nonce|~nonce |x|\n){0,8}",
            body in "(~|~n|~~|~nonce|~nonce |~nonce 1|~nonce x|~nonce \\+x|~nonce\n|0|x|\n){0,12}",
            pieces in 0..3_usize,
            status in 0..=255_i32,
            cuts in prop::collection::vec(1..9_usize, 1..6),
        ) {
            // The random marker itself can be in neither.
            let whole = format!("{body}~nonce {status}\n");
            let is_end = |text: &str| {
                text.strip_prefix("~nonce ").is_some_and(|after| {
                    let other = after.trim_start_matches(|c: char| c.is_ascii_digit());
                    other.len() < after.len() && other.starts_with('\n')
                })
            };
            prop_assume!((0..body.len()).all(|at| !is_end(&whole[at..])));
            prop_assume!(!format!("{noise}~").contains("~nonce\n"));

            let pieces = "~nonce +\n".repeat(pieces);
            let stream = format!("{noise}~nonce\n{pieces}{whole}");
            let mut markers = Markers::new("~nonce");
            let (mut output, mut found) = (Vec::new(), None);
            let mut rest = stream.as_bytes();
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                rest = after;
                found = markers.feed(piece, &mut output);
                if found.is_some() || rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, Some(status));
            prop_assert_eq!(String::from_utf8(output).unwrap(), body);
            prop_assert_eq!(String::from_utf8(markers.noise).unwrap(), noise);
        }
    }
}
