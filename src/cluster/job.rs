//! How a service runs: all the time, once before whoever comes after it, or at the times of a calendar.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a service runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Run {
    /// All the time: systemd starts it again whenever it ends.
    #[default]
    Always,
    /// To its end, as a part of a release.
    Once(Once),
    /// To its end, whenever its timer says so.
    Scheduled(Schedule),
}

impl Run {
    /// Whether it runs to its end, and is not down when it does not run.
    #[must_use]
    pub const fn is_job(&self) -> bool {
        match self {
            Run::Always => false,
            Run::Once(_) | Run::Scheduled(_) => true,
        }
    }

    /// Its schedule, if it has one.
    #[must_use]
    pub const fn schedule(&self) -> Option<&Schedule> {
        match self {
            Run::Scheduled(schedule) => Some(schedule),
            Run::Always | Run::Once(_) => None,
        }
    }

    /// How long a run may take, if it runs to its end.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        match self {
            Run::Always => None,
            Run::Once(once) => Some(once.timeout),
            Run::Scheduled(schedule) => Some(schedule.timeout),
        }
    }

    /// Its key, if it runs once.
    #[must_use]
    pub const fn once(&self) -> Option<&Once> {
        match self {
            Run::Once(once) => Some(once),
            Run::Always | Run::Scheduled(_) => None,
        }
    }
}

/// A job that a release runs to its end before whoever comes after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// What has to be new for it to run again.
    pub key: OnceKey,
    /// How long a run may take.
    pub timeout: Duration,
}

/// What has to be new for a `once` job to run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnceKey {
    /// Its image.
    Image,
    /// Any of its inputs.
    Inputs,
    /// Nothing: each release that changes something runs it.
    Always,
}

impl OnceKey {
    /// Every key.
    pub const ALL: [Self; 3] = [Self::Image, Self::Inputs, Self::Always];

    /// The key as it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Inputs => "inputs",
            Self::Always => "always",
        }
    }
}

impl fmt::Display for OnceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A job that a timer starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When: as `OnCalendar=` of a timer has it.
    pub calendar: String,
    /// Whether a time that passed while the host was off is made up for: `Persistent=`.
    pub catch_up: bool,
    /// How long a run may take.
    pub timeout: Duration,
}

/// How long a run may take where `timeout` does not say.
pub const JOB_TIMEOUT: Duration = Duration::from_secs(60 * 60);
