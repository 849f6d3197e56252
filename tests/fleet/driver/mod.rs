//! A second opinion: a driver that shares no code with bayplan. It edits a description at random,
//! disturbs hosts and releases, works out by itself what each container should receive, and holds
//! what the engines tell of the containers against that and against what the plan announced: no
//! wrong value, no restart without need or word, none that is missing.
//!
//! A seed decides the edits and the harm (not how long things take, so a moment of a kill may
//! differ). When something is off it prints the seed, the step and all that was done.

mod description;
mod edits;
mod expected;
mod harm;
mod random;
mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::description::{Description, Health, Host, Image, Images};
use self::expected::{Builds, Place, Receives, expected};
use self::harm::{Harm, Mounted, SMALL_DISK, Strike};
use self::random::Random;
use self::seen::{AllSeen, seen};
use crate::ground::Ground;
use crate::hosts::{Fleet, until};
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
    /// What each container received when it was last looked at.
    running: BTreeMap<Place, Receives>,
    /// What it would get now if it crashed.
    on_disk: BTreeMap<Place, Receives>,
    history: Vec<String>,
    edits: usize,
    harm: usize,
    verdicts: usize,
    restarts: usize,
}

/// What a plan says of each container: `start`, `restart`, `stop`, `may_restart`, `pending`, `none`.
type Announced = BTreeMap<Place, String>;

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
        "driver: {step} steps, {} edits, {} disturbances, {} verdicts over containers, {} restarts: \
         nothing was off",
        driver.edits, driver.harm, driver.verdicts, driver.restarts
    );
}

