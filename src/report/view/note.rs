//! What a reader should know of a service that is no reason to restart.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::name::{HostName, VariableName};
use crate::plan::Note;

/// What a reader should know of a service that is no reason to restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoteView<'a> {
    /// It is down while a newcomer takes its port or name.
    DownMeanwhile,
    /// A drop-in that is not bayplan's changes its unit; it is left alone.
    DropIn {
        /// The path of the file.
        path: &'a str,
    },
    /// It moves here from these hosts.
    MovesFrom {
        /// The hosts.
        hosts: &'a [HostName],
    },
    /// It moves away to these hosts.
    MovesTo {
        /// The hosts.
        hosts: &'a [HostName],
    },
    /// It may run on these hosts as well, which this release does not reach.
    RunsOn {
        /// The hosts.
        hosts: &'a [HostName],
    },
    /// It leaves once these hosts took part, which are to have it.
    StaysFor {
        /// The hosts.
        hosts: &'a [HostName],
    },
    /// It is a job, and moves here when the run on these hosts has ended.
    WaitsForRun {
        /// The hosts.
        hosts: &'a [HostName],
    },
    /// It is a job that leaves: what is left of it goes when its run has ended.
    StaysForRun,
    /// It goes back to this slot, which still runs: nothing starts.
    BackToSlot {
        /// The slot.
        slot: String,
    },
    /// It reads its files again, and restarts instead if the pull finds another image behind its tag.
    MayRestart,
    /// It is asked otherwise whether it is well, as long as it runs.
    Watch {
        /// How until now, in words: null if it was not, or if nobody knows.
        before: Option<&'a str>,
        /// How from now on: null if it is not.
        after: Option<&'a str>,
    },
    /// These files were edited on the host, and become what they should be.
    Mended {
        /// The paths of the files.
        paths: &'a [String],
    },
    /// These variables were public until now and are secrets: their old values are known elsewhere.
    WasPublic {
        /// Their names.
        names: &'a [VariableName],
    },
}

impl<'a> NoteView<'a> {
    /// What the reader should know of a service.
    #[must_use]
    pub fn of(note: &'a Note) -> Self {
        match note {
            Note::DownMeanwhile => Self::DownMeanwhile,
            Note::DropIn { path } => Self::DropIn { path },
            Note::MovesFrom { hosts } => Self::MovesFrom { hosts },
            Note::MovesTo { hosts } => Self::MovesTo { hosts },
            Note::RunsOn { hosts } => Self::RunsOn { hosts },
            Note::StaysFor { hosts } => Self::StaysFor { hosts },
            Note::WaitsForRun { hosts } => Self::WaitsForRun { hosts },
            Note::StaysForRun => Self::StaysForRun,
            Note::BackToSlot { slot } => Self::BackToSlot {
                slot: slot.to_string(),
            },
            Note::MayRestart => Self::MayRestart,
            Note::Watch { before, after } => Self::Watch {
                before: before.as_deref(),
                after: after.as_deref(),
            },
            Note::Mended { paths } => Self::Mended { paths },
            Note::WasPublic { names } => Self::WasPublic { names },
        }
    }
}
