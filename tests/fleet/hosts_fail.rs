//! Hosts that cannot be reached, trusted, or used: one clear line each, the others are still shown,
//! and nothing changes anywhere.

use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, until};

/// A service on each host, released, and a change for each of them.
fn with_a_change(fleet: &'static Fleet, cluster: &str) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.images();
    for (number, host) in (1..).zip(&fleet.hosts) {
        ground.serve(&format!("web{number}"), 9300 + number, &host.name);
    }
    ground.release().exits(0);
    for number in 1..=fleet.hosts.len() {
        ground.repo.set_of(&format!("web{number}"), "tag", "1.1");
    }
    fleet.close_connections();
    ground
}

pub fn unreachable(fleet: &'static Fleet) {
    let ground = with_a_change(fleet, "cut");
    let (containers, files) = (ground.containers(), ground.files());
    fleet.cut("docker03");
    let (diff, release) = (ground.diff(), ground.release());
    fleet.heal("docker03");
    diff.exits(1)
        .says(&["web1", "restart", "image 1.0 → 1.1"])
        .says(&["web2", "restart", "image 1.0 → 1.1"])
        .says(&["docker03", &ground.host("docker03").address, "unreachable"])
        .says(&["docker03 not seen"]);
    let release = release
        .exits(1)
        .says(&["docker03", "unreachable"])
        .never_says(&["restarting"]);
    assert!(release.took < Duration::from_secs(30), "{release}");
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);

    // The cable is in again. (The kernel may need a moment to find its neighbours.)
    until(Duration::from_secs(20), "docker03 answers again", || {
        (ground.bayplan(&["status", "cut"]).code == 0).then_some(())
    });
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/web1", "~ docker02/web2", "~ docker03/web3"]
    );
}

pub fn wrong_key(fleet: &'static Fleet) {
    let mut ground = with_a_change(fleet, "keys");
    let (containers, files) = (ground.containers(), ground.files());
    let other = ground.host("docker01").host_key.as_str();
    ground.repo.set("hosts.docker02.host_key", other);
    ground
        .diff()
        .exits(1)
        .says(&["web1", "restart"])
        .says(&["docker02", "wrong host key: expected the pinned one"])
        .says(&["help:", "host_key", "cluster.toml"])
        .says(&["web3", "restart"]);
    ground
        .release()
        .exits(1)
        .says(&["docker02", "wrong host key"])
        .never_says(&["restarting"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);
}

pub fn no_root(fleet: &'static Fleet) {
    let mut ground = with_a_change(fleet, "rights");
    let (containers, files) = (ground.containers(), ground.files());
    let all = "docker01, docker02, docker03";
    ground.repo.set("ssh.user", "nosudo");
    ground.repo.set("ssh.sudo", true);
    for ended in [ground.diff(), ground.release()] {
        ended
            .exits(1)
            .says(&[all, "no root by sudo", "password"])
            .says(&["help:", "NOPASSWD"]);
    }
    ground.repo.set("ssh.user", "deploy");
    ground.repo.set("ssh.sudo", false);
    ground
        .release()
        .exits(1)
        .says(&[all, "expected root, found uid"])
        .says(&["help:", "sudo = true"]);
    ground.repo.set("ssh.user", "nobody-of-that-name");
    ground.release().exits(1).says(&[all, "permission denied"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);
    // Who may use sudo may release.
    ground.repo.set("ssh.user", "deploy");
    ground.repo.set("ssh.sudo", true);
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/web1", "~ docker02/web2", "~ docker03/web3"]
    );
    ground.is_in_sync();
}

pub fn docker_stopped(fleet: &'static Fleet) {
    let ground = with_a_change(fleet, "engine");
    let host = ground.host("docker02");
    host.sh("systemctl stop docker.socket docker.service");
    let files = ground.files();
    for ended in [ground.diff(), ground.release()] {
        ended
            .exits(1)
            .says(&["docker02", "Cannot connect to the Docker daemon"])
            .says(&["help:", "systemctl status docker"])
            .never_says(&["restarting"]);
    }
    ground.assert_untouched(&files);
    // The units stopped with the daemon, and they come back with it.
    host.sh("systemctl start docker.socket docker.service");
    until(
        Duration::from_secs(20),
        "engine-web2 came back with docker",
        || (host.unit("engine-web2", "ActiveState") == "active").then_some(()),
    );
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/web1", "~ docker02/web2", "~ docker03/web3"]
    );
    ground.is_in_sync();
}
