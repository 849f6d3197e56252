//! `bayplan why CLUSTER SERVICE`.

use std::collections::BTreeSet;
use std::path::Path;

use super::description::{load, repository};
use super::{Exit, Failure};
use crate::cli::Why;
use crate::cluster::{nearest, provenance};
use crate::report::palette::Palette;
use crate::report::{stream, why};

pub(super) fn run(directory: Option<&Path>, arguments: &Why) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let description = match load(&repository, &arguments.cluster) {
        Ok(description) => description,
        Err(exit) => return Ok(exit),
    };
    let sources = repository.load(arguments.cluster.as_str())?;
    let cluster = &description.cluster;
    let found = provenance(cluster.name.as_str(), &arguments.service, &sources);
    let service = cluster.services.get(&arguments.service);
    let (Some(service), Some(found)) = (service, found) else {
        let known = cluster.services.keys().map(|name| name.as_str());
        return Err(Failure {
            help: nearest::help(arguments.service.as_str(), known),
            ..Failure::from(anyhow::anyhow!(
                "expected a service of {}, found `{}`",
                cluster.name,
                arguments.service
            ))
        });
    };
    let names: BTreeSet<&str> = service.variables.keys().map(|name| name.as_str()).collect();
    let found = found.of(&names);
    let mut placed = description.desired.hosts.values();
    let desired = placed.find_map(|host| host.services.get(&service.name).map(AsRef::as_ref));
    let palette = Palette::stdout();
    stream::stdout(&why::text(service, desired, &found, &palette))?;
    Ok(Exit::Done)
}
