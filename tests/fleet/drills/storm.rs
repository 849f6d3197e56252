//! Twenty containers that crash and are restarted by systemd at random moments, while releases change
//! what they start with.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::ground::Ground;
use crate::hosts::{Fleet, Host};

const HOST: &str = "docker01";
const SERVICES: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// Services that a release changes together.
const GROUPS: usize = 10;

/// Says with which values of three layers it was started; the journal keeps it.
const COMMAND: &str =
    "echo \"start $LOW_N $MID_N $HIGH\"; [ \"$SOUND\" = yes ] || exit 1; exec /entry";

/// Kills a container of the cluster every now and then.
const STORM: &str = "while :; do
    docker ps --quiet --filter label=bayplan.cluster=storm | shuf -n 1 | xargs -r docker kill >/dev/null 2>&1
    sleep $(shuf -i 0-2 -n 1).$(shuf -i 1-9 -n 1)
done";

struct Storm(&'static Host);

impl Storm {
    fn rage(host: &'static Host) -> Self {
        host.sh(&format!(
            "systemd-run --quiet --collect --unit=drill-storm sh -c '{STORM}'"
        ));
        Self(host)
    }

    fn calm(self) {}
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.0.run("systemctl stop drill-storm");
    }
}

/// The same number in three layers, so that a start that mixes old and new shows it.
fn describe(ground: &mut Ground, group: usize, number: usize) {
    let number = number.to_string();
    let repo = &mut ground.repo;
    repo.set_config(&format!("vars.LOW_{group}"), number.as_str());
    repo.set(&format!("vars.MID_{group}"), number.as_str());
    for (service, _) in services().filter(|(_, of)| *of == group) {
        repo.set_of(&service, "env.HIGH", number.as_str());
    }
}

/// Each with its group.
fn services() -> impl Iterator<Item = (String, usize)> {
    (1..=SERVICES).map(|number| (format!("s{number}"), number % GROUPS))
}

/// Each container that runs: its fingerprint, and the three values.
fn running(host: &Host) -> Vec<(String, [String; 3])> {
    let list = host.run(
        "docker ps --quiet --filter label=bayplan.cluster=storm | xargs -r docker inspect \
         --format '{{index .Config.Labels \"bayplan.inputs\"}}{{range .Config.Env}} {{.}}{{end}}' 2>/dev/null",
    );
    let list = String::from_utf8_lossy(&list.stdout);
    let containers = list.lines().map(|line| {
        let (fingerprint, variables) = line.split_once(' ').expect("a label and variables");
        let value = |name: &str| {
            let mut variables = variables.split(' ');
            let found = variables.find_map(|variable| {
                let (found, value) = variable.split_once('=')?;
                found.starts_with(name).then_some(value)
            });
            found.unwrap_or_default().to_owned()
        };
        (fingerprint.to_owned(), ["LOW", "MID", "HIGH"].map(value))
    });
    containers.collect()
}

pub fn weathered(fleet: &'static Fleet) {
    let mut ground = Ground::new(fleet, "storm");
    ground.images();
    ground.only(&[HOST]);
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/container.service");
    let template = fs::read_to_string(template).expect("it is part of the checkout");
    assert!(template.contains("RestartSec=5"));
    ground.repo.template = Some(template.replace("RestartSec=5", "RestartSec=200ms"));
    for (service, group) in services() {
        let image = format!("{}/app", fleet.registry);
        ground.repo.set_of(&service, "image", image);
        ground.repo.set_of(&service, "tag", "1.0");
        let vars = ["LOW", "MID"].map(|name| format!("{name}_{group}"));
        ground.repo.set_of(&service, "vars", vars.to_vec());
        ground.repo.set_of(&service, "env.SOUND", "yes");
        let script = COMMAND.replace("_N", &format!("_{group}"));
        let command = vec!["/bin/sh", "-c", &script];
        ground.repo.set_of(&service, "command", command);
        ground.repo.place(&service, HOST);
    }
    for group in 0..GROUPS {
        describe(&mut ground, group, 0);
    }
    ground.release().exits(0);

    let host = ground.host(HOST);
    let storm = Storm::rage(host);
    let mut seen: BTreeMap<String, [String; 3]> = BTreeMap::new();
    let begun = Instant::now();
    let (mut releases, mut failed) = (0, 0);
    while begun.elapsed() < MINUTE {
        releases += 1;
        describe(&mut ground, releases % GROUPS, releases);
        let ended = ground.release();
        // A container that crashes while a release waits for its health fails that release.
        assert!([0, 1, 5].contains(&ended.code), "{ended}");
        failed += usize::from(ended.code != 0);
        for (fingerprint, values) in running(host) {
            let before = seen
                .entry(fingerprint.clone())
                .or_insert_with(|| values.clone());
            assert_eq!(*before, values, "two meanings of {fingerprint}");
        }
    }
    storm.calm();

    ground.release().exits(0);
    // What crashed a moment ago is not called well yet.
    ground.diff().exits(0).says(&["No changes."]);
    let mut after: Vec<[String; 3]> = running(host).into_iter().map(|(_, v)| v).collect();
    let mut described: Vec<[String; 3]> = services()
        .map(|(_, group)| {
            let newest = (0..=releases).rev().find(|n| n % GROUPS == group);
            [0; 3].map(|_| newest.unwrap_or(0).to_string())
        })
        .collect();
    after.sort();
    described.sort();
    assert_eq!(after, described);
    let journal = host.sh("journalctl --unit 'storm-*' --output cat --no-pager | grep '^start '");
    let starts = journal.lines().count();
    for line in journal.lines() {
        let values: Vec<&str> = line.split(' ').skip(1).collect();
        assert!(
            values.len() == 3 && values.iter().all(|value| *value == values[0]),
            "a start with a mixture: {line}"
        );
    }
    println!("{releases} releases, of which {failed} failed, and {starts} starts");
    assert!(starts > 3 * SERVICES, "only {starts} starts");

    // A crash loop does not block the release that mends it.
    let before = ground.containers();
    ground.repo.set_of("s7", "env.SOUND", "no");
    ground
        .bayplan(&["release", "storm", "--yes", "--on-failure", "keep"])
        .exits(1);
    ground.status().says(&["s7", "crash loop"]);
    ground.repo.set_of("s7", "env.SOUND", "yes");
    ground.release().exits(0);
    assert_eq!(before.changes(&ground.containers()), ["~ docker01/s7"]);
    ground.diff().exits(0).says(&["No changes."]);
}
