//! The hosts of a cluster with an open session each, and what was last seen on them.

#![expect(clippy::disallowed_methods, reason = "tells how old a look is")]

mod lock;
mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use super::event::{Event, EventKind};
use super::problem::Problem;
use super::request::ReleaseRequest;
use crate::cluster::model::Cluster;
use crate::cluster::name::HostName;
use crate::host::layout::Layout;
use crate::host::lock::{LockAnswer, parse_lock};
use crate::host::look::{HostLook, LookFor, ObserveError, same_files, split};
use crate::host::past::kept::{self, BegunFile};
use crate::host::place::HostPlace;
use crate::host::reach::connect::{ConnectContext, First, connect};
use crate::host::reach::descriptors::sessions_at_once;
use crate::host::reach::parallel::{apart, each_in_parallel};
use crate::host::reach::session::Session;
use crate::plan::begun::newest;
use crate::plan::observed::{NewHolds, Observed, ObservedHost};
use crate::plan::says;
use crate::render::begun::BegunRelease;
use crate::render::desired::Desired;
use crate::render::placement::Placement;
use crate::render::pushed::{PushedRelease, newest_push};

pub(super) use self::lock::{SILENCE, Tried, UnderLock, WantedLock, lock_as};

use self::lock::lock_and;
use self::look::{dropped_by, observe, with_request};

const LOOKING: &str = "looking at the host";
/// How long one look may take; a loaded host with hundreds of units needs seconds.
const LOOK: Duration = Duration::from_secs(60);
/// For the placement.
const RECORD: Duration = Duration::from_secs(60);
/// How long a look counts as what runs on a host. The checks that follow the second look, most of all a pull, may
/// take far longer.
const FRESH: Duration = Duration::from_secs(5);
/// What all of it is about.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The model.
    pub cluster: &'a Cluster,
    /// What is rendered of it.
    pub desired: &'a Desired,
    /// What connecting needs.
    pub connect: &'a ConnectContext,
    /// How many hosts are talked to at the same time.
    pub limit: NonZeroUsize,
}

/// One host with its session.
pub(super) struct Connection {
    pub session: Session,
    pub layout: Layout,
    pub look: HostLook,
    /// The first answer that it was made from, and when that was asked for.
    answer: Vec<u8>,
    asked: Instant,
    /// Whether the host's lock is ours.
    pub(super) locked: bool,
    /// Services that this release holds, or does not hold any more.
    pub(super) holds: NewHolds,
}

impl Connection {
    /// A session, and a first look.
    pub(super) fn open(
        setting: Setting<'_>,
        name: &HostName,
        detail: LookFor,
    ) -> Result<Self, Problem> {
        open(None, setting, name, detail)
    }

    /// The same host a moment later.
    pub(super) fn seen_again(
        mut self,
        setting: Setting<'_>,
        name: &HostName,
        detail: LookFor,
    ) -> Result<Self, Problem> {
        let (session, layout) = (&mut self.session, &self.layout);
        (self.look, self.answer) = observe(setting, name, session, layout, detail, None)?;
        Ok(self)
    }

    /// Lets the host write what it is to keep: one of the scripts of [`kept`].
    pub(super) fn keep(&mut self, doing: &str, script: &str) -> Result<(), Problem> {
        let answer = self.session.run(doing, script, RECORD)?;
        kept::parse(&answer.stdout).map_err(|why| Problem::NotStaged { why })
    }

    /// Looks at the host again, for a plan.
    pub(super) fn look_again(
        &mut self,
        setting: Setting<'_>,
        name: &HostName,
    ) -> Result<(), Problem> {
        self.asked = Instant::now();
        (self.look, self.answer) = observe(
            setting,
            name,
            &mut self.session,
            &self.layout,
            LookFor::Plan,
            None,
        )?;
        self.look.observed.hold(&self.holds);
        Ok(())
    }
}

/// The hosts that answered, and the problems of the others.
#[derive(Default)]
pub struct Hosts {
    pub(super) connections: BTreeMap<HostName, Connection>,
    problems: BTreeMap<HostName, Problem>,
}

impl Hosts {
    /// Connects to every host and looks at it, all at the same time. The sessions stay open.
    pub fn look(setting: Setting<'_>, detail: LookFor, tell: &(impl Fn(Event) + Sync)) -> Self {
        Self::look_with(None, setting, detail, tell)
    }

