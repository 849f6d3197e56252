//! Templates within bounds: the one engine (minijinja) for values, units and files.
//!
//! ```text
//! scan     a template's text -> text, `{{ … }}`, `{% … %}`
//! limits   what code may not have: too many symbols, texts times numbers
//! engine   the settings, and what filters may take and give
//! value    a value: only `{{ … }}` is code, all else is text and arrives byte for byte
//! secret_text  secrets in a template of a file
//! text     a template of a unit or a file: also `{% … %}` and `{# … #}`
//! ```
//!
//! A template comes from whoever can open a merge request. So it ends soon and takes little memory, whatever it
//! says: symbols and statements are counted before the engine parses anything (its parser recurses), the engine counts
//! instructions, filters count what they take and give, and output has an end.

mod engine;
mod limits;
mod scan;
pub(super) mod secret_text;
pub(crate) mod text;
pub(super) mod value;

use std::ops::Range;

pub(super) use engine::values as values_environment;

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateProblem {
    /// The expected first, the actual second.
    pub message: String,
    /// Bytes of the template.
    pub at: Range<usize>,
    /// What to type.
    pub help: Option<String>,
}

impl TemplateProblem {
    fn new(message: impl Into<String>, at: Range<usize>) -> Self {
        Self {
            message: message.into(),
            at,
            help: None,
        }
    }

    fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What the engine says, on one line; in our words where its own do not help.
pub(crate) fn explained(error: &minijinja::Error) -> String {
    if error.kind() == minijinja::ErrorKind::OutOfFuel {
        return "it takes too many steps".to_owned();
    }
    let text = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
