//! A host in memory: the second interpreter of the steps, for the property test. It keeps what
//! matters for the promise that an empty plan means what it says and nothing else: for each service the unit file on
//! disk, the definition that systemd has loaded, the inputs directories with their last change, and
//! the running process with a copy of what it was started with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::observed::{
    Attached, ContainerHealth, EditMark, Environment, Generation, HoldTime, LiveLinks, LiveRead,
    Loaded, Moment, ObservedContainer, ObservedDirectory, ObservedHold, ObservedHost, ObservedLive,
    ObservedNetwork, ObservedProcess, ObservedService, ObservedSlots, ObservedUnit,
    RecordedPlacement, RunRecord, RunState, RunningImage, TimerState, UnitFile,
};
use super::reasons::carried;
use super::step::{RestartedUnit, Step};
use crate::cluster::digest::Digest;
use crate::cluster::model::Supervisor;
use crate::cluster::name::{ServiceName, VariableName};
use crate::cluster::ports::HostPorts;
use crate::plan::WayBack;
use crate::render::desired::{DesiredHost, DesiredService};
use crate::render::hold::Hold;
use crate::render::identity::{DirectoryName, Fingerprint, Instance, UnitFileName, UnitKind};
use crate::render::inputs::{InputVariable, Inputs, inputs_of};
use crate::render::live::{LiveName, LiveVersion};
use crate::render::manifest::{Manifest, ManifestService};
use crate::render::once::EACH_RELEASE;
use crate::render::placement::Placement;
use crate::render::secret_files;

#[derive(Debug, Clone, Default)]
pub struct ModelHost {
    clock: i128,
    units: BTreeMap<UnitFileName, ModelUnit>,
    loaded: BTreeMap<UnitFileName, ModelUnit>,
    links: BTreeMap<UnitFileName, BTreeSet<String>>,
    directories: BTreeMap<ServiceName, BTreeMap<DirectoryName, Directory>>,
    live: BTreeMap<ServiceName, BTreeMap<LiveName, ModelLive>>,
    /// What each process noted that it read, and which start it was.
    read: BTreeMap<ServiceName, (Moment, BTreeMap<LiveName, LiveVersion>)>,
    pub processes: BTreeMap<ServiceName, ModelProcess>,
    /// Runs of jobs that are under way.
    pub under_way: BTreeMap<ServiceName, ModelProcess>,
    /// Jobs whose timer is active.
    pub timers: BTreeSet<ServiceName>,
    /// Services that were asked when they last ran.
    watches: BTreeSet<ServiceName>,
    current: Option<(u64, Manifest)>,
    generations: BTreeMap<u64, Arc<DesiredHost>>,
    /// Where the whole cluster runs, as far as this host knows.
    pub placement: Option<Placement>,
    /// What each moving reference means here.
    images: BTreeMap<String, u64>,
    /// The networks that units made, with the options that they were made with.
    pub networks: BTreeMap<String, String>,
    /// What is kept of runs of jobs: by service and key.
    pub runs: BTreeMap<ServiceName, BTreeMap<String, RunRecord>>,
    /// Services that somebody holds, and whether that goes on.
    pub holds: BTreeMap<ServiceName, HoldTime>,
    /// Jobs that run just now, by the keys of their records.
    running: BTreeMap<ServiceName, String>,
    /// Every run that was begun here.
    pub begun: Vec<BegunRun>,
    /// Services that a hand has touched: for them a restart too many is no failure.
    pub touched: BTreeSet<ServiceName>,
}

/// A unit file, or a loaded definition; `at` is the file's change, or when it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ModelUnit {
    text: String,
    digest: Digest,
    at: Moment,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Directory {
    files: BTreeMap<String, String>,
    digests: BTreeMap<String, Digest>,
    changed: Moment,
    /// Of the files in directories below it.
    mounted: Moment,
    marked: EditMark,
}

/// A live directory.
#[derive(Debug, Clone, Default)]
struct ModelLive {
    versions: BTreeMap<LiveVersion, LiveTexts>,
    shown: Option<LiveVersion>,
    unlinked: bool,
}

/// The files of a live directory by path.
pub type LiveTexts = BTreeMap<String, String>;

impl ModelLive {
    fn texts(&self) -> LiveTexts {
        let shown = self.shown.as_ref();
        let shown = shown.and_then(|version| self.versions.get(version));
        shown.cloned().unwrap_or_default()
    }
}

/// What a service should find in its live directories.
pub fn live_texts(service: &DesiredService) -> BTreeMap<LiveName, LiveTexts> {
    let directories = service.entry.live_directories();
    let directories = directories.map(|(name, digests)| {
        let files = service.live[name].files.iter();
        let plain =
            files.map(|(path, bytes)| (path.clone(), String::from_utf8(bytes.clone()).unwrap()));
        let made = digests.secrets.iter();
        let made = made.map(|(path, stands)| (path.clone(), format!("{MADE}{stands}")));
        (name.clone(), plain.chain(made).collect())
    });
    directories.collect()
}

/// A container, with what it was really started with.
#[derive(Debug, Clone)]
pub struct ModelProcess {
    pub fingerprint: Fingerprint,
    directory: DirectoryName,
    pub since: Moment,
    pub image: u64,
    pub inputs: Inputs,
    ports: Vec<HostPorts>,
    /// The networks that it is in, with the options that its unit makes them with.
    pub networks: BTreeMap<String, String>,
    /// Its own addresses there.
    addresses: BTreeSet<String>,
    /// What it has really read of its live directories.
    pub live: BTreeMap<LiveName, LiveTexts>,
}

impl ModelProcess {
    fn reference(&self) -> &str {
        let image = VariableName::new("IMAGE").unwrap();
        let image = self.inputs.variables.get(&image);
        image.and_then(|v| v.value.plain()).unwrap_or_default()
    }
}

/// A run of a job, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunRun {
    pub service: ServiceName,
    pub key: String,
    pub fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Runs,
    /// Its success is on the disk.
    Recorded,
    /// A crash ended it.
    Failed,
    /// The power went before its success was on the disk.
    Lost,
}

/// Where a release dies that dies at the run of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutAtRun {
    /// Before it.
    Before,
    /// While it runs: it goes on.
    WhileItRuns,
    /// The power goes while it runs, or before its success is on the disk.
    Power,
    /// After its success is on the disk, before anybody else heard of it.
    AfterTheRecord,
}

/// What may happen to a host at any moment.
#[derive(Debug, Clone)]
pub enum Disturbance {
    /// The timer of a job fires, if it is active.
    Tick(ServiceName),
    /// A run of a job ends.
    RunEnds(ServiceName),
    Crash(ServiceName),
    Reload,
    Reboot,
    EditEnv(ServiceName),
    AddEnv(ServiceName),
    /// Same bytes, another time: `touch`, `chown`, a restore from a backup.
    TouchEnv(ServiceName),
    DeleteEnv(ServiceName),
    DeleteDirectory(ServiceName),
    EditUnitArguments(ServiceName),
    EditUnitComment(ServiceName),
    DeleteUnit(ServiceName),
    StopUnit(ServiceName),
    StopWatch(ServiceName),
    /// Somebody wants it to stay stopped.
    Hold(ServiceName),
    /// The time of that is over.
    HoldEnds(ServiceName),
    /// Somebody wants it to run again.
    EndHold(ServiceName),
    Disable(ServiceName),
    EditLive(ServiceName),
    UnlinkLive(ServiceName),
    DeleteLive(ServiceName),
    LoseCurrent,
    Retag(ServiceName),
    /// A network that nobody is in is removed.
    DropNetwork(usize),
    /// One that nobody is in is made with other options.
    OtherNetwork(usize),
}

