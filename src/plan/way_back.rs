//! What puts the previous generation of a host back if an activation fails. Pure, and known before
//! the activation begins: the host does it by itself, whatever became of the connection.
//!
//! All that the release did on the host is put back, in this activation and in those before it. Only what
//! the host gained and what another host already uses stays.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::needs::{circles_on, needed_first_on};
use super::observed::{Generation, HeldAddresses, ObservedHost, ObservedService, UnitFile};
use super::step::{Begins, Step, StepKind, StepOf};
use super::touched::touched;
use super::way_draft::{BackStep, Lists, WayDraft, back, image_back};
use super::{Phase, Wave, held};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::{Desired, DesiredHost, DesiredService};
use crate::render::identity::without_slot;
use crate::render::manifest::{Handling, ManifestService};

/// How a failed activation is undone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WayBack {
    /// A failure at this step of the activation, or at a later one, leaves everything as it is: what
    /// changed is healthy then, and only bookkeeping or the removal of what leaves is left to do.
    pub until: usize,
    /// The generation that files are taken from; `None` if the host has none.
    pub generation: Option<u64>,
    /// In this order.
    pub steps: Vec<BackStep>,
    /// Services that are touched and that nothing is known of to go back to: they ran before, and no
    /// generation says how.
    pub stuck: Vec<ServiceName>,
    /// Services that this host gained in an earlier wave and that others use already.
    pub used: BTreeSet<ServiceName>,
}

/// The way back from what the last of these waves does on a host, and those before it, of a host that
/// was `seen` before the first one.
#[must_use]
pub fn way_back(
    desired: &Desired,
    host: &HostName,
    seen: &ObservedHost,
    waves: &[Wave],
) -> WayBack {
    let none = WayBack::default();
    let Some((last, earlier)) = waves.split_last() else {
        return none;
    };
    let (Some(wanted), Some(steps)) = (desired.hosts.get(host), last.activations.get(host)) else {
        return none;
    };
    let wanted = &held(wanted, seen);
    let until = match last.phase {
        Phase::Expand | Phase::Change => steps
            .iter()
            .position(|step| step.kind() == StepKind::End)
            .unwrap_or(steps.len()),
        Phase::Contract => 0,
    };
    // What left another host before cannot come back there: it stays where it is to be.
    let contracted = earlier.iter().any(|wave| wave.phase == Phase::Contract);
    let until = if contracted { 0 } else { until };
    let used = used_elsewhere(desired, host, seen, earlier);
    let before = earlier
        .iter()
        .filter_map(|wave| wave.activations.get(host))
        .flatten();
    let mut steps: Vec<Step> = without(wanted, &used, before)
        .into_iter()
        .chain(steps[..until].iter().cloned())
        .collect();
    let begun = steps.len() - until;
    if until == 0 {
        steps.clear();
    }
    let done = Undone {
        wanted,
        seen,
        steps: &steps,
        begun,
    };
    let (steps, stuck) = done.back();
    WayBack {
        until,
        generation: seen.generation.number(),
        steps,
        stuck,
        used,
    }
}

/// The way back from all that waves did on a host that was `seen` before the first of them, where every step was done; with
/// `only`, from what they did with these services. Whoever used what the host gained has to be back already.
#[must_use]
pub fn whole_way_back(
    desired: &Desired,
    host: &HostName,
    seen: &ObservedHost,
    waves: &[Wave],
    only: Option<&BTreeSet<ServiceName>>,
) -> WayBack {
    let Some(wanted) = desired.hosts.get(host) else {
        return WayBack::default();
    };
    let wanted = &held(wanted, seen);
    let stays = wanted.services.keys();
    let stays = stays.filter(|name| only.is_some_and(|only| !only.contains(*name)));
    let done = waves.iter().filter_map(|wave| wave.activations.get(host));
    let done = done.flatten().filter(|step| step.kind() != StepKind::End);
    let steps = without(wanted, &stays.cloned().collect(), done);
    let done = Undone {
        wanted,
        seen,
        steps: &steps,
        begun: steps.len(),
    };
    let (steps, stuck) = done.back();
    WayBack {
        until: 1,
        generation: seen.generation.number(),
        steps,
        stuck,
        used: BTreeSet::new(),
    }
}

/// What is to be undone on a host.
struct Undone<'a> {
    wanted: &'a DesiredHost,
    /// As it was before.
    seen: &'a ObservedHost,
    /// What was done, or may have been.
    steps: &'a [Step],
    /// So many of them were done by earlier activations.
    begun: usize,
}

