//! Tables of TOML that are read key by key. Where serde stops at the first problem, this reader notes it and reads on, so
//! that one run tells them all.

use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::advice;
use super::file::is_secret;
use super::problem::{At, Misfit, Problems, Spot};
use crate::cluster::diagnostic::{Diagnostic, quoted};
use crate::cluster::nearest;

/// What is known of a table before it is read.
pub(in crate::cluster) struct TableKind {
    /// What the table is, for messages: `a service`.
    pub what: &'static str,
    /// Its keys; none for tables that only bayplan writes.
    pub keys: &'static [&'static str],
    /// The words that other tools have for them.
    pub foreign: &'static [Foreign],
}

/// Words of other tools for one thing.
pub(in crate::cluster) struct Foreign {
    /// The words, in lower case with `_`.
    pub words: &'static [&'static str],
    /// The key of the same table that says it, if there is one.
    pub meant: Option<&'static str>,
    /// What to write.
    pub help: &'static str,
}

impl TableKind {
    /// What a key of another tool is here.
    fn foreign(&self, key: &str) -> Option<&'static Foreign> {
        let key = key.to_ascii_lowercase().replace('-', "_");
        let mut all = self.foreign.iter();
        all.find(|foreign| foreign.words.contains(&key.as_str()))
    }
}

/// A table of which every key is asked for by name; keys that nobody asked for are unknown.
pub(in crate::cluster) struct Table<'a> {
    entries: &'a DeTable<'a>,
    kind: &'static TableKind,
    /// Where the table is: its heading, or the file.
    pub spot: Spot,
    asked: Vec<&'static str>,
    /// Keys that were asked for only to be refused.
    refused: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub(crate) fn root(path: &str, entries: &'a DeTable<'a>, kind: &'static TableKind) -> Self {
        Self {
            entries,
            kind,
            spot: Spot::file(path),
            asked: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// The value of a key, and the key's own place.
    ///
    /// A misspelled key is read as the one that was meant, and so is the word of another tool: [`Table::finish`] tells it,
    /// and nothing else is said to be missing.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<Item<'a>> {
        let known = self.kind.keys;
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let meant = |name: &str| match self.kind.foreign(name) {
            Some(foreign) => foreign.meant == Some(key),
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
            borrowed: self.kind.foreign(found.get_ref()).is_some(),
        })
    }

    pub(crate) fn string(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<At<String>> {
        self.get(key)?.string(problems)
    }

    pub(crate) fn strings(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Vec<At<String>> {
        self.get(key)
            .map(|item| item.strings(problems))
            .unwrap_or_default()
    }

    pub(crate) fn boolean(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<At<bool>> {
        let item = self.get(key)?;
        if let DeValue::Boolean(value) = item.value {
            return Some(item.at(*value));
        }
        item.mistyped("`true` or `false`", problems);
        None
    }

    /// A number within a range.
    pub(crate) fn integer(
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
    pub(crate) fn table(
        &mut self,
        key: &'static str,
        kind: &'static TableKind,
        problems: &mut Problems,
    ) -> Option<Table<'a>> {
        self.get(key)?.table(kind, problems)
    }

    /// A table whose keys are names of the user's choice.
    pub(crate) fn names(&mut self, key: &'static str, problems: &mut Problems) -> Vec<Item<'a>> {
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

    /// Rejects a key that this version does not do yet.
    pub(crate) fn not_yet(
        &mut self,
        key: &'static str,
        does: &str,
        help: &str,
        problems: &mut Problems,
    ) {
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
    pub(crate) fn finish(self, problems: &mut Problems) {
        let keys = self.kind.keys.iter();
        let more = self
            .asked
            .iter()
            .filter(|key| !self.kind.keys.contains(key));
        let known = keys.chain(more).filter(|key| !self.refused.contains(key));
        for (key, _) in self.entries {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected a key of {}, found {}",
                        self.kind.what,
                        quoted(name)
                    ),
                    self.spot.at(key.span()).label("unknown key"),
                )
                .with_help_if(match self.kind.foreign(name) {
                    Some(foreign) => Some(foreign.help.to_owned()),
                    None => nearest::help(name, known.clone().copied()),
                }),
            );
        }
    }
}

/// A value under its key.
pub(in crate::cluster) struct Item<'a> {
    /// The key, as the reader calls it.
    pub key: String,
    /// Where the key is.
    pub key_spot: Spot,
    /// Where the value is.
    pub spot: Spot,
    /// The value.
    pub value: &'a DeValue<'a>,
    /// The key is a word of another tool, so its value is likely to be of another form, too.
    pub borrowed: bool,
}

impl<'a> Item<'a> {
    pub(crate) fn at<T>(&self, value: T) -> At<T> {
        At {
            value,
            spot: self.spot.clone(),
        }
    }

    /// The key as a text with its place.
    pub(crate) fn name(&self) -> At<String> {
        At {
            value: self.key.clone(),
            spot: self.key_spot.clone(),
        }
    }

    pub(crate) fn string(&self, problems: &mut Problems) -> Option<At<String>> {
        if let DeValue::String(text) = self.value {
            return Some(self.at(text.to_string()));
        }
        self.mistyped("a string", problems);
        None
    }

    /// Takes a text that a message must not repeat, or says what was expected of it.
    pub(crate) fn parse_unseen<T>(
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
    pub(crate) fn strings(&self, problems: &mut Problems) -> Vec<At<String>> {
        let items = self.items("a list of strings", problems);
        items
            .into_iter()
            .filter_map(|item| {
                if let DeValue::String(text) = item.value {
                    return Some(item.at(text.to_string()));
                }
                item.mistyped("strings", problems);
                None
            })
            .collect()
    }

    /// The values of a list, each under the list's key.
    pub(crate) fn items(&self, expected: &str, problems: &mut Problems) -> Vec<Item<'a>> {
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

    pub(crate) fn table(
        &self,
        kind: &'static TableKind,
        problems: &mut Problems,
    ) -> Option<Table<'a>> {
        if let DeValue::Table(entries) = self.value {
            return Some(Table {
                entries,
                kind,
                spot: self.key_spot.clone(),
                asked: Vec::new(),
                refused: Vec::new(),
            });
        }
        self.mistyped("a table", problems);
        None
    }

    /// Reports a value of another type than expected.
    pub(crate) fn mistyped(&self, expected: &str, problems: &mut Problems) {
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
