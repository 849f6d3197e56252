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
use crate::host::layout::Layout;
use crate::host::lock::{Holder, LOCKED, LockAnswer, UNLOCK, guard_stage, lock_script, parse_lock};
use crate::host::look::LookFor;
use crate::host::reach::parallel::for_each_host;
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
pub(in crate::release) enum Tried {
    /// It is ours.
    Locked(UnderLock),
    Held {
        holder: String,
    },
}

/// Tries the lock of a host until it is taken, or until `deadline`: once, if there is none.
fn wait_for_lock(
    setting: Setting<'_>,
    name: &HostName,
    connection: &mut Connection,
    request: &ReleaseRequest,
    deadline: Option<Instant>,
    tell: &impl Fn(Event),
) -> Result<UnderLock, Problem> {
    let mut told = None;
    loop {
        let holder = match connection.try_lock(setting, name, request)? {
            Tried::Locked(files) => return Ok(files),
            Tried::Held { holder } => holder,
        };
        let now = activity(&mut connection.session, &connection.layout)?;
        let at = now.activation.map(|activation| activation.at);
        if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
            return Err(Problem::Locked { holder, at });
        }
        if request.lock_wait.is_some() && told.as_ref() != Some(&(holder.clone(), at.clone())) {
            told = Some((holder.clone(), at.clone()));
            tell(Event {
                host: name.clone(),
                kind: EventKind::WaitingForLock { holder, at },
            });
        }
        std::thread::sleep(LOCK_RETRY);
    }
}

impl Connection {
    /// Tries to take the host's lock, once, and with it the state of its files.
    pub(in crate::release) fn try_lock(
        &mut self,
        setting: Setting<'_>,
        name: &HostName,
        request: &ReleaseRequest,
    ) -> Result<Tried, Problem> {
        if self.locked {
            return Ok(Tried::Locked(None));
        }
        let files = with_request(setting, name, &self.layout, LookFor::Plan, |request| {
            request.files_script()
        });
        let then = aside(&files);
        let script = lock_and(&self.layout, name, request, &then);
        let answer = self.session.run_here("taking the lock", &script, LOOK)?;
        match parse_lock(&answer.stdout) {
            LockAnswer::Taken => {
                self.session.show_life(SILENCE);
                self.locked = true;
                let files = answer.stdout.strip_prefix(LOCKED).unwrap_or_default();
                Ok(Tried::Locked(Some(files.to_vec())))
            }
            LockAnswer::Failed { why } => Err(Problem::NoLock { why }),
            LockAnswer::Held {
                release: Some((release, other)),
                ..
            } if release == request.stage => Err(Problem::SameMachine { other }),
            LockAnswer::Held { holder, release: _ } => Ok(Tried::Held { holder }),
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
        let tried = for_each_host(others, setting.limit, |name, connection| {
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
