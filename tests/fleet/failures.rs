//! Images that moved, containers that do not stay up.

use crate::ground::Ground;
use crate::hosts::Fleet;

pub fn moving_tag(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "moving");
    ground.images();
    fleet.image("app:latest", &["note=one"]);
    ground.serve("web", 9401, "docker01 docker02");
    ground.serve("shop", 9402, "docker01");
    ground.repo.set_of("web", "tag", "latest");
    ground.repo.set_of("web", "env.GREETING", "hello");
    ground.release().exits(0);
    let note = |host: &str| ground.host(host).sh("docker exec moving-web cat /note");
    assert_eq!(
        (note("docker01"), note("docker02")),
        ("one".to_owned(), "one".to_owned())
    );

    // It did not move: the pull finds that, and nothing restarts.
    assert_eq!(ground.release_changes(), [""; 0]);

    fleet.image("app:latest", &["note=two"]);
    ground
        .diff()
        .exits(0)
        .says(&["Nothing to do"])
        .says(&["web", "may restart", "another image behind its tag"])
        .never_says(&["shop"]);
    let before = ground.containers();
    ground.release().exits(0);
    assert_eq!(
        before.changes(&ground.containers()),
        ["~ docker01/web", "~ docker02/web"]
    );
    let note = |host: &str| ground.host(host).sh("docker exec moving-web cat /note");
    assert_eq!(
        (note("docker01"), note("docker02")),
        ("two".to_owned(), "two".to_owned())
    );
    assert_eq!(ground.release_changes(), [""; 0]);

    // Pulled by hand, a look sees it: the container runs another image than its tag means.
    fleet.image("app:latest", &["note=three"]);
    ground.host("docker02").sh(&format!(
        "docker pull --quiet {}/app:latest",
        fleet.registry
    ));
    ground
        .diff()
        .exits(2)
        .says(&["web", "restart"])
        .says(&["app:latest now means another image"]);
    ground.repo.set_of("shop", "tag", "1.1");
    assert_eq!(
        ground.release_changes(),
        ["~ docker01/shop", "~ docker01/web", "~ docker02/web"]
    );
}

pub fn exits_at_once(fleet: &'static Fleet) {
    let mut ground = three(fleet, "exits");
    fleet.image("app:broken", &["entry=exit"]);
    ground.repo.set_of("web", "tag", "broken");
    ground.repo.set_of("mail", "tag", "1.1");
    let before = ground.containers();
    // The last words of the unit are what the operator needs.
    ground
        .release()
        .exits(5)
        .says(&["docker01", "exits-web"])
        .says(&["entry: exiting at once"])
        .says(&["put back on docker01", "not begun on docker02"]);
    // It stopped at the first host: the second one keeps what it had.
    let after = ground.containers();
    assert_eq!(before.id("docker02/web"), after.id("docker02/web"));
    assert_eq!(before.id("docker01/shop"), after.id("docker01/shop"));
    // There the version of before is back, and so it is what runs everywhere.
    assert_eq!(before.changes(&after), ["~ docker01/web"]);
    ground.is_as_described(|repo| {
        repo.set_of("web", "tag", "1.0");
        repo.set_of("mail", "tag", "1.0");
    });
    ground
        .status()
        .says(&["web", "pending restart"])
        .says(&["shop", "in sync"]);
    ground.diff().exits(2);

    // The next one finishes the job, crash loop or not.
    ground.repo.set_of("web", "tag", "1.1");
    ground.release().exits(0);
    assert_eq!(
        before.id("docker01/shop"),
        ground.containers().id("docker01/shop")
    );
    ground.is_in_sync();
}

pub fn unhealthy(fleet: &'static Fleet) {
    let mut ground = three(fleet, "sick");
    fleet.image("app:sick", &["entry=unhealthy"]);
    ground.repo.set_of("web", "tag", "sick");
    ground.repo.set_of("web", "health.timeout", "2s");
    let before = ground.containers();
    ground
        .release()
        .exits(5)
        .says(&["docker01", "sick-web"])
        .says(&["404"])
        .says(&["/health"]);
    assert_eq!(
        before.id("docker02/web"),
        ground.containers().id("docker02/web")
    );

    // With `keep` it stays as it is, for somebody to look at.
    ground
        .bayplan(&["release", "sick", "--yes", "--on-failure", "keep"])
        .exits(1)
        .says(&["docker01", "sick-web"])
        .never_says(&["put back"]);
    ground.status().says(&["web", "not running"]);

    // Back to what ran before is a change like any other.
    ground.repo.set_of("web", "tag", "1.0");
    ground.release().exits(0);
    assert_eq!(
        before.id("docker01/shop"),
        ground.containers().id("docker01/shop")
    );
    ground.is_in_sync();
}

fn three(fleet: &'static Fleet, cluster: &str) -> Ground {
    let mut ground = Ground::new(fleet, cluster);
    ground.images();
    ground.serve("web", 9411, "docker01 docker02");
    ground.serve("shop", 9412, "docker01");
    ground.serve("mail", 9413, "docker02");
    ground.release().exits(0);
    ground
}
