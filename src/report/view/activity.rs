//! What goes on on a host, as it is shown.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::host::activate::activity::{ActivationProgress, Activity, Holding};

/// What goes on under the host's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ActivityView<'a> {
    /// Who holds the lock.
    pub holder: &'a str,
    /// Whether the session that took the lock is still there.
    pub attended: bool,
    /// The activation that runs, or null.
    pub activation: Option<ActivationView<'a>>,
}

/// An activation that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ActivationView<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// When it began, by the clock of the host.
    pub since: Option<Timestamp>,
    /// The number of the step that it is at; 0 before the first.
    pub step: usize,
    /// How many steps there are.
    pub steps: usize,
    /// What it does, in words.
    pub doing: &'a str,
    /// The same, as it came.
    #[serde(skip)]
    pub at: &'a ActivationProgress,
}

impl<'a> ActivityView<'a> {
    /// What an activity is about.
    #[must_use]
    pub fn of(activity: &'a Activity) -> Self {
        let Activity {
            holder,
            session,
            activation,
        } = activity;
        Self {
            holder,
            attended: *session == Holding::Yes,
            activation: activation.as_ref().map(|activation| ActivationView {
                cluster: &activation.cluster,
                since: activation
                    .since
                    .and_then(|seconds| Timestamp::from_second(seconds).ok()),
                step: activation.at.step,
                steps: activation.at.of,
                doing: &activation.at.doing,
                at: &activation.at,
            }),
        }
    }
}
