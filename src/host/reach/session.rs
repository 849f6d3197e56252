//! A session: one running `sh` on a host, and the calls that it answers.

#![expect(clippy::disallowed_methods, reason = "counts the time limit of a call")]

mod exchange;

use std::process::Command;
use std::time::{Duration, Instant};

use super::error::{HostError, HostErrorKind};
use super::facts::Facts;
use super::interrupt::Interrupt;
use super::process::{Killing, Process};
use super::protocol::{Mode, beat};
use super::watched::{self, CommandState};
use crate::host::place::HostPlace;

pub(super) use self::exchange::{Interrupted, KeepWaiting, Quiet};

/// The longest answer that is read: a whole look at a thousand services has 2 MiB.
const LONGEST_ANSWER: usize = 128 << 20;
/// For one piece of what a command says, which takes two seconds at most on an idle host.
const PIECE: Duration = Duration::from_secs(60);

/// A running `sh` on a host. Dropping it ends the `sh`, in half a second at the latest.
pub struct Session {
    process: Process,
    place: HostPlace,
    pub(super) facts: Facts,
    /// Nothing more can be asked after an error of the connection or a timeout.
    broken: bool,
    interrupt: Interrupt,
    /// The directory there for the words of [`Session::run_watched`].
    words: String,
}

/// What a script printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Byte for byte.
    pub stdout: Vec<u8>,
    /// The exit status.
    pub status: i32,
}

impl Session {
    /// Starts a process that runs the protocol's loop; whether it does shows in the first call.
    pub(super) fn spawn(
        command: &mut Command,
        killing: Killing,
        place: HostPlace,
    ) -> std::io::Result<Self> {
        Ok(Self {
            process: Process::spawn(command, killing)?,
            place,
            facts: Facts::default(),
            broken: false,
            interrupt: Interrupt::default(),
            words: watched::DIRECTORY.to_owned(),
        })
    }

    /// From now on an interrupt ends whatever is waited for, and the session.
    pub(super) fn set_interrupt(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }

    /// Where the host is.
    #[must_use]
    pub fn place(&self) -> &HostPlace {
        &self.place
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
    /// a lock's descriptor 9. It must not `exit`, `set -e`, change `IFS`, or touch descriptor 7.
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
    /// However long it takes: `silence` is for each time in which no piece of it arrives there. A session that
    /// [ends when it is silent](Session::end_when_silent) ends there, too, if no piece comes for so long.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_with_payload(
        &mut self,
        doing: &str,
        script: &str,
        payload: Vec<u8>,
        silence: Duration,
    ) -> Result<Output, HostError> {
        self.collect(Mode::Payload, doing, script, payload, silence)
    }

    /// Runs a script beside the session, however long it takes, as long as something comes of it or the engine
    /// moves something: `silence` is for each time without. The session stays free to end when the host no
    /// longer hears anything. `doing` tells what the script does that has said so much. For a host that runs;
    /// the script's stdin is /dev/null, and it has neither the connection nor the lock.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_watched(
        &mut self,
        script: &str,
        silence: Duration,
        doing: impl Fn(&[u8]) -> String,
    ) -> Result<Output, HostError> {
        let mut stdout = Vec::new();
        let mut answer =
            self.run_here(&doing(&stdout), &watched::begin(&self.words, script), PIECE)?;
        let mut progress = Instant::now();
        let mut moved_then = None;
        loop {
            let Some((words, state)) = watched::parse(&answer.stdout) else {
                return Err(self.misunderstood(&doing(&stdout), &answer.stdout));
            };
            stdout.extend_from_slice(words);
            if stdout.len() > LONGEST_ANSWER {
                self.give_up();
                return Err(self.misunderstood(&doing(&stdout), &stdout));
            }
            let moved = match state {
                CommandState::Ended { status } => return Ok(Output { stdout, status }),
                CommandState::GoesOn { moved } => moved,
            };
            let before = *moved_then.get_or_insert(moved);
            if !words.is_empty() || watched::is_progress(before, moved) {
                progress = Instant::now();
                moved_then = Some(moved);
            }
            let doing = doing(&stdout);
            if progress.elapsed() >= silence {
                let stderr = self.give_up();
                let after = silence;
                return Err(self.error(HostErrorKind::Stalled { doing, after }, stderr));
            }
            answer = self.run(&doing, &watched::more(&self.words, stdout.len()), PIECE)?;
        }
    }

    /// Runs a script in a subshell and hands over its output in pieces, as it comes. Returns the status.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_streaming(
        &mut self,
        doing: &str,
        script: &str,
        timeout: Duration,
        mut on_bytes: impl FnMut(&[u8]),
    ) -> Result<i32, HostError> {
        self.call(
            Mode::Subshell,
            doing,
            script,
            Vec::new(),
            timeout,
            |bytes| {
                on_bytes(bytes);
                bytes.clear();
            },
        )
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

    /// Runs a script for as long as it takes, and hands over its output in pieces, as it comes. The host ends it when it
    /// hears nothing from here for `limit`. The script's last command is `exec`ed: it is what is ended. The session is
    /// over afterwards. Returns the status.
    ///
    /// # Errors
    /// The connection was lost, or the operator asked to stop.
    pub fn run_attended(
        &mut self,
        doing: &str,
        script: &str,
        limit: Duration,
        mut on_bytes: impl FnMut(&[u8]),
    ) -> Result<i32, HostError> {
        let limit = limit.max(Duration::from_secs(1));
        // A header of a call and a sign of life have 128 bytes each.
        let script = format!(
            "(\n{script}\n) 7<&- &\n\
             bp_j=$!\n\
             (while [ \"$(timeout {} head -c 128 <&7)\" ]; do :; done; kill \"$bp_j\") >/dev/null 2>&1 &\n\
             bp_c=$!\n\
             wait \"$bp_j\"; bp_e=$?\n\
             kill \"$bp_c\" 2>/dev/null\n\
             (exit \"$bp_e\")\n",
            limit.as_secs()
        );
        self.show_life(limit);
        let status = self.call_attended(doing, &script, |bytes| {
            on_bytes(bytes);
            bytes.clear();
        });
        self.broken = true;
        self.process.close_input();
        status
    }

    /// A script for [`Session::run_here`]. After it, the host ends the session and frees its lock if it hears
    /// nothing from here for `limit` (whole seconds) while no script runs. Run it when the lock is taken: then a
    /// dead operator keeps the lock no longer than the script that runs and `limit` together.
    /// [`Session::show_life`] belongs to it.
    #[must_use]
    pub fn end_when_silent(limit: Duration) -> String {
        format!("bp_w={}\n", limit.as_secs().max(1))
    }

    /// From now on shows life by itself between calls, several times within `limit`.
    pub fn show_life(&self, limit: Duration) {
        self.process
            .show_life(beat(), limit.max(Duration::from_secs(1)) / 4);
    }

    /// Ends the `sh` and frees what this side had for it: its pipes, its threads. Nothing can be asked any
    /// more.
    pub fn close(&mut self) {
        self.broken = true;
        self.process.end();
    }

    /// Lets the `sh` end, without waiting for it as a drop does: before many sessions are dropped one
    /// after the other, each is told. Nothing can be asked any more.
    pub fn end(&mut self) {
        self.broken = true;
        self.process.close_input();
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

    /// The error for something that went wrong with this host.
    #[must_use]
    pub fn error(&self, kind: HostErrorKind, stderr: String) -> HostError {
        HostError {
            kind,
            at: self.place.at.clone(),
            stderr,
        }
    }
}

#[cfg(test)]
mod tests;
