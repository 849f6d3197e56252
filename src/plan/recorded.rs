//! Reasons as they are kept: in a saved plan, and in what a host records of a release. What changed is
//! named, values are not: such files live long and travel far, and a variable of today may have
//! to be a secret tomorrow.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reason::Reason;
use super::{Action, Change, HostPlan};
use crate::cluster::name::ServiceName;

/// The longest name that is kept, in characters.
const LONGEST: usize = 200;
/// How many different reasons a host records of one release.
const MOST: usize = 50;

/// A reason by its kind and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RecordedReason {
    /// As in JSON of a plan: `variable`, `image` and so on. A newer bayplan may know more of them.
    pub kind: String,
    /// The variable with its layer, the secret, the directive, the file, systemd's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `added`, `changed` or `removed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The image's reference before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The image's reference after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A reason with the services that it restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Because {
    /// The reason.
    pub reason: RecordedReason,
    /// The services that restarted for it.
    pub services: BTreeSet<ServiceName>,
}

impl RecordedReason {
    /// What is kept of a reason.
    #[must_use]
    pub fn of(reason: &Reason, service: &ServiceName) -> Self {
        let kept = |kind: &str, name: Option<&str>| Self {
            kind: kind.to_owned(),
            name: name.map(|name| name.chars().take(LONGEST).collect()),
            change: None,
            before: None,
            after: None,
        };
        let change = |change: Change| {
            let word = match change {
                Change::Added => "added",
                Change::Changed => "changed",
                Change::Removed => "removed",
            };
            Some(word.to_owned())
        };
        match reason {
            Reason::New => kept("new", None),
            Reason::NotRunning { state } => kept("not_running", Some(state)),
            Reason::Variable {
                layer,
                name,
                before,
                after,
            } => Self {
                change: change(match (before, after) {
                    (None, Some(_)) => Change::Added,
                    (Some(_), None) => Change::Removed,
                    (Some(_), Some(_)) | (None, None) => Change::Changed,
                }),
                ..kept(
                    "variable",
                    Some(&format!("{} {name}", layer.label(service))),
                )
            },
            Reason::Secret { name, change: how } => Self {
                change: change(*how),
                ..kept("secret", Some(name.as_str()))
            },
            Reason::Image { before, after } => Self {
                before: Some(before.clone()),
                after: Some(after.clone()),
                ..kept("image", None)
            },
            // Its words may be values, as those of `extra_args`.
            Reason::Directive { key, .. } => kept("directive", Some(key)),
            Reason::File { path } => kept("file", Some(path)),
            Reason::Unknown { fingerprint: _ } => kept("unknown", None),
            Reason::ImageMoved {
                reference,
                running: _,
            } => kept("image_moved", Some(reference)),
            Reason::Edited { paths } => kept("edited", Some(&paths.join(", "))),
            Reason::Touched { paths } => kept("touched", Some(&paths.join(", "))),
            Reason::Network { network } => kept("network", Some(network)),
            Reason::NotReloaded { paths } => kept("not_reloaded", Some(&paths.join(", "))),
            Reason::HalfSwapped => kept("half_swapped", None),
            Reason::NotRunYet => kept("not_run_yet", None),
            Reason::RunFailed { exit, ended: _ } => kept("run_failed", Some(exit)),
            Reason::RunCut { began: _ } => kept("run_cut", None),
            Reason::EachRelease => kept("each_release", None),
            Reason::Asked { why } => kept("asked", why.as_deref()),
            Reason::Held { hold } => kept(
                "held",
                Some(&match &hold.why {
                    Some(why) => format!("{}: {why}", hold.who),
                    None => hold.who.clone(),
                }),
            ),
            Reason::Displaced { by } => kept("displaced", Some(by.as_str())),
        }
    }
}

/// Why services of a host are started and restarted, each reason once, for its record.
#[must_use]
pub fn because(host: &HostPlan) -> Vec<Because> {
    let mut found: BTreeMap<RecordedReason, BTreeSet<ServiceName>> = BTreeMap::new();
    let acting = host.services.iter().filter(|service| match service.action {
        Action::Start
        | Action::Restart
        | Action::Swap
        | Action::Reload
        | Action::Stop
        | Action::Run => true,
        Action::None | Action::Pending | Action::MayRestart | Action::MayRun => false,
    });
    for service in acting {
        for reason in &service.reasons {
            let reason = RecordedReason::of(reason, &service.service);
            let services = found.entry(reason).or_default();
            services.insert(service.service.clone());
        }
    }
    let found = found.into_iter().take(MOST);
    found
        .map(|(reason, services)| Because { reason, services })
        .collect()
}
