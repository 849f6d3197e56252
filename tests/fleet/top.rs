//! What hosts and containers use.

use std::time::Duration;

use serde_json::Value;

use crate::ground::Ground;
use crate::hosts::{Fleet, until};

pub fn measured(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "used");
    ground.images();
    ground.serve("web", 9951, "docker01");
    ground.repo.set_of("web", "memory", "64m");
    ground.serve("api", 9952, "docker02");
    ground.release().exits(0);
    let looked = || -> Value {
        let said = ground.bayplan(&["top", "used", "--json"]).exits(0).stdout;
        serde_json::from_str(&said).expect("it is JSON")
    };
    let container = |all: &Value, name: &str| -> Value {
        let all = all["containers"].as_array().expect("a list");
        let found = all.iter().find(|it| it["container"] == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {all:?}"))
            .clone()
    };
    let seen = looked();
    let hosts = seen["hosts"].as_array().expect("a list");
    assert_eq!(hosts.len(), 3);
    for host in hosts {
        assert!(host["processors"].as_u64() > Some(0), "{host:#}");
        assert!(host["memory_percent"].as_u64() <= Some(100), "{host:#}");
        assert!(host["disks"][0]["size"].as_u64() > Some(0), "{host:#}");
        assert_eq!(host["silent"], Value::Null);
    }
    let (web, api) = (container(&seen, "web"), container(&seen, "api"));
    assert_eq!(
        (&web["host"], &api["host"]),
        (&"docker01".into(), &"docker02".into())
    );
    assert_eq!(web["memory_limit"], 64 << 20);
    assert_eq!(api["memory_limit"], Value::Null);
    for it in [&web, &api] {
        assert!(it["memory"].as_u64() > Some(0), "{it:#}");
        assert!(it["processor"].as_f64().is_some(), "{it:#}");
        assert_eq!(it["restarts"], 0);
    }
    // It dies by itself, and systemd starts it again.
    ground.host("docker01").sh("docker kill used-web");
    until(Duration::from_secs(30), "it was started again", || {
        let seen = looked();
        // For a moment there is none.
        let mut all = seen["containers"].as_array().expect("a list").iter();
        all.any(|it| it["container"] == "web" && it["restarts"] == 1 && it["memory"].is_u64())
            .then_some(())
    });
    ground
        .bayplan(&["top", "used", "--host", "docker01"])
        .exits(0)
        .says(&["web", "docker01", "of 64.0 MiB"])
        .never_says(&["docker02"]);
}

/// Where the engine cannot measure, the rest is told.
pub fn silent(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "used-podman").with_podman();
    ground.only(&["docker01"]);
    ground.images();
    ground.serve("web", 9953, "docker01");
    ground.release().exits(0);
    ground
        .bayplan(&["top", "used-podman"])
        .exits(0)
        .says(&["docker01", "cpus", "free"])
        .says(&["web", "docker01", "?"])
        .says(&["note: docker01: the engine does not tell"]);
}
