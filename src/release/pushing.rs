//! A release that is only pushed: staged and checked on every host, for somebody to make effective later.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::event::Event;
use super::hosts::{Connection, Hosts, Setting};
use super::prepare::Preparation;
use super::problem::Problem;
use super::request::ReleaseRequest;
use super::{Stage, Stopped, lock, ready};
use crate::cluster::name::HostName;
use crate::host::lock::UNGUARD_STAGE;
use crate::host::past::kept;
use crate::plan::begun::reached;
use crate::plan::{Approved, Plan};
use crate::render::pushed::{FORMAT, PushedRelease};

/// How long a host may take to write a line.
const NOTE: Duration = Duration::from_secs(60);

/// Stages and checks what a plan needs that was shown, and leaves it on the hosts. Nothing takes effect; images may be
/// pulled. Returns the plan, with the restarts that only the pull could tell.
///
/// # Errors
/// A lock that is held, a host that moved, files or images that are not as they must be.
pub fn push(
    setting: Setting<'_>,
    hosts: &mut Hosts,
    approved: &Approved,
    request: &ReleaseRequest,
    tell: &(impl Fn(Event) + Sync),
) -> Result<Plan, Stopped> {
    let shown = approved.plan();
    lock(setting, hosts, shown, request, tell)?;
    let preparation = Preparation::of(setting, hosts, shown, request);
    let (approved, prepared) = ready(setting, hosts, &preparation, approved, request, tell)?;
    let desired = reached(setting.desired, &request.options);
    let note = |name: &HostName, connection: &mut Connection| {
        let staged = &prepared.staged[name];
        let pushed = PushedRelease {
            format: FORMAT,
            cluster: setting.cluster.name.clone(),
            stage: request.stage.as_str().to_owned(),
            who: request.record.who.clone(),
            when: request.record.when.clone(),
            commit: request.record.commit.clone(),
            desired: desired.clone(),
            services: request.options.services.clone(),
            leave_out: request.options.leave_out.clone(),
            manifest: staged.manifest.clone(),
            digests: staged.files.digests.clone(),
            bytes: staged.files.bytes,
        };
        let script = kept::pushed_script(&connection.layout, &pushed.to_text());
        connection.keep("noting what was pushed", &script)?;
        let session = &mut connection.session;
        session.run_here("keeping what was pushed", UNGUARD_STAGE, NOTE)?;
        Ok(())
    };
    let staged = |name: &HostName, _: &Connection| prepared.staged.contains_key(name);
    let (_, problems) = hosts.on_each(setting.limit, staged, note);
    if problems.is_empty() {
        Ok(approved.plan().clone())
    } else {
        let stage = Stage::Prepare;
        Err(Stopped { stage, problems })
    }
}

/// Lets the hosts forget what was pushed to them: it becomes effective now, once; or never, where this release does nothing.
pub(super) fn used(
    hosts: &mut Hosts,
    preparation: &Preparation<'_>,
    limit: NonZeroUsize,
) -> BTreeMap<HostName, Problem> {
    let stage = preparation.stage();
    // A push of somebody else to hosts on which nothing is done now is still theirs.
    let has = |_: &HostName, connection: &Connection| {
        let pushed = connection.look.pushed.as_ref();
        pushed.is_some_and(|pushed| pushed.stage == stage.as_str())
    };
    let forget = |name: &HostName, connection: &mut Connection| {
        let gone = preparation.host(name).is_none().then_some(stage);
        let script = kept::used_script(&connection.layout, gone);
        connection.keep("forgetting what was pushed", &script)
    };
    hosts.on_each(limit, has, forget).1
}
