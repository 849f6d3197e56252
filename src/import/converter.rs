//! What the readers of the services of a project share.

use std::collections::{BTreeMap, BTreeSet};

use super::RepositoryFile;
use super::project::{Loader, Project};
use super::told::ToldLines;

/// What the services of a project share while they are read.
pub(super) struct Converter<'a, 'b> {
    pub loader: &'b mut Loader<'a>,
    pub project: &'b Project,
    /// The services that are taken: their names here by those in compose.
    pub names: BTreeMap<String, String>,
    /// What others wait for until it has ended well.
    pub jobs: BTreeSet<String>,
    /// What others wait for until it is healthy.
    pub awaited: BTreeSet<String>,
    /// How many services name each file of variables, by its absolute path.
    pub env_files: BTreeMap<String, usize>,
    /// The directories that a service may write, by their absolute paths.
    pub written: BTreeSet<String>,
    /// Files that go below `services/`.
    pub files: BTreeMap<String, RepositoryFile>,
    /// The files of this service that are read-only here and were not in compose.
    pub read_only: Vec<String>,
    /// The paths of the project that this service mounts from where they are.
    pub stays: Vec<String>,
    /// Secrets that are files, by name.
    pub secrets: BTreeMap<String, Vec<u8>>,
}

impl Converter<'_, '_> {
    pub(super) fn told(&mut self) -> &mut ToldLines {
        &mut self.loader.told
    }
}
