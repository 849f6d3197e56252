//! What a release needs is not there: room, a disk that can be written, the registry, docker, a start that
//! systemd allows.

use super::gate::Gate;
use crate::containers::Containers;
use crate::ground::Ground;
use crate::hosts::{Fleet, Host};

const HOST: &str = "docker01";
const OTHER: &str = "docker02";

/// Undone by a script, whatever becomes of the test. It comes after the ground that it stands on, so
/// it goes before.
struct Undone {
    host: &'static Host,
    script: String,
}

impl Undone {
    fn later(host: &'static Host, script: &str, undo: &str) -> Self {
        host.sh(script);
        Self {
            host,
            script: undo.to_owned(),
        }
    }

    /// A small disk at a path.
    fn disk(host: &'static Host, path: &str, size: &str) -> Self {
        Self::later(
            host,
            &format!("mkdir -p {path} && mount -t tmpfs -o size={size} tmpfs {path}"),
            &format!("umount --lazy {path}"),
        )
    }

    /// A directory that cannot be written.
    fn read_only(host: &'static Host, path: &str) -> Self {
        Self::later(
            host,
            &format!("mount --bind {path} {path} && mount -o remount,bind,ro {path}"),
            &format!("umount --lazy {path}"),
        )
    }

    fn now(self) {}
}

impl Drop for Undone {
    fn drop(&mut self) {
        self.host.run(&self.script);
    }
}

/// One service on two hosts, and one that no release here has a reason to touch.
fn ground(fleet: &'static Fleet, cluster: &str) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.images();
    ground.only(&[HOST, OTHER]);
    ground.serve("web", 9721, "docker01 docker02");
    ground.serve("shop", 9722, HOST);
    ground.repo.set_of("web", "env.GREETING", "hello");
    ground
}

/// Two values that together are larger than the small disks.
fn grow(ground: &mut Ground) {
    for name in ["env.ESSAY", "env.NOVEL"] {
        ground.repo.set_of("web", name, "x".repeat(100_000));
    }
}

/// Nothing of it happened.
#[track_caller]
fn assert_nothing_changed(ground: &Ground, before: &Containers) {
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
}

const BOTH: [&str; 2] = ["~ docker01/web", "~ docker02/web"];

pub fn full_while_staging(fleet: &'static Fleet) {
    let mut ground = ground(fleet, "full-stage");
    ground.release().exits(0);
    let (containers, files) = (ground.containers(), ground.files());
    let staging = "/var/lib/bayplan/full-stage/staging";
    let disk = Undone::disk(ground.host(OTHER), staging, "64k");
    grow(&mut ground);
    ground
        .release()
        .exits(1)
        .says(&[OTHER, "staging failed", "No space left on device"])
        .says(&["nothing was changed on any host"])
        .never_says(&[": done in"]);
    assert_nothing_changed(&ground, &containers);
    ground.assert_untouched(&files);
    disk.now();
    assert_eq!(ground.release_changes(), BOTH);
    ground.is_in_sync();
}

/// Leaves no room on the disk of a directory.
fn fill(directory: &str) -> String {
    format!("dd if=/dev/zero of={directory}/.filler bs=1k 2>/dev/null")
}

pub fn full_while_activating(fleet: &'static Fleet) {
    // The inputs do not fit any more: what was begun is put back.
    let mut inputs = ground(fleet, "full-etc");
    let host = inputs.host(HOST);
    let _disk = Undone::disk(host, "/etc/bayplan/full-etc", "512k");
    inputs.release().exits(0);
    let before = inputs.containers();
    grow(&mut inputs);
    let gate = Gate::of(fleet, HOST);
    gate.strike("activate-*.sh", "^step 0 ", &fill("/etc/bayplan/full-etc"));
    inputs
        .release()
        .exits(5)
        .says(&["No space left on device"])
        .says(&["put back", HOST])
        .never_says(&["docker02: done"]);
    gate.open();
    assert_nothing_changed(&inputs, &before);
    host.sh("rm /etc/bayplan/full-etc/.filler");
    assert_eq!(inputs.release_changes(), BOTH);
    inputs.is_in_sync();
}

pub fn full_while_recording(fleet: &'static Fleet) {
    // The generation cannot be recorded: what runs is what was wanted, so it stays.
    let mut record = ground(fleet, "full-var");
    let host = record.host(HOST);
    let _disk = Undone::disk(host, "/var/lib/bayplan/full-var", "512k");
    let gate = Gate::of(fleet, HOST);
    record.release().exits(0);
    record.repo.set_of("web", "env.GREETING", "good morning");
    gate.strike(
        "activate-*.sh",
        "^step [0-9]* set_current",
        &fill("/var/lib/bayplan/full-var"),
    );
    let before = record.containers();
    record
        .release()
        .exits(1)
        .says(&[HOST, "record.json", "No space left on device"])
        .never_says(&["put back"]);
    gate.open();
    // Each host records when all of them are healthy.
    let after = record.containers();
    assert_eq!(before.changes(&after), BOTH);
    host.sh("rm /var/lib/bayplan/full-var/.filler");
    assert_eq!(record.release_changes(), [""; 0]);
    record.is_in_sync();
}

