//! What was seen on the hosts, in the words of the plan. The host room parses what hosts answer
//! into these types; the model host of the tests makes them directly.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::digest::Digest;
use crate::cluster::model::Supervisor;
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::ports::HostPorts;
use crate::render::desired::DesiredService;
use crate::render::hold::Hold;
use crate::render::identity::{DirectoryName, Fingerprint, Slot, UnitFileName, UnitKind, UnitName};
use crate::render::live::{LiveName, LiveVersion};
use crate::render::manifest::{Addresses, Manifest, ManifestService};
use crate::render::placement::Placement;

/// One look at every host of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Every host that was looked at.
    pub hosts: BTreeMap<HostName, ObservedHost>,
}

/// A moment on a host's clock: nanoseconds since 1970. Only moments of one host are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub i128);

impl Moment {
    /// The end of time.
    pub const MAX: Self = Self(i128::MAX);

    /// Seconds since 1970 and nine decimals, as `date +%s.%N` prints them.
    #[must_use]
    pub fn to_seconds(self) -> String {
        const SECOND: i128 = 1_000_000_000;
        let (seconds, rest) = (self.0.div_euclid(SECOND), self.0.rem_euclid(SECOND));
        format!("{seconds}.{rest:09}")
    }
}

/// One look at one host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedHost {
    /// What runs its containers; without any, only files are compared.
    pub supervisor: Supervisor,
    /// What `current` names.
    pub generation: Generation,
    /// The number for the next generation: above every one that is there, `current` or not.
    pub next_generation: u64,
    /// The numbers of the generations that are kept there.
    pub kept_generations: BTreeSet<u64>,
    /// What the host keeps of where the whole cluster runs.
    pub placement: RecordedPlacement,
    /// Every service of this cluster that has a unit file, an inputs directory or a container
    /// here, and every desired one.
    pub services: BTreeMap<ServiceName, ObservedService>,
    /// The networks that units of this cluster made here, by name.
    pub networks: BTreeMap<String, ObservedNetwork>,
    /// What the host keeps of the runs of jobs that run once, by their keys.
    pub runs: BTreeMap<ServiceName, BTreeMap<String, RunRecord>>,
    /// Services that somebody holds, whether or not they are here.
    pub holds: BTreeMap<ServiceName, ObservedHold>,
    /// What images of such jobs are known by here, by their references; nothing of one that is not there.
    pub job_images: BTreeMap<String, BTreeSet<String>>,
}

/// That somebody holds a service: it is to stay stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedHold {
    /// Who does, until when and why.
    pub hold: Hold,
    /// Whether it has ended by itself, by the host's clock.
    pub time: HoldTime,
}

/// Services that somebody holds from now on; `None` of one that is held no more.
pub type NewHolds = BTreeMap<ServiceName, Option<Hold>>;

/// Whether the time of a hold is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldTime {
    /// It goes on.
    GoesOn,
    /// It is: the next release starts the service.
    Over,
}

/// A network that a unit made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedNetwork {
    /// Its id. Of docker's several can have one name.
    pub ids: Vec<String>,
    /// Its options, as its label has them.
    pub options: String,
    /// Who is in it; asked only where it is not as described.
    pub attached: BTreeSet<Attached>,
}

/// A container in a network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attached {
    /// That of a service of this cluster.
    Service(ServiceName),
    /// Somebody else's, by its name.
    Container(String),
}

/// What is kept of the last run of a job under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// How far it is.
    pub state: RunState,
    /// When it began, in seconds since 1970.
    pub began: Option<i64>,
    /// When it ended.
    pub ended: Option<i64>,
    /// The reference of the image that it ran.
    pub reference: String,
    /// What else than the key that image is known by.
    pub image: Option<String>,
    /// The record as it stands in the file, without its line break: what other hosts get.
    pub line: String,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It began, and nobody recorded its end.
    Running,
    /// It ended with exit status 0.
    Succeeded,
    /// It did not.
    Failed {
        /// The exit status, or a signal, in systemd's words.
        exit: String,
    },
}

impl RunRecord {
    /// The longest record that is read.
    const LONGEST: usize = 1000;

