//! How fast it is on ten hosts with twenty services each, every figure beside its floor: what the
//! bare tools take for the same, measured in turns in one run.
//!
//! `sudo BAYPLAN_FLEET=run cargo bench --bench fleet`

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "measures real hosts and prints figures"
)]

#[path = "../tests/fleet/containers.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod containers;
#[path = "../tests/fleet/ground.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod ground;
#[path = "../tests/fleet/hosts.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod hosts;
mod on_hosts;
#[path = "../tests/fleet/repo.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod repo;
#[path = "../tests/fleet/run.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ground::Ground;
use hosts::{Fleet, Host};
use on_hosts::{median, print_load};

const HOSTS: usize = 10;
const SERVICES: u16 = 20;
const RUNS: usize = 7;

fn main() {
    on_hosts::run("fleet", HOSTS, measure);
}

fn measure(fleet: &'static Fleet) {
    let mut ground = described(fleet);
    let ssh = Ssh::new(fleet);
    ssh.open(fleet);
    print_load();
    println!("| what | floor | bayplan | floor | ratio | difference |");
    println!("| --- | --- | --- | --- | --- | --- |");

    // An image that is not there ends a release just after its files were staged: the next one
    // stages all of them for the first time again.
    ground.repo.set_of("s01", "tag", "absent");
    ground.repo.write();
    let archives = archives(&ground);
    for connection in [Connection::Cold, Connection::Warm] {
        in_turns(
            "first push of all files",
            "`tar \\| ssh HOST tar x`",
            connection,
            || {
                connection.prepare(fleet);
                staged(&ground).0
            },
            || {
                empty(fleet);
                ssh.on_all(fleet, connection, untar, Some(&archives))
            },
        );
    }
    // The push alone goes over connections that are open by then.
    in_turns(
        "first push of all files, from its plan on",
        "`tar \\| ssh HOST tar x`",
        Connection::Warm,
        || staged(&ground).1,
        || {
            empty(fleet);
            ssh.on_all(fleet, Connection::Warm, untar, Some(&archives))
        },
    );

    ground.repo.set_of("s01", "tag", "1.0");
    ground.repo.place("s01", "docker01");
    let first = ground.release().exits(0).took;
    let containers = ground.containers().names().len();
    eprintln!(
        "the first release of {containers} containers took {:.0} s",
        first.as_secs_f64()
    );

    for connection in [Connection::Cold, Connection::Warm] {
        in_turns(
            "`diff` without changes",
            "`ssh HOST true`",
            connection,
            || {
                connection.prepare(fleet);
                let diff = ground.bayplan_as_written(&["diff", "production"]);
                diff.exits(0).says(&["No changes."]).took
            },
            || ssh.on_all(fleet, connection, |_| "true".to_owned(), None),
        );
    }

    let mut turn = 0;
    for connection in [Connection::Cold, Connection::Warm] {
        in_turns(
            "release of one changed service",
            "that push, `daemon-reload` and `restart`",
            connection,
            || {
                turn += 1;
                ground.repo.set_of("s01", "env.TURN", turn.to_string());
                connection.prepare(fleet);
                ground
                    .release()
                    .exits(0)
                    .says(&["docker01", "s01 started"])
                    .took
            },
            || {
                let restart = |host: &Host| {
                    let restart =
                        "systemctl daemon-reload && systemctl restart production-s01.service";
                    let also = if host.name == "docker01" {
                        restart
                    } else {
                        "true"
                    };
                    format!("{} && {also}", untar(host))
                };
                empty(fleet);
                ssh.on_all(fleet, connection, restart, Some(&archives))
            },
        );
    }
}

fn untar(_: &Host) -> String {
    "tar -x -C /var/tmp/floor".to_owned()
}

/// An empty directory for the next floor; that is no part of it. What the last one left stays: ext4 gives
/// an inode that was just deleted to nobody else for a minute, and a `tar` that makes files
/// meanwhile mostly searches for others.
fn empty(fleet: &Fleet) {
    for host in &fleet.hosts {
        host.sh("mkdir -p /var/tmp/floor /var/tmp/floors && mv /var/tmp/floor \"$(mktemp -d /var/tmp/floors/XXXXXX)\" && mkdir /var/tmp/floor");
    }
}

/// Twenty services on each of ten hosts: every one on all of them.
fn described(fleet: &'static Fleet) -> Ground {
    let mut ground = Ground::new(fleet, "production");
    ground.images();
    let all: Vec<&str> = fleet.hosts.iter().map(|host| host.name.as_str()).collect();
    for name in ["MONGODB_HOST_01", "EXTERNAL_ADDRESS", "ELASTICSEARCH_URL"] {
        ground.repo.set(&format!("vars.{name}"), "10.0.0.177");
    }
    for number in 1..=SERVICES {
        let service = format!("s{number:02}");
        ground.serve(&service, 9000 + number, &all.join(" "));
        ground
            .repo
            .set_of(&service, "vars", vec!["MONGODB_HOST_01", "EXTERNAL_*"]);
        ground
            .repo
            .set_of(&service, "env.JAVA_OPTS", "-Xmx512m -Dfile.encoding=UTF-8");
    }
    ground
}

