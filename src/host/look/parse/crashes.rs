//! What the journal and the engine tell of containers that ended by themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::plan::observed::{Death, Moment};
use crate::render::identity::UnitKind;

/// `MESSAGE_ID` of "Scheduled restart job, restart counter is at 3." (`sd-messages.h`).
const RESTART_SCHEDULED: &str = "5eb03494b6584870a536b337290809b3";
/// `MESSAGE_ID` of "Main process exited, code=exited, status=7/NOTRUNNING".
const PROCESS_EXIT: &str = "98e322203f7a4ed290d09fe03c09fe15";

/// What is known of one unit besides `systemctl show`. Everything may be missing: the journal and the
/// engine forget.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::host::look) struct Crashed {
    /// systemd's automatic restarts of the last quarter of an hour: when, and which number it has since
    /// the last start that somebody asked for.
    pub restarts: Vec<(Moment, u64)>,
    /// The newest first one.
    pub first: Option<Moment>,
    /// How the main process last ended, which systemd tells only of failures.
    pub process: Option<Death>,
    /// How the container last ended.
    pub container: Option<Death>,
    pub out_of_memory: bool,
}

/// One entry of `journalctl --output=json`; what is not a text there is left out.
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct JournalEntry {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    microseconds: String,
    message_id: String,
    unit: String,
    #[serde(default)]
    n_restarts: Option<String>,
    #[serde(default)]
    exit_code: Option<String>,
    #[serde(default)]
    exit_status: Option<String>,
}

impl JournalEntry {
    fn at(&self) -> Option<Moment> {
        let microseconds: i64 = self.microseconds.parse().ok()?;
        Some(Moment(i128::from(microseconds) * 1000))
    }
}

/// Entries of the journal, the oldest first. Lines that are none are skipped: all of this only
/// explains.
pub(super) fn take_journal(text: &str, crashed: &mut BTreeMap<String, Crashed>) {
    let entries = text
        .lines()
        .filter_map(|line| serde_json::from_str::<JournalEntry>(line).ok());
    for entry in entries {
        let of = crashed.entry(entry.unit.clone()).or_default();
        let number = entry.n_restarts.as_deref().and_then(|n| n.parse().ok());
        match (entry.message_id.as_str(), entry.at(), number) {
            (RESTART_SCHEDULED, Some(at), Some(number)) => of.restarts.push((at, number)),
            (PROCESS_EXIT, ..) => {
                let status = entry.exit_status.as_deref().unwrap_or_default();
                of.process = match entry.exit_code.as_deref() {
                    Some("exited") => status.parse().ok().map(Death::Exit),
                    Some("killed" | "dumped") => status.parse().ok().map(Death::Signal),
                    Some(_) | None => None,
                };
            }
            _ => {}
        }
    }
}

/// Entries of the first automatic restarts, the oldest first.
pub(super) fn take_first(text: &str, crashed: &mut BTreeMap<String, Crashed>) {
    let entries = text
        .lines()
        .filter_map(|line| serde_json::from_str::<JournalEntry>(line).ok());
    for entry in entries {
        crashed.entry(entry.unit.clone()).or_default().first = entry.at();
    }
}

/// What engines tell of a container that SIGKILL ended.
const KILLED: u8 = 137;

/// `<event> <id> <exit code, if it has one> <container>` a line, the oldest first. Lack of memory is told
/// before or after the end that it brought, so the id connects them; of an end that was just told, the one before it says whether a
/// kill was for that.
pub(super) fn take_events(text: &str, crashed: &mut BTreeMap<String, Crashed>) {
    let mut starved = BTreeSet::new();
    let mut ends: BTreeMap<&str, Vec<(&str, Option<u8>)>> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [event, id, exit, .., container] = words.as_slice() else {
            continue;
        };
        match *event {
            "die" | "died" => ends
                .entry(container)
                .or_default()
                .push((id, exit.parse().ok())),
            "oom" => drop(starved.insert(*id)),
            _ => {}
        }
    }
    for (container, ends) in ends {
        let mut newest_first = ends.into_iter().rev();
        let Some((id, exit)) = newest_first.next() else {
            continue;
        };
        let before = newest_first.next();
        let as_before = before.is_some_and(|(id, _)| exit == Some(KILLED) && starved.contains(id));
        let unit = format!("{container}{}", UnitKind::Service.suffix());
        let of = crashed.entry(unit).or_default();
        of.container = exit.map(Death::Exit);
        of.out_of_memory = starved.contains(id) || as_before;
    }
}
