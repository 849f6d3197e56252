//! `bayplan logs`.

use clap::Args;

use super::arguments::{TimeArgument, cluster, host, moment, service};
use crate::cluster::name::{ClusterName, HostName, ServiceName};

/// Show what containers say, on all hosts, by time
///
/// Reads the journals of the hosts and merges them. Without a range: the last 100 lines of each host, with
/// `-f` the last 10 and what comes. A host that is slow or gone holds nobody up and is named; `-f`
/// goes on with it when it is back. What could steer a terminal is shown escaped.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan logs production                      the last lines of all services
  bayplan logs production search listing -f    two services, and what comes
  bayplan logs production search --since 10m --grep 'timeout|refused'
  bayplan logs production --since '2026-11-27 09:00' --until '2026-11-27 09:15'
  bayplan logs production search --since-release
                                               since the last release of each host
  bayplan logs production search --previous    what it said before its last start
  bayplan logs production --json -f | jq -r 'select(.host == \"docker01\").message'")]
pub struct Logs {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Only these services, whether or not they are still described; none means all
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub services: Vec<ServiceName>,

    /// Only this host; may be repeated
    #[arg(long = "host", value_name = "HOST", value_parser = host)]
    pub hosts: Vec<HostName>,

    /// Go on with what comes, until Ctrl-C
    #[arg(short, long, conflicts_with_all = ["until", "previous"])]
    pub follow: bool,

    /// Only the last lines of each host, so many
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<usize>,

    /// Not older than this: `10m`, `2h`, `2026-11-27`, `09:30`, `2026-11-27 09:30`, or with a zone as
    /// `2026-11-27T09:30:00Z`; without one it is this machine's
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub since: Option<TimeArgument>,

    /// Not younger than this
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub until: Option<TimeArgument>,

    /// Not older than the last release that acted on the host
    #[arg(long, conflicts_with = "since")]
    pub since_release: bool,

    /// Only messages that match this pattern of `journalctl --grep`; in lower case it matches either case
    #[arg(long, value_name = "PATTERN")]
    pub grep: Option<String>,

    /// Only the run of each service before its last start
    #[arg(long)]
    pub previous: bool,

    /// Print JSON, a line a message, as described in docs/json.md
    #[arg(long)]
    pub json: bool,
}
