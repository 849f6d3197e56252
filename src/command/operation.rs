//! What an operator asks of what hosts have: types.

use crate::cli::{Operating, Part};
use crate::cluster::name::{ClusterName, ServiceName};
use crate::render::hold::Hold;

/// What an operator asks of what hosts have.
pub(super) struct Operation<'a> {
    /// The command, as it is typed.
    pub command: &'static str,
    pub cluster: &'a ClusterName,
    /// Only these; none means all.
    pub services: &'a [ServiceName],
    pub part: &'a Part,
    pub operating: &'a Operating,
    pub kind: OperationKind,
}

/// What is to become of it.
pub(super) enum OperationKind {
    /// It starts again.
    Restart {
        /// Why.
        why: Option<String>,
    },
    /// It stops, and stays stopped.
    Stop {
        /// Until when, and why.
        hold: Hold,
        /// Whether it may be stopped where nothing else of it runs.
        last: LastHost,
    },
    /// What is held starts.
    Start {
        /// Which of the holds end.
        these: WhichHolds,
    },
}

/// Whether the last host on which a service runs may be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastHost {
    /// It may.
    Allowed,
    /// Only if the service is stopped wherever it is.
    Whole,
    /// It may not.
    Refused,
}

/// Which holds end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhichHolds {
    /// All of them.
    All,
    /// Those of hosts that were drained.
    OfDrained,
}
