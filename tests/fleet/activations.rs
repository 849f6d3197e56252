//! Activations that cannot begin, whose log is not theirs, whose connection goes, under a systemd that is
//! executed anew; and what a host records of each.

use std::time::Duration;

use crate::drills::gate::Gate;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};

const HOST: &str = "docker01";

/// A service that changes and one that stays, released twice: there is the log of an activation that ended.
fn released(fleet: &'static Fleet, cluster: &str) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.images();
    ground.only(&[HOST]);
    ground.serve("web", 9541, HOST);
    ground.serve("shop", 9542, HOST);
    ground.release().exits(0);
    ground
}

fn history(ground: &Ground) -> crate::run::Ended {
    ground.bayplan(&["history", &ground.repo.name]).exits(0)
}

/// The number of lines in the host's history.
fn lines(ground: &Ground) -> usize {
    let list = format!("wc -l </var/lib/bayplan/{}/history", ground.repo.name);
    ground
        .host(HOST)
        .sh(&list)
        .trim()
        .parse()
        .expect("a number")
}

pub fn cannot_begin(fleet: &'static Fleet) {
    let mut ground = released(fleet, "begin");
    let host = ground.host(HOST);
    let gate = Gate::of(fleet, HOST);
    fleet.image("app:begin", &[]);
    ground.repo.set_of("web", "tag", "begin");
    let (containers, files) = (ground.containers(), ground.files());

    // Something has the name of its script.
    gate.shut_before_pull();
    let mut release = ground.start(&["release", "begin", "--yes"]);
    assert!(gate.until_met(&mut release), "an image is pulled");
    host.sh("cd /var/lib/bayplan/begin/staging/* && mkdir activate-1.sh");
    gate.open();
    release
        .ended()
        .exits(1)
        .says(&["docker01", "may not write", "activate-1.sh"])
        .never_says(&["Released"]);
    history(&ground).says(&["✗", "failed", "may not write"]);
    assert_eq!(lines(&ground), 2);

    // Something is in the way of its log; systemd starts nothing; its first word cannot be written.
    let rootless = "/usr/local/bin/systemd-run";
    let mut number = 2;
    for (break_it, mend_it, words) in [
        (
            "mkdir -p /run/bayplan/activate-begin.log.new/x".to_owned(),
            "rm -r /run/bayplan/activate-begin.log.new".to_owned(),
            "may not write /run/bayplan/activate-begin.log",
        ),
        (
            format!(
                "printf '#!/bin/sh\necho no bus today >&2; exit 1\n' >{rootless}; chmod +x {rootless}"
            ),
            format!("rm {rootless}"),
            "no bus today",
        ),
    ] {
        host.sh(&break_it);
        let ended = ground.release();
        host.sh(&mend_it);
        ended
            .exits(1)
            .says(&["docker01", words])
            .never_says(&["Released"]);
        number += 1;
        assert_eq!(lines(&ground), number);
    }
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);
    ground.diff().exits(2);

    // A unit of an activation of old is in nobody's way.
    host.sh("systemd-run --quiet --remain-after-exit --unit=bayplan-activate-begin true");
    let ended = ground.release();
    host.sh("systemctl stop bayplan-activate-begin");
    ended.exits(0);
    assert_eq!(containers.changes(&ground.containers()), ["~ docker01/web"]);
    ground.is_in_sync();
    history(&ground).says(&["*", "restarted web"]);

    // While one is at work another log takes the place of its own.
    ground.repo.set_of("web", "tag", "1.1");
    gate.shut("activate-*.sh", "^[a-z]* [0-9]* restart_unit begin-web");
    let mut release = ground.start(&["release", "begin", "--yes"]);
    assert!(gate.until_met(&mut release));
    let log = "/run/bayplan/activate-begin.log";
    host.sh(&format!(
        "printf 'begin 1 1 1 0123456789ab\\nstep 0 start reload\\nstep 0 done\\nend\\n' >{log}.mine && mv {log}.mine {log}"
    ));
    ground
        .diff()
        .says(&["an activation of begin", "olivia"])
        .never_says(&["did not finish"]);
    release
        .ended()
        .exits(1)
        .says(&["docker01", "is gone, or is that of another activation"])
        .never_says(&["Released"]);
    gate.open();
    until(Duration::from_secs(30), "it ended by itself", || {
        (ground.diff().code == 0).then_some(())
    });
}

