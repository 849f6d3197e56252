//! Files of the config repository in an inputs directory (`[files]`).
//!
//! | file | what |
//! | --- | --- |
//! | `files/PATH` | what the container has at `/PATH`; an empty file where a secret one is mounted over it |
//! | `secret-files/by-path/PATH` | the same, with secrets in it: made on the host |
//! | `files.modes` | permissions and owner of each of them |
//!
//! What the host does not have as it should be counts as another file: a look compares permissions and owners with
//! `files.modes`, as it compares contents with their digests.

use std::collections::BTreeMap;

use super::secret_files;
use crate::cluster::model::{ConfigFile, ConfigFiles, Content, FileMode, Service};
use crate::cluster::name::HostName;
use crate::cluster::secret::Secret;

/// The directory of files that are no secrets.
pub const FILES: &str = "files";
/// The list of permissions and owners.
pub const MODES: &str = "files.modes";

/// Where a file is below the inputs directory, from its path in the container.
fn plain_path(target: &str) -> String {
    format!("{FILES}{target}")
}

/// Where a file with secrets in it is below the inputs directory.
fn secret_path(target: &str) -> String {
    format!("{}{target}", secret_files::BY_PATH)
}

/// The path in the container, from one below the inputs directory.
#[must_use]
pub fn target(path: &str) -> Option<&str> {
    let plain = path.strip_prefix(FILES);
    let rest = plain.or_else(|| path.strip_prefix(secret_files::BY_PATH))?;
    rest.starts_with('/').then_some(rest)
}

/// The other place of the same file, where it would be if it had secrets in it, or had none.
#[must_use]
pub fn counterpart(path: &str) -> Option<String> {
    let target = target(path)?;
    Some(match path.starts_with(secret_files::BY_PATH) {
        true => plain_path(target),
        false => secret_path(target),
    })
}

/// The files of a service that are no secrets, on one host, by path below the inputs directory: what containers get, and the
/// list of their permissions.
pub(super) fn plain(service: &Service, host: Option<&HostName>) -> BTreeMap<String, Vec<u8>> {
    let ConfigFiles {
        mounts,
        files,
        live: _,
    } = &service.files;
    let mut made = BTreeMap::new();
    let mut modes = String::new();
    for (target, file) in files {
        let path = match file.contents.on(host) {
            None => continue,
            Some(Content::Plain(bytes)) => {
                let path = plain_path(target);
                made.insert(path.clone(), bytes.to_vec());
                path
            }
            Some(Content::Secret(_)) => secret_path(target),
        };
        modes += &mode_line(file, &path);
    }
    // Nothing can be mounted into a read-only directory but over what is there.
    let secret = files
        .iter()
        .filter(|(_, file)| matches!(file.contents.on(host), Some(Content::Secret(_))));
    let secret = secret
        .map(|(target, _)| target)
        .chain(service.secret_files.keys());
    for target in secret {
        let is_below = |mount: &String| {
            let rest = target.strip_prefix(mount.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        if mounts.iter().any(is_below) {
            made.insert(plain_path(target), Vec::new());
        }
    }
    if !modes.is_empty() {
        made.insert(MODES.to_owned(), modes.into_bytes());
    }
    made
}

/// A file's line in a list of permissions.
pub(super) fn mode_line(file: &ConfigFile, path: &str) -> String {
    let ConfigFile { mode, owner, .. } = file;
    format!("{mode} {}:{} {path}\n", owner.user, owner.group)
}

/// The files of a service that have secrets in them, on one host, by path below the inputs directory.
pub(super) fn secrets(
    service: &Service,
    host: Option<&HostName>,
) -> BTreeMap<String, (FileMode, Secret)> {
    let files = service.files.files.iter();
    let secret = files.filter_map(|(target, file)| match file.contents.on(host)? {
        Content::Plain(_) => None,
        Content::Secret(secret) => Some((secret_path(target), (file.mode, secret.clone()))),
    });
    secret.collect()
}

/// What is mounted of them: the path below the inputs directory, and the path in the container. Directories come before
/// what is mounted into them.
pub(super) fn mounts(service: &Service, host: Option<&HostName>) -> Vec<(String, String)> {
    let ConfigFiles {
        mounts,
        files,
        live: _,
    } = &service.files;
    let content = |target: &str| files.get(target)?.contents.on(host);
    let plain = mounts
        .iter()
        .filter(|mount| !matches!(content(mount), Some(Content::Secret(_))));
    let plain = plain.map(|mount| (plain_path(mount), mount.clone()));
    let secret = files
        .keys()
        .filter(|target| matches!(content(target), Some(Content::Secret(_))));
    let secret = secret.map(|target| (secret_path(target), target.clone()));
    plain.chain(secret).collect()
}

/// What the list of permissions says: `0644 0:0` by path below the inputs directory. Any text is fine.
pub(super) fn modes(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.splitn(3, ' ');
        let (mode, owner, path) = (words.next()?, words.next()?, words.next()?);
        Some((path.to_owned(), format!("{mode} {owner}")))
    });
    lines.collect()
}
