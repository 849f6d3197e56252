//! The page of a plan, and that of a change of the description.

use std::collections::{BTreeMap, BTreeSet};

use super::super::palette::Palette;
use super::super::plan::order;
use super::super::plan_end::last_line;
use super::super::reason::version_change;
use super::super::review::{
    Sides, broken_title, effect, remarks, stateful, summary, trust_sentences, what,
};
use super::super::service::{explain, word};
use super::super::text::{escape, escape_lines};
use super::super::view::{
    HostView, NoteView, PlanView, ReasonView, ReviewView, ReviewedView, ReviewsView, ServiceView,
};
use super::super::{Detail, begun, hosts, left, network, refusal};
use super::grid::{GridCell, HostRemarks, in_short, tables};
use super::sheet::{DiffLine, Marked, PageMark, SheetPart};
use super::{PageContext, SPACE, failed, note};
use crate::cluster::model::Cluster;
use crate::plan::{Action, Change};

const LEGEND: &str = "↻ restarts, + starts, − stops or leaves, ~ its files change, ⇄ swaps (the old one serves until the new one does), \
                      ? only a pull can tell, … waits until it is named, · stays as it is";

/// A plan against the hosts.
#[must_use]
pub fn plan(cluster: &Cluster, view: &PlanView<'_>, context: &PageContext) -> String {
    let mut sheet = context.sheet(view.cluster, "plan");
    let mut part = part(cluster, view);
    part.lead.insert(0, last_line(view, &[]));
    let plain = unwrapped();
    if let Some(it) = &view.begun {
        let lines = begun::lines(view.cluster, it, context.now, &plain);
        part.notes.insert(0, note(PageMark::Wait, &lines));
    }
    sheet.parts.push(part);
    if !view.is_empty && view.refusals.is_empty() && view.failures.is_empty() {
        sheet.next.push(format!("bayplan release {}", view.cluster));
    }
    sheet.legend = LEGEND.to_owned();
    sheet.html()
}

/// What a change does to clusters; `models` in the order of the reviews that are done.
#[must_use]
pub fn reviews(
    models: &[&Cluster],
    view: &ReviewsView<'_>,
    sides: &Sides,
    context: &PageContext,
) -> String {
    let reviewed = view.reviewed();
    let title = match reviewed.as_slice() {
        [one] => one.cluster(),
        _ => "clusters",
    };
    let mut sheet = context.sheet(title, "review");
    sheet.under = vec![format!(
        "{} → {}",
        escape(&sides.before),
        escape(&sides.after)
    )];
    let mut models = models.iter();
    for one in &reviewed {
        let mut part = match one {
            ReviewedView::Done(review) => match models.next() {
                Some(cluster) => review_part(cluster, review),
                None => SheetPart::default(),
            },
            ReviewedView::Broken(broken) => SheetPart {
                notes: vec![Marked::new(
                    PageMark::Bad,
                    format!("✗ {}", escape(&broken_title(broken))),
                )],
                lead: trust_sentences(&broken.trust, &[]),
                pre: Some(escape_lines(broken.problems).collect::<Vec<_>>().join("\n")),
                ..SheetPart::default()
            },
        };
        if reviewed.len() > 1 {
            part.heading = Some(one.cluster().to_owned());
        }
        if let (Some(told), true) = (sides.note(), sheet.parts.is_empty()) {
            part.notes
                .insert(0, Marked::new(PageMark::Wait, escape(&told)));
        }
        sheet.parts.push(part);
    }
    if reviewed.is_empty() {
        sheet.parts.push(SheetPart {
            lead: vec!["No cluster changes.".to_owned()],
            ..SheetPart::default()
        });
    }
    sheet.legend = LEGEND.to_owned();
    sheet.html()
}

fn review_part(cluster: &Cluster, review: &ReviewView<'_>) -> SheetPart {
    let mut part = part(cluster, &review.plan);
    part.lead.insert(0, summary(review));
    let mut causes = Vec::new();
    for cause in &review.causes {
        let told = format!(
            "{}: {}",
            what(&cause.cause, Detail::Short),
            effect(cause, &review.plan)
        );
        causes.push(Marked::new(
            PageMark::Wait,
            escape(told.trim_start_matches("- ")),
        ));
    }
    part.notes.splice(0..0, causes);
    let trust = trust_sentences(&review.trust, &review.readdressed);
    for told in trust.iter().chain(&remarks(review)) {
        part.notes.push(Marked::new(
            PageMark::Bad,
            escape(told.trim_start_matches("- ")),
        ));
    }
    let moves = review.needs_allow_move.iter().filter_map(stateful);
    part.notes
        .extend(moves.map(|told| Marked::new(PageMark::Bad, told)));
    part
}

/// A page wraps by itself.
fn unwrapped() -> Palette {
    Palette {
        terminal: Some(usize::MAX),
        ..Palette::PLAIN
    }
}

