//! What several services restart for.

use std::collections::{BTreeMap, BTreeSet};

use super::super::reason::Reason;
use super::super::{Action, Change, Plan, ServicePlan};
use super::{Cause, CauseKind, Extent, Side};
use crate::cluster::fields::{Field, OnChange, SERVICE};
use crate::cluster::model::Layer;
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::{Definition, Definitions, Line, WrittenIn};
use crate::render::desired::Desired;
use crate::render::render;

/// What is known of a cause while all are looked for.
#[derive(Default)]
struct FoundCause {
    restarts: BTreeMap<ServiceName, BTreeSet<HostName>>,
    at: Option<Line>,
    explains: BTreeMap<ServiceName, BTreeSet<String>>,
}

impl FoundCause {
    fn restarts_on(&mut self, service: &ServiceName, host: &HostName) {
        let hosts = self.restarts.entry(service.clone()).or_default();
        hosts.insert(host.clone());
    }
}

type FoundCauses = BTreeMap<CauseKind, FoundCause>;

/// What several services restart for.
pub(super) fn causes(old_side: Side<'_>, new_side: Side<'_>, plan: &Plan) -> Vec<Cause> {
    let mut found = templates(old_side, new_side, plan);
    for (host, service) in restarts(plan) {
        for reason in &service.reasons {
            let reader = Reader {
                service: &service.service,
                host,
                old: old_side.definitions,
                new: new_side.definitions,
            };
            add_variable(&mut found, &reader, reason, &service.reasons);
        }
        for what in fields(&service.service, old_side.definitions, new_side.definitions) {
            let cause = found.entry(what).or_default();
            cause.restarts_on(&service.service, host);
        }
    }
    let running = old_side.desired.hosts.values();
    let running: usize = running.map(|at| at.services.len()).sum();
    // One service says it in its own line.
    let (told, own): (Vec<_>, Vec<_>) = found.into_iter().partition(|(what, cause)| match what {
        CauseKind::Template { .. } | CauseKind::OtherTemplate { .. } | CauseKind::Field { .. } => {
            true
        }
        CauseKind::Variable { .. } => cause.restarts.len() > 1,
    });
    let own: BTreeSet<(&ServiceName, &String)> = own
        .iter()
        .flat_map(|(_, cause)| &cause.explains)
        .flat_map(|(service, names)| names.iter().map(move |name| (service, name)))
        .collect();
    let told = told.into_iter().map(|(what, cause)| {
        let FoundCause {
            restarts,
            at,
            mut explains,
        } = cause;
        for (service, names) in &mut explains {
            names.retain(|name| !own.contains(&(service, name)));
        }
        Cause {
            what,
            extent: match restarts.values().map(BTreeSet::len).sum::<usize>() {
                number if number > 0 && number == running => Extent::All,
                _ => Extent::Some,
            },
            restarts,
            at,
            explains,
        }
    });
    let mut causes: Vec<Cause> = told.collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.restarts.len()));
    causes
}

/// The shared definitions that a changed variable of a service follows from. `all` are the reasons of that service.
fn add_variable(found: &mut FoundCauses, reader: &Reader<'_>, reason: &Reason, all: &[Reason]) {
    let Reason::Variable { name: own, .. } = reason else {
        return;
    };
    let Reason::Variable {
        layer,
        name,
        before,
        after,
    } = first_host(reason, all)
    else {
        return;
    };
    let roots = match layer {
        Layer::ServiceLocations => BTreeSet::from([name.to_string()]),
        // A secret is told by its own reason.
        Layer::Secrets => BTreeSet::new(),
        Layer::ServiceConfig | Layer::Cluster | Layer::Host | Layer::Service => {
            reader.roots(name.as_str())
        }
    };
    for root in roots {
        let (old, new) = reader.both(&root);
        let at = new.or(old).map(|definition| definition.at.clone());
        let what = match root == name.as_str() {
            true => CauseKind::Variable {
                layer: *layer,
                name: root,
                before: before.clone(),
                after: after.clone(),
            },
            false => reader.definition(root),
        };
        let cause = found.entry(what).or_default();
        cause.restarts_on(reader.service, reader.host);
        cause.at = at;
        let explains = cause.explains.entry(reader.service.clone()).or_default();
        explains.insert(own.to_string());
    }
}

/// `X_HOST` in the place of `X_HOSTS`, where a service has both: they are one thing to tell.
fn first_host<'a>(reason: &'a Reason, all: &'a [Reason]) -> &'a Reason {
    let one = place_variable(reason).and_then(|name| name.strip_suffix('S'));
    let one = one.filter(|one| one.ends_with("_HOST"));
    let same = |other: &&Reason| one.is_some() && place_variable(other) == one;
    all.iter().find(same).unwrap_or(reason)
}

/// The name of a variable that says where a service is.
fn place_variable(reason: &Reason) -> Option<&str> {
    if let Reason::Variable { layer, name, .. } = reason
        && *layer == Layer::ServiceLocations
    {
        Some(name.as_str())
    } else {
        None
    }
}

/// The fields of other texts than its own file that changed, and that a service has from there.
fn fields(service: &ServiceName, old: &Definitions, new: &Definitions) -> Vec<CauseKind> {
    let of = |definitions: &Definitions| definitions.shared_fields(service).cloned();
    let (old, new) = (of(old).unwrap_or_default(), of(new).unwrap_or_default());
    let keys: BTreeSet<&(WrittenIn, String)> = old.keys().chain(new.keys()).collect();
    let changed = keys.into_iter().filter_map(|key| {
        let (before, after) = (old.get(key), new.get(key));
        let raw = |field: Option<&(String, bool)>| field.map(|(raw, _)| raw.clone());
        let counts = [before, after]
            .into_iter()
            .flatten()
            .any(|(_, counts)| *counts);
        let (source, field) = key;
        let restarts = field_of(field).is_some_and(|field| field.change == OnChange::Restarts);
        (counts && restarts && raw(before) != raw(after)).then(|| CauseKind::Field {
            text: source.text(service),
            key: field.clone(),
            before: raw(before),
            after: raw(after),
        })
    });
    changed.collect()
}

/// The row of a field, or of one name of its table.
fn field_of(key: &str) -> Option<&'static Field> {
    let whole = key.split('.').next().unwrap_or(key);
    SERVICE.iter().find(|field| field.key == whole)
}

/// A service that reads variables.
struct Reader<'a> {
    service: &'a ServiceName,
    host: &'a HostName,
    old: &'a Definitions,
    new: &'a Definitions,
}

impl Reader<'_> {
    fn both(&self, name: &str) -> (Option<&Definition>, Option<&Definition>) {
        let (old, new) = (self.old, self.new);
        (
            old.of(self.service, self.host, name),
            new.of(self.service, self.host, name),
        )
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

fn restarts(plan: &Plan) -> impl Iterator<Item = (&HostName, &ServicePlan)> {
    plan.hosts.iter().flat_map(|(host, at)| {
        let services = at.services.iter().filter(|service| {
            service.action == Action::Restart && service.change == Change::Changed
        });
        services.map(move |service| (host, service))
    })
}

/// The templates that changed, with the services that would not restart, or not for the same lines of
/// their units, had they kept the old one.
fn templates(before: Side<'_>, after: Side<'_>, plan: &Plan) -> FoundCauses {
    let mut found = FoundCauses::new();
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
            found.entry(what.clone()).or_default();
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
            let cause = found.entry(what.clone()).or_default();
            cause.restarts_on(&service.service, host);
        }
    }
    found
}
