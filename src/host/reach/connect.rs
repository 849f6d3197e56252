//! Opens a session and looks around, in one round trip.

#![expect(
    clippy::disallowed_methods,
    reason = "starts the `sh` or `sudo` of this machine"
)]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::error::{HostError, HostErrorKind, NoSudo, WHILE_CONNECTING};
use super::facts::{FILE_TOOLS, Facts, TOOLS, look_around};
use super::failure::{self, Via};
use super::interrupt::Interrupt;
use super::process::Killing;
use super::protocol::LOOP;
use super::session::{Interrupted, KeepWaiting, Output, Quiet, Session};
use super::ssh::{Client, Destination, OPTIONS, Sharing};
pub use super::ssh::{GivenTerminal, UnknownOptions};
use crate::cluster::model::{Host, Supervisor, Transport};
use crate::cluster::name::ClusterName;
use crate::host::place::HostPlace;
use crate::trace::{self, TracedScript};

/// What connecting needs besides the host.
#[derive(Debug, Clone)]
pub struct ConnectContext {
    /// The cluster that is worked with.
    pub cluster: ClusterName,
    /// Where relative directories of `directory` hosts begin. Absolute.
    pub repository_root: PathBuf,
    /// For the TCP connection (`ConnectTimeout` of `ssh_config(5)`; the user's own wins). Keys,
    /// login and the first answer get [`LOGIN`] on top.
    pub connect_timeout: Duration,
    /// Ends whatever a session is waiting for.
    pub interrupt: Interrupt,
    /// What was learned of this machine's `ssh`.
    pub unknown_options: UnknownOptions,
}

/// The usual [`ConnectContext::connect_timeout`].
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a login may take: a slow reverse DNS of sshd alone takes 10 to 20 s.
pub const LOGIN: Duration = Duration::from_secs(30);

/// What is asked of a host in the same exchange that opens the session.
#[derive(Debug, Clone, Copy)]
pub struct First<'a> {
    /// Completes "timed out while …".
    pub doing: &'a str,
    /// As for [`Session::run_here`].
    pub script: &'a str,
    /// For the script; logging in has a limit of its own.
    pub timeout: Duration,
}

/// Opens a session on a host, with what the host says of itself in [`Session::facts`], and the answer
/// to a first script.
///
/// A `directory` host is this machine, before a [root](HostPlace::root); nothing is created there.
///
/// # Errors
/// The host cannot be reached, is not the one that is meant, or lacks what bayplan needs.
pub fn connect(
    host: &Host,
    place: HostPlace,
    context: &ConnectContext,
    first: First<'_>,
) -> Result<(Session, Output), HostError> {
    let (mut session, output) = connect_by(
        &Client::from_environment(&context.unknown_options),
        host,
        place,
        context,
        first,
    )?;
    session.set_interrupt(context.interrupt.clone());
    Ok((session, output))
}

/// Opens a session also on a host that lacks what bayplan needs: [`Session::facts`] tell what.
///
/// # Errors
/// The host cannot be reached, or is not the one that is meant.
pub fn connect_to_examine(
    host: &Host,
    place: HostPlace,
    context: &ConnectContext,
) -> Result<Session, HostError> {
    let client = Client::from_environment(&context.unknown_options);
    let first = First {
        doing: WHILE_CONNECTING,
        script: ":",
        timeout: LOGIN,
    };
    let (mut session, _) = open_by(&client, host, place, context, first, WhenUnfit::Taken)?;
    session.set_interrupt(context.interrupt.clone());
    Ok(session)
}

/// What becomes of a host that lacks what bayplan needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenUnfit {
    Refused,
    Taken,
}

