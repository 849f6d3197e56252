//! Writes files of the description: all of them, or none.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Repository;

/// One file that is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Relative to the root of the config repository.
    pub path: String,
    /// What it holds now; `None` if it is not there.
    pub before: Option<Vec<u8>>,
    /// What it is to hold; `None` to remove it.
    pub after: Option<Vec<u8>>,
    /// Whether it may be executed, which only a new file is asked.
    pub mode: EditMode,
}

/// The rights of a new file. One that is there keeps its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditMode {
    /// As git has most files.
    Plain,
    /// Everybody may execute it.
    Executable,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// A part of the path is a link: the file belongs to something else, too.
    #[error("expected a file to write, found a link at {link}, to {}", to.display())]
    Link {
        /// The part that is one.
        link: String,
        /// What it leads to.
        to: PathBuf,
    },
    /// It is a directory, a fifo, a device.
    #[error("expected a file to write, found something else at {path}")]
    NoFile {
        /// Its path.
        path: String,
    },
    /// It is not what it was when it was read.
    #[error("{path} changed meanwhile")]
    Changed {
        /// Its path.
        path: String,
    },
    /// The system's words.
    #[error("{path} cannot be written: {why}")]
    Failed {
        /// Its path.
        path: String,
        /// Why.
        why: io::Error,
    },
    /// It went wrong half way, and a file could not be put back.
    #[error("{path} cannot be put back: {why}")]
    Half {
        /// Its path.
        path: String,
        /// Why.
        why: io::Error,
    },
}

impl EditError {
    /// What to do.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            EditError::Link { .. } => Some(
                "whoever shares that file changes with it: name the cluster that has it, or edit it by hand",
            ),
            EditError::Changed { .. } => Some("look at it, then type the same again"),
            EditError::Half { .. } => {
                Some("`git status` shows what differs; take it back from git")
            }
            EditError::NoFile { .. } | EditError::Failed { .. } => None,
        }
    }

    fn failed(path: &str) -> impl FnOnce(io::Error) -> Self {
        move |why| Self::Failed {
            path: path.to_owned(),
            why: plain(why),
        }
    }
}

/// The system's words alone: the path is told already.
fn plain(why: io::Error) -> io::Error {
    match why.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::from(why.kind()),
    }
}

impl Repository {
    /// The bytes of a file as they are on the disk, if it is there and can be edited: no part of its path is a link.
    ///
    /// # Errors
    /// It is reached by a link, is no file, or cannot be read.
    pub fn read_to_edit(&self, path: &str) -> Result<Option<Vec<u8>>, EditError> {
        let mut at = self.root().to_owned();
        for part in path.split('/') {
            at.push(part);
            match fs::symlink_metadata(&at) {
                Ok(found) if found.is_symlink() => {
                    let link = at.strip_prefix(self.root()).unwrap_or(&at);
                    return Err(EditError::Link {
                        link: link.display().to_string(),
                        to: fs::read_link(&at).unwrap_or_default(),
                    });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(EditError::failed(path)(error)),
            }
        }
        if !at.is_file() {
            return Err(EditError::NoFile {
                path: path.to_owned(),
            });
        }
        fs::read(&at).map(Some).map_err(EditError::failed(path))
    }

    /// The edit that makes a file what another one is, byte for byte; `None` removes it.
    ///
    /// # Errors
    /// The first one is reached by a link or is no file, or one of them cannot be read.
    pub fn edit_as(&self, path: &str, other: Option<&str>) -> Result<Edit, EditError> {
        let mut mode = EditMode::Plain;
        let mut after = None;
        if let Some(other) = other {
            let at = self.root().join(other);
            after = Some(fs::read(&at).map_err(EditError::failed(other))?);
            let found = fs::metadata(&at).map_err(EditError::failed(other))?;
            if found.permissions().mode() & 0o100 != 0 {
                mode = EditMode::Executable;
            }
        }
        Ok(Edit {
            path: path.to_owned(),
            before: self.read_to_edit(path)?,
            after,
            mode,
        })
    }

    /// Makes all edits. What goes wrong before the last file is in place takes back those before it.
    ///
    /// # Errors
    /// Nothing was changed, unless it is [`EditError::Half`].
    pub fn write_all(&self, edits: &[Edit]) -> Result<(), EditError> {
        let mut writing = EditsUnderWay {
            root: self.root(),
            made: Vec::new(),
            beside: Vec::new(),
            placed: Vec::new(),
        };
        let done = self
            .stage(edits, &mut writing)
            .and_then(|()| writing.place(edits));
        match done {
            Ok(()) => {
                writing.remove_empty(edits);
                Ok(())
            }
            Err(error) => match writing.take_back(edits) {
                Ok(()) => Err(error),
                Err(half) => Err(half),
            },
        }
    }

    /// Writes each new text beside its file, so that a full disk or missing rights show before any file changes.
    fn stage(&self, edits: &[Edit], writing: &mut EditsUnderWay<'_>) -> Result<(), EditError> {
        for edit in edits {
            let path = &edit.path;
            if self.read_to_edit(path)? != edit.before {
                return Err(EditError::Changed { path: path.clone() });
            }
            writing.stage(edit).map_err(EditError::failed(path))?;
        }
        Ok(())
    }
}

/// What was done so far.
struct EditsUnderWay<'a> {
    root: &'a Path,
    /// Directories that were made.
    made: Vec<PathBuf>,
    /// The new texts beside their files, one an edit; `None` where a file goes.
    beside: Vec<Option<PathBuf>>,
    /// How many edits are in place.
    placed: Vec<usize>,
}

