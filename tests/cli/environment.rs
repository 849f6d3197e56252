//! A home, a config repository and the real binary, with nothing of the machine but its programs.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A directory with `repository/` (where commands run), `home/`, `run/` and `bin/` (first in PATH).
pub struct TestEnvironment {
    _directory: TempDir,
    root: PathBuf,
}

/// A cluster of two directory hosts: `web` on both, `api` and the stateful `db` on the second.
const SHOP: &[(&str, &str)] = &[
    (
        "cluster.toml",
        r#"type = "test"

[hosts.alpha]
directory = "hosts/alpha"
[hosts.beta]
directory = "hosts/beta"

[place]
web = ["alpha", "beta"]
api = "beta"
db  = "beta"

[vars]
TITLE  = "Shop"
DB_URL = "postgres://{{ DB_HOST }}:{{ DB_PORT }}/shop"
"#,
    ),
    (
        "service-config.toml",
        "[vars]\nLOG_LEVEL = \"info\"\nLOG_FORMAT = \"json\"\n",
    ),
    (
        "services/web.toml",
        r#"image = "registry.example.com/web"
tag   = "1.4.2"
port  = 8080
needs = ["api"]
vars  = ["TITLE", "LOG_LEVEL"]
"#,
    ),
    (
        "services/api.toml",
        r#"image = "registry.example.com/api"
tag   = "2.0.0"
port  = 9000
needs = ["db"]
vars  = ["DB_URL", "LOG_*"]

[env]
WORKERS = 4
"#,
    ),
    (
        "services/db.toml",
        r#"image    = "registry.example.com/db"
tag      = "17.1"
port     = 5432
stateful = true
"#,
    ),
];

impl TestEnvironment {
    /// An empty directory to work in; no config repository yet.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("bayplan-cli.")
            .tempdir()
            .unwrap();
        let root = directory.path().canonicalize().unwrap();
        for name in ["repository", "home", "run", "bin"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        // Sockets and configurations go there: nobody else may look.
        fs::set_permissions(root.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
        Self {
            _directory: directory,
            root,
        }
    }

    /// With the cluster `shop`.
    pub fn shop() -> Self {
        let environment = Self::new();
        for (path, text) in SHOP {
            environment.write(&format!("clusters/shop/{path}"), text);
        }
        environment
    }

    /// With the cluster `shop`, released once.
    pub fn released() -> Self {
        let environment = Self::shop();
        environment.bayplan("release shop --yes").succeeds();
        environment
    }

    /// With a copy of the clusters of this checkout.
    pub fn examples() -> Self {
        let environment = Self::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("clusters");
        copy(&from, &environment.path("clusters"));
        environment
    }

    /// A path below the config repository.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join("repository").join(path)
    }

    /// A path beside the config repository: below `home/`, `run/` or `bin/`.
    pub fn beside(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Writes a file, and the directories to it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Replaces a text that is there exactly once.
    #[track_caller]
    pub fn edit(&self, path: &str, before: &str, after: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(before).count(), 1, "{before} in {path}");
        self.write(path, text.replace(before, after));
    }

    /// Puts a program first in the PATH.
    pub fn program(&self, name: &str, script: &str) {
        let path = self.beside("bin").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Commits all that is there, in a git repository that is made for it if there is none.
    pub fn commit(&self, message: &str) {
        let git = git2::Repository::init(self.path("")).unwrap();
        let mut index = git.index().unwrap();
        let all = git2::IndexAddOption::DEFAULT;
        index.add_all(["."], all, None).unwrap();
        index.write().unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let who = git2::Signature::now("ada", "ada@example.com").unwrap();
        let head = git.head().and_then(|head| head.peel_to_commit());
        let parents: Vec<_> = head.iter().collect();
        git.commit(Some("HEAD"), &who, &who, message, &tree, &parents)
            .unwrap();
    }

    /// Answers for every registry that it has whatever it is asked for.
    pub fn registries_have_all(&self) {
        self.program(
            "curl",
            "#!/bin/sh\n\
             case $(cat) in\n\
             *tags/list*) printf 'HTTP/1.1 200 OK\\r\\n\\r\\n{\"tags\": [\"1\", \"2\", \"3\"]}' ;;\n\
             *) printf 'HTTP/1.1 200 OK\\r\\nDocker-Content-Digest: sha256:%064d\\r\\n\\r\\n' 0 ;;\n\
             esac\n",
        );
    }

    /// The inputs directory of a service on a host; there must be one only.
    #[track_caller]
    pub fn inputs(&self, host: &str, service: &str) -> String {
        let directory = format!("hosts/{host}/etc/bayplan/shop/{service}");
        let names: Vec<_> = fs::read_dir(self.path(&directory))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names.len(), 1, "{names:?}");
        format!("{directory}/{}", names[0])
    }

