//! What becomes of one service on one host, and why.

use std::collections::BTreeSet;

use super::reason::{Space, note, reason, some_paths};
use super::text::{commas, wrap};
use super::view::{NoteView, ReasonView, ServiceView, WhereDescribed};
use crate::cluster::model::Supervisor;
use crate::plan::{Action, Change};

/// What becomes of a service, in one or two words.
pub(super) fn word(plan: &ServiceView<'_>) -> &'static str {
    if plan.change == Change::Removed && plan.notes.iter().any(stays) {
        return "stay";
    }
    let waits = |note: &NoteView<'_>| matches!(note, NoteView::WaitsForRun { .. });
    if plan.notes.iter().any(waits) {
        return "wait";
    }
    match (plan.action, plan.change) {
        (Action::Start, _) => "start",
        (Action::Reload, _) => "reload",
        (Action::Restart, _) => "restart",
        (Action::Swap, _) => "swap",
        (Action::Stop, _) => "stop",
        (Action::Pending, _) => "pending",
        (Action::MayRestart, _) => "may restart",
        (Action::Run, _) => "run",
        (Action::MayRun, _) => "may run",
        (Action::None, Change::Added | Change::Changed) => "write",
        (Action::None, Change::Removed) => "remove",
    }
}

/// The names of the variables that were told before, since several services have them.
fn told_before(reasons: &[ReasonView<'_>], space: Space) -> Vec<String> {
    let names: BTreeSet<&str> = reasons.iter().flat_map(told_by).copied().collect();
    match names.is_empty() {
        true => Vec::new(),
        false => wrap(&commas(names), space.room),
    }
}

/// Whether all that is to say of it was told before, since several services have it.
pub(super) fn is_told(view: &ServiceView<'_>) -> bool {
    let restarts = matches!(view.action, Action::Restart | Action::Swap);
    let reasons = &view.reasons;
    restarts
        && view.notes.is_empty()
        && !reasons.is_empty()
        && reasons.iter().all(|why| !told_by(why).is_empty())
}

fn told_by<'v, 'a>(reason: &'v ReasonView<'a>) -> &'v [&'a str] {
    if let ReasonView::Variable { told_by, .. } = reason {
        told_by
    } else {
        &[]
    }
}

/// Whether it is kept back.
fn stays(note: &NoteView<'_>) -> bool {
    matches!(note, NoteView::StaysFor { .. } | NoteView::StaysForRun)
}

/// Why: reasons, then notes, then what else the reader should know. Never empty.
pub(super) fn explain(
    cluster: &str,
    view: &ServiceView<'_>,
    supervisor: Supervisor,
    space: Space,
) -> Vec<String> {
    let ServiceView {
        service,
        unit: _,
        change,
        files,
        action,
        reasons,
        notes,
        half: _,
        described,
    } = view;
    let moves_here = notes
        .iter()
        .any(|note| matches!(note, NoteView::MovesFrom { .. }));
    let moves_away = notes
        .iter()
        .any(|note| matches!(note, NoteView::MovesTo { .. }));
    let mut lines = told_before(reasons, space);
    for why in reasons.iter().filter(|why| told_by(why).is_empty()) {
        // That it moves here says that it is new here.
        if !(*why == ReasonView::New && moves_here) {
            lines.extend(reason(why, space));
        }
    }
    let stays = notes.iter().any(stays);
    if *change == Change::Removed && reasons.is_empty() && !moves_away && !stays {
        let gone = match described {
            WhereDescribed::OnHosts => "no longer placed here",
            WhereDescribed::OnNone => "no longer placed on any host",
            WhereDescribed::Nowhere => "no longer described",
        };
        lines.push(gone.to_owned());
    }
    // The facts first; a note never takes their place.
    let paths: Vec<&str> = files.iter().map(|file| file.path).collect();
    let quiet =
        *action == Action::None && *change == Change::Changed && supervisor.runs_containers();
    if quiet && !paths.is_empty() {
        let paths = some_paths(&paths, space.detail);
        lines.extend(wrap(&format!("{paths}; no restart needed"), space.room));
    } else if lines.is_empty() && !moves_here && *change != Change::Removed && !paths.is_empty() {
        lines.extend(wrap(&some_paths(&paths, space.detail), space.room));
    }
    lines.extend(notes.iter().flat_map(|about| note(about, space)));
    match action {
        Action::Pending => lines.push(format!("waits for `bayplan release {cluster} {service}`")),
        Action::MayRestart => {
            lines.push("if the pull finds another image behind its tag".to_owned());
        }
        Action::Reload if !reasons.is_empty() => {
            lines.push("it runs on, and reads its files again".to_owned());
        }
        Action::MayRun if reasons.is_empty() => {
            lines.push("if the pull finds another image behind its tag".to_owned());
        }
        Action::MayRun => lines.push("if a pull finds another image".to_owned()),
        Action::Run => {
            lines.push("what it does is not undone, also if the release fails".to_owned())
        }
        Action::None
        | Action::Start
        | Action::Reload
        | Action::Restart
        | Action::Swap
        | Action::Stop => {}
    }
    if lines.is_empty() {
        lines.push(
            match supervisor.runs_containers() {
                true => "its files are as they should be; enabled and loaded anew",
                false => "its links in *.wants are put back",
            }
            .to_owned(),
        );
    }
    lines
}
