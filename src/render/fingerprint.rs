//! What decides how a container runs, as a digest: the fingerprint, by recipes that never change.

use super::canonical;
use super::identity::Fingerprint;
use super::inputs::{InputValue, InputVariable, Inputs};
use crate::cluster::digest::Digest;
use crate::cluster::secret::{Secret, SecretIdentity};

/// A way to make fingerprints. A recipe never changes once it is released, or every container of
/// every user would restart after an upgrade; a better one gets the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// Inputs as they are written: `1g` is not `1024m`.
    V1,
    /// Inputs by what they mean.
    V2,
}

impl Recipe {
    /// The one that new units carry.
    pub const CURRENT: Recipe = Recipe::V2;

    /// What stands before the colon of a fingerprint.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Recipe::V1 => "v1",
            Recipe::V2 => "v2",
        }
    }

    /// What stands for a secret's value under this recipe.
    #[must_use]
    pub fn identity(self, secret: &Secret) -> &SecretIdentity {
        match self {
            Recipe::V1 => secret.identity_v1(),
            Recipe::V2 => secret.identity(),
        }
    }

    /// The directives as this recipe compares them.
    #[must_use]
    pub fn directives(self, inputs: &Inputs) -> Vec<(String, Vec<String>)> {
        match self {
            Recipe::V1 => inputs.directives.to_vec(),
            Recipe::V2 => canonical::directives(&inputs.directives),
        }
    }

    /// The recipe of this name: `None` if this version does not know it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "v1" => Some(Recipe::V1),
            "v2" => Some(Recipe::V2),
            _ => None,
        }
    }
}

/// The fingerprint of these inputs.
#[must_use]
pub fn fingerprint(recipe: Recipe, inputs: &Inputs) -> Fingerprint {
    let digest = match recipe {
        Recipe::V1 => digest(b"bayplan v1", &inputs.directives, inputs),
        Recipe::V2 => digest(b"bayplan v2", &recipe.directives(inputs), inputs),
    };
    Fingerprint(format!("{}:{digest}", recipe.name()))
}

/// The title, then the directives, then name and value of each variable, then path and digest of each
/// config file. A part's length and a list's count are digested with it, so nothing can be taken
/// for something else. The layer of a variable is no part of it. Where there are secrets, they
/// follow: name and identity of each secret variable, then path and identity of each secret file. Where there are files of the
/// config repository, the permissions and owner of each follow.
fn digest(title: &[u8], directives: &[(String, Vec<String>)], inputs: &Inputs) -> Digest {
    let Inputs {
        // In the form that the recipe gives them.
        directives: _,
        variables,
        files,
        modes,
        secret_files,
    } = inputs;
    let plain: Vec<_> = variables
        .iter()
        .filter_map(|(name, InputVariable { layer: _, value })| Some((name, value.plain()?)))
        .collect();
    let secret: Vec<_> = variables
        .iter()
        .filter_map(|(name, InputVariable { layer: _, value })| match value {
            InputValue::Plain(_) => None,
            InputValue::Secret(identity) => Some((name, identity)),
        })
        .collect();
    let secret_counts =
        [secret.len(), secret_files.len()].map(|count| (count as u64).to_be_bytes());
    let counts: Vec<[u8; 8]> = directives
        .iter()
        .map(|(_, words)| words.len())
        .chain([directives.len(), plain.len(), files.len()])
        .map(|count| (count as u64).to_be_bytes())
        .collect();
    let mut parts: Vec<&[u8]> = vec![title];
    parts.extend(counts.iter().map(<[u8; 8]>::as_slice));
    for (key, words) in directives {
        parts.push(key.as_bytes());
        parts.extend(words.iter().map(String::as_bytes));
    }
    for (name, value) in plain {
        parts.extend([name.as_str().as_bytes(), value.as_bytes()]);
    }
    for (path, digest) in files {
        parts.extend([path.as_bytes(), digest.as_str().as_bytes()]);
    }
    if !(secret.is_empty() && secret_files.is_empty()) {
        parts.push(b"secrets");
        parts.extend(secret_counts.iter().map(<[u8; 8]>::as_slice));
        for (name, identity) in secret {
            parts.extend([name.as_str().as_bytes(), identity.as_str().as_bytes()]);
        }
        for (path, identity) in secret_files {
            parts.extend([path.as_bytes(), identity.as_str().as_bytes()]);
        }
    }
    let modes_count = (modes.len() as u64).to_be_bytes();
    if !modes.is_empty() {
        parts.extend([b"modes".as_slice(), &modes_count]);
        for (path, mode) in modes {
            parts.extend([path.as_bytes(), mode.as_bytes()]);
        }
    }
    Digest::of_parts(parts)
}
