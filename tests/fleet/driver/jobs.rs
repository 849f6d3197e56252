//! Jobs as the driver thinks of them, and the verdict over their runs: by what their containers left on
//! their hosts, not by what bayplan tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::description::{Image, Service};
use super::expected::{Place, Receives};
use super::seen::{AllSeen, Seen, decoded};
use super::{Driver, edits};
use crate::containers::on_every_host;

/// Where runs leave their files, on their host.
pub const LEFT: &str = "/var/lib/fleet-driver";

/// A job. It has no port, no networks and no files: the tests of jobs have them.
#[derive(Clone)]
pub struct Job {
    /// What its container gets. It has one host.
    pub body: Service,
    pub runs: Runs,
}

/// When it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    Image,
    Inputs,
    Always,
    Timer(Calendar),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Every so many seconds; never in the time of a test, if it is zero.
    pub every: u8,
    pub catch_up: bool,
}

impl Calendar {
    pub fn text(self) -> String {
        match self.every {
            0 => "*-02-29 03:00".to_owned(),
            every => format!("*:*:0/{every}"),
        }
    }
}

impl Job {
    pub fn is_once(&self) -> bool {
        !matches!(self.runs, Runs::Timer(_))
    }

    pub fn host(&self) -> &str {
        &self.body.hosts[0]
    }
}

/// What a run does: a file when it begins and another one when it ends, each whole at once.
pub fn command(name: &str, seconds: &str) -> Vec<String> {
    let script = format!(
        "run=$(cat /proc/sys/kernel/random/uuid)
put() {{
    echo $(cut -d' ' -f1 /proc/uptime) $(cat /version) $(cat /build) $(base64 /proc/1/environ | tr -d '\\n') >/data/.$run
    mv /data/.$run /data/{name}.$run.$1
}}
put begins
sleep {seconds}
put ends"
    );
    ["sh", "-c", &script].map(str::to_owned).to_vec()
}

/// A run, as its files tell it. Moments are those of the machine's uptime.
#[derive(Clone, Debug)]
pub struct Ran {
    job: String,
    host: String,
    began: f64,
    ended: Option<f64>,
    version: String,
    build: String,
    env: BTreeMap<String, String>,
    /// Whether a verdict was given over its beginning, and one over its end.
    judged: bool,
    /// Its host lost its power or its engine meanwhile.
    struck: bool,
}

/// What a job was described as, and since when it is so no more.
struct Was {
    host: String,
    runs: Runs,
    receives: Receives,
    until: Option<f64>,
}

/// What a success counts for.
#[derive(PartialEq)]
enum Key {
    Image(String),
    Inputs(Receives),
}

/// What is known of jobs.
#[derive(Default)]
pub struct Known {
    /// By their identity.
    runs: BTreeMap<String, Ran>,
    /// Each success that a release saw to.
    done: BTreeMap<String, Vec<Key>>,
    was: BTreeMap<String, Vec<Was>>,
    /// When a host was last struck.
    struck: f64,
}

/// What a plan says of a job.
#[derive(Debug, Clone)]
pub struct Said {
    pub place: Place,
    pub action: String,
    /// The kinds of its notes.
    pub notes: Vec<String>,
}

/// What happened since the last verdict over runs.
pub enum Since<'a> {
    /// A release that nothing disturbed, of these services or all; containers before and after it.
    Release {
        named: &'a BTreeSet<String>,
        before: &'a AllSeen,
        after: &'a AllSeen,
        in_order: bool,
        said: &'a [Said],
    },
    /// One that something struck and others until one came to its end.
    Struck(&'a dyn Fn(&str) -> bool),
    /// One that failed; whether it was refused before anything changed.
    Failed { refused: bool },
    /// No release.
    Nothing,
}

/// How long a start takes at most whose unit was loaded before.
const START: f64 = 8.0;

fn uptime() -> f64 {
    let text = fs::read_to_string("/proc/uptime").expect("Linux");
    let first = text.split(' ').next().expect("two numbers");
    first.parse().expect("a number")
}

