use super::super::event::ScriptEvent;
use super::super::launch::{Launched, launch, parse_launched};
use super::super::record::note_script;
use super::*;
use crate::host::sample::{
    Root, activation, add_timer, desired, id, layout, service, shells, steps, unit,
};
use crate::render::identity::{DirectoryName, UnitKind};

/// The part of a script that differs from one activation to another.
fn own_part(script: &str) -> String {
    let (head, rest) = script.split_once("\n\n").unwrap();
    let said = ["step ", "doing="];
    let calls = rest
        .lines()
        .filter(|line| said.iter().any(|word| line.starts_with(word)));
    format!("{head}\n…\n{}", calls.collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_small_activation_as_a_script() {
    let host = desired(&[("db", "1"), ("web", "it's")]);
    let source = Source::Staged {
        id: id("20261121-1"),
        number: 7,
    };
    let mut all = steps(&host, 7);
    let directory = host.services[&service("web")].directory.clone();
    all.extend([
        Step::RepairInputs {
            service: service("web"),
            directory,
            write: ["50-web.env".to_owned()].into(),
            remove: ["a b'c".to_owned()].into(),
        },
        Step::Stop {
            service: service("old"),
            unit: unit("old"),
        },
        Step::RemoveUnit {
            service: service("old"),
            file: unit("old").service_file(),
        },
        Step::RemoveInputs {
            service: service("old"),
            names: ["3f9ac1b20c77".to_owned(), ".new-file".to_owned()].into(),
        },
        Step::RemoveGenerations {
            numbers: [1, 2].into(),
        },
    ]);
    let layout = layout();
    let script = activation(&layout, &host, &source, &all);
    insta::assert_snapshot!(own_part(&script));
    assert!(!script.contains("VALUE"), "no variable is in a script");
}

#[test]
fn an_activation_places_units_inputs_links_and_current() {
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("db", "1"), ("web", "it's")]);
        root.release(&host, 1);
        let (look, exchanges) = root.look(&host);
        assert_eq!(exchanges, 1, "{look:?}");
        let mut tree = root.tree();
        tree.retain(|path, _| !path.ends_with("record.json"));
        let web = &host.services[&service("web")];
        let base = format!("etc/bayplan/demo/web/{}", web.directory);
        assert_eq!(tree[&format!("{base}/files/etc/app.conf")], "it's");
        assert_eq!(
            tree["etc/systemd/system/demo-web.service"],
            *web.service_unit().text
        );
        assert_eq!(
            tree["etc/systemd/system/multi-user.target.wants/demo-web.service"],
            "-> /etc/systemd/system/demo-web.service"
        );
        assert_eq!(tree["var/lib/bayplan/demo/current"], "-> generations/1");
        // Nothing is left beside.
        assert!(tree.keys().all(|path| !path.contains("new")), "{tree:?}");
        let record = root.read("var/lib/bayplan/demo/current/record.json");
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert_eq!(record["who"], "ada@laptop");
        assert_eq!(record["result"], "done");
    }
}

#[test]
fn a_script_that_died_anywhere_is_finished_by_the_next_one() {
    for shell in shells() {
        let host = desired(&[("db", "1"), ("web", "2")]);
        let all = steps(&host, 1);
        let source = Source::Staged {
            id: id("a"),
            number: 1,
        };
        let undisturbed = Root::new(shell);
        undisturbed.release(&host, 1);
        let mut expected = undisturbed.tree();
        for killed in 0..=all.len() {
            let root = Root::new(shell);
            root.stage(&host, &id("a"));
            root.activate(&host, &source, &all[..killed]);
            // What a copy leaves that was killed in the middle.
            if killed < 2 {
                root.write("etc/bayplan/demo/web/.new-000000000000/x", "");
            }
            let said = root.activate(&host, &source, &all);
            assert!(said.ends_with("end\n"), "{said}");
            let mut tree = root.tree();
            for tree in [&mut tree, &mut expected] {
                tree.retain(|path, _| {
                    let names = ["record.json", "/history", "/did"];
                    let told = names.iter().any(|name| path.ends_with(name));
                    !told && !path.contains("/.new-0")
                });
                tree.remove("var/lib/bayplan/demo/staging");
            }
            assert_eq!(tree, expected, "{shell}, killed before step {killed}");
        }
    }
}

