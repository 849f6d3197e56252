//! What the records of an answer mean, and what must be asked after them.

mod crashes;
mod generation;
mod service;

pub(in crate::host) use self::generation::images as recorded_images;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::parse::{AttachedContainer, FirstAnswer, More, RunningContainer, Stat};
use super::{
    Deaths, EnvFiles, HostLook, LookFor, ObserveError, Request, SecondQuestion, Unmanaged,
};
use crate::cluster::digest::Digest;
use crate::cluster::job::OnceKey;
use crate::cluster::name::ServiceName;
use crate::plan::observed::{
    Attached, EditMark, Generation, HoldTime, Moment, ObservedDirectory, ObservedHold,
    ObservedHost, ObservedLive, ObservedNetwork, ObservedUnit, UnitFile,
};
use crate::render::begun::BegunRelease;
use crate::render::desired::{DesiredService, FoundOnHost};
use crate::render::env_file;
use crate::render::identity::{DirectoryName, Instance, Slot, UnitFileName, UnitKind, UnitName};
use crate::render::live::{LiveName, LiveVersion};
use crate::render::pushed::PushedRelease;
use crate::render::secret_files;
use crate::render::slots;

/// Larger files are not fetched: a text only explains, and a unit file of that size is not ours.
const LARGEST_TEXT: u64 = 256 * 1024;

/// The mark that an activation leaves in an inputs directory before it overwrites an edited unit.
const MARK: &str = ".edited";

/// A look that is not finished.
#[derive(Debug, Clone)]
pub struct FirstLook<'a> {
    request: Request<'a>,
    first: FirstAnswer,
    generation: Generation,
    services: BTreeMap<ServiceName, ServiceFiles>,
    need: SecondQuestion,
}

/// The files of one service.
#[derive(Debug, Clone, Default)]
struct ServiceFiles {
    directories: BTreeMap<DirectoryName, ObservedDirectory>,
    leftovers: BTreeSet<String>,
    live: BTreeMap<LiveName, ObservedLive>,
    drop_ins: BTreeSet<String>,
    /// What its unit files are enabled by, by their names.
    links: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> FirstLook<'a> {
    pub(super) fn new(request: Request<'a>, first: FirstAnswer) -> Result<Self, ObserveError> {
        let mut look = FirstLook {
            generation: generation::current(&request, &first),
            request,
            first,
            services: BTreeMap::new(),
            need: SecondQuestion::default(),
        };
        look.services = look.collect()?;
        look.need = look.need();
        Ok(look)
    }

    pub(super) fn is_enough(&self) -> bool {
        self.need.is_empty()
    }

    pub(super) fn complete_without(self) -> Result<HostLook, ObserveError> {
        self.assemble(&More::default())
    }

    /// The script of the second exchange.
    #[must_use]
    pub fn script(&self) -> String {
        self.need.script(self.request.layout, self.request.engine)
    }

    /// Reads the answer of the second exchange.
    ///
    /// # Errors
    /// Systemd did not answer, a file changed meanwhile, or the answer is not whole.
    pub fn complete(self, answer: &[u8]) -> Result<HostLook, ObserveError> {
        let more = More::parse(&self.need.texts, answer)?;
        self.assemble(&more)
    }

    // ---- what is there ----

    /// Every service that is desired here, or has files or a container here.
    fn collect(&self) -> Result<BTreeMap<ServiceName, ServiceFiles>, ObserveError> {
        let mut services: BTreeMap<ServiceName, ServiceFiles> = BTreeMap::new();
        for name in self.request.desired.keys() {
            services.entry(name.clone()).or_default();
        }
        for container in &self.first.containers {
            if let Some(name) = self.service_of(&container.name) {
                services.entry(name).or_default();
            }
        }
        let inputs = format!("{}/", self.request.layout.inputs());
        let units = format!("{}/", self.request.layout.units());
        self.collect_live(&mut services)?;
        for (path, stat) in &self.first.stats {
            if let Some(below) = path.strip_prefix(&inputs) {
                self.collect_inputs(&mut services, path, below, *stat)?;
            } else if let Some((directory, file)) = path.rsplit_once('/') {
                let directory_name = directory.rsplit('/').next().unwrap_or_default();
                if let Some((unit, _)) = directory_name.strip_suffix(".d").and_then(UnitKind::split)
                {
                    // A drop-in without its unit does nothing.
                    if let Some(name) = self.service_of(unit)
                        && let Some(files) = services.get_mut(&name)
                    {
                        files.drop_ins.insert(path.clone());
                    }
                } else if let Some(below) = path.strip_prefix(&units)
                    && let Some((name, _)) = UnitKind::split(file)
                    && let Some(name) = self.service_of(name)
                {
                    // The links sort behind the unit files or before; either may come first.
                    let files = services.entry(name).or_default();
                    if below.contains('/') {
                        let links = files.links.entry(file.to_owned()).or_default();
                        links.insert(directory_name.to_owned());
                    }
                }
            }
        }
        Ok(services)
    }

