//! Following what a host does by itself: an activation of this release, or one whose session is gone.

#![expect(
    clippy::disallowed_methods,
    reason = "waits for a session to end, and for a host to come back"
)]

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::activity::{ACTIVITY, activity};
use super::event::{Ending, Event, EventKind};
use super::hosts::{Connection, Hosts, Setting};
use super::problem::Problem;
use crate::cluster::name::HostName;
use crate::host::activate::activity::{ActivationProgress, Activity, Holding};
use crate::host::activate::event;
use crate::host::activate::follow::{Lines, Running, follow_script};
use crate::host::layout::ActivationId;
use crate::host::look::LookFor;
use crate::host::reach::connect::{First, connect};
use crate::host::reach::error::{HostError, HostErrorKind};
use crate::host::reach::session::Session;

/// For one piece of what an activation says, which takes two seconds at most on an idle host.
const PIECE: Duration = Duration::from_secs(60);
/// How long a session may outlive its operator: the length of one piece, and a little. On a busy host it takes longer; whoever makes
/// a plan asks once more.
const NOTICE: Duration = Duration::from_millis(2500);
/// How often it is asked whether it has noticed.
const NOTICE_RETRY: Duration = Duration::from_millis(500);

/// How long to try to reach a host again after its connection was lost. A laptop that slept finds its network
/// within this time; an operator who is cut off should hear of it.
const RETURN: Duration = Duration::from_secs(30);
/// How often it is tried.
const AGAIN: Duration = Duration::from_secs(1);

/// An activation that is followed, and how much of what it said is known.
pub(super) struct Followed<'a> {
    cluster: &'a str,
    id: Option<&'a ActivationId>,
    lines: Lines,
}

/// How following came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FollowEnd {
    /// It has said everything.
    Read,
    /// There is no log of it, or no longer.
    NoLog,
}

impl<'a> Followed<'a> {
    pub(super) fn new(cluster: &'a str, id: Option<&'a ActivationId>) -> Self {
        Self {
            cluster,
            id,
            lines: Lines::default(),
        }
    }

    /// Hands over every line from now on, until the activation has said everything.
    pub(super) fn follow(
        &mut self,
        session: &mut Session,
        mut on_line: impl FnMut(&str),
    ) -> Result<FollowEnd, HostError> {
        let doing = "following the activation";
        loop {
            let script = follow_script(self.cluster, self.id, self.lines.taken());
            let lines = &mut self.lines;
            let status = session.run_streaming(doing, &script, PIECE, |bytes| {
                lines.feed(bytes, &mut on_line);
            })?;
            match Running::of(status) {
                Some(Running::Yes) => {}
                Some(Running::No) => return Ok(FollowEnd::Read),
                Some(Running::NoLog) => return Ok(FollowEnd::NoLog),
                None => return Err(session.failed(doing, status)),
            }
        }
    }

