//! The config repository on disk, and the git repository around it. The only room that names git.

#![expect(
    clippy::disallowed_methods,
    reason = "reads and writes the config repository"
)]

mod commit_tree;
mod committing;
mod edits;
mod files;
mod head;
mod revision;
mod worktree;

use std::io;
use std::path::{Path, PathBuf};

use crate::cluster::{Sources, unknown_cluster};

pub use edits::{Edit, EditError, EditMode};
pub use files::UnfitDirectory;
pub use head::{Commit, branch, checkout, head};
pub use revision::{Cleanness, Comparison, GitError, Range, Revision, Which};

use worktree::{Worktree, is_checkout};

/// A directory with `clusters/` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    root: PathBuf,
}

/// Why the description could not be read; [`RepositoryError::help`] says what to type.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// There is no config repository.
    #[error("expected a directory `clusters` in {} or above it, found none{}", .from.display(), up_to(top.as_deref()))]
    NotFound {
        /// Where the search upwards began.
        from: PathBuf,
        /// The root of the checkout, where the search ended.
        top: Option<PathBuf>,
    },
    /// The search cannot begin.
    #[error("expected a directory to work in, found {}: {why}", .path.display())]
    NoDirectory {
        /// Where it should.
        path: PathBuf,
        /// The system's words.
        why: io::Error,
    },
    /// The help names the clusters that there are.
    #[error("{title}")]
    UnknownCluster {
        /// The whole message.
        title: String,
        /// What to type.
        help: Option<String>,
    },
    /// A directory of the description leads out of the repository, or cannot be read.
    #[error("{}: {}", .0.path, .0.why.what)]
    Unfit(UnfitDirectory),
}

impl From<UnfitDirectory> for RepositoryError {
    fn from(unfit: UnfitDirectory) -> Self {
        Self::Unfit(unfit)
    }
}

impl RepositoryError {
    /// What to type.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        match self {
            RepositoryError::NotFound { .. } => Some(
                "go to your config repository, or name it with `-C DIR`; `bayplan init` makes a \
                 new one",
            ),
            RepositoryError::UnknownCluster { help, .. } => help.as_deref(),
            RepositoryError::Unfit(unfit) => unfit.why.help.as_deref(),
            RepositoryError::NoDirectory { .. } => None,
        }
    }
}

impl Repository {
    /// A directory that is to have `clusters/` in it.
    ///
    /// # Errors
    /// It is not there.
    pub fn new(root: &Path) -> Result<Self, RepositoryError> {
        let found = root.canonicalize();
        let root = found.map_err(|why| RepositoryError::NoDirectory {
            path: root.to_owned(),
            why,
        })?;
        Ok(Self { root })
    }

    /// The nearest directory with `clusters/`, from this one upwards. The search ends at the root of the checkout: what
    /// is above belongs to something else.
    ///
    /// # Errors
    /// There is none, or the directory itself is not there.
    pub fn find(from: &Path) -> Result<Self, RepositoryError> {
        // The error names the path alone: the user did not ask for `canonicalize`.
        let start = from
            .canonicalize()
            .map_err(|why| RepositoryError::NoDirectory {
                path: from.to_owned(),
                why,
            })?;
        let top = start.ancestors().find(|directory| is_checkout(directory));
        let mut inside = start
            .ancestors()
            .take_while(|directory| top.is_none_or(|top| directory.starts_with(top)));
        match inside.find(|directory| directory.join("clusters").is_dir()) {
            Some(root) => Ok(Self {
                root: root.to_owned(),
            }),
            None => Err(RepositoryError::NotFound {
                top: top.map(Path::to_owned),
                from: start,
            }),
        }
    }

    /// The directory that holds `clusters/`, absolute.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files of one cluster, and the names of the others.
    ///
    /// # Errors
    /// There is no such cluster (the message lists those that are there), or a file cannot be
    /// read.
    pub fn load(&self, cluster: &str) -> Result<Sources, RepositoryError> {
        let sources = self.read(Which::One(cluster))?;
        if !sources.clusters().any(|name| name == cluster) {
            let problem = unknown_cluster(cluster, &sources);
            return Err(RepositoryError::UnknownCluster {
                title: problem.title,
                help: problem.help,
            });
        }
        Ok(sources)
    }

    /// The files of every cluster.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn load_all(&self) -> Result<Sources, RepositoryError> {
        self.read(Which::All)
    }

    /// What is in a directory, without hidden files, sorted; nothing if it cannot be read.
    #[must_use]
    pub fn names(&self, directory: &str) -> Vec<String> {
        let (worktree, below) = Worktree::around(&self.root);
        files::names(&worktree, &below, directory).unwrap_or_default()
    }

    /// The files of one cluster or of all. A cluster that is not there has no files.
    fn read(&self, which: Which<'_>) -> Result<Sources, RepositoryError> {
        let (worktree, below) = Worktree::around(&self.root);
        Ok(files::sources(&worktree, &below, which)?)
    }
}

