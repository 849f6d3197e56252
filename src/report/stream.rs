//! The two streams: stdout carries data, stderr the rest. A reader that goes away
//! (`bayplan diff production | head`) is no reason to panic.

#![expect(clippy::disallowed_methods, reason = "is where everything is printed")]

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether asides are told.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on no asides are told, and no progress is shown.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether that is so.
#[must_use]
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Why data could not be written to standard output.
#[derive(Debug, thiserror::Error)]
pub enum StdoutError {
    /// The reader is gone. Not an error to tell anybody: there is nobody to tell.
    #[error("standard output is closed")]
    Closed,
    /// A full disk or the like: the system's words.
    #[error("cannot write to standard output: {0}")]
    Other(io::Error),
}

/// Writes data to standard output, as it is.
///
/// # Errors
/// The reader is gone, or the file that output goes to cannot be written.
pub fn stdout(text: &str) -> Result<(), StdoutError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                StdoutError::Closed
            } else {
                StdoutError::Other(error)
            }
        })
}

/// Writes to standard output what is going to happen. Where nobody is asked whether it may, it is told only to whoever wants
/// to know more than the result.
///
/// # Errors
/// As [`stdout`].
pub fn proposal(text: &str, is_asked: bool) -> Result<(), StdoutError> {
    match is_asked || !is_quiet() {
        true => stdout(text),
        false => Ok(()),
    }
}

/// Writes a message to standard error. That it cannot be written can be told to nobody, so it is
/// ignored: a release must not end half-way because a terminal was closed.
pub fn stderr(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Writes to standard error what nobody has to act on: how far it is, and what is good to know.
pub fn aside(text: &str) {
    if !is_quiet() {
        stderr(text);
    }
}
