//! The half of an activation that handles processes, below a root directory with a `systemctl` and a `docker` of
//! our own, in every shell. What real ones do, tests/fleet sees.

use std::net::TcpListener;

use super::*;
use crate::host::sample::{
    ActivationWaits, Root, activation_with, desired, id, service, shells, steps, unit,
};
use crate::plan::BackStep;
use crate::plan::step::Begins;
use crate::render::desired::DesiredHost;
use crate::render::identity::Slot;

const PROGRAMS: [(&str, &str); 5] = [
    ("systemctl", include_str!("fake/systemctl.sh")),
    ("docker", include_str!("fake/docker.sh")),
    ("journalctl", include_str!("fake/journalctl.sh")),
    ("logger", include_str!("fake/logger.sh")),
    // Every wait is over at once.
    ("sleep", "#!/bin/sh\n"),
];

/// A host with processes.
pub(super) struct ProcessHost {
    pub(super) root: Root,
    layout: Layout,
}

impl ProcessHost {
    pub(super) fn new(shell: &'static str) -> Self {
        let root = Root::new(shell);
        for directory in ["bin", "loaded", "units", "containers", "will", "networks"] {
            std::fs::create_dir_all(root.path(&format!("fake/{directory}"))).unwrap();
        }
        for (name, text) in PROGRAMS {
            // Written by another process: one that this process holds open for writing, even for a moment in a
            // child that another test just forked, cannot be executed.
            let path = root.path(&format!("fake/bin/{name}"));
            let write = format!("cat >'{0}' && chmod 755 '{0}'", path.display());
            root.run(&write, text.as_bytes());
        }
        let layout = root.with_supervisor(Supervisor::Systemd);
        Self { root, layout }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// From now on this goes wrong with a unit; `fake/systemctl.sh` has the words.
    pub(super) fn will(&self, name: &str, word: &str) {
        self.root.write(&format!("fake/will/{}", unit(name)), word);
    }

    pub(super) fn activate(
        &self,
        host: &DesiredHost,
        source: &Source,
        steps: &[Step],
        way_back: Option<&WayBack>,
    ) -> String {
        let waits = ActivationWaits {
            patience: Duration::from_secs(1),
            ..ActivationWaits::default()
        };
        self.activate_waiting(host, source, steps, way_back, &waits)
    }

    fn activate_waiting(
        &self,
        host: &DesiredHost,
        source: &Source,
        steps: &[Step],
        way_back: Option<&WayBack>,
        waits: &ActivationWaits,
    ) -> String {
        let script = activation_with(&self.layout, host, source, steps, way_back, waits);
        self.root.write("fake/activate.sh", &script);
        let fake = self.root.path("fake").display().to_string();
        let shell = self.root.shell;
        let run = format!(
            "PATH='{fake}/bin':$PATH; export PATH; exec setsid -w {shell} -c 'echo $$ >\"$0/pid\"; exec {shell} \"$0/activate.sh\"' '{fake}' </dev/null",
        );
        String::from_utf8(self.root.run(&run, b"")).unwrap()
    }

    /// Stages a host as a generation, and carries out the steps that a release of all of it has.
    pub(super) fn release(
        &self,
        host: &DesiredHost,
        number: u64,
        way_back: Option<&WayBack>,
    ) -> String {
        let staged = id(&format!("release-{number}"));
        assert_eq!(self.root.stage(host, &staged).findings, []);
        let source = Source::Staged { id: staged, number };
        self.activate(host, &source, &steps(host, number), way_back)
    }

    /// The fingerprints of the containers that run, by their names.
    pub(super) fn containers(&self) -> BTreeMap<String, String> {
        let entries = std::fs::read_dir(self.root.path("fake/containers")).unwrap();
        let read = entries.map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let fingerprint = self.root.read(&format!("fake/containers/{name}"));
            (name, fingerprint.trim_end().to_owned())
        });
        read.collect()
    }

    /// How often `systemctl` was called with these words.
    pub(super) fn calls(&self, words: &str) -> usize {
        let calls = self.root.read("fake/calls");
        calls.lines().filter(|call| *call == words).count()
    }

    /// Whether the newest line of the host's history ends with this result.
    pub(super) fn ended(&self, result: &str) -> bool {
        let history = self.root.read("var/lib/bayplan/demo/history");
        let last = history.lines().last().unwrap_or_default();
        last.contains(&format!("\"result\":\"{result}\""))
    }
}

