//! Hosts that other people set up: tools of other kinds, programs in other places, older versions. What bayplan
//! cannot work with is a problem with something to type, before anything is changed.

use std::time::Duration;

use crate::containers::environment;
use crate::ground::Ground;
use crate::hosts::{Fleet, Host};

/// A service on docker02, released.
fn released(fleet: &'static Fleet, cluster: &str, port: u16) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.only(&["docker02"]);
    ground.images();
    ground.serve("web", port, "docker02");
    ground.release().exits(0);
    ground
}

/// Undoes what a test did to a host, however it ends.
struct Undo<'a>(&'a Host, &'static str);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        self.0.run(self.1);
    }
}

/// Nothing is believed, and nothing hangs.
fn refused(ground: &Ground, words: &[&str]) {
    for arguments in [
        ["diff", "tools"].as_slice(),
        &["status", "tools"],
        &["release", "tools", "--yes"],
    ] {
        let ended = ground.bayplan(arguments);
        assert_ne!(ended.code, 0, "{ended}");
        assert!(ended.took < Duration::from_secs(20), "{ended}");
        ended
            .never_says(&["edited"])
            .says(&[&["docker02", "expected"], words].concat())
            .says(&["help:", "/bin/sh"]);
    }
}

pub fn tools(fleet: &'static Fleet) {
    let mut ground = released(fleet, "tools", 9961);
    let host = fleet.host("docker02");
    let files = ground.files();
    // busybox's tools before all others.
    for (tool, lacks) in [
        ("head", "leaves the rest of a pipe"),
        ("stat", "`--printf`"),
        ("sha256sum", "`-z`"),
    ] {
        let _undo = Undo(
            host,
            "rm -f /usr/local/bin/head /usr/local/bin/stat /usr/local/bin/sha256sum",
        );
        host.sh(&format!("ln -s /bin/busybox /usr/local/bin/{tool}"));
        refused(&ground, &[tool, lacks]);
    }
    // Its shell prefers them, wherever they are.
    {
        let _undo = Undo(host, "ln -sfn dash /bin/sh");
        host.sh("ln -sfn busybox /bin/sh");
        refused(&ground, &["head"]);
    }
    // What only an activation needs.
    {
        let _undo = Undo(host, "rm -f /usr/local/bin/tail");
        host.sh("ln -s /bin/busybox /usr/local/bin/tail");
        ground.repo.set_of("web", "tag", "1.1");
        ground
            .release()
            .exits(1)
            .says(&["docker02", "expected a `tail`"])
            .says(&["help:", "nothing was changed"]);
        ground.repo.set_of("web", "tag", "1.0");
    }
    ground.assert_untouched(&files);
    ground.is_in_sync();
}

pub fn programs(fleet: &'static Fleet) {
    let mut ground = released(fleet, "places", 9962);
    let host = fleet.host("docker02");
    ground.repo.set_of("web", "tag", "1.1");
    let files = ground.files();
    {
        let _undo = Undo(
            host,
            "mv /bin/bash.away /bin/bash; usermod --shell /bin/bash root",
        );
        host.sh("usermod --shell /bin/sh root; mv /bin/bash /bin/bash.away");
        // An open connection knows the shell of before.
        fleet.close_connections();
        ground
            .release()
            .exits(1)
            .says(&["docker02", "missing there: /bin/bash"])
            .says(&["help:", "install there: bash"]);
    }
    let _undo = Undo(
        host,
        "mv /usr/local/bin/docker /usr/bin/docker; mv /opt/engine/docker /usr/bin/docker; rm -rf /opt/engine /opt/other",
    );
    host.sh("mv /usr/bin/docker /usr/local/bin/docker");
    ground
        .release()
        .exits(1)
        .says(&[
            "docker02",
            "expected docker as /usr/bin/docker, found it as /usr/local/bin/docker",
        ])
        .says(&["help:", "program = \"/usr/local/bin/docker\""]);
    ground.assert_untouched(&files);

    // Not even in PATH.
    host.sh("mkdir -p /opt/engine && mv /usr/local/bin/docker /opt/engine/docker");
    ground
        .release()
        .exits(1)
        .says(&["docker02", "docker is not installed there"]);
    ground
        .repo
        .set("hosts.docker02.program", "/opt/engine/docker");
    ground.repo.set_of("web", "env.A", "b");
    ground.release().exits(0);
    assert_eq!(
        host.sh("/opt/engine/docker exec places-web cat /version")
            .trim(),
        "1.1"
    );
    ground.diff().exits(0).says(&["No changes."]);
    ground.status().exits(0).says(&["places", "is in sync"]);

    // At another place it is the same container, run by a unit with another path.
    let before = host.unit("places-web", "InvocationID");
    host.sh("mkdir /opt/other && ln -s /opt/engine/docker /opt/other/docker");
    ground
        .repo
        .set("hosts.docker02.program", "/opt/other/docker");
    ground.release().exits(0);
    assert_eq!(host.unit("places-web", "InvocationID"), before);
    ground.diff().exits(0).says(&["No changes."]);
    host.sh("systemctl stop places-web");
    ground.release().exits(0);
    ground.repo.remove("web");
    ground.serve("other", 9963, "docker02");
    ground.release().exits(0);
}

pub fn versions(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "versions").with_podman();
    ground.only(&["docker01"]);
    ground.images();
    ground.serve("web", 9964, "docker01");
    ground
        .release()
        .exits(1)
        .says(&["docker01", "expected podman 4.0 or newer, found 3.0"])
        .says(&["help:", "upgrade podman", "engine = \"docker\""]);

    // systemd of Debian 11 passes such a value on, that of Ubuntu 20.04 would drop it.
    ground.repo.set("engine", "docker");
    ground.repo.set_of("web", "env.ODD", "a\rb");
    let host = fleet.host("docker01");
    {
        let _undo = Undo(host, "rm -f /usr/local/bin/systemctl");
        host.sh(
            "printf '%s\\n' '#!/bin/sh' '[ \"$1\" != --version ] || exec echo \"systemd 245 (245.4-4ubuntu3)\"' \
             'exec /bin/systemctl \"$@\"' >/usr/local/bin/systemctl
             chmod 755 /usr/local/bin/systemctl",
        );
        ground
            .release()
            .exits(1)
            .says(&[
                "docker01",
                "web: its ODD has a control character",
                "systemd 245.4",
            ])
            .says(&["help:", "247.3"]);
        ground.repo.set_of("web", "env.ODD", "a\tb\n");
        ground.diff().exits(2);
        ground.repo.set_of("web", "env.ODD", "a\rb");
    }
    ground.release().exits(0);
    assert_eq!(environment(host, "docker", "versions-web")["ODD"], b"a\rb");
}
