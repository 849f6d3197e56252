//! From the bytes of an answer to its records. Nothing is believed: a field that is missing or
//! not what it should be makes the whole answer an error.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{ObserveError, Request, UnitShow};
use crate::cluster::model::Engine;
use crate::plan::observed::Moment;
use crate::render::digest::Digest;

/// What `stat` says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// `st_mode`.
    mode: u32,
    size: u64,
    /// When the content, the name or the attributes last changed; no program can set it back.
    pub changed: Moment,
    pub modified: Moment,
}

impl Stat {
    const KIND: u32 = 0o170_000;

    pub fn is_file(self) -> bool {
        self.mode & Self::KIND == 0o100_000
    }

    pub fn is_directory(self) -> bool {
        self.mode & Self::KIND == 0o040_000
    }

    /// In bytes.
    pub fn size(self) -> u64 {
        self.size
    }
}

/// What `current` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Current {
    Absent,
    /// The path that it leads to.
    Link(String),
    Dangling,
    Other,
}

/// A line of `systemctl list-units`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub load: String,
    pub active: String,
    pub sub: String,
}

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    pub name: String,
    pub id: String,
    pub service: String,
    pub inputs: String,
    pub directory: String,
    pub image: String,
    /// Only podman tells it.
    pub image_id: String,
    /// TCP ports of the host.
    pub ports: BTreeSet<u16>,
}

/// The answer of the first exchange.
#[derive(Debug, Clone)]
pub(super) struct First {
    pub stats: BTreeMap<String, Stat>,
    pub digests: BTreeMap<String, Digest>,
    /// By the path of a file that the host made of secrets: its digest then, and the digest that stands
    /// for it.
    pub made: BTreeMap<String, (Digest, Digest)>,
    pub masked: BTreeSet<String>,
    pub current: Current,
    /// By unit file name.
    pub states: BTreeMap<String, State>,
    pub manifest: Option<String>,
    pub record: Option<String>,
    pub containers: Vec<Container>,
    /// Only podman's: the image ids by `repository:tag`.
    pub images: BTreeMap<String, String>,
}

impl First {
    pub fn parse(request: &Request<'_>, answer: &[u8]) -> Result<Self, ObserveError> {
        let mut first = First {
            stats: BTreeMap::new(),
            digests: BTreeMap::new(),
            made: BTreeMap::new(),
            masked: BTreeSet::new(),
            current: Current::Absent,
            states: BTreeMap::new(),
            manifest: None,
            record: None,
            containers: Vec::new(),
            images: BTreeMap::new(),
        };
        let mut records = Records::new(answer, "bayplan look 1")?;
        let mut problems = Vec::new();
        loop {
            match records.next()? {
                Record::Texts => break,
                Record::End if problems.is_empty() => {
                    return Err(ObserveError::malformed("it ends before the files"));
                }
                Record::End => return Err(worst(problems, request.engine)),
                Record::Other("problem", text) => problems.push(text.to_owned()),
                Record::Other("made", text) => first.take_made(text),
                Record::Other("masked", path) => {
                    first.masked.insert(path.to_owned());
                }
                Record::Other("current", what) => {
                    first.current = match what.split_once(' ') {
                        Some(("link", path)) => Current::Link(path.to_owned()),
                        None if what == "dangling" => Current::Dangling,
                        None if what == "other" => Current::Other,
                        _ => return Err(unexpected("what `current` is", what)),
                    };
                }
                Record::Other("states", text) => first.states = states(text)?,
                Record::Stat(path, stat) => {
                    first.stats.insert(path, stat);
                }
                Record::Digest(path, digest) => {
                    first.digests.insert(path, digest);
                }
                Record::Other(word, _) => return Err(unexpected("a record", word)),
            }
        }
        let current = request.layout.current();
        let mut rest = records.rest;
        first.manifest = first.take_text(&mut rest, current.join("manifest.json").as_str())?;
        first.record = first.take_text(&mut rest, current.join("record.json").as_str())?;
        first.take_containers(request.engine, rest)?;
        Ok(first)
    }

    /// `<found> <stands> <path> <record>`. A record that a hand wrote may be anything; it then
    /// speaks for nothing.
    fn take_made(&mut self, text: &str) {
        let mut fields = text.splitn(4, ' ');
        let mut field = || fields.next();
        let (found, stands, path, record) = (field(), field(), field(), field());
        let digest = |text: Option<&str>| text.and_then(Digest::reported);
        let directory = record.and_then(|record| record.rsplit_once('/'));
        if let (Some(found), Some(stands), Some(path), Some((directory, _))) =
            (digest(found), digest(stands), path, directory)
        {
            let path = format!("{directory}/{path}");
            self.made.insert(path, (found, stands));
        }
    }

