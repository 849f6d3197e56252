//! Images that moved, containers that do not stay up.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::ground::Ground;
use crate::hosts::{Fleet, until};
use crate::run::Ended;

pub fn moving_tag(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "moving");
    ground.images();
    fleet.image("app:latest", &["note=one"]);
    ground.serve("web", 9401, "docker01 docker02");
    ground.serve("shop", 9402, "docker01");
    ground.repo.set_of("web", "tag", "latest");
    ground.repo.set_of("web", "env.GREETING", "hello");
    ground.release().exits(0);
    let note = |host: &str| ground.host(host).sh("docker exec moving-web cat /note");
    assert_eq!(
        (note("docker01"), note("docker02")),
        ("one".to_owned(), "one".to_owned())
    );

    // It did not move: the pull finds that, and nothing restarts.
    assert_eq!(ground.release_changes(), [""; 0]);

    fleet.image("app:latest", &["note=two"]);
    ground
        .diff()
        .exits(0)
        .says(&["Nothing to do"])
        .says(&["web", "may restart", "another image behind its tag"])
        .never_says(&["shop"]);
    let before = ground.containers();
    ground.release().exits(0);
    assert_eq!(
        before.changes(&ground.containers()),
        ["~ docker01/web", "~ docker02/web"]
    );
    let note = |host: &str| ground.host(host).sh("docker exec moving-web cat /note");
    assert_eq!(
        (note("docker01"), note("docker02")),
        ("two".to_owned(), "two".to_owned())
    );
    assert_eq!(ground.release_changes(), [""; 0]);

    // Pulled by hand, a look sees it: the container runs another image than its tag means.
    fleet.image("app:latest", &["note=three"]);
    ground.host("docker02").sh(&format!(
        "docker pull --quiet {}/app:latest",
        fleet.registry
    ));
    ground
        .diff()
        .exits(2)
        .says(&["web", "restart"])
        .says(&["app:latest now means another image"]);
    ground.repo.set_of("shop", "tag", "1.1");
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/shop", "~ docker01/web", "~ docker02/web"]
    );
}

pub fn exits_at_once(fleet: &'static Fleet) {
    let mut ground = three(fleet, "exits");
    fleet.image("app:broken", &["entry=exit"]);
    ground.repo.set_of("web", "tag", "broken");
    ground.repo.set_of("mail", "tag", "1.1");
    let before = ground.containers();
    // The last words of the unit are what the operator needs.
    ground
        .release()
        .exits(5)
        .says(&["docker01", "exits-web"])
        .says(&["entry: exiting at once"])
        .says(&["put back on docker01", "not begun on docker02"]);
    // It stopped at the first host: the second one keeps what it had.
    let after = ground.containers();
    assert_eq!(before.id("docker02/web"), after.id("docker02/web"));
    assert_eq!(before.id("docker01/shop"), after.id("docker01/shop"));
    // There the version of before is back, and so it is what runs everywhere.
    assert_eq!(before.changes(&after), ["~ docker01/web"]);
    ground.is_as_described(|repo| {
        repo.set_of("web", "tag", "1.0");
        repo.set_of("mail", "tag", "1.0");
    });
    ground
        .status()
        .says(&["web", "pending restart"])
        .says(&["shop", "in sync"]);
    ground.diff().exits(2);

    // The next one finishes the job, crash loop or not.
    ground.repo.set_of("web", "tag", "1.1");
    ground.release().exits(0);
    assert_eq!(
        before.id("docker01/shop"),
        ground.containers().id("docker01/shop")
    );
    ground.is_in_sync();
}

pub fn unhealthy(fleet: &'static Fleet) {
    let mut ground = three(fleet, "sick");
    fleet.image("app:sick", &["entry=unhealthy"]);
    ground.repo.set_of("web", "tag", "sick");
    ground.repo.set_of("web", "health.timeout", "2s");
    let before = ground.containers();
    ground
        .release()
        .exits(5)
        .says(&["docker01", "sick-web"])
        .says(&["404"])
        .says(&["/health"]);
    assert_eq!(
        before.id("docker02/web"),
        ground.containers().id("docker02/web")
    );

    // With `keep` it stays as it is, for somebody to look at.
    ground
        .bayplan(&["release", "sick", "--yes", "--on-failure", "keep"])
        .exits(1)
        .says(&["docker01", "sick-web"])
        .never_says(&["put back"]);
    ground.status().says(&["web", "crash loop"]);

    // Back to what ran before is a change like any other.
    ground.repo.set_of("web", "tag", "1.0");
    ground.release().exits(0);
    assert_eq!(
        before.id("docker01/shop"),
        ground.containers().id("docker01/shop")
    );
    ground.is_in_sync();
}

