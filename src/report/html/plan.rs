//! The page of a plan, and that of a change of the description.

use std::collections::{BTreeMap, BTreeSet};

use super::super::palette::Palette;
use super::super::plan::{order, shared};
use super::super::plan_end::last_line;
use super::super::reason::{Space, note as about, version_change};
use super::super::review::{
    Sides, broken_title, effect, holds, remarks, stateful, summary, trust_sentences, what,
};
use super::super::service::{explain, word};
use super::super::status::activity;
use super::super::text::{escape, escape_lines};
use super::super::view::{
    DropInView, HeldView, HostView, NoteView, PlanView, ReasonView, ReviewView, ReviewedView,
    ReviewsView, ServiceView,
};
use super::super::{Detail, begun, hold, hosts, left, network, refusal};
use super::grid::{GridCell, HostRemarks, in_short, tables};
use super::sheet::{DiffLine, Marked, PageMark, SheetPart};
use super::{PageContext, failed, note};
use crate::cluster::model::Cluster;
use crate::cluster::name::ServiceName;
use crate::plan::{Action, Change};

/// What the signs mean.
const SIGNS: [(&str, &str); 9] = [
    ("↻", "restarts"),
    ("+", "starts"),
    ("−", "stops or leaves"),
    ("~", "its files change"),
    ("⇄", "swaps (the old one serves until the new one does)"),
    ("?", "only a pull can tell"),
    ("…", "waits until it is named"),
    ("■", "somebody holds it, so that it stays stopped"),
    ("·", "stays as it is"),
];

/// What the signs mean that are counted above.
fn legend(parts: &[SheetPart]) -> String {
    let chips = || parts.iter().flat_map(|part| &part.chips);
    let counted = |(sign, _): &&(&str, &str)| chips().any(|chip| chip.text.starts_with(sign));
    let signs = SIGNS.iter().filter(counted);
    let words: Vec<String> = signs.map(|(sign, word)| format!("{sign} {word}")).collect();
    words.join(", ")
}

/// A plan against the hosts, and what was asked for.
#[derive(Debug, Clone, Copy)]
pub struct PlanOnPage<'a> {
    /// What is described.
    pub cluster: &'a Cluster,
    /// What a release does.
    pub view: &'a PlanView<'a>,
    /// The services that it is about; none means all.
    pub only: &'a [ServiceName],
    /// The command that does it, if there is one.
    pub next: Option<&'a str>,
}

/// The page of a plan against the hosts.
#[must_use]
pub fn plan(plan: &PlanOnPage<'_>, context: &PageContext) -> String {
    let PlanOnPage {
        cluster,
        view,
        only,
        next,
    } = *plan;
    let mut sheet = context.sheet(view.cluster, "plan");
    let mut part = part(cluster, view);
    part.lead.insert(0, last_line(view, only));
    let plain = unwrapped();
    for host in &view.hosts {
        let at_work = host.activity.as_ref();
        let told = at_work.and_then(|it| activity(it, context.now));
        let told = told.map(|told| format!("◐ {}: {told}", host.host));
        part.notes
            .extend(told.map(|told| Marked::new(PageMark::Wait, told)));
    }
    if let Some(it) = &view.begun {
        let lines = begun::lines(view.cluster, it, context.now, &plain);
        part.notes.insert(0, note(PageMark::Wait, &lines));
    }
    sheet.parts.push(part);
    sheet.next.extend(next.map(str::to_owned));
    sheet.legend = legend(&sheet.parts);
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
    sheet.legend = legend(&sheet.parts);
    sheet.html()
}

fn review_part(cluster: &Cluster, review: &ReviewView<'_>) -> SheetPart {
    let mut part = part(cluster, &review.plan);
    part.lead.insert(0, summary(review));
    part.lead.extend(holds(review).map(str::to_owned));
    let mut causes = Vec::new();
    for cause in &review.causes {
        let told = format!(
            "{}: {}",
            what(cause, Detail::Short),
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
    notes.extend(shared(view).map(|told| Marked::new(PageMark::Wait, told)));
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
        let changes = |name: &str| host.services.iter().any(|it| it.service == name);
        let held = host.held.iter().filter(|held| !changes(held.service));
        cells.extend(held.map(|held| held_cell(host, held)));
        for (name, model) in &cluster.services {
            let here = model.hosts.iter().any(|on| on.as_str() == host.host);
            let held = host.held.iter().any(|it| it.service == name.as_str());
            if here && !held && !changes(name.as_str()) {
                let lines = beside(host, name.as_str());
                cells.push(GridCell {
                    service: name.to_string(),
                    host: host.host.to_owned(),
                    mark: PageMark::Calm,
                    sign: "·",
                    word: "stay".to_owned(),
                    version: model.image.version.clone(),
                    since: String::new(),
                    why: in_short(&lines),
                    lines,
                    diff: Vec::new(),
                });
            }
        }
    }
    cells
}

/// What somebody holds, and nothing becomes of.
fn held_cell(host: &HostView<'_>, held: &HeldView<'_>) -> GridCell {
    let lines = beside(host, held.service);
    GridCell {
        service: held.service.to_owned(),
        host: host.host.to_owned(),
        mark: PageMark::Wait,
        sign: "■",
        word: "held".to_owned(),
        version: String::new(),
        since: String::new(),
        why: in_short(&lines),
        lines,
        diff: Vec::new(),
    }
}

/// What there is to know of a service beside what becomes of it: who holds it, and what of the host changes its unit.
fn beside(host: &HostView<'_>, service: &str) -> Vec<String> {
    let held = host.held.iter().filter(|held| held.service == service);
    let drop_ins = host.drop_ins.iter().filter(|it| it.service == service);
    let drop_ins = drop_ins
        .flat_map(|DropInView { service: _, path }| about(&NoteView::DropIn { path }, Space::WIDE));
    held.map(hold::words).chain(drop_ins).collect()
}

fn cell(cluster: &str, host: &HostView<'_>, view: &ServiceView<'_>) -> GridCell {
    let (mark, sign) = signed(view);
    let mut lines = explain(cluster, view, host.supervisor, Space::WIDE);
    let why = in_short(&lines);
    let why = match view.notes.iter().find_map(moved) {
        Some(told) => told,
        None => why,
    };
    lines.extend(beside(host, view.service));
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
