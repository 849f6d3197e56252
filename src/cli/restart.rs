//! `bayplan restart`.

use clap::Args;

use super::arguments::{Operating, Part, cluster, service, why};
use crate::cluster::name::{ClusterName, ServiceName};

/// Start containers anew, as they were released
///
/// Shows the plan and asks; then restarts them as a release does: host after host, in waves, what a service needs
/// before it, never two hosts of a service at once unless `max_down` says so; each must be healthy, and stay so for its soak. Nothing of the
/// description takes effect: units and images are those that were released. What is not as it was released is
/// refused. One that fails stays as it is, and no other one is restarted after it. Jobs are left alone.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan restart production search --why 'leaks memory'
  bayplan restart production search --host docker02
  bayplan restart production --yes             every service, host after host")]
pub struct Restart {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Only these services; none means all
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub services: Vec<ServiceName>,

    /// Why, for `history`
    #[arg(long, value_name = "TEXT", value_parser = why)]
    pub why: Option<String>,

    #[command(flatten)]
    pub part: Part,

    #[command(flatten)]
    pub operating: Operating,
}
