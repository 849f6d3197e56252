//! The key that a host shows, without logging in and without trusting it: by the system's `ssh`, so that it comes the same
//! way as every session (addresses, jump hosts and proxies of the user's `ssh_config(5)`), which `ssh-keyscan` does not know.

#![expect(
    clippy::disallowed_methods,
    reason = "starts `ssh` and reads what it noted"
)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::connect::{ConnectContext, LOGIN};
use super::error::{HostError, HostErrorKind, WHILE_CONNECTING};
use super::failure;
use super::protocol::nonce;
use super::ssh::{Client, Destination, algorithms_of};
use crate::cluster::model::{Host, Ssh};
use crate::host::place::HostPlace;
use crate::trace;

/// What is asked for, the best first: age encrypts to the first two.
const ALGORITHMS: &str = "ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521";
/// How often it is looked whether `ssh` has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// The public key of a host, `<type> <base64>`: of the kind that is pinned if it has one, else the best that it has.
///
/// # Errors
/// The host cannot be reached.
pub fn shown_key(host: &Host, ssh: &Ssh, context: &ConnectContext) -> Result<String, HostError> {
    let client = Client::from_environment(&context.unknown_options);
    let place = HostPlace::of(host, &context.repository_root);
    let error = |kind, stderr| HostError {
        kind,
        at: place.at.clone(),
        stderr,
    };
    let io = |why: std::io::Error| {
        let kind = if why.kind() == std::io::ErrorKind::NotFound {
            HostErrorKind::NoSsh
        } else {
            HostErrorKind::Io {
                doing: WHILE_CONNECTING.to_owned(),
                why: why.to_string(),
            }
        };
        error(kind, String::new())
    };
    let to = Destination {
        cluster: &context.cluster,
        host: &host.name,
        address: &host.location(),
        ssh,
    };
    let pinned = ssh.host_key.as_deref().and_then(algorithms_of);
    let algorithms = match pinned {
        Some(pinned) => format!("{pinned},{ALGORITHMS}"),
        None => ALGORITHMS.to_owned(),
    };
    let mut tries = 0;
    loop {
        tries += 1;
        let (command, known_hosts) = client
            .scan_command(&to, context.connect_timeout, &algorithms, &nonce())
            .map_err(|kind| error(kind, String::new()))?;
        let (status, stderr) = run(command, context.connect_timeout + LOGIN).map_err(io)?;
        let noted = fs_err::read_to_string(&known_hosts);
        // It need not be there.
        let _ = fs_err::remove_file(&known_hosts);
        let noted = noted.unwrap_or_default();
        let mut words = noted.lines().next().unwrap_or_default().split(' ').skip(1);
        if let (Some(kind), Some(base64)) = (words.next(), words.next()) {
            return Ok(format!("{kind} {base64}"));
        }
        if tries > 3 || !client.unknown.learn(&stderr) {
            let kind = match status {
                Some(status) => failure::explain(to.via(), Some(status), &stderr, b""),
                None => HostErrorKind::Timeout {
                    doing: WHILE_CONNECTING.to_owned(),
                    after: context.connect_timeout + LOGIN,
                },
            };
            return Err(error(kind, stderr));
        }
    }
}

/// Its exit status, `None` if it did not end in time, and what it said.
fn run(mut command: Command, limit: Duration) -> std::io::Result<(Option<i32>, String)> {
    trace::starts(&command);
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut ended = false;
    while !ended && began.elapsed() < limit {
        ended = child.try_wait()?.is_some();
        if !ended {
            std::thread::sleep(PAUSE);
        }
    }
    if !ended {
        child.kill()?;
    }
    // What it says fits into the pipe: a few lines.
    let output = child.wait_with_output()?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.code().filter(|_| ended), stderr))
}
