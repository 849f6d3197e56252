//! Paths in a container of which only one can be there.

use std::collections::{BTreeMap, BTreeSet};

use super::FileEntry;
use crate::cluster::description::ServiceFile;
use crate::cluster::diagnostic::{Diagnostic, Place, quoted};
use crate::cluster::read::{Problems, Spot};

/// What a service mounts, with what it says of it.
pub(super) struct Mounts<'a> {
    /// Entries that are directories, by their paths.
    pub directories: BTreeMap<&'a str, &'a FileEntry>,
    /// Every file, by its path, with the entry that names it.
    pub files: BTreeMap<&'a str, &'a FileEntry>,
}

/// Whether nothing stands in the way of anything else; what does is told.
pub(super) fn check(service: &ServiceFile, mounts: &Mounts<'_>, problems: &mut Problems) -> bool {
    let before = problems.0.len();
    for (path, entry) in &mounts.files {
        for above in above(path) {
            if let Some(file) = mounts.files.get(above) {
                problems.push(
                    Diagnostic::error(
                        format!(
                            "expected a directory at {}, since {} is below it, found a file",
                            quoted(above),
                            quoted(path)
                        ),
                        entry.target.spot.label("below a file"),
                    )
                    .with_related(file.target.spot.label("the file"))
                    .with_help("choose another path for one of them"),
                );
            }
        }
    }
    for (path, entry) in &mounts.directories {
        for outer in above(path).filter_map(|above| mounts.directories.get(above)) {
            if entry.live.is_some() || outer.live.is_some() {
                problems.push(mixed(path, entry, outer));
            }
        }
    }
    for (path, entry) in &mounts.files {
        // Its own directory is one of them.
        let outer = above(path).find_map(|above| mounts.directories.get(above));
        let own = mounts.directories.get(entry.target.value.as_str());
        if let Some(outer) = outer.filter(|outer| own.is_none() && outer.live.is_some()) {
            problems.push(mixed(path, entry, outer));
        }
    }
    for (target, spot) in &service.volume_targets {
        let target = target.as_str();
        if let Some(place) = mounts.at(target) {
            problems.push(twice(target, "a volume", spot.label("the volume"), place));
        } else if let Some((directory, place)) = mounts.directory_of(target) {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected no volume below {}, found one at {}",
                        quoted(directory),
                        quoted(target)
                    ),
                    place.label("this directory is read-only: nothing can be mounted into it"),
                )
                .with_related(spot.label("the volume"))
                .with_help(
                    "name the files of the directory one by one, or mount the volume elsewhere",
                ),
            );
        }
    }
    for reference in &service.secrets {
        let Some(file) = &reference.file else {
            continue;
        };
        if let Some(place) = mounts.at(&file.value) {
            let label = file.spot.label("the secret");
            problems.push(twice(&file.value, "a secret", label, place));
        }
        let outer = above(&file.value).find_map(|above| mounts.directories.get(above));
        if let Some(outer) = outer.filter(|outer| outer.live.is_some()) {
            problems.push(
                Diagnostic::error(
                    format!(
                        "expected no secret below {}, which is reloaded, found one at {}",
                        quoted(&outer.target.value),
                        quoted(&file.value)
                    ),
                    file.spot.label("the secret"),
                )
                .with_related(outer.target.spot.label("this directory"))
                .with_help("write it into a template of that directory, `{{ NAME }}`, or choose another path"),
            );
        }
    }
    problems.0.len() == before
}

impl Mounts<'_> {
    /// Where a path is named, or taken by a directory.
    fn at(&self, path: &str) -> Option<&Spot> {
        let file = self.files.get(path).map(|entry| &entry.target.spot);
        file.or_else(|| self.directories.get(path).map(|entry| &entry.target.spot))
    }

    /// The mounted directory that a path is below.
    fn directory_of(&self, path: &str) -> Option<(&str, &Spot)> {
        let found = above(path).find_map(|above| self.directories.get_key_value(above));
        found.map(|(path, entry)| (*path, &entry.target.spot))
    }

    /// The paths that are mounted: what is below a mounted directory comes with it. Those that are reloaded are mounted
    /// from elsewhere.
    pub(super) fn mounted(&self) -> BTreeSet<String> {
        let fixed = self
            .directories
            .iter()
            .filter(|(_, entry)| entry.live.is_none());
        let all = self.files.keys().chain(fixed.map(|(path, _)| path));
        let outer = all.filter(|path| self.directory_of(path).is_none());
        outer.map(|path| (*path).to_owned()).collect()
    }
}

/// The directories above a path, the outermost first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').skip(1);
    ends.map(|(end, _)| &path[..end])
}

/// Something stands below a directory of which only one of both is reloaded.
fn mixed(path: &str, entry: &FileEntry, outer: &FileEntry) -> Diagnostic {
    Diagnostic::error(
        format!(
            "expected all of {} from one directory, since it is reloaded at once, found {} below it",
            quoted(&outer.target.value),
            quoted(path)
        ),
        entry.target.spot.label("from elsewhere"),
    )
    .with_related(outer.target.spot.label("the directory"))
    .with_help(format!("put it into `{}/`, or choose another path", outer.from.value))
}

fn twice(target: &str, what: &str, other: Place, file: &Spot) -> Diagnostic {
    Diagnostic::error(
        format!(
            "expected one thing at {}, found {what} and a file",
            quoted(target)
        ),
        file.label("the file"),
    )
    .with_related(other)
    .with_help("remove one of them, or choose another path")
}
