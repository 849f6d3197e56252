//! Back to what ran before.

use crate::ground::Ground;
use crate::hosts::Fleet;

pub fn rolled_back(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "past");
    ground.images();
    fleet.image("app:latest", &["note=one"]);
    ground.serve("web", 9601, "docker01 docker02");
    ground.serve("shop", 9602, "docker01");
    ground.serve("mail", 9603, "docker03");
    ground.repo.set_of("shop", "tag", "latest");
    ground.release().exits(0);
    let first = ground.containers();

    // Nothing to go back to yet.
    ground
        .bayplan(&["rollback", "past", "--yes"])
        .exits(1)
        .says(&["an older generation"]);

    // A release that changes two hosts of three: a variable, a version, an image behind its tag, a
    // service more and one that left.
    fleet.image("app:latest", &["note=two"]);
    ground.repo.set_of("web", "env.GREETING", "hello");
    ground.repo.set_of("shop", "env.GREETING", "hello");
    ground.serve("extra", 9604, "docker02");
    ground.release().exits(0);
    let note = |ground: &Ground| {
        ground
            .host("docker01")
            .sh("docker exec past-shop cat /note")
    };
    assert_eq!(note(&ground), "two");
    let second = ground.containers();

    // The description may be anywhere by now: it is not what a rollback goes by.
    ground.repo.set_of("web", "tag", "1.1");
    ground.repo.set_of("mail", "tag", "1.1");
    ground
        .bayplan(&["rollback", "past", "--yes"])
        .exits(0)
        .says(&["docker01: back to generation 1"])
        .says(&["docker03: stays at generation 1"])
        .says(&["GREETING"])
        .says(&["Released", "past"]);
    let back = ground.containers();
    assert_eq!(
        second.changes(&back),
        [
            "~ docker01/shop",
            "~ docker01/web",
            "- docker02/extra",
            "~ docker02/web"
        ]
    );
    assert_eq!(first.names(), back.names());
    assert_eq!(note(&ground), "one");
    // It is what the first release made.
    ground.repo.remove("extra");
    for service in ["web", "mail"] {
        ground.repo.set_of(service, "tag", "1.0");
    }
    for service in ["web", "shop"] {
        ground.repo.set_of(service, "env", toml::Table::new());
    }
    ground.diff().never_says(&["web"]).never_says(&["extra"]);

    ground
        .bayplan(&["history", "past"])
        .exits(0)
        .says(&["* ", "3", "olivia", "back to 1", "shop", "web"])
        .says(&["+ ", "2", "olivia"]);
    let none = ["rollback", "past", "--to", "17", "--yes"];
    ground
        .bayplan(&none)
        .exits(1)
        .says(&["generation 17", "found none"]);
    let only = [
        "rollback", "past", "--host", "docker02", "--to", "2", "--yes",
    ];
    ground.bayplan(&only).exits(0);
    assert_eq!(
        back.changes(&ground.containers()),
        ["+ docker02/extra", "~ docker02/web"]
    );
}

/// Results and names, as a history and as the journal of its host have them.
fn told(ground: &Ground, host: &str) -> [Vec<String>; 2] {
    let words = format!(
        "journalctl --quiet --output=json BAYPLAN_CLUSTER={}",
        ground.repo.name
    );
    let journal = ground.host(host).sh(&words);
    let journal = journal.lines().map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).expect("journalctl prints JSON");
        let of = |field: &str| entry[field].as_str().unwrap_or("none").to_owned();
        assert_eq!(of("SYSLOG_IDENTIFIER"), "bayplan", "{line}");
        assert_ne!(of("BAYPLAN_ACTION"), "none", "{line}");
        assert!(of("MESSAGE").starts_with(&of("BAYPLAN_ACTION")), "{line}");
        format!("{} {}", of("BAYPLAN_RESULT"), of("BAYPLAN_WHO"))
    });
    let history = ground.bayplan(&["history", &ground.repo.name, "--json"]);
    let history: serde_json::Value =
        serde_json::from_str(&history.exits(0).stdout).expect("it prints JSON");
    let hosts = history["hosts"].as_array().expect("a list");
    let of_host = hosts.iter().find(|it| it["host"] == host);
    let activations = of_host.expect("it is described")["activations"].as_array();
    let history = activations.expect("a list").iter().map(|entry| {
        let of = |field: &str| entry[field].as_str().expect("a text");
        format!("{} {}", of("result"), of("who"))
    });
    [journal.collect(), history.collect()]
}

/// What a history has is in the journal of the same host, once.
pub fn in_the_journal(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "audit");
    ground.images();
    ground.serve("web", 9605, "docker01 docker02");
    ground.serve("shop", 9606, "docker02");
    ground.release().exits(0);
    ground.repo.set_of("web", "env.GREETING", "hello");
    ground.release().exits(0);
    // One that does not become healthy is put back, on both hosts.
    ground.repo.set_of("web", "env.GREETING", "good evening");
    ground.repo.set_of("shop", "health.http", "/nowhere");
    ground.repo.set_of("shop", "health.timeout", "3s");
    ground.repo.set_of("shop", "env.GREETING", "no");
    ground.release().exits(5);
    ground
        .bayplan(&["restart", "audit", "web", "--yes", "--why", "it leaks"])
        .exits(0);
    let why = "black friday BAYPLAN_WHO=nobody";
    ground.bayplan(&["freeze", "audit", "--why", why]).exits(0);
    ground.bayplan(&["unfreeze", "audit"]).exits(0);
    ground.bayplan(&["rollback", "audit", "--yes"]).exits(0);
    for host in ["docker01", "docker02", "docker03"] {
        let [journal, history] = told(&ground, host);
        assert_eq!(journal, history, "{host}");
        assert_eq!(history.len() >= 6, host != "docker03", "{history:?}");
        assert!(!journal.concat().contains("nobody"), "{journal:?}");
    }
    let of = |action: &str| {
        let words = format!(
            "journalctl --quiet --output=cat BAYPLAN_CLUSTER=audit BAYPLAN_ACTION={action}"
        );
        ground.host("docker02").sh(&words)
    };
    for (action, words) in [
        ("release", "release of audit by olivia@"),
        ("rollback", "rollback of audit by olivia@"),
        ("restart", "restart of audit by olivia@"),
        ("freeze", "black friday BAYPLAN_WHO=nobody): done"),
        ("unfreeze", "unfreeze of audit by olivia@"),
    ] {
        assert!(of(action).contains(words), "{action}: {}", of(action));
    }
    assert!(of("release").contains(": put back\n"), "{}", of("release"));
}
