//! The template of a value: only `{{ … }}` is code. The engine never sees the rest, so it loses nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};

use super::engine::{self, Bounded, VALUE_FUEL};
use super::limits::{check_products, names};
use super::scan::{Chunk, Syntax, scan};
use super::{TemplateProblem, explained};

/// What to write for the delimiter itself.
const LITERAL: &str = "to write `{{` itself, write `{{ '{{' }}`";

/// What `~` can join while one value is evaluated, in bytes.
const WORK_MAX: usize = 16 << 20;

/// The statements of Jinja2. Values once had them, so they are refused instead of taken for text.
const STATEMENTS: [&str; 21] = [
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "endfor",
    "set",
    "endset",
    "with",
    "endwith",
    "filter",
    "endfilter",
    "raw",
    "endraw",
    "macro",
    "endmacro",
    "call",
    "endcall",
    "include",
    "block",
    "do",
];

/// A value that was read.
#[derive(Debug)]
pub(crate) struct ValueTemplate<'t> {
    parts: Vec<Chunk<'t>>,
    uses: BTreeSet<String>,
}

/// Why a value cannot be evaluated.
#[derive(Debug)]
pub(crate) enum EvaluationError {
    /// It is longer than what was allowed.
    TooLarge,
    /// It uses a name, or a part of a value, that is not there.
    Undefined(TemplateProblem),
    /// Something else is wrong, of this kind to the engine.
    Other(TemplateProblem, ErrorKind),
}

impl<'t> ValueTemplate<'t> {
    /// Reads a value.
    pub(crate) fn parse(
        text: &'t str,
        environment: &Environment<'_>,
    ) -> Result<Self, TemplateProblem> {
        let parts = scan(text, Syntax::Value).map_err(|problem| match problem.help {
            Some(_) => problem,
            None => problem.with_help(LITERAL),
        })?;
        let mut uses = BTreeSet::new();
        for part in &parts {
            match part {
                Chunk::Text(text, start) => {
                    if let Some(statement) = statement(text) {
                        return Err(no_statements(text, *start, statement));
                    }
                }
                Chunk::Expression(code) if code.trims => {
                    return Err(TemplateProblem::new(
                        "expected `{{ … }}`, found one that removes the blanks beside it",
                        code.at.clone(),
                    )
                    .with_help(format!(
                        "write `{{{{ {} }}}}`, and the text beside it as it is to arrive",
                        code.inner.trim()
                    )));
                }
                Chunk::Expression(code) | Chunk::Statement(code) => {
                    // Compiled by itself, it is an expression, however the engine would read the delimiters.
                    let expression =
                        environment
                            .compile_expression(code.inner)
                            .map_err(|error| {
                                TemplateProblem::new(explained(&error), code.at.clone())
                                    .with_help(LITERAL)
                            })?;
                    uses.extend(expression.undeclared_variables(false));
                }
            }
        }
        Ok(Self { parts, uses })
    }

    /// Every name that it uses, defined or not.
    pub(crate) fn uses(&self) -> &BTreeSet<String> {
        &self.uses
    }

