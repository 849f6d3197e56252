//! What releases did on each host.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::super::errors::HostFailure;
use super::{FailureView, VERSION};
use crate::cluster::name::{ClusterName, HostName};
use crate::host::past::history::{Deeds, HistoryEntry, HostHistory};
use crate::plan::recorded::Because;

/// What was activated on every host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HistoryView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The cluster.
    pub cluster: &'a str,
    /// The hosts that were seen, by name.
    pub hosts: Vec<HostHistoryView<'a>>,
    /// Hosts that could not be seen.
    pub failures: Vec<FailureView<'a>>,
}

impl<'a> HistoryView<'a> {
    /// The histories of hosts; each has the oldest activation first.
    #[must_use]
    pub fn of(
        cluster: &'a ClusterName,
        histories: &'a BTreeMap<HostName, HostHistory>,
        failures: &'a BTreeMap<HostName, HostFailure>,
    ) -> Self {
        Self {
            version: VERSION,
            cluster: cluster.as_str(),
            hosts: histories.iter().map(HostHistoryView::of).collect(),
            failures: failures.iter().map(FailureView::of).collect(),
        }
    }

    /// The same with the subjects of its commits, by their ids.
    #[must_use]
    pub fn with_subjects(mut self, subjects: &'a BTreeMap<String, String>) -> Self {
        let hosts = self.hosts.iter_mut();
        for entry in hosts.flat_map(|host| &mut host.activations) {
            let subject = entry.commit.and_then(|it| subjects.get(commit_id(it)));
            entry.subject = subject.map(String::as_str);
        }
        self
    }
}

/// The id of a recorded commit, without the mark that files differed from it.
#[must_use]
pub fn commit_id(commit: &str) -> &str {
    commit.strip_suffix("-dirty").unwrap_or(commit)
}

/// What was activated on one host, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostHistoryView<'a> {
    /// The host's name in the description.
    pub host: &'a str,
    /// The number of the current generation, or null.
    pub current: Option<u64>,
    /// The generations that can be brought back.
    pub kept: &'a BTreeSet<u64>,
    /// The activations, the oldest first.
    pub activations: Vec<PastView<'a>>,
}

/// One activation, done or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PastView<'a> {
    /// The generation that it made or would have made; the current one where it made none.
    pub generation: u64,
    /// Who released.
    pub who: &'a str,
    /// When, by the releaser's clock: the same on every host of one release.
    pub when: &'a str,
    /// The commit that was released, or null.
    pub commit: Option<&'a str>,
    /// The subject of that commit, or null where this repository does not have it.
    pub subject: Option<&'a str>,
    /// The generation that a rollback brought back, or null.
    pub back_to: Option<u64>,
    /// It made a generation.
    pub made: bool,
    /// `done`, `put back`, `failed`, `not finished` or `not begun`.
    pub result: &'a str,
    /// What went wrong, or null.
    pub why: Option<&'a str>,
    /// When it ended, by the host's clock.
    pub finished: &'a str,
    /// Services that it started.
    pub started: &'a [String],
    /// Services that it restarted.
    pub restarted: &'a [String],
    /// Services that it stopped.
    pub stopped: &'a [String],
    /// Services whose files had been changed by hand.
    pub mended: &'a [String],
    /// Services of which it wrote files.
    pub written: &'a [String],
    /// Services that it removed.
    pub removed: &'a [String],
    /// Jobs that it ran.
    pub ran: &'a [String],
    /// Why it restarted what it did, without any value.
    pub reasons: &'a [Because],
    /// What was done, where it was no release (`pruned 3 images`); absent for a release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deed: Option<&'a str>,
}

impl<'a> HostHistoryView<'a> {
    fn of((host, history): (&'a HostName, &'a HostHistory)) -> Self {
        let HostHistory {
            entries,
            current,
            kept,
        } = history;
        let activations = entries.iter().map(|entry| {
            let HistoryEntry {
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
                deed,
            } = entry;
            let Deeds {
                started,
                restarted,
                stopped,
                mended,
                written,
                removed,
                ran,
            } = deeds;
            PastView {
                generation: *generation,
                who,
                when,
                commit: commit.as_deref(),
                subject: None,
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
                ran,
                reasons,
                deed: deed.as_deref(),
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
