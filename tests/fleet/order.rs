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
