//! What happens to hosts besides releases: people, crashes, cuts.

use std::time::{Duration, Instant};

use super::Driver;
use super::expected::Place;
use super::random::Random;
use crate::hosts::until;
use crate::run::Running;

/// The host whose inputs lie on a small disk, which a power cut would empty.
pub const SMALL_DISK: &str = "docker02";

/// Something that happens to a host at rest.
#[derive(Debug, Clone)]
pub enum Harm {
    Crash(Place),
    Stop(Place),
    Disable(Place),
    RestartEngine(String),
    PowerCut(String),
    Reexec(String),
    /// A value edited in an env file; with a crash the container gets it.
    EditEnv(Place, Crash),
    /// A file of the repository edited in the inputs directory, where containers see it.
    EditFile(Place),
    /// A file of the inputs directory touched, or one more put there.
    Touch(Place),
    /// An argument in the unit file, loaded by a `daemon-reload`; or only a comment.
    EditUnit(Place, Crash),
    Remark(Place),
    /// A live directory changed by hand in one of four ways; with a crash it is read.
    EditLive(Place, usize, Crash),
    /// A person has it read again.
    Hangup(Place),
    /// Its own volume is removed under it, and it crashes.
    DeleteVolume(Place),
    DeleteInputs(Place),
    DeleteUnit(Place),
    DeleteState(String, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    Yes,
    No,
}

/// Whether a container has secrets that are files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mounted {
    Some,
    None,
}

/// Something that happens to a release at work.
#[derive(Debug, Clone)]
pub enum Strike {
    KillBayplan,
    Interrupt,
    KillActivation(String),
    Cut(String),
    Crash(Place),
    RestartEngine(String),
    FullStaging(String),
    FullInputs,
}

/// What of `/var/lib/bayplan/CLUSTER` is deleted.
const STATE: [&str; 5] = [
    "current",
    "generations",
    "",
    "staging",
    "generations/*/record.json",
];

impl Harm {
    /// Some harm to what runs.
    pub fn any(driver: &mut Driver) -> Self {
        let places: Vec<Place> = driver.running.keys().cloned().collect();
        let live = driver.running.iter();
        let live = live.filter(|(_, receives)| !receives.live.is_empty());
        let live: Vec<Place> = live.map(|(place, _)| place.clone()).collect();
        let own = driver.running.iter();
        let own = own.filter(|(_, receives)| receives.seen.contains_key("own volume"));
        let own: Vec<Place> = own.map(|(place, _)| place.clone()).collect();
        let random = &mut driver.random;
        let place = random.pick(&places).clone();
        let host = place.0.clone();
        let crash = match random.chance(50) {
            true => Crash::Yes,
            false => Crash::No,
        };
        match random.below(24) {
            18..=20 if !live.is_empty() => {
                Harm::EditLive(random.pick(&live).clone(), random.below(4), crash)
            }
            21 if !live.is_empty() => Harm::Hangup(random.pick(&live).clone()),
            22 | 23 if !own.is_empty() => Harm::DeleteVolume(random.pick(&own).clone()),
            0 | 1 => Harm::Crash(place),
            2 => Harm::Stop(place),
            3 => Harm::Disable(place),
            4 => Harm::RestartEngine("docker01".to_owned()),
            5 => Harm::PowerCut(random.pick(&["docker01", "docker03"]).to_string()),
            6 => Harm::Reexec(host),
            7 | 8 => Harm::EditEnv(place, crash),
            9 => Harm::Touch(place),
            10 | 11 => Harm::EditUnit(place, crash),
            16 | 17 => Harm::EditFile(place),
            12 => Harm::Remark(place),
            13 => Harm::DeleteInputs(place),
            14 => Harm::DeleteUnit(place),
            _ => Harm::DeleteState(host, random.pick::<&str>(&STATE)),
        }
    }

