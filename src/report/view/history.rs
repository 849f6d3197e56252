//! What releases did on each host.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::{FailureView, VERSION};
use crate::cluster::name::{ClusterName, HostName};
use crate::host::past::history::{Deeds, Entry, History};
use crate::plan::recorded::Because;

/// What was activated on every host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HistoryView<'a> {
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    pub cluster: &'a str,
    pub hosts: Vec<HostHistoryView<'a>>,
    pub failures: Vec<FailureView<'a>>,
}

impl<'a> HistoryView<'a> {
    /// The histories of hosts; each has the oldest activation first.
    #[must_use]
    pub fn of(
        cluster: &'a ClusterName,
        histories: &'a BTreeMap<HostName, History>,
        failures: &'a BTreeMap<HostName, HostFailure>,
    ) -> Self {
        Self {
            version: VERSION,
            cluster: cluster.as_str(),
            hosts: histories.iter().map(HostHistoryView::of).collect(),
            failures: failures.iter().map(FailureView::of).collect(),
        }
    }
}

/// What was activated on one host, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostHistoryView<'a> {
    pub host: &'a str,
    pub current: Option<u64>,
    pub kept: &'a BTreeSet<u64>,
    pub activations: Vec<PastView<'a>>,
}

/// One activation, done or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PastView<'a> {
    pub generation: u64,
    pub who: &'a str,
    pub when: &'a str,
    pub commit: Option<&'a str>,
    pub back_to: Option<u64>,
    pub made: bool,
    pub result: &'a str,
    pub why: Option<&'a str>,
    pub finished: &'a str,
    pub started: &'a [String],
    pub restarted: &'a [String],
    pub stopped: &'a [String],
    pub mended: &'a [String],
    pub written: &'a [String],
    pub removed: &'a [String],
    pub reasons: &'a [Because],
}

impl<'a> HostHistoryView<'a> {
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
            PastView {
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
            kept,
            activations: activations.collect(),
        }
    }
}