/// What a release is for; not what it tells of itself.
fn files(root: &Root) -> std::collections::BTreeMap<String, String> {
    let mut tree = root.tree();
    tree.retain(|path, _| !path.ends_with("/history") && !path.ends_with("/did"));
    tree
}

#[test]
fn hand_edits_are_mended_and_leavings_removed() {
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("web", "1")]);
        root.release(&host, 1);
        let before = files(&root);
        let directory = host.services[&service("web")].directory.clone();
        let base = format!("etc/bayplan/demo/web/{directory}");
        root.write(&format!("{base}/50-web.env"), "VALUE=edited\n");
        root.write(&format!("{base}/it's \"new\""), "x");
        root.write(&format!("{base}/.hidden"), "x");
        root.write("etc/bayplan/demo/web/.new-abc/x", "x");
        root.write("etc/bayplan/demo/web/0123456789ab/x", "x");
        let (look, _) = root.look(&host);
        let seen = &look.observed.services[&service("web")];
        let there = &seen.directories[&directory].files;
        let wanted = &crate::host::sample::manifest(&host).services[&service("web")].files;
        let extra = there.keys().filter(|path| !wanted.contains_key(*path));
        let remove: BTreeSet<_> = extra.cloned().collect();
        assert_eq!(remove.len(), 2, "{there:?}");
        let names = ["0123456789ab", ".new-abc"].map(str::to_owned).into();
        let said = root.activate(
            &host,
            &Source::Generation(1),
            &[
                Step::RepairInputs {
                    service: service("web"),
                    directory,
                    write: ["50-web.env".to_owned()].into(),
                    remove,
                },
                Step::RemoveInputs {
                    service: service("web"),
                    names,
                },
            ],
        );
        assert!(said.ends_with("end\n"), "{said}");
        assert_eq!(files(&root), before);
    }
}

#[test]
fn a_leaver_goes_with_its_links_and_old_generations_go() {
    let root = Root::new("sh");
    let host = desired(&[("db", "1"), ("web", "1")]);
    root.release(&host, 1);
    let after = desired(&[("web", "1")]);
    root.release(&after, 2);
    let directory = host.services[&service("db")].directory.to_string();
    let steps = [
        Step::Stop {
            service: service("db"),
            unit: unit("db"),
        },
        Step::RemoveUnit {
            service: service("db"),
            file: unit("db").service_file(),
        },
        Step::RemoveInputs {
            service: service("db"),
            names: [directory].into(),
        },
        Step::RemoveGenerations {
            numbers: [1].into(),
        },
    ];
    for _ in 0..2 {
        let said = root.activate(&after, &Source::Generation(2), &steps);
        assert!(said.ends_with("end\n"), "{said}");
    }
    assert!(
        root.tree()
            .keys()
            .all(|path| !path.contains("db") && !path.contains("generations/1"))
    );
}

#[test]
fn a_unit_file_beside_that_of_a_service_goes_alone() {
    for shell in shells() {
        let root = Root::new(shell);
        let mut host = desired(&[("web", "1")]);
        root.release(&host, 1);
        let before = files(&root);
        add_timer(&mut host, "web", "daily");
        root.release(&host, 2);
        let link = "etc/systemd/system/timers.target.wants/demo-web.timer";
        assert_eq!(files(&root)[link], "-> /etc/systemd/system/demo-web.timer");
        let remove = [Step::RemoveUnit {
            service: service("web"),
            file: unit("web").file(UnitKind::Timer),
        }];
        for _ in 0..2 {
            let said = root.activate(&host, &Source::Generation(2), &remove);
            assert!(said.ends_with("end\n"), "{said}");
        }
        let mut after = files(&root);
        after.remove("etc/systemd/system/timers.target.wants");
        after.retain(|path, _| path.starts_with("etc/"));
        assert!(
            after
                .iter()
                .all(|(path, text)| before.get(path) == Some(text)),
            "{after:?}"
        );
    }
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let host = desired(&[("web", "1")]);
    let write = [Step::WriteUnit {
        service: service("web"),
        file: unit("web").service_file(),
    }];
    let remove = [Step::RemoveUnit {
        service: service("web"),
        file: unit("web").service_file(),
    }];
    for steps in [&write[..], &remove[..]] {
        for text in [
            "[Service]\n",
            "[X-Bayplan]\nCluster=other\nService=web\n",
            "Cluster=demo\n",
        ] {
            let root = Root::new("sh");
            root.release(&desired(&[("other", "1")]), 1);
            root.stage(&host, &id("a"));
            root.write("etc/systemd/system/demo-web.service", text);
            let source = Source::Staged {
                id: id("a"),
                number: 2,
            };
            let said = root.activate(&host, &source, steps);
            assert!(said.contains("is not a unit of demo"), "{said}");
            assert!(said.contains("\nstep 0 failed\n"), "{said}");
            assert_eq!(root.read("etc/systemd/system/demo-web.service"), text);
        }
    }
}