/// The name of a network.
fn network_name(number: usize) -> String {
    format!("test-n{number}")
}

/// A step that could not be done: the activation ends there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailed(pub String);

/// The unit file that runs a service.
fn runs(name: &ServiceName) -> UnitFileName {
    Instance::of(name)
        .unit(&no_manifest().cluster)
        .service_file()
}

/// Whose unit file it is.
fn service_of(file: &UnitFileName) -> ServiceName {
    let instance = Instance::of_unit(&no_manifest().cluster, file.unit());
    instance.expect("a unit of the model").service
}

fn timer(name: &ServiceName) -> UnitFileName {
    let unit = Instance::of(name).unit(&no_manifest().cluster);
    unit.file(UnitKind::Timer)
}

fn watch(name: &ServiceName) -> UnitFileName {
    let unit = Instance::of(name).unit(&no_manifest().cluster);
    unit.file(UnitKind::WatchTimer)
}

fn is_service(file: &UnitFileName) -> bool {
    file.kind() == Some(UnitKind::Service)
}

/// Whether a start reads a file of an inputs directory. `.secrets` only describes others: a container that started
/// without it has what it should have.
fn is_layer(path: &str) -> bool {
    path.ends_with(".env")
}

impl ModelHost {
    fn now(&mut self) -> Moment {
        self.clock += 1;
        Moment(self.clock)
    }

    /// One look, as the host room gives it.
    pub fn observe(&self, desired: &DesiredHost) -> ObservedHost {
        let links = self.links.iter().filter(|(_, links)| !links.is_empty());
        let files = self.units.keys().chain(links.map(|(file, _)| file));
        let mut names: BTreeSet<ServiceName> = files.map(service_of).collect();
        names.extend(desired.services.keys().cloned());
        names.extend(self.directories.keys().cloned());
        names.extend(self.live.keys().cloned());
        names.extend(self.processes.keys().cloned());
        names.extend(self.under_way.keys().chain(&self.timers).cloned());
        ObservedHost {
            supervisor: Supervisor::Systemd,
            generation: match &self.current {
                None => Generation::None,
                Some((number, manifest)) => Generation::Current {
                    number: *number,
                    manifest: manifest.clone(),
                    images: BTreeMap::new(),
                },
            },
            next_generation: self.generations.keys().last().map_or(1, |n| n + 1),
            kept_generations: self.generations.keys().copied().collect(),
            placement: self
                .placement
                .clone()
                .map_or(RecordedPlacement::None, RecordedPlacement::Read),
            services: names
                .into_iter()
                .map(|name| {
                    let wanted = desired.services.get(&name).map(AsRef::as_ref);
                    let seen = self.observe_service(&name, wanted);
                    (name, seen)
                })
                .collect(),
            networks: {
                let networks = self.networks.iter();
                let seen = networks.map(|(name, options)| {
                    let network = ObservedNetwork {
                        ids: vec![name.clone()],
                        options: options.clone(),
                        attached: self.inside(name).cloned().map(Attached::Service).collect(),
                    };
                    (name.clone(), network)
                });
                seen.collect()
            },
            runs: self.runs.clone(),
            holds: {
                let holds = self.holds.iter().map(|(name, time)| {
                    let (hold, time) = (Hold::read(""), *time);
                    (name.clone(), ObservedHold { hold, time })
                });
                holds.collect()
            },
            job_images: {
                let services = desired.services.values();
                let jobs = services.filter(|job| job.handling.runs.once().is_some());
                let known = jobs.map(|job| {
                    let reference = job.image.reference.clone();
                    let key = self.image_key(&reference);
                    (reference, BTreeSet::from([key]))
                });
                known.collect()
            },
        }
    }

    /// Whether somebody wants a service to stay stopped. What is done once is not held.
    pub fn holds(&self, name: &ServiceName, service: &DesiredService) -> bool {
        let goes_on = self.holds.get(name) == Some(&HoldTime::GoesOn);
        goes_on && service.handling.runs.once().is_none()
    }

    /// Whether nothing of a service runs, and a boot starts nothing of it.
    pub fn is_at_rest(&self, name: &ServiceName) -> bool {
        let mut links = self.links.iter();
        !self.processes.contains_key(name)
            && !self.timers.contains(name)
            && links.all(|(file, links)| service_of(file) != *name || links.is_empty())
    }

    /// The services whose containers are in a network.
    fn inside(&self, network: &str) -> impl Iterator<Item = &ServiceName> {
        let processes = self.processes.iter();
        let inside = processes.filter(move |(_, process)| process.networks.contains_key(network));
        inside.map(|(name, _)| name)
    }

    /// Whether all networks of a process are as its service's are described.
    pub fn is_in_its_networks(&self, process: &ModelProcess, wanted: &DesiredService) -> bool {
        let mut described = wanted.handling.networks.iter();
        described.all(|(name, options)| {
            let there = process.networks.contains_key(name);
            there && self.networks.get(name) == options.as_ref()
        })
    }

    /// Removes a network, unless somebody is in it.
    fn drop_network(&mut self, name: &str) -> Result<(), StepFailed> {
        if let Some(service) = self.inside(name).next() {
            return Err(StepFailed(format!("{service} is in {name}")));
        }
        self.networks.remove(name);
        Ok(())
    }

    fn observe_service(
        &self,
        name: &ServiceName,
        desired: Option<&DesiredService>,
    ) -> ObservedService {
        let runs = runs(name);
        let run = self.under_way.get(name);
        let process = self.processes.get(name).or(run);
        // As on a real host, texts are fetched only where something differs.
        let empty = BTreeMap::new();
        let directories = self.directories.get(name).unwrap_or(&empty);
        let as_desired = desired.is_some_and(|desired| {
            let unit = self.units.get(&runs);
            unit.is_some_and(|unit| unit.digest == *desired.unit_digest())
                && directories
                    .get(&desired.directory)
                    .is_some_and(|d| d.digests == desired.entry.files)
                && process.is_none_or(|process| {
                    process.fingerprint == desired.fingerprint
                        && process.directory == desired.directory
                })
        });
        ObservedService {
            unit: self.observe_unit(&runs, !as_desired),
            slots: ObservedSlots::default(),
            further: {
                let there = self.units.keys().chain(self.loaded.keys());
                let there = there.chain(self.links.keys());
                let files = desired.into_iter().flat_map(|desired| desired.units.keys());
                let files = there.chain(files).filter(|file| service_of(file) == *name);
                let further = files.filter(|file| **file != runs);
                let seen = further.map(|file| (file.clone(), self.observe_unit(file, true)));
                seen.collect()
            },
            drop_ins: BTreeSet::new(),
            directories: directories
                .iter()
                .map(|(name, directory)| {
                    let mut seen = directory.observe();
                    if as_desired {
                        seen.texts.clear();
                    }
                    (name.clone(), seen)
                })
                .collect(),
            leftovers: BTreeSet::new(),
            live: self.observe_live(name),
            process: match (process, run) {
                (Some(_), Some(_)) => ObservedProcess::Unwell {
                    state: "activating (start)".to_owned(),
                },
                (Some(process), None) => ObservedProcess::Active {
                    since: process.since,
                },
                (None, _) if self.running.contains_key(name) => ObservedProcess::Unwell {
                    state: "activating (start)".to_owned(),
                },
                (None, _) => ObservedProcess::Stopped,
            },
            timer: match self.timers.contains(name) {
                true => TimerState::Active,
                false => TimerState::Inactive,
            },
            watch: match self.is_watched(name) {
                true => TimerState::Active,
                false => TimerState::Inactive,
            },
            watched: None,
            restarts: None,
            crashes: None,
            health: ContainerHealth::NotBad,
            runs: None,
            container: process.map(|process| ObservedContainer {
                fingerprint: process.fingerprint.clone(),
                directory: Some(process.directory.clone()),
                reference: process.reference().to_owned(),
                image: if self.image_of(&process.inputs) == process.image {
                    RunningImage::Referenced
                } else {
                    RunningImage::Another {
                        id: process.image.to_string(),
                    }
                },
                environment: self.environment(name, process),
                ports: process.ports.iter().copied().collect(),
            }),
        }
    }

