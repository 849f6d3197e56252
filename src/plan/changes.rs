//! The files that change for one service, with their texts before and after where both are known.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::observed::{ObservedDirectory, ObservedService, UnitFile};
use super::reasons;
use super::{Change, FileChange};
use crate::cluster::name::ServiceName;
use crate::render::desired::DesiredService;
use crate::render::identity::{DirectoryName, UnitName};

/// The changes of a desired service: its unit, and the files of its inputs directory against those
/// that its container was started from.
pub(super) fn of_service(
    name: &ServiceName,
    desired: &DesiredService,
    seen: &ObservedService,
) -> Vec<FileChange> {
    let entry = &desired.entry;
    let mut changes = Vec::new();
    let unit = |before, kind| FileChange {
        path: desired.unit.service_file().into(),
        before,
        after: Some(Arc::clone(&desired.service_unit().text)),
        kind,
    };
    match &seen.unit.file {
        UnitFile::Absent => changes.push(unit(None, Change::Added)),
        UnitFile::Ours { digest, text } if digest != desired.unit_digest() => {
            changes.push(unit(text.clone(), Change::Changed));
        }
        UnitFile::Ours { .. } | UnitFile::Foreign { .. } => {}
    }

    let nothing = ObservedDirectory::default();
    let before = match seen.directories.get(&desired.directory) {
        // The desired directory is there: what differs in it was edited, and is mended.
        Some(there) => there,
        None => previous(seen)
            .and_then(|name| seen.directories.get(&name))
            .unwrap_or(&nothing),
    };
    let paths: BTreeSet<&String> = before.files.keys().chain(entry.files.keys()).collect();
    for path in paths {
        let (old, new) = (before.files.get(path), entry.files.get(path));
        let kind = match (old, new) {
            (old, new) if old == new => continue,
            (None, _) => Change::Added,
            (Some(_), Some(_)) => Change::Changed,
            (Some(_), None) => Change::Removed,
        };
        let after = desired.files.get(path);
        changes.push(FileChange {
            path: format!("{name}/{path}"),
            before: before.texts.get(path).cloned(),
            after: after.map(|bytes| String::from_utf8_lossy(bytes).into()),
            kind,
        });
    }
    changes
}

/// The files that go with a service.
pub(super) fn of_departing(unit: &UnitName, seen: &ObservedService) -> Vec<FileChange> {
    match &seen.unit.file {
        UnitFile::Ours { text, .. } => vec![FileChange {
            path: unit.service_file().into(),
            before: text.clone(),
            after: None,
            kind: Change::Removed,
        }],
        UnitFile::Absent | UnitFile::Foreign { .. } => Vec::new(),
    }
}

/// The directory that the desired one takes the place of: what the container runs from, else what
/// the unit names.
fn previous(seen: &ObservedService) -> Option<DirectoryName> {
    let running = seen.container.as_ref().and_then(|c| c.directory.clone());
    running.or_else(|| match &seen.unit.file {
        UnitFile::Ours {
            text: Some(text), ..
        } => reasons::carried(text).map(|c| c.directory),
        UnitFile::Ours { .. } | UnitFile::Absent | UnitFile::Foreign { .. } => None,
    })
}
