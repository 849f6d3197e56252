//! The state of a cluster as an aligned table, and what to type next.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::Style;
use jiff::Timestamp;

use super::palette::{Palette, paint};
use super::reason::{Space, note, reason, some_paths};
use super::refusal::whose;
use super::text::{count, escape, pad, short_value, value, width, wrap};
use super::{Detail, left};
use crate::cluster::model::{Cluster, RestartPolicy};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::follow::{Activity, Holding};
use crate::plan::Note;
use crate::plan::observed::{Crashes, Death, Moment};
use crate::plan::status::{HostStatus, ServiceStatus, State, Status};
use crate::render::identity::UnitName;

/// The longest version that is shown in full.
const VERSION: usize = 16;

/// The state of every host that was seen, a row a service, and a last part that sums it up and
/// says what to type. `now` is the reader's clock.
#[must_use]
pub fn text(
    cluster: &Cluster,
    status: &Status,
    activities: &BTreeMap<HostName, Activity>,
    now: Timestamp,
    palette: &Palette,
) -> String {
    let mut lines = Vec::new();
    for left in &status.left {
        lines.extend(left::warning(&cluster.name, left, palette));
    }
    let columns = Columns::of(status, now);
    for (host, state) in &status.hosts {
        let activity = activities.get(host).and_then(|a| activity(a, now));
        lines.extend(host_lines(
            cluster, host, state, activity, columns, now, palette,
        ));
    }
    lines.extend(last_lines(cluster, status, palette));
    lines.join("\n") + "\n"
}

/// Whether there is nothing to do anywhere.
#[must_use]
pub fn in_sync(status: &Status) -> bool {
    status.left.is_empty() && all_in_sync(status)
}

/// The same of the hosts that are described.
fn all_in_sync(status: &Status) -> bool {
    status.hosts.values().all(|host| {
        let states = host
            .services
            .values()
            .map(|service| Word::of(&service.state));
        !host.unfinished && !host.acts && states.into_iter().all(|word| word == Word::InSync)
    })
}

fn host_lines(
    cluster: &Cluster,
    host: &HostName,
    status: &HostStatus,
    activity: Option<String>,
    columns: Columns,
    now: Timestamp,
    palette: &Palette,
) -> Vec<String> {
    let HostStatus {
        generation,
        unfinished,
        lost,
        acts,
        services,
    } = status;
    let mut header = paint(palette.strong, host.as_str());
    if let Some(model) = cluster.hosts.get(host) {
        let mut place = escape(&model.location());
        if !model.supervisor().runs_containers() {
            place += " (a directory: nothing runs here)";
        }
        header += &format!("  {}", paint(palette.dim, &place));
    }
    header += &match generation {
        Some(number) => format!("  generation {number}"),
        None if lost.is_some() => String::new(),
        None => "  no generation yet".to_owned(),
    };
    let mut lines = vec![header];
    if let Some(activity) = activity {
        lines.push(format!("  {} {activity}", paint(palette.changed, "!")));
    } else if *unfinished {
        lines.push(format!(
            "  {} the last activation did not finish here",
            paint(palette.changed, "!")
        ));
    }
    let in_sync = |service: &ServiceStatus| Word::of(&service.state) == Word::InSync;
    if let Some(why) = lost {
        lines.push(format!(
            "  {} {}; a release records the generation anew",
            paint(palette.changed, "!"),
            escape(why)
        ));
    } else if *acts && !*unfinished && services.values().all(in_sync) {
        lines.push(format!(
            "  {} the files are as described; their generation is not recorded",
            paint(palette.changed, "!")
        ));
    }
    if services.is_empty() {
        lines.push("  no services".to_owned());
    }
    for (service, status) in services {
        let ServiceStatus {
            unit: _,
            version,
            since,
            restarts,
            drop_ins,
            crashes,
            state,
        } = status;
        let start = format!(
            "  {}  {}  {}  ",
            pad(service.as_str(), columns.service),
            pad(&shown_version(version.as_deref()), columns.version),
            pad(&shown_since(*since, now), columns.since),
        );
        let mut line = shown_state(state);
        let told = match crashes {
            Some(crashes) => Some(deaths(crashes, now)),
            None => restarts.filter(|number| *number > 0).map(restarted),
        };
        if let Some(told) = told {
            line += &format!(", {told}");
        }
        let column = width(&start);
        let (word, style) = (Word::of(state).text(), style(state, palette));
        for (number, line) in wrap(&line, palette.width().saturating_sub(column))
            .iter()
            .enumerate()
        {
            lines.push(match number {
                // Coloured after wrapping: escape sequences have no width.
                0 => start.clone() + &line.replacen(word, &paint(style, word), 1),
                _ => " ".repeat(column) + line,
            });
        }
        const INDENT: usize = 6;
        let space = Space {
            detail: Detail::Short,
            room: palette.width().saturating_sub(INDENT),
        };
        let mut more = Vec::new();
        if let State::PendingRestart { reasons } | State::Edited { reasons, .. } = state {
            more.extend(reasons.iter().flat_map(|why| reason(why, service, space)));
        }
        for path in drop_ins {
            let path = path.clone();
            more.extend(note(&Note::DropIn { path }, space));
        }
        lines.extend(
            more.iter()
                .map(|line| format!("{}{line}", " ".repeat(INDENT))),
        );
    }
    lines
}

