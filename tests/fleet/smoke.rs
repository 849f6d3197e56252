//! The life of a cluster on the releases of Debian before and after: what differs there are systemd,
//! the engines, cgroups and the tools. docker01 is the older one, docker02 the newer one.

use std::path::Path;
use std::process::Command;

use crate::containers::environment;
use crate::environment::Values;
use crate::ground::Ground;
use crate::hosts::Fleet;
use crate::secrets::{KEY, Vault};

pub fn life(fleet: &'static Fleet) {
    let mut vault = Vault::new(fleet, "smoke", 9901);
    let values = Values::describe(&mut vault.ground, 500, 4);
    vault.run(&["release", "smoke", "--yes"], "").exits(0);
    values.arrived(&vault.ground);
    for host in &fleet.hosts {
        let variables = environment(host, "docker", "smoke-web");
        assert_eq!(variables["KEY"], KEY.as_bytes());
    }
    let file = fleet
        .host("docker01")
        .run("docker exec smoke-shop cat /run/secrets/key.pem");
    assert_eq!(file.stdout, KEY.as_bytes());
    let mut ground = vault.ground;
    ground.is_in_sync();

    // A release that fails goes back, on the older one and on the newer one.
    fleet.image("app:broken", &["entry=exit"]);
    let first = ground.containers();
    ground.repo.set_of("web", "tag", "broken");
    ground
        .release()
        .exits(5)
        .says(&["entry: exiting at once"])
        .says(&["put back on docker01", "not begun on docker02"]);
    ground.repo.set_of("web", "tag", "1.0");
    ground.repo.set_of("s01", "tag", "broken");
    ground.release().exits(5).says(&["put back on docker02"]);
    ground.repo.set_of("s01", "tag", "1.0");
    let back = ground.containers();
    assert_eq!(first.changes(&back), ["~ docker01/web", "~ docker02/s01"]);
    ground.is_in_sync();

    // From the older one to the newer one, and back.
    for (to, changes) in [
        ("docker02", ["- docker01/plain", "+ docker02/plain"]),
        ("docker01", ["+ docker01/plain", "- docker02/plain"]),
    ] {
        ground.repo.place("plain", to);
        assert_eq!(ground.release_changes(), changes);
    }
    ground.is_in_sync();

    // What hands do there is seen and mended.
    for host in &fleet.hosts {
        host.sh(
            "cd /etc/bayplan/smoke/web/*/ && chmod u+w 50-web.env && echo 'A=hacked' >>50-web.env",
        );
    }
    fleet.host("docker02").sh("systemctl stop smoke-s01");
    fleet
        .host("docker01")
        .sh("systemctl disable --quiet smoke-plain");
    ground
        .diff()
        .exits(2)
        .says(&["web", "restart", "50-web.env edited on the host"])
        .says(&["s01", "start", "not running (inactive"])
        .says(&["plain"]);
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/web", "+ docker02/s01", "~ docker02/web"]
    );
    ground.is_in_sync();

    // Back to what ran before the last change of the description, and on again.
    ground.repo.set_of("web", "env.GREETING", "hello");
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/web", "~ docker02/web"]
    );
    let before = ground.containers();
    ground
        .bayplan(&["rollback", "smoke", "--yes"])
        .exits(0)
        .says(&["web", "restart", "GREETING"]);
    assert_eq!(
        before.changes(&ground.containers()),
        ["~ docker01/web", "~ docker02/web"]
    );
    ground.release().exits(0);
    for host in &fleet.hosts {
        assert_eq!(
            environment(host, "docker", "smoke-web")["GREETING"],
            b"hello"
        );
    }
    values.arrived(&ground);
    ground.is_in_sync();
}

/// A build for older machines: that of this machine's libc would not start there.
pub fn static_build(fleet: &'static Fleet) {
    let root = env!("CARGO_MANIFEST_DIR");
    let target = Path::new(root).join("target/static");
    let built = Command::new(Path::new(root).join("tests/fleet/static"))
        .arg(&target)
        .output()
        .expect("the script starts");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{said}");
    let program = String::from_utf8_lossy(&built.stdout);
    let host = fleet.host("docker01");
    std::fs::copy(program.trim(), host.path("/usr/local/bin/bayplan")).expect("we are root");

    // There it releases to the very machine that it runs on.
    fleet.image("app:1.0", &[]);
    let cluster = "[hosts.here]\nlocal = true\n[place]\nweb = \"here\"\n";
    let service = format!(
        "image = \"{}/app\"\ntag = \"1.0\"\nport = 9971\n[health]\nhttp = \"/health\"\n",
        fleet.registry
    );
    host.sh("mkdir -p /root/repo/clusters/old/services");
    for (path, text) in [("cluster.toml", cluster), ("services/web.toml", &service)] {
        let path = host.path(&format!("/root/repo/clusters/old/{path}"));
        std::fs::write(path, text).expect("we are root");
    }
    let said = host.sh("cd /root/repo && bayplan release old --yes && bayplan status old");
    assert!(said.contains("old is in sync"), "{said}");
    assert_eq!(host.sh("docker exec old-web cat /version"), "1.0\n");
    host.sh("systemctl disable --now --quiet old-web
        rm -rf /etc/systemd/system/old-web.service /etc/bayplan/old /var/lib/bayplan/old
        rm -rf /root/repo /usr/local/bin/bayplan
        systemctl daemon-reload");
}

pub fn podman(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "smokepods").with_podman();
    ground.only(&["docker02"]);
    ground.images();
    ground.serve("web", 9951, "docker02");
    ground.serve("shop", 9952, "docker02");
    let value = "two\nlines, a \"quote\", a \\ and 100 %";
    ground.repo.set_of("shop", "env.NASTY", value);
    assert_eq!(
        ground.release_changes(),
        ["+ docker02/shop", "+ docker02/web"]
    );
    let variables = environment(fleet.host("docker02"), "podman", "smokepods-shop");
    assert_eq!(variables["NASTY"], value.as_bytes());
    ground.is_in_sync();
    fleet.image("app:broken", &["entry=exit"]);
    ground.repo.set_of("web", "tag", "broken");
    ground.release().exits(5).says(&["put back on docker02"]);
    ground.repo.set_of("web", "tag", "1.1");
    assert_eq!(ground.release_changes(), ["~ docker02/web"]);
    ground.is_in_sync();
}
