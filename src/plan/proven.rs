//! Which services run just as described, and have for a while. Pure.

use std::collections::BTreeSet;

use super::status::{ClusterStatus, ServiceState, ServiceStatus};
use crate::cluster::name::{HostName, ServiceName};

/// A service on a host that has not proven itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    /// The host.
    pub host: HostName,
    /// The service.
    pub service: ServiceName,
    /// Why.
    pub why: WhyUnproven,
}

/// Why a service has not proven itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyUnproven {
    /// It is not just as described.
    Otherwise,
    /// It is, since this moment only, in seconds since 1970.
    Young {
        /// When it started.
        since: i64,
    },
    /// Nobody knows since when.
    Unknown,
    /// The host is a directory, where nothing runs.
    FilesOnly,
}

/// Finds what of these services has not run as described since `before`, in seconds since 1970, without ending.
#[must_use]
pub fn unproven(
    status: &ClusterStatus,
    services: &BTreeSet<ServiceName>,
    before: i64,
) -> Vec<Unproven> {
    let rows = status.hosts.iter().flat_map(|(host, status)| {
        let rows = status.services.iter();
        rows.map(move |(service, row)| (host, service, row))
    });
    let asked = rows.filter(|(_, service, _)| services.contains(*service));
    let found = asked.filter_map(|(host, service, row)| {
        Some(Unproven {
            host: host.clone(),
            service: service.clone(),
            why: why(row, before)?,
        })
    });
    found.collect()
}

fn why(row: &ServiceStatus, before: i64) -> Option<WhyUnproven> {
    match &row.state {
        // A job with a timer has no process between its runs.
        ServiceState::InSync if row.runs.is_some() => None,
        ServiceState::InSync => match row.since {
            None => Some(WhyUnproven::Unknown),
            Some(since) if since > before => Some(WhyUnproven::Young { since }),
            Some(_) => None,
        },
        ServiceState::JobDone { .. } => None,
        ServiceState::FilesInSync => Some(WhyUnproven::FilesOnly),
        ServiceState::PendingRestart { .. }
        | ServiceState::PendingReload { .. }
        | ServiceState::FilesDiffer
        | ServiceState::ForeignUnit { .. }
        | ServiceState::Edited { .. }
        | ServiceState::CrashLoop
        | ServiceState::Unhealthy
        | ServiceState::NotRunning { .. }
        | ServiceState::NotReleased
        | ServiceState::Unmanaged
        | ServiceState::Held
        | ServiceState::PendingStop
        | ServiceState::JobRuns { .. }
        | ServiceState::JobDue { .. }
        | ServiceState::JobFailed { .. } => Some(WhyUnproven::Otherwise),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cluster::name::ClusterName;
    use crate::plan::observed::ContainerHealth;
    use crate::plan::status::HostStatus;
    use crate::render::identity::Instance;

    fn status(state: ServiceState, since: Option<i64>) -> ClusterStatus {
        let service = ServiceName::new("web").unwrap();
        let row = ServiceStatus {
            unit: Instance::of(&service).unit(&ClusterName::new("c").unwrap()),
            version: None,
            since,
            restarts: None,
            drop_ins: BTreeSet::new(),
            crashes: None,
            health: ContainerHealth::NotBad,
            watched: None,
            runs: None,
            held: None,
            kept: None,
            state,
        };
        let host = HostStatus {
            services: BTreeMap::from([(service, row)]),
            ..HostStatus::default()
        };
        ClusterStatus {
            hosts: BTreeMap::from([(HostName::new("a").unwrap(), host)]),
            ..ClusterStatus::default()
        }
    }

    #[test]
    fn only_what_runs_as_described_for_long_enough_is_proven() {
        let why = |state, since| {
            let services = BTreeSet::from([ServiceName::new("web").unwrap()]);
            let found = unproven(&status(state, since), &services, 1000);
            found.first().map(|one| one.why)
        };
        assert_eq!(why(ServiceState::InSync, Some(1000)), None);
        assert_eq!(
            why(ServiceState::InSync, Some(1001)),
            Some(WhyUnproven::Young { since: 1001 })
        );
        assert_eq!(why(ServiceState::InSync, None), Some(WhyUnproven::Unknown));
        for state in [
            ServiceState::PendingRestart {
                reasons: Vec::new(),
            },
            ServiceState::FilesDiffer,
            ServiceState::CrashLoop,
            ServiceState::NotReleased,
        ] {
            assert_eq!(why(state, Some(1)), Some(WhyUnproven::Otherwise));
        }
        assert_eq!(
            why(ServiceState::FilesInSync, None),
            Some(WhyUnproven::FilesOnly)
        );
        let others = BTreeSet::from([ServiceName::new("api").unwrap()]);
        assert_eq!(
            unproven(&status(ServiceState::CrashLoop, None), &others, 0),
            []
        );
    }
}
