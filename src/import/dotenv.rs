//! Files of variables: `.env`, and those of `env_file`.

use super::interpolate::{ComposeEnvironment, interpolate};
use super::yaml::{TextSegment, plain};

/// A line `NAME=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EnvAssignment {
    pub name: String,
    /// `None`: the name alone, whose value is the environment's.
    pub value: Option<Vec<TextSegment>>,
    /// Counted from 1.
    pub line: usize,
}

/// How such a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EnvFormat {
    /// As compose does: quotes, comments, `${NAME}`.
    Compose,
    /// As `docker run --env-file` does: each line as it is.
    Raw,
}

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine {
    pub line: usize,
    pub what: String,
}

/// Reads all lines. Values may use those above and the environment, which counts first.
pub(super) fn read(
    text: &str,
    format: EnvFormat,
    environment: &ComposeEnvironment,
    unset: &mut Vec<String>,
) -> Result<Vec<EnvAssignment>, BadLine> {
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n");
    let mut known = environment.clone();
    let mut found = Vec::new();
    let (mut position, mut line) = (0, 1);
    while position < text.len() {
        let end = text[position..]
            .find('\n')
            .map_or(text.len(), |at| position + at);
        let trimmed = text[position..end].trim_start();
        let at = line;
        (position, line) = (end + 1, line + 1);
        if trimmed.trim_end().is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let trimmed = match format {
            EnvFormat::Compose => trimmed
                .strip_prefix("export ")
                .unwrap_or(trimmed)
                .trim_start(),
            EnvFormat::Raw => trimmed,
        };
        let bad = |what: String| BadLine { line: at, what };
        let Some((name, value)) = trimmed
            .split_once(['=', ':'])
            .filter(|(name, _)| format == EnvFormat::Compose || !name.contains(':'))
        else {
            let name = trimmed.trim_end();
            if !is_name(name) {
                return Err(bad("expected `NAME=value`, found something else".to_owned()));
            }
            found.push(EnvAssignment {
                name: name.to_owned(),
                value: None,
                line: at,
            });
            continue;
        };
        let (name, value) = match format {
            EnvFormat::Raw => trimmed.split_once('=').unwrap_or((name, value)),
            EnvFormat::Compose => (name, value),
        };
        let name = name.trim();
        if !is_name(name) {
            return Err(bad(
                "expected the name of a variable before `=`, found something else".to_owned(),
            ));
        }
        let value = match format {
            EnvFormat::Raw => vec![TextSegment::Literal(value.to_owned())],
            EnvFormat::Compose => {
                let value = value.trim_start_matches([' ', '\t']);
                match value.chars().next() {
                    Some(quote @ ('"' | '\'')) => {
                        // It may go over lines.
                        let whole = &text[end - value.len() + 1..];
                        let (inside, length) = quoted(whole, quote).ok_or_else(|| {
                            bad(format!(
                                "expected {quote} at the end of the value, found none"
                            ))
                        })?;
                        let (hidden, after) = whole.split_at(length);
                        let ends = after.find('\n').unwrap_or(after.len());
                        line += hidden.matches('\n').count();
                        position = text.len() - after.len() + ends + 1;
                        match quote {
                            '"' => replaced(&inside, &known, unset).map_err(bad)?,
                            _ => vec![TextSegment::Literal(inside)],
                        }
                    }
                    _ => {
                        let value = match value.find(" #").or_else(|| value.find("\t#")) {
                            Some(at) => &value[..at],
                            None if value.starts_with('#') => "",
                            None => value,
                        };
                        replaced(value.trim_end(), &known, unset).map_err(bad)?
                    }
                }
            }
        };
        // The environment counts before the file.
        let is_given = environment.contains_key(name);
        if !is_given {
            known.insert(name.to_owned(), plain(&value));
        }
        found.push(EnvAssignment {
            name: name.to_owned(),
            value: Some(value),
            line: at,
        });
    }
    Ok(found)
}

fn replaced(
    text: &str,
    known: &ComposeEnvironment,
    unset: &mut Vec<String>,
) -> Result<Vec<TextSegment>, String> {
    // A `$` that begins no variable is one here.
    interpolate(text, known, unset).or_else(|error| {
        match error.what.starts_with("expected a value") {
            true => Err(error.what),
            false => Ok(vec![TextSegment::Literal(text.to_owned())]),
        }
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-[]".contains(&b))
}

/// The text up to the closing quote, and how far that is. In double quotes a backslash hides what follows.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut inside = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((inside, at + c.len_utf8())),
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => inside.push('\n'),
                'r' => inside.push('\r'),
                't' => inside.push('\t'),
                '$' => inside.push_str("$$"),
                other @ ('"' | '\\') => inside.push(other),
                other => {
                    inside.push('\\');
                    inside.push(other);
                }
            },
            '\\' if quote == '\'' => match chars.clone().next() {
                Some((_, '\'')) => {
                    chars.next();
                    inside.push('\'');
                }
                _ => inside.push('\\'),
            },
            c => inside.push(c),
        }
    }
    None
}
