//! What a unit's text says of itself: its fingerprint and the name of its inputs directory, in the `[X-Bayplan]` section.
//!
//! Both stand in the very text that they are made from. So a unit is rendered with `FINGERPRINT` and
//! `DIRECTORY` in their places, the digest is taken from that, and then both are put in; to read inputs
//! back from a host's files, what the section names is blanked again.

use super::identity::{DirectoryName, Fingerprint};
use super::unit::{Unit, parse_unit};
use crate::cluster::digest::Digest;
use crate::cluster::name::{ClusterName, ServiceName};

/// Stands for the fingerprint in what is digested.
pub(super) const FINGERPRINT: &str = "_BAYPLAN_FINGERPRINT_";
/// Stands for the inputs directory's name in what is digested.
pub(super) const DIRECTORY: &str = "_BAYPLAN_DIRECTORY_";

/// The section that says whose unit it is.
pub const SECTION: &str = "X-Bayplan";

/// What our unit files beside that of a container begin and end with. `what` says what the file is.
pub(super) fn around(
    cluster: &ClusterName,
    service: &ServiceName,
    what: &str,
    text: &str,
) -> String {
    format!(
        "# {what}, written by bayplan. What is changed here lasts until the\n\
         # next release: change clusters/{cluster}/ in the config repository instead.\n\
         \n\
         {text}\
         \n\
         # Whose unit this is: bayplan touches no other.\n\
         [X-Bayplan]\n\
         Format=1\n\
         Cluster={cluster}\n\
         Service={service}\n"
    )
}

/// A unit's text with blanks for the fingerprint and the name of the inputs directory that it
/// carries: what is left was written by people.
#[must_use]
pub fn blanked(unit_text: &str) -> String {
    without(unit_text, marks(&parse_unit(unit_text)))
}

fn without(unit_text: &str, (fingerprint, directory): (Option<&str>, Option<&str>)) -> String {
    let mut text = unit_text.to_owned();
    if let Some(fingerprint) = fingerprint {
        text = text.replace(fingerprint, FINGERPRINT);
    }
    if let Some(directory) = directory {
        text = text.replace(directory, DIRECTORY);
    }
    text
}

/// A unit's text with blanks for these.
pub(super) fn blanked_of(
    unit_text: &str,
    fingerprint: &Fingerprint,
    directory: &DirectoryName,
) -> String {
    let marks = (Some(fingerprint.as_str()), Some(directory.as_str()));
    without(unit_text, marks)
}

/// A unit's text with these in the places of the blanks.
pub(super) fn marked(
    blanked: &str,
    fingerprint: &Fingerprint,
    directory: &DirectoryName,
) -> String {
    blanked
        .replace(FINGERPRINT, fingerprint.as_str())
        .replace(DIRECTORY, directory.as_str())
}

/// As [`blanked`], of a unit whose text is parsed already.
pub(super) fn blanked_by(unit_text: &str, unit: &Unit) -> String {
    without(unit_text, marks(unit))
}

/// A unit's text with the fingerprint and the directory of another one: what still differs was
/// written by people.
#[must_use]
pub fn with_marks_of(unit_text: &str, other: &str) -> String {
    let other = parse_unit(other);
    let (Some(fingerprint), Some(directory)) = marks(&other) else {
        return unit_text.to_owned();
    };
    match marks(&parse_unit(unit_text)) {
        found @ (Some(_), Some(_)) => without(unit_text, found)
            .replace(FINGERPRINT, fingerprint)
            .replace(DIRECTORY, directory),
        (None, _) | (_, None) => unit_text.to_owned(),
    }
}

/// The fingerprint and the directory that a unit's text carries. Each counts only if it looks like one: if somebody
/// edits it to `a`, every `a` of the text would be blanked.
fn marks(unit: &Unit) -> (Option<&str>, Option<&str>) {
    let mark = |key| unit.values(SECTION, key).last().copied();
    let fingerprint = mark("Fingerprint").filter(|text| {
        let digest = text.split_once(':').map(|(_, digest)| digest);
        digest.is_some_and(|digest| Digest::reported(digest).is_some())
    });
    let directory = mark("Directory").filter(|text| DirectoryName::reported(text).is_some());
    (fingerprint, directory)
}
