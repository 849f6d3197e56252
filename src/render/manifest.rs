//! The manifest: what a generation of one host consists of, by digests.
//!
//! Format 2 also says what no file of a service says, [`Handling`]: a rollback knows it without any
//! description. Format 3 has further unit files, `after`, addresses in networks, live directories, and jobs; it is written only where a service has one of them. A manifest of format 1 is read as one that lacks it, and stays on its host until the next
//! change: what the files are decides whether a generation is another one ([`Manifest::holds_same`]).
//!
//! Where the whole cluster runs is not in it but in a [placement](super::placement): that also changes where a
//! host's generation stays, and a rollback must never bring an old one back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::format::format_of;
use super::identity::{DirectoryName, Fingerprint, Instance, Slot, UnitFileName, UnitName};
use super::live::{LiveDigests, LiveName, ManifestLive};
use super::secret_files::DIGESTS;
use super::slots::Slots;
use crate::cluster::digest::Digest;
use crate::cluster::job::{OnceKey, Run};
use crate::cluster::model::RestartPolicy;
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::cluster::ports::HostPorts;

/// The newest format that this version reads. It writes the oldest that can say it all: what is the same for an older bayplan
/// stays readable to it.
pub const FORMAT: u32 = 3;
/// The format of a manifest in which no service says what only [`FORMAT`] can.
const COMMON: u32 = 2;

/// What a host holds of a cluster, `manifest.json` in a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Whose generation it is.
    pub cluster: ClusterName,
    /// The host that it was made for.
    pub host: HostName,
    /// Every service of the host.
    pub services: BTreeMap<ServiceName, ManifestService>,
}

/// What a host holds of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestService {
    /// The digests of its unit files.
    pub units: BTreeMap<UnitFileName, Digest>,
    /// Its inputs directory.
    pub directory: DirectoryName,
    /// What its container carries.
    pub fingerprint: Fingerprint,
    /// The reference of its image.
    pub image: String,
    /// Whether the service keeps data on the host: such a one never vanishes unasked.
    pub stateful: bool,
    /// The digests of the files of the inputs directory.
    pub files: BTreeMap<String, Digest>,
    /// The directories of files that it reads again without a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<ManifestLive>,
    /// `None` in what a manifest of format 1 recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handling: Option<Handling>,
}

/// How a release treats a service, as far as its files do not say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handling {
    /// The host ports that its container takes: published, or directly in the host's network.
    pub ports: BTreeSet<HostPorts>,
    /// The networks that its container is in, with their options; `null` where they are not bayplan's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<String, Option<String>>,
    /// The addresses of its own that its container has there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: Addresses,
    /// The services that it needs: they restart before it.
    pub needs: Vec<ServiceName>,
    /// Others that restart before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<ServiceName>,
    /// Whether a release restarts it unasked.
    pub restart: RestartPolicy,
    /// What its start waits for.
    pub readiness: Readiness,
    /// Whether it runs all the time.
    #[serde(default, skip_serializing_if = "Runs::is_all_the_time")]
    pub runs: Runs,
    /// Its slots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<Slots>,
    /// Where its next instance opens the same ports beside it: those of them that are described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<BTreeSet<u16>>,
}

/// Addresses in networks, by the name of the network.
pub type Addresses = BTreeMap<String, BTreeSet<IpAddr>>;

/// How a service runs, as far as a release must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Runs {
    /// All the time.
    #[default]
    AllTheTime,
    /// To its end, as a part of a release, again when this is new.
    Once(OnceKey),
    /// To its end, when its timer says so.
    Scheduled,
}

impl Runs {
    /// How a service is described to run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        match run {
            Run::Always => Self::AllTheTime,
            Run::Once(once) => Self::Once(once.key),
            Run::Scheduled(_) => Self::Scheduled,
        }
    }

    /// Whether it runs all the time.
    #[must_use]
    pub fn is_all_the_time(&self) -> bool {
        *self == Self::AllTheTime
    }

    /// What has to be new for it to run again, if a release runs it.
    #[must_use]
    pub fn once(self) -> Option<OnceKey> {
        match self {
            Self::Once(key) => Some(key),
            Self::AllTheTime | Self::Scheduled => None,
        }
    }
}

