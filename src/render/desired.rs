//! What a cluster should be: the files of every host, and what they mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::manifest::ManifestService;
use super::placement::Reach;
use super::secrets::DesiredSecrets;
use crate::cluster::model::{Engine, Image, Layer, RestartPolicy};
use crate::cluster::name::{ClusterName, HostName, ServiceName, UnitName, VariableName};
use crate::cluster::secret::SecretIdentity;

/// Everything that the hosts of one cluster should hold. Made only by [`render`](super::render).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    pub cluster: ClusterName,
    pub hosts: BTreeMap<HostName, DesiredHost>,
    /// Every described host, also where a plan is about some of them.
    pub machines: BTreeMap<HostName, Reach>,
}

/// What one host should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredHost {
    pub engine: Engine,
    /// One that runs on several hosts is the same on those with the same engine at the same path.
    pub services: BTreeMap<ServiceName, Arc<DesiredService>>,
}

/// One service on one host: its unit, its inputs directory, and the inputs that they carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredService {
    pub unit: UnitName,
    /// The unit file's text.
    pub unit_text: Arc<str>,
    /// The links that `systemctl enable` makes: the targets of `WantedBy=` and `RequiredBy=`
    /// with the directory's suffix, as `multi-user.target.wants`.
    pub enabled_by: BTreeSet<String>,
    /// The inputs directory's name.
    pub directory: DirectoryName,
    /// The files of the inputs directory by path below it. Texts of env files, bytes of others.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What further files of it are made of, on the host.
    pub secrets: DesiredSecrets,
    pub inputs: Inputs,
    /// What a manifest says of it: the digests of all of the above.
    pub entry: ManifestService,
    /// The fingerprint under the current recipe, as the unit and the container carry it.
    pub fingerprint: Fingerprint,
    pub image: Image,
    /// The host port that the container takes: published, or directly in the host's network.
    pub port: Option<u16>,
    pub needs: Vec<ServiceName>,
    pub restart: RestartPolicy,
    pub readiness: Readiness,
    pub stateful: bool,
    /// Where the unit's text comes from: the template's path, for reasons.
    pub template: String,
    /// The same service under the recipe before, for hosts where it was released under that one and
    /// has not changed since: see [`held`](Self::held).
    pub older: Option<Arc<DesiredService>>,
}

/// What a host says of a service that was released there, for [`DesiredService::held`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Released<'a> {
    /// The fingerprint that its running container carries.
    pub running: Option<&'a str>,
    /// The fingerprint that the current generation records.
    pub recorded: Option<&'a str>,
    /// The digest of its unit file.
    pub unit: Option<&'a Digest>,
}

impl DesiredService {
    /// The form in which a host keeps this service: an older one as long as nothing has changed but the
    /// recipe, so that an upgrade of bayplan writes no file. What runs speaks first, then what was
    /// recorded, then the unit file.
    #[must_use]
    pub fn held<'a>(self: &'a Arc<Self>, released: Released<'_>) -> &'a Arc<Self> {
        let forms = || std::iter::successors(Some(self), |form| form.older.as_ref());
        let Released {
            running,
            recorded,
            unit,
        } = released;
        let by_fingerprint = [running, recorded]
            .into_iter()
            .flatten()
            .find_map(|found| forms().find(|form| form.fingerprint.as_str() == found));
        by_fingerprint
            .or_else(|| forms().find(|form| unit == Some(&form.entry.unit)))
            .unwrap_or(self)
    }
}

/// What its unit's start waits for, beyond that its container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Nothing, or nobody knows.
    Running,
    /// It has answered the probe that is described for it (`[health]`).
    Probed,
}

/// What decides how a container runs, in a form that is compared and explained.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs {
    /// The lines of the unit's `[Service]` section that decide how the container runs, sorted by
    /// key, each value split into words as systemd does (`%%` and `$$` stay); the fingerprint and
    /// the inputs directory's name are blanked.
    pub directives: Vec<(String, Vec<String>)>,
    /// The environment, by name.
    pub variables: BTreeMap<VariableName, InputVariable>,
    /// Config files by path below the inputs directory, with the digest of their bytes.
    pub files: BTreeMap<String, Digest>,
    /// Secrets that are files, by path below the inputs directory.
    pub secret_files: BTreeMap<String, SecretIdentity>,
}

/// A variable as the container gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputVariable {
    /// Where the value comes from; it is told in reasons and is no input itself.
    pub layer: Layer,
    pub value: InputValue,
}

/// A variable's value, as far as anybody without a key knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputValue {
    Plain(String),
    Secret(SecretIdentity),
}

impl InputValue {
    /// The value, if it is no secret.
    #[must_use]
    pub fn plain(&self) -> Option<&str> {
        match self {
            InputValue::Plain(value) => Some(value),
            InputValue::Secret(_) => None,
        }
    }
}

/// The digest of the inputs, `v2:` and 64 hexadecimal digits. The part before the colon names the
/// recipe that made it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub(crate) String);

impl Fingerprint {
    /// Takes the text of a label as a host reports it. Any text is fine: one that no recipe makes
    /// just equals no desired one.
    #[must_use]
    pub fn reported(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The fingerprint's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The recipe's name, `v2`.
    #[must_use]
    pub fn recipe(&self) -> &str {
        self.0.split_once(':').map_or("", |(recipe, _)| recipe)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of an inputs directory: twelve hexadecimal digits of the digest over the fingerprint
/// and the digest of every file, so that what a directory of this name holds never changes, not
/// even where a variable moves from one layer to another and the fingerprint stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DirectoryName(pub(crate) String);

impl DirectoryName {
    /// The name of the directory that holds these files, by path, for this fingerprint. An edited
    /// directory shows by its name: it is not the name of what it holds.
    #[must_use]
    pub fn of(fingerprint: &Fingerprint, files: &BTreeMap<String, Digest>) -> Self {
        let head = [b"directory v1".as_slice(), fingerprint.0.as_bytes()];
        let files = files
            .iter()
            .flat_map(|(path, digest)| [path.as_bytes(), digest.as_str().as_bytes()]);
        let digest = Digest::of_parts(head.into_iter().chain(files));
        Self(digest.as_str()[..12].to_owned())
    }

    /// Takes a name that a host reports: `None` if it is none of ours.
    #[must_use]
    pub fn reported(text: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 12 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DirectoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
