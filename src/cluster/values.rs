//! Evaluates the values of variables. A value may use other variables (`{{ NAME }}`), so they are
//! evaluated in the order in which they depend on each other.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, escape_formatter,
};

use super::description::{Assignment, Scalar};
use super::diagnostic::{Diagnostic, quoted};
use super::read::{At, Problems, Spot};
use super::secret::{DEPTH_MAX, Secret, Used};
use super::shape;
use super::sources::Sources;

/// `execve(2)` refuses an argument or `NAME=value` of 128 KiB with its final NUL
/// (`MAX_ARG_STRLEN`).
pub(super) const VARIABLE_MAX: usize = 131_072;

/// Instructions that one value may take: a hundred times what a long one needs, and too few to
/// keep anybody waiting.
const FUEL: u64 = 10_000;

/// What is known of a variable's value.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Known {
        text: String,
        /// The same value as templates see it: integers and booleans keep their type, so that
        /// `{% if FLAG %}` means what it says.
        value: Value,
    },
    /// It is a secret, so nobody knows it here.
    Secret(Secret),
    /// It has a problem that was reported; what depends on it is not reported again.
    Failed,
}

impl Outcome {
    /// A value that is known from the start.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Outcome::Known {
            value: Value::from(text.as_str()),
            text,
        }
    }

    /// A port.
    pub fn number(number: u16) -> Self {
        Outcome::Known {
            text: number.to_string(),
            value: Value::from(number),
        }
    }
}

/// Outcomes by variable name.
pub(super) type Values = BTreeMap<String, Outcome>;

/// A value whose names are known and that waits for its turn.
struct Waiting<'a> {
    assignment: &'a Assignment,
    text: &'a At<String>,
    /// Every name that it uses, defined or not.
    uses: BTreeSet<String>,
}

/// Evaluates definitions within one scope.
pub(super) struct Evaluator<'a> {
    environment: Environment<'static>,
    sources: &'a Sources,
}

/// The settings of the template engine for values, which every evaluation must share.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // minijinja writes Python's `False`; a variable's value is `false`, used here or there.
    environment.set_formatter(|out, state, value| match bool::try_from(value.clone()) {
        Ok(flag) if value.kind() == ValueKind::Bool => Ok(write!(out, "{flag}")?),
        _ => escape_formatter(out, state, value),
    });
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    let mut syntax = SyntaxConfig::builder();
    syntax.keep_trailing_newline(true);
    environment.set_syntax(syntax.build().expect("these are the default delimiters"));
    // What takes a width or builds deep values can ask for endless memory in one
    // instruction, where fuel is no limit.
    for filter in ["indent", "format", "pprint", "batch", "slice"] {
        environment.remove_filter(filter);
    }
    for global in ["debug", "namespace"] {
        environment.remove_global(global);
    }
    environment
}

/// The names that an expression uses.
pub(super) fn names_of(expression: &str) -> HashSet<String> {
    let environment = environment();
    let template = format!("{{{{ {expression} }}}}");
    let template = environment.template_from_str(&template);
    template.map_or_else(
        |_| HashSet::new(),
        |template| template.undeclared_variables(false),
    )
}

impl<'a> Evaluator<'a> {
    pub fn new(sources: &'a Sources) -> Self {
        Self {
            environment: environment(),
            sources,
        }
    }

    /// The values of all definitions, which may use each other and `outer`, of which an earlier one
    /// hides a later one; a definition hides them all. `explain` says what to do about an unknown
    /// name.
    pub fn evaluate(
        &self,
        definitions: &BTreeMap<String, &Assignment>,
        outer: [&Values; 2],
        explain: &dyn Fn(&str) -> Option<String>,
        problems: &mut Problems,
    ) -> Values {
        let mut values = Values::new();
        let mut texts = BTreeMap::new();
        for (name, assignment) in definitions {
            let outcome = match &assignment.value {
                None => Outcome::Failed,
                Some(At { value, spot }) => match value {
                    Scalar::Integer(number) => Outcome::Known {
                        text: number.to_string(),
                        value: Value::from(*number),
                    },
                    Scalar::Boolean(value) => Outcome::Known {
                        text: value.to_string(),
                        value: Value::from(*value),
                    },
                    Scalar::Text(text) => match carried(name, text, spot, problems) {
                        true if ["{{", "{%", "{#"].iter().any(|open| text.contains(open)) => {
                            let text = At {
                                value: text.clone(),
                                spot: spot.clone(),
                            };
                            texts.insert(name.as_str(), (*assignment, text));
                            continue;
                        }
                        true => Outcome::text(text),
                        false => Outcome::Failed,
                    },
                },
            };
            values.insert(name.clone(), outcome);
        }
        let mut waiting = self.parse(&texts, &mut values, problems);
        for name in in_order(&waiting) {
            let ready = waiting.remove(&name).expect("each name comes once");
            let outcome = self.render(&name, &ready, &values, outer, explain, problems);
            values.insert(name, outcome);
        }
        report_cycles(&waiting, problems);
        for name in waiting.into_keys() {
            values.insert(name, Outcome::Failed);
        }
        values
    }

