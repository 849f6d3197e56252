//! The format of a file that a host keeps. Its number is read first: a newer file may have fields that this version cannot
//! judge.

use serde::Deserialize;
use serde::de::DeserializeOwned;

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

/// What a text says, if its format is no newer than this one.
pub(super) fn read_up_to<T: DeserializeOwned>(text: &str, newest: u32) -> Option<T> {
    (format_of(text).ok()? <= newest)
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

/// What damages a stored text: at each place a letter is replaced, removed or added.
#[cfg(test)]
pub(super) fn edits() -> impl proptest::strategy::Strategy<Value = Vec<Damage>> {
    use proptest::prelude::*;
    prop::collection::vec((any::<prop::sample::Index>(), 0..3, any::<char>()), 0..5)
}

#[cfg(test)]
type Damage = (proptest::sample::Index, i32, char);

/// The text with that damage.
#[cfg(test)]
pub(super) fn damaged(text: &str, edits: Vec<Damage>) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (at, what, char) in edits {
        let at = at.index(text.len());
        match what {
            0 => text[at] = char,
            1 => {
                text.remove(at);
            }
            _ => text.insert(at, char),
        }
    }
    text.into_iter().collect()
}
