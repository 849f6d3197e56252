//! What becomes of files of compose.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::prelude::{any, prop_assert};
use proptest::proptest;
use proptest::sample::Index;

use super::interpolate::interpolate;
use super::yaml::plain;
use super::{ComposeInput, FoundFile, FoundPath, HowCarried, Imported, NotImported, import, units};
use crate::cluster::name::{ClusterName, VariableName};
use crate::cluster::secret::Plaintext;
use crate::cluster::{EXCERPT_WIDTH, Paint, Sources, check, excerpt};
use crate::secret::sealed;

const SHOP: &str = include_str!("../../tests/fixtures/compose-shop/compose.yml");
const ENV: &str = include_str!("../../tests/fixtures/compose-shop/env");
const KEYS: &str = include_str!("../../tests/fixtures/compose-keys.txt");

/// Somebody's key.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";

fn seal(
    cluster: &ClusterName,
    values: &BTreeMap<VariableName, Plaintext>,
) -> Result<Vec<u8>, String> {
    let recipients = BTreeMap::from([("me".to_owned(), KEY.to_owned())]);
    let vault = sealed(cluster, &recipients, values).map_err(|error| error.to_string())?;
    Ok(vault.text().into_bytes())
}

/// Imports from files of `/project`.
fn imported(files: &[(&str, &str)], named: &[&str]) -> Result<Imported, NotImported> {
    let on_disk = |path: &str| {
        let below = path.strip_prefix("/project/").unwrap_or(path);
        if let Some((_, text)) = files.iter().find(|(name, _)| *name == below) {
            return FoundPath::File {
                bytes: text.as_bytes().to_vec(),
                executable: text.starts_with("#!"),
            };
        }
        let inside = format!("{below}/");
        let found = files.iter().filter_map(|(name, text)| {
            Some(FoundFile {
                name: name.strip_prefix(&inside)?.to_owned(),
                bytes: text.as_bytes().to_vec(),
                executable: text.starts_with("#!"),
            })
        });
        let found: Vec<FoundFile> = found.collect();
        match found.is_empty() {
            true => FoundPath::Absent,
            false => FoundPath::Directory(Ok(found)),
        }
    };
    import(&ComposeInput {
        files: named.iter().map(|name| (*name).to_owned()).collect(),
        stdin: "",
        directory: "/project",
        environment: BTreeMap::new(),
        env_files: Vec::new(),
        project: None,
        profiles: Vec::new(),
        plain_secrets: false,
        read: &on_disk,
        seal: &seal,
    })
}

fn of(text: &str) -> Result<Imported, NotImported> {
    imported(&[("compose.yml", text)], &["compose.yml"])
}

/// Everything but ciphertexts, as one text.
fn shown(outcome: &Result<Imported, NotImported>) -> String {
    let imported = match outcome {
        Ok(imported) => imported,
        Err(error) => {
            return excerpt(
                &error.diagnostic,
                &error.sources,
                Paint::Plain,
                EXCERPT_WIDTH,
            );
        }
    };
    let mut text = String::new();
    for (path, file) in &imported.files {
        if !path.ends_with("/secrets.toml") {
            let bytes = String::from_utf8_lossy(&file.bytes);
            text += &format!("--- {path}\n{}\n", bytes.trim_end());
        }
    }
    text + &told(imported)
}

fn told(imported: &Imported) -> String {
    let lines = imported.told.iter().map(|line| {
        let word = match line.carried {
            HowCarried::Not => "not carried",
            HowCarried::Otherwise => "note",
        };
        format!(
            "{}:{}:{}: {word}: {}: {}\n",
            line.file, line.line, line.column, line.key, line.why
        )
    });
    lines.collect()
}

/// A file of the cluster `p`.
fn file(imported: &Result<Imported, NotImported>, name: &str) -> String {
    let imported = imported.as_ref().unwrap();
    let path = imported.files.keys().find(|path| path.ends_with(name));
    let file = &imported.files[path.unwrap_or_else(|| panic!("no {name}"))];
    String::from_utf8(file.bytes.clone()).unwrap()
}

