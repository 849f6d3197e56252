//! Two revisions of a description against each other, without a host: what a release of the second
//! one does where the first one was released and runs.

use std::collections::{BTreeMap, BTreeSet};

use super::guard::{Breach, breaches};
use super::hidden::HiddenValues;
use super::observed::{
    Environment, Generation, Loaded, Moment, Observed, ObservedContainer, ObservedDirectory,
    ObservedHost, ObservedProcess, ObservedService, ObservedUnit, RecordedPlacement, RunningImage,
    UnitFile,
};
use super::reason::Reason;
use super::trust::{TrustChange, TrustSide, trust};
use super::{Action, Change, Moves, Options, Plan, Refusal, RefusalReason, plan};
use crate::cluster::model::{Cluster, Layer, Supervisor};
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::cluster::{Definition, Definitions};
use crate::render::desired::{Desired, DesiredHost, DesiredService};
use crate::render::placement::{self, Placement};
use crate::render::render;

/// One revision of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its model.
    pub cluster: &'a Cluster,
    /// What is rendered of that.
    pub desired: &'a Desired,
    /// What its variables are made of, to tell a change from what follows from it.
    pub definitions: &'a Definitions,
}

/// What a change of the description does to one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its name.
    pub cluster: ClusterName,
    /// Which sides have it.
    pub presence: Presence,
    /// What a release does. It is not refused for services that are `stateful`: see `stateful`.
    pub plan: Plan,
    /// What brings about the restarts of several services, the one with the most first.
    pub causes: Vec<Cause>,
    /// Hosts that the description no longer has, with what was placed there: a release does not
    /// reach them, so all of it runs on.
    pub left: BTreeMap<HostName, LeftServices>,
    /// Hosts whose name means another address now: before, after.
    pub readdressed: BTreeMap<HostName, (String, String)>,
    /// What a release refuses without `--allow-move`.
    pub stateful: Vec<Refusal>,
    /// The guards that forbid it, of the second side's own.
    pub guards: Vec<Breach>,
    /// The guards of the first side that would forbid it, and that the second side loosens or lacks.
    pub loosened: Vec<Breach>,
    /// Who may read and whom we trust, where that changes.
    pub trust: Vec<TrustChange>,
}

/// What was placed on a host that the description no longer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftServices {
    /// All that was placed there.
    pub services: Vec<ServiceName>,
    /// Those of them whose data stays there.
    pub stateful: Vec<ServiceName>,
}

/// Which sides have the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Both of them.
    Both,
    /// Only the second one.
    New,
    /// Only the first one.
    Removed,
}

/// One thing that several services restart for, or that changes the units of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What changed.
    pub what: CauseKind,
    /// The services that restart for it, and where.
    pub restarts: BTreeMap<ServiceName, BTreeSet<HostName>>,
    /// Whether those are all that the cluster runs.
    pub extent: Extent,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CauseKind {
    /// A unit template's text.
    Template {
        /// The path in the config repository.
        path: String,
    },
    /// These services use another template than before.
    OtherTemplate {
        /// The path of the old one, or `built-in`.
        before: String,
        /// The path of the new one, or `built-in`.
        after: String,
    },
    /// A variable that several services read, themselves or within another one: as written, where it
    /// is another one that they read.
    Variable {
        /// Its layer.
        layer: Layer,
        /// Its name.
        name: String,
        /// As written; `None` if it is new.
        before: Option<String>,
        /// As written; `None` if it is gone.
        after: Option<String>,
    },
}

/// Whether a cause reaches everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The cluster runs others, too.
    Some,
    /// They are all.
    All,
}

impl Review {
    /// Whether the change does anything to this cluster.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            cluster: _,
            presence,
            plan,
            causes,
            left,
            readdressed,
            stateful: _,
            guards: _,
            loosened: _,
            trust,
        } = self;
        let listed = plan.hosts.values().any(|host| !host.services.is_empty());
        *presence == Presence::Both
            && plan.is_empty()
            && !listed
            && causes.is_empty()
            && left.is_empty()
            && readdressed.is_empty()
            && trust.is_empty()
    }
}

