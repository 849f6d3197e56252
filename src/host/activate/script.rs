//! From the steps of a plan to the script that carries them out on a host, and from what that
//! script says to events. Pure.
//!
//! The script is complete in itself: it is a file of the generation, runs as `sh FILE`, reads
//! nothing from its standard input (which may be the host's lock), and may be run again. No value of
//! a variable is in it: it copies staged files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::follow::HOLDER;
use crate::cluster::model::{Engine, Excerpts, Supervisor};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::layout::{ActivationId, Layout, StageId, activation_log, activation_unit, quote};
use crate::host::reach::watched::FORGET;
use crate::host::stage::SECRETS;
use crate::plan::WayBack;
use crate::plan::recorded::Because;
use crate::plan::step::Step;
use crate::render::identity::UnitName;

/// What the calls of an activation are: functions, and the variables that they share.
const LIBRARY: &str = concat!(
    include_str!("runner.sh"),
    include_str!("steps/files.sh"),
    include_str!("steps/inputs.sh"),
    include_str!("steps/secrets.sh"),
    include_str!("steps/units.sh"),
    include_str!("steps/processes.sh"),
    include_str!("steps/health.sh"),
    include_str!("steps/generations.sh"),
);
const HISTORY: &str = include_str!("../past/history.sh");
const LAUNCH: &str = include_str!("launch.sh");
const LOCK: &str = include_str!("../lock/lock.sh");

/// How long a unit must stay active to count as well, counted from when the last one became active,
/// where nothing but its container running was asked for.
pub const SETTLE: Duration = Duration::from_secs(1);

/// The same where every unit has answered a probe of its own (`[health]`) by then: that says more than
/// any time. What answers and then ends at once is still found.
pub const SETTLE_PROBED: Duration = Duration::from_millis(100);

/// How long to wait for a unit that somebody else is just starting.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that makes an activation script.
#[derive(Debug, Clone)]
pub struct Activation<'a> {
    /// Where things are on the host.
    pub layout: &'a Layout,
    /// Which launch it is: the first word of its log.
    pub id: &'a ActivationId,
    /// The host's container engine.
    pub engine: Engine,
    /// Where its files come from.
    pub source: &'a Source,
    /// What is done, in order.
    pub steps: &'a [Step],
    /// What each unit is enabled by, as `multi-user.target.wants`. Used where no systemctl is.
    pub enabled_by: &'a BTreeMap<UnitName, BTreeSet<String>>,
    /// Who released what.
    pub record: &'a Record,
    /// What it is of its release, for the history.
    pub part: &'a Part<'a>,
    /// The probes of [`Step::AskProbe`].
    pub probes: &'a BTreeMap<UnitName, Vec<Vec<String>>>,
    /// What is done when a step fails; `None` leaves everything as it is then.
    pub way_back: Option<&'a WayBack>,
    /// See [`SETTLE`].
    pub settle: Duration,
    /// See [`PATIENCE`].
    pub patience: Duration,
    /// Whether it tells the last lines of a unit's journal where that fails.
    pub journal: Excerpts,
}

/// Where the files of an activation come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A staging directory, which becomes the generation of this number at
    /// [`Step::SetCurrent`]; later waves, and a second run by hand, find it there.
    Staged {
        /// The staging directory.
        id: StageId,
        /// The number that it gets.
        number: u64,
    },
    /// A generation that is there.
    Generation(u64),
}

/// Who released what: the beginning of a generation's record.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// 1.
    pub format: u32,
    /// The version of bayplan.
    pub bayplan: &'static str,
    /// Which release it is: the same on every host, and no other's.
    pub release: String,
    /// `ada@laptop`.
    pub who: String,
    /// RFC 3339, by the clock of the releaser.
    pub when: String,
    /// The commit of the config repository, `None` outside of one.
    pub commit: Option<String>,
    /// The generation whose files these are again, in a rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u64>,
    /// Why containers of this host are started and restarted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Because>,
}

/// What an activation is of its release on this host, for the host's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// The generation that the release makes, or the current one.
    pub generation: u64,
    /// Services that are started, not restarted.
    pub started: BTreeSet<&'a ServiceName>,
    /// Services whose files were changed by hand.
    pub mended: BTreeSet<&'a ServiceName>,
    /// What follows it.
    pub end: PartEnd,
}

/// What follows an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartEnd {
    /// Nothing: the release is done on this host.
    Done,
    /// The activation of another wave.
    MoreFollows,
}

