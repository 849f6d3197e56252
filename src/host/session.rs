//! A session: one running `sh` on a host, and the protocol with it.
//!
//! The `sh` runs [`LOOP`]. A call sends one header line and a script; the loop prints a start
//! marker, the script's output, and an end marker with its status. The markers hold 128 random
//! bits of that call, so output can neither contain nor imitate them, and whatever is printed
//! before the first one (a banner, a `.bashrc` that prints) or between two calls is skipped.
//!
//! Scripts are framed by length since dash reads ahead on its standard input and bash writes large
//! here-documents to /tmp. A script ends in a comment with the call's marker: one that was cut off
//! by a lost connection is never run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::connect::Facts;
use super::error::{HostError, HostErrorKind};
use super::process::{Answer, Killing, Process};
use crate::plan::observed::Runs;

/// What a session's `sh` runs, as the argument of `sh -c`.
///
/// It travels in single quotes through the user's login shell (bash, dash, zsh, fish, csh), so it
/// has no single quote, no `!` and no line break. Descriptor 7 is the connection, 0 is /dev/null
/// for everything that runs here; 9 is left to locks.
pub(super) const LOOP: &str = concat!(
    "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin; LC_ALL=C; export PATH LC_ALL; ",
    "umask 022; exec 7<&0 </dev/null; ",
    "while read -r bp_m bp_t bp_n bp_k <&7; do ",
    "bp_s=$(head -c \"$bp_n\" <&7); ",
    "case $bp_s in *\"#$bp_t\") ;; *) exit 1;; esac; ",
    "printf \"%s\\n\" \"$bp_t\"; ",
    "case $bp_m in ",
    "here) eval \"$bp_s\";; ",
    // What the script leaves of its payload must not be taken for the next header.
    "payload) head -c \"$bp_k\" <&7 | ",
    "( (eval \"$bp_s\") 7<&-; bp_r=$?; cat >/dev/null; exit \"$bp_r\" );; ",
    "*) (eval \"$bp_s\") 7<&-;; ",
    "esac; ",
    "bp_r=$?; printf \"%s %s\\n\" \"$bp_t\" \"$bp_r\"; ",
    "done",
);

/// What every marker begins with (ASCII's record separator): hardly any output has it, so hardly
/// any is held back until more of it decides whether it is a marker.
const MARK: char = '\x1e';
/// How many bytes before the first marker are kept, to show them if nothing else comes.
const NOISE_KEPT: usize = 200;

/// A running `sh` on a host. Dropping it ends the `sh`, in half a second at the latest.
pub struct Session {
    process: Process,
    at: String,
    runs: Runs,
    root: Option<PathBuf>,
    pub(super) facts: Facts,
    /// Nothing more can be asked after an error of the connection or a timeout.
    broken: bool,
}

/// What a script printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Byte for byte.
    pub stdout: Vec<u8>,
    pub status: i32,
}

/// How a script is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Subshell,
    Here,
    Payload,
}

/// Why a call got no answer.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// The process is gone.
    Ended {
        /// Its status, `None` if a signal ended it.
        status: Option<i32>,
        stderr: String,
        /// What it printed that was no answer: the first bytes.
        noise: Vec<u8>,
    },
    TimedOut {
        stderr: String,
    },
}

