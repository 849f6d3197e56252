//! From the bytes of an answer to its records. Nothing is believed: a field that is missing or
//! not what it should be makes the whole answer an error.

mod containers;
mod crashes;
mod more;
mod records;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::containers::RunningContainer;
pub(in crate::host) use self::containers::host_ports;
pub(super) use self::crashes::Crashed;
pub(super) use self::more::{AttachedContainer, More};
pub(super) use self::records::Stat;

use self::records::{AnswerLine, Records, succeeded, unexpected};
use super::{ObserveError, Request, TITLE};
use crate::cluster::digest::Digest;
use crate::cluster::name::ServiceName;
use crate::host::ability::Ability;
use crate::plan::observed::{LiveLinks, ObservedNetwork, RunRecord};
use crate::render::hold::Hold;
use crate::render::identity::UnitKind;
use crate::render::slots;

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
pub(super) struct ListedUnit {
    pub load: String,
    pub active: String,
    pub sub: String,
    /// What else its line says: a job, and its description.
    pub rest: String,
}

/// What a live directory shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedLive {
    /// Where `..data` leads, if it leads to a directory beside it.
    pub version: String,
    pub links: LiveLinks,
    pub others: bool,
}

impl ListedLive {
    /// `<version> <links> <others> <path>`.
    fn of(text: &str) -> Option<(String, Self)> {
        let mut words = text.splitn(4, ' ');
        let mut word = || words.next();
        let (version, links, others, path) = (word()?, word()?, word()?, word()?);
        let live = Self {
            version: version.to_owned(),
            links: match links {
                "right" => LiveLinks::Right,
                _ => LiveLinks::Wrong,
            },
            others: others == "some",
        };
        Some((path.to_owned(), live))
    }
}

/// The answer of the first exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FirstAnswer {
    pub stats: BTreeMap<String, Stat>,
    pub digests: BTreeMap<String, Digest>,
    /// By the path of a file that the host made of secrets: its digest then, and the digest that stands
    /// for it.
    pub made: BTreeMap<String, (Digest, Digest)>,
    /// Permissions and owner, `0644 0:0`, of files that should have others, by their paths.
    pub other_modes: BTreeMap<String, String>,
    /// By the path of a live directory.
    pub live: BTreeMap<String, ListedLive>,
    /// What the process of a unit noted that it read: the start that runs, and the note.
    pub read: BTreeMap<String, (String, String)>,
    /// What the watch of a service found, by the name of its unit: the start that runs, and the line that is kept.
    pub watched: BTreeMap<String, (String, String)>,
    /// Where the links of services with slots lead, by service.
    pub swap: BTreeMap<String, String>,
    pub masked: BTreeSet<String>,
    pub current: Current,
    /// By unit file name.
    pub states: BTreeMap<String, ListedUnit>,
    pub manifest: Option<String>,
    pub record: Option<String>,
    pub placement: Option<String>,
    /// What it keeps of a release that has not ended.
    pub begun: Option<String>,
    /// What it keeps of a push that is not effective.
    pub pushed: Option<String>,
    /// What it keeps of who froze the cluster.
    pub frozen: Option<Hold>,
    /// Who holds its services, by their names.
    pub holds: BTreeMap<ServiceName, Hold>,
    /// Its clock, in seconds since 1970, where somebody holds something.
    pub clock: Option<i64>,
    pub containers: Vec<RunningContainer>,
    /// Only podman's: the image ids by `repository:tag`.
    pub images: BTreeMap<String, String>,
    /// Those that units of the cluster made, by name.
    pub networks: BTreeMap<String, ObservedNetwork>,
    /// What the host keeps of the runs of jobs.
    pub runs: BTreeMap<ServiceName, BTreeMap<String, RunRecord>>,
}

/// What systemd leaves when it starts units or reads their files, and an activation before that.
const STARTS: &[&str] = &[
    "/run/systemd/units/",
    "/run/systemd/notify",
    "/run/bayplan/reloaded",
];

