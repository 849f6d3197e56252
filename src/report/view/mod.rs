//! What reports say, as plain data: which hosts, services, reasons and counts, in which order. Text, JSON
//! and Markdown only draw it.
//!
//! These types are the shapes of `--json` as well, versioned and described in `docs/json.md`; their JSON
//! Schema is made from them. Every struct of the plan is destructured here, so that a new field is a
//! decision and not an accident. What is skipped in JSON is for the drawing of text alone.

#![allow(
    missing_docs,
    reason = "what each field and variant means is in docs/json.md"
)]

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

pub use history::{HistoryView, HostHistoryView, PastView};
pub use plan::{
    AwayView, Described, DropInView, FileView, Half, HostView, LeftOutView, LeftServiceView,
    LeftView, MoveView, NoteView, OwnerView, PlanView, RefusalView, ServiceView, WaveView,
};
pub use review::ReviewsView;
pub use status::{
    ActivationView, ActivityView, CrashesView, HostStatusView, ServiceStatusView, StateView,
    StatusView,
};

/// The version of the shapes: it rises when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// For a plan between two revisions: it is about no host that anybody looked at.
static NOBODY_AT_WORK: BTreeMap<HostName, Activity> = BTreeMap::new();
static NO_FAILURES: BTreeMap<HostName, HostFailure> = BTreeMap::new();

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailureView<'a> {
    pub host: &'a str,
    pub error: &'a str,
    pub detail: Option<&'a str>,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReasonView<'a> {
    New,
    NotRunning {
        state: &'a str,
    },
    Variable {
        layer: String,
        name: &'a str,
        before: Option<&'a str>,
        after: Option<&'a str>,
    },
    Secret {
        name: &'a str,
        change: Change,
    },
    Image {
        before: &'a str,
        after: &'a str,
    },
    Directive {
        key: &'a str,
        removed: &'a [String],
        added: &'a [String],
    },
    File {
        path: &'a str,
    },
    Unknown {
        fingerprint: &'a str,
    },
    ImageMoved {
        reference: &'a str,
        running: &'a str,
    },
    Touched {
        paths: &'a [String],
    },
    Edited {
        paths: &'a [String],
    },
    Displaced {
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
