//! The files that a description consists of, as bytes.

use std::collections::{BTreeMap, BTreeSet};

/// Files of the config repository by path relative to its root, with `/`:
/// `clusters/production/cluster.toml`, `templates/container.service`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    files: BTreeMap<String, Vec<u8>>,
    /// Files that are there and are not read.
    unfit: BTreeMap<String, Unfit>,
    clusters: BTreeSet<String>,
}

/// Why a file that is there is not read: a link out of the repository, a fifo, too large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The expected first, the actual second.
    pub what: String,
    /// What to do.
    pub help: Option<String>,
}

impl Unfit {
    /// Says what is wrong.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: None,
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Sources {
    /// No files at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or replaces one. A file below `clusters/NAME/` makes that cluster exist.
    ///
    /// Lines end in LF from here on. A checkout can have CRLF where git has LF (`core.autocrlf`), and a value of several
    /// lines must be the same from both; TOML leaves that to its reader.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let path = path.into();
        let mut bytes = bytes.into();
        if bytes.contains(&b'\r') {
            let next = bytes.iter().skip(1).chain([&0]);
            let kept = bytes
                .iter()
                .zip(next)
                .filter(|pair| *pair != (&b'\r', &b'\n'));
            bytes = kept.map(|(byte, _)| *byte).collect();
        }
        self.note_cluster(&path);
        self.files.insert(path, bytes);
    }

    /// Adds a file that containers get, byte for byte.
    pub fn insert_exact(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let path = path.into();
        self.note_cluster(&path);
        self.files.insert(path, bytes.into());
    }

    /// Adds a file that is there and cannot be read. It is told where the description needs it.
    pub fn insert_unfit(&mut self, path: impl Into<String>, why: Unfit) {
        let path = path.into();
        self.note_cluster(&path);
        self.unfit.insert(path, why);
    }

    fn note_cluster(&mut self, path: &str) {
        let below = path.strip_prefix("clusters/");
        if let Some((cluster, _)) = below.and_then(|rest| rest.split_once('/')) {
            self.clusters.insert(cluster.to_owned());
        }
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

    /// Why a file that is there is not read.
    #[must_use]
    pub fn unfit(&self, path: &str) -> Option<&Unfit> {
        self.unfit.get(path)
    }

    /// Whether both have the same below a directory (given with its final `/`).
    #[must_use]
    pub fn same_below(&self, other: &Self, directory: &str) -> bool {
        self.below(directory).eq(other.below(directory))
            && self.unfit_below(directory).eq(other.unfit_below(directory))
    }

    /// The files below a directory that are there and cannot be read.
    pub(crate) fn unfit_below<'a>(
        &'a self,
        directory: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Unfit)> {
        self.unfit
            .range(directory.to_owned()..)
            .map_while(move |(path, why)| Some((path.strip_prefix(directory)?, why)))
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

#[cfg(test)]
mod tests {
    use super::Sources;

    #[test]
    fn lines_end_in_lf_and_a_lone_cr_stays() {
        for (written, read) in [
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\rb\r\r\n\r", "a\rb\r\n\r"),
            ("a\nb", "a\nb"),
        ] {
            let mut sources = Sources::new();
            sources.insert("clusters/x/cluster.toml", written);
            let found = sources.get("clusters/x/cluster.toml").unwrap();
            assert_eq!(found, read.as_bytes(), "{written:?}");
        }
    }
}
