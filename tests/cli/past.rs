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
