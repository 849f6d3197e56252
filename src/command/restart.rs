//! `bayplan restart CLUSTER [SERVICE…]`: a release of what hosts have already.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::carry_out::{ReleaseContext, carry_out, make_room};
use super::description::{Description, Services, load_hosts, repository};
use super::request::request;
use super::rollback::{generations, only, stopped};
use super::selection::{Scope, leave_out};
use super::shown::suggest_skip;
use super::{Exit, Failure};
use crate::cli::{Patience, Restart};
use crate::cluster::model::OnFailure;
use crate::cluster::name::{HostName, ServiceName};
use crate::host::look::LookFor;
use crate::plan::observed::{Generation, Observed};
use crate::plan::{AskedRestart, Moves, Options, Origin, RolloutPolicy};
use crate::release::generations::bare;
use crate::release::{Hosts, Setting};
use crate::render::desired::Desired;
use crate::render::manifest::ManifestService;
use crate::report::Detail;
use crate::report::palette::Palette;
use crate::report::progress::Progress;

pub(super) fn run(directory: Option<&Path>, arguments: &Restart) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let (description, described) = match load_hosts(&repository, &arguments.cluster) {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let cluster = &description.cluster;
    let others = leave_out(cluster, &arguments.part)?;
    let progress = Progress::stderr(cluster.hosts.keys(), &Palette::stderr());
    let bare = bare(cluster);
    let setting = Setting {
        desired: &bare,
        ..description.setting(&arguments.parallel)
    };
    make_room(&setting)?;
    let tell = |event| progress.event(&event);
    let mut hosts = Hosts::look(setting, LookFor::Plan, &tell);
    hosts.without(&others);
    hosts.leave_out(&not_about(&description, described, &arguments.services));
    hosts.follow_orphans(setting, &tell);
    progress.finish();
    if !hosts.problems().is_empty() {
        let exit = stopped(&hosts);
        let services = arguments.services.iter();
        let services: String = services.map(|name| format!(" {name}")).collect();
        suggest_skip(
            &format!("restart {}{services}", arguments.cluster),
            hosts.problems(),
        );
        return Ok(exit);
    }
    let RestartedServices { numbers, services } =
        found(&hosts.observed(), &description, arguments)?;
    let (back, mut desired) = generations(&mut hosts, setting, &numbers);
    if !hosts.problems().is_empty() {
        return Ok(stopped(&hosts));
    }
    pace(&mut desired, &description.desired);
    let rollout = RolloutPolicy {
        pause: None,
        // There is nothing to go back to.
        on_failure: OnFailure::Keep,
        ..RolloutPolicy::of(cluster)
    };
    let description = only(description, &back);
    let setting = Setting {
        desired: &desired,
        ..description.setting(&arguments.parallel)
    };
    hosts.look_for(setting, &back);
    if !hosts.problems().is_empty() {
        return Ok(stopped(&hosts));
    }
    let options = Options {
        services: Some(services),
        origin: Origin::Current,
        moves: Moves::Allow,
        rollout,
        asked: Some(AskedRestart {
            why: arguments.why.clone(),
        }),
        ..Options::default()
    };
    let patience = Patience {
        lock_wait: arguments.lock_wait,
        on_failure: None,
    };
    let mut request = request(&repository, &arguments.cluster, options, &patience);
    request.back = back;
    let context = ReleaseContext {
        description: &description,
        setting,
        scope: &Scope {
            cluster: arguments.cluster.clone(),
            services: arguments.services.clone(),
        },
        repository: &repository,
        identities: &arguments.identities,
        origin: Origin::Current,
        lift: &[],
        saved: None,
        yes: arguments.yes,
        detail: Detail::Short,
    };
    Ok(carry_out(&context, request, &mut hosts)?.exit)
}

