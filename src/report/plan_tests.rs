use std::path::Path;

use insta::assert_snapshot;
use proptest::prelude::{any, proptest};

use super::super::plan_end::{Next, another_version, next_command, question};
use super::super::samples;
use super::*;
use crate::cluster::model::Cluster;
use crate::plan::reason::Reason;
use crate::plan::{Action, HostPlan, Moves, Plan, ServicePlan};

fn shown(cluster: &Cluster, plan: &Plan, detail: Detail) -> String {
    shown_of(cluster, plan, &[], detail, &Palette::PLAIN)
}

fn shown_of(
    cluster: &Cluster,
    plan: &Plan,
    only: &[ServiceName],
    detail: Detail,
    palette: &Palette,
) -> String {
    let (at_work, failures) = (BTreeMap::new(), BTreeMap::new());
    let view = PlanView::of(cluster, plan, &at_work, &failures, detail);
    text(&view, only, detail, palette)
}

#[test]
fn an_ordinary_plan_is_short_and_says_why() {
    assert_snapshot!(shown(
        &samples::cluster(),
        &samples::ordinary(),
        Detail::Short
    ));
}

#[test]
fn with_diff_every_file_is_shown() {
    assert_snapshot!(shown(
        &samples::cluster(),
        &samples::ordinary(),
        Detail::Diff
    ));
}

#[test]
fn colours_mark_signs_and_words() {
    let plan = samples::ordinary();
    let coloured = shown_of(
        &samples::cluster(),
        &plan,
        &[],
        Detail::Diff,
        &Palette::COLOURED,
    );
    let plain = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(plain, shown(&samples::cluster(), &plan, Detail::Diff));
    assert_snapshot!(coloured.replace('\u{1b}', "␛"));
}

#[test]
fn another_version_of_bayplan_is_told_where_units_differ() {
    let by = |version: &str| {
        let hosts = ["docker01", "docker02"];
        hosts
            .map(|name| (samples::host(name), version.to_owned()))
            .into()
    };
    let everything = samples::everything("x");
    assert_eq!(another_version(&by("0.2.0"), "0.2.0", &everything), None);
    assert_eq!(
        another_version(&by("0.1.0"), "0.2.0", &everything).unwrap(),
        "bayplan 0.1.0 released docker01, and this is 0.2.0: what differs in their units may \
         come from bayplan itself (its built-in template, where the description has none)"
    );
    // Another tag is no doing of bayplan's.
    assert_eq!(
        another_version(&by("0.1.0"), "0.2.0", &samples::ordinary()),
        None
    );
}

#[test]
fn every_reason_action_note_and_refusal_has_its_words() {
    let plan = samples::everything("odd value");
    assert_snapshot!(shown(&samples::cluster(), &plan, Detail::Short));
}

#[test]
fn odd_values_are_quoted_escaped_and_shortened() {
    let long = "mongodb://10.0.0.1:27017,".repeat(8);
    let hostile = "\u{1b}]0;pwned\u{7}\r\n\u{202e}";
    let reasons = vec![
        samples::variable("EMPTY", Some(""), Some(" ")),
        samples::variable("HOSTILE", Some("calm"), Some(hostile)),
        samples::variable("LINES", Some("a\\nb"), Some("a\nb")),
        samples::variable("UNICODE", Some("Zürich"), Some("東京 🚢")),
        samples::variable("LONG_END", Some(&long), Some(&format!("{long}x"))),
        samples::variable("LONG_START", Some(&long), Some(&format!("x{long}"))),
        samples::variable("LONG_NEW", None, Some(&long)),
        samples::variable(
            "A_NAME_OF_SUCH_A_LENGTH_THAT_IT_FILLS_THE_LINE",
            Some("1"),
            Some("2"),
        ),
    ];
    let plan = samples::plan(
        vec![(
            "docker01",
            samples::acting(vec![samples::restarts("search", reasons)]),
        )],
        vec![samples::wave(Phase::Change, &["docker01"])],
    );
    let mut cluster = samples::cluster();
    cluster.hosts.retain(|host, _| host.as_str() == "docker01");
    assert_snapshot!("odd_values_short", shown(&cluster, &plan, Detail::Short));
    assert_snapshot!("odd_values_full", shown(&cluster, &plan, Detail::Diff));
}

