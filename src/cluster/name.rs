//! Names, checked once where they enter: later rooms never take a bare `String` for one.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a text is no valid name. The message says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found `{found}`")]
pub struct InvalidName {
    /// What a valid name looks like, in words.
    pub expected: &'static str,
    /// The text as it was written.
    pub found: String,
}

/// Lower-case names of clusters, services and hosts: they become parts of unit, container and
/// path names, so they hold only what all three accept.
fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    // 63 is the limit of a DNS label: a host's name is resolvable in the containers (--add-host).
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(inner)
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

/// An environment variable's name as systemd and the shell accept it
/// (`systemd.exec(5)`: ASCII letters, digits, `_`, no digit first).
fn is_plain_variable(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// An environment variable's name as images have it: `discovery.type`, too. It is also the name of a file.
fn is_variable(text: &str) -> bool {
    let first = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    first
        && text.len() <= VARIABLE_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// The longest name of a variable: as a file's it has a suffix.
const VARIABLE_MAX: usize = 200;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $valid:expr, $expected:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// The text is not a valid name of this kind.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                if $valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidName { expected: $expected, found: text })
                }
            }

            /// The name as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // `pad`, so that a width in a format string aligns columns.
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

const LABEL: &str =
    "lower-case letters, digits and inner hyphens (`[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 63)";

name!(
    /// A cluster: the name of its directory under `clusters/`.
    ClusterName, is_label, LABEL
);
name!(
    /// A service: the name of its file under `services/`, without `.toml`.
    ServiceName, is_label, LABEL
);
name!(
    /// A host: its key under `[hosts]`.
    HostName, is_label, LABEL
);
name!(
    /// An environment variable.
    VariableName,
    is_variable,
    "letters, digits, `_`, `.` and `-`, no sign but `_` first (`[A-Za-z0-9_][A-Za-z0-9_.-]*`), at most 200"
);

impl VariableName {
    /// Whether systemd and shells take the name: letters, digits and `_`, no digit first.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        is_plain_variable(&self.0)
    }
}

impl ServiceName {
    /// The stem of the variables that tell where this service is: `data-stream` gives
    /// `DATA_STREAM`, as in `DATA_STREAM_HOST`.
    #[must_use]
    pub fn variable_stem(&self) -> String {
        stem(&self.0)
    }
}

impl HostName {
    /// The stem of the variable that holds this host's address: `docker01` gives `DOCKER01`.
    #[must_use]
    pub fn variable_stem(&self) -> String {
        stem(&self.0)
    }
}

fn stem(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}
