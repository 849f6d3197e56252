//! From the files of a generation on a host back to what they were rendered as: for a rollback, which
//! needs no description. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{DesiredService, DesiredUnit, Mounted, OlderForm};
use super::identity::{UnitFileName, UnitName};
use super::inputs::{Inputs, inputs_of_parsed};
use super::live::{DesiredLive, LiveName};
use super::manifest::{Handling, ManifestService, Readiness, Runs};
use super::secrets::DesiredSecrets;
use super::unit::parse_unit;
use crate::cluster::digest::Digest;
use crate::cluster::model::{Image, Layer, RestartPolicy};
use crate::cluster::name::{ServiceName, VariableName};
use crate::cluster::ports::HostPorts;

/// Why files are not what their manifest says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0} as its manifest says, found another one or none")]
pub struct Damaged(pub String);

/// The files of a service in a generation. What the host makes itself (secrets) is not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFiles {
    /// The texts of its unit files.
    pub units: BTreeMap<UnitFileName, String>,
    /// The files of its inputs directory, by path below it.
    pub inputs: BTreeMap<String, Vec<u8>>,
    /// The files of its live directories, by path below each.
    pub live: BTreeMap<LiveName, BTreeMap<String, Vec<u8>>>,
}

/// A service as a generation has it. `image` says which image it ran.
///
/// # Errors
/// A file is not what `entry` says.
pub fn stored(
    unit: UnitName,
    entry: &ManifestService,
    files: StoredFiles,
    image: ImageThen,
) -> Result<DesiredService, Damaged> {
    let StoredFiles {
        units,
        inputs,
        mut live,
    } = files;
    for (file, digest) in &entry.units {
        if units.get(file).map(Digest::of).as_ref() != Some(digest) {
            return Err(Damaged(file.to_string()));
        }
    }
    let mut files = inputs;
    files.retain(|path, _| entry.files.contains_key(path));
    let damaged = files
        .iter()
        .find(|(path, bytes)| entry.files[*path] != Digest::of(bytes));
    if let Some((path, _)) = damaged {
        return Err(Damaged(path.clone()));
    }
    for (name, digests) in entry.live_directories() {
        let there = live.entry(name.clone()).or_default();
        there.retain(|path, _| digests.files.contains_key(path));
        let mut wanted = digests.files.iter();
        let damaged = wanted
            .find(|(path, digest)| there.get(*path).map(Digest::of).as_ref() != Some(*digest));
        if let Some((path, _)) = damaged {
            return Err(Damaged(name.file(path)));
        }
    }
    let texts: BTreeMap<String, String> = files
        .iter()
        .map(|(path, bytes)| (path.clone(), String::from_utf8_lossy(bytes).into_owned()))
        .collect();
    let unit_text = &units[&unit.service_file()];
    let unit_parsed = parse_unit(unit_text);
    let inputs = inputs_of_parsed(unit_text, &unit_parsed, &texts, &entry.files);
    let units = units.into_iter().map(|(file, text)| {
        let parsed = parse_unit(&text);
        (file, DesiredUnit::new(text.into(), &parsed))
    });
    let reference = entry.image.clone();
    let version = reference
        .rsplit('/')
        .next()
        .and_then(|name| name.split_once(['@', ':']))
        .map_or("latest", |(_, version)| version)
        .to_owned();
    Ok(DesiredService {
        units: units.collect(),
        unit,
        directory: entry.directory.clone(),
        files,
        secrets: DesiredSecrets::default(),
        live: live
            .into_iter()
            .map(|(name, files)| {
                (
                    name,
                    DesiredLive {
                        files,
                        ..DesiredLive::default()
                    },
                )
            })
            .collect(),
        handling: match &entry.handling {
            Some(handling) => handling.clone(),
            None => handling_from_files(&inputs),
        },
        inputs,
        entry: entry.clone(),
        fingerprint: entry.fingerprint.clone(),
        image: Image {
            reference,
            version,
            moving: image == ImageThen::Another,
        },
        stateful: entry.stateful,
        // A generation goes back as carefully as can be, to what ran there before.
        max_down: None,
        batch: None,
        soak: None,
        deadline: None,
        sources: BTreeSet::new(),
        mounted: Mounted::default(),
        template: "its generation".to_owned(),
        older: OlderForm::none(),
    })
}