/// What goes on there under the lock, in a line.
pub(super) fn activity(activity: &Activity, now: Timestamp) -> Option<String> {
    let holder = match activity.holder.as_str() {
        "" => "somebody".to_owned(),
        holder => escape(holder),
    };
    let Activity {
        holder: _,
        session,
        activation,
    } = activity;
    match (activation, session) {
        (None, Holding::No) => None,
        (None, Holding::Yes) => Some(format!("locked by {holder}")),
        (Some(activation), session) => {
            let since = activation.since.map(|since| ago(since, now));
            let since = since.map_or_else(String::new, |since| format!(", begun {since}"));
            let gone = match session {
                Holding::Yes => "",
                Holding::No => ", whose session is gone: the host goes on by itself",
            };
            Some(format!(
                "an activation of {}{since}: {}; by {holder}{gone}",
                value(&activation.cluster),
                escape(&activation.at.words()),
            ))
        }
    }
}

fn restarted(times: u64) -> String {
    let times = match times {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    format!("restarted by systemd {times}")
}

/// How often it ended by itself, since when, and how: `restarted by systemd 4 times since 5 minutes
/// ago, last 3 seconds ago after exit code 7`.
fn deaths(crashes: &Crashes, now: Timestamp) -> String {
    let moment = |moment: &Moment| {
        let seconds = i64::try_from(moment.0 / 1_000_000_000).ok();
        seconds.map(|seconds| ago(seconds, now))
    };
    let Crashes {
        restarts,
        first,
        last,
        death: _,
        out_of_memory: _,
        steady: _,
    } = crashes;
    let how = how_it_ended(crashes);
    if *restarts == 0 {
        return format!(
            "ended with {}",
            how.unwrap_or_else(|| "no error".to_owned())
        );
    }
    let first = first.as_ref().filter(|_| *restarts > 1).and_then(moment);
    let first = first.map_or_else(String::new, |first| format!(", first {first}"));
    let last = last.as_ref().and_then(moment);
    let last = last.map_or_else(String::new, |last| format!(", last {last}"));
    let how = how.map_or_else(String::new, |how| format!(" after {how}"));
    format!("{}{first}{last}{how}", restarted(*restarts))
}

/// `exit code 7`, `exit code 137 (SIGKILL), out of memory`.
pub(super) fn how_it_ended(crashes: &Crashes) -> Option<String> {
    let mut how = match crashes.death {
        Some(Death::Exit(code)) => match code.checked_sub(128).and_then(signal) {
            Some(signal) => format!("exit code {code} ({signal})"),
            None => format!("exit code {code}"),
        },
        Some(Death::Signal(number)) => match signal(number) {
            Some(signal) => signal.to_owned(),
            None => format!("signal {number}"),
        },
        None if crashes.out_of_memory => return Some("running out of memory".to_owned()),
        None => return None,
    };
    if crashes.out_of_memory {
        how += ", out of memory";
    }
    Some(how)
}

/// The signals that end processes (signal(7)).
fn signal(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

fn shown_version(version: Option<&str>) -> String {
    version.map_or_else(|| "-".to_owned(), |version| short_value(version, VERSION))
}

fn shown_since(since: Option<i64>, now: Timestamp) -> String {
    since.map_or_else(|| "-".to_owned(), |since| ago(since, now))
}

/// How long ago a moment was, in its largest unit. A host's clock may be ahead of ours: a few
/// seconds are `just now`, more is shown as the moment itself.
fn ago(since: i64, now: Timestamp) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let seconds = now.as_second().saturating_sub(since);
    if seconds <= -MINUTE {
        return Timestamp::from_second(since).map_or_else(
            |_| "at no known time".to_owned(),
            |moment| moment.to_string(),
        );
    }
    let (number, unit) = if seconds <= 0 {
        return "just now".to_owned();
    } else if seconds < MINUTE {
        (seconds, "second")
    } else if seconds < HOUR {
        (seconds / MINUTE, "minute")
    } else if seconds < DAY {
        (seconds / HOUR, "hour")
    } else {
        (seconds / DAY, "day")
    };
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{s} ago")
}

fn style(state: &State, palette: &Palette) -> Style {
    match Word::of(state) {
        Word::InSync => palette.added,
        Word::PendingRestart | Word::FilesDiffer | Word::NotReleased | Word::Unmanaged => {
            palette.changed
        }
        Word::Edited | Word::CrashLoop | Word::NotRunning | Word::ForeignUnit => palette.removed,
    }
}

fn shown_state(state: &State) -> String {
    let more = match state {
        State::Edited { paths, .. } => format!(": {}", some_paths(paths, Detail::Short)),
        State::NotRunning { state } => format!(" ({})", value(state)),
        State::ForeignUnit { path, owner } => format!(": {} {}", value(path), whose(owner)),
        State::FilesDiffer => ", no restart needed".to_owned(),
        State::Unmanaged => ": not in the description".to_owned(),
        State::InSync
        | State::FilesInSync
        | State::PendingRestart { .. }
        | State::CrashLoop
        | State::NotReleased => String::new(),
    };
    Word::of(state).text().to_owned() + &more
}

/// The states as they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    InSync,
    PendingRestart,
    FilesDiffer,
    Edited,
    CrashLoop,
    NotRunning,
    NotReleased,
    Unmanaged,
    ForeignUnit,
}

