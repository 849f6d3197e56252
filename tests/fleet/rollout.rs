//! How a release goes over the hosts: `[rollout]`.

use crate::ground::Ground;
use crate::hosts::Fleet;

/// A cluster with a `web` on every host, not released yet.
pub fn with_web(fleet: &'static Fleet, cluster: &str, port: u16) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.images();
    ground.serve("web", port, "");
    ground.repo.set("place.web", "*");
    ground
}

/// When a unit went down and was up again the last time, in microseconds of the clock that all hosts share.
fn was_down(ground: &Ground, host: &str, unit: &str) -> (u64, u64) {
    let host = ground.host(host);
    let moment = |property: &str| -> u64 {
        let asked = format!("systemctl show --value -p {property}Monotonic {unit}");
        host.sh(&asked).trim().parse().expect("it is a number")
    };
    (
        moment("ActiveExitTimestamp"),
        moment("ActiveEnterTimestamp"),
    )
}

/// Canaries first and alone, then so many hosts at a time; a service is down on one host after the other all the same.
pub fn as_told(fleet: &'static Fleet) {
    let mut ground = with_web(fleet, "rolled", 9681);
    let alone = [
        ("docker01", "one"),
        ("docker02", "two"),
        ("docker03", "three"),
    ];
    for (number, (host, service)) in (0u16..).zip(alone) {
        ground.serve(service, 9682 + number, host);
    }
    ground.release().exits(0);
    ground.repo.set("rollout.batch", 3);
    ground.repo.set("rollout.canary", vec!["docker03"]);
    ground.is_in_sync();
    ground.repo.set_of("web", "tag", "1.1");
    let released = ground.release();
    let released = released
        .exits(0)
        .says(&["in this order: docker03 → docker01 → docker02"]);
    released.says(&["rollout: at most 3 hosts at a time, docker03 alone first"]);
    let down = |host| was_down(&ground, host, "rolled-web.service");
    let in_order = ["docker03", "docker01", "docker02"].map(down);
    for (number, (_, up)) in in_order.iter().enumerate() {
        for (next, _) in &in_order[number + 1..] {
            assert!(up < next, "down at the same time: {in_order:?}");
        }
    }
    ground.is_in_sync();

    // What is not in each other's way goes together.
    for (_, service) in alone {
        ground.repo.set_of(service, "tag", "1.1");
    }
    ground
        .release()
        .exits(0)
        .says(&["in this order: docker03 → docker01, docker02"]);
    ground.is_in_sync();
}

/// Answers, and ends five seconds after its start, with a word: on a busy machine it takes some of them to be found healthy.
const DIES: &str = "/entry & sleep 5; echo last words; exit 7";

/// What was healthy and ends a little later has failed, with its last words; nobody else is begun.
pub fn soaks(fleet: &'static Fleet) {
    let mut ground = with_web(fleet, "soaked", 9686);
    ground.release().exits(0);
    ground.repo.set("rollout.soak", "9s");
    let before = ground.containers();
    ground.repo.set_of("web", "command", vec!["sh", "-c", DIES]);
    let failed = ground.release();
    let failed = failed
        .exits(5)
        .says(&["rollout: watched for 9.0 s when healthy"]);
    let failed =
        failed.says(&["soaked-web was healthy, but did not stay the same start for 9.0 s"]);
    let failed = failed.says(&["last words"]);
    failed.says(&["Failed and put back on docker01; not begun on docker02, docker03"]);
    assert_eq!(before.changes(&ground.containers()), ["~ docker01/web"]);

    // A service may have its own; without any it is a success, as it was before there was one.
    ground.repo.set_of("web", "soak", "0s");
    ground.release().exits(0);
    ground.repo.set_of("web", "command", vec!["/entry"]);
    ground.repo.set_of("web", "soak", "2s");
    let started = std::time::Instant::now();
    ground
        .release()
        .exits(0)
        .says(&["watching for 2.0 s what started"]);
    assert!(started.elapsed().as_secs() >= 6, "two seconds on each host");
    ground.is_in_sync();
}

/// What does not come up in time is put back then, however patient its probe is.
pub fn late(fleet: &'static Fleet) {
    let mut ground = with_web(fleet, "late", 9689);
    ground.repo.set_of("web", "stop_timeout", "1s");
    ground.release().exits(0);
    ground.is_in_sync();
    ground.repo.set("rollout.deadline", "3s");
    ground.is_in_sync();
    let before = ground.containers();
    ground.repo.set_of("web", "health.timeout", "2m");
    let never = vec!["sh", "-c", "exec sleep 600"];
    ground.repo.set_of("web", "command", never);
    let failed = ground.release();
    assert!(failed.took < std::time::Duration::from_secs(60), "{failed}");
    failed
        .exits(5)
        .says(&["late-web was not up before the deadline, 3.0 s after the first step"]);
    assert_eq!(before.changes(&ground.containers()), ["~ docker01/web"]);
    // A service may have its own.
    let slow = vec!["sh", "-c", "sleep 5; exec /entry"];
    ground.repo.set_of("web", "command", slow);
    ground.release().exits(5);
    ground.repo.set_of("web", "deadline", "2m");
    ground.release().exits(0);
    ground.is_in_sync();
}

/// A failure on the last host takes all of them back, and touches nobody else.
pub fn all_go_back(fleet: &'static Fleet) {
    let mut ground = with_web(fleet, "undone", 9687);
    ground.serve("other", 9688, "docker01");
    ground.repo.set_of("web", "vars", vec!["CLUSTER_HOST"]);
    ground.release().exits(0);
    ground.is_in_sync();
    ground.repo.set("rollout.soak", "5s");
    let before = ground.containers();
    let only_there = format!("[ $CLUSTER_HOST = docker03 ] || exec /entry; {DIES}");
    ground.repo.set_of("web", "tag", "1.1");
    ground
        .repo
        .set_of("web", "command", vec!["sh", "-c", &only_there]);
    let failed = ground.release();
    let failed = failed
        .exits(5)
        .says(&["rollout: watched for 5.0 s when healthy"]);
    let failed = failed.says(&["last words"]);
    failed.says(&["Failed and put back on docker03; gone back on docker01, docker02"]);
    let all = ["~ docker01/web", "~ docker02/web", "~ docker03/web"];
    assert_eq!(before.changes(&ground.containers()), all);
    // Never two of them at once, and the last one first.
    let down = |host| was_down(&ground, host, "undone-web.service");
    let in_order = ["docker03", "docker02", "docker01"].map(down);
    for (number, (_, up)) in in_order.iter().enumerate() {
        for (next, _) in &in_order[number + 1..] {
            assert!(up < next, "down at the same time: {in_order:?}");
        }
    }
    ground.is_as_described(|repo| {
        repo.set_of("web", "tag", "1.0");
        let web = repo.services.get_mut("web").expect("it is served");
        web.remove("command");
    });

    // Told so, a release leaves what was done.
    ground
        .bayplan(&["release", "undone", "--yes", "--on-failure", "put-back"])
        .exits(5)
        .says(&["hosts that are done stay done if one fails"])
        .says(&["done on docker01, docker02"]);
    ground.repo.set_of("web", "command", vec!["/entry"]);
    ground.release().exits(0);
    ground.is_in_sync();
}
