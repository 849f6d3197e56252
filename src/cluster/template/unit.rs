//! Unit templates within bounds.

use std::ops::Range;

use minijinja::{Environment, Error, ErrorKind, Template, Value};

use super::TemplateProblem;
use super::engine::{self, Bounded};
use super::limits::{check_products, names};
use super::scan::{Chunk, Code, Syntax, Token, scan};

/// The largest unit template, in bytes. The built-in one has 2,400.
const SOURCE_MAX: usize = 64 << 10;

/// The largest unit, in bytes.
const UNIT_MAX: usize = 4 << 20;

/// Statements of a template, their ends included: the engine's parser recurses with `{% elif %}`.
const STATEMENTS_MAX: usize = 500;

/// Instructions that a template may take, beside what its lists need.
const FUEL: u64 = 20_000;
/// Instructions for each item of the lists that a template gets.
const FUEL_PER_ITEM: u64 = 50;

/// What texts that are made of each other may come to, in bytes.
const TEXT_MAX: usize = 256 << 20;

/// What a range takes at most as text.
const RANGE_TEXT: usize = 8 << 10;

/// The statements that there are.
const STATEMENTS: [&str; 11] = [
    "if", "elif", "else", "endif", "for", "endfor", "set", "endset", "with", "endwith", "raw",
];

/// Names of the context, and of loops, that are numbers.
const NUMBERS: [&str; 4] = ["port", "stop_timeout", "start_limit", "stop_limit"];

/// The engine for unit templates whose lists have so many items, all together.
pub(crate) fn environment<'source>(items: usize) -> Environment<'source> {
    let items = u64::try_from(items).unwrap_or(u64::MAX);
    engine::units(FUEL.saturating_add(items.saturating_mul(FUEL_PER_ITEM)))
}

/// A template that keeps to the rules, and parses.
pub(crate) struct UnitTemplate<'e, 's> {
    template: Template<'e, 's>,
    source: &'s str,
    /// How many times as large as all that it gets a text of it can become.
    growth: usize,
    ranges: usize,
}

impl<'e, 's> UnitTemplate<'e, 's> {
    /// Reads a template.
    pub(crate) fn parse(
        environment: &'e Environment<'s>,
        source: &'s str,
    ) -> Result<Self, TemplateProblem> {
        let (growth, ranges) = check(source)?;
        let template = environment
            .template_from_str(source)
            .map_err(|error| problem(source, &error))?;
        Ok(Self {
            template,
            source,
            growth,
            ranges,
        })
    }

    /// The unit's text.
    pub(crate) fn render(&self, context: Value) -> Result<String, TemplateProblem> {
        let given = engine::weight(&context) + self.source.len() + self.ranges * RANGE_TEXT;
        if given.saturating_mul(self.growth) > TEXT_MAX {
            return Err(TemplateProblem::new(
                "expected texts that grow a little, found ones that are made of each other many times",
                0..0,
            )
            .with_help("use fewer names in `{% set %}`, `{% with %}` and `{% for %}`"));
        }
        let mut output = Bounded::new(UNIT_MAX);
        let rendered = self.template.render_captured_to(context, &mut output);
        if output.overflow {
            return Err(TemplateProblem::new(
                format!("expected a unit of at most {UNIT_MAX} bytes, the template makes more"),
                0..0,
            ));
        }
        rendered.map_err(|error| problem(self.source, &error))?;
        String::from_utf8(output.bytes).map_err(|_| {
            TemplateProblem::new("expected UTF-8, the template makes other bytes", 0..0)
        })
    }
}

fn problem(source: &str, error: &Error) -> TemplateProblem {
    let undefined = error.kind() == ErrorKind::UndefinedError;
    let message = match (error.detail(), error.kind()) {
        (Some(detail), _) if undefined || error.kind() == ErrorKind::SyntaxError => {
            detail.to_owned()
        }
        (_, ErrorKind::OutOfFuel) => "the template takes too many steps".to_owned(),
        (Some(detail), kind) => format!("{kind}: {detail}"),
        (None, kind) => kind.to_string(),
    };
    let at = error.range().or_else(|| line(source, error.line()?));
    let problem = TemplateProblem::new(message, at.unwrap_or(0..0));
    match undefined {
        true => problem.with_help(
            "a unit template has cluster, service, unit, engine, program, inputs, directory, \
             fingerprint, arguments, command, wait, stop_timeout, start_limit, stop_limit, \
             wanted_by, image, port, variables and needs",
        ),
        false => problem,
    }
}