#[test]
fn nothing_to_do_is_one_line() {
    let cluster = samples::cluster();
    let still = || samples::still();
    let plan = samples::plan(
        vec![
            ("docker01", still()),
            ("docker02", still()),
            ("docker03", still()),
        ],
        Vec::new(),
    );
    assert_eq!(
        shown(&cluster, &plan, Detail::Short),
        "No changes. production is in sync (3 hosts, 4 services).\n"
    );
    let only = [samples::service("search"), samples::service("listing")];
    assert_eq!(
        shown_of(&cluster, &plan, &only, Detail::Short, &Palette::PLAIN),
        "No changes. search and listing are in sync on production (3 hosts).\n"
    );
    let plan = samples::plan(vec![("docker01", still())], Vec::new());
    assert_eq!(
        shown(&cluster, &plan, Detail::Short),
        "No changes on 1 host of production; docker02 and docker03 not seen\n"
    );
    assert_eq!(
        next_command(&plan, Next::Services(&[]), Moves::Refuse),
        None
    );
    assert_eq!(
        shown(
            &cluster,
            &samples::plan(Vec::new(), Vec::new()),
            Detail::Short
        ),
        "Nothing is known of production; docker01, docker02 and docker03 not seen\n"
    );
}

#[test]
fn a_restart_that_waits_is_not_in_sync() {
    let waiting = ServicePlan {
        action: Action::Pending,
        files: Vec::new(),
        ..samples::restarts("reports", vec![samples::image("1", "2")])
    };
    let host = HostPlan {
        acts: false,
        ..samples::acting(vec![waiting])
    };
    let plan = samples::plan(
        vec![
            ("docker01", host),
            ("docker02", samples::still()),
            ("docker03", samples::still()),
        ],
        Vec::new(),
    );
    assert_snapshot!(shown(&samples::cluster(), &plan, Detail::Short));
    assert_eq!(
        next_command(&plan, Next::Services(&[]), Moves::Refuse).unwrap(),
        "bayplan release production reports"
    );
}

#[test]
fn hosts_on_which_the_same_happens_stand_together() {
    let host = |stay| HostPlan {
        stay,
        ..samples::acting(vec![samples::restarts(
            "fluentd",
            vec![samples::image("1", "2")],
        )])
    };
    let plan = samples::plan(
        vec![
            ("docker01", host(3)),
            ("docker02", samples::still()),
            ("docker03", host(1)),
        ],
        vec![
            samples::wave(Phase::Change, &["docker03"]),
            samples::wave(Phase::Change, &["docker01"]),
        ],
    );
    assert_snapshot!(shown(&samples::cluster(), &plan, Detail::Short));
}

#[test]
fn directories_say_that_nothing_is_started() {
    let added = |name| ServicePlan {
        change: Change::Added,
        action: Action::None,
        files: vec![samples::file("50-search.env", None, Some("A=\"1\"\n"))],
        ..samples::restarts(name, vec![Reason::New])
    };
    let host = |name| HostPlan {
        stay: 0,
        ..samples::acting(vec![added(name)])
    };
    let plan = samples::plan(
        vec![
            ("docker01", host("search")),
            ("docker02", host("listing")),
            ("docker03", host("listing")),
        ],
        vec![samples::wave(
            Phase::Expand,
            &["docker01", "docker02", "docker03"],
        )],
    );
    assert_snapshot!(shown(&samples::directories(), &plan, Detail::Short));
}

#[test]
fn the_question_counts_what_happens_and_the_hosts() {
    assert_eq!(
        question(&samples::ordinary()),
        "Apply 2 restarts and 1 move to 2 hosts of production? [y/N] "
    );
}

#[test]
fn the_next_step_names_what_was_asked_for() {
    let only = [samples::service("search")];
    assert_eq!(
        next_command(&samples::ordinary(), Next::Services(&only), Moves::Refuse).unwrap(),
        "bayplan release production search"
    );
    assert_eq!(
        next_command(
            &samples::everything("x"),
            Next::Services(&[]),
            Moves::Refuse
        ),
        None,
        "refused"
    );
    for (path, word) in [
        ("plan.json", "plan.json"),
        ("it's\u{1b}.json", r"'it'\''s\u{1b}.json'"),
    ] {
        let saved = Next::Saved(Path::new(path));
        assert_eq!(
            next_command(&samples::ordinary(), saved, Moves::Allow).unwrap(),
            format!("bayplan release production --plan {word} --allow-move")
        );
    }
}

proptest! {
    #[test]
    fn no_value_can_steer_a_terminal(odd in any::<String>()) {
        let plan = samples::everything(&odd);
        for detail in [Detail::Short, Detail::Diff] {
            samples::assert_tame(&shown(&samples::cluster(), &plan, detail));
            let coloured = shown_of(&samples::cluster(), &plan, &[], detail, &Palette::COLOURED);
            samples::assert_tame(&anstream::adapter::strip_str(&coloured).to_string());
        }
    }
}