    fn observe_live(&self, name: &ServiceName) -> BTreeMap<LiveName, ObservedLive> {
        let since = self.processes.get(name).map(|process| process.since);
        let noted = self
            .read
            .get(name)
            .filter(|(start, _)| Some(*start) == since);
        let directories = self.live.get(name).into_iter().flatten();
        directories
            .map(|(name, live)| {
                let texts = live.texts();
                let read = noted.and_then(|(_, read)| read.get(name));
                let digests = texts.iter().map(|(path, text)| {
                    let stands = text.strip_prefix(MADE).and_then(Digest::reported);
                    (path.clone(), stands.unwrap_or_else(|| Digest::of(text)))
                });
                let seen = ObservedLive {
                    version: live.shown.clone(),
                    files: digests.collect(),
                    texts: BTreeMap::new(),
                    links: match live.unlinked {
                        true => LiveLinks::Wrong,
                        false => LiveLinks::Right,
                    },
                    read: match live.shown.is_some() && read == live.shown.as_ref() {
                        true => LiveRead::Yes,
                        false => LiveRead::No,
                    },
                    others: live
                        .versions
                        .keys()
                        .any(|version| Some(version) != live.shown.as_ref()),
                };
                (name.clone(), seen)
            })
            .collect()
    }

    /// What the live directories of a service show.
    pub fn shown(&self, name: &ServiceName) -> BTreeMap<LiveName, LiveTexts> {
        let directories = self.live.get(name).into_iter().flatten();
        directories
            .map(|(name, live)| (name.clone(), live.texts()))
            .collect()
    }

    /// What the files of its live directories are in the generation in use.
    pub fn recorded_live(&self, name: &ServiceName) -> BTreeMap<LiveName, LiveTexts> {
        let current = self.current.iter();
        let mut generations = current.filter_map(|(number, _)| self.generations.get(number));
        let service = generations.find_map(|generation| generation.services.get(name));
        service
            .map(|service| live_texts(service))
            .unwrap_or_default()
    }

    /// A process reads its live directories, and that is noted.
    fn reads(&mut self, name: &ServiceName) {
        let directories = self.live.get(name);
        let shown = directories.into_iter().flatten();
        let read = shown.filter_map(|(name, live)| Some((name.clone(), live.shown.clone()?)));
        let read = read.collect();
        let directories = directories.into_iter().flatten();
        let texts = directories.map(|(name, live)| (name.clone(), live.texts()));
        let texts: BTreeMap<LiveName, LiveTexts> = texts.collect();
        if let Some(process) = self.processes.get_mut(name) {
            process.live.retain(|name, _| texts.contains_key(name));
            for (name, read) in &mut process.live {
                *read = texts[name].clone();
            }
            self.read.insert(name.clone(), (process.since, read));
        }
    }