const PROXY: [(&str, &str); 2] = [
    ("proxy/nginx.conf", "events {}\n"),
    ("proxy/conf.d/shop.conf", "server {}\n"),
];

fn shop() -> Vec<(&'static str, &'static str)> {
    let mut files = vec![("compose.yml", SHOP), (".env", ENV)];
    files.extend(PROXY);
    files
}

#[test]
fn a_stack_becomes_what_a_person_would_write() {
    let outcome = imported(&shop(), &["compose.yml"]);
    assert_snapshot!(shown(&outcome));
    // It has neither errors nor warnings.
    let imported = outcome.unwrap();
    let mut sources = Sources::new();
    for (path, file) in &imported.files {
        sources.insert(path.as_str(), file.bytes.clone());
    }
    let found = check("shop", &sources).diagnostics;
    assert!(found.is_empty(), "{found:?}");
    // No value of a secret is anywhere in the clear.
    for file in imported.files.values() {
        let text = String::from_utf8_lossy(&file.bytes);
        assert!(!text.contains("sentinel"), "{text}");
    }
    assert!(!told(&imported).contains("sentinel"));
    assert_eq!(imported.secrets, ["DB_PASSWORD", "STRIPE_KEY"]);
}

#[test]
fn later_files_go_over_earlier_ones() {
    let prod = include_str!("../../tests/fixtures/compose-shop/compose.prod.yml");
    let mut files = shop();
    files.push(("compose.prod.yml", prod));
    let outcome = imported(&files, &["compose.yml", "compose.prod.yml"]);
    let web = file(&outcome, "services/web.toml");
    assert!(!web.contains("memory"), "{web}");
    assert!(web.contains("\"warn\""), "{web}");
    let proxy = file(&outcome, "services/proxy.toml");
    assert!(proxy.contains("publish = [\"80\"]"), "{proxy}");
}

#[test]
fn what_is_included_and_extended_begins_beside_its_own_file() {
    let files = [
        (
            "compose.yml",
            "name: p\ninclude: [db/compose.yml]\nservices:\n  web:\n    extends: {file: base/base.yml, service: app}\n    command: run\n",
        ),
        (
            "db/compose.yml",
            "services:\n  db:\n    image: postgres:17\n    environment: {A: \"${A:?}\"}\n    volumes: [./init.sql:/init.sql:ro]\n",
        ),
        ("db/.env", "A=1\n"),
        ("db/init.sql", "select 1;\n"),
        (
            "base/base.yml",
            "services:\n  app:\n    image: app:1\n    volumes: [./a.conf:/a.conf:ro]\n    labels: [a=b]\n",
        ),
        ("base/a.conf", "a\n"),
    ];
    assert_snapshot!(shown(&imported(&files, &["compose.yml"])));
}

#[test]
fn what_a_service_writes_is_data_also_for_those_that_read_it() {
    let files = [
        (
            "compose.yml",
            "name: p\nservices:\n  web:\n    image: web:1\n    volumes: ['./geo:/geo:ro', './conf:/conf:ro']\n  update:\n    image: update:1\n    volumes: ['./geo:/geo']\n",
        ),
        ("geo/data", "1\n"),
        ("conf/web.conf", "a\n"),
    ];
    let outcome = imported(&files, &["compose.yml"]);
    let web = file(&outcome, "services/web.toml");
    assert!(web.contains("source = \"/project/geo\""), "{web}");
    assert!(web.contains("\"/conf\" = \"conf/\""), "{web}");
}

