//! The steps of an activation. They have two interpreters: a POSIX script (`host::activate`) for real hosts,
//! and a host in memory for the property test.
//!
//! What a step is, is said here once: [`Step::kind`] and [`Step::about`] for whoever orders, follows or undoes
//! it, [`Step::words`] for people. A new step is a variant with its lines here, a function of the shell with
//! its call, and an arm of the model host.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use super::observed::Moment;
use crate::cluster::model::ReloadBy;
use crate::cluster::name::ServiceName;
use crate::render::identity::{DirectoryName, Fingerprint, Slot, UnitFileName, UnitKind, UnitName};
use crate::render::live::{LiveName, LiveVersion};
use crate::render::slots::Slots;

/// One step on one host. Every step can be repeated: done twice it is as if done once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Copies a staged inputs directory beside its place, flushes it, renames it to its name.
    PlaceInputs {
        /// Whose it is.
        service: ServiceName,
        /// The directory's name.
        directory: DirectoryName,
    },
    /// Mends files of an inputs directory that were changed by hand: each written beside,
    /// flushed and renamed; what does not belong there is removed.
    RepairInputs {
        /// Whose it is.
        service: ServiceName,
        /// The directory's name.
        directory: DirectoryName,
        /// Files that are written as staged, by path below the directory.
        write: BTreeSet<String>,
        /// Files that do not belong there.
        remove: BTreeSet<String>,
    },
    /// Writes a version of a live directory beside the others, flushes it, and lets `..data` lead there: one rename swaps all
    /// files.
    SwapFiles {
        /// Whose it is.
        service: ServiceName,
        /// Which of its live directories.
        directory: LiveName,
        /// The digest of what it is to hold.
        digest: DirectoryName,
    },
    /// Lets `..data` of a live directory lead to a version that is still there. Only on the way back.
    SwapBack {
        /// Whose it is.
        service: ServiceName,
        /// Which of its live directories.
        directory: LiveName,
        /// Where it led before.
        version: LiveVersion,
    },
    /// Tells a container that goes on running to read its live directories again, and notes which versions it has read.
    /// On the way back one that has read them already is left alone.
    ReloadService {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
        /// How it is told.
        by: ReloadBy,
    },
    /// Removes versions of live directories to which no `..data` leads, and all live directories but these.
    CleanLive {
        /// Whose they are.
        service: ServiceName,
        /// Those that stay.
        keep: BTreeSet<LiveName>,
    },
    /// Puts a mark into an inputs directory, so that rule (d) asks for the restart of what runs from it until
    /// it is restarted: done before a unit that was edited by hand is overwritten, since the edit
    /// is the only trace of what the container was started with.
    MarkEdited {
        /// Whose it is.
        service: ServiceName,
        /// The directory's name.
        directory: DirectoryName,
        /// When the unit was edited.
        edited: Moment,
    },
    /// Writes a unit file beside its place, flushes it, renames it.
    WriteUnit {
        /// Whose it is.
        service: ServiceName,
        /// Which of its unit files.
        file: UnitFileName,
    },
    /// `systemctl --no-reload reenable`.
    Enable {
        /// Which ones.
        files: Vec<UnitFileName>,
    },
    /// `systemctl --no-reload disable`: of what is held, a boot starts nothing.
    Disable {
        /// Which ones.
        files: Vec<UnitFileName>,
    },
    /// `systemctl stop` of a timer that is held; its file stays, and a run that is under way goes on.
    StopTimer {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
    },
    /// Forgets that a service is held: its time is over, or the service has left.
    EndHold {
        /// Whose it is.
        service: ServiceName,
    },
    /// `systemctl daemon-reload`.
    Reload,
    /// `systemctl stop` of a unit that leaves, or that must give its port away first; a container
    /// of that name with our labels that runs without its unit is removed too.
    Stop {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
    },
    /// Stops a timer and removes its file, and lets systemd forget it. A run that is under way goes on.
    DropTimer {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
    },
    /// Starts a timer that systemd has just read: from now on, so that no time that has passed is made up for.
    StartTimer {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
    },
    /// Starts the timer that asks a service whether it is well, which starts with the service by itself: this one runs already.
    StartWatch {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
    },
    /// Waits until no run of a job is under way, after its timer was stopped: its unit goes, or another host runs it.
    AwaitRun {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
    },
    /// `systemctl reset-failed` and `systemctl restart`, which starts a stopped unit.
    Restart {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
        /// When it begins.
        begins: Begins,
    },
    /// Lets the link of a service lead to a slot, tells the proxy, and waits until that slot answers there. Where the proxy
    /// does not run, it will read the link when it starts.
    FlipSlot {
        /// Whose it is.
        service: ServiceName,
        /// The slot.
        slot: Slot,
        /// What is there to know of it.
        slots: Slots,
        /// The unit of the proxy.
        proxy: UnitName,
    },
    /// Waits until the processes of one instance listen on the ports on which another one does that runs, and then lets the
    /// link of the service name it. Both serve until the other one ends.
    TakeOver {
        /// Whose they are.
        service: ServiceName,
        /// Which instance.
        slot: Slot,
        /// Its unit.
        unit: UnitName,
        /// The ports that have to be among those, where the other one listens on any of them; else all that it listens on.
        ports: BTreeSet<u16>,
    },
    /// Sees to it that no timer stops a slot which handed over before and is to serve again, and that it runs: it starts only
    /// if its container is gone, or carries another fingerprint.
    WakeSlot {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
        /// The one that it is to carry.
        fingerprint: Fingerprint,
    },
    /// A slot that has handed over runs on, and no boot starts it; a timer of ours stops it.
    KeepSlot {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
        /// How long it runs on.
        seconds: NonZeroU64,
    },
    /// Waits until a slot that does not serve has no connections, and stops it: it is to start anew.
    DrainSlot {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
        /// As in [`Step::EndSlot`].
        drain: Option<(u16, u64)>,
    },
    /// Waits until a unit of a service that does not serve any more has no connections, then disables and stops it, and
    /// removes its file.
    EndSlot {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
        /// Its port of the host, and how many seconds its connections are waited for; `None` if nobody sends it requests.
        drain: Option<(u16, u64)>,
    },
    /// A restart, unless its container carries this fingerprint already. Only on the way back
    /// ([`WayBack`](super::WayBack)): a crash may have started it with what failed, or not.
    RestartUnless {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
        /// The one that it is to carry.
        fingerprint: Fingerprint,
    },
    /// One `systemctl restart` of units that need each other: none is waited for before all of them are started, since its
    /// health may need theirs. `unless` is as in [`Step::RestartUnless`].
    RestartTogether {
        /// The services, with what there is to know of each.
        units: BTreeMap<ServiceName, RestartedUnit>,
    },
    /// A restart that nobody waits for, of a unit that was not well before what failed. Only on the
    /// way back.
    RestartWithoutWaiting {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
    },
    /// Runs a job to its end, which has to be with exit status 0. A run that an activation before this one began is
    /// waited for; nothing runs if its success was recorded meanwhile.
    RunOnce {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
        /// The keys under which a success counts; none if it runs with each release.
        keys: BTreeSet<String>,
    },
    /// Gives a reference back to the image that it meant before a pull. Only on the way back.
    NameImage {
        /// Whose it is.
        service: ServiceName,
        /// The image's id.
        id: String,
        /// What units call it.
        reference: String,
    },
    /// Asks a container that goes on running whether it is healthy by a probe that it was not started with:
    /// else nobody would know until it is started again.
    AskProbe {
        /// Whose it is.
        service: ServiceName,
        /// Its unit.
        unit: UnitName,
    },
    /// Removes a network that has other options, once nobody is in it: the units that use it make it anew.
    RemakeNetwork {
        /// As engines know it.
        network: String,
        /// The options that it is to have: with these it stays.
        options: String,
    },
    /// Waits until these units are active and stay so for a moment.
    AwaitHealthy {
        /// Which ones.
        units: Vec<UnitName>,
    },
    /// `systemctl --no-reload disable` and the removal of the unit file.
    RemoveUnit {
        /// Whose it is.
        service: ServiceName,
        /// Which of its unit files.
        file: UnitFileName,
    },
    /// The staged generation gets its number, and `current` names it.
    SetCurrent {
        /// Its number.
        number: u64,
    },
    /// Removes a network that nothing uses any more, unless somebody is in it.
    RemoveNetwork {
        /// As engines know it.
        network: String,
    },
    /// Removes inputs directories that no loaded unit and no running container names.
    RemoveInputs {
        /// Whose it is.
        service: ServiceName,
        /// Names below the service's directory: of inputs directories, and of what an activation
        /// left there when it died.
        names: BTreeSet<String>,
    },
    /// Removes generations beyond those that are kept.
    RemoveGenerations {
        /// Their numbers.
        numbers: BTreeSet<u64>,
    },
}

