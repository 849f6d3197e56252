//! The real binary, run as an operator would, and what it said.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::hosts::{Fleet, until};

/// No run takes longer, or it hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// A run that ended.
#[derive(Debug)]
pub struct Ended {
    line: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

/// A run that goes on.
pub struct Running {
    line: String,
    child: Child,
    started: Instant,
    output: [Arc<Mutex<Vec<u8>>>; 2],
    readers: Vec<JoinHandle<()>>,
}

/// Starts the binary. Nothing of our own environment reaches it.
pub fn start(fleet: &Fleet, arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bayplan"));
    command.args(arguments);
    spawn(fleet, command, arguments)
}

/// Starts the binary with another `ssh_config(5)`.
pub fn start_configured(fleet: &Fleet, config: &std::path::Path, arguments: &[&str]) -> Running {
    let mut command = Command::new("env");
    let mut variable = std::ffi::OsString::from("BAYPLAN_SSH_CONFIG=");
    variable.push(config);
    command.arg(variable).arg(env!("CARGO_BIN_EXE_bayplan"));
    command.args(arguments);
    spawn(fleet, command, arguments)
}

/// Starts the binary on a terminal of its own (`script(1)`), where it asks before it acts.
pub fn start_on_terminal(fleet: &Fleet, arguments: &[&str]) -> Running {
    let words = [env!("CARGO_BIN_EXE_bayplan")]
        .into_iter()
        .chain(arguments.iter().copied());
    let line = words
        .map(|word| format!("'{word}'"))
        .collect::<Vec<_>>()
        .join(" ");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    spawn(fleet, command, arguments)
}

fn spawn(fleet: &Fleet, mut command: Command, arguments: &[&str]) -> Running {
    let home = &fleet.operator;
    let mut child = command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("USER", "olivia")
        .env("LOGNAME", "olivia")
        .env("LANG", "C.UTF-8")
        .env("TERM", "dumb")
        .env("XDG_RUNTIME_DIR", home)
        .env("BAYPLAN_SSH_CONFIG", fleet.ssh_config())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bayplan starts");
    let output: [Arc<Mutex<Vec<u8>>>; 2] = Default::default();
    let readers = vec![
        reader(child.stdout.take().expect("piped"), Arc::clone(&output[0])),
        reader(child.stderr.take().expect("piped"), Arc::clone(&output[1])),
    ];
    Running {
        line: format!("bayplan {}", arguments.join(" ")),
        child,
        started: Instant::now(),
        output,
        readers,
    }
}

fn reader(mut from: impl Read + Send + 'static, to: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            to.lock()
                .expect("nobody panics with it")
                .extend(&buffer[..read]);
        }
    })
}

impl Running {
    /// What it said until now, both streams.
    pub fn said(&self) -> String {
        self.output.iter().map(text).collect()
    }

    /// Waits until it said this.
    pub fn until_it_says(&mut self, words: &str) {
        self.until_it_says_times(words, 1);
    }

    /// Waits until it said this so many times.
    pub fn until_it_says_times(&mut self, words: &str, times: usize) {
        let start = Instant::now();
        while self.said().matches(words).count() < times {
            let ended = self.child.try_wait().expect("it is our child");
            assert!(
                ended.is_none() && start.elapsed() < LIMIT,
                "`{}` never said `{words}`:\n{}",
                self.line,
                self.said()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is open until `ended`");
        stdin.write_all(line.as_bytes()).expect("it reads");
    }

    /// Whether it ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// What a terminal does at Ctrl-C: SIGINT.
    pub fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status();
        assert!(status.expect("kill starts").success());
    }

    /// SIGKILL to it, and to nothing that it started.
    pub fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Waits until it ended.
    pub fn ended(mut self) -> Ended {
        // Whoever reads an answer meets the end of the input instead of waiting for ever.
        drop(self.child.stdin.take());
        self.reap()
    }

    /// Waits until it ended, its terminal still open.
    pub fn ended_with_its_terminal(mut self) -> Ended {
        self.reap()
    }

    fn reap(&mut self) -> Ended {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            if self.started.elapsed() > LIMIT {
                let _ = self.child.kill();
                panic!(
                    "`{}` did not end within {LIMIT:?}:\n{}",
                    self.line,
                    self.said()
                );
            }
            std::thread::sleep(Duration::from_millis(3));
        };
        let took = self.started.elapsed();
        // A connection that it keeps open must not hold our pipes, too.
        until(Duration::from_secs(5), "its output ended", || {
            self.readers
                .iter()
                .all(JoinHandle::is_finished)
                .then_some(())
        });
        Ended {
            line: self.line.clone(),
            code: status.code().unwrap_or(-1),
            stdout: text(&self.output[0]),
            stderr: text(&self.output[1]),
            took,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves nothing running; one that ended is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(bytes: &Arc<Mutex<Vec<u8>>>) -> String {
    String::from_utf8_lossy(&bytes.lock().expect("nobody panics with it")).into_owned()
}

impl Ended {
    /// It ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "the exit code; {self}");
        self
    }

    /// One line, of either stream, has all of these words.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let found = self.line_with(words);
        assert!(found.is_some(), "expected one line with {words:?}; {self}");
        self
    }

    /// No line, of either stream, has all of these words.
    #[track_caller]
    pub fn never_says(self, words: &[&str]) -> Self {
        let found = self.line_with(words);
        assert!(found.is_none(), "expected no line with {words:?}; {self}");
        self
    }

    /// A message of an error counts as one line, wrapped or not.
    fn line_with(&self, words: &[&str]) -> Option<String> {
        let mut lines: Vec<String> = Vec::new();
        for line in self.stdout.lines().chain(self.stderr.lines()) {
            let message =
                |last: &&mut String| last.starts_with("error:") || last.starts_with("help:");
            match lines.last_mut().filter(message) {
                Some(last) if line.starts_with("  ") => *last += &format!(" {}", line.trim_start()),
                _ => lines.push(line.to_owned()),
            }
        }
        lines
            .into_iter()
            .find(|line| words.iter().all(|word| line.contains(word)))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            line,
            code,
            stdout,
            stderr,
            took,
        } = self;
        write!(
            f,
            "`{line}` ended with {code} after {:.1} s\n--- stdout\n{stdout}--- stderr\n{stderr}---",
            took.as_secs_f64()
        )
    }
}

/// Another number for another commit, and the same one for the same: what a run does not do in full it does
/// differently next time.
pub fn number_of_commit() -> u64 {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "rev-parse", "HEAD"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let commit = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let commit = commit.unwrap_or_default();
    u64::from_str_radix(commit.get(..8).unwrap_or_default(), 16).unwrap_or(1)
}
