//! `bayplan check [CLUSTER…]`.

#![expect(
    clippy::disallowed_methods,
    reason = "asks whether standard error is a terminal"
)]

use std::io::IsTerminal as _;
use std::path::Path;

use super::description::{examine, not_loaded, repository, show};
use super::{Exit, Failure};
use crate::cli::Check;
use crate::cluster::name::ClusterName;
use crate::report::check::summary;
use crate::report::stream;

pub(super) fn run(directory: Option<&Path>, arguments: &Check) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let clusters = if arguments.clusters.is_empty() {
        let sources = repository.load_all().map_err(not_loaded)?;
        let names: Vec<String> = sources.clusters().map(str::to_owned).collect();
        names
    } else {
        let names = arguments.clusters.iter();
        names.map(ToString::to_string).collect()
    };
    if clusters.is_empty() {
        return Err(Failure::with_help(
            anyhow::anyhow!("there is no cluster in {}", repository.root().display()),
            "a cluster is a directory below clusters/ with a cluster.toml",
        ));
    }
    let mut checked = Vec::new();
    for cluster in clusters {
        let name = ClusterName::new(cluster.clone()).map_err(|error| {
            Failure::with_help(
                anyhow::anyhow!("clusters/{cluster}: {error}"),
                "rename the directory",
            )
        })?;
        let sources = repository.load(&cluster).map_err(not_loaded)?;
        let outcome = examine(&name, &sources);
        let terminal = std::io::stdout().is_terminal();
        stream::stdout(&show(&outcome.problems, &sources, terminal))?;
        checked.push(outcome.checked);
    }
    stream::stdout(&summary(&checked))?;
    Ok(if checked.iter().any(|one| one.errors > 0) {
        Exit::Failed
    } else {
        Exit::Done
    })
}
