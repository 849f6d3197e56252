//! A plan as text: every host in the order of its execution, what changes there and why.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::palette::{Palette, paint};
use super::plan_end::last_line;
use super::reason::{Space, note, reason};
use super::text::{commas, count, ended, escape, list, pad, seconds, some, width, wrap};
use super::view::{
    ActivityView, DropInView, FileView, Half, HostView, LeftOutView, NoteView, PauseView, PlanView,
    RolloutView, ServiceView, WaveView,
};
use super::{Detail, diff, hold, hosts, left, moves, network, refusal, service, status};
use crate::cluster::model::{OnFailure, SOAK};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::activity::Activity;
use crate::plan::{Action, Change, Phase};

/// Service names longer than this push their line to the right.
const NAME: usize = 20;

/// More services of which only the unit changes are told in one row.
const ALIKE: usize = 3;

/// How many services the line of what is briefly down names.
const DOWN: usize = 8;

/// How many waves the line of the order names.
const WAVES: usize = 8;

/// A plan in words, ending with a line that sums it up. `only` are the services that were asked
/// for; none are all. Hosts that were not seen are named, and nothing is claimed of them.
#[must_use]
pub fn text(
    view: &PlanView<'_>,
    only: &[ServiceName],
    detail: Detail,
    palette: &Palette,
) -> String {
    let mut lines = body(view, detail, palette);
    lines.push(last_line(view, only));
    ended(&lines)
}

/// The activations that are at work on hosts, a line each; they are why a plan may be another one soon.
#[must_use]
pub fn at_work(
    activities: &BTreeMap<HostName, Activity>,
    now: jiff::Timestamp,
    palette: &Palette,
) -> String {
    let lines = activities.iter().filter_map(|(host, activity)| {
        let line = status::activity(&ActivityView::of(activity), now)?;
        let host = paint(palette.strong, host.as_str());
        Some(format!("{} {host}: {line}\n", paint(palette.changed, "!")))
    });
    lines.collect()
}

/// The lines of a plan without the last one.
pub(super) fn body(view: &PlanView<'_>, detail: Detail, palette: &Palette) -> Vec<String> {
    let report = Report {
        view,
        detail,
        palette,
    };
    report.lines()
}

/// In which order hosts are activated, if there is more than one wave.
pub(super) fn order(view: &PlanView<'_>) -> Option<String> {
    let palette = &Palette::PLAIN;
    let detail = Detail::Short;
    let report = Report {
        view,
        detail,
        palette,
    };
    let order = report.order()?;
    Some(order.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What changes for several services in the same way, a line each.
pub(super) fn shared(view: &PlanView<'_>) -> impl Iterator<Item = String> {
    view.shared.iter().map(|change| {
        let lines = reason(change, Space::WIDE);
        let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    })
}

/// The services that are nowhere up while they restart, if there are any.
pub(super) fn briefly_down(view: &PlanView<'_>) -> Option<String> {
    let down = &view.briefly_down;
    if down.is_empty() || !view.refusals.is_empty() {
        return None;
    }
    let names = some(down, DOWN);
    Some(format!("briefly down, on one host alone: {names}"))
}

struct Report<'a> {
    view: &'a PlanView<'a>,
    detail: Detail,
    palette: &'a Palette,
}

/// What a row begins with.
struct RowStart {
    sign: &'static str,
    style: anstyle::Style,
    word: &'static str,
}

/// Hosts on which the same happens: their names, and the first of them.
struct Group<'a> {
    names: Vec<&'a str>,
    host: &'a HostView<'a>,
}