    /// What live directories show.
    fn collect_live(
        &self,
        services: &mut BTreeMap<ServiceName, ServiceFiles>,
    ) -> Result<(), ObserveError> {
        let parent = format!("{}/", self.request.layout.live());
        for (path, listed) in &self.first.live {
            let below = path
                .strip_prefix(&parent)
                .and_then(|below| below.split_once('/'));
            let named = below.and_then(|(service, name)| {
                Some((ServiceName::new(service).ok()?, LiveName::reported(name)?))
            });
            let Some((service, name)) = named else {
                continue;
            };
            let mut seen = ObservedLive {
                version: LiveVersion::reported(&listed.version),
                links: listed.links,
                others: listed.others,
                ..ObservedLive::default()
            };
            let shown = format!("{path}/..data/");
            let stats = self.first.stats.range(shown.clone()..);
            let stats = stats.take_while(|(path, _)| path.starts_with(&shown));
            for (path, stat) in stats.filter(|(_, stat)| !stat.is_directory()) {
                let file = &path[shown.len()..];
                if file != secret_files::RECORD {
                    let digest = self.digest_of(path, *stat, |_| true)?;
                    seen.files.insert(file.to_owned(), digest);
                }
            }
            services.entry(service).or_default().live.insert(name, seen);
        }
        Ok(())
    }

    /// What a file counts as: what the host made of secrets is what stands for it, and other permissions make another file.
    fn digest_of(
        &self,
        path: &str,
        stat: Stat,
        may_be_made: impl Fn(&str) -> bool,
    ) -> Result<Digest, ObserveError> {
        if !stat.is_file() {
            // A link may lead to a file that changes without any trace here: it equals nothing.
            return Ok(Digest::of("not a regular file"));
        }
        let digest = self.first.digests.get(path).cloned();
        let changed = || ObserveError::Changed {
            path: path.to_owned(),
        };
        let digest = digest.ok_or_else(changed)?;
        let made = self.first.made.get(path);
        let digest = match made.filter(|_| may_be_made(path)) {
            Some((found, stands)) if *found == digest => stands.clone(),
            Some(_) | None => digest,
        };
        Ok(match self.first.other_modes.get(path) {
            // What a container cannot read, or others can, is another file.
            Some(mode) => Digest::of_parts([mode.as_bytes(), digest.as_str().as_bytes()]),
            None => digest,
        })
    }

    fn collect_inputs(
        &self,
        services: &mut BTreeMap<ServiceName, ServiceFiles>,
        path: &str,
        below: &str,
        stat: Stat,
    ) -> Result<(), ObserveError> {
        let mut parts = below.splitn(3, '/');
        let Some(Ok(service)) = parts.next().map(ServiceName::new) else {
            return Ok(());
        };
        let Some(name) = parts.next() else {
            if stat.is_directory() {
                services.entry(service).or_default();
            }
            return Ok(());
        };
        let file = parts.next();
        let top = path.len() - file.map_or(0, |file| file.len() + 1);
        let is_directory = |path: &str| {
            let stat = self.first.stats.get(path);
            stat.is_some_and(|stat| stat.is_directory())
        };
        if !is_directory(&path[..top - name.len() - 1]) {
            // The file that a link leads to is not ours.
            return Ok(());
        }
        let real = is_directory(&path[..top]);
        let files = services.entry(service).or_default();
        let Some(directory) = DirectoryName::reported(name).filter(|_| real) else {
            files.leftovers.insert(name.to_owned());
            return Ok(());
        };
        let seen = files.directories.entry(directory).or_default();
        seen.changed = seen.changed.max(stat.changed);
        if file.is_some_and(|file| file.contains('/')) || file.is_some() && stat.is_directory() {
            seen.mounted = seen.mounted.max(stat.changed);
        }
        if file == Some(MARK) {
            seen.marked = EditMark {
                // One without a moment of its own, as an older bayplan left it, counts for all that was started before.
                edited: match stat.modified < stat.changed {
                    true => stat.modified,
                    false => Moment::default(),
                },
                until: match stat.is_executable() {
                    true => Moment::MAX,
                    false => stat.changed,
                },
            };
        }
        // What the host noted of its secrets is no input; a change of it shows in the moment.
        let file = file.filter(|_| !stat.is_directory());
        let file = file.filter(|file| ![secret_files::RECORD, MARK].contains(file));
        if let Some(file) = file {
            let digest = self.digest_of(path, stat, |_| secret_files::is_secret(file))?;
            seen.files.insert(file.to_owned(), digest);
        }
        Ok(())
    }

