//! `--json`: stable, versioned shapes of their own, described in `docs/json.md`. Every struct of
//! the plan is destructured here, so that a new field is a decision and not an accident.

mod history;
mod plan;
mod review;
pub mod schema;
mod status;

use serde::Serialize;

use super::errors::HostFailure;
use crate::cluster::name::{HostName, ServiceName};
use crate::plan::reason::Reason;

pub use history::history;
pub use plan::plan;
pub use review::reviews;
pub use status::status;

/// The version of the shapes: it rises when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// JSON with every character escaped that could steer a terminal: serde escapes the C0 controls,
/// not DEL, the C1 controls and what reorders text.
fn text(value: &impl Serialize) -> String {
    let plain = serde_json::to_string_pretty(value).expect("these shapes are plain data");
    let mut safe = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        if c != '\n' && super::text::steers(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe += &format!("\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    safe
}

#[derive(Serialize)]
struct FailureJson<'a> {
    host: &'a str,
    error: &'a str,
    detail: Option<&'a str>,
    help: Option<&'a str>,
}

impl<'a> FailureJson<'a> {
    fn of((host, failure): (&'a HostName, &'a HostFailure)) -> Self {
        let HostFailure { short, long, help } = failure;
        Self {
            host: host.as_str(),
            error: short,
            detail: long.as_deref(),
            help: help.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ReasonJson<'a> {
    New,
    NotRunning {
        state: &'a str,
    },
    Variable {
        layer: String,
        name: &'a str,
        before: Option<&'a str>,
        after: Option<&'a str>,
    },
    Secret {
        name: &'a str,
        change: &'static str,
    },
    Image {
        before: &'a str,
        after: &'a str,
    },
    Directive {
        key: &'a str,
        removed: &'a [String],
        added: &'a [String],
    },
    File {
        path: &'a str,
    },
    Unknown {
        fingerprint: &'a str,
    },
    ImageMoved {
        reference: &'a str,
        running: &'a str,
    },
    Touched {
        paths: &'a [String],
    },
    Edited {
        paths: &'a [String],
    },
    Displaced {
        by: &'a str,
    },
}

impl<'a> ReasonJson<'a> {
    fn of(reason: &'a Reason, service: &ServiceName) -> Self {
        match reason {
            Reason::New => Self::New,
            Reason::NotRunning { state } => Self::NotRunning { state },
            Reason::Variable {
                layer,
                name,
                before,
                after,
            } => Self::Variable {
                layer: layer.label(service),
                name: name.as_str(),
                before: before.as_deref(),
                after: after.as_deref(),
            },
            Reason::Secret { name, change } => Self::Secret {
                name: name.as_str(),
                change: plan::change_word(*change),
            },
            Reason::Image { before, after } => Self::Image { before, after },
            Reason::Directive {
                key,
                removed,
                added,
            } => Self::Directive {
                key,
                removed,
                added,
            },
            Reason::File { path } => Self::File { path },
            Reason::Unknown { fingerprint } => Self::Unknown { fingerprint },
            Reason::ImageMoved { reference, running } => Self::ImageMoved { reference, running },
            Reason::Edited { paths } => Self::Edited { paths },
            Reason::Touched { paths } => Self::Touched { paths },
            Reason::Displaced { by } => Self::Displaced { by: by.as_str() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use insta::assert_snapshot;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::super::{Detail, samples};
    use super::*;

    #[test]
    fn a_plan_has_a_stable_shape() {
        let plan = samples::everything("odd value");
        let failures = samples::failures("no route to host");
        assert_snapshot!(super::plan(
            &plan,
            &BTreeMap::new(),
            &failures,
            Detail::Diff
        ));
    }

    #[test]
    fn the_documented_examples_are_real() {
        let documented = include_str!("../../../docs/json.md");
        let cluster = samples::cluster();
        let failure = HostFailure {
            short: "cannot connect: Connection timed out".to_owned(),
            long: None,
            help: Some("try `ssh docker03 true`".to_owned()),
        };
        let failures = BTreeMap::from([(samples::host("docker03"), failure)]);
        for example in [
            super::plan(
                &samples::documented(),
                &BTreeMap::new(),
                &BTreeMap::new(),
                Detail::Short,
            ),
            status(
                &cluster.name,
                &samples::documented_status(),
                &BTreeMap::new(),
                &failures,
            ),
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
        let shown = super::plan(
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
        let cluster = samples::cluster();
        let failures = samples::failures("no route to host");
        assert_snapshot!(status(
            &cluster.name,
            &samples::every_state("failed"),
            &samples::activities("restarting web"),
            &failures
        ));
    }

    #[test]
    fn in_sync_is_said_only_of_what_was_seen() {
        let cluster = samples::cluster();
        let says = |text: &str| text.contains("\"in_sync\": true");
        assert!(says(&status(
            &cluster.name,
            &samples::in_sync(),
            &BTreeMap::new(),
            &BTreeMap::new()
        )));
        assert!(!says(&status(
            &cluster.name,
            &samples::in_sync(),
            &BTreeMap::new(),
            &samples::failures("x")
        )));
        let empty = samples::plan(vec![("docker01", samples::still())], Vec::new());
        assert!(says(&super::plan(
            &empty,
            &BTreeMap::new(),
            &BTreeMap::new(),
            Detail::Short
        )));
        assert!(!says(&super::plan(
            &empty,
            &BTreeMap::new(),
            &samples::failures("x"),
            Detail::Short
        )));
    }

    proptest! {
        #[test]
        fn values_arrive_unchanged_and_cannot_steer_a_terminal(odd in any::<String>()) {
            let shown = super::plan(&samples::everything(&odd), &samples::activities(&odd), &samples::failures(&odd), Detail::Diff);
            samples::assert_tame(&shown);
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            let reasons = &read["hosts"][0]["services"][0]["reasons"];
            prop_assert_eq!(reasons[3]["after"].as_str(), Some(odd.as_str()));
            let shown = status(&samples::cluster().name, &samples::every_state(&odd), &samples::activities(&odd), &samples::failures(&odd));
            samples::assert_tame(&shown);
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            prop_assert_eq!(read["failures"][0]["error"].as_str(), Some(odd.as_str()));
        }
    }
}
