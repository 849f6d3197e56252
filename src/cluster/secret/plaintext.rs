//! A decrypted secret.

use std::fmt;

use zeroize::Zeroizing;

use crate::cluster::name::VariableName;
use crate::cluster::scalar::VARIABLE_MAX;
use crate::cluster::shape::text::is_noncharacter;

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
