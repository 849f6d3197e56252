//! `bayplan init`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Make a config repository to begin with
///
/// Writes two clusters, `local` (its host is a directory, so it can be released at once) and `production` (with addresses that
/// are examples), two services, the unit template, and JSON Schemas for the editor. No file that is there is changed: what is in
/// the way is listed, and then nothing is written.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan init config        in a directory of its own, made if it is absent
  mkdir fleet && cd fleet && bayplan init   here")]
pub struct Init {
    /// The directory that is to have `clusters/` in it
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub into: PathBuf,
}