impl Session {
    /// Starts a process that runs [`LOOP`]; whether it does shows in the first call.
    pub(super) fn spawn(
        command: &mut Command,
        killing: Killing,
        at: String,
        root: Option<PathBuf>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            process: Process::spawn(command, killing)?,
            at,
            runs: if root.is_some() {
                Runs::FilesOnly
            } else {
                Runs::Processes
            },
            root,
            facts: Facts::default(),
            broken: false,
        })
    }

    /// Where it runs, to be shown.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Whether the host has processes.
    #[must_use]
    pub fn runs(&self) -> Runs {
        self.runs
    }

    /// The absolute path that stands before every path of the host, for a `directory` host.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// What the host said of itself when the session was opened.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The last 64 KiB that came on stderr, of all calls. It may lag behind the output; a script
    /// that needs its errors in order redirects them.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// Runs a script in a subshell: `exit`, `set -e` and `cd` end with it. Its stdin is /dev/null.
    ///
    /// `doing` completes "timed out while …": `reading the state`. `timeout` is for all of it.
    ///
    /// # Errors
    /// The connection was lost, or nothing came in time; then the session is over. A status that
    /// is not 0 is no error here; [`Session::failed`] makes one.
    pub fn run(
        &mut self,
        doing: &str,
        script: &str,
        timeout: Duration,
    ) -> Result<Output, HostError> {
        self.collect(Mode::Subshell, doing, script, Vec::new(), timeout)
    }

    /// Runs a script in the session's own `sh`, for what later calls need: variables, functions,
    /// a lock's descriptor 9. It must not `exit`, `set -e`, or touch descriptor 7.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_here(
        &mut self,
        doing: &str,
        script: &str,
        timeout: Duration,
    ) -> Result<Output, HostError> {
        self.collect(Mode::Here, doing, script, Vec::new(), timeout)
    }

    /// Runs a script in a subshell whose stdin is `payload`, byte for byte, and then ends: `tar -x`
    /// and `head -c N | tar -x` both work, for the first command that reads it. What the script
    /// does not read is dropped. A connection that is lost meanwhile looks to the script like an
    /// early end of its input, so it checks what arrived (digests) before it uses it.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_with_payload(
        &mut self,
        doing: &str,
        script: &str,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> Result<Output, HostError> {
        self.collect(Mode::Payload, doing, script, payload, timeout)
    }

    /// Runs a script in a subshell and hands over each line of its output as it comes, without its
    /// line break. Returns the status.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_following(
        &mut self,
        doing: &str,
        script: &str,
        timeout: Duration,
        mut on_line: impl FnMut(&str),
    ) -> Result<i32, HostError> {
        let mut pending = Vec::new();
        let on_output = |bytes: &mut Vec<u8>| {
            pending.append(bytes);
            let mut begin = 0;
            while let Some(length) = pending[begin..].iter().position(|byte| *byte == b'\n') {
                on_line(&String::from_utf8_lossy(&pending[begin..begin + length]));
                begin += length + 1;
            }
            pending.drain(..begin);
        };
        let status = self.call(
            Mode::Subshell,
            doing,
            script,
            Vec::new(),
            timeout,
            on_output,
        )?;
        if !pending.is_empty() {
            on_line(&String::from_utf8_lossy(&pending));
        }
        Ok(status)
    }

    /// The error for a script that ended with another status than its reader expected.
    #[must_use]
    pub fn failed(&self, doing: &str, status: i32) -> HostError {
        self.error(
            HostErrorKind::Failed {
                doing: doing.to_owned(),
                status,
            },
            self.stderr(),
        )
    }

    /// The error for an answer that its reader does not understand.
    #[must_use]
    pub fn misunderstood(&self, doing: &str, found: &[u8]) -> HostError {
        self.error(
            HostErrorKind::Protocol {
                doing: doing.to_owned(),
                found: super::error::excerpt(found),
            },
            self.stderr(),
        )
    }

    pub(super) fn error(&self, kind: HostErrorKind, stderr: String) -> HostError {
        HostError {
            kind,
            at: self.at.clone(),
            stderr,
        }
    }

    fn collect(
        &mut self,
        mode: Mode,
        doing: &str,
        script: &str,
        payload: Vec<u8>,
        timeout: Duration,
    ) -> Result<Output, HostError> {
        let mut stdout = Vec::new();
        let status = self.call(mode, doing, script, payload, timeout, |bytes| {
            stdout.append(bytes);
        })?;
        Ok(Output { stdout, status })
    }

    fn call(
        &mut self,
        mode: Mode,
        doing: &str,
        script: &str,
        payload: Vec<u8>,
        timeout: Duration,
        on_output: impl FnMut(&mut Vec<u8>),
    ) -> Result<i32, HostError> {
        let doing = doing.to_owned();
        if self.broken {
            return Err(self.error(HostErrorKind::Lost { doing }, self.stderr()));
        }
        self.exchange(mode, script, payload, timeout, on_output)
            .map_err(|interrupted| match interrupted {
                Interrupted::Ended { stderr, .. } => {
                    self.error(HostErrorKind::Lost { doing }, stderr)
                }
                Interrupted::TimedOut { stderr } => self.error(
                    HostErrorKind::Timeout {
                        doing,
                        after: timeout,
                    },
                    stderr,
                ),
            })
    }

    /// The first call: like [`Session::run`], but the caller says what a failure means.
    pub(super) fn hello(&mut self, script: &str, timeout: Duration) -> Result<Output, Interrupted> {
        let mut stdout = Vec::new();
        let status = self.exchange(Mode::Subshell, script, Vec::new(), timeout, |bytes| {
            stdout.append(bytes);
        })?;
        Ok(Output { stdout, status })
    }

    fn exchange(
        &mut self,
        mode: Mode,
        script: &str,
        payload: Vec<u8>,
        timeout: Duration,
        mut on_output: impl FnMut(&mut Vec<u8>),
    ) -> Result<i32, Interrupted> {
        let now = Instant::now();
        // A timeout that the clock cannot hold is as good as a year.
        let deadline = now
            .checked_add(timeout)
            .unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600));
        let nonce = format!("{MARK}{}", nonce());
        self.process
            .write(frame(mode, &nonce, script, payload.len()));

        let mut answer = Markers::new(&nonce);
        let mut payload = Some(payload);
        let mut output = Vec::new();
        loop {
            let bytes = match self.process.read(deadline) {
                Answer::Bytes(bytes) => bytes,
                Answer::End => {
                    self.broken = true;
                    let (status, stderr) = self.process.finish();
                    return Err(Interrupted::Ended {
                        status: status.and_then(|status| status.code()),
                        stderr,
                        noise: answer.noise,
                    });
                }
                Answer::TimedOut => {
                    self.broken = true;
                    self.process.kill();
                    return Err(Interrupted::TimedOut {
                        stderr: self.process.stderr(),
                    });
                }
            };
            let status = answer.feed(&bytes, &mut output);
            if answer.started() {
                // Only now has `head` on the host taken the script, and can read nothing of the
                // payload ahead (busybox's would).
                if let Some(payload) = payload.take().filter(|payload| !payload.is_empty()) {
                    self.process.write(payload);
                }
            }
            if !output.is_empty() {
                on_output(&mut output);
                output.clear();
            }
            if let Some(status) = status {
                return Ok(status);
            }
        }
    }
}

