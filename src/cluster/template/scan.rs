//! Finds what is code in a template. The grammar is that of minijinja's lexer: strings and brackets hide
//! the end of a `{{ … }}`.

use std::ops::Range;

use super::TemplateProblem;

/// Symbols between two delimiters. The engine's parser recurses with them, on a stack of 2 MiB in the worst case; long
/// code has fifty.
const SYMBOLS_MAX: usize = 500;

/// What is code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `{{ … }}` alone.
    Value,
    /// Also `{% … %}`, `{# … #}` and `{% raw %}`.
    Unit,
}

/// A piece of a template. Comments are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chunk<'t> {
    /// Text, and where it begins.
    Text(&'t str, usize),
    /// `{{ … }}`
    Expression(Code<'t>),
    /// `{% … %}`
    Statement(Code<'t>),
}

/// What stands between two delimiters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code<'t> {
    /// What stands between the delimiters.
    pub inner: &'t str,
    /// Bytes of the template, the delimiters included.
    pub at: Range<usize>,
    /// The same as tokens.
    pub tokens: Vec<Token<'t>>,
    /// `{{-`, `-}}` and their like: the engine would remove text beside it.
    pub trims: bool,
}

/// A word of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A variable, a filter, a keyword.
    Name(&'t str),
    /// `7`, `1.5`
    Number,
    /// `'a'`, `"a"`
    Text,
    /// An operator or a bracket.
    Symbol(&'t str),
}

/// The pieces of a template, in order.
pub(super) fn scan(text: &str, syntax: Syntax) -> Result<Vec<Chunk<'_>>, TemplateProblem> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('{') {
        let open = at + found;
        let (code, statement) = match (text.as_bytes().get(open + 1), syntax) {
            (Some(b'{'), _) => (code(text, open, "}}")?, false),
            (Some(b'%'), Syntax::Unit) => (code(text, open, "%}")?, true),
            (Some(b'#'), Syntax::Unit) => {
                push_text(&mut parts, text, start..open);
                let end = text[open + 2..].find("#}").ok_or_else(|| {
                    TemplateProblem::new("expected `#}`, found the end", open..open + 2)
                })?;
                at = open + 2 + end + 2;
                start = at;
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        push_text(&mut parts, text, start..open);
        at = code.at.end;
        start = at;
        if !statement {
            parts.push(Chunk::Expression(code));
        } else if code.tokens == [Token::Name("raw")] {
            let (end, after) = end_of_raw(text, at).ok_or_else(|| {
                TemplateProblem::new("expected `{% endraw %}`, found the end", code.at.clone())
            })?;
            push_text(&mut parts, text, at..end);
            at = after;
            start = at;
        } else {
            parts.push(Chunk::Statement(code));
        }
    }
    push_text(&mut parts, text, start..text.len());
    Ok(parts)
}

fn push_text<'t>(parts: &mut Vec<Chunk<'t>>, text: &'t str, at: Range<usize>) {
    if !at.is_empty() {
        parts.push(Chunk::Text(&text[at.clone()], at.start));
    }
}

/// The code whose opening delimiter stands at `open`.
fn code<'t>(text: &'t str, open: usize, close: &str) -> Result<Code<'t>, TemplateProblem> {
    let bytes = text.as_bytes();
    let mut at = open + 2;
    let mut trims = matches!(bytes.get(at), Some(b'-' | b'+'));
    let start = at + usize::from(trims);
    at = start;
    // The closing ones that are awaited.
    let mut brackets: Vec<&str> = Vec::new();
    let mut tokens = Vec::new();
    loop {
        at += text[at..]
            .bytes()
            .take_while(u8::is_ascii_whitespace)
            .count();
        let rest = &text[at..];
        let Some(&first) = bytes.get(at) else {
            let expected = brackets.last().copied().unwrap_or(close);
            return Err(TemplateProblem::new(
                format!("expected `{expected}`, found the end"),
                open..open + 2,
            ));
        };
        if brackets.is_empty() {
            let end = match rest.strip_prefix(['-', '+']) {
                Some(after) if after.starts_with(close) => Some(1),
                _ => rest.starts_with(close).then_some(0),
            };
            if let Some(mark) = end {
                trims |= mark == 1;
                return Ok(Code {
                    inner: &text[start..at],
                    at: open..at + mark + close.len(),
                    tokens,
                    trims,
                });
            }
        }
        if tokens.len() == SYMBOLS_MAX {
            return Err(TemplateProblem::new(
                format!(
                    "expected at most {SYMBOLS_MAX} symbols between two delimiters, found more"
                ),
                open..at,
            )
            .with_help("make it of several variables"));
        }
        let (token, length) = token(rest, at)?;
        match (token, first) {
            (Token::Symbol(_), b'(') => brackets.push(")"),
            (Token::Symbol(_), b'[') => brackets.push("]"),
            (Token::Symbol(_), b'{') => brackets.push("}"),
            (Token::Symbol(found @ (")" | "]" | "}")), _) => {
                let expected = match brackets.pop() {
                    Some(expected) if expected == found => None,
                    Some(expected) => Some(format!("`{expected}`")),
                    None => Some("an opening bracket first".to_owned()),
                };
                if let Some(expected) = expected {
                    return Err(TemplateProblem::new(
                        format!("expected {expected}, found `{found}`"),
                        at..at + 1,
                    ));
                }
            }
            _ => {}
        }
        tokens.push(token);
        at += length;
    }
}

