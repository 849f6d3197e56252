//! What reports say, as plain data: which hosts, services, reasons and counts, in which order. Text, JSON
//! and Markdown only draw it.
//!
//! These types are the shapes of `--json` as well, versioned and described in `docs/json.md`; their JSON
//! Schema is made from them. Every struct of the plan is destructured here, so that a new field is a
//! decision and not an accident. What is skipped in JSON is for the drawing of text alone.

mod activity;
mod begun;
mod check;
mod fitness;
mod history;
mod hold;
mod left;
mod leftovers;
mod local;
mod moves;
mod note;
mod outcome;
mod past_release;
mod plan;
mod pushed;
mod reason;
mod refusal;
mod review;
mod shared;
mod status;
mod under_way;
mod usage;
mod why;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::errors::HostFailure;
use crate::cluster::name::HostName;
use crate::host::activate::activity::Activity;

pub use activity::{ActivationView, ActivityView};
pub use begun::BegunView;
pub use check::{CheckView, CheckedClusterView, DiagnosticPlaceView, DiagnosticView};
pub use fitness::{FitnessFindingView, FitnessView, HostFitnessView, LevelView};
pub use history::{HistoryView, HostHistoryView, PastView, commit_id};
pub use hold::{HeldView, HoldView};
pub use left::{LeftOutView, LeftServiceView, LeftView};
pub use leftovers::{HostLeftoversView, LeftoverView, LeftoversView};
pub use local::{LocalPortView, LocalServiceView, LocalStateView, LocalStatusView};
pub use moves::MoveView;
pub use note::NoteView;
pub use outcome::OutcomeView;
pub use past_release::{PastOnHost, PastPlace, PastRelease};
pub use plan::{
    DropInView, FileView, Half, HostView, NetworkView, PauseView, PlanView, RolloutView,
    ServiceView, WaveView, WhereDescribed,
};
pub use pushed::PushedView;
pub use reason::ReasonView;
pub use refusal::{AwayView, OwnerView, RefusalView};
pub use review::{
    BrokenView, CauseKindView, CauseView, LeftHostView, PresenceView, ReaddressedView, ReviewView,
    ReviewedView, ReviewsView, TrustKind, TrustView,
};
pub use status::{
    CrashesView, HostStatusView, KeptSlotView, RunsView, ServiceStatusView, StateView, StatusView,
    WatchView,
};
pub use under_way::{HostStage, UnderWayView};
pub use usage::{ContainerUsageView, DiskUsageView, HostUsageView, UsageView};
pub use why::{
    ConfigFileView, FromView, LastRestartView, LineView, LiveView, OtherDefinitionView,
    SecretFileView, SharedFieldView, UsedView, VariableView, WhyView, WrittenFieldView,
};

/// The version of the shapes: it rises when a field changes its meaning or goes.
pub(super) const VERSION: u32 = 1;

/// A moment of so many seconds since 1970, if there is such a one.
fn moment(seconds: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_second(seconds?).ok()
}

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
