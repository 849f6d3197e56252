//! What a release tells others while it works: a line of JSON an event. The shape is described in docs/json.md.

use schemars::JsonSchema;
use serde::Serialize;

use super::hosts::hosts;
use super::totals::Totals;
use super::view::VERSION;
use crate::cluster::name::HostName;
use crate::host::activate::record::Record;

/// Something that happened in a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotificationView<'a> {
    /// The version of these shapes. It rises when a field changes its meaning or goes.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// What happened.
    pub event: Happened,
    /// The same in a line, for people: what a chat shows.
    pub text: String,
    /// The cluster.
    pub cluster: &'a str,
    /// The name of the release: the same in all its events, and no other's.
    pub release: &'a str,
    /// Who releases.
    pub who: &'a str,
    /// The commit of the config repository, or null.
    pub commit: Option<&'a str>,
    /// The host where it happened; null if it is about all of them.
    pub host: Option<&'a HostName>,
    /// Why it failed, in a line; null if nothing did.
    pub problem: Option<&'a str>,
    /// What is to be done, in `planned` and `started`, or was, in `done`; null else.
    pub totals: Option<Totals>,
}

/// What happened in a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// There is a plan that would change something, and nobody agreed yet.
    Planned,
    /// It begins: locks, files, checks, then one host after the other.
    Started,
    /// All of it is done on a host.
    HostDone,
    /// A host failed.
    HostFailed,
    /// A host is as it was before.
    HostBack,
    /// It waits after its canary.
    Paused,
    /// All of it is done.
    Done,
    /// It ended, and not all of it is done.
    Failed,
}

impl<'a> NotificationView<'a> {
    /// An event of a release that is about all hosts.
    #[must_use]
    pub fn of(cluster: &'a str, record: &'a Record, event: Happened) -> Self {
        let what = match event {
            Happened::Planned => "would release",
            Happened::Started => "releases",
            Happened::HostDone => "released",
            Happened::HostFailed => "failed to release",
            Happened::HostBack => "put back",
            Happened::Paused => "released the canary of",
            Happened::Done => "released",
            Happened::Failed => "could not release",
        };
        let commit = record.commit.as_deref();
        let at = commit.map_or_else(String::new, |commit| {
            format!(" at {}", super::history::short_commit(commit))
        });
        Self {
            version: VERSION,
            event,
            text: format!("{} {what} {cluster}{at}", record.who),
            cluster,
            release: &record.release,
            who: &record.who,
            commit,
            host: None,
            problem: None,
            totals: None,
        }
    }

    /// The same on one host.
    #[must_use]
    pub fn on(mut self, host: &'a HostName) -> Self {
        self.text += &format!(" on {}", hosts([host]));
        self.host = Some(host);
        self
    }

    /// The same with why it failed.
    #[must_use]
    pub fn since(mut self, problem: &'a str) -> Self {
        self.text += &format!(": {problem}");
        self.problem = Some(problem);
        self
    }

    /// The same with what is done in it.
    #[must_use]
    pub fn with(mut self, totals: Totals) -> Self {
        let words = totals.words();
        if !words.is_empty() {
            self.text += &format!(": {words}");
        }
        self.totals = Some(totals);
        self
    }
}
