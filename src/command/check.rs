//! `bayplan check [CLUSTER…]`.

use std::path::Path;

use super::description::{examine, not_loaded, repository, show};
use super::{Exit, Failure};
use crate::cli::Check;
use crate::cluster::name::ClusterName;
use crate::report::check::summary;
use crate::report::errors::one;
use crate::report::palette::Palette;
use crate::report::view::CheckView;
use crate::report::{json, stream};

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
    let mut view = CheckView::new();
    let mut checked = Vec::new();
    let mut misnamed = false;
    for cluster in clusters {
        let name = match ClusterName::new(cluster.clone()) {
            Ok(name) => name,
            Err(error) => {
                // The others are checked all the same.
                misnamed = true;
                let error = format!("clusters/{cluster}: {error}");
                let help = "rename the directory";
                view.add_misnamed(&cluster, &error, help);
                if !arguments.json {
                    stream::stdout(&(one(&error, Some(help), &Palette::stdout()) + "\n"))?;
                }
                continue;
            }
        };
        let sources = repository.load(&cluster).map_err(not_loaded)?;
        let mut outcome = examine(&name, &sources);
        outcome.checked.warnings += outcome.lints.len();
        outcome.problems.append(&mut outcome.lints);
        view.add(&outcome.checked, &outcome.problems, &sources);
        if !arguments.json {
            stream::stdout(&show(&outcome.problems, &sources, &Palette::stdout()))?;
        }
        checked.push(outcome.checked);
    }
    match arguments.json {
        true => stream::stdout(&json::text(&view))?,
        false => stream::stdout(&summary(&checked))?,
    }
    Ok(if misnamed || checked.iter().any(|one| one.errors > 0) {
        Exit::Failed
    } else {
        Exit::Done
    })
}
