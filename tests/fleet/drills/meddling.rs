//! Somebody edits, deletes and replaces what bayplan keeps on a host. There is a clear answer, nothing is
//! destroyed that is not ours, and a release mends it without a restart.

use super::gate::Gate;
use crate::containers::environment;
use crate::ground::Ground;
use crate::hosts::Fleet;

const HOST: &str = "docker01";
const VAR: &str = "/var/lib/bayplan/meddled";

fn released(fleet: &'static Fleet) -> Ground {
    let mut ground = Ground::new(fleet, "meddled");
    ground.images();
    ground.only(&[HOST, "docker02"]);
    ground.serve("web", 9731, "docker01 docker02");
    ground.serve("shop", 9732, HOST);
    ground.repo.set_of("web", "env.GREETING", "hello");
    ground.release().exits(0);
    ground
}

/// After some work by hand a look tells something, a release mends it, and nothing restarts for it.
#[track_caller]
fn is_mended(ground: &Ground, script: &str, words: &[&str]) {
    ground.host(HOST).sh(script);
    ground.diff().exits(2).says(words);
    assert_eq!(ground.release_changes(), [""; 0], "{script}");
    ground.is_in_sync();
}

/// A unit is edited, and picked up only while the release is at work that overwrites it: nothing but the mark tells of it
/// afterwards.
pub fn unit_at_work(fleet: &'static Fleet) {
    let ground = released(fleet);
    let host = ground.host(HOST);
    let tampers = || {
        host.sh(
            "sed -i 's/run --rm/run --rm -e TAMPERED=1/' /etc/systemd/system/meddled-web.service",
        );
    };
    let is_tampered = || environment(host, "docker", "meddled-web").contains_key("TAMPERED");

    // Nothing picks it up: it is mended, and nothing restarts for it, now or later.
    tampers();
    assert_eq!(ground.release_changes(), [""; 0]);
    ground.is_in_sync();
    assert!(!is_tampered());

    let gate = Gate::of(fleet, HOST);
    for step in ["mark_edited", "write_unit", "reload"] {
        tampers();
        gate.shut("activate-*.sh", &format!("^step [0-9]* {step}"));
        let mut release = ground.start(&["release", "meddled", "--yes"]);
        assert!(gate.until_met(&mut release), "{step}: no such step");
        if step != "reload" {
            host.sh("systemctl daemon-reload");
        }
        host.sh("systemctl restart meddled-web");
        gate.open();
        release.ended().exits(0);
        if step == "reload" {
            // It was overwritten already, and what systemd had loaded was not the edit.
            assert!(!is_tampered());
            continue;
        }
        assert!(is_tampered(), "{step}");
        ground
            .diff()
            .exits(2)
            .says(&["web", "restart", "edited on the host"]);
        assert_eq!(ground.release_changes(), ["~ docker01/web"], "{step}");
        assert!(!is_tampered(), "{step}");
        ground.is_in_sync();
    }
}

