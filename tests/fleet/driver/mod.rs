//! A second opinion: a driver that shares no code with bayplan. It edits a description at random,
//! disturbs hosts and releases, works out by itself what each container should receive, and holds
//! what the engines tell of the containers against that and against what the plan announced: no
//! wrong value, no restart without need or word, none that is missing.
//!
//! A seed decides the edits and the harm (not how long things take, so a moment of a kill may
//! differ). When something is off it prints the seed, the step and all that was done.

mod description;
mod edits;
mod edits_of_jobs;
mod edits_of_service;
mod expected;
mod harm;
mod jobs;
mod order;
mod random;
mod seen;
mod steps;
mod valid;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use self::description::{Description, Host, Images, Network};
use self::expected::{Builds, Place, Receives, expected, expected_of_jobs};
use self::harm::SMALL_DISK;
use self::jobs::{Known, LEFT, Said, Since};
use self::random::Random;
use self::seen::AllSeen;
use crate::ground::Ground;
use crate::hosts::Fleet;
use crate::run::{Ended, Running, number_of_commit, start};

/// The image of all services.
const IMAGE: &str = "driver-app";

/// How long it runs if nobody says otherwise.
const SECONDS: u64 = 100;

/// The cluster with everything that is known of it.
struct Driver {
    ground: Ground,
    name: String,
    seed: u64,
    random: Random,
    engines: BTreeMap<String, &'static str>,
    description: Description,
    /// What `secrets.toml` has.
    stored: BTreeMap<String, String>,
    digests: BTreeMap<String, String>,
    builds: Builds,
    /// How often the moving tag moved.
    moves: usize,
    /// How many tags were made for jobs.
    tags: usize,
    jobs: Known,
    /// What was a job at the last release.
    were_jobs: BTreeSet<String>,
    /// What each container received when it was last looked at.
    running: BTreeMap<Place, Receives>,
    /// What it would get now if it crashed.
    on_disk: BTreeMap<Place, Receives>,
    /// Containers that wait for a restart by hand, and have not read what their live directories show meanwhile.
    unread: BTreeSet<Place>,
    /// Permissions and owners of directories that units made, by host and path: nothing ever changes them.
    made: BTreeMap<Place, String>,
    /// With which ones a unit may make a directory.
    may_make: BTreeMap<String, BTreeSet<String>>,
    /// The options of networks as of the last release.
    networks: BTreeMap<&'static str, Network>,
    history: Vec<String>,
    edits: usize,
    harm: usize,
    verdicts: usize,
    restarts: usize,
    reloads: usize,
    runs: usize,
}

/// What a plan says of each container: `start`, `restart`, `reload`, `stop`, `may_restart`, `pending`, `none`.
#[derive(Clone, Default, Debug)]
struct Announced {
    actions: BTreeMap<Place, String>,
    /// Those that read files again, and that the plan says may restart instead.
    may_restart: BTreeSet<Place>,
    /// Rows of what is a job, or was one.
    jobs: Vec<Said>,
}

pub fn drive(fleet: &'static Fleet) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>());
    let number = |name: &str| number(name).map(|number| number.expect("a number"));
    let seed = number("BAYPLAN_DRIVER_SEED").unwrap_or_else(number_of_commit);
    let steps = number("BAYPLAN_DRIVER_STEPS");
    let seconds = number("BAYPLAN_DRIVER_SECONDS").or(steps.is_none().then_some(SECONDS));
    println!("driver: BAYPLAN_DRIVER_SEED={seed}");
    let mut driver = Driver::new(fleet, seed);
    let begun = Instant::now();
    let mut step = 0;
    while steps.is_none_or(|steps| step < steps)
        && seconds.is_none_or(|seconds| begun.elapsed().as_secs() < seconds)
    {
        step += 1;
        driver.history.push(format!("--- step {step}"));
        driver.step();
    }
    println!(
        "driver: {step} steps, {} edits, {} disturbances, {} verdicts over containers, {} restarts, {} reloads, {} runs of jobs: \
         nothing was off",
        driver.edits, driver.harm, driver.verdicts, driver.restarts, driver.reloads, driver.runs
    );
}

