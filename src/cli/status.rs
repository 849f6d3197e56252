//! `bayplan status`.

use clap::Args;

use super::arguments::{Parallel, cluster};
use crate::cluster::name::ClusterName;

/// Show what runs on every host, and whether it is what it should be
///
/// One look at each host: the running version, since when, and whether the container is in
/// sync, pending a restart, not running, in a crash loop, edited by hand, or unmanaged.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan status production
  bayplan status production --exit-code        2 if anything is not as described
  bayplan status production --json | jq '.hosts[].services[].state.kind'")]
pub struct Status {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,

    /// Exit with 2 if not everything runs as described
    #[arg(long)]
    pub exit_code: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}
