//! What is mounted into a container: `volumes`, `tmpfs`, `configs` and `secrets` of a service.

use std::collections::BTreeSet;

use super::cluster::{external_name, is_external};
use super::converter::Converter;
use super::draft::{Draft, Toml};
use super::objects::objects;
use super::project::Project;
use super::told::{Keys, ToldLines};
use super::units::{self, size};
use super::yaml::{YamlKey, YamlNode, YamlValue};
use super::{FoundFile, FoundPath, RepositoryFile, paths};

/// The largest directory of configuration that is copied.
const COPIED_MAX: usize = 8 << 20;

/// Files that programs write.
const WRITTEN: [&str; 8] = [
    "acme.json",
    ".db",
    ".sqlite",
    ".sqlite3",
    ".log",
    ".pid",
    ".sock",
    ".lock",
];

/// Paths of the host that are there before any container.
const OF_THE_SYSTEM: [&str; 12] = [
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/proc",
    "/run",
    "/sys",
    "/tmp",
    "/usr",
    "/var/lib/docker",
    "/var/log",
    "/var/run",
];

/// A mount, in the parts that compose has.
struct Mount<'a> {
    kind: String,
    source: String,
    target: String,
    read_only: bool,
    /// Of the engine: `z`, `nocopy`, `rslave`.
    options: Vec<String>,
    /// Whether compose makes a directory that is absent.
    makes: bool,
    node: &'a YamlNode,
    path: String,
}

pub(super) fn read(converter: &mut Converter<'_, '_>, keys: &mut Keys<'_>, draft: &mut Draft) {
    for (text, node) in keys.texts("tmpfs", converter.told()) {
        draft.add("tmpfs", Toml::Text(text), &node.spot);
    }
    if let Some(node) = keys.take("volumes") {
        let path = keys.key("volumes");
        let mounts = match &node.value {
            YamlValue::List(items) => items
                .iter()
                .filter_map(|item| mount(converter.told(), &path, item))
                .collect(),
            YamlValue::Null | YamlValue::Text(_) | YamlValue::Map(_) => {
                let why = format!("expected a list, found {}", node.kind());
                converter.told().not(&node.spot, &path, why);
                Vec::new()
            }
        };
        let targets: Vec<String> = mounts
            .iter()
            .map(|one: &Mount<'_>| one.target.clone())
            .collect();
        for mount in mounts {
            put(converter, draft, &mount, &targets);
        }
        let base = node.spot.file.base.clone();
        for (paths, why) in [
            (
                std::mem::take(&mut converter.stays),
                format!(
                    "mounted from where it is, below {base} on this machine; files that belong to the description are `[files]`"
                ),
            ),
            (
                std::mem::take(&mut converter.read_only),
                "copied to the repository, and read-only in the container".to_owned(),
            ),
        ] {
            if !paths.is_empty() {
                converter.told().otherwise(
                    &node.spot,
                    &path,
                    format!("{}: {why}", paths.join(", ")),
                );
            }
        }
    }
    for (key, what) in [("configs", "/configs"), ("secrets", "/secrets")] {
        if let Some(node) = keys.take(key) {
            objects(converter, &keys.key(key), node, draft, what);
        }
    }
}

/// An entry of `volumes`.
fn mount<'a>(told: &mut ToldLines, path: &str, item: &'a YamlNode) -> Option<Mount<'a>> {
    if let Some(text) = item.text() {
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, options) = match parts[..] {
            [target] => ("", target, ""),
            [source, target] => (source, target, ""),
            [source, target, options] => (source, target, options),
            _ => {
                let why = format!("expected `source:target:options`, found `{text}`");
                told.not(&item.spot, path, why);
                return None;
            }
        };
        let is_path = source.starts_with(['.', '/', '~']);
        let mut options: Vec<String> = options.split(',').map(str::to_owned).collect();
        let read_only = options.iter().any(|option| option == "ro");
        // What compose takes and the engine means anyhow.
        options.retain(|option| {
            !["", "ro", "rw", "cached", "delegated", "consistent"].contains(&option.as_str())
        });
        return Some(Mount {
            kind: if is_path { "bind" } else { "volume" }.to_owned(),
            source: source.to_owned(),
            target: target.to_owned(),
            read_only,
            options,
            makes: is_path,
            node: item,
            path: path.to_owned(),
        });
    }
    let mut keys = Keys::new(path, item, told);
    let mut text = |name: &str, told: &mut ToldLines| {
        keys.text(name, told)
            .map(|(text, _)| text)
            .unwrap_or_default()
    };
    let (kind, source, target) = (
        text("type", told),
        text("source", told),
        text("target", told),
    );
    let mut mount = Mount {
        kind,
        source,
        target,
        read_only: keys.boolean("read_only", told) == Some(true),
        options: Vec::new(),
        makes: false,
        node: item,
        path: path.to_owned(),
    };
    if let Some(bind) = keys.take("bind") {
        let mut bind = Keys::new(keys.key("bind"), bind, told);
        mount.makes = bind.boolean("create_host_path", told) == Some(true);
        mount
            .options
            .extend(bind.text("propagation", told).map(|(text, _)| text));
        mount
            .options
            .extend(bind.text("selinux", told).map(|(text, _)| text));
        bind.finish(told);
    }
    if let Some(volume) = keys.take("volume") {
        let mut volume = Keys::new(keys.key("volume"), volume, told);
        if volume.boolean("nocopy", told) == Some(true) {
            mount.options.push("nocopy".to_owned());
        }
        volume.finish(told);
    }
    let mut tmpfs = Vec::new();
    if let Some(node) = keys.take("tmpfs") {
        let mut table = Keys::new(keys.key("tmpfs"), node, told);
        if let Some((bytes, node)) = table.text("size", told) {
            match size(&bytes) {
                Some(size) => tmpfs.push(format!("size={size}")),
                None => told.not(
                    &node.spot,
                    &table.key("size"),
                    "expected a size such as `64m`",
                ),
            }
        }
        if let Some((mode, _)) = table.text("mode", told) {
            tmpfs.push(format!("mode={}", units::mode(&mode)));
        }
        table.finish(told);
    }
    keys.finish(told);
    if mount.kind == "tmpfs" {
        mount.options = tmpfs;
    }
    Some(mount)
}

