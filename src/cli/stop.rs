//! `bayplan stop` and `bayplan start`.

use std::time::Duration;

use clap::Args;

use super::arguments::{Operating, Part, cluster, duration, service, why};
use crate::cluster::name::{ClusterName, ServiceName};

/// Stop services, and hold them so that nothing starts them
///
/// Each host keeps who, until when and why: a hold. First that is written, then the unit is disabled and stopped, so neither a release nor a
/// boot nor a restart of the engine starts it; a release still brings its files up to date. A timer and both slots likewise; a run of a job that
/// is under way ends by itself. Services that need it go on. Shown by `status` and in every plan. `start` ends it. When its time is over,
/// the next release starts the service.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan stop production search --for 2h --why reindex
  bayplan stop production search --host docker02
  bayplan start production search              and it runs again")]
pub struct Stop {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The services
    #[arg(value_name = "SERVICE", value_parser = service, required = true)]
    pub services: Vec<ServiceName>,

    /// For this long, as `2h`; without it until `start`
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub time: Option<Duration>,

    /// Why: others read it
    #[arg(long, value_name = "TEXT", value_parser = why)]
    pub why: Option<String>,

    /// Also on the last host on which one of them runs, while it is to run on others
    #[arg(long)]
    pub last: bool,

    #[command(flatten)]
    pub part: Part,

    #[command(flatten)]
    pub operating: Operating,
}

/// Start services that are held
///
/// They start as they were released, with what was released meanwhile: on each host the hold is forgotten, then the unit is enabled and started,
/// and must become healthy.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan start production search
  bayplan start production --host docker02     all that is held there")]
pub struct Start {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Only these services; none means all that are held
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub services: Vec<ServiceName>,

    #[command(flatten)]
    pub part: Part,

    #[command(flatten)]
    pub operating: Operating,
}
