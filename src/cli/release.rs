//! `bayplan release`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::arguments::{Identities, Lift, Parallel, Part, Patience, cluster, host, service};
use super::bump::{Committing, TagLookup, wanted};
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::cluster::version::ImageVersion;

/// Push the files and restart what changed
///
/// Shows the plan and asks; then locks every host, stages the files on all of them, checks
/// them, pulls images, and only when every host is ready makes it effective, host after host.
/// Waits until what was restarted is healthy. Where that fails, the previous generation of that
/// host is put back and the release stops: exit code 5. A release that died is finished by the
/// next one: what a host still does by itself is followed first.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan release production                   everything that changed
  bayplan release production search listing    two services; all others stay
  bayplan release production --yes --lock-wait 5m
                                               in CI: do not ask, wait in line
  bayplan release production --skip docker02   that one is gone: the rest goes on
  bayplan release production search --bump search=1.5.0 --commit
                                               another version, in git and on the hosts
  bayplan release --plan plan.json             what `diff -o plan.json` showed")]
pub struct Release {
    /// The cluster, a directory below `clusters/`; may be left out with `--plan`
    #[arg(value_name = "CLUSTER", value_parser = cluster, required_unless_present = "plan")]
    pub cluster: Option<ClusterName>,

    /// Only these services; none means all
    #[arg(value_name = "SERVICE", value_parser = service, conflicts_with = "plan")]
    pub services: Vec<ServiceName>,

    /// Do just what this plan says that `diff -o FILE` saved, without asking; exit code 4 if the commit,
    /// the description or a host is not what it was made from
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["skip", "only"])]
    pub plan: Option<PathBuf>,

    /// Write another version into the description first, as `bump` does; may be repeated. Who answers no keeps it there
    #[arg(long, value_name = "SERVICE=TAG", value_parser = wanted, conflicts_with = "plan")]
    pub bump: Vec<(ServiceName, ImageVersion)>,

    #[command(flatten)]
    pub lookup: TagLookup,

    #[command(flatten)]
    pub committing: Committing,

    /// Go on with the release that has not ended: after the pause behind its canary, or since its releaser died; back, if it
    /// was going back (exit code 5). Exit code 4 if something else is described than when it began
    #[arg(long, conflicts_with_all = ["plan", "services", "bump", "skip", "only", "dismiss"])]
    pub resume: bool,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,

    /// Show values in full and every changed file line by line
    #[arg(long)]
    pub diff: bool,

    #[command(flatten)]
    pub part: Part,

    #[command(flatten)]
    pub patience: Patience,

    /// Let services that are marked `stateful` move to another host or vanish
    #[arg(long)]
    pub allow_move: bool,

    /// Forget what may still run on this machine, which is no longer described: nobody is told of it any more,
    /// and nothing is done there
    #[arg(long, value_name = "HOST", value_parser = host, conflicts_with = "plan")]
    pub dismiss: Vec<HostName>,

    /// Release although this guard of `[guard]` forbids it, or without asking `[hooks]`; may be repeated
    #[arg(long, value_name = "GUARD")]
    pub lift: Vec<Lift>,

    #[command(flatten)]
    pub identities: Identities,

    #[command(flatten)]
    pub parallel: Parallel,
}
