//! Where the inputs of a service come from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::history::short_commit;
use super::palette::{Palette, paint};
use super::reason::kept;
use super::status::how_it_ended;
use super::text::{count, escape, indent, list, short_value, width, wrap};
use super::view::CrashesView;
use crate::cluster::model::{
    ConfigFile, Content, Contents, FileMode, FileOwner, Layer, RestartPolicy, Service,
    VariableValue,
};
use crate::cluster::name::{HostName, ServiceName};
use crate::cluster::{BUILT_IN, Definition, FieldOrigin, Line, Provenance};
use crate::host::past::history::{HistoryEntry, HostHistory};
use crate::plan::observed::{Observed, ObservedProcess, ObservedService, Steady};
use crate::render::desired::DesiredService;

/// Everything of one service. `desired` is what its first host gets, if it is placed.
#[must_use]
pub fn text(
    service: &Service,
    desired: Option<&DesiredService>,
    found: &Provenance,
    palette: &Palette,
) -> String {
    let mut lines = Vec::new();
    let mut row = |name: &str, what: &str, at: Option<&Line>| {
        let at = at.map_or_else(String::new, line);
        let mut told = indent(what, 10, palette.width());
        told[0] = paint(palette.strong, &format!("{name:<9}")) + &told[0][9..];
        // Where it stands goes below if it does not fit behind.
        let last = told.last().map_or(0, |last| width(last));
        match last + 2 + width(&at) <= palette.width() || told.len() == 1 {
            _ if at.is_empty() => {}
            true => {
                let at = format!("  {}", paint(palette.dim, &at));
                told.last_mut().expect("a text has a line").push_str(&at);
            }
            false => told.push(format!("{:10}{}", "", paint(palette.dim, &at))),
        }
        lines.extend(told);
    };
    row("service", service.name.as_str(), Some(&found.file));
    let hosts = match service.hosts.as_slice() {
        [] => "placed nowhere".to_owned(),
        hosts => super::hosts::hosts(hosts),
    };
    row("hosts", &hosts, found.place.as_ref());
    if let Some((services, at)) = &found.from {
        let chain: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
        row("from", &chain.join(", from "), Some(at));
    }
    row(
        "image",
        &escape(&service.image.reference),
        Some(&found.image),
    );
    let template = match service.template.origin.as_str() {
        BUILT_IN => "built into bayplan".to_owned(),
        path => escape(path),
    };
    row("template", &template, None);
    let ports = desired.map(|desired| list(&desired.handling.ports));
    if let Some(ports) = ports.filter(|ports| !ports.is_empty()) {
        row("ports", &ports, found.ports.as_ref());
    }
    if !service.after.is_empty() {
        row("after", &list(&service.after), found.after.as_ref());
    }
    if let Some(desired) = desired {
        row("inputs", desired.fingerprint.as_str(), None);
        if let Some(older) = &desired.older {
            let where_released = "where it has not changed since an earlier bayplan";
            row("", &format!("{} {where_released}", older.fingerprint), None);
        }
    }
    lines.extend(fields(found, palette));
    let mut layer = None;
    let mut variables: Vec<_> = service.variables.iter().collect();
    variables.sort_by_key(|(name, variable)| (variable.layer, *name));
    for (name, variable) in variables {
        if layer != Some(variable.layer) {
            layer = Some(variable.layer);
            lines.push(String::new());
            let label = variable.layer.label(&service.name);
            lines.push(paint(palette.strong, &format!("{label}.env")));
        }
        let told = |text: &str| {
            let text = indent(text, 6, palette.width()).into_iter();
            text.map(|line| paint(palette.dim, &line))
                .collect::<Vec<_>>()
        };
        lines.push(match &variable.value {
            VariableValue::Plain(value) => {
                let room = palette.width().saturating_sub(name.as_str().len() + 3);
                format!("  {name}={}", short_value(value, room.max(20)))
            }
            VariableValue::Secret(secret) => {
                let from = secret.names();
                let itself = from.len() == 1 && from.contains(name);
                let from = if itself {
                    String::new()
                } else {
                    format!(", made of {}", list(from))
                };
                format!("  {name} is secret{from}")
            }
        });
        let definitions = found.variables.get(name.as_str());
        let definitions = definitions.map_or(&[][..], Vec::as_slice);
        let winner = match variable.value {
            VariableValue::Plain(_) => definitions.iter().rev().find(|d| d.layer == variable.layer),
            // What is made of a secret moved from the layer that defines it.
            VariableValue::Secret(_) => definitions.last(),
        };
        if let Some(winner) = winner {
            let what = origin(name.as_str(), winner, found);
            lines.extend(told(&what));
        } else if let Some(at) = found.secrets.get(name.as_str()) {
            lines.extend(told(&line(at)));
        }
        for other in definitions.iter().filter(|d| Some(*d) != winner) {
            let what = format!(
                "wins over {} at {}",
                other.layer.label(&service.name),
                line(&other.at)
            );
            lines.extend(told(&what));
        }
    }
    if !service.secret_files.is_empty() {
        lines.push(String::new());
        lines.push(paint(palette.strong, "secret files"));
    }
    for (path, file) in &service.secret_files {
        lines.push(format!("  {} is {}", escape(path), file.name));
        if let Some(at) = found.secrets.get(file.name.as_str()) {
            lines.push(format!("      {}", paint(palette.dim, &line(at))));
        }
    }
    if !service.files.files.is_empty() {
        lines.push(String::new());
        lines.push(paint(palette.strong, "files"));
    }
    for (path, file) in &service.files.files {
        lines.push(format!("  {}", escape(path)));
        let told = indent(&of_file(file), 6, palette.width()).into_iter();
        lines.extend(told.map(|line| paint(palette.dim, &line)));
    }
    lines.push(String::new());
    for sentence in consequences(service) {
        lines.extend(wrap(&sentence, palette.width()));
    }
    lines.join("\n") + "\n"
}

