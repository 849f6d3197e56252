//! Secret values as the model knows them: by keyed digests, never by what they are. Only a [`Plaintext`] holds a
//! decrypted secret.
//!
//! A value that uses a secret is itself one. It is known by the text and the secrets that it consists of, so
//! whether it changed can be told without any key.

mod identity;
mod pieces;
mod plaintext;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use minijinja::{ErrorKind, Value};

use super::digest::Digest;
use super::name::VariableName;
use super::scalar::{Scalar, VARIABLE_MAX};
use super::template::text::MADE_MAX;
use super::template::value::{self, EvaluationError};
use pieces::{Ingredient, Piece};

pub use identity::{KeyedDigest, SecretIdentity, key_number};
pub use plaintext::Plaintext;

/// How deep values made of secrets may use each other.
pub(super) const DEPTH_MAX: usize = 64;

/// The largest text with secrets in it.
const TEXT_MAX: usize = MADE_MAX;

/// A secret value: one line of `secrets.toml`, or a value that is made of such.
#[derive(Clone)]
pub struct Secret(Arc<Inner>);

struct Inner {
    identity: SecretIdentity,
    identity_v1: SecretIdentity,
    pieces: Vec<Piece>,
    depth: usize,
    origin: SecretOrigin,
}

enum SecretOrigin {
    Stored(VariableName),
    Text(Vec<TextPart>),
    Made {
        template: String,
        uses: BTreeMap<String, Used>,
    },
}

/// A piece of a text that has secrets in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPart {
    /// What everybody may know.
    Text(String),
    /// A secret as it is.
    Secret(Secret),
}

/// What a value made of secrets uses under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Used {
    /// No secret is in it.
    Plain(Scalar),
    /// A secret is in it.
    Secret(Secret),
}

impl Used {
    fn ingredient(&self) -> Ingredient<'_> {
        match self {
            Used::Plain(scalar) => Ingredient::Plain(scalar),
            Used::Secret(secret) => Ingredient::Secret {
                identity: secret.identity(),
                pieces: &secret.0.pieces,
            },
        }
    }
}

/// Why a value could not be made. It never shows what the secrets are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevealError {
    /// A secret is not among the decrypted ones.
    #[error("expected a value for the secret {0}, found none")]
    Missing(VariableName),
    /// A secret that is a file only is used in a text.
    #[error("expected UTF-8 text for the secret {0}, which a template uses, found other bytes")]
    NotText(VariableName),
    /// An expression of the value failed; without its words, which may have a secret in them.
    #[error("its template cannot be evaluated ({0})")]
    Template(minijinja::ErrorKind),
    /// The text is larger than a file may be.
    #[error("expected a file of at most {TEXT_MAX} bytes, its template makes more")]
    TextTooLarge,
    /// The value is larger than a variable may be.
    #[error("expected less than {VARIABLE_MAX} bytes, its template makes more")]
    TooLarge,
}

impl Secret {
    /// The secret of a line of `secrets.toml`.
    #[must_use]
    pub fn stored(name: VariableName, digest: &KeyedDigest) -> Self {
        let identity = SecretIdentity(digest.to_string());
        Self(Arc::new(Inner {
            pieces: vec![Piece::Secret(identity.clone())],
            identity_v1: identity.clone(),
            identity,
            depth: 0,
            origin: SecretOrigin::Stored(name),
        }))
    }

    /// The value of a template that uses a secret.
    #[must_use]
    pub fn made(template: &str, uses: BTreeMap<String, Used>) -> Self {
        let depth = uses.values().filter_map(|used| match used {
            Used::Secret(secret) => Some(secret.0.depth + 1),
            Used::Plain(_) => None,
        });
        let depth = depth.max().unwrap_or_default();
        let ingredients = uses
            .iter()
            .map(|(name, used)| (name.as_str(), used.ingredient()));
        let pieces = pieces::of_template(template, &ingredients.collect());
        Self(Arc::new(Inner {
            identity: pieces::identity(&pieces),
            identity_v1: made_v1(template, &uses),
            pieces,
            depth,
            origin: SecretOrigin::Made {
                template: template.to_owned(),
                uses,
            },
        }))
    }

    /// A text with secrets in it.
    #[must_use]
    pub fn of_text(parts: Vec<TextPart>) -> Self {
        let depth = parts.iter().filter_map(|part| match part {
            TextPart::Text(_) => None,
            TextPart::Secret(secret) => Some(secret.0.depth + 1),
        });
        let depth = depth.max().unwrap_or_default();
        let pieces = parts.iter().map(|part| match part {
            TextPart::Text(text) => Piece::Text(text.clone()),
            TextPart::Secret(secret) => Piece::Secret(secret.identity().clone()),
        });
        let identity = pieces::identity(&pieces.collect::<Vec<_>>());
        Self(Arc::new(Inner {
            pieces: vec![Piece::Secret(identity.clone())],
            // Recipe v1 knew no such texts.
            identity_v1: identity.clone(),
            identity,
            depth,
            origin: SecretOrigin::Text(parts),
        }))
    }

