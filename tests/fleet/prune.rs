//! What nothing uses any more goes, and nothing else.

use std::collections::BTreeSet;

use crate::ground::Ground;
use crate::hosts::Fleet;

pub fn docker(fleet: &'static Fleet) {
    pruned(Ground::new(fleet, "prune"), "docker");
}

pub fn podman(fleet: &'static Fleet) {
    pruned(Ground::new(fleet, "prune-podman").with_podman(), "podman");
}

fn pruned(mut ground: Ground, engine: &str) {
    let (fleet, cluster) = (ground.fleet, ground.repo.name.clone());
    ground.only(&["docker01"]);
    let host = ground.host("docker01");
    let (ours, neighbours) = (format!("{cluster}-app"), format!("{cluster}-hand"));
    let tags = || -> BTreeSet<String> {
        let said = host.sh(&format!(
            "{engine} images --format '{{{{.Repository}}}}:{{{{.Tag}}}}'"
        ));
        let names = said.lines().filter_map(|name| name.rsplit_once('/'));
        let names = names.map(|(_, name)| name.to_owned());
        names.filter(|name| name.starts_with(&cluster)).collect()
    };
    ground.serve("web", 9946, "docker01");
    ground
        .repo
        .set_of("web", "image", format!("{}/{ours}", fleet.registry));
    // A generation for each, and only the last five are kept.
    for number in 1..=8 {
        fleet.image(&format!("{ours}:{number}"), &[]);
        ground.repo.set_of("web", "tag", number.to_string());
        ground.release().exits(0);
    }
    // What a release pulled that failed is in no generation.
    fleet.image(&format!("{ours}:bad"), &["entry=exit"]);
    ground.repo.set_of("web", "tag", "bad");
    ground.release().exits(5);
    ground.repo.set_of("web", "tag", "8");
    // Of the three that no generation names any more a hand tags one, and a container of nobody's has another one.
    let (registry, left) = (&fleet.registry, format!("{cluster}-left"));
    host.sh(&format!(
        "{engine} tag {registry}/{ours}:2 {registry}/{neighbours}:mine
        {engine} create --name {cluster}-hand {registry}/{ours}:3
        {engine} create --name {cluster}-old --label bayplan.cluster={cluster} {registry}/{ours}:8
        {engine} network create --label bayplan.cluster={cluster} {left}
        {engine} network create --label bayplan.cluster=other other-{cluster}"
    ));
    let all = tags();
    let before = ground.containers();
    ground
        .bayplan(&["prune", &cluster])
        .exits(1)
        .says(&["image", &format!("{ours}:1")])
        .says(&["image", &format!("{ours}:bad")])
        .says(&["network", &left])
        .says(&["`--yes` removes it"]);
    let json = ground
        .bayplan(&["prune", &cluster, "--json"])
        .exits(0)
        .stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    let kinds: Vec<&str> = json["hosts"][0]["leftovers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["kind"].as_str().expect("a kind"))
        .collect();
    assert_eq!(
        kinds,
        ["container", "network", "image", "image"],
        "{json:#}"
    );
    assert_eq!(tags(), all);

    ground
        .bayplan(&["prune", &cluster, "--yes"])
        .exits(0)
        .says(&["docker01: 4 things removed"])
        .never_says(&["stays:"]);
    let gone: Vec<String> = all.difference(&tags()).cloned().collect();
    assert_eq!(gone, [format!("{ours}:1"), format!("{ours}:bad")]);
    let names = host.sh(&format!(
        "{engine} ps --all --format '{{{{.Names}}}}'; {engine} network ls --format '{{{{.Name}}}}'"
    ));
    let names: Vec<&str> = names
        .lines()
        .filter(|name| name.contains(&*cluster))
        .collect();
    let stay = [
        format!("{cluster}-hand"),
        format!("{cluster}-web"),
        format!("other-{cluster}"),
    ];
    assert_eq!(
        BTreeSet::from_iter(names),
        stay.iter().map(String::as_str).collect()
    );
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    ground
        .bayplan(&["prune", &cluster, "--yes"])
        .exits(0)
        .says(&["nothing is left over"]);
    ground.is_in_sync();
    // Every generation that is kept has its image.
    ground
        .bayplan(&["rollback", &cluster, "--to", "4", "--yes"])
        .exits(0);
    // What went is needed again: it is pulled again.
    ground.repo.set_of("web", "tag", "1");
    ground.release().exits(0);

    // Another operator is at work.
    host.sh(&format!(
        "{engine} network create --label bayplan.cluster={cluster} {left}"
    ));
    host.sh(
        "systemd-run --quiet --collect --unit=prune-holder flock /var/lib/bayplan/lock sleep 60",
    );
    ground
        .bayplan(&["prune", &cluster, "--yes"])
        .exits(3)
        .says(&["docker01", "locked by process"]);
    host.sh(&format!(
        "systemctl stop prune-holder; {engine} rm -f {cluster}-hand; {engine} network rm other-{cluster}; {engine} rmi {registry}/{neighbours}:mine"
    ));
}