#[test]
fn a_current_that_somebody_made_is_moved_aside() {
    let root = Root::new("sh");
    root.write("var/lib/bayplan/demo/current/precious", "x");
    root.release(&desired(&[("web", "1")]), 1);
    let tree = root.tree();
    assert_eq!(tree["var/lib/bayplan/demo/current"], "-> generations/1");
    assert!(
        tree.keys()
            .any(|path| path.contains("current.saved-") && path.ends_with("/precious"))
    );
}

#[test]
fn the_current_generation_is_never_removed() {
    let root = Root::new("sh");
    let host = desired(&[("web", "1")]);
    root.release(&host, 1);
    let numbers = [1].into();
    let steps = [Step::RemoveGenerations { numbers }];
    let said = root.activate(&host, &Source::Generation(1), &steps);
    assert!(
        said.contains("error generation 1 is the current one\nstep 0 failed\n"),
        "{said}"
    );
}

#[test]
fn a_step_that_fails_says_why_and_ends_the_script() {
    let root = Root::new("sh");
    let host = desired(&[("web", "1")]);
    root.stage(&host, &id("a"));
    let source = Source::Staged {
        id: id("a"),
        number: 1,
    };
    let place = |name: &str| Step::PlaceInputs {
        service: service("web"),
        directory: DirectoryName::reported(name).unwrap(),
    };
    let said = root.activate(&host, &source, &[place("0123456789ab"), Step::Reload]);
    let events: Vec<_> = said
        .lines()
        .map(|line| ScriptEvent::parse(line).unwrap())
        .collect();
    let [
        ScriptEvent::Begun { steps: 2, .. },
        ScriptEvent::Started { number: 0, .. },
        ScriptEvent::Doing(words),
        ScriptEvent::Error(why),
        ScriptEvent::Failed(0),
        ScriptEvent::Recorded,
    ] = &events[..]
    else {
        panic!("{said}");
    };
    assert_eq!(*words, place("0123456789ab").words());
    assert!(why.contains("No such file"), "{why}");
}

#[test]
fn a_path_that_leads_out_of_its_directory_makes_no_script() {
    for path in ["..", "../x", "a/../../b", "/etc/passwd", "", "a//b", "."] {
        assert!(below(path).is_err(), "{path}");
    }
    assert_eq!(below("files/..a/b c"), Ok("files/..a/b c"));
}

#[test]
fn a_script_that_cannot_be_written_is_not_run() {
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("web", "1")]);
        root.release(&host, 1);
        root.stage(&host, &id("a"));
        // A script of before lies there, and something has the name of ours.
        root.write(
            "var/lib/bayplan/demo/staging/a/activate-1.sh/x",
            "echo end\n",
        );
        let source = Source::Staged {
            id: id("a"),
            number: 2,
        };
        let script = activation(&root.layout, &host, &source, &steps(&host, 2));
        let launched = ActivationId::new("3f9ac1b20c77").unwrap();
        let script = launch(&root.layout, &id("a"), 1, &launched, &script);
        let said = String::from_utf8(root.run(&script, b"")).unwrap();
        let Some(ScriptEvent::Error(why)) = said.lines().next().and_then(ScriptEvent::parse) else {
            panic!("{shell}: {said}");
        };
        assert!(why.starts_with("may not write "), "{why}");
        assert!(!said.contains("end\n"), "{said}");
    }
}

#[test]
fn what_a_launch_says_is_read_or_unknown() {
    assert_eq!(parse_launched(b"launched\n"), Launched::Yes);
    let why = "no bus; today".to_owned();
    assert_eq!(
        parse_launched(b"failed\nno bus\ntoday\n"),
        Launched::No { why }
    );
    for odd in ["", "unknown\n", "\u{0}", "launched"] {
        let launched = parse_launched(odd.as_bytes());
        assert!(
            matches!(launched, Launched::Unknown | Launched::Yes),
            "{odd}"
        );
    }
}

