//! From the steps of a plan to the script that carries them out on a host, and from what that
//! script says to events. Pure.
//!
//! The script is complete in itself: it is a file of the generation, runs as `sh FILE`, reads
//! nothing from its standard input (which may be the host's lock), and may be run again. No value of
//! a variable is in it: it copies staged files.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use super::record::{HISTORY, Record, Source, history_variables};
use crate::cluster::model::{Engine, Excerpts, ReloadBy, Supervisor};
use crate::cluster::name::ServiceName;
use crate::host::layout::{ActivationId, Layout};
use crate::host::stage::SECRETS;
use crate::plan::WayBack;
use crate::plan::step::{RestartedUnit, Step, turns};
use crate::render::identity::{Fingerprint, UnitFileName, UnitKind, UnitName};
use crate::render::live::LiveName;
use crate::render::shell::quote;
use crate::render::slots::own_target;

/// What the calls of an activation are: functions, and the variables that they share.
const LIBRARY: &str = concat!(
    include_str!("runner.sh"),
    include_str!("../ours.sh"),
    include_str!("steps/files.sh"),
    include_str!("steps/inputs.sh"),
    include_str!("steps/secrets.sh"),
    include_str!("steps/units.sh"),
    include_str!("steps/live.sh"),
    include_str!("steps/slots.sh"),
    include_str!("steps/processes.sh"),
    include_str!("steps/beside.sh"),
    include_str!("steps/networks.sh"),
    include_str!("steps/jobs.sh"),
    include_str!("steps/timers.sh"),
    include_str!("steps/health.sh"),
    include_str!("steps/generations.sh"),
);
/// How long a unit without `[health]` must stay active before it counts as well. The time begins when the last
/// unit became active.
pub const SETTLE: Duration = Duration::from_secs(1);

/// The same where every unit has answered a probe of its own (`[health]`): an answer says more than time. A unit
/// that answers and then ends at once is still found.
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
    /// What each unit file is enabled by, as `multi-user.target.wants`. Used where no systemctl is.
    pub enabled_by: &'a BTreeMap<UnitFileName, BTreeSet<String>>,
    /// Who released what.
    pub record: &'a Record,
    /// What it is of its release, for the history.
    pub part: &'a ReleasePart<'a>,
    /// The probes of [`Step::AskProbe`], and of what is watched.
    pub probes: &'a BTreeMap<UnitName, Vec<Vec<String>>>,
    /// What is done when a step fails; `None` leaves everything as it is then.
    pub way_back: Option<&'a WayBack>,
    /// Why the way back is all that it does, in one line: what earlier activations did is undone since another host failed.
    /// `None` does the steps.
    pub goes_back: Option<&'a str>,
    /// See [`SETTLE`].
    pub settle: Duration,
    /// How long what it started is watched after it is healthy.
    pub soak: Duration,
    /// How long its starts and restarts may take together; `None` is as long as their units say.
    pub deadline: Option<Duration>,
    /// See [`PATIENCE`].
    pub patience: Duration,
    /// Whether it tells the last lines of a unit's journal where that fails.
    pub journal: Excerpts,
    /// How many restarts are side by side at most; `None` for twice as many as the host has cores.
    pub parallel: Option<NonZeroUsize>,
}

