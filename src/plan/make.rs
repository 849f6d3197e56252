//! The plan of a whole cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::held::held;
use super::hidden::HiddenValues;
use super::host_draft::HostDraft;
use super::host_plan::{ClusterContext, HostContext};
use super::known::{Known, LeftMachine, Past, holds, past};
use super::needs::Circles;
use super::observed::{Generation, Observed, ObservedHost, RecordedPlacement};
use super::once::{Due, KnownRuns, due};
use super::types::{Away, Elsewhere, LeftOut};
use super::waves::waves;
use super::{Action, Change, HostPlan, Moves, Options, Origin, Plan, Refusal, RefusalReason};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;

/// Decides everything: what is done on which host, in which order, and why. Hosts that were not
/// observed are left out.
#[must_use]
pub fn plan(desired: &Desired, observed: &Observed, options: &Options) -> Plan {
    let seen_hosts = || {
        let hosts = desired.hosts.iter();
        hosts.filter_map(|(name, wanted)| Some((name, wanted, observed.hosts.get(name)?)))
    };
    let kept: BTreeMap<_, _> = seen_hosts()
        .map(|(name, wanted, seen)| (name, held(wanted, seen)))
        .collect();
    let mut hosts = BTreeMap::new();
    let mut jobs_away: BTreeMap<ServiceName, HostName> = BTreeMap::new();
    let mut all_drafts = BTreeMap::new();
    let mut drafts = BTreeMap::new();
    let mut pending = BTreeMap::new();
    let mut refusals = Vec::new();
    let circles = Circles::of(desired, std::iter::empty());
    let known = Known::of(desired, observed);
    let left = known.left(desired);
    let cluster = ClusterContext::of(desired, observed, options, &left);
    for (name, _, _) in seen_hosts() {
        let draft = HostDraft::new(desired, name, &kept[name], observed, options, &circles);
        all_drafts.insert(name, draft);
    }
    let acting = all_drafts
        .iter()
        .filter(|(name, _)| !options.leaves_out(name));
    let changes = acting.map(|(_, draft)| draft.changes()).max();
    for (name, _, seen) in seen_hosts() {
        let mut draft = all_drafts.remove(name).expect("there is one for each");
        draft.run_with_others(changes.unwrap_or_default(), options);
        let shown = draft.show(&HostContext {
            host: name,
            desired,
            observed,
            known: &known,
            cluster: &cluster,
        });
        if options.leaves_out(name) {
            let due = draft.needs.iter().filter(|(_, need)| need.runs());
            jobs_away.extend(due.map(|(job, _)| (job.clone(), name.clone())));
            pending.insert(name, shown);
        } else {
            refusals.extend(draft.refusals(name, desired, options));
            if let RecordedPlacement::Unreadable { why, newer: true } = &seen.placement {
                let why = RefusalReason::Newer { why: why.clone() };
                let host = name.clone();
                refusals.push(Refusal { host, why });
            }
            drafts.insert(name.clone(), draft);
            hosts.insert(name.clone(), shown);
        }
    }
    if options.runs_jobs() {
        jobs_away.extend(jobs_unseen(desired, observed, options));
    }
    for (host, draft) in &drafts {
        refusals.extend(draft.before_its_job(host, &jobs_away));
    }
    if options.moves == Moves::Refuse {
        refusals.extend(not_beside_itself(
            desired, observed, options, &drafts, &known, &left,
        ));
    }
    HiddenValues::of(desired, observed).apply(&mut hosts);
    let (waves, pause_after) = if refusals.is_empty() {
        waves(desired, &drafts, &options.rollout)
    } else {
        (Vec::new(), None)
    };
    let (dismissed, left) = left
        .into_iter()
        .partition(|left| options.dismiss.contains(&left.host));
    Plan {
        cluster: desired.cluster.clone(),
        hosts,
        waves,
        rollout: options.rollout.clone(),
        pause_after,
        refusals,
        left,
        dismissed,
        left_out: left_out(desired, observed, options, &known, pending),
    }
}

/// Jobs that have to run on a host that is left out and was not seen.
fn jobs_unseen(
    desired: &Desired,
    observed: &Observed,
    options: &Options,
) -> BTreeMap<ServiceName, HostName> {
    let unseen = desired.hosts.iter();
    let unseen =
        unseen.filter(|(name, _)| options.leaves_out(name) && !observed.hosts.contains_key(*name));
    let nothing = ObservedHost::default();
    let jobs = unseen.flat_map(|(host, wanted)| {
        wanted.services.iter().filter_map(move |(name, service)| {
            let key = service.handling.runs.once()?;
            Some((host, name, service, key))
        })
    });
    let due = jobs.filter(|(_, name, service, key)| {
        let is_due = || due(service, *key, &nothing, &KnownRuns::of(observed, name));
        options.selects(name) && matches!(is_due(), Due::Yes(_))
    });
    due.map(|(host, name, _, _)| (name.clone(), host.clone()))
        .collect()
}

