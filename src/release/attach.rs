//! The operator's terminal in a container of one host: a session that holds the lease, and beside it the program that has the
//! terminal.

use std::time::Duration;

use crate::cluster::model::Host;
use crate::cluster::name::ServiceName;
use crate::host::attach::{Attachment, OneOff, Prepared, parse_ended, unit_script};
use crate::host::layout::Layout;
use crate::host::place::HostPlace;
use crate::host::reach::connect::{ConnectContext, First, GivenTerminal, connect, on_terminal};
use crate::host::reach::error::HostError;
use crate::host::reach::session::Session;

const PREPARING: &str = "preparing the command";
/// For a few files, and a look at what runs.
const PREPARE: Duration = Duration::from_secs(60);
/// How long a host keeps what was started if it hears nothing from here.
const SILENCE: Duration = Duration::from_secs(20);

/// What is started, and where.
#[derive(Debug, Clone, Copy)]
pub struct Attaching<'a> {
    /// The host.
    pub host: &'a Host,
    /// What connecting needs.
    pub connect: &'a ConnectContext,
    /// What.
    pub attachment: &'a Attachment,
}

/// How that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentEnd {
    /// With this exit code.
    Ended(u8),
    /// Nobody knows: the connection is gone, and the host ends it.
    Lost,
    /// No container of the service runs there; for one of its own: it is not released there.
    NotRunning,
}

/// What a container of its own is like there; `None` if the service is not released there.
///
/// # Errors
/// The host cannot be reached, or does not answer.
pub fn one_off(
    host: &Host,
    context: &ConnectContext,
    service: &ServiceName,
) -> Result<Option<OneOff>, HostError> {
    let place = HostPlace::of(host, &context.repository_root);
    let layout = Layout::of(&place, &context.cluster);
    let script = unit_script(&layout, service);
    let first = First {
        doing: PREPARING,
        script: &script,
        timeout: PREPARE,
    };
    let (_, answer) = connect(host, place, context, first)?;
    let unit = String::from_utf8_lossy(&answer.stdout);
    Ok(OneOff::of(&unit, host.client.engine))
}

/// Starts it, and waits for its end.
///
/// # Errors
/// The host cannot be reached, or is not such that anything can be started.
pub fn attach(it: Attaching<'_>) -> Result<AttachmentEnd, HostError> {
    let Attaching {
        host,
        connect: context,
        attachment,
    } = it;
    let place = HostPlace::of(host, &context.repository_root);
    let layout = Layout::of(&place, &context.cluster);
    let first = First {
        doing: PREPARING,
        script: ":",
        timeout: PREPARE,
    };
    let (mut session, _) = connect(host, place.clone(), context, first)?;
    let script = format!(
        "{}{}",
        Session::end_when_silent(SILENCE),
        attachment.prepare(&layout, host.client.engine)
    );
    let answer = session.run_here(PREPARING, &script, PREPARE)?;
    let start = match attachment.parse_prepared(&answer.stdout) {
        Some(Prepared::Start(start)) => start,
        Some(Prepared::NotRunning) => return Ok(AttachmentEnd::NotRunning),
        None => return Err(session.failed(PREPARING, answer.status)),
    };
    session.show_life(SILENCE);
    let terminal = match attachment.terminal {
        Some(_) => GivenTerminal::Own,
        None => GivenTerminal::None,
    };
    on_terminal(host, &place, context, terminal, &start)?;
    let ended = session.run("asking how it ended", &attachment.ended(), PREPARE);
    Ok(match ended.map(|answer| parse_ended(&answer.stdout)) {
        Ok(Some(code)) => AttachmentEnd::Ended(code),
        Ok(None) | Err(_) => AttachmentEnd::Lost,
    })
}
