//! What every unit must have, whoever wrote its template: without it bayplan could not tell what
//! runs, or systemd would run something else.

use super::error::RenderError;
use super::fingerprint::{DIRECTORY, FINGERPRINT, SECTION};
use super::unit::{Unit, split_words};
use crate::cluster::model::Service;
use crate::cluster::name::ClusterName;

/// Every rule that the unit breaks. Fingerprint and directory are still blanked in it.
pub(super) fn broken(
    unit: &Unit,
    cluster: &ClusterName,
    service: &Service,
    inputs_parent: &str,
) -> Vec<RenderError> {
    let mut errors = Vec::new();
    let mut broken = |message: String, help: Option<&str>| {
        errors.push(RenderError::of_unit(service, message, help));
    };

    for problem in &unit.problems {
        // Without its line: that is another one for each service.
        broken(problem.message.clone(), None);
    }
    let quoted = |value: &str| value.contains(['"', '\'', '\\']);
    let commands = unit.entries.iter().filter(|e| is_command_line(&e.key));
    for entry in commands.filter(|e| quoted(&e.value)) {
        if let Err(error) = split_words(&entry.value) {
            broken(
                format!("{}=: {error}", entry.key),
                Some("`{{ text | quote }}` quotes a text as one word"),
            );
        }
    }

    match unit.values("Service", "ExecStart").as_slice() {
        [] => broken(
            "expected one ExecStart= in [Service], found none".to_owned(),
            Some("ExecStart={{ program }} run … ${IMAGE}"),
        ),
        [start] => {
            let labels = [
                ("cluster", cluster.as_str(), "cluster"),
                ("service", service.name.as_str(), "service"),
                ("inputs", FINGERPRINT, "fingerprint"),
                ("directory", DIRECTORY, "directory"),
            ];
            for (label, value, variable) in labels {
                let label = format!("bayplan.{label}");
                let expected = format!("{label}={value}");
                // Neither quoting nor escapes could change it, so the words need not be split.
                if !start.contains(&expected) {
                    let help = format!("--label {label}={{{{ {variable} }}}}");
                    broken(
                        format!("expected the label `{label}` in ExecStart=, found none"),
                        Some(&help),
                    );
                }
            }
        }
        several => broken(
            format!(
                "expected one ExecStart= in [Service], found {}",
                several.len()
            ),
            None,
        ),
    }

    let inputs = format!("{inputs_parent}/{DIRECTORY}/");
    let files = unit.values("Service", "EnvironmentFile");
    if !files.iter().any(|file| file.starts_with(&inputs)) {
        broken(
            "expected an EnvironmentFile= that names the inputs directory, found none".to_owned(),
            Some("EnvironmentFile={{ inputs }}/*.env"),
        );
    }

    let marks = [
        ("Format", "1", "Format=1"),
        ("Cluster", cluster.as_str(), "Cluster={{ cluster }}"),
        ("Service", service.name.as_str(), "Service={{ service }}"),
        ("Fingerprint", FINGERPRINT, "Fingerprint={{ fingerprint }}"),
        ("Directory", DIRECTORY, "Directory={{ directory }}"),
    ];
    for (key, expected, line) in marks {
        let message = match unit.values(SECTION, key).as_slice() {
            [value] if *value == expected => continue,
            [] => format!("expected `{line}` in [{SECTION}], found none"),
            [value] => format!("expected `{line}` in [{SECTION}], found `{key}={value}`"),
            _ => format!("expected `{line}` once in [{SECTION}], found several"),
        };
        broken(message, None);
    }
    errors
}

fn is_command_line(key: &str) -> bool {
    key.starts_with("Exec") && key != "ExecSearchPath"
}