/// A line, from 1, without the blanks around it.
fn line(source: &str, number: usize) -> Option<Range<usize>> {
    let start = match number.checked_sub(2) {
        None => 0,
        Some(nth) => source.match_indices('\n').nth(nth)?.0 + 1,
    };
    let line = source[start..].lines().next().unwrap_or_default();
    let indent = line.len() - line.trim_start().len();
    Some(start + indent..start + line.len())
}

/// Checks the rules; how much texts can grow, and how many ranges there are.
fn check(source: &str) -> Result<(usize, usize), TemplateProblem> {
    if source.len() > SOURCE_MAX {
        return Err(TemplateProblem::new(
            format!(
                "expected a unit template of at most {SOURCE_MAX} bytes, found {}",
                source.len()
            ),
            0..0,
        ));
    }
    let (mut growth, mut shown) = (1_usize, 1_usize);
    let (mut statements, mut captures, mut ranges) = (0, 0_usize, 0);
    for part in scan(source, Syntax::Unit)? {
        let code = match &part {
            Chunk::Text(..) => continue,
            Chunk::Expression(code) => {
                shown = shown.max(names(&code.tokens));
                code
            }
            Chunk::Statement(code) => {
                statements += 1;
                match keyword(code)? {
                    "if" | "elif" => shown = shown.max(names(&code.tokens)),
                    "set" if !code.tokens.contains(&Token::Symbol("=")) => captures += 1,
                    "endset" => captures = captures.saturating_sub(1),
                    "for" if captures > 0 => {
                        return Err(TemplateProblem::new(
                            "expected no `{% for %}` between `{% set %}` and `{% endset %}`, found one",
                            code.at.clone(),
                        )
                        .with_help("use a filter, such as `{{ arguments | join(' ') }}`"));
                    }
                    "set" | "for" | "with" => {
                        // Without the statement's own word, and a loop's variables.
                        let tokens = &code.tokens[1..];
                        let given = tokens.iter().position(|token| *token == Token::Name("in"));
                        let given = given.map_or(tokens, |at| &tokens[at..]);
                        growth = growth.saturating_mul(names(given).max(1));
                    }
                    _ => {}
                }
                code
            }
        };
        check_products(code, &|name| NUMBERS.contains(&name))?;
        check_loops(code)?;
        let range = |token: &&Token<'_>| **token == Token::Name("range");
        ranges += code.tokens.iter().filter(range).count();
        if statements > STATEMENTS_MAX {
            return Err(TemplateProblem::new(
                format!("expected at most {STATEMENTS_MAX} statements, found more"),
                code.at.clone(),
            ));
        }
    }
    Ok((growth.saturating_mul(shown), ranges))
}

fn keyword<'t>(code: &Code<'t>) -> Result<&'t str, TemplateProblem> {
    let word = match code.tokens.first() {
        Some(Token::Name(word)) => *word,
        _ => "",
    };
    if STATEMENTS.contains(&word) {
        return Ok(word);
    }
    Err(TemplateProblem::new(
        format!(
            "expected `if`, `for`, `set`, `with` or `raw`, found {}",
            crate::cluster::diagnostic::quoted(code.inner.trim())
        ),
        code.at.clone(),
    )
    .with_help("other statements are not there in a unit template"))
}

/// A loop that calls itself takes as long as it likes.
fn check_loops(code: &Code<'_>) -> Result<(), TemplateProblem> {
    let calls = code
        .tokens
        .windows(2)
        .any(|two| two == [Token::Name("loop"), Token::Symbol("(")]);
    match calls {
        true => Err(TemplateProblem::new(
            "expected a loop that does not call itself, found `loop(…)`",
            code.at.clone(),
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
#[path = "unit_tests.rs"]
mod tests;