/// Where a file comes from, and what is special about it.
fn of_file(file: &ConfigFile) -> String {
    let ConfigFile {
        source,
        contents,
        owner,
        mode,
    } = file;
    let mut told = vec![escape(source)];
    if matches!(contents, Contents::ByHost(_)) {
        told.push("differs by host".to_owned());
    }
    let mut secrets = BTreeSet::new();
    for content in contents.each() {
        if let Content::Secret(secret) = content {
            secrets.extend(secret.names());
        }
    }
    if !secrets.is_empty() {
        told.push(format!("secret, made of {}", list(secrets)));
    }
    if *owner != FileOwner::default() {
        told.push(format!("owner {}:{}", owner.user, owner.group));
    }
    if *mode != FileMode::default() {
        told.push(format!("mode {mode}"));
    }
    told.join(", ")
}

/// The fields that another text than the service's file has, too, and which one decides.
fn fields(found: &Provenance, palette: &Palette) -> Vec<String> {
    let mut lines = Vec::new();
    if !found.fields.is_empty() {
        lines.push(String::new());
        lines.push(paint(palette.strong, "fields of other files"));
    }
    for FieldOrigin { key, written } in &found.fields {
        let united = written.iter().filter(|text| text.counts).count() > 1;
        let key = escape(key);
        match written.first() {
            Some(first) if !united => {
                let room = palette.width().saturating_sub(key.len() + 5);
                lines.push(format!(
                    "  {key} = {}",
                    short_value(&first.raw, room.max(20))
                ));
            }
            Some(_) | None => lines.push(format!("  {key}")),
        }
        for (number, text) in written.iter().enumerate() {
            let at = line(&text.at);
            let what = match (number, text.counts) {
                (0, _) => at,
                (_, true) => format!("and {at}"),
                (_, false) => format!("wins over {at}"),
            };
            let told = indent(&what, 6, palette.width()).into_iter();
            lines.extend(told.map(|line| paint(palette.dim, &line)));
        }
    }
    lines
}

