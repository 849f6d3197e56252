//! A small typed reader over a TOML tree with spans. Where serde stops at the first problem, this
//! one notes it and reads on, so that one run tells them all.

use std::ops::{Range, RangeInclusive};
use std::rc::Rc;

use toml::de::{DeTable, DeValue};

use super::advice;
use super::diagnostic::{Diagnostic, Place, quoted};
use super::nearest;

/// A place without words: a file, and bytes of it.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub path: Rc<str>,
    pub span: Option<Range<usize>>,
}

impl Spot {
    pub fn file(path: &str) -> Self {
        Self {
            path: path.into(),
            span: None,
        }
    }

    fn at(&self, span: Range<usize>) -> Self {
        Self {
            path: Rc::clone(&self.path),
            span: Some(span),
        }
    }

    /// The place with a few words under the excerpt.
    pub fn label(&self, label: impl Into<String>) -> Place {
        Place {
            path: self.path.to_string(),
            span: self.span.clone(),
            label: label.into(),
        }
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub value: T,
    pub spot: Spot,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(pub Vec<Diagnostic>);

impl Problems {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }
}

/// What is wrong with a text: the shape that was expected, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    pub expected: String,
    pub help: Option<String>,
}

impl Misfit {
    pub fn new(expected: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            help: None,
        }
    }

    pub fn help(expected: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            help: Some(help.into()),
        }
    }
}

impl At<String> {
    /// Takes the text as something more precise, or says why it is not.
    pub fn parse<T>(
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
                    .with_help_if(misfit.help),
                );
                None
            }
        }
    }
}

impl Item<'_> {
    /// Takes a text that a message must not repeat, or says what was expected of it.
    pub fn parse_unseen<T>(
        &self,
        problems: &mut Problems,
        shape: impl FnOnce(&str) -> Result<T, Misfit>,
    ) -> Option<At<T>> {
        let text = self.string(problems)?;
        match shape(&text.value) {
            Ok(value) => Some(self.at(value)),
            Err(misfit) => {
                problems.push(
                    Diagnostic::error(
                        format!(
                            "expected {} for {}, found another text",
                            misfit.expected,
                            quoted(&self.key)
                        ),
                        self.spot.label(""),
                    )
                    .with_help_if(misfit.help),
                );
                None
            }
        }
    }
}

/// Lines with a syntax error that are told of one file; the rest is mostly their consequence.
const SYNTAX_ERRORS_MAX: usize = 10;

/// The text of a file, if it is UTF-8.
pub(super) fn text<'a>(path: &str, bytes: &'a [u8], problems: &mut Problems) -> Option<&'a str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let start = error.valid_up_to();
            let end = error.error_len().map_or(bytes.len(), |len| start + len);
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected UTF-8, found byte 0x{:02x} at byte {start}",
                        bytes[start]
                    ),
                    Spot::file(path).at(start..end).label("no UTF-8 from here"),
                )
                .with_help("save the file as UTF-8"),
            );
            None
        }
    }
}

/// Parses a TOML file. `None` if it does not parse: what is in it is then unknown, and nothing
/// else should be said about it.
pub(super) fn parse<'a>(path: &str, text: &'a str, problems: &mut Problems) -> Option<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Some(table.into_inner());
    }
    let mut lines = Vec::new();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let start = span.start.min(text.len());
        // One error a line: what follows on it is what the parser made of the first one.
        let line = text.as_bytes()[..start].iter().rposition(|b| *b == b'\n');
        if lines.contains(&line) {
            continue;
        }
        if lines.len() == SYNTAX_ERRORS_MAX {
            break;
        }
        lines.push(line);
        let duplicate = error.message() == "duplicate key";
        let from = line.map_or(0, |at| at + 1);
        // What stands there may be a secret that somebody has not encrypted.
        let advice = text[from..].lines().next();
        let advice = advice.filter(|_| !duplicate && !is_secret(path));
        let (title, help) = match advice.and_then(advice::of_syntax) {
            Some((title, help)) => (title, Some(help)),
            None => (
                format!("expected TOML: {}", error.message()),
                duplicate.then(|| "a key is written once; remove one of them".to_owned()),
            ),
        };
        problems
            .push(Diagnostic::error(title, Spot::file(path).at(span).label("")).with_help_if(help));
    }
    None
}

