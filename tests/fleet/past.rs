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
