//! The format of a file that a host keeps. Its number is read first: a newer file may have fields that this version cannot
//! judge.

use serde::Deserialize;

/// The number of a stored file's format.
///
/// # Errors
/// The text is no JSON object with a `format`.
pub(super) fn format_of(text: &str) -> serde_json::Result<u32> {
    #[derive(Deserialize)]
    struct OnlyFormat {
        format: u32,
    }
    serde_json::from_str::<OnlyFormat>(text).map(|found| found.format)
}