    fn take_text(&self, rest: &mut &[u8], path: &str) -> Result<Option<String>, ObserveError> {
        let Some(stat) = self.stats.get(path) else {
            return Ok(None);
        };
        let size = usize::try_from(stat.size).unwrap_or(usize::MAX);
        let Some((text, after)) = rest.split_at_checked(size) else {
            return Err(ObserveError::malformed(format!("it ends within {path}")));
        };
        *rest = after;
        // A text that is not UTF-8 is no manifest; the judge says so in the manifest's words.
        Ok(Some(String::from_utf8_lossy(text).into_owned()))
    }

    fn take_daemon_answer(&mut self, line: &str) -> Result<(), ObserveError> {
        let containers: Vec<DaemonContainer> =
            serde_json::from_str(line).map_err(|_| unexpected("the containers", line))?;
        for container in containers {
            let labels = container.labels.unwrap_or_default();
            let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
            let names = container
                .names
                .iter()
                .map(|name| name.trim_start_matches('/'));
            // A name with a further slash is a link from another container.
            let mut names = names.filter(|name| !name.contains('/'));
            self.containers.push(Container {
                name: names.next().unwrap_or_default().to_owned(),
                id: container.id,
                service: label("bayplan.service"),
                inputs: label("bayplan.inputs"),
                directory: label("bayplan.directory"),
                image: container.image,
                image_id: String::new(),
                ports: container
                    .ports
                    .into_iter()
                    .flatten()
                    .filter(|port| port.protocol == "tcp")
                    .filter_map(|port| port.public_port)
                    .collect(),
            });
        }
        Ok(())
    }

    /// Lines of JSON, then `status <n>` and `end`. Whatever else the engine said is its message.
    fn take_containers(&mut self, engine: Engine, rest: &[u8]) -> Result<(), ObserveError> {
        let text = std::str::from_utf8(rest)
            .map_err(|_| ObserveError::malformed("what the engine says is not UTF-8"))?;
        let body = text
            .strip_suffix("end\n")
            .and_then(|text| text.strip_suffix('\n'))
            .ok_or_else(|| ObserveError::malformed("it ends within the containers"))?;
        let (body, last) = body.rsplit_once('\n').unwrap_or(("", body));
        let status = last
            .strip_prefix("status ")
            .and_then(|status| status.parse::<u32>().ok())
            .ok_or_else(|| unexpected("the status of the engine", last))?;
        if status != 0 {
            return Err(ObserveError::EngineFailed {
                engine,
                status,
                message: one_line(body),
            });
        }
        for line in body.lines().filter(|line| line.starts_with('[')) {
            if line.starts_with("[{") || line == "[]" {
                self.take_daemon_answer(line)?;
                continue;
            }
            let fields: Vec<Option<String>> =
                serde_json::from_str(line).map_err(|_| unexpected("a container", line))?;
            let fields: Vec<_> = fields.into_iter().map(Option::unwrap_or_default).collect();
            match <[String; 8]>::try_from(fields) {
                Ok([name, id, service, inputs, directory, image, image_id, ports]) => {
                    self.containers.push(Container {
                        name,
                        id,
                        service,
                        inputs,
                        directory,
                        image,
                        image_id,
                        ports: host_ports(&ports),
                    });
                }
                Err(fields) => match <[String; 3]>::try_from(fields) {
                    Ok([id, repository, tag]) => {
                        self.images.insert(format!("{repository}:{tag}"), id);
                    }
                    Err(_) => return Err(unexpected("a container", line)),
                },
            }
        }
        Ok(())
    }
}

/// A container as dockerd itself describes it: `GET /containers/json` of its API. There are more
/// fields, and every version may add some.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DaemonContainer {
    id: String,
    names: Vec<String>,
    image: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    ports: Option<Vec<DaemonPort>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DaemonPort {
    #[serde(default)]
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    protocol: String,
}

/// The answer of the second exchange.
#[derive(Debug, Clone, Default)]
pub(super) struct More {
    /// By path.
    pub texts: BTreeMap<String, String>,
    /// By unit file name.
    pub shown: BTreeMap<String, UnitShow>,
    /// When systemd last read its files, where it tells (systemd 250).
    pub reloaded: Option<Moment>,
}

