//! Jobs with a schedule: a fast timer across many releases, a calendar that moves into the past, and a job that moves.

use std::time::{Duration, Instant};

use crate::containers::on_every_host;
use crate::ground::Ground;
use crate::hosts::{Fleet, until};

/// Where runs leave their lines, on their host.
const LEFT: &str = "/var/lib/fleet-timers";

/// What a run does: a line when it begins, and the same one when it ends.
const WORK: &str = "run=$(cat /proc/sys/kernel/random/uuid)
    echo begins $(cut -d' ' -f1 /proc/uptime) $run $SEASON >>/data/runs
    sleep ${SECONDS_OF_WORK:-0.2}
    echo ends $(cut -d' ' -f1 /proc/uptime) $run $SEASON >>/data/runs";

/// What runs left goes with this value.
struct Left(&'static Fleet, String);

impl Drop for Left {
    fn drop(&mut self) {
        let left = format!("{LEFT}/{}", self.1);
        on_every_host(self.0, |host| host.run(&format!("rm -rf {left}")));
    }
}

fn job(ground: &mut Ground, host: &str, schedule: &str) -> Left {
    let left = format!("{LEFT}/{}", ground.repo.name);
    let image = format!("{}/app", ground.fleet.registry);
    let repo = &mut ground.repo;
    repo.set_of("tick", "image", image);
    repo.set_of("tick", "tag", "1.0");
    repo.set_of("tick", "command", vec!["/bin/sh", "-c", WORK]);
    repo.set_of("tick", "volumes", vec![format!("{left}:/data")]);
    repo.set_of("tick", "env.SEASON", "first");
    repo.set_of("tick", "schedule", schedule);
    repo.set_of("tick", "timeout", "60s");
    repo.place("tick", host);
    on_every_host(ground.fleet, |host| host.sh(&format!("mkdir -p {left}")));
    Left(ground.fleet, ground.repo.name.clone())
}

/// A run as its lines tell it.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    began: f64,
    ended: Option<f64>,
    season: String,
}

/// The runs on all hosts, by their beginning.
fn runs(ground: &Ground) -> Vec<Run> {
    let left = format!("cat {LEFT}/{}/runs 2>/dev/null || :", ground.repo.name);
    let all = on_every_host(ground.fleet, |host| host.sh(&left)).concat();
    let lines = || all.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let moment = |text: &str| text.parse::<f64>().expect("a moment");
    let mut runs: Vec<Run> = lines()
        .filter(|words| words[0] == "begins")
        .map(|words| Run {
            began: moment(words[1]),
            ended: lines()
                .find(|end| end[0] == "ends" && end[2] == words[2])
                .map(|end| moment(end[1])),
            season: words[3].to_owned(),
        })
        .collect();
    runs.sort_by(|one, other| one.began.total_cmp(&other.began));
    runs
}

/// None was cut, and no two were under way at once, where a tick is this far from the next one.
fn assert_whole(runs: &[Run], tick: f64) {
    for run in runs {
        assert!(run.ended.is_some(), "cut: {run:?} of {runs:#?}");
    }
    for pair in runs.windows(2) {
        let apart = pair[1].began - pair[0].began;
        // A start takes a while, more or less of it.
        assert!(apart > tick / 3.0, "double: {pair:#?}");
        assert!(
            pair[0].ended.is_some_and(|ended| ended <= pair[1].began),
            "two at once: {pair:#?}"
        );
    }
}

pub fn docker(fleet: &'static Fleet) {
    life(Ground::new(fleet, "timers"), "docker");
}

pub fn podman(fleet: &'static Fleet) {
    life(Ground::new(fleet, "timers-podman").with_podman(), "podman");
}

/// How often a timer fires and how often is released: few, or `BAYPLAN_FLEET_TICKS`.
fn ticks() -> usize {
    let asked = std::env::var("BAYPLAN_FLEET_TICKS").ok();
    asked.and_then(|ticks| ticks.parse().ok()).unwrap_or(10)
}

