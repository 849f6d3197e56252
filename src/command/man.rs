//! `bayplan man DIR`.

#![expect(clippy::disallowed_methods, reason = "writes manual pages")]

use clap::CommandFactory as _;

use super::{Exit, Failure};
use crate::cli::{Cli, Man};

pub(super) fn run(arguments: &Man) -> Result<Exit, Failure> {
    let directory = &arguments.directory;
    fs_err::create_dir_all(directory)?;
    let cli = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(cli, directory)?;
    Ok(Exit::Done)
}