/// Compares two revisions of a cluster; the side that does not have it is `None`.
///
/// # Panics
/// If neither side has it.
#[must_use]
pub fn review(before: Option<Side<'_>>, after: Option<Side<'_>>, options: &Options) -> Review {
    let (presence, cluster) = match (before, after) {
        (_, Some(after)) => (
            before.map_or(Presence::New, |_| Presence::Both),
            after.cluster,
        ),
        (Some(before), None) => (Presence::Removed, before.cluster),
        (None, None) => unreachable!("somebody has the cluster"),
    };
    let nothing = Desired {
        cluster: cluster.name.clone(),
        hosts: BTreeMap::new(),
        machines: BTreeMap::new(),
    };
    let old = before.map_or(&nothing, |side| side.desired);
    let new = after.map_or(&nothing, |side| side.desired);
    let supervisor = |host: &HostName| {
        let side = after.map(|side| side.cluster.supervisor(host));
        side.unwrap_or_default()
    };
    let observed = as_released(old, new, supervisor);
    let with = |moves| Options {
        moves,
        ..options.clone()
    };
    let mut planned = plan(new, &observed, &with(Moves::Allow));
    forget_unmoved_tags(&mut planned);
    // A second plan takes as long as the first one.
    let stateful = match has_stateful(old) || has_stateful(new) {
        true => plan(new, &observed, &with(Moves::Refuse)).refusals,
        false => Vec::new(),
    };
    let stateful = stateful
        .into_iter()
        .filter(|refusal| matches!(refusal.why, RefusalReason::Stateful { .. }));
    let left = old.hosts.iter().filter_map(|(name, host)| {
        let services = host.services.iter().filter(|(s, _)| options.selects(s));
        let left = LeftServices {
            services: services.clone().map(|(name, _)| name.clone()).collect(),
            stateful: services
                .filter(|(_, service)| service.stateful)
                .map(|(name, _)| name.clone())
                .collect(),
        };
        let gone = !new.hosts.contains_key(name) && !left.services.is_empty();
        gone.then(|| (name.clone(), left))
    });
    let mut causes = match (before, after) {
        (Some(before), Some(after)) => causes(before, after, &planned),
        (None, _) | (_, None) => Vec::new(),
    };
    let hidden = HiddenValues::of(new, &observed);
    for cause in &mut causes {
        if let CauseKind::Variable { before, after, .. } = &mut cause.what {
            for value in [before, after].into_iter().flatten() {
                *value = hidden.mask(value);
            }
        }
    }
    let guards_of = |side: Option<Side<'_>>| {
        side.map_or_else(Vec::new, |side| {
            breaches(&side.cluster.guard, &planned, None, &[])
        })
    };
    let guards = guards_of(after);
    let mut loosened = match after {
        Some(_) => guards_of(before),
        None => Vec::new(),
    };
    loosened.retain(|breach| !guards.iter().any(|other| same_breach(breach, other)));
    Review {
        cluster: cluster.name.clone(),
        presence,
        causes,
        left: left.collect(),
        readdressed: readdressed(before, after),
        stateful: stateful.collect(),
        guards,
        loosened,
        trust: match (before, after) {
            (Some(before), Some(after)) => trust(trusting(before), trusting(after)),
            // All of it is new, or none of it is left.
            (None, _) | (_, None) => Vec::new(),
        },
        plan: planned,
    }
}

