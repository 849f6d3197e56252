//! Two revisions of the description, read from git without a checkout: blobs come from the object
//! store, and the worktree and the index are never touched.

use std::fmt;
use std::path::{Path, PathBuf};

use git2::{BranchType, ErrorCode, Oid};

use super::commit_tree::{CommitTree, partial_clone};
use super::{Repository, RepositoryError, UnfitDirectory, files, head};
use crate::cluster::{Sources, nearest};

/// What `--against` names: `REV`, `REV1..REV2` or `REV1...REV2`. Where the second one is missing the
/// files of the checkout are meant, committed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    before: String,
    after: Option<String>,
    start: ComparisonStart,
}

/// Where the comparison starts, as in `git diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ComparisonStart {
    /// At the first revision itself.
    Tip,
    /// Where the second revision, or `HEAD`, left the first one: three dots.
    MergeBase,
}

impl Range {
    /// Reads what stands after `--against`. A missing first revision is `HEAD`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (before, after, start) = match (text.split_once("..."), text.split_once("..")) {
            (Some((before, after)), _) => (before, after, ComparisonStart::MergeBase),
            (None, Some((before, after))) => (before, after, ComparisonStart::Tip),
            (None, None) => (text, "", ComparisonStart::Tip),
        };
        let before = if before.is_empty() { "HEAD" } else { before };
        Self {
            before: before.to_owned(),
            after: (!after.is_empty()).then(|| after.to_owned()),
            start,
        }
    }

    /// The same two revisions, compared from where the second one left the first.
    #[must_use]
    pub fn from_merge_base(&self) -> String {
        let after = self.after.as_deref().unwrap_or_default();
        format!("{}...{after}", self.before)
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// As it was typed; `None` for the checkout.
    pub name: Option<String>,
    /// 40 hexadecimal digits; `None` for a checkout whose branch has no commit.
    pub commit: Option<String>,
    /// Whether the files are those of the commit.
    pub state: Cleanness,
}

/// Whether a side is exactly its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanness {
    /// Its files are those of the commit.
    Committed,
    /// The checkout, with changes that are not committed.
    Dirty,
}

impl fmt::Display for Revision {
    /// `origin/main (3f9ac1b20c77)`, `the checkout (3f9ac1b20c77 and uncommitted changes)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            commit,
            state,
        } = self;
        f.write_str(name.as_deref().unwrap_or("the checkout"))?;
        let Some(commit) = commit.as_deref().map(|id| &id[..id.len().min(12)]) else {
            return Ok(());
        };
        match state {
            Cleanness::Committed if name.as_deref().is_some_and(|n| n.starts_with(commit)) => {
                Ok(())
            }
            Cleanness::Committed => write!(f, " ({commit})"),
            Cleanness::Dirty => write!(f, " ({commit} and uncommitted changes)"),
        }
    }
}

/// Why git could not be asked, or could not answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct GitError {
    /// Lower case, no final stop.
    pub message: String,
    /// What to type.
    pub help: Option<String>,
}

impl GitError {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Some(help.into()),
        }
    }

    pub(super) fn git(doing: &str, error: &git2::Error) -> Self {
        Self {
            message: format!("{doing}: {}", error.message()),
            help: partial_clone(error).map(str::to_owned),
        }
    }

    /// The message, with what to type in parentheses.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        match &self.help {
            Some(help) => format!("{} ({help})", self.message),
            None => self.message.clone(),
        }
    }

    /// Why a repository that is there cannot be opened.
    pub(super) fn cannot_open(root: &Path, error: &git2::Error) -> Self {
        let root = root.display();
        // libgit2 reads no repository of another user, as git does since CVE-2022-24765.
        if error.code() == ErrorCode::Owner {
            return Self::new(
                format!("the git repository around {root} belongs to another user"),
                format!("`git config --global --add safe.directory {root}`"),
            );
        }
        let help = if error.message().contains("refstorage") {
            "bayplan reads refs in files; `git clone --ref-format=files OLD NEW` makes such a repository"
        } else {
            "bayplan reads SHA-1 objects; `git init --object-format=sha1 NEW`, and `git fast-export --all | git -C NEW \
             fast-import` in the old one, make such a repository"
        };
        Self {
            help: Some(help.to_owned()),
            ..Self::git(
                &format!("cannot open the git repository around {root}"),
                error,
            )
        }
    }
}

impl From<RepositoryError> for GitError {
    fn from(error: RepositoryError) -> Self {
        Self {
            message: error.to_string(),
            help: error.help().map(str::to_owned),
        }
    }
}

