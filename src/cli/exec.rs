//! `bayplan exec`.

use clap::Args;

use super::arguments::{cluster, host, service};
use crate::cluster::name::{ClusterName, HostName, ServiceName};

/// Run a command in the container of a service, with your terminal
///
/// On the first host of the service that answers, or on `--host`. Without a command: a shell. Ctrl-C, the size
/// of the terminal and the exit code are passed on. What it started ends within a minute when you, or the
/// connection, are gone.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan exec production search               a shell
  bayplan exec production search --host docker02 -- ls -l /data
  bayplan exec production db -- pg_dump shop > shop.sql
  bayplan exec production db -- psql shop < mend.sql")]
pub struct Exec {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The service
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub service: ServiceName,

    /// On this host
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub host: Option<HostName>,

    /// The command and its arguments
    #[arg(value_name = "CMD", last = true)]
    pub command: Vec<String>,
}