/// The token that a text begins with, and its length.
fn token(rest: &str, at: usize) -> Result<(Token<'_>, usize), TemplateProblem> {
    const TWO: [&str; 6] = ["//", "**", "==", "!=", ">=", "<="];
    let count = |inner: fn(&u8) -> bool| rest.bytes().take_while(inner).count();
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let first = rest.bytes().next().unwrap_or_default();
    Ok(match first {
        b'\'' | b'"' => {
            let mut escaped = false;
            let end = rest.bytes().skip(1).position(|b| {
                let ends = b == first && !escaped;
                escaped = b == b'\\' && !escaped;
                ends
            });
            let end = end.ok_or_else(|| {
                TemplateProblem::new("expected a closing quote, found the end", at..at + 1)
            })?;
            (Token::Text, end + 2)
        }
        b'0'..=b'9' => {
            let mut length = count(word);
            // `1.5`, but not `a.1.b`.
            let fraction = rest[length..].strip_prefix('.');
            if fraction.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
                length += 1 + rest[length + 1..].bytes().take_while(word).count();
            }
            (Token::Number, length)
        }
        b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
            let length = count(word);
            (Token::Name(&rest[..length]), length)
        }
        _ if rest.get(..2).is_some_and(|two| TWO.contains(&two)) => (Token::Symbol(&rest[..2]), 2),
        b'+' | b'-' | b'*' | b'/' | b'%' | b'.' | b',' | b':' | b'~' | b'|' | b'=' | b'>'
        | b'<' | b'(' | b')' | b'[' | b']' | b'{' | b'}' => (Token::Symbol(&rest[..1]), 1),
        _ => {
            let found = rest.chars().next().unwrap_or_default();
            return Err(TemplateProblem::new(
                format!(
                    "expected a name, a number, a text or an operator, found `{}`",
                    found.escape_debug()
                ),
                at..at + found.len_utf8(),
            ));
        }
    })
}

/// Where `{% endraw %}` begins and ends.
fn end_of_raw(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let open = at + text[at..].find("{%")?;
        let inner = text[open + 2..]
            .trim_start_matches(['-', '+'])
            .trim_ascii_start();
        if let Some(rest) = inner.strip_prefix("endraw") {
            let rest = rest.trim_ascii_start();
            let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            if let Some(rest) = rest.strip_prefix("%}") {
                return Some((open, text.len() - rest.len()));
            }
        }
        at = open + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, syntax: Syntax) -> Vec<String> {
        let parts = scan(text, syntax).unwrap();
        let parts = parts.iter().map(|part| match part {
            Chunk::Text(text, _) => format!("text {text}"),
            Chunk::Expression(code) => format!("code {}", &text[code.at.clone()]),
            Chunk::Statement(code) => format!("statement {}", &text[code.at.clone()]),
        });
        parts.collect()
    }

    #[test]
    fn strings_and_brackets_hide_the_end_of_an_expression() {
        assert_eq!(
            shown("a{{ {'}}': {1: \"}}\"}} }}b}}", Syntax::Value),
            ["text a", "code {{ {'}}': {1: \"}}\"}} }}", "text b}}"]
        );
        assert_eq!(
            shown("{{ '\\'}}' }}{# x #}{% if %}", Syntax::Value),
            ["code {{ '\\'}}' }}", "text {# x #}{% if %}"]
        );
    }

    #[test]
    fn a_unit_template_has_statements_comments_and_raw_text() {
        assert_eq!(
            shown(
                "a{# {{ #}{%- if b -%}c{% raw %}{{ d }}{%- endraw %}e",
                Syntax::Unit
            ),
            [
                "text a",
                "statement {%- if b -%}",
                "text c",
                "text {{ d }}",
                "text e"
            ]
        );
    }

    #[test]
    fn what_has_no_end_is_told_with_its_place() {
        for (text, message, at) in [
            ("a{{ b", "expected `}}`, found the end", 1..3),
            ("a{{ (b }}", "expected `)`, found `}`", 7..8),
            ("{{ 'b }}", "expected a closing quote, found the end", 3..4),
            (
                "{{ b) }}",
                "expected an opening bracket first, found `)`",
                4..5,
            ),
            (
                "{{ é }}",
                "expected a name, a number, a text or an operator, found `é`",
                3..5,
            ),
        ] {
            let problem = scan(text, Syntax::Value).unwrap_err();
            assert_eq!(
                (problem.message.as_str(), problem.at),
                (message, at),
                "{text}"
            );
        }
    }
}
