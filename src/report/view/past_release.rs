//! A release as people mean it: what was activated for it, on all its hosts.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{HistoryView, PastView};
use crate::plan::recorded::Because;

/// One release, with what was activated for it on each host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRelease<'a> {
    /// When, by the releaser's clock.
    pub when: &'a str,
    /// Who released.
    pub who: &'a str,
    /// The commit that was released, if there is one.
    pub commit: Option<&'a str>,
    /// The subject of that commit, where it is known.
    pub subject: Option<&'a str>,
    /// What was activated, by the names of the hosts.
    pub entries: Vec<PastOnHost<'a>>,
}

/// One activation of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastOnHost<'a> {
    /// The host.
    pub host: &'a str,
    /// What was activated there.
    pub entry: &'a PastView<'a>,
    /// What the host has of its generation now.
    pub place: PastPlace,
}

/// What a host has of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PastPlace {
    /// It is the current one.
    Current,
    /// It can be brought back.
    Kept,
    /// Nothing, or it made none.
    Gone,
}

impl<'a> PastRelease<'a> {
    /// The releases that these histories tell of, the newest first.
    #[must_use]
    pub fn all(view: &'a HistoryView<'_>) -> Vec<Self> {
        let mut releases: BTreeMap<_, Vec<PastOnHost<'a>>> = BTreeMap::new();
        for host in &view.hosts {
            for entry in &host.activations {
                let made = entry.made && entry.result == "done";
                let place = match made {
                    true if Some(entry.generation) == host.current => PastPlace::Current,
                    true if host.kept.contains(&entry.generation) => PastPlace::Kept,
                    true | false => PastPlace::Gone,
                };
                let key = (entry.when, entry.who, entry.commit);
                releases.entry(key).or_default().push(PastOnHost {
                    host: host.host,
                    entry,
                    place,
                });
            }
        }
        let releases = releases.into_iter().rev();
        let releases = releases.map(|((when, who, commit), entries)| Self {
            when,
            who,
            commit,
            subject: entries.iter().find_map(|it| it.entry.subject),
            entries,
        });
        releases.collect()
    }

    /// Where it is now: the current generation of a host, or a kept one.
    #[must_use]
    pub fn place(&self) -> PastPlace {
        let places = self.entries.iter().map(|it| it.place);
        places.min().unwrap_or(PastPlace::Gone)
    }

    /// The numbers of its generations: each host counts its own.
    #[must_use]
    pub fn numbers(&self) -> BTreeSet<u64> {
        let entries = self.entries.iter().filter(|it| it.entry.deed.is_none());
        entries.map(|it| it.entry.generation).collect()
    }

    /// Why it restarted what it did, each reason once.
    #[must_use]
    pub fn reasons(&self) -> Vec<Because> {
        let mut all: Vec<Because> = Vec::new();
        for because in self.entries.iter().flat_map(|it| it.entry.reasons) {
            match all.iter_mut().find(|it| it.reason == because.reason) {
                Some(known) => known.services.extend(because.services.iter().cloned()),
                None => all.push(because.clone()),
            }
        }
        all
    }
}