/// A moment that an engine tells (`2026-01-02T03:04:05.678901234`) as one of the uptime.
fn moment(text: &str) -> f64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().expect("a number");
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Years begin in March, so that a leap day is the last one.
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    let seconds = number(11..13) * 3600 + number(14..16) * 60;
    let whole = i32::try_from(days).map(f64::from).expect("few days") * 86_400.0
        + i32::try_from(seconds).map(f64::from).expect("few seconds");
    let rest: f64 = text[17..].parse().expect("seconds");
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    whole + rest - now.expect("a later time").as_secs_f64() + uptime()
}

impl Driver {
    /// The jobs that come before each service in a release of these ones by name.
    pub(super) fn jobs_of(&self, named: &BTreeSet<String>) -> BTreeSet<String> {
        let (services, jobs) = (&self.description.services, &self.description.jobs);
        let mut all = BTreeSet::new();
        let mut left: Vec<&String> = named.iter().collect();
        while let Some(name) = left.pop() {
            let body = services.get(name).filter(|one| !one.hosts.is_empty());
            let body = body.or_else(|| jobs.get(name).map(|job| &job.body));
            for job in body.into_iter().flat_map(|body| &body.after_jobs) {
                if all.insert(job.clone()) {
                    left.push(job);
                }
            }
        }
        all
    }

    /// Notes what jobs are described as now.
    pub(super) fn note_jobs(&mut self) {
        for ((host, name), receives) in self.expected_of_jobs() {
            let runs = self.description.jobs[&name].runs;
            let was = self.jobs.was.entry(name).or_default();
            let same =
                |one: &&mut Was| (&one.host, one.runs, &one.receives) == (&host, runs, &receives);
            match was.iter_mut().find(same) {
                Some(one) => one.until = None,
                None => was.push(Was {
                    host,
                    runs,
                    receives,
                    until: None,
                }),
            }
        }
    }

    /// A release made this description effective, so no other one counts any longer.
    fn only_now_counts(&mut self) {
        let now = uptime();
        let expected = self.expected_of_jobs();
        for (name, was) in &mut self.jobs.was {
            let job = self.description.jobs.get(name);
            for one in was.iter_mut() {
                let is = job.is_some_and(|job| {
                    let place = (one.host.clone(), name.clone());
                    job.runs == one.runs && expected.get(&place) == Some(&one.receives)
                });
                if !is && one.until.is_none() {
                    one.until = Some(now);
                }
            }
            was.retain(|one| one.until.is_none_or(|until| now < until + 60.0));
        }
        let (services, jobs) = (&self.description.services, &self.description.jobs);
        self.jobs
            .done
            .retain(|name, _| services.contains_key(name) || jobs.contains_key(name));
    }

    fn key(&self, name: &str) -> Option<Key> {
        let job = &self.description.jobs[name];
        let (Image::Tag(tag) | Image::Digest(tag)) = &job.body.image;
        match job.runs {
            Runs::Image => Some(Key::Image(self.digests[tag].clone())),
            Runs::Inputs => {
                let place = (job.host().to_owned(), name.to_owned());
                let mut receives = self
                    .expected_of_jobs()
                    .remove(&place)
                    .expect("it has a host");
                // Behind one reference.
                receives.seen.remove("build");
                Some(Key::Inputs(receives))
            }
            Runs::Always | Runs::Timer(_) => None,
        }
    }

