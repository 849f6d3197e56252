//! A release that was pushed and has not been made effective: every host that it was staged on keeps what tells it from others.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::format::read_up_to;
use crate::cluster::digest::Digest;
use crate::cluster::name::{ClusterName, HostName, ServiceName};

/// The format that this version writes and the newest that it reads.
pub const FORMAT: u32 = 1;

/// What a host keeps, `pushed.json`, from a push on until that is made effective or something else is staged there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushedRelease {
    /// [`FORMAT`], or an older one.
    pub format: u32,
    /// The cluster that it is about.
    pub cluster: ClusterName,
    /// The name of the staging directory: the same on every host, and no other push's.
    pub stage: String,
    /// `ada@laptop`
    pub who: String,
    /// RFC 3339, by the clock of who pushed.
    pub when: String,
    /// The commit of the config repository, `None` outside of one.
    pub commit: Option<String>,
    /// What all of it is to be in the end.
    pub desired: Digest,
    /// Only these services, or all of them.
    pub services: Option<BTreeSet<ServiceName>>,
    /// The hosts that take no part.
    pub leave_out: BTreeSet<HostName>,
    /// Of the manifest that was staged on this host.
    pub manifest: Digest,
    /// Of the list of the digests of all files that were staged on this host.
    pub digests: Digest,
    /// How many bytes were sent to this host.
    pub bytes: u64,
}

impl PushedRelease {
    /// The text as stored: JSON with a final line break.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string(self).expect("what was pushed is plain data");
        text.push('\n');
        text
    }

    /// Reads what a host keeps. `None` if it is of another cluster or a newer bayplan, or no such thing: it is then as if
    /// nothing had been pushed.
    #[must_use]
    pub fn parse(text: &str, cluster: &ClusterName) -> Option<Self> {
        let pushed: Self = read_up_to(text, FORMAT)?;
        (pushed.cluster == *cluster).then_some(pushed)
    }
}

/// The push that counts, of what hosts keep: the newest one.
#[must_use]
pub fn newest_push<'a>(
    found: impl IntoIterator<Item = &'a PushedRelease>,
) -> Option<&'a PushedRelease> {
    found
        .into_iter()
        .max_by_key(|pushed| (pushed.when.clone(), pushed.stage.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::{damaged, edits};
    use super::*;

    const TEXT: &str = r#"{"format":1,"cluster":"demo","stage":"20261127-120000-3f9a","who":"ada@laptop","when":"2026-11-27T12:00:00Z","commit":"abc","desired":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","services":["web"],"leave_out":["gamma"],"manifest":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","digests":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","bytes":4096}
"#;

    fn demo() -> ClusterName {
        ClusterName::new("demo").unwrap()
    }

    #[test]
    fn what_was_pushed_is_read_again() {
        let pushed = PushedRelease::parse(TEXT, &demo()).unwrap();
        assert_eq!(pushed.to_text(), TEXT);
        let other = ClusterName::new("other").unwrap();
        assert_eq!(PushedRelease::parse(TEXT, &other), None);
        let newer = TEXT.replace("\"format\":1", "\"format\":2");
        assert_eq!(PushedRelease::parse(&newer, &demo()), None);
    }

    #[test]
    fn the_newest_push_counts() {
        let older = PushedRelease::parse(TEXT, &demo()).unwrap();
        let newer = PushedRelease {
            when: "2026-11-27T12:00:01Z".to_owned(),
            ..older.clone()
        };
        assert_eq!(newest_push([&newer, &older]), Some(&newer));
        assert_eq!(newest_push([]), None);
    }

    proptest! {
        #[test]
        fn no_damage_of_what_was_pushed_makes_it_panic(
            edits in edits(),
        ) {
            let _ = PushedRelease::parse(&damaged(TEXT, edits), &demo());
        }
    }
}