/// What runs where a host is as it should be.
pub(super) fn wanted(host: &DesiredHost) -> BTreeMap<String, String> {
    let services = host.services.values();
    let wanted = services.map(|service| {
        let name = service.unit.container();
        (name, service.fingerprint.to_string())
    });
    wanted.collect()
}

pub(super) fn restart(name: &str) -> Step {
    Step::Restart {
        service: service(name),
        unit: unit(name),
        begins: Begins::After,
    }
}

/// Does the same on a host on which this was released, in every shell.
pub(super) fn after_a_release(
    services: &[(&str, &str)],
    test: impl Fn(&ProcessHost, &DesiredHost),
) {
    for shell in shells() {
        let machine = ProcessHost::new(shell);
        let host = desired(services);
        let said = machine.release(&host, 1, None);
        assert!(said.ends_with("end\n"), "{shell}: {said}");
        test(&machine, &host);
    }
}

#[test]
fn a_release_loads_enables_and_starts_and_records_what_runs() {
    after_a_release(&[("db", "1"), ("web", "1")], |machine, host| {
        assert_eq!(machine.containers(), wanted(host));
        assert_eq!(machine.calls("daemon-reload"), 1);
        assert_eq!(
            machine.calls("--quiet --no-reload reenable demo-db.service demo-web.service"),
            1
        );
        let record = machine
            .root
            .read("var/lib/bayplan/demo/current/record.json");
        let images = r#""images":{"db":"sha256:0a1b","web":"sha256:0a1b"}"#;
        assert!(record.contains(images), "{record}");
        assert!(machine.root.path("run/bayplan/reloaded").exists());
        // The second one restarts what it is told to, and nothing else.
        let next = desired(&[("db", "1"), ("web", "2")]);
        let all = steps(&next, 2).into_iter();
        let all: Vec<_> = all.filter(|step| *step != restart("db")).collect();
        machine.root.stage(&next, &id("b"));
        let source = Source::Staged {
            id: id("b"),
            number: 2,
        };
        let said = machine.activate(&next, &source, &all, None);
        assert!(said.ends_with("end\n"), "{said}");
        assert_eq!(machine.containers(), wanted(&next));
        assert_eq!(machine.calls("restart demo-db.service"), 1);
        assert_eq!(machine.calls("restart demo-web.service"), 2);
    });
}

#[test]
fn a_restart_that_fails_is_told_with_its_state_and_journal() {
    after_a_release(&[("db", "1"), ("web", "1")], |machine, _| {
        machine.will("web", "fail");
        let next = desired(&[("db", "2"), ("web", "2")]);
        let said = machine.release(&next, 2, None);
        let failed = "step 7 start restart_unit demo-web\ndoing restarting web\n\
             error `systemctl restart demo-web.service` failed with status 1: \
             Job for demo-web.service failed because the control process exited with error code.\n\
             state demo-web ActiveState=failed\nstate demo-web SubState=failed\nstate demo-web Result=exit-code\n\
             journal demo-web it ends at once\n\
             step 7 failed\n";
        let (_, rest) = said.split_once("step 6 done\n").unwrap();
        assert!(rest.contains(failed), "{said}");
        assert!(!rest.contains("step 8"), "{said}");
        assert!(machine.ended("failed"));
        let current = std::fs::read_link(machine.root.path("var/lib/bayplan/demo/current"));
        assert_eq!(current.unwrap().to_str(), Some("generations/1"));
    });
}

