//! Unit files as text: quoting words for them, and reading them as systemd does.
//!
//! The grammar is systemd.syntax(7)'s and systemd.service(5)'s ("Command lines");
//! `config_parse()` of systemd's `src/shared/conf-parser.c` and `extract_first_word()` of
//! `src/basic/extract-word.c` decide where these leave a question.

use std::fmt::Write as _;

/// Quotes a word for a command line (`ExecStart=` and its like), so that the process gets just
/// this word: no specifier (`%`) and no variable (`$`) in it is expanded, and neither white space,
/// quotes, backslashes nor control characters end or change it. A simple word stays as it is.
#[must_use]
pub fn quote_word(word: &str) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || "_-+./:=,@%$^~".contains(c);
    let bare = !word.is_empty() && word.chars().all(simple);
    // Quotes that the word does not hold itself read better.
    let quote = if word.contains('"') && !word.contains('\'') {
        '\''
    } else {
        '"'
    };
    let mut quoted = String::with_capacity(word.len() + 2);
    if !bare {
        quoted.push(quote);
    }
    escape_into(&mut quoted, word, quote);
    if !bare {
        quoted.push(quote);
    }
    quoted
}

/// Quotes one word made of several lines so that the unit shows each on a line of its own. The
/// process gets them joined by blanks: for a script whose lines end in `;` or a keyword, and of
/// which none begins like a comment.
#[must_use]
pub fn quote_lines(lines: &[String]) -> String {
    let mut quoted = String::from("'");
    for (i, line) in lines.iter().enumerate() {
        if i > 0 {
            quoted.push_str(" \\\n    ");
        }
        escape_into(&mut quoted, line, '\'');
    }
    quoted.push('\'');
    quoted
}

fn escape_into(text: &mut String, word: &str, quote: char) {
    for c in word.chars() {
        match c {
            '%' => text.push_str("%%"),
            '$' => text.push_str("$$"),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c == quote => {
                text.push('\\');
                text.push(c);
            }
            c if c.is_ascii_control() => {
                write!(text, "\\x{:02x}", c as u32).expect("writing to a string does not fail");
            }
            // `\x` would be one byte; these are two in UTF-8.
            c if c.is_control() => {
                write!(text, "\\u{:04x}", c as u32).expect("writing to a string does not fail");
            }
            c => text.push(c),
        }
    }
}

/// A unit file as systemd reads it, and the lines that systemd would complain about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// The assignments in their order.
    pub assignments: Vec<Assignment>,
    /// The lines that are none, in their order.
    pub problems: Vec<SyntaxProblem>,
}

/// `Key=value` in a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The section, without brackets.
    pub section: String,
    /// What stands before the `=`.
    pub key: String,
    /// Continuation lines joined, white space at both ends gone, nothing else undone.
    pub value: String,
    /// Where it begins, from 1.
    pub line: usize,
}

/// A line that is no part of a unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// From 1.
    pub line: usize,
    /// What was expected, and what was found.
    pub message: String,
}

impl Unit {
    /// The values of a key in their order. An empty value takes back those before it, which is what
    /// it means for every key that can be given more than once.
    #[must_use]
    pub fn values(&self, section: &str, key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for entry in &self.assignments {
            if entry.section == section && entry.key == key {
                if entry.value.is_empty() {
                    values.clear();
                } else {
                    values.push(entry.value.as_str());
                }
            }
        }
        values
    }
}