#[test]
fn variables_are_replaced_as_compose_does() {
    let environment = [("A", "a"), ("EMPTY", ""), ("B", "b$c")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = BTreeMap::from(environment);
    let replaced = |text: &str| {
        let mut unset = Vec::new();
        match interpolate(text, &environment, &mut unset) {
            Ok(segments) => format!("{} {unset:?}", plain(&segments)),
            Err(error) => format!("error: {}", error.what),
        }
    };
    let texts = [
        "$A ${A} x${A}y",
        "$$A $${A} $$$A",
        "${B}",
        "${EMPTY:-d} ${EMPTY-d} ${NONE:-d} ${NONE-d}",
        "${NONE:-${A}} ${NONE:-x${NONE2:-${B}}y}",
        "${A:+yes} ${EMPTY:+yes} ${EMPTY+yes} ${NONE+yes}",
        "${NONE} $NONE",
        "${A:?no} ${EMPTY?no}",
        "${EMPTY:?it is ${A}}",
        "${NONE:-a}b}",
        "${NONE:-${A}",
        "$",
        "$(date)",
        "${}",
        "${A!x}",
        "${NONE:-http://x:80/?a=b}",
    ];
    let lines = texts.map(|text| format!("{text}  =>  {}", replaced(text)));
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn sizes_durations_and_words_are_those_of_compose() {
    let sizes = [
        "512m",
        "1GB",
        "1.5g",
        "256mb",
        "1073741824",
        "100",
        "64K",
        "1t",
        "x",
        "",
    ];
    let sizes = sizes.map(|text| format!("{text} {:?}", units::size(text)));
    let times = [
        "1m30s", "90s", "500ms", "1.5s", "2h", "1d", "120s", "100us", "10", "",
    ];
    let times = times.map(|text| {
        let time = units::milliseconds(text);
        format!("{text} {:?}", time.map(units::duration))
    });
    let words = [
        "a b  c",
        "a 'b c' \"d e\"",
        "a\\ b \\\n c",
        "\"a\\\"b\\n\"",
        "'' a",
        "a '",
        "",
    ];
    let words = words.map(|text| format!("{text:?} {:?}", units::words(text)));
    assert_snapshot!(format!(
        "{}\n{}\n{}",
        sizes.join("\n"),
        times.join("\n"),
        words.join("\n")
    ));
}

#[test]
fn files_of_variables_are_read_as_compose_reads_them() {
    let env = "# comment\nexport A=1\nB = two # not this\nC=\"a\\nb ${A}\"\nD='${A} \\n'\nE=${A:-x}#y\nF=\n\nG=\"two\nlines\"\nH: yaml\nI=x'y\n";
    let compose = "name: p\nservices:\n  a:\n    image: a:1\n    env_file: [{path: a.env}, {path: b.env, required: false}]\n";
    let outcome = imported(
        &[("compose.yml", compose), ("a.env", env)],
        &["compose.yml"],
    );
    assert_snapshot!(shown(&outcome));
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases = [
        "services:\n  web: [\n",
        "- a\n",
        "",
        "services: {}\n",
        "services:\n  web:\n    image: ${TAG:?say which one}\n",
        "services:\n  web:\n    image: a\n    image: b\n",
        "services:\n  web:\n    image: a$(x)\n",
        "services:\n  web:\n    extends: web\n",
        "services:\n  web:\n    extends: {service: a, file: none.yml}\n",
        "include: [compose.yml]\nservices: {a: {image: b}}\n",
        "services: !custom {a: {image: b}}\n",
        "services:\n  a_b: {image: a}\n  a-b: {image: a}\n",
        "services:\n  web: {image: \"BAD NAME\"}\n",
        "a: &a [*a]\n",
        "a: 1\n---\nb: 2\n",
        "services:\n  web: text\n",
    ];
    let cases = cases.map(|text| format!("{text}\n{}\n", shown(&of(text))));
    assert_snapshot!(cases.join("\n====\n"));
}

#[test]
fn aliases_do_not_grow_without_end() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text += &format!("a{level}: &a{level} [{below}]\n");
    }
    assert!(shown(&of(&text)).contains("aliases stand for more"));
    let deep = format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(of(&deep).is_err());
}

/// Keys that say nothing about a container, or are said elsewhere.
const MEAN_NOTHING: [&str; 6] = [
    "attach",
    "pull_policy",
    "profiles",
    "extends",
    "container_name",
    "stdin_open",
];