impl Word {
    fn of(state: &State) -> Self {
        match state {
            State::InSync | State::FilesInSync => Self::InSync,
            State::PendingRestart { .. } => Self::PendingRestart,
            State::FilesDiffer => Self::FilesDiffer,
            State::Edited { .. } => Self::Edited,
            State::CrashLoop => Self::CrashLoop,
            State::NotRunning { .. } => Self::NotRunning,
            State::NotReleased => Self::NotReleased,
            State::Unmanaged => Self::Unmanaged,
            State::ForeignUnit { .. } => Self::ForeignUnit,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::PendingRestart => "pending restart",
            Self::FilesDiffer => "files differ",
            Self::Edited => "edited by hand",
            Self::CrashLoop => "crash loop",
            Self::NotRunning => "not running",
            Self::NotReleased => "not released",
            Self::Unmanaged => "unmanaged",
            Self::ForeignUnit => "foreign unit",
        }
    }
}

fn last_lines(cluster: &Cluster, status: &Status, palette: &Palette) -> Vec<String> {
    let mut words: BTreeMap<Word, usize> = BTreeMap::new();
    let mut total = 0;
    for service in status
        .hosts
        .values()
        .flat_map(|host| host.services.values())
    {
        *words.entry(Word::of(&service.state)).or_default() += 1;
        total += 1;
    }
    let hosts = count(status.hosts.len(), "host", "hosts");
    let units = count(total, "unit", "units");
    let unseen = cluster
        .hosts
        .keys()
        .filter(|host| !status.hosts.contains_key(*host));
    let unseen = match unseen.collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        hosts => format!("; {} not seen", super::hosts::list(hosts)),
    };
    let all_seen = unseen.is_empty();
    let unseen = unseen + &left::counted(&status.left);
    let name = &cluster.name;
    if status.hosts.is_empty() && !unseen.is_empty() {
        return vec![format!("Nothing is known of {name}{unseen}")];
    }
    if all_in_sync(status) {
        return vec![match unseen.as_str() {
            "" => format!("{name} is in sync ({hosts}, {units})."),
            unseen => format!("{hosts}, {units}: all in sync{unseen}"),
        }];
    }
    let parts = words
        .iter()
        .map(|(word, number)| format!("{number} {}", word.text()));
    let mut parts: Vec<String> = parts.collect();
    let unfinished = status.hosts.values().filter(|host| host.unfinished).count();
    if unfinished > 0 {
        parts.push(count(
            unfinished,
            "activation unfinished",
            "activations unfinished",
        ));
    }
    let totals = format!("{hosts}, {units}: {}{unseen}", parts.join(", "));
    let mut lines = wrap(&totals, palette.width());
    let next = |text: &str| {
        let mut lines = wrap(&format!("next: {text}"), palette.width());
        lines[0] = lines[0].replacen("next:", &paint(palette.help, "next:"), 1);
        lines.join("\n")
    };
    if let Some((host, unit)) = not_running(status) {
        lines.push(next(&format!(
            "`journalctl -u {unit}` on {host} tells why it does not stay up"
        )));
    }
    let manual = manual(cluster, status);
    if status.refused {
        lines.push(next(&format!(
            "`bayplan diff {name}` tells what stands in the way of a release"
        )));
    } else if needs_a_release(cluster, status) && all_seen {
        lines.push(next(&format!("`bayplan release {name}` brings it in sync")));
    }
    if !manual.is_empty() {
        let services: Vec<&str> = manual.iter().map(|service| service.as_str()).collect();
        let they = if services.len() == 1 {
            "it restarts"
        } else {
            "they restart"
        };
        lines.push(next(&format!(
            "`bayplan release {name} {}`: {they} only when named",
            services.join(" ")
        )));
    }
    lines
}

