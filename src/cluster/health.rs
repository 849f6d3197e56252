//! Reads `[health]` of a service.

use std::time::Duration;

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::foreign;
use super::model::{Health, Probe};
use super::read::{Item, Misfit, Problems, Table, TableKind, parse_all};
use super::shape::text::Shape;
use super::shape::{duration, text};

const HEALTH: TableKind = TableKind {
    what: "`[health]`",
    keys: &["http", "tcp", "command", "timeout"],
    foreign: foreign::HEALTH,
};

/// How long a start may take where `[health]` does not say.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads `[health]`, if there is one. `has_port`: the service has a port, or one that could not be read.
pub(super) fn read_health(
    root: &mut Table<'_>,
    has_port: bool,
    problems: &mut Problems,
) -> Option<Health> {
    let network = root.get("network");
    let none = network.filter(|item| matches!(item.value, DeValue::String(text) if text == "none"));
    let mut table = root.table("health", &HEALTH, problems)?;
    let http = table.get("http");
    let tcp = table.get("tcp");
    let command = table.get("command");
    let timeout = table.string("timeout", problems);
    let timeout = timeout.and_then(|timeout| timeout.parse(problems, duration::timeout));
    let spot = table.spot.clone();
    let written: Vec<&Item<'_>> = [&http, &tcp, &command].into_iter().flatten().collect();
    let mut unclear = None;
    match written[..] {
        [] => unclear = Some(("found none", spot)),
        [one] if one.key != "command" => {
            if !has_port {
                problems.push(
                    Diagnostic::error(
                        format!("`{}` asks the service's port, and it has none", one.key),
                        one.key_spot.label("asks which port?"),
                    )
                    .with_help("write `port = 9000` at the top of the file, or use `command`"),
                );
            } else if let Some(none) = none {
                problems.push(
                    Diagnostic::error(
                        format!("`{}` cannot reach a container without network", one.key),
                        one.key_spot.label("needs a network"),
                    )
                    .with_related(none.spot.label("no network"))
                    .with_help("use `command`"),
                );
            }
        }
        [_] => {}
        [_, second, ..] => unclear = Some(("found several", second.key_spot.clone())),
    }
    if let Some((found, spot)) = unclear {
        problems.push(
            Diagnostic::error(
                format!("expected one of `http`, `tcp` and `command`, {found}"),
                spot.label(""),
            )
            .with_help("write `http = \"/health\"`, `tcp = true` or `command = [\"…\"]`"),
        );
    }
    let probe = match (http, tcp, command) {
        (Some(http), _, _) => http
            .string(problems)
            .and_then(|http| http.parse(problems, http_path))
            .map(|http| Probe::Http(http.value)),
        (None, Some(tcp), _) => {
            if !matches!(tcp.value, DeValue::Boolean(true)) {
                problems.push(
                    Diagnostic::error(
                        "expected `tcp = true`, found another value",
                        tcp.spot.label(""),
                    )
                    .with_help("write `tcp = true`, or remove the line"),
                );
            }
            Some(Probe::Tcp)
        }
        (None, None, Some(command)) => {
            let before = problems.0.len();
            let words = command.strings(problems);
            let words = parse_all(words, text::argument, problems);
            if words.is_empty() && problems.0.len() == before {
                problems.push(Diagnostic::error(
                    "expected a command, found an empty list",
                    command.spot.label(""),
                ));
            }
            Some(Probe::Command(words))
        }
        (None, None, None) => None,
    };
    table.finish(problems);
    Some(Health {
        probe: probe?,
        timeout: timeout.map_or(HEALTH_TIMEOUT, |timeout| timeout.value),
    })
}

/// The path of a health check.
fn http_path(text: &str) -> Shape<String> {
    let plain = |b: u8| b.is_ascii_graphic();
    if text.starts_with('/') && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(Misfit {
        expected: "a path that begins with `/`".to_owned(),
        help: text
            .bytes()
            .all(plain)
            .then(|| format!("write `http = \"/{}\"`", text.trim_start_matches("./"))),
    })
}
