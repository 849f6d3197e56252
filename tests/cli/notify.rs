//! `[notify]` and `[hooks]`: who is told what a release does, and who may forbid it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::environment::TestEnvironment;

const CLUSTER: &str = "clusters/shop/cluster.toml";

fn with(more: &str) -> TestEnvironment {
    let it = TestEnvironment::shop();
    let text = it.read(CLUSTER);
    it.write(CLUSTER, format!("{text}\n{more}"));
    it
}

/// Writes `scripts/before.sh`.
fn script(it: &TestEnvironment, text: &str) {
    let path = "scripts/before.sh";
    it.write(path, text);
    fs::set_permissions(it.path(path), fs::Permissions::from_mode(0o755)).unwrap();
}

/// The events that were told, an object a line.
fn events(it: &TestEnvironment) -> Vec<Value> {
    let text = it.read("events");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const TOLD: &str = "[notify]\ncommand = [\"sh\", \"-c\", \"cat >>events\"]\n";

#[test]
fn a_release_tells_what_it_does() {
    let it = with(TOLD);
    it.bayplan("release shop --yes").succeeds();
    let told = events(&it);
    let of = |event: &Value| {
        let host = event["host"].as_str().unwrap_or("all").to_owned();
        (event["event"].as_str().unwrap().to_owned(), host)
    };
    let told_of: Vec<(String, String)> = told.iter().map(of).collect();
    let expected = [
        ("planned", "all"),
        ("started", "all"),
        ("host_done", "alpha"),
        ("host_done", "beta"),
        ("done", "all"),
    ];
    let mut sorted = told_of.clone();
    sorted[2..4].sort();
    let sorted: Vec<(&str, &str)> = sorted.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(sorted, expected);
    let first = &told[0];
    assert_eq!(first["cluster"], "shop");
    assert!(
        first["who"].as_str().unwrap().starts_with("ada@"),
        "{first}"
    );
    assert!(
        first["text"]
            .as_str()
            .unwrap()
            .contains("would release shop"),
        "{first}"
    );
    assert!(first["totals"]["files"].as_u64().unwrap() > 0, "{first}");
    assert!(
        told.iter()
            .all(|event| event["release"] == first["release"])
    );

    // Nothing to do is nothing to tell.
    it.write("events", "");
    it.bayplan("release shop --yes").succeeds();
    it.bayplan("diff shop").succeeds();
    it.bayplan("check").succeeds();
    assert!(events(&it).is_empty());

    it.bayplan("rollback shop --yes --host beta").exits(1);
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.4.3");
    it.bayplan("release shop --yes").succeeds();
    it.write("events", "");
    it.bayplan("rollback shop --yes").succeeds();
    assert_eq!(events(&it).last().unwrap()["event"], "done");
}

#[test]
fn who_cannot_be_told_stops_no_release() {
    for (command, why) in [
        (
            "[\"scripts/absent.sh\"]",
            "`scripts/absent.sh` is told no more: cannot be started",
        ),
        (
            "[\"sh\", \"-c\", \"exit 3\"]",
            "`sh` is told no more: exited with 3",
        ),
        ("[\"true\"]", ""),
    ] {
        let it = with(&format!("[notify]\ncommand = {command}\n"));
        let released = it.bayplan("release shop --yes").succeeds();
        assert!(released.stderr.contains(why), "{}", released.stderr);
        assert_eq!(
            released.stderr.matches("told no more").count(),
            usize::from(!why.is_empty())
        );
        it.bayplan("diff shop --exit-code").succeeds();
    }
}

#[test]
fn a_hook_may_refuse_a_plan() {
    let it = with("[hooks]\nbefore = [\"scripts/before.sh\"]\n");
    script(
        &it,
        "#!/bin/sh\ncat >plan.json\necho 'not on a Friday'\nexit 7\n",
    );
    let refused = it.bayplan("release shop --yes").exits(1).stderr;
    assert!(
        refused.contains("the hook `scripts/before.sh` exited with 7"),
        "{refused}"
    );
    assert!(refused.contains("not on a Friday"), "{refused}");
    assert!(refused.contains("`--lift hooks`"), "{refused}");
    assert!(
        refused.contains("nothing was changed on any host"),
        "{refused}"
    );
    assert!(!it.path("hosts/alpha/etc/bayplan").exists());
    // It got what `diff --json` prints.
    let plan: Value = serde_json::from_str(&it.read("plan.json")).unwrap();
    let shown: Value =
        serde_json::from_str(&it.bayplan("diff shop --json").succeeds().stdout).unwrap();
    assert_eq!(plan, shown);

    it.bayplan("release shop --yes --lift hooks").succeeds();
    script(&it, "#!/bin/sh\necho fine\n");
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.4.3");
    it.bayplan("release shop --yes -C clusters").succeeds();
    it.bayplan("diff shop --exit-code").succeeds();

    fs::remove_file(it.path("scripts/before.sh")).unwrap();
    it.edit("clusters/shop/services/web.toml", "1.4.3", "1.4.4");
    let absent = it.bayplan("release shop --yes").exits(1).stderr;
    assert!(
        absent.contains("the hook `scripts/before.sh` cannot be started"),
        "{absent}"
    );
}

#[test]
fn what_cannot_be_meant_is_told_where_it_stands() {
    for (more, expected) in [
        (
            "[notify]\ncommand = []\n",
            "expected a program and its arguments for `command`",
        ),
        (
            "[notify]\ncommand = \"notify.sh\"\n",
            "expected a list of strings",
        ),
        (
            "[notify]\nwebhook = \"WEBHOOK\"\n",
            "`bayplan secrets set shop WEBHOOK` adds it",
        ),
        (
            "[notify]\nslack = \"x\"\n",
            "the URL is a secret: `bayplan secrets set",
        ),
        (
            "[hooks]\npost_release = [\"x\"]\n",
            "`[notify] command` is told when a release is done",
        ),
        ("[hooks]\npre_deploy = [\"x\"]\n", "write `before = "),
    ] {
        let it = with(more);
        let checked = it.bayplan("check shop").exits(1);
        let error = format!("{}{}", checked.stdout, checked.stderr);
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(error.contains(expected), "{more}: {error}");
        assert!(error.contains("clusters/shop/cluster.toml:"), "{error}");
    }
}
