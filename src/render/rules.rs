//! What every unit must have, whoever wrote its template: what the rest of the program relies on. Without it
//! bayplan could not tell what runs, or systemd would run something else.

use super::error::RenderError;
use super::identity::{UnitKind, UnitName, inputs_parent};
use super::inputs::makes_container;
use super::marks::{DIRECTORY, FINGERPRINT, SECTION};
use super::networks;
use super::once;
use super::unit::{Unit, split_words};
use super::volumes;
use crate::cluster::model::{Engine, Service};
use crate::cluster::name::ClusterName;

/// A line that each unit of a kind has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Required {
    section: &'static str,
    key: &'static str,
    must: Must,
    /// What to write into the template.
    pub write: &'static str,
}

/// What is asked of the values of a key.
#[derive(Debug, Clone, Copy)]
enum Must {
    /// There is just one.
    Once,
    /// It gives the container the unit's name, by which a look finds it.
    Name,
    /// It runs the image that the release pulled.
    Image,
    /// It has this label with this value.
    Label(&'static str, Value),
    /// One of them is below the inputs directory.
    Inputs,
    /// A container that was left behind does not hold the name at the next start.
    Leftover,
    /// There is one if the service has `[health]`: a release takes a unit that is active for healthy.
    Probe,
    /// Every directory that is made where it is absent is made.
    Volumes,
    /// It names what the service starts after.
    After,
    /// There is just one, and it is this.
    Be(Value),
    /// Of a job: it is this.
    Job(&'static str),
    /// Of a job: a run has a limit.
    Limit,
    /// Of a job: no boot starts it.
    Unlinked,
    /// Every network that bayplan makes is made sure of, and the container is connected to all of its networks.
    Networks,
    /// A start notes which version of files that are reloaded it reads.
    Live,
    /// A job that runs once keeps its record, of which this is one line.
    Record,
}

/// What a template gets to put in.
#[derive(Debug, Clone, Copy)]
enum Value {
    Cluster,
    Service,
    Fingerprint,
    Directory,
    Format,
}

/// The lines that a template of this kind must have. A new version that needs another one adds it here:
/// `check` then names it to everyone who has a template of their own.
pub(super) fn required(kind: UnitKind) -> &'static [Required] {
    match kind {
        UnitKind::Service => &SERVICE,
        UnitKind::Timer | UnitKind::Watch | UnitKind::WatchTimer => &MARKS,
    }
}

const MARKS: [Required; 3] = [
    mark("Format", Value::Format, "Format=1"),
    mark("Cluster", Value::Cluster, "Cluster={{ cluster }}"),
    mark("Service", Value::Service, "Service={{ service }}"),
];

const SERVICE: [Required; 25] = [
    of_start(Must::Once, "ExecStart={{ program }} run … ${IMAGE}"),
    of_start(Must::Name, "--name %N"),
    of_start(Must::Image, "${IMAGE}"),
    label(
        "cluster",
        Value::Cluster,
        "--label bayplan.cluster={{ cluster }}",
    ),
    label(
        "service",
        Value::Service,
        "--label bayplan.service={{ service }}",
    ),
    label(
        "inputs",
        Value::Fingerprint,
        "--label bayplan.inputs={{ fingerprint }}",
    ),
    label(
        "directory",
        Value::Directory,
        "--label bayplan.directory={{ directory }}",
    ),
    Required {
        section: "Service",
        key: "EnvironmentFile",
        must: Must::Inputs,
        write: "EnvironmentFile={{ inputs }}/*.env",
    },
    Required {
        section: "Service",
        key: "ExecStartPre",
        must: Must::Leftover,
        write: "ExecStartPre=-{{ program }} rm -f %N",
    },
    Required {
        section: "Service",
        key: "ExecStartPost",
        must: Must::Probe,
        write: "ExecStartPost={{ wait }}",
    },
    Required {
        section: "Unit",
        key: "After",
        must: Must::After,
        write: "After={{ after }}",
    },
    Required {
        section: "Service",
        key: "Type",
        must: Must::Job("oneshot"),
        write: "Type=oneshot",
    },
    Required {
        section: "Service",
        key: "TimeoutStartSec",
        must: Must::Limit,
        write: "TimeoutStartSec={{ timeout }}",
    },
    Required {
        section: "Install",
        key: "WantedBy",
        must: Must::Unlinked,
        write: "template = \"job.service\"",
    },
    Required {
        section: "Service",
        key: "ExecStartPre",
        must: Must::Networks,
        write: "ExecStartPre={{ line }}",
    },
    Required {
        section: "Service",
        key: "ExecStartPre",
        must: Must::Volumes,
        write: "ExecStartPre={{ line }}",
    },
    Required {
        section: "Service",
        key: "ExecStartPre",
        must: Must::Live,
        write: "ExecStartPre={{ line }}",
    },
    record("ExecStartPre", "ExecStartPre={{ record.begins }}"),
    record("ExecStartPost", "ExecStartPost={{ record.succeeded }}"),
    record("ExecStopPost", "ExecStopPost=-{{ record.ended }}"),
    mark("Format", Value::Format, "Format=1"),
    mark("Cluster", Value::Cluster, "Cluster={{ cluster }}"),
    mark("Service", Value::Service, "Service={{ service }}"),
    mark(
        "Fingerprint",
        Value::Fingerprint,
        "Fingerprint={{ fingerprint }}",
    ),
    mark("Directory", Value::Directory, "Directory={{ directory }}"),
];

const fn label(name: &'static str, value: Value, write: &'static str) -> Required {
    of_start(Must::Label(name, value), write)
}

const fn of_start(must: Must, write: &'static str) -> Required {
    Required {
        section: "Service",
        key: "ExecStart",
        must,
        write,
    }
}

const fn record(key: &'static str, write: &'static str) -> Required {
    Required {
        section: "Service",
        key,
        must: Must::Record,
        write,
    }
}

const fn mark(key: &'static str, value: Value, write: &'static str) -> Required {
    Required {
        section: SECTION,
        key,
        must: Must::Be(value),
        write,
    }
}

/// Whose unit it is.
#[derive(Clone, Copy)]
struct ForService<'a> {
    cluster: &'a str,
    service: &'a Service,
    /// The unit's name, which is the container's.
    unit: &'a str,
    /// The inputs directory, with a slash.
    inputs: &'a str,
    /// The units that it starts after.
    after: &'a str,
    /// It is connected to networks before it starts.
    connects: bool,
    /// The directory of its records.
    records: &'a str,
}

