//! Why a container restarts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{HoldView, moment};
use crate::cluster::name::ServiceName;
use crate::plan::Change;
use crate::plan::reason::Reason;

/// Why a container restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReasonView<'a> {
    /// It is new on this host.
    New,
    /// It should run and does not.
    NotRunning {
        /// systemd's word for its state.
        state: &'a str,
    },
    /// A variable changed.
    Variable {
        /// The layer that defines it.
        layer: String,
        /// Its name.
        name: &'a str,
        /// The value before; null if it was added.
        before: Option<&'a str>,
        /// The value after; null if it was removed.
        after: Option<&'a str>,
        /// What it is told by where several services have it: its own name, or those of the variables that it follows from.
        #[serde(skip)]
        told_by: Vec<&'a str>,
    },
    /// A secret changed; its values are never told.
    Secret {
        /// Its name.
        name: &'a str,
        /// What happened to it.
        change: Change,
    },
    /// The image reference changed.
    Image {
        /// The reference before.
        before: &'a str,
        /// The reference after.
        after: &'a str,
    },
    /// Words of a line of the unit changed.
    Directive {
        /// What stands before its `=`.
        key: &'a str,
        /// The words that go.
        removed: &'a [String],
        /// The words that come.
        added: &'a [String],
    },
    /// A config file changed.
    File {
        /// The path of the file.
        path: &'a str,
    },
    /// Its inputs changed, and the old ones can no longer be read.
    Unknown {
        /// What it runs with.
        fingerprint: &'a str,
    },
    /// The reference means another image than the one that runs.
    ImageMoved {
        /// The reference.
        reference: &'a str,
        /// The image that runs.
        running: &'a str,
    },
    /// Files are what they should be and changed after it started: it may have read an edit.
    Touched {
        /// The paths of the files.
        paths: &'a [String],
    },
    /// Files were edited on the host, and it was started with the edit or may have been.
    Edited {
        /// The paths of the files.
        paths: &'a [String],
    },
    /// Its network has other options than described, and is made anew.
    Network {
        /// The network, as the engine knows it.
        network: &'a str,
    },
    /// Files in these directories were swapped, and it has not read them.
    NotReloaded {
        /// The directories, by their paths in the container.
        paths: &'a [String],
    },
    /// A release ended before one slot had taken over from the other.
    HalfSwapped,
    /// A job that has not run yet, on any host.
    NotRunYet,
    /// The last run of the job did not succeed.
    RunFailed {
        /// The exit status, or a signal, in systemd's words.
        exit: &'a str,
        /// When it ended.
        ended: Option<Timestamp>,
    },
    /// The last run of the job began, and nobody recorded its end.
    RunCut {
        /// When it began.
        began: Option<Timestamp>,
    },
    /// It runs with each release that changes something.
    EachRelease,
    /// Somebody asked for its restart.
    Asked {
        /// Why, in the operator's words; null if nobody said.
        why: Option<&'a str>,
    },
    /// Somebody holds it: it is to stay stopped.
    Held {
        /// Who, until when and why.
        hold: HoldView<'a>,
    },
    /// It gives its port or address to another service first, and comes back.
    Displaced {
        /// That service.
        by: &'a str,
    },
}

impl<'a> ReasonView<'a> {
    /// A reason to restart a service.
    #[must_use]
    pub fn of(reason: &'a Reason, service: &ServiceName) -> Self {
        match reason {
            Reason::New => Self::New,
            Reason::NotRunning { state } => Self::NotRunning { state },
            Reason::Variable {
                layer,
                name,
                before,
                after,
            } => Self::Variable {
                layer: layer.label(service),
                name: name.as_str(),
                before: before.as_deref(),
                after: after.as_deref(),
                told_by: Vec::new(),
            },
            Reason::Secret { name, change } => Self::Secret {
                name: name.as_str(),
                change: *change,
            },
            Reason::Image { before, after } => Self::Image { before, after },
            Reason::Directive {
                key,
                removed,
                added,
            } => Self::Directive {
                key,
                removed,
                added,
            },
            Reason::File { path } => Self::File { path },
            Reason::Unknown { fingerprint } => Self::Unknown { fingerprint },
            Reason::ImageMoved { reference, running } => Self::ImageMoved { reference, running },
            Reason::Edited { paths } => Self::Edited { paths },
            Reason::Touched { paths } => Self::Touched { paths },
            Reason::Network { network } => Self::Network { network },
            Reason::NotReloaded { paths } => Self::NotReloaded { paths },
            Reason::HalfSwapped => Self::HalfSwapped,
            Reason::NotRunYet => Self::NotRunYet,
            Reason::RunFailed { exit, ended } => Self::RunFailed {
                exit,
                ended: moment(*ended),
            },
            Reason::RunCut { began } => Self::RunCut {
                began: moment(*began),
            },
            Reason::EachRelease => Self::EachRelease,
            Reason::Asked { why } => Self::Asked {
                why: why.as_deref(),
            },
            Reason::Held { hold } => Self::Held {
                hold: HoldView::of(hold),
            },
            Reason::Displaced { by } => Self::Displaced { by: by.as_str() },
        }
    }
}