    /// Does it, and waits until it has its effect.
    pub fn happens(&self, driver: &mut Driver) {
        let unit = |place: &Place| format!("{}-{}", driver.name, place.1);
        match self {
            Harm::Crash(place) => driver.crash(place),
            Harm::Stop(place) => driver.sh(&place.0, &format!("systemctl stop {}", unit(place))),
            Harm::Disable(place) => {
                driver.sh(
                    &place.0,
                    &format!("systemctl disable --quiet {}", unit(place)),
                );
            }
            Harm::RestartEngine(host) => {
                driver.sh(
                    host,
                    "systemctl reset-failed docker; systemctl restart docker",
                );
            }
            Harm::PowerCut(host) => driver.ground.fleet.power_cut(host),
            Harm::Reexec(host) => driver.sh(host, "systemctl daemon-reexec"),
            Harm::EditEnv(place, crash) => {
                let file = format!("{}/50-{}.env", driver.inputs(place), place.1);
                driver.sh(&place.0, &format!("sed -i '/^OWN_/s/[aeiou]/&_/g' {file}"));
                if *crash == Crash::Yes {
                    driver.crash(place);
                }
            }
            Harm::EditFile(place) => {
                let files = format!("{0}/files {0}/secret-files/by-path", driver.inputs(place));
                driver.sh(
                    &place.0,
                    &format!(
                        "for file in $(find {files} -type f 2>/dev/null | sort | head -n 1); do
                            echo by hand >>$file; chmod 0666 $file; chown 9:9 $file
                        done"
                    ),
                );
            }
            Harm::Touch(place) => {
                let inputs = driver.inputs(place);
                driver.sh(
                    &place.0,
                    &format!("touch {inputs}/*.env; chown root {inputs}/*"),
                );
            }
            Harm::EditUnit(place, crash) => {
                let file = format!("/etc/systemd/system/{}.service", unit(place));
                let edit = "s/--pull=never/--pull=never --label of.hand=1/";
                driver.sh(
                    &place.0,
                    &format!("sed -i '{edit}' {file}; systemctl daemon-reload"),
                );
                if *crash == Crash::Yes {
                    driver.crash(place);
                }
            }
            Harm::Remark(place) => {
                let file = format!("/etc/systemd/system/{}.service", unit(place));
                driver.sh(&place.0, &format!("echo '# by hand' >>{file}"));
            }
            Harm::EditLive(place, way, crash) => {
                let live = format!("/var/lib/bayplan/{}/live/{}", driver.name, place.1);
                let edit = [
                    "echo by hand >>./..data/a",
                    "rm ./a",
                    "echo other >./other.conf",
                    "chmod 0600 ./..data/a",
                ][*way];
                // What another user runs can no longer read a file of root's alone.
                let edit = if *crash == Crash::Yes && *way == 3 {
                    "chmod 0664 ./..data/a"
                } else {
                    edit
                };
                driver.sh(
                    &place.0,
                    &format!("cd {live} && cd \"$(ls | head -n 1)\" && {edit}"),
                );
                if *crash == Crash::Yes {
                    driver.crash(place);
                }
            }
            Harm::Hangup(place) => {
                let engine = driver.engine(&place.0);
                driver.sh(&place.0, &format!("{engine} kill -s HUP {}", unit(place)));
                std::thread::sleep(Duration::from_millis(300));
            }
            Harm::DeleteVolume(place) => {
                let path = driver.description.services.get(&place.1);
                let path = path.map(|service| service.own_path(&driver.name));
                if let Some(path) = path {
                    driver.sh(&place.0, &format!("rm -rf {path}"));
                    driver.made.remove(&(place.0.clone(), path));
                }
                driver.crash(place);
            }
            Harm::DeleteInputs(place) => {
                driver.sh(&place.0, &format!("rm -r {}", driver.inputs(place)));
            }
            Harm::DeleteUnit(place) => {
                let file = format!("/etc/systemd/system/{}.service", unit(place));
                driver.sh(&place.0, &format!("rm {file}"));
            }
            Harm::DeleteState(host, what) => {
                driver.sh(
                    host,
                    &format!("rm -rf /var/lib/bayplan/{}/{what}", driver.name),
                );
            }
        }
    }

    /// Whether runs on this host may be cut.
    pub fn strikes(&self, host: &str) -> bool {
        matches!(self, Harm::RestartEngine(hit) | Harm::PowerCut(hit) if hit == host)
    }

