//! Reads `services/NAME.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::de::DeValue;

use super::config_files::read_files;
use super::container_tables::{read_tables, read_tmpfs};
use super::description::{ServiceFile, assignments};
use super::diagnostic::{Diagnostic, Place, quoted};
use super::extra_args;
use super::fields::{self, Field, ReadAs};
use super::health::{WrittenHealth, read_health};
use super::job_fields::read_run;
use super::layers::Layered;
use super::model::{Container, Image, RestartPolicy};
use super::name::ServiceName;
use super::nearest;
use super::ports::{Publish, publish};
use super::read::{At, Item, Misfit, Problems, Spot, Table, list, parse_all, toml_text, words};
use super::replace::read_replace;
use super::reserved::Within;
use super::rollout::{read_duration, read_host_count};
use super::secret_references::read_references;
use super::service_networks::{first_network, read_aliases, read_networks};
use super::shape;
use super::shape::duration::duration;
use super::shape::text::Shape;
use super::swap::read_swap;
use super::volumes::{Volumes, read_volumes};

/// How long a stop may take: docker's own default.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads all that is said of a service: what can be read of it. `path` is its own file.
pub(super) fn read_service(
    name: ServiceName,
    path: &str,
    layered: Layered<'_>,
    problems: &mut Problems,
) -> ServiceFile {
    let (written, from) = (layered.written(), layered.from());
    let mut root = layered.table;
    // It is followed where the layers are made.
    let _ = root.get("from");
    let image = read_image(&mut root, problems);
    let port = root.port("port", problems);
    let unread_port = port.is_none() && root.get("port").is_some();
    // What all services need, one of them is.
    let own = |spot: &Spot| *spot.path == *path;
    let mut needs = root.strings("needs", problems);
    needs.retain(|need| need.value != name.as_str() || own(&need.spot));
    let mut after = root.strings("after", problems);
    after.retain(|other| other.value != name.as_str() || own(&other.spot));
    // What one text needs, another one may have in `after`.
    after.retain(|other| {
        let needed = needs.iter().find(|need| need.value == other.value);
        needed.is_none_or(|need| own(&need.spot) && own(&other.spot))
    });
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
    let (mut container, volume_targets) = read_container(&mut root, port.as_ref(), problems);
    let networks = read_networks(&mut root, problems);
    let aliases = read_aliases(&mut root, &networks, problems);
    let before = problems.0.len();
    let publish = read_publish(&mut root, container.network.as_deref(), problems);
    let unread_port = unread_port || problems.0.len() > before;
    let WrittenHealth {
        health,
        no_healthcheck,
    } = read_health(&mut root, port.is_some() || unread_port, problems);
    container.no_healthcheck = no_healthcheck;
    let swap = read_swap(&mut root, problems);
    let replace = read_replace(&mut root, problems);
    let stateful = root.boolean("stateful", problems);
    let max_down = read_host_count(&mut root, "max_down", problems);
    let batch = read_host_count(&mut root, "batch", problems);
    let soak = read_duration(&mut root, "soak", problems);
    let deadline = read_duration(&mut root, "deadline", problems);
    let restart = read_restart(&mut root, problems);
    let template = root.string("template", problems);
    let template = template.and_then(|template| template.parse(problems, template_name));
    let files = read_files(&mut root, path, problems);
    let run = read_run(&mut root, &written, problems);
    let keys = fields::KEYS.iter();
    let keys = keys.filter_map(|key| Some((*key, root.get(key)?.key_spot)));
    let keys = keys.collect();
    root.finish(problems);
    ServiceFile {
        name,
        path: path.to_owned(),
        keys,
        image,
        port,
        unread_port,
        publish,
        networks,
        aliases,
        needs,
        after,
        vars,
        env,
        secrets,
        files,
        volume_targets,
        health,
        swap,
        replace,
        container,
        stateful: stateful.is_some_and(|stateful| stateful.value),
        max_down,
        batch,
        soak,
        deadline,
        restart,
        template,
        run,
        from,
        written,
    }
}

/// A variable's name, or a pattern with `*` for any letters.
fn pattern_shape(text: &str) -> Shape<String> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"_*.-".contains(&b);
    if !text.is_empty() && text.bytes().all(inner) {
        Ok(text.to_owned())
    } else {
        Err(Misfit::new(
            "a variable's name or a pattern such as `EXTERNAL_*`",
        ))
    }
}

/// The name of a file in `templates/`.
fn template_name(text: &str) -> Shape<String> {
    if text.contains('/') {
        let name = text.rsplit('/').next().unwrap_or_default();
        return Err(Misfit::help(
            "the name of a file in `templates/`",
            format!("write `template = {name:?}`"),
        ));
    }
    shape::text::line(text)
}

