//! Which files an entry of `[files]` names.

use super::FileEntry;
use crate::cluster::diagnostic::{Diagnostic, quoted};
use crate::cluster::load::unfit;
use crate::cluster::nearest;
use crate::cluster::read::Problems;
use crate::cluster::shape::container::is_path_part;
use crate::cluster::sources::Sources;

/// A file that a container gets.
pub(super) struct ConfigSource<'a> {
    /// The path in the container.
    pub target: String,
    /// The path in the config repository.
    pub source: String,
    pub bytes: &'a [u8],
}

/// What an entry names.
pub(super) enum Expanded<'a> {
    File(ConfigSource<'a>),
    /// A directory with its files, hidden ones excepted.
    Directory(Vec<ConfigSource<'a>>),
}

/// The files of an entry; `None` if there is a problem, which is told.
pub(super) fn expand<'a>(
    entry: &FileEntry,
    sources: &'a Sources,
    problems: &mut Problems,
) -> Option<Expanded<'a>> {
    let from = &entry.from.value;
    // A directory above may be the one that cannot be read.
    let above = from.match_indices('/').map(|(end, _)| &from[..end]);
    let paths: Vec<&str> = above.chain([from.as_str()]).collect();
    if let Some(path) = paths.into_iter().find(|path| sources.unfit(path).is_some()) {
        let why = sources.unfit(path).expect("it was just found");
        problems.push(unfit(path, why).with_related(entry.from.spot.label("named here")));
        return None;
    }
    let directory = format!("{from}/");
    let mut unread = sources.unfit_below(&directory).peekable();
    let is_directory = unread.peek().is_some() || sources.below(&directory).next().is_some();
    if let Some(bytes) = sources.get(from) {
        if entry.slash {
            problems.push(
                Diagnostic::error(
                    format!("expected a directory, found the file {}", quoted(from)),
                    entry.from.spot.label(""),
                )
                .with_help("write it without the slash at the end"),
            );
            return None;
        }
        return Some(Expanded::File(ConfigSource {
            target: entry.target.value.clone(),
            source: from.clone(),
            bytes,
        }));
    }
    if !is_directory {
        problems.push(absent(entry, sources));
        return None;
    }
    let mut whole = true;
    for (name, why) in unread.filter(|(name, _)| !is_hidden(name)) {
        let path = format!("{directory}{name}");
        problems.push(unfit(&path, why).with_related(entry.from.spot.label("named here")));
        whole = false;
    }
    let mut named = Vec::new();
    let files = sources.below(&directory);
    for (name, _) in files.filter(|(name, _)| !is_hidden(name)) {
        let source = format!("{directory}{name}");
        let Some(bytes) = sources.get(&source) else {
            continue;
        };
        if !name.split('/').all(is_path_part) {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected names of letters, digits and `._-+@`, found {}",
                        quoted(name)
                    ),
                    entry.from.spot.label("a file of this directory"),
                )
                .with_help("rename the file"),
            );
            whole = false;
        }
        named.push(ConfigSource {
            target: format!("{}/{name}", entry.target.value),
            source,
            bytes,
        });
    }
    if whole && named.is_empty() {
        let title = format!("expected files in {}, found none", quoted(&directory));
        let place = entry.from.spot.label("an empty directory");
        problems.push(Diagnostic::error(title, place).with_help("hidden files do not count"));
        return None;
    }
    whole.then_some(Expanded::Directory(named))
}

fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

fn absent(entry: &FileEntry, sources: &Sources) -> Diagnostic {
    let from = &entry.from.value;
    let parent = from.rsplit_once('/').map_or("", |(parent, _)| parent);
    let beside = format!("{parent}/");
    let name = &from[beside.len()..];
    let known = sources.below(&beside).map(|(path, _)| path);
    let known = known.filter_map(|path| path.split('/').next());
    let help = nearest::help(name, known).unwrap_or_else(|| format!("write the file `{from}`"));
    Diagnostic::error(
        format!("expected the file `{from}`, found no such file"),
        entry.from.spot.label("no such file"),
    )
    .with_help(help)
}
