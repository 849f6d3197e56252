//! Reads `[health]` of a service.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::foreign;
use super::model::{Health, HealthWatch, HttpProbe, Probe, WhenUnhealthy};
use super::read::{Item, Misfit, Problems, Table, TableKind, list, parse_all};
use super::shape::text::Shape;
use super::shape::{duration, text};

const HEALTH: TableKind = TableKind {
    what: "`[health]`",
    keys: &[
        "http",
        "tcp",
        "command",
        "image",
        "timeout",
        "interval",
        "probe_timeout",
        "host",
        "headers",
        "watch",
        "failures",
        "then",
    ],
    foreign: foreign::HEALTH,
};

/// How long a start may take where `[health]` does not say.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(30);

/// The same where the image's own `HEALTHCHECK` decides: unless it says more, its first run is 30 s after the start.
const IMAGE_TIMEOUT: Duration = Duration::from_secs(120);

/// The shortest `interval`, and the shortest `watch`: a question may be a process of its own.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// How many bad answers in a row make a service unhealthy where `[health]` does not say.
const FAILURES: u32 = 3;

/// What `[health]` says.
#[derive(Default)]
pub(super) struct WrittenHealth {
    pub health: Option<Health>,
    /// `image = false`: the image's own `HEALTHCHECK` does not run.
    pub no_healthcheck: bool,
}

/// Reads `[health]`, if there is one. `has_port`: the service has a port, or one that could not be read.
pub(super) fn read_health(
    root: &mut Table<'_>,
    has_port: bool,
    problems: &mut Problems,
) -> WrittenHealth {
    let mut written = WrittenHealth::default();
    written.health = read(root, has_port, &mut written.no_healthcheck, problems);
    written
}

fn read(
    root: &mut Table<'_>,
    has_port: bool,
    no_healthcheck: &mut bool,
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
    let own = table.boolean("image", problems);
    let image = table
        .get("image")
        .filter(|_| own.as_ref().is_none_or(|own| own.value));
    *no_healthcheck = own.as_ref().is_some_and(|own| !own.value);
    let interval = table.string("interval", problems);
    let interval = interval.and_then(|interval| interval.parse(problems, time_between("interval")));
    let probe_timeout = table.string("probe_timeout", problems);
    let probe_timeout = probe_timeout.and_then(|text| text.parse(problems, duration::timeout));
    let host = table.string("host", problems);
    let host = host.and_then(|host| host.parse(problems, host_header));
    let headers = read_headers(&mut table, problems);
    let watch = read_watch(&mut table, problems);
    let spot = table.spot.clone();
    let written: Vec<&Item<'_>> = [&http, &tcp, &command, &image]
        .into_iter()
        .flatten()
        .collect();
    reject_unused(&mut table, &written, problems);
    let mut unclear = None;
    match written[..] {
        // It is only left out.
        [] if *no_healthcheck => {
            if let Some(item) = table.get("watch") {
                problems.push(
                    Diagnostic::error(
                        "`watch` asks again what a start was asked, and that is nothing",
                        item.key_spot.label("asks what?"),
                    )
                    .with_help(
                        "write `http = \"/health\"`, `tcp = true` or `command = [\"…\"]` beside it, or remove the line",
                    ),
                );
            }
        }
        [] => unclear = Some(("found none", spot)),
        [one] if one.key == "http" || one.key == "tcp" => {
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
                format!("expected one of `http`, `tcp`, `command` and `image`, {found}"),
                spot.label(""),
            )
            .with_help(
                "write `http = \"/health\"`, `tcp = true`, `command = [\"…\"]`, or `image = true` for the image's own `HEALTHCHECK`",
            ),
        );
    }
    let probe = match (http, tcp, command) {
        (Some(http), _, _) => http
            .string(problems)
            .and_then(|http| http.parse(problems, http_path))
            .map(|http| {
                Probe::Http(HttpProbe {
                    path: http.value,
                    host: host.map(|host| host.value),
                    headers,
                })
            }),
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
            let words = read_command(&command, problems);
            reject_keyword(&command, &words, problems);
            Some(Probe::Command(words))
        }
        (None, None, None) => image.map(|_| Probe::Image),
    };
    table.finish(problems);
    let probe = probe?;
    let usual = match probe {
        Probe::Image => IMAGE_TIMEOUT,
        Probe::Http(_) | Probe::Tcp | Probe::Command(_) => HEALTH_TIMEOUT,
    };
    Some(Health {
        probe,
        timeout: timeout.map_or(usual, |timeout| timeout.value),
        interval: interval.map(|interval| interval.value),
        probe_timeout: probe_timeout.map(|timeout| timeout.value),
        watch,
    })
}

/// Reads `watch`, `failures` and `then`.
fn read_watch(table: &mut Table<'_>, problems: &mut Problems) -> Option<HealthWatch> {
    let every = table.string("watch", problems);
    let every = every.and_then(|every| every.parse(problems, time_between("watch")));
    let failures = table.integer("failures", 1..=1000, problems);
    let then = table.string("then", problems);
    let then = then.and_then(|then| then.parse(problems, then_shape));
    if table.get("watch").is_none() {
        for item in ["failures", "then"].iter().filter_map(|key| table.get(key)) {
            problems.push(
                Diagnostic::error(
                    format!("`{}` is about `watch`, and there is none", item.key),
                    item.key_spot.label("means nothing here"),
                )
                .with_help("write `watch = \"30s\"` beside it, or remove the line"),
            );
        }
    }
    let failures = failures.and_then(|number| u32::try_from(number.value).ok());
    Some(HealthWatch {
        every: every?.value,
        failures: failures.unwrap_or(FAILURES),
        then: then.map(|then| then.value).unwrap_or_default(),
    })
}

