//! Secret values as the model knows them: by keyed digests, never by what they are. What a secret
//! is after its decryption lives only in a [`Plaintext`].
//!
//! A value that uses a secret is itself one. It is known by the text and the secrets that it consists of, so
//! whether it changed can be told without any key.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use minijinja::{ErrorKind, Value};
use zeroize::Zeroizing;

use super::digest::Digest;
use super::model::Scalar;
use super::name::VariableName;
use super::pieces::{self, Piece};
use super::shape::is_noncharacter;
use super::template::value::{Failure, ValueTemplate};
use super::template::values_environment;
use super::values::VARIABLE_MAX;

/// How deep values made of secrets may use each other.
pub(super) const DEPTH_MAX: usize = 64;

/// A decrypted secret. Neither `Debug` nor `Display` shows it, and its memory is overwritten when it
/// is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret itself, if it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether a variable of this name can carry it: UTF-8 without NUL and noncharacters, not too
    /// large for an environment.
    #[must_use]
    pub fn fits_variable(&self, name: &VariableName) -> bool {
        let odd = |c: char| c == '\0' || is_noncharacter(c);
        let text = self.text().is_some_and(|text| !text.contains(odd));
        text && name.as_str().len() + 1 + self.0.len() < VARIABLE_MAX
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The keyed digest of a stored secret, `k1:` and 64 hexadecimal digits: HMAC-SHA256 with the
/// digest key of that name over the secret's name and value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyedDigest {
    key: String,
    digest: Digest,
}

impl KeyedDigest {
    /// Takes a digest made with the key of this name.
    #[must_use]
    pub fn new(key: &str, digest: Digest) -> Self {
        Self {
            key: key.to_owned(),
            digest,
        }
    }

    /// Reads `k1:<64 hexadecimal digits>`; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (key, digest) = text.split_once(':')?;
        key_number(key)?;
        Some(Self::new(key, Digest::reported(digest)?))
    }

    /// The name of the digest key, `k1`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for KeyedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.key, self.digest)
    }
}

/// The number of a digest key's name: 2 of `k2`.
#[must_use]
pub fn key_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix('k')?;
    let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// What stands for a secret's value where values are compared: equal if and only if nothing that
/// makes the value differs. No value can be told from it without the digest key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretIdentity(String);

impl SecretIdentity {
    /// Takes the text that a host's file has. Any text is fine: one that is none of ours just equals
    /// no desired one.
    #[must_use]
    pub fn reported(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A secret value: one line of `secrets.toml`, or a value that is made of such.
#[derive(Clone)]
pub struct Secret(Arc<Inner>);

struct Inner {
    identity: SecretIdentity,
    identity_v1: SecretIdentity,
    pieces: Vec<Piece>,
    depth: usize,
    kind: Kind,
}

enum Kind {
    Stored(VariableName),
    Made {
        template: String,
        uses: BTreeMap<String, Used>,
    },
}

/// What a value made of secrets uses under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Used {
    Plain(Scalar),
    Secret(Secret),
}

/// Why a value could not be made. It never shows what the secrets are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevealError {
    #[error("expected a value for the secret {0}, found none")]
    Missing(VariableName),
    #[error("expected UTF-8 text for the secret {0}, which a template uses, found other bytes")]
    NotText(VariableName),
    #[error("its template cannot be evaluated ({0})")]
    Template(minijinja::ErrorKind),
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
            kind: Kind::Stored(name),
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
        let pieces = pieces::of_template(template, &uses);
        Self(Arc::new(Inner {
            identity: pieces::identity(&pieces),
            identity_v1: made_v1(template, &uses),
            pieces,
            depth,
            kind: Kind::Made {
                template: template.to_owned(),
                uses,
            },
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

    /// What its value consists of.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0.pieces
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
            if !seen.insert(secret.identity()) {
                continue;
            }
            match &secret.0.kind {
                Kind::Stored(name) => {
                    names.insert(name);
                }
                Kind::Made { uses, .. } => {
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
        let value = match &self.0.kind {
            Kind::Stored(name) => {
                let value = stored.get(name).cloned();
                value.ok_or_else(|| RevealError::Missing(name.clone()))?
            }
            Kind::Made { template, uses } => {
                let mut context = BTreeMap::new();
                for (name, used) in uses {
                    let value = match used {
                        Used::Plain(scalar) => scalar_value(scalar),
                        Used::Secret(secret) => {
                            let value = secret.reveal_once(stored, known)?;
                            match (value.text(), &secret.0.kind) {
                                (Some(text), _) => Value::from(text),
                                (None, Kind::Stored(name)) => {
                                    return Err(RevealError::NotText(name.clone()));
                                }
                                (None, Kind::Made { .. }) => return Err(RevealError::TooLarge),
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
            Used::Plain(Scalar::Text(text)) => ("text", text.clone()),
            Used::Plain(Scalar::Integer(number)) => ("integer", number.to_string()),
            Used::Plain(Scalar::Boolean(value)) => ("boolean", value.to_string()),
            Used::Secret(secret) => ("secret", secret.identity_v1().as_str().to_owned()),
        };
        parts.extend([name.as_bytes().to_vec(), kind.into(), value.into_bytes()]);
    }
    let digest = Digest::of_parts(parts.iter().map(Vec::as_slice));
    SecretIdentity(format!("made:{digest}"))
}

/// What an expression without secrets gives, if it gives a text.
pub(super) fn plain_text(expression: &str, uses: &BTreeMap<String, Used>) -> Option<String> {
    let context = uses.iter().filter_map(|(name, used)| match used {
        Used::Plain(scalar) => Some((name.as_str(), scalar_value(scalar))),
        Used::Secret(_) => None,
    });
    let value = evaluate(&format!("{{{{ {expression} }}}}"), context.collect()).ok()?;
    value.text().map(str::to_owned)
}

fn scalar_value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) => Value::from(text.as_str()),
        Scalar::Integer(number) => Value::from(*number),
        Scalar::Boolean(value) => Value::from(*value),
    }
}

fn evaluate(template: &str, context: BTreeMap<&str, Value>) -> Result<Plaintext, RevealError> {
    let environment = values_environment();
    let template = ValueTemplate::parse(template, &environment)
        .map_err(|_| RevealError::Template(ErrorKind::SyntaxError))?;
    // What the engine says beside the kind of an error can show a value.
    template
        .render(&environment, &Value::from_pairs(context), VARIABLE_MAX)
        .map(Plaintext::new)
        .map_err(|failure| match failure {
            Failure::TooLarge => RevealError::TooLarge,
            Failure::Undefined(_) => RevealError::Template(ErrorKind::UndefinedError),
            Failure::Other(_, kind) => RevealError::Template(kind),
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