impl<'a> ForService<'a> {
    fn value(self, value: Value) -> &'a str {
        match value {
            Value::Cluster => self.cluster,
            Value::Service => self.service.name.as_str(),
            Value::Fingerprint => FINGERPRINT,
            Value::Directory => DIRECTORY,
            Value::Format => "1",
        }
    }
}

impl Required {
    /// Whether a unit has the line; else what was expected and found.
    fn holds(&self, unit: &Unit, given: ForService<'_>) -> Result<(), String> {
        let Self {
            section,
            key,
            must,
            write,
        } = self;
        let found = match *key {
            "ExecStart" if !matches!(must, Must::Once) => made_by(unit),
            key => unit.values(section, key),
        };
        // That there is just one command line is a rule of its own.
        let option = |held: &dyn Fn(&str) -> bool, expected: String| match found.as_slice() {
            [line] if !held(line) => Err(format!("expected {expected} in {key}=, found none")),
            _ => Ok(()),
        };
        match must {
            Must::Once => match found.as_slice() {
                [_] => Ok(()),
                [] => Err(format!("expected one {key}= in [{section}], found none")),
                several => Err(format!(
                    "expected one {key}= in [{section}], found {}",
                    several.len()
                )),
            },
            Must::Name => option(
                &|line| {
                    matches!(name_of(line), Some("%N" | "%p")) || name_of(line) == Some(given.unit)
                },
                format!("`{write}`, the name of the container,"),
            ),
            Must::Image => option(
                &|line| {
                    let image = given.service.image.reference.as_str();
                    ["${IMAGE}", "$IMAGE", image]
                        .into_iter()
                        .any(|image| has_word(line, image))
                },
                format!("the image `{write}`"),
            ),
            Must::Label(label, value) => {
                let expected = format!("bayplan.{label}={}", given.value(*value));
                // Neither quoting nor escapes could change it, so the line need not be split.
                option(&|line| has_word(line, &expected), format!("`{write}`"))
            }
            Must::Inputs => match found.iter().any(|file| file.starts_with(given.inputs)) {
                true => Ok(()),
                false => Err(format!(
                    "expected an {key}= that names the inputs directory, found none"
                )),
            },
            Must::Leftover => {
                let start = unit.values(section, "ExecStart");
                let by_engine = |line: &&str| has_word(line, "--rm") || has_word(line, "--replace");
                match start.iter().any(by_engine) || found.iter().any(|line| has_word(line, "rm")) {
                    true => Ok(()),
                    false => Err(format!(
                        "expected `--rm` in ExecStart=, or an {key}= that removes a container that was left behind, found neither"
                    )),
                }
            }
            Must::Probe => match given.service.health.is_none() || !found.is_empty() {
                true => Ok(()),
                false => Err(format!(
                    "expected an {key}= in [{section}] of a service with [health], found none"
                )),
            },
            Must::After => {
                let named = |unit: &&str| found.iter().any(|line| has_word(line, unit));
                match given.after.split_whitespace().find(|unit| !named(unit)) {
                    None => Ok(()),
                    Some(unit) => Err(format!(
                        "expected {unit} in an {key}= in [{section}] of a service with `after`, found none"
                    )),
                }
            }
            Must::Networks => {
                let mut made = given
                    .service
                    .networks
                    .iter()
                    .filter(|network| network.is_made());
                let forgotten =
                    made.find(|network| !found.iter().any(|line| has_word(line, &network.name)));
                let connects = has_word_of(&found, "connect");
                match forgotten {
                    Some(network) => Err(format!(
                        "expected an {key}= for each line of `prepare`, found none that makes sure of the network {}",
                        network.name
                    )),
                    None if given.connects && !connects => Err(format!(
                        "expected, for a container in several networks, `create`, an {key}= for each line of `connect`, and `start`, as the built-in template has them, found none"
                    )),
                    None => Ok(()),
                }
            }
            Must::Volumes => {
                let mut made = given.service.container.made.iter();
                let forgotten = made.find(|made| {
                    let made = volumes::path_of(made);
                    !found.iter().any(|line| line.contains(&made))
                });
                match forgotten {
                    Some(made) => Err(format!(
                        "expected an {key}= for each line of `make`, found none that makes {}",
                        made.path
                    )),
                    None => Ok(()),
                }
            }
            Must::Live => {
                let noted = |line: &&str| line.contains("/run/bayplan/loaded");
                match given.service.files.live.is_none() || found.iter().any(noted) {
                    true => Ok(()),
                    false => Err(format!(
                        "expected an {key}= for each line of `prepare` in a service with files that are reloaded, found none that notes what the container reads"
                    )),
                }
            }
            Must::Job(value) => {
                let is = !given.service.run.is_job() || found.last() == Some(value);
                is.then_some(()).ok_or_else(|| {
                    format!("expected `{key}={value}` in [{section}] of a job, found another one or none")
                })
            }
            Must::Limit => {
                let limited = found
                    .last()
                    .is_some_and(|found| *found != "infinity" && *found != "0");
                let holds = !given.service.run.is_job() || limited;
                holds.then_some(()).ok_or_else(|| {
                    format!("expected `{write}` in [{section}] of a job, which has no limit by itself, found none")
                })
            }
            Must::Unlinked => match given.service.run.is_job() && !found.is_empty() {
                false => Ok(()),
                true => Err(format!(
                    "expected no {key}= in [{section}] of a job, which a boot does not start, found one"
                )),
            },
            Must::Record => {
                let kept = |line: &&str| has_word(line, given.records);
                match given.service.run.once().is_none() || found.iter().any(kept) {
                    true => Ok(()),
                    false => Err(format!(
                        "expected, for a job that runs once, an {key}= that keeps its record, found none"
                    )),
                }
            }
            Must::Be(value) => match found.as_slice() {
                [found] if *found == given.value(*value) => Ok(()),
                [] => Err(format!("expected `{write}` in [{section}], found none")),
                [found] => Err(format!(
                    "expected `{write}` in [{section}], found `{key}={found}`"
                )),
                _ => Err(format!(
                    "expected `{write}` once in [{section}], found several"
                )),
            },
        }
    }
}

