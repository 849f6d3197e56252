//! What can go wrong with one host during a release, in the order in which it can.

use crate::cluster::name::HostName;
use crate::host::activate::activity::ActivationProgress;
use crate::host::look::ObserveError;
use crate::host::reach::error::HostError;
use crate::host::stage::Finding;
use crate::plan::step::Step;

/// Why a host cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No session, or the session broke.
    Host(HostError),
    /// The look found something that forbids a release, or could not be read.
    Observe(ObserveError),
    /// Another name of the same machine: a release would lock itself out.
    SameMachine {
        /// The other name.
        other: HostName,
    },
    /// Somebody else holds the lock; their line.
    Locked {
        /// Who holds it, in words.
        holder: String,
        /// How far the activation is that runs there.
        at: Option<ActivationProgress>,
    },
    /// The lock could not be taken at all.
    NoLock {
        /// One line.
        why: String,
    },
    /// It could not be looked at what is there.
    NoLook {
        /// One line.
        why: String,
    },
    /// The host changed since the plan was shown.
    Stale {
        /// What changed, in words.
        what: String,
    },
    /// The files did not get to the staging area.
    NotStaged {
        /// One line.
        why: String,
    },
    /// The checks before the activation found these.
    NotReady {
        /// At least one.
        findings: Vec<Finding>,
    },
    /// A step of the activation failed.
    Activation(Box<FailedStep>),
    /// The activation is not followed any more, and goes on there by itself.
    Continues(Box<Continues>),
    /// A generation that a host is to go back to cannot be used.
    NoGeneration {
        /// Which one.
        number: u64,
        /// One line.
        why: String,
    },
    /// An activation could not even be written.
    Unsafe {
        /// One line.
        why: String,
    },
}

impl Problem {
    /// Whether the host is as it was before it failed.
    #[must_use]
    pub fn was_put_back(&self) -> bool {
        matches!(self, Problem::Activation(failed) if failed.then == Then::PutBack)
    }
}

/// An activation that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continues {
    /// Why it is not followed.
    pub error: HostError,
    /// How far it was when it was last heard of.
    pub at: ActivationProgress,
    /// The file there that says more.
    pub log: String,
}

/// A step that failed on a host, or several that were side by side, and what the host says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedStep {
    /// The last one; `None` if the activation failed before its first step.
    pub step: Option<Step>,
    /// What the commands said.
    pub errors: Vec<String>,
    /// `Key=Value` of each unit that failed.
    pub states: Vec<UnitLine>,
    /// What the units printed, if units failed.
    pub journal: Journal,
    /// What became of the host.
    pub then: Then,
}

/// A line about a unit, or of its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitLine {
    /// Its name, without suffix.
    pub unit: String,
    /// The line.
    pub text: String,
}

/// The last lines of the journals of units, every known secret in them masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Journal {
    /// The lines, the oldest of each unit first; none if no unit failed.
    Lines(Vec<UnitLine>),
    /// They are not shown.
    Hidden {
        /// Whose journal it is.
        unit: String,
        /// Why not.
        why: WhyHidden,
    },
}

/// Why a journal is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyHidden {
    /// `[rollout] journal = false`.
    Described,
    /// The service has secrets whose values are not known here, so they could not be masked.
    UnknownSecrets,
}

/// What became of a host after a step of its activation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Everything is as it was when the step failed.
    Left,
    /// The previous generation was put back, and is healthy.
    PutBack,
    /// The way back failed, too; this is why.
    NotPutBack {
        /// What the commands said.
        errors: Vec<String>,
    },
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<ObserveError> for Problem {
    fn from(error: ObserveError) -> Self {
        Self::Observe(error)
    }
}
