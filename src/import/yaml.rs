//! YAML as a tree in which everything has its place.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::cluster::diagnostic::{Diagnostic, Place};

/// The most nodes that a file may have once its aliases are replaced: a few lines can mean billions.
const NODES_MAX: usize = 200_000;

/// How deep nodes may be in each other.
const DEPTH_MAX: usize = 64;

/// The largest file, in bytes.
const BYTES_MAX: usize = 2 << 20;

/// A file of the project.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ComposeFile {
    /// As it is shown.
    pub name: String,
    /// Relative paths in it begin here: an absolute path.
    pub base: String,
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlSpot {
    pub file: Rc<ComposeFile>,
    /// Bytes of the file.
    pub span: Range<usize>,
    pub line: usize,
    pub column: usize,
}

impl YamlSpot {
    pub(super) fn label(&self, label: &str) -> Place {
        Place {
            path: self.file.name.clone(),
            span: Some(self.span.clone()),
            label: label.to_owned(),
        }
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextSegment {
    /// As it is.
    Literal(String),
    /// `${NAME}`, and what it means.
    Variable { name: String, value: String },
}

/// What a text of compose says about how a node is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MergeTag {
    /// `!reset`: what was said before is gone.
    Reset,
    /// `!override`: it takes the place of what was said before.
    Override,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlNode {
    pub value: YamlValue,
    pub spot: YamlSpot,
    pub tag: Option<MergeTag>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum YamlValue {
    Null,
    Text(Vec<TextSegment>),
    List(Vec<YamlNode>),
    Map(Vec<(YamlKey, YamlNode)>),
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlKey {
    pub name: String,
    pub spot: YamlSpot,
}

impl YamlNode {
    /// Its text, if it is one.
    pub(super) fn text(&self) -> Option<String> {
        match &self.value {
            YamlValue::Text(segments) => Some(plain(segments)),
            YamlValue::Null | YamlValue::List(_) | YamlValue::Map(_) => None,
        }
    }

    /// The entries of a list, or what stands there instead of one.
    pub(super) fn items(&self) -> Vec<&YamlNode> {
        match &self.value {
            YamlValue::List(items) => items.iter().collect(),
            YamlValue::Null => Vec::new(),
            YamlValue::Text(_) | YamlValue::Map(_) => vec![self],
        }
    }

    pub(super) fn map(&self) -> Option<&Vec<(YamlKey, YamlNode)>> {
        match &self.value {
            YamlValue::Map(entries) => Some(entries),
            YamlValue::Null | YamlValue::Text(_) | YamlValue::List(_) => None,
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, name: &str) -> Option<&YamlNode> {
        let entries = self.map()?;
        let found = entries.iter().find(|(key, _)| key.name == name);
        found.map(|(_, node)| node)
    }

    /// What it is, in a message.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            YamlValue::Null => "nothing",
            YamlValue::Text(_) => "a text",
            YamlValue::List(_) => "a list",
            YamlValue::Map(_) => "a table",
        }
    }
}

/// The text of segments, variables replaced.
pub(super) fn plain(segments: &[TextSegment]) -> String {
    let parts = segments.iter().map(|segment| match segment {
        TextSegment::Literal(text) | TextSegment::Variable { value: text, .. } => text.as_str(),
    });
    parts.collect()
}

/// Reads a file of one document.
pub(super) fn read(text: &str, file: &Rc<ComposeFile>) -> Result<YamlNode, Diagnostic> {
    if text.len() > BYTES_MAX {
        let title = format!("expected at most {} MiB, found more", BYTES_MAX >> 20);
        return Err(Diagnostic::error(title, Place::file(&file.name, "")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    bytes.push(text.len());
    let mut reader = TreeReader {
        file,
        bytes,
        anchors: BTreeMap::new(),
        nodes: 0,
        open: Vec::new(),
        root: None,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let spot = reader.spot(Span::empty(*error.marker()));
            Diagnostic::error(
                format!("this is no YAML: {}", error.info()),
                spot.label("here"),
            )
        })?;
        reader.event(event, span)?;
    }
    let whole = YamlSpot {
        file: file.clone(),
        span: 0..0,
        line: 1,
        column: 1,
    };
    Ok(reader.root.unwrap_or(YamlNode {
        value: YamlValue::Null,
        spot: whole,
        tag: None,
    }))
}

/// A list or a map whose end was not read yet.
struct Open {
    node: YamlNode,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<YamlKey>,
}

struct TreeReader<'a> {
    file: &'a Rc<ComposeFile>,
    /// Where each character begins.
    bytes: Vec<usize>,
    /// What anchors stand for, and how many nodes each is.
    anchors: BTreeMap<usize, (YamlNode, usize)>,
    nodes: usize,
    open: Vec<Open>,
    root: Option<YamlNode>,
}

impl TreeReader<'_> {
    fn spot(&self, span: Span) -> YamlSpot {
        let last = self.bytes.len() - 1;
        let at = |index: usize| self.bytes[index.min(last)];
        let (start, end) = (at(span.start.index()), at(span.end.index()));
        YamlSpot {
            file: self.file.clone(),
            span: start..end.max(start),
            line: span.start.line(),
            column: span.start.col() + 1,
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let spot = self.spot(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tagged = self.tag(tag.as_deref(), &spot)?;
                let value = match style {
                    ScalarStyle::Plain if tag.is_none() || tagged.is_some() => scalar(&text),
                    ScalarStyle::Plain
                    | ScalarStyle::SingleQuoted
                    | ScalarStyle::DoubleQuoted
                    | ScalarStyle::Literal
                    | ScalarStyle::Folded => {
                        YamlValue::Text(vec![TextSegment::Literal(text.into_owned())])
                    }
                };
                let node = YamlNode {
                    value,
                    spot,
                    tag: tagged,
                };
                self.add(node, anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.start(YamlValue::List(Vec::new()), anchor, tag.as_deref(), spot)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.start(YamlValue::Map(Vec::new()), anchor, tag.as_deref(), spot)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open {
                    mut node, anchor, ..
                }) = self.open.pop()
                else {
                    return Ok(());
                };
                node.spot.span.end = node.spot.span.end.max(node.spot.span.start);
                unfold(&mut node)?;
                let size = size(&node);
                self.add(node, anchor, size)
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    let title =
                        "expected the name of an anchor that ended before, found another one";
                    return Err(Diagnostic::error(title, spot.label("which one?")));
                };
                self.nodes += size;
                if self.nodes > NODES_MAX {
                    let title = format!("its aliases stand for more than {NODES_MAX} values");
                    return Err(Diagnostic::error(title, spot.label("too many by here")));
                }
                self.add(node, 0, size)
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                let title = "expected one document, found a second one";
                Err(Diagnostic::error(title, spot.label("begins here")))
            }
            Event::DocumentStart(..)
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | _ => Ok(()),
        }
    }

    fn tag(&self, tag: Option<&Tag>, spot: &YamlSpot) -> Result<Option<MergeTag>, Diagnostic> {
        let Some(tag) = tag else {
            return Ok(None);
        };
        match (tag.handle(), tag.suffix()) {
            ("!", "reset") => Ok(Some(MergeTag::Reset)),
            ("!", "override") => Ok(Some(MergeTag::Override)),
            _ if tag.is_yaml_core_schema() => Ok(None),
            (handle, suffix) => Err(Diagnostic::error(
                format!("expected the tag `!reset` or `!override`, found `{handle}{suffix}`"),
                spot.label("unknown tag"),
            )),
        }
    }

    fn start(
        &mut self,
        value: YamlValue,
        anchor: usize,
        tag: Option<&Tag>,
        spot: YamlSpot,
    ) -> Result<(), Diagnostic> {
        if self.open.len() >= DEPTH_MAX {
            let title = format!("expected lists and tables at most {DEPTH_MAX} deep, found more");
            return Err(Diagnostic::error(title, spot.label("too deep")));
        }
        let tag = self.tag(tag, &spot)?;
        self.open.push(Open {
            node: YamlNode { value, spot, tag },
            anchor,
            key: None,
        });
        Ok(())
    }

    /// Puts a node that is whole where it belongs.
    fn add(&mut self, node: YamlNode, anchor: usize, size: usize) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let title = format!("expected at most {NODES_MAX} values, found more");
            return Err(Diagnostic::error(
                title,
                node.spot.label("too many by here"),
            ));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.node.value, open.key.take()) {
            (YamlValue::List(items), _) => items.push(node),
            (YamlValue::Map(entries), Some(key)) => {
                // `<<` may stand there several times, as a list would.
                let first = entries.iter().find(|(other, _)| other.name == key.name);
                if let Some((first, _)) = first.filter(|_| key.name != MERGE) {
                    return Err(Diagnostic::error(
                        format!("the key `{}` is written twice", key.name),
                        key.spot.label("second time"),
                    )
                    .with_related(first.spot.label("first time"))
                    .with_help("remove one of them"));
                }
                entries.push((key, node));
            }
            (YamlValue::Map(_), None) => {
                let name = match &node.value {
                    YamlValue::Null => Some(String::new()),
                    YamlValue::Text(segments) => Some(plain(segments)),
                    YamlValue::List(_) | YamlValue::Map(_) => None,
                };
                let Some(name) = name else {
                    let title = format!("expected a text as key, found {}", node.kind());
                    return Err(Diagnostic::error(title, node.spot.label("no key")));
                };
                open.key = Some(YamlKey {
                    name,
                    spot: node.spot,
                });
            }
            (YamlValue::Null | YamlValue::Text(_), _) => {}
        }
        Ok(())
    }
}

