//! What people do to hosts by hand, and what a release makes of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::containers::environment;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};

/// Three services on one host, one of them on a second one, too.
fn released(fleet: &'static Fleet, cluster: &str) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.images();
    ground.serve("web", 9101, "docker01 docker02");
    ground.serve("shop", 9102, "docker01");
    ground.serve("mail", 9103, "docker01");
    ground.repo.set_of("web", "env.GREETING", "hello");
    ground.release().exits(0);
    ground
}

/// The inputs directory that the loaded unit names, as a path on the host.
fn inputs(ground: &Ground, host: &str, service: &str) -> String {
    let unit = format!("{}-{service}.service", ground.repo.name);
    let files = ground.host(host).unit(&unit, "EnvironmentFiles");
    let path = files.split("/*.env").next().unwrap_or_default();
    assert!(path.starts_with("/etc/bayplan/"), "{unit}: {files}");
    path.to_owned()
}

/// Replaces a text in a file on a host, as an editor does: in place, its mode unchanged.
fn edit(ground: &Ground, host: &str, path: &str, from: &str, to: &str) {
    let text = ground.host(host).read(path);
    assert!(text.contains(from), "{path} has no `{from}`:\n{text}");
    let path = ground.host(host).path(path);
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o200)).expect("we are root");
    fs::write(&path, text.replace(from, to)).expect("we are root");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("we are root");
}

pub fn mended(fleet: &'static Fleet) {
    let ground = released(fleet, "edits");
    let before = ground.containers();
    let directory = inputs(&ground, "docker01", "web");
    let file = format!("{directory}/50-web.env");
    let text = ground.host("docker01").read(&file);

    // A value edited, and another unit stopped.
    edit(&ground, "docker01", &file, "hello", "tampered");
    ground.host("docker01").sh("systemctl stop edits-shop");
    ground
        .status()
        .says(&["web", "edited by hand", "50-web.env"])
        .says(&["shop", "not running"])
        .says(&["mail", "in sync"]);
    ground
        .diff()
        .exits(2)
        .says(&["web", "restart", "50-web.env edited on the host"])
        .says(&["shop", "start", "not running (inactive"]);
    ground.release().exits(0);
    let after = ground.containers();
    assert_eq!(
        before.changes(&after),
        ["~ docker01/shop", "~ docker01/web"]
    );
    assert_eq!(ground.host("docker01").read(&file), text);
    assert_eq!(
        environment(ground.host("docker01"), "docker", "edits-web")["GREETING"],
        b"hello"
    );
    ground.is_in_sync();

    // A unit that was disabled would not come back after a boot. Nothing restarts for that.
    ground
        .host("docker01")
        .sh("systemctl disable --quiet edits-mail");
    assert_eq!(
        ground.host("docker01").unit("edits-mail", "UnitFileState"),
        "disabled"
    );
    ground.diff().exits(2).says(&["mail"]);
    assert_eq!(ground.release_changes(), [""; 0]);
    assert_eq!(
        ground.host("docker01").unit("edits-mail", "UnitFileState"),
        "enabled"
    );
    ground.is_in_sync();

    // A comment in the unit file: it is written anew, nothing restarts for it.
    let unit = "/etc/systemd/system/edits-mail.service";
    let text = ground.host("docker01").read(unit);
    let remark = format!("{text}# looked at by Otto\n");
    fs::write(ground.host("docker01").path(unit), remark).expect("we are root");
    ground.diff().exits(2).says(&["mail"]);
    ground.release().exits(0);
    assert_eq!(ground.host("docker01").read(unit), text);
    ground.is_in_sync();

    // The whole inputs directory removed: the next crash would find nothing to start from.
    let directory = inputs(&ground, "docker02", "web");
    ground.host("docker02").sh(&format!("rm -r {directory}"));
    let others = ground.containers();
    ground.diff().exits(2).says(&["web"]);
    ground.release().exits(0);
    let changes = others.changes(&ground.containers());
    assert!(
        changes.iter().all(|change| change == "~ docker02/web"),
        "{changes:?}"
    );
    assert_eq!(
        environment(ground.host("docker02"), "docker", "edits-web")["GREETING"],
        b"hello"
    );
    ground
        .host("docker02")
        .sh(&format!("test -f {directory}/50-web.env"));
    ground.is_in_sync();
}

