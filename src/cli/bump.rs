//! `bayplan bump`.

use clap::Args;

use super::arguments::{cluster, service};
use crate::cluster::name::{ClusterName, ServiceName};
use crate::cluster::version::ImageVersion;

/// Write another version of an image into the description
///
/// Changes the line that says which image a service runs, and nothing else of the file, and shows what a
/// release of that restarts. A service that has its version from another one's file, by `from`, moves together
/// with that one. No host and no registry is asked.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan bump production search=1.5.0
  bayplan bump production search=1.5.0 listing=3.1 --commit -m 'for the summer sale'
  bayplan bump production search=1.6.0 --dry-run   what it would do")]
pub struct Bump {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// A service and its new tag; or TAG@sha256:…, or sha256:…, as its file has it
    #[arg(value_name = "SERVICE=TAG", value_parser = wanted, required = true)]
    pub wanted: Vec<(ServiceName, ImageVersion)>,

    #[command(flatten)]
    pub committing: Committing,

    /// Show what would change, and change nothing
    #[arg(short = 'n', long, conflicts_with = "commit")]
    pub dry_run: bool,
}

/// Whether and why it is committed.
#[derive(Debug, Clone, Default, Args)]
pub struct Committing {
    /// Commit the new version with git, as you: nothing else may be staged
    #[arg(long)]
    pub commit: bool,

    /// Why, for the message of the commit
    #[arg(short, long, value_name = "WHY", requires = "commit")]
    pub message: Option<String>,
}

/// `search=1.5.0`
pub(super) fn wanted(text: &str) -> Result<(ServiceName, ImageVersion), String> {
    let (name, version) = text
        .split_once('=')
        .ok_or("expected a service and its tag, as `search=1.5.0`")?;
    Ok((service(name)?, ImageVersion::new(version)?))
}
