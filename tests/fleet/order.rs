//! Services that need each other across hosts.

use crate::ground::Ground;
use crate::hosts::Fleet;

/// `cache` on docker01, `db` on docker02 that needs it, `api` on docker01 that needs `db`: each ends at
/// once if what it needs does not answer.
pub fn over_hosts(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "chain");
    ground.images();
    fleet.image("app:broken", &["entry=exit"]);
    ground.serve("cache", 9651, "docker01");
    ground.serve("db", 9652, "docker02");
    ground.serve("api", 9653, "docker01");
    for (service, needed) in [("db", "cache"), ("api", "db")] {
        ground.repo.set_of(service, "needs", vec![needed]);
        let variable = needed.to_uppercase();
        let url = format!("http://${variable}_HOST:${variable}_PORT/health");
        let asks = format!("wget -q -O /dev/null \"{url}\" && exec /entry");
        ground
            .repo
            .set_of(service, "command", vec!["sh", "-c", asks.as_str()]);
    }
    ground
        .release()
        .exits(0)
        .says(&["docker01 (what is new) → docker02 (what is new) →"]);
    ground.is_in_sync();

    // The second visit of docker01 fails: its first one is undone, too. docker02 is done, and stays.
    for service in ["cache", "db"] {
        ground.repo.set_of(service, "tag", "1.1");
    }
    ground.repo.set_of("api", "tag", "broken");
    ground.repo.set_of("api", "command", vec!["/entry"]);
    ground.release().exits(5).says(&["put back on docker01"]);
    let version = |host: &str, service: &str| {
        let host = ground.host(host);
        let version = host.sh(&format!("docker exec chain-{service} cat /version"));
        version.trim().to_owned()
    };
    assert_eq!(
        [
            version("docker01", "cache"),
            version("docker02", "db"),
            version("docker01", "api"),
        ],
        ["1.0", "1.1", "1.0"]
    );
    ground.is_as_described(|repo| {
        repo.set_of("cache", "tag", "1.0");
        repo.set_of("api", "tag", "1.0");
        let asks = "wget -q -O /dev/null \"http://$DB_HOST:$DB_PORT/health\" && exec /entry";
        repo.set_of("api", "command", vec!["sh", "-c", asks]);
    });
}

/// Two on one host whose probes ask each other: neither is healthy before the other one runs.
pub fn in_a_circle(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "circle");
    ground.images();
    ground.serve("ping", 9654, "docker01");
    ground.serve("pong", 9655, "docker01");
    for (service, other, port) in [("ping", "pong", 9655), ("pong", "ping", 9654)] {
        ground.repo.set_of(service, "after", vec![other]);
        let of_it = ground.repo.services.get_mut(service);
        let health = of_it.expect("it is served").get_mut("health");
        let health = health.and_then(|health| health.as_table_mut());
        health.expect("it has one").remove("http");
        // The bridge's address of the host, as its containers see it.
        let asks = format!(
            "wget -q -O /dev/null http://$(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'):{port}/health"
        );
        let command = vec!["sh", "-c", asks.as_str()];
        ground.repo.set_of(service, "health.command", command);
        ground.repo.set_of(service, "health.timeout", "20s");
    }
    ground.release().exits(0);
    ground.is_in_sync();
    for service in ["ping", "pong"] {
        ground.repo.set_of(service, "tag", "1.1");
    }
    ground.release().exits(0);
    ground.is_in_sync();
    // Neither unit says that it comes after the other: systemd would drop a start of the two.
    let host = ground.host("docker01");
    let after = host.sh("cat /etc/systemd/system/circle-p*.service");
    assert!(!after.contains("After=circle-"), "{after}");
}