    fn observe_unit(&self, file: &UnitFileName, with_text: bool) -> ObservedUnit {
        let unit = self.units.get(file);
        let older = match (unit, self.loaded.get(file)) {
            (Some(unit), Some(loaded)) => unit.at > loaded.at,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        ObservedUnit {
            file: unit.map_or(UnitFile::Absent, |unit| UnitFile::Ours {
                digest: unit.digest.clone(),
                text: with_text.then(|| unit.text.as_str().into()),
            }),
            changed: unit.map_or(Moment(0), |unit| unit.at),
            enabled_by: self.links.get(file).cloned().unwrap_or_default(),
            loaded: match older {
                true => Loaded::Older,
                false => Loaded::AsOnDisk,
            },
        }
    }

    /// What the engine would say of a process, beside the files of its directory.
    fn environment(&self, name: &ServiceName, process: &ModelProcess) -> Environment {
        let directories = self.directories.get(name);
        let directory = directories.and_then(|d| d.get(&process.directory));
        let Some(directory) = directory else {
            return Environment::Unasked;
        };
        let values = |inputs: &Inputs| {
            let variables = inputs.variables.iter();
            let values = variables.map(|(name, variable)| (name.clone(), variable.value.clone()));
            values.collect::<BTreeMap<_, _>>()
        };
        match values(&inputs_of("", &directory.files)) == values(&process.inputs) {
            true => Environment::AsFiles,
            false => Environment::Another,
        }
    }

    fn image_of(&self, inputs: &Inputs) -> u64 {
        let image = VariableName::new("IMAGE").unwrap();
        let reference = inputs.variables.get(&image);
        let reference = reference.and_then(|v| v.value.plain()).unwrap_or_default();
        self.images.get(reference).copied().unwrap_or(0)
    }

    /// What an image is known by here.
    fn image_key(&self, reference: &str) -> String {
        let number = self.images.get(reference).copied().unwrap_or(0);
        format!("sha256:{}-{number}", reference.replace('/', "-"))
    }

    /// systemd starts the unit of a job: it notes that it runs.
    fn begin_run(&mut self, name: &ServiceName) -> Result<(), StepFailed> {
        assert!(
            !self.running.contains_key(name),
            "{name} runs twice at once"
        );
        self.start(name)?;
        // It does not stay.
        let process = self.processes.remove(name).expect("it was started");
        let text = &self.loaded[&runs(name)].text;
        let key = if text.contains("image inspect") {
            self.image_key(process.reference())
        } else if text.contains(&format!("\"{EACH_RELEASE}\"")) {
            EACH_RELEASE.to_owned()
        } else {
            process.fingerprint.to_string()
        };
        self.begun.push(BegunRun {
            service: name.clone(),
            key: key.clone(),
            fate: Fate::Runs,
        });
        self.record(name, &key, RunState::Running, process.reference());
        self.running.insert(name.clone(), key);
        Ok(())
    }

    fn record(&mut self, name: &ServiceName, key: &str, state: RunState, reference: &str) {
        let now = i64::try_from(self.now().0).ok();
        let record = RunRecord {
            state,
            began: now,
            ended: now,
            reference: reference.to_owned(),
            image: None,
            line: String::new(),
        };
        let runs = self.runs.entry(name.clone()).or_default();
        runs.insert(key.to_owned(), record);
    }

    /// A run comes to an end.
    fn end_run(&mut self, name: &ServiceName, fate: Fate) {
        let Some(key) = self.running.remove(name) else {
            return;
        };
        let mut begun = self.begun.iter_mut().rev();
        let run = begun
            .find(|run| run.service == *name)
            .expect("it was begun");
        run.fate = fate;
        let state = match fate {
            Fate::Recorded => RunState::Succeeded,
            Fate::Failed => RunState::Failed {
                exit: "1".to_owned(),
            },
            Fate::Runs | Fate::Lost => return,
        };
        let reference = self.runs[name][&key].reference.clone();
        self.record(name, &key, state, &reference);
    }

    /// Whether a run of this job, which runs once, goes on.
    pub fn runs_once_now(&self, name: &ServiceName) -> bool {
        self.running.contains_key(name)
    }

    /// All runs of jobs come to their end.
    pub fn ends_runs(&mut self) {
        self.under_way.clear();
        let running: Vec<ServiceName> = self.running.keys().cloned().collect();
        for name in running {
            self.end_run(&name, Fate::Recorded);
        }
    }

    /// Whether a success counts under one of these keys.
    pub fn has_succeeded(&self, name: &ServiceName, keys: &BTreeSet<String>) -> bool {
        let runs = self.runs.get(name).into_iter().flatten();
        let mut done = runs.filter(|(_, record)| record.state == RunState::Succeeded);
        done.any(|(key, _)| keys.contains(key))
    }

    /// A release dies at the run of a job, in one way or another.
    pub fn cut_at_run(
        &mut self,
        name: &ServiceName,
        keys: &BTreeSet<String>,
        cut: CutAtRun,
    ) -> Result<(), StepFailed> {
        if cut == CutAtRun::Before {
            return Ok(());
        }
        self.end_run(name, Fate::Recorded);
        self.processes.remove(name);
        if self.has_succeeded(name, keys) {
            return Ok(());
        }
        self.begin_run(name)?;
        match cut {
            CutAtRun::Before | CutAtRun::WhileItRuns => {}
            CutAtRun::Power => self.disturb(&Disturbance::Reboot),
            CutAtRun::AfterTheRecord => self.end_run(name, Fate::Recorded),
        }
        Ok(())
    }

    /// Whether the service's process runs the image that its reference means now.
    pub fn runs_referenced_image(&self, process: &ModelProcess) -> bool {
        self.image_of(&process.inputs) == process.image
    }

    /// systemd starts the unit: the definition is what is loaded, or what is on disk if nothing is;
    /// the env files are read now, from the directory that the definition names.
    fn start(&mut self, name: &ServiceName) -> Result<(), StepFailed> {
        assert!(!self.under_way.contains_key(name), "{name}: a run is cut");
        let process = self.started(name)?;
        self.processes.insert(name.clone(), process);
        self.reads(name);
        // What it wants starts with it.
        let watch = watch(name);
        let links = self.links.get(&watch);
        let wants =
            links.is_some_and(|links| !links.is_empty()) && self.loaded.contains_key(&watch);
        match wants {
            true => self.watches.insert(name.clone()),
            false => self.watches.remove(name),
        };
        Ok(())
    }

    /// Whether a service is asked whether it is well: the timer goes with it.
    fn is_watched(&self, name: &ServiceName) -> bool {
        self.watches.contains(name) && self.processes.contains_key(name)
    }

    /// The timer of a job fires: nothing happens while a run is under way.
    fn tick(&mut self, name: &ServiceName) {
        if self.timers.contains(name)
            && !self.under_way.contains_key(name)
            && let Ok(process) = self.started(name)
        {
            self.under_way.insert(name.clone(), process);
        }
    }

    /// What systemd starts.
    fn started(&mut self, name: &ServiceName) -> Result<ModelProcess, StepFailed> {
        let failed = |why: &str| Err(StepFailed(format!("{name}: {why}")));
        let file = runs(name);
        if !self.loaded.contains_key(&file) {
            let Some(unit) = self.units.get(&file).cloned() else {
                return failed("no such unit");
            };
            let at = self.now();
            self.loaded.insert(file.clone(), ModelUnit { at, ..unit });
        }
        let text = self.loaded[&file].text.clone();
        let Some(carried) = carried(&text) else {
            return failed("the unit lost its mark");
        };
        let directory = self
            .directories
            .get(name)
            .and_then(|d| d.get(&carried.directory));
        let Some(directory) = directory.cloned() else {
            assert!(
                self.touched.contains(name),
                "{name}: the loaded unit names a directory that is gone, and no hand did that"
            );
            return failed("its env files are missing");
        };
        assert!(
            self.touched.contains(name)
                || DirectoryName::of(&carried.fingerprint, &directory.digests) == carried.directory,
            "{name}: a start read a set that is neither the old nor the new one"
        );
        let inputs = inputs_of(&text, &directory.files);
        let ports = published(&inputs);
        for port in &ports {
            let clashes = |process: &ModelProcess| {
                process.ports.iter().any(|held| held.clash(port).is_some())
            };
            let mut others = self.processes.iter().filter(|(other, _)| *other != name);
            if let Some((holder, _)) = others.find(|(_, process)| clashes(process)) {
                return failed(&format!("port {port} is held by {holder}"));
            }
        }
        let addresses = values(&inputs, "--ip");
        for address in &addresses {
            let mut others = self.processes.iter().filter(|(other, _)| *other != name);
            if let Some((holder, _)) = others.find(|(_, other)| other.addresses.contains(address)) {
                return failed(&format!("{holder} has the address {address}"));
            }
        }
        // What the unit mounts must be there.
        let mounted = |directory: &LiveName| text.contains(directory.as_str());
        let named = text.contains("/etc/live");
        let there = self.live.get_mut(name).into_iter().flatten();
        let mut live = BTreeMap::new();
        for (directory, there) in there.filter(|(directory, _)| mounted(directory)) {
            there.unlinked = false;
            live.insert(directory.clone(), LiveTexts::new());
        }
        if named && live.is_empty() {
            assert!(
                self.touched.contains(name),
                "{name}: the loaded unit mounts a live directory that is gone, and no hand did that"
            );
            return failed("its live directory is missing");
        }
        let networks = networks(&inputs);
        for (network, options) in &networks {
            let there = self.networks.entry(network.clone());
            there.or_insert_with(|| options.clone());
        }
        let since = self.now();
        Ok(ModelProcess {
            networks,
            addresses,
            live,
            fingerprint: carried.fingerprint,
            directory: carried.directory,
            since,
            image: self.image_of(&inputs),
            inputs,
            ports,
        })
    }

    /// Whether the next run of a job is what is desired, and comes when it should.
    pub fn would_run(&self, name: &ServiceName, desired: &DesiredService) -> bool {
        // What is not in memory is read when it is needed.
        let unit = |file: &UnitFileName| self.loaded.get(file).or_else(|| self.units.get(file));
        let loaded = unit(&runs(name));
        let carried = loaded.and_then(|unit| carried(&unit.text));
        let directory = carried.and_then(|carried| {
            let directories = self.directories.get(name)?;
            directories.get(&carried.directory)
        });
        let (Some(loaded), Some(directory)) = (loaded, directory) else {
            return false;
        };
        let inputs = inputs_of(&loaded.text, &directory.files);
        let timer = timer(name);
        let calendar = self.loaded.get(&timer).map(|unit| unit.text.as_str());
        self.timers.contains(name)
            && !self.processes.contains_key(name)
            && calendar == desired.units.get(&timer).map(|unit| &*unit.text)
            && same(&inputs, &desired.inputs)
    }

    /// Does one step. `staged` is what the release staged.
    pub fn step(
        &mut self,
        step: &Step,
        staged: &DesiredHost,
        target: &Manifest,
    ) -> Result<(), StepFailed> {
        match step {
            Step::PlaceInputs { service, directory } => {
                let changed = self.now();
                let placed = Directory::new(texts(staged, service), changed);
                let directories = self.directories.entry(service.clone()).or_default();
                directories.entry(directory.clone()).or_insert(placed);
            }
            Step::RepairInputs {
                service,
                directory,
                write,
                remove,
            } => {
                let wanted = texts(staged, service);
                let changed = self.now();
                let there = self.directory_mut(service, directory)?;
                for path in write {
                    there.files.insert(path.clone(), wanted[path].clone());
                }
                for path in remove {
                    there.files.remove(path);
                }
                let mounted = write.iter().chain(remove).any(|path| path.contains('/'));
                *there = Directory {
                    mounted: if mounted { changed } else { there.mounted },
                    marked: there.marked,
                    ..Directory::new(std::mem::take(&mut there.files), changed)
                };
            }
            Step::SwapFiles {
                service,
                directory,
                digest,
            } => {
                let number = self.now().0;
                let name = format!("..{digest}.{number}");
                let version = LiveVersion::reported(&name).expect("a version");
                let texts = live_texts(&staged.services[service])[directory].clone();
                let live = self.live.entry(service.clone()).or_default();
                let live = live.entry(directory.clone()).or_default();
                live.versions.insert(version.clone(), texts);
                live.shown = Some(version);
                live.unlinked = false;
            }
            Step::SwapBack {
                service,
                directory,
                version,
            } => {
                let live = self.live.get_mut(service);
                let live = live.and_then(|live| live.get_mut(directory));
                match live.filter(|live| live.versions.contains_key(version)) {
                    Some(live) => live.shown = Some(version.clone()),
                    None => return Err(StepFailed(format!("{service}: {version:?} is gone"))),
                }
            }
            Step::ReloadService { service, .. } => match self.processes.contains_key(service) {
                true => self.reads(service),
                false => self.start(service)?,
            },
            // `slots_tests` has a host for these.
            Step::FlipSlot { service, .. }
            | Step::TakeOver { service, .. }
            | Step::WakeSlot { service, .. }
            | Step::KeepSlot { service, .. }
            | Step::DrainSlot { service, .. }
            | Step::EndSlot { service, .. } => {
                return Err(StepFailed(format!("{service} has no slots here")));
            }
            Step::CleanLive { service, keep } => {
                if let Some(directories) = self.live.get_mut(service) {
                    directories.retain(|name, _| keep.contains(name));
                    for live in directories.values_mut() {
                        let shown = live.shown.clone();
                        live.versions
                            .retain(|version, _| Some(version) == shown.as_ref());
                    }
                    if directories.is_empty() {
                        self.live.remove(service);
                    }
                }
            }
            Step::MarkEdited {
                service,
                directory,
                edited,
            } => {
                let changed = self.now();
                // A hand may have removed it meanwhile.
                if let Ok(there) = self.directory_mut(service, directory) {
                    there.changed = changed;
                    there.marked = EditMark {
                        edited: *edited,
                        until: Moment::MAX,
                    };
                }
            }
            Step::WriteUnit { service, file } => {
                let at = self.now();
                let text = staged.services[service].units[file].text.to_string();
                let digest = staged.services[service].entry.units[file].clone();
                self.units
                    .insert(file.clone(), ModelUnit { text, digest, at });
            }
            Step::Enable { files } => {
                let units = staged.services.values().flat_map(|service| &service.units);
                for (file, unit) in units.filter(|(file, _)| files.contains(file)) {
                    self.links.insert(file.clone(), unit.enabled_by.clone());
                }
            }
            Step::Disable { files } => self.links.retain(|file, _| !files.contains(file)),
            Step::StopTimer { service, .. } => {
                self.timers.remove(service);
            }
            Step::EndHold { service } => {
                self.holds.remove(service);
            }
            Step::Reload => self.reloads(),
            Step::Stop { service, .. } => {
                self.end_run(service, Fate::Failed);
                assert!(
                    !self.under_way.contains_key(service),
                    "{service}: a run is cut"
                );
                self.processes.remove(service);
            }
            Step::DropTimer { service, .. } => {
                let file = timer(service);
                self.timers.remove(service);
                self.units.remove(&file);
                self.links.remove(&file);
                self.reloads();
            }
            Step::StartTimer { service, .. } => {
                if !self.loaded.contains_key(&timer(service)) {
                    return Err(StepFailed(format!("{service}: no such timer")));
                }
                self.timers.insert(service.clone());
            }
            Step::StartWatch { service, .. } => {
                if !self.loaded.contains_key(&watch(service)) {
                    return Err(StepFailed(format!("{service}: no such watch")));
                }
                self.watches.insert(service.clone());
            }
            // They end sooner or later.
            Step::AwaitRun { service, .. } => {
                self.under_way.remove(service);
            }
            Step::Restart { service, .. } => {
                self.end_run(service, Fate::Failed);
                self.processes.remove(service);
                self.start(service)?;
            }
            Step::RestartUnless {
                service,
                fingerprint,
                ..
            } => {
                let there = self.processes.get(service);
                if there.is_none_or(|process| process.fingerprint != *fingerprint) {
                    self.processes.remove(service);
                    self.start(service)?;
                }
            }
            Step::RestartTogether { units } => {
                let stale = |(service, restarted): &(&ServiceName, &RestartedUnit)| {
                    let there = self.processes.get(*service);
                    there.is_none_or(|process| {
                        restarted.unless.as_ref() != Some(&process.fingerprint)
                    })
                };
                let stale: Vec<&ServiceName> = units.iter().filter(stale).map(|(s, _)| s).collect();
                for service in &stale {
                    self.processes.remove(*service);
                }
                for service in stale {
                    self.start(service)?;
                }
            }
            Step::RestartWithoutWaiting { service, .. } => {
                self.processes.remove(service);
                let _ = self.start(service);
            }
            Step::RunOnce { service, keys, .. } => {
                self.end_run(service, Fate::Recorded);
                self.processes.remove(service);
                if !self.has_succeeded(service, keys) {
                    self.begin_run(service)?;
                    self.end_run(service, Fate::Recorded);
                }
            }
            Step::NameImage { id, reference, .. } => {
                let image = id.parse().expect("the model's ids are numbers");
                self.images.insert(reference.clone(), image);
            }
            Step::RemakeNetwork { network, options } => {
                if self
                    .networks
                    .get(network)
                    .is_some_and(|there| there != options)
                {
                    self.drop_network(network)?;
                }
            }
            Step::RemoveNetwork { network } => {
                let _ = self.drop_network(network);
            }
            // Whatever runs here is healthy.
            Step::AskProbe { .. } => {}
            Step::AwaitHealthy { units } => {
                let stopped = staged.services.iter().find(|(name, s)| {
                    units.contains(&s.unit) && !self.processes.contains_key(*name)
                });
                if let Some((name, _)) = stopped {
                    return Err(StepFailed(format!("{name} is not active")));
                }
            }
            Step::RemoveUnit { file, service } => {
                if is_service(file) && self.under_way.contains_key(service) {
                    return Err(StepFailed(format!("a run of {service} is under way")));
                }
                self.units.remove(file);
                self.links.remove(file);
                if *file == watch(service) {
                    self.watches.remove(service);
                }
            }
            Step::SetCurrent { number } => {
                let files = self.generation(staged, target);
                self.generations.insert(*number, Arc::new(files));
                self.current = Some((*number, target.clone()));
            }
            Step::RemoveInputs { service, names } => self.remove_inputs(service, names),
            Step::RemoveGenerations { numbers } => {
                self.generations.retain(|n, _| !numbers.contains(n));
            }
        }
        Ok(())
    }

    /// systemd reads the unit files again, as a step.
    fn reloads(&mut self) {
        self.reload();
        let now = self.now();
        let directories = self.directories.values_mut().flatten();
        for (_, there) in directories.filter(|(_, there)| there.marked.until == Moment::MAX) {
            there.marked.until = now;
            there.changed = now;
        }
    }

    /// What a generation holds: what is staged, and of other services what `current` has.
    fn generation(&self, staged: &DesiredHost, target: &Manifest) -> DesiredHost {
        let service = |(name, entry): (&ServiceName, &ManifestService)| {
            // What is not staged was copied from `current` when the rest was staged.
            let hosts = std::iter::once(staged).chain(self.generations.values().map(Arc::as_ref));
            let mut found = hosts.filter_map(|host| host.services.get(name));
            let found = found.find(|service| service.entry == *entry);
            (name.clone(), found.expect("staged or copied").clone())
        };
        DesiredHost {
            engine: staged.engine,
            services: target.services.iter().map(service).collect(),
        }
    }

    /// The fingerprints that `current` records.
    pub fn current_services(&self) -> BTreeMap<ServiceName, Fingerprint> {
        let services = self
            .current
            .iter()
            .flat_map(|(_, manifest)| &manifest.services);
        services
            .map(|(name, entry)| (name.clone(), entry.fingerprint.clone()))
            .collect()
    }

    /// Does what a failed activation ends in. `failed_at` is the number of the step that failed.
    pub fn go_back(
        &mut self,
        way: &WayBack,
        failed_at: usize,
        staged: &DesiredHost,
        mut after: impl FnMut(&Self),
    ) -> Result<(), StepFailed> {
        if failed_at >= way.until {
            return Ok(());
        }
        let none = DesiredHost {
            engine: staged.engine,
            services: BTreeMap::new(),
        };
        let files = way
            .generation
            .map_or_else(|| Arc::new(none), |n| Arc::clone(&self.generations[&n]));
        let nothing = Manifest {
            services: BTreeMap::new(),
            ..self.current.clone().map_or_else(no_manifest, |(_, m)| m)
        };
        let mut result = Ok(());
        for back in &way.steps {
            let removes = matches!(
                back.step,
                Step::RemoveInputs { .. } | Step::CleanLive { .. }
            );
            if back.from <= failed_at && !(removes && result.is_err()) {
                let done = self.step(&back.step, &files, &nothing);
                result = result.and(done);
                after(self);
            }
        }
        result
    }

    fn directory_mut(
        &mut self,
        service: &ServiceName,
        directory: &DirectoryName,
    ) -> Result<&mut Directory, StepFailed> {
        self.directories
            .get_mut(service)
            .and_then(|d| d.get_mut(directory))
            .ok_or_else(|| StepFailed(format!("{service}/{directory} is gone")))
    }

    fn remove_inputs(&mut self, service: &ServiceName, names: &BTreeSet<String>) {
        let loaded = self.loaded.get(&runs(service));
        let loaded = loaded.and_then(|unit| carried(&unit.text));
        for name in names {
            let untouched = !self.touched.contains(service);
            let named = loaded
                .as_ref()
                .is_some_and(|c| c.directory.as_str() == name);
            assert!(
                !(untouched && named),
                "{service}/{name} is removed, and a loaded unit names it"
            );
        }
        let used = self.under_way.get(service).map(|run| run.directory.clone());
        if let Some(directories) = self.directories.get_mut(service) {
            directories
                .retain(|name, _| !names.contains(name.as_str()) || used.as_ref() == Some(name));
            if directories.is_empty() {
                self.directories.remove(service);
            }
        }
    }

    fn reload(&mut self) {
        let at = self.now();
        self.loaded.clear();
        for (file, unit) in &self.units {
            let unit = unit.clone();
            self.loaded.insert(file.clone(), ModelUnit { at, ..unit });
        }
    }

    /// Lets something happen.
    pub fn disturb(&mut self, disturbance: &Disturbance) {
        // Whatever runs has ended by then, unless that is what happens to it.
        let running: Vec<ServiceName> = self.running.keys().cloned().collect();
        for name in running {
            let fate = match disturbance {
                Disturbance::Crash(crashed) | Disturbance::StopUnit(crashed)
                    if *crashed == name =>
                {
                    Fate::Failed
                }
                Disturbance::Reboot => Fate::Lost,
                _ => Fate::Recorded,
            };
            self.end_run(&name, fate);
        }
        match disturbance {
            Disturbance::Tick(name) => self.tick(name),
            Disturbance::RunEnds(name) => {
                self.under_way.remove(name);
            }
            Disturbance::Crash(name) => {
                if self.processes.remove(name).is_some() && self.loaded.contains_key(&runs(name)) {
                    // A start that fails is tried again by systemd until somebody mends it.
                    let _ = self.start(name);
                }
            }
            Disturbance::Reload => self.reload(),
            Disturbance::Reboot => {
                self.processes.clear();
                self.read.clear();
                self.under_way.clear();
                self.reload();
                let timers = self.links.iter().filter(|(file, links)| {
                    let is_timer = file.kind() == Some(UnitKind::Timer);
                    !links.is_empty() && self.units.contains_key(*file) && is_timer
                });
                self.timers = timers.map(|(file, _)| service_of(file)).collect();
                let linked = self.links.iter().filter(|(file, links)| {
                    !links.is_empty() && self.units.contains_key(*file) && is_service(file)
                });
                let names: Vec<ServiceName> = linked.map(|(file, _)| service_of(file)).collect();
                for name in names {
                    let unit = self.loaded.get(&runs(&name));
                    let is_job = unit.is_some_and(|unit| {
                        unit.text.contains("Type=oneshot") && !unit.text.contains("/jobs/")
                    });
                    match self.started(&name) {
                        // A service that was becoming a job still had its link.
                        Ok(run) if is_job => {
                            self.under_way.insert(name, run);
                        }
                        Ok(_) => {
                            let _ = self.start(&name);
                        }
                        Err(_) => {}
                    }
                }
            }
            Disturbance::EditEnv(name) => self.edit_directory(name, |files| {
                if let Some((_, text)) = files.iter_mut().find(|(path, _)| is_layer(path)) {
                    text.push_str("EDITED=\"by hand\"\n");
                }
            }),
            Disturbance::AddEnv(name) => self.edit_directory(name, |files| {
                files.insert("60-hand.env".to_owned(), "HAND=\"1\"\n".to_owned());
            }),
            Disturbance::TouchEnv(name) => {
                let now = self.now();
                for directory in self.directories.get_mut(name).into_iter().flatten() {
                    directory.1.changed = now;
                }
            }
            Disturbance::DeleteEnv(name) => self.edit_directory(name, |files| {
                if let Some(path) = files.keys().find(|path| is_layer(path)).cloned() {
                    files.remove(&path);
                }
            }),
            Disturbance::DeleteDirectory(name) => {
                self.touched.insert(name.clone());
                self.directories.remove(name);
            }
            Disturbance::EditLive(name) => {
                for live in self
                    .live
                    .get_mut(name)
                    .into_iter()
                    .flat_map(BTreeMap::values_mut)
                {
                    let shown = live.shown.clone();
                    let texts = shown.and_then(|version| live.versions.get_mut(&version));
                    for text in texts.into_iter().flat_map(BTreeMap::values_mut) {
                        text.push_str("edited by hand");
                        self.touched.insert(name.clone());
                    }
                }
            }
            Disturbance::UnlinkLive(name) => {
                for live in self
                    .live
                    .get_mut(name)
                    .into_iter()
                    .flat_map(BTreeMap::values_mut)
                {
                    live.unlinked = true;
                    self.touched.insert(name.clone());
                }
            }
            Disturbance::DeleteLive(name) => {
                self.touched.insert(name.clone());
                self.live.remove(name);
            }
            Disturbance::EditUnitArguments(name) => {
                self.edit_unit(name, |text| {
                    text.replacen("ExecStart=", "ExecStart=/usr/bin/nice ", 1)
                });
            }
            Disturbance::EditUnitComment(name) => {
                self.edit_unit(name, |text| format!("# edited\n{text}"));
            }
            Disturbance::DeleteUnit(name) => {
                self.touched.insert(name.clone());
                self.units.remove(&runs(name));
            }
            Disturbance::StopUnit(name) => {
                self.touched.insert(name.clone());
                self.timers.remove(name);
                self.under_way.remove(name);
                self.processes.remove(name);
            }
            Disturbance::StopWatch(name) => {
                self.watches.remove(name);
            }
            Disturbance::Hold(name) => {
                self.holds.insert(name.clone(), HoldTime::GoesOn);
            }
            Disturbance::HoldEnds(name) => {
                if let Some(time) = self.holds.get_mut(name) {
                    *time = HoldTime::Over;
                }
            }
            Disturbance::EndHold(name) => {
                self.holds.remove(name);
            }
            Disturbance::Disable(name) => {
                self.links.remove(&runs(name));
            }
            Disturbance::DropNetwork(number) => {
                let _ = self.drop_network(&network_name(*number));
            }
            Disturbance::OtherNetwork(number) => {
                let name = network_name(*number);
                if self.networks.contains_key(&name) && self.drop_network(&name).is_ok() {
                    self.networks.insert(name, "of a hand".to_owned());
                }
            }
            Disturbance::LoseCurrent => self.current = None,
            Disturbance::Retag(name) => {
                let last = self.runs.get(name).into_iter().flat_map(BTreeMap::values);
                let last = last
                    .max_by_key(|run| run.last())
                    .map(|run| run.reference.clone());
                if let Some(reference) = last.filter(|reference| reference.contains("edge")) {
                    *self.images.entry(reference).or_default() += 1;
                }
                if let Some(process) = self.processes.get(name) {
                    let image = VariableName::new("IMAGE").unwrap();
                    let image = process.inputs.variables.get(&image);
                    if let Some(image) = image.and_then(|image| image.value.plain()) {
                        *self.images.entry(image.to_owned()).or_default() += 1;
                    }
                }
            }
        }
    }

    fn edit_directory(&mut self, name: &ServiceName, edit: impl Fn(&mut BTreeMap<String, String>)) {
        let now = self.now();
        if let Some(directories) = self.directories.get_mut(name) {
            self.touched.insert(name.clone());
            for directory in directories.values_mut() {
                edit(&mut directory.files);
                *directory = Directory::new(std::mem::take(&mut directory.files), now);
            }
        }
    }

    fn edit_unit(&mut self, name: &ServiceName, edit: impl Fn(&str) -> String) {
        let at = self.now();
        if let Some(unit) = self.units.get_mut(&runs(name)) {
            self.touched.insert(name.clone());
            unit.text = edit(&unit.text);
            unit.digest = Digest::of(&unit.text);
            unit.at = at;
        }
    }

    /// Whether the host is exactly what is desired: files, links, processes, generation, and
    /// nothing of a service that left.
    pub fn assert_is(&self, desired: &DesiredHost, target: &Manifest) {
        let names: BTreeSet<&ServiceName> = desired.services.keys().collect();
        let files: BTreeSet<&UnitFileName> = desired
            .services
            .values()
            .flat_map(|service| service.units.keys())
            .collect();
        assert_eq!(self.units.keys().collect::<BTreeSet<_>>(), files, "units");
        let mut loaded = self.loaded.keys().filter(|file| !is_service(file));
        let of_hands = |file| self.touched.contains(&service_of(file));
        assert!(
            loaded.all(|file| files.contains(file) || of_hands(file)),
            "loaded units"
        );
        let up = desired.services.iter();
        let up = up.filter(|(name, service)| {
            service.handling.runs.is_all_the_time() && !self.holds(name, service)
        });
        for (name, service) in &desired.services {
            assert!(
                !self.holds(name, service) || self.is_at_rest(name),
                "{name} is held"
            );
        }
        let goes_on = |time: &HoldTime| *time == HoldTime::GoesOn;
        assert!(self.holds.values().all(goes_on), "holds whose time is over");
        assert!(
            self.holds.keys().all(|name| names.contains(name)),
            "holds of departing services"
        );
        assert_eq!(
            self.processes.keys().collect::<BTreeSet<_>>(),
            up.map(|(name, _)| name).collect::<BTreeSet<_>>(),
            "processes"
        );
        // What is started by a timer from now on may still run as it was started before.
        let timed = |name: &ServiceName| desired.services[name].timer().is_some();
        assert!(self.running.keys().all(timed), "no run goes on");
        let jobs = names
            .iter()
            .filter(|name| desired.services[**name].timer().is_some())
            .filter(|name| !self.holds(name, &desired.services[**name]));
        let jobs: BTreeSet<&ServiceName> = jobs.copied().collect();
        assert_eq!(self.timers.iter().collect::<BTreeSet<_>>(), jobs, "timers");
        let with_links = self.links.iter().filter(|(_, links)| !links.is_empty());
        // Of a unit that a hand removed before any generation recorded it, a link stays that enables nothing.
        let of_hands = |file: &UnitFileName| {
            self.touched.contains(&service_of(file)) && !self.units.contains_key(file)
        };
        assert!(
            with_links
                .clone()
                .all(|(file, _)| files.contains(file) || of_hands(file)),
            "links of departing services"
        );
        for (name, service) in &desired.services {
            for (file, unit) in &service.units {
                assert_eq!(self.units[file].text, *unit.text, "{file}: unit");
                if self.holds(name, service) {
                    // Systemd reads it when somebody starts it; what it has read already is this.
                    let mut loaded = self.loaded.get(file).into_iter();
                    assert!(loaded.all(|it| it.text == *unit.text), "{file}: loaded");
                    continue;
                }
                assert_eq!(self.loaded[file].text, *unit.text, "{file}: loaded");
                let links = self.links.get(file).cloned().unwrap_or_default();
                assert_eq!(links, unit.enabled_by, "{file}: links");
            }
            let directory = &self.directories[name][&service.directory];
            assert_eq!(directory.files, texts(desired, name), "{name}: files");
            if self.holds(name, service) {
                continue;
            }
            if service.timer().is_some() {
                assert!(self.would_run(name, service), "{name}: next run");
                continue;
            }
            let Some(process) = self.processes.get(name) else {
                continue;
            };
            assert_eq!(
                self.is_watched(name),
                service.watch().is_some(),
                "{name}: watch"
            );
            let values = |inputs: &Inputs| {
                let value =
                    |(name, v): (&VariableName, &InputVariable)| (name.clone(), v.value.clone());
                inputs
                    .variables
                    .iter()
                    .map(value)
                    .collect::<BTreeMap<_, _>>()
            };
            assert_eq!(
                values(&process.inputs),
                values(&service.inputs),
                "{name}: environment"
            );
            assert_eq!(
                process.inputs.directives, service.inputs.directives,
                "{name}: arguments"
            );
            assert!(self.runs_referenced_image(process), "{name}: image");
            let live = live_texts(service);
            assert_eq!(process.live, live, "{name}: what it read");
            let there = self.live.get(name).cloned().unwrap_or_default();
            for (directory, texts) in live {
                // What a release left that died goes with the next one that has something to do, as inputs directories do.
                let there = &there[&directory];
                assert_eq!(there.texts(), texts, "{name}: what {directory} shows");
                assert!(!there.unlinked, "{name}: what {directory} shows");
            }
        }
        let networks = |services: Vec<&Arc<DesiredService>>| -> BTreeMap<String, String> {
            let networks = services.into_iter();
            let networks = networks.flat_map(|service| service.handling.networks.clone());
            let made = networks.filter_map(|(name, options)| Some((name, options?)));
            made.collect()
        };
        let (up, jobs): (Vec<_>, Vec<_>) = desired
            .services
            .iter()
            .filter(|(name, service)| !self.holds(name, service))
            .map(|(_, service)| service)
            .partition(|service| service.handling.runs.is_all_the_time());
        let held = desired.services.iter();
        let held = held.filter(|(name, service)| self.holds(name, service));
        let of_held = networks(held.map(|(_, service)| service).collect());
        // That of a job is made by its first run.
        let of_jobs = networks(jobs);
        let there = self.networks.clone().into_iter();
        let there: BTreeMap<String, String> = there
            .filter(|there| {
                !of_jobs
                    .iter()
                    .any(|(name, options)| (name, options) == (&there.0, &there.1))
            })
            .collect();
        let up: BTreeMap<String, String> = networks(up)
            .into_iter()
            .filter(|(name, _)| !of_jobs.contains_key(name))
            .collect();
        // That of what is held may be there from before.
        let told = |it: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            let it = it.clone().into_iter();
            it.filter(|(name, _)| !of_held.contains_key(name)).collect()
        };
        assert_eq!(told(&there), told(&up), "networks");
        assert!(
            self.live.keys().all(|name| names.contains(name)),
            "live directories of departing services"
        );
        assert!(
            self.directories.keys().all(|name| names.contains(name)),
            "directories of departing services"
        );
        if !names.is_empty() || self.current.is_some() {
            let current = self.current.as_ref().map(|(_, manifest)| manifest);
            assert_eq!(current, Some(target), "current");
        }
        assert!(
            self.generations.len() <= super::KEPT_GENERATIONS,
            "generations"
        );
    }
}