/// One call for all of a circle. Where it fails, what is not up gets a second one, and only that.
#[test]
fn units_that_need_each_other_are_restarted_in_one_call() {
    let together = |host: &DesiredHost, unless: Option<&str>| {
        let units = ["db", "web"].map(|name| {
            let fingerprint = &host.services[&service(name)].fingerprint;
            let unless = (unless == Some(name)).then(|| fingerprint.clone());
            let unit = unit(name);
            (service(name), RestartedUnit { unit, unless })
        });
        let units = units.into();
        [Step::RestartTogether { units }]
    };
    after_a_release(&[("db", "1"), ("web", "1")], |machine, host| {
        let source = Source::Generation(1);
        let starts = || machine.root.read("fake/starts").len();
        let said = machine.activate(host, &source, &together(host, None), None);
        assert!(said.ends_with("end\n"), "{said}");
        assert_eq!(machine.calls("restart demo-db.service demo-web.service"), 1);
        assert_eq!(starts(), 4);
        // One that carries what it should is left alone.
        let said = machine.activate(host, &source, &together(host, Some("db")), None);
        assert!(said.ends_with("end\n"), "{said}");
        assert_eq!(starts(), 5);
        // Nobody took the job of one of them.
        machine.will("web", "unheard");
        let said = machine.activate(host, &source, &together(host, None), None);
        assert!(said.ends_with("end\n"), "{said}");
        assert_eq!(starts(), 7);
        machine.will("web", "fail");
        let said = machine.activate(host, &source, &together(host, None), None);
        assert!(
            said.contains("\nstate demo-web ActiveState=failed\n"),
            "{said}"
        );
        assert!(said.contains("\nstep 0 failed\n"), "{said}");
        assert!(!said.contains("state demo-db"), "{said}");
    });
}

#[test]
fn a_start_limit_that_was_hit_before_forbids_nothing() {
    after_a_release(&[("web", "1")], |machine, host| {
        let unit = "active=failed sub=failed result=start-limit-hit invocation=start-1\n";
        machine.root.write("fake/units/demo-web", unit);
        let said = machine.activate(host, &Source::Generation(1), &[restart("web")], None);
        assert!(said.ends_with("end\n"), "{said}");
        assert_eq!(machine.containers(), wanted(host));
    });
}

#[test]
fn a_client_that_lost_systemd_is_no_answer() {
    for word in ["unheard", "unanswered"] {
        after_a_release(&[("web", "1")], |machine, _| {
            machine.will("web", word);
            let next = desired(&[("web", "2")]);
            let said = machine.release(&next, 2, None);
            assert!(said.ends_with("end\n"), "{word}: {said}");
            assert_eq!(machine.containers(), wanted(&next));
            // A job that was done is not done again: the container would start twice.
            let starts = machine.root.read("fake/starts").len();
            assert_eq!(starts, 2, "{word}");
        });
    }
}

#[test]
fn what_leaves_is_stopped_with_its_container_and_its_links() {
    for word in ["", "orphan"] {
        after_a_release(&[("db", "1"), ("web", "1")], |machine, host| {
            machine.will("db", word);
            let directory = host.services[&service("db")].directory.to_string();
            let leave = [
                Step::Stop {
                    service: service("db"),
                    unit: unit("db"),
                },
                Step::RemoveUnit {
                    service: service("db"),
                    file: unit("db").service_file(),
                },
                Step::Reload,
                Step::RemoveInputs {
                    service: service("db"),
                    names: [directory].into(),
                },
            ];
            for _ in 0..2 {
                let said = machine.activate(host, &Source::Generation(1), &leave, None);
                assert!(said.ends_with("end\n"), "{said}");
                let runs = machine.containers().into_keys().collect::<Vec<_>>();
                assert_eq!(runs, ["demo-web"], "{word}");
                let tree = machine.root.tree().into_keys();
                let left: Vec<_> = tree
                    .filter(|path| path.starts_with("etc/") && path.contains("db"))
                    .collect();
                assert_eq!(left, [""; 0]);
            }
        });
    }
}

