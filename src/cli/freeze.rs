//! `bayplan freeze` and `bayplan unfreeze`.

use clap::Args;

use super::arguments::{Parallel, TimeArgument, cluster, moment, why};
use crate::cluster::name::ClusterName;

/// Let nothing be released to a cluster, for a while
///
/// Every host keeps who, until when and why. Until then `release` and `activate` of anybody are refused with exit code 7 and say
/// so, `--lift freeze` is once and by intent, and `status` shows it. `rollback` and `restart` are always possible, and a release that is at work
/// goes on. One host that answers and is frozen is enough.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan freeze production --why 'black friday'
  bayplan freeze production --until 2h --why 'moving the database'
  bayplan freeze production --until '2099-12-01 09:00' --why 'an audit'")]
pub struct Freeze {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Until then, as `2h`, `18:00` or `2026-12-01 09:00`; without it until `unfreeze`
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub until: Option<TimeArgument>,

    /// Why: who is refused reads it
    #[arg(long, value_name = "TEXT", value_parser = why)]
    pub why: String,

    #[command(flatten)]
    pub parallel: Parallel,
}

/// Let releases happen again
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan unfreeze production")]
pub struct Unfreeze {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    #[command(flatten)]
    pub parallel: Parallel,
}