impl<'a> Report<'a> {
    fn lines(&self) -> Vec<String> {
        let view = self.view;
        let mut lines = Vec::new();
        for left in &view.left {
            lines.extend(left::warning(view.cluster, left, self.palette));
        }
        for left in &view.dismissed {
            lines.extend(left::dismissed(left, self.palette));
        }
        let columns = PlanColumns::of(view);
        lines.extend(self.shared());
        lines.extend(self.moves(columns));
        lines.extend(self.hosts(columns));
        for left_out in &view.left_out {
            lines.extend(self.left_out(left_out, columns));
        }
        if !lines.is_empty() && !view.refusals.is_empty() {
            lines.push(String::new());
        }
        for refused in &view.refusals {
            lines.extend(refusal::lines(view.cluster, refused, self.palette));
        }
        let down = briefly_down(view);
        lines.extend(down.map(|down| wrap(&down, self.palette.width()).join("\n")));
        lines.extend(self.order());
        lines.extend(self.rollout());
        lines
    }

    /// What changes for several services in the same way.
    fn shared(&self) -> Vec<String> {
        if self.view.shared.is_empty() {
            return Vec::new();
        }
        let space = Space {
            detail: self.detail,
            room: self.palette.width().saturating_sub(2),
        };
        let mut lines = vec![paint(self.palette.strong, "for several services")];
        for change in &self.view.shared {
            let change = reason(change, space);
            lines.extend(change.iter().map(|line| format!("  {line}")));
        }
        lines
    }

    /// Services that move, each told once.
    fn moves(&self, columns: PlanColumns) -> Vec<String> {
        let mut lines = Vec::new();
        let mut title = String::new();
        for it in &self.view.moves {
            let hosts = format!("{} → {}", commas(&it.from), commas(&it.to));
            if hosts != title {
                lines.push(paint(self.palette.strong, &hosts));
                title = hosts;
            }
            let start = RowStart {
                sign: "→",
                style: self.palette.changed,
                word: "move",
            };
            let why = |space| moves::explain_move(self.view.cluster, it, space);
            lines.extend(self.row(&start, &it.gain, columns, why));
        }
        lines
    }

    /// What a host that is left out is about.
    fn left_out(&self, left_out: &LeftOutView<'_>, columns: PlanColumns) -> Vec<String> {
        let host = left_out.host;
        let name = paint(self.palette.strong, host);
        let about = wrap(
            &left::left_out(left_out),
            self.palette.width().saturating_sub(host.len() + 2),
        );
        let mut lines = vec![format!("{name}  {}", about.join("\n"))];
        if let Some(pending) = &left_out.pending {
            for service in &pending.services {
                lines.extend(self.service(service, pending, columns));
            }
        }
        lines
    }

    fn hosts(&self, columns: PlanColumns) -> Vec<String> {
        let refusals = &self.view.refusals;
        let mut lines = Vec::new();
        let mut unchanged: Vec<&str> = Vec::new();
        for group in self.groups() {
            let HostView {
                host: _,
                acts,
                unfinished,
                lost,
                activity: _,
                stay: _,
                services,
                side_by_side: _,
                drop_ins,
                networks,
                held,
                location: _,
                supervisor: _,
            } = group.host;
            // Where all is refused, nothing is recorded either.
            let records = (*acts || *unfinished || lost.is_some()) && refusals.is_empty();
            let all_move = services.iter().all(|it| it.half == Half::OfMove);
            let told_above = !services.is_empty()
                && all_move
                && drop_ins.is_empty()
                && networks.is_empty()
                && held.is_empty();
            if told_above && !*unfinished && lost.is_none() {
                // A move has a line of its own.
            } else if records
                || !(services.is_empty()
                    && drop_ins.is_empty()
                    && networks.is_empty()
                    && held.is_empty())
            {
                lines.extend(self.group(&group, columns));
            } else {
                let refused = |host: &str| refusals.iter().any(|it| it.host() == host);
                unchanged.extend(group.names.iter().filter(|host| !refused(host)));
            }
        }
        if !lines.is_empty() && !unchanged.is_empty() {
            let names = paint(self.palette.strong, &hosts::hosts(unchanged));
            lines.push(format!("{names}  no changes"));
        }
        lines
    }

