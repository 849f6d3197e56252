//! Templates of whole texts within bounds: of units, and of files that containers get.

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::{Environment, Error, ErrorKind, Template, Value};

use super::TemplateProblem;
use super::engine::{self, Bounded};
use super::limits::{check_products, names};
use super::scan::{Chunk, Code, Syntax, Token, scan};

/// The largest template, in bytes. The built-in one of units has 2,400.
const SOURCE_MAX: usize = 64 << 10;

/// The largest text that a template makes, in bytes.
pub(in crate::cluster) const MADE_MAX: usize = 4 << 20;

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

/// What a template makes.
#[derive(Clone, Copy)]
pub(crate) enum Makes<'a> {
    /// A unit.
    Unit,
    /// A file of a container; which names are numbers.
    File(&'a dyn Fn(&str) -> bool),
}

impl Makes<'_> {
    /// With its article.
    fn what(self) -> &'static str {
        match self {
            Makes::Unit => "a unit",
            Makes::File(_) => "a file",
        }
    }

    fn is_number(self, name: &str) -> bool {
        match self {
            Makes::Unit => ["port", "stop_timeout", "start_limit", "stop_limit"].contains(&name),
            Makes::File(is_number) => is_number(name),
        }
    }

    /// What to say of a name that is not there.
    fn names(self) -> Option<&'static str> {
        match self {
            Makes::Unit => Some(
                "a unit template has cluster, service, unit, engine, program, inputs, directory, \
                 fingerprint, arguments, command, wait, stop_timeout, start_limit, stop_limit, \
                 wanted_by, image, port, variables, needs, after, prepare, make and connect",
            ),
            Makes::File(_) => None,
        }
    }
}

/// The engine for unit templates whose lists have so many items, all together.
pub(crate) fn units<'source>(items: usize) -> Environment<'source> {
    engine::units(fuel(items))
}

/// The engine for templates of files.
pub(in crate::cluster) fn files<'source>(items: usize) -> Environment<'source> {
    engine::files(fuel(items))
}

fn fuel(items: usize) -> u64 {
    let items = u64::try_from(items).unwrap_or(u64::MAX);
    FUEL.saturating_add(items.saturating_mul(FUEL_PER_ITEM))
}

/// A template that keeps to the rules, and parses.
pub(crate) struct TextTemplate<'e, 's, 'm> {
    template: Template<'e, 's>,
    source: &'s str,
    makes: Makes<'m>,
    /// How many times as large as all that it gets a text of it can become.
    growth: usize,
    ranges: usize,
}

/// Why a template makes no text.
#[derive(Debug)]
pub(crate) struct Unmade {
    /// What is wrong.
    pub problem: TemplateProblem,
    /// Whether a name, or a part of a value, is not there.
    pub undefined: bool,
}

impl From<TemplateProblem> for Unmade {
    fn from(problem: TemplateProblem) -> Self {
        Self {
            problem,
            undefined: false,
        }
    }
}

impl<'e, 's, 'm> TextTemplate<'e, 's, 'm> {
    /// Reads a template.
    pub(crate) fn parse(
        environment: &'e Environment<'s>,
        source: &'s str,
        makes: Makes<'m>,
    ) -> Result<Self, TemplateProblem> {
        let (growth, ranges) = check(source, makes)?;
        let template = environment
            .template_from_str(source)
            .map_err(|error| problem(source, &error))?;
        Ok(Self {
            template,
            source,
            makes,
            growth,
            ranges,
        })
    }

    /// Every name that it uses and does not set itself.
    pub(in crate::cluster) fn uses(&self) -> BTreeSet<String> {
        let names = self.template.undeclared_variables(false);
        names.into_iter().collect()
    }

    /// The text.
    pub(crate) fn render(&self, context: Value) -> Result<String, Unmade> {
        let given = engine::weight(&context) + self.source.len() + self.ranges * RANGE_TEXT;
        if given.saturating_mul(self.growth) > TEXT_MAX {
            let problem = TemplateProblem::new(
                "expected texts that grow a little, found ones that are made of each other many times",
                0..0,
            );
            return Err(problem
                .with_help("use fewer names in `{% set %}`, `{% with %}` and `{% for %}`")
                .into());
        }
        let mut output = Bounded::new(MADE_MAX);
        let rendered = self.template.render_captured_to(context, &mut output);
        if output.overflow {
            let what = self.makes.what();
            let message =
                format!("expected {what} of at most {MADE_MAX} bytes, the template makes more");
            return Err(TemplateProblem::new(message, 0..0).into());
        }
        rendered.map_err(|error| {
            let undefined = error.kind() == ErrorKind::UndefinedError;
            let mut problem = problem(self.source, &error);
            if undefined {
                problem.help = self.makes.names().map(str::to_owned);
            }
            Unmade { problem, undefined }
        })?;
        String::from_utf8(output.bytes).map_err(|_| {
            TemplateProblem::new("expected UTF-8, the template makes other bytes", 0..0).into()
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
    TemplateProblem::new(message, at.unwrap_or(0..0))
}

/// Where a template names something first in the code that has these bytes, within them if it is there.
pub(in crate::cluster) fn place_within(
    source: &str,
    within: Range<usize>,
    name: &str,
) -> Option<Range<usize>> {
    let chunks = scan(source, Syntax::Unit).ok()?;
    let code = chunks.iter().filter_map(|chunk| match chunk {
        Chunk::Expression(code) | Chunk::Statement(code) => Some(code),
        Chunk::Text(..) => None,
    });
    let all = code.filter(|code| code.at.start < within.end && within.start < code.at.end);
    let exact = |code: &Code<'_>| find_name(source, code.at.clone(), &within, name);
    let around = |code: &Code<'_>| find_name(source, code.at.clone(), &code.at, name);
    let found = all.clone().find_map(exact);
    found.or_else(|| all.clone().find_map(around))
}

/// The first place of a name in code, of those that are within some bytes.
fn find_name(
    source: &str,
    code: Range<usize>,
    within: &Range<usize>,
    name: &str,
) -> Option<Range<usize>> {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let text = &source[code.clone()];
    let mut found = text.match_indices(name);
    let (at, _) = found.find(|(at, _)| {
        let start = code.start + at;
        within.start <= start
            && start + name.len() <= within.end
            && !text[..*at].ends_with(goes_on)
            && !text[at + name.len()..].starts_with(goes_on)
    })?;
    Some(code.start + at..code.start + at + name.len())
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
fn check(source: &str, makes: Makes<'_>) -> Result<(usize, usize), TemplateProblem> {
    if source.len() > SOURCE_MAX {
        return Err(TemplateProblem::new(
            format!(
                "expected a template of {} of at most {SOURCE_MAX} bytes, found {}",
                makes.what(),
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
        check_products(code, &|name| makes.is_number(name))?;
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
    .with_help("other statements are not there in a template"))
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
#[path = "text_tests.rs"]
mod tests;
