//! `history` and `rollback` with directory hosts.

use crate::environment::TestEnvironment;

const WEB: &str = "clusters/shop/services/web.toml";

#[test]
fn a_rollback_undoes_the_last_release_whatever_the_description_says() {
    let it = TestEnvironment::released();
    let before = it.read("hosts/alpha/etc/systemd/system/shop-web.service");
    it.edit(WEB, "1.4.2", "1.5.0");
    it.bayplan("release shop --yes").succeeds();
    let after = it.read("hosts/alpha/etc/systemd/system/shop-web.service");
    assert_ne!(before, after);

    // Nor does it matter that somebody is in the middle of an edit.
    it.edit(WEB, "image", "imagine");
    it.bayplan("diff shop").exits(1);
    let history = it.bayplan("history shop").succeeds();
    assert!(history.stderr.contains("`bayplan check shop` shows them"));
    it.bayplan("rollback shop --yes").succeeds();
    let unit = it.read("hosts/alpha/etc/systemd/system/shop-web.service");
    assert_eq!(before, unit);

    // What says where the hosts are must be right, and its errors are shown.
    it.write("clusters/shop/cluster.toml", "type = 1");
    let error = it.bayplan("rollback shop --yes").exits(1).stderr;
    assert!(error.contains("cluster.toml:1"), "{error}");
}

#[test]
fn a_history_has_the_subjects_of_commits_that_are_here() {
    let it = TestEnvironment::shop();
    it.write(".gitignore", "/hosts\n");
    it.commit("Open the shop\n\nAt last.");
    it.bayplan("release shop --yes").succeeds();
    it.edit(WEB, "1.4.2", "1.5.0");
    it.commit("Sell hats \u{1b}[2J");
    it.edit(WEB, "1.5.0", "1.6.0");
    it.bayplan("release shop --yes").succeeds();
    let shown = it.bayplan("history shop").succeeds().stdout;
    assert!(shown.contains("  Open the shop  "), "{shown}");
    // The one that stood there when files differed from it.
    assert!(shown.contains("-dirty  Sell hats \\u{1b}[2J  "), "{shown}");
    let of_host = it.bayplan("history shop --host alpha").succeeds().stdout;
    assert!(of_host.contains("  Open the shop  "), "{of_host}");
    let page = it.bayplan("history shop --html -").succeeds().stdout;
    assert!(page.contains("Open the shop"), "{page}");
    let json = || -> serde_json::Value {
        let shown = it.bayplan("history shop --json").succeeds().stdout;
        serde_json::from_str(&shown).unwrap()
    };
    let first = &json()["hosts"][0]["activations"][0];
    assert_eq!(first["subject"], "Open the shop");
    // Somebody else's repository has other commits.
    std::fs::remove_dir_all(it.path(".git")).unwrap();
    let elsewhere = it.bayplan("history shop").succeeds();
    assert!(!elsewhere.stdout.contains("Open the shop"), "{elsewhere}");
    assert_eq!(elsewhere.stderr, "");
    let first = &json()["hosts"][0]["activations"][0];
    assert_eq!(first["subject"], serde_json::Value::Null);
}
