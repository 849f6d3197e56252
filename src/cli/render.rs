//! `bayplan render`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::arguments::cluster;
use crate::cluster::name::ClusterName;

/// Write the files of every host; no host is needed
///
/// Shows what each host gets: a systemd unit and an inputs directory of env files for each
/// service. The same description gives the same bytes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan render production | less     read them
  bayplan render production -o out     write them below out/HOST/
  diff -r before after                 compare two versions of a description")]
pub struct Render {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Write the files below this directory, one directory a host, instead of to standard output
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}
