//! Words and values: escaping, shortening, plurals, lists.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::render::shell::quote;

/// The width of a report where no terminal tells its own, in columns.
pub(super) const WIDTH: usize = 80;

/// Whether a character can move the cursor, hide or reorder text: control characters and the
/// invisible format characters of Unicode (bidirectional overrides, zero-width, tags).
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Adds a character, escaped if it could steer a terminal or end the line.
pub(super) fn push_escaped(to: &mut String, c: char) {
    match c {
        '\n' => to.push_str("\\n"),
        '\r' => to.push_str("\\r"),
        '\t' => to.push_str("\\t"),
        c if steers(c) => to.extend(c.escape_unicode()),
        c => to.push(c),
    }
}

/// The text in one line, with everything escaped that could steer a terminal.
pub(super) fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|c| push_escaped(&mut shown, c));
    shown
}

/// A word as a shell takes it, on one line and without what steers a terminal.
pub(super) fn shell_word(word: &str) -> String {
    quote(&escape(word))
}

/// Lines, each of them ended; nothing, if there is none.
pub(super) fn ended(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// Lines of text, each escaped: line breaks stay, and what is before them (`\r`) shows.
pub(super) fn escape_lines(text: &str) -> impl Iterator<Item = String> {
    text.split_terminator('\n').map(escape)
}

/// A value as shown: bare if it cannot be misread, otherwise in double quotes with escapes, so
/// that a backslash and an `n` never look like a line break.
pub(super) fn value(text: &str) -> String {
    show(&[text], needs_quotes(text))
}

/// A value in at most about `room` characters, shortened in the middle.
pub(super) fn short_value(text: &str, room: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= room {
        return value(text);
    }
    show_parts(&shorten(&chars, 0, room), text)
}

/// Two values that differ, each in at most about `room` characters. Shortened, they still show
/// where they differ: what is cut away first is what they begin with in common.
pub(super) fn short_pair(before: &str, after: &str, room: usize) -> (String, String) {
    let old: Vec<char> = before.chars().collect();
    let new: Vec<char> = after.chars().collect();
    if old.len() <= room && new.len() <= room {
        return (value(before), value(after));
    }
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    (
        show_parts(&shorten(&old, same, room), before),
        show_parts(&shorten(&new, same, room), after),
    )
}

/// What is left of a long text around its character number `focus`; between two parts, and before
/// or after an empty one, something was cut out.
fn shorten(chars: &[char], focus: usize, room: usize) -> Vec<String> {
    /// What is shown of the text before the place of interest.
    const BEFORE: usize = 8;
    if chars.len() <= room {
        return vec![chars.iter().collect()];
    }
    let head = room * 2 / 3;
    if focus < head {
        let tail = chars.len() - (room - head).saturating_sub(1);
        return vec![
            chars[..head].iter().collect(),
            chars[tail..].iter().collect(),
        ];
    }
    let start = focus.saturating_sub(BEFORE);
    let end = chars
        .len()
        .min(start + room.saturating_sub(2).max(BEFORE + 1));
    let mut parts = vec![String::new(), chars[start..end].iter().collect()];
    if end < chars.len() {
        parts.push(String::new());
    }
    parts
}

fn show_parts(parts: &[String], whole: &str) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    // A `…` of the value itself must not look like a cut.
    show(&parts, needs_quotes(whole) || whole.contains('…'))
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.starts_with('"')
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
        || text.contains(" → ")
        || text.chars().any(steers)
}

fn show(parts: &[&str], quotes: bool) -> String {
    if !quotes {
        return parts.join("…");
    }
    let escaped = parts.iter().map(|part| {
        let mut shown = String::new();
        for c in part.chars() {
            match c {
                '"' | '\\' => shown.extend(['\\', c]),
                '…' if parts.len() > 1 => shown.extend(c.escape_unicode()),
                c => push_escaped(&mut shown, c),
            }
        }
        shown
    });
    format!("\"{}\"", escaped.collect::<Vec<_>>().join("…"))
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

/// `a`, `a, b`; for the left side of a colon.
pub(super) fn commas(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}

/// `a, b and 3 more`: the first of them, if there are more than `most`.
pub(super) fn some(items: impl IntoIterator<Item = impl Display>, most: usize) -> String {
    let mut items = items.into_iter();
    let shown = commas(items.by_ref().take(most));
    match items.count() {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A sentence in lines of at most `room` characters where its blanks allow that; further lines are
/// indented. What stands in backticks stays in one line, so that it can be copied.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut code = false;
    let words = text.split(|c| {
        code ^= c == '`';
        c == ' ' && !code
    });
    for word in words {
        if !line.trim().is_empty() && width(&line) + 1 + width(word) > room.max(24) {
            lines.push(std::mem::replace(&mut line, INDENT.to_owned() + word));
        } else if lines.is_empty() && line.is_empty() {
            line += word;
        } else {
            line = line + " " + word;
        }
    }
    lines.push(line);
    lines
}

/// The width on a terminal, in columns; colours take none.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(&*without_colours(text))
}

/// The text without the sequences that [`paint`](super::palette::paint) puts there.
pub(super) fn without_colours(text: &str) -> Cow<'_, str> {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return text.into();
    }
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, after)| after));
    std::iter::once(first)
        .chain(rest)
        .collect::<String>()
        .into()
}

/// The beginning of a text, with `…` in the place of what has no room.
pub(super) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    for c in text.chars() {
        let next = format!("{shown}{c}");
        if width(&next) + 1 > room {
            break;
        }
        shown = next;
    }
    shown.trim_end().to_owned() + "…"
}

