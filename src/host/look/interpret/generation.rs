//! What a look says of generations.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Request;
use super::super::parse::{Current, FirstAnswer};
use super::FirstLook;
use crate::cluster::name::ServiceName;
use crate::plan::observed::{Generation, RecordedPlacement};
use crate::render::manifest::{Manifest, ManifestError};
use crate::render::placement::{Placement, PlacementError};

impl FirstLook<'_> {
    pub(super) fn kept_generations(&self) -> BTreeSet<u64> {
        let prefix = format!("{}/generations/", self.request.layout.state());
        let paths = self.first.stats.keys();
        paths
            .filter_map(|path| path.strip_prefix(&prefix))
            .filter_map(|name| name.parse().ok())
            .collect()
    }
}

/// What the host keeps of where the cluster runs.
pub(super) fn placement(request: &Request<'_>, first: &FirstAnswer) -> RecordedPlacement {
    let unreadable = |why: String, newer| RecordedPlacement::Unreadable { why, newer };
    let Some(text) = &first.placement else {
        return RecordedPlacement::None;
    };
    match Placement::parse(text) {
        Ok(placement) if placement.cluster != *request.layout.cluster() => {
            let (cluster, found) = (request.layout.cluster(), &placement.cluster);
            let why = format!("expected a placement.json of {cluster}, found one of {found}");
            unreadable(why, false)
        }
        Ok(placement) => RecordedPlacement::Read(placement),
        Err(error) => {
            let newer = matches!(error, PlacementError::Newer(_));
            unreadable(error.to_string(), newer)
        }
    }
}

/// What `current` names.
pub(super) fn current(request: &Request<'_>, first: &FirstAnswer) -> Generation {
    let unreadable = |why: String| Generation::Unreadable { why, newer: false };
    let path = match &first.current {
        Current::Absent => return Generation::None,
        Current::Dangling => {
            return unreadable("`current` leads to a generation that is gone".to_owned());
        }
        Current::Other => return unreadable("expected `current` to be a link".to_owned()),
        Current::Link(path) => path,
    };
    let number = path.rsplit_once("/generations/").map(|(_, number)| number);
    let Some(number) = number.and_then(|number| number.parse().ok()) else {
        return unreadable(format!(
            "expected `current` to lead to a generation, found {path}"
        ));
    };
    let Some(text) = &first.manifest else {
        return unreadable("`current` has no manifest.json".to_owned());
    };
    match Manifest::parse(text) {
        Ok(manifest) if manifest.cluster != *request.layout.cluster() => {
            let (cluster, found) = (request.layout.cluster(), &manifest.cluster);
            unreadable(format!(
                "expected a manifest of {cluster}, found one of {found}"
            ))
        }
        Ok(manifest) => Generation::Current {
            number,
            manifest,
            images: first.record.as_deref().map(images).unwrap_or_default(),
        },
        Err(error) => Generation::Unreadable {
            why: error.to_string(),
            newer: matches!(error, ManifestError::Newer(_)),
        },
    }
}

/// The image ids in a record.json. A record that cannot be read has none: it is for people, and a
/// rollback then runs what the references mean.
pub(in crate::host) fn images(record: &str) -> BTreeMap<ServiceName, String> {
    #[derive(serde::Deserialize)]
    struct RecordedImages {
        images: BTreeMap<ServiceName, String>,
    }
    serde_json::from_str(record)
        .map_or_else(|_| BTreeMap::new(), |record: RecordedImages| record.images)
}

/// The version of bayplan in a record.json: digits, dots and letters.
pub(super) fn released_by(record: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct RecordedVersion {
        bayplan: String,
    }
    let RecordedVersion { bayplan } = serde_json::from_str(record).ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".+-".contains(&b);
    (bayplan.len() <= 64 && bayplan.bytes().all(plain)).then_some(bayplan)
}
