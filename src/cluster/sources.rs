//! The files that a description consists of, as bytes.

use std::collections::{BTreeMap, BTreeSet};

/// Files of the config repository by path relative to its root, with `/`:
/// `clusters/production/cluster.toml`, `templates/container.service`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    files: BTreeMap<String, Vec<u8>>,
    clusters: BTreeSet<String>,
}

impl Sources {
    /// No files at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or replaces one. A file below `clusters/NAME/` makes that cluster exist.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let path = path.into();
        let below = path.strip_prefix("clusters/");
        if let Some((cluster, _)) = below.and_then(|rest| rest.split_once('/')) {
            self.clusters.insert(cluster.to_owned());
        }
        self.files.insert(path, bytes.into());
    }

    /// Makes a cluster known of which no file is here, so that messages can name it.
    pub fn insert_cluster(&mut self, name: impl Into<String>) {
        self.clusters.insert(name.into());
    }

    /// Takes a file away.
    pub fn remove(&mut self, path: &str) -> Option<Vec<u8>> {
        self.files.remove(path)
    }

    /// A file's bytes.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Every file, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// The files below a directory (given with its final `/`): the rest of the path, and the
    /// bytes; sorted.
    pub(crate) fn below<'a>(
        &'a self,
        directory: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.files
            .range(directory.to_owned()..)
            .map_while(move |(path, bytes)| Some((path.strip_prefix(directory)?, bytes.as_slice())))
    }

    /// The clusters that exist, sorted. Their names are not checked.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        self.clusters.iter().map(String::as_str)
    }
}