    fn parse<'t>(
        &self,
        texts: &'t BTreeMap<&str, (&'t Assignment, At<String>)>,
        values: &mut Values,
        problems: &mut Problems,
    ) -> BTreeMap<String, Waiting<'t>> {
        let mut waiting = BTreeMap::new();
        for (name, (assignment, text)) in texts {
            match self.environment.template_from_str(&text.value) {
                Ok(template) => {
                    let uses = template.undeclared_variables(false).into_iter().collect();
                    let assignment = *assignment;
                    waiting.insert(
                        (*name).to_owned(),
                        Waiting {
                            assignment,
                            text,
                            uses,
                        },
                    );
                }
                Err(error) => {
                    problems.push(
                        Diagnostic::error(
                            format!("expected a template for `{name}`: {}", explained(&error)),
                            text.spot.label("does not parse"),
                        )
                        .with_help("to write `{{` itself, write `{{ '{{' }}`"),
                    );
                    values.insert((*name).to_owned(), Outcome::Failed);
                }
            }
        }
        waiting
    }

    fn render(
        &self,
        name: &str,
        ready: &Waiting<'_>,
        values: &Values,
        outer: [&Values; 2],
        explain: &dyn Fn(&str) -> Option<String>,
        problems: &mut Problems,
    ) -> Outcome {
        let mut context = BTreeMap::new();
        let mut unknown = Vec::new();
        let mut uses = BTreeMap::new();
        let mut is_secret = false;
        for used in &ready.uses {
            let outer = || outer.into_iter().find_map(|outer| outer.get(used));
            match values.get(used).or_else(outer) {
                Some(Outcome::Known { text, value }) => {
                    uses.insert(used.clone(), Used::Plain(scalar(text, value)));
                    context.insert(used.as_str(), value.clone());
                }
                Some(Outcome::Secret(secret)) => {
                    is_secret = true;
                    uses.insert(used.clone(), Used::Secret(secret.clone()));
                    // Something in its place shows whether every other name is there.
                    context.insert(used.as_str(), Value::from("secret"));
                }
                Some(Outcome::Failed) => return Outcome::Failed,
                None => unknown.push(used),
            }
        }
        let mut output = Bounded::default();
        let rendered = self
            .environment
            .template_from_str(&ready.text.value)
            .and_then(|template| {
                template
                    .render_captured_to(Value::from_pairs(context), &mut output)
                    .map(|_| ())
            });
        let spot = &ready.text.spot;
        if output.overflow {
            problems.push(too_large(name, "more", spot));
            return Outcome::Failed;
        }
        if let Err(error) = rendered {
            // The names in a branch that was not taken, or before `is defined`, are no error.
            if error.kind() == ErrorKind::UndefinedError && !unknown.is_empty() {
                for used in unknown {
                    problems.push(
                        Diagnostic::error(
                            format!("{} in the value of `{name}` is not defined", quoted(used)),
                            self.within(spot, used).label("unknown variable"),
                        )
                        .with_help_if(explain(used)),
                    );
                }
                return Outcome::Failed;
            }
            // With the secret itself it may well succeed.
            if !is_secret {
                problems.push(Diagnostic::error(
                    format!(
                        "cannot evaluate the value of `{name}`: {}",
                        explained(&error)
                    ),
                    spot.label(""),
                ));
                return Outcome::Failed;
            }
        }
        if is_secret {
            let secret = Secret::made(&ready.text.value, uses);
            if secret.depth() > DEPTH_MAX {
                problems.push(
                    Diagnostic::error(
                        format!("expected at most {DEPTH_MAX} values between `{name}` and a secret that it is made of"),
                        spot.label("one too many"),
                    )
                    .with_help("use the secret itself"),
                );
                return Outcome::Failed;
            }
            return Outcome::Secret(secret);
        }
        match String::from_utf8(output.bytes) {
            Ok(text) if carried(name, &text, spot, problems) => Outcome::text(text),
            _ => Outcome::Failed,
        }
    }

    /// The place of a name within the literal of a value.
    fn within(&self, literal: &Spot, name: &str) -> Spot {
        let found = literal.span.clone().and_then(|span| {
            let text = self.sources.get(&literal.path)?.get(span.clone())?;
            let text = std::str::from_utf8(text).ok()?;
            let start = text.find("{{").or_else(|| text.find("{%"))?;
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let (at, _) = text[start..].match_indices(name).find(|(at, _)| {
                let (before, after) = (&text[..start + at], &text[start + at + name.len()..]);
                !before.ends_with(word) && !after.starts_with(word)
            })?;
            let at = span.start + start + at;
            Some(at..at + name.len())
        });
        Spot {
            path: literal.path.clone(),
            span: found.or_else(|| literal.span.clone()),
        }
    }
}

