//! The JSON Schema of what `--json` prints and of a saved plan, made from the types that are printed.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use super::logs::LogLineView;
use super::notification::NotificationView;
use super::view::{
    CheckView, FitnessView, HistoryView, LeftoversView, LocalStatusView, PlanView, ReviewsView,
    StatusView, UsageView, WhyView,
};
use crate::plan::saved::SavedPlan;

/// Of `diff --json`.
#[must_use]
pub fn plan() -> String {
    of::<PlanView<'static>>(
        "What a release of a cluster would change: `bayplan diff CLUSTER --json`",
    )
}

/// Of `diff --against REV --json`.
#[must_use]
pub fn review() -> String {
    of::<ReviewsView<'static>>(
        "What a change of the description does: `bayplan diff CLUSTER --against REV --json`",
    )
}

/// Of `check --json`.
#[must_use]
pub fn check() -> String {
    of::<CheckView>("The problems of the description: `bayplan check --json`")
}

/// Of `status --json`.
#[must_use]
pub fn status() -> String {
    of::<StatusView<'static>>("What runs on every host: `bayplan status CLUSTER --json`")
}

/// Of `history --json`.
#[must_use]
pub fn history() -> String {
    of::<HistoryView<'static>>("What was activated on every host: `bayplan history CLUSTER --json`")
}

/// Of `why --json`.
#[must_use]
pub fn why() -> String {
    of::<WhyView<'static>>(
        "Where everything comes from that a service runs with: `bayplan why CLUSTER SERVICE --json`",
    )
}

/// Of `host check --json`.
#[must_use]
pub fn host_check() -> String {
    of::<FitnessView<'static>>("Whether hosts are fit: `bayplan host check CLUSTER --json`")
}

/// Of `top --json`.
#[must_use]
pub fn top() -> String {
    of::<UsageView<'static>>("What hosts and containers use: `bayplan top CLUSTER --json`")
}

/// Of `prune --json`.
#[must_use]
pub fn prune() -> String {
    of::<LeftoversView<'static>>("What nothing uses any more: `bayplan prune CLUSTER --json`")
}

/// Of a line of `logs --json`.
#[must_use]
pub fn logs() -> String {
    of::<LogLineView<'static>>("A message of a container: a line of `bayplan logs CLUSTER --json`")
}

/// Of `local status --json`.
#[must_use]
pub fn local_status() -> String {
    of::<LocalStatusView<'static>>(
        "What runs of a cluster on this machine: `bayplan local status --json`",
    )
}

/// Of what `[notify]` tells.
#[must_use]
pub fn event() -> String {
    of::<NotificationView<'static>>("An event of a release, as `[notify]` tells it")
}

/// Of the file that `diff -o` writes.
#[must_use]
pub fn saved_plan() -> String {
    of::<SavedPlan>("A plan that can be released: `bayplan diff CLUSTER -o FILE`")
}

