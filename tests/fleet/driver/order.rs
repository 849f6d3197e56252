//! What holds of hosts after a release: order, networks, directories, units.

use std::collections::{BTreeMap, BTreeSet};

use super::description::Image;
use super::expected::Place;
use super::jobs::{Said, Since};
use super::seen::{self, AllSeen, Seen};
use super::{Announced, Driver, edits};
use crate::hosts::Host;

impl Driver {
    /// Those that come before each service, also over others.
    pub(super) fn before(&self) -> BTreeMap<&String, BTreeSet<&String>> {
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
    pub(super) fn came_in_order(&self, before: &AllSeen, after: &AllSeen) {
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
    pub(super) fn is_in_sync(&mut self) {
        self.were_jobs = self.description.jobs.keys().cloned().collect();
        let left = self.follow_jobs();
        let waits = |place: &Place, action: &String| {
            let service = self.description.services.get(&place.1);
            service.is_some_and(|service| match action.as_str() {
                "pending" => service.manual,
                "may_restart" => service.image == Image::Tag(edits::MOVING.to_owned()),
                _ => false,
            })
        };
        let waits = left
            .actions
            .iter()
            .all(|(place, action)| waits(place, action));
        self.must(waits, || format!("the plan after a release: {left:?}"));
        let jobs = left.jobs.iter();
        let moving = |said: &&Said| said.action != "may_run";
        let left: Vec<&Said> = jobs.filter(moving).collect();
        self.must(left.is_empty(), || {
            format!("the plan of jobs after a release: {left:?}")
        });
        self.timers_are_right();
        self.networks.clone_from(&self.description.networks);
        self.may_make.clear();
        self.write();
        for host in &self.ground.fleet.hosts {
            self.is_tidy(host);
            self.units_are_in_order(host);
        }
    }

    /// What is left to do, once jobs have left or moved whose runs a release found under way.
    fn follow_jobs(&mut self) -> Announced {
        for _ in 0..8 {
            let left = self.announced();
            let waits = |said: &Said| {
                let mut notes = said.notes.iter();
                notes.any(|note| note == "waits_for_run" || note == "stays_for_run")
            };
            if !left.jobs.iter().any(waits) {
                return left;
            }
            self.await_runs();
            let ended = self.release(&[]);
            self.must(ended.code == 0, || ended.to_string());
            self.judge_runs(&Since::Struck(&|_| false));
        }
        panic!("runs that never end");
    }

    /// The networks and live directories of a host are just those of its services.
    pub(super) fn is_tidy(&self, host: &Host) {
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
    pub(super) fn units_are_in_order(&self, host: &Host) {
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
}
