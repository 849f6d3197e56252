//! Reads how a release goes over the hosts: `[rollout]` of a cluster, and what a service says of it.

use std::num::NonZeroUsize;
use std::time::Duration;

use toml::de::DeValue;

use super::description::{ClusterFile, DescribedRollout};
use super::diagnostic::{Diagnostic, quoted};
use super::foreign;
use super::model::{Excerpts, HostCount, OnFailure, Pause, Rollout, SOAK};
use super::name::HostName;
use super::nearest;
use super::placement::EVERY_HOST;
use super::read::{At, Misfit, Problems, Table, TableKind};
use super::shape::duration::duration;
use super::shape::text::Shape;

pub(super) const ROLLOUT: TableKind = TableKind {
    what: "`[rollout]`",
    keys: &[
        "journal",
        "parallel",
        "batch",
        "canary",
        "pause",
        "soak",
        "deadline",
        "on_failure",
    ],
    foreign: foreign::ROLLOUT,
};

/// Reads `[rollout]`.
pub(super) fn read_rollout(mut table: Table<'_>, problems: &mut Problems) -> DescribedRollout {
    let journal = table.boolean("journal", problems);
    let parallel = table.integer("parallel", 1..=1000, problems);
    let batch = read_host_count(&mut table, "batch", problems);
    let canary = table.strings("canary", problems);
    let pause = table.string("pause", problems);
    let pause = pause.and_then(|text| text.parse(problems, pause_shape));
    let soak = read_duration(&mut table, "soak", problems);
    let deadline = read_duration(&mut table, "deadline", problems);
    let on_failure = table.string("on_failure", problems);
    let on_failure = on_failure.and_then(|text| text.parse(problems, on_failure_shape));
    table.finish(problems);
    DescribedRollout {
        canary,
        pause: pause.as_ref().map(|pause| pause.spot.clone()),
        rollout: Rollout {
            journal: match journal {
                Some(At { value: false, .. }) => Excerpts::Hidden,
                Some(At { value: true, .. }) | None => Excerpts::Shown,
            },
            parallel: parallel
                .and_then(|most| usize::try_from(most.value).ok())
                .and_then(NonZeroUsize::new),
            batch,
            canary: Vec::new(),
            pause: pause.map(|pause| pause.value),
            soak: soak.unwrap_or(SOAK),
            deadline,
            on_failure: on_failure.map(|it| it.value).unwrap_or_default(),
        },
    }
}

/// What `[rollout]` says, with the hosts of it that are there.
pub(super) fn known_rollout(cluster: &ClusterFile) -> Rollout {
    let DescribedRollout {
        rollout,
        canary,
        pause: _,
    } = &cluster.rollout;
    let hosts = cluster.hosts.iter().map(|host| &host.name.value);
    let named = |host: &&HostName| canary.iter().any(|name| name.value == host.as_str());
    Rollout {
        canary: hosts.filter(named).cloned().collect(),
        ..rollout.clone()
    }
}

/// Finds hosts of `[rollout]` that are not there, or stand there twice.
pub(super) fn check_rollout(cluster: &ClusterFile, problems: &mut Problems) {
    let DescribedRollout { canary, pause, .. } = &cluster.rollout;
    if let Some(pause) = pause
        && canary.is_empty()
    {
        problems.push(
            Diagnostic::error(
                "`pause` is what a release does after its canary, and there is none",
                pause.label("after which host?"),
            )
            .with_help("write `canary = [\"docker01\"]` beside it"),
        );
    }
    let hosts = || cluster.host_names.iter().map(|name| name.value.as_str());
    // If there is no host at all, one message says so.
    if cluster.host_names.is_empty() {
        return;
    }
    for (number, name) in canary.iter().enumerate() {
        if !hosts().any(|host| host == name.value) {
            let help = match name.value.as_str() {
                EVERY_HOST => Some(
                    "name the hosts that go first, each alone: `canary = [\"docker01\"]`"
                        .to_owned(),
                ),
                text => nearest::help(text, hosts()),
            };
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected a host of this cluster, found {}",
                        quoted(&name.value)
                    ),
                    name.spot.label("there is no such host"),
                )
                .with_help_if(help),
            );
        } else if let Some(first) = canary[..number].iter().find(|it| it.value == name.value) {
            problems.push(
                Diagnostic::error(
                    format!("`canary` names {} twice", quoted(&name.value)),
                    name.spot.label("second time"),
                )
                .with_related(first.spot.label("first time"))
                .with_help("remove one of them"),
            );
        }
    }
}

fn pause_shape(text: &str) -> Shape<Pause> {
    const EXPECTED: &str = "a duration such as `5m`, or `ask`";
    match text {
        "ask" => Ok(Pause::Ask),
        "manual" | "forever" | "indefinite" | "confirm" | "true" => {
            Err(Misfit::help(EXPECTED, "write `pause = \"ask\"`"))
        }
        _ => duration(text).map(Pause::For).map_err(|misfit| Misfit {
            expected: EXPECTED.to_owned(),
            ..misfit
        }),
    }
}

fn on_failure_shape(text: &str) -> Shape<OnFailure> {
    const EXPECTED: &str = "`host`, `back` or `keep`";
    match text {
        "host" => Ok(OnFailure::Host),
        "back" => Ok(OnFailure::Back),
        "keep" => Ok(OnFailure::Keep),
        "put-back" => Err(Misfit::help(EXPECTED, "write `on_failure = \"host\"`")),
        "rollback" | "revert" | "rollback-all" => {
            Err(Misfit::help(EXPECTED, "write `on_failure = \"back\"`"))
        }
        "pause" | "stop" | "continue" => {
            Err(Misfit::help(EXPECTED, "write `on_failure = \"keep\"`"))
        }
        _ => Err(Misfit::new(EXPECTED)),
    }
}

/// How long what a release started is watched after it is healthy.
pub(super) fn read_duration(
    table: &mut Table<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Duration> {
    let time = table.string(key, problems)?;
    Some(time.parse(problems, duration)?.value)
}

/// A number of hosts, or a share of them.
pub(super) fn read_host_count(
    table: &mut Table<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<HostCount> {
    const EXPECTED: &str = "a number of hosts such as `1`, or a share of them such as `\"25%\"`";
    let item = table.get(key)?;
    match item.value {
        DeValue::String(text) => {
            let parse = |text: &str| -> Shape<HostCount> {
                let Some(number) = text.strip_suffix('%') else {
                    let number = text.parse::<usize>().ok().filter(|number| *number > 0);
                    return Err(Misfit {
                        expected: EXPECTED.to_owned(),
                        help: number.map(|number| {
                            format!("write `{key} = {number}`, or `{key} = \"{number}%\"`")
                        }),
                    });
                };
                let number = number.parse().ok();
                let number = number.filter(|number| (1..=100).contains(number));
                number
                    .map(HostCount::Percent)
                    .ok_or_else(|| Misfit::help(EXPECTED, "a share is from `1%` to `100%`"))
            };
            Some(item.at(text.to_string()).parse(problems, parse)?.value)
        }
        DeValue::Integer(_) => {
            let number = table.integer(key, 1..=10_000, problems)?;
            usize::try_from(number.value).ok().map(HostCount::Count)
        }
        DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => {
            item.mistyped(EXPECTED, problems);
            None
        }
    }
}
