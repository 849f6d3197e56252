//! `bayplan why`.

use clap::Args;

use super::arguments::{Parallel, cluster, service};
use crate::cluster::name::{ClusterName, ServiceName};

/// Show where everything that a service runs with comes from
///
/// Each variable with its value, the layer that decides, and the line of the file; what it is
/// made of; on which hosts the service runs; and which changes would restart it. No host is
/// needed, but for `--live`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan why production search                      everything
  bayplan why production search --live               and its last restart on each host
  bayplan why production search | grep MONGODB_URL   one variable
  bayplan why production search --json | jq '.variables[].at'")]
pub struct Why {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The service
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub service: ServiceName,

    /// Ask its hosts, too: when a release last restarted it there, and for which reasons
    #[arg(long)]
    pub live: bool,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}
