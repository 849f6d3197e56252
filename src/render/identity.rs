//! Who is who on a host. Every name that is made from the names of a cluster and a service is made here, once:
//! of units, their files, containers and inputs directories; and the fingerprints that they carry.
//!
//! | name | made of | example |
//! | --- | --- | --- |
//! | [`Instance`] | a service, and its slot if it has some | `web`, slot `a` |
//! | [`UnitName`] | the cluster and an instance | `production-web`, `production-web@a` |
//! | [`UnitName::container`] | the same, as the engine accepts it (`%p.%i`) | `production-web`, `production-web.a` |
//! | [`UnitFileName`] | a unit's name and its kind | `production-web.service`, `production-web.timer`, `production-web.watch.timer` |
//! | [`DirectoryName`] | what the directory holds | `3f9ac1b20c77` |
//!
//! What slots share is kept by service: the inputs directory, the image, the fingerprint. What each slot has of its
//! own (a unit, a container, a start) belongs to an [`Instance`].

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cluster::digest::Digest;
use crate::cluster::name::{ClusterName, ServiceName};

/// What one unit runs: a service, or one slot of a service of which two run side by side while one replaces
/// the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance {
    /// The service.
    pub service: ServiceName,
    /// `None` for a service that has just one instance on a host.
    pub slot: Option<Slot>,
}

impl Instance {
    /// The instance of a service that has no slots.
    #[must_use]
    pub fn of(service: &ServiceName) -> Self {
        Self {
            service: service.clone(),
            slot: None,
        }
    }

    /// The name of its unit in a cluster.
    #[must_use]
    pub fn unit(&self, cluster: &ClusterName) -> UnitName {
        let Self { service, slot } = self;
        UnitName(match slot {
            None => format!("{cluster}-{service}"),
            Some(slot) => format!("{cluster}-{service}@{slot}"),
        })
    }

    /// Whose unit has this name in a cluster, without a suffix: `None` if no service can have it.
    #[must_use]
    pub fn of_unit(cluster: &ClusterName, name: &str) -> Option<Self> {
        let name = name.strip_prefix(cluster.as_str())?.strip_prefix('-')?;
        let (service, slot) = match name.split_once('@') {
            None => (name, None),
            Some((service, slot)) => (service, Some(Slot::new(slot)?)),
        };
        let service = ServiceName::new(service).ok()?;
        Some(Self { service, slot })
    }
}

/// One of the places in which a service can run on a host: `a` or `b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(char);

impl Slot {
    /// The first one.
    pub const A: Self = Self('a');
    /// The other one.
    pub const B: Self = Self('b');
    /// All that a service has.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];
    /// One that no host has: a unit that is rendered for either slot is called after it at first.
    pub(super) const UNKNOWN: Self = Self('Z');

    /// The slot that takes over from it.
    #[must_use]
    pub fn other(self) -> Self {
        if self == Self::A { Self::B } else { Self::A }
    }

    /// Takes one lower-case letter; `None` for anything else.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let mut letters = text.chars();
        let letter = letters.next().filter(char::is_ascii_lowercase)?;
        letters.next().is_none().then_some(Self(letter))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A unit's name without its suffix, `<cluster>-<service>`: `%N` in the unit. Only an [`Instance`] makes one.
/// Never longer than systemd accepts (255 bytes, systemd.unit(5)), since both names have at most 63.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct UnitName(String);

impl UnitName {
    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the container that the unit runs.
    #[must_use]
    pub fn container(&self) -> String {
        // Engines accept no `@` in a name.
        self.0.replace('@', ".")
    }

    /// The units of the slots of the service whose only unit this would be.
    pub(super) fn slots(&self) -> [Self; 2] {
        Slot::BOTH.map(|slot| Self(format!("{}@{slot}", self.0)))
    }

    /// The unit of another slot of the same service, of which this is a slot's.
    #[must_use]
    pub fn of_slot(&self, slot: Slot) -> Self {
        Self(format!("{}@{slot}", without_slot(&self.0)))
    }

    /// The only unit of another service of the same cluster; `own` is the service of this one.
    #[must_use]
    pub fn of_service(&self, other: &ServiceName, own: &ServiceName) -> Self {
        let name = without_slot(&self.0);
        let cluster = name.strip_suffix(own.as_str()).unwrap_or(name);
        Self(format!("{cluster}{other}"))
    }

