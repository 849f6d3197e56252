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
        serde_json::json!({
            "batch": 1, "canary": ["beta"], "pause": null, "soak_ms": 10000, "on_failure": "back"
        })
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
        (
            "pause = \"ask\"",
            "`pause` is what a release does after its canary",
        ),
        (
            "canary = [\"beta\"]\npause = \"yes\"",
            "expected a duration such as `5m`, or `ask`",
        ),
        ("on_failure = \"rollback\"", "write `on_failure = \"back\"`"),
    ] {
        let it = with_rollout(rollout);
        let error = it.bayplan("release shop --yes").exits(1).stderr;
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("clusters/shop/cluster.toml:"), "{error}");
        assert!(!it.path("hosts/beta/etc").exists());
    }
}

/// Files say it all: what a host has, and what it keeps of the release.
#[test]
fn a_release_waits_after_its_canary_and_goes_on_or_back() {
    let it = with_rollout("canary = [\"beta\"]\npause = \"ask\"\n");
    let resume = "release shop --resume --yes";
    let nothing = it.bayplan(resume).exits(1).stderr;
    assert!(
        nothing.contains("expected a release of shop that has not ended"),
        "{nothing}"
    );

    let paused = it.bayplan("release shop --yes").exits(6).stdout;
    assert!(
        paused.contains("beta alone first, then a pause until `--resume`"),
        "{paused}"
    );
    assert!(
        paused.contains("Released shop on beta; not begun on alpha."),
        "{paused}"
    );
    assert!(it.path("hosts/beta/etc/bayplan/shop").exists());
    assert!(!it.path("hosts/alpha/etc/bayplan").exists());
    let status = it.bayplan("status shop").succeeds().stdout;
    assert!(status.contains("waits after its canary"), "{status}");
    let json = it.bayplan("status shop --json").succeeds().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["begun"]["direction"], "paused");
    let waits = it.bayplan("release shop --yes").exits(6).stderr;
    assert!(
        waits.contains("`bayplan release shop --resume` goes on"),
        "{waits}"
    );

    it.edit("clusters/shop/services/web.toml", "1.4.2", "1.4.3");
    it.bayplan(resume).exits(4);
    it.edit("clusters/shop/services/web.toml", "1.4.3", "1.4.2");
    it.bayplan(resume).succeeds();
    it.bayplan("diff shop --exit-code").succeeds();
    for host in ["alpha", "beta"] {
        let kept = format!("hosts/{host}/var/lib/bayplan/shop/begun.json");
        assert!(!it.path(&kept).exists(), "{kept}");
    }
}

/// What was never released before goes back to nothing.
#[test]
fn a_canary_goes_back_alone() {
    let it = with_rollout("canary = [\"beta\"]\npause = \"ask\"\n");
    it.bayplan("release shop --yes").exits(6);
    let back = it.bayplan("rollback shop --yes").succeeds();
    assert!(
        back.stderr
            .contains("beta: back to before the first release"),
        "{}",
        back.stderr
    );
    assert!(
        !it.path("hosts/beta/var/lib/bayplan/shop/begun.json")
            .exists()
    );
    let units = std::fs::read_dir(it.path("hosts/beta/etc/systemd/system")).unwrap();
    let units = units.flatten().filter(|it| it.path().is_file()).count();
    assert_eq!(units, 0);
    let plan = it.bayplan("diff shop").succeeds().stdout;
    assert!(!plan.contains("waits after"), "{plan}");
}
