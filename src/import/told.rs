//! What a person has to know of an import: a line for each key that is not carried.

use std::collections::BTreeSet;

use super::unkept;
use crate::cluster::truth;

use super::yaml::{YamlKey, YamlNode, YamlSpot, YamlValue};

/// How much a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HowCarried {
    /// It is not carried: `--strict` fails.
    Not,
    /// It is, in another way than one might think.
    Otherwise,
}

/// A line of the report of an import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToldLine {
    /// The file as it was named.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1.
    pub column: usize,
    /// Whether it is carried.
    pub carried: HowCarried,
    /// Which key: `services.web.build`.
    pub key: String,
    /// Why, and what to do.
    pub why: String,
}

/// All lines so far.
#[derive(Debug, Default)]
pub(super) struct ToldLines(BTreeSet<ToldLine>);

impl ToldLines {
    pub(super) fn not(&mut self, spot: &YamlSpot, key: &str, why: impl Into<String>) {
        self.push(HowCarried::Not, spot, key, why.into());
    }

    pub(super) fn otherwise(&mut self, spot: &YamlSpot, key: &str, why: impl Into<String>) {
        self.push(HowCarried::Otherwise, spot, key, why.into());
    }

    fn push(&mut self, carried: HowCarried, spot: &YamlSpot, key: &str, why: String) {
        self.0.insert(ToldLine {
            file: spot.file.name.clone(),
            line: spot.line,
            column: spot.column,
            carried,
            key: key.to_owned(),
            why,
        });
    }

    /// All lines in their order. What several services have from one place is told once.
    pub(super) fn lines(self) -> Vec<ToldLine> {
        let mut lines: Vec<(ToldLine, usize)> = Vec::new();
        for line in self.0 {
            let same = |other: &ToldLine| {
                let place = |line: &ToldLine| (line.file.clone(), line.line, line.column);
                let below = |line: &ToldLine| below_service(&line.key).map(str::to_owned);
                place(other) == place(&line)
                    && (other.carried, &other.why) == (line.carried, &line.why)
                    && below(other).is_some()
                    && below(other) == below(&line)
            };
            match lines.iter_mut().find(|(other, _)| same(other)) {
                Some((_, more)) => *more += 1,
                None => lines.push((line, 0)),
            }
        }
        let lines = lines.into_iter().map(|(mut line, more)| {
            if more > 0 {
                let services = if more == 1 { "service" } else { "services" };
                line.key.push_str(&format!(" (and {more} more {services})"));
            }
            line
        });
        lines.collect()
    }
}

/// What follows the name of a service in a key: `services.web.build` gives `build`.
fn below_service(key: &str) -> Option<&str> {
    let (_, below) = key.strip_prefix("services.")?.split_once(['.', ','])?;
    Some(below)
}

/// The keys of a table, each of which is taken or told.
pub(super) struct Keys<'a> {
    /// The table's own: `services.web`.
    pub path: String,
    left: Vec<(&'a YamlKey, &'a YamlNode)>,
}

impl<'a> Keys<'a> {
    /// Of a table; of anything else, none, and that is told.
    pub(super) fn new(path: impl Into<String>, node: &'a YamlNode, told: &mut ToldLines) -> Self {
        let path = path.into();
        let left = match &node.value {
            YamlValue::Map(entries) => entries.iter().map(|(key, node)| (key, node)).collect(),
            YamlValue::Null => Vec::new(),
            YamlValue::Text(_) | YamlValue::List(_) => {
                told.not(
                    &node.spot,
                    &path,
                    format!("expected a table, found {}", node.kind()),
                );
                Vec::new()
            }
        };
        Self { path, left }
    }

    /// The path of a key.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// Takes a key; none if it is not there or says nothing.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a YamlNode> {
        let at = self.left.iter().position(|(key, _)| key.name == name)?;
        let (_, node) = self.left.remove(at);
        (node.value != YamlValue::Null).then_some(node)
    }

    /// Takes a text.
    pub(super) fn text(
        &mut self,
        name: &str,
        told: &mut ToldLines,
    ) -> Option<(String, &'a YamlNode)> {
        let node = self.take(name)?;
        match node.text() {
            Some(text) => Some((text, node)),
            None => {
                let why = format!("expected a text, found {}", node.kind());
                told.not(&node.spot, &self.key(name), why);
                None
            }
        }
    }

    /// Takes `true` or `false`; `None` where it is neither, which is told.
    pub(super) fn boolean(&mut self, name: &str, told: &mut ToldLines) -> Option<bool> {
        self.flag(name, told).map(|(value, _)| value)
    }

    /// Takes `true` or `false`, with its place.
    pub(super) fn flag(
        &mut self,
        name: &str,
        told: &mut ToldLines,
    ) -> Option<(bool, &'a YamlNode)> {
        let (text, node) = self.text(name, told)?;
        match truth(&text) {
            Some(value) => Some((value, node)),
            None => {
                let why = format!("expected `true` or `false`, found `{text}`");
                told.not(&node.spot, &self.key(name), why);
                None
            }
        }
    }

    /// Takes texts: a list of them, or one.
    pub(super) fn texts(
        &mut self,
        name: &str,
        told: &mut ToldLines,
    ) -> Vec<(String, &'a YamlNode)> {
        let Some(node) = self.take(name) else {
            return Vec::new();
        };
        texts(&self.key(name), node, told)
    }

    /// Tells all keys that nobody took.
    pub(super) fn finish(self, told: &mut ToldLines) {
        for (key, node) in self.left {
            if key.name.starts_with("x-") || node.value == YamlValue::Null {
                continue;
            }
            let path = format!("{}.{}", self.path, key.name);
            let path = path.trim_start_matches('.');
            told.not(&key.spot, path, unkept::why(path));
        }
    }
}

/// The texts of a list, or one text.
pub(super) fn texts<'a>(
    path: &str,
    node: &'a YamlNode,
    told: &mut ToldLines,
) -> Vec<(String, &'a YamlNode)> {
    let mut texts = Vec::new();
    for item in node.items() {
        match item.text() {
            Some(text) => texts.push((text, item)),
            None => told.not(
                &item.spot,
                path,
                format!("expected a text, found {}", item.kind()),
            ),
        }
    }
    texts
}
