//! Jobs that run once: migrations, before whoever comes after them.

use std::time::Duration;

use crate::containers::on_every_host;
use crate::drills::deaths::{Blow, HOST, steps};
use crate::drills::gate::Gate;
use crate::drills::steps::Every;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};

/// Where jobs leave a line for each run, on their host.
const LEFT: &str = "/var/lib/fleet-jobs";

/// What a migration does: a line of its version when it begins, another one when it ends; one version fails.
const MIGRATE: &str = "echo begins $(cat /version) >>/data/runs
    sleep ${SECONDS_OF_WORK:-0}
    case $(cat /version) in
    broken*) echo 'no such column: users.email'; exit 3 ;;
    esac
    echo ends $(cat /version) >>/data/runs";

/// The job `migrate` on a host, with the image of this tag.
fn migrate(ground: &mut Ground, host: &str, tag: &str) {
    let left = format!("{LEFT}/{}", ground.repo.name);
    let image = format!("{}/app", ground.fleet.registry);
    let repo = &mut ground.repo;
    repo.set_of("migrate", "image", image);
    repo.set_of("migrate", "tag", tag);
    repo.set_of("migrate", "command", vec!["/bin/sh", "-c", MIGRATE]);
    repo.set_of("migrate", "volumes", vec![format!("{left}:/data")]);
    repo.set_of("migrate", "once", "image");
    repo.set_of("migrate", "timeout", "60s");
    repo.place("migrate", host);
    on_every_host(ground.fleet, |host| host.sh(&format!("mkdir -p {left}")));
}

/// The lines that runs left, on all hosts.
fn runs(ground: &Ground) -> Vec<String> {
    let left = format!("cat {LEFT}/{}/runs 2>/dev/null || :", ground.repo.name);
    let all = on_every_host(ground.fleet, |host| host.sh(&left));
    let lines = all.iter().flat_map(|runs| runs.lines());
    lines.map(str::to_owned).collect()
}

fn begun(ground: &Ground, tag: &str) -> usize {
    let line = format!("begins {tag}");
    runs(ground).iter().filter(|run| **run == line).count()
}

