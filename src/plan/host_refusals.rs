//! Why a release may not change a host.

use super::host_draft::{HostDraft, PortConflict};
use super::observed::{Generation, Owner, UnitFile};
use super::options::{Moves, Options};
use super::{Refusal, RefusalReason};
use crate::cluster::name::{HostName, ServiceName};
use crate::render::desired::{Desired, DesiredService};

impl HostDraft<'_> {
    /// Why nothing may be done on the host.
    pub(super) fn refusals(
        &self,
        host: &HostName,
        desired: &Desired,
        options: &Options,
    ) -> Vec<Refusal> {
        let mut reasons = Vec::new();
        if let Generation::Unreadable { why, newer: true } = &self.seen.generation {
            reasons.push(RefusalReason::Newer { why: why.clone() });
        }
        for name in self.needs.keys() {
            for (path, owner) in self.foreign_units(name) {
                reasons.push(RefusalReason::ForeignUnit {
                    service: name.clone(),
                    path: path.clone(),
                    owner: owner.clone(),
                });
            }
        }
        let otherwise = self.not_as_released.iter().cloned();
        reasons.extend(otherwise.map(|service| RefusalReason::NotAsReleased { service }));
        for PortConflict {
            service,
            ports,
            holder,
        } in &self.port_conflicts
        {
            reasons.push(RefusalReason::PortHeld {
                service: service.clone(),
                ports: *ports,
                holder: holder.clone(),
            });
        }
        reasons.extend(self.networks.refusals.iter().cloned());
        let runs_once = self.departing.iter();
        let runs_once = runs_once.filter(|(_, departing)| departing.runs_once_now());
        reasons.extend(runs_once.map(|(job, _)| RefusalReason::RunUnderWay { job: job.clone() }));
        if options.moves == Moves::Refuse {
            for name in self.departing.keys() {
                let placed: Vec<&DesiredService> = desired
                    .hosts
                    .values()
                    .filter_map(|h| h.services.get(name).map(AsRef::as_ref))
                    .collect();
                let recorded = self.seen.generation.recorded(name);
                let stateful = placed.first().map_or_else(
                    || recorded.is_some_and(|r| r.stateful),
                    |service| service.stateful,
                );
                if stateful {
                    reasons.push(RefusalReason::Stateful {
                        service: name.clone(),
                        moves: !placed.is_empty(),
                    });
                }
            }
        }
        reasons
            .into_iter()
            .map(|why| Refusal {
                host: host.clone(),
                why,
            })
            .collect()
    }

    /// Files of somebody else that stand in the way of its unit files.
    pub(super) fn foreign_units(&self, name: &ServiceName) -> Vec<(&String, &Owner)> {
        let (Some(wanted), Some(at)) =
            (self.wanted.services.get(name), self.seen.services.get(name))
        else {
            return Vec::new();
        };
        let runs = wanted.unit.service_file();
        let units = wanted.units.keys();
        let units = units.filter_map(|file| at.unit_file(file, &runs));
        let foreign = units.filter_map(|unit| match &unit.file {
            UnitFile::Foreign { path, owner } => Some((path, owner)),
            UnitFile::Absent | UnitFile::Ours { .. } => None,
        });
        foreign.collect()
    }
}
