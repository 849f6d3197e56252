//! Guards: what a release must not do unasked.

use crate::repo::Repo;

const CLUSTER: &str = "clusters/test/cluster.toml";

/// A cluster in directories, with these guards, committed to `main`.
fn guarded(guard: &str) -> Repo {
    let repo = Repo::empty();
    let cluster = "[hosts.a]\ndirectory = \"target/a\"\n[place]\nweb = \"a\"\n";
    repo.write(".gitignore", "/target\n");
    repo.write(CLUSTER, &format!("{cluster}[guard]\n{guard}\n"));
    repo.write(
        "clusters/test/services/web.toml",
        "image = \"web\"\ntag = \"1\"\n",
    );
    repo.commit("first");
    repo
}

#[test]
fn a_review_names_the_guards_that_a_release_would_break() {
    let repo = Repo::new();
    let cluster = "clusters/production/cluster.toml";
    let guard = "[guard]\nmax_restarts = 1\nprotect = [\"listing\"]\n[vars]";
    repo.edit(cluster, "[vars]", guard);
    repo.commit("guards");
    repo.edit(cluster, "10.0.0.177", "10.0.0.178");
    assert_snapshot!(repo.run("diff production --against main").text());
}

#[test]
fn only_committed_files_are_released() {
    let repo = guarded("clean = true");
    repo.edit("clusters/test/services/web.toml", "\"1\"", "\"2\"");
    let refused = repo.run("release test --yes");
    let lifted = repo.run("release test --yes --lift clean");
    assert_eq!(lifted.code, 0, "{}", lifted.text());
    repo.edit("clusters/test/services/web.toml", "\"2\"", "\"3\"");
    repo.commit("second");
    let clean = repo.run("release test --yes");
    assert_eq!(clean.code, 0, "{}", clean.text());
    assert_snapshot!(refused.text());
}

#[test]
fn only_commits_of_the_branch_are_released() {
    let repo = guarded("branch = \"main\"");
    repo.branch("feature");
    // What `main` has is fine, whatever the branch is called.
    assert_eq!(repo.run("release test --yes").code, 0);
    repo.edit("clusters/test/services/web.toml", "\"1\"", "\"2\"");
    let commit = repo.commit("not on main");
    let refused = repo.run("release test --yes");
    // As CI checks it out: a commit, and only the remote's branches.
    repo.git
        .reference("refs/remotes/origin/main", commit, false, "")
        .unwrap();
    repo.git.set_head_detached(commit).unwrap();
    let merged = repo.run("release test --yes");
    assert_eq!(merged.code, 0, "{}", merged.text());
    assert_snapshot!(refused.text());
}

