//! The shapes of plain texts: what a process, a line or a word can be.

use crate::cluster::read::Misfit;

/// A text as something more precise, or what was expected.
pub(in crate::cluster) type Shape<T> = Result<T, Misfit>;

/// One of the 66 code points that Unicode keeps from ever being characters. systemd takes a text
/// with one for no UTF-8 at all (`unichar_is_valid()` of `src/basic/utf8.c`): it refuses an env file,
/// and drops a line of a unit.
pub(in crate::cluster) fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// A text without NUL: what any argument of a process can hold.
pub(in crate::cluster) fn argument(text: &str) -> Shape<String> {
    if text.contains('\0') {
        return Err(Misfit::new("text without NUL"));
    }
    if text.contains(is_noncharacter) {
        return Err(Misfit::new("text without noncharacters such as U+FFFE"));
    }
    Ok(text.to_owned())
}

/// A text on one line, not empty.
pub(in crate::cluster) fn line(text: &str) -> Shape<String> {
    if text.is_empty() {
        return Err(Misfit::new("some text"));
    }
    if text.contains(|c: char| c.is_control() || is_noncharacter(c)) {
        return Err(Misfit::new("text on one line without control characters"));
    }
    Ok(text.to_owned())
}

/// A text without blanks or control characters that no program takes for an option.
pub(in crate::cluster) fn word(text: &str, expected: &str) -> Shape<String> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || is_noncharacter(c);
    if text.is_empty() || text.starts_with('-') || text.contains(odd) {
        return Err(Misfit::new(expected));
    }
    Ok(text.to_owned())
}

/// A name or a number of a user or a group, as `useradd` takes them.
pub(in crate::cluster) fn is_account(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=256).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with(['-', '.'])
}
