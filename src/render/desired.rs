//! What a cluster should be: the files of every host, and what they mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::fingerprint::{Recipe, fingerprint};
use super::identity::{DirectoryName, Fingerprint, Instance, UnitFileName, UnitKind, UnitName};
use super::inputs::Inputs;
use super::live::{DesiredLive, LiveName};
use super::manifest::{Handling, Manifest, ManifestService};
use super::marks::{blanked_of, marked};
use super::placement::Reach;
use super::secrets::DesiredSecrets;
use super::unit::Unit;
use crate::cluster::digest::Digest;
use crate::cluster::model::{Engine, Image};
use crate::cluster::name::{ClusterName, HostName, ServiceName};

/// Everything that the hosts of one cluster should hold. Made by [`render`](super::render) from a description, and
/// by [`stored`](super::stored) from generations of hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// Every described host, also one without services.
    pub hosts: BTreeMap<HostName, DesiredHost>,
    /// How every described host is reached, also where a plan is about some of them.
    pub machines: BTreeMap<HostName, Reach>,
}

/// What one host should hold. Networks are what its services say in [`Handling::networks`]: their units make them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredHost {
    /// What runs its containers.
    pub engine: Engine,
    /// One that runs on several hosts is the same on those with the same engine at the same path, and the same `listen`.
    pub services: BTreeMap<ServiceName, Arc<DesiredService>>,
}

impl Desired {
    /// The unit that runs a service of this cluster, whether it is desired or not.
    #[must_use]
    pub fn unit(&self, service: &ServiceName) -> UnitName {
        Instance::of(service).unit(&self.cluster)
    }
}

impl DesiredHost {
    /// What a generation that holds all of this says of itself.
    #[must_use]
    pub fn manifest(&self, cluster: &ClusterName, host: &HostName) -> Manifest {
        let services = self.services.iter();
        Manifest {
            cluster: cluster.clone(),
            host: host.clone(),
            services: services
                .map(|(name, service)| (name.clone(), service.entry.clone()))
                .collect(),
        }
    }
}

/// One service on one host: its units, its inputs directory, and the inputs that they carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredService {
    /// The unit that runs its container.
    pub unit: UnitName,
    /// Its unit files: the one that runs its container is among them.
    pub units: BTreeMap<UnitFileName, DesiredUnit>,
    /// The inputs directory's name.
    pub directory: DirectoryName,
    /// The files of the inputs directory by path below it. Texts of env files, bytes of others.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What further files of it are made of, on the host.
    pub secrets: DesiredSecrets,
    /// The directories of files that it reads again without a restart.
    pub live: BTreeMap<LiveName, DesiredLive>,
    /// What its fingerprint is made of.
    pub inputs: Inputs,
    /// What a manifest says of it: the digests of all of the above.
    pub entry: ManifestService,
    /// The fingerprint under the current recipe, as the unit and the container carry it.
    pub fingerprint: Fingerprint,
    /// The image that it runs.
    pub image: Image,
    /// How a release treats it.
    pub handling: Handling,
    /// Whether it keeps data on its host.
    pub stateful: bool,
    /// On how many of its hosts a release may take it down at once; `None` is one host after the other.
    pub max_down: Option<usize>,
    /// With how many hosts at a time a release goes that acts on it; `None` is what the cluster says.
    pub batch: Option<usize>,
    /// How long it is watched after it is healthy; `None` is what the cluster says.
    pub soak: Option<Duration>,
    /// How long the starts may take that it is among; `None` is what the cluster says.
    pub deadline: Option<Duration>,
    /// Paths of its host that its container mounts, and that nobody makes.
    pub sources: BTreeSet<String>,
    /// What its container mounts at which paths of its own, and what starts it asks of the image.
    pub mounted: Mounted,
    /// Where the unit's text comes from: the template's path, for reasons.
    pub template: String,
    /// The same service under the recipe before, for hosts where it was released under that one and
    /// has not changed since: see [`held`](Self::held).
    pub older: OlderForm,
}

/// The form of a service under the recipe before the one of its newest form.
#[derive(Debug, Clone)]
pub struct OlderForm(Older);

