//! A release dies before every single step of its activations, one after the other. Each time one
//! undisturbed release finishes it, the plan after it is empty, and nothing restarts twice.

use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, until};

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

/// Stands before `sh` in the path of a host. An activation's script gets a line before the step that
/// /run/drill names (its script's number, its own): for a KILL of itself, or to wait there.
const WRAPPER: &str = r#"#!/bin/sh
case ${1##*/} in
activate-*.sh)
  if [ -e /run/drill ]; then
    read -r wave step line </run/drill
    if [ "${1##*/}" = "activate-$wave.sh" ]; then
      sed "s/^step $step /$line\n&/" "$1" >/run/drill.sh
      grep -q '^step '"$step"' ' "$1" && touch /run/drill.met
      exec /bin/sh /run/drill.sh
    fi
  fi
  ;;
esac
exec /bin/sh "$@"
"#;

const WRAPPED: &str = "/usr/local/bin/sh";
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

/// Takes the wrapper away, whatever becomes of the test.
struct Wrapped(&'static Fleet);

impl Drop for Wrapped {
    fn drop(&mut self) {
        let host = self.0.host(HOST);
        host.run(&format!("rm -f {WRAPPED} /run/drill*"));
    }
}

fn drill(fleet: &'static Fleet, blow: Blow) {
    let mut ground = Ground::new(fleet, "drill");
    ground.images();
    let others: Vec<String> = fleet.hosts.iter().map(|host| host.name.clone()).collect();
    let hosts = ground.repo.cluster["hosts"]
        .as_table_mut()
        .expect("a table");
    for other in others.iter().filter(|name| *name != HOST) {
        hosts.remove(other);
    }
    let host = ground.host(HOST);
    let wrapped = Wrapped(fleet);
    host.sh(&format!(
        "cat >{WRAPPED} <<'END'\n{WRAPPER}END\nchmod 0755 {WRAPPED}"
    ));
    for forth in [true, false] {
        let (mut wave, mut step) = (1, 0);
        loop {
            describe(&mut ground, !forth);
            ground.release().exits(0);
            describe(&mut ground, forth);
            let at = format!("{blow:?}, forth: {forth}, before step {step} of script {wave}");
            if strike(&mut ground, blow, wave, step, &at) {
                step += 1;
            } else if step > 0 {
                (wave, step) = (wave + 1, 0);
            } else {
                break;
            }
        }
        assert!(wave > 2, "there are two waves");
    }
    drop(wrapped);
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
fn strike(ground: &mut Ground, blow: Blow, wave: usize, step: usize, at: &str) -> bool {
    let host = ground.host(HOST);
    let line = match blow {
        Blow::Activation => "kill -9 $$",
        Blow::Operator | Blow::Power => {
            "touch \\/run\\/drill.here; while [ -e \\/run\\/drill ]; do sleep 0.05; done"
        }
    };
    host.sh(&format!(
        "rm -f /run/drill*; printf '%s\\n' '{wave} {step} {line}' >/run/drill"
    ));
    let before = ground.containers();
    let mut release = ground.start(&["release", "drill", "--yes"]);
    let met = match blow {
        Blow::Activation => {
            let ended = release.ended();
            let met = host.run("test -e /run/drill.met").status.success();
            assert_eq!(ended.code, i32::from(met), "{at}: {ended}");
            met
        }
        Blow::Operator | Blow::Power => {
            let met = until(Duration::from_secs(60), "it is there, or ended", || {
                let here = host.run("test -e /run/drill.here").status.success();
                if here {
                    Some(true)
                } else {
                    release.has_ended().then_some(false)
                }
            });
            if !met {
                release.ended().exits(0);
            } else if blow == Blow::Operator {
                release.kill();
                host.sh("rm /run/drill");
            } else {
                ground.fleet.power_cut(HOST);
                release.ended().exits(1);
                ground.fleet.close_connections();
            }
            met
        }
    };
    host.sh("rm -f /run/drill*");
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
