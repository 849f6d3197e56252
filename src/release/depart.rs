//! A cluster leaves hosts: all that it has there goes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::Event;
use super::problem::Problem;
use super::visit::{HostVisit, VisitedHost, Visitor};
use crate::cluster::model::{Cluster, Host, Transport};
use crate::cluster::name::HostName;
use crate::host::belongings::BelongingsAsked;
use crate::host::belongings::departure::{
    Departure, DepartureEvent, GoesBesides, depart_script, parse_sizes, sizes_script,
};
use crate::host::belongings::leftover::Leftover;
use crate::host::past::kept::{self, BegunFile};
use crate::render::placement::{Machine, Placement, Reach};

/// For units to stop, which may take as long as their limits say, and for data to go.
const DEPART: Duration = Duration::from_secs(3600);
/// For the sizes of data.
const SIZES: Duration = Duration::from_secs(600);
/// For a file.
const SHORT: Duration = Duration::from_secs(60);

/// What goes besides, if it is nobody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepartureScope {
    /// Where containers keep data.
    pub volumes: AlsoGoes,
    /// Images.
    pub images: AlsoGoes,
}

/// Whether something goes, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlsoGoes {
    /// It does.
    Yes,
    /// It stays.
    No,
}

impl AlsoGoes {
    /// What an option says.
    #[must_use]
    pub fn of(asked: bool) -> Self {
        match asked {
            true => Self::Yes,
            false => Self::No,
        }
    }
}

/// What the cluster has on each host. Nothing changes.
pub fn departures(
    visit: HostVisit<'_>,
    tell: &(impl Fn(Event) + Sync),
) -> (BTreeMap<HostName, Departure>, BTreeMap<HostName, Problem>) {
    visit.each(tell, |host| {
        let mut departure = departure(host)?;
        measure(host, &mut departure)?;
        Ok(departure)
    })
}

fn departure(host: &mut VisitedHost<'_>) -> Result<Departure, Problem> {
    let found = host.belongings(BelongingsAsked::All)?;
    Ok(found.departure(host.layout.cluster(), host.engine()))
}

/// How large its data is, and what of it others use; that takes as long as it has files.
fn measure(host: &mut VisitedHost<'_>, departure: &mut Departure) -> Result<(), Problem> {
    let doing = "measuring data";
    let script = sizes_script(&host.layout, host.engine(), &departure.volumes);
    let answer = host.session.run(doing, &script, SIZES)?;
    departure.volumes = parse_sizes(&answer.stdout, &departure.volumes)
        .ok_or_else(|| host.session.misunderstood(doing, &answer.stdout))?;
    Ok(())
}

/// What is left on a host afterwards, and what did not work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Departed {
    /// What did not work, in words.
    pub failed: Vec<String>,
    /// What is still there.
    pub left: Departure,
}

impl Departed {
    /// Whether nothing is there any more that was to go.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.failed.is_empty() && self.left.is_over()
    }
}

/// Removes what was shown from each host, under its lock. Data and images go only as they were shown.
pub fn depart(
    visit: HostVisit<'_>,
    by: &Visitor,
    shown: &BTreeMap<HostName, Departure>,
    scope: DepartureScope,
    tell: &(impl Fn(Event) + Sync),
    say: &(impl Fn(&HostName, &str) + Sync),
) -> (BTreeMap<HostName, Departed>, BTreeMap<HostName, Problem>) {
    visit.each(tell, |host| {
        host.lock(by)?;
        depart_host(host, &shown[host.name], scope, say)
    })
}

