//! What of a cluster an operator's command is about, as its hosts say.

use std::collections::{BTreeMap, BTreeSet};

use super::Failure;
use super::description::{Description, Services};
use super::operation::{LastHost, Operation, OperationKind, WhichHolds};
use super::selection::unknown;
use crate::cluster::name::{HostName, ServiceName};
use crate::plan::observed::{Generation, NewHolds, Observed, ObservedHost, ObservedProcess};
use crate::render::manifest::ManifestService;
use crate::report::hosts as names;

/// The hosts that need not answer: none of these services is described there.
pub(super) fn not_about(
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

/// What is acted on.
pub(super) struct OperatedServices {
    /// The current generation of each host that has some of it.
    pub(super) numbers: BTreeMap<HostName, Option<u64>>,
    pub(super) services: BTreeSet<ServiceName>,
    /// What each host is to keep of who holds what.
    pub(super) holds: BTreeMap<HostName, NewHolds>,
}

/// What is released on hosts that run something.
struct ReleasedServices<'a> {
    services: BTreeMap<&'a ServiceName, &'a ManifestService>,
    hosts: BTreeMap<&'a HostName, (u64, BTreeSet<&'a ServiceName>)>,
}

fn released<'a>(
    observed: &'a Observed,
    description: &Description,
) -> Result<ReleasedServices<'a>, Failure> {
    let cluster = &description.cluster;
    let runs = |host: &HostName| cluster.supervisor(host).runs_containers();
    let mut released = ReleasedServices {
        services: BTreeMap::new(),
        hosts: BTreeMap::new(),
    };
    for (host, seen) in observed.hosts.iter().filter(|(host, _)| runs(host)) {
        if let Generation::Current {
            number, manifest, ..
        } = &seen.generation
        {
            released.services.extend(&manifest.services);
            let here = manifest.services.keys().collect();
            released.hosts.insert(host, (*number, here));
        }
    }
    if !released.hosts.is_empty() {
        return Ok(released);
    }
    Err(match observed.hosts.keys().any(runs) {
        true => Failure::with_help(
            anyhow::anyhow!("nothing of {} is released there", cluster.name),
            format!("`bayplan release {}` starts it", cluster.name),
        ),
        false => anyhow::anyhow!("there are directories only: nothing runs there").into(),
    })
}

/// Finds the services among those that are released.
pub(super) fn found(
    observed: &Observed,
    description: &Description,
    operation: &Operation<'_>,
) -> Result<OperatedServices, Failure> {
    let cluster = &description.cluster.name;
    let ReleasedServices {
        services: released,
        hosts: current,
    } = released(observed, description)?;
    let fits = |entry: &ManifestService| {
        let handling = entry.handling.as_ref();
        handling.is_none_or(|handling| match operation.kind {
            OperationKind::Restart { .. } => handling.runs.is_all_the_time(),
            OperationKind::Stop { .. } | OperationKind::Start { .. } => {
                handling.runs.once().is_none()
            }
        })
    };
    for name in operation.services {
        match released.get(name) {
            Some(entry) if !fits(entry) => {
                return Err(Failure::with_help(
                    anyhow::anyhow!("{name} is a job: it runs when it is due"),
                    format!(
                        "`bayplan run {cluster} {name} -- COMMAND` runs something like it once"
                    ),
                ));
            }
            Some(_) => {}
            None => {
                let which = format!("that is released on {cluster}");
                let otherwise = format!("`bayplan status {cluster}` shows what runs");
                let known = released.keys().copied();
                return Err(unknown(&which, name, known, Some(otherwise)));
            }
        }
    }
    let all = || {
        let fitting = released.iter().filter(|(_, entry)| fits(entry));
        fitting.map(|(name, _)| (*name).clone())
    };
    let mut services: BTreeSet<ServiceName> = match operation.services {
        [] => all().collect(),
        named => named.iter().cloned().collect(),
    };
    let here = |host: &HostName| -> Vec<ServiceName> {
        let (_, has) = &current[host];
        let chosen = services.iter().filter(|name| has.contains(name));
        chosen.cloned().collect()
    };
    let holds = current.keys().map(|host| {
        let holds = new_holds(&operation.kind, here(host), &observed.hosts[*host]);
        ((*host).clone(), holds)
    });
    let mut holds: BTreeMap<HostName, NewHolds> = holds.collect();
    holds.retain(|_, holds| !holds.is_empty());
    if let OperationKind::Start { .. } = operation.kind {
        if holds.is_empty() {
            let what = match operation.services {
                [] => "nothing".to_owned(),
                named => format!("{}: nothing", listed(named)),
            };
            return Err(Failure::with_help(
                anyhow::anyhow!("{what} of {cluster} is held there"),
                format!(
                    "`bayplan release {cluster}` starts what should run, `bayplan restart {cluster}` what runs"
                ),
            ));
        }
        services = holds.values().flat_map(NewHolds::keys).cloned().collect();
    }
    let starts = matches!(operation.kind, OperationKind::Start { .. });
    let numbers = current.iter().filter(|(host, (_, has))| {
        let mut services = services.iter();
        services.any(|name| has.contains(name)) && (!starts || holds.contains_key(**host))
    });
    let numbers = numbers.map(|(host, (number, _))| ((*host).clone(), Some(*number)));
    Ok(OperatedServices {
        numbers: numbers.collect(),
        services,
        holds,
    })
}