/// Whether no value of a file may be in a message.
fn is_secret(path: &str) -> bool {
    path.ends_with("/secrets.toml")
}

/// A table of which every key is asked for by name; keys that nobody asked for are unknown.
pub(super) struct Table<'a> {
    entries: &'a DeTable<'a>,
    /// What the table is, for messages: `a service`.
    what: &'static str,
    pub spot: Spot,
    asked: Vec<&'static str>,
    /// Keys that were asked for only to be refused.
    refused: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub fn root(path: &str, entries: &'a DeTable<'a>, what: &'static str) -> Self {
        Self {
            entries,
            what,
            spot: Spot::file(path),
            asked: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// The value of a key, and the key's own place.
    ///
    /// A misspelled key is read as the one that was meant, and so is the word of another tool: [`Table::finish`] tells it,
    /// and nothing else is said to be missing.
    pub fn get(&mut self, key: &'static str) -> Option<Item<'a>> {
        let known = advice::keys(self.what);
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let meant = |name: &str| match advice::foreign(self.what, name) {
            Some(foreign) => foreign.meant == key,
            None => nearest::nearest(name, known.iter().copied()) == Some(key),
        };
        let mut others = self.entries.iter();
        let (found, value) = self.entries.get_key_value(key).or_else(|| {
            others.find(|(name, _)| {
                let name = name.get_ref().as_ref();
                !known.contains(&name) && meant(name)
            })
        })?;
        Some(Item {
            key: key.to_owned(),
            key_spot: self.spot.at(found.span()),
            spot: self.spot.at(value.span()),
            value: value.get_ref(),
            borrowed: advice::foreign(self.what, found.get_ref()).is_some(),
        })
    }

    pub fn string(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<String>> {
        self.get(key)?.string(problems)
    }

    pub fn strings(&mut self, key: &'static str, problems: &mut Problems) -> Vec<At<String>> {
        self.get(key)
            .map(|item| item.strings(problems))
            .unwrap_or_default()
    }

    pub fn boolean(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<bool>> {
        let item = self.get(key)?;
        if let DeValue::Boolean(value) = item.value {
            return Some(item.at(*value));
        }
        item.mistyped("`true` or `false`", problems);
        None
    }

    /// A number within a range.
    pub fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        problems: &mut Problems,
    ) -> Option<At<i64>> {
        let item = self.get(key)?;
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let DeValue::Integer(number) = item.value else {
            item.mistyped(&expected, problems);
            return None;
        };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) if range.contains(&value) => Some(item.at(value)),
            _ if item.borrowed => None,
            _ => {
                problems.push(Diagnostic::error(
                    format!(
                        "expected {expected} for `{key}`, found {}",
                        quoted(&number.to_string())
                    ),
                    item.spot.label(""),
                ));
                None
            }
        }
    }

    /// A table within this one, with keys known by name.
    pub fn table(
        &mut self,
        key: &'static str,
        what: &'static str,
        problems: &mut Problems,
    ) -> Option<Table<'a>> {
        self.get(key)?.table(what, problems)
    }

    /// A table whose keys are names of the user's choice.
    pub fn names(&mut self, key: &'static str, problems: &mut Problems) -> Vec<Item<'a>> {
        let Some(item) = self.get(key) else {
            return Vec::new();
        };
        let DeValue::Table(entries) = item.value else {
            item.mistyped("a table", problems);
            return Vec::new();
        };
        entries
            .iter()
            .map(|(name, value)| Item {
                key: name.get_ref().to_string(),
                key_spot: self.spot.at(name.span()),
                spot: self.spot.at(value.span()),
                value: value.get_ref(),
                borrowed: false,
            })
            .collect()
    }

    /// Rejects a key that the design has and this version does not do yet.
    pub fn not_yet(&mut self, key: &'static str, does: &str, help: &str, problems: &mut Problems) {
        self.asked.push(key);
        self.refused.push(key);
        if let Some((found, _)) = self.entries.get_key_value(key) {
            problems.push(
                Diagnostic::error(
                    format!("`{key}` is not supported yet: this version does not do {does}"),
                    self.spot.at(found.span()).label("not supported yet"),
                )
                .with_help(help),
            );
        }
    }

    /// Reports every key that was not asked for.
    pub fn finish(self, problems: &mut Problems) {
        let keys = advice::keys(self.what).iter();
        let more = self
            .asked
            .iter()
            .filter(|key| !advice::keys(self.what).contains(key));
        let known = keys.chain(more).filter(|key| !self.refused.contains(key));
        for (key, _) in self.entries {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }
            problems.push(
                Diagnostic::error(
                    format!("expected a key of {}, found {}", self.what, quoted(name)),
                    self.spot.at(key.span()).label("unknown key"),
                )
                .with_help_if(match advice::foreign(self.what, name) {
                    Some(foreign) => Some(foreign.help.to_owned()),
                    None => nearest::help(name, known.clone().copied()),
                }),
            );
        }
    }
}

