//! `bayplan freeze CLUSTER` and `bayplan unfreeze CLUSTER`.

#![expect(
    clippy::disallowed_methods,
    reason = "knows what time it is, and where"
)]

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::description::{Description, load_hosts, repository};
use super::request::{stamp, who};
use super::shown::failures;
use super::{Exit, Failure};
use crate::cli::{Freeze, Parallel, TimeArgument, Unfreeze};
use crate::cluster::name::HostName;
use crate::host::activate::record::Record;
use crate::host::look::LookFor;
use crate::release::generations::bare;
use crate::release::{Hosts, Setting};
use crate::render::hold::{FORMAT, Hold};
use crate::report::palette::Palette;
use crate::report::progress::Progress;
use crate::report::view::HoldView;
use crate::report::{errors, hold as text, hosts as names, stream};

/// `bayplan freeze`.
pub(super) fn run(directory: Option<&Path>, arguments: &Freeze) -> Result<Exit, Failure> {
    let Freeze {
        cluster,
        until,
        why,
        parallel,
    } = arguments;
    let hold = hold(until.as_ref(), Some(why.clone()))?;
    let repository = repository(directory)?;
    let description = match load_hosts(&repository, cluster) {
        Ok((description, _)) => description,
        Err(exit) => return Ok(exit),
    };
    let deed = format!(
        "froze the cluster{}: {why}",
        text::until(&HoldView::of(&hold))
    );
    let frozen = set(&description, parallel, Some(&hold), deed);
    if !frozen.done.is_empty() {
        stream::stdout(&format!(
            "{cluster} is frozen{} on {}: {why}\n\
             `release` and `activate` are refused, `rollback` and `restart` are not; `bayplan unfreeze {cluster}` ends it\n",
            text::until(&HoldView::of(&hold)),
            names::hosts(&frozen.done),
        ))?;
    }
    Ok(frozen.exit)
}

/// `bayplan unfreeze`.
pub(super) fn end(directory: Option<&Path>, arguments: &Unfreeze) -> Result<Exit, Failure> {
    let Unfreeze { cluster, parallel } = arguments;
    let repository = repository(directory)?;
    let description = match load_hosts(&repository, cluster) {
        Ok((description, _)) => description,
        Err(exit) => return Ok(exit),
    };
    let ended = set(
        &description,
        parallel,
        None,
        "unfroze the cluster".to_owned(),
    );
    if ended.exit == Exit::Done {
        let was = match ended.was {
            Some(hold) => format!(
                "{cluster} is not frozen any more; it was{}\n",
                text::by(&HoldView::of(&hold))
            ),
            None => format!("{cluster} was not frozen\n"),
        };
        stream::stdout(&was)?;
    } else if !ended.done.is_empty() {
        stream::stderr(
            "any of the hosts that did not answer may still be frozen, and then all of it is\n",
        );
    }
    Ok(ended.exit)
}

/// Somebody at this machine holds something from now on.
///
/// # Errors
/// The moment is not one to come.
pub(super) fn hold(until: Option<&TimeArgument>, why: Option<String>) -> Result<Hold, Failure> {
    let now = Timestamp::now();
    let until = until.map(|until| until.ahead(now, &TimeZone::system()));
    let until = until.transpose().map_err(|why| Failure {
        exit: Exit::Usage,
        ..Failure::from(anyhow::anyhow!(why))
    })?;
    Ok(Hold {
        format: FORMAT,
        who: who(),
        since: now.as_second(),
        until: until.map(Timestamp::as_second),
        why,
        drains: false,
    })
}

/// What became of it.
struct FreezeEnd {
    exit: Exit,
    /// The hosts that keep it now, or do not any more.
    done: Vec<HostName>,
    /// What one of them kept before.
    was: Option<Hold>,
}

fn set(
    description: &Description,
    parallel: &Parallel,
    hold: Option<&Hold>,
    words: String,
) -> FreezeEnd {
    let action = match hold {
        Some(_) => "freeze",
        None => "unfreeze",
    };
    let record = Record {
        deed: Some(words),
        ..stamp(action).1
    };
    let cluster = &description.cluster;
    let progress = Progress::stderr(cluster.hosts.keys(), &Palette::stderr());
    let bare = bare(cluster);
    let setting = Setting {
        desired: &bare,
        ..description.setting(parallel)
    };
    let (hosts, done) = Hosts::freeze(setting, LookFor::Plan, (hold, &record), &|event| {
        progress.event(&event)
    });
    progress.finish();
    let failures = failures(hosts.problems());
    stream::stderr(&errors::text(&failures, &Palette::stderr()));
    FreezeEnd {
        exit: match failures.is_empty() {
            true => Exit::Done,
            false => Exit::Failed,
        },
        done,
        was: hosts.frozen().cloned(),
    }
}
