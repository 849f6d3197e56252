//! Who releases what, when and how patiently.

#![expect(clippy::disallowed_methods, reason = "knows who releases and when")]

use std::collections::BTreeMap;

use super::description::{commit, recorded};
use crate::cli::{FailureChoice, Patience};
use crate::cluster::model::OnFailure;
use crate::cluster::name::ClusterName;
use crate::host::activate::record::Record;
use crate::host::layout::StageId;
use crate::plan::Options;
use crate::plan::saved::BAYPLAN;
use crate::release::mask::Mask;
use crate::release::request::ReleaseRequest;
use crate::release::visit::Visitor;
use crate::report::palette::Palette;
use crate::report::{errors, stream};
use crate::repository::Repository;

/// A release, a rollback or the like that begins now: the command, as it is typed, and of what.
pub(super) fn request(
    repository: &Repository,
    (action, cluster): (&'static str, &ClusterName),
    mut options: Options,
    patience: &Patience,
) -> ReleaseRequest {
    if let Some(choice) = patience.on_failure {
        options.rollout.on_failure = match choice {
            FailureChoice::PutBack => OnFailure::Host,
            FailureChoice::Back => OnFailure::Back,
            FailureChoice::Keep => OnFailure::Keep,
        };
    }
    let (stage, record) = stamp(action);
    let commit = commit(repository);
    if let Err(error) = &commit {
        let text = format!("the commit is recorded as unknown: {}", error.in_one_line());
        stream::aside(&errors::note(&text, &Palette::stderr()));
    }
    ReleaseRequest {
        options,
        holder: holder(&record, "releasing", cluster),
        lock_wait: patience.lock_wait,
        secrets: BTreeMap::new(),
        mask: Mask::default(),
        reviewed: None,
        record: Record {
            commit: recorded(commit),
            ..record
        },
        back: BTreeMap::new(),
        undoes: None,
        stage,
        pushed: None,
    }
}

/// Whoever changes something on hosts that is no release: by which command, and what it is doing.
pub(super) fn visitor(
    cluster: &ClusterName,
    (action, doing): (&'static str, &str),
    lock_wait: Option<std::time::Duration>,
) -> Visitor {
    let (id, record) = stamp(action);
    Visitor {
        holder: holder(&record, doing, cluster),
        id,
        lock_wait,
        record,
    }
}

/// What others read who find a lock taken.
fn holder(record: &Record, doing: &str, cluster: &ClusterName) -> String {
    let (Record { who, when, .. }, pid) = (record, std::process::id());
    format!("{who} since {when}, {doing} {cluster} (pid {pid})")
}

/// A name that nothing else has for what begins now, and what hosts record of it: who and when.
pub(super) fn stamp(action: &'static str) -> (StageId, Record) {
    let now = jiff::Timestamp::now();
    let now = now.round(jiff::Unit::Second).unwrap_or(now);
    let id = StageId::unique(&now.strftime("%Y%m%d-%H%M%S").to_string())
        .expect("digits and hyphens are a stage's name");
    let record = Record {
        format: 1,
        bayplan: BAYPLAN,
        release: id.as_str().to_owned(),
        who: who(),
        when: now.to_string(),
        commit: None,
        back_to: None,
        reasons: Vec::new(),
        deed: None,
        action,
    };
    (id, record)
}

/// `ada@laptop`, as well as this machine knows.
pub(super) fn who() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    let plain = |text: &str| {
        let text = text.trim().chars();
        let text = text.map(|c| if c.is_control() { '?' } else { c });
        text.take(64).collect::<String>()
    };
    format!(
        "{}@{}",
        plain(&user.unwrap_or_else(|| "somebody".to_owned())),
        plain(&host)
    )
}
