//! `bayplan rollback CLUSTER`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::carry_out::{ReleaseContext, carry_out, make_room};
use super::description::{Description, load_hosts, repository};
use super::request::request;
use super::selection::{Scope, described};
use super::shown::failures;
use super::{Exit, Failure};
use crate::cli::Rollback;
use crate::cluster::model::OnFailure;
use crate::cluster::name::HostName;
use crate::host::look::LookFor;
use crate::host::past::history::{HostHistory, last_release};
use crate::plan::{Moves, Options, Origin, RolloutPolicy};
use crate::release::generations::bare;
use crate::release::request::Back;
use crate::release::{Hosts, Setting};
use crate::render::desired::Desired;
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::{Detail, errors, stream};

pub(super) fn run(directory: Option<&Path>, arguments: &Rollback) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let description = match load_hosts(&repository, &arguments.cluster) {
        Ok((description, _)) => description,
        Err(exit) => return Ok(exit),
    };
    let cluster = &description.cluster;
    for host in arguments.host.iter().chain(&arguments.skip) {
        described(cluster, host)?;
    }
    // Others need not answer.
    let others: BTreeSet<HostName> = match &arguments.host {
        Some(only) => cluster
            .hosts
            .keys()
            .filter(|host| *host != only)
            .cloned()
            .collect(),
        None => arguments.skip.iter().cloned().collect(),
    };
    let progress = Progress::stderr(cluster.hosts.keys(), &Palette::stderr());
    let bare = bare(cluster);
    let setting = Setting {
        desired: &bare,
        ..description.setting(&arguments.parallel)
    };
    make_room(&setting)?;
    let mut hosts = Hosts::look(setting, LookFor::Plan, &|event| progress.event(&event));
    hosts.without(&others);
    hosts.follow_orphans(setting, &|event| progress.event(&event));
    let histories = hosts.histories(setting);
    progress.finish();
    if !hosts.problems().is_empty() {
        return Ok(stopped(&hosts));
    }
    // A release that has not ended is the last one, whatever generations say: they are recorded at its end.
    let undone = match (&arguments.host, arguments.to) {
        (None, None) => hosts.begun().cloned(),
        (Some(_), _) | (_, Some(_)) => None,
    };
    let numbers = match &undone {
        Some(begun) => {
            let known = begun.hosts.iter();
            let known = known.filter(|(host, _)| histories.contains_key(*host));
            known
                .map(|(host, number)| (host.clone(), *number))
                .collect()
        }
        None => choose(arguments, &histories)?,
    };
    let stay: BTreeMap<HostName, u64> = match arguments.host {
        Some(_) => BTreeMap::new(),
        None => histories
            .iter()
            .filter(|(host, _)| !numbers.contains_key(*host))
            .filter_map(|(host, history)| Some((host.clone(), history.current?)))
            .collect(),
    };
    let (back, desired) = generations(&mut hosts, setting, &numbers);
    if !hosts.problems().is_empty() {
        return Ok(stopped(&hosts));
    }
    let rollout = RolloutPolicy::of(&description.cluster).on_the_way_back();
    let description = only(description, &back);
    let setting = Setting {
        desired: &desired,
        ..description.setting(&arguments.parallel)
    };
    hosts.look_for(setting, &back);
    hosts.refuse_lost_secrets(setting, &back);
    if !hosts.problems().is_empty() {
        return Ok(stopped(&hosts));
    }
    for (host, back) in &back {
        let to = match back.number {
            Some(number) => format!("generation {number}"),
            None => "before the first release".to_owned(),
        };
        stream::aside(&format!("{host}: back to {to}\n"));
    }
    for (host, current) in &stay {
        stream::stderr(&format!(
            "{host}: stays at generation {current}, which the last release did not make; \
             `--host {host}` takes it back, too\n"
        ));
    }
    let options = Options {
        origin: Origin::Generations,
        // What an unfinished release took to another host goes back to where its data is.
        moves: Moves::allowed(arguments.allow_move || undone.is_some()),
        rollout,
        ..Options::default()
    };
    let mut request = request(
        &repository,
        ("rollback", &arguments.cluster),
        options,
        &arguments.patience,
    );
    request.back = back;
    if undone.is_some() {
        // It is the way back already: what fails on it is not to go forward again.
        request.options.rollout.on_failure = OnFailure::Host;
    }
    request.undoes = undone;
    let context = ReleaseContext {
        description: &description,
        setting,
        scope: &Scope {
            cluster: arguments.cluster.clone(),
            services: Vec::new(),
        },
        repository: &repository,
        identities: &arguments.identities,
        origin: Origin::Generations,
        lift: &arguments.lift,
        saved: None,
        yes: arguments.yes,
        detail: Detail::of(arguments.diff),
    };
    Ok(carry_out(&context, request, &mut hosts)?.exit)
}

