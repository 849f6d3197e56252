//! Something short on many hosts, without a plan: a session each, one question or a few, under the lock where something changes.

#![expect(clippy::disallowed_methods, reason = "waits for locks")]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use super::event::{Event, EventKind};
use super::hosts::{WantedLock, lock_as};
use super::problem::Problem;
use super::record::note_deed;
use crate::cluster::model::{Cluster, Engine, Host};
use crate::cluster::name::HostName;
use crate::host::activate::record::Record;
use crate::host::belongings::{Belongings, BelongingsAsked, BelongingsError, belongings_script};
use crate::host::layout::{Layout, StageId};
use crate::host::lock::Holder;
use crate::host::place::HostPlace;
use crate::host::reach::connect::{ConnectContext, First, connect};
use crate::host::reach::descriptors::sessions_at_once;
use crate::host::reach::parallel::{apart, each_in_parallel};
use crate::host::reach::session::Session;

/// For a look at what is there: an engine with hundreds of images needs seconds.
const LOOK: Duration = Duration::from_secs(120);

/// Which hosts, and how they are reached.
#[derive(Clone, Copy)]
pub struct HostVisit<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Its hosts that are visited.
    pub hosts: &'a BTreeMap<HostName, Host>,
    /// What connecting needs.
    pub connect: &'a ConnectContext,
    /// How many hosts are talked to at the same time.
    pub limit: NonZeroUsize,
}

/// Whoever changes something on hosts.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// What others read who find the lock taken: one line.
    pub holder: String,
    /// A name that no release has.
    pub id: StageId,
    /// How long a held lock is waited for; `None` is not at all.
    pub lock_wait: Option<Duration>,
    /// What hosts record of it, but for the words.
    pub record: Record,
}

/// One host that is visited.
pub struct VisitedHost<'a> {
    /// Its name.
    pub name: &'a HostName,
    /// The host.
    pub host: &'a Host,
    /// Its paths.
    pub layout: Layout,
    /// The session.
    pub session: Session,
    /// Who wants to know what happens.
    tell: &'a dyn Fn(EventKind),
}

impl HostVisit<'_> {
    /// Does the same on every host, at the same time: what came of it, and the problems.
    pub fn each<T: Send>(
        &self,
        tell: &(impl Fn(Event) + Sync),
        work: impl Fn(&mut VisitedHost<'_>) -> Result<T, Problem> + Sync,
    ) -> (BTreeMap<HostName, T>, BTreeMap<HostName, Problem>) {
        let hosts = self.hosts.iter();
        let hosts = hosts.map(|(name, host)| (name.clone(), host));
        let results = each_in_parallel(hosts, sessions_at_once(self.limit), |name, host| {
            let event = |kind| {
                tell(Event {
                    host: name.clone(),
                    kind,
                });
            };
            event(EventKind::Connecting);
            let place = HostPlace::of(host, &self.connect.repository_root);
            let layout = Layout::of(&place, &self.cluster.name);
            let first = First {
                doing: "connecting",
                script: ":\n",
                timeout: LOOK,
            };
            let (session, _) = connect(host, place, self.connect, first)?;
            let mut visited = VisitedHost {
                name,
                host,
                layout,
                session,
                tell: &event,
            };
            let done = work(&mut visited)?;
            event(EventKind::Observed);
            Ok(done)
        });
        apart(results)
    }

    /// These of them alone.
    #[must_use]
    pub fn named(&self, these: &BTreeSet<HostName>) -> BTreeMap<HostName, Host> {
        let mut hosts = self.hosts.clone();
        hosts.retain(|name, _| these.contains(name));
        hosts
    }
}

impl VisitedHost<'_> {
    /// The engine there.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.host.client.engine
    }

    /// Takes the lock of the host. It is free again when the session ends.
    ///
    /// # Errors
    /// Somebody else has it, or it cannot be taken.
    pub fn lock(&mut self, by: &Visitor) -> Result<(), Problem> {
        let deadline = by.lock_wait.map(|wait| Instant::now() + wait);
        let holder = Holder {
            words: &by.holder,
            release: &by.id,
            host: self.name,
        };
        let wanted = WantedLock {
            script: &lock_as(&self.layout, holder, ":"),
            id: &by.id,
            layout: &self.layout,
            session: &mut self.session,
        };
        wanted.wait(deadline, self.tell).map(drop)
    }

    /// Lets the history of the host say what was done. That it may not be written changes nothing of it.
    pub fn note(&mut self, by: &Visitor, deed: &str) {
        let record = Record {
            deed: Some(deed.to_owned()),
            ..by.record.clone()
        };
        note_deed(&self.layout, &mut self.session, &record);
    }

    /// What the cluster has there.
    ///
    /// # Errors
    /// The host does not answer, or its engine does not.
    pub fn belongings(&mut self, asked: BelongingsAsked) -> Result<Belongings, Problem> {
        let doing = "looking at what is there";
        let script = belongings_script(&self.layout, self.engine(), asked);
        let answer = self.session.run(doing, &script, LOOK)?;
        Belongings::parse(&answer.stdout).map_err(|error| match error {
            BelongingsError::Unreadable => self.session.misunderstood(doing, &answer.stdout).into(),
            BelongingsError::Failed(why) => Problem::NoLook { why },
        })
    }
}
