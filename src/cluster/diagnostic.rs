//! Problems of the user's files: what, where, what was expected, what to write.

use std::collections::BTreeMap;
use std::ops::Range;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is no cluster until it is mended.
    Error,
    /// Nothing is refused for it.
    Warning,
}

/// One problem of a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
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

impl Diagnostic {
    /// An error: the description means nothing until it is mended.
    #[must_use]
    pub fn error(title: impl Into<String>, place: Place) -> Self {
        Self::new(Level::Error, title.into(), place)
    }

    /// A warning: the description means something, perhaps not what was meant.
    #[must_use]
    pub fn warning(title: impl Into<String>, place: Place) -> Self {
        Self::new(Level::Warning, title.into(), place)
    }

    fn new(level: Level, title: String, place: Place) -> Self {
        Self {
            level,
            title,
            place,
            related: Vec::new(),
            help: None,
        }
    }

    /// Adds a place that explains the problem.
    #[must_use]
    pub fn with_related(mut self, place: Place) -> Self {
        self.related.push(place);
        self
    }

    /// Says what to type.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to type, if that is known.
    #[must_use]
    pub fn with_help_if(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}

/// The first problems of each file, at most so many, and how many more each file has.
#[must_use]
pub fn first_of_each_file(
    problems: &[Diagnostic],
    most: usize,
) -> (Vec<&Diagnostic>, BTreeMap<&str, usize>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let first = problems.iter().filter(|problem| {
        let count = counts.entry(&problem.place.path).or_default();
        *count += 1;
        *count <= most
    });
    let first = first.collect();
    counts.retain(|_, count| *count > most);
    for count in counts.values_mut() {
        *count -= most;
    }
    (first, counts)
}

impl Place {
    /// A file as a whole.
    #[must_use]
    pub fn file(path: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            span: None,
            label: label.into(),
        }
    }
}

/// The longest text of the user's that a message repeats, in characters.
const QUOTED_MAX: usize = 60;

/// A text of the user's within a message: in backticks, on one line, not endless.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("`");
    for (index, c) in text.chars().enumerate() {
        if index == QUOTED_MAX {
            quoted.push('…');
            break;
        }
        if c.is_control() {
            quoted.extend(c.escape_debug());
        } else {
            quoted.push(c);
        }
    }
    quoted.push('`');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_file_the_first_ones_are_kept_and_the_others_counted() {
        let problem = |path, title: &str| Diagnostic::error(title, Place::file(path, ""));
        let problems = [
            problem("a", "1"),
            problem("a", "2"),
            problem("a", "3"),
            problem("b", "4"),
            problem("b", "5"),
        ];
        let (first, more) = first_of_each_file(&problems, 2);
        let titles: Vec<&str> = first.iter().map(|p| p.title.as_str()).collect();
        assert_eq!(titles, ["1", "2", "4", "5"]);
        assert_eq!(more, BTreeMap::from([("a", 1)]));
    }
}
