//! `bayplan run`.

use clap::Args;

use super::arguments::{cluster, host, service};
use crate::cluster::name::{ClusterName, HostName, ServiceName};

/// Run a command in a container of its own that is like that of a service
///
/// It has the image, the variables, the secrets, the volumes and the networks that are released on the host,
/// but no ports, addresses or names of the service. It is removed at its end, and its output is also
/// in the journal of the host. Ctrl-C, the size of the terminal and the exit code are passed on; it ends within
/// a minute when you, or the connection, are gone. The service itself need not run, and is not touched.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan run production api -- rake db:migrate
  bayplan run production api --host docker02 -- sh
  bayplan run production db -- pg_dump -h db.internal shop > shop.sql")]
pub struct RunOnce {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// The service
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub service: ServiceName,

    /// On this host
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub host: Option<HostName>,

    /// The command and its arguments, in place of those of the service; an entrypoint stays
    #[arg(value_name = "CMD", last = true, required = true)]
    pub command: Vec<String>,
}
