//! The files that change for one service, with their texts before and after where both are known.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::observed::{ObservedDirectory, ObservedLive, ObservedService, ObservedUnit, UnitFile};
use super::reasons;
use super::{Change, FileChange};
use crate::cluster::digest::Digest;
use crate::cluster::name::ServiceName;
use crate::render::config_files;
use crate::render::desired::DesiredService;
use crate::render::identity::{DirectoryName, UnitFileName, UnitName};
use crate::render::live::is_own;

/// The changes of a desired service: its unit files, and the files of its inputs directory against those
/// that its container was started from.
pub(super) fn of_service(
    name: &ServiceName,
    desired: &DesiredService,
    seen: &ObservedService,
) -> Vec<FileChange> {
    let entry = &desired.entry;
    let mut changes = Vec::new();
    let runs = desired.unit.service_file();
    for (file, wanted) in &desired.units {
        let unit = |before, kind| FileChange {
            path: file.to_string(),
            before,
            after: Some(Arc::clone(&wanted.text)),
            kind,
        };
        match seen.unit_file(file, &runs).map(|unit| &unit.file) {
            Some(UnitFile::Absent) | None => changes.push(unit(None, Change::Added)),
            Some(UnitFile::Ours { digest, text }) if *digest != entry.units[file] => {
                changes.push(unit(text.clone(), Change::Changed));
            }
            Some(UnitFile::Ours { .. } | UnitFile::Foreign { .. }) => {}
        }
    }
    let left = seen.further.iter();
    let left = left.filter(|(file, _)| !entry.units.contains_key(*file));
    changes.extend(left.filter_map(|(file, unit)| goes(file, unit)));

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
        let Some(kind) = kind(old, new) else {
            continue;
        };
        let (mut text_before, mut text_after) = (
            before.texts.get(path).map(|text| text_of(text, old)),
            desired.files.get(path).map(|bytes| bytes_of(bytes)),
        );
        // What has secrets in it now had them before, in the open, and the other way round.
        let other = config_files::counterpart(path);
        let there = |other| before.files.contains_key(other) || entry.files.contains_key(other);
        if other.as_ref().is_some_and(there) {
            (text_before, text_after) = (None, None);
        }
        changes.push(FileChange {
            path: format!("{name}/{path}"),
            before: text_before,
            after: text_after,
            kind,
        });
    }
    live(name, desired, seen, &mut changes);
    changes
}

/// What becomes of a file; `None` if it stays as it is.
fn kind(old: Option<&Digest>, new: Option<&Digest>) -> Option<Change> {
    match (old, new) {
        (old, new) if old == new => None,
        (None, _) => Some(Change::Added),
        (Some(_), Some(_)) => Some(Change::Changed),
        (Some(_), None) => Some(Change::Removed),
    }
}

/// The files of its live directories, by the paths that they have in the container.
fn live(
    name: &ServiceName,
    desired: &DesiredService,
    seen: &ObservedService,
    changes: &mut Vec<FileChange>,
) {
    let nothing = ObservedLive::default();
    for (directory, digests) in desired.entry.live_directories() {
        let there = seen.live.get(directory).unwrap_or(&nothing);
        let wanted = digests.all();
        let paths = there.files.keys().chain(wanted.keys());
        let paths: BTreeSet<&String> = paths.filter(|path| !is_own(path)).collect();
        for path in paths {
            let (old, new) = (there.files.get(path), wanted.get(path));
            let Some(kind) = kind(old, new) else {
                continue;
            };
            let after = desired.live.get(directory);
            let after = after.and_then(|files| files.files.get(path));
            let before = there.texts.get(path);
            // What has secrets in it now had them before, in the open.
            let is_secret = digests.secrets.contains_key(path);
            changes.push(FileChange {
                path: format!("{name}/live{}/{path}", directory.target()),
                before: before.filter(|_| !is_secret).map(|text| text_of(text, old)),
                after: after.map(|bytes| bytes_of(bytes)),
                kind,
            });
        }
    }
}

/// A text as it was fetched, or what stands for a file that is no text.
fn text_of(text: &Arc<str>, digest: Option<&Digest>) -> Arc<str> {
    match digest.filter(|_| text.contains('\u{fffd}')) {
        Some(digest) if Digest::of(text.as_bytes()) != *digest => no_text(digest),
        Some(_) | None => Arc::clone(text),
    }
}

fn bytes_of(bytes: &[u8]) -> Arc<str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => no_text(&Digest::of(bytes)),
    }
}

fn no_text(digest: &Digest) -> Arc<str> {
    format!("(not UTF-8, sha256 {})\n", &digest.as_str()[..12]).into()
}

/// The files that go with a service.
pub(super) fn of_departing(unit: &UnitName, seen: &ObservedService) -> Vec<FileChange> {
    let further = seen.further.iter();
    let further = further.filter_map(|(file, unit)| goes(file, unit));
    let runs = goes(&unit.service_file(), &seen.unit);
    runs.into_iter().chain(further).collect()
}

/// A unit file that goes, if it is ours.
fn goes(file: &UnitFileName, unit: &ObservedUnit) -> Option<FileChange> {
    match &unit.file {
        UnitFile::Ours { text, .. } => Some(FileChange {
            path: file.to_string(),
            before: text.clone(),
            after: None,
            kind: Change::Removed,
        }),
        UnitFile::Absent | UnitFile::Foreign { .. } => None,
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
