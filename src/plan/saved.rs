//! A plan in a file: what was reviewed, so that a release can do just that, or say what moved.
//!
//! It has digests of everything that it was made from (the description's files, each host's files and
//! generation) and of everything that it leads to, and no value of any variable. The plan itself
//! is made anew from the same inputs: what is held against the file are its actions.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::json;

use super::observed::{
    Generation, LiveLinks, Observed, ObservedDirectory, ObservedHost, ObservedLive,
    ObservedService, ObservedUnit, Owner, UnitFile,
};
use super::recorded::RecordedReason;
use super::{Action, Change, Options, Plan, held};
use crate::cluster::Sources;
use crate::cluster::digest::Digest;
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::render::desired::Desired;
use crate::render::live::LiveVersion;

/// The format that this version writes and the newest that it reads.
pub const FORMAT: u32 = 1;

/// The version of bayplan that runs.
pub const BAYPLAN: &str = env!("CARGO_PKG_VERSION");

/// How many differences of one host are told.
const TOLD: usize = 3;

/// A plan as `diff -o` saves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// The version of this format.
    #[schemars(extend("const" = FORMAT))]
    pub format: u32,
    /// The version of bayplan that made it.
    pub bayplan: String,
    /// The cluster.
    pub cluster: ClusterName,
    /// The commit that the checkout stood at, with `-dirty` where files differed from it.
    pub commit: Option<String>,
    /// The services that it was made for; all, where it is null.
    pub services: Option<BTreeSet<ServiceName>>,
    /// The hosts that it leaves out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub leave_out: BTreeSet<HostName>,
    /// The files of the description, by path in the config repository.
    pub description: BTreeMap<String, Digest>,
    /// Every host that takes part.
    pub hosts: BTreeMap<HostName, SavedHost>,
}

/// One host in a saved plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedHost {
    /// The number of the generation that was current.
    pub generation: Option<u64>,
    /// The digest of that generation.
    pub current: Digest,
    /// The digest of what was there of each service: unit, links, inputs directories.
    pub found: BTreeMap<ServiceName, Digest>,
    /// The digest of what each service gets.
    pub desired: BTreeMap<ServiceName, Digest>,
    /// What happens there.
    pub changes: Vec<SavedChange>,
}

/// What happens to one service on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedChange {
    /// The service.
    pub service: ServiceName,
    /// What becomes of it.
    pub change: SavedKind,
    /// What becomes of its container.
    pub action: SavedAction,
    /// Why that starts or restarts, without values.
    pub reasons: Vec<RecordedReason>,
}

/// [`Change`], as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SavedKind {
    /// It is new on the host.
    Added,
    /// It was there, and is to be.
    Changed,
    /// It leaves the host.
    Removed,
}

/// [`Action`], as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SavedAction {
    /// It runs on.
    None,
    /// It starts.
    Start,
    /// It runs on, and reads its files again.
    Reload,
    /// It restarts.
    Restart,
    /// It starts in one slot while it runs on in the other one.
    Swap,
    /// It stops.
    Stop,
    /// It waits until it is named.
    Pending,
    /// It restarts if the pull finds another image.
    MayRestart,
    /// It is a job, and runs.
    Run,
    /// It is a job, and may run.
    MayRun,
}

/// What a plan is made from and for.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// See [`SavedPlan::commit`].
    pub commit: Option<&'a str>,
    /// The files of the description.
    pub sources: &'a Sources,
    /// What the operator chose of what is desired.
    pub options: &'a Options,
    /// What is desired.
    pub desired: &'a Desired,
    /// What was seen of the hosts.
    pub observed: &'a Observed,
}

/// Why a file is no plan that can be released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// A newer bayplan saved it.
    #[error("its format is {found}, this bayplan reads up to {FORMAT}")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// It is what `diff --json` prints.
    #[error("expected a plan that `bayplan diff -o` saved, found what `--json` prints")]
    Shown,
    /// It is something else.
    #[error("expected a plan that `bayplan diff -o` saved, found something else: {why}")]
    Foreign {
        /// What is wrong, in words.
        why: String,
    },
}

/// What differs between a saved plan and the description of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// Another commit is checked out.
    Commit {
        /// The commit that it was made at.
        expected: Option<String>,
        /// The commit of now.
        found: Option<String>,
    },
    /// The paths of files that changed, came or went.
    Files(Vec<String>),
}

