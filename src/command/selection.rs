//! What the operator chose: the services, and the hosts that take part.

use std::collections::BTreeSet;

use super::Failure;
use super::description::Description;
use crate::cli::Part;
use crate::cluster::model::Cluster;
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::cluster::nearest::nearest;
use crate::plan::{Moves, Options, RolloutPolicy};
use crate::report::hosts as names;

/// What a plan is made for.
pub(super) struct Scope {
    pub cluster: ClusterName,
    /// Only these; none means all.
    pub services: Vec<ServiceName>,
}

/// What the operator chose, with every named service known, and the jobs that the named ones come after.
pub(super) fn options(
    description: &Description,
    scope: &Scope,
    moves: Moves,
) -> Result<Options, Failure> {
    let services: BTreeSet<_> = scope.services.iter().cloned().collect();
    // A service that the description no longer has can be named too: its release removes it. So
    // only a name that nobody could mean is refused, and that is known after the look at the
    // hosts. Here a typing error is far more likely.
    for service in &services {
        if !description.cluster.services.contains_key(service) {
            let cluster = &scope.cluster;
            let otherwise = format!(
                "`bayplan release {cluster}` without a name also removes services that left"
            );
            let known = description.cluster.services.keys();
            return Err(unknown(
                &format!("of {cluster}"),
                service,
                known,
                Some(otherwise),
            ));
        }
    }
    let options = Options {
        services: (!services.is_empty()).then_some(services),
        moves,
        rollout: RolloutPolicy::of(&description.cluster),
        ..Options::default()
    };
    Ok(options.with_jobs(&description.desired))
}

/// That nobody can mean this service: `which` of them was expected, and what to type where no name is near.
pub(super) fn unknown<'a>(
    which: &str,
    found: &ServiceName,
    known: impl Iterator<Item = &'a ServiceName>,
    otherwise: Option<String>,
) -> Failure {
    let nearest = nearest(found.as_str(), known.map(ServiceName::as_str));
    let nearest = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
    let error = anyhow::anyhow!("expected a service {which}, found `{found}`");
    Failure::of(error, nearest.or(otherwise))
}

/// The hosts of a cluster that take no part.
pub(super) fn leave_out(cluster: &Cluster, part: &Part) -> Result<BTreeSet<HostName>, Failure> {
    let Part { skip, only } = part;
    for name in skip.iter().chain(only) {
        described(cluster, name)?;
    }
    let all = || cluster.hosts.keys().cloned();
    let leave_out: BTreeSet<HostName> = match only.as_slice() {
        [] => skip.iter().cloned().collect(),
        only => all().filter(|name| !only.contains(name)).collect(),
    };
    if leave_out.len() == cluster.hosts.len() && !leave_out.is_empty() {
        return Err(Failure::with_help(
            anyhow::anyhow!("expected a host that takes part, found none: all are left out"),
            "leave out fewer hosts",
        ));
    }
    Ok(leave_out)
}

/// Whether a host is one of the cluster.
pub(super) fn described(cluster: &Cluster, host: &HostName) -> Result<(), Failure> {
    if cluster.hosts.contains_key(host) {
        return Ok(());
    }
    Err(Failure::with_help(
        anyhow::anyhow!("expected a host of {}, found `{host}`", cluster.name),
        format!("its hosts: {}", names::hosts(cluster.hosts.keys())),
    ))
}
