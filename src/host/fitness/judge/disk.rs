//! Room on a host's disks. Pure.

use super::{FitnessFinding, FitnessTopic, Mend, doubtful, fit, unfit};
use crate::host::fitness::answer::{DiskRoom, Examination, RoomOf};
use crate::host::fitness::needs::NeedsOfHost;

/// Less than so many KiB are no room for a release at all.
const NONE: u64 = 64 << 10;
/// Less than so many KiB are little: the layers of one image may take more.
const LITTLE: u64 = 1 << 20;
/// The same for files. A file system that counts none has 0 of all.
const NO_FILES: u64 = 100;
const FEW_FILES: u64 = 5_000;

pub(super) fn disks(seen: &Examination, needs: &NeedsOfHost) -> Vec<FitnessFinding> {
    const TOPIC: FitnessTopic = FitnessTopic::Disk;
    let mut findings = Vec::new();
    for room in seen.disks.iter().filter(|room| room.size > 0) {
        let DiskRoom {
            path,
            of,
            size: _,
            available,
        } = room;
        let (none, little) = match of {
            RoomOf::Bytes => (NONE, LITTLE),
            RoomOf::Inodes => (NO_FILES, FEW_FILES),
        };
        let left = match of {
            RoomOf::Bytes => amount(*available),
            RoomOf::Inodes => format!("{available} files"),
        };
        let mend = || {
            Mend::by_hand(format!(
                "`du -xh --max-depth=2 {path} | sort -h | tail` there shows what takes it; `{} system df`, `journalctl --vacuum-size=200M`",
                needs.client.engine.program()
            ))
        };
        if *available < none {
            findings.push(unfit(
                TOPIC,
                format!("no room below {path}: {left}"),
                mend(),
            ));
        } else if *available < little {
            findings.push(doubtful(
                TOPIC,
                format!("little room below {path}: {left}"),
                mend(),
            ));
        }
    }
    if findings.is_empty()
        && let Some(least) = seen
            .disks
            .iter()
            .filter(|room| room.of == RoomOf::Bytes && room.size > 0)
            .min_by_key(|room| room.available)
    {
        let left = amount(least.available);
        findings.push(fit(TOPIC, format!("{left} of room below {}", least.path)));
    }
    findings
}

fn amount(kib: u64) -> String {
    match kib {
        0..1024 => format!("{kib} KiB"),
        1024..1_048_576 => format!("{} MiB", kib >> 10),
        _ => format!("{} GiB", kib >> 20),
    }
}