impl More {
    pub fn parse(texts: &BTreeSet<String>, answer: &[u8]) -> Result<Self, ObserveError> {
        let mut more = More::default();
        let mut stats = BTreeMap::new();
        let mut records = Records::new(answer, "bayplan more 1")?;
        loop {
            match records.next()? {
                Record::Texts => break,
                Record::Stat(path, stat) => {
                    stats.insert(path, stat);
                }
                Record::Other("show", text) => more.shown = shown(text)?,
                Record::Other("loaded", text) => {
                    more.reloaded = text
                        .trim()
                        .strip_prefix("UnitsLoadTimestamp=")
                        .and_then(timestamp);
                }
                Record::Other(word, _) => return Err(unexpected("a record", word)),
                Record::Digest(..) | Record::End => {
                    return Err(ObserveError::malformed("it has records out of place"));
                }
            }
        }
        let mut rest = records.rest;
        for path in texts {
            let changed = || ObserveError::Changed { path: path.clone() };
            let stat = stats.get(path).ok_or_else(changed)?;
            let size = usize::try_from(stat.size).unwrap_or(usize::MAX);
            let (text, after) = rest.split_at_checked(size).ok_or_else(changed)?;
            rest = after;
            let text = String::from_utf8_lossy(text).into_owned();
            more.texts.insert(path.clone(), text);
        }
        if rest == b"end\n" {
            Ok(more)
        } else {
            Err(ObserveError::malformed(
                "its texts are not as long as their files",
            ))
        }
    }
}

enum Record<'a> {
    Stat(String, Stat),
    Digest(String, Digest),
    Texts,
    End,
    Other(&'a str, &'a str),
}

/// The part of an answer that is in records, each ended by NUL.
struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    fn new(answer: &'a [u8], title: &str) -> Result<Self, ObserveError> {
        let mut records = Records { rest: answer };
        let found = records.take()?;
        if found == title {
            Ok(records)
        } else {
            Err(unexpected(&format!("`{title}`"), found))
        }
    }

    fn take(&mut self) -> Result<&'a str, ObserveError> {
        let end = self.rest.iter().position(|&byte| byte == 0);
        let end = end.ok_or_else(|| ObserveError::malformed("it ends within its records"))?;
        let (record, rest) = (&self.rest[..end], &self.rest[end + 1..]);
        self.rest = rest;
        std::str::from_utf8(record)
            .map_err(|_| unexpected("only names in UTF-8", &String::from_utf8_lossy(record)))
    }

    fn next(&mut self) -> Result<Record<'a>, ObserveError> {
        let record = self.take()?;
        let (word, rest) = record.split_once(' ').unwrap_or((record, ""));
        Ok(match word {
            "texts" => Record::Texts,
            "end" => Record::End,
            "s" => {
                let (path, stat) =
                    stat(rest).ok_or_else(|| unexpected("a line of stat", record))?;
                Record::Stat(path, stat)
            }
            // `<digest>  <path>`, or with `*` before the path.
            digest if digest.len() == 64 => {
                let path = rest.strip_prefix([' ', '*']);
                match (Digest::reported(digest), path) {
                    (Some(digest), Some(path)) => Record::Digest(path.to_owned(), digest),
                    _ => return Err(unexpected("a line of sha256sum", record)),
                }
            }
            word => Record::Other(word, rest),
        })
    }
}

/// `<mode> <size> <changed> <modified> <path>`.
fn stat(text: &str) -> Option<(String, Stat)> {
    let mut fields = text.splitn(5, ' ');
    let mode = u32::from_str_radix(fields.next()?, 16).ok()?;
    let size = fields.next()?.parse().ok()?;
    let changed = seconds(fields.next()?)?;
    let modified = seconds(fields.next()?)?;
    let path = fields.next()?.to_owned();
    let stat = Stat {
        mode,
        size,
        changed,
        modified,
    };
    Some((path, stat))
}

/// `1795253472.334209060`.
fn seconds(text: &str) -> Option<Moment> {
    let (seconds, fraction) = text.split_once('.')?;
    let digits = fraction.len() == 9 && fraction.bytes().all(|b| b.is_ascii_digit());
    let nanoseconds: i128 = fraction.parse().ok().filter(|_| digits)?;
    let seconds: i64 = seconds.parse().ok()?;
    Some(Moment(i128::from(seconds) * 1_000_000_000 + nanoseconds))
}

