//! Parse, run, print the error, exit code. Nothing else.

use std::process::ExitCode;

use bayplan::cli::{Cli, advised};
use bayplan::command::{self, Exit, Failure};
use bayplan::report::palette::Palette;
use bayplan::report::{errors, stream};
use clap::Parser as _;

fn main() -> ExitCode {
    if let Some(exit) = command::completed() {
        return ExitCode::from(exit.code());
    }
    let exit = match Cli::try_parse() {
        Ok(cli) => command::run(cli).unwrap_or_else(|failure| show(&failure)),
        Err(usage) => {
            let usage = advised(usage);
            // Help that was asked for goes to standard output; a reader may have left it.
            let _ = usage.print();
            if usage.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            }
        }
    };
    ExitCode::from(exit.code())
}

fn show(failure: &Failure) -> Exit {
    let Failure { exit, error, help } = failure;
    if *exit != Exit::Closed {
        let error = format!("{error:#}");
        stream::stderr(&errors::one(&error, help.as_deref(), &Palette::stderr()));
    }
    *exit
}