    /// Reads a record: `None` if it is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end_matches('\n');
        if !line.starts_with("state=")
            || line.len() > Self::LONGEST
            || line.contains(|c: char| !(' '..='~').contains(&c))
        {
            return None;
        }
        let words = || line.split(' ').filter_map(|word| word.split_once('='));
        let value = |key: &str| {
            words()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value)
        };
        let time = |key: &str| value(key).and_then(|time| time.parse().ok());
        Some(Self {
            state: match value("state")? {
                "running" => RunState::Running,
                "ok" => RunState::Succeeded,
                "failed" => RunState::Failed {
                    exit: value("exit").unwrap_or("unknown").to_owned(),
                },
                _ => return None,
            },
            began: time("began"),
            ended: time("ended"),
            reference: value("image")?.to_owned(),
            image: value("id").filter(|id| id.len() > 1).map(str::to_owned),
            line: line.to_owned(),
        })
    }

    /// When it was last heard of.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        self.ended.or(self.began)
    }
}

/// What a host's `placement.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RecordedPlacement {
    /// There is none: no bayplan that keeps one released here.
    #[default]
    None,
    /// It can be read.
    Read(Placement),
    /// It cannot be read: why, as a sentence. `newer` says that a newer bayplan wrote it.
    Unreadable {
        /// A sentence.
        why: String,
        /// Whether a newer bayplan wrote it.
        newer: bool,
    },
}

/// What `current` names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Generation {
    /// Nothing was ever released here, or `current` is gone.
    #[default]
    None,
    /// A generation that can be read.
    Current {
        /// Its number.
        number: u64,
        /// What it holds.
        manifest: Manifest,
        /// The image ids that the generation's containers ran, by service.
        images: BTreeMap<ServiceName, String>,
    },
    /// There is something, but it cannot be read: why, as a sentence. `newer` says that a newer
    /// bayplan wrote it, which is refused; anything else is overwritten by the next release.
    Unreadable {
        /// A sentence.
        why: String,
        /// Whether a newer bayplan wrote it.
        newer: bool,
    },
}

/// One service on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedService {
    /// Which of its slots serves, and what else of it runs.
    pub slots: ObservedSlots,
    /// The unit file that runs its container, and what systemd has loaded of it.
    pub unit: ObservedUnit,
    /// Its other unit files: those that are desired, are there, or are still loaded.
    pub further: BTreeMap<UnitFileName, ObservedUnit>,
    /// Drop-ins that change its units and are not ours (`/etc/systemd/system/X.service.d/*.conf`).
    pub drop_ins: BTreeSet<String>,
    /// The inputs directories of this service that are there.
    pub directories: BTreeMap<DirectoryName, ObservedDirectory>,
    /// Directories and files beside them that a release left when it died.
    pub leftovers: BTreeSet<String>,
    /// The directories of files that it reads again without a restart.
    pub live: BTreeMap<LiveName, ObservedLive>,
    /// What systemd says of it.
    pub process: ObservedProcess,
    /// Whether its timer waits for the next time, if it has one.
    pub timer: TimerState,
    /// Whether the timer waits that asks it whether it is well, if it has one.
    pub watch: TimerState,
    /// What that found.
    pub watched: Option<Watched>,
    /// systemd's automatic restarts (`NRestarts`) since the last start that somebody asked for;
    /// `None` where it was not asked.
    pub restarts: Option<u64>,
    /// Where systemd started it again by itself, or is about to; only where that was asked.
    pub crashes: Option<Crashes>,
    /// When a job ran and will run; only where that was asked.
    pub runs: Option<JobRuns>,
    /// What the engine says of its container's health.
    pub health: ContainerHealth,
    /// The running container, if there is one.
    pub container: Option<ObservedContainer>,
}

/// What an engine says of the health of a container, by the `HEALTHCHECK` that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainerHealth {
    /// It is healthy, or starts, or has no such check.
    #[default]
    NotBad,
    /// Its check fails.
    Unhealthy,
}

/// What the watch of a service found, as far as there is anything to tell of the start that runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    /// Its last answers were bad, so many that it is unhealthy.
    pub unhealthy: Option<BadAnswers>,
    /// The watch restarted it, how often by now, and the start that runs is the last of these.
    pub restarts: u64,
    /// When it last did, in seconds since 1970.
    pub restarted: Option<i64>,
}

/// Bad answers in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAnswers {
    /// How many.
    pub number: u64,
    /// When the first of them came, in seconds since 1970.
    pub since: Option<i64>,
    /// The last of them, in words of the watch.
    pub found: String,
}

