//! Services that somebody holds stopped, hosts that are drained, and clusters that are frozen.

use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, Host, until};
use crate::run::Ended;

fn operate(ground: &Ground, words: &[&str]) -> Ended {
    let (command, rest) = words.split_first().expect("a command");
    let mut line = vec![*command, ground.repo.name.as_str()];
    line.extend(rest);
    line.push("--yes");
    ground.bayplan(&line)
}

/// `enabled active`, as systemd says it.
fn state(host: &Host, unit: &str) -> String {
    let ask = format!("systemctl is-enabled {unit}; systemctl is-active {unit}");
    host.sh(&format!("{{ {ask}; }} 2>&1 | paste -sd' ' || true"))
        .trim()
        .to_owned()
}

/// A service that is held is stopped, and neither a release nor a rollback, a docker that starts again nor a boot starts it;
/// it starts with what was released meanwhile.
pub fn held(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "calm");
    ground.images();
    ground.serve("web", 9945, "*");
    ground.repo.set_of("web", "max_down", 3);
    ground.serve("api", 9946, "docker01");
    ground.repo.set_of("api", "needs", vec!["web"]);
    ground.release().exits(0);
    let second = ground.host("docker02");

    let before = ground.containers();
    let stop = [
        "stop", "web", "--host", "docker02", "--for", "2h", "--why", "reindex",
    ];
    operate(&ground, &stop)
        .exits(0)
        .says(&["stop"])
        .says(&["web is held on docker02 by"])
        .says(&[": reindex"]);
    assert_eq!(before.changes(&ground.containers()), ["- docker02/web"]);
    assert_eq!(state(second, "calm-web.service"), "disabled inactive");
    let files = ground.files();
    // Nobody misses it, and everybody hears of it.
    ground
        .status()
        .exits(0)
        .says(&["web", "held by"])
        .says(&["calm is in sync"]);
    ground
        .diff()
        .exits(0)
        .says(&["web: held by"])
        .says(&["No changes."]);
    assert_eq!(ground.release_changes(), [""; 0]);
    ground.assert_untouched(&files);
    let history = ground.bayplan(&["history", "calm"]).exits(0).stdout;
    assert!(history.contains("stopped web"), "{history}");

    // Neither docker nor a boot starts it.
    second.sh("systemctl restart docker");
    fleet.power_cut("docker02");
    until(Duration::from_secs(60), "docker02 is up", || {
        second
            .run("systemctl is-active docker")
            .status
            .success()
            .then_some(())
    });
    assert_eq!(state(second, "calm-web.service"), "disabled inactive");
    assert_eq!(ground.release_changes(), [""; 0]);

    // Its files go on, and nothing waits for it.
    ground.repo.set_of("web", "tag", "1.1");
    let changes = ground.release_changes();
    assert_eq!(changes, ["~ docker01/web", "~ docker03/web"]);
    assert_eq!(state(second, "calm-web.service"), "disabled inactive");
    ground.is_in_sync();
    let before = ground.containers();
    operate(&ground, &["rollback"]).exits(0);
    let changes = before.changes(&ground.containers());
    assert_eq!(changes, ["~ docker01/web", "~ docker03/web"]);
    assert_eq!(state(second, "calm-web.service"), "disabled inactive");
    ground.release().exits(0);

    // A restart leaves it alone.
    let before = ground.containers();
    operate(&ground, &["restart", "web"]).exits(0);
    let changes = before.changes(&ground.containers());
    assert_eq!(changes, ["~ docker01/web", "~ docker03/web"]);

    // It starts with what was released meanwhile.
    let before = ground.containers();
    operate(&ground, &["start", "web"])
        .exits(0)
        .says(&["web is held no more on docker02"]);
    assert_eq!(before.changes(&ground.containers()), ["+ docker02/web"]);
    assert_eq!(state(second, "calm-web.service"), "enabled active");
    let image = "docker inspect --format '{{.Config.Image}}' calm-web";
    assert!(second.sh(image).trim().ends_with("app:1.1"));
    ground.is_in_sync();
    operate(&ground, &["start", "web"])
        .exits(1)
        .says(&["web: nothing of calm is held there"]);

    half_way(&mut ground);
    the_last_one(&mut ground);
}

/// A file that a hand, or a stop that died, left is a stop that is pending; and one whose time is over is a start.
fn half_way(ground: &mut Ground) {
    let third = ground.host("docker03");
    let hold = "/var/lib/bayplan/calm/holds/web";
    let write = |until: &str| {
        third.sh(&format!(
            "mkdir -p ${{0%/*}} {}; echo '{{\"format\":1,\"who\":\"ada@laptop\",\"since\":1,\"until\":{until},\"why\":\"maintenance\"}}' >{hold}",
            hold.trim_end_matches("/web")
        ));
    };
    write("null");
    ground
        .status()
        .exits(0)
        .says(&["pending stop: held by ada@laptop: maintenance"]);
    ground
        .diff()
        .exits(2)
        .says(&["stop"])
        .says(&["web: held by ada@laptop"]);
    assert_eq!(ground.release_changes(), ["- docker03/web"]);
    assert_eq!(state(third, "calm-web.service"), "disabled inactive");
    ground.is_in_sync();
    // What cannot be read holds, too.
    third.sh(&format!("echo nonsense >{hold}"));
    ground.is_in_sync();

    write("2");
    ground
        .status()
        .exits(0)
        .says(&["not running"])
        .says(&["was held by ada@laptop"]);
    assert_eq!(ground.release_changes(), ["+ docker03/web"]);
    assert_eq!(state(third, "calm-web.service"), "enabled active");
    third.sh(&format!("test ! -e {hold}"));
    ground.is_in_sync();

    // A service that leaves takes its hold along.
    operate(ground, &["stop", "web", "--host", "docker03"]).exits(0);
    third.sh(&format!("test -e {hold}"));
    ground.repo.place("web", "docker01 docker02");
    ground.release().exits(0);
    third.sh(&format!("test ! -e {hold}"));
    ground.is_in_sync();
}