/// When a restart begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Begins {
    /// When all steps before it are done, as every other step does.
    After,
    /// As soon as there is room, while the restarts just before it may still be under way.
    Beside,
}

/// The steps in turns: the restarts of one turn are side by side, and every other step is a turn by itself. A turn begins
/// when the one before it is done.
pub fn turns(steps: &[Step]) -> impl Iterator<Item = &[Step]> {
    steps.chunk_by(|before, step| {
        matches!(before, Step::Restart { .. })
            && matches!(
                step,
                Step::Restart {
                    begins: Begins::Beside,
                    ..
                }
            )
    })
}

/// A unit that is restarted together with others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RestartedUnit {
    /// Its name.
    pub unit: UnitName,
    /// It is left alone if its container carries this fingerprint already.
    pub unless: Option<Fingerprint>,
}

/// What a step does, as far as others must know: whoever orders, follows or undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// It writes files of an inputs directory.
    Inputs,
    /// It leaves a trace of a hand's edit.
    Mark,
    /// It changes what a live directory shows.
    Swap,
    /// A container that goes on running reads its live directories again.
    Reread,
    /// One slot of a service takes over from another one, or one that has handed over ends.
    Slot,
    /// It writes a unit file.
    Unit,
    /// It makes the links that enable units.
    Links,
    /// It sees to it that systemd does not start what is held.
    Unlink,
    /// systemd reads unit files again.
    Reload,
    /// It changes what an image reference means.
    Image,
    /// It stops a container.
    Stop,
    /// It starts a container, or starts it again.
    Start,
    /// It removes a network, which units make anew.
    Network,
    /// It runs a job to its end.
    Run,
    /// It asks a container that goes on running whether it is healthy.
    Ask,
    /// It waits until containers are healthy.
    Wait,
    /// It stops or starts a timer.
    Timer,
    /// It starts the timer that asks a service whether it is well.
    Watch,
    /// It waits until a run of a job has ended.
    AwaitRun,
    /// All that runs is as it should be when this step begins: it removes what is not needed any more, or
    /// records what is there.
    End,
}