/// The schema of a type as it is written, with a final line break.
fn of<T: JsonSchema>(title: &str) -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use jsonschema::Validator;
    use serde_json::{Value, json};

    use super::super::notification::Happened;
    use super::super::{Detail, json as report, samples};
    use super::*;
    use crate::cluster::diagnostic::{Diagnostic, Place};
    use crate::host::activate::record::Record;

    /// Checks outputs of today, which have no field that the schema does not name. A reader of the schema
    /// has to take more: new fields may come within a version.
    fn validator(schema: &str) -> Validator {
        let mut schema = serde_json::from_str(schema).unwrap();
        close(&mut schema);
        jsonschema::validator_for(&schema).unwrap()
    }

    fn close(schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                if fields.contains_key("properties") {
                    fields
                        .entry("additionalProperties")
                        .or_insert(Value::Bool(false));
                }
                fields.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[track_caller]
    fn assert_valid(validator: &Validator, shown: &str) {
        let shown = serde_json::from_str(shown).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&shown)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{problems:#?}");
    }

    /// Every output that differs from this one in one place: a field more, a field less but for those
    /// that need not be there, or a value of another type; with what was done.
    fn wrongs(value: &Value, optional: &[&str]) -> Vec<(String, Value)> {
        let mut wrongs = Vec::new();
        let mut note = |what: String, wrong: Value| wrongs.push((what, wrong));
        match value {
            Value::Object(fields) => {
                let mut more = fields.clone();
                more.insert("surprise".to_owned(), Value::Null);
                note(" has a field more".to_owned(), more.into());
                for (name, inner) in fields {
                    if !optional.contains(&name.as_str()) {
                        let mut less = fields.clone();
                        less.remove(name);
                        note(format!(" lacks {name}"), less.into());
                    }
                    for (what, wrong) in self::wrongs(inner, optional) {
                        let mut fields = fields.clone();
                        fields.insert(name.clone(), wrong);
                        note(format!(".{name}{what}"), fields.into());
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    for (what, wrong) in self::wrongs(item, optional) {
                        let mut items = items.clone();
                        items[index] = wrong;
                        note(format!("[{index}]{what}"), items.into());
                    }
                }
                note(" is a number".to_owned(), 1.into());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                note(" is an object".to_owned(), json!({}));
            }
        }
        wrongs
    }

    #[track_caller]
    fn assert_exact(validator: &Validator, shown: &str, optional: &[&str]) {
        assert_valid(validator, shown);
        let shown = serde_json::from_str(shown).unwrap();
        for (what, wrong) in wrongs(&shown, optional) {
            assert!(!validator.is_valid(&wrong), "accepted: ${what}");
        }
    }

    fn shown(plan: &crate::plan::Plan, detail: Detail) -> String {
        let (at_work, failures) = (samples::activities("odd"), samples::failures("odd"));
        let cluster = samples::cluster();
        report::text(&PlanView::of(&cluster, plan, &at_work, &failures, detail))
    }

    #[test]
    fn every_plan_is_as_the_schema_says() {
        let validator = validator(&super::plan());
        for plan in [samples::everything("odd"), samples::ordinary()] {
            for detail in [Detail::Short, Detail::Diff] {
                assert_valid(&validator, &shown(&plan, detail));
            }
        }
    }

    #[test]
    fn every_review_is_as_the_schema_says() {
        let validator = validator(&super::review());
        for detail in [Detail::Short, Detail::Diff] {
            let (reviews, sides) = (samples::reviews("odd"), samples::sides("odd"));
            let shown = report::text(&ReviewsView::of(&reviews, &sides, detail));
            assert_valid(&validator, &shown);
        }
    }

    fn shown_status() -> String {
        let (at_work, failures) = (samples::activities("odd"), samples::failures("odd"));
        let (cluster, status) = (samples::cluster(), samples::every_state("odd"));
        report::text(&StatusView::of(&cluster, &status, &at_work, &failures))
    }

    fn shown_history() -> String {
        let (histories, failures) = (samples::histories("odd"), samples::failures("odd"));
        let cluster = samples::cluster();
        report::text(&HistoryView::of(&cluster.name, &histories, &failures))
    }

    #[test]
    fn every_status_and_history_is_as_the_schema_says() {
        assert_valid(&validator(&super::status()), &shown_status());
        assert_valid(&validator(&super::history()), &shown_history());
    }

    #[test]
    fn every_look_at_hosts_is_as_the_schema_says() {
        let (examined, failures) = (samples::examined("odd"), samples::failures("odd"));
        let cluster = samples::cluster();
        let view = FitnessView::of(&cluster, &examined, &failures);
        assert_exact(&validator(&super::host_check()), &report::text(&view), &[]);
    }

    #[test]
    fn every_leftover_is_as_the_schema_says() {
        let (found, failures) = (samples::leftovers("odd"), samples::failures("odd"));
        let cluster = samples::cluster();
        let view = LeftoversView::of(&cluster.name, &found, &failures);
        assert_exact(&validator(&super::prune()), &report::text(&view), &[]);
    }

    #[test]
    fn every_container_here_is_as_the_schema_says() {
        let name = crate::local::name::LocalName::new("main").unwrap();
        let seen = samples::containers_here("odd");
        let engine = crate::cluster::model::Engine::Docker;
        let view = LocalStatusView::of(&name, "production", engine, &seen);
        let shown = report::text(&view);
        assert_exact(&validator(&super::local_status()), &shown, &["unhealthy"]);
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn every_usage_is_as_the_schema_says() {
        let (found, failures) = (samples::usages("odd"), samples::failures("odd"));
        let cluster = samples::cluster();
        let view = UsageView::of(&cluster.name, &found, &failures);
        assert_exact(&validator(&super::top()), &report::text(&view), &[]);
    }

    #[test]
    fn every_check_is_as_the_schema_says() {
        let mut sources = crate::cluster::Sources::default();
        let file = "clusters/production/cluster.toml";
        sources.insert(file, "type = \"té\"\nvars = 1\n".as_bytes());
        let place = |span| Place {
            path: file.to_owned(),
            span,
            label: "no-memory-limit".to_owned(),
        };
        let problems = [
            Diagnostic::warning("expected one", place(Some(8..11)))
                .with_related(place(Some(13..17)))
                .with_help("write it"),
            Diagnostic::error("it is not there", Place::file("nowhere.toml", "")),
        ];
        let checked = crate::report::check::CheckedCluster {
            cluster: samples::cluster().name,
            errors: 1,
            warnings: 1,
            size: None,
        };
        let mut view = CheckView::new();
        view.add(&checked, &problems, &sources);
        view.add_misnamed("Odd", "expected a name", "rename it");
        assert!(!view.ok);
        let first = &view.diagnostics[0];
        let place = &first.place;
        assert_eq!(first.code.as_deref(), Some("no-memory-limit"));
        assert_eq!(
            (place.line, place.column, place.end_column),
            (Some(1), Some(9), Some(11))
        );
        assert_eq!(
            (first.related[0].line, first.related[0].column),
            (Some(2), Some(1))
        );
        assert_eq!(view.diagnostics[1].code, None);
        assert_exact(&validator(&super::check()), &report::text(&view), &[]);
    }

    #[test]
    fn every_event_is_as_the_schema_says() {
        let record = Record {
            format: 1,
            bayplan: "0.1.0",
            release: "20261127-120000-3f9a0c1d".to_owned(),
            who: "ada@laptop".to_owned(),
            when: "2026-11-27T12:00:00Z".to_owned(),
            commit: Some("3f9a0c1d2e4b".to_owned()),
            back_to: None,
            reasons: Vec::new(),
            deed: None,
            action: "release",
        };
        let host = crate::cluster::name::HostName::new("docker01").unwrap();
        let validator = validator(&super::event());
        for what in [Happened::Planned, Happened::HostFailed, Happened::Done] {
            let view = NotificationView::of("production", &record, what);
            let totals = super::super::totals::Totals::default();
            let whole = view.clone().on(&host).since("it \u{1b}ended").with(totals);
            for view in [view, whole] {
                let line = report::line(&view);
                assert!(!line.trim_end().contains(char::is_control), "{line}");
                assert_valid(&validator, &line);
            }
        }
    }

    #[test]
    fn every_saved_plan_is_as_the_schema_says() {
        let validator = validator(&super::saved_plan());
        for plan in [samples::everything("odd"), samples::ordinary()] {
            assert_valid(&validator, &samples::saved(&plan).to_text());
        }
    }

    #[test]
    fn the_schemas_refuse_what_is_not_so() {
        let optional = ["activity", "diff", "held"];
        let everything = shown(&samples::everything("odd"), Detail::Diff);
        assert_exact(&validator(&super::plan()), &everything, &optional);
        let (reviews, sides) = (samples::reviews("odd"), samples::sides("odd"));
        let shown = report::text(&ReviewsView::of(&reviews, &sides, Detail::Short));
        assert_exact(&validator(&super::review()), &shown, &optional);
        assert_exact(
            &validator(&super::status()),
            &shown_status(),
            &["held", "unhealthy", "kept", "watch"],
        );
        let optional = ["name", "change", "before", "after", "deed"];
        assert_exact(&validator(&super::history()), &shown_history(), &optional);
        // Of a map a member may be missing, and a reason has only what its kind has.
        let saved = samples::saved(&samples::ordinary());
        let mut optional = vec!["leave_out", "name", "change", "before", "after", "web"];
        optional.extend(saved.hosts.keys().map(AsRef::as_ref));
        optional.extend(saved.description.keys().map(String::as_str));
        assert_exact(
            &validator(&super::saved_plan()),
            &saved.to_text(),
            &optional,
        );
    }

    #[test]
    fn the_schemas_refuse_other_words() {
        let validator = validator(&super::plan());
        let shown = shown(&samples::ordinary(), Detail::Short);
        for (from, to) in [
            ("\"restart\"", "\"explode\""),
            ("\"changed\"", "\"turned\""),
            ("\"kind\": \"image\"", "\"kind\": \"picture\""),
            ("\"phase\": \"change\"", "\"phase\": \"now\""),
            ("\"version\": 1", "\"version\": 2"),
        ] {
            assert!(shown.contains(from), "{from}");
            let wrong = serde_json::from_str(&shown.replace(from, to)).unwrap();
            assert!(!validator.is_valid(&wrong), "{to}");
        }
    }
}