impl Driver {
    fn new(fleet: &'static Fleet, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let ground = Ground::new(fleet, "driver");
        let engine = |name: &str| match name {
            "docker03" => "podman",
            _ => "docker",
        };
        let hosts = fleet.hosts.iter().map(|host| Host {
            name: host.name.clone(),
            address: host.address.clone(),
            key: host.host_key.clone(),
            engine: engine(&host.name),
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
            running: BTreeMap::new(),
            on_disk: BTreeMap::new(),
            history: Vec::new(),
            edits: 0,
            harm: 0,
            verdicts: 0,
            restarts: 0,
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
            // Podman does not make the sources of bind mounts.
            host.sh(&format!(
                "{engine} network create {name}-net; mkdir -p /srv/{name}/a /srv/{name}/b"
            ));
        }
        let inputs = format!("/etc/bayplan/{}", driver.name);
        let mount = format!("mkdir -p {inputs} && mount -t tmpfs -o size=2m tmpfs {inputs}");
        driver.sh(SMALL_DISK, &mount);
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
        driver.agree(&AllSeen::new(), &seen, &Announced::new(), &Rules::default());
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
        let mut announced = Announced::new();
        for host in plan["hosts"].as_array().expect("hosts") {
            for service in host["services"].as_array().expect("services") {
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                let place = (text(&host["host"]), text(&service["service"]));
                announced.insert(place, text(&service["action"]));
            }
        }
        let words: Vec<String> = announced
            .iter()
            .map(|((host, service), action)| format!("{host}/{service} {action}"))
            .collect();
        self.history.push(format!("plan: {}", words.join(", ")));
        announced
    }

    /// Writes the description, and into `secrets.toml` what changed of it.
    fn write(&mut self) {
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

    // ---- steps ----

    fn step(&mut self) {
        match self.random.below(100) {
            0..=34 => {
                self.edit();
                self.release_and_check(&[], &Rules::default());
            }
            35..=41 => self.some_services(),
            42..=49 => self.failing(),
            50..=74 => self.harmed(),
            _ => self.struck(),
        }
    }

    fn edit(&mut self) {
        let number = 1 + self.random.below(6);
        for _ in 0..number {
            let mut description = self.description.clone();
            let images = Images {
                registry: &self.ground.fleet.registry,
                digests: &self.digests,
            };
            let words = edits::edit(&self.name, &mut description, &images, &mut self.random);
            self.description = description;
            self.history.push(words.chars().take(300).collect());
            self.edits += 1;
        }
        if self.random.chance(10) {
            self.moves += 1;
            let build = self.moves.to_string();
            self.push(edits::MOVING, &build);
            self.history.push(format!("{} is moved", edits::MOVING));
            self.edits += 1;
        }
        self.write();
    }

    /// A release that nothing disturbs, and everything about it.
    fn release_and_check(&mut self, services: &[&str], rules: &Rules) {
        let before = self.look();
        let announced = self.announced();
        let ended = self.release(services);
        self.must(ended.code == 0, || ended.to_string());
        let desired = self.desired();
        match services {
            [] => self.on_disk = desired,
            named => {
                for (place, receives) in desired {
                    if named.contains(&place.1.as_str()) {
                        self.on_disk.insert(place, receives);
                    }
                }
                let gone = |place: &Place| {
                    let hosts = self.description.services.get(&place.1).map(|s| &s.hosts);
                    named.contains(&place.1.as_str())
                        && !hosts.is_some_and(|hosts| hosts.contains(&place.0))
                };
                let gone: Vec<Place> = self.on_disk.keys().filter(|p| gone(p)).cloned().collect();
                gone.iter()
                    .for_each(|place| drop(self.on_disk.remove(place)));
            }
        }
        self.settle(&BTreeSet::new());
        let after = self.look();
        let rules = Rules {
            named: services.iter().map(|name| (*name).to_owned()).collect(),
            ..rules.clone()
        };
        self.agree(&before, &after, &announced, &rules);
        if services.is_empty() {
            self.is_in_sync();
        }
    }

    /// Nothing is left to do but what waits.
    fn is_in_sync(&mut self) {
        let left = self.announced();
        let waits = |place: &Place, action: &String| {
            let service = self.description.services.get(&place.1);
            service.is_some_and(|service| match action.as_str() {
                "pending" => service.manual,
                "may_restart" => service.image == Image::Tag(edits::MOVING.to_owned()),
                _ => false,
            })
        };
        let waits = left.iter().all(|(place, action)| waits(place, action));
        self.must(waits, || format!("the plan after a release: {left:?}"));
    }

    /// A release of some services by name.
    fn some_services(&mut self) {
        self.edit();
        let names: Vec<String> = self.description.services.keys().cloned().collect();
        let mut named: Vec<&str> = vec![self.random.pick(&names).as_str()];
        let other = self.random.pick(&names);
        if other != named[0] {
            named.push(other);
        }
        self.release_and_check(&named, &Rules::default());
        // A manual one that was named is done; the rest waits for the next release.
        self.release_and_check(&[], &Rules::default());
    }

    /// A release that cannot succeed, and the description taken back.
    fn failing(&mut self) {
        self.edit();
        let services = self.description.services.iter();
        let able = services.filter(|(_, service)| !service.manual && !service.hosts.is_empty());
        let able: Vec<String> = able.map(|(name, _)| name.clone()).collect();
        if able.is_empty() {
            return self.release_and_check(&[], &Rules::default());
        }
        let victim = self.random.pick(&able).clone();
        let good = self.description.clone();
        let service = self
            .description
            .services
            .get_mut(&victim)
            .expect("it is of them");
        let code = if self.random.chance(30) {
            service.image = Image::Tag("absent".to_owned());
            1
        } else {
            service.entrypoint = None;
            service.command = vec!["/bin/false".to_owned()];
            service.health = Health::None;
            5
        };
        self.builds.insert("absent".to_owned(), String::new());
        self.history.push(format!("{victim} cannot run any more"));
        self.write();
        self.harm += 1;
        let before = self.look();
        let announced = self.announced();
        let ended = self.release(&[]);
        self.must(ended.code == code, || ended.to_string());
        self.settle_somehow();
        let after = self.look();
        self.is_one_of_two(&before, &after, &announced, &|_| false);
        self.description = good;
        self.write();
        self.release_and_check(&[], &Rules::default());
    }

    /// Harm to hosts at rest, then a release with edits or without.
    fn harmed(&mut self) {
        if self.running.is_empty() {
            return self.edit();
        }
        let harm = Harm::any(self);
        self.history.push(format!("{harm:?}"));
        self.harm += 1;
        let before = self.look();
        harm.happens(self);
        let stopped: BTreeSet<Place> = self
            .running
            .keys()
            .filter(|p| harm.stops(p))
            .cloned()
            .collect();
        self.settle(&stopped);
        let after = self.look();
        for (place, seen) in &after {
            let same = before.get(place) == Some(seen);
            self.must(same || harm.hits(place), || {
                format!("{place:?} is another container")
            });
            if same {
                continue;
            }
            let on_disk = self.on_disk.get(place);
            let now = self.first_like([on_disk, self.running.get(place)], seen);
            match now {
                Some(now) => drop(self.running.insert(place.clone(), now)),
                None => {
                    let wrong = on_disk.map(|r| self.receives(r, seen)).unwrap_or_default();
                    self.must(harm.tampers(place), || format!("{place:?} got {wrong:#?}"));
                    let now = self.running.get_mut(place).expect("it ran before");
                    now.seen = seen.receives.clone();
                }
            }
        }
        self.running.retain(|place, _| after.contains_key(place));
        if self.random.chance(60) {
            self.edit();
        }
        let files = |place: &Place| {
            let receives = self.running.get(place).map(|receives| &receives.seen);
            let mut names = receives.into_iter().flat_map(|seen| seen.keys());
            match names.any(|name| name.starts_with("file ")) {
                true => Mounted::Some,
                false => Mounted::None,
            }
        };
        let excused = before
            .keys()
            .filter(|place| harm.excuses(place, files(place)));
        let excused = excused.cloned();
        let rules = Rules {
            excused: excused.collect(),
            ..Rules::default()
        };
        self.release_and_check(&[], &rules);
    }

    /// A release that something strikes, and the next ones until one comes to its end.
    fn struck(&mut self) {
        self.edit();
        let before = self.look();
        let mut announced = self.announced();
        let does = |(_, action): &(&Place, &String)| matches!(action.as_str(), "start" | "restart");
        let mut hosts: Vec<String> = announced
            .iter()
            .filter(does)
            .map(|(p, _)| p.0.clone())
            .collect();
        if hosts.is_empty() {
            hosts.push("docker01".to_owned());
        }
        let places: Vec<Place> = self.running.keys().cloned().collect();
        let strike = Strike::any(&places, &hosts, &mut self.random);
        let delay = Duration::from_millis(self.random.next() % 3000);
        self.history.push(format!("{strike:?} after {delay:?}"));
        self.harm += 1;
        let said = strike.happens(self, delay, || self.start_release(&[]));
        self.history.push(said);
        for tries in 1.. {
            for (place, action) in self.announced() {
                announced.entry(place).or_insert(action);
            }
            let ended = self.release(&[]);
            if ended.code == 0 {
                break;
            }
            self.history.push(ended.to_string());
            self.must(tries < 4, || ended.to_string());
        }
        let desired = self.desired();
        let earlier = std::mem::replace(&mut self.on_disk, desired);
        self.settle(&BTreeSet::new());
        let after = self.look();
        // What crashes before the release wrote anything gets what an earlier one left for it.
        let now = std::mem::replace(&mut self.on_disk, earlier);
        self.is_one_of_two(&before, &after, &announced, &|place| strike.hits(place));
        self.on_disk = now;
        // Who is hit by a crash after its start may run on the other side of the release.
        let before = after.clone();
        let nothing = Announced::new();
        self.agree(&before, &after, &nothing, &Rules::default());
        self.is_in_sync();
    }

    // ---- verdicts ----

    fn look(&self) -> AllSeen {
        seen(&self.ground, &self.engines)
    }

    /// Waits until everything runs that a description has, but these.
    fn settle(&self, without: &BTreeSet<Place>) {
        let cluster = &self.name;
        let settled = |host: &str| {
            let wanted = self
                .on_disk
                .keys()
                .filter(|p| p.0 == host && !without.contains(*p));
            let units: Vec<String> = wanted.map(|p| format!("{cluster}-{}", p.1)).collect();
            let script = format!(
                "for unit in {}; do
                    systemctl is-active --quiet $unit && {} inspect $unit >/dev/null 2>&1 || exit 1
                done",
                units.join(" "),
                self.engine(host),
            );
            self.ground.host(host).run(&script).status.success()
        };
        for host in self.engines.keys() {
            let what = format!("everything runs on {host} again");
            until(Duration::from_secs(60), &what, || {
                settled(host).then_some(())
            });
        }
    }

    /// Waits until nothing starts or stops any more, whatever runs then.
    fn settle_somehow(&self) {
        let script = format!(
            "systemctl list-units --no-legend --plain --state=activating,deactivating '{}-*'",
            self.name
        );
        for host in &self.ground.fleet.hosts {
            until(Duration::from_secs(60), "units are at rest", || {
                host.sh(&script).trim().is_empty().then_some(())
            });
        }
    }

    /// What is otherwise in a container than it should be.
    fn receives(&self, receives: &Receives, seen: &seen::Seen) -> Vec<String> {
        let mut differences = receives.differences(&seen.receives);
        // A start that no release made takes the image that the host has of a moving tag.
        let moving = receives
            .seen
            .get("version")
            .is_some_and(|v| v == edits::MOVING);
        if moving {
            differences.retain(|difference| !difference.starts_with("build: "));
        }
        differences
    }

    /// The first of these that a container received.
    fn first_like<const N: usize>(
        &self,
        all: [Option<&Receives>; N],
        seen: &seen::Seen,
    ) -> Option<Receives> {
        let mut all = all.into_iter().flatten();
        let like = all.find(|receives| self.receives(receives, seen).is_empty());
        like.cloned()
    }

    /// The verdict over a release that came to its end: each container is the one that it must be,
    /// and what became of it was needed and announced.
    fn agree(&mut self, before: &AllSeen, after: &AllSeen, announced: &Announced, rules: &Rules) {
        let desired = self.desired();
        let places: BTreeSet<&Place> = before
            .keys()
            .chain(after.keys())
            .chain(desired.keys())
            .chain(announced.keys())
            .collect();
        let first = before.is_empty();
        for place in places {
            self.verdicts += 1;
            let named = rules.named.is_empty() || rules.named.contains(&place.1);
            let explicitly = rules.named.contains(&place.1);
            let manual = self
                .description
                .services
                .get(&place.1)
                .is_some_and(|s| s.manual);
            let runs = self.running.get(place);
            let wanted = desired
                .get(place)
                .filter(|_| named)
                .or(if named { None } else { runs });
            let needed = match (runs, wanted) {
                (None, None) => "none",
                (None, Some(_)) => "start",
                (Some(_), None) => "stop",
                (Some(runs), Some(wanted)) if runs == wanted => "none",
                (Some(_), Some(_)) if manual && !explicitly => "none",
                (Some(_), Some(_)) => "restart",
            };
            let became = match (before.get(place), after.get(place)) {
                (None, None) => "none",
                (None, Some(_)) => "start",
                (Some(_), None) => "stop",
                (Some(one), Some(other)) if one == other => "none",
                (Some(_), Some(_)) => "restart",
            };
            self.restarts += usize::from(became == "restart");
            let excused = rules.excused.contains(place) && needed == "none" && became == "restart";
            self.must(needed == became || excused, || {
                let differ = runs
                    .zip(wanted)
                    .map(|(runs, wanted)| wanted.differences(&runs.seen));
                format!("{place:?} needed {needed}, became {became}; {differ:#?}")
            });
            let said = announced.get(place).map_or("none", String::as_str);
            let as_said = match said {
                "may_restart" => matches!(became, "none" | "restart"),
                "pending" => became == "none" || explicitly,
                said => said == became || !named,
            };
            self.must(as_said || first, || {
                format!("{place:?} became {became}, the plan said {said}")
            });
            let Some(seen) = after.get(place) else {
                self.running.remove(place);
                continue;
            };
            let wanted = match (needed, became) {
                ("none", "none") => runs,
                _ => wanted,
            };
            let wanted = wanted.expect("it runs, so it should").clone();
            let wrong = match became {
                "none" => self.receives(&wanted, seen),
                _ => wanted.differences(&seen.receives),
            };
            self.must(wrong.is_empty(), || {
                format!("{place:?} received {wrong:#?}")
            });
            self.running.insert(place.clone(), wanted);
        }
    }

    /// The verdict over a release that was disturbed: each container is wholly the one from before or
    /// the one that is described, and none is another one without need and word.
    fn is_one_of_two(
        &mut self,
        before: &AllSeen,
        after: &AllSeen,
        announced: &Announced,
        hit: &dyn Fn(&Place) -> bool,
    ) {
        let desired = self.desired();
        let places: BTreeSet<&Place> = before.keys().chain(after.keys()).collect();
        for place in places {
            self.verdicts += 1;
            let (old, new) = (self.running.get(place), desired.get(place));
            let changed = before.get(place) != after.get(place);
            self.restarts += usize::from(changed);
            let manual = self
                .description
                .services
                .get(&place.1)
                .is_some_and(|s| s.manual);
            self.must(
                !changed
                    || hit(place)
                    || (old != new && !(manual && old.is_some() && new.is_some())),
                || format!("{place:?} is another container, and nothing of it changed"),
            );
            let said = announced.get(place).map_or("none", String::as_str);
            let as_said = matches!(said, "start" | "restart" | "stop" | "may_restart");
            self.must(!changed || hit(place) || as_said, || {
                format!("{place:?} is another container, the plan said {said}")
            });
            let Some(seen) = after.get(place) else {
                self.must(
                    new.is_none() || old.is_none() || announced.contains_key(place),
                    || format!("{place:?} is gone"),
                );
                self.running.remove(place);
                continue;
            };
            let on_disk = self.on_disk.get(place).filter(|_| hit(place));
            let all = if changed {
                [new, old, on_disk]
            } else {
                [old, None, None]
            };
            let all: Vec<&Receives> = all.into_iter().flatten().collect();
            let now = all
                .iter()
                .find(|receives| self.receives(receives, seen).is_empty());
            let now = now.map(|now| (*now).clone());
            let wrong = all.first().map(|receives| self.receives(receives, seen));
            self.must(now.is_some(), || format!("{place:?} received {wrong:#?}"));
            if let Some(mut now) = now {
                if let Some(build) = seen.receives.get("build") {
                    now.seen.insert("build".to_owned(), build.clone());
                }
                self.running.insert(place.clone(), now);
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
                rm -rf /srv/{name}
                umount --lazy /var/lib/bayplan/{name}/staging
                umount --lazy /etc/bayplan/{name}"
            ));
        }
    }
}
