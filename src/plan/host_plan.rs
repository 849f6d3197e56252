//! What a reader sees of a host's part of the plan.

use super::host_draft::HostDraft;
use super::known::{Known, LeftMachine, holds};
use super::observed::{Generation, Observed, ObservedHost, ObservedService, TimerState, UnitFile};
use super::options::Options;
use super::reason::Reason;
use super::rule::{ServiceNeed, SlotNeed};
use super::{Action, Change, HostPlan, Note, Phase, ServicePlan, changes, reasons};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::{Desired, DesiredHost, DesiredService};
use crate::render::identity::{UnitKind, UnitName};
use crate::render::watch;

/// The host that is shown, and all that it is part of.
pub(super) struct HostContext<'a> {
    pub(super) host: &'a HostName,
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) known: &'a Known,
    pub(super) cluster: &'a ClusterContext<'a>,
}

/// What all hosts of a plan have in common.
pub(super) struct ClusterContext<'a> {
    /// Every described host that was seen.
    seen: Vec<HostOfPlan<'a>>,
    /// Of these the ones that this release does not reach, and those that nobody saw.
    unreached: Vec<HostOfPlan<'a>>,
    /// Machines that the description no longer has.
    left: &'a [LeftMachine],
}

struct HostOfPlan<'a> {
    name: &'a HostName,
    wanted: &'a DesiredHost,
    seen: Option<&'a ObservedHost>,
    left_out: bool,
}

impl<'a> ClusterContext<'a> {
    pub(super) fn of(
        desired: &'a Desired,
        observed: &'a Observed,
        options: &Options,
        left: &'a [LeftMachine],
    ) -> Self {
        let all = || {
            desired.hosts.iter().map(|(name, wanted)| HostOfPlan {
                name,
                wanted,
                seen: observed.hosts.get(name),
                left_out: options.leaves_out(name),
            })
        };
        Self {
            seen: all().filter(|host| host.seen.is_some()).collect(),
            unreached: all()
                .filter(|host| host.seen.is_none() || host.left_out)
                .collect(),
            left,
        }
    }
}

impl HostOfPlan<'_> {
    fn is_to_have(&self, service: &ServiceName) -> bool {
        self.wanted.services.contains_key(service)
    }

    fn holds(&self, service: &ServiceName) -> bool {
        self.seen.is_some_and(|seen| holds(seen, service))
    }
}

// Most hosts hold few of the services of a cluster: that is asked first.
impl HostContext<'_> {
    /// The hosts that lose a service in this release.
    fn moves_from(&self, service: &ServiceName) -> Vec<HostName> {
        let hosts = self
            .others()
            .filter(|other| !other.left_out && other.holds(service) && !other.is_to_have(service));
        hosts.map(|other| other.name.clone()).collect()
    }

    /// The hosts that get a service.
    fn moves_to(&self, service: &ServiceName) -> Vec<HostName> {
        let hosts = self.others();
        let hosts = hosts.filter(|other| other.is_to_have(service) && !other.holds(service));
        hosts.map(|other| other.name.clone()).collect()
    }

    /// Where a service may run that is to be there no more, and that this release does not reach: it goes on.
    fn goes_on_at(&self, service: &ServiceName) -> Vec<HostName> {
        let unreached = self.cluster.unreached.iter();
        let described = unreached.filter(|other| {
            other.name != self.host
                && !other.is_to_have(service)
                && match other.seen {
                    Some(seen) => holds(seen, service),
                    None => self.known.may_run(other.name, service),
                }
        });
        let left = self.cluster.left.iter();
        let left = left.filter(|left| left.services.contains_key(service));
        described
            .map(|other| other.name.clone())
            .chain(left.map(|left| left.host.clone()))
            .collect()
    }

    fn others(&self) -> impl Iterator<Item = &HostOfPlan<'_>> {
        let seen = self.cluster.seen.iter();
        seen.filter(|other| other.name != self.host)
    }
}

