//! `history --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::errors::HostFailure;
use super::{FailureJson, VERSION, text};
use crate::cluster::name::{ClusterName, HostName};
use crate::host::past::history::{Deeds, Entry, History};
use crate::plan::recorded::Because;

/// What was activated on each host as JSON, the oldest first, with a final line break.
#[must_use]
pub fn history(
    cluster: &ClusterName,
    histories: &BTreeMap<HostName, History>,
    failures: &BTreeMap<HostName, HostFailure>,
) -> String {
    text(&HistoryJson {
        version: VERSION,
        cluster: cluster.as_str(),
        hosts: histories.iter().map(HostJson::of).collect(),
        failures: failures.iter().map(FailureJson::of).collect(),
    })
}

#[derive(Serialize)]
struct HistoryJson<'a> {
    version: u32,
    cluster: &'a str,
    hosts: Vec<HostJson<'a>>,
    failures: Vec<FailureJson<'a>>,
}

#[derive(Serialize)]
struct HostJson<'a> {
    host: &'a str,
    current: Option<u64>,
    kept: Vec<u64>,
    activations: Vec<EntryJson<'a>>,
}

#[derive(Serialize)]
struct EntryJson<'a> {
    generation: u64,
    who: &'a str,
    when: &'a str,
    commit: Option<&'a str>,
    back_to: Option<u64>,
    made: bool,
    result: &'a str,
    why: Option<&'a str>,
    finished: &'a str,
    started: &'a [String],
    restarted: &'a [String],
    stopped: &'a [String],
    mended: &'a [String],
    written: &'a [String],
    removed: &'a [String],
    reasons: &'a [Because],
}

impl<'a> HostJson<'a> {
    fn of((host, history): (&'a HostName, &'a History)) -> Self {
        let History {
            entries,
            current,
            kept,
        } = history;
        let activations = entries.iter().map(|entry| {
            let Entry {
                generation,
                who,
                when,
                commit,
                back_to,
                made,
                result,
                why,
                finished,
                deeds,
                reasons,
            } = entry;
            let Deeds {
                started,
                restarted,
                stopped,
                mended,
                written,
                removed,
            } = deeds;
            EntryJson {
                generation: *generation,
                who,
                when,
                commit: commit.as_deref(),
                back_to: *back_to,
                made: *made,
                result,
                why: why.as_deref(),
                finished,
                started,
                restarted,
                stopped,
                mended,
                written,
                removed,
                reasons,
            }
        });
        Self {
            host: host.as_str(),
            current: *current,
            kept: kept.iter().copied().collect(),
            activations: activations.collect(),
        }
    }
}
