//! The words of a state, and how it is marked.

use anstyle::Style;

use super::super::Detail;
use super::super::palette::Palette;
use super::super::reason::{at, some_paths};
use super::super::refusal::whose;
use super::super::text::value;
use super::super::view::StateView;

/// The states as they are counted, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) enum Word {
    NotRunning,
    CrashLoop,
    Unhealthy,
    JobFailed,
    Edited,
    ForeignUnit,
    PendingStop,
    Held,
    PendingRestart,
    PendingReload,
    JobDue,
    FilesDiffer,
    NotReleased,
    Unmanaged,
    InSync,
    JobDone,
    JobRuns,
}

impl Word {
    /// Every one, the worst first.
    pub(in crate::report) const ALL: [Self; 17] = [
        Self::NotRunning,
        Self::CrashLoop,
        Self::Unhealthy,
        Self::JobFailed,
        Self::Edited,
        Self::ForeignUnit,
        Self::PendingStop,
        Self::Held,
        Self::PendingRestart,
        Self::PendingReload,
        Self::JobDue,
        Self::FilesDiffer,
        Self::NotReleased,
        Self::Unmanaged,
        Self::InSync,
        Self::JobDone,
        Self::JobRuns,
    ];

    pub(in crate::report) fn of(state: &StateView<'_>) -> Self {
        match state {
            StateView::InSync | StateView::FilesInSync => Self::InSync,
            StateView::PendingRestart { .. } => Self::PendingRestart,
            StateView::PendingReload { .. } => Self::PendingReload,
            StateView::FilesDiffer => Self::FilesDiffer,
            StateView::Edited { .. } => Self::Edited,
            StateView::CrashLoop => Self::CrashLoop,
            StateView::Unhealthy => Self::Unhealthy,
            StateView::NotRunning { .. } => Self::NotRunning,
            StateView::NotReleased => Self::NotReleased,
            StateView::Unmanaged => Self::Unmanaged,
            StateView::ForeignUnit { .. } => Self::ForeignUnit,
            StateView::Held => Self::Held,
            StateView::PendingStop => Self::PendingStop,
            StateView::JobDone { .. } => Self::JobDone,
            StateView::JobRuns { .. } => Self::JobRuns,
            StateView::JobDue { .. } => Self::JobDue,
            StateView::JobFailed { .. } => Self::JobFailed,
        }
    }

    /// It does not run, does not stay up, or does not do what it should.
    pub(in crate::report) fn is_down(self) -> bool {
        matches!(
            self,
            Self::NotRunning | Self::CrashLoop | Self::Unhealthy | Self::JobFailed
        )
    }

    /// Nobody has to do anything about it.
    pub(in crate::report) fn is_well(self) -> bool {
        matches!(self, Self::InSync | Self::JobDone | Self::JobRuns)
    }

    pub(in crate::report) fn text(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::PendingRestart => "pending restart",
            Self::PendingReload => "pending reload",
            Self::FilesDiffer => "files differ",
            Self::Edited => "edited by hand",
            Self::CrashLoop => "crash loop",
            Self::Unhealthy => "unhealthy",
            Self::NotRunning => "not running",
            Self::NotReleased => "not released",
            Self::Unmanaged => "unmanaged",
            Self::ForeignUnit => "foreign unit",
            Self::Held => "held",
            Self::PendingStop => "pending stop",
            Self::JobDone => "done",
            Self::JobRuns => "running",
            Self::JobDue => "to run",
            Self::JobFailed => "failed",
        }
    }
}

/// A sign for the eye; the word stands beside it.
pub(in crate::report) fn sign(word: Word) -> &'static str {
    match word {
        Word::NotRunning | Word::CrashLoop | Word::Unhealthy | Word::JobFailed => "✗",
        Word::Edited | Word::ForeignUnit => "✎",
        Word::PendingRestart | Word::PendingReload | Word::JobDue | Word::FilesDiffer => "~",
        Word::Held => "■",
        Word::PendingStop => "~",
        Word::NotReleased => "+",
        Word::Unmanaged => "−",
        Word::InSync | Word::JobDone => "✓",
        Word::JobRuns => "◐",
    }
}

pub(super) fn style(state: &StateView<'_>, palette: &Palette) -> Style {
    match Word::of(state) {
        Word::InSync | Word::JobDone => palette.added,
        Word::PendingRestart
        | Word::Held
        | Word::PendingStop
        | Word::PendingReload
        | Word::FilesDiffer
        | Word::NotReleased
        | Word::Unmanaged
        | Word::JobRuns
        | Word::JobDue => palette.changed,
        Word::Edited
        | Word::CrashLoop
        | Word::Unhealthy
        | Word::NotRunning
        | Word::ForeignUnit
        | Word::JobFailed => palette.removed,
    }
}

pub(in crate::report) fn shown_state(state: &StateView<'_>) -> String {
    let more = match state {
        StateView::Edited { paths, .. } => format!(": {}", some_paths(paths, Detail::Short)),
        StateView::NotRunning { state } => format!(" ({})", value(state)),
        StateView::ForeignUnit { path, owner } => format!(": {} {}", value(path), whose(owner)),
        StateView::FilesDiffer => ", no restart needed".to_owned(),
        StateView::Unmanaged => ": not in the description".to_owned(),
        StateView::JobDone { ended: None } => ": nothing to run yet".to_owned(),
        StateView::JobDone { ended } => at(*ended),
        StateView::JobRuns { began } => match began {
            Some(_) => format!(" since{}", at(*began).trim_start_matches(" at")),
            None => String::new(),
        },
        StateView::JobFailed { exit, ended } => format!("{} ({})", at(*ended), value(exit)),
        StateView::JobDue { .. } => " with the next release".to_owned(),
        StateView::InSync
        | StateView::FilesInSync
        | StateView::PendingRestart { .. }
        | StateView::PendingReload { .. }
        | StateView::CrashLoop
        | StateView::Unhealthy
        | StateView::Held
        | StateView::PendingStop
        | StateView::NotReleased => String::new(),
    };
    Word::of(state).text().to_owned() + &more
}
