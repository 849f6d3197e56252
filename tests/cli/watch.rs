//! `watch` below `[health]`: what a release writes of it, and what it says.

use crate::environment::TestEnvironment;

const WEB: &str = "clusters/shop/services/web.toml";
const HEALTH: &str = "\n[health]\nhttp = \"/health\"\n";
const TIMER: &str = "hosts/alpha/etc/systemd/system/shop-web.watch.timer";

#[test]
fn a_watch_comes_changes_and_goes_without_another_change() {
    let it = TestEnvironment::shop();
    let text = it.read(WEB);
    it.write(WEB, format!("{text}{HEALTH}"));
    it.bayplan("release shop --yes").succeeds();
    let before = it.tree("hosts/alpha/etc");

    it.write(WEB, format!("{text}{HEALTH}watch = \"30s\"\n"));
    let plan = it.bayplan("diff shop").succeeds().stdout;
    assert!(
        plan.contains("watched every 30s, unhealthy after 3, then report"),
        "{plan}"
    );
    assert!(!plan.contains("restart"), "{plan}");
    let json = it.bayplan("diff shop --json").succeeds().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let web = &json["hosts"][0]["services"][0];
    assert_eq!(web["action"], "none", "{web}");
    assert_eq!(
        web["notes"],
        serde_json::json!([
            { "kind": "watch", "before": null, "after": "every 30s, unhealthy after 3, then report" }
        ])
    );
    it.bayplan("release shop --yes").succeeds();
    it.bayplan("diff shop --exit-code").succeeds();
    assert!(it.read(TIMER).contains("OnUnitInactiveSec=30000ms\n"));
    let more: Vec<String> = it
        .tree("hosts/alpha/etc")
        .into_keys()
        .filter(|path| !before.contains_key(path))
        .collect();
    assert_eq!(
        more,
        [
            "systemd/system/shop-web.service.wants",
            "systemd/system/shop-web.service.wants/shop-web.watch.timer",
            "systemd/system/shop-web.watch.service",
            "systemd/system/shop-web.watch.timer",
        ]
    );

    it.edit(
        WEB,
        "watch = \"30s\"",
        "watch = \"5s\"\nfailures = 1\nthen = \"restart\"",
    );
    let plan = it.bayplan("release shop --yes").succeeds().stdout;
    let plan = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        plan.contains("watched every 5s, unhealthy after 1, then restart; until now every 30s"),
        "{plan}"
    );

    it.write(WEB, format!("{text}{HEALTH}"));
    let plan = it.bayplan("release shop --yes").succeeds().stdout;
    assert!(plan.contains("watched no more"), "{plan}");
    it.bayplan("diff shop --exit-code").succeeds();
    assert_eq!(it.tree("hosts/alpha/etc"), before);
    // A rollback brings it back as it was.
    it.bayplan("rollback shop --yes").succeeds();
    assert!(it.read(TIMER).contains("OnUnitInactiveSec=5000ms\n"));
}