/// What a step is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOf<'a> {
    /// This service.
    Service(&'a ServiceName),
    /// These services.
    Services(Vec<&'a ServiceName>),
    /// These units, by their names without a suffix.
    Units(Vec<&'a str>),
    /// The host as a whole.
    Host,
}

/// Staged files that a step puts into an inputs directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedFiles<'a> {
    /// Whose it is.
    pub service: &'a ServiceName,
    /// The directory's name.
    pub directory: &'a DirectoryName,
    /// Their paths below the directory; `None` for all of them.
    pub only: Option<&'a BTreeSet<String>>,
}

/// What a step does to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It runs afterwards, anew.
    Starts,
    /// It does not run afterwards.
    Stops,
}

impl StepKind {
    /// What it does to a container, if anything.
    #[must_use]
    pub fn effect(self) -> Option<Effect> {
        match self {
            StepKind::Start => Some(Effect::Starts),
            StepKind::Stop => Some(Effect::Stops),
            StepKind::Inputs
            | StepKind::Swap
            | StepKind::Reread
            | StepKind::Slot
            | StepKind::Mark
            | StepKind::Unit
            | StepKind::Links
            | StepKind::Unlink
            | StepKind::Reload
            | StepKind::Image
            | StepKind::Network
            | StepKind::Run
            | StepKind::Ask
            | StepKind::Wait
            | StepKind::Timer
            | StepKind::Watch
            | StepKind::AwaitRun
            | StepKind::End => None,
        }
    }

    /// Whether it stops, starts, runs or waits for containers: that takes time, and is what an operator follows.
    #[must_use]
    pub fn is_followed(self) -> bool {
        matches!(
            self,
            StepKind::Wait | StepKind::Reread | StepKind::Slot | StepKind::Run | StepKind::AwaitRun
        ) || self.effect().is_some()
    }
}

impl PlacedFiles<'_> {
    /// Whether the file of this path is one of them.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.only.is_none_or(|only| only.contains(path))
    }
}

