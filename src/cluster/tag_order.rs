//! Which tag of an image is newer than another one, where tags are versions. Pure.
//!
//! Only tags of one form are compared: `1.25-alpine3.18` with `1.26-alpine3.19`, and neither with `1.26` nor with `1.26.1-alpine3.19`.

use std::cmp::Ordering;

/// What stands in a version that comes before the release of that version.
const BEFORE_RELEASE: [&str; 12] = [
    "alpha", "beta", "rc", "preview", "pre", "dev", "snapshot", "nightly", "canary", "cr", "m",
    "ea",
];

/// A tag that is a version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TagVersion {
    /// What it has to share with others: `v#.#.#-alpine#.#`.
    form: String,
    /// Its first numbers.
    numbers: Vec<u64>,
    /// `rc` and 2, if it comes before a release.
    before_release: Option<(String, u64)>,
    /// The numbers behind them.
    rest: Vec<u64>,
}

impl TagVersion {
    /// `None` if the tag is no version: `latest`, a digest of a commit.
    fn parse(tag: &str) -> Option<Self> {
        if tag.split(['-', '_', '.']).any(is_digest) {
            return None;
        }
        let start = tag.find(|c: char| c.is_ascii_digit())?;
        let (prefix, text) = tag.split_at(start);
        // `v1`, `release-1`; but not `web2`, which is a name.
        let before = prefix.strip_suffix(['v', 'V']).unwrap_or(prefix);
        if !before.is_empty() && !before.ends_with(['-', '_', '.']) {
            return None;
        }
        let (numbers, rest) = numbers(text)?;
        let (before_release, rest) = before_release(rest)?;
        let (flavour, rest) = flavour(rest)?;
        let form = format!("{prefix}{}{flavour}", "#.".repeat(numbers.len()));
        Some(Self {
            form,
            numbers,
            before_release,
            rest,
        })
    }

    /// Which is newer, of two of one form.
    fn compare(&self, other: &Self) -> Ordering {
        let released = |version: &Self| version.before_release.is_none();
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| released(self).cmp(&released(other)))
            .then_with(|| self.before_release.cmp(&other.before_release))
            .then_with(|| self.rest.cmp(&other.rest))
    }

    /// Whether it is what somebody would go to from another one.
    fn follows(&self, present: &Self) -> bool {
        let is_calm = self.before_release.is_none() || present.before_release.is_some();
        self.form == present.form && is_calm && self.compare(present) == Ordering::Greater
    }
}

/// `3f2a9bc`: seven hexadecimal digits or more with both kinds among them. `20241103` is a date.
fn is_digest(part: &str) -> bool {
    let hexadecimal = part.bytes().all(|b| b.is_ascii_hexdigit());
    let part = part.as_bytes();
    part.len() >= 7
        && hexadecimal
        && part.iter().any(u8::is_ascii_digit)
        && part.iter().any(u8::is_ascii_alphabetic)
}

/// The numbers that a text begins with, with dots between them, and what is behind them.
fn numbers(text: &str) -> Option<(Vec<u64>, &str)> {
    let mut numbers = Vec::new();
    let mut rest = text;
    loop {
        let (number, behind) = number(rest)?;
        numbers.push(number);
        match behind.strip_prefix('.') {
            Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
            Some(_) | None => return Some((numbers, behind)),
        }
    }
}

/// A number that a text begins with; `None` if it is larger than any that counts something.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    Some((digits.parse().ok()?, rest))
}

/// `-rc.2` at the beginning of a text, and what is behind it.
fn before_release(text: &str) -> Option<(Option<(String, u64)>, &str)> {
    let none = Some((None, text));
    let behind = text.strip_prefix(['-', '.', '_']).unwrap_or(text);
    let end = behind.find(|c: char| !c.is_ascii_alphabetic());
    let (word, rest) = behind.split_at(end.unwrap_or(behind.len()));
    let word = word.to_ascii_lowercase();
    if !BEFORE_RELEASE.contains(&word.as_str()) {
        return none;
    }
    let counted = rest.strip_prefix(['-', '.']).unwrap_or(rest);
    if counted.starts_with(|c: char| c.is_ascii_digit()) {
        let (number, rest) = number(counted)?;
        return Some((Some((word, number)), rest));
    }
    Some((Some((word, 0)), rest))
}

