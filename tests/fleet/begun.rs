//! Releases that have not ended: paused after the canary, or left by a releaser who died.

use std::time::Duration;

use crate::containers::Containers;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};
use crate::repo::Repo;
use crate::rollout::with_web;

/// A cluster with a `web` on every host, released.
fn released(fleet: &'static Fleet, cluster: &str, port: u16) -> Ground {
    let ground = with_web(fleet, cluster, port);
    ground.release().exits(0);
    ground.is_in_sync();
    ground
}

fn unset(repo: &mut Repo, key: &str) {
    let web = repo.services.get_mut("web").expect("it is served");
    web.remove(key);
}

/// What became of containers since then.
#[track_caller]
fn changed(ground: &Ground, before: &Containers, expected: &[&str]) {
    assert_eq!(before.changes(&ground.containers()), expected);
}

/// No host keeps anything of a release that has not ended.
#[track_caller]
fn nothing_is_begun(ground: &Ground) {
    let cluster = &ground.repo.name;
    for host in &ground.fleet.hosts {
        host.sh(&format!(
            "! ls /var/lib/bayplan/{cluster}/begun.json 2>/dev/null"
        ));
    }
    let status = ground.status();
    status
        .never_says(&["waits after its canary"])
        .never_says(&["has not ended"]);
}

/// A release waits after its canary until somebody says that it may go on, or back.
pub fn pauses(fleet: &'static Fleet) {
    let mut ground = released(fleet, "paused", 9691);
    ground.repo.set("rollout.canary", vec!["docker02"]);
    ground.repo.set("rollout.pause", "ask");
    ground.is_in_sync();
    let resume: &[&str] = &["release", "paused", "--resume", "--yes"];
    ground
        .bayplan(resume)
        .exits(1)
        .says(&["expected a release of paused that has not ended, found none"]);

    // Its canary has it, and nobody else.
    let before = ground.containers();
    ground.repo.set_of("web", "tag", "1.1");
    ground
        .diff()
        .exits(2)
        .says(&["docker02 alone first, then a pause until `--resume`"]);
    ground
        .release()
        .exits(6)
        .says(&["Released paused on docker02; not begun on docker01, docker03"])
        .says(&["`bayplan release paused --resume` goes on, `bayplan rollback paused` goes back"]);
    changed(&ground, &before, &["~ docker02/web"]);
    ground.status().says(&["waits after its canary"]);
    ground.diff().exits(2).says(&["waits after its canary"]);
    ground
        .release()
        .exits(6)
        .says(&["the release of", "waits after its canary"]);
    changed(&ground, &before, &["~ docker02/web"]);

    // What was not described then is not what was seen on the canary.
    ground.repo.set_of("web", "env.NEW", "1");
    ground
        .bayplan(resume)
        .exits(4)
        .says(&["expected the description that the release of", "began with"]);
    changed(&ground, &before, &["~ docker02/web"]);
    unset(&mut ground.repo, "env");

    let paused = ground.containers();
    ground.bayplan(resume).exits(0);
    changed(&ground, &paused, &["~ docker01/web", "~ docker03/web"]);
    ground.is_in_sync();
    nothing_is_begun(&ground);

    // And back: the canary alone, whatever the description says.
    let before = ground.containers();
    ground.repo.set_of("web", "tag", "1.0");
    ground.release().exits(6);
    changed(&ground, &before, &["~ docker02/web"]);
    let paused = ground.containers();
    ground.bayplan(&["rollback", "paused", "--yes"]).exits(0);
    changed(&ground, &paused, &["~ docker02/web"]);
    nothing_is_begun(&ground);
    ground.is_as_described(|repo| repo.set_of("web", "tag", "1.1"));

    // Where one fails after the pause, the canary goes back with the others.
    ground.repo.set_of("web", "vars", vec!["CLUSTER_HOST"]);
    ground.repo.set("rollout.pause", "2s");
    ground
        .release()
        .exits(0)
        .says(&["docker02 alone first, then 2.0 s before others"]);
    ground.is_in_sync();
    ground.repo.set("rollout.pause", "ask");
    let before = ground.containers();
    let only_there = "[ $CLUSTER_HOST = docker03 ] || exec /entry; exit 7";
    let command = vec!["sh", "-c", only_there];
    ground.repo.set_of("web", "command", command);
    ground.release().exits(6);
    changed(&ground, &before, &["~ docker02/web"]);
    let all = ["~ docker01/web", "~ docker02/web", "~ docker03/web"];
    ground
        .bayplan(resume)
        .exits(5)
        .says(&["Failed and put back on docker03; gone back on docker01"])
        .says(&["docker02: back to generation"]);
    changed(&ground, &before, &all);
    nothing_is_begun(&ground);
    ground.is_as_described(|repo| unset(repo, "command"));
}

