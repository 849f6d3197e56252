//! `bayplan check`.

use clap::Args;

use super::arguments::cluster;
use crate::cluster::name::ClusterName;

/// Find every problem of the description; no host is needed
///
/// Reads the description of the clusters, or of all, and reports every error and warning in
/// one run: where it is, what was expected, and what to write. Warnings alone are no failure.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan check               every cluster
  bayplan check production    one cluster; fit for a pre-commit hook
  bayplan check --json | jq -r '.diagnostics[].message'")]
pub struct Check {
    /// The clusters, directories below `clusters/`; none means all
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub clusters: Vec<ClusterName>,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,
}
