//! The command line, exit codes, streams and colours.

use std::fs::File;

use insta::assert_snapshot;
use serde_json::Value;

use crate::environment::TestEnvironment;

#[test]
fn a_wrong_command_line_is_exit_code_64() {
    let it = TestEnvironment::shop();
    for line in [
        "",
        "frobnicate",
        "diff",
        "diff Shop",
        "diff shop --parallel 0",
        "release shop --lock-wait 5",
        "check --bogus",
        "release shop ../web",
    ] {
        let output = it.bayplan(line).exits(64);
        assert_eq!(output.stdout, "", "{line}");
        assert!(!output.stderr.is_empty(), "{line}");
    }
    assert_snapshot!(it.bayplan("dif shop"), @"
    ------- stderr -------
    error: unrecognized subcommand 'dif'

      tip: a similar subcommand exists: 'diff'

    Usage: bayplan [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [exit code: 64]
    ");
    assert_snapshot!(it.bayplan("diff Shop"), @"
    ------- stderr -------
    error: invalid value 'Shop' for '[CLUSTER]': expected lower-case letters, digits and inner hyphens (`[a-z0-9]([a-z0-9-]*[a-z0-9])?`, at most 63)

    For more information, try '--help'.
    [exit code: 64]
    ");
}

#[test]
fn help_that_was_asked_for_is_no_failure() {
    let it = TestEnvironment::new();
    for line in [
        "--help",
        "-h",
        "help release",
        "--version",
        "completions bash",
    ] {
        let output = it.bayplan(line).succeeds();
        assert!(!output.stdout.is_empty(), "{line}");
        assert_eq!(output.stderr, "", "{line}");
    }
}

#[test]
fn json_is_all_of_standard_output() {
    let it = TestEnvironment::shop();
    let json = |line: &str| -> Value {
        serde_json::from_str(&it.bayplan(line).succeeds().stdout).expect("it is JSON")
    };
    let plan = json("diff shop --json");
    assert_eq!(
        (&plan["version"], &plan["in_sync"]),
        (&1.into(), &false.into())
    );
    assert_eq!(plan["totals"]["files"], 17);
    assert_eq!(
        json("status shop --json")["hosts"][0]["generation"],
        Value::Null
    );
    it.bayplan("release shop --yes").succeeds();
    assert_eq!(json("diff shop --json")["in_sync"], true);
    let status = json("status shop --json");
    assert_eq!(status["in_sync"], true);
    assert_eq!(status["hosts"][1]["services"][0]["service"], "api");
    it.edit(
        "clusters/shop/cluster.toml",
        "\"Shop\"",
        "\"Shop \\\\ \\\"\\t\\u001b[31mé\"",
    );
    let diff = it.bayplan("diff shop --json --diff --exit-code").exits(2);
    let diff: Value = serde_json::from_str(&diff.stdout).unwrap();
    assert_eq!(diff["hosts"][0]["services"][0]["change"], "changed");
}

#[test]
fn colours_are_for_those_who_want_them() {
    let it = TestEnvironment::shop();
    it.write("clusters/bad/cluster.toml", "type = 1\n");
    for line in [
        "check",
        "diff shop",
        "diff bad",
        "status shop",
        "check nowhere",
    ] {
        let coloured = |words: &str, no_color: Option<&str>| {
            let mut command = it.command();
            command.args(words.split_whitespace());
            if let Some(value) = no_color {
                command.env("NO_COLOR", value);
            }
            let output = it.run(&mut command);
            output.stdout.contains('\u{1b}') || output.stderr.contains('\u{1b}')
        };
        assert!(!coloured(line, None), "{line}");
        assert!(!coloured(line, Some("1")), "{line}");
        assert!(!coloured(&format!("{line} --color never"), None), "{line}");
        let always = format!("{line} --color always");
        assert!(coloured(&always, None), "{line}");
        assert!(coloured(&always, Some("1")), "{line}");
    }
}

#[test]
fn a_reader_that_left_ends_a_command_quietly() {
    let it = TestEnvironment::shop();
    for line in [
        "check",
        "render shop",
        "diff shop",
        "diff shop --json",
        "status shop",
        "--help",
        "--version",
        "completions zsh",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = it.run(it.command().args(line.split_whitespace()).stdout(writer));
        assert_eq!(output.stderr, "", "{line}");
        assert!(matches!(output.code, Some(0 | 141)), "{line}: {output}");
    }
}

#[test]
fn a_release_whose_plan_nobody_can_read_changes_nothing() {
    let it = TestEnvironment::shop();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    it.run(
        it.command()
            .args(["release", "shop", "--yes"])
            .stdout(writer),
    )
    .exits(141);
    assert!(!it.path("hosts").exists());
}

#[test]
fn a_full_disk_is_told() {
    let it = TestEnvironment::shop();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for line in ["check", "render shop", "diff shop --json", "status shop"] {
        let command = &mut it.command();
        let output = it
            .run(command.args(line.split_whitespace()).stdout(full()))
            .exits(1);
        assert!(
            output.stderr.contains("No space left on device"),
            "{line}: {output}"
        );
    }
    assert_snapshot!(it.run(it.command().arg("check").stdout(full())), @"
    ------- stderr -------
    error: cannot write to standard output: No space left on device (os error 28)
    [exit code: 1]
    ");
    // Who cannot be told is no reason to fail otherwise than by the exit code.
    it.run(it.command().args(["check", "nowhere"]).stderr(full()))
        .exits(1);
}
