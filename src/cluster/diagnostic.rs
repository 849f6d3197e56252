//! Problems of the user's files: what, where, what was expected, what to write.

use std::ops::Range;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Error,
    Warning,
}

/// One problem of a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub level: Level,
    /// One sentence, lower case, no final stop: the expected first, the actual second.
    pub title: String,
    /// The place to look at first.
    pub place: Place,
    /// Further places that explain it ("first defined here").
    pub related: Vec<Place>,
    /// What to type: "did you mean `listing`?".
    pub help: Option<String>,
}

/// A place in a file of the config repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Relative to the root of the config repository, with `/`.
    pub path: String,
    /// Bytes of the file; `None` speaks of the file as a whole.
    pub span: Option<Range<usize>>,
    /// A few words under the excerpt.
    pub label: String,
}