/// What a host is to keep of who holds these services of it.
fn new_holds(kind: &OperationKind, services: Vec<ServiceName>, seen: &ObservedHost) -> NewHolds {
    let services = services.into_iter();
    match kind {
        OperationKind::Restart { .. } => NewHolds::new(),
        OperationKind::Stop { hold, .. } => services
            // What somebody holds already is theirs, where a whole host is drained.
            .filter(|name| !hold.drains || seen.held(name).is_none())
            .map(|name| (name, Some(hold.clone())))
            .collect(),
        OperationKind::Start { these } => services
            .filter(|name| {
                let held = seen.holds.get(name);
                held.is_some_and(|held| *these == WhichHolds::All || held.hold.drains)
            })
            .map(|name| (name, None))
            .collect(),
    }
}

/// Refuses to stop a service on the last of its hosts on which it runs.
pub(super) fn not_the_last(
    observed: &Observed,
    holds: &BTreeMap<HostName, NewHolds>,
    last: LastHost,
) -> Result<(), Failure> {
    if last == LastHost::Allowed {
        return Ok(());
    }
    let stops = |host: &HostName, name: &ServiceName| {
        let holds = holds.get(host);
        holds.is_some_and(|holds| holds.contains_key(name))
    };
    let runs = |seen: &ObservedHost, name: &ServiceName| {
        let at = seen.services.get(name);
        at.is_some_and(|at| {
            matches!(at.process, ObservedProcess::Active { .. }) && at.container.is_some()
        })
    };
    let names: BTreeSet<&ServiceName> = holds.values().flat_map(NewHolds::keys).collect();
    let mut alone: Vec<&ServiceName> = Vec::new();
    for name in names {
        let placed = observed.hosts.iter().filter(|(_, seen)| {
            let recorded = seen.generation.recorded(name);
            recorded.is_some_and(|recorded| {
                let handling = recorded.handling.as_ref();
                handling.is_none_or(|handling| handling.runs.is_all_the_time())
            })
        });
        let (stopped, others): (Vec<_>, Vec<_>) = placed.partition(|(host, _)| stops(host, name));
        let ran = stopped.iter().any(|(_, seen)| runs(seen, name));
        let goes_on = others
            .iter()
            .any(|(_, seen)| runs(seen, name) && seen.held(name).is_none());
        let whole = others.is_empty() && last == LastHost::Whole;
        if ran && !goes_on && !whole {
            alone.push(name);
        }
    }
    if alone.is_empty() {
        return Ok(());
    }
    let of_alone = |holds: &NewHolds| alone.iter().any(|name| holds.contains_key(*name));
    let hosts = holds.iter().filter(|(_, holds)| of_alone(holds));
    let hosts = names::hosts(hosts.map(|(host, _)| host));
    let does = if alone.len() == 1 { "runs" } else { "run" };
    Err(Failure::with_help(
        anyhow::anyhow!("{} {does} nowhere else than on {hosts}", listed(alone)),
        "`--last` stops it all the same",
    ))
}

/// `search, web`
fn listed<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    names.join(", ")
}