/// `Sat 2026-11-21 09:31:12.429501 UTC`, or without the fraction.
fn timestamp(text: &str) -> Option<Moment> {
    let text = text.strip_suffix(" UTC")?;
    let (_weekday, text) = text.split_once(' ')?;
    let time: jiff::civil::DateTime = text.replace(' ', "T").parse().ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Moment(time.timestamp().as_nanosecond()))
}

/// `<status> <lines of list-units>`.
fn states(text: &str) -> Result<BTreeMap<String, State>, ObserveError> {
    let mut states = BTreeMap::new();
    for line in succeeded(text)?.lines() {
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        let mut word = || words.next();
        let (Some(unit), Some(load), Some(active), Some(sub)) = (word(), word(), word(), word())
        else {
            continue;
        };
        // Anything else is a warning that systemctl wrote beside.
        if unit.ends_with(".service") {
            states.insert(unit, State { load, active, sub });
        }
    }
    Ok(states)
}

fn succeeded(text: &str) -> Result<&str, ObserveError> {
    let (status, text) = text.split_once(' ').unwrap_or((text, ""));
    let status = status
        .parse()
        .map_err(|_| unexpected("the status of systemctl", status))?;
    if status == 0 {
        Ok(text)
    } else {
        let message = one_line(text);
        Err(ObserveError::SystemdFailed { status, message })
    }
}

/// Blocks of `Key=Value` lines, parted by an empty line.
fn shown(text: &str) -> Result<BTreeMap<String, UnitShow>, ObserveError> {
    let mut all = BTreeMap::new();
    for block in succeeded(text)?.split("\n\n") {
        let values: BTreeMap<_, _> = block
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let text = |key: &str| values.get(key).copied().unwrap_or_default();
        let Some(id) = values.get("Id") else {
            continue;
        };
        let show = UnitShow {
            result: text("Result").to_owned(),
            restarts: text("NRestarts").parse().unwrap_or_default(),
            status: text("ExecMainStatus").parse().unwrap_or_default(),
            main_pid: text("MainPID").parse().unwrap_or_default(),
            invocation: text("InvocationID").to_owned(),
            unit_file_state: text("UnitFileState").to_owned(),
            active_since: timestamp(text("ActiveEnterTimestamp")),
            process_since: timestamp(text("ExecMainStartTimestamp")),
        };
        all.insert((*id).to_owned(), show);
    }
    Ok(all)
}

/// Of several problems the one that explains the others: no systemd, then not being root.
fn worst(problems: Vec<String>, engine: Engine) -> ObserveError {
    let mut errors: Vec<_> = problems
        .iter()
        .map(
            |problem| match problem.split_once(' ').unwrap_or((problem, "")) {
                ("systemd", _) => (0, ObserveError::NoSystemd),
                ("unwritable", path) => {
                    let path = path.to_owned();
                    (1, ObserveError::Unwritable { path })
                }
                ("tools", tools) => {
                    let tools = tools.split(' ').map(str::to_owned).collect();
                    (2, ObserveError::MissingTools(tools))
                }
                ("engine", _) => (3, ObserveError::NoEngine { engine }),
                _ => (4, unexpected("a problem", problem)),
            },
        )
        .collect();
    errors.sort_by_key(|(rank, _)| *rank);
    let first = errors.into_iter().next().map(|(_, error)| error);
    first.unwrap_or_else(|| ObserveError::malformed("it ends before the files"))
}

/// What a program said, for one line of an error.
fn one_line(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    clip(&lines.join("; "))
}

fn unexpected(expected: &str, found: &str) -> ObserveError {
    ObserveError::malformed(format!("expected {expected}, found `{}`", clip(found)))
}

/// No answer floods a terminal or moves its cursor.
fn clip(text: &str) -> String {
    let plain = text.chars().take(300);
    plain
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// The TCP ports of the host in `0.0.0.0:9000-9002->80-82/tcp, :::9000->80/tcp, 53/udp`.
fn host_ports(text: &str) -> BTreeSet<u16> {
    let mut ports = BTreeSet::new();
    for mapping in text.split(", ") {
        let Some((host, container)) = mapping.split_once("->") else {
            continue;
        };
        let Some((_, range)) = host
            .rsplit_once(':')
            .filter(|_| container.ends_with("/tcp"))
        else {
            continue;
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) {
            ports.extend(first..=last);
        }
    }
    ports
}