    /// The service whose unit or container has this name (without a suffix).
    fn service_of(&self, name: &str) -> Option<ServiceName> {
        let name = name.replace('.', "@");
        let Instance { service, slot } = Instance::of_unit(self.request.layout.cluster(), &name)?;
        // A unit with another letter is somebody else's.
        let ours = slot.is_none_or(|slot| Slot::BOTH.contains(&slot));
        ours.then_some(service)
    }

    /// The unit that serves.
    fn unit_of(&self, service: &ServiceName) -> UnitName {
        self.instance(service, self.slot(service))
    }

    fn instance(&self, service: &ServiceName, slot: Option<Slot>) -> UnitName {
        let service = service.clone();
        Instance { service, slot }.unit(self.request.layout.cluster())
    }

    /// Other units that may run a service here: of the other slot, or of what it was before.
    fn other_units(&self, service: &ServiceName) -> Vec<UnitName> {
        let own = self.slot(service);
        let all = [None, Some(Slot::A), Some(Slot::B)].into_iter();
        let others = all.filter(|slot| *slot != own);
        others.map(|slot| self.instance(service, slot)).collect()
    }

    /// The slot that serves, of a service that has slots: its link says so.
    fn slot(&self, service: &ServiceName) -> Option<Slot> {
        let there = |slot| {
            let file = self.instance(service, slot).service_file();
            self.first.stats.contains_key(&self.unit_path(&file))
        };
        let has_slots = match self.request.desired.get(service) {
            Some(wanted) => wanted.handling.has_slots(),
            None => !there(None) && Slot::BOTH.into_iter().any(|slot| there(Some(slot))),
        };
        if !has_slots {
            return None;
        }
        let link = self.first.swap.get(service.as_str());
        let link = link.and_then(|target| slots::slot_of(service, target));
        let running = |slot: &Slot| {
            self.container(&self.instance(service, Some(*slot)))
                .is_some()
        };
        let found = || Slot::BOTH.into_iter().find(running);
        Some(link.or_else(found).unwrap_or(Slot::A))
    }

    fn container(&self, unit: &UnitName) -> Option<&RunningContainer> {
        let name = unit.container();
        let mut containers = self.first.containers.iter();
        containers.find(|container| container.name == name)
    }

    fn container_of(&self, service: &ServiceName) -> Option<&RunningContainer> {
        self.container(&self.unit_of(service))
    }