fn part(cluster: &Cluster, view: &PlanView<'_>) -> SheetPart {
    let plain = unwrapped();
    let mut notes: Vec<Marked> = failed(&view.failures).collect();
    for refused in &view.refusals {
        notes.push(note(
            PageMark::Bad,
            &refusal::lines(view.cluster, refused, &plain),
        ));
    }
    for it in &view.left {
        notes.push(note(
            PageMark::Wait,
            &left::warning(view.cluster, it, &plain),
        ));
    }
    for it in &view.left_out {
        let told = format!("{}: {}", it.host, left::left_out(it));
        notes.push(Marked::new(PageMark::Wait, told));
    }
    for host in &view.hosts {
        if let Some(why) = host.lost {
            let why = escape(why);
            notes.push(Marked::new(
                PageMark::Wait,
                format!(
                    "{}: {why}; a release records the generation anew",
                    host.host
                ),
            ));
        } else if host.unfinished {
            notes.push(Marked::new(
                PageMark::Wait,
                format!("{}: the last activation did not finish here", host.host),
            ));
        }
        for told in host.networks.iter().map(network::words) {
            notes.push(Marked::new(
                PageMark::Wait,
                format!("~ {}: {told}", host.host),
            ));
        }
    }
    let remarks: HostRemarks = view
        .hosts
        .iter()
        .map(|host| (host.host.to_owned(), remark(host)))
        .collect();
    let cells = cells(cluster, view);
    let down = briefly_down(cluster, view);
    SheetPart {
        notes,
        chips: chips(&cells),
        lead: (!down.is_empty())
            .then(|| {
                format!(
                    "Briefly down, since there is one of each: {}.",
                    down.join(", ")
                )
            })
            .into_iter()
            .collect(),
        tables: match view.hosts.iter().all(|host| host.services.is_empty()) {
            true => Vec::new(),
            false => tables(&cells, &remarks, "not touched"),
        },
        after: order(view).into_iter().collect(),
        ..SheetPart::default()
    }
}

/// How many of each; what stays is counted last.
fn chips(cells: &[GridCell]) -> Vec<Marked> {
    let mut counts: BTreeMap<(PageMark, &str, &str), usize> = BTreeMap::new();
    for cell in cells {
        *counts
            .entry((cell.mark, cell.sign, &cell.word))
            .or_default() += 1;
    }
    let chips = counts.iter();
    let chips = chips
        .map(|((mark, sign, word), number)| Marked::new(*mark, format!("{sign} {number} {word}")));
    chips.collect()
}

/// Services that restart and run on one host only.
fn briefly_down<'a>(cluster: &Cluster, view: &PlanView<'a>) -> Vec<&'a str> {
    let services = view.hosts.iter().flat_map(|host| &host.services);
    let restarts = services.filter(|it| it.action == Action::Restart && it.change != Change::Added);
    let alone = restarts.filter(|it| {
        let model = cluster
            .services
            .iter()
            .find(|(name, _)| name.as_str() == it.service);
        model.is_some_and(|(_, model)| model.hosts.len() == 1)
    });
    let names: BTreeSet<&str> = alone.map(|it| it.service).collect();
    names.into_iter().collect()
}

fn remark(host: &HostView<'_>) -> String {
    let mut parts = Vec::new();
    if !host.supervisor.runs_containers() {
        parts.push("a directory: files are written, nothing is started");
    }
    if !host.acts {
        parts.push("no changes");
    }
    parts.join(" · ")
}

/// Everything that changes, and what is placed and stays.
fn cells(cluster: &Cluster, view: &PlanView<'_>) -> Vec<GridCell> {
    let mut cells = Vec::new();
    for host in &view.hosts {
        let services = host.services.iter();
        cells.extend(services.map(|it| cell(view.cluster, host, it)));
        for (name, model) in &cluster.services {
            let here = model.hosts.iter().any(|on| on.as_str() == host.host);
            let changes = host.services.iter().any(|it| it.service == name.as_str());
            if here && !changes {
                cells.push(GridCell {
                    service: name.to_string(),
                    host: host.host.to_owned(),
                    mark: PageMark::Calm,
                    sign: "·",
                    word: "stay".to_owned(),
                    version: model.image.version.clone(),
                    since: String::new(),
                    lines: Vec::new(),
                    diff: Vec::new(),
                    why: String::new(),
                });
            }
        }
    }
    cells
}

fn cell(cluster: &str, host: &HostView<'_>, view: &ServiceView<'_>) -> GridCell {
    let (mark, sign) = signed(view);
    let mut lines = explain(cluster, view, host.supervisor, SPACE);
    let why = in_short(&lines);
    let why = match view.notes.iter().find_map(moved) {
        Some(told) => told,
        None => why,
    };
    lines.push(format!("unit {}", escape(&view.unit)));
    let mut images = view.reasons.iter().filter_map(|why| {
        if let ReasonView::Image { before, after } = why {
            Some(version_change(before, after))
        } else {
            None
        }
    });
    let image = images.next();
    let diffs = view.files.iter();
    let diffs = diffs.flat_map(|file| super::super::diff::lines(file.file, &Palette::PLAIN));
    GridCell {
        service: view.service.to_owned(),
        host: host.host.to_owned(),
        mark,
        sign,
        word: word(view).to_owned(),
        version: image.unwrap_or_default(),
        since: String::new(),
        lines,
        diff: diffs.map(DiffLine::of).collect(),
        why,
    }
}

/// A move is told once in its row, where the service goes to.
fn moved(note: &NoteView<'_>) -> Option<String> {
    if let NoteView::MovesFrom { hosts } = note {
        Some(format!("moves here from {}", hosts::list(*hosts)))
    } else if let NoteView::MovesTo { .. } = note {
        Some(String::new())
    } else {
        None
    }
}

fn signed(view: &ServiceView<'_>) -> (PageMark, &'static str) {
    match (view.action, view.change) {
        (Action::Stop, _) | (Action::None, Change::Removed) => (PageMark::Bad, "−"),
        (Action::Start | Action::Run, _) | (Action::None, Change::Added) => (PageMark::News, "+"),
        (Action::Restart, _) => (PageMark::Wait, "↻"),
        (Action::Swap, _) => (PageMark::Wait, "⇄"),
        (Action::Reload, _) | (Action::None, Change::Changed) => (PageMark::Wait, "~"),
        (Action::MayRestart | Action::MayRun, _) => (PageMark::Wait, "?"),
        (Action::Pending, _) => (PageMark::Wait, "…"),
    }
}
