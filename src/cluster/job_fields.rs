//! The fields that make a service a job, from its file.

use super::description::{WrittenField, WrittenIn};
use super::diagnostic::{Diagnostic, quoted};
use super::job::{JOB_TIMEOUT, Once, OnceKey, Run, Schedule};
use super::nearest;
use super::read::{Problems, Table};
use super::shape::calendar::calendar;
use super::shape::duration;

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
