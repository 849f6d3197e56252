//! Secrets in the template of a text. The template is rendered with a mask for each secret, so the text is known but for
//! the places where secrets stand. That holds as long as nothing looks at the mask: a secret may only be put somewhere.

use std::ops::Range;

use super::scan::{Chunk, Syntax, Token, scan};
use crate::cluster::digest::Digest;
use crate::cluster::secret::{Secret, TextPart};

/// Texts that stand for secrets while a template is rendered.
pub(in crate::cluster) struct Masks<'a> {
    /// What each mask begins with. It has the digest of all texts in it that meet there, so none of them can have it.
    mark: String,
    secrets: Vec<&'a Secret>,
}

const END: char = '\u{2}';

impl<'a> Masks<'a> {
    /// Masks that differ from these texts.
    pub(in crate::cluster) fn beside<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let texts = texts.into_iter().map(str::as_bytes);
        Self {
            mark: format!("\u{1}{}:", Digest::of_parts(texts)),
            secrets: Vec::new(),
        }
    }

    /// The mask of a secret.
    pub(in crate::cluster) fn add(&mut self, secret: &'a Secret) -> String {
        self.secrets.push(secret);
        format!("{}{}{END}", self.mark, self.secrets.len() - 1)
    }

    /// A text in which masks stand, taken apart.
    pub(in crate::cluster) fn split(&self, text: &str) -> Vec<TextPart> {
        let mut pieces = text.split(self.mark.as_str());
        let mut parts = vec![TextPart::Text(pieces.next().unwrap_or_default().to_owned())];
        for piece in pieces {
            let (number, rest) = piece.split_once(END).unwrap_or((piece, ""));
            let number: Option<usize> = number.parse().ok();
            let secret = number.and_then(|number| self.secrets.get(number));
            parts.extend(secret.map(|secret| TextPart::Secret((*secret).clone())));
            parts.push(TextPart::Text(rest.to_owned()));
        }
        parts.retain(|part| *part != TextPart::Text(String::new()));
        parts
    }
}

/// The first secret that is not just put somewhere: as a value by itself, or joined to others by `~`. What is captured
/// (`{% set x %}…{% endset %}`) could be looked at afterwards.
pub(in crate::cluster) fn misused(
    source: &str,
    is_secret: &dyn Fn(&str) -> bool,
) -> Option<(String, Range<usize>)> {
    let mut captures = 0_usize;
    for chunk in scan(source, Syntax::Unit).ok()? {
        let (code, expression) = match &chunk {
            Chunk::Text(..) => continue,
            Chunk::Expression(code) => (code, true),
            Chunk::Statement(code) => (code, false),
        };
        match code.tokens.first() {
            Some(Token::Name("set")) if !code.tokens.contains(&Token::Symbol("=")) => captures += 1,
            Some(Token::Name("endset")) => captures = captures.saturating_sub(1),
            _ => {}
        }
        let used = code
            .tokens
            .iter()
            .enumerate()
            .find_map(|(at, token)| match token {
                Token::Name(name) => {
                    let part = at > 0 && code.tokens[at - 1] == Token::Symbol(".");
                    (!part && is_secret(name)).then_some(*name)
                }
                Token::Number | Token::Text | Token::Symbol(_) => None,
            });
        if let Some(name) = used
            && !(expression && captures == 0 && is_joined(&code.tokens))
        {
            return Some((name.to_owned(), code.at.clone()));
        }
    }
    None
}

/// Whether these are names, texts and numbers joined by `~`.
fn is_joined(tokens: &[Token<'_>]) -> bool {
    tokens.len() % 2 == 1
        && tokens.iter().enumerate().all(|(at, token)| match token {
            Token::Symbol(symbol) => at % 2 == 1 && *symbol == "~",
            Token::Name(_) | Token::Number | Token::Text => at % 2 == 0,
        })
}