impl Step {
    /// What it does, as far as others must know.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        self.kind_and_about().0
    }

    /// What it is about.
    #[must_use]
    pub fn about(&self) -> StepOf<'_> {
        self.kind_and_about().1
    }

    /// The services that it is about, if it is about services.
    #[must_use]
    pub fn services(&self) -> Vec<&ServiceName> {
        match self.about() {
            StepOf::Service(service) => vec![service],
            StepOf::Services(services) => services,
            StepOf::Units(_) | StepOf::Host => Vec::new(),
        }
    }

    fn kind_and_about(&self) -> (StepKind, StepOf<'_>) {
        match self {
            Step::PlaceInputs { service, .. } | Step::RepairInputs { service, .. } => {
                (StepKind::Inputs, StepOf::Service(service))
            }
            Step::SwapFiles { service, .. } | Step::SwapBack { service, .. } => {
                (StepKind::Swap, StepOf::Service(service))
            }
            Step::ReloadService { service, .. } => (StepKind::Reread, StepOf::Service(service)),
            Step::FlipSlot { service, .. }
            | Step::TakeOver { service, .. }
            | Step::WakeSlot { service, .. }
            | Step::KeepSlot { service, .. }
            | Step::DrainSlot { service, .. }
            | Step::EndSlot { service, .. } => (StepKind::Slot, StepOf::Service(service)),
            Step::MarkEdited { service, .. } => (StepKind::Mark, StepOf::Service(service)),
            Step::WriteUnit { service, .. } => (StepKind::Unit, StepOf::Service(service)),
            Step::Enable { files } => {
                let units = files.iter().map(UnitFileName::unit).collect();
                (StepKind::Links, StepOf::Units(units))
            }
            Step::Disable { files } => {
                let units = files.iter().map(UnitFileName::unit).collect();
                (StepKind::Unlink, StepOf::Units(units))
            }
            Step::StopTimer { service, .. } => (StepKind::Unlink, StepOf::Service(service)),
            Step::EndHold { service } => (StepKind::End, StepOf::Service(service)),
            Step::Reload => (StepKind::Reload, StepOf::Host),
            Step::NameImage { service, .. } => (StepKind::Image, StepOf::Service(service)),
            Step::Stop { service, .. } => (StepKind::Stop, StepOf::Service(service)),
            Step::DropTimer { service, .. } | Step::StartTimer { service, .. } => {
                (StepKind::Timer, StepOf::Service(service))
            }
            Step::StartWatch { service, .. } => (StepKind::Watch, StepOf::Service(service)),
            Step::AwaitRun { service, .. } => (StepKind::AwaitRun, StepOf::Service(service)),
            Step::Restart { service, .. }
            | Step::RestartUnless { service, .. }
            | Step::RestartWithoutWaiting { service, .. } => {
                (StepKind::Start, StepOf::Service(service))
            }
            Step::RestartTogether { units } => {
                (StepKind::Start, StepOf::Services(units.keys().collect()))
            }
            Step::RemakeNetwork { .. } => (StepKind::Network, StepOf::Host),
            Step::RunOnce { service, .. } => (StepKind::Run, StepOf::Service(service)),
            Step::AskProbe { service, .. } => (StepKind::Ask, StepOf::Service(service)),
            Step::AwaitHealthy { units } => {
                let units = units.iter().map(UnitName::as_str).collect();
                (StepKind::Wait, StepOf::Units(units))
            }
            Step::RemoveUnit { service, .. }
            | Step::RemoveInputs { service, .. }
            | Step::CleanLive { service, .. } => (StepKind::End, StepOf::Service(service)),
            Step::RemoveNetwork { .. }
            | Step::SetCurrent { .. }
            | Step::RemoveGenerations { .. } => (StepKind::End, StepOf::Host),
        }
    }

    /// What it does, while it does it: `restarting web`.
    #[must_use]
    pub fn words(&self) -> String {
        let units = |first: Option<String>, number: usize| match (first, number) {
            (Some(one), 1) => one,
            (_, number) => format!("{number} units"),
        };
        match self {
            Step::PlaceInputs { service, .. } => format!("placing the inputs of {service}"),
            Step::RepairInputs { service, .. } => format!("mending the inputs of {service}"),
            Step::SwapFiles {
                service, directory, ..
            } => format!("swapping {} of {service}", directory.target()),
            Step::SwapBack {
                service, directory, ..
            } => format!("swapping {} of {service} back", directory.target()),
            Step::ReloadService { service, by, .. } => format!("reloading {service} by {by}"),
            Step::FlipSlot { service, slot, .. } => {
                format!("handing {service} over to slot {slot}")
            }
            Step::TakeOver { service, unit, .. } => {
                format!("handing {service} over to {unit}")
            }
            Step::WakeSlot { unit, .. } => format!("going back to {unit}"),
            Step::KeepSlot { unit, .. } => format!("keeping {unit} for a while"),
            Step::DrainSlot { unit, .. } => format!("stopping {unit}"),
            Step::EndSlot { unit, .. } => format!("ending {unit}"),
            Step::CleanLive { service, .. } => format!("removing old files of {service}"),
            Step::MarkEdited { service, .. } => format!("noting that {service} was edited"),
            Step::WriteUnit { file, .. } => format!("writing {file}"),
            Step::Enable { files } => {
                // The one that runs a container is called as people call it.
                let first = files.first().map(|file| {
                    let suffix = UnitKind::Service.suffix();
                    let name = file.as_str();
                    name.strip_suffix(suffix).unwrap_or(name).to_owned()
                });
                format!("enabling {}", units(first, files.len()))
            }
            Step::Disable { files } => {
                let first = files.first().map(|file| file.unit().to_owned());
                format!("disabling {}", units(first, files.len()))
            }
            Step::StopTimer { service, .. } => format!("stopping the timer of {service}"),
            Step::EndHold { service } => format!("ending the hold of {service}"),
            Step::Reload => "systemctl daemon-reload".to_owned(),
            Step::Stop { service, .. } => format!("stopping {service}"),
            Step::DropTimer { service, .. } => format!("stopping the timer of {service}"),
            Step::StartTimer { service, .. } => format!("starting the timer of {service}"),
            Step::StartWatch { service, .. } => format!("watching {service}"),
            Step::AwaitRun { service, .. } => {
                format!("waiting until no run of {service} is under way")
            }
            Step::Restart { service, .. }
            | Step::RestartUnless { service, .. }
            | Step::RestartWithoutWaiting { service, .. } => format!("restarting {service}"),
            Step::RestartTogether { units } => {
                let names: Vec<&str> = units.keys().map(ServiceName::as_str).collect();
                format!("restarting {} together", names.join(", "))
            }
            Step::RunOnce { service, .. } => format!("running {service}"),
            Step::NameImage { service, .. } => format!("naming the image of {service}"),
            Step::RemakeNetwork { network, .. } => {
                format!("removing the network {network}, which has other options")
            }
            Step::RemoveNetwork { network } => format!("removing the network {network}"),
            Step::AskProbe { service, .. } => format!("asking {service} whether it is healthy"),
            Step::AwaitHealthy { units: which } => {
                let are = if which.len() == 1 { "is" } else { "are" };
                let first = which.first().map(ToString::to_string);
                format!("waiting until {} {are} healthy", units(first, which.len()))
            }
            Step::RemoveUnit { file, .. } => format!("removing {file}"),
            Step::SetCurrent { number } => format!("recording generation {number}"),
            Step::RemoveInputs { service, .. } => format!("removing old inputs of {service}"),
            Step::RemoveGenerations { numbers } => {
                let named: Vec<String> = numbers.iter().map(u64::to_string).collect();
                let generations = if named.len() == 1 {
                    "generation"
                } else {
                    "generations"
                };
                format!("removing the old {generations} {}", named.join(", "))
            }
        }
    }

    /// The same step without the services that are not to be kept, if it is about several. They are told by the names of
    /// their units, without a suffix.
    #[must_use]
    pub fn only_units(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut step = self.clone();
        if let Step::RestartTogether { units } = &mut step {
            units.retain(|_, restarted| keep(restarted.unit.as_str()));
        } else if let Step::Enable { files } = &mut step {
            files.retain(|file| keep(file.unit()));
        } else if let Step::Disable { files } = &mut step {
            files.retain(|file| keep(file.unit()));
        } else if let Step::AwaitHealthy { units } = &mut step {
            units.retain(|unit| keep(unit.as_str()));
        }
        step
    }

    /// The unit files that it writes or enables.
    #[must_use]
    pub fn unit_files(&self) -> &[UnitFileName] {
        if let Step::WriteUnit { file, .. } = self {
            std::slice::from_ref(file)
        } else if let Step::Enable { files } = self {
            files
        } else {
            &[]
        }
    }

    /// The staged files that it puts into an inputs directory, if it does.
    #[must_use]
    pub fn placed(&self) -> Option<PlacedFiles<'_>> {
        let (service, directory, only) = if let Step::PlaceInputs { service, directory } = self {
            (service, directory, None)
        } else if let Step::RepairInputs {
            service,
            directory,
            write,
            remove: _,
        } = self
        {
            (service, directory, Some(write))
        } else {
            return None;
        };
        Some(PlacedFiles {
            service,
            directory,
            only,
        })
    }
}
