//! Records that end with NUL: `stat`'s, `sha256sum`'s, and those that begin with a word.

use super::super::ObserveError;
use crate::cluster::digest::Digest;
use crate::host::ability::Ability;
use crate::host::said::one_line;
use crate::plan::observed::Moment;

/// What `stat` says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::host::look) struct Stat {
    /// `st_mode`.
    mode: u32,
    size: u64,
    /// When the content, the name or the attributes last changed; no program can set it back.
    pub changed: Moment,
    pub modified: Moment,
}

impl Stat {
    const KIND: u32 = 0o170_000;

    pub(crate) fn is_file(self) -> bool {
        self.mode & Self::KIND == 0o100_000
    }

    /// Whether anybody may run it.
    pub(crate) fn is_executable(self) -> bool {
        self.mode & 0o111 != 0
    }

    pub(crate) fn is_directory(self) -> bool {
        self.mode & Self::KIND == 0o040_000
    }

    /// In bytes.
    pub(crate) fn size(self) -> u64 {
        self.size
    }
}

pub(super) enum AnswerLine<'a> {
    Stat(String, Stat),
    Digest(String, Digest),
    Texts,
    End,
    Other(&'a str, &'a str),
}

/// The part of an answer that is in records, each ended by NUL.
pub(super) struct Records<'a> {
    pub rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(crate) fn new(answer: &'a [u8], title: &str) -> Result<Self, ObserveError> {
        let mut records = Records { rest: answer };
        let found = records.take()?;
        if found == title {
            Ok(records)
        } else {
            Err(unexpected(&format!("`{title}`"), found))
        }
    }

    fn take(&mut self) -> Result<&'a str, ObserveError> {
        let end = self.rest.iter().position(|&byte| byte == 0);
        let end = end.ok_or_else(|| ObserveError::malformed("it ends within its records"))?;
        let (record, rest) = (&self.rest[..end], &self.rest[end + 1..]);
        self.rest = rest;
        std::str::from_utf8(record)
            .map_err(|_| unexpected("only names in UTF-8", &String::from_utf8_lossy(record)))
    }

    pub(crate) fn next(&mut self) -> Result<AnswerLine<'a>, ObserveError> {
        let record = self.take()?;
        let (word, rest) = record.split_once(' ').unwrap_or((record, ""));
        Ok(match word {
            "texts" => AnswerLine::Texts,
            "end" => AnswerLine::End,
            "s" => {
                // uutils' has no nanoseconds in `%.9Z`.
                let ability = Ability::Stat;
                let (path, stat) = stat(rest).ok_or(ObserveError::Unable { ability })?;
                AnswerLine::Stat(path, stat)
            }
            // `<digest>  <path>`, or with `*` before the path.
            digest if digest.len() == 64 => {
                let path = rest.strip_prefix([' ', '*']);
                match (Digest::reported(digest), path) {
                    (Some(digest), Some(path)) => AnswerLine::Digest(path.to_owned(), digest),
                    _ => return Err(unexpected("a line of sha256sum", record)),
                }
            }
            word => AnswerLine::Other(word, rest),
        })
    }
}

/// `<mode> <size> <changed> <modified> <path>`.
fn stat(text: &str) -> Option<(String, Stat)> {
    let mut fields = text.splitn(5, ' ');
    let mode = u32::from_str_radix(fields.next()?, 16).ok()?;
    let size = fields.next()?.parse().ok()?;
    let changed = seconds(fields.next()?)?;
    let modified = seconds(fields.next()?)?;
    let path = fields.next()?.to_owned();
    let stat = Stat {
        mode,
        size,
        changed,
        modified,
    };
    Some((path, stat))
}

/// `1795253472.334209060`.
fn seconds(text: &str) -> Option<Moment> {
    let (seconds, fraction) = text.split_once('.')?;
    let digits = fraction.len() == 9 && fraction.bytes().all(|b| b.is_ascii_digit());
    let nanoseconds: i128 = fraction.parse().ok().filter(|_| digits)?;
    let seconds: i64 = seconds.parse().ok()?;
    Some(Moment(i128::from(seconds) * 1_000_000_000 + nanoseconds))
}

/// What systemctl said, if it ended well.
pub(super) fn succeeded<'a>(status: &str, text: &'a str) -> Result<&'a str, ObserveError> {
    let status = status
        .parse()
        .map_err(|_| unexpected("the status of systemctl", status))?;
    if status == 0 {
        Ok(text)
    } else {
        let message = one_line(text);
        Err(ObserveError::SystemdFailed { status, message })
    }
}

pub(super) fn unexpected(expected: &str, found: &str) -> ObserveError {
    ObserveError::malformed(format!("expected {expected}, found `{}`", one_line(found)))
}
