//! `bayplan host`.

use clap::{Args, Subcommand};

use super::arguments::{Parallel, cluster, host};
use crate::cluster::name::{ClusterName, HostName};

/// Look whether hosts are fit
///
/// What a host needs before the first release, and what helps to find out why one fails.
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = "\
Examples:
  bayplan host check production                what is missing on which host, and what mends it")]
pub enum HostCommands {
    /// Look whether each host is fit, and say what mends it
    ///
    /// Its systemd, its tools, the engine and whether that starts at boot, its registries, what opens secrets, sudo, its clock and
    /// its disks. Nothing is changed there. Problems stop a release, and give exit code 1; warnings do not.
    #[command(after_help = "\
Examples:
  bayplan host check production                all hosts
  bayplan host check production --host docker01
  bayplan host check production --json | jq '.hosts[].findings[] | select(.level == \"problem\")'")]
    Check(HostCheck),
}

/// Which hosts of a cluster.
#[derive(Debug, Clone, Args)]
pub struct HostsOf {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Only this host; may be repeated
    #[arg(long = "host", value_name = "HOST", value_parser = host)]
    pub only: Vec<HostName>,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// What is looked at.
#[derive(Debug, Clone, Args)]
pub struct HostCheck {
    #[command(flatten)]
    pub hosts: HostsOf,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,
}