/// What the reference of an image meant when a generation ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageThen {
    /// Another image than the current generation runs.
    Another,
    /// The same image, or nobody knows.
    AsNow,
}

/// How a release treats a service of which a manifest of format 1 says nothing, as far as its files tell: nobody knows
/// whether it has a probe.
fn handling_from_files(inputs: &Inputs) -> Handling {
    Handling {
        ports: port(inputs).into_iter().collect(),
        networks: BTreeMap::new(),
        addresses: BTreeMap::new(),
        needs: needs(inputs),
        after: Vec::new(),
        restart: RestartPolicy::Auto,
        readiness: Readiness::Running,
        runs: Runs::AllTheTime,
        slots: None,
        shared: None,
    }
}

/// The port of the host: published, or of a container in the host's network. What had no handling had just one field for it.
fn port(inputs: &Inputs) -> Option<HostPorts> {
    let (_, words) = inputs
        .directives
        .iter()
        .find(|(key, _)| key == "ExecStart")?;
    let after = |option: &str| {
        let at = words.iter().position(|word| word == option)?;
        words.get(at + 1).map(String::as_str)
    };
    if let Some(published) = after("--publish") {
        let port = published.split(':').next()?.parse().ok()?;
        return Some(HostPorts::tcp(port));
    }
    if after("--network") != Some("host") {
        return None;
    }
    let name = VariableName::new("APP_PORT").ok()?;
    let port = inputs.variables.get(&name)?.value.plain()?.parse().ok()?;
    Some(HostPorts::tcp(port))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cluster::model::{Health, HttpProbe, Probe};
    use crate::render::tests::{rendered, search};

    fn released() -> DesiredService {
        let mut search = search();
        search.restart = RestartPolicy::Manual;
        let probe = Probe::Http(HttpProbe::of("/health"));
        search.health = Some(Health::of(probe, Duration::from_secs(30)));
        rendered(search)
    }

    fn files(service: &DesiredService) -> StoredFiles {
        let units = service.units.iter();
        StoredFiles {
            live: BTreeMap::new(),
            units: units
                .map(|(file, unit)| (file.clone(), unit.text.to_string()))
                .collect(),
            inputs: service.files.clone(),
        }
    }

    fn read(service: &DesiredService, entry: &ManifestService) -> DesiredService {
        stored(
            service.unit.clone(),
            entry,
            files(service),
            ImageThen::AsNow,
        )
        .unwrap()
    }

    #[test]
    fn a_generation_is_what_was_released() {
        let released = released();
        let back = read(&released, &released.entry);
        assert_eq!(back.handling, released.handling);
        assert_eq!(back.handling.readiness, Readiness::Probed);
        assert_eq!(back.units, released.units);
        assert_eq!(back.inputs, released.inputs);
        assert_eq!(back.fingerprint, released.fingerprint);
    }

    #[test]
    fn what_the_first_format_lacks_is_taken_from_the_files() {
        let released = released();
        let entry = ManifestService {
            handling: None,
            ..released.entry.clone()
        };
        let Handling {
            ports,
            networks,
            addresses: _,
            needs,
            after: _,
            restart,
            readiness,
            runs: _,
            slots: _,
            shared: _,
        } = read(&released, &entry).handling;
        assert_eq!(ports, released.handling.ports);
        assert_eq!(networks, released.handling.networks);
        assert_eq!(needs, released.handling.needs);
        assert_eq!(
            (restart, readiness),
            (RestartPolicy::Auto, Readiness::Running)
        );
    }

    #[test]
    fn a_damaged_file_is_named() {
        let released = released();
        let error = |files: StoredFiles| {
            let unit = released.unit.clone();
            let error = stored(unit, &released.entry, files, ImageThen::AsNow).unwrap_err();
            error.0
        };
        let mut damaged = files(&released);
        for text in damaged.units.values_mut() {
            text.push('#');
        }
        assert_eq!(error(damaged), "production-search.service");
        let mut damaged = files(&released);
        damaged.units.clear();
        assert_eq!(error(damaged), "production-search.service");
        let mut damaged = files(&released);
        let env = "50-search.env";
        damaged.inputs.insert(env.to_owned(), b"A=1".to_vec());
        assert_eq!(error(damaged), env);
    }
}
