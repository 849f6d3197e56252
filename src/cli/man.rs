//! `bayplan man`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Write manual pages, one for each command
///
/// They are the help of the commands in the form that `man` reads: `man bayplan`, `man bayplan-release`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan man ~/.local/share/man/man1          then `man bayplan-release`
  bayplan man man                              into a directory of a package")]
pub struct Man {
    /// The directory; it is made where it is absent
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: PathBuf,
}
