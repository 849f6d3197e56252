//! The page of a status.

use super::super::palette::Palette;
use super::super::reason::{Space, note as about, reason};
use super::super::status::{
    Word, counted, host_trouble, more, releases, sign, unfinished, version,
};
use super::super::text::{count, escape};
use super::super::time::{ago_of, exact, shown_since};
use super::super::view::{
    HistoryView, HostStatusView, NoteView, PastView, ServiceStatusView, StatusView,
};
use super::super::{history as past, left, network};
use super::grid::{GridCell, HostRemarks, PageSize, in_short, tables};
use super::sheet::{Marked, PageMark, SheetPart};
use super::{PageContext, failed, note};

/// What runs on every host, and whether it is what it should be. `histories` say who released what runs.
#[must_use]
pub fn status(view: &StatusView<'_>, histories: &HistoryView<'_>, context: &PageContext) -> String {
    let mut sheet = context.sheet(view.cluster, "status");
    let hosts = view.hosts.iter();
    let remarks: HostRemarks = hosts
        .map(|host| (host.host.to_owned(), remark(host, histories, context)))
        .collect();
    let size = PageSize::of(view.hosts.len());
    let cells: Vec<GridCell> = view
        .hosts
        .iter()
        .flat_map(|host| host.services.iter().map(move |it| (host, it)))
        .map(|(host, service)| cell(host.host, service, histories, (size, context)))
        .collect();
    sheet.parts.push(SheetPart {
        chips: chips(view),
        notes: notes(view, context),
        tables: tables(&cells, &remarks, "in sync"),
        ..SheetPart::default()
    });
    if !view.in_sync {
        sheet.next.push(format!("bayplan diff {}", view.cluster));
    }
    sheet.legend = legend(view);
    sheet.html()
}

/// What the words mean that are counted above.
fn legend(view: &StatusView<'_>) -> String {
    let words = Word::ALL.into_iter();
    let words = words.filter(|word| !counted(view, |it| it == *word).is_empty());
    let mut parts: Vec<String> = words
        .map(|word| format!("{} {}: {}", sign(word), word.text(), meaning(word)))
        .collect();
    if view.hosts.iter().any(|host| host.activity.is_some()) {
        parts.push("◐ at work: somebody releases there".to_owned());
    }
    parts.join(" · ")
}

fn meaning(word: Word) -> &'static str {
    match word {
        Word::NotRunning => "it should run",
        Word::CrashLoop => "it does not stay up",
        Word::Unhealthy => "it runs, and the check of its health fails",
        Word::JobFailed => "the last run did not succeed",
        Word::Edited => "files differ from those that were released",
        Word::ForeignUnit => "a unit that is not ours is in its place",
        Word::PendingStop => "it is to be stopped, and runs",
        Word::Held => "somebody stopped it, and it stays so",
        Word::PendingRestart | Word::PendingReload | Word::JobDue | Word::FilesDiffer => {
            "a release does it"
        }
        Word::NotReleased => "nothing of it is there yet",
        Word::Unmanaged => "it is not described any more",
        Word::InSync => "as described",
        Word::JobDone => "the job ran to its end",
        Word::JobRuns => "the job is under way",
    }
}

fn chips(view: &StatusView<'_>) -> Vec<Marked> {
    let mut chips = Vec::new();
    let all = Word::ALL.into_iter();
    for word in all {
        for told in counted(view, |it| it == word) {
            chips.push(Marked::new(mark(word), format!("{} {told}", sign(word))));
        }
    }
    chips.extend(unfinished(view).map(|told| Marked::new(PageMark::Wait, format!("◐ {told}"))));
    let unseen = view.unseen.len();
    if unseen > 0 {
        let told = count(unseen, "host", "hosts");
        chips.push(Marked::new(PageMark::Bad, format!("✗ {told} not seen")));
    }
    chips.push(Marked::new(
        PageMark::Calm,
        count(view.hosts.len(), "host", "hosts"),
    ));
    chips
}

fn notes(view: &StatusView<'_>, context: &PageContext) -> Vec<Marked> {
    let plain = Palette {
        terminal: Some(usize::MAX),
        ..Palette::PLAIN
    };
    let mut notes: Vec<Marked> = failed(&view.failures).collect();
    let releases = releases(view, context.now, &plain);
    if !releases.is_empty() {
        notes.push(note(PageMark::Wait, &releases));
    }
    for host in &view.hosts {
        for trouble in host_trouble(host, view.under_way.as_ref(), context.now) {
            notes.push(Marked::new(
                PageMark::Wait,
                format!("◐ {}: {trouble}", host.host),
            ));
        }
        for network in host.networks.iter().map(network::words) {
            notes.push(Marked::new(
                PageMark::Wait,
                format!("~ {}: {network}", host.host),
            ));
        }
    }
    let left = view.left.iter();
    let left = left.map(|it| note(PageMark::Wait, &left::warning(view.cluster, it, &plain)));
    notes.extend(left);
    notes
}

