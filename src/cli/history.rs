//! `bayplan history`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::arguments::{Parallel, cluster, host};
use crate::cluster::name::{ClusterName, HostName};

/// Show what was released: when, by whom, on which hosts, and how it ended
///
/// A row a release, the newest first: `*` is the current generation of a host, `+` one that is kept
/// and that `rollback --to` can bring back, `✗` one that failed. Each host counts its generations by
/// itself. `--host` tells what each release did on a host, a line an activation.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan history production
  bayplan history production --host docker01   a line an activation there
  bayplan history production --html history.html
  bayplan history production --json | jq '.hosts[].activations[-1]'")]
pub struct History {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// Only this host, a line an activation; may be repeated
    #[arg(long = "host", value_name = "HOST", value_parser = host)]
    pub host: Vec<HostName>,

    /// Write a page for a browser to this file instead: one file, without script, that asks for nothing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["json"])]
    pub html: Option<PathBuf>,

    /// Print JSON, as described in docs/json.md
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub parallel: Parallel,
}