/// What jobs left goes with this value.
struct Left(&'static Fleet, String);

impl Drop for Left {
    fn drop(&mut self) {
        let left = format!("{LEFT}/{}", self.1);
        on_every_host(self.0, |host| host.run(&format!("rm -rf {left}")));
    }
}

pub fn docker(fleet: &'static Fleet) {
    life(Ground::new(fleet, "jobs"), "docker");
}

pub fn podman(fleet: &'static Fleet) {
    life(Ground::new(fleet, "jobs-podman").with_podman(), "podman");
}

fn life(mut ground: Ground, engine: &str) {
    let fleet = ground.fleet;
    let name = ground.repo.name.clone();
    let _left = Left(fleet, name.clone());
    ground.images();
    ground.serve("db", 9801, "docker02");
    ground.serve("web", 9802, "docker01 docker02");
    ground.serve("shop", 9803, "docker01");
    ground.repo.set_of("web", "after", vec!["migrate"]);
    migrate(&mut ground, "docker01", "1.0");
    ground.repo.set_of("migrate", "needs", vec!["db"]);

    // It runs after the database is there, and before anybody who comes after it.
    ground
        .diff()
        .exits(2)
        .says(&["migrate", "run", "has not run yet"])
        .says(&["what it does is not undone"])
        .says(&["1 job runs"]);
    ground.release().exits(0).says(&["1 job run"]);
    assert_eq!(runs(&ground), ["begins 1.0", "ends 1.0"]);
    let started = |host: &str, service: &str| {
        let at = format!("{engine} inspect -f '{{{{.State.StartedAt}}}}' {name}-{service}");
        let script = format!("date +%s.%N -d \"$({at} | sed 's/ [A-Z]*$//')\"");
        let moment = ground.host(host).sh(&script);
        moment.trim().parse::<f64>().expect("a moment")
    };
    let migrated = {
        let script = format!("stat -c %.9Y {LEFT}/{name}/runs");
        let moment = ground.host("docker01").sh(&script);
        moment.trim().parse::<f64>().expect("a moment")
    };
    assert!(started("docker02", "db") < migrated);
    for host in ["docker01", "docker02"] {
        assert!(migrated < started(host, "web"), "{host}");
    }
    ground.is_in_sync();
    ground.status().exits(0).says(&["migrate", "done at"]);

    // Every host knows of it.
    let records = format!("cat /var/lib/bayplan/{name}/jobs/migrate/*");
    for (host, record) in on_every_host(fleet, |host| (host.name.clone(), host.sh(&records))) {
        assert!(record.starts_with("state=ok "), "{host}: {record}");
        assert_eq!(record.lines().count(), 1, "{host}: {record}");
    }

    // Other inputs are no other image.
    ground.repo.set_of("migrate", "env.LOCALE", "C");
    ground
        .diff()
        .exits(2)
        .says(&["migrate", "write"])
        .never_says(&["job runs"]);
    assert_eq!(ground.release_changes(), [""; 0]);
    assert_eq!(runs(&ground).len(), 2);
    ground.is_in_sync();

    // A release of who comes after it takes it along. The one before it is not run again.
    for (tag, lines) in [("1.1", 4), ("1.0", 4), ("1.1", 4)] {
        ground.repo.set_of("migrate", "tag", tag);
        ground.repo.set_of("web", "tag", tag);
        ground.bayplan(&["release", &name, "web", "--yes"]).exits(0);
        assert_eq!(runs(&ground).len(), lines, "{tag}");
        ground.is_in_sync();
    }

    fails(&mut ground);
    takes_too_long(&mut ground);
    leaves_while_it_runs(&mut ground);

    // It moves, and its first host is replaced: nobody forgets.
    ground.repo.place("migrate", "docker03");
    let before = runs(&ground);
    ground.release().exits(0);
    let state = format!("rm -rf /var/lib/bayplan/{name}/jobs");
    ground.host("docker01").sh(&state);
    ground.repo.place("migrate", "docker01");
    ground.release().exits(0);
    assert_eq!(runs(&ground), before);
    ground.is_in_sync();

    // Going back runs nothing.
    fleet.image("app:1.2", &[]);
    ground.repo.set_of("migrate", "tag", "1.2");
    ground.repo.set_of("web", "tag", "1.2");
    ground
        .diff()
        .exits(2)
        .says(&["migrate", "run", "image 1.1 → 1.2"]);
    ground.release().exits(0);
    let before = runs(&ground);
    assert_eq!(before.last().map(String::as_str), Some("ends 1.2"));
    ground
        .bayplan(&["rollback", &name, "--yes"])
        .exits(0)
        .never_says(&["job runs"]);
    assert_eq!(runs(&ground), before);
    ground.release().exits(0);
    assert_eq!(runs(&ground), before);
    ground.is_in_sync();

    // With the job its records go, on every host.
    ground.repo.remove("migrate");
    ground
        .repo
        .services
        .get_mut("web")
        .expect("it is there")
        .remove("after");
    ground.release().exits(0);
    let left = format!("ls /var/lib/bayplan/{name}/jobs 2>/dev/null || :");
    assert_eq!(on_every_host(fleet, |host| host.sh(&left)), ["", "", ""]);
    ground.is_in_sync();
}

/// One that fails stops the release there; its last words are in the error.
fn fails(ground: &mut Ground) {
    let name = ground.repo.name.clone();
    let broken = format!("broken-{name}");
    ground.fleet.image(&format!("app:{broken}"), &[]);
    for service in ["migrate", "web"] {
        ground.repo.set_of(service, "tag", broken.as_str());
    }
    let before = ground.containers();
    ground
        .release()
        .exits(5)
        .says(&["migrate failed"])
        .says(&["no such column: users.email"])
        .says(&["put back"]);
    assert_eq!(before.changes(&ground.containers()), [""; 0]);
    assert_eq!(begun(ground, &broken), 1);
    ground
        .status()
        .exits(0)
        .says(&["migrate", "failed at", "(3)"])
        .says(&["bayplan logs", "migrate"]);
    // It is tried again, and told why.
    ground
        .diff()
        .exits(2)
        .says(&["its last run failed at", "(3)"]);
    ground.release().exits(5);
    assert_eq!(begun(ground, &broken), 2);
    for service in ["migrate", "web"] {
        ground.repo.set_of(service, "tag", "1.1");
    }
    assert_eq!(ground.release_changes(), [""; 0]);
    ground.is_in_sync();
}

fn takes_too_long(ground: &mut Ground) {
    let name = ground.repo.name.clone();
    let slow = format!("slow-{name}");
    ground.fleet.image(&format!("app:{slow}"), &[]);
    ground.repo.set_of("migrate", "tag", slow.as_str());
    ground.repo.set_of("migrate", "env.SECONDS_OF_WORK", "60");
    ground.repo.set_of("migrate", "timeout", "1s");
    ground.release().exits(5).says(&["migrate", "timeout"]);
    assert_eq!(begun(ground, &slow), 1);
    let containers = ground.containers();
    assert!(!containers.names().contains("docker01/migrate"));
    ground.repo.set_of("migrate", "tag", "1.1");
    ground.repo.set_of("migrate", "timeout", "60s");
    works_at_once(ground);
    ground.release().exits(0);
    ground.is_in_sync();
}

fn works_at_once(ground: &mut Ground) {
    let services = &mut ground.repo.services;
    let service = services.get_mut("migrate").expect("it is there");
    let env = service["env"].as_table_mut().expect("a table");
    env.remove("SECONDS_OF_WORK");
}

/// A run that goes on is neither cut nor doubled: the release that takes the job away does not begin.
fn leaves_while_it_runs(ground: &mut Ground) {
    let unit = format!("{}-migrate.service", ground.repo.name);
    ground.repo.set_of("migrate", "env.SECONDS_OF_WORK", "20");
    ground.release().exits(0);
    let records = format!("/var/lib/bayplan/{}/jobs/migrate", ground.repo.name);
    let before = runs(ground).len();
    let host = ground.host("docker01");
    host.sh(&format!(
        "mkdir {records}.away; mv {records}/* {records}.away; systemctl start --no-block {unit}"
    ));
    let minute = Duration::from_secs(60);
    until(minute, "the job runs", || {
        (runs(ground).len() == before + 1).then_some(())
    });
    ground.repo.place("migrate", "docker03");
    ground
        .release()
        .exits(1)
        .says(&["migrate leaves this host", "a run of it is under way"])
        .says(&["journalctl -fu", &unit]);
    until(minute, "its run has ended", || {
        (runs(ground).len() == before + 2).then_some(())
    });
    let active = format!("systemctl is-active {unit} || :");
    until(minute, "its unit is at rest", || {
        (ground.host("docker01").sh(&active).trim() != "activating").then_some(())
    });
    ground.host("docker01").sh(&format!("rm -r {records}.away"));
    works_at_once(ground);
    ground.repo.place("migrate", "docker01");
    ground.release().exits(0);
    ground.is_in_sync();
    assert_eq!(runs(ground).len(), before + 2);
}

pub fn activation_killed(fleet: &'static Fleet) {
    drill(fleet, Blow::Activation);
}

pub fn operator_killed(fleet: &'static Fleet) {
    drill(fleet, Blow::Operator);
}

pub fn power_cut(fleet: &'static Fleet) {
    drill(fleet, Blow::Power);
}

/// A release with a migration dies before each of its steps, and while the migration runs. One more release finishes it.
/// The migration ran once then; twice only where the power went before its success was on the disk.
fn drill(fleet: &'static Fleet, blow: Blow) {
    let cluster = match blow {
        Blow::Activation => "job-activation",
        Blow::Operator => "job-operator",
        Blow::Power => "job-power",
    };
    let mut ground = Ground::new(fleet, cluster);
    let _left = Left(fleet, cluster.to_owned());
    ground.images();
    ground.only(&[HOST]);
    let gate = Gate::of(fleet, HOST);
    ground.serve("db", 9811, HOST);
    ground.serve("web", 9812, HOST);
    ground.repo.set_of("web", "after", vec!["migrate"]);
    migrate(&mut ground, HOST, "1.0");
    ground.repo.set_of("migrate", "needs", vec!["db"]);
    ground.release().exits(0);
    let mut number = 0;
    let mut next = |ground: &mut Ground| {
        number += 1;
        let tag = format!("{cluster}-{number}");
        fleet.image(&format!("app:{tag}"), &[]);
        for service in ["migrate", "web"] {
            ground.repo.set_of(service, "tag", tag.as_str());
        }
        tag
    };
    next(&mut ground);
    ground.release().exits(0);
    let steps = steps(&ground);
    for (script, step) in Every::of_this_run().of(steps) {
        let tag = next(&mut ground);
        let at = format!("{blow:?} before step {step} of {script}");
        blow.strike(&ground, &gate, (&script, step), &at);
        finishes(&ground, &tag, &at);
        // Before a step there is no run whose success is not on the disk.
        assert_eq!(begun(&ground, &tag), 1, "{at}");
    }

    // While it runs.
    ground.repo.set_of("migrate", "env.SECONDS_OF_WORK", "4");
    ground.release().exits(0);
    let tag = next(&mut ground);
    let at = format!("{blow:?} while it runs");
    let release = ground.start(&["release", cluster, "--yes"]);
    until(Duration::from_secs(60), "it runs", || {
        (begun(&ground, &tag) > 0).then_some(())
    });
    ground
        .bayplan_as_written(&["status", cluster, "--by", "host"])
        .says(&["migrate", "running"]);
    match blow {
        Blow::Activation => {
            let kill = format!("systemctl kill --signal=KILL 'bayplan-activate-{cluster}.*'");
            ground.host(HOST).sh(&kill);
            release.ended().exits(1);
        }
        Blow::Operator => release.kill(),
        Blow::Power => {
            fleet.power_cut(HOST);
            release.ended().exits(1);
            fleet.close_connections();
            ground.diff().exits(2).says(&["no end is recorded"]);
        }
    }
    finishes(&ground, &tag, &at);
    let runs = match blow {
        Blow::Activation | Blow::Operator => 1,
        Blow::Power => 2,
    };
    assert_eq!(begun(&ground, &tag), runs, "{at}");
}

fn finishes(ground: &Ground, tag: &str, at: &str) {
    let ended = ground.release();
    assert_eq!(ended.code, 0, "{at}: {ended}");
    let diff = ground.diff();
    assert_eq!(diff.code, 0, "{at}: {diff}");
    let done = format!("ends {tag}");
    assert!(runs(ground).contains(&done), "{at}: {:?}", runs(ground));
}
