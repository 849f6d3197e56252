//! `bayplan host prepare CLUSTER`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::confirm::is_confirmed;
use super::super::shown::failures;
use super::super::{Exit, Failure};
use super::ChosenHosts;
use super::check::tell_fitness;
use crate::cli::HostPrepare;
use crate::cluster::name::HostName;
use crate::host::fitness::{Distribution, HostMending, NeedsOfHost, cloud_init, preparation};
use crate::host::reach::descriptors::sessions_at_once;
use crate::host::reach::parallel::each_in_parallel;
use crate::release::examine::{examine, run_commands};
use crate::release::problem::Problem;
use crate::report::errors::HostFailure;
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::{errors, hosts as names, prepare as text, stream};

pub(super) fn run(directory: Option<&Path>, arguments: &HostPrepare) -> Result<Exit, Failure> {
    let chosen = match ChosenHosts::of(directory, &arguments.hosts)? {
        Ok(chosen) => chosen,
        Err(exit) => return Ok(exit),
    };
    if let Some(distribution) = &arguments.cloud_init {
        return user_data(&chosen, distribution);
    }
    let cluster = &chosen.description.cluster;
    let progress = Progress::stderr(chosen.these.iter(), &Palette::stderr());
    let (examined, problems) = examine(
        cluster,
        &chosen.these,
        &chosen.description.connect,
        arguments.hosts.parallel.hosts,
        &|event| progress.event(&event),
    );
    progress.finish();
    let prepared: BTreeMap<&HostName, HostMending> = examined
        .iter()
        .map(|(name, host)| (name, preparation(&host.findings, &host.distribution)))
        .collect();
    let is_asked = !arguments.yes || prepared.values().all(|it| it.commands.is_empty());
    let text = text::text(cluster, &prepared, &Palette::stdout());
    stream::proposal(&text, is_asked)?;
    if !problems.is_empty() {
        stream::stderr(&errors::text(&failures(&problems), &Palette::stderr()));
        stream::stderr("nothing was run on any host; `--host` names those that answer\n");
        return Ok(Exit::Failed);
    }
    if prepared.values().all(|it| it.commands.is_empty()) {
        let fit = examined.values().all(|host| host.is_fit());
        return Ok(if fit { Exit::Done } else { Exit::Failed });
    }
    if !arguments.yes
        && !is_confirmed(
            &text::question(&prepared),
            "`--yes` runs them without asking",
        )?
    {
        stream::stderr("nothing was run\n");
        return Ok(Exit::Failed);
    }
    let failures = run_all(&chosen, arguments, &prepared);
    if !failures.is_empty() {
        stream::stderr(&errors::text(&failures, &Palette::stderr()));
        return Ok(Exit::Failed);
    }
    let these: BTreeSet<HostName> = prepared.keys().map(|name| (*name).clone()).collect();
    tell_fitness(&chosen, &these, &arguments.hosts)
}

/// Runs the commands on every host; what failed, by host.
fn run_all(
    chosen: &ChosenHosts,
    arguments: &HostPrepare,
    prepared: &BTreeMap<&HostName, HostMending>,
) -> BTreeMap<HostName, HostFailure> {
    let description = &chosen.description;
    let hosts = prepared.iter().filter(|(_, it)| !it.commands.is_empty());
    let hosts = hosts.map(|(name, it)| ((*name).clone(), &it.commands));
    let limit = sessions_at_once(arguments.hosts.parallel.hosts);
    let results = each_in_parallel(hosts, limit, |name, commands| {
        let host = &description.cluster.hosts[name];
        run_commands(host, &description.connect, commands, |command| {
            stream::aside(&text::begins(name, command));
        })
    });
    let failed = results.into_iter().filter_map(|(name, result)| {
        let failure = match result {
            Ok(None) => return None,
            Ok(Some(failed)) => HostFailure {
                short: format!("`{}` ended with {}", failed.command, failed.status),
                long: Some(failed.said),
                help: Some(
                    "mend that, then type the same again: what is done is not done twice"
                        .to_owned(),
                ),
            },
            Err(error) => HostFailure::from(&Problem::Host(error)),
        };
        Some((name, failure))
    });
    failed.collect()
}

/// Prints what makes new hosts fit.
fn user_data(chosen: &ChosenHosts, distribution: &Distribution) -> Result<Exit, Failure> {
    let cluster = &chosen.description.cluster;
    let hosts = chosen
        .these
        .iter()
        .filter_map(|name| cluster.hosts.get(name));
    let hosts = hosts.filter(|host| host.supervisor().runs_containers());
    let needs: Vec<NeedsOfHost> = hosts
        .clone()
        .map(|host| NeedsOfHost::of(cluster, host))
        .collect();
    if needs.is_empty() {
        return Err(anyhow::anyhow!(
            "expected a host that runs containers, found directories alone"
        )
        .into());
    }
    let title = format!(
        "bayplan: for {} of {}, with {}",
        names::hosts(hosts.map(|host| &host.name)),
        cluster.name,
        distribution.shown()
    );
    let text = cloud_init(&needs, distribution, &title).map_err(|instead| {
        Failure::with_help(
            anyhow::anyhow!("{} cannot be prepared so", distribution.shown()),
            instead,
        )
    })?;
    stream::stdout(&text)?;
    Ok(Exit::Done)
}
