//! JSON Schemas of the files of a description, for editors. They say less than `bayplan check`: what they refuse, it refuses, too.

use serde_json::{Map, Value, json};

use crate::cluster::fields::{Field, SERVICE, is_own_key};

/// Editors of TOML know this version best.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Of `services/NAME.toml`.
#[must_use]
pub fn service() -> String {
    let title = "A service: clusters/CLUSTER/services/NAME.toml";
    whole(title, fields(|_| true))
}

/// Of `service-config.toml`.
#[must_use]
pub fn service_config() -> String {
    let title =
        "Variables that are the same in every cluster: clusters/CLUSTER/service-config.toml";
    whole(title, Map::from_iter([("vars".to_owned(), variables())]))
}

/// Of `cluster.toml`.
#[must_use]
pub fn cluster() -> String {
    let table = |meaning: &str| json!({ "type": "object", "description": meaning });
    let text = |meaning: &str| json!({ "type": "string", "description": meaning });
    let engine = json!({ "enum": ["docker", "podman"], "description": "what runs containers; `docker` is the default" });
    let shared = json!({
        "type": "object",
        "properties": fields(|field| !is_own_key(field.key)),
        "additionalProperties": false,
    });
    let each = |kind: Value, meaning: &str| json!({ "type": "object", "additionalProperties": kind, "description": meaning });
    let properties = json!({
        "type": text("the value of `CLUSTER_TYPE`"),
        "engine": engine,
        "program": text("the engine's client where it is not in /usr/bin"),
        "listen": text("the address of a host on which its services publish ports"),
        "ssh": table("how hosts are logged in to: `user`, `port`, `sudo`"),
        "hosts": each(json!({ "type": "object" }), "the hosts, each with an `address`, `local = true` or a `directory`"),
        "place": each(json!({ "type": ["string", "array"] }), "which service runs where: a host, a list of hosts, or \"*\""),
        "vars": variables(),
        "networks": each(json!({ "type": "object" }), "networks that services can be in"),
        "guard": table("what a release must not do unasked"),
        "rollout": table("how a release is carried out"),
        "notify": table("whom a release tells what it does: `command`, `webhook`"),
        "hooks": table("who is asked before a release: `before`"),
        "lint": table("which lints are errors, and which are nothing"),
        "defaults": shared,
        "services": each(shared.clone(), "what a service has in this cluster only"),
    });
    let Value::Object(properties) = properties else {
        unreachable!("it is written as an object")
    };
    whole("A cluster: clusters/CLUSTER/cluster.toml", properties)
}

fn variables() -> Value {
    json!({
        "type": "object",
        "additionalProperties": { "type": ["string", "number", "boolean"] },
        "description": "variables, which services name to get them",
    })
}

fn fields(wanted: impl Fn(&Field) -> bool) -> Map<String, Value> {
    let fields = SERVICE.iter().filter(|field| wanted(field));
    fields
        .map(|field| {
            let mut schema = Map::new();
            schema.insert("description".to_owned(), field.meaning.into());
            if let Some(types) = field.json_types() {
                schema.insert("type".to_owned(), types.into());
            }
            (field.key.to_owned(), Value::Object(schema))
        })
        .collect()
}

fn whole(title: &str, properties: Map<String, Value>) -> String {
    let schema = json!({
        "$schema": DRAFT,
        "title": title,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cluster::CLUSTER_KEYS;
    use crate::repository::Repository;

    fn is_valid(schema: &str, text: &str) -> bool {
        let schema = serde_json::from_str(schema).unwrap();
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let table: toml::Table = text.parse().unwrap();
        validator.is_valid(&serde_json::to_value(table).unwrap())
    }

    #[test]
    fn the_examples_are_as_the_schemas_say() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sources = Repository::find(root).unwrap().load_all().unwrap();
        let mut seen = 0;
        for (path, bytes) in sources.files() {
            let parts: Vec<&str> = path.split('/').collect();
            let schema = match parts[..] {
                ["clusters", _, "cluster.toml"] => cluster(),
                ["clusters", _, "service-config.toml"] => service_config(),
                ["clusters", _, "services", file] if file.ends_with(".toml") => service(),
                _ => continue,
            };
            assert!(
                is_valid(&schema, std::str::from_utf8(bytes).unwrap()),
                "{path}"
            );
            seen += 1;
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn the_keys_of_a_cluster_are_those_that_are_read() {
        let schema: Value = serde_json::from_str(&cluster()).unwrap();
        let mut known: Vec<&str> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut read = CLUSTER_KEYS.to_vec();
        known.sort_unstable();
        read.sort_unstable();
        assert_eq!(known, read);
    }

    #[test]
    fn each_example_of_a_field_is_as_the_schema_says_and_no_other_key_is() {
        for field in SERVICE {
            let text = format!("{} = {}", field.key, field.example);
            assert!(is_valid(&service(), &text), "{text}");
        }
        for text in ["tga = \"1\"", "memory = 5", "init = \"yes\"", "labels = []"] {
            assert!(!is_valid(&service(), text), "{text}");
        }
        assert!(!is_valid(&cluster(), "host = {}"));
        assert!(!is_valid(&cluster(), "[defaults]\ntag = \"1\""));
        assert!(!is_valid(&service_config(), "[env]"));
    }
}
