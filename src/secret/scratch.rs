//! A file for an editor: in memory (a tmpfs), for nobody else to read, and gone in every case.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fs_err as fs;

use crate::cluster::secret::Plaintext;

/// Where a tmpfs usually is.
const PLACES: [&str; 1] = ["/dev/shm"];

/// A directory of one file. It is removed with this value. If this process is killed, even by SIGKILL, a second
/// process that waits for its end removes it.
#[derive(Debug)]
pub struct Scratch {
    directory: PathBuf,
    file: PathBuf,
    guard: Child,
}

impl Scratch {
    /// Makes the file.
    ///
    /// # Errors
    /// There is no tmpfs to write to: secrets are never written to a disk.
    pub fn new(name: &str, text: &Plaintext) -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let places = PLACES.iter().map(PathBuf::from).chain(runtime);
        let place = places
            .filter_map(|place| place.canonicalize().ok())
            .find(|place| in_memory(&mounts, place))
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    "expected a tmpfs at /dev/shm or XDG_RUNTIME_DIR, found none: secrets are not written to a disk",
                )
            })?;
        let mut random = [0; 8];
        io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut random)?;
        let directory = place.join(format!("bayplan-{:016x}", u64::from_be_bytes(random)));
        std::fs::DirBuilder::new().mode(0o700).create(&directory)?;
        let file = directory.join(name);
        let guard = match guard(&directory) {
            Ok(guard) => guard,
            Err(error) => {
                let _ = fs::remove_dir_all(&directory);
                return Err(error);
            }
        };
        let scratch = Self {
            directory,
            file,
            guard,
        };
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&scratch.file)?
            .write_all(text.bytes())?;
        Ok(scratch)
    }

    /// Runs an editor, a command line for `sh`, on the file; the text afterwards.
    ///
    /// # Errors
    /// The editor failed, or the file is gone.
    pub fn edit(&self, editor: &str) -> io::Result<Plaintext> {
        let status = Command::new("sh")
            .arg("-c")
            .arg(format!("{editor} \"$1\""))
            .arg("sh")
            .arg(&self.file)
            .status()?;
        if !status.success() {
            return Err(io::Error::other(format!("`{editor}` ended with {status}")));
        }
        Ok(Plaintext::new(fs::read(&self.file)?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// A process that removes the directory when the other end of its input is closed, in whatever way.
/// In a group of its own: a Ctrl-C on the terminal is not for it.
fn guard(directory: &Path) -> io::Result<Child> {
    Command::new("sh")
        .arg("-c")
        .arg("trap '' HUP INT QUIT TERM; read -r _; rm -rf -- \"$1\"")
        .arg("sh")
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// Whether a path is on a file system in memory, by the lines of `/proc/mounts` (`fstab(5)`): the
/// longest mount point above it decides.
fn in_memory(mounts: &str, path: &Path) -> bool {
    let mount = |line: &str| {
        let mut fields = line.split(' ');
        let (_, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
        path.starts_with(point)
            .then(|| (point.len(), kind == "tmpfs" || kind == "ramfs"))
    };
    let longest = mounts.lines().filter_map(mount).max();
    longest.is_some_and(|(_, memory)| memory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_longest_mount_point_decides() {
        let mounts = "a / ext4 rw 0 0\nb /dev tmpfs rw 0 0\nc /dev/shm ext4 rw 0 0\n";
        assert!(in_memory(mounts, Path::new("/dev")));
        assert!(!in_memory(mounts, Path::new("/dev/shm")));
        assert!(!in_memory(mounts, Path::new("/home")));
    }

    #[test]
    fn an_editor_sees_a_private_file_that_is_gone_afterwards() {
        let Ok(scratch) = Scratch::new("secrets.toml", &Plaintext::new(b"old\n".to_vec())) else {
            return; // a machine without a tmpfs
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&scratch.directory), mode(&scratch.file)),
            (0o700, 0o600)
        );
        let text = scratch.edit("echo new >>").unwrap();
        assert_eq!(text.bytes(), b"old\nnew\n");
        assert!(scratch.edit("false").is_err());
        let directory = scratch.directory.clone();
        drop(scratch);
        assert!(!directory.exists());
    }
}
