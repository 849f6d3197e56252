//! What every unit must have, whoever wrote its template: without it bayplan could not tell what
//! runs, or systemd would run something else.

use super::error::RenderError;
use super::marks::{DIRECTORY, FINGERPRINT, SECTION};
use super::unit::{Unit, split_words};
use crate::cluster::model::Service;
use crate::cluster::name::ClusterName;

/// What a unit file is for. Each kind has lines of its own that its template must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The unit that runs a service's container.
    Service,
}

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
    /// It has this label with this value.
    Label(&'static str, Value),
    /// One of them is below the inputs directory.
    Inputs,
    /// There is just one, and it is this.
    Be(Value),
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
pub(super) fn required(kind: Kind) -> &'static [Required] {
    match kind {
        Kind::Service => &SERVICE,
    }
}

const SERVICE: [Required; 11] = [
    Required {
        section: "Service",
        key: "ExecStart",
        must: Must::Once,
        write: "ExecStart={{ program }} run … ${IMAGE}",
    },
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
    Required {
        section: "Service",
        key: "ExecStart",
        must: Must::Label(name, value),
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
struct Names<'a> {
    cluster: &'a str,
    service: &'a str,
    /// The inputs directory, with a slash.
    inputs: &'a str,
}

impl<'a> Names<'a> {
    fn of(self, value: Value) -> &'a str {
        match value {
            Value::Cluster => self.cluster,
            Value::Service => self.service,
            Value::Fingerprint => FINGERPRINT,
            Value::Directory => DIRECTORY,
            Value::Format => "1",
        }
    }
}

impl Required {
    /// Whether a unit has the line; else what was expected and found.
    fn holds(&self, unit: &Unit, names: Names<'_>) -> Result<(), String> {
        let Self {
            section,
            key,
            must,
            write,
        } = self;
        let found = unit.values(section, key);
        match must {
            Must::Once => match found.as_slice() {
                [_] => Ok(()),
                [] => Err(format!("expected one {key}= in [{section}], found none")),
                several => Err(format!(
                    "expected one {key}= in [{section}], found {}",
                    several.len()
                )),
            },
            Must::Label(label, value) => {
                let expected = format!("bayplan.{label}={}", names.of(*value));
                // Neither quoting nor escapes could change it, so the words need not be split. That there
                // is just one line is a rule of its own.
                match found.as_slice() {
                    [line] if !line.contains(&expected) => Err(format!(
                        "expected the label `{expected}` in {key}=, found none"
                    )),
                    _ => Ok(()),
                }
            }
            Must::Inputs => match found.iter().any(|file| file.starts_with(names.inputs)) {
                true => Ok(()),
                false => Err(format!(
                    "expected an {key}= that names the inputs directory, found none"
                )),
            },
            Must::Be(value) => match found.as_slice() {
                [found] if *found == names.of(*value) => Ok(()),
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

/// Every rule that the unit breaks. Fingerprint and directory are still blanked in it.
pub(super) fn broken(
    unit: &Unit,
    cluster: &ClusterName,
    service: &Service,
    inputs_parent: &str,
) -> Vec<RenderError> {
    let mut errors = Vec::new();
    let mut broken = |message: String, help: Option<&str>| {
        errors.push(RenderError::of_unit(service, message, help));
    };

    for problem in &unit.problems {
        // Without its line: that is another one for each service.
        broken(problem.message.clone(), None);
    }
    let quoted = |value: &str| value.contains(['"', '\'', '\\']);
    let commands = unit.entries.iter().filter(|e| is_command_line(&e.key));
    for entry in commands.filter(|e| quoted(&e.value)) {
        if let Err(error) = split_words(&entry.value) {
            broken(
                format!("{}=: {error}", entry.key),
                Some("`{{ text | quote }}` quotes a text as one word"),
            );
        }
    }

    let names = Names {
        cluster: cluster.as_str(),
        service: service.name.as_str(),
        inputs: &format!("{inputs_parent}/{DIRECTORY}/"),
    };
    for line in required(Kind::Service) {
        if let Err(message) = line.holds(unit, names) {
            broken(message, Some(line.write));
        }
    }
    errors
}

fn is_command_line(key: &str) -> bool {
    key.starts_with("Exec") && key != "ExecSearchPath"
}
