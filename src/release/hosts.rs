//! The hosts of a cluster with an open session each, and what was last seen on them.

#![expect(clippy::disallowed_methods, reason = "waits for locks")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use super::event::{Event, EventKind};
use super::follow::activity;
use super::problem::Problem;
use crate::cluster::model::Cluster;
use crate::cluster::name::HostName;
use crate::host::connect::{ConnectContext, connect};
use crate::host::layout::Layout;
use crate::host::observe::{self, Detail, HostLook, Look, ObserveError, Request};
use crate::host::parallel::for_each_host;
use crate::host::script::{LockAnswer, lock_script, parse_lock};
use crate::host::session::Session;
use crate::plan::observed::{Observed, ObservedHost};
use crate::render::desired::Desired;
use crate::render::manifest::Manifest;

/// How long one look may take; a loaded host with hundreds of units needs seconds.
const LOOK: Duration = Duration::from_secs(60);
/// How long the lock script itself may take.
const LOCK: Duration = Duration::from_secs(30);
/// How long a host keeps the lock of a session that it hears nothing from.
const SILENCE: Duration = Duration::from_secs(20);
/// How often a lock that somebody else holds is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(300);

/// What all of it is about.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    pub cluster: &'a Cluster,
    pub desired: &'a Desired,
    pub connect: &'a ConnectContext,
    /// How many hosts are talked to at the same time.
    pub limit: NonZeroUsize,
}

/// One host with its session.
pub(super) struct Connection {
    pub session: Session,
    pub layout: Layout,
    pub look: HostLook,
}

impl Connection {
    /// Looks at the host again, with the eyes of a plan.
    pub(super) fn look_again(
        &mut self,
        setting: Setting<'_>,
        name: &HostName,
    ) -> Result<(), Problem> {
        self.look = observe(setting, name, &mut self.session, &self.layout, Detail::Plan)?;
        Ok(())
    }
}

/// The hosts that answered, and the problems of the others.
pub struct Hosts {
    pub(super) connections: BTreeMap<HostName, Connection>,
    problems: BTreeMap<HostName, Problem>,
}

impl Hosts {
    /// Connects to every host and looks at it, all at the same time.
    pub fn look(setting: Setting<'_>, detail: Detail, tell: &(impl Fn(Event) + Sync)) -> Self {
        let names = setting.desired.hosts.keys().map(|name| (name.clone(), ()));
        let results = for_each_host(names, setting.limit, |name, ()| {
            let event = |kind| {
                tell(Event {
                    host: name.clone(),
                    kind,
                });
            };
            event(EventKind::Connecting);
            let result = open(setting, name, detail);
            if result.is_ok() {
                event(EventKind::Observed);
            }
            result
        });
        let mut connections = BTreeMap::new();
        let mut problems = BTreeMap::new();
        for (name, result) in results {
            match result {
                Ok(connection) => {
                    connections.insert(name, connection);
                }
                Err(problem) => {
                    problems.insert(name, problem);
                }
            }
        }
        let mut hosts = Self {
            connections,
            problems,
        };
        hosts.refuse_twins();
        hosts
    }

    /// Two names for one machine would wait for each other's lock.
    fn refuse_twins(&mut self) {
        let mut machines: BTreeMap<String, HostName> = BTreeMap::new();
        for (name, connection) in &self.connections {
            let facts = connection.session.facts();
            let machine = match (connection.session.root(), &facts.machine_id) {
                (Some(root), _) => root.display().to_string(),
                (None, Some(id)) => id.clone(),
                (None, None) => continue,
            };
            if let Some(other) = machines.get(&machine) {
                let other = other.clone();
                self.problems
                    .insert(name.clone(), Problem::SameMachine { other });
            } else {
                machines.insert(machine, name.clone());
            }
        }
        self.connections
            .retain(|name, _| !self.problems.contains_key(name));
    }

    /// What was seen on the hosts that answered.
    #[must_use]
    pub fn observed(&self) -> Observed {
        let seen = |(name, connection): (&HostName, &Connection)| {
            (name.clone(), connection.look.observed.clone())
        };
        Observed {
            hosts: self.connections.iter().map(seen).collect(),
        }
    }

    /// The whole looks, with what is only for people.
    pub fn looks(&self) -> impl Iterator<Item = (&HostName, &HostLook)> {
        self.connections.iter().map(|(name, c)| (name, &c.look))
    }

    /// Why the other hosts were not seen.
    #[must_use]
    pub fn problems(&self) -> &BTreeMap<HostName, Problem> {
        &self.problems
    }

    pub(super) fn add_problem(&mut self, name: HostName, problem: Problem) {
        self.problems.insert(name, problem);
    }

