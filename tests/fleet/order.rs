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

    // The second visit of docker01 fails: its first one is undone, too, and docker02, which was done, goes back.
    for service in ["cache", "db"] {
        ground.repo.set_of(service, "tag", "1.1");
    }
    ground.repo.set_of("api", "tag", "broken");
    ground.repo.set_of("api", "command", vec!["/entry"]);
    ground
        .release()
        .exits(5)
        .says(&["put back on docker01; gone back on docker02"]);
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
        ["1.0", "1.0", "1.0"]
    );
    ground.is_as_described(|repo| {
        for service in ["cache", "db", "api"] {
            repo.set_of(service, "tag", "1.0");
        }
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

/// When a unit was last restarted: from its stop until it was healthy, in microseconds of the host's clock.
fn restart_of(ground: &Ground, service: &str) -> (u64, u64) {
    let unit = format!("beside-{service}.service");
    let host = ground.host("docker01");
    let at = |property: &str| host.unit(&unit, property).parse().expect("microseconds");
    (
        at("ActiveExitTimestampMonotonic"),
        at("ActiveEnterTimestampMonotonic"),
    )
}

/// Five that nothing orders, one that needs one of them, and two in a network of which one has its own address.
pub fn side_by_side(fleet: &'static Fleet) {
    const FREE: [&str; 5] = ["a", "b", "c", "d", "e"];
    let mut ground = Ground::new(fleet, "beside");
    ground.only(&["docker01"]);
    ground.images();
    fleet.image("app:broken", &["entry=exit"]);
    ground.repo.set("rollout.parallel", 2);
    let table = |text: &str| toml::from_str::<toml::Table>(text).expect("it is TOML");
    ground
        .repo
        .set("networks.mail", table("subnet = \"172.29.37.0/24\""));
    for (service, port) in FREE.iter().zip(9681..) {
        ground.serve(service, port, "docker01");
        // Two that restart at the same time are seen to do so.
        let slow = vec!["sh", "-c", "sleep 2"];
        let services = ground.repo.services.get_mut(*service).expect("it is new");
        services.remove("health");
        ground.repo.set_of(service, "health.command", slow);
        ground.repo.set_of(service, "health.timeout", "30s");
    }
    ground.serve("after-a", 9686, "docker01");
    ground.repo.set_of("after-a", "needs", vec!["a"]);
    for (service, port, network) in [
        (
            "owner",
            9687,
            "{ name = \"mail\", address = \"172.29.37.2\" }",
        ),
        ("other", 9688, "\"mail\""),
    ] {
        ground.serve(service, port, "docker01");
        let networks = table(&format!("networks = [{network}]"))["networks"].clone();
        ground.repo.set_of(service, "networks", networks);
    }
    let all: Vec<&str> = FREE
        .into_iter()
        .chain(["after-a", "owner", "other"])
        .collect();
    ground.repo.place("owner", "docker01");
    ground.release().exits(0);
    ground.is_in_sync();

    for service in &all {
        ground.repo.set_of(service, "tag", "1.1");
    }
    ground.diff().says(&["up to 2 side by side"]);
    ground.release().exits(0);
    ground.is_in_sync();
    let restarts: Vec<(u64, u64)> = all
        .iter()
        .map(|service| restart_of(&ground, service))
        .collect();
    let of = |name: &str| {
        restarts[all
            .iter()
            .position(|service| *service == name)
            .expect("it is there")]
    };
    let beside = |one: (u64, u64), other: (u64, u64)| one.0 < other.1 && other.0 < one.1;
    let most = restarts.iter().map(|one| {
        restarts
            .iter()
            .filter(|other| other.0 <= one.0 && one.0 < other.1)
            .count()
    });
    assert_eq!(most.max(), Some(2), "{restarts:?}");
    assert!(beside(of("a"), of("b")), "{restarts:?}");
    assert!(of("a").1 <= of("after-a").0, "{restarts:?}");
    assert!(!beside(of("owner"), of("other")), "{restarts:?}");

    // b ends at once, beside a: a comes to its end, nobody else begins, and both go back.
    let before = ground.containers();
    for service in &all {
        ground.repo.set_of(service, "tag", "1.0");
    }
    ground.repo.set_of("b", "tag", "broken");
    let failed = ground.release();
    failed
        .exits(5)
        .says(&["put back on docker01"])
        .says(&["`systemctl restart beside-b.service` failed"]);
    let changes = before.changes(&ground.containers());
    for begun in ["a", "b"] {
        assert!(
            changes.contains(&format!("~ docker01/{begun}")),
            "{changes:?}"
        );
    }
    // The owner of the address comes first, and there is room for one more where a ends before b fails.
    let others = ["d", "e", "after-a", "other"];
    let begun = |service: &&str| changes.contains(&format!("~ docker01/{service}"));
    assert_eq!(
        others.iter().copied().filter(begun).collect::<Vec<_>>(),
        [""; 0]
    );
    ground.is_as_described(|repo| {
        for service in &all {
            repo.set_of(service, "tag", "1.1");
        }
    });
    // Two fail: both are told.
    ground.repo.set_of("a", "tag", "broken");
    let failed = ground.release();
    failed
        .exits(5)
        .says(&["put back on docker01"])
        .says(&["`systemctl restart beside-a.service` failed"])
        .says(&["`systemctl restart beside-b.service` failed"])
        .says(&["beside-a: ", "ActiveState="])
        .says(&["beside-b: ", "ActiveState="]);
    ground.is_as_described(|repo| {
        for service in &all {
            repo.set_of(service, "tag", "1.1");
        }
    });
}
