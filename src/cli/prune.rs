//! `bayplan prune`.

use std::time::Duration;

use clap::Args;

use super::arguments::duration;
use super::host::HostsOf;

/// Remove from hosts what nothing uses any more: images, networks, containers that stopped
///
/// Shows first what would go, with sizes, and asks. Images go that a generation of this cluster named once, or a release of it
/// pulled, and that nothing names any more: no kept generation of any cluster, no container of anybody, no tag of somebody else.
/// Networks and stopped containers go that carry the label of this cluster and that no unit uses. Nothing is forced.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan prune production                     shows what would go, asks, removes it
  bayplan prune production --host docker02 --yes
  bayplan prune production --json | jq '.hosts[].leftovers[].size'
                                               what could go; nothing does")]
pub struct Prune {
    #[command(flatten)]
    pub hosts: HostsOf,

    /// Remove it without asking
    #[arg(short, long)]
    pub yes: bool,

    /// Remove nothing, and print what could go as JSON, as described in docs/json.md
    #[arg(long, conflicts_with = "yes")]
    pub json: bool,

    /// Wait this long for a lock that somebody else holds, as `30s` or `5m`; by default fail at once
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub lock_wait: Option<Duration>,
}
