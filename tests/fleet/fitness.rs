//! `host check` on hosts that are fit, and on hosts that are not.

use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, Host, until};

/// Undoes what a test did to a host, however it ends.
struct Undo<'a>(&'a Host, &'static str);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        self.0.run(self.1);
    }
}

/// A cluster with a service on docker01, not released.
fn described(fleet: &'static Fleet, cluster: &str) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.only(&["docker01"]);
    ground.images();
    ground.serve("web", 9981, "docker01");
    ground
}

pub fn docker(fleet: &'static Fleet) {
    let mut ground = described(fleet, "fitness");
    let host = fleet.host("docker01");
    let check = |ground: &Ground| ground.bayplan(&["host", "check", "fitness"]);
    check(&ground)
        .exits(0)
        .says(&["ok: root; systemd"])
        .says(&[&format!("{} gives its images", fleet.registry)])
        .says(&["its clock is right"])
        .says(&["1 host: 1 is fit"]);

    // The registry has no such image; and it cannot be asked at all.
    ground.repo.set_of("web", "tag", "9.9");
    check(&ground)
        .exits(0)
        .says(&["warning:", "answers, and has no", "app:9.9"]);
    ground.repo.set_of("web", "image", "10.77.250.250:5000/app");
    check(&ground)
        .exits(0)
        .says(&["warning: 10.77.250.250:5000 could not be asked"]);
    ground
        .repo
        .set_of("web", "image", format!("{}/app", fleet.registry));

    {
        let _undo = Undo(
            host,
            "systemctl enable --quiet docker.service; systemctl start docker.socket docker.service",
        );
        host.sh(
            "systemctl stop docker.socket docker.service; systemctl disable --quiet docker.service",
        );
        check(&ground)
            .exits(1)
            .says(&["problem: docker", "does not answer: Cannot connect"])
            .says(&["systemctl enable --now docker.service"])
            .says(&["warning: docker.service does not start at boot (disabled)"]);
        host.sh("systemctl enable --quiet --now docker.service");
    }
    until(Duration::from_secs(20), "docker is back", || {
        (check(&ground).code == 0).then_some(())
    });
    {
        let _undo = Undo(host, "mv /usr/bin/docker.away /usr/bin/docker");
        host.sh("mv /usr/bin/docker /usr/bin/docker.away");
        check(&ground)
            .exits(1)
            .says(&["problem: docker is not installed"])
            .says(&["apt-get", "install", "docker.io"]);
    }
    {
        let _undo = Undo(host, "rm -f /usr/local/bin/date");
        host.sh("printf '%s\\n' '#!/bin/sh' 'echo $(($(/bin/date +%s) + 9000))' >/usr/local/bin/date; chmod 755 /usr/local/bin/date");
        check(&ground)
            .exits(0)
            .says(&["warning: its clock is 2 h ahead"]);
    }
    {
        let _undo = Undo(host, "rm -f /usr/local/bin/stat");
        host.sh("ln -s /bin/busybox /usr/local/bin/stat");
        check(&ground)
            .exits(1)
            .says(&["problem: expected a `stat` that knows `--printf`"]);
    }
    {
        let _undo = Undo(host, "ln -sfn dash /bin/sh");
        host.sh("ln -sfn busybox /bin/sh");
        check(&ground)
            .exits(1)
            .says(&["problem: expected a `head -c`"])
            .says(&["/bin/sh"]);
    }
    let files = ground.files();
    check(&ground).exits(0);
    ground.assert_untouched(&files);
    // And it is true: a release takes that host.
    ground.repo.set_of("web", "tag", "1.0");
    ground.release().exits(0);
}

pub fn without_root(fleet: &'static Fleet) {
    let mut ground = described(fleet, "unfit");
    ground.repo.set("ssh.user", "nosudo");
    ground.repo.set("ssh.sudo", true);
    ground
        .bayplan(&["host", "check", "unfit"])
        .exits(1)
        .says(&["problem: cannot become root with sudo: it asks for a password"])
        .says(&["help:", "visudo"])
        .says(&["warning: docker", "only root sees"]);
    ground.repo.set("ssh.user", "deploy");
    ground.repo.set("ssh.sudo", false);
    ground
        .bayplan(&["host", "check", "unfit"])
        .exits(1)
        .says(&["problem: logged in as uid"])
        .says(&["sudo = true"]);
    ground.repo.set("ssh.sudo", true);
    ground.bayplan(&["host", "check", "unfit"]).exits(0);
}

pub fn podman(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "fitpods").with_podman();
    ground.images();
    for (port, host) in (9982..).zip(&fleet.hosts) {
        ground.serve(&format!("on-{}", host.name), port, &host.name);
    }
    ground
        .bayplan(&["host", "check", "fitpods"])
        .exits(1)
        .says(&["problem: podman 3.0, expected 4.0 or newer"])
        .says(&[&format!("{} gives its images", fleet.registry)]);
    let newer = fleet.host("docker02");
    let _undo = Undo(newer, "mv /usr/sbin/nft.away /usr/sbin/nft");
    newer.sh("mv /usr/sbin/nft /usr/sbin/nft.away");
    ground
        .bayplan(&["host", "check", "fitpods", "--host", "docker02"])
        .exits(1)
        .says(&["problem: podman 5", "and no nft"])
        .says(&["apt-get", "nftables"]);
}
