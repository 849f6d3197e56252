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
