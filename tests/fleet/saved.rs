//! Plans that were saved, and what they may not do once a host moved.

use crate::ground::Ground;
use crate::hosts::Fleet;

pub fn released(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "saved");
    ground.images();
    ground.serve("web", 9611, "docker01 docker02");
    ground.serve("shop", 9612, "docker01");
    ground.release().exits(0);
    let file = fleet.operator.join("plan.json");
    let plan = file.to_str().expect("mktemp makes plain names");
    let save = |ground: &Ground| {
        ground.bayplan(&["diff", "saved", "-o", plan]).exits(0);
    };
    let release = |ground: &Ground| ground.bayplan(&["release", "--plan", plan]);

    // What was reviewed is done, and nobody is asked. That something of it crashed since is no reason
    // to refuse its fix.
    ground.repo.set_of("web", "tag", "1.1");
    save(&ground);
    let before = ground.containers();
    ground.host("docker02").sh("docker kill saved-web");
    release(&ground).exits(0).says(&["Released", "saved"]);
    let after = ground.containers();
    assert_eq!(
        before.changes(&after),
        ["~ docker01/web", "~ docker02/web"],
        "shop was not in the plan"
    );
    ground
        .bayplan(&["why", "saved", "web", "--live"])
        .exits(0)
        .says(&["docker01", "restarted", "olivia"])
        .says(&["image 1.0 → 1.1"])
        .says(&["was not running"])
        .says(&["running since"]);
    ground
        .bayplan(&["history", "saved"])
        .exits(0)
        .says(&["image 1.0 → 1.1", "web"]);

    // It was done: it is not done again.
    release(&ground)
        .exits(4)
        .says(&["docker01", "its generation is 2 now", "made at 1"]);

    // A hand edits a host meanwhile: nothing happens on any.
    ground.repo.set_of("web", "env.GREETING", "hello");
    ground.repo.set_of("shop", "env.GREETING", "hello");
    save(&ground);
    let edit = "echo '# by hand' >>/etc/systemd/system/saved-shop.service";
    ground.host("docker01").sh(edit);
    let (containers, files) = (ground.containers(), ground.files());
    release(&ground)
        .exits(4)
        .says(&["docker01", "the files of shop were changed"])
        .says(&["nothing was changed on any host"])
        .never_says(&["docker02:"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);
    ground.assert_untouched(&files);

    // Something that nobody looked at ended since: to start it was not reviewed.
    ground.release().exits(0);
    ground.repo.set_of("web", "env.GREETING", "good day");
    save(&ground);
    ground.host("docker01").sh("systemctl stop saved-shop");
    let containers = ground.containers();
    release(&ground)
        .exits(4)
        .says(&["docker01", "shop starts now", "was not reviewed"]);
    assert_eq!(containers.changes(&ground.containers()), [""; 0]);

    // Another description than the reviewed one.
    ground.host("docker01").sh("systemctl start saved-shop");
    ground.repo.set_of("web", "env.GREETING", "good night");
    release(&ground).exits(4).says(&["services/web.toml"]);
}