#[derive(Debug, Clone)]
enum Older {
    /// There is none.
    None,
    /// It is spelled otherwise, or a secret has another identity in it.
    Form(Arc<DesiredService>),
    /// Nothing but the recipe differs: made when somebody asks for it. Few hosts have it still.
    Follows(OnceLock<Arc<DesiredService>>),
}

impl OlderForm {
    /// There is none.
    #[must_use]
    pub const fn none() -> Self {
        Self(Older::None)
    }

    pub(super) fn of(service: DesiredService) -> Self {
        Self(Older::Form(Arc::new(service)))
    }

    /// Of a service without secrets that was spelled as it is now.
    pub(super) const fn follows() -> Self {
        Self(Older::Follows(OnceLock::new()))
    }
}

/// What follows from the newest form is equal where that is.
impl PartialEq for OlderForm {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Older::Form(one), Older::Form(other)) => one == other,
            (Older::None, Older::None) | (Older::Follows(_), Older::Follows(_)) => true,
            (Older::None | Older::Form(_) | Older::Follows(_), _) => false,
        }
    }
}

impl Eq for OlderForm {}

/// What a release asks of an image before it runs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mounted {
    /// The paths in the container at which something is mounted; `None` if that is not known.
    pub targets: Option<BTreeSet<String>>,
    /// Its start waits for the image's own `HEALTHCHECK`.
    pub by_image: bool,
}

/// One unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredUnit {
    /// The file's text.
    pub text: Arc<str>,
    /// The links that `systemctl enable` makes: the targets of `WantedBy=` and `RequiredBy=`
    /// with the directory's suffix, as `multi-user.target.wants`.
    pub enabled_by: BTreeSet<String>,
}

impl DesiredUnit {
    /// The unit file of this text; `unit` is the text, parsed.
    #[must_use]
    pub fn new(text: Arc<str>, unit: &Unit) -> Self {
        let links = |(key, suffix)| {
            let values = unit.values("Install", key).into_iter();
            let targets = values.flat_map(str::split_whitespace);
            targets.map(move |target| format!("{target}.{suffix}"))
        };
        let keys = [("WantedBy", "wants"), ("RequiredBy", "requires")];
        Self {
            text,
            enabled_by: keys.into_iter().flat_map(links).collect(),
        }
    }
}

/// What a host says of a service that was released there, for [`DesiredService::held`].
#[derive(Debug, Clone, Copy, Default)]
pub struct FoundOnHost<'a> {
    /// The fingerprint that its running container carries.
    pub running: Option<&'a str>,
    /// What the current generation records.
    pub recorded: Option<&'a ManifestService>,
    /// The digest of its unit file.
    pub unit: Option<&'a Digest>,
}

impl DesiredService {
    /// The form in which a host keeps this service: an older one as long as nothing has changed but the
    /// recipe, so that an upgrade of bayplan writes no file. The fingerprint of what runs decides first, then the
    /// recorded one, then the unit file.
    #[must_use]
    pub fn held<'a>(self: &'a Arc<Self>, released: FoundOnHost<'_>) -> &'a Arc<Self> {
        let FoundOnHost {
            running,
            recorded,
            unit,
        } = released;
        let carries = |found: &str| match self.fingerprint.as_str() == found {
            true => Some(self),
            false => self.older_with(found),
        };
        let carried = recorded.map(|entry| entry.fingerprint.as_str());
        let by_fingerprint = [running, carried].into_iter().flatten().find_map(carries);
        let by_unit = || {
            let unit = unit.filter(|unit| *unit != self.unit_digest())?;
            // A recorded unit has the recorded fingerprint.
            let file = self.unit.service_file();
            if recorded.and_then(|entry| entry.units.get(&file)) == Some(unit) {
                return None;
            }
            let mut older = std::iter::successors(self.older(), |form| form.older());
            older.find(|form| form.unit_digest() == unit)
        };
        by_fingerprint.or_else(by_unit).unwrap_or(self)
    }