/// Writes a mount as what it is here.
fn put(
    converter: &mut Converter<'_, '_>,
    draft: &mut Draft,
    mount: &Mount<'_>,
    targets: &[String],
) {
    let spot = &mount.node.spot;
    match mount.kind.as_str() {
        "tmpfs" => {
            let text = match mount.options.is_empty() {
                true => mount.target.clone(),
                false => format!("{}:{}", mount.target, mount.options.join(",")),
            };
            draft.add("tmpfs", Toml::Text(text), spot);
        }
        "volume" => volume(converter, draft, mount),
        "bind" | "npipe" => bind(converter, draft, mount, targets),
        other => {
            let why = format!("type {other}: not every engine has it");
            converter.told().not(spot, &mount.path, why);
        }
    }
}

/// A volume of the engine, by the name that it has on the disk.
fn volume(converter: &mut Converter<'_, '_>, draft: &mut Draft, mount: &Mount<'_>) {
    let project = &converter.project.name;
    let spot = &mount.node.spot;
    if mount.source.is_empty() {
        let part: String = mount
            .target
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let name = format!("{project}_{}{part}", draft.name);
        let why = format!(
            "{}: a volume without a name is not found again; here it is `{name}`, an empty one",
            mount.target
        );
        let text = written(&name, mount);
        draft.add("volumes", Toml::Text(text), spot);
        let path = mount.path.clone();
        converter.told().otherwise(spot, &path, why);
        return;
    }
    let described = converter
        .project
        .root
        .get("volumes")
        .and_then(|all| all.get(&mount.source));
    let name = match described.and_then(external_name) {
        Some(name) => name,
        None if described.is_some_and(is_external) => mount.source.clone(),
        None => format!("{project}_{}", mount.source),
    };
    let text = written(&name, mount);
    draft.add("volumes", Toml::Text(text), spot);
}

