//! The files of a cluster on this machine, below `$XDG_STATE_HOME/bayplan/local/NAME`, for their owner alone:
//!
//! | path | what |
//! | --- | --- |
//! | `cluster.json` | which description it is of, and which ports it has |
//! | `key` | what digests of secrets are made with |
//! | `secrets/NAME` | a value that was made up once |
//! | `inputs/SERVICE/DIGEST/` | files of a container: such a directory never changes |
//! | `inputs/SERVICE/DIGEST.json` | its inputs, for reasons |
//! | `live/SERVICE/…/` | files that a service reads again, as on hosts |
//! | `jobs/SERVICE/DIGEST` | a job that succeeded |
//! | `lock` | held by whoever works on it |

#![expect(
    clippy::disallowed_methods,
    reason = "is where the files of a cluster on this machine are"
)]

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink,
};
use std::path::{Path, PathBuf};

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::kept::KeptInputs;
use super::name::LocalName;
use crate::cluster::digest::Digest;
use crate::cluster::model::Engine;
use crate::cluster::name::{ServiceName, VariableName};
use crate::cluster::secret::Plaintext;
use crate::render::bare::{BareContainer, BareFile};
use crate::render::inputs::Inputs;
use crate::render::literal;
use crate::render::secret_files;

/// What a cluster here is of. A file of another version counts as none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalRecord {
    version: u32,
    /// The root of its config repository.
    pub root: String,
    /// Its description.
    pub cluster: String,
    /// The program of the engine that runs it.
    pub engine: String,
    /// Whether secrets have the values of the description, and not such as were made up.
    pub decrypted: bool,
    /// Services that are not here: their hosts, as containers call them, and their port.
    #[serde(default)]
    pub elsewhere: BTreeMap<ServiceName, (Vec<String>, Option<u16>)>,
    /// Ports of this machine.
    #[serde(default)]
    pub(super) ports: BTreeMap<String, u16>,
}

const VERSION: u32 = 1;

impl LocalRecord {
    /// Of a repository and its cluster.
    #[must_use]
    pub fn new(root: &str, cluster: &str, engine: Engine) -> Self {
        Self {
            version: VERSION,
            root: root.to_owned(),
            cluster: cluster.to_owned(),
            engine: engine.program().to_owned(),
            decrypted: false,
            elsewhere: BTreeMap::new(),
            ports: BTreeMap::new(),
        }
    }
}

/// The files of one cluster here.
#[derive(Debug)]
pub struct LocalStore {
    directory: PathBuf,
    name: LocalName,
}

