//! `configs` and `secrets` of a service.

use super::converter::Converter;
use super::draft::{Draft, Toml};
use super::told::{Keys, ToldLines};
use super::yaml::YamlNode;
use super::{FoundPath, RepositoryFile, paths, units};

/// `configs` or `secrets` of a service.
pub(super) fn objects(
    converter: &mut Converter<'_, '_>,
    path: &str,
    node: &YamlNode,
    draft: &mut Draft,
    top: &str,
) {
    for item in node.items() {
        let (source, target, mode, owner) = match item.text() {
            Some(name) => (name, None, None, None),
            None => {
                let told = converter.told();
                let mut keys = Keys::new(path, item, told);
                let mut text =
                    |name: &str, told: &mut ToldLines| keys.text(name, told).map(|(text, _)| text);
                let source = text("source", told).unwrap_or_default();
                let (target, mode) = (text("target", told), text("mode", told));
                let owner = match (text("uid", told), text("gid", told)) {
                    (None, None) => None,
                    (uid, gid) => {
                        let or = |text: Option<String>| text.unwrap_or_else(|| "0".to_owned());
                        Some(format!("{}:{}", or(uid), or(gid)))
                    }
                };
                keys.finish(told);
                (source, target, mode, owner)
            }
        };
        let kind = top.trim_start_matches('/');
        let described = converter
            .project
            .root
            .get(kind)
            .and_then(|all| all.get(&source))
            .cloned();
        let Some(bytes) = content(converter, path, item, described.as_ref(), &source) else {
            continue;
        };
        match kind {
            "secrets" => secret(
                converter,
                path,
                item,
                draft,
                (&source, target),
                bytes,
                mode.is_some() || owner.is_some(),
            ),
            _ => {
                let target = target.unwrap_or_else(|| format!("/{source}"));
                let name = paths::file_name(&target).to_owned();
                let mut table = vec![("from", Toml::text(&name))];
                table.extend(owner.map(|owner| ("owner", Toml::Text(owner))));
                if let Some(mode) = mode {
                    table.push(("mode", Toml::Text(units::mode(&mode))));
                }
                let value = match table.len() {
                    1 => Toml::text(&name),
                    _ => Toml::Table(table),
                };
                let file = RepositoryFile {
                    bytes,
                    executable: false,
                };
                converter
                    .files
                    .insert(format!("{}/{name}", draft.name), file);
                draft.file(&target, value, &item.spot);
            }
        }
    }
}

/// What a config or a secret of the project holds; none, which is told, where it is not known.
fn content(
    converter: &mut Converter<'_, '_>,
    path: &str,
    item: &YamlNode,
    described: Option<&YamlNode>,
    source: &str,
) -> Option<Vec<u8>> {
    let field = |name: &str| {
        described
            .and_then(|node| node.get(name))
            .and_then(YamlNode::text)
    };
    if let Some(text) = field("content") {
        return Some(text.into_bytes());
    }
    if let Some(name) = field("environment") {
        if let Some(value) = converter.project.environment.get(&name) {
            return Some(value.clone().into_bytes());
        }
        let why = format!("{source}: the environment has no `{name}`");
        converter.told().not(&item.spot, path, why);
        return None;
    }
    let Some(file) = field("file") else {
        let why = format!("{source}: it is not described in this project");
        converter.told().not(&item.spot, path, why);
        return None;
    };
    let base = described.map_or(&item.spot.file.base, |node| &node.spot.file.base);
    let full = paths::absolute(base, &file);
    match (converter.loader.input.read)(&full) {
        FoundPath::File { bytes, .. } => Some(bytes),
        FoundPath::Directory(_) | FoundPath::Absent | FoundPath::Unreadable(_) => {
            let why = format!("{source}: there is no file {file}");
            converter.told().not(&item.spot, path, why);
            None
        }
    }
}

fn secret(
    converter: &mut Converter<'_, '_>,
    path: &str,
    item: &YamlNode,
    draft: &mut Draft,
    (source, target): (&str, Option<String>),
    bytes: Vec<u8>,
    has_rights: bool,
) {
    if has_rights {
        let why = "its mode is 0444, in a directory that only root enters; a file of `[files]` with `template = true` has `mode` and `owner`";
        converter
            .told()
            .not(&item.spot, path, format!("{source}: {why}"));
    }
    if bytes.is_empty() {
        let why = format!("{source}: it is empty");
        converter.told().not(&item.spot, path, why);
        return;
    }
    let mut table = vec![("name", Toml::text(source)), ("as", Toml::text("file"))];
    if let Some(target) = target.filter(|target| target != source) {
        let target = match target.starts_with('/') {
            true => target,
            false => format!("/run/secrets/{target}"),
        };
        table.push(("path", Toml::Text(target)));
    }
    converter.secrets.insert(source.to_owned(), bytes);
    draft.add("secrets", Toml::Table(table), &item.spot);
}
