//! `diff`, `release` and `status` with directory hosts.

use std::collections::BTreeMap;
use std::fs;

use insta::assert_snapshot;

use crate::environment::{Entry, TestEnvironment};

#[test]
fn a_first_release_writes_everything_and_a_second_one_nothing() {
    let it = TestEnvironment::shop();
    assert_snapshot!(it.bayplan("diff shop").succeeds(), @"
    alpha  hosts/alpha  (a directory: files are written, nothing is started)
      + web  write  shop-web.service, web/10-service-locations.env,
                      web/20-service-config.env and 2 more
    beta  hosts/beta  (a directory: files are written, nothing is started)
      + db   write  shop-db.service, db/50-db.env
      + api  write  shop-api.service, api/10-service-locations.env,
                      api/20-service-config.env and 2 more
      + web  write  shop-web.service, web/10-service-locations.env,
                      web/20-service-config.env and 2 more
    in this order: alpha (what is new) → beta (what is new)
    2 hosts: 17 files change; nothing is started
    next: `bayplan release shop`
    ");
    assert!(!it.path("hosts").exists());
    assert_snapshot!(it.bayplan("release shop --yes").succeeds(), @"
    alpha  hosts/alpha  (a directory: files are written, nothing is started)
      + web  write  shop-web.service, web/10-service-locations.env,
                      web/20-service-config.env and 2 more
    beta  hosts/beta  (a directory: files are written, nothing is started)
      + db   write  shop-db.service, db/50-db.env
      + api  write  shop-api.service, api/10-service-locations.env,
                      api/20-service-config.env and 2 more
      + web  write  shop-web.service, web/10-service-locations.env,
                      web/20-service-config.env and 2 more
    in this order: alpha (what is new) → beta (what is new)
    2 hosts: 17 files change; nothing is started
    Released shop on 2 hosts: files written.
    Nothing was started: directory hosts have files only.
    ------- stderr -------
    alpha: staged [SIZE]
    alpha: checked
    alpha: done in [TIME]
    beta: staged [SIZE]
    beta: checked
    beta: done in [TIME]
    ");
    let before = it.tree("hosts");
    assert_snapshot!(it.bayplan("release shop --yes").succeeds(), @"No changes. shop is in sync (2 hosts, 3 services).");
    assert_snapshot!(it.bayplan("diff shop").succeeds(), @"No changes. shop is in sync (2 hosts, 3 services).");
    assert_snapshot!(it.bayplan("status shop").succeeds(), @"shop is in sync (2 hosts, 4 units).");
    assert_eq!(before, it.tree("hosts"));
}

#[test]
fn a_changed_tag_changes_its_service_only() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/api.toml", "2.0.0", "2.1.0");
    assert_snapshot!(it.bayplan("diff shop --diff").succeeds(), @r#"
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ api  write  shop-api.service, api/50-api.env
        === shop-api.service: only its fingerprint and the path of its inputs
        --- api/50-api.env
        +++ api/50-api.env
        @@ -1,4 +1,4 @@
         # 50-api: values of clusters/shop/services/api.toml; written by bayplan, do not edit here
         APP_PORT="9000"
        -IMAGE="registry.example.com/api:2.0.0"
        +IMAGE="registry.example.com/api:2.1.0"
         WORKERS="4"
    alpha  no changes
    2 hosts: 2 files change; nothing is started
    next: `bayplan release shop`
    "#);
    assert_snapshot!(it.bayplan("release shop --yes").succeeds(), @"
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
    assert_snapshot!(it.bayplan("status shop --by host").succeeds(), @"
    alpha  hosts/alpha (a directory: nothing runs here)  generation 1
      web  -  -  in sync
    beta  hosts/beta (a directory: nothing runs here)  generation 2
      api  -  -  in sync
      db   -  -  in sync
      web  -  -  in sync
    shop is in sync (2 hosts, 4 units).
    ");
}

#[test]
fn a_shared_variable_changes_who_reads_it() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/cluster.toml", "\"Shop\"", "\"The Shop\"");
    assert_snapshot!(it.bayplan("diff shop").succeeds(), @"
    alpha, beta  (a directory: files are written, nothing is started)
      ~ web  write  shop-web.service, web/30-cluster.env
    in this order: alpha → beta
    2 hosts: 4 files change; nothing is started
    next: `bayplan release shop`
    ");
    it.bayplan("release shop --yes").succeeds();
    for host in ["alpha", "beta"] {
        let inputs = it.inputs(host, "web");
        assert!(
            it.read(&format!("{inputs}/30-cluster.env"))
                .contains("TITLE=\"The Shop\"\n")
        );
    }
}

#[test]
fn a_comment_changes_nothing() {
    let it = TestEnvironment::released();
    for file in ["cluster.toml", "services/web.toml", "service-config.toml"] {
        let path = format!("clusters/shop/{file}");
        it.write(&path, format!("# a comment\n{}", it.read(&path)));
    }
    assert_snapshot!(it.bayplan("diff shop --exit-code").succeeds(), @"No changes. shop is in sync (2 hosts, 3 services).");
}

#[test]
fn a_removed_service_leaves_nothing_but_older_generations() {
    let it = TestEnvironment::released();
    it.edit(
        "clusters/shop/cluster.toml",
        "web = [\"alpha\", \"beta\"]\n",
        "",
    );
    fs::remove_file(it.path("clusters/shop/services/web.toml")).unwrap();
    it.edit("clusters/shop/cluster.toml", "TITLE  = \"Shop\"\n", "");
    assert_snapshot!(it.bayplan("release shop --yes").succeeds(), @"
    alpha, beta  (a directory: files are written, nothing is started)
      - web  remove  no longer described
    2 hosts: 2 files change; nothing is started
    Released shop on 2 hosts: files written.
    Nothing was started: directory hosts have files only.
    ------- stderr -------
    alpha: staged [SIZE]
    alpha: checked
    alpha: done in [TIME]
    beta: staged [SIZE]
    beta: checked
    beta: done in [TIME]
    ");
    let left: Vec<_> = it
        .tree("hosts")
        .into_keys()
        .filter(|path| path.contains("web"))
        .collect();
    assert!(
        left.iter().all(|path| path.contains("/generations/1/")),
        "{left:?}"
    );
    assert_snapshot!(it.bayplan("diff shop").succeeds(), @"No changes. shop is in sync (2 hosts, 2 services).");
}

#[test]
fn a_moved_service_says_from_where_and_to_where() {
    let it = TestEnvironment::released();
    it.edit(
        "clusters/shop/cluster.toml",
        "api = \"beta\"",
        "api = \"alpha\"",
    );
    assert_snapshot!(it.bayplan("release shop --yes").succeeds(), @"
    beta → alpha
      → api  move    nothing else changes
    alpha  hosts/alpha  (a directory: files are written, nothing is started)
      ~ web  write   shop-web.service, web/10-service-locations.env
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ web  write   shop-web.service, web/10-service-locations.env
    in this order: alpha (what is new) → alpha, beta → beta (what leaves)
    2 hosts: 10 files change; nothing is started
    Released shop on 2 hosts: files written.
    Nothing was started: directory hosts have files only.
    ------- stderr -------
    alpha: staged [SIZE]
    alpha: checked
    alpha: done in [TIME]
    alpha: done in [TIME]
    beta: staged [SIZE]
    beta: checked
    beta: done in [TIME]
    ");
    assert!(
        it.path("hosts/alpha/etc/systemd/system/shop-api.service")
            .exists()
    );
    assert!(
        !it.path("hosts/beta/etc/systemd/system/shop-api.service")
            .exists()
    );
    assert!(!it.path("hosts/beta/etc/bayplan/shop/api").exists());
}

#[test]
fn a_stateful_service_moves_only_when_told() {
    let it = TestEnvironment::released();
    it.edit(
        "clusters/shop/cluster.toml",
        "db  = \"beta\"",
        "db  = \"alpha\"",
    );
    let before = it.tree("hosts");
    assert_snapshot!(it.bayplan("diff shop").succeeds(), @"
    beta → alpha
      → db   move    nothing else changes
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ api  write   shop-api.service, api/10-service-locations.env,
                       api/30-cluster.env
    in this order: alpha (what is new) → beta → beta (what leaves)
    2 hosts: 6 files change; nothing is started
    next: `bayplan release shop --allow-move`
    ");
    assert_snapshot!(it.bayplan("release shop --yes").exits(1), @"
    beta → alpha
      → db   move    nothing else changes
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ api  write   shop-api.service, api/10-service-locations.env,
                       api/30-cluster.env

    error: beta: db is stateful and would move away
    help: once its data is safe, `bayplan release shop --allow-move`; otherwise put
      it back on beta in [place]
    Refused: 1 problem to solve first; nothing is changed anywhere
    [exit code: 1]
    ");
    assert_eq!(before, it.tree("hosts"));
    it.bayplan("release shop --yes --allow-move").succeeds();
    assert!(
        it.path("hosts/alpha/etc/systemd/system/shop-db.service")
            .exists()
    );
}

#[test]
fn a_hand_edited_file_is_seen_and_mended() {
    let it = TestEnvironment::released();
    let released = it.tree("hosts");
    let file = format!("{}/50-api.env", it.inputs("beta", "api"));
    it.write(&file, "WORKERS=\"64\"\n");
    let unit = "hosts/alpha/etc/systemd/system/shop-web.service";
    it.write(unit, format!("{}# mine\n", it.read(unit)));
    assert_snapshot!(it.bayplan("status shop").succeeds(), @"
    shop: 2 edited by hand
    ✎ edited by hand
        web  alpha  shop-web.service
        api  beta   50-api.env
    ✓ 2 in sync (2 hosts, 4 units)
    next: `bayplan release shop` brings it in sync
    ");
    let lines = it.bayplan("diff shop --diff").succeeds().stdout;
    for line in [
        "\n    -# mine\n",
        "\n    -WORKERS=\"64\"\n",
        "\n    +WORKERS=\"4\"\n",
    ] {
        assert!(lines.contains(line), "{lines}");
    }
    assert_snapshot!(it.bayplan("release shop --yes").succeeds(), @"
    alpha  hosts/alpha  (a directory: files are written, nothing is started)
      ~ web  write  shop-web.service
                    mends what was edited on the host: shop-web.service
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ api  write  api/50-api.env
                    mends what was edited on the host: 50-api.env
    in this order: alpha → beta
    2 hosts: 2 files change; nothing is started
    Released shop on 2 hosts: files written.
    Nothing was started: directory hosts have files only.
    ------- stderr -------
    alpha: staged [SIZE]
    alpha: checked
    alpha: done in [TIME]
    beta: staged [SIZE]
    beta: checked
    beta: done in [TIME]
    ");
    let etc = |mut tree: BTreeMap<String, Entry>| {
        tree.retain(|path, _| path.contains("/etc/"));
        tree
    };
    assert_eq!(etc(released), etc(it.tree("hosts")));
}

#[test]
fn a_release_of_one_service_leaves_the_others_alone() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/api.toml", "2.0.0", "2.1.0");
    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.5.0");
    let others = || {
        let mut tree = it.tree("hosts");
        tree.retain(|path, _| path.contains("/etc/") && !path.contains("api"));
        tree
    };
    let before = others();
    assert_snapshot!(it.bayplan("release shop api --yes").succeeds(), @"
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
    assert_eq!(before, others());
    let env = format!("{}/50-api.env", it.inputs("beta", "api"));
    assert!(it.read(&env).contains("2.1.0"));
    assert_snapshot!(it.bayplan("diff shop").succeeds(), @"
    alpha, beta  (a directory: files are written, nothing is started)
      ~ web  write  shop-web.service, web/50-web.env
    in this order: alpha → beta
    2 hosts: 4 files change; nothing is started
    next: `bayplan release shop`
    ");
    assert_snapshot!(it.bayplan("release shop apo --yes").exits(1), @"
    ------- stderr -------
    error: expected a service of shop, found `apo`
    help: did you mean `api`?
    [exit code: 1]
    ");
}

#[test]
fn five_generations_are_kept() {
    let it = TestEnvironment::released();
    for number in 2..=7 {
        let path = "clusters/shop/services/api.toml";
        let before = format!("WORKERS = {}", if number == 2 { 4 } else { number + 98 });
        it.edit(path, &before, &format!("WORKERS = {}", number + 99));
        it.bayplan("release shop --yes").succeeds();
    }
    let mut kept: Vec<_> = fs::read_dir(it.path("hosts/beta/var/lib/bayplan/shop/generations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, ["3", "4", "5", "6", "7"]);
    let current = fs::read_link(it.path("hosts/beta/var/lib/bayplan/shop/current")).unwrap();
    assert!(current.ends_with("generations/7"), "{current:?}");
    let staging = it.tree("hosts/beta/var/lib/bayplan/shop/staging");
    assert!(staging.is_empty(), "{:?}", staging.keys());
}

#[test]
fn without_a_terminal_a_release_must_be_told_yes() {
    let it = TestEnvironment::shop();
    assert_snapshot!(it.bayplan("release shop").exits(1), @"
    alpha  hosts/alpha  (a directory: files are written, nothing is started)
      + web  write  shop-web.service, web/10-service-locations.env,
                      web/20-service-config.env and 2 more
    beta  hosts/beta  (a directory: files are written, nothing is started)
      + db   write  shop-db.service, db/50-db.env
      + api  write  shop-api.service, api/10-service-locations.env,
                      api/20-service-config.env and 2 more
      + web  write  shop-web.service, web/10-service-locations.env,
                      web/20-service-config.env and 2 more
    in this order: alpha (what is new) → beta (what is new)
    2 hosts: 17 files change; nothing is started
    ------- stderr -------
    error: expected a terminal to ask on, found none
    help: `--yes` releases without asking
    [exit code: 1]
    ");
    assert!(!it.path("hosts").exists());
}

#[test]
fn exit_code_2_says_that_there_are_changes() {
    let it = TestEnvironment::shop();
    it.bayplan("diff shop").exits(0);
    it.bayplan("diff shop --exit-code").exits(2);
    it.bayplan("release shop --yes").exits(0);
    it.bayplan("diff shop --exit-code").exits(0);
}