/// When a release last restarted it on each host and for which reasons, and since when it runs.
#[must_use]
pub fn live(
    service: &ServiceName,
    observed: &Observed,
    histories: &BTreeMap<HostName, HostHistory>,
    palette: &Palette,
) -> String {
    let mut lines = vec![String::new()];
    for (host, seen) in &observed.hosts {
        let Some(history) = histories.get(host) else {
            continue;
        };
        let last = history.restarted(service);
        lines.push(match last {
            Some(entry) => format!("{}  {}", paint(palette.strong, host.as_str()), by(entry)),
            None => format!(
                "{}  no release on record restarted it",
                paint(palette.strong, host.as_str())
            ),
        });
        for reason in last.into_iter().flat_map(|entry| entry.reasons_of(service)) {
            lines.extend(indent(&kept(reason), 2, palette.width()));
        }
        if seen.supervisor.runs_containers() {
            let now = seen.services.get(service).map(|at| runs(at, last));
            let now = now.unwrap_or_else(|| "not running".to_owned());
            lines.extend(indent(&now, 2, palette.width()));
        }
    }
    lines.join("\n") + "\n"
}

/// Which release restarted it.
fn by(entry: &HistoryEntry) -> String {
    let what = match (entry.back_to, entry.result.as_str()) {
        (Some(number), _) => format!("restarted by a rollback to {number}"),
        (None, "done" | "not finished") => "restarted".to_owned(),
        (None, "put back") => "restarted by a release that failed and was put back".to_owned(),
        (None, _) => "restarted by a release that failed".to_owned(),
    };
    let commit = entry.commit.as_deref();
    let commit = commit.map_or_else(|| "no commit".to_owned(), short_commit);
    format!(
        "{what} {} by {}, {commit}, generation {}",
        escape(&entry.when),
        escape(&entry.who),
        entry.generation
    )
}

/// What runs of it now. A start after that release is systemd's.
fn runs(at: &ObservedService, last: Option<&HistoryEntry>) -> String {
    let how = at.crashes.as_ref().map(CrashesView::of);
    let how = how.and_then(|crashes| how_it_ended(&crashes));
    let after = |how: Option<String>| how.map_or_else(String::new, |how| format!(" with {how}"));
    let since = match &at.process {
        ObservedProcess::Stopped => return "not running".to_owned(),
        ObservedProcess::Unwell { state } => {
            let ended = how.map_or_else(String::new, |how| format!(": it ended with {how}"));
            return format!("not running ({}){ended}", escape(state));
        }
        ObservedProcess::Active { since } => i64::try_from(since.0 / 1_000_000_000).ok(),
    };
    let Some(since) = since.and_then(|since| Timestamp::from_second(since).ok()) else {
        return "running".to_owned();
    };
    let released = last.and_then(|entry| entry.finished.parse::<Timestamp>().ok());
    if released.is_some_and(|released| since > released) {
        return match at.restarts {
            Some(times @ 1..) => {
                let times = usize::try_from(times).unwrap_or(usize::MAX);
                let times = count(times, "time", "times");
                let how = after(how);
                let unsteady = at.crashes.as_ref().is_some_and(|c| c.steady == Steady::No);
                let looping = if unsteady { ", a crash loop" } else { "" };
                format!(
                    "running since {since}: it had ended{how}, and systemd restarted it \
                     {times}{looping}"
                )
            }
            Some(0) | None => format!(
                "running since {since}: no release started it then, but a boot of the host or \
                 somebody by hand"
            ),
        };
    }
    format!("running since {since}")
}

/// Where a definition stands, and what it uses.
fn origin(name: &str, definition: &Definition, found: &Provenance) -> String {
    let at = line(&definition.at);
    if definition.layer == Layer::ServiceLocations {
        return match name.ends_with("_PORT") {
            true => format!("{at}, the port of what it needs"),
            false => format!("{at}, where what it needs is placed"),
        };
    }
    let uses = definition.uses.iter().map(|used| {
        let winner = found.variables.get(used).and_then(|all| all.last());
        match winner.or_else(|| found.used.get(used)) {
            Some(definition) => format!("{} ({})", escape(used), line(&definition.at)),
            None => match found.secrets.get(used) {
                Some(at) => format!("{} ({})", escape(used), line(at)),
                None => escape(used),
            },
        }
    });
    let uses: Vec<String> = uses.collect();
    match uses.as_slice() {
        [] => at,
        uses => format!("{at}, made of {}", list(uses)),
    }
}

