//! A cluster to which nothing is to be released: each of its hosts keeps that.

use std::time::Duration;

use super::event::Event;
use super::hosts::{Hosts, Setting};
use crate::cluster::name::HostName;
use crate::host::activate::record::{Record, deed_script};
use crate::host::look::LookFor;
use crate::host::past::kept;
use crate::render::hold::Hold;

/// For a line.
const RECORD: Duration = Duration::from_secs(60);

impl Hosts {
    /// Looks at every host and lets it keep that the cluster is frozen, or not any more. What a host kept before is in its
    /// look. No lock is taken: whoever is at work goes on, and nobody begins after it. Their histories say who did (`record`). Gives the hosts that have written it.
    pub fn freeze(
        setting: Setting<'_>,
        detail: LookFor,
        (hold, record): (Option<&Hold>, &Record),
        tell: &(impl Fn(Event) + Sync),
    ) -> (Self, Vec<HostName>) {
        let text = hold.map(Hold::to_text);
        let (hosts, done) = Self::visit(
            setting,
            detail,
            |connection| {
                let script = kept::freeze_script(&connection.layout, text.as_deref());
                connection.keep("writing that it is frozen", &script)?;
                if hold.is_some() || connection.look.frozen.is_some() {
                    let script = deed_script(&connection.layout, record);
                    let _ = connection.session.run("recording it", &script, RECORD);
                }
                Ok(())
            },
            tell,
        );
        (hosts, done.into_keys().collect())
    }

    /// Who froze the cluster, as one of the hosts says that answered, and whose time is not over.
    #[must_use]
    pub fn frozen(&self) -> Option<&Hold> {
        let mut looks = self.looks().filter_map(|(_, look)| look.frozen.as_ref());
        looks.next()
    }
}