pub fn state(fleet: &'static Fleet) {
    let mut ground = released(fleet);
    let host = ground.host(HOST);

    // The staging area: nobody misses it.
    host.sh(&format!("rm -r {VAR}/staging"));
    ground.is_in_sync();
    ground.repo.set_of("web", "tag", "1.1");
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/web", "~ docker02/web"]
    );

    // All generations, all of it, or the link: what runs is told by systemd and the engine.
    is_mended(
        &ground,
        &format!("rm -r {VAR}/generations"),
        &["leads to a generation that is gone"],
    );
    is_mended(
        &ground,
        &format!("rm {VAR}/current"),
        &["units are there, but no generation is"],
    );
    is_mended(
        &ground,
        &format!("rm -r {VAR}"),
        &["units are there, but no generation is"],
    );

    // A directory in place of the link may be somebody's: it is kept under another name.
    let script = format!("rm {VAR}/current; mkdir {VAR}/current; echo mine >{VAR}/current/notes");
    is_mended(&ground, &script, &["expected `current` to be a link"]);
    assert_eq!(
        host.sh(&format!("cat {VAR}/current.saved-*/notes")),
        "mine\n"
    );

    // A manifest that is none.
    let script = format!("echo hm >{VAR}/current/manifest.json");
    is_mended(&ground, &script, &["manifest"]);

    // A file of the generation that the next one takes its unchanged files from.
    host.sh(&format!(
        "for file in {VAR}/current/inputs/shop/*/50-shop.env; do echo hm >>$file; done"
    ));
    ground.repo.set_of("web", "tag", "1.0");
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/web", "~ docker02/web"]
    );
    ground.is_in_sync();

    // One of a bayplan to come is not overwritten, nor is anything else.
    let manifest = format!("{VAR}/current/manifest.json");
    let text = host.read(&manifest);
    host.sh(&format!(
        "sed -i 's/\"format\": *[0-9]*/\"format\":99/' $(readlink -f {manifest})"
    ));
    assert_ne!(host.read(&manifest), text);
    ground.repo.set_of("web", "tag", "1.1");
    let (containers, files) = (ground.containers(), ground.files());
    for ended in [ground.diff(), ground.release()] {
        ended
            .exits(1)
            .says(&[HOST, "its manifest has format 99"])
            .says(&["help:", "newer bayplan"])
            .never_says(&[": done in"]);
    }
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);
}

pub fn at_work(fleet: &'static Fleet) {
    let mut ground = released(fleet);
    let gate = Gate::of(fleet, HOST);
    let before = ground.containers();

    // The staged files vanish under an activation: what it did is put back from the generation of before.
    ground.repo.set_of("web", "env.GREETING", "good morning");
    gate.strike(
        "activate-*.sh",
        "^step [0-9]* write_unit",
        &format!("rm -r {}/staging", VAR.replace('/', "\\/")),
    );
    ground
        .release()
        .exits(5)
        .says(&["put back", HOST])
        .never_says(&["docker02: done"]);
    gate.open();
    assert_eq!(before.changes(&ground.containers()), [""; 0]);

    // So do the generations: then there is no way back, and it says so.
    let both = format!("rm -r {VAR}/staging {VAR}/generations");
    gate.strike("activate-*.sh", "^step [0-9]* write_unit", &both);
    ground.release().exits(1).says(&[HOST]);
    gate.open();
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/web", "~ docker02/web"]
    );
    ground.is_in_sync();
}

pub fn places(fleet: &'static Fleet) {
    let ground = released(fleet);
    let host = ground.host(HOST);

    // What is not ours stays, wherever it lies.
    host.sh(&format!(
        "echo mine >/etc/bayplan/meddled/README
        mkdir /etc/bayplan/meddled/archive; echo mine >/etc/bayplan/meddled/archive/notes
        echo mine >{VAR}/notes; mkdir {VAR}/generations/keep; echo mine >{VAR}/generations/keep/notes"
    ));
    ground.release().exits(0);
    ground.is_in_sync();
    for path in [
        "/etc/bayplan/meddled/README".to_owned(),
        "/etc/bayplan/meddled/archive/notes".to_owned(),
        format!("{VAR}/notes"),
        format!("{VAR}/generations/keep/notes"),
    ] {
        assert_eq!(host.read(&path), "mine\n", "{path}");
    }

    // A file where a directory must be is nobody's of ours: it is named.
    let (containers, files) = (ground.containers(), ground.files());
    host.sh(&format!(
        "mv {VAR}/generations /root/; rm {VAR}/current; echo mine >{VAR}/generations"
    ));
    ground
        .release()
        .exits(1)
        .says(&[HOST, &format!("{VAR}/generations")])
        .says(&["nothing was changed on any host"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);
    assert_eq!(host.read(&format!("{VAR}/generations")), "mine\n");
    host.sh(&format!("rm {VAR}/generations; rm -r /root/generations"));
    assert_eq!(ground.release_changes(), [""; 0]);
    ground.is_in_sync();
}