impl Undone<'_> {
    /// The steps, and what nothing is known of to go back to.
    fn back(&self) -> (Vec<BackStep>, Vec<ServiceName>) {
        let Self {
            wanted,
            seen,
            steps,
            begun,
        } = *self;
        let recorded = match &seen.generation {
            Generation::Current { manifest, .. } => Some(&manifest.services),
            Generation::None | Generation::Unreadable { .. } => None,
        };
        let reloads = steps.iter().enumerate();
        let reloads = reloads.filter(|(_, step)| **step == Step::Reload);
        let mut draft = WayDraft {
            wanted,
            seen,
            reloads: reloads.map(|(number, _)| number).collect(),
            ports_move: steps.iter().any(|step| matches!(step, Step::Stop { .. })),
            lists: Lists::default(),
            stuck: Vec::new(),
        };
        let nothing = ObservedService::default();
        let touched = touched(wanted, steps);
        // What restarts comes after what it needs, as on the way there.
        let in_order = needed_first_on(wanted).into_iter();
        let in_order = in_order.filter_map(|name| Some((name, touched.get(name)?)));
        for (name, touch) in in_order {
            let at = seen.services.get(name).unwrap_or(&nothing);
            match recorded.and_then(|services| services.get(name)) {
                Some(before) => draft.back_to(name, touch, before, at),
                // Where `current` is lost, what is there was not necessarily new.
                None if at.container.is_none()
                    && (recorded.is_some() || at.unit.file == UnitFile::Absent) =>
                {
                    draft.remove(name, touch);
                }
                None if touch.changes() => draft.stuck.push(name.clone()),
                None => {}
            }
        }
        for (number, step) in steps.iter().enumerate() {
            // A departing service that gave its port away.
            if let Step::Stop { service, unit } = step
                && !wanted.services.contains_key(service)
            {
                let at = seen.services.get(service).unwrap_or(&nothing);
                let image = image_back(service, at, None);
                let (service, unit) = (service.clone(), unit.clone());
                draft.lists.awaited(number, unit.clone());
                draft
                    .lists
                    .files
                    .extend(image.map(|step| back(number, step)));
                let begins = Begins::After;
                let step = Step::Restart {
                    service,
                    unit,
                    begins,
                };
                draft.lists.restarts.push(back(number, step));
            }
            if let Step::RemakeNetwork { network, .. } = step
                && let Some(before) = seen.networks.get(network)
            {
                let (network, options) = (network.clone(), before.options.clone());
                let step = Step::RemakeNetwork { network, options };
                draft.lists.networks.push(back(number, step));
            }
        }
        // What an earlier activation did is done when this one begins.
        let steps = draft
            .lists
            .in_order(&circles_on(wanted))
            .into_iter()
            .map(|back| BackStep {
                from: back.from.saturating_sub(begun),
                ..back
            });
        (steps.collect(), draft.stuck)
    }
}

/// What earlier waves started on a host that was not there before, and what others use: services of
/// other hosts that started after it and need it, or what they need.
fn used_elsewhere(
    desired: &Desired,
    host: &HostName,
    seen: &ObservedHost,
    earlier: &[Wave],
) -> BTreeSet<ServiceName> {
    let mut gained: BTreeSet<&ServiceName> = BTreeSet::new();
    let mut left: Vec<&ServiceName> = Vec::new();
    for (name, steps) in earlier.iter().flat_map(|wave| &wave.activations) {
        let starts = steps.iter().filter(|step| step.kind() == StepKind::Start);
        let starts = starts.flat_map(Step::services);
        for service in starts {
            if name == host {
                let at = seen.services.get(service);
                if at.is_none_or(|at| at.container.is_none()) {
                    gained.insert(service);
                }
            } else if let Some(service) = desired.hosts[name].services.get(service) {
                left.extend(service.handling.before());
            }
        }
    }
    let mut used = BTreeSet::new();
    while let Some(name) = left.pop() {
        if !gained.contains(name) || !used.insert(name.clone()) {
            continue;
        }
        let Some(service) = desired.hosts[host].services.get(name) else {
            continue;
        };
        left.extend(service.handling.before());
        // A network that it is in stays as it was made for it, and whoever else is in it.
        for network in service.handling.networks.keys() {
            if earlier.iter().any(|wave| remakes(wave, host, network)) {
                let services = desired.hosts[host].services.iter();
                let users =
                    services.filter(|(_, other)| other.handling.networks.contains_key(network));
                for (other, _) in users {
                    gained.insert(other);
                    left.push(other);
                }
            }
        }
        // Who gave it its port or address cannot have that back.
        for (other, at) in &seen.services {
            if other != name && gives_way(at, seen.generation.recorded(other), service) {
                gained.insert(other);
                left.push(other);
            }
        }
    }
    used
}

/// Whether what ran of a service had a port or an address that another one has now.
fn gives_way(
    at: &ObservedService,
    recorded: Option<&ManifestService>,
    to: &DesiredService,
) -> bool {
    let Handling {
        ports, addresses, ..
    } = &to.handling;
    let mut held = at.holds(recorded).into_iter();
    let port = held.any(|held| ports.iter().any(|own| own.clash(&held).is_some()));
    let has = |network: &String, held: &BTreeSet<IpAddr>| {
        let own = addresses.get(network);
        own.is_some_and(|own| !own.is_disjoint(held))
    };
    port || match at.addresses(recorded, None) {
        HeldAddresses::These(held) => held.iter().any(|(network, held)| has(network, held)),
        HeldAddresses::None | HeldAddresses::Unknown => false,
    }
}

/// Whether a wave makes a network of a host anew.
fn remakes(wave: &Wave, host: &HostName, network: &str) -> bool {
    let mut steps = wave.activations.get(host).into_iter().flatten();
    steps.any(|step| matches!(step, Step::RemakeNetwork { network: of, .. } if of == network))
}

/// Steps without those of some services, and without those of the networks that these are in.
fn without<'a>(
    wanted: &DesiredHost,
    services: &BTreeSet<ServiceName>,
    steps: impl Iterator<Item = &'a Step>,
) -> Vec<Step> {
    let named = services.iter().filter_map(|name| wanted.services.get(name));
    let named: BTreeSet<&str> = named
        .map(|service| without_slot(service.unit.as_str()))
        .collect();
    let other = |unit: &str| !named.contains(without_slot(unit));
    steps
        .filter_map(|step| match step.about() {
            StepOf::Service(service) => (!services.contains(service)).then(|| step.clone()),
            StepOf::Services(_) | StepOf::Units(_) => Some(step.only_units(other)),
            StepOf::Host => {
                let in_use = |network: &String| {
                    let mut named = services.iter().filter_map(|name| wanted.services.get(name));
                    named.any(|service| service.handling.networks.contains_key(network))
                };
                let stays = matches!(step, Step::RemakeNetwork { network, .. } if in_use(network));
                (!stays).then(|| step.clone())
            }
        })
        .collect()
}
