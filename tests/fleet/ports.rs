//! Services that take each other's place on one host.

use crate::ground::Ground;
use crate::hosts::Fleet;

pub fn taken_over(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "ports");
    ground.images();
    ground.serve("old", 9601, "docker01");
    ground.serve("web", 9602, "docker01 docker02");
    ground.release().exits(0);

    // Renamed: the same port on the same host, so the old one must go before the new one starts.
    ground.repo.remove("old");
    ground.serve("new", 9601, "docker01");
    ground
        .diff()
        .exits(2)
        .says(&["+", "new", "start"])
        .says(&["-", "old", "stop"])
        .says(&["down meanwhile"]);
    assert_eq!(
        ground.release_changes(),
        ["+ docker01/new", "- docker01/old"]
    );
    answers(&ground, 9601);
    ground.is_in_sync();

    // Two that stay swap their ports.
    ground.serve("shop", 9603, "docker01");
    ground.release().exits(0);
    ground.repo.set_of("shop", "port", 9601);
    ground.repo.set_of("new", "port", 9603);
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/new", "~ docker01/shop"]
    );
    answers(&ground, 9601);
    answers(&ground, 9603);
    ground.is_in_sync();

    // A port that a service holds which this release leaves alone: refused, by name.
    ground.repo.remove("new");
    ground.serve("next", 9603, "docker01");
    let before = ground.containers();
    ground
        .bayplan(&["release", "ports", "next", "--yes"])
        .exits(1)
        .says(&["next", "9603", "new"]);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    assert_eq!(
        ground.release_changes(),
        ["- docker01/new", "+ docker01/next"]
    );
    ground.is_in_sync();
}

fn answers(ground: &Ground, port: u16) {
    let health = ground.host("docker01").sh(&format!(
        "curl --silent --fail http://127.0.0.1:{port}/health"
    ));
    assert_eq!(health, "ok");
}

/// The template of the repository looks, when a unit stops, whether its file is still there: only
/// then `ExecStop=` is certain to be the unit's own.
pub fn stopped_first(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "leave");
    ground.images();
    let built_in = include_str!("../../templates/container.service");
    let look = "ExecStopPost=-/bin/sh -c 'test -e /etc/systemd/system/%N.service && touch /var/tmp/%N.stopped'\n\n[Install]\n";
    ground.repo.template = Some(built_in.replacen("\n[Install]\n", look, 1));
    ground.serve("web", 9611, "docker01");
    ground.serve("shop", 9612, "docker01");
    ground.release().exits(0);
    let host = ground.host("docker01");
    host.sh("rm -f /var/tmp/leave-*.stopped");
    ground.repo.remove("web");
    assert_eq!(ground.release_changes(), ["- docker01/web"]);
    assert_eq!(
        host.sh("ls /var/tmp/leave-*.stopped; rm -f /var/tmp/leave-*.stopped")
            .trim(),
        "/var/tmp/leave-web.stopped"
    );
    assert_eq!(host.unit("leave-web.service", "LoadState"), "not-found");
    ground.is_in_sync();
    host.sh("rm -f /var/tmp/leave-*.stopped");
}