fn line(at: &Line) -> String {
    let path = escape(&at.path);
    match at.line {
        Some(line) => format!("{path}:{line}"),
        None => path,
    }
}

/// What restarts it, and what does not.
fn consequences(service: &Service) -> Vec<String> {
    let restart = match service.restart {
        RestartPolicy::Auto => "restarts",
        RestartPolicy::Manual => "asks for a restart (`restart = \"manual\"`: it waits for one)",
    };
    let needs = match service.needs.as_slice() {
        [] => String::new(),
        needs => format!(", the place, address or port of {}", list(needs)),
    };
    vec![
        format!(
            "A change of these {restart} it: its image or tag, the value of a variable above{needs}, \
             and whatever changes the arguments of `{}` in its unit (port, volumes, limits, \
             command, template and so on).",
            "run"
        ),
        "These never do: comments and the order of lines, variables that it does not name, [health], `after`, \
         `restart`, `stateful`, and lines of the template that a reload makes effective \
         (Restart=, Timeout…=, [Unit], [Install])."
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::{any, proptest};

    use super::super::samples;
    use super::*;
    use crate::plan::observed::{Moment, ObservedHost};

    /// Since when `listing` runs on docker01, and how often systemd restarted it.
    fn shown(odd: &str, process: ObservedProcess, restarts: u64) -> String {
        let service = samples::service("listing");
        let mut histories = samples::histories(odd);
        for entry in histories.values_mut().flat_map(|h| &mut h.entries) {
            entry.finished = "2026-11-22T09:31:00Z".to_owned();
            entry.deeds.restarted = match entry.generation {
                2 => vec!["listing".to_owned()],
                _ => Vec::new(),
            };
            entry.reasons.truncate(2);
        }
        let at = ObservedService {
            process,
            restarts: Some(restarts),
            ..ObservedService::default()
        };
        let host = ObservedHost {
            services: BTreeMap::from([(service.clone(), at)]),
            ..ObservedHost::default()
        };
        let observed = Observed {
            hosts: BTreeMap::from([
                (samples::host("docker01"), host),
                (samples::host("docker02"), ObservedHost::default()),
            ]),
        };
        live(&service, &observed, &histories, &Palette::PLAIN)
    }

    fn since(text: &str) -> ObservedProcess {
        let moment: Timestamp = text.parse().unwrap();
        ObservedProcess::Active {
            since: Moment(moment.as_nanosecond()),
        }
    }

    #[test]
    fn a_restart_is_told_with_its_release_and_reasons() {
        let text = shown("ada@laptop", since("2026-11-22T09:30:50Z"), 0);
        assert_snapshot!(text, @"
        docker01  restarted 2026-11-22T09:30:00Z by ada@laptop, no commit, generation 2
          ExecStart= changed
          ExecStop= changed
          running since 2026-11-22T09:30:50Z
        docker02  no release on record restarted it
          not running
        ");
    }

    #[test]
    fn a_start_that_no_release_made_is_told_as_such() {
        let later = || since("2026-11-25T00:00:00Z");
        let last = |text: String| text.lines().nth(4).unwrap_or_default().to_owned();
        assert_snapshot!(last(shown("ada", later(), 0)), @"  running since 2026-11-25T00:00:00Z: no release started it then, but a boot of");
        assert_snapshot!(last(shown("ada", later(), 3)), @"  running since 2026-11-25T00:00:00Z: it had ended, and systemd restarted it 3");
        let state = "failed".to_owned();
        assert_snapshot!(last(shown("ada", ObservedProcess::Unwell { state }, 3)), @"  not running (failed)");
    }

    proptest! {
        #[test]
        fn no_host_can_steer_a_terminal(odd in any::<String>()) {
            let state = odd.clone();
            samples::assert_tame(&shown(&odd, ObservedProcess::Unwell { state }, 3));
        }
    }
}
