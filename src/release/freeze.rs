//! A cluster to which nothing is to be released: each of its hosts keeps that.

use super::event::Event;
use super::hosts::{Hosts, Setting};
use super::record::note_deed;
use crate::cluster::name::HostName;
use crate::host::activate::record::Record;
use crate::host::look::LookFor;
use crate::host::past::kept;
use crate::render::hold::Hold;

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
                    note_deed(&connection.layout, &mut connection.session, record);
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
