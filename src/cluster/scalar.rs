//! A value as it is written, and how large the value of a variable may be.

use std::fmt;

use minijinja::Value;

/// `execve(2)` refuses an argument or `NAME=value` of 128 KiB with its final NUL
/// (`MAX_ARG_STRLEN`).
pub(super) const VARIABLE_MAX: usize = 131_072;

/// A value as it is written, with its type: templates tell `true` from `"true"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// A string.
    Text(String),
    /// An integer of TOML, and whatever templates make of it.
    Integer(i128),
    /// A boolean.
    Boolean(bool),
}

impl Scalar {
    /// The name of its type. Digests of secrets contain it: it never changes.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Scalar::Text(_) => "text",
            Scalar::Integer(_) => "integer",
            Scalar::Boolean(_) => "boolean",
        }
    }

    /// The value as templates see it.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Scalar::Text(text) => Value::from(text.as_str()),
            Scalar::Integer(number) => Value::from(*number),
            Scalar::Boolean(value) => Value::from(*value),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Text(text) => f.write_str(text),
            Scalar::Integer(number) => number.fmt(f),
            Scalar::Boolean(value) => value.fmt(f),
        }
    }
}