/// The processes of both containers are those of this test.
#[test]
fn an_instance_takes_over_where_its_own_processes_listen() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    after_a_release(&[("web", "1")], |machine, host| {
        let own = std::process::id().to_string();
        let link = machine.root.path("var/lib/bayplan/demo/swap/web");
        machine.root.write("fake/pids/demo-web", &own);
        let taker = unit("web").of_slot(Slot::A);
        let state = "active=active sub=running\n";
        machine.root.write("fake/units/demo-web@a", state);
        // The other port is nobody's.
        for ports in [BTreeSet::new(), [1, port].into()] {
            let step = [Step::TakeOver {
                service: service("web"),
                slot: Slot::A,
                unit: taker.clone(),
                ports,
            }];
            let source = Source::Generation(1);
            let said = machine.activate(host, &source, &step, None);
            assert!(
                said.contains("demo-web@a does not listen on port "),
                "{said}"
            );
            assert!(said.contains("\nstep 0 failed\n"), "{said}");
            assert!(!link.is_symlink());

            machine.root.write("fake/pids/demo-web.a", &own);
            let said = machine.activate(host, &source, &step, None);
            assert!(said.ends_with("end\n"), "{said}");
            let target = std::fs::read_link(&link).unwrap();
            assert_eq!(target.to_str(), Some("web.a.self"));
            std::fs::remove_file(&link).unwrap();
            std::fs::remove_file(machine.root.path("fake/pids/demo-web.a")).unwrap();
        }
    });
}

#[test]
fn only_what_stays_the_same_start_with_a_container_is_healthy() {
    let cases = [
        ("crash", "did not stay active for 1.0 s"),
        ("no-container", "has no running container"),
    ];
    for (word, why) in cases {
        after_a_release(&[("db", "1"), ("web", "1")], |machine, host| {
            machine.will("web", word);
            let named = vec![unit("db"), unit("web")];
            let steps = [restart("web"), Step::AwaitHealthy { units: named }];
            let said = machine.activate(host, &Source::Generation(1), &steps, None);
            assert!(said.contains(&format!("error demo-web {why}\n")), "{said}");
            assert!(said.contains("\nstep 1 failed\n"), "{said}");
            assert!(!said.contains("error demo-db"), "{said}");
        });
    }
    // One that this activation did not start, and that is starting for too long.
    after_a_release(&[("web", "1")], |machine, host| {
        let unit_state = "active=activating sub=start\n";
        machine.root.write("fake/units/demo-web", unit_state);
        let steps = [Step::AwaitHealthy {
            units: vec![unit("web")],
        }];
        let said = machine.activate(host, &Source::Generation(1), &steps, None);
        assert!(
            said.contains("error demo-web did not become active\n"),
            "{said}"
        );
    });
}

/// For this long.
const SOAK: Duration = Duration::from_millis(300);

/// Restarts web beside db, and watches it.
fn soaked(machine: &ProcessHost, host: &DesiredHost, probe: &str, way: Option<&WayBack>) -> String {
    let asks = |probe: &str| vec![["/bin/sh", "-c", probe].map(str::to_owned).to_vec()];
    let waits = ActivationWaits {
        patience: Duration::from_secs(1),
        soak: SOAK,
        deadline: None,
        // What was not started is not watched.
        probes: [(unit("web"), asks(probe)), (unit("db"), asks("false"))].into(),
    };
    let named = vec![unit("db"), unit("web")];
    let steps = [restart("web"), Step::AwaitHealthy { units: named }];
    machine.activate_waiting(host, &Source::Generation(1), &steps, way, &waits)
}

