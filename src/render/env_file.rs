//! The files of `EnvironmentFile=`: written for one reader, systemd, and read back as it reads them.
//!
//! The grammar is systemd.exec(5)'s and `parse_env_file_internal()` of systemd's
//! `src/basic/env-file.c`. The shell, docker's `--env-file` and compose each read such a file in
//! another way.

use std::collections::BTreeSet;

use crate::cluster::model::Layer;
use crate::cluster::name::VariableName;

/// The text of an env file: a comment line, then `NAME="value"` for each variable, in the order
/// given.
///
/// Every value is quoted, and `\` and `"` are escaped, which is all that systemd's parser needs:
/// it expands neither `$` nor `%`, and a quoted value may hold line breaks and control characters.
/// A value arrives in the process byte for byte if it is UTF-8 without NUL and without Unicode's
/// noncharacters. Any other makes systemd refuse the whole file, so the checked model has none.
#[must_use]
pub fn write<'a>(
    comment: &str,
    variables: impl IntoIterator<Item = (&'a VariableName, &'a str)>,
) -> String {
    let mut text = String::from("# ");
    text.extend(
        comment
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c }),
    );
    if text.ends_with('\\') {
        // Before systemd 254 a comment that ends in a backslash swallows the next line.
        text.push(' ');
    }
    text.push('\n');
    for (name, value) in variables {
        text.push_str(name.as_str());
        text.push_str("=\"");
        for c in value.chars() {
            if matches!(c, '\\' | '"') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push_str("\"\n");
    }
    text
}

/// Replaces the values of these variables by another text.
#[must_use]
pub fn with_values_hidden(text: &str, names: &BTreeSet<VariableName>, shown: &str) -> String {
    let mut hidden = text.to_owned();
    for (name, value) in parse(text) {
        let Some(name) = names.iter().find(|known| known.as_str() == name) else {
            continue;
        };
        let line = |value: &str| {
            let text = write("", [(name, value)]);
            text.lines().skip(1).collect::<Vec<_>>().join("\n")
        };
        let written = line(&value);
        hidden = match hidden.contains(&written) {
            true => hidden.replace(&written, &line(shown)),
            // Somebody wrote it in another way.
            false if value.is_empty() => hidden,
            false => hidden.replace(&value, shown),
        };
    }
    hidden
}

/// Where the parser is, in systemd's words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ParseState {
    PreKey,
    Key,
    PreValue,
    Value,
    ValueEscape,
    SingleQuoteValue,
    DoubleQuoteValue,
    DoubleQuoteValueEscape,
    Comment,
    CommentEscape,
}

/// Reads an env file as systemd 252 does. Of a name that is assigned twice the last value counts, at
/// the place of the first.
///
/// Any text is fine. Names are given as they stand, also those that systemd drops afterwards since
/// they are no valid variable names (`export A`, a name with a BOM).
#[must_use]
pub fn parse(text: &str) -> Vec<(String, String)> {
    let mut assignments = Assignments::default();
    let mut key = Trimmed::default();
    let mut value = Trimmed::default();
    let mut state = ParseState::PreKey;

    // systemd reads up to the first NUL.
    for c in text.chars().take_while(|&c| c != '\0') {
        let newline = matches!(c, '\n' | '\r');
        let blank = newline || matches!(c, ' ' | '\t');
        match state {
            ParseState::PreKey if matches!(c, '#' | ';') => state = ParseState::Comment,
            ParseState::PreKey if blank => {}
            ParseState::PreKey => {
                state = ParseState::Key;
                key = Trimmed::default();
                key.push(c);
            }

            ParseState::Key if newline => state = ParseState::PreKey,
            ParseState::Key if c == '=' => {
                state = ParseState::PreValue;
                value = Trimmed::default();
            }
            ParseState::Key if blank => key.push_blank(c),
            ParseState::Key => key.push(c),

            ParseState::PreValue | ParseState::Value if newline => {
                state = ParseState::PreKey;
                assignments.set(key.take(), value.take());
            }
            ParseState::PreValue if c == '\'' => state = ParseState::SingleQuoteValue,
            ParseState::PreValue if c == '"' => state = ParseState::DoubleQuoteValue,
            ParseState::PreValue if c == '\\' => state = ParseState::ValueEscape,
            ParseState::PreValue if blank => {}
            ParseState::PreValue => {
                state = ParseState::Value;
                value.push(c);
            }

            ParseState::Value if c == '\\' => {
                state = ParseState::ValueEscape;
                value.keep_blanks();
            }
            ParseState::Value if blank => value.push_blank(c),
            ParseState::Value => value.push(c),

            ParseState::ValueEscape => {
                state = ParseState::Value;
                if !newline {
                    // Not `push_blank`: an escaped blank at the end of a value stays.
                    value.push_escaped(c);
                }
            }

            ParseState::SingleQuoteValue if c == '\'' => state = ParseState::PreValue,
            ParseState::SingleQuoteValue => value.push_escaped(c),

            ParseState::DoubleQuoteValue if c == '"' => state = ParseState::PreValue,
            ParseState::DoubleQuoteValue if c == '\\' => state = ParseState::DoubleQuoteValueEscape,
            ParseState::DoubleQuoteValue => value.push_escaped(c),

            ParseState::DoubleQuoteValueEscape => {
                state = ParseState::DoubleQuoteValue;
                if matches!(c, '"' | '\\' | '`' | '$') {
                    value.push_escaped(c);
                } else if c != '\n' {
                    value.push_escaped('\\');
                    value.push_escaped(c);
                }
            }

            ParseState::Comment if c == '\\' => state = ParseState::CommentEscape,
            ParseState::Comment if newline => state = ParseState::PreKey,
            ParseState::Comment => {}
            ParseState::CommentEscape => state = ParseState::Comment,
        }
    }
    // A value that the end of the text cuts off counts, even inside quotes.
    match state {
        ParseState::PreValue
        | ParseState::Value
        | ParseState::ValueEscape
        | ParseState::SingleQuoteValue
        | ParseState::DoubleQuoteValue
        | ParseState::DoubleQuoteValueEscape => assignments.set(key.take(), value.take()),
        ParseState::PreKey | ParseState::Key | ParseState::Comment | ParseState::CommentEscape => {}
    }
    assignments.list
}