impl Handling {
    /// Every service that restarts before it.
    pub fn before(&self) -> impl Iterator<Item = &ServiceName> {
        self.needs.iter().chain(&self.after)
    }

    /// Whether it has two units, of which one takes over from the other.
    #[must_use]
    pub fn has_slots(&self) -> bool {
        self.slots.is_some() || self.shared.is_some()
    }
}

/// What a unit's start waits for, beyond that its container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// Nothing, or nobody knows.
    Running,
    /// It has answered the probe that is described for it (`[health]`).
    Probed,
}

/// Why a manifest of a host cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A newer bayplan wrote it.
    #[error("its manifest has format {0}, this bayplan reads up to {FORMAT}")]
    Newer(u32),
    /// It is no manifest: why.
    #[error("its manifest cannot be read: {0}")]
    Malformed(String),
}

impl Manifest {
    /// The unit that runs a service of this generation.
    #[must_use]
    pub fn unit(&self, service: &ServiceName) -> UnitName {
        let recorded = self.services.get(service);
        let slot = recorded.filter(|it| it.has_slots()).map(|_| Slot::A);
        let service = service.clone();
        Instance { service, slot }.unit(&self.cluster)
    }

    /// Whether a generation of these services would hold the same files. How a release treats a service may
    /// differ: the next generation records it.
    #[must_use]
    pub fn holds_same(&self, services: &BTreeMap<&ServiceName, &ManifestService>) -> bool {
        let mut both = self.services.iter().zip(services);
        self.services.len() == services.len()
            && both.all(|((name, one), (other_name, other))| {
                name == *other_name && one.holds_same(other)
            })
    }

    /// The text as stored: pretty JSON with a final line break, keys in a fixed order.
    #[must_use]
    pub fn to_text(&self) -> String {
        #[derive(Serialize)]
        struct WithFormat<'a> {
            format: u32,
            #[serde(flatten)]
            manifest: &'a Manifest,
        }
        let written = WithFormat {
            format: match self.services.values().any(ManifestService::is_new) {
                true => FORMAT,
                false => COMMON,
            },
            manifest: self,
        };
        let mut text = serde_json::to_string_pretty(&written).expect("a manifest is plain data");
        text.push('\n');
        text
    }

    /// Reads a stored manifest.
    ///
    /// # Errors
    /// The format is newer than this version knows, or the text is no manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        match format_of(text).map_err(malformed)? {
            ..=1 => read(text, FirstService::into_current),
            COMMON..=FORMAT => read(text, ManifestService::checked),
            newer => Err(ManifestError::Newer(newer)),
        }
    }
}

fn malformed(error: impl fmt::Display) -> ManifestError {
    ManifestError::Malformed(error.to_string())
}

/// Reads a manifest in which a service is an `S`.
fn read<S: DeserializeOwned>(
    text: &str,
    current: fn(S, &UnitName) -> Result<ManifestService, String>,
) -> Result<Manifest, ManifestError> {
    let stored: ManifestText<S> = serde_json::from_str(text).map_err(malformed)?;
    let ManifestText {
        _format,
        cluster,
        host,
        services,
    } = stored;
    let services = services.into_iter().map(|(name, service)| {
        let unit = Instance::of(&name).unit(&cluster);
        let service = current(service, &unit).map_err(malformed)?;
        Ok((name, service))
    });
    let services = services.collect::<Result<_, ManifestError>>()?;
    Ok(Manifest {
        cluster,
        host,
        services,
    })
}

