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

/// One of the texts that a table is made of.
#[derive(Clone)]
pub(in crate::cluster) struct TableLayer<'a> {
    /// What stands in it.
    pub entries: &'a DeTable<'a>,
    /// Where it is.
    pub spot: Spot,
    /// The keys of it that do not count.
    pub without: Vec<&'static str>,
    /// Those that the table does not know.
    odd: Vec<OddKey<'a>>,
}

/// A key that a table does not know.
#[derive(Clone)]
struct OddKey<'a> {
    name: &'a str,
    /// The key that it stands for.
    meant: Option<&'static str>,
    /// It is a word of another tool.
    is_foreign: bool,
}

impl<'a> TableLayer<'a> {
    pub(crate) fn new(entries: &'a DeTable<'a>, kind: &TableKind, spot: Spot) -> Self {
        let names = entries.keys().map(|name| name.get_ref().as_ref());
        let odd = names
            .filter(|name| !kind.keys.contains(name))
            .map(|name| {
                let foreign = kind.foreign(name);
                OddKey {
                    name,
                    meant: match foreign {
                        Some(foreign) => foreign.meant,
                        None => nearest::nearest(name, kind.keys.iter().copied()),
                    },
                    is_foreign: foreign.is_some(),
                }
            })
            .collect();
        Self {
            entries,
            spot,
            without: Vec::new(),
            odd,
        }
    }

    /// Whether a key is in it and counts.
    pub(crate) fn has(&self, key: &str) -> bool {
        !self.without.contains(&key) && self.entries.contains_key(key)
    }

    /// The value of a key, under this or a misspelled one.
    fn get(&self, key: &'static str) -> Option<Item<'a>> {
        if self.without.contains(&key) {
            return None;
        }
        let odd = |name: &str| self.odd.iter().find(|odd| odd.name == name);
        let meant = || self.odd.iter().find(|odd| odd.meant == Some(key));
        let entries = self.entries;
        let found = entries.get_key_value(key);
        let (found, value) = found.or_else(|| entries.get_key_value(meant()?.name))?;
        Some(Item {
            key: key.to_owned(),
            key_spot: self.spot.at(found.span()),
            spot: self.spot.at(value.span()),
            value: value.get_ref(),
            borrowed: odd(found.get_ref()).is_some_and(|odd| odd.is_foreign),
        })
    }
}

/// What becomes of a key that several texts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) enum Merge {
    /// The nearest one counts.
    Replace,
    /// Lists, all of which count.
    Unite,
    /// Tables from names of the user's choice, of which each name counts by itself.
    Names,
}

