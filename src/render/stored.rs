//! From the files of a generation on a host back to what they were rendered as: for a rollback, which
//! needs no description. Pure.

use std::collections::BTreeMap;

use super::desired::{DesiredService, DesiredUnit, Readiness};
use super::digest::Digest;
use super::identity::UnitName;
use super::inputs::{Inputs, inputs_of_parsed};
use super::manifest::ManifestService;
use super::secrets::DesiredSecrets;
use super::unit::parse_unit;
use crate::cluster::model::{Image, Layer, RestartPolicy};
use crate::cluster::name::{ServiceName, VariableName};

/// Why files are not what their manifest says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0} as its manifest says, found another one or none")]
pub struct Damaged(pub String);

/// A service as a generation has it. `files` are those of its inputs directory; what the host makes
/// itself (secrets) is not among them. `moved` says that the image that it ran is known, and not the
/// one that the current generation runs.
///
/// # Errors
/// A file is not what `entry` says.
pub fn stored(
    unit: UnitName,
    entry: &ManifestService,
    unit_text: &str,
    files: BTreeMap<String, Vec<u8>>,
    moved: Moved,
) -> Result<DesiredService, Damaged> {
    if Digest::of(unit_text) != entry.unit {
        return Err(Damaged(unit.service_file().into()));
    }
    for (path, bytes) in &files {
        if entry
            .files
            .get(path)
            .is_some_and(|d| *d != Digest::of(bytes))
        {
            return Err(Damaged(path.clone()));
        }
    }
    let files: BTreeMap<String, Vec<u8>> = files
        .into_iter()
        .filter(|(path, _)| entry.files.contains_key(path))
        .collect();
    let texts: BTreeMap<String, String> = files
        .iter()
        .map(|(path, bytes)| (path.clone(), String::from_utf8_lossy(bytes).into_owned()))
        .collect();
    let parsed = parse_unit(unit_text);
    let inputs = inputs_of_parsed(unit_text, &parsed, &texts);
    let reference = entry.image.clone();
    let version = reference
        .rsplit(['/'])
        .next()
        .and_then(|name| name.split_once(['@', ':']))
        .map_or("latest", |(_, version)| version)
        .to_owned();
    Ok(DesiredService {
        units: [(
            unit.service_file(),
            DesiredUnit::new(unit_text.into(), &parsed),
        )]
        .into(),
        unit,
        directory: entry.directory.clone(),
        files,
        secrets: DesiredSecrets::default(),
        port: port(&inputs),
        needs: needs(&inputs),
        inputs,
        entry: entry.clone(),
        fingerprint: entry.fingerprint.clone(),
        image: Image {
            reference,
            version,
            moving: moved == Moved::Yes,
        },
        restart: RestartPolicy::Auto,
        readiness: Readiness::Running,
        stateful: entry.stateful,
        template: "its generation".to_owned(),
        older: None,
    })
}

/// Whether a reference meant another image when a generation ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    Yes,
    No,
}

/// The host port: published, or of a container in the host's network.
fn port(inputs: &Inputs) -> Option<u16> {
    let (_, words) = inputs
        .directives
        .iter()
        .find(|(key, _)| key == "ExecStart")?;
    let after = |option: &str| {
        let at = words.iter().position(|word| word == option)?;
        words.get(at + 1).map(String::as_str)
    };
    if let Some(published) = after("--publish") {
        return published.split(':').next()?.parse().ok();
    }
    if after("--network") != Some("host") {
        return None;
    }
    let name = VariableName::new("APP_PORT").ok()?;
    inputs.variables.get(&name)?.value.plain()?.parse().ok()
}

/// The services whose addresses it knows; only for the order of restarts.
fn needs(inputs: &Inputs) -> Vec<ServiceName> {
    let variables = inputs.variables.iter();
    variables
        .filter(|(_, variable)| variable.layer == Layer::ServiceLocations)
        .filter_map(|(name, _)| name.as_str().strip_suffix("_HOST"))
        .filter_map(|name| ServiceName::new(name.to_lowercase().replace('_', "-")).ok())
        .collect()
}
