//! `bayplan local logs`.

#![expect(
    clippy::disallowed_methods,
    reason = "waits for lines of containers, and takes the moment of those without one"
)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::LocalPlace;
use crate::cli::LocalLogs;
use crate::cluster::name::ServiceName;
use crate::command::{Exit, Failure};
use crate::local::decide::SeenContainer;
use crate::report::logs::LogPrinter;
use crate::report::palette::Palette;
use crate::report::stream;

/// How often new containers are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// A line of a container.
struct SaidLine {
    service: ServiceName,
    /// In microseconds since 1970.
    time: i64,
    text: Vec<u8>,
}

pub(super) fn run(directory: Option<&Path>, arguments: &LocalLogs) -> Result<Exit, Failure> {
    let place = LocalPlace::of(directory, &arguments.scope)?;
    if place.store.record().is_none() {
        return Err(place.unknown());
    }
    for service in &arguments.services {
        if !seen(&place, arguments)?
            .iter()
            .any(|seen| seen.service == *service)
        {
            place.running(service)?;
        }
    }
    match arguments.follow {
        false => show(&place, arguments),
        true => follow(&place, arguments),
    }
}

fn seen(place: &LocalPlace, arguments: &LocalLogs) -> Result<Vec<SeenContainer>, Failure> {
    let mut seen = place.engine.containers(place.store.name())?;
    let wanted = &arguments.services;
    seen.retain(|seen| wanted.is_empty() || wanted.contains(&seen.service));
    seen.sort_by(|one, other| one.service.cmp(&other.service));
    Ok(seen)
}

/// Starts to read what a container says.
fn read(
    place: &LocalPlace,
    seen: &SeenContainer,
    options: &[&str],
    lines: &Sender<SaidLine>,
) -> Result<Child, Failure> {
    let mut words = vec!["logs".to_owned(), "--timestamps".to_owned()];
    words.extend(options.iter().map(|word| (*word).to_owned()));
    words.push(seen.id.clone());
    let mut command = place.engine.attached(&words);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    let service = &seen.service;
    for stream in [out.map(boxed), errors.map(boxed)].into_iter().flatten() {
        let (service, lines) = (service.clone(), lines.clone());
        thread::spawn(move || pass_on(stream, &service, &lines));
    }
    Ok(child)
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

fn pass_on(stream: Box<dyn Read + Send>, service: &ServiceName, lines: &Sender<SaidLine>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let said = said(service, text);
        if lines.send(said).is_err() {
            return;
        }
        line.clear();
    }
}

/// A line with its moment in front, as engines tell it.
fn said(service: &ServiceName, line: &[u8]) -> SaidLine {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let moment = parts.next().and_then(|word| std::str::from_utf8(word).ok());
    let moment = moment.and_then(|word| word.parse::<Timestamp>().ok());
    let (time, text) = match moment {
        Some(moment) => (moment, parts.next().unwrap_or_default()),
        None => (Timestamp::now(), line),
    };
    SaidLine {
        service: service.clone(),
        time: time.as_microsecond(),
        text: text.to_vec(),
    }
}

fn printer(services: &BTreeSet<ServiceName>) -> LogPrinter {
    let heads: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
    LogPrinter::headed(&heads, TimeZone::system(), &Palette::stdout())
}

fn print(
    printer: &mut LogPrinter,
    services: &BTreeSet<ServiceName>,
    said: &SaidLine,
    to: &mut String,
) {
    if let Some(head) = services.iter().position(|service| *service == said.service) {
        printer.line(head, said.time, &said.text, to);
    }
}

fn show(place: &LocalPlace, arguments: &LocalLogs) -> Result<Exit, Failure> {
    let lines = arguments.lines.unwrap_or(100).to_string();
    let seen = seen(place, arguments)?;
    let (send, received) = channel();
    let mut children = Vec::new();
    for seen in &seen {
        children.push(read(place, seen, &["--tail", &lines], &send)?);
    }
    drop(send);
    let mut said: Vec<SaidLine> = received.iter().collect();
    // Lines of one moment stay in their order.
    said.sort_by_key(|said| said.time);
    for mut child in children {
        child.wait()?;
    }
    let services: BTreeSet<ServiceName> = seen.into_iter().map(|seen| seen.service).collect();
    let mut printer = printer(&services);
    let mut text = String::new();
    for said in &said {
        print(&mut printer, &services, said, &mut text);
    }
    stream::stdout(&text)?;
    Ok(Exit::Done)
}

/// Goes on with what comes; a container that takes the place of another is read, too.
fn follow(place: &LocalPlace, arguments: &LocalLogs) -> Result<Exit, Failure> {
    let first = arguments.lines.unwrap_or(10).to_string();
    let (send, received) = channel();
    let mut known = BTreeSet::new();
    let mut services = BTreeSet::new();
    let mut children = Vec::new();
    let mut lines = first.as_str();
    loop {
        // An engine that does not answer may do so again.
        for seen in seen(place, arguments).unwrap_or_default() {
            if known.insert(seen.id.clone()) {
                services.insert(seen.service.clone());
                children.push(read(place, &seen, &["--follow", "--tail", lines], &send)?);
            }
        }
        // All that a new one has said.
        lines = "all";
        let mut printer = printer(&services);
        if let Err(error) = pass(&received, &mut printer, &services) {
            for child in &mut children {
                let _ = child.kill();
            }
            return Err(error);
        }
        children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
    }
}

/// Prints what comes, until it is time to look for containers.
fn pass(
    received: &Receiver<SaidLine>,
    printer: &mut LogPrinter,
    services: &BTreeSet<ServiceName>,
) -> Result<(), Failure> {
    let until = Timestamp::now() + LOOK;
    loop {
        let left = until.duration_since(Timestamp::now());
        let left = Duration::try_from(left).unwrap_or_default();
        let mut text = String::new();
        match received.recv_timeout(left) {
            Ok(said) => print(printer, services, &said, &mut text),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
        }
        while let Ok(said) = received.try_recv() {
            print(printer, services, &said, &mut text);
        }
        stream::stdout(&text)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_of_a_line_is_that_of_the_engine() {
        let service = ServiceName::new("web").unwrap();
        let of = |line: &str| {
            let said = said(&service, line.as_bytes());
            (said.time, String::from_utf8(said.text).unwrap())
        };
        let (time, text) = of("2026-11-27T21:55:42.442978123Z a  b");
        assert_eq!((time, &*text), (1_795_816_542_442_978, "a  b"));
        let (time, text) = of("2026-11-27T22:55:42+01:00 ");
        assert_eq!((time, &*text), (1_795_816_542_000_000, ""));
        assert_eq!(of("no moment").1, "no moment");
    }
}
