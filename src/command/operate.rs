//! What is done to what hosts have already: it is started again, stopped, or started where it was held. A release of nothing new.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::carry_out::{ReleaseContext, carry_out, make_room};
use super::description::{load_hosts, repository};
use super::operated::{OperatedServices, found, not_about, not_the_last};
use super::operation::{Operation, OperationKind};
use super::request::request;
use super::rollback::{generations, only, stopped};
use super::selection::{Scope, leave_out};
use super::shown::suggest_skip;
use super::{Exit, Failure};
use crate::cli::Patience;
use crate::cluster::model::OnFailure;
use crate::cluster::name::{HostName, ServiceName};
use crate::host::look::LookFor;
use crate::plan::observed::NewHolds;
use crate::plan::{AskedRestart, Moves, Options, Origin, RolloutPolicy};
use crate::release::generations::bare;
use crate::release::{Hosts, Setting};
use crate::render::desired::Desired;
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::HoldView;
use crate::report::{Detail, hold as text, hosts as names, stream};

/// Shows what becomes of it, asks, and does it.
pub(super) fn operate(
    directory: Option<&Path>,
    operation: &Operation<'_>,
) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let (description, described) = match load_hosts(&repository, operation.cluster) {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let cluster = &description.cluster;
    let others = leave_out(cluster, operation.part)?;
    let progress = Progress::stderr(cluster.hosts.keys(), &Palette::stderr());
    let bare = bare(cluster);
    let setting = Setting {
        desired: &bare,
        ..description.setting(&operation.operating.parallel)
    };
    make_room(&setting)?;
    let tell = |event| progress.event(&event);
    let mut hosts = Hosts::look(setting, LookFor::Plan, &tell);
    // Whether a service runs elsewhere is asked of all hosts that answer.
    let everywhere = hosts.observed();
    hosts.without(&others);
    hosts.leave_out(&not_about(&description, described, operation.services));
    hosts.follow_orphans(setting, &tell);
    progress.finish();
    if !hosts.problems().is_empty() {
        let exit = stopped(&hosts);
        if operation.part.only.is_empty() {
            let services = typed(operation.services);
            let command = format!("{} {}{services}", operation.command, operation.cluster);
            suggest_skip(&command, hosts.problems());
        }
        return Ok(exit);
    }
    let OperatedServices {
        numbers,
        services,
        holds,
    } = found(&hosts.observed(), &description, operation)?;
    if let OperationKind::Stop { last, .. } = &operation.kind {
        not_the_last(&everywhere, &holds, *last)?;
    }
    let (back, mut desired) = generations(&mut hosts, setting, &numbers);
    if !hosts.problems().is_empty() {
        return Ok(stopped(&hosts));
    }
    pace(&mut desired, &description.desired);
    let rollout = RolloutPolicy {
        pause: None,
        // There is nothing to go back to.
        on_failure: OnFailure::Keep,
        ..RolloutPolicy::of(cluster)
    };
    let description = only(description, &back);
    let setting = Setting {
        desired: &desired,
        ..description.setting(&operation.operating.parallel)
    };
    hosts.look_for(setting, &back);
    if !hosts.problems().is_empty() {
        return Ok(stopped(&hosts));
    }
    let options = Options {
        services: Some(services),
        origin: Origin::Current,
        moves: Moves::Allow,
        rollout,
        asked: match &operation.kind {
            OperationKind::Restart { why } => Some(AskedRestart { why: why.clone() }),
            OperationKind::Stop { .. } | OperationKind::Start { .. } => None,
        },
        ..Options::default()
    };
    let patience = Patience {
        lock_wait: operation.operating.lock_wait,
        on_failure: None,
    };
    let what = (operation.command, operation.cluster);
    let mut request = request(&repository, what, options, &patience);
    request.back = back;
    hosts.hold(holds.clone());
    let context = ReleaseContext {
        description: &description,
        setting,
        scope: &Scope {
            cluster: operation.cluster.clone(),
            services: operation.services.to_vec(),
        },
        repository: &repository,
        identities: &operation.operating.identities,
        origin: Origin::Current,
        lift: &[],
        saved: None,
        yes: operation.operating.yes,
        detail: Detail::Short,
    };
    let carried = carry_out(&context, request, &mut hosts)?;
    if carried.exit == Exit::Done && !holds.is_empty() {
        stream::stdout(&held_text(operation, &holds))?;
    }
    Ok(carried.exit)
}

/// Who holds what from now on, and how that ends.
fn held_text(operation: &Operation<'_>, holds: &BTreeMap<HostName, NewHolds>) -> String {
    let mut by_service: BTreeMap<&ServiceName, Vec<&HostName>> = BTreeMap::new();
    for (host, holds) in holds {
        for service in holds.keys() {
            by_service.entry(service).or_default().push(host);
        }
    }
    let lines = by_service.into_iter().map(|(service, hosts)| {
        let hosts = names::hosts(hosts);
        match &operation.kind {
            OperationKind::Stop { hold, .. } => {
                let view = HoldView::of(hold);
                format!("{service} is held on {hosts}{}\n", text::by(&view))
            }
            OperationKind::Restart { .. } | OperationKind::Start { .. } => {
                format!("{service} is held no more on {hosts}\n")
            }
        }
    });
    let mut text: String = lines.collect();
    if let OperationKind::Stop { hold, .. } = &operation.kind {
        let cluster = operation.cluster;
        text += &match hold.drains {
            true => {
                let hosts = typed(holds.keys());
                format!("`bayplan undrain {cluster}{hosts}` starts it again\n")
            }
            false => format!(
                "no release starts it; `bayplan start {cluster}{}` does\n",
                typed(operation.services)
            ),
        };
    }
    text
}

/// Names as they stand in a command: ` search web`.
fn typed<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let names = names.into_iter();
    names.map(|name| format!(" {}", name.to_string())).collect()
}

/// How carefully each service restarts is what the description says; a generation does not have it.
fn pace(desired: &mut Desired, described: &Desired) {
    for (host, wanted) in &mut desired.hosts {
        let Some(described) = described.hosts.get(host) else {
            continue;
        };
        for (name, service) in &mut wanted.services {
            if let Some(described) = described.services.get(name) {
                let service = Arc::make_mut(service);
                service.max_down = described.max_down;
                service.batch = described.batch;
                service.soak = described.soak;
                service.deadline = described.deadline;
            }
        }
    }
}
