//! Two revisions of a description against each other, without a host: what a release of the second
//! one does where the first one was released and runs.

mod as_released;
mod causes;

pub use as_released::as_released;
use std::collections::{BTreeMap, BTreeSet};

use super::guard::{Breach, breaches};
use super::hidden::HiddenValues;
use super::trust::{TrustChange, TrustSide, trust};
use super::{Action, Moves, Options, Plan, Refusal, RefusalReason, plan};
use crate::cluster::model::{Cluster, Layer};
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::cluster::{Definitions, Line};
use crate::render::desired::Desired;
use causes::causes;

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
    /// Where it is defined, if it is a variable of a file.
    pub at: Option<Line>,
    /// The variables of each service that follow from it, and from nothing that is told otherwise.
    pub explains: BTreeMap<ServiceName, BTreeSet<String>>,
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
    /// A field that services have from another text than their own file.
    Field {
        /// The text, as a reader finds it: `[defaults]`, `[services.web]`, `services/api.toml`.
        text: String,
        /// The field's key, `labels.team` for one name of a table.
        key: String,
        /// As written; `None` if it is new.
        before: Option<String>,
        /// As written; `None` if it is gone.
        after: Option<String>,
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
        let listed = plan
            .hosts
            .values()
            .any(|host| !host.services.is_empty() || !host.networks.is_empty());
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
        if let CauseKind::Variable { before, after, .. } | CauseKind::Field { before, after, .. } =
            &mut cause.what
        {
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
        Breach::MaxRestarts { .. }
        | Breach::Branch { .. }
        | Breach::Unclean { .. }
        | Breach::Unsigned { .. }
        | Breach::Hours { .. } => None,
    };
    one.guard() == other.guard() && protected(one) == protected(other)
}

fn has_stateful(desired: &Desired) -> bool {
    let mut services = desired.hosts.values().flat_map(|h| h.services.values());
    services.any(|service| service.stateful)
}

/// Whether a moving tag means another image tomorrow is nothing that this change does.
fn forget_unmoved_tags(plan: &mut Plan) {
    for host in plan.hosts.values_mut() {
        host.services.retain_mut(|service| {
            if service.action.is_possible() {
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

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