/// systemd's `WHITESPACE`.
const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Reads a unit file. Any text gives a result: what systemd would ignore with a warning, or refuse,
/// is among the [problems](Unit::problems).
#[must_use]
pub fn parse_unit(text: &str) -> Unit {
    let mut unit = Unit::default();
    let mut section: Option<String> = None;
    // A line that goes on, and where it began.
    let mut open: Option<(usize, String)> = None;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A line ends at `\n`, `\r\n` or a lone `\r`.
    let lines = text
        .split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    for (index, line) in lines.enumerate() {
        let line = line.trim_start_matches(WHITESPACE);
        // Comments inside continuations are skipped; an empty line ends one.
        if line.starts_with(['#', ';']) {
            continue;
        }
        let (start, mut joined) = open.take().unwrap_or_else(|| (index + 1, String::new()));
        joined.push_str(line);
        let backslashes = joined.bytes().rev().take_while(|&b| b == b'\\').count();
        if backslashes % 2 == 1 {
            joined.pop();
            joined.push(' ');
            open = Some((start, joined));
        } else {
            parse_line(&mut unit, &mut section, start, &joined);
        }
    }
    if let Some((start, joined)) = open {
        parse_line(&mut unit, &mut section, start, &joined);
    }
    unit
}

fn parse_line(unit: &mut Unit, section: &mut Option<String>, line: usize, text: &str) {
    let text = text.trim_matches(WHITESPACE);
    if text.is_empty() {
        return;
    }
    let mut problem = |message: String| unit.problems.push(SyntaxProblem { line, message });
    if let Some(name) = text.strip_prefix('[') {
        match name.strip_suffix(']') {
            Some(name) => *section = Some(name.to_owned()),
            None => problem(format!("expected `[Section]`, found `{text}`")),
        }
        return;
    }
    let assignment = text.split_once('=');
    let Some((key, value)) = assignment.filter(|(key, _)| !key.is_empty()) else {
        problem(format!("expected `Key=value`, found `{text}`"));
        return;
    };
    let Some(section) = section else {
        problem(format!("expected a section before `{text}`, found none"));
        return;
    };
    unit.assignments.push(Assignment {
        section: section.clone(),
        key: key.trim_end_matches(WHITESPACE).to_owned(),
        value: value.trim_matches(WHITESPACE).to_owned(),
        line,
    });
}

/// Why a value cannot be split into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quote is open at the end: systemd ignores such a line.
    #[error("expected a closing quote, found the end of the line")]
    Unbalanced,
    /// Escapes can make any bytes.
    #[error("expected UTF-8, found escapes that make other bytes")]
    NotUtf8,
}

/// Splits a value into words as systemd does for command lines: separated by white space, quotes and
/// C escapes undone. Specifiers and variables are left as they are (see [`expand_nothing`]).
///
/// An escape that systemd does not know stays as it is, as there (which warns about it).
///
/// # Errors
/// A quote is not closed, or the bytes that escapes make are not UTF-8.
pub fn split_words(value: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut rest = value.trim_start_matches(WHITESPACE);
    while !rest.is_empty() {
        let (word, after) = first_word(rest)?;
        words.push(word);
        rest = after.trim_start_matches(WHITESPACE);
    }
    Ok(words)
}

/// The first word of a text that begins with one, and what follows it.
fn first_word(text: &str) -> Result<(String, &str), SplitError> {
    let special = |b: u8| matches!(b, b'\\' | b'"' | b'\'' | b' ' | b'\t' | b'\n' | b'\r');
    let bytes = text.as_bytes();
    let mut word = Vec::new();
    let mut quote = None;
    let mut at = 0;
    while at < bytes.len() {
        // Plain bytes are copied in one go: this runs for every word of every unit.
        let plain = bytes[at..].iter().position(|&b| special(b));
        let end = plain.map_or(bytes.len(), |n| at + n);
        word.extend_from_slice(&bytes[at..end]);
        at = end;
        let Some(&b) = bytes.get(at) else { break };
        at += 1;
        match b {
            b'\\' if at == bytes.len() && quote.is_some() => return Err(SplitError::Unbalanced),
            b'\\' => at += unescape(&text[at..], &mut word),
            b if quote == Some(b) => quote = None,
            b'"' | b'\'' if quote.is_none() => quote = Some(b),
            _ if quote.is_none() => break,
            b => word.push(b),
        }
    }
    if quote.is_some() {
        return Err(SplitError::Unbalanced);
    }
    let word = String::from_utf8(word).map_err(|_| SplitError::NotUtf8)?;
    Ok((word, &text[at..]))
}

