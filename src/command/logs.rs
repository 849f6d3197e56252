//! `bayplan logs CLUSTER [SERVICE…]`.

#![expect(
    clippy::disallowed_methods,
    reason = "knows what time it is, and where"
)]

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::description::{Description, load_hosts, repository};
use super::selection::described;
use super::shown::failures;
use super::{Exit, Failure};
use crate::cli::Logs;
use crate::cluster::model::Cluster;
use crate::cluster::name::HostName;
use crate::host::journal::{Follow, JournalRequest, RunsAsked, Since};
use crate::host::reach::descriptors;
use crate::release::Setting;
use crate::release::generations::bare;
use crate::release::logs::{LogEvent, logs};
use crate::report::logs::LogPrinter;
use crate::report::palette::Palette;
use crate::report::stream::StdoutError;
use crate::report::{errors, hosts as names, stream};

/// The last lines that are shown where nothing says which.
const LINES: usize = 100;
/// The same before what is followed.
const LINES_BEFORE: usize = 10;
/// So much is printed at once.
const FULL: usize = 64 << 10;

pub(super) fn run(directory: Option<&Path>, arguments: &Logs) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let description = match load_hosts(&repository, &arguments.cluster) {
        Ok((description, _)) => description,
        Err(exit) => return Ok(exit),
    };
    let hosts = journals(&description.cluster, &arguments.hosts)?;
    let request = request(arguments)?;
    let all = hosts.len();
    descriptors::make_room(all, all)?;
    description.connect.interrupt.listen()?;
    show(&description, arguments, &request, &hosts)
}

/// The hosts that have a journal, of those that are wanted.
fn journals(cluster: &Cluster, wanted: &[HostName]) -> Result<Vec<HostName>, Failure> {
    for host in wanted {
        described(cluster, host)?;
    }
    let hosts = cluster.hosts.iter();
    let (hosts, directories): (Vec<_>, Vec<_>) = hosts
        .filter(|(name, _)| wanted.is_empty() || wanted.contains(name))
        .partition(|(_, host)| host.supervisor().runs_containers());
    if !directories.is_empty() {
        let names = names::hosts(directories.iter().map(|(name, _)| *name));
        let text = format!("{names}: nothing runs below a directory, so there is no journal");
        stream::aside(&errors::note(&text, &Palette::stderr()));
    }
    Ok(hosts.into_iter().map(|(name, _)| name.clone()).collect())
}

fn request(arguments: &Logs) -> Result<JournalRequest, Failure> {
    let (now, zone) = (Timestamp::now(), TimeZone::system());
    let moment = |moment: &crate::cli::TimeArgument| {
        let moment = moment.at(now, &zone);
        moment.map_err(|why| Failure {
            exit: Exit::Usage,
            ..Failure::from(anyhow::anyhow!(why))
        })
    };
    let since = match &arguments.since {
        Some(since) => Since::Moment(moment(since)?.as_microsecond()),
        None if arguments.since_release => Since::Release,
        None => Since::Ever,
    };
    let until = arguments.until.as_ref().map(moment).transpose()?;
    let Logs { grep, previous, .. } = arguments;
    let whole = since != Since::Ever || until.is_some() || grep.is_some() || *previous;
    let lines = match arguments.lines {
        Some(lines) => Some(lines),
        None if whole => None,
        None if arguments.follow => Some(LINES_BEFORE),
        None => Some(LINES),
    };
    Ok(JournalRequest {
        services: arguments.services.iter().cloned().collect(),
        lines,
        since,
        until: until.map(Timestamp::as_microsecond),
        grep: grep.clone(),
        runs: match previous {
            true => RunsAsked::Previous,
            false => RunsAsked::All,
        },
        follow: match arguments.follow {
            true => Follow::Yes,
            false => Follow::No,
        },
    })
}

fn show(
    description: &Description,
    arguments: &Logs,
    request: &JournalRequest,
    hosts: &[HostName],
) -> Result<Exit, Failure> {
    let desired = bare(&description.cluster);
    let setting = Setting {
        cluster: &description.cluster,
        desired: &desired,
        connect: &description.connect,
        limit: crate::host::reach::parallel::DEFAULT_PARALLEL,
    };
    let mut printer = LogPrinter::new(hosts, TimeZone::system(), &Palette::stdout());
    let palette = Palette::stderr();
    let mut out = String::with_capacity(2 * FULL);
    let mut tell = |event: LogEvent<'_>| -> Result<(), StdoutError> {
        match event {
            LogEvent::Line {
                host,
                entry,
                message,
            } => {
                let (time, service) = (entry.time, &*entry.service);
                match arguments.json {
                    true => printer.json(host, time, service, message, &mut out),
                    false => printer.text(host, time, service, message, &mut out),
                }
            }
            LogEvent::Pause => {}
            LogEvent::Slow(host) => {
                let text = format!("{host} is slow: its lines come when they come");
                stream::aside(&errors::note(&text, &palette));
            }
            LogEvent::Away(host, error) => {
                let text = format!("{host}: {}; it is tried again", error.kind);
                stream::stderr(&errors::note(&text, &palette));
            }
            LogEvent::Back(host) => {
                let text = format!("{host} answers again");
                stream::aside(&errors::note(&text, &palette));
            }
        }
        if out.len() >= FULL || matches!(event, LogEvent::Pause) && !out.is_empty() {
            stream::stdout(&out)?;
            out.clear();
        }
        Ok(())
    };
    let problems = logs(setting, request, hosts, &mut tell)?;
    let failures = failures(&problems);
    stream::stderr(&errors::text(&failures, &palette));
    Ok(match failures.is_empty() {
        _ if description.connect.interrupt.asked() => Exit::Interrupted,
        true => Exit::Done,
        false => Exit::Failed,
    })
}