/// The key whose tables are put into the one around it.
const MERGE: &str = "<<";

/// Puts what `<<` names into the map; what the map itself says counts.
fn unfold(node: &mut YamlNode) -> Result<(), Diagnostic> {
    let YamlValue::Map(entries) = &mut node.value else {
        return Ok(());
    };
    if !entries.iter().any(|(key, _)| key.name == MERGE) {
        return Ok(());
    }
    let mut own: Vec<(YamlKey, YamlNode)> = Vec::new();
    let mut merged = Vec::new();
    for (key, value) in std::mem::take(entries) {
        if key.name != MERGE {
            own.push((key, value));
            continue;
        }
        match value.value {
            YamlValue::Map(entries) => merged.extend(entries),
            YamlValue::List(items) if items.iter().all(|item| item.map().is_some()) => {
                merged.extend(
                    items
                        .into_iter()
                        .filter_map(|item| match item.value {
                            YamlValue::Map(entries) => Some(entries),
                            YamlValue::Null | YamlValue::Text(_) | YamlValue::List(_) => None,
                        })
                        .flatten(),
                );
            }
            YamlValue::Null => {}
            YamlValue::Text(_) | YamlValue::List(_) => {
                return Err(Diagnostic::error(
                    "expected a table, or a list of tables, after `<<`",
                    value.spot.label("what is to be merged?"),
                ));
            }
        }
    }
    let mut all: Vec<(YamlKey, YamlNode)> = Vec::new();
    for (key, value) in own.iter().chain(&merged) {
        if !all.iter().any(|(other, _)| other.name == key.name) {
            all.push((key.clone(), value.clone()));
        }
    }
    *entries = all;
    Ok(())
}