    /// Looks at every host and is gone again: as many sessions are open at once as hosts are talked to at the
    /// same time, however many there are.
    pub fn seen(setting: Setting<'_>, detail: LookFor, tell: &(impl Fn(Event) + Sync)) -> Self {
        Self::visit(setting, detail, |_| Ok(()), tell).0
    }

    /// The same, and asks something besides.
    pub(super) fn visit<T: Send>(
        setting: Setting<'_>,
        detail: LookFor,
        ask: impl Fn(&mut Connection) -> Result<T, Problem> + Sync,
        tell: &(impl Fn(Event) + Sync),
    ) -> (Self, BTreeMap<HostName, T>) {
        let setting = Setting {
            limit: sessions_at_once(setting.limit),
            ..setting
        };
        let work = |name: &HostName| {
            let mut connection = open(None, setting, name, detail)?;
            let answer = ask(&mut connection)?;
            connection.session.close();
            Ok((connection, answer))
        };
        Self::each(setting, work, tell)
    }

    /// The same for a release that asks nobody. It takes the free locks before it looks, so what it sees cannot
    /// move; [`Hosts::lock`] takes the others. A host without a lock file was never released to, and is not touched
    /// before there is a plan. A directory is not locked early, since that would save nothing.
    pub(crate) fn look_locked(
        request: &ReleaseRequest,
        setting: Setting<'_>,
        tell: &(impl Fn(Event) + Sync),
    ) -> Self {
        Self::look_with(Some(request), setting, LookFor::Plan, tell)
    }

    fn look_with(
        request: Option<&ReleaseRequest>,
        setting: Setting<'_>,
        detail: LookFor,
        tell: &(impl Fn(Event) + Sync),
    ) -> Self {
        let work = |name: &HostName| Ok((open(request, setting, name, detail)?, ()));
        Self::each(setting, work, tell).0
    }

    pub(super) fn each<T: Send>(
        setting: Setting<'_>,
        work: impl Fn(&HostName) -> Result<(Connection, T), Problem> + Sync,
        tell: &(impl Fn(Event) + Sync),
    ) -> (Self, BTreeMap<HostName, T>) {
        let names = setting.desired.hosts.keys().map(|name| (name.clone(), ()));
        let results = each_in_parallel(names, setting.limit, |name, ()| {
            let event = |kind| {
                tell(Event {
                    host: name.clone(),
                    kind,
                });
            };
            event(EventKind::Connecting);
            let result = work(name);
            if result.is_ok() {
                event(EventKind::Observed);
            }
            result
        });
        let (done, problems) = apart(results);
        let mut hosts = Self {
            connections: BTreeMap::new(),
            problems,
        };
        let mut answers = BTreeMap::new();
        for (name, (connection, answer)) in done {
            hosts.connections.insert(name.clone(), connection);
            answers.insert(name, answer);
        }
        hosts.refuse_duplicate_machines();
        answers.retain(|name, _| hosts.connections.contains_key(name));
        (hosts, answers)
    }

    /// Two names for one machine would wait for each other's lock.
    fn refuse_duplicate_machines(&mut self) {
        let mut seen: Vec<(&HostName, &Session)> = Vec::new();
        for (name, connection) in &self.connections {
            let session = &connection.session;
            let same = |(_, other): &&(&HostName, &Session)| match (
                &session.place().root,
                &other.place().root,
            ) {
                (Some(root), Some(other)) => root == other,
                (None, None) => session.facts().are_of_one_machine(other.facts()),
                (Some(_), None) | (None, Some(_)) => false,
            };
            if let Some((other, _)) = seen.iter().find(same) {
                let other = (*other).clone();
                self.problems
                    .insert(name.clone(), Problem::SameMachine { other });
            } else {
                seen.push((name, session));
            }
        }
        self.connections
            .retain(|name, _| !self.problems.contains_key(name));
    }

