//! `bayplan secrets` and what comes after it, through the real binary: nothing is ever shown, and age's
//! own program reads what bayplan writes, and the other way round.

#![expect(clippy::unwrap_used, reason = "a failure of a test says where")]
#![expect(clippy::disallowed_methods, reason = "a real process on real files")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const SENTINEL: &str = "s3ntinel";
const LINES: &str = "-----BEGIN KEY-----\ns3ntinel \"quoted\" \\ $HOME\n-----END KEY-----\n";

const CLUSTER: &str = r#"
type = "test"
[hosts.one]
directory = "target/one"
secrets = "plain"
[place]
web = "one"
api = "one"
[vars]
URL = "postgres://app:{{ PASSWORD }}@db"
"#;
const WEB: &str = r#"
image = "example/web"
tag = "1"
secrets = ["KEY", { name = "FILE", as = "file", path = "/run/secrets/file" }]
"#;
const API: &str = r#"
image = "example/api"
tag = "1"
vars = ["URL"]
[files]
"/etc/app" = { from = "app", template = true, mode = "0400" }
"#;
const CONF: &str = "user=app\npassword={{ PASSWORD }}\n";

/// A home with an SSH key, and a config repository.
struct Desk {
    directory: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(desk.path("home/.ssh")).unwrap();
        fs::create_dir_all(desk.path("repo/clusters/test/services/api/app")).unwrap();
        desk.write("repo/clusters/test/services/api/app/db.conf", CONF);
        desk.write("repo/clusters/test/cluster.toml", CLUSTER);
        desk.write("repo/clusters/test/services/web.toml", WEB);
        desk.write("repo/clusters/test/services/api.toml", API);
        desk.ssh_key("home/.ssh/id_ed25519", "ed25519", "");
        desk
    }

    /// With secrets of every kind.
    fn with_secrets() -> Self {
        let desk = Self::new();
        desk.good(&["secrets", "init", "test"], "");
        desk.good(
            &["secrets", "set", "test", "PASSWORD"],
            "s3ntinel-password\n",
        );
        desk.good(&["secrets", "set", "test", "KEY"], LINES);
        desk.write("file", "s3ntinel-file");
        let file = desk.path("file");
        let file = file.to_str().unwrap();
        desk.good(&["secrets", "set", "test", "FILE", "--file", file], "");
        fs::remove_file(file).unwrap();
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    fn secrets(&self) -> String {
        fs::read_to_string(self.path("repo/clusters/test/secrets.toml")).unwrap()
    }

    fn ssh_key(&self, path: &str, kind: &str, passphrase: &str) -> String {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", passphrase, "-C", "", "-f"])
            .arg(self.path(path))
            .status();
        assert!(made.unwrap().success());
        let public = fs::read_to_string(self.path(&format!("{path}.pub"))).unwrap();
        public.trim().to_owned()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("USER", "ada")
            .env("TERM", "dumb")
            .current_dir(self.path("repo"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Without a terminal, whatever the test runs on.
    fn run_with(&self, arguments: &[&str], input: &str, more: &[(&str, &str)]) -> Output {
        let mut command = self.command("setsid");
        command.arg("--wait").arg(env!("CARGO_BIN_EXE_bayplan"));
        command.args(arguments).envs(more.iter().copied());
        feed(command, input)
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        self.run_with(arguments, input, &[])
    }

    /// Runs it, and expects it to succeed. What it said.
    #[track_caller]
    fn good(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output)
    }

    /// Runs it, and expects it to fail. What it said.
    #[track_caller]
    fn bad(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{arguments:?}: {}",
            said(&output)
        );
        said(&output)
    }

    /// On a terminal (`script(1)`), where each answer is typed once its question stands there. What is
    /// seen there.
    fn on_terminal(&self, line: &str, answers: &[(&str, &str)]) -> String {
        let mut command = self.command("script");
        command.args(["--quiet", "--return", "--command", line, "/dev/null"]);
        let mut child = command.spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (mut seen, mut byte) = (Vec::new(), [0]);
        let mut answers = answers.iter().peekable();
        let mut asked = 0;
        while output.read(&mut byte).is_ok_and(|count| count == 1) {
            seen.push(byte[0]);
            let text = String::from_utf8_lossy(&seen[asked..]).into_owned();
            if let Some((question, answer)) = answers.peek()
                && text.contains(question)
                && text.ends_with(": ")
            {
                // The question stands there a moment before the echo is off.
                std::thread::sleep(std::time::Duration::from_millis(300));
                writeln!(input, "{answer}").unwrap();
                answers.next();
                asked = seen.len();
            }
        }
        drop(input);
        child.wait().unwrap();
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Every file below a directory that has the sentinel.
    fn found(&self, below: &str) -> Vec<String> {
        let output = Command::new("grep")
            .args(["-rlaF", SENTINEL, "."])
            .current_dir(self.path(below))
            .output()
            .unwrap();
        let mut lines: Vec<String> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    }
}

fn feed(mut command: Command, input: &str) -> Output {
    let mut child = command.spawn().unwrap();
    // What reads nothing closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Whether age's own program is here; without it there is nothing to compare with.
fn age() -> bool {
    Command::new("age").arg("--version").output().is_ok()
}

#[test]
fn nothing_that_is_said_or_kept_has_a_value() {
    let desk = Desk::with_secrets();
    let editor: &[(&str, &str)] = &[("EDITOR", "sed -i s/s3ntinel-password/s3ntinel-pw/")];
    let mut all = vec![
        desk.run(&["check"], ""),
        desk.run(&["secrets", "list", "test"], ""),
        desk.run(&["render", "test"], ""),
        desk.run(&["diff", "test"], ""),
        desk.run(&["diff", "test", "--diff", "--color", "always"], ""),
        desk.run(&["diff", "test", "--json"], ""),
        desk.run(&["diff", "test", "-o", "plan.json"], ""),
        desk.run(&["release", "--plan", "plan.json"], ""),
        desk.run(&["history", "test"], ""),
        desk.run(&["diff", "test", "--html", "-"], ""),
        desk.run(&["status", "test", "--html", "-"], ""),
        desk.run(&["history", "test", "--html", "-"], ""),
        desk.run(&["status", "test"], ""),
        desk.run_with(&["secrets", "edit", "test"], "", editor),
        desk.run(&["diff", "test", "--diff"], ""),
        desk.run(&["release", "test", "--yes", "--diff", "-v"], ""),
        desk.run(&["secrets", "rekey", "test"], ""),
        desk.run(&["status", "test", "--json"], ""),
        desk.run(&["secrets", "set", "test", "KEY"], "s3ntinel-2"),
    ];
    for output in &all {
        assert!(output.status.success(), "{}", said(output));
    }
    let panicking = [("BAYPLAN_TEST_PANIC", "1"), ("RUST_BACKTRACE", "full")];
    let panicked = desk.run_with(&["release", "test", "--yes"], "", &panicking);
    assert!(
        said(&panicked).contains("forced with"),
        "{}",
        said(&panicked)
    );
    all.push(panicked);
    let broken = [("EDITOR", "printf 'A = s3ntinel\\n' >")];
    all.push(desk.run_with(&["secrets", "edit", "test"], "", &broken));
    all.push(desk.run(&["secrets", "set", "test", "s3ntinel-no-name"], ""));
    for output in &all[..all.len() - 1] {
        assert!(!said(output).contains(SENTINEL), "{}", said(output));
    }
    // The files that containers start with, and nothing else.
    let found = desk.found("repo");
    let expected = [
        "/40-secrets.env",
        "/secret-files/by-path/etc/app/db.conf",
        "/40-secrets.env",
        "/secret-files/FILE",
    ];
    assert_eq!(found.len(), 4, "{found:?}");
    let made = desk.path("repo").join(&found[1]);
    let text = fs::read_to_string(&made).unwrap();
    assert_eq!(text, "user=app\npassword=s3ntinel-pw\n");
    let mode = fs::metadata(&made).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o400);
    for (path, end) in found.iter().zip(expected) {
        assert!(
            path.starts_with("./target/one/etc/bayplan/test/") && path.ends_with(end),
            "{path}"
        );
    }
    assert_eq!(desk.found("home"), [""; 0]);
    let shm = Command::new("grep")
        .args(["-rlaF", SENTINEL, "/dev/shm"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&shm.stdout), "");
}

#[test]
fn why_tells_where_secrets_come_from_and_not_what_they_are() {
    let desk = Desk::with_secrets();
    let of = |service: &str| desk.good(&["why", "test", service], "");
    let (web, api) = (of("web"), of("api"));
    for line in [
        "  KEY is secret\n      clusters/test/secrets.toml:",
        "  /run/secrets/file is FILE\n      clusters/test/secrets.toml:",
    ] {
        assert!(web.contains(line), "{web}");
    }
    let made = "made of PASSWORD\n        (clusters/test/secrets.toml:";
    assert!(api.contains(made), "{api}");
    let file = "services/api/app/db.conf, secret, made of PASSWORD";
    assert!(api.contains(file), "{api}");
    assert!(!web.contains(SENTINEL) && !api.contains(SENTINEL));
}

#[test]
fn a_changed_secret_changes_what_uses_it_and_nothing_else() {
    let desk = Desk::with_secrets();
    desk.good(&["release", "test", "--yes"], "");
    assert!(desk.good(&["diff", "test"], "").contains("in sync"));
    desk.good(&["secrets", "set", "test", "PASSWORD"], "other");
    let diff = desk.good(&["diff", "test"], "");
    assert!(diff.contains("api") && !diff.contains("web"), "{diff}");
    // To see that needs no key; to release it does.
    let key = desk.path("home/.ssh/id_ed25519");
    fs::rename(&key, desk.path("away")).unwrap();
    assert_eq!(desk.good(&["diff", "test"], ""), diff);
    let refused = desk.bad(&["release", "test", "--yes"], "");
    for words in [
        "no identity opens the secrets",
        ".ssh/id_ed25519: there is no such file",
        "its recipients are ada",
        "nothing was changed",
    ] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    fs::rename(desk.path("away"), key).unwrap();
    desk.good(&["release", "test", "--yes"], "");
    desk.good(&["secrets", "rekey", "test"], "");
    assert!(desk.good(&["diff", "test"], "").contains("in sync"));
}

#[test]
fn a_variable_that_is_nothing_but_a_secret_has_its_value() {
    let desk = Desk::with_secrets();
    let only = CLUSTER.replace("postgres://app:{{ PASSWORD }}@db", "{{ PASSWORD }}");
    assert_ne!(only, CLUSTER);
    desk.write("repo/clusters/test/cluster.toml", &only);
    desk.write(
        "repo/clusters/test/services/api.toml",
        "image = \"x/api\"\ntag = \"1\"\nvars = [\"URL\"]\n",
    );
    let checked = desk.good(&["check"], "");
    assert!(!checked.contains("PASSWORD"), "{checked}");
    desk.good(&["release", "test", "--yes"], "");
    let found = desk.found("repo");
    let api = found.iter().find(|path| path.contains("/api/")).unwrap();
    let text = fs::read_to_string(desk.path("repo").join(api)).unwrap();
    assert!(text.contains("URL=\"s3ntinel-password\""), "{text}");
}

#[test]
fn only_what_an_editor_changes_is_written_anew() {
    let desk = Desk::with_secrets();
    let before = desk.secrets();
    let edit = |editor: &str| {
        let output = desk.run_with(&["secrets", "edit", "test"], "", &[("EDITOR", editor)]);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    assert_eq!(edit("true"), "0 values changed; nothing was written\n");
    assert_eq!(desk.secrets(), before);
    assert_eq!(
        edit("sed -i s/s3ntinel-password/new/"),
        "PASSWORD changed\n"
    );
    let after = desk.secrets();
    let new: Vec<&str> = after
        .lines()
        .filter(|line| !before.contains(line))
        .collect();
    assert!(
        new.len() == 1 && new[0].starts_with("PASSWORD = "),
        "{new:?}"
    );
    assert_eq!(
        edit("sed -i -e /PASSWORD/d -e '1iMORE = \"x\"'"),
        "MORE added\nPASSWORD removed\n"
    );
    let output = desk.run_with(&["secrets", "edit", "test"], "", &[("EDITOR", "false")]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn values_that_two_branches_add_merge() {
    let desk = Desk::with_secrets();
    desk.write("base", &desk.secrets());
    desk.good(&["secrets", "set", "test", "AAA"], "ours");
    desk.write("ours", &desk.secrets());
    fs::copy(
        desk.path("base"),
        desk.path("repo/clusters/test/secrets.toml"),
    )
    .unwrap();
    desk.good(&["secrets", "set", "test", "ZZZ"], "theirs");
    desk.write("theirs", &desk.secrets());
    let merged = Command::new("git")
        .args(["merge-file", "--stdout", "ours", "base", "theirs"])
        .current_dir(desk.directory.path())
        .output()
        .unwrap();
    assert!(merged.status.success(), "{}", said(&merged));
    fs::write(desk.path("repo/clusters/test/secrets.toml"), merged.stdout).unwrap();
    let listed = desk.good(&["secrets", "list", "test"], "");
    assert!(listed.contains("AAA") && listed.contains("ZZZ"), "{listed}");
    let output = desk.run_with(&["secrets", "edit", "test"], "", &[("EDITOR", "true")]);
    assert!(
        said(&output).contains("0 values changed"),
        "{}",
        said(&output)
    );
}

#[test]
fn age_reads_what_bayplan_writes_and_the_other_way_round() {
    if !age() {
        return;
    }
    let desk = Desk::with_secrets();
    let secrets: toml::Table = desk.secrets().parse().unwrap();
    let identity = desk.path("home/.ssh/id_ed25519");
    let recipient = desk.path("home/.ssh/id_ed25519.pub");
    let mut text = desk.secrets();
    let mut swap = |base64: &str| -> Vec<u8> {
        desk.write("value", base64);
        let script = "base64 -d <../value | age -d -i \"$1\" >../plain && age -R \"$2\" <../plain | base64 -w0";
        let mut command = desk.command("sh");
        command
            .args(["-c", script, "sh"])
            .arg(&identity)
            .arg(&recipient);
        let output = feed(command, "");
        assert!(output.status.success(), "{}", said(&output));
        text = text.replace(base64, &String::from_utf8(output.stdout).unwrap());
        fs::read(desk.path("plain")).unwrap()
    };
    let value = |name: &str| secrets["values"][name]["age"].as_str().unwrap();
    assert_eq!(swap(value("KEY")), LINES.as_bytes());
    assert_eq!(swap(value("PASSWORD")), b"s3ntinel-password");
    let key = swap(secrets["keys"]["k1"].as_str().unwrap());
    assert!(key.starts_with(b"bayplan digest key 2\ntest\n"));
    desk.write("repo/clusters/test/secrets.toml", &text);
    let output = desk.run_with(&["secrets", "edit", "test"], "", &[("EDITOR", "true")]);
    assert_eq!(said(&output), "0 values changed; nothing was written\n");
}

#[test]
fn every_kind_of_identity_opens() {
    let desk = Desk::new();
    let rsa = desk.ssh_key("rsa", "rsa", "");
    let locked = desk.ssh_key("locked", "ed25519", "open sesame");
    let (rsa, locked) = (format!("rsa={rsa}"), format!("locked={locked}"));
    let mut recipients = vec!["--recipient", &rsa, "--recipient", &locked];
    let native = age().then(|| {
        let mut keygen = desk.command("age-keygen");
        keygen.arg("-o").arg(desk.path("native"));
        let made = feed(keygen, "");
        let key = said(&made).trim().rsplit(' ').next().unwrap().to_owned();
        // Again, under a passphrase.
        let line = format!(
            "age -p -o {} {}",
            desk.path("native.age").display(),
            desk.path("native").display()
        );
        let twice = ("passphrase", "open sesame");
        desk.on_terminal(&line, &[twice, twice]);
        format!("native={key}")
    });
    if let Some(native) = &native {
        recipients.extend(["--recipient", native]);
    }
    desk.good(
        &[&["secrets", "init", "test"], &recipients[..]].concat(),
        "",
    );
    let set = |identity: &str, value: &str| {
        let path = desk.path(identity);
        let path = path.to_str().unwrap();
        desk.run(&["secrets", "set", "test", "A", "--identity", path], value)
    };
    assert!(set("rsa", "1").status.success());
    let refused = set("locked", "2");
    assert!(
        said(&refused).contains("has a passphrase, and there is no terminal"),
        "{}",
        said(&refused)
    );
    desk.write("value", "3");
    let on_terminal = |identity: &str, passphrase: &str| {
        let line = format!(
            "{} secrets set test A --file ../value --identity {}",
            env!("CARGO_BIN_EXE_bayplan"),
            desk.path(identity).display()
        );
        desk.on_terminal(&line, &[("passphrase of", passphrase)])
    };
    let wrong = on_terminal("locked", "wrong");
    assert!(wrong.contains("is wrong"), "{wrong}");
    let right = on_terminal("locked", "open sesame");
    assert!(right.contains("A changed"), "{right}");
    assert!(!right.contains("sesame"), "{right}");
    if native.is_some() {
        assert!(set("native", "4").status.success());
        desk.write("value", "5");
        let right = on_terminal("native.age", "open sesame");
        assert!(right.contains("A changed"), "{right}");
    }
}

#[test]
fn a_value_is_typed_unseen() {
    let desk = Desk::new();
    desk.good(&["secrets", "init", "test"], "");
    let line = format!("{} secrets set test A", env!("CARGO_BIN_EXE_bayplan"));
    let seen = desk.on_terminal(&line, &[("value of A", "s3ntinel-typed")]);
    assert!(
        seen.contains("A added") && !seen.contains(SENTINEL),
        "{seen}"
    );
}

#[test]
fn what_somebody_forgot_to_encrypt_is_not_shown_either() {
    let desk = Desk::with_secrets();
    let path = "repo/clusters/test/secrets.toml";
    let good = desk.secrets();
    for wrong in [
        "PLAIN = \"s3ntinel\"\n",
        "PLAIN = { age = \"s3ntinel\", digest = \"s3ntinel\", as = \"s3ntinel\" }\n",
        "PLAIN = s3ntinel\n",
        "PLAIN = \"s3ntinel\n",
        "[recipients2]\na = \"s3ntinel\"\n",
    ] {
        desk.write(path, &format!("{good}{wrong}"));
        let text = desk.bad(&["check"], "");
        assert!(text.contains("error") && !text.contains(SENTINEL), "{text}");
        for command in [
            &["secrets", "list", "test"][..],
            &["secrets", "rekey", "test"],
            &["diff", "test"],
        ] {
            let text = said(&desk.run(command, ""));
            assert!(!text.contains(SENTINEL), "{text}");
        }
    }
    let wrong = good.replace(
        "[recipients]\n",
        "[recipients]\nbob = \"AGE-SECRET-KEY-s3ntinel\"\n",
    );
    desk.write(path, &wrong);
    let text = desk.bad(&["check"], "");
    assert!(
        text.contains("this is an identity") && !text.contains(SENTINEL),
        "{text}"
    );
}

#[test]
fn mistakes_are_told() {
    let desk = Desk::new();
    for (arguments, words) in [
        (
            &["secrets", "set", "test", "A"][..],
            "bayplan secrets init test",
        ),
        (&["secrets", "list", "tset"], "did you mean `test`?"),
    ] {
        let text = desk.bad(arguments, "x");
        assert!(text.contains(words), "{text}");
    }
    desk.good(&["secrets", "init", "test"], "");
    for (arguments, words) in [
        (&["secrets", "init", "test"][..], "is there already"),
        (
            &["secrets", "set", "test", "A"],
            "expected a value for A, found nothing",
        ),
        (
            &["secrets", "remove", "test", "A"],
            "expected a secret of test, found `A`",
        ),
    ] {
        let text = desk.bad(arguments, "");
        assert!(text.contains(words), "{text}");
    }
    let missing = Path::new("/nonexistent");
    let missing = missing.to_str().unwrap();
    let text = desk.bad(&["secrets", "edit", "test", "--identity", missing], "");
    assert!(
        text.contains("the identity /nonexistent cannot be read"),
        "{text}"
    );
}

#[test]
fn the_secrets_of_one_cluster_are_not_released_in_another() {
    let desk = Desk::with_secrets();
    let copy = |name: &str| {
        let from = desk.path("repo/clusters/test");
        let to = desk.path(&format!("repo/clusters/{name}"));
        let copied = Command::new("cp").arg("-r").args([from, to]).status();
        assert!(copied.unwrap().success());
    };
    copy("staging");
    let text = desk.bad(&["check", "staging"], "");
    assert!(
        text.contains("expected the secrets of `staging`, found those of `test`"),
        "{text}"
    );
    // What tells it is more than a line that can be edited.
    let path = "repo/clusters/staging/secrets.toml";
    let edited = desk
        .secrets()
        .replace("cluster = \"test\"", "cluster = \"staging\"");
    desk.write(path, &edited);
    for arguments in [
        &["release", "staging", "--yes"][..],
        &["secrets", "set", "staging", "KEY"],
        &["secrets", "rekey", "staging"],
    ] {
        let text = desk.bad(arguments, "x");
        assert!(
            text.contains("expected the secrets of staging, found those of test")
                && text.contains("bayplan secrets rekey staging --from test"),
            "{text}"
        );
    }
    // Nor can it be left out.
    let cut = edited.replace("cluster = \"staging\"\n", "");
    desk.write(path, &cut);
    desk.bad(&["release", "staging", "--yes"], "");
    desk.write(path, &edited);
    desk.good(&["secrets", "rekey", "staging", "--from", "test"], "");
    desk.good(&["release", "staging", "--yes"], "");
}

#[test]
fn who_is_said_to_read_can_read() {
    let desk = Desk::with_secrets();
    let path = "repo/clusters/test/secrets.toml";
    let whole = desk.secrets();
    let bob = desk.ssh_key("bob", "ed25519", "");
    let with_bob = whole.replace(
        "[recipients]\n",
        &format!("[recipients]\nbob = \"{bob}\"\n"),
    );
    desk.write(path, &with_bob);
    let said = |words: &str| {
        for arguments in [
            &["check", "test"][..],
            &["secrets", "list", "test"],
            &["secrets", "set", "test", "KEY"],
        ] {
            let text = desk.bad(arguments, "x");
            assert!(
                text.contains(words) && text.contains("rekey test"),
                "{text}"
            );
        }
        desk.bad(&["secrets", "list", "test"], "")
    };
    let list = said("`bob` cannot read yet");
    assert!(!list.contains("bob (ssh"), "{list}");
    desk.good(&["secrets", "rekey", "test"], "");
    let list = desk.good(&["secrets", "list", "test"], "");
    assert!(list.contains("bob (ssh"), "{list}");
    // Who was taken away can read until all is encrypted anew.
    let without = desk
        .secrets()
        .replacen(&format!("bob = \"{bob}\"\n"), "", 1);
    desk.write(path, &without);
    let list = said("`bob` still can read");
    assert!(list.contains("bob (ssh"), "{list}");
    let removed = desk.run(&["secrets", "rekey", "test"], "");
    assert!(crate::said(&removed).contains("who was removed still knows"));
    let list = desk.good(&["secrets", "list", "test"], "");
    assert!(!list.contains("bob"), "{list}");
    // Nobody was removed since.
    let again = desk.run(&["secrets", "rekey", "test"], "");
    assert!(again.status.success());
    assert!(!crate::said(&again).contains("who was removed"));
    // A line that a merge took from before.
    let old = whole.lines().find(|line| line.starts_with("KEY"));
    let old = old.unwrap().to_owned();
    desk.write(path, &with_bob);
    desk.good(&["secrets", "rekey", "test"], "");
    let now = desk.secrets();
    let new = now
        .lines()
        .find(|line| line.starts_with("KEY"))
        .unwrap()
        .to_owned();
    desk.write(path, &now.replace(&new, &old));
    let text = desk.bad(&["secrets", "list", "test"], "");
    assert!(
        text.contains("expected `KEY` to be encrypted to `[readers]`"),
        "{text}"
    );
}

#[test]
fn a_value_that_was_public_is_in_no_diff_of_hosts() {
    const OLD: &str = "0ld\\pass\"word\nof two lines";
    let desk = Desk::new();
    let cluster = |vars: &str| {
        let (head, _) = CLUSTER.split_once("[vars]").unwrap();
        desk.write(
            "repo/clusters/test/cluster.toml",
            &format!("{head}[vars]\n{vars}"),
        );
    };
    let service = |name: &str, text: &str| {
        let path = format!("repo/clusters/test/services/{name}.toml");
        desk.write(
            &path,
            &format!("image = \"example/{name}\"\ntag = \"1\"\n{text}"),
        );
    };
    let files = "[files]\n\"/etc/app\" = { from = \"app\", template = true }\n";
    let plain = |value: &str| format!("PASSWORD = {value:?}\nURL = \"x:{{{{ PASSWORD }}}}@db\"\n");
    cluster(&plain(OLD));
    service("web", "vars = [\"PASSWORD\"]\n");
    service(
        "api",
        &format!(
            "vars = [\"URL\"]\ncommand = [\"--key\", \"0ldpassw0rd\"]\n[env]\nKEY = \"0ldpassw0rd\"\n{files}"
        ),
    );
    desk.good(&["release", "test", "--yes"], "");
    // The password and the key become secrets, the literal goes.
    desk.good(&["secrets", "init", "test"], "");
    desk.good(&["secrets", "set", "test", "PASSWORD"], "n3w");
    desk.good(&["secrets", "set", "test", "KEY"], "n3w");
    cluster("URL = \"x:{{ PASSWORD }}@db\"\n");
    service("web", "secrets = [\"PASSWORD\"]\n");
    service(
        "api",
        &format!(
            "vars = [\"URL\"]\nsecrets = [\"KEY\"]\ncommand = [\"--key\", \"other\"]\n{files}"
        ),
    );
    let silent = |text: &str, what: &str| {
        for part in ["0ld", "of two lines", "n3w"] {
            assert!(!text.contains(part), "{what}: {text}");
        }
    };
    let shown = |what: &str| {
        for form in [
            &["diff", "test"][..],
            &["diff", "test", "--diff"],
            &["diff", "test", "--diff", "--format", "json"],
            &["diff", "test", "--format", "markdown"],
            &["diff", "test", "-o", "plan.json"],
        ] {
            silent(&desk.good(form, ""), what);
        }
        let plan = fs::read_to_string(desk.path("repo/plan.json")).unwrap();
        silent(&plan, what);
    };
    shown("secret");
    let text = desk.good(&["diff", "test"], "");
    assert!(text.contains("was public until now"), "{text}");
    desk.good(&["release", "test", "--yes"], "");
    // And back, as a description and as a generation.
    desk.good(&["secrets", "remove", "test", "PASSWORD"], "");
    desk.good(&["secrets", "remove", "test", "KEY"], "");
    service("api", "");
    cluster(&plain(OLD));
    service("web", "vars = [\"PASSWORD\"]\n");
    let diff = desk.good(&["diff", "test", "--diff", "web"], "");
    silent(&diff, "plain again");
    let back = desk.good(&["rollback", "test", "--yes"], "");
    silent(&back, "rollback");
    silent(&desk.good(&["history", "test"], ""), "history");
}

/// The URL of a webhook reaches curl by its standard input alone, and is shown nowhere.
#[test]
fn a_webhook_is_told_and_its_url_is_not_shown() {
    let desk = Desk::with_secrets();
    desk.good(
        &["secrets", "set", "test", "HOOK"],
        "https://chat.example/s3ntinel?a=\"b\n",
    );
    let cluster = format!("{CLUSTER}[notify]\nwebhook = \"HOOK\"\n");
    desk.write("repo/clusters/test/cluster.toml", &cluster);
    // It is used, though no service gets it.
    let checked = desk.good(&["check", "test"], "");
    assert!(!checked.contains("HOOK"), "{checked}");
    fs::create_dir(desk.path("bin")).unwrap();
    let curl = desk.path("bin/curl");
    let at = desk.path("told").display().to_string();
    fs::write(
        &curl,
        format!("#!/bin/sh\necho \"$*\" >>'{at}'\ncat >>'{at}'\n"),
    )
    .unwrap();
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        desk.path("bin").display(),
        std::env::var("PATH").unwrap()
    );
    let released = desk.run_with(&["release", "test", "--yes"], "", &[("PATH", &path)]);
    assert!(released.status.success(), "{}", said(&released));
    assert!(!said(&released).contains(SENTINEL));
    let told = fs::read_to_string(desk.path("told")).unwrap();
    let line = "url = \"https://chat.example/s3ntinel?a=\\\"b\"\n";
    assert_eq!(told.matches(line).count(), 4, "{told}");
    assert!(told.contains("--config -\n"), "{told}");
    let data = r#"data-raw = "{\"version\":1,\"event\":\"planned\",\"text\":\"ada@"#;
    assert!(told.contains(data), "{told}");

    // One that fails says nothing of it either.
    fs::write(&curl, "#!/bin/sh\ncat\nexit 6\n").unwrap();
    desk.write(
        "repo/clusters/test/services/web.toml",
        &WEB.replace("\"1\"", "\"2\""),
    );
    let released = desk.run_with(&["release", "test", "--yes"], "", &[("PATH", &path)]);
    assert!(released.status.success(), "{}", said(&released));
    let said = said(&released);
    assert!(
        said.contains("note: the webhook is told no more: curl exited with 6"),
        "{said}"
    );
    assert!(!said.contains(SENTINEL), "{said}");

    // A URL in the description itself is refused.
    let cluster = format!("{CLUSTER}[notify]\nwebhook = \"https://chat.example/x\"\n");
    desk.write("repo/clusters/test/cluster.toml", &cluster);
    let refused = desk.bad(&["check", "test"], "");
    assert!(
        refused.contains("expected the name of a secret"),
        "{refused}"
    );
    assert!(
        refused.contains("`bayplan secrets set CLUSTER WEBHOOK`"),
        "{refused}"
    );
}

/// Every file below a directory, with its path.
fn texts_below(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.symlink_metadata().unwrap().is_dir() {
            true => texts_below(&path, found),
            false => {
                let text = fs::read(&path).unwrap_or_default();
                found.push((path, String::from_utf8_lossy(&text).into_owned()));
            }
        }
    }
}

#[test]
fn secrets_reach_containers_on_a_laptop_and_nobody_else() {
    let desk = Desk::with_secrets();
    fs::create_dir_all(desk.path("bin")).unwrap();
    desk.write("bin/docker", include_str!("cli/local/engine.sh"));
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(desk.path("bin/docker"), mode).unwrap();
    let mut path = desk.path("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let path = path.into_string().unwrap();
    let local = |arguments: &[&str]| {
        let arguments = [&["local"], arguments].concat();
        let output = desk.run_with(&arguments, "", &[("PATH", &path)]);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output)
    };
    let engine = |service: &str, what: &str| {
        let path = format!("home/.engine/local.repo.{service}/{what}");
        fs::read_to_string(desk.path(&path)).unwrap()
    };
    let ran = || {
        let text = fs::read_to_string(desk.path("home/.engine/ran")).unwrap_or_default();
        let _ = fs::remove_file(desk.path("home/.engine/ran"));
        let mut ran: Vec<String> = text.lines().map(str::to_owned).collect();
        ran.sort();
        ran
    };

    let told = local(&["up", "--decrypt", "-v"]);
    assert!(!told.contains(SENTINEL), "{told}");
    assert_eq!(ran(), ["api", "web"]);
    assert!(engine("web", "environment").contains(LINES.trim_end()));
    assert!(engine("api", "environment").contains("URL=postgres://app:s3ntinel-password@db\n"));
    for service in ["web", "api"] {
        for what in ["arguments", "labels"] {
            let text = engine(service, what);
            assert!(!text.contains(SENTINEL), "{service} {what}: {text}");
        }
    }
    assert_eq!(local(&["up", "--decrypt"]).matches("up to date").count(), 1);

    // Its own files have them in those that containers mount, which only their owner reaches.
    let state = desk.path("home/.local/state/bayplan/local/repo");
    let mode = fs::metadata(&state).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
    let mut files = Vec::new();
    texts_below(&state, &mut files);
    let with: Vec<_> = files
        .iter()
        .filter(|(_, text)| text.contains(SENTINEL))
        .collect();
    assert_eq!(with.len(), 2, "{with:?}");
    assert!(
        with.iter()
            .all(|(path, _)| path.to_string_lossy().contains("/secret-files/"))
    );

    // Whoever reads one that changed starts again, and nobody else.
    desk.good(&["secrets", "set", "test", "PASSWORD"], "s3ntinel-other\n");
    local(&["up", "--decrypt"]);
    assert_eq!(ran(), ["api"]);
    // Encrypted anew it is the same value.
    desk.good(&["secrets", "rekey", "test"], "");
    local(&["up", "--decrypt"]);
    assert_eq!(ran(), [""; 0]);

    // Made up, once.
    let told = local(&["up"]);
    assert!(told.contains("made up"), "{told}");
    assert_eq!(ran(), ["api", "web"]);
    assert!(!engine("api", "environment").contains(SENTINEL));
    local(&["up"]);
    assert_eq!(ran(), [""; 0]);
    let made = state.join("secrets/PASSWORD");
    assert_eq!(
        fs::metadata(&made).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::write(made, "real\n").unwrap();
    local(&["up"]);
    assert_eq!(ran(), ["api"]);
    assert!(engine("api", "environment").contains("URL=postgres://app:real@db\n"));
}