fn size(node: &YamlNode) -> usize {
    1 + match &node.value {
        YamlValue::Null | YamlValue::Text(_) => 0,
        YamlValue::List(items) => items.iter().map(size).sum(),
        YamlValue::Map(entries) => entries.iter().map(|(_, value)| 1 + size(value)).sum(),
    }
}

/// What a plain scalar is, as compose writes it into texts: numbers in decimal, a float without zeros at its end.
fn scalar(text: &str) -> YamlValue {
    let number = |number: i128| YamlValue::Text(vec![TextSegment::Literal(number.to_string())]);
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return YamlValue::Null,
        "True" | "TRUE" => return YamlValue::Text(vec![TextSegment::Literal("true".to_owned())]),
        "False" | "FALSE" => {
            return YamlValue::Text(vec![TextSegment::Literal("false".to_owned())]);
        }
        _ => {}
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.replace('_', "");
    let radix = |prefix: &str, radix: u32| {
        let rest = digits.strip_prefix(prefix)?;
        i64::from_str_radix(rest, radix).ok()
    };
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        let found = radix("0x", 16)
            .or_else(|| radix("0o", 8))
            .or_else(|| radix("0b", 2))
            .or_else(|| radix("0", 8).filter(|_| digits.len() > 1))
            .or_else(|| digits.parse().ok());
        if let Some(found) = found {
            return number(i128::from(found) * sign);
        }
    }
    let float = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if let Some(value) = text.replace('_', "").parse::<f64>().ok().filter(|_| float)
        && (value == 0.0 || (1e-4..1e21).contains(&value.abs()))
    {
        return YamlValue::Text(vec![TextSegment::Literal(value.to_string())]);
    }
    YamlValue::Text(vec![TextSegment::Literal(text.to_owned())])
}