/// The hosts that need not answer: none of these services is described there.
fn not_about(
    description: &Description,
    described: Services,
    services: &[ServiceName],
) -> BTreeSet<HostName> {
    if described == Services::Broken || services.is_empty() {
        return BTreeSet::new();
    }
    let hosts = description.desired.hosts.iter();
    let others = hosts.filter(|(_, host)| {
        let mut services = services.iter();
        !services.any(|name| host.services.contains_key(name))
    });
    others.map(|(name, _)| name.clone()).collect()
}

/// What is started again.
struct RestartedServices {
    /// The current generation of each host that has some of it.
    numbers: BTreeMap<HostName, Option<u64>>,
    services: BTreeSet<ServiceName>,
}

/// Finds the services among those that are released.
fn found(
    observed: &Observed,
    description: &Description,
    arguments: &Restart,
) -> Result<RestartedServices, Failure> {
    let cluster = &description.cluster;
    let mut released: BTreeMap<&ServiceName, &ManifestService> = BTreeMap::new();
    let mut current: BTreeMap<&HostName, (u64, BTreeSet<&ServiceName>)> = BTreeMap::new();
    for (host, seen) in &observed.hosts {
        let Generation::Current {
            number, manifest, ..
        } = &seen.generation
        else {
            continue;
        };
        if !cluster.supervisor(host).runs_containers() {
            continue;
        }
        released.extend(&manifest.services);
        current.insert(host, (*number, manifest.services.keys().collect()));
    }
    if current.is_empty() {
        let runs = |host: &HostName| cluster.supervisor(host).runs_containers();
        return Err(match observed.hosts.keys().any(runs) {
            true => Failure::with_help(
                anyhow::anyhow!("nothing of {} is released there", cluster.name),
                format!("`bayplan release {}` starts it", cluster.name),
            ),
            false => anyhow::anyhow!("there are directories only: nothing runs there").into(),
        });
    }
    let is_job = |entry: &ManifestService| {
        let handling = entry.handling.as_ref();
        handling.is_some_and(|handling| !handling.runs.is_all_the_time())
    };
    for name in &arguments.services {
        match released.get(name) {
            Some(entry) if is_job(entry) => {
                return Err(Failure::with_help(
                    anyhow::anyhow!("{name} is a job: it runs when it is due"),
                    format!(
                        "`bayplan run {} {name} -- COMMAND` runs something like it once",
                        cluster.name
                    ),
                ));
            }
            Some(_) => {}
            None => return Err(unknown(name, &released, cluster.name.as_str())),
        }
    }
    let services: BTreeSet<ServiceName> = match arguments.services.as_slice() {
        [] => released
            .into_iter()
            .filter(|(_, entry)| !is_job(entry))
            .map(|(name, _)| name.clone())
            .collect(),
        named => named.iter().cloned().collect(),
    };
    let numbers = current.into_iter().filter(|(_, (_, has))| {
        let mut services = services.iter();
        services.any(|name| has.contains(name))
    });
    Ok(RestartedServices {
        numbers: numbers
            .map(|(host, (number, _))| (host.clone(), Some(number)))
            .collect(),
        services,
    })
}

fn unknown(
    name: &ServiceName,
    released: &BTreeMap<&ServiceName, &ManifestService>,
    cluster: &str,
) -> Failure {
    let known = released.keys().map(|name| name.as_str());
    let help = match crate::cluster::nearest::nearest(name.as_str(), known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("`bayplan status {cluster}` shows what runs"),
    };
    Failure::with_help(
        anyhow::anyhow!("expected a service that is released on {cluster}, found `{name}`"),
        help,
    )
}

/// How carefully each service restarts is what the description says; a generation does not have it.
fn pace(desired: &mut Desired, described: &Desired) {
    for (host, wanted) in &mut desired.hosts {
        let Some(described) = described.hosts.get(host) else {
            continue;
        };
        for (name, service) in &mut wanted.services {
            if let Some(described) = described.services.get(name) {
                let service = Arc::make_mut(service);
                service.max_down = described.max_down;
                service.batch = described.batch;
                service.soak = described.soak;
                service.deadline = described.deadline;
            }
        }
    }
}
