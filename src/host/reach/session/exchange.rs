//! One call of a session: the script goes, the answer comes, or why none did.

#![expect(clippy::disallowed_methods, reason = "counts the time limit of a call")]

use std::time::{Duration, Instant};

use super::super::error::{HostError, HostErrorKind};
use super::super::process::{InCall, ReadResult};
use super::super::protocol::{MARK, Markers, Mode, frame, nonce};
use super::{LONGEST_ANSWER, Output, Session};
use crate::trace::TracedScript;

/// How often an interrupt is looked for while nothing comes.
const HEED: Duration = Duration::from_millis(100);

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Until the host has begun with it.
    login: Duration,
    /// All of it; after the login, if that has a limit of its own.
    timeout: Duration,
    counts: Counts,
}

/// What a time limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// All of the call.
    Clock,
    /// Each time in which nothing comes.
    Progress,
    /// Nothing: it ends when it ends, however much it says, and signs of life go on meanwhile.
    Nothing,
}

/// What to do when not even a byte answers a first call for a while.
pub(in crate::host::reach) struct Quiet<'a> {
    pub(in crate::host::reach) after: Duration,
    /// Asked once.
    pub(in crate::host::reach) ask: &'a mut dyn FnMut() -> KeepWaiting,
}

/// Whether to go on waiting for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::host::reach) enum KeepWaiting {
    Goes,
    Over,
}

/// Why a call got no answer.
#[derive(Debug)]
pub(in crate::host::reach) enum Interrupted {
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
    /// Not a byte came, and [`Quiet::ask`] said that it is not waited for any longer.
    Quiet {
        stderr: String,
    },
    /// The operator asked to stop.
    Stopped,
    /// More than any answer has: its beginning.
    TooLong {
        found: Vec<u8>,
    },
}

impl Session {
    pub(super) fn collect(
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

    pub(super) fn call(
        &mut self,
        mode: Mode,
        doing: &str,
        script: &str,
        payload: Vec<u8>,
        timeout: Duration,
        on_output: impl FnMut(&mut Vec<u8>),
    ) -> Result<i32, HostError> {
        let counts = match mode {
            Mode::Payload => Counts::Progress,
            Mode::Subshell | Mode::Here => Counts::Clock,
        };
        let limits = Limits {
            login: timeout,
            timeout,
            counts,
        };
        self.call_within(mode, doing, (script, payload), limits, on_output)
    }

    /// A call without a limit, in the session's own `sh`, which the host hears from us meanwhile.
    pub(super) fn call_attended(
        &mut self,
        doing: &str,
        script: &str,
        on_output: impl FnMut(&mut Vec<u8>),
    ) -> Result<i32, HostError> {
        let limits = Limits {
            login: Duration::MAX,
            timeout: Duration::MAX,
            counts: Counts::Nothing,
        };
        self.call_within(Mode::Here, doing, (script, Vec::new()), limits, on_output)
    }

    fn call_within(
        &mut self,
        mode: Mode,
        doing: &str,
        (script, payload): (&str, Vec<u8>),
        limits: Limits,
        on_output: impl FnMut(&mut Vec<u8>),
    ) -> Result<i32, HostError> {
        let doing = doing.to_owned();
        if self.broken {
            return Err(self.error(HostErrorKind::Lost { doing }, self.stderr()));
        }
        let traced = TracedScript::begins(&self.place.at, &doing);
        let answer = self.exchange(mode, script, payload, limits, None, on_output);
        if let Some(traced) = traced {
            traced.ends(answer.as_ref().ok().copied());
        }
        answer.map_err(|interrupted| match interrupted {
            Interrupted::Ended { stderr, .. } => self.error(HostErrorKind::Lost { doing }, stderr),
            Interrupted::TimedOut { stderr } | Interrupted::Quiet { stderr } => {
                let after = limits.timeout;
                let kind = match limits.counts {
                    Counts::Clock | Counts::Nothing => HostErrorKind::Timeout { doing, after },
                    Counts::Progress => HostErrorKind::Stalled { doing, after },
                };
                self.error(kind, stderr)
            }
            Interrupted::Stopped => self.error(HostErrorKind::Interrupted { doing }, String::new()),
            Interrupted::TooLong { found } => self.misunderstood(&doing, &found),
        })
    }

    /// The first call: like [`Session::run_here`], but the caller says what a failure means. `login` is for
    /// the time until the host has the script, `timeout` for the time after that. What it printed is
    /// added to `stdout`, also if it fails. Returns the status.
    pub(in crate::host::reach) fn hello(
        &mut self,
        script: &str,
        login: Duration,
        timeout: Duration,
        quiet: Option<Quiet<'_>>,
        stdout: &mut Vec<u8>,
    ) -> Result<i32, Interrupted> {
        let limits = Limits {
            login,
            timeout,
            counts: Counts::Clock,
        };
        self.exchange(Mode::Here, script, Vec::new(), limits, quiet, |bytes| {
            stdout.append(bytes);
        })
    }

    /// The session is over; what `ssh` said at last.
    pub(super) fn give_up(&mut self) -> String {
        self.broken = true;
        self.process.kill();
        self.process.stderr()
    }

    fn exchange(
        &mut self,
        mode: Mode,
        script: &str,
        payload: Vec<u8>,
        limits: Limits,
        mut quiet: Option<Quiet<'_>>,
        mut on_output: impl FnMut(&mut Vec<u8>),
    ) -> Result<i32, Interrupted> {
        // A timeout that the clock cannot hold is as good as a year.
        let after = |limit| {
            let now = Instant::now();
            now.checked_add(limit)
                .unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600))
        };
        let begin = after(limits.login);
        let mut deadline = begin;
        let quiet_until = quiet.as_ref().map(|quiet| after(quiet.after));
        let nonce = format!("{MARK}{}", nonce());
        self.process.mark(InCall::Yes);
        self.process
            .write(frame(mode, &nonce, script, payload.len()));
        if limits.counts == Counts::Nothing {
            self.process.mark(InCall::No);
        }

