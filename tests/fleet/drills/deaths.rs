//! A release dies before every single step of its activations, one after the other. Each time one
//! undisturbed release finishes it, the plan after it is empty, and nothing restarts twice.

use std::collections::BTreeSet;

use super::gate::Gate;
use super::steps::Every;
use crate::ground::Ground;
use crate::hosts::Fleet;

/// What strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL to the activation on the host.
    Activation,
    /// SIGKILL to bayplan.
    Operator,
    /// The host's plug is pulled, and plugged in again.
    Power,
}

/// Where it strikes.
pub const HOST: &str = "docker01";

pub fn activation_killed(fleet: &'static Fleet) {
    drill(fleet, Blow::Activation);
}

pub fn operator_killed(fleet: &'static Fleet) {
    drill(fleet, Blow::Operator);
}

pub fn power_cut(fleet: &'static Fleet) {
    drill(fleet, Blow::Power);
}

fn drill(fleet: &'static Fleet, blow: Blow) {
    let mut ground = Ground::new(fleet, "drill");
    ground.images();
    ground.only(&[HOST]);
    let gate = Gate::of(fleet, HOST);
    describe(&mut ground, false);
    ground.release().exits(0);
    for forth in [true, false] {
        // What an undisturbed release does: each one after it does the same.
        describe(&mut ground, forth);
        ground.release().exits(0);
        let steps = steps(&ground);
        let scripts: BTreeSet<&String> = steps.iter().map(|(script, _)| script).collect();
        assert!(scripts.len() > 1, "there are two waves: {steps:?}");
        for (script, step) in Every::of_this_run().of(steps) {
            describe(&mut ground, !forth);
            ground.release().exits(0);
            describe(&mut ground, forth);
            let at = format!("{blow:?}, forth: {forth}, before step {step} of {script}");
            strike(&ground, &gate, blow, (&script, step), &at);
        }
    }
}

/// Every step of the last release: the script that does it, and its number there.
pub fn steps(ground: &Ground) -> Vec<(String, usize)> {
    let script = format!(
        "cd /var/lib/bayplan/{}/current
        grep -oH '^[a-z]* [0-9]* ' activate-*.sh | grep -e ':step ' -e ':beside ' | uniq",
        ground.repo.name
    );
    let steps = ground.host(HOST).sh(&script);
    let step = |line: &str| {
        let (script, step) = line.split_once(':').expect("FILE:step N");
        let number = step.split(' ').nth(1).expect("step N, or beside N");
        (script.to_owned(), number.parse().expect("a number"))
    };
    steps.lines().map(step).collect()
}

impl Blow {
    /// Releases, and strikes before a step.
    pub fn strike(self, ground: &Ground, gate: &Gate, (script, step): (&str, usize), at: &str) {
        let pattern = format!("^\\(step\\|beside\\) {step} ");
        match self {
            Blow::Activation => gate.strike(script, &pattern, "kill -9 $$"),
            Blow::Operator | Blow::Power => gate.shut(script, &pattern),
        }
        let mut release = ground.start(&["release", &ground.repo.name, "--yes"]);
        match self {
            Blow::Activation => {
                let ended = release.ended();
                assert!(gate.was_met(), "{at}: no such step");
                assert_eq!(ended.code, 1, "{at}: {ended}");
            }
            Blow::Operator => {
                assert!(gate.until_met(&mut release), "{at}: no such step");
                release.kill();
            }
            Blow::Power => {
                assert!(gate.until_met(&mut release), "{at}: no such step");
                ground.fleet.power_cut(HOST);
                release.ended().exits(1);
                ground.fleet.close_connections();
            }
        }
        gate.open();
    }
}

/// One service that stays, three that change side by side, one that comes and goes.
fn describe(ground: &mut Ground, new: bool) {
    ground.serve("shop", 9701, HOST);
    for (service, port) in [("web", 9702), ("api", 9704), ("mail", 9705)] {
        ground.serve(service, port, HOST);
        if new {
            ground.repo.set_of(service, "tag", "1.1");
        }
    }
    if new {
        ground.serve("extra", 9703, HOST);
    } else {
        ground.repo.remove("extra");
    }
}

/// Strikes before a step, and lets one release make whole again what was broken.
fn strike(ground: &Ground, gate: &Gate, blow: Blow, step: (&str, usize), at: &str) {
    let before = ground.containers();
    blow.strike(ground, gate, step, at);
    // systemd goes on with restarts that had begun; who releases meanwhile may do them again.
    let calm = "while systemctl list-jobs --no-legend | grep -q drill-; do sleep 0.1; done";
    ground.host(HOST).sh(calm);
    let struck = ground.containers();
    let ended = ground.release();
    assert_eq!(ended.code, 0, "{at}: {ended}");
    let after = ground.containers();
    let diff = ground.diff();
    assert_eq!(diff.code, 0, "{at}: {diff}");
    if blow == Blow::Power {
        return;
    }
    assert_eq!(
        before.id("docker01/shop"),
        after.id("docker01/shop"),
        "{at}"
    );
    // Restarted once: by what died, or by what finished it.
    let changes = before.changes(&struck);
    for again in struck.changes(&after) {
        let finished_by_the_host = blow == Blow::Operator;
        assert!(
            finished_by_the_host || !changes.contains(&again),
            "{at}: {again} twice"
        );
    }
}

pub fn holder_killed(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "holder");
    ground.images();
    ground.only(&[HOST]);
    ground.serve("web", 9711, HOST);
    ground.release().exits(0);
    fleet.image("app:holder", &[]);
    ground.repo.set_of("web", "tag", "holder");
    let (containers, files) = (ground.containers(), ground.files());
    let gate = Gate::of(fleet, HOST);
    gate.shut_before_pull();
    let mut first = ground.start(&["release", "holder", "--yes"]);
    assert!(gate.until_met(&mut first), "an image is pulled");
    // It dies with the lock, before anything is effective; what it waited for goes on for a while.
    first.kill();
    let patient = ground.start(&["release", "holder", "--yes", "--lock-wait", "60s"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);
    gate.open();
    patient.ended().exits(0);
    assert_eq!(containers.changes(&ground.containers()), ["~ docker01/web"]);
    ground.is_in_sync();
}
