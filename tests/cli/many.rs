//! A cluster of many hosts on a machine where few files may be open.

use std::fmt::Write as _;

use crate::environment::{Output, TestEnvironment};

const HOSTS: usize = 120;

/// So many directory hosts with one service each.
fn many() -> TestEnvironment {
    let it = TestEnvironment::new();
    let mut cluster = String::new();
    let mut names = Vec::new();
    for number in 1..=HOSTS {
        let name = format!("h{number:03}");
        write!(cluster, "[hosts.{name}]\ndirectory = \"hosts/{name}\"\n").unwrap();
        names.push(format!("\"{name}\""));
    }
    write!(cluster, "[place]\nweb = [{}]\n", names.join(", ")).unwrap();
    it.write("clusters/many/cluster.toml", cluster);
    it.write(
        "clusters/many/services/web.toml",
        "image = \"registry.example.com/web\"\ntag = \"1\"\n",
    );
    it
}

/// After this command of the shell.
fn after(limit: &str, it: &TestEnvironment, words: &str) -> Output {
    let command = it.command();
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", &format!("{limit}; exec \"$@\""), "sh"])
        .arg(command.get_program())
        .args(words.split_whitespace())
        .env_clear()
        .current_dir(it.path(""));
    for (name, value) in command.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    it.run(&mut limited)
}

#[test]
fn many_hosts_are_looked_at_with_few_open_files_and_named_in_short() {
    let it = many();
    for words in ["status many", "history many"] {
        let output = after("ulimit -n 256", &it, words).succeeds();
        assert_eq!(output.stderr, "", "{output}");
    }
    let diff = after("ulimit -n 256", &it, "diff many").succeeds();
    assert!(diff.stdout.starts_with("h[001-120]  "), "{diff}");
    // Every host of a release has its session to the end.
    let release = after("ulimit -n 256", &it, "release many --yes").exits(1);
    let told = "files that may be open at once, found a limit of 256\nhelp: `ulimit -n ";
    assert!(release.stderr.contains(told), "{release}");
    assert!(!it.path("hosts").exists());
    // Where only the soft limit is low, it is raised.
    after("ulimit -Sn 256", &it, "release many --yes").succeeds();
}