impl Watched {
    /// What a line of a watch (`render::watch`) says of a start of a unit; `None` if a hand wrote it, or if it is about
    /// another unit.
    #[must_use]
    pub fn parse(line: &str, unit: &UnitName, start: &str) -> Option<Self> {
        let mut words = line.splitn(8, ' ');
        let mut word = || words.next();
        let (of, noted, state) = (word()?, word()?, word()?);
        let mut number = || word()?.parse::<i64>().ok();
        let (failed, since, restarts, last) = (number()?, number()?, number()?, number()?);
        let found = word().unwrap_or_default();
        let is_that = noted == start;
        // The start that follows a restart of the watch is its own.
        if of != unit.as_str() || !is_that && state != "restarting" {
            return None;
        }
        let moment = |seconds: i64| (seconds > 0).then_some(seconds);
        let unhealthy = is_that && matches!(state, "unhealthy" | "restarting");
        Some(Self {
            unhealthy: unhealthy.then(|| BadAnswers {
                number: failed.unsigned_abs(),
                since: moment(since),
                found: found.to_owned(),
            }),
            restarts: restarts.unsigned_abs(),
            restarted: moment(last),
        })
    }
}

/// A directory of files that a service reads again without a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedLive {
    /// Where `..data` leads; `None` if that is no version of ours.
    pub version: Option<LiveVersion>,
    /// Every file of that version, by path.
    pub files: BTreeMap<String, Digest>,
    /// The texts of those files, fetched only where something differs.
    pub texts: BTreeMap<String, Arc<str>>,
    /// Whether the container sees just these files.
    pub links: LiveLinks,
    /// Whether what runs has read this version.
    pub read: LiveRead,
    /// Other versions are there, or what an activation left when it died.
    pub others: bool,
}

/// Whether the names in a live directory are the links that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LiveLinks {
    /// They are.
    #[default]
    Right,
    /// One is missing, or there is something else.
    Wrong,
}

/// Whether a process has read what a live directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LiveRead {
    /// It started with it, or was told to read it, and that succeeded.
    Yes,
    /// It did not, or nobody knows.
    #[default]
    No,
}

/// When a job ran and will run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobRuns {
    /// When its last run began, as long as systemd knows: since the boot, and since the timer was made anew.
    pub began: Option<Moment>,
    /// When that ended; `None` while it is under way.
    pub ended: Option<Moment>,
    /// How it ended, if not well, in systemd's word: `exit-code`, `timeout`.
    pub failure: Option<String>,
    /// The exit status of its process, where it had one.
    pub status: Option<u8>,
    /// When its timer fires next.
    pub next: Option<Moment>,
}

/// A container that ended by itself, and that systemd started again or is about to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crashes {
    /// Automatic restarts since the last start that somebody asked for.
    pub restarts: u64,
    /// The first of them and the last one.
    pub first: Option<Moment>,
    /// The last of them.
    pub last: Option<Moment>,
    /// How it last ended, where anybody still knows.
    pub death: Option<Death>,
    /// The kernel ended it for its memory limit.
    pub out_of_memory: bool,
    /// Whether it stays up now.
    pub steady: Steady,
}

/// Whether a container stays up now, as far as can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steady {
    /// It has been up for a while.
    Yes,
    /// It ended just now, or waits for its next start.
    No,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// With this exit code.
    Exit(u8),
    /// By this signal.
    Signal(u8),
}

/// What was seen of a service beside the unit that serves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedSlots {
    /// The slot that serves; `None` for a service without slots. All else that is said of the service is about its unit.
    pub serving: Option<Slot>,
    /// What the proxy knows of that.
    pub link: SlotLink,
    /// Its other units that run or are left: of the other slot, or of what it was before it had slots.
    pub others: BTreeMap<UnitName, OtherInstance>,
}

/// What a proxy knows of the slot that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlotLink {
    /// No slot serves yet.
    #[default]
    Absent,
    /// The proxy has not read the link since it changed, or nobody knows, or it leads elsewhere.
    Unread,
    /// It has, or will when it starts.
    Read,
}

/// Another unit of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OtherInstance {
    /// It is up, or its container is.
    pub runs: bool,
    /// Its file, and what a boot does with it.
    pub unit: ObservedUnit,
    /// What systemd says of it.
    pub process: ObservedProcess,
    /// Its container, if one runs.
    pub container: Option<ObservedContainer>,
    /// Whether a timer of ours is to stop it: it has handed over, and runs on as the way back.
    pub kept: Option<KeptSlot>,
}

/// How long a slot that has handed over runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeptSlot {
    /// In seconds since 1970, as the host's clock told them then; `None` if nobody knows.
    pub until: Option<i64>,
}