pub fn connection_lost(fleet: &'static Fleet) {
    let mut ground = released(fleet, "again");
    ground.serve("extra", 9543, HOST);
    ground.repo.set_of("web", "tag", "1.1");
    let gate = Gate::of(fleet, HOST);
    gate.shut("activate-*.sh", "^[a-z]* [0-9]* restart_unit again-extra");
    let before = ground.containers();
    let mut release = ground.start(&["release", "again", "--yes"]);
    assert!(gate.until_met(&mut release));
    // As a laptop finds its connection after a night: the other side is gone, and the host went on.
    fleet.close_connections();
    ground.host(HOST).sh("pkill -f '^sshd: .*root' || :");
    std::thread::sleep(Duration::from_millis(500));
    gate.open();
    release.ended().exits(0).says(&["Released", "again"]);
    assert_eq!(
        before.changes(&ground.containers()),
        ["+ docker01/extra", "~ docker01/web"]
    );
    // Two waves, one release, one line.
    assert_eq!(lines(&ground), 2);
    history(&ground).says(&["started extra; restarted web"]);
    ground.is_in_sync();

    // What only mends, starts or stops is told, too.
    let host = ground.host(HOST);
    host.sh("systemctl stop again-shop");
    host.sh("cd /etc/bayplan/again/extra/* && echo X=1 >>50-extra.env");
    ground.repo.remove("web");
    ground.release().exits(0);
    assert_eq!(lines(&ground), 3);
    history(&ground)
        .says(&["started shop"])
        .says(&["mended extra"])
        .says(&["removed web"]);
}

pub fn reexecuted(fleet: &'static Fleet) {
    let mut ground = released(fleet, "reexec");
    let gate = Gate::of(fleet, HOST);
    let before = ground.containers();
    // Once while each of several calls waits for its answer.
    for (step, tag, pauses) in [
        ("restart_unit", "1.1", "0.1 0.3"),
        ("restart_unit", "1.0", "0 0.05 0.2"),
        ("reload", "1.1", "0 0.05"),
    ] {
        ground.repo.set_of("web", "tag", tag);
        let line = format!(
            "{{ for pause in {pauses}; do sleep $pause; systemctl daemon-reexec; done; }} >/dev/null 2>\\&1 8<\\&- \\&"
        );
        gate.strike("activate-*.sh", &format!("^step [0-9]* {step}"), &line);
        ground.release().exits(0).never_says(&["put back"]);
        assert!(gate.was_met(), "{step}");
        gate.open();
    }
    let after = ground.containers();
    assert_eq!(before.id("docker01/shop"), after.id("docker01/shop"));
    ground.is_in_sync();
}

pub fn started_by_itself(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "itself");
    ground.only(&[HOST]);
    fleet.image("app:stubborn", &["entry=ignore-term"]);
    let names = ["a", "b", "c", "d"];
    for (number, name) in (0..).zip(names) {
        ground.serve(name, 9551 + number, HOST);
        ground.repo.set_of(name, "tag", "stubborn");
        ground.repo.set_of(name, "stop_timeout", "3s");
        ground
            .repo
            .services
            .get_mut(name)
            .expect("served")
            .remove("health");
    }
    let greet = |repo: &mut crate::repo::Repo, word: &str| {
        for name in names {
            repo.set_of(name, "env.GREETING", word);
        }
    };
    greet(&mut ground.repo, "hello");
    ground.release().exits(0);
    // Its unit becomes active and then fails, before it has settled; systemd starts it anew while others are put back.
    greet(&mut ground.repo, "goodbye");
    ground.repo.set_of("b", "entrypoint", "/bin/sh");
    ground
        .repo
        .set_of("b", "command", vec!["-c", "sleep 0.3; exit 1"]);
    ground
        .release()
        .exits(5)
        .says(&["put back on docker01"])
        .never_says(&["could not be put back"]);
    ground.is_as_described(|repo| {
        greet(repo, "hello");
        repo.services
            .get_mut("b")
            .expect("served")
            .remove("entrypoint");
        repo.services
            .get_mut("b")
            .expect("served")
            .remove("command");
    });
    ground
        .bayplan(&["history", "itself"])
        .says(&["✗", "failed and put back"]);
}

pub fn new_probe(fleet: &'static Fleet) {
    let mut ground = released(fleet, "probes");
    let before = ground.containers();
    // It would count from the next start on only; nobody would know until then.
    ground.repo.set_of("web", "health.http", "/nope");
    ground.repo.set_of("web", "health.timeout", "2s");
    ground.release().exits(5).says(&[
        "docker01",
        "probes-web runs, but does not pass its new health check",
        "404",
    ]);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    ground.diff().exits(2);
    // With the next change all is put back by the probe that was there.
    fleet.image("app:broken", &["entry=exit"]);
    ground.repo.set_of("web", "tag", "broken");
    ground.release().exits(5).says(&["put back on docker01"]);
    // One that the container answers counts, without a restart.
    ground.repo.set_of("web", "tag", "1.0");
    ground.repo.set_of("web", "health.http", "/version");
    let before = ground.containers();
    ground.release().exits(0);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    ground.is_in_sync();
}
