//! The JSON Schema of what `--json` prints: written by hand, since it is a promise, and held against
//! real output by the tests.

use serde_json::{Value, json};

const DEFINITIONS: &str = include_str!("schema.json");

/// Of `diff --json`.
#[must_use]
pub fn plan() -> String {
    of(
        "plan",
        "What a release of a cluster would change: `bayplan diff CLUSTER --json`",
    )
}

/// Of `diff --against REV --json`.
#[must_use]
pub fn review() -> String {
    of(
        "review",
        "What a change of the description does: `bayplan diff CLUSTER --against REV --json`",
    )
}

/// Of the file that `diff -o` writes.
#[must_use]
pub fn saved_plan() -> String {
    of(
        "saved_plan",
        "A plan that can be released: `bayplan diff CLUSTER -o FILE`",
    )
}

fn of(what: &str, title: &str) -> String {
    let definitions: Value =
        serde_json::from_str(DEFINITIONS).expect("the definitions are JSON, as the tests show");
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": format!("#/$defs/{what}"),
        "$defs": definitions,
    });
    serde_json::to_string_pretty(&schema).expect("a JSON value is text") + "\n"
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::super::super::{Detail, samples};
    use super::*;

    /// The part of JSON Schema that the schema uses; anything else in it is an error here.
    fn problems(schema: &Value, root: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        for (keyword, argument) in schema.as_object().expect("a schema is an object") {
            let fine = match keyword.as_str() {
                "$ref" => {
                    let name = argument.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    problems(&root["$defs"][name], root, value, at, found);
                    true
                }
                "type" => {
                    let types: Vec<&str> = match argument {
                        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
                        one => vec![one.as_str().unwrap()],
                    };
                    types.contains(&match value {
                        Value::Null => "null",
                        Value::Bool(_) => "boolean",
                        Value::Number(_) => "integer",
                        Value::String(_) => "string",
                        Value::Array(_) => "array",
                        Value::Object(_) => "object",
                    })
                }
                "const" => argument == value,
                "enum" => argument.as_array().unwrap().contains(value),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        problems(argument, root, item, &format!("{at}[{index}]"), found);
                    }
                    true
                }
                "required" => {
                    let names = argument
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter_map(Value::as_str);
                    value.is_object() && names.into_iter().all(|name| value.get(name).is_some())
                }
                "properties" => {
                    for (name, value) in value.as_object().into_iter().flatten() {
                        match argument.get(name) {
                            Some(schema) => {
                                problems(schema, root, value, &format!("{at}.{name}"), found);
                            }
                            None => found.push(format!("{at}.{name} is not in the schema")),
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    for (name, value) in value.as_object().into_iter().flatten() {
                        problems(argument, root, value, &format!("{at}.{name}"), found);
                    }
                    true
                }
                "oneOf" => {
                    let fits = |schema: &&Value| {
                        let mut found = Vec::new();
                        problems(schema, root, value, at, &mut found);
                        found.is_empty()
                    };
                    argument.as_array().unwrap().iter().filter(fits).count() == 1
                }
                "$schema" | "title" | "description" | "$defs" => true,
                other => panic!("the schema uses {other}, which this test does not know"),
            };
            if !fine {
                found.push(format!("{at}: {keyword} {argument}: {value}"));
            }
        }
    }

    #[track_caller]
    pub fn assert_valid(schema: &str, shown: &str) {
        let schema: Value = serde_json::from_str(schema).unwrap();
        let shown: Value = serde_json::from_str(shown).unwrap();
        let mut found = Vec::new();
        problems(&schema, &schema, &shown, "$", &mut found);
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn every_plan_is_as_the_schema_says() {
        let nobody = BTreeMap::new();
        let odd = samples::failures("no route to host");
        for (plan, failures) in [
            (samples::everything("odd"), &odd),
            (samples::ordinary(), &nobody),
        ] {
            for detail in [Detail::Short, Detail::Diff] {
                assert_valid(
                    &super::plan(),
                    &super::super::plan(&plan, &BTreeMap::new(), failures, detail),
                );
            }
        }
    }

    #[test]
    fn every_review_is_as_the_schema_says() {
        for detail in [Detail::Short, Detail::Diff] {
            let (reviews, sides) = (samples::reviews("odd"), samples::sides("odd"));
            let shown = super::super::reviews(&reviews, &sides, detail);
            assert_valid(&super::review(), &shown);
        }
    }

    #[test]
    fn every_saved_plan_is_as_the_schema_says() {
        for plan in [samples::everything("odd"), samples::ordinary()] {
            assert_valid(&super::saved_plan(), &samples::saved(&plan).to_text());
        }
    }

    #[test]
    fn the_schema_refuses_what_is_not_so() {
        let shown = super::super::plan(
            &samples::ordinary(),
            &BTreeMap::new(),
            &BTreeMap::new(),
            Detail::Short,
        );
        for (from, to) in [
            ("\"restart\"", "\"explode\""),
            ("\"stay\": 12", "\"stay\": \"many\""),
            ("\"kind\": \"image\"", "\"kind\": \"picture\""),
            ("\"waves\"", "\"tides\""),
        ] {
            assert!(shown.contains(from), "{from}");
            let wrong = shown.replace(from, to);
            let refused = std::panic::catch_unwind(|| assert_valid(&super::plan(), &wrong));
            assert!(refused.is_err(), "{to}");
        }
    }
}
