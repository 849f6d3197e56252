//! Two revisions of the description, read from git without a checkout: blobs come from the object
//! store, and the worktree and the index are never touched.

use std::fmt;
use std::path::{Path, PathBuf};

use git2::{BranchType, ErrorClass, ErrorCode, ObjectType, Oid, Tree};

use super::{Repository, RepositoryError, head};
use crate::cluster::{Sources, nearest};

/// Links that lead to links are followed this far, as Linux does.
const LINKS: usize = 40;

/// What `--against` names: `REV`, `REV1..REV2` or `REV1...REV2`. Where the second one is missing the
/// files of the checkout are meant, committed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    before: String,
    after: Option<String>,
    start: Start,
}

/// Where the comparison starts, as in `git diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
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
            (Some((before, after)), _) => (before, after, Start::MergeBase),
            (None, Some((before, after))) => (before, after, Start::Tip),
            (None, None) => (text, "", Start::Tip),
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
    pub state: State,
}

/// Whether a side is exactly its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
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
            State::Committed if name.as_deref().is_some_and(|n| n.starts_with(commit)) => Ok(()),
            State::Committed => write!(f, " ({commit})"),
            State::Dirty => write!(f, " ({commit} and uncommitted changes)"),
        }
    }
}

/// Why two revisions cannot be compared.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RevisionError {
    /// Lower case, no final stop.
    pub message: String,
    /// What to type.
    pub help: Option<String>,
}

impl RevisionError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Some(help.into()),
        }
    }

    fn git(doing: &str, error: &git2::Error) -> Self {
        let help = match (error.class(), error.code()) {
            (ErrorClass::Odb, ErrorCode::NotFound) => Some(
                "the clone lacks objects; a partial clone is completed by \
                 `git fetch --refetch --no-filter`"
                    .to_owned(),
            ),
            _ => None,
        };
        Self {
            message: format!("{doing}: {}", error.message()),
            help,
        }
    }
}

impl From<RepositoryError> for RevisionError {
    fn from(error: RepositoryError) -> Self {
        Self {
            message: error.to_string(),
            help: None,
        }
    }
}

/// Which clusters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// One, and of the others only their names.
    One(&'a str),
    All,
}

