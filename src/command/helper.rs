//! Programs of the operator's that a release starts on this machine: they get JSON, and have so much time.

#![expect(
    clippy::disallowed_methods,
    reason = "starts a program, and waits for it by the clock"
)]

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::trace;

/// How much of what a program says is kept.
const SAID_MAX: u64 = 16 << 10;

/// How such a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HelperEnd {
    /// By itself, with this, in words, unless it was a success; and what it said.
    Ended {
        failure: Option<String>,
        said: String,
    },
    /// It took too long, and was killed with what it had started.
    Late,
}

/// Runs a program in a directory, with a text on its standard input. What it says is kept, not shown.
///
/// # Errors
/// It cannot be started.
pub(super) fn run(
    words: &[String],
    directory: &Path,
    input: &str,
    most: Duration,
) -> io::Result<HelperEnd> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    // A path is of the config repository, wherever bayplan runs; a bare name is found by PATH.
    let program = match program.contains('/') {
        true => directory.join(program),
        false => program.into(),
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Whatever it starts ends with it.
        .process_group(0);
    trace::starts(&command);
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take();
    let input = input.to_owned();
    // One that reads nothing, or ends early, is no failure.
    thread::spawn(move || stdin.take().map(|mut to| to.write_all(input.as_bytes())));
    let said = [kept(child.stdout.take()), kept(child.stderr.take())];
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() >= most {
            break None;
        }
        thread::sleep(Duration::from_millis(10));
    };
    // Also what it left behind: nobody would wait for that.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let Some(status) = status else {
        child.wait()?;
        return Ok(HelperEnd::Late);
    };
    let said = said.map(|thread| thread.join().unwrap_or_default());
    Ok(HelperEnd::Ended {
        failure: failure(status),
        said: said.concat(),
    })
}

fn failure(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exited with {code}")),
        (None, Some(signal)) => Some(format!("was ended by signal {signal}")),
        (None, None) => Some("ended".to_owned()),
    }
}

/// Reads to the end, and keeps the beginning.
fn kept(from: Option<impl io::Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            let _ = from.by_ref().take(SAID_MAX).read_to_end(&mut bytes);
            let _ = io::copy(&mut from, &mut io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, input: &str) -> HelperEnd {
        let words = ["sh", "-c", script].map(str::to_owned);
        run(&words, Path::new("/"), input, Duration::from_secs(60)).unwrap()
    }

    #[test]
    fn it_gets_the_text_and_is_heard() {
        let all = "x".repeat(200_000);
        let end = sh("wc -c; pwd >&2", &all);
        let said = "200000\n/\n".to_owned();
        assert_eq!(
            end,
            HelperEnd::Ended {
                failure: None,
                said
            }
        );
        let end = sh("echo no; exit 3", &all);
        let failure = Some("exited with 3".to_owned());
        let said = "no\n".to_owned();
        assert_eq!(end, HelperEnd::Ended { failure, said });
        let HelperEnd::Ended { said, .. } = sh("yes | head -c 1000000", "") else {
            panic!("it ends");
        };
        assert_eq!(said.len(), 16 << 10);
    }

    #[test]
    fn what_takes_too_long_ends_with_all_that_it_started() {
        let words = ["sh", "-c", "sleep 600 & echo $!; exec sleep 600"].map(str::to_owned);
        let most = Duration::from_millis(200);
        let end = run(&words, Path::new("/"), "", most).unwrap();
        assert_eq!(end, HelperEnd::Late);
        // What is left behind holds nobody up.
        let left = sh("sleep 600 & exit 0", "");
        assert!(
            matches!(left, HelperEnd::Ended { failure: None, .. }),
            "{left:?}"
        );
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let words = ["scripts/absent.sh".to_owned()];
        assert!(run(&words, Path::new("/"), "", Duration::from_secs(1)).is_err());
    }
}
