//! What a release refuses to overwrite.

use std::fs;
use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::environment::{Output, TestEnvironment};

const UNIT: &str = "hosts/alpha/etc/systemd/system/shop-web.service";

/// A paragraph may break elsewhere where the temporary directory has a longer name.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Checks that a release is refused on all hosts, and says the same as a diff. Returns it.
#[track_caller]
fn refused(it: &TestEnvironment) -> Output {
    let before = it.tree("hosts");
    let diff = it.bayplan("diff shop").exits(1);
    let release = it.bayplan("release shop --yes").exits(1);
    assert_eq!(diff.stdout, release.stdout);
    assert_eq!(before, it.tree("hosts"));
    release
}

#[test]
fn a_unit_of_somebody_else_is_left_alone() {
    let it = TestEnvironment::shop();
    it.write(UNIT, "[Service]\nExecStart=/usr/bin/web\n");
    let output = refused(&it);
    assert_snapshot!(words(&output.stdout), @"beta hosts/beta (a directory: files are written, nothing is started) + db write shop-db.service, db/50-db.env + api write shop-api.service, api/10-service-locations.env, api/20-service-config.env and 2 more + web write shop-web.service, web/10-service-locations.env, web/20-service-config.env and 2 more error: alpha: $ROOT/repository/hosts/alpha/etc/systemd/system/shop-web.service is not bayplan's help: rename the service web Refused: 1 problem to solve first; nothing is changed anywhere");
    assert_eq!(output.stderr, "");
    let status = it.bayplan("status shop").succeeds().stdout;
    assert!(!status.contains("in sync"), "{status}");
}

#[test]
fn a_mask_is_left_alone() {
    let it = TestEnvironment::released();
    fs::remove_file(it.path(UNIT)).unwrap();
    symlink("/dev/null", it.path(UNIT)).unwrap();
    assert_snapshot!(words(&refused(&it).stdout), @"error: alpha: $ROOT/repository/hosts/alpha/etc/systemd/system/shop-web.service is masked help: `systemctl unmask shop-web.service` on alpha, or take web off alpha in [place] Refused: 1 problem to solve first; nothing is changed anywhere");
    assert_snapshot!(it.bayplan("status shop --by service").succeeds(), @"
    api
      beta   -  -  in sync
    db
      beta   -  -  in sync
    web
      alpha  -  -  foreign unit:
                     $ROOT/repository/hosts/alpha/etc/systemd/system/shop-web.service
                     is masked
      beta   -  -  in sync
    2 hosts, 4 units: 1 foreign unit, 3 in sync
    next: `bayplan diff shop` tells what stands in the way of a release
    ");
}

#[test]
fn a_unit_of_another_cluster_is_left_alone() {
    let it = TestEnvironment::released();
    let unit = it.read(UNIT).replace("Cluster=shop\n", "Cluster=other\n");
    it.write(UNIT, unit);
    assert_snapshot!(words(&refused(&it).stdout), @"error: alpha: $ROOT/repository/hosts/alpha/etc/systemd/system/shop-web.service belongs to the cluster other help: rename the service web or the cluster, or release other without it first Refused: 1 problem to solve first; nothing is changed anywhere");
}

#[test]
fn a_refusal_of_one_host_does_not_hide_another_one() {
    let it = TestEnvironment::released();
    it.write(UNIT, "[Service]\n");
    it.edit(
        "clusters/shop/cluster.toml",
        "db  = \"beta\"",
        "db  = \"alpha\"",
    );
    let output = it.bayplan("release shop --yes").exits(1).stdout;
    assert!(
        words(&output).contains("Refused: 2 problems to solve first"),
        "{output}"
    );
}
