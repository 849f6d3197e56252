//! A value that is made of secrets, taken apart: literal text and secrets, one after the other. Two templates that give
//! the same value, whatever the secrets are, have the same pieces. An expression that cannot be taken apart is one piece,
//! which equals only the same expression.

use std::collections::BTreeMap;

use super::identity::SecretIdentity;
use crate::cluster::digest::Digest;
use crate::cluster::scalar::{Scalar, VARIABLE_MAX};
use crate::cluster::template::value::{Segment, evaluate, names_of, segments};

/// More pieces than this are not taken apart: parts that are shared many times over double with each level.
const MOST: usize = 1000;

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Literal text. Two texts never follow each other.
    Text(String),
    /// A secret of `secrets.toml`, or something that could not be taken apart, by what stands for it.
    Secret(SecretIdentity),
}

/// What a template uses under one name.
#[derive(Clone, Copy)]
pub(super) enum Ingredient<'a> {
    /// A value that everybody may know.
    Plain(&'a Scalar),
    /// A secret, or what is made of one.
    Secret {
        identity: &'a SecretIdentity,
        pieces: &'a [Piece],
    },
}

type Ingredients<'a> = BTreeMap<&'a str, Ingredient<'a>>;

/// What a template's value consists of.
pub(super) fn of_template(template: &str, uses: &Ingredients<'_>) -> Vec<Piece> {
    let pieces = segments(template).and_then(|segments| {
        let mut pieces = Pieces::default();
        for segment in segments {
            match segment {
                Segment::Text(text) => pieces.text(text),
                Segment::Expression(source) => pieces.expression(source, uses),
            }
        }
        pieces.whole()
    });
    pieces.unwrap_or_else(|| vec![Piece::Secret(opaque(template, uses))])
}

/// What stands for these pieces.
pub(super) fn identity(pieces: &[Piece]) -> SecretIdentity {
    // A value that is just another secret is that secret.
    if let [Piece::Secret(identity)] = pieces {
        return identity.clone();
    }
    let parts = pieces.iter().flat_map(|piece| match piece {
        Piece::Text(text) => [b"text".as_slice(), text.as_bytes()],
        Piece::Secret(identity) => [b"secret".as_slice(), identity.as_str().as_bytes()],
    });
    made("made v2", parts)
}

fn made<'a>(title: &'a str, parts: impl Iterator<Item = &'a [u8]>) -> SecretIdentity {
    let digest = Digest::of_parts(std::iter::once(title.as_bytes()).chain(parts));
    SecretIdentity::reported(&format!("made:{digest}"))
}

/// An expression or a template of which only its own text is known, and what it uses: with the kinds of
/// plain values, since an expression can ask for them.
fn opaque(source: &str, uses: &Ingredients<'_>) -> SecretIdentity {
    let mut parts = vec![source.to_owned()];
    for (name, used) in uses {
        let (kind, value) = match used {
            Ingredient::Plain(scalar) => (scalar.kind(), scalar.to_string()),
            Ingredient::Secret { identity, .. } => ("secret", identity.as_str().to_owned()),
        };
        parts.extend([(*name).to_owned(), kind.to_owned(), value]);
    }
    made("expression v2", parts.iter().map(String::as_bytes))
}

/// Pieces as they come; neighbouring texts are one.
#[derive(Default)]
struct Pieces {
    list: Vec<Piece>,
    /// Bytes of text.
    size: usize,
}