fn trusting(side: Side<'_>) -> TrustSide<'_> {
    TrustSide {
        recipients: side.definitions.recipients(),
        cluster: Some(side.cluster),
    }
}

/// Whether two guards forbid the same, were it with another limit.
fn same_breach(one: &Breach, other: &Breach) -> bool {
    let protected = |breach: &Breach| match breach {
        Breach::Protected { service, .. } => Some(service.clone()),
        Breach::MaxRestarts { .. } | Breach::Branch { .. } | Breach::Unclean { .. } => None,
    };
    one.guard() == other.guard() && protected(one) == protected(other)
}

fn has_stateful(desired: &Desired) -> bool {
    let mut services = desired.hosts.values().flat_map(|h| h.services.values());
    services.any(|service| service.stateful)
}

/// What hosts look like on which `before` was released and runs, in sync: for every host that
/// `after` has. As on real hosts, texts are there only where something differs.
#[must_use]
pub fn as_released(
    before: &Desired,
    after: &Desired,
    supervisor: impl Fn(&HostName) -> Supervisor,
) -> Observed {
    let hosts = after.hosts.iter().map(|(name, wanted)| {
        let seen = match before.hosts.get(name) {
            Some(old) => released(&before.cluster, name, old, wanted, supervisor(name)),
            None => ObservedHost {
                supervisor: supervisor(name),
                placement: RecordedPlacement::Read(nothing_left(&before.cluster)),
                next_generation: 1,
                ..ObservedHost::default()
            },
        };
        (name.clone(), seen)
    });
    Observed {
        hosts: hosts.collect(),
    }
}

/// Hosts that left are told by the review itself.
fn nothing_left(cluster: &ClusterName) -> Placement {
    Placement {
        format: placement::FORMAT,
        cluster: cluster.clone(),
        release: 1,
        machines: Vec::new(),
    }
}

fn released(
    cluster: &ClusterName,
    name: &HostName,
    old: &DesiredHost,
    wanted: &DesiredHost,
    supervisor: Supervisor,
) -> ObservedHost {
    let services = old.services.iter();
    let services = services.map(|(name, service)| {
        let same = wanted
            .services
            .get(name)
            .is_some_and(|wanted| wanted.entry == service.entry);
        (name.clone(), runs_in_sync(service, supervisor, !same))
    });
    let empty = old.services.is_empty();
    ObservedHost {
        supervisor,
        placement: RecordedPlacement::Read(nothing_left(cluster)),
        generation: match empty {
            true => Generation::None,
            false => Generation::Current {
                number: 1,
                manifest: old.manifest(cluster, name),
                images: BTreeMap::new(),
            },
        },
        next_generation: if empty { 1 } else { 2 },
        kept_generations: (!empty).then_some(1).into_iter().collect(),
        services: services.collect(),
    }
}

fn runs_in_sync(
    service: &DesiredService,
    supervisor: Supervisor,
    with_texts: bool,
) -> ObservedService {
    let text =
        |(path, bytes): (&String, &Vec<u8>)| (path.clone(), String::from_utf8_lossy(bytes).into());
    let texts = service.files.iter().filter(|_| with_texts).map(text);
    let directory = ObservedDirectory {
        files: service.entry.files.clone(),
        texts: texts.collect(),
        ..ObservedDirectory::default()
    };
    let container = ObservedContainer {
        fingerprint: service.fingerprint.clone(),
        directory: Some(service.directory.clone()),
        reference: service.image.reference.clone(),
        image: RunningImage::Referenced,
        environment: Environment::Unasked,
        ports: service.handling.ports.clone(),
    };
    let runs = supervisor.runs_containers();
    ObservedService {
        unit: ObservedUnit {
            file: UnitFile::Ours {
                digest: service.unit_digest().clone(),
                text: with_texts.then(|| service.service_unit().text.clone()),
            },
            changed: Moment(0),
            enabled_by: service.service_unit().enabled_by.clone(),
            loaded: Loaded::AsOnDisk,
        },
        drop_ins: BTreeSet::new(),
        directories: BTreeMap::from([(service.directory.clone(), directory)]),
        leftovers: BTreeSet::new(),
        process: match runs {
            true => ObservedProcess::Active { since: Moment(1) },
            false => ObservedProcess::Stopped,
        },
        restarts: None,
        crashes: None,
        container: runs.then_some(container),
    }
}

/// Whether a moving tag means another image tomorrow is nothing that this change does.
fn forget_unmoved_tags(plan: &mut Plan) {
    for host in plan.hosts.values_mut() {
        host.services.retain_mut(|service| {
            if service.action == Action::MayRestart {
                service.action = Action::None;
                return !service.files.is_empty();
            }
            true
        });
    }
}

fn readdressed(
    before: Option<Side<'_>>,
    after: Option<Side<'_>>,
) -> BTreeMap<HostName, (String, String)> {
    let (Some(before), Some(after)) = (before, after) else {
        return BTreeMap::new();
    };
    let place = |cluster: &Cluster, name: &HostName| {
        let host = cluster.hosts.get(name)?;
        Some(host.location().into_owned())
    };
    let hosts = after.cluster.hosts.keys();
    hosts
        .filter_map(|name| {
            let (old, new) = (place(before.cluster, name)?, place(after.cluster, name)?);
            let served = |side: Side<'_>| !side.desired.hosts[name].services.is_empty();
            let matters = old != new && (served(before) || served(after));
            matters.then(|| (name.clone(), (old, new)))
        })
        .collect()
}

/// What several services restart for.
fn causes(old_side: Side<'_>, new_side: Side<'_>, plan: &Plan) -> Vec<Cause> {
    let mut found: BTreeMap<CauseKind, BTreeMap<ServiceName, BTreeSet<HostName>>> =
        templates(old_side, new_side, plan);
    for (host, service) in restarts(plan) {
        for reason in &service.reasons {
            let Reason::Variable {
                layer,
                name,
                before,
                after,
            } = reason
            else {
                continue;
            };
            let reader = Reader {
                service: &service.service,
                old: old_side.definitions,
                new: new_side.definitions,
            };
            let roots = match layer {
                Layer::ServiceLocations => BTreeSet::from([name.to_string()]),
                // A secret is told by its own reason.
                Layer::Secrets => BTreeSet::new(),
                Layer::ServiceConfig | Layer::Cluster | Layer::Service => {
                    reader.roots(name.as_str())
                }
            };
            for root in roots {
                let what = match root == name.as_str() {
                    true => CauseKind::Variable {
                        layer: *layer,
                        name: root,
                        before: before.clone(),
                        after: after.clone(),
                    },
                    false => reader.definition(root),
                };
                let services = found.entry(what).or_default();
                let hosts = services.entry(service.service.clone()).or_default();
                hosts.insert(host.clone());
            }
        }
    }
    let running: BTreeSet<(&HostName, &ServiceName)> = old_side
        .desired
        .hosts
        .iter()
        .flat_map(|(host, at)| at.services.keys().map(move |service| (host, service)))
        .collect();
    let mut causes: Vec<Cause> = found
        .into_iter()
        .filter(|(what, restarts)| match what {
            CauseKind::Template { .. } | CauseKind::OtherTemplate { .. } => true,
            // One service says it in its own line.
            CauseKind::Variable { .. } => restarts.len() > 1,
        })
        .map(|(what, restarts)| Cause {
            what,
            extent: match restarts.values().map(BTreeSet::len).sum::<usize>() {
                number if number > 0 && number == running.len() => Extent::All,
                _ => Extent::Some,
            },
            restarts,
        })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.restarts.len()));
    causes
}