impl HostDraft<'_> {
    /// What the reader sees of this host.
    pub(super) fn show(&self, context: &HostContext<'_>) -> HostPlan {
        let shown =
            |need: &ServiceNeed| need.writes() || need.reload || need.action != Action::None;
        let expanding = self.in_phase(Phase::Expand);
        let all = expanding.chain(self.in_phase(Phase::Change));
        // Where a unit is not ours it is refused, which says more.
        let needing = all.filter(|(name, need)| shown(need) && self.foreign_units(name).is_empty());
        let mut services: Vec<ServicePlan> = needing
            .map(|(name, need)| self.show_needing(name, need, context))
            .collect();
        services.extend(
            self.departing
                .keys()
                .map(|name| self.show_departing(name, context)),
        );
        services.extend(self.show_kept(context.desired));

        let running = self
            .seen
            .services
            .values()
            .filter(|s| s.container.is_some())
            .count();
        let restarting = services
            .iter()
            .filter(|s| s.action.is_done())
            .filter(|s| {
                let at = self.seen.services.get(&s.service);
                at.is_some_and(|at| at.container.is_some())
            })
            .count();
        let listed = |name: &ServiceName| services.iter().any(|s| s.service == *name);
        let drop_ins = self.seen.services.iter().filter(|(name, at)| {
            let ours = matches!(at.unit.file, UnitFile::Ours { .. });
            ours && !at.drop_ins.is_empty() && !listed(name)
        });
        let drop_ins = drop_ins.map(|(name, at)| (name.clone(), at.drop_ins.clone()));
        let known =
            |name: &ServiceName| self.needs.contains_key(name) || self.ended_holds.contains(name);
        let held = self.seen.holds.iter().filter(|(name, _)| known(name));
        HostPlan {
            held: held
                .map(|(name, hold)| (name.clone(), hold.clone()))
                .collect(),
            networks: self.shown_networks(),
            drop_ins: drop_ins.collect(),
            services,
            stay: running - restarting,
            acts: self.acts(),
            unfinished: self.unfinished(),
            lost: self.lost(),
        }
    }

    /// A service that is to be here.
    fn show_needing(
        &self,
        name: &ServiceName,
        need: &ServiceNeed,
        context: &HostContext<'_>,
    ) -> ServicePlan {
        let wanted = &self.wanted.services[name];
        let nothing = ObservedService::default();
        let at = self.seen.services.get(name).unwrap_or(&nothing);
        let mut notes = drop_ins(at);
        let mut reasons = need.reasons.clone();
        if need.change == Change::Added {
            let from = context.moves_from(name);
            let there = from.first().map(|from| &context.observed.hosts[from]);
            let there = there.and_then(|seen| seen.services.get(name));
            reasons.extend(
                there
                    .into_iter()
                    .flat_map(|there| reasons::moved(wanted, there)),
            );
            if !from.is_empty() {
                notes.push(Note::MovesFrom { hosts: from });
            }
            let others = context.goes_on_at(name);
            if !others.is_empty() {
                notes.push(Note::RunsOn { hosts: others });
            }
        }
        if !need.mended.is_empty() {
            let paths = need.mended.iter().cloned().collect();
            notes.push(Note::Mended { paths });
        }
        let back = need.slots.as_ref().and_then(SlotNeed::back_to);
        notes.extend(back.map(|slot| Note::BackToSlot { slot }));
        if need.change == Change::Changed {
            notes.extend(watch_note(wanted, at));
        }
        if need.action == Action::Reload && wanted.image.moving {
            notes.push(Note::MayRestart);
        }
        if let Some(by) = self.displaced.get(name) {
            reasons.push(Reason::Displaced { by: by.clone() });
            notes.push(Note::DownMeanwhile);
        }
        ServicePlan {
            service: name.clone(),
            unit: wanted.unit.clone(),
            change: need.change,
            files: changes::of_service(name, wanted, at),
            action: need.action,
            reasons,
            notes,
        }
    }

    /// A service that leaves.
    fn show_departing(&self, name: &ServiceName, context: &HostContext<'_>) -> ServicePlan {
        let departing = &self.departing[name];
        let mut notes = drop_ins(departing.seen);
        let to = context.moves_to(name);
        if !to.is_empty() {
            notes.push(Note::MovesTo { hosts: to });
        }
        if departing.displaced_by.is_some() {
            notes.push(Note::DownMeanwhile);
        }
        if departing.lingers() {
            notes.push(Note::StaysForRun);
        }
        let timer = departing.seen.timer == TimerState::Active;
        let stops = self.seen.supervisor.runs_containers() && (departing.runs() || timer);
        ServicePlan {
            service: name.clone(),
            unit: departing.unit.clone(),
            change: Change::Removed,
            files: changes::of_departing(&departing.unit, departing.seen),
            action: if stops { Action::Stop } else { Action::None },
            reasons: Vec::new(),
            notes,
        }
    }

    /// Services that leave or come in another release.
    fn show_kept(&self, desired: &Desired) -> impl Iterator<Item = ServicePlan> {
        let later = |name: &ServiceName, unit: UnitName, change, note| ServicePlan {
            service: name.clone(),
            unit,
            change,
            files: Vec::new(),
            action: Action::None,
            reasons: Vec::new(),
            notes: vec![note],
        };
        let kept_back = self.kept_back.iter().map(move |(name, hosts)| {
            let hosts = hosts.clone();
            let note = Note::StaysFor { hosts };
            later(name, desired.unit(name), Change::Removed, note)
        });
        let waiting = self.waiting.iter().map(move |(name, hosts)| {
            let hosts = hosts.clone();
            let note = Note::WaitsForRun { hosts };
            later(name, desired.unit(name), Change::Added, note)
        });
        let lingering = self.lingering.iter();
        let lingering = lingering
            .map(move |(name, unit)| later(name, unit.clone(), Change::Removed, Note::StaysForRun));
        kept_back.chain(waiting).chain(lingering)
    }

    fn lost(&self) -> Option<String> {
        match &self.seen.generation {
            Generation::Current { .. } => None,
            Generation::Unreadable { newer: true, .. } => None,
            Generation::Unreadable { why, .. } => Some(why.clone()),
            Generation::None => {
                let there = |at: &ObservedService| matches!(at.unit.file, UnitFile::Ours { .. });
                let any = self.seen.services.values().any(there);
                any.then(|| "units are there, but no generation is".to_owned())
            }
        }
    }

    /// Whether files of a generation later than `current` are in place already.
    fn unfinished(&self) -> bool {
        let Generation::Current { manifest, .. } = &self.seen.generation else {
            return false;
        };
        self.wanted.services.iter().any(|(name, service)| {
            let Some(at) = self.seen.services.get(name) else {
                return false;
            };
            let recorded = manifest.services.get(name);
            let runs = service.unit.service_file();
            service.entry.units.iter().any(|(file, wanted)| {
                let on_disk = at.unit_file(file, &runs);
                on_disk.is_some_and(|unit| unit.holds(wanted))
                    && recorded.and_then(|recorded| recorded.units.get(file)) != Some(wanted)
            })
        })
    }
}

/// What changes of its watch.
fn watch_note(wanted: &DesiredService, at: &ObservedService) -> Option<Note> {
    let before = at.further.iter().find_map(|(file, unit)| {
        let is_watch = file.kind() == Some(UnitKind::WatchTimer);
        match &unit.file {
            UnitFile::Ours { digest, text } if is_watch => Some((digest, text.as_deref())),
            UnitFile::Ours { .. } | UnitFile::Absent | UnitFile::Foreign { .. } => None,
        }
    });
    let after = wanted.watch();
    let digest = after.as_ref().map(|file| &wanted.entry.units[file]);
    let after = after.map(|file| &*wanted.units[&file].text);
    let (before, same) = match before {
        Some((found, text)) => (text, Some(found) == digest),
        None => (None, digest.is_none()),
    };
    let (before, after) = (before.and_then(watch::words), after.and_then(watch::words));
    let other = !same && (before.is_none() || before != after);
    other.then(|| Note::Watch {
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    })
}

fn drop_ins(seen: &ObservedService) -> Vec<Note> {
    seen.drop_ins
        .iter()
        .map(|path| Note::DropIn { path: path.clone() })
        .collect()
}