/// A table of which every key is asked for by name; keys that nobody asked for are unknown.
pub(in crate::cluster) struct Table<'a> {
    /// The nearest one first.
    layers: Vec<TableLayer<'a>>,
    /// Which one of them is the table itself.
    own: usize,
    merge: fn(&str) -> Merge,
    kind: &'static TableKind,
    /// Where the table is: its heading, or the file.
    pub spot: Spot,
    asked: Vec<&'static str>,
    /// Keys that were asked for only to be refused.
    refused: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub(crate) fn root(path: &str, entries: &'a DeTable<'a>, kind: &'static TableKind) -> Self {
        Self::single(entries, kind, Spot::file(path))
    }

    fn single(entries: &'a DeTable<'a>, kind: &'static TableKind, spot: Spot) -> Self {
        let layer = TableLayer::new(entries, kind, spot);
        Self::layered(kind, vec![layer], 0, |_| Merge::Replace)
    }

    /// A table of several texts, the nearest one first; `own` is the one that it is named by.
    pub(crate) fn layered(
        kind: &'static TableKind,
        layers: Vec<TableLayer<'a>>,
        own: usize,
        merge: fn(&str) -> Merge,
    ) -> Self {
        Self {
            spot: layers[own].spot.clone(),
            layers,
            own,
            merge,
            kind,
            asked: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// The text of the table itself.
    pub(crate) fn own(&self) -> &TableLayer<'a> {
        &self.layers[self.own]
    }

    /// A key that is not one of this table, exactly as it is written.
    pub(crate) fn exactly(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.asked.push(key);
        self.refused.push(key);
        let layer = self.own();
        layer.has(key).then(|| layer.get(key))?
    }

    /// The values of a key in every text that has it, each with the number of its text; the nearest first.
    pub(crate) fn every(&self, key: &'static str) -> Vec<(usize, Item<'a>)> {
        let layers = self.layers.iter().enumerate();
        layers
            .filter_map(|(at, layer)| Some((at, layer.get(key)?)))
            .collect()
    }

    /// The value of a key, and the key's own place.
    ///
    /// A misspelled key is read as the one that was meant, and so is the word of another tool: [`Table::finish`] tells it,
    /// and nothing else is said to be missing.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.ask(key);
        let mut layers = self.layers.iter();
        layers.find_map(|layer| layer.get(key))
    }

    fn ask(&mut self, key: &'static str) {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
    }

    /// The values of a key that count, the farthest first: of lists that are united all, else one.
    fn counting(&mut self, key: &'static str) -> Vec<Item<'a>> {
        if (self.merge)(key) == Merge::Replace {
            return self.get(key).into_iter().collect();
        }
        self.ask(key);
        let all = self.every(key).into_iter().rev();
        all.map(|(_, item)| item).collect()
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
        let mut all: Vec<At<String>> = Vec::new();
        for item in self.counting(key) {
            // What two texts say is said once; what one says twice is for the reader to judge.
            let before = all.len();
            for text in item.strings(problems) {
                if !all[..before].iter().any(|other| other.value == text.value) {
                    all.push(text);
                }
            }
        }
        all
    }

    /// The values of a list in every text that counts; the nearest text first.
    pub(crate) fn lists(
        &mut self,
        key: &'static str,
        expected: &str,
        problems: &mut Problems,
    ) -> Vec<Vec<Item<'a>>> {
        let lists = self.counting(key).into_iter().rev();
        lists.map(|item| item.items(expected, problems)).collect()
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

    /// A port of TCP.
    pub(crate) fn port(&mut self, key: &'static str, problems: &mut Problems) -> Option<At<u16>> {
        let port = self.integer(key, 1..=65535, problems)?;
        Some(At {
            value: u16::try_from(port.value).ok()?,
            spot: port.spot,
        })
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
        let mut all: Vec<Item<'a>> = Vec::new();
        // The nearest first.
        for item in self.counting(key).iter().rev() {
            let before = all.len();
            for named in item.names(problems) {
                if !all[..before].iter().any(|other| other.key == named.key) {
                    all.push(named);
                }
            }
        }
        all
    }

    /// Reports every key of the table itself that was not asked for.
    pub(crate) fn finish(self, problems: &mut Problems) {
        let keys = self.kind.keys.iter();
        let more = self
            .asked
            .iter()
            .filter(|key| !self.kind.keys.contains(key));
        let known = keys.chain(more).filter(|key| !self.refused.contains(key));
        let own = self.own();
        for (key, _) in own.entries {
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
                    own.spot.at(key.span()).label("unknown key"),
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

    /// The values of a table whose keys are names of the user's choice.
    pub(crate) fn names(&self, problems: &mut Problems) -> Vec<Item<'a>> {
        let DeValue::Table(entries) = self.value else {
            self.mistyped("a table", problems);
            return Vec::new();
        };
        entries
            .iter()
            .map(|(name, value)| Item {
                key: name.get_ref().to_string(),
                key_spot: self.key_spot.at(name.span()),
                spot: self.key_spot.at(value.span()),
                value: value.get_ref(),
                borrowed: false,
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
            return Some(Table::single(entries, kind, self.key_spot.clone()));
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
