//! What a host keeps of somebody who holds something: a cluster to which nothing is to be released, or a service that is to stay
//! stopped.

use serde::{Deserialize, Serialize};

use super::format::read_up_to;

/// The format that this version writes and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Who holds something, until when, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// [`FORMAT`], or an older one.
    pub format: u32,
    /// `ada@laptop`
    pub who: String,
    /// Since when, in seconds since 1970, by the clock of who holds it.
    pub since: i64,
    /// Until when, likewise; `None` until somebody ends it.
    pub until: Option<i64>,
    /// Why, in words of theirs.
    pub why: Option<String>,
    /// It is one of those that hold a whole host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drains: bool,
}

impl Hold {
    /// The text as stored: one line of JSON in ASCII, so that a shell can tell whether it is whole.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = serde_json::to_string(self).expect("a hold is plain data");
        let mut units = [0; 2];
        let mut ascii = String::with_capacity(text.len() + 1);
        for c in text.chars() {
            if c.is_ascii() && !c.is_ascii_control() {
                ascii.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
        ascii.push('\n');
        ascii
    }

    /// Reads what a host keeps. What cannot be read holds all the same, until somebody ends it: a hand, or a newer bayplan,
    /// wanted it.
    #[must_use]
    pub fn read(text: &str) -> Self {
        read_up_to(text, FORMAT).unwrap_or_else(|| Self {
            format: FORMAT,
            who: "somebody".to_owned(),
            since: 0,
            until: None,
            why: Some("what the host keeps of it cannot be read".to_owned()),
            drains: false,
        })
    }

    /// Whether it has ended by itself, at this moment.
    #[must_use]
    pub fn is_over(&self, now: i64) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::{damaged, edits};
    use super::*;

    const TEXT: &str = r#"{"format":1,"who":"ada@laptop","since":1764288000,"until":1764295200,"why":"Wartung f\u00fcr \ud83d\ude80"}
"#;

    #[test]
    fn a_hold_is_one_line_of_ascii_and_read_again() {
        let hold = Hold::read(TEXT);
        assert_eq!(hold.why.as_deref(), Some("Wartung für 🚀"));
        assert_eq!(hold.to_text(), TEXT);
        assert!(!hold.is_over(1_764_295_199));
        assert!(hold.is_over(1_764_295_200));
    }

    #[test]
    fn what_cannot_be_read_holds_until_somebody_ends_it() {
        for text in ["", "{}", "x", &TEXT.replace("\"format\":1", "\"format\":2")] {
            let hold = Hold::read(text);
            assert_eq!(hold.who, "somebody", "{text}");
            assert!(!hold.is_over(i64::MAX), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_damage_of_a_hold_makes_it_panic(edits in edits()) {
            let _ = Hold::read(&damaged(TEXT, edits));
        }

        #[test]
        fn every_hold_is_read_as_it_was(who in any::<String>(), why in any::<Option<String>>(), drains in any::<bool>(), until in any::<Option<i64>>()) {
            let hold = Hold { format: FORMAT, who, since: 7, until, why, drains };
            let text = hold.to_text();
            prop_assert!(text.trim_end().bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert_eq!(Hold::read(&text), hold);
        }
    }
}