fn depart_host(
    host: &mut VisitedHost<'_>,
    shown: &Departure,
    scope: DepartureScope,
    say: &(impl Fn(&HostName, &str) + Sync),
) -> Result<Departed, Problem> {
    // What somebody else began to use since then stays.
    let mut now = departure(host)?;
    if scope.volumes == AlsoGoes::Yes {
        measure(host, &mut now)?;
    }
    let data: Vec<_> = match scope.volumes {
        AlsoGoes::No => Vec::new(),
        AlsoGoes::Yes => {
            let seen = |name: &str| shown.own_data().any(|it| it.name == name);
            now.own_data()
                .filter(|it| seen(&it.name))
                .cloned()
                .collect()
        }
    };
    let images: Vec<Leftover> = match scope.images {
        AlsoGoes::No => Vec::new(),
        AlsoGoes::Yes => {
            let seen = |one: &&Leftover| shown.images.iter().any(|it| it.id == one.id);
            now.images.iter().filter(seen).cloned().collect()
        }
    };
    let besides = GoesBesides {
        data: &data,
        images: &images,
    };
    let script = depart_script(&host.layout, host.engine(), besides);
    let doing = "removing what is there";
    let (mut failed, mut ended) = (Vec::new(), false);
    let name = host.name;
    let status = host.session.run_following(doing, &script, DEPART, |line| {
        match DepartureEvent::parse(line) {
            Some(DepartureEvent::Doing(what)) => say(name, &what),
            Some(DepartureEvent::Failed(why)) => failed.push(why),
            Some(DepartureEvent::Ended) => ended = true,
            None => {}
        }
    })?;
    if !ended {
        return Err(host.session.failed(doing, status).into());
    }
    let left = departure(host)?;
    Ok(Departed { failed, left })
}

/// Hosts that the description has no more, and how they were reached, as the described ones remember it. One that is described by
/// another name now is none of them.
pub fn remembered_hosts(
    visit: HostVisit<'_>,
    tell: &(impl Fn(Event) + Sync),
) -> (BTreeMap<HostName, Host>, BTreeMap<HostName, Problem>) {
    let (placements, problems) = visit.each(tell, placement);
    let described = &visit.cluster.hosts;
    let mut machines: Vec<&Machine> = placements
        .values()
        .flatten()
        .flat_map(|placement| &placement.machines)
        .filter(|machine| {
            let same = |host: &Host| Reach::of(host).leads_to(&machine.reach);
            !described.contains_key(&machine.host) && !described.values().any(same)
        })
        .collect();
    // The newest one is right.
    machines.sort_by_key(|it| it.services.values().map(|it| it.release).max());
    let hosts = machines.into_iter().filter_map(|machine| {
        let name = &machine.host;
        Some((name.clone(), host_at(visit.cluster, name, &machine.reach)?))
    });
    (hosts.collect(), problems)
}

/// A host as the described ones are, that is reached so.
fn host_at(cluster: &Cluster, name: &HostName, reach: &Reach) -> Option<Host> {
    let of_kind = |host: &&Host| match (&host.transport, &reach.directory, &reach.address) {
        (Transport::Directory { .. }, Some(_), _) => true,
        (Transport::Ssh(_), None, Some(_)) => true,
        (Transport::Local { .. }, None, None) => true,
        (Transport::Directory { .. } | Transport::Ssh(_) | Transport::Local { .. }, _, _) => false,
    };
    let mut host = cluster.hosts.values().find(of_kind)?.clone();
    host.name = name.clone();
    host.address.clone_from(&reach.address);
    match &mut host.transport {
        Transport::Ssh(ssh) => {
            ssh.port = reach.port;
            ssh.host_key.clone_from(&reach.host_key);
        }
        Transport::Directory { root } => *root = reach.directory.clone()?.into(),
        Transport::Local { .. } => {}
    }
    Some(host)
}

fn placement(host: &mut VisitedHost<'_>) -> Result<Option<Placement>, Problem> {
    let path = host.layout.placement().quoted();
    let script = format!("[ ! -f {path} ] || cat {path}\n");
    let answer = host.session.run("reading the placement", &script, SHORT)?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    // One that cannot be read says nothing; a release tells it.
    Ok(Placement::parse(&text).ok())
}

/// Lets the other hosts forget what ran on this one: nobody is to be warned of it.
pub fn forget(
    visit: HostVisit<'_>,
    by: &Visitor,
    gone: &HostName,
    tell: &(impl Fn(Event) + Sync),
) -> BTreeMap<HostName, Problem> {
    let (_, problems) = visit.each(tell, |host| {
        let knows = |it: &Placement| it.machines.iter().any(|it| it.host == *gone);
        if !placement(host)?.is_some_and(|it| knows(&it)) {
            return Ok(());
        }
        host.lock(by)?;
        let Some(mut now) = placement(host)? else {
            return Ok(());
        };
        now.machines.retain(|machine| machine.host != *gone);
        let script = kept::script(&host.layout, Some(&now.to_text()), BegunFile::Same);
        let answer = host.session.run("writing the placement", &script, SHORT)?;
        kept::parse(&answer.stdout).map_err(|why| Problem::NotStaged { why })?;
        host.note(by, &format!("decommissioned {gone}"));
        Ok(())
    });
    problems
}
