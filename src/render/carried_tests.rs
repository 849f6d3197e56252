//! How variables get into a container whose names the engine's client reads, or systemd drops.

use std::collections::BTreeMap;

use super::desired::DesiredService;
use super::fingerprint::Recipe;
use super::identity::Fingerprint;
use super::inputs::inputs_of;
use super::secret_files;
use super::tests::{rendered, search, secret};
use crate::cluster::model::{Layer, Service, Variable, VariableValue};
use crate::cluster::name::VariableName;

fn with(variables: &[(&str, Layer, VariableValue)]) -> Service {
    let mut service = search();
    for (name, layer, value) in variables {
        let name = VariableName::new(*name).unwrap();
        let (layer, value) = (*layer, value.clone());
        service.variables.insert(name, Variable { layer, value });
    }
    service
}

fn texts(service: &DesiredService) -> BTreeMap<String, String> {
    let files = service.files.iter();
    files
        .map(|(path, bytes)| (path.clone(), String::from_utf8(bytes.clone()).unwrap()))
        .collect()
}

#[test]
fn each_name_stands_in_one_place() {
    let service = rendered(with(&[
        ("DOCKER_HOST", Layer::ServiceLocations, "docker01".into()),
        ("PATH", Layer::Service, "/opt/bin:$PATH".into()),
        ("discovery.type", Layer::Service, "single-node".into()),
        (
            "LD_KEY",
            Layer::Secrets,
            VariableValue::Secret(secret("LD_KEY", 1)),
        ),
        (
            "KEY",
            Layer::Secrets,
            VariableValue::Secret(secret("KEY", 1)),
        ),
    ]));
    let unit = &service.service_unit().text;
    for name in ["DOCKER_HOST", "PATH", "discovery.type", "LD_KEY"] {
        assert!(!unit.contains(&format!("-e {name}")), "{name}");
    }
    for words in [
        "/literal \\",
        "/40-secrets.literal \\",
        "-e KEY \\",
        "-e LOG_LEVEL \\",
    ] {
        assert!(unit.contains(words), "{words}: {unit}");
    }
    let texts = texts(&service);
    let literal = &texts["literal"];
    assert!(
        literal.ends_with(
            "# 10-service-locations\nDOCKER_HOST=docker01\n# 50-search\nPATH=/opt/bin:$PATH\ndiscovery.type=single-node\n"
        ),
        "{literal}"
    );
    for (path, text) in texts.iter().filter(|(path, _)| path.ends_with(".env")) {
        assert!(
            !text.contains("PATH") && !text.contains("DOCKER_HOST"),
            "{path}"
        );
    }
    let made = service.secrets.entries();
    let made: Vec<&str> = made.keys().map(String::as_str).collect();
    assert_eq!(made, [secret_files::ENV, secret_files::LITERAL]);
    assert_eq!(inputs_of(unit, &texts), service.inputs);
    // A value that changes restarts.
    let other = rendered(with(&[("PATH", Layer::Service, "/bin".into())]));
    let same = rendered(with(&[("PATH", Layer::Service, "/sbin".into())]));
    assert_ne!(other.fingerprint, same.fingerprint);
}

#[test]
fn a_service_without_such_names_is_as_before() {
    let service = rendered(search());
    assert!(!service.files.contains_key("literal"));
    assert!(!service.service_unit().text.contains("--env-file"));
    assert_eq!(
        service.older().unwrap().fingerprint.recipe(),
        Recipe::V1.name()
    );
}

/// Versions before gave TMPDIR to the client, so what they started stays.
#[test]
fn a_name_that_was_found_later_restarts_nothing() {
    let service = rendered(with(&[("TMPDIR", Layer::Service, "/data".into())]));
    assert!(service.files.contains_key("literal"));
    let before = service.older().unwrap();
    assert_eq!(before.fingerprint.recipe(), service.fingerprint.recipe());
    assert_ne!(before.fingerprint, service.fingerprint);
    assert!(before.service_unit().text.contains("-e TMPDIR"));
    assert!(!before.files.contains_key("literal"));
    for running in [&before.fingerprint, &service.fingerprint] {
        let wanted = service.fingerprint_under(running);
        assert_eq!(wanted.as_ref(), Some(running));
    }
    let other = Fingerprint::reported(&format!("v2:{}", "0".repeat(64)));
    assert_eq!(
        service.fingerprint_under(&other).as_ref(),
        Some(&service.fingerprint)
    );
}
