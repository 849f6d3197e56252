//! Evaluates the values of variables. A value may use other variables (`{{ NAME }}`), so they are
//! evaluated in the order in which they depend on each other.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use minijinja::value::ValueKind;
use minijinja::{Environment, Value};

use super::description::WrittenVariable;
use super::diagnostic::{Diagnostic, quoted};
use super::read::{At, Problems, Spot};
use super::scalar::{Scalar, VARIABLE_MAX};
use super::secret::{DEPTH_MAX, Secret, Used};
use super::shape;
use super::sources::Sources;
use super::template;
use super::template::value::{EvaluationError, ValueTemplate};

/// What is known of a variable's value.
#[derive(Debug, Clone)]
pub(super) enum Evaluated {
    /// Everybody may know it.
    Known {
        text: String,
        /// The same value as templates see it: integers and booleans keep their type, so that
        /// `{{ 1 if FLAG else 2 }}` means what it says.
        value: Value,
    },
    /// It is a secret, so nobody knows it here.
    Secret(Secret),
    /// It has a problem that was reported; what depends on it is not reported again.
    Failed,
}

impl Evaluated {
    /// A value that is known from the start.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Evaluated::Known {
            value: Value::from(text.as_str()),
            text,
        }
    }

    /// A port.
    pub(crate) fn number(number: u16) -> Self {
        Evaluated::Known {
            text: number.to_string(),
            value: Value::from(number),
        }
    }
}

/// What is known, by the name of the variable.
pub(super) type Values = BTreeMap<String, Evaluated>;

/// A value whose names are known and that waits for its turn.
struct Waiting<'a> {
    assignment: &'a WrittenVariable,
    text: &'a At<String>,
    template: ValueTemplate<'a>,
}