/// Services that would start beside their old selves: without their data, or by two timers.
fn not_beside_itself(
    desired: &Desired,
    observed: &Observed,
    options: &Options,
    drafts: &BTreeMap<HostName, HostDraft<'_>>,
    known: &Known,
    left: &[LeftMachine],
) -> Vec<Refusal> {
    let mut starts: BTreeMap<&ServiceName, Vec<HostName>> = BTreeMap::new();
    let mut stateful = BTreeSet::new();
    // A host that has its unit has had its data; what runs elsewhere may have newer data all the same.
    let mut had = BTreeSet::new();
    for (host, draft) in drafts {
        for (name, need) in &draft.needs {
            let is_new = need.change == Change::Added;
            let wanted = &draft.wanted.services[name];
            if wanted.stateful {
                stateful.insert(name);
            }
            let begins = is_new || need.action == Action::Start;
            if begins && (wanted.stateful || need.is_scheduled()) || draft.becomes_due(name) {
                starts.entry(name).or_default().push(host.clone());
            }
            if !is_new {
                had.insert(name);
            }
        }
    }
    let mut refusals = Vec::new();
    for (service, starts) in starts {
        let mut refuse = |host: &HostName, away: Away| {
            let (service, starts) = (service.clone(), starts.clone());
            let why = match stateful.contains(&service) {
                true => RefusalReason::StatefulAway {
                    service,
                    starts,
                    away,
                },
                false => RefusalReason::ScheduledAway {
                    service,
                    starts,
                    away,
                },
            };
            let host = host.clone();
            refusals.push(Refusal { host, why });
        };
        let mut is_known = had.contains(service);
        for LeftMachine {
            host,
            reach,
            services,
        } in left
        {
            if services.contains_key(service) {
                is_known = true;
                let reach = reach.clone();
                refuse(host, Away::Left { reach });
            }
        }
        for (host, wanted) in &desired.hosts {
            let runs = match observed.hosts.get(host) {
                Some(seen) => holds(seen, service) || records(&seen.generation, service),
                None => known.may_run(host, service),
            };
            is_known |= runs;
            let taken_part = drafts.contains_key(host);
            if runs && !taken_part && !wanted.services.contains_key(service) {
                refuse(host, Away::LeftOut);
            }
        }
        let past = match options.origin {
            Origin::Description => past(observed),
            Origin::Generations | Origin::Current => Past::Known,
        };
        if past == Past::Unknown && !is_known && stateful.contains(service) {
            let why = |service: &ServiceName| RefusalReason::StatefulUnknown {
                service: service.clone(),
            };
            refusals.extend(starts.into_iter().map(|host| Refusal {
                host,
                why: why(service),
            }));
        }
    }
    refusals
}

fn records(generation: &Generation, service: &ServiceName) -> bool {
    match generation {
        Generation::Current { manifest, .. } => manifest.services.contains_key(service),
        Generation::None | Generation::Unreadable { .. } => false,
    }
}

fn left_out(
    desired: &Desired,
    observed: &Observed,
    options: &Options,
    known: &Known,
    mut pending: BTreeMap<&HostName, HostPlan>,
) -> BTreeMap<HostName, LeftOut> {
    let may_run = |host: &HostName, service: &ServiceName| match observed.hosts.get(host) {
        Some(seen) => holds(seen, service),
        None => known.may_run(host, service),
    };
    let hosts = desired
        .hosts
        .iter()
        .filter(|(name, _)| options.leaves_out(name));
    let described = hosts.map(|(host, wanted)| {
        let seen = observed.hosts.get(host);
        let recorded = known.services(host).filter(|(_, placed)| placed.here);
        let there = seen.into_iter().flat_map(|seen| seen.services.keys());
        let names = wanted.services.keys().chain(there);
        let names = names.chain(recorded.map(|(name, _)| name).filter(|_| seen.is_none()));
        let names: BTreeSet<&ServiceName> = names.filter(|name| options.selects(name)).collect();
        let services = names.into_iter().map(|name| {
            let mut others = desired.hosts.keys().filter(|other| *other != host);
            let elsewhere = match others.any(|other| may_run(other, name)) {
                true => Elsewhere::Yes,
                false => Elsewhere::No,
            };
            (name.clone(), elsewhere)
        });
        let left_out = LeftOut {
            pending: pending.remove(host),
            services: services.collect(),
        };
        (host.clone(), left_out)
    });
    described.collect()
}

#[cfg(test)]
#[path = "make_tests.rs"]
mod tests;