    /// Hosts that share a machine id with another host, but are other machines.
    #[must_use]
    pub fn copies(&self) -> Vec<Vec<&HostName>> {
        let mut by_id: BTreeMap<&str, Vec<&HostName>> = BTreeMap::new();
        for (name, connection) in &self.connections {
            let session = &connection.session;
            if let (None, Some(id)) = (&session.place().root, &session.facts().machine_id) {
                by_id.entry(id).or_default().push(name);
            }
        }
        by_id
            .into_values()
            .filter(|names| names.len() > 1)
            .collect()
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

    /// Whether these hosts answered does not matter.
    pub fn leave_out(&mut self, these: &BTreeSet<HostName>) {
        self.problems.retain(|name, _| !these.contains(name));
    }

    /// Goes on without these hosts.
    pub fn without(&mut self, these: &BTreeSet<HostName>) {
        self.leave_out(these);
        self.connections.retain(|name, _| !these.contains(name));
    }

    /// Why the other hosts were not seen.
    #[must_use]
    pub fn problems(&self) -> &BTreeMap<HostName, Problem> {
        &self.problems
    }

    /// All of them, for [`Hosts::on_each`] and [`Hosts::ask`].
    pub(super) fn every(_: &HostName, _: &Connection) -> bool {
        true
    }

    /// Does the same on these hosts, at the same time: what came of it, and the problems.
    pub(super) fn on_each<T: Send>(
        &mut self,
        limit: NonZeroUsize,
        these: impl Fn(&HostName, &Connection) -> bool,
        work: impl Fn(&HostName, &mut Connection) -> Result<T, Problem> + Sync,
    ) -> (BTreeMap<HostName, T>, BTreeMap<HostName, Problem>) {
        let connections = self.connections.iter_mut();
        let connections = connections
            .filter(|(name, connection)| these(name, connection))
            .map(|(name, connection)| (name.clone(), connection));
        apart(each_in_parallel(connections, limit, work))
    }

    /// Asks these hosts. One that does not answer becomes a problem, and is no longer among the hosts that answered.
    pub(super) fn ask<T: Send>(
        &mut self,
        limit: NonZeroUsize,
        these: impl Fn(&HostName, &Connection) -> bool,
        ask: impl Fn(&HostName, &mut Connection) -> Result<T, Problem> + Sync,
    ) -> BTreeMap<HostName, T> {
        let (answers, problems) = self.on_each(limit, these, ask);
        for (name, problem) in problems {
            self.drop_host(name, problem);
        }
        answers
    }

    pub(super) fn drop_host(&mut self, name: HostName, problem: Problem) {
        self.connections.remove(&name);
        self.problems.insert(name, problem);
    }

    /// Writes where everything runs on all hosts, and on those of a release that has not ended what it is, under their
    /// locks.
    pub(super) fn record(
        &mut self,
        placement: &Placement,
        begun: Option<&BegunRelease>,
        recording: Recording,
        limit: NonZeroUsize,
    ) -> BTreeMap<HostName, Problem> {
        let text = placement.to_text();
        let begun_text = begun.map(BegunRelease::to_text);
        let placement_of = |connection: &Connection| match recording {
            Recording::First => !says(&connection.look.observed.placement, placement),
            Recording::Last => true,
        };
        let begun_of = |name: &HostName| match (begun, &begun_text) {
            (Some(begun), Some(text)) if begun.hosts.contains_key(name) => BegunFile::Written(text),
            (Some(_), _) => BegunFile::Same,
            (None, _) if recording == Recording::Last => BegunFile::Removed,
            (None, _) => BegunFile::Same,
        };
        let lacks = |name: &HostName, connection: &Connection| {
            placement_of(connection) || begun_of(name) != BegunFile::Same
        };
        let (_, problems) = self.on_each(limit, lacks, |name, connection| {
            let placement = placement_of(connection).then_some(&*text);
            let script = kept::script(&connection.layout, placement, begun_of(name));
            connection.keep("writing the placement", &script)
        });
        problems
    }

    /// The release that has not ended, as the hosts keep it that answered.
    #[must_use]
    pub fn begun(&self) -> Option<&BegunRelease> {
        newest(self.looks().filter_map(|(_, look)| look.begun.as_ref()))
    }

    /// What was pushed to the hosts that answered, and is not effective.
    #[must_use]
    pub fn pushed(&self) -> Option<&PushedRelease> {
        newest_push(self.looks().filter_map(|(_, look)| look.pushed.as_ref()))
    }

    /// Lets the hosts keep just this of releases that have not ended. One that cannot be told keeps what it was told before.
    pub(super) fn keep(&mut self, begun: Option<&BegunRelease>, limit: NonZeroUsize) {
        let text = begun.map(BegunRelease::to_text);
        let its = |name: &HostName, _: &Connection| {
            begun.is_none_or(|begun| begun.hosts.contains_key(name))
        };
        let (_, _) = self.on_each(limit, its, |_, connection| {
            let begun = text
                .as_deref()
                .map_or(BegunFile::Removed, BegunFile::Written);
            let script = kept::script(&connection.layout, None, begun);
            connection
                .session
                .run("writing the release", &script, RECORD)?;
            Ok(())
        });
    }

    /// Refuses if files or generations are not those that the plan was made from, by what the hosts said under their
    /// locks. What runs may differ: a crash loop must not block the release that mends it. What runs is looked at again
    /// where the release acts, unless that was just done.
    ///
    /// # Errors
    /// The problems of the hosts that moved or did not answer.
    pub(super) fn look_again(
        &mut self,
        setting: Setting<'_>,
        files: &BTreeMap<HostName, UnderLock>,
        acts: impl Fn(&HostName) -> bool + Sync,
    ) -> Result<(), BTreeMap<HostName, Problem>> {
        let work = |name: &HostName, connection: &mut Connection| {
            let same = files[name].as_ref().is_none_or(|files| {
                with_request(
                    setting,
                    name,
                    &connection.layout,
                    LookFor::Plan,
                    |request| same_files(request, &connection.answer, files),
                )
            });
            if same && (!acts(name) || connection.asked.elapsed() < FRESH) {
                return Ok(());
            }
            let before = connection.look.observed.clone();
            let frozen = connection.look.frozen.clone();
            connection.look_again(setting, name)?;
            if connection.look.frozen != frozen {
                let what = "somebody froze the cluster, or ended that".to_owned();
                return Err(Problem::Stale { what });
            }
            match what_moved(&before, &connection.look.observed) {
                None => Ok(()),
                Some(what) => Err(Problem::Stale { what }),
            }
        };
        let (_, problems) = self.on_each(setting.limit, Self::every, work);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

/// When the placement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recording {
    /// Before anything takes effect, where the host does not have all of it already.
    First,
    Last,
}

impl Drop for Hosts {
    /// All sessions end at the same time.
    fn drop(&mut self) {
        for connection in self.connections.values_mut() {
            connection.session.end();
        }
    }
}

/// A script in a subshell that has neither the connection nor the lock.
fn aside(script: &str) -> String {
    format!("(\n{script}\n) 7<&- 9>&-\n")
}

fn open(
    request: Option<&ReleaseRequest>,
    setting: Setting<'_>,
    name: &HostName,
    detail: LookFor,
) -> Result<Connection, Problem> {
    let host = &setting.cluster.hosts[name];
    let cluster = &setting.cluster.name;
    let place = HostPlace::of(host, &setting.connect.repository_root);
    let layout = Layout::of(&place, cluster);
    let asked = Instant::now();
    let script = with_request(setting, name, &layout, detail, |request| request.script());
    let mut script = aside(&script);
    if let Some(request) = request
        && layout.supervisor().runs_containers()
    {
        let (lock, locking) = (layout.lock(), lock_and(&layout, name, request, ""));
        script = format!("if [ -f {} ]; then\n{locking}fi\n{script}", lock.quoted());
    }
    let first = First {
        doing: LOOKING,
        script: &script,
        timeout: LOOK,
    };
    let (mut session, first) = connect(host, place, setting.connect, first)?;
    let (lock, first) = split(&first.stdout);
    let locked = matches!(parse_lock(lock), LockAnswer::Taken);
    if locked {
        session.show_life(SILENCE);
    }
    if detail == LookFor::Plan
        && let Some(systemd) = session.facts().systemd
        && let Some((service, variable)) = dropped_by(systemd, &setting.desired.hosts[name])
    {
        return Err(Problem::Observe(ObserveError::DropsVariable {
            service: service.clone(),
            variable: variable.to_string(),
            systemd,
        }));
    }
    let first = Some(first.to_vec());
    let (look, answer) = observe(setting, name, &mut session, &layout, detail, first)?;
    Ok(Connection {
        session,
        layout,
        look,
        answer,
        asked,
        locked,
        holds: NewHolds::new(),
    })
}

/// The first difference in what a release writes, as a sentence; `None` if there is none.
fn what_moved(before: &ObservedHost, after: &ObservedHost) -> Option<String> {
    if before.placement != after.placement {
        return Some("another release changed where services run".to_owned());
    }
    if before.generation != after.generation {
        return Some("its generation is another one now".to_owned());
    }
    if before.holds != after.holds {
        return Some("somebody holds other services now".to_owned());
    }
    let (before, after) = (before.files_only(), after.files_only());
    let names = before.services.keys().chain(after.services.keys());
    names
        .into_iter()
        .find(|name| before.services.get(*name) != after.services.get(*name))
        .map(|name| format!("the files of {name} were changed"))
}
