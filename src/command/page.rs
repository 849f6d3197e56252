//! `--html FILE`: where a page is written, and of what it is.

#![expect(
    clippy::disallowed_methods,
    reason = "takes the moment at which a page is made"
)]

use std::path::Path;

use super::description::commit;
use super::{Failure, write_whole};
use crate::report::html::{PageContext, Served};
use crate::report::stream;
use crate::repository::Repository;

/// A page of a file of the description as it is checked out now.
pub(super) fn context(repository: &Repository) -> PageContext {
    PageContext {
        now: jiff::Timestamp::now(),
        // A page is of use without it.
        commit: commit(repository).ok().flatten(),
        served: Served::No,
    }
}

/// Writes a page as a whole, in place of an older one.
pub(super) fn write(path: &Path, page: &str) -> Result<(), Failure> {
    if path == Path::new("-") {
        return Ok(stream::stdout(page)?);
    }
    let help = "`--html page.html`, or `--html -` to print it";
    write_whole(path, "the page", page.as_bytes(), help)?;
    let name = path.display();
    Ok(stream::stdout(&format!(
        "Wrote {name}: open it in a browser.\n"
    ))?)
}
