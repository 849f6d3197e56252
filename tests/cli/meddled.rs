//! What a hand changed on a host is told beside what changes anyway.

use crate::environment::TestEnvironment;

const UNIT: &str = "hosts/alpha/etc/systemd/system/shop-web.service";

fn append(it: &TestEnvironment, path: &str, text: &str) {
    let before = it.read(path);
    it.write(path, before + text);
}

#[test]
fn a_hand_edit_is_told_also_where_its_service_changes() {
    let it = TestEnvironment::released();
    let file = format!("{}/50-web.env", it.inputs("alpha", "web"));
    append(&it, &file, "EDITED=\"by hand\"\n");
    append(&it, UNIT, "# edited\n");
    it.edit(
        "clusters/shop/services/web.toml",
        "image",
        "memory = \"1g\"\nimage",
    );
    let diff = it.bayplan("diff shop").succeeds().stdout;
    for words in ["edited on the host", "50-web.env", "shop-web.service"] {
        assert!(diff.contains(words), "{words}: {diff}");
    }
    let status = it.bayplan("status shop --by host").succeeds().stdout;
    assert!(status.contains("edited by hand: "), "{status}");
    let alpha = status.split("beta").next().unwrap();
    assert!(!alpha.contains("no restart needed"), "{status}");
    it.bayplan("release shop --yes").succeeds();
    it.bayplan("diff shop --exit-code").exits(0);
}

#[test]
fn a_drop_in_is_told_always_and_takes_no_place_of_facts() {
    let it = TestEnvironment::released();
    let path = "hosts/alpha/etc/systemd/system/shop-web.service.d/nice.conf";
    it.write(path, "[Service]\nNice=5\n");
    for command in [
        "diff shop",
        "diff shop --json",
        "status shop",
        "status shop --json",
    ] {
        let told = it.bayplan(command).succeeds().stdout;
        assert!(told.contains("nice.conf"), "{command}: {told}");
    }
    // It is no change.
    it.bayplan("diff shop --exit-code").exits(0);
    it.edit(
        "clusters/shop/services/web.toml",
        "image",
        "memory = \"1g\"\nimage",
    );
    let diff = it.bayplan("diff shop").succeeds().stdout;
    for words in ["nice.conf", "shop-web.service"] {
        assert!(diff.contains(words), "{words}: {diff}");
    }
}
