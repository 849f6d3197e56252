//! A release of several hosts that somebody carries out just now.

use std::collections::BTreeMap;

use crate::cluster::name::HostName;
use crate::host::activate::activity::{ActivationProgress, Activity};
use crate::plan::status::ClusterStatus;
use crate::render::begun::{BegunRelease, Direction};

/// A release that is at work, and how far it is on each of its hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWayView<'a> {
    /// Who releases.
    pub who: &'a str,
    /// When it began, RFC 3339, by the clock of the releaser.
    pub when: &'a str,
    /// Where it goes.
    pub direction: Direction,
    /// The hosts that it acts on.
    pub hosts: BTreeMap<&'a HostName, HostStage<'a>>,
}

/// How far a release is on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostStage<'a> {
    /// Its turn has not come.
    Waits,
    /// An activation runs there.
    AtWork(&'a ActivationProgress),
    /// It has another generation than before.
    Done,
}

impl<'a> UnderWayView<'a> {
    /// What hosts keep of a release, if one of them is at work; else nobody carries it out.
    #[must_use]
    pub fn of(
        begun: &'a BegunRelease,
        status: &ClusterStatus,
        activities: &'a BTreeMap<HostName, Activity>,
    ) -> Option<Self> {
        activities.values().any(Activity::is_busy).then(|| {
            let stage = |(host, before): (&'a HostName, &Option<u64>)| {
                let activation = activities.get(host).and_then(|it| it.activation.as_ref());
                let generation = status.hosts.get(host).and_then(|it| it.generation);
                let stage = match activation {
                    Some(activation) => HostStage::AtWork(&activation.at),
                    None if generation.is_some() && generation != *before => HostStage::Done,
                    None => HostStage::Waits,
                };
                (host, stage)
            };
            Self {
                who: &begun.who,
                when: &begun.when,
                direction: begun.direction,
                hosts: begun.hosts.iter().map(stage).collect(),
            }
        })
    }

    /// Whether an activation of it runs on this host.
    #[must_use]
    pub fn is_at_work_on(&self, host: &str) -> bool {
        let mut hosts = self.hosts.iter();
        hosts.any(|(name, stage)| name.as_str() == host && matches!(stage, HostStage::AtWork(_)))
    }
}