pub fn read_only(fleet: &'static Fleet) {
    let mut ground = ground(fleet, "readonly");
    ground.release().exits(0);
    let (containers, files) = (ground.containers(), ground.files());
    ground.repo.set_of("web", "env.GREETING", "good morning");
    let mount = Undone::read_only(ground.host(OTHER), "/etc/systemd/system");
    for ended in [ground.diff(), ground.release()] {
        ended
            .exits(1)
            .says(&[OTHER, "/etc/systemd/system", "read-only"])
            .never_says(&[": done in"]);
    }
    assert_nothing_changed(&ground, &containers);
    ground.assert_untouched(&files);
    mount.now();

    // It becomes so between two steps: then nothing can be put back, either.
    let units = "/etc/systemd/system";
    let gate = Gate::of(fleet, HOST);
    ground.repo.set_of("shop", "env.GREETING", "good morning");
    gate.strike(
        "activate-*.sh",
        "^step [0-9]* write_unit readonly-web",
        &format!("mount --bind {units} {units}; mount -o remount,bind,ro {units}"),
    );
    let mount = Undone::later(ground.host(HOST), "true", &format!("umount --lazy {units}"));
    let ended = ground.release().exits(1);
    ended
        .says(&["Read-only file system"])
        .says(&[HOST, "not", "back"])
        .never_says(&["docker02: done"]);
    gate.open();
    // What runs still runs, with what it was started with.
    assert_nothing_changed(&ground, &containers);
    mount.now();
    let mut changes = ground.release_changes();
    changes.sort();
    assert_eq!(
        changes,
        ["~ docker01/shop", "~ docker01/web", "~ docker02/web"]
    );
    ground.is_in_sync();
}

pub fn no_registry(fleet: &'static Fleet) {
    let mut ground = ground(fleet, "noregistry");
    ground.release().exits(0);
    fleet.image("app:unseen", &[]);
    let (containers, files) = (ground.containers(), ground.files());
    ground.repo.set_of("web", "tag", "unseen");
    let port = fleet.registry.rsplit(':').next().expect("host:port");
    let rule =
        format!("OUTPUT --protocol tcp --dport {port} --jump REJECT --reject-with tcp-reset");
    let host = ground.host(OTHER);
    let unplug = || {
        Undone::later(
            host,
            &format!("iptables --insert {rule}"),
            &format!("iptables --delete {rule}"),
        )
    };
    let gone = unplug();
    ground
        .release()
        .exits(1)
        .says(&[OTHER, "app:unseen", "refused"])
        .says(&["nothing was changed on any host"])
        .never_says(&[": done in"]);
    assert_nothing_changed(&ground, &containers);
    ground.assert_untouched(&files);
    gone.now();

    // What is there already needs no registry.
    host.sh(&format!(
        "docker pull --quiet {}/app:unseen",
        fleet.registry
    ));
    let gone = unplug();
    assert_eq!(ground.release_changes(), BOTH);
    ground.is_in_sync();
    gone.now();
}

pub fn docker_stops(fleet: &'static Fleet) {
    let mut ground = ground(fleet, "stops");
    ground.release().exits(0);
    ground.repo.set_of("web", "env.GREETING", "good morning");
    let gate = Gate::of(fleet, HOST);
    gate.strike(
        "activate-*.sh",
        "^[a-z]* [0-9]* restart_unit stops-web",
        "systemctl stop docker.socket docker.service",
    );
    // The unit requires it, so its restart starts it again; all of the host was down meanwhile.
    let ended = ground.release();
    gate.open();
    assert!([0, 5].contains(&ended.code), "{ended}");
    ground.release().exits(0);
    ground.is_in_sync();
}

pub fn start_limit(fleet: &'static Fleet) {
    let mut ground = ground(fleet, "limit");
    ground.release().exits(0);
    let before = ground.containers();
    let host = ground.host(HOST);
    let dropin = "/run/systemd/system/limit-web.service.d";
    host.sh(&format!(
        "mkdir -p {dropin}
        printf '[Unit]\\nStartLimitIntervalSec=1h\\nStartLimitBurst=2\\n' >{dropin}/limit.conf
        systemctl daemon-reload
        for try in 1 2 3; do systemctl restart limit-web || true; done
        systemctl stop limit-web; systemctl start limit-web || true
        rm -r {dropin}
        systemctl daemon-reload"
    ));
    assert_eq!(host.unit("limit-web", "Result"), "start-limit-hit");
    ground.status().says(&["web", "not running"]);
    ground.repo.set_of("web", "env.GREETING", "good morning");
    ground.release().exits(0);
    assert_eq!(before.changes(&ground.containers()), BOTH);
    ground.is_in_sync();
}
