//! `bayplan history`.

use clap::Args;

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
  bayplan history production --json | jq '.hosts[].activations[-1]'")]
pub struct History {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}
