//! What a release tells while it works. The release emits events and never prints; the report
//! room shows them.

use std::time::Duration;

use super::follow::Ending;
use crate::cluster::name::HostName;
use crate::host::activate::follow::At;
use crate::plan::Phase;
use crate::plan::step::Step;

/// Something that happened on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub host: HostName,
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
    WaitingForLock { holder: String, at: Option<At> },
    /// An activation runs there whose session is gone; it is followed to its end.
    Following {
        holder: String,
        /// Seconds since 1970, on the host's clock.
        since: Option<i64>,
        at: At,
    },
    /// It began another step.
    Followed { at: At },
    /// It ended.
    FollowedToEnd { ending: Ending },
    /// The lock is held.
    Locked,
    /// The generation's files are in the staging area; bytes sent.
    Staged { bytes: u64 },
    /// Digests, units, images and disk space are as they must be; how many images were pulled.
    Checked { pulled: usize },
    /// An activation began.
    Activating { phase: Phase, steps: usize },
    /// A step began; `number` counts from 1.
    Step {
        number: usize,
        of: usize,
        step: Step,
    },
    /// A step failed: the previous generation is being put back; its step.
    PuttingBack { at: At },
    /// The previous generation was put back.
    PutBack,
    /// All steps of the wave are done.
    Activated { took: Duration },
    /// This host failed: the first line of its error. The error itself comes with the result.
    Failed { error: String },
}