    /// Hosts in the order in which they are first acted on; those on which the same happens
    /// together.
    fn groups(&self) -> Vec<Group<'a>> {
        let mut order: Vec<&str> = Vec::new();
        let acting = self.view.waves.iter().flat_map(|wave| &wave.hosts);
        let acting = acting.map(|host| host.as_str());
        for host in acting.chain(self.view.hosts.iter().map(|host| host.host)) {
            if !order.contains(&host) {
                order.push(host);
            }
        }
        let mut groups: Vec<Group<'_>> = Vec::new();
        for name in order {
            let Some(host) = self.view.hosts.iter().find(|host| host.host == name) else {
                continue;
            };
            match groups
                .iter_mut()
                .find(|group| same_changes(group.host, host))
            {
                Some(group) => group.names.push(name),
                None => groups.push(Group {
                    names: vec![name],
                    host,
                }),
            }
        }
        groups
    }

    fn group(&self, group: &Group<'_>, columns: PlanColumns) -> Vec<String> {
        let HostView {
            host: _,
            acts,
            unfinished,
            lost,
            activity: _,
            stay: _,
            services,
            side_by_side,
            drop_ins,
            networks,
            held,
            location,
            supervisor,
        } = group.host;
        let mut header = paint(self.palette.strong, &hosts::hosts(&group.names));
        if let ([_], Some(location)) = (group.names.as_slice(), location) {
            header += &format!("  {}", paint(self.palette.dim, &escape(location)));
        }
        if !supervisor.runs_containers() {
            header += "  (a directory: files are written, nothing is started)";
        }
        let mut lines = vec![header];
        if *unfinished {
            lines.push(format!(
                "  {} the previous activation did not finish here; this completes it",
                paint(self.palette.changed, "!")
            ));
        }
        if let Some(why) = lost {
            lines.push(format!(
                "  {} {}; a release records the generation anew",
                paint(self.palette.changed, "!"),
                escape(why)
            ));
        } else if services.is_empty() && networks.is_empty() && *acts && !*unfinished {
            lines.push("  no service changes; only the generation is recorded".to_owned());
        }
        lines.extend(
            networks
                .iter()
                .flat_map(|it| network::lines(it, self.palette)),
        );
        let alone = || services.iter().filter(|it| it.half == Half::Alone);
        let folds = |it: &&ServiceView<'_>| self.detail == Detail::Short && only_its_unit(it);
        let alike: Vec<&ServiceView<'_>> = alone().filter(folds).collect();
        let many = alike.len() > ALIKE;
        for service in alone().filter(|it| !(many && folds(it))) {
            lines.extend(self.service(service, group.host, columns));
        }
        if many {
            lines.extend(self.alike(&alike, columns));
        }
        lines.extend(held.iter().map(|it| hold::held_line(it, self.palette)));
        for DropInView { service, path } in drop_ins {
            let detail = self.detail;
            let told = |room| note(&NoteView::DropIn { path }, Space { detail, room });
            lines.push(hold::beside(service, self.palette, told));
        }
        if let Some(most) = side_by_side {
            let words = format!("  up to {most} side by side");
            lines.push(paint(self.palette.dim, &words));
        }
        lines
    }

    /// Services of which nothing changes but the unit.
    fn alike(&self, services: &[&ServiceView<'_>], columns: PlanColumns) -> Vec<String> {
        let start = RowStart {
            sign: "~",
            style: self.palette.changed,
            word: "write",
        };
        let names = commas(services.iter().map(|it| it.service));
        let told = format!("only their units, no restart needed: {names}");
        let many = count(services.len(), "unit", "units");
        self.line(&start, &many, columns, |space| wrap(&told, space.room))
    }

    fn service(
        &self,
        service: &ServiceView<'_>,
        host: &HostView<'_>,
        columns: PlanColumns,
    ) -> Vec<String> {
        let (sign, style) = match service.change {
            Change::Added => ("+", self.palette.added),
            Change::Changed => ("~", self.palette.changed),
            Change::Removed => ("-", self.palette.removed),
        };
        let start = RowStart {
            sign,
            style,
            word: service::word(service),
        };
        let why = |space| service::explain(self.view.cluster, service, host.supervisor, space);
        self.row(&start, service, columns, why)
    }

    fn row(
        &self,
        start: &RowStart,
        view: &ServiceView<'_>,
        columns: PlanColumns,
        why: impl FnOnce(Space) -> Vec<String>,
    ) -> Vec<String> {
        let mut lines = self.line(start, view.service, columns, why);
        if self.detail == Detail::Diff {
            for file in &view.files {
                let file = diff::lines(file.file, self.palette);
                lines.extend(file.iter().map(|line| format!("    {line}")));
            }
        }
        lines
    }

    /// A row without files.
    fn line(
        &self,
        start: &RowStart,
        name: &str,
        columns: PlanColumns,
        why: impl FnOnce(Space) -> Vec<String>,
    ) -> Vec<String> {
        let RowStart { sign, style, word } = start;
        let name = pad(name, columns.name);
        let word = paint(*style, &pad(word, columns.word));
        let start = format!("  {} {name}  {word}  ", paint(*style, sign));
        let column = 2 + 2 + width(&name) + 2 + columns.word + 2;
        let mut lines = Vec::new();
        let space = Space {
            detail: self.detail,
            room: self.palette.width().saturating_sub(column),
        };
        for (number, line) in why(space).iter().enumerate() {
            match number {
                0 => lines.push(format!("{start}{line}")),
                _ => lines.push(format!("{}{line}", " ".repeat(column))),
            }
        }
        lines
    }

    /// The waves in which something becomes of services. Others only record what there is by then.
    fn acting_waves(&self) -> Vec<&WaveView<'_>> {
        let waves = self.view.waves.iter();
        waves
            .filter(|wave| wave.phase != Phase::Contract || self.leaves(&wave.hosts))
            .collect()
    }

    /// In which order hosts are activated, if there is more than one wave.
    fn order(&self) -> Option<String> {
        let waves = self.acting_waves();
        if waves.len() < 2 || !self.view.refusals.is_empty() {
            return None;
        }
        let named = waves.iter().take(WAVES).map(|wave| {
            let those: Vec<&HostName> = match wave.phase {
                Phase::Contract => {
                    let hosts = wave.hosts.iter().copied();
                    hosts.filter(|host| self.leaves(&[*host])).collect()
                }
                Phase::Expand | Phase::Change => wave.hosts.clone(),
            };
            let hosts = hosts::hosts(&those);
            match wave.phase {
                Phase::Expand => format!("{hosts} (what is new)"),
                Phase::Change => hosts,
                Phase::Contract => format!("{hosts} (what leaves)"),
            }
        });
        let mut parts: Vec<String> = named.collect();
        if waves.len() > WAVES {
            parts.push(format!("{} more", waves.len() - WAVES));
        }
        Some(format!(
            "in this order: {}",
            fill(&parts, " → ", 15, self.palette.width())
        ))
    }

    /// Whether a service leaves one of these hosts.
    fn leaves(&self, hosts: &[&HostName]) -> bool {
        let of = |host: &&HostView<'_>| hosts.iter().any(|name| name.as_str() == host.host);
        let mut services = self
            .view
            .hosts
            .iter()
            .filter(of)
            .flat_map(|it| &it.services);
        services.any(|service| service.change == Change::Removed)
    }

    /// What becomes of the hosts if one fails, where that is not what always is, and what would stay.
    fn failure(&self, on_failure: OnFailure) -> Option<String> {
        let acting = self.view.hosts.iter().filter(|host| host.acts);
        let several = acting.count() > 1;
        match on_failure {
            OnFailure::Host => {
                several.then(|| "hosts that are done stay done if one fails".to_owned())
            }
            OnFailure::Keep => Some("what fails stays as it is".to_owned()),
            OnFailure::Back => {
                let services = self.view.hosts.iter().flat_map(|host| &host.services);
                let jobs = services.filter(|it| matches!(it.action, Action::Run | Action::MayRun));
                let jobs: BTreeSet<&str> = jobs.map(|it| it.service).collect();
                (!jobs.is_empty())
                    .then(|| format!("if a step fails, all but what {} did goes back", list(jobs)))
            }
        }
    }

    /// What `[rollout]` says of that order, if it says something.
    fn rollout(&self) -> Option<String> {
        let RolloutView {
            batch,
            canary,
            pause,
            soak_ms,
            on_failure,
        } = &self.view.rollout;
        if self.view.waves.is_empty() || !self.view.refusals.is_empty() {
            return None;
        }
        let size = batch.map(|most| match most {
            1 => "one host at a time".to_owned(),
            most => format!("at most {most} hosts at a time"),
        });
        let first = match canary.as_slice() {
            [] => None,
            [host] => Some(format!("{host} alone first")),
            hosts => Some(format!("{} first, each alone", list(hosts))),
        };
        let order = size.into_iter().chain(first);
        let order = order.filter(|_| self.acting_waves().len() > 1);
        let pause = pause.map(|pause| match pause {
            PauseView::ForMs(time) => {
                format!(
                    "then {} before others",
                    seconds(Duration::from_millis(time))
                )
            }
            PauseView::Ask => "then a pause until `--resume`".to_owned(),
        });
        let soak = Duration::from_millis(*soak_ms);
        let watched = (soak != SOAK && !soak.is_zero())
            .then(|| format!("watched for {} when healthy", seconds(soak)));
        let failure = self.failure(*on_failure);
        let words: Vec<String> = order.chain(pause).chain(watched).chain(failure).collect();
        (!words.is_empty()).then(|| format!("rollout: {}", words.join(", ")))
    }
}

