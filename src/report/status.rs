//! The state of a cluster as an aligned table, and what to type next.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::Style;
use jiff::Timestamp;

use super::palette::{Palette, paint};
use super::reason::{Space, note, reason, some_paths};
use super::refusal::whose;
use super::text::{count, escape, pad, short_value, value, width, wrap};
use super::view::{
    ActivationView, ActivityView, CrashesView, HostStatusView, NoteView, ServiceStatusView,
    StateView, StatusView,
};
use super::{Detail, left};

/// The longest version that is shown in full.
const VERSION: usize = 16;

/// The state of every host that was seen, a row a service, and a last part that sums it up and
/// says what to type. `now` is the reader's clock.
#[must_use]
pub fn text(view: &StatusView<'_>, now: Timestamp, palette: &Palette) -> String {
    let mut lines = Vec::new();
    for left in &view.left {
        lines.extend(left::warning(view.cluster, left, palette));
    }
    let columns = StatusColumns::of(view, now);
    for host in &view.hosts {
        lines.extend(host_lines(host, columns, now, palette));
    }
    lines.extend(last_lines(view, palette));
    lines.join("\n") + "\n"
}

fn host_lines(
    view: &HostStatusView<'_>,
    columns: StatusColumns,
    now: Timestamp,
    palette: &Palette,
) -> Vec<String> {
    let HostStatusView {
        host,
        generation,
        unfinished,
        lost,
        activity: at_work,
        acts,
        services,
        location,
        supervisor,
    } = view;
    let mut header = paint(palette.strong, host);
    if let Some(location) = location {
        let mut place = escape(location);
        if !supervisor.runs_containers() {
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
    if let Some(activity) = at_work.as_ref().and_then(|it| activity(it, now)) {
        lines.push(format!("  {} {activity}", paint(palette.changed, "!")));
    } else if *unfinished {
        lines.push(format!(
            "  {} the last activation did not finish here",
            paint(palette.changed, "!")
        ));
    }
    if let Some(why) = lost {
        lines.push(format!(
            "  {} {}; a release records the generation anew",
            paint(palette.changed, "!"),
            escape(why)
        ));
    } else if *acts && !*unfinished && services.iter().all(ServiceStatusView::is_in_sync) {
        lines.push(format!(
            "  {} the files are as described; their generation is not recorded",
            paint(palette.changed, "!")
        ));
    }
    if services.is_empty() {
        lines.push("  no services".to_owned());
    }
    for status in services {
        let ServiceStatusView {
            service,
            unit: _,
            version,
            since,
            restarts,
            drop_ins,
            crashes,
            state,
            waits: _,
        } = status;
        let start = format!(
            "  {}  {}  {}  ",
            pad(service, columns.service),
            pad(&shown_version(*version), columns.version),
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
        if let StateView::PendingRestart { reasons } | StateView::Edited { reasons, .. } = state {
            more.extend(reasons.iter().flat_map(|why| reason(why, space)));
        }
        for path in *drop_ins {
            more.extend(note(&NoteView::DropIn { path }, space));
        }
        lines.extend(
            more.iter()
                .map(|line| format!("{}{line}", " ".repeat(INDENT))),
        );
    }
    lines
}

/// What goes on there under the lock, in a line; `None` if nothing does.
pub(super) fn activity(activity: &ActivityView<'_>, now: Timestamp) -> Option<String> {
    let ActivityView {
        holder,
        attended,
        activation,
    } = activity;
    let holder = match *holder {
        "" => "somebody".to_owned(),
        holder => escape(holder),
    };
    let Some(activation) = activation else {
        return attended.then(|| format!("locked by {holder}"));
    };
    let ActivationView {
        cluster,
        since,
        step: _,
        steps: _,
        doing: _,
        at,
    } = activation;
    let since = since.map_or_else(String::new, |since| format!(", begun {}", ago(since, now)));
    let gone = if *attended {
        ""
    } else {
        ", whose session is gone: the host goes on by itself"
    };
    Some(format!(
        "an activation of {}{since}: {}; by {holder}{gone}",
        value(cluster),
        escape(&at.words()),
    ))
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
fn deaths(crashes: &CrashesView, now: Timestamp) -> String {
    let CrashesView {
        restarts,
        first,
        last,
        exit_code: _,
        signal: _,
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
    let told = |word: &str, moment: Timestamp| format!(", {word} {}", ago(moment, now));
    let first = first.filter(|_| *restarts > 1);
    let first = first.map_or_else(String::new, |first| told("first", first));
    let last = last.map_or_else(String::new, |last| told("last", last));
    let how = how.map_or_else(String::new, |how| format!(" after {how}"));
    format!("{}{first}{last}{how}", restarted(*restarts))
}

/// `exit code 7`, `exit code 137 (SIGKILL), out of memory`.
pub(super) fn how_it_ended(crashes: &CrashesView) -> Option<String> {
    let mut how = match (crashes.exit_code, crashes.signal) {
        (Some(code), _) => match code.checked_sub(128).and_then(signal) {
            Some(signal) => format!("exit code {code} ({signal})"),
            None => format!("exit code {code}"),
        },
        (None, Some(number)) => match signal(number) {
            Some(signal) => signal.to_owned(),
            None => format!("signal {number}"),
        },
        (None, None) if crashes.out_of_memory => return Some("running out of memory".to_owned()),
        (None, None) => return None,
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

fn shown_since(since: Option<Timestamp>, now: Timestamp) -> String {
    since.map_or_else(|| "-".to_owned(), |since| ago(since, now))
}

/// How long ago a moment was, in its largest unit. A host's clock may be ahead of ours: a few
/// seconds are `just now`, more is shown as the moment itself.
fn ago(since: Timestamp, now: Timestamp) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let seconds = now.as_second() - since.as_second();
    if seconds <= -MINUTE {
        return since.to_string();
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

fn style(state: &StateView<'_>, palette: &Palette) -> Style {
    match Word::of(state) {
        Word::InSync => palette.added,
        Word::PendingRestart | Word::FilesDiffer | Word::NotReleased | Word::Unmanaged => {
            palette.changed
        }
        Word::Edited | Word::CrashLoop | Word::NotRunning | Word::ForeignUnit => palette.removed,
    }
}

fn shown_state(state: &StateView<'_>) -> String {
    let more = match state {
        StateView::Edited { paths, .. } => format!(": {}", some_paths(paths, Detail::Short)),
        StateView::NotRunning { state } => format!(" ({})", value(state)),
        StateView::ForeignUnit { path, owner } => format!(": {} {}", value(path), whose(owner)),
        StateView::FilesDiffer => ", no restart needed".to_owned(),
        StateView::Unmanaged => ": not in the description".to_owned(),
        StateView::InSync
        | StateView::FilesInSync
        | StateView::PendingRestart { .. }
        | StateView::CrashLoop
        | StateView::NotReleased => String::new(),
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
    fn of(state: &StateView<'_>) -> Self {
        match state {
            StateView::InSync | StateView::FilesInSync => Self::InSync,
            StateView::PendingRestart { .. } => Self::PendingRestart,
            StateView::FilesDiffer => Self::FilesDiffer,
            StateView::Edited { .. } => Self::Edited,
            StateView::CrashLoop => Self::CrashLoop,
            StateView::NotRunning { .. } => Self::NotRunning,
            StateView::NotReleased => Self::NotReleased,
            StateView::Unmanaged => Self::Unmanaged,
            StateView::ForeignUnit { .. } => Self::ForeignUnit,
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

fn last_lines(view: &StatusView<'_>, palette: &Palette) -> Vec<String> {
    let mut words: BTreeMap<Word, usize> = BTreeMap::new();
    let mut total = 0;
    for (_, service) in services(view) {
        *words.entry(Word::of(&service.state)).or_default() += 1;
        total += 1;
    }
    let hosts = count(view.hosts.len(), "host", "hosts");
    let units = count(total, "unit", "units");
    let unseen = match view.unseen.as_slice() {
        [] => String::new(),
        hosts => format!("; {} not seen", super::hosts::list(hosts)),
    };
    let all_seen = unseen.is_empty();
    let unseen = unseen + &left::counted(&view.left);
    let name = view.cluster;
    if view.hosts.is_empty() && !unseen.is_empty() {
        return vec![format!("Nothing is known of {name}{unseen}")];
    }
    if view.hosts.iter().all(HostStatusView::is_in_sync) {
        return vec![match unseen.as_str() {
            "" => format!("{name} is in sync ({hosts}, {units})."),
            unseen => format!("{hosts}, {units}: all in sync{unseen}"),
        }];
    }
    let parts = words
        .iter()
        .map(|(word, number)| format!("{number} {}", word.text()));
    let mut parts: Vec<String> = parts.collect();
    let unfinished = view.hosts.iter().filter(|host| host.unfinished).count();
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
    if let Some((host, unit)) = not_running(view) {
        lines.push(next(&format!(
            "`journalctl -u {unit}` on {host} tells why it does not stay up"
        )));
    }
    let waiting: BTreeSet<&str> = services(view)
        .filter(|(_, service)| service.waits)
        .map(|(_, service)| service.service)
        .collect();
    if view.refused {
        lines.push(next(&format!(
            "`bayplan diff {name}` tells what stands in the way of a release"
        )));
    } else if view.hosts.iter().any(needs_a_release) && all_seen {
        lines.push(next(&format!("`bayplan release {name}` brings it in sync")));
    }
    if !waiting.is_empty() {
        let services: Vec<&str> = waiting.into_iter().collect();
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

/// Every service with its host.
fn services<'a>(
    view: &'a StatusView<'_>,
) -> impl Iterator<Item = (&'a str, &'a ServiceStatusView<'a>)> {
    let hosts = view.hosts.iter();
    hosts.flat_map(|host| host.services.iter().map(|service| (host.host, service)))
}

/// The first service that does not stay up: its host and its unit.
fn not_running<'a>(view: &'a StatusView<'_>) -> Option<(&'a str, &'a str)> {
    let down = |state| matches!(Word::of(state), Word::NotRunning | Word::CrashLoop);
    let (host, service) = services(view).find(|(_, service)| down(&service.state))?;
    let unit = &service.unit;
    Some((host, unit.strip_suffix(".service").unwrap_or(unit)))
}

fn needs_a_release(host: &HostStatusView<'_>) -> bool {
    let mut services = host.services.iter();
    host.unfinished
        || (host.acts && host.services.iter().all(ServiceStatusView::is_in_sync))
        || services.any(|service| {
            // What crashes as it is described does so after a release, too.
            !matches!(Word::of(&service.state), Word::InSync | Word::CrashLoop) && !service.waits
        })
}

/// The widths of the columns, the same for every host.
#[derive(Debug, Clone, Copy)]
struct StatusColumns {
    service: usize,
    version: usize,
    since: usize,
}

impl StatusColumns {
    fn of(view: &StatusView<'_>, now: Timestamp) -> Self {
        let mut columns = Self {
            service: 0,
            version: 0,
            since: 0,
        };
        for (_, service) in services(view) {
            let version = shown_version(service.version);
            columns.service = columns.service.max(width(service.service));
            columns.version = columns.version.max(width(&version));
            columns.since = columns.since.max(width(&shown_since(service.since, now)));
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;
    use proptest::prelude::{any, proptest};

    use super::super::samples;
    use super::*;
    use crate::cluster::name::HostName;
    use crate::host::activate::activity::Activity;
    use crate::plan::status::ClusterStatus;

    fn shown(
        status: &ClusterStatus,
        activities: &BTreeMap<HostName, Activity>,
        palette: &Palette,
    ) -> String {
        let (cluster, failures) = (samples::cluster(), BTreeMap::new());
        let view = StatusView::of(&cluster, status, activities, &failures);
        text(&view, now(), palette)
    }

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_state_has_its_words() {
        let status = samples::every_state("failed");
        assert_snapshot!(shown(
            &status,
            &samples::activities("restarting web"),
            &Palette::PLAIN
        ));
    }

    #[test]
    fn a_cluster_in_sync_needs_one_line_at_the_end() {
        let status = samples::in_sync();
        assert_snapshot!(shown(&status, &BTreeMap::new(), &Palette::PLAIN));
    }

    #[test]
    fn hosts_that_were_not_seen_are_named() {
        let mut status = samples::in_sync();
        status.hosts.pop_last();
        let text = shown(&status, &BTreeMap::new(), &Palette::PLAIN);
        let last = text.lines().last().unwrap();
        assert_eq!(last, "2 hosts, 2 units: all in sync; docker03 not seen");
        status.hosts.clear();
        assert_eq!(
            shown(&status, &BTreeMap::new(), &Palette::PLAIN),
            "Nothing is known of production; docker01, docker02 and docker03 not seen\n"
        );
    }

    #[test]
    fn time_is_told_in_its_largest_unit() {
        let before = |seconds: i64| ago(now() - SignedDuration::from_secs(seconds), now());
        assert_eq!(before(-30), "just now");
        assert_eq!(before(0), "just now");
        assert_eq!(before(1), "1 second ago");
        assert_eq!(before(119), "1 minute ago");
        assert_eq!(before(7200), "2 hours ago");
        assert_eq!(before(3 * 86_400), "3 days ago");
        assert_eq!(before(-120), "2026-11-21T12:02:00Z");
        assert_eq!(ago(Timestamp::MIN, now()), "4392364 days ago");
        assert_eq!(ago(Timestamp::MAX, now()), Timestamp::MAX.to_string());
    }

    proptest! {
        #[test]
        fn no_value_can_steer_a_terminal(odd in any::<String>()) {
            let status = samples::every_state(&odd);
            samples::assert_tame(&shown(&status, &samples::activities(&odd), &Palette::PLAIN));
            let coloured = shown(&status, &samples::activities(&odd), &Palette::COLOURED);
            samples::assert_tame(&anstream::adapter::strip_str(&coloured).to_string());
        }
    }
}
