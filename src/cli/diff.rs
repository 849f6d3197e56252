//! `bayplan diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::arguments::{Parallel, Part, cluster, service};
use crate::cluster::name::{ClusterName, ServiceName};

/// Show what a release would change, and why
///
/// Looks at every host of the cluster and compares. Every restart is explained, down to the
/// variable with its old and new value. Nothing is changed anywhere.
///
/// With `--against` two revisions of git are compared instead: what a release does where the
/// first one runs. That needs no host, no key and no checkout.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan diff production                 the plan in short
  bayplan diff production search --diff   one service, with the lines of its files
  bayplan diff production --exit-code     in CI: exit code 2 if there are changes
  bayplan diff production --json | jq '.totals'
  bayplan diff production --html plan.html
                                          a page to look at
  bayplan diff production -o plan.json    for `release --plan plan.json`
  bayplan diff production --against origin/main
                                          these files against a branch
  bayplan diff --all --against v1.4..v1.5
                                          every cluster, between two tags
  bayplan diff --all --against origin/main... --format markdown > comment.md
                                          in CI: what a merge request does")]
pub struct Diff {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster, required_unless_present = "all")]
    pub cluster: Option<ClusterName>,

    /// Only these services; none means all
    #[arg(value_name = "SERVICE", value_parser = service)]
    pub services: Vec<ServiceName>,

    #[command(flatten)]
    pub part: Part,

    /// Compare with git instead of the hosts: these files with a revision, or `REV1..REV2`, or from
    /// where REV2 left REV1, `REV1...REV2`
    #[arg(long, value_name = "REV")]
    pub against: Option<String>,

    /// Every cluster that the change touches
    #[arg(long, requires = "against", conflicts_with = "cluster")]
    pub all: bool,

    /// Show values in full and every changed file line by line
    #[arg(long)]
    pub diff: bool,

    /// How to print it: for people, for programs (docs/json.md), or for a merge request
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// Write a page for a browser to this file instead: one file, without script, that asks for nothing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["format", "json"])]
    pub html: Option<PathBuf>,

    /// Exit with 2 if there are changes
    #[arg(long)]
    pub exit_code: bool,

    /// Save the plan in this file, for `release --plan`: digests only, no value of any variable
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub parallel: Parallel,
}

impl Diff {
    /// What was asked for, by either option.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Markdown,
}