fn written(source: &str, mount: &Mount<'_>) -> String {
    let mut options = Vec::new();
    if mount.read_only {
        options.push("ro".to_owned());
    }
    options.extend(mount.options.iter().cloned());
    match options.is_empty() {
        true => format!("{source}:{}", mount.target),
        false => format!("{source}:{}:{}", mount.target, options.join(",")),
    }
}

/// The source of a mount of a path, as it is meant and from the root on.
fn source_path(project: &Project, mount: &Mount<'_>) -> (String, String) {
    let home = project.environment.get("HOME");
    let source = match (mount.source.strip_prefix('~'), home) {
        (Some(rest), Some(home)) => format!("{home}{rest}"),
        _ => mount.source.clone(),
    };
    let full = paths::absolute(&mount.node.spot.file.base, &source);
    (source, full)
}

/// The directories that a service may write: what is in them is data, also for those that only read it.
pub(super) fn written_directories(
    taken: &[(YamlKey, YamlNode)],
    project: &Project,
    read: &dyn Fn(&str) -> FoundPath,
) -> BTreeSet<String> {
    let mut written = BTreeSet::new();
    // It is told where each is read.
    let mut told = ToldLines::default();
    for (_, service) in taken {
        let Some(YamlValue::List(items)) = service.get("volumes").map(|node| &node.value) else {
            continue;
        };
        for item in items {
            let Some(mount) = mount(&mut told, "", item) else {
                continue;
            };
            let (_, full) = source_path(project, &mount);
            if mount.kind == "bind"
                && !mount.read_only
                && !matches!(read(&full), FoundPath::File { .. })
            {
                written.insert(full);
            }
        }
    }
    written
}

/// A path: a file of the project goes to the repository, another one is named whole.
fn bind(
    converter: &mut Converter<'_, '_>,
    draft: &mut Draft,
    mount: &Mount<'_>,
    targets: &[String],
) {
    let spot = mount.node.spot.clone();
    let base = &spot.file.base;
    let (source, full) = source_path(converter.project, mount);
    let is_own = full.starts_with(&format!("{}/", base.trim_end_matches('/')));
    let is_relative = !source.starts_with('/') || is_own;
    let inside = |path: &str, other: &str| path.starts_with(&format!("{other}/"));
    let is_data = converter
        .written
        .iter()
        .any(|other| full == *other || inside(&full, other) || inside(other, &full));
    let found = (converter.loader.input.read)(&full);
    let is_file = matches!(found, FoundPath::File { .. }) || full == "/";
    if is_relative && mount.options.is_empty() && !is_data {
        match found {
            FoundPath::File { bytes, executable } if !is_written(mount) => {
                let file = RepositoryFile { bytes, executable };
                copy_file(converter, draft, mount, &full, file);
                return;
            }
            FoundPath::Directory(Ok(files)) if mount.read_only && fits(&files, mount, targets) => {
                copy_directory(converter, draft, mount, &full, files);
                return;
            }
            FoundPath::Directory(_)
            | FoundPath::Absent
            | FoundPath::File { .. }
            | FoundPath::Unreadable(_) => {}
        }
    }
    if is_relative {
        converter.stays.push(mount.source.clone());
    }
    let is_system = OF_THE_SYSTEM
        .iter()
        .any(|path| full == *path || full.starts_with(&format!("{path}/")));
    let looks_so = paths::file_name(&full)
        .trim_start_matches('.')
        .contains('.');
    let is_outside = is_system || looks_so;
    if !mount.makes || is_file || (is_outside && !is_relative) {
        draft.add("volumes", Toml::Text(written(&full, mount)), &spot);
        return;
    }
    let mut table = vec![
        ("source", Toml::text(full)),
        ("target", Toml::text(&mount.target)),
    ];
    if mount.read_only {
        table.push(("read_only", Toml::Bare("true".to_owned())));
    }
    if !mount.options.is_empty() {
        table.push(("options", Toml::Text(mount.options.join(","))));
    }
    draft.add("volumes", Toml::Table(table), &spot);
}

