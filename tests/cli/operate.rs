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
    for line in [
        "stop shop web --yes",
        "start shop --yes",
        "drain shop alpha --yes",
        "undrain shop alpha",
    ] {
        let ended = it.bayplan(line).exits(1);
        assert!(
            ended.stderr.contains("nothing runs there"),
            "{line}: {ended}"
        );
    }
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
        "stop shop",
        "stop shop web --for 5",
        "drain shop",
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

/// Nobody removes anything from some of its hosts only.
#[test]
fn a_host_that_does_not_answer_stops_a_destroy() {
    let it = TestEnvironment::released();
    it.edit(
        "clusters/shop/cluster.toml",
        "directory = \"hosts/alpha\"",
        "address = \"10.0.0.1\"",
    );
    let before = it.tree("hosts");
    let refused = it.bayplan("destroy shop --confirm shop").exits(1);
    assert!(refused.stderr.contains("error: alpha: "), "{refused}");
    assert!(
        refused
            .stderr
            .ends_with("nothing was removed from any host\n"),
        "{refused}"
    );
    assert_eq!(it.tree("hosts"), before);
}

#[test]
fn a_frozen_cluster_is_released_to_by_intent_only() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.5.0");
    let frozen = it.bayplan("freeze shop --why friday").succeeds();
    assert!(
        frozen
            .stdout
            .starts_with("shop is frozen on alpha, beta: friday\n"),
        "{frozen}"
    );
    let status = it.bayplan("status shop").succeeds().stdout;
    assert!(status.contains("! frozen by "), "{status}");
    let refused = it.bayplan("release shop --yes").exits(7);
    assert!(
        refused.stderr.contains("error: shop is frozen by "),
        "{refused}"
    );
    assert!(
        refused.stderr.contains(": friday\nhelp: `--lift freeze`"),
        "{refused}"
    );
    assert!(
        refused
            .stderr
            .ends_with("nothing was changed on any host\n"),
        "{refused}"
    );
    it.bayplan("push shop").succeeds();
    it.bayplan("activate shop --yes").exits(7);
    it.bayplan("release shop --yes --lift freeze").succeeds();
    it.bayplan("rollback shop --yes").succeeds();
    // Once is once.
    it.bayplan("release shop --yes").exits(7);
    let history = it.bayplan("history shop").succeeds().stdout;
    assert!(
        history.contains("froze the cluster: friday on alpha, beta"),
        "{history}"
    );
    // One host that knows is enough; what it keeps cannot steer a terminal, nor be nothing.
    let kept = "hosts/alpha/var/lib/bayplan/shop/frozen.json";
    std::fs::remove_file(it.path(kept)).unwrap();
    it.write(
        "hosts/beta/var/lib/bayplan/shop/frozen.json",
        "\u{1b}[2J\0\u{ff}\n",
    );
    let refused = it.bayplan("release shop --yes").exits(7);
    assert!(refused.stderr.contains("frozen by somebody: "), "{refused}");
    let ended = it.bayplan("unfreeze shop").succeeds();
    assert!(
        ended
            .stdout
            .starts_with("shop is not frozen any more; it was by somebody"),
        "{ended}"
    );
    assert_eq!(
        it.bayplan("unfreeze shop").succeeds().stdout,
        "shop was not frozen\n"
    );
    it.bayplan("release shop --yes").succeeds();
    for wrong in [
        "freeze shop",
        "freeze shop --why x --until 2001-01-01",
        "freeze shop --why",
    ] {
        it.bayplan(wrong).exits(64);
    }
}

#[test]
fn what_is_held_is_told_and_no_difference() {
    let it = TestEnvironment::released();
    let holds = "hosts/alpha/var/lib/bayplan/shop/holds/web";
    it.write(
        holds,
        "{\"format\":1,\"who\":\"ada@laptop\",\"since\":1,\"until\":null,\"why\":\"reindex\"}\n",
    );
    let link = "hosts/alpha/etc/systemd/system/multi-user.target.wants/shop-web.service";
    let linked = || std::fs::symlink_metadata(it.path(link)).is_ok();
    // Its link is still there: a machine that is made of this directory would start it.
    let status = it.bayplan("status shop").succeeds().stdout;
    assert!(status.contains("held by ada@laptop: reindex"), "{status}");
    assert!(linked());
    it.bayplan("diff shop --exit-code").exits(2);
    it.bayplan("release shop --yes").succeeds();
    assert!(!linked());
    let status = it.bayplan("status shop").succeeds().stdout;
    assert!(status.contains("by ada@laptop: reindex"), "{status}");
    assert!(status.contains("■ held"), "{status}");
    let plan = it.bayplan("diff shop --exit-code").succeeds().stdout;
    assert!(plan.contains("web: held by ada@laptop: reindex"), "{plan}");
    let json = it.bayplan("status shop --json").succeeds().stdout;
    assert!(json.contains("\"kind\": \"held\""), "{json}");
    // Its files go on.
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.5.0");
    it.bayplan("release shop --yes").succeeds();
    assert!(!linked());
    it.bayplan("diff shop --exit-code").succeeds();
    std::fs::remove_file(it.path(holds)).unwrap();
    it.bayplan("release shop --yes").succeeds();
    assert!(linked());
}