/// A service that reads variables.
struct Reader<'a> {
    service: &'a ServiceName,
    old: &'a Definitions,
    new: &'a Definitions,
}

impl Reader<'_> {
    fn both(&self, name: &str) -> (Option<&Definition>, Option<&Definition>) {
        let (old, new) = (self.old, self.new);
        (old.of(self.service, name), new.of(self.service, name))
    }

    /// The shared definitions that were edited and that a variable's value follows from. What is the
    /// service's own it says in its own line.
    fn roots(&self, name: &str) -> BTreeSet<String> {
        let mut roots = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut left = vec![name.to_owned()];
        while let Some(name) = left.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let (before, after) = self.both(&name);
            let both = [before, after].into_iter().flatten();
            for definition in both.clone() {
                left.extend(definition.uses.iter().cloned());
            }
            let own = both.clone().any(|d| d.layer == Layer::Service);
            if !own && before.map(|d| &d.raw) != after.map(|d| &d.raw) {
                roots.insert(name);
            }
        }
        roots
    }

    fn definition(&self, name: String) -> CauseKind {
        let (before, after) = self.both(&name);
        CauseKind::Variable {
            layer: after.or(before).map_or(Layer::Cluster, |d| d.layer),
            before: before.map(|d| d.raw.clone()),
            after: after.map(|d| d.raw.clone()),
            name,
        }
    }
}

fn restarts(plan: &Plan) -> impl Iterator<Item = (&HostName, &super::ServicePlan)> {
    plan.hosts.iter().flat_map(|(host, at)| {
        let services = at.services.iter().filter(|service| {
            service.action == Action::Restart && service.change == Change::Changed
        });
        services.map(move |service| (host, service))
    })
}

/// The templates that changed, with the services that would not restart, or not for the same lines of
/// their units, had they kept the old one.
fn templates(
    before: Side<'_>,
    after: Side<'_>,
    plan: &Plan,
) -> BTreeMap<CauseKind, BTreeMap<ServiceName, BTreeSet<HostName>>> {
    let mut found = BTreeMap::new();
    let mut changed: BTreeMap<&ServiceName, CauseKind> = BTreeMap::new();
    for (name, service) in &after.cluster.services {
        let Some(old) = before.cluster.services.get(name) else {
            continue;
        };
        let (old, new) = (&old.template, &service.template);
        let what = match (old.origin == new.origin, old.source == new.source) {
            (true, false) => CauseKind::Template {
                path: new.origin.clone(),
            },
            (false, false) => CauseKind::OtherTemplate {
                before: old.origin.clone(),
                after: new.origin.clone(),
            },
            (_, true) => continue,
        };
        if !service.hosts.is_empty() {
            found.entry(what.clone()).or_insert_with(BTreeMap::new);
        }
        changed.insert(name, what);
    }
    if changed.is_empty() {
        return found;
    }
    let mut cluster = after.cluster.clone();
    for (name, service) in &mut cluster.services {
        if changed.contains_key(name) {
            service.template = before.cluster.services[name].template.clone();
        }
    }
    let rendered;
    let kept = if cluster == *before.cluster {
        // Nothing but templates changed: this is rendered already.
        Some(before.desired)
    } else {
        // An old template may lack what the new description needs: then it had to change.
        rendered = render(&cluster).ok();
        rendered.as_ref()
    };
    for (host, service) in restarts(plan) {
        let Some(what) = changed.get(&service.service) else {
            continue;
        };
        let directives = |desired: &Desired| {
            let service = desired.hosts.get(host)?.services.get(&service.service)?;
            Some(service.inputs.directives.clone())
        };
        let had_it_stayed = kept.and_then(directives);
        if had_it_stayed.is_none() || had_it_stayed != directives(after.desired) {
            let services = found.entry(what.clone()).or_default();
            let hosts: &mut BTreeSet<HostName> =
                services.entry(service.service.clone()).or_default();
            hosts.insert(host.clone());
        }
    }
    found
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
