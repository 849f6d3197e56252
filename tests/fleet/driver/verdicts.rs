//! The verdicts over the containers of a release, and how they are looked at.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::expected::{Place, Receives};
use super::seen::{AllSeen, Seen, seen};
use super::{Announced, Driver, Rules, edits};
use crate::hosts::until;

impl Driver {
    /// What runs, once each has read what it was told to read: it may take a moment.
    pub(super) fn look(&mut self) -> AllSeen {
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
    pub(super) fn settle(&self, without: &BTreeSet<Place>) {
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
    pub(super) fn settle_somehow(&self) {
        // Those of timers come and go.
        let jobs = self.names_of_jobs();
        let jobs = jobs.iter();
        let jobs: Vec<String> = jobs
            .map(|job| format!(" | {{ grep -v '^{}-{job}[.]service' || :; }}", self.name))
            .collect();
        let script = format!(
            "systemctl list-units --no-legend --plain --state=activating,deactivating '{}-*'{}",
            self.name,
            jobs.concat()
        );
        for host in &self.ground.fleet.hosts {
            until(Duration::from_secs(60), "units are at rest", || {
                host.sh(&script).trim().is_empty().then_some(())
            });
        }
    }

    /// What is otherwise in a container than it should be.
    pub(super) fn receives(&self, receives: &Receives, seen: &Seen) -> Vec<String> {
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
    pub(super) fn first_like<const N: usize>(
        &self,
        all: [Option<&Receives>; N],
        seen: &Seen,
    ) -> Option<Receives> {
        let mut all = all.into_iter().flatten();
        let like = all.find(|receives| self.receives(receives, seen).is_empty());
        like.cloned()
    }

    /// The verdict over a release that came to its end: each container is the one that it must be,
    /// and what became of it was needed and announced.
    pub(super) fn agree(
        &mut self,
        before: &AllSeen,
        after: &AllSeen,
        announced: &Announced,
        rules: &Rules,
    ) {
        let desired = self.desired();
        let places: BTreeSet<&Place> = before
            .keys()
            .chain(after.keys())
            .chain(desired.keys())
            .chain(announced.actions.keys())
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
            let said = announced.actions.get(place).map_or("none", String::as_str);
            let is_job = self.description.jobs.contains_key(&place.1);
            let as_said = match said {
                "may_restart" => matches!(became, "none" | "restart"),
                // A pull may find another image there, too.
                "reload" if announced.may_restart.contains(place) => {
                    matches!(became, "reload" | "restart")
                }
                "pending" => became == "none" || explicitly,
                // It becomes a job, and the plan says what becomes of that.
                "none" if is_job && became == "stop" => true,
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
    pub(super) fn is_one_of_two(
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
            let actions = &announced.actions;
            let said = actions.get(place).map_or("none", String::as_str);
            let as_said = matches!(said, "start" | "restart" | "stop" | "may_restart")
                || announced.may_restart.contains(place)
                || self.description.jobs.contains_key(&place.1);
            self.must(!changed || hit(place) || as_said, || {
                format!("{place:?} is another container, the plan said {said}")
            });
            let Some(seen) = after.get(place) else {
                self.must(
                    new.is_none() || old.is_none() || announced.actions.contains_key(place),
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
}
