//! Restarts that are side by side, in every shell, with the `systemctl` of `fake/`.

use super::process_tests::{ProcessHost, after_a_release, restart, wanted};
use super::*;
use crate::host::sample::{desired, id, service, shells, steps, unit};
use crate::plan::BackStep;
use crate::plan::step::Begins;

/// The restarts of a turn.
fn turn(names: &[&str]) -> Vec<Step> {
    let steps = names
        .iter()
        .enumerate()
        .map(|(number, name)| Step::Restart {
            service: service(name),
            unit: unit(name),
            begins: match number {
                0 => Begins::After,
                _ => Begins::Beside,
            },
        });
    steps.collect()
}

const FOUR: [(&str, &str); 4] = [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")];
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// The sample has room for two.
#[test]
fn restarts_of_a_turn_are_side_by_side_and_no_more_than_there_is_room_for() {
    after_a_release(&FOUR, |machine, host| {
        // Neither of the two that begin ends before the other one has begun.
        machine.root.write("fake/meet", "2");
        let mut steps = turn(&NAMES);
        let units = NAMES.map(unit).into();
        steps.push(Step::AwaitHealthy { units });
        let said = machine.activate(host, &Source::Generation(1), &steps, None);
        assert!(said.ends_with("end\n"), "{said}");
        assert_eq!(machine.root.read("fake/met").trim(), "2", "at once");
        assert_eq!(machine.containers(), wanted(host));
        // What is watched is told by all of them: one that crashes afterwards is found.
        machine.will("c", "crash");
        let said = machine.activate(host, &Source::Generation(1), &steps, None);
        assert!(said.contains("error demo-c did not stay active"), "{said}");
        assert!(!machine.root.path("run/bayplan/ends-3f9ac1b20c77").exists());
    });
}

/// Those that have begun come to their end, no other one begins, and whoever failed is told, each with its state.
#[test]
fn a_restart_that_fails_lets_those_beside_it_end() {
    after_a_release(&FOUR, |machine, host| {
        let back = |from, name| BackStep {
            from,
            step: restart(name),
        };
        let way = WayBack {
            until: 4,
            generation: Some(1),
            steps: NAMES
                .iter()
                .enumerate()
                .map(|(from, name)| back(from, name))
                .collect(),
            stuck: Vec::new(),
            used: Default::default(),
        };
        machine.root.write("fake/meet", "2");
        machine.will("a", "fail");
        machine.will("b", "fail");
        let said = machine.activate(host, &Source::Generation(1), &turn(&NAMES), Some(&way));
        for name in ["a", "b"] {
            let failed = format!("error `systemctl restart demo-{name}.service` failed");
            assert_eq!(
                said.matches(&failed).count(),
                2,
                "and on the way back: {said}"
            );
            assert!(said.contains(&format!("\nstate demo-{name} ActiveState=failed\n")));
            assert!(said.contains(&format!("\njournal demo-{name} it ends at once\n")));
        }
        assert!(
            said.contains("\nstep 0 failed\n") && said.contains("\nstep 1 failed\n"),
            "{said}"
        );
        // Only what had begun goes back.
        assert!(
            !said.contains("step 2 ") && !said.contains("back 2 "),
            "{said}"
        );
        assert!(
            said.contains("\nback 0 start ") && said.contains("\nback 1 start "),
            "{said}"
        );
        // Whoever is beside one that fails has begun as well, and goes back with it.
        machine.will("b", "");
        let said = machine.activate(host, &Source::Generation(1), &turn(&NAMES[..2]), Some(&way));
        assert!(
            said.contains("\nstep 0 failed\n") && said.contains("\nstep 1 done\n"),
            "{said}"
        );
        assert!(
            said.contains("\nback 1 done\n") && !said.contains("back 2 "),
            "{said}"
        );
        assert!(
            said.contains("error `systemctl restart demo-a.service` failed"),
            "{said}"
        );
        let history = machine.root.read("var/lib/bayplan/demo/history");
        assert!(
            history.contains("systemctl restart demo-a.service"),
            "{history}"
        );
    });
}

/// A job that is killed says nothing; the others do.
#[test]
fn a_restart_that_is_killed_is_a_failure() {
    after_a_release(&FOUR, |machine, host| {
        machine.will("b", "killed");
        let said = machine.activate(host, &Source::Generation(1), &turn(&NAMES), None);
        assert!(said.contains("was ended from outside\n"), "{said}");
        assert!(said.contains("\nstep 1 failed\n"), "{said}");
        assert!(!said.contains("\nstep 0 failed\n"), "{said}");
        assert!(machine.ended("failed"));
    });
}

/// Wherever the activation is killed while several restart, the next one ends as one that was not disturbed.
#[test]
fn restarts_side_by_side_that_were_killed_at_any_call_are_done_by_the_next_activation() {
    let host = desired(&FOUR);
    let shells = shells();
    let mut all = steps(&host, 1);
    for step in &mut all {
        if let Step::Restart {
            service, begins, ..
        } = step
            && service.as_str() != "a"
        {
            *begins = Begins::Beside;
        }
    }
    let mut at = 0;
    loop {
        at += 1;
        let machine = ProcessHost::new(shells[at % shells.len()]);
        assert_eq!(machine.root.stage(&host, &id("release-1")).findings, []);
        let source = Source::Staged {
            id: id("release-1"),
            number: 1,
        };
        machine.root.write("fake/die-at", &at.to_string());
        let said = machine.activate(&host, &source, &all, None);
        if said.ends_with("end\n") {
            break;
        }
        std::fs::remove_file(machine.root.path("fake/die-at")).unwrap();
        let said = machine.activate(&host, &source, &all, None);
        assert!(said.ends_with("end\n"), "killed at call {at}: {said}");
        assert_eq!(machine.containers(), wanted(&host), "killed at call {at}");
        assert!(machine.ended("done"), "killed at call {at}");
    }
    assert!(at > 10, "it was killed {at} times");
}