/// Reads these generations of the hosts: which they are, and what they are as something to be desired.
pub(super) fn generations(
    hosts: &mut Hosts,
    setting: Setting<'_>,
    numbers: &BTreeMap<HostName, Option<u64>>,
) -> (BTreeMap<HostName, Back>, Desired) {
    let mut found = hosts.generations(setting, numbers);
    let back = numbers.iter().map(|(host, number)| {
        let images = found.get(host).map(|(images, _)| images.clone());
        let back = Back {
            number: *number,
            images: images.unwrap_or_default(),
        };
        (host.clone(), back)
    });
    let back: BTreeMap<HostName, Back> = back.collect();
    let desired = Desired {
        cluster: setting.cluster.name.clone(),
        hosts: back
            .keys()
            .filter_map(|host| Some((host.clone(), found.remove(host)?.1)))
            .collect(),
        machines: setting.desired.machines.clone(),
    };
    (back, desired)
}

/// The same description of these hosts alone: others are no part of it.
pub(super) fn only(description: Description, these: &BTreeMap<HostName, Back>) -> Description {
    let mut narrow = description.cluster.clone();
    narrow.hosts.retain(|host, _| these.contains_key(host));
    Description {
        cluster: narrow,
        ..description
    }
}

/// Tells why hosts are not ready for it.
pub(super) fn stopped(hosts: &Hosts) -> Exit {
    let failures = failures(hosts.problems());
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    stream::stderr("nothing was changed on any host\n");
    Exit::Failed
}

/// Which hosts go back, and to which generation of theirs. Without `--to` and `--host` it is the last
/// release that is undone: hosts that it did not change stay.
fn choose(
    arguments: &Rollback,
    histories: &BTreeMap<HostName, HostHistory>,
) -> Result<BTreeMap<HostName, Option<u64>>, Failure> {
    let cluster = &arguments.cluster;
    let see = || format!("`bayplan history {cluster}` shows what is kept");
    let last = last_release(histories);
    let chosen = histories
        .iter()
        .filter(|(host, history)| match (&arguments.host, arguments.to) {
            (Some(only), _) => *host == only,
            (None, Some(_)) => true,
            (None, None) => {
                let made = history.made_current().map(|entry| entry.when.as_str());
                made.is_some() && made == last
            }
        });
    let mut numbers = BTreeMap::new();
    for (host, history) in chosen {
        let number = match arguments.to {
            Some(number) if history.kept.contains(&number) => number,
            Some(number) => {
                let error = anyhow::anyhow!("expected generation {number} on {host}, found none");
                return Err(Failure::with_help(error, see()));
            }
            None => history.previous().ok_or_else(|| {
                let error = anyhow::anyhow!("expected an older generation on {host}, found none");
                Failure::with_help(error, see())
            })?,
        };
        numbers.insert(host.clone(), Some(number));
    }
    if numbers.is_empty() {
        let error = anyhow::anyhow!("expected a release of {cluster} to undo, found none");
        return Err(Failure::with_help(error, see()));
    }
    Ok(numbers)
}