impl Driver {
    fn new(fleet: &'static Fleet, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let ground = Ground::new(fleet, "driver");
        let engine = |name: &str| match name {
            "docker03" => "podman",
            "docker02" if seed % 2 == 1 => "podman",
            _ => "docker",
        };
        let hosts = fleet.hosts.iter().map(|host| Host {
            name: host.name.clone(),
            address: host.address.clone(),
            key: host.host_key.clone(),
            engine: engine(&host.name),
            listen: None,
            vars: BTreeMap::new(),
        });
        let hosts: Vec<Host> = hosts.collect();
        let mut driver = Self {
            name: ground.repo.name.clone(),
            seed,
            engines: hosts.iter().map(|h| (h.name.clone(), h.engine)).collect(),
            description: edits::first(hosts, &mut random),
            stored: BTreeMap::new(),
            digests: BTreeMap::new(),
            builds: BTreeMap::new(),
            moves: 0,
            tags: 0,
            jobs: Known::default(),
            were_jobs: BTreeSet::new(),
            running: BTreeMap::new(),
            on_disk: BTreeMap::new(),
            unread: BTreeSet::new(),
            made: BTreeMap::new(),
            may_make: BTreeMap::new(),
            networks: BTreeMap::new(),
            history: Vec::new(),
            edits: 0,
            harm: 0,
            verdicts: 0,
            restarts: 0,
            reloads: 0,
            runs: 0,
            random,
            ground,
        };
        for tag in edits::TAGS {
            driver.push(tag, tag);
        }
        driver.push(edits::MOVING, "0");
        for host in &fleet.hosts {
            let engine = driver.engine(&host.name);
            let name = &driver.name;
            assert_eq!(edits::EXISTING, format!("{name}-net"));
            // Podman does not make the sources of bind mounts.
            host.sh(&format!(
                "{engine} network create {name}-net; mkdir -p /srv/{name}/a /srv/{name}/b {LEFT}/{name}"
            ));
        }
        let inputs = format!("/etc/bayplan/{}", driver.name);
        let mount = format!("mkdir -p {inputs} && mount -t tmpfs -o size=2m tmpfs {inputs}");
        driver.sh(SMALL_DISK, &mount);
        driver.first_jobs();
        let mut description = driver.description.clone();
        valid::make_valid(&driver.name, &mut description, &driver.images());
        driver.description = description;
        driver.description.write(
            Path::new(driver.ground.repo.root()),
            &driver.name,
            &driver.images(),
        );
        crate::secrets::identity(fleet);
        driver.bayplan(&["secrets", "init", "driver"], "").exits(0);
        driver.write();
        let desired = driver.desired();
        driver.release(&[]).exits(0);
        driver.on_disk = desired;
        driver.settle(&BTreeSet::new());
        let seen = driver.look();
        driver.agree(
            &AllSeen::new(),
            &seen,
            &Announced::default(),
            &Rules::default(),
        );
        driver.judge_runs(&Since::Struck(&|_| false));
        driver.were_jobs = driver.description.jobs.keys().cloned().collect();
        driver
    }

    /// Pushes a tag whose image has this build in it.
    fn push(&mut self, tag: &str, build: &str) {
        let image = format!("{IMAGE}:{tag}");
        let digest = self
            .ground
            .fleet
            .image(&image, &[&format!("build={build}")]);
        self.digests.insert(tag.to_owned(), digest);
        self.builds.insert(tag.to_owned(), build.to_owned());
    }