        let mut answer = Markers::new(&nonce);
        let mut payload = Some(payload);
        let mut output = Vec::new();
        let mut room = LONGEST_ANSWER;
        loop {
            if self.interrupt.asked() {
                self.broken = true;
                return Err(Interrupted::Stopped);
            }
            let bytes = match self.process.read(deadline.min(Instant::now() + HEED)) {
                // A host that never stops talking is as late as one that says nothing.
                ReadResult::Bytes(_) if Instant::now() > deadline => {
                    let stderr = self.give_up();
                    return Err(Interrupted::TimedOut { stderr });
                }
                ReadResult::Bytes(bytes) => {
                    quiet = None;
                    bytes
                }
                ReadResult::TimedOut if Instant::now() < deadline => {
                    if quiet_until.is_some_and(|until| Instant::now() >= until)
                        && let Some(quiet) = quiet.take()
                        && (quiet.ask)() == KeepWaiting::Over
                    {
                        let stderr = self.give_up();
                        return Err(Interrupted::Quiet { stderr });
                    }
                    continue;
                }
                ReadResult::End => {
                    self.broken = true;
                    let (status, stderr) = self.process.finish();
                    return Err(Interrupted::Ended {
                        status: status.and_then(|status| status.code()),
                        stderr,
                        noise: answer.noise,
                    });
                }
                ReadResult::TimedOut => {
                    let stderr = self.give_up();
                    return Err(Interrupted::TimedOut { stderr });
                }
            };
            let status = answer.feed(&bytes, &mut output);
            let counts_anew = match limits.counts {
                Counts::Clock => deadline == begin && limits.login != limits.timeout,
                Counts::Progress => true,
                Counts::Nothing => false,
            };
            if answer.started() && counts_anew {
                deadline = after(limits.timeout);
            }
            if answer.started() {
                // Only now has `head` on the host taken the script, and can read nothing of the
                // payload ahead (busybox's would).
                if let Some(payload) = payload.take().filter(|payload| !payload.is_empty()) {
                    self.process.write(payload);
                }
            }
            if limits.counts == Counts::Nothing {
                // It is handed over, and kept nowhere.
            } else if let Some(left) = room.checked_sub(output.len()) {
                room = left;
            } else {
                self.broken = true;
                self.process.kill();
                return Err(Interrupted::TooLong { found: output });
            }
            if !output.is_empty() {
                on_output(&mut output);
                output.clear();
            }
            if let Some(status) = status {
                self.process.mark(InCall::No);
                return Ok(status);
            }
        }
    }
}
