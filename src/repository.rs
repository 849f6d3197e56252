//! The config repository on disk, and the git repository around it. The only room that names git.

#![expect(clippy::disallowed_methods, reason = "reads the config repository")]

mod revision;

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::cluster::{Sources, unknown_cluster};
use crate::plan::guard::{Checkout, CheckoutState, OnBranch};

pub use revision::{Comparison, Range, Revision, RevisionError, State, Which};

/// A directory with `clusters/` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    root: PathBuf,
}

/// Why the description could not be read; [`RepositoryError::help`] says what to type.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    #[error("expected a directory `clusters` in {} or above it, found none", .from.display())]
    NotFound { from: PathBuf },
    #[error("expected a directory to work in, found {}: {why}", .path.display())]
    NoDirectory { path: PathBuf, why: io::Error },
    /// The help names the clusters that there are.
    #[error("{title}")]
    UnknownCluster { title: String, help: Option<String> },
    /// The path is in the message.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl RepositoryError {
    /// What to type.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        match self {
            RepositoryError::NotFound { .. } => Some(
                "go to your config repository, or name it with `-C DIR`; a new one begins with \
                 clusters/NAME/cluster.toml",
            ),
            RepositoryError::UnknownCluster { help, .. } => help.as_deref(),
            RepositoryError::NoDirectory { .. } | RepositoryError::Io(_) => None,
        }
    }
}

/// The commit that the checkout stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// 40 hexadecimal digits.
    pub id: String,
    /// Whether `clusters/` or `templates/` differ from it, untracked files included.
    pub dirty: bool,
}

impl Repository {
    /// The nearest directory with `clusters/`, from this one upwards.
    ///
    /// # Errors
    /// There is none, or the directory itself is not there.
    pub fn find(from: &Path) -> Result<Self, RepositoryError> {
        // The error's own path: `canonicalize` is nothing that a user asked for.
        let start = from
            .canonicalize()
            .map_err(|why| RepositoryError::NoDirectory {
                path: from.to_owned(),
                why,
            })?;
        let root = start.ancestors().find(|dir| dir.join("clusters").is_dir());
        match root {
            Some(root) => Ok(Self {
                root: root.to_owned(),
            }),
            None => Err(RepositoryError::NotFound { from: start }),
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
        let mut sources = self.shared()?;
        if !sources.clusters().any(|name| name == cluster) {
            let problem = unknown_cluster(cluster, &sources);
            return Err(RepositoryError::UnknownCluster {
                title: problem.title,
                help: problem.help,
            });
        }
        self.read_cluster(cluster, &mut sources)?;
        Ok(sources)
    }

    /// The files of every cluster.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn load_all(&self) -> Result<Sources, RepositoryError> {
        let mut sources = self.shared()?;
        let clusters: Vec<String> = sources.clusters().map(str::to_owned).collect();
        for cluster in clusters {
            self.read_cluster(&cluster, &mut sources)?;
        }
        Ok(sources)
    }

    /// The files of one cluster or of all. A cluster that is not there has no files.
    fn read(&self, which: Which<'_>) -> Result<Sources, RepositoryError> {
        match which {
            Which::All => self.load_all(),
            Which::One(cluster) => {
                let mut sources = self.shared()?;
                if sources.clusters().any(|name| name == cluster) {
                    self.read_cluster(cluster, &mut sources)?;
                }
                Ok(sources)
            }
        }
    }

    /// The templates, and the names of the clusters.
    fn shared(&self) -> Result<Sources, RepositoryError> {
        let mut sources = Sources::new();
        for (name, path) in entries(&self.root.join("clusters"))? {
            if path.is_dir() {
                sources.insert_cluster(name);
            }
        }
        self.read_files("templates", |_| true, &mut sources)?;
        Ok(sources)
    }

    fn read_cluster(&self, cluster: &str, sources: &mut Sources) -> Result<(), RepositoryError> {
        let toml = |name: &str| name.ends_with(".toml");
        self.read_files(&format!("clusters/{cluster}"), toml, sources)?;
        self.read_files(&format!("clusters/{cluster}/services"), toml, sources)
    }