/// The files of each host as a directory, as `bayplan render` writes them.
fn archives(ground: &Ground) -> PathBuf {
    let to = ground.fleet.operator.join("rendered");
    let text = to.to_str().expect("mktemp makes plain names");
    ground
        .bayplan(&["render", "production", "-o", text])
        .exits(0);
    to
}

/// How long a release takes until its files are on every host: all of it, and from its plan on.
fn staged(ground: &Ground) -> (Duration, Duration) {
    let started = Instant::now();
    let mut release = run::start(
        ground.fleet,
        &["-C", ground.repo.root(), "release", "production", "--yes"],
    );
    release.until_it_says("10 hosts:");
    let planned = started.elapsed();
    release.until_it_says_times("staged", HOSTS);
    let took = started.elapsed();
    release.ended().exits(1);
    (took, took - planned)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    Cold,
    Warm,
}

impl Connection {
    /// What bayplan finds open: nothing, or what its last run left.
    fn prepare(self, fleet: &Fleet) {
        match self {
            Connection::Cold => fleet.close_connections(),
            Connection::Warm => {}
        }
    }

    fn word(self) -> &'static str {
        match self {
            Connection::Cold => "cold",
            Connection::Warm => "warm",
        }
    }
}

/// The bare tools, with connections of their own.
struct Ssh {
    config: PathBuf,
    sockets: PathBuf,
}

impl Ssh {
    fn new(fleet: &Fleet) -> Self {
        let sockets = fleet.operator.join("s");
        fs::create_dir(&sockets).expect("it is our directory");
        Self {
            config: fleet.ssh_config(),
            sockets,
        }
    }

    fn command(&self, host: &Host, connection: Connection) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(&self.config);
        let path = format!("ControlPath={}", self.sockets.join(&host.name).display());
        match connection {
            Connection::Cold => command.args(["-o", "ControlPath=none"]),
            Connection::Warm => command.args(["-o", &path]),
        };
        command
    }

    /// Opens a connection to each host that stays.
    fn open(&self, fleet: &Fleet) {
        for host in &fleet.hosts {
            let mut command = self.command(host, Connection::Warm);
            command.args([
                "-o",
                "ControlMaster=yes",
                "-o",
                "ControlPersist=600",
                &host.name,
                "true",
            ]);
            let status = command.stderr(Stdio::null()).status().expect("ssh starts");
            assert!(status.success(), "{}", host.name);
        }
    }

    /// One `ssh` a host, all at the same time; their input is the archive of the host, made by tar.
    fn on_all(
        &self,
        fleet: &Fleet,
        connection: Connection,
        command: impl Fn(&Host) -> String,
        archives: Option<&Path>,
    ) -> Duration {
        let started = Instant::now();
        let children: Vec<_> = fleet
            .hosts
            .iter()
            .map(|host| {
                let tar = archives.map(|directory| {
                    let mut tar = Command::new("tar");
                    tar.arg("-c")
                        .arg("-C")
                        .arg(directory.join(&host.name))
                        .arg(".");
                    tar.stdout(Stdio::piped()).spawn().expect("tar starts")
                });
                let mut ssh = self.command(host, connection);
                ssh.arg(&host.name).arg(command(host)).stdin(Stdio::null());
                let tar = tar.map(|mut tar| {
                    ssh.stdin(tar.stdout.take().expect("piped"));
                    tar
                });
                (tar, ssh.spawn().expect("ssh starts"))
            })
            .collect();
        for (tar, mut ssh) in children {
            assert!(ssh.wait().expect("it is our child").success());
            if let Some(mut tar) = tar {
                assert!(tar.wait().expect("it is our child").success());
            }
        }
        started.elapsed()
    }
}

/// Measures both in turns, after one of each that does not count, and prints the medians.
fn in_turns(
    what: &str,
    bare: &str,
    connection: Connection,
    mut ours: impl FnMut() -> Duration,
    mut floor: impl FnMut() -> Duration,
) {
    ours();
    floor();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        left.push(ours());
        right.push(floor());
    }
    let (left, right) = (median(left), median(right));
    println!(
        "| {what}, {} | {bare} | {left:.2} s | {right:.2} s | {:.2} | {:+.2} s |",
        connection.word(),
        left / right,
        left - right
    );
}