    /// What is desired of a service, in the form in which the host keeps it.
    fn wanted(&self, service: &ServiceName) -> Option<&'a Arc<DesiredService>> {
        let recorded = self.generation.recorded(service);
        let container = self.container_of(service);
        let wanted = self.request.desired.get(service)?;
        Some(
            wanted.held(FoundOnHost {
                running: container.map(|container| container.inputs.as_str()),
                recorded,
                unit: self
                    .first
                    .digests
                    .get(&self.unit_path(&self.unit_of(service).service_file())),
            }),
        )
    }

    fn unit_path(&self, file: &UnitFileName) -> String {
        self.request.layout.unit(file).as_str().to_owned()
    }

    /// The digest of a unit file as it is desired.
    fn wanted_unit(&self, service: &ServiceName, file: &UnitFileName) -> Option<&'a Digest> {
        self.wanted(service)?.entry.units.get(file)
    }

    // ---- what must be asked besides ----

    fn need(&self) -> SecondQuestion {
        let mut need = SecondQuestion::default();
        for (service, files) in &self.services {
            let runs = self.unit_of(service).service_file();
            let others = self.other_units(service).into_iter();
            let own = UnitKind::ALL.map(|kind| self.unit_of(service).file(kind));
            let own = own
                .into_iter()
                .chain(others.map(|unit| unit.service_file()));
            let differing: BTreeSet<UnitFileName> = own
                .filter(|file| {
                    let there = self.first.digests.get(&self.unit_path(file));
                    there != self.wanted_unit(service, file)
                })
                .collect();
            let paths = differing.iter().map(|file| self.unit_path(file));
            need.texts.extend(paths.filter(|path| self.fetchable(path)));
            let unit_differs = differing.contains(&runs);
            if unit_differs || self.inputs_differ(service, files) {
                self.need_texts(service, files, &mut need.texts);
            }
            self.need_live_texts(service, files, &mut need.texts);
            if self.request.layout.supervisor().runs_containers() {
                self.need_state(service, &self.unit_of(service), files, &mut need);
                // Of a slot that is kept as much is known: it may serve again.
                let kept = self.other_units(service).into_iter();
                for unit in kept.filter(|unit| self.kept(unit).is_some()) {
                    self.need_state(service, &unit, files, &mut need);
                }
            }
        }
        if self.request.layout.supervisor().runs_containers() {
            let jobs = self.request.desired.values();
            let jobs = jobs.filter(|job| job.handling.runs.once() == Some(OnceKey::Image));
            need.images = jobs.map(|job| job.image.reference.clone()).collect();
        }
        if self.request.detail == LookFor::Status {
            need.deaths = Deaths::Asked;
        }
        // Of those that are as described it does not matter.
        let networks = self.first.networks.iter();
        let odd = networks.filter(|(name, network)| {
            let services = self.request.desired.values();
            let mut wanted = services.filter_map(|service| service.handling.networks.get(*name));
            let described =
                wanted.any(|options| options.as_ref().is_none_or(|it| *it == network.options));
            !described
        });
        let plain = odd.filter(|(name, _)| is_plain(name));
        need.networks = plain.map(|(name, _)| name.clone()).collect();
        need
    }

    fn fetchable(&self, path: &str) -> bool {
        let stat = self.first.stats.get(path);
        stat.is_some_and(|stat| stat.is_file() && stat.size() <= LARGEST_TEXT)
    }

    fn inputs_differ(&self, service: &ServiceName, files: &ServiceFiles) -> bool {
        let Some(wanted) = self.wanted(service) else {
            return true;
        };
        let there = files.directories.get(&wanted.directory);
        let container = self.container_of(service);
        there.is_none_or(|there| there.files != wanted.entry.files)
            || container.is_some_and(|container| {
                container.inputs != wanted.fingerprint.as_str()
                    || container.directory != wanted.directory.as_str()
            })
    }

    /// The texts of every directory of the service that explain a change: what the container was
    /// started from, and what the unit on disk names. There are rarely more than two.
    fn need_texts(
        &self,
        service: &ServiceName,
        files: &ServiceFiles,
        texts: &mut BTreeSet<String>,
    ) {
        for (directory, seen) in &files.directories {
            let base = self.request.layout.inputs_directory(service, directory);
            for file in seen.files.keys() {
                let path = base.join(file);
                // A text that only explains is not fetched where it may hold a secret.
                if !secret_files::is_secret(file) && self.fetchable(path.as_str()) {
                    texts.insert(path.as_str().to_owned());
                }
            }
        }
    }

    /// The texts of live directories that differ from what they should show.
    fn need_live_texts(
        &self,
        service: &ServiceName,
        files: &ServiceFiles,
        texts: &mut BTreeSet<String>,
    ) {
        let Some(wanted) = self.wanted(service) else {
            return;
        };
        for (name, digests) in wanted.entry.live_directories() {
            let Some(seen) = files
                .live
                .get(name)
                .filter(|seen| seen.files != digests.all())
            else {
                continue;
            };
            for file in seen.files.keys() {
                let path = self.live_file(service, name, file);
                let is_secret =
                    digests.secrets.contains_key(file) || self.first.made.contains_key(&path);
                if !is_secret && self.fetchable(&path) {
                    texts.insert(path);
                }
            }
        }
    }

    /// The path of a file that a live directory shows.
    fn live_file(&self, service: &ServiceName, name: &LiveName, file: &str) -> String {
        let parent = self.request.layout.live().join(service.as_str());
        let shown = parent.join(name.as_str()).join("..data");
        shown.join(file).as_str().to_owned()
    }

    fn need_state(
        &self,
        service: &ServiceName,
        unit: &UnitName,
        files: &ServiceFiles,
        need: &mut SecondQuestion,
    ) {
        let mut kinds = UnitKind::ALL.into_iter();
        if kinds.any(|kind| self.changed_after_reload(&unit.file(kind))) {
            need.reload = true;
        }
        let timer = unit.file(UnitKind::Timer);
        if self.request.detail == LookFor::Status && self.first.states.contains_key(timer.as_str())
        {
            need.units.insert(timer);
        }
        let Some(state) = self.first.states.get(unit.service_file().as_str()) else {
            return;
        };
        let simple = match (state.active.as_str(), state.sub.as_str()) {
            ("inactive", _) => true,
            // Whether a run of a job is under way, and how the last one ended, decides nothing.
            _ if self
                .wanted(service)
                .is_some_and(|wanted| wanted.timer().is_some()) =>
            {
                true
            }
            ("active", "running") => self.started(unit).is_some_and(|started| {
                // The bound may be early. That is enough where nothing changed since then, either.
                let label = self.container(unit).map(|c| c.directory.as_str());
                let label = label.and_then(DirectoryName::reported);
                let mut directories = files.directories.iter();
                directories.all(|(name, seen)| {
                    label.as_ref().is_some_and(|label| label != name) || seen.changed <= started
                })
            }),
            _ => false,
        };
        if !simple || self.request.detail == LookFor::Status {
            need.units.insert(unit.service_file());
        }
        if state.active == "active"
            && let Some(container) = self.container(unit)
            && let Some(environment) = self.doubtful(service, unit, container, files)
        {
            need.environments
                .insert(container.name.clone(), environment);
        }
    }

    /// The env files that a container was started from, where they changed after it started and are what
    /// they should be.
    fn doubtful(
        &self,
        service: &ServiceName,
        unit: &UnitName,
        container: &RunningContainer,
        files: &ServiceFiles,
    ) -> Option<EnvFiles> {
        let wanted = self.wanted(service)?;
        let as_wanted = container.inputs == wanted.fingerprint.as_str()
            && container.directory == wanted.directory.as_str();
        let there = files.directories.get(&wanted.directory)?;
        let started = self.started(unit);
        let later = started.is_none_or(|started| there.changed > started);
        if !as_wanted || there.files != wanted.entry.files || !later {
            return None;
        }
        let base = self
            .request
            .layout
            .inputs_directory(service, &wanted.directory);
        let paths = wanted.entry.files.keys();
        let paths = paths.filter(|path| path.ends_with(".env") && !path.contains('/'));
        let mut environment = EnvFiles::default();
        for path in paths {
            environment.files.push(base.join(path).as_str().to_owned());
            match wanted.files.get(path) {
                Some(bytes) => {
                    let variables = env_file::parse(&String::from_utf8_lossy(bytes));
                    let names = variables.into_iter().map(|(name, _)| name);
                    environment.names.extend(names);
                }
                // Only the host knows what is in it.
                None => {
                    let variables = wanted.inputs.variables.iter();
                    let secret = variables.filter(|(_, variable)| variable.value.plain().is_none());
                    let names = secret.map(|(name, _)| name.to_string());
                    environment.names.extend(names);
                }
            }
        }
        Some(environment)
    }

    /// A moment at or before the start of the unit's main process.
    fn started(&self, unit: &UnitName) -> Option<Moment> {
        let link = format!("/run/systemd/units/invocation:{}", unit.service_file());
        self.first.stats.get(&link).map(|stat| stat.modified)
    }

    /// Whether a unit file that is loaded may have changed since.
    fn changed_after_reload(&self, file_name: &UnitFileName) -> bool {
        let bound = ["/run/bayplan/reloaded", "/run/systemd/notify"]
            .iter()
            .filter_map(|path| self.first.stats.get(*path))
            .map(|stat| stat.modified)
            .max();
        let file = self.first.stats.get(&self.unit_path(file_name));
        let file = file.filter(|_| self.first.states.contains_key(file_name.as_str()));
        file.is_some_and(|file| bound.is_none_or(|bound| file.changed > bound))
    }

    // ---- what it all means ----

    fn networks(&self, more: &More) -> BTreeMap<String, ObservedNetwork> {
        let cluster = self.request.layout.cluster();
        let networks = self.first.networks.iter();
        // No unit makes one of another name.
        let networks = networks.filter(|(name, _)| is_plain(name));
        let networks = networks.map(|(name, network)| {
            let attached = more.attached.get(name).into_iter().flatten();
            let attached = attached.map(
                |AttachedContainer {
                     name,
                     cluster: of,
                     service,
                 }| {
                    let service = ServiceName::new(service).ok();
                    let service = service.filter(|_| of == cluster.as_str());
                    let unit = |service: &ServiceName| self.unit_of(service).container() == *name;
                    let there = |service: &ServiceName| self.services.contains_key(service);
                    match service.filter(|service| unit(service) && there(service)) {
                        Some(service) => Attached::Service(service),
                        None => Attached::Container(name.clone()),
                    }
                },
            );
            let network = ObservedNetwork {
                attached: attached.collect(),
                ..network.clone()
            };
            (name.clone(), network)
        });
        networks.collect()
    }

    fn assemble(self, more: &More) -> Result<HostLook, ObserveError> {
        let kept_generations = self.kept_generations();
        let generation = self.generation.clone();
        let current = match &generation {
            Generation::Current { number, .. } => *number,
            Generation::None | Generation::Unreadable { .. } => 0,
        };
        let highest = kept_generations.last().copied().unwrap_or(0).max(current);
        let mut observed = ObservedHost {
            supervisor: self.request.layout.supervisor(),
            generation,
            next_generation: highest.saturating_add(1),
            kept_generations,
            placement: generation::placement(&self.request, &self.first),
            services: BTreeMap::new(),
            networks: self.networks(more),
            runs: self.first.runs.clone(),
            holds: {
                let clock = self.first.clock.unwrap_or(0);
                let holds = self.first.holds.iter().map(|(name, hold)| {
                    let time = match hold.is_over(clock) {
                        true => HoldTime::Over,
                        false => HoldTime::GoesOn,
                    };
                    let hold = hold.clone();
                    (name.clone(), ObservedHold { hold, time })
                });
                holds.collect()
            },
            job_images: more.known.clone(),
        };
        let mut details = BTreeMap::new();
        for (service, files) in &self.services {
            let seen = self.service(service, files, more)?;
            if let Some(detail) = self.details(service, more) {
                details.insert(service.clone(), detail);
            }
            // A unit whose name only begins like ours, and that nothing else connects with us.
            let stranger = matches!(seen.unit.file, UnitFile::Foreign { .. } | UnitFile::Absent)
                && !self.request.desired.contains_key(service)
                && !seen.further.values().any(ObservedUnit::is_left)
                && seen.slots.others.is_empty()
                && seen.directories.is_empty()
                && seen.leftovers.is_empty()
                && seen.live.is_empty()
                && seen.container.is_none();
            if !stranger {
                observed.services.insert(service.clone(), seen);
            }
        }
        let unmanaged = self.first.containers.iter().filter(|container| {
            let service = self.service_of(&container.name);
            let seen = service.and_then(|service| observed.services.get(&service));
            !seen.is_some_and(|seen| matches!(seen.unit.file, UnitFile::Ours { .. }))
        });
        let unmanaged = unmanaged
            .map(|container| Unmanaged {
                container: container.name.clone(),
                service: container.service.clone(),
                image: container.image.clone(),
            })
            .collect();
        let activation = |path: &String| {
            let unit = path.strip_prefix("/run/systemd/units/invocation:bayplan-activate-")?;
            let (name, _) = UnitKind::split(unit)?;
            // The activation's id follows the dot.
            Some(name.split('.').next().unwrap_or(name).to_owned())
        };
        let record = self.first.record.as_deref();
        Ok(HostLook {
            observed,
            details,
            unmanaged,
            activating: self.first.stats.keys().filter_map(activation).collect(),
            released_by: record.and_then(generation::released_by),
            begun: self
                .first
                .begun
                .as_deref()
                .and_then(|text| BegunRelease::parse(text, self.request.layout.cluster())),
            frozen: {
                let clock = self.first.clock.unwrap_or(0);
                let frozen = self.first.frozen.as_ref();
                frozen.filter(|hold| !hold.is_over(clock)).cloned()
            },
            pushed: self
                .first
                .pushed
                .as_deref()
                .and_then(|text| PushedRelease::parse(text, self.request.layout.cluster())),
        })
    }
}

/// Whether a name is one that a unit gives a network: it may stand in a script.
fn is_plain(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(inner)
}