/// A releaser dies between two hosts: the cluster says so, and whoever comes goes on or back.
pub fn left_half_done(fleet: &'static Fleet) {
    let mut ground = released(fleet, "half", 9694);
    fleet.image("app:stable", &["note=one"]);
    ground.serve("tip", 9695, "docker01 docker03");
    ground.repo.set_of("tip", "tag", "stable");
    ground.release().exits(0);
    assert_eq!(notes(&ground), ["one", "one"]);

    let dies_at = |ground: &Ground, words: &str| {
        let mut release = ground.start(&["release", "half", "--yes"]);
        release.until_it_says(words);
        release.kill();
    };
    fleet.image("app:stable", &["note=two"]);
    ground.repo.set_of("web", "tag", "1.1");
    ground.repo.set("rollout.soak", "3s");
    let before = ground.containers();
    dies_at(&ground, "watching for 3.0 s what started");
    // docker01 goes on by itself; `rollback` waits for it. The tag means what it meant again.
    let back = ground.bayplan(&["rollback", "half", "--yes"]);
    back.exits(0).says(&["docker01: back to generation"]);
    changed(&ground, &before, &["~ docker01/tip", "~ docker01/web"]);
    assert_eq!(notes(&ground), ["one", "one"]);
    nothing_is_begun(&ground);

    // Forward: the next release of the same description.
    let before = ground.containers();
    dies_at(&ground, "watching for 3.0 s what started");
    until(Duration::from_secs(30), "docker01 is done", || {
        let running = ground
            .host("docker01")
            .sh("systemctl list-units --plain --no-legend 'bayplan-activate-*'");
        running.trim().is_empty().then_some(())
    });
    ground.status().says(&["the release of", "has not ended"]);
    ground
        .bayplan(&["release", "half", "--resume", "--yes"])
        .exits(0);
    let changes = before.changes(&ground.containers());
    assert_eq!(changes.len(), 5, "{changes:?}");
    assert_eq!(notes(&ground), ["two", "two"]);

    // A rollback that is left half done goes on, and is not undone.
    let mut back = ground.start(&["rollback", "half", "--yes"]);
    back.until_it_says("docker01: done in");
    back.kill();
    ground.bayplan(&["rollback", "half", "--yes"]).exits(0);
    assert_eq!(notes(&ground), ["one", "one"]);
    for host in &fleet.hosts {
        let runs = host.sh("docker inspect --format '{{.Config.Image}}' half-web");
        assert!(
            runs.trim_end().ends_with("app:1.0"),
            "{}: {runs}",
            host.name
        );
    }
    nothing_is_begun(&ground);
}

fn notes(ground: &Ground) -> [String; 2] {
    ["docker01", "docker03"].map(|host| ground.host(host).sh("docker exec half-tip cat /note"))
}

/// A releaser dies while all go back: whoever comes goes on with that, and then forward again.
pub fn left_on_the_way_back(fleet: &'static Fleet) {
    let mut ground = released(fleet, "turned", 9697);
    ground.repo.set_of("web", "vars", vec!["CLUSTER_HOST"]);
    ground.release().exits(0);
    let before = ground.containers();
    let only_there = "[ $CLUSTER_HOST = docker03 ] || exec /entry; exit 7";
    ground
        .repo
        .set_of("web", "command", vec!["sh", "-c", only_there]);
    let mut release = ground.start(&["release", "turned", "--yes"]);
    release.until_it_says("docker02: putting the previous generation back");
    release.kill();
    let status = until(Duration::from_secs(30), "it has ended there", || {
        let status = ground.status();
        status
            .stdout
            .contains("was going back when it ended")
            .then_some(status)
    });
    status.says(&["`bayplan rollback turned` goes on with that"]);
    ground
        .release()
        .exits(5)
        .says(&["docker01: back to generation"]);
    let all = ["~ docker01/web", "~ docker02/web", "~ docker03/web"];
    changed(&ground, &before, &all);
    nothing_is_begun(&ground);
    // The same once more is a new release.
    ground
        .release()
        .exits(5)
        .says(&["gone back on docker01, docker02"]);
    nothing_is_begun(&ground);
    unset(&mut ground.repo, "command");
    ground.is_in_sync();
}