impl SavedPlan {
    /// What is saved of a plan. `None` if a host of the cluster was not seen: nobody may release
    /// what nobody could review.
    #[must_use]
    pub fn of(plan: &Plan, basis: &Basis<'_>) -> Option<Self> {
        let Plan {
            cluster,
            hosts,
            waves: _,
            rollout: _,
            pause_after: _,
            refusals: _,
            left: _,
            dismissed: _,
            left_out: _,
        } = plan;
        let desired = &basis.desired.hosts;
        let takes_part = |name: &HostName| !basis.options.leaves_out(name);
        let saved = desired.iter().filter(|(name, _)| takes_part(name));
        let saved = saved.map(|(name, wanted)| {
            let seen = basis.observed.hosts.get(name)?;
            let changes = hosts.get(name)?.services.iter().map(|service| {
                let reasons = service.reasons.iter();
                SavedChange {
                    service: service.service.clone(),
                    change: service.change.into(),
                    action: service.action.into(),
                    reasons: reasons
                        .map(|reason| RecordedReason::of(reason, &service.service))
                        .collect(),
                }
            });
            let wanted = held(wanted, seen);
            let entries = wanted.services.iter();
            let host = SavedHost {
                generation: seen.generation.number(),
                current: current(&seen.generation),
                found: found(seen),
                desired: entries
                    .map(|(name, service)| (name.clone(), of_json(&json!(service.entry))))
                    .collect(),
                changes: changes.collect(),
            };
            Some((name.clone(), host))
        });
        Some(Self {
            format: FORMAT,
            bayplan: BAYPLAN.to_owned(),
            cluster: cluster.clone(),
            commit: basis.commit.map(str::to_owned),
            services: basis.options.services.clone(),
            leave_out: basis.options.leave_out.clone(),
            description: description(basis.sources),
            hosts: saved.collect::<Option<_>>()?,
        })
    }

    /// The text as stored: pretty JSON with a final line break, keys in a fixed order.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a saved plan is plain data");
        text.push('\n');
        text
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    /// It is none, or one of a newer bayplan.
    pub fn parse(bytes: &[u8]) -> Result<Self, SavedPlanError> {
        #[derive(Deserialize)]
        struct Any {
            format: Option<u32>,
            version: Option<u32>,
        }
        // The message of the parser quotes what is there, which may be any file.
        let foreign = |error: serde_json::Error| SavedPlanError::Foreign {
            why: format!(
                "{} at line {} column {}",
                match error.classify() {
                    Category::Io => "it cannot be read",
                    Category::Syntax => "no JSON",
                    Category::Data => "another value",
                    Category::Eof => "it ends",
                },
                error.line(),
                error.column()
            ),
        };
        // The format first: a newer plan may have fields that this version cannot judge.
        match serde_json::from_slice(bytes).map_err(foreign)? {
            Any {
                format: Some(found),
                ..
            } if found > FORMAT => Err(SavedPlanError::Newer { found }),
            Any {
                format: None,
                version: Some(_),
            } => Err(SavedPlanError::Shown),
            Any { .. } => serde_json::from_slice(bytes).map_err(foreign),
        }
    }

    /// What differs in the description; `None` if it is the one that was reviewed.
    #[must_use]
    pub fn moved(&self, commit: Option<&str>, sources: &Sources) -> Option<Moved> {
        if self.commit.as_deref() != commit {
            return Some(Moved::Commit {
                expected: self.commit.clone(),
                found: commit.map(str::to_owned),
            });
        }
        let now = description(sources);
        let paths: BTreeSet<&String> = self.description.keys().chain(now.keys()).collect();
        let differ = paths
            .into_iter()
            .filter(|path| self.description.get(*path) != now.get(*path));
        let differ: Vec<String> = differ.cloned().collect();
        (!differ.is_empty()).then_some(Moved::Files(differ))
    }