impl Pieces {
    fn text(&mut self, text: &str) {
        self.size += text.len();
        match self.list.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Text(before)) if self.size <= VARIABLE_MAX => before.push_str(text),
            Some(Piece::Text(_)) => {}
            Some(Piece::Secret(_)) | None => self.list.push(Piece::Text(text.to_owned())),
        }
    }

    fn ingredient(&mut self, used: Ingredient<'_>) {
        match used {
            Ingredient::Plain(scalar) => self.text(&scalar.to_string()),
            Ingredient::Secret { identity, pieces } => self.secret(identity, pieces),
        }
    }

    fn secret(&mut self, identity: &SecretIdentity, pieces: &[Piece]) {
        if self.list.len() + pieces.len() > MOST {
            self.list.push(Piece::Secret(identity.clone()));
            return;
        }
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.text(text),
                Piece::Secret(_) => self.list.push(piece.clone()),
            }
        }
    }

    fn expression(&mut self, source: &str, uses: &Ingredients<'_>) {
        if let Some(atoms) = atoms(source, uses) {
            for atom in atoms {
                match atom {
                    Atom::Text(text) => self.text(text),
                    Atom::Used(used) => self.ingredient(used),
                }
            }
            return;
        }
        let names = names_of(source);
        let uses: Ingredients<'_> = uses
            .iter()
            .filter(|(name, _)| names.contains(**name))
            .map(|(name, used)| (*name, *used))
            .collect();
        let secret = |used: &Ingredient<'_>| matches!(used, Ingredient::Secret { .. });
        if !uses.values().any(secret)
            && let Some(text) = plain_text(source, &uses)
        {
            self.text(&text);
            return;
        }
        self.list
            .push(Piece::Secret(opaque(&without_blanks(source), &uses)));
    }

    /// All of them, unless that is more than a value can be made of.
    fn whole(self) -> Option<Vec<Piece>> {
        (self.size <= VARIABLE_MAX && self.list.len() <= 2 * MOST).then_some(self.list)
    }
}

/// What an expression without secrets gives, if it gives a text.
fn plain_text(expression: &str, uses: &Ingredients<'_>) -> Option<String> {
    let context = uses.iter().filter_map(|(name, used)| match used {
        Ingredient::Plain(scalar) => Some((*name, scalar.to_value())),
        Ingredient::Secret { .. } => None,
    });
    let text = format!("{{{{ {expression} }}}}");
    let bytes = evaluate(&text, context.collect(), VARIABLE_MAX).ok()?;
    String::from_utf8(bytes).ok()
}

enum Atom<'a> {
    Text(&'a str),
    Used(Ingredient<'a>),
}

/// Names, texts and numbers joined by `~`: the same as one after the other.
fn atoms<'a>(source: &'a str, uses: &'a Ingredients<'a>) -> Option<Vec<Atom<'a>>> {
    let mut atoms = Vec::new();
    let mut rest = source;
    loop {
        rest = rest.trim_start();
        let (atom, after) = atom(rest, uses)?;
        atoms.push(atom);
        rest = after.trim_start();
        if rest.is_empty() {
            break;
        }
        rest = rest.strip_prefix('~')?;
    }
    // Joined, a boolean is written otherwise.
    let boolean =
        |atom: &Atom<'_>| matches!(atom, Atom::Used(Ingredient::Plain(Scalar::Boolean(_))));
    (atoms.len() == 1 || !atoms.iter().any(boolean)).then_some(atoms)
}

fn atom<'a>(text: &'a str, uses: &'a Ingredients<'a>) -> Option<(Atom<'a>, &'a str)> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (text, rest) = text[1..].split_once(quote)?;
        return (!text.contains('\\')).then_some((Atom::Text(text), rest));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !word(c)).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    Some((Atom::Used(*uses.get(word)?), rest))
}

/// A source without the blanks that mean nothing: those between two words stay as one.
fn without_blanks(source: &str) -> String {
    let mut text = String::new();
    let mut quote = None;
    let mut escaped = false;
    let mut blank = false;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    for c in source.chars() {
        if let Some(open) = quote {
            text.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == open => quote = None,
                _ => {}
            }
            continue;
        }
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        if blank && word(c) && text.ends_with(word) {
            text.push(' ');
        }
        blank = false;
        if matches!(c, '\'' | '"') {
            quote = Some(c);
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
#[path = "pieces_tests.rs"]
mod tests;