/// Two sides that can be read.
pub struct Comparison<'a> {
    repository: &'a Repository,
    git: git2::Repository,
    /// The config repository's directory within the git repository; empty if it is its root.
    below: PathBuf,
    pub before: Revision,
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
    pub fn compare(&self, range: &Range) -> Result<Comparison<'_>, RevisionError> {
        let git = open(&self.root)?;
        let work = git
            .workdir()
            .and_then(|work| work.canonicalize().ok())
            .ok_or_else(|| RevisionError {
                message: "expected a git repository with a checkout, found a bare one".to_owned(),
                help: None,
            })?;
        let below = self.root.strip_prefix(&work).map(Path::to_owned);
        let below = below.map_err(|_| RevisionError {
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
            (Start::Tip, _) => tip,
            (Start::MergeBase, Some(end)) => merge_base(&git, range, tip, end)?,
            (Start::MergeBase, None) => {
                return Err(RevisionError::new(
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
            Start::Tip => range.before.clone(),
            Start::MergeBase => format!("the merge base with {}", range.before),
        };
        let before = Revision {
            name: Some(name),
            commit: Some(start.to_string()),
            state: State::Committed,
        };
        let after = match &range.after {
            Some(name) => Revision {
                name: Some(name.clone()),
                commit: end.map(|id| id.to_string()),
                state: State::Committed,
            },
            None => Revision {
                name: None,
                commit: end.map(|id| id.to_string()),
                state: match head(&self.root) {
                    Some(commit) if commit.dirty => State::Dirty,
                    Some(_) | None => State::Committed,
                },
            },
        };
        let tree = |id: Oid| -> Result<Oid, RevisionError> {
            let tree = git.find_commit(id).and_then(|commit| commit.tree());
            let tree = tree.map_err(|error| RevisionError::git("cannot read a commit", &error))?;
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
    pub fn before(&self, which: Which<'_>) -> Result<Sources, RevisionError> {
        self.sources(self.before_tree, &self.before, which)
    }

    /// The files of the second side, likewise.
    ///
    /// # Errors
    /// An object or a file cannot be read.
    pub fn after(&self, which: Which<'_>) -> Result<Sources, RevisionError> {
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
    ) -> Result<Sources, RevisionError> {
        let failed =
            |error: git2::Error| RevisionError::git(&format!("cannot read {revision}"), &error);
        let root = self.git.find_tree(tree).map_err(failed)?;
        let reader = Reader {
            git: &self.git,
            root,
        };
        let mut sources = Sources::new();
        let below = |directory: &str| -> Vec<String> {
            let below = self.below.iter().map(|part| part.to_string_lossy());
            let below = below.map(std::borrow::Cow::into_owned);
            below
                .chain(directory.split('/').map(str::to_owned))
                .collect()
        };
        let mut files = |directory: &str, wanted: fn(&str) -> bool| -> Result<(), git2::Error> {
            for name in reader.names(&below(directory))? {
                if !wanted(&name) {
                    continue;
                }
                let path = format!("{directory}/{name}");
                if let Some(bytes) = reader.file(&below(&path))? {
                    sources.insert(path, bytes);
                }
            }
            Ok(())
        };
        files("templates", |_| true).map_err(failed)?;
        let names = reader.names(&below("clusters")).map_err(failed)?;
        let mut clusters = Vec::new();
        for name in names {
            let path = format!("clusters/{name}");
            if reader.is_directory(&below(&path)).map_err(failed)? {
                clusters.push(name);
            }
        }
        for name in &clusters {
            if which == Which::All || which == Which::One(name) {
                let toml = |name: &str| name.ends_with(".toml");
                files(&format!("clusters/{name}"), toml).map_err(failed)?;
                files(&format!("clusters/{name}/services"), toml).map_err(failed)?;
            }
        }
        for name in clusters {
            sources.insert_cluster(name);
        }
        Ok(sources)
    }
}

/// Reads paths of a tree as the checkout has them: links are followed, hidden files are not there.
struct Reader<'g> {
    git: &'g git2::Repository,
    root: Tree<'g>,
}

impl Reader<'_> {
    /// What is in a directory; nothing if there is no such directory.
    fn names(&self, path: &[String]) -> Result<Vec<String>, git2::Error> {
        let Some((id, ObjectType::Tree)) = self.resolve(path)? else {
            return Ok(Vec::new());
        };
        let tree = self.git.find_tree(id)?;
        let names = tree
            .iter()
            .map(|entry| String::from_utf8_lossy(entry.name_bytes()).into_owned());
        Ok(names.filter(|name| !name.starts_with('.')).collect())
    }

    fn is_directory(&self, path: &[String]) -> Result<bool, git2::Error> {
        Ok(matches!(self.resolve(path)?, Some((_, ObjectType::Tree))))
    }

    fn file(&self, path: &[String]) -> Result<Option<Vec<u8>>, git2::Error> {
        match self.resolve(path)? {
            Some((id, ObjectType::Blob)) => Ok(Some(self.git.find_blob(id)?.content().to_owned())),
            Some(_) | None => Ok(None),
        }
    }

    /// The object at a path. What is behind a link out of the repository, or in a submodule, is
    /// not part of the revision.
    fn resolve(&self, path: &[String]) -> Result<Option<(Oid, ObjectType)>, git2::Error> {
        const LINK: i32 = 0o120_000;
        let mut left: Vec<String> = path.iter().rev().cloned().collect();
        let mut trail = vec![self.root.id()];
        let mut links = 0;
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    trail.pop();
                    if trail.is_empty() {
                        return Ok(None);
                    }
                    continue;
                }
                _ => {}
            }
            let here = trail.last().expect("the trail begins at the root");
            let tree = self.git.find_tree(*here)?;
            let Some(entry) = tree.get_name(&part) else {
                return Ok(None);
            };
            match entry.kind() {
                Some(ObjectType::Tree) => trail.push(entry.id()),
                Some(ObjectType::Blob) if entry.filemode() == LINK => {
                    links += 1;
                    let target = self.git.find_blob(entry.id())?;
                    let target = String::from_utf8_lossy(target.content()).into_owned();
                    if links > LINKS || target.starts_with('/') {
                        return Ok(None);
                    }
                    left.extend(target.split('/').rev().map(str::to_owned));
                }
                Some(ObjectType::Blob) if left.is_empty() => {
                    return Ok(Some((entry.id(), ObjectType::Blob)));
                }
                _ => return Ok(None),
            }
        }
        let here = trail.last().expect("the trail begins at the root");
        Ok(Some((*here, ObjectType::Tree)))
    }
}

