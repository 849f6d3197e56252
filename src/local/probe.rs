//! Whether a container is well, asked from this machine as a unit asks it on a host: the same questions, and what counts as
//! a good answer.

#![expect(
    clippy::disallowed_methods,
    reason = "asks a container again and again, by the clock"
)]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::decide::SeenContainer;
use super::engine::{LocalEngine, PAUSE};
use crate::cluster::model::{Health, HttpProbe, Probe, Service};
use crate::cluster::ports::Protocol;
use crate::render::wait;

/// docker's proxy accepts at once and hangs up if the container does not listen: a connection that stays open so long, or
/// says something, is one to the container.
const STAYS_OPEN: Duration = Duration::from_millis(300);

/// Waits until a container runs and is well.
///
/// # Errors
/// It ended, or the time is over: in one line.
pub(super) fn await_well(
    engine: &LocalEngine,
    service: &Service,
    id: &str,
    restarts: u64,
) -> Result<(), String> {
    let began = Instant::now();
    let health = service.health.as_ref();
    let limit = wait::limit(service);
    let pause = match health {
        Some(Health {
            interval: Some(interval),
            ..
        }) => *interval,
        Some(_) | None => PAUSE,
    };
    let wanted = health.map_or_else(|| "ran".to_owned(), words);
    let mut last = String::new();
    loop {
        let seen = engine.container(id).map_err(|error| error.to_string())?;
        let Some(seen) = seen else {
            return Err("its container was removed".to_owned());
        };
        if !seen.running || seen.restarts > restarts {
            return Err(format!(
                "it ended with {} before it {wanted}{last}",
                seen.exit
            ));
        }
        let Some(health) = health else {
            return Ok(());
        };
        match ask(engine, service, health, &seen) {
            Ok(()) => return Ok(()),
            Err(said) if said.is_empty() => {}
            Err(said) => last = format!("; {said}"),
        }
        if began.elapsed() > limit {
            return Err(format!(
                "it did not get well within {} s: before it {wanted}{last}",
                limit.as_secs()
            ));
        }
        sleep(pause);
    }
}

/// What a good answer is.
fn words(health: &Health) -> String {
    match &health.probe {
        Probe::Http(probe) => format!("answered GET {} with a status below 400", probe.path),
        Probe::Tcp => "accepted a connection".to_owned(),
        Probe::Command(_) => "passed its health command".to_owned(),
        Probe::Image => "was healthy by the HEALTHCHECK of its image".to_owned(),
    }
}

/// One question: what is known of a bad answer.
fn ask(
    engine: &LocalEngine,
    service: &Service,
    health: &Health,
    seen: &SeenContainer,
) -> Result<(), String> {
    let limit = wait::question(health);
    let port = service.port.unwrap_or_default();
    let port = seen.ports.get(&(port, Protocol::Tcp)).copied();
    let port = || port.ok_or_else(|| "its port is not published".to_owned());
    match &health.probe {
        Probe::Http(probe) => http(port()?, probe, limit),
        Probe::Tcp => tcp(port()?, limit),
        Probe::Command(words) => engine
            .exec(&seen.id, words, limit)
            .map_err(|error| error.to_string()),
        Probe::Image => match seen.health.as_deref() {
            Some("healthy") => Ok(()),
            state => Err(format!("its status: {}", state.unwrap_or("none"))),
        },
    }
}

fn connect(port: u16, limit: Duration) -> Result<TcpStream, String> {
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connected = TcpStream::connect_timeout(&at, limit);
    connected.map_err(|_| "last answer: none".to_owned())
}

fn http(port: u16, probe: &HttpProbe, limit: Duration) -> Result<(), String> {
    let none = || "last answer: none".to_owned();
    let mut stream = connect(port, limit)?;
    let set = stream.set_read_timeout(Some(limit));
    set.and_then(|()| stream.set_write_timeout(Some(limit)))
        .map_err(|_| none())?;
    let host = probe.host.as_deref().unwrap_or("localhost");
    let mut request = format!("GET {} HTTP/1.0\r\nHost: {host}\r\n", probe.path);
    for (name, value) in &probe.headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).map_err(|_| none())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 256];
    while !answer.contains(&b'\n') && answer.len() < 4096 {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split_whitespace().nth(1).unwrap_or("none");
    let good = status.len() >= 3
        && status.starts_with(['1', '2', '3'])
        && status.bytes().take(3).all(|b| b.is_ascii_digit());
    match good {
        true => Ok(()),
        false => {
            let status: String = status.chars().take(20).collect();
            Err(format!("last answer: {status}"))
        }
    }
}

fn tcp(port: u16, limit: Duration) -> Result<(), String> {
    let mut stream = connect(port, limit)?;
    let set = stream.set_read_timeout(Some(STAYS_OPEN));
    set.map_err(|error| error.to_string())?;
    match stream.read(&mut [0]) {
        Ok(0) => Err("it hung up".to_owned()),
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
        Err(_) => Err("it hung up".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Asks a server that answers once with this text.
    fn asked(answer: &'static str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        });
        let result = http(port, &HttpProbe::of("/health"), Duration::from_secs(5));
        server.join().unwrap();
        result
    }

    #[test]
    fn a_status_below_400_is_well() {
        assert_eq!(asked("HTTP/1.1 204 No Content\r\n\r\n"), Ok(()));
        assert_eq!(asked("HTTP/1.1 302 Found\r\n"), Ok(()));
        let answer = |text: &str| Err(format!("last answer: {text}"));
        assert_eq!(asked("HTTP/1.1 503 Unavailable\r\n"), answer("503"));
        assert_eq!(asked("SSH-2.0-x\r\n"), answer("none"));
        assert_eq!(asked(""), answer("none"));
    }
}
