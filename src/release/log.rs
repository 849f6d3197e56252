//! What an activation says while it works: its steps as events, and what failed.

use std::collections::BTreeSet;

use super::event::EventKind;
use super::mask::Mask;
use super::problem::{FailedStep, Journal, Then, UnitLine, WhyHidden};
use crate::cluster::model::Excerpts;
use crate::host::activate::activity::ActivationProgress;
use crate::host::activate::event;
use crate::plan::WayBack;
use crate::plan::step::Step;

/// What the script of an activation says, read line by line.
pub(super) struct ActivationLog<'a, E> {
    steps: &'a [Step],
    /// What the host does if one of them fails.
    way_back: Option<&'a WayBack>,
    journals: Journals<'a>,
    event: &'a E,
    pub(super) at: ActivationProgress,
    failed: FailedStep,
    /// What was said before the script's first word: why it could not begin.
    pub(super) before: Vec<String>,
    pub(super) ended: bool,
    /// Whether the host wrote a line into its history.
    pub(super) recorded: bool,
}

/// How what units printed is shown.
pub(super) struct Journals<'a> {
    pub(super) shown: Excerpts,
    pub(super) mask: &'a Mask,
    /// Units with secrets that cannot be masked.
    pub(super) unmasked: &'a BTreeSet<String>,
}

impl Journals<'_> {
    /// Why those of this unit are not.
    fn hidden(&self, unit: &str) -> Option<WhyHidden> {
        match self.shown {
            Excerpts::Hidden => Some(WhyHidden::Described),
            Excerpts::Shown => self
                .unmasked
                .contains(unit)
                .then_some(WhyHidden::UnknownSecrets),
        }
    }
}

impl<'a, E: Fn(EventKind)> ActivationLog<'a, E> {
    pub(super) fn new(
        steps: &'a [Step],
        way_back: Option<&'a WayBack>,
        journals: Journals<'a>,
        event: &'a E,
    ) -> Self {
        Self {
            steps,
            way_back,
            journals,
            event,
            at: ActivationProgress::default(),
            failed: FailedStep {
                step: None,
                errors: Vec::new(),
                states: Vec::new(),
                journal: Journal::Lines(Vec::new()),
                then: Then::Left,
            },
            before: Vec::new(),
            ended: false,
            recorded: false,
        }
    }

    /// Hears one line.
    pub(super) fn line(&mut self, line: &str) {
        let Some(said) = event::ScriptEvent::parse(line) else {
            if self.at.of == 0 && !line.is_empty() {
                self.before.push(self.journals.mask.line(line));
            }
            return;
        };
        self.at.hear(&said);
        let way_back = match &mut self.failed.then {
            Then::Left | Then::PutBack => None,
            Then::NotPutBack { errors } => Some(errors),
        };
        match said {
            event::ScriptEvent::Started { number, .. } => {
                if let Some(step) = self.steps.get(number) {
                    (self.event)(EventKind::Step {
                        number: number + 1,
                        of: self.steps.len(),
                        step: step.clone(),
                    });
                }
            }
            event::ScriptEvent::Failed(number) if way_back.is_none() => {
                self.failed.step = self.steps.get(number).cloned();
            }
            event::ScriptEvent::Error(text) => {
                let text = self.journals.mask.line(&text);
                way_back.unwrap_or(&mut self.failed.errors).push(text);
            }
            event::ScriptEvent::State { unit, text } if way_back.is_none() => {
                self.failed.states.push(UnitLine {
                    unit: unit.clone(),
                    text: self.journals.mask.line(&text),
                });
                if let Some(why) = self.journals.hidden(&unit) {
                    self.failed.journal = Journal::Hidden { unit, why };
                }
            }
            event::ScriptEvent::Journal { unit, text } if way_back.is_none() => {
                if self.journals.hidden(&unit).is_none()
                    && let Journal::Lines(lines) = &mut self.failed.journal
                {
                    let text = self.journals.mask.line(&text);
                    lines.push(UnitLine { unit, text });
                }
            }
            event::ScriptEvent::PuttingBack => {
                // It holds until the script says that it is done.
                self.failed.then = Then::NotPutBack { errors: Vec::new() };
                (self.event)(EventKind::PuttingBack { step: None });
            }
            event::ScriptEvent::Back { number, .. } => {
                let back = self.way_back.and_then(|way| way.steps.get(number));
                let step = back.map(|back| &back.step);
                if let Some(step) = step.filter(|step| step.kind().is_followed()) {
                    let step = Some(step.clone());
                    (self.event)(EventKind::PuttingBack { step });
                }
            }
            event::ScriptEvent::PutBack => {
                self.failed.then = Then::PutBack;
                (self.event)(EventKind::PutBack);
            }
            event::ScriptEvent::Recorded => self.recorded = true,
            event::ScriptEvent::Ended => self.ended = true,
            event::ScriptEvent::Soaking(_) => (self.event)(EventKind::Soaking {
                at: self.at.clone(),
            }),
            event::ScriptEvent::Begun { .. }
            | event::ScriptEvent::Doing(_)
            | event::ScriptEvent::Failed(_)
            | event::ScriptEvent::State { .. }
            | event::ScriptEvent::Journal { .. }
            | event::ScriptEvent::Done(_)
            | event::ScriptEvent::Skipped(_)
            | event::ScriptEvent::Note(_) => {}
        }
    }

    /// Whether the host is as it was before.
    pub(super) fn is_back(&self) -> bool {
        self.failed.then == Then::PutBack
    }

    /// What it was that did not come to its end.
    pub(super) fn failure(self) -> FailedStep {
        let mut failed = self.failed;
        if failed.errors.is_empty() {
            failed.errors = if self.at.of == 0 && !self.before.is_empty() {
                self.before
            } else if self.at.doing.is_empty() {
                vec!["the activation was ended from outside".to_owned()]
            } else {
                let ActivationProgress { step, of, doing } = &self.at;
                vec![format!(
                    "the activation was ended from outside at step {step} of {of}, {doing}"
                )]
            };
        }
        failed
    }
}