/// A text whose blanks at the end may turn out not to belong to it.
#[derive(Default)]
struct Trimmed {
    text: String,
    /// Where the blanks at the end begin (systemd's `last_value_whitespace`).
    blanks: Option<usize>,
}

impl Trimmed {
    fn push(&mut self, c: char) {
        self.blanks = None;
        self.text.push(c);
    }

    fn push_blank(&mut self, c: char) {
        self.blanks.get_or_insert(self.text.len());
        self.text.push(c);
    }

    /// Quoted and escaped characters leave the mark alone, as systemd does.
    fn push_escaped(&mut self, c: char) {
        self.text.push(c);
    }

    fn keep_blanks(&mut self) {
        self.blanks = None;
    }

    fn take(&mut self) -> String {
        if let Some(end) = self.blanks.take() {
            self.text.truncate(end);
        }
        std::mem::take(&mut self.text)
    }
}

#[derive(Default)]
struct Assignments {
    list: Vec<(String, String)>,
    index: std::collections::HashMap<String, usize>,
}

impl Assignments {
    fn set(&mut self, name: String, value: String) {
        if let Some(&at) = self.index.get(&name) {
            self.list[at].1 = value;
        } else {
            self.index.insert(name.clone(), self.list.len());
            self.list.push((name, value));
        }
    }
}

/// Which layer a file of this name is. A file of somebody else counts as the last one.
#[must_use]
pub fn layer_of(path: &str) -> Layer {
    match path.split_once('-').map(|(number, _)| number) {
        Some("10") => Layer::ServiceLocations,
        Some("20") => Layer::ServiceConfig,
        Some("30") => Layer::Cluster,
        Some("35") => Layer::Host,
        _ => Layer::Service,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::nasty;
    use proptest::prelude::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn every_line_is_read_as_systemd_252_reads_it() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("A=\"x y\"", &[("A", "x y")]),
            ("A='x y'", &[("A", "x y")]),
            ("A=x y  ", &[("A", "x y")]),
            ("A= x", &[("A", "x")]),
            ("A=a#b # c", &[("A", "a#b # c")]),
            ("A=C:\\\\new", &[("A", "C:\\new")]),
            ("A=\"l1\nl2\"", &[("A", "l1\nl2")]),
            ("A=foo\\\n#bar", &[("A", "foo#bar")]),
            (";A=1", &[]),
            ("export A=1", &[("export A", "1")]),
            ("A=$HOME ${B} %n", &[("A", "$HOME ${B} %n")]),
            ("A=it's \"q\"", &[("A", "it's \"q\"")]),
            ("A={\"k\":\"v\"}", &[("A", "{\"k\":\"v\"}")]),
            ("A =1", &[("A", "1")]),
            ("A=1\nA=2", &[("A", "2")]),
            ("A=\"x\"y", &[("A", "xy")]),
            ("\u{feff}A=1", &[("\u{feff}A", "1")]),
            ("# c \\\nA=1", &[]),
            ("A=\"open\nB=2\nC=3\n", &[("A", "open\nB=2\nC=3\n")]),
            ("A=1\r\nB=2\r\n", &[("A", "1"), ("B", "2")]),
            ("A=", &[("A", "")]),
            ("A=\nB", &[("A", "")]),
            ("A=\"a\\n\\$\\`\\\"\\\\\"", &[("A", "a\\n$`\"\\")]),
            ("A=x\\ \n", &[("A", "x ")]),
            ("A='x '  \n", &[("A", "x ")]),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), pairs(expected), "{text:?}");
        }
    }

    #[test]
    fn a_file_reads_well() {
        let name = |n: &str| VariableName::new(n).unwrap();
        let (a, b, c) = (name("EMPTY"), name("JSON"), name("PEM"));
        let text = write(
            "50-search: values of search\nsecond line \\",
            [
                (&a, ""),
                (&b, r#"{"price": "5 $", "path": "C:\\new"}"#),
                (&c, "-----BEGIN-----\nMII=\n-----END-----\n"),
            ],
        );
        insta::assert_snapshot!(text.replace("\\ \n", "\\␠\n"), @r##"
        # 50-search: values of search second line \␠
        EMPTY=""
        JSON="{\"price\": \"5 $\", \"path\": \"C:\\\\new\"}"
        PEM="-----BEGIN-----
        MII=
        -----END-----
        "
        "##);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            comment in nasty(),
            variables in prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,5}", nasty(), 0..6),
        ) {
            let variables: Vec<_> = variables
                .into_iter()
                .map(|(n, v)| (VariableName::new(n).unwrap(), v))
                .collect();
            let text = write(&comment, variables.iter().map(|(n, v)| (n, v.as_str())));
            let expected: Vec<_> = variables
                .into_iter()
                .map(|(n, v)| (n.as_str().to_owned(), v))
                .collect();
            prop_assert_eq!(parse(&text), expected);
        }

        #[test]
        fn any_text_is_read(text in nasty(), more in "\\PC*") {
            let _ = parse(&text);
            let _ = parse(&more);
        }
    }
}
