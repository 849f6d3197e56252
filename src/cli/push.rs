//! `bayplan push`.

use clap::Args;

use super::arguments::{Identities, Parallel, Part, cluster, duration, service};
use crate::cluster::name::{ClusterName, ServiceName};
use std::time::Duration;

/// Stage and check a release on every host, for `activate`
///
/// Shows the plan, locks every host, stages the files on all of them, checks them and pulls images: all that a
/// release does before something takes effect. Then it ends. `activate` makes just these files effective later, in a
/// moment and without the registry. Another release, rollback or push there throws them away.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan push production                      everything that changed
  bayplan push production search               one service; all others stay
  bayplan push production --skip docker02      that one is gone: the rest is pushed")]
pub struct Push {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Only these services; none means all
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub services: Vec<ServiceName>,

    /// Show values in full and every changed file line by line
    #[arg(long)]
    pub diff: bool,

    #[command(flatten)]
    pub part: Part,

    /// Wait this long for a lock that somebody else holds, as `30s` or `5m`; by default fail at once
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_wait: Option<Duration>,

    /// Let services that are marked `stateful` move to another host or vanish
    #[arg(long)]
    pub allow_move: bool,

    #[command(flatten)]
    pub identities: Identities,

    #[command(flatten)]
    pub parallel: Parallel,
}