#[test]
fn what_was_healthy_and_ends_within_the_soak_has_failed() {
    after_a_release(&[("db", "1"), ("web", "1")], |machine, host| {
        let said = soaked(machine, host, "true", None);
        assert!(said.contains("\nsoaking 0.3\n"), "{said}");
        assert!(said.ends_with("end\n"), "{said}");

        machine.will("web", "crash-later");
        let said = soaked(machine, host, "true", None);
        let why = "error demo-web was healthy, but did not stay the same start for 0.3 s\n";
        assert!(said.contains(why), "{said}");
        assert!(
            said.contains("\njournal demo-web it ends at once\n"),
            "{said}"
        );
        assert!(said.contains("\nstep 1 failed\n"), "{said}");
    });
}

#[test]
fn what_stops_answering_within_the_soak_has_failed() {
    after_a_release(&[("db", "1"), ("web", "1")], |machine, host| {
        // Its start asked the probe, too.
        let said = soaked(machine, host, "echo 'no answer'; exit 1", None);
        let why = "error demo-web was healthy, but did not go on answering for 0.3 s: no answer\n";
        assert!(said.contains(why), "{said}");
    });
}

/// A restart alone, one beside another, and those of a circle in one call. The way back takes the time that it needs.
#[test]
fn what_is_not_up_before_the_deadline_has_failed() {
    after_a_release(&[("db", "1"), ("web", "1")], |machine, host| {
        let waits = || ActivationWaits {
            deadline: Some(Duration::from_millis(300)),
            ..ActivationWaits::default()
        };
        let back = |step| BackStep { from: 0, step };
        let way = WayBack {
            until: 9,
            generation: Some(1),
            steps: vec![back(restart("web"))],
            ..WayBack::default()
        };
        let beside = Step::Restart {
            service: service("db"),
            unit: unit("db"),
            begins: Begins::Beside,
        };
        let members = ["db", "web"].map(|name| {
            let (unit, unless) = (unit(name), None);
            (service(name), RestartedUnit { unit, unless })
        });
        let units = members.into();
        for steps in [
            vec![restart("web"), restart("db")],
            vec![restart("web"), beside],
            vec![Step::RestartTogether { units }],
        ] {
            machine.will("web", "late");
            let source = Source::Generation(1);
            let said = machine.activate_waiting(host, &source, &steps, Some(&way), &waits());
            let why = "was not up before the deadline, 0.3 s after the first step\n";
            assert!(said.contains(why), "{said}");
            assert!(said.ends_with("recorded put back\nput back\n"), "{said}");
        }
    });
}

/// What is put back ran before.
#[test]
fn a_way_back_does_not_soak() {
    after_a_release(&[("db", "1"), ("web", "1")], |machine, host| {
        machine.will("web", "crash-later");
        let back = |step| BackStep { from: 0, step };
        let named = vec![unit("web")];
        let way = WayBack {
            until: 2,
            generation: Some(1),
            steps: vec![
                back(restart("web")),
                back(Step::AwaitHealthy { units: named }),
            ],
            ..WayBack::default()
        };
        let said = soaked(machine, host, "true", Some(&way));
        assert!(said.ends_with("recorded put back\nput back\n"), "{said}");
        assert_eq!(said.matches("\nsoaking ").count(), 1, "{said}");
    });
}