/// Undoes one escape, given what follows the backslash; the number of bytes that it took. After
/// `cunescape_one()` of systemd's `src/basic/escape.c`: NUL and what is no escape stay as they are.
fn unescape(text: &str, word: &mut Vec<u8>) -> usize {
    let code = |from: usize, digits: usize, radix: u32| {
        let digits = text.get(from..from + digits)?;
        // `from_str_radix` takes a sign, systemd does not.
        let valid = digits.chars().all(|c| c.is_digit(radix));
        let code = u32::from_str_radix(digits, radix).ok().filter(|_| valid)?;
        (code != 0).then_some(code)
    };
    let byte = |from, digits, radix| code(from, digits, radix).and_then(|c| u8::try_from(c).ok());
    let Some(c) = text.chars().next() else {
        word.push(b'\\');
        return 0;
    };
    let (taken, simple) = match c {
        'a' => (1, Some(0x07)),
        'b' => (1, Some(0x08)),
        'f' => (1, Some(0x0c)),
        'n' => (1, Some(b'\n')),
        'r' => (1, Some(b'\r')),
        't' => (1, Some(b'\t')),
        'v' => (1, Some(0x0b)),
        's' => (1, Some(b' ')),
        '\\' => (1, Some(b'\\')),
        '"' => (1, Some(b'"')),
        '\'' => (1, Some(b'\'')),
        'x' => (3, byte(1, 2, 16)),
        '0'..='7' => (3, byte(0, 3, 8)),
        'u' | 'U' => {
            let digits = if c == 'u' { 4 } else { 8 };
            if let Some(c) = code(1, digits, 16).and_then(char::from_u32) {
                word.extend(c.encode_utf8(&mut [0; 4]).bytes());
                return 1 + digits;
            }
            (1, None)
        }
        _ => (1, None),
    };
    if let Some(byte) = simple {
        word.push(byte);
        return taken;
    }
    word.push(b'\\');
    word.extend(c.encode_utf8(&mut [0; 4]).bytes());
    c.len_utf8()
}