impl PartEnd {
    /// How a history says it.
    fn result(self) -> &'static str {
        match self {
            PartEnd::Done => "done",
            PartEnd::MoreFollows => "not finished",
        }
    }
}

/// The script that puts a line of a release into a host's history which no activation there put: how
/// it ended, and why. It holds the host's lock.
#[must_use]
pub fn note_script(
    layout: &Layout,
    source: &Source,
    record: &Record,
    generation: u64,
    (result, why): (&str, &str),
) -> String {
    let why = serde_json::to_string(&why.chars().take(300).collect::<String>());
    let why = why.expect("a text is plain data");
    let why = &why[1..why.len() - 1];
    format!(
        "{}{}made=false\n{HISTORY}\nnote_history {} {}\n",
        layout.variables(),
        history_variables(layout, source, record, generation),
        quote(result),
        quote(why),
    )
}

/// What the functions of [`HISTORY`] need.
fn history_variables(layout: &Layout, source: &Source, record: &Record, generation: u64) -> String {
    let (staged, number) = match source {
        Source::Staged { id, number } => (layout.staging(id).quoted(), *number),
        Source::Generation(number) => (quote(""), *number),
    };
    let text = serde_json::to_string(record).expect("a record is plain data");
    let text = text.strip_suffix('}').expect("a record is an object");
    format!(
        "staged={staged}\n\
         numbered={}\n\
         of_generation={generation}\n\
         release={}\n\
         record={}\n",
        layout.generation(number).quoted(),
        quote(&record.release),
        quote(text),
    )
}

/// Why there is no script: a path that a host reported leads out of its directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a path below an inputs directory, found `{0}`")]
pub struct UnsafePath(pub String);

