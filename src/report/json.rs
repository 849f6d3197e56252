//! `--json`: a view as it is, escaped.

use serde::Serialize;

/// Pretty JSON with a final line break, and with every character escaped that could steer a terminal: serde escapes the C0 controls,
/// not DEL, the C1 controls and what reorders text.
#[must_use]
pub fn text(view: &impl Serialize) -> String {
    let mut to = String::new();
    push_safe(
        &serde_json::to_string_pretty(view).expect("views are plain data"),
        &mut to,
    );
    to
}

/// The same in one line.
#[must_use]
pub fn line(view: &impl Serialize) -> String {
    let mut to = String::new();
    push_line(view, &mut to);
    to
}

/// Adds that line to a text.
pub fn push_line(view: &impl Serialize, to: &mut String) {
    push_safe(
        &serde_json::to_string(view).expect("views are plain data"),
        to,
    );
}

fn push_safe(plain: &str, to: &mut String) {
    to.reserve(plain.len() + 1);
    if plain.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')) {
        to.push_str(plain);
    } else {
        for c in plain.chars() {
            if c != '\n' && super::text::steers(c) {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    *to += &format!("\\u{unit:04x}");
                }
            } else {
                to.push(c);
            }
        }
    }
    to.push('\n');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use insta::assert_snapshot;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::super::errors::HostFailure;
    use super::super::view::{PlanView, StatusView};
    use super::super::{Detail, samples};
    use super::*;
    use crate::cluster::name::HostName;
    use crate::host::activate::activity::Activity;
    use crate::plan::Plan;
    use crate::plan::status::ClusterStatus;

    type Activities = BTreeMap<HostName, Activity>;
    type Failures = BTreeMap<HostName, HostFailure>;

    fn of_plan(plan: &Plan, at_work: &Activities, failures: &Failures, detail: Detail) -> String {
        text(&PlanView::of(
            &samples::cluster(),
            plan,
            at_work,
            failures,
            detail,
        ))
    }

    fn of_status(status: &ClusterStatus, activities: &Activities, failures: &Failures) -> String {
        let cluster = samples::cluster();
        text(&StatusView::of(&cluster, status, activities, failures))
    }

    #[test]
    fn a_plan_has_a_stable_shape() {
        let plan = samples::everything("odd value");
        let failures = samples::failures("no route to host");
        assert_snapshot!(of_plan(&plan, &BTreeMap::new(), &failures, Detail::Diff));
    }

    #[test]
    fn the_documented_examples_are_real() {
        let documented = include_str!("../../docs/json.md");
        let failure = HostFailure {
            short: "cannot connect: Connection timed out".to_owned(),
            long: None,
            help: Some("try `ssh docker03 true`".to_owned()),
        };
        let failures = BTreeMap::from([(samples::host("docker03"), failure)]);
        for example in [
            of_plan(
                &samples::documented(),
                &BTreeMap::new(),
                &BTreeMap::new(),
                Detail::Short,
            ),
            of_status(&samples::documented_status(), &BTreeMap::new(), &failures),
        ] {
            let example = format!("```json\n{example}```\n");
            assert!(
                documented.contains(&example),
                "docs/json.md lacks\n{example}"
            );
        }
    }

    #[test]
    fn without_diff_no_file_has_its_text() {
        let shown = of_plan(
            &samples::ordinary(),
            &BTreeMap::new(),
            &BTreeMap::new(),
            Detail::Short,
        );
        assert!(!shown.contains("\"diff\""), "{shown}");
        assert!(!shown.contains("IMAGE"), "{shown}");
    }

    #[test]
    fn a_state_has_a_stable_shape() {
        let failures = samples::failures("no route to host");
        assert_snapshot!(of_status(
            &samples::every_state("failed"),
            &samples::activities("restarting web"),
            &failures
        ));
    }

    #[test]
    fn in_sync_is_said_only_of_what_was_seen() {
        let says = |text: &str| text.contains("\"in_sync\": true");
        assert!(says(&of_status(
            &samples::in_sync(),
            &BTreeMap::new(),
            &BTreeMap::new()
        )));
        assert!(!says(&of_status(
            &samples::in_sync(),
            &BTreeMap::new(),
            &samples::failures("x")
        )));
        let empty = samples::plan(vec![("docker01", samples::still())], Vec::new());
        assert!(says(&of_plan(
            &empty,
            &BTreeMap::new(),
            &BTreeMap::new(),
            Detail::Short
        )));
        assert!(!says(&of_plan(
            &empty,
            &BTreeMap::new(),
            &samples::failures("x"),
            Detail::Short
        )));
    }

    proptest! {
        #[test]
        fn values_arrive_unchanged_and_cannot_steer_a_terminal(odd in any::<String>()) {
            let shown = of_plan(&samples::everything(&odd), &samples::activities(&odd), &samples::failures(&odd), Detail::Diff);
            samples::assert_tame(&shown);
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            let reasons = &read["hosts"][0]["services"][0]["reasons"];
            prop_assert_eq!(reasons[3]["after"].as_str(), Some(odd.as_str()));
            let shown = of_status(&samples::every_state(&odd), &samples::activities(&odd), &samples::failures(&odd));
            samples::assert_tame(&shown);
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            prop_assert_eq!(read["failures"][0]["error"].as_str(), Some(odd.as_str()));
        }
    }
}
