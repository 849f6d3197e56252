//! The part of a comment that shows one plan: refusals, table, diagram and diffs.

use std::collections::BTreeSet;

use super::super::palette::Palette;
use super::super::reason::Space;
use super::super::text::{commas, count};
use super::super::view::{Half, PlanView, ServiceView};
use super::super::{Detail, diff, hosts, left, moves, network, refusal, service};
use super::diagram::diagram;
use super::page::{FoldedPart, Page, code, fence, text};
use crate::plan::{Action, Change};

/// Refusals, table, diagram and diffs of one plan.
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
    if let Some(diagram) = diagram(view) {
        page.push(diagram);
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
    let space = Space {
        detail: Detail::Short,
        room: 160,
    };
    let moved = view.moves.iter().map(|it| {
        let why = cell(&moves::explain_move(view.cluster, it, space));
        let hosts = format!("{} → {}", commas(&it.from), commas(&it.to));
        format!("| {} | {hosts} | **move** | {why} |\n", it.service)
    });
    let moved: Vec<String> = moved.collect();
    let mut rows: Vec<(usize, &ServiceView<'_>, String, Vec<&str>)> = Vec::new();
    for host in &view.hosts {
        for service in host.services.iter().filter(|it| it.half == Half::Alone) {
            let why = service::explain(view.cluster, service, host.supervisor, space);
            let why = cell(&why);
            let same = rows.iter_mut().find(|(_, other, text, _)| {
                other.service == service.service
                    && other.action == service.action
                    && other.change == service.change
                    && *text == why
            });
            match same {
                Some((_, _, _, hosts)) => hosts.push(host.host),
                None => rows.push((weight(service), service, why, vec![host.host])),
            }
        }
    }
    // What takes something down first; within that, services by name.
    rows.sort_by_key(|(weight, service, _, _)| (*weight, service.service));
    let row = |(_, service, why, hosts): (usize, &ServiceView<'_>, String, Vec<&str>)| {
        format!(
            "| {} | {} | {} | {why} |\n",
            service.service,
            hosts::hosts(hosts),
            word(service)
        )
    };
    moved.into_iter().chain(rows.into_iter().map(row)).collect()
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
