//! The shape of `OnCalendar=`, as systemd reads it.

use super::text::{self, Shape};

/// When a timer fires.
pub(in crate::cluster) fn calendar(text: &str) -> Shape<String> {
    text::line(text)
}