    /// The containers that may be others after it.
    pub fn hits(&self, place: &Place) -> bool {
        match self {
            Harm::Crash(hit)
            | Harm::Stop(hit)
            | Harm::EditFile(hit)
            | Harm::EditEnv(hit, Crash::Yes)
            | Harm::DeleteVolume(hit)
            | Harm::EditLive(hit, _, Crash::Yes)
            | Harm::EditUnit(hit, Crash::Yes) => hit == place,
            Harm::RestartEngine(host) | Harm::PowerCut(host) => *host == place.0,
            Harm::EditEnv(_, Crash::No)
            | Harm::EditUnit(_, Crash::No)
            | Harm::Disable(_)
            | Harm::Reexec(_)
            | Harm::Touch(_)
            | Harm::Remark(_)
            | Harm::EditLive(_, _, Crash::No)
            | Harm::Hangup(_)
            | Harm::DeleteInputs(_)
            | Harm::DeleteUnit(_)
            | Harm::DeleteState(..) => false,
        }
    }

    /// The container that may have been started from what a hand wrote.
    pub fn tampers(&self, place: &Place) -> bool {
        matches!(self, Harm::EditEnv(hit, Crash::Yes) | Harm::EditUnit(hit, Crash::Yes) | Harm::EditFile(hit) if hit == place)
    }

    /// A container that a release may restart though it needs none. What an inputs directory held before it was
    /// edited or removed nobody knows; and nobody can ask a container which file it read, as one asks for
    /// its environment. One restart too many is promised there, never one too few.
    pub fn excuses(&self, place: &Place, files: Mounted) -> bool {
        match self {
            Harm::DeleteInputs(hit) | Harm::EditEnv(hit, _) | Harm::EditFile(hit) => hit == place,
            Harm::Touch(hit) => hit == place && files == Mounted::Some,
            Harm::Crash(_)
            | Harm::Stop(_)
            | Harm::Disable(_)
            | Harm::RestartEngine(_)
            | Harm::PowerCut(_)
            | Harm::Reexec(_)
            | Harm::EditUnit(..)
            | Harm::EditLive(..)
            | Harm::Hangup(_)
            | Harm::DeleteVolume(_)
            | Harm::Remark(_)
            | Harm::DeleteUnit(_)
            | Harm::DeleteState(..) => false,
        }
    }

    /// The container whose live directories, or what it has read of them, may be others after it.
    pub fn hits_live(&self, place: &Place) -> bool {
        match self {
            Harm::EditLive(hit, ..) | Harm::Hangup(hit) => hit == place,
            Harm::DeleteState(host, what) => what.is_empty() && *host == place.0,
            _ => false,
        }
    }

    /// The container that does not run any more.
    pub fn stops(&self, place: &Place) -> bool {
        matches!(self, Harm::Stop(hit) if hit == place)
    }
}

impl Strike {
    /// Something that may happen to a release that does this.
    pub fn any(places: &[Place], hosts: &[String], random: &mut Random) -> Self {
        let host = random.pick(hosts).clone();
        match random.below(11) {
            0..=2 => Strike::KillBayplan,
            3 => Strike::Interrupt,
            4 | 5 => Strike::KillActivation(host),
            6 => Strike::Cut(host),
            7 if !places.is_empty() => Strike::Crash(random.pick(places).clone()),
            8 => Strike::RestartEngine("docker01".to_owned()),
            9 => Strike::FullStaging(host),
            _ => Strike::FullInputs,
        }
    }

