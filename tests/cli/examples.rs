//! The examples that help shows, typed.

use std::fs;
use std::process::{Command, Stdio};

use bayplan::cli::Cli;
use clap::CommandFactory as _;
use git2::{IndexAddOption, Repository, Signature};
use insta::assert_snapshot;

use crate::environment::TestEnvironment;

const CLUSTER: &str = r#"[hosts.docker01]
directory = "hosts/docker01"
secrets = "plain"
[hosts.docker02]
directory = "hosts/docker02"
[place]
search = "docker01"
listing = ["docker01", "docker02"]
[vars]
MONGODB_URL = "mongodb://10.0.0.1/prod"
STEP = 0
"#;

/// A cluster `production` that has everything that the examples name: fourteen generations, a branch of a remote, two
/// tags, a key.
fn production() -> TestEnvironment {
    let it = TestEnvironment::new();
    let cluster = "clusters/production/cluster.toml";
    it.write(cluster, CLUSTER);
    for (name, port) in [("search", 9000), ("listing", 9001)] {
        let file = format!("clusters/production/services/{name}.toml");
        let text = format!(
            "image = \"{name}\"\ntag = \"1\"\nport = {port}\nvars = [\"MONGODB_URL\", \"STEP\"]\n"
        );
        it.write(&file, text);
    }
    for path in [
        "cluster.toml",
        "services/search.toml",
        "services/listing.toml",
    ] {
        let text = it.read(&format!("clusters/production/{path}"));
        let text = text
            .replace("hosts/", "hosts/integration-")
            .replace("tag = \"1\"", "tag = \"2\"");
        it.write(&format!("clusters/integration/{path}"), text);
    }
    it.write(".gitignore", "/hosts\n");
    it.write("tls.key", "a key\n");
    fs::write(
        it.beside("home/.gitconfig"),
        "[user]\nname = Ada\nemail = ada@example.com\n",
    )
    .unwrap();
    let git = Repository::init(it.path("")).unwrap();
    let commit = || {
        let mut index = git.index().unwrap();
        index.add_all(["."], IndexAddOption::DEFAULT, None).unwrap();
        index.write().unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let who = Signature::now("ada", "ada@example.com").unwrap();
        let head = git.head().and_then(|head| head.peel_to_commit());
        let parents: Vec<_> = head.iter().collect();
        let commit = git.commit(Some("HEAD"), &who, &who, "a step", &tree, &parents);
        git.find_commit(commit.unwrap()).unwrap().into_object()
    };
    let who = Signature::now("ada", "ada@example.com").unwrap();
    let first = commit();
    git.tag("v1.4", &first, &who, "", false).unwrap();
    git.reference("refs/remotes/origin/main", first.id(), false, "")
        .unwrap();
    for step in 1..=13 {
        it.bayplan("release production --yes").succeeds();
        it.edit(
            cluster,
            &format!("STEP = {}", step - 1),
            &format!("STEP = {step}"),
        );
    }
    let second = commit();
    git.tag("v1.5", &second, &who, "", false).unwrap();
    for directory in ["before", "after"] {
        it.bayplan(&format!("render production -o {directory}"))
            .succeeds();
    }
    for directory in [
        ".ssh",
        ".zfunc",
        ".local/share/bash-completion/completions",
        ".config/fish/completions",
    ] {
        fs::create_dir_all(it.beside("home").join(directory)).unwrap();
    }
    let key = it.beside("home/.ssh/id_ed25519");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(key)
        .status();
    assert!(made.unwrap().success());
    let bayplan = env!("CARGO_BIN_EXE_bayplan");
    it.program("bayplan", &format!("#!/bin/sh\nexec '{bayplan}' \"$@\"\n"));
    let project = "name: shop\nservices:\n  web:\n    image: nginx:1.27\n";
    for file in ["shop/compose.yml", "compose.yml", "compose.prod.yml"] {
        it.write(file, project);
    }
    // As compose, or as an engine.
    let compose = "#!/bin/sh\n[ \"$1\" != compose ] || exec cat compose.yml\n";
    it.program("docker", &format!("{compose}{}", crate::local::ENGINE));
    it.program("podman", crate::local::ENGINE);
    it.registries_have_all();
    for reader in ["jq", "less"] {
        it.program(reader, "#!/bin/sh\nexec cat > /dev/null\n");
    }
    it
}

/// The examples of a command, and of every command below it.
fn all_examples(command: &clap::Command) -> Vec<String> {
    let below = command.get_subcommands().flat_map(all_examples);
    examples(command).into_iter().chain(below).collect()
}