impl ManifestService {
    /// Itself, if its unit files are those of a service: they become paths.
    fn checked(self, unit: &UnitName) -> Result<Self, String> {
        let slots = self.has_slots().then(|| unit.slots());
        let of_unit = |file: &&UnitFileName| match &slots {
            Some(slots) => slots.iter().any(|slot| slot.service_file() == **file),
            None => file.unit() == unit.as_str() && file.kind().is_some(),
        };
        let file = match &slots {
            Some([a, _]) => a.service_file(),
            None => unit.service_file(),
        };
        if let Some(other) = self.units.keys().find(|file| !of_unit(file)) {
            return Err(format!("expected a unit file of {unit}, found `{other}`"));
        }
        match self.units.contains_key(&file) {
            true => Ok(self),
            false => Err(format!("expected the unit file {file}, found none")),
        }
    }

    /// Whether it has two units, of which one takes over from the other.
    #[must_use]
    pub fn has_slots(&self) -> bool {
        self.handling.as_ref().is_some_and(Handling::has_slots)
    }

    /// How it is swapped, if it is behind a proxy.
    #[must_use]
    pub fn slots(&self) -> Option<&Slots> {
        self.handling.as_ref()?.slots.as_ref()
    }

    /// Its live directories.
    pub fn live_directories(&self) -> impl Iterator<Item = (&LiveName, &LiveDigests)> {
        self.live.iter().flat_map(|live| &live.directories)
    }

    /// What stands for a file that the host makes of secrets, in an inputs directory or a live one.
    ///
    /// # Panics
    /// It makes no such file.
    #[must_use]
    pub fn stands_for(&self, path: &str) -> Digest {
        let mut live = self.live_directories();
        let live = live.find_map(|(name, digests)| digests.secrets.get(name.below(path)?));
        let stands = live.or_else(|| self.files.get(path));
        stands.expect("it is one of its files").clone()
    }

    /// Whether the host makes files of secrets for it.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        let mut live = self.live_directories();
        self.files.contains_key(DIGESTS) || live.any(|(_, digests)| !digests.secrets.is_empty())
    }

    /// Whether it says what a reader of [`COMMON`] does not know.
    fn is_new(&self) -> bool {
        let handling = self.handling.as_ref();
        self.units.len() > 1
            || self.live.is_some()
            || handling.is_some_and(|handling| {
                !handling.after.is_empty()
                    || !handling.addresses.is_empty()
                    || !handling.runs.is_all_the_time()
                    || handling.has_slots()
            })
    }

    /// Whether the files are the same, and what runs from them.
    fn holds_same(&self, other: &Self) -> bool {
        let Self {
            units,
            directory,
            fingerprint,
            image,
            stateful,
            files,
            live: _,
            handling: _,
        } = self;
        // How they are reloaded is no file.
        let live = || self.live_directories().eq(other.live_directories());
        live()
            && (units, directory, fingerprint)
                == (&other.units, &other.directory, &other.fingerprint)
            && (image, stateful, files) == (&other.image, &other.stateful, &other.files)
    }
}

/// A manifest as it stands in a file, with what its format says of a service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestText<S> {
    #[serde(rename = "format")]
    _format: u32,
    cluster: ClusterName,
    host: HostName,
    services: BTreeMap<ServiceName, S>,
}

/// What format 1 says of a service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstService {
    unit: Digest,
    directory: DirectoryName,
    fingerprint: Fingerprint,
    image: String,
    stateful: bool,
    files: BTreeMap<String, Digest>,
}

