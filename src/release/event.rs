//! What a release tells while it works. The release emits events and never prints; the report
//! room shows them.

use std::time::Duration;

use crate::cluster::name::HostName;
use crate::host::activate::activity::ActivationProgress;
use crate::host::stage::{LostVolume, TightMemory};
use crate::plan::Phase;
use crate::plan::step::Step;

/// Something that happened on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where it happened.
    pub host: HostName,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The connection is being opened.
    Connecting,
    /// The host was looked at.
    Observed,
    /// Somebody else holds the lock; the release waits for it.
    WaitingForLock {
        /// Who holds it, in words.
        holder: String,
        /// How far the activation is that runs there, if one does.
        at: Option<ActivationProgress>,
    },
    /// An activation runs there whose session is gone; it is followed to its end.
    Following {
        /// Who released, in words.
        holder: String,
        /// Seconds since 1970, on the host's clock.
        since: Option<i64>,
        /// How far it is.
        at: ActivationProgress,
    },
    /// It began another step.
    Followed {
        /// How far it is.
        at: ActivationProgress,
    },
    /// It ended.
    FollowedToEnd {
        /// How it ended.
        ending: Ending,
    },
    /// The lock is held.
    Locked,
    /// The generation's files are in the staging area; bytes sent.
    Staged {
        /// How many were sent.
        bytes: u64,
    },
    /// Digests, units, images and disk space are as they must be; how many images were pulled.
    Checked {
        /// How many images were pulled.
        pulled: usize,
    },
    /// A container loses what its image keeps where nothing is mounted.
    LosesVolume(LostVolume),
    /// Both slots of a service may not fit into memory.
    TightMemory(TightMemory),
    /// An activation began.
    Activating {
        /// The phase of its wave.
        phase: Phase,
        /// How many steps it has.
        steps: usize,
    },
    /// A step began; `number` counts from 1.
    Step {
        /// Which one.
        number: usize,
        /// How many there are.
        of: usize,
        /// What it does.
        step: Step,
    },
    /// What the activation started is healthy, and is watched for a while.
    Soaking {
        /// How far it is, with how long that takes.
        at: ActivationProgress,
    },
    /// A step failed, and the previous generation is being put back.
    PuttingBack {
        /// What is done for that, where an operator follows it.
        step: Option<Step>,
    },
    /// The previous generation was put back.
    PutBack,
    /// All steps of the wave are done.
    Activated {
        /// Since the activation was launched.
        took: Duration,
    },
    /// This host failed: the first line of its error. The error itself comes with the result.
    Failed {
        /// One line.
        error: String,
    },
}

/// How an activation ended that was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All its steps were done.
    Done,
    /// A step failed, and the host put its previous generation back.
    PutBack,
    /// It failed, or somebody ended it.
    Failed,
}
