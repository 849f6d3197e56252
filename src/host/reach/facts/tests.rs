use std::process::Command;

use super::*;
use crate::cluster::model::Engine;

fn client() -> EngineClient {
    EngineClient::usual(Engine::Docker)
}

fn facts(answer: &str) -> Facts {
    Facts::parse(answer.as_bytes()).unwrap()
}

/// What a host says whose first tools in PATH are these. Each is a line of a shell script.
fn facts_with(tools: &[(&str, &str)]) -> Facts {
    let there = tempfile::tempdir().unwrap();
    for (name, line) in tools {
        let written = Command::new("sh")
            .args([
                "-c",
                "printf '%s\\n' '#!/bin/sh' \"$1\" >\"$0\"; chmod 755 \"$0\"",
            ])
            .arg(there.path().join(name))
            .arg(line)
            .status();
        assert!(written.unwrap().success());
    }
    let script = look_around(TOOLS, Some(&client()), "echo first");
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("PATH", format!("{}:{path}", there.path().display()))
        .output()
        .unwrap();
    let (facts, then) = Facts::split(&output.stdout).unwrap();
    let facts = Facts::parse(facts).unwrap();
    let expected: &[u8] = if facts.unable.is_empty() {
        b"first\n"
    } else {
        b""
    };
    assert_eq!(then, expected);
    facts
}

#[test]
fn a_head_that_reads_ahead_is_found_before_anything_else_is_asked() {
    assert_eq!(facts_with(&[]).unable, []);
    // As busybox's: what it read is lost.
    let facts = facts_with(&[("head", "printf a; cat >/dev/null")]);
    assert_eq!(facts.unable, [Ability::Head]);
    assert_eq!(
        Facts {
            unable: vec![Ability::Head],
            ..super::tests::facts(FIT)
        }
        .unfit(Some(&client()), TOOLS),
        Some(HostErrorKind::Unable {
            ability: Ability::Head
        })
    );
}

#[test]
fn the_client_must_be_where_units_run_it() {
    let look = |program: &str| {
        let engine = Engine::Docker;
        let client = EngineClient {
            engine,
            program: program.to_owned(),
        };
        let script = look_around(&[], Some(&client), "");
        let output = Command::new("sh")
            .args(["-c", &format!("docker() {{ :; }}\n{script}")])
            .output()
            .unwrap();
        let (facts, _) = Facts::split(&output.stdout).unwrap();
        (Facts::parse(facts).unwrap(), client)
    };
    let (facts, client) = look("/nonexistent/docker");
    assert_eq!(facts.elsewhere.as_deref(), Some("docker"));
    let facts = super::tests::facts(&format!("{FIT}elsewhere /snap/bin/docker\n"));
    assert_eq!(
        facts.unfit(Some(&client), TOOLS).unwrap().to_string(),
        "expected docker as /nonexistent/docker, found it as /snap/bin/docker"
    );
    let (facts, _) = look("/bin/sh");
    assert_eq!((facts.elsewhere, facts.missing), (None, Vec::new()));
}

#[test]
fn the_version_of_systemd_is_read_from_its_library_or_its_word() {
    for (said, found) in [
        ("252", Some(Version::new(252, 0))),
        ("256.7-1.fc41", Some(Version::new(256, 7))),
        ("systemd 247 (247.3-7+deb11u8)", Some(Version::new(247, 3))),
        ("systemd 237", Some(Version::new(237, 0))),
        ("", None),
    ] {
        assert_eq!(
            facts(&format!("{FIT}version {said}\n")).systemd,
            found,
            "{said}"
        );
    }
    let old = facts(&format!("{FIT}version systemd 239 (239-82.el8)\n"));
    let found = Version::new(239, 0);
    assert_eq!(
        old.unfit(Some(&client()), TOOLS),
        Some(HostErrorKind::OldSystemd { found })
    );
}

const FIT: &str = "uid 0\nkernel Linux\nhostname docker01\nsystemd\nmachine-id f813\n";

#[test]
fn the_most_fundamental_reason_is_the_one_that_is_told() {
    let unfit = |answer: &str| facts(answer).unfit(Some(&client()), TOOLS);
    assert_eq!(unfit(FIT), None);
    let darwin = "uid 501\nkernel Darwin\nhostname mac\nmissing flock\nmissing docker\n";
    assert!(matches!(
        unfit(darwin),
        Some(HostErrorKind::NotLinux { .. })
    ));
    let user = "uid 1000\nkernel Linux\nhostname h\nmissing flock\n";
    assert_eq!(unfit(user), Some(HostErrorKind::NotRoot { uid: 1000 }));
    let container = "uid 0\nkernel Linux\nhostname h\nmissing flock\n";
    assert_eq!(unfit(container), Some(HostErrorKind::NoSystemd));
    let bare = format!("{FIT}missing flock\nmissing systemd-run\nmissing docker\n");
    let Some(HostErrorKind::MissingTool { tools }) = unfit(&bare) else {
        panic!("expected missing tools");
    };
    let tools: Vec<&str> = tools.iter().map(|tool| tool.program).collect();
    assert_eq!(tools, ["flock", "systemd-run"]);
    let no_docker = format!("{FIT}missing docker\n");
    assert!(matches!(
        unfit(&no_docker),
        Some(HostErrorKind::NoEngine { .. })
    ));
}

#[test]
fn an_answer_without_uid_or_kernel_is_none() {
    for answer in [
        "",
        "uid 0\n",
        "kernel Linux\n",
        "uid x\nkernel Linux\n",
        "uid 0\nkernel Linux\nhm\n",
    ] {
        assert_eq!(Facts::parse(answer.as_bytes()), None, "{answer}");
    }
    assert_eq!(Facts::parse(b"uid 0\nkernel \xff\n"), None);
}

#[test]
fn only_one_machine_seen_twice_is_one_machine() {
    let facts = |machine: &str, boot: &str, mount: &str| {
        facts(&format!(
            "uid 0\nkernel Linux\nmachine-id {machine}\nboot-id {boot}\nroot-mount {mount}\n"
        ))
    };
    let one = facts("a", "b", "21");
    assert!(one.are_of_one_machine(&facts("a", "b", "21")));
    // A copy; a container beside; a copy of a container.
    for other in [
        facts("a", "c", "21"),
        facts("x", "b", "99"),
        facts("a", "b", "99"),
    ] {
        assert!(!one.are_of_one_machine(&other));
    }
    let unknown = self::facts("uid 0\nkernel Linux\nmachine-id a\n");
    assert!(!unknown.are_of_one_machine(&unknown));
}
