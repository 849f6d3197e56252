//! `bayplan decommission CLUSTER HOST`, and `bayplan destroy CLUSTER`.

use std::collections::BTreeMap;
use std::path::Path;

use super::confirm::is_named;
use super::description::{Description, load_hosts, repository};
use super::request::visitor;
use super::selection::described;
use super::shown::{exit_after, failures};
use super::{Exit, Failure};
use crate::cli::{Decommission, DepartureChoice, Destroy};
use crate::cluster::model::Host;
use crate::cluster::name::HostName;
use crate::host::belongings::departure::Departure;
use crate::release::depart::{
    AlsoGoes, Departed, DepartureScope, depart, departures, forget, remembered_hosts,
};
use crate::release::problem::Problem;
use crate::release::visit::{HostVisit, Visitor};
use crate::report::depart::{self as text, LeavingHost};
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::{errors, stream};

/// `bayplan decommission`.
pub(super) fn run(directory: Option<&Path>, arguments: &Decommission) -> Result<Exit, Failure> {
    let Decommission {
        cluster,
        host,
        besides,
        confirm,
    } = arguments;
    let name = host.as_str();
    agree("host", name, confirm.as_ref().map(AsRef::as_ref))?;
    let repository = repository(directory)?;
    let description = match load_hosts(&repository, cluster) {
        Ok((description, _)) => description,
        Err(exit) => return Ok(exit),
    };
    let leaving = match find(&description, host, besides)? {
        Ok(leaving) => BTreeMap::from([(host.clone(), leaving)]),
        Err(exit) => return Ok(exit),
    };
    let it = Leaving {
        description: &description,
        hosts: &leaving,
        besides,
        by: visitor(
            cluster,
            ("decommission", "decommissioning"),
            besides.lock_wait,
        ),
    };
    let exit = it.run("host", name, confirm.is_some())?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    let mut others = description.cluster.hosts.clone();
    others.remove(host);
    let visit = it.visit(&others);
    let problems = forget(visit, &it.by, host, &|_| {});
    let told = failures(&problems);
    stream::stderr(&errors::text(&told, &Palette::stderr()));
    stream::stdout(&text::next_of(
        &description.cluster,
        host,
        problems.keys(),
        &Palette::stdout(),
    ))?;
    Ok(Exit::Done)
}

/// The host, described or not.
fn find(
    description: &Description,
    host: &HostName,
    besides: &DepartureChoice,
) -> Result<Result<Host, Exit>, Failure> {
    let cluster = &description.cluster;
    if let Some(described) = cluster.hosts.get(host) {
        return Ok(Ok(described.clone()));
    }
    let (mut found, problems) = remembered(description, &cluster.hosts, besides);
    match found.remove(host) {
        Some(host) => Ok(Ok(host)),
        None if !problems.is_empty() => {
            stream::stderr(&errors::text(&failures(&problems), &Palette::stderr()));
            stream::stderr("the hosts that answered do not know where it was\n");
            Ok(Err(Exit::Failed))
        }
        None => Err(Failure::with_help(
            anyhow::anyhow!(
                "expected a host of {}, now or once, found `{host}`",
                cluster.name
            ),
            format!(
                "if it is there, put [hosts.{host}] with its address into cluster.toml; its hosts: {}",
                crate::report::hosts::hosts(cluster.hosts.keys())
            ),
        )),
    }
}

/// Hosts that left the description, as those remember them that are described.
fn remembered(
    description: &Description,
    hosts: &BTreeMap<HostName, Host>,
    besides: &DepartureChoice,
) -> (BTreeMap<HostName, Host>, BTreeMap<HostName, Problem>) {
    let progress = Progress::stderr(hosts.keys(), &Palette::stderr());
    let visit = description.visit(hosts, &besides.parallel);
    let found = remembered_hosts(visit, &|event| progress.event(&event));
    progress.finish();
    found
}