/// The command line that makes the container: the start itself, or a `create` before it.
fn made_by(unit: &Unit) -> Vec<&str> {
    let before = unit.values("Service", "ExecStartPre").into_iter();
    let created: Vec<&str> = before
        .filter(|line| line.split_whitespace().nth(1) == Some("create") && makes_container(line))
        .collect();
    match created.is_empty() {
        true => unit.values("Service", "ExecStart"),
        false => created,
    }
}

/// Whether a command line has this text, and not as a part of a longer word.
fn has_word(line: &str, text: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + text.len()..].chars().next();
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

/// Whether one of several command lines has a word.
fn has_word_of(lines: &[&str], text: &str) -> bool {
    lines.iter().any(|line| has_word(line, text))
}

/// The name that a command line gives its container.
fn name_of(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("--name")?;
    let value = rest.strip_prefix('=').or_else(|| {
        rest.starts_with(char::is_whitespace)
            .then(|| rest.trim_start())
    })?;
    let word = value.split(char::is_whitespace).next()?;
    Some(word.trim_matches(['"', '\'']))
}

/// Every rule that the unit breaks. Fingerprint and directory are still blanked in it.
pub(super) fn broken(
    unit: &Unit,
    cluster: &ClusterName,
    service: &Service,
    name: &UnitName,
    after: &str,
    engine: Engine,
) -> Vec<RenderError> {
    let mut errors = Vec::new();
    let mut broken = |message: String, help: Option<&str>| {
        errors.push(RenderError::of_unit(service, message, help));
    };

    for problem in &unit.problems {
        // Without its line: each service has another one, and the message would repeat.
        broken(problem.message.clone(), None);
    }
    let quoted = |value: &str| value.contains(['"', '\'', '\\']);
    let commands = unit.assignments.iter().filter(|e| is_command_line(&e.key));
    for entry in commands.filter(|e| quoted(&e.value)) {
        if let Err(error) = split_words(&entry.value) {
            broken(
                format!("{}=: {error}", entry.key),
                Some("`{{ text | quote }}` quotes a text as one word"),
            );
        }
    }

    let given = ForService {
        cluster: cluster.as_str(),
        service,
        unit: name.as_str(),
        inputs: &format!("{}/{DIRECTORY}/", inputs_parent(cluster, &service.name)),
        after,
        connects: networks::connects(service, engine),
        records: &once::records(cluster, &service.name),
    };
    for line in required(UnitKind::Service) {
        if let Err(message) = line.holds(unit, given) {
            broken(message, Some(&format!("write `{}`", line.write)));
        }
    }
    errors
}

fn is_command_line(key: &str) -> bool {
    key.starts_with("Exec") && key != "ExecSearchPath"
}
