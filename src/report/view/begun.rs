//! A release that has not ended, as it is shown.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::name::HostName;
use crate::render::begun::{BegunRelease, Direction};

/// A release of several hosts that began and is neither done nor undone on all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BegunView<'a> {
    /// The name of the release.
    pub release: &'a str,
    /// Who released.
    pub who: &'a str,
    /// When it began, RFC 3339, by the clock of the releaser.
    pub when: &'a str,
    /// The commit of the config repository, or null.
    pub commit: Option<&'a str>,
    /// Where it goes.
    pub direction: Direction,
    /// The hosts that it acts on.
    pub hosts: Vec<&'a HostName>,
}

impl<'a> BegunView<'a> {
    /// What hosts keep of a release.
    #[must_use]
    pub fn of(begun: &'a BegunRelease) -> Self {
        let BegunRelease {
            format: _,
            cluster: _,
            release,
            who,
            when,
            commit,
            direction,
            desired: _,
            services: _,
            leave_out: _,
            hosts,
        } = begun;
        Self {
            release,
            who,
            when,
            commit: commit.as_deref(),
            direction: *direction,
            hosts: hosts.keys().collect(),
        }
    }
}
