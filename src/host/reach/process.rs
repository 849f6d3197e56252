//! A child process whose input, output and errors never wait for each other: a thread each.
//!
//! Without them a large payload and a large output block one another, and a read has no deadline.

#![expect(
    clippy::disallowed_methods,
    reason = "is the process of a session, with its time limits"
)]

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How much of stderr is kept: its end.
const STDERR_KEPT: usize = 64 * 1024;
/// How long a process may take to end by itself once its input is closed.
const GRACE: Duration = Duration::from_millis(500);
/// How often a silent process is asked whether it still runs.
const ALIVE: Duration = Duration::from_millis(500);
/// How long to wait for the last words once the process is gone. A background ControlMaster
/// can hold stderr open for as long as it lives, so its end is never waited for without a limit.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How a process is killed together with what it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Killing {
    /// Only itself: an `ssh`. The ControlMaster that it may have left behind is of the same
    /// process group, and other sessions run through it.
    Alone,
    /// Its process group.
    Group,
    /// Its process group, which is root's behind `sudo -n`: only root's signals reach it.
    RootsGroup,
}

/// A running process.
pub(super) struct Process {
    child: Child,
    killing: Killing,
    input: Arc<Mutex<Input>>,
    output: Receiver<Vec<u8>>,
    stderr: Arc<Stderr>,
}

struct Input {
    /// `None` once the input is closed.
    queue: Option<Sender<Vec<u8>>>,
    /// A call is going on: a sign of life would come between its parts.
    in_call: InCall,
}

/// Whether a call is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InCall {
    Yes,
    No,
}

/// What a read found.
pub(super) enum ReadResult {
    Bytes(Vec<u8>),
    /// The process closed its output.
    End,
    TimedOut,
}

#[derive(Default)]
struct Stderr {
    state: Mutex<StderrState>,
    ended: Condvar,
}

#[derive(Default)]
struct StderrState {
    tail: Vec<u8>,
    ended: bool,
}

impl Process {
    /// Starts `command`, in a process group of its own: a Ctrl-C on the terminal reaches bayplan
    /// alone, which then decides what becomes of the host, and a prompt cannot read the terminal.
    pub(super) fn spawn(command: &mut Command, killing: Killing) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let stdin = child.stdin.take().expect("stdin was asked to be a pipe");
        let stdout = child.stdout.take().expect("stdout was asked to be a pipe");
        let errors = child.stderr.take().expect("stderr was asked to be a pipe");