/// Whether a program is likely to write this file.
fn is_written(mount: &Mount<'_>) -> bool {
    !mount.read_only && WRITTEN.iter().any(|ending| mount.source.ends_with(ending))
}

/// Whether a directory can be files of the repository: nothing is mounted into it, and it is not too much.
fn fits(files: &[FoundFile], mount: &Mount<'_>, targets: &[String]) -> bool {
    let inside = format!("{}/", mount.target.trim_end_matches('/'));
    !files.is_empty()
        && !targets.iter().any(|target| target.starts_with(&inside))
        && files.iter().map(|file| file.bytes.len()).sum::<usize>() <= COPIED_MAX
        && files.iter().all(|file| {
            let is_part = |part: &str| {
                !part.starts_with('.')
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._-+@".contains(&b))
            };
            // Permissions are those of the whole directory.
            file.executable == files[0].executable && file.name.split('/').all(is_part)
        })
}

/// The name of a copy: that of the file, unless another one has it.
fn name_of_copy(
    converter: &Converter<'_, '_>,
    service: &str,
    full: &str,
    base: &str,
    bytes: &[u8],
) -> String {
    let inside = full.strip_prefix(base).unwrap_or(paths::file_name(full));
    let inside = inside.trim_start_matches('/');
    let plain = |part: &str| -> String {
        let inner = |c: char| {
            if c.is_ascii_alphanumeric() || "._-+@".contains(c) {
                c
            } else {
                '-'
            }
        };
        part.chars()
            .map(inner)
            .collect::<String>()
            .trim_start_matches('.')
            .to_owned()
    };
    let parts: Vec<String> = inside
        .split('/')
        .map(plain)
        .filter(|part| !part.is_empty())
        .collect();
    let last = parts.last().cloned().unwrap_or_else(|| "file".to_owned());
    let path = |name: &str| format!("{service}/{name}");
    match converter.files.get(&path(&last)) {
        Some(other) if other.bytes != bytes => parts.join("/"),
        _ => last,
    }
}

fn copy_file(
    converter: &mut Converter<'_, '_>,
    draft: &mut Draft,
    mount: &Mount<'_>,
    full: &str,
    file: RepositoryFile,
) {
    let base = mount.node.spot.file.base.clone();
    let name = name_of_copy(converter, &draft.name, full, &base, &file.bytes);
    let value = copied(&name, file.executable);
    let path = format!("{}/{name}", draft.name);
    converter.files.insert(path, file);
    draft.file(mount.target.trim_end_matches('/'), value, &mount.node.spot);
    if !mount.read_only {
        converter.read_only.push(mount.source.clone());
    }
}

fn copy_directory(
    converter: &mut Converter<'_, '_>,
    draft: &mut Draft,
    mount: &Mount<'_>,
    full: &str,
    files: Vec<FoundFile>,
) {
    let base = mount.node.spot.file.base.clone();
    let name = name_of_copy(converter, &draft.name, full, &base, &[]);
    let from = format!("{name}/");
    let value = copied(&from, files.first().is_some_and(|file| file.executable));
    for file in files {
        let path = format!("{}/{name}/{}", draft.name, file.name);
        converter.files.insert(
            path,
            RepositoryFile {
                bytes: file.bytes,
                executable: file.executable,
            },
        );
    }
    draft.file(mount.target.trim_end_matches('/'), value, &mount.node.spot);
}

/// The value of a line of `[files]` for a copy.
fn copied(from: &str, executable: bool) -> Toml {
    match executable {
        true => Toml::Table(vec![
            ("from", Toml::text(from)),
            ("mode", Toml::text("0755")),
        ]),
        false => Toml::text(from),
    }
}
