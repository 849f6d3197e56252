//! The private directory for what `ssh` needs: generated configurations and control sockets.
//!
//! Who can write there can make bayplan's `ssh` connect anywhere and run anything, and who can
//! open a control socket is logged in on the host. So it is ours alone, or it is refused.

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
    /// Takes `$XDG_RUNTIME_DIR/bayplan`, or `<temporary>/bayplan-<uid>` where there is none.
    pub(super) fn open(xdg: Option<&Path>, temporary: &Path) -> io::Result<Self> {
        // What is asked: the uid with which we create files. There is no safe getuid().
        let uid = our_uid(temporary)?;
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
        Self::create(path, uid)
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

    /// Writes a file atomically, new or in place of what is there, and returns its path.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
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

    /// Removes what was not used for a day. Every use writes its files anew; a connection reads
    /// them when it starts, and a control socket that goes costs one new connection.
    pub(super) fn prune(&self, now: SystemTime) {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return;
        };
        for entry in entries.flatten() {
            let stale = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > STALE));
            if stale {
                // Another bayplan may have been quicker.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
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

fn our_uid(temporary: &Path) -> io::Result<u32> {
    let probe = temporary.join(format!(".bayplan-{}", nonce()));
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&probe)?;
    let uid = file.metadata().map(|metadata| metadata.uid());
    fs::remove_file(&probe)?;
    uid
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
        let directory = RuntimeDirectory::open(Some(there.path()), Path::new("/tmp")).unwrap();
        assert_eq!(directory.path(), there.path().join("bayplan"));
        let mode = std::fs::metadata(directory.path()).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o700);
        RuntimeDirectory::open(Some(there.path()), Path::new("/tmp")).unwrap();
    }

    #[test]
    fn a_runtime_directory_that_others_can_change_is_not_used() {
        let (open, there) = (temporary(), temporary());
        set_mode(open.path(), 0o777);
        let directory = RuntimeDirectory::open(Some(open.path()), there.path()).unwrap();
        assert_eq!(directory.path().parent(), Some(there.path()));
        assert!(!open.path().join("bayplan").exists());
    }

    #[test]
    fn a_directory_that_is_open_to_others_is_refused() {
        let there = temporary();
        let path = RuntimeDirectory::open(None, there.path()).unwrap();
        set_mode(path.path(), 0o750);
        let error = RuntimeDirectory::open(None, there.path()).unwrap_err();
        assert!(error.to_string().contains("mode 0700"), "{error}");
    }

    #[test]
    fn a_link_is_refused_even_to_a_directory_of_ours() {
        let there = temporary();
        let path = RuntimeDirectory::open(None, there.path()).unwrap();
        let elsewhere = there.path().join("elsewhere");
        std::fs::rename(path.path(), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, path.path()).unwrap();
        RuntimeDirectory::open(None, there.path()).unwrap_err();
    }

    #[test]
    fn a_path_without_room_for_a_socket_is_not_used() {
        let there = temporary();
        let deep = there.path().join("a-very-long-name-indeed-as-on-a-mac");
        std::fs::create_dir(&deep).unwrap();
        let directory = RuntimeDirectory::open(None, &deep).unwrap();
        assert_eq!(directory.path().parent(), Some(Path::new("/tmp")));
    }

    #[test]
    fn written_files_are_private_and_nothing_else_is_left() {
        let there = temporary();
        let directory = RuntimeDirectory::open(None, there.path()).unwrap();
        directory.write("ssh-a", "one").unwrap();
        let path = directory.write("ssh-a", "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_not_used_for_a_day_is_pruned() {
        let there = temporary();
        let directory = RuntimeDirectory::open(None, there.path()).unwrap();
        let path = directory.write("ssh-a", "one").unwrap();
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        directory.prune(written + STALE);
        assert!(path.exists());
        directory.prune(written + STALE + Duration::from_secs(1));
        assert!(!path.exists());
    }
}