        let (input, to_write) = channel();
        // Bounded, so that a process that writes without end cannot fill our memory.
        let (read, output) = sync_channel(16);
        let stderr = Arc::new(Stderr::default());
        let kept = Arc::clone(&stderr);
        // None of them is ever joined: a grandchild that outlives the process can hold the other
        // end of any of these pipes. Each ends with its pipe or its channel.
        let threads = [
            Builder::new().spawn(move || write_all(stdin, &to_write)),
            Builder::new().spawn(move || read_all(stdout, &read)),
            Builder::new().spawn(move || kept.collect(errors)),
        ];
        // A limit of threads is met with many hosts: then the process meets the end of its input.
        for thread in threads {
            thread?;
        }
        Ok(Self {
            child,
            killing,
            input: Arc::new(Mutex::new(Input {
                queue: Some(input),
                in_call: InCall::No,
            })),
            output,
            stderr,
        })
    }

    /// Queues bytes for the process's input. A process that is gone shows in the next read.
    pub(super) fn write(&self, bytes: Vec<u8>) {
        if let Some(queue) = &lock(&self.input).queue {
            // Fails only if the writer ended, which it does if the process closed its input.
            let _ = queue.send(bytes);
        }
    }

    /// Signs of life pause during a call.
    pub(super) fn mark(&self, in_call: InCall) {
        lock(&self.input).in_call = in_call;
    }

    /// From now on writes `sign` every so often, between calls, until the input is closed.
    pub(super) fn show_life(&self, sign: Vec<u8>, every: Duration) {
        let input = Arc::downgrade(&self.input);
        let started = Builder::new().spawn(move || {
            loop {
                thread::sleep(every);
                let Some(input) = input.upgrade() else {
                    return;
                };
                let input = lock(&input);
                match (&input.queue, input.in_call) {
                    (None, _) => return,
                    (Some(_), InCall::Yes) => {}
                    (Some(queue), InCall::No) => {
                        if queue.send(sign.clone()).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        // Without it the host ends the session in a while, which shows in the next call; better now.
        if started.is_err() {
            self.close_input();
        }
    }

    /// Nothing more is written: whatever reads it meets its end.
    pub(super) fn close_input(&self) {
        lock(&self.input).queue = None;
    }

    /// The next bytes of the output.
    pub(super) fn read(&mut self, deadline: Instant) -> ReadResult {
        // A child of a process that was killed can hold its output open: so the process itself is
        // asked now and then whether it still runs.
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left.min(ALIVE)) {
                Ok(bytes) => return ReadResult::Bytes(bytes),
                Err(RecvTimeoutError::Disconnected) => return ReadResult::End,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                // What it wrote at last is in the pipe, or already read.
                return match self.output.recv_timeout(LAST_WORDS) {
                    Ok(bytes) => ReadResult::Bytes(bytes),
                    Err(_) => ReadResult::End,
                };
            }
            if Instant::now() >= deadline {
                return ReadResult::TimedOut;
            }
        }
    }

    /// The end of what the process wrote to stderr; all of it if the process is gone.
    pub(super) fn stderr(&self) -> String {
        self.stderr.text(Duration::ZERO)
    }

    /// After the end of the output: ends the process and says how it ended, with its last words.
    pub(super) fn finish(&mut self) -> (Option<ExitStatus>, String) {
        self.close_input();
        let status = self.wait(GRACE).or_else(|| self.kill());
        (status, self.stderr.text(LAST_WORDS))
    }

    /// Kills the process, and what it started on this machine.
    pub(super) fn kill(&mut self) -> Option<ExitStatus> {
        self.close_input();
        let killed = match self.killing {
            Killing::Alone => false,
            Killing::Group => {
                kill_process_group(Pid::from_child(&self.child), Signal::KILL).is_ok()
            }
            Killing::RootsGroup => {
                let group = format!("-{}", self.child.id());
                quietly("sudo", &["-n", "kill", "-KILL", "--", &group])
            }
        };
        if !killed {
            // Nothing to add if that fails as well: the process is gone, or is not ours.
            let _ = self.child.kill();
        }
        self.wait(GRACE)
    }

    /// Waits for the end, for at most `limit`.
    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        let mut pause = Duration::from_micros(200);
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

impl Process {
    /// Closes the input, which ends the loop on the host, and kills what does not end by itself.
    pub(super) fn end(&mut self) {
        self.close_input();
        let deadline = Instant::now() + GRACE;
        // Output that nobody wants is read on: a process that cannot write does not end.
        while let ReadResult::Bytes(_) = self.read(deadline) {
            if Instant::now() >= deadline {
                break;
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if self.wait(left).is_none() {
            self.kill();
        }
    }
}

impl Stderr {
    fn collect(&self, mut from: impl Read) {
        let mut buffer = [0; 4096];
        while let Some(count) = read_some(&mut from, &mut buffer) {
            let tail = &mut lock(&self.state).tail;
            tail.extend_from_slice(&buffer[..count]);
            if tail.len() > STDERR_KEPT {
                let excess = tail.len() - STDERR_KEPT;
                tail.drain(..excess);
            }
        }
        lock(&self.state).ended = true;
        self.ended.notify_all();
    }

    fn text(&self, wait: Duration) -> String {
        let (state, _) = self
            .ended
            .wait_timeout_while(lock(&self.state), wait, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&state.tail).replace("\r\n", "\n")
    }
}

/// Nothing that holds one of our locks can panic half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_all(mut to: impl Write, from: &Receiver<Vec<u8>>) {
    for bytes in from {
        if to.write_all(&bytes).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}

fn read_all(mut from: impl Read, to: &SyncSender<Vec<u8>>) {
    // The size of a pipe: one read takes all that is there.
    let mut buffer = vec![0; 64 * 1024];
    while let Some(count) = read_some(&mut from, &mut buffer) {
        if to.send(buffer[..count].to_vec()).is_err() {
            return;
        }
    }
}

/// Runs a program that is over at once; whether it succeeded.
fn quietly(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Reads once; `None` at the end, or when nothing can be read any more.
fn read_some(from: &mut impl Read, buffer: &mut [u8]) -> Option<usize> {
    loop {
        match from.read(buffer) {
            Ok(0) => return None,
            Ok(count) => return Some(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}