fn the_last_one(ground: &mut Ground) {
    operate(ground, &["stop", "web", "--host", "docker01"]).exits(0);
    let before = ground.containers();
    operate(ground, &["stop", "web", "--host", "docker02"])
        .exits(1)
        .says(&["web runs nowhere else than on docker02"])
        .says(&["`--last`"]);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    // All of it is what was said.
    operate(ground, &["stop", "web"]).exits(0);
    assert_eq!(before.changes(&ground.containers()), ["- docker02/web"]);
    operate(ground, &["start"]).exits(0);
    ground.is_in_sync();
}

/// A host is drained, who needs others first, with its timers; a boot starts nothing; and it comes back.
pub fn drained(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "spa");
    ground.images();
    ground.serve("web", 9947, "docker01 docker02");
    ground.serve("api", 9948, "docker01 docker02");
    ground.repo.set_of("web", "needs", vec!["api"]);
    let image = format!("{}/app", fleet.registry);
    ground.repo.set_of("tick", "image", image);
    ground.repo.set_of("tick", "tag", "1.0");
    ground.repo.set_of("tick", "command", vec!["/bin/true"]);
    ground.repo.set_of("tick", "schedule", "*-*-* 04:00:00");
    ground.repo.place("tick", "docker01");
    ground.serve("alone", 9949, "docker01");
    ground.release().exits(0);
    let host = ground.host("docker01");
    assert_eq!(state(host, "spa-tick.timer"), "enabled active");

    operate(&ground, &["drain", "docker01"])
        .exits(1)
        .says(&["alone runs nowhere else than on docker01"])
        .says(&["`--last`"]);
    operate(&ground, &["stop", "alone", "--why", "mine"]).exits(0);
    let before = ground.containers();
    operate(&ground, &["drain", "docker01", "--why", "new disk"])
        .exits(0)
        .says(&[": new disk"])
        .says(&["bayplan undrain spa docker01"]);
    let gone = ["- docker01/api", "- docker01/web"];
    assert_eq!(before.changes(&ground.containers()), gone);
    assert_eq!(state(host, "spa-tick.timer"), "disabled inactive");
    let stopped =
        "journalctl -q -o cat -u spa-web -u spa-api | grep '^Stopped' | tail -n 2 | head -n 1";
    assert!(host.sh(stopped).contains("spa-web"), "{}", host.sh(stopped));
    ground.is_in_sync();

    fleet.power_cut("docker01");
    until(Duration::from_secs(60), "docker01 is up", || {
        host.run("systemctl is-active docker")
            .status
            .success()
            .then_some(())
    });
    assert_eq!(state(host, "spa-web.service"), "disabled inactive");
    ground.repo.set_of("web", "tag", "1.1");
    assert_eq!(ground.release_changes(), ["~ docker02/web"]);

    let before = ground.containers();
    operate(&ground, &["undrain", "docker01"]).exits(0);
    let back = ["+ docker01/api", "+ docker01/web"];
    assert_eq!(before.changes(&ground.containers()), back);
    assert_eq!(state(host, "spa-tick.timer"), "enabled active");
    // That was somebody else's.
    assert_eq!(state(host, "spa-alone.service"), "disabled inactive");
    ground.status().exits(0).says(&["held by"]);

    operate(&ground, &["start", "alone"]).exits(0);
    ground.is_in_sync();
}

/// Nothing is released to a frozen cluster, whoever it is that froze it, as long as one host knows.
pub fn frozen(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "ice");
    ground.images();
    ground.serve("web", 9950, "docker01 docker02");
    ground.release().exits(0);
    fleet.cut("docker03");
    ground
        .bayplan(&["freeze", "ice", "--until", "2h", "--why", "black friday"])
        .exits(1)
        .says(&["ice is frozen until"])
        .says(&["docker02: black friday"])
        .says(&[": black friday"]);
    fleet.heal("docker03");
    ground.repo.set_of("web", "tag", "1.1");
    let before = ground.containers();
    for _ in 0..2 {
        ground
            .release()
            .exits(7)
            .says(&["ice is frozen by"])
            .says(&["black friday"])
            .says(&["--lift freeze"]);
        // One that does not answer blocks it all the same.
        ground
            .host("docker01")
            .sh("rm -f /var/lib/bayplan/ice/frozen.json");
    }
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    ground
        .status()
        .exits(0)
        .says(&["frozen by"])
        .says(&["bayplan unfreeze ice"]);
    operate(&ground, &["restart"]).exits(0);
    ground
        .bayplan(&["release", "ice", "--yes", "--lift", "freeze"])
        .exits(0);
    operate(&ground, &["rollback"]).exits(0);
    ground.release().exits(7);
    ground.bayplan(&["push", "ice"]).exits(0);
    operate(&ground, &["activate"]).exits(7);
    // Its time is over, by the clock of the host.
    ground
        .host("docker02")
        .sh("sed -i 's/\"until\":[0-9]*/\"until\":5/' /var/lib/bayplan/ice/frozen.json");
    ground.status().never_says(&["frozen"]);
    operate(&ground, &["activate"]).exits(0);
    ground
        .bayplan(&["freeze", "ice", "--why", "once more"])
        .exits(0);
    ground
        .bayplan(&["unfreeze", "ice"])
        .exits(0)
        .says(&["not frozen any more; it was by"])
        .says(&["once more"]);
    ground.is_in_sync();
}