fn not_running(status: &Status) -> Option<(&HostName, &UnitName)> {
    status.hosts.iter().find_map(|(host, state)| {
        let mut services = state.services.values();
        let down = |state| matches!(Word::of(state), Word::NotRunning | Word::CrashLoop);
        let service = services.find(|service| down(&service.state))?;
        Some((host, &service.unit))
    })
}

fn waits_for_its_name(cluster: &Cluster, service: &ServiceName, state: &State) -> bool {
    let model = cluster.services.get(service);
    Word::of(state) == Word::PendingRestart
        && model.is_some_and(|model| model.restart == RestartPolicy::Manual)
}

fn manual<'a>(cluster: &Cluster, status: &'a Status) -> BTreeSet<&'a ServiceName> {
    let services = status.hosts.values().flat_map(|host| &host.services);
    services
        .filter(|(name, service)| waits_for_its_name(cluster, name, &service.state))
        .map(|(name, _)| name)
        .collect()
}

fn needs_a_release(cluster: &Cluster, status: &Status) -> bool {
    status.hosts.values().any(|host| {
        let mut services = host.services.iter();
        let in_sync = |s: &ServiceStatus| Word::of(&s.state) == Word::InSync;
        host.unfinished
            || (host.acts && host.services.values().all(in_sync))
            || services.any(|(name, service)| {
                // What crashes as it is described does so after a release, too.
                !matches!(Word::of(&service.state), Word::InSync | Word::CrashLoop)
                    && !waits_for_its_name(cluster, name, &service.state)
            })
    })
}

/// The widths of the columns, the same for every host.
#[derive(Debug, Clone, Copy)]
struct Columns {
    service: usize,
    version: usize,
    since: usize,
}

impl Columns {
    fn of(status: &Status, now: Timestamp) -> Self {
        let mut columns = Self {
            service: 0,
            version: 0,
            since: 0,
        };
        for (name, service) in status.hosts.values().flat_map(|host| &host.services) {
            let version = shown_version(service.version.as_deref());
            columns.service = columns.service.max(width(name.as_str()));
            columns.version = columns.version.max(width(&version));
            columns.since = columns.since.max(width(&shown_since(service.since, now)));
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::{any, proptest};

    use super::super::samples;
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_state_has_its_words() {
        let status = samples::every_state("failed");
        assert_snapshot!(text(
            &samples::cluster(),
            &status,
            &samples::activities("restarting web"),
            now(),
            &Palette::PLAIN
        ));
    }

    #[test]
    fn a_cluster_in_sync_needs_one_line_at_the_end() {
        let status = samples::in_sync();
        assert_snapshot!(text(
            &samples::cluster(),
            &status,
            &BTreeMap::new(),
            now(),
            &Palette::PLAIN
        ));
    }

    #[test]
    fn hosts_that_were_not_seen_are_named() {
        let mut status = samples::in_sync();
        status.hosts.pop_last();
        let shown = text(
            &samples::cluster(),
            &status,
            &BTreeMap::new(),
            now(),
            &Palette::PLAIN,
        );
        let last = shown.lines().last().unwrap();
        assert_eq!(last, "2 hosts, 2 units: all in sync; docker03 not seen");
        status.hosts.clear();
        assert_eq!(
            text(
                &samples::cluster(),
                &status,
                &BTreeMap::new(),
                now(),
                &Palette::PLAIN
            ),
            "Nothing is known of production; docker01, docker02 and docker03 not seen\n"
        );
    }

    #[test]
    fn time_is_told_in_its_largest_unit() {
        let before = |seconds: i64| ago(now().as_second() - seconds, now());
        assert_eq!(before(-30), "just now");
        assert_eq!(before(0), "just now");
        assert_eq!(before(1), "1 second ago");
        assert_eq!(before(119), "1 minute ago");
        assert_eq!(before(7200), "2 hours ago");
        assert_eq!(before(3 * 86_400), "3 days ago");
        assert_eq!(before(-120), "2026-11-21T12:02:00Z");
        assert_eq!(ago(i64::MIN, now()).as_str(), "106751991167300 days ago");
        assert_eq!(ago(i64::MAX, now()).as_str(), "at no known time");
    }

    proptest! {
        #[test]
        fn no_value_can_steer_a_terminal(odd in any::<String>()) {
            let status = samples::every_state(&odd);
            samples::assert_tame(&text(&samples::cluster(), &status, &samples::activities(&odd), now(), &Palette::PLAIN));
            let coloured = text(&samples::cluster(), &status, &samples::activities(&odd), now(), &Palette::COLOURED);
            samples::assert_tame(&anstream::adapter::strip_str(&coloured).to_string());
        }
    }
}
