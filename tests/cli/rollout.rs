//! `[rollout]`: how a release goes over the hosts.

use crate::environment::TestEnvironment;

const CLUSTER: &str = "clusters/shop/cluster.toml";

fn with_rollout(rollout: &str) -> TestEnvironment {
    let it = TestEnvironment::shop();
    let text = it.read(CLUSTER);
    it.write(CLUSTER, format!("{text}\n[rollout]\n{rollout}"));
    it
}

#[test]
fn a_plan_says_how_it_goes_over_the_hosts() {
    let it = with_rollout("batch = 1\ncanary = [\"beta\"]\n");
    let plan = it.bayplan("diff shop").succeeds().stdout;
    assert!(plan.contains("in this order: beta"), "{plan}");
    assert!(
        plan.contains("\nrollout: one host at a time, beta alone first\n"),
        "{plan}"
    );
    let json = it.bayplan("diff shop --json").succeeds().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["rollout"],
        serde_json::json!({"batch": 1, "canary": ["beta"], "soak_ms": 10000, "on_failure": "host"})
    );
    assert_eq!(json["waves"][0]["hosts"], serde_json::json!(["beta"]));
    it.bayplan("release shop --yes").succeeds();
    it.bayplan("diff shop --exit-code").succeeds();
}

#[test]
fn a_rollout_that_cannot_be_is_refused_where_it_stands() {
    for (rollout, expected) in [
        ("batch = 0", "expected a number from 1 to 10000 for `batch`"),
        ("batch = \"120%\"", "a share is from `1%` to `100%`"),
        ("canary = [\"bta\"]", "did you mean `beta`?"),
        ("soak = \"ten\"", "expected a duration"),
        ("on_failure = \"rollback\"", "write `on_failure = \"back\"`"),
    ] {
        let it = with_rollout(rollout);
        let error = it.bayplan("release shop --yes").exits(1).stderr;
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("clusters/shop/cluster.toml:"), "{error}");
        assert!(!it.path("hosts/beta/etc").exists());
    }
}
