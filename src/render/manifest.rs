//! The manifest: what a generation of one host consists of, by digests. Two generations with the
//! same manifest are the same generation, whoever released them from whichever commit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::identity::{DirectoryName, Fingerprint, Instance, UnitName};
use crate::cluster::name::{ClusterName, HostName, ServiceName};

/// The format that this version writes and the newest that it reads.
pub const FORMAT: u32 = 1;

/// What a host holds of a cluster, `manifest.json` in a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub cluster: ClusterName,
    pub host: HostName,
    pub services: BTreeMap<ServiceName, ManifestService>,
}

/// What a host holds of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestService {
    /// The digest of the unit file.
    pub unit: Digest,
    pub directory: DirectoryName,
    pub fingerprint: Fingerprint,
    pub image: String,
    /// Whether the service keeps data on the host: such a one never vanishes unasked.
    pub stateful: bool,
    /// The digests of the files of the inputs directory.
    pub files: BTreeMap<String, Digest>,
}

/// Why a manifest of a host cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("its manifest has format {0}, this bayplan reads up to {FORMAT}")]
    Newer(u32),
    #[error("its manifest cannot be read: {0}")]
    Malformed(String),
}

impl Manifest {
    /// The unit that runs a service of this generation.
    #[must_use]
    pub fn unit(&self, service: &ServiceName) -> UnitName {
        Instance::of(service).unit(&self.cluster)
    }

    /// The text as stored: pretty JSON with a final line break, keys in a fixed order.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        text.push('\n');
        text
    }

    /// Reads a stored manifest.
    ///
    /// # Errors
    /// The format is newer than this version knows, or the text is no manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let malformed = |e: serde_json::Error| ManifestError::Malformed(e.to_string());
        // The format first: a newer manifest may have fields that this version cannot judge.
        let Format { format } = serde_json::from_str(text).map_err(malformed)?;
        if format > FORMAT {
            return Err(ManifestError::Newer(format));
        }
        serde_json::from_str(text).map_err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = r#"{
  "format": 1,
  "cluster": "demo",
  "host": "alpha",
  "services": {}
}"#;

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3, any::<char>()), 0..5),
        ) {
            let mut text: Vec<char> = TEXT.chars().collect();
            for (at, what, char) in edits {
                let at = at.index(text.len());
                match what {
                    0 => text[at] = char,
                    1 => { text.remove(at); }
                    _ => text.insert(at, char),
                }
            }
            let _ = Manifest::parse(&text.into_iter().collect::<String>());
        }

        #[test]
        fn one_of_a_newer_format_is_told_from_one_that_is_damaged(format in any::<u32>(), rest in "[ -~]{0,20}") {
            let text = format!("{{\"format\":{format},\"rest\":{}}}", serde_json::json!(rest));
            let is_newer = matches!(Manifest::parse(&text), Err(ManifestError::Newer(_)));
            prop_assert_eq!(is_newer, format > FORMAT);
        }
    }
}
