//! `bayplan decommission` and `bayplan destroy`.

use std::time::Duration;

use clap::Args;

use super::arguments::{Parallel, cluster, duration, host};
use crate::cluster::name::{ClusterName, HostName};

/// Remove all of a cluster from one host
///
/// Shows what is there and asks for the name of the host; then stops and removes it: units, containers, networks, files, secrets,
/// generations. Volumes and images stay, unless they are named. Nothing of other clusters is touched, and a host without any cluster is as
/// one that never had one. A second run goes on where one was interrupted. The host may have left the description: the others remember where it was.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan decommission production docker02     shows what is there, asks for the host's name, removes it
  bayplan decommission production docker02 --volumes --images
                                               with its data and its images
  bayplan decommission production docker02 --confirm docker02
                                               without asking")]
pub struct Decommission {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The host, whether or not it is still described
    #[arg(value_name = "HOST", value_parser = host)]
    pub host: HostName,

    #[command(flatten)]
    pub besides: DepartureChoice,

    /// Do not ask; the name of the host, once more
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub confirm: Option<HostName>,
}

/// Remove all of a cluster from all of its hosts
///
/// As `decommission`, for every host, and asks for the name of the cluster. The description stays. A host that does not answer stops it
/// before anything is removed, unless `--skip` leaves it out.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan destroy integration                  shows what is there, asks for the cluster's name, removes it
  bayplan destroy integration --volumes --images --confirm integration
                                               with data and images, without asking
  bayplan destroy integration --skip docker02   leaves docker02 as it is")]
pub struct Destroy {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Leave this host as it is, whether it answers or not; may be repeated
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub skip: Vec<HostName>,

    #[command(flatten)]
    pub besides: DepartureChoice,

    /// Do not ask; the name of the cluster, once more
    #[arg(long, value_name = "CLUSTER", value_parser = cluster)]
    pub confirm: Option<ClusterName>,
}

/// What goes besides, and how patiently.
#[derive(Debug, Clone, Copy, Args)]
pub struct DepartureChoice {
    /// Also data: volumes of the engine that containers mount, and directories that are described with an owner. Nothing brings it back
    #[arg(long)]
    pub volumes: bool,

    /// Also the images that nobody else uses
    #[arg(long)]
    pub images: bool,

    /// Wait this long for a lock that somebody else holds, as `30s` or `5m`; by default fail at once
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_wait: Option<Duration>,

    #[command(flatten)]
    pub parallel: Parallel,
}