/// A known value as it was written.
fn scalar(text: &str, value: &Value) -> Scalar {
    match value.kind() {
        ValueKind::Bool => Scalar::Boolean(value.is_true()),
        ValueKind::Number => i128::try_from(value.clone())
            .map_or_else(|_| Scalar::Text(text.to_owned()), Scalar::Integer),
        _ => Scalar::Text(text.to_owned()),
    }
}

/// Whether the environment of a process can carry the value; if not, that is reported.
fn carried(name: &str, text: &str, spot: &Spot, problems: &mut Problems) -> bool {
    let problem = if text.contains('\0') {
        Diagnostic::error(
            format!("expected text without NUL for `{name}`, found NUL"),
            spot.label("an environment cannot carry NUL"),
        )
    } else if let Some(c) = text.chars().find(|&c| shape::is_noncharacter(c)) {
        Diagnostic::error(
            format!(
                "expected text of characters for `{name}`, found the noncharacter U+{:04X}",
                u32::from(c)
            ),
            spot.label("systemd refuses a file with it"),
        )
    } else if name.len() + 1 + text.len() >= VARIABLE_MAX {
        let length = name.len() + 1 + text.len();
        too_large(name, &length.to_string(), spot)
    } else {
        return true;
    };
    problems.push(problem);
    false
}

fn too_large(name: &str, found: &str, spot: &Spot) -> Diagnostic {
    Diagnostic::error(
        format!("expected less than {VARIABLE_MAX} bytes for `{name}=…`, found {found}"),
        spot.label("too large"),
    )
    .with_help("put it into a file in the image or on a volume")
}

/// The names in an order in which each comes after those that it uses; without those that are in
/// a cycle or use one that is.
fn in_order(waiting: &BTreeMap<String, Waiting<'_>>) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in waiting {
        let used = value.uses.iter().filter(|used| waiting.contains_key(*used));
        left.insert(name, used.clone().count());
        for used in used {
            users.entry(used).or_default().push(name);
        }
    }
    let ready = left.iter().filter(|(_, count)| **count == 0);
    let mut order: Vec<&str> = ready.map(|(name, _)| *name).collect();
    let mut next = 0;
    while let Some(name) = order.get(next).copied() {
        next += 1;
        for user in users.get(name).into_iter().flatten() {
            let count = left.get_mut(user).expect("every user waits");
            *count -= 1;
            if *count == 0 {
                order.push(user);
            }
        }
    }
    order.into_iter().map(str::to_owned).collect()
}

/// Reports each cycle among what is left once: everything left waits for something that is left.
fn report_cycles(waiting: &BTreeMap<String, Waiting<'_>>, problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for start in waiting.keys() {
        let mut path: Vec<&String> = Vec::new();
        let mut name = start;
        while seen.insert(name) {
            path.push(name);
            let next = waiting[name]
                .uses
                .iter()
                .find(|used| waiting.contains_key(*used));
            name = next.expect("what waits for nothing was taken out");
        }
        let Some(first) = path.iter().position(|visited| *visited == name) else {
            continue;
        };
        let cycle = &path[first..];
        let mut names: Vec<&str> = cycle.iter().map(|name| name.as_str()).collect();
        names.push(name);
        let place = |name: &String| waiting[name].assignment.name.spot.clone();
        let mut problem = Diagnostic::error(
            format!("these values depend on each other: {}", names.join(" → ")),
            place(cycle[0]).label("the cycle begins here"),
        );
        for name in &cycle[1..] {
            problem = problem.with_related(place(name).label("and passes here"));
        }
        problems.push(problem.with_help("give one of them a value of its own"));
    }
}

/// What minijinja says, on one line.
fn explained(error: &Error) -> String {
    let text = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Takes what a variable can carry, and fails then.
#[derive(Default)]
pub(super) struct Bounded {
    bytes: Vec<u8>,
    overflow: bool,
}

impl Bounded {
    /// What it took, and whether there was more.
    pub fn end(self) -> (Vec<u8>, bool) {
        (self.bytes, self.overflow)
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > VARIABLE_MAX {
            self.overflow = true;
            return Err(io::Error::other("the value is too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
