//! `bayplan exec CLUSTER SERVICE [-- CMD…]`, and `bayplan run`.

#![expect(
    clippy::disallowed_methods,
    reason = "gives its own terminal to a program on a host"
)]

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stdin, stdout};
use std::path::Path;

use super::description::{Description, load_hosts, repository};
use super::selection::{described, unknown};
use super::shown::failures;
use super::{Exit, Failure};
use crate::cli::{Exec, RunOnce};
use crate::cluster::model::Host;
use crate::cluster::name::{ClusterName, HostName, ServiceName};
use crate::host::attach::{AttachedTo, Attachment};
use crate::host::layout::ActivationId;
use crate::host::reach::connect::ConnectContext;
use crate::host::reach::error::HostError;
use crate::release::attach::{Attaching, AttachmentEnd, attach, one_off};
use crate::release::problem::Problem;
use crate::report::palette::Palette;
use crate::report::{errors, hosts as names, stream};

/// What is started, and in whose container.
struct AskedCommand<'a> {
    cluster: &'a ClusterName,
    service: &'a ServiceName,
    host: Option<&'a HostName>,
    command: &'a [String],
    kind: AskedContainer,
}

/// In which container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskedContainer {
    /// That which runs.
    Running,
    /// One of its own.
    Own,
}

/// `bayplan exec`.
pub(super) fn run(directory: Option<&Path>, arguments: &Exec) -> Result<Exit, Failure> {
    let Exec {
        cluster,
        service,
        host,
        command,
    } = arguments;
    let asked = AskedCommand {
        cluster,
        service,
        host: host.as_ref(),
        command,
        kind: AskedContainer::Running,
    };
    start(directory, &asked)
}

/// `bayplan run`.
pub(super) fn run_one(directory: Option<&Path>, arguments: &RunOnce) -> Result<Exit, Failure> {
    let RunOnce {
        cluster,
        service,
        host,
        command,
    } = arguments;
    let asked = AskedCommand {
        cluster,
        service,
        host: host.as_ref(),
        command,
        kind: AskedContainer::Own,
    };
    start(directory, &asked)
}

fn start(directory: Option<&Path>, asked: &AskedCommand<'_>) -> Result<Exit, Failure> {
    let repository = repository(directory)?;
    let description = match load_hosts(&repository, asked.cluster) {
        Ok((description, _)) => description,
        Err(exit) => return Ok(exit),
    };
    let hosts = candidates(&description, asked)?;
    let terminal = terminal();
    let (cluster, connect) = (&description.cluster, &description.connect);
    let mut problems = BTreeMap::new();
    for name in &hosts {
        match start_on(&cluster.hosts[name], connect, asked, terminal.as_deref()) {
            Ok(AttachmentEnd::Ended(code)) => return Ok(Exit::Ran(code)),
            Ok(AttachmentEnd::Lost) => {
                return Err(Failure::with_help(
                    anyhow::anyhow!("the connection to {name} was lost"),
                    "what was started there ends within a minute",
                ));
            }
            Ok(AttachmentEnd::NotRunning) => {
                let what = match asked.kind {
                    AskedContainer::Running => "does not run",
                    AskedContainer::Own => "is not released",
                };
                let text = format!("{} {what} on {name}", asked.service);
                stream::aside(&errors::note(&text, &Palette::stderr()));
            }
            Err(error) => {
                problems.insert(name.clone(), Problem::from(error));
            }
        }
    }
    stream::stderr(&errors::text(&failures(&problems), &Palette::stderr()));
    let expected = match asked.kind {
        AskedContainer::Running => "a container of it that runs",
        AskedContainer::Own => "a release of it",
    };
    Err(Failure::with_help(
        anyhow::anyhow!(
            "{}: expected {expected} on {}, found none",
            asked.service,
            names::hosts(&hosts)
        ),
        format!("`bayplan status {}` shows what runs", asked.cluster),
    ))
}

fn start_on(
    host: &Host,
    connect: &ConnectContext,
    asked: &AskedCommand<'_>,
    terminal: Option<&str>,
) -> Result<AttachmentEnd, HostError> {
    let container = match asked.kind {
        AskedContainer::Running => AttachedTo::Running,
        AskedContainer::Own => match one_off(host, connect, asked.service)? {
            Some(one) => AttachedTo::Own(one),
            None => return Ok(AttachmentEnd::NotRunning),
        },
    };
    let attachment = Attachment {
        id: ActivationId::random(),
        service: asked.service.clone(),
        container,
        command: asked.command.to_vec(),
        terminal: terminal.map(str::to_owned),
    };
    attach(Attaching {
        host,
        connect,
        attachment: &attachment,
    })
}

/// The kind of the terminal, if there is one in both directions: else there is none on the host either.
fn terminal() -> Option<String> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        return None;
    }
    let kind = std::env::var("TERM").unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    Some(match kind.is_empty() || !kind.chars().all(plain) {
        true => "xterm".to_owned(),
        false => kind,
    })
}

/// The hosts on which the container may be: the first one that answers is taken.
fn candidates(
    description: &Description,
    asked: &AskedCommand<'_>,
) -> Result<Vec<HostName>, Failure> {
    let cluster = &description.cluster;
    let runs = |name: &HostName| cluster.hosts[name].supervisor().runs_containers();
    if let Some(host) = asked.host {
        described(cluster, host)?;
        if runs(host) {
            return Ok(vec![host.clone()]);
        }
        return Err(anyhow::anyhow!("{host} is a directory: nothing runs there").into());
    }
    let hosts: Vec<HostName> = match cluster.services.get(asked.service) {
        Some(service) => service.hosts.clone(),
        // Only hosts are known where the description has errors, and what is no longer described may run on.
        None if cluster.services.is_empty() => cluster.hosts.keys().cloned().collect(),
        None => {
            let which = format!("of {}", cluster.name);
            let otherwise = "with `--host` it need not be described".to_owned();
            let known = cluster.services.keys();
            return Err(unknown(&which, asked.service, known, Some(otherwise)));
        }
    };
    let hosts: Vec<HostName> = hosts.into_iter().filter(runs).collect();
    if hosts.is_empty() {
        return Err(anyhow::anyhow!("{} has no host on which anything runs", asked.service).into());
    }
    Ok(hosts)
}
