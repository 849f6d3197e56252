//! docs/compose.md says what becomes of each key of a compose file and of each form of a value: none is missing, none is
//! there twice, each field that it names exists, and what it says to write is taken.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![expect(clippy::disallowed_methods, reason = "reads the page")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bayplan::cluster::diagnostic::Level;
use bayplan::cluster::{Sources, check, fields};

/// Every key of a service in the compose specification (its JSON schema of June 2026), and of what stands beside the services,
/// with a `/` before it. `[]` is an entry of a list, `*` a name of the user's choice.
const KEYS: &str = include_str!("fixtures/compose-keys.txt");

/// The forms that a value of a service has: those between which the schema gives the choice (a text, a list, a table), and words
/// that it leaves to the text of the specification. Not those of keys that are not carried.
const FORMS: &str = include_str!("fixtures/compose-forms.txt");

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
fn every_key_and_form_of_compose_has_its_row() {
    let mut known: BTreeSet<&str> = KEYS.lines().chain(FORMS.lines()).collect();
    assert!(known.len() > 370);
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
    let mut without = Vec::new();
    for row in rows() {
        let becomes = row.becomes.as_str();
        assert!(["Field", "Part", "—"].contains(&becomes), "`{becomes}`");
        assert!(!row.text.is_empty(), "{:?} says nothing", row.keys);
        if becomes == "Field" && !spans(&row.text).iter().any(|span| names_a_field(span)) {
            without.push(row.keys);
        }
    }
    assert_eq!(without, Vec::<Vec<String>>::new(), "these name no field");
}

/// A cluster in which a line of a row may stand.
fn surroundings(place: &str, networks: &str, web: &str) -> Sources {
    let mut sources = Sources::new();
    sources.insert(
        "clusters/test/cluster.toml",
        format!(
            "[hosts.docker01]\naddress = \"10.0.0.1\"\n[place]\ndb = \"docker01\"\n{place}\n[vars]\nTZ = \"UTC\"\n[networks]\nbackend = {{}}\nmail = {{ subnet = \"172.22.1.0/24\" }}\n{networks}\n"
        ),
    );
    let image = "image = \"example/web\"\ntag = \"1.0\"\n";
    sources.insert("clusters/test/services/db.toml", image);
    sources.insert("clusters/test/services/web.toml", web);
    sources
}

/// Whether this line has no errors in one of the places that the page speaks of.
fn is_taken(line: &str) -> bool {
    const IMAGE: &str = "image = \"example/web\"\n";
    const WEB: &str = "web = \"docker01\"";
    let tagged = format!("{IMAGE}tag = \"1.0\"\n");
    let web = |lines: &str| surroundings(WEB, "", lines);
    [
        web(&format!("{tagged}{line}\n")),
        web(&format!("{tagged}networks = [\"backend\"]\n{line}\n")),
        web(&format!("{tagged}[health]\n{line}\n")),
        web(&format!("{tagged}[health]\ncommand = [\"a\"]\n{line}\n")),
        web(&format!("{tagged}dns = {{ {line} }}\n")),
        web(&format!("{tagged}ulimits = {{ {line} }}\n")),
        web(&format!("{tagged}volumes = [{line}]\n")),
        web(&format!("{IMAGE}{line}\n")),
        web(&format!("{}\n", line.replace("\"web\"", "\"db\""))),
        surroundings(line, "", &tagged),
        surroundings(WEB, &format!("other = {{ {line} }}"), &tagged),
    ]
    .iter()
    .any(|sources| {
        let found = check("test", sources).diagnostics;
        found.iter().all(|one| one.level != Level::Error)
    })
}

#[test]
fn what_a_row_says_to_write_is_taken() {
    let mut written = 0;
    let mut refused = Vec::new();
    for row in rows() {
        for line in spans(&row.text) {
            // A secret needs its ciphertext, and a file of the repository is there or not.
            let hidden = ["…", "secrets =", "template ="];
            let line = match line.strip_prefix("--") {
                Some(flag) => format!("extra_args = [\"--{flag}\", \"1\"]"),
                None => line.replace("\\|", "|"),
            };
            if !line.contains(" = ") || hidden.iter().any(|part| line.contains(part)) {
                continue;
            }
            written += 1;
            if !is_taken(&line) {
                refused.push((row.keys.clone(), line));
            }
        }
    }
    assert_eq!(refused, [], "these have errors");
    assert!(written > 35, "{written}");
    assert!(!is_taken("memory = \"lots\""));
    assert!(!is_taken("extra_args = [\"--restart\", \"always\"]"));
}
