//! A git repository in a temporary directory, and the program run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use git2::{IndexAddOption, Oid, Repository, RepositoryInitOptions, Signature, Time};
use tempfile::TempDir;

pub struct Repo {
    pub git: Repository,
    root: PathBuf,
    _dir: TempDir,
}

/// What the program did.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Everything in one text, for snapshots.
    pub fn text(&self) -> String {
        let mut text = self.stdout.clone();
        for line in self.stderr.lines() {
            text += &format!("stderr: {line}\n");
        }
        text + &format!("exit code: {}\n", self.code)
    }
}

impl Repo {
    /// `main` with one commit: `production`, three hosts and four services.
    pub fn new() -> Self {
        let repo = Self::empty();
        repo.write("clusters/production/cluster.toml", CLUSTER);
        repo.write("clusters/production/service-config.toml", SERVICE_CONFIG);
        for (name, text) in SERVICES {
            repo.write(&format!("clusters/production/services/{name}.toml"), text);
        }
        let template = include_str!("../../templates/container.service");
        repo.write("templates/container.service", template);
        repo.commit("first");
        repo
    }

    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let mut options = RepositoryInitOptions::new();
        let git = Repository::init_opts(&root, options.initial_head("main")).unwrap();
        Self {
            git,
            root,
            _dir: dir,
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    pub fn remove(&self, path: &str) {
        let path = self.root.join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    /// Replaces a text that is there.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from}");
        self.write(path, &text.replace(from, to));
    }

    /// Commits everything to the current branch. Same history, same id.
    pub fn commit(&self, message: &str) -> Oid {
        let head = self.git.head().and_then(|head| head.peel_to_commit());
        let parents: Vec<_> = head.iter().collect();
        let id = self.tree();
        let tree = self.git.find_tree(id).unwrap();
        let who = Signature::new("ada", "ada@example.com", &Time::new(1_700_000_000, 0)).unwrap();
        let commit = self
            .git
            .commit(Some("HEAD"), &who, &who, message, &tree, &parents);
        commit.unwrap()
    }

    fn tree(&self) -> Oid {
        let mut index = self.git.index().unwrap();
        index.add_all(["."], IndexAddOption::DEFAULT, None).unwrap();
        index.update_all(["."], None).unwrap();
        index.write().unwrap();
        index.write_tree().unwrap()
    }

    /// A branch at the current commit, checked out.
    pub fn branch(&self, name: &str) {
        let head = self.git.head().unwrap().peel_to_commit().unwrap();
        self.git.branch(name, &head, false).unwrap();
        self.git.set_head(&format!("refs/heads/{name}")).unwrap();
    }

    pub fn checkout(&self, name: &str) {
        self.git.set_head(&format!("refs/heads/{name}")).unwrap();
        let mut options = git2::build::CheckoutBuilder::new();
        self.git
            .checkout_head(Some(options.force().remove_untracked(true)))
            .unwrap();
    }

    pub fn run(&self, arguments: &str) -> Ran {
        self.run_in(".", arguments)
    }

    pub fn run_in(&self, directory: &str, arguments: &str) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_bayplan"))
            .args(arguments.split(' '))
            .current_dir(self.root.join(directory))
            .env("HOME", &self.root)
            .output()
            .unwrap();
        let text = |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(self.root.to_str().unwrap(), "/repo")
        };
        Ran {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

const CLUSTER: &str = r#"type = "production"

[hosts.docker01]
address = "10.0.0.226"
[hosts.docker02]
address = "10.0.0.144"
[hosts.docker03]
address = "10.0.0.101"

[place]
search  = ["docker01", "docker02"]
listing = "docker02"
calendar = "docker02"
cache   = "docker03"

[vars]
MONGODB_HOST_01 = "10.0.0.177"
MONGODB_URL     = "mongodb://{{ MONGODB_HOST_01 }}/prod"
UNUSED          = "one"
"#;

const SERVICE_CONFIG: &str = r#"[vars]
LOG_LEVEL = "info"
"#;

const SERVICES: [(&str, &str); 4] = [
    (
        "search",
        r#"image = "registry.example.com/search"
tag   = "1.4.2"
port  = 9000
needs = ["listing"]
vars  = ["MONGODB_URL", "LOG_LEVEL"]

[env]
JAVA_OPTS = "-Xmx512m"

[health]
http = "/health"
"#,
    ),
    (
        "listing",
        r#"image = "registry.example.com/listing"
tag   = "2.0.0"
port  = 9001
vars  = ["MONGODB_URL", "LOG_LEVEL"]
"#,
    ),
    (
        "calendar",
        r#"image = "registry.example.com/calendar"
tag   = "latest"
port  = 9002
vars  = ["LOG_LEVEL"]
restart = "manual"
"#,
    ),
    (
        "cache",
        r#"image = "registry.example.com/cache"
tag   = "7"
port  = 6379
volumes = ["cache:/data"]
stateful = true
"#,
    ),
];
