//! `bayplan promote`.

use std::time::Duration;

use clap::Args;

use super::arguments::{Parallel, cluster, duration, service};
use crate::cluster::name::{ClusterName, ServiceName};

/// Take over in one cluster what another one runs
///
/// Copies services, the files of their containers and `service-config.toml`, and shows what a release of that
/// restarts. `cluster.toml` and `secrets.toml` stay as they are: hosts, placement, variables and secrets are each
/// cluster's own. What the second cluster lacks is named, and then nothing is written.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan promote integration production             all services that production has
  bayplan promote integration production search      one service and its files
  bayplan promote integration production --dry-run   what it would do
  bayplan promote integration production --require-healthy --for 2h
                                                     only what has run there for that long")]
pub struct Promote {
    /// The cluster to take it from
    #[arg(value_name = "FROM", value_parser = cluster)]
    pub from: ClusterName,

    /// The cluster that gets it
    #[arg(value_name = "TO", value_parser = cluster)]
    pub to: ClusterName,

    /// Only these services; none means all, and `service-config.toml`
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub services: Vec<ServiceName>,

    /// Only if FROM runs every one of them just as described, up without a break: looks at its hosts
    #[arg(long)]
    pub require_healthy: bool,

    /// For how long, as `30m` or `2h`
    #[arg(long = "for", value_name = "TIME", value_parser = duration, default_value = "1h", requires = "require_healthy")]
    pub at_least: Duration,

    /// Show what would change, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}