#[test]
fn a_history_has_one_line_a_release() {
    for shell in shells() {
        let root = Root::new(shell);
        let host = desired(&[("web", "1")]);
        root.release(&host, 1);
        let file = "var/lib/bayplan/demo/history";
        let parsed = || {
            let answer = format!("{}end\n", root.read(file));
            crate::host::past::history::parse(answer.as_bytes())
                .unwrap()
                .entries
        };
        assert_eq!(parsed()[0].generation, 1, "{shell}");
        assert!(parsed()[0].made);
        // The second wave of the same release takes the place of the first one's line.
        let source = Source::Generation(1);
        root.activate(&host, &source, &[Step::Reload]);
        let record = |release: &str| Record {
            format: 1,
            bayplan: "0.1.0",
            release: release.to_owned(),
            who: "ada@laptop".to_owned(),
            when: "2026-11-21T09:30:00Z".to_owned(),
            commit: None,
            back_to: None,
            reasons: Vec::new(),
            deed: None,
            action: "release",
        };
        let note = |release: &str, why: &str| {
            let record = record(release);
            let how = ("failed", why);
            let script = note_script(&root.layout, &source, &record, 2, how);
            let said = String::from_utf8(root.run(&script, b"")).unwrap();
            assert_eq!(said, "recorded failed\n", "{shell}");
        };
        assert_eq!(parsed().len(), 1, "{shell}");
        assert_eq!(parsed()[0].deeds.written, ["web"]);
        let why = "it's \"so\"\\n\n%s $HOME \u{1}é";
        note("other", "first");
        note("other", why);
        assert_eq!(parsed().len(), 2, "{shell}: {}", root.read(file));
        assert_eq!(parsed()[1].why.as_deref(), Some(why));
        assert_eq!(parsed()[1].result, "failed");
        // What was no release has a line, too, and no deeds of one.
        let deed = Record {
            deed: Some("pruned 1 image".to_owned()),
            ..record("deed")
        };
        let script = crate::host::activate::record::deed_script(&root.layout, &deed);
        assert_eq!(root.run(&script, b""), b"recorded done\n", "{shell}");
        let entry = parsed().pop().unwrap();
        assert_eq!(entry.deed.as_deref(), Some("pruned 1 image"), "{shell}");
        assert_eq!((entry.generation, entry.made), (1, false), "{shell}");
        assert_eq!(entry.deeds, Default::default(), "{shell}");
        // A line that a power cut left half is kept apart.
        for release in ["other", "third"] {
            root.write(file, "{\"format\":1,\"release\":\"other\",");
            note(release, "again");
            assert_eq!(parsed().len(), 1, "{shell}");
        }
    }
}

#[test]
fn a_way_back_goes_on_where_one_step_fails() {
    let root = Root::new("sh");
    let host = desired(&[("db", "1"), ("web", "1")]);
    root.release(&host, 1);
    let after = desired(&[("db", "2"), ("web", "2")]);
    root.stage(&after, &id("b"));
    let write = |name: &str| Step::WriteUnit {
        service: service(name),
        file: unit(name).service_file(),
    };
    let back = |step| crate::plan::BackStep { from: 0, step };
    let gone = host.services[&service("web")].directory.to_string();
    let way = WayBack {
        until: 1,
        generation: Some(1),
        steps: vec![
            back(write("nosuch")),
            back(write("web")),
            back(Step::RemoveInputs {
                service: service("web"),
                names: [gone.clone()].into(),
            }),
        ],
        stuck: Vec::new(),
        used: Default::default(),
    };
    let source = Source::Staged {
        id: id("b"),
        number: 2,
    };
    let nowhere = Step::PlaceInputs {
        service: service("nosuch"),
        directory: DirectoryName::reported("0123456789ab").unwrap(),
    };
    let script = crate::host::sample::activation_with(
        &root.layout,
        &after,
        &source,
        &[nowhere],
        Some(&way),
        &crate::host::sample::ActivationWaits::default(),
    );
    let said = String::from_utf8(root.run(&script, b"")).unwrap();
    assert!(
        said.contains(
            "back 0 failed\nback 1 start write_unit demo-web.service\n\
             doing putting back: writing demo-web.service\nback 1 done\n"
        ),
        "{said}"
    );
    assert!(!said.contains("put back\n"), "{said}");
    // What a unit may still name stays.
    assert!(root.path(&format!("etc/bayplan/demo/web/{gone}")).is_dir());
}