    /// Reads what runs left. One that is known to be under way, and whose container is gone, was cut.
    pub(super) fn read_runs(&mut self) {
        let under_way: Vec<String> = self
            .jobs
            .runs
            .iter()
            .filter(|(_, ran)| ran.ended.is_none() && !ran.struck)
            .map(|(run, _)| run.clone())
            .collect();
        let engines = &self.engines;
        let name = &self.name;
        let looks = on_every_host(self.ground.fleet, |host| {
            let engine = engines[&host.name];
            let script = format!(
                "{engine} ps --filter label=of-job=1 --format '{{{{.Names}}}}' | sed 's/^/runs /'
                cd {LEFT}/{name} && grep -H . *.begins *.ends 2>/dev/null || :"
            );
            (host.name.clone(), host.sh(&script))
        });
        let mut running = BTreeSet::new();
        for (host, text) in looks {
            for line in text.lines() {
                if let Some(container) = line.strip_prefix("runs ") {
                    running.insert((host.clone(), container.to_owned()));
                    continue;
                }
                let (file, content) = line.split_once(':').expect("FILE:CONTENT");
                let parts: Vec<&str> = file.split('.').collect();
                let [job, run, what] = parts[..] else {
                    panic!("{file}");
                };
                let words: Vec<&str> = content.split(' ').collect();
                let [at, version, build, env] = words[..] else {
                    panic!("{line}");
                };
                let at: f64 = at.parse().expect("an uptime");
                if what == "ends" {
                    let ran = self.jobs.runs.get_mut(run).expect("it began first");
                    ran.ended = Some(at);
                    continue;
                }
                let env = decoded(env);
                let env = env.split('\0').filter_map(|entry| entry.split_once('='));
                let own = |name: &str| {
                    matches!(name, "HOME" | "TERM" | "container" | "HOSTNAME" | "PATH")
                };
                let env = env.filter(|(name, _)| !own(name));
                let ran = Ran {
                    job: job.to_owned(),
                    host: host.clone(),
                    began: at,
                    ended: None,
                    version: version.to_owned(),
                    build: build.to_owned(),
                    env: env
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .collect(),
                    judged: false,
                    struck: false,
                };
                self.jobs.runs.entry(run.to_owned()).or_insert(ran);
            }
        }
        for run in under_way {
            let ran = &self.jobs.runs[&run];
            let container = (ran.host.clone(), format!("{}-{}", self.name, ran.job));
            self.must(ran.ended.is_some() || running.contains(&container), || {
                format!("a run was cut: {ran:?}")
            });
        }
    }

    /// What was under way on these hosts may be cut.
    pub(super) fn strike_runs(&mut self, hits: &dyn Fn(&str) -> bool) {
        if !self.engines.keys().any(|host| hits(host)) {
            return;
        }
        // Also those that began since the last look.
        for _ in 0..2 {
            for ran in self.jobs.runs.values_mut() {
                ran.struck |= ran.ended.is_none() && hits(&ran.host);
            }
            self.read_runs();
        }
        for ran in self.jobs.runs.values_mut() {
            ran.struck |= ran.ended.is_none() && hits(&ran.host);
        }
        self.jobs.struck = uptime();
    }

    /// The verdict over all runs since the last one.
    pub(super) fn judge_runs(&mut self, since: &Since<'_>) {
        if let Since::Struck(hits) = since {
            self.strike_runs(hits);
        }
        self.read_runs();
        let struck = |host: &str| matches!(since, Since::Struck(hits) if hits(host));
        let mut fresh: Vec<Ran> = Vec::new();
        for ran in self.jobs.runs.values_mut().filter(|ran| !ran.judged) {
            ran.judged = true;
            ran.struck |= ran.ended.is_none() && struck(&ran.host);
            fresh.push(ran.clone());
        }
        fresh.sort_by(|one, other| one.began.total_cmp(&other.began));
        self.runs += fresh.len();
        for ran in &fresh {
            let count = fresh.iter().filter(|other| other.job == ran.job).count();
            self.must(self.is_a_run(ran), || {
                let was = self.jobs.was.get(&ran.job);
                let was = was.into_iter().flatten();
                let was: Vec<String> = was
                    .map(|one| {
                        format!(
                            "{} {:?} {:?} {:#?}",
                            one.host, one.runs, one.until, one.receives.seen
                        )
                    })
                    .collect();
                format!("nothing says that this one of {count} should run: {ran:#?}\nwas {was:#?}")
            });
        }
        self.none_is_double();
        let names: Vec<String> = self.description.jobs.keys().cloned().collect();
        for name in &names {
            let of_job: Vec<&Ran> = fresh.iter().filter(|ran| ran.job == *name).collect();
            self.judge_once(name, &of_job, since);
        }
        match since {
            Since::Release { named, .. } if named.is_empty() => self.only_now_counts(),
            Since::Struck(_) => self.only_now_counts(),
            _ => {}
        }
    }