/// Runs a script of the host as root, with the input, output and errors of this process, and waits for its end. Its path is
/// one word of every shell. How it ended it must tell itself: `ssh` has an exit code of its own for its own errors.
///
/// # Errors
/// It cannot be started.
pub fn on_terminal(
    host: &Host,
    place: &HostPlace,
    context: &ConnectContext,
    terminal: GivenTerminal,
    path: &str,
) -> Result<(), HostError> {
    let error = |kind| HostError {
        kind,
        at: place.at.clone(),
        stderr: String::new(),
    };
    let (mut command, via) = match &host.transport {
        Transport::Ssh(ssh) => {
            let to = Destination {
                cluster: &context.cluster,
                host: &host.name,
                address: &host.location(),
                ssh,
            };
            let client = Client::from_environment(&context.unknown_options);
            let command = client.on_terminal(&to, context.connect_timeout, terminal, path);
            (command.map_err(error)?, to.via())
        }
        Transport::Local { sudo: true } => {
            let mut command = Command::new("sudo");
            command.args(["-n", "sh", path]);
            (command, Via::ThisMachine)
        }
        Transport::Local { sudo: false } | Transport::Directory { .. } => {
            let mut command = Command::new("sh");
            command.arg(path);
            (command, Via::ThisMachine)
        }
    };
    trace::starts(&command);
    let status = command.status();
    status.map_err(|failed| error(via.not_started(&failed)))?;
    Ok(())
}

fn connect_by(
    client: &Client,
    host: &Host,
    place: HostPlace,
    context: &ConnectContext,
    first: First<'_>,
) -> Result<(Session, Output), HostError> {
    open_by(client, host, place, context, first, WhenUnfit::Refused)
}

fn open_by(
    client: &Client,
    host: &Host,
    place: HostPlace,
    context: &ConnectContext,
    first: First<'_>,
    unfit: WhenUnfit,
) -> Result<(Session, Output), HostError> {
    match &host.transport {
        Transport::Ssh(ssh) => {
            let to = Destination {
                cluster: &context.cluster,
                host: &host.name,
                address: &host.location(),
                ssh,
            };
            let error = |kind| HostError {
                kind,
                at: place.at.clone(),
                stderr: String::new(),
            };
            let open = |sharing| {
                let began = SystemTime::now();
                let command = client
                    .command(&to, context.connect_timeout, sharing)
                    .map_err(error)?;
                let mut dead = None;
                let mut ask = || {
                    dead = client.shared_since(&to, context.connect_timeout, began);
                    match dead {
                        Some(_) => KeepWaiting::Over,
                        None => KeepWaiting::Goes,
                    }
                };
                let quiet = Quiet {
                    after: client.dead_after,
                    ask: &mut ask,
                };
                let opened = Opening {
                    command,
                    killing: Killing::Alone,
                    place: place.clone(),
                    via: to.via(),
                    unfit,
                }
                .open(
                    context.connect_timeout + LOGIN,
                    first,
                    (sharing == Sharing::Shared).then_some(quiet),
                );
                Ok((opened, dead))
            };
            let mut sharing = Sharing::Shared;
            let mut tries = 0;
            loop {
                let (opened, dead) = open(sharing)?;
                tries += 1;
                let Err(error) = &opened else {
                    return opened;
                };
                if let Some(socket) = dead {
                    sharing = socket.avoid();
                } else if tries > OPTIONS || !client.unknown.learn(&error.stderr) {
                    return opened;
                }
            }
        }
        Transport::Local { sudo } => {
            let mut command = Command::new(if *sudo { "sudo" } else { "sh" });
            if *sudo {
                command.args(["-n", "sh"]);
            }
            command.args(["-c", LOOP]).env("LC_ALL", "C");
            let killing = if *sudo {
                Killing::RootsGroup
            } else {
                Killing::Group
            };
            Opening {
                command,
                killing,
                place,
                via: Via::ThisMachine,
                unfit,
            }
            .open(LOGIN, first, None)
        }
        Transport::Directory { .. } => {
            let mut command = Command::new("sh");
            command.args(["-c", LOOP]).env("LC_ALL", "C");
            Opening {
                command,
                killing: Killing::Group,
                place,
                via: Via::ThisMachine,
                unfit,
            }
            .open(LOGIN, first, None)
        }
    }
}