/// Signs the last commit with a key of this repository, and lets git accept it.
fn sign(repo: &Repo) {
    let key = repo.root().join("target/key");
    let script = format!(
        "ssh-keygen -q -t ed25519 -N '' -f '{0}' && printf 'ada@example.com %s\\n' \"$(cat '{0}.pub')\" >'{0}.signers' &&
        git config gpg.format ssh && git config user.signingkey '{0}.pub' && git config gpg.ssh.allowedSignersFile '{0}.signers' &&
        git -c user.name=ada -c user.email=ada@example.com commit -q --amend --no-edit -S",
        key.display()
    );
    let done = std::process::Command::new("sh")
        .args(["-ec", &script])
        .current_dir(repo.root())
        .env("HOME", repo.root())
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn only_signed_commits_are_released() {
    let repo = guarded("signed = true");
    std::fs::create_dir_all(repo.root().join("target")).unwrap();
    let refused = repo.run("release test --yes").text();
    assert!(
        refused.contains("error: guard signed: expected a commit whose signature `git verify-commit` accepts, found "),
        "{refused}"
    );
    assert!(
        refused.contains("help: `bayplan release test --lift signed`"),
        "{refused}"
    );
    sign(&repo);
    let signed = repo.run("release test --yes");
    assert_eq!(signed.code, 0, "{}", signed.text());
    // What is not committed is not signed.
    repo.edit("clusters/test/services/web.toml", "\"1\"", "\"2\"");
    let dirty = repo.run("release test --yes");
    assert!(
        dirty
            .text()
            .contains("found changes that are not committed"),
        "{}",
        dirty.text()
    );
    assert_eq!(repo.run("release test --yes --lift signed").code, 0);
    // Git knows the key no more.
    repo.write("target/key.signers", "");
    repo.edit("clusters/test/services/web.toml", "\"2\"", "\"1\"");
    assert_eq!(repo.run("release test --yes").code, 1);
    let back = repo.run("rollback test --yes");
    assert_eq!(back.code, 0, "{}", back.text());
}

#[test]
fn nothing_is_released_at_other_hours() {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let hour = |more: i8| format!("{:02}:00", (now.hour() + more) % 24);
    let repo = guarded(&format!("hours = \"{}-{} UTC\"", hour(2), hour(4)));
    let refused = repo.run("release test --yes").text();
    let told = format!(
        "error: guard hours: releases are allowed {}-{} UTC, and there it is ",
        hour(2),
        hour(4)
    );
    assert!(refused.contains(&told), "{refused}");
    let lifted = repo.run("release test --yes --lift hours");
    assert_eq!(lifted.code, 0, "{}", lifted.text());
    repo.edit("clusters/test/services/web.toml", "\"1\"", "\"2\"");
    let lifted = repo.run("release test --yes --lift hours");
    assert_eq!(lifted.code, 0, "{}", lifted.text());
    // Going back is always possible.
    let back = repo.run("rollback test --yes");
    assert_eq!(back.code, 0, "{}", back.text());
    // A review does not know when its change is released.
    let review = repo.run("diff test --against HEAD").text();
    assert!(!review.contains("hours"), "{review}");
    // Now it is the hour.
    repo.edit(CLUSTER, &hour(2), &hour(22));
    let released = repo.run("release test --yes");
    assert_eq!(released.code, 0, "{}", released.text());
}

#[test]
fn outside_of_git_nothing_is_clean() {
    let repo = guarded("clean = true\nbranch = \"main\"");
    repo.remove(".git");
    assert_snapshot!(repo.run("release test --yes").text());
}

#[test]
fn guards_that_mean_nothing_are_errors() {
    let repo = guarded(
        "max_restarts = -1\nprotect = [\"wev\"]\nbranch = \"refs/heads/main\"\nclean = \"yes\"\nmax = 1",
    );
    assert_snapshot!(repo.run("check test").text());
}

/// Makes the repository one that cannot be read: this says how, and what the message has.
type Unreadable = (&'static str, fn(&Repo) -> bool, &'static str);

const UNREADABLE: [Unreadable; 3] = [
    (
        "SHA-256 objects",
        |repo| extension(repo, "extensions.objectformat", "sha256"),
        "--object-format=sha1",
    ),
    (
        "a reftable",
        |repo| extension(repo, "extensions.refstorage", "reftable"),
        "--ref-format=files",
    ),
    (
        "another owner",
        |repo| {
            let chown = |path| std::os::unix::fs::chown(path, Some(4711), Some(4711));
            chown(repo.root().join(".git")).is_ok() && chown(repo.root().to_owned()).is_ok()
        },
        "safe.directory",
    ),
];

fn extension(repo: &Repo, key: &str, value: &str) -> bool {
    let mut config = repo.git.config().unwrap();
    config.set_i32("core.repositoryformatversion", 1).unwrap();
    config.set_str(key, value).unwrap();
    true
}

#[test]
fn a_repository_that_git_cannot_tell_of_is_not_taken_for_none() {
    for (case, spoil, help) in UNREADABLE {
        let repo = guarded("clean = true\nbranch = \"main\"");
        if !spoil(&repo) {
            // Only root gives files away.
            continue;
        }
        let refused = repo.run("release test --yes").text();
        assert!(
            refused.contains("that git cannot be asked: "),
            "{case}: {refused}"
        );
        assert!(refused.contains(help), "{case}: {refused}");
        let released = repo.run("release test --yes --lift clean --lift branch");
        let text = released.text();
        assert_eq!(released.code, 0, "{case}: {text}");
        assert!(
            text.contains("the commit is recorded as unknown: "),
            "{case}: {text}"
        );
        assert!(text.contains(help), "{case}: {text}");
        let history = repo.run("history test --json").stdout;
        assert!(
            history.contains("\"commit\": \"unknown: "),
            "{case}: {history}"
        );
        let history = repo.run("history test").stdout;
        assert!(history.contains("commit unknown"), "{case}: {history}");
        let review = repo.run("diff test --against HEAD").text();
        assert!(review.contains(help), "{case}: {review}");
    }
}
