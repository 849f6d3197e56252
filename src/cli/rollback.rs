//! `bayplan rollback`.

use clap::Args;

use super::arguments::{Identities, Lift, Parallel, Patience, cluster, host};
use crate::cluster::name::{ClusterName, HostName};

/// Undo the last release, or go back to a certain generation
///
/// Each host keeps its last five generations, whole. The hosts that the last release changed go
/// back to what they had before it: the same plan, the same rules, the same reasons; nothing
/// is read from the services of the description. Images run that ran then. A release that has not ended, since its
/// releaser died or it waits after its canary, is the last one.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan rollback production                     undo the last release
  bayplan rollback production --host docker01     only there, by one generation
  bayplan rollback production --to 12 --host docker01
                                                  `bayplan history` shows the numbers")]
pub struct Rollback {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The generation to go back to, on every host; without it the last release is undone, on the
    /// hosts that it changed
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,

    /// Only this host, whether or not the last release changed it; others need not answer
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub host: Option<HostName>,

    /// Leave this host out, whether it answers or not; may be repeated
    #[arg(long, value_name = "HOST", value_parser = host, conflicts_with = "host")]
    pub skip: Vec<HostName>,

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

    /// Roll back although this guard of `[guard]` forbids it, or without asking `[hooks]`; may be repeated
    #[arg(long, value_name = "GUARD")]
    pub lift: Vec<Lift>,

    #[command(flatten)]
    pub identities: Identities,

    #[command(flatten)]
    pub parallel: Parallel,
}
