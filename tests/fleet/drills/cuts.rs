//! The network of a host is cut before, during and after its activation, and healed later.

use std::time::Duration;

use super::gate::Gate;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};

const HOST: &str = "docker01";
const OTHER: &str = "docker02";

/// Heals the network, whatever becomes of the test.
struct Cut(&'static Fleet, &'static str);

impl Cut {
    fn off(fleet: &'static Fleet, host: &'static str) -> Self {
        fleet.cut(host);
        Self(fleet, host)
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.heal(self.1);
    }
}

/// One service on both hosts, and one that no release here has a reason to touch.
fn released(fleet: &'static Fleet, cluster: &str) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.images();
    ground.only(&[HOST, OTHER]);
    ground.serve("web", 9711, "docker01 docker02");
    ground.serve("shop", 9712, HOST);
    ground.release().exits(0);
    ground
}

fn until_it_ended(ground: &Ground, host: &str) {
    let units = format!(
        "systemctl list-units --plain --no-legend 'bayplan-activate-{}.*'",
        ground.repo.name
    );
    until(Duration::from_secs(60), "the host has finished", || {
        ground.host(host).sh(&units).is_empty().then_some(())
    });
}

/// With patience, as an operator has it whose last release was cut off: the host frees its lock by itself.
#[track_caller]
fn release_changes(ground: &Ground) -> Vec<String> {
    let before = ground.containers();
    let name = &ground.repo.name;
    ground
        .bayplan(&["release", name, "--yes", "--lock-wait", "60s"])
        .exits(0);
    before.changes(&ground.containers())
}

pub fn before(fleet: &'static Fleet) {
    let mut ground = released(fleet, "cut-before");
    let gate = Gate::of(fleet, HOST);
    let (containers, files) = (ground.containers(), ground.files());
    fleet.image("app:cut-before", &[]);
    ground.repo.set_of("web", "tag", "cut-before");
    gate.shut_before_pull();
    let mut release = ground.start(&["release", "cut-before", "--yes"]);
    assert!(gate.until_met(&mut release), "an image is pulled");
    let cut = Cut::off(fleet, HOST);
    release
        .ended()
        .exits(1)
        .says(&[HOST])
        .says(&["nothing was changed on any host"])
        .never_says(&[": done in"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);
    // The pull goes on there; the lock does not wait for it.
    until(Duration::from_secs(30), "the lock is free", || {
        let free = "flock -n /var/lib/bayplan/lock true && ! ls /var/lib/bayplan/cut-before/staging | grep .";
        ground.host(HOST).run(free).status.success().then_some(())
    });
    gate.open();
    drop(cut);
    assert_eq!(
        release_changes(&ground),
        ["~ docker01/web", "~ docker02/web"]
    );
    ground.is_in_sync();
}

pub fn during(fleet: &'static Fleet) {
    let mut ground = released(fleet, "cut-during");
    let gate = Gate::of(fleet, HOST);
    let start = ground.containers();

    // The host goes on by itself; the next host is not begun.
    ground.repo.set_of("web", "tag", "1.1");
    gate.shut(
        "activate-*.sh",
        "^[a-z]* [0-9]* restart_unit cut-during-web",
    );
    let mut release = ground.start(&["release", "cut-during", "--yes"]);
    assert!(gate.until_met(&mut release));
    let cut = Cut::off(fleet, HOST);
    release
        .ended()
        .exits(1)
        .says(&[HOST, "the host goes on by itself", "step"])
        .says(&["`bayplan release cut-during` follows it"])
        .never_says(&["docker02: done"]);
    gate.open();
    until_it_ended(&ground, HOST);
    let alone = ground.containers();
    assert_eq!(start.changes(&alone), ["~ docker01/web"]);
    drop(cut);
    assert_eq!(release_changes(&ground), ["~ docker02/web"]);
    ground.is_in_sync();

    // So it does where it has to put back what was there before.
    fleet.image("app:broken", &["entry=exit"]);
    ground.repo.set_of("web", "tag", "broken");
    gate.shut(
        "activate-*.sh",
        "^[a-z]* [0-9]* restart_unit cut-during-web",
    );
    let mut release = ground.start(&["release", "cut-during", "--yes"]);
    assert!(gate.until_met(&mut release));
    let before = ground.containers();
    let cut = Cut::off(fleet, HOST);
    gate.open();
    release.ended().exits(1).says(&[HOST]);
    until_it_ended(&ground, HOST);
    assert_eq!(before.changes(&ground.containers()), ["~ docker01/web"]);
    drop(cut);
    ground
        .bayplan(&["history", "cut-during"])
        .exits(0)
        .says(&["✗", "restarted web", "put back"]);
    ground.repo.set_of("web", "tag", "1.1");
    assert_eq!(release_changes(&ground), [""; 0]);
    ground.is_in_sync();
}

pub fn after(fleet: &'static Fleet) {
    let mut ground = released(fleet, "cut-after");
    let gate = Gate::of(fleet, OTHER);
    let before = ground.containers();
    ground.repo.set_of("web", "tag", "1.1");
    gate.shut("activate-*.sh", "^[a-z]* [0-9]* restart_unit cut-after-web");
    let mut release = ground.start(&["release", "cut-after", "--yes"]);
    assert!(gate.until_met(&mut release), "docker01 is done by then");
    let cut = Cut::off(fleet, HOST);
    gate.open();
    // It did its part, and nobody goes back for it: but that could not be recorded there.
    release.ended().exits(1).says(&[HOST]);
    assert_eq!(
        before.changes(&ground.containers()),
        ["~ docker01/web", "~ docker02/web"]
    );
    drop(cut);
    assert_eq!(release_changes(&ground), [""; 0]);
    ground.is_in_sync();
}
