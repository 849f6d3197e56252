//! What a reader sees of a host's part of the plan.

use super::host_draft::HostDraft;
use super::known::{Known, holds};
use super::observed::{Generation, Observed, ObservedHost, ObservedService, TimerState, UnitFile};
use super::options::Options;
use super::reason::Reason;
use super::rule::ServiceNeed;
use super::{Action, Change, HostPlan, Note, Phase, ServicePlan, changes, reasons};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::Desired;

impl HostDraft<'_> {
    /// What the reader sees of this host.
    pub(super) fn show(
        &self,
        host: &HostName,
        desired: &Desired,
        observed: &Observed,
        options: &Options,
        known: &Known,
    ) -> HostPlan {
        let mut services = Vec::new();
        let shown =
            |need: &ServiceNeed| need.writes() || need.reload || need.action != Action::None;
        let expanding = self.in_phase(Phase::Expand);
        for (name, need) in expanding.chain(self.in_phase(Phase::Change)) {
            if !shown(need) {
                continue;
            }
            let wanted = &self.wanted.services[name];
            let nothing = ObservedService::default();
            let at = self.seen.services.get(name).unwrap_or(&nothing);
            if !self.foreign_units(name).is_empty() {
                // It is refused, which says more.
                continue;
            }
            let mut notes = drop_ins(at);
            if need.change == Change::Added {
                let leaves = |other: &HostName| {
                    other != host && !desired.hosts[other].services.contains_key(name)
                };
                let from = hosts_where(desired, observed, |other, seen| {
                    leaves(other) && !options.leaves_out(other) && holds(seen, name)
                });
                if !from.is_empty() {
                    notes.push(Note::MovesFrom { hosts: from });
                }
                // Whoever is not reached goes on.
                let others = desired.hosts.keys().filter(|other| {
                    leaves(other)
                        && match observed.hosts.get(*other) {
                            Some(seen) => options.leaves_out(other) && holds(seen, name),
                            None => known.may_run(other, name),
                        }
                });
                let left = known.left(desired).into_iter();
                let left = left.filter(|left| left.services.contains_key(name));
                let others: Vec<HostName> =
                    others.cloned().chain(left.map(|left| left.host)).collect();
                if !others.is_empty() {
                    notes.push(Note::RunsOn { hosts: others });
                }
            }
            if !need.mended.is_empty() {
                let paths = need.mended.iter().cloned().collect();
                notes.push(Note::Mended { paths });
            }
            if need.action == Action::Reload && wanted.image.moving {
                notes.push(Note::MayRestart);
            }
            let mut reasons = need.reasons.clone();
            let from = notes.iter().find_map(|note| {
                let Note::MovesFrom { hosts } = note else {
                    return None;
                };
                hosts.first()
            });
            if let Some(from) = from
                && let Some(there) = observed.hosts[from].services.get(name)
            {
                reasons.extend(reasons::moved(wanted, there));
            }
            if let Some(by) = self.displaced.get(name) {
                reasons.push(Reason::Displaced { by: by.clone() });
                notes.push(Note::DownMeanwhile);
            }
            services.push(ServicePlan {
                service: name.clone(),
                unit: wanted.unit.clone(),
                change: need.change,
                files: changes::of_service(name, wanted, at),
                action: need.action,
                reasons,
                notes,
            });
        }
        for (name, departing) in &self.departing {
            let mut notes = drop_ins(departing.seen);
            let to = hosts_where(desired, observed, |other, seen| {
                other != host
                    && desired.hosts[other].services.contains_key(name)
                    && !holds(seen, name)
            });
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
            services.push(ServicePlan {
                service: name.clone(),
                unit: departing.unit.clone(),
                change: Change::Removed,
                files: changes::of_departing(&departing.unit, departing.seen),
                action: if stops { Action::Stop } else { Action::None },
                reasons: Vec::new(),
                notes,
            });
        }
        for (name, hosts) in &self.kept_back {
            let hosts = hosts.clone();
            services.push(ServicePlan {
                service: name.clone(),
                unit: desired.unit(name),
                change: Change::Removed,
                files: Vec::new(),
                action: Action::None,
                reasons: Vec::new(),
                notes: vec![Note::StaysFor { hosts }],
            });
        }
        for (name, hosts) in &self.waiting {
            let hosts = hosts.clone();
            services.push(ServicePlan {
                service: name.clone(),
                unit: desired.unit(name),
                change: Change::Added,
                files: Vec::new(),
                action: Action::None,
                reasons: Vec::new(),
                notes: vec![Note::WaitsForRun { hosts }],
            });
        }
        for (name, unit) in &self.lingering {
            services.push(ServicePlan {
                service: name.clone(),
                unit: unit.clone(),
                change: Change::Removed,
                files: Vec::new(),
                action: Action::None,
                reasons: Vec::new(),
                notes: vec![Note::StaysForRun],
            });
        }
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
        HostPlan {
            networks: self.shown_networks(),
            drop_ins: drop_ins.collect(),
            services,
            stay: running - restarting,
            acts: self.acts(),
            unfinished: self.unfinished(),
            lost: self.lost(),
        }
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

fn drop_ins(seen: &ObservedService) -> Vec<Note> {
    seen.drop_ins
        .iter()
        .map(|path| Note::DropIn { path: path.clone() })
        .collect()
}

fn hosts_where(
    desired: &Desired,
    observed: &Observed,
    holds: impl Fn(&HostName, &ObservedHost) -> bool,
) -> Vec<HostName> {
    observed
        .hosts
        .iter()
        .filter(|(name, seen)| desired.hosts.contains_key(*name) && holds(name, seen))
        .map(|(name, _)| name.clone())
        .collect()
}