impl Activation<'_> {
    /// The script.
    ///
    /// # Errors
    /// A step names a path that leads out of its directory.
    pub fn script(&self) -> Result<String, UnsafePath> {
        let names = |names: &BTreeSet<&ServiceName>| {
            let names = names.iter().map(|name| format!("{name} "));
            quote(&format!(" {}", names.collect::<String>()))
        };
        let Part {
            generation,
            started,
            mended,
            end,
        } = self.part;
        let mut script = format!(
            "#!/bin/sh\n\
             # bayplan: what an activation of {} does on this host, step by step. Safe to run again.\n\
             {}engine={}\n\
             settle={}\n\
             patience={}\n\
             steps={}\n\
             journal={}\n\
             id={}\n\
             starts={}\n\
             mends={}\n\
             {}\n\
             {SECRETS}\n{HISTORY}\n{LIBRARY}\n",
            self.layout.cluster(),
            self.layout.variables(),
            self.engine.program(),
            self.settle.as_millis() / 10,
            self.patience.as_millis() / 100,
            self.steps.len(),
            match self.journal {
                Excerpts::Shown => "shown",
                Excerpts::Hidden => "hidden",
            },
            self.id,
            names(started),
            names(mended),
            history_variables(self.layout, self.source, self.record, *generation),
        );
        script.push_str(&self.way_back()?);
        script.push_str("begin\n");
        let mut line = |line: String| {
            script.push_str(&line);
            script.push('\n');
        };
        for (number, step) in self.steps.iter().enumerate() {
            line(format!("doing={}", quote(&step.words())));
            for call in self.calls(step)? {
                line(format!("step {number} {call}"));
            }
        }
        line(format!("finish {}", quote(end.result())));
        Ok(script)
    }

    /// The function that a failed step ends in.
    fn way_back(&self) -> Result<String, UnsafePath> {
        let mut text = String::from("put_back() {\n");
        let mut line = |line: &str| {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        };
        if let Some(WayBack {
            until,
            generation,
            steps,
            stuck,
            used: _,
        }) = self.way_back
        {
            line(&format!("[ \"$failed_at\" -lt {until} ] || leave"));
            line("printf 'putting back\\n'");
            if let Some(generation) = generation {
                line(&format!("go_back {generation}"));
            }
            for (number, back) in steps.iter().enumerate() {
                let words = format!("putting back: {}", back.step.words());
                line(&format!("doing={}", quote(&words)));
                for call in self.calls(&back.step)? {
                    line(&format!("back {number} {} {call}", back.from));
                }
            }
            if stuck.is_empty() {
                line("was_put_back");
            } else {
                let names: Vec<_> = stuck.iter().map(ServiceName::as_str).collect();
                let why = format!(
                    "no generation here says how {} ran before",
                    names.join(", ")
                );
                line(&format!("fail {}", quote(&why)));
            }
        }
        line("leave");
        text.push_str("}\n\n");
        Ok(text)
    }

    /// The calls of the library that a step consists of.
    fn calls(&self, step: &Step) -> Result<Vec<String>, UnsafePath> {
        let call = |name: &str, words: &[&str]| {
            let words = words.iter().map(|word| format!(" {}", quote(word)));
            format!("{name}{}", words.collect::<String>())
        };
        let units = |name: &str, units: &[UnitName]| {
            let units: Vec<_> = units.iter().map(UnitName::as_str).collect();
            call(name, &units)
        };
        Ok(match step {
            Step::PlaceInputs { service, directory } => {
                vec![call(
                    "place_inputs",
                    &[service.as_str(), directory.as_str()],
                )]
            }
            Step::RepairInputs {
                service,
                directory,
                write,
                remove,
            } => {
                let place = [service.as_str(), directory.as_str()];
                let mut calls = Vec::new();
                for (name, paths) in [("remove_input", remove), ("write_input", write)] {
                    for path in paths {
                        calls.push(call(name, &[place[0], place[1], below(path)?]));
                    }
                }
                calls
            }
            Step::MarkEdited { service, directory } => {
                vec![call("mark_edited", &[service.as_str(), directory.as_str()])]
            }
            Step::WriteUnit { unit, .. } => vec![call("write_unit", &[unit.as_str()])],
            Step::Enable { units: named } => match self.layout.supervisor() {
                Supervisor::Systemd => vec![units("enable_units", named)],
                Supervisor::None => named.iter().map(|unit| self.link(unit)).collect(),
            },
            Step::Reload => vec!["reload".to_owned()],
            Step::Stop { unit, .. } => vec![call("stop_unit", &[unit.as_str()])],
            Step::Restart { unit, .. } => vec![call("restart_unit", &[unit.as_str()])],
            Step::RestartUnless {
                unit, fingerprint, ..
            } => vec![call(
                "restart_unless",
                &[unit.as_str(), fingerprint.as_str()],
            )],
            Step::RestartWithoutWaiting { unit, .. } => {
                vec![call("restart_unjudged", &[unit.as_str()])]
            }
            Step::AskProbe { unit, .. } => {
                let probes = self.probes.get(unit).into_iter().flatten();
                probes
                    .map(|words| {
                        let mut all = vec![unit.as_str()];
                        all.extend(words.iter().map(String::as_str));
                        call("ask_probe", &all)
                    })
                    .collect()
            }
            Step::NameImage { id, reference, .. } => vec![call("name_image", &[id, reference])],
            Step::AwaitHealthy { units: named } => vec![units("await_healthy", named)],
            Step::RemoveUnit { unit, .. } => vec![call("remove_unit", &[unit.as_str()])],
            Step::SetCurrent { number } => vec![call("set_current", &[&number.to_string()])],
            Step::RemoveInputs { service, names } => {
                let mut words = vec![service.as_str()];
                for name in names {
                    let single = !name.contains('/');
                    words.push(below(name).and_then(|name| {
                        single
                            .then_some(name)
                            .ok_or_else(|| UnsafePath(name.to_owned()))
                    })?);
                }
                vec![call("remove_inputs", &words)]
            }
            Step::RemoveGenerations { numbers } => {
                let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
                let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
                vec![call("remove_generations", &numbers)]
            }
        })
    }

    fn link(&self, unit: &UnitName) -> String {
        let mut words = vec!["link_unit".to_owned(), quote(unit.as_str())];
        let directories = self.enabled_by.get(unit);
        words.extend(directories.into_iter().flatten().map(|name| quote(name)));
        words.join(" ")
    }
}

