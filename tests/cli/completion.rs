//! What Tab makes of a word, in the shells.

use std::collections::BTreeSet;
use std::process::Command;

use crate::environment::TestEnvironment;

fn two_clusters() -> TestEnvironment {
    let it = TestEnvironment::shop();
    let bayplan = env!("CARGO_BIN_EXE_bayplan");
    it.program("bayplan", &format!("#!/bin/sh\nexec '{bayplan}' \"$@\"\n"));
    it.write(
        "clusters/staging/cluster.toml",
        "[hosts.gamma]\ndirectory = \"hosts/gamma\"\n[place]\nweb = \"gamma\"\nqueue = \"gamma\"\n",
    );
    let service = |name: &str, tag: &str| {
        let text = format!("image = \"{name}\"\ntag = \"{tag}\"\n");
        it.write(&format!("clusters/staging/services/{name}.toml"), text);
    };
    service("web", "1.5.0");
    service("queue", "3");
    it
}

/// A shell of this test, without what the machine sets.
fn shell(it: &TestEnvironment, program: &str) -> Command {
    let ours = it.command();
    let mut command = Command::new(program);
    command.env_clear().current_dir(it.path(""));
    command.envs(
        ours.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
}

/// What fish is answered for a line whose last word is not complete.
fn asked(it: &TestEnvironment, line: &str) -> BTreeSet<String> {
    let mut command = it.command();
    command.env("BAYPLAN_COMPLETE", "fish").arg("--");
    let output = it.run(command.args(line.split(' '))).succeeds();
    assert_eq!(output.stderr, "", "{output}");
    let lines = output.stdout.lines();
    lines
        .filter_map(|line| Some(line.split('\t').next()?.to_owned()))
        .filter(|word| !word.is_empty())
        .collect()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn names_come_from_the_files_of_the_description() {
    let it = two_clusters();
    for (line, expected) in [
        ("bayplan dif", "diff"),
        ("bayplan diff s", "shop staging"),
        ("bayplan promote staging sh", "shop"),
        ("bayplan release shop ", "api db web"),
        ("bayplan release staging q", "queue"),
        ("bayplan release clusters/staging/ q", "queue"),
        ("bayplan release shop web --host ", "alpha beta"),
        ("bayplan release shop --skip=be", "--skip=beta"),
        ("bayplan logs staging --host ", "gamma"),
        ("bayplan local up --from staging we", "web"),
        ("bayplan local up qu", "queue"),
        ("bayplan bump shop w", "web="),
        ("bayplan bump shop web=", "web=1.4.2 web=1.5.0"),
        ("bayplan release shop --bump we", "web="),
        ("bayplan release shop --on-failure pu", "put-back"),
        ("bayplan diff nowhere x", ""),
        ("bayplan release shop --ye", "--yes"),
    ] {
        assert_eq!(asked(&it, line), words(expected), "{line}");
    }
    // From another directory, and where there is nothing.
    let repository = it.path("");
    let line = format!("bayplan -C {} diff st", repository.display());
    assert_eq!(asked(&it, &line), words("staging"));
    let nowhere = TestEnvironment::new();
    let options = asked(&nowhere, "bayplan diff ");
    assert!(options.iter().all(|it| it.starts_with('-')), "{options:?}");
    // What cannot be read is no reason for words on the terminal.
    it.write("clusters/shop/cluster.toml", "[hosts.alpha\n");
    assert_eq!(asked(&it, "bayplan release shop --host "), words(""));
    assert_eq!(asked(&it, "bayplan release shop we"), words("web"));
}

#[test]
fn bash_takes_the_part_of_a_word_behind_its_sign() {
    let it = two_clusters();
    // As bash divides it.
    let reply = |words: &str, place: usize, current: &str| {
        let script = format!(
            "source <(bayplan completions bash) && COMP_WORDS=({words}) COMP_CWORD={place} && _bayplan bayplan '{current}' && printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let mut bash = shell(&it, "bash");
        it.run(bash.args(["-c", &script])).succeeds().stdout
    };
    assert_eq!(reply("bayplan diff st", 2, "st"), "staging\n");
    assert_eq!(reply("bayplan bump shop we", 3, "we"), "web=\n");
    assert_eq!(reply("bayplan bump shop web =", 4, ""), "1.4.2\n1.5.0\n");
    assert_eq!(reply("bayplan bump shop web = 1.5", 5, "1.5"), "1.5.0\n");
    assert_eq!(
        reply("bayplan release shop --skip = al", 5, "al"),
        "alpha\n"
    );
}

#[test]
fn names_are_found_among_a_thousand_services() {
    let it = TestEnvironment::new();
    let mut place = String::from("[hosts.alpha]\ndirectory = \"hosts/alpha\"\n[place]\n");
    for number in 0..1000 {
        let text = format!("image = \"app\"\ntag = \"{number}\"\nport = 9000\n");
        it.write(&format!("clusters/big/services/app-{number}.toml"), text);
        place += &format!("app-{number} = \"alpha\"\n");
    }
    it.write("clusters/big/cluster.toml", place);
    let numbers = [99].into_iter().chain(990..1000);
    let expected: BTreeSet<String> = numbers.map(|number| format!("app-{number}")).collect();
    assert_eq!(asked(&it, "bayplan release big app-99"), expected);
    assert_eq!(asked(&it, "bayplan release big --host a"), words("alpha"));
    assert_eq!(
        asked(&it, "bayplan bump big app-999="),
        words("app-999=999")
    );
}
