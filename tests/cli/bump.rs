//! `bump`: one line of a file, shown, written, committed by the user's git; or nothing at all.

use std::fs;
use std::process::Command;

use insta::assert_snapshot;

use crate::environment::{Output, TestEnvironment};

const WEB: &str = "clusters/shop/services/web.toml";
const API: &str = "clusters/shop/services/api.toml";

/// Runs git as a user who has a name.
#[track_caller]
fn git(it: &TestEnvironment, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(it.path(""))
        .env("HOME", it.beside("home"))
        .args(words);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The cluster `shop`, of which registries have every version.
fn shop() -> TestEnvironment {
    let it = TestEnvironment::shop();
    it.registries_have_all();
    it
}

/// The cluster `shop`, committed.
fn committed() -> TestEnvironment {
    let it = shop();
    fs::write(
        it.beside("home/.gitconfig"),
        "[user]\nname = Ada\nemail = ada@example.com\n[init]\ndefaultBranch = main\n",
    )
    .unwrap();
    git(&it, &["init", "--quiet"]);
    git(&it, &["add", "clusters"]);
    git(&it, &["commit", "--quiet", "-m", "one"]);
    it
}

/// A bump with a reason of several words.
fn because(it: &TestEnvironment, words: &str, why: &str) -> Output {
    let mut command = it.command();
    command.args(words.split(' ')).args(["-m", why]);
    it.run(&mut command)
}

#[test]
fn a_bump_changes_one_line_and_says_what_a_release_does() {
    let it = shop();
    let before = it.read(WEB);
    assert_snapshot!(it.bayplan("bump shop web=1.5.0").succeeds());
    assert_eq!(it.read(WEB), before.replace("1.4.2", "1.5.0"));
    assert_snapshot!(it.bayplan("bump shop web=1.5.0").succeeds(), @"web of shop has that version already; nothing was written");
}

#[test]
fn line_ends_comments_and_quotes_stay() {
    let it = shop();
    let text = "\u{feff}# Search.\r\nimage = 'web'\t# ours\r\n\r\n  tag\t=  '1.4.2'   # tag = \"0\"\r\nport=8080\r\n[env]\r\ntag = 'no'";
    it.write(WEB, text);
    it.bayplan("bump shop web=1.5.0").succeeds();
    assert_eq!(it.read(WEB), text.replace("1.4.2", "1.5.0"));
}

#[test]
fn services_with_one_version_move_together() {
    let it = shop();
    it.write(
        "clusters/shop/services/worker.toml",
        "from = \"web\"\ncommand = [\"work\"]\n",
    );
    it.edit(
        "clusters/shop/cluster.toml",
        "api = \"beta\"",
        "api = \"beta\"\nworker = \"alpha\"",
    );
    assert_snapshot!(it.bayplan("bump shop worker=1.5.0 --dry-run").succeeds());
    assert!(it.read(WEB).contains("1.4.2"));
    let refused = it
        .bayplan("bump shop worker=1.5.0 web=1.6.0 api=3")
        .exits(1);
    assert_snapshot!(refused, @"
    ------- stderr -------
    error: expected one version in clusters/shop/services/web.toml, found `1.5.0` for worker and `1.6.0` for web
    help: name one of them: both take their version from clusters/shop/services/web.toml
    [exit code: 1]
    ");
    assert!(it.read(API).contains("2.0.0"));
}

#[test]
fn what_cannot_be_meant_changes_nothing() {
    let it = shop();
    let before = it.tree("clusters");
    for (words, code, told) in [
        ("bump shop wbe=1.5.0", 1, "did you mean `web`?"),
        (
            "bump shop web=1.5.0 api=",
            64,
            "expected a tag such as `1.4.2`",
        ),
        (
            "bump shop web=1.5.0 api",
            64,
            "expected a service and its tag",
        ),
        ("bump shop web=a:b", 64, "expected a tag"),
        ("bump shop web=\u{1b}[2J", 64, "expected a tag"),
        ("bump shop", 64, "SERVICE=TAG"),
        ("bump shap web=1", 1, "did you mean `shop`?"),
        ("bump shop web=sha256:00", 64, "64 hexadecimal digits"),
        (
            "bump shop web=1.5.0 --commit",
            1,
            "expected a git repository with a commit",
        ),
        ("bump shop web=1.5.0 -m why", 64, "--commit"),
    ] {
        let output = it.bayplan(words).exits(code);
        assert!(output.stderr.contains(told), "{words}: {output}");
        assert!(!output.stderr.contains('\u{1b}'), "{words}: {output}");
        assert_eq!(it.tree("clusters"), before, "{words}");
    }
    it.edit(API, "needs", "neds");
    let before = it.tree("clusters");
    let output = it.bayplan("bump shop web=1.5.0").exits(1);
    assert!(output.stderr.contains("nothing was written"), "{output}");
    assert_eq!(it.tree("clusters"), before);
}

#[test]
fn a_version_that_is_not_one_plain_text_is_refused_with_its_place() {
    let it = shop();
    it.edit(WEB, "\"1.4.2\"", "\"\"\"1.4.2\"\"\"");
    assert_snapshot!(it.bayplan("bump shop web=1.5.0").exits(1));
    let real = it.path("clusters/shop/services/web.real");
    fs::rename(it.path(WEB), &real).unwrap();
    std::os::unix::fs::symlink("web.real", it.path(WEB)).unwrap();
    let output = it.bayplan("bump shop web=1.5.0").exits(1);
    assert!(
        output
            .stderr
            .contains("found a link at clusters/shop/services/web.toml"),
        "{output}"
    );
    assert!(fs::symlink_metadata(it.path(WEB)).unwrap().is_symlink());
}

#[test]
fn a_digest_stays_pinned() {
    let it = shop();
    let pin = |digit: &str| format!("@sha256:{}", digit.repeat(64));
    it.edit(WEB, "1.4.2", &format!("1.4.2{}", pin("a")));
    let output = it.bayplan("bump shop web=1.5.0").exits(1);
    assert!(
        output.stderr.contains("write `web=1.5.0@sha256:…`"),
        "{output}"
    );
    it.bayplan(&format!("bump shop web=1.5.0{}", pin("b")))
        .succeeds();
    assert!(it.read(WEB).contains(&format!("\"1.5.0{}\"", pin("b"))));
}

#[test]
fn a_commit_has_what_and_why_and_nothing_else() {
    let it = committed();
    it.write("notes.txt", "mine");
    let output = because(
        &it,
        "bump shop web=1.5.0 api=2.1.0 --commit",
        "for the summer sale",
    );
    assert!(output.stdout.contains("committed "), "{output}");
    assert_eq!(output.code, Some(0));
    assert_snapshot!(git(&it, &["log", "-1", "--format=%an <%ae>%n%B"]), @"
    Ada <ada@example.com>
    Bump api and web of shop

    for the summer sale

    api: 2.0.0 -> 2.1.0
    web: 1.4.2 -> 1.5.0
    ");
    assert_eq!(
        git(&it, &["show", "--numstat", "--format="]),
        format!("1\t1\t{API}\n1\t1\t{WEB}\n")
    );
    assert_eq!(git(&it, &["status", "--porcelain"]), "?? notes.txt\n");
}

#[test]
fn what_else_is_changed_is_not_committed_along() {
    let it = committed();
    it.edit(API, "9000", "9001");
    git(&it, &["add", API]);
    let output = it.bayplan("bump shop web=1.5.0 --commit").exits(1);
    assert!(
        output
            .stderr
            .contains("expected nothing staged, found clusters/shop/services/api.toml"),
        "{output}"
    );
    git(&it, &["restore", "--staged", "."]);
    let output = it.bayplan("bump shop api=3 --commit").exits(1);
    assert!(output.stderr.contains("found changes"), "{output}");
    it.bayplan("bump shop web=1.5.0 --commit").succeeds();
    assert_eq!(git(&it, &["status", "--porcelain"]), format!(" M {API}\n"));
}

#[test]
fn a_hook_that_refuses_leaves_nothing_behind() {
    let it = committed();
    it.write(
        ".git/hooks/commit-msg",
        "#!/bin/sh\necho no ticket named >&2\nexit 1\n",
    );
    let hook = it.path(".git/hooks/commit-msg");
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let before = it.tree("clusters");
    let output = it.bayplan("bump shop web=1.5.0 --commit").exits(1);
    assert!(output.stderr.contains("no ticket named"), "{output}");
    assert!(output.stderr.contains("nothing was written"), "{output}");
    assert_eq!(it.tree("clusters"), before);
    assert_eq!(git(&it, &["status", "--porcelain"]), "");
    // A name that git does not know is refused as git refuses it.
    fs::remove_file(&hook).unwrap();
    fs::write(
        it.beside("home/.gitconfig"),
        "[user]\nuseConfigOnly = true\n",
    )
    .unwrap();
    let output = it.bayplan("bump shop web=1.5.0 --commit").exits(1);
    assert!(output.stderr.contains("git refused"), "{output}");
    assert_eq!(it.tree("clusters"), before);
}

#[test]
fn a_release_may_begin_with_a_bump() {
    let it = committed();
    it.bayplan("release shop --yes").succeeds();
    it.write(".gitignore", "/hosts\n");
    let output = it
        .bayplan("release shop --yes --bump web=1.5.0 --commit")
        .succeeds();
    assert!(output.stdout.contains("+ tag   = \"1.5.0\""), "{output}");
    let unit = format!("{}/50-web.env", it.inputs("alpha", "web"));
    assert!(it.read(&unit).contains("web:1.5.0"), "{}", it.read(&unit));
    assert_eq!(
        git(&it, &["log", "-1", "--format=%s"]),
        "Bump web of shop to 1.5.0\n"
    );
    it.bayplan("diff shop --exit-code").exits(0);
    // Who cannot be asked has bumped all the same, and released nothing.
    let output = it.bayplan("release shop --bump web=1.6.0").exits(1);
    assert!(output.stderr.contains("`--yes`"), "{output}");
    assert!(it.read(WEB).contains("1.6.0"));
    it.bayplan("release shop --plan x --bump web=1").exits(64);
    it.bayplan("release shop --commit").exits(64);
}
