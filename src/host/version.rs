//! Versions of a host's programs, as they say them. Pure.

use std::fmt;

/// The first numbers of a version: `247.3-7+deb11u8` is 247.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number, or 0.
    pub minor: u32,
}

impl Version {
    /// The version of these numbers.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Reads a version; `None` if it begins with no number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_digit());
            let end = end.unwrap_or(text.len());
            (text[..end].parse().ok(), end)
        };
        let (major, end) = digits(text);
        let minor = text[end..]
            .strip_prefix('.')
            .and_then(|rest| digits(rest).0);
        Some(Self::new(major?, minor.unwrap_or(0)))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The oldest systemd that starts our units: it brought `Type=exec`.
pub const OLDEST_SYSTEMD: Version = Version::new(240, 0);
/// The oldest docker that knows `run --pull=never`.
pub const OLDEST_DOCKER: Version = Version::new(20, 10);
/// The oldest podman whose answers are those that we read.
pub const OLDEST_PODMAN: Version = Version::new(4, 0);

/// Whether this systemd passes on a value with control characters other than tab and line break. Others drop the
/// whole variable, with a line in the journal: <https://github.com/systemd/systemd/pull/18129>, which
/// 247.3 got, too.
#[must_use]
pub fn passes_control_characters(systemd: Version) -> bool {
    systemd >= Version::new(247, 3)
}

/// Whether a value has such a character.
#[must_use]
pub fn has_odd_control_character(value: &str) -> bool {
    // As systemd's `string_has_cc()`: only those of ASCII.
    value
        .bytes()
        .any(|byte| (byte < b' ' && byte != b'\t' && byte != b'\n') || byte == 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_say_them() {
        for (text, version) in [
            ("252", Some(Version::new(252, 0))),
            ("247.3-7+deb11u8", Some(Version::new(247, 3))),
            ("256.7-1.fc41", Some(Version::new(256, 7))),
            ("257~rc1", Some(Version::new(257, 0))),
            ("3.0.1", Some(Version::new(3, 0))),
            ("5.0.0-dev", Some(Version::new(5, 0))),
            ("", None),
            ("v5", None),
            ("99999999999", None),
        ] {
            assert_eq!(Version::parse(text), version, "{text}");
        }
    }

    #[test]
    fn tab_and_line_break_are_no_odd_control_characters() {
        for (value, odd) in [
            ("", false),
            ("a\tb\n", false),
            ("\r\n", true),
            ("\u{1b}[0m", true),
            ("\u{7f}", true),
            ("\u{85} ü \u{202e}", false),
        ] {
            assert_eq!(has_odd_control_character(value), odd, "{value:?}");
        }
    }
}