fn life(mut ground: Ground, engine: &str) {
    let name = ground.repo.name.clone();
    ground.images();
    let _left = job(&mut ground, "docker01", "*:*:0/2");
    ground.release().exits(0);
    ground.diff().exits(0);

    // A fast timer, and one release after the other: other inputs, which count from the next run.
    let start = Instant::now();
    let mut releases = 0;
    let wanted = ticks();
    while runs(&ground).len() < wanted {
        let season = format!("release-{releases}");
        ground.repo.set_of("tick", "env.SEASON", season.as_str());
        ground.release().exits(0);
        releases += 1;
        let limit = Duration::from_secs(60 + 6 * wanted as u64);
        assert!(start.elapsed() < limit, "{:#?}", runs(&ground));
    }
    let season = format!("release-{}", releases - 1);
    until(Duration::from_secs(20), "the last inputs run", || {
        let runs = runs(&ground);
        runs.iter().any(|run| run.season == season).then_some(())
    });
    calm(&ground);
    let all = runs(&ground);
    assert_whole(&all, 2.0);
    let seconds = start.elapsed().as_secs();
    println!(
        "{engine}: {} runs across {releases} releases in {seconds} s, none cut, none double",
        all.len()
    );
    ground.diff().exits(0);
    let host = ground.host("docker01");
    // What a run under way had is there until the next release that finds none.
    let directories = format!("ls /etc/bayplan/{name}/tick | wc -l");
    let mut calm_release = 0;
    until(Duration::from_secs(180), "old inputs are gone", || {
        calm_release += 1;
        let season = format!("calm-{calm_release}");
        ground.repo.set_of("tick", "env.SEASON", season.as_str());
        calm(&ground);
        ground.release().exits(0);
        let left: u32 = host.sh(&directories).trim().parse().expect("a number");
        (left <= 2).then_some(())
    });

    // One that changes to a time that has just passed does not make up for it.
    for catch_up in [false, true] {
        ground.repo.set_of("tick", "catch_up", catch_up);
        ground.repo.set_of("tick", "schedule", "*:*:0/2");
        ground.release().exits(0);
        std::thread::sleep(Duration::from_secs(5));
        ground.repo.set_of("tick", "schedule", "*-*-* 00:00:00");
        ground.release().exits(0);
        calm(&ground);
        std::thread::sleep(Duration::from_secs(4));
        let before = runs(&ground).len();
        let passed = host.sh("date -d '-2 seconds' '+*-*-* %H:%M:%S'");
        ground.repo.set_of("tick", "schedule", passed.trim());
        ground.release().exits(0);
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(runs(&ground).len(), before, "catch_up = {catch_up}");
        ground
            .status()
            .exits(0)
            .says(&["tick", "in sync", "next in"]);
    }

    // A long run goes on while its inputs change, and while the job moves: that waits.
    ground.repo.set_of("tick", "env.SECONDS_OF_WORK", "30");
    ground.repo.set_of("tick", "schedule", "*:*:0/2");
    ground.release().exits(0);
    let under_way = |ground: &Ground| runs(ground).iter().any(|run| run.ended.is_none());
    until(Duration::from_secs(20), "a long run is under way", || {
        let long = runs(&ground).last().is_some_and(|run| run.ended.is_none());
        std::thread::sleep(Duration::from_millis(500));
        (long && under_way(&ground)).then_some(())
    });
    ground.repo.set_of("tick", "env.SEASON", "later");
    ground.release().exits(0);
    assert!(under_way(&ground), "the release ended it");
    ground.repo.place("tick", "docker02");
    ground.repo.set_of("tick", "env.SECONDS_OF_WORK", "0.2");
    ground
        .diff()
        .exits(2)
        .says(&["moves when the run on docker01 ends"]);
    ground.release().exits(0);
    assert!(under_way(&ground), "the move ended it");
    let timers = |host: &str| {
        let list = format!("systemctl list-timers --all --no-legend {name}-tick.timer | wc -l");
        ground.host(host).sh(&list).trim().to_owned()
    };
    assert_eq!(
        (timers("docker01"), timers("docker02")),
        ("0".into(), "0".into())
    );
    calm(&ground);
    ground.release().exits(0);
    ground.diff().exits(0);
    assert_eq!(
        (timers("docker01"), timers("docker02")),
        ("0".into(), "1".into())
    );
    let left = format!(
        "ls /etc/systemd/system/{name}-tick.* /etc/bayplan/{name}/tick 2>/dev/null | wc -l"
    );
    assert_eq!(ground.host("docker01").sh(&left).trim(), "0");
    let before = runs(&ground).len();
    until(Duration::from_secs(20), "it runs on its new host", || {
        (runs(&ground).len() > before + 1).then_some(())
    });

    // It leaves, and a run that fails is told before that.
    ground
        .repo
        .set_of("tick", "command", vec!["/bin/sh", "-c", "exit 7"]);
    ground.release().exits(0);
    until(Duration::from_secs(20), "a run fails", || {
        let status = ground.status().exits(0);
        std::thread::sleep(Duration::from_millis(200));
        status.stdout.contains("exit status 7").then_some(())
    });
    ground.repo.remove("tick");
    until(Duration::from_secs(60), "it has left", || {
        ground.release();
        let left = ground.host("docker02").sh(&left);
        (left.trim() == "0").then_some(())
    });
    ground.diff().exits(0);
    assert_whole(&runs(&ground), 1.0);
}

/// Waits until no run is under way.
fn calm(ground: &Ground) {
    until(Duration::from_secs(60), "no run is under way", || {
        let runs = runs(ground);
        let unit = format!(
            "systemctl show -p ActiveState --value {}-tick.service",
            ground.repo.name
        );
        let host = ground.host("docker01").sh(&unit);
        let idle = runs.iter().all(|run| run.ended.is_some());
        (idle && ["inactive", "failed"].contains(&host.trim())).then_some(())
    });
}