impl FirstAnswer {
    pub(crate) fn parse(request: &Request<'_>, answer: &[u8]) -> Result<Self, ObserveError> {
        let mut first = FirstAnswer {
            stats: BTreeMap::new(),
            digests: BTreeMap::new(),
            made: BTreeMap::new(),
            other_modes: BTreeMap::new(),
            live: BTreeMap::new(),
            read: BTreeMap::new(),
            watched: BTreeMap::new(),
            swap: BTreeMap::new(),
            masked: BTreeSet::new(),
            current: Current::Absent,
            states: BTreeMap::new(),
            manifest: None,
            record: None,
            placement: None,
            begun: None,
            pushed: None,
            frozen: None,
            holds: BTreeMap::new(),
            clock: None,
            containers: Vec::new(),
            images: BTreeMap::new(),
            networks: BTreeMap::new(),
            runs: BTreeMap::new(),
        };
        let mut records = Records::new(answer, TITLE)?;
        let mut problems = Vec::new();
        let mut listed = BTreeMap::new();
        loop {
            match records.next()? {
                AnswerLine::Texts => break,
                AnswerLine::End if problems.is_empty() => {
                    return Err(ObserveError::malformed("it ends before the files"));
                }
                AnswerLine::End => return Err(worst(&problems)),
                AnswerLine::Other("problem", text) => problems.push(text.to_owned()),
                AnswerLine::Other("made", text) => first.take_made(text),
                AnswerLine::Other("listed", text) => listed.extend(mode(text)),
                AnswerLine::Other("owner", text) => {
                    let other = mode(text).filter(|(path, found)| {
                        let wanted = listed.get(path);
                        wanted.is_some_and(|wanted| !is_same_mode(wanted, found))
                    });
                    first.other_modes.extend(other);
                }
                AnswerLine::Other("live", text) => {
                    let (path, live) =
                        ListedLive::of(text).ok_or_else(|| unexpected("a live directory", text))?;
                    first.live.insert(path, live);
                }
                AnswerLine::Other("read", text) => {
                    let mut words = text.splitn(3, ' ');
                    let mut word = || words.next().unwrap_or_default().to_owned();
                    first.read.insert(word(), (word(), word()));
                }
                AnswerLine::Other("watch", text) => {
                    let mut words = text.splitn(3, ' ');
                    let mut word = || words.next().unwrap_or_default().to_owned();
                    first.watched.insert(word(), (word(), word()));
                }
                AnswerLine::Other("swap", text) => {
                    let link = text
                        .split_once(' ')
                        .ok_or_else(|| unexpected("a link", text))?;
                    first.swap.insert(link.0.to_owned(), link.1.to_owned());
                }
                AnswerLine::Other("masked", path) => {
                    first.masked.insert(path.to_owned());
                }
                AnswerLine::Other("current", what) => {
                    first.current = match what.split_once(' ') {
                        Some(("link", path)) => Current::Link(path.to_owned()),
                        None if what == "dangling" => Current::Dangling,
                        None if what == "other" => Current::Other,
                        _ => return Err(unexpected("what `current` is", what)),
                    };
                }
                AnswerLine::Other("begun", text) => first.begun = Some(text.to_owned()),
                AnswerLine::Other("pushed", text) => first.pushed = Some(text.to_owned()),
                AnswerLine::Other("frozen", text) => {
                    let (_, line) = text.split_once(' ').unwrap_or((text, ""));
                    first.frozen = Some(Hold::read(line));
                }
                AnswerLine::Other("hold", text) => {
                    let (service, line) = text.split_once(' ').unwrap_or((text, ""));
                    if let Ok(service) = ServiceName::new(service) {
                        first.holds.insert(service, Hold::read(line));
                    }
                }
                AnswerLine::Other("clock", text) => first.clock = text.trim().parse().ok(),
                AnswerLine::Other("run", text) => {
                    if let Some((service, key, record)) = run_record(text) {
                        let runs = first.runs.entry(service).or_default();
                        runs.insert(key.to_owned(), record);
                    }
                }
                AnswerLine::Other("states", text) => first.states = states(text)?,
                AnswerLine::Stat(path, stat) => {
                    first.stats.insert(path, stat);
                }
                AnswerLine::Digest(path, digest) => {
                    first.digests.insert(path, digest);
                }
                AnswerLine::Other(word, _) => return Err(unexpected("a record", word)),
            }
        }
        first.tools_are_usual()?;
        // The digest of what a link leads to says nothing of the link.
        let is_file = |path: &String| first.stats.get(path).is_some_and(|stat| stat.is_file());
        first.digests.retain(|path, _| is_file(path));
        let current = request.layout.current();
        let mut rest = records.rest;
        first.manifest = first.take_text(&mut rest, current.join("manifest.json").as_str())?;
        first.record = first.take_text(&mut rest, current.join("record.json").as_str())?;
        let placement = request.layout.placement();
        first.placement = first.take_text(&mut rest, placement.as_str())?;
        first.take_containers(request.engine, rest)?;
        Ok(first)
    }