/// 128 random bits in hex. The standard library seeds each `RandomState` from the system.
pub(super) fn nonce() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let word = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}

/// The header line and the script.
fn frame(mode: Mode, nonce: &str, script: &str, payload: usize) -> Vec<u8> {
    let mode = match mode {
        Mode::Subshell => "run",
        Mode::Here => "here",
        Mode::Payload => "payload",
    };
    let script = format!("{script}\n#{nonce}");
    format!("{mode} {nonce} {} {payload}\n{script}", script.len()).into_bytes()
}

/// Finds a call's markers in what comes, however it is cut into pieces.
struct Markers {
    start: Vec<u8>,
    end: Vec<u8>,
    /// What came and may be the beginning of a marker.
    held: Vec<u8>,
    started: bool,
    noise: Vec<u8>,
}

impl Markers {
    /// `nonce` is not empty, and ASCII.
    fn new(nonce: &str) -> Self {
        Self {
            start: format!("{nonce}\n").into_bytes(),
            end: format!("{nonce} ").into_bytes(),
            held: Vec::new(),
            started: false,
            noise: Vec::new(),
        }
    }

    fn started(&self) -> bool {
        self.started
    }

    /// Takes the next piece; adds the output in it to `output`. Returns the status at the end.
    fn feed(&mut self, piece: &[u8], output: &mut Vec<u8>) -> Option<i32> {
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
        let digits = after
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        match after.get(digits) {
            None => Marker::Perhaps,
            Some(b'\n') => std::str::from_utf8(&after[..digits])
                .ok()
                .and_then(|digits| digits.parse().ok())
                .map_or(Marker::None, |status| Marker::End { status }),
            Some(_) => Marker::None,
        }
    }
}

enum Marker {
    None,
    /// More bytes decide.
    Perhaps,
    Start {
        length: usize,
    },
    End {
        status: i32,
    },
}

#[cfg(test)]
mod tests;