/// What begins a file that the host made of secrets; what stands for it follows.
const MADE: &str = "made of secrets: ";

impl Directory {
    fn new(files: BTreeMap<String, String>, changed: Moment) -> Self {
        // What a host made of secrets counts as what stands for it, as long as it is unchanged.
        let digest = |(path, text): (&String, &String)| {
            let stands = text
                .strip_prefix(MADE)
                .filter(|_| secret_files::is_secret(path));
            let stands = stands.and_then(Digest::reported);
            (path.clone(), stands.unwrap_or_else(|| Digest::of(text)))
        };
        Self {
            digests: files.iter().map(digest).collect(),
            files,
            changed,
            mounted: changed,
            marked: EditMark::default(),
        }
    }

    fn observe(&self) -> ObservedDirectory {
        ObservedDirectory {
            files: self.digests.clone(),
            texts: {
                let files = self.files.iter();
                let plain = files.filter(|(path, _)| !secret_files::is_secret(path));
                plain
                    .map(|(path, text)| (path.clone(), text.as_str().into()))
                    .collect()
            },
            changed: self.changed,
            mounted: self.mounted,
            marked: self.marked,
        }
    }
}

fn no_manifest() -> Manifest {
    Manifest {
        cluster: crate::cluster::name::ClusterName::new("test").unwrap(),
        host: crate::cluster::name::HostName::new("h1").unwrap(),
        services: BTreeMap::new(),
    }
}

