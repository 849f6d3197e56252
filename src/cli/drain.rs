//! `bayplan drain` and `bayplan undrain`.

use std::time::Duration;

use clap::Args;

use super::arguments::{Operating, cluster, duration, host, why};
use crate::cluster::name::{ClusterName, HostName};

/// Stop all services of a host, for its maintenance
///
/// Holds every service and every timer of the cluster on that host, as `stop` does: those that need others stop before them, and a boot starts
/// nothing. Refused where a service runs nowhere else, but for `--last`. What somebody holds already stays theirs.
/// A service that is placed there meanwhile starts there all the same.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan drain production docker02 --for 2h --why 'new disk'
  bayplan undrain production docker02")]
pub struct Drain {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The host
    #[arg(value_name = "HOST", value_parser = host)]
    pub host: HostName,

    /// For this long, as `2h`; without it until `undrain`
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub time: Option<Duration>,

    /// Why: others read it
    #[arg(long, value_name = "TEXT", value_parser = why)]
    pub why: Option<String>,

    /// Also what runs nowhere else
    #[arg(long)]
    pub last: bool,

    #[command(flatten)]
    pub operating: Operating,
}

/// Start what `drain` stopped on a host
///
/// What a service needs starts before it, and each must become healthy. What `stop` holds stays held.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan undrain production docker02")]
pub struct Undrain {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The host
    #[arg(value_name = "HOST", value_parser = host)]
    pub host: HostName,

    #[command(flatten)]
    pub operating: Operating,
}
