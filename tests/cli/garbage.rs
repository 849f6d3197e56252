//! Whatever is in the files: an answer, and never a panic.

use std::fs;
use std::os::unix::fs::symlink;

use crate::environment::TestEnvironment;

const FILES: &[&str] = &[
    "clusters/shop/cluster.toml",
    "clusters/shop/service-config.toml",
    "clusters/shop/services/web.toml",
    "templates/container.service",
];

/// Checks that `check` and `diff` come to an end that they know.
#[track_caller]
fn answers(it: &TestEnvironment, what: &str) {
    for command in ["check", "diff shop"] {
        let output = it.bayplan(command);
        assert!(matches!(output.code, Some(0 | 1)), "{what}: {output}");
        assert!(!output.stderr.contains("panicked"), "{what}: {output}");
        let said = output.stdout.len() + output.stderr.len();
        assert!((1..100_000).contains(&said), "{what}: {said} bytes");
    }
}

#[test]
fn garbage_gets_an_answer() {
    let nested = format!("a = {}1{}\n", "[".repeat(200_000), "]".repeat(200_000));
    let tables = format!("a = {}1{}\n", "{a = ".repeat(50_000), "}".repeat(50_000));
    let dotted = format!("{} = 1\n", vec!["a"; 200_000].join("."));
    let headed = format!("[{}]\nb = 1\n", vec!["a"; 200_000].join("."));
    let braces = "{{".repeat(5000);
    // In one value and one template each what makes a parser recurse, or fills the memory.
    let code = |code: &str| {
        let chain = (1..40).map(|n| format!("A{n} = \"{{{{ A{0} ~ A{0} }}}}\"\n", n - 1));
        let chain: String = chain.collect();
        format!("[vars]\nA = '{{{{ {code} }}}}'\nA0 = \"aa\"\n{chain}")
    };
    let nots = code(&("not ".repeat(4500) + "1"));
    let joined = code(&("1".to_owned() + &" ~ 1".repeat(4500)));
    let products = code("'x' * 90000000 ~ 'x' * 90000000");
    let template = format!("{{{{ 1{} }}}}", " ~ 1".repeat(4500));
    let endless =
        "{% for a in range(9999) %}{% for a in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
    let doubling = format!("{{% set a = unit %}}{}", "{% set a = a ~ a %}".repeat(34));
    let blocks = "{% if a %}".repeat(2000);
    let long = format!("[vars]\nA = \"{}\"\n", "x".repeat(200_000));
    let garbage: &[&[u8]] = &[
        b"",
        b"\n",
        b"\0",
        b"\xff\xfe[\0v\0]\0",
        b"\xef\xbb\xbftype = \"test\"\r\n",
        b"type = \"\xc3(\"\n",
        b"[",
        b"[[hosts]]\n[hosts]\n",
        b"= 1\n",
        b"\"\" = \"\"\n",
        b"[vars]\nA = \"{{ A }}\"\nB = \"{{ C }}\"\nC = \"{{ B }}\"\n",
        b"[vars]\nA = \"{{ range(100000000) }}{% for i in range(1e9) %}\"\n",
        b"[hosts.a]\naddress = 99999999999999999999999999\n",
        b"port = nan\ntag = 1979-05-27T07:32:00Z\nimage = { a = 1 }\n",
        b"{% include 'x' %}{{ self }}{% extends 'y' %}",
        b"{{ undefined.deep[1:2:0] }}{{ 1 / 0 }}{{ 'x' * 1000000000 }}",
        b"<<<<<<< HEAD\n=======\n>>>>>>> theirs\n",
        "ключ = \"\u{202e}значение\"\n[hosts.\"é\"]\n\ttab = 1\n".as_bytes(),
        nested.as_bytes(),
        tables.as_bytes(),
        dotted.as_bytes(),
        headed.as_bytes(),
        nots.as_bytes(),
        joined.as_bytes(),
        products.as_bytes(),
        template.as_bytes(),
        endless.as_bytes(),
        doubling.as_bytes(),
        braces.as_bytes(),
        blocks.as_bytes(),
        long.as_bytes(),
    ];
    let it = TestEnvironment::shop();
    for path in FILES {
        let good = fs::read(it.path(path)).ok();
        for bytes in garbage {
            it.write(path, bytes);
            let start = &bytes[..bytes.len().min(60)];
            answers(&it, &format!("{path}: {}", start.escape_ascii()));
        }
        match good {
            Some(good) => it.write(path, good),
            None => fs::remove_file(it.path(path)).unwrap(),
        }
    }
}

#[test]
fn a_file_that_was_cut_off_gets_an_answer() {
    let it = TestEnvironment::shop();
    for path in &FILES[..3] {
        let good = fs::read(it.path(path)).unwrap();
        for length in (0..good.len()).step_by(5) {
            it.write(path, &good[..length]);
            let output = it.bayplan("check");
            assert!(
                matches!(output.code, Some(0 | 1)),
                "{path} {length}: {output}"
            );
            assert!(
                !output.stderr.contains("panicked"),
                "{path} {length}: {output}"
            );
        }
        it.write(path, good);
    }
}

#[test]
fn what_is_no_file_gets_an_answer() {
    for path in FILES {
        let it = TestEnvironment::shop();
        let _ = fs::remove_file(it.path(path));
        fs::create_dir_all(it.path(path)).unwrap();
        answers(&it, &format!("{path} is a directory"));
        fs::remove_dir(it.path(path)).unwrap();
        symlink("nowhere", it.path(path)).unwrap();
        answers(&it, &format!("{path} leads nowhere"));
        fs::remove_file(it.path(path)).unwrap();
        symlink(it.path(path), it.path(path)).unwrap();
        answers(&it, &format!("{path} leads to itself"));
    }
    let it = TestEnvironment::new();
    it.write("clusters/NOT-A-NAME/cluster.toml", "");
    answers(&it, "a directory that is no cluster's name");
}