fn texts(host: &DesiredHost, service: &ServiceName) -> BTreeMap<String, String> {
    let service = &host.services[service];
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
    let files = service.files.iter();
    let made = service.secrets.entries().into_iter();
    files
        .map(|(path, bytes)| (path.clone(), text(bytes)))
        .chain(made.map(|(path, stands)| (path, format!("{MADE}{stands}"))))
        .collect()
}

/// The networks in each `--network NAME`, with the options on the container's label.
fn networks(inputs: &Inputs) -> BTreeMap<String, String> {
    let start = inputs.directives.iter().find(|(key, _)| key == "ExecStart");
    let words = start.map(|(_, words)| words.as_slice()).unwrap_or_default();
    let values = words.windows(2).filter(|pair| pair[0] == "--network");
    values
        .map(|pair| {
            let label = format!("bayplan.network.{}=", pair[1]);
            let mut options = words.iter().filter_map(|word| word.strip_prefix(&label));
            (
                pair[1].clone(),
                options.next().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

/// What is given to each flag of this name.
fn values(inputs: &Inputs, flag: &str) -> BTreeSet<String> {
    let start = inputs.directives.iter().find(|(key, _)| key == "ExecStart");
    let words = start.map(|(_, words)| words.as_slice()).unwrap_or_default();
    let values = words.windows(2).filter(|pair| pair[0] == flag);
    values.map(|pair| pair[1].clone()).collect()
}

/// The ports of the host in each `--publish [ADDRESS:]HOST:CONTAINER[/PROTOCOL]`.
fn published(inputs: &Inputs) -> Vec<HostPorts> {
    let start = inputs.directives.iter().find(|(key, _)| key == "ExecStart");
    let words = start.map(|(_, words)| words.as_slice()).unwrap_or_default();
    let values = words.windows(2).filter(|pair| pair[0] == "--publish");
    values
        .map(|pair| {
            let (outside, inside) = pair[1].rsplit_once(':').unwrap();
            let protocol = inside
                .split_once('/')
                .map_or("tcp", |(_, protocol)| protocol);
            HostPorts::parse(&format!("{outside}/{protocol}")).unwrap()
        })
        .collect()
}

/// Whether a container would run the same: the layer of a value is no input.
pub(super) fn same(a: &Inputs, b: &Inputs) -> bool {
    let variables = a.variables.len() == b.variables.len()
        && a.variables.iter().all(|(name, variable)| {
            b.variables
                .get(name)
                .is_some_and(|other| other.value == variable.value)
        });
    variables
        && a.directives == b.directives
        && a.files == b.files
        && a.secret_files == b.secret_files
}
