//! Edits of jobs.

use std::collections::BTreeSet;

use super::Driver;
use super::description::{Image, Service, Value};
use super::edits::{MOVING, TAGS, new_name, new_service, toggle};
use super::jobs::{Calendar, Job, LEFT, Runs, command};
use super::random::Random;
use super::valid::make_valid;

const MOST: usize = 5;

fn calendar(random: &mut Random) -> Calendar {
    Calendar {
        every: *random.pick(&[0, 0, 5, 10]),
        catch_up: random.chance(40),
    }
}

fn runs(random: &mut Random) -> Runs {
    match random.below(10) {
        0..=3 => Runs::Image,
        4 | 5 => Runs::Inputs,
        6 => Runs::Always,
        _ => Runs::Timer(calendar(random)),
    }
}

impl Driver {
    /// Jobs of the kinds that most have, and services that come after one. Whatever runs of the one that is never due
    /// was started by a release.
    pub(super) fn first_jobs(&mut self) {
        for runs in [
            Runs::Image,
            Runs::Timer(Calendar {
                every: 5,
                catch_up: false,
            }),
            Runs::Timer(Calendar {
                every: 0,
                catch_up: true,
            }),
        ] {
            let name = new_name(&self.description, &mut self.random);
            self.add_job(&name, runs);
            if runs == Runs::Image {
                for service in self.description.services.values_mut().take(3) {
                    service.after_jobs.insert(name.clone());
                }
            }
        }
    }

    fn add_job(&mut self, name: &str, runs: Runs) {
        let hosts = &self.description.hosts;
        let host = self.random.pick(hosts).name.clone();
        let body = Service {
            is_job: true,
            hosts: vec![host],
            command: command(name, "0.2"),
            volumes: [format!("{LEFT}/{}:/data", self.name)].into(),
            labels: [("of-job".to_owned(), "1".to_owned())].into(),
            env: [("SEASON".to_owned(), Value::words("first"))].into(),
            ..Service::default()
        };
        let job = Job { body, runs };
        self.description.jobs.insert(name.to_owned(), job);
    }

    /// One edit of jobs, or of who comes after them, in words.
    pub(super) fn edit_job(&mut self) -> String {
        loop {
            let Some(words) = self.some_edit_of_a_job() else {
                continue;
            };
            let mut description = self.description.clone();
            make_valid(&self.name, &mut description, &self.images());
            self.description = description;
            return words;
        }
    }

    fn some_edit_of_a_job(&mut self) -> Option<String> {
        let names: Vec<String> = self.description.jobs.keys().cloned().collect();
        let what = self.random.below(20);
        if names.is_empty() || (what == 0 && names.len() < MOST) {
            let name = new_name(&self.description, &mut self.random);
            let runs = runs(&mut self.random);
            self.add_job(&name, runs);
            return Some(format!("{name} is a new job, {runs:?}"));
        }
        let name = self.random.pick(&names).clone();
        let services: Vec<String> = self.description.services.keys().cloned().collect();
        let hosts = self.description.hosts.iter();
        let hosts: Vec<String> = hosts.map(|host| host.name.clone()).collect();
        match what {
            1 if names.len() > 1 => {
                self.description.jobs.remove(&name);
                return Some(format!("the job {name} is taken away"));
            }
            2 => {
                self.description.jobs.remove(&name);
                new_service(&name, &mut self.description, &mut self.random);
                return Some(format!("the job {name} becomes a service"));
            }
            3 if names.len() < MOST && services.len() > 4 => {
                let service = self.random.pick(&services).clone();
                self.description.services.remove(&service);
                let runs = runs(&mut self.random);
                self.add_job(&service, runs);
                return Some(format!("{service} becomes a job, {runs:?}"));
            }
            4..=6 => {
                let service = self.random.pick(&services).clone();
                let one = self.description.services.get_mut(&service)?;
                toggle(&mut one.after_jobs, &name);
                return Some(format!("{service} after the jobs {:?}", one.after_jobs));
            }
            7..=10 if self.random.chance(50) => {
                let tag = self.push_for_job();
                let job = self.description.jobs.get_mut(&name)?;
                job.body.image = Image::Tag(tag.clone());
                return Some(format!("the job {name} has the new tag {tag}"));
            }
            _ => {}
        }
        let random = &mut self.random;
        let job = self.description.jobs.get_mut(&name)?;
        let words = match what {
            7..=10 => {
                let mut tags: Vec<&str> = TAGS.to_vec();
                if job.runs == Runs::Image {
                    tags.push(MOVING);
                }
                let tag = (*random.pick(&tags)).to_owned();
                let digest = tag != MOVING && random.chance(30);
                let words = format!("tag {tag}, as a digest: {digest}");
                job.body.image = match digest {
                    true => Image::Digest(tag),
                    false => Image::Tag(tag),
                };
                words
            }
            11 | 12 => {
                job.body.hosts = vec![random.pick(&hosts).clone()];
                format!("on {:?}", job.body.hosts)
            }
            13 => {
                let season = format!("season {}", random.below(1000));
                job.body.env = [("SEASON".to_owned(), Value::words(&season))].into();
                season
            }
            14 => {
                let pattern = random.pick(&["CFG_*", "CLU_*", "BOTH_*"]).to_string();
                toggle(&mut job.body.vars, &pattern);
                format!("vars {:?}", job.body.vars)
            }
            15 => {
                job.body.command = command(&name, random.pick::<&str>(&["0.2", "1", "3"]));
                "takes another time".to_owned()
            }
            16 => {
                toggle(&mut job.body.after, random.pick(&services));
                toggle(&mut job.body.after_jobs, random.pick(&names));
                let (services, jobs) = (&job.body.after, &job.body.after_jobs);
                format!("after {services:?}, the jobs {jobs:?}")
            }
            17 | 18 => match &mut job.runs {
                Runs::Timer(one) => {
                    *one = calendar(random);
                    format!("{one:?}")
                }
                _ => return None,
            },
            _ => {
                job.runs = runs(random);
                format!("{:?}", job.runs)
            }
        };
        // A tag that moves is another image only to who runs with each.
        if job.runs != Runs::Image && job.body.image == Image::Tag(MOVING.to_owned()) {
            job.body.image = Image::default();
        }
        Some(format!("the job {name}: {words}"))
    }

    /// A new image, by its tag.
    pub(super) fn push_for_job(&mut self) -> String {
        self.tags += 1;
        let tag = format!("job-{}", self.tags);
        self.push(&tag, &tag);
        tag
    }

    /// The names of what is a job, or was one at the last release.
    pub(super) fn names_of_jobs(&self) -> BTreeSet<String> {
        let now = self.description.jobs.keys();
        now.chain(&self.were_jobs).cloned().collect()
    }
}
