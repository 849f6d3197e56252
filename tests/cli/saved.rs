//! Plans in files: `diff -o FILE`, then `release --plan FILE`.

use std::fs;

use insta::assert_snapshot;

use crate::environment::{Output, TestEnvironment};

/// Released once; then a tag was changed and the plan of that saved in `plan.json`.
fn planned() -> TestEnvironment {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/api.toml", "2.0.0", "2.1.0");
    it.bayplan("diff shop -o plan.json").succeeds();
    it
}

/// Releases the plan, which must be refused and change nothing on the hosts.
#[track_caller]
fn refused(it: &TestEnvironment) -> Output {
    let before = it.tree("hosts");
    let output = it.bayplan("release --plan plan.json").exits(4);
    assert_eq!(before, it.tree("hosts"));
    output
}

#[test]
fn what_was_reviewed_is_released_without_a_question() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/api.toml", "2.0.0", "2.1.0");
    assert_snapshot!(it.bayplan("diff shop -o plan.json").succeeds(), @"
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ api  write  shop-api.service, api/50-api.env
    alpha  no changes
    2 hosts: 2 files change; nothing is started
    next: `bayplan release shop --plan plan.json`
    ");
    let names: Vec<_> = fs::read_dir(it.path("")).unwrap().collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_snapshot!(it.bayplan("release --plan plan.json").succeeds(), @"
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ api  write  shop-api.service, api/50-api.env
    alpha  no changes
    2 hosts: 2 files change; nothing is started
    Released shop on 1 host: files written.
    Nothing was started: directory hosts have files only.
    ------- stderr -------
    beta: staged [SIZE]
    beta: checked
    beta: done in [TIME]
    ");
    // It was done, so the hosts are not what it was made from any more.
    assert_snapshot!(refused(&it), @"
    ------- stderr -------
    error: beta: not what the plan was made from: its generation is 2 now, the plan was made at 1
    help: make a new plan: `bayplan diff shop -o FILE`
    nothing was changed on any host
    [exit code: 4]
    ");
}

#[test]
fn a_plan_without_changes_is_a_plan() {
    let it = TestEnvironment::released();
    it.bayplan("diff shop -o plan.json").succeeds();
    assert_snapshot!(it.bayplan("release shop --plan plan.json").succeeds(), @"No changes. shop is in sync (2 hosts, 3 services).");
}

#[test]
fn only_the_services_of_the_plan_are_released() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/api.toml", "2.0.0", "2.1.0");
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.5.0");
    it.bayplan("diff shop api -o plan.json").succeeds();
    it.bayplan("release --plan plan.json").succeeds();
    assert_snapshot!(it.bayplan("diff shop").succeeds(), @"
    alpha, beta  (a directory: files are written, nothing is started)
      ~ web  write  shop-web.service, web/50-web.env
    in this order: alpha → beta
    2 hosts: 4 files change; nothing is started
    next: `bayplan release shop`
    ");
}

#[test]
fn a_host_that_moved_is_named() {
    let it = planned();
    it.edit("clusters/shop/services/api.toml", "2.1.0", "2.0.0");
    it.edit("clusters/shop/cluster.toml", "\"Shop\"", "\"The Shop\"");
    it.bayplan("release shop --yes").succeeds();
    it.edit("clusters/shop/cluster.toml", "\"The Shop\"", "\"Shop\"");
    it.edit("clusters/shop/services/api.toml", "2.0.0", "2.1.0");
    assert_snapshot!(refused(&it), @"
    ------- stderr -------
    error: alpha, beta: not what the plan was made from: its generation is 2 now, the plan was made at 1
    help: make a new plan: `bayplan diff shop -o FILE`
    nothing was changed on any host
    [exit code: 4]
    ");
}

#[test]
fn a_file_that_was_edited_on_a_host_is_named() {
    let it = planned();
    let path = format!("{}/50-db.env", it.inputs("beta", "db"));
    it.write(&path, "IMAGE=other\n");
    assert_snapshot!(refused(&it), @"
    ------- stderr -------
    error: beta: not what the plan was made from: the files of db were changed
    help: make a new plan: `bayplan diff shop -o FILE`
    nothing was changed on any host
    [exit code: 4]
    ");
}

#[test]
fn another_description_is_not_what_was_reviewed() {
    let it = planned();
    it.edit("clusters/shop/services/api.toml", "2.1.0", "2.2.0");
    it.write("clusters/shop/services/broken.toml", "image = ");
    assert_snapshot!(refused(&it), @"
    ------- stderr -------
    error: the plan is stale: these files are not those that it was made from: clusters/shop/services/api.toml, clusters/shop/services/broken.toml
    help: nothing was changed; make a new plan: `bayplan diff shop -o FILE`
    [exit code: 4]
    ");
}

#[test]
fn another_commit_is_not_what_was_reviewed() {
    let it = planned();
    let git = git2::Repository::init(it.path("")).unwrap();
    let commit = |message: &str| {
        let mut index = git.index().unwrap();
        let all = ["clusters"];
        index
            .add_all(all, git2::IndexAddOption::DEFAULT, None)
            .unwrap();
        index.write().unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let when = git2::Time::new(1_700_000_000, 0);
        let who = git2::Signature::new("ada", "ada@example.com", &when).unwrap();
        let head = git.head().and_then(|head| head.peel_to_commit());
        let parents: Vec<_> = head.iter().collect();
        git.commit(Some("HEAD"), &who, &who, message, &tree, &parents)
            .unwrap();
    };
    commit("one");
    assert_snapshot!(refused(&it), @"
    ------- stderr -------
    error: the plan is stale: expected no commit, at which it was made, found commit 39d7ffe972
    help: nothing was changed; make a new plan: `bayplan diff shop -o FILE`
    [exit code: 4]
    ");
    it.bayplan("diff shop -o plan.json").succeeds();
    commit("two");
    assert_snapshot!(refused(&it), @"
    ------- stderr -------
    error: the plan is stale: expected commit 39d7ffe972, at which it was made, found commit 814d56408f
    help: nothing was changed; `git checkout 39d7ffe972`, or make a new plan: `bayplan diff shop -o FILE`
    [exit code: 4]
    ");
    // What is not committed can be planned, too: the files decide.
    it.edit("clusters/shop/services/api.toml", "2.1.0", "2.2.0");
    assert_snapshot!(it.bayplan("diff shop -o plan.json").succeeds(), @"
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ api  write  shop-api.service, api/50-api.env
    alpha  no changes
    2 hosts: 2 files change; nothing is started
    next: `bayplan release shop --plan plan.json`
    ------- stderr -------
    note: the plan holds for these files only, and they are not committed
    ");
    it.bayplan("release --plan plan.json").succeeds();
}

#[test]
fn a_plan_that_nobody_may_release_is_not_written() {
    let it = TestEnvironment::released();
    let unit = "hosts/beta/etc/systemd/system/shop-api.service";
    it.write(unit, "[Service]\nExecStart=/bin/true\n");
    assert_snapshot!(it.bayplan("diff shop -o plan.json").exits(1), @"
    error: beta:
      $ROOT/repository/hosts/beta/etc/systemd/system/shop-api.service
      is not bayplan's
    help: rename the service api
    Refused: 1 problem to solve first; nothing is changed anywhere
    ------- stderr -------
    error: plan.json was not written: no release may do what it says
    [exit code: 1]
    ");
    assert!(!it.path("plan.json").exists());
}

#[test]
fn guards_and_moves_hold_for_plans_too() {
    let it = TestEnvironment::released();
    it.edit(
        "clusters/shop/cluster.toml",
        "[vars]",
        "[guard]\nclean = true\n[vars]",
    );
    it.edit(
        "clusters/shop/cluster.toml",
        "db  = \"beta\"",
        "db  = \"alpha\"",
    );
    assert_snapshot!(it.bayplan("diff shop -o plan.json").succeeds(), @"
    beta → alpha
      → db   move    nothing else changes
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ api  write   shop-api.service, api/10-service-locations.env,
                       api/30-cluster.env
    in this order: alpha (what is new) → beta → beta (what leaves)
    2 hosts: 6 files change; nothing is started
    next: `bayplan release shop --plan plan.json --allow-move`
    ");
    let before = it.tree("hosts");
    it.bayplan("release --plan plan.json").exits(1);
    let flags = "--allow-move --lift clean";
    assert_snapshot!(it.bayplan("release --plan plan.json --allow-move").exits(1).stderr, @"
    error: guard clean: expected committed files, found no commit
    help: `bayplan release shop --plan plan.json --lift clean`
    nothing was changed on any host
    ");
    assert_eq!(before, it.tree("hosts"));
    it.bayplan(&format!("release --plan plan.json {flags}"))
        .succeeds();
}

#[test]
fn what_is_no_plan_of_this_cluster_is_refused() {
    let it = planned();
    it.write("empty.json", "");
    it.write("cut.json", &it.read("plan.json")[..400]);
    it.write("newer.json", "{\"format\": 2}");
    it.write("shown.json", it.bayplan("diff shop --json").stdout);
    let mut said = String::new();
    for name in [
        "missing.json",
        "empty.json",
        "cut.json",
        "newer.json",
        "shown.json",
    ] {
        let output = it.bayplan(&format!("release --plan {name}")).exits(1);
        said += &output.to_string();
    }
    said += &it
        .bayplan("release other --plan plan.json")
        .exits(1)
        .to_string();
    said += &it.bayplan("release shop web --plan plan.json").to_string();
    said += &it
        .bayplan("diff shop --against HEAD -o plan.json")
        .exits(64)
        .to_string();
    said += &it.bayplan("diff shop -o /dev/null").exits(1).to_string();
    assert_snapshot!(said, @"
    ------- stderr -------
    error: failed to open file `missing.json`: No such file or directory (os error 2)
    [exit code: 1]
    ------- stderr -------
    error: empty.json cannot be released: expected a plan that `bayplan diff -o` saved, found something else: it ends at line 1 column 0
    help: `bayplan diff CLUSTER -o FILE` saves a plan
    [exit code: 1]
    ------- stderr -------
    error: cut.json cannot be released: expected a plan that `bayplan diff -o` saved, found something else: it ends at line 10 column 72
    help: `bayplan diff CLUSTER -o FILE` saves a plan
    [exit code: 1]
    ------- stderr -------
    error: newer.json cannot be released: its format is 2, this bayplan reads up to 1
    help: use the bayplan that made it, or make a new plan
    [exit code: 1]
    ------- stderr -------
    error: shown.json cannot be released: expected a plan that `bayplan diff -o` saved, found what `--json` prints
    help: `bayplan diff CLUSTER -o FILE` saves a plan
    [exit code: 1]
    ------- stderr -------
    error: expected a plan of other, found one of shop in plan.json
    help: `bayplan release shop --plan plan.json` releases it
    [exit code: 1]
    ------- stderr -------
    error: the argument '[SERVICE]...' cannot be used with '--plan <FILE>'

    Usage: bayplan release <CLUSTER> <SERVICE>...

    For more information, try '--help'.
    [exit code: 64]
    ------- stderr -------
    error: expected `-o` or `--against`, found both: a plan that can be released is made against the hosts
    help: leave `--against` out to save a plan, or keep a review with `--format markdown > review.md`
    [exit code: 64]
    ------- stderr -------
    error: expected a file to write the plan to, found `/dev/null`
    help: `-o plan.json`
    [exit code: 1]
    ");
}
