//! Whether a job that runs once has to run: never again once any host says that it succeeded.

use std::collections::{BTreeMap, BTreeSet};

use super::observed::{Observed, ObservedHost, RunRecord, RunState};
use super::reason::Reason;
use crate::cluster::job::OnceKey;
use crate::cluster::name::ServiceName;
use crate::render::desired::DesiredService;
use crate::render::identity::Fingerprint;
use crate::render::once::EACH_RELEASE;

/// What becomes of a job in a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// It is done.
    No,
    /// It runs if the pull finds another image behind its tag.
    May,
    /// It runs.
    Yes(Vec<Reason>),
    /// It runs if the release changes anything.
    WithOthers,
}

/// What is known of a job: what its runs left on any host.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownRuns<'a> {
    records: Vec<(&'a str, &'a RunRecord)>,
}

impl<'a> KnownRuns<'a> {
    pub(super) fn of(observed: &'a Observed, service: &ServiceName) -> Self {
        let runs = observed
            .hosts
            .values()
            .filter_map(|host| host.runs.get(service));
        let records = runs.flatten().map(|(key, record)| (key.as_str(), record));
        Self {
            records: records.collect(),
        }
    }

    fn succeeded(&self) -> impl Iterator<Item = &(&'a str, &'a RunRecord)> {
        let records = self.records.iter();
        records.filter(|(_, record)| record.state == RunState::Succeeded)
    }

    /// The last one that was heard of.
    pub(super) fn last(&self) -> Option<&'a RunRecord> {
        let records = self.records.iter().map(|(_, record)| *record);
        records.max_by_key(|record| record.last())
    }

    fn is_done(&self, keys: &BTreeSet<String>) -> bool {
        self.succeeded().any(|(key, record)| {
            keys.contains(*key) || record.image.as_ref().is_some_and(|id| keys.contains(id))
        })
    }
}

/// The keys under which a run of this job counts, as far as they are known on its host.
pub(super) fn keys(
    service: &DesiredService,
    key: OnceKey,
    host: &ObservedHost,
) -> BTreeSet<String> {
    match key {
        OnceKey::Inputs => [service.fingerprint.to_string()].into(),
        OnceKey::Always => BTreeSet::new(),
        OnceKey::Image => {
            let reference = &service.image.reference;
            let known = host.job_images.get(reference).cloned();
            let mut keys = known.unwrap_or_default();
            let digest = reference.split_once('@');
            keys.extend(digest.map(|(_, digest)| digest.to_owned()));
            keys
        }
    }
}

/// Whether a job has to run on this host.
pub(super) fn due(
    service: &DesiredService,
    key: OnceKey,
    host: &ObservedHost,
    known: &KnownRuns<'_>,
) -> Due {
    let keys = keys(service, key, host);
    let image = &service.image;
    let done = match key {
        OnceKey::Always => return Due::WithOthers,
        // Under the recipe that it ran with: an upgrade of bayplan runs nothing.
        OnceKey::Inputs => known.succeeded().any(|(key, _)| {
            let ran = Fingerprint::reported(key);
            service.fingerprint_under(&ran).as_ref() == Some(&ran)
        }),
        // Where the image is not there, its reference has to do until the pull.
        OnceKey::Image if keys.is_empty() => known
            .succeeded()
            .any(|(_, record)| record.reference == image.reference),
        OnceKey::Image => known.is_done(&keys),
    };
    match done {
        true if key == OnceKey::Image && image.moving => Due::May,
        true => Due::No,
        false => Due::Yes(reasons(service, key, known)),
    }
}

/// Why it runs. Never empty.
fn reasons(service: &DesiredService, key: OnceKey, known: &KnownRuns<'_>) -> Vec<Reason> {
    let Some(last) = known.last() else {
        return vec![Reason::NotRunYet];
    };
    let after = &service.image.reference;
    match &last.state {
        RunState::Failed { exit } if last.reference == *after => vec![Reason::RunFailed {
            exit: exit.clone(),
            ended: last.ended,
        }],
        RunState::Running if last.reference == *after => {
            vec![Reason::RunCut { began: last.began }]
        }
        RunState::Failed { .. } | RunState::Running | RunState::Succeeded
            if last.reference != *after =>
        {
            vec![Reason::Image {
                before: last.reference.clone(),
                after: after.clone(),
            }]
        }
        RunState::Failed { .. } | RunState::Running | RunState::Succeeded => match key {
            OnceKey::Image => vec![Reason::ImageMoved {
                reference: after.clone(),
                running: last.image.clone().unwrap_or_default(),
            }],
            // What changed is told from the files, where they are known.
            OnceKey::Inputs | OnceKey::Always => Vec::new(),
        },
    }
}

/// The last run that any host knows of, for people.
pub(super) fn last_run(observed: &Observed, service: &ServiceName) -> Option<RunRecord> {
    KnownRuns::of(observed, service).last().cloned()
}

/// The last run that succeeded, of this image where one did.
pub(super) fn last_success(
    observed: &Observed,
    service: &ServiceName,
    reference: &str,
) -> Option<RunRecord> {
    let known = KnownRuns::of(observed, service);
    let succeeded = known.succeeded().map(|(_, record)| *record);
    let last = succeeded.max_by_key(|record| (record.reference == reference, record.last()));
    last.cloned()
}

/// The successes that a host does not know of, and that another one does: `always` is nobody's.
#[must_use]
pub fn lacking<'a>(
    observed: &'a Observed,
    host: &ObservedHost,
) -> BTreeMap<&'a ServiceName, BTreeMap<&'a str, &'a RunRecord>> {
    let mut lacking: BTreeMap<&ServiceName, BTreeMap<&str, &RunRecord>> = BTreeMap::new();
    for (service, runs) in observed.hosts.values().flat_map(|host| &host.runs) {
        for (key, record) in runs {
            let succeeded = |record: &RunRecord| record.state == RunState::Succeeded;
            let there = host.runs.get(service).and_then(|runs| runs.get(key));
            if succeeded(record) && !there.is_some_and(succeeded) && key != EACH_RELEASE {
                let of_service = lacking.entry(service).or_default();
                of_service.insert(key, record);
            }
        }
    }
    lacking
}

#[cfg(test)]
#[path = "once_tests.rs"]
mod tests;