/// A cluster here is worked on; it ends with this.
#[derive(Debug)]
pub struct LocalLock(#[expect(dead_code, reason = "the lock is that it is open")] fs::File);

impl LocalStore {
    /// Of the cluster of this name.
    ///
    /// # Errors
    /// Nobody says where the user's files are.
    pub fn of(name: &LocalName) -> io::Result<Self> {
        let set = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
        let state = state.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "expected HOME or XDG_STATE_HOME to be a directory, found none",
            )
        })?;
        let directory = state.join("bayplan/local").join(name.as_str());
        // Engines take a comma there for the end of the path.
        if directory
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .any(|b| b",\"".contains(b))
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "expected a directory for files without `,` and `\"`, found {}: set XDG_STATE_HOME",
                    directory.display()
                ),
            ));
        }
        Ok(Self {
            directory,
            name: name.clone(),
        })
    }

    /// Whose files they are.
    #[must_use]
    pub fn name(&self) -> &LocalName {
        &self.name
    }

    /// Where values are that were made up.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.directory.join("secrets")
    }

    /// Waits until nobody else works on it. `tell` is called before it has to wait.
    ///
    /// # Errors
    /// The system's words.
    pub fn lock(&self, tell: impl FnOnce()) -> io::Result<LocalLock> {
        let mut tell = Some(tell);
        let path = self.directory.join("lock");
        loop {
            make(&self.directory)?;
            let mut options = fs::OpenOptions::new();
            let options = options.create(true).truncate(false).write(true).mode(0o600);
            let file = options.open(&path)?;
            if flock(file.file(), FlockOperation::NonBlockingLockExclusive).is_err() {
                if let Some(tell) = tell.take() {
                    tell();
                }
                flock(file.file(), FlockOperation::LockExclusive)?;
            }
            // Whoever had it may have removed all files, and somebody else made a new one.
            let (held, there) = (file.metadata()?, fs::metadata(&path).ok());
            if there.is_some_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())) {
                return Ok(LocalLock(file));
            }
        }
    }

    /// What it is of; `None` if there is no such cluster.
    #[must_use]
    pub fn record(&self) -> Option<LocalRecord> {
        let text = fs::read_to_string(self.directory.join("cluster.json")).ok()?;
        let record: LocalRecord = serde_json::from_str(&text).ok()?;
        (record.version == VERSION).then_some(record)
    }

    /// Keeps that.
    ///
    /// # Errors
    /// The system's words.
    pub fn set_record(&self, record: &LocalRecord) -> io::Result<()> {
        let text = serde_json::to_string_pretty(record).map_err(io::Error::other)?;
        self.write("cluster.json", text.as_bytes())
    }

    /// Keeps that nothing runs: another engine may have it the next time.
    ///
    /// # Errors
    /// The system's words.
    pub fn set_down(&self) -> io::Result<()> {
        match self.record() {
            None => Ok(()),
            Some(record) => self.set_record(&LocalRecord {
                engine: String::new(),
                ..record
            }),
        }
    }

    /// What digests of secrets are made with: made up once.
    ///
    /// # Errors
    /// The system's words.
    pub fn key(&self) -> io::Result<Plaintext> {
        self.made_up("key")
    }

    /// The value of a secret: made up once, and then what the file says, without a line break at its end.
    ///
    /// # Errors
    /// The system's words.
    pub fn secret(&self, name: &VariableName) -> io::Result<Plaintext> {
        self.made_up(&format!("secrets/{name}"))
    }

    fn made_up(&self, path: &str) -> io::Result<Plaintext> {
        let file = self.directory.join(path);
        match fs::read(&file) {
            Ok(bytes) => {
                let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                return Ok(Plaintext::new(text.to_vec()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut random = [0; 16];
        fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
        let value: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.write(path, value.as_bytes())?;
        Ok(Plaintext::new(value.into_bytes()))
    }

    /// Writes a file as a whole, for its owner alone.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.directory.join(path);
        let above = path.parent().unwrap_or(&self.directory);
        make(above)?;
        let new = path.with_extension("new");
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        fs::rename(&new, &path)
    }

    /// Where the live directories of a service are.
    #[must_use]
    pub fn live(&self, service: &ServiceName) -> PathBuf {
        self.directory.join("live").join(service.as_str())
    }

    fn inputs_of(&self, service: &ServiceName) -> PathBuf {
        self.directory.join("inputs").join(service.as_str())
    }

    /// Where the inputs directory of a container is, with all its files in it.
    ///
    /// # Errors
    /// The system's words.
    pub fn place(&self, service: &ServiceName, container: &BareContainer) -> io::Result<PathBuf> {
        let parent = self.inputs_of(service);
        let name = container.directory.as_str();
        let (place, kept) = (parent.join(name), parent.join(format!("{name}.json")));
        if kept.is_file() && place.is_dir() {
            return Ok(place);
        }
        make(&parent)?;
        let new = parent.join(format!(".{name}"));
        remove(&new)?;
        remove(&place)?;
        make(&new)?;
        for (path, file) in &container.files {
            write_file(&new, path, file)?;
        }
        fs::rename(&new, &place)?;
        let text = serde_json::to_vec(&KeptInputs::of(service, &container.inputs));
        let text = text.map_err(io::Error::other)?;
        self.write(&format!("inputs/{service}/{name}.json"), &text)?;
        Ok(place)
    }

    /// The inputs that a container started with, if they are known.
    #[must_use]
    pub fn kept(&self, service: &ServiceName, directory: &str) -> Option<Inputs> {
        let path = self.inputs_of(service).join(format!("{directory}.json"));
        let kept: KeptInputs = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        Some(kept.inputs())
    }

    /// Removes the inputs directories of a service but this one.
    ///
    /// # Errors
    /// The system's words.
    pub fn prune(&self, service: &ServiceName, keep: &str) -> io::Result<()> {
        for entry in listed(&self.inputs_of(service))? {
            let name = entry
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.split('.').next() != Some(keep) {
                remove(&entry)?;
            }
        }
        Ok(())
    }

    /// Puts the files of live directories in their places, all of one directory at once: what was there before, by directory,
    /// where that was something else.
    ///
    /// # Errors
    /// The system's words.
    pub fn place_live(
        &self,
        service: &ServiceName,
        container: &BareContainer,
    ) -> io::Result<Vec<(PathBuf, Option<PathBuf>)>> {
        let mut changed = Vec::new();
        for (name, files) in &container.live {
            let directory = self.live(service).join(name.as_str());
            make_open(&directory)?;
            let version = PathBuf::from(version(files));
            let link = directory.join("..data");
            let before = fs::read_link(&link).ok();
            if before.as_ref() == Some(&version) {
                continue;
            }
            let place = directory.join(&version);
            remove(&place)?;
            make_open(&place)?;
            for (path, file) in files {
                write_file(&place, path, file)?;
            }
            self.show_live(&directory, &version)?;
            changed.push((directory, before));
        }
        Ok(changed)
    }

    /// Makes a version of a live directory the one that is seen, and removes the others but the one before.
    ///
    /// # Errors
    /// The system's words.
    pub fn show_live(&self, directory: &Path, version: &Path) -> io::Result<()> {
        let link = directory.join("..data");
        let before = fs::read_link(&link).ok();
        let new = directory.join("..data.new");
        remove(&new)?;
        symlink(version, &new)?;
        fs::rename(&new, &link)?;
        let mut wanted = Vec::new();
        for entry in listed(&directory.join(version))? {
            wanted.extend(entry.file_name().map(ToOwned::to_owned));
        }
        for entry in listed(directory)? {
            let Some(name) = entry.file_name() else {
                continue;
            };
            let hidden = name.as_encoded_bytes().starts_with(b"..");
            let stays = match hidden {
                true => {
                    name == "..data"
                        || Path::new(name) == version
                        || before.as_deref() == Some(Path::new(name))
                }
                false => wanted.iter().any(|wanted| wanted == name),
            };
            if !stays {
                remove(&entry)?;
            }
        }
        for name in wanted {
            let link = directory.join(&name);
            if link.symlink_metadata().is_err() {
                symlink(Path::new("..data").join(&name), &link)?;
            }
        }
        Ok(())
    }

    fn job(&self, service: &ServiceName, key: &str) -> String {
        format!("jobs/{service}/{}", Digest::of(key))
    }

    /// Whether a job has succeeded for this key.
    #[must_use]
    pub fn is_done(&self, service: &ServiceName, key: &str) -> bool {
        self.directory.join(self.job(service, key)).is_file()
    }

    /// Keeps that it has.
    ///
    /// # Errors
    /// The system's words.
    pub fn set_done(&self, service: &ServiceName, key: &str) -> io::Result<()> {
        self.write(&self.job(service, key), key.as_bytes())
    }

    /// Removes all files, those of secrets among them.
    ///
    /// # Errors
    /// The system's words.
    pub fn clear(&self) -> io::Result<()> {
        remove(&self.directory)
    }
}

/// What a version of a live directory is called: after what it holds.
fn version(files: &BTreeMap<String, BareFile>) -> String {
    let parts = files.iter().map(|(path, file)| {
        let head = format!(
            "{path} {} {}:{}",
            file.mode, file.owner.user, file.owner.group
        );
        Digest::of_parts([head.as_bytes(), file.bytes.bytes()])
    });
    let parts: Vec<String> = parts.map(|digest| digest.as_str().to_owned()).collect();
    let digest = Digest::of(parts.join("\n"));
    format!("..{}", &digest.as_str()[..12])
}

/// Makes a directory for its owner alone, with those above it.
fn make(directory: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(directory);
    made.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", directory.display())))
}

/// Makes one that a container sees: any user may be in it. Those above keep others of this machine out.
fn make_open(directory: &Path) -> io::Result<()> {
    make(directory)?;
    fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))
}

fn write_file(below: &Path, path: &str, file: &BareFile) -> io::Result<()> {
    let place = below.join(path);
    let mut above: Vec<&Path> = place
        .ancestors()
        .skip(1)
        .take_while(|at| *at != below)
        .collect();
    above.reverse();
    for directory in above {
        make_open(directory)?;
    }
    let mut options = fs::OpenOptions::new();
    let mut new = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&place)?;
    new.write_all(file.bytes.bytes())?;
    let mut mode = file.mode.0;
    if rustix::process::geteuid().is_root() {
        chown(&place, Some(file.owner.user), Some(file.owner.group))?;
    } else if path != literal::FILE && path != secret_files::LITERAL {
        // Nobody here may give it to its owner, so all users of the container may do what that one may. Other users of
        // this machine do not get this far.
        mode |= (mode >> 6) & 0o7;
    }
    fs::set_permissions(&place, std::fs::Permissions::from_mode(mode))
}

fn listed(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// Removes whatever is there, if something is.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match path.symlink_metadata() {
        Err(_) => return Ok(()),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
