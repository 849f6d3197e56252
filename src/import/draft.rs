//! What is to be written of a service, line by line, each with the place in compose that it comes from.

use super::yaml::{TextSegment, YamlSpot};

/// A value of TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Toml {
    Text(String),
    /// A number or a boolean, as it is written.
    Bare(String),
    List(Vec<Toml>),
    Table(Vec<(&'static str, Toml)>),
    /// A table with names of the user's choice.
    Named(Vec<(String, Toml)>),
}

impl Toml {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Toml::Text(text.into())
    }

    /// One text, or a list of them.
    pub(super) fn one_or_more(mut texts: Vec<String>) -> Self {
        match texts.len() {
            1 => Toml::Text(texts.remove(0)),
            _ => Toml::texts(texts),
        }
    }

    pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Toml::List(texts.into_iter().map(Toml::text).collect())
    }

    /// A number, where the text is one.
    pub(super) fn number(text: &str) -> Self {
        let whole = text.parse::<i64>().ok().map(|number| number.to_string());
        let plain = |text: &&str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let decimal = || Some(text).filter(plain)?.parse::<f64>().ok();
        match whole.or_else(|| decimal().map(|number| format!("{number:?}"))) {
            Some(number) => Toml::Bare(number),
            None => Toml::text(text),
        }
    }
}

/// `key = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DraftLine {
    pub key: String,
    pub value: Toml,
    /// Where compose says it.
    pub spot: YamlSpot,
    /// Where compose says each entry of a list, if that is known.
    pub spots: Vec<YamlSpot>,
    /// What stands behind it.
    pub comment: Option<String>,
}

impl DraftLine {
    /// A line of which nothing more is known.
    pub(super) fn new(key: &str, value: Toml, spot: &YamlSpot) -> Self {
        Self {
            key: key.to_owned(),
            value,
            spot: spot.clone(),
            spots: Vec::new(),
            comment: None,
        }
    }
}

/// A variable of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DraftVariable {
    pub name: String,
    pub value: Vec<TextSegment>,
    pub spot: YamlSpot,
}

/// The parts of a service's file, in their order there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Fields,
    Env,
    Files,
    Health,
}

impl Section {
    pub(super) const ALL: [Section; 4] = [
        Section::Fields,
        Section::Env,
        Section::Files,
        Section::Health,
    ];

    /// Its heading.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Section::Fields => "",
            Section::Env => "env",
            Section::Files => "files",
            Section::Health => "health",
        }
    }
}

/// A service that is to be written.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// Its name here.
    pub name: String,
    /// Its name in compose.
    pub called: String,
    pub spot: YamlSpot,
    pub fields: Vec<DraftLine>,
    /// Its variables, before it is known which of them are `[vars]` and secrets.
    pub variables: Vec<DraftVariable>,
    pub env: Vec<DraftLine>,
    pub files: Vec<DraftLine>,
    pub health: Vec<DraftLine>,
}

impl Draft {
    pub(super) fn section(&self, section: Section) -> &Vec<DraftLine> {
        match section {
            Section::Fields => &self.fields,
            Section::Env => &self.env,
            Section::Files => &self.files,
            Section::Health => &self.health,
        }
    }

    pub(super) fn section_mut(&mut self, section: Section) -> &mut Vec<DraftLine> {
        match section {
            Section::Fields => &mut self.fields,
            Section::Env => &mut self.env,
            Section::Files => &mut self.files,
            Section::Health => &mut self.health,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Toml> {
        let line = self.fields.iter().find(|line| line.key == key);
        line.map(|line| &line.value)
    }

    /// Sets a field.
    pub(super) fn set(&mut self, key: &str, value: Toml, spot: &YamlSpot) {
        self.fields.push(DraftLine::new(key, value, spot));
    }

    /// Adds an entry to a list, unless it is there.
    pub(super) fn add(&mut self, key: &str, value: Toml, spot: &YamlSpot) {
        let line = self.fields.iter_mut().find(|line| line.key == key);
        let Some(line) = line else {
            self.fields.push(DraftLine {
                key: key.to_owned(),
                value: Toml::List(vec![value]),
                spot: spot.clone(),
                spots: vec![spot.clone()],
                comment: None,
            });
            return;
        };
        if let Toml::List(items) = &mut line.value
            && !items.contains(&value)
        {
            items.push(value);
            line.spots.push(spot.clone());
        }
    }

    /// Writes a line of `[files]`: one for each place in the container.
    pub(super) fn file(&mut self, target: &str, value: Toml, spot: &YamlSpot) {
        self.files.retain(|line| line.key != target);
        self.files.push(DraftLine::new(target, value, spot));
    }

    /// Adds flags of `run` without a field.
    pub(super) fn flag(&mut self, flag: &str, value: &str, spot: &YamlSpot) {
        let line = self.fields.iter_mut().find(|line| line.key == "extra_args");
        let word = Toml::text(format!("--{flag}={value}"));
        match line {
            Some(line) => {
                if let Toml::List(items) = &mut line.value {
                    items.push(word);
                    line.spots.push(spot.clone());
                }
            }
            None => self.add("extra_args", word, spot),
        }
    }
}
