//! What hosts and containers use.

use std::collections::BTreeMap;

use super::host;
use crate::cluster::name::HostName;
use crate::host::usage::{ContainerUsage, DiskUsage, HostUsage};

/// Two hosts: a full disk on one, a container near its limit on the other.
pub fn usages(odd: &str) -> BTreeMap<HostName, HostUsage> {
    let disk = |mount: &str, used: u64, free: u64| DiskUsage {
        mount: mount.to_owned(),
        size: (used + free) << 30,
        used: used << 30,
        free: free << 30,
    };
    let container = |processor, memory: u64, limit: Option<u64>, restarts| ContainerUsage {
        processor: Some(processor),
        processor_limit: None,
        memory: Some(memory << 20),
        memory_limit: limit.map(|it| it << 20),
        restarts: Some(restarts),
    };
    let first = HostUsage {
        processors: Some(4),
        load: Some(52),
        memory: Some(8 << 30),
        available: Some(6 << 30),
        disks: vec![disk("/", 10, 30), disk(&format!("/mnt{odd}"), 92, 8)],
        containers: [
            (
                format!("production-search{odd}"),
                container(1_250, 480, Some(512), 0),
            ),
            (
                "production-listing".to_owned(),
                container(20_000, 100, None, 1),
            ),
            ("production-db".to_owned(), container(7, 40, None, 0)),
        ]
        .into(),
        silent: None,
    };
    let second = HostUsage {
        load: Some(1_234),
        containers: [(
            "production-crashes".to_owned(),
            ContainerUsage {
                processor: Some(100),
                processor_limit: Some(500),
                restarts: Some(12),
                ..ContainerUsage::default()
            },
        )]
        .into(),
        silent: Some(format!("no cgroups{odd}")),
        ..HostUsage::default()
    };
    [(host("docker01"), first), (host("docker02"), second)].into()
}