    /// What differs on hosts from what was reviewed, as a sentence each. `plan` is the one of now. What
    /// runs may differ as long as it asks for nothing that was not reviewed: a service that crashed
    /// or came back since.
    #[must_use]
    pub fn moved_hosts(
        &self,
        desired: &Desired,
        observed: &Observed,
        plan: &Plan,
    ) -> BTreeMap<HostName, String> {
        let mut moved = BTreeMap::new();
        let hosts = desired.hosts.iter();
        for (name, wanted) in hosts.filter(|(name, _)| !self.leave_out.contains(*name)) {
            let (Some(saved), Some(seen)) = (self.hosts.get(name), observed.hosts.get(name)) else {
                moved.insert(name.clone(), "the plan does not know this host".to_owned());
                continue;
            };
            let wanted = held(wanted, seen);
            let entries = wanted.services.iter();
            let entries: BTreeMap<_, _> = entries
                .map(|(name, service)| (name.clone(), of_json(&json!(service.entry))))
                .collect();
            let differences = if saved.current != current(&seen.generation) {
                vec![generation_moved(saved.generation, &seen.generation)]
            } else {
                let found = found(seen);
                let files = differing(&saved.found, &found);
                let files = files.map(|name| format!("the files of {name} were changed"));
                let rendered = differing(&saved.desired, &entries);
                let rendered = rendered.map(|name| self.rendered(name));
                let more = plan.hosts.get(name).into_iter().flat_map(|host| {
                    let services = host.services.iter();
                    services.filter_map(|now| saved.asks_more(now))
                });
                files.chain(rendered).chain(more).collect()
            };
            if !differences.is_empty() {
                moved.insert(name.clone(), told(&differences));
            }
        }
        moved
    }

    fn rendered(&self, name: &ServiceName) -> String {
        if self.bayplan == BAYPLAN {
            format!("{name} would get other files than were reviewed")
        } else {
            format!(
                "this bayplan {BAYPLAN} gives {name} other files than {}, which made the plan",
                self.bayplan
            )
        }
    }
}

impl SavedHost {
    /// What a service asks for now that was not reviewed.
    fn asks_more(&self, now: &super::ServicePlan) -> Option<String> {
        let saved = self.changes.iter().find(|c| c.service == now.service);
        let before = saved.map_or(SavedAction::None, |saved| saved.action);
        let removed = saved.is_some_and(|saved| saved.change == SavedKind::Removed);
        use SavedAction as Saved;
        let reviewed = match now.action {
            Action::None | Action::Pending => true,
            // A start and a restart lead to the same; what crashes in turns is now this, now that.
            Action::Start | Action::Restart | Action::Swap | Action::MayRestart => match before {
                Saved::Start | Saved::Restart | Saved::Swap | Saved::MayRestart => true,
                Saved::None
                | Saved::Stop
                | Saved::Pending
                | Saved::Reload
                | Saved::Run
                | Saved::MayRun => false,
            },
            // Less than a start.
            Action::Reload => match before {
                Saved::Start | Saved::Restart | Saved::Swap | Saved::MayRestart | Saved::Reload => {
                    true
                }
                Saved::None | Saved::Stop | Saved::Pending | Saved::Run | Saved::MayRun => false,
            },
            Action::Run | Action::MayRun => match before {
                Saved::Run | Saved::MayRun => true,
                Saved::None
                | Saved::Start
                | Saved::Restart
                | Saved::Swap
                | Saved::Reload
                | Saved::Stop
                | Saved::Pending
                | Saved::MayRestart => false,
            },
            // What leaves may have been down for a moment.
            Action::Stop => before == Saved::Stop || removed,
        };
        let verb = match now.action {
            Action::Start => "starts",
            Action::Reload => "is reloaded",
            Action::Restart => "restarts",
            Action::Swap => "is swapped",
            Action::MayRestart => "may restart",
            Action::Run => "runs",
            Action::MayRun => "may run",
            Action::Stop => "stops",
            Action::None | Action::Pending => return None,
        };
        let reason = now.reasons.first().map(|reason| {
            if let super::reason::Reason::NotRunning { state } = reason {
                format!(" (it is {state})")
            } else {
                String::new()
            }
        });
        (!reviewed).then(|| {
            format!(
                "{} {verb} now{}, and that was not reviewed",
                now.service,
                reason.unwrap_or_default()
            )
        })
    }
}

fn told(differences: &[String]) -> String {
    let first = differences[..differences.len().min(TOLD)].join("; ");
    match differences.len().saturating_sub(TOLD) {
        0 => first,
        more => format!("{first}; and {more} more"),
    }
}

fn generation_moved(saved: Option<u64>, now: &Generation) -> String {
    match (saved, now.number()) {
        (Some(saved), Some(now)) if saved != now => {
            format!("its generation is {now} now, the plan was made at {saved}")
        }
        (None, Some(now)) => format!("its generation is {now} now, the plan was made before any"),
        (Some(saved), None) => {
            format!("its generation cannot be read now, the plan was made at {saved}")
        }
        (Some(_), Some(_)) | (None, None) => "its generation is another one now".to_owned(),
    }
}

/// The names whose digests differ.
fn differing<'a>(
    before: &'a BTreeMap<ServiceName, Digest>,
    after: &'a BTreeMap<ServiceName, Digest>,
) -> impl Iterator<Item = &'a ServiceName> {
    let names: BTreeSet<&ServiceName> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
}