impl OtherInstance {
    /// Whether nothing has to be done about it: no boot starts it, and it does not run, or only until its timer ends.
    #[must_use]
    pub fn rests(&self) -> bool {
        let stopped = !self.runs && self.unit.loaded == Loaded::AsOnDisk;
        self.unit.enabled_by.is_empty() && (stopped || self.kept.is_some())
    }

    /// Whether it runs, or a timer of ours waits for it.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.runs || self.kept.is_some()
    }
}

/// A unit file of a service, and what systemd has loaded of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedUnit {
    /// The file at its path.
    pub file: UnitFile,
    /// The file's last change (ctime); the epoch if there is none.
    pub changed: Moment,
    /// The links in `*.wants` and `*.requires` directories, as `multi-user.target.wants`.
    pub enabled_by: BTreeSet<String>,
    /// Whether systemd has loaded just this file: not so if the file changed since.
    pub loaded: Loaded,
}

/// Whether systemd's loaded definition is the file on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loaded {
    /// It is, or nothing is loaded.
    #[default]
    AsOnDisk,
    /// The file changed after systemd read it.
    Older,
}

/// The file at a unit's path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UnitFile {
    /// There is none.
    #[default]
    Absent,
    /// Carries the mark of this cluster and service.
    Ours {
        /// The file's digest.
        digest: Digest,
        /// The text, where it was fetched (only where it differs from the desired one).
        text: Option<Arc<str>>,
    },
    /// Is somebody else's: a link to /dev/null, another cluster's, a distribution's.
    Foreign {
        /// The path of the file.
        path: String,
        /// Whose it is.
        owner: Owner,
    },
}

/// Whose unit it is that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A link to /dev/null (`systemctl mask`).
    Masked,
    /// Another cluster, by its mark.
    Cluster(String),
    /// No mark of ours.
    Unmarked,
}

/// An inputs directory that is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedDirectory {
    /// Every file below it, by path.
    pub files: BTreeMap<String, Digest>,
    /// The texts of those files, fetched only for services that differ from what is desired. They
    /// explain a restart; they decide only whether a unit was edited.
    pub texts: BTreeMap<String, Arc<str>>,
    /// The last change of any of them, or of the directory (a file removed, a file added).
    pub changed: Moment,
    /// The last change of what lies in directories below it: files that containers mount, and read
    /// whenever they like.
    pub mounted: Moment,
    /// The mark that says that the unit of its service was edited by hand.
    pub marked: EditMark,
}

/// A unit that somebody had edited was overwritten: what was started meanwhile may run what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EditMark {
    /// When the unit was edited: what was started before runs what it said before.
    pub edited: Moment,
    /// When systemd had read what it was overwritten by: what was started later runs that. The end of time while it has
    /// not, and the epoch where there is no mark.
    pub until: Moment,
}

impl EditMark {
    /// Whether what was started then may run the edit.
    #[must_use]
    pub fn is_of(self, since: Moment) -> bool {
        self.edited <= since && since < self.until
    }
}

/// What systemd says of the unit's process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ObservedProcess {
    /// `inactive`, or a unit that is not loaded.
    #[default]
    Stopped,
    /// It is active.
    Active {
        /// When the main process was started: the env files were read just then.
        since: Moment,
    },
    /// Anything else: `failed`, `activating (auto-restart)`, `deactivating`; in systemd's words.
    Unwell {
        /// systemd's words.
        state: String,
    },
}

/// Whether a timer is active: only such a one starts its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimerState {
    /// It is not, or there is none.
    #[default]
    Inactive,
    /// It is.
    Active,
}

/// The running container of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedContainer {
    /// The label `bayplan.inputs`.
    pub fingerprint: Fingerprint,
    /// The label `bayplan.directory`: what it was started from.
    pub directory: Option<DirectoryName>,
    /// The reference that it was started with.
    pub reference: String,
    /// Which image it runs.
    pub image: RunningImage,
    /// What the engine keeps of its environment.
    pub environment: Environment,
    /// Ports of the host that it publishes.
    pub ports: BTreeSet<HostPorts>,
}

impl Generation {
    /// Its number, where that is known.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self {
            Generation::Current { number, .. } => Some(*number),
            Generation::None | Generation::Unreadable { .. } => None,
        }
    }

    /// What the current generation says of a service.
    #[must_use]
    pub fn recorded(&self, service: &ServiceName) -> Option<&ManifestService> {
        match self {
            Generation::Current { manifest, .. } => manifest.services.get(service),
            Generation::None | Generation::Unreadable { .. } => None,
        }
    }
}