/// Whether nothing changes but its unit, and that restarts nothing.
fn only_its_unit(service: &ServiceView<'_>) -> bool {
    let unit = |file: &FileView<'_>| file.path == service.unit;
    (service.change, service.action) == (Change::Changed, Action::None)
        && service.reasons.is_empty()
        && service.notes.is_empty()
        && !service.files.is_empty()
        && service.files.iter().all(unit)
}

/// Whether everything that is shown of two hosts besides their names is the same.
fn same_changes(one: &HostView<'_>, other: &HostView<'_>) -> bool {
    let HostView {
        host: _,
        acts,
        unfinished,
        lost,
        activity: _,
        stay: _,
        services,
        side_by_side,
        drop_ins,
        networks,
        held,
        location: _,
        supervisor,
    } = one;
    (
        services,
        side_by_side,
        acts,
        unfinished,
        lost,
        drop_ins,
        networks,
        held,
        supervisor,
    ) == (
        &other.services,
        &other.side_by_side,
        &other.acts,
        &other.unfinished,
        &other.lost,
        &other.drop_ins,
        &other.networks,
        &other.held,
        &other.supervisor,
    )
}

/// The widths of the columns, the same for every host.
#[derive(Debug, Clone, Copy)]
struct PlanColumns {
    name: usize,
    word: usize,
}

impl PlanColumns {
    fn of(view: &PlanView<'_>) -> Self {
        let pending = view.left_out.iter().filter_map(|it| it.pending.as_ref());
        let services: Vec<&ServiceView<'_>> = view
            .hosts
            .iter()
            .chain(pending)
            .flat_map(|host| &host.services)
            .collect();
        let names = services.iter().map(|service| width(service.service));
        let words = services.iter().map(|service| width(service::word(service)));
        Self {
            name: names.max().unwrap_or(0).min(NAME),
            word: words.max().unwrap_or(0),
        }
    }
}

/// Parts in lines of at most `room` columns, the first one after `taken` characters.
fn fill(parts: &[String], separator: &str, taken: usize, room: usize) -> String {
    let mut text = String::new();
    let mut column = taken;
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            text += separator;
            column += width(separator);
            if column + width(part) > room {
                text = text.trim_end().to_owned() + "\n" + &" ".repeat(taken);
                column = taken;
            }
        }
        text += part;
        column += width(part);
    }
    text
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
