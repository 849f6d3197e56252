//! A release dies before every single step of its activations, one after the other. Each time one
//! undisturbed release finishes it, the plan after it is empty, and nothing restarts twice.

use super::gate::Gate;
use crate::ground::Ground;
use crate::hosts::Fleet;

/// What strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// SIGKILL to the activation on the host.
    Activation,
    /// SIGKILL to bayplan.
    Operator,
    /// The host's plug is pulled, and plugged in again.
    Power,
}

const HOST: &str = "docker01";

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
    for forth in [true, false] {
        let (mut wave, mut step) = (1, 0);
        loop {
            describe(&mut ground, !forth);
            ground.release().exits(0);
            describe(&mut ground, forth);
            let at = format!("{blow:?}, forth: {forth}, before step {step} of script {wave}");
            if strike(&ground, &gate, blow, (wave, step), &at) {
                step += 1;
            } else if step > 0 {
                (wave, step) = (wave + 1, 0);
            } else {
                break;
            }
        }
        assert!(wave > 2, "there are two waves");
    }
}

/// One service that stays, one that changes, one that comes and goes.
fn describe(ground: &mut Ground, new: bool) {
    ground.serve("shop", 9701, HOST);
    ground.serve("web", 9702, HOST);
    if new {
        ground.repo.set_of("web", "tag", "1.1");
        ground.serve("extra", 9703, HOST);
    } else {
        ground.repo.remove("extra");
    }
}

/// Whether there is such a step: then it was met, and what was broken is whole again.
fn strike(
    ground: &Ground,
    gate: &Gate,
    blow: Blow,
    (wave, step): (usize, usize),
    at: &str,
) -> bool {
    let (script, pattern) = (format!("activate-{wave}.sh"), format!("^step {step} "));
    match blow {
        Blow::Activation => gate.strike(&script, &pattern, "kill -9 $$"),
        Blow::Operator | Blow::Power => gate.shut(&script, &pattern),
    }
    let before = ground.containers();
    let mut release = ground.start(&["release", "drill", "--yes"]);
    let met = match blow {
        Blow::Activation => {
            let ended = release.ended();
            let met = gate.was_met();
            assert_eq!(ended.code, i32::from(met), "{at}: {ended}");
            met
        }
        Blow::Operator | Blow::Power => {
            let met = gate.until_met(&mut release);
            if !met {
                release.ended().exits(0);
            } else if blow == Blow::Operator {
                release.kill();
            } else {
                ground.fleet.power_cut(HOST);
                release.ended().exits(1);
                ground.fleet.close_connections();
            }
            met
        }
    };
    gate.open();
    if !met {
        return false;
    }
    let struck = ground.containers();
    let ended = ground.release();
    assert_eq!(ended.code, 0, "{at}: {ended}");
    let after = ground.containers();
    let diff = ground.diff();
    assert_eq!(diff.code, 0, "{at}: {diff}");
    if blow == Blow::Power {
        return true;
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
    true
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