impl FirstService {
    /// The same in today's words. That format knew one unit file, and no handling.
    fn into_current(self, name: &UnitName) -> Result<ManifestService, String> {
        let Self {
            unit,
            directory,
            fingerprint,
            image,
            stateful,
            files,
        } = self;
        Ok(ManifestService {
            units: [(name.service_file(), unit)].into(),
            directory,
            fingerprint,
            image,
            stateful,
            files,
            live: None,
            handling: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::{damaged, edits};
    use super::*;

    const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    /// Format 1, as the first versions wrote it.
    fn old() -> String {
        format!(
            r#"{{
  "format": 1,
  "cluster": "demo",
  "host": "alpha",
  "services": {{
    "web": {{
      "unit": "{DIGEST}",
      "directory": "0123456789ab",
      "fingerprint": "v1:{DIGEST}",
      "image": "registry/web:1",
      "stateful": false,
      "files": {{
        "50-web.env": "{DIGEST}"
      }}
    }}
  }}
}}
"#
        )
    }

    fn new() -> Manifest {
        let mut manifest = Manifest::parse(&old()).unwrap();
        let web = manifest.services.values_mut().next().unwrap();
        web.handling = Some(Handling {
            ports: [
                HostPorts::tcp(9000),
                HostPorts::parse("127.0.0.1:53/udp").unwrap(),
            ]
            .into(),
            networks: BTreeMap::new(),
            addresses: BTreeMap::new(),
            needs: vec![ServiceName::new("db").unwrap()],
            after: Vec::new(),
            restart: RestartPolicy::Manual,
            readiness: Readiness::Probed,
            runs: Runs::AllTheTime,
            slots: None,
            shared: None,
        });
        manifest
    }

    #[test]
    fn one_of_the_first_format_says_the_same_of_the_files() {
        let (old, new) = (Manifest::parse(&old()).unwrap(), new());
        let web = &old.services[&ServiceName::new("web").unwrap()];
        assert_eq!(web.handling, None);
        let file = old.unit(&ServiceName::new("web").unwrap()).service_file();
        assert_eq!(web.units[&file].as_str(), DIGEST);
        assert!(old.holds_same(&new.services.iter().collect()) && old != new);
        let mut other = new.clone();
        other.services.clear();
        assert!(!other.holds_same(&new.services.iter().collect()));
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let manifest = new();
        assert_eq!(Manifest::parse(&manifest.to_text()), Ok(manifest.clone()));
        insta::assert_snapshot!(manifest.to_text(), @r#"
        {
          "format": 2,
          "cluster": "demo",
          "host": "alpha",
          "services": {
            "web": {
              "units": {
                "demo-web.service": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
              },
              "directory": "0123456789ab",
              "fingerprint": "v1:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
              "image": "registry/web:1",
              "stateful": false,
              "files": {
                "50-web.env": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
              },
              "handling": {
                "ports": [
                  9000,
                  "127.0.0.1:53/udp"
                ],
                "needs": [
                  "db"
                ],
                "restart": "manual",
                "readiness": "probed"
              }
            }
          }
        }
        "#);
        let mut ordered = new();
        let web = ordered.services.values_mut().next().unwrap();
        web.handling.as_mut().unwrap().after = vec![ServiceName::new("cache").unwrap()];
        assert!(ordered.to_text().contains("\"format\": 3,"));
        assert_eq!(Manifest::parse(&ordered.to_text()), Ok(ordered));
        // What came from format 1 is written without what nobody knows.
        let old = Manifest::parse(&old()).unwrap();
        assert_eq!(Manifest::parse(&old.to_text()), Ok(old));
    }

    #[test]
    fn a_unit_of_another_service_is_refused() {
        for name in ["../../etc/passwd", "demo-db.service", "demo-db.timer"] {
            let text = new().to_text().replace("demo-web.service", name);
            let error = Manifest::parse(&text).unwrap_err().to_string();
            assert!(error.contains("a unit file of demo-web"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(
            format in any::<bool>(),
            edits in edits(),
        ) {
            let text = if format { old() } else { new().to_text() };
            let _ = Manifest::parse(&damaged(&text, edits));
        }

        #[test]
        fn one_of_a_newer_format_is_told_from_one_that_is_damaged(format in any::<u32>(), rest in "[ -~]{0,20}") {
            let text = format!("{{\"format\":{format},\"rest\":{}}}", serde_json::json!(rest));
            let is_newer = matches!(Manifest::parse(&text), Err(ManifestError::Newer(_)));
            prop_assert_eq!(is_newer, format > FORMAT);
        }
    }
}
