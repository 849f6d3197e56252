//! A proxy with two instances on its ports: it is replaced itself without a lost request, whatever a release dies of.

use std::path::PathBuf;
use std::time::Duration;

use crate::drills::deaths::{Blow, HOST, steps};
use crate::drills::gate::Gate;
use crate::drills::steps::Every;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};
use crate::load::releases;
use crate::swap::{HAPROXY, Load, change_one_input, one_serves, request, shop, with_inputs};

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
    let cluster = &ground.repo.name;
    let seen = ground.host(HOST).sh(&format!(
        "{engine} ps --format '{{{{.Names}}}}' | grep -F {cluster}-proxy
        readlink /var/lib/bayplan/{cluster}/swap/proxy
        ls /etc/systemd/system/multi-user.target.wants | grep -F {cluster}-proxy"
    ));
    let lines: Vec<&str> = seen.lines().collect();
    let [container, link, enabled] = lines[..] else {
        panic!("expected one instance, found {seen}");
    };
    let instance = container
        .strip_prefix(&format!("{cluster}-proxy."))
        .expect("an instance");
    assert_eq!(link, format!("proxy.{instance}.self"));
    assert_eq!(enabled, format!("{cluster}-proxy@{instance}.service"));
    instance.to_owned()
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

fn configure(ground: &mut Ground, retries: usize) {
    let text = HAPROXY.replace("retries 3", &format!("retries {retries}"));
    let path = PathBuf::from("proxy/conf/haproxy.cfg");
    ground.repo.files.insert(path, text.into_bytes());
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
    fleet.power_cut(HOST);
    fleet.close_connections();
    until(Duration::from_secs(90), "it serves after a boot", || {
        request(&format!("{address}:{port}"), "/version", None)
            .is_ok()
            .then_some(())
    });
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
    ground.repo.set_of("proxy", "tag", "2.6-1");
    ground.release().exits(0);
    let steps = steps(&ground);
    for (number, (script, step)) in Every::of_this_run().of(steps).into_iter().enumerate() {
        let tag = ["2.6", "2.6-1"][number % 2];
        ground.repo.set_of("proxy", "tag", tag);
        let at = format!("before step {step} of {script}");
        Blow::Activation.strike(&ground, &door, (&script, step), &at);
        let ended = ground.release();
        assert_eq!(ended.code, 0, "{at}: {ended}");
        one_answers(&ground, "docker");
        one_serves(&ground, "docker");
        ground.diff().exits(0);
    }
    load.lost_none();
}
