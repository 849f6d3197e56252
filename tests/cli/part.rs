//! Hosts that left, hosts that are left out, clusters without services.

use std::fs;

use crate::environment::TestEnvironment;

const CLUSTER: &str = "clusters/shop/cluster.toml";

/// `db`, which is stateful, moves to alpha, and its host is taken out of the description.
fn without_beta(it: &TestEnvironment) {
    it.edit(CLUSTER, "[hosts.beta]\ndirectory = \"hosts/beta\"\n", "");
    it.edit(CLUSTER, "web = [\"alpha\", \"beta\"]", "web = \"alpha\"");
    it.edit(CLUSTER, "api = \"beta\"", "api = \"alpha\"");
    it.edit(CLUSTER, "db  = \"beta\"", "db  = \"alpha\"");
}

#[test]
fn a_host_that_left_is_told_and_a_stateful_service_stays_where_it_was() {
    let it = TestEnvironment::released();
    without_beta(&it);
    let status = it.bayplan("status shop").succeeds().stdout;
    let told = "warning: beta (hosts/beta) is no longer described, and 3 units may run there";
    assert!(status.contains(told), "{status}");
    let first = "; 3 units on beta, which is no longer\n  described\n";
    assert!(status.contains(first), "{status}");
    let refused = it.bayplan("release shop --yes").exits(1).stdout;
    assert!(refused.starts_with(told), "{refused}");
    assert!(
        refused.contains(
            "error: beta: db is stateful and may still run (hosts/beta), which is no longer"
        ),
        "{refused}"
    );
    assert!(
        !it.path("hosts/alpha/etc/systemd/system/shop-db.service")
            .exists()
    );
    it.bayplan("release shop --yes --allow-move").succeeds();

    // It is told until it is dismissed, and that is no change of a host.
    it.bayplan("diff shop --exit-code").exits(0);
    assert!(it.bayplan("status shop").succeeds().stdout.contains(told));
    let error = it
        .bayplan("release shop --yes --dismiss alpha")
        .exits(1)
        .stderr;
    assert!(error.contains("alpha is a host of shop"), "{error}");
    let error = it
        .bayplan("release shop --yes --dismiss gamma")
        .exits(1)
        .stderr;
    assert!(error.contains("left over: beta"), "{error}");
    let dismissed = it
        .bayplan("release shop --yes --dismiss beta")
        .succeeds()
        .stdout;
    assert!(dismissed.contains("db (stateful)"), "{dismissed}");
    let status = it.bayplan("status shop").succeeds().stdout;
    assert!(!status.contains("beta"), "{status}");
}

#[test]
fn a_host_that_comes_back_is_taken_off_and_then_gone() {
    let it = TestEnvironment::released();
    without_beta(&it);
    it.bayplan("release shop --yes --allow-move").succeeds();
    let alone = it.read(CLUSTER);
    // As the warning says: back in [hosts], but nowhere in [place].
    let hosts = "[hosts.beta]\ndirectory = \"hosts/beta\"\n\n[place]";
    it.write(CLUSTER, alone.replacen("[place]", hosts, 1));
    it.bayplan("release shop --yes --allow-move").succeeds();
    assert!(
        !it.path("hosts/beta/etc/bayplan").exists(),
        "what is empty goes"
    );
    it.write(CLUSTER, &alone);
    let status = it.bayplan("status shop").succeeds().stdout;
    assert!(!status.contains("beta"), "{status}");
}

#[test]
fn what_is_left_out_stays_pending_and_is_told() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.5.0");
    let before = it.tree("hosts/beta/etc");
    let released = it
        .bayplan("release shop --yes --skip beta")
        .succeeds()
        .stdout;
    assert!(
        released.contains("beta  left out: this stays pending; nowhere else: api and db"),
        "{released}"
    );
    assert_eq!(before, it.tree("hosts/beta/etc"));
    let diff = it.bayplan("diff shop --host alpha").succeeds().stdout;
    assert!(diff.ends_with("; beta left out\n"), "{diff}");
    it.bayplan("diff shop --exit-code").exits(2);
    for (line, words) in [
        (
            "release shop --yes --skip gamma",
            "expected a host of shop, found `gamma`",
        ),
        (
            "release shop --yes --skip alpha --skip beta",
            "all are left out",
        ),
    ] {
        let error = it.bayplan(line).exits(1).stderr;
        assert!(error.contains(words), "{error}");
    }
    it.bayplan("release shop --yes --host beta").succeeds();
    it.bayplan("diff shop --exit-code").exits(0);
}

#[test]
fn a_plan_of_some_hosts_is_saved_and_released() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.5.0");
    it.bayplan("diff shop --skip beta -o plan.json").succeeds();
    let before = it.tree("hosts/beta/etc");
    it.bayplan("release --plan plan.json").succeeds();
    assert_eq!(before, it.tree("hosts/beta/etc"));
    it.bayplan("release shop --yes").succeeds();
    assert_ne!(before, it.tree("hosts/beta/etc"));
}

#[test]
fn the_last_service_is_removed_like_any_other() {
    let it = TestEnvironment::released();
    fs::remove_dir_all(it.path("clusters/shop/services")).unwrap();
    let cluster = it.read(CLUSTER);
    let (hosts, _) = cluster.split_once("[place]").unwrap();
    it.write(CLUSTER, hosts);
    it.bayplan("check shop").succeeds();
    let refused = it.bayplan("release shop --yes").exits(1).stdout;
    assert!(
        refused.contains("db is stateful and would vanish"),
        "{refused}"
    );
    it.bayplan("release shop --yes --allow-move").succeeds();
    for host in ["alpha", "beta"] {
        assert!(!it.path(&format!("hosts/{host}/etc/bayplan")).exists());
        let units = it.tree(&format!("hosts/{host}/etc/systemd/system"));
        assert!(
            units.keys().all(|path| !path.contains("shop-")),
            "{units:?}"
        );
    }
    it.bayplan("diff shop --exit-code").exits(0);
    it.bayplan("release shop --yes").succeeds();
}

#[test]
fn a_broken_description_hides_nothing_of_what_runs() {
    for broken in [
        "[vars]\nTITLE = 1.2.3\n",
        "[vars]\nTITLE = \"{{ NOTHING }}\"\n",
        "[vars]\nTITLE = \"open\n",
    ] {
        let it = TestEnvironment::released();
        let cluster = it.read(CLUSTER);
        let (before, _) = cluster.split_once("[vars]").unwrap();
        it.write(CLUSTER, format!("{before}{broken}"));
        it.bayplan("diff shop").exits(1);
        let status = it.bayplan("status shop").succeeds();
        assert!(
            status
                .stdout
                .contains("shop is in sync (2 hosts, 4 units)."),
            "{}",
            status.stdout
        );
        assert!(
            status.stderr.contains("`bayplan check shop` shows them"),
            "{}",
            status.stderr
        );
        it.bayplan("history shop").succeeds();
    }
    // What was edited by hand since is seen, too.
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/web.toml", "image", "imagine");
    let unit = "hosts/alpha/etc/systemd/system/shop-web.service";
    it.write(unit, format!("{}# mine\n", it.read(unit)));
    let status = it.bayplan("status shop --by host").succeeds().stdout;
    assert!(
        status.contains("web  -  -  edited by hand: shop-web.service"),
        "{status}"
    );
}
