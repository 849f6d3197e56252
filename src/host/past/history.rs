//! What was activated on a host, as its `history` file tells: a line an activation. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::cluster::name::ServiceName;
use crate::host::layout::Layout;
use crate::plan::recorded::{Because, RecordedReason};

/// How many of the last lines are read.
const LINES: usize = 200;

/// One release that meant to act on the host, and how it ended there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HistoryEntry {
    /// The generation that it made, or would have made.
    pub generation: u64,
    /// `ada@laptop`
    pub who: String,
    /// RFC 3339, by the clock of the releaser: the same on every host of a release.
    pub when: String,
    /// The commit of the config repository, if there was one.
    pub commit: Option<String>,
    /// The generation whose files it put in place, if it was a rollback.
    #[serde(default)]
    pub back_to: Option<u64>,
    /// Whether it made the generation current. Older lines that are done all did.
    #[serde(default = "made")]
    pub made: bool,
    /// `done`, `not finished` (others failed before its last part), `not begun`, `failed` or `put back`.
    pub result: String,
    /// Why it failed, or what failed elsewhere.
    #[serde(default)]
    pub why: Option<String>,
    /// RFC 3339, by the clock of the host.
    pub finished: String,
    /// What was done.
    #[serde(flatten)]
    pub deeds: Deeds,
    /// Why; not every release recorded it.
    #[serde(default)]
    pub reasons: Vec<Because>,
    /// What was done, in words, where it was no release.
    #[serde(default)]
    pub deed: Option<String>,
}

/// What was done to the services of a host, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Deeds {
    /// They were started, and did not run before.
    pub started: Vec<String>,
    /// An older bayplan counted those that were started, too, and recorded nothing else.
    pub restarted: Vec<String>,
    /// They were stopped and not started again.
    pub stopped: Vec<String>,
    /// Their files were changed by hand.
    pub mended: Vec<String>,
    /// Their files were written, since the description changed.
    pub written: Vec<String>,
    /// They left the host.
    pub removed: Vec<String>,
    /// Jobs that ran.
    pub ran: Vec<String>,
}

fn made() -> bool {
    true
}

/// What a host knows of its past.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostHistory {
    /// The oldest first.
    pub entries: Vec<HistoryEntry>,
    /// The current generation, if there is one.
    pub current: Option<u64>,
    /// The generations that are kept.
    pub kept: BTreeSet<u64>,
}

/// The script that tells a host's history; [`parse`] reads it.
#[must_use]
pub fn script(layout: &Layout) -> String {
    format!(
        "cd {} 2>/dev/null && {{\n\
         for each in generations/*; do echo \"kept ${{each#generations/}}\"; done\n\
         echo \"current $(readlink current)\"\n\
         tail -n {LINES} history\n\
         }} 2>/dev/null\n\
         echo end\n",
        layout.state().quoted()
    )
}

/// Reads the answer of [`script`]. Lines that are no entries are left out: a power cut may have cut
/// one short. `None` if the answer is not whole.
#[must_use]
pub fn parse(answer: &[u8]) -> Option<HostHistory> {
    let answer = String::from_utf8_lossy(answer);
    let answer = answer.strip_suffix("end\n")?;
    let mut history = HostHistory::default();
    for line in answer.lines() {
        if let Some(number) = line.strip_prefix("kept ") {
            history.kept.extend(number.parse::<u64>().ok());
        } else if let Some(link) = line.strip_prefix("current ") {
            let number = link.strip_prefix("generations/");
            history.current = number.and_then(|number| number.parse().ok());
        } else if let Ok(entry) = serde_json::from_str(line) {
            history.entries.push(entry);
        }
    }
    Some(history)
}

impl HistoryEntry {
    /// Whether it made this generation.
    #[must_use]
    pub fn is_current(&self, current: Option<u64>) -> bool {
        self.made && self.result == "done" && Some(self.generation) == current
    }

