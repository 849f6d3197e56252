//! Whether hosts are fit.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::{FailureView, VERSION};
use crate::cluster::model::Cluster;
use crate::cluster::name::HostName;
use crate::host::fitness::{FitnessFinding, Grade};
use crate::release::examine::ExaminedHost;

/// Whether the hosts of a cluster are fit for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FitnessView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The cluster.
    pub cluster: &'a str,
    /// Every host was seen, and none has a problem.
    pub fit: bool,
    /// The hosts that were seen, by name.
    pub hosts: Vec<HostFitnessView<'a>>,
    /// Hosts that could not be seen.
    pub failures: Vec<FailureView<'a>>,
}

impl<'a> FitnessView<'a> {
    /// What was found on hosts of a cluster.
    #[must_use]
    pub fn of(
        cluster: &'a Cluster,
        examined: &'a BTreeMap<HostName, ExaminedHost>,
        failures: &'a BTreeMap<HostName, HostFailure>,
    ) -> Self {
        let hosts: Vec<HostFitnessView<'a>> = examined
            .iter()
            .map(|(name, host)| HostFitnessView::of(cluster, name, host))
            .collect();
        Self {
            version: VERSION,
            cluster: cluster.name.as_str(),
            fit: failures.is_empty() && hosts.iter().all(|host| host.fit),
            hosts,
            failures: failures.iter().map(FailureView::of).collect(),
        }
    }
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostFitnessView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// Where it is.
    pub location: String,
    /// What it runs, as its os-release says; empty if that is not known.
    pub distribution: &'a str,
    /// It has no problem.
    pub fit: bool,
    /// All that was looked at, in the order in which one mends it.
    pub findings: Vec<FitnessFindingView<'a>>,
}

impl<'a> HostFitnessView<'a> {
    fn of(cluster: &'a Cluster, name: &'a HostName, examined: &'a ExaminedHost) -> Self {
        let findings = examined.findings.iter();
        let findings: Vec<FitnessFindingView<'a>> = findings
            .map(|finding| FitnessFindingView::of(finding, examined))
            .collect();
        let host = cluster.hosts.get(name);
        Self {
            host: name.as_str(),
            location: host.map_or_else(String::new, |host| host.location().into_owned()),
            distribution: &examined.distribution.name,
            fit: examined.is_fit(),
            findings,
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FitnessFindingView<'a> {
    /// What it is about: `root`, `systemd`, `tools`, `engine`, `boot`, `nft`, `selinux`, `registry`, `secrets`, `machine-id`,
    /// `clock` or `disk`.
    pub topic: &'a str,
    /// How good it is.
    pub level: LevelView,
    /// What was found, in one line.
    pub found: &'a str,
    /// Why that matters.
    pub why: &'a str,
    /// What root types there to mend it.
    pub commands: Vec<String>,
    /// What somebody has to do who knows more, or null.
    pub by_hand: Option<String>,
}

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LevelView {
    /// As it should be.
    Ok,
    /// A release works, and somebody may regret it.
    Warning,
    /// A release is refused, or fails.
    Problem,
}

impl<'a> FitnessFindingView<'a> {
    fn of(finding: &'a FitnessFinding, host: &ExaminedHost) -> Self {
        let FitnessFinding {
            topic,
            grade,
            found,
            mend,
        } = finding;
        let (commands, by_hand) = mend.on(&host.distribution);
        Self {
            topic: topic.word(),
            level: match grade {
                Grade::Fit => LevelView::Ok,
                Grade::Doubtful => LevelView::Warning,
                Grade::Unfit => LevelView::Problem,
            },
            found,
            why: topic.why(),
            commands,
            by_hand,
        }
    }
}