/// The script that writes an activation's script into the staging area, where it stays with the
/// generation, and runs it. It holds the host's lock (descriptor 9) as long as it runs, whatever
/// becomes of the session. On a host with systemd it outlives the session, so this only starts it:
/// [`parse_launched`] reads what it says, and [`follow`] follows the activation. Below a directory
/// this is all of it.
#[must_use]
pub fn launch(
    layout: &Layout,
    stage: &StageId,
    wave: usize,
    id: &ActivationId,
    activation: &str,
) -> String {
    let name = Layout::activation_name(wave);
    let script = layout.staging(stage).join(&name).quoted();
    // A disk that is full may take a part of it.
    let write = format!(
        "script={script}\n\
         why=$({{ printf %s {} >\"$script\" && chmod 0755 \"$script\" && \
         [ \"$(wc -c <\"$script\")\" -eq {} ]; }} 2>&1) || ",
        quote(activation),
        activation.len(),
    );
    match layout.supervisor() {
        Supervisor::None => format!(
            "{write}{{\n\
             printf 'error may not write %s: %s\\n' \"$script\" \"$why\"\n\
             exit 1\n\
             }}\n\
             exec sh \"$script\" 0<&9 9<&-\n"
        ),
        Supervisor::Systemd => {
            let cluster = layout.cluster().as_str();
            format!(
                "{write}{{\n\
                 printf 'failed\\nmay not write %s: %s\\n' \"$script\" \"$why\"\n\
                 exit 1\n\
                 }}\n\
                 said={}\ncluster={cluster}\nid={id}\nunit={}\n{LAUNCH}",
                quote(&activation_log(cluster)),
                quote(&activation_unit(cluster, Some(id))),
            )
        }
    }
}

/// What came of [`launch`] on a host with systemd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launched {
    /// It has begun; its log tells the rest.
    Yes,
    /// It has not, and will not.
    No {
        /// One line.
        why: String,
    },
    /// systemd has not answered yet: it may still begin.
    Unknown,
}

/// Reads the answer of [`launch`].
#[must_use]
pub fn parse_launched(answer: &[u8]) -> Launched {
    let answer = String::from_utf8_lossy(answer);
    let (first, rest) = answer.split_once('\n').unwrap_or((&answer, ""));
    match first {
        "launched" => Launched::Yes,
        "failed" => Launched::No {
            why: crate::host::stage::line(rest),
        },
        _ => Launched::Unknown,
    }
}

/// From now on the end of the session, whatever it ends of, removes what was staged, and the name from the
/// lock. To be run in the session's own shell, before anything is staged, when it takes the lock.
#[must_use]
pub fn guard_stage(layout: &Layout, stage: &StageId) -> String {
    let staged = layout.staging(stage);
    let remove = format!(
        "unname; {FORGET}; rm -rf {} {}",
        staged.quoted(),
        quote(&format!("{staged}.new"))
    );
    format!(
        "trap {} EXIT\ntrap 'exit 1' HUP INT TERM PIPE\n",
        quote(&remove)
    )
}

/// What was staged stays from now on: an activation takes it over.
pub const UNGUARD_STAGE: &str = "trap unname EXIT\n";

/// A path that stays below the directory that it is joined to.
fn below(path: &str) -> Result<&str, UnsafePath> {
    let mut parts = path.split('/');
    if parts.any(|part| part.is_empty() || part == "." || part == "..") || path.contains('\0') {
        return Err(UnsafePath(path.to_owned()));
    }
    Ok(path)
}

/// What a script says in one line. A step of several calls starts and ends several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The script begins: how many steps it has, and the time (seconds since 1970).
    Begun {
        /// How many steps.
        steps: usize,
        /// Seconds since 1970, on the host's clock.
        at: i64,
    },
    /// A step, and the call that it consists of.
    Started {
        /// The step, from 0.
        number: usize,
        /// The function of the script's library, and its arguments.
        call: String,
    },
    /// What that is, in words ([`Step::words`]). An older bayplan's script does not say it.
    Doing(String),
    /// That step was done.
    Done(usize),
    /// Nothing runs there, so there is nothing to reload or restart.
    Skipped(usize),
    /// The script ends with it; the lines before say why.
    Failed(usize),
    /// Why a step fails.
    Error(String),
    /// `Key=Value` of `systemctl show` about a unit that failed.
    State {
        /// Its name, without suffix.
        unit: String,
        /// The line.
        text: String,
    },
    /// One of the last lines of the journal of a unit that failed.
    Journal {
        /// Its name, without suffix.
        unit: String,
        /// The line.
        text: String,
    },
    /// What went wrong and is no failure.
    Note(String),
    /// A step failed, and the previous generation is being put back.
    PuttingBack,
    /// A step of that.
    Back {
        /// The step of the way back, from 0.
        number: usize,
        /// As of a step.
        call: String,
    },
    /// The previous generation was put back, all of it.
    PutBack,
    /// The host's history has a line of this release.
    Recorded,
    /// Every step was done.
    Ended,
}