    /// Why it restarted this service.
    pub fn reasons_of(&self, service: &ServiceName) -> impl Iterator<Item = &RecordedReason> {
        let reasons = self.reasons.iter();
        let reasons = reasons.filter(move |because| because.services.contains(service));
        reasons.map(|because| &because.reason)
    }
}

impl HostHistory {
    /// The last activation that started, restarted or ran this service, however it ended.
    #[must_use]
    pub fn restarted(&self, service: &ServiceName) -> Option<&HistoryEntry> {
        let mut entries = self.entries.iter().rev();
        entries.find(|entry| {
            let Deeds {
                started,
                restarted,
                ran,
                ..
            } = &entry.deeds;
            let mut names = started.iter().chain(restarted).chain(ran);
            names.any(|name| name == service.as_str())
        })
    }

    /// The last activation that made a generation.
    #[must_use]
    pub fn made_current(&self) -> Option<&HistoryEntry> {
        let mut entries = self.entries.iter().rev();
        entries.find(|entry| entry.is_current(self.current))
    }

    /// The generation before the current one.
    #[must_use]
    pub fn previous(&self) -> Option<u64> {
        let current = self.current?;
        self.kept.range(..current).next_back().copied()
    }
}

/// The moment of the last release among these histories.
#[must_use]
pub fn last_release<K>(histories: &BTreeMap<K, HostHistory>) -> Option<&str> {
    let made = histories.values().filter_map(HostHistory::made_current);
    made.map(|entry| entry.when.as_str()).max()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = r#"{"format":1,"who":"ada@laptop","when":"2026-11-21T09:30:00Z","commit":null,"generation":3,"result":"done","finished":"2026-11-21T09:30:09Z","restarted":["web"],"reasons":[{"reason":{"kind":"variable","name":"30-cluster TITLE","change":"changed"},"services":["api","web"]}]}"#;

    #[test]
    fn what_can_be_read_is_read() {
        let answer = format!(
            "kept 1\nkept 3\nkept *\ncurrent generations/3\n{LINE}\n{}\nend\n",
            &LINE[..40]
        );
        let history = parse(answer.as_bytes()).unwrap();
        assert_eq!(history.entries.len(), 1);
        assert_eq!(history.previous(), Some(1));
        let made = history.made_current().unwrap();
        assert_eq!(made.deeds.restarted, ["web"]);
        let web = ServiceName::new("web").unwrap();
        let reasons: Vec<_> = made.reasons_of(&web).collect();
        assert_eq!(reasons[0].name.as_deref(), Some("30-cluster TITLE"));
        assert_eq!(history.restarted(&web), Some(made));
        assert_eq!(history.restarted(&ServiceName::new("api").unwrap()), None);
        // Of a later bayplan; it only mended, so it did not make the generation.
        let line = r#"{"format":1,"release":"a","who":"bob@ci","when":"x","commit":null,"generation":3,"made":false,"result":"done","finished":"y","started":["api"],"restarted":[],"stopped":["old"],"mended":[],"written":[],"removed":[]}"#;
        let answer = format!("current generations/3\n{LINE}\n{line}\nend\n");
        let history = parse(answer.as_bytes()).unwrap();
        assert_eq!(history.made_current().unwrap().who, "ada@laptop");
        let api = ServiceName::new("api").unwrap();
        let started = history.restarted(&api).unwrap();
        assert_eq!(started.who, "bob@ci");
        assert_eq!(started.deeds.stopped, ["old"]);
        assert_eq!(parse(b"kept 1\n"), None);
        assert_eq!(parse(b"end\n"), Some(HostHistory::default()));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            answer in prop::collection::vec(any::<u8>(), 0..200),
            cut in 0..LINE.len(),
        ) {
            let _ = parse(&answer);
            let _ = parse(format!("current {}\n{}\nend\n", &LINE[cut..], &LINE[..cut]).as_bytes());
        }
    }
}