/// A text with `#` for each number, and the numbers.
fn flavour(text: &str) -> Option<(String, Vec<u64>)> {
    let (mut form, mut numbers) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() {
            let (found, behind) = number(rest)?;
            numbers.push(found);
            form.push('#');
            rest = behind;
        } else {
            form.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Some((form, numbers))
}

/// The tags that are newer versions than the present one, the newest first. `None` if the present one is no version.
#[must_use]
pub fn newer<'a>(present: &str, tags: impl IntoIterator<Item = &'a str>) -> Option<Vec<&'a str>> {
    let present = TagVersion::parse(present)?;
    let versions = tags
        .into_iter()
        .filter_map(|tag| Some((TagVersion::parse(tag)?, tag)));
    let mut newer: Vec<_> = versions
        .filter(|(version, _)| version.follows(&present))
        .collect();
    newer.sort_by(|(one, a), (other, b)| other.compare(one).then_with(|| a.cmp(b)));
    newer.dedup_by(|(_, a), (_, b)| a == b);
    Some(newer.into_iter().map(|(_, tag)| tag).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(present: &str, tags: &str) -> Option<String> {
        Some(newer(present, tags.split(' '))?.join(" "))
    }

    #[test]
    fn newer_versions_come_by_their_numbers() {
        for (present, tags, expected) in [
            (
                "1.4.2",
                "1.4.10 1.5.0 1.4.9 1.4.2 1.4.1 0.9.0 2.0.0",
                "2.0.0 1.5.0 1.4.10 1.4.9",
            ),
            ("v1.10.3", "v1.9.0 v1.11.0 1.12.0 latest v2", "v1.11.0"),
            ("17.1", "17 18 17.2 17.2.1 18.0 17.2-alpine", "18.0 17.2"),
            ("17", "18 17.2 19", "19 18"),
            // Another base of an image is another image.
            (
                "1.25-alpine",
                "1.26 1.26-alpine 1.26-alpine3.19 1.26-slim",
                "1.26-alpine",
            ),
            (
                "1.25-alpine3.18",
                "1.25-alpine3.19 1.26-alpine3.19 1.26-alpine 1.26-alpine3.20",
                "1.26-alpine3.20 1.26-alpine3.19 1.25-alpine3.19",
            ),
            (
                "1.0.0-debian-12-r3",
                "1.0.0-debian-12-r10 1.0.0-debian-12-r4 1.1.0",
                "1.0.0-debian-12-r10 1.0.0-debian-12-r4",
            ),
            // What comes before a release is for those who run such a thing.
            ("1.4.2", "2.0.0-rc1 1.5.0-beta.2 1.5.0", "1.5.0"),
            (
                "2.0.0-rc1",
                "2.0.0-rc2 2.0.0 2.0.0-beta3 2.1.0-alpha",
                "2.1.0-alpha 2.0.0 2.0.0-rc2",
            ),
            ("3.0.0-M1", "3.0.0-M2 3.0.0", "3.0.0 3.0.0-M2"),
            (
                "2024-11-03",
                "2024-11-04 2024-10-30 2025-01-01",
                "2025-01-01 2024-11-04",
            ),
            ("20241103", "20241104 20241102", "20241104"),
            ("main-41", "main-42 next-43 main-9", "main-42"),
            ("1.4.2", "1.5.0 1.5.0 99999999999999999999.0.0", "1.5.0"),
            ("1.4.2", "", ""),
        ] {
            assert_eq!(
                of(present, tags).as_deref(),
                Some(expected),
                "{present} of {tags}"
            );
        }
    }

    #[test]
    fn what_is_no_version_has_none_that_is_newer() {
        for present in [
            "latest",
            "main",
            "3f2a9bc",
            "main-3f2a9bc",
            "web2",
            "",
            "1.0-3f2a9bc",
        ] {
            assert_eq!(
                of(present, "1 2 3f2a9bd main-4f2a9bc web3"),
                None,
                "{present}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_tags_are_put_in_one_order(present in "[a-z0-9._-]{0,12}", mut tags in prop::collection::vec("v?[0-9]{1,2}(\\.[0-9]{1,2}){0,2}(-rc[0-9])?(-[a-z][0-9]?)?", 0..12)) {
            let once = newer(&present, tags.iter().map(String::as_str)).map(|it| it.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());
            tags.reverse();
            let again = newer(&present, tags.iter().map(String::as_str)).map(|it| it.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());
            prop_assert_eq!(&once, &again);
            // None of them is older than one behind it.
            for pair in once.unwrap_or_default().windows(2) {
                prop_assert!(!newer(&pair[0], [pair[1].as_str()]).unwrap_or_default().contains(&pair[1].as_str()), "{:?}", pair);
            }
        }
    }
}
