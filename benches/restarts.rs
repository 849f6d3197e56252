//! How long a release takes that restarts every container of its hosts, beside what a bare `systemctl restart` of all of
//! their units takes, host after host, measured in turns in one run.
//!
//! `sudo BAYPLAN_FLEET=run cargo bench --bench restarts`

#![expect(
    clippy::disallowed_methods,
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

use std::time::{Duration, Instant};

use ground::Ground;
use hosts::Fleet;
use on_hosts::{median, print_load};

const HOSTS: usize = 3;
const SERVICES: u16 = 20;
const RUNS: usize = 5;

fn main() {
    on_hosts::run("restarts", HOSTS, measure);
}

/// How services need each other.
#[derive(Clone, Copy)]
enum Needs {
    /// Not at all: all restart in one turn.
    None,
    /// Five turns of four.
    Turns,
}

fn measure(fleet: &'static Fleet) {
    print_load();
    println!("| what | bayplan | `systemctl restart` of all units | ratio |");
    println!("| --- | --- | --- | --- |");
    let mut ground = described(fleet);
    let mut turn = 0;
    for (parallel, needs) in [
        (None, Needs::None),
        (Some(4), Needs::None),
        (Some(20), Needs::None),
        (Some(1), Needs::None),
        (None, Needs::Turns),
    ] {
        describe(&mut ground, parallel, needs);
        ground.release().exits(0);
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            turn += 1;
            ground.repo.set("vars.TURN", turn.to_string());
            ours.push(ground.release().exits(0).took);
            bare.push(restarted(fleet));
        }
        let (ours, bare) = (median(ours), median(bare));
        let parallel = parallel.map_or_else(|| "the cores".to_owned(), |most| most.to_string());
        let needs = match needs {
            Needs::None => "no needs",
            Needs::Turns => "five turns of needs",
        };
        println!(
            "| {} restarts on {HOSTS} hosts, {needs}, `parallel`: {parallel} | {ours:.2} s | {bare:.2} s | {:.2} |",
            HOSTS * usize::from(SERVICES),
            ours / bare
        );
    }
}

/// Every service on every host; all of them read one variable.
fn described(fleet: &'static Fleet) -> Ground {
    let mut ground = Ground::new(fleet, "production");
    ground.images();
    ground.repo.set("vars.TURN", "0");
    let all: Vec<&str> = fleet.hosts.iter().map(|host| host.name.as_str()).collect();
    for number in 1..=SERVICES {
        let service = format!("s{number:02}");
        ground.serve(&service, 9000 + number, &all.join(" "));
        ground.repo.set_of(&service, "vars", vec!["TURN"]);
    }
    ground
}

fn describe(ground: &mut Ground, parallel: Option<i64>, needs: Needs) {
    match parallel {
        Some(most) => ground.repo.set("rollout.parallel", most),
        None => {
            ground.repo.cluster.remove("rollout");
        }
    }
    for number in 5..=SERVICES {
        let needed = match needs {
            Needs::None => Vec::new(),
            Needs::Turns => vec![format!("s{:02}", number - 4)],
        };
        ground
            .repo
            .set_of(&format!("s{number:02}"), "needs", needed);
    }
}

/// All units of each host by one call, host after host.
fn restarted(fleet: &Fleet) -> Duration {
    let units: Vec<String> = (1..=SERVICES)
        .map(|number| format!("production-s{number:02}.service"))
        .collect();
    let restart = format!("systemctl restart {}", units.join(" "));
    let started = Instant::now();
    for host in &fleet.hosts {
        host.sh(&restart);
    }
    started.elapsed()
}
