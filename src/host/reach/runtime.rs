//! The private directory for what `ssh` needs: generated configurations and control sockets.
//!
//! Anybody who can write there can make bayplan's `ssh` connect anywhere and run anything, and anybody who can
//! open a control socket is logged in on the host. So the directory is ours alone, or it is refused.

#![expect(
    clippy::disallowed_methods,
    reason = "writes what `ssh` reads, and the directory of its sockets"
)]

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;

use super::protocol::nonce;

/// A control socket's path must fit into 104 bytes (`sockaddr_un` of the BSDs; Linux has 108), with
/// 49 for `%C` and ours before it, and 17 that `ssh` appends while it creates the socket.
const LONGEST: usize = 36;
/// Files that no connection used for so long are removed.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// The directory, there and checked.
#[derive(Debug, Clone)]
pub(super) struct RuntimeDirectory(PathBuf);

impl RuntimeDirectory {
    /// Takes `$XDG_RUNTIME_DIR/bayplan`, or `<temporary>/bayplan-<uid>` where there is none. Anybody can make
    /// the latter before us; then it is `$HOME/.cache/bayplan`.
    pub(super) fn open(
        xdg: Option<&Path>,
        temporary: &Path,
        home: Option<&Path>,
    ) -> io::Result<Self> {
        let uid = rustix::process::geteuid().as_raw();
        if let Some(xdg) = xdg.filter(|xdg| is_ours_alone(xdg, uid)) {
            let path = xdg.join("bayplan");
            if fits(&path) {
                return Self::create(path, uid);
            }
        }
        let mut path = temporary.join(format!("bayplan-{uid}"));
        if !fits(&path) {
            path = Path::new("/tmp").join(format!("bayplan-{uid}"));
        }
        Self::create(path, uid).or_else(|error| {
            let cache = home.map(|home| home.join(".cache"));
            let path = cache.as_ref().map(|cache| cache.join("bayplan"));
            match (cache, path.filter(|path| fits(path))) {
                (Some(cache), Some(path)) => {
                    fs::create_dir_all(cache)?;
                    Self::create(path, uid)
                }
                (None, _) | (_, None) => Err(error),
            }
        })
    }

    fn create(path: PathBuf, uid: u32) -> io::Result<Self> {
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(io::Error::new(
                    error.kind(),
                    format!("cannot create `{}`: {error}", path.display()),
                ));
            }
            _ => {}
        }
        // A link is no directory here, so nobody can point us elsewhere; and nobody but us and
        // root can rename what is in /tmp (sticky) or in a directory of ours.
        if !is_ours_alone(&path, uid) {
            return Err(io::Error::other(format!(
                "expected a directory of yours with mode 0700, found something else at `{0}`; \
                 look at it (`ls -ld {0}`), then remove it",
                path.display()
            )));
        }
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Sees to it that a file has this text, and returns its path. It is written atomically; one that has
    /// the text is written anew only when half its time is over, and others are pruned then.
    pub(super) fn write(&self, name: &str, text: &str, now: SystemTime) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        let young = |age: Duration| age < STALE / 2;
        if age(fs::metadata(&path), now).is_some_and(young)
            && fs::read(&path).is_ok_and(|there| there == text.as_bytes())
        {
            return Ok(path);
        }
        self.prune(now);
        let beside = self.0.join(format!(".{name}.{}", nonce()));
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&beside, &path));
        if let Err(error) = written {
            // The first error is the one to tell.
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        Ok(path)
    }

    /// Removes what was not written for a day. A connection reads its files when it starts, and a control
    /// socket that goes costs one new connection.
    fn prune(&self, now: SystemTime) {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return;
        };
        for entry in entries.flatten() {
            if age(entry.metadata(), now).is_some_and(|age| age > STALE) {
                // Another bayplan may have been quicker.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// How long ago it was written; `None` if it is not there, or from the future.
fn age(metadata: io::Result<std::fs::Metadata>, now: SystemTime) -> Option<Duration> {
    now.duration_since(metadata.ok()?.modified().ok()?).ok()
}

/// Whether it is a directory (no link to one) of this user, closed to everybody else.
fn is_ours_alone(path: &Path, uid: u32) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| {
        metadata.is_dir() && metadata.uid() == uid && metadata.mode() & 0o077 == 0
    })
}

