//! What a wrong command line is told: the command of ours that does what the wanted one does.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

use crate::cluster::nearest::nearest;

/// Commands of other tools, and what does the same here.
const ELSEWHERE: [(&[&str], &str); 18] = [
    (
        &["deploy", "apply", "up", "sync", "ship", "install"],
        "`bayplan release CLUSTER` writes files and restarts what changed",
    ),
    (
        &["update", "upgrade", "set", "tag"],
        "`bayplan bump CLUSTER SERVICE=TAG` writes another version into the description; `bayplan release CLUSTER` brings it to the hosts",
    ),
    (
        &["plan", "preview", "dry-run", "dryrun", "changes"],
        "`bayplan diff CLUSTER` shows what a release would change",
    ),
    (
        &["reload", "reboot"],
        "`bayplan restart CLUSTER SERVICE` starts it anew as it was released; a release restarts what changed by itself",
    ),
    (
        &[
            "down",
            "kill",
            "rm",
            "remove",
            "delete",
            "undeploy",
            "uninstall",
        ],
        "take the service out of [place] in cluster.toml and release; `bayplan stop CLUSTER SERVICE` stops it until `bayplan start`",
    ),
    (
        &["log", "journal", "tail"],
        "`bayplan logs CLUSTER SERVICE -f` shows what containers say on all hosts",
    ),
    (
        &["ps", "ls", "list", "show", "inspect", "info", "state"],
        "`bayplan status CLUSTER` shows what runs on every host",
    ),
    (
        &["stats", "usage", "df"],
        "`bayplan top CLUSTER` shows what hosts and containers use",
    ),
    (
        &["shell", "sh", "attach", "ssh", "console"],
        "`bayplan exec CLUSTER SERVICE` gives a shell in a container that runs",
    ),
    (
        &["undo", "revert", "back"],
        "`bayplan rollback CLUSTER` undoes the last release",
    ),
    (
        &["validate", "lint", "verify", "test", "fmt"],
        "`bayplan check` finds every problem of the description",
    ),
    (
        &["build", "template", "generate", "compile", "config"],
        "`bayplan render CLUSTER -o DIR` writes the files of every host",
    ),
    (
        &["explain", "where", "env", "vars", "describe"],
        "`bayplan why CLUSTER SERVICE` shows where every value comes from",
    ),
    (
        &["new", "create", "setup", "bootstrap"],
        "`bayplan init DIR` makes a repository with two clusters; another one is clusters/NAME/cluster.toml, and `bayplan check` says what is missing",
    ),
    (
        &["hosts", "node", "nodes", "server", "servers", "inventory"],
        "hosts are written as `[hosts.NAME]` in cluster.toml; `bayplan host check CLUSTER` looks whether they are fit, `bayplan status CLUSTER` what runs there",
    ),
    (
        &["gc", "clean", "cleanup", "rmi"],
        "each host keeps its last five generations by itself; `bayplan prune CLUSTER` removes images and networks that nothing uses",
    ),
    (
        &["pull", "images"],
        "a release pulls images before anything stops",
    ),
    (
        &["lock", "unlock", "force-unlock"],
        "a lock goes with the release that holds it; `bayplan status CLUSTER` shows who holds it",
    ),
];

/// Commands of other tools below `secrets`.
const ELSEWHERE_FOR_SECRETS: [(&[&str], &str); 4] = [
    (
        &["add", "put", "create", "update", "write", "encrypt"],
        "`bayplan secrets set CLUSTER NAME` adds a secret or changes it",
    ),
    (
        &["get", "show", "view", "decrypt", "print", "cat", "read"],
        "no command prints a value; `bayplan secrets edit CLUSTER` opens all of them in $EDITOR",
    ),
    (
        &["rm", "delete", "unset", "del"],
        "`bayplan secrets remove CLUSTER NAME` takes a secret away",
    ),
    (
        &[
            "rotate",
            "reencrypt",
            "re-encrypt",
            "updatekeys",
            "recipients",
        ],
        "`bayplan secrets rekey CLUSTER` encrypts everything anew, after [recipients] changed",
    ),
];

/// A usage error with advice that fits: what does the same here for a command of another tool, and a similar name only if
/// it is one.
#[must_use]
pub fn advised(mut error: clap::Error) -> clap::Error {
    let found = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(found)) => found.to_ascii_lowercase(),
        _ => return error,
    };
    // The usage of a group begins with its name.
    let usage = error.get(ContextKind::Usage).map(ToString::to_string);
    let elsewhere: &[(&[&str], &str)] = match usage.is_some_and(|usage| usage.contains(" secrets "))
    {
        true => &ELSEWHERE_FOR_SECRETS,
        false => &ELSEWHERE,
    };
    let known = elsewhere
        .iter()
        .find(|(words, _)| words.contains(&found.as_str()));
    let similar = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => {
            nearest(&found, names.iter().map(String::as_str)).is_some()
        }
        _ => false,
    };
    if known.is_some() || !similar {
        error.remove(ContextKind::SuggestedSubcommand);
    }
    if let Some((_, advice)) = known {
        let advice = ContextValue::StyledStrs(vec![StyledStr::from(*advice)]);
        error.insert(ContextKind::Suggested, advice);
    }
    error
}