    /// Whether `stat` and `sha256sum` said what they always say, of the root and of nothing: one that does not
    /// know our options says nothing at all, which would look like a host without files.
    fn tools_are_usual(&mut self) -> Result<(), ObserveError> {
        let root = self.stats.remove("/").is_some_and(Stat::is_directory);
        let nothing = self.digests.remove("/dev/null") == Some(Digest::of(""));
        for (able, ability) in [(root, Ability::Stat), (nothing, Ability::Digest)] {
            if !able {
                return Err(ObserveError::Unable { ability });
            }
        }
        Ok(())
    }

    /// The same without everything that is there only where processes run.
    pub(crate) fn files(self) -> Self {
        let FirstAnswer {
            mut stats,
            digests,
            made,
            other_modes,
            live,
            read: _,
            watched: _,
            swap,
            masked,
            current,
            states: _,
            manifest,
            record,
            placement,
            begun,
            pushed,
            frozen,
            holds,
            clock: _,
            containers: _,
            images: _,
            networks: _,
            runs: _,
        } = self;
        stats.retain(|path, _| !STARTS.iter().any(|start| path.starts_with(start)));
        FirstAnswer {
            stats,
            digests,
            made,
            other_modes,
            live,
            read: BTreeMap::new(),
            watched: BTreeMap::new(),
            swap,
            masked,
            current,
            states: BTreeMap::new(),
            manifest,
            record,
            placement,
            begun,
            pushed,
            frozen,
            holds,
            clock: None,
            containers: Vec::new(),
            images: BTreeMap::new(),
            networks: BTreeMap::new(),
            runs: BTreeMap::new(),
        }
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
        let size = usize::try_from(stat.size()).unwrap_or(usize::MAX);
        let Some((text, after)) = rest.split_at_checked(size) else {
            return Err(ObserveError::malformed(format!("it ends within {path}")));
        };
        *rest = after;
        // A text that is not UTF-8 is no manifest; the judge says so in the manifest's words.
        Ok(Some(String::from_utf8_lossy(text).into_owned()))
    }
}

/// `<service>/<key> <record>`: nothing if a hand wrote it.
pub(in crate::host) fn run_record(text: &str) -> Option<(ServiceName, &str, RunRecord)> {
    let (path, line) = text.split_once(' ')?;
    let (service, key) = path.split_once('/')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_:.-".contains(&b);
    let fits = !key.is_empty() && !key.starts_with('.') && key.len() <= 200;
    let service = ServiceName::new(service).ok()?;
    let record = RunRecord::parse(line)?;
    (fits && key.bytes().all(plain)).then_some((service, key, record))
}

/// `<mode> <owner> <path>`: the path, then mode and owner.
fn mode(text: &str) -> Option<(String, String)> {
    let (mode, rest) = text.split_once(' ')?;
    let (owner, path) = rest.split_once(' ')?;
    Some((path.to_owned(), format!("{mode} {owner}")))
}

/// Whether a file has the permissions and the owner that it should have; `0644 any` is anybody's.
fn is_same_mode(wanted: &str, found: &str) -> bool {
    match wanted.strip_suffix(" any") {
        Some(mode) => found.split(' ').next() == Some(mode),
        None => found == wanted,
    }
}

/// `<lines of list-units> <status>`.
fn states(text: &str) -> Result<BTreeMap<String, ListedUnit>, ObserveError> {
    let mut states = BTreeMap::new();
    let (lines, status) = text.rsplit_once(' ').unwrap_or(("", text));
    for line in succeeded(status, lines)?.lines() {
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        let mut word = || words.next();
        let (Some(unit), Some(load), Some(active), Some(sub)) = (word(), word(), word(), word())
        else {
            continue;
        };
        // Of most units nobody asks for it.
        let rest = match unit.starts_with(slots::KEEPER) {
            true => words.collect::<Vec<_>>().join(" "),
            false => String::new(),
        };
        // Anything else is a warning that systemctl wrote beside.
        if UnitKind::split(&unit).is_some() {
            states.insert(
                unit,
                ListedUnit {
                    load,
                    active,
                    sub,
                    rest,
                },
            );
        }
    }
    Ok(states)
}

/// What is wrong with the host.
fn worst(problems: &[String]) -> ObserveError {
    let Some(problem) = problems.first() else {
        return ObserveError::malformed("it ends before the files");
    };
    match problem.split_once(' ') {
        Some(("readonly", path)) => ObserveError::ReadOnly {
            path: path.to_owned(),
        },
        _ => unexpected("a problem", problem),
    }
}
