//! The part of a comment that shows one plan: refusals, table, order and diffs.

use std::collections::BTreeSet;

use super::super::palette::Palette;
use super::super::plan::{briefly_down, order};
use super::super::reason::Space;
use super::super::text::{commas, count};
use super::super::view::{Half, PlanView, ServiceView};
use super::super::{diff, hosts, left, moves, network, refusal, service};
use super::page::{FoldedPart, Page, code, fence, text};
use crate::plan::{Action, Change};

/// Refusals, table, order and diffs of one plan.
pub(super) fn section(page: &mut Page, view: &PlanView<'_>) {
    for left in &view.left {
        let lines = left::warning(view.cluster, left, &Palette::PLAIN);
        page.push(format!("- ⚠️ {}\n", text(&lines.join(" "))));
    }
    for left_out in &view.left_out {
        let told = text(&left::left_out(left_out));
        page.push(format!("- {}: {told}\n", left_out.host));
    }
    for refused in &view.refusals {
        let lines = refusal::lines(view.cluster, refused, &Palette::PLAIN);
        page.push(format!("- ❌ {}\n", text(&lines.join(" "))));
    }
    let mut networks: Vec<(String, Vec<&str>)> = Vec::new();
    for host in &view.hosts {
        for words in host.networks.iter().map(network::words) {
            match networks.iter_mut().find(|(other, _)| *other == words) {
                Some((_, hosts)) => hosts.push(host.host),
                None => networks.push((words, vec![host.host])),
            }
        }
    }
    for (words, on) in networks {
        page.push(format!("- {}: {}\n", hosts::hosts(on), text(&words)));
    }
    let rows = rows(view);
    if rows.is_empty() {
        return;
    }
    page.table(&rows);
    if let Some(down) = briefly_down(view) {
        page.push(format!("{}\n", text(&down)));
    }
    if let Some(order) = order(view) {
        page.push(format!("{}\n", text(&order)));
    }
    for part in diffs(view) {
        page.fold(part);
    }
}

pub(super) fn totals(view: &PlanView<'_>) -> String {
    let hosts = count(view.totals.hosts, "host", "hosts");
    let left = left::counted(&view.left);
    format!("**{hosts}: {}{left}**", view.totals.words())
}

/// Rows of the table: the same on several hosts is one row.
fn rows(view: &PlanView<'_>) -> Vec<String> {
    let space = Space::WIDE;
    let moved = view.moves.iter().map(|it| {
        let why = cell(&moves::explain_move(view.cluster, it, space));
        let hosts = format!("{} → {}", commas(&it.from), commas(&it.to));
        format!("| {} | {hosts} | **move** | {why} |\n", it.service)
    });
    let moved: Vec<String> = moved.collect();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for host in &view.hosts {
        for service in host.services.iter().filter(|it| it.half == Half::Alone) {
            let why = service::explain(view.cluster, service, host.supervisor, space);
            let row = Row {
                weight: weight(service),
                services: vec![(service.service, 1)],
                hosts: vec![host.host],
                word: word(service),
                why: cell(&why),
                change: service.change,
                is_told: service::is_told(service),
            };
            match rows.iter_mut().find(|other| other.is_like(&row)) {
                Some(other) => other.take(&row),
                None => rows.push(row),
            }
        }
    }
    // What takes something down first; within that, services by name.
    rows.sort_by(|one, other| {
        let key = |row: &Row<'_>| (row.weight, !row.is_told);
        let names = one.services.iter().map(|(name, _)| name);
        key(one)
            .cmp(&key(other))
            .then_with(|| names.cmp(other.services.iter().map(|(name, _)| name)))
    });
    moved
        .into_iter()
        .chain(rows.iter().map(Row::text))
        .collect()
}

/// What happens to a service on hosts; or to several services, where all that is to say of them was told before.
struct Row<'a> {
    weight: usize,
    /// With on how many hosts it happens.
    services: Vec<(&'a str, usize)>,
    hosts: Vec<&'a str>,
    word: String,
    why: String,
    change: Change,
    is_told: bool,
}

impl<'a> Row<'a> {
    fn is_like(&self, other: &Row<'a>) -> bool {
        let names = |row: &Row<'a>| row.services.iter().map(|(name, _)| *name).next();
        let same = (self.weight, &self.word, self.change, &self.why)
            == (other.weight, &other.word, other.change, &other.why);
        same && (self.is_told && other.is_told || names(self) == names(other))
    }

    fn take(&mut self, other: &Row<'a>) {
        for &(service, number) in &other.services {
            match self.services.iter_mut().find(|(name, _)| *name == service) {
                Some((_, known)) => *known += number,
                None => self.services.push((service, number)),
            }
        }
        self.services.sort_unstable();
        for host in &other.hosts {
            if !self.hosts.contains(host) {
                self.hosts.push(host);
            }
        }
    }

    fn text(&self) -> String {
        let several = self.services.len() > 1;
        let services = self.services.iter().map(|(name, number)| match number {
            number if several && *number > 1 => format!("{name} ×{number}"),
            _ => (*name).to_owned(),
        });
        format!(
            "| {} | {} | {} | {} |\n",
            commas(services),
            hosts::hosts(&self.hosts),
            self.word,
            self.why
        )
    }
}

fn cell(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| code(line.trim()));
    lines.collect::<Vec<_>>().join("<br>")
}

fn weight(service: &ServiceView<'_>) -> usize {
    match service.action {
        Action::Stop => 0,
        Action::Restart => 1,
        Action::Swap => 3,
        Action::Pending | Action::MayRestart => 2,
        Action::Run => 3,
        Action::MayRun => 3,
        Action::Start => 3,
        Action::Reload => 4,
        Action::None => 5,
    }
}

fn word(service: &ServiceView<'_>) -> String {
    let word = service::word(service);
    match service.action {
        Action::Restart | Action::Stop => format!("**{word}**"),
        Action::Run => format!("**{word}**"),
        Action::None
        | Action::Start
        | Action::Reload
        | Action::Swap
        | Action::Pending
        | Action::MayRestart
        | Action::MayRun => word.to_owned(),
    }
}

/// The unified diffs of each service; the same files on several hosts once.
fn diffs(view: &PlanView<'_>) -> Vec<FoldedPart> {
    let mut bodies: Vec<(&str, String, BTreeSet<&str>)> = Vec::new();
    for host in &view.hosts {
        for service in &host.services {
            let files = service.files.iter().map(|file| file.file);
            let lines = files
                .filter(|file| file.before.is_some() || file.kind != Change::Removed)
                .flat_map(|file| diff::lines(file, &Palette::PLAIN));
            let lines: Vec<String> = lines.collect();
            if lines.is_empty() {
                continue;
            }
            let body = lines.join("\n") + "\n";
            let name = service.service;
            let same = bodies
                .iter_mut()
                .find(|(other, text, _)| *other == name && *text == body);
            match same {
                Some((_, _, hosts)) => {
                    hosts.insert(host.host);
                }
                None => bodies.push((name, body, BTreeSet::from([host.host]))),
            }
        }
    }
    let part = |(name, body, hosts): (&str, String, BTreeSet<&str>)| FoldedPart {
        title: format!("{name} on {}", hosts::hosts(hosts)),
        body: fence("diff", &body),
    };
    bodies.into_iter().map(part).collect()
}