#[test]
fn every_key_of_compose_changes_something_or_is_told() {
    const BASE: &str = "name: p\nservices:\n  db: {image: db:1}\n  web:\n    image: web:1\n";
    let base = shown(&of(BASE));
    let mut silent = Vec::new();
    for key in KEYS.lines() {
        if key.starts_with('/') || MEAN_NOTHING.iter().any(|quiet| key.starts_with(quiet)) {
            continue;
        }
        // `deploy.resources.limits.cpus`, `ports[].target`, `ulimits.*.soft`
        let mut text = "2".to_owned();
        for part in key.rsplit('.') {
            let name = part.trim_end_matches("[]");
            let name = if name == "*" { "db" } else { name };
            text = match part.ends_with("[]") {
                true => format!("{{{name}: [{text}]}}"),
                false => format!("{{{name}: {text}}}"),
            };
        }
        let inner = text.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
        // A value that is what holds anyhow says nothing, so one of the forms must show.
        let any = [
            inner.to_owned(),
            inner.replace('2', "[a]"),
            inner.replace('2', "{a: b}"),
            inner.replace('2', "true"),
        ]
        .iter()
        .any(|line| shown(&of(&format!("{BASE}    {line}\n"))) != base);
        if !any {
            silent.push(key);
        }
    }
    assert_eq!(silent, Vec::<&str>::new(), "these are dropped in silence");
}

#[test]
fn what_check_refuses_is_taken_out_and_told() {
    let outcome = of(
        "name: p\nservices:\n  web:\n    image: web:1\n    sysctls: {vm.max_map_count: 262144}\n    user: \"a b\"\n    tmpfs: [/run, \"/tmp:size=lots\"]\n    environment: {IMAGE: x, OK: y}\n",
    );
    assert_snapshot!(shown(&outcome));
}

#[test]
fn a_password_in_a_url_is_the_secret_that_it_is() {
    let outcome = of(
        "name: p\nservices:\n  db:\n    image: db:1\n    environment: {DB_PASSWORD: sentinel, LONG_KEY: sentinel-of-sixteen}\n  web:\n    image: web:1\n    command: run sentinel-of-sixteen\n    tmpfs: ['/x:sentinel-of-sixteen']\n    environment:\n      URL: 'db://app:sentinel@db/sentinel?k=sentinel-of-sixteen'\n      OTHER: 'db://app:unknown@db'\n      NONE: 'http://db:80/x'\n",
    );
    assert_snapshot!(shown(&outcome));
}

#[test]
fn templates_of_values_are_text() {
    let outcome = of(
        "name: p\nservices:\n  web:\n    image: web:1\n    environment:\n      A: '{{.Name}} {% if x %} {{{ }}'\n      B: |\n        two\n        lines\n      C: 0755\n      D: 1.10\n      E: 'it''s \\ \"'\n      F: yes\n      G: ~\n",
    );
    assert_snapshot!(file(&outcome, "web.toml"));
}

proptest! {
    #[test]
    fn no_damage_of_a_file_makes_a_panic(
        at in any::<Index>(),
        length in 0usize..40,
        with in "[ \\n:{}\\[\\]&*!|>'\"$#,a-]{0,6}",
        second in any::<Index>(),
    ) {
        let mut damaged: Vec<char> = SHOP.chars().collect();
        let start = at.index(damaged.len());
        let end = (start + length).min(damaged.len());
        let moved: Vec<char> = damaged.splice(start..end, with.chars()).collect();
        let to = second.index(damaged.len());
        damaged.splice(to..to, moved);
        let damaged: String = damaged.into_iter().collect();
        let mut files = vec![("compose.yml", damaged.as_str()), (".env", ENV)];
        files.extend(PROXY);
        let outcome = imported(&files, &["compose.yml"]);
        // What comes out is a description without errors, or an error with a place.
        if let Ok(imported) = &outcome {
            prop_assert!(imported.services > 0);
        }
        prop_assert!(!shown(&outcome).is_empty());
    }

    #[test]
    fn no_bytes_make_a_panic(text in "\\PC{0,300}") {
        let _ = shown(&of(&text));
    }
}