    /// Whether some description that counts, or counted just now, is one of such a run.
    fn is_a_run(&self, ran: &Ran) -> bool {
        let was = self.jobs.was.get(&ran.job);
        was.into_iter().flatten().any(|one| {
            let due = match one.runs {
                Runs::Timer(calendar) => calendar.every > 0,
                Runs::Image | Runs::Inputs | Runs::Always => true,
            };
            let seen = &one.receives.seen;
            let env = seen.iter().filter_map(|(name, value)| {
                Some((name.strip_prefix("env ")?, value)).filter(|(name, _)| *name != "PATH")
            });
            let env: BTreeMap<String, String> = env
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect();
            let moving = ran.version == edits::MOVING && one.runs != Runs::Image;
            due && one.host == ran.host
                && one.until.is_none_or(|until| ran.began < until + START)
                && seen["version"] == ran.version
                && (seen["build"] == ran.build || moving)
                && env == ran.env
        })
    }

    /// No two runs of a job are under way at once, wherever; and those of a timer are as far apart as it says.
    fn none_is_double(&self) {
        let mut runs: BTreeMap<&str, Vec<&Ran>> = BTreeMap::new();
        for ran in self.jobs.runs.values() {
            runs.entry(&ran.job).or_default().push(ran);
        }
        for (name, mut runs) in runs {
            runs.sort_by(|one, other| one.began.total_cmp(&other.began));
            let was: Vec<&Was> = self.jobs.was.get(name).into_iter().flatten().collect();
            let every = match was.first().map(|one| one.runs) {
                Some(Runs::Timer(calendar)) => calendar.every,
                _ => 0,
            };
            let same = was
                .iter()
                .all(|one| one.runs == was[0].runs && one.host == was[0].host);
            for pair in runs.windows(2) {
                let one_by_one =
                    pair[0].struck || pair[0].ended.is_some_and(|ended| ended <= pair[1].began);
                self.must(one_by_one, || format!("two runs at once: {pair:#?}"));
                let since = self.jobs.struck + 20.0;
                let recent = pair[0].began > since.max(uptime() - 50.0);
                // A start takes a while, more or less of it.
                let apart = pair[1].began - pair[0].began > f64::from(every) / 3.0;
                self.must(!recent || !same || apart, || {
                    format!("one run too many of every {every} s: {pair:#?}")
                });
            }
        }
    }

    /// A job that runs once ran as often as it must.
    fn judge_once(&mut self, name: &str, fresh: &[&Ran], since: &Since<'_>) {
        let job = self.description.jobs[name].clone();
        let was = self.jobs.was.get(name).into_iter().flatten();
        let timers = was.filter(|one| matches!(one.runs, Runs::Timer(_))).count();
        if !job.is_once() {
            return;
        }
        let key = self.key(name);
        let done = self.jobs.done.get(name);
        let is_done = key
            .as_ref()
            .is_some_and(|key| done.is_some_and(|done| done.contains(key)));
        let whole = fresh.iter().filter(|ran| ran.ended.is_some()).count();
        let lost = fresh.iter().filter(|ran| ran.struck).count();
        // How often it may and must have succeeded, and whether it has to be done now.
        let (least, most) = match since {
            Since::Nothing => (0, 0),
            Since::Failed { refused: true } => (0, 0),
            Since::Failed { refused: false } => (0, usize::from(!is_done)),
            Since::Struck(hits) => match job.runs {
                Runs::Always => (0, 6),
                _ => {
                    let due = usize::from(!is_done);
                    // The engine may have gone between its end and the record of it.
                    (due, due + usize::from(due == 1 && hits(job.host())))
                }
            },
            Since::Release {
                named,
                before,
                after,
                ..
            } => {
                let takes_part = named.is_empty() || self.jobs_of(named).contains(name);
                let changed = before.keys().ne(after.keys())
                    || before
                        .iter()
                        .any(|(place, seen)| !seen.is_start(&after[place]));
                match job.runs {
                    Runs::Always => (usize::from(takes_part && changed), usize::from(takes_part)),
                    _ => {
                        let due = usize::from(takes_part && !is_done);
                        (due, due)
                    }
                }
            }
        };
        let most = if timers > 0 { usize::MAX } else { most };
        self.must((least..=most).contains(&whole), || {
            format!(
                "{name} ran {whole} times instead of {least} to {most}, done: {is_done}: {fresh:#?}"
            )
        });
        self.must(whole + lost == fresh.len(), || {
            format!("{name} was cut: {fresh:#?}")
        });
        if let Since::Release {
            before,
            after,
            in_order,
            said,
            ..
        } = since
        {
            if *in_order && timers == 0 {
                self.ran_in_order(name, fresh, before, after);
            }
            let place = (job.host().to_owned(), name.to_owned());
            let said = said.iter().find(|said| said.place == place);
            let said = said.map_or("none", |said| said.action.as_str());
            let as_said = match said {
                "run" => whole == 1,
                "may_run" => true,
                _ => whole == 0,
            };
            self.must(as_said || timers > 0, || {
                format!("{name} ran {whole} times, the plan said {said}")
            });
        }
        if whole > 0 && timers == 0 || least > 0 {
            let done = self.jobs.done.entry(name.to_owned()).or_default();
            done.extend(key.filter(|_| !is_done));
        }
    }

