//! The same with podman as the engine.

use crate::containers::environment;
use crate::ground::Ground;
use crate::hosts::Fleet;

pub fn life(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "pods").with_podman();
    ground.images();
    ground.serve("web", 9701, "docker01 docker02");
    ground.serve("shop", 9702, "docker01");
    ground.repo.set_of("shop", "needs", vec!["web"]);
    let value = "two\nlines, a \"quote\", a \\ and 100 %";
    ground.repo.set_of("shop", "env.NASTY", value);
    assert_eq!(
        ground.release_changes(),
        ["+ docker01/shop", "+ docker01/web", "+ docker02/web"]
    );
    let variables = environment(ground.host("docker01"), "podman", "pods-shop");
    assert_eq!(variables["NASTY"], value.as_bytes());
    assert_eq!(variables["WEB_HOST"], b"docker01");
    ground.is_in_sync();

    // Same bytes, another time.
    let host = ground.host("docker01");
    host.sh("chown -R root:root /etc/bayplan/pods && touch /etc/bayplan/pods/*/*/*.env");
    ground.is_in_sync();

    // Nothing of the host's own environment gets in.
    host.sh("systemctl set-environment http_proxy=http://proxy.example FOREIGN=1");
    ground.repo.set_of("web", "env.A", "b");
    ground.release().exits(0);
    host.sh("systemctl unset-environment http_proxy FOREIGN");
    let variables = environment(host, "podman", "pods-web");
    assert!(!variables.contains_key("http_proxy") && !variables.contains_key("FOREIGN"));

    ground.repo.set_of("web", "tag", "1.1");
    ground
        .diff()
        .exits(2)
        .says(&["web", "restart", "image 1.0 → 1.1"]);
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/web", "~ docker02/web"]
    );
    ground.is_in_sync();

    // A crash, seen and started again by systemd, leaves it in sync.
    ground.repo.remove("shop");
    assert_eq!(ground.release_changes(), ["- docker01/shop"]);
    ground.is_in_sync();
}
