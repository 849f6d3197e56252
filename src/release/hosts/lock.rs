//! The locks of the hosts: taken together, waited for, and given back.

#![expect(clippy::disallowed_methods, reason = "waits for locks")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::activity::activity;
use super::super::event::{Event, EventKind};
use super::super::problem::Problem;
use super::super::request::ReleaseRequest;
use super::look::with_request;
use super::{Connection, Hosts, LOOK, Setting, aside};
use crate::cluster::name::HostName;
use crate::host::layout::{Layout, StageId};
use crate::host::lock::{Holder, LOCKED, LockAnswer, UNLOCK, guard_stage, lock_script, parse_lock};
use crate::host::look::LookFor;
use crate::host::reach::parallel::each_in_parallel;
use crate::host::reach::session::Session;

/// How long a host keeps the lock of a session that it hears nothing from.
pub(in crate::release) const SILENCE: Duration = Duration::from_secs(20);
/// How often a lock that somebody else holds is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(300);
/// How long a release may take to give back the locks of its look if it came too late.
const GIVING_BACK: Duration = Duration::from_secs(2);

/// What a host said of its files when its lock was taken; nothing, where it was ours before.
pub(in crate::release) type UnderLock = Option<Vec<u8>>;

/// What came of trying a lock.
pub(in crate::release) enum Tried<T> {
    /// It is ours, and the host said this besides.
    Locked(T),
    Held {
        holder: String,
    },
}

/// One lock that somebody wants.
pub(in crate::release) struct WantedLock<'a> {
    pub layout: &'a Layout,
    pub session: &'a mut Session,
    /// From [`lock_as`].
    pub script: &'a str,
    /// Whose it will be.
    pub id: &'a StageId,
}

impl WantedLock<'_> {
    /// Tries once.
    fn attempt(&mut self) -> Result<Tried<Vec<u8>>, Problem> {
        let answer = self
            .session
            .run_here("taking the lock", self.script, LOOK)?;
        match parse_lock(&answer.stdout) {
            LockAnswer::Taken => {
                self.session.show_life(SILENCE);
                let said = answer.stdout.strip_prefix(LOCKED).unwrap_or_default();
                Ok(Tried::Locked(said.to_vec()))
            }
            LockAnswer::Failed { why } => Err(Problem::NoLock { why }),
            LockAnswer::Held {
                release: Some((release, other)),
                ..
            } if release == *self.id => Err(Problem::SameMachine { other }),
            LockAnswer::Held { holder, release: _ } => Ok(Tried::Held { holder }),
        }
    }

    /// Tries until it is taken, or until `deadline`: once, if there is none. Whom it waits for is told if it changes.
    /// Gives what the host said with it.
    pub(in crate::release) fn wait(
        mut self,
        deadline: Option<Instant>,
        tell: impl Fn(EventKind),
    ) -> Result<Vec<u8>, Problem> {
        let mut told = None;
        loop {
            let holder = match self.attempt()? {
                Tried::Locked(said) => return Ok(said),
                Tried::Held { holder } => holder,
            };
            let now = activity(self.session, self.layout)?;
            let at = now.activation.map(|activation| activation.at);
            if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                return Err(Problem::Locked { holder, at });
            }
            if told.as_ref() != Some(&(holder.clone(), at.clone())) {
                told = Some((holder.clone(), at.clone()));
                tell(EventKind::WaitingForLock { holder, at });
            }
            std::thread::sleep(LOCK_RETRY);
        }
    }
}

/// Waits for the lock of a host of a release.
fn wait_for_lock(
    setting: Setting<'_>,
    name: &HostName,
    connection: &mut Connection,
    request: &ReleaseRequest,
    deadline: Option<Instant>,
    tell: &impl Fn(Event),
) -> Result<UnderLock, Problem> {
    if connection.locked {
        return Ok(None);
    }
    let script = connection.lock_script(setting, name, request);
    let files = connection.wanted(&script, request).wait(deadline, |kind| {
        // Who gives back what others need does not say that it waits.
        if request.lock_wait.is_some() {
            let host = name.clone();
            tell(Event { host, kind });
        }
    })?;
    connection.locked = true;
    Ok(Some(files))
}

impl Connection {
    /// Tries to take the host's lock, once, and with it the state of its files.
    pub(in crate::release) fn try_lock(
        &mut self,
        setting: Setting<'_>,
        name: &HostName,
        request: &ReleaseRequest,
    ) -> Result<Tried<UnderLock>, Problem> {
        if self.locked {
            return Ok(Tried::Locked(None));
        }
        let script = self.lock_script(setting, name, request);
        Ok(match self.wanted(&script, request).attempt()? {
            Tried::Locked(files) => {
                self.locked = true;
                Tried::Locked(Some(files))
            }
            Tried::Held { holder } => Tried::Held { holder },
        })
    }

