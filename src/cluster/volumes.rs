//! Reads `volumes` of a service: texts as docker has them, and tables, whose directories are made where they are absent.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::config_files::{owner_shape, read_mode};
use super::diagnostic::{Diagnostic, quoted};
use super::foreign;
use super::model::{FileMode, MadeDirectory};
use super::read::{At, Item, Misfit, Problems, Table, TableKind};
use super::shape::container::{directory_to_make, volume};

const VOLUME: TableKind = TableKind {
    what: "a volume",
    keys: &["source", "target", "owner", "mode", "read_only", "options"],
    foreign: foreign::VOLUME,
};

/// The permissions of a directory that is made where nobody says them.
const MODE: FileMode = FileMode(0o755);

/// What `volumes` says.
pub(super) struct Volumes {
    /// Each as `source:target[:options]`.
    pub arguments: Vec<String>,
    /// What is made where it is absent.
    pub made: Vec<MadeDirectory>,
}

/// Reads `volumes`. `targets` gets where each is mounted.
pub(super) fn read_volumes(
    root: &mut Table<'_>,
    targets: &mut BTreeMap<String, At<String>>,
    problems: &mut Problems,
) -> Volumes {
    let mut volumes = Volumes {
        arguments: Vec::new(),
        made: Vec::new(),
    };
    let all = root.get("volumes");
    let items = all.map(|all| all.items("a list of strings and tables", problems));
    for item in items.into_iter().flatten() {
        let (text, made) = match item.value {
            DeValue::String(text) => (Some(item.at(text.to_string())), None),
            DeValue::Table(_) => read_table(&item, problems),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                item.mistyped("strings and tables", problems);
                continue;
            }
        };
        let Some(text) = text else {
            continue;
        };
        let Some(parsed) = text.parse(problems, volume) else {
            continue;
        };
        let (argument, target) = parsed.value;
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
        if let Some(made) = made {
            made_otherwise(&volumes.made, &made, &item, problems);
            volumes.made.push(made);
        }
        volumes.arguments.push(argument);
    }
    volumes
}

/// A table as a text, and what is made.
fn read_table(
    item: &Item<'_>,
    problems: &mut Problems,
) -> (Option<At<String>>, Option<MadeDirectory>) {
    let Some(mut table) = item.table(&VOLUME, problems) else {
        return (None, None);
    };
    let mut required = |key: &'static str, problems: &mut Problems| {
        if table.get(key).is_none() {
            problems.push(
                Diagnostic::error(
                    format!("expected `{key}` of a volume, found none"),
                    item.spot.label(""),
                )
                .with_help("write `{ source = \"/srv/data\", target = \"/data\" }`"),
            );
        }
        table.string(key, problems)
    };
    let source = required("source", problems);
    let target = required("target", problems);
    let owner_item = table.get("owner");
    let mode_item = table.get("mode");
    let owner = table.string("owner", problems);
    let owner = owner.and_then(|owner| owner.parse(problems, owner_shape));
    let mode = mode_item
        .as_ref()
        .and_then(|item| read_mode(item, problems));
    let read_only = table.boolean("read_only", problems);
    let options = table.string("options", problems);
    table.finish(problems);
    let (Some(source), Some(target)) = (source, target) else {
        return (None, None);
    };
    // In a text they would be parts of it.
    for part in [&source, &target] {
        if part.value.contains(':') {
            let misfit = Misfit::new("a path without `:`");
            part.parse::<()>(problems, |_| Err(misfit));
            return (None, None);
        }
    }
    let read_only = read_only.is_some_and(|read_only| read_only.value);
    let options: Vec<&str> = read_only
        .then_some("ro")
        .into_iter()
        .chain(options.as_ref().map(|options| options.value.as_str()))
        .collect();
    let text = match options.as_slice() {
        [] => format!("{}:{}", source.value, target.value),
        options => format!("{}:{}:{}", source.value, target.value, options.join(",")),
    };
    let text = item.at(text);
    if !source.value.starts_with('/') {
        for key in [owner_item, mode_item].into_iter().flatten() {
            problems.push(
                Diagnostic::error(
                    format!("`{}` is for a directory of the host, and {} is a volume's name", key.key, quoted(&source.value)),
                    key.key_spot.label("the engine decides"),
                )
                .with_related(source.spot.label("a volume of the engine"))
                .with_help("remove it: the engine gives a new volume what the image has there, with its owner; or write a path as `source`"),
            );
        }
        return (Some(text), None);
    }
    let Some(path) = source.parse(problems, directory_to_make) else {
        return (None, None);
    };
    let made = MadeDirectory {
        path: path.value,
        owner: owner.map(|owner| owner.value).unwrap_or_default(),
        mode: mode.unwrap_or(MODE),
    };
    (Some(text), Some(made))
}

/// Reports a directory that two entries make in two ways.
fn made_otherwise(
    before: &[MadeDirectory],
    made: &MadeDirectory,
    item: &Item<'_>,
    problems: &mut Problems,
) {
    let mut before = before.iter();
    if before.any(|other| other.path == made.path && other != made) {
        problems.push(
            Diagnostic::error(
                format!("{} is made in two ways", quoted(&made.path)),
                item.spot.label("another owner or mode"),
            )
            .with_help("write the same `owner` and `mode` in both"),
        );
    }
}