/// `generation 3 · 2 hours ago by ada@laptop`
fn remark(host: &HostStatusView<'_>, histories: &HistoryView<'_>, context: &PageContext) -> String {
    let mut parts = Vec::new();
    match host.generation {
        Some(number) => parts.push(format!("generation {number}")),
        None if host.lost.is_some() => {}
        None => parts.push("no generation yet".to_owned()),
    }
    if !host.supervisor.runs_containers() {
        parts.push("a directory: nothing runs here".to_owned());
    }
    if let Some(last) = entries(histories, host.host).find(|it| it.made && it.result == "done") {
        parts.push(released(last, context));
    }
    parts.join(" · ")
}

/// What was activated on a host, the newest first.
fn entries<'a>(
    histories: &'a HistoryView<'_>,
    host: &str,
) -> impl Iterator<Item = &'a PastView<'a>> {
    let hosts = histories.hosts.iter().filter(move |it| it.host == host);
    hosts
        .flat_map(|it| it.activations.iter().rev())
        .collect::<Vec<_>>()
        .into_iter()
}

fn released(entry: &PastView<'_>, context: &PageContext) -> String {
    let when = ago_of(entry.when, context.now);
    let commit = entry.commit;
    let commit = commit.map(|commit| past::named_commit(commit, entry.subject));
    let commit = commit.map_or_else(String::new, |commit| format!(", {commit}"));
    format!("released {when} by {}{commit}", escape(entry.who))
}

fn cell(
    host: &str,
    view: &ServiceStatusView<'_>,
    histories: &HistoryView<'_>,
    (size, context): (PageSize, &PageContext),
) -> GridCell {
    let word = Word::of(&view.state);
    let reasons: Vec<String> = view
        .state
        .reasons()
        .iter()
        .flat_map(|why| reason(why, Space::WIDE))
        .collect();
    let more = more(view, word, context.now);
    let mut lines = reasons.clone();
    lines.extend((!more.is_empty()).then(|| more.clone()));
    let drop_ins = view.drop_ins.iter();
    lines.extend(drop_ins.flat_map(|path| about(&NoteView::DropIn { path }, Space::WIDE)));
    // On a page of many hosts what is said of several of them stands there once.
    if size == PageSize::Few {
        lines.extend(
            view.since
                .map(|since| format!("runs since {}", exact(since))),
        );
        let name = view.service;
        let acted = |it: &&PastView<'_>| {
            let did = [it.started, it.restarted, it.ran];
            did.iter().any(|names| names.iter().any(|one| one == name))
        };
        lines.extend(
            entries(histories, host)
                .find(acted)
                .map(|it| format!("last {}", released(it, context))),
        );
    }
    if size == PageSize::Few || !word.is_well() {
        lines.push(format!("unit {}", escape(&view.unit)));
    }
    let version = version(view);
    let why = match (word.is_well(), reasons.as_slice()) {
        (true, _) => String::new(),
        (false, []) => more,
        (false, all) => in_short(all),
    };
    GridCell {
        service: view.service.to_owned(),
        host: host.to_owned(),
        mark: mark(word),
        sign: sign(word),
        word: word.text().to_owned(),
        version: if version == "-" {
            String::new()
        } else {
            version
        },
        since: match view.since {
            Some(_) => shown_since(view.since, context.now)
                .trim_end_matches(" ago")
                .to_owned(),
            None => String::new(),
        },
        lines,
        diff: Vec::new(),
        why,
    }
}

fn mark(word: Word) -> PageMark {
    match word {
        Word::NotRunning
        | Word::CrashLoop
        | Word::Unhealthy
        | Word::JobFailed
        | Word::Edited
        | Word::ForeignUnit => PageMark::Bad,
        Word::PendingRestart
        | Word::PendingReload
        | Word::PendingStop
        | Word::Held
        | Word::JobDue
        | Word::FilesDiffer => PageMark::Wait,
        Word::NotReleased | Word::Unmanaged | Word::JobRuns => PageMark::News,
        Word::InSync | Word::JobDone => PageMark::Good,
    }
}
