//! From bytes to TOML with places.

use toml::de::DeTable;

use super::advice;
use super::problem::{Problems, Spot};
use crate::cluster::diagnostic::Diagnostic;
use crate::cluster::nesting::{NESTING_MAX, parse_recoverable};

/// Lines with a syntax error that are told of one file; the rest is mostly their consequence.
const SYNTAX_ERRORS_MAX: usize = 10;

/// The text of a file, if it is UTF-8.
pub(in crate::cluster) fn text<'a>(
    path: &str,
    bytes: &'a [u8],
    problems: &mut Problems,
) -> Option<&'a str> {
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
pub(in crate::cluster) fn parse<'a>(
    path: &str,
    text: &'a str,
    problems: &mut Problems,
) -> Option<DeTable<'a>> {
    let (table, errors) = match parse_recoverable(text) {
        Ok(parsed) => parsed,
        Err(bracket) => {
            let title = format!(
                "expected at most {NESTING_MAX} arrays and tables in one another, found more"
            );
            problems.push(
                Diagnostic::error(
                    title,
                    Spot::file(path).at(bracket).label("deeper from here"),
                )
                .with_help("close those before it, with `]` or `}`"),
            );
            return None;
        }
    };
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
pub(super) fn is_secret(path: &str) -> bool {
    path.ends_with("/secrets.toml")
}