    /// What stands for its value.
    #[must_use]
    pub fn identity(&self) -> &SecretIdentity {
        &self.0.identity
    }

    /// What stands for its value in fingerprints of recipe v1: there the way in which a value is
    /// written counts.
    #[must_use]
    pub fn identity_v1(&self) -> &SecretIdentity {
        &self.0.identity_v1
    }

    /// How many values made of secrets are between this one and a stored one, at most.
    pub(super) fn depth(&self) -> usize {
        self.0.depth
    }

    /// The stored secrets that it is made of.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&VariableName> {
        let mut names = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut left = vec![self];
        while let Some(secret) = left.pop() {
            // Not by identity: a text that is nothing but one stored secret has that of the stored one.
            if !seen.insert(Arc::as_ptr(&secret.0)) {
                continue;
            }
            match &secret.0.origin {
                SecretOrigin::Stored(name) => {
                    names.insert(name);
                }
                SecretOrigin::Text(parts) => {
                    left.extend(parts.iter().filter_map(|part| match part {
                        TextPart::Secret(secret) => Some(secret),
                        TextPart::Text(_) => None,
                    }))
                }
                SecretOrigin::Made { uses, .. } => {
                    left.extend(uses.values().filter_map(|used| match used {
                        Used::Secret(secret) => Some(secret),
                        Used::Plain(_) => None,
                    }))
                }
            }
        }
        names
    }

    /// The value, from the values of the stored secrets.
    ///
    /// # Errors
    /// A secret has no value, or its template cannot be evaluated with it.
    pub fn reveal(
        &self,
        stored: &BTreeMap<VariableName, Plaintext>,
    ) -> Result<Plaintext, RevealError> {
        self.reveal_once(stored, &mut HashMap::new())
    }

    /// Each part once: parts can be shared many times over.
    fn reveal_once<'a>(
        &'a self,
        stored: &BTreeMap<VariableName, Plaintext>,
        known: &mut HashMap<&'a SecretIdentity, Plaintext>,
    ) -> Result<Plaintext, RevealError> {
        if let Some(value) = known.get(self.identity()) {
            return Ok(value.clone());
        }
        let value = match &self.0.origin {
            SecretOrigin::Stored(name) => {
                let value = stored.get(name).cloned();
                value.ok_or_else(|| RevealError::Missing(name.clone()))?
            }
            SecretOrigin::Text(parts) => {
                let mut bytes = Vec::new();
                for part in parts {
                    match part {
                        TextPart::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                        TextPart::Secret(secret) => {
                            let value = secret.reveal_once(stored, known)?;
                            bytes.extend_from_slice(value.bytes());
                        }
                    }
                    if bytes.len() > TEXT_MAX {
                        return Err(RevealError::TextTooLarge);
                    }
                }
                Plaintext::new(bytes)
            }
            SecretOrigin::Made { template, uses } => {
                let mut context = BTreeMap::new();
                for (name, used) in uses {
                    let value = match used {
                        Used::Plain(scalar) => scalar.to_value(),
                        Used::Secret(secret) => {
                            let value = secret.reveal_once(stored, known)?;
                            match (value.text(), &secret.0.origin) {
                                (Some(text), _) => Value::from(text),
                                (None, SecretOrigin::Stored(name)) => {
                                    return Err(RevealError::NotText(name.clone()));
                                }
                                (None, SecretOrigin::Made { .. } | SecretOrigin::Text(_)) => {
                                    return Err(RevealError::TooLarge);
                                }
                            }
                        }
                    };
                    context.insert(name.as_str(), value);
                }
                evaluate(template, context)?
            }
        };
        known.insert(self.identity(), value.clone());
        Ok(value)
    }
}

/// Never changes: containers carry it.
fn made_v1(template: &str, uses: &BTreeMap<String, Used>) -> SecretIdentity {
    let mut parts = vec![b"made v1".to_vec(), template.as_bytes().to_vec()];
    for (name, used) in uses {
        let (kind, value) = match used {
            Used::Plain(scalar) => (scalar.kind(), scalar.to_string()),
            Used::Secret(secret) => ("secret", secret.identity_v1().as_str().to_owned()),
        };
        parts.extend([name.as_bytes().to_vec(), kind.into(), value.into_bytes()]);
    }
    let digest = Digest::of_parts(parts.iter().map(Vec::as_slice));
    SecretIdentity(format!("made:{digest}"))
}

fn evaluate(template: &str, context: BTreeMap<&str, Value>) -> Result<Plaintext, RevealError> {
    // What the engine says beside the kind of an error can show a value.
    value::evaluate(template, context, VARIABLE_MAX)
        .map(Plaintext::new)
        .map_err(|failure| match failure {
            EvaluationError::TooLarge => RevealError::TooLarge,
            EvaluationError::Undefined(_) => RevealError::Template(ErrorKind::UndefinedError),
            EvaluationError::Other(_, kind) => RevealError::Template(kind),
        })
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.identity().as_str())
    }
}
