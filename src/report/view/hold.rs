//! Who holds something, as it is shown.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::moment;
use crate::cluster::name::ServiceName;
use crate::plan::observed::{HoldTime, ObservedHold};
use crate::render::hold::Hold;

/// Who holds a cluster or a service, until when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HoldView<'a> {
    /// Who does.
    pub who: &'a str,
    /// Since when, by the clock of who does; null where that is not known.
    pub since: Option<Timestamp>,
    /// Until when; null until somebody ends it.
    pub until: Option<Timestamp>,
    /// Why, or null.
    pub why: Option<&'a str>,
}

impl<'a> HoldView<'a> {
    /// What hosts keep of it.
    #[must_use]
    pub fn of(hold: &'a Hold) -> Self {
        let Hold {
            format: _,
            who,
            since,
            until,
            why,
            drains: _,
        } = hold;
        Self {
            who,
            since: moment(Some(*since).filter(|since| *since > 0)),
            until: moment(*until),
            why: why.as_deref(),
        }
    }
}

/// A service that somebody holds on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HeldView<'a> {
    /// The service.
    pub service: &'a str,
    /// Who holds it.
    pub hold: HoldView<'a>,
    /// The time of that is over: the next release starts it.
    pub over: bool,
}

impl<'a> HeldView<'a> {
    /// What a host keeps of it.
    #[must_use]
    pub fn of((service, held): (&'a ServiceName, &'a ObservedHold)) -> Self {
        Self {
            service: service.as_str(),
            hold: HoldView::of(&held.hold),
            over: held.time == HoldTime::Over,
        }
    }
}
