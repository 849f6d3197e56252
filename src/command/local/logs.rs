//! `bayplan local logs`.

#![expect(
    clippy::disallowed_methods,
    reason = "waits for lines of containers, and takes the moment of those without one"
)]

use std::collections::{BTreeMap, BTreeSet};
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

/// What comes of a container.
enum Heard {
    /// A line.
    Said(SaidLine),
    /// One of its two streams ended.
    Ended(String),
}

/// A line of a container.
struct SaidLine {
    /// Its id.
    container: String,
    service: ServiceName,
    time: Timestamp,
    text: Vec<u8>,
}

pub(super) fn run(directory: Option<&Path>, arguments: &LocalLogs) -> Result<Exit, Failure> {
    let place = LocalPlace::of(directory, &arguments.scope)?;
    if place.store.record().is_none() {
        return Err(place.unknown());
    }
    let seen = seen(&place, arguments)?;
    let unseen = |service: &&ServiceName| !seen.iter().any(|seen| seen.service == **service);
    if let Some(service) = arguments.services.iter().find(unseen) {
        place.running(service)?;
    }
    match arguments.follow {
        false => show(&place, seen, arguments),
        true => Follower::new(&place, arguments).follow(),
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
    lines: &Sender<Heard>,
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
    for stream in [out.map(boxed), errors.map(boxed)].into_iter().flatten() {
        let (id, service, lines) = (seen.id.clone(), seen.service.clone(), lines.clone());
        thread::spawn(move || pass_on(stream, (&id, &service), &lines));
    }
    Ok(child)
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

fn pass_on(stream: Box<dyn Read + Send>, of: (&str, &ServiceName), lines: &Sender<Heard>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if lines.send(Heard::Said(said(of, text))).is_err() {
            return;
        }
        line.clear();
    }
    // Nobody hears it where nobody follows.
    let _ = lines.send(Heard::Ended(of.0.to_owned()));
}

/// A line with its moment in front, as engines tell it.
fn said((container, service): (&str, &ServiceName), line: &[u8]) -> SaidLine {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let moment = parts.next().and_then(|word| std::str::from_utf8(word).ok());
    let moment = moment.and_then(|word| word.parse::<Timestamp>().ok());
    let (time, text) = match moment {
        Some(moment) => (moment, parts.next().unwrap_or_default()),
        None => (Timestamp::now(), line),
    };
    SaidLine {
        container: container.to_owned(),
        service: service.clone(),
        time,
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
        printer.line(head, said.time.as_microsecond(), &said.text, to);
    }
}

fn show(
    place: &LocalPlace,
    seen: Vec<SeenContainer>,
    arguments: &LocalLogs,
) -> Result<Exit, Failure> {
    let lines = arguments.lines.unwrap_or(100).to_string();
    let (send, received) = channel();
    let mut children = Vec::new();
    for seen in &seen {
        children.push(read(place, seen, &["--tail", &lines], &send)?);
    }
    drop(send);
    let said = received.iter().filter_map(|heard| match heard {
        Heard::Said(said) => Some(said),
        Heard::Ended(_) => None,
    });
    let mut said: Vec<SaidLine> = said.collect();
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

/// Goes on with what comes: a container that takes the place of another is read, too, and so is one that starts again.
struct Follower<'a> {
    place: &'a LocalPlace,
    arguments: &'a LocalLogs,
    services: BTreeSet<ServiceName>,
    /// By their ids.
    containers: BTreeMap<String, FollowedContainer>,
    send: Sender<Heard>,
    received: Receiver<Heard>,
}

/// A container whose lines are read.
struct FollowedContainer {
    client: Child,
    /// How many of its streams did not end.
    streams: u8,
    /// Since when it ran when that began, in the engine's words.
    started: String,
    /// The moment of its last line, or when that began.
    last: Timestamp,
}

impl FollowedContainer {
    fn new(client: Child, seen: &SeenContainer, last: Timestamp) -> Self {
        Self {
            client,
            streams: 2,
            started: seen.since.clone(),
            last,
        }
    }

    /// Whether it ran on, or again, after its lines ended: the engine ends them with the container.
    fn goes_on(&self, seen: &SeenContainer) -> bool {
        self.streams == 0 && (seen.running || seen.since != self.started)
    }
}

impl<'a> Follower<'a> {
    fn new(place: &'a LocalPlace, arguments: &'a LocalLogs) -> Self {
        let (send, received) = channel();
        Self {
            place,
            arguments,
            services: BTreeSet::new(),
            containers: BTreeMap::new(),
            send,
            received,
        }
    }

    fn follow(mut self) -> Result<Exit, Failure> {
        let first = self.arguments.lines.unwrap_or(10).to_string();
        let mut lines = first.as_str();
        loop {
            // An engine that does not answer may do so again.
            for seen in seen(self.place, self.arguments).unwrap_or_default() {
                self.begin(&seen, lines)?;
            }
            // All that a new one has said.
            lines = "all";
            if let Err(error) = self.pass() {
                for container in self.containers.values_mut() {
                    let _ = container.client.kill();
                }
                return Err(error);
            }
        }
    }

    /// Reads a container, unless that goes on already.
    fn begin(&mut self, seen: &SeenContainer, lines: &str) -> Result<(), Failure> {
        let (place, send) = (self.place, &self.send);
        let Some(known) = self.containers.get_mut(&seen.id) else {
            let now = Timestamp::now();
            let client = read(place, seen, &["--follow", "--tail", lines], send)?;
            let new = FollowedContainer::new(client, seen, now);
            self.services.insert(seen.service.clone());
            self.containers.insert(seen.id.clone(), new);
            return Ok(());
        };
        if known.goes_on(seen) {
            let _ = known.client.wait();
            let next = known.last + Duration::from_nanos(1);
            let since = next.to_string();
            let client = read(place, seen, &["--follow", "--since", &since], send)?;
            *known = FollowedContainer::new(client, seen, known.last);
        }
        Ok(())
    }

    /// Prints what comes, until it is time to look for containers.
    fn pass(&mut self) -> Result<(), Failure> {
        let mut printer = printer(&self.services);
        let until = Timestamp::now() + LOOK;
        loop {
            let left = until.duration_since(Timestamp::now());
            let left = Duration::try_from(left).unwrap_or_default();
            let mut text = String::new();
            match self.received.recv_timeout(left) {
                Ok(heard) => self.hear(heard, &mut printer, &mut text),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
            }
            while let Ok(heard) = self.received.try_recv() {
                self.hear(heard, &mut printer, &mut text);
            }
            stream::stdout(&text)?;
        }
    }

    fn hear(&mut self, heard: Heard, printer: &mut LogPrinter, to: &mut String) {
        match heard {
            Heard::Said(said) => {
                if let Some(container) = self.containers.get_mut(&said.container) {
                    container.last = container.last.max(said.time);
                }
                print(printer, &self.services, &said, to);
            }
            Heard::Ended(id) => {
                if let Some(container) = self.containers.get_mut(&id) {
                    container.streams = container.streams.saturating_sub(1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_of_a_line_is_that_of_the_engine() {
        let service = ServiceName::new("web").unwrap();
        let of = |line: &str| {
            let said = said(("0a", &service), line.as_bytes());
            (
                said.time.as_microsecond(),
                String::from_utf8(said.text).unwrap(),
            )
        };
        let (time, text) = of("2026-11-27T21:55:42.442978123Z a  b");
        assert_eq!((time, &*text), (1_795_816_542_442_978, "a  b"));
        let (time, text) = of("2026-11-27T22:55:42+01:00 ");
        assert_eq!((time, &*text), (1_795_816_542_000_000, ""));
        assert_eq!(of("no moment").1, "no moment");
    }
}