/// A session about to be opened.
struct Opening {
    command: Command,
    killing: Killing,
    place: HostPlace,
    via: Via,
    unfit: WhenUnfit,
}

impl Opening {
    fn open(
        self,
        login: Duration,
        first: First<'_>,
        quiet: Option<Quiet<'_>>,
    ) -> Result<(Session, Output), HostError> {
        trace::starts(&self.command);
        let traced = TracedScript::begins(&self.place.at, first.doing);
        let opened = self.opened(login, first, quiet);
        if let Some(traced) = traced {
            let answer = opened.as_ref().ok();
            traced.ends(answer.map(|(_, output)| output.status));
        }
        opened
    }

    fn opened(
        mut self,
        login: Duration,
        first: First<'_>,
        quiet: Option<Quiet<'_>>,
    ) -> Result<(Session, Output), HostError> {
        let spawned = Session::spawn(&mut self.command, self.killing, self.place.clone());
        let mut session = spawned.map_err(|error| HostError {
            kind: self.via.not_started(&error),
            at: self.place.at,
            stderr: String::new(),
        })?;
        let place = session.place().clone();
        let (tools, client) = match place.supervisor {
            Supervisor::Systemd => (TOOLS, Some(&place.client)),
            Supervisor::None => (FILE_TOOLS, None),
        };
        let script = look_around(tools, client, first.script);
        let mut said = Vec::new();
        let status = match session.hello(&script, login, first.timeout, quiet, &mut said) {
            Ok(status) => status,
            // From here on it is the first script that fails.
            Err(Interrupted::TimedOut { stderr }) if Facts::split(&said).is_some() => {
                let kind = HostErrorKind::Timeout {
                    doing: first.doing.to_owned(),
                    after: first.timeout,
                };
                return Err(session.error(kind, stderr));
            }
            Err(Interrupted::Ended { stderr, .. }) if Facts::split(&said).is_some() => {
                let doing = first.doing.to_owned();
                return Err(session.error(HostErrorKind::Lost { doing }, stderr));
            }
            Err(Interrupted::TimedOut { stderr } | Interrupted::Quiet { stderr }) => {
                let kind = HostErrorKind::Timeout {
                    doing: WHILE_CONNECTING.to_owned(),
                    after: login,
                };
                return Err(session.error(kind, stderr));
            }
            Err(Interrupted::TooLong { found }) => {
                return Err(session.misunderstood(WHILE_CONNECTING, &found));
            }
            Err(Interrupted::Stopped) => {
                let doing = WHILE_CONNECTING.to_owned();
                return Err(session.error(HostErrorKind::Interrupted { doing }, String::new()));
            }
            Err(Interrupted::Ended {
                status,
                stderr,
                noise,
            }) => {
                let kind = failure::explain(self.via, status, &stderr, &noise);
                return Err(session.error(kind, stderr));
            }
        };
        let facts = Facts::split(&said)
            .and_then(|(facts, answer)| Some((Facts::parse(facts)?, answer.to_vec())));
        let (facts, stdout) =
            facts.ok_or_else(|| session.misunderstood(WHILE_CONNECTING, &said))?;
        session.facts = facts;
        match session.facts.unfit(client, tools) {
            Some(kind) if self.unfit == WhenUnfit::Refused => {
                Err(session.error(kind, session.stderr()))
            }
            Some(_) | None => Ok((session, Output { stdout, status })),
        }
    }
}

impl Via {
    fn not_started(self, error: &std::io::Error) -> HostErrorKind {
        match self {
            Via::Ssh(_) if error.kind() == std::io::ErrorKind::NotFound => HostErrorKind::NoSsh,
            // `sh` is always there; `sudo` need not be.
            Via::ThisMachine if error.kind() == std::io::ErrorKind::NotFound => {
                HostErrorKind::NoSudo(NoSudo::NotInstalled)
            }
            Via::Ssh(_) | Via::ThisMachine => HostErrorKind::Io {
                doing: WHILE_CONNECTING.to_owned(),
                why: error.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