    /// Its older form with this fingerprint.
    fn older_with(&self, fingerprint: &str) -> Option<&Arc<Self>> {
        let recipe = fingerprint.split(':').next();
        let older = match &self.older.0 {
            // It is not made only to be found another one.
            Older::Follows(_) if recipe != Some(Recipe::V1.name()) => None,
            Older::None | Older::Form(_) | Older::Follows(_) => self.older(),
        };
        older.and_then(|form| match form.fingerprint.as_str() == fingerprint {
            true => Some(form),
            false => form.older_with(fingerprint),
        })
    }

    /// The desired fingerprint under the recipe that a running container names, so that a new
    /// recipe alone restarts nothing: `None` if this version does not know that recipe.
    #[must_use]
    pub fn fingerprint_under(&self, running: &Fingerprint) -> Option<Fingerprint> {
        let recipe = Recipe::named(running.recipe())?;
        // Of a recipe there may be several: what one of them started stays.
        if self.fingerprint == *running || self.older_with(running.as_str()).is_some() {
            return Some(running.clone());
        }
        let form = self.under(recipe);
        if recipe.name() == form.fingerprint.recipe() {
            return Some(form.fingerprint.clone());
        }
        Some(fingerprint(recipe, &form.inputs))
    }

    /// The unit file that runs its container.
    #[must_use]
    pub fn service_unit(&self) -> &DesiredUnit {
        &self.units[&self.unit.service_file()]
    }

    /// Whether a unit is its own, or that of one of its slots.
    #[must_use]
    pub fn runs_as(&self, unit: &UnitName) -> bool {
        self.entry.units.contains_key(&unit.service_file())
    }

    /// Its timer, if it is a scheduled job: its container runs only now and then.
    #[must_use]
    pub fn timer(&self) -> Option<UnitFileName> {
        let mut files = self.units.keys();
        files
            .find(|file| file.kind() == Some(UnitKind::Timer))
            .cloned()
    }

    /// The timer that asks it whether it is well, if it is asked.
    #[must_use]
    pub fn watch(&self) -> Option<UnitFileName> {
        let mut files = self.units.keys();
        files
            .find(|file| file.kind() == Some(UnitKind::WatchTimer))
            .cloned()
    }

    /// The digest of the file that runs its container.
    #[must_use]
    pub fn unit_digest(&self) -> &Digest {
        &self.entry.units[&self.unit.service_file()]
    }

    /// Its form under a recipe. A service that was read back from a generation has one form only, whatever recipe
    /// is asked for.
    #[must_use]
    pub fn under(&self, recipe: Recipe) -> &DesiredService {
        let is_under = |form: &&Self| form.fingerprint.recipe() == recipe.name();
        // Not made where it is not asked for: an iterator of successors is always one ahead.
        let older = || std::iter::successors(self.older(), |form| form.older());
        let older = || older().map(Arc::as_ref).find(is_under);
        Some(self).filter(is_under).or_else(older).unwrap_or(self)
    }

    /// Its form under the recipe before, if it has one.
    #[must_use]
    pub fn older(&self) -> Option<&Arc<DesiredService>> {
        match &self.older.0 {
            Older::None => None,
            Older::Form(older) => Some(older),
            Older::Follows(made) => Some(made.get_or_init(|| Arc::new(self.as_first_released()))),
        }
    }

    /// The same under the first recipe, where that alone differs.
    fn as_first_released(&self) -> Self {
        let recipe = Recipe::V1;
        let fingerprint = fingerprint(recipe, &self.inputs);
        let directory = DirectoryName::of(&fingerprint, &self.entry.files);
        let file = self.unit.service_file();
        let mut units = self.units.clone();
        let mut entry = self.entry.clone();
        if let Some(unit) = units.get_mut(&file) {
            let text = blanked_of(&unit.text, &self.fingerprint, &self.directory);
            unit.text = marked(&text, &fingerprint, &directory).into();
            entry.units.insert(file, Digest::of(&*unit.text));
        }
        entry.fingerprint = fingerprint.clone();
        entry.directory = directory.clone();
        Self {
            units,
            entry,
            fingerprint,
            directory,
            secrets: self.secrets.clone().under(recipe),
            older: OlderForm::none(),
            ..self.clone()
        }
    }
}
