//! What a bump changes in files.

use super::palette::{Palette, paint};
use super::text::{ended, escape, list};
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
