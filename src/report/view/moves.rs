//! A service that moves from hosts to others.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::Detail;
use super::super::moves::Move;
use super::{NoteView, ReasonView, ServiceView};
use crate::cluster::model::{Cluster, Supervisor};
use crate::plan::reason::Reason;

/// A service that moves: both of its halves, which stand at their hosts as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MoveView<'a> {
    /// The service.
    pub service: &'a str,
    /// The hosts that lose it.
    pub from: Vec<&'a str>,
    /// The hosts that gain it.
    pub to: Vec<&'a str>,
    /// Why it changes besides.
    pub reasons: Vec<ReasonView<'a>>,
    /// What happens on the first of the hosts that gain it.
    #[serde(skip)]
    pub gain: ServiceView<'a>,
    /// Notes on the first of the hosts that lose it.
    #[serde(skip)]
    pub loss_notes: Vec<NoteView<'a>>,
    /// What runs containers on the first of the hosts that gain it.
    #[serde(skip)]
    pub supervisor: Supervisor,
}

impl<'a> MoveView<'a> {
    pub(super) fn of(cluster: &Cluster, it: &Move<'a>, detail: Detail) -> Self {
        let reasons = it.gain.reasons.iter().filter(|why| **why != Reason::New);
        Self {
            service: it.service.as_str(),
            from: it.from.iter().map(|host| host.as_str()).collect(),
            to: it.to.iter().map(|host| host.as_str()).collect(),
            reasons: reasons.map(|why| ReasonView::of(why, it.service)).collect(),
            gain: ServiceView::of(cluster, &[], it.gain, detail),
            loss_notes: it.loss.notes.iter().map(NoteView::of).collect(),
            supervisor: cluster.supervisor(it.to[0]),
        }
    }
}
