//! The shapes of what names an image.

use std::net::IpAddr;

use super::text::Shape;
use crate::cluster::read::Misfit;

/// What docker calls its own registry: that of images which name none.
pub const DOCKER_HUB: &str = "docker.io";

/// Tags that are moved from one image to the next by habit. Only such references are pulled again
/// when an image of that name is already there. A tag that looks like a version never is, and a
/// digest cannot be.
pub(in crate::cluster) const MOVING_TAGS: [&str; 9] = [
    "latest", "stable", "edge", "main", "master", "nightly", "dev", "canary", "next",
];

/// An image's name without tag and digest, by the grammar of `distribution/reference`.
pub(in crate::cluster) fn image(text: &str) -> Shape<String> {
    if let Some((name, digest)) = text.split_once('@') {
        return Err(Misfit::help(
            "an image without its digest",
            format!("write `image = {name:?}` and `digest = {digest:?}`"),
        ));
    }
    if let Some((_, name)) = text.split_once("://") {
        return Err(Misfit::help(
            "an image without `https://`",
            format!("write `image = {name:?}`"),
        ));
    }
    let (domain, path) = registry_and_path(text);
    if let Some((name, tag)) = path.rsplit_once(':') {
        let start = text.len() - path.len();
        return Err(Misfit::help(
            "an image without its tag",
            format!(
                "write `image = \"{}{name}\"` and `tag = {tag:?}`",
                &text[..start]
            ),
        ));
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) && domain.is_none_or(is_registry) {
        let lower = text.to_ascii_lowercase();
        return Err(Misfit::help(
            "an image in lower case",
            format!("did you mean `{lower}`?"),
        ));
    }
    let valid = text.len() <= 255
        && domain.is_none_or(is_registry)
        && path.split('/').all(is_path_component);
    if !valid {
        return Err(Misfit::new(
            "an image such as `registry.example.com/search`",
        ));
    }
    Ok(text.to_owned())
}

/// The registry that a reference of an image names, if it does, and the rest, by the grammar of `distribution/reference`.
#[must_use]
pub fn registry_and_path(reference: &str) -> (Option<&str>, &str) {
    match reference.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
            (Some(first), rest)
        }
        Some(_) | None => (None, reference),
    }
}

/// The address of a registry that is named by one, with a port or without.
#[must_use]
pub fn registry_address(registry: &str) -> Option<IpAddr> {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    host.trim_matches(['[', ']']).parse().ok()
}

/// A registry's host with an optional port.
fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "80"));
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && port.parse::<u16>().is_ok()
}

/// `[a-z0-9]+` joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    edge(bytes.first())
        && edge(bytes.last())
        && separators
            .into_iter()
            .all(|s| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

/// A tag: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`, or a tag and a digest with `@` between.
pub(in crate::cluster) fn tag(text: &str) -> Shape<String> {
    const EXPECTED: &str = "a tag such as `1.4.2`";
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let valid = |text: &str| {
        (1..=128).contains(&text.len()) && text.chars().all(inner) && !text.starts_with(['.', '-'])
    };
    if valid(text) {
        return Ok(text.to_owned());
    }
    if let Some((tag, found)) = text.split_once('@') {
        if valid(tag) {
            return digest(found).map(|digest| format!("{tag}@{digest}"));
        }
        if tag.is_empty() && digest(found).is_ok() {
            return Err(Misfit::help(
                EXPECTED,
                format!("write `digest = {found:?}` instead"),
            ));
        }
    }
    // `:1.0`, `web:1.0`
    let after = text.rsplit(':').next().unwrap_or_default();
    let changed: String = after
        .trim()
        .chars()
        .map(|c| if inner(c) { c } else { '-' })
        .collect();
    let plus = after.contains('+') && after.chars().all(|c| inner(c) || c == '+');
    Err(match valid(&changed) && (plus || changed == after.trim()) {
        true if after.contains('+') => Misfit::help(
            "a tag without `+`, which no registry has",
            format!("write `tag = {changed:?}`, if the image was pushed so"),
        ),
        true => Misfit::help(EXPECTED, format!("write `tag = {changed:?}`")),
        false => Misfit::new(EXPECTED),
    })
}

/// An image's digest: `sha256:` and 64 lower-case hexadecimal digits.
pub(in crate::cluster) fn digest(text: &str) -> Shape<String> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    match text.strip_prefix("sha256:") {
        Some(digits) if digits.len() == 64 && digits.bytes().all(hex) => Ok(text.to_owned()),
        _ => {
            let lower = text.trim().to_ascii_lowercase();
            let digits = lower.strip_prefix("sha256:").unwrap_or(&lower);
            let whole = digits.len() == 64 && digits.bytes().all(hex);
            Err(Misfit {
                expected: "`sha256:` and 64 hexadecimal digits".to_owned(),
                help: whole.then(|| format!("write `digest = \"sha256:{digits}\"`")),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::takes;
    use super::*;

    #[test]
    fn images_follow_the_reference_grammar() {
        takes(
            image,
            &[
                "nginx",
                "a/b",
                "registry.example.com/a-b/c__d",
                "localhost:5000/x",
                "10.77.0.1:5000/a",
            ],
            &[
                "",
                "Nginx",
                "a:1",
                "a@sha256:0",
                "a//b",
                "-a",
                "a_",
                "a___b",
                "a b",
                "x.y:port/z",
                "é",
            ],
        );
        let both = |tag: &str| format!("{tag}@sha256:{}", "0a".repeat(32));
        takes(
            tag,
            &["1.4.2", "v1", "_a", &both("1.4.2")],
            &[
                "",
                ".a",
                "-a",
                "a b",
                "a:b",
                &both(""),
                &both("a b"),
                "1@sha256:0",
            ],
        );
    }
}
