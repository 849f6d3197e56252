//! What the driver does: edits, releases that nothing disturbs, that fail, and that something strikes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::description::{
    ConfigFiles, Health, Image, Images, Piece, REFUSED_BY_CHECK, REFUSED_BY_RELOAD, Reload,
};
use super::expected::{Place, Receives};
use super::harm::{Harm, Mounted, Strike};
use super::jobs::{Runs, Since};
use super::{Announced, Driver, Rules, edits, valid};

impl Driver {
    pub(super) fn step(&mut self) {
        match self.random.below(100) {
            0..=34 => {
                self.edit();
                self.release_and_check(&[], &Rules::default());
            }
            35..=41 => self.some_services(),
            42..=46 => self.failing(),
            47..=49 => self.failing_job(),
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
            if !only_live && random.chance(35) {
                let words = self.edit_job();
                self.history.push(words);
                self.edits += 1;
                continue;
            }
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
        self.judge_runs(&Since::Nothing);
        let before = self.look();
        let announced = self.announced();
        let ended = self.release(services);
        self.must(ended.code == 0, || ended.to_string());
        let desired = self.desired();
        let services: BTreeSet<String> = services.iter().map(|name| (*name).to_owned()).collect();
        // Jobs that they come after take part.
        let mut named = self.jobs_of(&services);
        named.extend(services.iter().cloned());
        if services.is_empty() {
            named.clear();
        }
        let gone = |place: &Place| {
            let hosts = self.description.services.get(&place.1).map(|s| &s.hosts);
            named.contains(&place.1) && !hosts.is_some_and(|hosts| hosts.contains(&place.0))
        };
        if named.is_empty() {
            self.on_disk = desired;
        } else {
            let mut on_disk = self.on_disk.clone();
            on_disk.retain(|place, _| !gone(place));
            let taken = desired.into_iter();
            on_disk.extend(taken.filter(|(place, _)| named.contains(&place.1)));
            self.on_disk = on_disk;
        }
        self.settle(&BTreeSet::new());
        let after = self.look();
        let rules = Rules {
            named,
            ..rules.clone()
        };
        self.agree(&before, &after, &announced, &rules);
        let in_order = self.networks == self.description.networks;
        if in_order {
            self.came_in_order(&before, &after);
        }
        self.judge_runs(&Since::Release {
            named: &services,
            before: &before,
            after: &after,
            in_order,
            said: &announced.jobs,
        });
        if services.is_empty() {
            self.is_in_sync();
        }
    }

    /// A release of some services by name.
    fn some_services(&mut self) {
        let before = self.description.clone();
        self.edit();
        let mut description = self.description.clone();
        valid::keep_networks(&self.name, &mut description, &before, &self.images());
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
        let refused = |config: &mut ConfigFiles, text: &str| {
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
        self.judge_runs(&Since::Nothing);
        let before = self.look();
        let announced = self.announced();
        let of_victim =
            |(place, action): (&Place, &String)| place.1 == victim && action == "reload";
        if code == 0 && announced.actions.iter().any(of_victim) {
            code = 5;
        }
        let ended = self.release(&[]);
        self.must(ended.code == code, || ended.to_string());
        if code == 0 {
            self.on_disk = self.desired();
        }
        self.settle_somehow();
        let after = self.look();
        match code {
            0 => self.judge_runs(&Since::Struck(&|_| false)),
            code => self.judge_runs(&Since::Failed { refused: code == 1 }),
        }
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

    /// A release with a job that fails: it stops there, and whoever comes after the job stays what it was.
    fn failing_job(&mut self) {
        self.edit();
        let jobs = self.description.jobs.iter();
        let able: Vec<String> = jobs
            .filter(|(_, job)| job.runs == Runs::Image)
            .map(|(name, _)| name.clone())
            .collect();
        if able.is_empty() {
            return self.release_and_check(&[], &Rules::default());
        }
        let victim = self.random.pick(&able).clone();
        let good = self.description.clone();
        let tag = self.push_for_job();
        let job = self.description.jobs.get_mut(&victim).expect("it is there");
        job.body.image = Image::Tag(tag);
        job.body.command = ["sh", "-c", "exit 3"].map(str::to_owned).to_vec();
        self.history.push(format!("the job {victim} fails"));
        self.write();
        self.harm += 1;
        self.judge_runs(&Since::Nothing);
        let before = self.look();
        let announced = self.announced();
        let ended = self.release(&[]);
        self.must(ended.code == 5, || ended.to_string());
        self.settle_somehow();
        let after = self.look();
        self.judge_runs(&Since::Failed { refused: false });
        for (place, seen) in &after {
            let service = self.description.services.get(&place.1);
            let later = service.is_some_and(|one| one.after_jobs.contains(&victim));
            let same = before.get(place).is_some_and(|old| old.is_start(seen));
            self.must(!later || same, || {
                format!("{place:?} comes after {victim}, which failed, and was started")
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
        self.judge_runs(&Since::Nothing);
        let before = self.look();
        harm.happens(self);
        self.strike_runs(&|host| harm.strikes(host));
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
        self.judge_runs(&Since::Nothing);
        self.edit();
        let before = self.look();
        let mut announced = self.announced();
        let does = |(_, action): &(&Place, &String)| matches!(action.as_str(), "start" | "restart");
        let mut hosts: Vec<String> = announced
            .actions
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
            for (place, action) in self.announced().actions {
                announced.actions.entry(place).or_insert(action);
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
        let nothing = Announced::default();
        self.agree(&before, &after, &nothing, &Rules::default());
        self.judge_runs(&Since::Struck(&|host| strike.strikes(host)));
        self.is_in_sync();
    }
}
