//! What stands below a plan: the line that sums it up, what to type next, and what a release asks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::palette::{Palette, paint};
use super::text::{count, list, shell_word};
use super::totals::Totals;
use super::view::PlanView;
use super::{hosts, left, moves};
use crate::cluster::name::{HostName, ServiceName};
use crate::plan::reason::Reason;
use crate::plan::{Action, Change, FileChange, Moves, Plan, ServicePlan};

pub(super) fn last_line(view: &PlanView<'_>, only: &[ServiceName]) -> String {
    let PlanView { totals, .. } = view;
    let mut unseen = match view.unseen.as_slice() {
        [] => String::new(),
        hosts => format!("; {} not seen", hosts::list(hosts)),
    };
    if !view.left_out.is_empty() {
        let names = view.left_out.iter().map(|left_out| left_out.host);
        unseen += &format!("; {} left out", list(names));
    }
    unseen += &left::counted(&view.left);
    let hosts = count(totals.hosts, "host", "hosts");
    if !view.refusals.is_empty() {
        let problems = count(view.refusals.len(), "problem", "problems");
        return format!("Refused: {problems} to solve first; nothing is changed anywhere{unseen}");
    }
    if view.is_empty && totals.listed == 0 {
        let name = view.cluster;
        if view.hosts.is_empty() && !unseen.is_empty() {
            return format!("Nothing is known of {name}{unseen}");
        }
        if !unseen.is_empty() {
            return format!("No changes on {hosts} of {name}{unseen}");
        }
        if !only.is_empty() {
            let services = list(only);
            let are = if only.len() == 1 { "is" } else { "are" };
            return format!("No changes. {services} {are} in sync on {name} ({hosts}).");
        }
        let services = count(view.placed, "service", "services");
        return format!("No changes. {name} is in sync ({hosts}, {services}).");
    }
    if view.is_empty {
        return format!("Nothing to do on {hosts}: {}{unseen}", totals.words());
    }
    let mut acting = view.hosts.iter().filter(|host| host.acts);
    let unstarted = if acting.all(|host| !host.supervisor.runs_containers()) {
        "; nothing is started"
    } else {
        ""
    };
    format!("{hosts}: {}{unstarted}{unseen}", totals.words())
}

/// What to type after a `diff`, with what a release must be told of stateful services; nothing if there is nothing to
/// do, or something to solve first.
#[must_use]
pub fn next_command(plan: &Plan, what: Next<'_>, moves: Moves) -> Option<String> {
    if !plan.refusals.is_empty() {
        return None;
    }
    let services: Vec<&ServiceName> = match what {
        _ if plan.is_empty() => pending(plan).into_iter().collect(),
        Next::Saved(_) => Vec::new(),
        Next::Services(only) => only.iter().collect(),
    };
    if plan.is_empty() && services.is_empty() {
        return None;
    }
    let services: String = services.iter().map(|name| format!(" {name}")).collect();
    let flag = match moves {
        Moves::Allow => " --allow-move",
        Moves::Refuse => "",
    };
    let what = match what {
        Next::Saved(path) if !plan.is_empty() => {
            format!(" --plan {}", shell_word(&path.to_string_lossy()))
        }
        Next::Saved(_) | Next::Services(_) => services,
    };
    Some(format!("bayplan release {}{what}{flag}", plan.cluster))
}

/// What to type next.
#[must_use]
pub fn next(command: &str, palette: &Palette) -> String {
    format!("{} {command}\n", paint(palette.help, "next:"))
}

/// What the next release is to do.
#[derive(Debug, Clone, Copy)]
pub enum Next<'a> {
    /// These services, or all of them.
    Services(&'a [ServiceName]),
    /// The plan in this file.
    Saved(&'a Path),
}

/// Services whose restart waits for the operator.
fn pending(plan: &Plan) -> BTreeSet<&ServiceName> {
    let services = plan.hosts.values().flat_map(|host| &host.services);
    services
        .filter(|service| service.action == Action::Pending)
        .map(|service| &service.service)
        .collect()
}

/// That units differ on hosts that another version of bayplan (`released_by`) released: it may have
/// another built-in template, or write units otherwise. `None` where no unit differs for
/// another reason than its inputs.
#[must_use]
pub fn another_version(
    released_by: &BTreeMap<HostName, String>,
    running: &str,
    plan: &Plan,
) -> Option<String> {
    let differs = |service: &ServicePlan| {
        let directive = |reason: &Reason| matches!(reason, Reason::Directive { .. });
        let unit: String = service.unit.service_file().into();
        let of_unit = |file: &FileChange| file.path == unit && file.kind == Change::Changed;
        service.reasons.iter().any(directive)
            || service.reasons.is_empty() && service.files.iter().any(of_unit)
    };
    let mut versions: BTreeMap<&str, Vec<&HostName>> = BTreeMap::new();
    for (host, version) in released_by {
        let changed = plan.hosts.get(host);
        if version != running && changed.is_some_and(|host| host.services.iter().any(differs)) {
            versions.entry(version).or_default().push(host);
        }
    }
    let versions: Vec<String> = versions
        .into_iter()
        .map(|(version, hosts)| format!("bayplan {version} released {}", hosts::list(&hosts)))
        .collect();
    (!versions.is_empty()).then(|| {
        format!(
            "{}, and this is {running}: what differs in their units may come from bayplan itself \
             (its built-in template, where the description has none)",
            versions.join("; ")
        )
    })
}

/// What a release asks before it begins.
#[must_use]
pub fn question(plan: &Plan) -> String {
    let mut acting: BTreeMap<&HostName, ()> = BTreeMap::new();
    for wave in &plan.waves {
        acting.extend(wave.activations.keys().map(|host| (host, ())));
    }
    let hosts = count(acting.len(), "host", "hosts");
    if acting.is_empty() {
        let forgotten = plan.dismissed.iter().map(|left| &left.host);
        return format!("Forget {} of {}? [y/N] ", list(forgotten), plan.cluster);
    }
    let moves = moves::moves(plan);
    let moves = moves.iter().map(|it| (it.to.len(), it.from.len()));
    let deeds = Totals::of(plan).deeds(moves);
    match deeds.is_empty() {
        true => format!(
            "Apply to {hosts} of {}, without a restart? [y/N] ",
            plan.cluster
        ),
        false => format!(
            "Apply {} to {hosts} of {}? [y/N] ",
            list(deeds),
            plan.cluster
        ),
    }
}