/// Where the search for `clusters/` ended.
fn up_to(top: Option<&Path>) -> String {
    top.map_or_else(String::new, |top| {
        format!(" up to {}, the root of the git repository", top.display())
    })
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    fn example() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let services = dir.path().join("clusters/production/services");
        fs::create_dir_all(&services).unwrap();
        fs::create_dir_all(dir.path().join("clusters/integration")).unwrap();
        fs::create_dir_all(dir.path().join("templates")).unwrap();
        fs::write(dir.path().join("clusters/production/cluster.toml"), "a").unwrap();
        fs::write(services.join("web.toml"), "b").unwrap();
        fs::write(services.join(".web.toml.swp"), "c").unwrap();
        fs::write(services.join("README.md"), "d").unwrap();
        fs::write(dir.path().join("templates/container.service"), "e").unwrap();
        dir
    }

    #[test]
    fn the_nearest_directory_upwards_is_found() {
        let dir = example();
        let from = dir.path().join("clusters/production/services");
        let found = Repository::find(&from).unwrap();
        assert_eq!(found.root(), dir.path().canonicalize().unwrap());
    }

    #[test]
    fn what_is_above_a_checkout_is_none_of_its_business() {
        let dir = example();
        let inside = dir.path().join("vendor/tool/src");
        fs::create_dir_all(&inside).unwrap();
        assert!(Repository::find(&inside).is_ok());
        // Of a submodule it is a file.
        fs::write(dir.path().join("vendor/tool/.git"), "gitdir: …").unwrap();
        let error = Repository::find(&inside).unwrap_err().to_string();
        assert!(
            error.contains("vendor/tool, the root of the git repository"),
            "{error}"
        );
        fs::create_dir(dir.path().join(".git")).unwrap();
        assert!(Repository::find(dir.path()).is_ok());
    }

    #[test]
    fn a_directory_without_clusters_is_an_error_that_helps() {
        let dir = tempfile::tempdir().unwrap();
        let error = Repository::find(dir.path()).unwrap_err();
        assert!(error.help().unwrap().contains("`-C DIR`"), "{error}");
    }

    #[test]
    fn a_cluster_is_loaded_with_templates_and_without_editors_files() {
        let dir = example();
        let sources = Repository::find(dir.path())
            .unwrap()
            .load("production")
            .unwrap();
        let paths: Vec<&str> = sources.files().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            [
                "clusters/production/cluster.toml",
                "clusters/production/services/web.toml",
                "templates/container.service",
            ]
        );
        let clusters: Vec<&str> = sources.clusters().collect();
        assert_eq!(clusters, ["integration", "production"]);
    }

    #[test]
    fn an_unknown_cluster_is_an_error_that_lists_the_known_ones() {
        let dir = example();
        let repository = Repository::find(dir.path()).unwrap();
        for (name, expected) in [
            (
                "prodution",
                "there is no cluster `prodution`\n\
                 did you mean `production`? known clusters: `integration`, `production`",
            ),
            (
                "../..",
                "there is no cluster `../..`\nknown clusters: `integration`, `production`",
            ),
        ] {
            let error = repository.load(name).unwrap_err();
            let help = error.help().unwrap();
            assert_eq!(format!("{error}\n{help}"), expected);
        }
    }

    #[test]
    fn head_tells_the_commit_and_whether_the_description_differs_from_it() {
        let dir = example();
        assert_eq!(head(dir.path()).unwrap(), None);
        let git = git2::Repository::init(dir.path()).unwrap();
        assert_eq!(head(dir.path()).unwrap(), None);
        let mut index = git.index().unwrap();
        index
            .add_all(["."], git2::IndexAddOption::DEFAULT, None)
            .unwrap();
        index.write().unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let who = git2::Signature::now("a", "a@example.com").unwrap();
        let id = git
            .commit(Some("HEAD"), &who, &who, "one", &tree, &[])
            .unwrap();
        let head = || head(dir.path()).unwrap().unwrap();
        let commit = head();
        assert_eq!((commit.id, commit.dirty), (id.to_string(), false));
        fs::write(dir.path().join("notes.txt"), "elsewhere").unwrap();
        assert!(!head().dirty);
        fs::write(dir.path().join("clusters/production/x.toml"), "new").unwrap();
        assert!(head().dirty);
    }
}