    /// The script that takes the lock and tells the state of its files.
    fn lock_script(
        &self,
        setting: Setting<'_>,
        name: &HostName,
        request: &ReleaseRequest,
    ) -> String {
        let files = with_request(setting, name, &self.layout, LookFor::Plan, |request| {
            request.files_script()
        });
        lock_and(&self.layout, name, request, &aside(&files))
    }

    fn wanted<'a>(&'a mut self, script: &'a str, request: &'a ReleaseRequest) -> WantedLock<'a> {
        WantedLock {
            layout: &self.layout,
            session: &mut self.session,
            script,
            id: &request.stage,
        }
    }
}

impl Hosts {
    /// Takes the lock of every host that was not taken with its look. The lock of the first host decides between
    /// two releases of one cluster; then all others are tried at the same time. If one of them is held, this release
    /// first gives back those after it, by name, and then waits. So two releases cannot wait for each other's hosts
    /// forever.
    ///
    /// Gives what each host said of its files under the lock.
    ///
    /// # Errors
    /// The lock of a host is held, or could not be taken. Locks that were taken are given back with
    /// the session.
    pub(in crate::release) fn lock(
        &mut self,
        setting: Setting<'_>,
        request: &ReleaseRequest,
        tell: &(impl Fn(Event) + Sync),
    ) -> Result<BTreeMap<HostName, UnderLock>, BTreeMap<HostName, Problem>> {
        let deadline = request.lock_wait.map(|wait| Instant::now() + wait);
        let locked = |name: &HostName| {
            tell(Event {
                host: name.clone(),
                kind: EventKind::Locked,
            });
        };
        // Without the first host's lock, give back all others: nobody may wait for us.
        if self.connections.values().next().is_some_and(|c| !c.locked) {
            self.give_back(setting, |_| true);
        }
        let mut taken = BTreeMap::new();
        let mut connections = self.connections.iter_mut();
        if let Some((name, first)) = connections.next() {
            let files = wait_for_lock(setting, name, first, request, deadline, tell);
            taken.insert(
                name.clone(),
                files.map_err(|problem| BTreeMap::from([(name.clone(), problem)]))?,
            );
            locked(name);
        }
        let others = connections.map(|(name, connection)| (name.clone(), connection));
        let tried = each_in_parallel(others, setting.limit, |name, connection| {
            connection.try_lock(setting, name, request)
        });
        let mut late = Vec::new();
        for (name, result) in tried {
            match result {
                Ok(Tried::Locked(files)) if late.is_empty() => {
                    locked(&name);
                    taken.insert(name, files);
                }
                Ok(_) => late.push(name),
                Err(problem) => return Err(BTreeMap::from([(name, problem)])),
            }
        }
        self.give_back(setting, |name| late.contains(name));
        let deadline = deadline.or_else(|| Some(Instant::now() + GIVING_BACK));
        for name in late {
            let connection = self.connections.get_mut(&name).expect("it was just asked");
            let files = wait_for_lock(setting, &name, connection, request, deadline, tell)
                .map_err(|problem| BTreeMap::from([(name.clone(), problem)]))?;
            locked(&name);
            taken.insert(name, files);
        }
        Ok(taken)
    }

    /// Gives back the locks that we have of these hosts.
    fn give_back(&mut self, setting: Setting<'_>, these: impl Fn(&HostName) -> bool) {
        let these = |name: &HostName, connection: &Connection| connection.locked && these(name);
        self.on_each(setting.limit, these, |_, connection| {
            connection.locked = false;
            // A host that cannot be asked any more has freed its lock, too.
            drop(
                connection
                    .session
                    .run_here("giving a lock back", UNLOCK, LOOK),
            );
            Ok(())
        });
    }
}

/// The script that takes the lock of a host and then runs `then`. With the lock the host ends the session, and
/// removes what was staged in it, when it no longer hears anything.
pub(super) fn lock_and(
    layout: &Layout,
    host: &HostName,
    request: &ReleaseRequest,
    then: &str,
) -> String {
    let holder = Holder {
        words: &request.holder,
        release: &request.stage,
        host,
    };
    lock_as(layout, holder, then)
}

/// The same for whoever else holds it.
pub(in crate::release) fn lock_as(layout: &Layout, holder: Holder<'_>, then: &str) -> String {
    let then = format!(
        "{}{}{then}",
        guard_stage(layout, holder.release),
        Session::end_when_silent(SILENCE),
    );
    lock_script(layout, holder, &then)
}
