//! Reads `services/NAME.toml`.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::cluster_file::read_port;
use super::description::{ServiceFile, assignments};
use super::diagnostic::{Diagnostic, Place, quoted};
use super::extra_args::{self, Published};
use super::model::{Container, Health, Image, Probe, RestartPolicy};
use super::name::ServiceName;
use super::nearest;
use super::read::{At, Item, Misfit, Problems, Table};
use super::reserved::Within;
use super::secrets_file::read_references;
use super::shape;

/// How long a start may take where `[health]` does not say.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stop may take: docker's own default.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn read_service(
    name: ServiceName,
    path: &str,
    entries: &DeTable<'_>,
    problems: &mut Problems,
) -> ServiceFile {
    let mut root = Table::root(path, entries, "a service");
    let image = read_image(&mut root, problems);
    let port = read_port(&mut root, problems);
    let unread_port = port.is_none() && root.get("port").is_some();
    let needs = root.strings("needs", problems);
    let vars = root.strings("vars", problems);
    let vars = vars
        .into_iter()
        .filter_map(|pattern| pattern.parse(problems, pattern_shape))
        .collect();
    let env = assignments(root.names("env", problems), Within::Env, problems);
    if let (Some(port), Some(defined)) = (
        &port,
        env.iter().find(|a| a.name.value.as_str() == "APP_PORT"),
    ) {
        problems.push(
            Diagnostic::error(
                "`APP_PORT` is derived from `port` and cannot be defined beside it",
                defined.name.spot.label("second value"),
            )
            .with_related(port.spot.label("first value"))
            .with_help("remove one of them"),
        );
    }
    let secrets = read_references(&mut root, problems);
    let network = root.string("network", problems);
    let network = network.and_then(|network| network.parse(problems, shape::container::network));
    let health = read_health(
        &mut root,
        port.is_some() || unread_port,
        network.as_ref(),
        problems,
    );
    let has_network = !matches!(
        network.as_ref().map(|n| n.value.as_str()),
        Some("host" | "none")
    );
    let (container, published) = read_container(&mut root, network.map(|n| n.value), problems);
    let stateful = root.boolean("stateful", problems);
    let restart = read_restart(&mut root, problems);
    let template = root.string("template", problems);
    let template =
        template.and_then(|template| template.parse(problems, shape::container::template));
    root.not_yet(
        "files",
        "rendered config files",
        "remove `[files]`, and put the file into the image or on a volume",
        problems,
    );
    root.not_yet("schedule", "timers", "remove the line", problems);
    root.finish(problems);
    ServiceFile {
        name,
        path: path.to_owned(),
        image,
        port,
        unread_port,
        // The engine drops what there is no network for.
        published: if has_network { published } else { Vec::new() },
        needs,
        vars,
        env,
        secrets,
        health,
        container,
        stateful: stateful.is_some_and(|stateful| stateful.value),
        restart,
        template,
    }
}

/// A variable's name, or a pattern with `*` for any letters.
fn pattern_shape(text: &str) -> Result<String, Misfit> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'*';
    if !text.is_empty() && text.bytes().all(inner) {
        Ok(text.to_owned())
    } else {
        Err(Misfit::new(
            "a variable's name or a pattern such as `EXTERNAL_*`",
        ))
    }
}

fn read_image(root: &mut Table<'_>, problems: &mut Problems) -> Option<Image> {
    let written = root.get("image");
    let image = match &written {
        Some(item) => item
            .string(problems)
            .and_then(|image| image.parse(problems, shape::image::image)),
        None => {
            problems.push(
                Diagnostic::error(
                    "expected `image`, found none",
                    Place::file(&*root.spot.path, ""),
                )
                .with_help("write `image = \"registry.example.com/search\"`"),
            );
            None
        }
    };
    let (tag, digest) = (root.get("tag"), root.get("digest"));
    let parse = |item: &Item<'_>, shape: fn(&str) -> Result<String, Misfit>, problems: &mut _| {
        item.string(problems)
            .and_then(|text| text.parse(problems, shape))
    };
    match (tag, digest) {
        (Some(tag), Some(digest)) => {
            problems.push(
                Diagnostic::error(
                    "expected one of `tag` and `digest`, found both",
                    digest.key_spot.label("second version"),
                )
                .with_related(tag.key_spot.label("first version"))
                .with_help("remove one of them"),
            );
            None
        }
        (Some(tag), None) => {
            let tag = parse(&tag, shape::image::tag, problems)?.value;
            Some(Image {
                reference: format!("{}:{tag}", image?.value),
                moving: shape::image::MOVING_TAGS.contains(&tag.as_str()),
                version: tag,
            })
        }
        (None, Some(digest)) => {
            let digest = parse(&digest, shape::image::digest, problems)?.value;
            let digits = digest.trim_start_matches("sha256:");
            Some(Image {
                reference: format!("{}@{digest}", image?.value),
                version: digits.chars().take(12).collect(),
                moving: false,
            })
        }
        (None, None) => {
            // An image with its tag inside has said its version: one message is enough.
            if let Some(image) = image {
                problems.push(
                    Diagnostic::error(
                        "expected `tag` or `digest` beside `image`, found neither",
                        image.spot.label("which version?"),
                    )
                    .with_help("pin it: write `tag = \"1.0.0\"` or `digest = \"sha256:…\"`"),
                );
            }
            None
        }
    }
}