/// What is done about a service that is unhealthy.
fn then_shape(text: &str) -> Shape<WhenUnhealthy> {
    const EXPECTED: &str = "`report` or `restart`";
    match text {
        "report" => Ok(WhenUnhealthy::Report),
        "restart" => Ok(WhenUnhealthy::Restart),
        "notify" | "alert" | "warn" | "none" | "nothing" => {
            Err(Misfit::help(EXPECTED, "write `then = \"report\"`"))
        }
        "kill" | "stop" | "recreate" | "heal" | "reboot" => {
            Err(Misfit::help(EXPECTED, "write `then = \"restart\"`"))
        }
        _ => Err(Misfit::new(EXPECTED)),
    }
}

/// The words of a command: none if it could not be read, which is told.
pub(super) fn read_command(item: &Item<'_>, problems: &mut Problems) -> Vec<String> {
    let before = problems.0.len();
    let words = parse_all(item.strings(problems), text::argument, problems);
    if words.is_empty() && problems.0.len() == before {
        problems.push(Diagnostic::error(
            "expected a command, found an empty list",
            item.spot.label(""),
        ));
    }
    words
}

/// Reports the first word of a `test` of compose, which says how the others are run, and is no program.
fn reject_keyword(command: &Item<'_>, words: &[String], problems: &mut Problems) {
    let Some((first, rest)) = words.split_first() else {
        return;
    };
    let written = match first.as_str() {
        "CMD" => list(rest),
        "CMD-SHELL" => list(&["sh".to_owned(), "-c".to_owned(), rest.join(" ")]),
        "NONE" => String::new(),
        _ => return,
    };
    problems.push(
        Diagnostic::error(
            format!("expected a program as the first word of `command`, found compose's `{first}`"),
            command.spot.label("no program"),
        )
        .with_help(match first.as_str() {
            "NONE" => "write `image = false` instead".to_owned(),
            _ => format!("write `command = {written}`"),
        }),
    );
}

/// Reports what the question that is asked makes no use of.
fn reject_unused(table: &mut Table<'_>, written: &[&Item<'_>], problems: &mut Problems) {
    let [probe] = written else {
        return;
    };
    let unused: &[&'static str] = match probe.key.as_str() {
        "http" => &[],
        "command" => &["host", "headers"],
        _ => &["host", "headers", "probe_timeout"],
    };
    for key in unused {
        let Some(item) = table.get(key) else {
            continue;
        };
        let whose = match *key {
            "probe_timeout" => "`http` and `command`",
            _ => "`http`",
        };
        problems.push(
            Diagnostic::error(
                format!("`{key}` is for {whose}, and `{}` asks otherwise", probe.key),
                item.key_spot.label("means nothing here"),
            )
            .with_related(probe.key_spot.label("what is asked"))
            .with_help(match *key {
                "probe_timeout" => "remove the line; `timeout` is for the whole start",
                _ => "remove the line",
            }),
        );
    }
}

/// Reads `headers`.
fn read_headers(table: &mut Table<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for item in table.names("headers", problems) {
        let name = item.name().parse(problems, header_name);
        let value = item.string(problems);
        let value = value.and_then(|value| value.parse(problems, header_value));
        let (Some(name), Some(value)) = (name, value) else {
            continue;
        };
        if headers
            .keys()
            .any(|other| other.eq_ignore_ascii_case(&name.value))
        {
            problems.push(
                Diagnostic::error(
                    format!("the header `{}` is written twice", name.value),
                    name.spot.label("second time"),
                )
                .with_help("remove one of them"),
            );
        }
        headers.insert(name.value, value.value);
    }
    headers
}

/// The time between two questions, which `key` says.
fn time_between(key: &'static str) -> impl Fn(&str) -> Shape<Duration> {
    move |text| {
        let time = duration::duration(text)?;
        match time < SHORTEST_INTERVAL {
            true => Err(Misfit::help(
                "a duration of at least `1s`",
                format!("write `{key} = \"1s\"`: a question may be a process of its own"),
            )),
            false => Ok(time),
        }
    }
}

/// What a `Host` header has.
fn host_header(text: &str) -> Shape<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    match !text.is_empty() && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new(
            "a name such as `web.example.com`, perhaps with a port",
        )),
    }
}

/// The name of a header.
fn header_name(text: &str) -> Shape<String> {
    if text.eq_ignore_ascii_case("host") {
        return Err(Misfit::help(
            "another header than this one",
            "write `host = \"web.example.com\"`",
        ));
    }
    if text.eq_ignore_ascii_case("content-length") || text.eq_ignore_ascii_case("transfer-encoding")
    {
        return Err(Misfit::new("a header of a request without a body"));
    }
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    match !text.is_empty() && text.bytes().all(token) {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new(
            "the name of a header, such as `X-Forwarded-Proto`",
        )),
    }
}

/// The value of a header.
fn header_value(text: &str) -> Shape<String> {
    match text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        true => Ok(text.to_owned()),
        false => Err(Misfit::new("a text of printable ASCII on one line")),
    }
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
