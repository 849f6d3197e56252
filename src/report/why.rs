//! Where the inputs of a service come from.

use super::history::short_commit;
use super::palette::{Palette, paint};
use super::reason::kept;
use super::status::how_it_ended;
use super::text::{count, ended, escape, indent, list, short_value, width, wrap};
use super::view::{
    ConfigFileView, LastRestartView, LineView, LiveView, SecretFileView, SharedFieldView,
    VariableView, WhyView,
};
use crate::cluster::BUILT_IN;
use crate::cluster::model::Layer;

/// Everything that the description says of one service.
#[must_use]
pub fn text(view: &WhyView<'_>, palette: &Palette) -> String {
    let mut lines = heading(view, palette);
    lines.extend(fields(&view.fields, palette));
    let mut layer = "";
    for variable in &view.variables {
        if layer != variable.layer {
            layer = &variable.layer;
            lines.push(String::new());
            lines.push(paint(palette.strong, &format!("{layer}.env")));
        }
        lines.extend(self::variable(variable, palette));
    }
    if !view.secret_files.is_empty() {
        lines.push(String::new());
        lines.push(paint(palette.strong, "secret files"));
    }
    for SecretFileView { path, secret, at } in &view.secret_files {
        lines.push(format!("  {} is {secret}", escape(path)));
        if let Some(at) = at {
            lines.push(format!("      {}", paint(palette.dim, &line(at))));
        }
    }
    if !view.files.is_empty() {
        lines.push(String::new());
        lines.push(paint(palette.strong, "files"));
    }
    for file in &view.files {
        lines.push(format!("  {}", escape(&file.path)));
        let told = indent(&of_file(file), 6, palette.width()).into_iter();
        lines.extend(told.map(|line| paint(palette.dim, &line)));
    }
    lines.push(String::new());
    for sentence in consequences(view) {
        lines.extend(wrap(&sentence, palette.width()));
    }
    ended(&lines)
}

/// Where a file comes from, and what is special about it.
fn of_file(file: &ConfigFileView<'_>) -> String {
    let mut told = vec![escape(file.source)];
    if let Some(reload) = file.reload {
        told.push(format!(
            "read again by {}, without a restart",
            escape(&reload.to_string())
        ));
    }
    if file.by_host {
        told.push("differs by host".to_owned());
    }
    if !file.secrets.is_empty() {
        told.push(format!("secret, made of {}", list(&file.secrets)));
    }
    if file.owned {
        told.push(format!("owner {}", file.owner));
    }
    if file.permitted {
        told.push(format!("mode {}", file.mode));
    }
    told.join(", ")
}

/// What is told in a row each.
fn heading(view: &WhyView<'_>, palette: &Palette) -> Vec<String> {
    let mut lines = Vec::new();
    let mut row = |name: &str, what: &str, at: Option<&LineView<'_>>| {
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
    row("service", view.service, Some(&view.file));
    let hosts = match view.hosts {
        [] => "placed nowhere".to_owned(),
        hosts => super::hosts::hosts(hosts),
    };
    row("hosts", &hosts, view.place.as_ref());
    if let Some(from) = &view.from {
        let services: Vec<&str> = from.services.iter().map(AsRef::as_ref).collect();
        row("from", &services.join(", from "), Some(&from.at));
    }
    row("image", &escape(view.image), Some(&view.image_at));
    let template = match view.template {
        BUILT_IN => "built into bayplan".to_owned(),
        path => escape(path),
    };
    row("template", &template, None);
    if !view.ports.is_empty() {
        row("ports", &list(&view.ports), view.ports_at.as_ref());
    }
    if !view.after.is_empty() {
        row("after", &list(view.after), view.after_at.as_ref());
    }
    if let Some(inputs) = view.inputs {
        row("inputs", inputs, None);
    }
    if let Some(older) = view.older_inputs {
        let where_released = "where it has not changed since an earlier bayplan";
        row("", &format!("{older} {where_released}"), None);
    }
    lines
}

/// A variable with its value, where it comes from, and what it wins over.
fn variable(variable: &VariableView<'_>, palette: &Palette) -> Vec<String> {
    let name = variable.name;
    let mut lines = vec![match (variable.value, variable.secrets.as_slice()) {
        (Some(value), _) => {
            let room = palette.width().saturating_sub(name.len() + 3);
            format!("  {name}={}", short_value(value, room.max(20)))
        }
        (None, [one]) if one.as_str() == name => format!("  {name} is secret"),
        (None, from) => format!("  {name} is secret, made of {}", list(from)),
    }];
    let mut told = Vec::new();
    if !variable.hosts.is_empty() {
        let hosts: Vec<&str> = variable.hosts.iter().map(|host| host.as_str()).collect();
        told.push(format!("on {}", list(&hosts)));
    }
    told.extend(variable.at.as_ref().map(|at| origin(variable, at)));
    let others = variable.wins_over.iter();
    told.extend(others.map(|other| format!("wins over {} at {}", other.layer, line(&other.at))));
    for text in told {
        let text = indent(&text, 6, palette.width()).into_iter();
        lines.extend(text.map(|line| paint(palette.dim, &line)));
    }
    lines
}