    /// The name of its file of this kind. Slots share one watch, which follows the one that serves.
    #[must_use]
    pub fn file(&self, kind: UnitKind) -> UnitFileName {
        let unit = if kind.is_watch() {
            without_slot(&self.0)
        } else {
            &self.0
        };
        UnitFileName(format!("{unit}{}", kind.suffix()))
    }

    /// The name of the file that runs its container: `<cluster>-<service>.service`.
    #[must_use]
    pub fn service_file(&self) -> UnitFileName {
        self.file(UnitKind::Service)
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A unit's name without its slot: the same for all units of a service.
#[must_use]
pub fn without_slot(unit: &str) -> &str {
    unit.split('@').next().unwrap_or_default()
}

/// What a unit file is for. Its suffix tells systemd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitKind {
    /// It runs a service's container.
    Service,
    /// It says when that is started.
    Timer,
    /// It asks whether the container is well, once.
    Watch,
    /// It says when that is asked.
    WatchTimer,
}

impl UnitKind {
    /// All kinds that an instance can have.
    pub const ALL: [Self; 4] = [Self::Watch, Self::WatchTimer, Self::Service, Self::Timer];

    /// What a file of this kind ends with.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Service => ".service",
            Self::Timer => ".timer",
            Self::Watch => ".watch.service",
            Self::WatchTimer => ".watch.timer",
        }
    }

    /// Whether it is of the watch of a service, which goes on as its container does.
    #[must_use]
    pub fn is_watch(self) -> bool {
        matches!(self, Self::Watch | Self::WatchTimer)
    }

    /// Splits the name of a unit file into the unit's name and the kind: `None` if it is of none that we write.
    #[must_use]
    pub fn split(file: &str) -> Option<(&str, Self)> {
        // The longer suffixes are the first: no service has a dot in its name.
        let mut kinds = Self::ALL.into_iter();
        kinds.find_map(|kind| Some((file.strip_suffix(kind.suffix())?, kind)))
    }
}

/// The name of a unit file, `<cluster>-<service>.service`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitFileName(String);

impl UnitFileName {
    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> Option<UnitKind> {
        UnitKind::split(&self.0).map(|(_, kind)| kind)
    }

    /// Whether it is of the watch of a service.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.kind().is_some_and(UnitKind::is_watch)
    }

    /// The unit's name without a suffix, as [`UnitName::as_str`] has it.
    #[must_use]
    pub fn unit(&self) -> &str {
        UnitKind::split(&self.0).map_or(&self.0, |(unit, _)| unit)
    }
}

impl fmt::Display for UnitFileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<UnitFileName> for String {
    fn from(name: UnitFileName) -> Self {
        name.0
    }
}

/// The directory of a service's inputs directories on a host.
#[must_use]
pub fn inputs_parent(cluster: &ClusterName, service: &ServiceName) -> String {
    format!("/etc/bayplan/{cluster}/{service}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_instance() {
        let cluster = ClusterName::new("production").unwrap();
        let service = ServiceName::new("web").unwrap();
        let instance = |slot: Option<&str>| Instance {
            service: service.clone(),
            slot: slot.map(|slot| Slot::new(slot).unwrap()),
        };
        let table = [
            (None, "production-web.service", "production-web"),
            (Some("a"), "production-web@a.service", "production-web.a"),
        ];
        for (slot, file, container) in table {
            let unit = instance(slot).unit(&cluster);
            assert_eq!(unit.service_file().as_str(), file);
            assert_eq!(unit.container(), container);
            let (name, kind) = UnitKind::split(file).unwrap();
            assert_eq!(kind, UnitKind::Service);
            assert_eq!(Instance::of_unit(&cluster, name), Some(instance(slot)));
        }
        let foreign = ["production", "production-", "other-web", "production-web@"];
        let strange = ["production-Web", "production-web@ab", "production-web@1"];
        for name in foreign.into_iter().chain(strange) {
            assert_eq!(Instance::of_unit(&cluster, name), None, "{name}");
        }
        let timer = instance(None).unit(&cluster).file(UnitKind::Timer);
        assert_eq!(timer.as_str(), "production-web.timer");
        assert_eq!(timer.unit(), "production-web");
        let slot = instance(Some("b")).unit(&cluster);
        let watch = slot.file(UnitKind::WatchTimer);
        assert_eq!(watch.as_str(), "production-web.watch.timer");
        assert_eq!(watch.kind(), Some(UnitKind::WatchTimer));
        assert_eq!(watch.unit(), "production-web");
        assert_eq!(
            UnitKind::split("production-web.watch.service"),
            Some(("production-web", UnitKind::Watch))
        );
        assert_eq!(UnitKind::split("production-web.path"), None);
    }
}