fn read_image(root: &mut Table<'_>, problems: &mut Problems) -> Option<Image> {
    let written = root.get("image");
    let image = match &written {
        Some(item) => item
            .string(problems)
            .and_then(|image| image.parse(problems, shape::image::image)),
        // The other file says that it has none.
        None if root.get("from").is_some() => None,
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
    let parse = |item: &Item<'_>, shape: fn(&str) -> Shape<String>, problems: &mut _| {
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
            // The digest alone decides; not every podman takes both.
            if let Some((tag, digest)) = tag.split_once('@') {
                let digits = digest.trim_start_matches("sha256:");
                let short: String = digits.chars().take(12).collect();
                return Some(Image {
                    reference: format!("{}@{digest}", image?.value),
                    version: format!("{tag}@{short}"),
                    moving: false,
                });
            }
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
            // An image with its tag inside was reported already, and so is another file without one.
            if let Some(image) = image.filter(|_| root.get("from").is_none()) {
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

/// Reads what [`fields`] says of the container.
fn read_container(
    root: &mut Table<'_>,
    port: Option<&At<u16>>,
    problems: &mut Problems,
) -> (Container, Vec<(String, Spot)>) {
    let mut container = Container {
        stop_timeout: STOP_TIMEOUT,
        ..Container::default()
    };
    for field in fields::SERVICE {
        read_field(field, root, &mut container, problems);
    }
    warn_of_words(root, problems);
    let mut targets = BTreeMap::new();
    let Volumes { arguments, made } = read_volumes(root, &mut targets, problems);
    (container.volumes, container.made) = (arguments, made);
    let mounted = targets.iter();
    let mounted = mounted.map(|(target, text)| (target.clone(), text.spot.clone()));
    let mounted = mounted.collect();
    container.tmpfs = read_tmpfs(root, &mut targets, problems);
    read_tables(root, &mut container, problems);
    let extra_args = root.strings("extra_args", problems);
    let networks = root.get("networks");
    let beside = extra_args::Beside {
        port: port.map(|port| port.value),
        has_networks: networks.is_some(),
        network: networks.as_ref().and_then(first_network),
    };
    let keys: BTreeSet<&str> = fields::KEYS
        .into_iter()
        .filter(|key| root.get(key).is_some())
        .collect();
    let written = |key: &str| keys.contains(key);
    extra_args::check(&extra_args, beside, &written, problems);
    container.extra_args = parse_all(extra_args, shape::text::argument, problems);
    (container, mounted)
}

/// Warns of an `entrypoint` with words: the engine looks for a program of this whole name. Seldom there is one.
fn warn_of_words(root: &mut Table<'_>, problems: &mut Problems) {
    let Some(item) = root.get("entrypoint").filter(|item| !item.borrowed) else {
        return;
    };
    let Some(text) = item.value.as_str().filter(|text| text.contains(' ')) else {
        return;
    };
    if let [program, words @ ..] = &words(text)[..] {
        problems.push(
            Diagnostic::warning(
                format!(
                    "{} is the name of one program, with its blanks",
                    quoted(text)
                ),
                item.spot.label("no words"),
            )
            .with_help(format!(
                "write `entrypoint = {}`, and the further words first in `command`: `command = {}`",
                toml_text(program),
                list(words)
            )),
        );
    }
}

/// Reads `publish`. `network` is the container's, where the file names one.
fn read_publish(
    root: &mut Table<'_>,
    network: Option<&str>,
    problems: &mut Problems,
) -> Option<Vec<At<Publish>>> {
    let item = root.get("publish")?;
    let entries = item.strings(problems);
    let entries: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry.parse(problems, publish))
        .collect();
    if let (Some("host" | "none"), Some(network), Some(first)) =
        (network, root.get("network"), entries.first())
    {
        let text = network.value.as_str().unwrap_or_default();
        let help = match text {
            "host" => "remove it: in the host's network the container takes its ports itself",
            _ => "remove it, or the line `network`",
        };
        problems.push(
            Diagnostic::error(
                format!("expected nothing in `publish` beside `network = \"{text}\"`, where nothing is published"),
                first.spot.label("has no effect"),
            )
            .with_related(network.spot.label("the network"))
            .with_help(help),
        );
    }
    Some(entries)
}

fn read_field(
    field: &Field,
    root: &mut Table<'_>,
    container: &mut Container,
    problems: &mut Problems,
) {
    let key = field.key;
    match field.reader {
        ReadAs::Text(shape, place) => {
            let text = root.string(key, problems);
            *place(container) = text.and_then(|text| Some(text.parse(problems, shape)?.value));
        }
        ReadAs::Number(shape, place) => *place(container) = read_number(root, key, shape, problems),
        ReadAs::Boolean(place) => {
            *place(container) = root.boolean(key, problems).is_some_and(|found| found.value);
        }
        ReadAs::Duration(place) => {
            let text = root.string(key, problems);
            if let Some(found) = text.and_then(|text| text.parse(problems, duration)) {
                *place(container) = found.value;
            }
        }
        ReadAs::List(shape, place) => {
            let texts = root.strings(key, problems);
            *place(container) = parse_all(texts, shape, problems);
        }
        ReadAs::Map(name, value, place) => {
            *place(container) = read_map(root, key, name, value, problems);
        }
        ReadAs::Own(_) => {}
    }
}

/// A number, or a text with one.
fn read_number(
    root: &mut Table<'_>,
    key: &'static str,
    shape: fn(&str) -> Shape<String>,
    problems: &mut Problems,
) -> Option<String> {
    let item = root.get(key)?;
    let text = match item.value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            item.mistyped("a number", problems);
            return None;
        }
    };
    Some(item.at(text).parse(problems, shape)?.value)
}

/// A table of texts under names of the user's choice; numbers are taken as they are written.
fn read_map(
    root: &mut Table<'_>,
    key: &'static str,
    name: fn(&str) -> Shape<String>,
    value: fn(&str) -> Shape<String>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    root.names(key, problems)
        .into_iter()
        .filter_map(|item| {
            let text = if let DeValue::Integer(number) = item.value {
                Some(item.at(number.to_string()))
            } else {
                item.string(problems)
            };
            let name = item.name().parse(problems, name);
            let text = text?.parse(problems, value);
            Some((name?.value, text?.value))
        })
        .collect()
}