/// What a process gets of a word in which every `%` and `$` is doubled, as [`quote_word`] does.
#[must_use]
pub fn expand_nothing(word: &str) -> String {
    word.replace("%%", "%").replace("$$", "$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::nasty;
    use proptest::prelude::*;

    #[test]
    fn simple_words_stay_and_others_are_quoted() {
        let cases = [
            ("9000:9000", "9000:9000"),
            ("/var/lib/x", "/var/lib/x"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("50%", "50%%"),
            ("$HOME", "$$HOME"),
            ("a\\b", "\"a\\\\b\""),
            ("say \"hi\"", "'say \"hi\"'"),
            ("it's \"so\"", "\"it's \\\"so\\\"\""),
            (";", "\";\""),
            ("a\nb\tc\u{1}\u{7f}", "\"a\\nb\\tc\\x01\\x7f\""),
            ("\u{85}é", "\"\\u0085é\""),
            ("#", "\"#\""),
        ];
        for (word, quoted) in cases {
            assert_eq!(quote_word(word), quoted, "{word:?}");
        }
    }

    #[test]
    fn words_are_split_as_systemd_splits_them() {
        let cases: [(&str, Result<&[&str], SplitError>); 15] = [
            ("", Ok(&[])),
            ("  a \t b ", Ok(&["a", "b"])),
            ("\"a b\" 'c d'", Ok(&["a b", "c d"])),
            ("a\"b c\"d", Ok(&["ab cd"])),
            ("\"\" x", Ok(&["", "x"])),
            (r"a\x20b\u00e9\U0001f6a2\101\s", Ok(&["a béé"])),
            (r"\xc3\xa9", Ok(&["é"])),
            (r"\xff", Err(SplitError::NotUtf8)),
            (r"\x00 \u0000 \000", Ok(&[r"\x00", r"\u0000", r"\000"])),
            (
                r"\q \xzz \u12 \x+1",
                Ok(&[r"\q", r"\xzz", r"\u12", r"\x+1"]),
            ),
            ("\\é", Ok(&["\\é"])),
            ("trailing\\", Ok(&["trailing\\"])),
            ("\"open", Err(SplitError::Unbalanced)),
            ("'open\\", Err(SplitError::Unbalanced)),
            (r#"'it\'s "so"'"#, Ok(&["it's \"so\""])),
        ];
        for (value, expected) in cases {
            let expected = expected.map(|words| {
                words
                    .iter()
                    .map(|w| w.replace("a béé", "a bé🚢A "))
                    .collect::<Vec<_>>()
            });
            assert_eq!(split_words(value), expected, "{value:?}");
        }
    }

    #[test]
    fn comments_and_continuations_are_read_as_systemd_reads_them() {
        let unit = parse_unit(
            "# before\n\
             [Unit]\n\
             Description = a thing \n\
             \n\
             [Service]\n\
             ExecStart=/bin/a \\\n\
             # a comment inside\n\
             \t; another\n\
             \t  --flag \\\\\\\n\
             \t--more\\\\\n\
             Environment=\n\
             X-Mine=1\\",
        );
        let entries: Vec<_> = unit
            .assignments
            .iter()
            .map(|e| format!("{} {} {}={}", e.line, e.section, e.key, e.value))
            .collect();
        assert_eq!(
            entries,
            [
                "3 Unit Description=a thing",
                "6 Service ExecStart=/bin/a  --flag \\\\ --more\\\\",
                "11 Service Environment=",
                "12 Service X-Mine=1",
            ]
        );
        assert_eq!(unit.problems, []);
    }

    #[test]
    fn lines_that_are_no_assignments_are_told() {
        let unit = parse_unit("A=1\n[Service\n[Service]\nrubbish\n=x\n");
        let problems: Vec<_> = unit
            .problems
            .iter()
            .map(|p| format!("{}: {}", p.line, p.message))
            .collect();
        assert_eq!(
            problems,
            [
                "1: expected a section before `A=1`, found none",
                "2: expected `[Section]`, found `[Service`",
                "4: expected `Key=value`, found `rubbish`",
                "5: expected `Key=value`, found `=x`",
            ]
        );
    }

    #[test]
    fn an_empty_value_takes_back_those_before_it() {
        let unit = parse_unit("[Service]\nExecStart=a\nExecStart=\nExecStart=b\n[Install]\n");
        assert_eq!(unit.values("Service", "ExecStart"), ["b"]);
    }

    proptest! {
        #[test]
        fn a_quoted_word_is_one_word_again(word in nasty()) {
            let words = split_words(&quote_word(&word)).unwrap();
            prop_assert_eq!(words.len(), 1);
            // Undone one by one: `expand_nothing` would take the second half of one pair and the
            // first half of the next for a pair only if the doubling were not complete.
            prop_assert_eq!(expand_nothing(&words[0]), word);
        }

        #[test]
        fn quoted_words_in_a_unit_stay_apart(list in prop::collection::vec(nasty(), 0..5)) {
            let quoted: Vec<_> = list.iter().map(|w| quote_word(w)).collect();
            let text = format!("[Service]\nExecStart=/bin/x {}\n", quoted.join(" \\\n    "));
            let unit = parse_unit(&text);
            prop_assert_eq!(&unit.problems, &[]);
            let words = split_words(&unit.assignments[0].value).unwrap();
            let words: Vec<_> = words[1..].iter().map(|w| expand_nothing(w)).collect();
            prop_assert_eq!(words, list);
        }

        #[test]
        fn any_text_is_read(text in nasty(), more in "\\PC*") {
            for text in [text, more] {
                for entry in parse_unit(&text).assignments {
                    let _ = split_words(&entry.value);
                }
                let _ = split_words(&text);
            }
        }
    }
}
