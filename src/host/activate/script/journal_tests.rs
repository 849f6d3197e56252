//! What the journal of a host gets of its history, in every shell, with the `logger` of `fake/`.

use super::super::record::{deed_script, note_script};
use super::process_tests::{ProcessHost, after_a_release};
use super::*;
use crate::host::sample::shells;

/// The entries, each with its fields.
fn entries(machine: &ProcessHost) -> Vec<Vec<String>> {
    let journal = machine.root.read("fake/journal");
    let entries = journal.split_terminator("\n\n");
    entries
        .map(|entry| entry.lines().map(str::to_owned).collect())
        .collect()
}

/// The value of a field of an entry, which has it once.
#[track_caller]
fn field<'a>(entry: &'a [String], name: &str) -> &'a str {
    let start = format!("{name}=");
    let mut values = entry.iter().filter_map(|line| line.strip_prefix(&start));
    let value = values
        .next()
        .unwrap_or_else(|| panic!("no {name}: {entry:?}"));
    assert_eq!(values.next(), None, "{entry:?}");
    value
}

fn record(release: &str) -> Record {
    Record {
        format: 1,
        bayplan: "0.1.0",
        release: release.to_owned(),
        who: "ada@laptop".to_owned(),
        when: "2026-11-21T09:30:00Z".to_owned(),
        commit: Some("192bba1c".to_owned()),
        back_to: None,
        reasons: Vec::new(),
        deed: None,
        action: "rollback",
    }
}

fn run(machine: &ProcessHost, script: &str) {
    let fake = machine.root.path("fake/bin").display().to_string();
    let said = machine
        .root
        .run(&format!("PATH='{fake}':$PATH\n{script}"), b"");
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("recorded "), "{said}");
}

fn note(machine: &ProcessHost, release: &str, result: &str) {
    let (layout, source) = (machine.layout(), Source::Generation(1));
    let script = note_script(
        layout,
        &source,
        &record(release),
        2,
        (result, "said sentinel"),
    );
    run(machine, &script);
}

#[test]
fn a_line_of_a_history_is_one_entry_of_the_journal() {
    after_a_release(&[("web", "1")], |machine, _| {
        let first = entries(machine);
        assert_eq!(first.len(), 1, "{first:?}");
        let entry = &first[0];
        assert_eq!(
            field(entry, "MESSAGE"),
            "release of demo by ada@laptop: done"
        );
        assert_eq!(field(entry, "SYSLOG_IDENTIFIER"), "bayplan");
        assert_eq!(field(entry, "PRIORITY"), "5");
        assert_eq!(field(entry, "BAYPLAN_CLUSTER"), "demo");
        assert_eq!(field(entry, "BAYPLAN_WHO"), "ada@laptop");
        assert_eq!(field(entry, "BAYPLAN_RELEASE"), "20261121-093000-4711");
        assert_eq!(field(entry, "BAYPLAN_ACTION"), "release");
        assert_eq!(field(entry, "BAYPLAN_GENERATION"), "1");
        assert_eq!(field(entry, "BAYPLAN_RESULT"), "done");
        // A wave that others follow waits for them.
        note(machine, "second", "not finished");
        note(machine, "second", "not finished");
        assert_eq!(entries(machine).len(), 1);
        note(machine, "second", "done");
        let told = entries(machine);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(field(&told[1], "BAYPLAN_RELEASE"), "second");
        assert_eq!(field(&told[1], "BAYPLAN_COMMIT"), "192bba1c");
        // Where they never came, it is told with what came in their place.
        note(machine, "third", "not finished");
        note(machine, "fourth", "failed");
        let told = entries(machine);
        let results = told[2..].iter().map(|entry| {
            let of = |name| field(entry, name);
            format!(
                "{} {} {}",
                of("BAYPLAN_RELEASE"),
                of("BAYPLAN_RESULT"),
                of("PRIORITY")
            )
        });
        assert_eq!(
            results.collect::<Vec<_>>(),
            ["third not finished 4", "fourth failed 4"]
        );
        // Why something failed may have what a container printed: the history has it, which is root's alone.
        assert!(!machine.root.read("fake/journal").contains("sentinel"));
        assert!(
            machine
                .root
                .read("var/lib/bayplan/demo/history")
                .contains("sentinel")
        );
    });
}

#[test]
fn no_name_makes_another_field_of_the_journal() {
    for shell in shells() {
        let machine = ProcessHost::new(shell);
        let odd = "eve\nBAYPLAN_WHO=root@docker01\r\u{0}$(id) `id` 'x' \"y\" \\n%s=1";
        let hostile = Record {
            who: odd.to_owned(),
            deed: Some(odd.to_owned()),
            commit: Some(format!("unknown: {odd}")),
            action: "freeze",
            ..record("odd")
        };
        run(&machine, &deed_script(machine.layout(), &hostile));
        let told = entries(&machine);
        assert_eq!(told.len(), 1, "{shell}: {told:?}");
        let plain = odd.replace(|c: char| c.is_control(), " ");
        assert_eq!(field(&told[0], "BAYPLAN_WHO"), plain, "{shell}");
        let message = format!("freeze of demo by {plain} ({plain}): done");
        assert_eq!(field(&told[0], "MESSAGE"), message, "{shell}");
        assert_eq!(field(&told[0], "BAYPLAN_ACTION"), "freeze", "{shell}");
    }
}

#[test]
fn a_logger_without_fields_gets_the_message() {
    for shell in shells() {
        let machine = ProcessHost::new(shell);
        machine.root.write("fake/will/plain-logger", "");
        note(&machine, "second", "put back");
        assert_eq!(
            machine.root.read("fake/journal"),
            "logger -t bayplan -- rollback of demo by ada@laptop: put back\n\n",
            "{shell}"
        );
    }
}
