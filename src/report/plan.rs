//! A plan as text: every host in the order of its execution, what changes there and why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::palette::{Palette, paint};
use super::reason::{Space, note};
use super::text::{commas, count, escape, list, pad, shell_word, width, wrap};
use super::view::{
    ActivityView, DropInView, Half, HostView, LeftOutView, NoteView, PlanView, ServiceView,
};
use super::{Detail, diff, hosts, left, moves, refusal, service, status};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::activity::Activity;
use crate::plan::reason::Reason;
use crate::plan::{Action, Change, FileChange, Moves, Phase, Plan, ServicePlan};

/// Service names longer than this push their line to the right.
const NAME: usize = 20;

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
    lines.join("\n") + "\n"
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

/// A line that says what to type after a `diff`, with what a release must be told of stateful
/// services; nothing if there is nothing to do, or something
/// to solve first.
#[must_use]
pub fn next_step(plan: &Plan, what: Next<'_>, moves: Moves, palette: &Palette) -> Option<String> {
    if !plan.refusals.is_empty() {
        return None;
    }
    let services: Vec<&ServiceName> = match what {
        _ if plan.is_empty() => pending(plan).into_iter().collect(),
        Next::Saved(_) => Vec::new(),
        Next::Services(only) => only.iter().collect(),
    };
    if plan.is_empty() && services.is_empty() {
        return None;
    }
    let services: String = services.iter().map(|name| format!(" {name}")).collect();
    let flag = match moves {
        Moves::Allow => " --allow-move",
        Moves::Refuse => "",
    };
    let next = paint(palette.help, "next:");
    if let (Next::Saved(path), false) = (what, plan.is_empty()) {
        let path = shell_word(&path.to_string_lossy());
        return Some(format!(
            "{next} `bayplan release {} --plan {path}{flag}`\n",
            plan.cluster
        ));
    }
    Some(format!(
        "{next} `bayplan release {}{services}{flag}`\n",
        plan.cluster
    ))
}

/// That units differ on hosts that another version of bayplan (`released_by`) released: it may have
/// another built-in template, or write units otherwise. `None` where no unit differs for
/// another reason than its inputs.
#[must_use]
pub fn another_version(
    released_by: &BTreeMap<HostName, String>,
    running: &str,
    plan: &Plan,
) -> Option<String> {
    let differs = |service: &ServicePlan| {
        let directive = |reason: &Reason| matches!(reason, Reason::Directive { .. });
        let unit: String = service.unit.service_file().into();
        let of_unit = |file: &FileChange| file.path == unit && file.kind == Change::Changed;
        service.reasons.iter().any(directive)
            || service.reasons.is_empty() && service.files.iter().any(of_unit)
    };
    let mut versions: BTreeMap<&str, Vec<&HostName>> = BTreeMap::new();
    for (host, version) in released_by {
        let changed = plan.hosts.get(host);
        if version != running && changed.is_some_and(|host| host.services.iter().any(differs)) {
            versions.entry(version).or_default().push(host);
        }
    }
    let versions: Vec<String> = versions
        .into_iter()
        .map(|(version, hosts)| format!("bayplan {version} released {}", hosts::list(&hosts)))
        .collect();
    (!versions.is_empty()).then(|| {
        format!(
            "{}, and this is {running}: what differs in their units may come from bayplan itself \
             (its built-in template, where the description has none)",
            versions.join("; ")
        )
    })
}

