//! The script that writes what a host keeps of its whole cluster: the placement, and a release that has not ended. Pure.

use crate::host::layout::{Layout, RemotePath};
use crate::host::said::written;
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
    let state = layout.state().quoted();
    let write = |path: &RemotePath, text: &str| {
        let (new, path) = (layout.state().join(".kept.new").quoted(), path.quoted());
        format!(
            "printf %s {} >{new} && sync {new} && mv -T {new} {path} && ",
            quote(text)
        )
    };
    let placement = placement.map(|text| write(&layout.placement(), text));
    let begun = match begun {
        BegunFile::Written(text) => write(&layout.begun(), text),
        BegunFile::Removed => {
            let path = layout.begun().quoted();
            format!("{{ [ ! -e {path} ] || rm -- {path}; }} && ")
        }
        BegunFile::Same => String::new(),
    };
    format!(
        "{{ mkdir -p {state} && {}{begun}sync {state} && printf 'written\\n'; }} 2>&1\n",
        placement.unwrap_or_default()
    )
}

/// Reads what the script says: nothing if all is well.
///
/// # Errors
/// What the host said, as one line.
pub fn parse(answer: &[u8]) -> Result<(), String> {
    written(answer, "the placement cannot be written")
}
