//! docs/compose.md says what becomes of each key of a compose file: no key is missing, none is there twice, and each
//! field that it names exists.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![expect(clippy::disallowed_methods, reason = "reads the page")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bayplan::cluster::fields;

/// Every key of a service in the compose specification (its JSON schema of June 2026), and of what stands beside the services,
/// with a `/` before it. `[]` is an entry of a list, `*` a name of the user's choice.
const KEYS: &str = include_str!("fixtures/compose-keys.txt");

/// The tables of a cluster that a row may name, in brackets.
const TABLES: [&str; 7] = [
    "defaults", "env", "files", "health", "networks", "place", "vars",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A row of the page.
struct Row {
    /// The keys of compose.
    keys: Vec<String>,
    /// `Field`, `Part` or `—`.
    becomes: String,
    /// What to write, or why nothing.
    text: String,
}

fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(Path::new(&root()).join("docs/compose.md")).unwrap();
    let lines = page.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let line = line.strip_prefix("| ").unwrap().strip_suffix(" |").unwrap();
            let cells: Vec<&str> = line.splitn(3, " | ").collect();
            let [keys, becomes, text] = cells[..] else {
                panic!("expected three cells, found `{line}`")
            };
            Row {
                keys: spans(keys),
                becomes: becomes.to_owned(),
                text: text.to_owned(),
            }
        })
        .collect()
}

/// What stands between backticks.
fn spans(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_key_of_compose_has_its_row() {
    let mut known: BTreeSet<&str> = KEYS.lines().collect();
    assert!(known.len() > 280);
    for row in rows() {
        for key in row.keys {
            assert!(known.remove(key.as_str()), "`{key}` is no key, or twice");
        }
    }
    assert_eq!(known, BTreeSet::new(), "these have no row");
}

/// Whether a span begins with a field of a service or a table of a cluster: `memory = "1g"`, `[place]`.
fn names_a_field(span: &str) -> bool {
    if let Some(table) = span.strip_prefix('[') {
        let name = table.split(']').next().unwrap();
        return TABLES.contains(&name);
    }
    let word = span
        .split(|c: char| !c.is_ascii_lowercase() && c != '_')
        .next()
        .unwrap();
    fields::SERVICE.iter().any(|field| field.key == word)
}

#[test]
fn what_becomes_a_field_names_one_that_there_is() {
    for row in rows() {
        let becomes = row.becomes.as_str();
        assert!(["Field", "Part", "—"].contains(&becomes), "`{becomes}`");
        assert!(!row.text.is_empty(), "{:?} says nothing", row.keys);
        if becomes == "Field" {
            let named = spans(&row.text);
            assert!(
                named.iter().any(|span| names_a_field(span)),
                "{:?} names no field: {}",
                row.keys,
                row.text
            );
        }
    }
}
