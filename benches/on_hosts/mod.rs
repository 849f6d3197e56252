//! What benches on real hosts have in common: a fleet of their own, only where somebody asked for it.

use std::sync::OnceLock;
use std::time::Duration;

use crate::hosts::Fleet;

static FLEET: OnceLock<Fleet> = OnceLock::new();

/// Measures on so many hosts, which are there for that time. `bench` is the name of the bench.
pub fn run(bench: &str, hosts: usize, measure: impl FnOnce(&'static Fleet)) {
    if std::env::var_os("BAYPLAN_FLEET").is_none_or(|value| value != "run") {
        println!("skipped; type `sudo BAYPLAN_FLEET=run cargo bench --bench {bench}`");
        return;
    }
    let fleet = FLEET
        .get_or_init(|| Fleet::up(&[&hosts.to_string()]).unwrap_or_else(|error| panic!("{error}")));
    measure(fleet);
    fleet.down();
}

/// Prints how busy the machine is before anything is measured.
pub fn print_load() {
    if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
        println!("load of the machine before: {}", load.trim());
    }
}

/// In seconds.
pub fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}
