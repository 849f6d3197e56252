//! Reads the files of a description by git's rules, from the checkout and from a commit alike. A
//! description may come from anybody who can write a branch, and bayplan shows what it reads. So a link must lead
//! to another file of the same repository, and nothing but files is read.
//!
//! A hard link cannot be told from a file. Git makes none.

use crate::cluster::diagnostic::quoted;
use crate::cluster::{Sources, Unfit};

use super::Which;

/// Links that lead to links are followed this far, as Linux does.
const LINKS: usize = 40;

/// The largest file that is read: a secret of a few MiB has room.
const FILE_MAX: u64 = 16 << 20;

/// How many files and directories are read below one directory of `services`.
const BELOW_MAX: usize = 2000;

/// How deep directories are below that of a service.
const DEPTH_MAX: usize = 8;

/// All files together.
const ALL_MAX: u64 = 256 << 20;

/// Where files are read from.
pub(super) trait Tree {
    /// A directory, open.
    type Directory;
    /// A file, found and not read yet.
    type File;

    /// The root of the repository. No path leads out of it.
    fn root(&self) -> Result<Self::Directory, Unfit>;

    /// What is in a directory. A name that is not UTF-8 gets replacement characters.
    fn names(&self, directory: &Self::Directory) -> Result<Vec<String>, Unfit>;

    /// What stands under a name, if anything; links are not followed.
    fn look(&self, directory: &Self::Directory, name: &str) -> Result<Option<NodeOf<Self>>, Unfit>;

    /// A file's bytes, if they are not more than that.
    fn read(&self, file: &Self::File, limit: u64) -> Result<Vec<u8>, Unfit>;

    /// Whether git has a file at this path, so that a link may lead to it.
    fn tracks(&self, path: &str) -> bool;
}

/// What stands under a name.
pub(super) enum Node<Directory, File> {
    Directory(Directory),
    File(File),
    /// With what it leads to.
    Link(String),
    /// A fifo, a device, a submodule, with its article.
    Other(&'static str),
}

type NodeOf<T> = Node<<T as Tree>::Directory, <T as Tree>::File>;

/// What is at the end of a path.
enum Found<T: Tree + ?Sized> {
    Directory(T::Directory),
    File(T::File),
}

/// Why nothing can be read below a path of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfitDirectory {
    /// The path in the config repository.
    pub path: String,
    /// What is wrong with it.
    pub why: Unfit,
}

/// Reads what a description consists of. `below` is the config repository's directory within the
/// git repository. A file that is not fit to be read is known as such; a directory is an error.
pub(super) fn sources<T: Tree>(
    tree: &T,
    below: &[String],
    which: Which<'_>,
) -> Result<Sources, UnfitDirectory> {
    let mut reading = Reading {
        tree,
        below,
        left: ALL_MAX,
        sources: Sources::new(),
    };
    let clusters = reading.names("clusters")?;
    let mut wanted = Vec::new();
    for name in clusters {
        match reading.find(&format!("clusters/{name}")) {
            // Which of its files it lacks is told when it is read.
            Ok(Some(Found::Directory(_))) | Err(_) => wanted.push(name),
            Ok(Some(Found::File(_)) | None) => {}
        }
    }
    reading.files("templates", |_| true)?;
    for name in wanted {
        if which == Which::All || which == Which::One(&name) {
            let toml = |name: &str| name.ends_with(".toml");
            reading.files(&format!("clusters/{name}"), toml)?;
            let services = format!("clusters/{name}/services");
            reading.files(&services, toml)?;
            for name in reading.names(&services)? {
                // That of a service, or one that services share.
                if !name.ends_with(".toml") {
                    let mut most = BELOW_MAX;
                    reading.everything(&format!("{services}/{name}"), DEPTH_MAX, &mut most);
                }
            }
        }
        reading.sources.insert_cluster(name);
    }
    Ok(reading.sources)
}

