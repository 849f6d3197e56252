//! The version of a service's image: where it is written, and another one in its place. All that is not the version
//! stays byte for byte.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::description::{ServiceFile, WrittenField, WrittenIn};
use super::load::load;
use super::name::ServiceName;
use super::nesting::parse_recoverable;
use super::read::Problems;
use super::shape::image;
use super::sources::Sources;

/// A version that somebody typed: a tag, a tag with its digest, or a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageVersion {
    key: VersionKey,
    text: String,
}

/// The field that has the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionKey {
    /// `tag`
    Tag,
    /// `digest`
    Digest,
}

impl VersionKey {
    /// As it is written in a file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            VersionKey::Tag => "tag",
            VersionKey::Digest => "digest",
        }
    }
}

impl ImageVersion {
    /// Reads `1.5.0`, `1.5.0@sha256:…` or `sha256:…`.
    ///
    /// # Errors
    /// It is none of them: what was expected, and what to write if that is known.
    pub fn new(text: &str) -> Result<Self, String> {
        let (key, shape) = if text.starts_with("sha256:") {
            (VersionKey::Digest, image::digest(text))
        } else {
            (VersionKey::Tag, image::tag(text))
        };
        let text = shape.map_err(|misfit| format!("expected {}", misfit.expected))?;
        Ok(Self { key, text })
    }

    /// The field that has it.
    #[must_use]
    pub fn key(&self) -> VersionKey {
        self.key
    }

    /// Whether it names an image that never becomes another one.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.key == VersionKey::Digest || self.text.contains('@')
    }

    /// The text of the field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What a registry is asked for: the digest, or the tag where there is none.
    #[must_use]
    pub fn reference(&self) -> &str {
        self.text.rsplit('@').next().unwrap_or(&self.text)
    }

    /// The same version with what its tag means now, in the form that a field has. What names a digest stays as it is.
    #[must_use]
    pub fn pinned(&self, key: VersionKey, digest: &str) -> Self {
        match key {
            _ if self.is_pinned() => self.clone(),
            VersionKey::Tag => Self {
                key,
                text: format!("{}@{digest}", self.text),
            },
            VersionKey::Digest => Self {
                key,
                text: digest.to_owned(),
            },
        }
    }
}

impl fmt::Display for ImageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where the version of a service is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenVersion {
    /// The field.
    pub key: VersionKey,
    /// What it says.
    pub value: String,
    /// The file, relative to the root of the config repository.
    pub path: String,
    /// The service whose file that is: another one where `from` leads there.
    pub of: ServiceName,
    /// The name of its image; `None` where its files do not say it.
    pub image: Option<String>,
}

impl WrittenVersion {
    /// The tag, without a digest behind it; `None` where a digest alone is written.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        match self.key {
            VersionKey::Tag => self.value.split('@').next(),
            VersionKey::Digest => None,
        }
    }
}

/// Where the version of each service of a cluster is written; `None` where its files do not say it, or cannot be read.
#[must_use]
pub fn versions(cluster: &str, sources: &Sources) -> BTreeMap<ServiceName, Option<WrittenVersion>> {
    let Some(loaded) = load(cluster, sources, &mut Problems::default()) else {
        return BTreeMap::new();
    };
    let services = loaded.services.iter();
    services
        .map(|(name, file)| (name.clone(), file.as_ref().and_then(written)))
        .collect()
}

fn written(file: &ServiceFile) -> Option<WrittenVersion> {
    let of_key = |key: VersionKey| {
        let mut fields = file.written.iter();
        let found = fields.find(|field| field.counts && field.key == key.as_str())?;
        Some((key, found))
    };
    let (key, field): (_, &WrittenField) =
        match (of_key(VersionKey::Tag), of_key(VersionKey::Digest)) {
            (Some(one), None) | (None, Some(one)) => one,
            // Both are an error, and neither is one.
            (Some(_), Some(_)) | (None, None) => return None,
        };
    let of = match &field.source {
        WrittenIn::From(other) => other.clone(),
        WrittenIn::Own => file.name.clone(),
        // They have no such field.
        WrittenIn::Defaults | WrittenIn::Override => return None,
    };
    let mut fields = file.written.iter();
    let image = fields.find(|field| field.counts && field.key == "image");
    Some(WrittenVersion {
        key,
        value: field.raw.clone(),
        path: field.spot.path.to_string(),
        of,
        image: image.map(|field| field.raw.clone()),
    })
}

/// A file with another version in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bumped {
    /// The whole text.
    pub text: String,
    /// The line that changed, from 1.
    pub line: usize,
    /// That line as it was.
    pub before: String,
    /// That line as it is.
    pub after: String,
}

/// Why the version in a text cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBumped {
    /// The line that shows it, from 1.
    pub line: Option<usize>,
    /// The expected first, the actual second.
    pub what: String,
}

/// Puts another version in the place of the one that a service's file has. One line changes, and in it what stands between the
/// quotes.
///
/// # Errors
/// The version is no text between quotes on one line of its own field.
pub fn bump(text: &str, version: &ImageVersion) -> Result<Bumped, NotBumped> {
    let key = version.key();
    let value = value_span(text, key)?;
    let line = text[..value.start].matches('\n').count() + 1;
    let not = |what: String| NotBumped {
        line: Some(line),
        what,
    };
    let old = &text[value.clone()];
    let quote = old.chars().next().filter(|first| "\"'".contains(*first));
    let quote = quote.filter(|quote| !old.starts_with(&quote.to_string().repeat(3)));
    let Some(quote) = quote else {
        return Err(not(format!(
            "expected `{key} = \"…\"` on one line, found another form of a value",
            key = key.as_str()
        )));
    };
    let mut new = String::with_capacity(text.len() + version.as_str().len());
    new += &text[..value.start];
    new.extend([&quote.to_string(), version.as_str(), &quote.to_string()]);
    new += &text[value.end..];
    // A version needs no escapes, in either kind of quotes.
    let line_of = |text: &str| text.lines().nth(line - 1).unwrap_or_default().to_owned();
    Ok(Bumped {
        line,
        before: line_of(text),
        after: line_of(&new),
        text: new,
    })
}

/// Where the value of a field stands, with its quotes.
fn value_span(text: &str, key: VersionKey) -> Result<Range<usize>, NotBumped> {
    let not = |line, what: String| NotBumped { line, what };
    let no_toml = || not(None, "expected TOML, found something else".to_owned());
    let (root, errors) = parse_recoverable(text).map_err(|_| no_toml())?;
    if !errors.is_empty() {
        return Err(no_toml());
    }
    let value = root.get_ref().get(key.as_str());
    let Some(value) = value else {
        return Err(not(
            None,
            format!("expected `{}`, found none", key.as_str()),
        ));
    };
    Ok(value.span())
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
