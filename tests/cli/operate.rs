//! What an operator asks of hosts that are directories: nothing runs there.

use insta::assert_snapshot;

use crate::environment::TestEnvironment;

#[test]
fn a_directory_has_no_journal() {
    let it = TestEnvironment::released();
    assert_snapshot!(it.bayplan("logs shop web").succeeds(), @"
    ------- stderr -------
    note: alpha, beta: nothing runs below a directory, so there is no journal
    ");
    assert_snapshot!(it.bayplan("logs shop --host gamma").exits(1), @"
    ------- stderr -------
    error: expected a host of shop, found `gamma`
    help: its hosts: alpha, beta
    [exit code: 1]
    ");
}

#[test]
fn nothing_runs_in_a_directory() {
    let it = TestEnvironment::released();
    assert_snapshot!(it.bayplan("exec shop web").exits(1), @"
    ------- stderr -------
    error: web has no host on which anything runs
    [exit code: 1]
    ");
    assert_snapshot!(it.bayplan("run shop web --host alpha -- true").exits(1), @"
    ------- stderr -------
    error: alpha is a directory: nothing runs there
    [exit code: 1]
    ");
    assert_snapshot!(it.bayplan("restart shop web --yes").exits(1), @"
    ------- stderr -------
    error: there are directories only: nothing runs there
    [exit code: 1]
    ");
    assert_snapshot!(it.bayplan("exec shop wep -- true").exits(1), @"
    ------- stderr -------
    error: expected a service of shop, found `wep`
    help: did you mean `web`?
    [exit code: 1]
    ");
}

#[test]
fn a_host_without_a_connection_is_named() {
    let it = TestEnvironment::shop();
    it.edit(
        "clusters/shop/cluster.toml",
        "directory = \"hosts/alpha\"",
        "address = \"10.0.0.1\"",
    );
    let ended = it.bayplan("logs shop").exits(1);
    assert!(ended.stderr.contains("error: alpha: "), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let it = TestEnvironment::shop();
    for line in [
        "logs shop --since yesterdayish",
        "logs shop -f --until 10m",
        "logs shop -f --previous",
        "logs shop --since 1h --since-release",
        "logs shop -n many",
        "exec shop",
        "run shop web",
        "restart",
        "restart shop web --host alpha --skip beta",
        "restart shop web --why",
    ] {
        it.bayplan(line).exits(64);
    }
}

#[test]
fn nothing_is_left_over_in_a_directory() {
    let it = TestEnvironment::released();
    assert_snapshot!(it.bayplan("prune shop --yes").succeeds(), @"2 hosts: nothing is left over");
    let json = it
        .bayplan("prune shop --json --host beta")
        .succeeds()
        .stdout;
    assert!(json.contains("\"leftovers\": []"), "{json}");
    let top = it.bayplan("top shop").succeeds().stdout;
    assert_eq!(top, "no host runs containers: nothing uses anything\n");
    it.bayplan("prune shop --json --yes").exits(64);
    it.bayplan("prune shop --host gamma").exits(1);
}

#[test]
fn a_cluster_leaves_a_directory() {
    let it = TestEnvironment::released();
    it.write("hosts/alpha/etc/systemd/system/hand.service", "[Service]\n");
    let shown = it.bayplan("decommission shop alpha").exits(1);
    for words in ["alpha\n  units      ", "with 1 generation"] {
        assert!(shown.stdout.contains(words), "{words}: {shown}");
    }
    assert!(
        shown
            .stderr
            .contains("`--confirm alpha` goes on without asking"),
        "{shown}"
    );
    let only = it.bayplan("decommission shop beta").exits(1).stdout;
    assert!(
        only.contains("warning: then it runs nowhere: api, db"),
        "{only}"
    );
    it.bayplan("decommission shop alpha --confirm beta")
        .exits(64);
    it.bayplan("decommission shop gamma").exits(1);
    let gone = it
        .bayplan("decommission shop alpha --confirm alpha")
        .succeeds();
    for words in [
        "alpha: nothing of shop is there any more",
        "alpha is still described",
    ] {
        assert!(gone.stdout.contains(words), "{words}: {gone}");
    }
    let files = |host: &str| -> Vec<String> {
        let tree = it.tree(&format!("hosts/{host}")).into_keys();
        tree.filter(|path| it.path(&format!("hosts/{host}/{path}")).is_file())
            .collect()
    };
    assert_eq!(files("alpha"), ["etc/systemd/system/hand.service"]);
    let nothing = it
        .bayplan("decommission shop alpha --confirm alpha")
        .succeeds();
    assert!(
        nothing
            .stdout
            .starts_with("alpha: nothing of shop is there\n"),
        "{nothing}"
    );
    it.bayplan("destroy shop --confirm alpha").exits(64);
    it.bayplan("destroy shop --skip gamma").exits(1);
    it.bayplan("destroy shop --confirm shop").succeeds();
    assert_eq!(files("beta"), [""; 0]);
    // As if nothing had ever been there.
    it.bayplan("release shop --yes").succeeds();
}
