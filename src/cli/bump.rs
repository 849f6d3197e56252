//! `bayplan bump`.

use clap::Args;

use super::arguments::{cluster, service};
use crate::cluster::name::{ClusterName, ServiceName};
use crate::cluster::version::ImageVersion;

/// Write another version of an image into the description
///
/// Changes the line that says which image a service runs, and nothing else of the file, and shows what a
/// release of that restarts. A service that has its version from another one's file, by `from`, moves together
/// with that one. The registry is asked whether it has that version, with the login that docker or podman has on
/// this machine; no host is asked.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan bump production search=1.5.0
  bayplan bump production search=1.5.0 listing=3.1 --commit -m 'for the summer sale'
  bayplan bump production search=1.6.0 --dry-run   what it would do
  bayplan bump production listing=3.2 --digest   pin what that tag means now
  bayplan bump production --list   which newer versions there are
  bayplan bump production --list search")]
pub struct Bump {
    /// The cluster, a directory below `clusters/`
    #[arg(value_name = "CLUSTER", value_parser = cluster)]
    pub cluster: ClusterName,

    /// A service and its new tag; or TAG@sha256:…, or sha256:…, as its file has it. With --list services alone, or none
    #[arg(value_name = "SERVICE=TAG", value_parser = named, required_unless_present = "list")]
    pub wanted: Vec<(ServiceName, Option<ImageVersion>)>,

    /// Show which newer versions registries have than those of the description, the newest first, and write nothing
    #[arg(short, long, conflicts_with_all = ["digest", "offline", "commit", "dry_run"])]
    pub list: bool,

    #[command(flatten)]
    pub lookup: TagLookup,

    #[command(flatten)]
    pub committing: Committing,

    /// Show what would change, and change nothing
    #[arg(short = 'n', long, conflicts_with = "commit")]
    pub dry_run: bool,
}

/// What registries are asked about a version.
#[derive(Debug, Clone, Default, Args)]
pub struct TagLookup {
    /// Write the digest that the registry has for the tag, too: that image never becomes another one
    #[arg(long, conflicts_with = "offline")]
    pub digest: bool,

    /// Ask no registry whether it has that version
    #[arg(long)]
    pub offline: bool,
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
    match named(text)? {
        (service, Some(version)) => Ok((service, version)),
        (_, None) => Err("expected a service and its tag, as `search=1.5.0`".to_owned()),
    }
}

/// `search=1.5.0`, or `search`
fn named(text: &str) -> Result<(ServiceName, Option<ImageVersion>), String> {
    let Some((name, version)) = text.split_once('=') else {
        return Ok((service(text)?, None));
    };
    Ok((service(name)?, Some(ImageVersion::new(version)?)))
}
