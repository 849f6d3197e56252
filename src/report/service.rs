//! What becomes of one service on one host, and why.

use super::reason::{Space, note, reason, some_paths};
use super::text::wrap;
use super::view::ReasonView;
use crate::cluster::model::{Cluster, Supervisor};
use crate::plan::reason::Reason;
use crate::plan::{Action, Change, Note, ServicePlan};

/// What becomes of a service, in one or two words.
pub(super) fn word(plan: &ServicePlan) -> &'static str {
    if plan.change == Change::Removed && plan.notes.iter().any(stays) {
        return "stay";
    }
    match (plan.action, plan.change) {
        (Action::Start, _) => "start",
        (Action::Restart, _) => "restart",
        (Action::Stop, _) => "stop",
        (Action::Pending, _) => "pending",
        (Action::MayRestart, _) => "may restart",
        (Action::None, Change::Added | Change::Changed) => "write",
        (Action::None, Change::Removed) => "remove",
    }
}

/// Whether it is kept back.
fn stays(note: &Note) -> bool {
    matches!(note, Note::StaysFor { .. })
}

/// Why: reasons, then notes, then what else the reader should know. Never empty.
pub(super) fn explain(
    cluster: &Cluster,
    plan: &ServicePlan,
    supervisor: Supervisor,
    space: Space,
) -> Vec<String> {
    let ServicePlan {
        service,
        unit: _,
        change,
        files,
        action,
        reasons,
        notes,
    } = plan;
    let moves_here = notes
        .iter()
        .any(|note| matches!(note, Note::MovesFrom { .. }));
    let moves_away = notes
        .iter()
        .any(|note| matches!(note, Note::MovesTo { .. }));
    let mut lines = Vec::new();
    for why in reasons {
        // That it moves here says that it is new here.
        if !(*why == Reason::New && moves_here) {
            lines.extend(reason(&ReasonView::of(why, service), space));
        }
    }
    let stays = notes.iter().any(stays);
    if *change == Change::Removed && reasons.is_empty() && !moves_away && !stays {
        let placed = cluster.services.get(service);
        lines.push(match placed {
            Some(model) if !model.hosts.is_empty() => "no longer placed here".to_owned(),
            Some(_) => "no longer placed on any host".to_owned(),
            None => "no longer described".to_owned(),
        });
    }
    // The facts first; a note never takes their place.
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
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
        Action::Pending => lines.push(format!(
            "waits for `bayplan release {} {service}`",
            cluster.name
        )),
        Action::MayRestart => {
            lines.push("if the pull finds another image behind its tag".to_owned());
        }
        Action::None | Action::Start | Action::Restart | Action::Stop => {}
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
