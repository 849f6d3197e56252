//! What `init` made, as text.

use std::path::Path;

use super::palette::{Palette, paint};
use super::plan_end::next;
use super::text::{escape, shell_word};

/// The files, and what to type next.
#[must_use]
pub fn text(directory: &Path, paths: &[&str], palette: &Palette) -> String {
    files(directory, paths, palette) + &go_on(directory, "local", palette)
}

/// The files.
#[must_use]
pub fn files(directory: &Path, paths: &[&str], palette: &Palette) -> String {
    let directory = directory.display().to_string();
    let mut text = String::new();
    for path in paths {
        let path = match directory.as_str() {
            "." => (*path).to_owned(),
            other => format!("{}/{path}", other.trim_end_matches('/')),
        };
        text += &paint(palette.added, &format!("+ {}", escape(&path)));
        text.push('\n');
    }
    text
}

/// What to type next.
#[must_use]
pub fn go_on(directory: &Path, cluster: &str, palette: &Palette) -> String {
    let directory = directory.display().to_string();
    let go = match directory.as_str() {
        "." => String::new(),
        other => format!("cd {} && ", shell_word(other)),
    };
    let command = format!("{go}bayplan check && bayplan release {cluster}");
    next(&command, palette)
}

/// What a file that stays as it is may lack.
#[must_use]
pub fn missing(path: &str) -> &'static str {
    match path {
        ".gitignore" => ": add the line `/hosts/`, the directories of the cluster `local`",
        _ => "",
    }
}
