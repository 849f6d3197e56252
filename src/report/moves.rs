//! Services that move: what starts on one host and stops on another is one thing, told once.

use super::reason::Space;
use super::reason::note;
use super::service::explain;
use super::view::{MoveView, NoteView, ServiceView};
use crate::cluster::name::{HostName, ServiceName};
use crate::plan::{Change, Note, Plan, ServicePlan};

/// A service that moves.
pub(super) struct Move<'a> {
    pub service: &'a ServiceName,
    pub from: Vec<&'a HostName>,
    pub to: Vec<&'a HostName>,
    /// Its halves: what happens on the first of the hosts that gain it, and on the first that lose it.
    pub gain: &'a ServicePlan,
    pub loss: &'a ServicePlan,
}

/// Every service that moves, by name. One whose halves are not both in the plan is none.
pub(super) fn moves(plan: &Plan) -> Vec<Move<'_>> {
    let mut found: Vec<Move<'_>> = Vec::new();
    for (host, gain) in halves(plan, gains) {
        match found
            .iter_mut()
            .find(|other| *other.service == gain.service)
        {
            Some(other) => other.to.push(host),
            None => {
                let losses: Vec<_> = halves(plan, loses)
                    .filter(|(_, loss)| loss.service == gain.service)
                    .collect();
                if let Some((_, loss)) = losses.first() {
                    found.push(Move {
                        service: &gain.service,
                        from: losses.iter().map(|(host, _)| *host).collect(),
                        to: vec![host],
                        gain,
                        loss,
                    });
                }
            }
        }
    }
    found.sort_by_key(|it| it.service);
    found
}

/// Whether a service's part on a host is told as part of one of these.
pub(super) fn is_half(moves: &[Move<'_>], service: &ServicePlan) -> bool {
    let half = gains(service) || loses(service);
    half && moves.iter().any(|it| *it.service == service.service)
}

fn halves(
    plan: &Plan,
    half: fn(&ServicePlan) -> bool,
) -> impl Iterator<Item = (&HostName, &ServicePlan)> {
    let hosts = plan.hosts.iter();
    let services = hosts.flat_map(|(host, at)| at.services.iter().map(move |it| (host, it)));
    services.filter(move |(_, service)| half(service))
}

fn gains(service: &ServicePlan) -> bool {
    let mut notes = service.notes.iter();
    service.change == Change::Added && notes.any(|note| matches!(note, Note::MovesFrom { .. }))
}

fn loses(service: &ServicePlan) -> bool {
    let mut notes = service.notes.iter();
    service.change == Change::Removed && notes.any(|note| matches!(note, Note::MovesTo { .. }))
}

/// What else changes of a service that moves, and what else there is to know. Never empty.
pub(super) fn explain_move(cluster: &str, view: &MoveView<'_>, space: Space) -> Vec<String> {
    let said = |note: &&NoteView<'_>| {
        !matches!(note, NoteView::MovesFrom { .. } | NoteView::MovesTo { .. })
    };
    let gain = ServiceView {
        reasons: view.reasons.clone(),
        notes: view.gain.notes.iter().filter(said).cloned().collect(),
        files: Vec::new(),
        ..view.gain.clone()
    };
    let mut lines = match gain.reasons.is_empty() && gain.notes.is_empty() {
        true => vec!["nothing else changes".to_owned()],
        false => explain(cluster, &gain, view.supervisor, space),
    };
    let notes = view.loss_notes.iter().filter(said);
    for line in notes.flat_map(|about| note(about, space)) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}
