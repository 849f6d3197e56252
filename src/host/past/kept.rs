//! The scripts that write what a host keeps of its whole cluster: the placement, a release that has not ended, and one
//! that was pushed. Pure.

use crate::host::layout::{Layout, RemotePath, StageId};
use crate::host::said::written;
use crate::plan::observed::NewHolds;
use crate::render::shell::quote;

/// What becomes of the file of a release that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BegunFile<'a> {
    /// It gets this text.
    Written(&'a str),
    /// It goes, if it is there.
    Removed,
    /// It stays as it is.
    Same,
}

/// The script: each file beside its place, flushed, renamed.
#[must_use]
pub fn script(layout: &Layout, placement: Option<&str>, begun: BegunFile<'_>) -> String {
    let placement = placement.map(|text| write(layout, &layout.placement(), text));
    let begun = match begun {
        BegunFile::Written(text) => write(layout, &layout.begun(), text),
        BegunFile::Removed => remove(&layout.begun()),
        BegunFile::Same => String::new(),
    };
    keeping(
        &layout.state(),
        &format!("{}{begun}", placement.unwrap_or_default()),
    )
}

/// The script that notes what was pushed.
#[must_use]
pub fn pushed_script(layout: &Layout, text: &str) -> String {
    keeping(&layout.state(), &write(layout, &layout.pushed(), text))
}

/// The script that forgets what was pushed, before it becomes effective or where it never will: its files go in that case.
#[must_use]
pub fn used_script(layout: &Layout, gone: Option<&StageId>) -> String {
    let pushed = remove(&layout.pushed());
    let staged = gone.map(|stage| format!("rm -rf -- {} && ", layout.staging(stage).quoted()));
    keeping(
        &layout.state(),
        &format!("{pushed}{}", staged.unwrap_or_default()),
    )
}

/// The script that notes who holds services; `None` ends that.
#[must_use]
pub fn holds_script(layout: &Layout, holds: &NewHolds) -> String {
    let directory = layout.holds();
    let changes = holds.iter().map(|(service, hold)| {
        let path = directory.join(service.as_str());
        match hold {
            Some(hold) => write(layout, &path, &hold.to_text()),
            None => remove(&path),
        }
    });
    keeping(&directory, &changes.collect::<String>())
}

/// The script that notes that the cluster is frozen, or is not any more.
#[must_use]
pub fn freeze_script(layout: &Layout, text: Option<&str>) -> String {
    let change = match text {
        Some(text) => write(layout, &layout.frozen(), text),
        None => remove(&layout.frozen()),
    };
    keeping(&layout.state(), &change)
}

/// A whole script: changes of files in a directory, which is flushed after them.
fn keeping(directory: &RemotePath, changes: &str) -> String {
    let directory = directory.quoted();
    format!(
        "{{ mkdir -p {directory} && {changes}sync {directory} && printf 'written\\n'; }} 2>&1\n"
    )
}

/// The beginning of a script: a file beside its place, flushed, renamed. A freeze takes no lock, so another file may be written
/// at the same time: each has a name of its own.
fn write(layout: &Layout, path: &RemotePath, text: &str) -> String {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let new = layout.state().join(&format!(".{name}.new")).quoted();
    let path = path.quoted();
    format!(
        "printf %s {} >{new} && sync {new} && mv -T {new} {path} && ",
        quote(text)
    )
}

/// The beginning of a script: a file goes, if it is there.
fn remove(path: &RemotePath) -> String {
    format!("rm -f -- {} && ", path.quoted())
}

/// Reads what the script says: nothing if all is well.
///
/// # Errors
/// What the host said, as one line.
pub fn parse(answer: &[u8]) -> Result<(), String> {
    written(answer, "what the host is to keep cannot be written")
}