/// Which clusters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// One, and of the others only their names.
    One(&'a str),
    /// Every cluster that one of the sides has.
    All,
}

/// Two sides that can be read.
pub struct Comparison<'a> {
    repository: &'a Repository,
    git: git2::Repository,
    /// The config repository's directory within the git repository; empty if it is its root.
    below: PathBuf,
    /// The first side.
    pub before: Revision,
    /// The second side.
    pub after: Revision,
    before_tree: Oid,
    /// `None` for the files of the checkout.
    after_tree: Option<Oid>,
    /// How many commits of the first revision the second one does not have: their changes show as
    /// taken back.
    pub missing: usize,
}

impl Repository {
    /// Finds the two sides of a range.
    ///
    /// # Errors
    /// There is no git repository, a revision is not there (the message names near ones, or says how
    /// to deepen a shallow clone), or two revisions have no common history where that is asked for.
    pub fn compare(&self, range: &Range) -> Result<Comparison<'_>, GitError> {
        let git = open(&self.root)?;
        let work = git
            .workdir()
            .and_then(|work| work.canonicalize().ok())
            .ok_or_else(|| GitError {
                message: "expected a git repository with a checkout, found a bare one".to_owned(),
                help: None,
            })?;
        let below = self.root.strip_prefix(&work).map(Path::to_owned);
        let below = below.map_err(|_| GitError {
            message: format!(
                "expected {} below the checkout {}",
                self.root.display(),
                work.display()
            ),
            help: None,
        })?;
        let tip = commit(&git, &range.before)?;
        let end = match &range.after {
            Some(after) => Some(commit(&git, after)?),
            None => git
                .head()
                .and_then(|head| head.peel_to_commit())
                .ok()
                .map(|head| head.id()),
        };
        let start = match (range.start, end) {
            (ComparisonStart::Tip, _) => tip,
            (ComparisonStart::MergeBase, Some(end)) => merge_base(&git, range, tip, end)?,
            (ComparisonStart::MergeBase, None) => {
                return Err(GitError::new(
                    "expected a commit on this branch to find a merge base for, found none",
                    format!("compare directly: `--against {}`", range.before),
                ));
            }
        };
        let missing = match end {
            // Where there is no common history at all the count says nothing.
            Some(end) if git.merge_base(start, end).is_ok() => git
                .graph_ahead_behind(start, end)
                .map_or(0, |(ahead, _)| ahead),
            Some(_) | None => 0,
        };
        let name = match range.start {
            ComparisonStart::Tip => range.before.clone(),
            ComparisonStart::MergeBase => format!("the merge base with {}", range.before),
        };
        let before = Revision {
            name: Some(name),
            commit: Some(start.to_string()),
            state: Cleanness::Committed,
        };
        let after = match &range.after {
            Some(name) => Revision {
                name: Some(name.clone()),
                commit: end.map(|id| id.to_string()),
                state: Cleanness::Committed,
            },
            None => Revision {
                name: None,
                commit: end.map(|id| id.to_string()),
                state: match head(&self.root)? {
                    Some(commit) if commit.dirty => Cleanness::Dirty,
                    Some(_) | None => Cleanness::Committed,
                },
            },
        };
        let tree = |id: Oid| -> Result<Oid, GitError> {
            let tree = git.find_commit(id).and_then(|commit| commit.tree());
            let tree = tree.map_err(|error| GitError::git("cannot read a commit", &error))?;
            Ok(tree.id())
        };
        let before_tree = tree(start)?;
        let after_tree = match (&range.after, end) {
            (Some(_), Some(end)) => Some(tree(end)?),
            (Some(_), None) | (None, _) => None,
        };
        Ok(Comparison {
            repository: self,
            git,
            below,
            before,
            after,
            before_tree,
            after_tree,
            missing,
        })
    }
}

impl Comparison<'_> {
    /// The files of the first side. A cluster that it does not have has no files, and is not among
    /// its clusters.
    ///
    /// # Errors
    /// An object cannot be read.
    pub fn before(&self, which: Which<'_>) -> Result<Sources, GitError> {
        self.sources(self.before_tree, &self.before, which)
    }

    /// The files of the second side, likewise.
    ///
    /// # Errors
    /// An object or a file cannot be read.
    pub fn after(&self, which: Which<'_>) -> Result<Sources, GitError> {
        match self.after_tree {
            Some(tree) => self.sources(tree, &self.after, which),
            None => Ok(self.repository.read(which)?),
        }
    }

    fn sources(
        &self,
        tree: Oid,
        revision: &Revision,
        which: Which<'_>,
    ) -> Result<Sources, GitError> {
        let below: Vec<String> = self
            .below
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        let tree = CommitTree {
            git: &self.git,
            root: tree,
        };
        files::sources(&tree, &below, which).map_err(|UnfitDirectory { path, why }| GitError {
            message: format!("{path} in {revision}: {}", why.what),
            help: why.help,
        })
    }
}

