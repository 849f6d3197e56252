//! The two streams: stdout carries data, stderr the rest. A reader that goes away
//! (`bayplan diff production | head`) is no reason to panic.

#![expect(clippy::disallowed_methods, reason = "is where everything is printed")]

use std::io::{self, Write};

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

/// Writes a message to standard error. That it cannot be written can be told to nobody, so it is
/// ignored: a release must not end half-way because a terminal was closed.
pub fn stderr(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
