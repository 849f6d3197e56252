//! `bayplan local exec`.

#![expect(
    clippy::disallowed_methods,
    reason = "gives its own terminal to a program in a container"
)]

use std::io::{IsTerminal as _, stdin, stdout};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use super::LocalPlace;
use crate::cli::LocalExec;
use crate::command::{Exit, Failure};
use crate::host::attach::SHELL;

pub(super) fn run(directory: Option<&Path>, arguments: &LocalExec) -> Result<Exit, Failure> {
    let place = LocalPlace::of(directory, &arguments.scope)?;
    let seen = place.running(&arguments.service)?;
    let mut words = vec!["exec".to_owned(), "-i".to_owned()];
    if stdin().is_terminal() && stdout().is_terminal() {
        words.push("-t".to_owned());
    }
    words.push(seen.id);
    match arguments.command.is_empty() {
        true => words.extend(SHELL.map(str::to_owned)),
        false => words.extend(arguments.command.iter().cloned()),
    }
    let status = place.engine.attached(&words).status()?;
    let code = status.code();
    let code = code.or_else(|| Some(128 + status.signal()?));
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(Exit::Ran(code.unwrap_or(1)))
}