fn open(root: &Path) -> Result<git2::Repository, GitError> {
    git2::Repository::discover(root).map_err(|error| {
        if error.code() != ErrorCode::NotFound {
            return GitError::cannot_open(root, &error);
        }
        GitError::new(
            format!(
                "expected a git repository around {}, found none",
                root.display()
            ),
            "without `--against`, `bayplan diff` compares with the hosts",
        )
    })
}

/// The commit that a revision names.
fn commit(git: &git2::Repository, name: &str) -> Result<Oid, GitError> {
    let error = match git.revparse_single(name) {
        Ok(object) => match object.peel_to_commit() {
            Ok(commit) => return Ok(commit.id()),
            Err(_) => {
                return Err(GitError {
                    message: format!("expected a revision, found `{name}`, which names no commit"),
                    help: None,
                });
            }
        },
        Err(error) => error,
    };
    let code = error.code();
    if code == ErrorCode::Ambiguous {
        return Err(GitError::new(
            format!("several commits begin with `{name}`"),
            "write more of its digits",
        ));
    }
    if !matches!(code, ErrorCode::NotFound | ErrorCode::InvalidSpec) {
        return Err(GitError::git(&format!("cannot find {name}"), &error));
    }
    let known = names(git);
    let known = || known.iter().map(String::as_str);
    // In CI only the remote's branches are there, and `main` is what people type.
    let remote = known().find(|other| {
        let branch = other.split_once('/').map(|(_, branch)| branch);
        branch == Some(name)
    });
    let near = match remote {
        None if git.is_shallow() => return Err(shallow(&format!("`{name}`"))),
        None => nearest::nearest(name, known()),
        remote => remote,
    };
    let message = format!("expected a revision, found `{name}`, which is not in this repository");
    Err(match near {
        Some(near) => GitError::new(message, format!("did you mean `{near}`?")),
        None => GitError {
            message,
            help: nearest::help(name, known())
                .or_else(|| Some("`git fetch` it first, or name a commit that is here".to_owned())),
        },
    })
}

/// Branches, remote branches and tags, sorted.
fn names(git: &git2::Repository) -> Vec<String> {
    let branches = |kind| {
        let branches = git.branches(Some(kind)).into_iter().flatten().flatten();
        branches.filter_map(|(branch, _)| branch.name().ok().flatten().map(str::to_owned))
    };
    let mut names: Vec<String> = branches(BranchType::Local)
        .chain(branches(BranchType::Remote))
        .filter(|name| !name.ends_with("/HEAD"))
        .collect();
    names.sort();
    if let Ok(tags) = git.tag_names(None) {
        names.extend(
            tags.iter()
                .filter_map(|tag| tag.ok().flatten())
                .map(str::to_owned),
        );
    }
    names
}

fn merge_base(
    git: &git2::Repository,
    range: &Range,
    before: Oid,
    after: Oid,
) -> Result<Oid, GitError> {
    let error = match git.merge_base(before, after) {
        Ok(base) => return Ok(base),
        Err(error) => error,
    };
    let name = &range.before;
    let other = range.after.as_deref().unwrap_or("HEAD");
    if git.is_shallow() {
        return Err(shallow(&format!("where {other} left {name}")));
    }
    if error.code() != ErrorCode::NotFound {
        return Err(GitError::git(
            &format!("cannot compare {name} with {other}"),
            &error,
        ));
    }
    Err(GitError::new(
        format!("expected a common history of {name} and {other}, found none"),
        match &range.after {
            Some(after) => format!("compare them directly: `--against {name}..{after}`"),
            None => format!("compare them directly: `--against {name}`"),
        },
    ))
}

fn shallow(what: &str) -> GitError {
    GitError::new(
        format!("expected the history up to {what}, found a shallow clone without it"),
        "`fetch-depth: 0` for actions/checkout on GitHub, `GIT_DEPTH: 0` on GitLab, \
         `git fetch --unshallow` by hand",
    )
}