#[test]
fn a_release_that_fails_puts_back_what_ran() {
    after_a_release(&[("db", "1"), ("web", "1")], |machine, host| {
        let next = desired(&[("db", "2"), ("web", "2")]);
        let number_of = |step: &Step| {
            let position = steps(&next, 2).iter().position(|other| other == step);
            position.unwrap()
        };
        let back = |from, step| BackStep { from, step };
        let units = |name: &str| Step::WriteUnit {
            service: service(name),
            file: unit(name).service_file(),
        };
        let way = WayBack {
            until: number_of(&Step::SetCurrent { number: 2 }),
            generation: Some(1),
            steps: vec![
                back(2, units("db")),
                back(2, units("web")),
                back(2, Step::Reload),
                back(number_of(&restart("db")), restart("db")),
                back(number_of(&restart("web")), restart("web")),
                back(
                    number_of(&restart("db")),
                    Step::AwaitHealthy {
                        units: vec![unit("db")],
                    },
                ),
            ],
            stuck: Vec::new(),
            used: Default::default(),
        };
        // It fails for what is new alone: the old one starts again.
        machine.will("web", "no-container");
        let said = machine.release(&next, 2, Some(&way));
        assert!(said.ends_with("put back\n"), "{said}");
        assert!(machine.ended("put back"));
        std::fs::remove_file(machine.root.path("fake/will/demo-web")).unwrap();
        let before = wanted(host);
        assert_eq!(machine.containers().get("demo-db"), before.get("demo-db"));
        // A step back whose step had not begun is not done: web had not been touched.
        machine.will("db", "fail");
        let said = machine.release(&next, 3, Some(&way));
        assert!(said.contains("\nback 3 failed\n"), "{said}");
        assert!(!said.contains("back 4 "), "{said}");
        assert!(machine.ended("failed"));
    });
}

/// Wherever it is killed, also between two calls of one step, the same release done again ends as one that was
/// not disturbed.
#[test]
fn an_activation_that_was_killed_at_any_call_is_finished_by_the_next_one() {
    let host = desired(&[("db", "1"), ("web", "1")]);
    let shells = shells();
    let mut at = 0;
    loop {
        at += 1;
        let machine = ProcessHost::new(shells[at % shells.len()]);
        machine.root.write("fake/die-at", &at.to_string());
        let said = machine.release(&host, 1, None);
        if said.ends_with("end\n") {
            break;
        }
        std::fs::remove_file(machine.root.path("fake/die-at")).unwrap();
        let source = Source::Staged {
            id: id("release-1"),
            number: 1,
        };
        let said = machine.activate(&host, &source, &steps(&host, 1), None);
        assert!(said.ends_with("end\n"), "killed at call {at}: {said}");
        assert_eq!(machine.containers(), wanted(&host), "killed at call {at}");
        assert!(machine.ended("done"), "killed at call {at}");
    }
    assert!(at > 10, "it was killed {at} times");
}

#[test]
fn a_network_goes_only_where_its_options_differ_and_nobody_is_in_it() {
    after_a_release(&[("web", "1")], |machine, host| {
        let network = |id: &str, name: &str, options: &str, inside: &str| {
            let text = format!("{name}\n{options}\n{inside}\n");
            machine.root.write(&format!("fake/networks/{id}"), &text);
        };
        let there = |id: &str| machine.root.path(&format!("fake/networks/{id}")).exists();
        let remake = |network: &str| Step::RemakeNetwork {
            network: network.to_owned(),
            options: "internal".to_owned(),
        };
        let remove = |network: &str| Step::RemoveNetwork {
            network: network.to_owned(),
        };
        let source = Source::Generation(1);
        let does = |step: Step| machine.activate(host, &source, &[step], None);
        // A dot is a dot, and no letter.
        network("1", "demo-a.b", "", "");
        network("2", "demo-axb", "", "");
        network("3", "demo-same", "internal", "web");
        assert!(does(remake("demo-a.b")).ends_with("end\n"));
        assert_eq!((there("1"), there("2")), (false, true));
        assert!(does(remake("demo-same")).ends_with("end\n"));
        assert!(there("3"));
        network("3", "demo-same", "", "stranger");
        let said = does(remake("demo-same"));
        let why = "the network demo-same cannot be made anew while these are in it: stranger";
        assert!(said.contains(why), "{said}");
        // One that nothing uses any more, and one that somebody came into.
        assert!(does(remove("demo-axb")).ends_with("end\n"));
        assert!(does(remove("demo-same")).ends_with("end\n"));
        assert!(does(remove("demo-gone")).ends_with("end\n"));
        assert_eq!((there("2"), there("3")), (false, true));
    });
}