impl ObservedService {
    /// Its units by their files; `runs` is the one that runs its container.
    pub(super) fn units(
        &self,
        runs: UnitFileName,
    ) -> impl Iterator<Item = (UnitFileName, &ObservedUnit)> {
        let others = self.slots.others.iter();
        let others = others.map(|(unit, other)| (unit.service_file(), &other.unit));
        let further = self.further.iter().map(|(file, unit)| (file.clone(), unit));
        std::iter::once((runs, &self.unit))
            .chain(further)
            .chain(others)
    }

    /// The ports of the host that its containers have, also that of a slot which has handed over. Of one in the host's network no engine tells them; what was
    /// released does, if that is what it runs.
    #[must_use]
    pub fn holds(&self, recorded: Option<&ManifestService>) -> BTreeSet<HostPorts> {
        let others = self.slots.others.values();
        let others = others.filter_map(|other| other.container.as_ref());
        let others = others.flat_map(|container| &container.ports).copied();
        let Some(container) = &self.container else {
            return others.collect();
        };
        let recorded = recorded.filter(|recorded| recorded.fingerprint == container.fingerprint);
        let recorded = recorded.and_then(|recorded| recorded.handling.as_ref());
        let taken = recorded
            .map(|handling| &handling.ports)
            .into_iter()
            .flatten();
        // A published range is told port by port.
        let untold = taken.filter(|ports| {
            !container
                .ports
                .iter()
                .any(|told| told.clash(ports).is_some())
        });
        let own = container.ports.iter().chain(untold).copied();
        own.chain(others).collect()
    }
}

impl ObservedService {
    /// The addresses of its own that its container has in networks. No engine is asked for them: what was released says
    /// so, if that is what it runs, or what is to be, if it runs that already.
    pub(super) fn addresses<'a>(
        &self,
        recorded: Option<&'a ManifestService>,
        wanted: Option<&'a DesiredService>,
    ) -> HeldAddresses<'a> {
        let Some(container) = &self.container else {
            return HeldAddresses::None;
        };
        let recorded = recorded.filter(|recorded| recorded.fingerprint == container.fingerprint);
        let recorded = recorded.and_then(|recorded| recorded.handling.as_ref());
        let wanted = wanted.filter(|wanted| wanted.fingerprint == container.fingerprint);
        match recorded.or(wanted.map(|wanted| &wanted.handling)) {
            Some(handling) => HeldAddresses::These(&handling.addresses),
            None => HeldAddresses::Unknown,
        }
    }
}

/// The addresses that a container has in networks.
pub(super) enum HeldAddresses<'a> {
    /// There is no container.
    None,
    /// These.
    These(&'a Addresses),
    /// It was started with other inputs than any that are known.
    Unknown,
}

/// What the engine keeps of a container's environment, beside the env files of its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Environment {
    /// Nobody asked: only where the files changed after it started there is a doubt.
    #[default]
    Unasked,
    /// It was started with what the files say.
    AsFiles,
    /// It was not, or the engine did not say.
    Another,
}

/// Which image a container runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunningImage {
    /// The one that its reference means on this host now.
    Referenced,
    /// Another one, by its id: the reference was moved (a pull), or its image is gone.
    Another {
        /// The running image's id.
        id: String,
    },
}

impl ObservedUnit {
    /// Whether a boot starts it, or would if its file were there, and it is nobody else's.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.enabled_by.is_empty() && !matches!(self.file, UnitFile::Foreign { .. })
    }

    /// Whether there is a file of ours.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self.file, UnitFile::Ours { .. })
    }

    /// Whether the file is ours and has this digest.
    #[must_use]
    pub fn holds(&self, wanted: &Digest) -> bool {
        matches!(&self.file, UnitFile::Ours { digest, .. } if digest == wanted)
    }

    /// Whether something of ours is left: the file, its links, or what systemd has loaded of it.
    #[must_use]
    pub fn is_left(&self) -> bool {
        match self.file {
            UnitFile::Ours { .. } => true,
            UnitFile::Absent => !self.enabled_by.is_empty() || self.loaded == Loaded::Older,
            UnitFile::Foreign { .. } => false,
        }
    }
}

impl ObservedService {
    /// Whether it is a job with a schedule by what is on the host. Known of one that is not desired there, whose
    /// text is fetched, or that has a timer.
    #[must_use]
    pub fn is_job(&self) -> bool {
        let scheduled = self.ends_by_itself() && !self.keeps_a_record();
        scheduled || self.timers().any(ObservedUnit::is_ours)
    }

