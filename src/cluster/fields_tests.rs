use std::collections::BTreeSet;

use super::*;
use crate::cluster::{foreign, run_flags};

const PAGE: &str = include_str!("../../docs/description.md");
const HEAD: &str = "| field | meaning | default | example | restarts |\n";

/// The table of docs/description.md.
fn table() -> String {
    let mut table = HEAD.to_owned() + "| --- | --- | --- | --- | --- |\n";
    for field in SERVICE {
        let key = field.in_code();
        let since = match field.since {
            "0.1.0" => String::new(),
            version => format!(" (since {version})"),
        };
        let restarts = match field.change {
            OnChange::Restarts => "yes",
            OnChange::Keeps => "no",
        };
        let Field {
            meaning, example, ..
        } = field;
        let default = match field.default {
            "" => String::new(),
            default => format!("{default} "),
        };
        table += &format!("| {key} | {meaning}{since} | {default}| `{example}` | {restarts} |\n");
    }
    table
}

#[test]
fn the_page_has_the_table_of_fields() {
    let start = PAGE.find(HEAD).expect("the page has a table of fields");
    let end = start + PAGE[start..].find("\n\n").expect("text follows it") + 1;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let page = [&PAGE[..start], &table(), &PAGE[end..]].concat();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/description.md");
        return std::fs::write(path, page).expect("the page can be written");
    }
    assert_eq!(
        PAGE[start..end],
        table(),
        "`UPDATE_DOCS=1 cargo test the_page_has_the_table_of_fields` writes it"
    );
}

#[test]
fn each_field_and_each_flag_is_in_one_row() {
    assert_eq!(BTreeSet::from(KEYS).len(), KEYS.len());
    let mut flags = BTreeSet::new();
    for field in SERVICE {
        let own = field.flags.iter().chain(field.once_extra);
        for name in own.clone().chain(field.shared_flags) {
            let flag = run_flags::named(name).expect("`run` has the flag");
            assert_eq!((flag.name, flag.breaks), (*name, None));
        }
        for flag in own {
            assert!(flags.insert(flag), "{flag} is in one row");
        }
    }
}

/// A word of another tool is taken for a field that is written in another way there.
#[test]
fn no_field_is_a_word_of_another_tool() {
    for foreign in foreign::SERVICE {
        for word in foreign.words {
            assert!(!KEYS.contains(word), "remove `{word}` from foreign.rs");
        }
        let meant = foreign.meant.is_none_or(|meant| KEYS.contains(&meant));
        assert!(meant, "{:?} mean a field", foreign.words);
    }
}