/// The fields that another text than the service's file has, too, and which one decides.
fn fields(fields: &[SharedFieldView<'_>], palette: &Palette) -> Vec<String> {
    let mut lines = Vec::new();
    if !fields.is_empty() {
        lines.push(String::new());
        lines.push(paint(palette.strong, "fields of other files"));
    }
    for SharedFieldView { key, written } in fields {
        let united = written.iter().filter(|text| text.counts).count() > 1;
        let key = escape(key);
        match written.first() {
            Some(first) if !united => {
                let room = palette.width().saturating_sub(key.len() + 5);
                let value = short_value(first.value, room.max(20));
                lines.push(format!("  {key} = {value}"));
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
pub fn live(hosts: &[LiveView<'_>], palette: &Palette) -> String {
    let mut lines = vec![String::new()];
    for view in hosts {
        let host = paint(palette.strong, view.host);
        lines.push(match &view.last_restart {
            Some(last) => format!("{host}  {}", by(last)),
            None => format!("{host}  no release on record restarted it"),
        });
        let reasons = view.last_restart.iter().flat_map(|last| &last.reasons);
        for reason in reasons {
            lines.extend(indent(&kept(reason), 2, palette.width()));
        }
        if let Some(runs) = view.runs {
            lines.extend(indent(&self::runs(runs, view), 2, palette.width()));
        }
    }
    ended(&lines)
}

/// Which release restarted it.
fn by(last: &LastRestartView<'_>) -> String {
    let what = match (last.back_to, last.result) {
        (Some(number), _) => format!("restarted by a rollback to {number}"),
        (None, "done" | "not finished") => "restarted".to_owned(),
        (None, "put back") => "restarted by a release that failed and was put back".to_owned(),
        (None, _) => "restarted by a release that failed".to_owned(),
    };
    let commit = last
        .commit
        .map_or_else(|| "no commit".to_owned(), short_commit);
    format!(
        "{what} {} by {}, {commit}, generation {}",
        escape(last.when),
        escape(last.who),
        last.generation
    )
}

/// What runs of it now. A start after that release is systemd's.
fn runs(runs: bool, view: &LiveView<'_>) -> String {
    let how = view.crashes.as_ref().and_then(how_it_ended);
    if let Some(state) = &view.state {
        let ended = how.map_or_else(String::new, |how| format!(": it ended with {how}"));
        return format!("not running ({}){ended}", escape(state));
    }
    let Some(since) = view.since else {
        return match runs {
            true => "running".to_owned(),
            false => "not running".to_owned(),
        };
    };
    let watch = view.watch.as_ref().filter(|watch| watch.restarts > 0);
    if let Some(watch) = watch.filter(|_| view.started_later) {
        let times = usize::try_from(watch.restarts).unwrap_or(usize::MAX);
        let times = match times {
            1 => String::new(),
            times => format!(" {}", count(times, "time", "times")),
        };
        return format!(
            "running since {since}: it was unhealthy, and its watch restarted it{times}"
        );
    }
    match view.restarts {
        _ if !view.started_later => format!("running since {since}"),
        Some(times @ 1..) => {
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            let times = count(times, "time", "times");
            let how = how.map_or_else(String::new, |how| format!(" with {how}"));
            let looping = if view.crash_loop {
                ", a crash loop"
            } else {
                ""
            };
            format!(
                "running since {since}: it had ended{how}, and systemd restarted it {times}{looping}"
            )
        }
        Some(0) | None => format!(
            "running since {since}: no release started it then, but a boot of the host or somebody \
             by hand"
        ),
    }
}

/// Where a variable is defined, and what it uses.
fn origin(variable: &VariableView<'_>, at: &LineView<'_>) -> String {
    let at = line(at);
    if variable.of == Layer::ServiceLocations {
        return match variable.name.ends_with("_PORT") {
            true => format!("{at}, the port of what it needs"),
            false => format!("{at}, where what it needs is placed"),
        };
    }
    let uses = variable.uses.iter().map(|used| match &used.at {
        Some(at) => format!("{} ({})", escape(used.name), line(at)),
        None => escape(used.name),
    });
    let uses: Vec<String> = uses.collect();
    match uses.as_slice() {
        [] => at,
        uses => format!("{at}, made of {}", list(uses)),
    }
}

fn line(at: &LineView<'_>) -> String {
    let path = escape(at.path);
    match at.line {
        Some(line) => format!("{path}:{line}"),
        None => path,
    }
}

/// What restarts it, and what does not.
fn consequences(view: &WhyView<'_>) -> Vec<String> {
    let restart = match view.waits {
        false => "restarts",
        true => "asks for a restart (`restart = \"manual\"`: it waits for one)",
    };
    let needs = match view.needs {
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
    use std::collections::BTreeMap;

    use insta::assert_snapshot;
    use jiff::Timestamp;
    use proptest::prelude::{any, proptest};

    use super::super::samples;
    use super::*;
    use crate::plan::observed::{
        Moment, Observed, ObservedHost, ObservedProcess, ObservedService, Watched,
    };

    /// Since when `listing` runs on docker01, and how often systemd restarted it.
    fn shown(odd: &str, process: ObservedProcess, restarts: u64) -> String {
        let at = ObservedService {
            process,
            restarts: Some(restarts),
            ..ObservedService::default()
        };
        shown_of(odd, at)
    }

    fn shown_of(odd: &str, at: ObservedService) -> String {
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
        live(
            &LiveView::all(&service, &observed, &histories),
            &Palette::PLAIN,
        )
    }

    #[test]
    fn a_restart_by_a_watch_is_told_as_such() {
        let at = ObservedService {
            process: since("2026-11-25T00:00:00Z"),
            watched: Some(Watched {
                restarts: 2,
                ..Watched::default()
            }),
            ..ObservedService::default()
        };
        let text = shown_of("ada", at);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = "it was unhealthy, and its watch restarted it 2 times";
        assert!(text.contains(said), "{text}");
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
          asked for (ada@laptop)
          ExecStart= changed
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
