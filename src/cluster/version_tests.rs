use std::collections::BTreeSet;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::{collection, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::cluster::bump::{BumpError, bumps};
use crate::cluster::name::ClusterName;

fn version(text: &str) -> ImageVersion {
    ImageVersion::new(text).unwrap()
}

/// Lines as people write them around a version, none of which is one.
fn around() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        Just(String::new()),
        Just("# é tag = '1.4.2' [ \"".to_owned()),
        "#[ -~]{0,20}",
        "[ \t]{1,4}",
        "k[a-z]{6,9} *= *[1-9][0-9]{0,3} *(#[ -~]{0,9})?",
        "s[a-z]{6,9}\t= \"tag = 'x'\"  # tag = \"1\"",
        "l[a-z]{6,9} = \\[ *1 *, *2,? *\\]",
        "m[a-z]{6,9} = \"\"\"\ntag = \"5\"\n\"\"\"",
        "n[a-z]{6,9} = '''\ntag = \"6\"'''",
    ];
    collection::vec(line, 0..8)
}

/// A whole file: what is before the version, the version, what is behind it, and its line ends.
fn file() -> impl Strategy<Value = (String, String, String, &'static str)> {
    let tail = prop_oneof![
        Just(""),
        Just("\n[env]\ntag = \"7\"\n"),
        Just("\n\n[health] # tag\nhttp = '/'"),
        Just("\nimage = 'a' # no line end"),
    ];
    let field = (
        select(vec!["tag", "\"tag\"", "'tag'", "  tag", "\ttag"]),
        select(vec!["=", " = ", "     =", "\t=\t"]),
        select(vec!['"', '\'']),
        "[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}",
        select(vec!["", " ", "  # why", "\t# tag = \"9\"", " # é"]),
    );
    let bom = select(vec!["", "\u{feff}"]);
    let ends = select(vec!["\n", "\r\n"]);
    (bom, around(), field, around(), tail, ends).prop_map(
        |(bom, before, (key, equals, quote, version, comment), after, tail, ends)| {
            let mut seen = BTreeSet::new();
            // A key may stand only once.
            let mut once = |line: &String| match line.split_once('=') {
                Some((key, _)) if !key.contains('#') => seen.insert(key.trim().to_owned()),
                Some(_) | None => true,
            };
            let before: Vec<String> = before.into_iter().filter(&mut once).collect();
            let after: Vec<String> = after.into_iter().filter(&mut once).collect();
            let before: String = before.into_iter().map(|line| line + "\n").collect();
            let after: String = after.into_iter().map(|line| format!("\n{line}")).collect();
            let ended = |text: String| text.replace('\n', ends);
            (
                ended(format!("{bom}{before}{key}{equals}{quote}")),
                version,
                ended(format!("{quote}{comment}{after}{tail}")),
                ends,
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_bump_changes_one_line_and_in_it_the_version(
        (before, old, after, ends) in file(),
        new in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}",
        digest in any::<bool>(),
    ) {
        let new = if digest { format!("{new}@sha256:{}", "0a".repeat(32)) } else { new };
        let text = format!("{before}{old}{after}");
        let bumped = bump(&text, &version(&new)).unwrap();
        prop_assert_eq!(&bumped.text, &format!("{before}{new}{after}"));
        let lines: Vec<&str> = text.split(ends).collect();
        let now: Vec<&str> = bumped.text.split(ends).collect();
        prop_assert_eq!(lines.len(), now.len());
        let differ = (1..=lines.len()).filter(|line| lines[line - 1] != now[line - 1]);
        prop_assert!(differ.eq((old != new).then_some(bumped.line)));
        prop_assert_eq!((lines[bumped.line - 1], now[bumped.line - 1]), (&*bumped.before, &*bumped.after));
        // What stands there is read as it was typed.
        let table: toml::Table = bumped.text.trim_start_matches('\u{feff}').parse().unwrap();
        prop_assert_eq!(table["tag"].as_str(), Some(new.as_str()));
        // There and back is nothing.
        prop_assert_eq!(bump(&bumped.text, &version(&old)).unwrap().text, text);
    }

    #[test]
    fn a_bump_of_anything_is_an_error_or_another_text(text in ".{0,60}", key in select(vec!["", "tag = "])) {
        let text = format!("{key}{text}");
        if let Ok(bumped) = bump(&text, &version("2")) {
            let read = bumped.text.trim_start_matches('\u{feff}').parse::<toml::Table>();
            let read = read.unwrap();
            prop_assert_eq!(read["tag"].as_str(), Some("2"));
        }
    }
}

#[test]
fn what_is_no_text_on_one_line_is_refused_with_its_place() {
    for (text, line, what) in [
        ("\ntag = 5\n", Some(2), "another form"),
        ("tag = \"\"\"\n1\"\"\"\n", Some(1), "another form"),
        ("tag = '''1'''\n", Some(1), "another form"),
        ("[env]\ntag = \"1\"\n", None, "expected `tag`, found none"),
        ("tag = \"1\"\ntag = \"2\"\n", None, "expected TOML"),
        ("tag = \"1\n", None, "expected TOML"),
    ] {
        let error = bump(text, &version("2")).unwrap_err();
        assert_eq!(error.line, line, "{text}");
        assert!(error.what.contains(what), "{text}: {}", error.what);
    }
}

#[test]
fn versions_that_no_registry_has_are_refused() {
    for text in [
        "",
        " ",
        "a b",
        "1:2",
        ".1",
        "sha256:0",
        "1@sha256:0",
        "a\n",
        "\"",
        "1+2",
    ] {
        let error = ImageVersion::new(text).unwrap_err();
        assert!(error.starts_with("expected "), "{text}: {error}");
    }
    assert!(ImageVersion::new("1.5.0").is_ok());
}

/// A cluster of `api`, of `worker` and `mail` made from it, and of `web`, which is pinned.
fn sources() -> Sources {
    let mut sources = Sources::new();
    for (path, text) in [
        ("cluster.toml", "[hosts.a]\ndirectory = \"a\"\n"),
        ("services/api.toml", "image = \"api\"\ntag = \"1\"\n"),
        ("services/worker.toml", "from = \"api\"\n"),
        (
            "services/mail.toml",
            "from = \"worker\"\nimage = \"mail\"\n",
        ),
        ("services/own.toml", "from = \"api\"\ntag = \"7\"\n"),
        (
            "services/web.toml",
            "image = \"web\"\ndigest = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n",
        ),
        (
            "services/both.toml",
            "image = \"both\"\ntag = \"1@sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n",
        ),
        ("services/odd.toml", "image = \"odd\"\n"),
    ] {
        sources.insert(format!("clusters/c/{path}"), text);
    }
    sources
}

fn asked(words: &[&str]) -> Result<Vec<String>, Box<BumpError>> {
    let wanted: Vec<_> = words
        .iter()
        .map(|word| {
            let (service, text) = word.split_once('=').unwrap();
            (ServiceName::new(service).unwrap(), version(text))
        })
        .collect();
    let found = bumps(&ClusterName::new("c").unwrap(), &sources(), &wanted)?;
    let told = found.iter().map(|bump| {
        let along: Vec<&str> = bump.along.iter().map(ServiceName::as_str).collect();
        format!(
            "{} {} {} {}",
            bump.of,
            bump.before,
            bump.version,
            along.join("+")
        )
    });
    Ok(told.collect())
}

#[test]
fn a_version_changes_where_it_is_written() {
    assert_eq!(asked(&["api=2"]).unwrap(), ["api 1 2 mail+worker"]);
    assert_eq!(asked(&["mail=2"]).unwrap(), ["api 1 2 api+worker"]);
    assert_eq!(
        asked(&["mail=2", "api=2", "own=8"]).unwrap(),
        ["api 1 2 worker", "own 7 8 "]
    );
    assert_eq!(asked(&["api=1", "own=8"]).unwrap(), ["own 7 8 "]);
}

#[test]
fn what_would_not_be_what_was_asked_is_refused() {
    for (words, error, help) in [
        (&["ap=2"][..], "found `ap`", "did you mean `api`?"),
        (
            &["odd=2"],
            "expected `tag` or `digest` of odd",
            "`bayplan check c`",
        ),
        (&["web=2"], "expected a digest for web", "`web=sha256:…`"),
        (&["both=2"], "pins `1@sha256:0000", "`both=2@sha256:…`"),
        (
            &["api=2", "worker=3"],
            "found `2` for api and `3` for worker",
            "name one of them",
        ),
        (
            &["api=2", "api=3"],
            "found `2` for api and `3` for api",
            "name it once",
        ),
    ] {
        let found = asked(words).unwrap_err();
        assert!(found.to_string().contains(error), "{found}");
        assert!(found.help().unwrap().contains(help), "{:?}", found.help());
    }
    let digest = format!("api=sha256:{}", "0a".repeat(32));
    let found = asked(&[&digest]).unwrap_err();
    assert!(
        found.to_string().contains("expected a tag for api"),
        "{found}"
    );
}
