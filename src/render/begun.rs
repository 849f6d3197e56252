//! A release that began and has not ended: every host that it acts on keeps it, so that whoever comes after a
//! releaser who died knows what goes on, and how to go on or back.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::read_up_to;
use crate::cluster::digest::Digest;
use crate::cluster::name::{ClusterName, HostName, ServiceName};

/// The format that this version writes and the newest that it reads.
pub const FORMAT: u32 = 1;

/// What a host keeps, `begun.json`, from before the first activation of a release until all of it is done, or all of
/// it is as before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BegunRelease {
    /// [`FORMAT`], or an older one.
    pub format: u32,
    /// The cluster that it is about.
    pub cluster: ClusterName,
    /// The name of the release: the same on every host, and no other's.
    pub release: String,
    /// `ada@laptop`
    pub who: String,
    /// RFC 3339, by the clock of the releaser.
    pub when: String,
    /// The commit of the config repository, `None` outside of one.
    pub commit: Option<String>,
    /// Where it goes.
    pub direction: Direction,
    /// What all of it is to be in the end.
    pub desired: Digest,
    /// Only these services, or all of them.
    pub services: Option<BTreeSet<ServiceName>>,
    /// The hosts that take no part.
    pub leave_out: BTreeSet<HostName>,
    /// The hosts that it acts on, with the generation that was current there before; `None` where nothing was released.
    pub hosts: BTreeMap<HostName, Option<u64>>,
}

/// Where a release goes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To what is described.
    Forward,
    /// Nowhere, until somebody who saw its canary says so.
    Paused,
    /// To what was there before.
    Back,
}

impl BegunRelease {
    /// The text as stored: JSON with a final line break.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string(self).expect("a release is plain data");
        text.push('\n');
        text
    }

    /// Reads what a host keeps. `None` if it is of another cluster or a newer bayplan, or no such thing: nothing that runs
    /// depends on it.
    #[must_use]
    pub fn parse(text: &str, cluster: &ClusterName) -> Option<Self> {
        let begun: Self = read_up_to(text, FORMAT)?;
        (begun.cluster == *cluster).then_some(begun)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::{damaged, edits};
    use super::*;

    const TEXT: &str = r#"{"format":1,"cluster":"demo","release":"20261127-120000-3f9a","who":"ada@laptop","when":"2026-11-27T12:00:00Z","commit":"abc","direction":"paused","desired":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","services":["web"],"leave_out":["gamma"],"hosts":{"alpha":4,"beta":null}}
"#;

    fn demo() -> ClusterName {
        ClusterName::new("demo").unwrap()
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let begun = BegunRelease::parse(TEXT, &demo()).unwrap();
        assert_eq!(begun.to_text(), TEXT);
        assert_eq!(
            BegunRelease::parse(TEXT, &ClusterName::new("other").unwrap()),
            None
        );
        let newer = TEXT.replace("\"format\":1", "\"format\":2");
        assert_eq!(BegunRelease::parse(&newer, &demo()), None);
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(
            edits in edits(),
        ) {
            let _ = BegunRelease::parse(&damaged(TEXT, edits), &demo());
        }
    }
}