/// What an activation is of its release on this host, for the host's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasePart<'a> {
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
        let ReleasePart {
            generation,
            started,
            mended,
            end,
        } = self.part;
        let mut script = format!(
            "#!/bin/sh\n\
             # bayplan: what an activation of {} does on this host, step by step. Safe to run again.\n\
             {}engine={}\n\
             client={}\n\
             settle={}\n\
             soak={}\n\
             deadline={}\n\
             patience={}\n\
             steps={}\n\
             journal={}\n\
             parallel={}\n\
             id={}\n\
             starts={}\n\
             mends={}\n\
             {}\n\
             {SECRETS}\n{HISTORY}\n{LIBRARY}\n",
            self.layout.cluster(),
            self.layout.variables(),
            self.engine.program(),
            quote(self.layout.client(self.engine)),
            self.settle.as_millis() / 10,
            self.soak.as_millis() / 10,
            self.deadline.map_or(0, |time| time.as_millis() / 10),
            self.patience.as_millis() / 100,
            self.steps.len(),
            match self.journal {
                Excerpts::Shown => "shown",
                Excerpts::Hidden => "hidden",
            },
            self.parallel
                .map_or_else(String::new, |most| most.to_string()),
            self.id,
            names(started),
            names(mended),
            history_variables(self.layout, self.source, self.record, *generation),
        );
        script.push_str(&self.soak_probe());
        script.push_str(&self.way_back()?);
        script.push_str("begin\n");
        if let Some(why) = self.goes_back {
            script.push_str(&format!("why={}\nfailed_at=0\nput_back\n", quote(why)));
            return Ok(script);
        }
        let mut line = |line: String| {
            script.push_str(&line);
            script.push('\n');
        };
        let mut numbers = 0..;
        for turn in turns(self.steps) {
            let verb = match turn {
                [_] => "step",
                _ => "beside",
            };
            for (step, number) in turn.iter().zip(&mut numbers) {
                line(format!("doing={}", quote(&step.words())));
                for call in self.calls(step)? {
                    line(format!("{verb} {number} {call}"));
                }
            }
            if turn.len() > 1 {
                line("all_ended".to_owned());
            }
        }
        line(format!("finish {}", quote(end.result())));
        Ok(script)
    }

    /// The function that asks the probe of a unit which is watched. Of a unit without one it has nothing to say.
    fn soak_probe(&self) -> String {
        let mut text = String::from("soak_probe() {\n  said=''\n  case $1 in\n");
        for (unit, probes) in self.probes.iter().filter(|_| !self.soak.is_zero()) {
            let asks = probes.iter().map(|words| {
                let words = words.iter().map(|word| format!(" {}", quote(word)));
                format!("asks \"$1\"{}", words.collect::<String>())
            });
            let asks: Vec<String> = asks.collect();
            if !asks.is_empty() {
                text += &format!("  {}) {} ;;\n", quote(unit.as_str()), asks.join(" && "));
            }
        }
        text + "  esac\n}\n\n"
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
            Step::SwapFiles {
                service,
                directory,
                digest,
            } => vec![call(
                "swap_files",
                &[service.as_str(), directory.as_str(), digest.as_str()],
            )],
            Step::SwapBack {
                service,
                directory,
                version,
            } => vec![call(
                "swap_back",
                &[service.as_str(), directory.as_str(), version.as_str()],
            )],
            Step::ReloadService { unit, by, .. } => {
                let mut words = vec![unit.as_str()];
                push_reload(by, &mut words);
                vec![call("reload_service", &words)]
            }
            Step::FlipSlot {
                service,
                slot,
                slots,
                proxy,
            } => {
                let slot_text = slot.to_string();
                let port = slots.port.to_string();
                let host = slots.host.as_deref().unwrap_or("localhost");
                let target = slots.file_of(*slot);
                let mut words = vec![
                    service.as_str(),
                    &slot_text,
                    target,
                    &port,
                    &slots.path,
                    host,
                ];
                words.push(proxy.as_str());
                push_reload(&slots.reload, &mut words);
                vec![call("flip_slot", &words)]
            }
            Step::TakeOver {
                service,
                slot,
                unit,
                ports,
            } => {
                let target = own_target(service, *slot);
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                let mut words = vec![service.as_str(), target.as_str(), unit.as_str()];
                words.extend(ports.iter().map(String::as_str));
                vec![call("take_over", &words)]
            }
            Step::WakeSlot {
                unit, fingerprint, ..
            } => vec![call("wake_slot", &[unit.as_str(), fingerprint.as_str()])],
            Step::KeepSlot { unit, seconds, .. } => {
                vec![call("keep_slot", &[unit.as_str(), &seconds.to_string()])]
            }
            Step::DrainSlot { unit, drain, .. } | Step::EndSlot { unit, drain, .. } => {
                let drain = drain.map(|(port, seconds)| [port.to_string(), seconds.to_string()]);
                let mut words = vec![unit.as_str()];
                words.extend(drain.iter().flatten().map(String::as_str));
                let is_end = matches!(step, Step::EndSlot { .. });
                vec![call(if is_end { "end_slot" } else { "drain_slot" }, &words)]
            }
            Step::CleanLive { service, keep } => {
                let mut words = vec![service.as_str()];
                words.extend(keep.iter().map(LiveName::as_str));
                vec![call("clean_live", &words)]
            }
            Step::MarkEdited {
                service,
                directory,
                edited,
            } => {
                let edited = edited.to_seconds();
                let arguments = [service.as_str(), directory.as_str(), edited.as_str()];
                vec![call("mark_edited", &arguments)]
            }
            Step::WriteUnit { file, .. } => vec![call("write_unit", &[file.as_str()])],
            Step::Disable { files } => {
                let files: Vec<_> = files.iter().map(UnitFileName::as_str).collect();
                vec![call("disable_units", &files)]
            }
            Step::StopTimer { unit, .. } => vec![call("stop_timer", &[unit.as_str()])],
            Step::EndHold { service } => vec![call("end_hold", &[service.as_str()])],
            Step::Enable { files } => match self.layout.supervisor() {
                Supervisor::Systemd => {
                    let files: Vec<_> = files.iter().map(UnitFileName::as_str).collect();
                    vec![call("enable_units", &files)]
                }
                Supervisor::None => files.iter().map(|file| self.link(file)).collect(),
            },
            Step::Reload => vec!["reload".to_owned()],
            Step::Stop { unit, .. } => vec![call("stop_unit", &[unit.as_str()])],
            Step::DropTimer { unit, .. } => vec![call("drop_timer", &[unit.as_str()])],
            Step::StartTimer { unit, .. } => vec![call("start_timer", &[unit.as_str()])],
            Step::StartWatch { unit, .. } => {
                let timer = unit.file(UnitKind::WatchTimer);
                vec![call("start_watch", &[timer.as_str()])]
            }
            Step::AwaitRun { unit, .. } => vec![call("await_run", &[unit.as_str()])],
            Step::Restart { unit, .. } => vec![call("restart_unit", &[unit.as_str()])],
            Step::RestartUnless {
                unit, fingerprint, ..
            } => vec![call(
                "restart_unless",
                &[unit.as_str(), fingerprint.as_str()],
            )],
            Step::RestartTogether { units } => {
                let mut words = Vec::new();
                for RestartedUnit { unit, unless } in units.values() {
                    words.push(unit.as_str());
                    words.push(unless.as_ref().map_or("-", Fingerprint::as_str));
                }
                vec![call("restart_together", &words)]
            }
            Step::RestartWithoutWaiting { unit, .. } => {
                vec![call("restart_unjudged", &[unit.as_str()])]
            }
            Step::RunOnce {
                service,
                unit,
                keys,
            } => {
                let mut words = vec![unit.as_str(), service.as_str()];
                words.extend(keys.iter().map(String::as_str));
                vec![call("run_once", &words)]
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
            Step::RemakeNetwork { network, options } => {
                vec![call("remake_network", &[network, options])]
            }
            Step::RemoveNetwork { network } => vec![call("remove_network", &[network])],
            Step::NameImage { id, reference, .. } => vec![call("name_image", &[id, reference])],
            Step::AwaitHealthy { units: named } => vec![units("await_healthy", named)],
            Step::RemoveUnit { file, .. } => vec![call("remove_unit", &[file.as_str()])],
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

    fn link(&self, file: &UnitFileName) -> String {
        let mut words = vec!["link_unit".to_owned(), quote(file.as_str())];
        let directories = self.enabled_by.get(file);
        words.extend(directories.into_iter().flatten().map(|name| quote(name)));
        words.join(" ")
    }
}

/// How a unit is told to read its files again.
fn push_reload<'w>(by: &'w ReloadBy, words: &mut Vec<&'w str>) {
    match by {
        ReloadBy::Signal(signal) => words.extend(["signal", signal]),
        ReloadBy::Command(command) => {
            words.push("command");
            words.extend(command.iter().map(String::as_str));
        }
    }
}

/// A path that stays below the directory that it is joined to.
fn below(path: &str) -> Result<&str, UnsafePath> {
    let mut parts = path.split('/');
    if parts.any(|part| part.is_empty() || part == "." || part == "..") || path.contains('\0') {
        return Err(UnsafePath(path.to_owned()));
    }
    Ok(path)
}

#[cfg(test)]
mod beside_tests;
#[cfg(test)]
mod journal_tests;
#[cfg(test)]
mod process_tests;
#[cfg(test)]
mod tests;
