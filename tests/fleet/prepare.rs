//! Bare hosts, with sshd and a user who may use sudo: `host pin`, `host prepare`, the first release.

use crate::containers::environment;
use crate::hosts::{Fleet, until};
use crate::secrets::{KEY, Vault};

/// As `ssh-keygen -lf` shows it on the host.
fn fingerprint(fleet: &Fleet, host: &str) -> String {
    let said = fleet
        .host(host)
        .sh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    let words: Vec<&str> = said.split_whitespace().collect();
    words[1].to_owned()
}

pub fn bare(fleet: &'static Fleet) {
    let mut vault = Vault::new(fleet, "bare", 9985);
    vault.ground.repo.set("ssh.user", "deploy");
    vault.ground.repo.set("ssh.sudo", true);
    for host in &fleet.hosts {
        let table = vault.ground.repo.cluster["hosts"][&host.name].as_table_mut();
        table.expect("a table").remove("host_key");
    }
    let ground = &vault.ground;

    // Nobody is trusted because they came first.
    ground
        .bayplan(&["host", "pin", "bare"])
        .exits(1)
        .says(&[
            "docker01",
            &fingerprint(fleet, "docker01"),
            "not pinned yet",
        ])
        .says(&["expected a terminal"])
        .says(&["--expect"]);
    let wrong = "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA";
    ground
        .bayplan(&["host", "pin", "bare", "--expect", wrong])
        .exits(1)
        .says(&["expected a host with the key"])
        .says(&["somebody may be in between"]);
    let keys = ["docker01", "docker02"].map(|host| fingerprint(fleet, host));
    ground
        .bayplan(&["host", "pin", "bare", "--expect", &keys[0]])
        .exits(1)
        .says(&["docker02: expected one of the fingerprints"]);
    ground
        .bayplan(&[
            "host", "pin", "bare", "--expect", &keys[0], "--expect", &keys[1],
        ])
        .exits(0)
        .says(&["wrote clusters/bare/cluster.toml"]);
    let run = |arguments: &[&str]| ground.bayplan_as_written(arguments);
    run(&["host", "pin", "bare"]).exits(0).says(&["pinned"]);

    // What is there is not enough, and is told.
    run(&["host", "check", "bare"])
        .exits(1)
        .says(&["problem: docker is not installed"])
        .says(&["problem: age is not installed"])
        .says(&["next: bayplan host prepare bare"]);
    run(&["release", "bare", "--yes"]).exits(1);
    run(&["host", "prepare", "bare"])
        .exits(1)
        .says(&["apt-get", "install", "age", "docker.io"])
        .says(&["systemctl enable --now docker.service"])
        .says(&["expected a terminal"]);
    for host in &fleet.hosts {
        assert!(!host.run("command -v docker").status.success());
    }
    let prepared = run(&["host", "prepare", "bare", "--yes"]);
    prepared
        .exits(0)
        .says(&["2 hosts: 2 are fit"])
        .says(&["docker01: apt-get update"])
        .says(&["docker02: systemctl enable --now docker.service"]);

    // Once more changes nothing.
    let before: Vec<String> = fleet.hosts.iter().map(packages).collect();
    run(&["host", "prepare", "bare", "--yes"])
        .exits(0)
        .says(&["nothing to do"])
        .never_says(&["apt-get"]);
    let after: Vec<String> = fleet.hosts.iter().map(packages).collect();
    assert_eq!(before, after);

    run(&["release", "bare", "--yes"]).exits(0);
    for host in &fleet.hosts {
        assert_eq!(
            environment(host, "docker", "bare-web")["KEY"],
            KEY.as_bytes()
        );
    }
    // It comes back after a power cut.
    fleet.power_cut("docker02");
    until(
        std::time::Duration::from_secs(60),
        "the container is back",
        || {
            let said = fleet
                .host("docker02")
                .run("docker exec bare-web cat /version");
            said.status.success().then_some(())
        },
    );
}

/// What is installed, and when that changed last.
fn packages(host: &crate::hosts::Host) -> String {
    host.sh("dpkg -l | sha256sum; stat -c %Z /var/lib/dpkg/status; systemctl show -p ActiveEnterTimestamp docker.service")
}
