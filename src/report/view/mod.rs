//! What reports say, as plain data: which hosts, services, reasons and counts, in which order. Text, JSON
//! and Markdown only draw it.
//!
//! These types are the shapes of `--json` as well, versioned and described in `docs/json.md`; their JSON
//! Schema is made from them. Every struct of the plan is destructured here, so that a new field is a
//! decision and not an accident. What is skipped in JSON is for the drawing of text alone.

mod activity;
mod history;
mod plan;
mod review;
mod status;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::errors::HostFailure;
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::activity::Activity;
use crate::plan::Change;
use crate::plan::reason::Reason;

pub use activity::{ActivationView, ActivityView};
pub use history::{HistoryView, HostHistoryView, PastView};
pub use plan::{
    AwayView, DropInView, FileView, Half, HostView, LeftOutView, LeftServiceView, LeftView,
    MoveView, NoteView, OwnerView, PlanView, RefusalView, ServiceView, WaveView, WhereDescribed,
};
pub use review::{
    BrokenView, CauseKindView, CauseView, LeftHostView, PresenceView, ReaddressedView, ReviewView,
    ReviewedView, ReviewsView, TrustKind, TrustView,
};
pub use status::{CrashesView, HostStatusView, ServiceStatusView, StateView, StatusView};

/// The version of the shapes: it rises when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// For a plan between two revisions: it is about no host that anybody looked at.
static NOBODY_AT_WORK: BTreeMap<HostName, Activity> = BTreeMap::new();
static NO_FAILURES: BTreeMap<HostName, HostFailure> = BTreeMap::new();

/// A host that could not be seen, or on which something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailureView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// What went wrong, in one line.
    pub error: &'a str,
    /// What was said about it, or null.
    pub detail: Option<&'a str>,
    /// What to type, or null.
    pub help: Option<&'a str>,
}

impl<'a> FailureView<'a> {
    pub(super) fn of((host, failure): (&'a HostName, &'a HostFailure)) -> Self {
        let HostFailure { short, long, help } = failure;
        Self {
            host: host.as_str(),
            error: short,
            detail: long.as_deref(),
            help: help.as_deref(),
        }
    }
}

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
    /// It gives its port to another service first, and comes back.
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
            Reason::Displaced { by } => Self::Displaced { by: by.as_str() },
        }
    }
}
