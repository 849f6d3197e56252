//! What hosts and containers use.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::{FailureView, VERSION};
use crate::cluster::name::{ClusterName, HostName};
use crate::host::usage::{ContainerUsage, DiskUsage, HostUsage};

/// What the hosts of a cluster and its containers use.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct UsageView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The cluster.
    pub cluster: &'a str,
    /// The hosts that were seen; the one first that is nearest to its limits.
    pub hosts: Vec<HostUsageView<'a>>,
    /// The containers of all hosts; the one first that is nearest to its limits.
    pub containers: Vec<ContainerUsageView<'a>>,
    /// Hosts that could not be seen.
    pub failures: Vec<FailureView<'a>>,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostUsageView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// How many processors it has, or null.
    pub processors: Option<u64>,
    /// How many processes ran or waited for a processor in the last minute, or null.
    pub load: Option<f64>,
    /// The load in percent of the processors, or null.
    pub load_percent: Option<u64>,
    /// Its memory in bytes, or null.
    pub memory_size: Option<u64>,
    /// What is used of it and cannot be made free, or null.
    pub memory: Option<u64>,
    /// The same in percent, or null.
    pub memory_percent: Option<u64>,
    /// Its file systems; the fullest one first.
    pub disks: Vec<DiskUsageView<'a>>,
    /// Why its engine does not tell what containers use, or null.
    pub silent: Option<&'a str>,
}

/// One file system.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DiskUsageView<'a> {
    /// Where it is mounted.
    pub mount: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// What is free for everybody.
    pub free: u64,
    /// How full it is, in percent.
    pub percent: u64,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ContainerUsageView<'a> {
    /// Its name, without that of the cluster: the service, and its slot.
    pub container: &'a str,
    /// Its host.
    pub host: &'a str,
    /// How much of one processor it takes, in percent, or null.
    pub processor: Option<f64>,
    /// The same in percent of what it may take, or null.
    pub processor_percent: Option<u64>,
    /// Its memory in bytes, or null.
    pub memory: Option<u64>,
    /// How much it may have, or null if all of the host's.
    pub memory_limit: Option<u64>,
    /// Its memory in percent of that, or of the host's, or null.
    pub memory_percent: Option<u64>,
    /// How often it started again by itself since its unit was started, or null.
    pub restarts: Option<u64>,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a hundredth of a percent is read by nobody"
)]
fn of_hundred(hundredths: u64) -> f64 {
    hundredths as f64 / 100.0
}

/// A part in percent of a whole.
fn percent(part: Option<u64>, whole: Option<u64>) -> Option<u64> {
    let (part, whole) = (part?, whole?);
    part.saturating_mul(100).checked_div(whole)
}

impl<'a> UsageView<'a> {
    /// What was told on hosts of a cluster.
    #[must_use]
    pub fn of(
        cluster: &'a ClusterName,
        found: &'a BTreeMap<HostName, HostUsage>,
        failures: &'a BTreeMap<HostName, HostFailure>,
    ) -> Self {
        let mut hosts: Vec<_> = found.iter().map(HostUsageView::of).collect();
        // Sorting is stable: of equals, the first by name.
        hosts.sort_by_key(|host| Reverse(host.pressure()));
        let containers = found.iter().flat_map(|(name, host)| {
            let all = host.containers.iter();
            all.map(|(container, usage)| {
                let name = name.as_str();
                ContainerUsageView::of(cluster, name, host, container, usage)
            })
        });
        let mut containers: Vec<_> = containers.collect();
        containers.sort_by_key(|it| Reverse((it.pressure(), it.restarts)));
        Self {
            version: VERSION,
            cluster: cluster.as_str(),
            hosts,
            containers,
            failures: failures.iter().map(FailureView::of).collect(),
        }
    }
}

impl<'a> HostUsageView<'a> {
    fn of((name, usage): (&'a HostName, &'a HostUsage)) -> Self {
        let HostUsage {
            processors,
            load,
            memory,
            available,
            disks,
            containers: _,
            silent,
        } = usage;
        let used = memory.zip(*available);
        let used = used.map(|(all, free)| all.saturating_sub(free));
        let mut disks: Vec<_> = disks.iter().map(DiskUsageView::of).collect();
        disks.sort_by_key(|disk| Reverse(disk.percent));
        Self {
            host: name.as_str(),
            processors: *processors,
            load: load.map(of_hundred),
            load_percent: percent(*load, processors.map(|it| it.saturating_mul(100))),
            memory_size: *memory,
            memory: used,
            memory_percent: percent(used, *memory),
            disks,
            silent: silent.as_deref(),
        }
    }

    fn pressure(&self) -> Option<u64> {
        let disk = self.disks.first().map(|disk| disk.percent);
        [self.load_percent, self.memory_percent, disk]
            .into_iter()
            .flatten()
            .max()
    }
}

impl<'a> DiskUsageView<'a> {
    fn of(disk: &'a DiskUsage) -> Self {
        let DiskUsage {
            mount,
            size,
            used,
            free,
        } = disk;
        // As `df` counts it: what is kept for root is neither.
        let all = used.saturating_add(*free);
        Self {
            mount,
            size: *size,
            free: *free,
            percent: percent(Some(*used), Some(all)).unwrap_or(0),
        }
    }
}

impl<'a> ContainerUsageView<'a> {
    fn of(
        cluster: &'a ClusterName,
        host: &'a str,
        of_host: &HostUsage,
        name: &'a str,
        usage: &ContainerUsage,
    ) -> Self {
        let ContainerUsage {
            processor,
            processor_limit,
            memory,
            memory_limit,
            restarts,
        } = usage;
        // In hundredths of a percent of one processor.
        let may = match processor_limit {
            Some(thousandths) => Some(thousandths.saturating_mul(10)),
            None => of_host.processors.map(|it| it.saturating_mul(10_000)),
        };
        let short = name.strip_prefix(cluster.as_str());
        let short = short.and_then(|rest| rest.strip_prefix('-'));
        Self {
            container: short.unwrap_or(name),
            host,
            processor: processor.map(of_hundred),
            processor_percent: percent(*processor, may),
            memory: *memory,
            memory_limit: *memory_limit,
            memory_percent: percent(*memory, memory_limit.or(of_host.memory)),
            restarts: *restarts,
        }
    }

    fn pressure(&self) -> Option<u64> {
        self.processor_percent.max(self.memory_percent)
    }
}