    /// Whether it runs and is not well, as the engine says or its watch found.
    #[must_use]
    pub fn is_unhealthy(&self) -> bool {
        let watched = self.watched.as_ref();
        let found = watched.is_some_and(|watched| watched.unhealthy.is_some());
        let active = matches!(self.process, ObservedProcess::Active { .. });
        self.health == ContainerHealth::Unhealthy || found && active
    }

    /// The timer that starts it, or what is left of one.
    pub fn timers(&self) -> impl Iterator<Item = &ObservedUnit> + Clone {
        let timers = self.further.iter();
        let timers = timers.filter(|(file, _)| file.kind() == Some(UnitKind::Timer));
        timers.map(|(_, unit)| unit)
    }

    fn text(&self) -> Option<&str> {
        match &self.unit.file {
            UnitFile::Ours { text, .. } => text.as_deref(),
            UnitFile::Absent | UnitFile::Foreign { .. } => None,
        }
    }

    fn ends_by_itself(&self) -> bool {
        let mut lines = self.text().into_iter().flat_map(str::lines);
        lines.any(|line| line == "Type=oneshot")
    }

    /// Whether it is a job that a release runs once, by what is on the host. Known of one that is not desired there.
    #[must_use]
    pub fn keeps_a_record(&self) -> bool {
        self.ends_by_itself() && self.text().is_some_and(|text| text.contains("/jobs/"))
    }

    /// Whether a run of a job is under way: systemd starts it until it ends.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        match &self.process {
            ObservedProcess::Stopped => self.container.is_some(),
            ObservedProcess::Active { .. } => true,
            ObservedProcess::Unwell { state } => !state.starts_with("failed"),
        }
    }

    /// One of its unit files: `runs` is the name of the one that runs its container.
    #[must_use]
    pub fn unit_file(&self, file: &UnitFileName, runs: &UnitFileName) -> Option<&ObservedUnit> {
        match file == runs {
            true => Some(&self.unit),
            false => self.further.get(file),
        }
    }
}

impl ObservedHost {
    /// As if the host had heard of it already.
    pub fn hold(&mut self, holds: &NewHolds) {
        for (service, hold) in holds {
            match hold.clone() {
                Some(hold) => {
                    let time = HoldTime::GoesOn;
                    let held = ObservedHold { hold, time };
                    self.holds.insert(service.clone(), held);
                }
                None => {
                    self.holds.remove(service);
                }
            }
        }
    }

    /// Who holds a service, if that goes on.
    #[must_use]
    pub fn held(&self, service: &ServiceName) -> Option<&Hold> {
        let hold = self.holds.get(service)?;
        (hold.time == HoldTime::GoesOn).then_some(&hold.hold)
    }

    /// A look without what runs and without texts, which are fetched or not depending on what runs: what
    /// must not have changed when a plan is carried out.
    #[must_use]
    pub fn files_only(&self) -> Self {
        let mut seen = self.clone();
        for service in seen.services.values_mut() {
            service.process = ObservedProcess::Stopped;
            service.timer = TimerState::Inactive;
            service.watch = TimerState::Inactive;
            service.watched = None;
            service.container = None;
            service.slots.link = SlotLink::Absent;
            service.slots.others.clear();
            service.restarts = None;
            service.crashes = None;
            service.health = ContainerHealth::NotBad;
            service.runs = None;
            for unit in std::iter::once(&mut service.unit).chain(service.further.values_mut()) {
                unit.loaded = Loaded::AsOnDisk;
                if let UnitFile::Ours { text, .. } = &mut unit.file {
                    *text = None;
                }
            }
            for directory in service.directories.values_mut() {
                directory.texts.clear();
            }
            for live in service.live.values_mut() {
                live.texts.clear();
                live.read = LiveRead::No;
            }
        }
        // So is a unit that is loaded and has no file.
        for service in seen.services.values_mut() {
            let there =
                |unit: &ObservedUnit| unit.file != UnitFile::Absent || !unit.enabled_by.is_empty();
            service.further.retain(|_, unit| there(unit));
        }
        // A service that has a container and no files is no file.
        seen.services.retain(|_, service| {
            service.unit.file != UnitFile::Absent
                || !service.further.is_empty()
                || !service.directories.is_empty()
                || !service.live.is_empty()
                || !service.leftovers.is_empty()
        });
        seen.networks.clear();
        seen.supervisor = Supervisor::None;
        seen.runs.clear();
        seen.job_images.clear();
        seen
    }
}
