//! Commits files by the `git` of the user: its identity, signature and hooks are those of every other commit.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{GitError, Repository};
use crate::plan::guard::Signature;
use crate::trace;

/// How many files a message names.
const NAMED: usize = 3;

impl Repository {
    /// Whether a commit of these files has nothing else in it.
    ///
    /// # Errors
    /// There is no git repository, something is staged, or a file differs from the last commit.
    pub fn can_commit(&self, paths: &[String]) -> Result<(), GitError> {
        let root = self.root();
        answered(&git(
            root,
            &["rev-parse", "--verify", "--quiet", "HEAD"],
            &[],
            "",
        )?)
        .map_err(|_| {
            GitError::new(
                format!(
                    "expected a git repository with a commit around {}, found none",
                    root.display()
                ),
                "commit the description first, or leave `--commit` out",
            )
        })?;
        let staged = git(root, &["diff", "--cached", "--name-only", "-z"], &[], "")?;
        let staged = names(&answered(&staged)?);
        if !staged.is_empty() {
            return Err(GitError::new(
                format!("expected nothing staged, found {}", listed(&staged)),
                "commit it, or `git restore --staged .`, or leave `--commit` out",
            ));
        }
        let changed = git(
            root,
            &["status", "--porcelain", "-z", "--no-renames"],
            paths,
            "",
        )?;
        let changed: Vec<String> = names(&answered(&changed)?)
            .iter()
            .map(|line| line.get(3..).unwrap_or_default().to_owned())
            .collect();
        if !changed.is_empty() {
            return Err(GitError::new(
                format!(
                    "expected what is committed in {}, found changes",
                    listed(&changed)
                ),
                "commit them first, or leave `--commit` out",
            ));
        }
        Ok(())
    }

    /// Commits these files and nothing else; the commit's id.
    ///
    /// # Errors
    /// git refused, or a hook did: what it said.
    pub fn commit(&self, paths: &[String], message: &str) -> Result<String, GitError> {
        let root = self.root();
        let arguments = ["commit", "--quiet", "--only", "--file=-"];
        let done = git(root, &arguments, paths, message)?;
        answered(&done)?;
        let id = git(root, &["rev-parse", "HEAD"], &[], "")?;
        Ok(answered(&id)?.trim().to_owned())
    }
}

impl Repository {
    /// What `git verify-commit` says of a commit: by the keys and settings of the user (`gpg.format`,
    /// `gpg.ssh.allowedSignersFile`).
    #[must_use]
    pub fn signature(&self, commit: &str) -> Signature {
        match git(self.root(), &["verify-commit", commit], &[], "") {
            Err(error) => Signature::Unknown {
                why: error.in_one_line(),
            },
            Ok(output) if output.status.success() => Signature::Good,
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                // What is wrong stands last: before it gpg says when and with which key.
                let last = said.lines().rev().find(|line| !line.trim().is_empty());
                Signature::Refused {
                    commit: commit.chars().take(10).collect(),
                    why: last.unwrap_or_default().trim().to_owned(),
                }
            }
        }
    }
}

/// Runs git. Paths are no patterns.
fn git(root: &Path, arguments: &[&str], paths: &[String], stdin: &str) -> Result<Output, GitError> {
    let mut command = Command::new("git");
    command
        .arg("--literal-pathspecs")
        .arg("-C")
        .arg(root)
        .args(arguments);
    if !paths.is_empty() {
        command.arg("--").args(paths);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    trace::starts(&command);
    let failed = |why: std::io::Error| GitError {
        message: format!("`git {}` cannot be run: {why}", arguments[0]),
        help: Some("install git, or leave `--commit` out".to_owned()),
    };
    let mut child = command.spawn().map_err(failed)?;
    let mut pipe = child.stdin.take().expect("it is piped");
    // What does not read its input says why by itself.
    let _ = pipe.write_all(stdin.as_bytes());
    drop(pipe);
    child.wait_with_output().map_err(failed)
}

/// What git printed, or what it said instead.
fn answered(output: &Output) -> Result<String, GitError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    // A hook may print either way.
    let said = text(&output.stderr) + &text(&output.stdout);
    let said = said.trim_end();
    let said = if said.is_empty() {
        "it said nothing"
    } else {
        said
    };
    Err(GitError {
        message: format!("git refused ({}):\n{said}", output.status),
        help: None,
    })
}

/// What stands between NUL bytes.
fn names(text: &str) -> Vec<String> {
    let names = text.split('\0').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = names.len() - shown.len();
    let shown = shown.join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
