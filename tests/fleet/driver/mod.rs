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

use self::description::{
    Description, Health, Host, Image, Images, Network, Piece, REFUSED_BY_CHECK, REFUSED_BY_RELOAD,
    Reload,
};
use self::expected::{Builds, Place, Receives, expected};
use self::harm::{Harm, Mounted, SMALL_DISK, Strike};
use self::random::Random;
use self::seen::{AllSeen, Seen, seen};
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
}

/// What a plan says of each container: `start`, `restart`, `reload`, `stop`, `may_restart`, `pending`, `none`.
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
        "driver: {step} steps, {} edits, {} disturbances, {} verdicts over containers, {} restarts, {} reloads: \
         nothing was off",
        driver.edits, driver.harm, driver.verdicts, driver.restarts, driver.reloads
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
                "{engine} network create {name}-net; mkdir -p /srv/{name}/a /srv/{name}/b"
            ));
        }
        let inputs = format!("/etc/bayplan/{}", driver.name);
        let mount = format!("mkdir -p {inputs} && mount -t tmpfs -o size=2m tmpfs {inputs}");
        driver.sh(SMALL_DISK, &mount);
        let mut description = driver.description.clone();
        edits::make_valid(&driver.name, &mut description, &driver.images());
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
        // Else there is mostly something that restarts a service anyway.
        let only_live = self.random.chance(30);
        for _ in 0..number {
            let mut description = self.description.clone();
            let images = Images {
                registry: &self.ground.fleet.registry,
                digests: &self.digests,
            };
            let random = &mut self.random;
            let words = match only_live {
                true => edits::edit_live(&self.name, &mut description, &images, random),
                false => None,
            };
            let words =
                words.unwrap_or_else(|| edits::edit(&self.name, &mut description, &images, random));
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
        if self.networks == self.description.networks {
            self.came_in_order(&before, &after);
        }
        if services.is_empty() {
            self.is_in_sync();
        }
    }

    /// Those that come before each service, also over others.
    fn before(&self) -> BTreeMap<&String, BTreeSet<&String>> {
        let services = &self.description.services;
        let mut before: BTreeMap<&String, BTreeSet<&String>> = services
            .iter()
            .map(|(name, service)| (name, service.comes_after().collect()))
            .collect();
        for _ in services {
            for name in services.keys() {
                let further = before[name].iter().flat_map(|other| before[*other].clone());
                let further: Vec<&String> = further.collect();
                before.get_mut(name).expect("it is there").extend(further);
            }
        }
        before
    }

    /// What a release started comes after what it needs, on whatever host that is; not in a circle.
    fn came_in_order(&self, before: &AllSeen, after: &AllSeen) {
        let earlier = self.before();
        let new = |(place, seen): &(&Place, &Seen)| {
            !before.get(*place).is_some_and(|old| old.is_start(seen))
        };
        let new: Vec<(&Place, &Seen)> = after.iter().filter(new).collect();
        for (place, seen) in &new {
            for (other, other_seen) in &new {
                let needs = |one: &Place, other: &Place| {
                    let needed = earlier.get(&one.1);
                    needed.is_some_and(|needed| needed.contains(&other.1))
                };
                let must = needs(place, other) && !needs(other, place);
                self.must(!must || other_seen.started < seen.started, || {
                    format!(
                        "{place:?} was started at {}, and {other:?}, which comes before it, at {}",
                        seen.started, other_seen.started
                    )
                });
            }
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
        self.networks.clone_from(&self.description.networks);
        self.may_make.clear();
        self.write();
        for host in &self.ground.fleet.hosts {
            self.is_tidy(host);
            self.units_are_in_order(host);
        }
    }

    /// The networks and live directories of a host are just those of its services.
    fn is_tidy(&self, host: &crate::hosts::Host) {
        let services = self.description.services.iter();
        let services = services.filter(|(_, service)| service.hosts.contains(&host.name));
        let networks = seen::networks(host, &self.name, self.engine(&host.name));
        let networks: BTreeSet<String> = networks.into_keys().collect();
        let wanted = services.clone().flat_map(|(_, service)| &service.networks);
        let wanted = wanted.filter(|network| self.description.networks.contains_key(*network));
        let wanted = wanted.map(|network| format!("{}-{network}", self.name));
        let wanted: BTreeSet<String> = wanted.collect();
        self.must(networks == wanted, || {
            format!("{}: networks {networks:?} instead of {wanted:?}", host.name)
        });

        let list = host.sh(&format!(
            "cd /var/lib/bayplan/{}/live 2>/dev/null || exit 0
            find . -mindepth 3 -maxdepth 3 | sed 's,/[.][.][0-9a-f]*[.][A-Za-z0-9]*$,/VERSION,'",
            self.name
        ));
        // Who waits for a restart by hand has those of both.
        let waits = |path: &str| {
            let name = path.split('/').nth(1).unwrap_or_default();
            let service = self.description.services.get(name);
            service.is_some_and(|service| service.manual)
        };
        let mut list: Vec<String> = list
            .lines()
            .filter(|path| !waits(path))
            .map(str::to_owned)
            .collect();
        list.sort();
        let mut wanted = Vec::new();
        for (name, service) in services.filter(|(_, service)| !service.manual) {
            for (target, config) in service.config.iter().filter(|(_, config)| config.live) {
                let directory = format!("./{name}/{}", target.replace('/', "~"));
                let files = config.files.keys();
                let files = files.map(|file| file.split('/').next().unwrap_or_default());
                for entry in files.chain(["..data", "VERSION"]) {
                    wanted.push(format!("{directory}/{entry}"));
                }
            }
        }
        wanted.sort();
        self.must(list == wanted, || {
            format!(
                "{}: live directories {list:#?} instead of {wanted:#?}",
                host.name
            )
        });
    }

    /// Where systemd starts all, what has `after` comes after what is before it on this host; none waits for another one in a circle.
    fn units_are_in_order(&self, host: &crate::hosts::Host) {
        let before = self.before();
        for (name, service) in &self.description.services {
            if !service.hosts.contains(&host.name) || service.after.is_empty() {
                continue;
            }
            let unit = |service: &str| format!("{}-{service}.service", self.name);
            let after = host.unit(&unit(name), "After");
            let after: BTreeSet<&str> = after.split_whitespace().collect();
            for other in service.comes_after() {
                let there = self.description.services[other].hosts.contains(&host.name);
                let circle = before[other].contains(name);
                let is_after = after.contains(unit(other).as_str());
                let right = if circle {
                    !is_after
                } else {
                    is_after || !there
                };
                self.must(right, || {
                    format!(
                        "{}: {name} after {other}: {after:?}, circle: {circle}",
                        host.name
                    )
                });
            }
        }
    }

    /// A release of some services by name.
    fn some_services(&mut self) {
        let before = self.description.clone();
        self.edit();
        let mut description = self.description.clone();
        edits::keep_networks(&self.name, &mut description, &before, &self.images());
        self.description = description;
        self.write();
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
        let runs = self.description.services[&victim].hosts.iter();
        let runs = runs
            .clone()
            .all(|host| self.running.contains_key(&(host.clone(), victim.clone())));
        let way = self.random.below(100);
        let service = self
            .description
            .services
            .get_mut(&victim)
            .expect("it is of them");
        // The first file of a directory that it reads again.
        let mut config = service.config.values_mut();
        let live = config.find(|config| config.live);
        let mut live = live.filter(|_| runs && way < 50);
        let refused = |config: &mut description::ConfigFiles, text: &str| {
            let pieces = vec![Piece::Words(format!("{text}\n"))];
            config.files.insert("a".to_owned(), pieces);
        };
        let mut code = if let Some(config) = &mut live
            && service.reload != Reload::Command
            && (way < 25 || service.reload == Reload::Signal)
        {
            refused(config, REFUSED_BY_CHECK);
            1
        } else if let Some(config) = &mut live
            && service.reload != Reload::Signal
            && service.image != Image::Tag(edits::MOVING.to_owned())
        {
            refused(config, REFUSED_BY_RELOAD);
            // Where it restarts it reads whatever there is.
            0
        } else if self.random.chance(30) {
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
        let of_victim =
            |(place, action): (&Place, &String)| place.1 == victim && action == "reload";
        if code == 0 && announced.iter().any(of_victim) {
            code = 5;
        }
        let ended = self.release(&[]);
        self.must(ended.code == code, || ended.to_string());
        if code == 0 {
            self.on_disk = self.desired();
        }
        self.settle_somehow();
        let after = self.look();
        if code == 1 {
            self.must(before == after, || {
                "a release that was refused changed something".to_owned()
            });
        }
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
            let old = before.get(place);
            let same = old.is_some_and(|old| old.is_start(seen));
            self.must(same || harm.hits(place), || {
                format!("{place:?} is another container")
            });
            if same {
                self.must(old == Some(seen) || harm.hits_live(place), || {
                    format!("{place:?} is not as it was: {old:#?} {seen:#?}")
                });
                continue;
            }
            self.unread.remove(place);
            let on_disk = self.on_disk.get(place);
            let shows = |one: &Receives| one.live == seen.live;
            let read = old.is_some_and(|old| old.live == seen.live)
                || on_disk.is_some_and(shows)
                || self.running.get(place).is_some_and(shows);
            self.must(read || harm.hits_live(place), || {
                format!("{place:?} shows {:#?}", seen.live)
            });
            self.must(!seen.reload_is_pending(), || {
                format!("{place:?} has not read what it was started with: {seen:#?}")
            });
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

    /// What runs, once each has read what it was told to read: it may take a moment.
    fn look(&mut self) -> AllSeen {
        let begun = Instant::now();
        let all = loop {
            let all = seen(&self.ground, &self.engines);
            let pending = |(place, seen): (&Place, &Seen)| {
                seen.reload_is_pending() && !self.unread.contains(place)
            };
            if !all.iter().any(pending) || begun.elapsed() > Duration::from_secs(5) {
                break all;
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        for ((host, service), seen) in &all {
            let Some((path, found)) = &seen.own_volume else {
                continue;
            };
            let made = (host.clone(), path.clone());
            let right = match self.made.get(&made) {
                Some(was) => was == found,
                None => self
                    .may_make
                    .get(path)
                    .is_some_and(|may| may.contains(found)),
            };
            self.must(right, || {
                format!(
                    "{host}/{service}: {path} is {found}, was {:?}, and may be made as {:?}",
                    self.made.get(&made),
                    self.may_make.get(path)
                )
            });
            self.made.insert(made, found.clone());
        }
        all
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
            let old = before.get(place);
            // Nobody mounts anew under a process what somebody removed.
            let lost = |wanted: &Receives| {
                named && !wanted.live.is_empty() && old.is_some_and(|old| old.live.is_empty())
            };
            let reads = |wanted: &Receives| {
                named && old.is_some_and(|old| old.live != wanted.live || old.reload_is_pending())
            };
            let needed = match (runs, wanted) {
                (None, None) => "none",
                (None, Some(_)) => "start",
                (Some(_), None) => "stop",
                (Some(runs), Some(wanted)) if runs.starts_like(wanted) && !lost(wanted) => {
                    if reads(wanted) { "reload" } else { "none" }
                }
                (Some(_), Some(_)) if manual && !explicitly => "none",
                (Some(_), Some(_)) => "restart",
            };
            let waits = match (runs, wanted) {
                (Some(runs), Some(wanted)) => !runs.starts_like(wanted) && needed == "none",
                _ => false,
            };
            let became = match (old, after.get(place)) {
                (None, None) => "none",
                (None, Some(_)) => "start",
                (Some(_), None) => "stop",
                (Some(one), Some(other)) if one.is_start(other) => {
                    if one.reads == other.reads {
                        "none"
                    } else {
                        "reload"
                    }
                }
                (Some(_), Some(_)) => "restart",
            };
            self.restarts += usize::from(became == "restart");
            self.reloads += usize::from(became == "reload");
            let excused = rules.excused.contains(place)
                && matches!((needed, became), ("none" | "reload", "restart"));
            self.must(needed == became || excused, || {
                let differ = runs
                    .zip(wanted)
                    .map(|(runs, wanted)| wanted.differences(&runs.seen));
                format!("{place:?} needed {needed}, became {became}; {differ:#?}")
            });
            let said = announced.get(place).map_or("none", String::as_str);
            let moving = self.description.services.get(&place.1);
            let moving =
                moving.is_some_and(|one| one.image == Image::Tag(edits::MOVING.to_owned()));
            let as_said = match said {
                "may_restart" => matches!(became, "none" | "restart"),
                // A pull may find another image there, too.
                "reload" if moving => matches!(became, "reload" | "restart"),
                "pending" => became == "none" || explicitly,
                said => said == became || !named,
            };
            self.must(as_said || first, || {
                format!("{place:?} became {became}, the plan said {said}")
            });
            let Some(seen) = after.get(place) else {
                self.running.remove(place);
                self.unread.remove(place);
                continue;
            };
            if waits {
                // It is shown what is new, and told nothing.
                self.must(old.is_some_and(|old| old.held == seen.held), || {
                    format!("{place:?} waits, and has read {:#?}", seen.held)
                });
                self.unread.insert(place.clone());
            } else if named {
                self.unread.remove(place);
                let wrong = wanted.map(|wanted| wanted.live_differences(&seen.live));
                self.must(wrong.as_ref().is_some_and(Vec::is_empty), || {
                    format!("{place:?} shows {wrong:#?}")
                });
                let held = seen.held.iter();
                let held = held.filter(|(path, text)| seen.live.get(*path) != Some(text));
                let held: Vec<_> = held.collect();
                self.must(held.is_empty() && !seen.reload_is_pending(), || {
                    format!("{place:?} has read {held:#?} instead of {:#?}", seen.live)
                });
                let once = match (became, old) {
                    ("reload", Some(old)) => seen.reads == (old.reads + 1) % 512,
                    ("start" | "restart", _) if !seen.live.is_empty() => seen.reads == 1,
                    _ => true,
                };
                self.must(once, || {
                    format!("{place:?}: {became}, and it has read {} times", seen.reads)
                });
            } else {
                let same =
                    old.is_some_and(|old| (&old.live, &old.held) == (&seen.live, &seen.held));
                self.must(same, || {
                    format!("{place:?} shows something else: {seen:#?}")
                });
            }
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
            let changed = match (before.get(place), after.get(place)) {
                (Some(before), Some(after)) => !before.is_start(after),
                (before, after) => before.is_some() != after.is_some(),
            };
            let other = match (old, new) {
                (Some(old), Some(new)) => !old.starts_like(new),
                (old, new) => old.is_some() != new.is_some(),
            };
            self.restarts += usize::from(changed);
            let manual = self
                .description
                .services
                .get(&place.1)
                .is_some_and(|s| s.manual);
            self.must(
                !changed || hit(place) || (other && !(manual && old.is_some() && new.is_some())),
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
            let on_disk = self.on_disk.get(place);
            let shows = |one: Option<&Receives>| one.is_some_and(|one| one.live == seen.live);
            let read = shows(new) || shows(old) || shows(on_disk);
            let read = read && !seen.reload_is_pending();
            self.must(manual || read, || {
                format!(
                    "{place:?} shows {:#?}, and has read {:#?}",
                    seen.live, seen.held
                )
            });
            let on_disk = on_disk.filter(|_| hit(place));
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