impl Event {
    /// Reads a line; `None` if it is none of the script's.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let about = || rest.split_once(' ').unwrap_or((rest, ""));
        Some(match word {
            "step" => {
                let (number, what) = about();
                let number = number.parse().ok()?;
                match what {
                    start if start == "start" || start.starts_with("start ") => Event::Started {
                        number,
                        call: start.get(6..).unwrap_or_default().to_owned(),
                    },
                    "done" => Event::Done(number),
                    "skipped" => Event::Skipped(number),
                    "failed" => Event::Failed(number),
                    _ => return None,
                }
            }
            "begin" => {
                let (steps, at) = about();
                // Behind it come the process and the id, for who follows it on the host.
                let at = at.split(' ').next().unwrap_or_default();
                Event::Begun {
                    steps: steps.parse().ok()?,
                    at: at.parse().ok()?,
                }
            }
            "putting" if rest == "back" => Event::PuttingBack,
            "put" if rest == "back" => Event::PutBack,
            "doing" => Event::Doing(rest.to_owned()),
            "back" => {
                let (number, what) = about();
                Event::Back {
                    number: number.parse().ok()?,
                    call: what.strip_prefix("start ")?.to_owned(),
                }
            }
            "error" => Event::Error(rest.to_owned()),
            "note" => Event::Note(rest.to_owned()),
            "state" | "journal" => {
                let (unit, text) = about();
                let (unit, text) = (unit.to_owned(), text.to_owned());
                if word == "state" {
                    Event::State { unit, text }
                } else {
                    Event::Journal { unit, text }
                }
            }
            "recorded" => Event::Recorded,
            "end" if rest.is_empty() => Event::Ended,
            _ => return None,
        })
    }
}

/// Who takes the lock of a host.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// One line for whoever finds the lock taken: who, from where, since when, what for.
    pub words: &'a str,
    /// The release, by the name that no other one has.
    pub release: &'a StageId,
    /// The host as it is called there.
    pub host: &'a HostName,
}

/// The script that takes the host's lock on descriptor 9 of the shell that evaluates it, so it
/// must not run in a subshell. It does not wait; [`parse_lock`] reads what it says. `then` is a script that
/// the same shell evaluates at once if it gets the lock; what that prints comes after [`LOCKED`].
#[must_use]
pub fn lock_script(layout: &Layout, holder: Holder<'_>, then: &str) -> String {
    let Holder {
        words,
        release,
        host,
    } = holder;
    format!(
        "lock={}\nholder={}\nrelease={}\nlocked() {{\n:\n{then}\n}}\n{HOLDER}\n{LOCK}",
        layout.lock().quoted(),
        quote(&words.replace('\n', " ")),
        quote(&format!("{release} {host}")),
    )
}

/// What the answer of [`lock_script`] begins with if the lock was taken.
pub const LOCKED: &[u8] = b"locked\n";

/// The script that gives the lock back early; the end of the shell does, too. Nothing is staged then.
pub const UNLOCK: &str = "unname\ntrap - EXIT HUP INT TERM PIPE\nexec 9>&-\n";

/// What came of taking the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockAnswer {
    /// This session holds it now.
    Taken,
    /// Somebody else has it.
    Held {
        /// Their line, or which process it is. Empty where none is seen.
        holder: String,
        /// The holder's release and what it calls this host.
        release: Option<(StageId, HostName)>,
    },
    /// It could not be tried.
    Failed {
        /// The system's words.
        why: String,
    },
}

/// Reads the answer of [`lock_script`].
#[must_use]
pub fn parse_lock(answer: &[u8]) -> LockAnswer {
    let answer = String::from_utf8_lossy(answer);
    let (first, rest) = answer.split_once('\n').unwrap_or((&answer, ""));
    let line = |text: &str| {
        let line: String = text.trim().chars().take(300).collect();
        line.replace(char::is_control, " ")
    };
    match first {
        "locked" => LockAnswer::Taken,
        "held" => {
            let (holder, release) = rest.split_once('\n').unwrap_or((rest, ""));
            let release = release.trim().split_once(' ');
            LockAnswer::Held {
                holder: line(holder),
                release: release.and_then(|(release, host)| {
                    Some((StageId::new(release)?, HostName::new(host).ok()?))
                }),
            }
        }
        "failed" => LockAnswer::Failed { why: line(rest) },
        _ => LockAnswer::Failed {
            why: "expected an answer about the lock, found none".to_owned(),
        },
    }
}

#[cfg(test)]
mod process_tests;
#[cfg(test)]
mod tests;
