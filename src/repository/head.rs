//! What git says of the checkout: the commit, the branch, and whether files differ.

use std::collections::BTreeMap;
use std::path::Path;

use git2::ErrorCode;

use super::{GitError, Repository};
use crate::cluster::model::{Guard, SignedOnly};
use crate::plan::guard::{Checkout, CheckoutState, OnBranch, Signature};

/// The commit that the checkout stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// 40 hexadecimal digits.
    pub id: String,
    /// Whether `clusters/` or `templates/` differ from it, untracked files included.
    pub dirty: bool,
}

/// The commit of the git repository that holds this directory; `None` where there is no git
/// repository, or no commit in it.
///
/// # Errors
/// There is a repository, and it cannot be read.
pub fn head(root: &Path) -> Result<Option<Commit>, GitError> {
    let repository = match git2::Repository::discover(root) {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::NotFound && !has_git(root) => return Ok(None),
        Err(error) => return Err(GitError::cannot_open(root, &error)),
    };
    let failed = |error: git2::Error| GitError::git("cannot read the checked out commit", &error);
    let id = match repository.head() {
        Ok(head) => head.peel_to_commit().map_err(failed)?.id(),
        Err(error) if error.code() == ErrorCode::UnbornBranch => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let work = repository
        .workdir()
        .and_then(|work| work.canonicalize().ok());
    let below = root.canonicalize().ok();
    // The description of a bare repository, or beside the checkout, is none of its commits.
    let (Some(work), Some(below)) = (work, below) else {
        return Ok(None);
    };
    let Ok(below) = below.strip_prefix(&work) else {
        return Ok(None);
    };
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).disable_pathspec_match(true);
    for directory in ["clusters", "templates"] {
        options.pathspec(below.join(directory));
    }
    let failed = |error| GitError::git("cannot compare the files with the commit", &error);
    let statuses = repository.statuses(Some(&mut options)).map_err(failed)?;
    let dirty = statuses.iter().any(|entry| !entry.status().is_ignored());
    Ok(Some(Commit {
        id: id.to_string(),
        dirty,
    }))
}

impl Repository {
    /// The first lines of these commits, by their ids. What git does not have here, or cannot be asked, is left out.
    #[must_use]
    pub fn subjects<'a>(
        &self,
        commits: impl IntoIterator<Item = &'a str>,
    ) -> BTreeMap<String, String> {
        let Ok(repository) = git2::Repository::discover(self.root()) else {
            return BTreeMap::new();
        };
        let subjects = commits.into_iter().filter_map(|id| {
            // A shorter one may be several.
            let whole = (id.len() == 40).then(|| git2::Oid::from_str(id).ok())??;
            let commit = repository.find_commit(whole).ok()?;
            let subject = String::from_utf8_lossy(commit.summary_bytes()?).into_owned();
            Some((id.to_owned(), subject))
        });
        subjects.collect()
    }
}

/// Whether a directory, or one above it, has a `.git`: libgit2 says of some that it cannot read that
/// there is none.
fn has_git(root: &Path) -> bool {
    let mut above = root.ancestors();
    above.any(|directory| directory.join(".git").symlink_metadata().is_ok())
}

/// What git says of the files, for the guards. A commit is on a branch if that branch has it, here or on a remote: CI
/// checks out commits, not branches.
#[must_use]
pub fn checkout(repository: &Repository, guard: &Guard) -> Checkout {
    let (root, branch) = (repository.root(), guard.branch.as_deref());
    let unknown = |error: GitError| Checkout {
        branch: OnBranch::Unknown {
            why: error.in_one_line(),
        },
        state: CheckoutState::Unknown {
            why: error.in_one_line(),
        },
        signature: Signature::Unknown {
            why: error.in_one_line(),
        },
    };
    let commit = match head(root) {
        Ok(Some(commit)) => commit,
        Ok(None) => {
            return Checkout {
                branch: OnBranch::No { instead: None },
                state: CheckoutState::NoCommit,
                signature: Signature::Unknown {
                    why: "there is no commit".to_owned(),
                },
            };
        }
        Err(error) => return unknown(error),
    };
    let on = match branch.map(|branch| has_commit(root, branch, &commit.id)) {
        None => true,
        Some(Ok(on)) => on,
        Some(Err(error)) => return unknown(GitError::git("cannot search the branches", &error)),
    };
    Checkout {
        branch: match on {
            true => OnBranch::Yes,
            false => OnBranch::No {
                instead: checked_out(root).or(Some(commit.id.clone())),
            },
        },
        state: match commit.dirty {
            true => CheckoutState::Dirty,
            false => CheckoutState::Committed,
        },
        signature: match guard.signed {
            SignedOnly::Yes => repository.signature(&commit.id),
            SignedOnly::No => Signature::Good,
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

/// The branch of the checkout around a directory, also one that has no commit yet. `None` without git, or where no
/// branch is checked out.
#[must_use]
pub fn branch(root: &Path) -> Option<String> {
    let repository = git2::Repository::discover(root).ok()?;
    let head = repository.find_reference("HEAD").ok()?;
    let target = head.symbolic_target().ok()??;
    target.strip_prefix("refs/heads/").map(str::to_owned)
}
