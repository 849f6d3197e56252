//! `${NAME}` and its forms, as compose replaces them.

use std::collections::BTreeMap;

use super::yaml::{TextSegment, plain};

/// How deep defaults may be in each other.
const DEPTH_MAX: usize = 16;

/// Names and values that texts may use: of the environment and of `.env`.
pub(super) type ComposeEnvironment = BTreeMap<String, String>;

/// Why a text cannot be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreplaceable {
    /// The expected first, the actual second.
    pub what: String,
    /// What to write.
    pub help: String,
}

/// Replaces variables in a text; `unset` gets the names that have no value and no default.
pub(super) fn interpolate(
    text: &str,
    environment: &ComposeEnvironment,
    unset: &mut Vec<String>,
) -> Result<Vec<TextSegment>, Unreplaceable> {
    let mut segments = Vec::new();
    replace(text, environment, unset, &mut segments, 0)?;
    Ok(joined(segments))
}

/// Neighbouring literals as one; at least one segment.
fn joined(segments: Vec<TextSegment>) -> Vec<TextSegment> {
    let mut joined: Vec<TextSegment> = Vec::new();
    for segment in segments {
        match (joined.last_mut(), segment) {
            (Some(TextSegment::Literal(before)), TextSegment::Literal(text)) => {
                before.push_str(&text)
            }
            (_, segment) => joined.push(segment),
        }
    }
    if joined.len() > 1 {
        joined.retain(|segment| *segment != TextSegment::Literal(String::new()));
    }
    if joined.is_empty() {
        joined.push(TextSegment::Literal(String::new()));
    }
    joined
}

fn replace(
    text: &str,
    environment: &ComposeEnvironment,
    unset: &mut Vec<String>,
    segments: &mut Vec<TextSegment>,
    depth: usize,
) -> Result<(), Unreplaceable> {
    let invalid = |found: &str| Unreplaceable {
        what: format!(
            "expected `${{NAME}}` or `$NAME` after `$`, found `{}`",
            found.chars().take(20).collect::<String>().escape_debug()
        ),
        help: "a `$` that is meant as it is stands there twice: `$$`".to_owned(),
    };
    if depth > DEPTH_MAX {
        return Err(Unreplaceable {
            what: format!("expected defaults at most {DEPTH_MAX} deep, found more"),
            help: "write the value itself".to_owned(),
        });
    }
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        segments.push(TextSegment::Literal(rest[..at].to_owned()));
        let after = &rest[at + 1..];
        if let Some(next) = after.strip_prefix('$') {
            segments.push(TextSegment::Literal("$".to_owned()));
            rest = next;
        } else if let Some(inner) = after.strip_prefix('{') {
            let length = closing(inner).ok_or_else(|| invalid(&rest[at..]))?;
            braced(&inner[..length], environment, unset, segments, depth)?
                .ok_or_else(|| invalid(&rest[at..]))?;
            rest = &inner[length + 1..];
        } else {
            let length = name_length(after);
            if length == 0 {
                return Err(invalid(&rest[at..]));
            }
            segments.push(value(&after[..length], environment, unset));
            rest = &after[length..];
        }
    }
    segments.push(TextSegment::Literal(rest.to_owned()));
    Ok(())
}

/// Where the brace that was opened before this text is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1usize;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// How long the name is that a text begins with.
fn name_length(text: &str) -> usize {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let inner = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    match first {
        true => text.find(inner).unwrap_or(text.len()),
        false => 0,
    }
}

fn value(name: &str, environment: &ComposeEnvironment, unset: &mut Vec<String>) -> TextSegment {
    match environment.get(name) {
        Some(value) => TextSegment::Variable {
            name: name.to_owned(),
            value: value.clone(),
        },
        None => {
            unset.push(name.to_owned());
            TextSegment::Literal(String::new())
        }
    }
}

/// What stands between braces. `None`: it is no form of compose.
fn braced(
    inner: &str,
    environment: &ComposeEnvironment,
    unset: &mut Vec<String>,
    segments: &mut Vec<TextSegment>,
    depth: usize,
) -> Result<Option<()>, Unreplaceable> {
    let length = name_length(inner);
    if length == 0 {
        return Ok(None);
    }
    let (name, rest) = inner.split_at(length);
    if rest.is_empty() {
        segments.push(value(name, environment, unset));
        return Ok(Some(()));
    }
    let (empty_counts, operator) = match rest.strip_prefix(':') {
        Some(operator) => (false, operator),
        None => (true, rest),
    };
    let set = environment.get(name);
    let set = set.filter(|value| empty_counts || !value.is_empty());
    let mut chars = operator.chars();
    let (operator, word) = (chars.next(), chars.as_str());
    match (operator, set) {
        (Some('-' | '?'), Some(value)) => segments.push(TextSegment::Variable {
            name: name.to_owned(),
            value: value.clone(),
        }),
        (Some('-'), None) => {
            let mut inside = Vec::new();
            replace(word, environment, unset, &mut inside, depth + 1)?;
            let inside = joined(inside);
            match &inside[..] {
                // The default is the value of the variable, wherever it is used with this one.
                [TextSegment::Literal(value)] => segments.push(TextSegment::Variable {
                    name: name.to_owned(),
                    value: value.clone(),
                }),
                _ => segments.extend(inside),
            }
        }
        (Some('?'), None) => {
            let mut message = Vec::new();
            replace(word, environment, &mut Vec::new(), &mut message, depth + 1)?;
            let message = plain(&message);
            let message = match message.is_empty() {
                true => String::new(),
                false => format!(": {message}"),
            };
            return Err(Unreplaceable {
                what: format!("expected a value of `{name}`, found none{message}"),
                help: format!(
                    "write `{name}=…` into `.env` beside the file, or set it in the environment"
                ),
            });
        }
        (Some('+'), Some(_)) => replace(word, environment, unset, segments, depth + 1)?,
        (Some('+'), None) => {}
        _ => return Ok(None),
    }
    Ok(Some(()))
}