fn three(fleet: &'static Fleet, cluster: &str) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.images();
    ground.serve("web", 9411, "docker01 docker02");
    ground.serve("shop", 9412, "docker01");
    ground.serve("mail", 9413, "docker02");
    ground.release().exits(0);
    ground
}

pub fn crash_loop(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "loops");
    ground.images();
    ground.only(&["docker01", "docker02"]);
    ground.repo.set("hosts.docker02.engine", "podman");
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/container.service");
    let template = fs::read_to_string(template).expect("it is part of the checkout");
    ground.repo.template = Some(template.replace("RestartSec=5", "RestartSec=300ms"));
    let ends = |script| vec!["/bin/sh", "-c", script];
    for (service, hosts, script) in [
        ("web", "docker01 docker02", "sleep 3; exit 7"),
        (
            "greedy",
            "docker01",
            "sleep 2; x=a; while :; do x=$x$x; done",
        ),
    ] {
        ground
            .repo
            .set_of(service, "image", format!("{}/app", fleet.registry));
        ground.repo.set_of(service, "tag", "1.0");
        ground.repo.set_of(service, "command", ends(script));
        ground.repo.place(service, hosts);
    }
    ground.repo.set_of("greedy", "memory", "6m");
    // Each lives longer than a start is watched.
    ground.release().exits(0);
    let units = [
        ("docker01", "loops-web"),
        ("docker01", "loops-greedy"),
        ("docker02", "loops-web"),
    ];
    for (host, unit) in units {
        until(Duration::from_secs(30), "it ended twice", || {
            let restarts = ground.host(host).unit(unit, "NRestarts");
            (restarts.parse::<u64>().ok()? > 1).then_some(())
        });
    }
    let json = |ended: &Ended| -> Value { serde_json::from_str(&ended.stdout).expect("JSON") };
    for _ in 0..6 {
        ground
            .bayplan(&["status", "loops", "--exit-code", "--by", "host"])
            .exits(2)
            .says(&["web", "crash loop, restarted by systemd"])
            .says(&["3 crash loop"])
            .never_says(&["is in sync"]);
        let status = json(&ground.bayplan(&["status", "loops", "--json"]).exits(0));
        assert_eq!(status["in_sync"], false);
        for host in [0, 1] {
            let services = status["hosts"][host]["services"]
                .as_array()
                .expect("a list");
            for service in services {
                let crashes = &service["crashes"];
                let told = (&service["state"]["kind"], &crashes["steady"]);
                assert_eq!(told, (&"crash_loop".into(), &false.into()), "{status:#}");
                assert!(
                    crashes["first"].is_string() && crashes["last"].is_string(),
                    "{status:#}"
                );
                let greedy = service["service"] == "greedy";
                assert_eq!(
                    crashes["exit_code"],
                    if greedy { 137 } else { 7 },
                    "{status:#}"
                );
                assert_eq!(crashes["out_of_memory"], greedy, "{status:#}");
            }
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    let why = |service| {
        ground
            .bayplan(&["why", "loops", service, "--live"])
            .exits(0)
    };
    let told = |ended: Ended| {
        ended
            .stdout
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(told(why("web")).contains("exit code 7"));
    assert!(told(why("greedy")).contains("exit code 137 (SIGKILL), out of memory"));

    // A release with what mends it; what was before counts no more.
    for service in ["web", "greedy"] {
        let service = ground
            .repo
            .services
            .get_mut(service)
            .expect("it is described");
        service.remove("command");
    }
    ground.release().exits(0);
    ground.is_in_sync();
    ground.bayplan(&["status", "loops", "--exit-code"]).exits(0);
}
