//! A proxy with two instances on its ports: it is replaced itself without a lost request, whatever a release dies of.

use crate::drills::deaths::HOST;
use crate::drills::gate::Gate;
use crate::ground::Ground;
use crate::hosts::Fleet;
use crate::load::releases;
use crate::swap::{
    Load, boots, change_one_input, configure, killed_before_each_step, one_is_up, one_serves, shop,
    with_inputs,
};

/// Longer than clients may keep a connection without a word.
const STOP: &str = "30s";

/// A shop whose proxy has two instances, or one at first.
fn gate(fleet: &'static Fleet, cluster: &str, port: u16, podman: bool) -> Ground {
    let mut ground = shop(fleet, cluster, port, podman);
    fleet.image("haproxy:2.6-1", &["haproxy"]);
    ground.repo.set_of("proxy", "stop_timeout", STOP);
    ground
}

/// One instance of the proxy is up, and it is the one of the link.
#[track_caller]
fn one_answers(ground: &Ground, engine: &str) -> String {
    one_is_up(ground, engine, "proxy", "proxy.SLOT.self")
}

/// Image and variable in turn.
fn change_the_proxy(ground: &mut Ground, number: usize) {
    match number % 2 {
        0 => {
            let tag = ["2.6-1", "2.6"][number / 2 % 2];
            ground.repo.set_of("proxy", "tag", tag);
        }
        _ => {
            let value = format!("hello {number}");
            ground.repo.set_of("proxy", "env.GREETING", value);
        }
    }
}

pub fn docker(fleet: &'static Fleet) {
    replaced(fleet, "gate", 9741, "docker");
}

pub fn podman(fleet: &'static Fleet) {
    replaced(fleet, "podgate", 9745, "podman");
}

/// Again and again under load: alone, with its files, and with what is behind it.
fn replaced(fleet: &'static Fleet, cluster: &str, port: u16, engine: &str) {
    let mut ground = gate(fleet, cluster, port, engine == "podman");
    with_inputs(&mut ground);
    ground.release().exits(0);
    let address = ground.host(HOST).address.clone();
    let load = Load::on(&address, port);
    // A plain one hands over, too.
    ground.repo.set_of("proxy", "replace", "reuseport");
    ground.release().exits(0).says(&["proxy"]);
    let mut instance = one_answers(&ground, engine);
    assert_eq!(instance, "a");
    ground.diff().exits(0);
    for number in 0..releases() {
        change_the_proxy(&mut ground, number);
        if number % 4 == 2 {
            configure(&mut ground, 4 + number % 8);
        }
        if number % 4 == 3 {
            change_one_input(&mut ground, number);
        }
        ground.diff().exits(2).says(&["proxy", "swap"]);
        ground.release().exits(0).says(&["proxy"]);
        let now = one_answers(&ground, engine);
        assert_ne!(now, instance, "release {number}");
        instance = now;
        one_serves(&ground, engine);
        ground.diff().exits(0);
    }
    // Other files are read by the instance that is there, and it is told who serves.
    configure(&mut ground, 3);
    ground.release().exits(0).says(&["proxy"]);
    let slot = one_serves(&ground, engine);
    change_one_input(&mut ground, 1);
    ground.release().exits(0);
    assert_ne!(one_serves(&ground, engine), slot);
    assert_eq!(one_answers(&ground, engine), instance);
    load.lost_none();
    ground.is_in_sync();
    // A boot starts the instance of the link.
    boots(&ground, port);
    assert_eq!(one_answers(&ground, engine), instance);
    ground.diff().exits(0);
    // An operator finds it by its name.
    let cluster = ground.repo.name.clone();
    ground
        .bayplan(&["exec", &cluster, "proxy", "--", "sh", "-c", "true"])
        .exits(0);
    ground
        .bayplan(&["stop", &cluster, "proxy", "--yes"])
        .exits(0);
    let up = ground.host(HOST).sh(&format!(
        "{engine} ps --format '{{{{.Names}}}}' | grep -cF {cluster}-proxy || true"
    ));
    assert_eq!(up.trim(), "0");
    ground
        .bayplan(&["start", &cluster, "proxy", "--yes"])
        .exits(0);
    assert_eq!(one_answers(&ground, engine), instance);
    // It leaves nothing.
    ground.repo.remove("web");
    ground.repo.remove("proxy");
    ground.serve("other", port + 3, HOST);
    ground.release().exits(0);
    let left = ground.host(HOST).sh(&format!(
        "{engine} ps -a --format '{{{{.Names}}}}' | grep -F {cluster}-proxy
        ls /etc/systemd/system /etc/systemd/system/*.wants | grep -F {cluster}-proxy
        ls /run/bayplan/loaded | grep -F {cluster}-proxy || true"
    ));
    assert_eq!(left.trim(), "");
}

/// One that does not listen beside the old one does not take over, and the old one serves all along.
pub fn failures(fleet: &'static Fleet) {
    let mut ground = gate(fleet, "badgate", 9751, false);
    ground.repo.set_of("proxy", "replace", "reuseport");
    ground.release().exits(0);
    let instance = one_answers(&ground, "docker");
    let address = ground.host(HOST).address.clone();
    let load = Load::on(&address, 9751);
    let before = ground.containers();
    // It runs, and listens nowhere.
    let command = [
        "/bin/sh",
        "-c",
        "trap 'exit 0' USR1; while :; do sleep 1; done",
    ];
    let runs: Vec<String> = command.map(str::to_owned).to_vec();
    ground.repo.set_of("proxy", "command", runs);
    ground
        .release()
        .exits(5)
        .says(&["does not listen on port 9751", "SO_REUSEPORT"]);
    assert_eq!(one_answers(&ground, "docker"), instance);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    load.lost_none();
}

/// An activation dies before each of its steps.
pub fn killed(fleet: &'static Fleet) {
    let mut ground = gate(fleet, "killgate", 9755, false);
    ground.repo.set_of("proxy", "replace", "reuseport");
    let door = Gate::of(fleet, HOST);
    ground.release().exits(0);
    let address = ground.host(HOST).address.clone();
    let load = Load::on(&address, 9755);
    killed_before_each_step(&mut ground, &door, ("proxy", ["2.6", "2.6-1"]), |ground| {
        one_answers(ground, "docker");
        one_serves(ground, "docker");
    });
    load.lost_none();
}
