//! Hosts that left the description, and hosts that are gone.

use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, until};

/// The machine of a stateful service is taken out of the description, and the service put elsewhere.
pub fn left(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "left");
    ground.images();
    ground.serve("db", 9671, "docker03");
    ground.repo.set_of("db", "stateful", true);
    ground.serve("web", 9672, "docker01 docker03");
    ground.release().exits(0);
    let before = ground.containers();

    ground.only(&["docker01", "docker02"]);
    ground.serve("web", 9672, "docker01");
    ground.serve("db", 9671, "docker02");
    ground
        .release()
        .exits(1)
        .says(&["warning: docker03", "is no longer described"])
        .says(&["there: db (stateful) and web"])
        .says(&["docker03: db is stateful and may still run"])
        .says(&["it would start without its data on docker02"]);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    ground
        .bayplan(&["release", "left", "--yes", "--allow-move"])
        .exits(0);
    assert_eq!(before.changes(&ground.containers()), ["+ docker02/db"]);
    ground
        .status()
        .exits(0)
        .says(&["warning: docker03"])
        .says(&["2 units on docker03, which is no longer described"]);
    ground
        .bayplan(&["release", "left", "--yes", "--dismiss", "docker03"])
        .exits(0)
        .says(&["forgotten: docker03", "nobody will be told any more"])
        .says(&["there: db (stateful) and web; nothing is done there"]);
    ground.is_in_sync();
}

/// A host whose cable is pulled: the others are released without it.
pub fn gone(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "gone");
    ground.images();
    ground.serve("web", 9681, "docker01 docker03");
    ground.serve("db", 9682, "docker03");
    ground.release().exits(0);
    let before = ground.containers();
    ground.repo.set_of("web", "tag", "1.1");
    fleet.close_connections();
    fleet.cut("docker03");
    let refused = ground.release();
    let released = ground.bayplan(&["release", "gone", "--yes", "--skip", "docker03"]);
    fleet.heal("docker03");
    refused
        .exits(1)
        .says(&["`bayplan release gone --skip docker03`"]);
    released
        .exits(0)
        .says(&["docker03", "left out, not seen", "nowhere else:"])
        .says(&["1 unit restarts; docker03 left out"]);
    assert_eq!(before.changes(&ground.containers()), ["~ docker01/web"]);
    until(Duration::from_secs(20), "docker03 answers again", || {
        (ground.bayplan(&["status", "gone"]).code == 0).then_some(())
    });
    assert_eq!(ground.release_changes(), ["~ docker03/web"]);
    ground.is_in_sync();
}