    fn images(&self) -> Images<'_> {
        Images {
            registry: &self.ground.fleet.registry,
            digests: &self.digests,
        }
    }

    fn desired(&self) -> BTreeMap<Place, Receives> {
        expected(&self.name, &self.description, &self.images(), &self.builds)
    }

    fn expected_of_jobs(&self) -> BTreeMap<Place, Receives> {
        expected_of_jobs(&self.name, &self.description, &self.images(), &self.builds)
    }

    // ---- bayplan ----

    fn start(&self, arguments: &[&str]) -> Running {
        let mut line = vec!["-C", self.ground.repo.root()];
        line.extend(arguments);
        start(self.ground.fleet, &line)
    }

    fn bayplan(&self, arguments: &[&str], input: &str) -> Ended {
        let mut running = self.start(arguments);
        running.types(input);
        running.ended()
    }

    fn start_release(&self, services: &[&str]) -> Running {
        let mut line = vec!["release", self.name.as_str()];
        line.extend(services);
        line.extend(["--yes", "--allow-move", "--lock-wait", "60s"]);
        self.start(&line)
    }

    fn release(&mut self, services: &[&str]) -> Ended {
        let ended = self.start_release(services).ended();
        let took = ended.took.as_secs_f64();
        self.history.push(format!(
            "release {services:?}: {} after {took:.1} s",
            ended.code
        ));
        ended
    }

    /// What the plan says of each container.
    fn announced(&mut self) -> Announced {
        let ended = self.bayplan(&["diff", "driver", "--json"], "").exits(0);
        let plan: Value = serde_json::from_str(&ended.stdout).expect("a plan is JSON");
        let jobs = self.names_of_jobs();
        let mut announced = Announced::default();
        for host in plan["hosts"].as_array().expect("hosts") {
            for service in host["services"].as_array().expect("services") {
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                let place = (text(&host["host"]), text(&service["service"]));
                let action = text(&service["action"]);
                let notes = service["notes"].as_array().expect("notes");
                let notes: Vec<String> = notes.iter().map(|note| text(&note["kind"])).collect();
                if notes.iter().any(|note| note == "may_restart") {
                    announced.may_restart.insert(place.clone());
                }
                if jobs.contains(&place.1) {
                    let (place, action) = (place.clone(), action.clone());
                    announced.jobs.push(Said {
                        place,
                        action,
                        notes,
                    });
                }
                if !jobs.contains(&place.1) || self.description.services.contains_key(&place.1) {
                    announced.actions.insert(place, action);
                }
            }
        }
        let words: Vec<String> = announced
            .actions
            .iter()
            .map(|((host, service), action)| format!("{host}/{service} {action}"))
            .collect();
        self.history.push(format!("plan: {}", words.join(", ")));
        for said in &announced.jobs {
            self.history.push(format!("plan of a job: {said:?}"));
        }
        announced
    }

    /// Writes the description, and into `secrets.toml` what changed of it.
    fn write(&mut self) {
        self.note_jobs();
        for service in self.description.services.values() {
            if let Some((owner, mode)) = service.own_volume {
                let group = if owner.contains(':') { "" } else { ":0" };
                let made = format!("{} {owner}{group}", mode.trim_start_matches('0'));
                let path = service.own_path(&self.name);
                self.may_make.entry(path).or_default().insert(made);
            }
        }
        for (name, value) in self.description.secrets.clone() {
            if self.stored.get(&name) != Some(&value) {
                self.bayplan(&["secrets", "set", "driver", &name], &value)
                    .exits(0);
                self.stored.insert(name, value);
            }
        }
        self.description.write(
            Path::new(self.ground.repo.root()),
            &self.name,
            &self.images(),
        );
        for name in self.stored.clone().into_keys() {
            if !self.description.secrets.contains_key(&name) {
                self.bayplan(&["secrets", "remove", "driver", &name], "")
                    .exits(0);
                self.stored.remove(&name);
            }
        }
    }

    #[track_caller]
    fn must(&self, holds: bool, otherwise: impl FnOnce() -> String) {
        assert!(holds, "{}", otherwise());
    }
}

/// What a verdict allows.
#[derive(Clone, Default)]
struct Rules {
    /// Only these services were released; all, if there are none.
    named: BTreeSet<String>,
    /// Containers that may restart without need.
    excused: BTreeSet<Place>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "driver: something is off; to see it again: BAYPLAN_DRIVER_SEED={} tests/fleet/run driver\n{}",
                self.seed,
                self.history.join("\n")
            );
        }
        let name = &self.name;
        for host in &self.ground.fleet.hosts {
            let engine = self.engine(&host.name);
            host.run(&format!(
                "systemctl start docker
                {engine} ps --all --quiet --filter label=bayplan.cluster={name} | xargs -r {engine} rm -f
                {engine} volume rm {name}-data {name}-more
                {engine} network rm {name}-net
                rm -rf /srv/{name} {LEFT}/{name}
                cd /etc/systemd/system && for timer in {name}-*.timer; do
                    [ ! -e $timer ] || {{ systemctl disable --now $timer; rm $timer; }}
                done
                umount --lazy /var/lib/bayplan/{name}/staging
                umount --lazy /etc/bayplan/{name}"
            ));
        }
    }
}
