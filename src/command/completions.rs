//! `bayplan completions SHELL`.

use clap::CommandFactory as _;

use super::{Exit, Failure};
use crate::cli::{Cli, Completions};
use crate::report::stream;

pub(super) fn run(arguments: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "bayplan", &mut script);
    stream::stdout(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