/// What is in a directory.
pub(super) fn names<T: Tree>(
    tree: &T,
    below: &[String],
    directory: &str,
) -> Result<Vec<String>, UnfitDirectory> {
    let reading = Reading {
        tree,
        below,
        left: 0,
        sources: Sources::new(),
    };
    reading.names(directory)
}

struct Reading<'a, T> {
    tree: &'a T,
    below: &'a [String],
    /// How many bytes may still be read.
    left: u64,
    sources: Sources,
}

impl<T: Tree> Reading<'_, T> {
    fn find(&self, path: &str) -> Result<Option<Found<T>>, Unfit> {
        let below = self.below.iter().map(String::as_str);
        walk(self.tree, below.chain(path.split('/')))
    }

    /// What is in a directory, sorted, without hidden files: editors and git keep theirs there.
    /// Nothing if there is no such directory.
    fn names(&self, path: &str) -> Result<Vec<String>, UnfitDirectory> {
        let names = match self.find(path) {
            Ok(Some(Found::Directory(directory))) => self.tree.names(&directory),
            Ok(Some(Found::File(_)) | None) => Ok(Vec::new()),
            Err(why) => Err(why),
        };
        let mut names = names.map_err(|why| UnfitDirectory {
            path: path.to_owned(),
            why,
        })?;
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        Ok(names)
    }

    /// Reads the files directly in a directory.
    fn files(
        &mut self,
        directory: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), UnfitDirectory> {
        for name in self.names(directory)? {
            if !wanted(&name) {
                continue;
            }
            let path = format!("{directory}/{name}");
            match self.read(&path) {
                Ok(bytes) => self.sources.insert(path, bytes),
                Err(why) => self.sources.insert_unfit(path, why),
            }
        }
        Ok(())
    }

    /// Reads the files of a directory and below it, byte for byte, `most` at most: what containers may get. What cannot
    /// be read is told where the description needs it.
    fn everything(&mut self, directory: &str, depth: usize, most: &mut usize) {
        let names = match self.find(directory) {
            Ok(Some(Found::Directory(found))) => self.tree.names(&found),
            Ok(Some(Found::File(_)) | None) => return,
            Err(why) => Err(why),
        };
        let mut names = match names {
            Ok(names) => names,
            Err(why) => return self.sources.insert_unfit(directory, why),
        };
        names.sort();
        for name in names {
            let path = format!("{directory}/{name}");
            if *most == 0 {
                let many = Unfit::new(format!(
                    "expected at most {BELOW_MAX} files and directories below the directory of a service, found more"
                ))
                .with_help(
                    "put many files into the image, or on a volume; what no service names belongs into another directory",
                );
                return self.sources.insert_unfit(directory, many);
            }
            *most -= 1;
            match self.find(&path) {
                // Tools keep their own things in hidden ones.
                Ok(Some(Found::Directory(_))) if name.starts_with('.') => {}
                Ok(Some(Found::Directory(_))) if depth == 0 => {
                    let deep =
                        format!("expected directories at most {DEPTH_MAX} deep, found another one");
                    let deep = Unfit::new(deep).with_help("move it up, or put it into the image");
                    self.sources.insert_unfit(path, deep);
                }
                Ok(Some(Found::Directory(_))) => self.everything(&path, depth - 1, most),
                Ok(Some(Found::File(_)) | None) | Err(_) => match self.read(&path) {
                    Ok(bytes) => self.sources.insert_exact(path, bytes),
                    Err(why) => self.sources.insert_unfit(path, why),
                },
            }
        }
    }

    fn read(&mut self, path: &str) -> Result<Vec<u8>, Unfit> {
        let bytes = match self.find(path)? {
            Some(Found::File(file)) => self.tree.read(&file, FILE_MAX.min(self.left))?,
            Some(Found::Directory(_)) => return Err(kind("a directory")),
            None => return Err(unreadable("it is gone, or its name is not UTF-8")),
        };
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Ok(bytes)
    }
}

