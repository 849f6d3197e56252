//! How a service runs: all the time, once before whoever comes after it, or at the times of a calendar.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::description::{WrittenField, WrittenIn};
use super::diagnostic::{Diagnostic, quoted};
use super::nearest;
use super::read::{Problems, Table};
use super::shape::calendar::calendar;
use super::shape::duration;

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

/// Fields that say something of a container that stays, and what to do about one in a job.
const NOT_OF_A_JOB: &[(&str, &str)] = &[
    (
        "port",
        "remove it: nothing asks a job for its port; one that others ask is a service without `once` and `schedule`",
    ),
    (
        "publish",
        "remove it: nothing asks a job for its port; one that others ask is a service without `once` and `schedule`",
    ),
    (
        "health",
        "remove it: a run is well if it ends with exit status 0",
    ),
    (
        "restart",
        "remove it: a release never restarts a run of a job",
    ),
];

/// Fields that only a job has, and what they say.
const OF_A_JOB: &[(&str, &str)] = &[
    (
        "timeout",
        "remove it: that of a start is `timeout` below `[health]`, that of a stop is `stop_timeout`",
    ),
    ("catch_up", "remove it, or write `schedule = \"02:30\"`"),
];

/// Reads `once`, `schedule`, `catch_up` and `timeout`. `written` is every field of the service.
pub(super) fn read_run(
    root: &mut Table<'_>,
    written: &[WrittenField],
    problems: &mut Problems,
) -> Run {
    let (once, schedule) = (root.get("once"), root.get("schedule"));
    let key = root.string("once", problems);
    let calendar = root
        .string("schedule", problems)
        .and_then(|text| text.parse(problems, calendar));
    let catch_up = root.boolean("catch_up", problems);
    let timeout = root
        .string("timeout", problems)
        .and_then(|text| text.parse(problems, duration::timeout))
        .map_or(JOB_TIMEOUT, |timeout| timeout.value);
    // What `[defaults]` say holds for those that can have it.
    let said = |key: &str| {
        let field = written.iter().find(|field| {
            field.counts && (field.key == key || field.key.starts_with(&format!("{key}.")))
        });
        field.filter(|field| field.source != WrittenIn::Defaults)
    };
    let job = match (&once, &schedule) {
        (Some(once), Some(schedule)) => {
            problems.push(
                Diagnostic::error(
                    "expected one of `once` and `schedule`, found both",
                    schedule.key_spot.label("a timer starts it"),
                )
                .with_related(once.key_spot.label("a release runs it"))
                .with_help("remove one of them; a second service with `from` can be the other job"),
            );
            None
        }
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => {
            for (key, help) in OF_A_JOB {
                if let Some(field) = said(key) {
                    problems.push(
                        Diagnostic::error(
                            format!("`{key}` is of a job, and this service runs all the time"),
                            field.spot.label("of which job?"),
                        )
                        .with_help(*help),
                    );
                }
            }
            None
        }
    };
    if let Some(job) = job {
        for (key, help) in NOT_OF_A_JOB {
            if let Some(field) = said(key) {
                problems.push(
                    Diagnostic::error(
                        format!("a job has no `{key}`: it runs to its end"),
                        field.spot.label("not of a job"),
                    )
                    .with_related(job.key_spot.label("makes it a job"))
                    .with_help(*help),
                );
            }
        }
    }
    if let (Some(once), None) = (&once, &schedule)
        && let Some(field) = said("catch_up")
    {
        problems.push(
            Diagnostic::error(
                "`catch_up` is of a `schedule`, and this job runs once",
                field.spot.label("what is caught up with?"),
            )
            .with_related(once.key_spot.label("a release runs it"))
            .with_help("remove it"),
        );
    }
    if schedule.is_some() {
        return calendar.map_or(Run::Always, |calendar| {
            Run::Scheduled(Schedule {
                calendar: calendar.value,
                catch_up: catch_up.is_some_and(|found| found.value),
                timeout,
            })
        });
    }
    let Some(key) = key else {
        return Run::Always;
    };
    let known = OnceKey::ALL
        .into_iter()
        .find(|known| known.word() == key.value);
    if let Some(key) = known {
        return Run::Once(Once { key, timeout });
    }
    problems.push(
        Diagnostic::error(
            format!(
                "expected `image`, `inputs` or `always`, found {}",
                quoted(&key.value)
            ),
            key.spot.label("when does it run again?"),
        )
        .with_help_if(nearest::help(&key.value, OnceKey::ALL.map(OnceKey::word))),
    );
    Run::Always
}