    /// A run began after all had started that are before it, and ended before those started that are after it.
    fn ran_in_order(&self, name: &str, fresh: &[&Ran], before: &AllSeen, after: &AllSeen) {
        let new = |(place, seen): &(&Place, &Seen)| {
            !before.get(*place).is_some_and(|old| old.is_start(seen))
        };
        let job = &self.description.jobs[name].body;
        for ran in fresh {
            for (place, seen) in after.iter().filter(new) {
                let at = moment(&seen.started);
                let later = self.description.services.get(&place.1);
                let later = later.is_some_and(|one| one.after_jobs.contains(name));
                let ended = ran.ended.is_some_and(|ended| ended <= at + 0.05);
                self.must(!later || ended, || {
                    format!("{place:?} started at {at}, before {ran:?}")
                });
                let earlier = job.after.contains(&place.1);
                self.must(!earlier || at <= ran.began + 0.05, || {
                    format!("{place:?} started at {at}, after {ran:?}, which comes after it")
                });
            }
        }
    }

    /// The timers of all hosts are just those of its jobs, of no job anything is anywhere else, and every host knows of
    /// every success.
    pub(super) fn timers_are_right(&self) {
        let name = &self.name;
        let found = on_every_host(self.ground.fleet, |host| {
            let script = format!(
                "systemctl list-units --type=timer --no-legend --plain '{name}-*' | cut -d' ' -f1
                cd /etc/systemd/system && ls -d {name}-*.service | sed 's/^/file /' 2>/dev/null || :
                cd /var/lib/bayplan/{name}/jobs 2>/dev/null || exit 0
                grep -l '^state=ok ' */* | sed 's/^/done /'"
            );
            (host.name.clone(), host.sh(&script))
        });
        let jobs = &self.description.jobs;
        for (host, text) in found {
            let timers = text.lines().filter(|line| line.ends_with(".timer"));
            let timers: BTreeSet<String> = timers.map(str::to_owned).collect();
            let wanted = jobs
                .iter()
                .filter(|(_, job)| !job.is_once() && job.host() == host);
            let wanted: BTreeSet<String> = wanted
                .map(|(job, _)| format!("{name}-{job}.timer"))
                .collect();
            self.must(timers == wanted, || {
                format!("{host}: timers {timers:?} instead of {wanted:?}")
            });
            for (job, of) in jobs {
                let done = self.jobs.done.get(job);
                for key in done.into_iter().flatten() {
                    let record = match key {
                        Key::Image(digest) => format!("done {job}/{digest}"),
                        Key::Inputs(_) => format!("done {job}/v"),
                    };
                    let known = text.lines().any(|line| line.starts_with(&record));
                    self.must(known, || {
                        format!("{host} does not know of {record}: {text}")
                    });
                }
                let file = format!("file {name}-{job}.service");
                let there = text.lines().any(|line| line == file);
                self.must(there == (of.host() == host), || {
                    format!("{host}: the unit of {job} is there: {there}")
                });
            }
        }
    }

    /// Waits until runs that a release waits for may have ended.
    pub(super) fn await_runs(&self) {
        std::thread::sleep(Duration::from_secs(2));
    }
}