fn open(root: &Path) -> Result<git2::Repository, RevisionError> {
    git2::Repository::discover(root).map_err(|error| match error.code() {
        ErrorCode::NotFound => RevisionError::new(
            format!(
                "expected a git repository around {}, found none",
                root.display()
            ),
            "without `--against`, `bayplan diff` compares with the hosts",
        ),
        // libgit2 reads no repository of another user, as git does since CVE-2022-24765.
        ErrorCode::Owner => RevisionError::new(
            format!(
                "the git repository around {} belongs to another user",
                root.display()
            ),
            format!(
                "`git config --global --add safe.directory {}`",
                root.display()
            ),
        ),
        _ => RevisionError::git(
            &format!("cannot open the git repository around {}", root.display()),
            &error,
        ),
    })
}

/// The commit that a revision names.
fn commit(git: &git2::Repository, name: &str) -> Result<Oid, RevisionError> {
    let error = match git.revparse_single(name) {
        Ok(object) => match object.peel_to_commit() {
            Ok(commit) => return Ok(commit.id()),
            Err(_) => {
                return Err(RevisionError {
                    message: format!("expected a revision, found `{name}`, which names no commit"),
                    help: None,
                });
            }
        },
        Err(error) => error,
    };
    match error.code() {
        ErrorCode::NotFound | ErrorCode::InvalidSpec => {}
        ErrorCode::Ambiguous => {
            return Err(RevisionError::new(
                format!("several commits begin with `{name}`"),
                "write more of its digits",
            ));
        }
        _ => return Err(RevisionError::git(&format!("cannot find {name}"), &error)),
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
        Some(near) => RevisionError::new(message, format!("did you mean `{near}`?")),
        None => RevisionError {
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
) -> Result<Oid, RevisionError> {
    let error = match git.merge_base(before, after) {
        Ok(base) => return Ok(base),
        Err(error) => error,
    };
    let name = &range.before;
    let other = range.after.as_deref().unwrap_or("HEAD");
    if git.is_shallow() {
        return Err(shallow(&format!("where {other} left {name}")));
    }
    Err(match error.code() {
        ErrorCode::NotFound => RevisionError::new(
            format!("expected a common history of {name} and {other}, found none"),
            match &range.after {
                Some(after) => format!("compare them directly: `--against {name}..{after}`"),
                None => format!("compare them directly: `--against {name}`"),
            },
        ),
        _ => RevisionError::git(&format!("cannot compare {name} with {other}"), &error),
    })
}

fn shallow(what: &str) -> RevisionError {
    RevisionError::new(
        format!("expected the history up to {what}, found a shallow clone without it"),
        "`fetch-depth: 0` for actions/checkout on GitHub, `GIT_DEPTH: 0` on GitLab, \
         `git fetch --unshallow` by hand",
    )
}
