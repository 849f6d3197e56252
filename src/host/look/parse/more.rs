//! The answer of the second exchange.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{ObserveError, UnitShow};
use super::crashes::{self, Crashed};
use super::records::{AnswerLine, Records, succeeded, unexpected};
use crate::host::image_keys;
use crate::host::said::one_line;
use crate::plan::observed::Moment;

/// The answer of the second exchange.
#[derive(Debug, Clone, Default)]
pub(in crate::host::look) struct More {
    /// By path.
    pub texts: BTreeMap<String, String>,
    /// By unit file name.
    pub shown: BTreeMap<String, UnitShow>,
    /// Whether a container was started with what its env files say, by its name.
    pub environments: BTreeMap<String, bool>,
    /// When systemd last read its files, where it tells (systemd 250).
    pub reloaded: Option<Moment>,
    /// By unit file name, if any unit of these was restarted.
    pub crashed: BTreeMap<String, Crashed>,
    /// The host's clock, likewise.
    pub now: Option<Moment>,
    /// Who is in a network, by its name.
    pub attached: BTreeMap<String, Vec<AttachedContainer>>,
    /// What images of jobs are known by, by their references; nothing of those that are not there.
    pub known: BTreeMap<String, BTreeSet<String>>,
}

/// A container in a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::host::look) struct AttachedContainer {
    pub name: String,
    /// The labels `bayplan.cluster` and `bayplan.service`.
    pub cluster: String,
    pub service: String,
}

impl More {
    pub(crate) fn parse(texts: &BTreeSet<String>, answer: &[u8]) -> Result<Self, ObserveError> {
        let mut more = More::default();
        let mut stats = BTreeMap::new();
        let mut records = Records::new(answer, "bayplan more 1")?;
        loop {
            match records.next()? {
                AnswerLine::Texts => break,
                AnswerLine::Stat(path, stat) => {
                    stats.insert(path, stat);
                }
                AnswerLine::Other("show", text) => more.shown = shown(text)?,
                AnswerLine::Other("loaded", text) => {
                    more.reloaded = text
                        .trim()
                        .strip_prefix("UnitsLoadTimestamp=")
                        .and_then(timestamp);
                }
                AnswerLine::Other("environment", text) => {
                    let (same, container) = text.split_once(' ').unwrap_or((text, ""));
                    let same = match same {
                        "same" => true,
                        "another" => false,
                        other => return Err(unexpected("`same` or `another`", other)),
                    };
                    more.environments.insert(container.to_owned(), same);
                }
                AnswerLine::Other("attached", text) => {
                    let (status, rest) = text.split_once(' ').unwrap_or((text, ""));
                    let (network, containers) = rest.split_once(' ').unwrap_or((rest, ""));
                    if status != "0" {
                        return Err(unexpected("who is in a network", containers));
                    }
                    let containers = containers.lines().map(attached);
                    let containers = containers.collect::<Result<Vec<_>, _>>()?;
                    more.attached.insert(network.to_owned(), containers);
                }
                AnswerLine::Other("now", text) => {
                    let seconds = text.trim().parse::<i64>().ok();
                    more.now = seconds.map(|seconds| Moment(i128::from(seconds) * 1_000_000_000));
                }
                AnswerLine::Other("known", text) => {
                    let (reference, words) = text.split_once(' ').unwrap_or((text, ""));
                    let keys = image_keys(words);
                    if !keys.is_empty() {
                        more.known.insert(reference.to_owned(), keys);
                    }
                }
                AnswerLine::Other("restarts", text) => {
                    crashes::take_journal(text, &mut more.crashed);
                }
                AnswerLine::Other("first", text) => crashes::take_first(text, &mut more.crashed),
                AnswerLine::Other("deaths", text) => crashes::take_events(text, &mut more.crashed),
                AnswerLine::Other(word, _) => return Err(unexpected("a record", word)),
                AnswerLine::Digest(..) | AnswerLine::End => {
                    return Err(ObserveError::malformed("it has records out of place"));
                }
            }
        }
        let mut rest = records.rest;
        for path in texts {
            let changed = || ObserveError::Changed { path: path.clone() };
            let stat = stats.get(path).ok_or_else(changed)?;
            let size = usize::try_from(stat.size()).unwrap_or(usize::MAX);
            let (text, after) = rest.split_at_checked(size).ok_or_else(changed)?;
            rest = after;
            let text = String::from_utf8_lossy(text).into_owned();
            more.texts.insert(path.clone(), text);
        }
        if rest == b"end\n" {
            Ok(more)
        } else {
            Err(ObserveError::malformed(
                "its texts are not as long as their files",
            ))
        }
    }
}

/// `name "cluster" "service"`; podman says `null` where there is no such label.
fn attached(line: &str) -> Result<AttachedContainer, ObserveError> {
    let odd = || unexpected("a container in a network", line);
    let (name, labels) = line.split_once(' ').ok_or_else(odd)?;
    let labels = serde_json::Deserializer::from_str(labels).into_iter::<Option<String>>();
    let labels = labels.collect::<Result<Vec<_>, _>>().map_err(|_| odd())?;
    let [cluster, service] = <[Option<String>; 2]>::try_from(labels).map_err(|_| odd())?;
    Ok(AttachedContainer {
        name: one_line(name),
        cluster: cluster.unwrap_or_default(),
        service: service.unwrap_or_default(),
    })
}

/// `Sat 2026-11-21 09:31:12.429501 UTC`, or without the fraction.
fn timestamp(text: &str) -> Option<Moment> {
    let text = text.strip_suffix(" UTC")?;
    let (_weekday, text) = text.split_once(' ')?;
    let time: jiff::civil::DateTime = text.replace(' ', "T").parse().ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Moment(time.timestamp().as_nanosecond()))
}

/// Blocks of `Key=Value` lines, parted by an empty line.
fn shown(text: &str) -> Result<BTreeMap<String, UnitShow>, ObserveError> {
    let mut all = BTreeMap::new();
    let (status, text) = text.split_once(' ').unwrap_or((text, ""));
    for block in succeeded(status, text)?.split("\n\n") {
        let values: BTreeMap<_, _> = block
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let text = |key: &str| values.get(key).copied().unwrap_or_default();
        let Some(id) = values.get("Id") else {
            continue;
        };
        let show = UnitShow {
            result: text("Result").to_owned(),
            restarts: text("NRestarts").parse().unwrap_or_default(),
            status: text("ExecMainStatus").parse().unwrap_or_default(),
            code: text("ExecMainCode").parse().unwrap_or_default(),
            main_pid: text("MainPID").parse().unwrap_or_default(),
            invocation: text("InvocationID").to_owned(),
            unit_file_state: text("UnitFileState").to_owned(),
            active_since: timestamp(text("ActiveEnterTimestamp")),
            process_since: timestamp(text("ExecMainStartTimestamp")),
            exited: timestamp(text("ExecMainExitTimestamp")),
            next: timestamp(text("NextElapseUSecRealtime")),
        };
        all.insert((*id).to_owned(), show);
    }
    Ok(all)
}