/// Whether the path can stand in an `ssh_config(5)` as it is, and leaves room for a socket's name.
fn fits(path: &Path) -> bool {
    path.to_str().is_some_and(|text| {
        text.len() <= LONGEST
            && path.is_absolute()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A short path, as /tmp and /run/user are.
    fn temporary() -> tempfile::TempDir {
        tempfile::Builder::new()
            .prefix("b")
            .rand_bytes(6)
            .tempdir_in("/tmp")
            .unwrap()
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn it_is_in_the_users_runtime_directory_and_closed_to_others() {
        let there = temporary();
        set_mode(there.path(), 0o700);
        let directory =
            RuntimeDirectory::open(Some(there.path()), Path::new("/tmp"), None).unwrap();
        assert_eq!(directory.path(), there.path().join("bayplan"));
        let mode = std::fs::metadata(directory.path()).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o700);
        RuntimeDirectory::open(Some(there.path()), Path::new("/tmp"), None).unwrap();
    }

    #[test]
    fn a_runtime_directory_that_others_can_change_is_not_used() {
        let (open, there) = (temporary(), temporary());
        set_mode(open.path(), 0o777);
        let directory = RuntimeDirectory::open(Some(open.path()), there.path(), None).unwrap();
        assert_eq!(directory.path().parent(), Some(there.path()));
        assert!(!open.path().join("bayplan").exists());
    }

    #[test]
    fn a_directory_that_is_open_to_others_is_refused() {
        let there = temporary();
        let path = RuntimeDirectory::open(None, there.path(), None).unwrap();
        set_mode(path.path(), 0o750);
        let error = RuntimeDirectory::open(None, there.path(), None).unwrap_err();
        assert!(error.to_string().contains("mode 0700"), "{error}");
    }

    #[test]
    fn a_link_is_refused_even_to_a_directory_of_ours() {
        let there = temporary();
        let path = RuntimeDirectory::open(None, there.path(), None).unwrap();
        let elsewhere = there.path().join("elsewhere");
        std::fs::rename(path.path(), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, path.path()).unwrap();
        RuntimeDirectory::open(None, there.path(), None).unwrap_err();
    }

    #[test]
    fn nobody_can_take_our_directory_away() {
        let (there, home) = (temporary(), temporary());
        let uid = rustix::process::geteuid().as_raw();
        // What another user would put at its place.
        std::fs::write(there.path().join(format!("bayplan-{uid}")), "").unwrap();
        RuntimeDirectory::open(None, there.path(), None).unwrap_err();
        let directory = RuntimeDirectory::open(None, there.path(), Some(home.path())).unwrap();
        assert_eq!(directory.path(), home.path().join(".cache/bayplan"));
    }

    #[test]
    fn a_path_without_room_for_a_socket_is_not_used() {
        let there = temporary();
        let deep = there.path().join("a-very-long-name-indeed-as-on-a-mac");
        std::fs::create_dir(&deep).unwrap();
        let directory = RuntimeDirectory::open(None, &deep, None).unwrap();
        assert_eq!(directory.path().parent(), Some(Path::new("/tmp")));
    }

    #[test]
    fn written_files_are_private_and_nothing_else_is_left() {
        let there = temporary();
        let directory = RuntimeDirectory::open(None, there.path(), None).unwrap();
        let now = SystemTime::now();
        directory.write("ssh-a", "one", now).unwrap();
        let path = directory.write("ssh-a", "two", now).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_not_used_for_a_day_is_pruned() {
        let there = temporary();
        let directory = RuntimeDirectory::open(None, there.path(), None).unwrap();
        let path = directory.write("ssh-a", "one", SystemTime::now()).unwrap();
        let then = std::fs::metadata(&path).unwrap().modified().unwrap();
        directory.write("ssh-b", "one", then + STALE).unwrap();
        assert!(path.exists());
        let day_over = then + STALE + Duration::from_secs(1);
        directory.write("ssh-c", "one", day_over).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_used_is_written_anew_in_time() {
        let there = temporary();
        let directory = RuntimeDirectory::open(None, there.path(), None).unwrap();
        let inode = |path: &Path| std::fs::metadata(path).unwrap().ino();
        let path = directory.write("ssh-a", "one", SystemTime::now()).unwrap();
        let first = inode(&path);
        let then = std::fs::metadata(&path).unwrap().modified().unwrap();
        directory
            .write("ssh-a", "one", then + STALE / 2 - Duration::from_secs(1))
            .unwrap();
        assert_eq!(inode(&path), first);
        directory.write("ssh-a", "one", then + STALE / 2).unwrap();
        assert_ne!(inode(&path), first);
        // A clock that went back proves nothing.
        let second = inode(&path);
        directory.write("ssh-a", "one", then - STALE).unwrap();
        assert_ne!(inode(&path), second);
    }
}