    /// Reads the files directly in a directory, if there is such a directory.
    fn read_files(
        &self,
        directory: &str,
        wanted: impl Fn(&str) -> bool,
        sources: &mut Sources,
    ) -> Result<(), RepositoryError> {
        let path = self.root.join(directory);
        if !path.is_dir() {
            return Ok(());
        }
        for (name, path) in entries(&path)? {
            if wanted(&name) && path.is_file() {
                sources.insert(format!("{directory}/{name}"), fs::read(path)?);
            }
        }
        Ok(())
    }
}

/// What is in a directory, sorted, without hidden files: editors and git keep theirs there. A name
/// that is not UTF-8 gets replacement characters, and then is no valid name.
fn entries(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// The commit of the git repository that holds this directory; `None` where there is no git
/// repository, no commit, or one that cannot be read.
#[must_use]
pub fn head(root: &Path) -> Option<Commit> {
    let repository = git2::Repository::discover(root).ok()?;
    let id = repository.head().ok()?.peel_to_commit().ok()?.id();
    let work = repository.workdir()?.canonicalize().ok()?;
    let below = root.canonicalize().ok()?;
    let below = below.strip_prefix(&work).ok()?;
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).disable_pathspec_match(true);
    for directory in ["clusters", "templates"] {
        options.pathspec(below.join(directory));
    }
    let statuses = repository.statuses(Some(&mut options)).ok()?;
    let dirty = statuses.iter().any(|entry| !entry.status().is_ignored());
    Some(Commit {
        id: id.to_string(),
        dirty,
    })
}

/// What git says of the files at `root`, for the guards. A commit is on a branch if that branch has
/// it, here or on a remote: CI checks out commits, not branches.
#[must_use]
pub fn checkout(root: &Path, branch: Option<&str>) -> Checkout {
    let Some(commit) = head(root) else {
        return Checkout {
            branch: OnBranch::No { instead: None },
            state: CheckoutState::NoCommit,
        };
    };
    let on = branch.is_none_or(|branch| has_commit(root, branch, &commit.id).unwrap_or(false));
    Checkout {
        branch: match on {
            true => OnBranch::Yes,
            false => OnBranch::No {
                instead: checked_out(root).or(Some(commit.id)),
            },
        },
        state: match commit.dirty {
            true => CheckoutState::Dirty,
            false => CheckoutState::Committed,
        },
    }
}

fn has_commit(root: &Path, branch: &str, id: &str) -> Result<bool, git2::Error> {
    let repository = git2::Repository::discover(root)?;
    let id = git2::Oid::from_str(id)?;
    for found in repository.branches(None)? {
        let (found, kind) = found?;
        let name = found.name()?.unwrap_or_default();
        let name = match kind {
            git2::BranchType::Local => Some(name),
            git2::BranchType::Remote => name.split_once('/').map(|(_, name)| name),
        };
        if name != Some(branch) {
            continue;
        }
        if let Ok(tip) = found.get().peel_to_commit()
            && (tip.id() == id || repository.graph_descendant_of(tip.id(), id)?)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn checked_out(root: &Path) -> Option<String> {
    let repository = git2::Repository::discover(root).ok()?;
    let head = repository.head().ok()?;
    let name = head.is_branch().then(|| head.shorthand().ok()).flatten()?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
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
                 did you mean `production`? there are: `integration`, `production`",
            ),
            (
                "../..",
                "there is no cluster `../..`\nthere are: `integration`, `production`",
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
        assert_eq!(head(dir.path()), None);
        let git = git2::Repository::init(dir.path()).unwrap();
        assert_eq!(head(dir.path()), None);
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
        let commit = head(dir.path()).unwrap();
        assert_eq!((commit.id, commit.dirty), (id.to_string(), false));
        fs::write(dir.path().join("notes.txt"), "elsewhere").unwrap();
        assert!(!head(dir.path()).unwrap().dirty);
        fs::write(dir.path().join("clusters/production/x.toml"), "new").unwrap();
        assert!(head(dir.path()).unwrap().dirty);
    }
}
