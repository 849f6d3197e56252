//! `bayplan activate`.

use clap::Args;

use super::arguments::{Identities, Lift, Parallel, Patience, cluster};
use crate::cluster::name::ClusterName;

/// Make effective what `push` staged
///
/// A release of what was pushed, to the hosts and for the services that were pushed: it shows the plan and asks, checks
/// that the files in the staging areas are those that were pushed, makes them effective, restarts what changed, and goes
/// back where that fails, as `release` does. Exit code 4 if the checkout is not the one that was pushed. What a host lacks
/// by now, since something else was released there, is sent again.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan activate production                  what was pushed last
  bayplan activate production --yes            without asking")]
pub struct Activate {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,

    /// Show values in full and every changed file line by line
    #[arg(long)]
    pub diff: bool,

    #[command(flatten)]
    pub patience: Patience,

    /// Let services that are marked `stateful` move to another host or vanish
    #[arg(long)]
    pub allow_move: bool,

    /// Activate although this guard of `[guard]` forbids it, or without asking `[hooks]`; may be repeated
    #[arg(long, value_name = "GUARD")]
    pub lift: Vec<Lift>,

    #[command(flatten)]
    pub identities: Identities,

    #[command(flatten)]
    pub parallel: Parallel,
}