/// Evaluates definitions within one scope.
pub(super) struct Evaluator<'a> {
    environment: Environment<'static>,
    sources: &'a Sources,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(sources: &'a Sources) -> Self {
        Self {
            environment: template::values_environment(),
            sources,
        }
    }

    /// The values of all definitions. They may use each other and `outer`: a definition hides both maps of `outer`,
    /// and the first of these hides the second. `explain` says what to do about an unknown name, `given` what gives a service
    /// one as it is.
    pub(crate) fn evaluate(
        &self,
        definitions: &BTreeMap<String, &WrittenVariable>,
        outer: [&Values; 2],
        explain: &dyn Fn(&str) -> Option<String>,
        given: &dyn Fn(&str) -> Option<String>,
        problems: &mut Problems,
    ) -> Values {
        let mut values = Values::new();
        let mut texts = BTreeMap::new();
        for (name, assignment) in definitions {
            let outcome = match &assignment.value {
                None => Evaluated::Failed,
                Some(At { value, spot }) => match value {
                    Scalar::Integer(_) | Scalar::Boolean(_) => Evaluated::Known {
                        text: value.to_string(),
                        value: value.to_value(),
                    },
                    Scalar::Text(text) => match carried(name, text, spot, problems) {
                        true if ["{{", "{%"].iter().any(|open| text.contains(open)) => {
                            let text = At {
                                value: text.clone(),
                                spot: spot.clone(),
                            };
                            texts.insert(name.as_str(), (*assignment, text));
                            continue;
                        }
                        true => Evaluated::text(text),
                        false => Evaluated::Failed,
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
        report_cycles(&waiting, given, problems);
        for name in waiting.into_keys() {
            values.insert(name, Evaluated::Failed);
        }
        values
    }

    fn parse<'t>(
        &self,
        texts: &'t BTreeMap<&str, (&'t WrittenVariable, At<String>)>,
        values: &mut Values,
        problems: &mut Problems,
    ) -> BTreeMap<String, Waiting<'t>> {
        let mut waiting = BTreeMap::new();
        for (name, (assignment, text)) in texts {
            match ValueTemplate::parse(&text.value, &self.environment) {
                Ok(template) => {
                    let assignment = *assignment;
                    waiting.insert(
                        (*name).to_owned(),
                        Waiting {
                            assignment,
                            text,
                            template,
                        },
                    );
                }
                Err(problem) => {
                    let title = format!("in the value of `{name}`: {}", problem.message);
                    let at = self.place(text, problem.at);
                    problems
                        .push(Diagnostic::error(title, at.label("")).with_help_if(problem.help));
                    values.insert((*name).to_owned(), Evaluated::Failed);
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
    ) -> Evaluated {
        let mut context = BTreeMap::new();
        let mut unknown = Vec::new();
        let mut uses = BTreeMap::new();
        let mut is_secret = false;
        for used in ready.template.uses() {
            let outer = || outer.into_iter().find_map(|outer| outer.get(used));
            match values.get(used).or_else(outer) {
                Some(Evaluated::Known { text, value }) => {
                    uses.insert(used.clone(), Used::Plain(scalar(text, value)));
                    context.insert(used.as_str(), value.clone());
                }
                Some(Evaluated::Secret(secret)) => {
                    is_secret = true;
                    uses.insert(used.clone(), Used::Secret(secret.clone()));
                    // With a text in its place, the template shows whether all other names are there.
                    context.insert(used.as_str(), Value::from("secret"));
                }
                Some(Evaluated::Failed) => return Evaluated::Failed,
                None => unknown.push(used),
            }
        }
        let spot = &ready.text.spot;
        let context = Value::from_pairs(context);
        let rendered = ready
            .template
            .render(&self.environment, &context, VARIABLE_MAX);
        let mut bytes = Vec::new();
        match rendered {
            Ok(rendered) => bytes = rendered,
            Err(EvaluationError::TooLarge) => {
                problems.push(too_large(name, "more", spot));
                return Evaluated::Failed;
            }
            // An unknown name is no error in a branch that is not taken, nor before `is defined`.
            Err(EvaluationError::Undefined(_)) if !unknown.is_empty() => {
                for used in unknown {
                    problems.push(
                        Diagnostic::error(
                            format!("{} in the value of `{name}` is not defined", quoted(used)),
                            self.within(spot, used).label("unknown variable"),
                        )
                        .with_help_if(explain(used)),
                    );
                }
                return Evaluated::Failed;
            }
            // With the secret itself it may succeed.
            Err(EvaluationError::Undefined(_) | EvaluationError::Other(..)) if is_secret => {}
            Err(EvaluationError::Undefined(problem) | EvaluationError::Other(problem, _)) => {
                problems.push(
                    Diagnostic::error(
                        format!("cannot evaluate the value of `{name}`: {}", problem.message),
                        self.place(ready.text, problem.at).label(""),
                    )
                    .with_help_if(problem.help),
                );
                return Evaluated::Failed;
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
                return Evaluated::Failed;
            }
            return Evaluated::Secret(secret);
        }
        match String::from_utf8(bytes) {
            Ok(text) if carried(name, &text, spot, problems) => Evaluated::text(text),
            _ => Evaluated::Failed,
        }
    }

    /// The place of a part of a value within its literal. A literal with escapes is shown whole, if the part does not
    /// stand there just once as it is.
    fn place(&self, text: &At<String>, part: Range<usize>) -> Spot {
        let literal = &text.spot;
        let found = literal.span.clone().and_then(|span| {
            let written = self.sources.get(&literal.path)?.get(span.clone())?;
            let written = std::str::from_utf8(written).ok()?;
            let start = match written.find(&text.value) {
                Some(start) => start + part.start,
                None => {
                    let mut found = written.match_indices(text.value.get(part.clone())?);
                    let (start, _) = found.next()?;
                    found.next().is_none().then_some(start)?
                }
            };
            let start = span.start + start;
            Some(start..start + part.len())
        });
        Spot {
            path: literal.path.clone(),
            span: found.or_else(|| literal.span.clone()),
        }
    }

    /// The place of a name within the literal of a value.
    fn within(&self, literal: &Spot, name: &str) -> Spot {
        let found = literal.span.clone().and_then(|span| {
            let text = self.sources.get(&literal.path)?.get(span.clone())?;
            let text = std::str::from_utf8(text).ok()?;
            let start = text.find("{{")?;
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
    if value.kind() == ValueKind::Bool {
        return Scalar::Boolean(value.is_true());
    }
    let number = (value.kind() == ValueKind::Number).then(|| i128::try_from(value.clone()));
    match number {
        Some(Ok(number)) => Scalar::Integer(number),
        Some(Err(_)) | None => Scalar::Text(text.to_owned()),
    }
}

/// Whether the environment of a process can carry the value; if not, that is reported.
fn carried(name: &str, text: &str, spot: &Spot, problems: &mut Problems) -> bool {
    let problem = if text.contains('\0') {
        Diagnostic::error(
            format!("expected text without NUL for `{name}`, found NUL"),
            spot.label("an environment cannot carry NUL"),
        )
    } else if let Some(c) = text.chars().find(|&c| shape::text::is_noncharacter(c)) {
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
        let used = value
            .template
            .uses()
            .iter()
            .filter(|used| waiting.contains_key(*used));
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

/// Reports each cycle once. Everything that is left waits for something that is left.
fn report_cycles(
    waiting: &BTreeMap<String, Waiting<'_>>,
    given: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) {
    let mut seen = BTreeSet::new();
    for start in waiting.keys() {
        let mut path: Vec<&String> = Vec::new();
        let mut name = start;
        while seen.insert(name) {
            path.push(name);
            let next = waiting[name]
                .template
                .uses()
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
        let help = match cycle {
            [itself] => given(itself),
            _ => None,
        };
        problems.push(
            problem.with_help(
                help.as_deref()
                    .unwrap_or("give one of them a value of its own"),
            ),
        );
    }
}