pub fn picked_up(fleet: &'static Fleet) {
    let ground = released(fleet, "crash");
    let host = ground.host("docker01");
    let greeting = || environment(host, "docker", "crash-web")["GREETING"].clone();

    // The env file edited, then a crash: systemd starts the container with the edit.
    let file = format!("{}/50-web.env", inputs(&ground, "docker01", "web"));
    edit(&ground, "docker01", &file, "hello", "tampered");
    crash(&ground, "web");
    assert_eq!(greeting(), b"tampered");
    // Even when the file itself is put back by hand meanwhile: the container is what counts.
    edit(&ground, "docker01", &file, "tampered", "hello");
    let before = ground.containers();
    ground
        .diff()
        .exits(2)
        .says(&["web", "restart", "edited on the host"]);
    ground.release().exits(0);
    assert_eq!(before.changes(&ground.containers()), ["~ docker01/web"]);
    assert_eq!(greeting(), b"hello");
    ground.is_in_sync();

    // The same with the unit file, loaded by somebody's daemon-reload.
    let unit = "/etc/systemd/system/crash-web.service";
    edit(
        &ground,
        "docker01",
        unit,
        "run --rm",
        "run --rm -e TAMPERED=1",
    );
    host.sh("systemctl daemon-reload");
    crash(&ground, "web");
    assert!(environment(host, "docker", "crash-web").contains_key("TAMPERED"));
    let before = ground.containers();
    ground
        .diff()
        .exits(2)
        .says(&["web", "restart", "edited on the host"]);
    ground.release().exits(0);
    assert_eq!(before.changes(&ground.containers()), ["~ docker01/web"]);
    assert!(!environment(host, "docker", "crash-web").contains_key("TAMPERED"));
    ground.is_in_sync();
}

/// Same bytes, another time: what a backup's restore, a `chown` or a `touch` leaves.
pub fn touched(fleet: &'static Fleet) {
    let mut ground = released(fleet, "touch");
    ground.repo.set_of("web", "env.NASTY", NASTY);
    ground.repo.set_of("web", "env.EMPTY", "");
    ground.release().exits(0);
    let before = ground.containers();
    let host = ground.host("docker01");
    host.sh("chown -R root:root /etc/bayplan/touch");
    host.sh("touch /etc/bayplan/touch/web/*/50-web.env /etc/bayplan/touch/web/*");
    ground.is_in_sync();
    assert_eq!(ground.release_changes(), [""; 0]);

    // One of them was started with an edit that was taken back since: that one restarts, and no other.
    let file = format!("{}/50-web.env", inputs(&ground, "docker01", "web"));
    edit(&ground, "docker01", &file, "hello", "tampered");
    crash(&ground, "web");
    edit(&ground, "docker01", &file, "tampered", "hello");
    let crashed = ground.containers();
    ground
        .diff()
        .exits(2)
        .says(&["web", "restart", "edited on the host"])
        .never_says(&["shop", "restart"]);
    ground.release().exits(0);
    assert_eq!(crashed.changes(&ground.containers()), ["~ docker01/web"]);
    assert_eq!(before.changes(&ground.containers()), ["~ docker01/web"]);
    ground.is_in_sync();
}

/// What could be written in another way than it was.
const NASTY: &str =
    "two\nlines=\"A\", a \\ and \\\" and {{ '{{' }} .Env }} 100 % $HOME ü\n\tEMPTY=\"\"\n";

/// Kills a container, and waits until systemd has started it again.
fn crash(ground: &Ground, service: &str) {
    let name = format!("docker01/{service}");
    let before = ground.containers().id(&name).to_owned();
    let unit = format!("{}-{service}", ground.repo.name);
    ground.host("docker01").sh(&format!("docker kill {unit}"));
    until(
        Duration::from_secs(20),
        "systemd restarts what crashed",
        || {
            let now = ground.containers();
            let active = ground.host("docker01").unit(&unit, "ActiveState") == "active";
            (active && now.names().contains(&name) && now.id(&name) != before).then_some(())
        },
    );
}
