//! `bayplan status`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::arguments::{Parallel, cluster};
use crate::cluster::name::ClusterName;

/// Show what needs a person: what is down, half released, edited, or pending
///
/// One look at each host. The worst comes first: what does not run or does not stay up, half a
/// release, files that were edited by hand, what the next release would change. What is as it
/// should be is counted; `--by` shows all of it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan status production
  bayplan status production --by service       every container, a block a service
  bayplan status production --html status.html   a page to look at
  bayplan status production --exit-code        2 if anything is not as described
  bayplan status production --json | jq '.hosts[].services[].state.kind'")]
pub struct Status {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Show every container: in blocks of a host, or of a service
    #[arg(long, value_name = "WHAT", conflicts_with = "json")]
    pub by: Option<StatusBlocks>,

    /// Look again every few seconds and draw anew in place, until Ctrl-C
    #[arg(long, conflicts_with_all = ["json", "exit_code"])]
    pub watch: bool,

    /// Write a page for a browser to this file instead: one file, without script, that asks for nothing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["json", "by", "watch"])]
    pub html: Option<PathBuf>,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,

    /// Exit with 2 if not everything runs as described
    #[arg(long)]
    pub exit_code: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// What the blocks of a status are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusBlocks {
    Host,
    Service,
}
