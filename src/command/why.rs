//! `bayplan why CLUSTER SERVICE`.

use std::collections::BTreeSet;
use std::path::Path;

use super::description::{Description, load, repository};
use super::shown::failures;
use super::{Exit, Failure};
use crate::cli::Why;
use crate::cluster::model::Service;
use crate::cluster::{nearest, provenance};
use crate::host::look::LookFor;
use crate::release::{Hosts, Setting};
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::WhyView;
use crate::report::{errors, json, stream, why};

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
    let names = service.all_variables();
    let names: BTreeSet<&str> = names.map(|(name, _)| name.as_str()).collect();
    let found = found.of(&names);
    let mut placed = description.desired.hosts.values();
    let desired = placed.find_map(|host| host.services.get(&service.name).map(AsRef::as_ref));
    let view = WhyView::of(&cluster.name, service, desired, &found);
    if !arguments.json {
        stream::stdout(&why::text(&view, &Palette::stdout()))?;
    }
    if arguments.live {
        return live(&description, service, view, arguments);
    }
    if arguments.json {
        stream::stdout(&json::text(&view))?;
    }
    Ok(Exit::Done)
}

/// What the hosts say of it.
fn live(
    description: &Description,
    service: &Service,
    view: WhyView<'_>,
    arguments: &Why,
) -> Result<Exit, Failure> {
    // Hosts that do not have it are not asked.
    let mut cluster = description.cluster.clone();
    cluster.hosts.retain(|host, _| service.hosts.contains(host));
    let mut desired = description.desired.clone();
    desired.hosts.retain(|host, _| service.hosts.contains(host));
    let progress = Progress::stderr(cluster.hosts.keys(), &Palette::stderr());
    let setting = Setting {
        cluster: &cluster,
        desired: &desired,
        ..description.setting(&arguments.parallel)
    };
    let (hosts, histories) =
        Hosts::seen_with_histories(setting, LookFor::Status, &|event| progress.event(&event));
    progress.finish();
    let failures = failures(hosts.problems());
    let observed = hosts.observed();
    let view = view.with_live(&service.name, &observed, &histories, &failures);
    stream::stdout(&match (arguments.json, &view.live) {
        (false, Some(hosts)) => why::live(hosts, &Palette::stdout()),
        (true, _) | (false, None) => json::text(&view),
    })?;
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    Ok(if failures.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}
