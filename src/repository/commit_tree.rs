//! A commit as a tree of files: objects of git's store, without a checkout.

use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Repository};

use super::files::{Node, Tree, too_large, unreadable};
use crate::cluster::Unfit;

/// The root of a commit.
pub(super) struct CommitTree<'g> {
    pub git: &'g Repository,
    pub root: Oid,
}

impl<'g> Tree for CommitTree<'g> {
    type Directory = git2::Tree<'g>;
    type File = Oid;

    fn root(&self) -> Result<git2::Tree<'g>, Unfit> {
        self.git.find_tree(self.root).map_err(failed)
    }

    fn names(&self, directory: &git2::Tree<'g>) -> Result<Vec<String>, Unfit> {
        let names = directory.iter();
        let names = names.map(|entry| String::from_utf8_lossy(entry.name_bytes()).into_owned());
        Ok(names.collect())
    }

    fn look(
        &self,
        directory: &git2::Tree<'g>,
        name: &str,
    ) -> Result<Option<Node<git2::Tree<'g>, Oid>>, Unfit> {
        const LINK: i32 = 0o120_000;
        /// The longest path on Linux.
        const TARGET_MAX: u64 = 4096;
        let Some(entry) = directory.get_name(name) else {
            return Ok(None);
        };
        Ok(Some(match entry.kind() {
            Some(ObjectType::Tree) => {
                Node::Directory(self.git.find_tree(entry.id()).map_err(failed)?)
            }
            Some(ObjectType::Blob) if entry.filemode() == LINK => {
                let target = self.read(&entry.id(), TARGET_MAX)?;
                Node::Link(String::from_utf8_lossy(&target).into_owned())
            }
            Some(ObjectType::Blob) => Node::File(entry.id()),
            Some(ObjectType::Commit) => Node::Other("a submodule"),
            Some(ObjectType::Any | ObjectType::Tag) | None => Node::Other("something else"),
        }))
    }

    fn read(&self, file: &Oid, limit: u64) -> Result<Vec<u8>, Unfit> {
        let (size, _) = self
            .git
            .odb()
            .and_then(|odb| odb.read_header(*file))
            .map_err(failed)?;
        if size as u64 > limit {
            return Err(too_large(limit));
        }
        let blob = self.git.find_blob(*file).map_err(failed)?;
        Ok(blob.content().to_owned())
    }

    fn tracks(&self, _: &str) -> bool {
        true
    }
}

fn failed(error: git2::Error) -> Unfit {
    let why = unreadable(error.message());
    match partial_clone(&error) {
        Some(help) => why.with_help(help),
        None => why,
    }
}

/// What to type where an object is missing.
pub(super) fn partial_clone(error: &git2::Error) -> Option<&'static str> {
    match (error.class(), error.code()) {
        (ErrorClass::Odb, ErrorCode::NotFound) => Some(
            "the clone lacks objects; a partial clone is completed by \
             `git fetch --refetch --no-filter`",
        ),
        _ => None,
    }
}
