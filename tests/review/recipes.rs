//! The recipes of docs/review.md, run by a shell with what GitHub and GitLab would answer.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

const REVIEW: &str = include_str!("../../docs/review.md");

/// A script of the first `- |` or `run: |` below a line.
fn script(after: &str) -> String {
    let (_, rest) = REVIEW.split_once(after).unwrap();
    let mut lines = rest.lines().skip_while(|line| !line.ends_with('|'));
    lines.next().unwrap();
    let lines: Vec<&str> = lines.collect();
    let indent = lines[0].len() - lines[0].trim_start().len();
    let ours = |line: &&&str| line.len() >= indent && line[..indent].trim().is_empty();
    let lines = lines.iter().take_while(ours).map(|line| &line[indent..]);
    lines.collect::<Vec<_>>().join("\n")
}

/// Stands for `gh` and for `curl`: notes what it is asked, answers with what is in files, and with the
/// filter of `--jq`.
const FAKE: &str = r#"#!/bin/sh
printf '%s ' "$@" | tr '\n' ' ' >> "$WORK/calls"
echo >> "$WORK/calls"
filter=
answer=all
while [ $# -gt 0 ]; do
  case $1 in
    --jq) filter=$2; shift ;;
    --method|--request|-F|--form) answer=none ;;
    */user) answer=user ;;
  esac
  shift
done
[ "$answer" = none ] && exit 0
[ -e "$WORK/$answer" ] || exit 22
if [ -n "$filter" ]; then jq -r "$filter" < "$WORK/$answer"; else cat "$WORK/$answer"; fi
"#;

const GITHUB: &str = r#"[
    {"id": 1, "user": {"login": "mallory"}, "body": "<!-- bayplan:* -->\nmine"},
    {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "something else"},
    {"id": 3, "user": {"login": "github-actions[bot]"}, "body": "<!-- bayplan:* -->\nold"}
]"#;

const GITLAB: &str = r#"[
    {"id": 1, "author": {"id": 666}, "body": "<!-- bayplan:* -->\nmine"},
    {"id": 2, "author": {"id": 7}, "body": "something else"},
    {"id": 3, "author": {"id": 7}, "body": "<!-- bayplan:* -->\nold"}
]"#;

/// Runs a recipe's script; `bayplan` writes this and fails if it writes that it failed. What was asked
/// for, and the exit code.
fn run(script: &str, comment: &str, comments: Option<&str>) -> (Vec<String>, i32) {
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path();
    let program = |name: &str, text: &str| {
        let path = work.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("gh", FAKE);
    program("curl", FAKE);
    program(
        "bayplan",
        "#!/bin/sh\ncat \"$WORK/comment\"\n! grep -q failed \"$WORK/comment\"\n",
    );
    fs::write(work.join("comment"), comment).unwrap();
    fs::write(work.join("user"), r#"{"id": 7}"#).unwrap();
    if let Some(comments) = comments {
        fs::write(work.join("all"), comments).unwrap();
    }
    // GitHub's job has a step of its own for the comment.
    fs::copy(work.join("comment"), work.join("comment.md")).unwrap();
    let path = format!("{}:{}", work.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(work)
        .env("PATH", path)
        .env("WORK", work)
        .env("GITHUB_STEP_SUMMARY", work.join("summary"))
        .envs([
            ("GITHUB_REPOSITORY", "ada/config"),
            ("NUMBER", "5"),
            ("CI_API_V4_URL", "https://gitlab.example.com/api/v4"),
            ("CI_PROJECT_ID", "9"),
            ("CI_MERGE_REQUEST_IID", "5"),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "HEAD~1"),
            ("COMMENT_TOKEN", "token"),
        ])
        .output()
        .unwrap();
    let calls = fs::read_to_string(work.join("calls")).unwrap_or_default();
    let calls = calls.lines().map(|line| line.trim_end().to_owned());
    (calls.collect(), output.status.code().unwrap())
}

/// Without it there is nothing to run the recipes with.
fn has_jq() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join("jq").exists())
}

#[test]
fn a_recipe_replaces_its_own_comment_and_nobody_elses() {
    if !has_jq() {
        return;
    }
    let review = "<!-- bayplan:* -->\n### bayplan\n";
    for (after, comments, change, add) in [
        (
            "name: Comment",
            GITHUB,
            "--method PATCH repos/ada/config/issues/comments/3 ",
            "api repos/ada/config/issues/5/comments -F ",
        ),
        (
            "image: rust:1",
            GITLAB,
            "/notes/3",
            "/merge_requests/5/notes",
        ),
    ] {
        let script = script(after);
        let (calls, code) = run(&script, review, Some(comments));
        let last = calls.last().unwrap();
        assert!(code == 0 && last.contains(change), "{after}: {calls:?}");
        // Without one of its own it adds one.
        let others = comments.replace("github-actions[bot]", "eve");
        let others = others.replace("\"id\": 7", "\"id\": 8");
        let (calls, code) = run(&script, review, Some(&others));
        let last = calls.last().unwrap();
        assert!(code == 0 && last.contains(add), "{after}: {calls:?}");
        assert!(
            !last.contains("comments/1") && !last.contains("notes/1"),
            "{last}"
        );
    }
}

#[test]
fn a_recipe_posts_nothing_where_there_is_nothing_to_post() {
    if !has_jq() {
        return;
    }
    for (after, comments) in [("name: Comment", GITHUB), ("image: rust:1", GITLAB)] {
        let script = script(after);
        for comment in ["", "\n", "error: something\n"] {
            let (calls, code) = run(&script, comment, Some(comments));
            assert_ne!(code, 0, "{after}");
            assert!(calls.is_empty(), "{after}: {calls:?}");
        }
        // Nor where nobody can say what is there.
        let (calls, code) = run(&script, "<!-- bayplan:* -->\n", None);
        assert_ne!(code, 0, "{after}");
        assert!(
            !calls.last().unwrap().contains("body="),
            "{after}: {calls:?}"
        );
    }
}

#[test]
fn a_failure_is_posted_and_fails_the_job() {
    if !has_jq() {
        return;
    }
    let script = script("image: rust:1");
    let (calls, code) = run(&script, "<!-- bayplan:* -->\nfailed\n", Some(GITLAB));
    assert_eq!(code, 1);
    assert!(calls.last().unwrap().contains("/notes/3"), "{calls:?}");
}