    /// Everything below a directory of the repository, by its path there.
    pub fn tree(&self, directory: &str) -> BTreeMap<String, Entry> {
        let mut tree = BTreeMap::new();
        walk(&self.path(directory), "", &mut tree);
        tree
    }

    /// The binary, in the repository, with this environment only.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bayplan"));
        let mut path = self.beside("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        command
            .current_dir(self.path(""))
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.beside("home"))
            .env("XDG_RUNTIME_DIR", self.beside("run"))
            .env("USER", "ada")
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary with these words.
    pub fn bayplan(&self, words: &str) -> Output {
        self.run(self.command().args(words.split_whitespace()))
    }

    /// Runs a command, as [`Self::command`] makes one.
    pub fn run(&self, command: &mut Command) -> Output {
        self.output(&command.output().unwrap())
    }

    /// What a command said, with what differs from run to run replaced.
    pub fn output(&self, output: &std::process::Output) -> Output {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            inputs_unnamed(&text.replace(self.root.to_str().unwrap(), "$ROOT"))
        };
        Output {
            stdout: text(&output.stdout),
            stderr: progress_in_order(&text(&output.stderr)),
            code: output.status.code(),
        }
    }
}

/// What a command came to. Displayed as a person would see it, for snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    /// `None` if a signal ended it.
    pub code: Option<i32>,
}

impl Output {
    /// Checks the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stdout)?;
        if !self.stderr.is_empty() {
            write!(f, "------- stderr -------\n{}", self.stderr)?;
        }
        match self.code {
            Some(0) => Ok(()),
            Some(code) => writeln!(f, "[exit code: {code}]"),
            None => writeln!(f, "[ended by a signal]"),
        }
    }
}

/// Hosts work at the same time: their lines are put in the order of the hosts, without times.
fn progress_in_order(text: &str) -> String {
    let host = |line: &str| {
        ["alpha: ", "beta: "]
            .into_iter()
            .find(|host| line.starts_with(host))
    };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for run in lines.chunk_by_mut(|a, b| host(a).is_some() && host(b).is_some()) {
        run.sort_by_key(|line| host(line));
    }
    for line in &mut lines {
        if let Some((before, _)) = line.split_once(": done in ") {
            *line = format!("{before}: done in [TIME]\n");
        }
        if let Some((before, _)) = line.split_once(": staged ") {
            *line = format!("{before}: staged [SIZE]\n");
        }
    }
    lines.concat()
}

/// Inputs directories are named after a fingerprint, which another template changes.
fn inputs_unnamed(text: &str) -> String {
    let parts = text.split('/').map(|part| {
        let hexadecimal = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
        if part.len() == 12 && part.as_bytes().iter().all(hexadecimal) {
            "[INPUTS]"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    File(Vec<u8>),
    Link(PathBuf),
    Directory,
}

fn walk(directory: &Path, prefix: &str, tree: &mut BTreeMap<String, Entry>) {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => panic!("{}: {error}", directory.display()),
    };
    for entry in entries {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        let kind = entry.file_type().unwrap();
        let found = if kind.is_symlink() {
            Entry::Link(fs::read_link(entry.path()).unwrap())
        } else if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), tree);
            Entry::Directory
        } else {
            Entry::File(fs::read(entry.path()).unwrap())
        };
        tree.insert(path, found);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