    /// The text, of at most `limit` bytes.
    pub(crate) fn render(
        &self,
        environment: &Environment<'_>,
        context: &Value,
        limit: usize,
    ) -> Result<Vec<u8>, EvaluationError> {
        let mut output = Bounded::new(limit);
        let (mut fuel, mut work) = (VALUE_FUEL, WORK_MAX);
        let used = self
            .uses
            .iter()
            .filter_map(|name| context.get_attr(name).ok());
        let largest = used.map(|value| engine::weight(&value)).max().unwrap_or(0);
        let is_number = |name: &str| {
            let value = context.get_attr(name).ok();
            let kind = value.map(|value| value.kind());
            matches!(kind, Some(ValueKind::Number | ValueKind::Bool))
        };
        for part in &self.parts {
            let code = match part {
                Chunk::Text(text, _) => {
                    if output.bytes.len() + text.len() > limit {
                        return Err(EvaluationError::TooLarge);
                    }
                    output.bytes.extend_from_slice(text.as_bytes());
                    continue;
                }
                Chunk::Expression(code) | Chunk::Statement(code) => code,
            };
            let failed = |error: &Error| {
                let problem = TemplateProblem::new(explained(error), code.at.clone());
                let kind = error.kind();
                if kind == ErrorKind::UndefinedError {
                    EvaluationError::Undefined(problem)
                } else {
                    EvaluationError::Other(problem, kind)
                }
            };
            check_products(code, &is_number)
                .map_err(|problem| EvaluationError::Other(problem, ErrorKind::InvalidOperation))?;
            work = work
                .checked_sub(names(&code.tokens).saturating_mul(largest))
                .ok_or(EvaluationError::TooLarge)?;
            let text = format!("{{{{ {} }}}}", code.inner);
            let template = environment
                .template_from_str(&text)
                .map_err(|e| failed(&e))?;
            let rendered = template.render_captured_to(context.clone(), &mut output);
            let rendered = match rendered {
                _ if output.overflow => return Err(EvaluationError::TooLarge),
                rendered => rendered.map_err(|error| failed(&error))?,
            };
            let used = rendered.state().fuel_levels().map_or(0, |(used, _)| used);
            fuel = fuel
                .checked_sub(used)
                .ok_or_else(|| failed(&Error::from(ErrorKind::OutOfFuel)))?;
        }
        Ok(output.bytes)
    }
}

/// What a value is with these variables, of at most `limit` bytes.
pub(crate) fn evaluate(
    text: &str,
    context: BTreeMap<&str, Value>,
    limit: usize,
) -> Result<Vec<u8>, EvaluationError> {
    let environment = engine::values();
    ValueTemplate::parse(text, &environment)
        .map_err(|problem| EvaluationError::Other(problem, ErrorKind::SyntaxError))?
        .render(&environment, &Value::from_pairs(context), limit)
}

/// A piece of a value.
pub(crate) enum Segment<'t> {
    /// What is no code.
    Text(&'t str),
    /// What stands between `{{` and `}}`, without blanks at its ends.
    Expression(&'t str),
}

/// The pieces of a value; `None` if it is no template.
pub(crate) fn segments(text: &str) -> Option<Vec<Segment<'_>>> {
    let parts = scan(text, Syntax::Value).ok()?;
    let segments = parts.into_iter().map(|part| match part {
        Chunk::Text(text, _) => Segment::Text(text),
        Chunk::Expression(code) | Chunk::Statement(code) => Segment::Expression(code.inner.trim()),
    });
    Some(segments.collect())
}

/// The names that an expression uses.
pub(crate) fn names_of(expression: &str) -> BTreeSet<String> {
    uses(&format!("{{{{ {expression} }}}}"))
}

/// The names that a value uses; none if it is no template.
pub(crate) fn uses(text: &str) -> BTreeSet<String> {
    let environment = engine::values();
    ValueTemplate::parse(text, &environment)
        .map(|template| template.uses)
        .unwrap_or_default()
}

/// Where a text has a statement of Jinja2.
fn statement(text: &str) -> Option<Range<usize>> {
    text.match_indices("{%").find_map(|(open, _)| {
        let inner = text[open + 2..]
            .trim_start_matches(['-', '+'])
            .trim_ascii_start();
        let word = inner
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()?;
        let end = open + text[open..].find("%}")? + 2;
        STATEMENTS.contains(&word).then_some(open..end)
    })
}

fn no_statements(text: &str, start: usize, at: Range<usize>) -> TemplateProblem {
    let found = &text[at.clone()];
    TemplateProblem::new(
        format!(
            "expected only `{{{{ … }}}}`, found {}",
            crate::cluster::diagnostic::quoted(found)
        ),
        start + at.start..start + at.end,
    )
    .with_help(
        "a choice is `{{ 'this' if FLAG else 'that' }}`; to write `{%` itself, write `{{ '{%' }}`",
    )
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
