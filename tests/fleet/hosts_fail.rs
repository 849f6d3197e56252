//! Hosts that cannot be reached, trusted, or used: one clear line each, the others are still shown,
//! and nothing changes anywhere.

use std::process::Command;
use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, until};
use crate::run::start_configured;

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
        .never_says(&[": done in"]);
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
        .never_says(&[": done in"]);
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
            .says(&[all, "cannot become root with sudo", "password"])
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

/// Stops processes, and lets them go on whatever becomes of the test.
struct Asleep(Vec<String>);

impl Asleep {
    fn new(processes: Vec<String>) -> Self {
        kill("-STOP", &processes);
        Self(processes)
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        kill("-CONT", &self.0);
    }
}

fn kill(signal: &str, processes: &[String]) {
    let status = Command::new("kill").arg(signal).args(processes).status();
    assert!(status.expect("kill starts").success());
}

pub fn dead_connection(fleet: &'static Fleet) {
    let ground = with_a_change(fleet, "deaf");
    ground.bayplan(&["status", "deaf"]).exits(0);
    // The connections are open and never answer again, as behind a cut that nobody noticed yet.
    let asleep = Asleep::new(fleet.masters());
    assert_eq!(asleep.0.len(), fleet.hosts.len());
    let late = ground.bayplan(&["status", "deaf"]).exits(0);
    assert!(late.took < Duration::from_secs(9), "{late}");
    // Only once: from then on there are new ones.
    let next = ground.bayplan(&["status", "deaf"]).exits(0);
    assert!(next.took < Duration::from_secs(4), "{next}");
    drop(asleep);
}

/// Whatever the operator's own configuration asks of `ssh`.
pub fn own_configuration(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "lent");
    ground.images();
    ground.serve("web", 9311, "docker01");
    ground.only(&["docker01"]);
    ground.repo.write();
    let agent = fleet.operator.join("agent");
    let started = Command::new("ssh-agent").arg("-a").arg(&agent).output();
    let started = String::from_utf8_lossy(&started.expect("ssh-agent starts").stdout).into_owned();
    let pid = started
        .split_once("SSH_AGENT_PID=")
        .and_then(|(_, rest)| Some(rest.split(';').next()?.to_owned()))
        .expect("it says its process");
    let config = fleet.operator.join("ssh_config");
    let text = format!(
        "Host *\nForwardAgent {}\nForwardX11 yes\nTunnel yes\nStdinNull yes\nSessionType none\n\
         ForkAfterAuthentication yes\nRequestTTY force\nRemoteCommand menu\nEscapeChar ~\n\
         RemoteForward 8081 localhost:80\nInclude {}\n",
        agent.display(),
        fleet.ssh_config().display()
    );
    std::fs::write(&config, text).expect("it is ours");
    fleet.close_connections();
    let line = ["-C", ground.repo.root(), "release", "lent", "--yes"];
    let ended = start_configured(fleet, &config, &line).ended();
    // The connection is open for a minute, and nothing of the operator's can be reached through it.
    let lent = fleet
        .host("docker01")
        .run("find /tmp -name 'agent.*' | grep .");
    kill("-TERM", &[pid]);
    ended.exits(0);
    assert!(!lent.status.success(), "{lent:?}");
}

/// Two names of one machine are refused; two machines that were copied are two.
pub fn twins(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "twins");
    ground.images();
    ground.serve("web", 9312, "docker01 docker02");
    ground.only(&["docker01", "docker02"]);
    let (one, two) = (fleet.host("docker01"), fleet.host("docker02"));
    let id = one.sh("cat /etc/machine-id");
    two.sh("cp /etc/machine-id /run/machine-id.was");
    two.sh(&format!("printf '%s\\n' '{}' >/etc/machine-id", id.trim()));
    let release = ground.release();
    let diff = ground.diff();
    two.sh("cp /run/machine-id.was /etc/machine-id; rm /run/machine-id.was");
    for ended in [release, diff] {
        ended.exits(0).says(&[
            "docker01 and docker02 have the same /etc/machine-id",
            "systemd-machine-id-setup",
        ]);
    }
    // Only ssh knows that this is another name of the first one.
    let config = fleet.operator.join("ssh_config.twins");
    let text = format!(
        "Host again\nHostName {}\nHost *\nInclude {}\n",
        one.address,
        fleet.ssh_config().display()
    );
    std::fs::write(&config, text).expect("it is ours");
    ground.repo.set("hosts.again.address", "again");
    ground
        .repo
        .set("hosts.again.host_key", one.host_key.as_str());
    ground.repo.write();
    for words in [&["diff"][..], &["release", "--yes"]] {
        let mut line = vec!["-C", ground.repo.root()];
        line.extend(words);
        line.push("twins");
        let ended = start_configured(fleet, &config, &line).ended();
        ended.exits(1).says(&["is the same machine as again"]);
    }
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
            .never_says(&[": done in"]);
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
