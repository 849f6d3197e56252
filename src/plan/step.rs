//! The steps of an activation, each with its reason. They have two interpreters: a POSIX script
//! (`host::activate`) for real hosts and an in-memory host for the property test.

use std::collections::BTreeSet;

use crate::cluster::name::ServiceName;
use crate::render::identity::{DirectoryName, Fingerprint, UnitName};

/// One step on one host. Every step can be repeated: done twice it is as if done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Copies a staged inputs directory beside its place, flushes it, renames it to its name.
    PlaceInputs {
        service: ServiceName,
        directory: DirectoryName,
    },
    /// Mends files of an inputs directory that were changed by hand: each written beside,
    /// flushed and renamed; what does not belong there is removed.
    RepairInputs {
        service: ServiceName,
        directory: DirectoryName,
        write: BTreeSet<String>,
        remove: BTreeSet<String>,
    },
    /// Puts a mark into an inputs directory, so that rule (d) asks for the restart of what runs from it until
    /// it is restarted: done before a unit that was edited by hand is overwritten, since the edit
    /// is the only trace of what the container was started with.
    MarkEdited {
        service: ServiceName,
        directory: DirectoryName,
    },
    /// Writes a unit file beside its place, flushes it, renames it.
    WriteUnit {
        service: ServiceName,
        unit: UnitName,
    },
    /// `systemctl --no-reload reenable`.
    Enable { units: Vec<UnitName> },
    /// `systemctl daemon-reload`.
    Reload,
    /// `systemctl stop` of a unit that leaves, or that must give its port away first; a container
    /// of that name with our labels that runs without its unit is removed too.
    Stop {
        service: ServiceName,
        unit: UnitName,
    },
    /// `systemctl reset-failed` and `systemctl restart`, which starts a stopped unit.
    Restart {
        service: ServiceName,
        unit: UnitName,
    },
    /// A restart, unless its container carries this fingerprint already. Only on the way back
    /// ([`WayBack`](super::WayBack)): a crash may have started it with what failed, or not.
    RestartUnless {
        service: ServiceName,
        unit: UnitName,
        fingerprint: Fingerprint,
    },
    /// A restart that nobody waits for, of a unit that was not well before what failed. Only on the
    /// way back.
    RestartWithoutWaiting {
        service: ServiceName,
        unit: UnitName,
    },
    /// Gives a reference back to the image that it meant before a pull. Only on the way back.
    NameImage {
        service: ServiceName,
        id: String,
        reference: String,
    },
    /// Asks a container that goes on running whether it is healthy by a probe that it was not started with:
    /// else nobody would know until it is started again.
    AskProbe {
        service: ServiceName,
        unit: UnitName,
    },
    /// Waits until these units are active and stay so for a moment.
    AwaitHealthy { units: Vec<UnitName> },
    /// `systemctl --no-reload disable` and the removal of the unit file.
    RemoveUnit {
        service: ServiceName,
        unit: UnitName,
    },
    /// The staged generation gets its number, and `current` names it.
    SetCurrent { number: u64 },
    /// Removes inputs directories that no loaded unit and no running container names.
    RemoveInputs {
        service: ServiceName,
        /// Names below the service's directory: of inputs directories, and of what an activation
        /// left there when it died.
        names: BTreeSet<String>,
    },
    /// Removes generations beyond those that are kept.
    RemoveGenerations { numbers: BTreeSet<u64> },
}