/// A value under its key.
pub(super) struct Item<'a> {
    pub key: String,
    pub key_spot: Spot,
    pub spot: Spot,
    pub value: &'a DeValue<'a>,
    /// The key is a word of another tool, so its value is likely to be of another form, too.
    pub borrowed: bool,
}

impl<'a> Item<'a> {
    pub fn at<T>(&self, value: T) -> At<T> {
        At {
            value,
            spot: self.spot.clone(),
        }
    }

    /// The key as a text with its place.
    pub fn name(&self) -> At<String> {
        At {
            value: self.key.clone(),
            spot: self.key_spot.clone(),
        }
    }

    pub fn string(&self, problems: &mut Problems) -> Option<At<String>> {
        if let DeValue::String(text) = self.value {
            return Some(self.at(text.to_string()));
        }
        self.mistyped("a string", problems);
        None
    }

    pub fn strings(&self, problems: &mut Problems) -> Vec<At<String>> {
        let items = self.items("a list of strings", problems);
        items
            .into_iter()
            .filter_map(|item| match item.value {
                DeValue::String(text) => Some(item.at(text.to_string())),
                _ => {
                    item.mistyped("strings", problems);
                    None
                }
            })
            .collect()
    }

    /// The values of a list, each under the list's key.
    pub fn items(&self, expected: &str, problems: &mut Problems) -> Vec<Item<'a>> {
        let DeValue::Array(items) = self.value else {
            self.mistyped(expected, problems);
            return Vec::new();
        };
        items
            .iter()
            .map(|item| Item {
                key: self.key.clone(),
                key_spot: self.spot.clone(),
                spot: self.spot.at(item.span()),
                value: item.get_ref(),
                borrowed: self.borrowed,
            })
            .collect()
    }

    pub fn table(&self, what: &'static str, problems: &mut Problems) -> Option<Table<'a>> {
        if let DeValue::Table(entries) = self.value {
            return Some(Table {
                entries,
                what,
                spot: self.key_spot.clone(),
                asked: Vec::new(),
                refused: Vec::new(),
            });
        }
        self.mistyped("a table", problems);
        None
    }

    /// Reports a value of another type than expected.
    pub fn mistyped(&self, expected: &str, problems: &mut Problems) {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        if self.borrowed {
            return;
        }
        let help = match is_secret(&self.spot.path) {
            true => None,
            false => advice::retyped(&self.key, expected, self.value),
        };
        problems.push(
            Diagnostic::error(
                format!(
                    "expected {expected} for {}, found {found}",
                    quoted(&self.key)
                ),
                self.spot.label(""),
            )
            .with_help_if(help),
        );
    }
}