fn read_restart(root: &mut Table<'_>, problems: &mut Problems) -> RestartPolicy {
    let Some(text) = root.string("restart", problems) else {
        return RestartPolicy::default();
    };
    match text.value.as_str() {
        "auto" => RestartPolicy::Auto,
        "manual" => RestartPolicy::Manual,
        other => {
            let help = match other.split(':').next().unwrap_or_default() {
                "always" | "unless-stopped" | "on-failure" | "no" | "never" | "yes" | "true" => {
                    Some(
                        "remove the line: systemd always starts it again; this says whether a release \
                         may restart it, and `manual` is that it may not"
                            .to_owned(),
                    )
                }
                _ => nearest::help(other, ["auto", "manual"]),
            };
            problems.push(
                Diagnostic::error(
                    format!("expected `auto` or `manual`, found {}", quoted(other)),
                    text.spot.label("unknown policy"),
                )
                .with_help_if(help),
            );
            RestartPolicy::default()
        }
    }
}

fn read_health(
    root: &mut Table<'_>,
    has_port: bool,
    network: Option<&At<String>>,
    problems: &mut Problems,
) -> Option<Health> {
    let mut table = root.table("health", "`[health]`", problems)?;
    let http = table.get("http");
    let tcp = table.get("tcp");
    let command = table.get("command");
    let timeout = table.string("timeout", problems);
    let timeout = timeout.and_then(|timeout| timeout.parse(problems, shape::duration::timeout));
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
            } else if let Some(network) = network.filter(|network| network.value == "none") {
                problems.push(
                    Diagnostic::error(
                        format!("`{}` cannot reach a container without network", one.key),
                        one.key_spot.label("needs a network"),
                    )
                    .with_related(network.spot.label("no network"))
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
            .and_then(|http| http.parse(problems, shape::container::http_path))
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
            let words = arguments(command.strings(problems), problems);
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

fn read_container(
    root: &mut Table<'_>,
    network: Option<String>,
    problems: &mut Problems,
) -> (Container, Vec<At<Published>>) {
    let volumes = read_volumes(root, problems);
    let line = |key,
                shape: fn(&str) -> Result<String, Misfit>,
                root: &mut Table<'_>,
                problems: &mut Problems| {
        let text = root.string(key, problems)?;
        Some(text.parse(problems, shape)?.value)
    };
    let lines = |key,
                 shape: fn(&str) -> Result<String, Misfit>,
                 root: &mut Table<'_>,
                 problems: &mut Problems| {
        root.strings(key, problems)
            .into_iter()
            .filter_map(|text| Some(text.parse(problems, shape)?.value))
            .collect()
    };
    let stop_timeout = root.string("stop_timeout", problems);
    let stop_timeout =
        stop_timeout.and_then(|text| text.parse(problems, shape::duration::duration));
    let command = root.strings("command", problems);
    let extra_args = root.strings("extra_args", problems);
    let published = extra_args::check(&extra_args, problems);
    let container = Container {
        volumes,
        entrypoint: line("entrypoint", shape::text::argument, root, problems),
        command: arguments(command, problems),
        user: line("user", shape::container::user, root, problems),
        memory: line("memory", shape::container::memory, root, problems),
        cpus: read_cpus(root, problems),
        ulimits: read_map(
            root,
            "ulimits",
            shape::container::ulimit_name,
            shape::container::ulimit,
            problems,
        ),
        capabilities: lines("capabilities", shape::container::capability, root, problems),
        read_only: root.boolean("read_only", problems).is_some_and(|b| b.value),
        devices: lines("devices", shape::container::device, root, problems),
        labels: read_map(
            root,
            "labels",
            shape::container::label,
            shape::text::argument,
            problems,
        ),
        network,
        stop_timeout: stop_timeout.map_or(STOP_TIMEOUT, |timeout| timeout.value),
        extra_args: arguments(extra_args, problems),
    };
    (container, published)
}

fn arguments(texts: Vec<At<String>>, problems: &mut Problems) -> Vec<String> {
    texts
        .into_iter()
        .filter_map(|text| Some(text.parse(problems, shape::text::argument)?.value))
        .collect()
}

fn read_volumes(root: &mut Table<'_>, problems: &mut Problems) -> Vec<String> {
    let mut targets: BTreeMap<String, At<String>> = BTreeMap::new();
    let mut volumes = Vec::new();
    for text in root.strings("volumes", problems) {
        let Some(volume) = text.parse(problems, shape::container::volume) else {
            continue;
        };
        let (volume, target) = volume.value;
        if let Some(first) = targets.get(&target) {
            problems.push(
                Diagnostic::error(
                    format!("expected one volume at {}, found two", quoted(&target)),
                    text.spot.label("second volume there"),
                )
                .with_related(first.spot.label("first volume there"))
                .with_help("remove one of them, or choose another target"),
            );
        }
        targets.entry(target).or_insert(text);
        volumes.push(volume);
    }
    volumes
}

fn read_cpus(root: &mut Table<'_>, problems: &mut Problems) -> Option<String> {
    let item = root.get("cpus")?;
    let text = match item.value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        _ => {
            item.mistyped("a number", problems);
            return None;
        }
    };
    Some(item.at(text).parse(problems, shape::container::cpus)?.value)
}

/// A table of texts under names of the user's choice; numbers are taken as they are written.
fn read_map(
    root: &mut Table<'_>,
    key: &'static str,
    name: fn(&str) -> Result<String, Misfit>,
    value: fn(&str) -> Result<String, Misfit>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    root.names(key, problems)
        .into_iter()
        .filter_map(|item| {
            let text = match item.value {
                DeValue::Integer(number) => Some(item.at(number.to_string())),
                _ => item.string(problems),
            };
            let name = item.name().parse(problems, name);
            let text = text?.parse(problems, value);
            Some((name?.value, text?.value))
        })
        .collect()
}
