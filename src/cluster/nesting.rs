//! How deep a TOML text is nested: looked at before any text is parsed, here and in `secret::edit`.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// How many arrays and inline tables may lie in one another. The parser has a limit of its own, but not where it goes on
/// after an error: there it would overflow the stack.
pub(super) const NESTING_MAX: usize = 64;

/// Parses a text, with all its syntax errors.
///
/// # Errors
/// It is nested too deep: the first bracket that is.
#[expect(
    clippy::disallowed_methods,
    reason = "how deep it is nested was looked at"
)]
pub(super) fn parse_recoverable(
    text: &str,
) -> Result<(Spanned<DeTable<'_>>, Vec<toml::de::Error>), Range<usize>> {
    match too_deep(text) {
        Some(bracket) => Err(bracket),
        None => Ok(DeTable::parse_recoverable(text)),
    }
}

/// The first bracket that lies deeper.
pub(crate) fn too_deep(text: &str) -> Option<Range<usize>> {
    let (mut arrays, mut tables) = (0_usize, 0_usize);
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::LeftSquareBracket => arrays += 1,
            TokenKind::RightSquareBracket => arrays = arrays.saturating_sub(1),
            TokenKind::LeftCurlyBracket => tables += 1,
            TokenKind::RightCurlyBracket => tables = tables.saturating_sub(1),
            TokenKind::Dot
            | TokenKind::Equals
            | TokenKind::Comma
            | TokenKind::Whitespace
            | TokenKind::Comment
            | TokenKind::Newline
            | TokenKind::LiteralString
            | TokenKind::BasicString
            | TokenKind::MlLiteralString
            | TokenKind::MlBasicString
            | TokenKind::Atom
            | TokenKind::Eof => {}
        }
        if arrays + tables > NESTING_MAX {
            return Some(token.span().start()..token.span().end());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_that_are_open_at_once_count() {
        let flat = "a = [{ b = [1] }]\n[t]\n[[u]]\n".repeat(1000);
        assert_eq!(too_deep(&flat), None);
        let texts = "a = \"[[[{{{\"\nb = '{{{['\n# [[[{{\nc = '''\n[[{{'''\n".repeat(1000);
        assert_eq!(too_deep(&texts), None);
        for open in ["a = [", "a = {", "A = { ag==\"\n", "[", "]{["] {
            assert!(too_deep(&open.repeat(NESTING_MAX + 1)).is_some(), "{open}");
        }
    }
}
