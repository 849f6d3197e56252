//! `bayplan history`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::arguments::{Parallel, cluster};
use crate::cluster::name::ClusterName;

/// Show what was released on every host: when, by whom, and how it ended
///
/// A line an activation, the newest first: `*` is the current generation, `+` one that is kept
/// and that `rollback --to` can bring back, `✗` one that failed.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan history production
  bayplan history production --html history.html
  bayplan history production --json | jq '.hosts[].activations[-1]'")]
pub struct History {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Write a page for a browser to this file instead: one file, without script, that asks for nothing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["json"])]
    pub html: Option<PathBuf>,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}