/// What is at a path. The trail of open directories takes the place of the path: what is swapped
/// for a link meanwhile is not followed.
fn walk<'a, T: Tree>(
    tree: &T,
    path: impl DoubleEndedIterator<Item = &'a str>,
) -> Result<Option<Found<T>>, Unfit> {
    let mut left: Vec<String> = path.rev().map(str::to_owned).collect();
    let mut trail = vec![(String::new(), tree.root()?)];
    let mut links: Vec<String> = Vec::new();
    while let Some(part) = left.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                if trail.len() == 1 {
                    return Err(leaves(links.first()));
                }
                trail.pop();
                continue;
            }
            _ => {}
        }
        if let Some(link) = links.first()
            && part.eq_ignore_ascii_case(".git")
        {
            return Err(into_git(link));
        }
        let (_, here) = trail.last().expect("the trail begins at the root");
        match tree.look(here, &part)? {
            None => return links.first().map_or(Ok(None), |link| Err(dangling(link))),
            Some(Node::Directory(directory)) => trail.push((part, directory)),
            Some(Node::Link(target)) => {
                if target.starts_with('/') {
                    return Err(leaves(links.first().or(Some(&target))));
                }
                left.extend(target.split('/').rev().map(str::to_owned));
                links.push(target);
                if links.len() > LINKS {
                    return Err(circle());
                }
            }
            Some(Node::File(file)) if left.is_empty() => {
                let names = trail.iter().skip(1).map(|(name, _)| name.as_str());
                let names: Vec<&str> = names.chain([part.as_str()]).collect();
                let path = names.join("/");
                if !links.is_empty() && !tree.tracks(&path) {
                    return Err(untracked(&path));
                }
                return Ok(Some(Found::File(file)));
            }
            Some(Node::File(_)) => return Err(no_directory("a file")),
            Some(Node::Other(found)) if left.is_empty() => return Err(kind(found)),
            Some(Node::Other(found)) => return Err(no_directory(found)),
        }
    }
    let (_, directory) = trail.pop().expect("the trail begins at the root");
    Ok(Some(Found::Directory(directory)))
}

const RELATIVE: &str =
    "put the file itself there, or a relative link to another file of the repository";

fn leaves(link: Option<&String>) -> Unfit {
    let to = link.map_or_else(String::new, |link| format!(" to {}", quoted(link)));
    Unfit::new(format!(
        "expected a file of this repository, found a link out of it{to}"
    ))
    .with_help(RELATIVE)
}

fn into_git(link: &str) -> Unfit {
    Unfit::new(format!(
        "expected a file of this repository, found a link into its `.git`, to {}",
        quoted(link)
    ))
    .with_help(RELATIVE)
}

fn untracked(path: &str) -> Unfit {
    Unfit::new(format!(
        "expected a file of this repository, found a link to {}, which git does not track",
        quoted(path)
    ))
    .with_help(format!(
        "`git add {path}`, if it belongs to the description"
    ))
}

fn dangling(link: &str) -> Unfit {
    Unfit::new(format!(
        "expected a file, found a link to nothing, to {}",
        quoted(link)
    ))
    .with_help(RELATIVE)
}

fn circle() -> Unfit {
    Unfit::new("expected a file, found links that lead in a circle").with_help(RELATIVE)
}

fn kind(found: &str) -> Unfit {
    Unfit::new(format!("expected a file, found {found}"))
}

fn no_directory(found: &str) -> Unfit {
    Unfit::new(format!("expected a directory, found {found}"))
}

/// That a file is larger than `limit`, which is what one file may have or what is left for all.
pub(super) fn too_large(limit: u64) -> Unfit {
    Unfit::new(match limit {
        FILE_MAX => format!(
            "expected a file of at most {} MiB, found a larger one",
            FILE_MAX >> 20
        ),
        _ => format!(
            "expected at most {} MiB in all files of the description, found more",
            ALL_MAX >> 20
        ),
    })
}

/// That a file cannot be read.
pub(super) fn unreadable(why: &str) -> Unfit {
    Unfit::new(format!("the file cannot be read: {why}"))
}
