//! The checkout as a tree of files.

use std::cell::OnceCell;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;

use super::files::{Node, Tree, too_large, unreadable};
use crate::cluster::Unfit;

/// A directory on this machine, which no path leads out of.
pub(super) struct Worktree {
    root: PathBuf,
    /// What git tracks there; `None` if there is no git repository, or one that libgit2 cannot read.
    index: OnceCell<Option<git2::Index>>,
}

impl Worktree {
    /// The checkout around a config repository, or the config repository itself where there is no
    /// git; and the way from there to the config repository.
    pub(super) fn around(root: &Path) -> (Self, Vec<String>) {
        let mut above = root.ancestors();
        let top = above
            .find(|directory| is_checkout(directory))
            .unwrap_or(root);
        let below = root.strip_prefix(top).expect("an ancestor is a prefix");
        let below = below.iter().map(|part| part.to_string_lossy().into_owned());
        let worktree = Self {
            root: top.to_owned(),
            index: OnceCell::new(),
        };
        (worktree, below.collect())
    }
}

/// Whether git has its files in this directory.
pub(super) fn is_checkout(directory: &Path) -> bool {
    directory.join(".git").symlink_metadata().is_ok()
}

/// Opening one of these neither blocks nor follows a link.
const OPEN: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NOCTTY);

impl Tree for Worktree {
    type Directory = OwnedFd;
    type File = OwnedFd;

    fn root(&self) -> Result<OwnedFd, Unfit> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        open(&self.root, flags, Mode::empty()).map_err(failed)
    }

    fn names(&self, directory: &OwnedFd) -> Result<Vec<String>, Unfit> {
        let mut names = Vec::new();
        for entry in Dir::read_from(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    fn look(
        &self,
        directory: &OwnedFd,
        name: &str,
    ) -> Result<Option<Node<OwnedFd, OwnedFd>>, Unfit> {
        let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        // Opening a device can have an effect by itself, so only these are opened.
        let expected = FileType::from_raw_mode(stat.st_mode);
        match expected {
            FileType::Symlink => {
                let target = readlinkat(directory, name, Vec::new()).map_err(failed)?;
                return Ok(Some(Node::Link(target.to_string_lossy().into_owned())));
            }
            FileType::Directory | FileType::RegularFile => {}
            FileType::Fifo => return Ok(Some(Node::Other("a fifo"))),
            FileType::Socket => return Ok(Some(Node::Other("a socket"))),
            FileType::CharacterDevice | FileType::BlockDevice => {
                return Ok(Some(Node::Other("a device")));
            }
            FileType::Unknown => return Ok(Some(Node::Other("something else"))),
        }
        let opened = openat(directory, name, OPEN, Mode::empty()).map_err(failed)?;
        let found = FileType::from_raw_mode(fstat(&opened).map_err(failed)?.st_mode);
        if found != expected {
            return Err(unreadable("it was replaced meanwhile"));
        }
        Ok(Some(if found == FileType::Directory {
            Node::Directory(opened)
        } else {
            Node::File(opened)
        }))
    }

    fn read(&self, file: &OwnedFd, limit: u64) -> Result<Vec<u8>, Unfit> {
        let size = u64::try_from(fstat(file).map_err(failed)?.st_size).unwrap_or_default();
        if size > limit {
            return Err(too_large(limit));
        }
        let mut bytes = Vec::new();
        let file = file
            .try_clone()
            .map_err(|error| unreadable(&error.to_string()))?;
        std::fs::File::from(file)
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&error.kind().to_string()))?;
        // It may have grown meanwhile.
        match bytes.len() as u64 > limit {
            true => Err(too_large(limit)),
            false => Ok(bytes),
        }
    }

    fn tracks(&self, path: &str) -> bool {
        let index = self.index.get_or_init(|| {
            let repository = git2::Repository::open(&self.root).ok()?;
            repository.index().ok()
        });
        let stages = || 0..=3;
        index.as_ref().is_none_or(|index| {
            stages().any(|stage| index.get_path(Path::new(path), stage).is_some())
        })
    }
}

fn failed(error: Errno) -> Unfit {
    unreadable(&error.kind().to_string())
}
