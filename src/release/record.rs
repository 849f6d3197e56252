//! The lines of histories that no activation writes: of a release that failed before one began on a host,
//! or whose activation there was ended from outside.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::hosts::{Connection, Hosts};
use super::request::ReleaseRequest;
use crate::cluster::name::HostName;
use crate::host::activate::record::{Record, Source, deed_script, note_script};
use crate::host::layout::Layout;
use crate::host::reach::session::Session;
use crate::plan::observed::Generation;
use crate::plan::recorded::because;
use crate::plan::step::Step;
use crate::plan::{Origin, Plan};

/// For one line.
const LINE: Duration = Duration::from_secs(30);

/// What a release is recorded as on a host.
pub(super) fn record(plan: &Plan, name: &HostName, request: &ReleaseRequest) -> Record {
    Record {
        back_to: match request.options.origin {
            Origin::Generations => request.back.get(name).and_then(|back| back.number),
            Origin::Description | Origin::Current => None,
        },
        reasons: because(&plan.hosts[name]),
        ..request.record.clone()
    }
}

/// The generation that a release makes on a host; the current one where it makes none.
pub(super) fn generation(plan: &Plan, name: &HostName, connection: &Connection) -> u64 {
    let observed = &connection.look.observed;
    let makes = |step: &Step| matches!(step, Step::SetCurrent { .. });
    match &observed.generation {
        Generation::Current { number, .. } if !plan.steps(name).any(makes) => *number,
        Generation::Current { .. } | Generation::None | Generation::Unreadable { .. } => {
            observed.next_generation
        }
    }
}

/// Records how a release ended on one host: `failed`, or `not begun`. Only who holds its lock may.
pub(super) fn note(
    plan: &Plan,
    name: &HostName,
    request: &ReleaseRequest,
    connection: &mut Connection,
    (result, why): (&str, &str),
) {
    if connection.layout.supervisor().runs_containers() && !connection.locked {
        return;
    }
    let source = Source::Staged {
        id: request.staging().clone(),
        number: connection.look.observed.next_generation,
    };
    let script = note_script(
        &connection.layout,
        &source,
        &record(plan, name, request),
        generation(plan, name, connection),
        (result, why),
    );
    // Where the session is gone, or the disk is full, there is nobody to tell: the problem that is recorded is
    // told itself.
    let _ = connection
        .session
        .run("recording how it ended", &script, LINE);
}

/// Records what was done that was no release. That it may not be written changes nothing of it.
pub(super) fn note_deed(layout: &Layout, session: &mut Session, record: &Record) {
    let _ = session.run("recording it", &deed_script(layout, record), LINE);
}

/// Records that nothing was done on hosts, since others failed.
pub(super) fn note_others(
    plan: &Plan,
    request: &ReleaseRequest,
    hosts: &mut Hosts,
    limit: NonZeroUsize,
    these: impl Fn(&HostName) -> bool,
    why: &str,
) {
    let these = |name: &HostName, _: &Connection| {
        these(name) && plan.hosts.get(name).is_some_and(|host| host.acts)
    };
    hosts.on_each(limit, these, |name, connection| {
        note(plan, name, request, connection, ("not begun", why));
        Ok(())
    });
}
