//! `bayplan top`.

use clap::Args;

use super::host::HostsOf;

/// Show what containers and hosts use: processors, memory, restarts, disks
///
/// One look at every host, which takes the engine two seconds. What is nearest to its limit comes first: of a container its own limits, or
/// what the host has where it has none.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan top production
  bayplan top production --host docker02
  bayplan top production --json | jq '.containers[] | select(.memory_percent > 90).container'")]
pub struct Top {
    #[command(flatten)]
    pub hosts: HostsOf,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,
}
