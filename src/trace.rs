//! What `--verbose` tells: each program that runs here and each script that runs on a host, when it begins and how it ends.
//!
//! A script is named by what it does. Arguments are told as they are: no value of a secret is ever in one.

#![expect(clippy::disallowed_methods, reason = "counts how long a script takes")]

use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

use crate::render::shell::quote;

/// The longest word of a command that is told; a longer one, and one of several lines, is a script.
const LONGEST: usize = 200;

static TELLER: OnceLock<fn(&str)> = OnceLock::new();

/// From now on all that runs is told there, a line each.
pub fn tell_with(teller: fn(&str)) {
    // The first one stays; there is no other.
    let _ = TELLER.set(teller);
}

/// Whether anybody is told.
#[must_use]
pub fn is_told() -> bool {
    TELLER.get().is_some()
}

/// Tells that a program of this machine is started.
pub fn starts(command: &Command) {
    if let Some(tell) = TELLER.get() {
        tell(&line(command));
    }
}

/// A script that runs on a host.
pub(crate) struct TracedScript {
    host: String,
    doing: String,
    began: Instant,
}

impl TracedScript {
    /// Tells that it begins; `None` where nobody is told.
    pub(crate) fn begins(host: &str, doing: &str) -> Option<Self> {
        let tell = TELLER.get()?;
        tell(&format!("{host}: {doing}"));
        Some(Self {
            host: host.to_owned(),
            doing: doing.to_owned(),
            began: Instant::now(),
        })
    }

    /// Tells how it ended: with a status, or not at all.
    pub(crate) fn ends(self, status: Option<i32>) {
        let Some(tell) = TELLER.get() else {
            return;
        };
        let how = match status {
            Some(0) => "done".to_owned(),
            Some(status) => format!("ended with {status}"),
            None => "no answer".to_owned(),
        };
        let Self { host, doing, began } = self;
        let took = began.elapsed().as_secs_f64();
        tell(&format!("{host}: {doing}: {how} after {took:.1} s"));
    }
}

/// A command as it could be typed.
fn line(command: &Command) -> String {
    let mut line = "+ ".to_owned() + &quote(&command.get_program().to_string_lossy());
    for word in command.get_args() {
        let word = word.to_string_lossy();
        line.push(' ');
        match word.len() > LONGEST || word.contains('\n') {
            true => line += "'…'",
            false => line += &quote(&word),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_told_as_it_could_be_typed() {
        let mut command = Command::new("docker");
        command.args(["exec", "web", "sh", "-c", "echo hi", "a\nb"]);
        command.env("PASSWORD", "sentinel");
        assert_eq!(line(&command), "+ docker exec web sh -c 'echo hi' '…'");
    }
}