    /// A release meanwhile; gives its exit code, if it had one, and what it said.
    pub fn happens(&self, driver: &Driver, delay: Duration, start: impl Fn() -> Running) -> String {
        let name = &driver.name;
        let staging = format!("/var/lib/bayplan/{name}/staging");
        match self {
            Strike::KillBayplan => {
                let running = start();
                std::thread::sleep(delay);
                let said = running.said();
                running.kill();
                format!("killed after {delay:?}: {said}")
            }
            Strike::Interrupt => {
                let mut running = start();
                std::thread::sleep(delay);
                if !running.has_ended() {
                    running.interrupt();
                }
                running.ended().to_string()
            }
            Strike::KillActivation(host) => {
                let mut running = start();
                let begun = Instant::now();
                let units = format!("'bayplan-activate-{name}*.service'");
                let active = format!("systemctl is-active --quiet {units}");
                while !running.has_ended() && begun.elapsed() < Duration::from_secs(20) {
                    if driver.ground.host(host).run(&active).status.success() {
                        std::thread::sleep(delay / 4);
                        let kill = format!("systemctl kill -s KILL {units}");
                        driver.ground.host(host).run(&kill);
                        break;
                    }
                }
                running.ended().to_string()
            }
            Strike::Cut(host) => {
                let running = start();
                std::thread::sleep(delay);
                driver.ground.fleet.cut(host);
                let ended = running.ended();
                driver.ground.fleet.heal(host);
                ended.to_string()
            }
            Strike::Crash(place) => {
                let running = start();
                std::thread::sleep(delay);
                let engine = driver.engine(&place.0);
                let kill = format!("{engine} kill {name}-{}", place.1);
                driver.ground.host(&place.0).run(&kill);
                running.ended().to_string()
            }
            Strike::RestartEngine(host) => {
                let running = start();
                std::thread::sleep(delay);
                driver.ground.host(host).run("systemctl restart docker");
                running.ended().to_string()
            }
            Strike::FullStaging(host) => {
                driver.sh(
                    host,
                    &format!("mkdir -p {staging} && mount -t tmpfs -o size=16k tmpfs {staging}"),
                );
                let ended = start().ended();
                driver.sh(host, &format!("umount --lazy {staging}"));
                ended.to_string()
            }
            Strike::FullInputs => {
                let filler = format!("/etc/bayplan/{name}/.filler");
                driver.sh(
                    SMALL_DISK,
                    &format!("dd if=/dev/zero of={filler} bs=1k 2>/dev/null; test -s {filler}"),
                );
                let ended = start().ended();
                driver.sh(SMALL_DISK, &format!("rm {filler}"));
                ended.to_string()
            }
        }
    }

    /// Whether runs on this host may be cut.
    pub fn strikes(&self, host: &str) -> bool {
        matches!(self, Strike::RestartEngine(hit) if hit == host)
    }

    /// The containers that may be others after it, whatever the release wanted.
    pub fn hits(&self, place: &Place) -> bool {
        match self {
            Strike::Crash(hit) => hit == place,
            Strike::RestartEngine(host) => *host == place.0,
            Strike::KillBayplan
            | Strike::Interrupt
            | Strike::KillActivation(_)
            | Strike::Cut(_)
            | Strike::FullStaging(_)
            | Strike::FullInputs => false,
        }
    }
}

impl Driver {
    pub(super) fn sh(&self, host: &str, script: &str) {
        self.ground.host(host).sh(script);
    }

    pub(super) fn engine(&self, host: &str) -> &'static str {
        self.engines[host]
    }

    /// Kills a container, and waits until systemd has started it again.
    fn crash(&self, place: &Place) {
        let (host, unit) = (&place.0, format!("{}-{}", self.name, place.1));
        let engine = self.engine(host);
        let id = format!("{engine} inspect --format '{{{{.Id}}}}' {unit}");
        let before = self.ground.host(host).sh(&id);
        self.sh(host, &format!("{engine} kill {unit}"));
        until(
            Duration::from_secs(40),
            "systemd starts what crashed",
            || {
                let now = self.ground.host(host).run(&id);
                let now = String::from_utf8_lossy(&now.stdout).into_owned();
                let active = self.ground.host(host).unit(&unit, "ActiveState") == "active";
                (active && !now.trim().is_empty() && now != before).then_some(())
            },
        );
    }

    /// The inputs directory that the loaded unit names.
    fn inputs(&self, place: &Place) -> String {
        let unit = format!("{}-{}", self.name, place.1);
        let files = self.ground.host(&place.0).unit(&unit, "EnvironmentFiles");
        let path = files.split("/*.env").next().unwrap_or_default();
        assert!(path.starts_with("/etc/bayplan/"), "{unit}: {files}");
        path.to_owned()
    }
}
