//! What a bump changes in files.

use super::palette::{Palette, paint};
use super::text::{ended, escape, list, pad, some, width};
use crate::cluster::bump::FileBump;
use crate::cluster::name::{ClusterName, ServiceName};
use crate::cluster::version::Bumped;

/// The line of a file that changes, as it was and as it is, and who goes along with it.
#[must_use]
pub fn change(bump: &FileBump, bumped: &Bumped, palette: &Palette) -> String {
    let place = format!("{}:{}", bump.path, bumped.line);
    let line = |style, sign: char, text: &str| paint(style, &format!("  {sign} {}", escape(text)));
    let mut lines = vec![
        paint(palette.strong, &escape(&place)),
        line(palette.removed, '-', &bumped.before),
        line(palette.added, '+', &bumped.after),
    ];
    if !bump.along.is_empty() {
        let word = if bump.along.len() == 1 { "gets" } else { "get" };
        lines.push(format!("  {} {word} it, too", list(&bump.along)));
    }
    ended(&lines)
}

/// The message of a commit: what, and why.
#[must_use]
pub fn message(cluster: &ClusterName, bumps: &[FileBump], why: Option<&str>) -> String {
    let subject = match bumps {
        [one] => format!(
            "Bump {} of {cluster} to {}",
            one.of,
            short(one.version.as_str())
        ),
        several => {
            let names = list(several.iter().map(|bump| &bump.of));
            format!("Bump {names} of {cluster}")
        }
    };
    let subject = match subject.chars().count() {
        0..=72 => subject,
        _ => format!("Bump {} services of {cluster}", bumps.len()),
    };
    let mut text = subject + "\n";
    if let Some(why) = why.map(str::trim).filter(|why| !why.is_empty()) {
        text += &format!("\n{why}\n");
    }
    text.push('\n');
    for FileBump {
        path: _,
        of,
        before,
        version,
        along,
        images: _,
    } in bumps
    {
        let along = match along.is_empty() {
            true => String::new(),
            false => format!(" (and {})", list(along)),
        };
        text += &format!("{of}: {before} -> {version}{along}\n");
    }
    text
}

/// A tag without the digits of its digest.
fn short(version: &str) -> &str {
    let end = version.find("sha256:").map(|at| at + "sha256:".len() + 12);
    end.and_then(|end| version.get(..end)).unwrap_or(version)
}

/// How many newer tags of a service are shown.
const SHOWN: usize = 5;

/// What is newer than the version of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewerTags<'a> {
    /// The service.
    pub service: &'a ServiceName,
    /// The version that it has.
    pub now: &'a str,
    /// What there is.
    pub found: FoundTags,
}

/// What a registry has for a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundTags {
    /// Newer versions, the newest first; perhaps none.
    Newer(Vec<String>),
    /// The tag of now is no version: nothing is newer than `latest`.
    NoVersion,
    /// A digest is written, and no tag.
    OnlyDigest,
    /// The registry does not say.
    Unknown,
}

/// A row a service: the version of now, and the newer ones.
#[must_use]
pub fn newer(cluster: &ClusterName, rows: &[NewerTags<'_>], palette: &Palette) -> String {
    if rows.is_empty() {
        return format!("no service of {cluster} says its version\n");
    }
    let cells = rows.iter().map(|row| {
        let found = match &row.found {
            FoundTags::Newer(tags) if tags.is_empty() => "none".to_owned(),
            FoundTags::Newer(tags) => some(tags, SHOWN),
            FoundTags::NoVersion => "unknown: that tag is no version".to_owned(),
            FoundTags::OnlyDigest => "unknown: no tag is written".to_owned(),
            FoundTags::Unknown => "unknown: the registry does not say".to_owned(),
        };
        [row.service.to_string(), escape(short(row.now)), found]
    });
    let head = ["SERVICE", "NOW", "NEWER"].map(str::to_owned);
    let cells: Vec<[String; 3]> = std::iter::once(head).chain(cells).collect();
    let widest = |column: usize| {
        let widths = cells.iter().map(|row| width(&row[column]));
        widths.max().unwrap_or_default()
    };
    let (first, second) = (widest(0), widest(1));
    let mut text = String::new();
    for (number, [service, now, found]) in cells.iter().enumerate() {
        let line = format!("{}  {}  {found}", pad(service, first), pad(now, second));
        let style = match number {
            0 => palette.dim,
            _ => anstyle::Style::new(),
        };
        text += &format!("{}\n", paint(style, &line));
    }
    text
}

/// What to type to go to the newest version of the first service that has one.
#[must_use]
pub fn next_bump(cluster: &ClusterName, rows: &[NewerTags<'_>]) -> Option<String> {
    rows.iter().find_map(|row| {
        let FoundTags::Newer(tags) = &row.found else {
            return None;
        };
        // A bump never loosens a pin.
        let digest = match row.now.contains('@') {
            true => " --digest",
            false => "",
        };
        let tag = tags.first()?;
        Some(format!(
            "bayplan bump {cluster} {}={tag}{digest}",
            row.service
        ))
    })
}

/// That a registry lacks a version.
#[must_use]
pub fn absent(image: &str, reference: &str) -> String {
    let what = match reference.starts_with("sha256:") {
        true => "an image",
        false => "a tag",
    };
    format!(
        "expected {what} `{}` of {image} in its registry, found none",
        short(reference)
    )
}

/// What to type where a version is to be written all the same.
#[must_use]
pub fn written_anyway(help: Option<&str>) -> String {
    let help = help.map_or_else(String::new, |help| format!("{help}; "));
    format!("{help}`--offline` writes it without asking")
}

/// That nothing is to change.
#[must_use]
pub fn nothing(cluster: &ClusterName, services: &[&ServiceName]) -> String {
    let word = if services.len() == 1 {
        "has that version"
    } else {
        "have those versions"
    };
    format!(
        "{} of {cluster} {word} already; nothing was written\n",
        list(services)
    )
}
