//! A whole generation as a host holds it, in one tar stream. Pure.

use std::collections::BTreeMap;
use std::io::Read as _;

use crate::cluster::name::ServiceName;
use crate::host::layout::Layout;
use crate::render::identity::UnitFileName;
use crate::render::manifest::Manifest;
use crate::render::stored::StoredFiles;

/// The files of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGeneration {
    /// Its manifest.
    pub manifest: Manifest,
    /// The image ids that it ran, by service.
    pub images: BTreeMap<ServiceName, String>,
    /// Every file, by path below the generation's directory.
    files: BTreeMap<String, Vec<u8>>,
}

/// The script that prints a generation as a tar stream; [`StoredGeneration::parse`] reads it.
#[must_use]
pub fn script(layout: &Layout, number: u64) -> String {
    format!(
        "cd {} 2>/dev/null && exec tar -cf - manifest.json record.json units inputs 2>/dev/null",
        layout.generation(number).quoted()
    )
}

impl StoredGeneration {
    /// Reads the answer of [`script`].
    ///
    /// # Errors
    /// It is no generation, or one of a newer bayplan; as a sentence.
    pub fn parse(answer: &[u8]) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        let broken = |error: std::io::Error| format!("its files cannot be read: {error}");
        let mut archive = tar::Archive::new(answer);
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path().map_err(broken)?.to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(broken)?;
            files.insert(path, bytes);
        }
        let text = |path: &str| {
            let bytes = files.get(path).map(Vec::as_slice).unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        };
        let manifest =
            Manifest::parse(&text("manifest.json")).map_err(|error| error.to_string())?;
        let images = crate::host::look::recorded_images(&text("record.json"));
        Ok(Self {
            manifest,
            images,
            files,
        })
    }

    /// The files of a service; `None` if it lacks one of its units, or there is no such service.
    #[must_use]
    pub fn service(&self, name: &ServiceName) -> Option<StoredFiles> {
        let entry = self.manifest.services.get(name)?;
        let unit = |file: &UnitFileName| {
            let bytes = self.files.get(&format!("units/{file}"))?;
            Some((file.clone(), String::from_utf8_lossy(bytes).into_owned()))
        };
        let below = format!("inputs/{name}/{}/", entry.directory);
        let files = self.files.iter().filter_map(|(path, bytes)| {
            let path = path.strip_prefix(&below)?;
            Some((path.to_owned(), bytes.clone()))
        });
        let live = entry.live_directories().map(|(directory, _)| {
            let below = format!("inputs/{name}/{directory}/");
            let files = self.files.iter();
            let files = files.filter_map(|(path, bytes)| {
                Some((path.strip_prefix(&below)?.to_owned(), bytes.clone()))
            });
            (directory.clone(), files.collect())
        });
        Some(StoredFiles {
            live: live.collect(),
            units: entry.units.keys().map(unit).collect::<Option<_>>()?,
            inputs: files.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::sample::{Root, desired, service, shells};

    #[test]
    fn what_was_released_is_read_back() {
        for shell in shells() {
            let root = Root::new(shell);
            let host = desired(&[("db", "1"), ("web", "it's")]);
            root.release(&host, 1);
            let answer = root.run(&script(&root.layout, 1), b"");
            let stored = StoredGeneration::parse(&answer).unwrap();
            for (name, wanted) in &host.services {
                assert_eq!(stored.manifest.services[name], wanted.entry);
                let StoredFiles {
                    units,
                    inputs,
                    live: _,
                } = stored.service(name).unwrap();
                let units: Vec<_> = units.iter().map(|(f, text)| (f, text.as_str())).collect();
                let wanted_units = wanted.units.iter().map(|(f, unit)| (f, &*unit.text));
                assert_eq!(units, wanted_units.collect::<Vec<_>>());
                assert_eq!(inputs, wanted.files);
            }
            assert_eq!(stored.service(&service("other")), None);
            let nothing = root.run(&script(&root.layout, 7), b"");
            assert!(StoredGeneration::parse(&nothing).is_err());
            for cut in (0..answer.len()).step_by(97) {
                let _ = StoredGeneration::parse(&answer[..cut]);
            }
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = StoredGeneration::parse(&answer);
        }
    }
}
