//! What is wrong with a unit template.

use std::fmt;
use std::ops::Range;

use crate::cluster::diagnostic::{Diagnostic, Level, Place};
use crate::cluster::model::Service;
use crate::cluster::name::ServiceName;
use crate::cluster::template::TemplateProblem;

/// A template that fails, or that makes a unit which bayplan could not run or recognise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderError {
    /// The template's path in the config repository, or `built-in`.
    pub origin: String,
    /// The template's line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// The bytes of the template that are to blame.
    pub span: Option<Range<usize>>,
    /// The first service, by name, that it happened with; others may follow.
    pub service: ServiceName,
    /// The expected first, the actual second.
    pub message: String,
    /// What to type.
    pub help: Option<String>,
}

impl RenderError {
    /// A template that fails.
    pub(super) fn of_template(service: &Service, problem: &TemplateProblem) -> Self {
        let source = &service.template.source;
        let before = source.get(..problem.at.start).unwrap_or_default();
        // A problem of the whole template has no line.
        let known = !problem.at.is_empty();
        Self {
            origin: service.template.origin.clone(),
            line: known.then(|| 1 + before.matches('\n').count()),
            span: known.then(|| problem.at.clone()),
            service: service.name.clone(),
            message: problem.message.clone(),
            help: problem.help.clone(),
        }
    }

    /// A rule that the rendered unit breaks.
    pub(super) fn of_unit(service: &Service, message: String, help: Option<&str>) -> Self {
        Self {
            origin: service.template.origin.clone(),
            line: None,
            span: None,
            service: service.name.clone(),
            message,
            help: help.map(str::to_owned),
        }
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {} (for service {})", self.message, self.service)
    }
}

impl std::error::Error for RenderError {}

impl From<RenderError> for Diagnostic {
    fn from(error: RenderError) -> Self {
        let label = format!("for service {}", error.service);
        Diagnostic {
            level: Level::Error,
            title: error.message,
            place: Place {
                path: error.origin,
                span: error.span,
                label,
            },
            related: Vec::new(),
            help: error.help,
        }
    }
}