/// `bayplan destroy`.
pub(super) fn destroy(directory: Option<&Path>, arguments: &Destroy) -> Result<Exit, Failure> {
    let Destroy {
        cluster,
        skip,
        besides,
        confirm,
    } = arguments;
    let name = cluster.as_str();
    agree("cluster", name, confirm.as_ref().map(AsRef::as_ref))?;
    let repository = repository(directory)?;
    let description = match load_hosts(&repository, cluster) {
        Ok((description, _)) => description,
        Err(exit) => return Ok(exit),
    };
    let mut hosts = description.cluster.hosts.clone();
    hosts.retain(|host, _| !skip.contains(host));
    // Hosts that cannot be asked are told by the look.
    let (left, _) = remembered(&description, &hosts, besides);
    for host in skip.iter().filter(|host| !left.contains_key(*host)) {
        described(&description.cluster, host)?;
    }
    hosts.extend(left.into_iter().filter(|(host, _)| !skip.contains(host)));
    if hosts.is_empty() {
        return Err(Failure::with_help(
            anyhow::anyhow!("expected a host of {cluster} that is not skipped, found none"),
            "leave out one of the `--skip`",
        ));
    }
    let it = Leaving {
        description: &description,
        hosts: &hosts,
        besides,
        by: visitor(cluster, ("destroy", "destroying"), besides.lock_wait),
    };
    it.run("cluster", name, confirm.is_some())
}

/// A name that was typed for another thing is a mistake, before anything is asked.
fn agree(what: &str, name: &str, confirmed: Option<&str>) -> Result<(), Failure> {
    match confirmed {
        Some(other) if other != name => Err(Failure::usage(
            format!("expected `--confirm {name}`, found `--confirm {other}`"),
            format!("it is the name of the {what} that goes"),
        )),
        Some(_) | None => Ok(()),
    }
}

/// A cluster that leaves hosts.
struct Leaving<'a> {
    description: &'a Description,
    hosts: &'a BTreeMap<HostName, Host>,
    besides: &'a DepartureChoice,
    by: Visitor,
}

impl Leaving<'_> {
    fn visit<'h>(&'h self, hosts: &'h BTreeMap<HostName, Host>) -> HostVisit<'h> {
        self.description.visit(hosts, &self.besides.parallel)
    }

    fn scope(&self) -> DepartureScope {
        DepartureScope {
            volumes: AlsoGoes::of(self.besides.volumes),
            images: AlsoGoes::of(self.besides.images),
        }
    }

    /// Looks, shows, asks, removes.
    fn run(&self, what: &str, name: &str, confirmed: bool) -> Result<Exit, Failure> {
        let progress = Progress::stderr(self.hosts.keys(), &Palette::stderr());
        let tell = |event| progress.event(&event);
        let (found, problems) = departures(self.visit(self.hosts), &tell);
        progress.finish();
        let cluster = &self.description.cluster;
        let shown: Vec<LeavingHost<'_>> = found
            .iter()
            .map(|(name, departure)| LeavingHost {
                name,
                departure,
                scope: self.scope(),
            })
            .collect();
        let these = self.with_something(&found);
        let is_asked = !confirmed || these.is_empty();
        let text = text::text(cluster, &shown, &Palette::stdout());
        stream::proposal(&text, is_asked)?;
        if !problems.is_empty() {
            stream::stderr(&errors::text(&failures(&problems), &Palette::stderr()));
            stream::stderr("nothing was removed from any host\n");
            return Ok(Exit::Failed);
        }
        if these.is_empty() {
            return Ok(Exit::Done);
        }
        let otherwise = format!("`--confirm {name}` goes on without asking");
        if !confirmed && !is_named(&text::question(what), name, &otherwise)? {
            stream::stderr("nothing was removed\n");
            return Ok(Exit::Failed);
        }
        self.remove(&these, &found)
    }

    /// The hosts on which there is something to remove.
    fn with_something(&self, found: &BTreeMap<HostName, Departure>) -> BTreeMap<HostName, Host> {
        let mut these = self.hosts.clone();
        let scope = self.scope();
        // Of one that was not seen nothing is known.
        these.retain(|name, _| {
            found
                .get(name)
                .is_some_and(|it| text::is_something(it, scope))
        });
        these
    }

    fn remove(
        &self,
        these: &BTreeMap<HostName, Host>,
        found: &BTreeMap<HostName, Departure>,
    ) -> Result<Exit, Failure> {
        let say = |host: &HostName, what: &str| stream::aside(&text::says(host, what));
        let visit = self.visit(these);
        // Looks need no line; whoever waits for a lock is told for whom.
        let progress = Progress::log();
        let tell = |event| progress.event(&event);
        let (departed, problems) = depart(visit, &self.by, found, self.scope(), &tell, &say);
        let cluster = &self.description.cluster;
        stream::stdout(&text::outcome(cluster, &departed, &Palette::stdout()))?;
        stream::stderr(&errors::text(&failures(&problems), &Palette::stderr()));
        let otherwise = match departed.values().all(Departed::is_done) {
            true => Exit::Done,
            false => Exit::Failed,
        };
        Ok(exit_after(&problems, otherwise))
    }
}
