//! Where something is written, and what is wrong with it.

use std::ops::Range;
use std::rc::Rc;

use crate::cluster::diagnostic::{Diagnostic, Place, quoted};

/// A place without words: a file, and bytes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct Spot {
    /// Relative to the root of the config repository.
    pub path: Rc<str>,
    /// Bytes of the file; `None` speaks of the file as a whole.
    pub span: Option<Range<usize>>,
}

impl Spot {
    pub(crate) fn file(path: &str) -> Self {
        Self {
            path: path.into(),
            span: None,
        }
    }

    /// Other bytes of the same file.
    pub(super) fn at(&self, span: Range<usize>) -> Self {
        Self {
            path: Rc::clone(&self.path),
            span: Some(span),
        }
    }

    /// The place with a few words under the excerpt.
    pub(crate) fn label(&self, label: impl Into<String>) -> Place {
        Place {
            path: self.path.to_string(),
            span: self.span.clone(),
            label: label.into(),
        }
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct At<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub spot: Spot,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Problems(pub Vec<Diagnostic>);

impl Problems {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }
}

/// What is wrong with a text: the shape that was expected, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct Misfit {
    /// What was expected, as a noun: `a duration such as …`.
    pub expected: String,
    /// What to type.
    pub help: Option<String>,
}

impl Misfit {
    pub(crate) fn new(expected: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            help: None,
        }
    }

    pub(crate) fn help(expected: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            help: Some(help.into()),
        }
    }
}

impl At<String> {
    /// Takes the text as something more precise, or says why it is not.
    pub(crate) fn parse<T>(
        &self,
        problems: &mut Problems,
        shape: impl FnOnce(&str) -> Result<T, Misfit>,
    ) -> Option<At<T>> {
        match shape(&self.value) {
            Ok(value) => Some(At {
                value,
                spot: self.spot.clone(),
            }),
            Err(misfit) => {
                let found = match self.value.as_str() {
                    "" => "an empty text".to_owned(),
                    text => quoted(text),
                };
                problems.push(
                    Diagnostic::error(
                        format!("expected {}, found {found}", misfit.expected),
                        self.spot.label(""),
                    )
                    .with_help_if(match misfit.help {
                        Some(help) if !help.contains("${") => Some(help),
                        help => reference(&self.value).or(help),
                    }),
                );
                None
            }
        }
    }
}

/// What to do about a text that refers to a variable, as compose's do, where there are none.
fn reference(text: &str) -> Option<String> {
    let dollar = text.split("${").nth(1).is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && rest.contains('}')
    });
    let braces = text.contains("{{") && text.contains("}}");
    (dollar || braces).then(|| {
        "write the value itself: variables are put into other variables and into files, and nowhere else"
            .to_owned()
    })
}

/// Takes texts as something more precise. Says of each one that does not fit why it does not, and leaves it out.
pub(in crate::cluster) fn parse_all<T>(
    texts: Vec<At<String>>,
    shape: fn(&str) -> Result<T, Misfit>,
    problems: &mut Problems,
) -> Vec<T> {
    texts
        .into_iter()
        .filter_map(|text| Some(text.parse(problems, shape)?.value))
        .collect()
}