fn description(sources: &Sources) -> BTreeMap<String, Digest> {
    let files = sources.files();
    files
        .map(|(path, bytes)| (path.to_owned(), Digest::of(bytes)))
        .collect()
}

fn current(generation: &Generation) -> Digest {
    of_json(&match generation {
        Generation::None => json!(null),
        Generation::Current {
            number,
            manifest,
            images,
        } => json!({ "number": number, "manifest": manifest, "images": images }),
        Generation::Unreadable { why, newer } => json!({ "why": why, "newer": newer }),
    })
}

/// What is there of each service, without what runs.
fn found(seen: &ObservedHost) -> BTreeMap<ServiceName, Digest> {
    let services = seen.files_only().services;
    services
        .iter()
        .map(|(name, service)| (name.clone(), files_of(service)))
        .collect()
}

fn files_of(service: &ObservedService) -> Digest {
    let ObservedService {
        unit,
        slots,
        further,
        drop_ins,
        directories,
        leftovers,
        live,
        process: _,
        timer: _,
        watch: _,
        watched: _,
        runs: _,
        restarts: _,
        crashes: _,
        health: _,
        container: _,
    } = service;
    let directories: BTreeMap<&str, _> = directories
        .iter()
        .map(|(name, directory)| {
            let ObservedDirectory {
                files,
                texts: _,
                // The two others are parts of it.
                changed,
                mounted: _,
                marked: _,
            } = directory;
            let directory = json!({ "files": files, "changed": changed.0.to_string() });
            (name.as_str(), directory)
        })
        .collect();
    let mut files = unit_file(unit);
    files.extend([
        ("drop_ins", json!(drop_ins)),
        ("directories", json!(directories)),
        ("leftovers", json!(leftovers)),
    ]);
    let further: BTreeMap<&str, _> = further
        .iter()
        .map(|(file, unit)| (file.as_str(), json!(unit_file(unit))))
        .collect();
    if !further.is_empty() {
        files.insert("further", json!(further));
    }
    if let Some(serving) = slots.serving {
        files.insert("slot", json!(serving.to_string()));
    }
    let live: BTreeMap<&str, _> = live
        .iter()
        .map(|(name, there)| {
            let ObservedLive {
                version,
                files,
                texts: _,
                links,
                read: _,
                others,
            } = there;
            let version = version.as_ref().map(LiveVersion::as_str);
            let right = *links == LiveLinks::Right;
            let there =
                json!({ "version": version, "files": files, "links": right, "others": others });
            (name.as_str(), there)
        })
        .collect();
    if !live.is_empty() {
        files.insert("live", json!(live));
    }
    of_json(&json!(files))
}

/// What is there of a unit file.
fn unit_file(unit: &ObservedUnit) -> BTreeMap<&'static str, serde_json::Value> {
    let ObservedUnit {
        file,
        changed,
        enabled_by,
        loaded: _,
    } = unit;
    let file = match file {
        UnitFile::Absent => json!(null),
        UnitFile::Ours { digest, text: _ } => json!(digest),
        UnitFile::Foreign { path, owner } => match owner {
            Owner::Masked => json!([path, "masked"]),
            Owner::Cluster(cluster) => json!([path, "cluster", cluster]),
            Owner::Unmarked => json!([path, "unmarked"]),
        },
    };
    let changed = changed.0.to_string();
    [
        ("unit", file),
        ("changed", json!(changed)),
        ("enabled_by", json!(enabled_by)),
    ]
    .into()
}

fn of_json(value: &serde_json::Value) -> Digest {
    Digest::of(value.to_string())
}

impl From<Change> for SavedKind {
    fn from(change: Change) -> Self {
        match change {
            Change::Added => Self::Added,
            Change::Changed => Self::Changed,
            Change::Removed => Self::Removed,
        }
    }
}

impl From<Action> for SavedAction {
    fn from(action: Action) -> Self {
        match action {
            Action::None => Self::None,
            Action::Start => Self::Start,
            Action::Reload => Self::Reload,
            Action::Restart => Self::Restart,
            Action::Swap => Self::Swap,
            Action::Stop => Self::Stop,
            Action::Pending => Self::Pending,
            Action::MayRestart => Self::MayRestart,
            Action::Run => Self::Run,
            Action::MayRun => Self::MayRun,
        }
    }
}

#[cfg(test)]
#[path = "saved_tests.rs"]
mod tests;