/// The text filled with blanks up to a width.
pub(super) fn pad(text: &str, to: usize) -> String {
    text.to_owned() + &" ".repeat(to.saturating_sub(width(text)))
}

/// A sentence in lines after an indent: [`wrap`] with every line moved to the right.
pub(super) fn indent(text: &str, by: usize, width: usize) -> Vec<String> {
    let lines = wrap(text, width.saturating_sub(by));
    lines
        .into_iter()
        .map(|line| " ".repeat(by) + &line)
        .collect()
}

/// A sentence after a start that stands once; its further lines begin below its first word.
pub(super) fn hanging(start: &str, text: &str, to: usize) -> Vec<String> {
    let column = width(start);
    let lines = wrap(text, to.saturating_sub(column)).into_iter();
    let lines = lines.enumerate().map(|(number, line)| match number {
        0 => format!("{start}{line}"),
        _ => " ".repeat(column) + &line,
    });
    lines.collect()
}

/// `0.4 s`, `12 s`, `2 min 5 s`.
pub(super) fn seconds(took: Duration) -> String {
    let whole = took.as_secs();
    if whole < 10 {
        format!("{:.1} s", took.as_secs_f64())
    } else if whole < 60 {
        format!("{whole} s")
    } else {
        format!("{} min {} s", whole / 60, whole % 60)
    }
}

/// `512 B`, `24 KiB`, `1.5 MiB`, `3.2 GiB`.
pub(super) fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    const GIB: u64 = 1024 * MIB;
    if bytes < KIB {
        format!("{bytes} B")
    } else if bytes < MIB {
        format!("{} KiB", bytes.div_ceil(KIB))
    } else if bytes < GIB {
        let tenths = bytes / (MIB / 10);
        format!("{}.{} MiB", tenths / 10, tenths % 10)
    } else {
        let tenths = bytes / (GIB / 10);
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn a_value_is_bare_unless_it_could_be_misread() {
        let shown = |text| value(text);
        assert_eq!(shown("10.0.0.177"), "10.0.0.177");
        assert_eq!(shown(r#"{"a": "b\n"}"#), r#"{"a": "b\n"}"#);
        assert_eq!(shown(""), r#""""#);
        assert_eq!(shown(" a"), r#"" a""#);
        assert_eq!(shown("a\nb"), r#""a\nb""#);
        assert_eq!(shown("a\\n\u{1b}[2J"), r#""a\\n\u{1b}[2J""#);
        assert_eq!(shown("a → b"), r#""a → b""#);
        assert_eq!(shown("\u{202e}abc"), r#""\u{202e}abc""#);
        assert_eq!(shown("Zürich 東京 🚢"), "Zürich 東京 🚢");
    }

    #[test]
    fn a_long_pair_shows_where_it_differs() {
        let hosts =
            |n: u8| format!("mongodb://a:27017,b:27017,c:27017,d:27017,e{n}:27017/prod?w=1");
        let (before, after) = short_pair(&hosts(1), &hosts(2), 30);
        assert_eq!(before, "…:27017,e1:27017/prod?w=1");
        assert_eq!(after, "…:27017,e2:27017/prod?w=1");
    }

    #[test]
    fn one_long_value_is_cut_in_the_middle() {
        let text: String = ('a'..='z').collect();
        assert_eq!(short_value(&text, 12), "abcdefgh…xyz");
    }

    #[test]
    fn sentences_wrap_at_blanks() {
        let text = "its inputs changed; those of v1:0123456789abcdef cannot be read";
        let lines = [
            "its inputs changed; those",
            "  of v1:0123456789abcdef",
            "  cannot be read",
        ];
        assert_eq!(wrap(text, 26), lines);
        let lines = ["on docker01, type", "  `systemctl unmask x.service`"];
        assert_eq!(
            wrap("on docker01, type `systemctl unmask x.service`", 26),
            lines
        );
        assert_eq!(wrap("", 26), [""]);
        assert_eq!(wrap(&"x".repeat(40), 26), ["x".repeat(40)]);
    }

    #[test]
    fn a_sentence_hangs_after_its_start() {
        let start = "\u{1b}[33m!\u{1b}[0m ";
        let lines = hanging(start, "one two three four five six", 26);
        assert_eq!(
            lines,
            [
                format!("{start}one two three four five"),
                "    six".to_owned()
            ]
        );
    }

    #[test]
    fn a_width_is_that_of_a_terminal() {
        assert_eq!(width("search"), 6);
        assert_eq!(width("東京"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(width("\u{1b}[32mstart\u{1b}[0m"), 5);
        assert_eq!(pad("東", 4), "東  ");
        assert_eq!(wrap("東京 東京 東京 東京 東京 東京", 26).len(), 2);
    }

    #[test]
    fn lists_and_counts_are_english() {
        assert_eq!(list(["a"]), "a");
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(0, "file", "files"), "0 files");
    }

    proptest! {
        #[test]
        fn different_values_never_look_the_same(
            start in "[a\u{2026}\\\\\n\"→ ]{0,30}",
            before in "[a\u{2026}\\\\n\n\"]{0,40}",
            after in "[a\u{2026}\\\\n\n\"]{0,40}",
            room in 12..40usize,
        ) {
            let (before, after) = (format!("{start}{before}"), format!("{start}{after}"));
            let (old, new) = short_pair(&before, &after, room);
            assert_eq!(before == after, old == new);
            assert_eq!(before == after, value(&before) == value(&after));
        }

        #[test]
        fn nothing_that_is_shown_can_steer_a_terminal(text in any::<String>(), room in 12..40usize) {
            for shown in [escape(&text), value(&text), short_value(&text, room)] {
                assert!(!shown.chars().any(steers), "{shown:?}");
            }
        }
    }
}