/// What the next release is to do.
#[derive(Debug, Clone, Copy)]
pub enum Next<'a> {
    /// These services, or all of them.
    Services(&'a [ServiceName]),
    /// The plan in this file.
    Saved(&'a Path),
}

/// Services whose restart waits for the operator.
fn pending(plan: &Plan) -> BTreeSet<&ServiceName> {
    let services = plan.hosts.values().flat_map(|host| &host.services);
    services
        .filter(|service| service.action == Action::Pending)
        .map(|service| &service.service)
        .collect()
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
        lines.extend(self.order());
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
                drop_ins,
                location: _,
                supervisor: _,
            } = group.host;
            // Where all is refused, nothing is recorded either.
            let records = (*acts || *unfinished || lost.is_some()) && refusals.is_empty();
            let all_move = services.iter().all(|it| it.half == Half::OfMove);
            let told_above = !services.is_empty() && all_move && drop_ins.is_empty();
            if told_above && !*unfinished && lost.is_none() {
                // A move has a line of its own.
            } else if records || !services.is_empty() || !drop_ins.is_empty() {
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
            drop_ins,
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
        } else if services.is_empty() && *acts && !*unfinished {
            lines.push("  no service changes; only the generation is recorded".to_owned());
        }
        for service in services.iter().filter(|it| it.half == Half::Alone) {
            lines.extend(self.service(service, group.host, columns));
        }
        for DropInView { service, path } in drop_ins {
            let start = format!("  {} {service}: ", paint(self.palette.changed, "!"));
            let column = 4 + service.len() + 2;
            let space = Space {
                detail: self.detail,
                room: self.palette.width().saturating_sub(column),
            };
            let note = note(&NoteView::DropIn { path }, space);
            lines.push(start + &note.join(&format!("\n{}", " ".repeat(column))));
        }
        lines
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
        let RowStart { sign, style, word } = start;
        let name = pad(view.service, columns.name);
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
        if self.detail == Detail::Diff {
            for file in &view.files {
                let file = diff::lines(file.file, self.palette);
                lines.extend(file.iter().map(|line| format!("    {line}")));
            }
        }
        lines
    }

    /// In which order hosts are activated, if there is more than one wave.
    fn order(&self) -> Option<String> {
        let waves = &self.view.waves;
        if waves.len() < 2 || !self.view.refusals.is_empty() {
            return None;
        }
        let named = waves.iter().take(WAVES).map(|wave| {
            let hosts = hosts::hosts(&wave.hosts);
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
}

fn last_line(view: &PlanView<'_>, only: &[ServiceName]) -> String {
    let PlanView { totals, .. } = view;
    let mut unseen = match view.unseen.as_slice() {
        [] => String::new(),
        hosts => format!("; {} not seen", hosts::list(hosts)),
    };
    if !view.left_out.is_empty() {
        let names = view.left_out.iter().map(|left_out| left_out.host);
        unseen += &format!("; {} left out", list(names));
    }
    unseen += &left::counted(&view.left);
    let hosts = count(totals.hosts, "host", "hosts");
    if !view.refusals.is_empty() {
        let problems = count(view.refusals.len(), "problem", "problems");
        return format!("Refused: {problems} to solve first; nothing is changed anywhere{unseen}");
    }
    if view.is_empty && totals.listed == 0 {
        let name = view.cluster;
        if view.hosts.is_empty() && !unseen.is_empty() {
            return format!("Nothing is known of {name}{unseen}");
        }
        if !unseen.is_empty() {
            return format!("No changes on {hosts} of {name}{unseen}");
        }
        if !only.is_empty() {
            let services = list(only);
            let are = if only.len() == 1 { "is" } else { "are" };
            return format!("No changes. {services} {are} in sync on {name} ({hosts}).");
        }
        let services = count(view.placed, "service", "services");
        return format!("No changes. {name} is in sync ({hosts}, {services}).");
    }
    if view.is_empty {
        return format!("Nothing to do on {hosts}: {}{unseen}", totals.words());
    }
    let mut acting = view.hosts.iter().filter(|host| host.acts);
    let unstarted = if acting.all(|host| !host.supervisor.runs_containers()) {
        "; nothing is started"
    } else {
        ""
    };
    format!("{hosts}: {}{unstarted}{unseen}", totals.words())
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
        drop_ins,
        location: _,
        supervisor,
    } = one;
    (services, acts, unfinished, lost, drop_ins, supervisor)
        == (
            &other.services,
            &other.acts,
            &other.unfinished,
            &other.lost,
            &other.drop_ins,
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

/// What a release asks before it begins.
#[must_use]
pub fn question(plan: &Plan) -> String {
    let mut acting: BTreeMap<&HostName, ()> = BTreeMap::new();
    for wave in &plan.waves {
        acting.extend(wave.activations.keys().map(|host| (host, ())));
    }
    let hosts = count(acting.len(), "host", "hosts");
    if acting.is_empty() {
        let forgotten = plan.dismissed.iter().map(|left| &left.host);
        return format!("Forget {} of {}? [y/N] ", list(forgotten), plan.cluster);
    }
    format!("Apply to {hosts} of {}? [y/N] ", plan.cluster)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::{any, proptest};

    use super::super::samples;
    use super::*;
    use crate::cluster::model::Cluster;
    use crate::plan::HostPlan;

    fn shown(cluster: &Cluster, plan: &Plan, detail: Detail) -> String {
        shown_of(cluster, plan, &[], detail, &Palette::PLAIN)
    }

    fn shown_of(
        cluster: &Cluster,
        plan: &Plan,
        only: &[ServiceName],
        detail: Detail,
        palette: &Palette,
    ) -> String {
        let (at_work, failures) = (BTreeMap::new(), BTreeMap::new());
        let view = PlanView::of(cluster, plan, &at_work, &failures, detail);
        text(&view, only, detail, palette)
    }

    #[test]
    fn an_ordinary_plan_is_short_and_says_why() {
        assert_snapshot!(shown(
            &samples::cluster(),
            &samples::ordinary(),
            Detail::Short
        ));
    }

    #[test]
    fn with_diff_every_file_is_shown() {
        assert_snapshot!(shown(
            &samples::cluster(),
            &samples::ordinary(),
            Detail::Diff
        ));
    }

    #[test]
    fn colours_mark_signs_and_words() {
        let plan = samples::ordinary();
        let coloured = shown_of(
            &samples::cluster(),
            &plan,
            &[],
            Detail::Diff,
            &Palette::COLOURED,
        );
        let plain = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(plain, shown(&samples::cluster(), &plan, Detail::Diff));
        assert_snapshot!(coloured.replace('\u{1b}', "␛"));
    }

    #[test]
    fn another_version_of_bayplan_is_told_where_units_differ() {
        let by = |version: &str| {
            let hosts = ["docker01", "docker02"];
            hosts
                .map(|name| (samples::host(name), version.to_owned()))
                .into()
        };
        let everything = samples::everything("x");
        assert_eq!(another_version(&by("0.2.0"), "0.2.0", &everything), None);
        assert_eq!(
            another_version(&by("0.1.0"), "0.2.0", &everything).unwrap(),
            "bayplan 0.1.0 released docker01, and this is 0.2.0: what differs in their units may \
             come from bayplan itself (its built-in template, where the description has none)"
        );
        // Another tag is no doing of bayplan's.
        assert_eq!(
            another_version(&by("0.1.0"), "0.2.0", &samples::ordinary()),
            None
        );
    }

    #[test]
    fn every_reason_action_note_and_refusal_has_its_words() {
        let plan = samples::everything("odd value");
        assert_snapshot!(shown(&samples::cluster(), &plan, Detail::Short));
    }

    #[test]
    fn odd_values_are_quoted_escaped_and_shortened() {
        let long = "mongodb://10.0.0.1:27017,".repeat(8);
        let hostile = "\u{1b}]0;pwned\u{7}\r\n\u{202e}";
        let reasons = vec![
            samples::variable("EMPTY", Some(""), Some(" ")),
            samples::variable("HOSTILE", Some("calm"), Some(hostile)),
            samples::variable("LINES", Some("a\\nb"), Some("a\nb")),
            samples::variable("UNICODE", Some("Zürich"), Some("東京 🚢")),
            samples::variable("LONG_END", Some(&long), Some(&format!("{long}x"))),
            samples::variable("LONG_START", Some(&long), Some(&format!("x{long}"))),
            samples::variable("LONG_NEW", None, Some(&long)),
            samples::variable(
                "A_NAME_OF_SUCH_A_LENGTH_THAT_IT_FILLS_THE_LINE",
                Some("1"),
                Some("2"),
            ),
        ];
        let plan = samples::plan(
            vec![(
                "docker01",
                samples::acting(vec![samples::restarts("search", reasons)]),
            )],
            vec![samples::wave(Phase::Change, &["docker01"])],
        );
        let mut cluster = samples::cluster();
        cluster.hosts.retain(|host, _| host.as_str() == "docker01");
        assert_snapshot!("odd_values_short", shown(&cluster, &plan, Detail::Short));
        assert_snapshot!("odd_values_full", shown(&cluster, &plan, Detail::Diff));
    }

    #[test]
    fn nothing_to_do_is_one_line() {
        let cluster = samples::cluster();
        let still = || samples::still();
        let plan = samples::plan(
            vec![
                ("docker01", still()),
                ("docker02", still()),
                ("docker03", still()),
            ],
            Vec::new(),
        );
        assert_eq!(
            shown(&cluster, &plan, Detail::Short),
            "No changes. production is in sync (3 hosts, 4 services).\n"
        );
        let only = [samples::service("search"), samples::service("listing")];
        assert_eq!(
            shown_of(&cluster, &plan, &only, Detail::Short, &Palette::PLAIN),
            "No changes. search and listing are in sync on production (3 hosts).\n"
        );
        let plan = samples::plan(vec![("docker01", still())], Vec::new());
        assert_eq!(
            shown(&cluster, &plan, Detail::Short),
            "No changes on 1 host of production; docker02 and docker03 not seen\n"
        );
        assert_eq!(
            next_step(&plan, Next::Services(&[]), Moves::Refuse, &Palette::PLAIN),
            None
        );
        assert_eq!(
            shown(
                &cluster,
                &samples::plan(Vec::new(), Vec::new()),
                Detail::Short
            ),
            "Nothing is known of production; docker01, docker02 and docker03 not seen\n"
        );
    }

    #[test]
    fn a_restart_that_waits_is_not_in_sync() {
        let waiting = ServicePlan {
            action: Action::Pending,
            files: Vec::new(),
            ..samples::restarts("reports", vec![samples::image("1", "2")])
        };
        let host = HostPlan {
            acts: false,
            ..samples::acting(vec![waiting])
        };
        let plan = samples::plan(
            vec![
                ("docker01", host),
                ("docker02", samples::still()),
                ("docker03", samples::still()),
            ],
            Vec::new(),
        );
        assert_snapshot!(shown(&samples::cluster(), &plan, Detail::Short));
        assert_eq!(
            next_step(&plan, Next::Services(&[]), Moves::Refuse, &Palette::PLAIN).unwrap(),
            "next: `bayplan release production reports`\n"
        );
    }

    #[test]
    fn hosts_on_which_the_same_happens_stand_together() {
        let host = |stay| HostPlan {
            stay,
            ..samples::acting(vec![samples::restarts(
                "fluentd",
                vec![samples::image("1", "2")],
            )])
        };
        let plan = samples::plan(
            vec![
                ("docker01", host(3)),
                ("docker02", samples::still()),
                ("docker03", host(1)),
            ],
            vec![
                samples::wave(Phase::Change, &["docker03"]),
                samples::wave(Phase::Change, &["docker01"]),
            ],
        );
        assert_snapshot!(shown(&samples::cluster(), &plan, Detail::Short));
    }

    #[test]
    fn directories_say_that_nothing_is_started() {
        let added = |name| ServicePlan {
            change: Change::Added,
            action: Action::None,
            files: vec![samples::file("50-search.env", None, Some("A=\"1\"\n"))],
            ..samples::restarts(name, vec![Reason::New])
        };
        let host = |name| HostPlan {
            stay: 0,
            ..samples::acting(vec![added(name)])
        };
        let plan = samples::plan(
            vec![
                ("docker01", host("search")),
                ("docker02", host("listing")),
                ("docker03", host("listing")),
            ],
            vec![samples::wave(
                Phase::Expand,
                &["docker01", "docker02", "docker03"],
            )],
        );
        assert_snapshot!(shown(&samples::directories(), &plan, Detail::Short));
    }

    #[test]
    fn the_question_counts_the_hosts_that_change() {
        assert_eq!(
            question(&samples::ordinary()),
            "Apply to 2 hosts of production? [y/N] "
        );
    }

    #[test]
    fn the_next_step_names_what_was_asked_for() {
        let only = [samples::service("search")];
        assert_eq!(
            next_step(
                &samples::ordinary(),
                Next::Services(&only),
                Moves::Refuse,
                &Palette::PLAIN
            )
            .unwrap(),
            "next: `bayplan release production search`
"
        );
        assert_eq!(
            next_step(
                &samples::everything("x"),
                Next::Services(&[]),
                Moves::Refuse,
                &Palette::PLAIN
            ),
            None,
            "refused"
        );
        for (path, word) in [
            ("plan.json", "plan.json"),
            ("it's\u{1b}.json", r"'it'\''s\u{1b}.json'"),
        ] {
            let saved = Next::Saved(Path::new(path));
            assert_eq!(
                next_step(&samples::ordinary(), saved, Moves::Allow, &Palette::PLAIN).unwrap(),
                format!("next: `bayplan release production --plan {word} --allow-move`\n")
            );
        }
    }

    proptest! {
        #[test]
        fn no_value_can_steer_a_terminal(odd in any::<String>()) {
            let plan = samples::everything(&odd);
            for detail in [Detail::Short, Detail::Diff] {
                samples::assert_tame(&shown(&samples::cluster(), &plan, detail));
                let coloured = shown_of(&samples::cluster(), &plan, &[], detail, &Palette::COLOURED);
                samples::assert_tame(&anstream::adapter::strip_str(&coloured).to_string());
            }
        }
    }
}
