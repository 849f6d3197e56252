//! What a release refuses before it touches anything.

use std::fs;

use crate::ground::Ground;
use crate::hosts::Fleet;

pub fn bad_tag(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "tags");
    ground.images();
    ground.serve("web", 9201, "docker01 docker02 docker03");
    ground.serve("shop", 9202, "docker03");
    ground.release().exits(0);
    let (containers, files) = (ground.containers(), ground.files());
    let generations = generations(&ground);

    // One host cannot get one image; what could be done elsewhere is not done either.
    ground.repo.set_of("web", "env.GREETING", "a good change");
    ground.repo.set_of("shop", "tag", "9.9");
    ground
        .release()
        .exits(1)
        .says(&["docker03", "app:9.9"])
        .never_says(&["docker01: done"])
        .never_says(&["docker03: done"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);
    assert_eq!(generations, self::generations(&ground));
    // Each host records it.
    ground
        .bayplan(&["history", "tags"])
        .says(&["✗", "failed on docker03: the image", "app:9.9"])
        .says(&["✗", "not begun on docker01, docker02"]);

    // Corrected, it goes through.
    ground.repo.set_of("shop", "tag", "1.1");
    assert_eq!(
        ground.release_changes(),
        [
            "~ docker01/web",
            "~ docker02/web",
            "~ docker03/shop",
            "~ docker03/web"
        ]
    );
    ground.is_in_sync();
    // What was staged in vain is gone.
    for host in &fleet.hosts {
        assert_eq!(
            host.sh("ls -A /var/lib/bayplan/tags/staging"),
            "",
            "{}",
            host.name
        );
    }
}

/// What `current` names, and which generations there are.
fn generations(ground: &Ground) -> Vec<String> {
    let var = format!("/var/lib/bayplan/{}", ground.repo.name);
    let look = format!("readlink {var}/current; ls -1 {var}/generations");
    ground
        .fleet
        .hosts
        .iter()
        .map(|host| host.sh(&look))
        .collect()
}

pub fn units_of_others(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "own");
    ground.images();
    ground.serve("web", 9211, "docker01");
    ground.release().exits(0);

    // On every host somebody was there before us.
    let masked = ground.host("docker01");
    masked.sh("ln -s /dev/null /etc/systemd/system/own-masked.service");
    let foreign = ground.host("docker02");
    let text = "[Service]\nExecStart=/bin/sleep infinity\n";
    fs::write(
        foreign.path("/etc/systemd/system/own-foreign.service"),
        text,
    )
    .expect("we are root");
    let packaged = ground.host("docker03");
    packaged.sh("mkdir -p /usr/local/lib/systemd/system");
    fs::write(
        packaged.path("/usr/local/lib/systemd/system/own-packaged.service"),
        text,
    )
    .expect("we are root");
    let mut other = Ground::new(fleet, "own-other");
    other.serve("web", 9212, "docker03");
    other.release().exits(0);
    for host in &fleet.hosts {
        host.sh("systemctl daemon-reload");
    }
    let running = other.containers();

    ground.serve("masked", 9213, "docker01");
    ground.serve("foreign", 9214, "docker02");
    ground.serve("packaged", 9215, "docker03");
    ground.serve("other-web", 9216, "docker03");
    ground.repo.set_of("web", "tag", "1.1");
    let (containers, files) = (ground.containers(), ground.files());
    for ended in [ground.diff(), ground.release()] {
        ended
            .exits(1)
            .says(&[
                "docker01",
                "own-masked.service",
                "is masked",
                "/etc/systemd/system/own-masked.service",
            ])
            .says(&[
                "docker02",
                "own-foreign.service",
                "/etc/systemd/system/own-foreign.service",
            ])
            .says(&[
                "docker03",
                "own-packaged.service",
                "/usr/local/lib/systemd/system/own-packaged.service",
            ])
            .says(&[
                "docker03",
                "own-other-web.service",
                "own-other",
                "belongs to the cluster",
            ])
            .says(&["Refused: 4 problems", "nothing is changed anywhere"]);
    }
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    assert_eq!(running.changes(&other.containers()), [""; 0]);
    ground.assert_untouched(&files);

    // Nor is a foreign unit taken away that has the name of a service which left.
    for service in ["masked", "foreign", "packaged", "other-web"] {
        ground.repo.remove(service);
    }
    assert_eq!(ground.release_changes(), ["~ docker01/web"]);
    assert_eq!(running.changes(&other.containers()), [""; 0]);
    assert_eq!(
        foreign.read("/etc/systemd/system/own-foreign.service"),
        text
    );
    masked.sh("rm /etc/systemd/system/own-masked.service");
    foreign.sh("rm /etc/systemd/system/own-foreign.service");
    packaged.sh("rm -r /usr/local/lib/systemd");
}

/// What the engine's own configuration gives to every container is no input that a plan shows.
pub fn given_by_the_engine(fleet: &'static Fleet) {
    let mut docker = Ground::new(fleet, "given");
    docker.images();
    docker.serve("web", 9221, "docker01");
    let host = docker.host("docker01");
    host.sh("mkdir -p /root/.docker /etc/containers/containers.conf.d");
    let settings = r#"{ "proxies": { "default": { "httpProxy": "http://proxy.example" } } }"#;
    fs::write(host.path("/root/.docker/config.json"), settings).expect("we are root");
    docker
        .release()
        .exits(1)
        .says(&["proxies", "/root/.docker/config.json"]);
    // What it means without them is nothing that bayplan minds.
    fs::write(
        host.path("/root/.docker/config.json"),
        r#"{ "proxies": {}, "auths": {} }"#,
    )
    .expect("we are root");
    docker.release().exits(0);
    host.sh("rm /root/.docker/config.json");
    docker.is_in_sync();

    let mut podman = Ground::new(fleet, "givenpods").with_podman();
    podman.images();
    podman.serve("web", 9222, "docker01");
    let settings = "[engine]\nenv = [\"A=b\"]\n[containers]\n  env = [ \"FOREIGN=1\" ]\n";
    let path = "/etc/containers/containers.conf.d/given.conf";
    fs::write(host.path(path), settings).expect("we are root");
    podman.release().exits(1).says(&["env", path]);
    host.sh(&format!("sed -i /FOREIGN/d {path}"));
    podman.release().exits(0);
    host.sh(&format!("rm {path}"));
    podman.is_in_sync();
}
