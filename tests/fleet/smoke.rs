//! The life of a cluster on the releases of Debian before and after: what differs there are systemd,
//! the engines, cgroups and the tools. docker01 is the older one, docker02 the newer one.

use crate::containers::environment;
use crate::ground::Ground;
use crate::hosts::Fleet;

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
