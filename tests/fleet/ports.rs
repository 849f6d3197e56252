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

fn gets(ground: &Ground, url: &str) -> bool {
    let curl = format!("curl --silent --fail --max-time 5 http://{url}/health || echo no");
    ground.host("docker01").sh(&curl) == "ok"
}

pub fn published(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "published");
    ground.images();
    let address = &ground.host("docker01").address;
    ground.serve("web", 9630, "docker01");
    let publish = vec![
        "127.0.0.1:9631:9630",
        "9632:9630",
        "9640-9642",
        "9640-9641/udp",
    ];
    ground.repo.set_of("web", "publish", publish);
    // The host's own address alone.
    ground.repo.set("hosts.docker01.listen", "address");
    ground.serve("api", 9633, "docker01");
    ground.repo.set_of("api", "needs", vec!["web"]);
    // Nobody but the host, which asks the container.
    ground.serve("hidden", 9634, "docker01");
    let none = toml::Value::Array(Vec::new());
    ground.repo.set_of("hidden", "publish", none);
    ground.release().exits(0);
    for (url, expected) in [
        ("127.0.0.1:9631".to_owned(), true),
        (format!("{address}:9631"), false),
        (format!("{address}:9632"), true),
        ("127.0.0.1:9632".to_owned(), false),
        (format!("{address}:9633"), true),
        ("127.0.0.1:9633".to_owned(), false),
        (format!("{address}:9634"), false),
    ] {
        assert_eq!(gets(&ground, &url), expected, "{url}");
    }
    let host = ground.host("docker01");
    let ports = host.sh("docker port published-web");
    for port in ["9642/tcp", "9640/udp", "9641/udp"] {
        assert!(ports.contains(port), "{ports}");
    }
    let variables = crate::containers::environment(host, "docker", "published-api");
    assert_eq!(variables["WEB_PORT"], b"9632");
    ground.is_in_sync();

    // One address goes from one to the other, and the same port of another address stays.
    ground.repo.set_of("web", "publish", vec!["9632:9630"]);
    ground
        .repo
        .set_of("api", "publish", vec!["127.0.0.1:9631:9633", "9633"]);
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/api", "~ docker01/web"]
    );
    assert!(gets(&ground, "127.0.0.1:9631"));
    ground.is_in_sync();
}

pub fn of_others(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "squat");
    ground.images();
    ground.serve("web", 9650, "docker01");
    ground.serve("shop", 9652, "docker01");
    ground.release().exits(0);
    let host = ground.host("docker01");
    let before = ground.containers();
    host.sh("systemd-run --quiet --unit=squatter busybox nc -ll -p 9651 -e /bin/true");
    host.sh(&format!(
        "docker run --detach --rm --name squatter --publish 127.0.0.1:9653:80 {}/app:1.0",
        fleet.registry
    ));
    ground.repo.set_of("web", "port", 9651);
    ground.repo.set_of("shop", "port", 9653);
    ground.release().exits(1).says(&[
        "web needs port 9651, which busybox (process",
        "shop needs port 9653, which the container squatter has",
    ]);
    // On another address there is room.
    ground
        .repo
        .set_of("shop", "publish", vec![format!("{}:9653", host.address)]);
    ground.repo.set_of("web", "port", 9650);
    assert_eq!(ground.release_changes(), ["~ docker01/shop"]);
    host.sh("systemctl stop squatter; docker rm -f squatter");
    ground
        .repo
        .set_of("shop", "publish", vec!["10.255.255.1:9653"]);
    ground
        .release()
        .exits(1)
        .says(&["10.255.255.1, which is no address of this host"]);
    ground.repo.set_of("shop", "publish", vec!["9652:9653"]);
    ground.release().exits(0);
    let running = before.changes(&ground.containers());
    assert_eq!(running, ["~ docker01/shop"]);
    ground.is_in_sync();
}
