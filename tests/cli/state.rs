//! What a hand, or a newer bayplan, did to the state on a host.

use std::fs;

use insta::assert_snapshot;

use crate::environment::{Entry, TestEnvironment};

const STATE: &str = "hosts/beta/var/lib/bayplan/shop";

/// The number that `current` names.
fn current(it: &TestEnvironment) -> String {
    let link = fs::read_link(it.path(STATE).join("current")).unwrap();
    link.to_str().unwrap().to_owned()
}

#[test]
fn a_removed_current_is_made_again() {
    let it = TestEnvironment::released();
    fs::remove_file(it.path(STATE).join("current")).unwrap();
    assert_snapshot!(it.bayplan("status shop").succeeds(), @"
    shop: 1 host not recorded
    ! beta: units are there, but no generation is; a release records the generation
        anew
    ✓ 4 in sync (2 hosts, 4 units)
    next: `bayplan release shop` brings it in sync
    ");
    assert_snapshot!(it.bayplan("diff shop").succeeds(), @"
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ! units are there, but no generation is; a release records the generation anew
    alpha  no changes
    2 hosts: no file and no unit changes; nothing is started
    next: `bayplan release shop`
    ");
    assert_snapshot!(it.bayplan("release shop --yes").succeeds(), @"
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ! units are there, but no generation is; a release records the generation anew
    alpha  no changes
    2 hosts: no file and no unit changes; nothing is started
    Released shop on 1 host: files written.
    Nothing was started: directory hosts have files only.
    ------- stderr -------
    beta: staged [SIZE]
    beta: checked
    beta: done in [TIME]
    ");
    assert_eq!(current(&it), "generations/2");
    it.bayplan("diff shop --exit-code").exits(0);
}

#[test]
fn a_directory_in_place_of_current_is_kept_beside_it() {
    let it = TestEnvironment::released();
    fs::remove_file(it.path(STATE).join("current")).unwrap();
    it.write(&format!("{STATE}/current/precious"), "mine");
    assert_snapshot!(it.bayplan("diff shop").succeeds(), @"
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ! expected `current` to be a link; a release records the generation anew
    alpha  no changes
    2 hosts: no file and no unit changes; nothing is started
    next: `bayplan release shop`
    ");
    it.bayplan("release shop --yes").succeeds();
    assert_eq!(current(&it), "generations/2");
    let kept = it.tree(STATE);
    let kept: Vec<_> = kept
        .iter()
        .filter(|(path, _)| path.ends_with("/precious"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].1, &Entry::File(b"mine".to_vec()));
    it.bayplan("diff shop --exit-code").exits(0);
}

#[test]
fn what_a_newer_bayplan_released_is_left_to_it() {
    let it = TestEnvironment::released();
    it.edit("clusters/shop/services/api.toml", "2.0.0", "2.1.0");
    it.edit(
        &format!("{STATE}/current/manifest.json"),
        "\"format\": 2",
        "\"format\": 4",
    );
    let before = it.tree("hosts");
    assert_snapshot!(it.bayplan("release shop --yes").exits(1), @"
    beta  hosts/beta  (a directory: files are written, nothing is started)
      ~ api  write  shop-api.service, api/50-api.env
    alpha  no changes

    error: beta: its manifest has format 4, this bayplan reads up to 3
    help: a newer bayplan released there: use that version here, too
    Refused: 1 problem to solve first; nothing is changed anywhere
    [exit code: 1]
    ");
    assert_eq!(before, it.tree("hosts"));
    assert_snapshot!(it.bayplan("status shop --by host"), @"
    alpha  hosts/alpha (a directory: nothing runs here)  generation 1
      web  -  -  in sync
    beta  hosts/beta (a directory: nothing runs here)  no generation yet
      api  -  -  files differ, no restart needed
      db   -  -  in sync
      web  -  -  in sync
    2 hosts, 4 units: 1 files differ, 3 in sync
    next: `bayplan diff shop` tells what stands in the way of a release
    ");
}

#[test]
fn a_manifest_that_cannot_be_read_is_mended() {
    for garbage in ["", "{", "[]", "null", "\u{1b}[31m\0", "{\"format\": -1}"] {
        let it = TestEnvironment::released();
        it.write(&format!("{STATE}/current/manifest.json"), garbage);
        let status = it.bayplan("status shop").succeeds();
        assert!(!status.stdout.contains('\u{1b}'), "{status}");
        it.bayplan("release shop --yes").succeeds();
        assert_eq!(current(&it), "generations/2", "{garbage}");
        it.bayplan("diff shop --exit-code").exits(0);
    }
}

#[test]
fn a_file_in_place_of_a_host_stops_the_release_everywhere() {
    let it = TestEnvironment::shop();
    it.write("hosts/beta", "");
    assert_snapshot!(it.bayplan("release shop --yes").exits(1), @"
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
    error: beta: the lock cannot be taken: mkdir: cannot create directory '$ROOT/repository/hosts/beta': Not a directory
    nothing was changed on any host
    [exit code: 1]
    ");
    assert!(!it.path("hosts/alpha/etc").exists());
    assert_eq!(it.read("hosts/beta"), "");
}

#[test]
fn a_file_in_the_way_of_units_is_named_and_the_release_can_be_finished() {
    let it = TestEnvironment::shop();
    it.write("hosts/beta/etc", "");
    let output = it.bayplan("release shop --yes").exits(5);
    assert_snapshot!(output.stderr, @"
    alpha: staged [SIZE]
    alpha: checked
    alpha: done in [TIME]
    alpha: putting the previous generation back
    alpha: the previous generation is back
    beta: staged [SIZE]
    beta: checked
    beta: putting the previous generation back
    beta: the previous generation is back
    error: beta: `mkdir -p $ROOT/repository/hosts/beta/etc/bayplan/shop/db` failed with status 1: mkdir: cannot create directory '$ROOT/repository/hosts/beta/etc': Not a directory
    ");
    assert!(!it.path("hosts/beta/var/lib/bayplan/shop/current").exists());
    fs::remove_file(it.path("hosts/beta/etc")).unwrap();
    it.bayplan("release shop --yes").succeeds();
    it.bayplan("diff shop --exit-code").exits(0);
}