impl EditsUnderWay<'_> {
    fn stage(&mut self, edit: &Edit) -> io::Result<()> {
        let path = self.root.join(&edit.path);
        let Some(after) = &edit.after else {
            self.beside.push(None);
            return Ok(());
        };
        let directory = path.parent().expect("a file is in a directory");
        let missing = directory.ancestors().take_while(|at| !at.exists());
        let missing: Vec<&Path> = missing.collect();
        for directory in missing.into_iter().rev() {
            fs::create_dir(directory)?;
            self.made.push(directory.to_owned());
        }
        let name = path
            .file_name()
            .expect("a file has a name")
            .to_string_lossy();
        let beside = directory.join(format!(".{name}.{}.new", std::process::id()));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)?;
        self.beside.push(Some(beside.clone()));
        file.write_all(after)?;
        match (fs::metadata(&path), edit.mode) {
            (Ok(found), _) => fs::set_permissions(&beside, found.permissions()),
            (Err(_), EditMode::Plain) => Ok(()),
            (Err(_), EditMode::Executable) => {
                // Whoever may read it, by the umask, may execute it.
                let mode = file.metadata()?.permissions().mode();
                let mode = mode | (mode & 0o444) >> 2;
                fs::set_permissions(&beside, std::fs::Permissions::from_mode(mode))
            }
        }
    }

    fn place(&mut self, edits: &[Edit]) -> Result<(), EditError> {
        for (number, edit) in edits.iter().enumerate() {
            let path = self.root.join(&edit.path);
            let done = match &self.beside[number] {
                Some(beside) => fs::rename(beside, &path),
                None => fs::remove_file(&path),
            };
            done.map_err(EditError::failed(&edit.path))?;
            self.placed.push(number);
        }
        Ok(())
    }

    /// Removes directories that have nothing in them any more.
    fn remove_empty(&self, edits: &[Edit]) {
        for edit in edits.iter().filter(|edit| edit.after.is_none()) {
            let path = self.root.join(&edit.path);
            let above = path.ancestors().skip(1).take_while(|at| *at != self.root);
            for directory in above {
                if fs::remove_dir(directory).is_err() {
                    break;
                }
            }
        }
    }

    fn take_back(&self, edits: &[Edit]) -> Result<(), EditError> {
        let mut done = Ok(());
        for number in self.placed.iter().rev() {
            let Edit { path, before, .. } = &edits[*number];
            let at = self.root.join(path);
            let back = match before {
                // The file beside it is gone: its text is in place.
                Some(before) => fs::write(&at, before),
                None => fs::remove_file(&at),
            };
            if let Err(why) = back {
                done = Err(EditError::Half {
                    path: path.clone(),
                    why: plain(why),
                });
            }
        }
        for beside in self.beside.iter().flatten() {
            // Those in place are no longer beside.
            let _ = fs::remove_file(beside);
        }
        for directory in self.made.iter().rev() {
            let _ = fs::remove_dir(directory);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> (tempfile::TempDir, Repository) {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("clusters/a")).unwrap();
        fs::write(directory.path().join("clusters/a/one"), "1").unwrap();
        let repository = Repository::find(directory.path()).unwrap();
        (directory, repository)
    }

    fn edit(path: &str, before: Option<&str>, after: Option<&str>) -> Edit {
        let bytes = |text: &str| text.as_bytes().to_vec();
        Edit {
            path: path.to_owned(),
            before: before.map(bytes),
            after: after.map(bytes),
            mode: EditMode::Plain,
        }
    }

    fn files(repository: &Repository) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![repository.root().to_owned()];
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let name = path
                    .strip_prefix(repository.root())
                    .unwrap()
                    .display()
                    .to_string();
                match path.is_dir() {
                    true => {
                        left.push(path);
                        found.push(format!("{name}/"));
                    }
                    false => found.push(format!("{name}={}", fs::read_to_string(&path).unwrap())),
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn files_are_made_changed_and_removed_together() {
        let (_directory, repository) = repository();
        let path = repository.root().join("clusters/a/one");
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        repository
            .write_all(&[
                edit("clusters/a/one", Some("1"), Some("2")),
                edit("clusters/b/services/x/y", None, Some("3")),
            ])
            .unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        repository
            .write_all(&[
                edit("clusters/b/services/x/y", Some("3"), None),
                edit("clusters/b/z", None, Some("4")),
            ])
            .unwrap();
        assert_eq!(
            files(&repository),
            [
                "clusters/",
                "clusters/a/",
                "clusters/a/one=2",
                "clusters/b/",
                "clusters/b/z=4"
            ]
        );
    }

    #[test]
    fn what_goes_wrong_leaves_all_as_it_was() {
        let (_directory, repository) = repository();
        std::os::unix::fs::symlink("one", repository.root().join("clusters/a/link")).unwrap();
        fs::create_dir(repository.root().join("clusters/a/directory")).unwrap();
        let before = files(&repository);
        let good = [
            edit("clusters/a/one", Some("1"), Some("2")),
            edit("clusters/new/x", None, Some("3")),
        ];
        for (bad, words) in [
            (
                edit("clusters/a/link", Some("1"), Some("2")),
                "found a link at clusters/a/link, to one",
            ),
            (
                edit("clusters/a/directory", None, Some("2")),
                "something else at clusters/a/directory",
            ),
            (
                edit("clusters/a/one/below", None, Some("2")),
                "clusters/a/one/below cannot be written",
            ),
            (
                edit("clusters/a/other", Some("0"), Some("2")),
                "clusters/a/other changed meanwhile",
            ),
        ] {
            let mut edits = good.to_vec();
            edits.push(bad);
            let error = repository.write_all(&edits).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(files(&repository), before);
        }
    }

    #[test]
    fn a_rename_that_fails_half_way_takes_back_those_before_it() {
        let (_directory, repository) = repository();
        let before = files(&repository);
        let edits = [
            edit("clusters/a/one", Some("1"), Some("2")),
            edit("clusters/new/x", None, Some("3")),
            edit("clusters/new/y", None, Some("4")),
        ];
        let mut writing = EditsUnderWay {
            root: repository.root(),
            made: Vec::new(),
            beside: Vec::new(),
            placed: Vec::new(),
        };
        repository.stage(&edits, &mut writing).unwrap();
        fs::create_dir(repository.root().join("clusters/new/y")).unwrap();
        let error = writing.place(&edits).unwrap_err();
        assert!(error.to_string().contains("clusters/new/y"), "{error}");
        fs::remove_dir(repository.root().join("clusters/new/y")).unwrap();
        writing.take_back(&edits).unwrap();
        assert_eq!(files(&repository), before);
    }
}
