//! The script that writes a host's placement. Pure.

use crate::host::layout::Layout;
use crate::host::said::one_line;
use crate::render::shell::quote;

/// The script: beside its place, flushed, renamed.
#[must_use]
pub fn script(layout: &Layout, text: &str) -> String {
    let placement = layout.placement().quoted();
    let new = layout.state().join(".placement.new").quoted();
    let state = layout.state().quoted();
    format!(
        "{{ mkdir -p {state} && printf %s {} >{new} && sync {new} && mv -T {new} {placement} && sync {state} && \
         printf 'written\\n'; }} 2>&1\n",
        quote(text)
    )
}

/// Reads what the script says: nothing if all is well.
///
/// # Errors
/// What the host said, as one line.
pub fn parse(answer: &[u8]) -> Result<(), String> {
    match String::from_utf8_lossy(answer) {
        said if said == "written\n" => Ok(()),
        said => Err(format!(
            "the placement cannot be written: {}",
            one_line(&said)
        )),
    }
}