    /// The same, even if the connection is lost meanwhile, as it is when a laptop sleeps. The host went on: it is
    /// reached again, and followed from where it was left.
    pub(super) fn follow_over(
        &mut self,
        setting: Setting<'_>,
        name: &HostName,
        connection: &mut Connection,
        mut on_line: impl FnMut(&str),
    ) -> Result<FollowEnd, HostError> {
        loop {
            match self.follow(&mut connection.session, &mut on_line) {
                Err(error) if is_lost(&error) => {
                    if connection.open_again(setting, name).is_err() {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
    }
}

/// Whether a new connection may do what this one could not.
pub(super) fn is_lost(error: &HostError) -> bool {
    matches!(
        error.kind,
        HostErrorKind::Lost { .. } | HostErrorKind::Timeout { .. }
    )
}

impl Connection {
    /// Another session in place of one that was lost. It does not hold the lock.
    pub(super) fn open_again(
        &mut self,
        setting: Setting<'_>,
        name: &HostName,
    ) -> Result<(), HostError> {
        let host = &setting.cluster.hosts[name];
        let begun = Instant::now();
        loop {
            let place = self.session.place().clone();
            let first = First {
                doing: "connecting again",
                script: ":\n",
                timeout: ACTIVITY,
            };
            match connect(host, place, setting.connect, first) {
                Ok((session, _)) => {
                    self.session = session;
                    self.locked = false;
                    return Ok(());
                }
                Err(error) if begun.elapsed() > RETURN || setting.connect.interrupt.asked() => {
                    return Err(error);
                }
                Err(_) => std::thread::sleep(AGAIN),
            }
        }
    }
}

impl Hosts {
    /// Looks at every host, and what goes on there; as [`Hosts::seen`].
    pub fn seen_at_work(
        setting: Setting<'_>,
        detail: LookFor,
        tell: &(impl Fn(Event) + Sync),
    ) -> (Self, BTreeMap<HostName, Activity>) {
        let ask = |connection: &mut Connection| {
            Ok(activity(&mut connection.session, &connection.layout)?)
        };
        Self::visit(setting, detail, ask, tell)
    }

    /// Looks at every host again, and at what goes on there. Sessions stay open; one that was lost, or that there never was,
    /// is tried anew.
    pub fn refresh(
        &mut self,
        setting: Setting<'_>,
        detail: LookFor,
    ) -> BTreeMap<HostName, Activity> {
        self.refreshed(setting, detail, |connection| {
            Ok(activity(&mut connection.session, &connection.layout)?)
        })
    }

    /// The same, and asks something else than what goes on there.
    pub(super) fn refreshed<T: Send>(
        &mut self,
        setting: Setting<'_>,
        detail: LookFor,
        ask: impl Fn(&mut Connection) -> Result<T, Problem> + Sync,
    ) -> BTreeMap<HostName, T> {
        let open = Mutex::new(std::mem::take(&mut self.connections));
        let work = |name: &HostName| {
            let kept = open
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(name);
            let mut connection = match kept.map(|it| it.seen_again(setting, name, detail)) {
                Some(Ok(connection)) => connection,
                Some(Err(_)) | None => Connection::open(setting, name, detail)?,
            };
            let answer = ask(&mut connection)?;
            Ok((connection, answer))
        };
        let (hosts, answers) = Self::each(setting, work, &|_| {});
        *self = hosts;
        answers
    }

    fn activities_of(
        &mut self,
        setting: Setting<'_>,
        asked: impl Fn(&Connection) -> bool,
    ) -> BTreeMap<HostName, Activity> {
        self.ask(
            setting.limit,
            |_, connection| asked(connection),
            |_, connection| Ok(activity(&mut connection.session, &connection.layout)?),
        )
    }

    /// Looks at every host, and asks for the activation that is at work where the look saw one; as
    /// [`Hosts::seen`].
    pub fn seen_with_work(
        setting: Setting<'_>,
        detail: LookFor,
        tell: &(impl Fn(Event) + Sync),
    ) -> (Self, BTreeMap<HostName, Activity>) {
        let ask = |connection: &mut Connection| match connection.look.activating.is_empty() {
            true => Ok(Activity::default()),
            false => Ok(activity(&mut connection.session, &connection.layout)?),
        };
        let (hosts, mut activities) = Self::visit(setting, detail, ask, tell);
        activities.retain(|_, activity| activity.activation.is_some());
        (hosts, activities)
    }

    /// The activations that are at work, where a look saw one.
    pub fn at_work(&mut self, setting: Setting<'_>) -> BTreeMap<HostName, Activity> {
        let seen = |connection: &Connection| !connection.look.activating.is_empty();
        let mut activities = self.activities_of(setting, seen);
        activities.retain(|_, activity| activity.activation.is_some());
        activities
    }

    /// Follows every activation whose session is gone to its end, and looks at those hosts again.
    /// Nobody else would tell how they end, and a plan that is made meanwhile is of no use.
    pub fn follow_orphans(&mut self, setting: Setting<'_>, tell: &(impl Fn(Event) + Sync)) {
        let attended =
            |activity: &Activity| activity.session == Holding::Yes && activity.activation.is_some();
        // The look saw where one runs; nearly always none does.
        let runs = |connection: &Connection| !connection.look.activating.is_empty();
        let mut activities = self.activities_of(setting, runs);
        let begun = Instant::now();
        // Its operator may just have died.
        while activities.values().any(attended) && begun.elapsed() < NOTICE {
            std::thread::sleep(NOTICE_RETRY);
            activities = self.activities_of(setting, runs);
        }
        let orphans: BTreeMap<HostName, Activity> = activities
            .into_iter()
            .filter(|(_, activity)| activity.orphan().is_some())
            .collect();
        let is_orphan = |name: &HostName, _: &Connection| orphans.contains_key(name);
        self.ask(setting.limit, is_orphan, |name, connection| {
            let activity = &orphans[name];
            let activation = activity.orphan().expect("only orphans are followed");
            let event = |kind| {
                tell(Event {
                    host: name.clone(),
                    kind,
                });
            };
            event(EventKind::Following {
                holder: activity.holder.clone(),
                since: activation.since,
                at: activation.at.clone(),
            });
            let mut ending = Ending::Failed;
            let mut at = ActivationProgress::default();
            let mut followed = Followed::new(&activation.cluster, activation.id.as_ref());
            followed.follow_over(setting, name, connection, |line| {
                let Some(said) = event::ScriptEvent::parse(line) else {
                    return;
                };
                at.hear(&said);
                match said {
                    event::ScriptEvent::Started { .. }
                    | event::ScriptEvent::Back { .. }
                    | event::ScriptEvent::Doing(_)
                    | event::ScriptEvent::Soaking(_) => {
                        event(EventKind::Followed { at: at.clone() });
                    }
                    event::ScriptEvent::Ended => ending = Ending::Done,
                    event::ScriptEvent::PutBack => ending = Ending::PutBack,
                    event::ScriptEvent::Begun { .. }
                    | event::ScriptEvent::Done(_)
                    | event::ScriptEvent::Skipped(_)
                    | event::ScriptEvent::Failed(_)
                    | event::ScriptEvent::Error(_)
                    | event::ScriptEvent::State { .. }
                    | event::ScriptEvent::Journal { .. }
                    | event::ScriptEvent::Note(_)
                    | event::ScriptEvent::PuttingBack
                    | event::ScriptEvent::Recorded => {}
                }
            })?;
            event(EventKind::FollowedToEnd { ending });
            connection.look_again(setting, name)
        });
    }
}