/// The command lines below `Examples:`; what stands behind three blanks explains.
fn examples(command: &clap::Command) -> Vec<String> {
    let help = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let (_, examples) = help.split_once("Examples:\n").unwrap_or_default();
    let lines = examples.lines().filter_map(|line| line.strip_prefix("  "));
    let lines = lines.filter(|line| !line.starts_with(' '));
    lines
        .map(|line| line.split("   ").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_example_of_help_works_as_it_stands() {
    let it = production();
    let mut cli = Cli::command();
    cli.build();
    let mut lines = all_examples(&cli);
    // It serves until Ctrl-C: a test of its own does that.
    lines.retain(|line| !line.starts_with("bayplan board"));
    let of_secrets = lines.iter().filter(|line| line.contains(" secrets "));
    assert!(lines.len() > 40 && of_secrets.count() > 12, "{lines:#?}");
    for line in lines {
        // Each begins with something to release, and with the plan that was shown.
        let text = it.read("clusters/production/cluster.toml");
        let (before, step) = text.split_once("STEP = ").unwrap();
        let step: u32 = step.trim().parse().unwrap();
        it.write(
            "clusters/production/cluster.toml",
            format!("{before}STEP = {}\n", step + 1),
        );
        let secrets = it.path("clusters/production/secrets.toml");
        if line.contains("secrets init") && secrets.exists() {
            fs::remove_file(&secrets).unwrap();
        }
        if line.contains("rekey staging") {
            let staging = "clusters/staging/cluster.toml";
            it.write(staging, it.read("clusters/production/cluster.toml"));
            for name in ["search", "listing"] {
                let file = format!("services/{name}.toml");
                let text = it.read(&format!("clusters/production/{file}"));
                it.write(&format!("clusters/staging/{file}"), text);
            }
            fs::copy(&secrets, it.path("clusters/staging/secrets.toml")).unwrap();
        }
        it.write("mend.sql", "");
        if line.contains("--plan") {
            it.bayplan("diff production -o plan.json").succeeds();
        }
        if line.contains("--from-compose") {
            // An example before it made the same directory.
            let _ = fs::remove_dir_all(it.path("config"));
        }
        if line.contains("local up --engine podman") {
            it.bayplan("local down").succeeds();
        } else if line.starts_with("bayplan local") {
            // What an example before it left, by another engine perhaps.
            let _ = fs::remove_dir_all(it.beside("home/.local/state/bayplan"));
            let _ = fs::remove_dir_all(it.beside("home/.engine"));
            it.bayplan("local up").succeeds();
            it.bayplan("local up --name main").succeeds();
        }
        if line.starts_with("bayplan activate") {
            it.bayplan("push production").succeeds();
        }
        // A directory has no distribution.
        let described = it.read("clusters/production/cluster.toml");
        if line.contains("--cloud-init") {
            let there =
                described.replace("directory = \"hosts/docker01\"", "address = \"192.0.2.1\"");
            assert_ne!(there, described);
            it.write("clusters/production/cluster.toml", there);
        }
        let mut path = it.beside("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-c", &line])
            .current_dir(it.path(""))
            .env_clear()
            .envs([
                ("HOME", it.beside("home")),
                ("XDG_RUNTIME_DIR", it.beside("run")),
            ])
            .envs([("PATH", path)])
            .envs([("USER", "ada"), ("EDITOR", "true")])
            // A question is answered by yes, and a value is one line.
            .stdin(Stdio::from(answer(&it)))
            .output()
            .unwrap();
        it.write("clusters/production/cluster.toml", described);
        let expected = if line.contains("--exit-code") { 2 } else { 0 };
        let output = it.output(&output);
        let asked = ["--yes", "--confirm"]
            .iter()
            .any(|option| output.stderr.contains(option) && !line.contains(option));
        let differs = line.starts_with("diff -r") && output.code == Some(0);
        // In a directory there is no container to look into, and this cluster has no such service.
        let container = [
            "exec", "run", "restart", "stop", "start", "drain", "undrain",
        ];
        let container = container.map(|word| line.starts_with(&format!("bayplan {word} ")));
        let nowhere = ["anything runs", "nothing runs", "expected a service"];
        let nowhere = nowhere.map(|words| output.stderr.contains(words));
        let nowhere = container.contains(&true) && nowhere.contains(&true);
        assert!(
            asked || differs || nowhere || output.code == Some(expected),
            "{line}: {output}"
        );
    }
}

fn answer(it: &TestEnvironment) -> fs::File {
    let path = it.beside("answer");
    fs::write(&path, "yes\n").unwrap();
    fs::File::open(path).unwrap()
}

#[test]
fn commands_of_other_tools_get_what_does_the_same_here() {
    let it = TestEnvironment::shop();
    for (word, advice) in [
        ("rm", "take the service out of [place]"),
        ("hosts", "`[hosts.NAME]`"),
        ("gc", "`bayplan prune CLUSTER`"),
        ("deploy", "`bayplan release CLUSTER`"),
        ("plan", "`bayplan diff CLUSTER`"),
        ("journal", "`bayplan logs CLUSTER SERVICE -f`"),
        ("shell", "`bayplan exec CLUSTER SERVICE`"),
        ("secrets get", "no command prints a value"),
        ("secrets rotate", "`bayplan secrets rekey CLUSTER`"),
    ] {
        let output = it.bayplan(word).exits(64);
        assert!(output.stderr.contains(advice), "{word}: {output}");
        assert!(!output.stderr.contains("history"), "{word}: {output}");
    }
    for (word, similar) in [
        ("relaese", "release"),
        ("stauts", "status"),
        ("dif", "diff"),
    ] {
        let output = it.bayplan(word).exits(64);
        assert!(
            output.stderr.contains(&format!("'{similar}'")),
            "{word}: {output}"
        );
    }
    assert_snapshot!(it.bayplan("rm"), @"
    ------- stderr -------
    error: unrecognized subcommand 'rm'

      tip: take the service out of [place] in cluster.toml and release; `bayplan stop CLUSTER SERVICE` stops it until `bayplan start`

    Usage: bayplan [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [exit code: 64]
    ");
}

#[test]
fn secrets_without_a_key_say_how_to_make_one_and_it_works() {
    let it = TestEnvironment::shop();
    let told = it.bayplan("secrets init shop").exits(1);
    let command = "mkdir -p ~/.ssh && ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519";
    assert!(told.stderr.contains(command), "{told}");
    let made = Command::new("sh")
        .args(["-c", &format!("{command} -q -N ''")])
        .env("HOME", it.beside("home"))
        .status();
    assert!(made.unwrap().success());
    it.bayplan("secrets init shop").succeeds();
}
