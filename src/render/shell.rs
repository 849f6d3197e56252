//! How words are written for a shell: in units, in scripts for hosts, and in what a reader is to type.

/// One word of `sh`, whatever the text is. (A NUL cannot be in a word, nor in a name of a file.)
///
/// Units of released services have words that this wrote: so for a text it never writes another word.
#[must_use]
pub fn quote(text: &str) -> String {
    if !text.is_empty() && is_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Whether a text means nothing but itself, to a shell and to whoever reads what is written like one.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-+./:=,@%".contains(&b);
    text.bytes().all(plain)
}

/// Words of `sh` as one word: what `eval` takes apart again.
#[must_use]
pub fn quote_all<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let words: Vec<String> = texts.into_iter().map(quote).collect();
    quote(&words.join(" "))
}

/// A text for a place between `"…"`.
#[must_use]
pub fn in_double_quotes(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '"' | '$' | '`') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn printed(words: &str) -> Vec<u8> {
        let script = format!("printf '%s' {words}");
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        output.stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_text_is_one_word(text in "[^\0]{0,40}") {
            prop_assert_eq!(printed(&quote(&text)), text.as_bytes());
            let between = format!("\"{}\"", in_double_quotes(&text));
            prop_assert_eq!(printed(&between), text.as_bytes());
        }
    }

    #[test]
    fn a_word_that_is_plain_stays_as_it_is() {
        for (text, word) in [
            ("", "''"),
            ("--a=b,c:/d@1.0%+_", "--a=b,c:/d@1.0%+_"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("~", "'~'"),
        ] {
            assert_eq!(quote(text), word);
        }
    }
}
