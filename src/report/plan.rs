//! A plan as text: every host in the order of its execution, what changes there and why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::palette::{Palette, paint};
use super::reason::{Space, note};
use super::text::{commas, count, escape, list, pad, shell_word, width, wrap};
use super::totals::Totals;
use super::view::{ActivityView, LeftView};
use super::{Detail, diff, hosts, left, moves, refusal, service, status};
use crate::cluster::model::{Cluster, Supervisor};
use crate::cluster::name::{HostName, ServiceName};
use crate::host::activate::activity::Activity;
use crate::plan::reason::Reason;
use crate::plan::{
    Action, Change, FileChange, HostPlan, LeftOut, Moves, Note, Phase, Plan, ServicePlan,
};

/// Service names longer than this push their line to the right.
const NAME: usize = 20;

/// How many waves the line of the order names.
const WAVES: usize = 8;

/// A plan in words, ending with a line that sums it up. `only` are the services that were asked
/// for; none are all. Hosts of the cluster that the plan does not have were not seen; the report
/// claims nothing of them.
#[must_use]
pub fn text(
    cluster: &Cluster,
    plan: &Plan,
    only: &[ServiceName],
    detail: Detail,
    palette: &Palette,
) -> String {
    let report = Report {
        cluster,
        plan,
        detail,
        palette,
    };
    let mut lines = report.lines();
    lines.push(report.last_line(only));
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
pub(super) fn body(
    cluster: &Cluster,
    plan: &Plan,
    detail: Detail,
    palette: &Palette,
) -> Vec<String> {
    let report = Report {
        cluster,
        plan,
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
    cluster: &'a Cluster,
    plan: &'a Plan,
    detail: Detail,
    palette: &'a Palette,
}

/// What a row begins with.
struct Start {
    sign: &'static str,
    style: anstyle::Style,
    word: &'static str,
}

/// Hosts on which the same happens.
struct Group<'a> {
    hosts: Vec<&'a HostName>,
    plan: &'a HostPlan,
    supervisor: Supervisor,
}

impl Report<'_> {
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for left in self.plan.left.iter().map(LeftView::of) {
            lines.extend(left::warning(
                self.plan.cluster.as_str(),
                &left,
                self.palette,
            ));
        }
        for left in self.plan.dismissed.iter().map(LeftView::of) {
            lines.extend(left::dismissed(&left, self.palette));
        }
        let columns = Columns::of(self.plan);
        lines.extend(self.moves(columns));
        lines.extend(self.hosts(columns));
        for (host, left_out) in &self.plan.left_out {
            lines.extend(self.left_out(host, left_out, columns));
        }
        let refusals = &self.plan.refusals;
        if !lines.is_empty() && !refusals.is_empty() {
            lines.push(String::new());
        }
        for refused in refusals {
            lines.extend(refusal::lines(&self.plan.cluster, refused, self.palette));
        }
        lines.extend(self.order());
        lines
    }

    /// Services that move, each told once.
    fn moves(&self, columns: Columns) -> Vec<String> {
        let mut lines = Vec::new();
        let mut title = String::new();
        for it in moves::moves(self.plan) {
            let hosts = format!("{} → {}", commas(&it.from), commas(&it.to));
            if hosts != title {
                lines.push(paint(self.palette.strong, &hosts));
                title = hosts;
            }
            let start = Start {
                sign: "→",
                style: self.palette.changed,
                word: "move",
            };
            let supervisor = self.cluster.supervisor(it.to[0]);
            let why = |space| it.explain(self.cluster, supervisor, space);
            lines.extend(self.row(&start, it.gain, columns, why));
        }
        lines
    }

    /// What a host that is left out is about.
    fn left_out(&self, host: &HostName, left_out: &LeftOut, columns: Columns) -> Vec<String> {
        let name = paint(self.palette.strong, host.as_str());
        let about = wrap(
            &left::left_out(left_out),
            self.palette.width().saturating_sub(host.as_str().len() + 2),
        );
        let mut lines = vec![format!("{name}  {}", about.join("\n"))];
        if let Some(plan) = &left_out.pending {
            let group = Group {
                hosts: vec![host],
                plan,
                supervisor: self.cluster.supervisor(host),
            };
            for service in &plan.services {
                lines.extend(self.service(service, &group, columns));
            }
        }
        lines
    }

    fn hosts(&self, columns: Columns) -> Vec<String> {
        let mut lines = Vec::new();
        let mut unchanged: Vec<&HostName> = Vec::new();
        for group in self.groups() {
            let HostPlan {
                services,
                stay: _,
                acts,
                unfinished,
                lost,
                drop_ins,
            } = group.plan;
            // Where all is refused, nothing is recorded either.
            let records = (*acts || *unfinished || lost.is_some()) && self.plan.refusals.is_empty();
            let moves = moves::moves(self.plan);
            let all_move = services.iter().all(|it| moves::is_half(&moves, it));
            let told_above = !services.is_empty() && all_move && drop_ins.is_empty();
            if told_above && !*unfinished && lost.is_none() {
                // A move has a line of its own.
            } else if records || !services.is_empty() || !drop_ins.is_empty() {
                lines.extend(self.group(&group, columns));
            } else {
                let refused = |host: &&&HostName| {
                    let mut refusals = self.plan.refusals.iter();
                    refusals.any(|refusal| refusal.host == ***host)
                };
                unchanged.extend(group.hosts.iter().filter(|host| !refused(host)));
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
    fn groups(&self) -> Vec<Group<'_>> {
        let mut order: Vec<&HostName> = Vec::new();
        let acting = self
            .plan
            .waves
            .iter()
            .flat_map(|wave| wave.activations.keys());
        for host in acting.chain(self.plan.hosts.keys()) {
            if !order.contains(&host) {
                order.push(host);
            }
        }
        let mut groups: Vec<Group<'_>> = Vec::new();
        for host in order {
            let Some(plan) = self.plan.hosts.get(host) else {
                continue;
            };
            let supervisor = self.cluster.supervisor(host);
            let same = groups
                .iter_mut()
                .find(|group| group.supervisor == supervisor && same_changes(group.plan, plan));
            match same {
                Some(group) => group.hosts.push(host),
                None => groups.push(Group {
                    hosts: vec![host],
                    plan,
                    supervisor,
                }),
            }
        }
        groups
    }

    fn group(&self, group: &Group<'_>, columns: Columns) -> Vec<String> {
        let HostPlan {
            services,
            stay: _,
            acts,
            unfinished,
            lost,
            drop_ins,
        } = group.plan;
        let mut header = paint(self.palette.strong, &hosts::hosts(&group.hosts));
        if let [host] = group.hosts.as_slice()
            && let Some(place) = self.place(host)
        {
            header += &format!("  {}", paint(self.palette.dim, &place));
        }
        if !group.supervisor.runs_containers() {
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
        let moves = moves::moves(self.plan);
        for service in services.iter().filter(|it| !moves::is_half(&moves, it)) {
            lines.extend(self.service(service, group, columns));
        }
        for (service, paths) in drop_ins {
            for path in paths {
                let start = format!("  {} {service}: ", paint(self.palette.changed, "!"));
                let column = 4 + service.as_str().len() + 2;
                let space = Space {
                    detail: self.detail,
                    room: self.palette.width().saturating_sub(column),
                };
                let path = path.clone();
                let note = note(&Note::DropIn { path }, space);
                lines.push(start + &note.join(&format!("\n{}", " ".repeat(column))));
            }
        }
        lines
    }

    fn place(&self, host: &HostName) -> Option<String> {
        let host_model = self.cluster.hosts.get(host)?;
        Some(escape(&host_model.location()))
    }

    fn service(&self, plan: &ServicePlan, group: &Group<'_>, columns: Columns) -> Vec<String> {
        let (sign, style) = match plan.change {
            Change::Added => ("+", self.palette.added),
            Change::Changed => ("~", self.palette.changed),
            Change::Removed => ("-", self.palette.removed),
        };
        let start = Start {
            sign,
            style,
            word: service::word(plan),
        };
        let why = |space| service::explain(self.cluster, plan, group.supervisor, space);
        self.row(&start, plan, columns, why)
    }

    fn row(
        &self,
        start: &Start,
        plan: &ServicePlan,
        columns: Columns,
        why: impl FnOnce(Space) -> Vec<String>,
    ) -> Vec<String> {
        let Start { sign, style, word } = start;
        let name = pad(plan.service.as_str(), columns.name);
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
            for file in &plan.files {
                let file = diff::lines(file, self.palette);
                lines.extend(file.iter().map(|line| format!("    {line}")));
            }
        }
        lines
    }

    /// In which order hosts are activated, if there is more than one wave.
    fn order(&self) -> Option<String> {
        let waves = &self.plan.waves;
        if waves.len() < 2 || !self.plan.refusals.is_empty() {
            return None;
        }
        let named = waves.iter().take(WAVES).map(|wave| {
            let hosts = hosts::hosts(wave.activations.keys());
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

    fn last_line(&self, only: &[ServiceName]) -> String {
        let totals = Totals::of(self.plan);
        let unseen: Vec<&HostName> = self
            .cluster
            .hosts
            .keys()
            .filter(|host| !self.plan.hosts.contains_key(*host))
            .filter(|host| !self.plan.left_out.contains_key(*host))
            .collect();
        let mut unseen = match unseen.as_slice() {
            [] => String::new(),
            hosts => format!("; {} not seen", hosts::list(hosts)),
        };
        if !self.plan.left_out.is_empty() {
            unseen += &format!("; {} left out", list(self.plan.left_out.keys()));
        }
        let left: Vec<_> = self.plan.left.iter().map(LeftView::of).collect();
        unseen += &left::counted(&left);
        let hosts = count(totals.hosts, "host", "hosts");
        if !self.plan.refusals.is_empty() {
            let problems = count(self.plan.refusals.len(), "problem", "problems");
            return format!(
                "Refused: {problems} to solve first; nothing is changed anywhere{unseen}"
            );
        }
        if self.plan.is_empty() && totals.listed == 0 {
            let name = &self.plan.cluster;
            if self.plan.hosts.is_empty() && !unseen.is_empty() {
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
            let services = self.cluster.services.values();
            let placed = services.filter(|service| !service.hosts.is_empty()).count();
            let services = count(placed, "service", "services");
            return format!("No changes. {name} is in sync ({hosts}, {services}).");
        }
        if self.plan.is_empty() {
            return format!("Nothing to do on {hosts}: {}{unseen}", totals.words());
        }
        let acts = |host: &HostName| self.plan.hosts.get(host).is_some_and(|plan| plan.acts);
        let mut acting = self.plan.hosts.keys().filter(|host| acts(host));
        let unstarted = if acting.all(|host| !self.cluster.supervisor(host).runs_containers()) {
            "; nothing is started"
        } else {
            ""
        };
        format!("{hosts}: {}{unstarted}{unseen}", totals.words())
    }
}

/// Everything that is shown of a host besides its name.
fn same_changes(one: &HostPlan, other: &HostPlan) -> bool {
    let HostPlan {
        services,
        stay: _,
        acts,
        unfinished,
        lost,
        drop_ins,
    } = one;
    (services, acts, unfinished, lost, drop_ins)
        == (
            &other.services,
            &other.acts,
            &other.unfinished,
            &other.lost,
            &other.drop_ins,
        )
}

/// The widths of the columns, the same for every host.
#[derive(Debug, Clone, Copy)]
struct Columns {
    name: usize,
    word: usize,
}

impl Columns {
    fn of(plan: &Plan) -> Self {
        let pending = || {
            plan.left_out
                .values()
                .filter_map(|host| host.pending.as_ref())
        };
        let services = || {
            plan.hosts
                .values()
                .chain(pending())
                .flat_map(|host| &host.services)
        };
        let names = services().map(|service| width(service.service.as_str()));
        let words = services().map(|service| width(service::word(service)));
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

    fn shown(cluster: &Cluster, plan: &Plan, detail: Detail) -> String {
        text(cluster, plan, &[], detail, &Palette::PLAIN)
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
        let coloured = text(
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
            text(&cluster, &plan, &only, Detail::Short, &Palette::PLAIN),
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
                let coloured = text(&samples::cluster(), &plan, &[], detail, &Palette::COLOURED);
                samples::assert_tame(&anstream::adapter::strip_str(&coloured).to_string());
            }
        }
    }
}
