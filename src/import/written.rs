//! Texts of TOML, as a person writes them.

use std::ops::Range;

use super::draft::{Draft, DraftLine, Section, Toml};
use crate::cluster::{fields, toml_key, toml_text};

/// How wide a line may be before a list goes over several.
const WIDTH: usize = 110;

/// Keys are aligned if none is longer.
const KEY_MAX: usize = 30;

/// Where a line of a draft stands in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    pub range: Range<usize>,
    pub section: Section,
    pub key: String,
    /// Which entry of a list.
    pub item: Option<usize>,
}

/// The file of a service.
pub(super) fn service(draft: &Draft, head: &str) -> (String, Vec<Located>) {
    let mut text = String::from(head);
    let mut located = Vec::new();
    for section in Section::ALL {
        let mut lines: Vec<&DraftLine> = draft.section(section).iter().collect();
        if lines.is_empty() {
            continue;
        }
        match section {
            Section::Fields => lines.sort_by_key(|line| position(&line.key)),
            Section::Env | Section::Files | Section::Health => {
                text.push_str(&format!("\n[{}]\n", section.heading()));
            }
        }
        let (blocks, lines): (Vec<&DraftLine>, Vec<&DraftLine>) = lines
            .into_iter()
            .partition(|line| section == Section::Fields && is_block(line));
        let width = width(lines.iter().map(|line| toml_key(&line.key)));
        for line in lines.into_iter().chain(blocks) {
            let start = text.len();
            let items = match section == Section::Fields && is_block(line) {
                true => push_block(&mut text, line),
                false => push_line(&mut text, line, width),
            };
            let located_at = |range, item| Located {
                range,
                section,
                key: line.key.clone(),
                item,
            };
            let items = items.into_iter().enumerate();
            located.extend(items.map(|(at, range)| located_at(range, Some(at))));
            located.push(located_at(start..text.len(), None));
        }
    }
    (text, located)
}

/// The order of fields is that of the documentation.
fn position(key: &str) -> usize {
    let order = fields::SERVICE.iter().position(|field| field.key == key);
    match key {
        // What it is, and where it comes from.
        "from" => 0,
        "image" => 1,
        _ => order.map_or(usize::MAX, |at| at + 2),
    }
}

/// How wide the keys of a block are; 0 where one is too long to align the others with it.
pub(super) fn width(keys: impl Iterator<Item = String>) -> usize {
    let widest = keys.map(|key| key.chars().count()).max().unwrap_or(0);
    if widest > KEY_MAX { 0 } else { widest }
}

/// Tables of names that are too wide for a line, with a heading of their own.
fn is_block(line: &DraftLine) -> bool {
    matches!(&line.value, Toml::Named(_))
        && line.key.len() + inline(&line.value).chars().count() > WIDTH
}

/// Writes a table of names under its heading.
fn push_block(text: &mut String, line: &DraftLine) -> Vec<Range<usize>> {
    text.push_str(&format!("\n[{}]\n", line.key));
    if let Toml::Named(entries) = &line.value {
        let width = width(entries.iter().map(|(name, _)| toml_key(name)));
        for (name, value) in entries {
            text.push_str(&format!("{:width$} = {}\n", toml_key(name), inline(value)));
        }
    }
    Vec::new()
}

fn push_line(text: &mut String, line: &DraftLine, width: usize) -> Vec<Range<usize>> {
    text.push_str(&format!("{:width$} = ", toml_key(&line.key)));
    let items = push_value(text, &line.value);
    if let Some(comment) = &line.comment {
        text.push_str(&format!("  # {comment}"));
    }
    text.push('\n');
    items
}

/// Writes a value; where its entries are, if it is a list.
fn push_value(text: &mut String, value: &Toml) -> Vec<Range<usize>> {
    let Toml::List(items) = value else {
        text.push_str(&inline(value));
        return Vec::new();
    };
    let written: Vec<String> = items.iter().map(inline).collect();
    let column = text.len() - text.rfind('\n').map_or(0, |at| at + 1);
    let whole: usize = written.iter().map(|item| item.chars().count() + 2).sum();
    let is_wide = written.len() > 1 && column + whole > WIDTH
        || written.iter().any(|item| item.contains('\n'));
    let mut ranges = Vec::new();
    text.push('[');
    for (at, item) in written.iter().enumerate() {
        match (is_wide, at) {
            (true, _) => text.push_str("\n  "),
            (false, 0) => {}
            (false, _) => text.push(' '),
        }
        let start = text.len();
        text.push_str(item);
        ranges.push(start..text.len());
        if is_wide || at + 1 < written.len() {
            text.push(',');
        }
    }
    text.push_str(if is_wide { "\n]" } else { "]" });
    ranges
}

/// A value on its own.
pub(super) fn inline(value: &Toml) -> String {
    let pairs = |pairs: Vec<String>| match pairs.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", pairs.join(", ")),
    };
    match value {
        Toml::Text(text) => string(text),
        Toml::Bare(text) => text.clone(),
        Toml::List(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Toml::Table(entries) => pairs(
            entries
                .iter()
                .map(|(key, value)| format!("{key} = {}", inline(value)))
                .collect(),
        ),
        Toml::Named(entries) => pairs(
            entries
                .iter()
                .map(|(name, value)| format!("{} = {}", toml_key(name), inline(value)))
                .collect(),
        ),
    }
}

/// A text, in the quotes in which it reads best.
fn string(text: &str) -> String {
    let odd = |c: char| c.is_control() && c != '\t';
    let lines = text.contains('\n') && !text.contains(|c: char| odd(c) && c != '\n');
    if lines && !text.contains("'''") && !text.ends_with('\'') {
        return format!("'''\n{text}'''");
    }
    let plain = !text.contains(odd) && !text.contains('\'');
    match plain && text.contains(['"', '\\']) {
        true => format!("'{text}'"),
        false => toml_text(text),
    }
}