    /// Takes the lock of every host, one after the other in the order of their names, so that two
    /// releases that wait for each other's hosts cannot wait forever.
    ///
    /// # Errors
    /// The lock of a host is held, or could not be taken. Locks that were taken are given back with
    /// the session.
    pub(super) fn lock(
        &mut self,
        holder: &str,
        wait: Option<Duration>,
        tell: &impl Fn(Event),
    ) -> Result<(), BTreeMap<HostName, Problem>> {
        let deadline = wait.map(|wait| Instant::now() + wait);
        for (name, connection) in &mut self.connections {
            let event = |kind| {
                tell(Event {
                    host: name.clone(),
                    kind,
                });
            };
            let fails = |problem| BTreeMap::from([(name.clone(), problem)]);
            let mut told = None;
            loop {
                let script = lock_script(&connection.layout, holder);
                let answer = connection
                    .session
                    .run_here("taking the lock", &script, LOCK)
                    .map_err(|error| fails(error.into()))?;
                match parse_lock(&answer.stdout) {
                    LockAnswer::Taken => break,
                    LockAnswer::Failed { why } => return Err(fails(Problem::NoLock { why })),
                    LockAnswer::Held { holder } => {
                        let now = activity(&mut connection.session, &connection.layout)
                            .map_err(|error| fails(error.into()))?;
                        let at = now.activation.map(|activation| activation.at);
                        if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                            return Err(fails(Problem::Locked { holder, at }));
                        }
                        if told.as_ref() != Some(&(holder.clone(), at.clone())) {
                            told = Some((holder.clone(), at.clone()));
                            event(EventKind::WaitingForLock { holder, at });
                        }
                        std::thread::sleep(LOCK_RETRY);
                    }
                }
            }
            connection
                .session
                .end_when_silent(SILENCE)
                .map_err(|error| fails(error.into()))?;
            event(EventKind::Locked);
        }
        Ok(())
    }

    /// Looks again, on the same sessions, and refuses if files or generations are not what the plan
    /// was made from. What runs may differ: a crash loop must not block the release that mends it.
    ///
    /// # Errors
    /// The problems of the hosts that moved or did not answer.
    pub(super) fn look_again(
        &mut self,
        setting: Setting<'_>,
    ) -> Result<(), BTreeMap<HostName, Problem>> {
        let connections = self.connections.iter_mut();
        let connections = connections.map(|(name, connection)| (name.clone(), connection));
        let results = for_each_host(connections, setting.limit, |name, connection| {
            let before = connection.look.observed.clone();
            connection.look_again(setting, name)?;
            match what_moved(&before, &connection.look.observed) {
                None => Ok(()),
                Some(what) => Err(Problem::Stale { what }),
            }
        });
        let problems: BTreeMap<_, _> = results
            .into_iter()
            .filter_map(|(name, result)| Some((name, result.err()?)))
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

fn open(setting: Setting<'_>, name: &HostName, detail: Detail) -> Result<Connection, Problem> {
    let mut session = connect(&setting.cluster.hosts[name], setting.connect)?;
    let cluster = &setting.cluster.name;
    let layout = match session.root() {
        Some(root) => Layout::directory(&root.to_string_lossy(), cluster),
        None => Layout::host(cluster),
    };
    let look = observe(setting, name, &mut session, &layout, detail)?;
    Ok(Connection {
        session,
        layout,
        look,
    })
}

/// One look: one exchange, or two where something differs. A file that changes while it is looked
/// at is looked at once more.
fn observe(
    setting: Setting<'_>,
    name: &HostName,
    session: &mut Session,
    layout: &Layout,
    detail: Detail,
) -> Result<HostLook, Problem> {
    let wanted = &setting.desired.hosts[name];
    let manifest = Manifest::of(&setting.cluster.name, name, wanted);
    let request = Request {
        layout,
        engine: wanted.engine,
        desired: &manifest.services,
        detail,
    };
    let doing = "looking at the host";
    let mut tries = 0;
    loop {
        tries += 1;
        let mut once = || -> Result<HostLook, Problem> {
            let answer = session.run(doing, &request.script(), LOOK)?;
            match observe::parse(&request, &answer.stdout)? {
                Look::Complete(look) => Ok(look),
                Look::NeedsMore(first) => {
                    let answer = session.run(doing, &first.script(), LOOK)?;
                    Ok(first.complete(&answer.stdout)?)
                }
            }
        };
        match once() {
            Err(Problem::Observe(ObserveError::Changed { .. })) if tries < 3 => {}
            result => return result,
        }
    }
}

/// The first difference in what a release writes, as a sentence; `None` if there is none.
fn what_moved(before: &ObservedHost, after: &ObservedHost) -> Option<String> {
    if before.generation != after.generation {
        return Some("its generation is another one now".to_owned());
    }
    let (before, after) = (before.files_only(), after.files_only());
    let names = before.services.keys().chain(after.services.keys());
    names
        .into_iter()
        .find(|name| before.services.get(*name) != after.services.get(*name))
        .map(|name| format!("the files of {name} were changed"))
}
