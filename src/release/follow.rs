//! Following what a host does by itself: an activation of this release, or one whose session is gone.

#![expect(clippy::disallowed_methods, reason = "waits for a dying session")]

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::{Event, EventKind};
use super::hosts::{Connection, Hosts, Setting};
use crate::cluster::name::HostName;
use crate::host::error::HostError;
use crate::host::observe::Detail;
use crate::host::script;
use crate::host::session::Session;
use crate::host::watch::{Activity, At, Holding, Lines, Running, activity_script, follow_script};
use crate::plan::observed::Runs;

/// For one piece of what an activation says, which takes two seconds at most on an idle host.
const PIECE: Duration = Duration::from_secs(60);
/// After how long a session whose operator died is gone: the length of one piece, and a little.
const NOTICE: Duration = Duration::from_millis(2500);
/// For the question what goes on.
const ACTIVITY: Duration = Duration::from_secs(30);

/// Hands over every line that the activation of a cluster says, from its beginning to its end.
pub(super) fn follow(
    session: &mut Session,
    cluster: &str,
    mut on_line: impl FnMut(&str),
) -> Result<(), HostError> {
    let doing = "following the activation";
    let mut lines = Lines::default();
    loop {
        let script = follow_script(cluster, lines.taken());
        let status = session.run_streaming(doing, &script, PIECE, |bytes| {
            lines.feed(bytes, &mut on_line);
        })?;
        match Running::of(status) {
            Some(Running::Yes) => {}
            Some(Running::No) => return Ok(()),
            None => return Err(session.failed(doing, status)),
        }
    }
}

/// What goes on on a host; nothing below a root directory.
pub(super) fn activity(
    session: &mut Session,
    layout: &crate::host::layout::Layout,
) -> Result<Activity, HostError> {
    if layout.runs() == Runs::FilesOnly {
        return Ok(Activity::default());
    }
    let doing = "asking what goes on there";
    let answer = session.run(doing, &activity_script(layout), ACTIVITY)?;
    Activity::parse(&answer.stdout).ok_or_else(|| session.misunderstood(doing, &answer.stdout))
}

/// How an activation ended that was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Done,
    PutBack,
    /// It failed, or somebody ended it.
    Failed,
}

impl Hosts {
    /// Looks at every host, and what goes on there; as [`Hosts::seen`].
    pub fn seen_at_work(
        setting: Setting<'_>,
        detail: Detail,
        tell: &(impl Fn(Event) + Sync),
    ) -> (Self, BTreeMap<HostName, Activity>) {
        let ask = |connection: &mut Connection| {
            Ok(activity(&mut connection.session, &connection.layout)?)
        };
        Self::visit(setting, detail, ask, tell)
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

    /// Follows every activation whose session is gone to its end, and looks at those hosts again.
    /// Nobody else would tell how they end, and a plan that is made meanwhile is of no use.
    pub fn follow_orphans(&mut self, setting: Setting<'_>, tell: &(impl Fn(Event) + Sync)) {
        let attended =
            |activity: &Activity| activity.session == Holding::Yes && activity.activation.is_some();
        // The look saw where one runs; nearly always none does.
        let runs = |connection: &Connection| !connection.look.activating.is_empty();
        let mut activities = self.activities_of(setting, runs);
        if activities.values().any(attended) {
            // A session whose operator just died notices it within two seconds.
            std::thread::sleep(NOTICE);
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
            let mut at = At::default();
            follow(&mut connection.session, &activation.cluster, |line| {
                let Some(said) = script::Event::parse(line) else {
                    return;
                };
                at.hear(&said);
                match said {
                    script::Event::Started { .. } | script::Event::Back { .. } => {
                        event(EventKind::Followed { at: at.clone() });
                    }
                    script::Event::Ended => ending = Ending::Done,
                    script::Event::PutBack => ending = Ending::PutBack,
                    _ => {}
                }
            })?;
            event(EventKind::FollowedToEnd { ending });
            connection.look_again(setting, name)
        });
    }
}
